//! Random tables of all types come back whole, in part, and row by row, in every profile.
#![allow(
    clippy::single_range_in_vec_init,
    reason = "rows that are read are ranges"
)]

mod random;

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow_schema::{Field, Schema};
use arrow_select::concat::concat;
use arrow_select::take::take;
use proptest::prelude::*;
use windrow_columnar::{ChunkRead, ColumnSchema, EncodeOptions, Front, Profile, RowGroup, Strings};
use windrow_format::{
    At, CHUNK_HEADER_BYTES, ChunkHeader, Codec, Compressor, Decompressor, Limits, PageCodec,
};

use random::{Random, random_array, random_type};

const AT: At = At::byte(64);
const LIMITS: Limits = Limits {
    max_chunk_bytes: 1 << 32,
    max_record_bytes: 1 << 32,
};

struct Encoded {
    schema: ColumnSchema,
    header: ChunkHeader,
    data: Vec<u8>,
}

fn encode(batch: &RecordBatch, options: &EncodeOptions) -> Encoded {
    let schema = ColumnSchema::new(batch.schema()).unwrap();
    let mut group = RowGroup::new(&schema, vec![batch.clone()]).unwrap();
    let mut compressor = Compressor::new();
    let nodes = group.take_nodes().into_iter();
    let nodes = nodes.map(|node| group.encode_node(node, options, &mut compressor).unwrap());
    let nodes = nodes.collect();
    let mut chunk = Vec::new();
    let encoded = group.finish(nodes, &mut chunk);
    let data = chunk.split_off(usize::try_from(CHUNK_HEADER_BYTES).unwrap());
    Encoded {
        header: encoded.header,
        schema,
        data,
    }
}

fn front(encoded: &Encoded) -> Front {
    Front::parse(&encoded.header, &encoded.data, &encoded.schema, &LIMITS, AT).unwrap()
}

/// Reads rows as a reader of files does: only the pages that are asked for.
fn read(
    encoded: &Encoded,
    front: &Front,
    strings: Strings,
    columns: &[usize],
    rows: Vec<Range<u64>>,
) -> (RecordBatch, u64) {
    let schema = encoded.schema.with_strings(strings);
    let mut read = ChunkRead::new(front, &schema, columns, rows);
    let mut decompressor = Decompressor::new();
    let mut bytes = 0;
    loop {
        let missing = read.missing(&mut decompressor).unwrap();
        if missing.is_empty() {
            break;
        }
        for page in missing {
            let range = page.bytes;
            bytes += range.end - range.start;
            let place = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
            read.give(range.start, &encoded.data[place]);
        }
    }
    (read.finish(&mut decompressor).unwrap(), bytes)
}

fn table(seed: u64, columns: usize, rows: usize) -> RecordBatch {
    let mut random = Random(seed);
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for number in 0..columns {
        let data_type = random_type(&mut random, 2);
        let nullable = random.below(3) > 0 || data_type == arrow_schema::DataType::Null;
        // Cut out of a longer one.
        let before = random.below(20);
        let array = random_array(&mut random, &data_type, before + rows + 5, nullable);
        arrays.push(array.slice(before, rows));
        let metadata = [("number".to_owned(), number.to_string())].into();
        fields.push(Field::new(format!("c{number}"), data_type, nullable).with_metadata(metadata));
    }
    let schema =
        Schema::new_with_metadata(fields, [("table".to_owned(), "random".to_owned())].into());
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(schema), arrays, &options).unwrap()
}

fn profiles() -> Vec<EncodeOptions> {
    let mut all: Vec<EncodeOptions> = [Profile::Spill, Profile::Balanced, Profile::Small]
        .map(|profile| EncodeOptions::new().with_profile(profile))
        .into();
    for codec in [
        PageCodec::Lz4,
        PageCodec::Buffer(Codec::Snappy),
        PageCodec::Buffer(Codec::Brotli { level: 2 }),
    ] {
        all.push(EncodeOptions::new().with_codec(codec));
    }
    all
}

/// Equal as values: how null slots are filled, and how dictionaries are cut, is not compared.
fn assert_same(got: &ArrayRef, expected: &ArrayRef, what: &str) {
    assert_eq!(got.data_type(), expected.data_type(), "{what}");
    assert_eq!(got.len(), expected.len(), "{what}");
    if got.as_ref() == expected.as_ref() {
        return;
    }
    assert_eq!(&random::plain(got), &random::plain(expected), "{what}");
}

fn check(seed: u64, columns: usize, rows: usize) {
    let batch = table(seed, columns, rows);
    let mut random = Random(seed ^ 0x55);
    for options in profiles() {
        let encoded = encode(&batch, &options);
        let front = front(&encoded);
        assert_eq!(front.rows(), rows as u64);
        let parsed = ColumnSchema::parse(encoded.schema.message(), AT).unwrap();
        assert_eq!(parsed.arrow(), &batch.schema());
        let all: Vec<usize> = (0..columns).collect();
        let (whole, bytes) = read(
            &encoded,
            &front,
            Strings::AsWritten,
            &all,
            vec![0..rows as u64],
        );
        assert_eq!(whole.schema(), batch.schema());
        assert!(bytes <= encoded.data.len() as u64);
        for (number, (got, expected)) in whole.columns().iter().zip(batch.columns()).enumerate() {
            assert_same(
                got,
                expected,
                &format!("seed {seed}, column {number}, {options:?}"),
            );
        }
        let mut verified = ChunkRead::new(&front, &encoded.schema, &all, vec![0..rows as u64]);
        verified.give_verified(0, encoded.data.as_slice());
        let mut decompressor = Decompressor::new();
        assert!(verified.missing(&mut decompressor).unwrap().is_empty());
        verified.finish(&mut decompressor).unwrap();
        if rows == 0 {
            continue;
        }
        // A projection of a slice, in another order, and some rows.
        let begin = random.below(rows);
        let end = begin + 1 + random.below(rows - begin);
        let mut some = vec![begin as u64..end as u64];
        if random.below(2) == 0 {
            some = (0..rows as u64)
                .filter(|_| random.below(rows / 7 + 2) == 0)
                .map(|row| row..row + 1)
                .collect();
        }
        let picked: Vec<usize> = all
            .iter()
            .copied()
            .rev()
            .filter(|_| random.below(3) > 0)
            .collect();
        let (part, _) = read(&encoded, &front, Strings::AsWritten, &picked, some.clone());
        let places = UInt64Array::from_iter_values(some.iter().cloned().flatten());
        assert_eq!(part.num_rows(), places.len());
        for (got, column) in part.columns().iter().zip(&picked) {
            let expected = random::taken(batch.column(*column), &places);
            assert_same(
                got,
                &expected,
                &format!("seed {seed}, column {column}, rows {some:?}, {options:?}"),
            );
        }
        for strings in [Strings::Plain, Strings::Large, Strings::View] {
            let (converted, _) = read(&encoded, &front, strings, &all, vec![0..rows as u64]);
            assert_eq!(converted.num_columns(), columns);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_tables_come_back(seed in any::<u64>(), columns in 0..5_usize, rows in prop_oneof![1..40_usize, 900..1100_usize, 4000..9000_usize]) {
        check(seed, columns, rows);
    }
}

#[test]
fn text_comes_in_the_form_that_is_asked_for() {
    let texts: ArrayRef = Arc::new(arrow_array::StringArray::from_iter((0..10_000).map(|i| {
        (i % 11 > 0).then(|| {
            format!(
                "{} {}",
                "long enough for a view ".repeat(i % 3),
                i * i % 10_007
            )
        })
    })));
    let few: ArrayRef = Arc::new(arrow_array::StringArray::from_iter_values(
        (0..10_000).map(|i| ["a", "a value that is longer than twelve bytes", ""][i * i % 3]),
    ));
    let schema = Schema::new(vec![
        Field::new("texts", texts.data_type().clone(), true),
        Field::new("few", few.data_type().clone(), false),
    ]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![texts, few]).unwrap();
    for options in profiles() {
        let encoded = encode(&batch, &options);
        let front = front(&encoded);
        for strings in [Strings::Plain, Strings::Large, Strings::View] {
            for rows in [
                vec![0..10_000],
                vec![5..7, 100..101, 4_090..9_000],
                vec![9_999..10_000],
            ] {
                let (got, _) = read(&encoded, &front, strings, &[0, 1], rows.clone());
                let places = UInt64Array::from_iter_values(rows.iter().cloned().flatten());
                for (got, source) in got.columns().iter().zip(batch.columns()) {
                    let expected =
                        arrow_cast::cast(&take(source, &places, None).unwrap(), got.data_type())
                            .unwrap();
                    assert_eq!(got.as_ref(), expected.as_ref());
                    got.to_data().validate_full().unwrap();
                }
            }
        }
    }
}

/// Lines of source code: long, and hardly one like another.
fn code() -> ArrayRef {
    let own = include_str!("../src/words/decode.rs");
    let lines: Vec<String> = [
        own,
        include_str!("../src/encode.rs"),
        include_str!("round_trip.rs"),
    ]
    .iter()
    .flat_map(|file| file.lines())
    .map(str::to_owned)
    .collect();
    let lines = (0..12_000).map(|number| {
        let line = &lines[number * 7919 % lines.len()];
        (number % 97 > 0).then(|| format!("{number:x}: {line} ä"))
    });
    Arc::new(arrow_array::StringArray::from_iter(lines))
}

#[test]
fn long_text_is_stored_by_tokens() {
    let code = code();
    let batch = RecordBatch::try_from_iter([("code", code.clone())]).unwrap();
    let encoded = encode(&batch, &EncodeOptions::new());
    let front = front(&encoded);
    let survey = front
        .survey(
            &encoded.schema,
            &encoded.data,
            &batch,
            &mut Decompressor::new(),
        )
        .unwrap();
    assert_eq!(survey[0].encodings.first().unwrap().0, "tokens");
    let half = survey[0].plain_bytes / 2;
    assert!(survey[0].stored_bytes < half, "{:?}", survey[0]);
    for strings in [Strings::Plain, Strings::Large, Strings::View] {
        for rows in [
            vec![0..12_000],
            vec![0..1, 96..98, 4_000..11_990],
            vec![97..98],
            (0..12_000).step_by(61).map(|row| row..row + 1).collect(),
        ] {
            let (got, _) = read(&encoded, &front, strings, &[0], rows.clone());
            let places = UInt64Array::from_iter_values(rows.into_iter().flatten());
            let got = got.column(0);
            let expected = take(&code, &places, None).unwrap();
            let expected = arrow_cast::cast(&expected, got.data_type()).unwrap();
            assert_eq!(got.as_ref(), expected.as_ref());
            got.to_data().validate_full().unwrap();
        }
    }
}

#[test]
fn a_small_slice_of_a_large_array_takes_little() {
    let long: ArrayRef = Arc::new(arrow_array::StringViewArray::from_iter_values(
        (0..100_000).map(|i| {
            format!(
                "a text that is long enough to lie in a buffer: {}",
                i * 7919 % 100_003
            )
        }),
    ));
    let slice = long.slice(50_000, 1_000);
    let batch = RecordBatch::try_from_iter([("x", slice)]).unwrap();
    let encoded = encode(&batch, &EncodeOptions::new());
    assert!(encoded.data.len() < 40_000, "{}", encoded.data.len());
    let joined = concat(&[long.as_ref()]).unwrap();
    assert_eq!(joined.len(), 100_000);
}
