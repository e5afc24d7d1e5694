//! How far a lexer state can go on while nothing happens.

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel, LexState};
use structgen_vocab::CharGroups;

/// Any text of at most `bytes` bytes whose characters are all in `groups` keeps the lexeme open,
/// and the lexeme cannot end inside it nor right after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loop {
    pub groups: CharGroups,
    pub bytes: u32,
}

impl Loop {
    const NONE: Loop = Loop { groups: CharGroups::NONE, bytes: 0 };
    /// The state comes back to itself.
    const FOREVER: u32 = u32::MAX;
}

/// States of a chain that are followed: more than most tokens have characters.
const MAX_CHAIN: usize = 130;

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

/// Loops of lexer states, as far as they have been asked for.
#[derive(Default)]
pub(super) struct Loops {
    known: FxHashMap<LexState, Loop>,
}

impl Loops {
    pub(super) fn of(
        &mut self,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        fuel: &mut Fuel,
    ) -> Result<Loop, AutomatonError> {
        if let Some(&known) = self.known.get(&lex) {
            return Ok(known);
        }
        let mut chain: Vec<(LexState, CharGroups)> = Vec::new();
        let mut at = lex;
        // What is known of the state after the chain.
        let mut after = loop {
            if let Some(&known) = self.known.get(&at) {
                break known;
            }
            let Some((groups, next)) = next_of_most(automaton, at, fuel)? else {
                self.known.insert(at, Loop::NONE);
                break Loop::NONE;
            };
            if next == at {
                let found = Loop { groups, bytes: Loop::FOREVER };
                self.known.insert(at, found);
                break found;
            }
            chain.push((at, groups));
            if chain.len() == MAX_CHAIN {
                // Nothing is claimed of what comes then.
                break Loop::NONE;
            }
            at = next;
        };
        for (state, groups) in chain.into_iter().rev() {
            let bytes = if groups.within(after.groups) { after.bytes.saturating_add(1) } else { 1 };
            after = Loop { groups, bytes };
            self.known.insert(state, after);
        }
        Ok(self.known.get(&lex).copied().unwrap_or(Loop::NONE))
    }
}

/// The state to which all characters of some groups lead, with these groups; None if there is
/// none in which the lexeme stays open.
fn next_of_most(
    automaton: &mut dyn ByteAutomaton,
    lex: LexState,
    fuel: &mut Fuel,
) -> Result<Option<(CharGroups, LexState)>, AutomatonError> {
    let mut found: Option<(CharGroups, LexState)> = None;
    for group in CharGroups::ASCII {
        let Some(target) = ascii_target(automaton, lex, group, fuel)? else { continue };
        match &mut found {
            Some((groups, next)) if *next == target => *groups |= group,
            Some(_) => {}
            None => found = Some((group, target)),
        }
    }
    if let Some((groups, next)) = &mut found
        && beyond_ascii_leads_to(automaton, lex, *next, fuel)?
    {
        *groups |= CharGroups::NON_ASCII;
    }
    Ok(found)
}

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

/// Whether every character beyond ASCII leads from `lex` to `target`.
fn beyond_ascii_leads_to(
    automaton: &mut dyn ByteAutomaton,
    lex: LexState,
    target: LexState,
    fuel: &mut Fuel,
) -> Result<bool, AutomatonError> {
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
                return Ok(false);
            }
            seen.push(key);
        }
    }
    Ok(true)
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
