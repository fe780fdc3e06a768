//! Places in an array for ids that are small numbers, or lie close together.

use std::thread;

/// Bytes that arrays may take on all processors together.
const BYTES: u64 = 1 << 26;
/// Or so many for each row of the log, where that is more.
const BYTES_A_ROW: u64 = 8;
/// Bytes that they may take on one processor, however many there are.
const LEAST_BYTES: u64 = 1 << 22;

/// Integers that are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyRange {
    /// The key of the least.
    pub(super) least: u64,
    /// How far above it the greatest lies.
    pub(super) span: u64,
    /// How far above it the last key lies that there can be: what comes after that would be a lesser one.
    pub(super) above: u64,
}

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
    /// Places of so many bytes for keys within these, as far as that is known, of a log with so many rows; `None` if
    /// they lie too far apart.
    pub(super) fn new(keys: Option<KeyRange>, bytes: usize, rows: u64) -> Option<Self> {
        let workers = thread::available_parallelism().map_or(1, usize::from) as u64;
        let all = BYTES.max(rows.saturating_mul(BYTES_A_ROW));
        let most = (all / workers).max(LEAST_BYTES) / bytes.max(1) as u64;
        let places = |places: u64| usize::try_from(places).unwrap_or(usize::MAX);
        let Some(KeyRange { least, span, above }) = keys else {
            return Some(Self { base: 0, expected: 0, most: places(most) });
        };
        let most = places(most.min(above.saturating_add(1)));
        let expected = places(span).checked_add(1)?;
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
        let range = |least: u64, span: u64| Some(KeyRange { least, span, above: u64::MAX - least });
        let signed = KeyRange { least: minus_three, span: 7, above: i64::MAX.cast_unsigned() + 3 };
        let dense = Dense::new(Some(signed), 8, 0).unwrap();
        assert_eq!(dense.expected(), 8);
        assert_eq!([minus_three, 0, 4].map(|key| dense.place(key)), [0, 3, 7]);
        assert_eq!((dense.key(0), dense.key(7)), (minus_three, 4));
        assert!(dense.place(minus_three - 1) > 1 << 60);
        let far = 1 << 50;
        assert_eq!(Dense::new(range(far, 9), 8, 0).map(|dense| dense.place(far + 9)), Some(9));
        assert_eq!(Dense::new(range(0, far), 8, 0), None);
        assert_eq!(Dense::new(range(0, u64::MAX), 8, 0), None);
        // What a file tells wrongly does not lead beyond the last key and on to the first.
        let dense = Dense::new(range(u64::MAX - 5, 5), 8, 0).unwrap();
        assert!(!dense.make_room(&mut vec![0_u8; 6], dense.place(3), 0));
    }

    #[test]
    fn room_is_made_up_to_a_limit() {
        let dense = Dense::new(None, 1 << 16, 0).unwrap();
        let mut places = vec![0_u8; dense.expected()];
        assert!(dense.make_room(&mut places, 5, 7));
        assert_eq!(places, [7; 6]);
        assert!(dense.make_room(&mut places, 6, 8));
        assert_eq!(places, [7, 7, 7, 7, 7, 7, 8, 8, 8, 8, 8, 8]);
        let most = dense.most;
        assert!(dense.make_room(&mut places, most - 1, 9) && !dense.make_room(&mut places, most, 9));
        assert_eq!(places.len(), most);
        assert!(!dense.make_room(&mut places, usize::MAX, 9));
    }
}
