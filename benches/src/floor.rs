//! The floor: all codec frames and the hashes of every chunk, from memory, with reused contexts, and nothing else.
//!
//! Written against the codecs themselves, so that nothing of Windrow can make it slower or faster.

use std::sync::atomic::{AtomicUsize, Ordering};

use highway::{HighwayHash, HighwayHasher, Key};
use windrow::Codec;

/// A group of records as it goes into a chunk: what is compressed, each buffer by itself.
#[derive(Debug)]
pub struct Group {
    pub(crate) buffers: Vec<Vec<u8>>,
}

/// The frames of a chunk, and what each decodes to.
#[derive(Debug)]
pub struct Encoded {
    frames: Vec<(Vec<u8>, usize)>,
    /// How many of them are decompressed, from the first on.
    wanted: usize,
}

impl Encoded {
    /// The same chunk, of which only the first `frames` frames are decompressed.
    #[must_use]
    pub fn only(&self, frames: usize) -> Self {
        Self {
            frames: self.frames.clone(),
            wanted: frames,
        }
    }

    /// Bytes of all frames.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.frames.iter().map(|(frame, _)| frame.len()).sum()
    }
}

/// The records in groups of `group_size`: their sizes and their values.
#[must_use]
pub fn groups(records: &[Vec<u8>], group_size: usize) -> Vec<Group> {
    records
        .chunks(group_size)
        .map(|records| {
            let mut sizes = Vec::new();
            for record in records {
                let mut size = record.len();
                while size >= 0x80 {
                    sizes.push(size.to_le_bytes()[0] | 0x80);
                    size >>= 7;
                }
                sizes.push(size.to_le_bytes()[0]);
            }
            Group {
                buffers: vec![sizes, records.concat()],
            }
        })
        .collect()
}

fn hash(bytes: &[u8]) -> u64 {
    HighwayHasher::new(Key(windrow::format::HASH_KEY)).hash64(bytes)
}

/// One thread's codec contexts.
pub(crate) struct Contexts {
    codec: Codec,
    compress: zstd_safe::CCtx<'static>,
    decompress: zstd_safe::DCtx<'static>,
    snappy: snap::raw::Encoder,
}

impl Contexts {
    pub(crate) fn new(codec: Codec) -> Self {
        let mut compress = zstd_safe::CCtx::create();
        if let Codec::Zstd { level } = codec {
            compress
                .set_parameter(zstd_safe::CParameter::CompressionLevel(level))
                .expect("a level within the range");
        }
        Self {
            codec,
            compress,
            decompress: zstd_safe::DCtx::create(),
            snappy: snap::raw::Encoder::new(),
        }
    }

    /// Compresses one buffer into `out`, which is emptied first.
    fn compress(&mut self, input: &[u8], out: &mut Vec<u8>) {
        out.clear();
        match self.codec {
            Codec::Zstd { .. } => {
                out.reserve(zstd_safe::compress_bound(input.len()));
                self.compress
                    .compress2(out, input)
                    .expect("zstd compresses");
            }
            Codec::Snappy => {
                out.resize(snap::raw::max_compress_len(input.len()), 0);
                let written = self.snappy.compress(input, out).expect("snappy compresses");
                out.truncate(written);
            }
            Codec::Brotli { level } => {
                let params = brotli::enc::BrotliEncoderParams {
                    quality: i32::try_from(level).unwrap_or(11),
                    lgwin: 22,
                    size_hint: input.len(),
                    ..Default::default()
                };
                let mut reader = input;
                brotli::BrotliCompress(&mut reader, out, &params).expect("brotli compresses");
            }
            _ => out.extend_from_slice(input),
        }
    }

    /// Decompresses one buffer into `out`, which is emptied first.
    pub(crate) fn decompress(&mut self, input: &[u8], bytes: usize, out: &mut Vec<u8>) {
        match self.codec {
            Codec::Zstd { .. } => {
                out.clear();
                out.reserve(bytes);
                self.decompress
                    .decompress(out, input)
                    .expect("zstd decompresses");
            }
            Codec::Snappy => {
                out.resize(bytes, 0);
                snap::raw::Decoder::new()
                    .decompress(input, out)
                    .expect("snappy decompresses");
            }
            Codec::Brotli { .. } => {
                out.clear();
                let mut reader = input;
                brotli::BrotliDecompress(&mut reader, out).expect("brotli decompresses");
            }
            _ => {
                out.clear();
                out.extend_from_slice(input);
            }
        }
    }
}

/// Runs `work` for each item on `threads` threads, with contexts of their own.
fn on_threads<T: Sync>(
    codec: Codec,
    threads: usize,
    items: &[T],
    work: impl Fn(&mut Contexts, &[T]) + Sync,
) {
    const AT_ONCE: usize = 64;
    let next = AtomicUsize::new(0);
    let at_once = AT_ONCE.min(items.len().div_ceil(threads * 4)).max(1);
    let run = || {
        let mut contexts = Contexts::new(codec);
        loop {
            let begin = next.fetch_add(at_once, Ordering::Relaxed);
            if begin >= items.len() {
                break;
            }
            work(
                &mut contexts,
                &items[begin..(begin + at_once).min(items.len())],
            );
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
}

/// Compresses and hashes every group.
pub fn write(codec: Codec, threads: usize, groups: &[Group]) {
    on_threads(codec, threads, groups, |contexts, groups| {
        let mut frame = Vec::new();
        for group in groups {
            for buffer in &group.buffers {
                contexts.compress(buffer, &mut frame);
                std::hint::black_box(hash(&frame));
            }
            std::hint::black_box(hash(&frame[..frame.len().min(32)]));
        }
    });
}

/// The frames of every group.
#[must_use]
pub fn encode(codec: Codec, groups: &[Group]) -> Vec<Encoded> {
    let mut contexts = Contexts::new(codec);
    groups
        .iter()
        .map(|group| {
            let frames = group.buffers.iter().map(|buffer| {
                let mut frame = Vec::new();
                contexts.compress(buffer, &mut frame);
                (frame, buffer.len())
            });
            Encoded {
                frames: frames.collect(),
                wanted: group.buffers.len(),
            }
        })
        .collect()
}

/// Hashes and decompresses every chunk, in the order of `order`.
pub fn read(codec: Codec, threads: usize, chunks: &[Encoded], order: &[usize]) {
    on_threads(codec, threads, order, |contexts, order| {
        let mut buffer = Vec::new();
        for &chunk in order {
            let Encoded { frames, wanted } = &chunks[chunk];
            for (frame, _) in frames {
                std::hint::black_box(hash(frame));
            }
            if let Some((frame, _)) = frames.last() {
                std::hint::black_box(hash(&frame[..frame.len().min(32)]));
            }
            for (frame, bytes) in &frames[..*wanted] {
                contexts.decompress(frame, *bytes, &mut buffer);
                std::hint::black_box(&buffer);
            }
        }
    });
}
