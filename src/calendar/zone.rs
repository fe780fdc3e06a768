//! From an instant to the local day it falls on.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

const SECONDS_PER_DAY: i64 = 86_400;
const NANOSECONDS_PER_SECOND: i64 = 1_000_000_000;

/// The day of an instant that no calendar holds.
pub(crate) const NO_DATE: i32 = i32::MAX;

/// An IANA time zone.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    pub(crate) fn new(name: &str) -> Result<Self> {
        match TimeZone::get(name) {
            Ok(rules) => Ok(Self { name: rules.iana_name().unwrap_or(name).to_owned(), rules }),
            Err(_) => Err(Error::Calendar {
                value: name.to_owned(),
                expected: "a time zone of the IANA database, like Europe/Vilnius",
            }),
        }
    }

    pub(crate) fn utc() -> Self {
        Self { name: "UTC".to_owned(), rules: TimeZone::UTC }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl TryFrom<String> for Zone {
    type Error = Error;
    fn try_from(name: String) -> Result<Self> {
        Self::new(&name)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}

/// A stretch of time with one offset from UTC, in the clock's own unit: `from..to`.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    from: i64,
    to: i64,
    offset: i64,
}

/// Turns instants of one unit into local days and times of day.
///
/// The zone's changes of offset are laid out once; instants of a log lie close together, so nearly always the stretch
/// of the last one serves for the next.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    units_per_second: i64,
    units_per_day: i64,
    stretches: Vec<Stretch>,
    last: Stretch,
    rules: TimeZone,
}

impl Clock {
    pub(crate) fn new(zone: &Zone, units_per_second: i64) -> Self {
        let units = |timestamp: Timestamp| timestamp.as_second().saturating_mul(units_per_second);
        let offset = |timestamp| i64::from(zone.rules.to_offset(timestamp).seconds()) * units_per_second;
        // Beyond this year a zone's rules are asked row by row; it only has to be later than real logs.
        let horizon = Timestamp::from_second(8_000_000_000).unwrap_or(Timestamp::MAX);
        let mut stretches = Vec::new();
        let mut from = (i64::MIN, offset(Timestamp::MIN));
        for change in zone.rules.following(Timestamp::MIN).take_while(|change| change.timestamp() < horizon) {
            let to = units(change.timestamp());
            stretches.push(Stretch { from: from.0, to, offset: from.1 });
            from = (to, i64::from(change.offset().seconds()) * units_per_second);
        }
        let ever = stretches.is_empty();
        let to = if ever { i64::MAX } else { units(horizon) };
        stretches.push(Stretch { from: from.0, to, offset: from.1 });
        let last = stretches[stretches.len() - 1];
        let units_per_day = SECONDS_PER_DAY * units_per_second;
        Self { units_per_second, units_per_day, stretches, last, rules: zone.rules.clone() }
    }

    /// How many of its units a second has.
    pub(crate) fn units_per_second(&self) -> i64 {
        self.units_per_second
    }

    /// Hands on the local days of instants in runs: a day, and how many instants one after the other lie on it;
    /// [`NO_DATE`] for those outside the years 1 to 9999.
    pub(crate) fn runs(&mut self, instants: &[i64], mut take: impl FnMut(i32, usize)) {
        // A log stays on one day for many rows, so most need no division.
        let mut rest = instants;
        while let Some(&first) = rest.first() {
            let day = self.day(first);
            let (from, length) = day.map_or((0, 0), |day| {
                let (start, end) = self.ends_of(day);
                (start, end.wrapping_sub(start).cast_unsigned())
            });
            let another = |&instant: &i64| instant.wrapping_sub(from).cast_unsigned() >= length;
            let run = 1 + rest[1..].iter().position(another).unwrap_or(rest.len() - 1);
            take(day.unwrap_or(NO_DATE), run);
            rest = &rest[run..];
        }
    }

    /// The first and the last local day of instants of which these are the first and the last; `None` where clocks are
    /// changed close to them, for then the local days may run otherwise than the instants, or where there is no such day.
    #[cfg(feature = "lazy")]
    pub(crate) fn ends(&mut self, first: i64, last: i64) -> Option<(i32, i32)> {
        let near = 2 * self.units_per_day;
        let first_day = self.day(first)?;
        let after_first = self.last.to.saturating_sub(first);
        let last_day = self.day(last)?;
        let before_last = last.saturating_sub(self.last.from);
        (after_first > near && before_last > near).then_some((first_day, last_day))
    }

    /// A day that no local day of instants up to this one lies behind, however clocks are changed.
    #[cfg(feature = "lazy")]
    pub(crate) fn latest(&mut self, last: i64) -> Option<i32> {
        // Offsets lie within 26 hours of UTC, two of them within 52 of one another.
        self.day(last).map(|day| day + 3)
    }

    /// What the wall clock shows at each instant, in nanoseconds since midnight. `days` are the local days of the
    /// instants; for an instant without one the result means nothing.
    pub(crate) fn times(&mut self, instants: &[i64], days: &[i32]) -> Vec<u64> {
        let nanoseconds = (NANOSECONDS_PER_SECOND / self.units_per_second).cast_unsigned();
        let time = |(&instant, &day)| self.time(instant, day).wrapping_mul(nanoseconds);
        instants.iter().zip(days).map(time).collect()
    }

    /// The time of day of an instant on a known day.
    #[inline]
    fn time(&mut self, instant: i64, day: i32) -> u64 {
        self.seek(instant);
        // Near its ends an i64 has no room for the midnight before, but the difference comes out right.
        let midnight = i64::from(day).wrapping_mul(self.units_per_day).wrapping_sub(self.last.offset);
        instant.wrapping_sub(midnight).cast_unsigned()
    }

    /// Turns to the stretch that holds an instant.
    #[inline]
    fn seek(&mut self, instant: i64) {
        if !(self.last.from <= instant && instant < self.last.to) {
            self.last = self.stretch_of(instant);
        }
    }

    /// The instants of a day within the present stretch, which holds one of them.
    fn ends_of(&self, day: i32) -> (i64, i64) {
        // Near its ends an i64 has no room for the midnights of a day.
        let [from, to, offset] = [self.last.from, self.last.to, self.last.offset].map(i128::from);
        let start = i128::from(day) * i128::from(self.units_per_day) - offset;
        let within = |instant: i128| i64::try_from(instant.clamp(from, to)).unwrap_or(self.last.to);
        (within(start), within(start + i128::from(self.units_per_day)))
    }

    /// The local day of an instant, or `None` if it lies outside the years 1 to 9999.
    #[inline]
    fn day(&mut self, instant: i64) -> Option<i32> {
        self.seek(instant);
        // The offset is added to the time of day, for near its ends an i64 has no room to add it to the instant.
        let (day, time) = (instant.div_euclid(self.units_per_day), instant.rem_euclid(self.units_per_day));
        let day = i32::try_from(day + (time + self.last.offset).div_euclid(self.units_per_day)).ok()?;
        (super::Date::MIN.days_since_epoch()..=super::Date::MAX.days_since_epoch()).contains(&day).then_some(day)
    }

    #[cold]
    fn stretch_of(&self, instant: i64) -> Stretch {
        let index = self.stretches.partition_point(|stretch| stretch.to <= instant);
        if let Some(stretch) = self.stretches.get(index) {
            return *stretch;
        }
        let second = instant.div_euclid(self.units_per_second);
        let timestamp = Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
        let offset = i64::from(self.rules.to_offset(timestamp).seconds()) * self.units_per_second;
        Stretch { from: instant, to: instant.saturating_add(1), offset }
    }
}

#[cfg(test)]
mod tests {
    use std::iter::repeat_n;

    use super::*;

    fn day_of(zone: &str, instant: &str) -> String {
        let timestamp: Timestamp = instant.parse().unwrap();
        let zone = Zone::new(zone).unwrap();
        let day = Clock::new(&zone, 1_000).day(timestamp.as_millisecond()).unwrap();
        super::super::Date::from_day(day).to_string()
    }

    #[test]
    fn days_are_those_of_the_wall_clock() {
        assert_eq!(day_of("UTC", "2024-03-31T23:59:59.999Z"), "2024-03-31");
        assert_eq!(day_of("Europe/Vilnius", "2024-03-31T20:59:59Z"), "2024-03-31");
        assert_eq!(day_of("Europe/Vilnius", "2024-03-31T21:00:00Z"), "2024-04-01");
        assert_eq!(day_of("Europe/Vilnius", "2024-03-30T21:59:59Z"), "2024-03-30");
        assert_eq!(day_of("Pacific/Auckland", "2024-12-31T11:00:00Z"), "2025-01-01");
        assert_eq!(day_of("Pacific/Pago_Pago", "2025-01-01T10:59:59Z"), "2024-12-31");
        assert_eq!(day_of("UTC", "1969-12-31T23:59:59Z"), "1969-12-31");
    }

    #[test]
    fn the_clock_agrees_with_the_zone_everywhere() {
        for name in ["UTC", "Europe/Vilnius", "America/St_Johns", "Africa/Monrovia", "Pacific/Apia", "Asia/Kolkata"] {
            let zone = Zone::new(name).unwrap();
            let mut clock = Clock::new(&zone, 1);
            // From the year 1800 to 2300, in steps that fall on every hour of the day and out of order.
            for step in 0..40_000_i64 {
                let second = -5_364_662_400 + (step * 7_919 % 40_000) * 394_693;
                let civil = Timestamp::from_second(second).unwrap().to_zoned(zone.rules.clone()).datetime();
                let day = clock.day(second).unwrap();
                assert_eq!(super::super::Date::from_day(day).to_string(), civil.date().to_string(), "{name} {second}");
                assert_eq!(clock.times(&[second], &[day]), [since_midnight(civil)], "{name} {second}");
            }
        }
    }

    fn since_midnight(civil: jiff::civil::DateTime) -> u64 {
        let midnight = civil.date().to_datetime(jiff::civil::Time::midnight());
        civil.duration_since(midnight).as_nanos().try_into().unwrap()
    }

    #[test]
    fn times_are_what_the_clock_shows_in_every_unit() {
        // Before and after the changes of offset of some zones, of which one is at midnight, one just after it, and one
        // leaves out a whole day; before the epoch; and at both ends of what an i64 of nanoseconds holds.
        let cases = [
            ("UTC", "1969-12-31T23:59:59.999999999Z"),
            ("UTC", "1970-01-01T00:00:00Z"),
            ("Europe/Vilnius", "2024-03-31T00:59:59.999999999Z"),
            ("Europe/Vilnius", "2024-03-31T01:00:00Z"),
            ("Europe/Vilnius", "2024-10-27T00:30:00.25Z"),
            ("Europe/Vilnius", "2024-10-27T01:30:00.25Z"),
            ("America/Havana", "2024-03-10T04:59:59.9Z"),
            ("America/Havana", "2024-03-10T05:00:00Z"),
            ("America/St_Johns", "2006-10-29T02:30:59.5Z"),
            ("America/St_Johns", "2006-10-29T02:31:00Z"),
            ("Pacific/Apia", "2011-12-30T09:59:59.999Z"),
            ("Pacific/Apia", "2011-12-30T10:00:00Z"),
            ("Africa/Monrovia", "1971-12-31T23:59:59.123456789Z"),
            ("Pacific/Kiritimati", "1677-09-21T00:12:43.145224192Z"),
            ("America/Los_Angeles", "1677-09-21T00:12:43.145224192Z"),
            ("Pacific/Kiritimati", "2262-04-11T23:47:16.854775807Z"),
            ("America/Los_Angeles", "2262-04-11T23:47:16.854775807Z"),
        ];
        for (name, instant) in cases {
            let (zone, instant) = (Zone::new(name).unwrap(), instant.parse::<Timestamp>().unwrap().as_nanosecond());
            for nanoseconds in [1, 1_000, 1_000_000_i64] {
                let instant = i64::try_from(instant).unwrap().div_euclid(nanoseconds);
                let mut clock = Clock::new(&zone, NANOSECONDS_PER_SECOND / nanoseconds);
                let mut days = Vec::new();
                clock.runs(&[instant], |day, run| days.extend(repeat_n(day, run)));
                let cut = Timestamp::from_nanosecond(i128::from(instant) * i128::from(nanoseconds)).unwrap();
                let civil = cut.to_zoned(zone.rules.clone()).datetime();
                assert_eq!(super::super::Date::from_day(days[0]).to_string(), civil.date().to_string());
                assert_eq!(clock.times(&[instant], &days), [since_midnight(civil)], "{name} {cut} {nanoseconds}");
            }
        }
    }

    #[test]
    fn instants_without_a_day_have_no_time_and_do_no_harm() {
        let mut clock = Clock::new(&Zone::new("Asia/Kolkata").unwrap(), 1_000);
        let instants = [0, i64::MAX, i64::MIN, 60_000];
        let mut days = Vec::new();
        clock.runs(&instants, |day, run| days.extend(repeat_n(day, run)));
        assert_eq!(days, [0, NO_DATE, NO_DATE, 0]);
        let times = clock.times(&instants, &[0, NO_DATE, i32::MIN, 0]);
        assert_eq!((times[0], times[3]), (19_800_000_000_000, 19_860_000_000_000));
    }

    #[test]
    fn runs_are_the_days_of_the_instants() {
        for name in ["UTC", "Europe/Vilnius", "Pacific/Apia", "Asia/Kolkata"] {
            let zone = Zone::new(name).unwrap();
            let (mut clock, mut alone) = (Clock::new(&zone, 1_000), Clock::new(&zone, 1_000));
            // Every twenty minutes from before the day that Apia left out to after it, with steps back, and some of no year.
            let mut instants: Vec<i64> = (0..3_000).map(|step| 1_323_000_000_000 + step * 1_200_000).collect();
            (0..2_990).step_by(70).for_each(|row| instants.swap(row, row + 9));
            instants.extend([i64::MAX, i64::MAX, i64::MIN, 0, -1, 0]);
            let mut days = Vec::new();
            clock.runs(&instants, |day, run| days.extend(repeat_n(day, run)));
            let expected: Vec<i32> = instants.iter().map(|&instant| alone.day(instant).unwrap_or(NO_DATE)).collect();
            assert_eq!(days, expected, "{name}");
        }
        Clock::new(&Zone::utc(), 1).runs(&[], |_, _| panic!("there is none"));
        // The first and the last days that an i64 of nanoseconds holds, every seven minutes.
        for name in ["UTC", "Asia/Kolkata", "America/Los_Angeles", "Etc/GMT-14"] {
            let zone = Zone::new(name).unwrap();
            let (mut clock, mut alone) =
                (Clock::new(&zone, NANOSECONDS_PER_SECOND), Clock::new(&zone, NANOSECONDS_PER_SECOND));
            let instants = || (0..600_i64).map(|step| step * 420 * NANOSECONDS_PER_SECOND);
            let instants: Vec<i64> =
                instants().map(|after| i64::MIN + after).chain(instants().map(|before| i64::MAX - before)).collect();
            let mut days = Vec::new();
            clock.runs(&instants, |day, run| days.extend(repeat_n(day, run)));
            let expected: Vec<i32> = instants.iter().map(|&instant| alone.day(instant).unwrap_or(NO_DATE)).collect();
            assert_eq!(days, expected, "{name}");
        }
    }

    #[cfg(feature = "lazy")]
    #[test]
    fn ends_are_told_only_far_from_a_change() {
        let ends = |zone: &str, from: &str, to: &str| {
            let second = |instant: &str| instant.parse::<Timestamp>().unwrap().as_second();
            Clock::new(&Zone::new(zone).unwrap(), 1).ends(second(from), second(to))
        };
        assert_eq!(ends("UTC", "1969-12-31T23:59:59Z", "1970-01-02T00:00:00Z"), Some((-1, 1)));
        assert_eq!(ends("Europe/Vilnius", "2024-05-01T21:00:00Z", "2024-06-01T00:00:00Z"), Some((19_845, 19_875)));
        // The clocks are changed at 01:00 of 2024-03-31 and of 2024-10-27.
        assert_eq!(ends("Europe/Vilnius", "2024-05-01T21:00:00Z", "2024-10-28T00:00:00Z"), None);
        assert_eq!(ends("Europe/Vilnius", "2024-03-30T00:00:00Z", "2024-06-01T00:00:00Z"), None);
        // In Brazil they went back from midnight to 23:00 of the day before.
        assert_eq!(ends("America/Sao_Paulo", "2018-01-01T00:00:00Z", "2018-02-18T02:10:00Z"), None);
        let mut clock = Clock::new(&Zone::new("Asia/Kolkata").unwrap(), 1);
        assert_eq!((clock.ends(0, i64::MAX), clock.ends(i64::MIN, 0)), (None, None));
    }

    #[test]
    fn what_no_calendar_holds() {
        let mut clock = Clock::new(&Zone::new("Asia/Kolkata").unwrap(), 1);
        assert_eq!(clock.day(i64::MAX), None);
        assert_eq!(clock.day(i64::MIN), None);
        assert_eq!(clock.day(253_402_300_800), None);
        assert!(Zone::new("Europe/Atlantis").is_err());
    }
}
