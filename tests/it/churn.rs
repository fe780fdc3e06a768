//! What tests of churn records share: folders that vanish, and records that say something in every field.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use attrition::{Cancellation, ChurnKind, Reason, WinBack};

use super::log::day;

/// A folder of its own for a test, gone at its end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("attrition-churn-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl AsRef<Path> for Scratch {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) const REASONS: [&str; 6] =
    ["price/too_expensive", "price", "product/missing_feature", "payment_failure/card_expired", "competitor", "other"];

/// A record that follows from two numbers. There is no quote within its texts: polars leaves doubled ones out when it
/// reads CSV, and how they are written is tested by hand. Some fields are there, some are not.
pub(crate) fn record(customer: i64, at: i32, seed: u64) -> Cancellation {
    let bit = |place: u32| seed >> place & 1 == 1;
    let pick = |place: u32| REASONS[(seed >> place) as usize % REASONS.len()];
    let stated = bit(0).then(|| Reason::from(pick(1)));
    let mut record = Cancellation::new(customer, day(at), stated);
    record.found = bit(4).then(|| Reason::from(pick(5)));
    record.kind = bit(8).then(|| if bit(9) { ChurnKind::Voluntary } else { ChurnKind::Involuntary });
    record.plan = bit(10).then(|| if bit(11) { "pro" } else { "free" }.to_owned());
    record.segment = bit(12).then(|| "large, old ones".to_owned());
    record.value = bit(13).then_some(0.1 * f64::from((seed >> 14) as u8));
    record.currency = bit(15).then(|| if bit(16) { "EUR" } else { "USD" }.to_owned());
    record.started_on = bit(17).then(|| day(at - (seed >> 18 & 1023) as i32));
    record.competitor = bit(19).then(|| "Rival".to_owned());
    record.comment = bit(20).then(|| if bit(21) { "too dear,\nthey said, 'ä'" } else { "" }.to_owned());
    record.decision_reason = bit(22).then(|| "the call".to_owned());
    record.recorded_by = bit(23).then(|| "ann".to_owned());
    record.win_back = bit(24).then(|| match seed >> 25 & 3 {
        0 => WinBack::InProgress,
        1 => WinBack::GivenUp,
        _ => WinBack::WonBack(day(at + (seed >> 27 & 63) as i32)),
    });
    if bit(33) {
        record = record.attribute("region", if bit(34) { "north" } else { "south" });
    }
    if bit(35) {
        record = record.attribute("attribute_x", "yes");
    }
    record
}
