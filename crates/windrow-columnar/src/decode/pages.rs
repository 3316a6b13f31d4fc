//! The pages of a node, one after the other: fetched, checked, decompressed, and opened as far as all shapes have them.

use std::borrow::Cow;
use std::ops::Range;

use arrow_buffer::{BooleanBufferBuilder, NullBuffer};
use windrow_format::{BufferLimits, CompressionType, Decompressor, PageCompression, check_crc};

use super::shared::SharedPage;
use super::{ChunkRead, total};
use crate::error::{Checked, ColumnError, Fault};
use crate::front::plain_bytes;
use crate::node::Shape;
use crate::page::{Nulls, Parts, Wanted};

impl ChunkRead<'_> {
    /// A page, checked and decompressed. The shared page counts as the first one.
    pub(crate) fn page(
        &self,
        node: usize,
        stored: usize,
        decompressor: &mut Decompressor,
    ) -> Result<Cow<'_, [u8]>, ColumnError> {
        let pages = &self.front.nodes[node];
        let (bytes, verified) = self.piece(&pages.place(stored)).ok_or(ColumnError::Front {
            at: self.front.at,
            what: "a page of it was not fetched",
        })?;
        if !verified {
            check_crc(
                "page",
                bytes,
                pages.crcs[stored].to_le_bytes(),
                self.front.at,
            )?;
        }
        if pages.compression == PageCompression::Buffer(CompressionType::None) {
            return Ok(Cow::Borrowed(bytes));
        }
        let limits = BufferLimits {
            exact: None,
            max: self.most_page_bytes(node, stored),
            limit: self.front.max_chunk_bytes,
            option: "max_chunk_bytes",
            what: "page",
            at: self.front.at,
        };
        let mut page = Vec::new();
        decompressor.decompress_page(pages.compression, bytes, &limits, &mut page)?;
        Ok(Cow::Owned(page))
    }

    /// No encoding makes more of the values of a page, and of what they share.
    fn most_page_bytes(&self, node: usize, stored: usize) -> u64 {
        const HEADS: u64 = 1 << 16;
        let pages = &self.front.nodes[node];
        let values = match stored.checked_sub(usize::from(pages.has_shared)) {
            Some(page) => pages.page_len(page) as u64,
            None => pages.len,
        };
        let bytes = match self.schema.nodes().get(node).shape {
            // As many escapes as bytes.
            Shape::Bytes { .. } => self.front.decoded_bytes().saturating_mul(2),
            shape => plain_bytes(values, shape).saturating_mul(2),
        };
        HEADS
            .saturating_add(values.saturating_mul(64))
            .saturating_add(bytes)
    }

    /// Calls `take` for each page that the ranges touch. Tells which of the values in these are null.
    pub(super) fn for_pages(
        &self,
        node: usize,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
        mut take: impl FnMut(Page<'_>) -> Checked<()>,
    ) -> Result<Option<NullBuffer>, ColumnError> {
        let pages = &self.front.nodes[node];
        let shared = self.shared(node, decompressor)?;
        let mut nulls_out = NullsOut::new(total(ranges));
        let (mut nulls_seen, mut values_seen) = (0_u64, 0_u64);
        let mut touched = touched(ranges, pages.page_log2).peekable();
        let mut wanted = Vec::new();
        while let Some((number, first)) = touched.next() {
            wanted.clear();
            wanted.push(first);
            while let Some((_, more)) = touched.next_if(|(next, _)| *next == number) {
                wanted.push(more);
            }
            let page = self.page(node, number + usize::from(pages.has_shared), decompressor)?;
            let len = pages.page_len(number);
            let mut parts = Parts::new(&page);
            let nulls = Nulls::parse(&mut parts, len);
            let taken = nulls.and_then(|(nulls, null_count)| {
                nulls_seen += null_count as u64;
                values_seen += len as u64;
                // Of the others each may be null, or none.
                let others = pages.len - values_seen;
                if nulls_seen > pages.nulls || pages.nulls - nulls_seen > others {
                    return Err(Fault::Page("it has other nulls than its chunk says"));
                }
                let wanted = Wanted::new(&wanted, len);
                nulls_out.append(&nulls, wanted);
                take(Page {
                    parts,
                    is_null: null_count == len,
                    number,
                    wanted,
                    shared,
                })
            });
            taken.map_err(|fault| self.fault(node, number, fault))?;
        }
        Ok(nulls_out.finish())
    }
}

/// A page on its way to an array.
pub(super) struct Page<'p> {
    /// From the body on.
    pub(super) parts: Parts<'p>,
    /// All its values are null.
    pub(super) is_null: bool,
    pub(super) number: usize,
    pub(super) wanted: Wanted<'p>,
    pub(super) shared: Option<&'p SharedPage>,
}

impl<'p> Page<'p> {
    /// The values that its codes name.
    pub(super) fn shared_values(&self) -> Option<&'p [u8]> {
        match self.shared {
            Some(SharedPage::Values(buffer)) => Some(buffer),
            _ => None,
        }
    }
}

/// Which values are null, as pages tell it.
struct NullsOut {
    len: usize,
    /// Values in front of the page with the first null.
    before: usize,
    /// From the first page with a null on.
    bits: Option<BooleanBufferBuilder>,
}

impl NullsOut {
    fn new(len: usize) -> Self {
        Self {
            len,
            before: 0,
            bits: None,
        }
    }

    fn append(&mut self, nulls: &Nulls<'_>, wanted: Wanted<'_>) {
        for range in wanted.ranges() {
            if self.bits.is_none() && nulls.is_none(range.clone()) {
                self.before += range.len();
                continue;
            }
            let bits = self.bits.get_or_insert_with(|| {
                let mut bits = BooleanBufferBuilder::new(self.len);
                bits.append_n(self.before, true);
                bits
            });
            nulls.append_to(range.clone(), bits);
        }
    }

    fn finish(self) -> Option<NullBuffer> {
        let nulls = NullBuffer::new(self.bits?.finish());
        (nulls.null_count() > 0).then_some(nulls)
    }
}

/// The pages that ranges touch, and which of the values of each.
pub(super) fn touched(
    ranges: &[Range<u64>],
    page_log2: u8,
) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
    ranges.iter().flat_map(move |range| {
        let pages = range.start >> page_log2..((range.end - 1) >> page_log2) + 1;
        pages.map(move |page| {
            let begin = page << page_log2;
            let from = range.start.max(begin) - begin;
            let to = range.end.min(begin + (1 << page_log2)) - begin;
            let place = |value| usize::try_from(value).unwrap_or(usize::MAX);
            (place(page), place(from)..place(to))
        })
    })
}
