//! The dictionaries of a file: found by its footer, read when the first record needs them, and shared by all that is open.

use std::io;
use std::sync::Mutex;

use windrow_format::{
    At, BLOCK_BYTES, CHUNK_HEADER_BYTES, Chunk, ChunkHeader, ChunkType, Dictionaries, Dictionary,
    Footer, FormatError, Limits, WeakDictionary, add_with_block_headers, is_chunk_boundary,
    take_out_block_headers,
};

use crate::retry::twice;
use crate::store::Store;

/// Chunks behind a footer that are looked at for second copies.
const MAX_CHUNKS_BEHIND: usize = 64;

/// Reads the dictionaries that a footer names: the copies in front of it, and, where one of them cannot be read, those
/// behind it.
pub(crate) fn load(
    store: &dyn Store,
    footer: &Footer,
    sealed_bytes: u64,
    limits: &Limits,
) -> io::Result<Dictionaries> {
    let mut dictionaries = Dictionaries::default();
    let mut is_broken = false;
    for &begin in &footer.metadata.dictionaries {
        let copy = read(store, begin, footer.footer_offset, limits, &dictionaries)?;
        is_broken |= copy.is_err();
        dictionaries.push(copy.map(share));
    }
    if is_broken {
        let end = sealed_bytes.saturating_sub(BLOCK_BYTES);
        read_behind(store, footer.footer_end, end, limits, &mut dictionaries)?;
    }
    Ok(dictionaries)
}

/// Takes the copies that stand behind a footer.
fn read_behind(
    store: &dyn Store,
    mut begin: u64,
    end: u64,
    limits: &Limits,
    dictionaries: &mut Dictionaries,
) -> io::Result<()> {
    for _ in 0..MAX_CHUNKS_BEHIND {
        let Ok(header) = read_header(store, begin, end)? else {
            break;
        };
        if header.chunk_type == ChunkType::Dictionary {
            let copy = read(store, begin, end, limits, dictionaries)?;
            dictionaries.push(copy.map(share));
        }
        begin = header.chunk_end(begin);
    }
    Ok(())
}

/// Reads the dictionary chunk at `begin`, which ends at or in front of `end`; `others` are there already.
fn read(
    store: &dyn Store,
    begin: u64,
    end: u64,
    limits: &Limits,
    others: &Dictionaries,
) -> io::Result<Result<Dictionary, FormatError>> {
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
        Ok(Chunk::parse(&flat, at).and_then(|chunk| others.parse_chunk(&chunk, limits)))
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
            what: "dictionary chunk",
            at,
            need: CHUNK_HEADER_BYTES,
            have: end.saturating_sub(begin),
        }));
    }
    let mut raw = vec![0; usize::try_from(header_end - begin).unwrap_or(usize::MAX)];
    store.read_exact_at(&mut raw, begin)?;
    Ok(ChunkHeader::parse(&take_out_block_headers(begin, &raw), at))
}

/// Gives the preparation of the same dictionary that somebody in this process keeps already, if there is one: a
/// hundred files of one source then hold it once. The list is only ever tried: where another thread is at it, or was
/// when this process was forked, nothing is shared.
pub(crate) fn share(dictionary: Dictionary) -> Dictionary {
    static SHARED: Mutex<Vec<WeakDictionary>> = Mutex::new(Vec::new());
    let Ok(mut shared) = SHARED.try_lock() else {
        return dictionary;
    };
    let mut found = None;
    shared.retain(|weak| match weak.upgrade() {
        Some(known) => {
            if known.id() == dictionary.id() && known == dictionary {
                found = Some(known);
            }
            true
        }
        None => false,
    });
    found.unwrap_or_else(|| {
        shared.push(dictionary.downgrade());
        dictionary
    })
}
