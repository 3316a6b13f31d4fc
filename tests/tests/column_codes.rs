//! Every code of an error about columns has an example that produces it, and a row in `docs/errors.md`.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::builder::BinaryViewBuilder;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, UnionFields, UnionMode};
use windrow::columnar::RowGroup;
use windrow::{
    At, ColumnError, ColumnSchema, Comparison, Error, GroupStatistics, Predicate, ReaderOptions,
    TableOptions, TableReader, TableWriter,
};
use windrow_tests::repository;
use windrow_tests::tables::{rows, schema, write_table};

/// Where the codes are given out.
const SOURCE: &str = include_str!("../../crates/windrow-columnar/src/error.rs");
/// Where pages and fronts are forged that fit their checksums.
const FORGED: &str = "crates/windrow-columnar/tests/hostile";

fn column_error(error: Error) -> ColumnError {
    match error {
        Error::Column { source, .. } => *source,
        other => panic!("{other}"),
    }
}

fn of_type(data_type: DataType) -> ColumnError {
    let schema = Schema::new(vec![Field::new("column", data_type, true)]);
    let created = TableWriter::create(Vec::new(), Arc::new(schema), TableOptions::new());
    column_error(created.unwrap_err())
}

fn deep() -> DataType {
    (0..100).fold(DataType::Int64, |inner, _| {
        DataType::List(Arc::new(Field::new_list_field(inner, true)))
    })
}

fn table() -> TableReader {
    let bytes = write_table(&rows(1, 0..10), TableOptions::new());
    TableReader::from_bytes(bytes, ReaderOptions::new()).unwrap()
}

/// Rows with other columns than the table.
fn others() -> ColumnError {
    let mut writer = TableWriter::create(Vec::new(), schema(), TableOptions::new()).unwrap();
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let batch = RecordBatch::try_from_iter([("id", ids)]).unwrap();
    let error = writer.write(&batch).unwrap_err();
    // The writer goes on.
    writer.write(&rows(1, 0..3)).unwrap();
    assert_eq!(writer.finish().unwrap().1.records, 3);
    column_error(error)
}

/// Views of one megabyte, two gigabytes of them.
fn many_bytes() -> ColumnError {
    let mut views = BinaryViewBuilder::new();
    let block = views.append_block(vec![7; 1 << 20].into());
    for _ in 0..2048 {
        views.try_append_view(block, 0, 1 << 20).unwrap();
    }
    let views: ArrayRef = Arc::new(views.finish());
    let batch = RecordBatch::try_from_iter([("views", views)]).unwrap();
    let schema = ColumnSchema::new(batch.schema()).unwrap();
    RowGroup::new(&schema, vec![batch]).unwrap_err()
}

fn not_comparable() -> ColumnError {
    let number = Int64Array::from(vec![1]);
    let wanted = Predicate::compare("tags", Comparison::Equal, number);
    column_error(table().scan().filter(wanted).batches().unwrap_err())
}

fn union() -> DataType {
    DataType::Union(UnionFields::empty(), UnionMode::Dense)
}

/// All codes but those of forged pages, each with what produces it.
fn examples() -> Vec<(&'static str, ColumnError)> {
    vec![
        ("unsupported_type", of_type(union())),
        ("nested_too_deep", of_type(deep())),
        ("too_large", many_bytes()),
        ("schema_differs", others()),
        (
            "no_column",
            column_error(table().take(&[0], Some(&["other"])).unwrap_err()),
        ),
        ("predicate", not_comparable()),
        (
            "schema",
            ColumnSchema::parse(b"no schema", At::byte(64)).unwrap_err(),
        ),
        (
            "statistics",
            GroupStatistics::parse_all(&[1, 2, 3], 2, At::byte(64)).unwrap_err(),
        ),
    ]
}

/// What [`ColumnError::code`] can return of its own, so that a new variant needs an example and a row.
fn codes_in_source() -> BTreeSet<&'static str> {
    let begin = SOURCE.find("pub fn code(&self)").expect("the function");
    let body = &SOURCE[begin..];
    let body = &body[..body.find("\n    }\n").expect("its end")];
    body.lines()
        .filter_map(|line| line.split_once("=> \"")?.1.split_once('"'))
        .map(|(code, _)| code)
        .collect()
}

#[test]
fn each_code_is_produced() {
    let mut produced = BTreeSet::new();
    for (code, error) in examples() {
        assert_eq!(error.code(), code, "{error}");
        assert!(produced.insert(code), "{code} twice");
    }
    let forged: String = repository::files_in(FORGED)
        .into_iter()
        .map(|name| repository::read_text(format!("{FORGED}/{name}")))
        .collect();
    for code in ["column_front", "page", "utf8", "column_version"] {
        assert!(forged.contains(&format!("\"{code}\"")), "{code}");
        assert!(produced.insert(code), "{code} twice");
    }
    let codes = codes_in_source();
    assert!(codes.len() >= 12, "{codes:?}");
    assert_eq!(codes, produced, "without an example, or no code");
}

#[test]
fn the_page_on_errors_lists_each_code() {
    let page = repository::read_text("docs/errors.md");
    let (_, section) = page.split_once("\n## Tables\n").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("its end");
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let told: Vec<&str> = rows.map(|row| row.split('`').nth(1).unwrap()).collect();
    let codes: BTreeSet<&str> = told.iter().copied().collect();
    assert_eq!(codes.len(), told.len(), "a code has two rows: {told:?}");
    // That of a whole file, not of what is in it.
    let mut expected = codes_in_source();
    expected.insert("schema_lost");
    assert_eq!(codes, expected);
}
