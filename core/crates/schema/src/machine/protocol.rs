//! The machine as a byte automaton.

use structgen_automaton::{
    AcceptId, AutomatonError, ByteAutomaton, ByteSet, CharSelection, Completions, EndKnowledge,
    Exactness, Fuel, LexState, LexicalView, Resting, StateId, Usage,
};

use super::SchemaAutomaton;
use super::stack::{Cell, Context, Lexeme, Phase, State, TextId, read_so_far};
use crate::frames::{Frame, OpenKeys};

impl ByteAutomaton for SchemaAutomaton {
    fn start(&mut self, _fuel: &mut Fuel) -> Result<StateId, AutomatonError> {
        Ok(self.start)
    }

    fn step(
        &mut self,
        state: StateId,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let Some(&found) = self.states.get(state.0 as usize).filter(|_| !state.is_dead()) else {
            return Ok(StateId::DEAD);
        };
        if !found.phase.readable().contains(byte) {
            return Ok(StateId::DEAD);
        }
        // Inside a string the lexer's table is the memo.
        if let Phase::Text { .. } = found.phase {
            return self.cold_step(found, byte, fuel);
        }
        if let Some(next) = self.steps.get(&(state, byte)) {
            return Ok(*next);
        }
        fuel.spend(1)?;
        let doubt = std::mem::take(&mut self.frames.doubt);
        let next = self.cold_step(found, byte, fuel)?;
        // Most bytes are dead nearly everywhere: to remember them would take most of the memory.
        // And a doubt has to be raised whenever the step is asked for.
        if !next.is_dead() && !self.frames.doubt {
            self.steps.insert((state, byte), next);
        }
        self.frames.doubt |= doubt;
        Ok(next)
    }

    fn is_accepting(&mut self, state: StateId, fuel: &mut Fuel) -> Result<bool, AutomatonError> {
        fuel.spend(1)?;
        let Some(&State { cell, phase, .. }) = self.states.get(state.0 as usize) else {
            return Ok(false);
        };
        if state.is_dead() {
            return Ok(false);
        }
        Ok(match phase {
            Phase::Done { .. } => true,
            Phase::Number { lex } => {
                matches!(&*self.frame(cell), Frame::Root { .. })
                    && self.frames.algebra.lexer.accept(lex).is_some()
            }
            _ => false,
        })
    }

    fn completion(
        &mut self,
        state: StateId,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        if state.is_dead() || state.0 as usize >= self.states.len() {
            return Ok(None);
        }
        self.complete(state, fuel)
    }

    fn live_bytes(&mut self, state: StateId) -> ByteSet {
        let Some(found) = self.states.get(state.0 as usize) else { return ByteSet::EMPTY };
        match found.phase {
            Phase::Key { lex, .. } | Phase::Text { lex } => self.lex_live_bytes(lex),
            phase => phase.readable(),
        }
    }

    /// Elements that must differ are looked for within bounds. So are endings of what is judged
    /// late (`super::completion`), but there a state without one is nearly always a dead end of the
    /// upper bound, and to walk on costs the whole text: it counts as one.
    fn completions(&self) -> Completions {
        match self.frames.algebra.compares_elements() {
            false => Completions::Known,
            true => Completions::Sought,
        }
    }

    fn exactness(&self) -> Exactness {
        // Whether an element equals one before it, or what is deferred holds, may only show at
        // the end. What has not been looked at may have to be deferred.
        let algebra = &self.frames.algebra;
        if !self.surveyed || algebra.compares_elements() || algebra.defers() {
            Exactness::Superset
        } else {
            Exactness::Exact
        }
    }

    fn is_spoilt(&self) -> bool {
        self.frames.algebra.lexer.exprs.check().is_err()
    }

    fn usage(&self) -> Usage {
        let (items, bytes) = self.frames.algebra.usage();
        let states = self.states.len() + self.cells.len() + self.frames.len();
        Usage {
            states: states + items,
            bytes: bytes
                + self.frames.bytes()
                + states * 96
                + (self.steps.len() + self.found.len()) * 24
                + self.texts.len() * 32,
        }
    }

    fn lexical_views(&mut self, state: StateId, out: &mut Vec<LexicalView>) -> bool {
        let Some(&found) = self.states.get(state.0 as usize) else { return false };
        let State { cell, phase, .. } = found;
        let (lex, lexeme) = match phase {
            _ if state.is_dead() => return false,
            Phase::Text { lex } | Phase::Number { lex } => (lex, Lexeme::Value),
            Phase::Key { lex, .. } => (lex, Lexeme::Key),
            _ => match self.gap_lexeme(found) {
                Some(lex) => (lex, Lexeme::Gap(phase)),
                None => return false,
            },
        };
        let context = self.context(Context { cell, lexeme });
        out.push(LexicalView { lex, context });
        true
    }

    fn lex_step(
        &mut self,
        lex: LexState,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<LexState, AutomatonError> {
        self.frames.algebra.lexer.step(lex, byte, fuel)
    }

    fn lex_live_bytes(&mut self, lex: LexState) -> ByteSet {
        self.frames.algebra.lexer.live_bytes(lex)
    }

    fn lex_accept(&self, lex: LexState) -> Option<AcceptId> {
        self.frames.algebra.lexer.accept(lex)
    }

    fn lex_idle_bytes(
        &mut self,
        lex: LexState,
        chars: CharSelection,
        fuel: &mut Fuel,
    ) -> Result<u32, AutomatonError> {
        self.frames.algebra.lexer.idle_bytes(lex, chars, fuel)
    }

    fn lex_room(&mut self, lex: LexState, chars: CharSelection) -> Option<u32> {
        self.frames.algebra.lexer.exact_room(lex, chars)
    }

    fn lex_alternatives(
        &mut self,
        lex: LexState,
        chars: CharSelection,
        fuel: &mut Fuel,
    ) -> Result<Vec<LexState>, AutomatonError> {
        self.frames.algebra.lexer.alternatives(lex, chars, fuel)
    }

    fn lex_fingerprint(&self, lex: LexState) -> u128 {
        self.frames.algebra.lexer.fingerprint(lex)
    }

    fn lex_near_fingerprint(&self, lex: LexState) -> Option<u128> {
        Some(self.frames.algebra.lexer.near_fingerprint(lex))
    }

    fn lex_lasting_fingerprints(&mut self, lex: LexState) -> Option<[u128; 2]> {
        self.frames.algebra.lexer.lasting_fingerprints(lex)
    }

    /// A key or an element that only its text identifies is not known here: the state that is
    /// returned takes it for one that equals no other.
    fn lex_end(
        &mut self,
        context: u32,
        accept: AcceptId,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let Some(&Context { cell, lexeme }) = self.contexts.get(context as usize) else {
            return Ok(StateId::DEAD);
        };
        let Cell { mark, kept, .. } = self.at(cell);
        let text = if kept || mark != TextId::NONE { TextId::BLURRED } else { TextId::NONE };
        match lexeme {
            Lexeme::Key => self.end_key(cell, accept, None, text, fuel),
            Lexeme::Value => {
                let tags = self.frames.accepted(accept);
                self.value_ended(cell, tags, None, text)
            }
            Lexeme::Gap(phase) => self.gap_ended(cell, phase, accept),
        }
    }

    fn end_knowledge(&mut self, context: u32) -> EndKnowledge {
        let Some(&Context { cell, lexeme }) = self.contexts.get(context as usize) else {
            return EndKnowledge::Exact;
        };
        let key = lexeme == Lexeme::Key;
        let Cell { frame, mark, kept, .. } = self.at(cell);
        let own = mark != TextId::NONE;
        if !key && !kept && !own {
            return EndKnowledge::Exact;
        }
        let told = key && self.frames.known_key_plan(frame).is_some_and(|plan| plan.partitioned);
        if (self.frames.reading(frame).truth && !told) || mark == TextId::BLURRED {
            return EndKnowledge::Unknown;
        }
        if (key || own) && self.frames.compares_at_end(frame) {
            return EndKnowledge::Distinct;
        }
        EndKnowledge::Doubtful
    }

    fn take_doubt(&mut self) -> bool {
        std::mem::take(&mut self.frames.doubt)
    }

    fn take_limit(&mut self) -> Option<AutomatonError> {
        let limit = u64::from(self.limits.max_depth);
        std::mem::take(&mut self.limited)
            .then_some(AutomatonError::Limit { name: "max_depth", limit })
    }

    fn lex_resting(&mut self, state: StateId, most: usize) -> Option<Resting> {
        let (prefix, plan) = self.open_key(state)?;
        let OpenKeys { lex, names } = plan.open.as_ref()?;
        let mut rests = Vec::new();
        for key in names {
            let name = self.frames.algebra.key_text(*key);
            if let Some(rest) = name.strip_prefix(&*prefix).and_then(plain_end) {
                if rests.len() == most {
                    return None;
                }
                rests.push(rest);
            }
        }
        Some(Resting { lex: *lex, names: rests })
    }

    fn lex_names(&mut self, state: StateId, rest: &[u8]) -> bool {
        let Some((_, mut lexeme)) = self.open_lexeme(state) else { return true };
        lexeme.extend_from_slice(rest);
        let Ok(name) = serde_json::from_slice::<String>(&lexeme) else { return true };
        let Some(key) = self.frames.algebra.known_key(&name) else { return false };
        let open = self.open_key(state).and_then(|(_, plan)| plan.open.as_ref());
        open.is_none_or(|open| open.names.binary_search(&key).is_ok())
    }

    fn lex_repeats(&mut self, state: StateId, rest: &[u8]) -> bool {
        let Some((frame, mut lexeme)) = self.open_lexeme(state) else { return false };
        lexeme.extend_from_slice(rest);
        let value = serde_json::from_slice(&lexeme).ok();
        value.is_some_and(|value| self.frames.has_seen(frame, &value))
    }

    fn lex_repeating(&mut self, state: StateId, most: usize) -> Option<Vec<Vec<u8>>> {
        let Some((frame, lexeme)) = self.open_lexeme(state) else { return Some(Vec::new()) };
        let rests = self.frames.seen_with_prefix(frame, &read_so_far(lexeme)?, most)?;
        Some(rests.iter().filter_map(|rest| plain_end(rest)).collect())
    }
}

/// The rest of a string with its quote, if it stands for itself inside one.
fn plain_end(rest: &str) -> Option<Vec<u8>> {
    let plain = !rest.contains(|c: char| c < ' ' || c == '"' || c == '\\');
    plain.then(|| format!("{rest}\"").into_bytes())
}
