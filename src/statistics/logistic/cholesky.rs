//! A square root of a small positive definite matrix.

/// A column of which elimination leaves less than this share follows from the others.
const PIVOT: f64 = 1e-13;

/// The lower factor of some rows and columns of a symmetric matrix.
#[derive(Debug)]
pub(super) struct Cholesky {
    lower: Vec<f64>,
    size: usize,
}

impl Cholesky {
    /// Or the first of the rows that follows from those before it.
    pub(super) fn of(matrix: &[f64], width: usize, rows: &[usize]) -> Result<Self, usize> {
        let size = rows.len();
        let mut lower = vec![0.0; size * size];
        for row in 0..size {
            for column in 0..=row {
                let entry = matrix[rows[row] * width + rows[column]];
                let (above, done) = (&lower[row * size..][..column], &lower[column * size..][..column]);
                let left = entry - above.iter().zip(done).map(|(one, other)| one * other).sum::<f64>();
                lower[row * size + column] = if column < row {
                    left / lower[column * size + column]
                } else if left > PIVOT * entry {
                    left.sqrt()
                } else {
                    return Err(rows[row]);
                };
            }
        }
        Ok(Self { lower, size })
    }

    pub(super) fn solve(&self, right: &mut [f64]) {
        let (size, at) = (self.size, |row: usize, column: usize| self.lower[row * self.size + column]);
        for row in 0..size {
            let known: f64 = (0..row).map(|column| at(row, column) * right[column]).sum();
            right[row] = (right[row] - known) / at(row, row);
        }
        for row in (0..size).rev() {
            let known: f64 = (row + 1..size).map(|below| at(below, row) * right[below]).sum();
            right[row] = (right[row] - known) / at(row, row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Of three rows the first and the last: 4, 2 and 2, 5 are the square of 2, 0 and 1, 2.
        let matrix = [4.0, 9.0, 2.0, 9.0, 9.0, 9.0, 2.0, 9.0, 5.0];
        let factor = Cholesky::of(&matrix, 3, &[0, 2]).unwrap();
        assert!(factor.lower.iter().zip([2.0, 0.0, 1.0, 2.0]).all(|(got, expected)| (got - expected).abs() < 1e-15));
        let mut right = [8.0, 12.0];
        factor.solve(&mut right);
        assert!((right[0] - 1.0).abs() < 1e-15 && (right[1] - 2.0).abs() < 1e-15, "{right:?}");
        // The second row is half of the first.
        assert_eq!(Cholesky::of(&[4.0, 2.0, 2.0, 1.0], 2, &[0, 1]).unwrap_err(), 1);
        assert_eq!(Cholesky::of(&[0.0], 1, &[0]).unwrap_err(), 0);
        assert_eq!(Cholesky::of(&[f64::NAN], 1, &[0]).unwrap_err(), 0);
        Cholesky::of(&[], 0, &[]).unwrap().solve(&mut []);
    }
}
