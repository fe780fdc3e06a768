//! How much every account was used lately, and before.

use std::fmt;
use std::ops::RangeInclusive;

use polars::prelude::DataFrame;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Account, Membership, Portfolio};
use crate::activity::{Intake, Rows};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::ids::{Id, Ids};
use crate::frame::{to_frame, write};

to_frame!(Usage);

/// As of when usage is looked at, and over which days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageOptions {
    as_of: Option<Date>,
    recent: u32,
    baseline: u32,
}

impl UsageOptions {
    /// As known at the end of `as_of`.
    #[must_use]
    pub fn new(as_of: Date) -> Self {
        Self { as_of: Some(as_of), ..Self::latest() }
    }

    /// As known at the end of the observation, whatever day that is; [`Usage::as_of`] says it.
    #[must_use]
    pub fn latest() -> Self {
        Self { as_of: None, recent: 28, baseline: 84 }
    }

    /// The number of recent days, the last of which is `as_of`. 28 unless told: four of each weekday.
    #[must_use]
    pub fn recent(mut self, days: u32) -> Self {
        self.recent = days;
        self
    }

    /// The number of days before the recent ones with which these are compared. 84 unless told: twelve of each weekday,
    /// and short enough to lie mostly within one season.
    #[must_use]
    pub fn baseline(mut self, days: u32) -> Self {
        self.baseline = days;
        self
    }

    /// The day that was named.
    #[cfg(feature = "lazy")]
    pub(crate) fn as_of(&self) -> Option<Date> {
        self.as_of
    }

    /// The number of days of both windows.
    #[cfg(feature = "lazy")]
    pub(crate) fn days(&self) -> u32 {
        self.recent + self.baseline
    }

    pub(crate) fn check(&self) -> Result<()> {
        for (option, days) in [("recent", self.recent), ("baseline", self.baseline)] {
            if !(1..=36_600).contains(&days) {
                let reason = "a window has at least one day and at most a century";
                return Err(Error::InvalidOption { option, value: days.to_string(), reason });
            }
        }
        Ok(())
    }
}

/// The days that are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Windows {
    pub(crate) recent: RangeInclusive<i32>,
    pub(crate) baseline: RangeInclusive<i32>,
}

impl Windows {
    /// Those of options that have been checked.
    pub(crate) fn new(options: &UsageOptions, as_of: Date) -> Self {
        let days = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
        let recent = as_of.days_since_epoch() - days(options.recent) + 1;
        let baseline = recent - days(options.baseline);
        Self { recent: recent..=as_of.days_since_epoch(), baseline: baseline..=recent - 1 }
    }

    /// Days of the baseline on which an account could have been active.
    pub(crate) fn baseline_days(&self, first: i32, observed_from: i32) -> u32 {
        let from = first.max(observed_from).max(*self.baseline.start());
        u32::try_from(self.baseline.end() + 1 - from).unwrap_or(0)
    }
}

impl From<Date> for UsageOptions {
    fn from(as_of: Date) -> Self {
        Self::new(as_of)
    }
}

/// What an account did within some days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageWindow {
    /// The number of events.
    pub events: u64,
    /// The number of days with activity.
    pub active_days: u32,
    /// The number of distinct people who acted for it; `None` where accounts were not mapped at ingestion.
    pub people: Option<u32>,
    /// The number of distinct features; `None` where features were not mapped.
    pub features: Option<u32>,
}

/// How much one account was used.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct AccountUsage<'a> {
    /// The account.
    pub account: Id<'a>,
    /// Whether it is a customer.
    pub membership: Membership,
    /// What it did in the recent days.
    pub recent: UsageWindow,
    /// What it did in the days before them.
    pub baseline: UsageWindow,
    /// Days of the baseline on which it could have been active: those of the observation since its first active day.
    pub baseline_days: u32,
    /// Days since it was last active.
    pub silence: u32,
}

/// How much every account was used lately, and before: what [`Portfolio::usage`] gives.
///
/// Two are equal if options, day and accounts are; what ingestion left out on the way there makes no difference.
#[derive(Clone, Debug)]
pub struct Usage {
    options: UsageOptions,
    as_of: Date,
    intake: Intake,
    accounts: Ids,
    of: Vec<Used>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Used {
    pub(crate) membership: Membership,
    pub(crate) recent: UsageWindow,
    pub(crate) baseline: UsageWindow,
    pub(crate) baseline_days: u32,
    pub(crate) silence: u32,
}

impl Portfolio {
    /// How much every account was used in the recent days, and in the days before.
    ///
    /// ```text
    /// recent     the days as_of - recent + 1 ..= as_of
    /// baseline   the days as_of - recent - baseline + 1 ..= as_of - recent
    /// silence    as_of less the last active day
    /// ```
    ///
    /// Every account with activity by `as_of` is in it, customer or not. Counts are of what happened; where a window
    /// reaches back beyond the observation or the first active day of an account, `baseline_days` says how many of its
    /// days there were. Nothing later than `as_of` counts.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a day outside the observation and for a window without days.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, EventColumns, Portfolio, UsageOptions, date};
    /// use attrition::polars::prelude::*;
    ///
    /// let mut events = df!("user" => [1, 2, 1, 1], "company" => ["acme"; 4], "day" => [19_723, 19_723, 19_725, 19_726])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let columns = EventColumns::new("user", "day").account("company");
    /// let portfolio = Portfolio::new(Activity::from_frame(&events, &columns, &Calendar::utc())?)?;
    /// let usage = portfolio.usage(UsageOptions::new(date(2024, 1, 3)).recent(1).baseline(5))?;
    /// let acme = usage.iter().next().unwrap();
    /// assert_eq!((acme.recent.events, acme.recent.people, acme.silence), (1, Some(1), 0));
    /// assert_eq!((acme.baseline.events, acme.baseline.people, acme.baseline_days), (2, Some(2), 2));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// Planhat's usage trend and Totango's consumption change compare the last days with those before them; the silence is
    /// the recency of the marketing literature, as in P. S. Fader and B. G. S. Hardie (2009), "Probability models for
    /// customer-base analysis", Journal of Interactive Marketing 23, 61-69.
    pub fn usage(&self, options: impl Into<UsageOptions>) -> Result<Usage> {
        let options = options.into();
        options.check()?;
        let as_of = options.as_of.unwrap_or(self.activity().as_of());
        self.check_as_of(as_of)?;
        let windows = Windows::new(&options, as_of);
        let observed_from = self.activity().observed_from().days_since_epoch();
        let used = (0..self.len()).into_par_iter().filter_map(|number| {
            let account = Account::new(self, number, as_of.days_since_epoch());
            let &first = account.days().first()?;
            let used = Used {
                membership: account.membership(),
                recent: UsageWindow::of(&account, windows.recent.clone()),
                baseline: UsageWindow::of(&account, windows.baseline.clone()),
                baseline_days: windows.baseline_days(first, observed_from),
                silence: account.silence()?,
            };
            Some((number, used))
        });
        let (numbers, of): (Vec<usize>, Vec<Used>) = used.collect();
        let mut accounts = Ids::new(self.ids().id_type());
        numbers.into_iter().for_each(|number| accounts.push_from(self.ids(), number));
        Ok(Usage { options, as_of, intake: *self.activity().intake(), accounts, of })
    }
}

impl PartialEq for Usage {
    fn eq(&self, other: &Self) -> bool {
        (&self.options, self.as_of) == (&other.options, other.as_of)
            && self.accounts == other.accounts
            && self.of == other.of
    }
}

impl UsageWindow {
    fn of(account: &Account<'_>, days: RangeInclusive<i32>) -> Self {
        let rows = account.within(days.clone());
        let people =
            account.people().map(|people| people.filter(|person| !person.within(days.clone()).is_empty()).count());
        let (table, count) = (account.rows(), rows.len());
        Self {
            events: table.events[rows.clone()].iter().map(|&events| u64::from(events)).sum(),
            active_days: u32::try_from(count).unwrap_or(u32::MAX),
            people: people.map(|people| u32::try_from(people).unwrap_or(u32::MAX)),
            features: distinct_features(table, rows),
        }
    }
}

/// The number of distinct features in some rows; `None` where features are not mapped.
pub(crate) fn distinct_features(table: &Rows, rows: std::ops::Range<usize>) -> Option<u32> {
    let sets = table.features.as_ref()?;
    let low = sets.low[rows.clone()].iter().fold(0, |all, low| all | low).count_ones();
    let mut high = sets.high_feature[sets.high(rows)].to_vec();
    high.sort_unstable();
    high.dedup();
    Some(low + u32::try_from(high.len()).unwrap_or(u32::MAX))
}

impl Usage {
    /// That of accounts in order.
    #[cfg(feature = "lazy")]
    pub(crate) fn of_accounts(
        options: UsageOptions,
        as_of: Date,
        intake: Intake,
        (accounts, of): (Ids, Vec<Used>),
    ) -> Self {
        Self { options, as_of, intake, accounts, of }
    }

    /// The options it was asked with.
    #[must_use]
    pub fn options(&self) -> &UsageOptions {
        &self.options
    }

    /// The day at whose end it was.
    #[must_use]
    pub fn as_of(&self) -> Date {
        self.as_of
    }

    /// What ingestion read, kept and left out of the log, up to its end. Events without an account are kept, and count for
    /// no account.
    #[must_use]
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// The accounts in the order of their ids.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = AccountUsage<'_>> {
        (0..self.of.len()).map(|place| self.at(place))
    }

    /// One account; `None` where it was never active by then.
    #[must_use]
    pub fn of<'i>(&self, account: impl Into<Id<'i>>) -> Option<AccountUsage<'_>> {
        Some(self.at(self.accounts.position(account.into())?))
    }

    fn at(&self, place: usize) -> AccountUsage<'_> {
        let Used { membership, recent, baseline, baseline_days, silence } = self.of[place];
        AccountUsage { account: self.accounts.get(place), membership, recent, baseline, baseline_days, silence }
    }

    /// The usage as a frame, one row an account that was active by `as_of`, in the order of the ids.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | of the log's integer column, or String | the account |
    /// | `membership` | String | `customer`, `left` or `lapsed` |
    /// | `recent_events`, `baseline_events` | UInt64 | events within the window |
    /// | `recent_active_days`, `baseline_active_days` | UInt32 | days with activity |
    /// | `recent_people`, `baseline_people` | UInt32 | distinct people; null where accounts are not mapped |
    /// | `recent_features`, `baseline_features` | UInt32 | distinct features; null where features are not mapped |
    /// | `baseline_days` | UInt32 | days of the baseline within the observation and since the first active day |
    /// | `silence` | UInt32 | days since the last activity |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        fn column<T>(of: &[Used], get: impl Fn(&Used) -> T) -> Vec<T> {
            of.iter().map(get).collect()
        }
        let (used, both) = (&self.of, [("recent", true), ("baseline", false)]);
        let window = |used: &Used, recent: bool| if recent { used.recent } else { used.baseline };
        let mut columns = vec![
            write::all_ids("account", &self.accounts)?,
            write::column("membership", column(used, |used| used.membership.name())),
        ];
        for (name, recent) in both {
            columns.push(write::column(&format!("{name}_events"), column(used, |used| window(used, recent).events)));
        }
        for (name, recent) in both {
            let days = column(used, |used| window(used, recent).active_days);
            columns.push(write::column(&format!("{name}_active_days"), days));
        }
        for (name, recent) in both {
            columns.push(write::column(&format!("{name}_people"), column(used, |used| window(used, recent).people)));
        }
        for (name, recent) in both {
            columns
                .push(write::column(&format!("{name}_features"), column(used, |used| window(used, recent).features)));
        }
        columns.push(write::column("baseline_days", column(used, |used| used.baseline_days)));
        columns.push(write::column("silence", column(used, |used| used.silence)));
        write::frame(columns)
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (UsageOptions { recent, baseline, .. }, as_of) = (&self.options, self.as_of);
        let active = self.of.iter().filter(|used| used.recent.active_days > 0).count();
        write!(f, "{active} of {} accounts were active in the {recent} days to {as_of}, ", self.of.len())?;
        let before = self.of.iter().filter(|used| used.baseline.active_days > 0).count();
        write!(f, "{before} in the {baseline} days before")
    }
}
