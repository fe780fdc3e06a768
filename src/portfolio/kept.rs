//! What was worked out of accounts for one date and holds for others, kept while these are looked at.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::calendar::Date;

/// By the number of the account.
pub(crate) type Column<T> = Arc<Vec<OnceLock<T>>>;

/// The day up to which it was worked out, what it is, and two numbers on which it depends.
type Key = (Date, TypeId, (u32, u32));

/// Columns of what depends on an account, a day and some numbers, and not on the date for which it is asked.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<BTreeMap<Key, Arc<dyn Any + Send + Sync>>>);

impl Kept {
    /// Forgets what ends before a day.
    pub(crate) fn forget_before(&self, day: Date) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|&(end, ..), _| end >= day);
    }

    pub(super) fn column<T: Send + Sync + 'static>(&self, end: Date, of: (u32, u32), accounts: usize) -> Column<T> {
        let mut columns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = columns.get(&(end, TypeId::of::<T>(), of)).cloned();
        // The type is part of the key, so that what is found is of it.
        if let Some(column) = known.and_then(|column| column.downcast::<Vec<OnceLock<T>>>().ok()) {
            return column;
        }
        let column: Column<T> = Arc::new((0..accounts).map(|_| OnceLock::new()).collect());
        columns.insert((end, TypeId::of::<T>(), of), column.clone());
        column
    }
}
