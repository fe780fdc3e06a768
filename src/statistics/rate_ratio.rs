//! Two rates side by side, from counts that vary more than chance alone would make them.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::Wilson;
use super::float;

/// What was counted in a week, and what the week was exposed to: its days, or what its season lets expect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Exposed {
    pub(crate) events: u64,
    pub(crate) exposure: f64,
}

/// A recent rate over a baseline rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RateRatio {
    /// `None` where the baseline had no events.
    pub(crate) ratio: Option<f64>,
    /// That of the logarithm of the ratio; `None` where either side had no events.
    pub(crate) standard_error: Option<f64>,
    /// How many times the variance of a Poisson count; at least 1.
    pub(crate) dispersion: f64,
    pub(crate) degrees_of_freedom: u64,
    /// The ends of the interval.
    pub(crate) lower: f64,
    /// `None` where the baseline had no events: there is no largest ratio.
    pub(crate) upper: Option<f64>,
    /// Two-sided: the chance of a ratio as far from 1 if the rates are alike.
    pub(crate) p_value: f64,
}

/// The ratio of two rates of over-dispersed counts, by quasi-Poisson.
///
/// ```text
/// of a side       Y events in E of exposure, rate Y/E;  a week of exposure e is expected to have μ = e Y/E
/// dispersion      φ = sum of (y - μ)²/μ over the n weeks of both / (n - 2), not below 1
/// ratio           (Y1/E1) / (Y2/E2)
/// standard error  of its logarithm: √(φ (1/Y1 + 1/Y2))
/// interval, test  Student's t with n - 2 degrees of freedom, on the logarithm
/// ```
///
/// Weekly counts of one account vary more than Poisson counts, for events come in sessions and weeks have their own
/// business; a test that takes them for Poisson counts cries wolf. Less variation than Poisson's is put down to luck.
///
/// Where one side has no events its logarithm does not exist, and its weeks show no variation: φ is taken from the
/// `n - 1` degrees of freedom of the other. That Y events vary as Y/φ Poisson events do, and which side each of these
/// falls on is a coin with the exposures as odds, so that the open end of the interval and the test are those of
/// Clopper and Pearson for none of `Y/φ`, whatever side is the empty one:
///
/// ```text
/// none of the recent     upper end  (E2/E1) q/(1 - q),  q = 1 - (α/2)^(φ/Y2),  p = 2 (E2/(E1 + E2))^(Y2/φ)
/// none of the baseline   lower end  the inverse of that with the sides exchanged
/// ```
///
/// `None` where a side was not exposed, where neither has events, where no week is left over to see dispersion in, or
/// where an exposure is not finite, negative, or 0 in a week with events. Weeks that were not exposed are passed over.
///
/// # References
///
/// P. McCullagh and J. A. Nelder (1989), "Generalized Linear Models", 2nd ed., sections 4.5 and 6.2; J. Przyborowski and
/// H. Wilenski (1940), "Homogeneity of results in testing samples from Poisson series", Biometrika 31, 313-323, for the
/// coin. statsmodels' `GLM(family=Poisson(), offset=log(exposure)).fit(scale="X2", use_t=True)` gives the same figures.
pub(crate) fn rate_ratio(recent: &[Exposed], baseline: &[Exposed], wilson: Wilson) -> Option<RateRatio> {
    let (recent, baseline) = (Rate::of(recent)?, Rate::of(baseline)?);
    match (recent.events > 0.0, baseline.events > 0.0) {
        (true, true) => {
            let degrees_of_freedom = (recent.weeks + baseline.weeks).checked_sub(2).filter(|&left| left > 0)?;
            let dispersion = dispersion(recent.pearson + baseline.pearson, degrees_of_freedom);
            let ratio = recent.rate() / baseline.rate();
            let error = (dispersion * (1.0 / recent.events + 1.0 / baseline.events)).sqrt();
            let factor = (wilson.student(degrees_of_freedom) * error).exp();
            let student = StudentsT::new(0.0, 1.0, float(degrees_of_freedom)).ok()?;
            Some(RateRatio {
                ratio: Some(ratio),
                standard_error: Some(error),
                dispersion,
                degrees_of_freedom,
                lower: ratio / factor,
                upper: Some(ratio * factor),
                p_value: (2.0 * student.sf((ratio.ln() / error).abs())).min(1.0),
            })
        }
        (false, true) => {
            let bound = Bound::of(recent, baseline, wilson)?;
            Some(RateRatio { ratio: Some(0.0), lower: 0.0, upper: Some(bound.largest), ..bound.answer() })
        }
        (true, false) => {
            let bound = Bound::of(baseline, recent, wilson)?;
            Some(RateRatio { ratio: None, lower: 1.0 / bound.largest, upper: None, ..bound.answer() })
        }
        (false, false) => None,
    }
}

/// The ratio alone, as [`rate_ratio`] has it where it has one.
pub(crate) fn plain_rate_ratio(recent: &[Exposed], baseline: &[Exposed]) -> Option<f64> {
    let (recent, baseline) = (Rate::of(recent)?, Rate::of(baseline)?);
    (baseline.events > 0.0).then(|| recent.rate() / baseline.rate())
}

fn dispersion(pearson: f64, degrees_of_freedom: u64) -> f64 {
    (pearson / float(degrees_of_freedom)).max(1.0)
}

/// One side.
#[derive(Clone, Copy, Debug)]
struct Rate {
    events: f64,
    exposure: f64,
    /// Those that were exposed.
    weeks: u64,
    /// The sum of (y - μ)²/μ.
    pearson: f64,
}

impl Rate {
    fn of(weeks: &[Exposed]) -> Option<Self> {
        let sound = |week: &Exposed| {
            week.exposure.is_finite() && (week.exposure > 0.0 || week.exposure >= 0.0 && week.events == 0)
        };
        if !weeks.iter().all(sound) {
            return None;
        }
        let exposed = || weeks.iter().filter(|week| week.exposure > 0.0);
        let events = exposed().map(|week| float(week.events)).sum::<f64>();
        let exposure = exposed().map(|week| week.exposure).sum::<f64>();
        let residual = |week: &Exposed| {
            let expected = events * (week.exposure / exposure);
            (float(week.events) - expected).powi(2) / expected
        };
        let pearson = if events > 0.0 { exposed().map(residual).sum() } else { 0.0 };
        (exposure > 0.0).then(|| Self { events, exposure, weeks: exposed().count() as u64, pearson })
    }

    fn rate(self) -> f64 {
        self.events / self.exposure
    }
}

/// What a side without events can still say of its rate over the other's.
#[derive(Clone, Copy, Debug)]
struct Bound {
    largest: f64,
    dispersion: f64,
    degrees_of_freedom: u64,
    p_value: f64,
}

impl Bound {
    fn of(empty: Rate, other: Rate, wilson: Wilson) -> Option<Self> {
        let degrees_of_freedom = other.weeks.checked_sub(1).filter(|&left| left > 0)?;
        let dispersion = dispersion(other.pearson, degrees_of_freedom);
        let events = other.events / dispersion;
        let missed = wilson.tail().powf(1.0 / events);
        let chance = (other.exposure / (empty.exposure + other.exposure)).powf(events);
        Some(Self {
            largest: other.exposure / empty.exposure * (1.0 - missed) / missed,
            dispersion,
            degrees_of_freedom,
            p_value: (2.0 * chance).min(1.0),
        })
    }

    fn answer(self) -> RateRatio {
        let Self { dispersion, degrees_of_freedom, p_value, .. } = self;
        RateRatio {
            ratio: None,
            standard_error: None,
            dispersion,
            degrees_of_freedom,
            lower: 0.0,
            upper: None,
            p_value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::SplitMix64;
    use super::*;

    fn weeks(events: &[u64], exposures: &[f64]) -> Vec<Exposed> {
        assert_eq!(events.len(), exposures.len());
        events.iter().zip(exposures).map(|(&events, &exposure)| Exposed { events, exposure }).collect()
    }

    fn even(events: &[u64]) -> Vec<Exposed> {
        weeks(events, &vec![1.0; events.len()])
    }

    fn ask(recent: &[Exposed], baseline: &[Exposed]) -> Option<RateRatio> {
        rate_ratio(recent, baseline, Wilson::new(0.95).unwrap())
    }

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() <= 1e-8 * right.abs()
    }

    /// statsmodels 0.15.0, `GLM(y, X, family=Poisson(), offset=log(e)).fit(scale="X2", use_t=True)`.
    #[test]
    #[rustfmt::skip]
    fn golden() {
        let cases = [
            (even(&[3, 5, 2, 4]), even(&[9, 14, 4, 12, 7, 8, 15, 6, 3, 10, 11, 9]),
             [0.388_888_888_888_888_45, 0.322_940_231_940_896_16, 1.292_517_006_802_721_6,
              0.194_543_493_405_566_48, 0.777_381_779_654_652_7, 0.011_090_055_259_425_875]),
            (weeks(&[12, 0, 7], &[0.8, 1.1, 0.95]), weeks(&[20, 3, 15, 8, 30, 11], &[1.2, 0.7, 1.0, 0.9, 1.4, 1.05]),
             [0.478_927_203_065_134_14, 0.518_439_402_986_555_8, 4.191_437_474_364_624_5,
              0.140_559_969_048_636_44, 1.631_839_188_556_063, 0.198_563_260_717_533_75]),
            (weeks(&[100, 130], &[7.0, 7.0]), weeks(&[400, 380, 250, 520, 300], &[7.0, 7.0, 6.0, 7.0, 7.0]),
             [0.301_930_501_930_501_64, 0.297_907_071_077_623_4, 18.155_066_868_110_335,
              0.140_386_924_823_055_3, 0.649_362_667_576_812_8, 0.010_121_730_771_186_19]),
        ];
        for (recent, baseline, [ratio, error, dispersion, lower, upper, p_value]) in cases {
            let got = ask(&recent, &baseline).unwrap();
            assert!(near(got.ratio.unwrap(), ratio) && near(got.standard_error.unwrap(), error), "{got:?}");
            assert!(near(got.dispersion, dispersion) && near(got.p_value, p_value), "{got:?}");
            assert!(near(got.lower, lower) && near(got.upper.unwrap(), upper), "{got:?}");
            assert_eq!(got.degrees_of_freedom, (recent.len() + baseline.len() - 2) as u64);
        }
    }

    /// Less variation than Poisson's: 21 in 2 weeks and 40 in 4, of which statsmodels makes a dispersion of 0.06.
    #[test]
    fn the_dispersion_is_at_least_that_of_poisson() {
        let got = ask(&even(&[10, 11]), &even(&[10, 9, 10, 11])).unwrap();
        assert!(near(got.dispersion, 1.0) && near(got.ratio.unwrap(), 1.05), "{got:?}");
        assert!(near(got.standard_error.unwrap(), (1.0_f64 / 21.0 + 1.0 / 40.0).sqrt()), "{got:?}");
    }

    /// Nothing in 4 weeks after 12 in 12, all alike: none of 12 events on a side with a quarter of the exposure.
    #[test]
    fn nothing_on_one_side() {
        let got = ask(&even(&[0; 4]), &even(&[1; 12])).unwrap();
        let missed = 0.025_f64.powf(1.0 / 12.0);
        assert_eq!((got.ratio, got.standard_error, got.degrees_of_freedom), (Some(0.0), None, 11));
        assert!(got.lower.abs() < 1e-300 && near(got.upper.unwrap(), 3.0 * (1.0 - missed) / missed), "{got:?}");
        assert!(near(got.p_value, 2.0 * 0.75_f64.powi(12)), "{got:?}");
        // The interval leaves out 1 where, and only where, the test speaks at its level.
        for weeks in 1..40 {
            let got = ask(&even(&[0; 4]), &even(&vec![1; weeks + 1])).unwrap();
            assert_eq!(got.upper.unwrap() < 1.0, got.p_value < 0.05, "{got:?}");
        }
        let turned = ask(&even(&[1; 12]), &even(&[0; 4])).unwrap();
        assert_eq!((turned.ratio, turned.upper), (None, None));
        assert!(near(turned.lower * got.upper.unwrap(), 1.0) && near(turned.p_value, got.p_value));
        // Twelve events of one week are worth fewer than twelve.
        let clumped = ask(&even(&[0; 4]), &even(&[12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])).unwrap();
        assert!(near(clumped.dispersion, 12.0) && near(clumped.p_value, 1.0), "{clumped:?}");
        assert!(clumped.upper.unwrap() > 100.0, "{clumped:?}");
    }

    #[test]
    fn edges() {
        let some = even(&[1, 2, 3]);
        for (recent, baseline) in [
            (even(&[]), some.clone()),
            (some.clone(), even(&[])),
            (even(&[0, 0]), even(&[0, 0, 0])),
            // One week each shows no variation, and neither do weeks without events.
            (even(&[1]), even(&[2])),
            (even(&[0, 0, 0]), even(&[5])),
            (weeks(&[0], &[0.0]), some.clone()),
            (weeks(&[1, 1], &[0.0, 1.0]), some.clone()),
            (weeks(&[1, 1], &[-1.0, 1.0]), some.clone()),
            (weeks(&[1, 1], &[f64::NAN, 1.0]), some.clone()),
            (weeks(&[1, 1], &[f64::INFINITY, 1.0]), some.clone()),
        ] {
            assert_eq!(ask(&recent, &baseline), None, "{recent:?} {baseline:?}");
        }
        // Weeks that were not exposed are not there.
        assert_eq!(ask(&weeks(&[4, 0, 5], &[1.0, 0.0, 1.0]), &some), ask(&even(&[4, 5]), &some));
    }

    #[test]
    fn laws() {
        let (recent, baseline) = (weeks(&[3, 9, 1], &[1.0, 2.0, 0.5]), weeks(&[8, 2, 7, 20], &[1.0, 0.5, 2.0, 1.5]));
        let got = ask(&recent, &baseline).unwrap();
        let turned = ask(&baseline, &recent).unwrap();
        assert!(near(got.ratio.unwrap() * turned.ratio.unwrap(), 1.0) && near(got.p_value, turned.p_value));
        assert!(near(got.lower * turned.upper.unwrap(), 1.0) && near(turned.lower * got.upper.unwrap(), 1.0));
        // The unit of exposure says nothing.
        let scale = |weeks: &[Exposed]| -> Vec<Exposed> {
            weeks.iter().map(|&Exposed { events, exposure }| Exposed { events, exposure: 7.0 * exposure }).collect()
        };
        let scaled = ask(&scale(&recent), &scale(&baseline)).unwrap();
        assert!(near(scaled.ratio.unwrap(), got.ratio.unwrap()) && near(scaled.dispersion, got.dispersion));
        let alike = ask(&even(&[3, 5]), &even(&[5, 3, 4])).unwrap();
        assert!(near(alike.ratio.unwrap(), 1.0) && near(alike.p_value, 1.0), "{alike:?}");
    }

    /// Counts in clumps, 4 weeks and 12 of one rate: a test for Poisson counts would find 30 % of them to differ.
    #[test]
    fn the_interval_covers() {
        let mut random = SplitMix64::new(11);
        let mut week = || {
            let clumps: u64 = (0..12).map(|_| u64::from(random.uniform() < 0.25)).sum();
            Exposed { events: (0..clumps).map(|_| 1 + u64::from(random.below(5))).sum(), exposure: 1.0 }
        };
        let (mut held, mut found) = (0_u32, 0_u32);
        for _ in 0..2_000 {
            let recent: Vec<Exposed> = (0..4).map(|_| week()).collect();
            let baseline: Vec<Exposed> = (0..12).map(|_| week()).collect();
            let got = ask(&recent, &baseline).unwrap();
            held += u32::from(got.lower <= 1.0 && 1.0 <= got.upper.unwrap());
            found += u32::from(got.p_value < 0.05);
        }
        assert_eq!(held + found, 2_000);
        assert!((1_860..1_960).contains(&held), "{held}");
    }
}
