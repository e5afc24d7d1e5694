//! The intersection of automata that have no common algebra: a state is a tuple of states.
//!
//! Two live states may share no completion, so liveness is an upper bound
//! ([`Exactness::Superset`]); acceptance is exact.

use rustc_hash::FxHashMap;
use structgen_automaton::{
    AutomatonError, ByteAutomaton, Completions, Exactness, Fuel, StateId, Usage,
};

/// Texts that all parts accept.
pub struct Product {
    parts: Vec<Box<dyn ByteAutomaton>>,
    tuples: Vec<Box<[StateId]>>,
    ids: FxHashMap<Box<[StateId]>, StateId>,
    max_states: u32,
}

/// States looked at in search of a common completion before giving up on one.
const COMPLETION_SEARCH: usize = 200_000;

impl Product {
    /// The intersection of `parts`.
    pub fn new(parts: Vec<Box<dyn ByteAutomaton>>, max_states: u32) -> Self {
        Product { parts, tuples: Vec::new(), ids: FxHashMap::default(), max_states }
    }

    fn intern(&mut self, tuple: Box<[StateId]>) -> Result<StateId, AutomatonError> {
        if tuple.iter().any(|s| s.is_dead()) {
            return Ok(StateId::DEAD);
        }
        if let Some(&id) = self.ids.get(&tuple) {
            return Ok(id);
        }
        if self.tuples.len() >= self.max_states as usize {
            return Err(AutomatonError::Limit {
                name: "max_states",
                limit: self.max_states as u64,
            });
        }
        self.tuples.push(tuple.clone());
        let id = StateId(self.tuples.len() as u32);
        self.ids.insert(tuple, id);
        Ok(id)
    }

    fn tuple(&self, state: StateId) -> Box<[StateId]> {
        self.tuples[state.0 as usize - 1].clone()
    }

    /// Whether `text` takes `state` to acceptance.
    fn completes(
        &mut self,
        mut state: StateId,
        text: &[u8],
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        for &byte in text {
            state = self.step(state, byte, fuel)?;
            if state.is_dead() {
                return Ok(false);
            }
        }
        self.is_accepting(state, fuel)
    }

    /// Breadth-first search over tuples.
    fn search(
        &mut self,
        state: StateId,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        let mut from: FxHashMap<StateId, (StateId, u8)> = FxHashMap::default();
        let mut queue = std::collections::VecDeque::from([state]);
        while let Some(at) = queue.pop_front() {
            if self.is_accepting(at, fuel)? {
                let mut text = Vec::new();
                let mut back = at;
                while back != state {
                    let (previous, byte) = from[&back];
                    text.push(byte);
                    back = previous;
                }
                text.reverse();
                return Ok(Some(text));
            }
            if from.len() > COMPLETION_SEARCH {
                return Ok(None);
            }
            for byte in 0..=u8::MAX {
                fuel.spend(1)?;
                let next = self.step(at, byte, fuel)?;
                if !next.is_dead() && next != state && !from.contains_key(&next) {
                    from.insert(next, (at, byte));
                    queue.push_back(next);
                }
            }
        }
        Ok(None)
    }
}

impl ByteAutomaton for Product {
    fn start(&mut self, fuel: &mut Fuel) -> Result<StateId, AutomatonError> {
        let tuple: Result<Box<[StateId]>, _> =
            self.parts.iter_mut().map(|part| part.start(fuel)).collect();
        self.intern(tuple?)
    }

    fn step(
        &mut self,
        state: StateId,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let mut tuple = self.tuple(state);
        for (part, state) in self.parts.iter_mut().zip(tuple.iter_mut()) {
            *state = part.step(*state, byte, fuel)?;
            if state.is_dead() {
                return Ok(StateId::DEAD);
            }
        }
        self.intern(tuple)
    }

    fn is_accepting(&mut self, state: StateId, fuel: &mut Fuel) -> Result<bool, AutomatonError> {
        for (part, state) in self.parts.iter_mut().zip(self.tuples[state.0 as usize - 1].iter()) {
            if !part.is_accepting(*state, fuel)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A part's own completion where the others agree, else a bounded search.
    fn completion(
        &mut self,
        state: StateId,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        let tuple = self.tuple(state);
        for (i, &part_state) in tuple.iter().enumerate() {
            if let Some(text) = self.parts[i].completion(part_state, fuel)?
                && self.completes(state, &text, fuel)?
            {
                return Ok(Some(text));
            }
        }
        self.search(state, fuel)
    }

    /// The search over tuples is bounded.
    fn completions(&self) -> Completions {
        Completions::Sought
    }

    fn exactness(&self) -> Exactness {
        Exactness::Superset
    }

    fn take_limit(&mut self) -> Option<AutomatonError> {
        let limits = self.parts.iter_mut().map(|part| part.take_limit());
        limits.fold(None, |first, limit| first.or(limit))
    }

    fn is_spoilt(&self) -> bool {
        self.parts.iter().any(|part| part.is_spoilt())
    }

    fn usage(&self) -> Usage {
        let own = self.tuples.len() * (2 * self.parts.len() * size_of::<StateId>() + 64);
        self.parts.iter().map(|p| p.usage()).fold(
            Usage { states: self.tuples.len(), bytes: own },
            |sum, usage| Usage {
                states: sum.states + usage.states,
                bytes: sum.bytes + usage.bytes,
            },
        )
    }
}
