//! The definitions, counted as naively as can be: loops over the sets of days on which each user was active.
//!
//! Nothing here is shared with the crate but the names of its answers. Local days come from `jiff`, and a period is
//! found by walking from day to day until the calendar turns a page.

use std::collections::{BTreeMap, BTreeSet};

use attrition::{Cohort, Coverage, Criterion, Date, Period, Span, Weekday, date};
use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A log of events and the way it is looked at.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// Users and instants in microseconds.
    pub(crate) events: Vec<(i64, i64)>,
    pub(crate) zone: &'static str,
    pub(crate) week_starts: Weekday,
    pub(crate) observed_from: Option<civil::Date>,
    pub(crate) as_of: Option<civil::Date>,
}

impl Log {
    pub(crate) fn local_day(&self, micros: i64) -> civil::Date {
        Timestamp::from_microsecond(micros).unwrap().to_zoned(TimeZone::get(self.zone).unwrap()).date()
    }
}

/// First and last day of a stretch.
pub(crate) type Stretch = (civil::Date, civil::Date);

/// What is known of the users.
#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    pub(crate) days: BTreeMap<i64, BTreeSet<civil::Date>>,
    /// Events within the observation.
    pub(crate) events: u64,
    pub(crate) first: civil::Date,
    pub(crate) last: civil::Date,
    week_starts: Weekday,
}

impl Oracle {
    /// `None` if no event is left and the observation is not named at both ends.
    pub(crate) fn new(log: &Log) -> Option<Self> {
        let mut days: BTreeMap<i64, BTreeSet<civil::Date>> = BTreeMap::new();
        let mut events = 0;
        for &(user, micros) in &log.events {
            let day = log.local_day(micros);
            if log.observed_from.is_none_or(|from| from <= day) && log.as_of.is_none_or(|to| day <= to) {
                days.entry(user).or_default().insert(day);
                events += 1;
            }
        }
        let seen: BTreeSet<civil::Date> = days.values().flatten().copied().collect();
        let first = log.observed_from.or(seen.first().copied())?;
        let last = log.as_of.or(seen.last().copied())?;
        Some(Self { days, events, first, last, week_starts: log.week_starts })
    }

    /// Every day of the observation.
    pub(crate) fn observation(&self) -> Vec<civil::Date> {
        self.first.series(1.day()).take_while(|&day| day <= self.last).collect()
    }

    pub(crate) fn active(&self, (start, end): Stretch) -> u64 {
        let within = |days: &&BTreeSet<civil::Date>| days.iter().any(|&day| start <= day && day <= end);
        self.days.values().filter(within).count() as u64
    }

    pub(crate) fn coverage(&self, (start, end): Stretch) -> Coverage {
        let (before, ended) = (start < self.first, end <= self.last);
        match (before, ended) {
            _ if end < self.first || start > self.last => Coverage::Unobserved,
            (_, false) => Coverage::Open,
            (true, true) => Coverage::Truncated,
            (false, true) => Coverage::Observed,
        }
    }

    /// The period that holds a day.
    pub(crate) fn period(&self, period: Period, day: civil::Date) -> Stretch {
        let page = |day: civil::Date| match period {
            Period::Day => (day.year(), day.day_of_year()),
            Period::Week => {
                let start = day.series((-1).day()).find(|&day| weekday(day) == self.week_starts).unwrap();
                (start.year(), start.day_of_year())
            }
            Period::Month => (day.year(), i16::from(day.month())),
            Period::Quarter => (day.year(), i16::from((day.month() - 1) / 3)),
            Period::Year => (day.year(), 0),
        };
        let walk = |step: i64| day.series(step.days()).take_while(|&other| page(other) == page(day)).last().unwrap();
        (walk(-1), walk(1))
    }

    /// The periods that lie at least in part within the observation.
    pub(crate) fn periods(&self, period: Period) -> Vec<Stretch> {
        let mut periods = vec![self.period(period, self.first)];
        while let Some(&(_, end)) = periods.last().filter(|(_, end)| *end < self.last) {
            periods.push(self.period(period, end.tomorrow().unwrap()));
        }
        periods
    }

    pub(crate) fn triangle(&self, period: Period) -> Triangle<'_> {
        let periods = self.periods(period);
        let number = |day: &civil::Date| periods.iter().position(|(start, end)| start <= day && day <= end).unwrap();
        let presence = self.days.iter().map(|(&user, days)| (user, days.iter().map(number).collect())).collect();
        Triangle { oracle: self, periods, presence }
    }
}

/// The users as the periods in which they were active, numbered from the first of the observation.
#[derive(Debug)]
pub(crate) struct Triangle<'a> {
    oracle: &'a Oracle,
    pub(crate) periods: Vec<Stretch>,
    presence: BTreeMap<i64, BTreeSet<usize>>,
}

impl Triangle<'_> {
    pub(crate) fn cohort(&self, cohort: usize) -> Cohort {
        Cohort {
            label: None,
            span: span(self.periods[cohort]),
            size: self.members(Criterion::On, cohort, 0).len() as u64,
            coverage: self.oracle.coverage(self.periods[cohort]),
        }
    }

    /// The users of a cohort who are retained at an age.
    pub(crate) fn members(&self, criterion: Criterion, cohort: usize, age: usize) -> BTreeSet<i64> {
        let of_cohort = self.presence.iter().filter(|(_, periods)| periods.first() == Some(&cohort));
        let retained = of_cohort.filter(|(_, periods)| {
            let active = |age| periods.contains(&(cohort + age));
            age == 0
                || match criterion {
                    Criterion::On => active(age),
                    Criterion::OnOrAfter => periods.iter().any(|&period| period >= cohort + age),
                    Criterion::OnOrBefore => (1..=age).any(active),
                    Criterion::Streak => (0..=age).all(active),
                }
        });
        retained.map(|(&user, _)| user).collect()
    }

    /// The state of a cell: its period has ended, has begun, or lies after the observation.
    pub(crate) fn coverage(&self, cohort: usize, age: usize) -> Coverage {
        match self.periods.get(cohort + age) {
            Some((_, end)) if *end <= self.oracle.last => Coverage::Observed,
            Some(_) => Coverage::Open,
            None => Coverage::Unobserved,
        }
    }
}

/// A day in the crate's own terms.
pub(crate) fn day(day: civil::Date) -> Date {
    date(1970, 1, 1) + (day - civil::date(1970, 1, 1)).get_days()
}

/// A stretch in the crate's own terms.
pub(crate) fn span((start, end): Stretch) -> Span {
    Span { start: day(start), end: day(end) }
}

fn weekday(day: civil::Date) -> Weekday {
    Weekday::ALL[usize::try_from(day.weekday().to_monday_zero_offset()).unwrap()]
}

/// An oracle has to be right before anything is compared with it.
#[test]
fn by_hand() {
    let instant = |text: &str| text.parse::<Timestamp>().unwrap().as_microsecond();
    let log = Log {
        // In Apia 29 December was followed by 31 December: 10:00 UTC of the 30th is midnight of either.
        events: vec![
            (1, instant("2011-12-30T09:59:59Z")),
            (1, instant("2011-12-30T10:00:00Z")),
            (2, instant("2012-01-02T09:59:59Z")),
            (2, instant("2012-02-29T11:00:00Z")),
        ],
        zone: "Pacific/Apia",
        week_starts: Weekday::Sun,
        observed_from: None,
        as_of: Some(civil::date(2012, 3, 2)),
    };
    let oracle = Oracle::new(&log).unwrap();
    let days = |user| oracle.days[&user].iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        (days(1), days(2)),
        (vec!["2011-12-29".into(), "2011-12-31".into()], vec!["2012-01-02".into(), "2012-03-01".into()])
    );
    assert_eq!((oracle.first, oracle.last), (civil::date(2011, 12, 29), civil::date(2012, 3, 2)));

    let text = |(start, end): Stretch| format!("{start} {end}");
    let periods = |period| oracle.periods(period).into_iter().map(text).collect::<Vec<_>>();
    assert_eq!(periods(Period::Week)[..2], ["2011-12-25 2011-12-31", "2012-01-01 2012-01-07"]);
    assert_eq!(periods(Period::Month)[1..3], ["2012-01-01 2012-01-31", "2012-02-01 2012-02-29"]);
    assert_eq!(periods(Period::Quarter), ["2011-10-01 2011-12-31", "2012-01-01 2012-03-31"]);
    assert_eq!(periods(Period::Year), ["2011-01-01 2011-12-31", "2012-01-01 2012-12-31"]);
    assert_eq!(periods(Period::Day).len(), 65);

    let months = oracle.triangle(Period::Month);
    assert_eq!((months.cohort(0).size, months.cohort(1).size, months.cohort(2).size), (1, 1, 0));
    assert_eq!((months.cohort(0).coverage, months.cohort(3).coverage), (Coverage::Truncated, Coverage::Open));
    let back = |criterion, age| months.members(criterion, 1, age).contains(&2);
    let ages = |criterion| [0, 1, 2].map(|age| back(criterion, age));
    assert_eq!(ages(Criterion::On), [true, false, true]);
    assert_eq!(ages(Criterion::OnOrAfter), [true, true, true]);
    assert_eq!(ages(Criterion::OnOrBefore), [true, false, true]);
    assert_eq!(ages(Criterion::Streak), [true, false, false]);
    assert_eq!(
        [1, 2, 3].map(|age| months.coverage(1, age)),
        [Coverage::Observed, Coverage::Open, Coverage::Unobserved]
    );
}
