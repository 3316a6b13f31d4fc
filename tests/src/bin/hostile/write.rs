//! Writing much, with the peak of memory.

use serde_json::{Value, json};
use windrow::{Codec, Sink, Writer, WriterOptions};
use windrow_format::Compressor;
use windrow_tests::hostile::{Random, push_text};

use crate::counting;
use crate::read::{peak_resident_bytes, resident_bytes};

/// Takes everything and keeps nothing.
struct Nowhere;

impl Sink for Nowhere {
    fn write_all(&mut self, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Writes records of about `record_bytes` of text, `bytes` in all.
pub fn measure(codec: &str, group: u32, jobs: u32, record_bytes: usize, bytes: u64) -> Value {
    let codec = codec_of(codec);
    let mut random = Random::new(3);
    let mut text = Vec::new();
    push_text(&mut random, 4 << 20, &mut text);
    let base = counting::begin();
    let resident = resident_bytes();
    let options = WriterOptions::new()
        .with_codec(codec)
        .with_group_size(group)
        .with_max_parallelism(Some(jobs));
    let mut writer = Writer::create(Nowhere, options).expect("valid options");
    let (mut written, mut largest_group, mut this_group) = (0, 0, 0);
    while written < bytes {
        let len = record_bytes / 2 + random.below(record_bytes);
        let begin = random.below(text.len() - len);
        writer
            .write(&text[begin..begin + len])
            .expect("nothing fails");
        written += len as u64;
        this_group += len as u64;
        if writer.records().is_multiple_of(u64::from(group)) {
            largest_group = largest_group.max(this_group);
            this_group = 0;
        }
    }
    let (_, summary) = writer.finish().expect("nothing fails");
    let peak_bytes = counting::peak_since(base);
    let resident = peak_resident_bytes().saturating_sub(resident);
    let largest_group = largest_group.max(this_group);
    json!({
        "chunks": summary.chunks,
        "group_bytes": largest_group,
        "file_bytes": summary.file_bytes,
        "peak_bytes": peak_bytes,
        "resident_bytes": resident,
        "codec_bytes": codec_bytes(codec, &text, largest_group),
    })
}

fn codec_of(name: &str) -> Codec {
    match name {
        "uncompressed" => Codec::Uncompressed,
        "zstd" => Codec::Zstd { level: 3 },
        "brotli" => Codec::Brotli { level: 3 },
        "snappy" => Codec::Snappy,
        other => panic!("unknown codec {other}"),
    }
}

/// What one thread's codec takes for a group of this size: the peak of one compression, less its output, as the
/// allocator sees it, and the size of the context that zstd reports of itself, which lies outside that allocator.
fn codec_bytes(codec: Codec, text: &[u8], group_bytes: u64) -> usize {
    let group_bytes = usize::try_from(group_bytes).unwrap_or(usize::MAX);
    let group: Vec<u8> = text.iter().copied().cycle().take(group_bytes).collect();
    let mut out = Vec::with_capacity(2 * group_bytes + 1024);
    let mut compressor = Compressor::new();
    let base = counting::begin();
    compressor
        .compress_into(codec, None, &group, &mut out)
        .expect("codecs are built in");
    counting::peak_since(base) + compressor.context_bytes()
}
