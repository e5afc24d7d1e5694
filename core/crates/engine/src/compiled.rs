//! A constraint bound to a vocabulary.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use structgen_automaton::{ByteAutomaton, Completions, Exactness, Fuel, StateId, Usage};
use structgen_vocab::{SPECIAL_MARKER, TokenId, TokenMask, Vocabulary};

use crate::closing::{Closing, search};
use crate::locks::lock_unless_cancelled;
use crate::masks::live_tokens;
use crate::memo::MaskMemo;
use crate::{EngineError, Limits, Matcher, Program, SharedVocabulary};

/// Bytes of a text that are read within the budget of one step.
const READ_AT_ONCE: usize = 4096;

/// What is kept of a budget for each token of a completion, which is copied, kept, and made a number
/// of the host's in a list.
const TIME_OF_A_TOKEN: Duration = Duration::from_nanos(30);

/// A position of a sequence: a state of the automaton, or after an end token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position(pub u32);

impl Position {
    /// No text gets here.
    pub const DEAD: Position = Position(0);
    /// After an end token.
    pub const TERMINATED: Position = Position(u32::MAX);

    fn state(self) -> StateId {
        StateId(self.0)
    }
}

/// The automaton of one constraint over one vocabulary; positions are values.
///
/// Shared between threads: memoised masks are read in parallel, everything else takes turns.
pub struct Tokens {
    vocabulary: Arc<SharedVocabulary>,
    generation: u64,
    limits: Limits,
    exactness: Exactness,
    completions: Completions,
    start: StateId,
    /// The highest state handed out. Ids are dense: all below it are states, too.
    highest: AtomicU32,
    /// Of what the limits allow, in thousandths, when last looked at.
    used: AtomicU32,
    core: Mutex<Core>,
    masks: RwLock<MaskMemo>,
    counts: Counts,
}

/// What takes turns.
struct Core {
    automaton: Box<dyn ByteAutomaton>,
    /// The mask that is being filled.
    mask: TokenMask,
}

/// What happened to masks so far.
#[derive(Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
}

/// Generations handed out in this process.
static GENERATIONS: AtomicU64 = AtomicU64::new(0);

impl Tokens {
    /// Fails with [`EngineError::Empty`] if no text satisfies the automaton.
    pub fn new(
        mut automaton: Box<dyn ByteAutomaton>,
        vocabulary: Arc<SharedVocabulary>,
        limits: Limits,
        fuel: &mut Fuel,
    ) -> Result<Self, EngineError> {
        let start = automaton.start(fuel)?;
        if start.is_dead() {
            return Err(EngineError::Empty { parts: Vec::new() });
        }
        let mask = TokenMask::none(vocabulary.vocabulary.size());
        let memo = MaskMemo::new(mask.words().len());
        Ok(Tokens {
            vocabulary,
            generation: GENERATIONS.fetch_add(1, Ordering::Relaxed) + 1,
            limits,
            exactness: automaton.exactness(),
            completions: automaton.completions(),
            start,
            highest: AtomicU32::new(start.0),
            used: AtomicU32::new(0),
            core: Mutex::new(Core { automaton, mask }),
            masks: RwLock::new(memo),
            counts: Counts::default(),
        })
    }

    /// A number that no other automaton of this process has: positions of different ones have
    /// nothing to do with each other.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// How much of the states and the memory allowed is used, in thousandths.
    pub fn used(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }

    /// Looks at [`Self::used`] again, after a step that did not get to it.
    pub(crate) fn weigh(&self) {
        let Ok(core) = self.lock() else { return };
        match core.automaton.is_spoilt() {
            true => self.used.store(u32::MAX, Ordering::Relaxed),
            // Beyond the limit, which is what it is asked for.
            false => drop(self.check_memory(&core)),
        }
    }

    /// Before the first token.
    pub fn start(&self) -> Position {
        Position(self.start.0)
    }

    /// Whether `at` can have come from here: callers keep positions as plain numbers.
    pub fn knows(&self, at: Position) -> bool {
        at == Position::TERMINATED || at.0 <= self.highest.load(Ordering::Relaxed)
    }

    /// The vocabulary.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary.vocabulary
    }

    /// What masks tell.
    pub fn exactness(&self) -> Exactness {
        self.exactness
    }

    /// What completions are worth.
    pub fn completions(&self) -> Completions {
        self.completions
    }

    /// Whoever holds it may be long; it can be waited for no longer than until `cancel`.
    fn lock(&self) -> Result<MutexGuard<'_, Core>, EngineError> {
        // A panic inside a step leaves at worst an interned state without a memo.
        Ok(lock_unless_cancelled(&self.core, self.limits.cancel.as_ref())?)
    }

    /// One step of the automaton, within its budget.
    fn step<T>(
        &self,
        step: impl FnOnce(&mut Core, &mut Fuel) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let mut core = self.lock()?;
        if core.automaton.is_spoilt() {
            self.used.store(u32::MAX, Ordering::Relaxed);
            return Err(EngineError::Spoilt);
        }
        self.limits.step_fuel().watched(|fuel| step(&mut core, fuel))
    }

    /// The position after one more token; [`Position::DEAD`] if it is not allowed.
    pub fn advance(&self, at: Position, token: TokenId) -> Result<Position, EngineError> {
        if at == Position::TERMINATED || at == Position::DEAD {
            return Ok(Position::DEAD);
        }
        self.step(|core, fuel| {
            if let Some(path) = self.vocabulary().path(token) {
                let mut state = at.state();
                for &byte in path.iter() {
                    state = core.automaton.step(state, byte, fuel)?;
                    if state.is_dead() {
                        break;
                    }
                }
                if !state.is_dead() {
                    if core.automaton.is_spoilt() {
                        return Err(EngineError::Spoilt);
                    }
                    // A state that was handed out before has taken its memory before.
                    if self.highest.fetch_max(state.0, Ordering::Relaxed) < state.0 {
                        self.check_memory(core)?;
                    }
                    return Ok(Position(state.0));
                }
            }
            if self.vocabulary().is_eos(token) && core.automaton.is_accepting(at.state(), fuel)? {
                return Ok(Position::TERMINATED);
            }
            Ok(Position::DEAD)
        })
    }

    /// The position after some bytes of text, and how many of them could be read.
    pub fn advance_bytes(
        &self,
        at: Position,
        text: &[u8],
    ) -> Result<(Position, usize), EngineError> {
        if at == Position::TERMINATED || at == Position::DEAD {
            return Ok((at, 0));
        }
        let mut state = at.state();
        let mut read = 0;
        // A long text is no long step, but may grow the automaton like many.
        for part in text.chunks(READ_AT_ONCE) {
            let dead = self.step(|core, fuel| {
                self.check_memory(core)?;
                // What was asked for tokens is over.
                core.automaton.take_limit();
                for &byte in part {
                    fuel.spend(1)?;
                    let next = match byte {
                        SPECIAL_MARKER => StateId::DEAD,
                        byte => core.automaton.step(state, byte, fuel)?,
                    };
                    if next.is_dead() {
                        return match core.automaton.take_limit() {
                            Some(limit) => Err(limit.into()),
                            None => Ok(true),
                        };
                    }
                    state = next;
                    read += 1;
                }
                Ok(false)
            })?;
            if dead {
                break;
            }
        }
        Ok((Position(state.0), read))
    }

    /// Whether the mask of `at` is memoised.
    pub(crate) fn knows_mask(&self, at: Position) -> bool {
        let masks = self.masks.read().unwrap_or_else(PoisonError::into_inner);
        masks.knows(at.state())
    }

    /// Which tokens may follow, end tokens included. Memoised.
    pub fn mask(&self, at: Position) -> Result<TokenMask, EngineError> {
        let mut row = vec![0; self.vocabulary().size().div_ceil(32)].into_boxed_slice();
        self.fill_mask(at, &mut row)?;
        Ok(TokenMask::of_words(row))
    }

    /// The same into `row`, which must be as wide as the vocabulary's masks.
    pub fn fill_mask(&self, at: Position, row: &mut [u32]) -> Result<(), EngineError> {
        if at == Position::TERMINATED || at == Position::DEAD {
            row.fill(0);
            return Ok(());
        }
        let state = at.state();
        if self.masks.read().unwrap_or_else(PoisonError::into_inner).fill(state, row) {
            self.counts.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        self.counts.misses.fetch_add(1, Ordering::Relaxed);
        self.step(|core, fuel| {
            let Core { automaton, mask } = core;
            automaton.take_limit();
            live_tokens(mask, &self.vocabulary, &mut **automaton, state, fuel)?;
            if automaton.is_accepting(state, fuel)? {
                for &token in self.vocabulary().eos() {
                    mask.insert(token);
                }
            }
            // A limit that leaves tokens is none of the caller's business; one that leaves none is.
            if let Some(limit) = automaton.take_limit().filter(|_| mask.count() == 0) {
                return Err(limit.into());
            }
            // Not every answer of a spoilt automaton is an error.
            if core.automaton.is_spoilt() {
                return Err(EngineError::Spoilt);
            }
            let usage = self.check_memory(core)?;
            core.mask.write_to(row);
            let most = self.mask_budget(usage.bytes);
            // Masks may be forgotten at any time; states may not.
            let mut masks = self.masks.write().unwrap_or_else(PoisonError::into_inner);
            masks.insert(state, &core.mask, most);
            Ok(())
        })
    }

    /// Gives back the memory of the masks.
    pub(crate) fn forget_masks(&self) {
        self.masks.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether the text so far is complete.
    pub fn is_accepting(&self, at: Position) -> Result<bool, EngineError> {
        match at {
            Position::DEAD => Ok(false),
            Position::TERMINATED => Ok(true),
            _ => self.step(|core, fuel| Ok(core.automaton.is_accepting(at.state(), fuel)?)),
        }
    }

    /// The bytes that must come next, up to the first choice, the first special token, or
    /// `max_bytes`.
    pub fn forced(&self, at: Position, max_bytes: usize) -> Result<Vec<u8>, EngineError> {
        let mut text = Vec::new();
        if at == Position::TERMINATED || at == Position::DEAD {
            return Ok(text);
        }
        self.step(|core, fuel| {
            let mut state = at.state();
            while text.len() < max_bytes && !core.automaton.is_accepting(state, fuel)? {
                let mut only = None;
                for byte in 0..=u8::MAX {
                    let next = core.automaton.step(state, byte, fuel)?;
                    if !next.is_dead() {
                        if only.is_some() {
                            return Ok(text);
                        }
                        only = Some((byte, next));
                    }
                }
                match only {
                    Some((byte, next)) if byte != SPECIAL_MARKER => {
                        text.push(byte);
                        state = next;
                    }
                    _ => break,
                }
            }
            Ok(text)
        })
    }

    /// A short text, special tokens spelled between markers, that completes the position.
    pub fn completion(&self, at: Position) -> Result<Option<Vec<u8>>, EngineError> {
        match at {
            Position::DEAD => Ok(None),
            Position::TERMINATED => Ok(Some(Vec::new())),
            _ => self.step(|core, fuel| Ok(core.automaton.completion(at.state(), fuel)?)),
        }
    }

    /// A short completion in tokens: the fewest tokens that spell [`Self::completion`]. None if
    /// there is none, or the vocabulary cannot spell it.
    pub fn completion_tokens(&self, at: Position) -> Result<Option<Vec<TokenId>>, EngineError> {
        // Of one time for both.
        let mut fuel = self.limits.step_fuel().started(Duration::ZERO);
        let Some(path) = self.completion(at)? else { return Ok(None) };
        let tokens = self.vocabulary().fewest_tokens(&path, |steps| fuel.spend(steps))?;
        let count = tokens.as_ref().map_or(0, Vec::len) as u32;
        fuel.is_time_for(TIME_OF_A_TOKEN * count)?;
        Ok(tokens)
    }

    /// What is known of the tokens to the end, after a search within `effort` steps.
    pub fn closing(&self, at: Position, effort: u64) -> Result<Closing, EngineError> {
        match at {
            Position::DEAD => Ok(Closing { at_least: u32::MAX, tokens: None }),
            Position::TERMINATED => Ok(Closing { at_least: 0, tokens: Some(Vec::new()) }),
            _ => self.step(|core, fuel| {
                let automaton = &mut *core.automaton;
                let found = search(self.vocabulary(), automaton, at.state(), effort, fuel)?;
                self.check_memory(core)?;
                Ok(found)
            }),
        }
    }

    /// The bytes for masks beside `states` bytes of states: what these leave, and at most half of
    /// everything.
    fn mask_budget(&self, states: usize) -> usize {
        let all = self.limits.max_memory_bytes();
        all.saturating_sub(states).min(all / 2)
    }

    fn check_memory(&self, core: &Core) -> Result<Usage, EngineError> {
        let (usage, most) = (core.automaton.usage(), self.limits.max_memory_bytes());
        let share = |used: usize, of: usize| (used as u64 * 1000 / of.max(1) as u64) as u32;
        let used =
            share(usage.bytes, most).max(share(usage.states, self.limits.max_states as usize));
        self.used.store(used, Ordering::Relaxed);
        if usage.bytes > most {
            return Err(self.limits.memory_exceeded().into());
        }
        Ok(usage)
    }

    /// Counters for metrics.
    pub fn stats(&self) -> Stats {
        // Metrics wait for a step, but for its end only.
        let usage = self.core.lock().unwrap_or_else(PoisonError::into_inner).automaton.usage();
        let masks = self.masks.read().unwrap_or_else(PoisonError::into_inner);
        let (lexical_entries, lexical_bytes, lexical_cleared) = self.vocabulary.lexical.usage();
        Stats {
            states: usage.states,
            state_bytes: usage.bytes,
            masks: masks.len(),
            mask_bytes: masks.bytes(),
            lexical_entries,
            lexical_bytes,
            lexical_cleared: lexical_cleared as usize,
            mask_hits: self.counts.hits.load(Ordering::Relaxed),
            mask_misses: self.counts.misses.load(Ordering::Relaxed),
            masks_cleared: masks.cleared(),
            renewals: 0,
        }
    }
}

/// What a compiled constraint holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Interned states.
    pub states: usize,
    /// Bytes held by them.
    pub state_bytes: usize,
    /// Memoised masks.
    pub masks: usize,
    /// Bytes held by them.
    pub mask_bytes: usize,
    /// Lexer states known to the vocabulary.
    pub lexical_entries: usize,
    /// Bytes held by them.
    pub lexical_bytes: usize,
    /// How often they were forgotten to stay within their budget.
    pub lexical_cleared: usize,
    /// Masks that were memoised when asked for.
    pub mask_hits: u64,
    /// Masks that had to be worked out.
    pub mask_misses: u64,
    /// How often the masks were forgotten to stay within their budget.
    pub masks_cleared: u64,
    /// How often the automaton was begun afresh.
    pub renewals: u64,
}

/// Thousandths of the states or memory allowed beyond which an automaton is left for a fresh one.
pub(crate) const HEAVY: u32 = 500;

/// Up to this many, there is room for one more matcher that comes from a heavy one.
const ROOMY: u32 = 250;

/// A compiled constraint: hands out matchers, and starts afresh when the automaton has grown
/// heavy. Matchers that live on move to the fresh one when they are asked for something.
pub struct Compiled {
    program: Arc<Program>,
    vocabulary: Arc<SharedVocabulary>,
    limits: Limits,
    /// Locked for a moment only, never while anything is built: who asks for it may hold what
    /// building waits for.
    current: RwLock<Arc<Tokens>>,
    /// Held by whoever builds the next one.
    renewing: Mutex<()>,
    renewals: AtomicU64,
}

impl Compiled {
    /// Compiles `program` for `vocabulary`.
    pub fn new(
        program: Arc<Program>,
        vocabulary: Arc<SharedVocabulary>,
        limits: Limits,
    ) -> Result<Self, EngineError> {
        for name in program.special_tokens() {
            if !vocabulary.vocabulary.specials().contains_key(&name) {
                return Err(EngineError::MissingSpecial { name });
            }
        }
        let tokens = Self::build(&program, &vocabulary, &limits)?;
        Ok(Compiled {
            program,
            vocabulary,
            limits,
            current: RwLock::new(Arc::new(tokens)),
            renewing: Mutex::new(()),
            renewals: AtomicU64::new(0),
        })
    }

    fn build(
        program: &Program,
        vocabulary: &Arc<SharedVocabulary>,
        limits: &Limits,
    ) -> Result<Tokens, EngineError> {
        limits.compile_fuel().watched(|fuel| {
            let automaton = program.automaton(limits, fuel)?;
            Tokens::new(automaton, vocabulary.clone(), limits.clone(), fuel)
        })
    }

    /// The automaton that new matchers start with.
    pub fn tokens(&self) -> Arc<Tokens> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The vocabulary.
    pub fn vocabulary(&self) -> &Arc<SharedVocabulary> {
        &self.vocabulary
    }

    /// The limits that it works under.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A matcher before the first token.
    pub fn matcher(self: &Arc<Self>) -> Result<Matcher, EngineError> {
        let mut tokens = self.tokens();
        if tokens.used() > HEAVY {
            tokens = self.other_than(tokens.generation(), HEAVY)?;
        }
        Ok(Matcher::new(self.clone(), tokens))
    }

    /// An automaton with room, which is not that of `generation`: the current one, or a fresh one.
    pub(crate) fn roomy(&self, generation: u64) -> Result<Arc<Tokens>, EngineError> {
        self.other_than(generation, ROOMY)
    }

    fn other_than(&self, generation: u64, most: u32) -> Result<Arc<Tokens>, EngineError> {
        // Whoever comes second while it is built finds what the first has built.
        let _turn = lock_unless_cancelled(&self.renewing, self.limits.cancel.as_ref())?;
        let current = self.tokens();
        if current.generation() != generation && current.used() <= most {
            return Ok(current);
        }
        let fresh = Arc::new(Self::build(&self.program, &self.vocabulary, &self.limits)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh.clone();
        self.renewals.fetch_add(1, Ordering::Relaxed);
        Ok(fresh)
    }

    /// Forgets all states and masks; matchers that live on keep theirs.
    pub fn clear(&self) -> Result<(), EngineError> {
        self.other_than(self.tokens().generation(), HEAVY).map(drop)
    }

    /// Counters for metrics: of the automaton that new matchers start with.
    pub fn stats(&self) -> Stats {
        Stats { renewals: self.renewals.load(Ordering::Relaxed), ..self.tokens().stats() }
    }
}
