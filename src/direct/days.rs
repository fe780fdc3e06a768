//! Active days as bits.

/// Active days as bits, counted from the first day of the windows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Days<'a>(pub(super) &'a [u64]);

impl Days<'_> {
    /// The first and the last.
    pub(super) fn ends(self) -> Option<(i32, i32)> {
        let word = |place: usize| i32::try_from(place * 64).unwrap_or(i32::MAX);
        let (first, last) = (self.0.iter().position(|word| *word > 0)?, self.0.iter().rposition(|word| *word > 0)?);
        let from = word(first) + self.0[first].trailing_zeros().cast_signed();
        Some((from, word(last) + 63 - self.0[last].leading_zeros().cast_signed()))
    }

    /// How many there are before a day, and from it on.
    pub(super) fn counts(self, split: usize) -> [u32; 2] {
        let (mut counts, mut left) = ([0; 2], split);
        for word in self.0 {
            let before = if left < 64 { word & !(u64::MAX << left) } else { *word };
            counts[0] += before.count_ones();
            counts[1] += (word & !before).count_ones();
            left = left.saturating_sub(64);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_bits() {
        let days = Days(&[1 << 63, 0b101, 0]);
        assert_eq!(days.ends(), Some((63, 66)));
        assert_eq!([0, 63, 64, 65, 66, 67, 130].map(|split| days.counts(split)[0]), [0, 0, 1, 2, 2, 3, 3]);
        assert_eq!(days.counts(66), [2, 1]);
        assert_eq!((Days(&[0, 0]).ends(), Days(&[]).ends()), (None, None));
        assert_eq!(Days(&[1]).ends(), Some((0, 0)));
    }
}
