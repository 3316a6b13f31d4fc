//! The table of all chunks of a file.

use std::path::Path;

use serde::Serialize;
use windrow::format::ChunkType;
use windrow::{CompressionType, Scanned, ScannedChunk, scan_chunks};

use super::survey::layout_name;
use crate::error::{CliError, printable};
use crate::output::{Stdout, ratio, role_name};
use crate::verify::FaultLine;

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
    layout: Option<&'static str>,
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
        let layout = layout_name(header.chunk_type);
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
                layout,
                transposed: header.chunk_type == ChunkType::Transposed,
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
            match layout {
                None | Some("groups") => String::new(),
                Some(layout) => format!(", {layout}"),
            },
        ))
    }
}
