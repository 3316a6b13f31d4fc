//! Arrow arrays from buffers whose contents were checked.
#![allow(
    unsafe_code,
    reason = "text was checked when its page was decoded; checking it again, value by value, takes longer than decoding"
)]

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BinaryViewArray, LargeBinaryArray, LargeStringArray, StringArray,
    StringViewArray,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;

/// An array of byte strings with offsets. `offsets` ascend within `bytes`; where the type is text, each value is UTF-8.
pub(crate) fn of_offsets(
    data_type: &DataType,
    offsets: Vec<i32>,
    bytes: Vec<u8>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let large = |offsets: Vec<i32>| {
        OffsetBuffer::new(
            offsets
                .into_iter()
                .map(i64::from)
                .collect::<ScalarBuffer<i64>>(),
        )
    };
    let pairs = offsets.iter().zip(offsets.get(1..).unwrap_or_default());
    let ascend = pairs.fold(true, |ascend, (begin, end)| ascend & (begin <= end));
    let fit = |end: &i32| usize::try_from(*end).is_ok_and(|end| end <= bytes.len());
    assert!(
        ascend && offsets.first() == Some(&0) && offsets.last().is_some_and(fit),
        "offsets ascend within the bytes"
    );
    let bytes = Buffer::from_vec(bytes);
    match data_type {
        DataType::Binary => Arc::new(BinaryArray::new(
            OffsetBuffer::new(offsets.into()),
            bytes,
            nulls,
        )),
        DataType::LargeBinary => Arc::new(LargeBinaryArray::new(large(offsets), bytes, nulls)),
        DataType::LargeUtf8 => {
            // SAFETY: the offsets ascend up to the end of `bytes`, as was seen, and text is UTF-8, value by value: whoever
            // calls has checked it.
            Arc::new(unsafe { LargeStringArray::new_unchecked(large(offsets), bytes, nulls) })
        }
        DataType::Utf8 => {
            // SAFETY: as above. To look at them pair by pair, as `OffsetBuffer::new` does, takes a tenth of decoding.
            Arc::new(unsafe {
                StringArray::new_unchecked(
                    OffsetBuffer::new_unchecked(offsets.into()),
                    bytes,
                    nulls,
                )
            })
        }
        other => unreachable!("{other} has no offsets"),
    }
}

/// An array of views into `buffers`, each within one of them; where the type is text, each value is UTF-8.
pub(crate) fn of_views(
    data_type: &DataType,
    views: Vec<u128>,
    buffers: Vec<Buffer>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let views = ScalarBuffer::from(views);
    match data_type {
        DataType::Utf8View => {
            // SAFETY: the views were made from the places of their values, and text was checked with its page.
            Arc::new(unsafe { StringViewArray::new_unchecked(views, buffers, nulls) })
        }
        DataType::BinaryView => {
            // SAFETY: as above.
            Arc::new(unsafe { BinaryViewArray::new_unchecked(views, buffers, nulls) })
        }
        other => unreachable!("{other} has no views"),
    }
}
