//! From a store to footer and index.

use windrow_format::options::{DEFAULT_FOOTER_PREFETCH_BYTES, IndexStorage, ReaderOptions};
use windrow_format::{
    At, BLOCK_BYTES, ChunkHeader, ChunkType, Footer, FooterDecoder, FormatError, LOOK_BACK_BYTES,
    Limits, LookBack, LookedAt, Step, is_append, is_damaged_postscript,
};

use super::Counters;
use super::decode::read_range;
use crate::error::{Error, Result, SourceName};
use crate::index::{Index, IndexBuilder};
use crate::retry::twice;
use crate::store::{Store, read_bytes};

/// What opening a file brings.
pub(super) struct OpenIndex {
    pub(super) footer: Footer,
    pub(super) index: Index,
    /// Where the postscript's block ends.
    pub(super) sealed_bytes: u64,
}

/// Reads postscript and footer and makes the index: those at the end of the file, or else those in front of an append
/// that is not complete.
pub(super) fn open_index(
    store: &dyn Store,
    name: &SourceName,
    file_bytes: u64,
    options: &ReaderOptions,
    limits: Limits,
    stats: &Counters,
) -> Result<OpenIndex> {
    let attempt = |end| {
        let attempt = |_| try_footer(store, name, end, options, limits, stats);
        Ok(
            twice(store.as_bytes().is_some(), attempt)?.map(|(footer, index)| OpenIndex {
                footer,
                index,
                sealed_bytes: end,
            }),
        )
    };
    let error = match attempt(file_bytes)? {
        Ok(opened) => return Ok(opened),
        Err(error) => error,
    };
    if is_about_the_postscript(&error, file_bytes)
        && !ends_with_postscript(store, name, file_bytes)?
        && let Some(opened) = look_back(store, name, file_bytes, attempt)?
    {
        return Ok(opened);
    }
    Err(explain(store, name, file_bytes, error))
}

/// Whether the file was finished, though its postscript is damaged.
fn ends_with_postscript(store: &dyn Store, name: &SourceName, file_bytes: u64) -> Result<bool> {
    /// More than the headers and the messages take.
    const POSTSCRIPT_BYTES: usize = 256;
    let Some(begin) = file_bytes
        .checked_sub(BLOCK_BYTES)
        .filter(|begin| begin.is_multiple_of(BLOCK_BYTES))
    else {
        return Ok(false);
    };
    let block = read_bytes(store, name, begin, POSTSCRIPT_BYTES)?;
    Ok(is_damaged_postscript(&block, begin))
}

/// Looks for the last postscript in front of the last block, and takes it if an append follows it.
fn look_back(
    store: &dyn Store,
    name: &SourceName,
    file_bytes: u64,
    mut attempt: impl FnMut(u64) -> Result<Result<OpenIndex, FormatError>>,
) -> Result<Option<OpenIndex>> {
    let mut search = LookBack::new(file_bytes);
    while let Some(begin) = search.block() {
        if search.push(&read_bytes(store, name, begin, LOOK_BACK_BYTES)?) == LookedAt::Nothing {
            continue;
        }
        let end = begin + BLOCK_BYTES;
        if let Ok(opened) = attempt(end)? {
            let follow = usize::try_from(file_bytes - end).unwrap_or(usize::MAX);
            let tail = read_bytes(store, name, end, follow.min(LOOK_BACK_BYTES))?;
            return Ok(is_append(&tail, end).then_some(opened));
        }
    }
    Ok(None)
}

/// One attempt; the inner error says what is wrong with the bytes.
fn try_footer(
    store: &dyn Store,
    name: &SourceName,
    file_bytes: u64,
    options: &ReaderOptions,
    limits: Limits,
    stats: &Counters,
) -> Result<Result<(Footer, Index), FormatError>> {
    let prefetch = options
        .footer_prefetch_bytes()
        .unwrap_or(DEFAULT_FOOTER_PREFETCH_BYTES);
    let mut decoder = FooterDecoder::new(file_bytes, prefetch, limits);
    if options.index_storage() == IndexStorage::Offloaded {
        let prefetch = prefetch.min(DEFAULT_FOOTER_PREFETCH_BYTES);
        decoder = FooterDecoder::new(file_bytes, prefetch, limits)
            .with_max_buffer_bytes(DEFAULT_FOOTER_PREFETCH_BYTES);
    }
    let offload = |source| Error::io(name, "offload the index of", source);
    let mut index = IndexBuilder::new(options.index_storage()).map_err(offload)?;
    loop {
        let step = match decoder.step() {
            Ok(step) => step,
            Err(error) => return Ok(Err(error)),
        };
        match step {
            Step::Need(range) => {
                let mut bytes = Vec::new();
                let byte = range.start;
                read_range(store, range, &mut bytes, stats).map_err(|source| Error::Io {
                    name: name.clone(),
                    action: "read",
                    at: Some(At::byte(byte)),
                    records: None,
                    source,
                })?;
                if let Err(error) = decoder.push(bytes) {
                    return Ok(Err(error));
                }
            }
            Step::Item(pages) => index.push(&pages).map_err(offload)?,
            Step::End => break,
        }
    }
    let footer = decoder.into_footer();
    let index = index.finish(&footer);
    Ok(Ok((footer, index)))
}

/// Says more of a file that cannot be opened: whether it is of this kind at all, and whether it was ever completed.
fn explain(store: &dyn Store, name: &SourceName, file_bytes: u64, source: FormatError) -> Error {
    let mut signature = [0; 64];
    let is_riegeli = file_bytes >= 64
        && store.read_exact_at(&mut signature, 0).is_ok()
        && ChunkHeader::parse(&signature[24..], At::byte(0))
            .is_ok_and(|header| header.chunk_type == ChunkType::Signature);
    let source = if !is_about_the_postscript(&source, file_bytes) {
        source
    } else if is_riegeli {
        FormatError::NoPostscript {
            file_bytes,
            source: Box::new(source),
        }
    } else {
        FormatError::NotArrayRecord {
            file_bytes,
            source: Box::new(source),
        }
    };
    Error::format(name, None, source)
}

/// Whether the end of the file makes no sense, as opposed to what it points at.
fn is_about_the_postscript(error: &FormatError, file_bytes: u64) -> bool {
    error.at().is_none_or(|at| {
        at.byte == file_bytes.saturating_sub(BLOCK_BYTES)
            && !matches!(error, FormatError::FooterOffset { .. })
    })
}
