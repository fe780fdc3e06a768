//! Cohort retention: of those who came in one period, how many are still there k periods later.

use serde::{Deserialize, Serialize};

use super::cohorts::Cohorts;
use super::kernel::{Entries, LeftOut, Question};
use super::key::{Cohort, CohortKey};
use super::options::RetentionOptions;
use super::tally::{Cells, Membership, Tally};
use crate::activity::Activity;
use crate::calendar::{Coverage, Date};
use crate::error::Result;
use crate::statistics::{Interval, Wilson, ratio};

/// One cell of the triangle: a cohort at an age.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetentionCell {
    /// The age in periods, or brackets; 0 is the period of the start.
    pub age: u32,
    /// [`Coverage::Observed`] if the period at that age has ended for at least one member, [`Coverage::Open`] if it has
    /// begun and not ended, [`Coverage::Unobserved`] if it lies after the observation. Where ages are counted by the
    /// calendar and cohorts are periods, it ends for all members at once. Without members, it is judged for one who would
    /// have started on the cohort's last day.
    pub coverage: Coverage,
    /// Members counted as retained so far, of those for whom the age has begun; `None` where the cell is unobserved.
    pub so_far: Option<u64>,
    /// Members retained, of those eligible; `None` unless the cell is observed.
    pub active: Option<u64>,
    /// Members of whom it is known whether they were retained, the age having ended for them: all of the cohort where
    /// it ends for all at once. `None` unless the cell is observed.
    pub eligible: Option<u64>,
    /// What the rate is divided by: the eligible, or what [`RetentionOptions::base`] asks for.
    pub base: Option<u64>,
    /// `active / base`; `None` unless the cell is observed and the base has members.
    pub rate: Option<f64>,
    /// The Wilson interval of the rate; `None` too where the rate is not a part of its base and can exceed 1.
    pub interval: Option<Interval>,
}

/// One point of the mean retention curve: an age over all cohorts observed at it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// The age in periods, or brackets.
    pub age: u32,
    /// Cohorts with a base whose cell at this age is observed.
    pub cohorts: u64,
    /// Members retained, over these cohorts.
    pub active: u64,
    /// Members of these cohorts of whom it is known.
    pub eligible: u64,
    /// What the weighted mean is divided by: the eligible, or what [`RetentionOptions::base`] asks for.
    pub base: u64,
    /// `sum of active / sum of base`: every member counts alike. `None` without a cohort.
    pub weighted_mean: Option<f64>,
    /// The mean of the cohorts' rates: every cohort counts alike. `None` without a cohort.
    pub plain_mean: Option<f64>,
    /// The Wilson interval of the weighted mean, where it is a proportion.
    pub interval: Option<Interval>,
}

/// Entries of a table of cohorts that are in no cohort of a triangle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntriesLeftOut {
    /// With a start before the observation: what they did then was not seen.
    pub before_observation: u64,
    /// With a start after the observation.
    pub after_observation: u64,
    /// Without a start, and never active.
    pub never_active: u64,
}

impl From<LeftOut> for EntriesLeftOut {
    fn from(left_out: LeftOut) -> Self {
        let LeftOut { before, after, never_active } = left_out;
        Self { before_observation: before, after_observation: after, never_active }
    }
}

/// The answer of [`Activity::retention`] and [`Activity::retention_of`]: a triangle of cohorts and ages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "super::stored_triangle::StoredRetention")]
pub struct Retention {
    pub(super) options: RetentionOptions,
    pub(super) as_of: Date,
    pub(super) cohorts: Vec<Cohort>,
    pub(super) by_label: bool,
    pub(super) left_out: EntriesLeftOut,
    pub(super) ages: usize,
    /// Per cohort, how many ages have ended, and how many have begun.
    pub(super) closed: Vec<u32>,
    pub(super) begun: Vec<u32>,
    /// Per cell, cohort by cohort.
    pub(super) so_far: Vec<u32>,
    pub(super) active: Vec<u32>,
    pub(super) eligible: Vec<u32>,
    /// Empty where the rates are divided by the eligible.
    pub(super) base: Vec<u32>,
}

/// # Cohorts
impl Activity {
    /// The share of each cohort that is still active at each age.
    ///
    /// ```text
    /// cohort c   actors whose first active day in the whole history lies in period c
    /// rate(c, k) members of c retained at age k / members of c
    /// ```
    ///
    /// Periods are calendar days, weeks, months, quarters or years of the [`Calendar`](crate::Calendar), so age 1 in
    /// months is the next calendar month, not 30 days. What "retained at age k" means is the [`Criterion`](crate::Criterion). The
    /// denominator is the whole cohort, or the [`Base`](crate::Base) that is asked for. A cell is judged when its period has ended by [`as_of`](Activity::as_of): until
    /// then it is [`Coverage::Open`], has a count so far and no rate, and enters no mean; after the observation it is
    /// [`Coverage::Unobserved`]. Zero means that everybody was watched and nobody came. "New" is judged by the history
    /// that is there: if the log starts late, the first cohorts hold old users too.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for a confidence outside 0 to 1 and for options that contradict each other;
    /// [`Error::NotMapped`](crate::Error::NotMapped) for a returning feature where features are not mapped, and for
    /// [`AgeBy::Clock`](crate::AgeBy::Clock) without clock times; [`Error::TooLarge`](crate::Error::TooLarge) for a triangle of more than 2^26
    /// cells.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, Coverage, EventColumns, Period, date};
    /// use attrition::polars::prelude::*;
    ///
    /// // January: ann, bob. February: ann, cyd. March, up to the 15th: ann.
    /// let mut events = df!(
    ///     "user" => ["ann", "bob", "ann", "cyd", "ann"],
    ///     "day" => [19_723, 19_725, 19_756, 19_760, 19_797],
    /// )?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc())?;
    ///
    /// let triangle = activity.retention(Period::Month)?;
    /// let january = date(2024, 1, 1);
    /// let cell = triangle.cell(january, 1).unwrap();
    /// assert_eq!((cell.active, cell.eligible, cell.rate), (Some(1), Some(2), Some(0.5)));
    /// let open = triangle.cell(january, 2).unwrap();
    /// assert_eq!((open.coverage, open.so_far, open.rate), (Coverage::Open, Some(1), None));
    /// assert_eq!(triangle.members(&activity, january, 1)?.len(), 1);
    /// assert_eq!(triangle.curve()[1].weighted_mean, Some(0.5));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// The criteria as products define them: Mixpanel, "Retention" (on, on or after, streak); Amplitude, "Retention
    /// analysis" (return on, return on or after); Countly, "Retention" (classic, unbounded, full).
    pub fn retention(&self, options: impl Into<RetentionOptions>) -> Result<Retention> {
        self.triangle(None, &options.into())
    }

    /// The share of each cohort of a table that is active at each age: of people who signed up, who are on a plan, who used
    /// a feature, or who did another thing first.
    ///
    /// ```text
    /// rate(c, k) = members of c retained at age k / members of c for whom age k has ended
    /// ```
    ///
    /// A member is an entry of the table; what counts is activity on or after the day of the start, day 0 included, so
    /// that at age 0 fewer than all can be active. Members who were never active count in the denominator. Without labels
    /// the cohorts are the periods of the starts, and several entries of one actor are in several cohorts; with labels
    /// they are the labels, and each member grows older from its own start. Several entries of one actor into one cohort
    /// are one, from the first of them on. With labels, as with
    /// [`AgeBy::Start`](crate::AgeBy::Start), an age ends on another day for every member, and a cell is judged on those
    /// for whom it has: [`eligible`](RetentionCell::eligible), which falls with age. It is [`Coverage::Open`] while the
    /// age has ended for nobody and begun for somebody, and has a count so far and no rate then.
    ///
    /// Starts outside the observation are left out and counted by [`left_out`](Retention::left_out).
    ///
    /// All entries of the table are members, whoever is in the activity. A part of a [`Split`](crate::Split) does not know
    /// who belongs to it without ever having been active, so ask segments with [`Split::each_of`](crate::Split::each_of),
    /// which divides the table too, or give one segment its own entries with [`Cohorts::filter`](crate::Cohorts::filter).
    ///
    /// # Errors
    ///
    /// As [`retention`](Self::retention); [`Error::Incompatible`](crate::Error::Incompatible) if the actors are integers here and text there;
    /// [`Error::NotMapped`](crate::Error::NotMapped) for a feature where features are not mapped; [`Error::InvalidOption`](crate::Error::InvalidOption) for options that
    /// contradict each other.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, Entry, EventColumns, Period, date};
    /// use attrition::polars::prelude::*;
    ///
    /// // Who signs up, and who buys: the event that starts and the one that returns differ.
    /// let log = |users: [&str; 3], days: [i32; 3]| {
    ///     let mut frame = df!("user" => users, "day" => days)?;
    ///     frame.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    ///     let columns = EventColumns::new("user", "day");
    ///     let mut builder = Activity::builder(&columns, &Calendar::utc()).as_of(date(2024, 2, 29));
    ///     builder.push(&frame)?;
    ///     builder.finish()
    /// };
    /// let signups = log(["ann", "bob", "cyd"], [19_723, 19_724, 19_725])?;
    /// let purchases = log(["ann", "ann", "bob"], [19_723, 19_760, 19_761])?;
    ///
    /// let triangle = purchases.retention_of(&signups.cohorts(Entry::FirstActivity)?, Period::Month)?;
    /// let rates = [0, 1].map(|age| triangle.cell(date(2024, 1, 1), age).unwrap().rate.unwrap());
    /// assert_eq!(rates, [1.0 / 3.0, 2.0 / 3.0]);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// Mixpanel and PostHog, "Retention": first event and returning event, first time and recurring; Amplitude,
    /// "Retention analysis": custom brackets.
    pub fn retention_of(&self, cohorts: &Cohorts, options: impl Into<RetentionOptions>) -> Result<Retention> {
        self.triangle(Some(cohorts), &options.into())
    }

    fn triangle(&self, cohorts: Option<&Cohorts>, options: &RetentionOptions) -> Result<Retention> {
        let question = Question::new(self, cohorts, options)?;
        let (rows, ages) = question.size();
        let tally = || Tally::new(rows, ages, options.base);
        let mut entered = tally();
        let (entries, left_out) = match cohorts {
            None => (Entries::First, LeftOut::default()),
            Some(cohorts) => question.lay(cohorts, |member| entered.enter(&question.aging, member))?,
        };
        let count = |tally: &mut Tally, _, member: Membership, stretches: &[(u32, u32)], known: bool| {
            if !known {
                tally.enter(&question.aging, member);
            }
            tally.retain(&question.aging, member, stretches);
        };
        let cells = usize::try_from(Tally::size(rows, ages)).unwrap_or(usize::MAX);
        let counts = question.sweep(&entries, cells, tally, count, Tally::join);
        let cells = entered.join(counts).finish();
        Ok(question.answer(cohorts, cells, left_out))
    }
}

impl Question<'_> {
    /// The triangle of what was counted.
    pub(super) fn answer(&self, table: Option<&Cohorts>, cells: Cells, left_out: LeftOut) -> Retention {
        let cohorts = self.cohorts(table, &cells);
        let (closed, begun) = self.seen(&cohorts, &cells);
        let Cells { so_far, active, eligible, base, .. } = cells;
        Retention {
            options: self.options.clone(),
            as_of: self.activity.as_of(),
            by_label: self.by_label(),
            cohorts,
            left_out: left_out.into(),
            ages: self.size().1,
            closed,
            begun,
            so_far,
            active,
            eligible,
            base,
        }
    }
}

impl Retention {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &RetentionOptions {
        &self.options
    }

    /// The last day of observation.
    #[must_use]
    pub fn as_of(&self) -> Date {
        self.as_of
    }

    /// The cohorts, those without members too: periods in order of time, labels in alphabetical order with the members
    /// without one last.
    #[must_use]
    pub fn cohorts(&self) -> &[Cohort] {
        &self.cohorts
    }

    /// Entries of the table of cohorts that are in none of them, before those of one actor in one cohort are taken as one.
    /// Those that [`cohorts_between`](RetentionOptions::cohorts_between) passes over are not among them.
    #[must_use]
    pub fn left_out(&self) -> &EntriesLeftOut {
        &self.left_out
    }

    /// The last age reported, in periods or brackets.
    #[must_use]
    pub fn horizon(&self) -> u32 {
        u32::try_from(self.ages - 1).unwrap_or(u32::MAX)
    }

    /// The name of an age in printed tables: its number, or the periods of a bracket.
    pub(super) fn age_name(&self, age: usize) -> String {
        let (from, to) = self.age_periods(age);
        if from == to { from.to_string() } else { format!("{from}-{to}") }
    }

    /// The first and the last period of an age, counted from that of the start.
    pub(super) fn age_periods(&self, age: usize) -> (u32, u32) {
        let sizes = self.options.sizes();
        let from: u32 = sizes.iter().take(age).sum();
        match sizes.get(age) {
            None => [u32::try_from(age).unwrap_or(u32::MAX); 2].into(),
            Some(size) => (from, from + size - 1),
        }
    }

    /// The cell of a cohort, named by a day of its period or by its label, at an age; `None` if the triangle has no such
    /// cell.
    #[must_use]
    pub fn cell<'a>(&self, cohort: impl Into<CohortKey<'a>>, age: u32) -> Option<RetentionCell> {
        (age <= self.horizon()).then(|| self.row(cohort).map(|row| self.at(row, age as usize, self.wilson())))?
    }

    /// Whether cohorts are labels.
    pub(super) fn by_label(&self) -> bool {
        self.by_label
    }

    /// The place of a cohort.
    pub(super) fn row<'a>(&self, cohort: impl Into<CohortKey<'a>>) -> Option<usize> {
        let by_label = self.by_label();
        match cohort.into() {
            CohortKey::Label(label) if by_label => {
                self.cohorts.iter().position(|other| other.label.as_deref() == label)
            }
            CohortKey::Day(day) if !by_label => {
                let row = self.cohorts.partition_point(|other| other.span.end < day);
                self.cohorts.get(row).filter(|other| other.span.start <= day).map(|_| row)
            }
            _ => None,
        }
    }

    /// All cells of a cohort in order of age.
    pub(super) fn cells(&self, row: usize) -> impl Iterator<Item = RetentionCell> + '_ {
        let wilson = self.wilson();
        (0..self.ages).map(move |age| self.at(row, age, wilson))
    }

    fn coverage(&self, row: usize, age: usize) -> Coverage {
        if age < self.closed[row] as usize {
            Coverage::Observed
        } else if age < self.begun[row] as usize {
            Coverage::Open
        } else {
            Coverage::Unobserved
        }
    }

    pub(super) fn at(&self, row: usize, age: usize, wilson: Option<Wilson>) -> RetentionCell {
        let coverage = self.coverage(row, age);
        let place = row * self.ages + age;
        let observed = |count: &[u32]| (coverage == Coverage::Observed).then(|| u64::from(count[place]));
        let (active, eligible) = (observed(&self.active), observed(&self.eligible));
        let base = if self.base.is_empty() { eligible } else { observed(&self.base) };
        let pair = active.zip(base);
        RetentionCell {
            age: u32::try_from(age).unwrap_or(u32::MAX),
            coverage,
            so_far: (coverage != Coverage::Unobserved).then(|| u64::from(self.so_far[place])),
            active,
            eligible,
            base,
            rate: pair.and_then(|(active, base)| ratio(active, base)),
            interval: pair.zip(wilson).and_then(|((active, base), wilson)| wilson.interval(active, base)),
        }
    }

    /// The intervals asked for, where the rates are proportions; the confidence was judged when the question was put.
    pub(super) fn wilson(&self) -> Option<Wilson> {
        Wilson::new(self.options.confidence).ok().filter(|_| self.options.is_proportion())
    }

    /// The mean retention curve over the observed cells, age by age.
    ///
    /// Open and unobserved cells do not enter, nor do cohorts without members; observed cells in which nobody was
    /// retained do. So later points rest on fewer and older cohorts.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of cohorts are far below 2^53")]
    pub fn curve(&self) -> Vec<CurvePoint> {
        let wilson = self.wilson();
        let point = |age: usize| {
            let (mut cohorts, mut active, mut eligible, mut base, mut rates) = (0, 0, 0, 0, 0.0);
            for cell in (0..self.cohorts.len()).map(|row| self.at(row, age, None)) {
                if let (Some(rate), Some(of_cell)) = (cell.rate, cell.base) {
                    cohorts += 1;
                    active += cell.active.unwrap_or(0);
                    eligible += cell.eligible.unwrap_or(0);
                    base += of_cell;
                    rates += rate;
                }
            }
            CurvePoint {
                age: u32::try_from(age).unwrap_or(u32::MAX),
                cohorts,
                active,
                eligible,
                base,
                weighted_mean: ratio(active, base),
                plain_mean: (cohorts > 0).then(|| rates / cohorts as f64),
                interval: wilson.and_then(|wilson| wilson.interval(active, base)),
            }
        };
        (0..self.ages).map(point).collect()
    }
}
