//! How people come, stay and go: growth accounting, daily states, the power curve, and whether new people stay better
//! than those before them. Each table is followed by how to read it.
//!
//! ```sh
//! cargo run --example engagement
//! cargo run --release --example engagement -- --events log.parquet --user user_id --time ts --tz Europe/Vilnius
//! ```
//!
//! Without arguments it reads a log that comes with the project: 22 years of commits to Ruby on Rails. A commit is use,
//! and its author a user.

mod common {
    pub(crate) mod log;
    pub(crate) mod page;
}

use std::io::Write;
use std::process::ExitCode;

use attrition::polars::prelude::*;
use attrition::{
    Activity, Comparison, ComparisonOptions, Criterion, CurvePoint, DailyState, DailyStatesOptions, Date, EventColumns,
    Interval, LifecyclePeriod, Period, PowerCurvePoint, Result, RetentionOptions, SegmentColumns, Split, Window,
};
use common::log::{Log, Source};
use common::page::{Outcome, heading, percent, share};

fn main() -> ExitCode {
    common::log::run("engagement", rails, review)
}

fn review(activity: &Activity, out: &mut dyn Write) -> Outcome {
    heading(out, "What came in")?;
    writeln!(out, "{activity}")?;

    let (period, longer) = periods(activity);
    heading(out, "Who came, stayed, came back and went")?;
    growth(activity, period, out)?;
    heading(out, "From one day to the next")?;
    states(activity, out)?;
    heading(out, "How much of a habit it is")?;
    power(activity, out)?;
    heading(out, "Does the first day tell who stays?")?;
    segments(activity, longer, out)?;
    heading(out, "Do new people stay better than those before them?")?;
    trend(activity, period, longer, out)?;
    if activity.accounts().is_some() {
        heading(out, "Accounts that came, stayed, came back and went")?;
        writeln!(out, "{}", activity.by_account()?.lifecycle(period)?)?;
    }
    Ok(())
}

/// The period of growth, and one several times as long for cohorts large enough to be compared.
fn periods(activity: &Activity) -> (Period, Period) {
    match activity.as_of() - activity.observed_from() {
        0..=60 => (Period::Day, Period::Week),
        61..=400 => (Period::Week, Period::Month),
        401..=1_500 => (Period::Month, Period::Quarter),
        _ => (Period::Month, Period::Year),
    }
}

fn growth(activity: &Activity, period: Period, out: &mut dyn Write) -> Outcome {
    let lifecycle = activity.lifecycle(period)?;
    writeln!(out, "{lifecycle}\n")?;
    let judged = || lifecycle.periods().iter().filter(|one| one.retention_rate.is_some());
    let Some(last) = judged().next_back() else {
        writeln!(
            out,
            "No {period} can be judged: it takes a whole one, and people who were active in the one before."
        )?;
        return Ok(());
    };
    let LifecyclePeriod { active_before: before, retained, new, resurrected, active, .. } = last;
    let gone = last.newly_dormant_so_far.total();
    writeln!(
        out,
        "How to read the {period} of {}: {before} people had been active in the one before.",
        last.span.start
    )?;
    let (rate, range) = (percent(last.retention_rate), interval(last.retention_interval));
    writeln!(
        out,
        "Of these {retained} were there again, {rate} ({range}), and {gone} were not; {new} more came for the"
    )?;
    writeln!(
        out,
        "first time and {resurrected} came back. So {active} were active: {before} + {new} + {resurrected} - {gone}."
    )?;
    let quick = last.quick_ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
    writeln!(
        out,
        "The quick ratio, {quick}, says how many came or came back for each one who went: above 1 the number of"
    )?;
    writeln!(out, "active people grows, below 1 it shrinks.")?;

    let recent: Vec<_> = judged().rev().take(12).collect();
    let sum = |count: fn(&LifecyclePeriod) -> u64| recent.iter().map(|one| count(one)).sum::<u64>();
    let (came, went) = (sum(|one| one.new + one.resurrected), sum(|one| one.newly_dormant_so_far.total()));
    let at_once = sum(|one| one.newly_dormant_so_far.new);
    let of = percent(share(at_once, went));
    writeln!(
        out,
        "\nOne {period} jumps about. Over the last {} that can be judged {came} came or came back and {went} went.",
        recent.len()
    )?;
    writeln!(out, "Of those who went, {at_once} ({of}) had been there for the first time in the {period} before.")?;
    Ok(())
}

fn states(activity: &Activity, out: &mut dyn Write) -> Outcome {
    const DAYS: i32 = 364;
    use DailyState::{AtRiskMonth, AtRiskWeek, Current, Dormant, New};
    let states = activity.daily_states(DailyStatesOptions::new())?;
    writeln!(out, "{states}\n")?;
    writeln!(
        out,
        "On every day each person seen so far is in one state. The first four were there that day: for the first"
    )?;
    writeln!(
        out,
        "time, again within a week, after one to four weeks, or after a month. The other three were not, and were"
    )?;
    writeln!(out, "last there within the week, within the month, or earlier. DAU, WAU and MAU are sums of them.\n")?;
    let moves = states.transitions(activity.as_of() - (DAYS - 1), activity.as_of());
    if moves.days() == 0 {
        writeln!(out, "The log is no longer than a month, so no move between them can be judged yet.")?;
        return Ok(());
    }
    writeln!(
        out,
        "A row of the table of moves says where the people of a state are a day later. Those that matter most, over"
    )?;
    writeln!(out, "{} days, so that they do not hang on a few people:\n", moves.days())?;
    for (name, from, to, meaning) in [
        ("CURR", Current, Current, "of the current were there again the next day"),
        ("NURR", New, Current, "of those there for the first time came again the next day"),
        (
            "drift",
            AtRiskWeek,
            AtRiskMonth,
            "of those silent for less than a week had been silent for a week a day later",
        ),
        ("loss", AtRiskMonth, Dormant, "of those silent for a week or more had been silent for a month a day later"),
    ] {
        let (rate, count, base) = (percent(moves.rate(from, to)), moves.count(from, to), moves.base(from));
        writeln!(out, "  {name:<6} {rate:>7}  {meaning} ({count} of {base})")?;
    }
    writeln!(
        out,
        "\nIn an app of daily use CURR is the number that moves DAU most, because it works on the same people every"
    )?;
    writeln!(
        out,
        "day. Where people come once a week or a month it is low and says little: look at the power curve first."
    )?;
    Ok(())
}

fn power(activity: &Activity, out: &mut dyn Write) -> Outcome {
    const WEEKLY: u32 = 4;
    let curve = activity.power_curve(Window::Days(28))?;
    writeln!(out, "{curve}\n")?;
    let latest = curve.on(activity.as_of());
    let Some((latest, mean)) = latest.and_then(|latest| latest.mean_active_days().map(|mean| (latest, mean))) else {
        writeln!(out, "It takes 28 days of log and somebody active in them to say how much of a habit it is.")?;
        return Ok(());
    };
    let (once, weekly) = (percent(latest.share(1)), percent(latest.share_at_least(WEEKLY)));
    writeln!(
        out,
        "Of the {} people active within the last 28 days {once} came on one day only, and {weekly} on {WEEKLY} days or",
        latest.active()
    )?;
    writeln!(
        out,
        "more, which is once a week. The {mean:.2} days of the mean are the mean DAU over MAU, times 28. A mean cannot"
    )?;
    writeln!(
        out,
        "tell a few who come daily from many who come now and then; the curve can: people piled up at its end have a"
    )?;
    writeln!(out, "habit, and where it only falls there is next to none.")?;
    Ok(())
}

/// Whether those who do more on their first day stay better. What somebody did on the first day is known from the
/// start, so nobody is in a segment for having stayed.
fn segments(activity: &Activity, period: Period, out: &mut dyn Write) -> Outcome {
    let Some(by_start) = by_first_day(activity)? else {
        writeln!(out, "All had equally many events on their first day, so there is nothing to divide by.")?;
        return Ok(());
    };
    writeln!(out, "People by the number of events on their first day, divided as near to the middle as can be:\n")?;
    writeln!(out, "{by_start}")?;
    let habits = by_start.each(|part| {
        let latest = part.power_curve(Window::Days(28))?.on(part.as_of());
        let mean = latest.as_ref().and_then(PowerCurvePoint::mean_active_days);
        let mean = mean.map_or("-".to_owned(), |mean| format!("{mean:.2}"));
        let active = latest.map_or(0, |latest| latest.active());
        Ok(format!("{active} active within the last 28 days, on {mean} of them in the mean"))
    })?;
    writeln!(out, "{habits}\n")?;

    let options = RetentionOptions::new(period).criterion(Criterion::OnOrAfter);
    let triangles = by_start.each(|part| part.retention(options.clone()))?;
    let horizon = triangles.iter().map(|(_, triangle)| triangle.horizon()).max().unwrap_or(0);
    if horizon == 0 {
        writeln!(out, "The log is within one {period}: too short to say who stayed.")?;
        return Ok(());
    }
    // Three ages, named before looking: the fewer differences, the less is asked of each.
    let asked = ComparisonOptions::new().ages((1..=3).filter(|&age| age <= horizon));
    writeln!(out, "{}", Comparison::of_segments(triangles.labelled(), asked)?)?;
    writeln!(
        out,
        "\nA rate is the share seen so many {period}s after their first or later. Newcomers are compared with those"
    )?;
    writeln!(
        out,
        "of the same {period}, so that a segment that has grown lately is not judged by its youth. The points are the"
    )?;
    writeln!(
        out,
        "difference, and the interval is how far it may be off. That segments differ does not say that making people"
    )?;
    writeln!(out, "do more on the first day would keep them: those who mean to stay may simply do more.")?;
    Ok(())
}

/// Divides by the number of events on the first day, at the median or below it; `None` where all had as many.
fn by_first_day(activity: &Activity) -> Result<Option<Split>> {
    let days = activity.to_frame()?.lazy().group_by([col("actor"), col("day")]).agg([col("events").sum()]);
    let by_day = days.sort(["day"], SortMultipleOptions::default());
    let first_days = by_day.group_by([col("actor")]).agg([col("events").first()]).collect()?;
    let events = first_days.column("events")?.u32()?;
    let mut sizes: Vec<u32> = events.iter().flatten().collect();
    sizes.sort_unstable();
    let median = sizes.get(sizes.len() / 2).copied();
    let below_largest = sizes.iter().rev().copied().find(|size| Some(size) != sizes.last());
    let Some(most) = median.min(below_largest) else { return Ok(None) };
    let names = events.iter().map(|size| match size {
        Some(size) if size > most => format!("more than {most}"),
        _ => format!("up to {most}"),
    });
    let names = Column::new("start".into(), names.collect::<Vec<_>>());
    let frame = DataFrame::new(first_days.height(), vec![first_days.column("actor")?.clone(), names])?;
    Ok(Some(activity.split_by(&frame, &SegmentColumns::new("actor", "start"))?))
}

/// The share of newcomers who are back in their second period, the cohorts of each longer period together.
fn trend(activity: &Activity, period: Period, longer: Period, out: &mut dyn Write) -> Outcome {
    const MOST: usize = 12;
    let together = |first: Date, last: Date| -> Result<Option<CurvePoint>> {
        let options = RetentionOptions::new(period).cohorts_between(first, last).horizon(1);
        Ok(activity.retention(options)?.curve().into_iter().nth(1).filter(|point| point.eligible > 0))
    };
    let mut rows = Vec::new();
    let mut stretch = activity.calendar().span(longer, activity.observed_from());
    while stretch.start <= activity.as_of() {
        rows.extend(together(stretch.start, stretch.end)?.map(|point| (stretch.start, point)));
        stretch = activity.calendar().span(longer, stretch.end + 1);
    }
    if rows.is_empty() {
        writeln!(out, "Nobody's second {period} has ended yet.")?;
        return Ok(());
    }
    let earlier = rows.len().saturating_sub(MOST);
    let shown = &rows[earlier..];
    writeln!(out, "People who first came in a {longer}, and were back in the {period} after their first:\n")?;
    writeln!(out, "  {:<11} {:>9} {:>9} {:>9}  95 % interval", longer.name(), "new", "back", "share")?;
    for (start, point) in shown {
        let (new, back, rate) = (point.eligible, point.active, percent(point.weighted_mean));
        writeln!(out, "  {start:<11} {new:>9} {back:>9} {rate:>9}  {}", interval(point.interval))?;
    }
    writeln!(
        out,
        "\nOnly people whose second {period} has ended are in it, so the last row may hold a part of its {longer}."
    )?;
    if earlier == 0 {
        writeln!(out, "The first {period} of a log has old people among the new: whoever was there before it began.")?;
    }
    let [(first, _), .., (latest, now)] = shown else { return Ok(()) };
    let Some(before) = together(*first, *latest - 1)? else { return Ok(()) };
    let Some((difference, range)) = difference(now, &before) else { return Ok(()) };
    let verdict = if range.lower > 0.0 {
        "0 lies below it: new people stay better than those before them"
    } else if range.upper < 0.0 {
        "0 lies above it: new people stay worse than those before them"
    } else {
        "0 is within it: what is seen can be chance"
    };
    let rates = || shown[..shown.len() - 1].iter().filter_map(|(_, point)| point.weighted_mean);
    let (least, most) = (rates().min_by(f64::total_cmp), rates().max_by(f64::total_cmp));
    let (rate, others) = (percent(now.weighted_mean), percent(before.weighted_mean));
    writeln!(
        out,
        "The last row says {rate}, all the others above together {others}: a difference of {difference:+.1} points,"
    )?;
    let (lower, upper) = (100.0 * range.lower, 100.0 * range.upper);
    writeln!(out, "with an interval of {lower:+.1} to {upper:+.1}. {verdict}.")?;
    let (least, most) = (percent(least), percent(most));
    writeln!(out, "Do not make much of one row, though: those above jump about too, between {least} and {most}.")?;
    Ok(())
}

/// The difference of two independent shares in points, and Newcombe's interval of it in shares, as comparisons have it.
fn difference(now: &CurvePoint, before: &CurvePoint) -> Option<(f64, Interval)> {
    let (rate, earlier) = (now.weighted_mean?, before.weighted_mean?);
    let (around_rate, around_earlier) = (now.interval?, before.interval?);
    let down = (rate - around_rate.lower).hypot(around_earlier.upper - earlier);
    let up = (around_rate.upper - rate).hypot(earlier - around_earlier.lower);
    let difference = rate - earlier;
    Some((100.0 * difference, Interval { lower: difference - down, upper: difference + up }))
}

fn interval(interval: Option<Interval>) -> String {
    interval.map_or("-".to_owned(), |ends| format!("{:.1} to {:.1} %", 100.0 * ends.lower, 100.0 * ends.upper))
}

/// The log that comes with the project: commits and their authors.
fn rails() -> Result<Log> {
    let commits =
        LazyFrame::scan_parquet(common::log::shipped("git_rails/commits.parquet"), ScanArgsParquet::default())?;
    Ok(Log {
        title: Some(
            "# The authors of Ruby on Rails, 2004 to 2026\n\n\
             Commits of rails/rails without merges. An author who commits is active on that day, and most come with\n\
             one thing to mend.",
        ),
        source: Source::Query(Box::new(commits)),
        rows: None,
        columns: EventColumns::new("user_id", "timestamp"),
    })
}
