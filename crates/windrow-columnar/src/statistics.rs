//! What row groups hold at least and at most. `format-spec/columns.md`, *Statistics*.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "places of values that are in memory"
)]

use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, IntervalUnit};
use windrow_format::{At, push_varint, take_varint};

use crate::byte_strings::BytesPlan;
use crate::encode::{Plan, Words};
use crate::error::ColumnError;
use crate::flatten::{NodeValues, Values};
use crate::node::{Node, Shape, WordKind};
use crate::words::Lane;

/// Bytes of a bound at most.
pub const MAX_BOUND_BYTES: usize = 64;

/// What is told of a node in a row group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeStatistics {
    /// Values that are null.
    pub nulls: u64,
    /// Between what the others lie.
    pub bounds: Bounds,
}

/// The least and the largest value of a node, as Arrow's buffers hold them, or bounds of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// No value is below it.
    pub least: Option<Bound>,
    /// No value is above it.
    pub most: Option<Bound>,
}

/// A bound of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// Words and values of fixed size as in Arrow's buffers; a bit as a byte; the front of byte strings.
    pub bytes: Vec<u8>,
    /// It is a value of the node itself.
    pub is_value: bool,
}

impl Bound {
    fn value(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            is_value: true,
        }
    }
}

/// Statistics of one row group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupStatistics {
    /// The hash in the header of the chunk that they are of.
    pub data_hash: u64,
    /// For each node of the schema.
    pub nodes: Vec<NodeStatistics>,
}

impl GroupStatistics {
    /// Appends them to the contents of a statistics chunk.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.data_hash.to_le_bytes());
        for NodeStatistics { nulls, bounds } in &self.nodes {
            let bounds = [&bounds.least, &bounds.most];
            let mut told = 0;
            for (bit, bound) in bounds.iter().enumerate() {
                if let Some(bound) = bound {
                    told |= 1 << bit | u8::from(bound.is_value) << (bit + 2);
                }
            }
            out.push(told);
            push_varint(out, *nulls);
            for bound in bounds.into_iter().flatten() {
                push_varint(out, bound.bytes.len() as u64);
                out.extend_from_slice(&bound.bytes);
            }
        }
    }

    /// Reads the contents of the statistics chunk at `at`, for a schema with so many nodes.
    ///
    /// # Errors
    /// [`ColumnError::Statistics`].
    pub fn parse_all(mut contents: &[u8], nodes: usize, at: At) -> Result<Vec<Self>, ColumnError> {
        let short = || ColumnError::Statistics {
            at,
            what: "they are cut short",
        };
        let mut groups = Vec::new();
        while !contents.is_empty() {
            let (hash, rest) = contents.split_first_chunk::<8>().ok_or_else(short)?;
            contents = rest;
            // Two bytes at least for each.
            let mut of_nodes = Vec::with_capacity(nodes.min(contents.len() / 2));
            for _ in 0..nodes {
                of_nodes.push(parse_node(&mut contents).ok_or_else(short)?);
            }
            groups.push(Self {
                data_hash: u64::from_le_bytes(*hash),
                nodes: of_nodes,
            });
        }
        Ok(groups)
    }
}

fn parse_node(rest: &mut &[u8]) -> Option<NodeStatistics> {
    let (&told, behind) = rest.split_first()?;
    *rest = behind;
    let nulls = take_varint(rest)?;
    let mut bound = |bit: u8| {
        if told & 1 << bit == 0 {
            return Some(None);
        }
        let size = usize::try_from(take_varint(rest)?).ok()?;
        let (bytes, behind) = rest.split_at_checked(size)?;
        *rest = behind;
        Some(Some(Bound {
            bytes: bytes.to_vec(),
            is_value: told & 4 << bit != 0,
        }))
    };
    Some(NodeStatistics {
        nulls,
        bounds: Bounds {
            least: bound(0)?,
            most: bound(1)?,
        },
    })
}

/// The bounds of a node's values, of which a plan tells the most.
pub(crate) fn bounds_of(values: &NodeValues, plan: &Plan<'_>, node: &Node) -> Bounds {
    // Two numbers, or months and days, which have no order.
    let is_unordered = matches!(
        node.data_type,
        DataType::Interval(IntervalUnit::DayTime | IntervalUnit::MonthDayNano)
    );
    match plan {
        _ if is_unordered => Bounds::default(),
        Plan::Nulls => Bounds::default(),
        Plan::Bits => bounds_of_bits(values),
        Plan::W8(words) => bounds_of_words(words),
        Plan::W16(words) => bounds_of_words(words),
        Plan::W32(words) => bounds_of_words(words),
        Plan::W64(words) => bounds_of_words(words),
        Plan::Fixed(_, size, _) => {
            let is_number = matches!(
                node.data_type,
                DataType::Decimal128(..) | DataType::Decimal256(..)
            );
            bounds_of_fixed(values, *size, is_number)
        }
        Plan::Bytes(all, plan) => {
            let text = node.shape == Shape::Bytes { text: true };
            match plan {
                BytesPlan::Dictionary {
                    values: distinct,
                    codes,
                } => {
                    let nulls = values.null_count();
                    // Nulls are empty: there may be no other value that is.
                    let is_there = |(code, value): &(usize, &[u8])| {
                        let same = |&&other: &&u32| other as usize == *code;
                        nulls == 0 || !value.is_empty() || codes.iter().filter(same).count() > nulls
                    };
                    let distinct = distinct.slices().iter().enumerate().filter(is_there);
                    bounds_of_strings(distinct.map(|(_, value)| value), text)
                }
                _ => bounds_of_strings(valid(all.iter(), values.nulls.as_ref()), text),
            }
        }
    }
}

fn both(least: Bound, most: Bound) -> Bounds {
    Bounds {
        least: Some(least),
        most: Some(most),
    }
}

fn bounds_of_bits(values: &NodeValues) -> Bounds {
    let Values::Bits(bits) = &values.values else {
        return Bounds::default();
    };
    let set = match &values.nulls {
        Some(nulls) => (bits & nulls.inner()).count_set_bits(),
        None => bits.count_set_bits(),
    };
    let there = values.len - values.null_count();
    both(
        Bound::value(&[u8::from(set == there)]),
        Bound::value(&[u8::from(set > 0)]),
    )
}

fn bounds_of_words<T: Lane>(words: &Words<'_, T>) -> Bounds {
    // A null has a value that is there anyway.
    if words.word.kind == WordKind::Float {
        return bounds_of_floats(&words.values);
    }
    let value = |word: T| Bound::value(&word.to_u64().to_le_bytes()[..T::BYTES]);
    let (least, most) = words.planned.bounds;
    both(value(least), value(most))
}

fn bounds_of_floats<T: Lane>(words: &[T]) -> Bounds {
    // With the sign bit turned and negative numbers turned around, bits order as their numbers do.
    let order = |word: T| {
        if word.xor(T::SIGN) < word {
            word.xor(T::from_u64(u64::MAX))
        } else {
            word.xor(T::SIGN)
        }
    };
    let infinity = match T::BYTES {
        2 => T::from_u64(0x7c00),
        4 => T::from_u64(u64::from(f32::INFINITY.to_bits())),
        _ => T::from_u64(f64::INFINITY.to_bits()),
    };
    let magnitude = |word: T| word.min(word.xor(T::SIGN));
    let (mut least, mut most, mut nans) = (None, None, false);
    for &word in words {
        if magnitude(word) > infinity {
            nans = true;
            continue;
        }
        if least.is_none_or(|least| order(word) < order(least)) {
            least = Some(word);
        }
        if most.is_none_or(|most| order(word) > order(most)) {
            most = Some(word);
        }
    }
    let bound = |word: T, zero: T| {
        let is_zero = magnitude(word) == T::default();
        let word = if is_zero { zero } else { word };
        Bound {
            bytes: word.to_u64().to_le_bytes()[..T::BYTES].to_vec(),
            is_value: !is_zero,
        }
    };
    Bounds {
        least: least.map(|least| bound(least, T::SIGN)),
        most: most.filter(|_| !nans).map(|most| bound(most, T::default())),
    }
}

fn valid<'a, T: 'a>(
    all: impl Iterator<Item = T> + 'a,
    nulls: Option<&'a NullBuffer>,
) -> impl Iterator<Item = T> + 'a {
    all.enumerate()
        .filter(move |(index, _)| nulls.is_none_or(|nulls| nulls.is_valid(*index)))
        .map(|(_, value)| value)
}

fn bounds_of_fixed(values: &NodeValues, size: usize, is_number: bool) -> Bounds {
    let Values::Fixed(buffer) = &values.values else {
        return Bounds::default();
    };
    if size == 0 {
        return Bounds::default();
    }
    let compare = |a: &&[u8], b: &&[u8]| {
        if is_number {
            compare_numbers(a, b)
        } else {
            a.cmp(b)
        }
    };
    let all = || valid(buffer.chunks_exact(size), values.nulls.as_ref());
    let (Some(least), Some(most)) = (all().min_by(compare), all().max_by(compare)) else {
        return Bounds::default();
    };
    both(
        lower(least),
        if is_number || most.len() <= MAX_BOUND_BYTES {
            Bound::value(most)
        } else {
            return Bounds {
                least: Some(lower(least)),
                most: upper(most, false),
            };
        },
    )
}

/// Two's complement, little-endian.
pub(crate) fn compare_numbers(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    let sign = |number: &[u8]| number.last().is_some_and(|&last| last & 0x80 != 0);
    sign(b)
        .cmp(&sign(a))
        .then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

fn bounds_of_strings<'a>(mut values: impl Iterator<Item = &'a [u8]>, text: bool) -> Bounds {
    let Some(first) = values.next() else {
        return Bounds::default();
    };
    let (least, most) = values.fold((first, first), |(least, most), value| {
        (least.min(value), most.max(value))
    });
    Bounds {
        least: Some(lower(least)),
        most: upper(most, text),
    }
}

fn lower(value: &[u8]) -> Bound {
    if value.len() <= MAX_BOUND_BYTES {
        return Bound::value(value);
    }
    Bound {
        bytes: value[..MAX_BOUND_BYTES].to_vec(),
        is_value: false,
    }
}

/// A short byte string that none that begins as `value` does is above.
fn upper(value: &[u8], text: bool) -> Option<Bound> {
    if value.len() <= MAX_BOUND_BYTES {
        return Some(Bound::value(value));
    }
    let front = &value[..MAX_BOUND_BYTES];
    let bytes = if text {
        let front = match std::str::from_utf8(front) {
            Ok(front) => front,
            Err(error) => std::str::from_utf8(&front[..error.valid_up_to()]).ok()?,
        };
        raised_text(front)?.into_bytes()
    } else {
        let last = front.iter().rposition(|&byte| byte != 0xff)?;
        let mut bytes = front[..=last].to_vec();
        bytes[last] += 1;
        bytes
    };
    Some(Bound {
        bytes,
        is_value: false,
    })
}

/// The text with its last character that can be raised raised by one, and what follows cut off.
fn raised_text(front: &str) -> Option<String> {
    let mut out = front.to_owned();
    while let Some(last) = out.pop() {
        let next = match u32::from(last) {
            0xd7ff => 0xe000,
            code => code + 1,
        };
        if let Some(next) = char::from_u32(next) {
            out.push(next);
            return Some(out);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Effort;
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, Int32Array, StringArray};

    fn bounds(array: ArrayRef) -> Bounds {
        let field = arrow_schema::Field::new("x", array.data_type().clone(), true);
        let nodes = crate::node::Nodes::new(&arrow_schema::Schema::new(vec![field])).unwrap();
        let mut values = Vec::new();
        crate::flatten::flatten(&array, &nodes, 0, &mut values).unwrap();
        let plan = crate::encode::plan(&values[0], nodes.get(0).shape, Effort::Balanced);
        bounds_of(&values[0], &plan, nodes.get(0))
    }

    #[test]
    fn bounds_hold_all_values() {
        let told = |bounds: &Bounds| {
            let bytes = |bound: &Option<Bound>| bound.as_ref().map(|bound| bound.bytes.clone());
            (bytes(&bounds.least), bytes(&bounds.most))
        };
        let numbers = bounds(Arc::new(Int32Array::from(vec![
            Some(3),
            None,
            Some(-7),
            Some(5),
        ])));
        assert_eq!(
            told(&numbers),
            (
                Some((-7_i32).to_le_bytes().into()),
                Some(5_i32.to_le_bytes().into())
            )
        );
        let floats = bounds(Arc::new(Float64Array::from(vec![0.0, -0.0, 1.5])));
        assert_eq!(
            told(&floats),
            (
                Some((-0.0_f64).to_le_bytes().into()),
                Some(1.5_f64.to_le_bytes().into())
            )
        );
        let with_nan = bounds(Arc::new(Float64Array::from(vec![f64::NAN, -2.0, -1.0])));
        assert_eq!(
            told(&with_nan),
            (Some((-2.0_f64).to_le_bytes().into()), None)
        );
        let texts = bounds(Arc::new(StringArray::from(vec!["b", "", "ä"])));
        assert_eq!(told(&texts), (Some(vec![]), Some("ä".as_bytes().into())));
        let long = "z\u{10ffff}".repeat(40);
        let texts = bounds(Arc::new(StringArray::from(vec![long.as_str()])));
        let (least, most) = told(&texts);
        assert!(least.unwrap().as_slice() < long.as_bytes());
        let most = String::from_utf8(most.unwrap()).unwrap();
        assert!(
            most.as_str() > long.as_str() && most.ends_with('{'),
            "{most}"
        );
        assert_eq!(
            told(&bounds(Arc::new(Int32Array::new_null(3)))),
            (None, None)
        );
    }

    #[test]
    fn statistics_round_trip_and_cuts_are_told() {
        let groups = vec![
            GroupStatistics {
                data_hash: 7,
                nodes: vec![
                    NodeStatistics {
                        nulls: 300,
                        bounds: both(
                            Bound::value(b"a"),
                            Bound {
                                bytes: vec![9; 64],
                                is_value: false
                            }
                        ),
                    },
                    NodeStatistics::default(),
                ],
            };
            3
        ];
        let mut contents = Vec::new();
        for group in &groups {
            group.encode(&mut contents);
        }
        assert_eq!(
            GroupStatistics::parse_all(&contents, 2, At::byte(0)),
            Ok(groups)
        );
        for cut in [1, 8, 30] {
            let error =
                GroupStatistics::parse_all(&contents[..contents.len() - cut], 2, At::byte(0));
            assert_eq!(error.unwrap_err().code(), "statistics");
        }
    }
}
