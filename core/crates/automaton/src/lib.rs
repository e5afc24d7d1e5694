//! The byte automaton: the one protocol between recognisers and the engine.
//!
//! A recogniser (a regex, a context-free grammar, a JSON Schema, a composition of them)
//! is a **lazily determinised automaton over bytes whose states are values**: interned
//! ids that can be kept, compared, hashed and returned to at any time. Fork and rollback
//! therefore cost nothing, and everything that depends on a state alone can be memoised.
//!
//! Promises every implementation keeps:
//!
//! * **Liveness.** If [`ByteAutomaton::exactness`] is [`Exactness::Exact`], `step` returns
//!   [`StateId::DEAD`] exactly when no continuation leads to an accepting state. A
//!   [`Exactness::Superset`] automaton may return a live id for a dead prefix, but never
//!   `DEAD` for a live one, and `is_accepting` is always exact.
//! * **Determinism.** `step(s, b)` returns the same id whenever it is asked.
//! * **Boundedness.** Work is paid from [`Fuel`], storage from the implementation's own
//!   limits; both end in a typed [`AutomatonError`], never in a panic or an endless loop.

mod byteset;
mod clock;
mod error;
mod fuel;
mod returned;
mod sharded;
mod sorting;
mod steady;
mod stop;
mod watch;

pub use byteset::ByteSet;
pub use error::AutomatonError;
pub use fuel::Fuel;
pub use returned::{Job, Returned, do_apart};
pub use sharded::{ShardedMap, ShardedTable};
pub use sorting::sorted_set;
pub use steady::SteadyVec;
pub use stop::{CancelToken, ask_for_interrupts};
pub use watch::{GRACE, pace, unwatched};

/// A state of a byte automaton. Ids are dense, start at 1, and are only meaningful
/// to the automaton that handed them out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StateId(pub u32);

impl StateId {
    /// No continuation is accepted.
    pub const DEAD: StateId = StateId(0);

    /// True for [`StateId::DEAD`].
    #[inline]
    pub fn is_dead(self) -> bool {
        self.0 == 0
    }
}

/// A state of the lexer inside an automaton; see [`LexicalView`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LexState(pub u32);

impl LexState {
    /// No lexeme continues.
    pub const DEAD: LexState = LexState(0);

    /// True for [`LexState::DEAD`].
    #[inline]
    pub fn is_dead(self) -> bool {
        self.0 == 0
    }
}

/// How much of the truth a token mask tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exactness {
    /// A state is live if and only if a completion exists.
    Exact,
    /// A live state may turn out to have no completion; samplers must be able to retreat.
    Superset,
}

/// What the completions of an automaton are worth; see [`ByteAutomaton::completion`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Completions {
    /// Every state from which a text can end has one, or a state without one is taken for a dead
    /// end.
    Known,
    /// They are looked for within bounds: that none is found proves nothing, and what is found
    /// need not be the shortest.
    Sought,
}

/// One reading of a state: "inside a lexeme, in state `lex`; what follows the lexeme is
/// named by `context`".
///
/// Everything the vocabulary can know about `lex` alone (which tokens stay inside the
/// lexeme, which leave it and with what rest of bytes) is computed once per
/// [`ByteAutomaton::lex_fingerprint`] and shared by all constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LexicalView {
    /// The state of the lexer.
    pub lex: LexState,
    /// Opaque to the engine; handed back to [`ByteAutomaton::lex_end`].
    pub context: u32,
}

/// Bytes that a lexical fingerprint looks ahead: more than the longest token of any tokenizer
/// in use (128 spaces, in some).
pub const LEX_HORIZON: u32 = 256;

/// The same for a fingerprint that more states share: more than all but a few hundred tokens.
pub const LEX_NEAR_HORIZON: u32 = 24;

/// A set of characters: some of ASCII, by code point, and all or none of those beyond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CharSelection {
    /// A bit for each code point below 0x80.
    pub ascii: u128,
    /// All characters from U+0080 on.
    pub beyond_ascii: bool,
}

impl CharSelection {
    /// Whether one of the characters ends with `byte`, or may.
    pub fn ends_with(self, byte: u8) -> bool {
        if byte < 0x80 { self.ascii >> byte & 1 == 1 } else { self.beyond_ascii }
    }
}

/// A set of lexemes that end at the same place, interned by the automaton.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AcceptId(pub u32);

/// See the crate documentation for the promises.
pub trait ByteAutomaton: Send {
    /// The state before the first byte; `DEAD` if the language is empty.
    fn start(&mut self, fuel: &mut Fuel) -> Result<StateId, AutomatonError>;

    /// The state after one more byte. Must not be called with `DEAD`.
    fn step(
        &mut self,
        state: StateId,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError>;

    /// Whether the bytes read so far form a complete text.
    fn is_accepting(&mut self, state: StateId, fuel: &mut Fuel) -> Result<bool, AutomatonError>;

    /// A short byte string that completes `state` (empty if it is accepting): the
    /// shortest one wherever that is cheap. `None` if there is none, or none was found
    /// ([`Self::completions`]).
    ///
    /// Following it is consistent: after its first byte, the completion of the new state
    /// is at least one byte shorter.
    fn completion(
        &mut self,
        state: StateId,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError>;

    /// Whether [`Self::completion`] finds one wherever there is one. Whoever promises that a text
    /// will end may count on [`Completions::Known`] alone.
    fn completions(&self) -> Completions;

    /// The bytes by which [`Self::step`] leads from `state` to one that is not dead, and perhaps
    /// others. Cheaper than to step by each of them.
    fn live_bytes(&mut self, _state: StateId) -> ByteSet {
        ByteSet::FULL
    }

    /// What liveness means for this automaton.
    fn exactness(&self) -> Exactness;

    /// States and bytes held, for budgets and metrics.
    fn usage(&self) -> Usage;

    /// Whether a step was given up in the middle of what cannot fail (see [`pace`]): every further
    /// answer is an error, and whoever wants one builds the automaton anew.
    fn is_spoilt(&self) -> bool {
        false
    }

    /// Appends the lexical readings of `state` such that the continuations of `state` are
    /// exactly the union of the continuations of the views, and returns true; or returns
    /// false where the automaton has no such reading and has to be walked byte by byte.
    fn lexical_views(&mut self, _state: StateId, _out: &mut Vec<LexicalView>) -> bool {
        false
    }

    /// The lexer alone: the state after one more byte inside the lexeme.
    fn lex_step(
        &mut self,
        _lex: LexState,
        _byte: u8,
        _fuel: &mut Fuel,
    ) -> Result<LexState, AutomatonError> {
        Ok(LexState::DEAD)
    }

    /// As [`Self::live_bytes`], for the lexer alone.
    fn lex_live_bytes(&mut self, _lex: LexState) -> ByteSet {
        ByteSet::FULL
    }

    /// The lexemes that may end in `lex`, if any.
    fn lex_accept(&self, _lex: LexState) -> Option<AcceptId> {
        None
    }

    /// A number of bytes, as great as is plain to see: every text of at most that many bytes,
    /// all of whose characters are in `chars`, keeps the lexeme open, and it can end neither
    /// inside that text nor right after it.
    fn lex_idle_bytes(
        &mut self,
        _lex: LexState,
        _chars: CharSelection,
        _fuel: &mut Fuel,
    ) -> Result<u32, AutomatonError> {
        Ok(0)
    }

    /// A number of characters, if it is plain to see: a text, all of whose characters are in `chars`,
    /// keeps the lexeme open if it has at most so many of them, and is no beginning of one if it has
    /// more; and the lexeme can end neither inside that text nor right after it.
    fn lex_room(&mut self, _lex: LexState, _chars: CharSelection) -> Option<u32> {
        None
    }

    /// States whose lexemes are among those of `lex`, which is a choice of them, if no lexeme of
    /// `lex` ends with one of `chars`. Empty if that is not plain to see.
    fn lex_alternatives(
        &mut self,
        _lex: LexState,
        _chars: CharSelection,
        _fuel: &mut Fuel,
    ) -> Result<Vec<LexState>, AutomatonError> {
        Ok(Vec::new())
    }

    /// A structural hash of `lex`: equal only for lexer states, built anywhere in the process,
    /// that no text of at most [`LEX_HORIZON`] bytes can tell apart (component order included),
    /// so that work can be shared.
    fn lex_fingerprint(&self, _lex: LexState) -> u128 {
        0
    }

    /// The same for texts of at most [`LEX_NEAR_HORIZON`] bytes, where that is known.
    fn lex_near_fingerprint(&self, _lex: LexState) -> Option<u128> {
        None
    }

    /// The same two hashes for files, which other processes read: equal in all of them, and such
    /// that nobody can make two states share one. `None` where they are not known, or not worth
    /// their time.
    fn lex_lasting_fingerprints(&mut self, _lex: LexState) -> Option<[u128; 2]> {
        None
    }

    /// The state after the lexemes `accept` ended in `context`; `DEAD` if nothing may follow.
    /// The returned state stands for "a lexeme has just ended here and is not continued".
    fn lex_end(
        &mut self,
        _context: u32,
        _accept: AcceptId,
        _fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        Ok(StateId::DEAD)
    }

    /// What [`Self::lex_end`] knows in `context`.
    fn end_knowledge(&mut self, _context: u32) -> EndKnowledge {
        EndKnowledge::Exact
    }

    /// Whether an answer given since the last call hung on the text of a lexeme that
    /// [`Self::lex_end`] left open. Such an answer may be wrong in either way; whoever needs the
    /// truth steps through the bytes.
    fn take_doubt(&mut self) -> bool {
        false
    }

    /// The limit for which some [`Self::step`] since the last call answered `DEAD`, though the language
    /// goes on: documents that are nested more deeply than is allowed. A mask leaves such texts out;
    /// who judges a text as a whole says that it was not read to its end.
    fn take_limit(&mut self) -> Option<AutomatonError> {
        None
    }

    /// What is told apart of the lexeme that is open in `state`, if it may be any text but for
    /// some that are meant by name. `None` if that is not so, or not known, or if more than `most`
    /// of them begin as it does.
    fn lex_resting(&mut self, _state: StateId, _most: usize) -> Option<Resting> {
        None
    }

    /// Whether the lexeme that is open in `state`, continued and ended by `rest`, is one of those.
    fn lex_names(&mut self, _state: StateId, _rest: &[u8]) -> bool {
        false
    }

    /// The plainest ways to continue and end the lexeme that is open in `state` such that it
    /// repeats what must not be repeated; `None` if there are more than `most`, or it is not
    /// known. There are others with escapes. Asked where [`EndKnowledge::Distinct`] says so.
    fn lex_repeating(&mut self, _state: StateId, _most: usize) -> Option<Vec<Vec<u8>>> {
        None
    }

    /// Whether the lexeme that is open in `state`, continued and ended by `rest`, is such a
    /// repetition.
    fn lex_repeats(&mut self, _state: StateId, _rest: &[u8]) -> bool {
        false
    }
}

/// A lexeme that may be any text but for some that are meant by name.
#[derive(Clone, Debug)]
pub struct Resting {
    /// The lexer state in which it is none of those. Both have the same continuations, and the
    /// same lexemes may end after each, but where one ends that is meant by name.
    pub lex: LexState,
    /// The plainest ways to continue and end those that begin as the lexeme does. There are others
    /// with escapes, which [`ByteAutomaton::lex_names`] knows.
    pub names: Vec<Vec<u8>>,
}

/// How far [`ByteAutomaton::lex_end`] can be trusted, which does not know the text of the lexeme
/// that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndKnowledge {
    /// What follows depends on nothing but which lexemes ended.
    Exact,
    /// The text matters later (a key must not be repeated, say). Where it decides about an
    /// answer, [`ByteAutomaton::take_doubt`] says so.
    Doubtful,
    /// The same, and the lexeme may be one that [`ByteAutomaton::lex_repeats`] knows.
    Distinct,
    /// Nothing: what follows is found by stepping through the bytes of the lexeme.
    Unknown,
}

/// What an automaton holds in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Interned states.
    pub states: usize,
    /// An estimate of the bytes held.
    pub bytes: usize,
}
