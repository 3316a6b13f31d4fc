//! Random Arrow arrays of all types that a file can hold.

use std::sync::Arc;

use arrow_array::builder::{BinaryViewBuilder, StringViewBuilder};
use arrow_array::types::{Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, FixedSizeListArray,
    Float32Array, Float64Array, Int32Array, Int64Array, LargeBinaryArray, LargeListArray,
    LargeListViewArray, LargeStringArray, ListArray, ListViewArray, MapArray, PrimitiveArray,
    RunArray, StringArray, StructArray, UInt64Array, make_array, new_null_array,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer, i256};
use arrow_data::ArrayData;
use arrow_schema::{DataType, Field, Fields, IntervalUnit, TimeUnit};

/// A small generator of numbers: the same seed, the same numbers.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % (limit.max(1) as u64)).unwrap()
    }

    fn below_i32(&mut self, limit: usize) -> i32 {
        i32::try_from(self.below(limit)).unwrap()
    }
}

fn item(random: &mut Random, depth: usize) -> Arc<Field> {
    Arc::new(Field::new("item", random_type(random, depth - 1), true))
}

/// A type, with at most `depth` levels below it.
pub fn random_type(random: &mut Random, depth: usize) -> DataType {
    use DataType::*;
    let unit = [
        TimeUnit::Second,
        TimeUnit::Millisecond,
        TimeUnit::Microsecond,
        TimeUnit::Nanosecond,
    ][random.below(4)];
    let flat = [
        Null,
        Boolean,
        Int8,
        Int16,
        Int32,
        Int64,
        UInt8,
        UInt16,
        UInt32,
        UInt64,
        Float16,
        Float32,
        Float64,
        Decimal32(7, 2),
        Decimal64(15, 3),
        Decimal128(30, 4),
        Decimal256(60, 5),
        Date32,
        Date64,
        Time32(TimeUnit::Second),
        Time64(TimeUnit::Nanosecond),
        Timestamp(unit, None),
        Timestamp(unit, Some("Europe/Vienna".into())),
        Duration(unit),
        Interval(IntervalUnit::YearMonth),
        Interval(IntervalUnit::DayTime),
        Interval(IntervalUnit::MonthDayNano),
        Utf8,
        LargeUtf8,
        Utf8View,
        Binary,
        LargeBinary,
        BinaryView,
    ];
    let kind = random.below(if depth == 0 { 36 } else { 47 });
    if let Some(flat) = flat.get(kind) {
        return flat.clone();
    }
    match kind {
        // Arrow's kernels lose the number of values of no bytes.
        33 => FixedSizeBinary([1, 5, 16, 300][random.below(4)]),
        34 => {
            let key = [Int8, UInt16, Int32, Int64][random.below(4)].clone();
            Dictionary(
                Box::new(key),
                Box::new([Utf8, Int64][random.below(2)].clone()),
            )
        }
        35 => {
            let values = [Utf8, Int64][random.below(2)].clone();
            RunEndEncoded(
                Arc::new(Field::new("run_ends", Int32, false)),
                Arc::new(Field::new("values", values, true)),
            )
        }
        36 | 37 => List(item(random, depth)),
        38 => LargeList(item(random, depth)),
        39 => ListView(item(random, depth)),
        40 => LargeListView(item(random, depth)),
        41 | 42 => FixedSizeList(item(random, depth), 1 + random.below_i32(3)),
        43 => {
            let value = random_type(random, depth - 1);
            let entries = Fields::from(vec![
                Field::new("keys", Utf8, false),
                Field::new("values", value, true),
            ]);
            Map(
                Arc::new(Field::new("entries", Struct(entries), false)),
                false,
            )
        }
        _ => {
            let count = random.below(4);
            let fields = (0..count).map(|number| {
                Field::new(format!("f{number}"), random_type(random, depth - 1), true)
            });
            Struct(fields.collect::<Vec<_>>().into())
        }
    }
}

fn random_nulls(random: &mut Random, len: usize) -> Option<NullBuffer> {
    let run = 1 + random.below(300);
    match random.below(6) {
        0 => None,
        1 => Some(NullBuffer::new_null(len)),
        2 => Some((0..len).map(|_| random.below(2) == 0).collect()),
        3 => Some((0..len).map(|_| random.below(100) > 0).collect()),
        4 => Some(
            (0..len)
                .map(|index| !(index / run).is_multiple_of(3))
                .collect(),
        ),
        _ => Some(
            (0..len)
                .map(|index| (index / run).is_multiple_of(2))
                .collect(),
        ),
    }
}

/// Numbers as columns have them.
fn random_words(random: &mut Random, len: usize) -> Vec<u64> {
    let form = random.below(9);
    let start = random.next();
    let run = 1 + random.below(200) as u64;
    (0..len as u64)
        .map(|index| match form {
            0 => random.next(),
            1 => 7,
            2 => random.next() % 5,
            3 => random.next() % 1000,
            4 => start.wrapping_add(index * 1000 + random.next() % 3),
            5 => (index / run).wrapping_mul(0x1234_5678_9abc),
            6 => (random.next() % 2000).wrapping_sub(1000),
            7 if random.below(100) == 0 => random.next(),
            7 => random.next() % 50,
            _ => (random.next() % 9).wrapping_mul(start),
        })
        .collect()
}

fn text(random: &mut Random, form: usize, index: usize) -> String {
    match form {
        0 => format!("{}", random.below(7)),
        1 => format!("number {} of many", random.next() % 100_000),
        2 => ["", "ä", "日本語のテキスト", "plain"][random.below(4)].to_owned(),
        3 => "same".to_owned(),
        4 => "x".repeat(random.below(60)),
        _ => format!(
            "row {index}: {}",
            "words and words ".repeat(random.below(4))
        ),
    }
}

fn texts(random: &mut Random, len: usize) -> Vec<String> {
    let form = random.below(6);
    (0..len).map(|index| text(random, form, index)).collect()
}

fn byte_strings(random: &mut Random, len: usize) -> Vec<Vec<u8>> {
    let form = random.below(7);
    (0..len)
        .map(|index| match form {
            6 => (0..random.below(30))
                .map(|_| random.next().to_le_bytes()[0])
                .collect(),
            form => text(random, form, index).into_bytes(),
        })
        .collect()
}

fn of_bytes(
    data_type: &DataType,
    len: usize,
    nulls: Option<NullBuffer>,
    bytes: Vec<u8>,
) -> ArrayRef {
    let data = ArrayData::builder(data_type.clone())
        .len(len)
        .nulls(nulls)
        .add_buffer(Buffer::from(bytes));
    make_array(data.align_buffers(true).build().unwrap())
}

/// An array of this type.
#[allow(
    clippy::too_many_lines,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "one arm for each type; numbers may be any"
)]
pub fn random_array(
    random: &mut Random,
    data_type: &DataType,
    len: usize,
    nullable: bool,
) -> ArrayRef {
    use DataType::*;
    let nulls = if nullable {
        random_nulls(random, len)
    } else {
        None
    };
    let valid = |index: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(index));
    match data_type {
        Null => new_null_array(data_type, len),
        Boolean => {
            let form = random.below(3);
            let bits = (0..len).map(|index| match form {
                0 => true,
                1 => random.below(2) == 0,
                _ => index / 100 % 2 == 0,
            });
            Arc::new(BooleanArray::new(bits.collect::<BooleanBuffer>(), nulls))
        }
        Float32 => {
            let form = random.below(3);
            let values: Vec<f32> = (0..len).map(|_| float(random, form) as f32).collect();
            Arc::new(Float32Array::new(values.into(), nulls))
        }
        Float64 => {
            let form = random.below(3);
            let values: Vec<f64> = (0..len).map(|_| float(random, form)).collect();
            Arc::new(Float64Array::new(values.into(), nulls))
        }
        Decimal32(..) => {
            let values: Vec<i32> = random_words(random, len)
                .iter()
                .map(|word| (word % 1_000_000) as i32 - 500_000)
                .collect();
            Arc::new(
                PrimitiveArray::<Decimal32Type>::new(values.into(), nulls)
                    .with_data_type(data_type.clone()),
            )
        }
        Decimal64(..) => {
            let values: Vec<i64> = random_words(random, len)
                .iter()
                .map(|word| (word % 1_000_000_000) as i64 - 500_000)
                .collect();
            Arc::new(
                PrimitiveArray::<Decimal64Type>::new(values.into(), nulls)
                    .with_data_type(data_type.clone()),
            )
        }
        Decimal128(..) => {
            let factor = [1, 1_000_000_000][random.below(2)];
            let values: Vec<i128> = random_words(random, len)
                .iter()
                .map(|&word| i128::from(word as i64) * factor)
                .collect();
            Arc::new(
                PrimitiveArray::<Decimal128Type>::new(values.into(), nulls)
                    .with_data_type(data_type.clone()),
            )
        }
        Decimal256(..) => {
            let factor = i256::from_i128([1, i128::MAX][random.below(2)]);
            let values: Vec<i256> = random_words(random, len)
                .iter()
                .map(|&word| i256::from_i128(i128::from(word as i64)).wrapping_mul(factor))
                .collect();
            Arc::new(
                PrimitiveArray::<Decimal256Type>::new(values.into(), nulls)
                    .with_data_type(data_type.clone()),
            )
        }
        Interval(IntervalUnit::MonthDayNano) => {
            let words = random_words(random, len);
            let bytes = words
                .iter()
                .flat_map(|word| [word.to_le_bytes(), (word % 9).to_le_bytes()].concat())
                .collect();
            of_bytes(data_type, len, nulls, bytes)
        }
        Utf8 => Arc::new(StringArray::from_iter(some(&texts(random, len), valid))),
        LargeUtf8 => Arc::new(LargeStringArray::from_iter(some(
            &texts(random, len),
            valid,
        ))),
        Binary => Arc::new(BinaryArray::from_iter(some(
            &byte_strings(random, len),
            valid,
        ))),
        LargeBinary => Arc::new(LargeBinaryArray::from_iter(some(
            &byte_strings(random, len),
            valid,
        ))),
        Utf8View => {
            let mut builder = StringViewBuilder::new().with_fixed_block_size(1000);
            some(&texts(random, len), valid).for_each(|value| builder.append_option(value));
            Arc::new(builder.finish())
        }
        BinaryView => {
            let mut builder = BinaryViewBuilder::new().with_fixed_block_size(1000);
            some(&byte_strings(random, len), valid).for_each(|value| builder.append_option(value));
            Arc::new(builder.finish())
        }
        FixedSizeBinary(size) => {
            let bytes = usize::try_from(*size).unwrap();
            let form = random.below(2);
            let values: Vec<u8> = (0..len * bytes)
                .map(|place| {
                    if form == 0 {
                        random.next() as u8
                    } else {
                        (place / bytes.max(1) % 3) as u8
                    }
                })
                .collect();
            Arc::new(
                FixedSizeBinaryArray::try_new_with_len(*size, Buffer::from(values), nulls, len)
                    .unwrap(),
            )
        }
        Dictionary(key, value) => {
            let count = 1 + random.below(100);
            let values = random_array(random, value, count, true);
            let keys: Int64Array = (0..len)
                .map(|index| valid(index).then(|| random.below(count) as i64))
                .collect();
            let keys = arrow_cast::cast(&keys, key).unwrap();
            let data = keys
                .to_data()
                .into_builder()
                .data_type(data_type.clone())
                .add_child_data(values.to_data());
            make_array(data.build().unwrap())
        }
        RunEndEncoded(_, values) => {
            let values = random_array(random, values.data_type(), len, true);
            let mut ends = Vec::new();
            let mut end = 0;
            while end < len {
                end = len.min(end + 1 + random.below(40));
                ends.push(end as i32);
            }
            let values = values.slice(0, ends.len());
            Arc::new(RunArray::<Int32Type>::try_new(&Int32Array::from(ends), &values).unwrap())
        }
        List(item) => {
            let (ends, values) = list(random, item, len);
            Arc::new(ListArray::new(
                Arc::clone(item),
                offsets(&ends),
                values,
                nulls,
            ))
        }
        LargeList(item) => {
            let (ends, values) = list(random, item, len);
            let ends = ends
                .iter()
                .map(|&end| i64::from(end))
                .collect::<ScalarBuffer<i64>>();
            Arc::new(LargeListArray::new(
                Arc::clone(item),
                OffsetBuffer::new(ends),
                values,
                nulls,
            ))
        }
        ListView(item) => {
            let values = random_array(random, item.data_type(), 2 * len + 10, true);
            let begins: Vec<i32> = (0..len).map(|_| random.below_i32(2 * len + 5)).collect();
            let sizes: Vec<i32> = (0..len).map(|_| random.below_i32(5)).collect();
            Arc::new(ListViewArray::new(
                Arc::clone(item),
                begins.into(),
                sizes.into(),
                values,
                nulls,
            ))
        }
        LargeListView(item) => {
            let values = random_array(random, item.data_type(), 2 * len + 10, true);
            let begins: Vec<i64> = (0..len).map(|index| index as i64).collect();
            let sizes: Vec<i64> = (0..len).map(|_| random.below(5) as i64).collect();
            Arc::new(LargeListViewArray::new(
                Arc::clone(item),
                begins.into(),
                sizes.into(),
                values,
                nulls,
            ))
        }
        FixedSizeList(item, size) => {
            let values = random_array(
                random,
                item.data_type(),
                len * usize::try_from(*size).unwrap(),
                true,
            );
            let array = FixedSizeListArray::try_new_with_length(
                Arc::clone(item),
                *size,
                values,
                nulls,
                len,
            );
            Arc::new(array.unwrap())
        }
        Map(entries, sorted) => {
            let Struct(fields) = entries.data_type() else {
                unreachable!("entries are structs")
            };
            let (ends, _) = list(random, &Arc::new(Field::new("x", Null, true)), len);
            let count = ends.last().map_or(0, |&end| usize::try_from(end).unwrap());
            let keys: ArrayRef = Arc::new(StringArray::from_iter_values(texts(random, count)));
            let values = random_array(random, fields[1].data_type(), count, true);
            let structs = StructArray::new(fields.clone(), vec![keys, values], None);
            Arc::new(MapArray::new(
                Arc::clone(entries),
                offsets(&ends),
                structs,
                nulls,
                *sorted,
            ))
        }
        Struct(fields) => {
            let children = fields
                .iter()
                .map(|field| random_array(random, field.data_type(), len, true))
                .collect();
            Arc::new(
                StructArray::try_new_with_length(fields.clone(), children, nulls, len).unwrap(),
            )
        }
        other => {
            let bytes = other.primitive_width().unwrap();
            let words = random_words(random, len);
            let buffer = words
                .iter()
                .flat_map(|word| word.to_le_bytes().into_iter().take(bytes))
                .collect();
            of_bytes(other, len, nulls, buffer)
        }
    }
}

fn some<'a, T>(
    all: &'a [T],
    valid: impl Fn(usize) -> bool + 'a,
) -> impl Iterator<Item = Option<&'a T>> {
    all.iter()
        .enumerate()
        .map(move |(index, value)| valid(index).then_some(value))
}

#[allow(clippy::cast_precision_loss, reason = "they are small")]
fn float(random: &mut Random, form: usize) -> f64 {
    match form {
        0 => f64::from_bits(random.next()),
        1 => ((random.next() % 200_000) as f64 - 100_000.0) / 100.0,
        _ => [0.0, -0.0, 1.5, f64::NAN, f64::INFINITY][random.below(5)],
    }
}

fn list(random: &mut Random, item: &Arc<Field>, len: usize) -> (Vec<i32>, ArrayRef) {
    let mut end = random.below_i32(5);
    let mut ends = vec![end];
    for _ in 0..len {
        end += random.below_i32(5);
        ends.push(end);
    }
    let count = usize::try_from(end).unwrap() + 3;
    (ends, random_array(random, item.data_type(), count, true))
}

fn offsets(ends: &[i32]) -> OffsetBuffer<i32> {
    OffsetBuffer::new(ends.to_vec().into())
}

/// Without dictionaries, runs and views, whose forms may differ for equal values.
pub fn plain(array: &ArrayRef) -> ArrayRef {
    arrow_cast::cast(array, &plain_type(array.data_type())).unwrap()
}

fn plain_field(field: &Arc<Field>) -> Arc<Field> {
    Arc::new(
        field
            .as_ref()
            .clone()
            .with_data_type(plain_type(field.data_type())),
    )
}

fn plain_type(data_type: &DataType) -> DataType {
    use DataType::*;
    match data_type {
        Dictionary(_, values) => plain_type(values),
        RunEndEncoded(_, values) => plain_type(values.data_type()),
        ListView(item) | List(item) => List(plain_field(item)),
        LargeListView(item) | LargeList(item) => LargeList(plain_field(item)),
        FixedSizeList(item, size) => FixedSizeList(plain_field(item), *size),
        Struct(fields) => Struct(fields.iter().map(plain_field).collect()),
        Map(entries, sorted) => Map(plain_field(entries), *sorted),
        other => other.clone(),
    }
}

/// The rows at these places, by Arrow's own kernel.
pub fn taken(array: &ArrayRef, places: &UInt64Array) -> ArrayRef {
    arrow_select::take::take(array, places, None).unwrap()
}
