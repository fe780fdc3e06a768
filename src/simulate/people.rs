//! The users of an account, and what each likes to use.

use super::account::{Account, RAMP};
use super::cause::Cause;
use super::chance::{Chance, Topic, rounded_up};
use super::options::SimulationOptions;
use super::product::{CORE, popularity};

/// The ids of the users of an account begin at its number times this.
const IDS: i64 = 10_000;
/// The most features that a user has.
const MOST: usize = 8;
/// Weekly events of a user: at least so many, and so many more on average, with this shape of a gamma.
const RATE: (f64, f64, f64) = (0.4, 2.2, 1.2);
/// Key contacts use the product so many times as much.
const KEY: f64 = 2.0;
/// Days until a key contact who left has a successor, and how many more it may take.
const SUCCESSION: (i32, i32) = (14, 47);

/// A user.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: i64,
    /// Events a week where nothing holds them up.
    pub(super) rate: f64,
    pub(super) key: bool,
    pub(super) joined: i32,
    /// The first day on which they are gone; beyond all days for most.
    pub(super) left: i32,
    /// How many hours they begin earlier or later than others.
    pub(super) shift: f64,
    favourites: Favourites,
}

/// The features of a user, the most popular first.
#[derive(Clone, Debug)]
struct Favourites {
    features: [u8; MOST],
    /// Per feature how much it and all before it are used.
    cumulative: [f64; MOST],
    count: u8,
}

impl User {
    fn new(account: &Account, number: i32, chance: &mut Chance) -> Self {
        let key = number < account.keys();
        let (least, more, shape) = RATE;
        let rate = (least + chance.gamma(more, shape)) * if key { KEY } else { 1.0 };
        let (shift, late) = (2.0 * chance.uniform() - 1.0, chance.below(RAMP));
        let joined = account.start + if account.signed_up_within() && !key { late } else { 0 };
        let drops_out = account.departure(Cause::SeatLoss, account.users - 1 - number, account.users);
        let leaves = account.departure(Cause::ChampionLeaves, number, account.keys());
        let left = drops_out.or(leaves).unwrap_or(i32::MAX);
        let favourites = Favourites::new(account, number == 0, chance);
        Self { id: account.id() * IDS + i64::from(number), rate, key, joined, left, shift, favourites }
    }

    /// All who were ever there, the successors of key contacts last.
    pub(super) fn all(account: &Account, options: &SimulationOptions) -> Vec<Self> {
        let mut chance = account.chance(options, Topic::People);
        let mut users: Vec<Self> = (0..account.users).map(|number| Self::new(account, number, &mut chance)).collect();
        let mut chance = account.chance(options, Topic::Successors);
        for place in 0..account.keys() {
            let (succeeded, days) = (chance.happens(0.5), SUCCESSION.0 + chance.below(SUCCESSION.1));
            if let Some(left) = account.departure(Cause::ChampionLeaves, place, account.keys())
                && succeeded
            {
                let id = account.id() * IDS + i64::from(account.users + place);
                let predecessor = usize::try_from(place).ok().and_then(|place| users.get(place)).cloned();
                users.extend(predecessor.map(|user| Self { id, joined: left + days, left: i32::MAX, ..user }));
            }
        }
        users
    }

    pub(super) fn is_there(&self, day: i32) -> bool {
        self.joined <= day && day < self.left
    }

    /// How much of their use is there on a day.
    #[inline]
    pub(super) fn presence(&self, account: &Account, day: i32) -> f64 {
        if !self.is_there(day) {
            return 0.0;
        }
        if self.key { 1.0 - account.strength(Cause::ChampionSilent, day) } else { 1.0 }
    }

    /// One of their features, of which they keep to a share. While the core feature is out of reach, its place is taken by
    /// the most popular of the others.
    #[inline]
    pub(super) fn feature(&self, kept: f64, without_core: bool, chance: &mut Chance) -> u8 {
        let Favourites { features, cumulative, count } = &self.favourites;
        let place = last_kept(*count, kept);
        let at = chance.uniform() * cumulative[place];
        let feature = features[cumulative[..place].iter().take_while(|&&end| end <= at).count()];
        let other = usize::from(features[0] == CORE);
        if without_core && feature == CORE { features[other] } else { feature }
    }
}

/// The place of the last of so many features that are left of a share; the first is always kept.
fn last_kept(count: u8, share: f64) -> usize {
    usize::try_from(rounded_up(share, i32::from(count)) - 1).unwrap_or(0)
}

impl Favourites {
    /// Two to eight features of the plan: whose turn comes first in a race that the popular ones tend to win.
    fn new(account: &Account, first_user: bool, chance: &mut Chance) -> Self {
        let count = 2 + u8::try_from(chance.below(7)).unwrap_or(0);
        let mut race: Vec<(f64, u8)> = (0..account.plan.features())
            .map(|feature| {
                let turn = chance.exponential() / popularity(feature);
                // What the product is bought for is used in every account.
                (if first_user && feature <= CORE { 0.0 } else { turn }, feature)
            })
            .collect();
        race.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
        race.truncate(usize::from(count));
        race.sort_unstable_by_key(|&(_, feature)| feature);
        let (mut features, mut cumulative, mut sum) = ([0; MOST], [0.0; MOST], 0.0);
        for (place, (_, feature)) in race.into_iter().enumerate() {
            sum += popularity(feature);
            (features[place], cumulative[place]) = (feature, sum);
        }
        Self { features, cumulative, count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_features_is_kept() {
        let kept = |share| [2, 5, 8].map(|count| last_kept(count, share) + 1);
        assert_eq!(kept(1.0), [2, 5, 8]);
        assert_eq!(kept(0.9), [2, 5, 8]);
        assert_eq!(kept(0.6), [2, 3, 5]);
        assert_eq!(kept(0.5), [1, 3, 4]);
        assert_eq!(kept(0.0), [1, 1, 1]);
    }

    #[test]
    fn features_come_as_popular_as_they_are() {
        let mut user =
            User::all(&Account::new(&SimulationOptions::new(1, 0), 0), &SimulationOptions::new(1, 0)).remove(0);
        // Dashboard 1, reports 1/2, import 1/4.
        user.favourites = Favourites {
            features: [0, 1, 3, 0, 0, 0, 0, 0],
            cumulative: [1.0, 1.5, 1.75, 0.0, 0.0, 0.0, 0.0, 0.0],
            count: 3,
        };
        let mut chance = Chance::new(1, 1, Topic::Events);
        let mut shares = |kept: f64, without_core: bool| {
            let mut counts = [0.0; 4];
            (0..10_000).for_each(|_| counts[usize::from(user.feature(kept, without_core, &mut chance))] += 1e-4);
            counts
        };
        let near = |found: [f64; 4], expected: [f64; 4]| {
            found.into_iter().zip(expected).for_each(|(found, expected)| assert!((found - expected).abs() < 0.02));
        };
        near(shares(1.0, false), [4.0 / 7.0, 2.0 / 7.0, 0.0, 1.0 / 7.0]);
        near(shares(0.5, false), [2.0 / 3.0, 1.0 / 3.0, 0.0, 0.0]);
        near(shares(1.0, true), [6.0 / 7.0, 0.0, 0.0, 1.0 / 7.0]);
        assert_eq!(shares(0.0, false)[1..], [0.0; 3]);
    }
}
