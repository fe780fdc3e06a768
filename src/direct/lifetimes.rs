//! Lifetimes without an activity: the first and the last day of every user, and nothing else.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::dense::Dense;
use super::ends::Ends;
use super::log::{Door, Log, keys, read_all, runs};
use crate::activity::{Activity, EventColumns, Intake, Pools};
use crate::calendar::{Calendar, Date};
use crate::error::{Error, Result};
use crate::frame::ids::IdType;
use crate::frame::keys::KeyIds;
use crate::survival::{Lifetimes, LifetimesOptions};

impl Lifetimes {
    /// How long each user stayed, straight from Parquet files. Needs the feature `lazy`.
    ///
    /// ```text
    /// Lifetimes::from_parquet(paths, columns, calendar, options)
    ///     = Activity::from_parquet(paths, columns, calendar)?.lifetimes(options)
    /// ```
    ///
    /// The answer is the same, ids, order and [`intake`](Self::intake) included. On the way there nothing is kept but
    /// the first and the last day of every user, for which each processor takes 4 bytes and a bit for every number from the least
    /// id to the greatest. Of the columns those of users and times are read, and others that are mapped only where the
    /// file does not tell how many nulls they have, or that users or times have some. Whoever asks one question takes
    /// this way; whoever asks several reads the log once, into an [`Activity`], and asks that.
    ///
    /// The short way is for users whose ids are strings, or integers that count up from whatever number. The long one
    /// is taken, by itself, where ids are integers scattered widely, where a column of floats is mapped as the value,
    /// and for logs of 2^32 events and more or with days before 1915 or after 2094.
    ///
    /// # Errors
    ///
    /// As [`Activity::lifetimes`] and [`Activity::from_parquet`], in this order.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::polars::prelude::*;
    /// use attrition::{Calendar, EventColumns, Lifetimes};
    ///
    /// // 2024-01-01 on: user 1 on days 0 and 40, user 2 on days 0 and 10.
    /// let mut events = df!("user" => [1, 2, 2, 1], "day" => [0, 0, 10, 40])?;
    /// events.apply("day", |day| (day + 19_723).cast(&DataType::Date).unwrap())?;
    /// let path = std::env::temp_dir().join(format!("lifetimes-{}.parquet", std::process::id()));
    /// ParquetWriter::new(std::fs::File::create(&path)?).finish(&mut events)?;
    ///
    /// let lifetimes = Lifetimes::from_parquet([&path], &EventColumns::new("user", "day"), &Calendar::utc(), 30)?;
    /// assert_eq!(lifetimes.of(2).unwrap().time, Some(10));             // ended after ten days
    /// assert_eq!(lifetimes.of(1).unwrap().tenure, 40);
    /// assert_eq!(lifetimes.intake().unwrap().events, 4);
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # References
    ///
    /// As [`Activity::lifetimes`].
    pub fn from_parquet<P: AsRef<Path>>(
        paths: impl IntoIterator<Item = P>,
        columns: &EventColumns,
        calendar: &Calendar,
        options: impl Into<LifetimesOptions>,
    ) -> Result<Self> {
        let options = options.into();
        options.check()?;
        let paths: Vec<PathBuf> = paths.into_iter().map(|path| path.as_ref().to_owned()).collect();
        match short(&Log::open(&paths, columns, calendar)?, &options)? {
            Some(lifetimes) => Ok(lifetimes),
            None => Activity::from_parquet(&paths, columns, calendar)?.lifetimes(options),
        }
    }
}

/// The short way, if the log has one.
pub(super) fn short(log: &Log<'_>, options: &LifetimesOptions) -> Result<Option<Lifetimes>> {
    let Some(plan) = log.plan.clone().filter(|_| !log.may_be_refused) else { return Ok(None) };
    let groups = log.groups();
    let rows = groups.iter().map(|group| group.rows.rows()).sum();
    let Some(dense) = Dense::new(keys(&groups, &log.columns.user, plan.user), Ends::BYTES, rows) else {
        return Ok(None);
    };
    let pools = Pools::default();
    let few = EventColumns::new(&log.columns.user, &log.columns.time);
    let doors = [&few, log.columns].map(|columns| Door::new(columns, plan.clone(), log));
    let workers = read_all(
        &groups,
        || (doors.clone(), Ends::new(dense), Intake::default()),
        |([few, all], ends, intake), group| {
            let Some(known) = group.intake else {
                return all.read(&group.rows, pools.each(), |batch, read| {
                    *intake += read;
                    runs(batch).all(|(users, day)| ends.add(users, day))
                });
            };
            // Where no row is left out, the columns that are not needed say nothing that is not known.
            *intake += known;
            few.read_runs(&group.rows, pools.each(), |users, day| ends.add(users, day))
        },
    )?;
    let Some(workers) = workers else { return Ok(None) };
    let both = |(ends, mut intake): (Ends, Intake), (other, more)| {
        intake += more;
        (ends.join(other), intake)
    };
    let read = workers.into_iter().map(|(_, ends, intake)| (ends.settled(), intake)).reduce(both);
    let Some((ends, intake)) = read else { return Ok(None) };
    let users = KeyIds { id_type: plan.user, strings: pools.user.into_strings() };
    answer(&ends, &users, intake, options).map(Some)
}

fn answer(ends: &Ends, users: &KeyIds, intake: Intake, options: &LifetimesOptions) -> Result<Lifetimes> {
    let Some((first, last)) = ends.observed() else {
        return Err(Error::Empty { rows: intake.rows, left_out: intake.left_out() });
    };
    let observation = (Date::from_day(first), Date::from_day(last));
    let from = options.starting_from.unwrap_or(observation.0).days_since_epoch();
    let asked = || ends.iter().filter(|user| user.1 >= from);
    let all = ends.iter().count();
    let count = if from > observation.0.days_since_epoch() { asked().count() } else { all };
    let (mut firsts, mut lasts) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let mut enter = |(key, first, last): (u64, i32, i32)| {
        firsts.push(first);
        lasts.push(last);
        key
    };
    let ids = if users.id_type == IdType::String {
        let rank = users.rank();
        let mut found: Vec<(u64, i32, i32)> = asked().collect();
        found.par_sort_unstable_by_key(|user| rank(user.0));
        users.ids(found.into_iter().map(&mut enter))
    } else {
        users.ids(asked().map(&mut enter))
    };
    let earlier = (all - count) as u64;
    Ok(Lifetimes::of_days(options.clone(), intake, observation, (ids, firsts, lasts), earlier))
}
