//! Completions where the nearest way may turn out to lead nowhere: an element may equal one
//! before it, and what is judged at its end may fail.
//!
//! The nearest way that fulfils everything for certain is written and read. If it is not
//! accepted, ways that fulfil what is judged are made from what is left of its leaves. Where
//! there are none, or none is accepted, what is left is a search over bytes.
//!
//! INVARIANT: what is found for a state is kept for all states on its way, each with the shortest
//! rest that is known. So whoever follows a completion finds it one byte shorter after each byte.

use std::sync::Arc;

use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel, StateId};

use crate::algebra::INFINITE;
use crate::machine::SchemaAutomaton;
use crate::machine::stack::CellId;

/// Texts that are read for one completion.
const MAX_TRIES: u32 = 48;

/// Steps for one completion beyond the nearest way: what samplers wait for, at the worst.
const MAX_STEPS: u64 = 1_000_000;

/// What is written.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::machine) enum Goal {
    /// What fulfils for certain whatever is judged.
    #[default]
    Certain,
    /// What is judged may turn out either way.
    Chance,
}

/// A completion found by search, and where in it the rest of a state begins.
pub(in crate::machine) type Found = (Arc<[u8]>, usize);

impl SchemaAutomaton {
    pub(in crate::machine) fn complete(
        &mut self,
        id: StateId,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        let algebra = &self.frames.algebra;
        if !algebra.defers() && !algebra.compares_elements() {
            return self.write_rest(self.states[id.0 as usize], fuel);
        }
        if let Some(found) = self.write_certain(id, fuel)? {
            return Ok(Some(found));
        }
        if self.lost.contains(&id) {
            return Ok(None);
        }
        let mut own = fuel.part(MAX_STEPS);
        let before = own.left();
        let found = self.search(id, &mut own);
        fuel.spend(before - own.left())?;
        match found {
            // Not lost: the next attempt finds languages and shapes already built.
            Err(AutomatonError::Limit { .. }) if own.left() == 0 => Ok(None),
            found => found,
        }
    }

    fn search(&mut self, id: StateId, fuel: &mut Fuel) -> Result<Option<Vec<u8>>, AutomatonError> {
        let mut tries = MAX_TRIES;
        let found = match self.fulfil(id, &mut tries, fuel)? {
            Some(text) => Some(text),
            None => self.search_ending(id, fuel)?,
        };
        if let Some(text) = &found {
            self.keep_found(id, text, fuel)?;
        }
        Ok(found)
    }

    /// What is known of the state, or the nearest way if that is one.
    fn write_certain(
        &mut self,
        id: StateId,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        if let Some((text, from)) = self.found.get(&id) {
            return Ok(Some(text[*from..].to_vec()));
        }
        let Some(text) = self.write_rest(self.states[id.0 as usize], fuel)? else {
            return Ok(None);
        };
        if !self.completes(id, &text, fuel)? {
            return Ok(None);
        }
        self.keep_found(id, &text, fuel)?;
        Ok(Some(text))
    }

    /// The same, or what fulfils what is judged.
    pub(super) fn complete_within(
        &mut self,
        id: StateId,
        tries: &mut u32,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        match self.write_certain(id, fuel)? {
            Some(text) => Ok(Some(text)),
            None => self.fulfil(id, tries, fuel),
        }
    }

    /// Does something with another goal. Costs of what follows depend on it.
    pub(super) fn with_goal<T>(&mut self, goal: Goal, work: impl FnOnce(&mut Self) -> T) -> T {
        let tails = std::mem::take(&mut self.tails);
        let outer = std::mem::replace(&mut self.goal, goal);
        let result = work(self);
        self.goal = outer;
        self.tails = tails;
        result
    }

    /// Whether the document ends with `text`.
    pub(super) fn completes(
        &mut self,
        state: StateId,
        text: &[u8],
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        let end = self.read(state, text, fuel)?;
        Ok(!end.is_dead() && self.is_accepting(end, fuel)?)
    }

    /// The state after `text`.
    pub(super) fn read(
        &mut self,
        mut state: StateId,
        text: &[u8],
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        for byte in text {
            if state.is_dead() {
                break;
            }
            state = self.step(state, *byte, fuel)?;
        }
        Ok(state)
    }

    /// Notes what was found for the states on the way.
    fn keep_found(
        &mut self,
        mut state: StateId,
        text: &[u8],
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        let text: Arc<[u8]> = text.into();
        for index in 0..=text.len() {
            let known = self.found.get(&state).map(|(text, from)| text.len() - from);
            if known.is_none_or(|known| text.len() - index < known) {
                self.found.insert(state, (text.clone(), index));
            }
            if let Some(byte) = text.get(index) {
                state = self.step(state, *byte, fuel)?;
            }
        }
        Ok(())
    }

    /// By tag of what is read in the container around `cell`: the cost of everything after
    /// the container, given that by what was asked for.
    pub(super) fn inside(&self, cell: CellId, outer: &Arc<Vec<u32>>) -> Arc<Vec<u32>> {
        let judge = self.frames.judge_of(self.frames.reading(self.at(cell).frame));
        let Some(judge) = judge else { return outer.clone() };
        Arc::new(match self.goal {
            Goal::Certain => judge.tails(outer),
            Goal::Chance => {
                vec![outer.iter().copied().min().unwrap_or(INFINITE); judge.tags() as usize]
            }
        })
    }

    /// The tag that the container around `cell` reports where its runs of `tag` get through.
    pub(super) fn reported(&self, cell: CellId, tag: u32) -> u32 {
        let judge = self.frames.judge_of(self.frames.reading(self.at(cell).frame));
        judge.and_then(|judge| judge.proven(tag)).unwrap_or(tag)
    }
}
