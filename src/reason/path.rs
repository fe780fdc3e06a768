//! A reason as a path through a taxonomy: category, reason, detail.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest code of one level.
const LONGEST_CODE: usize = 64;
/// What is wrong with a reason that is none.
pub(crate) const MALFORMED: &str = "is no reason: write one to three codes of lower-case letters, digits and _, joined by /, such as price/too_expensive";

/// How far down the path of a reason one looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonLevel {
    /// The category, such as `price`.
    Category,
    /// The reason within it, such as `price/too_expensive`.
    Reason,
    /// The detail of that, such as `price/too_expensive/for_small_teams`.
    Detail,
}

/// Why a customer left: a category, mostly a reason within it, and perhaps a detail of that.
///
/// It is held and written as a path of codes, `price/too_expensive`. The codes are what records keep; the names that
/// people read stand beside them in the [`Taxonomy`](crate::Taxonomy), which also says which codes there are. So any
/// reason can be put together here, and is judged where it is recorded.
///
/// # Example
///
/// ```
/// use attrition::{Reason, ReasonLevel};
///
/// let reason = Reason::new("price", "too_expensive").detail("for_small_teams");
/// assert_eq!(reason.to_string(), "price/too_expensive/for_small_teams");
/// assert_eq!(reason.at(ReasonLevel::Reason), Reason::new("price", "too_expensive"));
/// assert_eq!(reason.category(), "price");
/// assert_eq!(Reason::from("price").level(), ReasonLevel::Category);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reason(String);

impl Reason {
    /// A reason within a category, by their codes. Where only the category is known, `Reason::from("price")` says so.
    #[must_use]
    pub fn new(category: impl AsRef<str>, reason: impl AsRef<str>) -> Self {
        Self(format!("{}/{}", category.as_ref(), reason.as_ref()))
    }

    /// The same with a detail behind it.
    #[must_use]
    pub fn detail(self, detail: impl AsRef<str>) -> Self {
        Self(format!("{self}/{}", detail.as_ref()))
    }

    /// The path, its codes joined by `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code of the category.
    #[must_use]
    pub fn category(&self) -> &str {
        self.codes().next().unwrap_or_default()
    }

    /// The code at a level; `None` where the path does not reach so far.
    #[must_use]
    pub fn code(&self, level: ReasonLevel) -> Option<&str> {
        self.codes().nth(level as usize)
    }

    /// The level that the path reaches.
    #[must_use]
    pub fn level(&self) -> ReasonLevel {
        match self.codes().count() {
            ..=1 => ReasonLevel::Category,
            2 => ReasonLevel::Reason,
            _ => ReasonLevel::Detail,
        }
    }

    /// The path cut off behind a level.
    #[must_use]
    pub fn at(&self, level: ReasonLevel) -> Self {
        let end = self.0.match_indices('/').nth(level as usize).map_or(self.0.len(), |(place, _)| place);
        Self(self.0[..end].to_owned())
    }

    /// The path without its last code; `None` of a category.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.to_owned()))
    }

    /// Whether this is the other or lies below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.rest(other).is_some()
    }

    /// What follows the path of another: nothing, or its codes with the `/` before them.
    pub(super) fn rest(&self, other: &Self) -> Option<&str> {
        self.0.strip_prefix(&other.0).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The path with more behind it.
    pub(super) fn followed_by(&self, rest: &str) -> Self {
        Self(format!("{self}{rest}"))
    }

    pub(super) fn is_well_formed(&self) -> bool {
        let in_order = |code: &str| {
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            code.starts_with(|first: char| first.is_ascii_lowercase())
                && code.len() <= LONGEST_CODE
                && code.bytes().all(fits)
        };
        self.codes().count() <= 3 && self.codes().all(in_order)
    }

    fn codes(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl From<&str> for Reason {
    fn from(path: &str) -> Self {
        Self(path.to_owned())
    }
}

impl From<String> for Reason {
    fn from(path: String) -> Self {
        Self(path)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_by_hand() {
        let detail = Reason::from("a/b/c");
        assert_eq!(
            [ReasonLevel::Category, ReasonLevel::Reason, ReasonLevel::Detail].map(|level| detail.at(level).0),
            ["a", "a/b", "a/b/c"]
        );
        assert_eq!(detail.code(ReasonLevel::Detail), Some("c"));
        assert_eq!(Reason::from("a").code(ReasonLevel::Reason), None);
        assert_eq!(Reason::from("a").at(ReasonLevel::Detail), Reason::from("a"));
        assert_eq!((detail.parent(), Reason::from("a").parent()), (Some(Reason::new("a", "b")), None));
        assert!(detail.is_within(&Reason::from("a")) && detail.is_within(&detail));
        assert!(!Reason::from("ab/c").is_within(&Reason::from("a")));
    }

    #[test]
    fn malformed_paths_are_told_apart() {
        for good in ["a", "a/b2/c_d", "price/too_expensive"] {
            assert!(Reason::from(good).is_well_formed(), "{good}");
        }
        for bad in ["", "a/", "/a", "a//b", "A", "a b", "a/b/c/d", "2a", "a/-", "ž", &"a".repeat(65)] {
            assert!(!Reason::from(bad).is_well_formed(), "{bad}");
        }
    }
}
