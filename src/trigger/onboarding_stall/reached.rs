//! When new customers reached something, those who stayed and those who did not.

/// Days on which a habit shows.
const HABIT: i32 = 14;

/// The first of some days in order on which so many lie within 14.
pub(crate) fn habit(days: &[i32], active: usize) -> Option<i32> {
    days.windows(active).find(|days| days[active - 1] - days[0] < HABIT).map(|days| days[active - 1])
}

/// How many reached it on each day of their onboarding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Times {
    stayed: u64,
    left: u64,
    /// Of those who stayed and those who left.
    on: Vec<(u64, u64)>,
}

/// Shares of accounts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reached {
    pub(super) of_stayed: f64,
    pub(super) of_left: Option<f64>,
}

impl Times {
    pub(super) fn new(days: u32) -> Self {
        Self { stayed: 0, left: 0, on: vec![(0, 0); days as usize + 1] }
    }

    pub(super) fn add(&mut self, stayed: bool, day: Option<i32>) {
        let one = (u64::from(stayed), u64::from(!stayed));
        self.stayed += one.0;
        self.left += one.1;
        if let Some(on) = day.and_then(|day| self.on.get_mut(usize::try_from(day).ok()?)) {
            *on = (on.0 + one.0, on.1 + one.1);
        }
    }

    pub(super) fn join(mut self, other: &Self) -> Self {
        self.stayed += other.stayed;
        self.left += other.left;
        self.on.iter_mut().zip(&other.on).for_each(|(on, other)| *on = (on.0 + other.0, on.1 + other.1));
        self
    }

    pub(super) fn stayed(&self) -> u64 {
        self.stayed
    }

    /// Whether anyone who stayed reached it at all.
    pub(super) fn ever(&self) -> bool {
        self.on.iter().any(|on| on.0 > 0)
    }

    /// The shares that had reached it by a day; `None` where nobody stayed.
    pub(super) fn reached(&self, day: i32) -> Option<Reached> {
        let by = usize::try_from(day).map_or(0, |day| (day + 1).min(self.on.len()));
        let (of_stayed, of_left) = self.on[..by].iter().fold((0, 0), |sum, on| (sum.0 + on.0, sum.1 + on.1));
        let of_left = crate::statistics::ratio(of_left, self.left);
        Some(Reached { of_stayed: crate::statistics::ratio(of_stayed, self.stayed)?, of_left })
    }

    /// The first day on which such a share of those who stayed had reached it.
    pub(super) fn first_day(&self, share: f64) -> Option<i32> {
        (0_i32..).take(self.on.len()).find(|&day| self.reached(day).is_some_and(|reached| reached.of_stayed >= share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn habits() {
        let days = [0, 7, 14, 20, 21, 40];
        assert_eq!([1, 2, 3, 4, 5].map(|active| habit(&days, active)), [Some(0), Some(7), Some(20), None, None]);
        assert_eq!((habit(&[0, 13], 2), habit(&[0, 14], 2), habit(&[], 1)), (Some(13), None, None));
    }

    #[test]
    fn times() {
        let mut times = Times::new(14);
        [Some(0), Some(3), Some(3), None].into_iter().for_each(|day| times.add(true, day));
        times.add(false, Some(14));
        times.add(false, None);
        assert_eq!((times.stayed(), times.ever()), (4, true));
        let reached = |day| times.reached(day).unwrap();
        assert_eq!(reached(2), Reached { of_stayed: 0.25, of_left: Some(0.0) });
        assert_eq!(reached(3), Reached { of_stayed: 0.75, of_left: Some(0.0) });
        assert_eq!(reached(400), Reached { of_stayed: 0.75, of_left: Some(0.5) });
        assert_eq!([0.25, 0.5, 0.8].map(|share| times.first_day(share)), [Some(0), Some(3), None]);
        let twice = times.clone().join(&times);
        assert_eq!((twice.stayed(), twice.reached(3)), (8, times.reached(3)));
        assert_eq!((Times::new(14).reached(3), Times::new(14).ever()), (None, false));
    }
}
