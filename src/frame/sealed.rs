//! Frames as Parquet files with a header and a seal.

use std::fs::{self, File};
use std::io::{Cursor, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;

use polars::prelude::{DataFrame, KeyValueMetadata, ParquetReader, ParquetWriter, SerReader};
use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

use super::whole::write_whole;
use crate::error::{Error, Result};

/// Where the seal stands in the header, as sixteen hexadecimal digits: a hash of the whole file with zeros in its place.
///
/// polars takes a damaged page at its word and may ask for more memory than there is, which ends the program. So a file is
/// only handed to it when every byte is as it was written.
const SEAL: &str = "\"seal\":\"";
pub(crate) const UNSEALED: &str = "0000000000000000";

/// A kind of file. Its header has a field `format` and a field `seal`, which is [`UNSEALED`] where it is handed in.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The key of the header in the file's metadata.
    pub(crate) key: &'static str,
    /// The version of the layout. A program reads its own and earlier ones, and refuses later ones.
    pub(crate) format: u32,
    /// The method that writes such files.
    pub(crate) writer: &'static str,
}

impl Kind {
    pub(crate) fn save(&self, path: &Path, header: &impl Serialize, mut frame: DataFrame) -> Result<()> {
        let header = serde_json::to_string(header).map_err(|error| foreign(path, error.to_string()))?;
        let metadata = KeyValueMetadata::from_static(vec![(self.key.to_owned(), header)]);
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).with_key_value_metadata(Some(metadata)).finish(&mut frame)?;
        let place = seal_place(&bytes).ok_or_else(|| foreign(path, "it could not be sealed"))?;
        let seal = format!("{:016x}", xxh3_64(&bytes));
        bytes[place].copy_from_slice(seal.as_bytes());
        write_whole(path, &bytes)
    }

    pub(crate) fn load<Header: DeserializeOwned>(&self, path: &Path) -> Result<(Header, DataFrame)> {
        let file_error = |source| Error::File { path: path.to_owned(), source };
        let not_ours = || foreign(path, format!("it is not a whole file written by {}", self.writer));
        // A log that is not ours may be larger than memory, so only its end is looked at before it is read.
        seal_place(&end_of(path).map_err(file_error)?).ok_or_else(not_ours)?;
        let mut bytes = fs::read(path).map_err(file_error)?;
        let place = seal_place(&bytes).ok_or_else(not_ours)?;
        let seal = bytes[place.clone()].to_vec();
        bytes[place].copy_from_slice(UNSEALED.as_bytes());
        if format!("{:016x}", xxh3_64(&bytes)).as_bytes() != seal {
            return Err(foreign(path, "its seal is broken: it is not as it was written"));
        }
        self.read_whole(path, bytes)
    }

    fn read_whole<Header: DeserializeOwned>(&self, path: &Path, bytes: Vec<u8>) -> Result<(Header, DataFrame)> {
        let mut reader = ParquetReader::new(Cursor::new(bytes));
        let metadata = reader.get_metadata()?;
        let header = metadata.key_value_metadata().iter().flatten().find(|entry| entry.key == self.key);
        let header = header.and_then(|entry| entry.value.as_deref());
        let header = header.ok_or_else(|| foreign(path, format!("it was not written by {}", self.writer)))?;
        let format =
            serde_json::from_str::<serde_json::Value>(header).ok().and_then(|value| value.get("format")?.as_u64());
        if let Some(format) = format.filter(|&format| format > u64::from(self.format)) {
            return Err(foreign(path, format!("it has format {format}, and this version reads up to {}", self.format)));
        }
        let header = serde_json::from_str(header).map_err(|error| foreign(path, format!("its header: {error}")))?;
        Ok((header, reader.finish()?))
    }
}

pub(crate) fn foreign(path: &Path, reason: impl Into<String>) -> Error {
    Error::Foreign { path: path.to_owned(), reason: reason.into() }
}

/// The place of the seal: the last such in the file, for the header stands at its end and escapes its quotes.
fn seal_place(bytes: &[u8]) -> Option<Range<usize>> {
    let start = bytes.windows(SEAL.len()).rposition(|window| window == SEAL.as_bytes())? + SEAL.len();
    let end = start + UNSEALED.len();
    (end <= bytes.len()).then_some(start..end)
}

/// The end of a file, which holds the header of ours.
fn end_of(path: &Path) -> std::io::Result<Vec<u8>> {
    const LONGEST_HEADER: u64 = 1 << 26;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LONGEST_HEADER)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    Ok(end)
}
