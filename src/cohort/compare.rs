//! Cohorts of one triangle side by side.

use super::comparison::{Comparison, Kind, check_base};
use super::comparison_options::{ComparedGroup, ComparisonOptions};
use super::key::CohortKey;
use super::retention::Retention;
use super::strata::{Row, Stratum};
use crate::error::{Error, Result};

/// # Comparison
impl Retention {
    /// Whether cohorts of the triangle are retained differently: those before a change and those after it, each named
    /// by a day of its period; or those of different labels. Labels that share members are not independent, as the tests
    /// take them to be.
    ///
    /// ```text
    /// at age k     rate(cohort, k) - rate(baseline, k)
    /// whole curve  log-rank test of all the cohorts
    /// ```
    ///
    /// Differences are in shares of 1, and taken at ages from 1 on at which both cohorts were observed. The log-rank
    /// test needs [`Criterion::Streak`](crate::Criterion::Streak) or
    /// [`Criterion::OnOrAfter`](crate::Criterion::OnOrAfter), as told at [`Comparison::of_segments`]; at ages at
    /// which only the older cohorts were watched nothing is compared.
    ///
    /// Under `OnOrAfter` the older cohort has the advantage that it was watched longer, so that more of
    /// its members were seen to come back. Ages are therefore compared only where both were watched for
    /// [`grace`](ComparisonOptions::grace) further periods. What is left is the advantage of those who come back after
    /// still longer; `On` and `Streak` have none of it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for fewer than two cohorts, a day or label of no cohort of the triangle, two of
    /// one, another base than the cohort, and
    /// the options that [`Comparison::of_segments`] refuses; [`Error::TooLarge`] for more than 64 cohorts.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, ComparisonOptions, EventColumns, Period, date};
    /// use attrition::polars::prelude::*;
    ///
    /// // 1 and 2 come in January 2024 and are gone in February; 3 and 4 come in February and are there in March.
    /// let mut events = df!("user" => [1, 2, 3, 4, 3, 4], "day" => [19_723, 19_724, 19_755, 19_756, 19_785, 19_786])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let columns = EventColumns::new("user", "day");
    /// let mut builder = Activity::builder(&columns, &Calendar::utc()).as_of(date(2024, 3, 31));
    /// builder.push(&events)?;
    /// let triangle = builder.finish()?.retention(Period::Month)?;
    ///
    /// let comparison = triangle.compare([date(2024, 1, 1), date(2024, 2, 1)], ComparisonOptions::new())?;
    /// let [after] = comparison.differences() else { panic!("one age was observed in both") };
    /// assert_eq!((after.age, after.rate(), after.baseline_rate(), after.difference), (1, 1.0, 0.0, 1.0));
    /// assert!((after.p_value - 0.0455).abs() < 1e-4);
    /// assert!(after.interval.lower < 0.08);                           // two against two
    /// assert_eq!(comparison.log_rank(), None);                        // of "on" there is no curve of survival
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// R. G. Newcombe (1998), "Interval estimation for the difference between independent proportions", Statistics in
    /// Medicine 17, 873-890; N. Mantel (1966), Cancer Chemotherapy Reports 50, 163-170, for the log-rank test.
    pub fn compare<'a, Key: Into<CohortKey<'a>>>(
        &self,
        cohorts: impl IntoIterator<Item = Key>,
        options: impl Into<ComparisonOptions>,
    ) -> Result<Comparison> {
        let refuse =
            |value: CohortKey<'_>, reason| Error::InvalidOption { option: "cohorts", value: value.to_string(), reason };
        check_base(self)?;
        let options = options.into();
        let mut places = Vec::new();
        for key in cohorts.into_iter().map(Into::into) {
            let reason = "no cohort of the triangle has this day or label; see cohorts";
            let place = self.row(key).ok_or_else(|| refuse(key, reason))?;
            if places.contains(&place) {
                return Err(refuse(key, "an earlier one names the same cohort"));
            }
            places.push(place);
        }
        let group = |&place: &usize| {
            let cohort = &self.cohorts()[place];
            let label = match (&cohort.label, self.by_label()) {
                (Some(label), _) => label.clone(),
                (None, true) => CohortKey::Label(None).to_string(),
                (None, false) => cohort.span.start.to_string(),
            };
            ComparedGroup { label, size: cohort.size }
        };
        let groups: Vec<ComparedGroup> = places.iter().map(group).collect();
        let wilson = options.check(&groups)?;
        let rows = places.iter().map(|&place| Some(Row::of(self, place))).collect();
        let strata = [Stratum { span: self.cohorts()[places[0]].span, rows }];
        Comparison::new(Kind::Cohorts, groups, self, &strata, self.horizon(), options, wilson)
    }
}
