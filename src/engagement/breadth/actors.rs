//! The breadth of every actor.

use polars::prelude::DataFrame;

use super::tally::Question;
use super::{Breadth, BreadthPeriod};
use crate::activity::Activity;
use crate::activity::sweep::Actor;
use crate::calendar::Coverage;
use crate::engagement::uses::Uses;
use crate::error::{Error, Result};
use crate::frame::write;
use crate::statistics::ratio;

/// More actors times periods than this are refused.
const MAX_ROWS: u64 = 1 << 25;

/// Actors met by one thread, and their periods.
#[derive(Debug)]
struct Found<Scratch> {
    scratch: Scratch,
    actors: Vec<Actor>,
    /// Place among the actors, period and breadth.
    rows: Vec<(u32, u32, u32)>,
}

impl Breadth {
    /// The breadth of every actor in every reported period in which it was active: ordered by actor, then period.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `actor` | of the log's integer column, or String | the user, or the account after [`by_account`](Activity::by_account) |
    /// | `start`, `end` | Date | first and last day of the period |
    /// | `coverage` | String | `observed`, `truncated` or `open` |
    /// | `features` | UInt32 | distinct features used in it, so far where it is open; 0 if active without any |
    /// | `available` | UInt32 | features available in it |
    /// | `share` | Float64 | `features / available`; null unless observed and a feature is available |
    ///
    /// # Errors
    ///
    /// [`Error::Incompatible`] if `activity` has another number of active actors or another `as_of`, and so cannot be the
    /// one that this was made from; [`Error::TooLarge`] for more than 2^25 rows; [`Error::Polars`] if polars refuses the
    /// frame.
    #[expect(clippy::cast_possible_truncation, reason = "actors and periods are counted in a u32")]
    pub fn actors_to_frame(&self, activity: &Activity) -> Result<DataFrame> {
        activity.check_features()?;
        let count: u64 = self.periods.iter().map(BreadthPeriod::active).sum();
        if count > MAX_ROWS {
            let way_out = "take a longer period, or fewer of them with between";
            return Err(Error::TooLarge { what: "actors times periods", count, limit: MAX_ROWS, way_out });
        }
        let table = activity.periods(self.options.period);
        let available = self.options.available.as_deref();
        let question = Question::new(activity.features(), &table, available, self.options.between);
        let mut found = activity.sweep_rows(
            0,
            || Found { scratch: question.scratch(), actors: Vec::new(), rows: Vec::new() },
            |found, actor, rows, range| {
                let Some(sets) = &rows.features else { return };
                let high = (&sets.high_row[..], &sets.high_feature[..]);
                let uses = Uses::new((&rows.day, &sets.low), high, range, &mut found.scratch.place);
                let before = found.rows.len();
                question.each_period(&mut found.scratch, &uses, |one| {
                    if question.reported.contains(&one.period) {
                        let period = one.period - question.reported.start;
                        found.rows.push((found.actors.len() as u32, period as u32, one.breadth));
                    }
                });
                if found.rows.len() > before {
                    found.actors.push(actor);
                }
            },
            |mut found, other| {
                let before = found.actors.len() as u32;
                found.actors.extend(other.actors);
                found.rows.extend(other.rows.iter().map(|&(actor, period, breadth)| (before + actor, period, breadth)));
                found
            },
        );
        let same_periods = question.reported == (self.skipped..self.skipped.saturating_add(self.periods.len()));
        if found.rows.len() as u64 != count || activity.as_of() != self.as_of || !same_periods {
            return Err(Error::Incompatible {
                what: "the actors of the periods",
                left: format!("{count} as of {}", self.as_of),
                right: format!("{} as of {}", found.rows.len(), activity.as_of()),
                way_out: "ask with the activity that the breadth was made from",
            });
        }

        // Actors known from recent events only were met last; their ids lie between those of the others.
        let (actors, met) = activity.ids_with(found.actors.into_iter().zip(0_u32..).collect());
        let mut places = vec![0_u32; met.len()];
        (0..).zip(&met).for_each(|(place, &met)| places[met as usize] = place);
        found.rows.iter_mut().for_each(|row| row.0 = places[row.0 as usize]);
        if !met.is_sorted() {
            found.rows.sort_by_key(|&(actor, ..)| actor);
        }

        let of = || found.rows.iter().map(|&(_, period, breadth)| (&self.periods[period as usize], breadth));
        let ids = found.rows.iter().map(|&(actor, ..)| Some(actor));
        let share = |(period, breadth): (&BreadthPeriod, u32)| {
            let observed = period.coverage == Coverage::Observed;
            if observed { ratio(u64::from(breadth), u64::from(period.available)) } else { None }
        };
        write::frame(vec![
            write::gathered_ids("actor", &actors, ids)?,
            write::dates("start", of().map(|(period, _)| Some(period.span.start)))?,
            write::dates("end", of().map(|(period, _)| Some(period.span.end)))?,
            write::column("coverage", of().map(|(period, _)| period.coverage.name()).collect::<Vec<_>>()),
            write::column("features", of().map(|(_, breadth)| breadth).collect::<Vec<_>>()),
            write::column("available", of().map(|(period, _)| period.available).collect::<Vec<_>>()),
            write::column("share", of().map(share).collect::<Vec<_>>()),
        ])
    }
}
