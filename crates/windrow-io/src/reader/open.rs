//! From a store to footer and index.

use windrow_format::options::{DEFAULT_FOOTER_PREFETCH_BYTES, IndexStorage, ReaderOptions};
use windrow_format::{
    At, BLOCK_BYTES, ChunkHeader, ChunkType, Footer, FooterDecoder, FormatError, Limits, Step,
};

use super::Counters;
use super::decode::read_range;
use crate::error::{Error, Result, SourceName};
use crate::index::{Index, IndexBuilder};
use crate::store::Store;

/// Reads postscript and footer and makes the index.
pub(super) fn read_footer(
    store: &dyn Store,
    name: &SourceName,
    file_bytes: u64,
    options: &ReaderOptions,
    limits: Limits,
    stats: &Counters,
) -> Result<(Footer, Index)> {
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
    let format_error = |source| explain(store, name, file_bytes, source);
    loop {
        match decoder.step().map_err(format_error)? {
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
                decoder.push(bytes).map_err(format_error)?;
            }
            Step::Item(pages) => index.push(&pages).map_err(offload)?,
            Step::End => break,
        }
    }
    let footer = decoder.into_footer();
    let index = index.finish(&footer);
    Ok((footer, index))
}

/// Says more of a file that cannot be opened: whether it is of this kind at all, and whether it was ever completed.
fn explain(store: &dyn Store, name: &SourceName, file_bytes: u64, source: FormatError) -> Error {
    let mut signature = [0; 64];
    let is_riegeli = file_bytes >= 64
        && store.read_exact_at(&mut signature, 0).is_ok()
        && ChunkHeader::parse(&signature[24..], At::byte(0))
            .is_ok_and(|header| header.chunk_type == ChunkType::Signature);
    let postscript = source.at().is_none_or(|at| {
        at.byte == file_bytes.saturating_sub(BLOCK_BYTES)
            && !matches!(source, FormatError::FooterOffset { .. })
    });
    let source = if !postscript {
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
