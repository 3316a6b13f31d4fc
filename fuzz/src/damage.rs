//! What may happen to a file.

use crate::input::Input;

/// Bytes that are set to zero, or put behind the file, at the most.
const MAX_BYTES: usize = 150_000;
/// Things that happen to one file.
const MAX_COUNT: usize = 4;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// None at all.
    None,
    /// The end is missing.
    Cut,
    /// Anything else.
    Damaged,
}

/// Does to the file what the input says: a kind, a place among the bytes that are not zero, and what the kind needs.
/// Blocks are filled up with zeros, which nobody misses.
pub fn inflict(file: &mut Vec<u8>, input: &mut Input<'_>) -> Harm {
    let original = file.clone();
    for _ in 0..MAX_COUNT {
        if input.is_empty() || file.is_empty() {
            break;
        }
        let kind = input.byte() % 6;
        let place = place(file, input.number());
        match kind {
            0 => file[place] ^= input.byte(),
            1 => {
                let end = (place + input.below(MAX_BYTES)).min(file.len());
                file[place..end].fill(0);
            }
            2 => file.truncate(place),
            3 => file.truncate(input.below(file.len() + 1)),
            4 => file[place..].fill(0),
            _ if input.byte() & 1 == 0 => file.resize(file.len() + input.below(MAX_BYTES), 0),
            _ => file.extend_from_slice(input.bytes()),
        }
    }
    if *file == original {
        Harm::None
    } else if original.starts_with(file) {
        Harm::Cut
    } else {
        Harm::Damaged
    }
}

/// The byte with this number among those that are not zero, counted round and round.
fn place(file: &[u8], number: u64) -> usize {
    let count = file.iter().filter(|byte| **byte != 0).count() as u64;
    let mut places = (0..file.len()).filter(|place| file[*place] != 0);
    let number = number.checked_rem(count).unwrap_or(0);
    let place = places.nth(usize::try_from(number).unwrap_or(0));
    place.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harm_is_told() {
        let cases: [(&[u8], &[u8], Harm); 7] = [
            (&[], &[5, 0, 0, 6, 7], Harm::None),
            (&[0, 1, 0], &[5, 0, 0, 6, 7], Harm::None),
            (&[0, 1, 1], &[5, 0, 0, 7, 7], Harm::Damaged),
            (&[1, 1, 2], &[5, 0, 0, 0, 0], Harm::Damaged),
            (&[2, 5], &[5, 0, 0, 6], Harm::Cut),
            (&[3, 0, 2], &[5, 0], Harm::Cut),
            (&[5, 0, 1, 2, 8, 9], &[5, 0, 0, 6, 7, 8, 9], Harm::Damaged),
        ];
        for (input, expected, harm) in cases {
            let mut file = vec![5, 0, 0, 6, 7];
            let told = inflict(&mut file, &mut Input::new(input));
            assert_eq!((file.as_slice(), told), (expected, harm), "{input:?}");
        }
    }
}
