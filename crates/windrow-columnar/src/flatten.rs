//! Arrow arrays to the values of nodes: without slices, views, gaps, runs, and values that nothing names.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "places in arrays that Arrow has checked"
)]

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{BinaryType, ByteArrayType, LargeBinaryType, LargeUtf8Type, Utf8Type};
use arrow_array::{Array, ArrayRef, OffsetSizeTrait, UInt64Array};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer};
use arrow_schema::{ArrowError, DataType};
use arrow_select::take::take;

use crate::byte_slices::{ByteBuffers, ByteSlices};
use crate::byte_strings::MOST_BYTES;
use crate::error::ColumnError;
use crate::node::{Nodes, Shape};
use crate::page::as_words;
use crate::words::Lane;

/// The values of a node.
#[derive(Debug)]
pub(crate) struct NodeValues {
    pub(crate) len: usize,
    pub(crate) nulls: Option<NullBuffer>,
    pub(crate) values: Values,
}

#[derive(Debug)]
pub(crate) enum Values {
    None,
    Bits(BooleanBuffer),
    /// Words and fixed: the values one behind the other.
    Fixed(Buffer),
    /// Byte strings; nulls are empty.
    Bytes(ByteBuffers),
    /// Sizes of lists, or codes.
    Indices(Vec<u32>),
}

impl NodeValues {
    pub(crate) fn null_count(&self) -> usize {
        self.nulls.as_ref().map_or(0, NullBuffer::null_count)
    }

    /// Words, with the value in front in the place of each null, which costs nothing to encode.
    pub(crate) fn words<T: Lane>(&self) -> Cow<'_, [T]> {
        let Values::Fixed(buffer) = &self.values else {
            unreachable!("words lie in one buffer")
        };
        let words = as_words::<T>(buffer);
        let Some(nulls) = self.nulls.as_ref().filter(|nulls| nulls.null_count() > 0) else {
            return words;
        };
        let mut words = words.into_owned();
        let first = nulls.inner().set_indices().next();
        let mut fill = first.map_or(T::default(), |first| words[first]);
        let mut null_begin = 0;
        for (begin, end) in nulls.inner().set_slices() {
            words[null_begin..begin].fill(fill);
            fill = words[end - 1];
            null_begin = end;
        }
        words[null_begin..].fill(fill);
        Cow::Owned(words)
    }

    pub(crate) fn byte_strings(&self) -> ByteSlices<'_> {
        let Values::Bytes(buffers) = &self.values else {
            unreachable!("byte strings lie in buffers of them")
        };
        buffers.slices()
    }
}

/// Adds the values of `node`, and of all below it, to `out`, which has those of the nodes in front.
pub(crate) fn flatten(
    array: &ArrayRef,
    nodes: &Nodes,
    node: usize,
    out: &mut Vec<NodeValues>,
) -> Result<(), ColumnError> {
    let described = nodes.get(node);
    let expanded;
    let array = if let DataType::RunEndEncoded(_, values) = array.data_type() {
        expanded = arrow_cast::cast(array, values.data_type())
            .map_err(|source| arrow_error(&described.path, &source))?;
        &expanded
    } else {
        array
    };
    let len = array.len();
    let nulls = array.nulls().cloned();
    let child = described.children.first().copied();
    let too_large = |what, value: usize, limit: usize| ColumnError::TooLarge {
        column: described.path.clone(),
        what,
        value: value as u64,
        limit: limit as u64,
    };
    match described.shape {
        Shape::None => out.push(NodeValues {
            len,
            nulls: Some(NullBuffer::new_null(len)),
            values: Values::None,
        }),
        Shape::Bits => out.push(NodeValues {
            len,
            nulls,
            values: Values::Bits(array.as_boolean().values().clone()),
        }),
        Shape::Word(word) => out.push(NodeValues {
            len,
            nulls,
            values: Values::Fixed(fixed(array, word.bytes)),
        }),
        Shape::Fixed(size) => out.push(NodeValues {
            len,
            values: Values::Fixed(without_nulls(fixed(array, size), size, nulls.as_ref())),
            nulls,
        }),
        Shape::Bytes { .. } => {
            let buffers = byte_buffers(array, nulls.as_ref());
            out.push(NodeValues {
                len,
                nulls,
                values: Values::Bytes(
                    buffers
                        .map_err(|bytes| too_large("values in one row group", bytes, MOST_BYTES))?,
                ),
            });
        }
        Shape::Struct { .. } => {
            out.push(NodeValues {
                len,
                nulls,
                values: Values::None,
            });
            if let DataType::FixedSizeList(..) = array.data_type() {
                if let Some(child) = child {
                    flatten(array.as_fixed_size_list().values(), nodes, child, out)?;
                }
            } else {
                for (&child, column) in described.children.iter().zip(array.as_struct().columns()) {
                    flatten(column, nodes, child, out)?;
                }
            }
        }
        Shape::List => {
            let List { sizes, values } = list(array, nulls.as_ref(), &described.path)?;
            let mut words = Vec::with_capacity(len);
            for size in sizes {
                words.push(
                    u32::try_from(size)
                        .map_err(|_| too_large("a list", size, u32::MAX as usize))?,
                );
            }
            out.push(NodeValues {
                len,
                nulls,
                values: Values::Indices(words),
            });
            if let Some(child) = child {
                flatten(&values, nodes, child, out)?;
            }
        }
        Shape::Codes => {
            let dictionary = array.as_any_dictionary();
            let nulls = dictionary.keys().nulls().cloned();
            let (codes, values) = used_values(array, nulls.as_ref(), &described.path)?;
            out.push(NodeValues {
                len,
                nulls,
                values: Values::Indices(codes),
            });
            if let Some(child) = child {
                flatten(&values, nodes, child, out)?;
            }
        }
    }
    Ok(())
}

/// The values of an array of fixed size, without what a slice leaves out.
fn fixed(array: &ArrayRef, size: usize) -> Buffer {
    let data = array.to_data();
    data.buffers()[0].slice_with_length(data.offset() * size, data.len() * size)
}

/// The same, with zeros in the place of nulls.
fn without_nulls(values: Buffer, size: usize, nulls: Option<&NullBuffer>) -> Buffer {
    let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0 && size > 0) else {
        return values;
    };
    let mut bytes = values.to_vec();
    for (value, valid) in bytes.chunks_exact_mut(size).zip(nulls.iter()) {
        if !valid {
            value.fill(0);
        }
    }
    Buffer::from_vec(bytes)
}

/// The values of an array of byte strings, or how many bytes they have, if these are too many.
fn byte_buffers(array: &ArrayRef, nulls: Option<&NullBuffer>) -> Result<ByteBuffers, usize> {
    fn offsets<T: ByteArrayType>(
        array: &ArrayRef,
        nulls: Option<&NullBuffer>,
    ) -> Result<ByteBuffers, usize> {
        let array = array.as_bytes::<T>();
        let offsets = array.value_offsets();
        let is_empty = |index: usize| offsets[index] == offsets[index + 1];
        let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
        if nulls.is_some_and(|nulls| {
            (0..array.len()).any(|index| nulls.is_null(index) && !is_empty(index))
        }) {
            return copied(array.len(), nulls, |index| {
                &array.value_data()[offsets[index].as_usize()..offsets[index + 1].as_usize()]
            });
        }
        let begin = offsets[0].as_usize();
        let bytes = offsets[array.len()].as_usize() - begin;
        if bytes > MOST_BYTES {
            return Err(bytes);
        }
        let buffer = array.offsets().inner().inner();
        if !T::Offset::IS_LARGE {
            return Ok(ByteBuffers::new(
                buffer.clone().into(),
                array.values().clone(),
            ));
        }
        let from_begin = offsets
            .iter()
            .map(|end| i32::try_from(end.as_usize() - begin).unwrap_or(i32::MAX));
        Ok(ByteBuffers::new(
            from_begin.collect(),
            array.values().slice_with_length(begin, bytes),
        ))
    }
    match array.data_type() {
        DataType::Utf8 => offsets::<Utf8Type>(array, nulls),
        DataType::LargeUtf8 => offsets::<LargeUtf8Type>(array, nulls),
        DataType::Binary => offsets::<BinaryType>(array, nulls),
        DataType::LargeBinary => offsets::<LargeBinaryType>(array, nulls),
        DataType::Utf8View => {
            let array = array.as_string_view();
            copied(array.len(), nulls, |index| array.value(index).as_bytes())
        }
        DataType::BinaryView => {
            let array = array.as_binary_view();
            copied(array.len(), nulls, |index| array.value(index))
        }
        other => unreachable!("{other} is of another shape"),
    }
}

fn copied<'a>(
    len: usize,
    nulls: Option<&NullBuffer>,
    value: impl Fn(usize) -> &'a [u8] + Clone,
) -> Result<ByteBuffers, usize> {
    let is_null = |index| nulls.is_some_and(|nulls| nulls.is_null(index));
    let values = (0..len).map(|index| if is_null(index) { &[] } else { value(index) });
    let bytes = values.clone().map(<[u8]>::len).sum();
    if bytes > MOST_BYTES {
        return Err(bytes);
    }
    Ok(ByteBuffers::copied(values))
}

/// Values of lists without gaps, and how many each list takes.
struct List {
    sizes: Vec<usize>,
    values: ArrayRef,
}

fn list(array: &ArrayRef, nulls: Option<&NullBuffer>, path: &str) -> Result<List, ColumnError> {
    match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            of_offsets(list.value_offsets(), list.values(), nulls, path)
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            of_offsets(list.value_offsets(), list.values(), nulls, path)
        }
        DataType::Map(..) => {
            let map = array.as_map();
            let entries: ArrayRef = std::sync::Arc::new(map.entries().clone());
            of_offsets(map.value_offsets(), &entries, nulls, path)
        }
        DataType::ListView(_) => {
            let list = array.as_list_view::<i32>();
            of_views(
                list.value_offsets(),
                list.value_sizes(),
                list.values(),
                nulls,
                path,
            )
        }
        DataType::LargeListView(_) => {
            let list = array.as_list_view::<i64>();
            of_views(
                list.value_offsets(),
                list.value_sizes(),
                list.values(),
                nulls,
                path,
            )
        }
        other => unreachable!("{other} is of another shape"),
    }
}

fn of_offsets<O: OffsetSizeTrait>(
    offsets: &[O],
    values: &ArrayRef,
    nulls: Option<&NullBuffer>,
    path: &str,
) -> Result<List, ColumnError> {
    let sizes: Vec<O> = offsets.windows(2).map(|ends| ends[1] - ends[0]).collect();
    of_views(&offsets[..sizes.len()], &sizes, values, nulls, path)
}

fn of_views<O: OffsetSizeTrait>(
    offsets: &[O],
    sizes: &[O],
    values: &ArrayRef,
    nulls: Option<&NullBuffer>,
    path: &str,
) -> Result<List, ColumnError> {
    let is_null = |index| nulls.is_some_and(|nulls| nulls.is_null(index));
    let sizes: Vec<usize> = sizes
        .iter()
        .enumerate()
        .map(|(index, size)| if is_null(index) { 0 } else { size.as_usize() })
        .collect();
    // One behind the other: a slice will do.
    let mut filled = offsets.iter().zip(&sizes).filter(|(_, size)| **size > 0);
    let begin = filled.next().map_or(0, |(begin, _)| begin.as_usize());
    let mut end = begin;
    let joined = offsets
        .iter()
        .zip(&sizes)
        .filter(|(_, size)| **size > 0)
        .all(|(begin, size)| {
            let joins = begin.as_usize() == end;
            end += size;
            joins
        });
    let values = if joined {
        values.slice(begin, end - begin)
    } else {
        let places = offsets.iter().zip(&sizes).flat_map(|(begin, size)| {
            (begin.as_usize()..begin.as_usize() + size).map(|place| place as u64)
        });
        let places = UInt64Array::from_iter_values(places);
        take(values, &places, None).map_err(|source| arrow_error(path, &source))?
    };
    Ok(List { sizes, values })
}

/// The values of a dictionary that are named, and the codes of them.
fn used_values(
    array: &ArrayRef,
    nulls: Option<&NullBuffer>,
    path: &str,
) -> Result<(Vec<u32>, ArrayRef), ColumnError> {
    let dictionary = array.as_any_dictionary();
    let values = dictionary.values();
    if values.is_empty() || nulls.is_some_and(|nulls| nulls.null_count() == array.len()) {
        return Ok((vec![0; array.len()], values.slice(0, 0)));
    }
    let keys = dictionary.normalized_keys();
    let mut codes = vec![u32::MAX; values.len()];
    let mut used = Vec::new();
    let mut out = Vec::with_capacity(keys.len());
    let mut last = 0;
    for (index, &key) in keys.iter().enumerate() {
        if nulls.is_none_or(|nulls| nulls.is_valid(index)) {
            if codes[key] == u32::MAX {
                codes[key] = u32::try_from(used.len()).map_err(|_| ColumnError::TooLarge {
                    column: path.to_owned(),
                    what: "a dictionary",
                    value: values.len() as u64,
                    limit: u64::from(u32::MAX),
                })?;
                used.push(key as u64);
            }
            last = codes[key];
        }
        out.push(last);
    }
    let places = UInt64Array::from(used);
    let values = take(values, &places, None).map_err(|source| arrow_error(path, &source))?;
    Ok((out, values))
}

fn arrow_error(path: &str, source: &ArrowError) -> ColumnError {
    ColumnError::SchemaDiffers {
        what: format!("column `{path}` cannot be taken apart: {source}"),
    }
}
