//! `column_chunk_any_bytes`: any pages and any front as a column chunk of one of some schemas, with checksums that fit.
//!
//! An input is the number of a schema, a byte of flags, the number of rows and of decoded bytes, and for each node its
//! front and its pages. They are read whole, verified and not, in all forms of text, and in part.

#[allow(clippy::cast_possible_truncation, missing_docs, dead_code)]
#[path = "../../crates/windrow-columnar/tests/forge/mod.rs"]
mod forge;
#[allow(
    clippy::cast_possible_truncation,
    clippy::manual_is_multiple_of,
    missing_docs,
    dead_code
)]
#[path = "../../crates/windrow-columnar/tests/random/mod.rs"]
mod random;

use std::sync::{Arc, LazyLock};

use arrow_array::{Array, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use windrow::Codec;
use windrow::format::{Limits, PageCodec};
use windrow_columnar::{ColumnSchema, EncodeOptions, Profile, Strings};
use windrow_tests::hostile::push_varint;

use crate::input::{Input, push_bytes};
use crate::memory::within;
use forge::{Asked, Forged, ForgedNode, Sealed};

/// Small, so that a few bytes that claim more are soon found.
const LIMITS: Limits = Limits {
    max_chunk_bytes: 1 << 17,
    max_record_bytes: 1 << 17,
};
/// Bytes that one decoded byte may cost: run ends of single bytes are the worst.
const BYTES_PER_DECODED_BYTE: u64 = 64;
const SLACK_BYTES: u64 = 3 << 20;
/// Nodes have at most so many pages here.
const MOST_PAGES: usize = 64;

const CODES: [&str; 14] = [
    "column_front",
    "column_version",
    "page",
    "utf8",
    "crc",
    "limit",
    "truncated",
    "varint",
    "implausible_size",
    "decoded_size",
    "decompress",
    "trailing_bytes",
    "compression_type",
    "codec_missing",
];

static SCHEMAS: LazyLock<Vec<ColumnSchema>> = LazyLock::new(|| {
    use DataType::*;
    let item = |data_type| Arc::new(Field::new("item", data_type, true));
    let both = |a, b| {
        Struct(Fields::from(vec![
            Field::new("a", a, true),
            Field::new("b", b, true),
        ]))
    };
    let pairs = Struct(Fields::from(vec![
        Field::new("keys", Utf8, false),
        Field::new("values", Int32, true),
    ]));
    let runs = |ends, values| {
        RunEndEncoded(
            Arc::new(Field::new("run_ends", ends, false)),
            Arc::new(Field::new("values", values, true)),
        )
    };
    let code = |key, values| Dictionary(Box::new(key), Box::new(values));
    let types: Vec<Vec<DataType>> = vec![
        vec![Int8, UInt16, Int32],
        vec![Int64, Timestamp(TimeUnit::Microsecond, None)],
        vec![Float32, Float64, Float16],
        vec![Utf8],
        vec![Utf8View, BinaryView],
        vec![LargeBinary, LargeUtf8],
        vec![Boolean, Null, FixedSizeBinary(0)],
        vec![Decimal128(30, 4), Decimal256(60, 5), FixedSizeBinary(5)],
        vec![List(item(Int32)), LargeList(item(Utf8))],
        vec![ListView(item(Utf8)), LargeListView(item(List(item(UInt8))))],
        vec![FixedSizeList(item(Int16), 3), FixedSizeList(item(Utf8), 0)],
        vec![both(Int32, Utf8), both(List(item(Boolean)), Null)],
        vec![Map(Arc::new(Field::new("entries", pairs, false)), false)],
        vec![code(Int8, Utf8), code(UInt32, Int64)],
        vec![
            code(Int32, both(Utf8, Float64)),
            List(item(code(Int16, Utf8))),
        ],
        vec![
            runs(Int16, Int8),
            runs(Int32, Utf8),
            List(item(runs(Int32, Int64))),
        ],
    ];
    let schema = |types: Vec<DataType>| {
        let fields = (0..)
            .zip(types)
            .map(|(number, data_type)| Field::new(format!("c{number}"), data_type, true));
        forge::schema_of(Arc::new(Schema::new(fields.collect::<Fields>())))
    };
    types.into_iter().map(schema).collect()
});

/// Runs the target.
///
/// # Panics
/// If the whole is sound and a part is not, or gives other rows; if arrays are not valid, a code is not one of the
/// specification's, or a call takes more memory than it may.
pub fn run(input: &[u8]) {
    let size = input.len() as u64;
    let mut input = Input::new(input);
    let schema = &SCHEMAS[input.below(SCHEMAS.len())];
    let flags = input.byte();
    let forged = forged(schema, &mut input);
    let sealed = forged.seal();
    let most = SLACK_BYTES + BYTES_PER_DECODED_BYTE * LIMITS.max_chunk_bytes + 16 * size;
    let Ok(front) = within("front", most, || {
        forge::parse_front(schema, &sealed, &LIMITS).map_err(|error| known(error.code()))
    }) else {
        return;
    };
    let rows = front.rows();
    // Nothing but a column without values has more.
    if rows > 1 << 20 {
        return;
    }
    let outcome = |asked: &Asked| {
        within("read", most, || {
            // What is known of shared pages comes anew each time.
            let front = forge::parse_front(schema, &sealed, &LIMITS).expect("it was parsed before");
            forge::read(schema, &front, &sealed, asked).map_err(|error| known(error.code()))
        })
    };
    let mut asked = Asked::whole(schema, rows);
    let whole = outcome(&asked);
    asked.verified = true;
    asked.strings = [
        Strings::AsWritten,
        Strings::Plain,
        Strings::Large,
        Strings::View,
    ][usize::from(flags & 3)];
    let verified = outcome(&asked);
    assert_eq!(whole.is_ok(), verified.is_ok(), "{whole:?} {verified:?}");
    asked.strings = Strings::AsWritten;
    asked.verified = flags & 4 != 0;
    let step = 1 + u64::from(flags >> 4);
    let begin = rows * u64::from(flags >> 3 & 7) / 8;
    asked.rows = if flags & 8 == 0 {
        std::iter::once(begin..rows).collect()
    } else {
        (0..rows.min(2000))
            .filter(|row| row % step == 0)
            .map(|row| row..row + 1)
            .collect()
    };
    let part = outcome(&asked);
    let Ok(whole) = whole else { return };
    let part = part.expect("what is sound as a whole is so in part");
    let places = UInt64Array::from_iter_values(asked.rows.iter().cloned().flatten());
    for (got, whole) in part.columns().iter().zip(whole.columns()) {
        let expected = random::taken(whole, &places);
        // Arrow's kernels lose the number of values that take no bytes.
        let is_known = expected.len() == places.len();
        if is_known && got.as_ref() != expected.as_ref() {
            assert_eq!(&random::plain(got), &random::plain(&expected));
        }
    }
}

fn known(code: &'static str) -> &'static str {
    assert!(CODES.contains(&code), "{code}");
    code
}

fn forged(schema: &ColumnSchema, input: &mut Input<'_>) -> Forged {
    let mut forged = Forged::new(schema, input.number(), Vec::new());
    forged.decoded_bytes = input.number();
    while !input.is_empty() {
        let mut node = ForgedNode::new(input.number(), Vec::new()).with_nulls(input.number());
        let flags = input.byte();
        node.page_log2 = flags & 31;
        node.has_shared = flags >> 5 & 1;
        node.compression = input.byte();
        let count = input.below(MOST_PAGES);
        let pages = (0..count).map(|_| input.bytes().to_vec()).collect();
        node.pages.clear();
        // Compressed here, or as they are.
        if flags & 128 == 0 {
            node.pages = pages;
        } else {
            node.stored = pages;
        }
        forged.nodes.push(node);
    }
    forged
}

/// The input of a sound chunk.
fn input_of(schema: usize, flags: u8, forged: &Forged) -> Vec<u8> {
    let mut out = Vec::new();
    push_varint(&mut out, schema as u64);
    out.push(flags);
    push_varint(&mut out, forged.rows);
    push_varint(&mut out, forged.decoded_bytes);
    for node in &forged.nodes {
        push_varint(&mut out, node.len);
        push_varint(&mut out, node.nulls);
        out.push(node.page_log2 | node.has_shared << 5);
        out.push(node.compression);
        push_varint(&mut out, node.pages.len() as u64);
        for page in &node.pages {
            push_bytes(&mut out, page);
        }
    }
    out
}

/// Sound chunks of all schemas.
#[must_use]
pub(crate) fn inputs() -> Vec<(String, Vec<u8>)> {
    let mut inputs = Vec::new();
    for (number, schema) in SCHEMAS.iter().enumerate() {
        for seed in 0..4_u8 {
            let mut random = random::Random(u64::from(seed) * 100 + number as u64);
            let rows = [3, 40, 300, 1100][usize::from(seed)];
            let fields = schema.arrow().fields().iter();
            let arrays = fields.map(|field| match field.data_type() {
                // Run ends of all sizes.
                DataType::RunEndEncoded(_, values) => {
                    let values = random::random_array(&mut random, values.data_type(), rows, true);
                    arrow_cast::cast(&values, field.data_type()).expect("few runs")
                }
                other => random::random_array(&mut random, other, rows, true),
            });
            let arrays = arrays.collect();
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            let batch =
                RecordBatch::try_new_with_options(Arc::clone(schema.arrow()), arrays, &options)
                    .expect("arrays of the schema");
            for (profile, codec) in [
                (Profile::Balanced, None),
                (Profile::Spill, Some(PageCodec::Lz4)),
                (
                    Profile::Small,
                    Some(PageCodec::Buffer(Codec::Zstd { level: 3 })),
                ),
            ] {
                let mut options = EncodeOptions::new().with_profile(profile);
                if let Some(codec) = codec {
                    options = options.with_codec(codec);
                }
                let (schema, sealed): (_, Sealed) = forge::encode(&batch, &options);
                let mut forged = Forged::take_apart(&schema, &sealed);
                if forged
                    .nodes
                    .iter()
                    .any(|node| node.pages.len() >= MOST_PAGES)
                {
                    continue;
                }
                forged.decoded_bytes = forged.decoded_bytes.min(LIMITS.max_chunk_bytes);
                let input = input_of(number, seed.wrapping_mul(37), &forged);
                inputs.push((format!("{number}_{rows}_{}", profile.name()), input));
            }
        }
    }
    inputs.push(("tokens".to_owned(), input_of(TEXT, 0, &tokens())));
    inputs
}

/// Number of the schema of one column of text.
const TEXT: usize = 3;

/// `the the cat` and `th`, by tokens: a writer makes none of so little text.
fn tokens() -> Forged {
    let table = forge::parts(&[&forge::head(3, 0, 2), &[2, 4], b"ththe "]);
    let codes = [0x01, 0x11, 0x10, 0x63, 0x10, 0x06, 0x74, 0x00, 0x00, 0x01];
    let body = forge::page(&[
        &forge::head(11, 0, 0),
        &forge::words(&[13_u64]),
        &forge::head(0, 0, 0),
        &forge::words(&[8_u32, 2]),
        &forge::words(&[0_u64, 10]),
        &codes,
    ]);
    let nodes = vec![ForgedNode::new(2, body).with_shared(table)];
    let mut forged = Forged::new(&SCHEMAS[TEXT], 2, nodes);
    forged.decoded_bytes = LIMITS.max_chunk_bytes;
    let front = forge::parse_front(&SCHEMAS[TEXT], &forged.seal(), &LIMITS).expect("sound");
    let asked = Asked::whole(&SCHEMAS[TEXT], 2);
    forge::read(&SCHEMAS[TEXT], &front, &forged.seal(), &asked).expect("sound");
    forged
}
