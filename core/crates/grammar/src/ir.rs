//! The grammar as callers hand it over.

use structgen_automaton::ByteAutomaton;
use structgen_regex::ExprId;

/// A context-free grammar over lexemes.
///
/// A text is in the language if and only if the start rule derives a sequence of lexemes
/// such that the text is the concatenation of one member of each, with members of the
/// ignored terminals anywhere between two lexemes, before the first and after the last.
/// There is no maximal munch: every way of cutting the text into lexemes counts.
pub struct Grammar {
    /// The rules; [`Symbol::Rule`] is an index into them.
    pub rules: Vec<Rule>,
    /// The terminals; [`Symbol::Terminal`] is an index into them.
    pub terminals: Vec<Terminal>,
    /// Terminals that may stand between any two lexemes.
    pub ignore: Vec<u32>,
    /// The rule that derives whole texts.
    pub start: u32,
}

/// A rule: a name and its alternatives. An empty alternative derives the empty text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// For messages; need not be unique.
    pub name: String,
    /// The right-hand sides.
    pub alternatives: Vec<Vec<Symbol>>,
}

/// A symbol on the right-hand side of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Symbol {
    /// The rule with this index.
    Rule(u32),
    /// The terminal with this index.
    Terminal(u32),
}

/// A kind of lexeme.
pub struct Terminal {
    /// For messages; need not be unique.
    pub name: String,
    /// What it matches.
    pub kind: TerminalKind,
}

/// What a terminal matches.
pub enum TerminalKind {
    /// A regular language over bytes, in the arena handed over with the grammar.
    Regex(ExprId),
    /// Any other automaton: a JSON Schema, another grammar, a composition.
    Automaton(Box<dyn ByteAutomaton>),
}
