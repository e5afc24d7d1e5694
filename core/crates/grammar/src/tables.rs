//! The grammar as immutable tables: suffixes of right-hand sides, left corners, and the
//! strongly connected components of left recursion.

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, Fuel};

use crate::analysis::Cleaned;
use crate::components::{Components, components};
use crate::ir::Symbol;
use crate::lexicon::TerminalFacts;

/// A suffix of a right-hand side: what is still to be read of a rule. Equal suffixes have
/// equal ids, whichever rule they are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SuffixId(pub u32);

impl SuffixId {
    /// Nothing is left.
    pub const EMPTY: SuffixId = SuffixId(0);
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Suffix {
    pub first: Symbol,
    pub rest: SuffixId,
    /// `first` derives the empty text.
    pub skippable: bool,
    /// Bytes of the shortest text of the whole suffix (saturating).
    pub length: u64,
}

/// A left corner of a rule: a symbol with which its texts may begin, and what the rule
/// still needs after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Corner {
    pub symbol: Symbol,
    pub rest: SuffixId,
}

pub(crate) struct Tables {
    suffixes: Vec<Suffix>,
    /// The left corners of every rule, sorted.
    pub corners: Vec<Box<[Corner]>>,
    /// Components of "begins with": parents have higher numbers than what they begin with.
    pub components: Components,
    /// Components with a cycle.
    pub cyclic: Vec<bool>,
    /// The shortest alternative of every rule.
    pub best: Vec<SuffixId>,
    /// A shortest lexeme of every terminal.
    pub lexeme: Vec<Vec<u8>>,
    /// The start rule as a suffix; empty if it derives only the empty text.
    pub start: SuffixId,
    /// An estimate of the memory held.
    pub bytes: usize,
    /// The ignored terminals that match something, ascending.
    pub ignore: Vec<u32>,
}

impl Tables {
    pub fn new(
        cleaned: Cleaned,
        start: u32,
        ignore: &[u32],
        terminals: Vec<TerminalFacts>,
        fuel: &mut Fuel,
    ) -> Result<Self, AutomatonError> {
        let rules = cleaned.alternatives.len();
        let mut builder = Suffixes {
            list: vec![Suffix {
                first: Symbol::Rule(u32::MAX),
                rest: SuffixId::EMPTY,
                skippable: false,
                length: 0,
            }],
            ids: FxHashMap::default(),
            lengths: &cleaned.length,
            terminals: &terminals,
        };
        let mut corners = Vec::with_capacity(rules);
        for alternatives in &cleaned.alternatives {
            let mut found = Vec::new();
            for alternative in alternatives {
                fuel.spend(1 + alternative.len() as u64)?;
                let mut at = builder.intern(alternative);
                while at != SuffixId::EMPTY {
                    let suffix = builder.list[at.0 as usize];
                    found.push(Corner { symbol: suffix.first, rest: suffix.rest });
                    at = if suffix.skippable { suffix.rest } else { SuffixId::EMPTY };
                }
            }
            found.sort_unstable();
            found.dedup();
            corners.push(found.into_boxed_slice());
        }
        let best = cleaned.best.iter().map(|b| builder.intern(b)).collect();
        let start_symbol = [Symbol::Rule(start)];
        let start =
            if cleaned.start_is_proper { builder.intern(&start_symbol) } else { SuffixId::EMPTY };
        let suffixes = builder.list;
        let mut ignore: Vec<u32> =
            ignore.iter().copied().filter(|t| terminals[*t as usize].proper).collect();
        ignore.sort_unstable();
        ignore.dedup();
        // Rules before terminals in the order of symbols: the edges are a prefix.
        let edge = |rule: u32, i: usize| match corners[rule as usize].get(i) {
            Some(Corner { symbol: Symbol::Rule(target), .. }) => Some(*target),
            _ => None,
        };
        let found = components(rules, edge);
        let cyclic = (0..found.members.len())
            .map(|c| match &*found.members[c] {
                [only] => corners[*only as usize].iter().any(|k| k.symbol == Symbol::Rule(*only)),
                _ => true,
            })
            .collect();
        let bytes = suffixes.len() * (size_of::<Suffix>() + 32)
            + corners.iter().map(|c| size_of_val(&**c) + 96).sum::<usize>();
        Ok(Tables {
            bytes,
            suffixes,
            corners,
            components: found,
            cyclic,
            best,
            lexeme: terminals.into_iter().map(|t| t.shortest.unwrap_or_default()).collect(),
            start,
            ignore,
        })
    }

    #[inline]
    pub fn suffix(&self, id: SuffixId) -> &Suffix {
        &self.suffixes[id.0 as usize]
    }

    pub fn ignores(&self, terminal: u32) -> bool {
        self.ignore.binary_search(&terminal).is_ok()
    }
}

struct Suffixes<'a> {
    list: Vec<Suffix>,
    ids: FxHashMap<(Symbol, SuffixId), SuffixId>,
    lengths: &'a [u64],
    terminals: &'a [TerminalFacts],
}

impl Suffixes<'_> {
    fn intern(&mut self, symbols: &[Symbol]) -> SuffixId {
        let mut rest = SuffixId::EMPTY;
        for first in symbols.iter().rev() {
            rest = match self.ids.get(&(*first, rest)) {
                Some(known) => *known,
                None => {
                    let length = match first {
                        Symbol::Rule(r) => self.lengths[*r as usize],
                        Symbol::Terminal(t) => {
                            self.terminals[*t as usize].shortest.as_ref().map_or(0, Vec::len) as u64
                        }
                    };
                    let id = SuffixId(self.list.len() as u32);
                    self.list.push(Suffix {
                        first: *first,
                        rest,
                        skippable: length == 0,
                        length: length.saturating_add(self.list[rest.0 as usize].length),
                    });
                    self.ids.insert((*first, rest), id);
                    id
                }
            };
        }
        rest
    }
}
