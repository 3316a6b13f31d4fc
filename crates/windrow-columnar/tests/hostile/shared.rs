//! What the tests have in common: columns with one forged thing, and what comes of reading them.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Fields, Schema};
use windrow_columnar::{ColumnError, ColumnSchema};

use crate::forge::{
    Asked, Forged, ForgedNode, LIMITS, Sealed, head, page, parse_front, parts, read, read_whole,
    schema_of, words,
};

pub fn schema(types: &[DataType]) -> ColumnSchema {
    let fields = (0..)
        .zip(types)
        .map(|(number, data_type)| Field::new(format!("c{number}"), data_type.clone(), true));
    schema_of(Arc::new(Schema::new(fields.collect::<Fields>())))
}

pub fn item(data_type: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", data_type, true))
}

pub fn code(result: Result<RecordBatch, ColumnError>) -> &'static str {
    match result {
        Ok(batch) => panic!("{batch:?}"),
        Err(error) => error.code(),
    }
}

/// The code of a chunk with one column, read whole, and row by row.
pub fn refused(data_type: DataType, rows: u64, nodes: Vec<ForgedNode>) -> &'static str {
    let schema = schema(&[data_type]);
    let sealed = Forged::new(&schema, rows, nodes).seal();
    both_ways(&schema, &sealed)
}

pub fn both_ways(schema: &ColumnSchema, sealed: &Sealed) -> &'static str {
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
pub fn page_refused(data_type: DataType, len: u64, page: Vec<u8>) -> &'static str {
    refused(data_type, len, vec![ForgedNode::new(len, page)])
}

pub fn taken(data_type: DataType, rows: u64, nodes: Vec<ForgedNode>) -> ArrayRef {
    let schema = schema(&[data_type]);
    let sealed = Forged::new(&schema, rows, nodes).seal();
    Arc::clone(read_whole(&schema, &sealed).unwrap().column(0))
}

pub fn with_dictionary(shared: Vec<u8>, codes: &[u32]) -> Vec<ForgedNode> {
    let codes = [head(0, 0, 0), words(codes)].concat();
    vec![ForgedNode::new(3, page(&[&head(4, 0, 0), &codes])).with_shared(shared)]
}

/// The page of a dictionary of `count` values.
pub fn dictionary(count: u32, body: &[&[u8]]) -> Vec<u8> {
    parts(&[&[&head(1, 0, count)[..]], body].concat())
}

/// The nodes of a field, `len` times null.
pub fn empty_nodes(data_type: &DataType, len: u64) -> Vec<ForgedNode> {
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

/// A number of the section on columns of the specification.
pub fn specified(name: &str) -> u64 {
    let constants = include_str!("../../../../format-spec/constants.toml");
    let (_, section) = constants.split_once("\n[columns]\n").unwrap();
    let line = section
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
    line.unwrap().parse().unwrap()
}
