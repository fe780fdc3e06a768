//! What has to hold of answers that are read back.

use super::active_users::{ActiveCount, ActiveUsers, ActiveUsersOptions, Window};
use super::daily_states::{DailyStates, DailyStatesOptions, DayStates};
use super::lifecycle::{Lifecycle, LifecycleOptions, LifecyclePeriod};
use super::power_curve::{PowerCurve, PowerCurveOptions, PowerCurvePoint, days_of};
use super::stickiness::{DayStickiness, MonthStickiness, Stickiness, StickinessOptions};
use super::transitions::{self, FLOWS, Moves, Transitions};
use crate::calendar::{Coverage, Date, Span};
use crate::frame::stored::{asked, holds, stored};

stored!(StoredActiveUsers as ActiveUsers { options: ActiveUsersOptions, series: Vec<Vec<ActiveCount>> });
stored!(StoredStickiness as Stickiness {
    options: StickinessOptions,
    days: Vec<DayStickiness>,
    months: Vec<MonthStickiness>,
});
stored!(StoredLifecycle as Lifecycle { options: LifecycleOptions, as_of: Date, periods: Vec<LifecyclePeriod> });
stored!(StoredDayStates as DayStates { date: Date, coverage: Coverage, counts: [u64; 7] });
stored!(StoredDailyStates as DailyStates {
    options: DailyStatesOptions,
    days: Vec<DayStates>,
    flows: Vec<[u32; FLOWS]>,
});
stored!(StoredTransitions as Transitions { first: Date, last: Date, days: u32, counts: Moves });
stored!(StoredPowerCurvePoint as PowerCurvePoint { span: Span, coverage: Coverage, at_least: Vec<u64> });
stored!(StoredPowerCurve as PowerCurve {
    options: PowerCurveOptions,
    windows: Vec<(Span, Coverage)>,
    width: usize,
    at_least: Vec<u32>,
});

impl ActiveUsers {
    fn check(&self) -> Result<(), String> {
        asked(self.options.check())?;
        let windows = &self.options.windows;
        holds(self.series.len() == windows.len(), "there is a series of counts for each window")?;
        let in_order = |series: &Vec<ActiveCount>| series.is_sorted_by(|one, next| one.span.end < next.span.end);
        holds(self.series.iter().all(in_order), "counts are in order of time")?;
        let trailing = windows.iter().zip(&self.series).filter(|(window, _)| matches!(window, Window::Days(_)));
        let mut labels = trailing.map(|(_, series)| series.iter().map(|count| count.span.end).collect::<Vec<_>>());
        let first = labels.next();
        let alike = labels.all(|labels| Some(&labels) == first.as_ref());
        holds(alike, "trailing windows end with the same days")
    }
}

impl Stickiness {
    fn check(&self) -> Result<(), String> {
        holds(self.months.iter().all(|month| month.days > 0), "every month has an observed day")
    }
}

impl Lifecycle {
    fn check(&self) -> Result<(), String> {
        asked(self.options.check())?;
        let whole = self.periods.iter().all(|one| one.span.start <= one.span.end);
        let in_order = self.periods.is_sorted_by(|one, next| one.span.end < next.span.start);
        holds(whole && in_order, "periods are in order of time and share no day")?;
        let mut active_before = 0;
        for period in &self.periods {
            let sum = |[one, two, three]: [u64; 3]| one.checked_add(two)?.checked_add(three);
            let gone = period.newly_dormant_so_far;
            let gone_so_far = sum([gone.new, gone.retained, gone.resurrected]);
            let stayed = gone_so_far.and_then(|gone| period.active_before.checked_sub(gone));
            let active = sum([period.new, period.retained, period.resurrected]);
            let adds_up = period.active_before == active_before
                && stayed == Some(period.retained)
                && active == Some(period.active)
                && period.present <= period.active;
            holds(
                adds_up,
                "the actors of a period are those of the one before, and those who came less those who went",
            )?;
            let ended = period.coverage != Coverage::Open;
            let known = period.newly_dormant == ended.then_some(gone)
                && period.dormant == ended.then_some(period.dormant_so_far);
            holds(known, "who is dormant is known once the period has ended")?;
            active_before = period.active;
        }
        Ok(())
    }
}

impl DayStates {
    fn check(&self) -> Result<(), String> {
        let sum = self.counts.iter().try_fold(0_u64, |sum, &count| sum.checked_add(count));
        holds(sum.is_some(), "there are as many actors as can be counted")
    }
}

impl DailyStates {
    fn check(&self) -> Result<(), String> {
        asked(self.options.check())?;
        holds(self.days.len() == self.flows.len(), "every day has its moves")?;
        let (Some(first), Some(last)) = (self.days.first(), self.days.last()) else { return Ok(()) };
        let observed = (first.date, last.date);
        let mut counts = [0; 7];
        for (after, (day, flows)) in (0..).zip(self.days.iter().zip(&self.flows)) {
            holds(transitions::can_be(&counts, flows), "no more actors leave a state than are in it")?;
            counts = transitions::counts_after(&transitions::moves(&counts, flows));
            let follows = *day == self.options.day(first.date + after, observed, counts);
            holds(follows, "every day follows from the one before and the moves between them")?;
        }
        Ok(())
    }
}

impl Transitions {
    fn check(&self) -> Result<(), String> {
        let stretch = i64::from(self.last - self.first) + 1;
        holds(i64::from(self.days) <= stretch.max(0), "no more days have moves than the stretch has")?;
        let most = u64::from(self.days) * u64::from(u32::MAX);
        holds(self.counts.iter().all(|&count| count <= most), "there are as many moves as can be counted")
    }
}

impl PowerCurvePoint {
    fn check(&self) -> Result<(), String> {
        holds(self.at_least.len() == days_of(&self.span), "there is a count for each day of the window")?;
        holds(self.active() <= u64::from(u32::MAX), "there are as many actors as can be counted")?;
        let falls = self.at_least.is_sorted_by(|fewer, more| fewer >= more);
        holds(falls, "no more actors are active on more days")
    }
}

impl PowerCurve {
    fn check(&self) -> Result<(), String> {
        asked(self.options.check())?;
        let in_order = self.windows.is_sorted_by(|(one, _), (next, _)| one.end < next.end);
        holds(in_order, "windows are in order of time")?;
        let days = || self.windows.iter().map(|(span, _)| days_of(span));
        if let Window::Days(length) = self.options.window() {
            let alike = days().all(|days| u32::try_from(days) == Ok(length));
            holds(alike, "every window is as long as was asked")?;
        }
        let laid_out = days().max().is_none_or(|longest| longest == self.width)
            && self.windows.len().checked_mul(self.width) == Some(self.at_least.len());
        holds(laid_out, "there is a count for each day of each window")?;
        let mut rows = self.at_least.chunks(self.width.max(1)).zip(days());
        let falls = |(row, days): (&[u32], usize)| row.iter().take(days).is_sorted_by(|fewer, more| fewer >= more);
        holds(rows.all(falls), "no more actors are active on more days")
    }
}
