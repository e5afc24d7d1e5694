use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash, Hasher};
use structgen_automaton::{AcceptId, AutomatonError, Fuel, LexState, ShardedTable};

use crate::exprs::ByteClasses;
use crate::exprs::Heads;
use crate::{ExprId, Exprs};

const UNKNOWN: u32 = u32::MAX;
/// The row of states not stepped from yet: one unknown transition for the trivial partition.
const UNBUILT: u32 = 1;

/// A lazily built DFA that runs many expressions side by side.
///
/// A state is an interned set of (tag, derivative) pairs. Parts that can no longer match are
/// dropped exactly, so a state other than [`LexState::DEAD`] always has a completion. A known
/// transition costs two array look-ups; an unknown one costs a derivative per part, once per
/// class of bytes that the state does not tell apart.
#[derive(Debug)]
pub struct Lexer {
    /// The arena. Expressions may be added at any time.
    pub exprs: Exprs,
    hot: Vec<Hot>,
    tables: Vec<[u8; 256]>,
    transitions: Vec<u32>,
    cold: Vec<Cold>,
    parts: Vec<(u32, ExprId)>,
    states: ShardedTable<u32>,
    accepts: Vec<Box<[u32]>>,
    accept_ids: FxHashMap<Box<[u32]>, AcceptId>,
    /// Bytes of `accepts` and `accept_ids`.
    accept_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Hot {
    partition: u32,
    row: u32,
}

#[derive(Clone, Copy, Debug)]
struct Cold {
    start: u32,
    len: u32,
    accept: Option<AcceptId>,
    print: u128,
}

impl Lexer {
    /// A lexer without states over `exprs`.
    pub fn new(exprs: Exprs) -> Self {
        let trivial = ByteClasses::TRIVIAL;
        let table = *exprs.byte_classes().table(trivial);
        Lexer {
            exprs,
            hot: vec![Hot { partition: trivial.0, row: 0 }],
            tables: vec![table],
            transitions: vec![LexState::DEAD.0, UNKNOWN],
            cold: vec![Cold { start: 0, len: 0, accept: None, print: 0 }],
            parts: Vec::new(),
            states: ShardedTable::default(),
            accepts: Vec::new(),
            accept_ids: FxHashMap::default(),
            accept_bytes: 0,
        }
    }

    /// The state that runs all of `parts`. A tag given several times stands for the union of
    /// its expressions; parts with an empty language are dropped. `DEAD` if none is left.
    pub fn state(
        &mut self,
        parts: &[(u32, ExprId)],
        fuel: &mut Fuel,
    ) -> Result<LexState, AutomatonError> {
        self.exprs.check()?;
        let mut sorted = parts.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut live = Vec::with_capacity(sorted.len());
        for run in sorted.chunk_by(|a, b| a.0 == b.0) {
            fuel.spend(1)?;
            let e = match run {
                [(_, only)] => *only,
                _ => {
                    let union: Vec<ExprId> = run.iter().map(|&(_, e)| e).collect();
                    self.exprs.or(&union)
                }
            };
            self.exprs.check()?;
            if self.exprs.is_live(e, fuel)? {
                live.push((run[0].0, e));
            }
        }
        self.intern(&live)
    }

    /// The state after one more byte. `DEAD` exactly if no part has any completion.
    #[inline]
    pub fn step(
        &mut self,
        state: LexState,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<LexState, AutomatonError> {
        let hot = self.hot[state.0 as usize];
        let class = self.tables[hot.partition as usize][usize::from(byte)];
        let next = self.transitions[hot.row as usize + usize::from(class)];
        if next != UNKNOWN {
            return Ok(LexState(next));
        }
        self.explore(state, byte, fuel)
    }

    #[cold]
    fn explore(
        &mut self,
        state: LexState,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<LexState, AutomatonError> {
        self.exprs.check()?;
        let cold = self.cold[state.0 as usize];
        let range = cold.start as usize..(cold.start + cold.len) as usize;
        if self.hot[state.0 as usize].row == UNBUILT {
            self.build_row(state, range.clone());
        }
        let Hot { partition, row } = self.hot[state.0 as usize];
        let class = self.tables[partition as usize][usize::from(byte)];
        let partition = crate::exprs::Partition(partition);
        let reader = self.exprs.byte_classes().readers(partition)[usize::from(class)];
        let mut live: Vec<(u32, ExprId)> = Vec::new();
        let mut heads = Heads::default();
        for i in range {
            let (tag, e) = self.parts[i];
            let rest = self.exprs.derivative_by_head(e, reader, &mut heads, fuel)?;
            if rest != Exprs::EMPTY && self.exprs.is_live(rest, fuel)? {
                live.push((tag, rest));
            }
        }
        let next = self.intern(&live)?;
        self.transitions[row as usize + usize::from(class)] = next.0;
        Ok(next)
    }

    fn build_row(&mut self, state: LexState, parts: std::ops::Range<usize>) {
        let roots = self.parts[parts].iter().map(|&(_, e)| e);
        let partition = self.exprs.partition(roots);
        let classes = self.exprs.byte_classes();
        let known = self.tables.len() as u32;
        for id in known..=partition.0 {
            self.tables.push(*classes.table(crate::exprs::Partition(id)));
        }
        let count = classes.readers(partition).len();
        let row = self.transitions.len() as u32;
        self.transitions.resize(self.transitions.len() + count, UNKNOWN);
        self.hot[state.0 as usize] = Hot { partition: partition.0, row };
    }

    /// Interns live parts, sorted by tags that are all different.
    fn intern(&mut self, live: &[(u32, ExprId)]) -> Result<LexState, AutomatonError> {
        if live.is_empty() {
            return Ok(LexState::DEAD);
        }
        let hash = hash_parts(live);
        let (cold, parts) = (&self.cold, &self.parts);
        let slice = |id: u32| {
            let Cold { start, len, .. } = cold[id as usize];
            &parts[start as usize..(start + len) as usize]
        };
        if let Some(&id) = self.states.find(hash, |&id| slice(id) == live) {
            return Ok(LexState(id));
        }
        let max = self.exprs.limits().max_states;
        if self.cold.len() > max as usize
            || self.transitions.len() > (u32::MAX - 1024) as usize
            || self.parts.len() + live.len() > u32::MAX as usize
        {
            return Err(AutomatonError::Limit { name: "max_states", limit: max.into() });
        }
        let id = self.cold.len() as u32;
        let tags: Vec<u32> =
            live.iter().filter(|&&(_, e)| self.exprs.nullable(e)).map(|&(tag, _)| tag).collect();
        let accept = (!tags.is_empty()).then(|| self.intern_accept(tags));
        let print = self.exprs.fold_prints(live.iter().map(|&(_, e)| e));
        let start = self.parts.len() as u32;
        self.parts.extend_from_slice(live);
        self.cold.push(Cold { start, len: live.len() as u32, accept, print });
        self.hot.push(Hot { partition: ByteClasses::TRIVIAL.0, row: UNBUILT });
        let (cold, parts) = (&self.cold, &self.parts);
        self.states.insert_unique(hash, id, |&id| {
            let Cold { start, len, .. } = cold[id as usize];
            hash_parts(&parts[start as usize..(start + len) as usize])
        });
        Ok(LexState(id))
    }

    fn intern_accept(&mut self, tags: Vec<u32>) -> AcceptId {
        if let Some(&id) = self.accept_ids.get(tags.as_slice()) {
            return id;
        }
        let id = AcceptId(self.accepts.len() as u32);
        let tags: Box<[u32]> = tags.into();
        self.accept_bytes += tags.len() * 8 + 48;
        self.accepts.push(tags.clone());
        self.accept_ids.insert(tags, id);
        id
    }

    /// The interned set of tags whose expression matches what has been read.
    #[inline]
    pub fn accept(&self, state: LexState) -> Option<AcceptId> {
        self.cold[state.0 as usize].accept
    }

    /// The tags of `accept`, sorted, each once.
    pub fn accept_tags(&self, accept: AcceptId) -> &[u32] {
        &self.accepts[accept.0 as usize]
    }

    /// The parts that still have a completion, sorted by tag, each tag once.
    pub fn parts(&self, state: LexState) -> &[(u32, ExprId)] {
        let Cold { start, len, .. } = self.cold[state.0 as usize];
        &self.parts[start as usize..(start + len) as usize]
    }

    /// The state with only the tags that `keep` accepts.
    pub fn only(
        &mut self,
        state: LexState,
        keep: impl Fn(u32) -> bool,
        fuel: &mut Fuel,
    ) -> Result<LexState, AutomatonError> {
        fuel.spend(1)?;
        let kept: Vec<_> =
            self.parts(state).iter().copied().filter(|&(tag, _)| keep(tag)).collect();
        if kept.len() == self.parts(state).len() {
            return Ok(state);
        }
        self.intern(&kept)
    }

    /// The length of the shortest completion for any tag, or for tag `keep`.
    pub fn shortest_len(
        &mut self,
        state: LexState,
        keep: Option<u32>,
        fuel: &mut Fuel,
    ) -> Result<Option<u32>, AutomatonError> {
        Ok(self.nearest_part(state, keep, fuel)?.map(|(length, _)| length))
    }

    /// A shortest completion for any tag, or for tag `keep`. Following it is consistent: the
    /// shortest completion after its first byte is one byte shorter.
    pub fn shortest(
        &mut self,
        state: LexState,
        keep: Option<u32>,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        match self.nearest_part(state, keep, fuel)? {
            Some((_, e)) => self.exprs.shortest(e, fuel),
            None => Ok(None),
        }
    }

    fn nearest_part(
        &mut self,
        state: LexState,
        keep: Option<u32>,
        fuel: &mut Fuel,
    ) -> Result<Option<(u32, ExprId)>, AutomatonError> {
        let mut best: Option<(u32, ExprId)> = None;
        for i in 0..self.parts(state).len() {
            let (tag, e) = self.parts(state)[i];
            if keep.is_some_and(|keep| keep != tag) {
                continue;
            }
            fuel.spend(1)?;
            // The syntax gives a lower bound: no search for what cannot be nearer.
            if best.is_some_and(|(length, _)| self.exprs.min_len(e) >= length) {
                continue;
            }
            if let Some(length) = self.exprs.shortest_len(e, fuel)? {
                if best.is_none_or(|(least, _)| length < least) {
                    best = Some((length, e));
                }
            }
        }
        Ok(best)
    }

    /// A hash over the expressions of the parts in the order of their tags (the tags
    /// themselves do not enter): equal for states, of any lexer of the process, that no
    /// [`LEX_HORIZON`](structgen_automaton::LEX_HORIZON) bytes can tell apart.
    #[inline]
    pub fn fingerprint(&self, state: LexState) -> u128 {
        self.cold[state.0 as usize].print
    }

    /// States, `DEAD` included.
    pub fn len(&self) -> usize {
        self.cold.len()
    }

    /// Never: `DEAD` is always there.
    pub fn is_empty(&self) -> bool {
        self.cold.is_empty()
    }

    /// An estimate of the bytes held, the arena included.
    pub fn bytes(&self) -> usize {
        self.exprs.bytes()
            + self.hot.capacity() * size_of::<Hot>()
            + self.tables.capacity() * 256
            + self.transitions.capacity() * 4
            + self.cold.capacity() * size_of::<Cold>()
            + self.parts.capacity() * size_of::<(u32, ExprId)>()
            + self.states.len() * 8
            + self.accept_bytes
    }
}

fn hash_parts(parts: &[(u32, ExprId)]) -> u64 {
    let mut hasher = FxHasher::default();
    parts.hash(&mut hasher);
    hasher.finish()
}
