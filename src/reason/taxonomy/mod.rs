//! Which reasons there are: categories, reasons and details, as data that may change over time.

mod entry;
mod frame;
mod standard;

pub use entry::TaxonomyEntry;

use std::fmt;

use serde::{Deserialize, Serialize};

use entry::refused;

use super::kind::ChurnKind;
use super::path::{MALFORMED, Reason, ReasonLevel};
use crate::calendar::Date;
use crate::error::Result;
use crate::frame::stored::stored;

/// What is wrong with a reason that is not there.
pub(super) const UNKNOWN: &str = "is not in the taxonomy; add it there, or map it to a reason that is";

/// A reason that is called otherwise now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReasonChange {
    /// What it was called.
    pub from: Reason,
    /// What it is called since, or what it is part of.
    pub into: Reason,
    /// The day of the change.
    pub on: Date,
}

/// The reasons for which customers leave, in three levels, and how they changed over time.
///
/// It is data: [`standard`](Self::standard) is one to begin with, and a company has its own, from a frame or through
/// serde. Whoever renames or merges reasons rewrites no history: a record keeps the code with which it was recorded, and
/// [`current`](Self::current) says what that is now. A code that was given up does not come back with another meaning,
/// so that old records stay true; therefore there are no circles either.
///
/// # Example
///
/// ```
/// use attrition::{Reason, Taxonomy, TaxonomyEntry, date};
///
/// let mut taxonomy = Taxonomy::standard();
/// taxonomy.add(TaxonomyEntry::new("product/no_mobile_app", "No mobile app"))?;
/// assert_eq!(taxonomy.owner(&Reason::new("product", "no_mobile_app")), Some("Product"));
///
/// taxonomy.merge("product/no_mobile_app", "product/missing_feature", date(2026, 4, 1))?;
/// let now = taxonomy.current(&Reason::new("product", "no_mobile_app"));
/// assert_eq!(now, Some(&Reason::new("product", "missing_feature")));
/// assert!(taxonomy.add(TaxonomyEntry::new("product/no_mobile_app", "Mobile")).is_err());
/// # Ok::<(), attrition::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredTaxonomy")]
pub struct Taxonomy {
    /// In the order of their paths, so that a category stands before its reasons.
    entries: Vec<TaxonomyEntry>,
    /// In the order of their days; each code is given up once, and none of them is among the entries.
    #[serde(default)]
    changes: Vec<ReasonChange>,
}

stored!(StoredTaxonomy as Taxonomy { entries: Vec<TaxonomyEntry>, changes: Vec<ReasonChange> });

impl Taxonomy {
    /// The taxonomy of these lines, in any order.
    ///
    /// # Errors
    ///
    /// [`Error::Taxonomy`](crate::Error::Taxonomy), naming the line, for a code that is not of lower-case letters, digits and `_`, a line without
    /// a name, one that is there twice, and one whose category or reason is missing.
    pub fn new(entries: impl IntoIterator<Item = TaxonomyEntry>) -> Result<Self> {
        Self::with_changes(entries.into_iter().collect(), Vec::new())
    }

    /// The reasons that most companies tell apart, with who answers for each category and the evidence it asks for.
    ///
    /// Eight categories: product, service, price, marketing and sales, competitor, the customer's own change, failed
    /// payments, which are involuntary, and others. A lack of use and a champion who left are what is seen of other
    /// reasons, so the evidence for them asks for the reason behind.
    ///
    /// It is a beginning: a category that nobody can act on is not worth having.
    #[must_use]
    pub fn standard() -> Self {
        let mut entries = standard::entries();
        entries.sort_by(|left, right| left.reason.cmp(&right.reason));
        Self { entries, changes: Vec::new() }
    }

    pub(super) fn with_changes(mut entries: Vec<TaxonomyEntry>, changes: Vec<ReasonChange>) -> Result<Self> {
        entries.sort_by(|left, right| left.reason.cmp(&right.reason));
        let taxonomy = Self { entries, changes };
        taxonomy.validate()?;
        Ok(taxonomy)
    }

    fn check(&self) -> Result<(), String> {
        self.validate().map_err(|error| error.to_string())
    }

    fn validate(&self) -> Result<()> {
        self.entries.iter().try_for_each(TaxonomyEntry::check)?;
        for pair in self.entries.windows(2) {
            if pair[0].reason == pair[1].reason {
                return Err(refused(&pair[1].reason, "is there twice; keep one of the two lines"));
            }
            if pair[0].reason > pair[1].reason {
                return Err(refused(&pair[1].reason, "is not in the order of paths; build it with Taxonomy::new"));
            }
        }
        for entry in &self.entries {
            if entry.reason.parent().is_some_and(|parent| self.get(&parent).is_none()) {
                return Err(refused(&entry.reason, "hangs in the air; add the line that it belongs to"));
            }
        }
        for (place, change) in self.changes.iter().enumerate() {
            if self.get(&change.from).is_some() || self.changes[..place].iter().any(|other| other.from == change.from) {
                return Err(refused(&change.from, "was given up, so it cannot be there too; choose another code"));
            }
            if place > 0 && self.changes[place - 1].on > change.on {
                return Err(refused(
                    &change.from,
                    "was changed before what was changed before it; order changes by day",
                ));
            }
            // Later changes alone can lead on from here, so that no circle is followed for ever.
            let later = self.changes[place + 1..].iter().any(|later| later.from == change.into);
            if !later && self.get(&change.into).is_none() {
                return Err(refused(&change.into, "is what another reason became, and is not there; add it"));
            }
        }
        Ok(())
    }

    /// All lines, a category before its reasons and a reason before its details.
    #[must_use]
    pub fn entries(&self) -> &[TaxonomyEntry] {
        &self.entries
    }

    /// The lines of categories.
    pub fn categories(&self) -> impl Iterator<Item = &TaxonomyEntry> {
        self.entries.iter().filter(|entry| entry.reason.level() == ReasonLevel::Category)
    }

    /// What was renamed and merged, in order.
    #[must_use]
    pub fn changes(&self) -> &[ReasonChange] {
        &self.changes
    }

    /// The line of a reason as it is called now.
    #[must_use]
    pub fn get(&self, reason: &Reason) -> Option<&TaxonomyEntry> {
        let place = self.entries.binary_search_by(|entry| entry.reason.cmp(reason)).ok()?;
        Some(&self.entries[place])
    }

    /// The name that people read of a reason, or of what it is now.
    #[must_use]
    pub fn name(&self, reason: &Reason) -> Option<&str> {
        Some(self.get(self.current(reason)?)?.name())
    }

    /// Who answers for a reason, by its own line or one above.
    #[must_use]
    pub fn owner(&self, reason: &Reason) -> Option<&str> {
        self.inherited(reason, |entry| entry.owner.as_deref())
    }

    /// The evidence that a reason asks for, by its own line or one above.
    #[must_use]
    pub fn evidence(&self, reason: &Reason) -> Option<&str> {
        self.inherited(reason, |entry| entry.evidence.as_deref())
    }

    /// Whether customers who leave for a reason decided to leave, by its own line or one above, and voluntary where none
    /// says so; `None` of a reason that is not there.
    #[must_use]
    pub fn kind(&self, reason: &Reason) -> Option<ChurnKind> {
        self.current(reason)?;
        Some(self.inherited(reason, |entry| entry.kind).unwrap_or(ChurnKind::Voluntary))
    }

    fn inherited<'a, T>(&'a self, reason: &Reason, of: impl Fn(&'a TaxonomyEntry) -> Option<T>) -> Option<T> {
        let mut at = self.current(reason).cloned();
        while let Some(reason) = at {
            if let Some(found) = self.get(&reason).and_then(&of) {
                return Some(found);
            }
            at = reason.parent();
        }
        None
    }

    /// What a reason is called now, however often it was renamed or merged since; `None` if there was never such a one.
    #[must_use]
    pub fn current(&self, reason: &Reason) -> Option<&Reason> {
        if let Some(entry) = self.get(reason) {
            return Some(&entry.reason);
        }
        let first = self.changes.iter().position(|change| change.from == *reason)?;
        // What it became was given up by a later change or not at all.
        let mut at = &self.changes[first].into;
        for change in &self.changes[first + 1..] {
            if change.from == *at {
                at = &change.into;
            }
        }
        self.get(at).map(TaxonomyEntry::reason)
    }

    /// What is wrong with a reason that is to be recorded.
    pub(super) fn flaw(&self, reason: &Reason) -> Option<&'static str> {
        if !reason.is_well_formed() {
            return Some(MALFORMED);
        }
        self.current(reason).is_none().then_some(UNKNOWN)
    }

    /// Adds a line.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); [`Error::Taxonomy`](crate::Error::Taxonomy) for a code that was given up.
    pub fn add(&mut self, entry: TaxonomyEntry) -> Result<()> {
        self.try_change(|taxonomy| {
            taxonomy.entries.push(entry);
            Ok(())
        })
    }

    /// Puts another line in the place of that of the same reason: another name, owner, evidence or kind.
    ///
    /// # Errors
    ///
    /// [`Error::Taxonomy`](crate::Error::Taxonomy) if the reason is not there, or the line has no name.
    pub fn replace(&mut self, entry: TaxonomyEntry) -> Result<()> {
        self.try_change(|taxonomy| {
            let place = taxonomy.place(&entry.reason)?;
            taxonomy.entries[place] = entry;
            Ok(())
        })
    }

    /// Gives a reason, and all below it, another code from a day on. Records keep the old one.
    ///
    /// # Errors
    ///
    /// [`Error::Taxonomy`](crate::Error::Taxonomy) if the old code is not there, or the new one is or was; if the level is another, or the line
    /// above it is missing; if an earlier change has a later day.
    pub fn rename(&mut self, old: impl Into<Reason>, new: impl Into<Reason>, on: Date) -> Result<()> {
        let (old, new) = (old.into(), new.into());
        self.try_change(|taxonomy| {
            taxonomy.place(&old)?;
            if taxonomy.current(&new).is_some() {
                return Err(refused(&new, "is or was a reason already; merge into it, or choose another code"));
            }
            if old.level() != new.level() {
                return Err(refused(
                    &new,
                    "is of another level than the old code; merge the one into the other instead",
                ));
            }
            for entry in &mut taxonomy.entries {
                if let Some(rest) = entry.reason.rest(&old) {
                    let into = new.followed_by(rest);
                    taxonomy.changes.push(ReasonChange { from: entry.reason.clone(), into: into.clone(), on });
                    entry.reason = into;
                }
            }
            Ok(())
        })
    }

    /// Makes a reason part of another from a day on. What lies below it becomes what has the same code below the other,
    /// or else the other itself. Records keep the old code.
    ///
    /// # Errors
    ///
    /// [`Error::Taxonomy`](crate::Error::Taxonomy) if one of the two is not there, or the other lies within the one; if an earlier change has a
    /// later day.
    pub fn merge(&mut self, from: impl Into<Reason>, into: impl Into<Reason>, on: Date) -> Result<()> {
        let (from, into) = (from.into(), into.into());
        self.try_change(|taxonomy| {
            taxonomy.place(&from)?;
            taxonomy.place(&into)?;
            if into.is_within(&from) {
                return Err(refused(&into, "lies within what would be given up for it; merge the other way round"));
            }
            let (given_up, kept): (Vec<_>, Vec<_>) =
                taxonomy.entries.drain(..).partition(|entry| entry.reason.is_within(&from));
            taxonomy.entries = kept;
            for entry in given_up {
                let alike = into.followed_by(entry.reason.rest(&from).unwrap_or_default());
                let target = if taxonomy.get(&alike).is_some() { alike } else { into.clone() };
                taxonomy.changes.push(ReasonChange { from: entry.reason, into: target, on });
            }
            Ok(())
        })
    }

    fn place(&self, reason: &Reason) -> Result<usize> {
        self.entries.binary_search_by(|entry| entry.reason.cmp(reason)).map_err(|_place| refused(reason, UNKNOWN))
    }

    /// A change that leaves everything as it was where it fails.
    fn try_change(&mut self, change: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let mut changed = self.clone();
        change(&mut changed)?;
        *self = Self::with_changes(changed.entries, changed.changes)?;
        Ok(())
    }
}

impl fmt::Display for Taxonomy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = |category: &Reason, level| {
            self.entries
                .iter()
                .filter(|entry| entry.reason.level() == level && entry.reason.is_within(category))
                .count()
        };
        writeln!(f, "{:<28} {:>8} {:>8}  owner", "category", "reasons", "details")?;
        for category in self.categories() {
            writeln!(
                f,
                "{:<28} {:>8} {:>8}  {}",
                category.name,
                within(&category.reason, ReasonLevel::Reason),
                within(&category.reason, ReasonLevel::Detail),
                category.owner.as_deref().unwrap_or("-")
            )?;
        }
        write!(f, "{} reasons were renamed or merged", self.changes.len())
    }
}
