//! What a file says of its records in front of them.

use windrow_format::{
    At, CHUNK_HEADER_BYTES, Chunk, ChunkHeader, ChunkType, Limits, RecordsMetadata,
    SIGNATURE_BYTES, add_with_block_headers, take_out_block_headers,
};

use crate::error::{Error, Result, SourceName};
use crate::store::{Store, read_bytes};

/// Reads the file metadata chunk, if there is one.
pub(crate) fn read_records_metadata(
    store: &dyn Store,
    name: &SourceName,
    limits: &Limits,
) -> Result<Option<RecordsMetadata>> {
    let Some((begin, header)) = find(store, name)? else {
        return Ok(None);
    };
    let at = At::byte(begin);
    let format_error = |source| Error::format(name, None, source);
    limits.check_stored(&header, at).map_err(format_error)?;
    let file_bytes = bytes_of(store, name)?;
    let end = header.chunk_end(begin).min(file_bytes);
    let len = usize::try_from(end - begin).unwrap_or(usize::MAX);
    let raw = read_bytes(store, name, begin, len)?;
    let flat = take_out_block_headers(begin, &raw);
    let chunk = Chunk::parse(&flat, at).map_err(format_error)?;
    let metadata = RecordsMetadata::decode_chunk(&chunk, limits);
    metadata.map(Some).map_err(format_error)
}

/// Where what stands in front of all chunks of records ends: the signature, and the file metadata chunk if there is one.
pub(crate) fn front_end(store: &dyn Store, name: &SourceName) -> Result<u64> {
    let found = find(store, name)?;
    Ok(found.map_or(SIGNATURE_BYTES, |(begin, header)| header.chunk_end(begin)))
}

/// The file metadata chunk, which stands behind the signature, with no more than padding in between.
fn find(store: &dyn Store, name: &SourceName) -> Result<Option<(u64, ChunkHeader)>> {
    let file_bytes = bytes_of(store, name)?;
    let mut begin = SIGNATURE_BYTES;
    loop {
        let header_end = add_with_block_headers(begin, CHUNK_HEADER_BYTES);
        if header_end > file_bytes {
            return Ok(None);
        }
        let len = usize::try_from(header_end - begin).unwrap_or(usize::MAX);
        let raw = read_bytes(store, name, begin, len)?;
        let flat = take_out_block_headers(begin, &raw);
        let at = At::byte(begin);
        let checked = ChunkHeader::parse(&flat, at).and_then(|header| {
            header.check_fields(at)?;
            Ok(header)
        });
        let header = checked.map_err(|source| Error::format(name, None, source))?;
        match header.chunk_type {
            ChunkType::Padding => begin = header.chunk_end(begin),
            ChunkType::Metadata => return Ok(Some((begin, header))),
            _ => return Ok(None),
        }
    }
}

fn bytes_of(store: &dyn Store, name: &SourceName) -> Result<u64> {
    store
        .len()
        .map_err(|source| Error::io(name, "read", source))
}
