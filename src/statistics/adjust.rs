//! p-values of many tests at once.

use std::fmt;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How p-values are corrected for the number of tests: of twenty without any difference, one will be below 0.05.
///
/// Adjusted p-values are compared with the level that one would have taken for a single test. They are those of R's
/// `p.adjust`.
///
/// # References
///
/// S. Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6,
/// 65-70; Y. Benjamini and Y. Hochberg (1995), "Controlling the false discovery rate", JRSS B 57, 289-300; Y. Benjamini
/// and D. Yekutieli (2001), "The control of the false discovery rate in multiple testing under dependency", Annals of
/// Statistics 29, 1165-1188.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Correction {
    /// p-values as they are: for one test that was chosen before looking.
    None,
    /// Each times the number of tests. The chance of even one false finding stays below the level; Holm's has the same
    /// promise and finds more.
    Bonferroni,
    /// The smallest times the number of tests, the next times one less, and so on. The chance of even one false finding
    /// stays below the level, however the tests depend on each other.
    Holm,
    /// Of the findings, the share that are false stays below the level on average, for tests that are independent or
    /// lean the same way.
    BenjaminiHochberg,
    /// The same however the tests depend on each other, at the price of finding less.
    BenjaminiYekutieli,
}

impl Correction {
    /// Adjusted p-values in the order of the p-values.
    #[expect(clippy::cast_precision_loss, reason = "there are far fewer tests than 2^53")]
    pub(crate) fn adjust(self, p_values: &[f64]) -> Vec<f64> {
        let tests = p_values.len();
        let mut order: Vec<usize> = (0..tests).collect();
        // Equal p-values come out equal in whichever order they stand.
        order.par_sort_unstable_by(|&one, &other| p_values[one].total_cmp(&p_values[other]));
        let mut adjusted = p_values.to_vec();
        match self {
            Self::None => {}
            Self::Bonferroni => adjusted.iter_mut().for_each(|p| *p = (*p * tests as f64).min(1.0)),
            Self::Holm => {
                let mut most = 0.0_f64;
                for (smaller, &place) in order.iter().enumerate() {
                    most = most.max(p_values[place] * (tests - smaller) as f64);
                    adjusted[place] = most.min(1.0);
                }
            }
            Self::BenjaminiHochberg | Self::BenjaminiYekutieli => {
                let dependence = match self {
                    Self::BenjaminiYekutieli => (1..=tests).map(|rank| 1.0 / rank as f64).sum(),
                    _ => 1.0,
                };
                let mut least = 1.0_f64;
                for (smaller, &place) in order.iter().enumerate().rev() {
                    least = least.min(p_values[place] * dependence * tests as f64 / (smaller + 1) as f64);
                    adjusted[place] = least;
                }
            }
        }
        adjusted
    }
}

impl fmt::Display for Correction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "no correction",
            Self::Bonferroni => "Bonferroni's correction",
            Self::Holm => "Holm's correction",
            Self::BenjaminiHochberg => "Benjamini and Hochberg's correction",
            Self::BenjaminiYekutieli => "Benjamini and Yekutieli's correction",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Correction; 5] = [
        Correction::None,
        Correction::Bonferroni,
        Correction::Holm,
        Correction::BenjaminiHochberg,
        Correction::BenjaminiYekutieli,
    ];

    /// R 4.2.2, `p.adjust`.
    #[test]
    fn golden() {
        let few = [0.01, 0.02, 0.03, 0.04, 0.05];
        let ties = [0.0001, 0.8, 0.04, 0.04, 0.2, 0.011];
        let by = 0.114_166_666_666_666_67;
        let cases: [(&[f64], Correction, &[f64]); 9] = [
            (&few, Correction::None, &few),
            (&few, Correction::Bonferroni, &[0.05, 0.1, 0.15, 0.2, 0.25]),
            (&few, Correction::Holm, &[0.05, 0.08, 0.09, 0.09, 0.09]),
            (&few, Correction::BenjaminiHochberg, &[0.05; 5]),
            (&few, Correction::BenjaminiYekutieli, &[by; 5]),
            (&ties, Correction::Bonferroni, &[0.0006, 1.0, 0.24, 0.24, 1.0, 0.066]),
            (&ties, Correction::Holm, &[0.0006, 0.8, 0.16, 0.16, 0.4, 0.055]),
            (&ties, Correction::BenjaminiHochberg, &[0.0006, 0.8, 0.06, 0.06, 0.24, 0.033]),
            (&ties, Correction::BenjaminiYekutieli, &[0.001_47, 1.0, 0.147, 0.147, 0.588, 0.080_85]),
        ];
        for (p_values, correction, expected) in cases {
            let adjusted = correction.adjust(p_values);
            let near = adjusted.iter().zip(expected).all(|(got, expected)| (got - expected).abs() <= 1e-12 * expected);
            assert!(near && adjusted.len() == expected.len(), "{correction}: {adjusted:?}");
        }
    }

    #[test]
    fn laws() {
        let p_values = [0.2, 0.001, 0.04, 1.0, 0.04, 0.0, 0.7, 0.013];
        for correction in ALL {
            assert_eq!(correction.adjust(&[]), [0.0; 0]);
            assert_eq!(correction.adjust(&[0.03]), [0.03], "one test needs no correction: {correction}");
            let adjusted = correction.adjust(&p_values);
            assert!(adjusted.iter().zip(&p_values).all(|(adjusted, p)| p <= adjusted && *adjusted <= 1.0));
            let mut reversed = p_values;
            reversed.reverse();
            assert!(correction.adjust(&reversed).iter().eq(adjusted.iter().rev()), "{correction}");
        }
        let [bonferroni, holm, hochberg, yekutieli] = [1, 2, 3, 4].map(|one| ALL[one].adjust(&p_values));
        for test in 0..p_values.len() {
            assert!(hochberg[test] <= holm[test] && holm[test] <= bonferroni[test]);
            assert!(hochberg[test] <= yekutieli[test]);
        }
    }
}
