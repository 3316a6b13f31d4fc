//! The floor: both codec frames and both hashes of every chunk, from memory, with reused contexts, and nothing else.
//!
//! Written against the codecs themselves, so that nothing of Windrow can make it slower or faster.

use std::sync::atomic::{AtomicUsize, Ordering};

use highway::{HighwayHash, HighwayHasher, Key};
use windrow::Codec;

/// A group of records as it goes into a chunk.
#[derive(Debug)]
pub struct Group {
    sizes: Vec<u8>,
    values: Vec<u8>,
}

/// The two frames of a chunk, and what they decode to.
#[derive(Debug)]
pub struct Encoded {
    sizes: Vec<u8>,
    sizes_bytes: usize,
    values: Vec<u8>,
    values_bytes: usize,
}

/// The records in groups of `group_size`.
#[must_use]
pub fn groups(records: &[Vec<u8>], group_size: usize) -> Vec<Group> {
    records
        .chunks(group_size)
        .map(|records| {
            let mut group = Group {
                sizes: Vec::new(),
                values: records.concat(),
            };
            for record in records {
                let mut size = record.len();
                while size >= 0x80 {
                    group.sizes.push(size.to_le_bytes()[0] | 0x80);
                    size >>= 7;
                }
                group.sizes.push(size.to_le_bytes()[0]);
            }
            group
        })
        .collect()
}

fn hash(bytes: &[u8]) -> u64 {
    HighwayHasher::new(Key(windrow::format::HASH_KEY)).hash64(bytes)
}

/// One thread's codec contexts.
struct Contexts {
    codec: Codec,
    compress: zstd_safe::CCtx<'static>,
    decompress: zstd_safe::DCtx<'static>,
    snappy: snap::raw::Encoder,
}

impl Contexts {
    fn new(codec: Codec) -> Self {
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
    fn decompress(&mut self, input: &[u8], bytes: usize, out: &mut Vec<u8>) {
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
        let (mut sizes, mut values) = (Vec::new(), Vec::new());
        for group in groups {
            contexts.compress(&group.sizes, &mut sizes);
            contexts.compress(&group.values, &mut values);
            std::hint::black_box(hash(&values));
            std::hint::black_box(hash(&values[..values.len().min(32)]));
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
            let (mut sizes, mut values) = (Vec::new(), Vec::new());
            contexts.compress(&group.sizes, &mut sizes);
            contexts.compress(&group.values, &mut values);
            Encoded {
                sizes_bytes: group.sizes.len(),
                values_bytes: group.values.len(),
                sizes,
                values,
            }
        })
        .collect()
}

/// Hashes and decompresses every chunk, in the order of `order`.
pub fn read(codec: Codec, threads: usize, chunks: &[Encoded], order: &[usize]) {
    on_threads(codec, threads, order, |contexts, order| {
        let (mut sizes, mut values) = (Vec::new(), Vec::new());
        for &chunk in order {
            let chunk = &chunks[chunk];
            std::hint::black_box(hash(&chunk.values[..chunk.values.len().min(32)]));
            std::hint::black_box(hash(&chunk.values));
            contexts.decompress(&chunk.sizes, chunk.sizes_bytes, &mut sizes);
            contexts.decompress(&chunk.values, chunk.values_bytes, &mut values);
            std::hint::black_box(&values);
        }
    });
}
