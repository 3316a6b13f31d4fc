//! Reading single chunks that no entry lists.

use std::io;

use windrow_format::{
    At, CHUNK_HEADER_BYTES, Chunk, ChunkHeader, FormatError, Limits, add_with_block_headers,
    is_chunk_boundary, take_out_block_headers,
};

use crate::retry::twice;
use crate::store::Store;

/// Chunks behind a footer that are looked at.
const MAX_CHUNKS_BEHIND: usize = 64;

/// Shows `visit` where each chunk between a footer, which ends at `begin`, and its postscript at `end` begins, and its header,
/// until that says no or a header cannot be read.
pub(crate) fn each_behind(
    store: &dyn Store,
    mut begin: u64,
    end: u64,
    mut visit: impl FnMut(u64, &ChunkHeader) -> io::Result<bool>,
) -> io::Result<()> {
    for _ in 0..MAX_CHUNKS_BEHIND {
        let Ok(header) = read_header(store, begin, end)? else {
            break;
        };
        if !visit(begin, &header)? {
            break;
        }
        begin = header.chunk_end(begin);
    }
    Ok(())
}

/// Reads the chunk at `begin`, which ends at or in front of `end`, and lends it to `parse`; once more, where something is
/// wrong with it.
pub(crate) fn read_unlisted<T>(
    store: &dyn Store,
    begin: u64,
    end: u64,
    limits: &Limits,
    parse: impl Fn(&Chunk<'_>) -> Result<T, FormatError>,
) -> io::Result<Result<T, FormatError>> {
    let at = At::byte(begin);
    twice(store.as_bytes().is_some(), |_| {
        let header = match read_header(store, begin, end)? {
            Ok(header) => header,
            Err(error) => return Ok(Err(error)),
        };
        let chunk_end = header.chunk_end(begin);
        let checked = limits
            .check_stored(&header, at)
            .and_then(|()| limits.check_decoded(&header, at));
        if let Err(error) = checked {
            return Ok(Err(error));
        }
        if chunk_end > end {
            return Ok(Err(FormatError::ChunkEnd {
                at,
                end: chunk_end,
                expected: end,
            }));
        }
        let mut raw = vec![0; usize::try_from(chunk_end - begin).unwrap_or(usize::MAX)];
        store.read_exact_at(&mut raw, begin)?;
        let flat = take_out_block_headers(begin, &raw);
        Ok(Chunk::parse(&flat, at).and_then(|chunk| parse(&chunk)))
    })
}

fn read_header(
    store: &dyn Store,
    begin: u64,
    end: u64,
) -> io::Result<Result<ChunkHeader, FormatError>> {
    let at = At::byte(begin);
    if !is_chunk_boundary(begin) {
        return Ok(Err(FormatError::ChunkBoundary { at }));
    }
    let header_end = add_with_block_headers(begin, CHUNK_HEADER_BYTES);
    if header_end > end {
        return Ok(Err(FormatError::Truncated {
            what: "chunk that no entry lists",
            at,
            need: CHUNK_HEADER_BYTES,
            have: end.saturating_sub(begin),
        }));
    }
    let mut raw = vec![0; usize::try_from(header_end - begin).unwrap_or(usize::MAX)];
    store.read_exact_at(&mut raw, begin)?;
    Ok(ChunkHeader::parse(&take_out_block_headers(begin, &raw), at))
}
