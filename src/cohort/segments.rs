//! The entries of some actors: cohorts of a table, segment by segment.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;

use super::cohorts::Cohorts;
use crate::activity::{Activity, SegmentColumns, Segmented, Split, order, places_of};
use crate::error::Result;

/// # Segments
impl Cohorts {
    /// The entries of the actors of one segment; `None` for those without one. It can be empty.
    ///
    /// Actors who were never active have their segment too, for the frame says it. The labels are those of the whole, so
    /// that all segments have the same rows; what was left out belongs to no segment, and the intake says it of the whole.
    /// Ask all segments at once with [`Split::each_of`].
    ///
    /// # Errors
    ///
    /// As [`Activity::split_by`], of the actors of the entries.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{CohortColumns, Cohorts, SegmentColumns};
    /// use attrition::polars::prelude::*;
    ///
    /// let mut signups = df!("user" => [1, 2, 3], "signed_up" => [19_723, 19_724, 19_725])?;
    /// signups.apply("signed_up", |day| day.cast(&DataType::Date).unwrap())?;
    /// let signups = Cohorts::from_frame(&signups, &CohortColumns::new("user").start("signed_up"))?;
    /// let plans = df!("id" => [1, 2], "plan" => ["pro", "free"])?;
    ///
    /// let entries = |plan| Ok::<_, attrition::Error>(signups.filter(&plans, &SegmentColumns::new("id", "plan"), plan)?);
    /// assert_eq!([entries(Some("pro"))?, entries(None)?].map(|part| part.intake().entries), [1, 1]);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn filter(&self, segments: &DataFrame, columns: &SegmentColumns, segment: Option<&str>) -> Result<Self> {
        Ok(self.of_actors(&places_of(self.actors(), segments, columns, segment)?))
    }
}

/// # Cohorts
impl Split {
    /// Asks every segment the same question of the cohorts of a table: each part, with the entries of the actors of its
    /// segment. For [`retention_of`](Activity::retention_of), [`value_retention_of`](Activity::value_retention_of) and
    /// the members of their cells.
    ///
    /// ```text
    /// answer(segment) = question(the activity of the actors of the segment, the entries of the actors of the segment)
    /// ```
    ///
    /// Every entry is in exactly one segment, that of its actor in the frame that the activity was divided by, so sizes and
    /// retained members add up to those of the whole. A segment is answered if one of its actors was active or has an entry:
    /// with those whose people all signed up and never came, there can be more answers than [`parts`](Self::parts).
    ///
    /// # Errors
    ///
    /// [`Error::Incompatible`](crate::Error::Incompatible) if the actors of the table are integers and those of the segment
    /// frame text, or the reverse; [`Error::TwoSegments`](crate::Error::TwoSegments) if the frame gives two to an actor of
    /// the table; the first error that the question ends in.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, CohortColumns, Cohorts, EventColumns, Period, SegmentColumns, date};
    /// use attrition::polars::prelude::*;
    ///
    /// // Four signed up in January. Of the two on the plan pro one never came; nobody of the plan team did.
    /// let mut signups = df!("user" => [1, 2, 3, 4], "signed_up" => [19_723, 19_724, 19_725, 19_726])?;
    /// signups.apply("signed_up", |day| day.cast(&DataType::Date).unwrap())?;
    /// let signups = Cohorts::from_frame(&signups, &CohortColumns::new("user").start("signed_up"))?;
    /// let mut events = df!("user" => [1, 3, 1], "day" => [19_723, 19_725, 19_790])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc())?;
    /// let plans = df!("id" => [1, 2, 3, 4], "plan" => ["pro", "pro", "free", "team"])?;
    ///
    /// let by_plan = activity.split_by(&plans, &SegmentColumns::new("id", "plan"))?;
    /// let triangles = by_plan.each_of(&signups, |part, signups| part.retention_of(signups, Period::Month))?;
    /// let rates: Vec<_> = triangles.iter().map(|(plan, of)| (plan, of.cell(date(2024, 1, 1), 0).unwrap().rate)).collect();
    /// assert_eq!(rates, [(Some("free"), Some(1.0)), (Some("pro"), Some(0.5)), (Some("team"), Some(0.0))]);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn each_of<A>(
        &self,
        cohorts: &Cohorts,
        question: impl Fn(&Activity, &Cohorts) -> Result<A>,
    ) -> Result<Segmented<A>> {
        let divided = self.divide(cohorts.actors())?;
        let of_segments: Vec<_> = divided.iter().map(|(name, places)| (name, cohorts.of_actors(places))).collect();
        let none = cohorts.of_actors(&[]);
        let parts = self.parts().iter().map(|(name, part)| (order(name), (part, &none)));
        let mut pairs: BTreeMap<_, (&Activity, &Cohorts)> = parts.collect();
        for (name, entries) in &of_segments {
            pairs.entry(order(name)).or_insert((self.nobody(), &none)).1 = entries;
        }
        let answer = |((_, name), (part, entries)): ((bool, Option<&str>), _)| {
            Ok((name.map(str::to_owned), question(part, entries)?))
        };
        Ok(Segmented::in_order(pairs.into_iter().map(answer).collect::<Result<_>>()?))
    }
}
