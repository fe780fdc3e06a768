//! The durable store: against a model in memory, and against everything that can be wrong with a file.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use attrition::polars::prelude::*;
use attrition::{
    Cancellation, ChurnColumns, ChurnDatabase, ChurnRecords, DatabaseAccess, DatabaseOptions, Error, FeedbackItem,
    ImportPolicy, Reason, ReasonAxis, RecordCorrection, Taxonomy, TaxonomyEntry, WinBack, date,
};
use proptest::prelude::*;

use super::churn::{Scratch, record};
use super::log::day;

fn all_or_nothing() -> ImportPolicy {
    ImportPolicy::all_or_nothing()
}

#[derive(Clone, Debug)]
enum Step {
    Record(i64, i32, u64),
    Correct(i64, i32, u64),
    Import(Vec<(i64, i32, u64)>, bool),
    Rename(usize),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || (0..4_i64, 0..3, prop_oneof![Just(0), any::<u64>()]);
    prop_oneof![
        3 => key().prop_map(|(customer, at, seed)| Step::Record(customer, at, seed)),
        2 => key().prop_map(|(customer, at, seed)| Step::Correct(customer, at, seed)),
        2 => (prop::collection::vec(key(), 0..6), any::<bool>()).prop_map(|(rows, correct)| Step::Import(rows, correct)),
        1 => any::<usize>().prop_map(Step::Rename),
        1 => Just(Step::Reopen),
    ]
}

/// Whether a record says nothing that another does not say as well.
fn says_nothing_new(said: &Cancellation, known: &Cancellation) -> bool {
    let frame = |record: &Cancellation| {
        let mut bare = record.clone();
        bare.attributes.clear();
        ChurnRecords::of([bare], &Taxonomy::standard()).unwrap().to_frame().unwrap()
    };
    let (said_frame, known_frame) = (frame(said), frame(known));
    let columns = [
        "stated",
        "found",
        "voluntary",
        "plan",
        "segment",
        "value",
        "currency",
        "started_on",
        "competitor",
        "comment",
        "decision_reason",
        "recorded_by",
        "win_back",
        "returned_on",
    ];
    let cell = |frame: &DataFrame, column: &str| format!("{:?}", frame.column(column).unwrap().get(0).unwrap());
    columns.into_iter().all(|column| {
        let said = cell(&said_frame, column);
        said == "Null" || said == cell(&known_frame, column)
    }) && said.attributes.iter().all(|(name, value)| known.attributes.get(name) == Some(value))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn a_map_in_memory_does_the_same(steps in prop::collection::vec(step(), 1..20)) {
        let scratch = Scratch::new();
        let path = scratch.path("churn.db");
        let mut database = ChurnDatabase::open(&path).unwrap();
        let mut model: BTreeMap<(i32, i64), Cancellation> = BTreeMap::new();
        let (mut corrections, mut renamed) = (0, 0);
        let clean = |mut record: Cancellation| {
            // Corrections make old news of rows, which has a test of its own.
            record.currency = None;
            record
        };
        for step in steps {
            match step {
                Step::Record(customer, at, seed) => {
                    let said = clean(record(customer, at, seed));
                    let known = model.get(&(at, customer));
                    let allowed = known.is_none_or(|known| says_nothing_new(&said, known));
                    prop_assert_eq!(database.record(said.clone()).is_ok(), allowed);
                    if known.is_none() {
                        model.insert((at, customer), said);
                    }
                }
                Step::Correct(customer, at, seed) => {
                    let now = clean(record(customer, at, seed));
                    let by = RecordCorrection::by("ann").because("a call");
                    let changed = database.correct(customer, day(at), &by, |_| now.clone());
                    prop_assert_eq!(changed.is_ok(), model.contains_key(&(at, customer)));
                    if let Some(known) = model.get_mut(&(at, customer)) {
                        prop_assert_eq!(changed.unwrap() == 0, *known == now);
                        corrections += usize::from(*known != now);
                        *known = now;
                    }
                }
                Step::Import(rows, correct) if corrections == 0 => {
                    let mut distinct = BTreeMap::new();
                    for (customer, at, seed) in rows {
                        distinct.entry((at, customer)).or_insert_with(|| clean(record(customer, at, seed)));
                    }
                    let table = ChurnRecords::of(distinct.values().cloned(), &Taxonomy::standard()).unwrap();
                    let news = |(key, said): (&(i32, i64), &Cancellation)| {
                        model.get(key).is_some_and(|known| !says_nothing_new(said, known))
                    };
                    let contradict = distinct.iter().filter(|pair| news(*pair)).count();
                    let report = database.import(&table.to_frame().unwrap(), &ChurnColumns::default(), &all_or_nothing());
                    prop_assert_eq!(report.is_ok(), contradict == 0);
                    if let Err(Error::BadRows { report }) = &report {
                        prop_assert_eq!(report.bad_rows(), contradict as u64);
                    }
                    if contradict == 0 {
                        let fresh = distinct.keys().filter(|key| !model.contains_key(key)).count() as u64;
                        let report = report.unwrap();
                        prop_assert_eq!((report.added(), report.unchanged()), (fresh, distinct.len() as u64 - fresh));
                        distinct.into_iter().for_each(|(key, said)| { model.entry(key).or_insert(said); });
                    } else if correct {
                        let policy = all_or_nothing().correct_by("crm");
                        let report =
                            database.import(&table.to_frame().unwrap(), &ChurnColumns::default(), &policy).unwrap();
                        prop_assert_eq!((report.corrected(), report.bad_rows()), (contradict as u64, 0));
                        let again =
                            database.import(&table.to_frame().unwrap(), &ChurnColumns::default(), &policy).unwrap();
                        prop_assert_eq!((again.unchanged(), again.corrected(), again.added()), (table.len() as u64, 0, 0));
                        model = database.records().unwrap().iter().map(|record| {
                            let customer = record.customer.to_string().parse().unwrap();
                            ((record.date.days_since_epoch(), customer), record)
                        }).collect();
                        corrections += contradict;
                    }
                }
                Step::Import(..) => {}
                Step::Rename(at) => {
                    renamed += 1;
                    database.change_taxonomy(|taxonomy| {
                        let old = taxonomy.entries()[at % taxonomy.entries().len()].reason().clone();
                        let code = format!("renamed_{renamed}");
                        let new = old.parent().map_or(Reason::from(code.as_str()), |parent| {
                            Reason::from(format!("{parent}/{code}"))
                        });
                        taxonomy.rename(old, new, day(renamed))
                    }).unwrap();
                }
                Step::Reopen => {
                    drop(database);
                    database = ChurnDatabase::open(&path).unwrap();
                }
            }
            let records = database.records().unwrap();
            prop_assert_eq!(records.iter().collect::<Vec<_>>(), model.values().cloned().collect::<Vec<_>>());
            prop_assert_eq!(database.count().unwrap(), model.len() as u64);
            prop_assert_eq!(records.taxonomy(), &database.taxonomy().unwrap());
            prop_assert_eq!(records.taxonomy().changes().is_empty(), renamed == 0);
            for row in 0..records.len() {
                let stated = records.reason(row, ReasonAxis::Stated);
                prop_assert!(stated.is_none_or(|stated| records.taxonomy().get(stated).is_some()));
            }
        }
        let read_only = ChurnDatabase::open_read_only(&path).unwrap().records().unwrap();
        prop_assert_eq!(read_only, database.records().unwrap());
    }
}

fn acme() -> Cancellation {
    Cancellation::new("acme", date(2026, 3, 31), Reason::new("price", "too_expensive"))
}

#[test]
fn corrections_are_kept_with_who_when_and_from_what() {
    let scratch = Scratch::new();
    let mut database = ChurnDatabase::open(scratch.path("churn.db")).unwrap();
    database.record_all([acme().value(5.0), Cancellation::new("brix", date(2026, 3, 31), None)]).unwrap();
    let by = RecordCorrection::by("ann").because("a call");
    let changed = database
        .correct("acme", date(2026, 3, 31), &by, |record| {
            let mut record = record.found(Reason::new("product", "not_used")).attribute("region", "north");
            record.value = None;
            record
        })
        .unwrap();
    assert_eq!(changed, 3);
    database
        .correct("acme", date(2026, 3, 31), &RecordCorrection::by("jonas"), |mut record| {
            record.date = date(2026, 4, 1);
            record
        })
        .unwrap();
    let history = database.history("acme").unwrap();
    let told: Vec<_> = history
        .changes()
        .iter()
        .map(|change| (change.who.as_str(), change.field.as_str(), change.before.as_deref(), change.after.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("ann", "attribute_region", None, Some("north")),
            ("ann", "found", None, Some("product/not_used")),
            ("ann", "value", Some("5"), None),
            ("jonas", "date", Some("2026-03-31"), Some("2026-04-01")),
        ]
    );
    assert!(history.changes().iter().all(|change| change.date == date(2026, 4, 1) && change.at > 1_600_000_000_000));
    assert_eq!(history.changes()[0].why.as_deref(), Some("a call"));
    assert_eq!(history.to_frame().unwrap().height(), 4);
    assert!(database.history("brix").unwrap().changes().is_empty());
    assert_eq!(database.whole_history().unwrap(), history);

    let refused = database.correct("acme", date(2026, 3, 31), &by, |record| record);
    assert!(matches!(refused, Err(Error::InvalidOption { option: "record", .. })));
    let refused = database.correct("acme", date(2026, 4, 1), &RecordCorrection::by(" "), |record| record);
    assert!(matches!(refused, Err(Error::InvalidOption { option: "who", .. })));
    let refused = database.correct("acme", date(2026, 4, 1), &by, |record| record.value(-1.0));
    assert!(matches!(refused, Err(Error::InvalidOption { option: "value", .. })));
    let refused = database.correct("acme", date(2026, 4, 1), &by, |mut record| {
        (record.customer, record.date) = ("brix".into(), date(2026, 3, 31));
        record
    });
    assert!(matches!(refused, Err(Error::Incompatible { .. })));
    assert_eq!(database.whole_history().unwrap(), history);
}

#[test]
fn imported_twice_is_there_once_whatever_was_corrected_since() {
    let scratch = Scratch::new();
    let mut database = ChurnDatabase::open(scratch.path("churn.db")).unwrap();
    let columns = ChurnColumns::new("account", "date").stated("why").value("lost");
    let table = |why: [&str; 3], lost: [f64; 3]| {
        let date = ["2026-03-31", "2026-04-01", "2026-04-02"];
        df!("account" => ["acme", "brix", "core"], "date" => date, "why" => why, "lost" => lost).unwrap()
    };
    let first = table(["price/too_expensive", "other", "other"], [1.0, 2.0, 3.0]);
    assert_eq!(database.import(&first, &columns, &all_or_nothing()).unwrap().added(), 3);
    let by = RecordCorrection::by("ann");
    database.correct("acme", date(2026, 3, 31), &by, |record| record.found("product/not_used")).unwrap();
    database
        .correct("brix", date(2026, 4, 1), &by, |mut record| {
            record.stated = Some("price".into());
            record
        })
        .unwrap();
    let before = database.records().unwrap();
    let report = database.import(&first, &columns, &all_or_nothing().correct_by("crm")).unwrap();
    assert_eq!((report.unchanged(), report.corrected(), report.added()), (3, 0, 0));
    assert_eq!(database.records().unwrap(), before);

    // What is new is a bad row, each cell of it, or a correction.
    let second = table(["price/too_expensive", "other", "competitor"], [1.0, 2.5, 3.5]);
    match database.import(&second, &columns, &all_or_nothing()) {
        Err(Error::BadRows { report }) => {
            let told: Vec<_> =
                report.bad().iter().map(|bad| (bad.row, bad.column.as_str(), bad.value.as_str())).collect();
            assert_eq!(told, [(1, "value", "2.5"), (2, "stated", "competitor"), (2, "value", "3.5")]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(database.records().unwrap(), before);
    let report = database.import(&second, &columns, &ImportPolicy::keep_good()).unwrap();
    assert_eq!((report.unchanged(), report.bad_rows()), (1, 2));
    assert_eq!(database.records().unwrap(), before);
    let report = database.import(&second, &columns, &all_or_nothing().correct_by("crm")).unwrap();
    assert_eq!((report.unchanged(), report.corrected()), (1, 2));
    let after = database.records().unwrap();
    assert_eq!(after.values(), [Some(1.0), Some(2.5), Some(3.5)]);
    // The old news of brix stays corrected.
    assert_eq!(after.reason(1, ReasonAxis::Stated), Some(&Reason::from("price")));
    assert_eq!(database.history("core").unwrap().changes().iter().filter(|change| change.who == "crm").count(), 2);
}

#[test]
fn who_comes_back_changes_two_fields_and_the_history_has_both() {
    let scratch = Scratch::new();
    let mut database = ChurnDatabase::open(scratch.path("churn.db")).unwrap();
    let columns = ChurnColumns::new("account", "date").win_back("state").returned_on("back");
    let mut told = Vec::new();
    let mut import = |state: &str, back: Option<&str>| {
        let frame = df!("account" => ["acme"], "date" => ["2026-03-31"], "state" => [state], "back" => [back]).unwrap();
        let report = database.import(&frame, &columns, &all_or_nothing().correct_by("crm")).unwrap();
        let history = database.history("acme").unwrap();
        let fresh = history.changes()[told.len()..].iter();
        let fresh: Vec<_> = fresh.map(|one| (one.field.clone(), one.before.clone(), one.after.clone())).collect();
        told.extend(fresh.clone());
        let fields: Vec<String> = fresh
            .into_iter()
            .map(|(field, before, after)| {
                let [before, after] = [before, after].map(|side| side.unwrap_or_else(|| "-".to_owned()));
                format!("{field} {before} {after}")
            })
            .collect();
        (report.corrected(), fields)
    };
    let both = |state: &str, back: &str| (1, vec![format!("returned_on {back}"), format!("win_back {state}")]);
    assert_eq!(import("in_progress", None), (0, vec![]));
    let (first, second) = ("2026-04-20", "2026-05-20");
    assert_eq!(import("won_back", Some(first)), both("in_progress won_back", "- 2026-04-20"));
    // That there was no return is what the history knows of before, and that it is so again is news.
    assert_eq!(import("given_up", None), both("won_back given_up", "2026-04-20 -"));
    // That they came back is old news, and that they did so on another day is none.
    assert_eq!(import("won_back", Some(second)), both("given_up won_back", "- 2026-05-20"));
    // The old files say nothing new.
    for (state, back) in [("in_progress", None), ("won_back", Some(first)), ("given_up", None)] {
        assert_eq!(import(state, back), (0, vec![]));
    }
    let now = database.records().unwrap().get(0).win_back;
    assert_eq!(now, Some(WinBack::WonBack(date(2026, 5, 20))));
}

#[test]
fn feedback_and_cancellations_have_customers_of_one_kind() {
    let scratch = Scratch::new();
    let (text, number) = (FeedbackItem::new("acme", date(2026, 3, 1)), FeedbackItem::new(1, date(2026, 3, 1)));
    let refused = |done: Result<(), Error>| {
        assert!(matches!(done, Err(Error::Incompatible { what: "the ids of customers", .. })), "{done:?}");
    };
    let mut database = ChurnDatabase::open(scratch.path("records.db")).unwrap();
    database.record(acme()).unwrap();
    refused(database.add_feedback(&number).map(drop));
    let id = database.add_feedback(&text).unwrap();
    refused(database.change_feedback(id, |mut item| {
        item.customer = 1.into();
        item
    }));
    let mut database = ChurnDatabase::open(scratch.path("feedback.db")).unwrap();
    let id = database.add_feedback(&number).unwrap();
    refused(database.record(acme()));
    let frame = df!("account" => ["acme"], "date" => ["2026-03-31"]).unwrap();
    refused(database.import(&frame, &ChurnColumns::default(), &ImportPolicy::keep_good()).map(drop));
    assert_eq!(database.count().unwrap(), 0);
    // The only one there is may be given another kind, and then all are of that.
    database
        .change_feedback(id, |mut item| {
            item.customer = "acme".into();
            item
        })
        .unwrap();
    database.record(acme()).unwrap();
}

#[test]
fn a_record_that_was_moved_is_known_by_its_former_keys() {
    let scratch = Scratch::new();
    let path = scratch.path("churn.db");
    let mut database = ChurnDatabase::open(&path).unwrap();
    let columns = ChurnColumns::new("account", "date").stated("why");
    let why = ["price/too_expensive", "other"];
    let frame = df!("account" => ["acme", "brix"], "date" => ["2026-03-31", "2026-04-01"], "why" => why).unwrap();
    assert_eq!(database.import(&frame, &columns, &all_or_nothing()).unwrap().added(), 2);
    let by = RecordCorrection::by("ann");
    let to = |customer: &'static str, day| {
        move |mut record: Cancellation| {
            (record.customer, record.date) = (customer.into(), day);
            record
        }
    };
    database.correct("acme", date(2026, 3, 31), &by, to("acme", date(2026, 4, 15))).unwrap();
    database.correct("acme", date(2026, 4, 15), &by, to("acme ltd", date(2026, 4, 16))).unwrap();
    let before = database.records().unwrap();
    let again = |database: &mut ChurnDatabase| {
        let report = database.import(&frame, &columns, &all_or_nothing().correct_by("crm")).unwrap();
        assert_eq!((report.added(), report.unchanged(), report.corrected()), (0, 2, 0));
        // What is recorded by hand may be the same again or not, since the customer is another one.
        for said in [acme(), acme().plan("x"), Cancellation::new("acme", date(2026, 4, 15), None)] {
            let refused = database.record(said).unwrap_err();
            assert!(
                matches!(&refused, Error::Incompatible { right, .. } if right == "acme ltd on 2026-04-16"),
                "{refused}"
            );
            assert!(refused.to_string().contains("record_anew"), "{refused}");
        }
        assert_eq!(database.records().unwrap(), before);
    };
    again(&mut database);
    // A file of the version before knows the former keys from its history.
    drop(database);
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute_batch("DROP TABLE former_key; PRAGMA user_version = 2;").unwrap();
    drop(file);
    let mut database = ChurnDatabase::open(&path).unwrap();
    again(&mut database);
    // No key was made of the customer of one correction and the date of another.
    database.record(Cancellation::new("acme ltd", date(2026, 4, 15), None)).unwrap();
    assert_eq!(database.count().unwrap(), 3);
    // A record that moves to a former key stands under it.
    database.correct("brix", date(2026, 4, 1), &by, to("acme", date(2026, 3, 31))).unwrap();
    database.record(Cancellation::new("acme", date(2026, 3, 31), Reason::from("other"))).unwrap();
    database.correct("acme", date(2026, 3, 31), &by, to("brix", date(2026, 4, 1))).unwrap();
    database.record(Cancellation::new("brix", date(2026, 4, 1), Reason::from("other"))).unwrap();
    assert_eq!(database.count().unwrap(), 3);
}

#[test]
fn a_new_cancellation_under_a_former_key_is_recorded_when_asked_for() {
    let scratch = Scratch::new();
    let mut database = ChurnDatabase::open(scratch.path("churn.db")).unwrap();
    database.record(acme()).unwrap();
    let by = RecordCorrection::by("ann");
    let to = |customer: &'static str, day| {
        move |mut record: Cancellation| {
            (record.customer, record.date) = (customer.into(), day);
            record
        }
    };
    database.correct("acme", date(2026, 3, 31), &by, to("brix", date(2026, 3, 31))).unwrap();
    // The real one of acme on that day is not swallowed, and nothing of what is recorded with it is there by halves.
    let both = [Cancellation::new("core", date(2026, 3, 31), None), acme().plan("pro")];
    assert!(matches!(database.record_all(both), Err(Error::Incompatible { .. })));
    assert_eq!(database.count().unwrap(), 1);
    database.record_anew(acme().plan("pro")).unwrap();
    let customers: Vec<String> = database.records().unwrap().iter().map(|one| one.customer.to_string()).collect();
    assert_eq!(customers, ["acme", "brix"]);
    // From now on it is that one, twice as well.
    database.record(acme().plan("pro")).unwrap();
    database.record_anew(acme().plan("pro")).unwrap();
    assert!(matches!(database.record_anew(acme().plan("solo")), Err(Error::Incompatible { .. })));
    database.correct("acme", date(2026, 3, 31), &by, |record| record.plan("solo")).unwrap();
    assert_eq!(database.count().unwrap(), 2);
    // Of the same customer it is the same on another day.
    database.correct("acme", date(2026, 3, 31), &by, to("acme", date(2026, 4, 2))).unwrap();
    database.record(acme().plan("solo")).unwrap();
    assert_eq!(database.count().unwrap(), 2);
    // Bad ones leave the former key where it was.
    assert!(database.record_anew(acme().value(-1.0)).is_err());
    database.record(acme().plan("solo")).unwrap();
    assert_eq!(database.count().unwrap(), 2);
}

#[test]
fn a_correction_that_a_record_cannot_take_is_a_bad_row() {
    let scratch = Scratch::new();
    let mut database = ChurnDatabase::open(scratch.path("churn.db")).unwrap();
    database.record(acme()).unwrap();
    database
        .correct("acme", date(2026, 3, 31), &RecordCorrection::by("ann"), |mut record| {
            record.date = date(2026, 3, 1);
            record
        })
        .unwrap();
    // The start lies before the day of the row, and after the one to which the record was moved.
    let frame = df!(
        "account" => ["brix", "acme"], "date" => ["2026-04-01", "2026-03-31"], "started_on" => [None, Some("2026-03-15")],
    )
    .unwrap();
    let before = database.records().unwrap();
    let columns = ChurnColumns::default();
    let refused = database.import(&frame, &columns, &all_or_nothing().correct_by("crm")).unwrap_err();
    let Error::BadRows { report } = &refused else { panic!("{refused}") };
    assert_eq!((report.bad_rows(), report.bad()[0].row, report.bad()[0].column.as_str()), (1, 1, "started_on"));
    assert_eq!(database.records().unwrap(), before);
    let report = database.import(&frame, &columns, &ImportPolicy::keep_good().correct_by("crm")).unwrap();
    assert_eq!((report.added(), report.corrected(), report.bad_rows()), (1, 0, 1));
    assert_eq!(database.count().unwrap(), 2);
    assert_eq!(database.whole_history().unwrap().changes().len(), 1);
}

#[test]
fn bad_rows_leave_nothing_behind_or_only_themselves() {
    let scratch = Scratch::new();
    let mut database = ChurnDatabase::open(scratch.path("churn.db")).unwrap();
    let frame = df!(
        "account" => [1, 2, 3, 4], "date" => ["2026-03-31", "soon", "2026-04-02", "2026-04-02"],
        "stated" => ["price", "price", "dear", "other"], "value" => [1.0, 2.0, -3.0, 4.0],
    )
    .unwrap();
    let refused = database.import(&frame, &ChurnColumns::default(), &all_or_nothing());
    assert!(matches!(&refused, Err(Error::BadRows { report }) if report.bad().len() == 3 && report.bad_rows() == 2));
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("2 of 4 rows") && message.contains("row 1, column \"date\""), "{message}");
    assert_eq!(database.count().unwrap(), 0);
    let report = database.import(&frame, &ChurnColumns::default(), &ImportPolicy::keep_good()).unwrap();
    assert_eq!((report.added(), report.bad_rows(), database.count().unwrap()), (2, 2, 2));
    let text = df!("account" => ["acme"], "date" => ["2026-03-31"]).unwrap();
    let refused = database.import(&text, &ChurnColumns::default(), &ImportPolicy::keep_good());
    assert!(matches!(refused, Err(Error::Incompatible { what: "the ids of customers", .. })));
    assert!(matches!(database.record(acme()), Err(Error::Incompatible { .. })));
    assert!(matches!(
        database.record(Cancellation::new(u64::MAX, date(2026, 3, 31), None)),
        Err(Error::InvalidOption { option: "customer", .. })
    ));
    assert_eq!(database.count().unwrap(), 2);
}

#[test]
fn files_of_others_are_refused_and_not_touched() {
    let scratch = Scratch::new();
    let refuses = |name: &str, bytes: &[u8]| {
        let path = scratch.path(name);
        fs::write(&path, bytes).unwrap();
        for error in [ChurnDatabase::open(&path).unwrap_err(), ChurnDatabase::open_read_only(&path).unwrap_err()] {
            assert!(matches!(error, Error::NotChurnDatabase { .. }), "{name}: {error}");
            assert!(error.to_string().contains(name), "{error}");
        }
        assert_eq!(fs::read(&path).unwrap(), bytes, "{name}");
    };
    refuses("notes.txt", b"a few notes");
    refuses("long.txt", &[b'x'; 10_000]);
    let other = scratch.path("other.db");
    let foreign = rusqlite::Connection::open(&other).unwrap();
    foreign.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1);").unwrap();
    refuses("no_number.db", &fs::read(&other).unwrap());
    foreign.execute_batch("PRAGMA user_version = 1;").unwrap();
    refuses("versioned.db", &fs::read(&other).unwrap());
    foreign.execute_batch("PRAGMA application_id = 7;").unwrap();
    refuses("numbered.db", &fs::read(&other).unwrap());
    refuses("short.db", &fs::read(&other).unwrap()[..60]);
    // With a log or a journal beside it as well, which SQLite would write back and remove.
    for (sql, end) in
        [("PRAGMA application_id = 0; PRAGMA journal_mode = WAL; INSERT INTO t VALUES (2);", "-wal"), ("", "-journal")]
    {
        foreign.execute_batch(sql).unwrap();
        let beside = if end == "-wal" { fs::read(format!("{}-wal", other.display())).unwrap() } else { vec![7; 600] };
        assert!(!beside.is_empty());
        let name = format!("beside{end}.db");
        let copy = format!("{}{end}", scratch.path(&name).display());
        fs::write(&copy, &beside).unwrap();
        refuses(&name, &fs::read(&other).unwrap());
        assert_eq!(fs::read(&copy).unwrap(), beside, "{name}");
    }
    // A file without anything is as good as none.
    fs::write(scratch.path("empty.db"), b"").unwrap();
    ChurnDatabase::open(scratch.path("empty.db")).unwrap().record(acme()).unwrap();

    let path = scratch.path("churn.db");
    ChurnDatabase::open(&path).unwrap().record(acme()).unwrap();
    let mut torn = fs::read(&path).unwrap();
    torn.truncate(torn.len() / 2);
    torn[5_000..6_000].fill(0xAA);
    let torn_path = scratch.path("torn.db");
    fs::write(&torn_path, &torn).unwrap();
    let error = ChurnDatabase::open(&torn_path).and_then(|mut database| database.records()).unwrap_err();
    assert!(matches!(error, Error::NotChurnDatabase { .. }), "{error}");

    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99;").unwrap();
    let before = fs::read(&path).unwrap();
    for error in [ChurnDatabase::open(&path).unwrap_err(), ChurnDatabase::open_read_only(&path).unwrap_err()] {
        assert!(matches!(error, Error::Schema { found: 99, known: 3, .. }), "{error}");
        assert!(error.to_string().contains("later version"), "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);

    assert!(matches!(ChurnDatabase::open_read_only(scratch.path("none.db")), Err(Error::File { .. })));
    assert!(matches!(ChurnDatabase::open(scratch.path("no/folder.db")), Err(Error::File { .. })));
    assert!(matches!(ChurnDatabase::open(&scratch), Err(Error::File { .. })));
    assert!(!scratch.path("none.db").exists());
}

#[test]
fn locked_read_only_and_waiting() {
    let scratch = Scratch::new();
    let path = scratch.path("churn.db");
    let mut database =
        ChurnDatabase::open_with(&path, &DatabaseOptions::new().wait(Duration::from_millis(50))).unwrap();
    database.record(acme()).unwrap();
    let before = database.records().unwrap();
    let writer = rusqlite::Connection::open(&path).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM cancellation;").unwrap();
    let begun = Instant::now();
    let error = database.record(Cancellation::new("brix", date(2026, 3, 31), None)).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    assert!(begun.elapsed() >= Duration::from_millis(50));
    // Whoever reads does not wait, and sees what was committed.
    assert_eq!(database.records().unwrap(), before);
    writer.execute_batch("ROLLBACK").unwrap();
    database.record(Cancellation::new("brix", date(2026, 3, 31), None)).unwrap();

    let mut reader = ChurnDatabase::open_read_only(&path).unwrap();
    assert_eq!(reader.count().unwrap(), 2);
    for error in [
        reader.record(Cancellation::new("core", date(2026, 3, 31), None)).unwrap_err(),
        reader
            .correct("acme", date(2026, 3, 31), &RecordCorrection::by("ann"), |record| record.plan("pro"))
            .unwrap_err(),
        reader.change_taxonomy(|taxonomy| taxonomy.add(TaxonomyEntry::new("mine", "Mine"))).unwrap_err(),
        reader.add_feedback(&FeedbackItem::new("acme", date(2026, 3, 31))).unwrap_err(),
    ] {
        assert!(matches!(error, Error::ReadOnly { .. }), "{error}");
    }
    // It sees what others write meanwhile, from one question to the next.
    database.record(Cancellation::new("core", date(2026, 3, 31), None)).unwrap();
    assert_eq!(reader.count().unwrap(), 3);

    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    drop((reader, database, writer));
    fs::set_permissions(&path, permissions).unwrap();
    // Whoever may do everything is not held back by permissions.
    let forbidden = fs::OpenOptions::new().write(true).open(&path).is_err();
    let refused = ChurnDatabase::open(&path).and_then(|mut database| database.record(acme().plan("x")));
    assert!(refused.is_err());
    if forbidden {
        assert!(matches!(refused, Err(Error::ReadOnly { .. } | Error::File { .. })), "{refused:?}");
    }
}

#[test]
fn a_taxonomy_of_ones_own_and_what_it_may_not_forget() {
    let scratch = Scratch::new();
    let own = Taxonomy::new([TaxonomyEntry::new("fees", "Fees"), TaxonomyEntry::new("fees/high", "Too high")]).unwrap();
    let options = DatabaseOptions::new().taxonomy(own.clone());
    let mut database = ChurnDatabase::open_with(scratch.path("churn.db"), &options).unwrap();
    assert_eq!(database.taxonomy().unwrap(), own);
    assert!(matches!(database.record(acme()), Err(Error::InvalidOption { option: "stated", .. })));
    database.record(Cancellation::new(1, date(2026, 3, 31), Reason::new("fees", "high"))).unwrap();
    // The options of whoever opens it next change nothing.
    drop(database);
    let mut database = ChurnDatabase::open(scratch.path("churn.db")).unwrap();
    assert_eq!(database.taxonomy().unwrap(), own);
    let standard = |taxonomy: &mut Taxonomy| {
        *taxonomy = Taxonomy::standard();
        Ok(())
    };
    assert!(matches!(database.change_taxonomy(standard), Err(Error::Taxonomy { entry, .. }) if entry == "fees/high"));
    assert_eq!(database.taxonomy().unwrap(), own);
    database
        .change_taxonomy(|taxonomy| {
            taxonomy.add(TaxonomyEntry::new("price", "Price").owner("Anna"))?;
            taxonomy.merge("fees", "price", date(2026, 5, 1))
        })
        .unwrap();
    let records = database.records().unwrap();
    assert_eq!(records.reason(0, ReasonAxis::Stated), Some(&Reason::from("price")));
    assert_eq!(records.get(0).stated, Some(Reason::new("fees", "high")));
    // A code that was given up does not come back with another meaning.
    let again = |taxonomy: &mut Taxonomy| {
        *taxonomy = own.clone();
        Ok(())
    };
    assert!(matches!(database.change_taxonomy(again), Err(Error::Taxonomy { .. })));
    // Old files still have the old code.
    database.record(Cancellation::new(2, date(2026, 3, 31), Reason::new("fees", "high"))).unwrap();
    assert_eq!(database.records().unwrap().distinct_reasons(), [Reason::from("price")]);
}

#[test]
fn feedback_is_kept() {
    let scratch = Scratch::new();
    let path = scratch.path("churn.db");
    let mut database = ChurnDatabase::open(&path).unwrap();
    let item = FeedbackItem::new("acme", date(2026, 3, 1)).owner("ann").due_on(date(2026, 4, 1)).comment("hm");
    let first = database.add_feedback(&item).unwrap();
    let second = database.add_feedback(&FeedbackItem::new("brix", date(2026, 3, 2))).unwrap();
    assert_ne!(first, second);
    database
        .change_feedback(first, |item| item.categorised("product", date(2026, 3, 5)).acted(date(2026, 3, 6)))
        .unwrap();
    let refused = database.change_feedback(second, |item| item.acted(date(2026, 3, 6)));
    assert!(matches!(refused, Err(Error::InvalidOption { option: "acted_on", .. })));
    assert!(matches!(database.change_feedback(77, |item| item), Err(Error::InvalidOption { option: "feedback", .. })));
    assert!(matches!(database.add_feedback(&FeedbackItem::new(1, date(2026, 3, 2))), Err(Error::Incompatible { .. })));
    drop(database);
    let read_only = DatabaseOptions::new().access(DatabaseAccess::ReadOnly);
    let log = ChurnDatabase::open_with(&path, &read_only).unwrap().feedback_log().unwrap();
    let expected = item.categorised("product", date(2026, 3, 5)).acted(date(2026, 3, 6));
    assert_eq!(log.items(), [expected, FeedbackItem::new("brix", date(2026, 3, 2))]);
    // Its category may be renamed, and not forgotten.
    let mut database = ChurnDatabase::open(&path).unwrap();
    let mine = |taxonomy: &mut Taxonomy| {
        *taxonomy = Taxonomy::new([TaxonomyEntry::new("mine", "Mine")])?;
        Ok(())
    };
    assert!(matches!(database.change_taxonomy(mine), Err(Error::Taxonomy { entry, .. }) if entry == "product"));
    database.change_taxonomy(|taxonomy| taxonomy.rename("product", "goods", date(2026, 5, 1))).unwrap();
    let feedback = database.feedback_log().unwrap().feedback(date(2026, 5, 1)).unwrap();
    assert!(feedback.get(Some("goods"), attrition::FeedbackState::Acted).is_some());
}
