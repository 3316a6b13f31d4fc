//! Every constant of `format-spec/constants.toml` against the code. The vectors are in `vectors.rs`.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use toml::Value;
use windrow::columnar::constants::{
    BLOCK_VALUES, MAX_BODY_DEPTH, MAX_BOUND_BYTES, MAX_EXPONENT, MAX_PAGE_LOG2, MAX_SCHEMA_DEPTH,
};
use windrow::format::options::{
    BROTLI_AUTO_WINDOW_LOG, DEFAULT_BROTLI_LEVEL, DEFAULT_CHUNK_CACHE_BYTES, DEFAULT_GROUP_SIZE,
    DEFAULT_MAX_BATCH_BYTES, DEFAULT_MAX_CHUNK_BYTES, DEFAULT_MAX_RECORD_BYTES,
    DEFAULT_PAGES_GROUP_SIZE, DEFAULT_PAGES_MAX_GROUP_BYTES, DEFAULT_READAHEAD_BUFFER_BYTES,
    DEFAULT_TRANSPOSE_BUCKET_BYTES, DEFAULT_ZSTD_LEVEL, MAX_FOOTER_PREFETCH_BYTES, MAX_GROUP_SIZE,
    MAX_PARALLELISM, MAX_READAHEAD_BUFFER_BYTES, ZSTD_AUTO_WINDOW_LOG,
};
use windrow::format::{
    ARROW_SCHEMA_FIELD, At, BLOCK_BYTES, BLOCK_HEADER_BYTES, BufferLimits, CHUNK_HEADER_BYTES,
    COLUMN_LAYOUT, CRC_BYTES, ChunkType, CompressionType, Compressor, DICTIONARY_FIELD,
    Decompressor, FieldPath, FooterEntry, FooterMetadata, GUARD_BYTES, HASH_KEY, MAX_CHUNK_RECORDS,
    MAX_DICTIONARIES, MAX_DICTIONARY_BYTES, MAX_FIELD_NUMBER, MAX_USER_METADATA_PAIRS,
    MIN_DICTIONARY_BYTES, MIN_FILE_BYTES, NO_DICTIONARY, PAGES_FIELD, POSTSCRIPT_COPIES,
    POSTSCRIPT_MAGIC, PageCompression, SIGNATURE_BYTES, STATISTICS_FIELD, USABLE_BLOCK_BYTES,
    USER_METADATA_FIELD, VERSION_UPSTREAM, VERSION_WINDROW, encode_postscript, hash,
};
use windrow::{
    Codec, Dictionary, IndexStorage, Layout, Reader, ReaderOptions, SourceName, Store,
    WriterOptions,
};
use windrow_tests::file_builder::{FileBuilder, bytes_field, varint, varint_field};
use windrow_tests::repository;
use windrow_tests::transposed_chunk::{RowNode, buckets_of, decode_data, row_data};
use windrow_tests::written::{uncompressed, write};

/// `table.key` and value, for each key of constants.toml.
static CONSTANTS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let text = repository::read_text("format-spec/constants.toml");
    let tables: toml::Table = toml::from_str(&text).unwrap();
    let mut constants = BTreeMap::new();
    for (table, keys) in tables {
        for (key, value) in keys.as_table().unwrap() {
            constants.insert(format!("{table}.{key}"), value.clone());
        }
    }
    constants
});

/// A number of the table; words beyond a signed integer are text in hex.
fn number(key: &str) -> u64 {
    let value = &CONSTANTS[key];
    value
        .as_integer()
        .and_then(|number| u64::try_from(number).ok())
        .or_else(|| word(value))
        .unwrap_or_else(|| panic!("{key} is no number: {value:?}"))
}

fn word(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

type Check = (&'static str, fn(&Value) -> bool);

fn is(value: &Value, code: impl Into<i128>) -> bool {
    let found = value.as_integer().map(i128::from);
    found.or_else(|| word(value).map(i128::from)) == Some(code.into())
}

fn is_flag(value: &Value, code: bool) -> bool {
    value.as_bool() == Some(code)
}

fn is_chunk_type(value: &Value, code: ChunkType) -> bool {
    value.as_str().map(str::as_bytes) == Some(&[code.to_byte()])
        && ChunkType::from_byte(code.to_byte()) == code
}

fn is_compression(value: &Value, code: CompressionType) -> bool {
    is(value, code.to_byte()) && CompressionType::from_byte(code.to_byte()) == Some(code)
}

/// One check for each key. Those at the end are met by behaviour: the code has no public name for them.
const CHECKS: &[Check] = &[
    ("framing.block_bytes", |v| is(v, BLOCK_BYTES)),
    ("framing.block_header_bytes", |v| is(v, BLOCK_HEADER_BYTES)),
    ("framing.usable_block_bytes", |v| is(v, USABLE_BLOCK_BYTES)),
    ("framing.chunk_header_bytes", |v| is(v, CHUNK_HEADER_BYTES)),
    ("hash.hash_key", |v| {
        let words = v.as_array().unwrap().iter().map(word);
        words.eq(HASH_KEY.map(Some))
    }),
    ("hash.hash_of_nothing", |v| is(v, hash(&[]))),
    ("chunk_types.signature", |v| {
        is_chunk_type(v, ChunkType::Signature)
    }),
    ("chunk_types.metadata", |v| {
        is_chunk_type(v, ChunkType::Metadata)
    }),
    ("chunk_types.padding", |v| {
        is_chunk_type(v, ChunkType::Padding)
    }),
    ("chunk_types.simple", |v| {
        is_chunk_type(v, ChunkType::Simple)
    }),
    ("chunk_types.transposed", |v| {
        is_chunk_type(v, ChunkType::Transposed)
    }),
    ("chunk_types.provisional", |v| {
        is_chunk_type(v, ChunkType::Provisional)
    }),
    ("chunk_types.pages", |v| is_chunk_type(v, ChunkType::Pages)),
    ("chunk_types.dictionary", |v| {
        is_chunk_type(v, ChunkType::Dictionary)
    }),
    ("chunk_types.columns", |v| {
        is_chunk_type(v, ChunkType::Columns)
    }),
    ("chunk_types.schema", |v| {
        is_chunk_type(v, ChunkType::Schema)
    }),
    ("chunk_types.statistics", |v| {
        is_chunk_type(v, ChunkType::Statistics)
    }),
    ("columns.column_layout", |v| is(v, COLUMN_LAYOUT)),
    ("columns.max_page_log2", |v| is(v, MAX_PAGE_LOG2)),
    ("columns.block_values", |v| is(v, BLOCK_VALUES as u64)),
    ("columns.max_body_depth", |v| is(v, MAX_BODY_DEPTH as u64)),
    ("columns.max_decimal_exponent", |v| {
        is(v, MAX_EXPONENT as u64)
    }),
    ("columns.max_bound_bytes", |v| is(v, MAX_BOUND_BYTES as u64)),
    ("columns.max_schema_depth", |v| {
        is(v, MAX_SCHEMA_DEPTH as u64)
    }),
    // Tests of the crate that decodes pages go to these limits and beyond.
    ("columns.dictionary_free_values", |v| is(v, 1_u32 << 16)),
    ("columns.dictionary_values_per_byte", |v| is(v, 128)),
    ("columns.page_free_bytes", |v| is(v, 1_u32 << 16)),
    ("columns.page_bytes_per_value", |v| is(v, 64)),
    ("columns.page_plain_factor", |v| is(v, 2)),
    ("columns.lz4", |v| {
        let byte = PageCompression::Lz4.to_byte();
        is(v, byte)
            && PageCompression::from_byte(byte) == Some(PageCompression::Lz4)
            && CompressionType::from_byte(byte).is_none()
    }),
    ("record_pages.crc_bytes", |v| is(v, CRC_BYTES)),
    ("record_pages.no_dictionary", |v| is(v, NO_DICTIONARY)),
    ("record_pages.min_dictionary_bytes", |v| {
        is(v, MIN_DICTIONARY_BYTES as u64)
            && ends_at(v, -1, |bytes| {
                let bytes = usize::try_from(bytes).unwrap();
                Dictionary::new(vec![7; bytes]).is_ok()
            })
    }),
    ("record_pages.max_dictionary_bytes", |v| {
        is(v, MAX_DICTIONARY_BYTES as u64)
            && ends_at(v, 1, |bytes| {
                let bytes = usize::try_from(bytes).unwrap();
                Dictionary::new(vec![7; bytes]).is_ok()
            })
    }),
    ("record_pages.max_dictionaries", |v| {
        is(v, MAX_DICTIONARIES as u64)
            && ends_at(v, 1, |count| {
                let fields = (0..count).map(|_| varint_field(DICTIONARY_FIELD, 64));
                let fields = [varint_field(1, 2), fields.collect::<Vec<_>>().concat()].concat();
                FooterMetadata::parse(&bytes_field(1, &fields), At::byte(0)).is_ok()
            })
    }),
    ("append.guard_bytes", |v| is(v, GUARD_BYTES)),
    ("compression.none", |v| {
        is_compression(v, CompressionType::None)
    }),
    ("compression.brotli", |v| {
        is_compression(v, CompressionType::Brotli)
    }),
    ("compression.zstd", |v| {
        is_compression(v, CompressionType::Zstd)
    }),
    ("compression.snappy", |v| {
        is_compression(v, CompressionType::Snappy)
    }),
    ("compression.zstd_window_log_default", |v| {
        is(v, ZSTD_AUTO_WINDOW_LOG) && is(v, zstd().effective_window_log().unwrap())
    }),
    ("compression.zstd_window_log_min", |v| {
        is(v, window_logs(&zstd())[0])
    }),
    ("compression.zstd_window_log_max", |v| {
        is(v, *window_logs(&zstd()).last().unwrap())
    }),
    ("compression.brotli_window_log_default", |v| {
        is(v, BROTLI_AUTO_WINDOW_LOG) && is(v, brotli().effective_window_log().unwrap())
    }),
    ("compression.brotli_window_log_min", |v| {
        is(v, window_logs(&brotli())[0])
    }),
    ("compression.brotli_window_log_max", |v| {
        is(v, *window_logs(&brotli()).last().unwrap())
    }),
    ("transposed.no_op_node", |_| nodes_have_these_numbers()),
    ("transposed.non_proto_node", |_| nodes_have_these_numbers()),
    ("transposed.submessage_start_node", |_| {
        nodes_have_these_numbers()
    }),
    ("transposed.message_start_node", |_| {
        nodes_have_these_numbers()
    }),
    ("transposed.submessage_end_wire_type", |_| {
        nodes_have_these_numbers()
    }),
    ("transposed.inline_varint_subtype", |v| {
        // One less is the longest varint, from a buffer of which the top bits were left out.
        let longest = [vec![0x7f; 9], vec![1]].concat();
        let record = [vec![8], vec![0xff; 9], vec![1]].concat();
        let below = u64::try_from(v.as_integer().unwrap()).unwrap() - 1;
        nodes_have_these_numbers() && number_field(below, Some(longest)) == Ok(record)
    }),
    ("transposed.max_varint_subtype", |v| {
        ends_at(v, 1, |subtype| {
            number_field(u64::try_from(subtype).unwrap(), None).is_ok()
        })
    }),
    ("transposed.max_text_size_bytes", |v| {
        // The size 1 in ever more bytes.
        ends_at(v, 1, |bytes| {
            let bytes = usize::try_from(bytes).unwrap();
            let long = [vec![0x81], vec![0x80; bytes - 2], vec![0, b'a']].concat();
            let text = RowNode {
                tag: 0x0a,
                subtype: None,
                buffer: Some(long.clone()),
            };
            let nodes = [text, start_of_message()];
            let decoded = decode_data(&row_data(&nodes, None), 1, 1 + long.len() as u64);
            decoded == Ok(vec![[vec![0x0a], long].concat()])
        })
    }),
    ("transposed.max_field_number", |v| {
        is(v, MAX_FIELD_NUMBER)
            && ends_at(v, 1, |number| {
                let number = u32::try_from(number).unwrap();
                FieldPath::new(&[number]).is_ok()
            })
    }),
    ("transposed.max_nesting", |v| {
        ends_at(v, 1, |depth| {
            let nest = |message: Vec<u8>, _| bytes_field(1, &message);
            let record = (0..depth).fold(varint_field(1, 1), nest);
            buckets_of(&record) == 0
        })
    }),
    ("transposed.max_inline_varint", |v| {
        ends_at(v, 1, |number| {
            buckets_of(&varint_field(1, u64::try_from(number).unwrap())) == 0
        })
    }),
    ("array_record.data_begin", |v| {
        is(v, SIGNATURE_BYTES) && is(v, FileBuilder::new().position())
    }),
    ("array_record.min_file_bytes", |v| is(v, MIN_FILE_BYTES)),
    ("array_record.postscript_magic", |v| is(v, POSTSCRIPT_MAGIC)),
    ("array_record.postscript_copies", |v| {
        is(v, POSTSCRIPT_COPIES)
    }),
    ("array_record.array_record_version", |v| {
        is(v, VERSION_UPSTREAM)
    }),
    ("array_record.windrow_version", |v| is(v, VERSION_WINDROW)),
    ("extensions.user_metadata_field", |v| {
        is(v, USER_METADATA_FIELD)
    }),
    ("extensions.dictionary_offset_field", |v| {
        is(v, DICTIONARY_FIELD) && metadata_has_these_fields()
    }),
    ("extensions.has_pages_field", |v| {
        is(v, PAGES_FIELD) && metadata_has_these_fields()
    }),
    ("extensions.arrow_schema_field", |v| {
        is(v, ARROW_SCHEMA_FIELD) && metadata_has_these_fields()
    }),
    ("extensions.has_statistics_field", |v| {
        is(v, STATISTICS_FIELD) && metadata_has_these_fields()
    }),
    // The first number that may be used is in use.
    ("extensions.extension_field_first", |v| {
        is(v, USER_METADATA_FIELD)
    }),
    ("extensions.version_2_hint", |v| {
        let options = uncompressed(2).with_max_group_bytes(Some(1));
        let bytes = write(&[b"a".to_vec(), b"b".to_vec(), vec![]], options.clone());
        let reader = Reader::from_bytes(bytes, ReaderOptions::new()).unwrap();
        let hint = reader
            .writer_options_string()
            .and_then(|text| text.strip_prefix(&options.to_string()));
        v.as_str() == hint
    }),
    ("writer_defaults.default_group_size", |v| {
        is(v, DEFAULT_GROUP_SIZE) && is(v, WriterOptions::new().group_size())
    }),
    ("writer_defaults.default_pages_group_size", |v| {
        is(v, DEFAULT_PAGES_GROUP_SIZE) && is(v, pages().group_size())
    }),
    ("writer_defaults.default_pages_max_group_bytes", |v| {
        is(v, DEFAULT_PAGES_MAX_GROUP_BYTES) && is(v, pages().max_group_bytes().unwrap())
    }),
    ("writer_defaults.default_layout", |v| {
        v.as_str() == Some(WriterOptions::new().layout().name())
    }),
    ("writer_defaults.default_dictionary", |v| {
        let options = format!("layout:pages,dictionary:{}", v.as_str().unwrap());
        options.parse::<WriterOptions>().unwrap() == pages()
    }),
    ("writer_defaults.default_zstd_level", |v| {
        let level = DEFAULT_ZSTD_LEVEL;
        is(v, level) && zstd().codec() == Codec::Zstd { level }
    }),
    ("writer_defaults.default_brotli_level", |v| {
        let level = DEFAULT_BROTLI_LEVEL;
        is(v, level) && brotli().codec() == Codec::Brotli { level }
    }),
    ("writer_defaults.default_transpose", |v| {
        is_flag(v, WriterOptions::new().transpose())
    }),
    ("writer_defaults.default_transpose_bucket_bytes", |v| {
        let bytes = WriterOptions::new().transpose_bucket_bytes();
        is(v, DEFAULT_TRANSPOSE_BUCKET_BYTES) && is(v, bytes)
    }),
    ("writer_defaults.default_pad_to_block_boundary", |v| {
        is_flag(v, WriterOptions::new().pad_to_block_boundary())
    }),
    ("writer_defaults.default_atomic", |v| {
        is_flag(v, WriterOptions::new().atomic())
    }),
    ("writer_ranges.max_group_size", |v| is(v, MAX_GROUP_SIZE)),
    ("writer_ranges.min_zstd_level", |v| {
        ends_at(v, -1, |level| zstd_level(level).validate().is_ok())
    }),
    ("writer_ranges.max_zstd_level", |v| {
        ends_at(v, 1, |level| zstd_level(level).validate().is_ok())
    }),
    ("writer_ranges.min_brotli_level", |v| {
        // Below it no level can be said.
        is(v, 0) && brotli_level(0).validate().is_ok()
    }),
    ("writer_ranges.max_brotli_level", |v| {
        ends_at(v, 1, |level| brotli_level(level).validate().is_ok())
    }),
    ("writer_ranges.max_parallelism_max", |v| {
        is(v, MAX_PARALLELISM)
            && ends_at(v, 1, |jobs| {
                let jobs = u32::try_from(jobs).ok();
                let writer = WriterOptions::new().with_max_parallelism(jobs);
                let reader = ReaderOptions::new().with_max_parallelism(jobs);
                writer.validate().is_ok() && reader.validate().is_ok()
            })
    }),
    ("reader_defaults.default_footer_prefetch_bytes", |v| {
        is(v, first_read_of_a_large_file())
    }),
    ("reader_defaults.default_index_storage", |v| {
        let key = windrow::READER_KEYS
            .iter()
            .find(|key| key.name == "index_storage_option");
        ReaderOptions::new().index_storage() == IndexStorage::InMemory
            && v.as_str() == key.map(|key| key.default)
    }),
    ("reader_defaults.default_chunk_cache_bytes", |v| {
        let bytes = ReaderOptions::new().chunk_cache_bytes();
        is(v, DEFAULT_CHUNK_CACHE_BYTES) && is(v, bytes)
    }),
    ("reader_ranges.max_readahead_buffer_bytes", |v| {
        is(v, MAX_READAHEAD_BUFFER_BYTES)
            && ends_at(v, 1, |bytes| {
                let bytes = u64::try_from(bytes).ok();
                let options = ReaderOptions::new().with_readahead_buffer_bytes(bytes);
                options.validate().is_ok()
            })
    }),
    ("reader_ranges.max_footer_prefetch_bytes", |v| {
        is(v, MAX_FOOTER_PREFETCH_BYTES)
            && ends_at(v, 1, |bytes| {
                let bytes = u64::try_from(bytes).ok();
                let options = ReaderOptions::new().with_footer_prefetch_bytes(bytes);
                options.validate().is_ok()
            })
    }),
    ("limits.max_user_metadata_pairs", |v| {
        is(v, MAX_USER_METADATA_PAIRS as u64)
    }),
    ("limits.max_chunk_records", |v| is(v, MAX_CHUNK_RECORDS)),
    ("limits.default_max_chunk_bytes", |v| {
        let bytes = ReaderOptions::new().max_chunk_bytes();
        let plain = windrow::format::Limits::default().max_chunk_bytes;
        is(v, DEFAULT_MAX_CHUNK_BYTES) && is(v, bytes) && is(v, plain)
    }),
    ("limits.default_max_record_bytes", |v| {
        let bytes = ReaderOptions::new().max_record_bytes();
        let plain = windrow::format::Limits::default().max_record_bytes;
        is(v, DEFAULT_MAX_RECORD_BYTES) && is(v, bytes) && is(v, plain)
    }),
    ("limits.default_max_batch_bytes", |v| {
        is(v, DEFAULT_MAX_BATCH_BYTES) && is(v, ReaderOptions::new().max_batch_bytes())
    }),
    ("framing.max_varint_bytes", |v| {
        let longest = usize::try_from(v.as_integer().unwrap()).unwrap();
        // The number 1 in ever more bytes, as a version.
        let with_bytes = |bytes: usize| {
            let long = [vec![0x81], vec![0x80; bytes - 2], vec![0]].concat();
            let field = [varint(number("metadata_message.version_field") << 3), long].concat();
            FooterMetadata::parse(&bytes_field(1, &field), At::byte(0)).is_ok()
        };
        varint(u64::MAX).len() == longest && with_bytes(longest) && !with_bytes(longest + 1)
    }),
    ("compression.zstd_block_bytes", |v| {
        is(v, most_plausible(CompressionType::Zstd, 0))
    }),
    ("compression.zstd_block_min_stored_bytes", |v| {
        let most = |stored| most_plausible(CompressionType::Zstd, stored);
        let stored = u64::try_from(v.as_integer().unwrap()).unwrap();
        most(stored) == 2 * most(0) && most(stored - 1) == most(0)
    }),
    ("compression.snappy_max_ratio", |v| {
        is(v, most_plausible(CompressionType::Snappy, 10) / 10)
    }),
    ("compression.brotli_window_log_standard_max", |v| {
        // The large-window form begins with this byte, which says nothing else in the standard form.
        let large = |log: i128| {
            // A smaller input gets a smaller window. The stream begins behind four bytes of size.
            let (codec, input) = (Codec::Brotli { level: 0 }, vec![0; 33 << 20]);
            let mut out = Vec::new();
            let window_log = u32::try_from(log).ok();
            Compressor::new()
                .compress_into(codec, window_log, &input, &mut out)
                .unwrap();
            out[4] == 0x11
        };
        ends_at(v, 1, |log| !large(log))
    }),
    ("array_record.max_group_depth", |v| {
        ends_at(v, 1, |depth| {
            let depth = usize::try_from(depth).unwrap();
            let record = [
                bytes_field(1, &varint_field(1, 1)),
                vec![0x13; depth],
                vec![0x14; depth],
            ]
            .concat();
            FooterMetadata::parse(&record, At::byte(0)).is_ok()
        })
    }),
    ("metadata_message.array_record_metadata_field", |_| {
        metadata_has_these_fields()
    }),
    ("metadata_message.version_field", |_| {
        metadata_has_these_fields()
    }),
    ("metadata_message.num_chunks_field", |_| {
        metadata_has_these_fields()
    }),
    ("metadata_message.num_records_field", |_| {
        metadata_has_these_fields()
    }),
    ("metadata_message.writer_options_field", |_| {
        metadata_has_these_fields()
    }),
    ("extensions.user_metadata_key_field", |_| {
        metadata_has_these_fields()
    }),
    ("extensions.user_metadata_value_field", |_| {
        metadata_has_these_fields()
    }),
    ("entry_message.chunk_offset_field", |_| {
        entry_has_these_fields()
    }),
    ("entry_message.decoded_data_size_field", |_| {
        entry_has_these_fields()
    }),
    ("entry_message.num_records_field", |_| {
        entry_has_these_fields()
    }),
    ("postscript_message.footer_offset_field", |_| {
        postscript_has_these_fields()
    }),
    ("postscript_message.magic_field", |_| {
        postscript_has_these_fields()
    }),
    ("reader_defaults.default_readahead_buffer_bytes", |v| {
        ReaderOptions::new().readahead_buffer_bytes().is_none()
            && is(v, DEFAULT_READAHEAD_BUFFER_BYTES)
    }),
    (
        "reader_defaults.default_readahead_buffer_bytes_upstream",
        |v| {
            // What stands in for upstream has to ask for it by this string.
            let options: ReaderOptions = "readahead_buffer_size:0".parse().unwrap();
            is(v, options.readahead_buffer_bytes().unwrap())
        },
    ),
];

fn zstd() -> WriterOptions {
    "zstd".parse().unwrap()
}

fn brotli() -> WriterOptions {
    "brotli".parse().unwrap()
}

fn pages() -> WriterOptions {
    WriterOptions::new().with_layout(Layout::Pages)
}

fn zstd_level(level: i128) -> WriterOptions {
    let level = i32::try_from(level).unwrap();
    WriterOptions::new().with_codec(Codec::Zstd { level })
}

fn brotli_level(level: i128) -> WriterOptions {
    let level = u32::try_from(level).unwrap();
    WriterOptions::new().with_codec(Codec::Brotli { level })
}

fn window_logs(options: &WriterOptions) -> Vec<u32> {
    let valid = |log: &u32| {
        options
            .clone()
            .with_window_log(Some(*log))
            .validate()
            .is_ok()
    };
    (0..100).filter(valid).collect()
}

/// Whether the value is the last that is good, and the next one in the direction of `step` is not.
fn ends_at(value: &Value, step: i128, good: impl Fn(i128) -> bool) -> bool {
    let last = i128::from(value.as_integer().unwrap());
    good(last) && !good(last + step)
}

/// The largest decoded size that a stream of `stored` bytes may claim.
fn most_plausible(compression: CompressionType, stored: u64) -> u64 {
    let is_plausible = |declared: u64| {
        let stream = vec![0xee; usize::try_from(stored).unwrap()];
        let buffer = [varint(declared), stream].concat();
        let limits = BufferLimits {
            exact: None,
            max: u64::MAX,
            limit: u64::MAX,
            option: "max_chunk_bytes",
            what: "values",
            at: At::byte(0),
        };
        let mut out = Vec::new();
        let decoded = Decompressor::new().decompress_into(compression, &buffer, &limits, &mut out);
        decoded.unwrap_err().code() != "implausible_size"
    };
    let (mut below, mut above) = (1, 1 << 30);
    assert!(is_plausible(below) && !is_plausible(above));
    while above - below > 1 {
        let middle = below.midpoint(above);
        if is_plausible(middle) {
            below = middle;
        } else {
            above = middle;
        }
    }
    below
}

fn start_of_message() -> RowNode {
    RowNode::plain(number("transposed.message_start_node"))
}

/// Two records that need a node of each kind: one that is no message, and a message in a message.
fn nodes_have_these_numbers() -> bool {
    let plain = |name: &str| RowNode::plain(number(&format!("transposed.{name}")));
    let nodes = [
        RowNode {
            buffer: Some(b"no".to_vec()),
            ..plain("non_proto_node")
        },
        plain("no_op_node"),
        RowNode::plain(1 << 3 | number("transposed.submessage_end_wire_type")),
        RowNode {
            tag: 2 << 3,
            subtype: Some(number("transposed.inline_varint_subtype") + 5),
            buffer: None,
        },
        plain("submessage_start_node"),
        start_of_message(),
    ];
    let records = [b"\x0a\x02\x10\x05".to_vec(), b"no".to_vec()];
    decode_data(&row_data(&nodes, Some(&[2])), 2, 6) == Ok(records.to_vec())
}

/// A record whose field 1 is a number of this subtype.
fn number_field(subtype: u64, buffer: Option<Vec<u8>>) -> Result<Vec<u8>, &'static str> {
    let bytes = 1 + buffer.as_ref().map_or(1, Vec::len);
    let node = RowNode {
        tag: 1 << 3,
        subtype: Some(subtype),
        buffer,
    };
    let data = row_data(&[node, start_of_message()], None);
    match decode_data(&data, 1, bytes as u64) {
        Ok(records) => Ok(records.concat()),
        Err(error) => Err(error.code()),
    }
}

fn metadata_has_these_fields() -> bool {
    let field = |name: &str| number(&format!("metadata_message.{name}"));
    let pair = [
        bytes_field(number("extensions.user_metadata_key_field"), b"key"),
        bytes_field(number("extensions.user_metadata_value_field"), b"value"),
    ]
    .concat();
    let fields = [
        varint_field(field("version_field"), 2),
        varint_field(field("num_chunks_field"), 300),
        varint_field(field("num_records_field"), 70_000),
        bytes_field(field("writer_options_field"), b"options"),
        bytes_field(number("extensions.user_metadata_field"), &pair),
        varint_field(number("extensions.dictionary_offset_field"), 64),
        varint_field(number("extensions.has_pages_field"), 1),
        bytes_field(number("extensions.arrow_schema_field"), b"schema"),
        varint_field(number("extensions.has_statistics_field"), 1),
    ]
    .concat();
    let record = bytes_field(field("array_record_metadata_field"), &fields);
    let metadata = FooterMetadata {
        version: 2,
        num_chunks: 300,
        num_records: 70_000,
        writer_options: Some("options".to_owned()),
        user_metadata: vec![("key".to_owned(), b"value".to_vec())],
        dictionaries: vec![64],
        has_pages: true,
        arrow_schema: Some(b"schema".to_vec()),
        has_statistics: true,
    };
    metadata.encode() == record && FooterMetadata::parse(&record, At::byte(0)) == Ok(metadata)
}

fn entry_has_these_fields() -> bool {
    let field = |name: &str| number(&format!("entry_message.{name}"));
    let entry = FooterEntry {
        chunk_offset: 65_600,
        decoded_bytes: 7,
        num_records: 300,
    };
    let mut record = Vec::new();
    entry.encode(&mut record);
    record
        == [
            varint_field(field("chunk_offset_field"), 65_600),
            varint_field(field("decoded_data_size_field"), 7),
            varint_field(field("num_records_field"), 300),
        ]
        .concat()
}

fn postscript_has_these_fields() -> bool {
    let field = |name: &str| number(&format!("postscript_message.{name}"));
    let message = [
        varint_field(field("footer_offset_field"), 65_600),
        varint_field(
            field("magic_field"),
            number("array_record.postscript_magic"),
        ),
    ]
    .concat();
    encode_postscript(65_600) == message
}

/// A file in memory that notes how many bytes the first read asks for.
struct FirstRead(Vec<u8>, Arc<AtomicU64>);

impl Store for FirstRead {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let _ =
            self.1
                .compare_exchange(0, buffer.len() as u64, Ordering::Relaxed, Ordering::Relaxed);
        self.0.read_exact_at(buffer, offset)
    }
}

fn first_read_of_a_large_file() -> u64 {
    let bytes = write(&[vec![7; 3 << 20]], uncompressed(1));
    let first = Arc::new(AtomicU64::new(0));
    let store = FirstRead(bytes, Arc::clone(&first));
    Reader::from_store(store, SourceName::MEMORY, ReaderOptions::new()).unwrap();
    first.load(Ordering::Relaxed)
}

#[test]
fn each_constant_is_that_of_the_code() {
    let mut checked = BTreeMap::new();
    let mut wrong = Vec::new();
    for (key, check) in CHECKS {
        assert!(checked.insert(*key, ()).is_none(), "{key} is checked twice");
        match CONSTANTS.get(*key) {
            Some(value) if check(value) => {}
            Some(value) => wrong.push(format!("{key} = {value:?} is not what the code does")),
            None => wrong.push(format!("{key} is not in the table")),
        }
    }
    for (key, value) in CONSTANTS.iter() {
        let is_page = key.ends_with(".page");
        if is_page {
            let page = value.as_str().unwrap();
            assert!(
                repository::path("format-spec").join(page).is_file(),
                "{page}"
            );
        } else if !checked.contains_key(key.as_str()) {
            wrong.push(format!("{key} has no check"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
