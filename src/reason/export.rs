//! Records as files.

use std::path::Path;

#[cfg(feature = "lazy")]
use serde::{Deserialize, Serialize};

use super::records::ChurnRecords;
#[cfg(feature = "lazy")]
use super::{ChurnColumns, Taxonomy};
use crate::error::Result;
use crate::frame::csv::csv;
#[cfg(feature = "lazy")]
use crate::frame::sealed::{Kind, UNSEALED, foreign};
use crate::frame::whole::write_whole;

#[cfg(feature = "lazy")]
const FILE: Kind = Kind { key: "attrition.churn_records", format: 1, writer: "ChurnRecords::save" };

/// What the columns do not say.
#[cfg(feature = "lazy")]
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u32,
    taxonomy: Taxonomy,
    seal: String,
}

/// # Files
impl ChurnRecords {
    /// Writes the frame of [`to_frame`](Self::to_frame) as CSV: comma separated, a line a record, the names of the
    /// columns first.
    ///
    /// A null is an empty field, and an empty text is `""`. The file is written beside its place and moved there when it
    /// is whole.
    ///
    /// # Errors
    ///
    /// [`Error::File`](crate::Error::File) if the file cannot be written; as [`to_frame`](Self::to_frame).
    pub fn write_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        write_whole(path.as_ref(), csv(&self.to_frame()?)?.as_bytes())
    }

    /// Writes the records to a Parquet file, with the taxonomy in its metadata under `attrition.churn_records`. Needs the
    /// feature `lazy`.
    ///
    /// The columns are those of [`to_frame`](Self::to_frame), so other programs can read them. The file is written
    /// beside its place and moved there when it is whole: a reader never sees half of it, and what was there before stays
    /// if anything fails.
    ///
    /// # Errors
    ///
    /// [`Error::File`](crate::Error::File) if the file cannot be written, [`Error::Polars`](crate::Error::Polars) if
    /// polars refuses the frame.
    #[cfg(feature = "lazy")]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let header = Header { format: FILE.format, taxonomy: self.taxonomy().clone(), seal: UNSEALED.to_owned() };
        FILE.save(path.as_ref(), &header, self.to_frame()?)
    }

    /// Reads records that [`save`](Self::save) has written. Needs the feature `lazy`.
    ///
    /// # Errors
    ///
    /// [`Error::File`](crate::Error::File) if the file cannot be read; [`Error::Foreign`](crate::Error::Foreign) if it is
    /// not such a file, is torn or damaged, or was written by a later version.
    #[cfg(feature = "lazy")]
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        use super::ImportPolicy;

        let path = path.as_ref();
        let (header, frame): (Header, _) = FILE.load(path)?;
        let read =
            Self::from_frame(&frame, &ChurnColumns::default(), &header.taxonomy, &ImportPolicy::all_or_nothing());
        read.map(|(records, _)| records).map_err(|error| foreign(path, error.to_string()))
    }
}
