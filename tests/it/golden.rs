//! Figures of established tools on real logs, integer for integer.
//!
//! `tests/golden/README.md` says where the figures come from, the READMEs under `data/` where the logs do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use attrition::polars::prelude::*;
use attrition::{
    Activity, Calendar, Criterion, DailyStatesOptions, Date, EventColumns, LifetimeState, Period, Retention,
    RetentionOptions, Weekday, Window,
};

/// A log, the figures for it, and the suffix of the figures' files.
struct Golden {
    activity: Activity,
    figures: PathBuf,
    suffix: &'static str,
}

type Row = BTreeMap<String, String>;

impl Golden {
    fn new(events: LazyFrame, columns: &EventColumns, calendar: &Calendar, name: &str, suffix: &'static str) -> Self {
        let activity = Activity::from_lazy(events, columns, calendar).unwrap();
        Self { activity, figures: root().join("tests/golden").join(name), suffix }
    }

    /// The rows of a figures' file by column name; none if there is no such file.
    fn rows(&self, file: &str) -> Vec<Row> {
        let Ok(text) = fs::read_to_string(self.figures.join(format!("{file}{}.csv", self.suffix))) else {
            return Vec::new();
        };
        let mut lines = text.lines();
        let names: Vec<&str> = lines.next().unwrap().split(',').collect();
        let row =
            |line: &str| names.iter().zip(line.split(',')).map(|(n, v)| ((*n).to_owned(), v.to_owned())).collect();
        lines.map(row).collect()
    }

    fn check(&self) {
        self.summary();
        self.activity_daily();
        self.calendar_periods();
        self.cohorts();
        self.n_day();
        self.inactivity();
        self.values();
    }

    /// Only of logs with values.
    fn values(&self) {
        let rows = self.rows("revenue_cohort_monthly");
        let Some(total) = self.activity.value() else { return assert!(rows.is_empty()) };
        let values = self.activity.value_retention(Period::Month).unwrap();
        let mut sum = 0.0;
        for row in &rows {
            let (cohort, age): (Date, _) = (row["cohort_month"].parse().unwrap(), number(&row["month_offset"]));
            let age = u32::try_from(age).unwrap();
            let (cell, paying) = (values.cell(cohort, age).unwrap(), values.paying().cell(cohort, age).unwrap());
            assert_eq!(paying.so_far, Some(number(&row["paying_customers"])), "{row:?}");
            assert_eq!(
                values.paying().cohorts()[values_row(&values, cohort)].size,
                number(&row["cohort_size"]),
                "{row:?}"
            );
            let (value, expected): (f64, f64) = (cell.so_far.unwrap(), row["revenue"].parse().unwrap());
            assert!((value - expected).abs() <= 1e-6 * expected.abs(), "{row:?} {value}");
            assert!(cell.value.is_none_or(|closed| (closed - value).abs() < 1e-6));
            sum += value;
        }
        assert!(!rows.is_empty() && (sum - total).abs() < 1e-6 * total, "{sum} {total}");
    }

    fn summary(&self) {
        let text = fs::read_to_string(self.figures.join(format!("summary{}.json", self.suffix))).unwrap();
        let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
        let activity = &self.activity;
        assert_eq!(summary["events"], activity.events());
        assert_eq!(summary["users"], activity.actors());
        assert_eq!(summary["active_user_days"], activity.active_days());
        assert_eq!(summary["first_date"], activity.observed_from().to_string());
        assert_eq!(summary["last_date"], activity.as_of().to_string());
    }

    fn activity_daily(&self) {
        let windows = [Window::Days(1), Window::Days(7), Window::Days(30)];
        let usage = self.activity.active_users(windows).unwrap();
        let frame = self.activity.to_frame().unwrap();
        let mut events: BTreeMap<i32, u64> = BTreeMap::new();
        let days = frame.column("day").unwrap().to_physical_repr();
        for (day, count) in days.i32().unwrap().iter().zip(frame.column("events").unwrap().u32().unwrap().iter()) {
            *events.entry(day.unwrap()).or_default() += u64::from(count.unwrap());
        }
        let states = self.activity.daily_states(DailyStatesOptions::new()).unwrap();
        let curves = windows.map(|window| self.activity.power_curve(window).unwrap());
        let rows = self.rows("activity_daily");
        assert_eq!(rows.len(), usage.series(windows[0]).len());
        assert_eq!(rows.len(), states.days().len());
        for row in &rows {
            let date: Date = row["date"].parse().unwrap();
            let counts = windows.map(|window| usage.on(window, date).unwrap().active);
            assert_eq!(counts, ["dau", "wau_rolling7", "mau_rolling30"].map(|name| number(&row[name])), "{date}");
            let day = states.on(date).unwrap();
            assert_eq!([day.dau(), day.wau(), day.mau()], counts, "{date}");
            assert_eq!(curves.each_ref().map(|curve| curve.on(date).unwrap().active()), counts, "{date}");
            let on_day = events.get(&date.days_since_epoch()).copied().unwrap_or(0);
            assert_eq!(on_day, number(&row["events"]), "{date}");
        }
    }

    fn calendar_periods(&self) {
        for (file, label, period) in
            [("lifecycle_weekly", "week_start", Period::Week), ("lifecycle_monthly", "month", Period::Month)]
        {
            let window = Window::Calendar(period);
            let usage = self.activity.active_users(window).unwrap();
            let lifecycle = self.activity.lifecycle(period).unwrap();
            let rows = self.rows(file);
            assert_eq!(rows.len(), usage.series(window).len(), "{file}");
            assert_eq!(rows.len(), lifecycle.periods().len(), "{file}");
            for ((row, count), got) in rows.iter().zip(usage.series(window)).zip(lifecycle.periods()) {
                assert_eq!((&row[label], number(&row["active"])), (&count.span.start.to_string(), count.active));
                assert_eq!(got.span, count.span);
                let counts = [got.active, got.new, got.retained, got.resurrected];
                assert_eq!(
                    counts,
                    ["active", "new", "retained", "resurrected"].map(|name| number(&row[name])),
                    "{row:?}"
                );
                // The files take an unfinished period for a whole one.
                let (gone, dormant) = (got.newly_dormant_so_far.total(), got.dormant_so_far);
                assert_eq!(
                    [gone, dormant],
                    ["newly_dormant", "dormant_stock"].map(|name| number(&row[name])),
                    "{row:?}"
                );
            }
        }
    }

    fn cohorts(&self) {
        let kinds = [
            ("daily", "date", "day", Period::Day),
            ("weekly", "week", "week", Period::Week),
            ("monthly", "month", "month", Period::Month),
        ];
        let mut files = 0;
        for (file, cohort, offset, period) in kinds {
            let rows = self.rows(&format!("cohort_{file}"));
            if rows.is_empty() {
                continue;
            }
            files += 1;
            let triangle = self.activity.retention(period).unwrap();
            // Some of the files leave cells of 0 out, so these are compared from both sides.
            let mut seen = BTreeSet::new();
            for row in &rows {
                let start: Date = row[&format!("cohort_{cohort}")].parse().unwrap();
                let age = u32::try_from(number(&row[&format!("{offset}_offset")])).unwrap();
                let members = triangle.cohorts().iter().find(|other| other.span.start == start).unwrap();
                assert_eq!(members.size, number(&row["cohort_size"]), "{file} {start}");
                let active = triangle.cell(start, age).unwrap().so_far.unwrap();
                assert_eq!(active, number(&row["active_users"]), "{file} {start} {age}");
                seen.insert((start, age));
            }
            for (cohort, age, active) in cells(&triangle) {
                assert!(active == 0 || seen.contains(&(cohort, age)), "{file} {cohort} {age}");
            }
        }
        assert!(files > 0);
    }

    /// n-day retention from each user's own first day: the daily triangle, summed over the days of a cohort month.
    fn n_day(&self) {
        let rows = self.rows("retention_nday");
        let horizon = rows.iter().map(|row| number(&row["n"])).max().unwrap();
        let triangle = |criterion| {
            let options = RetentionOptions::new(Period::Day).criterion(criterion);
            self.activity.retention(options.horizon(u32::try_from(horizon).unwrap())).unwrap()
        };
        let kinds = [
            (Criterion::On, "classic_day_n"),
            (Criterion::OnOrAfter, "unbounded_day_n_or_later"),
            (Criterion::OnOrBefore, "returned_within_1_to_n"),
        ];
        for (criterion, name) in kinds {
            let triangle = triangle(criterion);
            let curve = triangle.curve();
            for row in &rows {
                let age = usize::try_from(number(&row["n"])).unwrap();
                let month = &row["cohort_month"];
                let (active, eligible) = if month == "all" {
                    (curve[age].active, curve[age].eligible)
                } else {
                    let within = |date: &Date| date.to_string()[..7] == month[..7];
                    let days = triangle.cohorts().iter().map(|cohort| cohort.span.start).filter(within);
                    let cells = days.filter_map(|day| triangle.cell(day, u32::try_from(age).unwrap()));
                    cells
                        .filter_map(|cell| cell.active.zip(cell.eligible))
                        .fold((0, 0), |sum, cell| (sum.0 + cell.0, sum.1 + cell.1))
                };
                assert_eq!(
                    (eligible, active),
                    (number(&row["eligible_users"]), number(&row[name])),
                    "{criterion} {row:?}"
                );
            }
        }
    }

    /// Who was not silent for so many days is who was active in the trailing window of that length.
    fn inactivity(&self) {
        let rows = self.rows("inactivity_churn");
        assert!(!rows.is_empty());
        for row in rows {
            let as_of: Date = row["as_of"].parse().unwrap();
            let known = self.activity.at(as_of).unwrap();
            let window = Window::Days(u32::try_from(number(&row["inactive_days_threshold"])).unwrap());
            let active = known.active_users(window).unwrap().on(window, as_of).unwrap().active;
            assert_eq!(known.actors() as u64, number(&row["users_seen"]), "{row:?}");
            assert_eq!(active, number(&row["not_churned"]), "{row:?}");
            assert_eq!(known.actors() as u64 - active, number(&row["churned"]), "{row:?}");
            let silence = u32::try_from(number(&row["inactive_days_threshold"])).unwrap();
            let ended = known.lifetimes(silence).unwrap().count(LifetimeState::Ended);
            assert_eq!(ended, number(&row["churned"]), "{row:?}");
        }
    }
}

fn cells(triangle: &Retention) -> Vec<(Date, u32, u64)> {
    let ages = 0..=triangle.horizon();
    let cohorts = triangle.cohorts().iter().map(|cohort| cohort.span.start);
    cohorts
        .flat_map(|cohort| ages.clone().filter_map(move |age| Some((cohort, age, triangle.cell(cohort, age)?.so_far?))))
        .collect()
}

fn values_row(values: &attrition::ValueRetention, cohort: Date) -> usize {
    values.paying().cohorts().iter().position(|other| other.span.start == cohort).unwrap()
}

fn number(text: &str) -> u64 {
    text.parse().unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn scan(path: &Path) -> LazyFrame {
    LazyFrame::scan_parquet(PlRefPath::new(path.to_string_lossy()), ScanArgsParquet::default()).unwrap()
}

fn data(file: &str) -> LazyFrame {
    scan(&root().join("data").join(file))
}

#[test]
fn gamelaunch() {
    let columns = EventColumns::new("user_id", "date").feature("event");
    Golden::new(data("gamelaunch/events.parquet"), &columns, &Calendar::utc(), "gamelaunch", "").check();
}

#[test]
fn git_cargo() {
    let columns = EventColumns::new("user_id", "timestamp");
    Golden::new(data("git_cargo/commits.parquet"), &columns, &Calendar::utc(), "git_cargo", "").check();
}

#[test]
fn git_cargo_in_berlin_with_weeks_from_sunday() {
    let columns = EventColumns::new("user_id", "timestamp");
    let calendar = Calendar::new("Europe/Berlin").unwrap().week_starts(Weekday::Sun);
    let suffix = "_Europe_Berlin_week_sunday";
    Golden::new(data("git_cargo/commits.parquet"), &columns, &calendar, "git_cargo", suffix).check();
}

#[test]
fn git_rails() {
    let columns = EventColumns::new("user_id", "timestamp");
    Golden::new(data("git_rails/commits.parquet"), &columns, &Calendar::utc(), "git_rails", "").check();
}

#[test]
fn online_retail() {
    // The figures are over purchases of known customers: no cancellation, no line without quantity or price.
    let purchase = col("quantity").gt(lit(0)).and(col("unit_price").gt(lit(0.0)));
    let value = (col("quantity").cast(DataType::Float64) * col("unit_price")).alias("value");
    let lines = data("online_retail/lines.parquet").filter(purchase).with_column(value);
    let columns = EventColumns::new("customer_id", "invoice_date").value("value");
    Golden::new(lines, &columns, &Calendar::utc(), "online_retail", "").check();
}

/// CDNOW states no licence of its own, so neither the log nor its figures are in the project. Name a folder that holds
/// `cdnow_master.parquet` and the figures to check it too.
#[test]
fn cdnow_where_it_is_at_hand() {
    let Some(folder) = std::env::var_os("ATTRITION_CDNOW").map(PathBuf::from) else { return };
    let columns = EventColumns::new("customer_id", "date").value("dollar_value");
    let log = scan(&folder.join("cdnow_master.parquet"));
    let activity = Activity::from_lazy(log, &columns, &Calendar::utc()).unwrap();
    Golden { activity, figures: folder, suffix: "" }.check();
}
