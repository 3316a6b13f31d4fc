//! Where the nodes of a chunk's state machine stand, so that frequent transitions take short jumps.
//!
//! A transition goes at most [`MAX_TRANSITION`] nodes beyond the base of the node it leaves. States that are often, or
//! only, reached from one state stand in a list of that state's own, the most frequent first; a state may stand in
//! several such lists. All others stand in one shared list. Lists that are longer than one jump are trees: blocks of as
//! many nodes as one jump reaches, where nodes without a state lead to further blocks, as in a Huffman tree.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "indices are of nodes, states and edges that were made here"
)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::edges::Edges;
use super::node::MAX_TRANSITION;

/// Transitions between two states from which on the second one stands in the list of the first one.
const MIN_OWN_TRANSITIONS: u64 = 10;
/// Nodes that one transition can reach.
const BLOCK: usize = MAX_TRANSITION as usize + 1;
/// No node, no state.
pub(super) const NONE: u32 = u32::MAX;

/// A node of the machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// [`NONE`] for a node that only leads to others.
    pub(super) state: u32,
    /// Where the nodes begin that it leads to, if it only leads to others.
    pub(super) base: u32,
    /// The node that leads to the block which this one is in; [`NONE`] in the first block of a list.
    pub(super) source: u32,
}

/// How one goes on from a state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exit {
    /// Where the nodes begin that it leads to; [`NONE`] if nothing follows it.
    pub(super) base: u32,
    /// The node of its own list that leads to the shared one, [`NONE`] without such a list or such a node.
    pub(super) shared: u32,
    /// Whether just one state follows it, so that no transition needs to be told.
    pub(super) only_one: bool,
}

/// What waits for its place. Of those with the same weight the greatest is laid down first, which is behind the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    /// A state, and the edge that leads to it if the list is not the shared one.
    State(u32, u32),
    /// A node that leads to a block: how many blocks of the list were laid down before, and the block's base.
    Block(u32, u32),
    /// A node that leads to the shared list.
    Shared,
}

/// The nodes of a machine.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) places: Vec<Place>,
    /// By state.
    pub(super) exits: Vec<Exit>,
    /// By state: its place in the shared list, [`NONE`] if it has none there.
    pub(super) shared: Vec<u32>,
    /// By edge: the place of its target in its source's own list, [`NONE`] if it has none there.
    pub(super) own: Vec<u32>,
    /// By state: transitions to it that no list of another state takes.
    incoming: Vec<u64>,
    waiting: BinaryHeap<(Reverse<u64>, Item)>,
}

impl Layout {
    /// Places `states` states with these transitions between them, beginning with `first` and ending with `last`. A
    /// machine has at least one node, so without states there is one that leads nowhere.
    pub(super) fn build(&mut self, edges: &Edges, states: usize, (first, last): (u32, u32)) {
        self.places.clear();
        self.exits.clear();
        self.exits.resize(
            states,
            Exit {
                base: NONE,
                shared: NONE,
                only_one: false,
            },
        );
        self.shared.clear();
        self.shared.resize(states, NONE);
        self.own.clear();
        self.own.resize(edges.len(), NONE);
        if states == 0 {
            self.places.push(Place {
                state: NONE,
                base: 0,
                source: NONE,
            });
            return;
        }
        self.count_incoming(edges, states, first);
        for (state, leaving) in edges.by_source() {
            self.exits[state as usize].only_one = leaving.len() == 1;
            self.lay_own(edges, state, leaving);
        }
        // The machine stops in this state when the transitions end, so it has to look for one.
        self.exits[last as usize].only_one = false;
        self.lay_shared();
        for (state, leaving) in edges.by_source() {
            let exit = self.exits[state as usize];
            if exit.shared != NONE {
                self.places[exit.shared as usize].base = self.shared_base(edges, leaving);
            } else if exit.base == NONE {
                self.exits[state as usize].base = self.shared_base(edges, leaving);
            }
        }
    }

    /// The first state needs a node even if nothing leads to it.
    fn count_incoming(&mut self, edges: &Edges, states: usize, first: u32) {
        self.incoming.clear();
        self.incoming.resize(states, 0);
        for edge in 0..edges.len() {
            let (_, to) = edges.ends(edge);
            self.incoming[to as usize] += edges.count(edge);
        }
        let first = &mut self.incoming[first as usize];
        *first = (*first).max(1);
        for edge in 0..edges.len() {
            let (_, to) = edges.ends(edge);
            let count = edges.count(edge);
            if count >= MIN_OWN_TRANSITIONS {
                self.incoming[to as usize] -= count;
            }
        }
    }

    /// The own list of `state`, which the edges `leaving` leave: those that are frequent, and those that no other
    /// state needs.
    fn lay_own(&mut self, edges: &Edges, state: u32, leaving: &[u32]) {
        let mut others = 0;
        let mut other = None;
        for &edge in leaving {
            let (_, to) = edges.ends(edge as usize);
            let count = edges.count(edge as usize);
            let incoming = &mut self.incoming[to as usize];
            if count < MIN_OWN_TRANSITIONS {
                if count != *incoming {
                    others += count;
                    other = Some((edge, to, count));
                    continue;
                }
                *incoming = 0;
            }
            self.waiting.push((Reverse(count), Item::State(to, edge)));
        }
        if self.waiting.is_empty() {
            return;
        }
        match other {
            None => {}
            // A node that leads to a single state is no better than the state itself.
            Some((edge, to, count)) if self.waiting.len() + 1 == leaving.len() => {
                self.incoming[to as usize] -= count;
                self.waiting.push((Reverse(count), Item::State(to, edge)));
            }
            Some(_) => self.waiting.push((Reverse(others), Item::Shared)),
        }
        self.exits[state as usize].base = self.lay_list(Some(state));
    }

    /// The list of the states that are not, or not only, reached through other states' own lists.
    fn lay_shared(&mut self) {
        for (state, &incoming) in (0..).zip(&self.incoming) {
            if incoming > 0 {
                self.waiting
                    .push((Reverse(incoming), Item::State(state, NONE)));
            }
        }
        if !self.waiting.is_empty() {
            self.lay_list(None);
        }
    }

    /// Lays down all that waits, the least frequent at the end, and returns where the list begins. `owner` is the
    /// state whose list it is, `None` for the shared one.
    fn lay_list(&mut self, owner: Option<u32>) -> u32 {
        let items = self.waiting.len();
        let leading = if items <= BLOCK {
            0
        } else {
            (items - 2) / (BLOCK - 1)
        };
        let begin = self.places.len();
        let mut at = begin + items + leading;
        self.places.resize(
            at,
            Place {
                state: NONE,
                base: NONE,
                source: NONE,
            },
        );
        // All blocks but the one that is laid down first are full.
        let mut block = (items + leading - 1) % BLOCK + 1;
        for blocks in 0.. {
            let mut weight = 0;
            for _ in 0..block {
                let Some((Reverse(count), item)) = self.waiting.pop() else {
                    break;
                };
                weight += count;
                at -= 1;
                self.put(item, number(at), owner);
            }
            if self.waiting.is_empty() {
                break;
            }
            self.waiting
                .push((Reverse(weight), Item::Block(blocks, number(at))));
            block = BLOCK;
        }
        number(begin)
    }

    fn put(&mut self, item: Item, at: u32, owner: Option<u32>) {
        match item {
            Item::State(state, edge) => {
                self.places[at as usize].state = state;
                match owner {
                    Some(_) => self.own[edge as usize] = at,
                    None => self.shared[state as usize] = at,
                }
            }
            Item::Block(_, base) => {
                self.places[at as usize].base = base;
                for place in self.places[base as usize..].iter_mut().take(BLOCK) {
                    place.source = at;
                }
            }
            Item::Shared => {
                if let Some(owner) = owner {
                    self.exits[owner as usize].shared = at;
                }
            }
        }
    }

    /// The base from which the shared list's states at the end of `leaving` are reached in the fewest steps: the first
    /// node that is needed in the innermost block above all of them.
    fn shared_base(&self, edges: &Edges, leaving: &[u32]) -> u32 {
        let targets = || {
            leaving
                .iter()
                .filter(|&&edge| self.own[edge as usize] == NONE)
                .map(|&edge| self.shared[edges.ends(edge as usize).1 as usize])
        };
        let Some(block) = targets().reduce(|a, b| self.common(a, b)) else {
            return NONE;
        };
        let source = self.source(block);
        targets()
            .map(|mut place| {
                while self.source(place) != source {
                    place = self.source(place);
                }
                place
            })
            .min()
            .unwrap_or(NONE)
    }

    /// A node of the innermost block that both nodes are in or below.
    fn common(&self, mut a: u32, mut b: u32) -> u32 {
        let (mut a_depth, mut b_depth) = (self.depth(a), self.depth(b));
        while self.source(a) != self.source(b) {
            if a_depth >= b_depth {
                a = self.source(a);
                a_depth -= 1;
            } else {
                b = self.source(b);
                b_depth -= 1;
            }
        }
        a
    }

    fn depth(&self, mut place: u32) -> usize {
        let mut depth = 0;
        while self.source(place) != NONE {
            place = self.source(place);
            depth += 1;
        }
        depth
    }

    fn source(&self, place: u32) -> u32 {
        self.places[place as usize].source
    }

    /// Appends the jumps from `base` to `place`, the last one first.
    pub(super) fn jumps_to(&self, base: u32, mut place: u32, jumps: &mut Vec<u8>) {
        loop {
            if let Some(jump) = jump(base, place) {
                jumps.push(jump);
                return;
            }
            let source = self.source(place);
            let from = self.places[source as usize].base;
            jumps.extend(jump(from, place));
            place = source;
        }
    }

    /// Heap bytes that this value holds.
    pub(super) fn heap_bytes(&self) -> usize {
        self.places.capacity() * size_of::<Place>()
            + self.exits.capacity() * size_of::<Exit>()
            + (self.shared.capacity() + self.own.capacity()) * size_of::<u32>()
            + self.incoming.capacity() * size_of::<u64>()
            + self.waiting.capacity() * size_of::<(Reverse<u64>, Item)>()
    }
}

/// The jump from a base to a node, if one is enough.
pub(super) fn jump(base: u32, place: u32) -> Option<u8> {
    let jump = u8::try_from(place.checked_sub(base)?).ok()?;
    (jump <= MAX_TRANSITION).then_some(jump)
}

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(NONE)
}
