//! Do the parts of one division lie alike over those of another: tables of counts.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::proportions::two_sided;
use super::random::SplitMix64;
use super::random_table::{Factorials, drawn};
use super::two_sided::fisher_exact;
use super::{Correction, float};

/// Up to so many tables with the same margins all are gone through.
const MOST_TABLES: u32 = 100_000;
/// Larger tables are not gone through at all: that calls itself cell by cell, and the stack has an end.
const MOST_GONE_THROUGH: usize = 400;
/// In so many batches tables are drawn where there are more.
const BATCHES: u64 = 40;
/// How many are drawn at least and at most; between, so many that this number of cells is drawn in all.
const DRAWS: [u64; 2] = [200, 10_000];
const MOST_CELLS_DRAWN: u64 = 10_000_000;
/// Below this the chi-squared distribution is not trusted with a cell.
const SMALL: f64 = 5.0;
/// Chances that differ by no more are the same, as in R.
const ALIKE: f64 = 1e-7;

/// From what a p-value of a table of counts is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum AssociationTest {
    /// The chi-squared distribution: at least four of five expected counts are 5 or more, and none is below 1.
    ChiSquared,
    /// All tables with the same margins: Fisher's exact test, and that of Freeman and Halton for more than two by two.
    Exact,
    /// Tables with the same margins drawn at random, for there are too many of them.
    MonteCarlo {
        /// How many were drawn.
        draws: u64,
        /// The standard error that drawing gives the p-value.
        standard_error: f64,
    },
}

/// Whether the rows of a table of counts are divided alike among its columns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Association {
    /// How many are in the table.
    pub total: u64,
    /// Pearson's statistic.
    pub chi_square: f64,
    /// One less than the rows times one less than the columns, those without anybody left out.
    pub degrees_of_freedom: u64,
    /// The likelihood-ratio statistic.
    pub g: f64,
    /// How strong the association is, from 0 for none to 1.
    pub cramers_v: f64,
    /// The smallest count that would be expected if there were no association.
    pub smallest_expected: f64,
    /// The chance of a table as far out if there is no association.
    pub p_value: f64,
    /// What that is from.
    pub test: AssociationTest,
}

/// A cell of a table beside what would be expected of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssociationCell {
    /// How many are in it.
    pub count: u64,
    /// How many would be if there were no association.
    pub expected: f64,
    /// The adjusted standardised residual: by how many standard deviations the count lies above what is expected; `None`
    /// where all are in the cell's row or column, or nobody is.
    pub residual: Option<f64>,
    /// Two-sided; exact where the cell or what is around it is expected to be small. `None` as above.
    pub p_value: Option<f64>,
    /// The same, corrected for the number of cells that could be tested.
    pub adjusted_p_value: Option<f64>,
}

/// The margins of a table.
#[derive(Debug)]
struct Margins {
    rows: Vec<u64>,
    columns: Vec<u64>,
    total: u64,
}

impl Margins {
    fn of(table: &[u64], columns: usize) -> Self {
        let rows: Vec<u64> = table.chunks_exact(columns.max(1)).map(|row| row.iter().sum()).collect();
        let columns = (0..columns).map(|column| table.iter().skip(column).step_by(columns).sum()).collect();
        Self { total: rows.iter().sum(), rows, columns }
    }

    fn expected(&self, row: usize, column: usize) -> f64 {
        float(self.rows[row]) * (float(self.columns[column]) / float(self.total))
    }
}

/// The test of association of a table, which is given row by row; `None` where fewer than two rows or two columns have
/// anybody.
///
/// ```text
/// expected     e = row total x column total / total
/// statistics   chi-square = sum of (n - e)²/e,   G = 2 sum of n log(n/e)
/// Cramer's V   √(chi-square / (total (the fewer of rows and columns - 1)))
/// ```
///
/// The p-value is that of the chi-squared distribution unless expected counts are small, by Cochran's rule. Then it is
/// exact: the chance of all tables with the same margins that are no likelier than this one, of which up to 100 000 are
/// gone through. Where there are more, or the table has more than 400 cells, 10 000 are drawn at random, fewer of tables
/// with more than 1 000 cells and 200 at least, and p is `(as unlikely + 1) / (drawn + 1)`. The `seed` decides the draws:
/// the same table and seed give the same p.
///
/// # References
///
/// W. G. Cochran (1954), "Some methods for strengthening the common chi-squared tests", Biometrics 10, 417-451; G. H.
/// Freeman and J. H. Halton (1951), "Note on an exact treatment of contingency, goodness of fit and other problems of
/// significance", Biometrika 38, 141-149; H. Cramer (1946), "Mathematical Methods of Statistics", section 21.9.
pub(crate) fn association(table: &[u64], columns: usize, seed: u64) -> Option<Association> {
    let margins = Margins::of(table, columns);
    let kept: [Vec<usize>; 2] =
        [&margins.rows, &margins.columns].map(|totals| (0..totals.len()).filter(|&place| totals[place] > 0).collect());
    let [rows, columns_kept] = &kept;
    if rows.len() < 2 || columns_kept.len() < 2 {
        return None;
    }
    let table: Vec<u64> =
        rows.iter().flat_map(|row| columns_kept.iter().map(move |column| table[row * columns + column])).collect();
    let (columns, rows) = (columns_kept.len(), rows.len());
    let margins = Margins::of(&table, columns);
    let (mut chi_square, mut g, mut smallest, mut small) = (0.0, 0.0, f64::INFINITY, 0_usize);
    for (place, &count) in table.iter().enumerate() {
        let (count, expected) = (float(count), margins.expected(place / columns, place % columns));
        chi_square += (count - expected).powi(2) / expected;
        g += if count > 0.0 { 2.0 * count * (count / expected).ln() } else { 0.0 };
        smallest = smallest.min(expected);
        small += usize::from(expected < SMALL);
    }
    let degrees_of_freedom = ((rows - 1) * (columns - 1)) as u64;
    let (p_value, test) = if smallest >= 1.0 && 5 * small <= table.len() {
        let chi = ChiSquared::new(float(degrees_of_freedom)).ok()?;
        (chi.sf(chi_square), AssociationTest::ChiSquared)
    } else if let ([a, b, c, d], 2) = (&table[..], columns) {
        (fisher_exact([[*a, *b], [*c, *d]]), AssociationTest::Exact)
    } else {
        exact(&table, &margins, seed)
    };
    let fewer = float((rows.min(columns) - 1) as u64);
    Some(Association {
        total: margins.total,
        chi_square,
        degrees_of_freedom,
        g,
        cramers_v: (chi_square / (float(margins.total) * fewer)).sqrt().min(1.0),
        smallest_expected: smallest,
        p_value,
        test,
    })
}

/// Every cell of a table beside what would be expected of it, with p-values corrected for their number.
///
/// ```text
/// residual   (n - e) / √(e (1 - row share)(1 - column share))
/// ```
///
/// Its square is the chi-square of the cell's row and column against all others, a table of two by two; where one of the
/// four counts is expected to be below 5, the p-value is Fisher's of that table.
///
/// # References
///
/// S. J. Haberman (1973), "The analysis of residuals in cross-classified tables", Biometrics 29, 205-220.
pub(crate) fn cells(table: &[u64], columns: usize, correction: Correction) -> Vec<AssociationCell> {
    let margins = Margins::of(table, columns);
    let cell = |(place, &count): (usize, &u64)| {
        let (row, column) = (place / columns, place % columns);
        let (in_row, in_column, all) = (margins.rows[row], margins.columns[column], margins.total);
        let expected = if all > 0 { margins.expected(row, column) } else { 0.0 };
        let others = [all - in_row, all - in_column];
        let varies = in_row > 0 && in_column > 0 && others[0] > 0 && others[1] > 0;
        if !varies {
            return AssociationCell { count, expected, residual: None, p_value: None, adjusted_p_value: None };
        }
        let free = float(others[0]) / float(all) * (float(others[1]) / float(all));
        let residual = (float(count) - expected) / (expected * free).sqrt();
        let smallest = float(in_row.min(others[0])) * float(in_column.min(others[1])) / float(all);
        let around = [[count, in_row - count], [in_column - count, all + count - in_row - in_column]];
        let p_value = Some(if smallest < SMALL { fisher_exact(around) } else { two_sided(residual) });
        AssociationCell { count, expected, residual: Some(residual), p_value, adjusted_p_value: None }
    };
    let mut cells: Vec<AssociationCell> = table.iter().enumerate().map(cell).collect();
    let p_values: Vec<f64> = cells.iter().filter_map(|cell| cell.p_value).collect();
    let tested = cells.iter_mut().filter(|cell| cell.p_value.is_some());
    tested.zip(correction.adjust(&p_values)).for_each(|(cell, adjusted)| cell.adjusted_p_value = Some(adjusted));
    cells
}

/// The exact p-value of a table, or one from tables drawn at random.
fn exact(table: &[u64], margins: &Margins, seed: u64) -> (f64, AssociationTest) {
    let factorials = Factorials::up_to(margins.total);
    let weight: f64 = -table.iter().map(|&count| factorials.ln(count)).sum::<f64>();
    if table.len() <= MOST_GONE_THROUGH {
        let (limit, left) = (weight + ALIKE, MOST_TABLES);
        let mut tables = Tables { margins, factorials: &factorials, limit, chance: 0.0, left };
        let mut rest = margins.rows.clone();
        if tables.column(0, &mut rest, 0.0) {
            return (tables.chance.min(1.0), AssociationTest::Exact);
        }
    }
    let [least, most] = DRAWS;
    let in_batch = (MOST_CELLS_DRAWN / table.len().max(1) as u64).clamp(least, most) / BATCHES;
    let batch = |batch: u64| {
        // Streams of their own: the first number of a generator seeds the batch.
        let mut random = SplitMix64::new(SplitMix64::new(seed ^ batch.wrapping_mul(0x9e37_79b9_7f4a_7c15)).next());
        (0..in_batch)
            .filter(|_| drawn(&margins.rows, &margins.columns, &factorials, &mut random) <= weight + ALIKE)
            .count() as u64
    };
    let (hits, draws) = ((0..BATCHES).into_par_iter().map(batch).sum::<u64>(), BATCHES * in_batch);
    let p_value = float(hits + 1) / float(draws + 1);
    let standard_error = (p_value * (1.0 - p_value) / float(draws)).sqrt();
    (p_value, AssociationTest::MonteCarlo { draws, standard_error })
}

/// All tables with the same margins, column by column and cell by cell.
#[derive(Debug)]
struct Tables<'a> {
    margins: &'a Margins,
    factorials: &'a Factorials,
    limit: f64,
    /// Of those that are no likelier than the limit.
    chance: f64,
    left: u32,
}

impl Tables<'_> {
    /// Goes through what the columns from this one on can be; `false` once there are too many.
    fn column(&mut self, column: usize, rest: &mut [u64], weight: f64) -> bool {
        if column + 1 < self.margins.columns.len() {
            return self.cell(column, 0, self.margins.columns[column], rest, weight);
        }
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let weight = weight - rest.iter().map(|&count| self.factorials.ln(count)).sum::<f64>();
        if weight <= self.limit {
            let margins = self.margins.rows.iter().chain(&self.margins.columns);
            let all: f64 = margins.map(|&count| self.factorials.ln(count)).sum();
            self.chance += (weight + all - self.factorials.ln(self.margins.total)).exp();
        }
        true
    }

    fn cell(&mut self, column: usize, row: usize, left: u64, rest: &mut [u64], weight: f64) -> bool {
        if row == rest.len() {
            return self.column(column + 1, rest, weight);
        }
        let below: u64 = rest[row + 1..].iter().sum();
        for count in left.saturating_sub(below)..=left.min(rest[row]) {
            rest[row] -= count;
            let goes_on = self.cell(column, row + 1, left - count, rest, weight - self.factorials.ln(count));
            rest[row] += count;
            if !goes_on {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() <= 1e-9 * right.abs()
    }

    /// R 4.2.2, `chisq.test(correct = FALSE)`, with Cramer's V and G by their formulas.
    #[test]
    fn golden() {
        for (table, columns, chi_square, p, v, g) in [
            (
                &[2_549, 939, 2_625, 930][..],
                2,
                0.522_366_503_358_827,
                0.469_833_941_142_652,
                0.008_612_095_078_997_83,
                0.522_349_932_304_447,
            ),
            (
                &[2_220, 1_655, 1_307, 166, 1_647, 48],
                2,
                1_184.596_572_083_79,
                5.863_038_300_673_41e-258,
                0.410_115_696_576_141,
                1_386.809_710_558_49,
            ),
            (
                &[1_286, 258, 1_290, 232, 1_294, 1_071, 1_304, 308],
                2,
                648.142_327_481_4,
                3.682_354_652_009_79e-140,
                0.303_358_625_554_071,
                627.089_966_334_904,
            ),
        ] {
            let got = association(table, columns, 1).unwrap();
            assert!(near(got.chi_square, chi_square) && near(got.cramers_v, v) && near(got.g, g), "{got:?}");
            assert!(near(got.p_value, p) && got.test == AssociationTest::ChiSquared, "{got:?}");
            assert_eq!(got.degrees_of_freedom, ((table.len() / columns - 1) * (columns - 1)) as u64);
            // Turned by a quarter it is the same.
            let rows = table.len() / columns;
            let turned: Vec<u64> =
                (0..columns).flat_map(|column| (0..rows).map(move |row| table[row * columns + column])).collect();
            let turned = association(&turned, rows, 1).unwrap();
            assert!(near(turned.chi_square, chi_square) && near(turned.p_value, p), "{turned:?}");
        }
        let small = association(&[7, 27, 1, 33], 2, 1).unwrap();
        assert!(near(small.chi_square, 5.1) && near(small.cramers_v, 0.273_861_278_752_583), "{small:?}");
        assert!(near(small.g, 5.663_036_330_418_96) && near(small.smallest_expected, 4.0), "{small:?}");
        assert!(near(small.p_value, 0.054_400_130_495_065_7) && small.test == AssociationTest::Exact, "{small:?}");
    }

    /// Agresti's job satisfaction, the example of R's `fisher.test`, which prints 0.7827: too many tables to go through.
    #[test]
    fn larger_tables() {
        let job = [1, 3, 10, 6, 2, 3, 10, 7, 1, 6, 14, 12, 0, 1, 9, 11];
        let got = association(&job, 4, 5).unwrap();
        let AssociationTest::MonteCarlo { draws, standard_error } = got.test else { panic!("{got:?}") };
        assert!(draws == 10_000 && near(standard_error, (got.p_value * (1.0 - got.p_value) / 1e4).sqrt()));
        assert!((got.p_value - 0.7827).abs() < 3.0 * standard_error, "{got:?}");
        assert_eq!(association(&job, 4, 5), Some(got));
        assert!(association(&job, 4, 6).unwrap().p_value.to_bits() != got.p_value.to_bits());
    }

    /// Twenty reasons by five thousand groups: neither the stack nor anybody's patience runs out.
    #[test]
    fn large_and_sparse() {
        let (rows, columns) = (20, 5_000);
        let mut table = vec![0; rows * columns];
        for column in 0..columns {
            table[column * 7 % rows * columns + column] += 1;
            table[column * column % rows * columns + column] += 1;
        }
        let begun = std::time::Instant::now();
        let got = association(&table, columns, 3).unwrap();
        let AssociationTest::MonteCarlo { draws, .. } = got.test else { panic!("{got:?}") };
        assert!((200..=500).contains(&draws) && got.p_value > 0.0 && got.p_value <= 1.0, "{got:?}");
        assert_eq!(cells(&table, columns, Correction::Holm).len(), table.len());
        assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    }

    /// All tables of three by three with these margins, by six loops' worth of odometer.
    fn naive(table: &[u64; 9]) -> f64 {
        let margins = Margins::of(table, 3);
        let factorial = |count: u64| (1..=count).map(float).product::<f64>();
        let (mut outside, mut all) = (0.0, 0.0);
        let observed: f64 = 1.0 / table.iter().map(|&count| factorial(count)).product::<f64>();
        let most = margins.total + 1;
        for number in 0..most.pow(4) {
            let [a, b, c, d] = [number % most, number / most % most, number / most.pow(2) % most, number / most.pow(3)];
            let rest = |whole: u64, one: u64, other: u64| whole.checked_sub(one + other);
            let Some(row) = rest(margins.rows[0], a, b) else { continue };
            let Some(second) = rest(margins.rows[1], c, d) else { continue };
            let Some(column) = rest(margins.columns[0], a, c) else { continue };
            let Some(other) = rest(margins.columns[1], b, d) else { continue };
            let Some(last) = rest(margins.rows[2], column, other) else { continue };
            if row + second + last != margins.columns[2] {
                continue;
            }
            let chance = 1.0 / [a, b, row, c, d, second, column, other, last].map(factorial).iter().product::<f64>();
            all += chance;
            outside += if chance <= observed * (1.0 + 1e-7) { chance } else { 0.0 };
        }
        outside / all
    }

    #[test]
    fn exact_tables_and_draws_agree_with_all_tables() {
        let mut random = SplitMix64::new(3);
        for _ in 0..6 {
            let table = [(); 9].map(|()| u64::from(random.below(3)));
            let margins = Margins::of(&table, 3);
            if margins.rows.contains(&0) || margins.columns.contains(&0) {
                continue;
            }
            let (expected, got) = (naive(&table), association(&table, 3, 1).unwrap());
            assert!(got.test == AssociationTest::Exact && near(got.p_value, expected), "{table:?}: {got:?} {expected}");
            // The same by drawing.
            let factorials = Factorials::up_to(margins.total);
            let weight: f64 = -table.iter().map(|&count| factorials.ln(count)).sum::<f64>();
            let hits = (0..4_000)
                .filter(|_| drawn(&margins.rows, &margins.columns, &factorials, &mut random) <= weight + ALIKE)
                .count();
            let share = float(hits as u64) / 4_000.0;
            assert!(
                (share - expected).abs() < 4.0 * (expected * (1.0 - expected) / 4_000.0).sqrt() + 1e-9,
                "{table:?}"
            );
        }
    }

    #[test]
    fn residuals() {
        // Of two by two all four residuals are the same but for the sign, and their square is the chi-square.
        let got = cells(&[56, 14, 48, 32], 2, Correction::None);
        let whole = association(&[56, 14, 48, 32], 2, 1).unwrap();
        for (cell, sign) in got.iter().zip([1.0, -1.0, -1.0, 1.0]) {
            assert!(near(cell.residual.unwrap(), sign * whole.chi_square.sqrt()), "{cell:?}");
            assert!(near(cell.p_value.unwrap(), whole.p_value) && cell.adjusted_p_value == cell.p_value);
        }
        // Small: Fisher's, times four by Bonferroni.
        let got = cells(&[7, 27, 1, 33], 2, Correction::Bonferroni);
        assert!(near(got[0].p_value.unwrap(), 0.054_400_130_495_065_7), "{got:?}");
        assert!(near(got[0].adjusted_p_value.unwrap(), 4.0 * 0.054_400_130_495_065_7), "{got:?}");
        // Expected counts have the margins of the table.
        let table = [3, 0, 9, 40, 2, 7, 0, 0, 0];
        let got = cells(&table, 3, Correction::Holm);
        for line in 0..3 {
            let row: f64 = got[3 * line..3 * line + 3].iter().map(|cell| cell.expected).sum();
            let column: f64 = (0..3).map(|row| got[3 * row + line].expected).sum();
            assert!(near(row, float(table[3 * line..3 * line + 3].iter().sum())), "{got:?}");
            assert!(near(column, float((0..3).map(|row| table[3 * row + line]).sum())), "{got:?}");
        }
        assert!(got[6..].iter().all(|cell| cell.residual.is_none() && cell.adjusted_p_value.is_none()), "{got:?}");
    }

    #[test]
    fn edges() {
        for (table, columns) in [(&[][..], 1), (&[0, 0, 0, 0], 2), (&[3, 4], 2), (&[3, 4], 1), (&[3, 0, 4, 0], 2)] {
            assert_eq!(association(table, columns, 1), None, "{table:?}");
        }
        // Rows and columns without anybody are not there.
        let whole = association(&[30, 14, 21, 32], 2, 1);
        assert_eq!(association(&[30, 0, 14, 0, 0, 0, 21, 0, 32], 3, 1), whole);
        // Millions, and one rare row.
        let mut table: Vec<u64> = (0..250_u64).map(|place| 3_000 + place * 37 % 2_000).collect();
        table.extend([0, 3, 0, 0, 0, 0, 1, 0, 0, 0]);
        let got = association(&table, 10, 1).unwrap();
        assert!(matches!(got.test, AssociationTest::MonteCarlo { .. }) && got.p_value < 0.001, "{got:?}");
    }
}
