//! Programme impact: by hand, against pairs counted one by one, on companies whose truth is known, and at its edges.

use std::collections::{BTreeMap, BTreeSet};

use attrition::polars::prelude::*;
use attrition::{
    Activity, Calendar, Coverage, Error, LaterParticipants, LeftOut, Participation, ParticipationColumns, Period,
    ProgrammeEffect, ProgrammeImpact, ProgrammeImpactOptions, date,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::log::{Event, Mapped, day, event, id_text, ingest, message};

/// Rows of a frame of participation.
type Rows = Vec<(Option<i64>, Option<i32>)>;

fn participation_frame(rows: &Rows) -> DataFrame {
    let (users, days): (Vec<_>, Vec<_>) = rows.iter().copied().unzip();
    let days = Column::new("attended_on".into(), days).cast(&DataType::Date).unwrap();
    DataFrame::new(rows.len(), vec![Column::new("user".into(), users), days]).unwrap()
}

fn columns() -> ParticipationColumns {
    ParticipationColumns::new("user", "attended_on")
}

fn participation(rows: &Rows) -> Participation {
    Participation::from_frame(&participation_frame(rows), &columns()).unwrap()
}

fn rows(users: &[(i64, i32)]) -> Rows {
    users.iter().map(|&(user, day)| (Some(user), Some(day))).collect()
}

fn events_of(days: &[(i64, &[i32])], first: i32) -> Vec<Event> {
    days.iter().flat_map(|&(user, days)| days.iter().map(move |day| event(user, first + day))).collect()
}

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-9 * (1.0 + left.abs())
}

fn same(left: Option<f64>, right: Option<f64>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => close(left, right),
        (left, right) => left.is_none() && right.is_none(),
    }
}

/// 2024-01-01.
const NEW_YEAR: i32 = 19_723;

/// Clocks start on days 10, 12 and 25. Looked back are 4 days, followed up 6, of which the last 3 decide.
const BY_HAND: [(i64, &[i32]); 17] = [
    // Took part on day 10, one active day in 6..=9. Active days in 11..=16: two and one; in 14..=16: yes and no.
    (1, &[0, 8, 10, 11, 15]),
    (2, &[2, 7, 10, 12]),
    // Comparable to them: active on day 10, one active day in 6..=9. One of four retained, active days 1, 0, 1, 0.
    (3, &[0, 9, 10, 14]),
    (4, &[1, 6, 10]),
    (5, &[0, 6, 10, 13]),
    (6, &[0, 8, 10, 17]),
    // Two active days in 6..=9, so not comparable on day 10; two in 8..=11, so comparable to user 9 on day 12.
    (7, &[0, 7, 8, 10, 12, 15]),
    // Not there on day 10.
    (8, &[0, 9, 11]),
    // Took part on day 12 with two active days in 8..=11, retained by day 18.
    (9, &[0, 9, 11, 12, 18]),
    // Comparable to user 9, retained by day 17.
    (10, &[3, 8, 9, 12, 17]),
    // Took part on day 36: the horizon is not over on day 40.
    (11, &[0, 36]),
    // Took part on day 20, the first.
    (12, &[20, 26]),
    // Took part on day 2: the look-back begins before day 0.
    (13, &[1, 2]),
    // Took part on day 21 and was not there.
    (14, &[0, 20]),
    // Took part on day 25, when nobody else was there.
    (15, &[0, 25]),
    // Took part on no known day.
    (16, &[0, 10]),
    // Took part after the observation.
    (17, &[0, 30]),
];

fn by_hand() -> (Activity, Participation) {
    let activity = ingest(&events_of(&BY_HAND, NEW_YEAR), Mapped::NONE, Some((NEW_YEAR, NEW_YEAR + 40)));
    let took_part = [(1, 10), (2, 10), (9, 12), (11, 36), (12, 20), (13, 2), (14, 21), (15, 25), (17, 45), (99, 10)];
    let mut rows = rows(&took_part.map(|(user, day)| (user, NEW_YEAR + day)));
    rows.extend([(Some(16), None), (Some(1), Some(NEW_YEAR + 12)), (None, Some(NEW_YEAR))]);
    (activity, participation(&rows))
}

fn options_by_hand() -> ProgrammeImpactOptions {
    ProgrammeImpactOptions::new(6).window(3).look_back(4).prior_use([0, 1, 2])
}

#[test]
fn a_dozen_people_by_hand() {
    let (activity, participants) = by_hand();
    let impact = activity.programme_impact(&participants, options_by_hand()).unwrap();

    let intake = impact.intake();
    assert_eq!((intake.rows, intake.actors, intake.repeated), (13, 11, 1));
    assert_eq!((intake.without_date, intake.without_actor), (1, 1));
    let counts = LeftOut::ALL.map(|reason| impact.left_out(reason));
    assert_eq!(counts, [1; 8]);
    assert_eq!((impact.participants(), impact.judged(), impact.comparable()), (11, 3, 6));
    assert_eq!(impact.later_participants(), Some(0.0));

    // Retained: 1 of 2 against 1 of 4 on day 10, 1 of 1 against 1 of 2 on day 12.
    //   participants (1 + 1) / 3, comparable (2 * 1/4 + 1/2) / 3 = 1/3, effect 1/3.
    // Scores of users 1, 2, 9: 1 - 1/4 - 1/3 = 5/12, -1/4 - 1/3 = -7/12, 1 - 1/2 - 1/3 = 2/12; squared 78/144.
    // Scores of 3 to 6: 2/4 √(4/3) times 3/4, -1/4, -1/4, -1/4; squared 1/3 * 3/4 = 1/4.
    // Scores of 7 and 10: 1/2 √2 times -1/2, 1/2; squared 1/2 * 1/2 = 1/4.
    // Variance (78/144 + 1/2) / (3 * 2) = 25/144, so the standard error is 5/12 and the interval runs off both ends.
    let retention = impact.retention().unwrap();
    assert!(close(retention.participants, 2.0 / 3.0) && close(retention.comparable, 1.0 / 3.0));
    assert!(close(retention.difference, 1.0 / 3.0) && same(retention.relative, Some(1.0)));
    assert!(same(retention.standard_error, Some(5.0 / 12.0)), "{retention:?}");
    let interval = retention.interval.unwrap();
    assert_eq!((interval.lower, interval.upper), (-1.0, 1.0));

    // Active days: 2 and 1 against 1, 0, 1, 0; 1 against 1, 1.
    //   participants 4/3, comparable (2 * 1/2 + 1) / 3 = 2/3, effect 2/3.
    // Scores of 1, 2, 9: 5/6, -1/6, -4/6, squared 42/36; of 3 to 6: 1/3 * 4 * 1/4 = 1/3; of 7 and 10 none.
    // Variance (7/6 + 1/3) / 6 = 1/4; the 95 % point of Student's t with 2 degrees of freedom is 4.302653.
    let active_days = impact.active_days().unwrap();
    assert!(close(active_days.difference, 2.0 / 3.0) && same(active_days.standard_error, Some(0.5)));
    let interval = active_days.interval.unwrap();
    assert!((interval.lower - (2.0 / 3.0 - 0.5 * 4.302_653)).abs() < 1e-5);
    assert!((interval.upper - (2.0 / 3.0 + 0.5 * 4.302_653)).abs() < 1e-5);

    // From their first activity, in days 4 to 6 after it: of 1, 2, 9, 11, 12, 13, 14, 15 were there 2 and 12; of 3, 4, 5,
    // 6, 7, 8, 10, 17 were there 4, 5 and 10. User 16 took part at no known time and is on neither side.
    let naive = impact.naive();
    assert_eq!((naive.participants, naive.participants_retained), (8, 2));
    assert_eq!((naive.others, naive.others_retained), (8, 3));
    assert!(same(naive.difference(), Some(-0.125)));

    // Prior use of 1, 2, 9, 15: 1, 1, 2, 0. Of 3, 4, 5, 6, 7 on day 10: 1, 1, 1, 1, 2; of 7, 10 on day 12: 2, 2.
    let [prior, tenure] = impact.balance();
    assert!(same(prior.participants, Some(1.0)) && same(prior.others, Some(10.0 / 7.0)));
    // Variances 2/3 and 2/7: the spread is √(10/21).
    assert!(same(prior.before, Some((1.0 - 10.0 / 7.0) / (10.0_f64 / 21.0).sqrt())), "{prior:?}");
    assert!(same(prior.matched, Some(4.0 / 3.0)) && same(prior.after, Some(0.0)));
    // Tenures 10, 8 and 12 against (10 + 9 + 10 + 10) / 4 twice and (12 + 9) / 2.
    assert!(same(tenure.matched, Some(10.0)) && same(tenure.comparable, Some((2.0 * 9.75 + 10.5) / 3.0)));

    let strata = impact.strata();
    let days: Vec<_> = strata.iter().map(|stratum| (stratum.day, stratum.prior_use, stratum.comparable)).collect();
    let new_year = date(2024, 1, 1);
    assert_eq!(days, [(new_year + 10, 1, 4), (new_year + 12, 2, 2), (new_year + 25, 0, 0)]);
    assert_eq!(strata.iter().map(|stratum| stratum.difference()).collect::<Vec<_>>(), [Some(0.25), Some(0.5), None]);
    let [january] = impact.months() else { panic!("{:?}", impact.months()) };
    assert_eq!((january.span.start, january.coverage, january.participants), (new_year, Coverage::Truncated, 3));
    assert_eq!((&january.retention, &january.active_days), (retention, active_days));
}

#[test]
fn a_wider_start_and_later_participants() {
    let (activity, _) = by_hand();
    // User 3 takes part on day 14, within the horizon of users 1 and 2: kept or left out.
    let participants = participation(&rows(&[(1, NEW_YEAR + 10), (2, NEW_YEAR + 10), (3, NEW_YEAR + 14)]));
    let ask = |options: ProgrammeImpactOptions| activity.programme_impact(&participants, options).unwrap();
    let kept = ask(options_by_hand());
    assert_eq!((kept.strata()[0].comparable, kept.later_participants()), (4, Some(0.25)));
    let left_out = ask(options_by_hand().later_participants(LaterParticipants::LeftOut));
    assert_eq!((left_out.strata()[0].comparable, left_out.later_participants()), (3, Some(0.0)));
    // Without user 3, who stayed, nobody comparable is retained.
    assert!(same(left_out.retention().map(|effect| effect.comparable), Some(0.0)));
    assert_eq!(left_out.retention().unwrap().relative, None);

    // Active within 2 days up to day 10: users 8 and 9 too, who were there on day 9 and so have one active day before;
    // they came on day 11, and on 11 and 12.
    let wide = ask(options_by_hand().alive_within(2));
    assert_eq!((wide.strata()[0].comparable, wide.strata()[0].comparable_active_days), (6, 5));
    // User 14 was there on day 20 and took part on day 21.
    let late = participation(&rows(&[(14, NEW_YEAR + 21)]));
    let reason = |days| {
        let impact = activity.programme_impact(&late, options_by_hand().alive_within(days)).unwrap();
        LeftOut::ALL.into_iter().find(|&reason| impact.left_out(reason) > 0).unwrap()
    };
    assert_eq!((reason(1), reason(2)), (LeftOut::NotActive, LeftOut::NoComparison));
}

/// What is asked, in plain numbers.
#[derive(Clone, Debug)]
struct Question {
    horizon: i32,
    window: i32,
    look_back: i32,
    bins: Vec<u32>,
    alive_within: i32,
    cohort: Period,
    later: LaterParticipants,
}

impl Question {
    fn options(&self) -> ProgrammeImpactOptions {
        ProgrammeImpactOptions::new(self.horizon as u32)
            .window(self.window as u32)
            .look_back(self.look_back as u32)
            .prior_use(self.bins.clone())
            .alive_within(self.alive_within as u32)
            .cohort(self.cohort)
            .later_participants(self.later)
    }
}

/// People as sets of days, and the first day on which each took part.
struct People {
    days: BTreeMap<i64, BTreeSet<i32>>,
    took_part: BTreeMap<i64, Option<i32>>,
    observed: (i32, i32),
}

struct Expected {
    left_out: BTreeMap<&'static str, u64>,
    /// Participants matched: day, and per outcome their own value and the mean of those comparable.
    pairs: Vec<(i32, [f64; 2], [f64; 2])>,
    /// Per person and month the scores of both outcomes towards the overall effect and towards that of the month.
    scores: BTreeMap<i64, Vec<(i32, [f64; 2])>>,
    comparable: BTreeSet<i64>,
    later: f64,
    naive: [u64; 4],
    prior: [Vec<f64>; 2],
}

impl People {
    fn count(&self, user: i64, from: i32, to: i32) -> usize {
        self.days[&user].iter().filter(|&&day| from <= day && day <= to).count()
    }

    fn outcomes(&self, q: &Question, user: i64, t: i32) -> [f64; 2] {
        let retained = self.count(user, t + q.horizon - q.window + 1, t + q.horizon) > 0;
        [f64::from(u8::from(retained)), self.count(user, t + 1, t + q.horizon) as f64]
    }

    fn first(&self, user: i64) -> i32 {
        *self.days[&user].first().unwrap()
    }

    fn is_there(&self, q: &Question, user: i64, t: i32) -> bool {
        self.first(user) < t && self.count(user, t - q.alive_within + 1, t) > 0
    }

    fn bin(q: &Question, prior: usize) -> usize {
        q.bins.iter().filter(|&&lower| lower as usize <= prior).count()
    }

    fn period(q: &Question, day_number: i32) -> attrition::Span {
        Calendar::utc().span(q.cohort, day(day_number))
    }

    /// Whether somebody had not taken part by a day and counts as such.
    fn is_without(&self, q: &Question, user: i64, t: i32) -> bool {
        match self.took_part.get(&user) {
            None => true,
            Some(None) => false,
            Some(Some(took_part)) => {
                *took_part > t && (q.later == LaterParticipants::Kept || *took_part > t + q.horizon)
            }
        }
    }

    fn reason(&self, q: &Question, user: i64) -> Option<LeftOut> {
        let Some(days) = self.days.get(&user) else { return Some(LeftOut::Unknown) };
        let Some(t) = self.took_part[&user] else { return Some(LeftOut::Undated) };
        if t < self.observed.0 || t > self.observed.1 {
            Some(LeftOut::OutsideObservation)
        } else if t - q.look_back < self.observed.0 {
            Some(LeftOut::LookBackUnobserved)
        } else if t + q.horizon > self.observed.1 {
            Some(LeftOut::HorizonOpen)
        } else if days.range(..t).next().is_none() {
            Some(LeftOut::NoHistory)
        } else if !self.is_there(q, user, t) {
            Some(LeftOut::NotActive)
        } else {
            None
        }
    }

    fn expected(&self, q: &Question) -> Expected {
        let mut expected = Expected {
            left_out: BTreeMap::new(),
            pairs: Vec::new(),
            scores: BTreeMap::new(),
            comparable: BTreeSet::new(),
            later: 0.0,
            naive: [0; 4],
            prior: [Vec::new(), Vec::new()],
        };
        let prior = |user, t| self.count(user, t - q.look_back, t - 1);
        let mut matched = Vec::new();
        let mut index_days = BTreeSet::new();
        for &user in self.took_part.keys() {
            if let Some(reason) = self.reason(q, user) {
                *expected.left_out.entry(reason.name()).or_default() += 1;
                continue;
            }
            let t = self.took_part[&user].unwrap();
            index_days.insert(t);
            expected.prior[0].push(prior(user, t) as f64);
            let comparable = |&other: &i64| {
                self.is_without(q, other, t)
                    && self.is_there(q, other, t)
                    && Self::period(q, self.first(other)) == Self::period(q, self.first(user))
                    && Self::bin(q, prior(other, t)) == Self::bin(q, prior(user, t))
            };
            let others: Vec<i64> = self.days.keys().copied().filter(comparable).collect();
            if others.len() < 2 {
                *expected.left_out.entry(LeftOut::NoComparison.name()).or_default() += 1;
            } else {
                matched.push((user, t, others));
            }
        }
        for t in index_days {
            let without = |&user: &i64| self.is_without(q, user, t) && self.is_there(q, user, t);
            expected.prior[1].extend(self.days.keys().copied().filter(without).map(|user| prior(user, t) as f64));
        }
        for (user, t, others) in &matched {
            let count = others.len() as f64;
            let mean = [0, 1].map(|k| others.iter().map(|&other| self.outcomes(q, other, *t)[k]).sum::<f64>() / count);
            expected.pairs.push((*t, self.outcomes(q, *user, *t), mean));
            for &other in others {
                let residual = [0, 1].map(|k| self.outcomes(q, other, *t)[k] - mean[k]);
                let factor = (count / (count - 1.0)).sqrt() / count;
                let scores = expected.scores.entry(other).or_default();
                scores.push((*t, residual.map(|residual| -factor * residual)));
                expected.comparable.insert(other);
                let later = self.took_part.get(&other).is_some_and(|day| day.unwrap() <= t + q.horizon);
                expected.later += f64::from(u8::from(later)) / count / matched.len() as f64;
            }
            let own = [0, 1].map(|k| self.outcomes(q, *user, *t)[k] - mean[k]);
            expected.scores.entry(*user).or_default().push((*t, own));
        }
        for &user in self.days.keys() {
            let took_part = self.took_part.get(&user).copied();
            let first = self.first(user);
            if took_part == Some(None) || first + q.horizon > self.observed.1 {
                continue;
            }
            let side = if took_part.flatten().is_some_and(|day| day <= self.observed.1) { 0 } else { 2 };
            expected.naive[side] += 1;
            let retained = self.count(user, first + q.horizon - q.window + 1, first + q.horizon) > 0;
            expected.naive[side + 1] += u64::from(retained);
        }
        expected
    }

    /// Effect, standard error and participants over the participants of some days.
    fn effect(&self, expected: &Expected, outcome: usize, of: impl Fn(i32) -> bool) -> (f64, Option<f64>, usize) {
        let pairs: Vec<_> = expected.pairs.iter().filter(|pair| of(pair.0)).collect();
        let count = pairs.len() as f64;
        let effect = pairs.iter().map(|(_, own, mean)| own[outcome] - mean[outcome]).sum::<f64>() / count;
        let mut squares = 0.0;
        for (user, scores) in &expected.scores {
            let within: Vec<_> = scores.iter().filter(|(t, _)| of(*t)).collect();
            let mut sum: f64 = within.iter().map(|(_, score)| score[outcome]).sum();
            // Whoever is compared with on a day has not taken part by then, so that day is the participant's own.
            if within.iter().any(|(t, _)| self.took_part.get(user) == Some(&Some(*t))) {
                sum -= effect;
            }
            squares += sum * sum;
        }
        let variance = squares / (count * (count - 1.0));
        (effect, (pairs.len() > 1 && variance > 1e-24).then(|| variance.sqrt()), pairs.len())
    }

    fn check(&self, q: &Question, impact: &ProgrammeImpact) {
        let expected = self.expected(q);
        for reason in LeftOut::ALL {
            let count = expected.left_out.get(reason.name()).copied().unwrap_or(0);
            assert_eq!(impact.left_out(reason), count, "{reason}");
        }
        assert_eq!(impact.judged() as usize, expected.pairs.len());
        assert_eq!(impact.comparable() as usize, expected.comparable.len());
        let naive = impact.naive();
        let counts = [naive.participants, naive.participants_retained, naive.others, naive.others_retained];
        assert_eq!(counts, expected.naive);
        let check = |found: &ProgrammeEffect, outcome, of: &dyn Fn(i32) -> bool| {
            let (effect, error, _) = self.effect(&expected, outcome, of);
            assert!(close(found.difference, effect), "{found:?} {effect}");
            assert!(same(found.standard_error, error), "{found:?} {error:?}");
            assert!(close(found.participants - found.comparable, found.difference));
        };
        let mean = |side: usize| {
            let prior = &expected.prior[side];
            (!prior.is_empty()).then(|| prior.iter().sum::<f64>() / prior.len() as f64)
        };
        let [prior, _] = impact.balance();
        assert!(same(prior.participants, mean(0)) && same(prior.others, mean(1)), "{prior:?}");
        if expected.pairs.is_empty() {
            assert!(impact.retention().is_none() && impact.months().is_empty());
            assert_eq!(impact.later_participants(), None);
            return;
        }
        assert!(same(impact.later_participants(), Some(expected.later)));
        check(impact.retention().unwrap(), 0, &|_| true);
        check(impact.active_days().unwrap(), 1, &|_| true);
        let mut judged = 0;
        for month in impact.months() {
            let of = |t: i32| month.span.start <= day(t) && day(t) <= month.span.end;
            assert_eq!(month.participants as usize, self.effect(&expected, 0, of).2);
            check(&month.retention, 0, &of);
            check(&month.active_days, 1, &of);
            judged += month.participants;
        }
        assert_eq!(judged, impact.judged());
        // The strata hold everybody whose clock started.
        let started: u64 = impact.strata().iter().map(|stratum| stratum.participants).sum();
        assert_eq!(started, impact.judged() + impact.left_out(LeftOut::NoComparison));
    }
}

fn questions() -> impl Strategy<Value = Question> {
    let stretches = (1..20_i32, 1..20_i32, 1..10_i32, 1..6_i32);
    let bins = select(vec![vec![0], vec![0, 1], vec![0, 1, 2, 4]]);
    let later = select(vec![LaterParticipants::Kept, LaterParticipants::LeftOut]);
    (stretches, bins, select(&Period::ALL[1..]), later).prop_map(|(stretches, bins, cohort, later)| {
        let (horizon, window, look_back, alive_within) = stretches;
        Question { horizon, window: window.min(horizon), look_back, bins, alive_within, cohort, later }
    })
}

/// Users 0 to 24 on the 60 days from some day on; of a few users there are many days, so that strata fill.
fn events() -> impl Strategy<Value = Vec<(i64, i32)>> {
    vec(((0..25_i64), (0..60_i32)), 1..500)
}

fn participants() -> impl Strategy<Value = Rows> {
    let row = (option::weighted(0.95, 0..30_i64), option::weighted(0.95, prop_oneof![9 => 0..60_i32, 1 => -5..70_i32]));
    vec(row, 0..20)
}

proptest! {
    #[test]
    fn it_is_what_counting_pairs_says(
        events in events(),
        rows in participants(),
        question in questions(),
        start in select(vec![NEW_YEAR, -30, 18_600]),
    ) {
        let observed = (start, start + 60);
        let log: Vec<Event> = events.iter().map(|&(user, day)| event(user, start + day)).collect();
        let rows: Rows = rows.into_iter().map(|(user, day)| (user, day.map(|day| start + day))).collect();
        let mut people = People { days: BTreeMap::new(), took_part: BTreeMap::new(), observed };
        for (user, day) in events {
            people.days.entry(user).or_default().insert(start + day);
        }
        for (user, day) in rows.iter().filter_map(|&(user, day)| Some((user?, day))) {
            let first = people.took_part.entry(user).or_default();
            *first = [*first, day].into_iter().flatten().min();
        }
        let activity = ingest(&log, Mapped::NONE, Some(observed));
        let participants = participation(&rows);
        let impact = activity.programme_impact(&participants, question.options()).unwrap();
        people.check(&question, &impact);

        // The order of rows makes no difference, nor whether actors are text, nor that some events came late.
        let mut turned = rows.clone();
        turned.reverse();
        prop_assert_eq!(&activity.programme_impact(&participation(&turned), question.options()).unwrap(), &impact);
        let (late, early): (Vec<_>, Vec<_>) =
            log.iter().cloned().partition(|event| event.user == Some(24) || event.day == Some(start + 40));
        let mut appended = ingest(&early, Mapped::NONE, Some(observed));
        appended.append(&ingest(&late, Mapped::NONE, Some(observed))).unwrap();
        people.check(&question, &appended.programme_impact(&participants, question.options()).unwrap());
    }
}

/// A small generator of random numbers, the same on every machine (Steele, Lea and Flood 2014).
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: i32) -> i32 {
        (self.unit() * f64::from(end)) as i32
    }
}

const COMPANY_DAYS: i32 = 400;
const HORIZON: i32 = 60;

struct Company {
    activity: Activity,
    rows: Rows,
    /// What the programme did to those whose horizon has passed: retained with it less retained without it.
    truth: f64,
}

/// A company in which the active are far more likely to take part, and the programme keeps a share `keeps` of those
/// participants who would have been gone by the horizon.
fn company(seed: u64, users: i64, keeps: f64) -> Company {
    let mut random = SplitMix64(seed);
    let (mut events, mut took_part) = (Vec::new(), Vec::new());
    let (mut kept, mut judged) = (0.0, 0.0);
    for user in 0..users {
        let arrival = random.below(COMPANY_DAYS - 20);
        // How likely on a day they are active, and how likely they leave after it.
        let (active, leave) = [(0.08, 0.03), (0.2, 0.012), (0.5, 0.004)][random.below(3) as usize];
        let gone = |random: &mut SplitMix64| (random.unit().ln() / f64::ln(1.0 - leave)) as i32;
        let stays = arrival + gone(&mut random);
        let coins: Vec<bool> =
            (arrival..=COMPANY_DAYS + 1).map(|day| day == arrival || random.unit() < active).collect();
        let is_active = |day: i32| coins[(day - arrival) as usize];
        let (mut last, mut participated) = (stays, false);
        for day in arrival..=COMPANY_DAYS {
            if day > last || !is_active(day) {
                continue;
            }
            events.push(event(user, NEW_YEAR + day));
            let prior = (arrival.max(day - 28)..day).filter(|&day| is_active(day)).count();
            let willing = [0.001, 0.002, 0.003, 0.004, 0.006][[1, 2, 4, 8].partition_point(|&lower| lower <= prior)];
            if !participated && day > arrival && random.unit() < willing {
                participated = true;
                took_part.push((user, NEW_YEAR + day));
                if stays < day + HORIZON && random.unit() < keeps {
                    last = day + HORIZON + gone(&mut random);
                }
                if day >= 28 && day + HORIZON <= COMPANY_DAYS {
                    let retained = |last: i32| (day + HORIZON - 27..=last.min(day + HORIZON)).any(is_active);
                    judged += 1.0;
                    kept += f64::from(u8::from(retained(last))) - f64::from(u8::from(retained(stays)));
                }
            }
        }
    }
    let activity = ingest(&events, Mapped::NONE, Some((NEW_YEAR, NEW_YEAR + COMPANY_DAYS)));
    Company { activity, rows: rows(&took_part), truth: kept / judged }
}

impl Company {
    fn impact(&self, confidence: f64) -> ProgrammeImpact {
        let options = ProgrammeImpactOptions::new(HORIZON as u32).confidence(confidence);
        self.activity.programme_impact(&participation(&self.rows), options).unwrap()
    }
}

fn covers(effect: &ProgrammeEffect, truth: f64) -> bool {
    effect.interval.is_some_and(|interval| interval.lower <= truth && truth <= interval.upper)
}

#[test]
fn the_truth_is_recovered_where_the_naive_comparison_is_far_off() {
    for (seed, keeps) in [(1, 0.0), (2, 0.25)] {
        let company = company(seed, 20_000, keeps);
        let impact = company.impact(0.95);
        let (effect, naive) = (impact.retention().unwrap(), impact.naive().difference().unwrap());
        println!("truth {:+.4}\n{impact}", company.truth);
        assert!(covers(effect, company.truth), "{} {effect:?}", company.truth);
        assert!(effect.standard_error.unwrap() < 0.015);
        assert!(naive > company.truth + 0.15, "{naive}");
        // The two sides were far apart and are alike after matching.
        for balance in impact.balance() {
            assert!(balance.after.unwrap().abs() < 0.1, "{balance:?}");
        }
        assert!(impact.balance()[0].before.unwrap() > 0.2);
    }
}

/// What the docs say of the other choices: in a company whose programme does nothing both find an effect.
#[test]
fn looking_ahead_and_comparing_with_the_silent_flatter_the_programme() {
    let company = company(11, 20_000, 0.0);
    let difference = |options| {
        let impact = company.activity.programme_impact(&participation(&company.rows), options).unwrap();
        impact.retention().unwrap().difference
    };
    let new = || ProgrammeImpactOptions::new(HORIZON as u32);
    let fair = difference(new());
    let ahead = difference(new().later_participants(LaterParticipants::LeftOut));
    let silent = difference(new().alive_within(28));
    println!("fair {fair:+.4}, without later participants {ahead:+.4}, with the silent {silent:+.4}");
    assert!(ahead > fair + 0.01 && silent > fair + 0.01, "{fair} {ahead} {silent}");
}

#[test]
fn intervals_cover_as_often_as_they_say() {
    let (mut covered, mut zero, mut sizes) = (0, 0, Vec::new());
    for seed in 0..60 {
        let company = company(1_000 + seed, 1_500, if seed % 2 == 0 { 0.0 } else { 0.2 });
        let impact = company.impact(0.8);
        let effect = impact.retention().unwrap();
        covered += u32::from(covers(effect, company.truth));
        zero += u32::from(covers(effect, impact.naive().difference().unwrap()));
        sizes.push((effect.difference - company.truth) / effect.standard_error.unwrap());
    }
    let mean = sizes.iter().sum::<f64>() / 60.0;
    let spread = (sizes.iter().map(|size| size * size).sum::<f64>() / 60.0).sqrt();
    println!("{covered} of 60 covered, naive {zero}; standardised errors: mean {mean:.3}, spread {spread:.3}");
    // 48 are expected; 38 and 57 lie three standard deviations away.
    assert!((38..=57).contains(&covered), "{covered} of 60");
    assert!(zero <= 20, "{zero} intervals hold the naive difference");
    assert!(mean.abs() < 0.5 && (0.7..1.3).contains(&spread), "{mean} {spread}");
}

#[test]
fn days_dealt_out_anew_have_no_effect() {
    let company = company(7, 10_000, 0.4);
    let effect = |rows: &Rows| {
        let options = ProgrammeImpactOptions::new(HORIZON as u32).alive_within(7).confidence(0.99);
        *company.activity.programme_impact(&participation(rows), options).unwrap().retention().unwrap()
    };
    assert!(effect(&company.rows).interval.unwrap().lower > 0.0);
    // As many people drawn by lot, each on a day drawn by lot.
    let mut random = SplitMix64(8);
    let lots = |_: &(Option<i64>, Option<i32>)| {
        (Some(i64::from(random.below(10_000))), Some(NEW_YEAR + random.below(COMPANY_DAYS)))
    };
    let drawn = effect(&company.rows.iter().map(lots).collect());
    assert!(covers(&drawn, 0.0), "{drawn:?}");
}

#[test]
fn strangers_change_only_counts() {
    let (activity, participants) = by_hand();
    let impact = activity.programme_impact(&participants, options_by_hand()).unwrap();
    let mut rows =
        rows(&[(1, 10), (2, 10), (9, 12), (11, 36), (12, 20), (13, 2), (14, 21), (15, 25), (17, 45), (99, 10)]);
    rows.iter_mut().for_each(|row| row.1 = row.1.map(|day| day + NEW_YEAR));
    rows.extend([(Some(16), None), (Some(500), Some(NEW_YEAR + 10)), (Some(-500), None)]);
    let more = activity.programme_impact(&participation(&rows), options_by_hand()).unwrap();
    assert_eq!((more.left_out(LeftOut::Unknown), impact.left_out(LeftOut::Unknown)), (3, 1));
    assert_eq!((more.judged(), more.retention()), (impact.judged(), impact.retention()));
    assert_eq!((more.strata(), more.naive(), more.balance()), (impact.strata(), impact.naive(), impact.balance()));
}

#[test]
fn text_instants_and_accounts() {
    // The same people as text, and instants that fall on the day before in the activity's zone.
    let frame = df!(
        "user" => ["u00001", "u00002", "u00001"],
        "attended_on" => [1_704_931_200_000_i64 - 1, 1_704_931_200_000 - 1, 1_704_931_200_000 + 86_400_000],
    );
    let mut frame = frame.unwrap();
    let datetime = DataType::Datetime(TimeUnit::Milliseconds, None);
    frame.apply("attended_on", |time| time.cast(&datetime).unwrap()).unwrap();
    let participants = Participation::from_frame(&frame, &columns()).unwrap();
    let (users, days): (Vec<_>, Vec<_>) =
        BY_HAND.iter().flat_map(|&(user, days)| days.iter().map(move |day| (id_text(user), NEW_YEAR + day))).unzip();
    let days = Column::new("time".into(), days).cast(&DataType::Date).unwrap();
    let events = DataFrame::new(users.len(), vec![Column::new("user".into(), users), days]).unwrap();
    for (zone, first) in [("UTC", 10), ("Asia/Tokyo", 11)] {
        let mut builder = Activity::builder(&Mapped::NONE.columns(), &Calendar::new(zone).unwrap())
            .observed_from(day(NEW_YEAR))
            .as_of(day(NEW_YEAR + 40));
        builder.push(&events).unwrap();
        let activity = builder.finish().unwrap();
        // 2024-01-10T23:59:59.999Z is the 10th, day 9 of the log, in UTC and the 11th in Tokyo.
        let impact = activity.programme_impact(&participants, options_by_hand()).unwrap();
        let judged: Vec<_> = impact.strata().iter().map(|stratum| stratum.day).collect();
        assert_eq!(judged, if first == 11 { vec![day(NEW_YEAR + 10)] } else { vec![] }, "{zone}");
    }
    let (activity, _) = by_hand();
    let error = activity.programme_impact(&participants, 6).unwrap_err();
    assert!(matches!(error, Error::Incompatible { what: "the types of actor", .. }), "{error}");
    message(&error);

    // By account, several rows of a day are one day.
    let seats = [(1, 7), (2, 7), (3, 8), (4, 9), (5, 9)];
    let log: Vec<Event> = BY_HAND
        .iter()
        .flat_map(|&(user, days)| {
            let account = seats.iter().find(|seat| seat.0 == user).map(|seat| seat.1);
            days.iter().map(move |day| Event { account, ..event(user, NEW_YEAR + day) })
        })
        .collect();
    let mapped = Mapped { account: true, ..Mapped::NONE };
    let accounts = ingest(&log, mapped, Some((NEW_YEAR, NEW_YEAR + 40))).by_account().unwrap();
    let participants = participation(&rows(&[(7, NEW_YEAR + 10)]));
    // Account 7 was there on 7, 8 and 10; then on 11, 12 and 15.
    let impact = accounts.programme_impact(&participants, options_by_hand()).unwrap();
    let [stratum] = impact.strata() else { panic!("{:?}", impact.strata()) };
    assert_eq!((stratum.prior_use, stratum.participants_active_days, stratum.participants_retained), (2, 3, 1));
}

#[test]
fn nobody_everybody_one_and_all_too_late() {
    let (activity, _) = by_hand();
    let ask = |took_part: &[(i64, i32)]| {
        let rows = rows(&took_part.iter().map(|&(user, day)| (user, NEW_YEAR + day)).collect::<Vec<_>>());
        let impact = activity.programme_impact(&participation(&rows), options_by_hand()).unwrap();
        for text in [impact.to_string(), impact.conclusion()] {
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
        let back: ProgrammeImpact = serde_json::from_str(&serde_json::to_string(&impact).unwrap()).unwrap();
        assert_eq!((back.retention(), back.strata()), (impact.retention(), impact.strata()));
        assert_eq!(impact.to_frame().unwrap().height(), impact.months().len());
        assert_eq!(impact.strata_to_frame().unwrap().height(), impact.strata().len());
        assert_eq!(impact.balance_to_frame().unwrap().height(), 2);
        let counts = impact.left_out_to_frame().unwrap();
        let counts: u64 = counts.column("participants").unwrap().u64().unwrap().iter().flatten().sum();
        assert_eq!(counts, impact.participants());
        impact
    };

    let nobody = ask(&[]);
    assert_eq!((nobody.participants(), nobody.judged(), nobody.retention()), (0, 0, None));
    assert_eq!(nobody.conclusion(), "Nobody took part, so there is nothing to judge.");
    assert_eq!((nobody.naive().participants, nobody.naive().difference()), (0, None));

    let everybody = ask(&BY_HAND.map(|(user, _)| (user, 10)));
    assert_eq!((everybody.judged(), everybody.comparable(), everybody.retention()), (0, 0, None));
    assert!(everybody.left_out(LeftOut::NoComparison) > 0);
    assert!(everybody.conclusion().starts_with("None of the 17 participants can be judged"));

    let one = ask(&[(1, 10)]);
    let effect = one.retention().unwrap();
    // Users 2 to 6 are comparable to user 1 now.
    assert_eq!((one.judged(), one.comparable(), effect.interval), (1, 5, None));
    assert!(close(effect.difference, 0.8) && one.conclusion().contains("No spread was seen"), "{effect:?}");

    let late = ask(&[(1, 35), (2, 36), (3, 40)]);
    assert_eq!((late.judged(), late.left_out(LeftOut::HorizonOpen)), (0, 3));
    assert!(late.conclusion().contains("horizon not over (3)"), "{}", late.conclusion());

    // Nobody was ever there.
    let empty = ingest(&[], Mapped::NONE, Some((NEW_YEAR, NEW_YEAR + 40)));
    let impact = empty.programme_impact(&participation(&rows(&[(1, NEW_YEAR + 10)])), 6).unwrap();
    assert_eq!((impact.left_out(LeftOut::Unknown), impact.retention()), (1, None));
}

#[test]
fn as_it_was_known() {
    let company = company(3, 2_000, 0.2);
    let participants = participation(&company.rows);
    let then = company.activity.at(day(NEW_YEAR + 250)).unwrap();
    let known = then.programme_impact(&participants, HORIZON as u32).unwrap();
    // Rows of the future say nothing, but that they were handed in.
    let past: Rows = company.rows.iter().copied().filter(|row| row.1 <= Some(NEW_YEAR + 250)).collect();
    let without = then.programme_impact(&participation(&past), HORIZON as u32).unwrap();
    assert!(known.left_out(LeftOut::OutsideObservation) > 0 && known.judged() > 50);
    assert_eq!(
        (known.retention(), known.naive(), known.strata()),
        (without.retention(), without.naive(), without.strata())
    );
    assert_eq!(known.later_participants(), without.later_participants());
    // Months whose horizon is not over are open.
    assert!(
        known
            .months()
            .iter()
            .all(|month| month.span.end + HORIZON <= known.as_of() || month.coverage == Coverage::Open)
    );
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let (activity, participants) = by_hand();
    let new = ProgrammeImpactOptions::new;
    for (option, options) in [
        ("horizon_days", new(0)),
        ("horizon_days", new(36_526)),
        ("window", new(10).window(0)),
        ("window", new(10).window(11)),
        ("look_back", new(10).look_back(0)),
        ("alive_within", new(10).alive_within(0)),
        ("prior_use", new(10).prior_use([])),
        ("prior_use", new(10).prior_use([1, 2])),
        ("prior_use", new(10).prior_use([0, 2, 2])),
        ("confidence", new(10).confidence(1.0)),
    ] {
        match activity.programme_impact(&participants, options) {
            Err(Error::InvalidOption { option: found, .. }) => assert_eq!(found, option),
            other => panic!("{option}: {other:?}"),
        }
    }
    // 30,000 daily cohorts on 400 days in 6 bins would be 72 million strata; by month there are a thousand cohorts.
    let long: Vec<Event> = (0..400).flat_map(|user| [0, 40].map(|day| event(user, user as i32 + day))).collect();
    let long = ingest(&long, Mapped::NONE, Some((0, 29_999)));
    let all = participation(&rows(&(0..400).map(|user| (user, user as i32 + 40)).collect::<Vec<_>>()));
    let error = long.programme_impact(&all, new(10).cohort(Period::Day)).unwrap_err();
    assert!(matches!(error, Error::TooLarge { count: 72_000_000, .. }), "{error}");
    message(&error);
    assert_eq!(long.programme_impact(&all, 10).unwrap().participants(), 400);

    let text = serde_json::to_string(&new(90)).unwrap();
    assert_eq!(serde_json::from_str::<ProgrammeImpactOptions>(&text).unwrap(), new(90));
    assert_eq!((new(90).window_days(), new(7).window_days()), (28, 7));

    let frame = participation_frame(&vec![(Some(1), Some(NEW_YEAR))]);
    let columns = |actor: &str, date: &str| ParticipationColumns::new(actor, date);
    let refused = |columns| Participation::from_frame(&frame, &columns).unwrap_err();
    assert!(matches!(refused(columns("who", "attended_on")), Error::MissingColumn { .. }));
    assert!(matches!(refused(columns("user", "when")), Error::MissingColumn { .. }));
    assert!(matches!(refused(columns("user", "user")), Error::UnsupportedType { role: "date", .. }));
    assert!(matches!(refused(columns("attended_on", "attended_on")), Error::UnsupportedType { role: "actor", .. }));
    let far = participation_frame(&vec![(Some(1), Some(NEW_YEAR)), (Some(2), Some(3_000_000))]);
    let error = Participation::from_frame(&far, &columns("user", "attended_on")).unwrap_err();
    assert!(matches!(error, Error::InvalidValue { row: 1, .. }), "{error}");
    message(&error);
}

#[test]
fn two_months_at_a_leap_day_and_a_year_of_53_weeks() {
    // The same fortnight's story around 29 February 2024 and around ISO week 53 of 2020, weeks as cohorts.
    for start in [date(2024, 2, 12), date(2020, 12, 14)] {
        let first = start.days_since_epoch();
        let story: [(i64, &[i32]); 5] =
            [(1, &[0, 10, 17]), (2, &[1, 10]), (3, &[2, 10, 16]), (4, &[7, 10, 17]), (5, &[8, 10])];
        let log = events_of(&story, first);
        let activity = ingest(&log, Mapped::NONE, Some((first, first + 20)));
        let took_part = participation(&rows(&[(1, first + 10), (4, first + 10)]));
        let options = ProgrammeImpactOptions::new(7).window(1).look_back(10).cohort(Period::Week);
        let impact = activity.programme_impact(&took_part, options).unwrap();
        // User 1 against 2 and 3; user 4 is of the next week and has user 5 only.
        assert_eq!((impact.judged(), impact.left_out(LeftOut::NoComparison), impact.comparable()), (1, 1, 2));
        let effect = impact.retention().unwrap();
        assert_eq!((effect.participants, effect.comparable), (1.0, 0.0));
        assert_eq!(impact.strata()[0].cohort.start, start);
    }
}

#[test]
fn frames_hold_the_answer() {
    let (activity, participants) = by_hand();
    let impact = activity.programme_impact(&participants, options_by_hand()).unwrap();
    let months = impact.to_frame().unwrap();
    let names: Vec<&str> = months.get_column_names().into_iter().map(PlSmallStr::as_str).collect();
    let expected = [
        "month",
        "coverage",
        "participants",
        "retained",
        "retained_comparable",
        "retained_difference",
        "retained_lower",
        "retained_upper",
        "active_days",
        "active_days_comparable",
        "active_days_difference",
        "active_days_lower",
        "active_days_upper",
    ];
    assert_eq!(names, expected);
    let floats = |frame: &DataFrame, column: &str| {
        frame.column(column).unwrap().f64().unwrap().iter().collect::<Vec<Option<f64>>>()
    };
    assert!(same(floats(&months, "retained_difference")[0], Some(1.0 / 3.0)));
    assert!(same(floats(&months, "active_days_comparable")[0], Some(2.0 / 3.0)));
    assert_eq!(floats(&months, "retained_upper"), [Some(1.0)]);
    let strata = impact.strata_to_frame().unwrap();
    assert_eq!(floats(&strata, "difference"), [Some(0.25), Some(0.5), None]);
    let counts = |column: &str| strata.column(column).unwrap().u64().unwrap().iter().flatten().collect::<Vec<_>>();
    assert_eq!((counts("participants"), counts("comparable_active_days")), (vec![2, 1, 1], vec![2, 2, 0]));
    let balance = impact.balance_to_frame().unwrap();
    assert!(same(floats(&balance, "after")[0], Some(0.0)) && same(floats(&balance, "matched")[1], Some(10.0)));
    let left_out = impact.left_out_to_frame().unwrap();
    let counts: Vec<_> = left_out.column("participants").unwrap().u64().unwrap().iter().flatten().collect();
    assert_eq!(counts, [3, 1, 1, 1, 1, 1, 1, 1, 1]);

    let text = impact.to_string();
    assert!(text.contains("left out: horizon not over, 1") && text.contains("66.7       33.3      +33.3"), "{text}");
    assert!(impact.conclusion().starts_with("No effect can be told from chance. 66.7 % of the 3 participants"));
}

#[test]
fn public_types_can_be_sent_shared_and_printed() {
    fn check<T: Send + Sync + std::fmt::Debug>() {}
    check::<attrition::Balance>();
    check::<attrition::Covariate>();
    check::<attrition::ImpactStratum>();
    check::<LaterParticipants>();
    check::<LeftOut>();
    check::<attrition::MonthlyImpact>();
    check::<attrition::NaiveComparison>();
    check::<Participation>();
    check::<ParticipationColumns>();
    check::<attrition::ParticipationIntake>();
    check::<ProgrammeEffect>();
    check::<ProgrammeImpact>();
    check::<ProgrammeImpactOptions>();
}
