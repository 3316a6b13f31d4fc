//! Adding up the chunks of a file.

use std::path::Path;

use windrow::{ChunkRole, CompressionType, Scanned, scan_chunks};

use crate::error::CliError;
use crate::progress::Progress;

/// What the chunks of a file take, in bytes with block headers and padding.
#[derive(Debug, Default)]
pub struct Survey {
    pub signature_bytes: u64,
    pub data_bytes: u64,
    pub footer_bytes: u64,
    pub postscript_bytes: u64,
    pub padding_bytes: u64,
    pub dead_bytes: u64,
    /// Of all chunks together.
    pub chunk_bytes: u64,
    pub decoded_bytes: u64,
    /// Codecs of the data chunks, and how many chunks use each; most used first.
    pub codecs: Vec<(Option<CompressionType>, u64)>,
    pub faults: u64,
}

/// Reads the headers of all chunks of the file at `path`.
pub fn take(path: &Path, quiet: bool) -> Result<Survey, CliError> {
    let total = path.metadata().ok().map(|metadata| metadata.len());
    let progress = Progress::new(quiet, &path.display().to_string(), total);
    let mut survey = Survey::default();
    for scanned in scan_chunks(path)? {
        let chunk = match scanned? {
            Scanned::Chunk(chunk) => chunk,
            _ => {
                survey.faults += 1;
                continue;
            }
        };
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
                &mut survey.data_bytes
            }
            ChunkRole::Footer => &mut survey.footer_bytes,
            ChunkRole::Postscript => &mut survey.postscript_bytes,
            ChunkRole::Padding => &mut survey.padding_bytes,
            _ => &mut survey.dead_bytes,
        } += bytes;
    }
    // Stable, so that codecs that are used equally often stay in file order.
    survey
        .codecs
        .sort_by_key(|&(_, chunks)| std::cmp::Reverse(chunks));
    Ok(survey)
}

impl Survey {
    fn count_codec(&mut self, codec: Option<CompressionType>) {
        match self.codecs.iter_mut().find(|(known, _)| *known == codec) {
            Some((_, chunks)) => *chunks += 1,
            None => self.codecs.push((codec, 1)),
        }
    }
}
