//! What becomes more and what becomes less: each reason from period to period.

mod answer;
mod options;

pub use answer::{
    RateGrowth, ReasonPeriod, ReasonShift, ReasonTrend, ReasonTrendCell, ReasonTrends, ShareTrend, ShiftSide,
    ValueGrowth,
};
pub use options::ReasonTrendsOptions;

use super::classes::held;
use super::records::ChurnRecords;
use crate::calendar::{Calendar, Coverage, Date, PeriodTable, Span};
use crate::error::{Error, Result};
use crate::statistics::{
    Amount, Exposed, Share, Wilson, amount_trend, fisher_exact, float, rate_interval, rate_trend, ratio, trend,
    two_proportions, two_rates,
};

/// More cells of reasons and periods are refused.
const MOST_CELLS: u64 = 1 << 23;
/// Below this the normal distribution is not trusted with a difference of shares.
const SMALL: f64 = 5.0;

/// # Reasons over time
impl ChurnRecords {
    /// How each reason goes up and down from period to period, as a share of cancellations and as a rate per customer, with
    /// tests that say whether it does, and whether it has changed since a day on which something was done about it.
    ///
    /// ```text
    /// share      cancellations of the period with the reason / its cancellations with any reason
    /// rate       cancellations of the period with the reason / customers at risk at its beginning
    /// value      recurring value a month that was lost with the reason in the period
    /// trends     of shares: Cochran and Armitage's test;  of rates: a log-linear trend of counts that may vary more than
    ///            those of Poisson, as a factor from one period to the next;  of value: the same of sums of values, per
    ///            customer at risk, or per day where there are no rates
    /// changes    the whole periods before the day against those from it on: of shares Newcombe's interval and the test of
    ///            two proportions, Fisher's where counts are small; of rates the exact ratio and test for Poisson counts
    /// ```
    ///
    /// Shares always add up to 1: where one reason is mended, all others rise. So shares say what the mix of reasons is, and
    /// rates say whether fewer customers leave for one; give [`at_risk`](ReasonTrendsOptions::at_risk) to have them. The
    /// exact test of a change takes counts for independent; where a trend's dispersion is far above 1, cancellations come in
    /// clumps, and its p-value is too small.
    ///
    /// Only periods that lie wholly within the observation enter tests; the one that is under way has its counts and is
    /// marked as open. p-values are corrected for the number of reasons, each of the five kinds of test by itself. A
    /// cancellation whose value is not known is in no sum, and counted; where they become more, value seems to become less.
    /// Cancellations outside the observation are counted by [`outside`](ReasonTrends::outside) and not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a confidence outside 0 to 1, for a last day before the first, and for a change without
    /// a whole period on both sides of it; [`Error::TooLarge`] for more than 2^23 reasons times periods;
    /// [`Error::Overflow`] for values without end.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Cancellation, ChurnRecords, CustomersAtRisk, Period, Reason, ReasonTrendsOptions, Taxonomy, date};
    ///
    /// // Eight a month leave for bugs until they are mended in April; two a month for the price all along.
    /// let mut left = Vec::new();
    /// for month in 1..=6_i8 {
    ///     let bugs = if month < 4 { 8 } else { 1 };
    ///     for who in 0..bugs + 2_i8 {
    ///         let reason = if who < bugs { "product/low_quality" } else { "price/too_expensive" };
    ///         let customer = format!("{month}-{who}");
    ///         left.push(Cancellation::new(customer, date(2026, month, 1 + who), Reason::from(reason)));
    ///     }
    /// }
    /// let records = ChurnRecords::of(left, &Taxonomy::standard())?;
    /// let at_risk = CustomersAtRisk::new((1..=6).map(|month| (date(2026, month, 1), 200)))?;
    /// let options = ReasonTrendsOptions::new(Period::Month, date(2026, 6, 30))
    ///     .observed_from(date(2026, 1, 1))
    ///     .at_risk(at_risk)
    ///     .change_on(date(2026, 4, 1));
    /// let trends = records.reason_trends(options)?;
    ///
    /// let bugs = trends.of(&Reason::from("product/low_quality")).unwrap();
    /// assert_eq!(bugs.cells[0].share, Some(0.8));
    /// assert_eq!(bugs.cells[0].rate, Some(8.0 / 200.0));
    /// let change = bugs.change.unwrap();
    /// assert_eq!(change.rate_ratio, Some(3.0 / 24.0));
    /// assert!(change.adjusted_rate_p_value.unwrap() < 0.001);
    /// let price = trends.of(&Reason::from("price/too_expensive")).unwrap();
    /// assert_eq!(price.change.unwrap().rate_ratio, Some(1.0));          // its share has risen, its rate has not
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// P. Armitage (1955), "Tests for linear trends in proportions and frequencies", Biometrics 11, 375-386; P. McCullagh and
    /// J. A. Nelder (1989), "Generalized Linear Models", 2nd ed., chapters 6 and 9; J. Przyborowski and H. Wilenski (1940),
    /// "Homogeneity of results in testing samples from Poisson series", Biometrika 31, 313-323.
    pub fn reason_trends(&self, options: impl Into<ReasonTrendsOptions>) -> Result<ReasonTrends> {
        let options = options.into();
        let wilson = Wilson::new(options.confidence)?;
        // Records that all lie later leave one day to look at.
        let first = self.days().first().map_or(options.as_of, |&day| Date::from_day(day).min(options.as_of));
        let from = options.observed_from.unwrap_or(first);
        if from > options.as_of {
            let reason = "lies before the first day of the observation";
            return Err(Error::InvalidOption { option: "as_of", value: options.as_of.to_string(), reason });
        }
        let calendar = Calendar::utc().week_starts(options.week_starts);
        let table = PeriodTable::new(&calendar, options.period, from..=options.as_of);
        let classes = self.classes(options.view);
        let spans = table.spans();
        let cells = (classes.reasons.len().max(1) * spans.len()) as u64;
        if cells > MOST_CELLS {
            let (what, way_out) = ("cells of reasons and periods", "ask for longer periods, or for categories");
            return Err(Error::TooLarge { what, count: cells, limit: MOST_CELLS, way_out });
        }
        let currency = self.one_currency();
        let priced = currency.is_some();
        let mut tally = Tally::new(classes.reasons.len(), spans.len());
        let within = from.days_since_epoch()..=options.as_of.days_since_epoch();
        let mut outside = 0;
        for ((day, class), value) in self.days().iter().zip(&classes.of).zip(self.values()) {
            if within.contains(day) {
                tally.add(table.of(*day) as usize, *class, *value);
            } else {
                outside += 1;
            }
        }
        tally.cells.iter().try_for_each(|cell| held(cell.value).map(drop))?;
        let period = |(place, &span): (usize, &Span)| ReasonPeriod {
            span,
            coverage: Coverage::of(span, from, options.as_of),
            cancellations: tally.all[place],
            with_reason: tally.told[place],
            at_risk: options.at_risk.as_ref().and_then(|at_risk| at_risk.in_span(span)),
        };
        let periods: Vec<ReasonPeriod> = spans.iter().enumerate().map(period).collect();
        let change = options.change_on.map(|on| sides(&periods, on)).transpose()?;
        let mut reasons = Vec::with_capacity(classes.reasons.len());
        for (class, reason) in classes.reasons.iter().enumerate() {
            let sums = tally.of(class);
            let counts: Vec<u64> = sums.iter().map(|sum| sum.count).collect();
            let cells = periods.iter().zip(sums).map(|(period, &Cell { count, value, valued, .. })| {
                // What can still grow, or began before anybody looked, has counts and no rates.
                let observed = (period.coverage == Coverage::Observed).then_some(period);
                let at_risk = observed.and_then(|period| period.at_risk);
                ReasonTrendCell {
                    cancellations: count,
                    share: observed.and_then(|period| ratio(count, period.with_reason)),
                    share_interval: observed.and_then(|period| wilson.interval(count, period.with_reason)),
                    rate: at_risk.and_then(|at_risk| ratio(count, at_risk)),
                    rate_interval: at_risk.and_then(|at_risk| rate_interval(count, float(at_risk), wilson)),
                    value: priced.then_some(value),
                    without_value: count - valued,
                }
            });
            let cells: Vec<ReasonTrendCell> = cells.collect();
            if counts.iter().all(|&count| count == 0) {
                continue;
            }
            reasons.push(ReasonTrend {
                name: self.name_of(reason),
                reason: reason.clone(),
                cancellations: whole(&periods).map(|place| counts[place]).sum(),
                share: share_trend(&periods, &counts),
                rate: growth(&periods, &counts, wilson),
                value: if priced { value_growth(&periods, sums, wilson) } else { None },
                change: change.as_ref().map(|sides| shift(&periods, &counts, sides, wilson)),
                cells,
            });
        }
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.cancellations));
        answer::adjust(&mut reasons, options.correction);
        let currency = currency.flatten();
        Ok(ReasonTrends { options, observed_from: from, currency, outside, periods, reasons })
    }
}

/// What is counted of one reason in one period.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    count: u64,
    value: f64,
    /// How many have a value.
    valued: u64,
    /// How many have a value above 0, and the sum of the squares of these.
    paying: u64,
    squares: f64,
}

/// What is counted in one pass over the records: reason by reason, and within a reason period by period.
#[derive(Debug)]
struct Tally {
    periods: usize,
    cells: Vec<Cell>,
    all: Vec<u64>,
    told: Vec<u64>,
}

impl Tally {
    fn new(reasons: usize, periods: usize) -> Self {
        let none = vec![0; periods];
        Self { periods, cells: vec![Cell::default(); reasons * periods], all: none.clone(), told: none }
    }

    fn add(&mut self, period: usize, class: Option<u32>, value: Option<f64>) {
        self.all[period] += 1;
        let Some(class) = class else { return };
        self.told[period] += 1;
        let cell = &mut self.cells[class as usize * self.periods + period];
        cell.count += 1;
        if let Some(value) = value {
            cell.value += value;
            cell.valued += 1;
            cell.paying += u64::from(value > 0.0);
            cell.squares += value * value;
        }
    }

    fn of(&self, class: usize) -> &[Cell] {
        &self.cells[class * self.periods..(class + 1) * self.periods]
    }
}

/// The places of the periods that were observed from their first to their last day.
fn whole(periods: &[ReasonPeriod]) -> impl Iterator<Item = usize> + '_ {
    (0..periods.len()).filter(|&place| periods[place].coverage == Coverage::Observed)
}

fn share_trend(periods: &[ReasonPeriod], counts: &[u64]) -> Option<ShareTrend> {
    let shares: Vec<Share> =
        whole(periods).map(|place| Share { part: counts[place], whole: periods[place].with_reason }).collect();
    trend(&shares).map(|test| ShareTrend { test, adjusted_p_value: test.p_value })
}

/// What was exposed in a period; nothing where it is not known how many were at risk.
fn exposed(period: &ReasonPeriod, count: u64) -> Exposed {
    match period.at_risk {
        Some(at_risk) if at_risk > 0 => Exposed { events: count, exposure: float(at_risk) },
        _ => Exposed { events: 0, exposure: 0.0 },
    }
}

fn growth(periods: &[ReasonPeriod], counts: &[u64], wilson: Wilson) -> Option<RateGrowth> {
    let exposed: Vec<Exposed> = whole(periods).map(|place| exposed(&periods[place], counts[place])).collect();
    let trend = rate_trend(&exposed, wilson)?;
    Some(RateGrowth {
        factor: trend.factor,
        interval: trend.interval,
        dispersion: trend.dispersion,
        p_value: trend.p_value,
        adjusted_p_value: trend.p_value,
    })
}

/// By customers at risk where they are known of any period; of the others nothing is then said.
fn value_growth(periods: &[ReasonPeriod], cells: &[Cell], wilson: Wilson) -> Option<ValueGrowth> {
    let by_customers = whole(periods).any(|place| periods[place].at_risk.is_some());
    let amount = |place: usize| {
        let (period, cell) = (&periods[place], &cells[place]);
        let days = || u64::try_from(period.span.end - period.span.start + 1).unwrap_or_default();
        let exposure = if by_customers { period.at_risk.unwrap_or(0) } else { days() };
        if exposure == 0 {
            return Amount::default();
        }
        Amount { events: cell.paying, sum: cell.value, squares: cell.squares, exposure: float(exposure) }
    };
    let trend = amount_trend(&whole(periods).map(amount).collect::<Vec<_>>(), wilson)?;
    let (factor, interval, p_value) = (trend.factor, trend.interval, trend.p_value);
    Some(ValueGrowth { factor, interval, p_value, adjusted_p_value: p_value })
}

/// The whole periods before a day and those from it on.
type Sides = [Vec<usize>; 2];

fn sides(periods: &[ReasonPeriod], on: Date) -> Result<Sides> {
    let before: Vec<usize> = whole(periods).filter(|&place| periods[place].span.end < on).collect();
    let after: Vec<usize> = whole(periods).filter(|&place| periods[place].span.start >= on).collect();
    if before.is_empty() || after.is_empty() {
        let reason = "has not one whole period before it and one after it; wait, or ask for shorter periods";
        return Err(Error::InvalidOption { option: "change_on", value: on.to_string(), reason });
    }
    Ok([before, after])
}

fn shift(periods: &[ReasonPeriod], counts: &[u64], sides: &Sides, wilson: Wilson) -> ReasonShift {
    let share = |places: &[usize]| Share {
        part: places.iter().map(|&place| counts[place]).sum(),
        whole: places.iter().map(|&place| periods[place].with_reason).sum(),
    };
    let rate = |places: &[usize]| {
        places.iter().map(|&place| exposed(&periods[place], counts[place])).fold(
            Exposed { events: 0, exposure: 0.0 },
            |sum, one| Exposed { events: sum.events + one.events, exposure: sum.exposure + one.exposure },
        )
    };
    let [before, after] = [&sides[0], &sides[1]].map(|places| (share(places), rate(places)));
    let side = |(share, rate): (Share, Exposed), places: &[usize]| ShiftSide {
        periods: places.len() as u64,
        cancellations: share.part,
        with_reason: share.whole,
        share: ratio(share.part, share.whole),
        rate: (rate.exposure > 0.0).then(|| float(rate.events) / rate.exposure),
    };
    let shares = two_proportions([after.0, before.0], wilson);
    let [[a, b], [c, d]] = [after.0, before.0].map(|share| [share.part, share.whole - share.part]);
    let share_p_value = shares
        .map(|shares| if shares.smallest_expected < SMALL { fisher_exact([[a, b], [c, d]]) } else { shares.p_value });
    let rates = two_rates(after.1, before.1, wilson);
    ReasonShift {
        before: side(before, &sides[0]),
        after: side(after, &sides[1]),
        share_difference: shares.map(|shares| shares.difference),
        share_interval: shares.map(|shares| shares.interval),
        share_p_value,
        adjusted_share_p_value: share_p_value,
        rate_ratio: rates.and_then(|rates| rates.ratio),
        rate_ratio_lower: rates.map(|rates| rates.lower),
        rate_ratio_upper: rates.and_then(|rates| rates.upper),
        rate_p_value: rates.map(|rates| rates.p_value),
        adjusted_rate_p_value: rates.map(|rates| rates.p_value),
    }
}
