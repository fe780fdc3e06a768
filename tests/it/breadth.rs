//! Breadth of use: by hand, against sets of features counted one by one, and at its edges.

use std::collections::{BTreeMap, BTreeSet};

use attrition::polars::prelude::*;
use attrition::{
    Activity, Breadth, BreadthOptions, BreadthPeriod, Calendar, Coverage, Date, Error, Period, Weekday, Window, date,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseError;

use super::adoption::{People, Scene, coverage, people, scenes, spans};
use super::log::{Event, Mapped, day, event, feature_text, frame, id_text, ingest, message};
use super::properties::{near, ratio};

/// The features that an actor used from one day to another; `None` if it was not there.
fn used_between(days: &BTreeMap<i32, BTreeSet<u32>>, start: Date, end: Date) -> Option<BTreeSet<u32>> {
    let mut days = days.range(start.days_since_epoch()..=end.days_since_epoch()).peekable();
    days.peek()?;
    Some(days.flat_map(|(_, used)| used.iter().copied()).collect())
}

/// A row of the frame of actors: actor, start, breadth and features available.
type Row = (i64, Date, u32, u32);

fn rows(frame: &DataFrame) -> Vec<Row> {
    let actors = frame.column("actor").unwrap().cast(&DataType::Int64).unwrap();
    let starts = frame.column("start").unwrap().to_physical_repr();
    let count = |name: &str| frame.column(name).unwrap().u32().unwrap().iter().flatten().collect::<Vec<_>>();
    let (features, available) = (count("features"), count("available"));
    let ids = actors.i64().unwrap().iter().flatten().zip(starts.i32().unwrap().iter().flatten());
    ids.zip(features.into_iter().zip(available)).map(|((id, start), (used, of))| (id, day(start), used, of)).collect()
}

/// Every number, from sets of features.
fn check(
    breadth: &Breadth,
    activity: &Activity,
    people: &People,
    observed: (i32, i32),
    period: Period,
    named: Option<&BTreeSet<u32>>,
) -> Result<(), TestCaseError> {
    let spans = spans(&Calendar::utc(), period, observed);
    prop_assert_eq!(breadth.periods().len(), spans.len());
    let mut expected: Vec<Row> = Vec::new();
    for (got, &span) in breadth.periods().iter().zip(&spans) {
        let coverage = coverage(span, observed);
        let counts = |used: BTreeSet<u32>| named.map_or(used.clone(), |named| &used & named);
        let used: BTreeMap<i64, usize> = people
            .iter()
            .filter_map(|(&user, days)| Some((user, counts(used_between(days, span.start, span.end)?).len())))
            .collect();
        let seen: BTreeSet<u32> =
            people.values().filter_map(|days| used_between(days, Date::MIN, span.end)).flatten().collect();
        let available = named.map_or(seen.len(), BTreeSet::len);
        prop_assert_eq!((got.span, got.coverage, got.available as usize), (span, coverage, available));
        prop_assert_eq!(
            (got.active(), got.most() as usize),
            (used.len() as u64, used.values().max().copied().unwrap_or(0))
        );
        let rate = |part, whole| if coverage == Coverage::Observed { ratio(part, whole) } else { None };
        let active = used.len() as u64;
        for k in 0..=got.available {
            let exactly = used.values().filter(|&&used| used == k as usize).count() as u64;
            let at_least = used.values().filter(|&&used| used >= k as usize).count() as u64;
            prop_assert_eq!(
                (got.exactly(k), got.at_least(k)),
                (Some(exactly), Some(at_least)),
                "{} of {}",
                k,
                span.start
            );
            prop_assert!(
                near(got.share(k), rate(exactly, active)) && near(got.share_at_least(k), rate(at_least, active))
            );
        }
        prop_assert_eq!((got.exactly(got.available + 1), got.at_least(got.available + 1)), (None, None));
        let mut sorted: Vec<usize> = used.values().copied().collect();
        sorted.sort_unstable();
        prop_assert!(near(got.mean(), rate(sorted.iter().sum::<usize>() as u64, active)));
        let middle = |sorted: &[usize]| (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) as f64 / 2.0;
        let ended = coverage == Coverage::Observed && active > 0;
        prop_assert_eq!(got.median(), ended.then(|| middle(&sorted)));
        let shares = used.values().filter_map(|&used| ratio(used as u64, available as u64));
        let mean = (ended && available > 0).then(|| shares.sum::<f64>() / active as f64);
        prop_assert!(near(got.mean_share(), mean), "{:?} {mean:?}", got.mean_share());
        expected.extend(used.iter().map(|(&user, &used)| (user, span.start, used as u32, available as u32)));
    }
    expected.sort_unstable();
    let frame = breadth.actors_to_frame(activity).unwrap();
    prop_assert_eq!(rows(&frame), expected);
    let shares = frame.column("share").unwrap().f64().unwrap();
    let states = frame.column("coverage").unwrap().str().unwrap();
    for (place, (_, _, used, available)) in rows(&frame).into_iter().enumerate() {
        let ended = states.get(place) == Some("observed");
        prop_assert!(near(shares.get(place), ratio(u64::from(used), u64::from(available)).filter(|_| ended)));
    }
    Ok(())
}

/// What holds whatever the log.
fn laws(breadth: &Breadth, activity: &Activity) {
    let active = activity.active_users(Window::Calendar(Period::Month)).unwrap();
    for one in breadth.periods() {
        let exactly = (0..=one.available).map(|k| one.exactly(k).unwrap());
        assert_eq!(exactly.sum::<u64>(), one.active());
        assert!((0..one.available).all(|k| one.at_least(k) >= one.at_least(k + 1)));
        assert!(one.most() <= one.available);
        assert!(one.mean().is_none_or(|mean| mean <= f64::from(one.most())));
        assert_eq!((breadth.on(one.span.start), breadth.on(one.span.end)), (Some(one), Some(one)));
        if let Some(month) = active.on(Window::Calendar(Period::Month), one.span.start) {
            assert!(month.span != one.span || month.active == one.active());
        }
    }
    let frame = breadth.to_frame().unwrap();
    assert_eq!(frame.shape(), (breadth.periods().len(), 9));
    let spread = breadth.distribution_to_frame().unwrap();
    let sum =
        |column: &str, frame: &DataFrame| frame.column(column).unwrap().u64().unwrap().iter().flatten().sum::<u64>();
    assert_eq!(sum("exactly", &spread), sum("active", &frame));
    assert_eq!(spread.width(), 7);
    let actors = breadth.actors_to_frame(activity).unwrap();
    assert_eq!((actors.height() as u64, actors.width()), (sum("active", &frame), 7));
    assert_eq!(actors.column("actor").unwrap().null_count(), 0);

    let text = breadth.to_string();
    assert!(text.lines().count() <= 19 && text.lines().all(|line| line.chars().count() <= 105), "{text}");
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    let stored: Breadth = serde_json::from_str(&serde_json::to_string(breadth).unwrap()).unwrap();
    assert_eq!(&stored, breadth);
}

fn all_laws(activity: &Activity) {
    for period in Period::ALL {
        laws(&activity.breadth(period).unwrap(), activity);
        let named = BreadthOptions::new(period).available(["f001", "f080", "unheard of"]);
        laws(&activity.breadth(named).unwrap(), activity);
    }
}

proptest! {
    #[test]
    fn breadth_is_that_of_features_counted_one_by_one(
        scene in scenes(),
        period in select(vec![Period::Day, Period::Week, Period::Month]),
        named in proptest::option::of(proptest::collection::btree_set(0..95_u32, 1..60)),
    ) {
        let activity = scene.activity();
        let mut options = BreadthOptions::new(period);
        if let Some(named) = &named {
            options = options.available(named.iter().map(|&feature| feature_text(feature)));
        }
        let breadth = activity.breadth(options.clone()).unwrap();
        prop_assert_eq!((breadth.options(), breadth.as_of()), (&options, activity.as_of()));
        check(&breadth, &activity, &scene.people(), scene.observed, period, named.as_ref())?;
        laws(&breadth, &activity);
    }

    #[test]
    fn the_shape_of_the_log_makes_no_difference(scene in scenes(), cut in any::<Index>()) {
        let activity = scene.activity();
        for period in [Period::Day, Period::Week] {
            let expected = activity.breadth(period).unwrap();
            let actors = rows(&expected.actors_to_frame(&activity).unwrap());
            for (what, other) in scene.reshaped(cut) {
                let breadth = other.breadth(period).unwrap();
                prop_assert_eq!(&breadth, &expected, "{}", what);
                prop_assert_eq!(rows(&breadth.actors_to_frame(&other).unwrap()), actors.clone(), "{}", what);
            }
        }
    }

    #[test]
    fn a_union_is_at_least_as_broad_as_its_parts(scene in scenes()) {
        let activity = scene.activity();
        let breadths = |activity: &Activity, period| {
            let breadth = activity.breadth(period).unwrap();
            rows(&breadth.actors_to_frame(activity).unwrap())
        };
        // Months are made of days.
        let months: BTreeMap<(i64, Date), u32> =
            breadths(&activity, Period::Month).into_iter().map(|(id, month, used, _)| ((id, month), used)).collect();
        let mut sums: BTreeMap<(i64, Date), u32> = BTreeMap::new();
        for (id, today, used, _) in breadths(&activity, Period::Day) {
            let month = Calendar::utc().span(Period::Month, today).start;
            prop_assert!(used <= months[&(id, month)]);
            *sums.entry((id, month)).or_default() += used;
        }
        prop_assert!(sums.iter().all(|(key, sum)| months[key] <= *sum) && sums.len() == months.len());
        // And accounts of users.
        let accounts: BTreeMap<(i64, Date), u32> = breadths(&activity.by_account().unwrap(), Period::Week)
            .into_iter()
            .map(|(id, week, used, _)| ((id, week), used))
            .collect();
        for account in 0..3 {
            let of_account: Vec<Event> =
                scene.events.iter().filter(|event| event.account == Some(account)).cloned().collect();
            let users = ingest(&of_account, Mapped::ALL, Some(scene.observed));
            for (_, week, used, _) in breadths(&users, Period::Week) {
                prop_assert!(used <= accounts[&(account, week)]);
            }
        }
    }

    #[test]
    fn accounts_are_as_broad_as_users_of_their_name(scene in scenes()) {
        let with_account = |event: &Event| Event { user: event.account, account: None, ..event.clone() };
        let events = scene.events.iter().filter(|event| event.account.is_some());
        let accounts: Vec<Event> = events.map(with_account).collect();
        let by_account = scene.activity().by_account().unwrap();
        let breadth = by_account.breadth(Period::Week).unwrap();
        check(&breadth, &by_account, &people(&accounts), scene.observed, Period::Week, None)?;
    }

    #[test]
    fn some_periods_are_those_of_all(scene in scenes(), from in any::<Index>(), days in 0..30_i32) {
        let activity = scene.activity();
        let (first, last) = scene.observed;
        let from = day(first - 5) + i32::try_from(from.index((last - first + 10) as usize)).unwrap();
        let to = from + days;
        let all = activity.breadth(Period::Week).unwrap();
        let some = activity.breadth(BreadthOptions::new(Period::Week).between(from, to)).unwrap();
        let within = |one: &&BreadthPeriod| one.span.start <= to && from <= one.span.end;
        prop_assert!(some.periods().iter().eq(all.periods().iter().filter(within)));
        let starts: BTreeSet<Date> = some.periods().iter().map(|one| one.span.start).collect();
        let mut actors = rows(&all.actors_to_frame(&activity).unwrap());
        actors.retain(|(_, start, ..)| starts.contains(start));
        prop_assert_eq!(rows(&some.actors_to_frame(&activity).unwrap()), actors);
    }
}

fn used(user: i64, on: i32, feature: u32) -> Event {
    Event { feature: Some(feature), ..event(user, on) }
}

/// 2024-01-01, a Monday.
const NEW_YEAR: i32 = 19_723;

#[test]
fn three_weeks_by_hand() {
    let events = [
        // First week: 1 uses two features over three days, 2 one twice, 3 none.
        used(1, NEW_YEAR, 1),
        used(1, NEW_YEAR + 2, 2),
        used(1, NEW_YEAR + 6, 1),
        used(2, NEW_YEAR + 1, 1),
        used(2, NEW_YEAR + 5, 1),
        event(3, NEW_YEAR + 1),
        // Second: 1 uses a new one, 4 that and two others on one day.
        used(1, NEW_YEAR + 7, 9),
        used(4, NEW_YEAR + 8, 1),
        used(4, NEW_YEAR + 8, 2),
        used(4, NEW_YEAR + 8, 9),
        // Third, which is not over: 2.
        used(2, NEW_YEAR + 14, 3),
    ];
    let activity = ingest(&events, Mapped::ALL, Some((NEW_YEAR, NEW_YEAR + 15)));
    let breadth = activity.breadth(Period::Week).unwrap();
    laws(&breadth, &activity);
    let [first, second, third] = breadth.periods() else { panic!("{breadth}") };
    assert_eq!((first.active(), first.available, first.mean(), first.median()), (3, 2, Some(1.0), Some(1.0)));
    assert_eq!(
        (first.mean_share(), first.share(2), first.share_at_least(1)),
        (Some(0.5), Some(1.0 / 3.0), Some(2.0 / 3.0))
    );
    assert_eq!((second.active(), second.available, second.mean(), second.median()), (2, 3, Some(2.0), Some(2.0)));
    assert_eq!(
        (second.exactly(0), second.exactly(1), second.exactly(3), second.exactly(4)),
        (Some(0), Some(1), Some(1), None)
    );
    assert_eq!((third.coverage, third.available, third.at_least(1), third.mean()), (Coverage::Open, 4, Some(1), None));
    assert_eq!((third.median(), third.mean_share(), third.share(1)), (None, None, None));

    let frame = breadth.actors_to_frame(&activity).unwrap();
    let weeks = [0, 7, 14].map(|after| day(NEW_YEAR + after));
    let expected = [
        (1, weeks[0], 2, 2),
        (1, weeks[1], 1, 3),
        (2, weeks[0], 1, 2),
        (2, weeks[2], 1, 4),
        (3, weeks[0], 0, 2),
        (4, weeks[1], 3, 3),
    ];
    assert_eq!(rows(&frame), expected);
    let states: Vec<_> = frame.column("coverage").unwrap().str().unwrap().iter().flatten().collect();
    assert_eq!(states, ["observed", "observed", "observed", "open", "observed", "observed"]);

    // Of the features named 1 and 9 are known.
    let named = BreadthOptions::new(Period::Week).available(["f009", "f001", "planned", "f777"]);
    let breadth = activity.breadth(named).unwrap();
    let counts: Vec<_> = breadth.periods().iter().map(|week| (week.available, week.most(), week.at_least(1))).collect();
    assert_eq!(counts, [(4, 1, Some(2)), (4, 2, Some(2)), (4, 0, Some(0))]);
    assert_eq!(breadth.periods()[1].mean_share(), Some(3.0 / 8.0));
}

#[test]
fn more_features_than_a_word_and_ids_of_any_kind() {
    // User u uses u + 1 features, 100 to 240 of them known, half of them in two accounts.
    let mut events = Vec::new();
    for user in 0..240_i64 {
        let account = Some(user % 3);
        events.extend((0..=user).map(|feature| Event { account, ..used(user, NEW_YEAR + 3, feature as u32) }));
        events.push(Event { account: Some(7), ..used(user, NEW_YEAR + 3, 0) });
    }
    let activity = ingest(&events, Mapped::ALL, Some((NEW_YEAR, NEW_YEAR + 6)));
    let breadth = activity.breadth(Period::Week).unwrap();
    laws(&breadth, &activity);
    let week = &breadth.periods()[0];
    assert_eq!((week.available, week.most(), week.median(), week.mean()), (240, 240, Some(120.5), Some(120.5)));
    assert!((1..=240).all(|k| week.exactly(k) == Some(1)) && week.exactly(0) == Some(0));

    let text = super::log::frame_with(&events, &DataType::String, &DataType::Int64);
    let of_text = Activity::from_frame(&text, &Mapped::ALL.columns(), &Calendar::utc()).unwrap();
    let frame = of_text.breadth(Period::Week).unwrap().actors_to_frame(&of_text).unwrap();
    let ids: Vec<_> = frame.column("actor").unwrap().str().unwrap().iter().flatten().map(str::to_owned).collect();
    assert_eq!(ids, (0..240).map(id_text).collect::<Vec<_>>());
}

#[test]
fn actors_of_recent_events_stand_in_their_order() {
    let old: Vec<Event> =
        (0..60).map(|number| used(2 * (number % 10), NEW_YEAR + (number / 10) as i32, (number % 4) as u32)).collect();
    let new = [used(5, NEW_YEAR + 6, 1), used(6, NEW_YEAR + 6, 3), used(99, NEW_YEAR + 6, 1)];
    let mut activity = ingest(&old, Mapped::ALL, Some((NEW_YEAR, NEW_YEAR + 5)));
    let before = activity.breadth(Period::Week).unwrap();
    activity.append(&ingest(&new, Mapped::ALL, Some((NEW_YEAR + 6, NEW_YEAR + 6)))).unwrap();
    let scene = Scene { events: old.iter().chain(&new).cloned().collect(), observed: (NEW_YEAR, NEW_YEAR + 6) };
    let breadth = activity.breadth(Period::Week).unwrap();
    check(&breadth, &activity, &scene.people(), scene.observed, Period::Week, None).unwrap();
    // What was asked before the append cannot be asked of what came after it.
    let error = before.actors_to_frame(&activity).unwrap_err();
    assert!(matches!(error, Error::Incompatible { .. }), "{error:?}");
    message(&error);
}

#[test]
fn next_to_nothing() {
    let nobody = ingest(&[], Mapped::ALL, Some((10, 45)));
    all_laws(&nobody);
    let breadth = nobody.breadth(Period::Week).unwrap();
    assert!(breadth.periods().iter().all(|week| week.active() == 0 && week.mean().is_none() && week.most() == 0));
    // Without a feature there is nothing to have a share of.
    let null = ingest(&[event(1, 19_800), event(2, 19_801)], Mapped::ALL, None);
    all_laws(&null);
    let today = &null.breadth(Period::Day).unwrap().periods()[0].clone();
    assert_eq!(
        (today.mean(), today.median(), today.mean_share(), today.share(0)),
        (Some(0.0), Some(0.0), None, Some(1.0))
    );
    let twice = [1, 2].map(|account| Event { account: Some(account), ..used(1, 19_800, account as u32) });
    let twice = ingest(&twice, Mapped::ALL, None);
    all_laws(&twice);
    assert_eq!(twice.breadth(Period::Day).unwrap().periods()[0].exactly(2), Some(1));
    let none = twice.breadth(BreadthOptions::new(Period::Day).between(day(0), day(1))).unwrap();
    assert!(none.periods().is_empty() && none.to_string().contains("no period"));
    assert_eq!(none.actors_to_frame(&twice).unwrap().height(), 0);
}

#[test]
fn odd_corners_of_the_calendar() {
    let on = |year, month, of_month| date(year, month, of_month).days_since_epoch();
    for (from, to) in
        [(on(1969, 12, 1), on(1970, 2, 3)), (on(2020, 12, 20), on(2021, 1, 20)), (on(2024, 2, 20), on(2024, 3, 9))]
    {
        let log: Vec<_> =
            (from..=to).map(|today| used(i64::from(today.rem_euclid(5)), today, today.rem_euclid(3) as u32)).collect();
        all_laws(&ingest(&log, Mapped::ALL, None));
    }
    let log = [used(1, on(2020, 12, 28), 1), used(1, on(2021, 1, 3), 2), used(2, on(2021, 1, 4), 1)];
    let weeks = |starts| {
        let calendar = Calendar::utc().week_starts(starts);
        let activity = Activity::from_frame(&frame(&log), &Mapped::ALL.columns(), &calendar).unwrap();
        let breadth = activity.breadth(Period::Week).unwrap();
        breadth.periods().iter().map(|week| (week.span.start, week.active(), week.most())).collect::<Vec<_>>()
    };
    assert_eq!(weeks(Weekday::Mon), [(date(2020, 12, 28), 1, 2), (date(2021, 1, 4), 1, 1)]);
    assert_eq!(weeks(Weekday::Sun), [(date(2020, 12, 27), 1, 1), (date(2021, 1, 3), 2, 1)]);
}

#[test]
fn options_are_judged() {
    let activity = ingest(&[used(1, 19_800, 1)], Mapped::ALL, None);
    let options = || BreadthOptions::new(Period::Month);
    assert_eq!(BreadthOptions::from(Period::Month), options());
    for options in [options().available(Vec::<String>::new()), options().available(["a", "b", "a"])] {
        let error = activity.breadth(options).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "available", .. }), "{error:?}");
        message(&error);
    }
    for mapped in Mapped::each().filter(|mapped| !mapped.feature) {
        let other = ingest(&[event(1, 19_800)], mapped, None);
        let error = other.breadth(Period::Month).unwrap_err();
        assert!(matches!(error, Error::NotMapped { column: "feature" }), "{error:?}");
        let error = activity.breadth(Period::Month).unwrap().actors_to_frame(&other).unwrap_err();
        assert!(matches!(error, Error::NotMapped { column: "feature" }), "{error:?}");
    }
    let many: Vec<Event> = (0..3_000).map(|feature| used(1, 0, feature)).collect();
    let decades = ingest(&many, Mapped::ALL, Some((0, 25_000)));
    let error = decades.breadth(Period::Day).unwrap_err();
    assert!(matches!(error, Error::TooLarge { count: 75_028_001, .. }), "{error:?}");
    message(&error);
    let latest = BreadthOptions::new(Period::Day).between(day(0), day(9));
    assert_eq!(decades.breadth(latest).unwrap().periods()[0].exactly(3_000), Some(1));
    let stored = serde_json::to_string(&options().available(["a"])).unwrap();
    assert_eq!(serde_json::from_str::<BreadthOptions>(&stored).unwrap(), options().available(["a"]));
}

#[test]
fn its_types_can_be_sent_and_shared() {
    fn check<T: Send + Sync + std::fmt::Debug + Clone>() {}
    check::<Breadth>();
    check::<BreadthOptions>();
    check::<BreadthPeriod>();
}
