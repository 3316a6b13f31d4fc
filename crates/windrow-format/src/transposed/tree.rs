//! The fields that occur in a chunk's messages, told apart by where they occur, and the states that they are met in.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "indices are of nodes and states that were made here"
)]

use super::keys::{KeyTable, pair, unpair};
use super::node::{
    END_GROUP, FIXED32, FIXED64, INLINE_VARINT, LENGTH_DELIMITED, NON_PROTO, START_GROUP,
    START_OF_MESSAGE, VARINT, wire_type,
};
use crate::varint::MAX_VARINT_BYTES;

/// The parent of the fields of a record.
pub(super) const ROOT: u32 = 4;
/// The first number that a node has as a parent.
const FIRST_PARENT: u32 = ROOT + 1;

/// The largest varint that becomes a state of its own, instead of a byte in a buffer.
pub(super) const MAX_INLINE: u8 = 3;

// Subtypes of length-delimited fields.
pub(super) const BYTES: u8 = 0;
pub(super) const BEGIN: u8 = 1;
pub(super) const END: u8 = 2;

const NO_STATE: u32 = u32::MAX;

/// What a state stands for in the bytes of a record, behind the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing, not even a tag: the beginning of a record, the end of a nested message.
    Mark,
    /// A whole record that is not a message.
    NonProto,
    /// Nothing: the beginning or the end of a group.
    Tag,
    /// One byte that the state itself holds.
    Inline,
    /// A varint of so many bytes.
    Varint(u8),
    /// Four bytes.
    Fixed32,
    /// Eight bytes.
    Fixed64,
    /// A length and so many bytes.
    Bytes,
    /// The length of a nested message, which follows.
    Begin,
}

/// Kinds of buffers, in the order in which they stand in a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Varint,
    Fixed32,
    Fixed64,
    Bytes,
    NonProto,
}

/// A field, and what its parent is.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// Where its states are, one for each subtype.
    states: usize,
    /// Size of its buffer.
    bytes: usize,
}

/// A field together with how it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) node: u32,
    pub(super) subtype: u8,
    /// Bytes of the tag.
    pub(super) tag_bytes: u8,
    pub(super) shape: Shape,
}

/// Nodes and states, numbered in the order in which they are first met.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Parent and tag of each node.
    keys: KeyTable,
    nodes: Vec<Node>,
    /// States by node and subtype.
    numbers: Vec<u32>,
    states: Vec<State>,
}

impl Tree {
    /// The node of a field.
    #[inline]
    pub(super) fn node(&mut self, parent: u32, tag: u32) -> u32 {
        let node = self.keys.number(pair(parent, tag));
        if node as usize == self.nodes.len() {
            self.add_node(tag);
        }
        node
    }

    #[cold]
    fn add_node(&mut self, tag: u32) {
        let states = self.numbers.len();
        let subtypes = match wire_type(tag) {
            _ if tag == 0 => 1,
            VARINT => usize::from(INLINE_VARINT + MAX_INLINE) + 1,
            LENGTH_DELIMITED => usize::from(END) + 1,
            _ => 1,
        };
        self.numbers.resize(states + subtypes, NO_STATE);
        self.nodes.push(Node { states, bytes: 0 });
    }

    /// The number by which the fields inside a node name their parent.
    pub(super) const fn parent(node: u32) -> u32 {
        node.saturating_add(FIRST_PARENT)
    }

    /// Parent and tag of a node.
    pub(super) fn path(&self, node: u32) -> (u32, u32) {
        unpair(self.keys.key(node))
    }

    /// Parent and tag as one number.
    pub(super) fn key(&self, node: u32) -> u64 {
        self.keys.key(node)
    }

    /// The state of a node with a subtype that its tag may have.
    #[inline]
    pub(super) fn state(&mut self, node: u32, subtype: u8) -> u32 {
        let place = self.nodes[node as usize].states + usize::from(subtype);
        match self.numbers[place] {
            NO_STATE => self.add_state(node, subtype, place),
            number => number,
        }
    }

    #[cold]
    fn add_state(&mut self, node: u32, subtype: u8, place: usize) -> u32 {
        let number = u32::try_from(self.states.len()).unwrap_or(NO_STATE);
        self.numbers[place] = number;
        let (parent, tag) = self.path(node);
        let shape = match (wire_type(tag), subtype) {
            _ if tag == 0 && parent == NON_PROTO => Shape::NonProto,
            _ if tag == 0 => Shape::Mark,
            (VARINT, INLINE_VARINT..) => Shape::Inline,
            (VARINT, subtype) => Shape::Varint(subtype + 1),
            (FIXED32, _) => Shape::Fixed32,
            (FIXED64, _) => Shape::Fixed64,
            (START_GROUP | END_GROUP, _) => Shape::Tag,
            (_, BEGIN) => Shape::Begin,
            (_, END) => Shape::Mark,
            _ => Shape::Bytes,
        };
        let tag_bytes = match shape {
            Shape::Mark | Shape::NonProto => 0,
            _ => u8::try_from(tag.ilog2() / 7 + 1).unwrap_or(0),
        };
        self.states.push(State {
            node,
            subtype,
            tag_bytes,
            shape,
        });
        number
    }

    /// The state in which a record that is a message begins.
    pub(super) fn message(&mut self) -> u32 {
        let node = self.node(START_OF_MESSAGE, 0);
        self.state(node, 0)
    }

    /// The state of a record that is not a message, with `bytes` bytes more in its buffer.
    pub(super) fn non_proto(&mut self, bytes: usize) -> u32 {
        let node = self.node(NON_PROTO, 0);
        self.grow(node, bytes);
        self.state(node, 0)
    }

    /// Makes the buffer of a node larger.
    #[inline]
    pub(super) fn grow(&mut self, node: u32, bytes: usize) {
        self.nodes[node as usize].bytes += bytes;
    }

    /// The buffers: what kind each is, its size, and the number of its node.
    pub(super) fn buffers(&self) -> impl Iterator<Item = (Kind, usize, u32)> {
        (0_u32..).zip(&self.nodes).filter_map(|(number, node)| {
            let (_, tag) = self.path(number);
            let kind = match wire_type(tag) {
                _ if tag == 0 => Kind::NonProto,
                VARINT => Kind::Varint,
                FIXED32 => Kind::Fixed32,
                FIXED64 => Kind::Fixed64,
                _ => Kind::Bytes,
            };
            (node.bytes > 0).then_some((kind, node.bytes, number))
        })
    }

    /// Number of nodes.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// All states.
    #[inline]
    pub(super) fn states(&self) -> &[State] {
        &self.states
    }

    /// Forgets everything and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.nodes.clear();
        self.numbers.clear();
        self.states.clear();
    }

    /// Heap bytes that this value holds.
    pub(super) fn heap_bytes(&self) -> usize {
        self.keys.heap_bytes()
            + self.nodes.capacity() * size_of::<Node>()
            + self.numbers.capacity() * size_of::<u32>()
            + self.states.capacity() * size_of::<State>()
    }
}

// A subtype stands for a varint's length less one below the inline ones, so the two must meet.
const _: () = assert!(INLINE_VARINT as usize == MAX_VARINT_BYTES);
