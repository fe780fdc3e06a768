//! What people answer when they are asked how likely they are to recommend the product.

use polars::prelude::DataFrame;

use super::Company;
use super::account::{Account, dated};
use super::cause::Cause;
use super::chance::{Topic, floor};
use super::people::User;
use crate::error::Result;
use crate::frame::write;

/// Days from one survey to the next.
const EVERY: usize = 91;
/// An account is asked when it has been there for so many days.
const SETTLED: i32 = 30;
/// The most people of an account who are asked.
const ASKED: usize = 6;
/// The share of those asked who answer: at least, and so much more at most.
const ANSWERS: (f64, f64) = (0.25, 0.4);
/// The mean score of accounts, and standard deviations between accounts, between their people and from time to time.
const SCORE: (f64, f64, f64, f64) = (7.8, 0.9, 0.8, 1.1);
/// Points lost at the full effect.
const LOST: f64 = 6.0;

struct Answer {
    account: i64,
    respondent: i64,
    day: i32,
    score: i64,
}

/// # What they say
impl Company {
    /// Answers to the question how likely one is to recommend the product. Every quarter up to six people of an account are
    /// asked, all on one day of the account's own; one to two in three do not answer.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | Int64 | the account |
    /// | `respondent` | Int64 | who answered, a `user` of [`events`](Self::events) |
    /// | `date` | Date | when |
    /// | `score` | Int64 | 0 to 10 |
    ///
    /// No column has nulls; whoever was asked and did not answer is not in it. Rows are in the order of accounts, dates and
    /// respondents.
    ///
    /// # Errors
    ///
    /// As [`contacts`](Self::contacts).
    pub fn answers(&self) -> Result<DataFrame> {
        let rows = self.rows("answers", 0.5, |account| self.answers_of(account))?;
        write::frame(vec![
            write::column("account", rows.iter().map(|row| row.account).collect::<Vec<_>>()),
            write::column("respondent", rows.iter().map(|row| row.respondent).collect::<Vec<_>>()),
            write::dates("date", rows.iter().map(|row| Some(dated(row.day))))?,
            write::column("score", rows.iter().map(|row| row.score).collect::<Vec<_>>()),
        ])
    }

    fn answers_of(&self, account: &Account) -> Vec<Answer> {
        let users = User::all(account, &self.options);
        let mut chance = account.chance(&self.options, Topic::Answers);
        let (mean, of_account, of_person, of_time) = SCORE;
        let usual = mean + of_account * chance.normal();
        let willing = ANSWERS.0 + ANSWERS.1 * chance.uniform();
        let first = self.observed_from().days_since_epoch() + chance.below(91);
        let scores = [(); ASKED].map(|()| usual + of_person * chance.normal());
        let mut answers = Vec::new();
        let days = account.days();
        for day in (first..days.end).step_by(EVERY).filter(|&day| day >= account.start + SETTLED) {
            let lost = account.strength(Cause::Dissatisfaction, day);
            for (place, score) in scores.iter().enumerate() {
                // Drawn whether there is somebody or not, so that one person's answers depend on no other's.
                let (share, off) = (chance.uniform(), of_time * chance.normal());
                if let Some(user) = users.get(place)
                    && user.is_there(day)
                    && share < willing * (1.0 - lost)
                {
                    let score = (score + off - LOST * lost).clamp(0.0, 10.0);
                    let score = i64::from(floor(score + 0.5));
                    answers.push(Answer { account: account.id(), respondent: user.id, day, score });
                }
            }
        }
        answers
    }
}
