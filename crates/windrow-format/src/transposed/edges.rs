//! The transitions between the states of a chunk: which there are, how often each is taken, and the bytes for them.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "indices are of states and edges that were made here"
)]

use super::keys::{KeyTable, pair, unpair};
use super::layout::{Layout, NONE, jump};
use super::node::{MAX_REPEATS, MAX_TRANSITION};

/// Pairs of states that follow each other. The machine goes through a chunk backwards, so an edge leads from the later
/// state to the earlier one.
#[derive(Debug, Default)]
pub(super) struct Edges {
    keys: KeyTable,
    counts: Vec<u64>,
    /// By state: the edge by which it was left last.
    last: Vec<u32>,
    /// All edges, those that leave the same state together, states in order.
    order: Vec<u32>,
    /// By edge: how its transition is told.
    tellings: Vec<u8>,
    jumps: Vec<u8>,
}

// Up to `MAX_TRANSITION`: one jump.
/// The transition is not told.
const NOT_TOLD: u8 = MAX_TRANSITION + 1;
/// Several jumps.
const FAR: u8 = MAX_TRANSITION + 2;

impl Edges {
    /// Counts the transitions of `steps`, and turns each step, but for the last one, into the edge by which it is
    /// reached.
    pub(super) fn count_steps(&mut self, steps: &mut [u32], states: usize) {
        self.keys.clear();
        self.counts.clear();
        self.last.clear();
        self.last.resize(states, NONE);
        self.order.clear();
        let Some((&mut last, steps)) = steps.split_last_mut() else {
            return;
        };
        let mut from = last;
        for step in steps.iter_mut().rev() {
            let key = pair(from, *step);
            let known = self.last[from as usize];
            let edge = if known != NONE && self.keys.key(known) == key {
                known
            } else {
                let edge = self.keys.number(key);
                if edge as usize == self.counts.len() {
                    self.counts.push(0);
                }
                self.last[from as usize] = edge;
                edge
            };
            self.counts[edge as usize] += 1;
            from = std::mem::replace(step, edge);
        }
        self.order
            .extend(0..u32::try_from(self.counts.len()).unwrap_or(NONE));
        let keys = &self.keys;
        self.order
            .sort_unstable_by_key(|&edge| (keys.key(edge) >> 32, edge));
    }

    /// Number of edges.
    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }

    /// The states that an edge leads from and to.
    pub(super) fn ends(&self, edge: usize) -> (u32, u32) {
        u32::try_from(edge).map_or((NONE, NONE), |edge| unpair(self.keys.key(edge)))
    }

    /// How often an edge is taken.
    pub(super) fn count(&self, edge: usize) -> u64 {
        self.counts[edge]
    }

    /// The states that edges leave, in order, with those edges.
    pub(super) fn by_source(&self) -> impl Iterator<Item = (u32, &[u32])> {
        let source = |edge: u32| self.ends(edge as usize).0;
        self.order
            .chunk_by(move |&a, &b| source(a) == source(b))
            .map(move |edges| (source(edges[0]), edges))
    }

    /// Appends the transitions of `steps`, which [`count_steps`](Self::count_steps) has turned into edges. A byte holds
    /// a jump and, below it, how many jumps by nothing follow.
    pub(super) fn tell(&mut self, steps: &[u32], layout: &Layout, out: &mut Vec<u8>) {
        self.tellings.clear();
        for edge in 0..self.counts.len() {
            let (from, to) = self.ends(edge);
            let exit = layout.exits[from as usize];
            let place = match layout.own[edge] {
                NONE if exit.shared == NONE => layout.shared[to as usize],
                place => place,
            };
            let telling = match jump(exit.base, place) {
                _ if exit.only_one => NOT_TOLD,
                Some(jump) => jump,
                None => FAR,
            };
            self.tellings.push(telling);
        }
        let Some((_, steps)) = steps.split_last() else {
            return;
        };
        let begin = out.len();
        for &edge in steps.iter().rev() {
            match self.tellings[edge as usize] {
                NOT_TOLD => {}
                FAR => self.tell_far(edge, layout, begin, out),
                jump => push_jump(jump, begin, out),
            }
        }
    }

    /// Through the shared list, or through several blocks of the own one.
    fn tell_far(&mut self, edge: u32, layout: &Layout, begin: usize, out: &mut Vec<u8>) {
        let (from, to) = self.ends(edge as usize);
        let exit = layout.exits[from as usize];
        let own = layout.own[edge as usize];
        self.jumps.clear();
        if own != NONE {
            layout.jumps_to(exit.base, own, &mut self.jumps);
        } else {
            let shared = layout.shared[to as usize];
            if exit.shared == NONE {
                layout.jumps_to(exit.base, shared, &mut self.jumps);
            } else {
                let base = layout.places[exit.shared as usize].base;
                layout.jumps_to(base, shared, &mut self.jumps);
                layout.jumps_to(exit.base, exit.shared, &mut self.jumps);
            }
        }
        for &jump in self.jumps.iter().rev() {
            push_jump(jump, begin, out);
        }
    }

    /// Heap bytes that this value holds.
    pub(super) fn heap_bytes(&self) -> usize {
        self.keys.heap_bytes()
            + self.counts.capacity() * size_of::<u64>()
            + (self.last.capacity() + self.order.capacity()) * size_of::<u32>()
            + self.tellings.capacity()
            + self.jumps.capacity()
    }
}

#[inline]
fn push_jump(jump: u8, begin: usize, out: &mut Vec<u8>) {
    if jump == 0
        && let Some(last) = out[begin..].last_mut()
        && *last & MAX_REPEATS < MAX_REPEATS
    {
        *last += 1;
    } else {
        out.push(jump << 2);
    }
}
