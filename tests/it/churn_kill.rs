//! Writers that are killed without warning: nothing acknowledged is lost, and nothing is there in part.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use attrition::{Cancellation, ChurnColumns, ChurnDatabase, ChurnRecords, ImportPolicy, RecordCorrection, Taxonomy};

use super::churn::{Scratch, record};

/// Where a writer finds the database, and which of them it is.
const PATH: &str = "ATTRITION_TEST_CHURN_DATABASE";
const WRITER: &str = "ATTRITION_TEST_CHURN_WRITER";
/// How many records a passer-by should see.
const SEEN: &str = "ATTRITION_TEST_CHURN_SEEN";
const ROUNDS: u64 = 12;
const WRITERS: u64 = 3;
/// Records that are recorded together.
const TOGETHER: i64 = 5;

/// What a writer says of one customer: every field follows from the number.
fn written(customer: i64) -> Cancellation {
    let seed = customer.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 << 20 | 1 << 33;
    record(customer, (customer % 1000) as i32, seed)
}

fn corrected(customer: i64) -> Cancellation {
    written(customer).recorded_by("corrected").attribute("region", "corrected")
}

/// A writer: a test that does nothing unless it is started by the one below. It says what it has done, line by line, and
/// never ends.
#[test]
fn writer() {
    let (Ok(path), Ok(writer)) = (std::env::var(PATH), std::env::var(WRITER)) else { return };
    let mut database = ChurnDatabase::open(path).unwrap();
    let first: i64 = writer.parse::<i64>().unwrap() * 1_000_000;
    let mut out = std::io::stdout();
    let mut acknowledge = |what: &str, customer: i64| {
        writeln!(out, "\n{what} {customer}").unwrap();
        out.flush().unwrap();
    };
    for batch in 0.. {
        let customer = first + batch * TOGETHER;
        let together = || (customer..customer + TOGETHER).map(written);
        match batch % 4 {
            0 => {
                database.record_all(together()).unwrap();
                acknowledge("together", customer);
            }
            1 => {
                let records = ChurnRecords::of(together(), &Taxonomy::standard()).unwrap();
                let frame = records.to_frame().unwrap();
                database.import(&frame, &ChurnColumns::default(), &ImportPolicy::all_or_nothing()).unwrap();
                acknowledge("together", customer);
            }
            2 => {
                for single in together() {
                    let customer = single.customer.to_string().parse().unwrap();
                    database.record(single).unwrap();
                    acknowledge("single", customer);
                }
            }
            _ => {
                let before = customer - TOGETHER;
                let by = RecordCorrection::by("writer");
                database.correct(before, written(before).date, &by, |_| corrected(before)).unwrap();
                acknowledge("corrected", before);
            }
        }
    }
}

/// A passer-by: it does nothing unless it is started by the test below. It sees as many records as it should, writes one and
/// leaves.
#[test]
fn passer_by() {
    let (Ok(path), Ok(seen)) = (std::env::var(PATH), std::env::var(SEEN)) else { return };
    let seen: i64 = seen.parse().unwrap();
    let mut database = ChurnDatabase::open(path).unwrap();
    assert_eq!(database.count().unwrap(), seen as u64);
    database.record(written(1_000 + seen)).unwrap();
}

#[test]
fn a_second_handle_takes_no_locks_from_the_first() {
    let scratch = Scratch::new();
    let path = scratch.path("churn.db");
    let passes = |seen: u64| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["churn_kill::passer_by", "--exact", "--test-threads=1"]);
        let ended = child.env(PATH, &path).env(SEEN, seen.to_string()).stdout(Stdio::null()).status().unwrap();
        assert!(ended.success(), "{seen} were recorded");
    };
    let wal = scratch.path("churn.db-wal");
    let mut first = ChurnDatabase::open(&path).unwrap();
    first.record(written(1)).unwrap();
    let second = ChurnDatabase::open(&path).unwrap();
    drop(ChurnDatabase::open_read_only(&path).unwrap());
    passes(1);
    assert!(wal.exists(), "the last to leave has thrown away the log of those who are still there");
    first.record(written(2)).unwrap();
    assert_eq!(ChurnDatabase::open(&path).unwrap().count().unwrap(), 3);
    passes(3);
    assert!(wal.exists());
    assert_eq!(first.count().unwrap(), 4);
    drop(second);
    drop(first);
    assert!(!wal.exists());
    passes(4);
}

/// A writer under way, and what it has acknowledged so far.
fn start(path: &Path, writer: u64) -> (Child, JoinHandle<Vec<(String, i64)>>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["churn_kill::writer", "--exact", "--nocapture", "--test-threads=1"])
        .env(PATH, path)
        .env(WRITER, writer.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let listen = std::thread::spawn(move || {
        let said = |line: String| {
            let (what, customer) = line.split_once(' ')?;
            ["together", "single", "corrected"].contains(&what).then_some(())?;
            Some((what.to_owned(), customer.parse().ok()?))
        };
        lines.map_while(Result::ok).filter_map(said).collect()
    });
    (child, listen)
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_torn() {
    let scratch = Scratch::new();
    let path = scratch.path("churn.db");
    let mut acknowledged: HashMap<String, HashSet<i64>> = HashMap::new();
    for round in 0..ROUNDS {
        // In the first round they make the database, all at once.
        let writers: Vec<_> = (0..WRITERS).map(|writer| start(&path, 1 + round * WRITERS + writer)).collect();
        let mut listening = Vec::new();
        for (mut child, listen) in writers {
            // Every hasher is seeded anew.
            let chance = RandomState::new().build_hasher().finish();
            std::thread::sleep(Duration::from_millis(20 + chance % 330));
            assert!(child.try_wait().unwrap().is_none(), "a writer ended by itself in round {round}");
            child.kill().unwrap();
            child.wait().unwrap();
            listening.push(listen);
        }
        for listen in listening {
            for (what, customer) in listen.join().unwrap() {
                acknowledged.entry(what).or_default().insert(customer);
            }
        }
    }
    let mut database = ChurnDatabase::open(&path).unwrap();
    let records = database.records().unwrap();
    let there: HashMap<i64, Cancellation> =
        records.iter().map(|record| (record.customer.to_string().parse().unwrap(), record)).collect();
    for (customer, record) in &there {
        assert!(*record == written(*customer) || *record == corrected(*customer), "{record:?} is torn");
    }
    let of = |what: &str| acknowledged.get(what).cloned().unwrap_or_default();
    let (single, together, changed) = (of("single"), of("together"), of("corrected"));
    assert!(!single.is_empty() && !together.is_empty() && !changed.is_empty());
    for customer in &single {
        assert!(there.contains_key(customer), "{customer} was acknowledged and is lost");
    }
    for first in &together {
        assert!((*first..first + TOGETHER).all(|customer| there.contains_key(&customer)), "{first} was acknowledged");
    }
    for customer in &changed {
        assert_eq!(there[customer], corrected(*customer), "the correction of {customer} was acknowledged and is lost");
    }
    // What was recorded together is there as a whole, acknowledged or not.
    for customer in there.keys() {
        let batch = customer % 1_000_000 / TOGETHER;
        if batch % 4 < 2 {
            let first = customer - customer % TOGETHER;
            assert!(
                (first..first + TOGETHER).all(|customer| there.contains_key(&customer)),
                "{first} is there in part"
            );
        }
    }
    // A correction is there with its history, or not at all.
    let history = database.whole_history().unwrap();
    let in_history: HashSet<String> = history.changes().iter().map(|change| change.customer.to_string()).collect();
    let changed = there.iter().filter(|(customer, record)| **record == corrected(**customer));
    let changed: HashSet<String> = changed.map(|(customer, _)| customer.to_string()).collect();
    assert_eq!(in_history, changed);
    let raw = rusqlite::Connection::open(&path).unwrap();
    let sound: String = raw.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    assert!(!raw.prepare("PRAGMA foreign_key_check").unwrap().exists(()).unwrap());
}
