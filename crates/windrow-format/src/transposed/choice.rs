//! What a projection makes of the nodes of a transposed chunk.

use super::machine::{Node, Op, node_at, node_of};
use super::projection::{FieldProjection, Wanted};

// Places in the projection: the branches from 0 on, and these.
/// Within a field that is wanted with all below it.
const ALL: u32 = u32::MAX;
/// Within a field that is not wanted.
pub(super) const NOTHING: u32 = u32::MAX - 1;
/// Of a choice that was not made yet.
const NOWHERE: u32 = u32::MAX - 2;

/// How many nodes are skipped at once. Bounds what choosing anew costs.
const MAX_SKIPS: u8 = 64;

/// What is done in a state of the machine, which is a node and the repetitions that are left, in one place of the
/// projection: nodes are skipped that follow one another without a transition, then one is run. A state that several
/// places share is chosen anew for each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub(super) place: u32,
    /// The last node.
    pub(super) node: u32,
    /// What follows it.
    pub(super) next: u32,
    /// The place of what a nested message holds that is opened.
    pub(super) below: u32,
    /// How many nodes are skipped.
    pub(super) skips: u8,
    /// What is run, or what all that are skipped do together.
    pub(super) op: Op,
    /// Repetitions that are left; none if a transition is taken.
    pub(super) repeats: Option<u8>,
}

impl Choice {
    /// Made for no place.
    pub(super) const NONE: Self = Self {
        place: NOWHERE,
        node: 0,
        next: 0,
        below: NOWHERE,
        skips: 0,
        op: Op::SkipField,
        repeats: None,
    };

    /// Works out what to do in a state, of a node that exists, and a place of the projection.
    #[cold]
    pub(super) fn new(nodes: &[Node], state: usize, place: u32, fields: &FieldProjection) -> Self {
        let (node, repeats) = node_of(state);
        let mut choice = Self {
            place,
            next: node,
            repeats: Some(repeats),
            ..Self::NONE
        };
        while choice.add_next(nodes, fields) {}
        choice
    }

    /// Adds the node that follows without a transition, if it goes with those before it. Returns whether more can follow.
    fn add_next(&mut self, nodes: &[Node], fields: &FieldProjection) -> bool {
        let (Some(node), Some(repeats)) = (node_at(nodes, self.next), self.repeats) else {
            return false;
        };
        if self.skips >= MAX_SKIPS {
            return false;
        }
        // Whether a message has ended that did not begin yet. A whole one counts as a field.
        let is_within = self.op == Op::SkipEnd;
        let place = if is_within { NOTHING } else { self.place };
        let (op, below) = op_in(node, place, fields);
        let (op, skips, goes_on) = match (op, is_within) {
            (Op::SkipField, _) => (self.op, 1, true),
            (Op::SkipEnd, false) => (Op::SkipEnd, 1, true),
            (Op::SkipStart, true) => (Op::SkipField, 1, true),
            (_, true) => return false,
            (Op::SkipStart, false) => (Op::SkipStart, 1, false),
            (op, false) => (op, 0, false),
        };
        *self = Self {
            place: self.place,
            node: self.next,
            next: node.next,
            below,
            skips: self.skips.saturating_add(skips),
            op,
            repeats: node.leave(repeats),
        };
        goes_on
    }

    /// Whether the last node needs its buffer.
    pub(super) fn takes_a_value(&self) -> bool {
        matches!(self.op, Op::Value | Op::Text | Op::NonProto)
    }
}

/// What a node does in a place of the projection, and the place of what is in it.
fn op_in(node: &Node, place: u32, fields: &FieldProjection) -> (Op, u32) {
    let wanted = match (place, node.op) {
        (ALL, _) | (_, Op::Pass | Op::NonProto | Op::MessageStart) => Wanted::All,
        (NOTHING, _) => Wanted::No,
        // What begins was chosen when it ended.
        (_, Op::SubmessageStart | Op::GroupStart) => Wanted::All,
        _ => fields.wanted(place, node.tag >> 3),
    };
    let op = match (wanted, node.op) {
        (Wanted::No, Op::SubmessageEnd | Op::GroupEnd) => Op::SkipEnd,
        (Wanted::No, Op::SubmessageStart | Op::GroupStart) => Op::SkipStart,
        (Wanted::No, _) => Op::SkipField,
        (_, op) => op,
    };
    let below = match wanted {
        Wanted::No => NOTHING,
        Wanted::All => ALL,
        Wanted::Below(branch) => branch,
    };
    (op, below)
}
