//! Rates of counts per exposure: two of them side by side, and one that rises or falls from period to period.

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::beta::beta_reg;

use super::rate_ratio::Exposed;
use super::two_sided::binomial;
use super::{Interval, Wilson, float};

/// Newton's method is there in less than ten steps.
const MOST_STEPS: usize = 60;

/// One rate over another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RateComparison {
    /// `None` where the second has no events.
    pub(crate) ratio: Option<f64>,
    pub(crate) lower: f64,
    /// `None` where the second has no events: there is no largest ratio.
    pub(crate) upper: Option<f64>,
    /// Two-sided.
    pub(crate) p_value: f64,
}

/// The first of two rates over the second, exactly for counts of Poisson.
///
/// ```text
/// given the sum of both counts, the first is binomial with the chance E1/(E1 + E2) if the rates are alike
/// ratio     (Y1/E1) / (Y2/E2)
/// interval  E2/E1 q/(1 - q) at both ends q of the interval of Clopper and Pearson for Y1 of Y1 + Y2
/// test      the chance of all counts that are no likelier than Y1
/// ```
///
/// `None` where a side was not exposed, or an exposure is no finite number, and where neither has events. Counts that come
/// in clumps vary more than those of Poisson, and are then too often found to differ.
///
/// # References
///
/// J. Przyborowski and H. Wilenski (1940), "Homogeneity of results in testing samples from Poisson series", Biometrika 31,
/// 313-323; R's `poisson.test` gives the same figures.
pub(crate) fn two_rates(first: Exposed, second: Exposed, wilson: Wilson) -> Option<RateComparison> {
    let exposed = |side: Exposed| side.exposure > 0.0 && side.exposure.is_finite();
    let all = first.events + second.events;
    if !(exposed(first) && exposed(second)) || all == 0 {
        return None;
    }
    let (rate, other) = (float(first.events) / first.exposure, float(second.events) / second.exposure);
    let odds = |share: f64| second.exposure / first.exposure * share / (1.0 - share);
    let ends = clopper_pearson(first.events, all, wilson.tail());
    Some(RateComparison {
        ratio: (second.events > 0).then(|| rate / other),
        lower: odds(ends.lower),
        upper: (second.events > 0).then(|| odds(ends.upper)),
        p_value: binomial(first.events, all, first.exposure / (first.exposure + second.exposure)),
    })
}

/// The score interval of a rate of Poisson counts.
///
/// ```text
/// (y + z²/2 ± z √(y + z²/4)) / exposure
/// ```
///
/// `None` where nothing was exposed. statsmodels' `confint_poisson(method="score")` gives the same figures.
pub(crate) fn rate_interval(events: u64, exposure: f64, wilson: Wilson) -> Option<Interval> {
    let (y, z) = (float(events), wilson.z());
    let (centre, spread) = (y + z * z / 2.0, z * (y + z * z / 4.0).sqrt());
    let limit = |ends: f64| ends / exposure;
    (exposure > 0.0).then(|| Interval { lower: limit(centre - spread).max(0.0), upper: limit(centre + spread) })
}

/// The exact interval of a share, with so much chance left at either end.
fn clopper_pearson(part: u64, whole: u64, tail: f64) -> Interval {
    let (s, n) = (float(part), float(whole));
    let lower = if part == 0 { 0.0 } else { quantile(s, n - s + 1.0, tail) };
    let upper = if part == whole { 1.0 } else { 1.0 - quantile(n - s, s + 1.0, tail) };
    Interval { lower, upper }
}

/// Below which a beta variable falls with that chance, by halving.
fn quantile(a: f64, b: f64, chance: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..1_100 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if beta_reg(a, b, middle) < chance { low = middle } else { high = middle }
    }
    high
}

/// How a rate changes from one period to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RateTrend {
    /// By how many times the rate grows from one period to the next; `None` where all events are in the first or the last
    /// period that was exposed, and no rate of growth is too large.
    pub(crate) factor: Option<f64>,
    /// `None` as above.
    pub(crate) interval: Option<Interval>,
    /// How many times the variance of a Poisson count; at least 1.
    pub(crate) dispersion: f64,
    /// Two-sided.
    pub(crate) p_value: f64,
}

/// The log-linear trend of a rate over periods one apart, from counts that may vary more than those of Poisson.
///
/// ```text
/// expected    μ(t) = e(t) exp(a + b t),  by maximum likelihood
/// factor      exp(b), from one period to the next
/// dispersion  φ = sum of (y - μ)²/μ / (n - 2), not below 1
/// test        b / √(φ / sum of μ (t - t̄)²) against Student's t with n - 2 degrees of freedom;  t̄ weighted by μ
/// ```
///
/// Where all events are in the first or the last period there is no largest likelihood: the test is then that of two
/// rates, this period's against the rest's. Periods that were not exposed are passed over but keep their place.
///
/// `None` with fewer than three exposed periods, without events, and where an exposure is negative, not finite, or 0 in a
/// period with events.
///
/// # References
///
/// P. McCullagh and J. A. Nelder (1989), "Generalized Linear Models", 2nd ed., chapter 6; R's
/// `glm(y ~ t + offset(log(e)), quasipoisson)` gives the same figures where its dispersion is not below 1.
pub(crate) fn rate_trend(periods: &[Exposed], wilson: Wilson) -> Option<RateTrend> {
    let one_each = |period: &Exposed| (*period, float(period.events));
    log_linear(&periods.iter().map(one_each).collect::<Vec<_>>(), 1.0, wilson)
}

/// What events of one period amount to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Amount {
    /// Events of some amount.
    pub(crate) events: u64,
    pub(crate) sum: f64,
    /// The sum of the squares of their amounts.
    pub(crate) squares: f64,
    pub(crate) exposure: f64,
}

/// The log-linear trend of an amount per exposure over periods one apart, each event having an amount of its own.
///
/// ```text
/// expected    μ(t) = e(t) exp(a + b t)  of the amount, by the quasi-likelihood of Poisson
/// dispersion  φ = sum of (y - μ)²/μ / (n - 2), not below sum of x² / sum of x over the events
/// test        as for a rate, of which this is the one in which all amounts are 1
/// ```
///
/// A sum of so many amounts has a variance in proportion to its mean, as long as amounts are of the same kind throughout:
/// that is all that the quasi-likelihood asks for. The bound below is what the amounts themselves say of that proportion; it
/// holds where few periods happen to lie close to a line, and is on the safe side where amounts themselves grow. A few large
/// events widen the interval, as they should. Where all is in the first or the last period the test is that of the number of
/// events.
///
/// `None` as for a rate, and where an amount is too large to be squared.
///
/// # References
///
/// P. McCullagh and J. A. Nelder (1989), "Generalized Linear Models", 2nd ed., chapter 9; W. Feller (1968), "An
/// Introduction to Probability Theory and Its Applications", vol. 1, 3rd ed., section XII.2, for sums of so many.
pub(crate) fn amount_trend(periods: &[Amount], wilson: Wilson) -> Option<RateTrend> {
    let total = |of: fn(&Amount) -> f64| periods.iter().map(of).sum::<f64>();
    let (events, sum) = (total(|period| float(period.events)), total(|period| period.sum));
    // In the mean amount, so that the unit of money makes no difference to the last digit.
    let mean = sum / events;
    let dispersion = total(|period| period.squares) / sum / mean;
    let in_means = |period: &Amount| (Exposed { events: period.events, exposure: period.exposure }, period.sum / mean);
    let sound = mean > 0.0 && dispersion.is_finite();
    if sound {
        log_linear(&periods.iter().map(in_means).collect::<Vec<_>>(), dispersion.max(1.0), wilson)
    } else {
        None
    }
}

/// The trend of what the events of each period amount to, with a dispersion of so much at least.
fn log_linear(periods: &[(Exposed, f64)], least: f64, wilson: Wilson) -> Option<RateTrend> {
    let sound = |(period, _): &(Exposed, f64)| {
        period.exposure.is_finite() && (period.exposure > 0.0 || period.exposure >= 0.0 && period.events == 0)
    };
    if !periods.iter().all(sound) {
        return None;
    }
    let points: Vec<(f64, f64, f64)> = (0_u32..)
        .zip(periods)
        .filter(|(_, (period, _))| period.exposure > 0.0)
        .map(|(place, &(period, amount))| (f64::from(place), amount, period.exposure))
        .collect();
    let all: u64 = periods.iter().map(|(period, _)| period.events).sum();
    if points.len() < 3 || all == 0 {
        return None;
    }
    let mut exposed = periods.iter().map(|(period, _)| *period).filter(|period| period.exposure > 0.0);
    let ends = [exposed.next(), exposed.next_back()];
    if let Some(end) = ends.into_iter().flatten().find(|end| end.events == all) {
        return at_one_end(periods, end, wilson);
    }
    let events: f64 = points.iter().map(|&(_, y, _)| y).sum();
    let exposure: f64 = points.iter().map(|&(_, _, e)| e).sum();
    // Around the middle of the exposure, where intercept and slope hardly depend on each other.
    let centre = points.iter().map(|&(t, _, e)| t * e).sum::<f64>() / exposure;
    let fit = |[level, slope]: [f64; 2]| {
        points.iter().map(move |&(t, y, e)| (t - centre, y, e * (level + slope * (t - centre)).exp()))
    };
    let likelihood = |at: [f64; 2]| fit(at).map(|(_, y, mean)| y * mean.ln() - mean).sum::<f64>();
    let mut at = [(events / exposure).ln(), 0.0];
    for _ in 0..MOST_STEPS {
        let sum = |of: &dyn Fn(f64, f64, f64) -> f64| fit(at).map(|(t, y, mean)| of(t, y, mean)).sum::<f64>();
        let score = [sum(&|_, y, mean| y - mean), sum(&|t, y, mean| t * (y - mean))];
        let [whole, first, second] =
            [sum(&|_, _, mean| mean), sum(&|t, _, mean| t * mean), sum(&|t, _, mean| t * t * mean)];
        let determinant = whole * second - first * first;
        let step =
            [(second * score[0] - first * score[1]) / determinant, (whole * score[1] - first * score[0]) / determinant];
        let before = likelihood(at);
        let mut length = 1.0;
        let mut next = at;
        // The likelihood has one peak, but a long step can overshoot it.
        for _ in 0..40 {
            next = [at[0] + length * step[0], at[1] + length * step[1]];
            if likelihood(next) >= before - 1e-12 * before.abs() {
                break;
            }
            length /= 2.0;
        }
        at = next;
        if length * (step[0].abs() + step[1].abs()) < 1e-12 {
            break;
        }
    }
    let degrees_of_freedom = points.len() as u64 - 2;
    let pearson: f64 = fit(at).map(|(_, y, mean)| (y - mean).powi(2) / mean).sum();
    let dispersion = (pearson / float(degrees_of_freedom)).max(least);
    let weight: f64 = fit(at).map(|(_, _, mean)| mean).sum();
    let mean_time = fit(at).map(|(t, _, mean)| t * mean).sum::<f64>() / weight;
    let spread: f64 = fit(at).map(|(t, _, mean)| mean * (t - mean_time).powi(2)).sum();
    let error = (dispersion / spread).sqrt();
    let reach = wilson.student(degrees_of_freedom) * error;
    let student = StudentsT::new(0.0, 1.0, float(degrees_of_freedom)).ok()?;
    let slope = at[1];
    if !(slope.is_finite() && error.is_finite()) {
        return None;
    }
    Some(RateTrend {
        factor: Some(slope.exp()),
        interval: Some(Interval { lower: (slope - reach).exp(), upper: (slope + reach).exp() }),
        dispersion,
        p_value: (2.0 * student.sf((slope / error).abs())).min(1.0),
    })
}

fn at_one_end(periods: &[(Exposed, f64)], end: Exposed, wilson: Wilson) -> Option<RateTrend> {
    let all: f64 = periods.iter().map(|(period, _)| period.exposure).sum();
    let rest = Exposed { events: 0, exposure: all - end.exposure };
    let p_value = two_rates(end, rest, wilson)?.p_value;
    Some(RateTrend { factor: None, interval: None, dispersion: 1.0, p_value })
}

#[cfg(test)]
mod tests {
    use super::super::random::SplitMix64;
    use super::*;

    fn wilson() -> Wilson {
        Wilson::new(0.95).unwrap()
    }

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() <= 1e-9 * right.abs()
    }

    /// R 4.2.2, `poisson.test`; its limits are those of a search that stops at 1e-5 or so.
    #[test]
    fn golden() {
        for ([y1, y2], [e1, e2], ratio, p, lower, upper) in [
            (
                [11, 23],
                [800.0, 3_011.0],
                Some(1.800_054_347_826_09),
                0.136_634_447_064_282,
                0.792_205_085_833_007,
                Some(3.843_862_740_394_95),
            ),
            (
                [41, 15],
                [28_010.0, 19_017.0],
                Some(1.855_758_657_622_28),
                0.040_852_026_286_501_8,
                1.005_684_062_692_59,
                Some(3.609_300_311_077_91),
            ),
            (
                [1_869, 1_500],
                [7_043.0, 7_043.0],
                Some(1.246),
                2.205_674_321_107e-10,
                1.163_528_252_638_73,
                Some(1.334_489_727_653_73),
            ),
            ([3, 0], [10.0, 12.0], None, 0.093_914_350_112_697_2, 0.495_877_626_037_073, None),
            // statsmodels 0.15.0, `test_poisson_2indep(method="exact-cond")`, which gives no limits.
            ([60, 30], [51_477.5, 54_308.7], Some(2.109_997_571_754_65), 0.000_675_182_658_686_321_9, f64::NAN, None),
            ([3, 1], [10.0, 12.0], Some(3.6), 0.336_110_921_385_151_3, f64::NAN, None),
        ] {
            let side = |events, exposure| Exposed { events, exposure };
            let got = two_rates(side(y1, e1), side(y2, e2), wilson()).unwrap();
            assert!(near(got.p_value, p), "{got:?}");
            assert!(
                ratio.is_none_or(|ratio| near(got.ratio.unwrap(), ratio)) && got.ratio.is_some() == ratio.is_some()
            );
            if !lower.is_nan() {
                assert!(near(got.lower, lower), "{got:?}");
                assert!(upper.is_none_or(|upper| near(got.upper.unwrap(), upper)), "{got:?}");
                assert_eq!(got.upper.is_some(), upper.is_some());
            }
        }
    }

    /// statsmodels 0.15.0, `confint_poisson(method="score")`.
    #[test]
    fn one_rate() {
        for (events, exposure, lower, upper) in [
            (0, 50.0, 0.0, 0.076_829_176_413_882_54),
            (3, 10.0, 0.102_027_072_836_432, 0.882_118_809_232_980_7),
            (11, 800.0, 0.007_678_046_204_335_94, 0.024_623_777_321_531_717),
            (1_869, 7_043.0, 0.253_608_679_779_313_4, 0.277_676_491_145_107_2),
        ] {
            let got = rate_interval(events, exposure, wilson()).unwrap();
            assert!((got.lower - lower).abs() < 1e-12 && near(got.upper, upper), "{events}: {got:?}");
        }
        assert_eq!(rate_interval(3, 0.0, wilson()), None);
    }

    #[test]
    fn sides() {
        let side = |events, exposure| Exposed { events, exposure };
        let one = two_rates(side(9, 3.0), side(4, 7.0), wilson()).unwrap();
        let other = two_rates(side(4, 7.0), side(9, 3.0), wilson()).unwrap();
        assert!(near(one.p_value, other.p_value) && near(one.ratio.unwrap() * other.ratio.unwrap(), 1.0));
        assert!(near(one.lower * other.upper.unwrap(), 1.0) && near(one.upper.unwrap() * other.lower, 1.0));
        let none = two_rates(side(0, 3.0), side(4, 7.0), wilson()).unwrap();
        assert!(none.ratio.unwrap() <= 0.0 && none.lower <= 0.0 && none.upper.unwrap() > 1.0, "{none:?}");
        for (first, second) in [
            (side(0, 1.0), side(0, 1.0)),
            (side(1, 0.0), side(1, 1.0)),
            (side(1, 1.0), side(1, f64::INFINITY)),
            (side(1, f64::NAN), side(1, 1.0)),
        ] {
            assert_eq!(two_rates(first, second, wilson()), None);
        }
    }

    fn periods(events: &[u64], exposures: &[f64]) -> Vec<Exposed> {
        events.iter().zip(exposures).map(|(&events, &exposure)| Exposed { events, exposure }).collect()
    }

    /// By hand: counts that double, with nothing left over.
    #[test]
    fn doubling() {
        let got = rate_trend(&periods(&[10, 20, 40, 80], &[1.0; 4]), wilson()).unwrap();
        assert!(near(got.factor.unwrap(), 2.0) && near(got.dispersion, 1.0), "{got:?}");
        // The mean is at 2.266667, and 150 times the variance around it is 10 2.27² + 20 1.27² + 40 0.27² + 80 0.73².
        let spread = 10.0 * 2.266_666_666_7_f64.powi(2)
            + 20.0 * 1.266_666_666_7_f64.powi(2)
            + 40.0 * 0.266_666_666_7_f64.powi(2)
            + 80.0 * 0.733_333_333_3_f64.powi(2);
        let reach = wilson().student(2) / spread.sqrt();
        assert!((got.interval.unwrap().lower - 2.0 * (-reach).exp()).abs() < 1e-8, "{got:?}");
        // Of a period that was not exposed nothing is known, and time goes by all the same.
        let gap = rate_trend(&periods(&[10, 0, 40, 80], &[1.0, 0.0, 1.0, 1.0]), wilson()).unwrap();
        assert!(near(gap.factor.unwrap(), 2.0), "{gap:?}");
        // The unit of exposure says nothing, and turned round the factor is its inverse.
        let exposures = [3.0, 1.0, 4.0, 1.5, 9.0];
        let got = rate_trend(&periods(&[7, 1, 9, 3, 14], &exposures), wilson()).unwrap();
        let scaled = rate_trend(&periods(&[7, 1, 9, 3, 14], &exposures.map(|e| 1e3 * e)), wilson()).unwrap();
        assert!(near(got.factor.unwrap(), scaled.factor.unwrap()) && near(got.p_value, scaled.p_value), "{got:?}");
        let turned = rate_trend(&periods(&[14, 3, 9, 1, 7], &[9.0, 1.5, 4.0, 1.0, 3.0]), wilson()).unwrap();
        assert!(near(got.factor.unwrap() * turned.factor.unwrap(), 1.0) && near(got.p_value, turned.p_value));
    }

    #[test]
    fn ends_and_edges() {
        let last = rate_trend(&periods(&[0, 0, 0, 6], &[1.0; 4]), wilson()).unwrap();
        assert_eq!((last.factor, last.interval), (None, None));
        // Six of six in a period of four: one way out of 4^6, and no count of the rest is as unlikely.
        assert!(near(last.p_value, 0.25_f64.powi(6)), "{last:?}");
        let middle = rate_trend(&periods(&[0, 6, 0, 0], &[1.0; 4]), wilson()).unwrap();
        assert!(middle.factor.is_some() && middle.dispersion > 1.0, "{middle:?}");
        for (events, exposures) in [
            (&[1, 2][..], &[1.0, 1.0][..]),
            (&[0, 0, 0], &[1.0; 3]),
            (&[1, 2, 3], &[1.0, 0.0, 1.0]),
            (&[1, 2, 3], &[1.0, -1.0, 1.0]),
            (&[1, 2, 3], &[1.0, f64::NAN, 1.0]),
            (&[1, 0, 3], &[1.0, 0.0, 1.0]),
        ] {
            assert_eq!(rate_trend(&periods(events, exposures), wilson()), None, "{events:?}");
        }
    }

    /// With amounts of 1 it is the trend of a rate, and in whatever unit amounts are given it is the same.
    #[test]
    fn amounts() {
        let counts = [7, 1, 9, 3, 14];
        let exposures = [3.0, 1.0, 4.0, 1.5, 9.0];
        let of = |unit: f64| {
            let amount = |(&events, exposure)| {
                let sum = unit * float(events);
                Amount { events, sum, squares: unit * sum, exposure }
            };
            amount_trend(&counts.iter().zip(exposures).map(amount).collect::<Vec<_>>(), wilson())
        };
        assert_eq!(of(1.0), rate_trend(&periods(&counts, &exposures), wilson()));
        assert_eq!(of(4.0), of(1.0));
        assert!(near(of(1e6).unwrap().p_value, of(1.0).unwrap().p_value));
        assert_eq!((of(0.0), of(1e200)), (None, None));
        // One large amount among small ones: twice as much in all, of which nobody can be sure.
        let amount = |events, sum, squares| Amount { events, sum, squares, exposure: 1.0 };
        let small = [amount(20, 20.0, 20.0); 4];
        let sure = amount_trend(&[&small[..], &[amount(60, 60.0, 60.0)]].concat(), wilson()).unwrap();
        let one = amount_trend(&[&small[..], &[amount(21, 60.0, 20.0 + 1_600.0)]].concat(), wilson()).unwrap();
        assert!(near(sure.factor.unwrap(), one.factor.unwrap()) && one.p_value > sure.p_value, "{sure:?} {one:?}");
        assert!(near(one.dispersion, 1_700.0 / 140.0 / (140.0 / 101.0)), "{one:?}");
    }

    /// Sums of amounts without a trend, few and many of them, alike and far apart: at most one in twenty is found, give or
    /// take what a thousand draws can be off; and one that doubles from end to end is, where there are enough.
    #[test]
    fn the_level_of_amounts_holds() {
        let mut random = SplitMix64::new(6);
        let cases = [(30, 0.0, 12), (30, 1.0, 12), (6, 1.0, 12), (6, 1.0, 6), (100, 1.5, 24), (100, 0.5, 12)];
        for (place, (mean, spread, periods)) in cases.into_iter().enumerate() {
            let grows = place + 1 == cases.len();
            let found = (0..1_000)
                .filter(|_| {
                    let amount = |period: u32| {
                        let mean = if grows { mean + mean * period / periods } else { mean };
                        let events = (0..1_000).filter(|_| random.below(1_000) < mean).count();
                        // Twelve uniform numbers make a normal one, whose exponential is the amount.
                        let mut normal = || (0..12).map(|_| random.uniform()).sum::<f64>() - 6.0;
                        let amounts: Vec<f64> = (0..events).map(|_| (spread * normal()).exp()).collect();
                        let (sum, squares) = (amounts.iter().sum(), amounts.iter().map(|x| x * x).sum());
                        Amount { events: events as u64, sum, squares, exposure: 1.0 }
                    };
                    let amounts: Vec<Amount> = (0..periods).map(amount).collect();
                    amount_trend(&amounts, wilson()).is_some_and(|trend| trend.p_value < 0.05)
                })
                .count();
            assert!(if grows { found > 900 } else { found <= 68 }, "{mean} {spread} {periods}: {found}");
        }
    }

    /// Counts of Poisson without a trend: one in twenty is found.
    #[test]
    fn the_level_holds() {
        let mut random = SplitMix64::new(5);
        let found = (0..1_000)
            .filter(|_| {
                let week =
                    |_| Exposed { events: (0..400).filter(|_| random.below(100) < 2).count() as u64, exposure: 4.0 };
                let weeks: Vec<Exposed> = (0..12).map(week).collect();
                rate_trend(&weeks, wilson()).unwrap().p_value < 0.05
            })
            .count();
        assert!((20..=65).contains(&found), "{found}");
    }
}
