//! Churn records in memory: what they take in, what they refuse, and what comes out again.

use std::collections::HashMap;

use attrition::polars::prelude::*;
use attrition::{
    Activity, Calendar, Cancellation, CancellationColumns, ChurnColumns, ChurnKind, ChurnRecords, Error, EventColumns,
    Id, ImportPolicy, Portfolio, Reason, ReasonAxis, Taxonomy, WinBack, date,
};
use proptest::prelude::*;

use super::churn::{REASONS, Scratch, record};
use super::log::day;
use super::tables::{dates, frame_of};

fn keep() -> ImportPolicy {
    ImportPolicy::keep_good()
}

/// A row of a table as somebody might have typed it.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    account: Option<i64>,
    date: Option<i32>,
    stated: Option<&'static str>,
    value: Option<f64>,
    currency: Option<&'static str>,
    started: Option<i32>,
    win_back: Option<&'static str>,
    returned: Option<i32>,
    voluntary: Option<&'static str>,
}

fn row() -> impl Strategy<Value = Row> {
    let stated = prop::sample::select(vec!["price/too_expensive", "other", "competitor", "too dear", "price/none"]);
    let value = prop::sample::select(vec![0.0, 10.5, 3.0, -1.0, f64::NAN]);
    let currency = prop::sample::select(vec!["EUR", "eur", "USD", "euro"]);
    let state = prop::sample::select(vec!["in_progress", "given_up", "won_back", "lost"]);
    let voluntary = prop::sample::select(vec!["voluntary", "involuntary", "0", "perhaps"]);
    let cells = (
        prop::option::weighted(0.95, 0..4_i64),
        prop::option::weighted(0.95, 0..4),
        prop::option::weighted(0.7, stated),
        prop::option::weighted(0.5, value),
        prop::option::weighted(0.5, currency),
    );
    let more = (
        prop::option::weighted(0.3, -2..5),
        prop::option::weighted(0.3, state),
        prop::option::weighted(0.2, 0..6),
        prop::option::weighted(0.3, voluntary),
    );
    (cells, more).prop_map(|((account, date, stated, value, currency), (started, win_back, returned, voluntary))| Row {
        account,
        date,
        stated,
        value,
        currency,
        started,
        win_back,
        returned,
        voluntary,
    })
}

fn table(rows: &[Row]) -> DataFrame {
    let text = |name: &str, of: fn(&Row) -> Option<&'static str>| {
        Column::new(name.into(), rows.iter().map(of).collect::<Vec<_>>())
    };
    frame_of(vec![
        Column::new("account".into(), rows.iter().map(|row| row.account).collect::<Vec<_>>()),
        dates("date", rows.iter().map(|row| row.date)),
        text("stated", |row| row.stated),
        Column::new("value".into(), rows.iter().map(|row| row.value).collect::<Vec<_>>()),
        text("currency", |row| row.currency),
        dates("started_on", rows.iter().map(|row| row.started)),
        text("win_back", |row| row.win_back),
        dates("returned_on", rows.iter().map(|row| row.returned)),
        text("voluntary", |row| row.voluntary),
    ])
}

/// The record of a row, or nothing where one of its cells is bad: written without a look at how the crate does it.
fn judged(row: &Row) -> Option<Cancellation> {
    let date = row.date?;
    let mut record = Cancellation::new(row.account?, day(date), None);
    record.stated = match row.stated {
        Some("too dear" | "price/none") => return None,
        stated => stated.map(Reason::from),
    };
    if row.value.is_some_and(|value| value.is_nan() || value < 0.0) || row.currency == Some("euro") {
        return None;
    }
    record.value = row.value;
    record.currency = row.currency.map(str::to_uppercase);
    if row.started.is_some_and(|start| start > date) || row.returned.is_some_and(|back| back < date) {
        return None;
    }
    record.started_on = row.started.map(day);
    record.win_back = match (row.win_back, row.returned) {
        (None, None) => None,
        (None | Some("won_back"), Some(back)) => Some(WinBack::WonBack(day(back))),
        (Some("in_progress"), None) => Some(WinBack::InProgress),
        (Some("given_up"), None) => Some(WinBack::GivenUp),
        _ => return None,
    };
    record.kind = match row.voluntary {
        None => None,
        Some("voluntary") => Some(ChurnKind::Voluntary),
        Some("involuntary" | "0") => Some(ChurnKind::Involuntary),
        Some(_) => return None,
    };
    Some(record)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn every_row_is_a_record_or_is_told_of(rows in prop::collection::vec(row(), 0..40)) {
        let mut kept: HashMap<(i64, i32), Cancellation> = HashMap::new();
        let (mut bad, mut unchanged) = (Vec::new(), 0);
        for (number, row) in rows.iter().enumerate() {
            let Some(record) = judged(row) else {
                bad.push(number as u64);
                continue;
            };
            match kept.get(&(row.account.unwrap(), row.date.unwrap())) {
                Some(first) if *first == record => unchanged += 1,
                Some(_) => bad.push(number as u64),
                None => drop(kept.insert((row.account.unwrap(), row.date.unwrap()), record)),
            }
        }
        let taxonomy = Taxonomy::standard();
        let columns = ChurnColumns::default();
        let (records, report) = ChurnRecords::from_frame(&table(&rows), &columns, &taxonomy, &keep()).unwrap();
        let mut told: Vec<u64> = report.bad().iter().map(|bad| bad.row).collect();
        prop_assert!(told.is_sorted());
        told.dedup();
        prop_assert_eq!(&told, &bad);
        prop_assert_eq!((report.added(), report.unchanged(), report.rows()), (kept.len() as u64, unchanged, rows.len() as u64));
        prop_assert_eq!(report.to_frame().unwrap().height(), report.bad().len());
        let singly = ChurnRecords::of(kept.into_values(), &taxonomy).unwrap();
        prop_assert_eq!(&records, &singly);

        let whole = ChurnRecords::from_frame(&table(&rows), &columns, &taxonomy, &ImportPolicy::all_or_nothing());
        match whole {
            Ok((whole, _)) => prop_assert!(bad.is_empty() && whole == records),
            Err(Error::BadRows { report: whole }) => {
                prop_assert!(!bad.is_empty());
                prop_assert_eq!((whole.bad(), whole.added()), (report.bad(), 0));
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn what_is_written_is_read_back(seeds in prop::collection::vec((0..9_i64, 0..20, any::<u64>()), 0..30)) {
        let taxonomy = Taxonomy::standard();
        let mut by_key = HashMap::new();
        for (customer, at, seed) in seeds {
            by_key.insert((customer, at), record(customer, at, seed));
        }
        let records: Vec<Cancellation> = by_key.into_values().collect();
        let table = ChurnRecords::of(records.clone(), &taxonomy).unwrap();
        let mut sorted = records.clone();
        sorted.sort_by_key(|record| (record.date, record.customer.clone()));
        prop_assert_eq!(table.iter().collect::<Vec<_>>(), sorted);
        prop_assert_eq!(&ChurnRecords::of(records.iter().rev().cloned(), &taxonomy).unwrap(), &table);

        // One after the other, and the parts together.
        let mut singly = ChurnRecords::of([], &taxonomy).unwrap();
        records.iter().take(8).for_each(|record| singly.record(record.clone()).unwrap());
        let rest = ChurnRecords::of(records.iter().skip(8).cloned(), &taxonomy).unwrap();
        prop_assert_eq!(&singly.merged(&rest).unwrap(), &table);
        prop_assert_eq!(&rest.merged(&singly).unwrap(), &table);
        prop_assert_eq!(&table.merged(&table).unwrap(), &table);

        let columns = ChurnColumns::default();
        let policy = ImportPolicy::all_or_nothing();
        let (read, _) = ChurnRecords::from_frame(&table.to_frame().unwrap(), &columns, &taxonomy, &policy).unwrap();
        prop_assert_eq!(&read, &table);

        let scratch = Scratch::new();
        table.save(scratch.path("records.parquet")).unwrap();
        prop_assert_eq!(&ChurnRecords::load(scratch.path("records.parquet")).unwrap(), &table);

        table.write_csv(scratch.path("records.csv")).unwrap();
        let csv = CsvReadOptions::default().try_into_reader_with_file_path(Some(scratch.path("records.csv"))).unwrap();
        let csv = csv.finish().unwrap();
        if !table.is_empty() {
            let (read, _) = ChurnRecords::from_frame(&csv, &columns, &taxonomy, &policy).unwrap();
            prop_assert_eq!(read.iter().collect::<Vec<_>>(), table.iter().collect::<Vec<_>>(), "{:?}", csv);
            prop_assert!(read == table);
        }
    }

    #[test]
    fn values_are_exchanged_at_the_rate_of_their_day(seeds in prop::collection::vec(any::<u64>(), 1..30)) {
        let records = (0_i64..).zip(&seeds).map(|(customer, seed)| record(customer, customer as i32, *seed | 1 << 15));
        let table = ChurnRecords::of(records.collect::<Vec<_>>(), &Taxonomy::standard()).unwrap();
        let rates = attrition::ExchangeRates::new("eur").rate("usd", 0.5).rate_from("USD", day(10), 0.25);
        let exchanged = table.exchanged(&rates).unwrap();
        let mut sum = 0.0;
        for (row, record) in table.iter().enumerate() {
            let rate = if record.currency.as_deref() == Some("EUR") { 1.0 } else if row < 10 { 0.5 } else { 0.25 };
            let expected = record.value.map(|value| value * rate);
            prop_assert_eq!(exchanged.values()[row], expected);
            sum += expected.unwrap_or_default();
        }
        let total: f64 = exchanged.value_by_currency().iter().map(|(_, _, sum)| sum).sum();
        prop_assert!((total - sum).abs() <= 1e-9);
        prop_assert!(exchanged.currency().unwrap().is_none_or(|currency| currency == "EUR"));
        let currencies: std::collections::HashSet<_> =
            table.iter().filter(|record| record.value.is_some()).map(|record| record.currency).collect();
        prop_assert_eq!(table.currency().is_err(), currencies.len() > 1);
    }
}

#[test]
fn the_frame_is_a_table_of_cancellations_of_a_portfolio() {
    let mut events = df!("company" => ["acme", "brix"], "day" => [19_720, 19_725]).unwrap();
    events.apply("day", |day| day.cast(&DataType::Date).unwrap()).unwrap();
    let activity = Activity::from_frame(&events, &EventColumns::new("company", "day"), &Calendar::utc()).unwrap();
    let left = Cancellation::new("acme", date(2023, 12, 31), Reason::new("price", "terms"));
    let records = ChurnRecords::of([left], &Taxonomy::standard()).unwrap();
    let portfolio = Portfolio::new(activity)
        .unwrap()
        .cancellations(&records.to_frame().unwrap(), &CancellationColumns::default())
        .unwrap();
    let then = portfolio.at(date(2024, 1, 2)).unwrap();
    assert_eq!(then.account("acme").unwrap().membership(), attrition::Membership::Left);
    assert_ne!(then.account("brix").unwrap().membership(), attrition::Membership::Left);
}

#[test]
fn whatever_type_the_columns_have() {
    let taxonomy = Taxonomy::standard();
    let strings = df!(
        "account" => ["b", "a"], "date" => ["2024-02-29", "1969-12-31"], "stated" => ["price", "other"],
        "value" => [1.5, 2.0], "voluntary" => ["voluntary", "involuntary"],
    )
    .unwrap();
    let read = |frame: &DataFrame| {
        ChurnRecords::from_frame(frame, &ChurnColumns::default(), &taxonomy, &ImportPolicy::all_or_nothing()).unwrap().0
    };
    let expected = read(&strings);
    assert_eq!((expected.customer(0), expected.date(0)), (Id::Str("a"), date(1969, 12, 31)));
    assert_eq!((expected.kind(0), expected.kind(1)), (Some(ChurnKind::Involuntary), Some(ChurnKind::Voluntary)));

    let mut typed = strings.clone();
    let days =
        dates("date", [date(2024, 2, 29), date(1969, 12, 31)].map(|date| Some(date.days_since_epoch())).into_iter());
    typed.with_column(days).unwrap();
    typed.with_column(Column::new("voluntary".into(), [true, false])).unwrap();
    typed.apply("account", |column| column.cast(&DataType::from_categories(Categories::global())).unwrap()).unwrap();
    typed.apply("stated", |column| column.cast(&DataType::from_categories(Categories::global())).unwrap()).unwrap();
    typed.apply("value", |column| column.cast(&DataType::Float32).unwrap()).unwrap();
    assert_eq!(read(&typed), expected);
    for unit in [TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds] {
        let mut instants = typed.clone();
        instants.apply("date", |column| column.cast(&DataType::Datetime(unit, None)).unwrap()).unwrap();
        instants.with_column(Column::new("voluntary".into(), [1.0, 0.0])).unwrap();
        assert_eq!(read(&instants), expected);
        // At midnight of UTC it is the day before in New York.
        let columns = ChurnColumns::default().calendar(&Calendar::new("America/New_York").unwrap());
        let (west, _) = ChurnRecords::from_frame(&instants, &columns, &taxonomy, &keep()).unwrap();
        assert_eq!(west.date(1), date(2024, 2, 28));
    }
    for (dtype, id) in [(DataType::Int16, Id::Int(-3)), (DataType::Int64, Id::Int(-3))] {
        let mut numbers = typed.clone();
        numbers.with_column(Column::new("account".into(), [7_i64, -3]).cast(&dtype).unwrap()).unwrap();
        let records = read(&numbers);
        assert_eq!((records.customer(0), records.to_frame().unwrap().column("account").unwrap().dtype()), (id, &dtype));
        assert_eq!(read(&records.to_frame().unwrap()), records);
    }
    let mut large = typed.clone();
    large.with_column(Column::new("account".into(), [7, u64::MAX])).unwrap();
    assert_eq!(read(&large).get(0).customer.to_string(), u64::MAX.to_string());

    let mut other = typed.clone();
    other.with_column(Column::new("value".into(), ["1.5", "2"])).unwrap();
    let refused = ChurnRecords::from_frame(&other, &ChurnColumns::default(), &taxonomy, &keep());
    assert!(matches!(refused, Err(Error::UnsupportedType { column, .. }) if column == "value"));
    let refused = ChurnRecords::from_frame(&other, &ChurnColumns::new("account", "day"), &taxonomy, &keep());
    assert!(matches!(refused, Err(Error::MissingColumn { column, .. }) if column == "day"));
    let refused = ChurnRecords::from_frame(&other, &ChurnColumns::default().plan("tier"), &taxonomy, &keep());
    assert!(matches!(refused, Err(Error::MissingColumn { column, .. }) if column == "tier"));
    let mut outside = typed;
    outside.with_column(dates("date", [Some(0), Some(i32::MAX)].into_iter())).unwrap();
    let (_, report) = ChurnRecords::from_frame(&outside, &ChurnColumns::default(), &taxonomy, &keep()).unwrap();
    assert_eq!((report.bad_rows(), report.bad()[0].row, report.bad()[0].column.as_str()), (1, 1, "date"));
}

#[test]
fn single_records_are_judged_alike() {
    let taxonomy = Taxonomy::standard();
    let record = || Cancellation::new("acme", date(2026, 3, 31), Reason::from("price"));
    let refused = |record: Cancellation| match ChurnRecords::of([record], &taxonomy) {
        Err(Error::InvalidOption { option, .. }) => option,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(Cancellation::new("", date(2026, 3, 31), None)), "customer");
    assert_eq!(refused(record().found("price/none")), "found");
    assert_eq!(refused(record().found("a/b/c/d")), "found");
    assert_eq!(refused(record().value(-0.5)), "value");
    assert_eq!(refused(record().value(f64::INFINITY)), "value");
    assert_eq!(refused(record().currency("€")), "currency");
    assert_eq!(refused(record().started_on(date(2026, 4, 1))), "started_on");
    assert_eq!(refused(record().win_back(WinBack::WonBack(date(2026, 3, 30)))), "win_back");
    assert_eq!(refused(record().attribute("", "x")), "attribute");
    let two = ChurnRecords::of([record(), record().plan("pro")], &taxonomy);
    assert!(matches!(two, Err(Error::Incompatible { .. })));
    let mixed = ChurnRecords::of([record(), Cancellation::new(1, date(2026, 3, 31), None)], &taxonomy);
    assert!(matches!(mixed, Err(Error::Incompatible { what: "the ids of customers", .. })));
    let empty = ChurnRecords::of([], &taxonomy).unwrap();
    assert_eq!((empty.len(), empty.dates(), empty.currency().unwrap()), (0, None, None));
    assert!(empty.to_frame().unwrap().height() == 0 && !empty.to_string().is_empty());
    assert_eq!(REASONS.len(), 6);
}

#[test]
fn a_damaged_file_is_refused() {
    let scratch = Scratch::new();
    let path = scratch.path("records.parquet");
    let records: Vec<Cancellation> = (0..50).map(|number| record(number, 3, 77 << number)).collect();
    ChurnRecords::of(records, &Taxonomy::standard()).unwrap().save(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 97 + 1) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        std::fs::write(&path, &damaged).unwrap();
        assert!(matches!(ChurnRecords::load(&path), Err(Error::Foreign { .. })), "byte {at}");
        std::fs::write(&path, &whole[..at]).unwrap();
        assert!(matches!(ChurnRecords::load(&path), Err(Error::Foreign { .. })), "cut at {at}");
    }
    assert!(matches!(ChurnRecords::load(scratch.path("none")), Err(Error::File { .. })));
}

#[test]
fn resolved_as_the_reasons_are_called_now() {
    let mut taxonomy = Taxonomy::standard();
    let old =
        ChurnRecords::of([Cancellation::new(1, date(2026, 1, 1), Reason::new("price", "terms"))], &taxonomy).unwrap();
    taxonomy.rename("price", "money", date(2026, 2, 1)).unwrap();
    taxonomy.merge("money/terms", "money/too_expensive", date(2026, 3, 1)).unwrap();
    let now = ChurnRecords::of(old.iter(), &taxonomy).unwrap();
    assert_eq!(now.reason(0, ReasonAxis::Stated), Some(&Reason::new("money", "too_expensive")));
    assert_eq!(now.get(0).stated, Some(Reason::new("price", "terms")));
    let frame = now.to_frame().unwrap();
    let cell = |column: &str| frame.column(column).unwrap().str().unwrap().get(0).unwrap().to_owned();
    assert_eq!([cell("stated"), cell("stated_now"), cell("category")], ["price/terms", "money/too_expensive", "money"]);
}
