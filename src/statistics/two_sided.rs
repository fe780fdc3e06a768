//! Exact two-sided p-values of one count that has a discrete distribution with one peak.

use super::float;

/// Chances that differ by no more are the same, as in R.
const ALIKE: f64 = 1.0 + 1e-7;

/// The chance of all counts that are no likelier than the observed one.
///
/// The distribution is given by its range, its peak, and by how many times likelier each count is than the one below it.
/// It is walked from the peak outwards until nothing is left that a float can hold: some tens of standard deviations.
pub(super) fn no_likelier(observed: u64, range: (u64, u64), peak: u64, step: impl Fn(u64) -> f64) -> f64 {
    let (low, high) = range;
    if low >= high {
        return 1.0;
    }
    let mut weights = vec![(peak, 1.0)];
    let mut weight = 1.0;
    for count in peak + 1..=high {
        weight *= step(count);
        if weight <= 0.0 {
            break;
        }
        weights.push((count, weight));
    }
    weight = 1.0;
    for count in (low..peak).rev() {
        weight /= step(count + 1);
        if weight <= 0.0 {
            break;
        }
        weights.push((count, weight));
    }
    let limit = weights.iter().find(|(count, _)| *count == observed).map_or(0.0, |(_, weight)| weight * ALIKE);
    // From the smallest on, so that none of them is lost.
    weights.sort_unstable_by(|one, other| one.1.total_cmp(&other.1));
    let outside: f64 = weights.iter().map(|&(_, weight)| weight).take_while(|&weight| weight <= limit).sum();
    (outside / weights.iter().map(|&(_, weight)| weight).sum::<f64>()).min(1.0)
}

/// Fisher's exact test that two counts of `[[a, b], [c, d]]` are alike, two-sided.
///
/// ```text
/// p = sum of the chances of all tables with the same margins that are no likelier than this one
/// ```
///
/// # References
///
/// R. A. Fisher (1935), "The logic of inductive inference", JRSS 98, 39-82; R's `fisher.test`.
pub(crate) fn fisher_exact([[a, b], [c, d]]: [[u64; 2]; 2]) -> f64 {
    let (row, column, all) = (a + b, a + c, a + b + c + d);
    let range = ((row + column).saturating_sub(all), row.min(column));
    let peak = peak_of_fisher(row, column, all).clamp(range.0, range.1);
    // From x - 1 to x in the corner.
    let step = |x: u64| float(row - x + 1) * float(column - x + 1) / (float(x) * float(all - row + x - column));
    no_likelier(a, range, peak, step)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the smaller margin")]
pub(super) fn peak_of_fisher(row: u64, column: u64, all: u64) -> u64 {
    ((float(row) + 1.0) * (float(column) + 1.0) / (float(all) + 2.0)) as u64
}

/// The exact test that `events` of `all` came up with a chance of `share`, two-sided as R's `binom.test` has it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most all")]
pub(super) fn binomial(events: u64, all: u64, share: f64) -> f64 {
    let odds = share / (1.0 - share);
    let peak = (((float(all) + 1.0) * share) as u64).min(all);
    no_likelier(events, (0, all), peak, |x| float(all - x + 1) / float(x) * odds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() <= 1e-9 * right.abs()
    }

    /// R 4.2.2, `fisher.test` and `binom.test`.
    #[test]
    fn golden() {
        for (table, p) in [
            ([[7, 27], [1, 33]], 0.054_400_130_495_065_7),
            ([[3, 1], [1, 3]], 0.485_714_285_714_286),
            ([[10, 3], [2, 15]], 0.000_536_724_119_143_437),
        ] {
            assert!(near(fisher_exact(table), p), "{table:?}: {}", fisher_exact(table));
        }
        for (events, all, share, p) in [
            (0, 10, 0.5, 0.001_953_125),
            (1, 10, 0.5, 0.021_484_375),
            (10, 10, 0.5, 0.001_953_125),
            (81, 263, 0.3, 0.787_927_809_674_812),
            (1_869, 7_043, 0.25, 0.003_091_029_683_661_97),
        ] {
            assert!(near(binomial(events, all, share), p), "{events} of {all}: {}", binomial(events, all, share));
        }
    }

    #[test]
    fn by_hand() {
        // Of 4 and 4 with 4 chosen: 70 choices, and 1, 16, 36, 16, 1 of them give 0 to 4.
        let p = [1.0_f64, 17.0, 70.0, 17.0, 1.0].map(|sum| if sum < 2.0 { 2.0 / 70.0 } else { sum * 2.0 / 70.0 });
        for (a, p) in (0..=4).zip(p) {
            let got = fisher_exact([[a, 4 - a], [4 - a, a]]);
            assert!(near(got, p.min(1.0)), "{a}: {got} and not {p}");
        }
        assert!(near(fisher_exact([[0, 5], [0, 7]]), 1.0) && near(fisher_exact([[0, 0], [3, 7]]), 1.0));
        assert!(near(binomial(0, 0, 0.3), 1.0));
        // What no float can hold is 0, and what is many stays quick.
        assert!(fisher_exact([[1_000_000, 0], [0, 1_000_000]]) <= 0.0);
        let even = fisher_exact([[250_000, 250_000], [250_000, 250_000]]);
        assert!(near(even, 1.0), "{even}");
    }
}
