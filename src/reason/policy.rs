//! What becomes of rows that an import cannot use.

use serde::{Deserialize, Serialize};

/// What an import does with rows that it cannot use, and with those that contradict what is there.
///
/// A row contradicts a record of the same customer and date if any field that it names differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportPolicy {
    pub(super) keep_good: bool,
    pub(super) correct_by: Option<String>,
}

impl ImportPolicy {
    /// One bad row, and nothing is taken in: the default, since a table that is half there is mistaken for a whole one.
    #[must_use]
    pub fn all_or_nothing() -> Self {
        Self { keep_good: false, correct_by: None }
    }

    /// Bad rows are left out and reported.
    #[must_use]
    pub fn keep_good() -> Self {
        Self { keep_good: true, correct_by: None }
    }

    /// A row that contradicts a record of the database corrects it, and the history says that this one did. Unless told,
    /// such a row is a bad one.
    #[must_use]
    pub fn correct_by(mut self, who: impl Into<String>) -> Self {
        self.correct_by = Some(who.into());
        self
    }
}

impl Default for ImportPolicy {
    fn default() -> Self {
        Self::all_or_nothing()
    }
}
