//! The door: a frame with the columns of an event log becomes a batch of plain numbers.
//!
//! Types are judged by the schema, before a row is read.

use std::borrow::Cow;
use std::iter::repeat_n;

use polars::prelude::{DataFrame, DataType, Schema, Series};

use super::batch::{Batch, LEFT_OUT};
use super::columns::EventColumns;
use super::features::NO_FEATURE;
use super::intake::Intake;
use crate::calendar::{Calendar, Clock, Date, NO_DATE, Zone};
use crate::error::{Error, Result};
use crate::frame::ids::IdType;
use crate::frame::keys::Keys;
use crate::frame::pool::Pool;
use crate::frame::read::{self, dtype, id_type, in_place, is_text, read_ids, series, unsupported};
use crate::frame::times::{NO_SUCH_YEAR, TIME_TYPES, units_per_second};

const CLOCK_TYPES: &str =
    "a Datetime where clock times are kept, for a Date has none; leave out EventColumns::clock_times";
const FEATURE_TYPES: &str = "a string, a categorical, an enum or an integer";
const VALUE_TYPES: &str = "an integer or a float; cast it to Float64";

/// The types of the mapped columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) user: IdType,
    pub(crate) account: Option<IdType>,
}

impl Plan {
    /// Judges the columns by their types.
    pub(crate) fn new(schema: &Schema, columns: &EventColumns) -> Result<Self> {
        let user = id_type(schema, &columns.user, "user")?;
        let time = dtype(schema, &columns.time)?;
        if *time != DataType::Date && units_per_second(time).is_none() {
            return Err(unsupported(&columns.time, "time", time, TIME_TYPES));
        }
        if columns.clock_times && *time == DataType::Date {
            return Err(unsupported(&columns.time, "time", time, CLOCK_TYPES));
        }
        let account = columns.account.as_ref().map(|column| id_type(schema, column, "account")).transpose()?;
        if let Some(column) = &columns.feature {
            let feature = dtype(schema, column)?;
            if !(is_text(feature) || feature.is_integer()) {
                return Err(unsupported(column, "feature", feature, FEATURE_TYPES));
            }
        }
        if let Some(column) = &columns.value {
            let value = dtype(schema, column)?;
            if !(value.is_integer() || value.is_float()) {
                return Err(unsupported(column, "value", value, VALUE_TYPES));
            }
        }
        Ok(Self { user, account })
    }

    /// All that is pushed to one builder must have ids of one type; times may differ in unit.
    pub(crate) fn check_same_ids(&self, other: &Self) -> Result<()> {
        if (self.user, self.account) == (other.user, other.account) {
            return Ok(());
        }
        Err(Error::Incompatible {
            what: "the types of user and account",
            left: format!("{:?}, {:?}", self.user, self.account),
            right: format!("{:?}, {:?}", other.user, other.account),
            way_out: "cast the columns to one type before pushing them",
        })
    }
}

/// The numbers given to strings, over all batches.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pools<P = Pool> {
    pub(crate) user: P,
    pub(crate) account: P,
    pub(crate) feature: P,
}

impl Pools {
    /// Each of them.
    pub(crate) fn each(&self) -> Pools<&Pool> {
        Pools { user: &self.user, account: &self.account, feature: &self.feature }
    }
}

/// Reads batches of one frame or query.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    columns: &'a EventColumns,
    plan: Plan,
    zone: &'a Zone,
    /// The clock of the unit met last. The unit is that of the batch: a file can say one in its note to Arrow and hold
    /// another.
    clock: Option<Clock>,
    first_day: i32,
    last_day: i32,
}

/// The mapped columns of a frame, each in one piece and of a width that can be read in place.
#[derive(Debug)]
pub(crate) struct Columns {
    user: Series,
    time: Series,
    account: Option<Series>,
    feature: Option<Series>,
    value: Option<Series>,
    first_row: u64,
}

impl Columns {
    /// The memory that the mapped columns take.
    pub(crate) fn bytes(&self) -> u64 {
        let others = [&self.account, &self.feature, &self.value].into_iter().flatten();
        [&self.user, &self.time].into_iter().chain(others).map(|column| column.estimated_size() as u64).sum()
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        columns: &'a EventColumns,
        plan: Plan,
        calendar: &'a Calendar,
        window: (Option<Date>, Option<Date>),
    ) -> Self {
        let first_day = window.0.unwrap_or(Date::MIN).days_since_epoch();
        let last_day = window.1.unwrap_or(Date::MAX).days_since_epoch();
        Self { columns, plan, zone: calendar.zone(), clock: None, first_day, last_day }
    }

    /// The columns of a frame whose first row is row `first_row` of all that was handed in.
    pub(crate) fn columns(&self, frame: &DataFrame, first_row: u64) -> Result<Columns> {
        let EventColumns { user, time, account, feature, value, clock_times: _ } = self.columns;
        let account = account.as_ref().zip(self.plan.account);
        Ok(Columns {
            user: read::id_column(frame, user, self.plan.user)?,
            time: series(frame, time)?,
            account: account.map(|(account, id_type)| read::id_column(frame, account, id_type)).transpose()?,
            feature: feature.as_ref().map(|feature| series(frame, feature)).transpose()?,
            value: value.as_ref().map(|value| float_column(frame, value)).transpose()?,
            first_row,
        })
    }

    /// Reads the columns of a frame. `day` is room to be used again.
    pub(crate) fn read<'c>(
        &mut self,
        from: &'c Columns,
        pools: Pools<&Pool>,
        day: Vec<i32>,
    ) -> Result<(Batch<'c>, Intake)> {
        let mut intake = Intake { rows: from.user.len() as u64, ..Intake::default() };
        let user = read_ids(&from.user, self.plan.user, pools.user)?;
        let day = self.read_days(from, &user, day, &mut intake)?;
        let account = from.account.as_ref().zip(self.plan.account);
        let account = account.map(|(account, id_type)| read_ids(account, id_type, pools.account)).transpose()?;
        if let Some(account) = account.as_ref().filter(|account| !account.nulls.is_empty()) {
            intake.without_account = count_kept(&day, |row| account.is_null(row));
        }
        let feature = from.feature.as_ref().map(|feature| read_features(feature, pools.feature)).transpose()?;
        if let Some(feature) =
            feature.as_ref().filter(|_| from.feature.as_ref().is_some_and(|series| series.has_nulls()))
        {
            intake.without_feature = count_kept(&day, |row| feature[row] == NO_FEATURE);
        }
        if let Some(nulls) = from.value.as_ref().filter(|value| value.has_nulls()).map(|value| value.is_null()) {
            intake.without_value = count_kept(&day, |row| nulls.get(row) == Some(true));
        }
        let value = from.value.as_ref().map(|value| read_values(value, from.first_row, &day)).transpose()?;
        let times = self.columns.clock_times.then(|| self.read_times(&from.time, &day)).transpose()?;
        Ok((Batch { user, day, account, feature, value, times }, intake))
    }

    /// Hands the keys of the users to `take`, in runs of rows of one day, [`NO_DATE`] where there is none. `false`, and nothing
    /// is handed on, where a user or a time is null.
    #[cfg(feature = "lazy")]
    pub(crate) fn read_runs(
        &mut self,
        from: &Columns,
        pools: Pools<&Pool>,
        mut take: impl FnMut(&[u64], i32),
    ) -> Result<bool> {
        if from.user.has_nulls() || from.time.has_nulls() {
            return Ok(false);
        }
        let user = read_ids(&from.user, self.plan.user, pools.user)?;
        let mut rest = &user.keys[..];
        self.runs(&from.time, |day, run| {
            let (own, others) = rest.split_at(run);
            take(own, day);
            rest = others;
        })?;
        Ok(true)
    }

    /// Hands on the days of times in runs: a day, and how many rows one after the other lie on it. A null has any day.
    fn runs(&mut self, times: &Series, mut take: impl FnMut(i32, usize)) -> Result<()> {
        let physical = times.to_physical_repr();
        let Some(units) = units_per_second(times.dtype()) else {
            let known = Date::MIN.days_since_epoch()..=Date::MAX.days_since_epoch();
            for run in
                physical.i32()?.downcast_iter().flat_map(|chunk| chunk.values().chunk_by(|one, other| one == other))
            {
                take(if known.contains(&run[0]) { run[0] } else { NO_DATE }, run.len());
            }
            return Ok(());
        };
        let clock = match self.clock.take() {
            Some(clock) if clock.units_per_second() == units => clock,
            _ => Clock::new(self.zone, units),
        };
        let clock = self.clock.insert(clock);
        physical.i64()?.downcast_iter().for_each(|chunk| clock.runs(chunk.values(), &mut take));
        Ok(())
    }

    fn read_days(
        &mut self,
        from: &Columns,
        user: &Keys<'_>,
        mut days: Vec<i32>,
        intake: &mut Intake,
    ) -> Result<Vec<i32>> {
        days.clear();
        days.reserve(from.time.len());
        // First every time on its own, then the reasons to leave a row out, most of which most logs do not have.
        let (mut least, mut most) = (i32::MAX, i32::MIN);
        self.runs(&from.time, |day, run| {
            (least, most) = (least.min(day), most.max(day));
            days.extend(repeat_n(day, run));
        })?;
        let null_time = from.time.has_nulls().then(|| from.time.is_null());
        if user.nulls.is_empty() && null_time.is_none() && least >= self.first_day && most <= self.last_day {
            intake.events = intake.rows;
            return Ok(days);
        }
        for (row, day) in days.iter_mut().enumerate() {
            let reason = if user.is_null(row) {
                &mut intake.null_user
            } else if null_time.as_ref().is_some_and(|nulls| nulls.get(row) == Some(true)) {
                &mut intake.null_time
            } else if *day == NO_DATE {
                return Err(Self::no_date(&from.time, row, from.first_row));
            } else if *day < self.first_day {
                &mut intake.before_window
            } else if *day > self.last_day {
                &mut intake.after_window
            } else {
                continue;
            };
            *reason += 1;
            *day = LEFT_OUT;
        }
        intake.events = intake.rows - intake.left_out();
        Ok(days)
    }

    /// What the clock shows at each time of a batch whose days have been read.
    fn read_times(&mut self, time: &Series, days: &[i32]) -> Result<Vec<u64>> {
        let clock = self.clock.as_mut().filter(|_| units_per_second(time.dtype()).is_some());
        let clock = clock.ok_or_else(|| unsupported(time.name(), "time", time.dtype(), CLOCK_TYPES))?;
        Ok(clock.times(in_place(time.to_physical_repr().i64()?), days))
    }

    #[cold]
    fn no_date(series: &Series, row: usize, first_row: u64) -> Error {
        Error::InvalidValue {
            column: series.name().to_string(),
            row: first_row + row as u64,
            value: series.to_physical_repr().get(row).map_or_else(|_| String::new(), |value| value.to_string()),
            reason: NO_SUCH_YEAR,
        }
    }
}

fn count_kept(days: &[i32], without: impl Fn(usize) -> bool) -> u64 {
    (0..days.len()).filter(|&row| days[row] != LEFT_OUT && without(row)).count() as u64
}

fn read_features(series: &Series, pool: &Pool) -> Result<Vec<u32>> {
    let mut keys = Vec::with_capacity(series.len());
    read::read_strings(series, pool, &mut keys)?;
    Ok(keys.into_iter().map(|key| u32::try_from(key).unwrap_or(NO_FEATURE)).collect())
}

fn read_values<'c>(series: &'c Series, first_row: u64, days: &[i32]) -> Result<Cow<'c, [f64]>> {
    let mut values = Cow::Borrowed(in_place(series.f64()?));
    if series.has_nulls() {
        values = Cow::Owned(series.f64()?.iter().map(Option::unwrap_or_default).collect());
    }
    let unusable = |&row: &usize| !values[row].is_finite() && days[row] != LEFT_OUT;
    match (0..values.len()).find(unusable) {
        None => Ok(values),
        Some(row) => Err(Error::InvalidValue {
            column: series.name().to_string(),
            row: first_row + row as u64,
            value: values[row].to_string(),
            reason: "cannot be summed; make it null to count the event without a value, or leave the row out",
        }),
    }
}

fn float_column(frame: &DataFrame, column: &str) -> Result<Series> {
    Ok(series(frame, column)?.cast(&DataType::Float64)?)
}
