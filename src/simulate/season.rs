//! How use goes with the day of the week and the time of the year.

use super::options::Seasonality;
use crate::calendar::Date;

/// Monday to Friday, of the use on working days.
const WORKING_DAYS: [f64; 5] = [0.20, 0.22, 0.21, 0.20, 0.17];
/// Days from the height of summer until nothing is missing.
const SUMMER: i32 = 46;

/// The shares of a week's use that fall on Monday to Sunday, where so much of it falls on the weekend.
pub(super) fn week(weekend: f64) -> [f64; 7] {
    let [mon, tue, wed, thu, fri] = WORKING_DAYS.map(|share| share * (1.0 - weekend));
    [mon, tue, wed, thu, fri, weekend / 2.0, weekend / 2.0]
}

/// The Monday of the week that holds a day. Day 0 was a Thursday.
pub(super) fn monday(day: i32) -> i32 {
    day - (day + 3).rem_euclid(7)
}

/// How much of its use each day of a span has, beside a day outside of all dips.
pub(super) fn year(seasonality: Seasonality, first: Date, last: Date) -> Vec<f64> {
    let share = |date: Date| match seasonality {
        Seasonality::Flat => 1.0,
        Seasonality::Yearly { summer, christmas } => {
            let (year, month) = date.year_month();
            let day = date - Date::first_of_month(year, month) + 1;
            if (month == 12 && day >= 22) || (month == 1 && day <= 2) {
                return 1.0 - christmas;
            }
            let from_height = (date - Date::first_of_month(year, 8)).clamp(-SUMMER, SUMMER);
            let angle = std::f64::consts::PI * f64::from(from_height) / f64::from(SUMMER);
            1.0 - summer * (1.0 + angle.cos()) / 2.0
        }
    };
    (0..=last - first).map(|day| share(first + day)).collect()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "numbers that no rounding touches")]
mod tests {
    use super::*;
    use crate::calendar::{Weekday, date};

    #[test]
    fn weeks_add_up_and_begin_on_monday() {
        for weekend in [0.0, 0.08, 1.0] {
            assert!((week(weekend).iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        for day in -20..20 {
            let monday = monday(day);
            assert!(Date::from_day(monday).weekday() == Weekday::Mon && (0..7).contains(&(day - monday)));
        }
    }

    #[test]
    fn dips_lie_where_they_should() {
        let first = date(2023, 1, 1);
        let yearly = year(Seasonality::Yearly { summer: 0.2, christmas: 0.6 }, first, date(2024, 12, 31));
        let on = |day: Date| yearly[usize::try_from(day - first).unwrap()];
        let near = |day, share: f64| assert!((on(day) - share).abs() < 1e-9, "{day} {}", on(day));
        [date(2023, 1, 2), date(2023, 12, 22), date(2024, 12, 31)].into_iter().for_each(|day| near(day, 0.4));
        [date(2023, 1, 3), date(2024, 6, 16), date(2024, 9, 16), date(2024, 12, 21)]
            .into_iter()
            .for_each(|day| near(day, 1.0));
        [date(2023, 8, 1), date(2024, 8, 1)].into_iter().for_each(|day| near(day, 0.8));
        [date(2023, 7, 9), date(2024, 8, 24)].into_iter().for_each(|day| near(day, 0.9));
        assert!(year(Seasonality::Flat, first, date(2023, 12, 31)).iter().all(|&share| share == 1.0));
    }
}
