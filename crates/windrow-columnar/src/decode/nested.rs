//! Values that are made of others.

use std::ops::Range;

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;
use windrow_format::Decompressor;

use super::{ChunkRead, is_all, scaled, total};
use crate::arrays::{of_codes, of_lists, of_structs};
use crate::error::{ColumnError, Fault};
use crate::node::Node;
use crate::words::WordBody;

/// What the lists of a node are.
pub(super) struct Lists {
    sizes: Vec<u32>,
    /// Values of the child that they take, all of which it has.
    pub(super) children: Vec<Range<u64>>,
    nulls: Option<NullBuffer>,
}

impl ChunkRead<'_> {
    /// Sizes of lists, which values of the child they take, and which of them are null.
    pub(super) fn lists(
        &self,
        node: usize,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<Lists, ColumnError> {
        let mut sizes = Vec::with_capacity(total(ranges).min(1 << 16));
        let mut children: Vec<Range<u64>> = Vec::new();
        let pages = &self.front.nodes[node];
        let (_, child_len) = self.child_of(node);
        // The last page, and where its last list ends.
        let mut before: Option<(usize, u64)> = None;
        let nulls = self.for_pages(node, ranges, decompressor, |page| {
            let (mut parts, len) = (page.parts, page.wanted.len());
            let first = parts.u64()?;
            let mut all = vec![0_u32; len];
            if !page.is_null {
                let body = WordBody::<u32>::parse(&mut parts, len, None, 0)?;
                body.fill(&mut all)?;
            }
            parts.finish()?;
            let sum =
                |range: Range<usize>| all[range].iter().map(|&size| u64::from(size)).sum::<u64>();
            // What the pages in front of it and behind it are to take, as far as this one tells.
            let end_of_page = first.saturating_add(sum(0..len));
            let fits = match before {
                None => page.number > 0 || first == 0,
                Some((number, _)) if number == page.number => true,
                Some((number, end)) if number + 1 == page.number => end == first,
                Some((_, end)) => end <= first,
            };
            let is_last = page.number + 1 == pages.pages();
            if !fits || end_of_page > child_len || is_last && end_of_page < child_len {
                return Err(Fault::Page("its lists are not one behind the other"));
            }
            before = Some((page.number, end_of_page));
            let (mut at, mut end) = (0, first);
            for range in page.wanted.ranges() {
                let begin = end.saturating_add(sum(at..range.start));
                end = begin.saturating_add(sum(range.clone()));
                at = range.end;
                match children.last_mut() {
                    Some(last) if last.end == begin => last.end = end,
                    _ if begin == end => {}
                    _ => children.push(begin..end),
                }
                sizes.extend_from_slice(&all[range.clone()]);
            }
            Ok(())
        })?;
        Ok(Lists {
            sizes,
            children,
            nulls,
        })
    }

    pub(super) fn list_array(
        &mut self,
        node: usize,
        described: &Node,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<ArrayRef, ColumnError> {
        let Lists {
            sizes,
            children,
            nulls,
        } = self.lists(node, ranges, decompressor)?;
        let (child, _) = self.child_of(node);
        let values = self.decode(child, &children, decompressor)?;
        of_lists(&described.data_type, &sizes, values, nulls)
            .ok_or_else(|| self.fault(node, 0, Fault::Page("its lists are not those of its type")))
    }

    pub(super) fn struct_array(
        &mut self,
        node: usize,
        described: &Node,
        size: usize,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<ArrayRef, ColumnError> {
        let len = total(ranges);
        let pages = &self.front.nodes[node];
        let nulls = if pages.nulls == 0 {
            None
        } else if pages.nulls == pages.len {
            Some(NullBuffer::new_null(len))
        } else {
            self.for_pages(node, ranges, decompressor, |page| page.parts.finish())?
        };
        let below = scaled(ranges, size as u64);
        let mut children = Vec::with_capacity(described.children.len());
        for &child in &described.children {
            children.push(self.decode(child, &below, decompressor)?);
        }
        of_structs(&described.data_type, len, children, nulls).ok_or_else(|| {
            let what = "its values have nulls that their fields forbid";
            self.fault(node, 0, Fault::Page(what))
        })
    }

    pub(super) fn dictionary_array(
        &mut self,
        node: usize,
        described: &Node,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<ArrayRef, ColumnError> {
        let (mut codes, nulls) = self.words::<u32>(node, ranges, decompressor)?;
        let (child, len) = self.child_of(node);
        if codes
            .iter()
            .copied()
            .max()
            .is_some_and(|most| u64::from(most) >= len)
        {
            return Err(self.fault(node, 0, Fault::Page("a code lies behind its dictionary")));
        }
        let values = if is_all(ranges, self.front.nodes[node].len) {
            self.decode(child, std::slice::from_ref(&(0..len)), decompressor)?
        } else {
            let below = self.child_ranges(node, ranges, decompressor)?;
            let mut begins = Vec::with_capacity(below.len());
            let mut before = 0;
            for range in &below {
                begins.push((range.start, before));
                before += range.end - range.start;
            }
            for code in &mut codes {
                let range = begins.partition_point(|&(begin, _)| begin <= u64::from(*code)) - 1;
                let (begin, before) = begins[range];
                *code = u32::try_from(before + u64::from(*code) - begin).unwrap_or(u32::MAX);
            }
            self.decode(child, &below, decompressor)?
        };
        of_codes(&described.data_type, codes, values, nulls).ok_or_else(|| {
            let what = "it has more values than its keys can name";
            self.fault(node, 0, Fault::Page(what))
        })
    }
}
