//! What the pages of a node have in common, in a page of its own.

use arrow_buffer::{ArrowNativeType, Buffer};
use windrow_format::Decompressor;

use super::ChunkRead;
use crate::byte_strings::{ByteStrings, Rules, SAME_VALUES};
use crate::encode::{DICTIONARY_PAGE, SYMBOLS_PAGE, TOKENS_PAGE};
use crate::error::{Checked, ColumnError, Fault};
use crate::fixed::FixedBody;
use crate::front::NodePages;
use crate::node::{Shape, WordKind};
use crate::page::{Parts, Wanted};
use crate::symbols::Symbols;
use crate::tokens::Tokens;
use crate::words::{Lane, WordBody};

/// A dictionary may have so many values, however few bytes it takes.
const MAX_DICTIONARY_VALUES: u64 = 1 << 16;

/// What a shared page holds, decoded.
#[derive(Debug)]
pub(crate) enum SharedPage {
    /// Words and values of fixed size, one behind the other.
    Values(Buffer),
    Bytes(ByteStrings),
    Symbols(Symbols),
    Tokens(Tokens),
}

impl<'a> ChunkRead<'a> {
    /// What the pages of a node have in common.
    pub(super) fn shared(
        &self,
        node: usize,
        decompressor: &mut Decompressor,
    ) -> Result<Option<&'a SharedPage>, ColumnError> {
        let pages: &'a NodePages = &self.front.nodes[node];
        if !pages.has_shared {
            return Ok(None);
        }
        if let Some(shared) = pages.shared.get() {
            return Ok(Some(shared));
        }
        let page = self.page(node, 0, decompressor)?;
        let described = self.schema.nodes().get(node);
        // Each is named by a value at least, and however well they are compressed, a byte tells of no more than these.
        let stored = pages.place(0);
        let most = MAX_DICTIONARY_VALUES.max((stored.end - stored.start).saturating_mul(128));
        let most = usize::try_from(most.min(pages.len)).unwrap_or(usize::MAX);
        let decoded_bytes = self.front.decoded_bytes();
        let shared = SharedPage::parse(&page, described.shape, most, decoded_bytes);
        let shared = shared.map_err(|fault| self.fault(node, 0, fault))?;
        Ok(Some(pages.shared.get_or_init(|| Box::new(shared))))
    }
}

impl SharedPage {
    /// `most` is how many values its dictionary can have.
    fn parse(page: &[u8], shape: Shape, most: usize, decoded_bytes: u64) -> Checked<Self> {
        let mut parts = Parts::new(page);
        let head = parts.head()?;
        if head.code == DICTIONARY_PAGE && (head.count == 0 || head.count > most) {
            return Err(Fault::Page(
                "its dictionary has an impossible number of values",
            ));
        }
        let shared = match (head.code, shape) {
            (SYMBOLS_PAGE, Shape::Bytes { .. }) => {
                Self::Symbols(Symbols::parse(&mut parts, head.count)?)
            }
            (TOKENS_PAGE, Shape::Bytes { .. }) => {
                Self::Tokens(Tokens::parse(&mut parts, head.count)?)
            }
            (DICTIONARY_PAGE, Shape::Bytes { text }) => Self::Bytes(ByteStrings::parse(
                &mut parts,
                head.count,
                Rules {
                    text,
                    decoded_bytes,
                },
            )?),
            (DICTIONARY_PAGE, Shape::Word(word)) => {
                let floats = word.kind == WordKind::Float;
                Self::Values(match word.bytes {
                    1 => words::<u8>(&mut parts, head.count, floats)?,
                    2 => words::<u16>(&mut parts, head.count, floats)?,
                    4 => words::<u32>(&mut parts, head.count, floats)?,
                    _ => words::<u64>(&mut parts, head.count, floats)?,
                })
            }
            (DICTIONARY_PAGE, Shape::Fixed(size)) => {
                let body = FixedBody::parse(&mut parts, head.count, size, None)?;
                if head.count > 1 && matches!(body, FixedBody::Constant(_)) {
                    return Err(SAME_VALUES);
                }
                let mut out = Vec::new();
                let all = 0..head.count;
                body.extend(
                    Wanted::new(std::slice::from_ref(&all), head.count),
                    size,
                    &mut out,
                )?;
                Self::Values(Buffer::from_vec(out))
            }
            _ => return Err(Fault::Page("its shared page is of an unknown kind")),
        };
        parts.finish()?;
        Ok(shared)
    }
}

fn words<T: Lane + ArrowNativeType>(
    parts: &mut Parts<'_>,
    count: usize,
    floats: bool,
) -> Checked<Buffer> {
    let body = WordBody::<T>::parse_any(parts, count, None, 0, floats)?;
    let mut out = vec![T::default(); count];
    body.fill(&mut out)?;
    Ok(Buffer::from_vec(out))
}
