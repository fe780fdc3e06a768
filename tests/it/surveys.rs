//! Answers to surveys: those that warn, and the net promoter score, by hand and against a naive reading of the rows.

use std::collections::BTreeSet;

use attrition::polars::prelude::*;
use attrition::{
    AccountScore, CountedAnswers, Error, NetPromoter, NetPromoterOptions, NetPromoterUnit, Portfolio, SegmentColumns,
    State, SubscriptionColumns, SurveyDetractor, TriggerSet,
};
use proptest::prelude::*;

use super::log::day;
use super::tables::{ContactOf, ask, dates, found, frame_of, numbers, of, portfolio_of, with_answers, with_contacts};

const AS_OF: i32 = 20_000;
const FIRST: i32 = AS_OF - 1_500;

/// Account, respondent, day and score.
type AnswerOf = (i64, Option<i64>, i32, i64);

fn accounts(accounts: i64) -> Portfolio {
    let days = (1..=accounts).flat_map(|account| [(1, account, FIRST, 1), (1, account, AS_OF, 1)]).collect();
    portfolio_of(&days, (FIRST, AS_OF))
}

fn key(account: i64, person: i64) -> ContactOf {
    ContactOf { account, person, key: true, since: None, until: None }
}

#[test]
fn answers_that_warn() {
    let say = |answers: &[AnswerOf]| of(&ask(&with_answers(accounts(2), answers), AS_OF, SurveyDetractor::new()), 1);
    let said = say(&[(1, Some(1), AS_OF - 3, 5), (1, Some(2), AS_OF - 9, 7)]);
    assert_eq!((said.state, said.severity, said.since), (State::Fired, Some("medium"), Some(AS_OF - 3)));
    assert_eq!((said.observed, said.expected, said.statistic, said.score), (Some(6.0), None, Some(6.0), Some(2.4)));
    assert_eq!(
        said.sentence.unwrap(),
        format!("the answers come to 6 of 10, the last on {}: call them and ask what is wrong", day(AS_OF - 3))
    );
    assert_eq!(say(&[(1, Some(1), AS_OF, 6), (1, Some(2), AS_OF, 7)]).state, State::Quiet);
    assert_eq!(say(&[(1, Some(1), AS_OF, 3)]).severity, Some("high"));
    // Of each respondent the latest, of two on one day the lower; anonymous answers all.
    assert_eq!(say(&[(1, Some(1), AS_OF - 9, 0), (1, Some(1), AS_OF, 10)]).observed, Some(10.0));
    assert_eq!(say(&[(1, Some(1), AS_OF, 8), (1, Some(1), AS_OF, 10)]).observed, Some(8.0));
    assert_eq!(say(&[(1, None, AS_OF, 8), (1, None, AS_OF, 10)]).observed, Some(9.0));
    // A year.
    assert_eq!(say(&[(1, Some(1), AS_OF - 364, 3)]).severity, Some("high"));
    let over = say(&[(1, Some(1), AS_OF - 365, 3)]);
    assert_eq!((over.state, over.observed, over.missing), (State::Quiet, None, None));
    assert_eq!(say(&[(2, Some(1), AS_OF, 3)]).missing.as_deref(), Some("history"));
    // A fall of three points, of the account since 30 days before the last answer.
    let fall = |before: i32, to: i64| say(&[(1, Some(1), AS_OF - before, 10), (1, Some(1), AS_OF, to)]);
    let said = fall(30, 7);
    assert_eq!(
        (said.severity, said.observed, said.expected, said.statistic),
        (Some("medium"), Some(7.0), Some(10.0), Some(3.0))
    );
    assert!(said.sentence.unwrap().starts_with("the answers come to 7 of 10, after 10 before, the last on"));
    assert_eq!([fall(29, 7).state, fall(30, 8).state], [State::Quiet; 2]);
    let said = say(&[(1, Some(1), AS_OF - 40, 10), (1, Some(2), AS_OF, 2)]);
    assert_eq!((said.severity, said.observed, said.expected), (Some("medium"), Some(6.0), Some(10.0)));
    assert_eq!(of(&ask(&accounts(1), AS_OF, SurveyDetractor::new()), 1).missing.as_deref(), Some("answers"));
}

#[test]
fn key_contacts_for_themselves() {
    let answers =
        [(1, Some(1), AS_OF - 400, 9), (1, Some(1), AS_OF - 1, 4), (1, Some(2), AS_OF, 10), (1, Some(3), AS_OF, 10)];
    let say = |answers: &[AnswerOf], contacts: &[ContactOf]| {
        of(&ask(&with_contacts(with_answers(accounts(1), answers), contacts), AS_OF, SurveyDetractor::new()), 1)
    };
    let said = say(&answers, &[key(1, 1)]);
    assert_eq!(
        (said.severity, said.observed, said.expected, said.since),
        (Some("medium"), Some(4.0), Some(9.0), Some(AS_OF - 1))
    );
    assert_eq!(
        said.sentence.unwrap(),
        format!(
            "the key contact 1 gave 4 of 10 on {}, after 9 before: call them and ask what is wrong",
            day(AS_OF - 1)
        )
    );
    // Somebody else, somebody of another account, somebody who is gone.
    for contact in
        [key(1, 2), key(2, 1), ContactOf { until: Some(AS_OF), ..key(1, 1) }, ContactOf { key: false, ..key(1, 1) }]
    {
        assert_eq!(say(&answers, &[contact]).state, State::Quiet, "{contact:?}");
    }
    // A key contact who fell, though not below a detractor.
    let fell = [(1, Some(1), AS_OF - 400, 10), (1, Some(1), AS_OF, 7), (1, Some(2), AS_OF, 10)];
    assert_eq!((say(&fell, &[key(1, 1)]).severity, say(&fell, &[]).state), (Some("medium"), State::Quiet));
}

#[test]
fn accounts_that_no_longer_answer() {
    let every_90: Vec<AnswerOf> = [500, 410, 320].map(|back| (1, Some(1), AS_OF - back, 9)).into();
    let say = |others: i32, own: &[AnswerOf]| {
        let answers: Vec<AnswerOf> = own.iter().copied().chain([(2, Some(1), AS_OF - others, 9)]).collect();
        of(&ask(&with_answers(accounts(2), &answers), AS_OF, SurveyDetractor::new()), 1)
    };
    let said = say(0, &every_90);
    assert_eq!((said.state, said.severity, said.since), (State::Fired, Some("low"), Some(AS_OF - 319)));
    assert_eq!((said.observed, said.expected, said.statistic), (Some(320.0), Some(90.0), Some(320.0 / 90.0)));
    assert_eq!(
        said.sentence.unwrap(),
        "nobody has answered a survey for 320 days, after one every 90 days, while others did: ask them in person"
    );
    // The others were asked in the same survey, or the account itself is the only one.
    assert_eq!((say(289, &every_90).state, say(290, &every_90).state), (State::Fired, State::Quiet));
    assert_eq!(of(&ask(&with_answers(accounts(1), &every_90), AS_OF, SurveyDetractor::new()), 1).state, State::Quiet);
    // More than one and a half intervals, and at least 90 days; answers within 30 days are one survey.
    let two =
        |interval: i32, back: i32| say(0, &[(1, None, AS_OF - back - interval, 9), (1, None, AS_OF - back, 9)]).state;
    assert_eq!([two(100, 150), two(100, 151)], [State::Quiet, State::Fired]);
    assert_eq!([two(40, 89), two(40, 90)], [State::Quiet, State::Fired]);
    assert_eq!([two(29, 300), two(30, 300)], [State::Quiet, State::Fired]);
    // Long ago and only once.
    assert_eq!(say(0, &every_90[..1]).state, State::Quiet);
}

#[test]
fn scores_of_accounts() {
    let answers =
        [(1, Some(1), AS_OF - 9, 1), (1, Some(2), AS_OF - 1, 10), (1, Some(3), AS_OF, 8), (1, None, AS_OF, 9)];
    let portfolio = with_answers(accounts(1), &answers);
    let score = |by| of(&ask(&portfolio, AS_OF, SurveyDetractor::new().account_score(by)), 1).observed;
    assert_eq!(
        [AccountScore::Mean, AccountScore::Worst, AccountScore::Latest].map(score),
        [Some(7.0), Some(1.0), Some(8.0)]
    );
    for trigger in
        [SurveyDetractor::new().days(0), SurveyDetractor::new().fall(0.0), SurveyDetractor::new().fall(f64::NAN)]
    {
        let refused = portfolio.triggers(day(AS_OF), TriggerSet::new().with(trigger));
        assert!(matches!(refused, Err(Error::InvalidOption { .. })));
    }
}

/// The latest answers within a year up to a day.
fn latest(answers: &[AnswerOf], account: i64, to: i32, days: i32) -> Vec<AnswerOf> {
    let within = |row: &&AnswerOf| row.0 == account && row.2 <= to && row.2 > to - days;
    let within: Vec<AnswerOf> = answers.iter().filter(within).copied().collect();
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for row in &within {
        let beaten = within.iter().any(|other| {
            row.1.is_some() && other.1 == row.1 && (other.2 > row.2 || other.2 == row.2 && other.3 < row.3)
        });
        if !beaten && (row.1.is_none() || seen.insert(row.1)) {
            kept.push(*row);
        }
    }
    kept
}

fn mean(answers: &[AnswerOf]) -> Option<f64> {
    (!answers.is_empty()).then(|| answers.iter().map(|row| row.3 as f64).sum::<f64>() / answers.len() as f64)
}

/// What warns first: its severity and score, the level before the fall before the silence.
fn naive(answers: &[AnswerOf], contacts: &[i64], account: i64) -> Option<(Option<&'static str>, f64)> {
    let own: Vec<AnswerOf> = answers.iter().filter(|row| row.0 == account && row.2 <= AS_OF).copied().collect();
    let last = own.iter().map(|row| row.2).max()?;
    let counted = latest(answers, account, AS_OF, 365);
    let mut scores: Vec<(f64, Option<f64>)> = Vec::new();
    scores.extend(mean(&counted).map(|score| (score, mean(&latest(answers, account, last - 30, 365)))));
    for &person in contacts {
        let Some(answer) = counted.iter().find(|row| row.1 == Some(person)) else { continue };
        let before = own.iter().filter(|row| row.1 == Some(person) && row.2 < answer.2);
        let before = before.min_by_key(|row| (-row.2, row.3)).map(|row| row.3 as f64);
        scores.push((answer.3 as f64, before));
    }
    let lowest = scores.iter().map(|score| score.0).reduce(f64::min);
    if let Some(lowest) = lowest.filter(|&lowest| lowest <= 6.0) {
        return Some((Some(if lowest <= 3.0 { "high" } else { "medium" }), lowest));
    }
    let fallen = scores.iter().filter_map(|&(score, before)| Some((before? - score, score)));
    if let Some((_, score)) = fallen.filter(|fall| fall.0 >= 3.0).max_by(|left, right| left.0.total_cmp(&right.0)) {
        return Some((Some("medium"), score));
    }
    let mut days: Vec<i32> = own.iter().map(|row| row.2).collect();
    days.sort_unstable();
    let mut began: Vec<i32> = Vec::new();
    for day in days {
        if began.last().is_none_or(|&began| day >= began + 30) {
            began.push(day);
        }
    }
    let mut intervals: Vec<f64> = began.windows(2).map(|pair| f64::from(pair[1] - pair[0])).collect();
    intervals.sort_by(f64::total_cmp);
    if !intervals.is_empty() {
        let usual = (intervals[(intervals.len() - 1) / 2] + intervals[intervals.len() / 2]) / 2.0;
        let others = answers.iter().any(|row| row.0 != account && row.2 > last + 30 && row.2 <= AS_OF);
        let silent = f64::from(AS_OF - last);
        if others && silent >= 90.0 && silent > 1.5 * usual {
            return Some((Some("low"), silent));
        }
    }
    // Where no answer counts any more there is nothing to tell.
    Some((None, lowest.unwrap_or(f64::NAN)))
}

fn answers() -> impl Strategy<Value = Vec<AnswerOf>> {
    let answer = (
        1_i64..4,
        prop::option::weighted(0.8, 1_i64..5),
        AS_OF - 900..AS_OF + 60,
        prop_oneof![0_i64..11, 6_i64..11, 8_i64..11],
    );
    prop::collection::vec(answer, 1..14)
}

proptest! {
    #[test]
    fn as_by_looking_at_each_answer(
        mut answers in answers(),
        contacts in prop::collection::vec((1_i64..4, 1_i64..5), 0..4),
    ) {
        let days = (1..4).flat_map(|account| [(1, account, FIRST, 1), (1, account, AS_OF, 1)]).collect();
        let named: Vec<ContactOf> = contacts.iter().map(|&(account, person)| key(account, person)).collect();
        let portfolio = with_contacts(with_answers(portfolio_of(&days, (FIRST, AS_OF + 60)), &answers), &named);
        let said = found(&ask(&portfolio, AS_OF, SurveyDetractor::new()));
        for said in &said {
            let own = contacts.iter().filter(|contact| contact.0 == said.account);
            let own: Vec<i64> = own.map(|contact| contact.1).collect();
            match naive(&answers, &own, said.account) {
                None => prop_assert_eq!(said.missing.as_deref(), Some("history")),
                Some((severity, observed)) => {
                    prop_assert_eq!(said.missing.as_deref(), None);
                    prop_assert_eq!(said.severity, severity);
                    if said.severity != Some("medium") {
                        prop_assert_eq!(said.observed, Some(observed).filter(|observed| !observed.is_nan()));
                    }
                }
            }
        }
        // What is answered later, and the order of rows, make no difference.
        answers.retain(|row| row.2 <= AS_OF);
        answers.reverse();
        let known = with_contacts(with_answers(accounts(3), &answers), &named);
        prop_assert_eq!(found(&ask(&known, AS_OF, SurveyDetractor::new())), said);
    }

    #[test]
    fn net_promoter_by_counting(mut answers in answers(), days in 1_i32..600) {
        let portfolio = with_answers(accounts(3), &answers);
        let asked = NetPromoterOptions::new(day(AS_OF)).days(days as u32);
        let counts = |score: &NetPromoter| (score.promoters(), score.passives(), score.detractors());
        let naive = |counted: &[Vec<f64>]| {
            let count = |of: fn(f64) -> bool| counted.iter().flatten().filter(|&&score| of(score)).count() as u64;
            (count(|score| score >= 9.0), count(|score| score > 6.0 && score < 9.0), count(|score| score <= 6.0))
        };
        let scores = |rows: Vec<AnswerOf>| rows.iter().map(|row| row.3 as f64).collect::<Vec<f64>>();
        let by_account: Vec<Vec<f64>> = (1..4).map(|account| scores(latest(&answers, account, AS_OF, days))).collect();
        let whole = portfolio.net_promoter(asked.clone()).unwrap();
        prop_assert_eq!(counts(&whole), naive(&by_account));
        prop_assert_eq!(whole.accounts(), by_account.iter().filter(|scores| !scores.is_empty()).count() as u64);
        let all = answers.iter().filter(|row| row.2 <= AS_OF && row.2 > AS_OF - days).copied().collect();
        let of_all = portfolio.net_promoter(asked.clone().counted(CountedAnswers::All)).unwrap();
        prop_assert_eq!(counts(&of_all), naive(&[scores(all)]));
        let mean_of = |scores: &Vec<f64>| (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64);
        let means: Vec<f64> = by_account.iter().filter_map(mean_of).collect();
        let of_accounts = portfolio.net_promoter(asked.clone().unit(NetPromoterUnit::Accounts)).unwrap();
        prop_assert_eq!(counts(&of_accounts), naive(&[means]));
        // Segments add up.
        let segments = df!("id" => [1_i64, 3], "group" => ["a", "b"]).unwrap();
        let parts = portfolio.net_promoter_by(asked.clone(), &segments, &SegmentColumns::new("id", "group")).unwrap();
        for (place, segment) in [Some("a"), None, Some("b")].into_iter().enumerate() {
            prop_assert_eq!(counts(parts.get(segment).unwrap()), naive(&by_account[place..=place]));
        }
        // What is answered later, and the order of rows, make no difference.
        answers.retain(|row| row.2 <= AS_OF);
        answers.reverse();
        prop_assert_eq!(with_answers(accounts(3), &answers).net_promoter(asked).unwrap(), whole);
    }
}

/// Seven promoters, four passives and six detractors: 5.88235..., by the formula in numpy 2.4.6.
#[test]
fn golden() {
    let scores = [10, 9, 8, 7, 6, 5, 0, 10, 9, 9, 3, 7, 8, 10, 2, 6, 9];
    let answers: Vec<AnswerOf> = scores.iter().map(|&score| (1, None, AS_OF, score)).collect();
    let portfolio = with_answers(accounts(1), &answers);
    let found = portfolio.net_promoter(day(AS_OF)).unwrap();
    assert_eq!((found.promoters(), found.passives(), found.detractors()), (7, 4, 6));
    assert!((found.score().unwrap() - 5.882_352_941_176_47).abs() < 1e-12);
    assert_eq!(
        found.to_string(),
        format!(
            "5.9 (-33.6 to 43.5) from 17 answers of 1 accounts: 7 promoters, 4 passives, 6 detractors, in 365 days to {}",
            day(AS_OF)
        )
    );
    let frame = found.to_frame().unwrap();
    let names = ["as_of", "accounts", "answers", "promoters", "passives", "detractors", "score", "lower", "upper"];
    assert_eq!(frame.get_column_names(), names);
    assert_eq!((frame.height(), frame.column("answers").unwrap().u64().unwrap().get(0)), (1, Some(17)));
}

#[test]
fn net_promoter_by_plan_and_without_answers() {
    let answers = [(1, None, AS_OF, 10), (2, None, AS_OF, 0), (3, None, AS_OF, 8)];
    let portfolio = with_answers(accounts(4), &answers);
    assert!(matches!(portfolio.net_promoter_by_plan(day(AS_OF)), Err(Error::MissingTable { table: "subscriptions" })));
    // Account 2 moves up on the day after.
    let terms = frame_of(vec![
        numbers("account", [1, 2, 2, 4].into_iter()),
        dates("start", [FIRST, FIRST, AS_OF + 1, FIRST].map(Some).into_iter()),
        Column::new("plan".into(), ["pro", "free", "pro", "solo"]),
    ]);
    let columns = SubscriptionColumns::new("account", "start").plan("plan");
    let portfolio = portfolio.subscriptions(&terms, &columns).unwrap();
    let by_plan = portfolio.net_promoter_by_plan(day(AS_OF)).unwrap();
    let scores: Vec<_> = by_plan.iter().map(|(plan, score)| (plan, score.score())).collect();
    assert_eq!(
        scores,
        [(Some("free"), Some(-100.0)), (Some("pro"), Some(100.0)), (Some("solo"), None), (None, Some(0.0))]
    );
    assert!(by_plan.get(Some("solo")).unwrap().interval().is_none());
    let frame = by_plan.to_frame().unwrap();
    assert_eq!((frame.height(), frame.column("score").unwrap().null_count()), (4, 1));
    assert!(by_plan.to_string().contains(&format!("solo: no answer in the 365 days to {}", day(AS_OF))));

    let refused = accounts(1).net_promoter(day(AS_OF)).unwrap_err();
    assert_eq!(refused.to_string(), "the portfolio has no table of answers; add it with Portfolio::answers");
    let asked = NetPromoterOptions::new(day(AS_OF));
    for options in [asked.clone().days(0), asked.clone().confidence(1.0), NetPromoterOptions::new(day(AS_OF + 1))] {
        assert!(matches!(portfolio.net_promoter(options), Err(Error::InvalidOption { .. })));
    }
    // Read back as it was stored; edited, not at all.
    let stored = serde_json::to_value(by_plan.get(Some("pro")).unwrap()).unwrap();
    assert_eq!(&serde_json::from_value::<NetPromoter>(stored.clone()).unwrap(), by_plan.get(Some("pro")).unwrap());
    for (field, value) in
        [("detractors", 1.into()), ("promoters", 0.into()), ("accounts", 2.into()), ("promoters", u64::MAX.into())]
    {
        let mut edited = stored.clone();
        edited[field] = value;
        assert!(serde_json::from_value::<NetPromoter>(edited).is_err(), "{field}");
    }
}
