//! Tables that were never finished and whose schema is damaged: their rows come back with the schema that they were written
//! with, and with no other.
#![cfg(feature = "columns")]

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, UnionFields, UnionMode};
use arrow_select::concat::concat_batches;
use windrow_columnar::{ColumnSchema, Profile};
use windrow_format::ErrorKind;
use windrow_format::options::{OnCorrupt, ReaderOptions, WriterOptions};
use windrow_io::{
    ColumnFileOptions, Error, RecoverOptions, Recovered, Result, SourceName, TableOptions,
    TableReader, TableWriter, Writer, recover_store,
};

const ROWS: usize = 500;
const GROUP_ROWS: usize = 100;
/// Where the message begins in the chunk of the schema, which is the first one of the file.
const SCHEMA_BYTE: usize = 64 + 40 + 20;

fn schema() -> SchemaRef {
    let inner = Field::new("text", DataType::Utf8, false);
    let codes = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
    let fields = vec![
        Field::new("id", DataType::Int64, false),
        Field::new("codes", codes, true)
            .with_metadata([("unit".to_owned(), "m".to_owned())].into()),
        Field::new("nested", DataType::Struct([Arc::new(inner)].into()), false),
    ];
    let pairs = ["b", "a", "d", "c"].map(|key| (key.to_owned(), "value".to_owned()));
    Arc::new(Schema::new_with_metadata(fields, HashMap::from(pairs)))
}

fn batch() -> RecordBatch {
    let codes: DictionaryArray<Int32Type> = (0..ROWS)
        .map(|id| ["x", "y"].get(id % 3).copied())
        .collect();
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..ROWS).map(|id| format!("text {id}")),
    ));
    let DataType::Struct(inner) = schema().field(2).data_type().clone() else {
        unreachable!("as it is made above");
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new((0..500).collect::<Int64Array>()),
        Arc::new(codes),
        Arc::new(StructArray::new(inner, vec![texts], None)),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

/// Five row groups, and where each of them begins.
fn whole() -> (Vec<u8>, Vec<usize>) {
    let options = TableOptions::new()
        .with_profile(Profile::Spill)
        .with_group_rows(GROUP_ROWS);
    let mut bytes = Vec::new();
    let mut writer = TableWriter::create(&mut bytes, schema(), options).unwrap();
    writer.write(&batch()).unwrap();
    writer.finish().unwrap();
    let table = TableReader::from_bytes(bytes.clone(), ReaderOptions::new()).unwrap();
    let begin = |group| table.file().chunk_location(group).unwrap().begin;
    let begins = (0..table.num_row_groups()).map(|group| usize::try_from(begin(group)).unwrap());
    (bytes, begins.collect())
}

/// What is there before the footer is written, with one bit of the schema flipped.
fn without_schema() -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, begins) = whole();
    let table = TableReader::from_bytes(bytes.clone(), ReaderOptions::new()).unwrap();
    let last = table.file().chunk_location(table.num_row_groups() - 1);
    bytes.truncate(usize::try_from(last.unwrap().end).unwrap());
    bytes[SCHEMA_BYTE] ^= 4;
    (bytes, begins)
}

fn recover(bytes: &[u8], options: RecoverOptions) -> Result<Recovered> {
    recover_store(bytes.to_vec(), SourceName::path("lost.columns"), &options)
}

/// The rows of what was recovered.
fn rows(recovered: Recovered) -> RecordBatch {
    let table = TableReader::from_reader(recovered.reader).unwrap();
    let batches: Result<Vec<RecordBatch>> = table.scan().batches().unwrap().collect();
    concat_batches(table.schema(), &batches.unwrap()).unwrap()
}

#[test]
fn without_it_the_error_says_what_would_help() {
    let (bytes, begins) = without_schema();
    let recovered = recover(&bytes, RecoverOptions::new()).unwrap();
    assert_eq!(recovered.report.records, ROWS as u64);
    assert!(recovered.reader.has_columns());
    let of_file = ColumnFileOptions::of(&recovered.reader).unwrap_err();
    let of_table = TableReader::from_reader(recovered.reader).unwrap_err();
    let skipping = ReaderOptions::new().with_on_corrupt(OnCorrupt::Skip);
    let opened = TableReader::from_bytes(bytes, skipping).unwrap_err();
    for error in [of_file, of_table, opened] {
        assert_eq!(
            (error.code(), error.kind()),
            ("schema_lost", ErrorKind::Corrupt)
        );
        assert_eq!(error.at().unwrap().byte, begins[0] as u64);
        let text = error.to_string();
        for words in [
            "with_schema",
            "schema=",
            "--schema-from",
            &begins[0].to_string(),
        ] {
            assert!(text.contains(words), "{text}");
        }
    }
}

#[test]
fn all_rows_come_back_with_the_schema_of_the_writer() {
    let (bytes, _) = without_schema();
    // As the caller made it, and as another file of the same writer has it.
    let other = TableReader::from_bytes(whole().0, ReaderOptions::new()).unwrap();
    let message = other.file().arrow_schema().unwrap();
    for options in [
        RecoverOptions::new().with_schema(schema()),
        RecoverOptions::new().with_schema(other.schema().clone()),
        RecoverOptions::new().with_schema_message(message),
    ] {
        let recovered = recover(&bytes, options).unwrap();
        assert_eq!(recovered.report.records, ROWS as u64);
        assert_eq!(recovered.report.skipped.len(), 1, "the chunk of the schema");
        assert_eq!(
            ColumnFileOptions::of(&recovered.reader).unwrap().schema,
            message
        );
        assert_eq!(rows(recovered), batch());
    }
}

#[test]
fn of_damaged_row_groups_only_those_are_lost() {
    for lost in [0, 2, 4] {
        let (mut bytes, begins) = without_schema();
        bytes[begins[lost] + 200] ^= 1;
        let recovered = recover(&bytes, RecoverOptions::new().with_schema(schema())).unwrap();
        assert_eq!(recovered.report.skipped.len(), 2);
        let behind = (lost + 1) * GROUP_ROWS;
        let parts = [
            batch().slice(0, lost * GROUP_ROWS),
            batch().slice(behind, ROWS - behind),
        ];
        assert_eq!(
            rows(recovered),
            concat_batches(&schema(), &parts).unwrap(),
            "{lost}"
        );
    }
}

#[test]
fn another_schema_is_refused() {
    let (bytes, begins) = without_schema();
    let expected = ColumnSchema::new(schema()).unwrap().hash();
    let changed = |change: &dyn Fn(&mut Vec<Field>)| {
        let mut fields: Vec<Field> = schema()
            .fields()
            .iter()
            .map(|field| (**field).clone())
            .collect();
        change(&mut fields);
        Schema::new_with_metadata(fields, schema().metadata().clone())
    };
    let others = [
        changed(&|fields| fields[0].set_name("number")),
        changed(&|fields| fields[0].set_data_type(DataType::UInt64)),
        changed(&|fields| fields[0].set_nullable(true)),
        changed(&|fields| fields[1].set_metadata(HashMap::new())),
        changed(&|fields| fields.swap(0, 1)),
        changed(&|fields| drop(fields.pop())),
        schema().as_ref().clone().with_metadata(HashMap::new()),
    ];
    for other in others {
        let hash = ColumnSchema::new(Arc::new(other.clone())).unwrap().hash();
        let error = recover(&bytes, RecoverOptions::new().with_schema(other)).unwrap_err();
        assert_eq!(
            (error.code(), error.kind()),
            ("schema_differs", ErrorKind::Usage)
        );
        assert_eq!(error.at().unwrap().byte, begins[0] as u64);
        let text = error.to_string();
        for words in [
            "lost.columns",
            &format!("{hash:016x}"),
            &format!("{expected:016x}"),
            &begins[0].to_string(),
        ] {
            assert!(text.contains(words), "{text}");
        }
    }
    let nonsense = RecoverOptions::new().with_schema_message(b"nonsense");
    assert!(matches!(
        recover(&bytes, nonsense),
        Err(Error::OtherSchema { .. })
    ));
    let union = DataType::Union(UnionFields::empty(), UnionMode::Sparse);
    let union = Schema::new(vec![Field::new("u", union, true)]);
    let error = recover(&bytes, RecoverOptions::new().with_schema(union)).unwrap_err();
    assert_eq!(error.code(), "unsupported_type");
}

#[test]
fn a_file_that_knows_its_schema_keeps_it() {
    let other = Schema::new(vec![Field::new("other", DataType::Boolean, true)]);
    let options = || RecoverOptions::new().with_schema(other.clone());
    let (sealed, begins) = whole();
    let mut damaged = sealed.clone();
    damaged[SCHEMA_BYTE] ^= 4;
    // With a footer; with a footer and a damaged schema chunk; with a schema chunk and half of a row group.
    for (bytes, left) in [
        (&sealed[..], ROWS),
        (&damaged, ROWS),
        (&sealed[..begins[4] + 90], ROWS - 100),
    ] {
        let recovered = recover(bytes, options()).unwrap();
        assert_eq!(rows(recovered), batch().slice(0, left));
    }
    let mut records = Vec::new();
    let mut writer = Writer::create(&mut records, WriterOptions::new()).unwrap();
    writer.write(b"a record").unwrap();
    writer.finish().unwrap();
    let recovered = recover(&records, options()).unwrap();
    assert_eq!(recovered.reader.read(0).unwrap(), b"a record");
    assert_eq!(recovered.reader.arrow_schema(), None);
}
