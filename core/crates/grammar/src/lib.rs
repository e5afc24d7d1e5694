//! General context-free grammars over lexemes as byte automata.
//!
//! [`CfgAutomaton`] recognises any context-free grammar whose terminals are regular
//! languages ([`TerminalKind::Regex`]) or other byte automata ([`TerminalKind::Automaton`]),
//! without a lexer that decides: every way of cutting the text into lexemes counts.
//! Its states are interned values, and equal futures mostly have equal ids: a list is in
//! the same state after every element, whether its rule recurses on the left or the right.
//!
//! ```
//! use structgen_automaton::{ByteAutomaton, Fuel};
//! use structgen_grammar::{
//!     CfgAutomaton, Grammar, GrammarLimits, Rule, Symbol, Terminal, TerminalKind,
//! };
//! use structgen_regex::{Exprs, RegexLimits};
//!
//! // value: "(" value ")" | value "+" value | "x"
//! let mut exprs = Exprs::new(RegexLimits::default());
//! let terminals = ["(", ")", "+", "x"].map(|text| Terminal {
//!     name: text.into(),
//!     kind: TerminalKind::Regex(exprs.literal(text.as_bytes())),
//! });
//! let (value, t) = (Symbol::Rule(0), Symbol::Terminal);
//! let alternatives = vec![vec![t(0), value, t(1)], vec![value, t(2), value], vec![t(3)]];
//! let rules = vec![Rule { name: "value".into(), alternatives }];
//! let grammar = Grammar { rules, terminals: terminals.into(), ignore: vec![], start: 0 };
//!
//! let mut fuel = Fuel::new("max_steps", 100_000);
//! let mut automaton = CfgAutomaton::new(grammar, exprs, GrammarLimits::default(), &mut fuel)?;
//! let mut state = automaton.start(&mut fuel)?;
//! for byte in b"((x+x+" {
//!     state = automaton.step(state, *byte, &mut fuel)?;
//! }
//! assert_eq!(automaton.completion(state, &mut fuel)?, Some(b"x))".to_vec()));
//! assert!(automaton.step(state, b')', &mut fuel)?.is_dead());
//! # Ok::<(), structgen_grammar::GrammarError>(())
//! ```
//!
//! How it works, from the grammar up:
//!
//! * `analysis`, `shortest`: what derives nothing is dropped. What remains can always be
//!   completed, and that is why live states are exactly those with a lexeme in progress.
//! * `tables`, `components`, `plan`: suffixes of rules, and who can begin whom.
//! * `sets`, `chart`: item sets, in place of Earley's columns.
//! * `lexicon`, `states`: lexemes in progress, over the lexer shared by all recognisers.
//! * `guests`: lexemes inside nested automata, shown through ours.
//! * `costs`: the shortest completion.
//!
//! Limits: [`GrammarLimits`] and [`Fuel`](structgen_automaton::Fuel) bound everything; no
//! function recurses. A text of n bytes may need item sets of up to O(n) items where the
//! grammar is inherently ambiguous, as in every general parser; deterministic grammars need
//! sets bounded by the grammar.

mod analysis;
mod automaton;
mod chart;
mod components;
mod costs;
mod error;
mod guests;
mod ir;
mod lexicon;
mod limits;
mod plan;
mod sets;
mod shortest;
mod states;
mod tables;

pub use analysis::Diagnostics;
pub use automaton::CfgAutomaton;
pub use error::GrammarError;
pub use ir::{Grammar, Rule, Symbol, Terminal, TerminalKind};
pub use limits::GrammarLimits;
