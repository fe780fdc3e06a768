//! The playbook to begin with.

use super::condition::{Condition, HasAlerts, Recommendation, ValueTier};
use super::criterion::ExitCriterion;
use super::plan::{
    ActionPlan, AlertOutcome, AlertType, DecisionReason, FADED, LAPSED, LEFT, PlanStep, RESOLVED, SilencedUntil,
    TouchPoint,
};
use super::playbook::Playbook;
use super::stage::{LifecycleStage, StageRules};
use crate::health::HealthBand;
use crate::trigger::FrequencyClass;

const MANAGER: &str = "customer success manager";
const EXECUTIVE: &str = "account executive";
const SPONSOR: &str = "executive sponsor";
const SUPPORT: &str = "support lead";
const BILLING: &str = "billing";
const MARKETING: &str = "marketing";

const ALIVE: ExitCriterion = ExitCriterion::ActiveDays { at_least: 5, of_last: 14 };

fn step(due_days: u32, owner: &str, action: &str, done_when: ExitCriterion) -> PlanStep {
    PlanStep { action: action.to_owned(), owner: owner.to_owned(), due_days, done_when }
}

fn reason(key: &str, name: &str, outcome: AlertOutcome, silenced_until: SilencedUntil) -> DecisionReason {
    DecisionReason { key: key.to_owned(), name: name.to_owned(), outcome, silenced_until }
}

fn touch(days_before: u32, owner: &str, action: &str, done_when: ExitCriterion) -> TouchPoint {
    TouchPoint { days_before, action: action.to_owned(), owner: owner.to_owned(), done_when }
}

fn recommend(when: Condition, owner: &str, action: &str, because: &str) -> Recommendation {
    Recommendation { when, action: action.to_owned(), owner: owner.to_owned(), because: because.to_owned() }
}

impl Playbook {
    /// The playbook of this crate: nine alert types for all triggers of it and one for poor health, a plan for each, eight
    /// decision reasons, recommendations, and five touch points before a renewal.
    ///
    /// Who works with it will know better; it is data, to be edited. What unites the triggers of a type is what one would
    /// ask the customer about: less use, fewer features, fewer seats and silence are one conversation.
    ///
    /// # References
    ///
    /// After what tools for customer success publish as plays: a trigger, tasks with an owner and a day, and the criterion
    /// on which they end (Totango, Gainsight, ChurnZero); 120, 90, 60, 30 days before a renewal are customary.
    #[must_use]
    pub fn standard() -> Self {
        let mut playbook = Self {
            alert_types: Vec::new(),
            plans: Vec::new(),
            reasons: reasons(),
            stages: StageRules::new(),
            recommendations: recommendations(),
            touch_points: touch_points(),
        };
        let mut add = |cause: &str, name: &str, priority: u32, triggers: &[&str], steps: Vec<PlanStep>| {
            playbook.alert_types.push(AlertType {
                cause: cause.to_owned(),
                name: name.to_owned(),
                triggers: triggers.iter().map(|&trigger| trigger.to_owned()).collect(),
                priority,
                plan: cause.to_owned(),
            });
            playbook.plans.push(ActionPlan { key: cause.to_owned(), name: name.to_owned(), steps });
        };
        add(
            "payment_trouble",
            "Invoices are not paid",
            1,
            &["payment_trouble"],
            vec![
                step(1, BILLING, "remind the payer, with a way to pay at once", ExitCriterion::InvoicesPaid),
                step(5, MANAGER, "ask the key contact whether there is more behind it", ExitCriterion::Reported),
                step(14, BILLING, "agree on a date before access is stopped", ExitCriterion::InvoicesPaid),
            ],
        );
        add(
            "contact_lost",
            "A key contact is gone or silent",
            2,
            &["key_contact_loss"],
            vec![
                step(2, MANAGER, "ask who leads it now", ExitCriterion::Reported),
                step(7, MANAGER, "name the new key contact", ExitCriterion::KeyContactNamed),
                step(14, SPONSOR, "introduce the product to the new key contact", ExitCriterion::Reported),
            ],
        );
        add(
            "use_falling",
            "They use it less",
            3,
            &[
                "usage_frequency",
                "breadth_of_use",
                "seats_shrinking",
                "engagement_gap",
                "high_value_fading",
                "days_since_last_event",
            ],
            vec![
                step(2, MANAGER, "call: what has changed?", ExitCriterion::Reported),
                step(7, MANAGER, "agree on one thing to use it for, and show how", ExitCriterion::Reported),
                step(21, MANAGER, "see whether they are back", ExitCriterion::TriggersQuiet),
            ],
        );
        add(
            "renewal_at_risk",
            "A renewal without signs of life",
            4,
            &["renewal_approaching"],
            vec![
                step(2, EXECUTIVE, "speak with whoever decides", ExitCriterion::Reported),
                step(10, MANAGER, "show what the year has brought them", ExitCriterion::Reported),
                step(14, MANAGER, "see whether they use it", ALIVE),
            ],
        );
        add(
            "onboarding_stalled",
            "Onboarding has stalled",
            5,
            &["onboarding_stall"],
            vec![
                step(1, MANAGER, "ask what is in the way", ExitCriterion::Reported),
                step(5, MANAGER, "set it up together", ExitCriterion::Reported),
                step(21, MANAGER, "see whether they come by themselves", ALIVE),
            ],
        );
        add(
            "support_trouble",
            "Many tickets, or grave ones",
            6,
            &["support_spike"],
            vec![
                step(1, SUPPORT, "take the tickets together, and name one person for them", ExitCriterion::Reported),
                step(3, MANAGER, "tell the key contact what is done, and by when", ExitCriterion::Reported),
                step(28, SUPPORT, "see whether it has calmed down", ExitCriterion::TriggersQuiet),
            ],
        );
        add(
            "dissatisfied",
            "They say that they are not content",
            7,
            &["survey_detractor"],
            vec![
                step(2, MANAGER, "thank for the answer and ask for the story behind it", ExitCriterion::Reported),
                step(14, MANAGER, "tell what comes of it", ExitCriterion::Reported),
            ],
        );
        add(
            "limit_reached",
            "At the limit of what they have bought",
            8,
            &["limit_pressure"],
            vec![
                step(3, EXECUTIVE, "offer the next plan, before they are stopped", ExitCriterion::Reported),
                step(14, MANAGER, "see whether there is room again", ExitCriterion::TriggersQuiet),
            ],
        );
        add(
            "paid_but_unused",
            "They pay for more than they use",
            9,
            &["allowance_unused"],
            vec![
                step(7, MANAGER, "show what else they have paid for", ExitCriterion::Reported),
                step(28, EXECUTIVE, "fit the plan to the use, before they ask for it", ExitCriterion::Reported),
            ],
        );
        add(
            "poor_health",
            "Poor health",
            10,
            &["poor_health"],
            vec![
                step(3, MANAGER, "look at which measures are poor, and pick one", ExitCriterion::Reported),
                step(28, MANAGER, "see whether it has recovered", ExitCriterion::BandAtLeast(HealthBand::Average)),
            ],
        );
        playbook
    }
}

fn reasons() -> Vec<DecisionReason> {
    use SilencedUntil::{Cooldown, Quiet};
    vec![
        reason(RESOLVED, "the trouble is over", AlertOutcome::Resolved, Cooldown),
        reason("false_alarm", "there was no trouble", AlertOutcome::Unfounded, Quiet),
        reason("seasonal", "they are like that at this time of the year", AlertOutcome::Unfounded, Quiet),
        reason("accepted", "known, and nothing is to be done about it", AlertOutcome::Accepted, Quiet),
        reason("duplicate", "dealt with in another place", AlertOutcome::Redundant, Quiet),
        reason(LEFT, "the account has left", AlertOutcome::Gone, Cooldown),
        reason(LAPSED, "the account has lapsed", AlertOutcome::Gone, Cooldown),
        reason(FADED, "over before there was room to tell anybody", AlertOutcome::Faded, Cooldown),
    ]
}

/// The first that fits holds, so that what is urgent comes before what is pleasant.
fn recommendations() -> Vec<Recommendation> {
    use FrequencyClass::{Inactive, Occasional};
    use LifecycleStage::{Adopting, Established, Onboarding, Renewing};
    let any = Condition::default;
    let fading = ["use_falling", "renewal_at_risk"].map(str::to_owned);
    vec![
        recommend(
            any().of_value(ValueTier::Top).causes(fading.clone()),
            SPONSOR,
            "call, sponsor to sponsor",
            "one of the most valuable accounts is fading",
        ),
        recommend(
            any().stages([Onboarding]).uses([Inactive, Occasional]),
            MANAGER,
            "set it up together, with success stories of customers like them",
            "new, and they hardly use it",
        ),
        recommend(any().stages([Onboarding]), MANAGER, "guide them to first value", "new, and not at first value yet"),
        recommend(
            any().stages([Renewing]).bands([HealthBand::Poor]),
            EXECUTIVE,
            "make a plan to save the renewal, with whoever decides",
            "about to renew in poor health",
        ),
        recommend(
            any().stages([Renewing]).alerts(HasAlerts::Open),
            EXECUTIVE,
            "settle the open alerts before speaking of the renewal",
            "about to renew, with alerts open",
        ),
        recommend(
            any().causes(fading),
            MANAGER,
            "call, and agree on one thing to use it for",
            "they use it less than they did",
        ),
        recommend(any().bands([HealthBand::Poor]), MANAGER, "review the account with them", "in poor health"),
        recommend(
            any().uses([Inactive]),
            MARKETING,
            "send success stories of customers like them",
            "they do not use what they pay for",
        ),
        recommend(
            any().stages([Renewing]).bands([HealthBand::Good]).alerts(HasAlerts::Calm),
            EXECUTIVE,
            "offer a longer term, and the next plan",
            "about to renew in good health",
        ),
        recommend(
            any().stages([Established]).bands([HealthBand::Good]).alerts(HasAlerts::Calm).of_value(ValueTier::Top),
            MARKETING,
            "ask for a case study",
            "thriving, and one of the most valuable",
        ),
        recommend(
            any().stages([Established, Adopting]).bands([HealthBand::Good]).alerts(HasAlerts::Calm),
            MARKETING,
            "ask for a referral",
            "thriving",
        ),
        recommend(
            any().stages([Adopting]).alerts(HasAlerts::Calm),
            MANAGER,
            "show the next feature that is worth it",
            "past first value, and ready for more",
        ),
        recommend(
            any().stages([Renewing]).alerts(HasAlerts::Calm),
            EXECUTIVE,
            "prepare the renewal after the calendar",
            "about to renew, and nothing speaks against it",
        ),
    ]
}

fn touch_points() -> Vec<TouchPoint> {
    vec![
        touch(120, MANAGER, "review what the year has brought, and what is open", ExitCriterion::Reported),
        touch(90, EXECUTIVE, "know who decides and whom they ask", ExitCriterion::KeyContactNamed),
        touch(60, MANAGER, "see whether they use it, and help where they do not", ALIVE),
        touch(30, EXECUTIVE, "have the offer with them, and all invoices settled", ExitCriterion::InvoicesPaid),
        touch(14, EXECUTIVE, "have the answer, or a call with whoever decides", ExitCriterion::Reported),
    ]
}
