//! Answers to surveys.

use std::cmp::Reverse;

use polars::prelude::DataFrame;

use super::Portfolio;
use super::columns::{columns, days, numbers};
use super::table::Table;
use crate::calendar::{Calendar, Date};
use crate::error::{Error, Result};
use crate::frame::ids::{Id, Ids};
use crate::frame::read;

columns! {
    /// The columns of a table of survey answers: one row an answer to "how likely are you to recommend us?", 0 to 10.
    ///
    /// | role | type of the column |
    /// | --- | --- |
    /// | account | as the portfolio's accounts: an integer for integers; a string, categorical or enum for text |
    /// | date | a `Date`, or a `Datetime`: an instant, UTC where it names no zone; a row without one is left out |
    /// | score | a whole number from 0 to 10; a row without one, which was asked and not answered, is left out |
    /// | respondent | an integer, string, categorical or enum; null where the answer is anonymous |
    AnswerColumns { account, date, score }
    /// The column with who answered. Without it, all answers are anonymous.
    respondent
}

/// An answer to a survey.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer<'a> {
    /// The day of the answer.
    pub date: Date,
    /// Who answered; `None` where it is anonymous.
    pub respondent: Option<Id<'a>>,
    /// From 0 to 10.
    pub score: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct AnswerRow {
    respondent: Option<u32>,
    score: u8,
}

#[derive(Clone, Debug)]
pub(crate) struct Answers {
    pub(super) table: Table<AnswerRow>,
    respondents: Option<Ids>,
}

impl Answers {
    fn read(frame: &DataFrame, columns: &AnswerColumns, calendar: &Calendar) -> Result<Self> {
        let date = days(frame, calendar, &columns.date, "date")?;
        let score = numbers(frame, Some(&columns.score), "score")?;
        let unusable =
            |row: &usize| score.get(*row).is_some_and(|score| !(0.0..=10.0).contains(&score) || score.fract() != 0.0);
        if let Some(row) = (0..frame.height()).find(unusable) {
            let (column, value) = (columns.score.clone(), score.get(row).unwrap_or_default().to_string());
            let reason = "is not a whole number from 0 to 10; answers on another scale have no agreed mapping to it";
            return Err(Error::InvalidValue { column, row: row as u64, value, reason });
        }
        let (respondents, respondent) = match &columns.respondent {
            None => (None, Vec::new()),
            Some(column) => {
                let id_type = read::id_type(frame.schema(), column, "respondent")?;
                let (ids, places) = read::distinct_ids(frame, column, id_type)?;
                (Some(ids), places)
            }
        };
        let table = Table::read(frame, &columns.account, |row| {
            let respondent = respondent.get(row).copied().flatten();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number from 0 to 10")]
            let score = score.get(row)? as u8;
            Some((date.get(row)?, AnswerRow { respondent, score }))
        })?;
        Ok(Self { table, respondents })
    }

    pub(crate) fn of(&self, account: usize, as_of: i32) -> impl ExactSizeIterator<Item = Answer<'_>> {
        let (dates, rows) = self.table.of(account, as_of);
        dates.iter().zip(rows).map(move |(&date, row)| Answer {
            date: Date::from_day(date),
            respondent: self.respondents.as_ref().zip(row.respondent).map(|(ids, place)| ids.get(place as usize)),
            score: row.score,
        })
    }
}

/// Of the answers of each respondent the latest, of two on one day the lower, and all anonymous ones.
pub(crate) fn latest<'a>(answers: impl Iterator<Item = Answer<'a>>) -> Vec<Answer<'a>> {
    let mut answers: Vec<Answer<'a>> = answers.collect();
    answers.sort_by_key(|answer| (answer.respondent, Reverse(answer.date), answer.score));
    answers.dedup_by(|earlier, latest| latest.respondent.is_some() && latest.respondent == earlier.respondent);
    answers
}

impl Portfolio {
    /// Adds answers to surveys; of a second table only its own rows are then known.
    ///
    /// # Errors
    ///
    /// As [`contacts`](Self::contacts); [`Error::InvalidValue`] for a score that is not a whole number from 0 to 10.
    pub fn answers(mut self, answers: &DataFrame, columns: &AnswerColumns) -> Result<Self> {
        self.tables.answers = Some(Answers::read(answers, columns, self.calendar())?);
        self.linked()
    }
}
