//! Logistic regression of rows that come in clusters, such as accounts that come up at many dates.

use super::cholesky::Cholesky;
use super::model::{Model, log_odds, probability};
use super::{LogisticFit, Observations, Term};

/// What the clusters of a fitted model say of it.
///
/// ```text
/// g(i)         Σ (s - t p) x over the rows of cluster i
/// H            Σ t p(1-p) x x' + diag(ridge),   J = Σ g(i) g(i)'
/// errors       √ of the diagonal of G/(G-1) H⁻¹ J H⁻¹
/// parameters   tr(H⁻¹ J): by so much the log-likelihood of the fitted clusters is better than that of others, on average
/// without i    b - H⁻¹ g(i), one step of Newton's method from the model with cluster i to the one without it
/// ```
///
/// Rows of one cluster say much the same, so that the usual errors are far too small and the usual number of
/// parameters is too small a penalty: both take every row for a new one. All is over the coefficients that no sign holds
/// at 0.
///
/// # References
///
/// K.-Y. Liang and S. L. Zeger (1986), "Longitudinal data analysis using generalized linear models", Biometrika 73, 13-22,
/// for the errors; K. Takeuchi (1976) and R. Shibata (1989), "Statistical aspects of model selection", for the parameters,
/// the latter with a ridge; D. Pregibon (1981), "Logistic regression diagnostics", Annals of Statistics 9, 705-724, for
/// the model without some rows.
#[derive(Debug)]
pub(crate) struct Clustered {
    members: Vec<usize>,
    /// H⁻¹ g, cluster by cluster.
    shifts: Vec<f64>,
    /// The diagonal of G/(G-1) H⁻¹ J H⁻¹.
    variances: Vec<f64>,
    parameters: f64,
    /// G/(G-1).
    correction: f64,
}

impl Clustered {
    /// Clusters are numbered from 0 to one less than `count`. `None` where there are fewer than two clusters, slices do
    /// not go together, or the information has no inverse.
    pub(crate) fn new(
        observations: Observations<'_>,
        terms: &[Term],
        fit: &LogisticFit,
        (clusters, count): (&[u32], usize),
    ) -> Option<Self> {
        let model = Model::new(observations, terms).ok()?;
        let size = fit.coefficients.len();
        if clusters.len() != observations.trials.len() || size != terms.len() + 1 {
            return None;
        }
        let members: Vec<usize> = (0..size).filter(|&place| fit.standard_errors[place].is_some()).collect();
        let curve = model.curve(&fit.coefficients);
        let factor = Cholesky::of(&curve.information, size, &members).ok()?;
        let width = members.len();
        let (mut shifts, mut there) = (vec![0.0; count * width], vec![false; count]);
        let columns = terms.len();
        for (row, &cluster) in clusters.iter().enumerate() {
            let values = &observations.design[row * columns..(row + 1) * columns];
            let (successes, trials) = (observations.successes[row], observations.trials[row]);
            let excess = successes - trials * probability(log_odds(&fit.coefficients, values));
            let own = shifts.get_mut(cluster as usize * width..(cluster as usize + 1) * width)?;
            for (sum, &member) in own.iter_mut().zip(&members) {
                *sum += excess * if member == 0 { 1.0 } else { values[member - 1] };
            }
            there[cluster as usize] |= trials > 0.0;
        }
        let (mut variances, mut parameters) = (vec![0.0; width], 0.0);
        for own in shifts.chunks_mut(width) {
            let score = own.to_vec();
            factor.solve(own);
            parameters += own.iter().zip(&score).map(|(shift, score)| shift * score).sum::<f64>();
            variances.iter_mut().zip(&*own).for_each(|(sum, shift)| *sum += shift * shift);
        }
        let clusters = super::super::float(there.iter().filter(|&&there| there).count() as u64);
        if clusters < 2.0 {
            return None;
        }
        let correction = clusters / (clusters - 1.0);
        variances.iter_mut().for_each(|variance| *variance *= correction);
        Some(Self { members, shifts, variances, parameters, correction })
    }

    /// The number of parameters that the model is worth.
    pub(crate) fn parameters(&self) -> f64 {
        self.parameters
    }

    /// In the order of the coefficients; `None` where a sign held one at 0.
    pub(crate) fn standard_errors(&self, coefficients: usize) -> Vec<Option<f64>> {
        let mut errors = vec![None; coefficients];
        for (&member, variance) in self.members.iter().zip(&self.variances) {
            errors[member] = Some(variance.sqrt());
        }
        errors
    }

    /// The variances and covariances of all coefficients, row by row; 0 for those that a sign held at 0.
    pub(crate) fn covariances(&self, coefficients: usize) -> Vec<f64> {
        let mut sums = vec![0.0; coefficients * coefficients];
        for shift in self.shifts.chunks(self.members.len()) {
            for (&member, one) in self.members.iter().zip(shift).filter(|(_, one)| **one != 0.0) {
                let row = &mut sums[member * coefficients..(member + 1) * coefficients];
                self.members.iter().zip(shift).for_each(|(&place, other)| row[place] += one * other);
            }
        }
        sums.iter_mut().for_each(|sum| *sum *= self.correction);
        sums
    }

    /// The log odds of a row of a cluster by the model without that cluster.
    pub(crate) fn without(&self, fit: &LogisticFit, cluster: u32, row: &[f64]) -> f64 {
        let width = self.members.len();
        let shift = &self.shifts[cluster as usize * width..(cluster as usize + 1) * width];
        let value = |member: usize| if member == 0 { 1.0 } else { row[member - 1] };
        let moved: f64 = self.members.iter().zip(shift).map(|(&member, shift)| value(member) * shift).sum();
        log_odds(&fit.coefficients, row) - moved
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Sign, logistic};
    use super::*;

    /// A table of numbers, its first line and what stands in `skip` first columns left out.
    fn table(name: &str, skip: usize) -> Vec<Vec<f64>> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/logistic").join(name);
        let text = std::fs::read_to_string(path).unwrap();
        let row = |line: &str| line.split(',').skip(skip).map(|value| value.parse().unwrap()).collect();
        text.lines().skip(1).map(row).collect()
    }

    fn near(got: f64, expected: f64) -> bool {
        (got - expected).abs() <= 1e-6 * (1.0 + expected.abs())
    }

    /// statsmodels and scikit-learn, as the README beside the data says.
    #[test]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
    fn golden() {
        let (data, expected) = (table("data.csv", 0), table("coefficients.csv", 1));
        let design: Vec<f64> = data.iter().flat_map(|row| row[1..5].to_vec()).collect();
        let successes: Vec<f64> = data.iter().map(|row| row[5]).collect();
        let accounts: Vec<u32> = data.iter().map(|row| row[0] as u32).collect();
        let trials = vec![1.0; successes.len()];
        let observations = Observations { design: &design, successes: &successes, trials: &trials };
        let terms = [Term { ridge: 0.0, sign: Sign::Free }; 4];
        let fit = logistic(observations, &terms).unwrap();
        let clustered = Clustered::new(observations, &terms, &fit, (&accounts, 60)).unwrap();
        let (errors, covariances) = (clustered.standard_errors(5), clustered.covariances(5));
        let ridges = [Term { ridge: 5.0, sign: Sign::Free }; 4];
        let ridge = logistic(observations, &ridges).unwrap();
        for (place, row) in expected.iter().enumerate() {
            assert!(near(fit.coefficients[place], row[0]), "{place} {fit:?}");
            assert!(near(fit.standard_errors[place].unwrap(), row[1]), "{place} {fit:?}");
            assert!(near(errors[place].unwrap(), row[2]), "{place} {errors:?}");
            assert!(near(covariances[6 * place], row[2] * row[2]), "{place} {covariances:?}");
            assert!(near(ridge.coefficients[place], row[3]), "{place} {ridge:?}");
        }
    }

    /// The step to the model without a cluster leads nearly to the model that is fitted without it.
    #[test]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
    fn without_a_cluster() {
        let data = table("data.csv", 0);
        let columns = |rows: &[&Vec<f64>]| -> (Vec<f64>, Vec<f64>) {
            (rows.iter().flat_map(|row| row[1..5].to_vec()).collect(), rows.iter().map(|row| row[5]).collect())
        };
        let terms = [Term { ridge: 1.0, sign: Sign::Free }; 4];
        let fitted = |design: &[f64], successes: &[f64]| {
            logistic(Observations { design, successes, trials: &vec![1.0; successes.len()] }, &terms).unwrap()
        };
        let all: Vec<&Vec<f64>> = data.iter().collect();
        let (design, successes) = columns(&all);
        let fit = fitted(&design, &successes);
        let accounts: Vec<u32> = data.iter().map(|row| row[0] as u32).collect();
        let trials = vec![1.0; successes.len()];
        let observations = Observations { design: &design, successes: &successes, trials: &trials };
        let clustered = Clustered::new(observations, &terms, &fit, (&accounts, 60)).unwrap();
        for account in [0, 17, 42] {
            let others: Vec<&Vec<f64>> = data.iter().filter(|row| row[0] as u32 != account).collect();
            let (design, successes) = columns(&others);
            let without = fitted(&design, &successes);
            for row in data.iter().filter(|row| row[0] as u32 == account) {
                let (with, told) =
                    (log_odds(&fit.coefficients, &row[1..5]), clustered.without(&fit, account, &row[1..5]));
                let truth = log_odds(&without.coefficients, &row[1..5]);
                assert!((told - truth).abs() <= 0.25 * (with - truth).abs() + 0.01, "{with} {told} {truth}");
            }
        }
        assert!(clustered.parameters() > 3.0 && clustered.parameters() < 12.0, "{}", clustered.parameters());
        assert!(Clustered::new(observations, &terms, &fit, (&vec![0; 240], 1)).is_none());
    }
}
