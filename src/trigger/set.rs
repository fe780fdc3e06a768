//! Which triggers are asked, and when their tests are believed.

use std::fmt;
use std::sync::Arc;

use super::signal::{MOST_LEVEL, Signal};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::portfolio::{Account, Snapshot};
use crate::statistics::Correction;

/// What a trigger says of an account, once it has learnt what it needs from the portfolio.
pub type Judge<'a> = Box<dyn Fn(&Account<'_>) -> Signal + Send + Sync + 'a>;

/// A sign that precedes churn.
///
/// The triggers of this crate are values that implement it, and so can yours. An account is seen only as it was known on
/// the day, so a trigger cannot look into the future; nor may it keep anything of one day for another.
///
/// # Example
///
/// ```
/// use attrition::{Account, Judge, Result, Severity, Signal, Snapshot, Trigger};
///
/// /// A customer without a key contact has nobody who would miss us.
/// #[derive(Debug)]
/// struct NoKeyContact;
///
/// impl Trigger for NoKeyContact {
///     fn name(&self) -> &str {
///         "no_key_contact"
///     }
///
///     fn judge<'a>(&'a self, _: &'a Snapshot<'_>) -> Result<Judge<'a>> {
///         Ok(Box::new(|account: &Account<'_>| {
///             let Some(mut contacts) = account.contacts() else { return Signal::not_observed("contacts") };
///             if contacts.any(|contact| contact.key && contact.until.is_none()) {
///                 return Signal::quiet();
///             }
///             Signal::fired(Severity::Low).because(|| "nobody is named whom to call: ask who leads it".into())
///         }))
///     }
/// }
/// ```
pub trait Trigger: fmt::Debug + Send + Sync {
    /// The name under which its findings stand: lower case with underscores, and its own within a set.
    fn name(&self) -> &str;

    /// Learns from the portfolio, as it was known on the day, what is needed to judge its customers one by one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] where an option makes no sense.
    fn judge<'a>(&'a self, portfolio: &'a Snapshot<'_>) -> Result<Judge<'a>>;

    /// The day up to which it knows what became of accounts, where it learnt from their past: what it says of earlier days it
    /// says in hindsight, and a back-test tells so. `None` unless told, as for every trigger that learns on the day what it
    /// needs.
    fn knows_until(&self) -> Option<Date> {
        None
    }
}

/// The triggers that are asked together, and how their tests are corrected for being many.
///
/// A test of every customer is many tests, and at a level of 0.05 one in twenty would fire if nothing at all were wrong. So
/// the p-values of a trigger on a day are corrected together: by default after Benjamini and Hochberg at a level of 0.05, so
/// that of the tests of a trigger that fire on a day no more than one in twenty, on average, is about an account that did not
/// change; an effect too small to matter counts there as a p-value of 1. Each trigger is a family of its own: one that finds nothing does not silence another, and one that finds much
/// does not lend it credit. That an account changed does not mean that it leaves: what that is worth is for the
/// [back-test](crate::Portfolio::back_test) to say. Rules, which have no p-value, are not corrected.
#[derive(Clone, Debug)]
pub struct TriggerSet {
    pub(super) triggers: Vec<Arc<dyn Trigger>>,
    pub(super) correction: Correction,
    pub(super) level: f64,
}

impl TriggerSet {
    /// No trigger yet.
    #[must_use]
    pub fn new() -> Self {
        Self { triggers: Vec::new(), correction: Correction::BenjaminiHochberg, level: 0.05 }
    }

    /// Adds a trigger; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, trigger: impl Trigger + 'static) -> Self {
        let trigger: Arc<dyn Trigger> = Arc::new(trigger);
        match self.triggers.iter_mut().find(|other| other.name() == trigger.name()) {
            Some(other) => *other = trigger,
            None => self.triggers.push(trigger),
        }
        self
    }

    /// Takes a trigger out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.triggers.retain(|trigger| trigger.name() != name);
        self
    }

    /// The triggers with these names alone.
    pub(crate) fn only(mut self, names: &[String]) -> Result<Self> {
        if let Some(name) = names.iter().find(|&name| !self.names().any(|other| other == name)) {
            let reason = "is not the name of a trigger of TriggerSet::standard()";
            return Err(Error::InvalidOption { option: "signal", value: name.clone(), reason });
        }
        self.triggers.retain(|trigger| names.iter().any(|name| name == trigger.name()));
        Ok(self)
    }

    /// How the p-values of a trigger on a day are corrected for their number. [`Correction::BenjaminiHochberg`] unless told: a
    /// list to be worked through may hold a few false findings, but one should know how many.
    #[must_use]
    pub fn correction(mut self, correction: Correction) -> Self {
        self.correction = correction;
        self
    }

    /// The largest corrected p-value at which a test fires: 0.05 unless told; at most 0.2.
    #[must_use]
    pub fn level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// The names of the triggers, in the order in which they were added.
    #[must_use]
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.triggers.iter().map(|trigger| trigger.name())
    }

    /// The triggers that know what became of accounts after some of these dates, and after how many.
    pub(super) fn in_hindsight(&self, dates: &[Date]) -> Vec<(String, usize)> {
        let count = |until: Date| dates.iter().filter(|&&date| date < until).count();
        let of = |trigger: &Arc<dyn Trigger>| Some((trigger.name().to_owned(), count(trigger.knows_until()?)));
        self.triggers.iter().filter_map(of).filter(|&(_, count)| count > 0).collect()
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(self.level > 0.0 && self.level <= MOST_LEVEL) {
            let reason = "lies above 0 and at most at 0.2: a list of which more is false is not worth working";
            return Err(Error::InvalidOption { option: "level", value: self.level.to_string(), reason });
        }
        if self.triggers.is_empty() {
            let reason = "no trigger is asked; begin with TriggerSet::standard()";
            return Err(Error::InvalidOption { option: "triggers", value: "[]".to_owned(), reason });
        }
        Ok(())
    }
}

impl Default for TriggerSet {
    fn default() -> Self {
        Self::standard()
    }
}
