//! A program read as plain text, without a vocabulary: for checks, tests and samples.

use structgen_automaton::{ByteAutomaton, StateId};

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
        let automaton = program.automaton(limits, &mut limits.compile_fuel())?;
        Ok(TextAutomaton { automaton, limits: limits.clone() })
    }

    /// How many bytes of `text` can be read, and whether the text is complete.
    pub fn read(&mut self, text: &[u8]) -> Result<(usize, bool), EngineError> {
        let mut fuel = self.limits.step_fuel();
        let mut state = self.automaton.start(&mut fuel)?;
        // What was asked for other texts is over.
        self.automaton.take_limit();
        for (read, &byte) in text.iter().enumerate() {
            // A long text is no long step.
            if read % READ_AT_ONCE == 0 {
                fuel = self.limits.step_fuel();
                if self.automaton.usage().bytes > self.limits.max_memory_bytes() {
                    return Err(self.limits.memory_exceeded().into());
                }
            }
            fuel.spend(1)?;
            state = self.automaton.step(state, byte, &mut fuel)?;
            if state.is_dead() {
                return match self.automaton.take_limit() {
                    Some(limit) => Err(limit.into()),
                    None => Ok((read, false)),
                };
            }
        }
        Ok((text.len(), self.automaton.is_accepting(state, &mut fuel)?))
    }

    /// A random complete text: a walk over live bytes, uniform among them except that a state
    /// which may end ends one time in eight; after `max_bytes` the short completion is taken.
    /// None where a superset automaton leads to a dead end.
    pub fn sample(&mut self, seed: u64, max_bytes: usize) -> Result<Option<Vec<u8>>, EngineError> {
        let mut fuel = self.limits.step_fuel();
        let mut random = SplitMix(seed);
        let mut text = Vec::new();
        let mut state = self.automaton.start(&mut fuel)?;
        while text.len() < max_bytes {
            let live = self.live(state, &mut fuel)?;
            let accepting = self.automaton.is_accepting(state, &mut fuel)?;
            if live.is_empty() || (accepting && random.below(8) == 0) {
                return Ok(accepting.then_some(text));
            }
            let (byte, next) = live[random.below(live.len())];
            text.push(byte);
            state = next;
        }
        Ok(self.automaton.completion(state, &mut fuel)?.map(|rest| {
            text.extend(rest);
            text
        }))
    }

    fn live(
        &mut self,
        state: StateId,
        fuel: &mut structgen_automaton::Fuel,
    ) -> Result<Vec<(u8, StateId)>, EngineError> {
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
