//! Arrow arrays from buffers whose contents were checked.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, FixedSizeListArray, GenericListArray,
    GenericListViewArray, LargeBinaryArray, LargeStringArray, MapArray, OffsetSizeTrait,
    PrimitiveArray, StringArray, StringViewArray, StructArray, downcast_primitive, make_array,
};
use arrow_buffer::{ArrowNativeType, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_data::ArrayData;
use arrow_schema::{DataType, FieldRef};

/// An array of values of fixed size.
pub(crate) fn of_values(
    data_type: &DataType,
    len: usize,
    values: Buffer,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    macro_rules! primitive {
        ($T:ty) => {
            Arc::new(
                PrimitiveArray::<$T>::new(values.into(), nulls).with_data_type(data_type.clone()),
            )
        };
    }
    downcast_primitive! {
        data_type => (primitive),
        _ => {
            let data = ArrayData::builder(data_type.clone()).len(len).add_buffer(values).nulls(nulls);
            match data.build() {
                Ok(data) => make_array(data),
                Err(error) => unreachable!("values of the size of {data_type} were decoded: {error}"),
            }
        }
    }
}

/// An array of byte strings with offsets. `offsets` ascend within `bytes`; where the type is text, each value is UTF-8.
#[allow(
    unsafe_code,
    reason = "text was checked when its page was decoded; checking it again, value by value, takes longer than decoding"
)]
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
#[allow(
    unsafe_code,
    reason = "text was checked when its page was decoded; checking it again, value by value, takes longer than decoding"
)]
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

/// An array of lists with these sizes, one behind the other in `values`; `None` if its type has no such ones.
pub(crate) fn of_lists(
    data_type: &DataType,
    sizes: &[u32],
    values: ArrayRef,
    nulls: Option<NullBuffer>,
) -> Option<ArrayRef> {
    fn lists<O: OffsetSizeTrait>(
        item: &FieldRef,
        sizes: &[u32],
        values: ArrayRef,
        nulls: Option<NullBuffer>,
    ) -> Option<ArrayRef> {
        let offsets = offsets::<O>(sizes)?;
        let array = GenericListArray::try_new(Arc::clone(item), offsets, values, nulls);
        Some(Arc::new(array.ok()?))
    }
    fn views<O: OffsetSizeTrait>(
        item: &FieldRef,
        sizes: &[u32],
        values: ArrayRef,
        nulls: Option<NullBuffer>,
    ) -> Option<ArrayRef> {
        let begins = ScalarBuffer::from(offsets::<O>(sizes)?.get(..sizes.len())?.to_vec());
        let sizes = sizes
            .iter()
            .map(|&size| O::usize_as(size as usize))
            .collect();
        let array = GenericListViewArray::try_new(Arc::clone(item), begins, sizes, values, nulls);
        Some(Arc::new(array.ok()?))
    }
    match data_type {
        DataType::List(item) => lists::<i32>(item, sizes, values, nulls),
        DataType::LargeList(item) => lists::<i64>(item, sizes, values, nulls),
        DataType::ListView(item) => views::<i32>(item, sizes, values, nulls),
        DataType::LargeListView(item) => views::<i64>(item, sizes, values, nulls),
        DataType::Map(item, sorted) => {
            let (offsets, entries) = (offsets(sizes)?, StructArray::from(values.to_data()));
            let array = MapArray::try_new(Arc::clone(item), offsets, entries, nulls, *sorted);
            Some(Arc::new(array.ok()?))
        }
        other => unreachable!("{other} is no list"),
    }
}

/// Offsets of lists with these sizes; `None` if they do not fit.
#[allow(
    clippy::arithmetic_side_effects,
    reason = "the child was seen to have as many values"
)]
fn offsets<O: OffsetSizeTrait>(sizes: &[u32]) -> Option<OffsetBuffer<O>> {
    let mut offsets = Vec::with_capacity(sizes.len() + 1);
    let mut end = 0_usize;
    offsets.push(O::usize_as(0));
    for &size in sizes {
        end += size as usize;
        offsets.push(O::from_usize(end)?);
    }
    Some(OffsetBuffer::new(offsets.into()))
}

/// An array of `len` structs or lists of fixed size; `None` if a child has nulls that its field forbids.
pub(crate) fn of_structs(
    data_type: &DataType,
    len: usize,
    mut children: Vec<ArrayRef>,
    nulls: Option<NullBuffer>,
) -> Option<ArrayRef> {
    match data_type {
        DataType::Struct(fields) => {
            let array = StructArray::try_new_with_length(fields.clone(), children, nulls, len);
            Some(Arc::new(array.ok()?))
        }
        DataType::FixedSizeList(item, size) => {
            let (item, values) = (Arc::clone(item), children.pop()?);
            let array = FixedSizeListArray::try_new_with_length(item, *size, values, nulls, len);
            Some(Arc::new(array.ok()?))
        }
        other => unreachable!("{other} is no struct"),
    }
}

/// A dictionary array; `None` if its keys cannot name so many values.
pub(crate) fn of_codes(
    data_type: &DataType,
    codes: Vec<u32>,
    values: ArrayRef,
    nulls: Option<NullBuffer>,
) -> Option<ArrayRef> {
    let DataType::Dictionary(key, _) = data_type else {
        unreachable!("codes are of dictionaries")
    };
    let data = ArrayData::builder(data_type.clone())
        .len(codes.len())
        .add_buffer(narrowed_keys(key, codes)?)
        .nulls(nulls)
        .add_child_data(values.to_data());
    Some(make_array(data.build().ok()?))
}

/// Codes in the type of a dictionary's keys; `None` if one does not fit.
fn narrowed_keys(key: &DataType, codes: Vec<u32>) -> Option<Buffer> {
    fn all<T: ArrowNativeType + TryFrom<u32>>(codes: Vec<u32>) -> Option<Buffer> {
        let keys: Option<Vec<T>> = codes
            .into_iter()
            .map(|code| T::try_from(code).ok())
            .collect();
        keys.map(Buffer::from_vec)
    }
    match key {
        DataType::Int8 => all::<i8>(codes),
        DataType::UInt8 => all::<u8>(codes),
        DataType::Int16 => all::<i16>(codes),
        DataType::UInt16 => all::<u16>(codes),
        DataType::Int32 => all::<i32>(codes),
        DataType::Int64 => all::<i64>(codes),
        DataType::UInt64 => all::<u64>(codes),
        _ => Some(Buffer::from_vec(codes)),
    }
}
