//! The taxonomy to begin with.

use super::entry::TaxonomyEntry;
use crate::reason::kind::ChurnKind;

/// Code, name, owner and evidence of each category, and the codes and names of its reasons.
type Category = (&'static str, &'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const CATEGORIES: [Category; 8] = [
    (
        "product",
        "Product",
        "Product",
        "what was to be done with the product and could not be, in the customer's words or in a ticket",
        &[
            ("missing_feature", "Missing feature"),
            ("missing_integration", "Missing integration"),
            ("low_quality", "Defects or low quality"),
            ("slow_or_unavailable", "Slow or unavailable"),
            ("too_complex", "Too complex"),
            ("security_or_compliance", "Security or compliance"),
            ("not_used", "Not used"),
        ],
    ),
    (
        "service",
        "Service and support",
        "Customer success",
        "the tickets or calls that went wrong, with their dates",
        &[
            ("slow_support", "Slow support"),
            ("poor_support", "Problems not solved"),
            ("poor_onboarding", "Poor onboarding"),
            ("no_contact", "Nobody to talk to"),
        ],
    ),
    (
        "price",
        "Price",
        "Finance",
        "an objection in writing, and the price that would have been paid",
        &[
            ("too_expensive", "Too expensive"),
            ("price_increase", "Price increase"),
            ("budget_cut", "Budget cut"),
            ("poor_value", "Not worth its price"),
            ("terms", "Terms of contract or billing"),
        ],
    ),
    (
        "marketing_and_sales",
        "Marketing and sales",
        "Sales",
        "what was promised beside what was delivered, from the offer or the notes of the sale",
        &[
            ("oversold", "Promised more than there is"),
            ("poor_fit", "Not for this kind of customer"),
            ("wrong_plan", "Sold the wrong plan"),
            ("trial_or_promotion_ended", "Stayed for the promotion only"),
        ],
    ),
    (
        "competitor",
        "Competitor",
        "Product marketing",
        "the name of the competitor and what it does better",
        &[
            ("better_product", "A better product"),
            ("lower_price", "A lower price"),
            ("bundled", "Part of a bundle already paid for"),
            ("built_in_house", "Built by themselves"),
        ],
    ),
    (
        "customer_change",
        "The customer's own change",
        "Account management",
        "the change and its date, which lies at most 90 days before the decision; of a champion who left also why the \
         successor did not go on",
        &[
            ("out_of_business", "Out of business"),
            ("acquired", "Acquired or merged"),
            ("champion_left", "The champion left"),
            ("strategy_changed", "Strategy changed"),
            ("project_ended", "The project ended"),
            ("downsized", "Downsized"),
            ("no_longer_needed", "No longer needed"),
        ],
    ),
    (
        "payment_failure",
        "Failed payment",
        "Finance",
        "the code of the refusal and the dates of the attempts to collect",
        &[
            ("card_expired", "Card expired"),
            ("card_declined", "Card declined"),
            ("insufficient_funds", "Insufficient funds"),
            ("disputed", "Payment disputed"),
            ("invoice_not_paid", "Invoice not paid"),
        ],
    ),
    (
        "other",
        "Other",
        "Customer success",
        "what it was, in words: when one comes up often, give it a code of its own",
        &[("account_closed", "Account closed from this side"), ("unclassified", "Fits nowhere else")],
    ),
];

pub(super) fn entries() -> Vec<TaxonomyEntry> {
    let mut entries = Vec::new();
    for (code, name, owner, evidence, reasons) in CATEGORIES {
        let category = TaxonomyEntry::new(code, name).owner(owner).evidence(evidence);
        let involuntary = code == "payment_failure";
        entries.push(if involuntary { category.kind(ChurnKind::Involuntary) } else { category });
        for (reason, name) in reasons {
            let entry = TaxonomyEntry::new(format!("{code}/{reason}"), *name);
            entries.push(match *reason {
                "account_closed" => entry.kind(ChurnKind::Involuntary),
                "not_used" => {
                    entry.evidence("what is seen of another reason: the days of use, and why they became fewer")
                }
                _ => entry,
            });
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::super::{Reason, Taxonomy};
    use super::*;

    #[test]
    fn it_is_a_taxonomy() {
        let standard = Taxonomy::standard();
        assert_eq!(Taxonomy::new(entries()).unwrap(), standard);
        assert_eq!(standard.categories().count(), 8);
        for category in standard.categories() {
            assert!(standard.owner(category.reason()).is_some() && standard.evidence(category.reason()).is_some());
        }
        assert_eq!(standard.kind(&Reason::new("payment_failure", "card_expired")), Some(ChurnKind::Involuntary));
        assert_eq!(standard.kind(&Reason::new("price", "terms")), Some(ChurnKind::Voluntary));
    }
}
