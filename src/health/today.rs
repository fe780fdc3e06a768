//! Scores of a day for whoever asks about accounts one by one, and seldom for more than the score.

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::HealthBand;
use super::account::{AccountHealth, Row};
use super::measures::Told;
use super::options::HealthOptions;
use super::scoring::{Scored, Scorer, Segments};
use super::signal::HealthSignal;
use crate::activity::{SegmentColumns, labelled};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::ids::Ids;
use crate::frame::stored::{holds, stored};
use crate::portfolio::{Account, Membership, Portfolio, Snapshot, common_type};

/// Segments of accounts as a frame had them, for whatever portfolio is asked about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredLabels")]
pub(crate) struct Labels {
    accounts: Ids,
    names: Vec<String>,
    /// For each account the place of its name; those without a segment have the one after the last.
    of: Vec<usize>,
}

stored!(StoredLabels as Labels { accounts: Ids, names: Vec<String>, of: Vec<usize> });

impl Labels {
    pub(crate) fn new(frame: &DataFrame, columns: &SegmentColumns) -> Result<Self> {
        let (accounts, divided) = labelled(frame, columns)?;
        let names: Vec<String> = divided.iter().filter_map(|(name, _)| name.clone()).collect();
        let mut of = vec![names.len(); accounts.len()];
        for (place, (name, accounts)) in divided.iter().enumerate() {
            accounts.iter().filter(|_| name.is_some()).for_each(|&account| of[account] = place);
        }
        Ok(Self { accounts, names, of })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    fn check(&self) -> Result<(), String> {
        let known = self.of.iter().all(|&place| place <= self.names.len());
        holds(self.of.len() == self.accounts.len() && known, "each account has a known segment, or none")
    }

    fn segments(&self, portfolio: &Portfolio) -> Result<Segments> {
        if common_type(portfolio.ids(), &self.accounts).is_none() {
            return Err(Error::Incompatible {
                what: "the types of account",
                left: format!("{:?} in the portfolio", portfolio.ids().id_type()),
                right: format!("{:?} in the frame of segments", self.accounts.id_type()),
                way_out: "cast the account column of the frame to the type that it has in the log",
            });
        }
        let none = self.names.len();
        let of = portfolio.ids().iter().map(|id| self.accounts.position(id).map_or(none, |place| self.of[place]));
        Ok(Segments::Labels { of: of.collect(), names: self.names.iter().cloned().map(Some).chain([None]).collect() })
    }
}

/// The scores of the customers of a day, each worked out when it is asked for.
pub(crate) struct Scores<'a> {
    snapshot: &'a Snapshot<'a>,
    scorer: Scorer<'a>,
    signals: Vec<HealthSignal>,
    segments: Segments,
    told: Told,
    /// The day with which scores are compared.
    previous: Option<Date>,
    /// What triggers said on that day.
    told_before: Told,
}

impl<'a> Scores<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot<'a>, options: &'a HealthOptions, labels: Option<&Labels>) -> Result<Self> {
        let (scorer, portfolio) = (Scorer::new(options)?, snapshot.portfolio());
        let told = Told::new(portfolio, snapshot, scorer.signals.iter().copied())?;
        let segments = labels.map_or(Ok(Segments::Plan), |labels| labels.segments(portfolio))?;
        let signals = scorer.signals.iter().map(|&signal| signal.clone()).collect();
        let previous = options.previous(portfolio, snapshot.as_of());
        // Not once it is asked for: all threads ask at once, and one that works in parallel while others wait for it could
        // be handed the work of one that waits.
        let told_before = match previous.filter(|_| told.asks_triggers()) {
            Some(previous) => Told::new(portfolio, &portfolio.at(previous)?, scorer.signals.iter().copied())?,
            None => Told::default(),
        };
        Ok(Self { snapshot, scorer, signals, segments, told, previous, told_before })
    }

    /// What is found of a customer.
    pub(crate) fn of(&self, account: &Account<'_>) -> Scored {
        self.scorer.score(*account, &self.told, &self.segments)
    }

    /// One sentence about a customer, as [`AccountHealth::sentence`] has it.
    pub(crate) fn sentence(&self, account: &Account<'_>, now: Scored) -> String {
        let row = Row {
            membership: Membership::Customer,
            segment: None,
            now: Some(now),
            before: self.previous.and_then(|previous| self.before(account.number(), previous)),
        };
        AccountHealth::new(account.id(), &row, &self.signals, self.previous).sentence()
    }

    fn before(&self, number: usize, previous: Date) -> Option<Scored> {
        let portfolio = self.snapshot.portfolio();
        let account = Account::new(portfolio, number, previous.days_since_epoch());
        if account.membership() != Membership::Customer {
            return None;
        }
        Some(self.scorer.score(account, &self.told_before, &self.segments))
    }
}

impl Scored {
    /// Score and band; `None` where there is no band.
    pub(crate) fn found(&self) -> Option<(f64, HealthBand)> {
        self.band.map(|band| (self.score, band))
    }
}
