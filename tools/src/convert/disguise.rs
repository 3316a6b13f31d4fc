//! Inputs that are not the text they are said to be: compressed files, and text in another encoding.
//!
//! Read as lines, such a file would become records of nonsense without an error.

use std::io;

use super::format::Format;
use super::input::Input;
use super::tfrecord;

/// What an input looks like, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disguise {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Utf16,
    Utf32,
    Utf8Mark,
}

/// First bytes, where `?` stands for a digit from 1 to 9. Those of bzip2 reach into its first block, or into the end
/// of a file without one: `BZh9` alone could be text.
const SIGNATURES: &[(&[u8], Disguise)] = &[
    (b"\x1f\x8b", Disguise::Gzip),
    (b"\x28\xb5\x2f\xfd", Disguise::Zstd),
    (b"BZh?1AY&SY", Disguise::Bzip2),
    (b"BZh?\x17\x72\x45\x38\x50\x90", Disguise::Bzip2),
    (b"\xfd7zXZ\0", Disguise::Xz),
    (b"\xff\xfe", Disguise::Utf16),
    (b"\xfe\xff", Disguise::Utf16),
    (b"\xff\xfe\0\0", Disguise::Utf32),
    (b"\0\0\xfe\xff", Disguise::Utf32),
    (b"\xef\xbb\xbf", Disguise::Utf8Mark),
];

impl Disguise {
    /// What `input`, which should be in `format`, is instead. Nothing of it is taken.
    pub fn of(input: &mut Input, format: Format) -> io::Result<Option<Self>> {
        // Of a pipe, no more is awaited than is needed to tell.
        let undecided = |head: &[u8]| {
            SIGNATURES
                .iter()
                .any(|(bytes, _)| bytes.len() > head.len() && fits(bytes, head))
        };
        let Some(found) = longest(input.peek(undecided)?) else {
            return Ok(None);
        };
        let disguised = match format {
            Format::ArrayRecord
            | Format::Columns
            | Format::Parquet
            | Format::Arrow
            | Format::ArrowStream => false,
            // Binary: a record's length may have the same bytes, but then its checksum is right.
            Format::TfRecord => {
                found.is_compressed()
                    && !tfrecord::begins_well(input.peek(|head| head.len() < tfrecord::HEAD_BYTES)?)
            }
            // The mark says nothing new, and comes out again as it went in. JSON does not allow it.
            Format::Lines | Format::Csv => found != Self::Utf8Mark,
            Format::JsonLines => true,
        };
        Ok(disguised.then_some(found))
    }

    fn is_compressed(self) -> bool {
        matches!(self, Self::Gzip | Self::Zstd | Self::Bzip2 | Self::Xz)
    }

    /// For messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Utf16 => "UTF-16",
            Self::Utf32 => "UTF-32",
            Self::Utf8Mark => "UTF-8 with a byte order mark",
        }
    }

    /// What to do about it, and a command that does it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Gzip => "decompress it first: zcat INPUT",
            Self::Zstd => "decompress it first: zstdcat INPUT",
            Self::Bzip2 => "decompress it first: bzcat INPUT",
            Self::Xz => "decompress it first: xzcat INPUT",
            Self::Utf16 => "make it UTF-8 first: iconv -f UTF-16 -t UTF-8 INPUT",
            Self::Utf32 => "make it UTF-8 first: iconv -f UTF-32 -t UTF-8 INPUT",
            Self::Utf8Mark => "take the mark off first: tail -c +4 INPUT",
        }
    }
}

/// Whether `bytes` and `head` agree as far as both go.
fn fits(bytes: &[u8], head: &[u8]) -> bool {
    bytes
        .iter()
        .zip(head)
        .all(|(&byte, &have)| byte == have || byte == b'?' && (b'1'..=b'9').contains(&have))
}

/// The mark of UTF-32 begins with that of UTF-16.
fn longest(head: &[u8]) -> Option<Disguise> {
    SIGNATURES
        .iter()
        .filter(|(bytes, _)| bytes.len() <= head.len() && fits(bytes, head))
        .max_by_key(|(bytes, _)| bytes.len())
        .map(|&(_, disguise)| disguise)
}
