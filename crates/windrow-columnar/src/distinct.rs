//! The distinct values of a column of byte strings.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "places are masked, and codes are those of values that were found"
)]

/// Values before it is asked whether a dictionary can still pay.
const PATIENCE: usize = 8 << 10;
/// Places looked at for one value. Whoever makes more collide gets no dictionary, instead of a slow one.
const MOST_PROBES: usize = 64;
/// Values up to this size are told apart by their ends alone.
const ENDS_BYTES: usize = 16;

/// The distinct values, in the order in which they come, and for each value its index among them. `None` as soon as more
/// than half of the values are distinct, or `most` are.
pub(crate) fn distinct<'a>(
    values: impl ExactSizeIterator<Item = &'a [u8]>,
    most: usize,
) -> Option<(Vec<&'a [u8]>, Vec<u32>)> {
    let mut table = Table {
        slots: vec![Slot::FREE; 256],
        found: Vec::new(),
    };
    let mut codes = vec![0; values.len()];
    // Equal neighbours are common, and comparing them is faster than finding a long one.
    let mut last: (&[u8], u32) = (&[], 0);
    for (number, (value, code)) in values.zip(&mut codes).enumerate() {
        if value.len() > ENDS_BYTES {
            if !is_same(value, last.0) {
                last = (value, table.code(value, number, most)?);
            }
            *code = last.1;
        } else if let Some(found) = table.at_once(value) {
            *code = found;
        } else {
            *code = table.code(value, number, most)?;
        }
    }
    Some((table.found, codes))
}

/// Values by their hashes. A table of its own, because of short values everything that is compared lies in the slot.
struct Table<'a> {
    /// A power of two, at least three quarters of them free: then nearly all values stand where they are looked for first.
    slots: Vec<Slot>,
    found: Vec<&'a [u8]>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    ends: u128,
    size: usize,
    code: u32,
}

impl Slot {
    /// No value is so large.
    const FREE: Self = Self {
        ends: 0,
        size: usize::MAX,
        code: 0,
    };
}

impl<'a> Table<'a> {
    /// The index of a short value that stands where it is looked for first, as nearly all do.
    #[inline(always)]
    fn at_once(&self, value: &[u8]) -> Option<u32> {
        let ends = ends(value);
        let slot = &self.slots[hash(value, ends) & (self.slots.len() - 1)];
        (slot.ends == ends && slot.size == value.len()).then_some(slot.code)
    }

    /// The index of value number `number`, which is added if it is new, unless there are too many.
    #[inline(never)]
    fn code(&mut self, value: &'a [u8], number: usize, most: usize) -> Option<u32> {
        let ends = ends(value);
        let mask = self.slots.len() - 1;
        let begin = hash(value, ends);
        for probe in 0..MOST_PROBES {
            let slot = &mut self.slots[(begin + probe) & mask];
            if slot.size == Slot::FREE.size {
                *slot = Slot {
                    ends,
                    size: value.len(),
                    code: u32::try_from(self.found.len()).ok()?,
                };
                let code = slot.code;
                self.found.push(value);
                let found = self.found.len();
                if found > most || (number > PATIENCE && found.saturating_mul(2) > number) {
                    return None;
                }
                if found * 4 > self.slots.len() {
                    self.grow()?;
                }
                return Some(code);
            }
            if slot.ends == ends && slot.size == value.len() {
                let code = slot.code;
                if value.len() <= ENDS_BYTES || is_same(self.found[code as usize], value) {
                    return Some(code);
                }
            }
        }
        None
    }

    fn grow(&mut self) -> Option<()> {
        let found = std::mem::take(&mut self.found);
        self.slots = vec![Slot::FREE; self.slots.len() * 4];
        found
            .into_iter()
            .try_for_each(|value| self.code(value, 0, usize::MAX).map(|_| ()))
    }
}

/// Whether two values are the same, without a call for those that are not much longer than short.
#[inline(always)]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    match (a.first_chunk::<16>(), b.first_chunk::<16>()) {
        (Some(a_first), Some(b_first)) if a.len() <= 32 => {
            a.len() == b.len() && a_first == b_first && a.last_chunk::<16>() == b.last_chunk::<16>()
        }
        _ => a == b,
    }
}

/// The first and the last bytes of a value, which overlap in a short one.
#[inline(always)]
fn ends(value: &[u8]) -> u128 {
    let both = |first: u64, last: u64| u128::from(first) | u128::from(last) << 64;
    if let (Some(first), Some(last)) = (value.first_chunk(), value.last_chunk()) {
        return both(u64::from_le_bytes(*first), u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (value.first_chunk(), value.last_chunk()) {
        return both(
            u32::from_le_bytes(*first).into(),
            u32::from_le_bytes(*last).into(),
        );
    }
    match value {
        [first, .., last] => both(
            u64::from(*first) << 8 | u64::from(*last),
            value[value.len() / 2].into(),
        ),
        [only] => u128::from(*only),
        _ => 0,
    }
}

#[inline(always)]
fn hash(value: &[u8], ends: u128) -> usize {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "halves of what is multiplied"
    )]
    fn fold(a: u64, b: u64) -> u64 {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    }
    const A: u64 = 0x9e37_79b9_7f4a_7c15;
    const B: u64 = 0xd6e8_feb8_6659_fd93;
    #[allow(clippy::cast_possible_truncation, reason = "both halves are taken")]
    let (first, last) = (ends as u64, (ends >> 64) as u64);
    let mut hash = fold(first ^ A, last ^ B ^ (value.len() as u64) << 32);
    if value.len() > ENDS_BYTES {
        for chunk in value.as_chunks::<8>().0 {
            hash = fold(hash ^ u64::from_le_bytes(*chunk), A);
        }
    }
    usize::try_from(hash >> 32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: &[String]) -> usize {
        let values = texts.iter().map(String::as_bytes);
        let (found, codes) = distinct(values.clone(), usize::MAX).unwrap();
        for (value, code) in values.zip(codes) {
            assert_eq!(value, found[code as usize]);
        }
        found.len()
    }

    #[test]
    fn codes_name_their_values() {
        assert!(
            check(
                &(0..20_000)
                    .map(|i| format!("value {}", i * i % 997))
                    .collect::<Vec<_>>()
            ) < 997
        );
        assert!(
            check(
                &(0..20_000)
                    .map(|i| format!("a longer value, number {}", i / 9 % 997))
                    .collect::<Vec<_>>()
            ) == 997
        );
        // All sizes, each differing in one place.
        let texts: Vec<String> = (0..40_usize)
            .flat_map(|size| {
                (0..size).map(move |place| "a".repeat(place) + "b" + &"a".repeat(size - place - 1))
            })
            .collect();
        let twice: Vec<String> = texts.iter().chain(&texts).cloned().collect();
        assert_eq!(check(&twice), texts.len());
        let texts: Vec<String> = (0..20_000).map(|i| format!("value {i}")).collect();
        assert!(distinct(texts.iter().map(String::as_bytes), usize::MAX).is_none());
        let values: [&[u8]; 3] = [b"a", b"b", b"a"];
        assert!(distinct(values.into_iter(), 1).is_none());
    }
}
