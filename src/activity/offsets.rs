//! Where stretches of rows begin.

/// Ascending numbers, which take four bytes each until one needs eight.
///
/// The numbers alone decide which it is, so equal numbers are equal offsets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Offsets {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

impl Offsets {
    /// The offset 0 alone, with room for so many more.
    pub(crate) fn with_capacity(more: usize) -> Self {
        let mut offsets = Vec::with_capacity(more + 1);
        offsets.push(0);
        Self::Narrow(offsets)
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Narrow(offsets) => offsets.len(),
            Self::Wide(offsets) => offsets.len(),
        }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "rows are in memory, so a usize counts them")]
    pub(crate) fn get(&self, place: usize) -> usize {
        match self {
            Self::Narrow(offsets) => offsets[place] as usize,
            Self::Wide(offsets) => offsets[place] as usize,
        }
    }

    pub(crate) fn push(&mut self, offset: usize) {
        match self {
            Self::Wide(offsets) => offsets.push(offset as u64),
            Self::Narrow(offsets) => match u32::try_from(offset) {
                Ok(offset) => offsets.push(offset),
                Err(_) => {
                    let wide = offsets.iter().map(|&offset| u64::from(offset)).chain([offset as u64]);
                    *self = Self::Wide(wide.collect());
                }
            },
        }
    }

    /// How many of them lie below a number.
    pub(crate) fn below(&self, number: usize) -> usize {
        match self {
            Self::Narrow(offsets) => offsets.partition_point(|&offset| (offset as usize) < number),
            Self::Wide(offsets) => offsets.partition_point(|&offset| offset < number as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_the_same_in_either_width() {
        let most = u32::MAX as usize;
        let numbers = [7, most - 1, most, most + 1, most + 9, 1 << 40];
        let mut offsets = Offsets::with_capacity(2);
        for (count, &number) in (1..).zip(&numbers) {
            offsets.push(number);
            assert_eq!(matches!(offsets, Offsets::Wide(_)), number > most);
            let held: Vec<usize> = (0..offsets.len()).map(|place| offsets.get(place)).collect();
            let expected = [&[0], &numbers[..count]].concat();
            assert_eq!(held, expected);
            for asked in [0, 1, 7, 8, most - 1, most, most + 1, most + 2, 1 << 41] {
                assert_eq!(offsets.below(asked), expected.iter().filter(|&&held| held < asked).count());
            }
        }
    }
}
