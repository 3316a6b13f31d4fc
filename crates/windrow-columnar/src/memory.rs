//! What rows take in memory, without what slices and views leave out.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "sizes of values that are in memory"
)]

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, OffsetSizeTrait, RecordBatch};
use arrow_buffer::ArrowNativeType;
use arrow_schema::DataType;

/// About how many bytes the rows of a batch take, were they copied to arrays of their own.
#[must_use]
pub fn memory_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(array_bytes).sum()
}

fn array_bytes(array: &ArrayRef) -> usize {
    let len = array.len();
    let nulls = array.nulls().map_or(0, |_| len.div_ceil(8));
    let values = match array.data_type() {
        DataType::Null => 0,
        DataType::Boolean => len.div_ceil(8),
        DataType::Utf8 => extent(array.as_string::<i32>().value_offsets()) + 4 * len,
        DataType::LargeUtf8 => extent(array.as_string::<i64>().value_offsets()) + 8 * len,
        DataType::Binary => extent(array.as_binary::<i32>().value_offsets()) + 4 * len,
        DataType::LargeBinary => extent(array.as_binary::<i64>().value_offsets()) + 8 * len,
        DataType::Utf8View => {
            array
                .as_string_view()
                .lengths()
                .map(|bytes| bytes as usize)
                .sum::<usize>()
                + 16 * len
        }
        DataType::BinaryView => {
            array
                .as_binary_view()
                .lengths()
                .map(|bytes| bytes as usize)
                .sum::<usize>()
                + 16 * len
        }
        DataType::FixedSizeBinary(size) => len * usize::try_from(*size).unwrap_or(0),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            part(list.values(), list.value_offsets()) + 4 * len
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            part(list.values(), list.value_offsets()) + 8 * len
        }
        DataType::Map(..) => {
            let map = array.as_map();
            let entries: ArrayRef = std::sync::Arc::new(map.entries().clone());
            part(&entries, map.value_offsets()) + 4 * len
        }
        DataType::ListView(_) => {
            let list = array.as_list_view::<i32>();
            let values: usize = list.value_sizes().iter().map(|size| size.as_usize()).sum();
            share(list.values(), values) + 8 * len
        }
        DataType::LargeListView(_) => {
            let list = array.as_list_view::<i64>();
            let values: usize = list.value_sizes().iter().map(|size| size.as_usize()).sum();
            share(list.values(), values) + 16 * len
        }
        DataType::FixedSizeList(..) => array_bytes(array.as_fixed_size_list().values()),
        DataType::Struct(_) => array.as_struct().columns().iter().map(array_bytes).sum(),
        DataType::Dictionary(..) => {
            let values = array.as_any_dictionary().values();
            4 * len + share(values, len.min(values.len()))
        }
        DataType::RunEndEncoded(..) => {
            let data = array.to_data();
            let values = data.child_data().get(1).map_or(0, |values| values.len());
            // About a value of 16 bytes for each row, for it is expanded.
            16 * len.max(values)
        }
        other => len * other.primitive_width().unwrap_or(0),
    };
    nulls + values
}

/// Bytes between the first and the last offset.
fn extent<O: OffsetSizeTrait>(offsets: &[O]) -> usize {
    match (offsets.first(), offsets.last()) {
        (Some(first), Some(last)) => (*last - *first).as_usize(),
        _ => 0,
    }
}

/// What the values between the first and the last offset take.
fn part<O: OffsetSizeTrait>(values: &ArrayRef, offsets: &[O]) -> usize {
    let begin = offsets.first().map_or(0, |first| first.as_usize());
    array_bytes(&values.slice(begin, extent(offsets)))
}

/// What so many values take on average.
fn share(values: &ArrayRef, count: usize) -> usize {
    if values.is_empty() {
        return 0;
    }
    array_bytes(values).div_ceil(values.len()) * count
}
