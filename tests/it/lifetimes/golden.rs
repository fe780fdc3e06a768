//! Survival curves against R's, on data sets of textbooks and one of customers: `tests/golden/survival/README.md`.

use std::fs;
use std::path::{Path, PathBuf};

use attrition::polars::prelude::*;
use attrition::{
    Interval, KaplanMeier, KaplanMeierOptions, LifetimeColumns, Lifetimes, SurvivalInterval, SurvivalPoint,
};
use serde_json::Value;

const CURVES: f64 = 1e-10;
const LIMITS: f64 = 1e-9;
const INTERVALS: [(SurvivalInterval, &str); 3] =
    [(SurvivalInterval::Plain, "plain"), (SurvivalInterval::Log, "log"), (SurvivalInterval::LogLog, "loglog")];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/survival")
}

fn cases(file: &str) -> Vec<Value> {
    let figures: Value = serde_json::from_str(&fs::read_to_string(folder().join(file)).unwrap()).unwrap();
    figures["cases"].as_array().unwrap().clone()
}

/// The lifetimes of one stratum, which is named like `column=value`, or of all.
fn lifetimes(case: &Value, stratum: &str) -> Lifetimes {
    let path = folder().join(case["file"].as_str().unwrap());
    let mut frame = CsvReadOptions::default().try_into_reader_with_file_path(Some(path)).unwrap().finish().unwrap();
    if let Ok(customers) = frame.column("customers") {
        // A row for each of them.
        let counts = customers.i64().unwrap().iter().flatten();
        let rows: IdxCa = (0..).zip(counts).flat_map(|(row, count)| (0..count).map(move |_| Some(row))).collect();
        frame = frame.take(&rows).unwrap();
    }
    if let Some((column, value)) = stratum.split_once('=') {
        let names = frame.column(column).unwrap().cast(&DataType::String).unwrap();
        let within: BooleanChunked = names.str().unwrap().iter().map(|name| name == Some(value)).collect();
        frame = frame.filter(&within).unwrap();
    }
    let mut columns = LifetimeColumns::new(case["time"].as_str().unwrap(), case["event"].as_str().unwrap());
    if let Some(entry) = case["entry"].as_str() {
        columns = columns.entry(entry);
    }
    Lifetimes::from_frame(&frame, &columns).unwrap()
}

fn alike(got: Option<f64>, expected: &Value, tolerance: f64, what: &str) {
    let alike = match (got, expected.as_f64()) {
        (Some(got), Some(expected)) => (got - expected).abs() <= tolerance * expected.abs(),
        (got, expected) => got.is_none() && expected.is_none(),
    };
    assert!(alike, "{what}: {got:?} and not {expected}");
}

fn check(curve: &KaplanMeier, stratum: &Value, name: &str, id: &str) {
    let times = stratum["time"].as_array().unwrap();
    assert_eq!((curve.points().len(), curve.event_table().rows().len()), (times.len(), times.len()));
    type Got = fn(&SurvivalPoint) -> Option<f64>;
    let fields: [(&str, f64, Got); 4] = [
        ("surv", CURVES, |point| Some(point.survival)),
        ("se_surv_greenwood", CURVES, |point| point.standard_error),
        ("na_cumhaz", CURVES, |point| Some(point.cumulative_hazard)),
        ("na_se_poisson", CURVES, |point| Some(point.cumulative_hazard_error)),
    ];
    for (place, (point, row)) in curve.points().iter().zip(curve.event_table().rows()).enumerate() {
        let what = |field: &str| format!("{id} {name} {field} at {}", point.time);
        let figure = |field: &str| &stratum[field][place];
        assert_eq!((point.time, row.time), (times[place].as_f64().unwrap(), point.time));
        let counts = ["n_risk", "n_event", "n_censor"].map(|field| figure(field).as_u64().unwrap());
        assert_eq!([row.at_risk, row.ended, row.censored], counts, "{}", what("counts"));
        for (field, tolerance, got) in fields {
            alike(got(point), figure(field), tolerance, &what(field));
        }
        let limits = point.interval.map(|Interval { lower, upper }| (lower, upper)).unzip();
        for (end, limit) in [("lower", limits.0), ("upper", limits.1)] {
            let field = format!("{name}_{end}");
            alike(limit, figure(&field), LIMITS, &what(&field));
        }
    }
    let quantiles = &stratum["quantiles"][name];
    for (place, share) in quantiles["p"].as_array().unwrap().iter().enumerate() {
        let got = curve.quantile(share.as_f64().unwrap()).unwrap();
        for (field, time) in [("q", got.time), ("lower", got.lower), ("upper", got.upper)] {
            alike(time, &quantiles[field][place], CURVES, &format!("{id} {name} quantile {share} {field}"));
        }
    }
}

#[test]
fn curves_limits_and_quantiles() {
    let mut strata = 0;
    for case in cases("km_na.json") {
        for stratum in case["strata"].as_array().unwrap() {
            let lifetimes = lifetimes(&case, stratum["stratum"].as_str().unwrap());
            assert_eq!(lifetimes.len() as u64, stratum["n"]);
            for (interval, name) in INTERVALS {
                check(&lifetimes.kaplan_meier(interval).unwrap(), stratum, name, case["id"].as_str().unwrap());
            }
            strata += 1;
        }
    }
    assert_eq!(strata, 9);
}

#[test]
fn restricted_means() {
    let mut means = 0;
    for case in cases("rmst.json") {
        for result in case["results"].as_array().unwrap() {
            for (place, group) in result["group"].as_array().unwrap().iter().enumerate() {
                let curve = lifetimes(&case, group.as_str().unwrap()).kaplan_meier(KaplanMeierOptions::new()).unwrap();
                let mean = curve.restricted_mean(result["tau"].as_f64().unwrap()).unwrap();
                alike(Some(mean.mean), &result["rmst"][place], LIMITS, &format!("{group} {result}"));
                alike(Some(mean.standard_error), &result["se"][place], LIMITS, &format!("{group} {result}"));
                means += 1;
            }
        }
    }
    assert_eq!(means, 7);
}
