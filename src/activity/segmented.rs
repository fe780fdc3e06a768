//! One question asked of every segment, and the answers side by side.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::Activity;
use super::segments::{NO_SEGMENT, Split, order};
use crate::error::Result;
use crate::frame::{ToFrame, write};

/// The answers to one question, segment by segment: what [`Split::each`] gives.
///
/// They stand in alphabetical order of the segments; last, under `None`, the answer for the actors without one, if any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(Option<String>, A)>", bound(deserialize = "A: Deserialize<'de>"))]
pub struct Segmented<A>(Vec<(Option<String>, A)>);

/// # Analyses
impl Split {
    /// Asks every part the same question, one after the other: each analysis works on all processors by itself.
    ///
    /// ```text
    /// answer(segment) = question(the activity of the actors of the segment)
    /// ```
    ///
    /// Every actor is in exactly one part, so counts of actors, active days and events add up to those of the whole
    /// activity: active users of every window, lifecycle, daily states and the moves between them, power curve, sizes
    /// and retained members of cohorts, and the naive side of a programme's impact. Actors without a segment are among
    /// them, and however many segments there are none is left out or put together with others. Rates, ratios and means
    /// do not add up, and neither does what a programme did: each part compares its participants with its own people.
    /// Accounts do not add up where users of several segments share one.
    ///
    /// Every part has the observation of the whole, so all answers have the same periods and the same coverage, and all
    /// its features, so [`adoption`](Activity::adoption) has the same rows. What is available to
    /// [`breadth`](Activity::breadth) is what the segment itself was seen to use: name the features, as with
    /// `BreadthOptions::new(Period::Month).available(part.features())`, to divide by the same number in every part.
    /// What a segment can be, and what not, is told at [`Activity::split_by`].
    ///
    /// A table that is laid beside the parts is not divided with them. Cohorts of a table, asked with
    /// [`retention_of`](Activity::retention_of) or [`value_retention_of`](Activity::value_retention_of), would have the
    /// members of all segments in every part: ask them with [`each_of`](Self::each_of).
    ///
    /// # Errors
    ///
    /// The first error that the question ends in.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, EventColumns, SegmentColumns, Window, date};
    /// use attrition::polars::prelude::*;
    ///
    /// // 2024-01-01 to 03: three users, one of whom has no plan.
    /// let mut events = df!("user" => [1, 2, 3, 1], "day" => [19_723, 19_723, 19_724, 19_725])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc())?;
    /// let plans = df!("id" => [1, 2], "plan" => ["pro", "free"])?;
    ///
    /// let by_plan = activity.split_by(&plans, &SegmentColumns::new("id", "plan"))?;
    /// let usage = by_plan.each(|part| part.active_users(Window::Days(2)))?;
    /// let on_the_third = |segment| usage.get(segment).unwrap().on(Window::Days(2), date(2024, 1, 3)).unwrap().active;
    /// assert_eq!([Some("free"), Some("pro"), None].map(on_the_third), [0, 1, 1]);
    ///
    /// let frame = usage.to_frame()?;                                  // three segments of three days
    /// assert_eq!((frame.height(), frame.get_column_names()[0].as_str()), (9, "segment"));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn each<A>(&self, question: impl Fn(&Activity) -> Result<A>) -> Result<Segmented<A>> {
        let answer = |(name, part): &(Option<String>, Activity)| Ok((name.clone(), question(part)?));
        Ok(Segmented(self.parts().iter().map(answer).collect::<Result<_>>()?))
    }
}

impl<A> Segmented<A> {
    /// Answers that stand in order already.
    pub(crate) fn in_order(answers: Vec<(Option<String>, A)>) -> Self {
        Self(answers)
    }

    /// The answer of one segment; `None` for that of the actors without one.
    #[must_use]
    pub fn get(&self, segment: Option<&str>) -> Option<&A> {
        self.iter().find(|(name, _)| *name == segment).map(|(_, answer)| answer)
    }

    /// The answers with their segments; last, under `None`, that of the actors without one.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Option<&str>, &A)> {
        self.0.iter().map(|(name, answer)| (name.as_deref(), answer))
    }

    /// The answers under names that can be printed: the actors without a segment are called `without a segment`.
    /// [`Comparison::of_segments`](crate::Comparison::of_segments) takes triangles so.
    #[must_use]
    pub fn labelled(&self) -> impl ExactSizeIterator<Item = (&str, &A)> {
        self.iter().map(|(name, answer)| (name.unwrap_or(NO_SEGMENT), answer))
    }

    /// The frames of all answers as one, segment by segment, each with its own order of rows.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `segment` | String | the segment; null for actors without one |
    /// | all others | | those of the answer's `to_frame` |
    ///
    /// Without a single answer, `segment` is the only column.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame>
    where
        A: ToFrame,
    {
        self.to_frame_with(A::to_frame)
    }

    /// As [`to_frame`](Self::to_frame) with another frame of the answer, such as
    /// [`Retention::curve_to_frame`](crate::Retention::curve_to_frame) or
    /// [`Stickiness::months_to_frame`](crate::Stickiness::months_to_frame).
    ///
    /// # Errors
    ///
    /// What making the frames ends in; [`Error::Polars`](crate::Error::Polars) if their columns differ, or if one of them
    /// is named `segment`.
    pub fn to_frame_with(&self, frame: impl Fn(&A) -> Result<DataFrame>) -> Result<DataFrame> {
        write::stacked("segment", self.iter().map(|(name, answer)| Ok((name, frame(answer)?))))
    }
}

impl<A> IntoIterator for Segmented<A> {
    type Item = (Option<String>, A);
    type IntoIter = std::vec::IntoIter<Self::Item>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<A> TryFrom<Vec<(Option<String>, A)>> for Segmented<A> {
    type Error = &'static str;
    fn try_from(answers: Vec<(Option<String>, A)>) -> Result<Self, Self::Error> {
        let ascend = answers.is_sorted_by(|(left, _), (right, _)| order(left) < order(right));
        if ascend { Ok(Self(answers)) } else { Err("segments are in order, each once, the actors without one last") }
    }
}

impl<A: fmt::Display> fmt::Display for Segmented<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// So many lines at most, but one answer at least.
        const MOST_LINES: usize = 48;
        let mut lines = 0;
        for (place, (name, answer)) in self.labelled().enumerate() {
            let text = answer.to_string();
            let text = text.trim_end();
            let several = text.contains('\n');
            let height = text.lines().count() + if several { 2 } else { 0 };
            if place > 0 && lines + height > MOST_LINES {
                return write!(f, "\n{} more segments are in to_frame()", self.0.len() - place);
            }
            lines += height;
            let between = if place > 0 { "\n" } else { "" };
            if several {
                write!(f, "{between}{between}{name}:\n{text}")?;
            } else {
                write!(f, "{between}{name}: {text}")?;
            }
        }
        if self.0.is_empty() { f.write_str("no segment has an actor") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<A>(answers: Vec<(Option<&str>, A)>) -> Segmented<A> {
        Segmented(answers.into_iter().map(|(name, answer)| (name.map(str::to_owned), answer)).collect())
    }

    #[test]
    fn shown_as_far_as_they_go() {
        assert_eq!(of(vec![(Some("a"), 1), (Some("b"), 2), (None, 3)]).to_string(), "a: 1\nb: 2\nwithout a segment: 3");
        assert_eq!(of(vec![(Some("a"), "x\ny\n"), (None, "z\nz")]).to_string(), "a:\nx\ny\n\nwithout a segment:\nz\nz");
        assert_eq!(of::<u32>(vec![]).to_string(), "no segment has an actor");
        // Two answers of 30 lines are more than a screen holds, and the first is shown however long it is.
        for lines in [30, 300] {
            let text = "line\n".repeat(lines);
            let shown = of(vec![(Some("a"), &text), (Some("b"), &text), (None, &text)]).to_string();
            assert_eq!(shown, format!("a:\n{}\n2 more segments are in to_frame()", text.trim_end()));
        }
    }

    #[test]
    fn read_back_in_order() {
        let names = |names: &[Option<&str>]| {
            let answers: Vec<_> = names.iter().map(|name| (name.map(str::to_owned), 0)).collect();
            Segmented::try_from(answers).is_ok()
        };
        assert!(names(&[]) && names(&[None]) && names(&[Some(""), Some("a"), None]));
        assert!(!names(&[None, Some("a")]) && !names(&[Some("a"), Some("a")]) && !names(&[None, None]));
        assert!(!names(&[Some("b"), Some("a")]));
    }
}
