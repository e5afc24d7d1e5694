mod lasting;
mod tails;
mod words;

use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash, Hasher};
use structgen_automaton::{AcceptId, AutomatonError, CharSelection, Fuel, LexState, ShardedTable};

use crate::exprs::Partition;
use crate::{ByteSet, ExprId, Exprs};
use tails::{TailLists, TailsId};
use words::WordStates;

const UNKNOWN: u32 = u32::MAX;
/// The row of states not stepped from yet: one unknown transition for the trivial partition.
const UNBUILT: u32 = 1;

/// A lazily built DFA that runs many expressions side by side.
///
/// A state is an interned set of parts: tags, each with a derivative. Parts that can no longer
/// match are dropped exactly, so a state other than [`LexState::DEAD`] always has a completion.
///
/// Parts that begin alike are kept as one *run*, a head and a list of tails. The names of a
/// thousand keys that begin with the same letter, which may be spelled as an escape, are one run
/// until that letter is read. A known transition costs two array look-ups; an unknown one costs a
/// derivative per run, and a look at each of its parts once the head is read, once per class of
/// bytes that the state does not tell apart. States that read the rest of a set of words are kept by
/// their place in it (see [`words`]).
#[derive(Debug)]
pub struct Lexer {
    /// The arena. Expressions may be added at any time.
    pub exprs: Exprs,
    hot: Vec<Hot>,
    transitions: Vec<u32>,
    cold: Vec<Cold>,
    /// The bytes that may follow, of states that were asked for them; empty for the others.
    live: Vec<ByteSet>,
    runs: Vec<Run>,
    tails: TailLists,
    states: ShardedTable<u32>,
    words: WordStates,
    accepts: Vec<Box<[u32]>>,
    accept_ids: FxHashMap<Box<[u32]>, AcceptId>,
    /// Bytes of `accepts` and `accept_ids`.
    accept_bytes: usize,
    scratch: Scratch,
}

/// What is gathered for one state; kept for the next one.
#[derive(Debug, Default)]
struct Scratch {
    runs: Vec<Run>,
    /// Heads with their tags and tails.
    parts: Vec<(ExprId, u32, ExprId)>,
    list: Vec<(u32, ExprId)>,
}

#[derive(Clone, Copy, Debug)]
struct Hot {
    partition: Partition,
    row: u32,
}

#[derive(Clone, Copy, Debug)]
struct Cold {
    /// Of its runs.
    start: u32,
    len: u32,
    last_tag: u32,
    accept: Option<AcceptId>,
    prints: [u128; 2],
}

/// Parts that begin with the same expression.
///
/// INVARIANT: a head that may be empty has no tails but [`Exprs::EPSILON`]. A run of one part is
/// split where [`Lexer::head_of`] splits its expression; longer ones may stay together for longer,
/// so that a set of parts may, rarely, be two states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Run {
    head: ExprId,
    tails: TailsId,
}

impl Lexer {
    /// A lexer without states over `exprs`.
    pub fn new(exprs: Exprs) -> Self {
        let trivial = Partition::TRIVIAL;
        Lexer {
            exprs,
            hot: vec![Hot { partition: trivial, row: 0 }],
            transitions: vec![LexState::DEAD.0, UNKNOWN],
            cold: vec![Cold { start: 0, len: 0, last_tag: 0, accept: None, prints: [0; 2] }],
            live: Vec::new(),
            runs: Vec::new(),
            tails: TailLists::default(),
            states: ShardedTable::default(),
            words: WordStates::default(),
            accepts: Vec::new(),
            accept_ids: FxHashMap::default(),
            accept_bytes: 0,
            scratch: Scratch::default(),
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
        self.scratch.runs.clear();
        self.scratch.parts.clear();
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
                let (head, tail) = self.head_of(e);
                self.scratch.parts.push((head, run[0].0, tail));
            }
        }
        self.gather()
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
        let class = self.exprs.byte_classes().class(hot.partition, byte);
        let next = self.transitions[hot.row as usize + usize::from(class)];
        if next != UNKNOWN {
            return Ok(LexState(next));
        }
        self.explore(state, byte, fuel)
    }

    /// The bytes by which [`Self::step`] leads from `state` to one that is not dead, and perhaps
    /// others. Memoised; the first time linear in the heads of its runs.
    #[inline]
    pub fn live_bytes(&mut self, state: LexState) -> ByteSet {
        match self.live.get(state.0 as usize) {
            Some(known) if !known.is_empty() => *known,
            _ => self.find_live_bytes(state),
        }
    }

    #[cold]
    fn find_live_bytes(&mut self, state: LexState) -> ByteSet {
        if let Some(words) = self.word_part(state) {
            return self.bytes_of_words(words);
        }
        // A head that may be empty has nothing after it.
        let heads = self.runs(state).iter().map(|run| self.exprs.first_bytes(run.head));
        let found = heads.fold(ByteSet::EMPTY, |all, first| all | first);
        if self.live.len() <= state.0 as usize {
            self.live.resize(self.cold.len(), ByteSet::EMPTY);
        }
        self.live[state.0 as usize] = found;
        found
    }

    #[cold]
    fn explore(
        &mut self,
        state: LexState,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<LexState, AutomatonError> {
        self.exprs.check()?;
        if let Some(words) = self.word_part(state) {
            return self.step_words(words, byte, fuel);
        }
        let cold = self.cold[state.0 as usize];
        let range = cold.start as usize..(cold.start + cold.len) as usize;
        if self.hot[state.0 as usize].row == UNBUILT {
            self.build_row(state, range.clone());
        }
        let Hot { partition, row } = self.hot[state.0 as usize];
        let class = self.exprs.byte_classes().class(partition, byte);
        let reader = self.exprs.byte_classes().readers(partition)[usize::from(class)];
        self.scratch.runs.clear();
        self.scratch.parts.clear();
        for i in range {
            let Run { head, tails } = self.runs[i];
            let head = self.exprs.paid_derivative(head, reader, fuel)?;
            if head == Exprs::EMPTY || !self.exprs.is_live(head, fuel)? {
                continue;
            }
            let count = self.tails.get(tails).len();
            if count > 1 && !self.exprs.nullable(head) {
                self.scratch.runs.push(Run { head, tails });
                continue;
            }
            fuel.spend(count as u64)?;
            for at in 0..count {
                let (tag, tail) = self.tails.get(tails)[at];
                let e = self.exprs.then(head, tail);
                let (head, tail) = self.head_of(e);
                self.scratch.parts.push((head, tag, tail));
            }
            self.exprs.check()?;
        }
        let next = self.gather()?;
        self.transitions[row as usize + usize::from(class)] = next.0;
        Ok(next)
    }

    fn build_row(&mut self, state: LexState, runs: std::ops::Range<usize>) {
        // What comes after a head is read only after it.
        let roots = self.runs[runs].iter().map(|run| run.head);
        let partition = self.exprs.partition(roots);
        let classes = self.exprs.byte_classes();
        let count = classes.readers(partition).len();
        let row = self.transitions.len() as u32;
        self.transitions.resize(self.transitions.len() + count, UNKNOWN);
        self.hot[state.0 as usize] = Hot { partition, row };
    }

    /// Where a part is split into its head and its tail.
    fn head_of(&self, e: ExprId) -> (ExprId, ExprId) {
        match self.exprs.split(e) {
            (head, tail) if !self.exprs.nullable(head) => (head, tail),
            _ => (e, Exprs::EPSILON),
        }
    }

    /// The state of the runs and parts in `scratch`, all live. No tag comes twice.
    fn gather(&mut self) -> Result<LexState, AutomatonError> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let found = self.gather_from(&mut scratch);
        self.scratch = scratch;
        found
    }

    fn gather_from(&mut self, scratch: &mut Scratch) -> Result<LexState, AutomatonError> {
        let Scratch { runs, parts, list } = scratch;
        parts.sort_unstable();
        for alike in parts.chunk_by(|a, b| a.0 == b.0) {
            list.clear();
            list.extend(alike.iter().map(|&(_, tag, tail)| (tag, tail)));
            runs.push(Run { head: alike[0].0, tails: self.intern_tails(list)? });
        }
        runs.sort_unstable();
        if runs.windows(2).any(|pair| pair[0].head == pair[1].head) {
            let apart = std::mem::take(runs);
            for alike in apart.chunk_by(|a, b| a.head == b.head) {
                let [only] = alike else {
                    list.clear();
                    for run in alike {
                        list.extend_from_slice(self.tails.get(run.tails));
                    }
                    list.sort_unstable();
                    runs.push(Run { head: alike[0].head, tails: self.intern_tails(list)? });
                    continue;
                };
                runs.push(*only);
            }
        }
        self.intern(runs)
    }

    fn intern_tails(&mut self, list: &[(u32, ExprId)]) -> Result<TailsId, AutomatonError> {
        self.tails.intern(list, &self.exprs).ok_or_else(|| self.too_many())
    }

    fn too_many(&self) -> AutomatonError {
        let limit = self.exprs.limits().max_states.into();
        AutomatonError::Limit { name: "max_states", limit }
    }

    fn intern(&mut self, runs: &[Run]) -> Result<LexState, AutomatonError> {
        if runs.is_empty() {
            return Ok(LexState::DEAD);
        }
        if let Some(words) = self.as_words(runs) {
            return self.words_state(words);
        }
        let hash = hash_of(runs);
        if let Some(&id) = self.states.find(hash, |&id| self.runs(LexState(id)) == runs) {
            return Ok(LexState(id));
        }
        if self.cold.len() > self.exprs.limits().max_states as usize
            || self.transitions.len() > (u32::MAX - 1024) as usize
            || self.runs.len() + runs.len() > u32::MAX as usize
        {
            return Err(self.too_many());
        }
        let id = self.cold.len() as u32;
        let mut tags: Vec<u32> = Vec::new();
        let mut last_tag = 0;
        for run in runs {
            let list = self.tails.get(run.tails);
            last_tag = last_tag.max(list.last().map_or(0, |&(tag, _)| tag));
            if self.exprs.nullable(run.head) {
                tags.extend(list.iter().map(|&(tag, _)| tag));
            }
        }
        tags.sort_unstable();
        let accept = (!tags.is_empty()).then(|| self.intern_accept(tags));
        let prints = runs.iter().map(|run| (run.head, self.tails.prints(run.tails)));
        let prints = self.exprs.runs_prints(prints);
        let start = self.runs.len() as u32;
        self.runs.extend_from_slice(runs);
        self.cold.push(Cold { start, len: runs.len() as u32, last_tag, accept, prints });
        self.hot.push(Hot { partition: Partition::TRIVIAL, row: UNBUILT });
        let (cold, runs) = (&self.cold, &self.runs);
        self.states.insert_unique(hash, id, |&id| {
            let Cold { start, len, .. } = cold[id as usize];
            hash_of(&runs[start as usize..(start + len) as usize])
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

    /// Of a state that does not read words.
    fn runs(&self, state: LexState) -> &[Run] {
        let Cold { start, len, .. } = self.cold[state.0 as usize];
        &self.runs[start as usize..(start + len) as usize]
    }

    /// The first part of the run with that number, if there are so many; none of a state that reads
    /// words.
    pub(crate) fn first_part(&mut self, state: LexState, number: usize) -> Option<ExprId> {
        let Run { head, tails } = *self.runs(state).get(number)?;
        let (_, tail) = self.tails.get(tails)[0];
        Some(self.exprs.then(head, tail))
    }

    /// Whether the state reads the rest of a set of words.
    pub(crate) fn reads_words(&self, state: LexState) -> bool {
        self.word_part(state).is_some()
    }

    /// Whether it is plain to see that no part has a member that ends with one of `chars`.
    pub(crate) fn ends_otherwise(&self, state: LexState, chars: CharSelection) -> bool {
        if let Some(words) = self.word_part(state) {
            return self.words_end_otherwise(words, chars);
        }
        self.runs(state).iter().all(|run| {
            self.tails.get(run.tails).iter().all(|&(_, tail)| {
                let last = if tail == Exprs::EPSILON { run.head } else { tail };
                self.exprs.ends_otherwise(last, chars)
            })
        })
    }

    /// A lower bound of the length of completions, as far as the syntax tells.
    pub(crate) fn min_len(&self, state: LexState) -> u32 {
        if let Some(words) = self.word_part(state) {
            return self.words_min_len(words);
        }
        let least =
            |run: &Run| self.exprs.min_len(run.head).saturating_add(self.tails.min_len(run.tails));
        self.runs(state).iter().map(least).min().unwrap_or(u32::MAX)
    }

    /// The tags that still have a completion, sorted, each once.
    pub fn tags(&self, state: LexState) -> Vec<u32> {
        if let Some(words) = self.word_part(state) {
            return vec![words.tag];
        }
        let lists = self.runs(state).iter().flat_map(|run| self.tails.get(run.tails));
        let mut tags: Vec<u32> = lists.map(|&(tag, _)| tag).collect();
        tags.sort_unstable();
        tags
    }

    /// The greatest tag that still has a completion; 0 if none has.
    #[inline]
    pub fn last_tag(&self, state: LexState) -> u32 {
        self.cold[state.0 as usize].last_tag
    }

    /// The tags that still have a completion, each with what completes it.
    pub fn parts(&mut self, state: LexState) -> Vec<(u32, ExprId)> {
        if let Some(words) = self.word_part(state) {
            return vec![(words.tag, self.expr_of_words(words))];
        }
        let mut parts = Vec::new();
        for run in self.runs(state) {
            parts.extend(self.tails.get(run.tails).iter().map(|&(tag, t)| (tag, run.head, t)));
        }
        parts.sort_unstable();
        parts.into_iter().map(|(tag, head, tail)| (tag, self.exprs.then(head, tail))).collect()
    }

    /// The tag that still has a completion, if it is only one.
    pub fn sole_tag(&self, state: LexState) -> Option<u32> {
        if let Some(words) = self.word_part(state) {
            return Some(words.tag);
        }
        let [Run { tails, .. }] = *self.runs(state) else { return None };
        let [(tag, _)] = *self.tails.get(tails) else { return None };
        Some(tag)
    }

    /// The same, and what completes it.
    pub fn sole_part(&mut self, state: LexState) -> Option<(u32, ExprId)> {
        if let Some(words) = self.word_part(state) {
            return Some((words.tag, self.expr_of_words(words)));
        }
        let [Run { head, tails }] = *self.runs(state) else { return None };
        let [(tag, tail)] = *self.tails.get(tails) else { return None };
        Some((tag, self.exprs.then(head, tail)))
    }

    /// Whether some byte may follow.
    pub fn goes_on(&self, state: LexState) -> bool {
        // A word that cannot go on is no state of words.
        self.reads_words(state) || self.runs(state).iter().any(|run| run.head != Exprs::EPSILON)
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

    /// With its length; of several that are nearest, the one with the least tag.
    fn nearest_part(
        &mut self,
        state: LexState,
        keep: Option<u32>,
        fuel: &mut Fuel,
    ) -> Result<Option<(u32, ExprId)>, AutomatonError> {
        if let Some(words) = self.word_part(state) {
            if keep.is_some_and(|tag| tag != words.tag) {
                return Ok(None);
            }
            let e = self.expr_of_words(words);
            return Ok(self.exprs.shortest_len(e, fuel)?.map(|length| (length, e)));
        }
        let mut best: Option<(u32, u32, ExprId)> = None;
        let Cold { start, len, .. } = self.cold[state.0 as usize];
        for i in start..start + len {
            let Run { head, tails } = self.runs[i as usize];
            let list = self.tails.get(tails);
            let range = match keep {
                None => 0..list.len(),
                Some(tag) => match list.binary_search_by_key(&tag, |&(tag, _)| tag) {
                    Ok(at) => at..at + 1,
                    Err(_) => continue,
                },
            };
            for (tag, tail) in list[range].iter().copied() {
                fuel.spend(1)?;
                // The syntax gives a lower bound: no search for what cannot be nearer.
                let bound = self.exprs.min_len(head).saturating_add(self.exprs.min_len(tail));
                if best.is_some_and(|(length, least, _)| (length, least) < (bound, tag)) {
                    continue;
                }
                let e = self.exprs.then(head, tail);
                if let Some(length) = self.exprs.shortest_len(e, fuel)? {
                    if best.is_none_or(|(least, first, _)| (length, tag) < (least, first)) {
                        best = Some((length, tag, e));
                    }
                }
            }
        }
        Ok(best.map(|(length, _, e)| (length, e)))
    }

    /// A hash over the expressions of the parts (tags do not enter): equal for states, of any
    /// lexer of the process, that no [`LEX_HORIZON`](structgen_automaton::LEX_HORIZON) bytes can
    /// tell apart.
    #[inline]
    pub fn fingerprint(&self, state: LexState) -> u128 {
        self.prints(state)[0]
    }

    /// The same for [`LEX_NEAR_HORIZON`](structgen_automaton::LEX_NEAR_HORIZON).
    pub fn near_fingerprint(&self, state: LexState) -> u128 {
        self.prints(state)[1]
    }

    fn prints(&self, state: LexState) -> [u128; 2] {
        match self.word_part(state) {
            Some(words) => self.words_prints(words),
            None => self.cold[state.0 as usize].prints,
        }
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
            + self.transitions.capacity() * 4
            + self.cold.capacity() * size_of::<Cold>()
            + self.live.capacity() * size_of::<ByteSet>()
            + self.runs.capacity() * size_of::<Run>()
            + self.tails.bytes()
            + self.states.len() * 8
            + self.words.bytes()
            + self.accept_bytes
    }
}

fn hash_of(runs: &[Run]) -> u64 {
    let mut hasher = FxHasher::default();
    runs.hash(&mut hasher);
    hasher.finish()
}
