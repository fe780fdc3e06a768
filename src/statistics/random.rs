//! Random numbers that are the same on every run.

/// A generator of random numbers in eight bytes, good enough for permutations and resampling.
///
/// # References
///
/// G. L. Steele, D. Lea and C. H. Flood (2014), "Fast splittable pseudorandom number generators", OOPSLA, 453-472.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to one less than `end`; 0 if that is 0. No number is more likely than another by more than `end` in 2^32.
    pub(crate) const fn below(&mut self, end: u32) -> u32 {
        (((self.next() >> 32) * end as u64) >> 32) as u32
    }

    /// From 0 up to, but without, 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        f64::from((self.next() >> 32) as u32) / 4_294_967_296.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of Java's `SplittableRandom(1234567)`, as the reference implementation gives them.
    #[test]
    fn golden() {
        let mut random = SplitMix64::new(1_234_567);
        let first = [(); 3].map(|()| random.next());
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn ranges_and_means() {
        let mut random = SplitMix64::new(1);
        let mut seen = [0_u32; 7];
        let mut sum = 0.0;
        for _ in 0..70_000 {
            seen[random.below(7) as usize] += 1;
            let uniform = random.uniform();
            assert!((0.0..1.0).contains(&uniform));
            sum += uniform;
        }
        // Four standard deviations: √(70000 x 6/49) = 93 and 70000^-½ / √12 = 0.0011.
        assert!(seen.iter().all(|&times| times.abs_diff(10_000) < 4 * 93), "{seen:?}");
        assert!((sum / 70_000.0 - 0.5).abs() < 4.0 * 0.0011, "{sum}");
        assert_eq!(random.below(0), 0);
    }
}
