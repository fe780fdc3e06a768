//! Counts of memberships by cohort and age.

use super::aging::{Aging, Start};
use super::options::Base;

/// A member of a cohort.
#[derive(Clone, Copy, Debug)]
pub(super) struct Membership {
    /// The row of the cohort.
    pub(super) row: usize,
    pub(super) start: Start,
}

/// Counts while they are gathered. What was retained so far is counted in full; from it is taken what lies in an age that
/// has not ended, of which a membership has one at the most.
#[derive(Debug)]
pub(super) struct Tally {
    ages: usize,
    base: Base,
    /// Per row and age, and one more: where stretches of retained ages begin, less where they have ended.
    retained: Vec<u32>,
    /// Per row and number of ages that have ended: the memberships.
    closed: Vec<u32>,
    /// Per row and age: memberships retained at it for whom it has not ended.
    open: Vec<u32>,
    /// Per row and age: memberships retained at it for whom it is the last that has ended. Where the base asks for it.
    last: Vec<u32>,
    /// As `closed`, of those retained at age 0. Where the base asks for it.
    started: Vec<u32>,
    /// Per row, how many ages have begun for anybody.
    begun: Vec<u32>,
    /// Per row, the first and last start.
    starts: Vec<(i32, i32)>,
}

/// The counts of every cell, row by row.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) so_far: Vec<u32>,
    pub(super) active: Vec<u32>,
    pub(super) eligible: Vec<u32>,
    /// The denominators; empty where they are the eligible.
    pub(super) base: Vec<u32>,
    /// Per row, how many ages have ended and begun for anybody.
    pub(super) closed: Vec<u32>,
    pub(super) begun: Vec<u32>,
    /// Per row the number of memberships.
    pub(super) size: Vec<u32>,
    /// Per row the first and last start, the first after the last where there is none.
    pub(super) starts: Vec<(i32, i32)>,
}

impl Tally {
    pub(super) fn new(rows: usize, ages: usize, base: Base) -> Self {
        let cells = rows * (ages + 1);
        let only = |is: bool| if is { vec![0; cells] } else { Vec::new() };
        Self {
            ages,
            base,
            retained: vec![0; cells],
            closed: vec![0; cells],
            open: vec![0; cells],
            last: only(base == Base::Previous),
            started: only(base == Base::Start),
            begun: vec![0; rows],
            starts: vec![(i32::MAX, i32::MIN); rows],
        }
    }

    /// How many counts a tally holds.
    pub(super) fn size(rows: usize, ages: usize) -> u64 {
        (rows as u64).saturating_mul(ages as u64 + 1).saturating_mul(4)
    }

    /// The first cell of a row.
    fn first(&self, row: usize) -> usize {
        row * (self.ages + 1)
    }

    /// How many of the ages reported have ended.
    pub(super) fn ended(&self, aging: &Aging, member: Membership) -> usize {
        (aging.closed(member.start) as usize).min(self.ages)
    }

    /// Counts a membership, active or not.
    #[inline]
    pub(super) fn enter(&mut self, aging: &Aging, member: Membership) {
        let place = self.first(member.row) + self.ended(aging, member);
        self.closed[place] = self.closed[place].wrapping_add(1);
        let begun = &mut self.begun[member.row];
        *begun = (*begun).max(aging.begun(member.start));
        let starts = &mut self.starts[member.row];
        *starts = (starts.0.min(member.start.day), starts.1.max(member.start.day));
    }

    /// Counts the stretches of ages at which a membership was retained.
    #[inline]
    pub(super) fn retain(&mut self, aging: &Aging, member: Membership, stretches: &[(u32, u32)]) {
        let (first, ended) = (self.first(member.row), self.ended(aging, member));
        let add = |counts: &mut [u32], age: usize| counts[first + age] = counts[first + age].wrapping_add(1);
        for &(from, to) in stretches {
            let (from, to) = (from as usize, to as usize);
            add(&mut self.retained, from);
            self.retained[first + to + 1] = self.retained[first + to + 1].wrapping_sub(1);
            if ended < self.ages && from <= ended && ended <= to {
                add(&mut self.open, ended);
            }
            if self.base == Base::Previous && ended > 0 && from < ended && ended <= to + 1 {
                add(&mut self.last, ended - 1);
            }
            if self.base == Base::Start && from == 0 {
                add(&mut self.started, ended);
            }
        }
    }

    pub(super) fn join(mut self, other: Self) -> Self {
        let add = |left: &mut Vec<u32>, right: &[u32]| {
            left.iter_mut().zip(right).for_each(|(left, right)| *left = left.wrapping_add(*right));
        };
        add(&mut self.retained, &other.retained);
        add(&mut self.closed, &other.closed);
        add(&mut self.open, &other.open);
        add(&mut self.last, &other.last);
        add(&mut self.started, &other.started);
        self.begun.iter_mut().zip(&other.begun).for_each(|(left, &right)| *left = (*left).max(right));
        for (left, right) in self.starts.iter_mut().zip(&other.starts) {
            *left = (left.0.min(right.0), left.1.max(right.1));
        }
        self
    }

    pub(super) fn finish(self) -> Cells {
        let rows = self.begun.len();
        let cells = rows * self.ages;
        let mut out = Cells {
            so_far: Vec::with_capacity(cells),
            active: Vec::with_capacity(cells),
            eligible: Vec::with_capacity(cells),
            base: Vec::new(),
            closed: Vec::with_capacity(rows),
            begun: self.begun.clone(),
            size: Vec::with_capacity(rows),
            starts: self.starts.clone(),
        };
        for row in 0..rows {
            let cells = self.first(row)..self.first(row) + self.ages;
            let mut running = 0_u32;
            for cell in cells.clone() {
                running = running.wrapping_add(self.retained[cell]);
                out.so_far.push(running);
                out.active.push(running.wrapping_sub(self.open[cell]));
            }
            let size = self.closed[cells.start..=cells.end].iter().fold(0_u32, |sum, &count| sum.wrapping_add(count));
            out.size.push(size);
            let ended = (0..=self.ages).rev().find(|&ended| self.closed[cells.start + ended] > 0).unwrap_or(0);
            out.closed.push(u32::try_from(ended).unwrap_or(u32::MAX));
            out.eligible.extend(self.still(&self.closed, row));
            match self.base {
                Base::Cohort => {}
                Base::Start => out.base.extend(self.still(&self.started, row)),
                Base::Previous => {
                    let at = row * self.ages;
                    for age in 0..self.ages {
                        out.base.push(match age.checked_sub(1) {
                            None => out.eligible[at],
                            // Retained at the age before, less those who were not watched through this one.
                            Some(before) => out.active[at + before].wrapping_sub(self.last[cells.start + before]),
                        });
                    }
                }
            }
        }
        out
    }

    /// From memberships by the number of ages that have ended: per age, those for whom it has.
    fn still(&self, ended: &[u32], row: usize) -> Vec<u32> {
        let first = self.first(row);
        let mut running = 0_u32;
        let mut still: Vec<u32> = (0..self.ages)
            .rev()
            .map(|age| {
                running = running.wrapping_add(ended[first + age + 1]);
                running
            })
            .collect();
        still.reverse();
        still
    }
}
