//! How one account does, and why.

use super::HealthBand;
use super::fit::PointsCard;
use super::scoring::{Cell, Scored};
use super::signal::HealthSignal;
use crate::calendar::Date;
use crate::frame::ids::Id;
use crate::portfolio::Membership;

/// A change of a score below this is none.
const NO_CHANGE: f64 = 1e-9;

/// How one account does.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AccountHealth<'a> {
    /// The account.
    pub account: Id<'a>,
    /// Whether it is a customer. Others are not scored.
    pub membership: Membership,
    /// Its segment: the plan, of an account that left the last one, or what the frame of segments says.
    pub segment: Option<&'a str>,
    /// The profile by which it is scored.
    pub profile: Option<&'a str>,
    /// From 0 to 100, the larger the better; `None` where no signal was observed, or it is no customer.
    pub score: Option<f64>,
    /// `None` where the coverage is too small, or it is no customer.
    pub band: Option<HealthBand>,
    /// The share of the weights whose signals were observed.
    pub coverage: Option<f64>,
    /// The chance of leaving within lead and horizon of the fit, once the lead is over; `None` for given weights.
    pub churn_probability: Option<f64>,
    /// The score of some days before, worked out as of that day; `None` if it was no customer then, or nothing of that day is
    /// observed.
    pub previous_score: Option<f64>,
    /// The band of then.
    pub previous_band: Option<HealthBand>,
    /// The score less the one before.
    pub change: Option<f64>,
    /// The signal whose points changed most in the direction in which the score did; `None` where it did not change.
    pub moved_by: Option<&'a HealthSignal>,
    pub(super) previous: Option<Date>,
    pub(super) signals: &'a [HealthSignal],
    pub(super) row: &'a Row,
}

/// What one signal does to the score of an account.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct HealthContribution<'a> {
    /// The signal.
    pub signal: &'a HealthSignal,
    /// Its value; `None` where it was not observed, or is not of the profile.
    pub value: Option<f64>,
    /// Its score on its own scale, from 0 to 100; `None` of a fitted score.
    pub score: Option<f64>,
    /// By how much it moves the score away from 50; of a fitted score the log odds of staying that it adds to those of an
    /// account as accounts are on average.
    pub points: Option<f64>,
    /// The value of some days before.
    pub previous_value: Option<f64>,
    /// The points of then.
    pub previous_points: Option<f64>,
    /// The points less those before, where the account was scored on both days; not observed is 0 points.
    pub change: Option<f64>,
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) membership: Membership,
    pub(super) segment: Option<usize>,
    pub(super) now: Option<Scored>,
    pub(super) before: Option<Scored>,
}

impl<'a> AccountHealth<'a> {
    /// But for the names of segment and profile.
    pub(super) fn new(account: Id<'a>, row: &'a Row, signals: &'a [HealthSignal], previous: Option<Date>) -> Self {
        let number = |of: Option<&Scored>, get: fn(&Scored) -> f64| of.map(get).filter(|value| !value.is_nan());
        let (now, before) = (row.now.as_ref(), row.before.as_ref());
        let score = number(now, |own| own.score);
        let previous_score = number(before, |own| own.score);
        let change = score.zip(previous_score).map(|(score, previous)| score - previous);
        let mut health = AccountHealth {
            account,
            membership: row.membership,
            segment: None,
            profile: None,
            score,
            band: now.and_then(|own| own.band),
            coverage: number(now, |own| own.coverage),
            churn_probability: number(now, |own| own.chance),
            previous_score,
            previous_band: before.and_then(|own| own.band),
            change,
            moved_by: None,
            previous,
            signals,
            row,
        };
        if let Some(change) = change.filter(|change| change.abs() > NO_CHANGE) {
            let along = |own: &HealthContribution<'_>| own.change.unwrap_or(0.0) * change.signum();
            // The first of equals.
            let most = health.contributions().reduce(|most, own| if along(&own) > along(&most) { own } else { most });
            health.moved_by = most.filter(|most| along(most) > 0.0).map(|most| most.signal);
        }
        health
    }

    /// Whether a signal is one of those by which it is scored.
    pub(super) fn asks(&self, signal: &HealthSignal) -> bool {
        let cells = self.row.now.as_ref().map_or(&[][..], |now| &now.cells);
        cells.iter().any(|cell| self.signals[cell.signal] == *signal)
    }

    /// What each signal does to the score: those of the profile in its order, then those of the profile of before, if that
    /// was another one.
    pub fn contributions(&self) -> impl Iterator<Item = HealthContribution<'a>> + use<'a> {
        let (now, before) = (self.row.now.as_ref(), self.row.before.as_ref());
        let cells = |of: Option<&'a Scored>| of.map_or(&[][..], |of| &of.cells);
        let find = move |of: &'a [Cell], signal| of.iter().find(|cell| cell.signal == signal);
        let places = cells(now).iter().map(|cell| cell.signal);
        let others =
            cells(before).iter().map(|cell| cell.signal).filter(move |&signal| find(cells(now), signal).is_none());
        let compared = now.is_some_and(|now| !now.score.is_nan()) && before.is_some_and(|own| !own.score.is_nan());
        let signals = self.signals;
        places.chain(others).map(move |signal| {
            let (own, then) = (find(cells(now), signal), find(cells(before), signal));
            let number = |of: Option<&Cell>, get: fn(&Cell) -> f64| of.map(get).filter(|value| !value.is_nan());
            let (points, previous_points) = (number(own, |cell| cell.points), number(then, |cell| cell.points));
            HealthContribution {
                signal: &signals[signal],
                value: number(own, |cell| cell.value),
                score: number(own, |cell| cell.score),
                points,
                previous_value: number(then, |cell| cell.value),
                previous_points,
                change: compared.then(|| points.unwrap_or(0.0) - previous_points.unwrap_or(0.0)),
            }
        })
    }

    /// One sentence: how it does, since when better or worse, and by what.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self.membership {
            Membership::Left => return "has left, and is not scored".to_owned(),
            Membership::Lapsed => return "has lapsed, and is not scored".to_owned(),
            _ => {}
        }
        let Some(score) = self.score else { return "nothing is observed of it".to_owned() };
        let band = self.band.map_or("too little observed", HealthBand::name);
        let mut sentence = format!("{band}: {score:.0} of 100");
        if let Some(chance) = self.churn_probability {
            sentence += &format!(", {:.1} % to leave", 100.0 * chance);
        }
        let value = |value: Option<f64>| value.map_or("not observed".to_owned(), short);
        match (self.change, self.previous) {
            (Some(change), Some(previous)) if change.abs() >= 0.5 => {
                let way = if change < 0.0 { "lower" } else { "higher" };
                sentence += &format!(", {:.0} {way} than on {previous}", change.abs());
                let moved = self.contributions().find(|own| Some(own.signal) == self.moved_by);
                if let Some(own) = moved {
                    let (then, now) = (value(own.previous_value), value(own.value));
                    sentence += &format!(", most by {} ({then}, now {now})", own.signal);
                }
            }
            (Some(_), Some(previous)) => sentence += &format!(", as on {previous}"),
            (None, Some(previous)) => sentence += &format!(", not scored on {previous}"),
            (_, None) => {}
        }
        let weight = |own: &HealthContribution<'_>| own.points.unwrap_or(0.0);
        let weakest = self.contributions().min_by(|one, other| weight(one).total_cmp(&weight(other)));
        if let Some(weakest) = weakest.filter(|own| weight(own) < 0.0 && Some(own.signal) != self.moved_by) {
            sentence += &format!("; weakest in {} ({})", weakest.signal, value(weakest.value));
        }
        sentence
    }
}

impl PointsCard {
    /// The points of an account, from the values of its signals; `None` where it is not scored, and where it was scored
    /// without asking for a signal of the card, as by other weights: not to have asked is not the same as not observed.
    #[must_use]
    pub fn total(&self, account: &AccountHealth<'_>) -> Option<u32> {
        account.score?;
        if !self.signals().iter().all(|own| account.asks(&own.signal)) {
            return None;
        }
        let value =
            |signal: &HealthSignal| account.contributions().find(|own| own.signal == signal).and_then(|own| own.value);
        Some(self.signals().iter().map(|own| own.points(value(&own.signal))).sum())
    }
}

/// A number with as many digits as one reads.
fn short(value: f64) -> String {
    let digits = if value.fract().abs() < 1e-9 || value.abs() >= 100.0 { 0 } else { 2 };
    format!("{value:.digits$}")
}
