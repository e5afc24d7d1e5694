//! How far a lexer state can go on while nothing happens.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, ByteAutomaton, CharSelection, Fuel, LexState};
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
    /// Any text of at most that many bytes, all of whose characters are in the groups, keeps the
    /// lexeme open, and the lexeme cannot end inside it nor right after it.
    bytes: u32,
    /// What comes after one character.
    next: Next,
}

#[derive(Clone, Copy)]
enum Next {
    /// Not tried yet.
    Unknown,
    /// The lexeme is open in this state, whichever the character.
    Same(LexState),
    /// More than `bytes` will not be found.
    Settled,
}

/// Bytes that are seen at sight to be idle: of any complete characters, and of ASCII.
#[derive(Clone, Copy)]
struct Idle {
    any: u32,
    ascii: u32,
}

impl Loop {
    /// The state comes back to itself.
    const FOREVER: Loop = Loop { bytes: u32::MAX, next: Next::Settled };
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
    idle: FxHashMap<LexState, Idle>,
    /// What a state is a choice of.
    alternatives: FxHashMap<LexState, Rc<[LexState]>>,
    /// Groups of which all characters were tried, and those that all lead back.
    staying: FxHashMap<LexState, (CharGroups, CharGroups)>,
    /// For how many complete characters there is room, exactly.
    rooms: FxHashMap<LexState, Option<u32>>,
    /// The state that was asked for last: mostly the next one too.
    last: Option<(LexState, Idle)>,
    selections: FxHashMap<CharGroups, CharSelection>,
}

impl Loops {
    /// How long a text is at most that is seen at sight to keep the lexeme open and not to end it,
    /// whatever its characters, as long as they are complete and of `groups`, in which there is
    /// no [`CharGroups::OTHER`].
    pub(super) fn idle_bytes(
        &mut self,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        groups: CharGroups,
        fuel: &mut Fuel,
    ) -> Result<u32, AutomatonError> {
        let known = match self.last {
            Some((last, idle)) if last == lex => Some(idle),
            _ => self.idle.get(&lex).copied(),
        };
        let idle = match known {
            Some(known) => known,
            None => {
                let any = self.at_sight(automaton, lex, CharGroups::COMPLETE, fuel)?.bytes;
                let ascii = match any {
                    0 => self.at_sight(automaton, lex, CharGroups::ASCII_COMPLETE, fuel)?.bytes,
                    any => any,
                };
                self.idle.insert(lex, Idle { any, ascii });
                Idle { any, ascii }
            }
        };
        self.last = Some((lex, idle));
        Ok(if groups.within(CharGroups::ASCII_COMPLETE) { idle.ascii } else { idle.any })
    }

    /// For how many complete characters there is room, if that is known; see
    /// [`ByteAutomaton::lex_room`].
    pub(super) fn room(&mut self, automaton: &mut dyn ByteAutomaton, lex: LexState) -> Option<u32> {
        if let Some(&known) = self.rooms.get(&lex) {
            return known;
        }
        let room = automaton.lex_room(lex, self.selection(CharGroups::COMPLETE));
        self.rooms.insert(lex, room);
        room
    }

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
        let found = self.at_sight(automaton, lex, groups, fuel)?;
        if found.bytes >= bytes || matches!(found.next, Next::Settled) {
            return Ok(found.bytes >= bytes);
        }
        if matches!(found.next, Next::Unknown) && tokens < WORTH_TRYING {
            let asked = self.asked.entry(lex).or_default();
            *asked += tokens;
            if *asked < WORTH_TRYING {
                return Ok(false);
            }
        }
        let mut chain: Vec<LexState> = Vec::new();
        let (mut at, mut left) = (lex, bytes);
        // A character has at least one byte.
        let mut last = loop {
            let found = self.at_sight(automaton, at, groups, fuel)?;
            if found.bytes >= left {
                break found;
            }
            let next = match found.next {
                Next::Unknown => self.try_characters(automaton, at, groups, fuel)?,
                known => known,
            };
            let Next::Same(next) = next else {
                break self.at_sight(automaton, at, groups, fuel)?;
            };
            chain.push(at);
            (at, left) = (next, left - 1);
        };
        for state in chain.into_iter().rev() {
            if let Some(known) = self.known.get_mut(&(state, groups)) {
                known.bytes = known.bytes.max(last.bytes.saturating_add(1));
                if matches!(last.next, Next::Settled) {
                    known.next = Next::Settled;
                }
                last = *known;
            }
        }
        Ok(last.bytes >= bytes)
    }

    /// The same, where one of several alternatives is enough: each has few states of its own,
    /// however many they have together.
    pub(super) fn any_holds(
        &mut self,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        groups: CharGroups,
        bytes: u32,
        tokens: usize,
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        let alternatives = match self.alternatives.get(&lex) {
            Some(known) => known.clone(),
            None => {
                let chars = self.selection(CharGroups::COMPLETE);
                let found: Rc<[LexState]> = automaton.lex_alternatives(lex, chars, fuel)?.into();
                self.alternatives.insert(lex, found.clone());
                found
            }
        };
        for &alternative in alternatives.iter() {
            if self.hold(automaton, alternative, groups, bytes, tokens, fuel)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether every character of `groups`, all of ASCII, leads back to `lex` itself.
    pub(super) fn stay(
        &mut self,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        groups: CharGroups,
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        let (mut tried, mut stays) = self.staying.get(&lex).copied().unwrap_or_default();
        if groups.within(tried) {
            return Ok(groups.within(stays));
        }
        for group in groups.each() {
            if group.within(tried) {
                continue;
            }
            let mut members = (b' '..=b'~').filter(|&byte| CharGroups::of_ascii(byte) == group);
            let stay = members.try_fold(true, |stay, byte| {
                fuel.spend(1)?;
                Ok::<bool, AutomatonError>(stay && automaton.lex_step(lex, byte, fuel)? == lex)
            })?;
            tried |= group;
            if stay {
                stays |= group;
            }
        }
        self.staying.insert(lex, (tried, stays));
        Ok(groups.within(stays))
    }

    /// What is known of `lex` and `groups` before any character is tried.
    fn at_sight(
        &mut self,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        groups: CharGroups,
        fuel: &mut Fuel,
    ) -> Result<Loop, AutomatonError> {
        if let Some(&known) = self.known.get(&(lex, groups)) {
            return Ok(known);
        }
        let chars = self.selection(groups);
        let bytes = automaton.lex_idle_bytes(lex, chars, fuel)?;
        let found = Loop { bytes, next: Next::Unknown };
        self.known.insert((lex, groups), found);
        Ok(found)
    }

    fn selection(&mut self, groups: CharGroups) -> CharSelection {
        *self.selections.entry(groups).or_insert_with(|| selection(groups))
    }

    /// Tries every character of `groups` in `lex`, of which something is known.
    fn try_characters(
        &mut self,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        groups: CharGroups,
        fuel: &mut Fuel,
    ) -> Result<Next, AutomatonError> {
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
        let Some(known) = self.known.get_mut(&(lex, groups)) else { return Ok(Next::Settled) };
        match next {
            Some(next) if next == lex => *known = Loop::FOREVER,
            Some(next) => known.next = Next::Same(next),
            None => known.next = Next::Settled,
        }
        Ok(known.next)
    }
}

fn selection(groups: CharGroups) -> CharSelection {
    let inside = |byte: &u8| CharGroups::of_ascii(*byte).within(groups);
    CharSelection {
        ascii: (0..0x80).filter(inside).fold(0, |bits, byte| bits | 1 << byte),
        beyond_ascii: CharGroups::NON_ASCII.within(groups),
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
