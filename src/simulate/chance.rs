//! Random numbers that depend on the seed, the account and the topic alone.

use rand::{RngExt, SeedableRng};
use rand_distr::{Beta, Distribution, Exp1, Gamma, Poisson, StandardNormal};
use rand_pcg::Pcg64;

/// How far apart on the generator's circle of 2^128 numbers two streams begin: 2^128 divided by the golden ratio, so that
/// no two of any number of streams come close. NumPy's `PCG64.jumped` has the same.
const STRIDE: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;

/// What the numbers are for. Each topic has a stream of its own, so that what changes in one frame of an account changes
/// no other frame.
#[derive(Clone, Copy, Debug)]
pub(super) enum Topic {
    Profile,
    Fate,
    Churn,
    People,
    Successors,
    Weeks,
    Events,
    Limits,
    Answers,
    Tickets,
    Payments,
}

/// Streams that are set aside for each account.
const TOPICS: u128 = 16;

/// A stream of random numbers.
#[derive(Debug)]
pub(super) struct Chance(Pcg64);

impl Chance {
    pub(super) fn new(seed: u64, account: u64, topic: Topic) -> Self {
        let mut generator = Pcg64::seed_from_u64(seed);
        let stream = u128::from(account) * TOPICS + topic as u128;
        generator.advance(stream.wrapping_mul(STRIDE));
        Self(generator)
    }

    /// Anything from 0 to less than 1, each as likely.
    #[inline]
    pub(super) fn uniform(&mut self) -> f64 {
        self.0.random()
    }

    /// One of the whole numbers below `end`, each as likely; 0 where there is none.
    pub(super) fn below(&mut self, end: i32) -> i32 {
        floor(self.uniform() * f64::from(end)).clamp(0, (end - 1).max(0))
    }

    /// Whether something with this probability happens.
    pub(super) fn happens(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Normal with mean 0 and standard deviation 1.
    pub(super) fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    /// Exponential with mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        Exp1.sample(&mut self.0)
    }

    /// Gamma with this mean and shape; its variance is the squared mean divided by the shape. The mean itself where the
    /// shape is infinite.
    pub(super) fn gamma(&mut self, mean: f64, shape: f64) -> f64 {
        if shape.is_infinite() {
            return mean;
        }
        Gamma::new(shape, mean / shape).map_or(mean, |gamma| gamma.sample(&mut self.0))
    }

    /// A share around a mean, beta with as much certainty as 20 draws; the mean itself at 0 and 1.
    pub(super) fn share(&mut self, mean: f64) -> f64 {
        Beta::new(20.0 * mean, 20.0 * (1.0 - mean)).map_or(mean, |beta| beta.sample(&mut self.0))
    }

    /// How often something happens that happens so often on average. No number is drawn for what cannot happen.
    #[inline]
    pub(super) fn poisson(&mut self, mean: f64) -> i32 {
        Poisson::new(mean).map_or(0, |poisson| floor(poisson.sample(&mut self.0)))
    }
}

/// The whole number at or below a number that is not negative.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "numbers of days and events; beyond an i32 the cast is held at its end"
)]
pub(super) fn floor(number: f64) -> i32 {
    number as i32
}

/// The least whole number that is no smaller than a share of so many, but for rounding.
pub(super) fn rounded_up(share: f64, of: i32) -> i32 {
    floor((share * f64::from(of) - 1e-9).ceil()).clamp(0, of)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "numbers that no rounding touches")]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_and_can_be_had_again() {
        let draw = |seed, account, topic| Chance::new(seed, account, topic).uniform();
        let first = draw(1, 0, Topic::Profile);
        assert!(first.to_bits() == draw(1, 0, Topic::Profile).to_bits());
        for other in [draw(2, 0, Topic::Profile), draw(1, 1, Topic::Profile), draw(1, 0, Topic::Fate)] {
            assert!(first.to_bits() != other.to_bits());
        }
    }

    #[test]
    fn neighbouring_streams_do_not_go_together() {
        let pairs: Vec<(f64, f64)> = (0..20_000_u64)
            .map(|account| {
                let draw = |account| Chance::new(7, account, Topic::Events).uniform() - 0.5;
                (draw(account), draw(account + 1))
            })
            .collect();
        let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / 20_000.0;
        // Standard errors: 1 / sqrt(12 * 20000) = 0.002, and 1 / (12 * sqrt(20000)) = 0.0006.
        assert!(mean(|pair| pair.0).abs() < 0.008);
        assert!(mean(|pair| pair.0 * pair.1).abs() < 0.0024);
        assert!((mean(|pair| pair.0 * pair.0) - 1.0 / 12.0).abs() < 0.002);
    }

    #[test]
    fn draws_have_the_moments_that_are_asked_for() {
        let mut chance = Chance::new(3, 0, Topic::Events);
        let mut moments = |draw: fn(&mut Chance) -> f64| {
            let draws: Vec<f64> = (0..40_000).map(|_| draw(&mut chance)).collect();
            let mean = draws.iter().sum::<f64>() / 40_000.0;
            (mean, draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 40_000.0)
        };
        let near = |(mean, variance): (f64, f64), (expected, spread): (f64, f64)| {
            assert!((mean - expected).abs() < 5.0 * (spread / 40_000.0).sqrt(), "{mean} {expected}");
            assert!((variance / spread - 1.0).abs() < 0.1, "{variance} {spread}");
        };
        near(moments(|chance| chance.gamma(2.0, 4.0)), (2.0, 1.0));
        near(moments(|chance| chance.gamma(1.0, 0.5)), (1.0, 2.0));
        near(moments(|chance| f64::from(chance.poisson(0.3))), (0.3, 0.3));
        near(moments(|chance| f64::from(chance.poisson(60.0))), (60.0, 60.0));
        near(moments(|chance| chance.share(0.1)), (0.1, 0.09 / 21.0));
        near(moments(|chance| f64::from(chance.below(7))), (3.0, 4.0));
    }

    #[test]
    fn the_ends() {
        let mut chance = Chance::new(3, 0, Topic::Events);
        assert_eq!((chance.poisson(0.0), chance.below(0), chance.below(1)), (0, 0, 0));
        assert_eq!([chance.share(0.0), chance.share(1.0), chance.gamma(2.0, f64::INFINITY)], [0.0, 1.0, 2.0]);
        let shares = [(0.0, 5), (0.1, 1), (0.2, 5), (0.6, 5), (0.7, 10), (0.61, 5), (1.0, 3)];
        assert_eq!(shares.map(|(share, of)| rounded_up(share, of)), [0, 1, 1, 3, 7, 4, 3]);
    }
}
