//! How far a lexer state can go on while nothing happens.

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel, LexState};
use structgen_vocab::CharGroups;

/// First bytes of characters beyond ASCII that take the same continuations, each with the range
/// of the second byte and the number of bytes after it.
const LEADS: [(std::ops::RangeInclusive<u8>, std::ops::RangeInclusive<u8>, u32); 8] = [
    (0xC2..=0xDF, 0x80..=0xBF, 0),
    (0xE0..=0xE0, 0xA0..=0xBF, 1),
    (0xE1..=0xEC, 0x80..=0xBF, 1),
    (0xED..=0xED, 0x80..=0x9F, 1),
    (0xEE..=0xEF, 0x80..=0xBF, 1),
    (0xF0..=0xF0, 0x90..=0xBF, 2),
    (0xF1..=0xF3, 0x80..=0xBF, 2),
    (0xF4..=0xF4, 0x80..=0x8F, 2),
];

/// What is known of a lexer state and characters of some groups.
#[derive(Clone, Copy)]
struct Loop {
    /// Where all of these characters lead, if that is one state in which the lexeme is open and
    /// does not end.
    next: Option<LexState>,
    /// Any text of at most that many bytes, all of whose characters are in the groups, keeps the
    /// lexeme open, and the lexeme cannot end inside it nor right after it.
    bytes: u32,
    /// That does not hold of `bytes + 1`.
    settled: bool,
}

impl Loop {
    /// The state comes back to itself.
    const FOREVER: u32 = u32::MAX;
}

/// Tokens that a state must have been asked about before its characters are tried: to try them
/// costs about as much as to walk to that many tokens.
const WORTH_TRYING: usize = 48;

/// Loops of lexer states, as far as they have been asked for.
#[derive(Default)]
pub(super) struct Loops {
    known: FxHashMap<(LexState, CharGroups), Loop>,
    /// Where the characters of each group lead.
    targets: FxHashMap<(LexState, CharGroups), Option<LexState>>,
    /// Tokens for which states have been asked, and nothing was known.
    asked: FxHashMap<LexState, usize>,
}

impl Loops {
    /// Whether any text of at most `bytes` bytes, all of whose characters are in `groups`, keeps
    /// the lexeme open, and the lexeme can end neither inside it nor right after it. False may
    /// also mean that it is not worth finding out for `tokens` tokens.
    pub(super) fn hold(
        &mut self,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        groups: CharGroups,
        bytes: u32,
        tokens: usize,
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        if !self.known.contains_key(&(lex, groups)) && tokens < WORTH_TRYING {
            let asked = self.asked.entry(lex).or_default();
            *asked += tokens;
            if *asked < WORTH_TRYING {
                return Ok(false);
            }
        }
        let mut chain: Vec<LexState> = Vec::new();
        let mut at = lex;
        let mut left = bytes;
        // A character has at least one byte, and what is settled stays so.
        let (mut reach, settled) = loop {
            let Loop { next, bytes, settled } = self.first_step(automaton, at, groups, fuel)?;
            if bytes >= left || settled {
                break (bytes, settled);
            }
            let Some(next) = next else { break (0, true) };
            chain.push(at);
            left -= 1;
            at = next;
        };
        for state in chain.into_iter().rev() {
            reach = reach.saturating_add(1);
            if let Some(known) = self.known.get_mut(&(state, groups)) {
                known.bytes = known.bytes.max(reach);
                known.settled = settled;
            }
        }
        Ok(reach >= bytes)
    }

    /// What is known of `lex` and `groups` without looking further than one character.
    fn first_step(
        &mut self,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        groups: CharGroups,
        fuel: &mut Fuel,
    ) -> Result<Loop, AutomatonError> {
        if let Some(&known) = self.known.get(&(lex, groups)) {
            return Ok(known);
        }
        let mut next = None;
        for group in groups.each() {
            let target = match self.targets.get(&(lex, group)) {
                Some(&known) => known,
                None => {
                    let found = if group == CharGroups::NON_ASCII {
                        beyond_ascii_target(automaton, lex, fuel)?
                    } else {
                        ascii_target(automaton, lex, group, fuel)?
                    };
                    self.targets.insert((lex, group), found);
                    found
                }
            };
            if target.is_none() || next.is_some_and(|next| Some(next) != target) {
                next = None;
                break;
            }
            next = target;
        }
        let found = match next {
            Some(next) if next == lex => {
                Loop { next: Some(next), bytes: Loop::FOREVER, settled: true }
            }
            Some(next) => Loop { next: Some(next), bytes: 1, settled: false },
            None => Loop { next: None, bytes: 0, settled: true },
        };
        self.known.insert((lex, groups), found);
        Ok(found)
    }
}

/// The state to which all characters of `group` lead, if it is one in which the lexeme is open.
fn ascii_target(
    automaton: &mut dyn ByteAutomaton,
    lex: LexState,
    group: CharGroups,
    fuel: &mut Fuel,
) -> Result<Option<LexState>, AutomatonError> {
    let mut target = None;
    for byte in (b' '..=b'~').filter(|&byte| CharGroups::of_ascii(byte) == group) {
        fuel.spend(1)?;
        let next = automaton.lex_step(lex, byte, fuel)?;
        let open = !next.is_dead() && automaton.lex_accept(next).is_none();
        if !open || target.is_some_and(|target| target != next) {
            return Ok(None);
        }
        target = Some(next);
    }
    Ok(target)
}

/// The same for all characters beyond ASCII.
fn beyond_ascii_target(
    automaton: &mut dyn ByteAutomaton,
    lex: LexState,
    fuel: &mut Fuel,
) -> Result<Option<LexState>, AutomatonError> {
    let mut target = lex;
    for byte in "\u{80}".bytes() {
        target = automaton.lex_step(target, byte, fuel)?;
        if target.is_dead() || automaton.lex_accept(target).is_some() {
            return Ok(None);
        }
    }
    // Few states differ inside a character: what was seen once holds again.
    let mut seen: Vec<(LexState, u8, u8, u32)> = Vec::new();
    for (leads, seconds, rest) in LEADS {
        for lead in leads {
            fuel.spend(1)?;
            let inside = automaton.lex_step(lex, lead, fuel)?;
            let key = (inside, *seconds.start(), *seconds.end(), rest);
            if seen.contains(&key) {
                continue;
            }
            if !continues_to(automaton, inside, seconds.clone(), rest, target, fuel)? {
                return Ok(None);
            }
            seen.push(key);
        }
    }
    Ok(Some(target))
}

fn continues_to(
    automaton: &mut dyn ByteAutomaton,
    inside: LexState,
    bytes: std::ops::RangeInclusive<u8>,
    rest: u32,
    target: LexState,
    fuel: &mut Fuel,
) -> Result<bool, AutomatonError> {
    if inside.is_dead() || automaton.lex_accept(inside).is_some() {
        return Ok(false);
    }
    let mut last = None;
    for byte in bytes {
        fuel.spend(1)?;
        let next = automaton.lex_step(inside, byte, fuel)?;
        if last == Some(next) {
            continue;
        }
        let good = match rest {
            0 => next == target,
            _ => continues_to(automaton, next, 0x80..=0xBF, rest - 1, target, fuel)?,
        };
        if !good {
            return Ok(false);
        }
        last = Some(next);
    }
    Ok(true)
}
