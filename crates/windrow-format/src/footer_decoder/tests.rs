use super::*;
use crate::chunk::{BlockWriter, push_chunk};
use crate::codec::{Codec, Compressor};
use crate::footer::FooterEntry;
use crate::index::{IndexPage, PAGE_CHUNKS};
use crate::postscript::encode_postscript;
use crate::record_chunk::RecordGroup;

/// The tail of a file whose footer begins at `footer_offset` and lists `entries`; what is in front is zeros.
fn file(footer_offset: u64, entries: &[FooterEntry], codec: Codec) -> Vec<u8> {
    let version = 1;
    let metadata = FooterMetadata {
        version,
        ..FooterMetadata::default()
    };
    file_with(metadata, footer_offset, entries, codec)
}

fn file_with(
    metadata: FooterMetadata,
    footer_offset: u64,
    entries: &[FooterEntry],
    codec: Codec,
) -> Vec<u8> {
    let mut group = RecordGroup::new();
    let records = entries.iter().map(|entry| entry.num_records);
    let metadata = FooterMetadata {
        num_chunks: entries.len() as u64,
        num_records: records.fold(0, u64::saturating_add),
        ..metadata
    };
    group.push(&metadata.encode());
    for entry in entries {
        let mut message = Vec::new();
        entry.encode(&mut message);
        group.push(&message);
    }
    let mut out = vec![0; usize::try_from(footer_offset).unwrap()];
    let mut blocks = BlockWriter::new(footer_offset);
    let mut emit = |bytes: &[u8]| {
        out.extend_from_slice(bytes);
        Ok::<(), std::convert::Infallible>(())
    };
    let mut chunk = Vec::new();
    let header = group
        .encode(codec, None, &mut Compressor::new(), &mut chunk)
        .unwrap();
    blocks.lay(&header, &chunk, &mut emit).unwrap();
    blocks.lay_padding(&mut emit).unwrap();
    let mut copies = RecordGroup::new();
    (0..3).for_each(|_| copies.push(&encode_postscript(footer_offset)));
    let mut chunk = Vec::new();
    let header = copies
        .encode(
            Codec::Uncompressed,
            None,
            &mut Compressor::new(),
            &mut chunk,
        )
        .unwrap();
    blocks.lay(&header, &chunk, &mut emit).unwrap();
    blocks.lay_padding(&mut emit).unwrap();
    out
}

fn entries(count: u64) -> Vec<FooterEntry> {
    (0..count)
        .map(|n| FooterEntry {
            chunk_offset: 64 + n * 67 + n * 67 / BLOCK_BYTES * 31 + 25,
            decoded_bytes: 24 + n % 5,
            num_records: if n + 1 == count { 2 } else { 3 },
        })
        .map(|entry| FooterEntry {
            chunk_offset: crate::block::round_up_to_chunk_boundary(entry.chunk_offset),
            ..entry
        })
        .collect()
}

/// Decodes a file; returns the entries, and the largest range that was asked for.
fn decode(
    file: &[u8],
    prefetch: u64,
    window: u64,
) -> Result<(Vec<FooterEntry>, Footer, u64), FormatError> {
    let mut decoder = FooterDecoder::new(file.len() as u64, prefetch, Limits::default())
        .with_max_buffer_bytes(window);
    let (mut found, mut largest, mut held) = (Vec::new(), 0, 0);
    let mut pages_left = Vec::new();
    loop {
        match decoder.step()? {
            Step::Need(range) => {
                assert!(range.start < range.end, "never empty");
                largest = largest.max(range.end - range.start);
                let bytes = &file[to_usize(range.start)..to_usize(range.end)];
                decoder.push(bytes.to_vec())?;
            }
            Step::Item(pages) => pages_left.push(pages),
            Step::End => break,
        }
        if let State::Entries { entries, .. } = &decoder.state {
            held = held.max(entries.buffers.bytes.capacity());
        }
    }
    if window < 2000 {
        assert!(
            held <= 3 << 20,
            "{held} bytes are held, or a snappy footer is large"
        );
    }
    let footer = decoder.into_footer();
    let total = footer.metadata.num_chunks;
    for pages in pages_left {
        for start in &pages.starts {
            let first = found.len() as u64;
            let len = to_usize((total - first).min(PAGE_CHUNKS as u64));
            let page = IndexPage::new(&pages.bytes[to_usize(start.byte)..], first, len).unwrap();
            for index in 0..len {
                let location = page.get(index).unwrap();
                found.push(FooterEntry {
                    chunk_offset: location.begin,
                    decoded_bytes: location.decoded_bytes,
                    num_records: location.records,
                });
            }
        }
    }
    Ok((found, footer, largest))
}

#[test]
fn whole_and_windowed_find_the_same() {
    for count in [0, 1, 255, 256, 257, 512, 513, 150_000] {
        let all = entries(count);
        let offset = all.last().map_or(64, |last| last.chunk_offset + 64);
        let offset = crate::block::round_up_to_chunk_boundary(offset);
        for codec in [
            Codec::Uncompressed,
            Codec::Zstd { level: 1 },
            Codec::Brotli { level: 1 },
            Codec::Snappy,
        ] {
            let file = file(offset, &all, codec);
            for (prefetch, window) in [(0, u64::MAX), (1 << 20, u64::MAX), (0, 0), (100_000, 1000)]
            {
                let (found, footer, largest) = decode(&file, prefetch, window).unwrap();
                assert!(found == all, "{count} {codec:?} {prefetch} {window}");
                assert_eq!(footer.metadata.num_chunks, count);
                assert_eq!(footer.footer_offset, offset);
                if window < 2000 && codec != Codec::Snappy {
                    assert!(largest <= (1 << 20) + 100_000, "{largest}");
                }
            }
        }
    }
}

#[test]
fn damage_is_the_same_error_either_way() {
    let all = entries(60_000);
    let offset = crate::block::round_up_to_chunk_boundary(all[all.len() - 1].chunk_offset + 64);
    for codec in [
        Codec::Uncompressed,
        Codec::Zstd { level: 1 },
        Codec::Brotli { level: 1 },
    ] {
        let sound = file(offset, &all, codec);
        for byte in [0, 39, 40, 41, 45, 5000, 70_000] {
            let mut damaged = sound.clone();
            damaged[to_usize(offset) + byte] ^= 4;
            let whole = decode(&damaged, 0, u64::MAX).unwrap_err();
            let windowed = decode(&damaged, 0, 0).unwrap_err();
            assert_eq!(whole, windowed, "{codec:?} {byte}");
        }
        for cut in [1, BLOCK_BYTES] {
            let short = &sound[..sound.len() - to_usize(cut)];
            assert_eq!(
                decode(short, 0, u64::MAX).unwrap_err(),
                decode(short, 0, 0).unwrap_err()
            );
        }
    }
}

#[test]
fn a_damaged_block_header_in_front_of_a_sound_postscript_costs_nothing() {
    let mut file = file(64, &[], Codec::Uncompressed);
    let postscript = file.len() - to_usize(BLOCK_BYTES);
    file[postscript + 3] ^= 1;
    assert!(decode(&file, 0, u64::MAX).is_ok());
    // With the chunk damaged too, the block header is named first.
    file[postscript + 30] ^= 1;
    assert_eq!(
        decode(&file, 0, u64::MAX).unwrap_err().code(),
        "block_header_hash"
    );
}

#[test]
fn sizes_that_are_no_numbers_end() {
    let mut data = vec![0, 0xc0, 0x9a, 0x0c]; // uncompressed, 200,000 bytes of sizes
    data.resize(200_004, 0x80);
    let header = ChunkHeader::new(ChunkType::Simple, 100, 0, &data);
    let mut chunk = Vec::new();
    push_chunk(&mut chunk, &header, &data);
    let mut file = vec![0; 64];
    let mut blocks = BlockWriter::new(64);
    let mut emit = |bytes: &[u8]| {
        file.extend_from_slice(bytes);
        Ok::<(), std::convert::Infallible>(())
    };
    blocks.lay(&header, &chunk, &mut emit).unwrap();
    blocks.lay_padding(&mut emit).unwrap();
    let empty = self::file(64, &[], Codec::Uncompressed);
    file.extend_from_slice(&empty[empty.len() - to_usize(BLOCK_BYTES)..]);
    for window in [0, u64::MAX] {
        assert_eq!(decode(&file, 0, window).unwrap_err().code(), "varint");
    }
}

#[test]
fn a_lying_offset_reads_no_more_than_a_header() {
    // A large file whose postscript points at its beginning, where there is a chunk, but no footer.
    let mut file = file(64, &[], Codec::Uncompressed);
    let tail = file.split_off(file.len() - to_usize(BLOCK_BYTES));
    file.resize(to_usize(64 * BLOCK_BYTES), 7);
    file.extend(tail);
    file[64] ^= 1;
    let mut decoder = FooterDecoder::new(file.len() as u64, 0, Limits::default());
    let mut asked = Vec::new();
    let error = loop {
        match decoder.step().and_then(|step| match step {
            Step::Need(range) => {
                asked.push(range.end - range.start);
                decoder.push(file[to_usize(range.start)..to_usize(range.end)].to_vec())
            }
            _ => unreachable!("the footer is not there"),
        }) {
            Ok(()) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), "chunk_header_hash");
    assert_eq!(asked, [BLOCK_BYTES, HEAD_BYTES]);
}

#[test]
fn rows_need_no_bytes() {
    let file = |version, rows: &[u64]| {
        let entries: Vec<FooterEntry> = (0..)
            .zip(rows)
            .map(|(n, &num_records)| FooterEntry {
                chunk_offset: 64 + n * 80,
                decoded_bytes: 9,
                num_records,
            })
            .collect();
        let metadata = FooterMetadata {
            version,
            arrow_schema: Some(vec![7]),
            ..FooterMetadata::default()
        };
        file_with(metadata, 65_000, &entries, Codec::Uncompressed)
    };
    let decoded = |version, rows: &[u64]| decode(&file(version, rows), 1 << 20, u64::MAX);
    let rows = [1, 1 << 40, 1 << 40, 3];
    let (found, footer, _) = decoded(2, &rows).unwrap();
    let counts: Vec<u64> = found.iter().map(|entry| entry.num_records).collect();
    assert_eq!(counts, rows);
    assert_eq!(footer.metadata.num_records, (2 << 40) + 4);
    // Upstream counts them, so that it may not have to.
    assert_eq!(decoded(1, &rows).unwrap_err().code(), "entry_records");
    let most = crate::MAX_CHUNK_RECORDS;
    assert!(decoded(2, &[most; 256]).is_ok());
    for bad in [&[0][..], &[most + 1], &[most; 257]] {
        assert_eq!(decoded(2, bad).unwrap_err().code(), "entry_records");
    }
}
