//! The tables of keys: parsing, error texts, help texts and language bindings all read them.

/// One key of an option string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Key {
    /// Name in the string and in messages.
    pub name: &'static str,
    /// Other names that mean the same.
    pub aliases: &'static [&'static str],
    /// What the value may be, as error messages print it. `(empty)` means that the key may stand
    /// alone.
    pub values: &'static str,
    /// What holds without the key; for a codec with levels, the level of the bare key. Empty if
    /// there is no such value.
    pub default: &'static str,
    /// What the option does, in one line.
    pub doc: &'static str,
}

pub(super) const POSITIVE: &str = "integers in the range [1..2147483647]";
pub(super) const AUTO_OR_POSITIVE: &str = "auto, integers in the range [1..2147483647]";
pub(super) const AUTO_OR_COUNT: &str = "auto, integers in the range [0..2147483647]";
pub(super) const FLAG: &str = "(empty), true, false";
pub(super) const BROTLI_LEVEL: &str = "(empty), integers in the range [0..11]";
pub(super) const ZSTD_LEVEL: &str = "(empty), integers in the range [-131072..22]";
pub(super) const SNAPPY_LEVEL: &str = "(empty), integers in the range [1..2]";
pub(super) const ZSTD_WINDOW_LOG: &str = "auto, integers in the range [10..31]";
pub(super) const BROTLI_WINDOW_LOG: &str = "auto, integers in the range [10..30]";
pub(super) const AUTO_OR_POSITIVE_BYTES: &str = "auto, integers expressed as reals with optional suffix [BkKMGTPE], \
     in the range [1..18446744073709551615]";
pub(super) const LAYOUT: &str = "groups, pages";
pub(super) const DICTIONARY: &str = "off, auto, integers expressed as reals with optional suffix [BkKMGTPE], \
     in the range [256..16777216]";
pub(super) const POSITIVE_BYTES: &str = "integers in the range [1..18446744073709551615]";
pub(super) const NONE_OR_POSITIVE_BYTES: &str =
    "none, integers in the range [1..18446744073709551615]";
pub(super) const AUTO_OR_GIB: &str = "auto, integers expressed as reals with optional suffix [BkKMGTPE], \
     in the range [0..1073741824]";

/// The keys of [`WriterOptions`](super::WriterOptions), in the order in which messages list them.
pub const WRITER_KEYS: &[Key] = &[
    Key {
        name: "default",
        aliases: &[],
        values: "anything",
        default: "",
        doc: "changes nothing; must be the first key, its value is ignored",
    },
    Key {
        name: "group_size",
        aliases: &[],
        values: POSITIVE,
        default: "1",
        doc: "records per chunk; with layout:pages 1024, unless given",
    },
    Key {
        name: "max_parallelism",
        aliases: &[],
        values: AUTO_OR_POSITIVE,
        default: "auto",
        doc: "chunks compressed at the same time; auto is the number of processors",
    },
    Key {
        name: "saturation_delay_ms",
        aliases: &[],
        values: POSITIVE,
        default: "10",
        doc: "accepted for compatibility, without effect",
    },
    Key {
        name: "transpose",
        aliases: &[],
        values: FLAG,
        default: "false",
        doc: "store the fields of protocol buffer records column by column; the bare key means true",
    },
    Key {
        name: "transpose_bucket_size",
        aliases: &[],
        values: AUTO_OR_POSITIVE_BYTES,
        default: "256",
        doc: "bytes of a column that are compressed together, with transpose",
    },
    Key {
        name: "uncompressed",
        aliases: &[],
        values: "(empty)",
        default: "",
        doc: "store records as they are",
    },
    Key {
        name: "brotli",
        aliases: &[],
        values: BROTLI_LEVEL,
        default: "6",
        doc: "compress by Brotli at this level",
    },
    Key {
        name: "zstd",
        aliases: &[],
        values: ZSTD_LEVEL,
        default: "3",
        doc: "compress by Zstandard at this level; the codec if no other is named",
    },
    Key {
        name: "snappy",
        aliases: &[],
        values: SNAPPY_LEVEL,
        default: "",
        doc: "compress by Snappy; the level is ignored",
    },
    Key {
        name: "window_log",
        aliases: &[],
        values: ZSTD_WINDOW_LOG,
        default: "auto",
        doc: "binary logarithm of the match window in bytes; auto is 20 for zstd, 22 for brotli, whose limit is 30",
    },
    Key {
        name: "pad_to_block_boundary",
        aliases: &[],
        values: FLAG,
        default: "false",
        doc: "start every chunk at a multiple of 64 KiB; the bare key means false",
    },
    Key {
        name: "layout",
        aliases: &[],
        values: LAYOUT,
        default: "groups",
        doc: "groups: the records of a chunk are compressed together, as array_record reads them; pages: each by itself, \
            so that one is read without its neighbours, by Windrow only",
    },
    Key {
        name: "dictionary",
        aliases: &[],
        values: DICTIONARY,
        default: "off",
        doc: "with layout:pages and zstd, train a dictionary on the first 16 MiB of records: auto keeps one that pays, \
            a size one of at most so many bytes",
    },
];

/// The keys of [`ReaderOptions`](super::ReaderOptions), in the order in which messages list them.
pub const READER_KEYS: &[Key] = &[
    Key {
        name: "max_parallelism",
        aliases: &[],
        values: AUTO_OR_COUNT,
        default: "auto",
        doc: "chunks decoded at the same time; auto is the number of processors, 0 decodes on the calling thread",
    },
    Key {
        name: "readahead_buffer_size",
        aliases: &[],
        values: AUTO_OR_GIB,
        default: "auto",
        doc: "decoded bytes kept ahead of a sequential read; 0 keeps one chunk per worker",
    },
    Key {
        name: "index_storage_option",
        aliases: &[],
        values: "(empty), in_memory, offloaded",
        default: "in_memory",
        doc: "keep the chunk index in memory, or read it from the file when it is needed",
    },
    Key {
        name: "footer_prefetch_bytes",
        aliases: &[],
        values: AUTO_OR_GIB,
        default: "auto",
        doc: "bytes read from the end of the file at open, to get the footer in one read; auto is 1 MiB",
    },
];
