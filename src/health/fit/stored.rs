//! What has to hold of a fitted score that is read back.

use super::{
    BackTestDate, ChurnEvent, FittedHealth, FittedSignal, HealthAccuracy, HealthDrift, HealthFitOptions, PointsCard,
};
use crate::frame::stored::{asked, holds, stored};

stored!(StoredFittedHealth as FittedHealth {
    options: HealthFitOptions,
    churn: ChurnEvent,
    dates: Vec<BackTestDate>,
    intercept: f64,
    drift: HealthDrift,
    signals: Vec<FittedSignal>,
    spread: f64,
    slope: f64,
    accuracy: Option<HealthAccuracy>,
    card: Option<PointsCard>,
});

impl FittedHealth {
    fn check(&self) -> Result<(), String> {
        asked(self.options.check())?;
        let sorted = self.dates.windows(2).all(|pair| pair[0].date < pair[1].date);
        holds(sorted && !self.dates.is_empty(), "the dates are in order, and there is one")?;
        let counts = self.dates.iter().all(|date| date.churned < 1 << 40 && date.stayed < 1 << 40);
        let rate = if counts { self.base_rate() } else { f64::NAN };
        holds(rate > 0.0 && rate < 1.0, "some accounts left and some stayed")?;
        let numbers = self.intercept.is_finite() && self.spread > 0.0 && self.slope > 0.0 && self.slope.is_finite();
        holds(numbers, "the intercept is finite, the spread and the slope are above 0")?;
        holds(self.drift.is_sound(), "the drift is around one of its days")?;
        holds(self.signals.iter().all(FittedSignal::is_sound), "signals have a scale, and weights of their sign")?;
        let asked = |own: &FittedSignal| self.options.signals.contains(&own.signal);
        let places: Option<Vec<usize>> = self
            .signals
            .iter()
            .map(|own| self.options.signals.iter().position(|signal| *signal == own.signal))
            .collect();
        let in_order = places.is_some_and(|places| places.windows(2).all(|pair| pair[0] < pair[1]));
        holds(self.signals.iter().all(asked) && in_order, "signals are those that were asked, in order")?;
        holds(self.card.as_ref().is_none_or(PointsCard::is_sound), "the ranges of the card follow one another")?;
        let Some(of) = &self.accuracy else { return Ok(()) };
        let known = of.left > 0 && of.left < of.accounts && of.accounts < 1 << 40;
        holds(known, "of the judged some left and some stayed")?;
        let bins = of.reliability.iter().map(|bin| (bin.accounts, bin.left));
        let sums = bins.fold((0_u64, 0_u64), |sum, own| (sum.0.saturating_add(own.0), sum.1.saturating_add(own.1)));
        holds(sums == (of.accounts, of.left), "the bins add up")?;
        holds(of.reliability.iter().all(|bin| bin.left <= bin.accounts), "no more left than there were")
    }
}
