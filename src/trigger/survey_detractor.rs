//! Answers to surveys that warn: low ones, falling ones, and none where there used to be.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::ranking::ranked;
use super::set::{Judge, Trigger};
use super::signal::{Severity, Signal};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::ids::Id;
use crate::portfolio::{Account, Answer, Snapshot, latest};

/// Answers that come within so many days belong to one survey.
const SURVEY: i32 = 30;
/// A shorter silence is no sign, however often an account answers.
const SHORTEST_SILENCE: i32 = 90;
/// A silence is one of so many times the usual interval.
const INTERVALS: f64 = 1.5;
const DETRACTOR: f64 = 6.0;
const FURIOUS: f64 = 3.0;

/// The score of an account whose people gave several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountScore {
    /// The mean of the latest answers of all respondents.
    Mean,
    /// The lowest of them.
    Worst,
    /// The last of them; of several on one day the lowest.
    Latest,
}

/// Whether the answers of an account to "how likely are you to recommend us?" warn.
///
/// ```text
/// counted   of each respondent the latest answer of the last 365 days; anonymous answers each by itself
/// score     the mean of these
/// level     the score, or the latest answer of a key contact, is at most 6          medium; high at most 3
/// fall      it lies 3 points or more below what it was                              medium
/// silence   no answer for more than 1.5 usual intervals and at least 90 days,       low
///           after answers to at least two surveys, while other customers were asked
/// ```
///
/// From 0 to 6 one is called a detractor. The score before is that of 30 days before the last answer: so long does it
/// take until the answers to one survey are in. A key contact, one who by the table of contacts is there, is compared
/// with their own answer before the latest. The usual interval is the median of the days between the beginnings of the
/// surveys that the account answered. That the survey went on is seen from a customer who answered more than 30 days
/// after the account did. Of two answers of one respondent on one day the lower counts.
///
/// `observed` is the score that is told, `expected` what it was before, and `statistic` the score, or the points by
/// which it fell; of a silence they are its days, the usual interval and their ratio. `since` is the day of the answer,
/// or the one after the last. Accounts are ranked by severity and then by their lowest score. All this is a rule and
/// has no p-value.
///
/// Not observed is `answers`, the table, and `history` for accounts that never answered. Where no answer counts any more,
/// and they were too few to call it a silence, it is quiet and nothing is `observed`: what was said more than 365 days ago
/// warns of nothing, and an alert that it raised can end. Whoever is asked and does not answer is not content for that.
///
/// # References
///
/// F. F. Reichheld (2003), "The one number you need to grow", Harvard Business Review 81(12), 46-54, for the level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SurveyDetractor {
    account_score: AccountScore,
    days: u32,
    fall: f64,
}

impl SurveyDetractor {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { account_score: AccountScore::Mean, days: 365, fall: 3.0 }
    }

    /// The score of an account with several respondents. [`AccountScore::Mean`] unless told: it rests on all, while the
    /// worst of many answers is low by chance alone, and the latest says who came last. Key contacts are looked at by
    /// themselves.
    #[must_use]
    pub fn account_score(mut self, account_score: AccountScore) -> Self {
        self.account_score = account_score;
        self
    }

    /// For how many days an answer counts. 365 unless told: many ask once a year.
    #[must_use]
    pub fn days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }

    /// The points that are a fall, more than 0 and at most 10. 3 unless told: less than that lies between two answers of
    /// people who have not changed their mind.
    #[must_use]
    pub fn fall(mut self, points: f64) -> Self {
        self.fall = points;
        self
    }
}

impl Default for SurveyDetractor {
    fn default() -> Self {
        Self::new()
    }
}

impl Trigger for SurveyDetractor {
    fn name(&self) -> &'static str {
        "survey_detractor"
    }

    fn judge<'a>(&'a self, portfolio: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        if self.days == 0 {
            let reason = "an answer counts for at least a day";
            return Err(Error::InvalidOption { option: "days", value: self.days.to_string(), reason });
        }
        if !(self.fall > 0.0 && self.fall <= 10.0) {
            let reason = "a fall has more than 0 points and at most the 10 of the scale";
            return Err(Error::InvalidOption { option: "fall", value: self.fall.to_string(), reason });
        }
        let last = |account: Account<'_>| Some((account.answers()?.last()?.date, account.number()));
        let mut lasts: Vec<(Date, usize)> = portfolio.judge(last).into_iter().flatten().collect();
        lasts.sort_unstable();
        let two = [lasts.pop(), lasts.pop()];
        Ok(Box::new(move |account| {
            let others = two.iter().flatten().find(|(_, number)| *number != account.number()).map(|&(date, _)| date);
            self.of(account, others)
        }))
    }
}

/// A score that may warn.
#[derive(Clone, Copy, Debug)]
struct Scored<'a> {
    score: f64,
    before: Option<f64>,
    date: Date,
    /// The key contact whose it is; that of the account if none.
    who: Option<(Id<'a>, Option<&'a str>)>,
}

impl Scored<'_> {
    fn fell(&self) -> f64 {
        self.before.map_or(0.0, |before| before - self.score)
    }

    fn sentence(&self) -> String {
        let before = self.before.map_or_else(String::new, |before| format!(", after {} before", points(before)));
        let (score, date) = (points(self.score), self.date);
        match self.who {
            Some((id, role)) => {
                let role = role.unwrap_or("key contact");
                format!("the {role} {id} gave {score} of 10 on {date}{before}: call them and ask what is wrong")
            }
            None => format!(
                "the answers come to {score} of 10{before}, the last on {date}: call them and ask what is wrong"
            ),
        }
    }
}

impl SurveyDetractor {
    /// `others` is the last day on which another customer answered.
    fn of(&self, account: &Account<'_>, others: Option<Date>) -> Signal {
        let Some(answers) = account.answers() else { return Signal::not_observed("answers") };
        let answers: Vec<Answer<'_>> = answers.collect();
        let Some(last) = answers.last().map(|answer| answer.date) else { return Signal::not_observed("history") };
        let scored = self.scored(account, &answers, last);
        let lowest = scored.iter().copied().min_by(|left, right| left.score.total_cmp(&right.score));
        if let Some(low) = lowest.filter(|lowest| lowest.score <= DETRACTOR) {
            let severity = if low.score <= FURIOUS { Severity::High } else { Severity::Medium };
            return told(Signal::fired(severity), Some(severity), &low).since(low.date).because(|| low.sentence());
        }
        let fallen = scored.iter().copied().max_by(|left, right| left.fell().total_cmp(&right.fell()));
        if let Some(fallen) = fallen.filter(|fallen| fallen.fell() >= self.fall) {
            let signal = told(Signal::fired(Severity::Medium), Some(Severity::Medium), &fallen);
            return signal.statistic(fallen.fell()).since(fallen.date).because(|| fallen.sentence());
        }
        if let Some(silence) = silence(&answers, account.as_of(), last, others) {
            return silence;
        }
        // What was said too long ago warns of nothing more.
        lowest.map_or_else(Signal::quiet, |lowest| told(Signal::quiet(), None, &lowest))
    }

    /// The score of the account, if it has one, and those of its key contacts.
    fn scored<'a>(&self, account: &Account<'a>, answers: &[Answer<'a>], last: Date) -> Vec<Scored<'a>> {
        let counted = self.counted(answers, account.as_of());
        let Some(score) = self.score(&counted) else { return Vec::new() };
        let before = self.score(&self.counted(answers, last - SURVEY));
        let mut scored = vec![Scored { score, before, date: last, who: None }];
        let contacts = account.contacts().into_iter().flatten();
        for contact in contacts.filter(|contact| contact.key && contact.until.is_none()) {
            let own = |answer: &&Answer<'_>| answer.respondent.is_some_and(|respondent| respondent.is(contact.person));
            let Some(answer) = counted.iter().find(own) else { continue };
            let earlier = answers.iter().filter(own).filter(|other| other.date < answer.date);
            let before = earlier.max_by_key(|other| (other.date, Reverse(other.score)));
            scored.push(Scored {
                score: f64::from(answer.score),
                before: before.map(|answer| f64::from(answer.score)),
                date: answer.date,
                who: Some((contact.person, contact.role)),
            });
        }
        scored
    }

    /// The answers that count at the end of a day: of each respondent the latest, and all anonymous ones.
    fn counted<'a>(&self, answers: &[Answer<'a>], to: Date) -> Vec<Answer<'a>> {
        let counts = |answer: &&Answer<'a>| answer.date <= to && i64::from(to - answer.date) < i64::from(self.days);
        latest(answers.iter().filter(counts).copied())
    }

    fn score(&self, counted: &[Answer<'_>]) -> Option<f64> {
        let scores = || counted.iter().map(|answer| f64::from(answer.score));
        match self.account_score {
            AccountScore::Mean => {
                let count = u32::try_from(counted.len()).ok().filter(|&count| count > 0)?;
                Some(scores().sum::<f64>() / f64::from(count))
            }
            AccountScore::Worst => scores().reduce(f64::min),
            AccountScore::Latest => counted
                .iter()
                .min_by_key(|answer| (Reverse(answer.date), answer.score))
                .map(|answer| f64::from(answer.score)),
        }
    }
}

/// What an account that used to answer says by its silence.
fn silence(answers: &[Answer<'_>], as_of: Date, last: Date, others: Option<Date>) -> Option<Signal> {
    let mut began: Vec<Date> = Vec::new();
    for answer in answers {
        if began.last().is_none_or(|&began| answer.date - began >= SURVEY) {
            began.push(answer.date);
        }
    }
    let mut intervals: Vec<i32> = began.windows(2).map(|pair| pair[1] - pair[0]).collect();
    intervals.sort_unstable();
    let (low, high) = (intervals.get(intervals.len().saturating_sub(1) / 2)?, intervals.get(intervals.len() / 2)?);
    let usual = f64::midpoint(f64::from(*low), f64::from(*high));
    let silent = as_of - last;
    let went_on = others.is_some_and(|others| others - last > SURVEY);
    if silent < SHORTEST_SILENCE || f64::from(silent) <= INTERVALS * usual || !went_on {
        return None;
    }
    let signal = Signal::fired(Severity::Low).observed(f64::from(silent)).expected(usual);
    let signal =
        signal.statistic(f64::from(silent) / usual).score(ranked(Some(Severity::Low), 1.0 - usual / f64::from(silent)));
    Some(signal.since(last + 1).because(|| {
        format!(
            "nobody has answered a survey for {silent} days, after one every {usual:.0} days, while others did: ask them in \
             person"
        )
    }))
}

fn told(signal: Signal, severity: Option<Severity>, scored: &Scored<'_>) -> Signal {
    let signal = signal.observed(scored.score).statistic(scored.score);
    let signal = signal.score(ranked(severity, 1.0 - scored.score / 10.0));
    if let Some(before) = scored.before { signal.expected(before) } else { signal }
}

/// A score as people write it.
fn points(score: f64) -> String {
    let text = format!("{score:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}
