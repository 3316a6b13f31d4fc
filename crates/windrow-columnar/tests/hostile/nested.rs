//! Lists, arrays of dictionaries and runs.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Fields, Schema};
use windrow_columnar::EncodeOptions;

use crate::forge::{
    Asked, Forged, ForgedNode, LIMITS, constant, encode, head, page, parse_front, parts, read,
    read_whole, schema_of, words,
};
use crate::random::{Random, plain, random_array, random_type};
use crate::shared::{both_ways, code, item, refused, schema, taken};

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
        assert_eq!(&plain(read.column(0)), &plain(batch.column(0)), "{name}");
    }
    assert!(seen.len() > 30);
}
