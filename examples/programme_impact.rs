//! Did the webinars make people stay? Two companies of which the truth is known, because they are simulated.
//!
//! ```sh
//! cargo run --example programme_impact
//! ```
//!
//! In the first the webinars keep some of those who would have left, in the second they do nothing. In both, people who
//! use the product a lot and have stayed for long are far more likely to attend, so that a plain comparison of
//! participants with all others says that webinars work wonders. Every run prints the same.

mod common {
    pub(crate) mod page;
}

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use attrition::polars::prelude::*;
use attrition::{
    Activity, Calendar, Date, EventColumns, Interval, Participation, ParticipationColumns, ProgrammeImpact,
    ProgrammeImpactOptions, date,
};
use common::page::{Outcome, heading, percent, share};

const DAYS: i32 = 540;
const USERS: i32 = 24_000;
const HORIZON: i32 = 90;
const WINDOW: i32 = 28;
const LOOK_BACK: i32 = 28;

fn main() -> ExitCode {
    common::page::print("programme_impact", report)
}

fn report(out: &mut dyn Write) -> Outcome {
    writeln!(out, "# Do webinars make people stay?\n")?;
    writeln!(
        out,
        "Two simulated companies of {USERS} users over {DAYS} days. In both a user may attend a webinar on a day of"
    )?;
    writeln!(
        out,
        "use, the likelier the more they used the product in the four weeks before and the longer they have been"
    )?;
    writeln!(
        out,
        "there. In the first company attending keeps 3 in 10 of those who would have left, in the second nobody."
    )?;

    heading(out, "A company whose webinars work")?;
    let works = Company::simulate(2_024, 0.3);
    let with = works.tell(out)?;
    months(&with, out)?;

    heading(out, "A company whose webinars do nothing")?;
    let idle = Company::simulate(2_025, 0.0);
    let without = idle.tell(out)?;

    heading(out, "Side by side")?;
    writeln!(out, "  Points of retention after {HORIZON} days:\n")?;
    writeln!(out, "  {:<12} {:>8} {:>8} {:>8}  95 % interval", "webinars", "truth", "naive", "ours")?;
    for (name, company, impact) in [("work", &works, &with), ("do nothing", &idle, &without)] {
        let ours = impact.retention();
        writeln!(
            out,
            "  {name:<12} {:>8} {:>8} {:>8}  {}",
            points(Some(company.truth)),
            points(impact.naive().difference()),
            points(ours.map(|effect| effect.difference)),
            range(ours.and_then(|effect| effect.interval)),
        )?;
    }
    writeln!(
        out,
        "\nThe naive comparison cannot tell the two companies apart. Whoever attended in their fifth month stayed five"
    )?;
    writeln!(out, "months to do so, and is compared with all who left in their first weeks.")?;
    Ok(())
}

/// What was logged, and what only a simulation can know.
struct Company {
    users: Vec<i32>,
    days: Vec<i32>,
    attendees: Vec<i32>,
    attended_on: Vec<i32>,
    /// Of those who attended at least a horizon before the end: share retained, less the share that would have been.
    truth: f64,
}

impl Company {
    /// Webinars keep a share `keeps` of the attendees who would have left within the horizon.
    fn simulate(seed: u64, keeps: f64) -> Self {
        let mut random = SplitMix64(seed);
        let mut company = Self { users: vec![], days: vec![], attendees: vec![], attended_on: vec![], truth: 0.0 };
        let (mut followed, mut retained_more) = (0_i32, 0_i32);
        for user in 0..USERS {
            let arrival = random.below(DAYS - 30);
            // Kinds of users: how likely they come on a day, and how likely it is that a day is their last.
            let (comes, leaves) = [(0.06, 0.025), (0.15, 0.012), (0.3, 0.006), (0.5, 0.003)][random.place(4)];
            let lifetime = |random: &mut SplitMix64| random.days_until(leaves);
            let left_to_themselves = arrival + lifetime(&mut random);
            let comes_on: Vec<bool> = (arrival..=DAYS).map(|day| day == arrival || random.chance(comes)).collect();
            let active = |day: i32| usize::try_from(day - arrival).is_ok_and(|place| comes_on[place]);

            let (mut last, mut attended) = (left_to_themselves, false);
            for day in (arrival..DAYS).filter(|&day| active(day)) {
                if day > last {
                    break;
                }
                company.users.push(user);
                company.days.push(first_day().days_since_epoch() + day);
                let use_before = (arrival.max(day - LOOK_BACK)..day).filter(|&day| active(day)).count();
                let longing = if day - arrival > 120 { 2.0 } else { 1.0 };
                let likely = [0.0004, 0.0008, 0.0015, 0.003, 0.005, 0.007];
                let likely = longing * likely[[1, 2, 4, 8, 16].partition_point(|&lower| lower <= use_before)];
                if attended || day == arrival || !random.chance(likely) {
                    continue;
                }
                attended = true;
                company.attendees.push(user);
                company.attended_on.push(first_day().days_since_epoch() + day);
                if left_to_themselves < day + HORIZON && random.chance(keeps) {
                    last = day + HORIZON + lifetime(&mut random);
                }
                if day + HORIZON < DAYS {
                    let retained = |last: i32| (day + HORIZON - WINDOW + 1..=last.min(day + HORIZON)).any(active);
                    followed += 1;
                    retained_more += i32::from(retained(last)) - i32::from(retained(left_to_themselves));
                }
            }
        }
        company.truth = f64::from(retained_more) / f64::from(followed.max(1));
        company
    }

    /// What an analyst of this company sees, who knows the log and the list of attendees.
    fn tell(&self, out: &mut dyn Write) -> Result<ProgrammeImpact, Box<dyn Error>> {
        let as_dates = |day: &Column| day.cast(&DataType::Date);
        let mut events = df!("user" => &self.users, "day" => &self.days)?;
        let mut webinar = df!("user" => &self.attendees, "attended_on" => &self.attended_on)?;
        events.replace("day", as_dates(events.column("day")?)?)?;
        webinar.replace("attended_on", as_dates(webinar.column("attended_on")?)?)?;

        let mut builder = Activity::builder(&EventColumns::new("user", "day"), &Calendar::utc())
            .observed_from(first_day())
            .as_of(first_day() + (DAYS - 1));
        builder.push(&events)?;
        let activity = builder.finish()?;
        let participants = Participation::from_frame(&webinar, &ParticipationColumns::new("user", "attended_on"))?;
        writeln!(out, "{activity}")?;
        writeln!(out, "Attendance: {participants}.")?;

        let options = ProgrammeImpactOptions::new(HORIZON.unsigned_abs())
            .window(WINDOW.unsigned_abs())
            .look_back(LOOK_BACK.unsigned_abs());
        let impact = activity.programme_impact(&participants, options)?;
        let naive = impact.naive();
        writeln!(
            out,
            "\nThe plain comparison: of those who attended, {} were there {HORIZON} days after they first came,",
            percent(share(naive.participants_retained, naive.participants))
        )?;
        writeln!(
            out,
            "of all others {}. That would be {} points, a splendid webinar.",
            percent(share(naive.others_retained, naive.others)),
            points(naive.difference())
        )?;
        writeln!(
            out,
            "\nThe fair comparison: each attendee against people who had come in the same month, had used the"
        )?;
        writeln!(
            out,
            "product as much in the last {LOOK_BACK} days and were there on the same day, but did not attend.\n"
        )?;
        writeln!(out, "{impact}")?;

        let interval = impact.retention().and_then(|effect| effect.interval);
        let held = interval.is_some_and(|found| found.lower <= self.truth && self.truth <= found.upper);
        writeln!(
            out,
            "\nThe simulation knows what each attendee would have done otherwise: the truth is {} points. The interval,",
            points(Some(self.truth))
        )?;
        writeln!(out, "{}, {}.", range(interval), if held { "holds it" } else { "misses it" })?;
        Ok(impact)
    }
}

/// The effect by the month of attending.
fn months(impact: &ProgrammeImpact, out: &mut dyn Write) -> Outcome {
    writeln!(out, "\nBy month of attending (* some of its attendees cannot be judged yet, ~ or any more):\n")?;
    writeln!(
        out,
        "  {:<9} {:>9} {:>10} {:>10} {:>10}  95 % interval",
        "month", "attendees", "retained", "others", "points"
    )?;
    for month in impact.months() {
        let effect = &month.retention;
        let sign = match month.coverage {
            attrition::Coverage::Open => "*",
            attrition::Coverage::Truncated => "~",
            _ => "",
        };
        writeln!(
            out,
            "  {:<9} {:>9} {:>8.1} % {:>8.1} % {:>10}  {}",
            format!("{}{sign}", &month.span.start.to_string()[..7]),
            month.participants,
            100.0 * effect.participants,
            100.0 * effect.comparable,
            points(Some(effect.difference)),
            range(effect.interval)
        )?;
    }
    writeln!(out, "\nOne month alone says little; taken together they do.")?;
    Ok(())
}

/// SplitMix64 of Steele, Lea and Flood (2014): small, and the same on every machine.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Evenly between 0 and 1, 1 excluded.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    #[expect(clippy::cast_possible_truncation, reason = "below `end`")]
    fn below(&mut self, end: i32) -> i32 {
        (self.unit() * f64::from(end)) as i32
    }

    fn place(&mut self, length: i32) -> usize {
        self.below(length).unsigned_abs() as usize
    }

    /// Days until something that happens with a probability a day.
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float that is too large gives the largest i32")]
    fn days_until(&mut self, probability: f64) -> i32 {
        (((1.0 - self.unit()).ln() / (1.0 - probability).ln()) as i32).min(100_000)
    }
}

/// The first day of the companies.
fn first_day() -> Date {
    date(2024, 1, 1)
}

fn points(difference: Option<f64>) -> String {
    difference.map_or("-".to_owned(), |difference| format!("{:+.1}", 100.0 * difference))
}

fn range(interval: Option<Interval>) -> String {
    interval
        .map_or("-".to_owned(), |Interval { lower, upper }| format!("{:+.1} to {:+.1}", 100.0 * lower, 100.0 * upper))
}
