//! A test of whether one of several has fallen silent.

/// How one person took part in the active days of an account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Silence {
    /// The last day with the person.
    pub(super) last: i32,
    /// How many active days of the account came after it.
    pub(super) without: usize,
    /// How probable so long a silence would be by chance.
    pub(super) p_value: f64,
}

/// Whether a person was missing from the last active days of their account by more than chance; both lists ascend, and
/// the days of the person are among those of the account. `None` where there is nothing to tell: the person was there on
/// no day, or on each weekday always or never.
///
/// ```text
/// P(R >= r) = product over the weekdays w of  C(N_w - r_w, K_w) / C(N_w, K_w)
/// p = (P(R >= r) + P(R >= r + 1)) / 2
/// ```
///
/// N_w active days of the account fall on the weekday, K_w of them with the person, and r_w of those after their last.
/// If nothing has changed, the days with the person are any K_w of the N_w, so the last r are all without them with the
/// hypergeometric probability. Weekday by weekday, for a colleague at work on Saturdays says nothing of those who are
/// not. It is the mid-p, since R is a whole number.
pub(super) fn silence(account: &[i32], person: &[i32]) -> Option<Silence> {
    let last = *person.last()?;
    let (mut days, mut without) = ([0_u32; 7], [0_u32; 7]);
    account.iter().for_each(|&day| days[weekday(day)] += 1);
    without.copy_from_slice(&days);
    person.iter().for_each(|&day| without[weekday(day)] -= 1);
    if days.iter().zip(&without).all(|(&days, &without)| without == 0 || without == days) {
        return None;
    }
    // Drawn from the end, one after the other: the first so probable to be without, the next one after it, and so on.
    let mut draw = |day: i32| {
        let (left, of) = (&mut without[weekday(day)], &mut days[weekday(day)]);
        let chance = f64::from(*left) / f64::from(*of);
        (*left, *of) = (left.saturating_sub(1), *of - 1);
        chance
    };
    let silent = account.iter().rev().take_while(|&&day| day > last);
    let (without, so_long) = silent.fold((0, 1.0), |(count, chance), &day| (count + 1, chance * draw(day)));
    let longer = so_long * draw(last);
    Some(Silence { last, without, p_value: f64::midpoint(so_long, longer) })
}

/// The p-value of the smallest of several p-values after Šidák: so probable is it that one of them is as small.
pub(super) fn of_several(smallest: f64, several: i32) -> f64 {
    -(f64::from(several) * (-smallest).ln_1p()).exp_m1()
}

fn weekday(day: i32) -> usize {
    day.rem_euclid(7).unsigned_abs() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-12
    }

    #[test]
    fn by_hand() {
        // Six Thursdays, the person on the first and the third: C(3, 2) / C(6, 2) = 3/15, and of one more 1/15.
        let account = [0, 7, 14, 21, 28, 35];
        let found = silence(&account, &[0, 14]).unwrap();
        assert_eq!((found.last, found.without), (14, 3));
        assert!(close(found.p_value, 2.0 / 15.0), "{found:?}");
        // There on the last day: P(R >= 0) = 1, P(R >= 1) = 4/6.
        assert!(close(silence(&account, &[0, 35]).unwrap().p_value, 5.0 / 6.0));
        // Always there, never there.
        assert_eq!((silence(&account, &account), silence(&account, &[])), (None, None));
        // Mondays with the person, Saturdays without: two Saturdays more say nothing.
        let account = [4, 9, 11, 16, 18, 23, 30];
        assert_eq!(silence(&account, &[4, 11, 18]), None);
        // As long as two persons have even chances, one of them is as silent in 1 - 0.9 * 0.9 of all cases.
        assert!(close(of_several(0.1, 2), 0.19) && close(of_several(0.1, 1), 0.1) && of_several(1.0, 2) <= 1.0);
    }

    /// All ways to lay the days of the person among those of the account, weekday by weekday.
    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn as_by_going_through_all() {
        let account = [-8, -6, -1, 0, 1, 6, 7, 8, 13, 15, 20, 22];
        for chosen in 1_u32..1 << account.len() {
            let pick =
                |mask: u32| (0..account.len()).filter(move |place| mask >> place & 1 > 0).map(|place| account[place]);
            let person: Vec<i32> = pick(chosen).collect();
            if chosen % 37 > 0 {
                continue;
            }
            let counts = |mask: u32| {
                pick(mask).fold([0; 7], |mut counts, day| {
                    counts[weekday(day)] += 1;
                    counts
                })
            };
            let run = |mask: u32| mask.leading_zeros() as usize - (32 - account.len());
            let alike: Vec<u32> = (1..1 << account.len()).filter(|&mask| counts(mask) == counts(chosen)).collect();
            let longer = alike.iter().filter(|&&mask| run(mask) > run(chosen)).count();
            let same = alike.iter().filter(|&&mask| run(mask) == run(chosen)).count();
            match silence(&account, &person) {
                None => assert_eq!(alike.len(), 1),
                Some(found) => {
                    let expected = (longer as f64 + same as f64 / 2.0) / alike.len() as f64;
                    assert!(close(found.p_value, expected), "{found:?} {expected}");
                    assert_eq!(found.without, run(chosen));
                }
            }
        }
    }
}
