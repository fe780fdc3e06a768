//! Logistic regression of grouped rows, with a ridge and with signs that are known beforehand.

mod cholesky;
mod clustered;
mod model;

use cholesky::Cholesky;
pub(crate) use clustered::Clustered;
use model::Model;
use model::log_odds;
pub(crate) use model::probability;

/// A step that moves no row's log odds by more than this is the last; the next would be its square.
const SETTLED: f64 = 1e-8;

/// A last step of more than that is let pass where rounding keeps steps from getting smaller still.
const NEARLY_SETTLED: f64 = 1e-5;

/// Newton's method needs about six steps; some thirty show that there is no end.
const MOST_STEPS: u32 = 60;

const MOST_HALVINGS: u32 = 40;

/// Log-likelihoods closer than this, relative to their size, are equal but for rounding.
const ROUNDING: f64 = 1e-12;

/// Grouped rows: so many successes of so many trials at the same values. Both may be weights that are not whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observations<'a> {
    /// Row by row, without a column of ones: the intercept comes by itself.
    pub(crate) design: &'a [f64],
    pub(crate) successes: &'a [f64],
    pub(crate) trials: &'a [f64],
}

/// What is asked of the coefficient of one column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Term {
    /// How much half the squared coefficient costs in log-likelihood; scikit-learn's 1/C. 0 for none.
    pub(crate) ridge: f64,
    pub(crate) sign: Sign,
}

/// Which signs a coefficient may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Free,
    NotNegative,
    NotPositive,
}

impl Sign {
    fn forbids(self, coefficient: f64) -> bool {
        match self {
            Self::Free => false,
            Self::NotNegative => coefficient < 0.0,
            Self::NotPositive => coefficient > 0.0,
        }
    }
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogisticFit {
    /// The intercept, then one for each column.
    pub(crate) coefficients: Vec<f64>,
    /// In the same order; `None` where a sign held the coefficient at 0.
    pub(crate) standard_errors: Vec<Option<f64>>,
    /// Without the ridge, and without the binomial coefficients of grouped rows, which no model changes.
    pub(crate) log_likelihood: f64,
    /// Twice what the log-likelihood is short of that of a model with a rate for each row.
    pub(crate) deviance: f64,
    pub(crate) steps: u32,
}

impl LogisticFit {
    /// The chance of success at the values of a row.
    pub(crate) fn probability(&self, row: &[f64]) -> f64 {
        probability(log_odds(&self.coefficients, row))
    }
}

/// Why there is no fitted model. Coefficients are counted from 0, the intercept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoFit {
    /// Slices do not go together, a number is not finite, a ridge is negative, or there are more successes than trials.
    Malformed,
    /// There is no trial.
    Empty,
    /// This coefficient's column follows from the ones before it; a ridge would settle it.
    Collinear {
        coefficient: usize,
    },
    /// Some combination of columns tells successes from failures without a fault: the larger the coefficients the
    /// better, and this one moves rows most. A ridge would settle it.
    Separated {
        coefficient: usize,
    },
    NotConverged {
        steps: u32,
    },
}

/// Logistic regression by Newton's method.
///
/// ```text
/// log odds     η = b(0) + Σ b(j) x(j)
/// maximised    Σ over rows (s η - t log(1 + exp η)) - 1/2 Σ ridge(j) b(j)²
/// information  H = Σ t p(1-p) x x' + diag(ridge)
/// step         the b that is best for the parabola at the last b within the signs; halved until it is no worse
/// errors       √ of the diagonal of H⁻¹, over the coefficients that are not held at 0
/// ```
///
/// With a ridge H⁻¹ is the usual (posterior) covariance, which takes no account of the pull towards 0. A ridge asks for
/// columns of like scale, and columns should not lie far from 0 against their spread, for then they are collinear with
/// the intercept.
///
/// Best within the signs is found by an active set: coefficients leave it as they would turn, and come back while
/// their slope says so. Systems of equations are small (one row for each coefficient), so that a Cholesky factor of
/// our own does.
///
/// Separation is proved, not guessed from large numbers: a step along which no success gets less likely and no failure
/// more likely, that no ridge and no sign stops, could be taken for ever.
///
/// # References
///
/// P. McCullagh and J. A. Nelder (1989), "Generalized Linear Models", 2nd ed., chapter 4; C. L. Lawson and R. J. Hanson
/// (1974), "Solving Least Squares Problems", chapter 23, for signs; A. Albert and J. A. Anderson (1984), "On the existence
/// of maximum likelihood estimates in logistic regression models", Biometrika 71, 1-10, for separation; S. le Cessie and
/// J. C. van Houwelingen (1992), "Ridge estimators in logistic regression", Applied Statistics 41, 191-201.
pub(crate) fn logistic(observations: Observations<'_>, terms: &[Term]) -> Result<LogisticFit, NoFit> {
    let model = Model::new(observations, terms)?;
    let mut coefficients = vec![0.0; terms.len() + 1];
    let mut here = model.curve(&coefficients);
    let flat = here.information.clone();
    let mut before = f64::INFINITY;
    for steps in 1..=MOST_STEPS {
        let Ok(aim) = model.aim(&coefficients, &here) else {
            // At even odds every row has its weight: what has no inverse there never has.
            let all: Vec<usize> = (0..coefficients.len()).collect();
            if let Err(coefficient) = Cholesky::of(&flat, coefficients.len(), &all) {
                return Err(NoFit::Collinear { coefficient });
            }
            // Weights are gone because odds are long: the way here may be one that never ends.
            let far = model.separates(&coefficients);
            return Err(far.map_or(NoFit::NotConverged { steps }, |coefficient| NoFit::Separated { coefficient }));
        };
        let direction: Vec<f64> = aim.iter().zip(&coefficients).map(|(aim, now)| aim - now).collect();
        let moved = model.largest_move(&direction);
        let settled = moved <= SETTLED || moved <= NEARLY_SETTLED && moved > before / 2.0;
        if !settled && let Some(coefficient) = model.separates(&direction) {
            return Err(NoFit::Separated { coefficient });
        }
        let worst = here.objective - ROUNDING * (1.0 + here.objective.abs());
        let step = |halvings: u32| -> Vec<f64> {
            let length = 0.5_f64.powi(i32::try_from(halvings).unwrap_or(i32::MAX));
            coefficients.iter().zip(&direction).map(|(now, along)| now + length * along).collect()
        };
        // The aim itself, and not what lies within rounding of it: a coefficient held at 0 is 0.
        let candidates = std::iter::once(aim).chain((1..MOST_HALVINGS).map(step));
        let Some(next) = candidates.into_iter().find(|candidate| model.objective(candidate) >= worst) else {
            return Err(NoFit::NotConverged { steps });
        };
        (coefficients, before) = (next, moved);
        here = model.curve(&coefficients);
        if settled {
            return model.answer(coefficients, &here, steps);
        }
    }
    Err(NoFit::NotConverged { steps: MOST_STEPS })
}

#[cfg(test)]
mod tests {
    use super::super::random::SplitMix64;
    use super::*;

    const FREE: Term = Term { ridge: 0.0, sign: Sign::Free };
    const UP: Term = Term { ridge: 0.0, sign: Sign::NotNegative };
    const DOWN: Term = Term { ridge: 0.0, sign: Sign::NotPositive };

    const fn ridge(ridge: f64) -> Term {
        Term { ridge, sign: Sign::Free }
    }

    #[rustfmt::skip]
    const DESIGN: [f64; 30] = [
        0.0, 1.0, -0.5,  1.0, 0.0, 0.3,  2.0, 1.0, 1.1,  3.0, 0.0, -1.2,  0.5, 1.0, 0.8,
        1.5, 0.0, -0.4,  2.5, 1.0, 0.1,  3.5, 0.0, 0.9,  0.2, 0.0, -0.9,  1.2, 1.0, 0.6,
    ];
    const GROUPED: Observations<'_> = Observations {
        design: &DESIGN,
        successes: &[3.0, 6.0, 9.0, 7.0, 2.0, 8.0, 5.0, 12.0, 1.0, 4.0],
        trials: &[10.0, 12.0, 11.0, 9.0, 7.0, 20.0, 6.0, 13.0, 15.0, 8.0],
    };

    fn near(got: &[f64], expected: &[f64]) -> bool {
        got.len() == expected.len()
            && got.iter().zip(expected).all(|(got, expected)| (got - expected).abs() <= 1e-9 * (1.0 + expected.abs()))
    }

    /// One trial a row.
    fn single(design: &[f64], successes: &[f64], terms: &[Term]) -> Result<LogisticFit, NoFit> {
        logistic(Observations { design, successes, trials: &vec![1.0; successes.len()] }, terms)
    }

    /// statsmodels 0.15.0, `GLM(family=Binomial())`; its log-likelihood is without the binomial coefficients here.
    #[test]
    fn grouped_rows() {
        let got = logistic(GROUPED, &[FREE; 3]).unwrap();
        #[rustfmt::skip]
        assert!(near(&got.coefficients, &[-1.780_043_647_370_187_7, 1.128_608_419_507_342_7, 0.486_872_194_996_368_9, 0.393_922_612_753_984_55]), "{got:?}");
        let errors: Vec<f64> = got.standard_errors.iter().map(|error| error.unwrap()).collect();
        #[rustfmt::skip]
        assert!(near(&errors, &[0.525_701_075_984_839_6, 0.253_238_046_399_846_76, 0.583_198_016_386_359_5, 0.394_720_021_737_276_27]), "{got:?}");
        assert!(near(&[got.deviance, got.log_likelihood], &[2.979_001_580_667_77, -58.994_875_622_180_08]), "{got:?}");
        assert!(got.steps <= 7, "{got:?}");
        // Rows that are split, or have no trials, say the same.
        let design = [&DESIGN[..], &DESIGN, &[9.0, 9.0, 9.0]].concat();
        let successes: Vec<f64> = GROUPED.successes.iter().copied().chain([0.0; 11]).collect();
        let failures = GROUPED.successes.iter().zip(GROUPED.trials).map(|(successes, trials)| trials - successes);
        let trials: Vec<f64> = GROUPED.successes.iter().copied().chain(failures).chain([0.0]).collect();
        let split =
            logistic(Observations { design: &design, successes: &successes, trials: &trials }, &[FREE; 3]).unwrap();
        assert!(near(&split.coefficients, &got.coefficients), "{split:?}");
        assert!(near(&[split.log_likelihood, split.deviance], &[got.log_likelihood, -2.0 * got.log_likelihood]));
    }

    /// statsmodels 0.15.0, `Logit`: Spector and Mazzeo's students, its own data set.
    #[test]
    #[rustfmt::skip]
    fn single_rows() {
        let design = [
            2.66, 20.0, 0.0, 2.89, 22.0, 0.0, 3.28, 24.0, 0.0, 2.92, 12.0, 0.0, 4.0, 21.0, 0.0, 2.86, 17.0, 0.0,
            2.76, 17.0, 0.0, 2.87, 21.0, 0.0, 3.03, 25.0, 0.0, 3.92, 29.0, 0.0, 2.63, 20.0, 0.0, 3.32, 23.0, 0.0,
            3.57, 23.0, 0.0, 3.26, 25.0, 0.0, 3.53, 26.0, 0.0, 2.74, 19.0, 0.0, 2.75, 25.0, 0.0, 2.83, 19.0, 0.0,
            3.12, 23.0, 1.0, 3.16, 25.0, 1.0, 2.06, 22.0, 1.0, 3.62, 28.0, 1.0, 2.89, 14.0, 1.0, 3.51, 26.0, 1.0,
            3.54, 24.0, 1.0, 2.83, 27.0, 1.0, 3.39, 17.0, 1.0, 2.67, 24.0, 1.0, 3.65, 21.0, 1.0, 4.0, 23.0, 1.0,
            3.1, 21.0, 1.0, 2.39, 19.0, 1.0,
        ];
        let successes = [
            0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0,
            0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0,
        ];
        let got = single(&design, &successes, &[FREE; 3]).unwrap();
        assert!(near(&got.coefficients, &[-13.021_346_858_115_692, 2.826_112_594_889_321_5, 0.095_157_661_317_909_29, 2.378_687_655_093_354_4]), "{got:?}");
        let errors: Vec<f64> = got.standard_errors.iter().map(|error| error.unwrap()).collect();
        assert!(near(&errors, &[4.931_324_213_602_763, 1.262_941_075_629_094, 0.141_554_205_673_694_5, 1.064_564_254_497_132]), "{got:?}");
        assert!(near(&[got.log_likelihood, got.deviance], &[-12.889_634_222_131_415, 25.779_268_444_262_83]));
    }

    /// scikit-learn 1.9.1, `LogisticRegression(C=0.5, solver="newton-cholesky")`; then scipy 1.17.1, `L-BFGS-B` and
    /// Newton's method, for a ridge of its own for each coefficient.
    #[test]
    #[rustfmt::skip]
    fn ridges() {
        let got = logistic(GROUPED, &[ridge(2.0); 3]).unwrap();
        assert!(near(&got.coefficients, &[-1.526_355_327_597_202_2, 0.998_414_314_304_262_6, 0.305_472_314_166_215_84, 0.397_398_927_152_667]), "{got:?}");
        let got = logistic(GROUPED, &[ridge(0.5), ridge(4.0), ridge(0.0)]).unwrap();
        assert!(near(&got.coefficients, &[-1.575_647_310_985_947_5, 1.063_692_613_384_609_4, 0.198_396_664_569_840_45, 0.510_760_847_977_805_6]), "{got:?}");
    }

    /// scipy 1.17.1, as above, with bounds.
    #[test]
    #[rustfmt::skip]
    fn signs() {
        let got = logistic(GROUPED, &[UP, UP, DOWN]).unwrap();
        assert!(near(&got.coefficients, &[-2.015_173_108_482_465, 1.203_415_486_031_172_3, 0.826_898_093_335_120_7, 0.0]), "{got:?}");
        assert_eq!((got.coefficients[3], got.standard_errors[3]), (0.0, None));
        let got = logistic(GROUPED, &[DOWN, FREE, FREE]).unwrap();
        assert!(near(&got.coefficients, &[0.211_250_730_301_195_3, 0.0, -0.421_683_705_676_032_64, 0.950_545_979_564_382_5]), "{got:?}");
        // Signs that the free model has anyway change nothing.
        let free = logistic(GROUPED, &[FREE; 3]).unwrap();
        assert!(near(&logistic(GROUPED, &[UP; 3]).unwrap().coefficients, &free.coefficients));
    }

    /// At the maximum the slope is 0, and points outward where a sign holds.
    #[test]
    fn slopes_at_random() {
        let mut random = SplitMix64::new(41);
        let mut held = 0;
        for columns in [1, 2, 5, 12, 40] {
            for _ in 0..6 {
                let rows = 30 + 12 * columns;
                let design: Vec<f64> = (0..rows * columns).map(|_| random.uniform() * 4.0 - 2.0).collect();
                let trials: Vec<f64> = (0..rows).map(|_| f64::from(1 + random.below(5))).collect();
                let successes: Vec<f64> =
                    trials.iter().map(|trials| (random.uniform() * (trials + 1.0)).floor()).collect();
                let terms: Vec<Term> = (0..columns)
                    .map(|_| Term {
                        ridge: f64::from(random.below(2)) * random.uniform(),
                        sign: [Sign::Free, Sign::NotNegative, Sign::NotPositive][random.below(3) as usize],
                    })
                    .collect();
                let observations = Observations { design: &design, successes: &successes, trials: &trials };
                let got = logistic(observations, &terms).unwrap();
                for place in 0..=columns {
                    let slope: f64 = (0..rows)
                        .map(|row| {
                            let values = &design[row * columns..(row + 1) * columns];
                            let value = if place == 0 { 1.0 } else { values[place - 1] };
                            (successes[row] - trials[row] * got.probability(values)) * value
                        })
                        .sum();
                    let coefficient = got.coefficients[place];
                    let (ridge, sign) =
                        if place == 0 { (0.0, Sign::Free) } else { (terms[place - 1].ridge, terms[place - 1].sign) };
                    assert!(!sign.forbids(coefficient));
                    if got.standard_errors[place].is_some() {
                        assert!((slope - ridge * coefficient).abs() < 1e-7, "{slope} {got:?}");
                    } else {
                        assert!(sign.forbids(slope), "{slope} {got:?}");
                        held += 1;
                    }
                }
            }
        }
        assert!(held > 30, "{held}");
    }

    #[test]
    fn separation_is_told() {
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        // Complete; quasi, with a success and a failure at 3; and a column of which one value has successes only.
        assert_eq!(single(&x, &[0.0, 0.0, 0.0, 1.0, 1.0, 1.0], &[FREE]), Err(NoFit::Separated { coefficient: 1 }));
        let tied = [1.0, 2.0, 3.0, 3.0, 5.0, 6.0];
        assert!(matches!(single(&tied, &[0.0, 0.0, 0.0, 1.0, 1.0, 1.0], &[FREE]), Err(NoFit::Separated { .. })));
        let flag = [0.3, 0.0, 0.1, 0.0, 0.9, 0.0, 0.5, 1.0, 0.2, 1.0, 0.7, 0.0, 0.4, 0.0];
        let outcome = [0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0];
        assert_eq!(single(&flag, &outcome, &[FREE, FREE]), Err(NoFit::Separated { coefficient: 2 }));
        // A ridge, or a sign, on the column that runs away stops it; on another it does not.
        assert!(single(&flag, &outcome, &[FREE, ridge(0.1)]).unwrap().coefficients[2] > 0.5);
        assert!(near(&single(&flag, &outcome, &[FREE, DOWN]).unwrap().coefficients[2..], &[0.0]));
        assert_eq!(single(&flag, &outcome, &[ridge(1.0), FREE]), Err(NoFit::Separated { coefficient: 2 }));
        assert!(single(&x, &[0.0, 0.0, 0.0, 1.0, 1.0, 1.0], &[ridge(1.0)]).unwrap().coefficients[1] > 0.5);
        // Successes are told from failures by a falling third coefficient, which may not fall below 0: it does not help
        // that it falls for a while.
        #[rustfmt::skip]
        let design = [
            1.0, -2.0, -2.0, -3.0, -3.0, 4.0, 0.0, -1.0, 3.0, 4.0, -3.0, -3.0, -1.0, -3.0, 4.0, -4.0, 0.0, 0.0, 0.0, 1.0, 2.0,
            0.0, 2.0, 0.0, 3.0, -3.0, -4.0, -3.0, 4.0, 1.0,
        ];
        let outcome = [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
        assert!(matches!(single(&design, &outcome, &[FREE; 3]), Err(NoFit::Separated { .. })));
        assert!(near(&single(&design, &outcome, &[FREE, FREE, UP]).unwrap().coefficients[3..], &[0.0]));
        // Odds so long after a few steps that no row has any weight.
        let design = [-1.0, 1.0, -1.0, 1.0, 4.0, 4.0, 4.0, 1.0, 114.0, -2.0];
        let fit = single(&design, &[1.0, 0.0, 1.0, 1.0, 1.0], &[FREE, UP]);
        assert!(matches!(fit, Err(NoFit::Separated { .. })), "{fit:?}");
        // Nothing but successes, or failures: no ridge on a column helps.
        assert_eq!(single(&x, &[1.0; 6], &[ridge(1.0)]), Err(NoFit::Separated { coefficient: 0 }));
        assert_eq!(single(&[], &[0.0; 6], &[]), Err(NoFit::Separated { coefficient: 0 }));
        // One contradiction is enough, however far out the rest lies.
        let fit = single(&x, &[0.0, 0.0, 1.0, 0.0, 1.0, 1.0], &[FREE]).unwrap();
        assert!(fit.coefficients[1] > 0.5, "{fit:?}");
        let far = single(&[1.0, 2.0, 3.0, 4.0, 1e5, 6.0], &[0.0, 1.0, 0.0, 1.0, 1.0, 0.0], &[FREE]);
        assert!(far.is_ok(), "{far:?}");
        let many = Observations { design: &[0.0, 1.0], successes: &[1.0, 1e6], trials: &[1e6, 1e6 + 1.0] };
        let many = logistic(many, &[FREE]).unwrap();
        assert!(near(&many.coefficients, &[-(1e6_f64 - 1.0).ln(), 1e6_f64.ln() + (1e6_f64 - 1.0).ln()]), "{many:?}");
    }

    /// Values far out, where whole steps lead astray, or rounding leaves steps of a ten millionth. scipy 1.17.1,
    /// `minimize(method="trust-exact")`.
    #[test]
    fn far_out() {
        #[rustfmt::skip]
        let design = [2.0, -4.0, -3.0, 3.0, -2.0, 4.0, 0.0, 0.0, 1.0, -1.0, -1.0, 2.0, 64.0, -3.0, 1.0, -1.0, -4.0, -152.0];
        let fit = single(&design, &[1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0], &[FREE; 2]).unwrap();
        assert!(
            near(&fit.coefficients, &[-0.186_123_813_266_976_16, 0.079_271_034_565_302_48, -0.273_960_553_541_942_65]),
            "{fit:?}"
        );
        let design = [4.0, -2.0, 4.0, -3.0, 4.0, -2.0, 4.0, -3.0, -3.0, 78.0, -1.0, -3.0, 4.0, -4.0];
        let fit = single(&design, &[1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0], &[DOWN, FREE]).unwrap();
        assert!((fit.log_likelihood + 3.245_359_884_874_07).abs() < 1e-12, "{fit:?}");
    }

    #[test]
    fn edges() {
        // Without columns: the log odds, with a standard error of 1/√(n p (1-p)).
        let got = single(&[], &[1.0, 1.0, 1.0, 0.0], &[]).unwrap();
        assert!(near(&got.coefficients, &[3.0_f64.ln()]), "{got:?}");
        assert!(near(&[got.standard_errors[0].unwrap()], &[(4.0_f64 / 3.0).sqrt()]), "{got:?}");
        assert!(near(&[got.probability(&[])], &[0.75]));

        let outcome = [1.0, 0.0, 1.0, 0.0];
        assert_eq!(single(&[2.0; 4], &outcome, &[FREE]), Err(NoFit::Collinear { coefficient: 1 }));
        assert_eq!(single(&[0.0; 4], &outcome, &[FREE]), Err(NoFit::Collinear { coefficient: 1 }));
        let twice = [1.0, 2.0, 5.0, 10.0, 3.0, 6.0, 2.0, 4.0];
        assert_eq!(single(&twice, &outcome, &[FREE, FREE]), Err(NoFit::Collinear { coefficient: 2 }));
        let shared = single(&twice, &outcome, &[ridge(0.1), ridge(0.1)]).unwrap();
        assert!(near(&[shared.coefficients[2]], &[2.0 * shared.coefficients[1]]), "{shared:?}");

        assert_eq!(single(&[], &[], &[]), Err(NoFit::Empty));
        assert_eq!(
            logistic(Observations { design: &[1.0], successes: &[0.0], trials: &[0.0] }, &[FREE]),
            Err(NoFit::Empty)
        );
        for (design, successes, trials, term) in [
            ([f64::NAN, 1.0], [0.0, 1.0], [1.0, 1.0], FREE),
            ([f64::INFINITY, 1.0], [0.0, 1.0], [1.0, 1.0], FREE),
            ([0.0, 1.0], [0.0, 2.0], [1.0, 1.0], FREE),
            ([0.0, 1.0], [-1.0, 1.0], [1.0, 1.0], FREE),
            ([0.0, 1.0], [f64::NAN, 1.0], [1.0, 1.0], FREE),
            ([0.0, 1.0], [0.0, 1.0], [f64::INFINITY, 1.0], FREE),
            ([0.0, 1.0], [0.0, 1.0], [1.0, 1.0], ridge(-1.0)),
            ([0.0, 1.0], [0.0, 1.0], [1.0, 1.0], ridge(f64::NAN)),
        ] {
            let observations = Observations { design: &design, successes: &successes, trials: &trials };
            assert_eq!(logistic(observations, &[term]), Err(NoFit::Malformed), "{observations:?}");
        }
        assert_eq!(single(&[1.0], &[1.0, 0.0], &[FREE]), Err(NoFit::Malformed));
    }
}
