//! Every question about the reasons of cancellations, each asked once and timed: `reasons [CANCELLATIONS] [text]`.
//!
//! ```sh
//! cargo run --release --features sqlite --example reasons
//! ```
//!
//! A million cancellations unless told, of customers by number, or by `text`; one in twenty of them came back and left
//! again. What is timed is the library alone: frames are made before.

#![expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "rows and days are a few million")]

use std::hint::black_box;
use std::ops::RangeInclusive;
use std::time::Instant;

use attrition::polars::prelude::*;
use attrition::{
    Activity, Calendar, Cancellation, ChurnColumns, ChurnDatabase, ChurnRecords, CustomerColumns, CustomerId, Date,
    EnrichmentOptions, EventColumns, FeedbackItem, FeedbackLog, ImportPolicy, Period, Portfolio, RankBy, Reason,
    ReasonAgreementOptions, ReasonGrouping, ReasonIncidenceOptions, ReasonLevel, ReasonTrendsOptions, ReasonsByOptions,
    ReasonsByTriggerOptions, RecordCorrection, RecordGroup, Result, SegmentColumns, Taxonomy, WarningColumns, Warnings,
    WinBacksOptions,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The first day on which somebody cancels, and the last that is known of: two years.
const DAYS: RangeInclusive<i32> = 19_723..=20_453;
/// More have stayed than have left.
const STAYED: usize = 900_000;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let count = args.iter().find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    let left = Left::draw(count, args.iter().any(|arg| arg == "text"));
    let frame = left.frame()?;

    println!("{count} cancellations\n");
    store(&frame)?;
    let (columns, policy) = (ChurnColumns::default(), ImportPolicy::all_or_nothing());
    let read = || ChurnRecords::from_frame(&frame, &columns, &Taxonomy::standard(), &policy);
    let (records, _) = timed("from_frame", read)?;
    timed("to_frame", || records.to_frame())?;
    println!();
    mix(&records, &left)?;
    println!();
    fates(&records, &left)?;
    println!();
    use_of_the_product(&records, &left)
}

fn timed<T>(what: &str, ask: impl FnOnce() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    let answer = black_box(ask()?);
    println!("{what:<44} {:>8.3} s", begun.elapsed().as_secs_f64());
    Ok(answer)
}

/// The durable store.
fn store(frame: &DataFrame) -> Result<()> {
    let path = std::env::temp_dir().join(format!("attrition-reasons-{}.db", std::process::id()));
    let mut database = ChurnDatabase::open(&path)?;
    let (columns, policy) = (ChurnColumns::default(), ImportPolicy::all_or_nothing());
    timed("import into the store", || database.import(frame, &columns, &policy))?;
    timed("import of the same again", || database.import(frame, &columns, &policy))?;
    let records = timed("records of the store", || database.records())?;
    let one = records.get(0);
    let other = Cancellation::new(one.customer.clone(), one.date - 1, one.stated.clone());
    timed("record of one cancellation, on the disk", || database.record(other))?;
    let by = RecordCorrection::by("ann");
    timed("correction of one", || database.correct(one.customer, one.date, &by, |one| one.plan("none")))?;
    drop(database);
    for end in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{end}", path.display())).ok();
    }
    println!();
    Ok(())
}

/// Who leaves for what.
fn mix(records: &ChurnRecords, left: &Left) -> Result<()> {
    let options = ReasonsByOptions::new;
    timed("reason_ranking", || records.reason_ranking(RankBy::Value))?;
    timed("reason_agreement", || records.reason_agreement(ReasonAgreementOptions::new(ReasonLevel::Reason)))?;
    timed("reason_trends by month, with a change", || records.reason_trends(left.trends(Period::Month)?))?;
    timed("reason_trends by day", || records.reason_trends(left.trends(Period::Day)?))?;
    timed("reasons_by plan", || records.reasons_by(&ReasonGrouping::Plan, options()))?;
    timed("reasons_by tenure", || records.reasons_by(&ReasonGrouping::tenure(), options()))?;
    timed("reasons_by monthly cohort", || records.reasons_by(&ReasonGrouping::Cohort(Period::Month), options()))?;
    timed("reasons_by weekly cohort", || records.reasons_by(&ReasonGrouping::Cohort(Period::Week), options()))?;
    let customers = left.customers()?;
    let by_plan = SegmentColumns::new("account", "plan");
    timed("reasons_by_frame of all customers", || records.reasons_by_frame(&customers, &by_plan, options()))?;
    Ok(())
}

/// What became of them, and what had gone before.
fn fates(records: &ChurnRecords, left: &Left) -> Result<()> {
    let (today, customers) = (Date::from_days_since_epoch(*DAYS.end())?, left.customers()?);
    let columns = CustomerColumns::new("account", "since");
    let by_plan = ReasonIncidenceOptions::new(today).by(RecordGroup::Plan);
    timed("reason_incidence of all customers", || records.reason_incidence(&customers, &columns, today))?;
    let of_plans = columns.group("plan");
    timed("the same by plan, with Gray's tests", || records.reason_incidence(&customers, &of_plans, by_plan))?;
    timed("win_backs", || records.win_backs(WinBacksOptions::new(today)))?;
    let (alerts, columns) = (left.alerts()?, WarningColumns::new("account", "trigger", "day"));
    let watched = Date::from_days_since_epoch(DAYS.start() - 100)?..=today;
    let warnings =
        timed("a log of as many warnings", || Warnings::from_frame(records, &alerts, &columns, watched, 90))?;
    timed("reasons_by_trigger", || records.reasons_by_trigger(&warnings, ReasonsByTriggerOptions::new()))?;
    timed("worth_mending", || records.worth_mending(left.trends(Period::Month)?, Some(&warnings)))?;
    let log = FeedbackLog::of(left.feedback(records), records.taxonomy())?;
    timed("feedback", || log.feedback(today))?;
    Ok(())
}

/// With a dozen active days of each customer beside the cancellations.
fn use_of_the_product(records: &ChurnRecords, left: &Left) -> Result<()> {
    let events = left.events()?;
    let activity = Activity::from_frame(&events, &EventColumns::new("account", "day"), &Calendar::utc())?;
    let (today, portfolio) = (activity.as_of(), Portfolio::new(activity)?);
    let options = EnrichmentOptions::new().without_health();
    let enrichment = timed("enrich, without health", || portfolio.enrich(records, options))?;
    let enriched = timed("enriched", || records.enriched(&enrichment))?;
    let engagement = ReasonGrouping::Attribute("engagement".to_owned());
    timed("reasons_by engagement", || enriched.reasons_by(&engagement, ReasonsByOptions::new()))?;
    timed("portfolio.reason_incidence", || portfolio.reason_incidence(records, today))?;
    timed("portfolio.win_backs", || portfolio.win_backs(records, today))?;
    Ok(())
}

/// Cancellations as columns, drawn at random and alike on every run.
struct Left {
    account: Series,
    day: Vec<i32>,
    since: Vec<i32>,
    random: Vec<u32>,
    reasons: Vec<String>,
}

const PLANS: [&str; 4] = ["solo", "team", "business", "enterprise"];

impl Left {
    fn draw(count: usize, text: bool) -> Self {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32
        };
        let (mut who, mut day, mut since) = (Vec::new(), Vec::<i32>::new(), Vec::new());
        for row in 0..count as u64 {
            if row % 20 == 19 {
                // Who left the row before came back and left again.
                let before = day[day.len() - 1];
                who.push(row - 1);
                since.push(before + 1 + (random() % 60) as i32);
                day.push(since[since.len() - 1] + (random() % 60) as i32);
            } else {
                who.push(row);
                day.push(DAYS.start() + (random() % 610) as i32);
                since.push(day[day.len() - 1] - (random() % 900) as i32);
            }
        }
        who.extend(count as u64..(count + STAYED) as u64);
        // Numbers that are in no order, as those of users mostly are.
        let scattered = who.iter().map(|id| id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1);
        let account = if text {
            let named = |id: u64| format!("{:08x}-{:08x}", id >> 32, id & 0xffff_ffff);
            Series::new("account".into(), scattered.map(named).collect::<Vec<_>>())
        } else {
            Series::new("account".into(), scattered.collect::<Vec<_>>())
        };
        let reasons = Taxonomy::standard();
        let reasons =
            reasons.entries().iter().map(|entry| entry.reason().to_string()).filter(|path| path.contains('/'));
        let random = (0..count).map(|_| random()).collect();
        Self { account, day, since, random, reasons: reasons.collect() }
    }

    fn rows(&self) -> impl Iterator<Item = (usize, u32)> {
        self.random.iter().copied().enumerate()
    }

    fn frame(&self) -> Result<DataFrame> {
        let reason = |seed: u32| self.reasons[seed as usize % self.reasons.len()].as_str();
        let account = self.account.slice(0, self.day.len());
        let back = |row: usize| row % 20 == 18 && row + 1 < self.day.len();
        let mut frame = df!(
            "date" => &self.day,
            "stated" => self.rows().map(|(_, seed)| reason(seed)).collect::<Vec<_>>(),
            "found" => self.rows().map(|(_, seed)| (seed & 64 > 0).then(|| reason(seed >> 7))).collect::<Vec<_>>(),
            "plan" => self.rows().map(|(_, seed)| PLANS[seed as usize % 4]).collect::<Vec<_>>(),
            "value" => self.rows().map(|(_, seed)| f64::from(seed % 500)).collect::<Vec<_>>(),
            "currency" => vec!["EUR"; self.day.len()],
            "started_on" => &self.since,
            "comment" => self.rows().map(|(_, seed)| (seed % 8 == 0).then_some("it cost too much for us")).collect::<Vec<_>>(),
            "win_back" => self.rows().map(|(row, _)| back(row).then_some("won_back")).collect::<Vec<_>>(),
            "returned_on" => self.rows().map(|(row, _)| back(row).then(|| self.since[row + 1])).collect::<Vec<_>>(),
        )?;
        frame.with_column(account.into_column())?;
        dated(frame, &["date", "started_on", "returned_on"])
    }

    /// All who ever were customers, since when, and on which plan.
    fn customers(&self) -> Result<DataFrame> {
        let since = self.since.iter().copied().chain((0..STAYED as i32).map(|who| DAYS.start() - 100 + who % 800));
        let plan = (0..self.account.len()).map(|row| PLANS[row % 7 % 4]);
        let mut frame = df!("since" => since.collect::<Vec<_>>(), "plan" => plan.collect::<Vec<_>>())?;
        frame.with_column(self.account.clone().into_column())?;
        // One plan a customer: the first row of whoever came back.
        let first = (0..self.account.len()).map(|row| row >= self.day.len() || row % 20 != 19);
        let frame = frame.filter(&first.collect::<BooleanChunked>())?;
        dated(frame, &["since"])
    }

    fn alerts(&self) -> Result<DataFrame> {
        let trigger = |row: usize| ["silence", "tickets", "payment"][row % 3];
        let mut frame = df!(
            "trigger" => (0..self.day.len()).map(trigger).collect::<Vec<_>>(),
            "day" => self.rows().map(|(row, seed)| self.day[row] - (seed % 120) as i32).collect::<Vec<_>>(),
        )?;
        frame.with_column(self.account.slice(0, self.day.len()).into_column())?;
        dated(frame, &["day"])
    }

    fn events(&self) -> Result<DataFrame> {
        const EACH: i32 = 12;
        let rows: IdxCa = (0..self.day.len() as u32).flat_map(|row| (0..EACH).map(move |_| Some(row))).collect();
        let day = self.rows().flat_map(|(row, seed)| {
            (0..EACH).map(move |week| self.day[row] - 1 - 7 * week - (seed >> week) as i32 % 7)
        });
        let mut frame = df!("day" => day.collect::<Vec<_>>())?;
        frame.with_column(self.account.slice(0, self.day.len()).take(&rows)?.into_column())?;
        dated(frame, &["day"])
    }

    fn feedback(&self, records: &ChurnRecords) -> Vec<FeedbackItem> {
        let item = |row: usize| {
            let customer = CustomerId::from(records.customer(row));
            let item = FeedbackItem::new(customer, records.date(row));
            let reason = Reason::from(self.reasons[row % self.reasons.len()].as_str());
            if row.is_multiple_of(4) { item } else { item.categorised(reason, records.date(row) + (row % 9) as i32) }
        };
        (0..records.len()).map(item).collect()
    }

    fn trends(&self, period: Period) -> Result<ReasonTrendsOptions> {
        let middle = (DAYS.start() + DAYS.end()) / 2;
        let [today, middle] = [*DAYS.end(), middle].map(Date::from_days_since_epoch);
        Ok(ReasonTrendsOptions::new(period, today?).change_on(middle?))
    }
}

/// A frame whose columns of days are dates.
fn dated(mut frame: DataFrame, columns: &[&str]) -> Result<DataFrame> {
    for &column in columns {
        let days = frame.column(column)?.cast(&DataType::Date)?;
        frame.with_column(days)?;
    }
    Ok(frame)
}
