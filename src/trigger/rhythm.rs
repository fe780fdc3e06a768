//! The rhythm in which accounts come, and how long they are silent in between.

/// The clock is the portfolio's as far as so many active days of an account go: in two weeks each weekday was there twice.
const CLOCK_DAYS: f64 = 14.0;
/// The pooled silences weigh as much as so many gaps of an account, so that with ten of its own it is believed as much as the
/// others are. Where its own gaps reach a silence less often than those of others, the latter weigh so much that as many of
/// theirs reach it: that none of a hundred gaps was so long tells little of what happens once in a thousand. With 10 both
/// accounts that come at random and those that come in bursts are calibrated, in simulations; with 3 the latter are called
/// silent a fifth too often.
const POOLED_GAPS: f64 = 10.0;
/// The gaps of like accounts are believed as much as all gaps are when they are so many.
const LIKE_GAPS: f64 = 50.0;
/// The longest silence that is compared, as a multiple of the mean, is 512.
const BINS: usize = 98;
/// The first edge of the bins beside 0, of which there are eight from one power of two to the next.
const FIRST: f64 = 0.125;
/// Powers of two by which accounts are grouped: of the number of even gaps that theirs are worth.
const WORTHS: usize = 7;
/// How far rounding may carry a number of gaps, as a share of it.
const ROUNDING: f64 = 1e-9;
/// The upper bounds of the groups by gaps per even gap.
const BURSTS: [f64; 4] = [1.4, 2.0, 2.8, 4.0];
/// Sums are those of whole numbers of this part of a tick, so that they do not depend on the order.
const UNIT: f64 = 1_048_576.0;

/// The active days of each weekday, the first being that of day 0.
pub(super) type Weekdays = [f64; 7];

pub(super) fn weekday(day: i32) -> usize {
    day.rem_euclid(7).unsigned_abs() as usize
}

/// A clock that ticks as weekdays are worked on: seven ticks a week.
#[derive(Clone, Copy, Debug)]
struct Clock(Weekdays);

impl Clock {
    /// `shares` are those of the portfolio's active days.
    fn new(days: &[i32], shares: &Weekdays) -> Self {
        let mut own = [0.0; 7];
        let mut count = CLOCK_DAYS;
        for &day in days {
            own[weekday(day)] += 1.0;
            count += 1.0;
        }
        let mut ticks = 0.0;
        for (own, share) in own.iter_mut().zip(shares) {
            ticks += 7.0 * (*own + CLOCK_DAYS * share) / count;
            *own = ticks;
        }
        Self(own)
    }

    /// What it shows at the end of a day.
    fn at(&self, day: i32) -> f64 {
        7.0 * f64::from(day.div_euclid(7)) + self.0[weekday(day)]
    }

    fn between(&self, from: i32, to: i32) -> f64 {
        self.at(to) - self.at(from)
    }
}

/// Gaps between active days, by their sums.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Gaps {
    count: f64,
    ticks: f64,
    squares: f64,
}

impl Gaps {
    fn add(&mut self, gap: f64, times: f64) {
        self.count += times;
        self.ticks += times * gap;
        self.squares += times * gap * gap;
    }

    /// The mean silence at a random time: long gaps are met more often than short ones.
    fn mean_silence(&self) -> f64 {
        self.squares / self.ticks / 2.0
    }

    /// The number of even gaps that tell as much of the time they take.
    fn worth(&self) -> f64 {
        self.ticks * self.ticks / self.squares
    }

    /// The group of accounts that know as much of themselves and are as bursty.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held within the few groups")]
    fn group(&self) -> usize {
        // Gaps that are all alike are worth their number, which is often a bound: rounding must not decide.
        let (worth, bursts) = (self.worth() * (1.0 + ROUNDING), self.count / self.worth() * (1.0 + ROUNDING));
        let of_worth = worth.log2().clamp(0.0, 6.0) as usize;
        of_worth * (BURSTS.len() + 1) + BURSTS.iter().filter(|&&bound| bursts >= bound).count()
    }
}

/// The gaps of one account up to the last day on which it was active.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rhythm<'a> {
    clock: Clock,
    days: &'a [i32],
    gaps: Gaps,
}

impl<'a> Rhythm<'a> {
    /// The gaps that end within some weeks up to the last of the active days; `None` where there is none.
    pub(super) fn of(days: &'a [i32], weeks: i32, shares: &Weekdays) -> Option<Self> {
        let days = Self::known(days, weeks)?;
        let clock = Clock::new(days, shares);
        let mut gaps = Gaps::default();
        days.windows(2).for_each(|ends| gaps.add(clock.between(ends[0], ends[1]), 1.0));
        Some(Self { clock, days, gaps })
    }

    /// The active days between which these gaps lie; `None` where there is none.
    pub(super) fn known(days: &[i32], weeks: i32) -> Option<&[i32]> {
        let start = days.last()?.saturating_sub(7 * weeks);
        let days = &days[days.partition_point(|&day| day <= start).saturating_sub(1)..];
        (days.len() >= 2).then_some(days)
    }

    fn last(&self) -> i32 {
        self.days[self.days.len() - 1]
    }

    /// The mean silence in days at the end of a random day.
    pub(super) fn mean_silence(&self) -> f64 {
        let sum = self.days.windows(2).map(|ends| {
            let gap = f64::from(ends[1] - ends[0]);
            gap * (gap - 1.0) / 2.0
        });
        sum.sum::<f64>() / f64::from(self.last() - self.days[0])
    }

    /// The share of the time on which the silence had lasted so many ticks.
    fn reached(&self, ticks: f64) -> f64 {
        let mut sum = 0.0;
        let mut before = self.clock.at(self.days[0]);
        for &day in &self.days[1..] {
            let now = self.clock.at(day);
            sum += (now - before - ticks).max(0.0);
            before = now;
        }
        sum / self.gaps.ticks
    }

    /// The probability of a silence of so many ticks or more at a random time.
    fn tail(&self, ticks: f64, pool: &Curve) -> f64 {
        let (own, worth) = (self.reached(ticks), self.gaps.worth());
        let pooled = pool.at(ticks / self.gaps.mean_silence());
        let weight = if own < pooled { POOLED_GAPS / pooled } else { POOLED_GAPS };
        (worth * own + weight * pooled) / (worth + weight)
    }

    /// The probability of a silence as long as that at the end of a day, ties half: the next shorter one would have been
    /// broken on the last active day.
    pub(super) fn p_value(&self, pool: &Pool, as_of: i32) -> f64 {
        let curve = pool.of(&self.gaps);
        let ticks = self.clock.between(self.last(), as_of);
        let tick = self.clock.between(self.last() - 1, self.last());
        f64::midpoint(self.tail(ticks, curve), self.tail(ticks + tick, curve))
    }

    /// The silence at the end of a day, and the one that is exceeded on one day of twenty, both in ticks.
    pub(super) fn against_usual(&self, pool: &Pool, as_of: i32) -> (f64, f64) {
        let curve = pool.of(&self.gaps);
        let ticks = self.clock.between(self.last(), as_of);
        let (mut low, mut high) = (0.0, 1.0_f64);
        while self.tail(high, curve) > 0.05 && high < 1e6 {
            low = high;
            high *= 2.0;
        }
        for _ in 0..16 {
            let middle = f64::midpoint(low, high);
            if self.tail(middle, curve) > 0.05 { low = middle } else { high = middle }
        }
        (ticks, high)
    }
}

/// Silences of the past days of many accounts, added up.
#[derive(Clone, Debug)]
pub(super) struct PoolSums {
    /// The times of the days of one account by its clock, only there so that they need not be allocated anew.
    ticks: Vec<f64>,
    groups: Vec<Sums>,
}

#[derive(Clone, Debug)]
struct Sums {
    gaps: u64,
    ticks: i64,
    /// By the length of a gap as a multiple of the mean silence: the lengths, and the mean silences.
    bins: [(i64, i64); BINS],
}

impl Sums {
    const NONE: Self = Self { gaps: 0, ticks: 0, bins: [(0, 0); BINS] };

    fn join(&mut self, other: &Self) {
        self.gaps += other.gaps;
        self.ticks += other.ticks;
        for (bin, other) in self.bins.iter_mut().zip(&other.bins) {
            *bin = (bin.0 + other.0, bin.1 + other.1);
        }
    }

    /// The silences from one age to another of a gap, beside the mean silence before.
    fn add(&mut self, from: f64, to: f64, mean: f64) {
        self.gaps += 1;
        self.ticks += whole(to) - whole(from);
        for (age, sign) in [(to, 1), (from, -1)] {
            let bin = &mut self.bins[bin(age / mean)];
            *bin = (bin.0 + sign * whole(age), bin.1 + sign * whole(mean));
        }
    }
}

impl PoolSums {
    pub(super) fn none() -> Self {
        Self { ticks: Vec::new(), groups: vec![Sums::NONE; WORTHS * (BURSTS.len() + 1)] }
    }

    /// Adds the past days of an account up to `until`: on each the silence is set against the mean silence of the weeks
    /// before it, as on the day that is judged. The first 28 days are not judged.
    pub(super) fn add(&mut self, days: &[i32], weeks: i32, shares: &Weekdays, until: i32) {
        let (Some(&first), Some(&last)) = (days.first(), days.last()) else { return };
        let recent = days.partition_point(|&day| day <= last.saturating_sub(7 * weeks)).saturating_sub(1);
        let clock = Clock::new(&days[recent..], shares);
        let earlier = days[recent].saturating_sub(7 * weeks);
        let begin = days.partition_point(|&day| day <= earlier).saturating_sub(1);
        // Each day is an end of two gaps, and each gap comes and goes.
        self.ticks.clear();
        self.ticks.extend(days[begin..].iter().map(|&day| clock.at(day)));
        let ticks = &self.ticks;
        let gap = |place: usize| ticks[place + 1 - begin] - ticks[place - begin];
        let (mut start, mut before) = (begin, Gaps::default());
        for place in begin..days.len() - 1 {
            while days[start + 1] <= days[place].saturating_sub(7 * weeks) {
                before.add(gap(start), -1.0);
                start += 1;
            }
            let from = days[place].max(first.saturating_add(LEAST_DAYS - 1));
            let to = days[place + 1].min(until);
            if place >= recent && before.count > 0.5 && from < to {
                let age = |day: i32, end: usize| {
                    let at = if day == days[end] { ticks[end - begin] } else { clock.at(day) };
                    at - ticks[place - begin]
                };
                self.groups[before.group()].add(age(from, place), age(to, place + 1), before.mean_silence());
            }
            before.add(gap(place), 1.0);
        }
    }

    pub(super) fn join(mut self, other: Self) -> Self {
        self.groups.iter_mut().zip(&other.groups).for_each(|(sums, other)| sums.join(other));
        self
    }
}

/// An account is judged when it has been known for so many days: each weekday was there four times.
pub(super) const LEAST_DAYS: i32 = 28;

/// For each group of accounts, how often a silence lasts so many times the mean silence before.
#[derive(Clone, Debug)]
pub(super) struct Pool(Vec<Curve>);

/// The share of time with a silence of at least each edge.
#[derive(Clone, Debug)]
struct Curve([f64; BINS]);

impl Pool {
    pub(super) fn new(sums: &PoolSums) -> Self {
        let mut all = Sums::NONE;
        sums.groups.iter().for_each(|group| all.join(group));
        // Half a gap of which nobody knows how long it lasts, so that no silence is impossible and longer is rarer.
        let unknown = Curve(std::array::from_fn(|place| 1.0 / (1.0 + edge(place))));
        let all = Curve::new(&all).shrunk(count(all.gaps), &unknown, 0.5);
        let of = |group: &Sums| Curve::new(group).shrunk(count(group.gaps), &all, LIKE_GAPS);
        Self(sums.groups.iter().map(of).collect())
    }

    fn of(&self, gaps: &Gaps) -> &Curve {
        &self.0[gaps.group()]
    }
}

impl Curve {
    fn new(sums: &Sums) -> Self {
        let mut shares = [0.0; BINS];
        let (mut lengths, mut means) = (0, 0);
        for place in (0..BINS).rev() {
            lengths += sums.bins[place].0;
            means += sums.bins[place].1;
            let beyond = parts(lengths) - edge(place) * parts(means);
            shares[place] = if sums.ticks > 0 { (beyond / parts(sums.ticks)).clamp(0.0, 1.0) } else { 0.0 };
        }
        Self(shares)
    }

    fn shrunk(mut self, weight: f64, towards: &Self, by: f64) -> Self {
        for (share, towards) in self.0.iter_mut().zip(&towards.0) {
            *share = (weight * *share + by * towards) / (weight + by);
        }
        self
    }

    /// On the logarithm between the edges, and as one over the silence beyond the last.
    fn at(&self, multiple: f64) -> f64 {
        let place = bin(multiple);
        let (low, share) = (edge(place), self.0[place]);
        if place + 1 == BINS {
            return share * (1.0 + low) / (1.0 + multiple);
        }
        share * (self.0[place + 1] / share).powf((multiple - low) / (edge(place + 1) - low))
    }
}

/// The bits of a float are its logarithm, evenly divided between powers of two; these are the first three of the fraction.
const FRACTION: u32 = 49;

#[expect(clippy::cast_possible_truncation, reason = "15 bits")]
fn bin(multiple: f64) -> usize {
    if multiple < FIRST {
        return 0;
    }
    let eighths = (multiple.to_bits() >> FRACTION) - (FIRST.to_bits() >> FRACTION);
    (eighths as usize + 1).min(BINS - 1)
}

fn edge(bin: usize) -> f64 {
    match bin.checked_sub(1) {
        None => 0.0,
        Some(eighths) => f64::from_bits(((FIRST.to_bits() >> FRACTION) + eighths as u64) << FRACTION),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "ticks of some years")]
fn whole(ticks: f64) -> i64 {
    // Rounded: no ticks are negative, and a call of `round` takes longer than all the rest.
    (ticks * UNIT + 0.5) as i64
}

#[expect(clippy::cast_precision_loss, reason = "sums that need no more digits")]
fn parts(whole: i64) -> f64 {
    whole as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts of gaps are far below 2^53")]
fn count(gaps: u64) -> f64 {
    gaps as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVEN: Weekdays = [1.0 / 7.0; 7];

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn clocks() {
        // Thursday and Friday, as many of each: of 14 + 4 days 2 + 2 + 2 fall on each of them and 2 on the others.
        let clock = Clock::new(&[0, 1, 7, 8], &EVEN);
        assert!(near(clock.between(-1, 0), 7.0 * 4.0 / 18.0) && near(clock.between(8, 9), 7.0 * 2.0 / 18.0));
        assert!(near(clock.between(-7, 0), 7.0) && near(clock.between(-700, 3), clock.between(0, 703)));
        // Nobody works on the first three weekdays of the list.
        let worked = [0.0, 0.0, 0.0, 0.25, 0.25, 0.25, 0.25];
        assert!(near(Clock::new(&[3, 4, 5, 6], &worked).between(6, 9), 0.0));
    }

    /// Every second day for eight weeks, then a gap of 14: Σ g² = 28 * 4 + 196.
    #[test]
    fn silences_by_hand() {
        let mut days: Vec<i32> = (0..=28).map(|turn| 2 * turn).collect();
        days.push(70);
        let rhythm = Rhythm::of(&days, 26, &EVEN).unwrap();
        assert_eq!((rhythm.gaps.count, rhythm.days.len()), (29.0, 30));
        // 28 days with 0, 28 with 1, and 0 to 13.
        assert!(near(rhythm.mean_silence(), (28.0 + 91.0) / 70.0));
        let even = Rhythm { clock: Clock::new(&[], &EVEN), ..rhythm };
        assert!(near(even.reached(0.0), 1.0) && near(even.reached(2.0), 12.0 / 70.0) && near(even.reached(14.0), 0.0));
        // Only the gaps that end within the weeks, the first of them whole.
        assert_eq!(Rhythm::of(&days, 4, &EVEN).unwrap().days, &days[21..]);
        assert!(Rhythm::of(&[5], 26, &EVEN).is_none() && Rhythm::of(&[], 26, &EVEN).is_none());
    }

    #[test]
    fn even_gaps_are_worth_themselves() {
        let mut gaps = Gaps::default();
        (0..9).for_each(|_| gaps.add(2.0, 1.0));
        assert!(near(gaps.worth(), 9.0) && near(gaps.mean_silence(), 1.0));
        assert_eq!(gaps.group(), 3 * 5);
        // One gap of 18 takes half of the time: (36)² / (36 + 324).
        gaps.add(18.0, 1.0);
        assert!(near(gaps.worth(), 3.6) && near(gaps.mean_silence(), 5.0));
        assert_eq!(gaps.group(), 5 + 2);
    }

    #[test]
    fn edges_of_bins() {
        assert_eq!([0.0, 0.1249, 0.125, 0.140_625, 0.25, 1.0, 512.0, 1e9].map(bin), [0, 0, 1, 2, 9, 25, 97, 97]);
        assert!((0..BINS).all(|place| bin(edge(place)) == place));
        assert!(near(edge(97), 512.0));
    }

    #[test]
    fn curves() {
        let mut sums = Sums::NONE;
        // Silences from 0 to 4 and from 0 to 12, the mean having been 2: at least 4 on 8 of 16.
        sums.add(0.0, 4.0, 2.0);
        sums.add(0.0, 12.0, 2.0);
        let curve = Curve::new(&sums);
        let at = |multiple: f64| curve.0[bin(multiple)];
        assert!(near(at(0.0), 1.0) && near(at(1.0), 12.0 / 16.0) && near(at(2.0), 8.0 / 16.0) && near(at(6.0), 0.0));
        // The first 4 days of both were not looked at.
        let mut later = Sums::NONE;
        later.add(4.0, 12.0, 2.0);
        let curve = Curve::new(&later);
        assert!(near(curve.0[bin(2.0)], 1.0) && near(curve.0[bin(4.0)], 0.5));
        // Where nothing is known, longer is still rarer.
        let none = Pool::new(&PoolSums::none());
        let shares: Vec<f64> = [0.0, 0.3, 1.0, 40.0, 600.0, 6000.0].iter().map(|&x| none.0[0].at(x)).collect();
        assert!(shares.windows(2).all(|pair| pair[0] > pair[1] && pair[1] > 0.0), "{shares:?}");
    }
}
