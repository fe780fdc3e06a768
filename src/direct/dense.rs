//! Places in an array for ids that are small numbers, or lie close together.

use std::thread;

/// Bytes that the arrays of one processor may take.
const BYTES: u64 = 1 << 26;
/// Or so many for each row of the log, on all processors together, where that is more.
const BYTES_A_ROW: u64 = 8;

/// From the keys of ids to places, and back. Places order as the ids do, but for strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dense {
    /// The key at place 0.
    base: u64,
    /// The number of places that there are to be.
    expected: usize,
    /// The number of places that there may be.
    most: usize,
}

impl Dense {
    /// Places of so many bytes for keys between these, as far as that is known, of a log with so many rows; `None` if
    /// they lie too far apart.
    pub(super) fn new(keys: Option<(u64, u64)>, bytes: usize, rows: u64) -> Option<Self> {
        let workers = thread::available_parallelism().map_or(1, usize::from) as u64;
        let most = BYTES.max(rows.saturating_mul(BYTES_A_ROW) / workers) / bytes.max(1) as u64;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let Some((least, greatest)) = keys else { return Some(Self { base: 0, expected: 0, most }) };
        let expected = usize::try_from(greatest.wrapping_sub(least)).ok()?.checked_add(1)?;
        (expected <= most).then_some(Self { base: least, expected, most })
    }

    pub(super) fn expected(self) -> usize {
        self.expected
    }

    /// The place of a key. There may be no room for it.
    #[inline]
    pub(super) fn place(self, key: u64) -> usize {
        usize::try_from(key.wrapping_sub(self.base)).unwrap_or(usize::MAX)
    }

    /// The key at a place.
    #[inline]
    pub(super) fn key(self, place: usize) -> u64 {
        self.base.wrapping_add(place as u64)
    }

    /// Makes room for a place; or says that it is too far out.
    #[must_use]
    pub(super) fn make_room<T: Clone>(self, places: &mut Vec<T>, place: usize, empty: T) -> bool {
        let fits = place < self.most;
        if fits && place >= places.len() {
            places.resize((place + 1).max(2 * places.len()).min(self.most), empty);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_the_least_key() {
        let minus_three = (-3_i64).cast_unsigned();
        let dense = Dense::new(Some((minus_three, 4)), 8, 0).unwrap();
        assert_eq!(dense.expected(), 8);
        assert_eq!([minus_three, 0, 4].map(|key| dense.place(key)), [0, 3, 7]);
        assert_eq!((dense.key(0), dense.key(7)), (minus_three, 4));
        assert!(dense.place(minus_three - 1) > 1 << 60);
        let far = 1 << 50;
        assert_eq!(Dense::new(Some((far, far + 9)), 8, 0).map(|dense| dense.place(far + 9)), Some(9));
        assert_eq!(Dense::new(Some((0, far)), 8, 0), None);
        assert_eq!(Dense::new(Some((0, u64::MAX)), 8, 0), None);
    }

    #[test]
    fn room_is_made_up_to_a_limit() {
        let dense = Dense::new(None, 1 << 16, 0).unwrap();
        let mut places = vec![0_u8; dense.expected()];
        assert!(dense.make_room(&mut places, 5, 7));
        assert_eq!(places, [7; 6]);
        assert!(dense.make_room(&mut places, 6, 8));
        assert_eq!(places, [7, 7, 7, 7, 7, 7, 8, 8, 8, 8, 8, 8]);
        assert!(dense.make_room(&mut places, 1_023, 9) && !dense.make_room(&mut places, 1_024, 9));
        assert_eq!(places.len(), 1_024);
        assert!(!dense.make_room(&mut places, usize::MAX, 9));
    }
}
