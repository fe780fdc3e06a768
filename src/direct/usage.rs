//! Usage without an activity: of the log before the windows the accounts and their days, and all that is mapped of the
//! rest.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::dense::Dense;
use super::log::{Door, Group, Log, keys, read_all, runs};
use super::tallies::{Found, Tallies};
use crate::activity::{Activity, Batch, EventColumns, Intake, LEFT_OUT, Plan, Pools};
use crate::calendar::{Calendar, Date};
use crate::error::{Error, Result};
use crate::frame::ids::IdType;
use crate::frame::keys::KeyIds;
use crate::portfolio::{LAPSED_AFTER, Membership, Portfolio, Usage, UsageOptions, Used, Windows, check_within};

/// So many row groups are read beforehand, to know the last day of the log, and not more.
const READ_BEFORE: usize = 4;

impl Usage {
    /// How much every account was used lately and before, straight from Parquet files. Needs the feature `lazy`.
    ///
    /// ```text
    /// Usage::from_parquet(paths, columns, calendar, options)
    ///     = Portfolio::new(Activity::from_parquet(paths, columns, calendar)?)?.usage(options)
    /// ```
    ///
    /// The answer is the same, [`intake`](Self::intake) included. What files tell of the times in their row groups says
    /// which of them lie before the windows: of these only accounts and times are read, and of those that lie after
    /// them nothing. A row group is read whole where its file does not tell that no user and no time in it is null, and of the
    /// other columns how many are, and near changes of clocks. On the way there each processor keeps 42 bytes for every number
    /// from the least id of an account to the greatest, and 4 for every such number of a user (for windows of more than 128
    /// days together 154 and 4).
    /// [`UsageOptions::latest`] looks at the last days of the log. Whoever asks one question takes this way; whoever
    /// asks several reads the log once, into an [`Activity`] and a [`Portfolio`], and asks that.
    ///
    /// The short way is for accounts whose ids are strings, or integers that count up from whatever number. The long
    /// one is taken, by itself, where they are integers scattered widely, where accounts are not mapped, where a column
    /// of floats is mapped as the value, for windows of more than 1024 days together, for logs of 2^32 events and more
    /// or with days before 1915 or after 2094, and where files do not tell enough of their row groups to know the last
    /// day of the log.
    ///
    /// # Errors
    ///
    /// As [`Portfolio::usage`] for windows without days; then as [`Activity::from_parquet`], [`Portfolio::new`] and
    /// [`Portfolio::usage`].
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::polars::prelude::*;
    /// use attrition::{Calendar, EventColumns, Usage, UsageOptions};
    ///
    /// let mut events = df!("user" => [1, 2, 1, 1], "company" => [7, 7, 7, 7], "day" => [0, 0, 30, 40])?;
    /// events.apply("day", |day| (day + 19_723).cast(&DataType::Date).unwrap())?;
    /// let path = std::env::temp_dir().join(format!("usage-{}.parquet", std::process::id()));
    /// ParquetWriter::new(std::fs::File::create(&path)?).finish(&mut events)?;
    ///
    /// let columns = EventColumns::new("user", "day").account("company");
    /// let usage = Usage::from_parquet([&path], &columns, &Calendar::utc(), UsageOptions::latest())?;
    /// let company = usage.of(7).unwrap();                             // as of day 40
    /// assert_eq!((company.recent.events, company.recent.people), (2, Some(1)));
    /// assert_eq!((company.baseline.events, company.baseline.people), (2, Some(2)));
    /// assert_eq!((company.baseline_days, company.silence), (13, 0));
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # References
    ///
    /// As [`Portfolio::usage`].
    pub fn from_parquet<P: AsRef<Path>>(
        paths: impl IntoIterator<Item = P>,
        columns: &EventColumns,
        calendar: &Calendar,
        options: impl Into<UsageOptions>,
    ) -> Result<Self> {
        let options = options.into();
        options.check()?;
        let paths: Vec<PathBuf> = paths.into_iter().map(|path| path.as_ref().to_owned()).collect();
        let log = Log::open(&paths, columns, calendar)?;
        let short = match options.days() {
            0..=128 => short::<2>(&log, &options),
            129..=1_024 => short::<16>(&log, &options),
            _ => Ok(None),
        };
        match short? {
            Some(usage) => Ok(usage),
            None => Portfolio::new(Activity::from_parquet(&paths, columns, calendar)?)?.usage(options),
        }
    }
}

/// What is read of a row group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Needed {
    /// Every column.
    All,
    /// What usage is made of; none of its rows is left out.
    Usage,
    /// Accounts and days; likewise, though accounts may be null.
    Days,
    /// Nothing: likewise, and it lies after the windows.
    Nothing,
}

impl Needed {
    fn of(group: &Group<'_>, windows: &Windows) -> Self {
        match group.days.filter(|_| group.intake.is_some()) {
            None => Self::All,
            Some((first, _)) if first > *windows.recent.end() => Self::Nothing,
            Some((_, last)) if last < *windows.baseline.start() => Self::Days,
            Some(_) => Self::Usage,
        }
    }
}

/// The short way, if the log has one, for windows of at most so many words of 64 days together.
pub(super) fn short<const WORDS: usize>(log: &Log<'_>, options: &UsageOptions) -> Result<Option<Usage>> {
    let EventColumns { user, time, account: Some(account), feature, .. } = log.columns else { return Ok(None) };
    let Some(plan) = log.plan.clone().filter(|_| !log.may_be_refused) else { return Ok(None) };
    let Some(account_type) = plan.account else { return Ok(None) };
    let mut groups = log.groups();
    let pools = Pools::default();
    let mut all = Door::new(log.columns, plan.clone(), log);
    let named = options.as_of();
    let last_day =
        |all: &mut Door<'_>| last_day(&groups, |group| all.read(&group.rows, pools.each(), |batch, _| ends(batch)));
    let Some(as_of) = named.or_else(|| last_day(&mut all).map(Date::from_day)) else { return Ok(None) };
    let windows = Windows::new(options, as_of);
    let rows = groups.iter().map(|group| group.rows.rows()).sum();
    let account_keys = keys(&groups, account, account_type);
    let Some(accounts) = Dense::new(account_keys, Tallies::<WORDS>::BYTES, rows) else { return Ok(None) };
    // There is a table for users for whom there is no room.
    let user_keys = keys(&groups, user, plan.user);
    let users = Dense::new(user_keys, size_of::<u32>(), rows).or_else(|| Dense::new(None, size_of::<u32>(), rows));
    let Some(users) = users else { return Ok(None) };

    // What takes longest comes first, so that no worker is left with it in the end.
    groups.sort_by_key(|group| Needed::of(group, &windows));
    let few = EventColumns { value: None, clock_times: false, feature: feature.clone(), ..log.columns.clone() };
    let usage = Door::new(&few, plan.clone(), log);
    let by_account = EventColumns::new(account, time);
    let days = Door::new(&by_account, Plan { user: account_type, account: None }, log);
    let workers = read_all(
        &groups,
        || (all.clone(), usage.clone(), days.clone(), Read::new(Tallies::<WORDS>::new(&windows, accounts, users))),
        |(all, usage, days, read), group| {
            let of_pools = pools.each();
            let needed = Needed::of(group, &windows);
            if let (Some(intake), Some(days)) = (group.intake, group.days)
                && needed != Needed::All
            {
                read.count(intake, Some(days));
            }
            match needed {
                Needed::Nothing => Ok(true),
                Needed::Days => {
                    let pools = Pools { user: of_pools.account, ..of_pools };
                    let mut take = |accounts: &[u64], day| read.tallies.add_before(accounts, day);
                    if group.intake.is_some_and(|known| known.without_account == 0) {
                        return days.read_runs(&group.rows, pools, take);
                    }
                    days.read(&group.rows, pools, |batch, _| runs(batch).all(|(accounts, day)| take(accounts, day)))
                }
                Needed::Usage => {
                    usage.read(&group.rows, of_pools, |batch, intake| intake.left_out() == 0 && read.tallies.add(batch))
                }
                Needed::All => all.read(&group.rows, of_pools, |batch, intake| {
                    read.count(intake, ends(batch));
                    read.tallies.add(batch)
                }),
            }
        },
    )?;
    let read = workers.and_then(|workers| workers.into_iter().map(|worker| worker.3).reduce(Read::join));
    let ids = KeyIds { id_type: account_type, strings: pools.account.into_strings() };
    read.map(|read| read.answer(options, as_of, &ids, feature.is_some())).transpose()
}

/// Accounts in the order of their ids, as which places order unless they are of strings.
fn in_order(mut found: Vec<Found>, ids: &KeyIds) -> Vec<Found> {
    if ids.id_type == IdType::String {
        let rank = ids.rank();
        found.par_sort_unstable_by_key(|found| rank(found.key));
    }
    found
}

/// What one worker has read.
#[derive(Debug)]
struct Read<const WORDS: usize> {
    tallies: Tallies<WORDS>,
    intake: Intake,
    /// The first and the last day with an event.
    observed: Option<(i32, i32)>,
}

impl<const WORDS: usize> Read<WORDS> {
    fn new(tallies: Tallies<WORDS>) -> Self {
        Self { tallies, intake: Intake::default(), observed: None }
    }

    fn count(&mut self, intake: Intake, days: Option<(i32, i32)>) {
        self.intake += intake;
        self.observed = both(self.observed, days);
    }

    fn join(self, other: Self) -> Self {
        let mut intake = self.intake;
        intake += other.intake;
        let observed = both(self.observed, other.observed);
        Self { tallies: self.tallies.join(other.tallies), intake, observed }
    }

    fn answer(self, options: &UsageOptions, as_of: Date, ids: &KeyIds, features: bool) -> Result<Usage> {
        let intake = self.intake;
        let Some((first, last)) = self.observed else {
            return Err(Error::Empty { rows: intake.rows, left_out: intake.left_out() });
        };
        check_within(as_of, (Date::from_day(first), Date::from_day(last)))?;
        let windows = Windows::new(options, as_of);
        let used = |found: &Found| {
            let silence = as_of.days_since_epoch().abs_diff(found.last);
            Used {
                membership: Membership::of_silence(silence, LAPSED_AFTER),
                recent: found.recent,
                baseline: found.baseline,
                baseline_days: windows.baseline_days(found.first, first),
                silence,
            }
        };
        let found = in_order(self.tallies.found(features), ids);
        let accounts =
            rayon::join(|| ids.ids(found.iter().map(|found| found.key)), || found.iter().map(used).collect());
        Ok(Usage::of_accounts(options.clone(), as_of, intake, accounts))
    }
}

fn both(one: Option<(i32, i32)>, other: Option<(i32, i32)>) -> Option<(i32, i32)> {
    let both = |(one, other): ((i32, i32), (i32, i32))| (one.0.min(other.0), one.1.max(other.1));
    one.zip(other).map(both).or(one).or(other)
}

/// The first and the last day of the events of a batch.
fn ends(batch: &Batch<'_>) -> Option<(i32, i32)> {
    let kept = batch.day.iter().copied().filter(|&day| day != LEFT_OUT);
    kept.map(|day| (day, day)).reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
}

/// The last day of the log, from what the files tell; row groups of which they do not are read, if these are few.
fn last_day(groups: &[Group<'_>], mut read: impl FnMut(&Group<'_>) -> Result<Option<(i32, i32)>>) -> Option<i32> {
    let told = |group: &&Group<'_>| group.intake.is_some() && group.days.is_some();
    let mut last = groups.iter().filter(told).filter_map(|group| group.days).map(|days| days.1).max();
    // No event of these is later than this, which says less where a row can be left out.
    let latest = |group: &Group<'_>| group.latest.unwrap_or(i32::MAX);
    let mut others: Vec<&Group<'_>> = groups.iter().filter(|group| !told(group)).collect();
    others.sort_by_key(|group| Reverse(latest(group)));
    for (number, group) in others.into_iter().enumerate() {
        if last.is_some_and(|last| last >= latest(group)) {
            break;
        }
        if number == READ_BEFORE {
            return None;
        }
        // An error is for the long way to tell, which reads in order.
        last = last.max(read(group).ok()?.map(|days| days.1));
    }
    last
}
