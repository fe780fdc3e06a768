//! Groups side by side: is one retained better than another, and how sure is that.

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::ages::Criterion;
use super::comparison_options::{ComparedGroup, ComparisonDetail, ComparisonOptions};
use super::options::Base;
use super::retention::Retention;
use super::strata::{Compared, Row, Stratum, across, align, log_rank, within};
use crate::calendar::{Date, Period, Span};
use crate::error::{Error, Result};
use crate::frame::write;
use crate::statistics::{Interval, LogRank, Wilson};

/// More groups times cohorts times ages than this are refused.
const MAX_CELLS: u64 = 1 << 24;
/// The same where every cohort has a difference of its own.
const MAX_DIFFERENCES: u64 = 1 << 22;

/// What the groups of a comparison are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    Segments,
    Cohorts,
}

/// The difference in retention between a group and the baseline at one age.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateDifference {
    /// The group's place in [`Comparison::groups`].
    pub group: usize,
    /// The cohort within which segments are compared. `None` where they are compared over all cohorts, and where the
    /// groups are cohorts themselves.
    pub cohort: Option<Span>,
    /// The age in periods.
    pub age: u32,
    /// How many cohorts of each group it rests on: those with members in both that were observed at this age.
    pub cohorts: u64,
    /// Members of the group retained, over these cohorts.
    pub active: u64,
    /// Members of the group.
    pub eligible: u64,
    /// Members of the baseline retained, over the same cohorts.
    pub baseline_active: u64,
    /// Members of the baseline.
    pub baseline_eligible: u64,
    /// The group's rate less the baseline's. Over several cohorts it is the Mantel-Haenszel mean of their differences,
    /// and so not the difference of the two rates above, which mix cohorts in different parts.
    pub difference: f64,
    /// The standard error of the difference; Sato's over several cohorts. 0 where nobody or everybody was retained on
    /// both sides, so the interval is not made from it.
    pub standard_error: f64,
    /// Newcombe's interval of the difference, from the Wilson intervals of the two rates. Each stands by itself: it is
    /// not widened for the number of differences.
    pub interval: Interval,
    /// Two-sided, of this difference alone: of the z test with pooled variance within a cohort or between two, of the
    /// Cochran-Mantel-Haenszel test over cohorts. 1 where nobody or everybody was retained on both sides.
    pub p_value: f64,
    /// The p-value corrected for the number of all differences in the answer.
    pub adjusted_p_value: f64,
    /// The smallest of the counts, retained and not in either group, that would be expected without a difference. Below
    /// 5 the p-value is rough.
    pub smallest_expected: f64,
}

impl RateDifference {
    /// The group's rate over the cohorts compared.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    pub fn rate(&self) -> f64 {
        self.active as f64 / self.eligible as f64
    }

    /// The baseline's rate over the cohorts compared.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    pub fn baseline_rate(&self) -> f64 {
        self.baseline_active as f64 / self.baseline_eligible as f64
    }
}

/// The answer of [`Comparison::of_segments`] and [`Retention::compare`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "super::stored::StoredComparison")]
pub struct Comparison {
    pub(super) options: ComparisonOptions,
    pub(super) kind: Kind,
    pub(super) period: Period,
    pub(super) criterion: Criterion,
    pub(super) as_of: Date,
    pub(super) groups: Vec<ComparedGroup>,
    pub(super) baseline: usize,
    pub(super) differences: Vec<RateDifference>,
    pub(super) log_rank: Option<LogRank>,
    /// Members of one cohort grow older on different days.
    pub(super) staggered: bool,
}

impl Comparison {
    /// Whether segments are retained differently: plans, countries, variants of an experiment, each by its triangle.
    /// Those of a [`Split`](crate::Split) come as [`Segmented::labelled`](crate::Segmented::labelled) gives them.
    ///
    /// ```text
    /// at age k     sum over cohorts c of w(c) (rate of the segment - rate of the baseline in c) / sum of w(c),
    ///              w(c) = n1 n2 / (n1 + n2), the members of both in c
    /// whole curve  log-rank test of all segments, stratified by cohort
    /// ```
    ///
    /// Differences are in shares of 1. Like is compared with like: within each cohort, and only then put together over
    /// the cohorts in which both have members and whose period at that age has ended. Two mean curves say something
    /// else: a segment that grew late has young cohorts in them, and if young cohorts are retained better, it looks
    /// better than it is. Open and unobserved cells do not enter. Age 0 is compared only where it is named,
    /// for where the start is activity everybody is retained at it. If the log starts late, its first cohorts hold old users; `cohorts_between` leaves them out.
    ///
    /// The interval of a difference over cohorts is made of the Wilson intervals of the two rates weighted by w, each
    /// resting on the `(sum of w)² / sum of w²/n` people that it is worth. It is Newcombe's where there is one cohort,
    /// and has a width where nobody was retained.
    ///
    /// The log-rank test asks one question of the whole curve, so it is not among the p-values that are corrected. It
    /// needs a criterion under which who is lost stays lost:
    ///
    /// - [`Criterion::Streak`]: lost in the first period without activity. Those retained at age k are at risk in
    ///   cohorts observed at k + 1, and those not retained there are lost.
    /// - [`Criterion::OnOrAfter`]: lost after the period in which they were last seen, if at least
    ///   [`grace`](ComparisonOptions::grace) further ones were observed; where fewer were, nothing is said of them.
    /// - [`Criterion::On`] and [`Criterion::OnOrBefore`] have no such curve, and no log-rank test.
    ///
    /// The members of a cohort were watched equally long in every segment, so stratifying by cohort makes the test fair
    /// although young cohorts were watched for less. That segments differ does not say that the segment is why: only
    /// where chance dealt people out, as in an experiment, it does.
    ///
    /// # Errors
    ///
    /// [`Error::Incompatible`] if the triangles were asked with different periods, criteria or other options that
    /// change what is counted, as of different days, or with weeks that start on different days;
    /// [`Error::InvalidOption`] for fewer than two groups, a label that occurs twice, a baseline that is none of them,
    /// an age of 0 or beyond all horizons, a grace of 0 and a confidence that is not between 0 and 1;
    /// [`Error::TooLarge`] for more than 64 groups or 2^24 cells, 2^22 with [`ComparisonDetail::Cohorts`].
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, Comparison, ComparisonOptions, Criterion, EventColumns, Period};
    /// use attrition::{RetentionOptions, SegmentColumns, date};
    /// use attrition::polars::prelude::*;
    ///
    /// // Six come in January 2024; 1, 2 and 3 are there in February too.
    /// let mut events = df!(
    ///     "user" => [1, 2, 3, 4, 5, 6, 1, 2, 3],
    ///     "day" => [19_723, 19_723, 19_723, 19_723, 19_723, 19_723, 19_755, 19_756, 19_757],
    /// )?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let columns = EventColumns::new("user", "day");
    /// let mut builder = Activity::builder(&columns, &Calendar::utc()).as_of(date(2024, 2, 29));
    /// builder.push(&events)?;
    /// let plans = df!("id" => [1, 2, 3, 4, 5, 6], "plan" => ["pro", "pro", "pro", "free", "free", "free"])?;
    /// let split = builder.finish()?.split_by(&plans, &SegmentColumns::new("id", "plan"))?;
    ///
    /// let options = RetentionOptions::new(Period::Month).criterion(Criterion::Streak);
    /// let triangles = split.each(|part| part.retention(options.clone()))?;
    /// let comparison = Comparison::of_segments(triangles.labelled(), ComparisonOptions::new())?;
    ///
    /// let february = comparison.at("pro", 1).unwrap();
    /// assert_eq!((february.active, february.eligible, february.baseline_active), (3, 3, 0));
    /// assert_eq!(february.difference, 1.0);
    /// assert!((february.p_value - 0.0253).abs() < 1e-4);
    /// let log_rank = comparison.log_rank().unwrap();
    /// assert_eq!((&log_rank.observed[..], &log_rank.expected[..]), (&[3, 0][..], &[1.5, 1.5][..]));
    /// assert!(comparison.conclusion().contains("rough"));             // six people say little
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # References
    ///
    /// No product compares cohorts with a test. N. Mantel and W. Haenszel (1959), JNCI 22, 719-748, for the strata; R.
    /// G. Newcombe (1998), Statistics in Medicine 17, 873-890, for the interval; N. Mantel (1966), Cancer Chemotherapy
    /// Reports 50, 163-170, for the log-rank test.
    pub fn of_segments<'a, Label: Into<String>>(
        segments: impl IntoIterator<Item = (Label, &'a Retention)>,
        options: impl Into<ComparisonOptions>,
    ) -> Result<Self> {
        let (labels, triangles): (Vec<Label>, Vec<&Retention>) = segments.into_iter().unzip();
        let size = |triangle: &Retention| triangle.cohorts().iter().map(|cohort| cohort.size).sum();
        let group =
            |(label, triangle): (Label, &&Retention)| ComparedGroup { label: label.into(), size: size(triangle) };
        let groups: Vec<ComparedGroup> = labels.into_iter().zip(&triangles).map(group).collect();
        let options = options.into();
        let wilson = options.check(&groups)?;
        triangles.iter().try_for_each(|triangle| check_base(triangle))?;
        triangles.iter().try_for_each(|triangle| same_question(triangles[0], triangle))?;
        if triangles.iter().any(|triangle| triangle.by_label()) {
            let reason = "cohorts that are labels are compared within their triangle; see Retention::compare";
            return Err(Error::InvalidOption { option: "segments", value: "labels".to_owned(), reason });
        }
        check_size(triangles.iter().copied(), options.detail)?;
        let horizon = triangles.iter().map(|triangle| triangle.horizon()).max().unwrap_or(0);
        let strata = align(triangles.iter().map(|triangle| Row::all(triangle)).collect())?;
        Self::new(Kind::Segments, groups, triangles[0], &strata, horizon, options, wilson)
    }

    pub(super) fn new(
        kind: Kind,
        groups: Vec<ComparedGroup>,
        asked: &Retention,
        strata: &[Stratum],
        horizon: u32,
        options: ComparisonOptions,
        wilson: Wilson,
    ) -> Result<Self> {
        let (period, criterion) = (asked.options().period, asked.options().criterion);
        let beyond = options.ages.iter().flatten().find(|&&age| age > horizon);
        if let Some(age) = beyond {
            let reason = "the triangles do not reach so far; see horizon and as_of";
            return Err(Error::InvalidOption { option: "ages", value: age.to_string(), reason });
        }
        let grace = options.grace_of(period) as usize;
        let further = if kind == Kind::Cohorts && criterion == Criterion::OnOrAfter { grace } else { 0 };
        let baseline = options.baseline_of(&groups);
        let mut ages = options.ages.clone().unwrap_or_else(|| (1..=horizon).collect());
        ages.sort_unstable();
        ages.dedup();

        let mut differences = Vec::new();
        for group in (0..groups.len()).filter(|&group| group != baseline) {
            let pair = [group, baseline];
            let mut add = |cohort: Option<Span>, compared: &dyn Fn(usize) -> Option<Compared>| {
                let found = ages.iter().filter_map(|&age| compared(age as usize).map(|compared| (age, compared)));
                differences.extend(found.map(|(age, compared)| difference(group, cohort, age, compared)));
            };
            match kind {
                Kind::Segments => add(None, &|age| across(strata, pair, age, wilson)),
                Kind::Cohorts => {
                    strata.iter().for_each(|stratum| add(None, &|age| within(stratum, pair, age, further, wilson)));
                }
            }
            if kind == Kind::Segments && options.detail == ComparisonDetail::Cohorts {
                for stratum in strata {
                    add(Some(stratum.span), &|age| within(stratum, pair, age, 0, wilson));
                }
            }
        }
        let p_values: Vec<f64> = differences.iter().map(|difference| difference.p_value).collect();
        let adjusted = options.correction.adjust(&p_values);
        differences.iter_mut().zip(adjusted).for_each(|(difference, p)| difference.adjusted_p_value = p);

        let log_rank = match criterion {
            Criterion::Streak => log_rank(strata, groups.len(), 1),
            Criterion::OnOrAfter => log_rank(strata, groups.len(), grace),
            Criterion::On | Criterion::OnOrBefore => None,
        };
        let (as_of, staggered) = (asked.as_of(), !strata.iter().all(Stratum::grows_together));
        Ok(Self { options, kind, period, criterion, as_of, groups, baseline, differences, log_rank, staggered })
    }

    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &ComparisonOptions {
        &self.options
    }

    /// The groups in the order they were named.
    #[must_use]
    pub fn groups(&self) -> &[ComparedGroup] {
        &self.groups
    }

    /// The group that the others are compared with.
    #[must_use]
    pub fn baseline(&self) -> &ComparedGroup {
        &self.groups[self.baseline]
    }

    /// All differences: group by group, in each first those over all cohorts, then cohort by cohort where asked for,
    /// ages ascending.
    #[must_use]
    pub fn differences(&self) -> &[RateDifference] {
        &self.differences
    }

    /// The difference between a group and the baseline at an age, over all cohorts if the groups are segments; `None`
    /// where the two were not observed at it together.
    #[must_use]
    pub fn at(&self, group: &str, age: u32) -> Option<&RateDifference> {
        self.find(group, age, |cohort| cohort.is_none())
    }

    /// The difference between a segment and the baseline at an age, within the cohort whose period holds a day; `None`
    /// unless [`ComparisonDetail::Cohorts`] was asked for and both have members that were observed.
    #[must_use]
    pub fn within(&self, group: &str, cohort: Date, age: u32) -> Option<&RateDifference> {
        self.find(group, age, |other| other.is_some_and(|span| span.start <= cohort && cohort <= span.end))
    }

    fn find(&self, group: &str, age: u32, cohort: impl Fn(Option<Span>) -> bool) -> Option<&RateDifference> {
        let mut all = self.differences.iter();
        all.find(|one| one.age == age && cohort(one.cohort) && self.groups[one.group].label == group)
    }

    /// The differences whose adjusted p-value is at most 1 less the confidence.
    pub fn significant(&self) -> impl Iterator<Item = &RateDifference> {
        let level = 1.0 - self.options.confidence;
        self.differences.iter().filter(move |difference| difference.adjusted_p_value <= level)
    }

    /// The log-rank test of the whole curves of all groups, in the order of [`groups`](Self::groups); `None` under a
    /// criterion without such a curve; where members of one cohort grow older on different days, so that those watched
    /// through one age and through the next are not the same people; and where nobody was lost while two groups were
    /// watched.
    #[must_use]
    pub fn log_rank(&self) -> Option<&LogRank> {
        self.log_rank.as_ref()
    }

    /// All differences as a frame, in the order of [`differences`](Self::differences).
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `group`, `baseline` | String | the groups compared |
    /// | `cohort` | Date | first day of the cohort compared within; null over all, and where groups are cohorts |
    /// | `age` | UInt32 | periods after the cohort's own |
    /// | `cohorts` | UInt64 | cohorts it rests on |
    /// | `active`, `eligible` | UInt64 | members of the group retained, and all of them, over these cohorts |
    /// | `rate` | Float64 | `active / eligible` |
    /// | `baseline_active`, `baseline_eligible` | UInt64 | the same of the baseline |
    /// | `baseline_rate` | Float64 | `baseline_active / baseline_eligible` |
    /// | `difference` | Float64 | group less baseline; over cohorts like with like, so not `rate - baseline_rate` |
    /// | `standard_error` | Float64 | of the difference |
    /// | `lower`, `upper` | Float64 | Newcombe interval of the difference |
    /// | `p_value` | Float64 | of this difference alone |
    /// | `adjusted_p_value` | Float64 | corrected for the number of rows |
    /// | `smallest_expected` | Float64 | smallest count expected without a difference; below 5 the test is rough |
    ///
    /// Only `cohort` has nulls.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let all = || self.differences.iter();
        let labels = |place: fn(&Self, &RateDifference) -> usize| {
            all().map(|one| self.groups[place(self, one)].label.as_str()).collect::<Vec<_>>()
        };
        let counts = |count: fn(&RateDifference) -> u64| all().map(count).collect::<Vec<_>>();
        let floats = |float: fn(&RateDifference) -> f64| all().map(float).collect::<Vec<_>>();
        write::frame(vec![
            write::column("group", labels(|_, one| one.group)),
            write::column("baseline", labels(|comparison, _| comparison.baseline)),
            write::dates("cohort", all().map(|one| one.cohort.map(|span| span.start)))?,
            write::column("age", all().map(|one| one.age).collect::<Vec<_>>()),
            write::column("cohorts", counts(|one| one.cohorts)),
            write::column("active", counts(|one| one.active)),
            write::column("eligible", counts(|one| one.eligible)),
            write::column("rate", floats(RateDifference::rate)),
            write::column("baseline_active", counts(|one| one.baseline_active)),
            write::column("baseline_eligible", counts(|one| one.baseline_eligible)),
            write::column("baseline_rate", floats(RateDifference::baseline_rate)),
            write::column("difference", floats(|one| one.difference)),
            write::column("standard_error", floats(|one| one.standard_error)),
            write::column("lower", floats(|one| one.interval.lower)),
            write::column("upper", floats(|one| one.interval.upper)),
            write::column("p_value", floats(|one| one.p_value)),
            write::column("adjusted_p_value", floats(|one| one.adjusted_p_value)),
            write::column("smallest_expected", floats(|one| one.smallest_expected)),
        ])
    }
}

/// Refuses rates that are not of the cohort, whose parts would not be those of the same people.
pub(super) fn check_base(triangle: &Retention) -> Result<()> {
    let base = triangle.options().base;
    if base == Base::Cohort {
        return Ok(());
    }
    let reason = "compare rates of the cohort; leave the base of the triangle as it is";
    Err(Error::InvalidOption { option: "base", value: format!("{base:?}"), reason })
}

fn difference(group: usize, cohort: Option<Span>, age: u32, compared: Compared) -> RateDifference {
    let Compared { shares: [own, baseline], cohorts, contrast } = compared;
    RateDifference {
        group,
        cohort,
        age,
        cohorts,
        active: own.part,
        eligible: own.whole,
        baseline_active: baseline.part,
        baseline_eligible: baseline.whole,
        difference: contrast.difference,
        standard_error: contrast.standard_error,
        interval: contrast.interval,
        p_value: contrast.p_value,
        adjusted_p_value: contrast.p_value,
        smallest_expected: contrast.smallest_expected,
    }
}

/// Whether two triangles count the same thing, so that only the people differ.
fn same_question(left: &Retention, right: &Retention) -> Result<()> {
    let differ = |what, left: String, right: String| {
        let way_out = "ask all of them with the same RetentionOptions, of the parts of one activity";
        Err(Error::Incompatible { what, left, right, way_out })
    };
    let (asked, other) = (left.options(), right.options());
    if asked.period != other.period {
        return differ("the periods of the groups", asked.period.to_string(), other.period.to_string());
    }
    if asked.criterion != other.criterion {
        return differ("the criteria of the groups", asked.criterion.to_string(), other.criterion.to_string());
    }
    if left.as_of() != right.as_of() {
        return differ("the last days of observation", left.as_of().to_string(), right.as_of().to_string());
    }
    // What decides only how much is reported may differ: what one of them lacks is not compared.
    let counted = |triangle: &Retention| {
        triangle.options().clone().confidence(0.95).horizon(0).cohorts_between(Date::MIN, Date::MAX)
    };
    if counted(left) != counted(right) {
        return differ("the options of the groups", format!("{asked:?}"), format!("{other:?}"));
    }
    Ok(())
}

fn check_size<'a>(triangles: impl Iterator<Item = &'a Retention>, detail: ComparisonDetail) -> Result<()> {
    let cells =
        |triangle: &Retention| (triangle.cohorts().len() as u64).saturating_mul(u64::from(triangle.horizon()) + 1);
    let count = triangles.map(cells).sum();
    let limit = match detail {
        ComparisonDetail::Ages => MAX_CELLS,
        ComparisonDetail::Cohorts => MAX_DIFFERENCES,
    };
    let way_out = "set a horizon, ask for fewer cohorts with cohorts_between, or compare fewer groups";
    if count > limit { Err(Error::TooLarge { what: "cells to compare", count, limit, way_out }) } else { Ok(()) }
}
