//! What has to hold of an answer that is read back.

use super::{
    Balance, ImpactStratum, LeftOut, MonthlyImpact, NaiveComparison, ParticipationIntake, ProgrammeEffect,
    ProgrammeImpact, ProgrammeImpactOptions,
};
use crate::calendar::Date;
use crate::frame::stored::{asked, holds, stored};

stored!(StoredProgrammeImpact as ProgrammeImpact {
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
});

impl ProgrammeImpact {
    fn check(&self) -> Result<(), String> {
        asked(self.options.check())?;
        let left_out = self.left_out.iter().try_fold(0_u64, |sum, &count| sum.checked_add(count));
        let judged = left_out.and_then(|left_out| self.intake.actors.checked_sub(left_out));
        holds(judged.is_some(), "no more participants are left out than there are")?;
        holds((judged > Some(0)) == self.effects.is_some(), "there are effects where participants were judged")
    }
}
