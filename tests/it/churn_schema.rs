//! Files of every version of the schema, as text that no change of the code changes: what each of them kept is there.

use std::path::Path;

use attrition::{
    Cancellation, ChurnColumns, ChurnDatabase, ChurnKind, Error, FeedbackItem, ImportPolicy, Reason, ReasonAxis,
    RecordCorrection, WinBack, date,
};
use rusqlite::Connection;

use super::churn::Scratch;

/// The tables that each version added to those before it.
const TABLES: [&str; 3] = [
    "
    CREATE TABLE reason (
        id INTEGER PRIMARY KEY,
        code TEXT NOT NULL UNIQUE,
        name TEXT,
        owner TEXT,
        evidence TEXT,
        kind TEXT CHECK (kind IN ('voluntary', 'involuntary')),
        became INTEGER REFERENCES reason (id),
        given_up_on TEXT,
        change INTEGER,
        CHECK ((name IS NULL) = (became IS NOT NULL)),
        CHECK ((became IS NULL) = (given_up_on IS NULL) AND (became IS NULL) = (change IS NULL))
    ) STRICT;
    CREATE TABLE cancellation (
        id INTEGER PRIMARY KEY,
        customer ANY NOT NULL CHECK (typeof(customer) IN ('integer', 'text')),
        date TEXT NOT NULL,
        stated INTEGER REFERENCES reason (id),
        found INTEGER REFERENCES reason (id),
        voluntary INTEGER CHECK (voluntary IN (0, 1)),
        plan TEXT,
        segment TEXT,
        value REAL CHECK (value >= 0),
        currency TEXT,
        started_on TEXT,
        competitor TEXT,
        comment TEXT,
        decision_reason TEXT,
        recorded_by TEXT,
        win_back TEXT CHECK (win_back IN ('in_progress', 'won_back', 'given_up')),
        returned_on TEXT,
        UNIQUE (customer, date),
        CHECK ((win_back IS 'won_back') = (returned_on IS NOT NULL))
    ) STRICT;
    CREATE TABLE attribute (
        cancellation INTEGER NOT NULL REFERENCES cancellation (id),
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (cancellation, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE correction (
        id INTEGER PRIMARY KEY,
        cancellation INTEGER NOT NULL REFERENCES cancellation (id),
        at INTEGER NOT NULL,
        who TEXT NOT NULL,
        why TEXT,
        field TEXT NOT NULL,
        before TEXT,
        after TEXT
    ) STRICT;
    CREATE INDEX correction_of ON correction (cancellation, field);
    ",
    "
    CREATE TABLE feedback (
        id INTEGER PRIMARY KEY,
        customer ANY NOT NULL CHECK (typeof(customer) IN ('integer', 'text')),
        asked_on TEXT NOT NULL,
        category INTEGER REFERENCES reason (id),
        categorised_on TEXT,
        acted_on TEXT,
        followed_up_on TEXT,
        owner TEXT,
        due_on TEXT,
        comment TEXT,
        CHECK ((category IS NULL) = (categorised_on IS NULL)),
        CHECK (acted_on IS NULL OR categorised_on IS NOT NULL),
        CHECK (followed_up_on IS NULL OR acted_on IS NOT NULL)
    ) STRICT;
    ",
    "
    CREATE TABLE former_key (
        customer ANY NOT NULL CHECK (typeof(customer) IN ('integer', 'text')),
        date TEXT NOT NULL,
        cancellation INTEGER NOT NULL REFERENCES cancellation (id),
        PRIMARY KEY (customer, date)
    ) STRICT;
    ",
];

/// What a program of each version wrote into its own tables.
const ROWS: [&str; 3] = [
    "
    INSERT INTO reason VALUES
        (1, 'price', 'Price', 'Finance', 'an objection in writing', NULL, NULL, NULL, NULL),
        (2, 'price/dear', 'Too dear', NULL, NULL, NULL, NULL, NULL, NULL),
        (3, 'failed', 'Failed payment', 'Finance', NULL, 'involuntary', NULL, NULL, NULL),
        (4, 'price/costly', NULL, NULL, NULL, NULL, 2, '2026-02-01', 0);
    INSERT INTO cancellation VALUES
        (1, 'acme', '2026-03-31', 4, 3, 0, 'pro', 'large', 12.5, 'EUR', '2025-01-01', 'Rival', 'ä', 'a call', 'ann',
            'won_back', '2026-04-20'),
        (2, 'brix ltd', '2026-04-02', 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    INSERT INTO attribute VALUES (1, 'region', 'north');
    INSERT INTO correction VALUES
        (1, 1, 1774950000000, 'ann', 'a call', 'found', NULL, 'failed'),
        (2, 2, 1775000000000, 'jonas', NULL, 'customer', 'brix', 'brix ltd'),
        (3, 2, 1775000000000, 'jonas', NULL, 'date', '2026-04-01', '2026-04-02');
    ",
    "
    INSERT INTO feedback VALUES
        (1, 'core', '2026-03-01', 4, '2026-03-02', '2026-03-05', NULL, 'ann', '2026-04-01', 'hm');
    ",
    "
    INSERT INTO former_key VALUES ('brix', '2026-04-01', 2);
    ",
];

/// A file of a version, 0x61747472 being the number of the application.
fn file_of(version: usize, path: &Path) {
    let file = Connection::open(path).unwrap();
    file.execute_batch("PRAGMA application_id = 1635021938; PRAGMA foreign_keys = ON; BEGIN;").unwrap();
    TABLES[..version].iter().chain(&ROWS[..version]).for_each(|sql| file.execute_batch(sql).unwrap());
    file.execute_batch(&format!("PRAGMA user_version = {version}; COMMIT; PRAGMA journal_mode = WAL;")).unwrap();
}

/// The tables of a file as they were made, in the order of their names.
fn tables(path: &Path) -> Vec<String> {
    let file = Connection::open(path).unwrap();
    let mut sql = file.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
    let rows = sql.query_map((), |row| row.get::<_, String>(0)).unwrap();
    rows.map(|row| row.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn version_of(path: &Path) -> i32 {
    Connection::open(path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[test]
fn every_version_becomes_the_latest_and_loses_nothing() {
    let scratch = Scratch::new();
    let fresh = scratch.path("fresh.db");
    drop(ChurnDatabase::open(&fresh).unwrap());
    let latest = TABLES.len();
    assert_eq!(version_of(&fresh), latest as i32, "a new version has its tables here, as text");
    for version in 1..=latest {
        let path = scratch.path(&format!("{version}.db"));
        file_of(version, &path);
        if version < latest {
            let before = std::fs::read(&path).unwrap();
            let refused = ChurnDatabase::open_read_only(&path).unwrap_err();
            assert!(matches!(refused, Error::Schema { found, .. } if found == version as i32), "{refused}");
            assert_eq!(std::fs::read(&path).unwrap(), before);
        }
        let mut database = ChurnDatabase::open(&path).unwrap();
        let acme = Cancellation::new("acme", date(2026, 3, 31), Reason::from("price/costly"))
            .found("failed")
            .kind(ChurnKind::Involuntary)
            .plan("pro")
            .segment("large")
            .value(12.5)
            .currency("EUR")
            .started_on(date(2025, 1, 1))
            .competitor("Rival")
            .comment("ä")
            .decision_reason("a call")
            .recorded_by("ann")
            .win_back(WinBack::WonBack(date(2026, 4, 20)))
            .attribute("region", "north");
        let brix = Cancellation::new("brix ltd", date(2026, 4, 2), Reason::from("price/dear"));
        let records = database.records().unwrap();
        assert_eq!(records.iter().collect::<Vec<_>>(), [acme, brix]);
        assert_eq!(records.reason(0, ReasonAxis::Stated), Some(&Reason::from("price/dear")));
        let taxonomy = database.taxonomy().unwrap();
        assert_eq!(taxonomy.changes()[0].on, date(2026, 2, 1));
        assert_eq!(taxonomy.evidence(&Reason::from("price/dear")), Some("an objection in writing"));
        let history = database.whole_history().unwrap();
        let told: Vec<_> =
            history.changes().iter().map(|change| (change.who.as_str(), change.field.as_str())).collect();
        assert_eq!(told, [("ann", "found"), ("jonas", "customer"), ("jonas", "date")]);
        assert_eq!(history.changes()[1].before.as_deref(), Some("brix"));
        let item = FeedbackItem::new("core", date(2026, 3, 1))
            .categorised("price/costly", date(2026, 3, 2))
            .acted(date(2026, 3, 5))
            .owner("ann")
            .due_on(date(2026, 4, 1))
            .comment("hm");
        assert_eq!(database.feedback_log().unwrap().items(), if version < 2 { vec![] } else { vec![item] });
        // What a file says that was imported before the correction is still known, and no customer was made of a half of it.
        let again = attrition::polars::prelude::df!("account" => ["brix"], "date" => ["2026-04-01"]).unwrap();
        let report = database.import(&again, &ChurnColumns::default(), &ImportPolicy::all_or_nothing()).unwrap();
        assert_eq!((report.added(), report.unchanged()), (0, 1));
        // And it is written to as a new one is.
        database.record(Cancellation::new("brix", date(2026, 4, 2), None)).unwrap();
        database.add_feedback(&FeedbackItem::new("acme", date(2026, 4, 1))).unwrap();
        assert_eq!(database.count().unwrap(), 3);
        drop(database);
        assert_eq!(version_of(&path), latest as i32);
        assert_eq!(tables(&path), tables(&fresh), "version {version}");
    }
}

#[test]
fn tables_that_become_later_ones_are_left_alone() {
    let scratch = Scratch::new();
    let path = scratch.path("churn.db");
    let mut database = ChurnDatabase::open(&path).unwrap();
    let acme = Cancellation::new("acme", date(2026, 3, 31), None);
    database.record(acme.clone()).unwrap();
    let later = Connection::open(&path).unwrap();
    let known = version_of(&path);
    later.execute_batch("PRAGMA user_version = 99;").unwrap();
    let by = RecordCorrection::by("ann");
    for refused in [
        database.record(Cancellation::new("brix", date(2026, 3, 31), None)).unwrap_err(),
        database.correct("acme", date(2026, 3, 31), &by, |record| record.plan("pro")).map(drop).unwrap_err(),
        database.add_feedback(&FeedbackItem::new("acme", date(2026, 4, 1))).map(drop).unwrap_err(),
        database.records().map(drop).unwrap_err(),
    ] {
        assert!(matches!(refused, Error::Schema { found: 99, .. }), "{refused}");
    }
    later.execute_batch(&format!("PRAGMA user_version = {known};")).unwrap();
    assert_eq!(database.records().unwrap().iter().collect::<Vec<_>>(), [acme]);
}
