//! What a projection makes of the nodes of a transposed chunk.

use super::machine::{Node, Op, node_at};
use super::node::MAX_REPEATS;
use super::projection::{FieldProjection, Wanted};

// Places in the projection: the branches from 0 on, and these.
/// Within a field that is wanted with all below it.
const ALL: u32 = u32::MAX;
/// Within a field that is not wanted.
pub(super) const NOTHING: u32 = u32::MAX - 1;
/// Of a choice that was not made yet.
const NOWHERE: u32 = u32::MAX - 2;

/// How many nodes are skipped at once. Bounds what choosing anew costs.
const MAX_SKIPS: u16 = 64;

/// What a node does in one place of the projection. A node that several places share is looked up anew for each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub(super) place: u32,
    /// The place of what a nested message holds.
    pub(super) below: u32,
    /// 1 if the node follows by itself, else 0.
    implicit: u8,
    /// By how many repetitions are left: those that lead on through what is skipped are taken at once.
    stretches: [Stretch; MAX_REPEATS as usize + 1],
}

/// A node, or several of them that are skipped and follow one another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    /// The next node of the last one.
    pub(super) next: u32,
    /// How many are skipped.
    pub(super) skips: u16,
    /// What all of them do together.
    pub(super) op: Op,
    /// Steps that are taken.
    pub(super) steps: u8,
}

impl Choice {
    /// Made for no place.
    pub(super) const NONE: Self = Self {
        place: NOWHERE,
        below: NOWHERE,
        implicit: 0,
        stretches: [Stretch {
            next: 0,
            skips: 0,
            op: Op::Pass,
            steps: 0,
        }; 4],
    };

    /// Works out what `node` does in a place of the projection.
    #[cold]
    pub(super) fn new(nodes: &[Node], node: &Node, place: u32, fields: &FieldProjection) -> Self {
        let (op, wanted) = op_in(node, place, fields);
        let below = match wanted {
            Wanted::No => NOTHING,
            Wanted::All => ALL,
            Wanted::Below(branch) => branch,
        };
        let implicit = u8::from(node.implicit);
        let stretch = Stretch {
            next: node.next,
            skips: 0,
            op,
            steps: 0,
        };
        let mut stretches = [stretch; 4];
        if matches!(op, Op::SkipField | Op::SkipEnd | Op::SkipStart) {
            let mut skipping = Skipping {
                nodes,
                fields,
                place,
                last: node,
                within: op == Op::SkipEnd,
                stretch: Stretch {
                    skips: 1,
                    ..stretch
                },
            };
            let mut repeats = 0_u8;
            for stretch in &mut stretches {
                while skipping.last.implicit && skipping.skip_next() {}
                let last = skipping.last;
                *stretch = Stretch {
                    next: last.next,
                    steps: implicit
                        .wrapping_add(repeats)
                        .wrapping_sub(u8::from(last.implicit)),
                    ..skipping.stretch
                };
                if !last.implicit && skipping.skip_next() {
                    repeats = repeats.saturating_add(1);
                }
            }
        }
        Self {
            place,
            below,
            implicit,
            stretches,
        }
    }

    /// Whether the node needs its buffer.
    pub(super) fn takes_a_value(&self) -> bool {
        let [Stretch { op, .. }, ..] = self.stretches;
        matches!(op, Op::Value | Op::Text | Op::NonProto)
    }

    /// What is done with so many steps left: the repetitions, and one if the node follows by itself.
    #[inline]
    pub(super) fn stretch(&self, steps: u8) -> Option<&Stretch> {
        let repeats = steps.wrapping_sub(self.implicit) & MAX_REPEATS;
        self.stretches.get(usize::from(repeats))
    }
}

/// A stretch that grows.
#[derive(Debug)]
struct Skipping<'a> {
    nodes: &'a [Node],
    fields: &'a FieldProjection,
    place: u32,
    last: &'a Node,
    /// Whether a message has ended in the stretch that did not begin yet.
    within: bool,
    stretch: Stretch,
}

impl Skipping<'_> {
    /// Adds the node that a step by 0 leads to, if it is skipped too. A whole message counts as a field.
    fn skip_next(&mut self) -> bool {
        let is_over = self.stretch.op == Op::SkipStart || self.stretch.skips >= MAX_SKIPS;
        let next = node_at(self.nodes, self.last.next).filter(|_| !is_over);
        let Some(next) = next else { return false };
        let place = if self.within { NOTHING } else { self.place };
        let (op, within) = match (op_in(next, place, self.fields).0, self.within) {
            (Op::SkipField, within) => (self.stretch.op, within),
            (Op::SkipEnd, false) => (Op::SkipEnd, true),
            (Op::SkipStart, true) => (Op::SkipField, false),
            (Op::SkipStart, false) => (Op::SkipStart, false),
            _ => return false,
        };
        self.stretch.op = op;
        self.stretch.skips = self.stretch.skips.saturating_add(1);
        self.within = within;
        self.last = next;
        true
    }
}

/// What a node does in a place of the projection, and what is wanted of its field.
fn op_in(node: &Node, place: u32, fields: &FieldProjection) -> (Op, Wanted) {
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
    (op, wanted)
}
