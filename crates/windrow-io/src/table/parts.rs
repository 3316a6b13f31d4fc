//! The files of columns that a source is made of, or parts of them.

use windrow_format::options::ReaderOptions;

use super::reader::TableReader;
use crate::data_source::{FileInstruction, FilePart, SourcePart};
use crate::error::Result;
use crate::pool::{self, Pipeline};
use crate::reader::Reader;
use crate::store::FileStore;

impl TableReader {
    /// Opens the file of `part`, and checks that it has the rows that are named.
    ///
    /// # Errors
    /// Those of [`open_with`](Self::open_with), and [`Error::Instruction`](crate::Error::Instruction).
    pub fn open_part(part: &FileInstruction, options: ReaderOptions) -> Result<Self> {
        open(&FilePart::from(part.clone()), options)
    }

    /// Which rows of which files `parts` name, in their order; `path[a:b]` stands for some rows of a file. Whole files are
    /// opened, several at once, because their rows have to be counted; the first `keep` of them come along.
    ///
    /// # Errors
    /// [`Error::Source`](crate::Error::Source) for an inverted range; [`Error::Options`](crate::Error::Options); those of
    /// [`open_with`](Self::open_with), of the first whole file that has any.
    pub fn open_parts(
        parts: impl IntoIterator<Item = SourcePart>,
        options: &ReaderOptions,
        keep: usize,
    ) -> Result<Vec<(FileInstruction, Option<Self>)>> {
        options.validate()?;
        let parts: Result<Vec<FilePart>> = parts
            .into_iter()
            .map(|part| match part {
                SourcePart::Path(path) => FilePart::parse(&path),
                SourcePart::Records(instruction) => Ok(instruction.into()),
            })
            .collect();
        let parts = parts?;
        let is_whole = |part: &&FilePart| part.records.is_none();
        let threads = pool::threads(options.max_parallelism()).max(1);
        let parallel = threads > 1 && parts.iter().filter(is_whole).count() > 1;
        let mut ahead = parts.iter().filter(is_whole);
        let mut opening = Pipeline::new();
        let mut kept = 0;
        let mut opened = Vec::with_capacity(parts.len());
        for part in &parts {
            while opening.len() < 2 * threads
                && let Some(next) = ahead.next()
            {
                let (next, options) = (next.clone(), options.clone());
                opening.push(parallel, move || open(&next, options));
            }
            let reader: Option<Self> = match part.records {
                None => opening.pop().transpose()?,
                Some(_) => None,
            };
            let mut counted = part.clone();
            if let Some(reader) = &reader {
                counted.records = Some(0..reader.len());
                counted.examples_in_shard = Some(reader.len());
            }
            let reader = reader.filter(|_| kept < keep);
            kept += usize::from(reader.is_some());
            opened.push((counted.to_instruction(), reader));
        }
        Ok(opened)
    }
}

fn open(part: &FilePart, options: ReaderOptions) -> Result<TableReader> {
    let store = FileStore::open(&part.name)?;
    let reader = Reader::from_store(store, part.name.clone(), options)?;
    let table = TableReader::from_reader(reader)?;
    part.check(table.file())?;
    Ok(table)
}
