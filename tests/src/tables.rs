//! Rows of an endless table, and files of them.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, DictionaryArray, Float64Array, Int64Array, RecordBatch,
    StringArray,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use windrow::{Scan, TableOptions, TableReader, TableWriter};

use crate::every_way::full_text;
use crate::hostile::{Random, push_text};

const PLACES: [&str; 5] = ["Aachen", "Bergen", "Cork", "Delft", "Évora"];

/// The schema of all tables here: a number of its own for each row, words, text, numbers, bits, lists, bytes, codes.
#[must_use]
pub fn schema() -> SchemaRef {
    let tag = Arc::new(Field::new_list_field(DataType::Utf8, true));
    let code = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("place", DataType::Utf8, true),
        Field::new("text", DataType::Utf8, false),
        Field::new("score", DataType::Float64, true),
        Field::new("flag", DataType::Boolean, true),
        Field::new("tags", DataType::List(tag), true),
        Field::new("blob", DataType::Binary, true),
        Field::new("code", code, true),
    ]))
}

/// The rows with these numbers of the table `seed`. Most take some hundred bytes, now and then one some ten thousand.
///
/// # Panics
/// If a number is above 2^63.
#[must_use]
pub fn rows(seed: u64, ids: impl IntoIterator<Item = u64>) -> RecordBatch {
    let ids: Vec<u64> = ids.into_iter().collect();
    let of_row = |id: &u64| Random::new(seed ^ id.wrapping_mul(0xd134_2543_de82_ef95));
    let all = || ids.iter().map(of_row);
    let place = |mut random: Random| (random.below(7) > 0).then(|| PLACES[random.below(5)]);
    let text = |mut random: Random| {
        let mut text = Vec::new();
        let bytes = 20 + random.below(120);
        push_text(&mut random, bytes, &mut text);
        String::from_utf8(text).expect("words")
    };
    let score = |mut random: Random| {
        let cents = u32::try_from(random.below(100_000)).expect("a small number");
        (random.below(5) > 0).then_some(f64::from(cents) / 100.0)
    };
    let flag = |mut random: Random| (random.below(9) > 0).then_some(random.below(3) == 0);
    let mut tags = ListBuilder::new(StringBuilder::new());
    for mut random in all() {
        for _ in 0..random.below(4) {
            let tag = (random.below(6) > 0).then(|| format!("tag {}", random.below(20)));
            tags.values().append_option(tag);
        }
        tags.append(random.below(6) > 0);
    }
    let blob = |mut random: Random| {
        let bytes = match random.below(64) {
            0 => 20_000 + random.below(40_000),
            1..16 => random.below(200),
            _ => 8,
        };
        (random.below(8) > 0).then(|| random.bytes(bytes))
    };
    let code = |mut random: Random| (random.below(4) > 0).then(|| PLACES[random.below(3)]);
    let numbers = ids
        .iter()
        .map(|&id| i64::try_from(id).expect("a row number"));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(numbers)),
        Arc::new(StringArray::from_iter(all().map(place))),
        Arc::new(StringArray::from_iter_values(all().map(text))),
        Arc::new(Float64Array::from_iter(all().map(score))),
        Arc::new(BooleanArray::from_iter(all().map(flag))),
        Arc::new(tags.finish()),
        Arc::new(BinaryArray::from_iter(all().map(blob))),
        Arc::new(DictionaryArray::<Int32Type>::from_iter(all().map(code))),
    ];
    RecordBatch::try_new(schema(), columns).expect("columns of the schema")
}

/// The numbers of rows.
///
/// # Panics
/// If they have no column `id`.
#[must_use]
pub fn ids(rows: &RecordBatch) -> Vec<u64> {
    let ids = rows.column_by_name("id").expect("their numbers");
    let ids = ids.as_primitive::<Int64Type>().values().iter();
    ids.map(|id| id.cast_unsigned()).collect()
}

/// All that a scan gives, as one batch.
///
/// # Errors
/// Those of the scan.
///
/// # Panics
/// If batches of one scan do not fit together.
pub fn collect(scan: Scan) -> windrow::Result<RecordBatch> {
    let batches = scan.batches()?;
    let schema = Arc::clone(batches.schema());
    let batches: Vec<RecordBatch> = batches.collect::<windrow::Result<_>>()?;
    Ok(concat_batches(&schema, &batches).expect("batches of one schema"))
}

/// The rows that row group number `group` holds.
///
/// # Panics
/// If there is no such group.
#[must_use]
pub fn rows_of(table: &TableReader, group: u64) -> std::ops::Range<u64> {
    let location = table.file().chunk_location(group).expect("a row group");
    location.first_record..location.first_record + location.records
}

/// The bytes of a file with these rows.
///
/// # Panics
/// If the writer fails.
#[must_use]
pub fn write_table(rows: &RecordBatch, options: TableOptions) -> Vec<u8> {
    let written = TableWriter::create(Vec::new(), rows.schema(), options).and_then(|mut writer| {
        writer.write(rows)?;
        writer.finish()
    });
    match written {
        Ok((bytes, _)) => bytes,
        Err(error) => panic!("{}", full_text(&error)),
    }
}
