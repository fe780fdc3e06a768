//! Values in several currencies, and the rates between them.

use serde::{Deserialize, Serialize};

use super::cancellation::flaws;
use super::classes::held;
use super::records::ChurnRecords;
use crate::calendar::Date;
use crate::error::{Error, Result};

/// What one unit of a currency is worth in another, as given by whoever asks.
///
/// A rate holds from its day on until the next of the same currency; one without a day holds before all others. Of a
/// record it is the rate of its date that counts, so a sum over a year is not moved by what a currency does later.
///
/// # Example
///
/// ```
/// use attrition::{Cancellation, ChurnRecords, ExchangeRates, Taxonomy, date};
///
/// let lost = |customer, day, value, currency| {
///     Cancellation::new(customer, date(2026, 3, day), None).value(value).currency(currency)
/// };
/// let records = ChurnRecords::of(
///     [lost("acme", 1, 100.0, "EUR"), lost("brix", 2, 100.0, "USD"), lost("core", 9, 100.0, "USD")],
///     &Taxonomy::standard(),
/// )?;
/// assert!(records.currency().is_err());                            // euros and dollars are not to be added up
///
/// let rates = ExchangeRates::new("EUR").rate("USD", 0.9).rate_from("USD", date(2026, 3, 8), 0.8);
/// let in_euros = records.exchanged(&rates)?;
/// assert_eq!(in_euros.values(), [Some(100.0), Some(90.0), Some(80.0)]);
/// assert_eq!(in_euros.currency()?, Some("EUR"));
/// # Ok::<(), attrition::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExchangeRates {
    into: String,
    rates: Vec<(String, Option<Date>, f64)>,
}

impl ExchangeRates {
    /// Rates into a currency.
    #[must_use]
    pub fn new(into: impl Into<String>) -> Self {
        Self { into: into.into().to_ascii_uppercase(), rates: Vec::new() }
    }

    /// One unit of a currency is worth so much, on all days that have no rate of their own.
    #[must_use]
    pub fn rate(mut self, currency: impl Into<String>, worth: f64) -> Self {
        self.rates.push((currency.into().to_ascii_uppercase(), None, worth));
        self
    }

    /// One unit of a currency is worth so much from a day on.
    #[must_use]
    pub fn rate_from(mut self, currency: impl Into<String>, since: Date, worth: f64) -> Self {
        self.rates.push((currency.into().to_ascii_uppercase(), Some(since), worth));
        self
    }

    fn check(&self) -> Result<()> {
        if let Some(reason) = flaws::currency(&self.into) {
            return Err(Error::InvalidOption { option: "into", value: format!("{:?}", self.into), reason });
        }
        for (currency, _, worth) in &self.rates {
            if !(worth.is_finite() && *worth > 0.0) {
                let value = format!("{worth} for {currency}");
                let reason = "a unit of a currency is worth something; give a number above 0";
                return Err(Error::InvalidOption { option: "rate", value, reason });
            }
        }
        Ok(())
    }

    /// The rate of a day; the last one given counts where two are of the same day.
    fn on(&self, currency: &str, date: Date) -> Option<f64> {
        if currency == self.into {
            return Some(1.0);
        }
        let known =
            self.rates.iter().filter(|(of, since, _)| of == currency && since.is_none_or(|since| since <= date));
        known.max_by_key(|(_, since, _)| *since).map(|(_, _, worth)| *worth)
    }
}

/// # Currencies
impl ChurnRecords {
    /// The currency of all values; `None` where no value names one.
    ///
    /// Every sum of values asks this first, so that no two currencies are added up unseen.
    ///
    /// # Errors
    ///
    /// [`Error::Incompatible`], naming two, where values are in several currencies, or some in one and others in none.
    pub fn currency(&self) -> Result<Option<&str>> {
        let mut first: Option<Option<&str>> = None;
        for (row, value) in self.values().iter().enumerate() {
            let own = self.labels().currency.get(row);
            match first {
                _ if value.is_none() => {}
                None => first = Some(own),
                Some(first) if first == own => {}
                Some(first) => {
                    let named = |currency: Option<&str>| currency.unwrap_or("none").to_owned();
                    let way_out = "bring the values into one currency with ChurnRecords::exchanged";
                    let (left, right) = (named(first), named(own));
                    return Err(Error::Incompatible { what: "the currencies of values", left, right, way_out });
                }
            }
        }
        Ok(first.flatten())
    }

    /// The values that were lost in each currency, in the order of their names, without one first: the currency, how many
    /// records have a value in it, and their sum.
    #[must_use]
    pub fn value_by_currency(&self) -> Vec<(Option<&str>, u64, f64)> {
        let labels = &self.labels().currency;
        let mut sums = vec![(0, 0.0); labels.names().len() + 1];
        for (value, code) in self.values().iter().zip(labels.codes()) {
            if let Some(value) = value {
                let sum: &mut (u64, f64) = &mut sums[code.map_or(0, |code| code as usize + 1)];
                *sum = (sum.0 + 1, sum.1 + value);
            }
        }
        let names = std::iter::once(None).chain(labels.names().iter().map(|name| Some(name.as_str())));
        names.zip(sums).filter(|(_, (count, _))| *count > 0).map(|(name, (count, sum))| (name, count, sum)).collect()
    }

    /// The same records with their values in one currency, each at the rate of its own date.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a target that is no currency, for a rate that is not above 0, for a value whose
    /// currency has no rate on its date, and for one that names no currency; [`Error::Overflow`] for a value without end.
    pub fn exchanged(&self, rates: &ExchangeRates) -> Result<Self> {
        rates.check()?;
        let value = |row: usize| -> Result<Option<f64>> {
            let Some(value) = self.values()[row] else { return Ok(None) };
            let date = self.date(row);
            let currency = self.labels().currency.get(row);
            let rate = currency.and_then(|currency| rates.on(currency, date));
            let missing = || Error::InvalidOption {
                option: "exchange rates",
                value: format!("nothing for {} on {date}", currency.unwrap_or("values without a currency")),
                reason: "a value without a rate cannot be added to others; give the rate, or the currency",
            };
            held(value * rate.ok_or_else(missing)?).map(Some)
        };
        let values = (0..self.len()).map(value).collect::<Result<Vec<_>>>()?;
        Ok(self.with_values(values, &rates.into))
    }
}
