//! Walking over all actors, in parallel.

use std::ops::Range;

use rayon::prelude::*;

use super::Activity;
use super::features::FeatureMap;
use super::ledger::{Rows, Stretch};
use crate::error::{Error, Result};
use crate::frame::ids::{IdType, Ids};

/// So many counts all accumulators of a sweep may have together.
const ALL_CELLS: usize = 1 << 27;

/// An actor met on a sweep: its place in the ledger, or among those that only the recent events know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    Settled(usize),
    Recent(usize),
}

/// A value beside every actor, found on a sweep without a search.
#[derive(Debug)]
pub(crate) struct PerActor<T> {
    settled: Vec<T>,
    recent: Vec<T>,
}

impl<T: Copy> PerActor<T> {
    #[inline]
    pub(crate) fn of(&self, actor: Actor) -> T {
        match actor {
            Actor::Settled(number) => self.settled[number],
            Actor::Recent(number) => self.recent[number],
        }
    }

    /// The values of all actors.
    pub(crate) fn values(&self) -> impl Iterator<Item = T> + '_ {
        self.settled.iter().chain(&self.recent).copied()
    }
}

impl Activity {
    /// Lays values beside the actors with these ids; the others have `none`. Also says how many ids no actor has.
    pub(crate) fn beside<T: Copy>(&self, ids: &Ids, values: &[T], none: T) -> Result<(PerActor<T>, u64)> {
        let id_type = self.ledger.actors.id_type();
        if (id_type == IdType::String) != (ids.id_type() == IdType::String) {
            return Err(Error::Incompatible {
                what: "the types of actor",
                left: format!("{id_type:?}"),
                right: format!("{:?}", ids.id_type()),
                way_out: "cast the actor column of the frame that is laid beside the activity",
            });
        }
        let recent = self.recent.as_ref().map(|recent| &recent.ledger);
        let mut laid = PerActor {
            settled: vec![none; self.ledger.len()],
            recent: vec![none; recent.map_or(0, |ledger| ledger.len())],
        };
        let mut unknown = 0;
        for (id, &value) in ids.iter().zip(values) {
            if let Some(place) = self.ledger.actors.position(id) {
                laid.settled[place] = value;
            } else if let Some(place) = recent.and_then(|ledger| ledger.actors.position(id)) {
                laid.recent[place] = value;
            } else {
                unknown += 1;
            }
        }
        Ok((laid, unknown))
    }

    /// The ids of actors met on a sweep, in ascending order.
    pub(crate) fn ids(&self, actors: Vec<Actor>) -> Ids {
        self.ids_with(actors.into_iter().map(|actor| (actor, ())).collect()).0
    }

    /// The ids of actors met on a sweep, in ascending order, and what was found of each.
    pub(crate) fn ids_with<T>(&self, found: Vec<(Actor, T)>) -> (Ids, Vec<T>) {
        let recent = self.recent.as_ref().map_or(&self.ledger, |recent| &recent.ledger);
        let ids_of = |actor: Actor| match actor {
            Actor::Settled(number) => (&self.ledger.actors, number),
            Actor::Recent(number) => (&recent.actors, number),
        };
        // A sweep meets the settled ones in order, and then the recent ones in order.
        let settled = found.partition_point(|(actor, _)| matches!(actor, Actor::Settled(_)));
        let mut found = found;
        let mut recent = found.split_off(settled).into_iter().peekable();
        let mut settled = found.into_iter().peekable();
        let mut ids = Ids::new(self.ledger.actors.id_type());
        let mut values = Vec::new();
        while let Some((actor, value)) = match (settled.peek(), recent.peek()) {
            (Some(&(left, _)), Some(&(right, _))) => {
                let ((left, number), (right, other)) = (ids_of(left), ids_of(right));
                if left.compare(number, right, other).is_lt() { settled.next() } else { recent.next() }
            }
            (Some(_), None) => settled.next(),
            (None, _) => recent.next(),
        } {
            let (from, number) = ids_of(actor);
            ids.push_from(from, number);
            values.push(value);
        }
        (ids, values)
    }

    /// Visits every actor with its days in ascending order; a day in several accounts can stand more than once.
    ///
    /// Each thread gathers into an accumulator of its own, of `cells` counts; these are joined in the order of the actors.
    /// Where accumulators are large there are fewer of them than threads.
    pub(crate) fn sweep<A: Send>(
        &self,
        cells: usize,
        new: impl Fn() -> A + Sync,
        visit: impl Fn(&mut A, Actor, &[i32]) + Sync,
        join: impl Fn(A, A) -> A,
    ) -> A {
        let settled = |gathered: &mut A, actors: Range<usize>| {
            self.visit(actors, |actor, days| visit(gathered, actor, days));
        };
        let mut gathered = self.gather(cells, new, settled, join);
        if let Some(recent) = &self.recent {
            let mut scratch = Vec::new();
            for number in recent.only_recent() {
                visit(&mut gathered, Actor::Recent(number), recent.ledger.days(number, &mut scratch));
            }
        }
        gathered
    }

    /// As [`sweep`](Self::sweep), with all that happened on the days: a stretch of rows in ascending order of days, none of
    /// which stands twice. Features are numbered as in [`features`](Self::features).
    pub(crate) fn sweep_rows<A: Send>(
        &self,
        cells: usize,
        new: impl Fn() -> A + Sync,
        visit: impl Fn(&mut A, Actor, &Rows, Range<usize>) + Sync,
        join: impl Fn(A, A) -> A,
    ) -> A {
        let own = FeatureMap::between(self.features(), self.features());
        let of_recent =
            self.recent.as_ref().map(|recent| FeatureMap::between(&recent.ledger.features, self.features()));
        let recent = self.recent.as_ref().zip(of_recent.as_ref());
        let joined = |parts: &[Stretch<'_>], scratch: &mut Vec<(i32, u32, usize)>| {
            let mut rows = self.ledger.rows.none_alike();
            rows.extend_joined(parts, scratch);
            rows
        };
        let settled = |gathered: &mut A, actors: Range<usize>| {
            let mut scratch = Vec::new();
            let mut also_recent = recent.map_or(&[][..], |(recent, _)| recent.also_settled(&actors)).iter().peekable();
            for actor in actors {
                let more = also_recent.next_if(|(settled, _)| *settled as usize == actor);
                if more.is_none() && self.ledger.seats(actor).len() == 1 {
                    visit(gathered, Actor::Settled(actor), &self.ledger.rows, self.ledger.rows_of(actor));
                    continue;
                }
                let mut parts: Vec<Stretch<'_>> = self.ledger.stretches(actor, &own).collect();
                if let (Some(&(_, number)), Some((recent, map))) = (more, recent) {
                    parts.extend(recent.ledger.stretches(number as usize, map));
                }
                let rows = joined(&parts, &mut scratch);
                visit(gathered, Actor::Settled(actor), &rows, 0..rows.len());
            }
        };
        let mut gathered = self.gather(cells, new, settled, join);
        if let Some((recent, map)) = recent {
            let mut scratch = Vec::new();
            for number in recent.only_recent() {
                let parts: Vec<Stretch<'_>> = recent.ledger.stretches(number, map).collect();
                let rows = joined(&parts, &mut scratch);
                visit(&mut gathered, Actor::Recent(number), &rows, 0..rows.len());
            }
        }
        gathered
    }

    /// Gathers over the settled actors, a stretch of them on each thread.
    fn gather<A: Send>(
        &self,
        cells: usize,
        new: impl Fn() -> A + Sync,
        visit: impl Fn(&mut A, Range<usize>) + Sync,
        join: impl Fn(A, A) -> A,
    ) -> A {
        let parts = self.parts(rayon::current_num_threads().min(ALL_CELLS / cells.max(1)).max(1));
        let swept: Vec<A> = parts
            .into_par_iter()
            .map(|actors| {
                let mut gathered = new();
                visit(&mut gathered, actors);
                gathered
            })
            .collect();
        swept.into_iter().reduce(join).unwrap_or_else(&new)
    }

    fn visit(&self, actors: Range<usize>, mut visit: impl FnMut(Actor, &[i32])) {
        let mut scratch = Vec::new();
        let mut joined = Vec::new();
        let mut also_recent =
            self.recent.as_ref().map_or(&[][..], |recent| recent.also_settled(&actors)).iter().peekable();
        for actor in actors {
            let days = self.ledger.days(actor, &mut scratch);
            let recent = also_recent.next_if(|(settled, _)| *settled as usize == actor);
            if let (Some(&(_, number)), Some(recent)) = (recent, &self.recent) {
                joined.clear();
                joined.extend_from_slice(days);
                let more = recent.ledger.days(number as usize, &mut scratch);
                joined.extend_from_slice(more);
                joined.sort_unstable();
                visit(Actor::Settled(actor), &joined);
            } else {
                visit(Actor::Settled(actor), days);
            }
        }
    }

    /// The settled actors in parts with about equally many rows.
    fn parts(&self, count: usize) -> Vec<Range<usize>> {
        let rows = self.ledger.rows.len();
        let mut start = 0;
        (1..=count)
            .map(|part| {
                let until = rows.saturating_mul(part) / count;
                start = if part == count { self.ledger.len() } else { self.ledger.actors_before(until).max(start) };
                start
            })
            .scan(0, |start, end| {
                let part = *start..end;
                *start = end;
                Some(part)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::{DataFrame, DataType, NamedFrom, Series, TimeUnit, df};

    use super::*;
    use crate::activity::EventColumns;
    use crate::calendar::Calendar;

    const DAY: i64 = 86_400_000;

    fn activity(events: &[(i64, i64, i64)]) -> Activity {
        let column = |of: fn(&(i64, i64, i64)) -> i64| events.iter().map(of).collect::<Vec<_>>();
        let time = Series::new("time".into(), column(|event| event.2));
        let time = time.cast(&DataType::Datetime(TimeUnit::Milliseconds, None)).unwrap();
        let mut frame: DataFrame =
            df!("user" => column(|event| event.0), "account" => column(|event| event.1)).unwrap();
        frame.with_column(time.into()).unwrap();
        let columns = EventColumns::new("user", "time").account("account").clock_times();
        Activity::from_frame(&frame, &columns, &Calendar::utc()).unwrap()
    }

    #[test]
    fn rows_are_joined_over_accounts_and_recent_events() {
        // User, account and time. User 1 is in two accounts, users 0 and 2 in one; 80 others fill the table.
        let mut log = vec![(0, 0, 5), (1, 0, 700), (1, 1, 300), (1, 1, DAY), (2, 0, DAY + 9), (2, 0, DAY + 4)];
        log.extend((10..90).map(|user| (user, 0, 1)));
        let recent = [(1, 2, 900), (1, 0, DAY - 1), (2, 0, DAY + 1), (3, 0, 2 * DAY)];
        let mut activity = self::activity(&log);
        activity.append(&self::activity(&recent)).unwrap();
        assert!(activity.recent.is_some());
        let mut swept = activity.sweep_rows(
            1,
            Vec::new,
            |found, actor, rows, range| {
                let times = rows.times.as_ref().unwrap();
                found.extend(
                    range.map(|row| (actor, rows.day[row], rows.events[row], times[row].first, times[row].last)),
                );
            },
            |left, right| [left, right].concat(),
        );
        swept.retain(|row| !matches!(row.0, Actor::Settled(3..)));
        let nanoseconds = 1_000_000;
        let expected = [
            (Actor::Settled(0), 0, 1, 5, 5),
            (Actor::Settled(1), 0, 4, 300, 86_399_999),
            (Actor::Settled(1), 1, 1, 0, 0),
            (Actor::Settled(2), 1, 3, 1, 9),
            (Actor::Recent(2), 2, 1, 0, 0),
        ];
        let scaled = expected
            .map(|(actor, day, events, first, last)| (actor, day, events, first * nanoseconds, last * nanoseconds));
        assert_eq!(swept, scaled);
    }
}
