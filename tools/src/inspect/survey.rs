//! Adding up the chunks of a file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use windrow::format::{
    BLOCK_BYTES, Chunk, ChunkType, Limits, MAX_DICTIONARY_BYTES, POSTSCRIPT_COPIES, RecordDecoder,
    parse_postscript, take_out_block_headers,
};
use windrow::{
    At, ChunkRole, CompressionType, Reader, Records, RecordsMetadata, Scanned, ScannedChunk,
    scan_chunks,
};

use super::dictionaries::{self, FoundDictionary};
use crate::error::CliError;
use crate::output::complain;
use crate::progress::Progress;

/// What the chunks of a file take, in bytes with block headers and padding.
#[derive(Debug, Default)]
pub struct Survey {
    pub signature_bytes: u64,
    pub data_bytes: u64,
    pub footer_bytes: u64,
    pub postscript_bytes: u64,
    pub padding_bytes: u64,
    /// The chunk that says what the records are.
    pub records_metadata_bytes: u64,
    /// All copies of dictionaries.
    pub dictionary_bytes: u64,
    /// The chunk of the schema of the columns.
    pub schema_bytes: u64,
    /// The chunk that says what row groups hold at least and at most.
    pub statistics_bytes: u64,
    /// Those of provisional chunks included.
    pub dead_bytes: u64,
    pub provisional_chunks: u64,
    pub provisional_bytes: u64,
    /// Indexes, complete with their postscripts; only the last one counts.
    pub indexes: u64,
    /// Behind the last index: an append that is not complete.
    pub unfinished_bytes: u64,
    /// Of all chunks together, but for those of an append that is not complete.
    pub chunk_bytes: u64,
    pub decoded_bytes: u64,
    /// Codecs of the data chunks, and how many chunks use each; most used first.
    pub codecs: Vec<(Option<CompressionType>, u64)>,
    pub data_chunks: u64,
    /// How many of the data chunks are transposed.
    pub transposed_chunks: u64,
    /// How many of the data chunks are record pages.
    pub page_chunks: u64,
    /// How many of the data chunks are row groups.
    pub column_chunks: u64,
    pub dictionaries: Vec<FoundDictionary>,
    /// What the file says of its records, if it can be read.
    pub records_metadata: Option<RecordsMetadata>,
    pub faults: u64,
}

/// Reads the headers of all chunks of the file at `path`, which `reader` has open.
pub fn take(path: &Path, reader: &Reader, quiet: bool) -> Result<Survey, CliError> {
    let total = path.metadata().ok().map(|metadata| metadata.len());
    let progress = Progress::new(quiet, &path.display().to_string(), total);
    let sealed = reader.sealed_bytes();
    let mut survey = Survey {
        indexes: 1,
        unfinished_bytes: reader.file_bytes().saturating_sub(sealed),
        ..Survey::default()
    };
    let mut file = File::open(path).map_err(CliError::io("open", path))?;
    for scanned in scan_chunks(path)? {
        let chunk = match scanned? {
            Scanned::Chunk(chunk) => chunk,
            Scanned::Fault(fault) => {
                survey.faults += u64::from(fault.bytes.start < sealed);
                continue;
            }
            _ => continue,
        };
        if chunk.bytes.start >= sealed {
            progress.set(chunk.bytes.end);
            continue;
        }
        let bytes = chunk.bytes.end - chunk.bytes.start;
        survey.chunk_bytes += bytes;
        progress.set(chunk.bytes.end);
        *match chunk.role {
            ChunkRole::Signature => &mut survey.signature_bytes,
            ChunkRole::Data => {
                survey.decoded_bytes = survey
                    .decoded_bytes
                    .saturating_add(chunk.header.decoded_bytes);
                survey.count_codec(chunk.compression);
                survey.data_chunks += 1;
                match chunk.header.chunk_type {
                    ChunkType::Transposed => survey.transposed_chunks += 1,
                    ChunkType::Pages => survey.page_chunks += 1,
                    ChunkType::Columns => survey.column_chunks += 1,
                    _ => {}
                }
                &mut survey.data_bytes
            }
            ChunkRole::Footer => &mut survey.footer_bytes,
            ChunkRole::Postscript => &mut survey.postscript_bytes,
            ChunkRole::Padding => &mut survey.padding_bytes,
            ChunkRole::Metadata => &mut survey.records_metadata_bytes,
            ChunkRole::Dictionary => {
                let raw = read_chunk(&mut file, &chunk).map_err(CliError::io("read", path))?;
                dictionaries::push(&mut survey.dictionaries, &chunk, &raw);
                &mut survey.dictionary_bytes
            }
            ChunkRole::Schema => &mut survey.schema_bytes,
            ChunkRole::Statistics => &mut survey.statistics_bytes,
            role => {
                if role == ChunkRole::Provisional {
                    survey.provisional_chunks += 1;
                    survey.provisional_bytes += bytes;
                } else if is_postscript(&mut file, &chunk).map_err(CliError::io("read", path))? {
                    survey.indexes += 1;
                }
                &mut survey.dead_bytes
            }
        } += bytes;
    }
    if survey.records_metadata_bytes > 0 {
        match reader.records_metadata() {
            Ok(metadata) => survey.records_metadata = metadata,
            Err(error @ windrow::Error::Format { .. }) => {
                survey.faults += 1;
                complain(&CliError::from(error).one_line());
            }
            Err(error) => return Err(error.into()),
        }
    }
    dictionaries::measure(path, reader, &mut survey.dictionaries)?;
    // Stable, so that codecs that are used equally often stay in file order.
    survey
        .codecs
        .sort_by_key(|&(_, chunks)| std::cmp::Reverse(chunks));
    Ok(survey)
}

/// Header and data of a chunk, but for what is more than the largest dictionary may take.
fn read_chunk(file: &mut File, chunk: &ScannedChunk) -> io::Result<Vec<u8>> {
    const MOST_BYTES: u64 = 2 * MAX_DICTIONARY_BYTES as u64;
    let begin = chunk.bytes.start;
    let mut raw = Vec::new();
    file.seek(SeekFrom::Start(begin))?;
    file.take((chunk.bytes.end - begin).min(MOST_BYTES))
        .read_to_end(&mut raw)?;
    Ok(take_out_block_headers(begin, &raw).into_owned())
}

/// Whether a dead chunk is a postscript: that of an index that an append has replaced.
fn is_postscript(file: &mut File, chunk: &ScannedChunk) -> io::Result<bool> {
    /// More than block header, chunk header and three messages take.
    const MOST_BYTES: u64 = 200;
    let begin = chunk.bytes.start;
    let bytes = chunk.bytes.end - begin;
    if chunk.header.num_records != POSTSCRIPT_COPIES
        || !begin.is_multiple_of(BLOCK_BYTES)
        || bytes > MOST_BYTES
    {
        return Ok(false);
    }
    let flat = read_chunk(file, chunk)?;
    let mut records = Records::new();
    let at = At::byte(begin);
    let parsed = Chunk::parse(&flat, at)
        .and_then(|chunk| RecordDecoder::new().decode(&chunk, &Limits::default(), &mut records))
        .and_then(|()| parse_postscript(&records, at));
    Ok(parsed.is_ok())
}

/// How the records of a chunk of this type are laid out, if it is one of records.
pub fn layout_name(chunk_type: ChunkType) -> Option<&'static str> {
    match chunk_type {
        ChunkType::Simple => Some("groups"),
        ChunkType::Transposed => Some("transposed"),
        ChunkType::Pages => Some("pages"),
        ChunkType::Columns => Some("columns"),
        _ => None,
    }
}

impl Survey {
    /// The layout of all data chunks, or `mixed`; `None` without any.
    pub fn layout(&self) -> Option<&'static str> {
        let chunk_type = match (self.data_chunks, self.page_chunks, self.transposed_chunks) {
            (0, ..) => return None,
            (all, ..) if all == self.column_chunks => ChunkType::Columns,
            (_, 0, 0) => ChunkType::Simple,
            (all, pages, 0) if all == pages => ChunkType::Pages,
            (all, 0, transposed) if all == transposed => ChunkType::Transposed,
            _ => return Some("mixed"),
        };
        layout_name(chunk_type)
    }

    fn count_codec(&mut self, codec: Option<CompressionType>) {
        match self.codecs.iter_mut().find(|(known, _)| *known == codec) {
            Some((_, chunks)) => *chunks += 1,
            None => self.codecs.push((codec, 1)),
        }
    }
}
