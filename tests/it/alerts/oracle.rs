//! The policy, read plainly: everything is looked up in the whole past on every day.

use std::collections::BTreeSet;

use attrition::{AlertDesk, AlertPolicy, AlertState, Severity, TriggerSet};
use proptest::prelude::*;

use super::{Told, customers, playbook, severity};
use crate::customers::Chance;
use crate::log::day;

const ACCOUNTS: i64 = 4;
const DAYS: i32 = 60;
/// Three triggers, of which the first two speak of one cause.
const NAMES: [&str; 3] = ["left", "right", "other"];
const CAUSES: [&[usize]; 2] = [&[0, 1], &[2]];

/// Numbers of a policy: what opens, confirm, quiet, cooldown, escalate, cap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    opens: Severity,
    confirm: i32,
    quiet: i32,
    cooldown: i32,
    escalate: Option<i32>,
    cap: Option<usize>,
}

impl Numbers {
    fn drawn(chance: &mut Chance) -> Self {
        Self {
            opens: [Severity::Low, Severity::Medium, Severity::High][chance.below(3) as usize],
            confirm: chance.below(4),
            quiet: chance.below(4),
            cooldown: chance.below(8),
            escalate: chance.happens(0.7).then(|| 1 + chance.below(8)),
            cap: chance.happens(0.7).then(|| 1 + chance.below(3) as usize),
        }
    }

    pub(super) fn policy(self) -> AlertPolicy {
        AlertPolicy::new()
            .opens(self.opens)
            .confirm_days(self.confirm as u32)
            .quiet_days(self.quiet as u32)
            .cooldown_days(self.cooldown as u32)
            .escalate_after(self.escalate.map(|days| days as u32))
            .weekly_cap(self.cap.map(|cap| cap as u32))
    }
}

/// What is done at the end of a day.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    Acknowledge,
    Snooze(i32),
    Resolve,
    FalseAlarm,
}

/// Random findings, and whoever leaves.
pub(super) struct World {
    pub(super) numbers: Numbers,
    /// By trigger, account and day.
    codes: Vec<Vec<Vec<char>>>,
    left: Vec<(i64, i32)>,
    /// The days on which findings are asked for.
    pub(super) dates: Vec<i32>,
    deeds: Vec<(i32, i64, usize, Deed)>,
}

impl World {
    pub(super) fn drawn(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let stay = 0.3 + 0.6 * chance.uniform();
        let row = |chance: &mut Chance| {
            let mut code = '.';
            let days = (0..DAYS).map(|_| {
                if !chance.happens(stay) {
                    code = ['.', '.', '.', 'L', 'M', 'M', 'H', '-'][chance.below(8) as usize];
                }
                code
            });
            days.collect::<Vec<char>>()
        };
        let codes = NAMES.map(|_| (0..ACCOUNTS).map(|_| row(&mut chance)).collect::<Vec<_>>()).to_vec();
        let leaving: Vec<i64> = (1..=ACCOUNTS).filter(|_| chance.happens(0.3)).collect();
        let left = leaving.into_iter().map(|account| (account, chance.below(DAYS))).collect();
        let daily = 0.5 + 0.5 * chance.uniform();
        let dates = (0..DAYS).filter(|_| chance.happens(daily)).collect();
        let deeds = (0..DAYS)
            .flat_map(|day| (1..=ACCOUNTS).flat_map(move |account| (0..2).map(move |cause| (day, account, cause))))
            .filter_map(|(day, account, cause)| {
                let deed = match chance.below(40) {
                    0 => Deed::Acknowledge,
                    1 => Deed::Snooze(1 + chance.below(9)),
                    2 => Deed::Resolve,
                    3 => Deed::FalseAlarm,
                    _ => return None,
                };
                Some((day, account, cause, deed))
            })
            .collect();
        Self { numbers: Numbers::drawn(&mut chance), codes, left, dates, deeds }
    }

    pub(super) fn set(&self) -> TriggerSet {
        NAMES.into_iter().zip(&self.codes).fold(TriggerSet::new(), |set, (name, accounts)| {
            let rows: Vec<(i64, String)> =
                (1..).zip(accounts).map(|(account, codes)| (account, codes.iter().collect())).collect();
            let rows: Vec<(i64, &str)> = rows.iter().map(|(account, codes)| (*account, codes.as_str())).collect();
            set.with(Told::new(name, &rows))
        })
    }

    pub(super) fn desk(&self) -> AlertDesk {
        let playbook = playbook(&[("use", &["left", "right"]), ("else", &["other"])]);
        AlertDesk::new(playbook, self.numbers.policy()).unwrap()
    }

    pub(super) fn portfolio(&self) -> attrition::Portfolio {
        customers(ACCOUNTS, DAYS, &self.left)
    }

    /// People do what they want to do, if they can.
    pub(super) fn act(&self, desk: &mut AlertDesk, today: i32) {
        for &(_, account, cause, deed) in self.deeds.iter().filter(|deed| deed.0 == today) {
            let cause = ["use", "else"][cause];
            let _ = match deed {
                Deed::Acknowledge => desk.acknowledge(account, cause, day(today), "ann"),
                Deed::Snooze(days) => desk.snooze(account, cause, day(today), day(today + days), "ann"),
                Deed::Resolve => desk.close(account, cause, day(today), "resolved", "ann"),
                Deed::FalseAlarm => desk.close(account, cause, day(today), "false_alarm", "ann"),
            };
        }
    }
}

/// One account and cause.
#[derive(Clone, Debug, Default)]
struct Naive {
    state: Option<AlertState>,
    since: i32,
    worst: Option<Severity>,
    before: Option<AlertState>,
    until: i32,
    /// What every date said, for as long as it is remembered.
    said: Vec<(i32, Option<bool>)>,
    fed: BTreeSet<usize>,
    /// Until when, whether it was quiet since, and above what it is heard anyway.
    silence: Option<(i32, bool, Severity)>,
}

impl Naive {
    /// The days between neighbouring dates that said the same as the last, which said this; `None` if it did not.
    fn lasted(&self, fires: bool) -> Option<i32> {
        if self.said.last()?.1 != Some(fires) {
            return None;
        }
        let mut days = 0;
        for pair in self.said.windows(2).rev() {
            match (pair[0].1, pair[1].1) {
                (Some(earlier), _) if earlier != fires => break,
                (Some(_), Some(_)) => days += pair[1].0 - pair[0].0,
                _ => {}
            }
        }
        Some(days)
    }
}

type Line = (i32, i64, usize, Option<AlertState>, AlertState, &'static str);

/// The log of changes.
fn naive(world: &World) -> Vec<Line> {
    use AlertState::{Acknowledged, Closed, CooledDown, Escalated, Held, Open, Snoozed};
    let numbers = world.numbers;
    let mut cases: Vec<(i64, usize, Naive)> =
        (1..=ACCOUNTS).flat_map(|account| (0..2).map(move |cause| (account, cause, Naive::default()))).collect();
    let mut log: Vec<Line> = Vec::new();
    for today in 0..DAYS {
        let mut wants = Vec::new();
        if world.dates.contains(&today) {
            for (place, (account, cause, case)) in cases.iter_mut().enumerate() {
                let mut turn = |case: &mut Naive, to: AlertState, why: &'static str| {
                    log.push((today, *account, *cause, case.state, to, why));
                    if to == CooledDown {
                        case.before = if case.state == Some(Snoozed) { Some(Open) } else { case.state };
                    }
                    (case.state, case.since) = (Some(to), today);
                };
                if world.left.iter().any(|&(left, on)| left == *account && on <= today) {
                    if case.state.is_some() {
                        turn(case, Closed, "left");
                    }
                    *case = Naive::default();
                    continue;
                }
                let code = |trigger: usize| world.codes[trigger][*account as usize - 1][today as usize];
                let shown = matches!(case.state, Some(Open | Escalated | Acknowledged | Snoozed));
                let least = if shown { Severity::Low } else { numbers.opens };
                let strong = |trigger: &&usize| severity(code(**trigger)) >= Some(least);
                let fired: BTreeSet<usize> = CAUSES[*cause].iter().filter(strong).copied().collect();
                let worst = fired.iter().filter_map(|&trigger| severity(code(trigger))).max();
                let observed = case.fed.iter().all(|&trigger| code(trigger) != '-');
                if worst.is_some() {
                    let fires = case.said.iter().rev().find_map(|said| said.1) == Some(true);
                    if case.state.is_none() && !fires {
                        case.fed.clear();
                    }
                    case.fed.extend(fired);
                }
                case.said.push((today, if worst.is_some() { Some(true) } else { observed.then_some(false) }));
                let confirmed = case.lasted(true).is_some_and(|days| days >= numbers.confirm);
                let quiet = case.lasted(false).is_some_and(|days| days >= numbers.quiet);
                let longer = numbers.quiet + numbers.cooldown;
                let stayed_quiet = case.lasted(false).is_some_and(|days| days >= longer);
                let worse = worst > case.worst;
                match case.state {
                    None => {
                        if let Some((until, was_quiet, _)) = &mut case.silence {
                            *was_quiet |= quiet;
                            if *was_quiet && today >= *until {
                                case.silence = None;
                            }
                        }
                        if confirmed && case.silence.is_none_or(|(_, _, above)| worst > Some(above)) {
                            wants.push((place, worst.unwrap()));
                        }
                    }
                    Some(Held) if confirmed => wants.push((place, worst.unwrap())),
                    Some(Held) if quiet => turn(case, CooledDown, "quiet"),
                    Some(Held | Closed) => {}
                    Some(CooledDown) => {
                        if confirmed && case.before == Some(Held) {
                            wants.push((place, worst.unwrap()));
                        } else if confirmed && worse {
                            case.worst = worst;
                            turn(case, Escalated, "worse");
                        } else if confirmed {
                            let before = case.before.unwrap();
                            turn(case, before, "fired_again");
                        } else if stayed_quiet && today - case.since >= numbers.cooldown {
                            turn(case, Closed, "stayed_quiet");
                            *case = Naive::default();
                        }
                    }
                    Some(state) => {
                        if worse {
                            case.worst = worst;
                            turn(case, Escalated, "worse");
                        } else if quiet {
                            turn(case, CooledDown, "quiet");
                        } else if state == Snoozed && today >= case.until {
                            turn(case, Open, "snooze_over");
                        } else if state == Open
                            && worst.is_some()
                            && numbers.escalate.is_some_and(|days| today - case.since >= days)
                        {
                            turn(case, Escalated, "unacknowledged");
                        }
                    }
                }
            }
        }
        wants.sort_by_key(|&(place, worst)| (std::cmp::Reverse(worst), cases[place].1, cases[place].0));
        for (place, worst) in wants {
            let (account, cause, case) = &mut cases[place];
            let new = |line: &&Line| line.4 == Open && line.5 == "fired" && today - line.0 < 7;
            let room = numbers.cap.is_none_or(|cap| log.iter().filter(new).count() < cap);
            case.worst = Some(worst);
            case.silence = None;
            let (to, why) = if room { (Open, "fired") } else { (Held, "week_full") };
            if case.state != Some(to) {
                log.push((today, *account, *cause, case.state, to, why));
                (case.state, case.since) = (Some(to), today);
            }
        }
        for &(_, account, cause, deed) in world.deeds.iter().filter(|deed| deed.0 == today) {
            let case = &mut cases.iter_mut().find(|case| (case.0, case.1) == (account, cause)).unwrap().2;
            let Some(state) = case.state else { continue };
            let (to, why) = match deed {
                Deed::Acknowledge => (Acknowledged, "acknowledged"),
                Deed::Snooze(_) => (Snoozed, "snoozed"),
                Deed::Resolve | Deed::FalseAlarm => (Closed, "decided"),
            };
            let may = match to {
                Acknowledged => matches!(state, Open | Escalated | Snoozed),
                Snoozed => matches!(state, Open | Escalated | Acknowledged | Snoozed),
                _ => true,
            };
            if !may {
                continue;
            }
            log.push((today, account, cause, Some(state), to, why));
            (case.state, case.since) = (Some(to), today);
            if let Deed::Snooze(days) = deed {
                case.until = today + days;
            }
            if to == Closed {
                let above = case.worst.unwrap();
                let fed = std::mem::take(&mut case.fed);
                let silence = Some((today + numbers.cooldown, deed == Deed::Resolve, above));
                *case = Naive { silence, fed, ..Naive::default() };
            }
        }
    }
    log
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn as_the_policy_reads(seed in any::<u64>()) {
        let world = World::drawn(seed);
        let (portfolio, set, mut desk) = (world.portfolio(), world.set(), world.desk());
        for today in 0..DAYS {
            if world.dates.contains(&today) {
                desk.advance(&portfolio.triggers(day(today), set.clone()).unwrap()).unwrap();
            }
            world.act(&mut desk, today);
        }
        let got: Vec<Line> = desk
            .changes()
            .map(|change| {
                let account = match change.account {
                    attrition::Id::Int(id) => id,
                    other => panic!("{other}"),
                };
                let cause = usize::from(change.cause == "else");
                (change.date.days_since_epoch(), account, cause, change.from, change.to, change.why.name())
            })
            .collect();
        prop_assert_eq!(got, naive(&world), "{:?}", world.numbers);
    }
}
