//! What the codes of billing systems mean.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::kind::ChurnKind;
use super::path::Reason;

/// A billing system whose codes of cancellation are documented.
///
/// Whatever system is not among these has a [`ReasonCodes`] of its own.
///
/// # References
///
/// Stripe API reference, "Subscription", `cancellation_details`; Chargebee API reference, "Subscriptions",
/// `cancel_reason`; RevenueCat, "Event types and fields", cancellation and expiration reasons; Apple, App Store Server
/// API, `expirationIntent`; Google Play Developer API, `SubscriptionCancelSurveyResult`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BillingSystem {
    /// Stripe: the columns `cancellation_details.feedback`, which says more, and `cancellation_details.reason`.
    Stripe,
    /// Chargebee: `cancel_reason`, which is only there where the system ended the subscription.
    Chargebee,
    /// RevenueCat: `cancel_reason` and `expiration_reason`.
    RevenueCat,
    /// The App Store: `expirationIntent`, a number.
    AppStore,
    /// Google Play: `cancelSurveyReason`, a number.
    GooglePlay,
}

/// What one code means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Meaning {
    #[serde(default)]
    pub(super) reason: Option<Reason>,
    #[serde(default)]
    pub(super) kind: Option<ChurnKind>,
}

/// What the codes of a billing system, or of a form, mean: a reason, whether it was voluntary, both or neither.
///
/// It is data: [`BillingSystem::codes`] are some to begin with, and serde reads others.
///
/// # Example
///
/// ```
/// use attrition::{BillingSystem, ChurnColumns, ChurnKind, ChurnRecords, ImportPolicy, Reason, ReasonAxis, Taxonomy};
/// use attrition::polars::prelude::*;
///
/// let frame = df!(
///     "customer" => ["acme", "brix", "core"],
///     "ended_at" => ["2026-03-31", "2026-04-02", "2026-04-03"],
///     "reason" => ["cancellation_requested", "payment_failed", "cancellation_requested"],
///     "feedback" => [Some("too_expensive"), None, None],
/// )?;
/// let stripe = BillingSystem::Stripe.codes();
/// let columns = ChurnColumns::new("customer", "ended_at").codes("feedback", &stripe).codes("reason", &stripe);
/// let policy = ImportPolicy::all_or_nothing();
/// let (records, _) = ChurnRecords::from_frame(&frame, &columns, &Taxonomy::standard(), &policy)?;
///
/// assert_eq!(records.reason(0, ReasonAxis::Stated), Some(&Reason::new("price", "too_expensive")));
/// assert_eq!(records.kind(1), Some(ChurnKind::Involuntary));
/// assert_eq!(records.reason(2, ReasonAxis::Stated), None);         // they asked to leave and did not say why
/// # Ok::<(), attrition::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReasonCodes(BTreeMap<String, Meaning>);

impl ReasonCodes {
    /// No code yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A code means a reason. What it meant before is forgotten, but for whether it is voluntary.
    #[must_use]
    pub fn reason(mut self, code: impl Into<String>, reason: impl Into<Reason>) -> Self {
        self.0.entry(code.into()).or_default().reason = Some(reason.into());
        self
    }

    /// A code says whether the customer decided to leave.
    #[must_use]
    pub fn kind(mut self, code: impl Into<String>, kind: ChurnKind) -> Self {
        self.0.entry(code.into()).or_default().kind = Some(kind);
        self
    }

    /// A code is known, and says nothing of why.
    #[must_use]
    pub fn nothing(mut self, code: impl Into<String>) -> Self {
        self.0.insert(code.into(), Meaning::default());
        self
    }

    /// The codes in alphabetical order, and what they mean.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&Reason>, Option<ChurnKind>)> {
        self.0.iter().map(|(code, meaning)| (code.as_str(), meaning.reason.as_ref(), meaning.kind))
    }

    pub(super) fn get(&self, code: &str) -> Option<&Meaning> {
        self.0.get(code)
    }
}

impl BillingSystem {
    /// What its codes mean in the standard taxonomy.
    #[must_use]
    pub fn codes(self) -> ReasonCodes {
        use ChurnKind::{Involuntary, Voluntary};

        let codes = ReasonCodes::new();
        match self {
            Self::Stripe => codes
                .reason("customer_service", "service/poor_support")
                .reason("low_quality", "product/low_quality")
                .reason("missing_features", "product/missing_feature")
                .reason("other", "other/unclassified")
                .reason("switched_service", "competitor")
                .reason("too_complex", "product/too_complex")
                .reason("too_expensive", "price/too_expensive")
                .reason("unused", "product/not_used")
                .nothing("canceled_by_retention_policy")
                .kind("cancellation_requested", Voluntary)
                .reason("payment_disputed", "payment_failure/disputed")
                .kind("payment_disputed", Involuntary)
                .reason("payment_failed", "payment_failure")
                .kind("payment_failed", Involuntary),
            Self::Chargebee => [
                ("not_paid", "payment_failure/invoice_not_paid"),
                ("no_card", "payment_failure"),
                ("fraud_review_failed", "other/account_closed"),
                ("non_compliant_customer", "other/account_closed"),
                ("non_compliant_eu_customer", "other/account_closed"),
                ("tax_calculation_failed", "other/account_closed"),
                ("currency_incompatible_with_gateway", "payment_failure"),
            ]
            .into_iter()
            .fold(codes, |codes, (code, reason)| codes.reason(code, reason).kind(code, Involuntary)),
            Self::RevenueCat => codes
                .kind("UNSUBSCRIBE", Voluntary)
                .reason("BILLING_ERROR", "payment_failure")
                .kind("BILLING_ERROR", Involuntary)
                .reason("DEVELOPER_INITIATED", "other/account_closed")
                .kind("DEVELOPER_INITIATED", Involuntary)
                .reason("PRICE_INCREASE", "price/price_increase")
                .kind("PRICE_INCREASE", Voluntary)
                .kind("CUSTOMER_SUPPORT", Voluntary)
                .nothing("SUBSCRIPTION_PAUSED")
                .nothing("UNKNOWN"),
            Self::AppStore => codes
                .kind("1", Voluntary)
                .reason("2", "payment_failure")
                .kind("2", Involuntary)
                .reason("3", "price/price_increase")
                .kind("3", Voluntary)
                .reason("4", "other/account_closed")
                .kind("4", Involuntary)
                .nothing("5"),
            Self::GooglePlay => [
                ("0", "other/unclassified"),
                ("1", "product/not_used"),
                ("2", "product/low_quality"),
                ("3", "price/too_expensive"),
                ("4", "competitor/better_product"),
            ]
            .into_iter()
            .fold(codes, |codes, (code, reason)| codes.reason(code, reason).kind(code, Voluntary)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Taxonomy;
    use super::*;

    #[test]
    fn some_codes_say_nothing_of_why() {
        for (system, code) in [
            (BillingSystem::Stripe, "canceled_by_retention_policy"),
            (BillingSystem::RevenueCat, "SUBSCRIPTION_PAUSED"),
            (BillingSystem::RevenueCat, "UNKNOWN"),
        ] {
            let codes = system.codes();
            let meaning = codes.iter().find(|(known, ..)| *known == code);
            assert_eq!(meaning, Some((code, None, None)), "{system:?}");
        }
    }

    #[test]
    fn every_code_means_something_of_the_standard_taxonomy() {
        let standard = Taxonomy::standard();
        let systems = [
            BillingSystem::Stripe,
            BillingSystem::Chargebee,
            BillingSystem::RevenueCat,
            BillingSystem::AppStore,
            BillingSystem::GooglePlay,
        ];
        for system in systems {
            let codes = system.codes();
            assert!(codes.iter().count() >= 5, "{system:?}");
            for (code, reason, kind) in codes.iter() {
                let Some(reason) = reason else { continue };
                let known = standard.kind(reason);
                assert!(known.is_some(), "{system:?} {code}: {reason}");
                assert!(kind.is_none_or(|kind| known == Some(kind) || system == BillingSystem::Chargebee), "{code}");
            }
        }
    }
}
