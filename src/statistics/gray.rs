//! Does one cause of several strike groups alike, the others being there: Gray's test from counts per time.

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::float;
use super::log_rank::quadratic_form;

/// Who was at risk and who was lost at each time of one stratum, time by time and within a time group by group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Risks<'a> {
    pub(crate) at_risk: &'a [u64],
    /// Lost to the cause that is asked about.
    pub(crate) of_cause: &'a [u64],
    /// Lost to any other.
    pub(crate) of_others: &'a [u64],
}

/// The sums of Gray's test, stratum by stratum.
#[derive(Debug)]
pub(crate) struct GraySums {
    groups: usize,
    rho: f64,
    score: Vec<f64>,
    /// Row by row.
    covariance: Vec<f64>,
}

/// The state of one group between two times.
#[derive(Clone, Copy, Debug)]
struct Group {
    /// The share that no cause has struck.
    free: f64,
    /// The share that the cause has struck.
    incidence: f64,
}

impl GraySums {
    pub(crate) fn new(groups: usize, rho: f64) -> Self {
        Self { groups, rho, score: vec![0.0; groups], covariance: vec![0.0; groups * groups] }
    }

    /// Takes in a stratum.
    ///
    /// ```text
    /// of group g before a time   n at risk, K free of all causes, F struck by this one;  h = n/K,  H = sum of h
    /// of all groups              F0 = sum of d/H, what the incidence would be if they were alike;  W = (1 - F0)^rho
    /// score                      sum of W (d(g) - d R(g) / sum of R),  R = n (1 - F)/K
    /// weights                    a(g,k) = W h(g) (1[g=k] - h(k)/H),  C(g,k) = sum over this time and later ones of
    ///                            a(g,k) d / (H (1 - F0)), so that c is what lies behind the time
    /// variance of the score      sum over times and groups k of
    ///                            (a(g,k) + b c(g,k))² K d/(H n)  +  (1-b)² c(g,k)² K² d'/n²
    ///                            b = 1 - (1 - F0)/K after the time; d' lost to other causes in group k
    /// ```
    ///
    /// with covariances likewise, and each count corrected for ties by (m - d)/(m - 1) for d of m. The weights of later
    /// times are needed at the earlier ones, so that the times are gone through twice.
    pub(crate) fn add(&mut self, stratum: Risks<'_>) {
        let mut behind = vec![0.0; self.groups * self.groups];
        self.pass(stratum, &mut behind, false);
        self.pass(stratum, &mut behind, true);
    }

    /// One pass over the times: the first sums the weights up, the second takes them off again and sums the scores.
    fn pass(&mut self, Risks { at_risk, of_cause, of_others }: Risks<'_>, behind: &mut [f64], second: bool) {
        let groups = self.groups;
        let mut state = vec![Group { free: 1.0, incidence: 0.0 }; groups];
        let (mut hazards, mut weights) = (vec![0.0; groups], vec![0.0; groups * groups]);
        let mut pooled = 0.0_f64;
        let times = at_risk.chunks_exact(groups).zip(of_cause.chunks_exact(groups)).zip(of_others.chunks_exact(groups));
        for ((n, d), others) in times {
            for (hazard, (&n, group)) in hazards.iter_mut().zip(n.iter().zip(&state)) {
                // Who enters a group of which nobody was left cannot be weighed.
                *hazard = if n > 0 && group.free > 0.0 { float(n) / group.free } else { 0.0 };
            }
            let (all, lost) = (hazards.iter().sum::<f64>(), float(d.iter().sum::<u64>()));
            if all <= 0.0 {
                continue;
            }
            let after = pooled + lost / all;
            if lost > 0.0 && pooled < 1.0 {
                let weight = (1.0 - pooled).powf(self.rho);
                let step = lost / (all * (1.0 - pooled));
                for (row, &hazard) in hazards.iter().enumerate() {
                    for (column, &other) in hazards.iter().enumerate() {
                        let own = if row == column { 1.0 } else { 0.0 };
                        let cell = row * groups + column;
                        weights[cell] = weight * hazard * (own - other / all);
                        behind[cell] += if second { -weights[cell] * step } else { weights[cell] * step };
                    }
                }
                if second {
                    self.score(weight, d, lost, &hazards, &state);
                }
            } else {
                weights.fill(0.0);
            }
            for (k, group) in state.iter_mut().enumerate() {
                if hazards[k] <= 0.0 {
                    continue;
                }
                let before = group.free;
                group.incidence += before * float(d[k]) / float(n[k]);
                group.free *= float(n[k] - d[k] - others[k]) / float(n[k]);
                if second {
                    let left = if group.free > 0.0 { (1.0 - after) / group.free } else { 0.0 };
                    let variance = tied(lost, all * before) * before * lost / (all * float(n[k]));
                    let other = if group.free > 0.0 { float(others[k]) } else { 0.0 };
                    let other = tied(other, float(n[k])) * (before / float(n[k])).powi(2) * other;
                    self.spread(k, &weights, behind, 1.0 - left, variance, left * left * other);
                }
            }
            pooled = after;
        }
    }

    fn score(&mut self, weight: f64, d: &[u64], lost: f64, hazards: &[f64], state: &[Group]) {
        let at_risk = |(hazard, group): (&f64, &Group)| hazard * (1.0 - group.incidence);
        let all: f64 = hazards.iter().zip(state).map(at_risk).sum();
        if all <= 0.0 {
            return;
        }
        for (score, (&d, own)) in self.score.iter_mut().zip(d.iter().zip(hazards.iter().zip(state))) {
            *score += weight * (float(d) - lost * at_risk(own) / all);
        }
    }

    /// Adds what the chance in group `k` does to the scores.
    fn spread(&mut self, k: usize, weights: &[f64], behind: &[f64], b: f64, of_cause: f64, of_others: f64) {
        let groups = self.groups;
        for row in 0..groups {
            let (one, later) = (weights[row * groups + k], behind[row * groups + k]);
            let moved = one + b * later;
            for column in 0..groups {
                let (other, other_later) = (weights[column * groups + k], behind[column * groups + k]);
                self.covariance[row * groups + column] +=
                    moved * (other + b * other_later) * of_cause + later * other_later * of_others;
            }
        }
    }

    /// The statistic, its degrees of freedom and its p-value, `None` if no two groups could differ.
    pub(crate) fn test(self) -> (f64, u32, Option<f64>) {
        let (chi_square, freedom) = quadratic_form(self.score, self.covariance);
        (chi_square, freedom, ChiSquared::new(f64::from(freedom)).ok().map(|chi| chi.sf(chi_square)))
    }
}

/// How much less `d` of `m` vary than so many one after the other.
fn tied(d: f64, m: f64) -> f64 {
    if d > 1.0 && m > 1.0 { (1.0 - (d - 1.0) / (m - 1.0)).max(0.0) } else { 1.0 }
}
