//! Changes at random.

use windrow_format::{Codec, PageCodec};

use crate::forge::{Forged, LIMITS};
use crate::random::Random;

pub const EXTREMES: [u64; 12] = [
    0,
    1,
    2,
    255,
    1 << 16,
    (1 << 16) - 1,
    1 << 31,
    (1 << 31) - 1,
    (1 << 32) - 1,
    1 << 60,
    1 << 63,
    u64::MAX,
];

pub fn change_bytes(random: &mut Random, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        bytes.push(random.next().to_le_bytes()[0]);
        return;
    }
    // Heads and what stands near them matter most.
    let near = bytes
        .len()
        .min(if random.below(2) == 0 { 64 } else { usize::MAX });
    let place = random.below(near);
    match random.below(7) {
        0 => bytes[place] ^= 1 << random.below(8),
        1 => bytes[place] = random.next().to_le_bytes()[0],
        2 => bytes[place & !7] = u8::try_from(random.below(13)).unwrap(),
        3 | 4 => {
            let size = [2, 4, 8][random.below(3)];
            let begin = place & !(size - 1);
            let value = match random.below(3) {
                0 => random.next() % 70_000,
                _ => EXTREMES[random.below(EXTREMES.len())],
            };
            let end = bytes.len().min(begin + size);
            bytes[begin..end].copy_from_slice(&value.to_le_bytes()[..end - begin]);
        }
        5 => bytes.truncate(place),
        _ => {
            let more = bytes[..place].to_vec();
            bytes.extend(more);
        }
    }
}

pub fn change(random: &mut Random, forged: &mut Forged) {
    let node = random.below(forged.nodes.len());
    let other = random.below(forged.nodes.len());
    let pages = forged.nodes[node].pages.len();
    match random.below(14) {
        0..=6 if pages > 0 => {
            let page = random.below(pages);
            change_bytes(random, &mut forged.nodes[node].pages[page]);
        }
        7 if pages > 0 && !forged.nodes[other].pages.is_empty() => {
            let (a, b) = (
                random.below(pages),
                random.below(forged.nodes[other].pages.len()),
            );
            let page = forged.nodes[other].pages[b].clone();
            let page = std::mem::replace(&mut forged.nodes[node].pages[a], page);
            forged.nodes[other].pages[b] = page;
        }
        8 => {
            let len = forged.nodes[node].len;
            let values = [
                len.wrapping_add(1),
                len.wrapping_sub(1),
                EXTREMES[random.below(12)],
            ];
            forged.nodes[node].len = values[random.below(3)];
        }
        9 => {
            let nulls = forged.nodes[node].nulls;
            let values = [
                nulls.wrapping_add(1),
                nulls.wrapping_sub(1),
                0,
                forged.nodes[node].len,
            ];
            forged.nodes[node].nulls = values[random.below(4)];
        }
        10 => forged.nodes[node].page_log2 = u8::try_from(random.below(20)).unwrap(),
        11 => forged.nodes[node].has_shared ^= 1,
        12 => forged.rows = EXTREMES[random.below(12)].min(1 << 20),
        13 => {
            let mut compressor = windrow_format::Compressor::new();
            let codec = PageCodec::Buffer(Codec::Zstd { level: 1 });
            let node = &mut forged.nodes[node];
            node.compression = b'z';
            node.stored = node
                .pages
                .iter()
                .map(|page| {
                    let mut stored = Vec::new();
                    compressor.compress_page(codec, page, &mut stored).unwrap();
                    stored
                })
                .collect();
            if let Some(page) = node.stored.first_mut() {
                change_bytes(random, page);
            }
        }
        _ => forged.decoded_bytes = EXTREMES[random.below(12)].min(LIMITS.max_chunk_bytes),
    }
}
