//! How far two sortings of the same things agree.

use super::{Interval, Wilson, float};

/// Agreement beyond chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Kappa {
    pub(crate) kappa: f64,
    pub(crate) standard_error: f64,
    /// `kappa ± z standard_error`, cut off at -1 and 1.
    pub(crate) interval: Interval,
}

/// Cohen's kappa of a square table of counts, given row by row; `None` where nothing was sorted, or both sort everything
/// into one class.
///
/// ```text
/// kappa     (p - e) / (1 - e),  p = share on the diagonal,  e = sum of row share x column share
/// variance  by Fleiss, Cohen and Everitt, which holds whatever kappa is
/// ```
///
/// # References
///
/// J. Cohen (1960), "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20, 37-46;
/// J. L. Fleiss, J. Cohen and B. S. Everitt (1969), "Large sample standard errors of kappa and weighted kappa",
/// Psychological Bulletin 72, 323-327.
pub(crate) fn kappa(table: &[u64], classes: usize, wilson: Wilson) -> Option<Kappa> {
    let total = float(table.iter().sum());
    if total <= 0.0 || classes == 0 {
        return None;
    }
    let share = |row: usize, column: usize| float(table[row * classes + column]) / total;
    let rows: Vec<f64> = (0..classes).map(|row| (0..classes).map(|column| share(row, column)).sum()).collect();
    let columns: Vec<f64> = (0..classes).map(|column| (0..classes).map(|row| share(row, column)).sum()).collect();
    let agreed: f64 = (0..classes).map(|class| share(class, class)).sum();
    let by_chance: f64 = rows.iter().zip(&columns).map(|(row, column)| row * column).sum();
    let room = 1.0 - by_chance;
    if room <= 1e-12 {
        return None;
    }
    let kappa = (agreed - by_chance) / room;
    let mut variance = -(kappa - by_chance * (1.0 - kappa)).powi(2);
    for row in 0..classes {
        for column in 0..classes {
            variance += if row == column {
                share(row, row) * (1.0 - (rows[row] + columns[row]) * (1.0 - kappa)).powi(2)
            } else {
                share(row, column) * ((columns[row] + rows[column]) * (1.0 - kappa)).powi(2)
            };
        }
    }
    let standard_error = (variance.max(0.0) / total).sqrt() / room;
    let reach = wilson.z() * standard_error;
    let interval = Interval { lower: (kappa - reach).max(-1.0), upper: (kappa + reach).min(1.0) };
    Some(Kappa { kappa, standard_error, interval })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let wilson = Wilson::new(0.95).unwrap();
        // Two pathologists: A. Agresti (2002), "Categorical Data Analysis", 2nd ed., section 10.5: 0.493 and 0.057.
        let got = kappa(&[22, 2, 2, 0, 5, 7, 14, 0, 0, 2, 36, 0, 0, 1, 17, 10], 4, wilson).unwrap();
        assert!((got.kappa - 0.493).abs() < 5e-4 && (got.standard_error - 0.057).abs() < 5e-4, "{got:?}");
        // 20 and 15 of 50 agreed; by chance half: (0.7 - 0.5) / 0.5.
        let got = kappa(&[20, 5, 10, 15], 2, wilson).unwrap();
        assert!((got.kappa - 0.4).abs() < 1e-12, "{got:?}");
        let all = kappa(&[3, 0, 0, 4], 2, wilson).unwrap();
        assert!((all.kappa - 1.0).abs() < 1e-12 && all.standard_error < 1e-12, "{all:?}");
        assert_eq!([kappa(&[], 0, wilson), kappa(&[0; 4], 2, wilson), kappa(&[3, 0, 0, 0], 2, wilson)], [None; 3]);
    }
}
