//! The net promoter score and how sure it is.

use super::{Interval, Wilson};

/// Answers to how likely one is to recommend, from 0 to 10: promoters gave 9 or 10, passives 7 or 8, detractors less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recommendations {
    pub(crate) promoters: u64,
    pub(crate) passives: u64,
    pub(crate) detractors: u64,
}

/// A net promoter score. All figures are between -100 and 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NetPromoter {
    pub(crate) score: f64,
    /// 0 where all answers are of one kind.
    pub(crate) standard_error: f64,
    /// The score interval, for any number of answers.
    pub(crate) interval: Interval,
    /// `score ± z standard errors`, for comparison with other tools: it may leave the scale, and has no width where all
    /// answers are of one kind.
    pub(crate) normal_interval: Interval,
}

/// The net promoter score of some answers; `None` without any.
///
/// ```text
/// of n answers, p and d the shares of promoters and detractors
/// score           100 Δ,  Δ = p - d
/// standard error  100 √((p + d - Δ²) / n)
/// interval        all Δ for which |p - d - Δ| ≤ z √((2q + Δ - Δ²) / n),
///                 q being the most likely share of detractors if the difference is Δ:
///                 q = (√(b² + 8 d Δ (1-Δ)) - b) / 4,  b = (2 - p + d) Δ - p - d
/// ```
///
/// A score from few answers is the rule and not the exception, and there the normal interval is at its worst: 3
/// promoters of 3 answers give 100 ± 0. The interval here asks of each possible score whether the answers would
/// surprise under it, as Wilson's does of a rate. It stays on the scale, always has a width, and holds the truth
/// about as often as it says from a handful of answers on. That of a single answer spans most of the scale, as it should.
///
/// # References
///
/// T. Tango (1998), "Equivalence test and confidence interval for the difference in proportions for the paired-sample
/// design", Statistics in Medicine 17, 891-908: promoters and detractors are the two kinds of pairs that differ; B.
/// Rocks (2016), "Interval estimation for the net promoter score", The American Statistician 70, 365-372; F. F. Reichheld
/// (2003), "The one number you need to grow", Harvard Business Review 81(12), 46-54.
#[expect(clippy::cast_precision_loss, reason = "counts of answers are far below 2^53")]
pub(crate) fn net_promoter(answers: Recommendations, wilson: Wilson) -> Option<NetPromoter> {
    let Recommendations { promoters, passives, detractors } = answers;
    let count = promoters as f64 + passives as f64 + detractors as f64;
    if count <= 0.0 {
        return None;
    }
    let shares = Shares { promoters: promoters as f64 / count, detractors: detractors as f64 / count, count };
    let difference = shares.difference();
    let spread = shares.promoters + shares.detractors - difference * difference;
    let standard_error = 100.0 * (spread.max(0.0) / count).sqrt();
    let (score, around) = (100.0 * difference, wilson.z() * standard_error);
    let upper = 100.0 * shares.upper(wilson.z());
    let lower = -100.0 * shares.turned().upper(wilson.z());
    Some(NetPromoter {
        score,
        standard_error,
        interval: Interval { lower, upper },
        normal_interval: Interval { lower: score - around, upper: score + around },
    })
}

#[derive(Clone, Copy, Debug)]
struct Shares {
    promoters: f64,
    detractors: f64,
    count: f64,
}

impl Shares {
    fn difference(self) -> f64 {
        self.promoters - self.detractors
    }

    fn turned(self) -> Self {
        Self { promoters: self.detractors, detractors: self.promoters, ..self }
    }

    /// The variance of one answer if the difference is `delta`.
    fn variance(self, delta: f64) -> f64 {
        let Self { promoters: p, detractors: d, .. } = self;
        let b = (2.0 - p + d) * delta - p - d;
        let product = d * delta * (1.0 - delta);
        let root = (b * b + 8.0 * product).max(0.0).sqrt();
        // The root less b, without their digits cancelling.
        let most_likely = if b > 0.0 { 2.0 * product / (root + b) } else { (root - b) / 4.0 };
        2.0 * most_likely + delta - delta * delta
    }

    /// The largest difference that does not surprise, by halving.
    fn upper(self, z: f64) -> f64 {
        let (mut within, mut beyond) = (self.difference(), 1.0);
        for _ in 0..60 {
            let delta = f64::midpoint(within, beyond);
            let distance = delta - self.difference();
            if distance * distance * self.count <= z * z * self.variance(delta) {
                within = delta;
            } else {
                beyond = delta;
            }
        }
        within
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::SplitMix64;
    use super::*;

    fn of(promoters: u64, passives: u64, detractors: u64) -> Option<NetPromoter> {
        net_promoter(Recommendations { promoters, passives, detractors }, Wilson::new(0.95).unwrap())
    }

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() <= 1e-7
    }

    /// Score, standard error and normal interval by their formulas. The score interval from the most
    /// likely shares as scipy 1.17.1 finds them by solving the likelihood equation, and its ends by `brentq`. The sixth
    /// is the airway table of M. W. Fagerland, S. Lydersen and P. Laake (2014), "Recommended tests and confidence intervals
    /// for paired binomial proportions", Statistics in Medicine 33, 2850-2875, who give -0.517 to -0.026.
    #[test]
    #[rustfmt::skip]
    fn golden() {
        for (answers, score, error, (lower, upper)) in [
            ((50, 30, 20), 30.0, 7.810_249_675_906_654, (13.955_141_614_195_693, 44.339_306_633_585_85)),
            ((0, 0, 10), -100.0, 0.0, (-100.0, -44.493_440_027_422_17)),
            ((10, 0, 0), 100.0, 0.0, (44.493_440_027_422_15, 100.0)),
            ((5, 5, 5), 0.0, 21.081_851_067_789_195, (-38.701_205_946_454_76, 38.701_205_946_454_76)),
            ((430, 270, 300), 13.0, 2.670_393_229_470_146_7, (7.731_774_583_044_339, 18.187_464_970_501_242)),
            ((1, 13, 7), -28.571_428_571_428_573, 11.938_727_057_676_356, (-51.723_227_642_137_736, -2.600_303_248_086_855_3)),
            ((1, 0, 0), 100.0, 0.0, (-58.690_137_124_552_52, 100.0)),
            ((7, 4, 6), 5.882_352_941_176_47, 21.161_086_299_544_156, (-33.597_664_720_524_26, 43.452_349_334_503_26)),
            ((0, 6, 0), 0.0, 0.0, (-39.033_428_790_216_56, 39.033_428_790_216_56)),
            ((2, 1, 0), 66.666_666_666_666_67, 27.216_552_697_590_87, (-26.916_171_959_174_257, 93.850_805_527_960_38)),
            ((0, 3, 1), -25.0, 21.650_635_094_610_97, (-69.935_815_741_759_81, 36.236_354_556_824_65)),
            ((4, 0, 5), -11.111_111_111_111_11, 33.126_932_999_996_88, (-62.244_295_780_467_08, 46.669_741_300_901_386)),
        ] {
            let got = of(answers.0, answers.1, answers.2).unwrap();
            assert!(near(got.score, score) && near(got.standard_error, error), "{got:?}");
            assert!(near(got.interval.lower, lower) && near(got.interval.upper, upper), "{got:?}");
            assert!(near(got.normal_interval.upper, score + 1.959_963_984_540_054 * error), "{got:?}");
            assert!(near(got.normal_interval.lower, score - 1.959_963_984_540_054 * error), "{got:?}");
        }
    }

    #[test]
    fn few_answers() {
        assert_eq!(of(0, 0, 0), None);
        for count in 1..=10 {
            for promoters in 0..=count {
                for detractors in 0..=count - promoters {
                    let got = of(promoters, count - promoters - detractors, detractors).unwrap();
                    let Interval { lower, upper } = got.interval;
                    assert!(-100.0 <= lower && lower <= got.score && got.score <= upper && upper <= 100.0, "{got:?}");
                    assert!(upper - lower > 50.0, "{got:?}");
                    let turned = of(detractors, count - promoters - detractors, promoters).unwrap();
                    assert!(near(turned.score, -got.score) && near(turned.interval.lower, -upper), "{got:?}");
                }
            }
        }
        // One answer more of the same kind: less room on the other side.
        for count in 1..50 {
            assert!(of(count + 1, 0, 0).unwrap().interval.lower > of(count, 0, 0).unwrap().interval.lower);
        }
    }

    /// With many answers the two intervals are one.
    #[test]
    fn many_answers() {
        let got = of(4_300_000, 2_700_000, 3_000_000).unwrap();
        assert!((got.interval.lower - got.normal_interval.lower).abs() < 1e-4, "{got:?}");
        assert!((got.interval.upper - got.normal_interval.upper).abs() < 1e-4, "{got:?}");
    }

    /// How often the truth is within, summed over all answers that there can be.
    #[test]
    fn the_interval_covers() {
        let mut random = SplitMix64::new(61);
        let mut choose = vec![vec![1.0_f64]];
        for n in 1..=25_usize {
            let last = &choose[n - 1];
            let next = (0..=n).map(|k| last.get(k).unwrap_or(&0.0) + if k > 0 { last[k - 1] } else { 0.0 }).collect();
            choose.push(next);
        }
        for n in [1, 3, 5, 10, 25] {
            let mut mean = 0.0;
            for _ in 0..40 {
                let (one, other) = (random.uniform(), random.uniform());
                let (p, d) = (one.min(other), 1.0 - one.max(other));
                let mut held = 0.0;
                for promoters in 0..=n {
                    for detractors in 0..=n - promoters {
                        let passives = n - promoters - detractors;
                        let chance = choose[n][promoters]
                            * choose[n - promoters][detractors]
                            * power(p, promoters)
                            * power(d, detractors)
                            * power(1.0 - p - d, passives);
                        let got = of(promoters as u64, passives as u64, detractors as u64).unwrap().interval;
                        if (got.lower..=got.upper).contains(&(100.0 * (p - d))) {
                            held += chance;
                        }
                    }
                }
                assert!(held > 0.8, "{n} answers, {p} {d}: {held}");
                mean += held / 40.0;
            }
            assert!((0.93..0.985).contains(&mean), "{n} answers: {mean}");
        }
    }

    fn power(base: f64, exponent: usize) -> f64 {
        (0..exponent).map(|_| base).product()
    }
}
