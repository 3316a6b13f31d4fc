//! The parts by themselves: hash, headers, chunks, index.

#![allow(missing_docs, reason = "a program")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use windrow::format::{
    At, Chunk, ChunkHeader, ChunkType, Compressor, FooterEntry, IndexPage, Limits, PAGE_CHUNKS,
    RecordDecoder, RecordGroup, encode_page, hash,
};
use windrow::{Codec, Records};

fn hashing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hash");
    for bytes in [32, 1_483, 65_536] {
        let data = vec![7; bytes];
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(format!("{bytes} bytes"), |bench| {
            bench.iter(|| hash(black_box(&data)))
        });
    }
    group.finish();
    let header = ChunkHeader::new(ChunkType::Simple, 1, 3, b"abc").encode();
    criterion.bench_function("chunk header/parse", |bench| {
        bench.iter(|| ChunkHeader::parse(black_box(&header), At::byte(64)));
    });
}

fn chunks(criterion: &mut Criterion) {
    let words =
        b"lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor ".repeat(20);
    for (name, codec) in [
        ("uncompressed", Codec::Uncompressed),
        ("snappy", Codec::Snappy),
        ("zstd:3", Codec::Zstd { level: 3 }),
    ] {
        let mut group = RecordGroup::new();
        (0..256).for_each(|n| group.push(&words[n..]));
        let mut compressor = Compressor::new();
        let mut bytes = Vec::new();
        group
            .encode(codec, None, &mut compressor, &mut bytes)
            .expect("encodes");
        let mut bench = criterion.benchmark_group(format!("chunk of 256/{name}"));
        bench.throughput(Throughput::Bytes(group.bytes_len() as u64));
        let mut out = Vec::new();
        bench.bench_function("encode", |bench| {
            bench.iter(|| {
                out.clear();
                group.encode(codec, None, &mut compressor, &mut out)
            });
        });
        let (mut decoder, mut records) = (RecordDecoder::new(), Records::new());
        bench.bench_function("decode", |bench| {
            bench.iter(|| {
                records.clear();
                let chunk = Chunk::parse(&bytes, At::byte(64)).expect("parses");
                decoder.decode(&chunk, &Limits::default(), &mut records)
            });
        });
    }
}

fn index(criterion: &mut Criterion) {
    let entries: Vec<FooterEntry> = (0..PAGE_CHUNKS as u64)
        .map(|n| FooterEntry {
            chunk_offset: 64 + n * 700 + n % 37,
            decoded_bytes: 1_400 + n % 91,
            num_records: 1,
        })
        .collect();
    let mut page = Vec::new();
    encode_page(&entries, 0, 200_000, &mut page);
    criterion.bench_function("index/lookup", |bench| {
        bench.iter(|| {
            IndexPage::new(black_box(&page), 0, PAGE_CHUNKS)
                .and_then(|page| page.get(black_box(77)))
        });
    });
}

criterion_group!(benches, hashing, chunks, index);
criterion_main!(benches);
