//! Feedback as a loop, against a count by hand.

use attrition::{
    Error, Feedback, FeedbackGrouping, FeedbackItem, FeedbackLog, FeedbackOptions, FeedbackState, Reason, Taxonomy,
    ToFrame, date,
};
use proptest::prelude::*;

use super::log::day;

fn item() -> impl Strategy<Value = FeedbackItem> {
    let category = prop::sample::select(vec!["product", "product/not_used", "service", "marketing_and_sales"]);
    let owner = prop::option::of(prop::sample::select(vec!["ann", "jonas"]));
    (0..5_i64, 0..20, prop::option::of((category, 0..9)), 0..3, 0..9, 0..9, prop::option::of(0..40), owner).prop_map(
        |(customer, asked, category, further, to_act, to_follow, due, owner)| {
            let mut item = FeedbackItem::new(customer, day(asked));
            if let Some((category, after)) = category {
                item = item.categorised(category, day(asked + after));
                if further > 0 {
                    item = item.acted(day(asked + after + to_act));
                }
                if further > 1 {
                    item = item.followed_up(day(asked + after + to_act + to_follow));
                }
            }
            item.due_on = due.map(day);
            item.owner = owner.map(str::to_owned);
            item
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn counted_by_hand(items in prop::collection::vec(item(), 0..30), as_of in 0..50, from in prop::option::of(0..20), by_owner in any::<bool>()) {
        let from = from.filter(|from| *from <= as_of);
        let mut options = FeedbackOptions::new(day(as_of));
        if let Some(from) = from {
            options = options.asked_from(day(from));
        }
        if by_owner {
            options = options.by(FeedbackGrouping::Owner);
        }
        let log = FeedbackLog::of(items.clone(), &Taxonomy::standard()).unwrap();
        let feedback = log.feedback(options).unwrap();
        let today = day(as_of);
        let counted: Vec<&FeedbackItem> = items
            .iter()
            .filter(|item| item.asked_on <= today && from.is_none_or(|from| item.asked_on >= day(from)))
            .collect();
        let reached = |on: Option<attrition::Date>| on.filter(|on| *on <= today);
        let mut sum = 0;
        for tally in feedback.tallies().iter().chain(feedback.all()) {
            let is_all = feedback.all().contains(tally) && !feedback.tallies().iter().any(|other| std::ptr::eq(other, tally));
            let (mut of, mut ages, mut overdue) = (0, Vec::new(), 0);
            for item in &counted {
                let categorised = reached(item.categorised_on).is_some();
                let category = item.category.as_ref().filter(|_| categorised).map(|reason| reason.category().to_owned());
                let group = if by_owner { item.owner.clone() } else { category };
                if !is_all && group != tally.group {
                    continue;
                }
                of += 1;
                let (state, age) = match (reached(item.followed_up_on), reached(item.acted_on), reached(item.categorised_on)) {
                    (Some(on), ..) => (FeedbackState::FollowedUp, on - item.asked_on),
                    (_, Some(on), _) => (FeedbackState::Acted, today - on),
                    (.., Some(on)) => (FeedbackState::Categorised, today - on),
                    _ => (FeedbackState::Asked, today - item.asked_on),
                };
                if state == tally.state {
                    ages.push(age);
                    overdue += u64::from(state != FeedbackState::FollowedUp && item.due_on.is_some_and(|due| due < today));
                }
            }
            ages.sort_unstable();
            let middle = ages.len() / 2;
            let median = match ages.len() {
                0 => None,
                even if even % 2 == 0 => Some(f64::from(ages[middle - 1] + ages[middle]) / 2.0),
                _ => Some(f64::from(ages[middle])),
            };
            prop_assert_eq!((tally.items, tally.of, tally.median_days, tally.overdue), (ages.len() as u64, of, median, overdue));
            prop_assert_eq!(tally.longest_days, ages.last().map(|age| *age as u32));
            sum += if is_all { 0 } else { tally.items };
        }
        prop_assert_eq!(sum, counted.len() as u64);
        let stored = serde_json::to_string(&feedback).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Feedback>(&stored).unwrap(), &feedback);
        prop_assert_eq!(ToFrame::to_frame(&feedback).unwrap().height(), feedback.tallies().len());
        prop_assert_eq!(log.to_frame().unwrap().height(), items.len());
    }
}

#[test]
fn days_in_another_order_are_refused() {
    let taxonomy = Taxonomy::standard();
    let refused = |item: FeedbackItem| match FeedbackLog::of([item], &taxonomy) {
        Err(Error::InvalidOption { option, .. }) => option,
        other => panic!("{other:?}"),
    };
    let item = || FeedbackItem::new("acme", date(2026, 3, 3));
    assert_eq!(refused(item().categorised("product", date(2026, 3, 2))), "categorised_on");
    assert_eq!(refused(item().acted(date(2026, 3, 4))), "acted_on");
    assert_eq!(
        refused(item().categorised("product", date(2026, 3, 4)).followed_up(date(2026, 3, 5))),
        "followed_up_on"
    );
    assert_eq!(refused(item().categorised("none", date(2026, 3, 4))), "category");
    assert_eq!(refused(FeedbackItem::new("", date(2026, 3, 3))), "customer");
    let mut bare = item();
    bare.category = Some(Reason::from("product"));
    assert_eq!(refused(bare), "category");
    let log = FeedbackLog::of([item()], &taxonomy).unwrap();
    let turned = log.feedback(FeedbackOptions::new(date(2026, 1, 1)).asked_from(date(2026, 1, 2)));
    assert!(matches!(turned, Err(Error::InvalidOption { option: "asked_from", .. })));
    assert!(log.feedback(date(2026, 1, 1)).unwrap().tallies().is_empty());
    let text = log.feedback(date(2026, 3, 5)).unwrap().to_string();
    assert!(text.contains("(none yet)") && text.contains("100.0 (2)"), "{text}");
    let by_owner = FeedbackOptions::new(date(2026, 3, 5)).by(FeedbackGrouping::Owner);
    let log = FeedbackLog::of([item(), item().owner("ann")], &taxonomy).unwrap();
    let feedback = log.feedback(by_owner).unwrap();
    assert_eq!(feedback.get(Some("ann"), FeedbackState::Asked).unwrap().share(), Some(1.0));
    assert_eq!(feedback.get(None, FeedbackState::Asked).unwrap().items, 1);
    let text = feedback.to_string();
    assert!(text.contains("\nowner ") && text.contains("(nobody)"), "{text}");
}
