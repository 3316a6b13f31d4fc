//! Tables: what was written comes back, by every way of reading.
#![cfg(feature = "columns")]

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use arrow_select::take::take_record_batch;
use windrow_columnar::{Comparison, Predicate, Profile};
use windrow_format::options::ReaderOptions;
use windrow_io::{
    FileInstruction, Reader, SourceName, SourcePart, TableOptions, TableReader, TableWriter,
    recover,
};

fn schema() -> SchemaRef {
    let fields = vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("score", DataType::Float64, true),
        Field::new(
            "tags",
            DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))),
            true,
        ),
    ];
    Arc::new(Schema::new_with_metadata(
        fields,
        [("made".to_owned(), "for tests".to_owned())].into(),
    ))
}

fn rows(begin: i64, count: i64) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(begin..begin + count));
    let names: ArrayRef = Arc::new(StringArray::from_iter(
        (begin..begin + count).map(|id| (id % 7 > 0).then(|| format!("name {}", id % 100))),
    ));
    #[allow(clippy::cast_precision_loss)]
    let scores: ArrayRef = Arc::new(Float64Array::from_iter(
        (begin..begin + count).map(|id| (id % 5 > 0).then_some(id as f64 / 4.0)),
    ));
    let mut tags =
        arrow_array::builder::ListBuilder::new(arrow_array::builder::StringBuilder::new());
    for id in begin..begin + count {
        for tag in 0..id % 4 {
            tags.values().append_value(format!("tag {tag}"));
        }
        tags.append(id % 11 > 0);
    }
    RecordBatch::try_new(schema(), vec![ids, names, scores, Arc::new(tags.finish())]).unwrap()
}

fn write(options: TableOptions, batches: &[RecordBatch]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = TableWriter::create(&mut bytes, schema(), options).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    let (_, summary) = writer.finish().unwrap();
    assert_eq!(summary.version, 2);
    assert_eq!(
        summary.records,
        batches
            .iter()
            .map(|batch| batch.num_rows() as u64)
            .sum::<u64>()
    );
    bytes
}

fn open(bytes: Vec<u8>) -> TableReader {
    TableReader::from_bytes(bytes, ReaderOptions::new()).unwrap()
}

fn all(scan: windrow_io::Scan) -> RecordBatch {
    let scan = scan.batches().unwrap();
    let schema = scan.schema().clone();
    let batches: Vec<RecordBatch> = scan.map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn tables() -> Vec<(RecordBatch, TableReader)> {
    let batches = [
        rows(0, 3_000),
        rows(3_000, 1),
        rows(3_001, 0),
        rows(3_001, 9_000),
    ];
    let whole = concat_batches(&schema(), &batches).unwrap();
    let options = [
        TableOptions::new(),
        TableOptions::new()
            .with_profile(Profile::Spill)
            .with_group_rows(1_000),
        TableOptions::new()
            .with_profile(Profile::Small)
            .with_group_rows(5_000)
            .with_max_parallelism(Some(1)),
        TableOptions::new().with_group_bytes(50_000),
    ];
    options
        .map(|options| (whole.clone(), open(write(options, &batches))))
        .into()
}

#[test]
fn scans_projections_slices_and_rows() {
    for (whole, table) in tables() {
        assert_eq!(table.schema(), &schema());
        assert_eq!(table.len(), 12_001);
        assert_eq!(all(table.scan()), whole);
        assert_eq!(all(table.scan().batch_rows(700)), whole);
        assert_eq!(all(table.scan().max_batch_bytes(1000)), whole);
        let some = whole.project(&[2, 0]).unwrap();
        assert_eq!(all(table.scan().columns(["score", "id"])), some);
        assert_eq!(
            all(table.scan().columns(["score", "id"]).rows(999..7_777)),
            some.slice(999, 6_778)
        );
        assert_eq!(
            all(table.scan().rows(12_000..20_000)),
            whole.slice(12_000, 1)
        );
        assert_eq!(
            all(table.scan().columns(Vec::<String>::new())).num_rows(),
            12_001
        );
        let places = [5, 12_000, 5, 0, 11_999, 6_000, 6_001];
        let expected = take_record_batch(&whole, &UInt64Array::from(places.to_vec())).unwrap();
        assert_eq!(table.take(&places, None).unwrap(), expected);
        let many: Vec<u64> = (0..12_001).rev().step_by(3).collect();
        let expected = take_record_batch(&some, &UInt64Array::from(many.clone())).unwrap();
        assert_eq!(table.take(&many, Some(&["score", "id"])).unwrap(), expected);
        assert_eq!(table.take(&[], Some(&["id"])).unwrap().num_rows(), 0);
        assert_eq!(
            table.take(&[12_001], None).unwrap_err().code(),
            "out_of_range"
        );
        assert_eq!(
            table.take(&[0], Some(&["no"])).unwrap_err().code(),
            "no_column"
        );
    }
}

#[test]
fn a_page_is_read_once_however_many_of_its_rows_are_wanted() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), write(TableOptions::new(), &[rows(0, 50_000)])).unwrap();
    let table = TableReader::open(file.path()).unwrap();
    let wanted: Vec<u64> = (0..50_000).step_by(3).collect();
    let before = table.file().stats().bytes_read;
    let taken = table.take(&wanted, None).unwrap();
    assert_eq!(taken.num_rows(), wanted.len());
    let bytes = table.file().stats().bytes_read - before;
    assert!(bytes <= table.file().file_bytes(), "{bytes}");
}

#[test]
fn a_damaged_page_is_in_the_way_of_its_own_column_only() {
    let bytes = write(TableOptions::new(), &[rows(0, 5_000)]);
    let sound = open(bytes.clone());
    let chunk = sound.file().chunk_location(0).unwrap();
    let sizes = sound.column_sizes(0).unwrap();
    let others = ["id", "name", "score"];
    let stored: u64 = sizes[..3].iter().map(|size| size.stored_bytes).sum();
    assert!(stored * 2 > chunk.end - chunk.begin, "most of the chunk");
    let mut damaged = bytes;
    let last = usize::try_from(chunk.end).unwrap() - 5;
    damaged[last] ^= 1;
    let damaged = open(damaged);
    assert_eq!(
        all(damaged.scan().columns(others)),
        all(sound.scan().columns(others))
    );
    let mut tags = damaged.scan().columns(["tags"]).batches().unwrap();
    assert_eq!(tags.next().unwrap().unwrap_err().code(), "crc");
    let mut whole = damaged.scan().batches().unwrap();
    assert_eq!(whole.next().unwrap().unwrap_err().code(), "chunk_data_hash");
}

#[test]
fn predicates_are_what_arrow_says_with_and_without_statistics() {
    let id = |comparison, value: i64| {
        Predicate::compare("id", comparison, Int64Array::from(vec![value]))
    };
    let predicates = [
        id(Comparison::Less, 0),
        id(Comparison::Equal, 7_654),
        id(Comparison::GreaterOrEqual, 100),
        Predicate::And(vec![
            id(Comparison::Greater, 500),
            Predicate::IsNull("name".into()),
        ]),
        Predicate::compare_text("name", Comparison::Equal, "name 17"),
        Predicate::Or(vec![
            id(Comparison::Less, 10),
            Predicate::compare(
                "score",
                Comparison::Greater,
                Float64Array::from(vec![2_990.5]),
            ),
        ]),
    ];
    for (whole, table) in tables() {
        for predicate in &predicates {
            let bound = predicate
                .bind(&windrow_columnar::ColumnSchema::new(schema()).unwrap())
                .unwrap();
            let asked = whole.project(bound.columns()).unwrap();
            let mask = arrow_array::BooleanArray::new(bound.evaluate(&asked).unwrap(), None);
            let expected = filter_record_batch(&whole, &mask).unwrap();
            for prune in [true, false] {
                assert_eq!(
                    all(table.scan().filter(predicate.clone()).prune(prune)),
                    expected,
                    "{predicate:?}"
                );
                let some = table
                    .scan()
                    .columns(["tags", "id"])
                    .filter(predicate.clone())
                    .prune(prune);
                assert_eq!(all(some), expected.project(&[3, 0]).unwrap());
            }
        }
        let before = table.file().stats().bytes_read;
        assert_eq!(
            all(table.scan().filter(id(Comparison::Greater, 100_000))).num_rows(),
            0
        );
        assert_eq!(table.file().stats().bytes_read, before);
    }
}

#[test]
fn dictionaries_that_do_not_fit_into_one_row_group_are_in_several() {
    use arrow_array::types::Int8Type;
    use arrow_array::{Array, DictionaryArray, Int8Array};
    // Each names 100 values with keys of 8 bits; those of two batches in a row are the same.
    let batch = |number: usize| {
        let values = (0..100).map(|value| format!("value {}", number / 2 * 100 + value));
        let values: ArrayRef = Arc::new(StringArray::from_iter_values(values));
        let keys = Int8Array::from_iter_values((0..100).rev());
        let column: ArrayRef = Arc::new(DictionaryArray::<Int8Type>::new(keys, values));
        RecordBatch::try_from_iter([("x", column)]).unwrap()
    };
    let batches: Vec<RecordBatch> = (0..9).map(batch).collect();
    let mut bytes = Vec::new();
    let schema = batches[0].schema();
    let mut writer = TableWriter::create(&mut bytes, schema, TableOptions::new()).unwrap();
    for batch in &batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap();
    let reader = open(bytes);
    assert_eq!(reader.len(), 900);
    assert!(
        (5..9).contains(&reader.num_row_groups()),
        "{}",
        reader.num_row_groups()
    );
    let texts = |batch: &RecordBatch| -> Vec<String> {
        let column = batch
            .column(0)
            .as_any()
            .downcast_ref::<DictionaryArray<Int8Type>>();
        let column = column.unwrap().downcast_dict::<StringArray>().unwrap();
        column
            .into_iter()
            .map(|text| text.unwrap().to_owned())
            .collect()
    };
    let expected: Vec<String> = batches.iter().flat_map(texts).collect();
    let found: Vec<String> = reader
        .scan()
        .batches()
        .unwrap()
        .flat_map(|batch| texts(&batch.unwrap()))
        .collect();
    assert_eq!(found, expected);
    let some = texts(&reader.take(&[899, 0, 450], None).unwrap());
    assert_eq!(some, [899, 0, 450].map(|row: usize| expected[row].clone()));
}

#[test]
fn both_zeros_are_one_number() {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let floats = [
        Some(-0.0_f32),
        Some(0.0),
        Some(-1.0),
        Some(1.0),
        None,
        Some(f32::NAN),
    ];
    let columns: [ArrayRef; 2] = [
        Arc::new(Float32Array::from_iter(floats)),
        Arc::new(Float64Array::from_iter(
            floats.map(|value| value.map(f64::from)),
        )),
    ];
    for column in columns {
        let batch = RecordBatch::try_from_iter([("x", column)]).unwrap();
        let mut bytes = Vec::new();
        let options = TableOptions::new().with_group_rows(1);
        let mut writer = TableWriter::create(&mut bytes, batch.schema(), options).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        let reader = open(bytes);
        for (comparison, wanted) in [
            (Equal, vec![0, 1]),
            (NotEqual, vec![2, 3, 5]),
            (Less, vec![2]),
            (LessOrEqual, vec![0, 1, 2]),
            (Greater, vec![3, 5]),
            (GreaterOrEqual, vec![0, 1, 3, 5]),
        ] {
            let wanted = take_record_batch(&batch, &UInt64Array::from(wanted)).unwrap();
            for zero in [0.0, -0.0] {
                for prune in [true, false] {
                    let predicate =
                        Predicate::compare("x", comparison, Float64Array::from(vec![zero]));
                    let found = all(reader.scan().filter(predicate).prune(prune));
                    assert_eq!(found, wanted, "{comparison:?} {zero}, {prune}");
                }
            }
        }
    }
}

#[test]
fn files_grow_and_are_recovered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    for (begin, count) in [(0, 2_500), (2_500, 10), (2_510, 3_000)] {
        let mut writer =
            TableWriter::append(&path, schema(), TableOptions::new().with_group_rows(1_000))
                .unwrap();
        assert_eq!(writer.rows(), u64::try_from(begin).unwrap());
        writer.write(&rows(begin, count)).unwrap();
        writer.flush().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        // What was flushed is there, whatever happens.
        let recovered = recover(&path).unwrap();
        assert_eq!(
            TableReader::from_reader(recovered.reader).unwrap().len(),
            u64::try_from(begin + count).unwrap()
        );
        drop(bytes);
        writer.finish().unwrap();
        let table = TableReader::open(&path).unwrap();
        assert_eq!(all(table.scan()), rows(0, begin + count));
        for group in 0..table.num_row_groups() {
            assert!(
                table.statistics(group).unwrap().is_some(),
                "row group {group} of {begin}"
            );
        }
    }
    let other = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false)]));
    let before = std::fs::read(&path).unwrap();
    let error = TableWriter::append(&path, other, TableOptions::new()).unwrap_err();
    assert_eq!(error.code(), "schema_differs");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    // Cut off inside of the last row group.
    std::fs::write(&path, &before[..before.len() / 3]).unwrap();
    let recovered = recover(&path).unwrap();
    let table = TableReader::from_reader(recovered.reader).unwrap();
    let got = all(table.scan());
    assert!(got.num_rows() >= 500, "{}", got.num_rows());
    assert_eq!(got, rows(0, i64::try_from(got.num_rows()).unwrap()));
}

#[test]
fn tables_grow_in_any_store_and_sink() {
    let bytes = write(TableOptions::new().with_group_rows(100), &[rows(0, 250)]);
    let unfinished = TableReader::from_bytes(bytes.clone(), ReaderOptions::new()).unwrap();
    let unfinished = usize::try_from(unfinished.file().footer().footer_offset).unwrap();
    for there in [bytes.clone(), bytes[..unfinished + 30].to_vec()] {
        let resume = |there: Vec<u8>, schema| {
            let (options, mut keep) = (TableOptions::new(), None);
            let writer = TableWriter::resume(
                there.clone(),
                SourceName::MEMORY,
                schema,
                options,
                |bytes| {
                    keep = Some(bytes);
                    Ok(Vec::new())
                },
            );
            writer.map(|writer| (writer, keep))
        };
        let (mut writer, keep) = resume(there.clone(), schema()).unwrap();
        assert_eq!(writer.rows(), 250);
        // The rows of a group are as in the file, where that tells them.
        writer.write(&rows(250, 150)).unwrap();
        let more = writer.finish().unwrap().0;
        let keep = usize::try_from(keep.unwrap()).unwrap();
        let grown = open([&there[..keep], &more].concat());
        assert_eq!(all(grown.scan()), rows(0, 400));
        let groups = if keep == bytes.len() { 5 } else { 4 };
        assert_eq!(grown.num_row_groups(), groups);
        let other = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false)]));
        let error = resume(there, other).unwrap_err();
        assert_eq!(error.code(), "schema_differs");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let mut bytes = Vec::new();
    let mut writer = TableWriter::create(&mut bytes, schema(), TableOptions::new()).unwrap();
    writer.write(&rows(0, 10)).unwrap();
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let other = RecordBatch::try_from_iter([("id", ids)]).unwrap();
    assert_eq!(writer.write(&other).unwrap_err().code(), "schema_differs");
    writer.write(&rows(10, 5)).unwrap();
    writer.finish().unwrap();
    assert_eq!(all(open(bytes.clone()).scan()), rows(0, 15));
    let records = Reader::from_bytes(bytes, ReaderOptions::new()).unwrap();
    assert_eq!(records.read(0).unwrap_err().code(), "holds_columns");
    let union = Arc::new(Schema::new(vec![Field::new(
        "u",
        DataType::Union(
            arrow_schema::UnionFields::empty(),
            arrow_schema::UnionMode::Sparse,
        ),
        false,
    )]));
    let error = TableWriter::create(Vec::new(), union, TableOptions::new()).unwrap_err();
    assert_eq!(error.code(), "unsupported_type");
}

#[test]
fn an_empty_table_has_its_schema() {
    let table = open(write(TableOptions::new(), &[]));
    assert_eq!((table.len(), table.schema()), (0, &schema()));
    assert_eq!(all(table.scan()).num_rows(), 0);
    assert_eq!(all(table.scan()).schema(), schema());
}

#[test]
fn parts_of_files_are_counted_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = |number: usize| folder.path().join(format!("{number}.columns"));
    for (number, count) in [3_i64, 0, 7].into_iter().enumerate() {
        std::fs::write(path(number), write(TableOptions::new(), &[rows(0, count)])).unwrap();
    }
    let whole = |number| SourcePart::Path(path(number));
    let some = |number: usize, range: &str| {
        SourcePart::Path(format!("{}[{range}]", path(number).display()).into())
    };
    for threads in [Some(0), None] {
        let options = ReaderOptions::new().with_max_parallelism(threads);
        let parts = [
            whole(2),
            some(0, "1:3"),
            whole(1),
            whole(0),
            some(2, "9:11"),
        ];
        let opened = TableReader::open_parts(parts, &options, 2).unwrap();
        let found: Vec<_> = opened
            .iter()
            .map(|(part, reader)| (part.start, part.num_records, reader.is_some()))
            .collect();
        assert_eq!(
            found,
            [
                (0, 7, true),
                (1, 2, false),
                (0, 0, true),
                (0, 3, false),
                (9, 2, false)
            ]
        );
        let open = |place: usize| TableReader::open_part(&opened[place].0, options.clone());
        for sound in [0, 1, 2, 3] {
            open(sound).unwrap();
        }
        let error = open(4).unwrap_err();
        assert_eq!(error.code(), "instruction");
        let message = error.to_string();
        assert!(
            message.starts_with("instruction for rows 9..11 "),
            "{message}"
        );
        assert!(message.ends_with(": it has 7 rows"), "{message}");
        let longer = FileInstruction {
            examples_in_shard: Some(8),
            ..FileInstruction::new(path(2), 0, 1)
        };
        let error = TableReader::open_part(&longer, options.clone()).unwrap_err();
        assert_eq!(error.code(), "instruction");
        // The first one that is wrong is told, whichever is found first.
        let missing = |number: usize| SourcePart::Path(folder.path().join(format!("no {number}")));
        let parts = std::iter::once(whole(0)).chain((0..20).map(missing));
        let error = TableReader::open_parts(parts, &options, 9).unwrap_err();
        assert_eq!(
            error.name().unwrap().as_path(),
            Some(&*folder.path().join("no 0"))
        );
    }
}

#[test]
fn messages_count_rows() {
    let table = open(write(TableOptions::new(), &[rows(0, 10)]));
    let error = table.take(&[3, 10], None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 10 is out of range: <memory> has 10 rows"
    );
}

#[test]
fn what_statistics_rule_out_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.columns");
    let options = TableOptions::new().with_group_rows(500);
    std::fs::write(&path, write(options, &[rows(0, 10_000)])).unwrap();
    let id = |comparison, value: i64| {
        Predicate::compare("id", comparison, Int64Array::from(vec![value]))
    };
    let reads = |filter: Predicate, prune: bool| {
        let options = ReaderOptions::new().with_max_parallelism(Some(1));
        let table = TableReader::open_with(&path, options).unwrap();
        let before = table.file().stats().reads;
        let found = all(table.scan().filter(filter).prune(prune)).num_rows();
        (found, table.file().stats().reads - before)
    };
    assert_eq!(reads(id(Comparison::Less, 0), true), (0, 0));
    let (found, one) = reads(id(Comparison::Equal, 7_654), true);
    assert!(found == 1 && one < 5, "{one}");
    let (found, every) = reads(id(Comparison::Equal, 7_654), false);
    assert!(found == 1 && every >= 20, "{every}");
}
