//! Records sorted by their reasons down to a level.

use serde::{Deserialize, Serialize};

use super::path::{Reason, ReasonLevel};
use super::records::{ChurnRecords, ReasonAxis};
use crate::error::{Error, Result};
use crate::print::counted;

/// Which reason of a record counts, and how far down its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct View {
    pub(super) axis: ReasonAxis,
    pub(super) level: ReasonLevel,
}

impl Default for View {
    fn default() -> Self {
        Self { axis: ReasonAxis::FoundElseStated, level: ReasonLevel::Reason }
    }
}

/// Setters of the view that an analysis has of reasons.
macro_rules! view {
    ($options:ty) => {
        impl $options {
            /// Which of the two reasons counts. The default is the reason as found, and as stated where nobody has looked
            /// into it: the best that is known of each record.
            #[must_use]
            pub fn axis(mut self, axis: $crate::reason::ReasonAxis) -> Self {
                self.view.axis = axis;
                self
            }

            /// How far down the path of a reason to look. The default is [`ReasonLevel::Reason`](crate::ReasonLevel): a
            /// category is seldom something to act upon, and details are few each. A record whose reason does not reach so
            /// far stands under what it has.
            #[must_use]
            pub fn level(mut self, level: $crate::reason::ReasonLevel) -> Self {
                self.view.level = level;
                self
            }
        }
    };
}
pub(super) use view;

/// The reasons at a level that some record has, in order, and for each record the place of its own.
#[derive(Debug)]
pub(super) struct Classes {
    pub(super) reasons: Vec<Reason>,
    pub(super) of: Vec<Option<u32>>,
}

impl ChurnRecords {
    pub(super) fn classes(&self, view: View) -> Classes {
        let distinct = self.distinct_reasons();
        let mut used = vec![false; distinct.len()];
        let mut of: Vec<Option<u32>> = (0..self.len()).map(|row| self.reason_code(row, view.axis)).collect();
        of.iter().flatten().for_each(|&code| used[code as usize] = true);
        let (mut reasons, mut place): (Vec<Reason>, _) = (Vec::new(), vec![0_u32; distinct.len()]);
        let mut cut: Vec<(Reason, usize)> =
            (0..distinct.len()).filter(|&code| used[code]).map(|code| (distinct[code].at(view.level), code)).collect();
        cut.sort();
        for (reason, code) in cut {
            if reasons.last() != Some(&reason) {
                reasons.push(reason);
            }
            // No more than there are codes, which are u32.
            place[code] = u32::try_from(reasons.len() - 1).unwrap_or(u32::MAX);
        }
        of.iter_mut().flatten().for_each(|code| *code = place[*code as usize]);
        Classes { reasons, of }
    }

    /// What people call a reason.
    pub(super) fn name_of(&self, reason: &Reason) -> String {
        self.taxonomy().name(reason).map_or_else(|| reason.to_string(), str::to_owned)
    }

    /// The currency of the values where they can be added up; the inner one is `None` where no value names one.
    pub(super) fn one_currency(&self) -> Option<Option<String>> {
        self.currency().ok().map(|currency| currency.map(str::to_owned))
    }
}

/// A sum of values, unless no float can hold it.
pub(super) fn held(sum: f64) -> Result<f64> {
    let way_out = "give values of this size in thousands";
    // Nothing added up is a zero with a sign, which is told without it.
    if sum.is_finite() { Ok(sum + 0.0) } else { Err(Error::Overflow { what: "the values of cancellations", way_out }) }
}

/// As much of a name as a column has room for.
pub(super) fn cut(name: &str, room: usize) -> String {
    if name.chars().count() <= room { name.to_owned() } else { name.chars().take(room - 1).chain(['…']).collect() }
}

/// What a table of values says of those that it does not know.
pub(super) fn unvalued(f: &mut std::fmt::Formatter<'_>, count: u64) -> std::fmt::Result {
    if count > 0 {
        write!(f, "\n  of {} the value is not known, and in no sum", counted(count, "cancellation"))
    } else {
        Ok(())
    }
}

/// A sum of money in print.
pub(super) fn money(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0}"))
}
