//! How well one column of a replay foresaw who left.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::replay::{Column, Replay};
use super::tally::{DateTally, LeadTime, Leads, Tally, cut};
use crate::statistics::{
    AreaDifference, ClusteredShare, Interval, Outcomes, PairedDifference, Share, Wilson, clustered_share, float, lift,
    paired_difference, ratio,
};

/// What a line of a back-test judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detector {
    /// A trigger of the set.
    Trigger,
    /// Days since the last event, as [`DaysSinceLastEvent`](crate::DaysSinceLastEvent) fires by default.
    PlainRule,
    /// At least one trigger of the set fired. Its score is how many did.
    AnyFired,
    /// At least two triggers of the set fired. Its score is how many did.
    TwoOrMoreFired,
    /// All triggers of the set and days since the last event, weighed as the [`Ranking`](super::Ranking) fitted them to
    /// earlier dates, at the later ones. It fires where the fitted chance is above the one at which, on the earlier dates, it
    /// would have fired about as often as any trigger did.
    Combination,
}

impl Detector {
    /// The name as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::PlainRule => "plain_rule",
            Self::AnyFired => "any_fired",
            Self::TwoOrMoreFired => "two_or_more_fired",
            Self::Combination => "combination",
        }
    }
}

/// A number and its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Its interval, the observations of an account being one cluster; `None` where there are too few accounts for one.
    pub interval: Option<Interval>,
}

/// What is compared with the plain rule, less the same of the plain rule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The difference.
    pub value: f64,
    /// Its interval, the observations of an account being one cluster.
    pub interval: Interval,
    /// Of the test that there is no difference, two-sided.
    pub p_value: f64,
}

/// Whether something tells who will leave better than days since the last event do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The interval of the difference of the areas lies above 0.
    Better,
    /// It lies below 0.
    Worse,
    /// It contains 0, or there is none.
    NotTold,
}

impl Verdict {
    /// The name as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NotTold => "not_told",
        }
    }

    pub(crate) fn of(difference: Option<Difference>) -> Self {
        match difference.map(|difference| difference.interval) {
            Some(Interval { lower, .. }) if lower > 0.0 => Self::Better,
            Some(Interval { upper, .. }) if upper < 0.0 => Self::Worse,
            _ => Self::NotTold,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Better => "beats days since last event",
            Self::Worse => "is worse than days since last event",
            Self::NotTold => "does not beat days since last event",
        })
    }
}

/// How well a trigger foresaw who left. Unless it says otherwise a count is one of accounts at dates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Performance {
    /// The name of the trigger, or of the [`Detector`].
    pub name: String,
    /// What it is.
    pub detector: Detector,
    /// Customers of whom it is known whether they left within the horizon.
    pub customers: u64,
    /// Those of them of whom the trigger observed anything. All rates are of these.
    pub judged: u64,
    /// Those who left.
    pub positives: u64,
    /// Those for whom it fired.
    pub fired: u64,
    /// Those for whom it fired and who left.
    pub true_positives: u64,
    /// `positives / judged`.
    pub base_rate: Option<Estimate>,
    /// `true_positives / fired`.
    pub precision: Option<Estimate>,
    /// `true_positives / positives`.
    pub recall: Option<Estimate>,
    /// `precision / base_rate`.
    pub lift: Option<Estimate>,
    /// The chance that one who left had a higher score than one who stayed, ties counting half.
    pub area: Option<Estimate>,
    /// The lift of the tenth of the judged with the highest scores, date by date, with as much of a tie as is left to
    /// fill.
    pub top_decile_lift: Option<f64>,
    /// The area of days since the last event, over the same accounts and dates.
    pub plain_area: Option<f64>,
    /// `area - plain_area`.
    pub area_difference: Option<Difference>,
    /// The precision of days since the last event at the same load of work: on every date as many accounts as the
    /// trigger fired for, those that were silent for longest, with as much of a tie as is left to fill.
    pub plain_precision: Option<f64>,
    /// `precision - plain_precision`.
    pub precision_difference: Option<Difference>,
    /// Churn that could have been foreseen: an account and the day on which it left, however many dates saw it coming.
    pub churns: u64,
    /// The part of it for which the trigger fired on at least one of the dates.
    pub caught: u64,
    /// Days from the first date of the last unbroken run of findings that foresaw a churn to that churn.
    pub lead_time: Option<LeadTime>,
    /// Findings that are new: fired, and not at the date before. Those of the first date are not counted, and those about
    /// accounts that are leaving are, for they are work like the others.
    pub new_findings: u64,
    /// New findings a week.
    pub findings_per_week: Option<f64>,
    /// New findings per customer and month of 365.25/12 days.
    pub findings_per_account_month: Option<f64>,
}

impl Performance {
    /// Customers of whom the trigger observed nothing, though it is known what became of them.
    #[must_use]
    pub fn not_observed(&self) -> u64 {
        self.customers - self.judged
    }

    /// Whether it tells who will leave better than days since the last event.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.area_difference)
    }

    /// How well a column did, and its counts date by date.
    pub(super) fn of(replay: &Replay, column: &Column, detector: Detector, wilson: Wilson) -> (Self, Vec<DateTally>) {
        let Tally { accounts, dates } = Tally::new(replay, column);
        let sum = |of: fn(&DateTally) -> u64| dates.iter().map(of).sum::<u64>();
        let recalled = |[fired, judged]: &[Share; 2]| Share { part: fired.part, whole: judged.part };
        let sides = |side: usize| accounts.iter().map(|own| own[side]).collect::<Vec<_>>();
        let share = |clusters: &[Share]| clustered_share(clusters, wilson).map(Estimate::from);
        let lift = lift(&accounts, wilson);
        let areas = Areas::new(replay, column, wilson);
        let plain = plain(replay, column, &dates);
        let sums = plain.iter().fold([0.0; 2], |sums, [_, own]| [sums[0] + own[0], sums[1] + own[1]]);
        let leads = Leads::new(replay, column);
        let days = replay.dates.last().map_or(0, |last| last.date - replay.dates[column.start].date);
        let new_findings = sum(|date| date.new);
        let mut exposure = 0.0;
        for date in column.start + 1..replay.dates.len() {
            let between = replay.dates[date].date - replay.dates[date - 1].date;
            exposure += f64::from(between) * float(replay.rows(date).len() as u64);
        }
        let rate = |unit: f64, whole: f64| (whole > 0.0).then(|| float(new_findings) * unit / whole);
        let performance = Self {
            name: column.name.clone(),
            detector,
            customers: sum(|date| date.customers),
            judged: sum(|date| date.judged),
            positives: sum(|date| date.positives),
            fired: sum(|date| date.fired),
            true_positives: sum(|date| date.true_positives),
            base_rate: share(&sides(1)),
            precision: share(&sides(0)),
            recall: share(&accounts.iter().map(recalled).collect::<Vec<_>>()),
            lift: lift.map(|lift| Estimate { value: lift.lift, interval: Some(lift.interval) }),
            area: areas.as_ref().map(|areas| areas.area),
            top_decile_lift: top_decile(replay, column, &dates),
            plain_area: areas.as_ref().map(|areas| areas.plain),
            area_difference: areas.and_then(|areas| areas.difference),
            plain_precision: (sums[1] > 0.0).then(|| sums[0] / sums[1]),
            precision_difference: paired_difference(&plain, wilson).map(Difference::from),
            churns: leads.churns,
            caught: leads.days.len() as u64,
            lead_time: leads.quartiles(),
            new_findings,
            findings_per_week: rate(7.0, f64::from(days)),
            findings_per_account_month: rate(365.25 / 12.0, exposure),
        };
        (performance, dates)
    }
}

impl From<ClusteredShare> for Estimate {
    fn from(share: ClusteredShare) -> Self {
        Self { value: share.share, interval: Some(share.interval) }
    }
}

impl From<AreaDifference> for Difference {
    fn from(difference: AreaDifference) -> Self {
        let AreaDifference { difference: value, interval, p_value, .. } = difference;
        Self { value, interval, p_value }
    }
}

impl From<PairedDifference> for Difference {
    fn from(difference: PairedDifference) -> Self {
        let PairedDifference { difference: value, interval, p_value } = difference;
        Self { value, interval, p_value }
    }
}

struct Areas {
    area: Estimate,
    plain: f64,
    difference: Option<Difference>,
}

impl Areas {
    /// `None` where all who are judged left, or none.
    fn new(replay: &Replay, column: &Column, wilson: Wilson) -> Option<Self> {
        let base = replay.first[column.start];
        let judged = |&row: &usize| !column.score[row - base].is_nan() && replay.churned(row).is_some();
        let rows: Vec<usize> = (base..replay.account.len()).filter(judged).collect();
        let positive: Vec<bool> = rows.iter().map(|&row| replay.churned(row) == Some(true)).collect();
        let clusters: Vec<u32> = rows.iter().map(|&row| replay.account[row]).collect();
        let outcomes = Outcomes::new(&positive, (&clusters, replay.accounts))?;
        let mut scores: Vec<f64> = rows.iter().map(|&row| column.score[row - base]).collect();
        let own = outcomes.area(&scores)?;
        scores.iter_mut().zip(&rows).for_each(|(score, &row)| *score = replay.silence[row]);
        let plain = outcomes.area(&scores)?;
        Some(Self {
            area: Estimate { value: own.area, interval: own.interval(wilson) },
            plain: plain.area,
            difference: outcomes.difference(&own, &plain, wilson).map(Difference::from),
        })
    }
}

/// Of every account what was true of what fired, and of what the plain rule would have named in its place.
fn plain(replay: &Replay, column: &Column, dates: &[DateTally]) -> Vec<[[f64; 2]; 2]> {
    let base = replay.first[column.start];
    let mut accounts = vec![[[0.0; 2]; 2]; replay.accounts];
    let mut silences = Vec::new();
    for (date, tally) in (column.start..).zip(dates).filter(|(_, tally)| tally.fired > 0) {
        let known = || replay.rows(date).filter_map(|row| Some((row, f64::from(u8::from(replay.churned(row)?)))));
        silences.clear();
        silences.extend(known().map(|(row, _)| replay.silence[row]));
        let cut = cut(&mut silences, float(tally.fired));
        for (row, left) in known() {
            let [fired, silent] = &mut accounts[replay.account[row] as usize];
            if column.fired[row - base] {
                *fired = [fired[0] + left, fired[1] + 1.0];
            }
            let named = cut.named(replay.silence[row]);
            *silent = [silent[0] + named * left, silent[1] + named];
        }
    }
    accounts
}

fn top_decile(replay: &Replay, column: &Column, dates: &[DateTally]) -> Option<f64> {
    let base = replay.first[column.start];
    let (mut scores, mut positives, mut places) = (Vec::new(), 0.0, 0.0);
    for (date, tally) in (column.start..).zip(dates).filter(|(_, tally)| tally.judged > 0) {
        let judged = || replay.rows(date).filter_map(|row| Some((column.score[row - base], replay.churned(row)?)));
        scores.clear();
        scores.extend(judged().map(|(score, _)| score).filter(|score| !score.is_nan()));
        let tenth = float(tally.judged) / 10.0;
        let cut = cut(&mut scores, tenth);
        places += tenth;
        positives += judged().filter(|&(_, left)| left).map(|(score, _)| cut.named(score)).sum::<f64>();
    }
    let (left, judged) = dates.iter().fold((0, 0), |sum, date| (sum.0 + date.positives, sum.1 + date.judged));
    let base = ratio(left, judged).filter(|&rate| rate > 0.0)?;
    Some(positives / places / base)
}
