//! The messages of an ArrayRecord footer.

use crate::error::{At, FormatError};
use crate::options::WriterOptions;
use crate::varint::take_varint;
use crate::wire::{Value, push_bytes_field, push_varint_field, take_field};

/// Version of a file that upstream can read.
pub const VERSION_UPSTREAM: u32 = 1;
/// Version of a file that only Windrow can read.
pub const VERSION_WINDROW: u32 = 2;
/// Appended to the writer options of files that upstream refuses, for people who look.
pub const VERSION_2_HINT: &str = ",needs:windrow";
/// Field of the user's key/value pairs in the footer metadata; upstream skips numbers from 100 on.
pub const USER_METADATA_FIELD: u64 = 100;

/// Field of the offsets of dictionary chunks in the footer metadata.
pub const DICTIONARY_FIELD: u64 = 101;
/// Field that says whether data chunks are page chunks.
pub const PAGES_FIELD: u64 = 102;
/// Field of the Arrow schema in the footer metadata of a file of columns.
pub const ARROW_SCHEMA_FIELD: u64 = 103;
/// Field that says whether a chunk of statistics stands behind the footer.
pub const STATISTICS_FIELD: u64 = 104;
/// Dictionary chunks that a footer may name.
pub const MAX_DICTIONARIES: usize = 64;

/// User metadata pairs that a file may have.
pub const MAX_USER_METADATA_PAIRS: usize = 1 << 16;

/// The first record of a footer chunk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FooterMetadata {
    /// [`VERSION_UPSTREAM`] or [`VERSION_WINDROW`].
    pub version: u32,
    /// Data chunks, one footer entry each.
    pub num_chunks: u64,
    /// Records in all chunks.
    pub num_records: u64,
    /// What the writer says of its options; `None` in files of before October 2022.
    pub writer_options: Option<String>,
    /// The user's key/value pairs, in the order in which they were given.
    pub user_metadata: Vec<(String, Vec<u8>)>,
    /// Where the dictionary chunks in front of the footer begin, those of one dictionary each.
    pub dictionaries: Vec<u64>,
    /// Whether there are page chunks among the data chunks.
    pub has_pages: bool,
    /// The schema message of a file of columns.
    pub arrow_schema: Option<Vec<u8>>,
    /// Whether a chunk of statistics stands behind the footer.
    pub has_statistics: bool,
}

impl FooterMetadata {
    /// Reads the first record of the footer at `at`.
    ///
    /// # Errors
    /// [`FormatError::Message`], [`FormatError::FooterMetadata`] if it is of another kind, [`FormatError::Version`].
    pub fn parse(record: &[u8], at: At) -> Result<Self, FormatError> {
        let what = "footer metadata";
        let invalid = |()| FormatError::Message { what, at };
        let mut inner = None;
        let mut rest = record;
        while !rest.is_empty() {
            if let (1, Value::Bytes(message)) = take_field(&mut rest).map_err(invalid)? {
                // A repeated message field is merged, which for these fields is what parsing both does.
                let metadata = inner.get_or_insert_with(Self::default);
                metadata.merge(message).map_err(invalid)?;
            }
        }
        let metadata = inner.ok_or(FormatError::FooterMetadata { at })?;
        if metadata.user_metadata.len() > MAX_USER_METADATA_PAIRS {
            return Err(FormatError::TooMany {
                what: "user metadata pairs",
                at,
                limit: MAX_USER_METADATA_PAIRS as u64,
            });
        }
        if metadata.dictionaries.len() > MAX_DICTIONARIES {
            return Err(FormatError::TooMany {
                what: "dictionaries",
                at,
                limit: MAX_DICTIONARIES as u64,
            });
        }
        match metadata.version {
            VERSION_UPSTREAM | VERSION_WINDROW => Ok(metadata),
            version => Err(FormatError::Version { at, version }),
        }
    }

    /// The options that the file was written with; `None` if it does not tell them, or not so that they can be
    /// understood.
    #[must_use]
    pub fn parsed_writer_options(&self) -> Option<WriterOptions> {
        let text = self.writer_options.as_deref()?;
        let text = text.strip_suffix(VERSION_2_HINT).unwrap_or(text);
        text.parse().ok()
    }

    /// Whether this is a file of columns: its data chunks are column chunks.
    #[must_use]
    pub fn has_columns(&self) -> bool {
        self.version == VERSION_WINDROW && self.arrow_schema.is_some()
    }

    /// The group size of a file whose first chunk has `first_records` records. A single chunk may be a short one, so
    /// that only the options tell.
    #[must_use]
    pub fn file_group_size(&self, first_records: u64) -> u64 {
        if self.num_chunks > 1 {
            return first_records;
        }
        let options = self.parsed_writer_options();
        let told = options.map_or(1, |options| u64::from(options.group_size()));
        told.max(first_records)
    }

    fn merge(&mut self, mut message: &[u8]) -> Result<(), ()> {
        while !message.is_empty() {
            match take_field(&mut message)? {
                // A 32-bit field: the upper half of a longer varint is dropped.
                (1, Value::Varint(version)) => {
                    self.version = u32::try_from(version & 0xffff_ffff).unwrap_or_default();
                }
                (2, Value::Varint(chunks)) => self.num_chunks = chunks,
                (3, Value::Varint(records)) => self.num_records = records,
                (4, Value::Bytes(options)) => {
                    self.writer_options = Some(String::from_utf8_lossy(options).into_owned());
                }
                // One more than allowed is kept, as the sign that there were too many.
                (USER_METADATA_FIELD, Value::Bytes(pair))
                    if self.user_metadata.len() <= MAX_USER_METADATA_PAIRS =>
                {
                    self.user_metadata.push(parse_pair(pair)?);
                }
                (DICTIONARY_FIELD, Value::Varint(offset))
                    if self.dictionaries.len() <= MAX_DICTIONARIES =>
                {
                    self.dictionaries.push(offset);
                }
                (PAGES_FIELD, Value::Varint(pages)) => self.has_pages = pages != 0,
                (ARROW_SCHEMA_FIELD, Value::Bytes(schema)) => {
                    self.arrow_schema = Some(schema.to_vec());
                }
                (STATISTICS_FIELD, Value::Varint(there)) => self.has_statistics = there != 0,
                _ => {}
            }
        }
        Ok(())
    }

    /// The record's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut inner = Vec::new();
        push_varint_field(&mut inner, 1, u64::from(self.version));
        push_varint_field(&mut inner, 2, self.num_chunks);
        push_varint_field(&mut inner, 3, self.num_records);
        if let Some(options) = &self.writer_options {
            push_bytes_field(&mut inner, 4, options.as_bytes());
        }
        for (key, value) in &self.user_metadata {
            let mut pair = Vec::new();
            push_bytes_field(&mut pair, 1, key.as_bytes());
            push_bytes_field(&mut pair, 2, value);
            push_bytes_field(&mut inner, USER_METADATA_FIELD, &pair);
        }
        for &offset in &self.dictionaries {
            push_varint_field(&mut inner, DICTIONARY_FIELD, offset);
        }
        if self.has_pages {
            push_varint_field(&mut inner, PAGES_FIELD, 1);
        }
        if let Some(schema) = &self.arrow_schema {
            push_bytes_field(&mut inner, ARROW_SCHEMA_FIELD, schema);
        }
        if self.has_statistics {
            push_varint_field(&mut inner, STATISTICS_FIELD, 1);
        }
        let mut record = Vec::new();
        push_bytes_field(&mut record, 1, &inner);
        record
    }
}

fn parse_pair(mut message: &[u8]) -> Result<(String, Vec<u8>), ()> {
    let (mut key, mut value) = (String::new(), Vec::new());
    while !message.is_empty() {
        match take_field(&mut message)? {
            (1, Value::Bytes(bytes)) => key = String::from_utf8_lossy(bytes).into_owned(),
            (2, Value::Bytes(bytes)) => value = bytes.to_vec(),
            _ => {}
        }
    }
    Ok((key, value))
}

/// What a footer says of one data chunk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FooterEntry {
    /// Where the chunk begins in the file.
    pub chunk_offset: u64,
    /// Sum of its records' sizes in bytes.
    pub decoded_bytes: u64,
    /// Its number of records.
    pub num_records: u64,
}

impl FooterEntry {
    /// The three fields in order and nothing else, which is how every writer writes them.
    #[inline]
    pub(crate) fn parse_as_written(message: &[u8]) -> Option<Self> {
        let field = |tag: u8, rest: &mut &[u8]| {
            let (&first, behind) = rest.split_first()?;
            *rest = behind;
            (first == tag).then(|| take_varint(rest)).flatten()
        };
        let mut rest = message;
        let chunk_offset = field(0x08, &mut rest)?;
        let decoded_bytes = field(0x10, &mut rest)?;
        let num_records = field(0x18, &mut rest)?;
        rest.is_empty().then_some(Self {
            chunk_offset,
            decoded_bytes,
            num_records,
        })
    }

    /// Reads one entry; `Err` if it is not a valid message.
    pub(crate) fn parse(mut message: &[u8]) -> Result<Self, ()> {
        let mut entry = Self::default();
        while !message.is_empty() {
            match take_field(&mut message)? {
                (1, Value::Varint(offset)) => entry.chunk_offset = offset,
                (2, Value::Varint(bytes)) => entry.decoded_bytes = bytes,
                (3, Value::Varint(records)) => entry.num_records = records,
                _ => {}
            }
        }
        Ok(entry)
    }

    /// Appends the entry's bytes to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        push_varint_field(out, 1, self.chunk_offset);
        push_varint_field(out, 2, self.decoded_bytes);
        push_varint_field(out, 3, self.num_records);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_round_trip() {
        let metadata = FooterMetadata {
            version: 2,
            num_chunks: 3,
            num_records: 70_000,
            writer_options: Some("group_size:7,".into()),
            user_metadata: vec![("a".into(), vec![0, 255]), ("b".into(), vec![])],
            dictionaries: vec![64, 1 << 40],
            has_pages: true,
            arrow_schema: Some(vec![1, 2, 3]),
            has_statistics: true,
        };
        assert_eq!(
            FooterMetadata::parse(&metadata.encode(), At::byte(9)),
            Ok(metadata)
        );
    }

    #[test]
    fn versions_as_upstream_takes_them() {
        let parse = |inner: &[u8]| {
            let mut record = Vec::new();
            push_bytes_field(&mut record, 1, inner);
            FooterMetadata::parse(&record, At::byte(9)).map(|m| m.version)
        };
        assert_eq!(parse(&[0x08, 0x81, 0x80, 0x80, 0x80, 0x10]), Ok(1)); // 2^32 + 1
        assert_eq!(parse(&[0x08, 2, 0x08, 1]), Ok(1)); // the last one wins
        for (bytes, version) in [(&[][..], 0), (&[0x08, 3], 3)] {
            assert_eq!(
                parse(bytes),
                Err(FormatError::Version {
                    at: At::byte(9),
                    version
                })
            );
        }
        let empty = FooterMetadata::parse(&[], At::byte(9));
        assert_eq!(empty, Err(FormatError::FooterMetadata { at: At::byte(9) }));
    }
}
