//! Symbols of FSST: a byte stands for up to eight. Compressing is the library's; taking apart what a file holds is ours,
//! because every byte of it is checked.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "places within tables of 256 and buffers of checked sizes"
)]

use crate::error::{Checked, Fault};
use crate::page::{Parts, align, push_words};

/// Stands in front of a byte that is meant as it is.
const ESCAPE: u8 = 255;
/// Bytes of a symbol at most.
pub(crate) const SYMBOL_BYTES: usize = 8;

/// A table of symbols.
#[derive(Debug, Clone)]
pub(crate) struct Symbols {
    bytes: Box<[[u8; SYMBOL_BYTES]; 256]>,
    sizes: Box<[u8; 256]>,
}

/// Appends the symbols of a table: the bytes of each, then the size of each.
pub(crate) fn push_symbols(out: &mut Vec<u8>, compressor: &fsst::Compressor) {
    let table = compressor.symbol_table();
    let symbols: Vec<u64> = table.iter().map(|symbol| symbol.to_u64()).collect();
    push_words(out, &symbols);
    push_words(out, compressor.symbol_lengths());
    align(out);
}

impl Symbols {
    pub(crate) fn parse(parts: &mut Parts<'_>, count: usize) -> Checked<Self> {
        if count > usize::from(ESCAPE) {
            return Err(Fault::Page("it has more symbols than bytes can name"));
        }
        let mut table = Self {
            bytes: Box::new([[0; SYMBOL_BYTES]; 256]),
            sizes: Box::new([0; 256]),
        };
        let bytes = parts.take(count * SYMBOL_BYTES)?;
        table.bytes.as_flattened_mut()[..bytes.len()].copy_from_slice(bytes);
        let sizes = parts.take(count)?;
        if sizes
            .iter()
            .any(|&size| size == 0 || usize::from(size) > SYMBOL_BYTES)
        {
            return Err(Fault::Page("a symbol of it has no size or too large a one"));
        }
        table.sizes[..count].copy_from_slice(sizes);
        Ok(table)
    }

    /// Appends what `compressed` stands for to `out[position..]`, which has [`SYMBOL_BYTES`] to spare; returns its end.
    #[inline]
    pub(crate) fn decode(
        &self,
        compressed: &[u8],
        out: &mut [u8],
        mut position: usize,
    ) -> Checked<usize> {
        const LONG: Fault = Fault::Page("its values are longer than it says");
        let mut rest = compressed;
        loop {
            // Four symbols at a time, as long as there are four.
            while let Some((codes, behind)) = rest.split_first_chunk::<4>() {
                let sizes = codes.map(|code| usize::from(self.sizes[usize::from(code)]));
                let room = out.get_mut(position..).unwrap_or_default();
                let Some(room) = room.first_chunk_mut::<{ 4 * SYMBOL_BYTES }>() else {
                    break;
                };
                if sizes.contains(&0) {
                    break;
                }
                let mut at = 0;
                for (code, size) in codes.iter().zip(sizes) {
                    room[at..at + SYMBOL_BYTES].copy_from_slice(&self.bytes[usize::from(*code)]);
                    at += size;
                }
                position += at;
                rest = behind;
            }
            let Some((&code, behind)) = rest.split_first() else {
                break;
            };
            rest = behind;
            let room = out.get_mut(position..).unwrap_or_default();
            let room = room.first_chunk_mut::<SYMBOL_BYTES>().ok_or(LONG)?;
            let size = self.sizes[usize::from(code)];
            if size > 0 {
                *room = self.bytes[usize::from(code)];
                position += usize::from(size);
                continue;
            }
            match rest.split_first() {
                Some((&byte, behind)) if code == ESCAPE => {
                    room[0] = byte;
                    rest = behind;
                }
                _ => return Err(Fault::Page("a byte of it names no symbol")),
            }
            position += 1;
        }
        Ok(position)
    }
}
