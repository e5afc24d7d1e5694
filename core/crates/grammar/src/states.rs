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
/// Marks contexts that belong to a nested automaton; they never stand in a scan.
const GUEST: u32 = 1 << 30;

/// What a context of a lexical view names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Own(Context),
    /// The number of a context of a nested automaton.
    Guest(u32),
}

impl Named {
    pub fn from_raw(raw: u32) -> Self {
        match raw & (AFTER | GUEST) {
            GUEST => Named::Guest(raw & !GUEST),
            _ => Named::Own(Context(raw)),
        }
    }

    pub fn raw(self) -> u32 {
        match self {
            Named::Own(context) => context.0,
            Named::Guest(number) => number | GUEST,
        }
    }
}

impl Context {
    pub fn at(set: SetId) -> Self {
        Context(set.0)
    }

    pub fn after(set: SetId) -> Self {
        Context(set.0 | AFTER)
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
    /// A number for every byte ([`UNASKED`] or an index), and the targets by number: a
    /// state has few different ones.
    Many(Box<Palette>),
    /// The target of every byte, [`UNKNOWN`] where not asked.
    Full(Box<[u32; 256]>),
}

struct Palette {
    number: [u8; 256],
    targets: Vec<u32>,
}

const UNASKED: u8 = u8::MAX;
const UNKNOWN: u32 = u32::MAX;
/// PERF: a palette takes the space of some 40 entries of a short row; most states see few bytes.
const FEW: usize = 8;

impl Row {
    #[inline]
    fn get(&self, byte: u8) -> Option<StateId> {
        match self {
            Row::Many(palette) => {
                let number = palette.number[byte as usize];
                palette.targets.get(number as usize).map(|t| StateId(*t))
            }
            Row::Few(row) => row.iter().find(|t| t.0 == byte).map(|t| StateId(t.1)),
            Row::Full(row) => {
                let target = row[byte as usize];
                (target != UNKNOWN).then_some(StateId(target))
            }
        }
    }

    fn set(&mut self, byte: u8, target: StateId) {
        match self {
            Row::Few(row) if row.len() < FEW => row.push((byte, target.0)),
            Row::Few(row) => {
                let mut palette = Palette { number: [UNASKED; 256], targets: Vec::new() };
                for (byte, target) in row.iter() {
                    palette.set(*byte, *target);
                }
                palette.set(byte, target.0);
                *self = Row::Many(Box::new(palette));
            }
            Row::Many(palette) => {
                if !palette.set(byte, target.0) {
                    let mut row = Box::new(
                        palette
                            .number
                            .map(|n| palette.targets.get(n as usize).copied().unwrap_or(UNKNOWN)),
                    );
                    row[byte as usize] = target.0;
                    *self = Row::Full(row);
                }
            }
            Row::Full(row) => row[byte as usize] = target.0,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Row::Few(row) => row.capacity() * size_of::<(u8, u32)>(),
            Row::Many(palette) => size_of::<Palette>() + palette.targets.capacity() * 4,
            Row::Full(_) => 1024,
        }
    }
}

impl Palette {
    /// False if there are too many different targets.
    fn set(&mut self, byte: u8, target: u32) -> bool {
        let known = self.targets.iter().position(|t| *t == target);
        let number = known.unwrap_or(self.targets.len());
        if number >= UNASKED as usize {
            return false;
        }
        if known.is_none() {
            self.targets.push(target);
        }
        self.number[byte as usize] = number as u8;
        true
    }
}

/// The interned states with their transitions.
pub(crate) struct States {
    list: Vec<State>,
    /// By scans, for states that do not accept and for those that do.
    ids: [FxHashMap<Arc<[Scan]>, StateId>; 2],
    max_states: u64,
    scans: usize,
    /// Bytes held by rows.
    rows: usize,
}

impl States {
    pub fn new(limits: &GrammarLimits) -> Self {
        let dead = State { scans: Arc::new([]), accepting: false, row: Row::Few(Vec::new()) };
        let mut ids = [FxHashMap::default(), FxHashMap::default()];
        ids[0].insert(dead.scans.clone(), StateId::DEAD);
        States { list: vec![dead], ids, max_states: limits.max_states.into(), scans: 0, rows: 0 }
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn bytes(&self) -> usize {
        self.list.len() * (size_of::<State>() + 48) + self.scans * size_of::<Scan>() + self.rows
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

    /// The same, borrowed.
    #[inline]
    pub fn scans_of(&self, state: StateId) -> &[Scan] {
        self.list.get(state.0 as usize).map_or(&[], |state| &state.scans[..])
    }

    pub fn is_accepting(&self, state: StateId) -> bool {
        self.list.get(state.0 as usize).is_some_and(|s| s.accepting)
    }

    #[inline]
    pub fn transition(&self, state: StateId, byte: u8) -> Option<StateId> {
        self.list.get(state.0 as usize)?.row.get(byte)
    }

    pub fn set_transition(&mut self, state: StateId, byte: u8, target: StateId) {
        if let Some(State { row, .. }) = self.list.get_mut(state.0 as usize) {
            let before = row.bytes();
            row.set(byte, target);
            self.rows += row.bytes() - before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_every_size_remember() {
        for different in [1, 3, 200, 256] {
            let mut row = Row::Few(Vec::new());
            let target = |b: u8| StateId(b as u32 % different);
            for b in 0..=255 {
                assert_eq!(row.get(b), None);
                row.set(b, target(b));
                for known in 0..=b {
                    assert_eq!(row.get(known), Some(target(known)));
                }
            }
        }
    }
}
