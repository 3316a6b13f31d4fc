//! The state machine of a transposed chunk, read and checked.

use crate::error::{At, FormatError};

use super::header::HeaderReader;
use super::node;

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    /// Nothing.
    Pass,
    /// Puts a whole record from the buffer.
    NonProto,
    /// Ends a record at its front.
    MessageStart,
    /// Puts tag and size of the nested message that was opened last.
    SubmessageStart,
    /// Opens a nested message at its back.
    SubmessageEnd,
    /// Puts a tag and closes a group.
    GroupStart,
    /// Puts a tag and opens a group at its back.
    GroupEnd,
    /// Puts the pattern.
    Copy,
    /// Puts a number of fixed size from the buffer, and the pattern over and in front of it.
    Value,
    /// Puts a size and so many bytes from the buffer, and the tag.
    Text,
    // With a projection, what becomes of those that are not wanted:
    /// Nothing, in place of a field.
    SkipField,
    SkipEnd,
    SkipStart,
}

/// One state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// What is put, at the end of 16 bytes: the tag; an inline number; the continuation bits of a varint.
    pub(super) pattern: u128,
    /// The node that transitions count from.
    pub(super) next: u32,
    /// The buffer of values, if the operation has one.
    pub(super) buffer: u32,
    /// The tag as it is in the record; 0 for operations without one.
    pub(super) tag: u32,
    pub(super) op: Op,
    /// Bytes that a value takes from the buffer.
    pub(super) value_bytes: u8,
    /// Bytes of the pattern that are put, those of the value included.
    pub(super) bytes: u8,
    /// Whether `next` follows without a transition.
    pub(super) implicit: bool,
}

impl Node {
    /// How many repetitions of a transition are left behind the node, of `repeats` in front of it. None if a transition
    /// is taken.
    #[inline]
    pub(super) fn leave(&self, repeats: u8) -> Option<u8> {
        if self.implicit {
            Some(repeats)
        } else {
            repeats.checked_sub(1)
        }
    }
}

/// The nodes. Kept between chunks for its memory.
#[derive(Debug, Default)]
pub(super) struct Machine {
    pub(super) nodes: Vec<Node>,
    pub(super) first: u32,
    /// The buffer with the sizes of records that are no messages.
    pub(super) sizes_buffer: u32,
    /// Where the search for cycles has been.
    seen: Vec<bool>,
    path: Vec<usize>,
}

pub(super) fn broken(what: &'static str, at: At) -> FormatError {
    FormatError::Transposed { what, at }
}

impl Machine {
    /// Heap bytes that are held.
    pub(super) fn capacity_bytes(&self) -> usize {
        let nodes = self.nodes.capacity().saturating_mul(size_of::<Node>());
        let path = self.path.capacity().saturating_mul(size_of::<usize>());
        nodes
            .saturating_add(path)
            .saturating_add(self.seen.capacity())
    }

    /// Reads the nodes from the rest of the header. All numbers of nodes and buffers in them are good afterwards.
    pub(super) fn parse(
        &mut self,
        mut header: HeaderReader<'_>,
        buffers: usize,
        at: At,
    ) -> Result<(), FormatError> {
        let count = header.table("table of nodes", &mut self.nodes)?;
        let mut varints = 0_usize;
        for _ in 0..count {
            let tag = header.small("tag of a node")?;
            varints = varints.saturating_add(usize::from(has_subtype(tag)));
            self.nodes.push(Node {
                pattern: 0,
                next: 0,
                buffer: 0,
                tag,
                op: Op::Pass,
                value_bytes: 0,
                bytes: 0,
                implicit: false,
            });
        }
        for node in &mut self.nodes {
            let next = header.small("next node")?;
            let next = usize::try_from(next).unwrap_or(usize::MAX);
            // Numbers from `count` on say that the node follows by itself.
            let implicit = next.checked_sub(count);
            let next = implicit.unwrap_or(next);
            if next >= count {
                return Err(broken("a node leads to one that does not exist", at));
            }
            node.implicit = implicit.is_some();
            node.next = u32::try_from(next).unwrap_or(u32::MAX);
        }
        let mut subtypes = header.bytes(varints, "subtypes of nodes")?.iter();
        let mut has_non_proto = false;
        for node in &mut self.nodes {
            let subtype = has_subtype(node.tag).then(|| subtypes.next().copied());
            describe(node, subtype.flatten().unwrap_or(0), at)?;
            if matches!(node.op, Op::NonProto | Op::Value | Op::Text) {
                node.buffer = header.small("buffer of a node")?;
                if !usize::try_from(node.buffer).is_ok_and(|buffer| buffer < buffers) {
                    return Err(broken("a node takes from a buffer that does not exist", at));
                }
            }
            has_non_proto |= node.op == Op::NonProto;
        }
        // A node of that kind has a buffer, so there is a last one.
        let last = buffers.saturating_sub(1);
        self.sizes_buffer = u32::try_from(last).unwrap_or(u32::MAX);
        if !has_non_proto {
            self.sizes_buffer = u32::MAX;
        }
        self.first = header.small("first node")?;
        if !usize::try_from(self.first).is_ok_and(|first| first < count) {
            return Err(broken("the first node does not exist", at));
        }
        header.finish()?;
        self.resolve(at)
    }

    /// Refuses cycles of nodes that follow by themselves, which would go on for ever. Puts what comes next in place of
    /// nodes that do nothing and are followed by itself, so that each step does something or takes a transition.
    fn resolve(&mut self, at: At) -> Result<(), FormatError> {
        self.seen.clear();
        self.seen.resize(self.nodes.len(), false);
        for start in 0..self.nodes.len() {
            self.path.clear();
            let mut place = start;
            while let (Some(node), Some(seen)) = (self.nodes.get(place), self.seen.get_mut(place))
                && node.implicit
                && !*seen
            {
                *seen = true;
                self.path.push(place);
                place = usize::try_from(node.next).unwrap_or(usize::MAX);
            }
            // A chain that ran into a node seen before either joins a chain that has ended, or itself.
            let Some(&end) = self.nodes.get(place) else {
                continue;
            };
            if end.implicit && self.path.contains(&place) {
                return Err(broken("nodes follow one another for ever", at));
            }
            for &place in self.path.iter().rev() {
                let next = self.nodes.get(place).map_or(u32::MAX, |node| node.next);
                let next = usize::try_from(next).ok();
                let after = next.and_then(|next| self.nodes.get(next)).copied();
                if let (Some(node), Some(after)) = (self.nodes.get_mut(place), after)
                    && node.op == Op::Pass
                {
                    *node = after;
                }
            }
        }
        Ok(())
    }
}

/// The node with this number.
#[inline]
pub(super) fn node_at(nodes: &[Node], index: u32) -> Option<&Node> {
    nodes.get(usize::try_from(index).ok()?)
}

/// How many states a node has.
pub(super) const STATES: usize = node::MAX_REPEATS as usize + 1;

/// The state of the machine in front of a node: the node, and the repetitions of a transition that are left. In place of
/// those, a whole transition may be given: then it is the state behind it.
#[inline]
pub(super) fn state_of(node: u32, repeats: u8) -> usize {
    let node = usize::try_from(node).unwrap_or(usize::MAX);
    node.saturating_mul(STATES)
        .saturating_add(usize::from(repeats))
}

/// Node and repetitions of a state.
#[inline]
pub(super) fn node_of(state: usize) -> (u32, u8) {
    let node = u32::try_from(state.div_euclid(STATES)).unwrap_or(u32::MAX);
    let [repeats, ..] = state.to_le_bytes();
    (node, repeats & node::MAX_REPEATS)
}

/// Whether a node with this tag has a subtype.
fn has_subtype(tag: u32) -> bool {
    tag >= node::MIN_TAG && node::wire_type(tag) == node::VARINT
}

/// Works out what a node does from its tag and subtype.
fn describe(node: &mut Node, subtype: u8, at: At) -> Result<(), FormatError> {
    node.op = match node.tag {
        node::NO_OP => Op::Pass,
        node::NON_PROTO => Op::NonProto,
        node::START_OF_SUBMESSAGE => Op::SubmessageStart,
        node::START_OF_MESSAGE => Op::MessageStart,
        tag if tag < node::MIN_TAG => return Err(broken("a node has field number 0", at)),
        tag => match node::wire_type(tag) {
            node::VARINT if subtype > node::MAX_SUBTYPE => {
                return Err(broken("a node has a subtype that does not exist", at));
            }
            node::VARINT if subtype >= node::INLINE_VARINT => Op::Copy,
            node::VARINT | node::FIXED32 | node::FIXED64 => Op::Value,
            node::LENGTH_DELIMITED => Op::Text,
            node::START_GROUP => Op::GroupStart,
            node::END_GROUP => Op::GroupEnd,
            node::END_OF_SUBMESSAGE => {
                node.tag = (tag & !7) | node::LENGTH_DELIMITED;
                Op::SubmessageEnd
            }
            _ => return Err(broken("a node has wire type 7", at)),
        },
    };
    if node.tag < node::MIN_TAG {
        node.tag = 0;
        return Ok(());
    }
    let (value_bytes, value) = match (node.op, node::wire_type(node.tag)) {
        (Op::Copy, _) => (1, u128::from(subtype.saturating_sub(node::INLINE_VARINT))),
        (Op::Value, node::VARINT) => {
            let value_bytes = subtype.saturating_add(1);
            // Buffers hold varints without the bits that say that there is more.
            let continued = 0x80_8080_8080_8080_8080_u128;
            (value_bytes, continued & low_bytes(subtype))
        }
        (Op::Value, node::FIXED32) => (4, 0),
        (Op::Value, _) => (8, 0),
        _ => (0, 0),
    };
    let (tag, tag_bytes) = varint(node.tag);
    let bytes = tag_bytes.saturating_add(value_bytes);
    node.pattern = at_the_end(tag | shifted(value, tag_bytes), bytes);
    node.bytes = bytes;
    node.value_bytes = value_bytes;
    Ok(())
}

/// A number as a varint, in the low bytes of a word, and its size in bytes.
#[inline]
pub(super) fn varint(mut number: u32) -> (u128, u8) {
    let (mut word, mut bytes) = (0, 0_u8);
    while number >= 0x80 {
        word |= shifted(u128::from(number & 0x7f | 0x80), bytes);
        bytes = bytes.saturating_add(1);
        number >>= 7;
    }
    (
        word | shifted(u128::from(number), bytes),
        bytes.saturating_add(1),
    )
}

/// `word` moved up by `bytes` bytes, which are less than 16.
#[inline]
pub(super) fn shifted(word: u128, bytes: u8) -> u128 {
    word << (u32::from(bytes & 15) << 3)
}

/// The low `bytes` bytes of `word`, 1 to 16 of them, moved to its end.
#[inline]
pub(super) fn at_the_end(word: u128, bytes: u8) -> u128 {
    shifted(word, 16_u8.saturating_sub(bytes))
}

/// A word with `bytes` low bytes set, less than 16.
fn low_bytes(bytes: u8) -> u128 {
    !shifted(u128::MAX, bytes)
}
