//! One line of a taxonomy.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::reason::kind::ChurnKind;
use crate::reason::path::{MALFORMED, Reason};

/// One line of a [`Taxonomy`](super::Taxonomy): a category, a reason or a detail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaxonomyEntry {
    pub(super) reason: Reason,
    pub(super) name: String,
    #[serde(default)]
    pub(super) owner: Option<String>,
    #[serde(default)]
    pub(super) evidence: Option<String>,
    #[serde(default)]
    pub(super) kind: Option<ChurnKind>,
}

impl TaxonomyEntry {
    /// The line of a reason, with the name that people read.
    #[must_use]
    pub fn new(reason: impl Into<Reason>, name: impl Into<String>) -> Self {
        Self { reason: reason.into(), name: name.into(), owner: None, evidence: None, kind: None }
    }

    /// Sets who answers for it. Unless told, it is whoever answers for the line above.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Sets what has to be there before it is recorded as found. Unless told, it is what the line above asks for.
    #[must_use]
    pub fn evidence(mut self, evidence: impl Into<String>) -> Self {
        self.evidence = Some(evidence.into());
        self
    }

    /// Sets whether customers who leave for it decided to leave. Unless told, it is as in the line above, and of a
    /// category voluntary.
    #[must_use]
    pub fn kind(mut self, kind: ChurnKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// The reason, with its path.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The name that people read.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[cfg(feature = "sqlite")]
    pub(in crate::reason) fn parts(&self) -> (Option<&str>, Option<&str>, Option<ChurnKind>) {
        (self.owner.as_deref(), self.evidence.as_deref(), self.kind)
    }

    pub(super) fn check(&self) -> Result<()> {
        if !self.reason.is_well_formed() {
            return Err(refused(&self.reason, MALFORMED));
        }
        if self.name.trim().is_empty() {
            return Err(refused(&self.reason, "has no name; give it one that people can read"));
        }
        Ok(())
    }
}

pub(super) fn refused(reason: &Reason, why: &'static str) -> Error {
    Error::Taxonomy { entry: reason.to_string(), reason: why }
}
