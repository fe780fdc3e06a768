//! How often accounts open tickets, and how many one of them is to open.

use crate::statistics::float;

/// More stretches of an account are not looked at.
const MOST_STRETCHES: usize = 40;

/// Tickets of many accounts before the recent days, added up.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    /// Of tickets y and days t: the sums of y, t, y², y t and t².
    tickets: u64,
    days: u64,
    squares: u64,
    products: u64,
    day_squares: u64,
    /// By the number of stretches as long as the recent days that an account has: its tickets in them, their square, and
    /// the sum of the squares of each.
    stretches: Vec<(u64, u64, u64)>,
}

impl Sums {
    /// `ages` are the days from each ticket to the last day before the recent ones; those below 0 are recent, and those from
    /// `days` on too old.
    pub(super) fn add(&mut self, ages: impl Iterator<Item = i32>, days: i32, recent: i32) {
        let mut counts = [0_u64; MOST_STRETCHES];
        let mut all = 0;
        for age in ages.filter(|age| (0..days).contains(age)) {
            all += 1;
            if let Some(count) = usize::try_from(age / recent).ok().and_then(|place| counts.get_mut(place)) {
                *count += 1;
            }
        }
        let known = u64::from(days.unsigned_abs());
        self.tickets += all;
        self.days += known;
        self.squares += all * all;
        self.products += all * known;
        self.day_squares += known * known;
        let whole = usize::try_from(days / recent).map_or(0, |whole| whole.min(MOST_STRETCHES));
        if whole >= 2 {
            let of = counts[..whole].iter().sum::<u64>();
            self.stretches.resize(MOST_STRETCHES + 1, (0, 0, 0));
            let sums = &mut self.stretches[whole];
            *sums = (
                sums.0 + of,
                sums.1 + of * of,
                sums.2 + counts[..whole].iter().map(|count| count * count).sum::<u64>(),
            );
        }
    }

    pub(super) fn join(mut self, other: Self) -> Self {
        self.tickets += other.tickets;
        self.days += other.days;
        self.squares += other.squares;
        self.products += other.products;
        self.day_squares += other.day_squares;
        if self.stretches.is_empty() {
            self.stretches = other.stretches;
        } else {
            self.stretches
                .iter_mut()
                .zip(&other.stretches)
                .for_each(|(sums, other)| *sums = (sums.0 + other.0, sums.1 + other.1, sums.2 + other.2));
        }
        self
    }

    /// `None` without a ticket.
    pub(super) fn rates(&self) -> Option<Rates> {
        let (tickets, days) = (float(self.tickets), float(self.days));
        if self.tickets == 0 {
            return None;
        }
        let mean = tickets / days;
        let (mut within, mut usual) = (0.0, 0.0);
        for (count, &(of, square, squares)) in self.stretches.iter().enumerate().skip(2) {
            let count = float(count as u64);
            within += float(squares) - float(square) / count;
            usual += float(of) * (count - 1.0) / count;
        }
        let cluster = if usual > 0.0 { (within / usual).max(1.0) } else { 1.0 };
        let spread = float(self.squares) - 2.0 * mean * float(self.products) + mean * mean * float(self.day_squares);
        let variance = ((spread - cluster * tickets) / float(self.day_squares)).max(0.0);
        Some(Rates { mean, variance, cluster })
    }
}

/// Tickets a day, over the accounts of a portfolio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rates {
    pub(super) mean: f64,
    pub(super) variance: f64,
    /// Tickets a cluster: the variance of an account's own counts over their mean.
    pub(super) cluster: f64,
}

/// The negative binomial distribution of the tickets to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Predicted {
    pub(super) mean: f64,
    /// The variance less the mean; 0 for Poisson's.
    excess: f64,
}

impl Rates {
    /// What an account with so many tickets in so many days is to open in `recent` days.
    pub(super) fn predict(&self, tickets: f64, days: i32, recent: i32) -> Predicted {
        let Self { mean, variance, cluster } = *self;
        let recent = f64::from(recent);
        // The prior, times σ²/µ so that accounts that are all alike need no division by 0.
        let own = variance / mean / cluster;
        let shape = mean + own * tickets;
        let rate = shape / (1.0 + own * f64::from(days));
        let expected = recent * rate;
        let of_rate = expected * expected * (variance / mean) / shape;
        Predicted { mean: expected, excess: (cluster - 1.0) * expected + of_rate }
    }
}

impl Predicted {
    /// More than so many, and half of so many.
    pub(super) fn p_value(&self, tickets: u32) -> f64 {
        let Self { mean, excess } = *self;
        // Beyond this size Poisson's distribution is as good.
        let size = (mean * mean / excess).min(1e9);
        let odds = mean / (size + mean);
        let step = |count: f64| odds * (size + count) / (count + 1.0);
        let log = (0..tickets).map(|count| step(f64::from(count)).ln()).sum::<f64>() - size * (mean / size).ln_1p();
        let there = log.exp();
        // Summed on the side where the terms fall.
        if f64::from(tickets) < mean {
            let (mut term, mut below) = (there, 0.0);
            for count in (0..tickets).rev() {
                term /= step(f64::from(count));
                below += term;
            }
            return (1.0 - below - there / 2.0).clamp(0.0, 1.0);
        }
        let (mut term, mut above, mut count) = (there, 0.0, f64::from(tickets));
        while term > 1e-12 * (above + there) && above < 1.0 {
            term *= step(count);
            above += term;
            count += 1.0;
        }
        (above + there / 2.0).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{Discrete, DiscreteCDF, NegativeBinomial, Poisson};

    /// Two accounts in 28 days, one with a ticket in the first and three in the second fortnight, one with none.
    #[test]
    fn rates_by_hand() {
        let mut sums = Sums::default();
        sums.add([0, 14, 15, 27, 28, -1].into_iter(), 28, 14);
        sums.add([].into_iter(), 28, 14);
        let rates = sums.rates().unwrap();
        assert!((rates.mean - 4.0 / 56.0).abs() < 1e-12);
        // 1² + 3² - 4²/2 = 2, where 4 / 2 = 2 is Poisson's: no clusters.
        assert!((rates.cluster - 1.0).abs() < 1e-12);
        // (4 - 2)² + 2² = 8, less the 4 of Poisson's, over 2 * 28².
        assert!((rates.variance - 4.0 / 1568.0).abs() < 1e-12, "{rates:?}");
        // Mean 1/14 and variance 1/392: a gamma with 2 tickets in 28 days. With 4 in 28 days: 6 in 56.
        let predicted = rates.predict(4.0, 28, 14);
        assert!((predicted.mean - 14.0 * 6.0 / 56.0).abs() < 1e-12, "{predicted:?}");
        assert!((predicted.excess - 1.5 * 1.5 / 6.0).abs() < 1e-12, "{predicted:?}");
        let twice = sums.clone().join(sums).rates().unwrap();
        assert!((twice.mean - rates.mean).abs() < 1e-12 && (twice.variance - rates.variance).abs() < 1e-12);
        let mut none = Sums::default();
        none.add([].into_iter(), 28, 14);
        assert!(none.rates().is_none() && Sums::default().rates().is_none());
    }

    #[test]
    fn tails() {
        for (mean, size) in [(0.1, 0.5), (1.5, 6.0), (30.0, 2.0)] {
            let distribution = NegativeBinomial::new(size, size / (size + mean)).unwrap();
            let predicted = Predicted { mean, excess: mean * mean / size };
            for tickets in [0_u32, 1, 2, 7, 40] {
                let expected = distribution.sf(tickets.into()) + distribution.pmf(tickets.into()) / 2.0;
                let got = predicted.p_value(tickets);
                assert!((got - expected).abs() <= 1e-8 * expected.max(1e-4), "{tickets} of {mean}: {got} {expected}");
            }
        }
        let poisson = Poisson::new(0.7).unwrap();
        let got = Predicted { mean: 0.7, excess: 0.0 }.p_value(3);
        assert!((got - poisson.sf(3) - poisson.pmf(3) / 2.0).abs() < 1e-7, "{got}");
        // Far out it is small and not 0.
        let far = Predicted { mean: 0.1, excess: 0.0 }.p_value(30);
        assert!(far > 0.0 && far < 1e-50, "{far}");
    }
}
