//! Value retention: what the members of a cohort bring in as they grow older.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::ages::Criterion;
use super::aging::AgeBy;
use super::cohorts::{Cohorts, Entry};
use super::kernel::Question;
use super::key::CohortKey;
use super::options::{Base, RetentionOptions, Return};
use super::retention::Retention;
use super::tally::{Membership, Tally};
use crate::activity::Activity;
use crate::calendar::Coverage;
use crate::error::{Error, Result};
use crate::frame::stored::{holds, stored};
use crate::frame::write;

/// One cell of a triangle of values: a cohort at an age.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueCell {
    /// The age in periods, or brackets; 0 is the period of the start.
    pub age: u32,
    /// Members of whom it is known what they brought in; `None` unless the cell is observed.
    pub eligible: Option<u64>,
    /// Those of them whose values sum to more than 0 at this age; `None` unless the cell is observed.
    pub paying: Option<u64>,
    /// The sum of all members' values at this age so far; `None` where the cell is unobserved.
    pub so_far: Option<f64>,
    /// The sum of the values of those eligible at this age; `None` unless the cell is observed.
    pub value: Option<f64>,
    /// What those who pay brought in at this age: without the rest of whom more went back than came. `None` unless the cell
    /// is observed.
    pub paid: Option<f64>,
    /// The sum of their values at this age and all before; `None` unless the cell is observed.
    pub cumulative: Option<f64>,
}

impl ValueCell {
    /// `paid / paying`: what a member who pays at this age brings in, the mean per retained actor. `None` where nobody does.
    #[must_use]
    pub fn per_paying(&self) -> Option<f64> {
        quotient(self.paid, self.paying)
    }

    /// `value / eligible`: what a member of the cohort brings in at this age.
    #[must_use]
    pub fn per_member(&self) -> Option<f64> {
        quotient(self.value, self.eligible)
    }

    /// `cumulative / eligible`: what a member of the cohort has brought in since the start. Realised lifetime value.
    #[must_use]
    pub fn cumulative_per_member(&self) -> Option<f64> {
        quotient(self.cumulative, self.eligible)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
fn quotient(value: Option<f64>, count: Option<u64>) -> Option<f64> {
    value.zip(count.filter(|&count| count > 0)).map(|(value, count)| value / count as f64)
}

/// The answer of [`Activity::value_retention`] and [`Activity::value_retention_of`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredValues")]
pub struct ValueRetention {
    paying: Retention,
    /// Per cell, cohort by cohort.
    so_far: Vec<f64>,
    value: Vec<f64>,
    paid: Vec<f64>,
    cumulative: Vec<f64>,
}

stored!(StoredValues as ValueRetention {
    paying: Retention,
    so_far: Vec<f64>,
    value: Vec<f64>,
    paid: Vec<f64>,
    cumulative: Vec<f64>,
});

impl ValueRetention {
    fn check(&self) -> Result<(), String> {
        let columns = [&self.so_far, &self.value, &self.paid, &self.cumulative];
        let cells = columns.iter().all(|column| column.len() == self.paying.active.len());
        holds(cells, "there is a value for each cohort and age")?;
        holds(columns.into_iter().flatten().all(|value| value.is_finite()), "values are numbers")
    }
}

/// Values while they are gathered.
struct Sums {
    tally: Tally,
    ages: usize,
    /// Per row and age, over all members.
    so_far: Vec<f64>,
    /// Per row and age, over the members for whom it has ended.
    value: Vec<f64>,
    /// The same of those who pay at that age.
    paid: Vec<f64>,
    /// Sums that are no more than this come from rounding.
    noise: f64,
    /// Per row and age, what the members for whom it has ended brought in up to it. Empty where an age ends for all
    /// members of a row at once: there it is the running sum of `value`.
    cumulative: Vec<f64>,
}

impl Sums {
    fn new(rows: usize, ages: usize, together: bool, noise: f64) -> Self {
        let tally = Tally::new(rows, ages, Base::Cohort);
        let cells = || vec![0.0; rows * ages];
        let cumulative = if together { Vec::new() } else { cells() };
        Self { tally, ages, so_far: cells(), value: cells(), paid: cells(), noise, cumulative }
    }

    fn add(&mut self, row: usize, ended: usize, ages: &[(u32, f64)]) {
        let first = row * self.ages;
        for &(age, value) in ages {
            let age = age as usize;
            self.so_far[first + age] += value;
            if age < ended {
                self.value[first + age] += value;
                self.paid[first + age] += if value > self.noise { value } else { 0.0 };
                if let Some(cumulative) = self.cumulative.get_mut(first + age..first + ended) {
                    cumulative.iter_mut().for_each(|sum| *sum += value);
                }
            }
        }
    }

    fn join(mut self, other: Self) -> Self {
        let add = |left: &mut [f64], right: &[f64]| left.iter_mut().zip(right).for_each(|(left, right)| *left += right);
        add(&mut self.so_far, &other.so_far);
        add(&mut self.value, &other.value);
        add(&mut self.paid, &other.paid);
        add(&mut self.cumulative, &other.cumulative);
        Self { tally: self.tally.join(other.tally), ..self }
    }
}

/// # Cohorts
impl Activity {
    /// What each cohort brings in at each age: value retention, revenue cohorts, realised lifetime value.
    ///
    /// ```text
    /// cohort c        actors whose first day with values above 0 lies in period c
    /// value(c, k)     sum of the values of c's members in the k-th period after
    /// paying(c, k)    members whose values in that period sum to more than 0
    /// ```
    ///
    /// A customer who never paid is in no cohort; ask [`value_retention_of`](Self::value_retention_of) to begin elsewhere.
    /// Negative values, refunds, are summed with the rest. Cells are observed, open or unobserved as in
    /// [`retention`](Self::retention), and only observed ones have values. Of the options the period, the horizon, the
    /// cohorts, the brackets and the ages matter here, and the level of confidence for the share that pays.
    ///
    /// A sum counts as above 0 if it is more than what rounding can leave of the log's largest daily value, 2^-40 of it:
    /// whoever got everything back did not pay, in whichever order it is added up.
    ///
    /// # Errors
    ///
    /// [`Error::NotMapped`] if values are not mapped; [`Error::Overflow`] for sums beyond an `f64`; [`Error::InvalidOption`] for another criterion than
    /// [`Criterion::On`], another base or minimum events, and as in [`retention`](Self::retention).
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, EventColumns, Period, date};
    /// use attrition::polars::prelude::*;
    ///
    /// // January: ann pays 10, bob 20. February: ann pays 60 and gets 5 back.
    /// let mut events = df!(
    ///     "user" => ["ann", "bob", "ann", "ann"],
    ///     "day" => [19_723, 19_725, 19_756, 19_757],
    ///     "paid" => [10.0, 20.0, 60.0, -5.0],
    /// )?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let columns = EventColumns::new("user", "day").value("paid");
    /// let mut builder = Activity::builder(&columns, &Calendar::utc()).as_of(date(2024, 2, 29));
    /// builder.push(&events)?;
    ///
    /// let values = builder.finish()?.value_retention(Period::Month)?;
    /// let cell = values.cell(date(2024, 1, 1), 1).unwrap();
    /// assert_eq!((cell.value, cell.paying, cell.per_paying()), (Some(55.0), Some(1), Some(55.0)));
    /// assert_eq!(cell.cumulative_per_member(), Some(42.5));
    /// assert_eq!(values.of_start(date(2024, 1, 1), 1), Some(55.0 / 30.0));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// Mixpanel, "Retention": property sum and average; PostHog, "Retention": aggregation by property; ChartMogul,
    /// "Cohorts": net MRR retention, which can exceed 100 %.
    pub fn value_retention(&self, options: impl Into<RetentionOptions>) -> Result<ValueRetention> {
        self.value_retention_of(&self.cohorts(Entry::FirstPaid)?, options)
    }

    /// What each cohort of a table brings in at each age: by sign-up, plan, campaign, or what people did first.
    ///
    /// All entries of the table are members, as with [`retention_of`](Self::retention_of); segments are asked with
    /// [`Split::each_of`](crate::Split::each_of).
    ///
    /// # Errors
    ///
    /// As [`value_retention`](Self::value_retention) and [`retention_of`](Self::retention_of).
    pub fn value_retention_of(
        &self,
        cohorts: &Cohorts,
        options: impl Into<RetentionOptions>,
    ) -> Result<ValueRetention> {
        let options = options.into();
        if self.value().is_none() {
            return Err(Error::NotMapped { column: "value" });
        }
        if options.criterion != Criterion::On || options.base != Base::Cohort || options.min_events != 1 {
            let value = format!("{}, {:?}, {}", options.criterion, options.base, options.min_events);
            let reason = "values are summed age by age: leave the criterion, the base and the minimum as they are";
            return Err(Error::InvalidOption { option: "criterion, base, min_events", value, reason });
        }
        if options.age_by == AgeBy::Clock {
            let reason = "the values of a day are not told apart by the clock; ask AgeBy::Start";
            return Err(Error::InvalidOption { option: "age_by", value: options.age_by.to_string(), reason });
        }
        if options.returning != Return::Activity {
            let reason =
                "the values of a day are not told apart by feature; ingest the events of that feature by themselves";
            let value = format!("{:?}", options.returning);
            return Err(Error::InvalidOption { option: "returning", value, reason });
        }
        let question = Question::new(self, Some(cohorts), &options)?;
        let aging = &question.aging;
        let (rows, ages) = question.size();
        let together = question.grows_together();
        let noise = self.rounding_of_values();
        let mut sums = Sums::new(rows, ages, together, noise);
        let (entries, left_out) = question.lay(cohorts, |member| sums.tally.enter(aging, member))?;
        let visit = |sums: &mut Sums, member: Membership, values: &[(u32, f64)], known: bool| {
            if !known {
                sums.tally.enter(aging, member);
            }
            sums.add(member.row, sums.tally.ended(aging, member), values);
            let paying = values.iter().filter(|&&(_, value)| value > noise);
            paying.for_each(|&(age, _)| sums.tally.retain(aging, member, &[(age, age)]));
        };
        let cells = usize::try_from(Tally::size(rows, ages).saturating_mul(3)).unwrap_or(usize::MAX);
        let gathered =
            question.sweep_values(&entries, cells, || Sums::new(rows, ages, together, noise), visit, Sums::join);
        let Sums { tally, so_far, value, paid, cumulative, .. } = sums.join(gathered);
        let running = |row: &[f64]| {
            let sum = |sum: &mut f64, value: &f64| {
                *sum += value;
                Some(*sum)
            };
            row.iter().scan(0.0, sum).collect::<Vec<f64>>()
        };
        let cumulative = if together { value.chunks_exact(ages).flat_map(running).collect() } else { cumulative };
        if !so_far.iter().chain(&paid).chain(&cumulative).all(|value| value.is_finite()) {
            return Err(Error::Overflow { what: "the values of a cohort", way_out: "scale the column" });
        }
        let paying = question.answer(Some(cohorts), tally.finish(), left_out);
        Ok(ValueRetention { paying, so_far, value, paid, cumulative })
    }
}

impl ValueRetention {
    /// The members who pay, as a triangle of its own: cohorts, coverage, rates and intervals.
    #[must_use]
    pub fn paying(&self) -> &Retention {
        &self.paying
    }

    /// The cell of a cohort, named by a day of its period or by its label, at an age; `None` if there is no such cell.
    #[must_use]
    pub fn cell<'a>(&self, cohort: impl Into<CohortKey<'a>>, age: u32) -> Option<ValueCell> {
        let row = self.paying.row(cohort)?;
        (age <= self.paying.horizon()).then(|| self.at(row, age as usize))
    }

    /// The value at an age over that at age 0: ChartMogul's cohort of net MRR. It can exceed 1. `None` unless both are
    /// observed for the same members and the first is above 0.
    #[must_use]
    pub fn of_start<'a>(&self, cohort: impl Into<CohortKey<'a>>, age: u32) -> Option<f64> {
        let row = self.paying.row(cohort)?;
        (age <= self.paying.horizon()).then(|| self.ratio(row, age as usize, 0))?
    }

    /// The value at an age over that at the age before. `None` at age 0, and unless both are observed for the same members and
    /// the first is above 0.
    #[must_use]
    pub fn of_previous<'a>(&self, cohort: impl Into<CohortKey<'a>>, age: u32) -> Option<f64> {
        let row = self.paying.row(cohort)?;
        (age <= self.paying.horizon()).then(|| self.to_previous(row, age as usize))?
    }

    fn to_previous(&self, row: usize, age: usize) -> Option<f64> {
        self.ratio(row, age, age.checked_sub(1)?)
    }

    fn ratio(&self, row: usize, age: usize, base: usize) -> Option<f64> {
        let (cell, base) = (self.at(row, age), self.at(row, base));
        let same = cell.eligible.is_some() && cell.eligible == base.eligible;
        cell.value.zip(base.value).filter(|&(_, base)| same && base > 0.0).map(|(value, base)| value / base)
    }

    fn at(&self, row: usize, age: usize) -> ValueCell {
        let cell = self.paying.at(row, age, None);
        let place = row * self.paying.ages + age;
        let observed = |sums: &[f64]| cell.active.map(|_| sums[place]);
        ValueCell {
            age: cell.age,
            eligible: cell.eligible,
            paying: cell.active,
            so_far: cell.so_far.map(|_| self.so_far[place]),
            value: observed(&self.value),
            paid: observed(&self.paid),
            cumulative: observed(&self.cumulative),
        }
    }

    /// The triangle as a long frame: cohorts in their order, ages ascending within each.
    ///
    /// The first columns are those of [`Retention::to_frame`] for the members who pay; then
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `value_so_far` | Float64 | the sum of values at that age so far; null where unobserved |
    /// | `value` | Float64 | the sum of values at that age, of those eligible; null unless observed |
    /// | `paid` | Float64 | the part of it that those who pay brought in; null unless observed |
    /// | `per_paying` | Float64 | `paid` by those who pay; null where nobody does |
    /// | `per_member` | Float64 | `value` by those eligible; null where there are none |
    /// | `cumulative` | Float64 | the sum of values up to that age; null unless observed |
    /// | `cumulative_per_member` | Float64 | the same by those eligible |
    /// | `of_start` | Float64 | the value over that at age 0; null unless of the same members, and above 0 |
    /// | `of_previous` | Float64 | the value over that at the age before; likewise, and null at age 0 |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let places = || (0..self.paying.cohorts.len()).flat_map(|row| (0..self.paying.ages).map(move |age| (row, age)));
        let of = |value: fn(&ValueCell) -> Option<f64>| {
            places().map(|(row, age)| value(&self.at(row, age))).collect::<Vec<_>>()
        };
        let mut frame = self.paying.to_frame()?;
        frame.hstack_mut(&[
            write::column("value_so_far", of(|cell| cell.so_far)),
            write::column("value", of(|cell| cell.value)),
            write::column("paid", of(|cell| cell.paid)),
            write::column("per_paying", of(ValueCell::per_paying)),
            write::column("per_member", of(ValueCell::per_member)),
            write::column("cumulative", of(|cell| cell.cumulative)),
            write::column("cumulative_per_member", of(ValueCell::cumulative_per_member)),
            write::column("of_start", places().map(|(row, age)| self.ratio(row, age, 0)).collect::<Vec<_>>()),
            write::column("of_previous", places().map(|(row, age)| self.to_previous(row, age)).collect::<Vec<_>>()),
        ])?;
        Ok(frame)
    }
}

impl fmt::Display for ValueRetention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (options, as_of) = (&self.paying.options, self.paying.as_of);
        writeln!(f, "Value by {}, as of {as_of}: summed up to each age, per member of the cohort", options.period)?;
        let shown = |row, age| match self.paying.at(row, age, None).coverage {
            Coverage::Unobserved => String::new(),
            Coverage::Open => Coverage::Open.sign().to_owned(),
            Coverage::Observed | Coverage::Truncated => {
                self.at(row, age).cumulative_per_member().map_or("-".to_owned(), |value| format!("{value:.2}"))
            }
        };
        let screen = self.paying.print(f, 9, shown)?;
        write!(f, "  {} still open; {} begins before the log", Coverage::Open.sign(), Coverage::Truncated.sign())?;
        self.paying.print_notes(f, &screen, "in to_frame()")
    }
}
