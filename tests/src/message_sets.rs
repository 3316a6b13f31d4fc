//! Named sets of messages, the same in each run: such as programs write, tangled ones, and the rims of the format.

use crate::file_builder::{bytes_field, varint, varint_field};

const SEED: u64 = 20_261_121;

/// Numbers for messages.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    /// A number of any length in bits.
    fn any(&mut self) -> u64 {
        let bits = self.below(64);
        self.below(u64::MAX) >> bits
    }

    fn bytes(&mut self, limit: u64) -> Vec<u8> {
        let len = self.below(limit);
        (0..len).map(|_| self.below(256).to_le_bytes()[0]).collect()
    }

    fn words(&mut self, limit: u64) -> Vec<u8> {
        const WORDS: [&str; 6] = ["cut", "grain", "rows", "of", "the", "windrow"];
        let words: Vec<&str> = (0..self.below(limit))
            .map(|_| WORDS[usize::from(self.below(6).to_le_bytes()[0])])
            .collect();
        words.join(" ").into_bytes()
    }
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    out.extend(varint_field(field, value));
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    out.extend(bytes_field(field, value));
}

fn fixed(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    out.extend(varint(field << 3 | if value.len() == 4 { 5 } else { 1 }));
    out.extend_from_slice(value);
}

/// A message as programs write them: fields in order, nested messages, repeated and packed ones, a group, a map.
fn visit(numbers: &mut Numbers, id: u64) -> Vec<u8> {
    let mut out = Vec::new();
    number(&mut out, 1, 1_000_000 + id);
    bytes(&mut out, 2, &numbers.words(9));
    fixed(&mut out, 3, &numbers.any().to_le_bytes());
    if numbers.below(3) > 0 {
        number(&mut out, 4, numbers.any());
    }
    number(&mut out, 5, numbers.below(6));
    let mut place = Vec::new();
    fixed(&mut place, 1, &numbers.below(1000).to_le_bytes()[..4]);
    bytes(&mut place, 2, &numbers.words(3));
    bytes(&mut out, 6, &place);
    for _ in 0..numbers.below(4) {
        let mut item = Vec::new();
        number(&mut item, 1, numbers.below(300));
        bytes(&mut item, 2, &numbers.words(2));
        bytes(&mut out, 7, &item);
    }
    let mut packed = Vec::new();
    for _ in 0..numbers.below(6) {
        packed.extend(varint(numbers.below(1000)));
    }
    bytes(&mut out, 8, &packed);
    out.extend(varint(9 << 3 | 3));
    number(&mut out, 1, numbers.below(2));
    out.extend(varint(9 << 3 | 4));
    for _ in 0..numbers.below(3) {
        let mut entry = Vec::new();
        bytes(&mut entry, 1, &numbers.words(2));
        bytes(&mut entry, 2, &numbers.bytes(5));
        bytes(&mut out, 536_870_911, &entry);
    }
    out
}

/// A message of fields in any order, nested anyhow; values may be longer than necessary or make no sense.
fn tangle(numbers: &mut Numbers, depth: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..numbers.below(7) {
        let field = 1 + numbers.below(5) * numbers.below(60);
        match numbers.below(9) {
            0 => {
                out.extend(varint(field << 3));
                out.extend_from_slice(&[0x80 | numbers.below(128).to_le_bytes()[0], 0]);
            }
            1 | 2 => number(&mut out, field, numbers.any()),
            3 => fixed(&mut out, field, &numbers.any().to_le_bytes()[4..]),
            4 => bytes(&mut out, field, &numbers.bytes(12)),
            5 => bytes(&mut out, field, &numbers.words(4)),
            6 if depth > 0 => {
                out.extend(varint(field << 3 | 3));
                out.extend(tangle(numbers, depth - 1));
                out.extend(varint(field << 3 | 4));
            }
            _ if depth > 0 => bytes(&mut out, field, &tangle(numbers, depth - 1)),
            _ => number(&mut out, field, numbers.below(4)),
        }
    }
    out
}

/// All sets, each with its name.
#[must_use]
pub fn message_sets() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let mut numbers = Numbers(SEED);
    let visits = (0..900).map(|id| visit(&mut numbers, id)).collect();
    let tangles = (0..1200).map(|_| tangle(&mut numbers, 4)).collect();
    let others = (0..300).map(|_| numbers.bytes(40)).collect();
    let mixed = (0..400)
        .map(|id| match id % 3 {
            0 => numbers.bytes(20),
            1 => numbers.words(20),
            _ => visit(&mut numbers, id),
        })
        .collect();
    let wide = (0..60)
        .map(|_| {
            let mut out = Vec::new();
            for _ in 0..numbers.below(200) {
                number(&mut out, 1, numbers.below(3));
                number(&mut out, 2 + numbers.below(700), numbers.below(1000));
            }
            out
        })
        .collect();
    let mut long = Vec::new();
    bytes(&mut long, 1, &vec![0xff; 2 << 20]);
    let deep = (0..180).fold(vec![0x08, 1], |inner, _| {
        let mut out = Vec::new();
        bytes(&mut out, 2, &inner);
        out
    });
    vec![
        ("visits", visits),
        ("tangles", tangles),
        ("no messages", others),
        ("messages and others", mixed),
        ("wide messages", wide),
        ("long strings", vec![long, vec![0xff; 2 << 20], Vec::new()]),
        ("deep messages", vec![deep; 3]),
        ("empty messages", vec![Vec::new(); 70]),
        ("one message", vec![vec![0x08, 0x96, 1]]),
    ]
}
