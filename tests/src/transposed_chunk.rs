//! Transposed chunks laid out node by node, and what the library's own look like.

use windrow::format::{
    At, Chunk, ChunkHeader, ChunkType, Codec, Compressor, FormatError, Limits, RecordGroup,
    Records, TransposedDecoder, TransposedEncoder,
};

use crate::file_builder::varint;

/// A node of a chunk whose nodes run one after the other.
#[derive(Debug, Clone, Default)]
pub struct RowNode {
    /// What the node does, or the tag of its field.
    pub tag: u64,
    /// Of a varint: its kind.
    pub subtype: Option<u64>,
    /// The values that the node takes.
    pub buffer: Option<Vec<u8>>,
}

impl RowNode {
    /// A node with neither subtype nor buffer.
    #[must_use]
    pub fn plain(tag: u64) -> Self {
        Self {
            tag,
            ..Self::default()
        }
    }
}

/// The data of an uncompressed chunk whose nodes run one after the other, and the sizes of records that are no
/// messages, if it has any.
#[must_use]
pub fn row_data(nodes: &[RowNode], sizes: Option<&[u8]>) -> Vec<u8> {
    let own = nodes.iter().filter_map(|node| node.buffer.as_deref());
    let buffers: Vec<&[u8]> = own.chain(sizes).collect();
    let bucket = buffers.concat();
    let mut header = Vec::new();
    let mut push = |number: usize| header.extend(varint(number as u64));
    push(usize::from(!bucket.is_empty()));
    push(buffers.len());
    if !bucket.is_empty() {
        push(bucket.len());
    }
    buffers.iter().for_each(|buffer| push(buffer.len()));
    push(nodes.len());
    for node in nodes {
        header.extend(varint(node.tag));
    }
    for next in 1..=nodes.len() {
        // All but the last one are followed by the next one without a transition.
        let next = if next < nodes.len() {
            nodes.len() + next
        } else {
            0
        };
        header.extend(varint(next as u64));
    }
    let subtypes = nodes.iter().filter_map(|node| node.subtype);
    header.extend(subtypes.filter_map(|subtype| u8::try_from(subtype).ok()));
    let with_buffer = nodes.iter().filter(|node| node.buffer.is_some()).count();
    for buffer in 0..with_buffer {
        header.extend(varint(buffer as u64));
    }
    header.push(0);
    [vec![0], varint(header.len() as u64), header, bucket].concat()
}

/// Decodes the data of a transposed chunk.
///
/// # Errors
/// Those of [`TransposedDecoder::decode`].
pub fn decode_data(
    data: &[u8],
    num_records: u64,
    decoded_bytes: u64,
) -> Result<Vec<Vec<u8>>, FormatError> {
    let chunk = Chunk {
        header: ChunkHeader::new(ChunkType::Transposed, num_records, decoded_bytes, data),
        data,
        at: At::chunk(64, 0),
    };
    let mut records = Records::new();
    TransposedDecoder::new().decode(&chunk, &Limits::default(), None, &mut records)?;
    Ok(records.iter().map(<[u8]>::to_vec).collect())
}

/// How many buckets the library makes of a record, uncompressed.
///
/// # Panics
/// If encoding fails, which it does for no record that a test has.
#[must_use]
pub fn buckets_of(record: &[u8]) -> u8 {
    let mut group = RecordGroup::new();
    group.push(record);
    let mut chunk = Vec::new();
    let (codec, mut compressor) = (Codec::Uncompressed, Compressor::new());
    let mut encoder = TransposedEncoder::new();
    match encoder.encode(
        &group.as_slice(),
        codec,
        None,
        1,
        &mut compressor,
        &mut chunk,
    ) {
        Ok(_) => {}
        Err(error) => panic!("{error}"),
    }
    // Behind the chunk's header, the compression type and the size of the header of one varint.
    let size_bytes = chunk[41..].iter().position(|byte| byte & 0x80 == 0);
    chunk[42 + size_bytes.unwrap_or(0)]
}
