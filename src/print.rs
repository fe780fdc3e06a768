//! Numbers as every printed table shows them.

/// Smaller p-values are not told apart in print.
const SMALLEST_P: f64 = 1e-4;

/// A share of 1 in percent, to one digit and without the sign: tables say in their head what they count in. A dash where
/// there is none.
pub(crate) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1}", 100.0 * share))
}

/// A p-value in a column: at most eight characters.
pub(crate) fn p_value(p: f64) -> String {
    if p < SMALLEST_P { format!("< {SMALLEST_P}") } else { format!("{p:.4}") }
}

/// A p-value in a sentence.
pub(crate) fn p_equals(p: f64) -> String {
    let sign = if p < SMALLEST_P { "" } else { "= " };
    format!("p {sign}{}", p_value(p))
}

/// A number of things in a sentence: "1 day", "2 days".
pub(crate) fn counted(count: u64, thing: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!([None, Some(0.0), Some(0.123_45), Some(-1.0)].map(percent), ["-", "0.0", "12.3", "-100.0"]);
        assert_eq!(
            [0.0, 0.000_099, 0.000_1, 0.05, 1.0].map(p_value),
            ["< 0.0001", "< 0.0001", "0.0001", "0.0500", "1.0000"]
        );
        assert_eq!([0, 1, 2].map(|count| counted(count, "day")), ["0 days", "1 day", "2 days"]);
        assert_eq!([0.0, 0.05].map(p_equals), ["p < 0.0001", "p = 0.0500"]);
    }
}
