//! Grammars for tests, and an oracle that shares no code with the automaton.
#![allow(dead_code)] // Every test binary uses its part.
#![allow(clippy::needless_range_loop)] // Tables over spans read best with indices.

use std::collections::HashMap;

use structgen_automaton::{ByteAutomaton, Fuel, StateId};
use structgen_grammar::{
    CfgAutomaton, Grammar, GrammarError, GrammarLimits, Rule, Symbol, Terminal, TerminalKind,
};
use structgen_regex::{ByteSet, ExprId, Exprs, RegexAutomaton, RegexLimits};

/// A terminal, described without the regex crate.
#[derive(Clone, Debug, PartialEq)]
pub enum Lexeme {
    Text(&'static str),
    /// One byte out of these, at least `min` times, at most `max` times.
    Many(&'static str, u32, Option<u32>),
    /// `open`, anything out of `body`, `close`.
    Quoted(&'static str, &'static str, &'static str),
    OneOf(Vec<&'static str>),
    /// Nothing at all.
    Never,
    /// The same as a nested automaton.
    Nested(Box<Lexeme>),
    /// The texts of a grammar, as a nested automaton.
    Grammar(Box<Sample>),
}

impl Lexeme {
    pub fn expr(&self, exprs: &mut Exprs) -> ExprId {
        match self {
            Lexeme::Text(text) => exprs.literal(text.as_bytes()),
            Lexeme::Many(set, min, max) => {
                let set = exprs.byte_set(ByteSet::of(set.as_bytes()));
                exprs.repeat(set, *min, *max)
            }
            Lexeme::Quoted(open, body, close) => {
                let set = exprs.byte_set(ByteSet::of(body.as_bytes()));
                let parts = [
                    exprs.literal(open.as_bytes()),
                    exprs.repeat(set, 0, None),
                    exprs.literal(close.as_bytes()),
                ];
                exprs.concat(&parts)
            }
            Lexeme::OneOf(texts) => {
                let parts: Vec<ExprId> =
                    texts.iter().map(|t| exprs.literal(t.as_bytes())).collect();
                exprs.or(&parts)
            }
            Lexeme::Never => Exprs::EMPTY,
            Lexeme::Nested(inner) => inner.expr(exprs),
            Lexeme::Grammar(_) => panic!("not regular"),
        }
    }

    pub fn matches(&self, text: &str) -> bool {
        match self {
            Lexeme::Text(own) => *own == text,
            Lexeme::Many(set, min, max) => {
                text.len() >= *min as usize
                    && max.is_none_or(|m| text.len() <= m as usize)
                    && text.bytes().all(|b| set.as_bytes().contains(&b))
            }
            Lexeme::Quoted(open, body, close) => text
                .strip_prefix(open)
                .and_then(|t| t.strip_suffix(close))
                .is_some_and(|t| t.bytes().all(|b| body.as_bytes().contains(&b))),
            Lexeme::OneOf(texts) => texts.contains(&text),
            Lexeme::Never => false,
            Lexeme::Nested(inner) => inner.matches(text),
            Lexeme::Grammar(sample) => sample.derives(text),
        }
    }
}

/// A grammar that both the automaton and the oracle understand.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub rules: Vec<(String, Vec<Vec<Symbol>>)>,
    pub terminals: Vec<Lexeme>,
    pub ignore: Vec<u32>,
}

impl Sample {
    /// Rules as "name: A b | c" lines; names of rules are found first, then terminals by
    /// the names given. The first rule is the start.
    pub fn new(rules: &str, terminals: &[(&str, Lexeme)], ignore: &[&str]) -> Sample {
        let lines: Vec<(&str, &str)> =
            rules.lines().filter_map(|l| l.trim().split_once(':')).collect();
        let symbol = |word: &str| {
            if let Some(r) = lines.iter().position(|l| l.0.trim() == word) {
                return Symbol::Rule(r as u32);
            }
            match terminals.iter().position(|t| t.0 == word) {
                Some(t) => Symbol::Terminal(t as u32),
                None => panic!("no symbol {word}"),
            }
        };
        let rules = lines
            .iter()
            .map(|(name, body)| {
                let alternatives =
                    body.split('|').map(|a| a.split_whitespace().map(symbol).collect()).collect();
                (name.trim().to_string(), alternatives)
            })
            .collect();
        let ignore = ignore
            .iter()
            .map(|i| terminals.iter().position(|t| t.0 == *i).expect("a terminal") as u32)
            .collect();
        Sample { rules, terminals: terminals.iter().map(|t| t.1.clone()).collect(), ignore }
    }

    pub fn automaton(&self) -> Result<CfgAutomaton, GrammarError> {
        self.automaton_with(GrammarLimits::default(), &mut Fuel::unlimited())
    }

    pub fn automaton_with(
        &self,
        limits: GrammarLimits,
        fuel: &mut Fuel,
    ) -> Result<CfgAutomaton, GrammarError> {
        let mut exprs = Exprs::new(RegexLimits::default());
        let terminals = self
            .terminals
            .iter()
            .enumerate()
            .map(|(i, lexeme)| {
                let kind = match lexeme {
                    Lexeme::Nested(inner) => {
                        let mut own = Exprs::new(RegexLimits::default());
                        let expr = inner.expr(&mut own);
                        TerminalKind::Automaton(Box::new(RegexAutomaton::new(own, expr)))
                    }
                    Lexeme::Grammar(sample) => {
                        TerminalKind::Automaton(Box::new(sample.automaton().expect("a grammar")))
                    }
                    _ => TerminalKind::Regex(lexeme.expr(&mut exprs)),
                };
                Terminal { name: format!("T{i}"), kind }
            })
            .collect();
        let rules = self
            .rules
            .iter()
            .map(|(name, alternatives)| Rule {
                name: name.clone(),
                alternatives: alternatives.clone(),
            })
            .collect();
        let grammar = Grammar { rules, terminals, ignore: self.ignore.clone(), start: 0 };
        CfgAutomaton::new(grammar, exprs, limits, fuel)
    }

    /// Whether `text` is in the language, by a fixpoint over all spans.
    pub fn derives(&self, text: &str) -> bool {
        let n = text.len();
        let ignored = |i: usize, j: usize| {
            i == j || self.ignore.iter().any(|t| self.terminals[*t as usize].matches(&text[i..j]))
        };
        // skips[i]: the places that ignored lexemes lead to from i.
        let mut skips = vec![vec![false; n + 1]; n + 1];
        for i in (0..=n).rev() {
            skips[i][i] = true;
            for j in i + 1..=n {
                if ignored(i, j) {
                    for k in j..=n {
                        if skips[j][k] {
                            skips[i][k] = true;
                        }
                    }
                }
            }
        }
        // A lexeme and the ignored ones after it.
        let mut lexeme = vec![vec![vec![false; n + 1]; n + 1]; self.terminals.len()];
        for (t, terminal) in self.terminals.iter().enumerate() {
            for i in 0..=n {
                for j in i..=n {
                    if terminal.matches(&text[i..j]) {
                        for k in j..=n {
                            lexeme[t][i][k] |= skips[j][k];
                        }
                    }
                }
            }
        }
        let mut found = vec![vec![vec![false; n + 1]; n + 1]; self.rules.len()];
        loop {
            let mut changed = false;
            for (r, (_, alternatives)) in self.rules.iter().enumerate() {
                for alternative in alternatives {
                    for i in 0..=n {
                        let mut at = vec![false; n + 1];
                        at[i] = true;
                        for symbol in alternative {
                            let table = match symbol {
                                Symbol::Rule(r) => &found[*r as usize],
                                Symbol::Terminal(t) => &lexeme[*t as usize],
                            };
                            let mut next = vec![false; n + 1];
                            for j in (i..=n).filter(|j| at[*j]) {
                                for k in j..=n {
                                    next[k] |= table[j][k];
                                }
                            }
                            at = next;
                        }
                        for j in i..=n {
                            if at[j] && !found[r][i][j] {
                                found[r][i][j] = true;
                                changed = true;
                            }
                        }
                    }
                }
            }
            if !changed {
                // The empty text has its ignored lexemes too.
                return (0..=n)
                    .any(|i| skips[0][i] && ((i..=n).any(|j| found[0][i][j] && skips[j][n])));
            }
        }
    }

    /// All texts over `letters` up to `max` bytes that are in the language.
    pub fn language(&self, universe: &Universe) -> Vec<bool> {
        let of = |lexeme: &Lexeme| -> Vec<bool> {
            universe.texts.iter().map(|t| lexeme.matches(t)).collect()
        };
        let mut skip = universe.epsilon();
        for t in &self.ignore {
            for (i, m) in of(&self.terminals[*t as usize]).into_iter().enumerate() {
                skip[i] |= m;
            }
        }
        loop {
            let more = universe.concat(&skip, &skip);
            if more == skip {
                break;
            }
            skip = more;
        }
        let lexemes: Vec<Vec<bool>> =
            self.terminals.iter().map(|t| universe.concat(&of(t), &skip)).collect();
        let mut found = vec![vec![false; universe.texts.len()]; self.rules.len()];
        loop {
            let mut changed = false;
            for (r, (_, alternatives)) in self.rules.iter().enumerate() {
                for alternative in alternatives {
                    let mut all = universe.epsilon();
                    for symbol in alternative {
                        all = match symbol {
                            Symbol::Rule(r) => universe.concat(&all, &found[*r as usize]),
                            Symbol::Terminal(t) => universe.concat(&all, &lexemes[*t as usize]),
                        };
                    }
                    for (known, new) in found[r].iter_mut().zip(all) {
                        changed |= new && !*known;
                        *known |= new;
                    }
                }
            }
            if !changed {
                return universe.concat(&skip, &found[0]);
            }
        }
    }
}

/// All texts over some letters up to a length.
pub struct Universe {
    pub letters: &'static str,
    pub texts: Vec<String>,
    ids: HashMap<String, usize>,
}

impl Universe {
    pub fn new(letters: &'static str, max: usize) -> Universe {
        let mut texts = vec![String::new()];
        let mut from = 0;
        for _ in 0..max {
            let to = texts.len();
            for i in from..to {
                for letter in letters.chars() {
                    texts.push(format!("{}{letter}", texts[i]));
                }
            }
            from = to;
        }
        let ids = texts.iter().cloned().enumerate().map(|(i, t)| (t, i)).collect();
        Universe { letters, texts, ids }
    }

    pub fn epsilon(&self) -> Vec<bool> {
        (0..self.texts.len()).map(|i| i == 0).collect()
    }

    pub fn id(&self, text: &str) -> Option<usize> {
        self.ids.get(text).copied()
    }

    pub fn concat(&self, a: &[bool], b: &[bool]) -> Vec<bool> {
        self.texts
            .iter()
            .map(|t| (0..=t.len()).any(|k| a[self.ids[&t[..k]]] && b[self.ids[&t[k..]]]))
            .collect()
    }
}

pub fn walk(automaton: &mut CfgAutomaton, text: &[u8]) -> StateId {
    let mut fuel = Fuel::unlimited();
    let start = automaton.start(&mut fuel).expect("a start");
    walk_from(automaton, start, text)
}

pub fn walk_from(automaton: &mut CfgAutomaton, mut state: StateId, text: &[u8]) -> StateId {
    let mut fuel = Fuel::unlimited();
    for byte in text {
        if state.is_dead() {
            return state;
        }
        state = automaton.step(state, *byte, &mut fuel).expect("a step");
    }
    state
}

pub fn accepts(automaton: &mut CfgAutomaton, text: &[u8]) -> bool {
    let state = walk(automaton, text);
    !state.is_dead() && automaton.is_accepting(state, &mut Fuel::unlimited()).expect("an answer")
}

/// A small reproducible generator (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}
