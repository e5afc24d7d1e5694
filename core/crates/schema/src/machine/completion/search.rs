//! Completions inside containers that are judged at their end.
//!
//! As long as something is alive that fulfils the formula for certain, its rest is written.
//! Otherwise the rests of the single leaves are candidates: each is read, and is an answer
//! if the document can be completed after it.

use std::sync::Arc;

use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel, StateId};

use crate::algebra::INFINITE;
use crate::frames::{Frame, FrameId};
use crate::machine::SchemaAutomaton;
use crate::machine::stack::CellId;

/// Candidates for one completion.
const MAX_TRIES: u32 = 48;

/// What is to be written: the container up to its end, by the runs of one tag.
#[derive(Clone, Copy, Debug)]
pub(in crate::machine) struct Goal {
    /// The cell that waits for the container.
    pub(super) waiting: CellId,
    tag: u32,
}

/// A completion found by search, and where in it the rest of a state begins.
pub(in crate::machine) type Found = (Arc<[u8]>, usize);

impl SchemaAutomaton {
    pub(in crate::machine) fn complete(
        &mut self,
        id: StateId,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        let mut tries = MAX_TRIES;
        self.complete_within(id, &mut tries, fuel)
    }

    fn complete_within(
        &mut self,
        id: StateId,
        tries: &mut u32,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        let state = self.states[id.0 as usize];
        if let Some((text, from)) = self.found.get(&id) {
            return Ok(Some(text[*from..].to_vec()));
        }
        let written = self.write_rest(state, fuel)?;
        if !self.frames.algebra.defers() {
            return Ok(written);
        }
        if let Some(text) = written {
            let end = self.read(id, &text, fuel)?;
            if !end.is_dead() && self.is_accepting(end, fuel)? {
                return Ok(Some(text));
            }
        }
        let Some(container) = self.judged_container(state.cell) else { return Ok(None) };
        for tag in self.alive_tags(self.at(container).frame) {
            if *tries == 0 {
                return Ok(None);
            }
            *tries -= 1;
            let goal = Goal { waiting: self.at(container).parent, tag };
            let tails = std::mem::take(&mut self.tails);
            self.goal = Some(goal);
            let candidate = self.write_rest(state, fuel);
            self.goal = None;
            self.tails = tails;
            let Some(mut text) = candidate? else { continue };
            let end = self.read(id, &text, fuel)?;
            if end.is_dead() {
                continue;
            }
            let Some(rest) = self.complete_within(end, tries, fuel)? else { continue };
            text.extend(rest);
            self.keep_found(id, &text, fuel)?;
            return Ok(Some(text));
        }
        Ok(None)
    }

    /// The state after `text`.
    fn read(
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

    /// Notes what was found for the states on the way, so that following it stays on it.
    fn keep_found(
        &mut self,
        mut state: StateId,
        text: &[u8],
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        let text: Arc<[u8]> = text.into();
        for (index, byte) in text.iter().enumerate() {
            self.found.insert(state, (text.clone(), index));
            state = self.step(state, *byte, fuel)?;
        }
        Ok(())
    }

    /// The innermost container around a place that is judged at its end.
    fn judged_container(&self, mut cell: CellId) -> Option<CellId> {
        loop {
            let frame = self.at(cell).frame;
            if matches!(&*self.frames.frame(frame), Frame::Root { .. }) {
                return None;
            }
            if self.frames.reading(frame).judge.is_some() {
                return Some(cell);
            }
            cell = self.at(cell).parent;
        }
    }

    fn alive_tags(&self, frame: FrameId) -> Vec<u32> {
        let mut tags: Vec<u32> = match &*self.frames.frame(frame) {
            Frame::Root { .. } => Vec::new(),
            Frame::Array { runs, .. } => runs.iter().map(|run| run.tag).collect(),
            Frame::Element { runs, .. } => runs.iter().map(|(_, run)| run.tag).collect(),
            Frame::Object { runs, .. } => runs.iter().map(|run| run.tag).collect(),
            Frame::Member { runs, .. } => runs.iter().map(|(_, run)| run.tag).collect(),
        };
        tags.sort_unstable();
        tags.dedup();
        tags
    }

    /// By tag of what is read in the container around `cell`: the cost of everything after
    /// the container, given that by what was asked for.
    pub(super) fn inside(&self, cell: CellId, outer: &Arc<Vec<u32>>) -> Arc<Vec<u32>> {
        let judge = self.frames.judge_of(self.frames.reading(self.at(cell).frame));
        match (judge, self.goal) {
            (Some(judge), Some(goal)) if goal.waiting == self.at(cell).parent => {
                let mut tails = vec![INFINITE; judge.tags() as usize];
                if let Some(tail) = tails.get_mut(goal.tag as usize) {
                    *tail = 0;
                }
                Arc::new(tails)
            }
            (Some(judge), _) => Arc::new(judge.tails(outer)),
            (None, _) => outer.clone(),
        }
    }

    /// The tag that the container around `cell` reports where its runs of `tag` get through.
    pub(super) fn reported(&self, cell: CellId, tag: u32) -> u32 {
        let judge = self.frames.judge_of(self.frames.reading(self.at(cell).frame));
        judge.and_then(|judge| judge.proven(tag)).unwrap_or(tag)
    }
}
