//! The terminals: one combined lexer for the regular ones, nested automata for the others.
//!
//! Terminals that match the empty text are split: the empty lexeme is dealt with in the
//! grammar (the symbol is nullable), and what is scanned here is the rest.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use structgen_automaton::{
    AcceptId, AutomatonError, ByteAutomaton, ByteSet, Completions, Exactness, Fuel, LexState,
    StateId,
};
use structgen_regex::{ExprId, Exprs, Lexer};

use crate::ir::{Terminal, TerminalKind};
use crate::states::Reader;

/// What the grammar has to know about a terminal.
#[derive(Clone, Debug, Default)]
pub(crate) struct TerminalFacts {
    /// A shortest member; `None`: the terminal matches nothing.
    pub shortest: Option<Vec<u8>>,
    /// It matches the empty text.
    pub nullable: bool,
    /// It matches some text that is not empty.
    pub proper: bool,
}

enum Matcher {
    /// Not reachable from the start rule.
    Unused,
    /// The members that are not empty.
    Regex(ExprId),
    Nested {
        automaton: Box<dyn ByteAutomaton>,
        start: StateId,
    },
}

/// The states in which a set of terminals begins.
#[derive(Clone, Debug)]
pub(crate) struct Beginning {
    /// The regular ones, `DEAD` if there are none.
    pub lex: LexState,
    /// The others: terminal and state.
    pub nested: Arc<[(u32, StateId)]>,
}

/// What is known about a lexer state, once asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LexFacts {
    /// Some lexeme goes on: not every live part is the empty text.
    pub goes_on: bool,
    /// The only terminal that is still possible, if there is just one.
    pub sole: Option<u32>,
    /// An ignored lexeme that may end here, and all that may still follow in it is a
    /// sequence of ignored lexemes. Going on with it says nothing new: what it leads to is
    /// reached by ending it and ignoring the rest. Thereby white space leaves no trace.
    pub ignorable: bool,
}

pub(crate) struct Lexicon {
    pub lexer: Lexer,
    matchers: Vec<Matcher>,
    /// The terminals that are automata.
    automata: Vec<u32>,
    ignore: Vec<u32>,
    /// Any sequence of ignored lexemes.
    ignored: ExprId,
    facts: Vec<Option<LexFacts>>,
    /// (terminal, state) of nested automata: is there a longer lexeme?
    nested_goes_on: FxHashMap<(u32, u32), bool>,
    beginnings: FxHashMap<Box<[u32]>, Beginning>,
    exactness: Exactness,
    completions: Completions,
}

impl Lexicon {
    /// See `ByteAutomaton::is_spoilt`.
    pub fn is_spoilt(&self) -> bool {
        self.lexer.exprs.check().is_err()
            || self.automata.iter().any(|&t| match &self.matchers[t as usize] {
                Matcher::Nested { automaton, .. } => automaton.is_spoilt(),
                _ => false,
            })
    }

    /// Takes the terminals that are `used`, and finds out what they match.
    pub fn new(
        terminals: Vec<Terminal>,
        used: &[bool],
        ignore: &[u32],
        mut exprs: Exprs,
        fuel: &mut Fuel,
    ) -> Result<(Self, Vec<TerminalFacts>), AutomatonError> {
        exprs.check()?;
        let mut matchers = Vec::with_capacity(terminals.len());
        let mut all_facts = Vec::with_capacity(terminals.len());
        let mut exactness = Exactness::Exact;
        let mut completions = Completions::Known;
        for (terminal, used) in terminals.into_iter().zip(used) {
            fuel.spend(1)?;
            let (matcher, facts) = match terminal.kind {
                _ if !used => (Matcher::Unused, TerminalFacts::default()),
                TerminalKind::Regex(expr) => regex_terminal(&mut exprs, expr, fuel)?,
                TerminalKind::Automaton(automaton) => {
                    if automaton.completions() == Completions::Sought {
                        completions = Completions::Sought;
                    }
                    if automaton.exactness() == Exactness::Superset {
                        exactness = Exactness::Superset;
                    }
                    nested_terminal(automaton, fuel)?
                }
            };
            matchers.push(matcher);
            all_facts.push(facts);
        }
        let parts: Vec<ExprId> = ignore
            .iter()
            .filter_map(|t| match &matchers[*t as usize] {
                Matcher::Regex(expr) => Some(*expr),
                _ => None,
            })
            .collect();
        let is_automaton = |t: &u32| matches!(matchers[*t as usize], Matcher::Nested { .. });
        let automata = (0..matchers.len() as u32).filter(is_automaton).collect();
        let union = exprs.or(&parts);
        let ignored = exprs.repeat(union, 0, None);
        exprs.check()?;
        let lexicon = Lexicon {
            lexer: Lexer::new(exprs),
            matchers,
            automata,
            ignore: ignore.to_vec(),
            ignored,
            facts: Vec::new(),
            nested_goes_on: FxHashMap::default(),
            beginnings: FxHashMap::default(),
            exactness,
            completions,
        };
        Ok((lexicon, all_facts))
    }

    /// Lexemes are completed by the automata that read them.
    pub fn completions(&self) -> Completions {
        self.completions
    }

    pub fn exactness(&self) -> Exactness {
        self.exactness
    }

    /// An estimate of the memory held.
    pub fn bytes(&self) -> usize {
        let automata = self.automata.iter().map(|t| match &self.matchers[*t as usize] {
            Matcher::Nested { automaton, .. } => automaton.usage().bytes,
            _ => 0,
        });
        automata.sum::<usize>()
            + self.lexer.bytes()
            + self.matchers.len() * size_of::<Matcher>()
            + self.facts.len() * size_of::<Option<LexFacts>>()
            + self.nested_goes_on.len() * 16
    }

    /// Where the lexemes of `terminals` (sorted) begin.
    pub fn begin(
        &mut self,
        terminals: &[u32],
        fuel: &mut Fuel,
    ) -> Result<Beginning, AutomatonError> {
        if let Some(found) = self.beginnings.get(terminals) {
            return Ok(found.clone());
        }
        fuel.spend(1 + terminals.len() as u64)?;
        let mut parts = Vec::new();
        let mut nested = Vec::new();
        for t in terminals {
            match &self.matchers[*t as usize] {
                Matcher::Regex(expr) => parts.push((*t, *expr)),
                Matcher::Nested { start, .. } => nested.push((*t, *start)),
                Matcher::Unused => {}
            }
        }
        let lex = if parts.is_empty() { LexState::DEAD } else { self.lexer.state(&parts, fuel)? };
        let beginning = Beginning { lex, nested: nested.into() };
        self.beginnings.insert(terminals.into(), beginning.clone());
        Ok(beginning)
    }

    /// What is known about `lex`.
    pub fn facts(&mut self, lex: LexState, fuel: &mut Fuel) -> Result<LexFacts, AutomatonError> {
        let index = lex.0 as usize;
        if self.facts.len() <= index {
            self.facts.resize(index + 1, None);
        }
        if let Some(facts) = self.facts[index] {
            return Ok(facts);
        }
        let goes_on = self.lexer.goes_on(lex);
        let sole = self.lexer.sole_tag(lex);
        let ends = self.lexer.accept(lex).is_some();
        let ignorable = match sole {
            Some(terminal) if goes_on && ends && self.ignore.contains(&terminal) => {
                match self.lexer.sole_part(lex) {
                    Some((_, rest)) => self.lexer.exprs.contains(self.ignored, rest, fuel)?,
                    None => false,
                }
            }
            _ => false,
        };
        let facts = LexFacts { goes_on, sole, ignorable };
        self.facts[index] = Some(facts);
        Ok(facts)
    }

    /// The terminals that a lexeme may end as, with the bytes of a shortest way there.
    pub fn lengths(
        &mut self,
        reader: Reader,
        fuel: &mut Fuel,
    ) -> Result<Vec<(u32, u64)>, AutomatonError> {
        let mut lengths = Vec::new();
        match reader {
            Reader::Lexer(lex) => {
                let parts = self.lexer.parts(lex);
                for (terminal, rest) in parts {
                    fuel.spend(1)?;
                    let length = self.lexer.exprs.shortest_len(rest, fuel)?;
                    lengths.extend(length.map(|l| (terminal, u64::from(l))));
                }
            }
            Reader::Nested { terminal, state } => {
                let rest = self.nested_completion(terminal, state, fuel)?;
                lengths.extend(rest.map(|r| (terminal, r.len() as u64)));
            }
        }
        Ok(lengths)
    }

    /// The terminals that end in `accept`.
    pub fn accepted(&self, accept: AcceptId) -> &[u32] {
        self.lexer.accept_tags(accept)
    }

    /// The automaton of a terminal that is one.
    pub fn nested(&mut self, terminal: u32) -> Option<&mut Box<dyn ByteAutomaton>> {
        match self.matchers.get_mut(terminal as usize) {
            Some(Matcher::Nested { automaton, .. }) => Some(automaton),
            _ => None,
        }
    }

    /// Whether a nested automaton is in doubt about something that it was asked.
    pub fn take_doubt(&mut self) -> bool {
        let Lexicon { automata, matchers, .. } = self;
        automata.iter().fold(false, |doubt, t| match &mut matchers[*t as usize] {
            Matcher::Nested { automaton, .. } => automaton.take_doubt() | doubt,
            _ => doubt,
        })
    }

    /// See [`ByteAutomaton::take_limit`].
    pub fn take_limit(&mut self) -> Option<AutomatonError> {
        let Lexicon { automata, matchers, .. } = self;
        automata.iter().fold(None, |first, t| match &mut matchers[*t as usize] {
            Matcher::Nested { automaton, .. } => automaton.take_limit().or(first),
            _ => first,
        })
    }

    /// The fingerprint of a lexer state inside a nested automaton.
    pub fn nested_fingerprint(&self, terminal: u32, lex: LexState) -> u128 {
        match self.matchers.get(terminal as usize) {
            Some(Matcher::Nested { automaton, .. }) => automaton.lex_fingerprint(lex),
            _ => 0,
        }
    }

    /// The same for the nearer horizon.
    pub fn nested_near_fingerprint(&self, terminal: u32, lex: LexState) -> Option<u128> {
        match self.matchers.get(terminal as usize) {
            Some(Matcher::Nested { automaton, .. }) => automaton.lex_near_fingerprint(lex),
            _ => None,
        }
    }

    /// One byte inside a lexeme of a nested automaton: the new state, and whether the
    /// lexeme may end there.
    pub fn nested_step(
        &mut self,
        terminal: u32,
        state: StateId,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<(StateId, bool), AutomatonError> {
        let Some(automaton) = self.nested(terminal) else {
            return Ok((StateId::DEAD, false));
        };
        let next = automaton.step(state, byte, fuel)?;
        let ends = !next.is_dead() && automaton.is_accepting(next, fuel)?;
        Ok((next, ends))
    }

    /// The bytes that may follow inside a lexeme of a nested automaton.
    pub fn nested_live_bytes(&mut self, terminal: u32, state: StateId) -> ByteSet {
        self.nested(terminal).map_or(ByteSet::EMPTY, |automaton| automaton.live_bytes(state))
    }

    /// Whether an accepting state of a nested automaton has a longer lexeme.
    pub fn nested_goes_on(
        &mut self,
        terminal: u32,
        state: StateId,
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        if let Some(known) = self.nested_goes_on.get(&(terminal, state.0)) {
            return Ok(*known);
        }
        let Some(automaton) = self.nested(terminal) else {
            return Ok(false);
        };
        let goes_on = has_step(automaton.as_mut(), state, fuel)?;
        self.nested_goes_on.insert((terminal, state.0), goes_on);
        Ok(goes_on)
    }

    /// A completion of a lexeme of a nested automaton.
    pub fn nested_completion(
        &mut self,
        terminal: u32,
        state: StateId,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        match self.nested(terminal) {
            Some(automaton) => automaton.completion(state, fuel),
            None => Ok(None),
        }
    }
}

fn regex_terminal(
    exprs: &mut Exprs,
    expr: ExprId,
    fuel: &mut Fuel,
) -> Result<(Matcher, TerminalFacts), AutomatonError> {
    let Some(shortest) = exprs.shortest(expr, fuel)? else {
        return Ok((Matcher::Unused, TerminalFacts::default()));
    };
    if !exprs.nullable(expr) {
        let facts = TerminalFacts { shortest: Some(shortest), nullable: false, proper: true };
        return Ok((Matcher::Regex(expr), facts));
    }
    let some_text = exprs.not(Exprs::EPSILON);
    let rest = exprs.and(&[expr, some_text]);
    let proper = !exprs.is_empty(rest, fuel)?;
    let facts = TerminalFacts { shortest: Some(Vec::new()), nullable: true, proper };
    Ok((if proper { Matcher::Regex(rest) } else { Matcher::Unused }, facts))
}

fn nested_terminal(
    mut automaton: Box<dyn ByteAutomaton>,
    fuel: &mut Fuel,
) -> Result<(Matcher, TerminalFacts), AutomatonError> {
    let start = automaton.start(fuel)?;
    if start.is_dead() {
        return Ok((Matcher::Unused, TerminalFacts::default()));
    }
    let nullable = automaton.is_accepting(start, fuel)?;
    let shortest = if nullable { Some(Vec::new()) } else { automaton.completion(start, fuel)? };
    if shortest.is_none() {
        return Ok((Matcher::Unused, TerminalFacts::default()));
    }
    let proper = !nullable || has_step(automaton.as_mut(), start, fuel)?;
    let facts = TerminalFacts { shortest, nullable, proper };
    Ok((Matcher::Nested { automaton, start }, facts))
}

fn has_step(
    automaton: &mut dyn ByteAutomaton,
    state: StateId,
    fuel: &mut Fuel,
) -> Result<bool, AutomatonError> {
    // Printable bytes first: they are the likely ones.
    for byte in (0x20..=0xff).chain(0..0x20) {
        fuel.spend(1)?;
        if !automaton.step(state, byte, fuel)?.is_dead() {
            return Ok(true);
        }
    }
    Ok(false)
}
