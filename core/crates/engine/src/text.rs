//! A program read as plain text, without a vocabulary: for checks, tests and samples.

use structgen_automaton::{ByteAutomaton, Fuel, StateId};

use crate::{EngineError, Limits, Program};

/// Bytes that are read within the budget of one step.
const READ_AT_ONCE: usize = 4096;

/// The automaton of a program over bytes.
pub struct TextAutomaton {
    automaton: Box<dyn ByteAutomaton>,
    limits: Limits,
}

impl TextAutomaton {
    /// Builds the automaton of `program`, under the limits that it was made under.
    pub fn new(program: &Program) -> Result<Self, EngineError> {
        let limits = program.limits();
        let automaton = limits.compile_fuel().watched(|fuel| program.automaton(limits, fuel))?;
        Ok(TextAutomaton { automaton, limits: limits.clone() })
    }

    /// How many bytes of `text` can be read, and whether the text is complete.
    pub fn read(&mut self, text: &[u8]) -> Result<(usize, bool), EngineError> {
        let TextAutomaton { automaton, limits } = self;
        let mut state = limits.step_fuel().watched(|fuel| automaton.start(fuel))?;
        // What was asked for other texts is over.
        automaton.take_limit();
        let mut read = 0;
        // A long text is no long step.
        for part in text.chunks(READ_AT_ONCE) {
            if automaton.usage().bytes > limits.max_memory_bytes() {
                return Err(limits.memory_exceeded().into());
            }
            limits.step_fuel().watched(|fuel| {
                for &byte in part {
                    fuel.spend(1)?;
                    state = automaton.step(state, byte, fuel)?;
                    if state.is_dead() {
                        break;
                    }
                    read += 1;
                }
                Ok::<_, EngineError>(())
            })?;
            if state.is_dead() {
                return match automaton.take_limit() {
                    Some(limit) => Err(limit.into()),
                    None => Ok((read, false)),
                };
            }
        }
        Ok((read, limits.step_fuel().watched(|fuel| automaton.is_accepting(state, fuel))?))
    }

    /// See [`ByteAutomaton::is_spoilt`].
    pub fn is_spoilt(&self) -> bool {
        self.automaton.is_spoilt()
    }

    /// A random complete text: a walk over live bytes, uniform among them except that a state
    /// which may end ends one time in eight; after `max_bytes` the short completion is taken.
    /// None where a superset automaton leads to a dead end.
    pub fn sample(&mut self, seed: u64, max_bytes: usize) -> Result<Option<Vec<u8>>, EngineError> {
        self.limits.step_fuel().watched(|fuel| self.walk(seed, max_bytes, fuel))
    }

    fn walk(
        &mut self,
        seed: u64,
        max_bytes: usize,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, EngineError> {
        let mut random = SplitMix(seed);
        let mut text = Vec::new();
        let mut state = self.automaton.start(fuel)?;
        while text.len() < max_bytes {
            let live = self.live(state, fuel)?;
            let accepting = self.automaton.is_accepting(state, fuel)?;
            if live.is_empty() || (accepting && random.below(8) == 0) {
                return Ok(accepting.then_some(text));
            }
            let (byte, next) = live[random.below(live.len())];
            text.push(byte);
            state = next;
        }
        Ok(self.automaton.completion(state, fuel)?.map(|rest| {
            text.extend(rest);
            text
        }))
    }

    fn live(&mut self, state: StateId, fuel: &mut Fuel) -> Result<Vec<(u8, StateId)>, EngineError> {
        let mut live = Vec::new();
        for byte in 0..=u8::MAX {
            fuel.spend(1)?;
            let next = self.automaton.step(state, byte, fuel)?;
            if !next.is_dead() {
                live.push((byte, next));
            }
        }
        Ok(live)
    }
}

/// Steele, Lea & Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014):
/// reproducible everywhere, and all that a random walk needs.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}
