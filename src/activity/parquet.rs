//! Ingestion of Parquet files, row group by row group.
//!
//! The streaming engine reads Parquet too. Reading files here is faster for a reason that lies in polars: a column that
//! was written as a dictionary becomes a categorical there, which hashes every row anew. The note that makes it one is
//! the Arrow schema in the file's metadata; without it the column is read as what Parquet says it is, strings that
//! point into the dictionary.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use polars::prelude::{DataType, FileMetadataRef, ParallelStrategy, ParquetReader, Schema, SchemaExt, SerReader};

use super::Activity;
use super::builder::{ActivityBuilder, Worker, first_error, in_parallel};
use super::columns::EventColumns;
use super::door::Reader;
use crate::calendar::Calendar;
use crate::error::{Error, Result};

/// A row group of one of the files.
#[derive(Debug)]
pub(crate) struct RowGroup<'a> {
    pub(crate) file: usize,
    path: &'a Path,
    metadata: FileMetadataRef,
    /// Its number within the file.
    number: usize,
    /// Rows of the file before it, and its own.
    slice: (usize, usize),
    /// Its first row, counted over all that was pushed.
    pub(crate) first_row: u64,
}

/// What a file tells of a column of a row group without its being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) nulls: Option<u64>,
    /// The least and the greatest integer, as the column orders them: the bits that it holds, and how many.
    pub(crate) ends: Option<(i64, i64, u32)>,
}

impl Activity {
    /// The activity of the events in Parquet files, read row group by row group. Needs the feature `lazy`.
    ///
    /// # Errors
    ///
    /// As [`ActivityBuilder::push_parquet`] and [`ActivityBuilder::finish`].
    pub fn from_parquet<P: AsRef<Path>>(
        paths: impl IntoIterator<Item = P>,
        columns: &EventColumns,
        calendar: &Calendar,
    ) -> Result<Self> {
        let mut builder = Self::builder(columns, calendar);
        builder.push_parquet(paths)?;
        builder.finish()
    }
}

impl ActivityBuilder {
    /// Takes in the events in Parquet files: only the mapped columns, a row group at a time on each processor. Needs the
    /// feature `lazy`.
    ///
    /// This is the fastest way in for files; [`push_lazy`](Self::push_lazy) is for what must be filtered or computed
    /// first. A file counts as a source of its own in [`Progress`](crate::Progress).
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), for every file before a row of any is read; [`Error::File`] if a file cannot be opened,
    /// [`Error::Polars`] if it cannot be read.
    pub fn push_parquet<P: AsRef<Path>>(&mut self, paths: impl IntoIterator<Item = P>) -> Result<()> {
        let paths: Vec<PathBuf> = paths.into_iter().map(|path| path.as_ref().to_owned()).collect();
        let mut opened = Vec::with_capacity(paths.len());
        for path in &paths {
            let (metadata, schema) = open(path, self.columns())?;
            opened.push((path, metadata, self.prepare(&schema)?));
        }
        let Some((.., first_plan)) = opened.first() else { return Ok(()) };
        let (ingest, _) = self.ingest(first_plan.clone())?;
        let readers: Vec<Reader<'_>> =
            opened.iter().map(|(.., plan)| Ok(self.ingest(plan.clone())?.1)).collect::<Result<_>>()?;
        let files = opened.iter().map(|(path, metadata, _)| (path.as_path(), metadata));
        let groups = row_groups(files, ingest.rows());
        opened.iter().filter(|(_, metadata, _)| metadata.row_groups.is_empty()).for_each(|_| ingest.end_source());
        let left: Vec<AtomicUsize> = opened.iter().map(|(_, metadata, _)| metadata.row_groups.len().into()).collect();
        let names: Vec<String> = self.columns().names().into_iter().map(str::to_owned).collect();
        let next = AtomicUsize::new(0);
        let failed = AtomicUsize::new(0);
        let work = || -> Result<()> {
            let mut worker = Worker::new(ingest, readers[0].clone());
            while failed.load(Ordering::Relaxed) == 0
                && let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let absorbed = group.read(&names).and_then(|frame| {
                    worker.read_with(&readers[group.file]);
                    worker.absorb(&frame, group.first_row)
                });
                if absorbed.is_err() {
                    failed.store(1, Ordering::Relaxed);
                    return absorbed;
                }
                if left[group.file].fetch_sub(1, Ordering::Relaxed) == 1 {
                    ingest.end_source();
                }
            }
            worker.finish();
            Ok(())
        };
        let results = in_parallel(groups.len(), &work);
        self.ended(first_error(results))
    }
}

/// The row groups of files in order, `row` being the number of the first row.
pub(crate) fn row_groups<'a>(
    files: impl Iterator<Item = (&'a Path, &'a FileMetadataRef)>,
    mut row: u64,
) -> Vec<RowGroup<'a>> {
    let mut groups = Vec::new();
    for (file, (path, metadata)) in files.enumerate() {
        let mut offset = 0;
        for (number, group) in metadata.row_groups.iter().enumerate() {
            let slice = (offset, group.num_rows());
            groups.push(RowGroup { file, path, metadata: metadata.clone(), number, slice, first_row: row });
            offset += slice.1;
            row += slice.1 as u64;
        }
    }
    groups
}

impl RowGroup<'_> {
    /// How many rows it has.
    pub(crate) fn rows(&self) -> u64 {
        self.slice.1 as u64
    }

    /// What the statistics of a column say.
    pub(crate) fn told(&self, column: &str) -> Told {
        let columns = self.metadata.row_groups[self.number].columns_under_root_iter(column);
        let Some(statistics) = columns
            .and_then(|mut columns| columns.next())
            .and_then(|column| column.statistics(&self.metadata.footer_buf)?.ok())
        else {
            return Told::default();
        };
        let narrow = statistics.as_int32().and_then(|of| Some((of.min_value?.into(), of.max_value?.into(), i32::BITS)));
        let wide = statistics.as_int64().and_then(|of| Some((of.min_value?, of.max_value?, i64::BITS)));
        Told { nulls: statistics.null_count().and_then(|nulls| u64::try_from(nulls).ok()), ends: narrow.or(wide) }
    }

    /// Its rows, of the columns of these names.
    pub(crate) fn read(&self, names: &[String]) -> Result<polars::prelude::DataFrame> {
        let mut reader = ParquetReader::new(file(self.path)?)
            .read_parallel(ParallelStrategy::None)
            .with_columns(Some(names.to_vec()))
            .with_slice(Some(self.slice));
        reader.set_metadata(self.metadata.clone());
        Ok(reader.finish()?)
    }
}

/// The type that a column has as it is read, which may be another than the one that its file notes for Arrow.
pub(crate) fn type_read(path: &Path, metadata: &FileMetadataRef, column: &str) -> Result<Option<DataType>> {
    let mut reader = ParquetReader::new(file(path)?);
    reader.set_metadata(metadata.clone());
    Ok(reader.schema()?.get(column).map(DataType::from_arrow_field))
}

fn file(path: &Path) -> Result<File> {
    File::open(path).map_err(|source| Error::File { path: path.to_owned(), source })
}

/// The metadata of a file without its Arrow schema, and the schema of the mapped columns with it, by which types are
/// judged.
pub(crate) fn open(path: &Path, columns: &EventColumns) -> Result<(FileMetadataRef, Schema)> {
    let mut reader = ParquetReader::new(file(path)?);
    let mut metadata = reader.get_metadata()?.as_ref().clone();
    metadata.key_value_metadata = None;
    let mut schema = reader.schema()?.as_ref().clone();
    let available: Vec<String> = schema.iter_names().map(ToString::to_string).collect();
    // Other columns may have types that polars was built without, on which it panics.
    let mapped = columns.names();
    if let Some(column) = mapped.iter().find(|column| !schema.contains(column)) {
        return Err(Error::MissingColumn { column: (*column).to_owned(), available });
    }
    schema.retain(|name, _| mapped.contains(&name.as_str()));
    Ok((Arc::new(metadata), Schema::from_arrow_schema(&schema)))
}
