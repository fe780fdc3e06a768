//! Adoption of features: by hand, against sets of people counted one by one, on companies whose truth is known, and at
//! its edges.

use std::collections::{BTreeMap, BTreeSet};

use attrition::polars::prelude::*;
use attrition::{
    Activity, Adoption, AdoptionDifference, AdoptionOptions, AdoptionRetention, Calendar, CohortAdoption, Correction,
    Coverage, Error, FeatureAdoption, FeaturePeriod, Landmark, Period, TimeToFirstUse, Weekday, date,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseError;

use super::log::{self, Event, Mapped, day, event, feature_text, frame, ingest, message};
use super::properties::{near, ratio};

/// The features that each actor used on each of its days, some of them none.
pub(crate) type People = BTreeMap<i64, BTreeMap<i32, BTreeSet<u32>>>;

/// A log with features, and the first and last day of its observation.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) events: Vec<Event>,
    pub(crate) observed: (i32, i32),
}

impl Scene {
    pub(crate) fn activity(&self) -> Activity {
        ingest(&self.events, Mapped::ALL, Some(self.observed))
    }

    pub(crate) fn people(&self) -> People {
        people(&self.events)
    }

    /// The same in other shapes: rows turned around, a row appended, late days appended.
    pub(crate) fn reshaped(&self, cut: Index) -> Vec<(&'static str, Activity)> {
        let append = |left: &[Event], right: &[Event], [from, to]: [(i32, i32); 2]| {
            let mut grown = ingest(left, Mapped::ALL, Some(from));
            grown.append(&ingest(right, Mapped::ALL, Some(to))).unwrap();
            grown
        };
        let turned: Vec<Event> = self.events.iter().rev().cloned().collect();
        let (rows, row) = self.events.split_at(self.events.len() - 1);
        let mut same = vec![
            ("turned around", ingest(&turned, Mapped::ALL, Some(self.observed))),
            ("a row appended", append(rows, row, [self.observed; 2])),
        ];
        let (first, last) = self.observed;
        let middle = first + i32::try_from(cut.index((last - first + 1) as usize)).unwrap();
        if middle < last {
            let (early, late) = self.events.iter().cloned().partition::<Vec<_>, _>(|event| event.day <= Some(middle));
            same.push(("days appended", append(&early, &late, [(first, middle), (middle + 1, last)])));
        }
        same
    }
}

pub(crate) fn people(events: &[Event]) -> People {
    let mut people = People::new();
    for event in events {
        let days = people.entry(event.user.unwrap()).or_default();
        days.entry(event.day.unwrap()).or_default().extend(event.feature);
    }
    people
}

/// Up to 90 events within seven weeks of people who come back. In every third log somebody uses 90 features on one day, so
/// that those which others use again and again lie on both sides of what a word holds.
pub(crate) fn scenes() -> impl Strategy<Value = Scene> {
    // New Year, the first days of 1970, ISO week 53 of 2020, a leap day.
    let start = select(vec![19_723, -9, 18_615, 19_770]);
    let features = select(vec![4_u32, 4, 90]);
    (start, features, 1..=50_i32, 0..=3_i32, 0..=20_i32).prop_flat_map(|(start, features, length, before, after)| {
        let feature = option::weighted(0.7, prop_oneof![0..3_u32, features - 4..features]);
        let event = (0..9_i64, 0..length, option::of(0..3_i64), feature);
        let event = event.prop_map(move |(user, days, account, feature)| Event {
            user: Some(user * 7 % 9),
            // Most come early, so that they can be followed.
            day: Some(start + days * days / length),
            account,
            feature,
            value: None,
        });
        let all = (0..features).filter(move |_| features > 64);
        let all = all.map(move |feature| Event { feature: Some(feature), ..super::log::event(4, start + length / 2) });
        let all: Vec<Event> = all.collect();
        vec(event, 1..=90).prop_map(move |events| Scene {
            events: all.iter().cloned().chain(events).collect(),
            observed: (start - before, start + length - 1 + after),
        })
    })
}

/// The periods of an observation, day by day until the calendar turns a page.
pub(crate) fn spans(calendar: &Calendar, period: Period, (first, last): (i32, i32)) -> Vec<attrition::Span> {
    let mut spans: Vec<_> = (first..=last).map(|number| calendar.span(period, day(number))).collect();
    spans.dedup();
    spans
}

pub(crate) fn coverage(span: attrition::Span, (first, last): (i32, i32)) -> Coverage {
    match span {
        span if span.end > day(last) => Coverage::Open,
        span if span.start < day(first) => Coverage::Truncated,
        _ => Coverage::Observed,
    }
}

fn count(people: impl Iterator) -> u64 {
    people.count() as u64
}

/// What is asked, in days after the first activity.
#[derive(Clone, Copy, Debug)]
struct Asked {
    within: i32,
    seen: Option<i32>,
    from: i32,
    window: i32,
    entered: Option<(i32, i32)>,
}

impl Asked {
    fn options(self, period: Period) -> AdoptionOptions {
        let landmark = self.seen.map_or(Landmark::Everybody, |days| Landmark::SeenWithin(days as u32));
        let options = AdoptionOptions::new(period)
            .within_days(self.within as u32)
            .landmark(landmark)
            .retained_from(self.from as u32)
            .window(self.window as u32);
        match self.entered {
            Some((from, to)) => options.first_active_between(day(from), day(to)),
            None => options,
        }
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let days = (1..=8_i32, option::of(1..=6_i32), 0..=4_i32, 1..=9_i32, option::weighted(0.2, (0..9_i32, 0..30_i32)));
    days.prop_map(|(within, seen, later, window, entered)| {
        let entered = entered.map(|(from, days)| (19_720 + from, 19_720 + from + days));
        Asked { within, seen, from: within + seen.unwrap_or(0) + later, window, entered }
    })
}

fn linear(sorted: &[i32], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (lower, upper) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    f64::from(lower) + (place - place.floor()) * f64::from(upper - lower)
}

/// Holm's correction by its definition.
fn holm(p_values: &[f64]) -> Vec<f64> {
    let no_greater = |p: f64| p_values.iter().filter(|&&other| other <= p).count();
    let corrected = |p: f64| {
        // The greatest of all smaller or equal ones, each times the number of those not smaller before it in order.
        let mut sorted = p_values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let steps = sorted.iter().enumerate().take(no_greater(p));
        steps.map(|(place, p)| (p * (p_values.len() - place) as f64).min(1.0)).fold(0.0, f64::max)
    };
    p_values.iter().map(|&p| corrected(p)).collect()
}

/// Every number, from sets of people.
fn check(
    adoption: &Adoption,
    people: &People,
    observed: (i32, i32),
    period: Period,
    asked: Asked,
) -> Result<(), TestCaseError> {
    let last = observed.1;
    let spans = spans(&Calendar::utc(), period, observed);
    let first_day = |days: &BTreeMap<i32, BTreeSet<u32>>| *days.keys().next().unwrap();
    let first_use = |days: &BTreeMap<i32, BTreeSet<u32>>, feature: u32| {
        days.iter().find(|(_, used)| used.contains(&feature)).map(|(&day, _)| day)
    };
    let entered = |days: &BTreeMap<i32, BTreeSet<u32>>| {
        asked.entered.is_none_or(|(from, to)| from <= first_day(days) && first_day(days) <= to)
    };
    let active = |days: &BTreeMap<i32, BTreeSet<u32>>, from: i32, length: i32| {
        let first = first_day(days);
        (from..from + length).any(|after| days.contains_key(&(first + after)))
    };
    let followed: Vec<_> = people
        .values()
        .filter(|days| entered(days) && first_day(days) + asked.from + asked.window - 1 <= last)
        .collect();
    let judged: Vec<_> =
        followed.iter().filter(|days| asked.seen.is_none_or(|seen| active(days, asked.within, seen))).collect();
    prop_assert_eq!((adoption.followed(), adoption.judged()), (followed.len() as u64, judged.len() as u64));
    prop_assert_eq!((adoption.actors(), adoption.as_of()), (people.len() as u64, day(last)));

    let known: BTreeSet<u32> = people.values().flat_map(BTreeMap::values).flatten().copied().collect();
    let names: Vec<String> = known.iter().map(|&feature| feature_text(feature)).collect();
    let got: Vec<&str> = adoption.features().iter().map(|one| one.feature.as_str()).collect();
    prop_assert_eq!(got, names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut p_values = Vec::new();
    for (&feature, name) in known.iter().zip(&names) {
        let one = adoption.feature(name).unwrap();
        let users = || people.values().filter(|days| first_use(days, feature).is_some());
        let wait = |days: &BTreeMap<i32, BTreeSet<u32>>| first_use(days, feature).map(|day| day - first_day(days));
        prop_assert_eq!((one.adopters, one.actors), (count(users()), people.len() as u64));
        prop_assert!(near(one.reach, ratio(one.adopters, one.actors)));
        prop_assert_eq!(one.first_used, users().filter_map(|days| first_use(days, feature)).min().map(day));
        let days: usize = users().map(|days| days.values().filter(|used| used.contains(&feature)).count()).sum();
        prop_assert_eq!(one.days, days as u64);

        let mut waits: Vec<i32> = users().filter(|days| entered(days)).filter_map(wait).collect();
        waits.sort_unstable();
        let time = one.time_to_first_use;
        prop_assert_eq!(time.map_or(0, |time| time.adopters), waits.len() as u64);
        if let Some(time) = time {
            for (got, share) in [(time.lower_quartile, 0.25), (time.median, 0.5), (time.upper_quartile, 0.75)] {
                prop_assert!((got - linear(&waits, share)).abs() < 1e-9, "{name} {share}: {got} of {waits:?}");
            }
        }
        let timed = || people.values().filter(|days| entered(days) && first_day(days) + asked.within - 1 <= last);
        let in_time = |days: &BTreeMap<i32, BTreeSet<u32>>| wait(days).is_some_and(|wait| wait < asked.within);
        let share = (count(timed().filter(|days| in_time(days))), count(timed()));
        prop_assert_eq!((one.adopted_within, one.observed_within), share);
        prop_assert!(near(one.share_within, ratio(share.0, share.1)));

        for (got, &span) in adoption.periods(name).zip(&spans) {
            let (start, end) = (span.start.days_since_epoch(), span.end.days_since_epoch());
            let coverage = coverage(span, observed);
            let within = |days: &BTreeMap<i32, BTreeSet<u32>>| {
                count(days.range(start..=end).filter(|(_, used)| used.contains(&feature)))
            };
            let active = count(people.values().filter(|days| days.range(start..=end).next().is_some()));
            let users = count(people.values().filter(|days| within(days) > 0));
            let days: u64 = people.values().map(within).sum();
            let new =
                people.values().filter(|days| first_use(days, feature).is_some_and(|day| start <= day && day <= end));
            prop_assert_eq!((got.span, got.coverage), (span, coverage));
            prop_assert_eq!((got.active, got.users, got.days, got.first_uses), (active, users, days, count(new)));
            let rate = |part, whole| if coverage == Coverage::Observed { ratio(part, whole) } else { None };
            prop_assert!(near(got.penetration, rate(users, active)) && near(got.days_per_user, rate(days, users)));
            prop_assert_eq!(got.interval.is_some(), got.penetration.is_some());
        }

        let (mut weights, mut sum, mut cohorts) = (0.0, 0.0, 0);
        for (got, &span) in adoption.cohorts(name).zip(&spans) {
            let members =
                judged.iter().filter(|days| span.start <= day(first_day(days)) && day(first_day(days)) <= span.end);
            let (with, without): (Vec<_>, Vec<_>) = members.partition(|days| in_time(days));
            let retained =
                |side: &[_]| count(side.iter().filter(|days: &&&&&_| active(days, asked.from, asked.window)));
            let sides = [&with, &without].map(|side| (side.len() as u64, retained(side)));
            prop_assert_eq!(
                [(got.adopters, got.adopters_retained), (got.others, got.others_retained)],
                sides,
                "{} {}",
                name,
                span.start
            );
            let rates = sides.map(|(whole, part)| ratio(part, whole));
            prop_assert!(near(got.difference, rates[0].zip(rates[1]).map(|(with, without)| with - without)));
            if let Some(difference) = got.difference {
                let (with, without) = (with.len() as f64, without.len() as f64);
                let weight = with * without / (with + without);
                weights += weight;
                sum += weight * difference;
                cohorts += 1;
            }
        }
        let difference = one.retention.difference;
        prop_assert!(near(difference.map(|one| one.difference), (weights > 0.0).then(|| sum / weights)));
        prop_assert_eq!(difference.map_or(0, |one| one.cohorts), cohorts);
        p_values.extend(difference.map(|one| (one.p_value, one.adjusted_p_value)));
    }
    let (alone, adjusted): (Vec<f64>, Vec<f64>) = p_values.into_iter().unzip();
    for (got, expected) in adjusted.iter().zip(holm(&alone)) {
        prop_assert!((got - expected).abs() < 1e-9, "{adjusted:?} of {alone:?}");
    }
    Ok(())
}

/// What holds whatever the log.
fn laws(adoption: &Adoption, usage: &[u64]) {
    for one in adoption.features() {
        let name = &one.feature;
        let periods: Vec<FeaturePeriod> = adoption.periods(name).collect();
        let sum = |count: fn(&FeaturePeriod) -> u64| periods.iter().map(count).sum::<u64>();
        // First-use cohorts add up to the reach, and days of periods to all days.
        assert_eq!((sum(|period| period.first_uses), sum(|period| period.days)), (one.adopters, one.days));
        assert_eq!(periods.iter().map(|period| period.active).collect::<Vec<_>>(), usage);
        for period in &periods {
            assert!(period.first_uses <= period.users && period.users <= period.active && period.users <= period.days);
            assert_eq!(adoption.on(name, period.span.start), Some(*period));
            assert_eq!(adoption.on(name, period.span.end), Some(*period));
            let inside = |rate: f64, ends: attrition::Interval| ends.lower <= rate && rate <= ends.upper;
            assert!(period.penetration.zip(period.interval).is_none_or(|(rate, ends)| inside(rate, ends)));
        }
        assert_eq!(adoption.on(name, periods[0].span.start - 1), None);
        assert_eq!(adoption.on(name, periods[periods.len() - 1].span.end + 1), None);
        assert!(one.adopted_within <= one.observed_within && one.observed_within <= one.actors);
        assert!(one.adopted_within <= one.adopters && one.adopters <= one.actors);
        assert_eq!(one.first_used.is_some(), one.adopters > 0);

        // Adopters and others are all who were judged.
        let retention = &one.retention;
        assert_eq!(retention.adopters + retention.others, adoption.judged());
        assert!(retention.adopters <= one.adopted_within && adoption.judged() <= one.observed_within);
        let cohorts: Vec<CohortAdoption> = adoption.cohorts(name).collect();
        let sum = |count: fn(&CohortAdoption) -> u64| cohorts.iter().map(count).sum::<u64>();
        assert_eq!((sum(|one| one.adopters), sum(|one| one.others)), (retention.adopters, retention.others));
        let retained = (sum(|one| one.adopters_retained), sum(|one| one.others_retained));
        assert_eq!(retained, (retention.adopters_retained, retention.others_retained));
        if let Some(difference) = retention.difference {
            let AdoptionDifference { difference, interval, p_value, adjusted_p_value, .. } = difference;
            assert!(interval.lower <= difference && difference <= interval.upper);
            assert!(-1.0 - 1e-9 <= interval.lower && interval.upper <= 1.0 + 1e-9);
            assert!(p_value <= adjusted_p_value && (0.0..=1.0).contains(&adjusted_p_value));
        }
    }
    assert!(adoption.judged() <= adoption.followed() && adoption.followed() <= adoption.actors());
    let shown = adoption.significant().count();
    assert!(shown <= adoption.features().iter().filter(|one| one.retention.difference.is_some()).count());

    let features = adoption.features().len();
    let table = adoption.to_frame().unwrap();
    assert_eq!(table.shape(), (features, 31));
    let nulls = |column: &str| table.column(column).unwrap().null_count();
    assert!(["feature", "actors", "adopters", "judged_others", "cohorts"].iter().all(|column| nulls(column) == 0));
    assert!(["lower", "p_value", "adjusted_p_value"].iter().all(|column| nulls(column) == nulls("difference")));
    let sum =
        |frame: &DataFrame, column: &str| frame.column(column).unwrap().u64().unwrap().iter().flatten().sum::<u64>();
    let periods = adoption.periods_to_frame().unwrap();
    assert_eq!(periods.shape(), (features * usage.len(), 12));
    assert_eq!((sum(&periods, "first_uses"), sum(&periods, "days")), (sum(&table, "adopters"), sum(&table, "days")));
    let cohorts = adoption.cohorts_to_frame().unwrap();
    assert_eq!(cohorts.shape(), (features * usage.len(), 10));
    assert_eq!(sum(&cohorts, "others_retained"), sum(&table, "retained_others"));

    let text = adoption.to_string();
    assert!(text.lines().count() <= 23 && text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    assert!(text.contains("not an effect") && text.contains("programme_impact"), "{text}");
    let stored: Adoption = serde_json::from_str(&serde_json::to_string(adoption).unwrap()).unwrap();
    // As JSON reads them here, floats may differ in their last digit.
    assert_eq!((stored.options(), stored.to_string()), (adoption.options(), text));
    assert_eq!(stored.periods_to_frame().unwrap().shape(), periods.shape());
}

fn active_of(activity: &Activity, period: Period) -> Vec<u64> {
    let window = attrition::Window::Calendar(period);
    activity.active_users(window).unwrap().series(window).iter().map(|count| count.active).collect()
}

fn all_laws(activity: &Activity) {
    for period in Period::ALL {
        for (within, landmark) in [(1, Landmark::Everybody), (7, Landmark::SeenWithin(7)), (3, Landmark::SeenWithin(1))]
        {
            let options = AdoptionOptions::new(period).within_days(within).landmark(landmark).retained_from(14);
            laws(&activity.adoption(options.window(7)).unwrap(), &active_of(activity, period));
        }
    }
}

proptest! {
    #[test]
    fn adoption_is_that_of_people_counted_one_by_one(
        scene in scenes(),
        period in select(vec![Period::Day, Period::Week, Period::Month]),
        asked in asked(),
    ) {
        let activity = scene.activity();
        let adoption = activity.adoption(asked.options(period)).unwrap();
        check(&adoption, &scene.people(), scene.observed, period, asked)?;
        laws(&adoption, &active_of(&activity, period));
    }

    #[test]
    fn the_shape_of_the_log_makes_no_difference(scene in scenes(), cut in any::<Index>(), asked in asked()) {
        let options = asked.options(Period::Week);
        let expected = scene.activity().adoption(options.clone()).unwrap();
        for (what, other) in scene.reshaped(cut) {
            prop_assert_eq!(&other.adoption(options.clone()).unwrap(), &expected, "{}", what);
        }
    }

    #[test]
    fn accounts_adopt_as_users_of_their_name_would(scene in scenes(), asked in asked()) {
        let with_account = |event: &Event| Event { user: event.account, account: None, ..event.clone() };
        let accounts: Vec<Event> =
            scene.events.iter().filter(|event| event.account.is_some()).map(with_account).collect();
        let by_account = scene.activity().by_account().unwrap();
        let adoption = by_account.adoption(asked.options(Period::Week)).unwrap();
        check(&adoption, &people(&accounts), scene.observed, Period::Week, asked)?;
    }

    #[test]
    fn fewer_features_say_the_same_but_for_the_correction(scene in scenes(), asked in asked(), index in any::<Index>()) {
        let all = scene.activity().adoption(asked.options(Period::Week)).unwrap();
        let names: Vec<&str> = all.features().iter().map(|one| one.feature.as_str()).collect();
        prop_assume!(!names.is_empty());
        let name = names[index.index(names.len())];
        let options = asked.options(Period::Week).features(["f999", name]);
        let few = scene.activity().adoption(options).unwrap();
        let (one, other) = (few.feature(name).unwrap(), all.feature(name).unwrap());
        let alone = |one: &FeatureAdoption| {
            let mut one = one.clone();
            if let Some(difference) = &mut one.retention.difference {
                difference.adjusted_p_value = difference.p_value;
            }
            one
        };
        prop_assert_eq!(one, &alone(other), "one test needs no correction");
        prop_assert!(few.periods(name).eq(all.periods(name)) && few.cohorts(name).eq(all.cohorts(name)));
        let never = &few.features()[0];
        prop_assert_eq!((never.adopters, never.reach, never.first_used), (0, Some(0.0), None));
        prop_assert!(never.time_to_first_use.is_none() && never.retention.difference.is_none());
        prop_assert!(few.periods("f999").all(|period| period.users == 0) && few.periods("f998").next().is_none());
    }
}

fn used(user: i64, on: i32, feature: u32) -> Event {
    Event { feature: Some(feature), ..event(user, on) }
}

/// 2024-01-01, a Monday.
const NEW_YEAR: i32 = 19_723;

/// Two cohorts of a week. Adopted is feature 1 in days 0 to 1, seen in days 2 to 3, retained in days 5 to 7.
fn by_hand() -> Vec<Event> {
    let days: [(i64, &[i32], Option<i32>); 10] = [
        // First week: of the adopters 1 and 2, 1 is retained; of the others 3, 4 and 5, who adopts late, only 5 is.
        (1, &[0, 2, 7], Some(0)),
        (2, &[1, 2, 3], Some(2)),
        (3, &[0, 3], None),
        (4, &[2, 4, 10], None),
        (5, &[0, 2, 5], Some(5)),
        // Adopted and was gone; was gone.
        (6, &[0, 1, 6], Some(1)),
        (7, &[0], None),
        // Second week: both are retained.
        (8, &[7, 9, 12], Some(7)),
        (9, &[7, 10, 14], None),
        // The days to follow are not over on day 20.
        (10, &[14, 16, 20], Some(14)),
    ];
    let rows = days.iter().flat_map(|&(user, days, adopted)| {
        days.iter().map(
            move |&on| {
                if adopted == Some(on) { used(user, NEW_YEAR + on, 1) } else { event(user, NEW_YEAR + on) }
            },
        )
    });
    rows.collect()
}

#[test]
fn ten_people_by_hand() {
    let activity = ingest(&by_hand(), Mapped::ALL, Some((NEW_YEAR, NEW_YEAR + 20)));
    let options =
        AdoptionOptions::new(Period::Week).within_days(2).landmark(Landmark::SeenWithin(2)).retained_from(5).window(3);
    let adoption = activity.adoption(options.clone()).unwrap();
    laws(&adoption, &active_of(&activity, Period::Week));
    let one = adoption.feature("f001").unwrap();
    assert_eq!((one.adopters, one.actors, one.days, one.reach), (6, 10, 6, Some(0.6)));
    // Wilson's formula for 6 of 10, worked out apart.
    let ends = one.reach_interval.unwrap();
    assert!((ends.lower - 0.312_673_770_510_864_1).abs() < 1e-6 && (ends.upper - 0.831_819_667_180_271_3).abs() < 1e-6);
    // After 0, 0, 0, 1, 1 and 5 days.
    let time = TimeToFirstUse { adopters: 6, lower_quartile: 0.0, median: 0.5, upper_quartile: 1.0 };
    assert_eq!(one.time_to_first_use, Some(time));
    assert_eq!((one.adopted_within, one.observed_within), (5, 10));
    assert_eq!((adoption.followed(), adoption.judged()), (9, 7));
    let AdoptionRetention { adopters, adopters_retained, others, others_retained, difference } = one.retention;
    assert_eq!((adopters, adopters_retained, others, others_retained), (3, 2, 4, 2));
    // First week: 1/2 - 1/3, weight 2 * 3 / 5 = 1.2; second: 1 - 1, weight 1/2. (0.2 + 0) / 1.7.
    let difference = difference.unwrap();
    assert!((difference.difference - 2.0 / 17.0).abs() < 1e-12 && difference.cohorts == 2, "{difference:?}");
    let cohorts: Vec<CohortAdoption> = adoption.cohorts("f001").collect();
    assert_eq!((cohorts[0].adopters, cohorts[0].others, cohorts[1].adopters, cohorts[1].others), (2, 3, 1, 1));
    assert!((cohorts[0].difference.unwrap() - 1.0 / 6.0).abs() < 1e-12 && cohorts[2].difference.is_none());

    let weeks: Vec<_> = adoption.periods("f001").map(|week| (week.active, week.users, week.first_uses)).collect();
    assert_eq!(weeks, [(7, 4, 4), (4, 1, 1), (2, 1, 1)]);
    let first = adoption.on("f001", day(NEW_YEAR + 6)).unwrap();
    assert_eq!((first.penetration, first.days_per_user), (Some(4.0 / 7.0), Some(1.0)));

    // With everybody those who were gone are judged too: 6 adopted and came again, 7 did not.
    let all = activity.adoption(options.clone().landmark(Landmark::Everybody)).unwrap();
    let retention = all.features()[0].retention;
    assert_eq!((retention.adopters, retention.adopters_retained), (4, 3));
    assert_eq!((retention.others, retention.others_retained), (5, 2));
    // Only who began in the second week or later.
    let late = activity.adoption(options.first_active_between(day(NEW_YEAR + 7), day(NEW_YEAR + 30))).unwrap();
    let one = &late.features()[0];
    assert_eq!((one.adopters, one.observed_within, one.time_to_first_use.unwrap().adopters), (6, 3, 2));
    assert_eq!((late.followed(), late.judged(), one.retention.difference.unwrap().cohorts), (2, 2, 1));
}

/// A random number below 1, of a generator that needs no crate.
fn random(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as f64 / (1_u64 << 31) as f64
}

/// A company in which people leave at random, use a feature at random, and stay `longer` from the first use on, each day
/// that much less likely to be the last.
fn company(seed: u64, longer: f64) -> Activity {
    let mut state = seed;
    let mut events = Vec::new();
    for user in 0..3_000 {
        let start = (random(&mut state) * 60.0) as i32;
        let mut adopted = false;
        for today in start..150 {
            if today == start || random(&mut state) < 0.5 {
                let uses = random(&mut state) < 0.2;
                adopted |= uses;
                events.push(if uses { used(user, today, 1) } else { event(user, today) });
            }
            let leaves = if today < start + 4 { 0.15 } else { 0.02 };
            if random(&mut state) < leaves * if adopted { 1.0 - longer } else { 1.0 } {
                break;
            }
        }
    }
    ingest(&events, Mapped::ALL, Some((0, 150)))
}

#[test]
fn where_a_feature_does_nothing_nothing_is_found_and_the_naive_ways_find_much() {
    let activity = company(3, 0.0);
    let options = AdoptionOptions::new(Period::Week);
    let difference = |landmark| {
        let adoption = activity.adoption(options.clone().landmark(landmark)).unwrap();
        adoption.features()[0].retention.difference.unwrap()
    };
    let at_landmark = difference(Landmark::SeenWithin(7));
    assert!(at_landmark.interval.lower < 0.0 && at_landmark.interval.upper > 0.0, "{at_landmark:?}");
    assert!(at_landmark.difference.abs() < 0.05 && at_landmark.p_value > 0.05);
    // Those who were gone before they could adopt make a difference where there is none.
    let everybody = difference(Landmark::Everybody);
    assert!(everybody.interval.lower > 0.1, "{everybody:?}");
}

#[test]
fn where_a_feature_keeps_people_it_is_found() {
    let adoption = company(5, 0.6).adoption(Period::Week).unwrap();
    let one = &adoption.features()[0];
    let difference = one.retention.difference.unwrap();
    assert!(difference.interval.lower > 0.03 && difference.adjusted_p_value < 0.001, "{difference:?}");
    assert_eq!(adoption.significant().count(), 1);
    assert!(adoption.to_string().contains("f001"), "{adoption}");
}

#[test]
fn more_features_than_a_word_and_more_than_a_screen() {
    // User u uses features u to u + 80 in its first week, and 200 in its third.
    let mut events = Vec::new();
    for user in 0..40 {
        events.extend((0..=80).map(|other| used(user, NEW_YEAR + other % 7, user as u32 + other as u32)));
        events.push(used(user, NEW_YEAR + 14, 200));
        events.push(event(user, NEW_YEAR + 30));
    }
    let scene = Scene { events, observed: (NEW_YEAR, NEW_YEAR + 70) };
    let activity = scene.activity();
    assert_eq!(activity.features().len(), 121);
    let asked = Asked { within: 7, seen: Some(8), from: 28, window: 28, entered: None };
    let adoption = activity.adoption(asked.options(Period::Week)).unwrap();
    check(&adoption, &scene.people(), scene.observed, Period::Week, asked).unwrap();
    laws(&adoption, &active_of(&activity, Period::Week));
    let weeks: Vec<u64> = adoption.periods("f200").map(|week| week.users).collect();
    assert_eq!(weeks, [0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 0]);
    let second = adoption.on("f200", day(NEW_YEAR + 7)).unwrap();
    assert_eq!((second.active, second.penetration, second.days_per_user), (0, None, None));
    let fifth = adoption.on("f200", day(NEW_YEAR + 30)).unwrap();
    assert_eq!((fifth.active, fifth.penetration, fifth.days_per_user), (40, Some(0.0), None));
}

#[test]
fn next_to_nothing() {
    let nobody = ingest(&[], Mapped::ALL, Some((10, 45)));
    all_laws(&nobody);
    assert!(nobody.adoption(Period::Week).unwrap().features().is_empty());
    let named = nobody.adoption(AdoptionOptions::new(Period::Week).features(["export"])).unwrap();
    let export = named.feature("export").unwrap();
    assert_eq!((export.reach, export.reach_interval, export.share_within), (None, None, None));
    assert_eq!(named.periods("export").count(), 6);
    // Events without a feature are activity, and no feature.
    let null = ingest(&[event(1, 19_800), event(2, 19_801)], Mapped::ALL, None);
    all_laws(&null);
    assert!(null.adoption(Period::Day).unwrap().features().is_empty());
    // One actor, one day, in two accounts.
    let twice = [1, 2].map(|account| Event { account: Some(account), ..used(1, 19_800, account as u32) });
    let twice = ingest(&twice, Mapped::ALL, None);
    all_laws(&twice);
    let adoption = twice.adoption(Period::Day).unwrap();
    let days: Vec<_> = adoption.features().iter().map(|one| (one.adopters, one.actors, one.days)).collect();
    assert_eq!(days, [(1, 1, 1); 2]);
    assert_eq!((adoption.followed(), adoption.features()[0].observed_within), (0, 0));
}

#[test]
fn odd_corners_of_the_calendar() {
    let on = |year, month, of_month| date(year, month, of_month).days_since_epoch();
    // New Year of 1970, ISO week 53 of 2020, and a leap day.
    for (from, to) in
        [(on(1969, 12, 1), on(1970, 2, 3)), (on(2020, 12, 20), on(2021, 1, 20)), (on(2024, 2, 20), on(2024, 3, 9))]
    {
        let log: Vec<_> = (from..=to)
            .map(|today| used(i64::from(today.rem_euclid(5)), today, (today.rem_euclid(3)) as u32))
            .collect();
        all_laws(&ingest(&log, Mapped::ALL, None));
    }
    let log = [used(1, on(2020, 12, 28), 1), used(1, on(2021, 1, 3), 1), used(2, on(2021, 1, 4), 1)];
    let weeks = |starts| {
        let calendar = Calendar::utc().week_starts(starts);
        let activity = Activity::from_frame(&frame(&log), &Mapped::ALL.columns(), &calendar).unwrap();
        let adoption = activity.adoption(Period::Week).unwrap();
        adoption.periods("f001").map(|week| (week.span.start, week.users, week.days)).collect::<Vec<_>>()
    };
    assert_eq!(weeks(Weekday::Mon), [(date(2020, 12, 28), 1, 2), (date(2021, 1, 4), 1, 1)]);
    assert_eq!(weeks(Weekday::Sun), [(date(2020, 12, 27), 1, 1), (date(2021, 1, 3), 2, 2)]);
}

#[test]
fn options_are_judged() {
    let activity = ingest(&[used(1, 19_800, 1)], Mapped::ALL, None);
    let options = || AdoptionOptions::new(Period::Month);
    assert_eq!(AdoptionOptions::from(Period::Month), options());
    assert_eq!((options().retained_from_day(), options().within_days(30).retained_from_day()), (28, 37));
    let seen = |days| Landmark::SeenWithin(days);
    for (options, name) in [
        (options().within_days(0), "within_days"),
        (options().within_days(36_526), "within_days"),
        (options().landmark(seen(0)), "landmark"),
        (options().landmark(seen(u32::MAX)), "landmark"),
        (options().window(0), "window"),
        (options().window(40_000), "window"),
        (options().retained_from(13), "retained_from"),
        (options().landmark(Landmark::Everybody).retained_from(6), "retained_from"),
        (options().retained_from(u32::MAX), "retained_from"),
        (options().features(Vec::<String>::new()), "features"),
        (options().features(["a", "b", "a"]), "features"),
        (options().confidence(1.0), "confidence"),
        (options().confidence(f64::NAN), "confidence"),
    ] {
        let error = activity.adoption(options).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option, .. } if option == name), "{error:?}");
        message(&error);
    }
    assert!(activity.adoption(options().retained_from(14)).is_ok());
    assert!(activity.adoption(options().landmark(Landmark::Everybody).retained_from(7)).is_ok());
    let longest = options().within_days(36_525).landmark(seen(36_525)).window(36_525);
    assert_eq!(activity.adoption(longest).unwrap().followed(), 0);
    let stored = serde_json::to_string(&options().features(["a"]).correction(Correction::None)).unwrap();
    let back: AdoptionOptions = serde_json::from_str(&stored).unwrap();
    assert_eq!(back, options().features(["a"]).correction(Correction::None));

    for mapped in Mapped::each().filter(|mapped| !mapped.feature) {
        let error = ingest(&[event(1, 19_800)], mapped, None).adoption(Period::Month).unwrap_err();
        assert!(matches!(error, Error::NotMapped { column: "feature" }), "{error:?}");
    }
    let decades = ingest(&[used(1, 0, 1)], Mapped::ALL, Some((0, 20_000)));
    let names = (0..500).map(|number| format!("feature {number}"));
    let error = decades.adoption(AdoptionOptions::new(Period::Day).features(names)).unwrap_err();
    assert!(matches!(error, Error::TooLarge { count: 70_003_500, .. }), "{error:?}");
    message(&error);
}

/// The event of a game as its feature, counted from the file row by row.
#[test]
fn a_real_log() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/gamelaunch/events.parquet");
    let events = LazyFrame::scan_parquet(PlRefPath::new(path.to_str().unwrap()), ScanArgsParquet::default()).unwrap();
    let events = events.collect().unwrap();
    let columns = attrition::EventColumns::new("user_id", "date").feature("event");
    let activity = Activity::from_frame(&events, &columns, &Calendar::utc()).unwrap();
    let adoption = activity.adoption(Period::Day).unwrap();
    laws(&adoption, &active_of(&activity, Period::Day));
    let dates = events.column("date").unwrap().cast(&DataType::Date).unwrap().to_physical_repr();
    let text = |column: &str| events.column(column).unwrap().cast(&DataType::String).unwrap();
    let (users, names) = (text("user_id"), text("event"));
    let rows = users.str().unwrap().iter().zip(names.str().unwrap().iter()).zip(dates.i32().unwrap().iter());
    let mut of_days: BTreeMap<(&str, i32), BTreeSet<&str>> = BTreeMap::new();
    for ((user, name), on) in rows {
        of_days.entry((name.unwrap(), on.unwrap())).or_default().insert(user.unwrap());
    }
    for name in ["gameStarted", "newPlayer"] {
        let mut seen = BTreeSet::new();
        for got in adoption.periods(name) {
            let users = of_days.get(&(name, got.span.start.days_since_epoch())).cloned().unwrap_or_default();
            let new = users.difference(&seen).count();
            assert_eq!((got.users, got.first_uses), (users.len() as u64, new as u64), "{name} {}", got.span.start);
            seen.extend(users);
        }
        assert_eq!(adoption.feature(name).unwrap().adopters, seen.len() as u64);
    }
}

#[test]
fn its_types_can_be_sent_and_shared() {
    fn check<T: Send + Sync + std::fmt::Debug + Clone>() {}
    check::<Adoption>();
    check::<AdoptionOptions>();
    check::<FeatureAdoption>();
    check::<Landmark>();
    check::<log::Event>();
}
