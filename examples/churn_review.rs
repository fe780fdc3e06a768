//! A first review of an event log: what came in, who uses the product, and whether each cohort stays.
//!
//! ```sh
//! cargo run --example churn_review
//! cargo run --release --example churn_review -- --events log.parquet --user user_id --time ts --tz Europe/Vilnius
//! ```
//!
//! Without arguments it reads the log that comes with the project: a year of a British online shop.

mod common {
    pub(crate) mod log;
    pub(crate) mod page;
    pub(crate) mod shop;
}

use std::io::Write;
use std::process::ExitCode;

use attrition::{
    ActiveUsers, Activity, Coverage, Criterion, Date, Period, Retention, RetentionOptions, StickinessOptions, Window,
};
use common::page::{Outcome, heading, percent, share};

fn main() -> ExitCode {
    common::log::run("churn_review", common::shop::online_retail, review)
}

fn review(activity: &Activity, out: &mut dyn Write) -> Outcome {
    heading(out, "What came in")?;
    writeln!(out, "{activity}")?;
    if activity.intake().left_out() > 0 {
        let share = percent(share(activity.intake().left_out(), activity.intake().rows));
        writeln!(out, "\n{share} of the rows could not be used. Everything below is about the others.")?;
    }

    heading(out, "Who uses it")?;
    let windows = [Window::Days(1), Window::Days(7), Window::Days(28), Window::Calendar(Period::Month)];
    let usage = activity.active_users(windows)?;
    writeln!(out, "{usage}")?;
    growth(&usage, out)?;

    heading(out, "How often they come")?;
    writeln!(out, "{}", activity.stickiness(StickinessOptions::new())?)?;

    let period = review_period(activity);
    heading(out, "Does each cohort stay?")?;
    let triangle = activity.retention(period)?;
    writeln!(out, "{triangle}")?;
    writeln!(out, "\nThe log begins with the first cohort, so whoever was a customer before is counted as new in it.")?;
    cohorts(&triangle, out)?;

    heading(out, "And who is gone for good?")?;
    let unbounded = activity.retention(RetentionOptions::new(period).criterion(Criterion::OnOrAfter))?;
    writeln!(out, "Still seen at that age or later (on or after), mean over all cohorts observed so far:\n")?;
    writeln!(out, "  {:>6} {:>8} {:>10} {:>10}  95 % interval", "age", "cohorts", "on", "or after")?;
    for (on, after) in triangle.curve().iter().zip(unbounded.curve()).take(13).filter(|(on, _)| on.cohorts > 0) {
        let interval = after.interval.map_or(String::new(), |interval| {
            format!("{:.1} to {:.1} %", 100.0 * interval.lower, 100.0 * interval.upper)
        });
        let (classic, later) = (percent(on.weighted_mean), percent(after.weighted_mean));
        writeln!(out, "  {:>6} {:>8} {classic:>10} {later:>10}  {interval}", on.age, on.cohorts)?;
    }
    writeln!(out, "\nThe gap between the two is people who pause and return: they are not churned, only slow.")?;

    if activity.accounts().is_some() {
        heading(out, "The same by account")?;
        let accounts = activity.by_account()?;
        writeln!(out, "{accounts}\n")?;
        writeln!(out, "{}", accounts.retention(period)?)?;
    }
    Ok(())
}

/// Whole periods of the last and the one before, so that like is compared with like.
fn growth(usage: &ActiveUsers, out: &mut dyn Write) -> Outcome {
    let months = usage.series(Window::Calendar(Period::Month));
    let whole: Vec<_> = months.iter().filter(|month| month.coverage == Coverage::Observed).collect();
    if let [.., before, last] = whole.as_slice() {
        let word = if last.active >= before.active { "up from" } else { "down from" };
        writeln!(
            out,
            "The last whole month, {}, had {} active users, {word} {}.",
            last.span.start, last.active, before.active
        )?;
    } else {
        writeln!(out, "The log holds fewer than two whole months: too short to speak of growth by month.")?;
    }
    Ok(())
}

/// Names the best and the worst cohort at age 1.
fn cohorts(triangle: &Retention, out: &mut dyn Write) -> Outcome {
    let rates = triangle.cohorts().iter().filter_map(|cohort| {
        let rate = triangle.cell(cohort.span.start, 1)?.rate?;
        Some((rate, cohort))
    });
    let mut rates: Vec<_> = rates.filter(|(_, cohort)| cohort.coverage == Coverage::Observed).collect();
    rates.sort_by(|left, right| left.0.total_cmp(&right.0));
    if let [worst, .., best] = rates.as_slice() {
        let (period, name) = (triangle.options(), |date: Date| date.to_string());
        writeln!(
            out,
            "Of the cohort of {} {} came back in the next {}, of that of {} {}.",
            name(best.1.span.start),
            percent(Some(best.0)),
            period.period(),
            name(worst.1.span.start),
            percent(Some(worst.0)),
        )?;
    }
    Ok(())
}

/// The period that gives between a few and a few dozen cohorts.
fn review_period(activity: &Activity) -> Period {
    match activity.as_of() - activity.observed_from() {
        0..=45 => Period::Day,
        46..=200 => Period::Week,
        201..=1_500 => Period::Month,
        1_501..=5_000 => Period::Quarter,
        _ => Period::Year,
    }
}
