//! Any damage is seen, and no bytes make it panic.

use std::ops::Range;

use proptest::prelude::*;
use windrow_format::options::{ReaderOptions, WriterOptions};
use windrow_format::{
    At, BlockHeader, CHUNK_HEADER_BYTES, ChunkHeader, ChunkType, Codec, add_with_block_headers,
    take_out_block_headers,
};

use super::*;
use crate::store::Store;
use crate::writer::Writer;

/// Bytes that are lent or, if not, copied.
struct Either(Vec<u8>, bool);

impl Store for Either {
    fn len(&self) -> std::io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        self.1.then_some(&self.0)
    }
}

/// Checks and scans; both ways of reading say the same, and what they say makes sense.
fn check_all(bytes: &[u8]) -> VerifyReport {
    let size = bytes.len() as u64;
    let options = VerifyOptions::new().with_deep(true).with_reader_options(
        ReaderOptions::new()
            .with_max_chunk_bytes(1 << 24)
            .with_max_parallelism(Some(0)),
    );
    let report = verify_store(Either(bytes.to_vec(), false), SourceName::MEMORY, &options).unwrap();
    let again = verify_store(bytes.to_vec(), SourceName::MEMORY, &options).unwrap();
    assert_eq!(report, again);
    for fault in &report.faults {
        let Range { start, end } = fault.bytes;
        assert!(start <= end && end <= size, "{fault:?}");
    }
    let scan = |store: Either| -> Vec<Scanned> {
        let scan = scan_store(store, SourceName::MEMORY, options.reader_options());
        scan.unwrap().map(Result::unwrap).collect()
    };
    let scanned = scan(Either(bytes.to_vec(), false));
    assert_eq!(scanned, scan(Either(bytes.to_vec(), true)));
    let mut position = 0;
    for scanned in scanned {
        if let Scanned::Chunk(chunk) = scanned {
            assert!(chunk.bytes.start >= position && chunk.bytes.end > chunk.bytes.start);
            position = chunk.bytes.end;
        }
    }
    assert!(position <= size);
    report
}

fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let records = prop::collection::vec(
        prop_oneof![Just(0_usize), 0..200_usize, 0..3000_usize, Just(100_000)],
        0..40,
    );
    let codec = prop_oneof![
        Just(Codec::Uncompressed),
        Just(Codec::Zstd { level: 1 }),
        Just(Codec::Brotli { level: 1 }),
        Just(Codec::Snappy)
    ];
    (records, codec, 1..20_u32, prop::bool::weighted(0.2)).prop_map(|(sizes, codec, group, pad)| {
        let options = WriterOptions::new()
            .with_codec(codec)
            .with_group_size(group)
            .with_pad_to_block_boundary(pad);
        let mut writer = Writer::create(Vec::new(), options).unwrap();
        for (n, size) in sizes.into_iter().enumerate() {
            let byte = n.to_le_bytes()[0];
            writer.write(&vec![byte; size]).unwrap();
        }
        writer.finish().unwrap().0
    })
}

/// The chunks of a sound file, and for each where its padding begins.
fn layout(bytes: &[u8]) -> Vec<(Range<usize>, usize)> {
    let (mut all, mut begin) = (Vec::new(), 0);
    while begin < bytes.len() {
        let at = begin as u64;
        let flat = take_out_block_headers(at, &bytes[begin..bytes.len().min(begin + 100)]);
        let header = ChunkHeader::parse(&flat, At::byte(at)).unwrap();
        let data_end = add_with_block_headers(at, CHUNK_HEADER_BYTES + header.data_bytes);
        let end = usize::try_from(header.chunk_end(at)).unwrap();
        all.push((begin..end, usize::try_from(data_end).unwrap()));
        begin = end;
    }
    all
}

/// Whether a byte is padding inside a chunk, which readers ignore.
fn is_padding(layout: &[(Range<usize>, usize)], byte: usize) -> bool {
    layout.iter().any(|(range, data_end)| {
        range.contains(&byte) && byte >= *data_end && (byte % 65_536 >= 24 || byte == range.end)
    })
}

#[derive(Debug, Clone)]
enum Damage {
    Flip(Vec<(prop::sample::Index, u8)>),
    Zero(prop::sample::Index, usize),
    Cut(prop::sample::Index),
    Swap(prop::sample::Index),
    Splice(prop::sample::Index, Vec<u8>),
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        3 => prop::collection::vec((place(), 1..=255_u8), 1..4).prop_map(Damage::Flip),
        2 => (place(), prop_oneof![1..100_usize, Just(65_536)])
            .prop_map(|(at, len)| Damage::Zero(at, len)),
        1 => place().prop_map(Damage::Cut),
        2 => place().prop_map(Damage::Swap),
        1 => (place(), prop::collection::vec(any::<u8>(), 1..100))
            .prop_map(|(at, bytes)| Damage::Splice(at, bytes)),
    ]
}

/// Damages a file. Places are chosen by chunk first, so that small chunks are hit as often as padding is.
fn damage(good: &[u8], damage: &Damage) -> Vec<u8> {
    let layout = layout(good);
    let place = |index: &prop::sample::Index| {
        let chunk = &layout[index.index(layout.len())].0;
        chunk.start + index.index(1 << 20) % chunk.len().min(1 << 17)
    };
    let mut bytes = good.to_vec();
    match damage {
        Damage::Flip(flips) => {
            for (at, mask) in flips {
                bytes[place(at)] ^= mask;
            }
        }
        Damage::Zero(at, len) => {
            let from = place(at);
            let to = (from + len).min(bytes.len());
            bytes[from..to].fill(0);
        }
        Damage::Cut(at) => bytes.truncate(place(at)),
        Damage::Swap(at) => {
            let first = at.index(layout.len() - 1);
            let (a, b) = (layout[first].0.clone(), layout[first + 1].0.clone());
            let swapped = [&good[b.clone()], &good[a.clone()]].concat();
            // Chunks of one shape may change places: nothing in the format says which is which.
            if a.len() != b.len() {
                bytes[a.start..b.end].copy_from_slice(&swapped);
            }
        }
        Damage::Splice(at, new) => {
            let from = place(at);
            bytes.splice(from..from, new.iter().copied());
        }
    }
    bytes
}

/// Bytes that hash well and mean anything.
#[derive(Debug, Clone)]
enum Piece {
    Chunk(ChunkHeader, Vec<u8>),
    Header(ChunkHeader),
    Block(BlockHeader),
    Bytes(Vec<u8>),
    Align,
}

fn any_size() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..200_u64,
        65_400..65_700_u64,
        0..300_000_u64,
        any::<u64>(),
        Just(u64::MAX)
    ]
}

fn any_piece() -> impl Strategy<Value = Piece> {
    let kind = prop_oneof![Just(b'r'), Just(b's'), Just(b'p'), Just(b't'), any::<u8>()]
        .prop_map(ChunkType::from_byte)
        .boxed();
    let header = |kind| {
        (kind, any_size(), any_size(), any_size()).prop_map(|(kind, a, b, c)| {
            let mut header = ChunkHeader::new(kind, a & ((1 << 56) - 1), b, &[]);
            header.data_bytes = c;
            header
        })
    };
    let data = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..100),
        (0..200_000_usize).prop_map(|len| vec![0; len])
    ];
    prop_oneof![
        (header(kind.clone()), data, 0..1000_u64).prop_map(|(header, data, records)| {
            let records = header.num_records.min(records);
            let own = ChunkHeader::new(header.chunk_type, records, header.decoded_bytes, &data);
            Piece::Chunk(own, data)
        }),
        header(kind).prop_map(Piece::Header),
        (any_size(), any_size()).prop_map(|(previous_chunk, next_chunk)| {
            Piece::Block(BlockHeader {
                previous_chunk,
                next_chunk,
            })
        }),
        prop::collection::vec(any::<u8>(), 0..100).prop_map(Piece::Bytes),
        Just(Piece::Align),
    ]
}

fn assemble(pieces: &[Piece]) -> Vec<u8> {
    let mut bytes = FileBuilder::new().bytes;
    for piece in pieces {
        match piece {
            Piece::Chunk(header, data) => {
                let mut file = FileBuilder::at(bytes.len() as u64);
                file.raw_chunk(header, data);
                bytes.extend_from_slice(&file.bytes);
            }
            Piece::Header(header) => bytes.extend_from_slice(&header.encode()),
            Piece::Block(header) => {
                bytes.resize(bytes.len().next_multiple_of(65_536), 0);
                bytes.extend_from_slice(&header.encode());
            }
            Piece::Bytes(any) => bytes.extend_from_slice(any),
            Piece::Align => bytes.resize(bytes.len().next_multiple_of(65_536), 0),
        }
    }
    bytes
}

proptest! {
    #[test]
    fn sound_files_stay_silent(file in any_file()) {
        let report = check_all(&file);
        prop_assert_eq!(&report.faults, &[]);
        prop_assert_eq!(report.chunks, layout(&file).len() as u64);
    }

    #[test]
    fn no_damage_goes_unseen(file in any_file(), hits in prop::collection::vec(any_damage(), 1..3)) {
        let mut bytes = file.clone();
        // Later damage is laid out by the sound file, and may miss; what counts is what differs in the end.
        for hit in &hits {
            let next = damage(&file, hit);
            if hits.len() == 1 || next.len() != bytes.len() {
                bytes = next;
            } else {
                for (at, (new, old)) in next.iter().zip(&file).enumerate() {
                    if new != old {
                        bytes[at] = *new;
                    }
                }
            }
        }
        let report = check_all(&bytes);
        let layout = layout(&file);
        let differs = bytes.len() != file.len()
            || (0..file.len()).any(|at| bytes[at] != file[at] && !is_padding(&layout, at));
        prop_assert_eq!(report.is_sound(), !differs, "{:?}", report.faults);
    }

    #[test]
    fn hostile_structures(pieces in prop::collection::vec(any_piece(), 0..12), at_end in any::<bool>()) {
        let mut bytes = assemble(&pieces);
        if at_end {
            // With an index that lists nothing, all of it is unlisted.
            bytes.resize(bytes.len().next_multiple_of(65_536), 0);
            let mut file = FileBuilder::at(bytes.len() as u64);
            let footer = file.footer();
            file.pad();
            file.postscript(footer);
            file.pad();
            bytes.extend_from_slice(&file.bytes);
        }
        check_all(&bytes);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000), blocks in 0..3_usize) {
        let mut bytes = bytes;
        bytes.resize(bytes.len() + blocks * 65_536, 0);
        prop_assert!(!check_all(&bytes).is_sound());
    }
}
