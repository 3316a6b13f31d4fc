//! Chunks below a kilobyte that claim to hold much: reading them takes memory by what is asked for, not by what is claimed.

mod counting;
mod forge;

use std::ops::Range;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema};
use windrow_columnar::ColumnSchema;
use windrow_format::{Codec, Compressor, Limits, PageCodec};

use counting::Counting;
use forge::{
    Asked, Forged, ForgedNode, Sealed, constant, head, page, parse_front, parts, read, schema_of,
    words,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Those that a reader has who sets none.
const DEFAULT: Limits = Limits {
    max_chunk_bytes: 4 << 30,
    max_record_bytes: 4 << 30,
};

/// The code, or `ok`, of rows that are read alone, and the memory that they took at the most.
fn take(
    schema: &ColumnSchema,
    sealed: &Sealed,
    limits: &Limits,
    rows: Range<u64>,
) -> (&'static str, usize) {
    let base = counting::begin();
    let result = parse_front(schema, sealed, limits).and_then(|front| {
        let mut asked = Asked::whole(schema, 1);
        asked.rows = std::iter::once(rows).collect();
        read(schema, &front, sealed, &asked)
    });
    let code = result.map_or_else(|error| error.code(), |_| "ok");
    (code, counting::peak_since(base))
}

struct Case {
    what: &'static str,
    data_type: DataType,
    rows: u64,
    nodes: Vec<ForgedNode>,
    code: &'static str,
}

/// A node of so many values, each page of which is this one.
fn many(len: u64, page: &[u8]) -> ForgedNode {
    let mut node = ForgedNode::new(len, Vec::new());
    node.pages = vec![page.to_vec(); usize::try_from(len.div_ceil(1 << 16)).unwrap()];
    node
}

/// A page of zeros, which a codec makes small.
fn zeros(compression: u8, bytes: usize) -> ForgedNode {
    let mut node = ForgedNode::new(3, vec![0; bytes]);
    node.compression = compression;
    node
}

fn item(data_type: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", data_type, true))
}

/// A dictionary of so many values, and the front of what names them.
fn dictionary(len: u64, count: u32, body: &[&[u8]]) -> Vec<ForgedNode> {
    let shared = parts(&[&[&head(1, 0, count)[..]], body].concat());
    vec![many(len, &page(&[&head(4, 0, 0), &constant(0)])).with_shared(shared)]
}

#[test]
fn a_row_takes_little() {
    let one = constant(7);
    let long = vec![b'x'; 400];
    let constant_page = page(&[&one]);
    let rows = 8 << 16;
    let mut cases = vec![
        Case {
            what: "a constant, many times",
            data_type: DataType::Int32,
            rows,
            nodes: vec![many(rows, &constant_page)],
            code: "ok",
        },
        Case {
            what: "a long text, many times",
            data_type: DataType::Utf8,
            rows: 1 << 16,
            nodes: vec![many(1 << 16, &page(&[&head(1, 0, 400), &long]))],
            code: "ok",
        },
        Case {
            what: "a dictionary of one text, many times",
            data_type: DataType::Utf8,
            rows,
            nodes: dictionary(rows, 500_000, &[&head(1, 0, 100), &long[..100]]),
            code: "page",
        },
        Case {
            what: "a dictionary of one word, many times",
            data_type: DataType::Int32,
            rows,
            nodes: dictionary(rows, 500_000, &[&one]),
            code: "page",
        },
        Case {
            what: "a dictionary of empty texts",
            data_type: DataType::Utf8View,
            rows,
            nodes: dictionary(rows, 60_000, &[&head(8, 0, 0), &constant(0), &[0; 480]]),
            code: "ok",
        },
        Case {
            what: "a value of a gigabyte",
            data_type: DataType::FixedSizeBinary(1 << 30),
            rows: 3,
            nodes: vec![ForgedNode::new(3, page(&[&head(0, 0, 0), &long]))],
            code: "page",
        },
        Case {
            what: "a constant of a gigabyte",
            data_type: DataType::FixedSizeBinary(1 << 30),
            rows: 3,
            nodes: vec![ForgedNode::new(3, page(&[&head(1, 0, 1 << 30), &long]))],
            code: "page",
        },
        Case {
            what: "2^30 nulls",
            data_type: DataType::Int32,
            rows: 1 << 29,
            nodes: vec![ForgedNode::all_null(1 << 29)],
            code: "ok",
        },
        Case {
            what: "text that says that it is long",
            data_type: DataType::Binary,
            rows: 3,
            nodes: vec![ForgedNode::new(
                3,
                page(&[
                    &head(8, 0, 0),
                    &constant(u32::MAX),
                    &words(&[0, u64::from(u32::MAX) * 3]),
                ]),
            )],
            code: "page",
        },
        Case {
            what: "lists of gigabytes",
            data_type: DataType::LargeList(item(DataType::Struct(Fields::empty()))),
            rows: 3,
            nodes: vec![
                ForgedNode::new(3, page(&[&words(&[0_u64]), &constant(u32::MAX)])),
                ForgedNode::no_pages(u64::from(u32::MAX) * 3),
            ],
            code: "ok",
        },
        Case {
            what: "runs",
            data_type: DataType::Int64,
            rows: 1 << 16,
            nodes: vec![ForgedNode::new(
                1 << 16,
                page(&[&head(5, 0, 1 << 16), &constant(1), &one]),
            )],
            code: "page",
        },
    ];
    for compression in [b'z', b'b', b's', b'l'] {
        for data_type in [
            DataType::Int8,
            DataType::Boolean,
            DataType::Decimal128(9, 1),
        ] {
            cases.push(Case {
                what: "zeros",
                data_type,
                rows: 3,
                nodes: vec![zeros(compression, 16 << 20)],
                code: "implausible_size",
            });
        }
    }
    for mut case in cases {
        let fields = vec![Field::new("x", case.data_type, true)];
        let schema = schema_of(Arc::new(Schema::new(fields)));
        let compressed = case.nodes[0].compression != 0;
        if compressed {
            compress(&mut case.nodes[0]);
        }
        let mut forged = Forged::new(&schema, case.rows, case.nodes);
        forged.decoded_bytes = 4 << 30;
        let sealed = forged.seal();
        assert!(sealed.data.len() < 1024 || compressed, "{}", case.what);
        let (code, peak) = take(&schema, &sealed, &DEFAULT, 1..2);
        assert_eq!(code, case.code, "{}", case.what);
        assert!(peak < 8 << 20, "{}: {peak} bytes", case.what);
    }
    texts_are_bounded_by_the_limit();
}

fn compress(node: &mut ForgedNode) {
    let codec = match node.compression {
        b'z' => PageCodec::Buffer(Codec::Zstd { level: 3 }),
        b'b' => PageCodec::Buffer(Codec::Brotli { level: 5 }),
        b's' => PageCodec::Buffer(Codec::Snappy),
        _ => PageCodec::Lz4,
    };
    let mut stored = Vec::new();
    let mut compressor = Compressor::new();
    compressor
        .compress_page(codec, &node.pages[0], &mut stored)
        .unwrap();
    node.stored = vec![stored];
}

/// What decompresses to more than `max_chunk_bytes` is refused before it does; called by the one test of this file, for
/// the counters are those of the process.
fn texts_are_bounded_by_the_limit() {
    let fields = vec![Field::new("x", DataType::Utf8, true)];
    let schema = schema_of(Arc::new(Schema::new(fields)));
    let limits = Limits {
        max_chunk_bytes: 1 << 20,
        max_record_bytes: 1 << 20,
    };
    for compression in [b'z', b'b', b's', b'l'] {
        let mut node = zeros(compression, 16 << 20);
        compress(&mut node);
        let mut forged = Forged::new(&schema, 3, vec![node]);
        forged.decoded_bytes = 1 << 20;
        let (code, peak) = take(&schema, &forged.seal(), &limits, 1..2);
        assert!(matches!(code, "implausible_size" | "limit"), "{code}");
        assert!(peak < 2 << 20, "{peak} bytes");
    }
    // The same text so often that it is more than the header tells.
    let long = vec![b'x'; 400];
    let text = [
        &head(8, 0, 0)[..],
        &constant(400),
        &words(&[0_u64, 400]),
        &long,
    ];
    for nodes in [
        dictionary(1 << 16, 1, &text),
        vec![many(1 << 16, &page(&[&head(1, 0, 400), &long]))],
    ] {
        let mut forged = Forged::new(&schema, 1 << 16, nodes);
        forged.decoded_bytes = 1 << 20;
        let (code, peak) = take(&schema, &forged.seal(), &limits, 0..1 << 16);
        assert_eq!(code, "page");
        assert!(peak < 3 << 20, "{peak} bytes");
    }
}
