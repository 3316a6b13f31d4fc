//! Running the state machine of a transposed chunk.

use crate::chunk_header::ChunkHeader;
use crate::error::{At, FormatError};
use crate::limits::Limits;

use super::backward::{Backward, Full};
use super::choice::{Choice, NOTHING};
use super::header::most_table_bytes;
use super::machine::{Machine, Op, STATES, broken, node_at, shifted, state_of, varint};
use super::node;
use super::projection::FieldProjection;
use super::values::Columns;

/// A nested message or group of which the back is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened {
    /// Bytes that were written before.
    written: usize,
    /// The node that opened it.
    node: u32,
    /// Where it lies in the projection.
    outer: u32,
}

/// One chunk being decoded.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) machine: &'a Machine,
    pub(super) transitions: &'a [u8],
    pub(super) columns: Columns<'a>,
    pub(super) choices: &'a mut Vec<Choice>,
    pub(super) opened: &'a mut Vec<Opened>,
    pub(super) out: Backward<'a>,
    pub(super) ends: &'a mut Vec<usize>,
    pub(super) header: ChunkHeader,
    pub(super) limits: &'a Limits,
    pub(super) at: At,
}

impl Run<'_> {
    /// Writes the records whole.
    pub(super) fn all(self) -> Result<(), FormatError> {
        self.run::<false>(&FieldProjection::default())
    }

    /// Writes what a projection wants of the records.
    pub(super) fn projected(self, fields: &FieldProjection) -> Result<(), FormatError> {
        let states = self.machine.nodes.len().saturating_mul(STATES);
        let bytes = states.saturating_mul(size_of::<Choice>()) as u64;
        let (what, at) = ("table of a projection", self.at);
        if bytes > most_table_bytes(self.limits.max_chunk_bytes) {
            return Err(table_limit(what, bytes, self.limits, at));
        }
        let reserved = self.choices.try_reserve_exact(states);
        reserved.map_err(|_| FormatError::OutOfMemory { what, at, bytes })?;
        self.choices.resize(states, Choice::NONE);
        self.run::<true>(fields)
    }

    fn run<const PROJECT: bool>(self, fields: &FieldProjection) -> Result<(), FormatError> {
        // Taken apart, so that the loop has what it needs at hand.
        let Self {
            machine,
            transitions,
            mut columns,
            choices,
            opened,
            mut out,
            ends,
            header,
            limits,
            at,
        } = self;
        let nodes = machine.nodes.as_slice();
        let choices = choices.as_mut_slice();
        let decoded_bytes = header.decoded_bytes;
        let full = |Full| too_large(decoded_bytes, at);
        let no_node = || broken("a transition leads to a node that does not exist", at);
        let first_end = ends.len();
        let base = out.base();
        let mut transitions = transitions.iter();
        let mut records_left = header.num_records;
        let mut record_back = 0_usize;
        // Where the machine is in the projection; fields that may still be skipped; messages open within a skipped one,
        // and where that lies.
        let mut place = 0_u32;
        let mut skips_left = header.decoded_bytes;
        let (mut skip_depth, mut skipped_in) = (0_usize, 0_u32);

        let max_table = usize::try_from(most_table_bytes(limits.max_chunk_bytes));
        let max_opened = max_table
            .unwrap_or(usize::MAX)
            .div_euclid(size_of::<Opened>());
        // The node, and what is left of the transition to it. With a projection it is the node that transitions count
        // from, and the transition as it is: both together are the state.
        let (mut index, mut rest) = (machine.first, 0);
        loop {
            let (here, op, below, next, repeats);
            if PROJECT {
                let state = state_of(index, rest);
                let choice = choices.get_mut(state).ok_or_else(no_node)?;
                if choice.place != place {
                    *choice = Choice::new(nodes, state, place, fields);
                    if choice.takes_a_value() {
                        let node = node_at(nodes, choice.node).ok_or_else(no_node)?;
                        columns.load(node.buffer)?;
                    }
                }
                // Each stands for at least one byte of a record.
                let skips = u64::from(choice.skips);
                skips_left = skips_left.checked_sub(skips).ok_or_else(|| full(Full))?;
                (here, op, below) = (choice.node, choice.op, choice.below);
                (next, repeats) = (choice.next, choice.repeats);
            } else {
                let node = node_at(nodes, index).ok_or_else(no_node)?;
                (here, op, below) = (index, node.op, 0);
                (next, repeats) = (node.next, node.leave(rest));
            }
            let node = node_at(nodes, here).ok_or_else(no_node)?;
            match op {
                Op::Pass => {}
                Op::Copy => out.put_word(node.pattern, node.bytes).map_err(full)?,
                Op::Value => {
                    let word = columns.take_value(node, at)?;
                    let word = word | node.pattern;
                    out.put_word(word, node.bytes).map_err(full)?;
                }
                Op::Text => {
                    let (from, to) = columns.take_text(node, at)?;
                    let data = &columns.buckets.data;
                    out.put_range(data, from, to).map_err(full)?;
                    out.put_word(node.pattern, node.bytes).map_err(full)?;
                }
                Op::SubmessageEnd | Op::GroupEnd => {
                    // Each takes a byte at its front at least: no more can be open than there is room for.
                    if opened.len() >= out.left() {
                        return Err(full(Full));
                    }
                    if opened.len() >= max_opened {
                        let bytes = opened.len().saturating_add(1);
                        let bytes = bytes.saturating_mul(size_of::<Opened>()) as u64;
                        return Err(table_limit("table of open messages", bytes, limits, at));
                    }
                    opened.push(Opened {
                        written: out.written(),
                        node: here,
                        outer: place,
                    });
                    if op == Op::GroupEnd {
                        out.put_word(node.pattern, node.bytes).map_err(full)?;
                    }
                    if PROJECT {
                        place = below;
                    }
                }
                Op::SubmessageStart => {
                    let last = opened.pop();
                    let end = last.and_then(|last| node_at(nodes, last.node));
                    let (Some(last), Some(end)) = (last, end) else {
                        return Err(broken("a nested message begins that never ends", at));
                    };
                    if end.op != Op::SubmessageEnd {
                        return Err(broken("a nested message begins where a group ends", at));
                    }
                    let size = out.written().saturating_sub(last.written);
                    let size = u32::try_from(size)
                        .map_err(|_| broken("a nested message has 4 GiB or more", at))?;
                    let (size, size_bytes) = varint(size);
                    let word = (end.pattern >> (u32::from(size_bytes) << 3))
                        | shifted(size, 16_u8.saturating_sub(size_bytes));
                    let bytes = end.bytes.saturating_add(size_bytes);
                    out.put_word(word, bytes).map_err(full)?;
                    place = last.outer;
                }
                Op::GroupStart => {
                    let last = opened.pop();
                    let end = last.and_then(|last| node_at(nodes, last.node));
                    let (Some(last), Some(end)) = (last, end) else {
                        return Err(broken("a group begins that never ends", at));
                    };
                    if end.tag != node.tag.wrapping_add(node::END_GROUP - node::START_GROUP) {
                        return Err(broken("a group begins where something else ends", at));
                    }
                    out.put_word(node.pattern, node.bytes).map_err(full)?;
                    place = last.outer;
                }
                Op::MessageStart | Op::NonProto => {
                    if !opened.is_empty() || skip_depth > 0 {
                        return Err(broken("a record begins within a nested message", at));
                    }
                    if op == Op::NonProto {
                        if PROJECT {
                            columns.load(machine.sizes_buffer)?;
                        }
                        let (from, to) = columns.take_record(node, machine, at)?;
                        let data = &columns.buckets.data;
                        out.put_range(data, from, to).map_err(full)?;
                    }
                    records_left = records_left.checked_sub(1).ok_or_else(|| {
                        broken("there are more records than the chunk's header says", at)
                    })?;
                    let front = out.written();
                    check_record(front.saturating_sub(record_back), limits, at)?;
                    // Counted from the end, and the last record first, until the sum is known.
                    ends.push(record_back);
                    record_back = front;
                }
                Op::SkipField => {}
                Op::SkipEnd => {
                    if skip_depth == 0 {
                        skipped_in = place;
                        place = NOTHING;
                    }
                    skip_depth = skip_depth.saturating_add(1);
                }
                Op::SkipStart => {
                    // Chosen only within something that is skipped.
                    skip_depth = skip_depth.saturating_sub(1);
                    if skip_depth == 0 {
                        place = skipped_in;
                    }
                }
            }
            (index, rest) = if let Some(repeats) = repeats {
                (next, repeats)
            } else {
                let Some(&transition) = transitions.next() else {
                    break;
                };
                if PROJECT {
                    (next, transition)
                } else {
                    let step = u32::from(transition >> 2);
                    (next.saturating_add(step), transition & node::MAX_REPEATS)
                }
            };
        }

        if !opened.is_empty() || skip_depth > 0 {
            return Err(broken("a nested message never begins", at));
        }
        if records_left > 0 {
            return Err(broken(
                "there are fewer records than the chunk's header says",
                at,
            ));
        }
        let written = out.written();
        if written != record_back {
            return Err(broken("fields stand in front of the first record", at));
        }
        if !PROJECT {
            if written as u64 != header.decoded_bytes {
                return Err(FormatError::DecodedSize {
                    what: "records",
                    at,
                    expected: header.decoded_bytes,
                    actual: written as u64,
                });
            }
            columns.check_used_up(at)?;
        }
        let ends = ends.get_mut(first_end..).unwrap_or_default();
        ends.reverse();
        let total = base.saturating_add(written);
        for end in ends {
            *end = total.saturating_sub(*end);
        }
        out.finish();
        Ok(())
    }
}

fn check_record(bytes: usize, limits: &Limits, at: At) -> Result<(), FormatError> {
    let limit = limits.max_record_bytes;
    if bytes as u64 <= limit {
        return Ok(());
    }
    Err(FormatError::Limit {
        what: "record",
        at,
        value: bytes as u64,
        limit,
        option: "max_record_bytes",
    })
}

#[cold]
fn table_limit(what: &'static str, bytes: u64, limits: &Limits, at: At) -> FormatError {
    FormatError::Limit {
        what,
        at,
        value: bytes,
        limit: most_table_bytes(limits.max_chunk_bytes),
        option: "max_chunk_bytes",
    }
}

#[cold]
fn too_large(decoded_bytes: u64, at: At) -> FormatError {
    FormatError::DecodedSize {
        what: "records",
        at,
        expected: decoded_bytes,
        actual: decoded_bytes.saturating_add(1),
    }
}
