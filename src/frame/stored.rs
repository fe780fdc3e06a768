//! Answers that are read back. What a file says may have been edited by hand, so that whatever accessors rely on is
//! checked first: such a file ends in an error and not in a panic, or a wrong number, later.

use std::fmt::Display;

/// Declares what an answer looks like in a file, and that it is read through its `check`.
///
/// The answer derives `Deserialize` with `#[serde(try_from = "...")]`, which names the type declared here.
macro_rules! stored {
    ($stored:ident as $answer:ident { $($field:ident: $type:ty),+ $(,)? }) => {
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename = "answer")]
        pub(super) struct $stored {
            $($field: $type),+
        }

        impl TryFrom<$stored> for $answer {
            type Error = String;
            fn try_from($stored { $($field),+ }: $stored) -> Result<Self, String> {
                let answer = Self { $($field),+ };
                answer.check()?;
                Ok(answer)
            }
        }
    };
}
pub(crate) use stored;

/// What has to hold of what is read back.
pub(crate) fn holds(law: bool, what: &str) -> Result<(), String> {
    if law { Ok(()) } else { Err(format!("as it stands it is no answer: {what}")) }
}

/// Options that no analysis would have taken.
pub(crate) fn asked<T>(options: Result<T, impl Display>) -> Result<T, String> {
    options.map_err(|error| error.to_string())
}
