//! The summary of a file, and the table of its chunks.

use std::path::Path;

use serde::Serialize;
use windrow::format::ChunkType;
use windrow::{CompressionType, Reader, RecordsMetadata, Scanned, ScannedChunk, scan_chunks};

use super::survey::Survey;
use crate::cat::Data;
use crate::error::{CliError, printable};
use crate::output::{Stdout, count, exact_size, ratio, role_name, size};
use crate::verify::FaultLine;

/// One line of `--json` for a file.
#[derive(Debug, Serialize)]
pub struct FileLine<'a> {
    kind: &'static str,
    path: String,
    file_bytes: u64,
    version: u32,
    records: u64,
    chunks: u64,
    group_size: u64,
    uniform: bool,
    codecs: Vec<CodecCount>,
    transposed_chunks: u64,
    records_metadata: Option<RecordsMetadataLine<'a>>,
    writer_options: Option<&'a str>,
    user_metadata: Vec<Pair<'a>>,
    decoded_bytes: u64,
    ratio: Option<f64>,
    signature_bytes: u64,
    data_bytes: u64,
    footer_bytes: u64,
    postscript_bytes: u64,
    padding_bytes: u64,
    records_metadata_bytes: u64,
    dead_bytes: u64,
    provisional_chunks: u64,
    provisional_bytes: u64,
    indexes: u64,
    unfinished_append_bytes: u64,
    damaged_bytes: u64,
    faults: u64,
}

#[derive(Debug, Serialize)]
struct CodecCount {
    codec: Option<&'static str>,
    chunks: u64,
}

/// What a file says of its records, in `--json`.
#[derive(Debug, Serialize)]
struct RecordsMetadataLine<'a> {
    record_type_name: Option<&'a str>,
    file_comment: Option<&'a str>,
    record_writer_options: Option<&'a str>,
    num_records: Option<i64>,
    descriptors: usize,
    descriptor_bytes: usize,
}

impl<'a> RecordsMetadataLine<'a> {
    fn new(metadata: &'a RecordsMetadata) -> Self {
        let descriptors = &metadata.file_descriptor;
        Self {
            record_type_name: metadata.record_type_name.as_deref(),
            file_comment: metadata.file_comment.as_deref(),
            record_writer_options: metadata.record_writer_options.as_deref(),
            num_records: metadata.num_records,
            descriptors: descriptors.len(),
            descriptor_bytes: descriptors.iter().map(Vec::len).sum(),
        }
    }

    /// The type, and how many descriptors there are.
    fn in_words(&self) -> String {
        let record_type = self.record_type_name.unwrap_or("type not told");
        let bytes = size(self.descriptor_bytes as u64);
        let descriptors = count(self.descriptors as u64, "descriptor");
        format!("{}; {descriptors} of {bytes}", printable(record_type))
    }
}

#[derive(Debug, Serialize)]
struct Pair<'a> {
    key: &'a str,
    #[serde(flatten)]
    value: Data<'a>,
}

impl<'a> FileLine<'a> {
    pub fn new(path: &Path, reader: &'a Reader, survey: &'a Survey) -> Self {
        let footer = reader.footer();
        Self {
            kind: "file",
            path: path.display().to_string(),
            file_bytes: reader.file_bytes(),
            version: footer.metadata.version,
            records: reader.len(),
            chunks: reader.num_chunks(),
            group_size: footer.group_size,
            uniform: footer.uniform,
            codecs: survey
                .codecs
                .iter()
                .map(|&(codec, chunks)| CodecCount {
                    codec: codec.map(CompressionType::name),
                    chunks,
                })
                .collect(),
            transposed_chunks: survey.transposed_chunks,
            records_metadata: survey
                .records_metadata
                .as_ref()
                .map(RecordsMetadataLine::new),
            writer_options: reader.writer_options_string(),
            user_metadata: reader
                .user_metadata()
                .iter()
                .map(|(key, value)| Pair {
                    key,
                    value: Data::new(value),
                })
                .collect(),
            decoded_bytes: survey.decoded_bytes,
            ratio: ratio(survey.decoded_bytes, survey.data_bytes),
            signature_bytes: survey.signature_bytes,
            data_bytes: survey.data_bytes,
            footer_bytes: survey.footer_bytes,
            postscript_bytes: survey.postscript_bytes,
            padding_bytes: survey.padding_bytes,
            records_metadata_bytes: survey.records_metadata_bytes,
            dead_bytes: survey.dead_bytes,
            provisional_chunks: survey.provisional_chunks,
            provisional_bytes: survey.provisional_bytes,
            indexes: survey.indexes,
            unfinished_append_bytes: survey.unfinished_bytes,
            damaged_bytes: reader.sealed_bytes().saturating_sub(survey.chunk_bytes),
            faults: survey.faults,
        }
    }

    /// The same in words.
    pub fn print(&self, reader: &Reader, out: &mut Stdout) -> Result<(), CliError> {
        out.line(&printable(&self.path))?;
        let mut row = |name: &str, value: &str| out.line(&format!("  {name:<11}{value}"));
        let readers = match self.version {
            1 => "1, array_record reads it too".to_owned(),
            other => format!("{other}, for Windrow only"),
        };
        row("version", &readers)?;
        row("records", &self.records.to_string())?;
        row("chunks", &self.chunks_in_words())?;
        row("group size", &self.group_size_in_words())?;
        row("codecs", &self.codecs_in_words())?;
        row(
            "options",
            &printable(self.writer_options.unwrap_or("not recorded")),
        )?;
        if let Some(said) = &self.records_metadata {
            let stored = size(self.records_metadata_bytes);
            row(
                "messages",
                &format!("{}; {stored} in the file", said.in_words()),
            )?;
            if let Some(comment) = said.file_comment {
                row("comment", &shown(comment))?;
            }
        }
        for (key, value) in reader.user_metadata() {
            row("metadata", &pair_in_words(key, value))?;
        }
        row("file", &exact_size(self.file_bytes))?;
        row("decoded", &exact_size(self.decoded_bytes))?;
        let ratio = self
            .ratio
            .map_or_else(String::new, |ratio| format!(", ratio {ratio:.2}"));
        row("data", &format!("{}{ratio}", exact_size(self.data_bytes)))?;
        row("footer", &exact_size(self.footer_bytes))?;
        row("postscript", &exact_size(self.postscript_bytes))?;
        row("padding", &exact_size(self.padding_bytes))?;
        row("dead bytes", &exact_size(self.dead_bytes))?;
        if self.provisional_chunks > 0 {
            let chunks = count(self.provisional_chunks, "provisional chunk");
            let bytes = exact_size(self.provisional_bytes);
            row("flushes", &format!("{chunks} among them, {bytes}"))?;
        }
        if self.indexes > 1 {
            let appends = count(self.indexes - 1, "append");
            row(
                "indexes",
                &format!(
                    "{}, of which the last one counts: {appends} so far",
                    self.indexes
                ),
            )?;
        }
        if self.unfinished_append_bytes > 0 {
            let bytes = exact_size(self.unfinished_append_bytes);
            row(
                "unfinished",
                &printable(&format!(
                    "append: {bytes}; windrow append {} completes it, unless one is under way",
                    self.path
                )),
            )?;
        }
        if self.faults > 0 {
            let damaged = exact_size(self.damaged_bytes);
            row(
                "faults",
                &format!(
                    "{}, {damaged} not understood; see windrow verify",
                    self.faults
                ),
            )?;
        }
        Ok(())
    }

    fn chunks_in_words(&self) -> String {
        match self.transposed_chunks {
            0 => self.chunks.to_string(),
            all if all == self.chunks => format!("{all}, transposed"),
            some => format!("{}, {some} of them transposed", self.chunks),
        }
    }

    fn group_size_in_words(&self) -> String {
        match (self.group_size, self.uniform) {
            (0, _) => "none, there are no records".to_owned(),
            (first, true) => count(first, "record"),
            (first, false) => format!("differs, {first} in the first chunk"),
        }
    }

    fn codecs_in_words(&self) -> String {
        let names: Vec<String> = self
            .codecs
            .iter()
            .map(|used| match (used.codec, self.codecs.len()) {
                (codec, 1) => codec.unwrap_or("unknown").to_owned(),
                (codec, _) => format!(
                    "{} ({})",
                    codec.unwrap_or("unknown"),
                    count(used.chunks, "chunk")
                ),
            })
            .collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    }
}

/// `key = value`, cut where it is long; the whole value is in `--json`.
fn pair_in_words(key: &str, value: &[u8]) -> String {
    let key = printable(key);
    match std::str::from_utf8(value) {
        Ok(text) => format!("{key} = {}", shown(text)),
        Err(_) => format!("{key}: {}, not text", size(value.len() as u64)),
    }
}

/// `text` on one line, cut where it is long.
fn shown(text: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    let shown: String = text.chars().take(SHOWN_CHARS).collect();
    let rest = if shown.len() < text.len() {
        format!("... ({})", size(text.len() as u64))
    } else {
        String::new()
    };
    format!("{}{rest}", printable(&shown))
}

/// All chunks of a file, printed as they are found: there may be millions.
#[derive(Debug)]
pub struct ChunkTable<'a> {
    path: &'a Path,
    json: bool,
}

/// One line of `--json` for a chunk.
#[derive(Debug, Serialize)]
struct ChunkLine {
    kind: &'static str,
    path: String,
    role: &'static str,
    chunk: Option<u64>,
    offset: u64,
    bytes: u64,
    records: u64,
    decoded_bytes: u64,
    ratio: Option<f64>,
    codec: Option<&'static str>,
    transposed: bool,
}

impl<'a> ChunkTable<'a> {
    pub fn new(path: &'a Path, json: bool) -> Self {
        Self { path, json }
    }

    pub fn print(&self, out: &mut Stdout) -> Result<(), CliError> {
        if !self.json {
            out.line(&format!(
                "  {:<11} {:>8} {:>14} {:>12} {:>9} {:>12} {:>7}  codec",
                "role", "chunk", "offset", "bytes", "records", "decoded", "ratio"
            ))?;
        }
        for scanned in scan_chunks(self.path)? {
            match scanned? {
                Scanned::Chunk(chunk) => self.print_chunk(&chunk, out)?,
                Scanned::Fault(fault) => {
                    let line = FaultLine::new(&fault);
                    if self.json {
                        out.json(&line.with_path(self.path))?;
                    } else {
                        out.line(&printable(&format!("  fault       {}", line.in_words())))?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn print_chunk(&self, chunk: &ScannedChunk, out: &mut Stdout) -> Result<(), CliError> {
        let bytes = chunk.bytes.end - chunk.bytes.start;
        let header = &chunk.header;
        let ratio = ratio(header.decoded_bytes, bytes).filter(|_| header.num_records > 0);
        let codec = chunk.compression.map(CompressionType::name);
        let transposed = header.chunk_type == ChunkType::Transposed;
        let role = role_name(chunk.role);
        if self.json {
            return out.json(&ChunkLine {
                kind: "chunk",
                path: self.path.display().to_string(),
                role,
                chunk: chunk.chunk,
                offset: chunk.bytes.start,
                bytes,
                records: header.num_records,
                decoded_bytes: header.decoded_bytes,
                ratio,
                codec,
                transposed,
            });
        }
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        out.line(&format!(
            "  {:<11} {:>8} {:>14} {bytes:>12} {:>9} {:>12} {:>7}  {}{}",
            role,
            or_dash(chunk.chunk.map(|chunk| chunk.to_string())),
            chunk.bytes.start,
            header.num_records,
            header.decoded_bytes,
            or_dash(ratio.map(|ratio| format!("{ratio:.2}"))),
            codec.unwrap_or("-"),
            if transposed { ", transposed" } else { "" },
        ))
    }
}
