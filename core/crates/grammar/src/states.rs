//! States of the byte automaton: sets of lexemes in progress.

use std::hash::BuildHasher;
use std::ops::Range;

use rustc_hash::FxBuildHasher;
use structgen_automaton::{AutomatonError, LexState, ShardedTable, StateId};

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
    /// Its scans: `scans[start..start + len]` of all.
    start: u32,
    len: u32,
    accepting: bool,
    row: Row,
}

/// The transitions of a state that are known.
enum Row {
    /// Some bytes, in the order in which they were asked, and the targets.
    Few { len: u8, bytes: [u8; FEW], targets: [u32; FEW] },
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
/// PERF: most states see few bytes, since those that lead nowhere are not tried; what they lead to
/// stands in the state itself.
const FEW: usize = 6;

impl Row {
    const NEW: Row = Row::Few { len: 0, bytes: [0; FEW], targets: [0; FEW] };

    #[inline]
    fn get(&self, byte: u8) -> Option<StateId> {
        match self {
            Row::Many(palette) => {
                let number = palette.number[byte as usize];
                palette.targets.get(number as usize).map(|t| StateId(*t))
            }
            Row::Few { len, bytes, targets } => {
                let at = bytes[..usize::from(*len)].iter().position(|&known| known == byte)?;
                Some(StateId(targets[at]))
            }
            Row::Full(row) => {
                let target = row[byte as usize];
                (target != UNKNOWN).then_some(StateId(target))
            }
        }
    }

    fn set(&mut self, byte: u8, target: StateId) {
        match self {
            Row::Few { len, bytes, targets } if usize::from(*len) < FEW => {
                bytes[usize::from(*len)] = byte;
                targets[usize::from(*len)] = target.0;
                *len += 1;
            }
            Row::Few { bytes, targets, .. } => {
                let mut palette = Palette { number: [UNASKED; 256], targets: Vec::new() };
                for (byte, target) in bytes.iter().zip(targets) {
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
            Row::Few { .. } => 0,
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
    scans: Vec<Scan>,
    ids: ShardedTable<u32>,
    max_states: u64,
    /// Bytes held by rows.
    rows: usize,
}

fn hash_of(scans: &[Scan], accepting: bool) -> u64 {
    FxBuildHasher.hash_one((scans, accepting))
}

impl States {
    pub fn new(limits: &GrammarLimits) -> Self {
        // State 0 is DEAD, and reads nothing.
        let dead = State { start: 0, len: 0, accepting: false, row: Row::NEW };
        let mut ids = ShardedTable::default();
        ids.insert_unique(hash_of(&[], false), 0, |_| hash_of(&[], false));
        let max_states = limits.max_states.into();
        States { list: vec![dead], scans: Vec::new(), ids, max_states, rows: 0 }
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn bytes(&self) -> usize {
        self.list.capacity() * size_of::<State>()
            + self.scans.capacity() * size_of::<Scan>()
            + self.ids.len() * 8
            + self.rows
    }

    /// Interns the state with these lexemes in progress and empties `scans`.
    pub fn intern(
        &mut self,
        scans: &mut Vec<Scan>,
        accepting: bool,
    ) -> Result<StateId, AutomatonError> {
        scans.sort_unstable();
        scans.dedup();
        let hash = hash_of(scans, accepting);
        let States { list, scans: all, ids, .. } = self;
        let scans_of = |state: &State| &all[state.start as usize..][..state.len as usize];
        let known = ids.find(hash, |&id| {
            let state = &list[id as usize];
            state.accepting == accepting && scans_of(state) == &scans[..]
        });
        if let Some(&id) = known {
            scans.clear();
            return Ok(StateId(id));
        }
        check("max_states", list.len() as u64, self.max_states)?;
        check("max_states", (all.len() + scans.len()) as u64, u32::MAX.into())?;
        let id = list.len() as u32;
        list.push(State {
            start: all.len() as u32,
            len: scans.len() as u32,
            accepting,
            row: Row::NEW,
        });
        all.append(scans);
        ids.insert_unique(hash, id, |&id| {
            let state = &list[id as usize];
            hash_of(&all[state.start as usize..][..state.len as usize], state.accepting)
        });
        Ok(StateId(id))
    }

    /// The lexemes in progress; none for ids that are not ours.
    #[inline]
    pub fn scans(&self, state: StateId) -> &[Scan] {
        let found = self.list.get(state.0 as usize);
        found.map_or(&[], |state| &self.scans[state.start as usize..][..state.len as usize])
    }

    /// Where these are, for [`Self::scan`]: for callers that change what they look at.
    #[inline]
    pub fn places(&self, state: StateId) -> Range<u32> {
        self.list.get(state.0 as usize).map_or(0..0, |state| state.start..state.start + state.len)
    }

    /// One of them.
    #[inline]
    pub fn scan(&self, place: u32) -> Scan {
        self.scans[place as usize]
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
            let mut row = Row::NEW;
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
