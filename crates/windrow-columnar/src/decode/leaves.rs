//! Values that have no others below them.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray};
use arrow_buffer::{ArrowNativeType, BooleanBufferBuilder, Buffer, NullBuffer};
use arrow_schema::DataType;
use windrow_format::Decompressor;

use super::shared::SharedPage;
use super::{ChunkRead, total};
use crate::arrays::of_values;
use crate::byte_strings::{BytesBody, BytesOut, Rules, Shared};
use crate::error::{ColumnError, Fault};
use crate::fixed::FixedBody;
use crate::node::{Shape, WordKind};
use crate::page::as_words;
use crate::room::room_for;
use crate::words::{Lane, WordBody, code};

impl ChunkRead<'_> {
    /// Words, and which of them are null.
    pub(super) fn words<T: Lane + ArrowNativeType>(
        &self,
        node: usize,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<(Vec<T>, Option<NullBuffer>), ColumnError> {
        let floats = matches!(
            self.schema.nodes().get(node).shape,
            Shape::Word(word) if word.kind == WordKind::Float
        );
        let mut out = room_for(total(ranges));
        let nulls = self.for_pages(node, ranges, decompressor, |page| {
            let wanted = page.wanted;
            if page.is_null {
                out.resize(out.len() + wanted.count(), T::default());
                return page.parts.finish();
            }
            let values = page.shared_values().map(as_words::<T>);
            let mut parts = page.parts;
            let body = WordBody::parse_any(&mut parts, wanted.len(), values.as_deref(), 0, floats)?;
            parts.finish()?;
            body.append_wanted(wanted, &mut out)
        })?;
        Ok((out, nulls))
    }

    pub(super) fn word_array<T: Lane + ArrowNativeType>(
        &self,
        node: usize,
        data_type: &DataType,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<ArrayRef, ColumnError> {
        let (words, nulls) = self.words::<T>(node, ranges, decompressor)?;
        Ok(of_values(
            data_type,
            words.len(),
            Buffer::from_vec(words),
            nulls,
        ))
    }

    pub(super) fn bits(
        &self,
        node: usize,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<ArrayRef, ColumnError> {
        let mut out = BooleanBufferBuilder::new(total(ranges));
        let nulls = self.for_pages(node, ranges, decompressor, |page| {
            let (mut parts, wanted) = (page.parts, page.wanted);
            if page.is_null {
                out.append_n(wanted.count(), false);
                return parts.finish();
            }
            let head = parts.head()?;
            match head.code {
                code::CONSTANT if head.count == 1 => match parts.take(1)? {
                    [value @ 0..=1] => out.append_n(wanted.count(), *value == 1),
                    _ => return Err(Fault::Page("a bit of it is neither 0 nor 1")),
                },
                code::CONSTANT => return Err(Fault::Page("its constant has another size")),
                code::PLAIN => {
                    let bits = parts.take(wanted.len().div_ceil(8))?;
                    for range in wanted.ranges() {
                        out.append_packed_range(range.clone(), bits);
                    }
                }
                other => return Err(Fault::encoding(other)),
            }
            parts.finish()
        })?;
        Ok(Arc::new(BooleanArray::new(out.finish(), nulls)))
    }

    pub(super) fn fixed(
        &self,
        node: usize,
        data_type: &DataType,
        size: usize,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<ArrayRef, ColumnError> {
        let len = total(ranges);
        // Large values are worth the copies, for what is asked for may not be there.
        let mut out = Vec::with_capacity(len.saturating_mul(size).min(1 << 20));
        let nulls = self.for_pages(node, ranges, decompressor, |page| {
            let wanted = page.wanted;
            if page.is_null {
                out.resize(out.len() + wanted.count() * size, 0);
                return page.parts.finish();
            }
            let values = page.shared_values();
            let mut parts = page.parts;
            let body = FixedBody::parse(&mut parts, wanted.len(), size, values)?;
            parts.finish()?;
            body.extend(wanted, size, &mut out)
        })?;
        // Decimals want their buffers aligned.
        let buffer = match size {
            16 | 32 => Buffer::from_vec(bytemuck::pod_collect_to_vec::<u8, u128>(&out)),
            _ => Buffer::from_vec(out),
        };
        Ok(of_values(data_type, len, buffer, nulls))
    }

    pub(super) fn strings(
        &self,
        node: usize,
        data_type: &DataType,
        text: bool,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<ArrayRef, ColumnError> {
        let views = matches!(data_type, DataType::Utf8View | DataType::BinaryView);
        let rules = Rules {
            text,
            decoded_bytes: self.front.decoded_bytes(),
        };
        let mut out = BytesOut::new(views, total(ranges));
        let nulls = self.for_pages(node, ranges, decompressor, |page| {
            let (mut parts, wanted) = (page.parts, page.wanted);
            if page.is_null {
                out.extend_empty(wanted.count());
                return parts.finish();
            }
            let shared = match page.shared {
                Some(SharedPage::Bytes(values)) => Shared::Dictionary(values),
                Some(SharedPage::Symbols(symbols)) => Shared::Symbols(symbols),
                Some(SharedPage::Tokens(tokens)) => Shared::Tokens(tokens),
                _ => Shared::None,
            };
            let body = BytesBody::parse(&mut parts, wanted.len(), shared)?;
            parts.finish()?;
            out.extend(&body, wanted, rules)
        })?;
        Ok(out.finish(data_type, nulls))
    }
}
