//! The interchange format of grammars: what front ends (lark files, GBNF, ...) translate to.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Error as _};
use serde_json::Value;
use structgen_automaton::Fuel;
use structgen_schema::{JsonError, read_json};

use crate::EngineError;

/// A grammar, symbols by index.
#[derive(Debug)]
pub struct GrammarIr {
    /// Index of the start rule.
    pub start: u32,
    /// The rules.
    pub rules: Vec<RuleIr>,
    /// The terminals.
    pub terminals: Vec<TerminalIr>,
    /// Terminals that may stand between any two lexemes.
    pub ignore: Vec<u32>,
}

impl GrammarIr {
    /// Reads the JSON text of a grammar.
    pub(crate) fn read(text: &str, fuel: &mut Fuel) -> Result<Self, EngineError> {
        let mut fields = match read_json(text, MAX_DEPTH, fuel) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return Err(EngineError::MalformedGrammar("not an object".to_owned())),
            Err(JsonError::Automaton(error)) => return Err(error.into()),
            Err(error) => return Err(EngineError::MalformedGrammar(error.to_string())),
        };
        let rules = list(fields.remove("rules"), "rules", fuel)?;
        let terminals = list(fields.remove("terminals"), "terminals", fuel)?;
        let Ends { start, ignore } = typed(Value::Object(fields))?;
        Ok(GrammarIr { start, rules, terminals, ignore })
    }
}

/// Nesting of the text of a grammar.
const MAX_DEPTH: u32 = 8;

/// What is not long.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ends {
    start: u32,
    #[serde(default)]
    ignore: Vec<u32>,
}

/// One after the other: there may be a million.
fn list<T: DeserializeOwned>(
    field: Option<Value>,
    name: &str,
    fuel: &mut Fuel,
) -> Result<Vec<T>, EngineError> {
    let Some(Value::Array(elements)) = field else {
        return Err(EngineError::MalformedGrammar(format!("`{name}` is no list")));
    };
    let mut all = Vec::with_capacity(elements.len());
    for element in elements {
        fuel.spend(STEPS_PER_ENTRY)?;
        all.push(typed(element)?);
    }
    Ok(all)
}

/// Steps for a rule or a terminal.
const STEPS_PER_ENTRY: u64 = 20;

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, EngineError> {
    serde_json::from_value(value).map_err(|e| EngineError::MalformedGrammar(e.to_string()))
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
