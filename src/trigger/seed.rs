//! Where random draws begin.

use crate::frame::ids::Id;
use crate::portfolio::Account;
use crate::statistics::SplitMix64;

/// A seed for what is drawn about an account on a day: the same whatever other accounts there are, and in whatever order.
pub(super) fn seed(account: &Account<'_>) -> u64 {
    let id = match account.id() {
        Id::Int(id) => id.cast_unsigned(),
        Id::UInt(id) => id,
        // Fowler, Noll and Vo, 1a.
        Id::Str(id) => {
            id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        }
    };
    let day = i64::from(account.as_of().days_since_epoch()).cast_unsigned();
    SplitMix64::new(id).next() ^ SplitMix64::new(day).next().rotate_left(32)
}
