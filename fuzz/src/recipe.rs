//! Files as a list of steps, laid out with hashes that fit, so that a change of a few bytes of the list gets past them.
//!
//! A recipe is a byte of flags for the reader's options, then steps until the bytes end. Without a step that lies or
//! damages, the file is a valid one and its records are known.

use windrow::Codec;
use windrow::format::{ChunkHeader, ChunkType, MAX_CHUNK_RECORDS};
use windrow_tests::hostile::{Forge, encode_records, entry, header, push_bytes_field, push_varint};

use crate::input::{Input, push_bytes};

/// No step begins behind this position, so that a file stays below it and what one step adds.
const MAX_FILE_BYTES: u64 = 512 << 10;
/// Records of one honest chunk.
const MAX_RECORDS: usize = 300;
/// The codecs that a step can name.
const CODECS: [Codec; 4] = [
    Codec::Uncompressed,
    Codec::Zstd { level: 1 },
    Codec::Brotli { level: 1 },
    Codec::Snappy,
];

/// What a step does. Its byte in a recipe is its number, modulo their count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Op {
    /// Codec, count, records: an honest chunk, which the footer lists.
    Records,
    /// Type, records, decoded bytes, data: a chunk that the footer lists.
    Listed,
    /// The same, but for the footer.
    Unlisted,
    /// Nothing: padding to the next block.
    Padding,
    /// As `Listed`, then what the bytes of data and their hash are changed by.
    Lie,
    /// Entry, field, what it is changed by.
    Entry,
    /// Field of the footer's metadata (version, chunks, records), what it is changed by.
    Count,
    /// Fields behind the metadata's.
    MetadataFields,
    /// A record behind the footer's last.
    FooterRecord,
    /// Codec of the footer.
    FooterCodec,
    /// What the postscript's offset is changed by.
    Postscript,
    /// Place and bits: a byte that is flipped in the end.
    Flip,
    /// Bytes that are cut off in the end.
    Cut,
}

const OPS: [Op; 13] = [
    Op::Records,
    Op::Listed,
    Op::Unlisted,
    Op::Padding,
    Op::Lie,
    Op::Entry,
    Op::Count,
    Op::MetadataFields,
    Op::FooterRecord,
    Op::FooterCodec,
    Op::Postscript,
    Op::Flip,
    Op::Cut,
];

/// A file, and what is known of it.
#[derive(Debug)]
pub struct Made {
    /// The recipe's first byte.
    pub flags: u8,
    /// The file.
    pub file: Vec<u8>,
    /// What it holds, if it is a valid one.
    pub records: Option<Vec<Vec<u8>>>,
}

/// What the steps say of the end of the file.
#[derive(Debug, Default)]
struct Tail {
    entries: Vec<(usize, usize, u64)>,
    counts: [u64; 3],
    metadata_fields: Vec<u8>,
    records: Vec<Vec<u8>>,
    codec: usize,
    postscript: u64,
    flips: Vec<(usize, u8)>,
    cut: usize,
}

/// Lays out the file that a recipe describes.
#[must_use]
pub fn make(recipe: &[u8]) -> Made {
    let mut input = Input::new(recipe);
    let flags = input.byte();
    let mut forge = Forge::new();
    let mut tail = Tail::default();
    let mut records = Some(Vec::new());
    while !input.is_empty() && forge.position() < MAX_FILE_BYTES {
        let op = OPS[usize::from(input.byte()) % OPS.len()];
        if !matches!(
            op,
            Op::Records | Op::Unlisted | Op::Padding | Op::FooterCodec
        ) {
            records = None;
        }
        match op {
            Op::Records => {
                let codec = CODECS[usize::from(input.byte()) % CODECS.len()];
                let count = input.below(MAX_RECORDS);
                let group: Vec<Vec<u8>> = (0..count).map(|_| input.bytes().to_vec()).collect();
                if !group.is_empty() {
                    let (header, data) = encode_records(&group, codec);
                    forge.listed(&header, &data);
                    if let Some(records) = &mut records {
                        records.extend(group);
                    }
                }
            }
            Op::Listed | Op::Unlisted | Op::Lie => {
                let (mut header, data) = raw_chunk(&mut input);
                if op == Op::Lie {
                    header.data_bytes ^= input.number();
                    header.data_hash ^= input.number();
                }
                if op == Op::Unlisted {
                    forge.chunk(&header, data);
                } else {
                    forge.listed(&header, data);
                }
            }
            Op::Padding => forge.padding(),
            Op::Entry => {
                let place = (input.below(1 << 16), input.below(3), input.number());
                tail.entries.push(place);
            }
            Op::Count => tail.counts[input.below(3)] ^= input.number(),
            Op::MetadataFields => tail.metadata_fields.extend_from_slice(input.bytes()),
            Op::FooterRecord => tail.records.push(input.bytes().to_vec()),
            Op::FooterCodec => tail.codec = usize::from(input.byte()) % CODECS.len(),
            Op::Postscript => tail.postscript ^= input.number(),
            Op::Flip => tail.flips.push((input.below(1 << 24), input.byte())),
            Op::Cut => tail.cut = input.below(1 << 24),
        }
    }
    Made {
        flags,
        file: finish(forge, &tail),
        records,
    }
}

fn raw_chunk<'a>(input: &mut Input<'a>) -> (ChunkHeader, &'a [u8]) {
    let chunk_type = ChunkType::from_byte(input.byte());
    let (num_records, decoded_bytes) = (input.number(), input.number());
    let data = input.bytes();
    let header = ChunkHeader {
        chunk_type,
        ..header(num_records & MAX_CHUNK_RECORDS, decoded_bytes, data)
    };
    (header, data)
}

fn finish(forge: Forge, tail: &Tail) -> Vec<u8> {
    let mut entries: Vec<[u64; 3]> = (forge.entries.iter())
        .map(|e| [e.chunk_offset, e.decoded_bytes, e.num_records])
        .collect();
    let records = entries.iter().map(|e| e[2]).fold(0, u64::wrapping_add);
    let uniform = entries.len() < 2
        || entries[..entries.len() - 1]
            .iter()
            .all(|e| e[2] == entries[0][2])
            && entries[entries.len() - 1][2] <= entries[0][2];
    let honest = [if uniform { 1 } else { 2 }, entries.len() as u64, records];
    let [version, chunks, records] = std::array::from_fn(|n| Some(honest[n] ^ tail.counts[n]));
    let count = entries.len().max(1);
    for &(number, field, change) in &tail.entries {
        if let Some(entry) = entries.get_mut(number % count) {
            entry[field] ^= change;
        }
    }
    let mut message = entry([version, chunks, records]);
    message.extend_from_slice(&tail.metadata_fields);
    let mut first = Vec::new();
    push_bytes_field(&mut first, 1, &message);
    let mut footer = vec![first];
    footer.extend(entries.iter().map(|e| entry(e.map(Some))));
    footer.extend_from_slice(&tail.records);
    let forge = forge.with_codec(CODECS[tail.codec]);
    let mut file = if tail.postscript == 0 {
        forge.seal(&footer).0
    } else {
        let mut forge = forge;
        let (header, data) = encode_records(&footer, CODECS[tail.codec]);
        let offset = forge.chunk(&header, &data);
        forge.postscript(offset ^ tail.postscript)
    };
    for &(place, bits) in &tail.flips {
        let place = place % file.len();
        file[place] ^= bits;
    }
    file.truncate(file.len().saturating_sub(tail.cut));
    file
}

/// Writes recipes.
#[derive(Debug, Clone)]
pub struct Recipe(Vec<u8>);

impl Recipe {
    /// No step yet.
    #[must_use]
    pub fn new(flags: u8) -> Self {
        Self(vec![flags])
    }

    /// Adds an honest chunk of at least one and fewer than 300 records; `codec` is its place among the codecs
    /// uncompressed, zstd, brotli, snappy.
    pub fn records<R: AsRef<[u8]>>(&mut self, codec: u8, records: &[R]) {
        self.op(Op::Records);
        self.0.push(codec);
        push_varint(&mut self.0, records.len() as u64);
        for record in records {
            push_bytes(&mut self.0, record.as_ref());
        }
    }

    /// Adds a chunk as it is.
    pub fn chunk(&mut self, listed: bool, header: &ChunkHeader, data: &[u8]) {
        self.op(if listed { Op::Listed } else { Op::Unlisted });
        self.0.push(header.chunk_type.to_byte());
        push_varint(&mut self.0, header.num_records);
        push_varint(&mut self.0, header.decoded_bytes);
        push_bytes(&mut self.0, data);
    }

    /// Adds padding to the next block.
    pub fn padding(&mut self) {
        self.op(Op::Padding);
    }

    /// Sets the codec of the footer.
    pub fn footer_codec(&mut self, codec: u8) {
        self.op(Op::FooterCodec);
        self.0.push(codec);
    }

    /// Adds fields to the footer's metadata.
    pub fn metadata_fields(&mut self, fields: &[u8]) {
        self.op(Op::MetadataFields);
        push_bytes(&mut self.0, fields);
    }

    /// The recipe's bytes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    fn op(&mut self, op: Op) {
        self.0.push(op as u8);
    }
}
