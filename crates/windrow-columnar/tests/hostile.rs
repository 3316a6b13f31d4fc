//! Chunks that a hostile writer made, all checksums and hashes of which fit: they are refused with the code that the
//! specification names, or give sound arrays.
#![allow(
    clippy::single_range_in_vec_init,
    reason = "rows that are read are ranges"
)]

mod forge;
mod random;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow_schema::{DataType, Field, Fields, Schema};
use windrow_columnar::{
    Bound, Bounds, ColumnError, ColumnSchema, Comparison, EncodeOptions, GroupStatistics,
    NodeStatistics, Predicate, Profile, Strings,
};
use windrow_format::{Codec, PageCodec, crc_of};

use windrow_columnar::constants::MAX_SCHEMA_DEPTH;

use forge::{
    Asked, Forged, ForgedNode, LIMITS, Sealed, constant, encode, head, page, parse_front, parts,
    read, read_whole, schema_of, words,
};
use random::{Random, random_array, random_type};

fn schema(types: &[DataType]) -> ColumnSchema {
    let fields = (0..)
        .zip(types)
        .map(|(number, data_type)| Field::new(format!("c{number}"), data_type.clone(), true));
    schema_of(Arc::new(Schema::new(fields.collect::<Fields>())))
}

fn item(data_type: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", data_type, true))
}

fn code(result: Result<RecordBatch, ColumnError>) -> &'static str {
    match result {
        Ok(batch) => panic!("{batch:?}"),
        Err(error) => error.code(),
    }
}

/// The code of a chunk with one column, read whole, and row by row.
fn refused(data_type: DataType, rows: u64, nodes: Vec<ForgedNode>) -> &'static str {
    let schema = schema(&[data_type]);
    let sealed = Forged::new(&schema, rows, nodes).seal();
    both_ways(&schema, &sealed)
}

fn both_ways(schema: &ColumnSchema, sealed: &Sealed) -> &'static str {
    let whole = code(read_whole(schema, sealed));
    if let Ok(front) = parse_front(schema, sealed, &LIMITS) {
        let mut asked = Asked::whole(schema, front.rows());
        asked.verified = true;
        let verified = code(read(schema, &front, sealed, &asked));
        assert_eq!(whole, verified);
    }
    whole
}

/// The code of a page of `len` values.
fn page_refused(data_type: DataType, len: u64, page: Vec<u8>) -> &'static str {
    refused(data_type, len, vec![ForgedNode::new(len, page)])
}

fn taken(data_type: DataType, rows: u64, nodes: Vec<ForgedNode>) -> ArrayRef {
    let schema = schema(&[data_type]);
    let sealed = Forged::new(&schema, rows, nodes).seal();
    Arc::clone(read_whole(&schema, &sealed).unwrap().column(0))
}

// Each test below begins from a page that is sound, so that it is the change that is refused.

#[test]
fn fronts() {
    let sound = |data_type: DataType| {
        let schema = schema(&[data_type, DataType::Utf8]);
        let texts = parts(&[&[0; 8], &head(1, 0, 1), b"x"]);
        let nodes = vec![
            ForgedNode::new(3, page(&[&constant(7)])),
            ForgedNode::new(3, texts),
        ];
        (Forged::new(&schema, 3, nodes), schema)
    };
    let (forged, schema) = sound(DataType::Int32);
    let batch = read_whole(&schema, &forged.seal()).unwrap();
    assert_eq!(
        batch.column(0).as_primitive::<Int32Type>().values(),
        &[7; 3]
    );
    let changed = |change: &dyn Fn(&mut Forged)| {
        let mut forged = forged.clone();
        change(&mut forged);
        both_ways(&schema, &forged.seal())
    };
    type Change = (&'static str, &'static str, &'static dyn Fn(&mut Forged));
    let changes: [Change; 20] = [
        ("column_front", "no rows", &|f| f.rows = 0),
        ("column_front", "2^56 rows", &|f| f.rows = 1 << 56),
        ("column_front", "another number of rows", &|f| f.rows = 4),
        ("column_front", "len", &|f| f.nodes[0].len = 4),
        ("column_front", "2^60 rows", &|f| f.nodes[1].len = 1 << 60),
        ("column_front", "all of them null", &|f| {
            f.nodes[1] = ForgedNode::all_null(u64::MAX);
        }),
        ("column_front", "one page each", &|f| {
            f.nodes[1].len = u64::MAX;
            f.nodes[1].page_log2 = 0;
        }),
        ("column_front", "nulls", &|f| f.nodes[0].nulls = 4),
        ("column_front", "page_log2", &|f| f.nodes[0].page_log2 = 17),
        ("column_front", "page_log2", &|f| f.nodes[0].page_log2 = 64),
        ("column_front", "page_log2", &|f| f.nodes[0].page_log2 = 255),
        ("column_front", "more pages", &|f| f.nodes[0].page_log2 = 0),
        ("column_front", "has_shared", &|f| f.nodes[0].has_shared = 2),
        ("column_front", "a page more", &|f| {
            f.nodes[0].has_shared = 1
        }),
        ("column_front", "a node less", &|f| drop(f.nodes.pop())),
        ("column_front", "a node more", &|f| {
            f.nodes.push(ForgedNode::all_null(3));
        }),
        ("column_front", "schema_hash", &|f| f.schema_hash ^= 1),
        ("column_front", "decoded_data_size", &|f| {
            f.decoded_bytes = 23
        }),
        ("limit", "decoded_data_size", &|f| {
            f.decoded_bytes = u64::MAX
        }),
        ("compression_type", "codec", &|f| {
            f.nodes[0].compression = b'q'
        }),
    ];
    for (expected, what, change) in changes {
        assert_eq!(changed(change), expected, "{what}");
    }
    // All rows of a column that is null cost nothing but what its plain size is.
    let all_null = |rows: u64| {
        let mut forged = Forged::new(&schema, rows, vec![ForgedNode::all_null(rows); 2]);
        forged.decoded_bytes = LIMITS.max_chunk_bytes;
        parse_front(&schema, &forged.seal(), &LIMITS).map_err(|error| error.code())
    };
    assert_eq!(all_null(1 << 20).unwrap().rows(), 1 << 20);
    assert_eq!(all_null(1 << 55).unwrap_err(), "column_front");
}

#[test]
fn bytes_of_the_front() {
    let schema = schema(&[DataType::Int32]);
    let nodes = vec![ForgedNode::new(3, page(&[&constant(7)]))];
    let sound = Forged::new(&schema, 3, nodes).seal();
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut sealed = sound.clone();
        change(&mut sealed.data);
        sealed.header = windrow_format::ChunkHeader::new(
            windrow_format::ChunkType::Columns,
            1,
            sealed.header.decoded_bytes,
            &sealed.data,
        );
        both_ways(&schema, &sealed)
    };
    let reseal = |data: &mut Vec<u8>| {
        let end = usize::try_from(u32::from_le_bytes(data[4..8].try_into().unwrap())).unwrap();
        let crc = crc_of(&data[..end - 4]);
        data[end - 4..end].copy_from_slice(&crc.to_le_bytes());
    };
    assert_eq!(changed(&|data| data[0] = 2), "column_version");
    assert_eq!(changed(&|data| data[0] = 0), "column_version");
    assert_eq!(changed(&|data| data[24] ^= 1), "crc");
    assert_eq!(changed(&|data| data[8] = 2), "crc");
    for size in [0, 24, 33, 31] {
        assert_eq!(changed(&|data| data[4] = size), "column_front", "{size}");
    }
    assert_eq!(changed(&|data| data[6] = 1), "truncated");
    assert_eq!(changed(&|data| data.truncate(23)), "truncated");
    assert_eq!(changed(&|data| data.truncate(40)), "truncated");
    // The page lies behind the end.
    assert_eq!(
        changed(&|data| data.truncate(data.len() - 1)),
        "column_front"
    );
    // Not more than what fills the front up may follow the nodes, and only zeros.
    let last =
        usize::try_from(u32::from_le_bytes(sound.data[4..8].try_into().unwrap())).unwrap() - 5;
    if sound.data[last] == 0 {
        let code = changed(&|data| {
            data[last] = 1;
            reseal(data);
        });
        assert_eq!(code, "column_front");
    }
    // Where the pages end: the column of them begins behind five bytes.
    for value in [u64::MAX, 1 << 63, 1 << 40, 7] {
        let code = changed(&|data| {
            data[29..37].copy_from_slice(&value.to_le_bytes());
            reseal(data);
        });
        assert!(
            matches!(code, "column_front" | "page" | "crc"),
            "{value}: {code}"
        );
    }
    // What has no meaning is not looked at.
    let mut reserved = sound;
    reserved.data[1..4].copy_from_slice(&[1, 2, 3]);
    reseal(&mut reserved.data);
    read_whole(&schema, &reserved).unwrap();
}

#[test]
fn children_of_other_lengths() {
    let words = |len| ForgedNode::new(len, page(&[&constant(1)]));
    let fields = Fields::from(vec![item(DataType::Int32), item(DataType::Int32)]);
    let both = DataType::Struct(fields);
    let ok = vec![ForgedNode::no_pages(3), words(3), words(3)];
    assert_eq!(taken(both.clone(), 3, ok).len(), 3);
    let nodes = vec![ForgedNode::no_pages(3), words(3), words(4)];
    assert_eq!(refused(both, 3, nodes), "column_front");
    let pairs = DataType::FixedSizeList(item(DataType::Int32), 2);
    let ok = vec![ForgedNode::no_pages(3), words(6)];
    assert_eq!(taken(pairs.clone(), 3, ok).len(), 3);
    let nodes = vec![ForgedNode::no_pages(3), words(3)];
    assert_eq!(refused(pairs, 3, nodes), "column_front");
    let lists = DataType::List(item(DataType::Int32));
    let nodes = vec![ForgedNode::all_null(3), words(1)];
    assert_eq!(refused(lists, 3, nodes), "column_front");
    // Its product is above 2^64.
    let many = DataType::FixedSizeList(
        item(DataType::FixedSizeList(item(DataType::Null), i32::MAX)),
        i32::MAX,
    );
    let nodes = vec![
        ForgedNode::no_pages(1 << 40),
        ForgedNode::no_pages(1 << 60),
        ForgedNode::all_null(1 << 60),
    ];
    assert_eq!(refused(many, 1 << 40, nodes), "column_front");
    assert_eq!(
        refused(DataType::Null, 3, vec![words(3)]),
        "column_front",
        "a node without values has pages"
    );
}

#[test]
fn a_last_column_without_pages_lies_behind_the_end() {
    let schema = schema(&[DataType::Utf8, DataType::Null]);
    let mut text = parts(&[&[0; 8], &head(1, 0, 1)]);
    text.push(b'x');
    let nodes = vec![ForgedNode::new(3, text), ForgedNode::all_null(3)];
    let sealed = Forged::new(&schema, 3, nodes).seal();
    assert_ne!(sealed.data.len() % 8, 0);
    assert_eq!(read_whole(&schema, &sealed).unwrap().num_rows(), 3);
}

#[test]
fn nulls() {
    let int = DataType::Int32;
    let with = |form: u8, entries: u32, nulls: &[u8], count: u64| {
        let page = parts(&[&head(form, 0, entries), nulls, &constant(7)]);
        vec![ForgedNode::new(5, page).with_nulls(count)]
    };
    for (form, entries, nulls) in [
        (2, 0, vec![0b10110]),
        (3, 2, words(&[0_u16, 3])),
        (4, 4, words(&[0_u16, 1, 3, 4])),
    ] {
        assert_eq!(
            taken(int.clone(), 5, with(form, entries, &nulls, 2)).null_count(),
            2
        );
        for count in [0, 1, 3, 4] {
            let code = refused(int.clone(), 5, with(form, entries, &nulls, count));
            assert_eq!(code, "page", "form {form}, {count} nulls in the front");
        }
    }
    for (what, form, entries, nulls) in [
        ("an unknown form", 5, 0, vec![]),
        ("descending", 3, 2, words(&[3_u16, 0])),
        ("twice", 3, 2, words(&[3_u16, 3])),
        ("behind the end", 3, 2, words(&[3_u16, 5])),
        ("descending", 4, 2, words(&[3_u16, 1])),
        ("behind the end", 4, 2, words(&[3_u16, 6])),
        ("entries without a use", 2, 2, vec![0b10110]),
        ("entries without a use", 0, 2, vec![]),
        ("no bytes", 3, u32::MAX, vec![]),
        ("no bytes", 4, u32::MAX, vec![]),
        ("no nulls", 0, 0, vec![]),
        ("all of them", 1, 0, vec![]),
    ] {
        let code = refused(int.clone(), 5, with(form, entries, &nulls, 2));
        assert_eq!(code, "page", "{what}");
    }
    // Values behind nulls.
    let two = |second: Vec<u8>| {
        let mut node = ForgedNode::new(4, page(&[&constant(7)])).with_nulls(2);
        node.page_log2 = 1;
        node.pages.push(second);
        vec![node]
    };
    assert_eq!(taken(int.clone(), 4, two(head(1, 0, 0))).null_count(), 2);
    let bitmap = parts(&[&head(2, 0, 0), &[0]]);
    assert_eq!(taken(int.clone(), 4, two(bitmap)).null_count(), 2);
    let code = refused(int.clone(), 4, two(parts(&[&head(1, 0, 0), &constant(7)])));
    assert_eq!(code, "page");
    assert_eq!(refused(int, 4, two(page(&[&constant(7)]))), "page");
}

#[test]
fn encodings_that_are_none() {
    let other = |code| page(&[&head(code, 0, 4), &[0; 64]]);
    for data_type in [
        DataType::Boolean,
        DataType::Int8,
        DataType::Float64,
        DataType::Utf8,
        DataType::Decimal128(10, 1),
        DataType::FixedSizeBinary(5),
    ] {
        for code in [11, 200, 255] {
            assert_eq!(
                page_refused(data_type.clone(), 3, other(code)),
                "column_version"
            );
        }
    }
    // They are known, but not of this shape.
    for (data_type, code) in [
        (DataType::Boolean, 2),
        (DataType::Int32, 8),
        (DataType::Int32, 10),
        (DataType::Int32, 7),
        (DataType::Int64, 7),
        (DataType::Float16, 7),
        (DataType::Utf8, 0),
        (DataType::FixedSizeBinary(5), 10),
        (DataType::FixedSizeBinary(5), 2),
    ] {
        assert_eq!(page_refused(data_type, 3, other(code)), "page", "{code}");
    }
}

#[test]
fn bits() {
    let bool = DataType::Boolean;
    let constant = |size, value: u8| page(&[&head(1, 0, size), &[value]]);
    assert_eq!(
        taken(bool.clone(), 3, vec![ForgedNode::new(3, constant(1, 1))]).len(),
        3
    );
    assert_eq!(page_refused(bool.clone(), 3, constant(1, 2)), "page");
    assert_eq!(page_refused(bool.clone(), 3, constant(2, 1)), "page");
    assert_eq!(
        page_refused(
            bool.clone(),
            9,
            page(&[&head(0, 0, 0), &[1]])[..17].to_vec()
        ),
        "page"
    );
    assert_eq!(
        page_refused(bool, 3, page(&[&head(0, 0, 0), &[1; 9]])),
        "page"
    );
}

#[test]
fn words_of_all_encodings() {
    let int = DataType::Int32;
    let three = |what: &str, body: &[&[u8]]| {
        assert_eq!(page_refused(int.clone(), 3, page(body)), "page", "{what}");
    };
    let plain = words(&[1_u32, 2, 3]);
    three("cut short", &[&head(0, 0, 0), &plain[..8]]);
    three("too long", &[&head(0, 0, 0), &plain, &[0; 8]]);
    three("no body", &[]);
    three("a constant of 8 bytes", &[&head(1, 0, 8), &[0; 8]]);
    three("a constant that is cut short", &[&head(1, 0, 4)]);
    let packed = |width: u8, exceptions: u32| {
        [head(2, 0, exceptions), vec![0; 8], vec![width], vec![0; 7]].concat()
    };
    let ok = page(&[&packed(1, 0), &[0; 128]]);
    assert_eq!(taken(int.clone(), 3, vec![ForgedNode::new(3, ok)]).len(), 3);
    three("a width of 33", &[&packed(33, 0), &[0; 33 * 128]]);
    three("a width of 255", &[&packed(255, 0), &[0; 255 * 128]]);
    three("cut short", &[&packed(2, 0), &[0; 128]]);
    let exceptions = |positions: &[u16]| {
        let values = vec![9_u32; positions.len()];
        let count = u32::try_from(positions.len()).unwrap();
        page(&[&packed(0, count), &words(positions), &words(&values)])
    };
    assert_eq!(
        taken(
            int.clone(),
            3,
            vec![ForgedNode::new(3, exceptions(&[0, 2]))]
        )
        .len(),
        3
    );
    for positions in [&[2, 0][..], &[1, 1], &[0, 3], &[65_535]] {
        assert_eq!(
            page_refused(int.clone(), 3, exceptions(positions)),
            "page",
            "{positions:?}"
        );
    }
    three("exceptions without bytes", &[&packed(0, u32::MAX)]);
    three("a start less", &[&head(3, 0, 0), &constant(1)]);
    three(
        "a dictionary that is not there",
        &[&head(4, 0, 0), &constant(0)],
    );
    let runs = |ends: &[u32]| {
        let count = u32::try_from(ends.len()).unwrap();
        let ends = [head(0, 0, 0), words(ends)].concat();
        page(&[&head(5, 0, count), &ends, &constant(7)])
    };
    assert_eq!(
        taken(int.clone(), 3, vec![ForgedNode::new(3, runs(&[1, 3]))]).len(),
        3
    );
    for ends in [
        &[3, 1][..],
        &[1, 1, 3],
        &[1, 2],
        &[1, 4],
        &[0, 3],
        &[],
        &[1, 2, 3, 4],
    ] {
        assert_eq!(page_refused(int.clone(), 3, runs(ends)), "page", "{ends:?}");
    }
    three(
        "runs without bytes",
        &[&head(5, 0, u32::MAX), &constant(3), &constant(7)],
    );
    three(
        "more planes than bytes",
        &[&head(6, 5, 0), &[0; 8], &[0; 15]],
    );
    three(
        "planes that are cut short",
        &[&head(6, 4, 0), &[0; 8], &[0; 8]],
    );
    let nested = |depth: usize| {
        let mut body = Vec::new();
        for _ in 1..depth {
            body.extend([head(3, 0, 0), vec![0; 8]].concat());
        }
        body.extend(constant(1));
        page(&[&body])
    };
    assert_eq!(
        taken(int.clone(), 3, vec![ForgedNode::new(3, nested(4))]).len(),
        3
    );
    assert_eq!(page_refused(int.clone(), 3, nested(5)), "page");
    assert_eq!(page_refused(int, 3, nested(2000)), "page");
}

#[test]
fn decimals() {
    let decimal = |exponent: u8, exceptions: u32, behind: &[u8]| {
        page(&[
            &head(7, exponent, exceptions),
            &head(1, 0, 8),
            &[7; 8],
            behind,
        ])
    };
    for data_type in [DataType::Float32, DataType::Float64] {
        let ok = vec![ForgedNode::new(3, decimal(18, 0, &[]))];
        assert_eq!(taken(data_type.clone(), 3, ok).len(), 3);
        for (what, page) in [
            ("exponent", decimal(19, 0, &[])),
            ("exponent", decimal(255, 0, &[])),
            ("no exceptions", decimal(1, 1, &[])),
            (
                "behind the end",
                decimal(1, 1, &[3, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]),
            ),
        ] {
            assert_eq!(page_refused(data_type.clone(), 3, page), "page", "{what}");
        }
        // Decimals of decimals.
        let page = page(&[&head(7, 1, 0), &head(7, 1, 0), &head(1, 0, 8), &[7; 8]]);
        assert_eq!(page_refused(data_type, 3, page), "page");
    }
}

#[test]
fn values_of_fixed_size() {
    let five = DataType::FixedSizeBinary(5);
    let refused = |what: &str, data_type: &DataType, body: &[&[u8]]| {
        assert_eq!(
            page_refused(data_type.clone(), 3, page(body)),
            "page",
            "{what}"
        );
    };
    refused("cut short", &five, &[&head(0, 0, 0), &[0; 8]]);
    refused("another size", &five, &[&head(1, 0, 4), &[0; 8]]);
    refused("planes", &five, &[&head(6, 4, 0), &[0; 8], &[0; 15]]);
    refused("a reference", &five, &[&head(6, 5, 0), &[1; 8], &[0; 15]]);
    refused("cut short", &five, &[&head(6, 5, 0), &[0; 8], &[0; 8]]);
    let number = DataType::Decimal256(50, 1);
    refused("narrow", &number, &[&head(10, 0, 0), &constant(1)]);
    // Of no bytes.
    let none = DataType::FixedSizeBinary(0);
    for (code, small) in [(0, 0), (1, 0)] {
        let node = ForgedNode::new(3, page(&[&head(code, small, 0)]));
        assert_eq!(taken(none.clone(), 3, vec![node]).len(), 3);
    }
    refused("planes of nothing", &none, &[&head(6, 0, 0), &[0; 8]]);
    refused("no dictionary", &none, &[&head(4, 0, 0), &constant(0)]);
}

fn with_dictionary(shared: Vec<u8>, codes: &[u32]) -> Vec<ForgedNode> {
    let codes = [head(0, 0, 0), words(codes)].concat();
    vec![ForgedNode::new(3, page(&[&head(4, 0, 0), &codes])).with_shared(shared)]
}

/// The page of a dictionary of `count` values.
fn dictionary(count: u32, body: &[&[u8]]) -> Vec<u8> {
    parts(&[&[&head(1, 0, count)[..]], body].concat())
}

#[test]
fn dictionaries() {
    let plain = |bytes: &[u8]| [head(0, 0, 0), bytes.to_vec()].concat();
    let texts = |texts: &[u8]| {
        let lengths = constant(1);
        [
            &head(8, 0, 0)[..],
            &lengths,
            &words(&[0_u64, texts.len() as u64]),
            texts,
        ]
        .concat()
    };
    for (data_type, body) in [
        (DataType::Int8, plain(&[1; 2])),
        (DataType::Int16, plain(&[1; 4])),
        (DataType::Int32, plain(&[1; 8])),
        (DataType::Float64, plain(&[1; 16])),
        (DataType::FixedSizeBinary(5), plain(&[1; 10])),
        (DataType::Decimal128(10, 1), plain(&[1; 32])),
        (DataType::Utf8, texts(b"ab")),
        (DataType::BinaryView, texts(b"ab")),
    ] {
        let with = |count: u32, codes: &[u32]| with_dictionary(dictionary(count, &[&body]), codes);
        assert_eq!(taken(data_type.clone(), 3, with(2, &[1, 0, 1])).len(), 3);
        for (count, codes) in [
            (2, [0, 2, 0]),
            (2, [0, u32::MAX, 1]),
            (0, [0; 3]),
            (4, [0; 3]),
            (u32::MAX, [0; 3]),
        ] {
            let code = refused(data_type.clone(), 3, with(count, &codes));
            assert_eq!(code, "page", "{data_type}: {count} values, {codes:?}");
        }
        // Codes of which only some are read.
        let schema = schema(std::slice::from_ref(&data_type));
        let sealed = Forged::new(&schema, 3, with(2, &[0, 2, 0])).seal();
        let front = parse_front(&schema, &sealed, &LIMITS).unwrap();
        let mut asked = Asked::whole(&schema, 3);
        asked.rows = vec![1..2];
        assert_eq!(code(read(&schema, &front, &sealed, &asked)), "page");
        // Nothing of it stands in front of what needs it.
        let mut shared = dictionary(2, &[&body]);
        shared[0] = 3;
        assert_eq!(
            refused(data_type.clone(), 3, with_dictionary(shared, &[0; 3])),
            "page"
        );
        let shared = dictionary(2, &[&head(4, 0, 0), &constant(0)]);
        assert_eq!(
            refused(data_type.clone(), 3, with_dictionary(shared, &[0; 3])),
            "page"
        );
        let mut shared = dictionary(2, &[&body]);
        shared.extend([0; 8]);
        assert_eq!(
            refused(data_type, 3, with_dictionary(shared, &[0; 3])),
            "page"
        );
    }
    // The same value again and again.
    for (data_type, size) in [(DataType::Utf8, 4), (DataType::FixedSizeBinary(4), 4)] {
        let shared = dictionary(2, &[&head(1, 0, size), b"same"]);
        assert_eq!(
            refused(data_type, 3, with_dictionary(shared, &[0; 3])),
            "page"
        );
    }
    // Shapes that have none.
    for data_type in [
        DataType::Boolean,
        DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Int32)),
    ] {
        let mut nodes = with_dictionary(dictionary(2, &[&plain(&[1; 8])]), &[0; 3]);
        nodes.push(ForgedNode::new(2, page(&[&constant(7)])));
        nodes.truncate(if data_type == DataType::Boolean { 1 } else { 2 });
        assert_eq!(refused(data_type, 3, nodes), "page");
    }
}

/// A number of the section on columns of the specification.
fn specified(name: &str) -> u64 {
    let constants = include_str!("../../../format-spec/constants.toml");
    let (_, section) = constants.split_once("\n[columns]\n").unwrap();
    let line = section
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
    line.unwrap().parse().unwrap()
}

#[test]
fn dictionaries_are_no_larger_than_the_specification_allows() {
    let free = specified("dictionary_free_values");
    let per_byte = specified("dictionary_values_per_byte");
    let code = |len: u64, count: u64, shared: &dyn Fn(u32) -> Vec<u8>| {
        let codes = page(&[&head(4, 0, 0), &constant(0)]);
        let mut node = ForgedNode::new(len, codes.clone());
        node.pages = vec![codes; usize::try_from(len.div_ceil(1 << 16)).unwrap()];
        let node = node.with_shared(shared(u32::try_from(count).unwrap()));
        let schema = schema(&[DataType::Int32]);
        let mut forged = Forged::new(&schema, len, vec![node]);
        forged.decoded_bytes = 4 * len;
        read_whole(&schema, &forged.seal()).map_or_else(|error| error.code(), |_| "ok")
    };
    // One value again and again, in a few bytes.
    let same = |count| dictionary(count, &[&constant(7)]);
    assert_eq!(code(free * 2, free, &same), "ok");
    assert_eq!(code(free * 2, free + 1, &same), "page");
    assert_eq!(code(9, 9, &same), "ok");
    assert_eq!(code(9, 10, &same), "page");
    // Two hundred runs, the last of which takes what is left.
    let runs = |count: u32| {
        let ends: Vec<u32> = (1..200).chain([count]).collect();
        let plain = head(0, 0, 0);
        let values: Vec<u32> = (0..200).collect();
        let (ends, values) = (words(&ends), words(&values));
        dictionary(count, &[&head(5, 0, 200), &plain, &ends, &plain, &values])
    };
    let most = per_byte * runs(1000).len() as u64;
    assert!(most > free);
    assert_eq!(code(most * 2, most, &runs), "ok");
    assert_eq!(code(most * 2, most + 1, &runs), "page");
}

#[test]
fn pages_are_no_larger_than_the_specification_allows() {
    let plain = 4;
    let values = 10;
    let most = specified("page_free_bytes")
        + values * (specified("page_bytes_per_value") + specified("page_plain_factor") * plain);
    let code = |bytes: u64| {
        let mut page = page(&[&constant(7)]);
        page.resize(usize::try_from(bytes).unwrap(), 0);
        let mut node = ForgedNode::new(values, page);
        node.compression = b'z';
        refused(DataType::Int32, values, vec![node])
    };
    // It decompresses, and what stands behind its parts is told.
    assert_eq!(code(most), "page");
    assert_eq!(code(most + 1), "implausible_size");
}

/// A page of byte strings with these sizes.
fn lengths(sizes: &[u32], begins: &[u64], bytes: &[u8]) -> Vec<u8> {
    let sizes = [head(0, 0, 0), words(sizes)].concat();
    page(&[&head(8, 0, 0), &sizes, &words(begins), bytes])
}

#[test]
fn sizes_of_byte_strings() {
    for data_type in [
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
    ] {
        let node = ForgedNode::new(3, lengths(&[1, 0, 2], &[0, 3], b"abc"));
        assert_eq!(taken(data_type.clone(), 3, vec![node]).len(), 3);
        for (what, page) in [
            ("sizes below", lengths(&[1, 0, 1], &[0, 3], b"abc")),
            ("sizes above", lengths(&[1, 0, 3], &[0, 3], b"abc")),
            (
                "sizes of gigabytes",
                lengths(&[u32::MAX; 3], &[0, 3], b"abc"),
            ),
            ("begins elsewhere", lengths(&[1, 0, 2], &[1, 4], b"abcd")),
            ("descends", lengths(&[1, 0, 2], &[5, 3], b"abc")),
            ("cut short", lengths(&[1, 0, 2], &[0, 30], b"abc")),
            ("exabytes", lengths(&[1, 0, 2], &[0, u64::MAX], b"abc")),
            ("a constant without bytes", page(&[&head(1, 0, u32::MAX)])),
        ] {
            assert_eq!(page_refused(data_type.clone(), 3, page), "page", "{what}");
        }
    }
    // A block in the middle, whole and by single values.
    let sizes = vec![1_u32; 3000];
    let bytes = vec![7; 3000];
    for begins in [
        [0, 1024, 2047, 3000],
        [0, 1025, 2048, 3000],
        [0, 0, 2048, 3000],
        [0, 3000, 2048, 3000],
    ] {
        let schema = schema(&[DataType::Binary]);
        let nodes = vec![ForgedNode::new(3000, lengths(&sizes, &begins, &bytes))];
        let sealed = Forged::new(&schema, 3000, nodes).seal();
        assert_eq!(both_ways(&schema, &sealed), "page");
        let front = parse_front(&schema, &sealed, &LIMITS).unwrap();
        for row in [0, 1023, 1024, 2047, 2048, 2999] {
            let mut asked = Asked::whole(&schema, 3000);
            asked.rows = vec![row..row + 1];
            match read(&schema, &front, &sealed, &asked) {
                Ok(batch) => assert_eq!(batch.column(0).as_binary::<i32>().value(0), [7]),
                Err(error) => assert_eq!(error.code(), "page"),
            }
        }
    }
}

#[test]
fn text_that_is_none() {
    let umlaut = "ä".as_bytes();
    let text = [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View];
    for data_type in text {
        let dictionary = |sizes: &[u32], bytes: &[u8]| {
            let mut shared = lengths(sizes, &[0, bytes.len() as u64], bytes);
            shared[..8].copy_from_slice(&head(1, 0, u32::try_from(sizes.len()).unwrap()));
            with_dictionary(shared, &[0; 3])
        };
        let symbols = |symbol: &[u8], sizes: &[u32], compressed: &[u8], decoded: u64| {
            let mut bytes = [0; 8];
            bytes[..symbol.len()].copy_from_slice(symbol);
            let size = [u8::try_from(symbol.len()).unwrap()];
            let sizes = [head(0, 0, 0), words(sizes)].concat();
            let begins = words(&[0, compressed.len() as u64]);
            page(&[
                &head(9, 1, 0),
                &words(&[decoded, 1]),
                &bytes,
                &size,
                &sizes,
                &begins,
                compressed,
            ])
        };
        let node = |page| vec![ForgedNode::new(3, page)];
        assert_eq!(
            taken(
                data_type.clone(),
                3,
                node(lengths(&[2, 0, 2], &[0, 4], "äö".as_bytes()))
            )
            .len(),
            3
        );
        assert_eq!(
            taken(data_type.clone(), 3, dictionary(&[2, 0], umlaut)).len(),
            3
        );
        assert_eq!(
            taken(
                data_type.clone(),
                3,
                node(symbols(umlaut, &[1, 0, 1], &[0, 0], 4))
            )
            .len(),
            3
        );
        for (what, nodes) in [
            ("no UTF-8", node(lengths(&[1, 0, 2], &[0, 3], b"a\xff\xff"))),
            (
                "inside of a character",
                node(lengths(&[1, 1, 1], &[0, 3], "äx".as_bytes())),
            ),
            ("cut short", node(lengths(&[1, 1, 1], &[0, 3], b"ab\xc3"))),
            ("constant", node(page(&[&head(1, 0, 1), b"\xc3"]))),
            ("dictionary", dictionary(&[1, 1], b"a\xff")),
            (
                "inside of a character of a dictionary",
                dictionary(&[1, 1], umlaut),
            ),
            ("symbols", node(symbols(b"\xff", &[1, 0, 1], &[0, 0], 2))),
            (
                "inside of what symbols give",
                node(symbols(b"\xc3", &[1, 2, 0], &[0, 255, 0xa4], 2)),
            ),
        ] {
            assert_eq!(
                refused(data_type.clone(), 3, nodes),
                "utf8",
                "{what}, {data_type}"
            );
        }
        // Values alone, of many.
        let many = 64;
        let sizes = vec![1; many];
        let schema = schema(&[data_type]);
        let bytes = "ä".repeat(many / 2);
        let page = lengths(&sizes, &[0, many as u64], bytes.as_bytes());
        let sealed = Forged::new(
            &schema,
            many as u64,
            vec![ForgedNode::new(many as u64, page)],
        )
        .seal();
        let front = parse_front(&schema, &sealed, &LIMITS).unwrap();
        for row in [0, 1, 63] {
            let mut asked = Asked::whole(&schema, many as u64);
            asked.rows = vec![row..row + 1];
            assert_eq!(code(read(&schema, &front, &sealed, &asked)), "utf8");
            asked.rows = vec![row & !1..(row & !1) + 2];
            assert_eq!(code(read(&schema, &front, &sealed, &asked)), "utf8");
        }
    }
}

#[test]
fn symbols() {
    let of = |own: u8, decoded: u64, count: u64, sizes: &[u8], compressed: &[u8]| {
        let symbols = vec![[b'x'; 8]; sizes.len()].concat();
        let begins = words(&[0, compressed.len() as u64]);
        let table = parts(&[&symbols, sizes]);
        let size = constant(u32::try_from(compressed.len()).unwrap());
        page(&[
            &head(9, own, 0),
            &words(&[decoded, count]),
            &table,
            &size,
            &begins,
            compressed,
        ])
    };
    let ok = vec![ForgedNode::new(
        1,
        of(1, 10, 2, &[1, 8], &[0, 1, 255, b'z']),
    )];
    assert_eq!(
        taken(DataType::Utf8, 1, ok).as_string::<i32>().value(0),
        "xxxxxxxxxz"
    );
    let nothing = vec![ForgedNode::new(1, of(1, 1, 0, &[], &[255, b'z']))];
    assert_eq!(
        taken(DataType::Utf8, 1, nothing)
            .as_string::<i32>()
            .value(0),
        "z"
    );
    for (what, page) in [
        ("a symbol without bytes", of(1, 9, 2, &[0, 8], &[1, 1])),
        ("a symbol of 9 bytes", of(1, 9, 2, &[1, 9], &[0, 1])),
        ("a byte that is none", of(1, 1, 2, &[1, 1], &[2])),
        ("an escape at the end", of(1, 1, 2, &[1, 1], &[0, 255])),
        ("longer than it says", of(1, 7, 1, &[8], &[0])),
        ("shorter than it says", of(1, 8, 1, &[1], &[0])),
        ("as long as nothing can be", of(1, u64::MAX, 1, &[8], &[0])),
        ("256 symbols", of(1, 1, 256, &[1; 256], &[0])),
        ("2^61 symbols", of(1, 1, 1 << 61, &[1], &[0])),
        ("neither own nor not", of(2, 1, 1, &[1], &[0])),
        ("no shared page", of(0, 1, 1, &[1], &[0])),
    ] {
        assert_eq!(page_refused(DataType::Utf8, 1, page), "page", "{what}");
    }
    // Those of the shared page.
    let shared = |count: u32, sizes: &[u8]| {
        parts(&[
            &head(2, 0, count),
            &vec![[b'x'; 8]; sizes.len()].concat(),
            sizes,
        ])
    };
    let body = |compressed: &[u8], decoded: u64| {
        let size = constant(u32::try_from(compressed.len()).unwrap());
        page(&[
            &head(9, 0, 0),
            &words(&[decoded]),
            &size,
            &words(&[0, compressed.len() as u64]),
            compressed,
        ])
    };
    let node = |shared, page| vec![ForgedNode::new(1, page).with_shared(shared)];
    assert_eq!(
        taken(DataType::Binary, 1, node(shared(1, &[3]), body(&[0, 0], 6))).len(),
        1
    );
    for (what, nodes) in [
        (
            "a symbol of 9 bytes",
            node(shared(1, &[9]), body(&[0, 0], 6)),
        ),
        (
            "256 symbols",
            node(shared(256, &[1; 256]), body(&[0, 0], 6)),
        ),
        ("fewer than that", node(shared(3, &[1]), body(&[0, 0], 6))),
        (
            "codes of a dictionary",
            node(shared(1, &[1]), page(&[&head(4, 0, 0), &constant(0)])),
        ),
    ] {
        assert_eq!(refused(DataType::Binary, 1, nodes), "page", "{what}");
    }
    let words = vec![ForgedNode::new(1, page(&[&constant(1)])).with_shared(shared(1, &[1]))];
    assert_eq!(refused(DataType::Int32, 1, words), "page");
}

#[test]
fn values_that_a_few_bytes_stand_for() {
    // The header tells of a megabyte.
    let long = vec![b'x'; 1000];
    let constant_text = |rows| vec![ForgedNode::new(rows, page(&[&head(1, 0, 1000), &long]))];
    assert_eq!(taken(DataType::Utf8, 1000, constant_text(1000)).len(), 1000);
    assert_eq!(refused(DataType::Utf8, 2000, constant_text(2000)), "page");
    assert_eq!(
        refused(DataType::LargeBinary, 2000, constant_text(2000)),
        "page"
    );
    let shared = {
        let mut shared = lengths(&[1000], &[0, 1000], &long);
        shared[..8].copy_from_slice(&head(1, 0, 1));
        shared
    };
    let coded = |rows| {
        let page = page(&[&head(4, 0, 0), &constant(0)]);
        vec![ForgedNode::new(rows, page).with_shared(shared.clone())]
    };
    assert_eq!(taken(DataType::Utf8, 1000, coded(1000)).len(), 1000);
    assert_eq!(refused(DataType::Utf8, 2000, coded(2000)), "page");
}

/// Lists with these sizes, of a child with so many values.
fn lists(sizes: &[u32], first: u64, child: u64) -> Vec<ForgedNode> {
    let sizes_body = [head(0, 0, 0), words(sizes)].concat();
    let page_of = page(&[&words(&[first]), &sizes_body]);
    vec![
        ForgedNode::new(sizes.len() as u64, page_of),
        ForgedNode::new(child, page(&[&constant(7)])),
    ]
}

#[test]
fn sizes_of_lists() {
    let int = || item(DataType::Int32);
    for data_type in [
        DataType::List(int()),
        DataType::LargeList(int()),
        DataType::ListView(int()),
        DataType::LargeListView(int()),
    ] {
        assert_eq!(
            taken(data_type.clone(), 3, lists(&[2, 0, 3], 0, 5)).len(),
            3
        );
        for (what, nodes) in [
            ("too many", lists(&[2, 0, 4], 0, 5)),
            ("too few", lists(&[2, 0, 2], 0, 5)),
            ("gigabytes", lists(&[u32::MAX; 3], 0, 5)),
            ("first", lists(&[2, 0, 3], 1, 5)),
            ("first", lists(&[2, 0, 3], u64::MAX, 5)),
            ("first", lists(&[2, 0, 2], 1, 5)),
        ] {
            assert_eq!(refused(data_type.clone(), 3, nodes), "page", "{what}");
        }
        // Two pages: one alone tells when it lies behind its child, both whether they fit.
        let two = |second: u64| {
            let mut nodes = lists(&[2, 1], 0, 6);
            let more = lists(&[1, 2], second, 6);
            nodes[0].page_log2 = 1;
            nodes[0].len = 4;
            nodes[0].pages.push(more[0].pages[0].clone());
            nodes
        };
        assert_eq!(taken(data_type.clone(), 4, two(3)).len(), 4);
        for first in [0, 2, 4, 1 << 40, u64::MAX] {
            assert_eq!(refused(data_type.clone(), 4, two(first)), "page", "{first}");
            let schema = schema(std::slice::from_ref(&data_type));
            let sealed = Forged::new(&schema, 4, two(first)).seal();
            let front = parse_front(&schema, &sealed, &LIMITS).unwrap();
            let mut asked = Asked::whole(&schema, 4);
            asked.rows = vec![3..4];
            assert_eq!(code(read(&schema, &front, &sealed, &asked)), "page");
            asked.rows = vec![1..2, 3..4];
            assert_eq!(code(read(&schema, &front, &sealed, &asked)), "page");
        }
    }
}

#[test]
fn codes_of_dictionary_arrays() {
    let nodes = |codes: &[u32], values: u64| {
        let codes_body = [head(0, 0, 0), words(codes)].concat();
        vec![
            ForgedNode::new(codes.len() as u64, page(&[&codes_body])),
            ForgedNode::new(values, page(&[&constant(7)])),
        ]
    };
    for key in [
        DataType::Int8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::Int64,
    ] {
        let data_type = DataType::Dictionary(Box::new(key), Box::new(DataType::Int32));
        assert_eq!(taken(data_type.clone(), 3, nodes(&[1, 0, 1], 2)).len(), 3);
        for codes in [[0, 2, 0], [u32::MAX, 0, 0]] {
            assert_eq!(refused(data_type.clone(), 3, nodes(&codes, 2)), "page");
            let schema = schema(std::slice::from_ref(&data_type));
            let sealed = Forged::new(&schema, 3, nodes(&codes, 2)).seal();
            let front = parse_front(&schema, &sealed, &LIMITS).unwrap();
            let mut asked = Asked::whole(&schema, 3);
            asked.rows = vec![0..2];
            assert_eq!(code(read(&schema, &front, &sealed, &asked)), "page");
        }
    }
    // More than the keys can name.
    let data_type = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Int32));
    assert_eq!(refused(data_type, 3, nodes(&[0, 128, 0], 200)), "page");
}

#[test]
fn codecs() {
    let sound = page(&[&constant(7)]);
    for byte in [b'z', b'b', b's', b'l'] {
        let mut node = ForgedNode::new(3, sound.clone());
        node.compression = byte;
        assert_eq!(taken(DataType::Int32, 3, vec![node.clone()]).len(), 3);
        for (stored, expected) in [
            (vec![], "varint"),
            (vec![0xff; 12], "varint"),
            (
                [vec![0xff, 0xff, 0xff, 0xff, 0x7f], vec![7; 20]].concat(),
                "implausible_size",
            ),
            ([vec![3], vec![0xee; 20]].concat(), "decompress"),
        ] {
            node.stored = vec![stored.clone()];
            let code = refused(DataType::Int32, 3, vec![node.clone()]);
            let also = ["decompress", "decoded_size", "implausible_size", "limit"];
            assert!(
                code == expected || also.contains(&code),
                "{byte}, {stored:?}: {code}"
            );
        }
    }
    // Compressed pages are as well checked as others.
    let mut node = ForgedNode::new(3, page(&[&constant(7), &[0; 8]]));
    node.compression = b'z';
    assert_eq!(refused(DataType::Int32, 3, vec![node]), "page");
}

#[test]
fn nulls_where_none_may_be() {
    let fields = vec![Field::new("x", DataType::Int32, false)];
    let schema = schema_of(Arc::new(Schema::new(fields)));
    let page = parts(&[&head(2, 0, 0), &[0b101], &constant(7)]);
    let nodes = vec![ForgedNode::new(3, page).with_nulls(1)];
    let sealed = Forged::new(&schema, 3, nodes).seal();
    assert_eq!(both_ways(&schema, &sealed), "column_front");
    let inner = Fields::from(vec![Field::new("x", DataType::Int32, false)]);
    let data_type = DataType::Struct(inner);
    let nodes = vec![ForgedNode::no_pages(3), ForgedNode::all_null(3)];
    assert_eq!(refused(data_type, 3, nodes), "page");
}

#[test]
fn runs_that_their_type_cannot_count() {
    let runs = |ends: DataType| {
        let ends = Arc::new(Field::new("run_ends", ends, false));
        DataType::RunEndEncoded(ends, item(DataType::Int32))
    };
    let rows = 40_000;
    let nodes = |rows| vec![ForgedNode::new(rows, page(&[&constant(7)]))];
    assert_eq!(
        taken(runs(DataType::Int32), rows, nodes(rows)).len(),
        40_000
    );
    assert_eq!(
        refused(runs(DataType::Int16), rows, nodes(rows)),
        "column_front"
    );
    assert_eq!(
        refused(
            runs(DataType::Int16),
            rows,
            vec![ForgedNode::all_null(rows)]
        ),
        "column_front"
    );
    // Below lists of fixed size that are all null.
    let lists = DataType::FixedSizeList(item(runs(DataType::Int16)), 40_000);
    let nodes = vec![ForgedNode::all_null(1), ForgedNode::all_null(40_000)];
    assert_eq!(refused(lists, 1, nodes), "column_front");
}

#[test]
fn runs_of_all_types_come_back() {
    let mut random = Random(1);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..400 {
        let values_type = random_type(&mut random, 1);
        let name = values_type.to_string();
        if matches!(values_type, DataType::RunEndEncoded(..)) || !seen.insert(name.clone()) {
            continue;
        }
        let values = random_array(&mut random, &values_type, 3, true);
        let ends = arrow_array::Int32Array::from(vec![2, 5, 6]);
        let Ok(runs) = arrow_array::RunArray::<Int32Type>::try_new(&ends, &values) else {
            continue;
        };
        let runs: ArrayRef = Arc::new(runs);
        let batch = RecordBatch::try_from_iter_with_nullable([("x", runs, true)]).unwrap();
        let (schema, sealed) = encode(&batch, &EncodeOptions::new());
        let read = read_whole(&schema, &sealed).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            &random::plain(read.column(0)),
            &random::plain(batch.column(0)),
            "{name}"
        );
    }
    assert!(seen.len() > 30);
}

/// Nested sums took a thousand times as long with each level.
#[test]
fn nested_deltas_take_no_time() {
    let delta = |len: usize| [head(3, 0, 0), vec![0; len.div_ceil(1024) * 8]].concat();
    let len = 60_000;
    let body: Vec<&[u8]> = vec![];
    let deltas = delta(len);
    let one = constant(0);
    let mut nested = body;
    nested.extend([&deltas[..], &deltas, &deltas, &one]);
    let int = ForgedNode::new(len as u64, page(&nested));
    let mut coded = ForgedNode::new(len as u64, page(&[&head(4, 0, 0), &deltas, &deltas, &one]));
    coded = coded.with_shared(dictionary(1, &[&constant(9)]));
    let schema = schema(&[DataType::Int32]);
    for node in [int, coded] {
        let sealed = Forged::new(&schema, len as u64, vec![node]).seal();
        let begun = std::time::Instant::now();
        read_whole(&schema, &sealed).unwrap();
        let front = parse_front(&schema, &sealed, &LIMITS).unwrap();
        let mut asked = Asked::whole(&schema, len as u64);
        asked.rows = (0..100).map(|row| row * 599..row * 599 + 1).collect();
        read(&schema, &front, &sealed, &asked).unwrap();
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }
}

/// An empty page, and the next one at the same place, were asked for for ever.
#[test]
fn empty_pages_are_not_asked_for() {
    let mut node = ForgedNode::new(4, Vec::new());
    node.page_log2 = 1;
    node.pages.push(page(&[&constant(7)]));
    assert_eq!(refused(DataType::Int32, 4, vec![node]), "page");
}

#[test]
fn deep_schemas_come_back() {
    let mut data_type = DataType::Int32;
    for depth in 0..80 {
        let field = Field::new("x", data_type.clone(), true);
        let Ok(schema) = ColumnSchema::new(Arc::new(Schema::new(vec![field]))) else {
            // The type alone is no level.
            assert_eq!(depth, MAX_SCHEMA_DEPTH + 1);
            return;
        };
        ColumnSchema::parse(schema.message(), forge::AT)
            .unwrap_or_else(|error| panic!("{depth}: {error}"));
        data_type = DataType::List(item(data_type));
    }
    panic!("no depth is too deep");
}

#[test]
fn schemas_that_are_none() {
    let mut random = Random(5);
    let mut parsed = 0;
    for _ in 0..300 {
        let fields: Vec<Field> = (0..1 + random.below(3))
            .map(|number| Field::new(format!("c{number}"), random_type(&mut random, 2), true))
            .collect();
        let sound = schema_of(Arc::new(Schema::new(fields)));
        for _ in 0..100 {
            let mut message = sound.message().to_vec();
            for _ in 0..1 + random.below(3) {
                let place = random.below(message.len());
                match random.below(4) {
                    0 => message[place] ^= 1 << random.below(8),
                    1 => message[place] = [0, 1, 2, 0x7f, 0xff, 16, 32, 64][random.below(8)],
                    2 => message[place] = message[random.below(message.len())],
                    _ => {
                        let place = place & !3;
                        let value = u32::try_from(random.below(64)).unwrap();
                        message[place..place + 4].copy_from_slice(&value.to_le_bytes());
                    }
                }
            }
            match ColumnSchema::parse(&message, forge::AT) {
                Ok(schema) => {
                    parsed += 1;
                    // What can be parsed can be read.
                    let batch = RecordBatch::new_empty(Arc::clone(schema.arrow()));
                    assert_eq!(batch.num_columns(), schema.arrow().fields().len());
                    read_nulls(&schema);
                    for strings in [Strings::Plain, Strings::Large, Strings::View] {
                        let _ = schema.with_strings(strings);
                    }
                }
                Err(error) => assert_eq!(error.code(), "schema", "{error}"),
            }
        }
    }
    assert!(parsed > 1000, "{parsed}");
}

/// The nodes of a field, `len` times null.
fn empty_nodes(data_type: &DataType, len: u64) -> Vec<ForgedNode> {
    let mut nodes = vec![ForgedNode::all_null(len)];
    let data_type = match data_type {
        DataType::RunEndEncoded(_, values) => values.data_type(),
        other => other,
    };
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::Map(item, _) => nodes.extend(empty_nodes(item.data_type(), 0)),
        DataType::FixedSizeList(item, size) => {
            let size = u64::try_from(*size).unwrap();
            nodes.extend(empty_nodes(item.data_type(), len.saturating_mul(size)));
        }
        DataType::Struct(fields) => {
            for field in fields {
                nodes.extend(empty_nodes(field.data_type(), len));
            }
        }
        DataType::Dictionary(_, values) => nodes.extend(empty_nodes(values, 0)),
        _ => {}
    }
    nodes
}

/// Two rows that are all null.
fn read_nulls(schema: &ColumnSchema) {
    let fields = schema.arrow().fields().iter();
    let nodes = fields
        .flat_map(|field| empty_nodes(field.data_type(), 2))
        .collect();
    let sealed = Forged::new(schema, 2, nodes).seal();
    if let Err(error) = read_whole(schema, &sealed) {
        assert!(["column_front", "page"].contains(&error.code()), "{error}");
    }
}

#[test]
fn statistics_that_lie() {
    let mut random = Random(9);
    for _ in 0..300 {
        let types = [random_type(&mut random, 1), random_type(&mut random, 1)];
        let schema = schema(&types);
        let count = empty_nodes(&types[0], 0).len() + empty_nodes(&types[1], 0).len();
        let node = |random: &mut Random| {
            let mut bound = || {
                let bytes: Vec<u8> = (0..random.below(40))
                    .map(|_| random.next().to_le_bytes()[0])
                    .collect();
                (random.below(4) > 0).then_some(Bound {
                    bytes,
                    is_value: true,
                })
            };
            let bounds = Bounds {
                least: bound(),
                most: bound(),
            };
            NodeStatistics {
                nulls: EXTREMES[random.below(12)],
                bounds,
            }
        };
        let group = |random: &mut Random| GroupStatistics {
            data_hash: 1,
            nodes: (0..count).map(|_| node(random)).collect(),
        };
        let groups = [group(&mut random), group(&mut random)];
        let mut contents = Vec::new();
        groups.iter().for_each(|group| group.encode(&mut contents));
        assert_eq!(
            GroupStatistics::parse_all(&contents, count, forge::AT).unwrap(),
            groups
        );
        for column in 0..2 {
            let mut range = groups[0].column_range(&schema, column, 10);
            range.merge(groups[1].column_range(&schema, column, 10));
            for comparison in [Comparison::Less, Comparison::NotEqual, Comparison::Greater] {
                let predicate = Predicate::compare_text(format!("c{column}"), comparison, "5");
                if let Ok(bound) = predicate.bind(&schema) {
                    let _ = bound.may_match(&groups[0], 10, &schema);
                }
            }
        }
        for _ in 0..20 {
            let mut contents = contents.clone();
            change_bytes(&mut random, &mut contents);
            if let Err(error) = GroupStatistics::parse_all(&contents, count, forge::AT) {
                assert_eq!(error.code(), "statistics");
            }
        }
    }
}

/// Rows whose code names a null were passed over by statistics, which count the codes that are null.
#[test]
fn nulls_among_the_values_of_a_dictionary_are_found() {
    let keys = arrow_array::Int32Array::from(vec![0, 1, 0]);
    let values = arrow_array::StringArray::from(vec![Some("a"), None]);
    let array = arrow_array::DictionaryArray::new(keys, Arc::new(values));
    let batch =
        RecordBatch::try_from_iter_with_nullable([("c0", Arc::new(array) as ArrayRef, true)]);
    let batch = batch.unwrap();
    let schema = schema_of(batch.schema());
    let statistics = GroupStatistics::of_rows(&schema, &batch, 1).unwrap();
    let not_null = Predicate::Not(Box::new(Predicate::IsNotNull("c0".into())));
    for predicate in [Predicate::IsNull("c0".into()), not_null] {
        let bound = predicate.bind(&schema).unwrap();
        assert_eq!(bound.evaluate(&batch).unwrap().count_set_bits(), 1);
        assert!(bound.may_match(&statistics, 3, &schema));
    }
}

fn table(random: &mut Random, columns: usize, rows: usize) -> RecordBatch {
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for number in 0..columns {
        let data_type = random_type(random, 2);
        let nullable = random.below(3) > 0 || data_type == DataType::Null;
        let array = random_array(random, &data_type, rows, nullable);
        let nullable = nullable || array.logical_null_count() > 0;
        arrays.push(array);
        fields.push(Field::new(format!("c{number}"), data_type, nullable));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).unwrap()
}

fn options(random: &mut Random) -> EncodeOptions {
    let codecs = [
        None,
        None,
        Some(PageCodec::Lz4),
        Some(PageCodec::Buffer(Codec::Zstd { level: 1 })),
        Some(PageCodec::Buffer(Codec::Snappy)),
    ];
    let profile = [Profile::Spill, Profile::Balanced, Profile::Small][random.below(3)];
    let options = EncodeOptions::new().with_profile(profile);
    match codecs[random.below(codecs.len())] {
        Some(codec) => options.with_codec(codec),
        None => options,
    }
}

const EXTREMES: [u64; 12] = [
    0,
    1,
    2,
    255,
    1 << 16,
    (1 << 16) - 1,
    1 << 31,
    (1 << 31) - 1,
    (1 << 32) - 1,
    1 << 60,
    1 << 63,
    u64::MAX,
];

fn change_bytes(random: &mut Random, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        bytes.push(random.next().to_le_bytes()[0]);
        return;
    }
    // Heads and what stands near them matter most.
    let near = bytes
        .len()
        .min(if random.below(2) == 0 { 64 } else { usize::MAX });
    let place = random.below(near);
    match random.below(7) {
        0 => bytes[place] ^= 1 << random.below(8),
        1 => bytes[place] = random.next().to_le_bytes()[0],
        2 => bytes[place & !7] = u8::try_from(random.below(13)).unwrap(),
        3 | 4 => {
            let size = [2, 4, 8][random.below(3)];
            let begin = place & !(size - 1);
            let value = match random.below(3) {
                0 => random.next() % 70_000,
                _ => EXTREMES[random.below(EXTREMES.len())],
            };
            let end = bytes.len().min(begin + size);
            bytes[begin..end].copy_from_slice(&value.to_le_bytes()[..end - begin]);
        }
        5 => bytes.truncate(place),
        _ => {
            let more = bytes[..place].to_vec();
            bytes.extend(more);
        }
    }
}

fn change(random: &mut Random, forged: &mut Forged) {
    let node = random.below(forged.nodes.len());
    let other = random.below(forged.nodes.len());
    let pages = forged.nodes[node].pages.len();
    match random.below(14) {
        0..=6 if pages > 0 => {
            let page = random.below(pages);
            change_bytes(random, &mut forged.nodes[node].pages[page]);
        }
        7 if pages > 0 && !forged.nodes[other].pages.is_empty() => {
            let (a, b) = (
                random.below(pages),
                random.below(forged.nodes[other].pages.len()),
            );
            let page = forged.nodes[other].pages[b].clone();
            let page = std::mem::replace(&mut forged.nodes[node].pages[a], page);
            forged.nodes[other].pages[b] = page;
        }
        8 => {
            let len = forged.nodes[node].len;
            let values = [
                len.wrapping_add(1),
                len.wrapping_sub(1),
                EXTREMES[random.below(12)],
            ];
            forged.nodes[node].len = values[random.below(3)];
        }
        9 => {
            let nulls = forged.nodes[node].nulls;
            let values = [
                nulls.wrapping_add(1),
                nulls.wrapping_sub(1),
                0,
                forged.nodes[node].len,
            ];
            forged.nodes[node].nulls = values[random.below(4)];
        }
        10 => forged.nodes[node].page_log2 = u8::try_from(random.below(20)).unwrap(),
        11 => forged.nodes[node].has_shared ^= 1,
        12 => forged.rows = EXTREMES[random.below(12)].min(1 << 20),
        13 => {
            let mut compressor = windrow_format::Compressor::new();
            let codec = PageCodec::Buffer(Codec::Zstd { level: 1 });
            let node = &mut forged.nodes[node];
            node.compression = b'z';
            node.stored = node
                .pages
                .iter()
                .map(|page| {
                    let mut stored = Vec::new();
                    compressor.compress_page(codec, page, &mut stored).unwrap();
                    stored
                })
                .collect();
            if let Some(page) = node.stored.first_mut() {
                change_bytes(random, page);
            }
        }
        _ => forged.decoded_bytes = EXTREMES[random.below(12)].min(LIMITS.max_chunk_bytes),
    }
}

const CODES: [&str; 14] = [
    "trailing_bytes",
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
    "compression_type",
    "buffer",
];

/// What a read gives, or its code.
fn outcome(
    schema: &ColumnSchema,
    sealed: &Sealed,
    asked: &Asked,
) -> Result<RecordBatch, &'static str> {
    // What is known of shared pages comes anew each time.
    let front = parse_front(schema, sealed, &LIMITS).unwrap();
    read(schema, &front, sealed, asked).map_err(|error| {
        assert!(CODES.contains(&error.code()), "{}: {error}", error.code());
        error.code()
    })
}

fn try_all(random: &mut Random, schema: &ColumnSchema, sealed: &Sealed) -> bool {
    let front = match parse_front(schema, sealed, &LIMITS) {
        Ok(front) => front,
        Err(error) => {
            assert!(CODES.contains(&error.code()), "{}: {error}", error.code());
            return false;
        }
    };
    let rows = front.rows();
    if rows > 1 << 20 {
        return false;
    }
    let mut asked = Asked::whole(schema, rows);
    let whole = outcome(schema, sealed, &asked);
    asked.verified = true;
    let verified = outcome(schema, sealed, &asked);
    if whole.as_ref().err() == Some(&"crc") {
        // Nothing says what the others hold.
        return false;
    }
    assert_eq!(whole.as_ref().err(), verified.as_ref().err());
    for strings in [Strings::Plain, Strings::Large, Strings::View] {
        asked.strings = strings;
        let other = outcome(schema, sealed, &asked);
        assert_eq!(whole.is_ok(), other.is_ok(), "{strings:?}");
    }
    asked.strings = Strings::AsWritten;
    let count = usize::try_from(rows).unwrap();
    for _ in 0..4 {
        asked.verified = random.below(2) == 0;
        let begin = random.below(count);
        let end = begin + 1 + random.below(count - begin);
        asked.rows = match random.below(3) {
            0 => std::iter::once(begin as u64..end as u64).collect(),
            1 => std::iter::once(begin as u64..begin as u64 + 1).collect(),
            _ => (0..rows)
                .filter(|_| random.below(count / 5 + 2) == 0)
                .map(|row| row..row + 1)
                .collect(),
        };
        asked.columns = (0..schema.arrow().fields().len())
            .filter(|_| random.below(3) > 0)
            .collect();
        let part = outcome(schema, sealed, &asked);
        let Ok(whole) = &whole else { continue };
        // What is sound as a whole is so in part, and the same.
        let part = part.unwrap();
        let places = UInt64Array::from_iter_values(asked.rows.iter().cloned().flatten());
        for (got, &column) in part.columns().iter().zip(&asked.columns) {
            let expected = random::taken(whole.column(column), &places);
            if got.as_ref() != expected.as_ref() {
                assert_eq!(
                    &random::plain(got),
                    &random::plain(&expected),
                    "column {column}, rows {:?}",
                    asked.rows
                );
            }
        }
    }
    whole.is_ok()
}

#[test]
fn changed_chunks_are_refused_or_sound() {
    let rounds = std::env::var("HOSTILE_ROUNDS").map_or(150, |rounds| rounds.parse().unwrap());
    let seed = std::env::var("HOSTILE_SEED").map_or(0, |seed| seed.parse().unwrap());
    let (mut sound, mut all) = (0, 0);
    for round in seed..seed + rounds {
        let mut random = Random(round);
        let columns = 1 + random.below(4);
        let rows = [
            1 + random.below(40),
            1000 + random.below(100),
            4000 + random.below(3000),
        ][random.below(3)];
        let batch = table(&mut random, columns, rows);
        let (schema, sealed) = encode(&batch, &options(&mut random));
        let forged = Forged::take_apart(&schema, &sealed);
        assert!(
            try_all(&mut random, &schema, &forged.seal()),
            "round {round}"
        );
        for _ in 0..60 {
            let mut forged = forged.clone();
            for _ in 0..1 + random.below(2) {
                change(&mut random, &mut forged);
            }
            all += 1;
            if try_all(&mut random, &schema, &forged.seal()) {
                sound += 1;
            }
        }
        // Bytes of the front.
        for _ in 0..30 {
            let mut sealed = sealed.clone();
            let bytes = u32::from_le_bytes(sealed.data[4..8].try_into().unwrap());
            let end = usize::try_from(bytes).unwrap() - 4;
            let place = 8 + random.below(end - 8);
            sealed.data[place] = [random.next().to_le_bytes()[0], 0, 255, 1][random.below(4)];
            let crc = crc_of(&sealed.data[..end]);
            sealed.data[end..end + 4].copy_from_slice(&crc.to_le_bytes());
            try_all(&mut random, &schema, &sealed);
        }
    }
    // Neither all nor none of the changes can be seen.
    assert!(sound * 20 > all && sound * 2 < all, "{sound} of {all}");
}
