//! Which features were used on which days, against a look at every event.

use std::collections::BTreeSet;

use attrition::polars::prelude::*;
use attrition::{Activity, Calendar, Error, EventColumns};
use proptest::prelude::*;

use super::log::{
    Event, Mapped, NO_ACCOUNT, builder, categorical, enum_of, event, feature_text, frame, frame_with, ingest, message,
    rows,
};

/// Actor, account, day and feature.
type Used = (i64, i64, i32, String);

/// The rows of `feature_days`, ids being integers.
fn used(activity: &Activity) -> Vec<Used> {
    let frame = activity.feature_days().unwrap();
    let integers = |column: &str| frame.column(column).ok().map(|column| column.i64().unwrap().clone());
    let (actors, accounts) = (integers("actor").unwrap(), integers("account"));
    let days = frame.column("day").unwrap();
    assert_eq!(days.dtype(), &DataType::Date);
    let (days, features) = (days.to_physical_repr(), frame.column("feature").unwrap().str().unwrap());
    let row = |row: usize| {
        let account = accounts.as_ref().and_then(|accounts| accounts.get(row)).unwrap_or(NO_ACCOUNT);
        (
            actors.get(row).unwrap(),
            account,
            days.i32().unwrap().get(row).unwrap(),
            features.get(row).unwrap().to_owned(),
        )
    };
    (0..frame.height()).map(row).collect()
}

fn expected(events: &[Event], accounts: bool) -> Vec<Used> {
    let of = |event: &Event| {
        let account = event.account.filter(|_| accounts).unwrap_or(NO_ACCOUNT);
        Some((event.user?, account, event.day?, feature_text(event.feature?)))
    };
    events.iter().filter_map(of).collect::<BTreeSet<_>>().into_iter().collect()
}

fn any_event(features: u32) -> impl Strategy<Value = Event> {
    let (user, day) = (prop::option::weighted(0.95, -3..6_i64), prop::option::weighted(0.95, -4..9));
    let (account, feature) = (prop::option::weighted(0.8, 0..3_i64), prop::option::weighted(0.8, 0..features));
    (user, day, account, feature).prop_map(|(user, day, account, feature)| Event {
        user,
        day,
        account,
        feature,
        value: None,
    })
}

fn any_log() -> impl Strategy<Value = Vec<Event>> {
    prop_oneof![prop::collection::vec(any_event(9), 0..80), prop::collection::vec(any_event(220), 0..400)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn feature_days_are_what_looking_says(log in any_log(), account: bool, value: bool, cut: prop::sample::Index) {
        let mapped = Mapped { account, feature: true, value };
        let between = Some((-4, 9));
        let activity = ingest(&log, mapped, between);
        prop_assert_eq!(used(&activity), expected(&log, account));
        // As many as the frame of days says, day by day.
        let count: u32 = rows(&activity).iter().map(|row| row.features.unwrap()).sum();
        prop_assert_eq!(used(&activity).len(), count as usize);

        let mut parts = log.clone();
        let rest = parts.split_off(cut.index(log.len() + 1));
        let mut appended = ingest(&parts, mapped, between);
        appended.append(&ingest(&rest, mapped, between)).unwrap();
        prop_assert_eq!(used(&appended), expected(&log, account));
        let early: Vec<Event> = log.iter().filter(|event| event.day.is_some_and(|day| day <= 2)).cloned().collect();
        prop_assert_eq!(used(&activity.at(super::log::day(2)).unwrap()), expected(&early, account));
        if account {
            let of_account = log.iter().filter(|event| event.user.is_some());
            let of_account: Vec<Event> = of_account.map(|event| Event { user: event.account, ..event.clone() }).collect();
            prop_assert_eq!(used(&activity.by_account().unwrap()), expected(&of_account, false));
        }
    }
}

#[test]
fn features_and_ids_of_every_kind() {
    let log = [
        Event { feature: Some(7), account: Some(2), ..event(5, -1) },
        Event { feature: Some(3), ..event(5, -1) },
        Event { feature: Some(7), account: Some(2), ..event(5, -1) },
        event(4, 0),
    ];
    let names = ["f007", "f003", "u00005", "u00004", "u00002"];
    for text in [DataType::String, categorical(), enum_of(names)] {
        let mut frame = frame_with(&log, &text, &DataType::UInt8);
        frame.apply("feature", |feature| feature.cast(&text).unwrap()).unwrap();
        let activity = Activity::from_frame(&frame, &Mapped::ALL.columns(), &Calendar::utc()).unwrap();
        let expected = df!(
            "actor" => ["u00005", "u00005"],
            "account" => [Some(2_u8), None],
            "day" => [-1, -1],
            "feature" => ["f007", "f003"],
        );
        let expected = expected.unwrap().lazy().with_column(col("day").cast(DataType::Date)).collect().unwrap();
        let days = activity.feature_days().unwrap();
        assert_eq!(days.schema(), expected.schema());
        assert!(days.equals_missing(&expected), "{text}: {days}");
    }
}

#[test]
fn without_features() {
    let log = [event(1, 1), event(2, 1)];
    let error = ingest(&log, Mapped::NONE, None).feature_days().unwrap_err();
    assert!(matches!(error, Error::NotMapped { column: "feature" }), "{error:?}");
    assert!(message(&error).contains("EventColumns::feature"));
    // Mapped, but never there; and nobody at all.
    let columns = EventColumns::new("user", "time").feature("feature");
    for log in [&log[..], &[]] {
        let mut builder = builder(Mapped { feature: true, ..Mapped::NONE }, Some((0, 3)));
        builder.push(&frame(log)).unwrap();
        let days = builder.finish().unwrap().feature_days().unwrap();
        assert_eq!((days.height(), days.width()), (0, 3));
        let types = [DataType::Int64, DataType::Date, DataType::String];
        assert_eq!(days.dtypes(), types, "{columns:?}");
    }
}
