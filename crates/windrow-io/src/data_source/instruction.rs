//! Which records of a file to read.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result, SourceName};
use crate::reader::Reader;

/// Some consecutive records of one file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileInstruction {
    /// The file.
    pub filename: PathBuf,
    /// The first record to read.
    pub start: u64,
    /// How many records to read.
    pub num_records: u64,
    /// How many records the file has, where that is known; checked when the file is opened.
    pub examples_in_shard: Option<u64>,
}

impl FileInstruction {
    /// Records `start..start + num_records` of `filename`.
    #[must_use]
    pub fn new(filename: impl Into<PathBuf>, start: u64, num_records: u64) -> Self {
        Self {
            filename: filename.into(),
            start,
            num_records,
            examples_in_shard: None,
        }
    }

    /// The shape of TFDS: `take` records behind the first `skip`, where -1 means all that are left of
    /// `examples_in_shard`.
    ///
    /// # Errors
    /// [`Error::Instruction`] if these records are not all in the shard.
    pub fn from_tfds(
        filename: impl Into<PathBuf>,
        skip: u64,
        take: i64,
        examples_in_shard: u64,
    ) -> Result<Self> {
        let filename = filename.into();
        let left = examples_in_shard.saturating_sub(skip);
        let num_records = if take == -1 {
            left
        } else {
            u64::try_from(take).unwrap_or(u64::MAX)
        };
        if num_records > left || skip > examples_in_shard {
            return Err(Error::Instruction {
                name: SourceName::path(filename),
                start: skip,
                end: skip.saturating_add(num_records),
                len: examples_in_shard,
            });
        }
        Ok(Self {
            filename,
            start: skip,
            num_records,
            examples_in_shard: Some(examples_in_shard),
        })
    }
}

/// What a source is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourcePart {
    /// A file, or `path[a:b]` for some of its records. A path that exists under exactly this name is that file.
    Path(PathBuf),
    /// Some records of a file.
    Records(FileInstruction),
}

/// A file of a source. Without records, all of them are meant, and counted when the file is opened.
#[derive(Debug, Clone)]
pub(crate) struct FilePart {
    pub(crate) name: SourceName,
    pub(crate) records: Option<Range<u64>>,
    pub(crate) examples_in_shard: Option<u64>,
}

impl FilePart {
    /// A path, or a path with `[a:b]` behind it unless a file of that very name exists.
    pub(crate) fn parse(path: &Path) -> Result<Self> {
        let whole = Self {
            name: SourceName::path(path),
            records: None,
            examples_in_shard: None,
        };
        let Some((file, start, end)) = path.to_str().and_then(split_suffix) else {
            return Ok(whole);
        };
        if path.exists() {
            return Ok(whole);
        }
        if end < start {
            return Err(Error::Source {
                what: "the range ends before it begins",
                text: path.display().to_string(),
            });
        }
        Ok(Self {
            name: SourceName::path(file),
            records: Some(start..end),
            examples_in_shard: None,
        })
    }

    /// The same as an instruction, once a whole file was counted.
    pub(crate) fn to_instruction(&self) -> FileInstruction {
        let Range { start, end } = self.records.clone().unwrap_or_default();
        FileInstruction {
            filename: self
                .name
                .as_path()
                .map(Path::to_path_buf)
                .unwrap_or_default(),
            start,
            num_records: end.saturating_sub(start),
            examples_in_shard: self.examples_in_shard,
        }
    }

    /// Checks that the open file has what is wanted of it.
    pub(crate) fn check(&self, reader: &Reader) -> Result<()> {
        let len = reader.len();
        let declared = self.examples_in_shard.unwrap_or(len);
        match &self.records {
            Some(records) if records.end > len || declared != len => Err(Error::Instruction {
                name: reader.name().clone(),
                start: records.start,
                end: records.end.max(declared),
                len,
            }),
            _ => Ok(()),
        }
    }

    /// Behind the last record of the file that is wanted; 0 for a whole file that was not opened yet.
    pub(super) fn end(&self) -> u64 {
        self.records.as_ref().map_or(0, |records| records.end)
    }
}

impl From<FileInstruction> for FilePart {
    fn from(instruction: FileInstruction) -> Self {
        let FileInstruction {
            filename,
            start,
            num_records,
            examples_in_shard,
        } = instruction;
        Self {
            name: SourceName::path(filename),
            records: Some(start..start.saturating_add(num_records)),
            examples_in_shard,
        }
    }
}

/// Splits `path[12:34]`.
pub(super) fn split_suffix(path: &str) -> Option<(&str, u64, u64)> {
    let (file, range) = path.strip_suffix(']')?.rsplit_once('[')?;
    let (start, end) = range.split_once(':')?;
    let digits = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok())
    };
    Some((file, digits(start)??, digits(end)??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes() {
        assert_eq!(split_suffix("a/b[0:10]"), Some(("a/b", 0, 10)));
        assert_eq!(split_suffix("a[1][2:3]"), Some(("a[1]", 2, 3)));
        for text in [
            "a", "a[1]", "a[:3]", "a[3:]", "a[-3:-1]", "a[+1:2]", "a[1:2:3]", "a[1:2] ", "[a:b]",
        ] {
            assert_eq!(split_suffix(text), None, "{text}");
        }
        assert_eq!(
            FilePart::parse(Path::new("a[5:2]")).unwrap_err().code(),
            "source"
        );
    }

    #[test]
    fn tfds() {
        let take = |skip, take| {
            FileInstruction::from_tfds("a", skip, take, 10).map(|i| (i.start, i.num_records))
        };
        assert_eq!(take(3, -1).unwrap(), (3, 7));
        assert_eq!(take(3, 2).unwrap(), (3, 2));
        assert_eq!(take(10, -1).unwrap(), (10, 0));
        for (skip, count) in [(11, -1), (11, 0), (3, 8), (0, -2)] {
            assert_eq!(take(skip, count).unwrap_err().code(), "instruction");
        }
    }
}
