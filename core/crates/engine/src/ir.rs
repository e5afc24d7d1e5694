//! The interchange format of grammars: what front ends (lark files, GBNF, ...) translate to.

use serde::Deserialize;
use serde::de::Error as _;

/// A grammar, symbols by index.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrammarIr {
    /// Index of the start rule.
    pub start: u32,
    /// The rules.
    pub rules: Vec<RuleIr>,
    /// The terminals.
    pub terminals: Vec<TerminalIr>,
    /// Terminals that may stand between any two lexemes.
    #[serde(default)]
    pub ignore: Vec<u32>,
}

/// A rule: any of its alternatives.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleIr {
    /// For messages.
    pub name: String,
    /// Each a sequence of symbols.
    pub alternatives: Vec<Vec<SymbolIr>>,
}

/// `["r", i]` or `["t", i]`.
#[derive(Clone, Copy, Debug)]
pub enum SymbolIr {
    /// A rule.
    Rule(u32),
    /// A terminal.
    Terminal(u32),
}

impl<'de> Deserialize<'de> for SymbolIr {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (kind, index) = <(String, u32)>::deserialize(deserializer)?;
        match kind.as_str() {
            "r" => Ok(SymbolIr::Rule(index)),
            "t" => Ok(SymbolIr::Terminal(index)),
            _ => Err(D::Error::custom(format!("symbol kind `{kind}` is neither `r` nor `t`"))),
        }
    }
}

/// A terminal and what it matches.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum TerminalIr {
    /// A pattern that matches the whole lexeme.
    Regex {
        /// For messages.
        name: String,
        /// The pattern.
        pattern: String,
        /// Letters of `imsx`.
        #[serde(default)]
        flags: String,
        /// `python` or `ecma`.
        #[serde(default = "python")]
        dialect: String,
    },
    /// A text.
    Literal {
        /// For messages.
        name: String,
        /// The text.
        text: String,
        /// Whether letters match in either case.
        #[serde(default)]
        ignore_case: bool,
    },
    /// Another constraint, by name.
    Program {
        /// For messages.
        name: String,
        /// Its name among the constraints passed beside.
        program: String,
    },
    /// A special token, by name.
    Special {
        /// For messages.
        name: String,
        /// As the vocabulary calls it.
        token: String,
    },
}

fn python() -> String {
    "python".to_owned()
}
