//! Shuffled orders of all records, computed place by place.
//!
//! To whoever edits this: checkpoints hold places of these orders, so no order may ever change. `permutation.md` of the
//! specification rules the algorithm; another one needs another version, beside this one.

use std::fmt;
use std::iter::FusedIterator;

/// Version of the algorithm. Enters the keys.
const VERSION: u64 = 1;
/// Step between the states from which keys are made.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
const FIRST_FACTOR: u64 = 0xbf58_476d_1ce4_e5b9;
const SECOND_FACTOR: u64 = 0x94d0_49bb_1331_11eb;
/// Up to this length an order is drawn as a table, behind it as a network.
const MAX_TABLE_LEN: u64 = 16;
/// A table in which each value stands at its own place, four bits each.
const IDENTITY: u64 = 0xfedc_ba98_7654_3210;
/// Double rounds of a network of the shortest length that has one, which needs most.
const MAX_DOUBLE_ROUNDS: usize = 12;
const MIN_DOUBLE_ROUNDS: u64 = 4;

/// A shuffled order of the numbers `0..len`, for reading all records once an epoch.
///
/// Nothing is stored but some keys: each place of the order is computed when it is asked for, in about 20 ns from half
/// a million numbers on. Short orders need more rounds, up to 100 ns. Any `len` up to [`u64::MAX`] works, 0 and 1
/// included. The order depends on `len`, `seed` and `epoch` only and is the same on every platform and in every
/// release, so that a checkpoint needs no more than these three and a place. Orders of different lengths, seeds or
/// epochs have nothing to do with each other.
///
/// The orders are fit for sampling, not for keeping secrets: who knows some places may find out the others.
///
/// ```
/// # use windrow_io as windrow;
/// use windrow::Permutation;
///
/// let order = Permutation::new(1_000_000, 42, 0);
/// let record = order.get(0).unwrap();
/// assert_eq!(order.index_of(record), Some(0));
///
/// // Goes on at a place from a checkpoint, then with the next epoch.
/// for record in order.iter_from(999_998).chain(order.with_epoch(1).iter()).take(3) {
///     assert!(record < 1_000_000);
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permutation {
    len: u64,
    seed: u64,
    epoch: u64,
    order: Order,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Order {
    Table(Table),
    Network(Network),
}

impl Permutation {
    /// The order of `0..len` in epoch `epoch` of the seed `seed`. All values are allowed. Costs about 100 ns.
    #[must_use]
    pub fn new(len: u64, seed: u64, epoch: u64) -> Self {
        let state = [len, seed, epoch].into_iter().fold(VERSION, absorb);
        let order = if len <= MAX_TABLE_LEN {
            Order::Table(Table::new(len, state))
        } else {
            Order::Network(Network::new(len, state))
        };
        Self {
            len,
            seed,
            epoch,
            order,
        }
    }

    /// The order in another epoch, with the same length and seed.
    #[must_use]
    pub fn with_epoch(self, epoch: u64) -> Self {
        Self::new(self.len, self.seed, epoch)
    }

    /// The number that stands at the place `index` of the order, or `None` from [`len`](Self::len) on.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<u64> {
        if index >= self.len {
            return None;
        }
        Some(match &self.order {
            Order::Table(table) => nibble(table.values, index),
            Order::Network(network) => {
                let mut value = network.forward(index);
                while value >= self.len {
                    value = network.forward(value);
                }
                value
            }
        })
    }

    /// The place of the number `value` in the order, or `None` from [`len`](Self::len) on. The inverse of
    /// [`get`](Self::get).
    #[must_use]
    pub fn index_of(&self, value: u64) -> Option<u64> {
        if value >= self.len {
            return None;
        }
        Some(match &self.order {
            Order::Table(table) => nibble(table.places, value),
            Order::Network(network) => {
                let mut index = network.backward(value);
                while index >= self.len {
                    index = network.backward(index);
                }
                index
            }
        })
    }

    /// How many numbers are put in order.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The numbers in order, from the first place on.
    #[must_use]
    pub fn iter(&self) -> PermutationIter {
        self.iter_from(0)
    }

    /// The numbers in order, from the place `index` on. Yields nothing if that is [`len`](Self::len) or more.
    #[must_use]
    pub fn iter_from(&self, index: u64) -> PermutationIter {
        PermutationIter {
            permutation: *self,
            next: index.min(self.len),
            end: self.len,
        }
    }
}

impl fmt::Debug for Permutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys follow from these.
        f.debug_struct("Permutation")
            .field("len", &self.len)
            .field("seed", &self.seed)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

impl IntoIterator for Permutation {
    type Item = u64;
    type IntoIter = PermutationIter;

    fn into_iter(self) -> PermutationIter {
        self.iter()
    }
}

impl IntoIterator for &Permutation {
    type Item = u64;
    type IntoIter = PermutationIter;

    fn into_iter(self) -> PermutationIter {
        self.iter()
    }
}

/// An order, one number after the other; from [`Permutation::iter`]. Skipping ahead with `nth` costs no more than one
/// step.
///
/// Where `usize` has 32 bits, `len` and `size_hint` stop at `usize::MAX` while more are left.
#[derive(Debug, Clone)]
pub struct PermutationIter {
    permutation: Permutation,
    /// Places that are left.
    next: u64,
    end: u64,
}

impl PermutationIter {
    /// The place of the number that comes next, for a checkpoint; [`Permutation::iter_from`] takes it.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.next
    }
}

impl Iterator for PermutationIter {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.nth(0)
    }

    fn nth(&mut self, skip: usize) -> Option<u64> {
        let index = self.next.saturating_add(skip as u64);
        if index >= self.end {
            self.next = self.end;
            return None;
        }
        self.next = index + 1;
        self.permutation.get(index)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
        (left, Some(left))
    }
}

impl DoubleEndedIterator for PermutationIter {
    fn next_back(&mut self) -> Option<u64> {
        self.nth_back(0)
    }

    fn nth_back(&mut self, skip: usize) -> Option<u64> {
        let end = self.end.saturating_sub(skip as u64);
        if end <= self.next {
            self.end = self.next;
            return None;
        }
        self.end = end - 1;
        self.permutation.get(self.end)
    }
}

impl ExactSizeIterator for PermutationIter {}

impl FusedIterator for PermutationIter {}

/// An order of up to 16 numbers, four bits each, in which every order is as likely. A network of so few would need far
/// more rounds to come near.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Table {
    /// The value at each place.
    values: u64,
    /// The place of each value.
    places: u64,
}

impl Table {
    fn new(len: u64, state: u64) -> Self {
        let (mut values, mut places) = (IDENTITY, IDENTITY);
        for (last, key) in (1..len).rev().zip(keys(state)) {
            let other = below(key, last + 1);
            let (a, b) = (nibble(values, last), nibble(values, other));
            values = with_nibble(with_nibble(values, last, b), other, a);
            places = with_nibble(with_nibble(places, b, last), a, other);
        }
        Self { values, places }
    }
}

/// An order of the cells of a grid that is hardly larger than the numbers: `rows` rows of `2^column_bits` cells. The
/// numbers that are no records are few, less than a row, so that hardly any place needs a second pass.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Network {
    column_bits: u32,
    rows: u64,
    double_rounds: usize,
    /// Of each double round, the key for the row and the key for the column.
    keys: [[u64; 2]; MAX_DOUBLE_ROUNDS],
}

impl Network {
    fn new(len: u64, state: u64) -> Self {
        let last = len - 1;
        let column_bits = (u64::BITS - last.leading_zeros()) / 2;
        let double_rounds = MIN_DOUBLE_ROUNDS.max(2 + 20_u64.div_ceil(u64::from(column_bits)));
        let mut keys = keys(state);
        Self {
            column_bits,
            rows: (last >> column_bits) + 1,
            double_rounds: usize::try_from(double_rounds).unwrap_or(MAX_DOUBLE_ROUNDS),
            keys: std::array::from_fn(|_| std::array::from_fn(|_| keys.next().unwrap_or(0))),
        }
    }

    /// The cell to which a cell is taken.
    fn forward(&self, cell: u64) -> u64 {
        let (mut row, mut column) = self.split(cell);
        for [row_key, column_key] in self.keys.iter().take(self.double_rounds) {
            row += below(scramble(column, *row_key), self.rows);
            if row >= self.rows {
                row -= self.rows;
            }
            // The highest bits of the word: what `below` would return, sooner.
            column += scramble(row, *column_key) >> (u64::BITS - self.column_bits);
            column &= self.column_mask();
        }
        (row << self.column_bits) | column
    }

    /// The cell from which a cell is taken.
    fn backward(&self, cell: u64) -> u64 {
        let (mut row, mut column) = self.split(cell);
        for [row_key, column_key] in self.keys.iter().take(self.double_rounds).rev() {
            let shift = scramble(row, *column_key) >> (u64::BITS - self.column_bits);
            column = column.wrapping_sub(shift) & self.column_mask();
            let shift = below(scramble(column, *row_key), self.rows);
            if row < shift {
                row += self.rows;
            }
            row -= shift;
        }
        (row << self.column_bits) | column
    }

    fn split(&self, cell: u64) -> (u64, u64) {
        (cell >> self.column_bits, cell & self.column_mask())
    }

    fn column_mask(&self) -> u64 {
        (1 << self.column_bits) - 1
    }
}

/// A bijection of words in which each bit of the result depends on each bit of the word.
fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(FIRST_FACTOR);
    let word = (word ^ (word >> 27)).wrapping_mul(SECOND_FACTOR);
    word ^ (word >> 31)
}

/// The state after one more word.
fn absorb(state: u64, word: u64) -> u64 {
    mix((state ^ word).wrapping_add(STEP))
}

/// The keys that follow from a state: the generator SplitMix64.
fn keys(state: u64) -> impl Iterator<Item = u64> {
    (1..=u64::MAX).map(move |number| mix(state.wrapping_add(number.wrapping_mul(STEP))))
}

/// A word that depends on `half` and `key`, best in its highest bits. Cheaper than [`mix`], which is not needed here:
/// the rounds follow each other.
fn scramble(half: u64, key: u64) -> u64 {
    let word = (half ^ key).wrapping_mul(FIRST_FACTOR);
    (word ^ (word >> 32)).wrapping_mul(SECOND_FACTOR)
}

/// Takes a word to `0..bound`, evenly.
fn below(word: u64, bound: u64) -> u64 {
    ((u128::from(word) * u128::from(bound)) >> 64) as u64
}

fn nibble(table: u64, index: u64) -> u64 {
    (table >> (4 * index)) & 15
}

fn with_nibble(table: u64, index: u64, value: u64) -> u64 {
    (table & !(15 << (4 * index))) | (value << (4 * index))
}

#[cfg(test)]
mod tests;
