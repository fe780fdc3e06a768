//! The Parquet files of a log, what they tell of their row groups, and how these are read.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use polars::prelude::{DataType, FileMetadataRef};
use rayon::prelude::*;

use super::dense::KeyRange;
use crate::activity::{
    Batch, EventColumns, Intake, LEFT_OUT, Plan, Pools, Reader, RowGroup, first_error, in_parallel, open, row_groups,
    type_read,
};
use crate::calendar::{Calendar, Clock, Date};
use crate::error::Result;
use crate::frame::ids::{IdType, Ids};
use crate::frame::pool::Pool;
use crate::frame::times::units_per_second;

/// Room is not made beforehand for more rows than so many, whatever a file may say.
const MOST_ROOM: usize = 1 << 22;

/// The Parquet files of one log, opened and judged as an activity would.
#[derive(Debug)]
pub(super) struct Log<'a> {
    pub(super) columns: &'a EventColumns,
    pub(super) calendar: &'a Calendar,
    files: Vec<File<'a>>,
    /// The types of the ids, which all files share; `None` where there is no file.
    pub(super) plan: Option<Plan>,
    /// Whether an activity may refuse it for what only an activity finds: too many events of one day, values that cannot be
    /// added up, or clock times of a column that has none.
    pub(super) may_be_refused: bool,
}

#[derive(Debug)]
struct File<'a> {
    path: &'a Path,
    metadata: FileMetadataRef,
    /// The type that times have as they are read.
    time: Option<DataType>,
}

/// A row group, and what its file tells of it.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) rows: RowGroup<'a>,
    /// What becomes of its rows, if none of them is left out and that is known.
    pub(super) intake: Option<Intake>,
    /// The first and the last day of its times, if that is known.
    pub(super) days: Option<(i32, i32)>,
    /// A day that none of its days lies behind, if one is known.
    pub(super) latest: Option<i32>,
}

impl<'a> Log<'a> {
    /// # Errors
    ///
    /// As [`ActivityBuilder::push_parquet`](crate::ActivityBuilder::push_parquet) before a row is read.
    pub(super) fn open(paths: &'a [PathBuf], columns: &'a EventColumns, calendar: &'a Calendar) -> Result<Self> {
        let (mut files, mut plan, mut rows) = (Vec::with_capacity(paths.len()), None, 0_u64);
        let (mut floats, mut dates) = (false, false);
        let opened = paths.par_iter().map(|path| {
            let (metadata, schema) = open(path, columns)?;
            let time = type_read(path, &metadata, &columns.time)?;
            Ok((path, metadata, schema, time))
        });
        for opened in opened.collect::<Vec<Result<_>>>() {
            let (path, metadata, schema, time) = opened?;
            let own = Plan::new(&schema, columns)?;
            plan.get_or_insert_with(|| own.clone()).check_same_ids(&own)?;
            floats |= columns.value.as_ref().and_then(|value| schema.get(value)).is_some_and(DataType::is_float);
            // A type that is noted and another that is read: clock times are missed when rows are.
            dates |= columns.clock_times && time.as_ref().and_then(units_per_second).is_none();
            rows = rows.saturating_add(metadata.num_rows as u64);
            files.push(File { path, metadata, time });
        }
        let may_be_refused = floats || dates || rows >= u64::from(u32::MAX);
        Ok(Self { columns, calendar, files, plan, may_be_refused })
    }

    pub(super) fn groups<'b>(&'b self) -> Vec<Group<'b>> {
        let mut clock = None;
        let files = self.files.iter().map(|file| (file.path, &file.metadata));
        let groups = row_groups(files, 0).into_iter();
        let group = |rows: RowGroup<'b>| {
            let (mut days, mut latest) = (None, None);
            if let (Some(dtype), Some((first, last, _))) =
                (&self.files[rows.file].time, rows.told(&self.columns.time).ends)
            {
                days = self.days(dtype, (first, last), &mut clock);
                latest = days.map(|days| days.1).or_else(|| clock.as_mut()?.latest(last));
            }
            Group { intake: self.intake(&rows), days, latest, rows }
        };
        groups.map(group).collect()
    }

    /// The first and the last day of times between two, if that is known. The clock is that of their unit.
    fn days(&self, dtype: &DataType, (first, last): (i64, i64), clock: &mut Option<Clock>) -> Option<(i32, i32)> {
        let Some(units) = units_per_second(dtype) else {
            *clock = None;
            let within = |day: &i32| (Date::MIN.days_since_epoch()..=Date::MAX.days_since_epoch()).contains(day);
            let day = |day| i32::try_from(day).ok().filter(within);
            return day(first).zip(day(last)).filter(|_| *dtype == DataType::Date);
        };
        if clock.as_ref().is_none_or(|clock| clock.units_per_second() != units) {
            *clock = Some(Clock::new(self.calendar.zone(), units));
        }
        clock.as_mut()?.ends(first, last)
    }

    /// What becomes of the rows of a row group without nulls of user and time.
    fn intake(&self, rows: &RowGroup<'_>) -> Option<Intake> {
        let EventColumns { user, time, account, feature, value, clock_times: _ } = self.columns;
        let nulls = |column: &String| rows.told(column).nulls;
        let optional = |column: &Option<String>| column.as_ref().map_or(Some(0), nulls);
        let none = nulls(user)? == 0 && nulls(time)? == 0;
        let (rows, events) = (rows.rows(), rows.rows());
        let (without_account, without_feature) = (optional(account)?, optional(feature)?);
        let without_value = optional(value)?;
        none.then(|| Intake { rows, events, without_account, without_feature, without_value, ..Intake::default() })
    }
}

/// The keys of a column of integers, if all row groups tell the least and the greatest.
pub(super) fn keys(groups: &[Group<'_>], column: &str, id_type: IdType) -> Option<KeyRange> {
    if id_type == IdType::String {
        return None;
    }
    // Keys order as their ids do once their sign is turned, and that once more turns it back.
    let ordered = |key: u64| Ids::ordered(id_type, key);
    let of_group = |group: &Group<'_>| {
        let (least, greatest, bits) = group.rows.told(column).ends?;
        let key = |bits_of: i64| match id_type.is_signed() || bits == u64::BITS {
            true => bits_of.cast_unsigned(),
            false => bits_of.cast_unsigned() & u64::from(u32::MAX),
        };
        Some((ordered(key(least)), ordered(key(greatest))))
    };
    let both = |one: (u64, u64), other: (u64, u64)| (one.0.min(other.0), one.1.max(other.1));
    let ends: Option<Vec<_>> = groups.iter().map(of_group).collect();
    let range = |(least, greatest)| KeyRange { least: ordered(least), span: greatest - least, above: u64::MAX - least };
    ends?.into_iter().reduce(both).filter(|(least, greatest)| least <= greatest).map(range)
}

/// One worker's way of reading row groups: which of their columns, and as what.
#[derive(Clone, Debug)]
pub(super) struct Door<'a> {
    names: Vec<String>,
    reader: Reader<'a>,
    /// Room for the days of a row group, made once for the largest.
    days: Vec<i32>,
    most_rows: usize,
}

impl<'a> Door<'a> {
    pub(super) fn new(columns: &'a EventColumns, plan: Plan, log: &'a Log<'_>) -> Self {
        let names = columns.names().into_iter().map(str::to_owned).collect();
        let most_rows = log.files.iter().map(|file| file.metadata.max_row_group_height).max().unwrap_or(0);
        Self { names, reader: Reader::new(columns, plan, log.calendar, (None, None)), days: Vec::new(), most_rows }
    }

    /// Reads a row group and hands it to `take`, with what became of its rows.
    pub(super) fn read<T>(
        &mut self,
        rows: &RowGroup<'_>,
        pools: Pools<&Pool>,
        take: impl FnOnce(&Batch<'_>, Intake) -> T,
    ) -> Result<T> {
        let columns = self.reader.columns(&rows.read(&self.names)?, rows.first_row)?;
        let mut days = std::mem::take(&mut self.days);
        days.reserve_exact(self.most_rows.min(MOST_ROOM).saturating_sub(days.len()));
        let (batch, intake) = self.reader.read(&columns, pools, days)?;
        let taken = take(&batch, intake);
        self.days = batch.day;
        Ok(taken)
    }

    /// Reads a row group of which it is known that neither users nor times are null, and hands the keys of its users to
    /// `take`, in runs of rows of one day, until that says `false`. `false`, too, if it is not as is known.
    pub(super) fn read_runs(
        &mut self,
        rows: &RowGroup<'_>,
        pools: Pools<&Pool>,
        mut take: impl FnMut(&[u64], i32) -> bool,
    ) -> Result<bool> {
        let columns = self.reader.columns(&rows.read(&self.names)?, rows.first_row)?;
        let mut taken = true;
        let sound = self.reader.read_runs(&columns, pools, |keys, day| taken = taken && take(keys, day))?;
        Ok(sound && taken)
    }
}

/// The keys of the users of a batch in runs of rows of one day, without those that are left out.
pub(super) fn runs<'b>(batch: &'b Batch<'_>) -> impl Iterator<Item = (&'b [u64], i32)> {
    let mut rest = &batch.user.keys[..];
    let runs = batch.day.chunk_by(|one, other| one == other).map(move |run| {
        let (own, others) = rest.split_at(run.len());
        rest = others;
        (own, run[0])
    });
    runs.filter(|(_, day)| *day != LEFT_OUT)
}

/// Reads row groups on all processors, each worker into a state of its own, until one says that the log cannot be read
/// so: then there is no state.
pub(super) fn read_all<'a, S: Send>(
    groups: &[Group<'a>],
    new: impl Fn() -> S + Sync,
    absorb: impl Fn(&mut S, &Group<'a>) -> Result<bool> + Sync,
) -> Result<Option<Vec<S>>> {
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || -> Result<Option<S>> {
        let mut state = new();
        while !stopped.load(Ordering::Relaxed)
            && let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed))
        {
            let absorbed = absorb(&mut state, group);
            if !matches!(absorbed, Ok(true)) {
                stopped.store(true, Ordering::Relaxed);
                return absorbed.map(|_| None);
            }
        }
        Ok(Some(state))
    };
    Ok(first_error(in_parallel(groups.len(), &work))?.into_iter().collect())
}
