//! Writing a page, on a terminal or into a pipe.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// What writing ends in.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// Writes a page to standard output, held for this program alone, and ends it: with one line where something failed,
/// and quietly where the reader has seen enough, as `head` has.
pub(crate) fn print(program: &str, write: impl FnOnce(&mut dyn Write) -> Outcome) -> ExitCode {
    let mut out = io::stdout().lock();
    let Err(error) = write(&mut out).and_then(|()| Ok(out.flush()?)) else { return ExitCode::SUCCESS };
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    eprintln!("{program}: {error}");
    ExitCode::FAILURE
}

pub(crate) fn heading(out: &mut dyn Write, title: &str) -> io::Result<()> {
    writeln!(out, "\n## {title}\n")
}

#[allow(dead_code, reason = "not every example has shares to show")]
pub(crate) fn percent(rate: Option<f64>) -> String {
    rate.map_or("-".to_owned(), |rate| format!("{:.1} %", 100.0 * rate))
}

#[allow(dead_code, reason = "not every example has shares to show")]
#[expect(clippy::cast_precision_loss, reason = "for display")]
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
