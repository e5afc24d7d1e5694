//! Endings beside the nearest one: a search over bytes, best first.
//!
//! The estimate of a state is the cost of the nearest way from it. That does not see that an
//! element would repeat one before it, or that a formula would fail; when a state turns out
//! dead, its siblings are next. The estimate counts twice, so that what has come far is followed
//! before what is merely short (weighted A*: Pohl, "Heuristic search viewed as path finding in a
//! graph", 1970). What is found is therefore short, and not always the shortest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashSet;
use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel, LexState, StateId};

use super::Goal;
use crate::machine::SchemaAutomaton;
use crate::machine::stack::{Phase, State};

/// States of one search whose distance is estimated: some milliseconds.
const MAX_ESTIMATES: u32 = 3_000;

/// What may follow outside lexemes, white space aside.
const SYNTAX: &[u8] = b"}],:{[\"0123456789-tfn";

const SPACE: &[u8] = b" \n\t\r";

/// Bytes after a state that lead to the same state of the lexer; their texts differ.
type Alike = Vec<u8>;

/// A state on the way.
struct Place {
    state: StateId,
    /// Where it was reached from, by which byte.
    before: usize,
    byte: u8,
    /// Bytes up to here, white space not counted.
    cost: u32,
    /// Bytes instead of its own that have not been tried.
    others: Alike,
}

#[derive(Default)]
struct Search {
    places: Vec<Place>,
    seen: FxHashSet<StateId>,
    /// Estimates of whole texts; of equal ones, the latest first.
    queue: BinaryHeap<(Reverse<u32>, usize)>,
    estimates: u32,
}

impl SchemaAutomaton {
    /// A completion of a state of which the nearest way is none.
    pub(super) fn search_ending(
        &mut self,
        id: StateId,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        let goal = if self.frames.algebra.defers() { Goal::Chance } else { Goal::Certain };
        self.with_goal(goal, |this| {
            let mut search = Search::default();
            let start = Place { state: id, before: 0, byte: 0, cost: 0, others: Alike::new() };
            search.places.push(start);
            search.seen.insert(id);
            search.queue.push((Reverse(0), 0));
            this.run_search(search, fuel)
        })
    }

    fn run_search(
        &mut self,
        mut search: Search,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        while let Some((Reverse(estimate), index)) = search.queue.pop() {
            let Place { state, before, .. } = search.places[index];
            if self.is_accepting(state, fuel)? {
                return Ok(Some(search.text(index)));
            }
            let others = std::mem::take(&mut search.places[index].others);
            if !others.is_empty() {
                self.try_bytes(&mut search, before, others, Some(estimate), fuel)?;
            }
            for bytes in self.next_bytes(self.states[state.0 as usize], fuel)? {
                self.try_bytes(&mut search, index, bytes, None, fuel)?;
            }
            if search.estimates > MAX_ESTIMATES {
                self.lost.insert(search.places[0].state);
                return Ok(None);
            }
        }
        // None of what was seen leads anywhere.
        self.lost.extend(search.seen);
        Ok(None)
    }

    /// Puts the state after the first of the bytes that lives into the queue.
    fn try_bytes(
        &mut self,
        search: &mut Search,
        before: usize,
        mut bytes: Alike,
        estimate: Option<u32>,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        while let Some(byte) = bytes.pop() {
            let state = self.step(search.places[before].state, byte, fuel)?;
            if state.is_dead() || !search.seen.insert(state) {
                continue;
            }
            search.estimates += 1;
            let counts = !SPACE.contains(&byte);
            let cost = search.places[before].cost + u32::from(counts);
            let estimate = match estimate {
                Some(known) => known,
                None => match self.nearest(self.states[state.0 as usize], fuel)? {
                    Some((rest, _)) => cost.saturating_add(rest.saturating_mul(2)),
                    None => continue,
                },
            };
            search.queue.push((Reverse(estimate), search.places.len()));
            search.places.push(Place { state, before, byte, cost, others: bytes });
            return Ok(());
        }
        Ok(())
    }

    /// The bytes that may follow, those that a lexer does not tell apart together, each list
    /// backwards. White space only where it has to be.
    fn next_bytes(&mut self, state: State, fuel: &mut Fuel) -> Result<Vec<Alike>, AutomatonError> {
        let alone = |bytes: &[u8]| bytes.iter().map(|byte| vec![*byte]).collect::<Vec<Alike>>();
        Ok(match state.phase {
            Phase::Text { lex } | Phase::Key { lex, .. } => self.bytes_alike(lex, fuel)?,
            Phase::Number { .. } => alone(b".eE+-0123456789,]}"),
            Phase::Word { word, read } => alone(&word.text()[read as usize..][..1]),
            Phase::Done { .. } => Vec::new(),
            _ => {
                let mut bytes = alone(SYNTAX);
                if !self.layout.is_free() {
                    bytes.extend(alone(SPACE));
                }
                bytes
            }
        })
    }

    fn bytes_alike(
        &mut self,
        lex: LexState,
        fuel: &mut Fuel,
    ) -> Result<Vec<Alike>, AutomatonError> {
        let mut found: Vec<(LexState, Alike)> = Vec::new();
        // What is easily read is tried first.
        let plain = 0x20..0x7f_u8;
        for byte in (0..0x20).chain(0x7f..=0xff).chain(plain.rev()) {
            let next = self.frames.algebra.lexer.step(lex, byte, fuel)?;
            if next.is_dead() {
                continue;
            }
            match found.iter_mut().find(|(other, _)| *other == next) {
                Some((_, bytes)) => bytes.push(byte),
                None => found.push((next, vec![byte])),
            }
        }
        Ok(found.into_iter().map(|(_, bytes)| bytes).collect())
    }
}

impl Search {
    /// The bytes up to a place.
    fn text(&self, mut index: usize) -> Vec<u8> {
        let mut text = Vec::new();
        while index != 0 {
            text.push(self.places[index].byte);
            index = self.places[index].before;
        }
        text.reverse();
        text
    }
}
