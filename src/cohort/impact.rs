//! Programme impact: does teaching, onboarding or a series of webinars make people stay?

mod frames;
mod options;
mod protocol;
mod stored;
mod trial;
mod verdict;

pub use options::ProgrammeImpactOptions;
pub use protocol::{LaterParticipants, LeftOut};

use serde::{Deserialize, Serialize};

use super::participation::{Participation, ParticipationIntake};
use crate::activity::Activity;
use crate::calendar::{Coverage, Date, Period, PeriodTable, Span};
use crate::error::Result;
use crate::statistics::{EffectOnTreated, Interval, ratio};
use trial::{Cell, Enrolled, Group, Strata, Trial, effects};

/// What taking part did to one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgrammeEffect {
    /// The mean of the participants who were judged.
    pub participants: f64,
    /// The mean of those compared with, each stratum weighted by its participants: what the participants would have
    /// shown without the programme, if nothing else tells the two apart.
    pub comparable: f64,
    /// `participants - comparable`.
    pub difference: f64,
    /// `difference / comparable`; `None` where that is 0.
    pub relative: Option<f64>,
    /// The standard error of the difference; `None` where no spread was seen, as with one participant.
    pub standard_error: Option<f64>,
    /// The confidence interval of the difference; `None` where the standard error is.
    pub interval: Option<Interval>,
}

impl ProgrammeEffect {
    fn new(effect: &EffectOnTreated, squared_scores: f64, confidence: f64) -> Self {
        let standard_error = effect.standard_error(squared_scores);
        let (difference, comparable) = (effect.difference(), effect.control_mean);
        Self {
            participants: effect.treated_mean,
            comparable,
            difference,
            relative: (comparable > 0.0).then(|| difference / comparable),
            standard_error,
            interval: standard_error.map(|error| effect.interval(error, confidence)),
        }
    }

    /// The interval of a difference of shares, which is nowhere beyond -1 and 1.
    fn of_shares(mut self) -> Self {
        let held = |Interval { lower, upper }| Interval { lower: f64::max(lower, -1.0), upper: f64::min(upper, 1.0) };
        self.interval = self.interval.map(held);
        self
    }
}

/// The effect on those who took part in one calendar month.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MonthlyImpact {
    /// The month.
    pub span: Span,
    /// [`Coverage::Truncated`] if the month has days whose look-back begins before the observation,
    /// [`Coverage::Open`] if it has days whose horizon has not passed: who took part on them is not in it.
    pub coverage: Coverage,
    /// Participants judged.
    pub participants: u64,
    /// On the share retained.
    pub retention: ProgrammeEffect,
    /// On the number of active days within the horizon.
    pub active_days: ProgrammeEffect,
}

/// What people are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Covariate {
    /// Active days in the look-back.
    PriorUse,
    /// Days since the first activity.
    Tenure,
}

impl Covariate {
    /// The name as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PriorUse => "prior active days",
            Self::Tenure => "tenure in days",
        }
    }
}

/// How alike participants and those compared with are in one respect, before and after matching.
///
/// The standardised mean difference is that of the means over `√((s₁² + s₀²) / 2)`, the spread before matching. Below
/// 0.1 either way is customarily taken for alike.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// In which respect.
    pub covariate: Covariate,
    /// Mean of the participants whose clock started, matched or not.
    pub participants: Option<f64>,
    /// Mean of all who could have taken part on the same days and did not, once for every such day.
    pub others: Option<f64>,
    /// The standardised mean difference of these two; `None` without people on both sides or without spread.
    pub before: Option<f64>,
    /// Mean of the matched participants.
    pub matched: Option<f64>,
    /// Mean of those they are compared with, weighted as in the effect.
    pub comparable: Option<f64>,
    /// The standardised mean difference of these two.
    pub after: Option<f64>,
}

/// Participants and comparable people of one index day, cohort and bin of prior use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImpactStratum {
    /// The day on which their clocks start.
    pub day: Date,
    /// The period of their first activity.
    pub cohort: Span,
    /// The least number of active days of the bin.
    pub prior_use: u32,
    /// Participants.
    pub participants: u64,
    /// Participants retained.
    pub participants_retained: u64,
    /// Active days of the participants within the horizon.
    pub participants_active_days: u64,
    /// People compared with. The stratum counts if there are two at least.
    pub comparable: u64,
    /// People compared with who were retained.
    pub comparable_retained: u64,
    /// Active days of the people compared with within the horizon.
    pub comparable_active_days: u64,
}

/// The naive comparison: everybody from their first activity, those who ever took part against all others.
///
/// It is shown to be distrusted. Whoever took part stayed until then, so that staying makes participants, and not only
/// the other way round (survivor bias, immortal time).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NaiveComparison {
    /// Participants whose horizon from their first activity has passed.
    pub participants: u64,
    /// Those of them who were retained at its end.
    pub participants_retained: u64,
    /// All others whose horizon from their first activity has passed.
    pub others: u64,
    /// Those of them who were retained at its end.
    pub others_retained: u64,
}

/// The answer of [`Activity::programme_impact`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "stored::StoredProgrammeImpact")]
pub struct ProgrammeImpact {
    options: ProgrammeImpactOptions,
    as_of: Date,
    intake: ParticipationIntake,
    left_out: [u64; LeftOut::ALL.len()],
    effects: Option<[ProgrammeEffect; 2]>,
    comparable: u64,
    later: Option<f64>,
    naive: NaiveComparison,
    balance: [Balance; 2],
    months: Vec<MonthlyImpact>,
    strata: Vec<ImpactStratum>,
}

/// # Programmes
impl Activity {
    /// Whether taking part in a programme made people stay.
    ///
    /// ```text
    /// t           day on which a participant first took part: there its clock starts
    /// retained    active on at least one of the days t+horizon-window+1 ..= t+horizon
    /// use         active days in t+1 ..= t+horizon
    /// comparable  to a participant: active on day t too (see alive_within), had not taken part by then, first active
    ///             in the same period, before t, and as often active in t-look_back ..= t-1 (the same bin)
    /// effect      mean of the participants - mean of those comparable, each participant counting once:
    ///             Σ_s t_s (mean of participants_s - mean of comparable_s) / Σ_s t_s   over strata s
    /// ```
    ///
    /// This emulates, for every day on which somebody took part, the trial that nobody ran: among people who had
    /// stayed just as long, been just as active and were there that day, some took part and the others did not; from
    /// that day on all are followed equally long. The one trap of such questions is to compare participants with
    /// non-participants from their first activity: whoever took part in month three stayed three months to do so.
    /// That comparison is returned as [`naive`](ProgrammeImpact::naive) for the reader to see the difference.
    ///
    /// A stratum is a day, a cohort and a bin of prior use. Strata are weighted by their participants, so this is the
    /// effect on those who took part, not on those who might. Somebody compared with on one day who takes part on a
    /// later one stays in the comparison of the first, and is a participant from then on: choosing people by what they
    /// do later would bring the trap back. The effect is thus that of taking part on a day rather than not on that
    /// day; [`later_participants`](ProgrammeImpact::later_participants) says how many made up for it.
    ///
    /// The interval is made of scores of persons, so that somebody who is compared with on many days counts as one:
    ///
    /// ```text
    /// ψ_a = [a took part, in s] (y_a - mean of comparable_s - effect)
    ///       - Σ_{s where a is comparable} (t_s / c_s) √(c_s / (c_s - 1)) (y_as - mean of comparable_s)
    /// V   = Σ_a ψ_a² / (N (N - 1)),  effect ± t(N - 1) √V   for N participants
    /// ```
    ///
    /// A participant is judged once the horizon has passed by [`as_of`](Activity::as_of) and if the look-back lies
    /// within the observation; everybody else is counted under a reason in
    /// [`left_out`](ProgrammeImpact::left_out). To the part of a [`Split`](crate::Split) the participants of other segments are
    /// [`LeftOut::Unknown`]. Whoever was first active on the day of taking part is left out, so a
    /// programme on the first day cannot be judged: nothing is known of anybody before it. The first cohort of a log
    /// that starts late holds old users; they are compared with each other. What the log does not show is not matched
    /// on: if the ambitious take part and would have stayed anyway, and were no more active before, the effect is theirs
    /// and not the programme's.
    ///
    /// After [`by_account`](Activity::by_account) participants are accounts.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for a number of days outside 1 to 36525, a window longer
    /// than the horizon, bins that do not ascend from 0, or a confidence outside 0 to 1;
    /// [`Error::Incompatible`](crate::Error::Incompatible) if participants are text and the activity's actors integers
    /// or the reverse; [`Error::TooLarge`](crate::Error::TooLarge) for more than 2^26 index days times cohorts times
    /// bins.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{
    ///     Activity, Calendar, EventColumns, LeftOut, Participation, ParticipationColumns, ProgrammeImpactOptions,
    /// };
    /// use attrition::polars::prelude::*;
    ///
    /// // Six people came on 1 January and again on the 9th, when two of them attended a webinar. Both came back
    /// // within a week; of the four others one did.
    /// let mut events = df!(
    ///     "user" => [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2, 3],
    ///     "day" => [1, 1, 1, 1, 1, 1, 9, 9, 9, 9, 9, 9, 12, 14, 16],
    /// )?;
    /// let mut webinar = df!("user" => [1, 2], "attended_on" => [9, 9])?;
    /// let january = |day: &Column| (day + 19_722).cast(&DataType::Date).unwrap();
    /// events.apply("day", january)?;
    /// webinar.apply("attended_on", january)?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc())?;
    /// let participants = Participation::from_frame(&webinar, &ParticipationColumns::new("user", "attended_on"))?;
    ///
    /// let impact = activity.programme_impact(&participants, ProgrammeImpactOptions::new(7).look_back(7))?;
    /// let retention = impact.retention().unwrap();
    /// assert_eq!((retention.participants, retention.comparable, retention.difference), (1.0, 0.25, 0.75));
    /// assert_eq!((impact.judged(), impact.comparable(), impact.left_out(LeftOut::HorizonOpen)), (2, 4, 0));
    /// let interval = retention.interval.unwrap();
    /// assert!(interval.lower < 0.0);                                 // two participants prove nothing
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// M. Hernán, B. Sauer, S. Hernández-Díaz, R. Platt and I. Shrier (2016), "Specifying a target trial prevents
    /// immortal time bias and other self-inflicted injuries in observational analyses", Journal of Clinical
    /// Epidemiology 79, 70-75; S. Iacus, G. King and G. Porro (2012), "Causal inference without balance checking:
    /// coarsened exact matching", Political Analysis 20, 1-24.
    pub fn programme_impact(
        &self,
        participants: &Participation,
        options: impl Into<ProgrammeImpactOptions>,
    ) -> Result<ProgrammeImpact> {
        let options = options.into();
        options.check()?;
        let (took_part, unknown) = participants.beside(self)?;
        let cohorts = self.periods(options.cohort);
        let trial = Trial { activity: self, protocol: options.protocol(self), cohorts: &cohorts, took_part };
        let mut enrolled = trial.enrol();
        let strata = trial.strata(&enrolled, &options.prior_use)?;
        enrolled.left_out[LeftOut::Unknown as usize] = unknown;
        let unmatched = strata.cells.iter().filter(|cell| !cell.is_matched()).map(|cell| cell.participants.count);
        enrolled.left_out[LeftOut::NoComparison as usize] = unmatched.sum();

        let table = self.periods(Period::Month);
        let mut of_months = vec![None; table.spans().len()];
        for cells in strata.cells.chunk_by(|cell, next| table.of(cell.day) == table.of(next.day)) {
            of_months[table.of(cells[0].day) as usize] = effects(cells.iter());
        }
        let overall = effects(strata.cells.iter());
        let scores = overall.map(|overall| trial.scores(&strata, &table, overall, &of_months));
        let judged = |[retention, active_days]: [EffectOnTreated; 2], squares: [f64; 2]| {
            let effect = |effect, squares| ProgrammeEffect::new(effect, squares, options.confidence);
            [effect(&retention, squares[0]).of_shares(), effect(&active_days, squares[1])]
        };
        let months = scores.iter().flat_map(|scores| {
            let months = table.spans().iter().zip(&of_months).zip(&scores.months);
            months.filter_map(|((&span, effects), &squares)| {
                let [retention, active_days] = judged((*effects)?, squares);
                let coverage = options.coverage(self, span);
                Some(MonthlyImpact { span, coverage, participants: (*effects)?[0].treated, retention, active_days })
            })
        });
        let months = months.collect();
        Ok(ProgrammeImpact {
            effects: overall.zip(scores.as_ref()).map(|(overall, scores)| judged(overall, scores.overall)),
            comparable: scores.as_ref().map_or(0, |scores| scores.controls),
            later: weighted(&strata, |cell| cell.controls.later),
            as_of: self.as_of(),
            intake: *participants.intake(),
            left_out: enrolled.left_out,
            naive: enrolled.naive,
            balance: [balance(Covariate::PriorUse, &enrolled, &strata), balance(Covariate::Tenure, &enrolled, &strata)],
            months,
            strata: strata.cells.iter().map(|cell| stratum(cell, &cohorts, &options)).collect(),
            options,
        })
    }
}

/// The mean of a sum over those compared with, weighted as in the effect.
#[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
fn weighted(strata: &Strata, sum: impl Fn(&Cell) -> u64) -> Option<f64> {
    let (mut participants, mut total) = (0.0, 0.0);
    for cell in strata.cells.iter().filter(|cell| cell.is_matched()) {
        let weight = cell.participants.count as f64;
        participants += weight;
        total += weight * ratio(sum(cell), cell.controls.count).unwrap_or(0.0);
    }
    (participants > 0.0).then(|| total / participants)
}

fn balance(covariate: Covariate, enrolled: &Enrolled, strata: &Strata) -> Balance {
    let place = covariate as usize;
    let (participants, others) = (&enrolled.covariates[place], &strata.covariates[place]);
    let spread = participants.variance().zip(others.variance()).map(|(one, other)| f64::midpoint(one, other).sqrt());
    let spread = spread.filter(|&spread| spread > 0.0);
    let standardised = |one: Option<f64>, other: Option<f64>| Some((one? - other?) / spread?);
    let sum = |group: &Group| [group.prior, group.tenure][place];
    let matched = || strata.cells.iter().filter(|cell| cell.is_matched());
    let count = matched().map(|cell| cell.participants.count).sum();
    let matched = ratio(matched().map(|cell| sum(&cell.participants)).sum(), count);
    let comparable = weighted(strata, |cell| sum(&cell.controls));
    Balance {
        covariate,
        participants: participants.mean(),
        others: others.mean(),
        before: standardised(participants.mean(), others.mean()),
        matched,
        comparable,
        after: standardised(matched, comparable),
    }
}

fn stratum(cell: &Cell, cohorts: &PeriodTable, options: &ProgrammeImpactOptions) -> ImpactStratum {
    let Cell { day, cohort, bin, participants, controls } = cell;
    ImpactStratum {
        day: Date::from_day(*day),
        cohort: cohorts.spans()[*cohort as usize],
        prior_use: options.prior_use[*bin],
        participants: participants.count,
        participants_retained: participants.outcomes[0],
        participants_active_days: participants.outcomes[1],
        comparable: controls.count,
        comparable_retained: controls.outcomes[0],
        comparable_active_days: controls.outcomes[1],
    }
}

impl NaiveComparison {
    /// The difference of the two shares retained; `None` if a side is empty.
    #[must_use]
    pub fn difference(&self) -> Option<f64> {
        Some(ratio(self.participants_retained, self.participants)? - ratio(self.others_retained, self.others)?)
    }
}

impl ImpactStratum {
    /// Share of the participants retained less that of the people compared with; `None` if these are fewer than two.
    #[must_use]
    pub fn difference(&self) -> Option<f64> {
        let comparable = ratio(self.comparable_retained, self.comparable).filter(|_| self.comparable > 1)?;
        Some(ratio(self.participants_retained, self.participants)? - comparable)
    }
}

impl ProgrammeImpact {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &ProgrammeImpactOptions {
        &self.options
    }

    /// The last day of observation.
    #[must_use]
    pub fn as_of(&self) -> Date {
        self.as_of
    }

    /// What was read of the participants.
    #[must_use]
    pub fn intake(&self) -> &ParticipationIntake {
        &self.intake
    }

    /// Distinct participants. They are the judged and those left out.
    #[must_use]
    pub fn participants(&self) -> u64 {
        self.intake.actors
    }

    /// Participants judged: matched with at least two comparable people.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.participants() - self.left_out.iter().sum::<u64>()
    }

    /// Participants left out for a reason.
    #[must_use]
    pub fn left_out(&self, reason: LeftOut) -> u64 {
        self.left_out[reason as usize]
    }

    /// The distinct people compared with.
    #[must_use]
    pub fn comparable(&self) -> u64 {
        self.comparable
    }

    /// The share of those compared with, weighted as in the effect, who took part later within the horizon; `None`
    /// without a judged participant. It is 0 with [`LaterParticipants::LeftOut`].
    #[must_use]
    pub fn later_participants(&self) -> Option<f64> {
        self.later
    }

    /// The effect on the share retained at the end of the horizon; `None` without a judged participant.
    #[must_use]
    pub fn retention(&self) -> Option<&ProgrammeEffect> {
        self.effects.as_ref().map(|[retention, _]| retention)
    }

    /// The effect on the number of active days within the horizon; `None` without a judged participant.
    #[must_use]
    pub fn active_days(&self) -> Option<&ProgrammeEffect> {
        self.effects.as_ref().map(|[_, active_days]| active_days)
    }

    /// The comparison not to be trusted.
    #[must_use]
    pub fn naive(&self) -> &NaiveComparison {
        &self.naive
    }

    /// How alike the two sides are in prior use and in tenure.
    #[must_use]
    pub fn balance(&self) -> &[Balance; 2] {
        &self.balance
    }

    /// The effect by the calendar month of taking part, in order of time; months with nobody judged are not in it.
    #[must_use]
    pub fn months(&self) -> &[MonthlyImpact] {
        &self.months
    }

    /// The strata that have participants whose clock started, in the order of day, cohort and prior use. Those with
    /// fewer than two comparable people are here too, and in no effect.
    #[must_use]
    pub fn strata(&self) -> &[ImpactStratum] {
        &self.strata
    }
}
