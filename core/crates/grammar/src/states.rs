//! States of the byte automaton: sets of lexemes in progress.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, LexState, StateId};

use crate::limits::{GrammarLimits, check};
use crate::sets::SetId;

/// What a lexeme in progress leads to.
///
/// While several terminals are possible: the set at which the lexeme began. Once a single
/// terminal is left: the set after it. The second form forgets where the lexeme began, so
/// that the inside of a string is one state whatever else could have stood in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Context(u32);

const AFTER: u32 = 1 << 31;

impl Context {
    pub fn at(set: SetId) -> Self {
        Context(set.0)
    }

    pub fn after(set: SetId) -> Self {
        Context(set.0 | AFTER)
    }

    pub fn from_raw(raw: u32) -> Self {
        Context(raw)
    }

    pub fn raw(self) -> u32 {
        self.0
    }

    /// The set, and whether it is the one after the lexeme.
    pub fn set(self) -> (SetId, bool) {
        (SetId(self.0 & !AFTER), self.0 & AFTER != 0)
    }
}

/// A lexeme in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Scan {
    /// 0: the lexer; otherwise one more than the terminal whose automaton is running.
    runner: u32,
    state: u32,
    pub context: Context,
}

/// Who reads a lexeme, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Lexer(LexState),
    Nested { terminal: u32, state: StateId },
}

impl Scan {
    pub fn lexer(lex: LexState, context: Context) -> Self {
        Scan { runner: 0, state: lex.0, context }
    }

    pub fn nested(terminal: u32, state: StateId, context: Context) -> Self {
        Scan { runner: terminal + 1, state: state.0, context }
    }

    #[inline]
    pub fn reader(&self) -> Reader {
        match self.runner.checked_sub(1) {
            None => Reader::Lexer(LexState(self.state)),
            Some(terminal) => Reader::Nested { terminal, state: StateId(self.state) },
        }
    }
}

struct State {
    scans: Arc<[Scan]>,
    accepting: bool,
    row: Row,
}

/// The transitions of a state that are known.
enum Row {
    /// Some bytes, in the order in which they were asked.
    Few(Vec<(u8, u32)>),
    /// All bytes; [`UNKNOWN`] where not asked.
    Full(Box<[u32; 256]>),
}

const UNKNOWN: u32 = u32::MAX;
/// PERF: a full row is 1 KiB, the size of some 20 short ones; most states see few bytes.
const FEW: usize = 8;

/// The interned states with their transitions.
pub(crate) struct States {
    list: Vec<State>,
    /// By scans, for states that do not accept and for those that do.
    ids: [FxHashMap<Arc<[Scan]>, StateId>; 2],
    max_states: u64,
    scans: usize,
    short_rows: usize,
    full_rows: usize,
}

impl States {
    pub fn new(limits: &GrammarLimits) -> Self {
        let dead = State { scans: Arc::new([]), accepting: false, row: Row::Few(Vec::new()) };
        let mut ids = [FxHashMap::default(), FxHashMap::default()];
        ids[0].insert(dead.scans.clone(), StateId::DEAD);
        States {
            list: vec![dead],
            ids,
            max_states: limits.max_states.into(),
            scans: 0,
            short_rows: 0,
            full_rows: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn bytes(&self) -> usize {
        self.list.len() * (size_of::<State>() + 48)
            + self.scans * size_of::<Scan>()
            + self.short_rows * (FEW * 8)
            + self.full_rows * 1024
    }

    /// Interns the state with these lexemes in progress and empties `scans`.
    pub fn intern(
        &mut self,
        scans: &mut Vec<Scan>,
        accepting: bool,
    ) -> Result<StateId, AutomatonError> {
        scans.sort_unstable();
        scans.dedup();
        let ids = &mut self.ids[usize::from(accepting)];
        if let Some(known) = ids.get(&scans[..]) {
            scans.clear();
            return Ok(*known);
        }
        check("max_states", self.list.len() as u64, self.max_states)?;
        let id = StateId(self.list.len() as u32);
        let shared: Arc<[Scan]> = scans[..].into();
        self.scans += scans.len();
        scans.clear();
        ids.insert(shared.clone(), id);
        self.list.push(State { scans: shared, accepting, row: Row::Few(Vec::new()) });
        Ok(id)
    }

    /// The lexemes in progress; none for ids that are not ours.
    pub fn scans(&self, state: StateId) -> Arc<[Scan]> {
        match self.list.get(state.0 as usize) {
            Some(state) => state.scans.clone(),
            None => Arc::new([]),
        }
    }

    pub fn is_accepting(&self, state: StateId) -> bool {
        self.list.get(state.0 as usize).is_some_and(|s| s.accepting)
    }

    #[inline]
    pub fn transition(&self, state: StateId, byte: u8) -> Option<StateId> {
        match &self.list.get(state.0 as usize)?.row {
            Row::Full(row) => {
                let target = row[byte as usize];
                (target != UNKNOWN).then_some(StateId(target))
            }
            Row::Few(row) => row.iter().find(|t| t.0 == byte).map(|t| StateId(t.1)),
        }
    }

    pub fn set_transition(&mut self, state: StateId, byte: u8, target: StateId) {
        let Some(State { row, .. }) = self.list.get_mut(state.0 as usize) else {
            return;
        };
        match row {
            Row::Full(row) => row[byte as usize] = target.0,
            Row::Few(few) if few.len() < FEW => {
                self.short_rows += usize::from(few.is_empty());
                few.push((byte, target.0));
            }
            Row::Few(few) => {
                let mut full = Box::new([UNKNOWN; 256]);
                for (byte, target) in few.iter() {
                    full[*byte as usize] = *target;
                }
                full[byte as usize] = target.0;
                *row = Row::Full(full);
                self.short_rows -= 1;
                self.full_rows += 1;
            }
        }
    }
}
