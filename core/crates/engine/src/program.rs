//! Constraints at text level: immutable descriptions, without a vocabulary.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use structgen_automaton::{AutomatonError, ByteAutomaton, Exactness, Fuel, Returned};
use structgen_grammar::{
    CfgAutomaton, Grammar, GrammarLimits, Rule, Symbol, Terminal, TerminalKind,
};
use structgen_regex::{
    Ast, Dialect, ExprId, Exprs, Flags, ParseLimits, RegexAutomaton, RegexLimits, RegexSyntaxError,
    full_match, lower_utf8, parse,
};
use structgen_schema::{
    Escapes, JsonError, Report, SchemaAutomaton, SchemaLimits, SchemaOptions, read_json,
};
use structgen_vocab::SPECIAL_MARKER;

use crate::ir::{GrammarIr, SymbolIr, TerminalIr};
use crate::product::Product;
use crate::{EngineError, Limits};

/// A set of texts (special tokens included, by name).
pub struct Program {
    kind: Kind,
    depth: u32,
    /// What it was checked under, and what its compilations get if nothing else is said.
    limits: Limits,
    /// The automaton that checking the source has built, for the first who asks under the
    /// same limits.
    built: Mutex<Option<(Limits, Box<dyn ByteAutomaton>)>>,
    exactness: Exactness,
    report: Option<Arc<Report>>,
}

/// An automaton, and what is said of the schema that it was built from, if it was.
type Built = (Box<dyn ByteAutomaton>, Option<Arc<Report>>);

enum Kind {
    Regex(Ast),
    Choice(Vec<String>),
    Special(String),
    Schema { schema: serde_json::Value, options: SchemaOptions },
    Grammar { ir: GrammarIr, programs: BTreeMap<String, Arc<Program>> },
    Concatenate(Vec<Arc<Program>>),
    Union(Vec<Arc<Program>>),
    Repeat { part: Arc<Program>, min: u32, max: Option<u32> },
    Intersect(Vec<Arc<Program>>),
}

impl Program {
    /// Texts that `pattern` matches as a whole.
    pub fn regex(pattern: &str, dialect: Dialect, limits: &Limits) -> Result<Self, EngineError> {
        check_size(pattern, limits)?;
        limits.compile_fuel().watched(|fuel| {
            let ast = parse_whole(pattern, dialect, Flags::default(), limits)
                .map_err(|error| EngineError::of_regex(None, error))?;
            Self::checked(Kind::Regex(ast), limits, fuel)
        })
    }

    /// Any of `options`; `spent` of the time of `limits` is gone already.
    pub fn choice(
        options: Vec<String>,
        limits: &Limits,
        spent: Duration,
    ) -> Result<Self, EngineError> {
        let size = options.iter().map(String::len).sum();
        if size > limits.max_source_bytes {
            return Err(EngineError::SourceTooLarge {
                given: size,
                limit: limits.max_source_bytes,
            });
        }
        let kind = Kind::Choice(options);
        limits.compile_fuel_after(spent).watched(|fuel| Self::checked(kind, limits, fuel))
    }

    /// One special token.
    pub fn special_token(name: &str, limits: &Limits) -> Result<Self, EngineError> {
        Self::checked_in_time(Kind::Special(name.to_owned()), limits)
    }

    /// JSON texts that a schema accepts; both arguments are JSON texts. `escapes` come before those
    /// of `options`; `spent` as in [`Self::choice`].
    pub fn json_schema(
        schema: &str,
        options: &str,
        escapes: Option<Escapes>,
        limits: &Limits,
        spent: Duration,
    ) -> Result<Self, EngineError> {
        check_size(schema, limits)?;
        check_size(options, limits)?;
        limits.compile_fuel_after(spent).watched(|fuel| {
            let mut read = |text| read_json(text, limits.max_source_depth, fuel).map_err(not_json);
            let (schema, options) = (read(schema)?, read(options)?);
            let mut options = SchemaOptions::of_json(options, fuel).map_err(not_json)?;
            options.escapes = escapes.unwrap_or(options.escapes);
            Self::checked(Kind::Schema { schema, options }, limits, fuel)
        })
    }

    /// Texts that a grammar derives; `ir` is in the interchange format. `spent` as in
    /// [`Self::choice`].
    pub fn grammar(
        ir: &str,
        programs: BTreeMap<String, Arc<Program>>,
        limits: &Limits,
        spent: Duration,
    ) -> Result<Self, EngineError> {
        check_size(ir, limits)?;
        limits.compile_fuel_after(spent).watched(|fuel| {
            let ir = GrammarIr::read(ir, fuel)?;
            Self::checked(Kind::Grammar { ir, programs }, limits, fuel)
        })
    }

    /// One part after the other.
    pub fn concatenate(parts: Vec<Arc<Program>>, limits: &Limits) -> Result<Self, EngineError> {
        Self::checked_in_time(Kind::Concatenate(parts), limits)
    }

    /// Any of the parts.
    pub fn union(parts: Vec<Arc<Program>>, limits: &Limits) -> Result<Self, EngineError> {
        Self::checked_in_time(Kind::Union(parts), limits)
    }

    /// `part`, `min` to `max` times.
    pub fn repeat(
        part: Arc<Program>,
        min: u32,
        max: Option<u32>,
        limits: &Limits,
    ) -> Result<Self, EngineError> {
        Self::checked_in_time(Kind::Repeat { part, min, max }, limits)
    }

    /// Texts that are in every part.
    pub fn intersect(parts: Vec<Arc<Program>>, limits: &Limits) -> Result<Self, EngineError> {
        Self::checked_in_time(Kind::Intersect(parts), limits)
    }

    /// The limits that it was made under.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What masks will tell.
    pub fn exactness(&self) -> Exactness {
        self.exactness
    }

    /// For a schema: what becomes of every keyword, as JSON.
    pub fn report(&self) -> Option<String> {
        self.report.as_ref().map(|report| report.to_json().to_string())
    }

    /// For a schema: what is probably not what was meant, in a sentence each.
    pub fn mistakes(&self) -> &[String] {
        self.report.as_ref().map_or(&[], |report| &report.mistakes)
    }

    fn checked_in_time(kind: Kind, limits: &Limits) -> Result<Self, EngineError> {
        limits.compile_fuel().watched(|fuel| Self::checked(kind, limits, fuel))
    }

    /// Builds the automaton once, so that whatever is wrong is said where it was written.
    fn checked(kind: Kind, limits: &Limits, fuel: &mut Fuel) -> Result<Self, EngineError> {
        let depth = 1 + kind.parts().map(|p| p.depth).max().unwrap_or(0);
        // By recursion.
        if depth > limits.nesting() {
            return Err(EngineError::TooDeep { limit: limits.nesting() });
        }
        let mut program = Returned::new(Program {
            kind,
            depth,
            limits: limits.clone(),
            built: Mutex::new(None),
            exactness: Exactness::Exact,
            report: None,
        });
        let (automaton, report) = program.build(limits, fuel)?;
        let mut automaton = Returned::new(automaton);
        if automaton.start(fuel)?.is_dead() {
            return Err(EngineError::Empty { parts: Vec::new() });
        }
        program.report = report;
        program.exactness = automaton.exactness();
        program.built = Mutex::new(Some((limits.clone(), automaton.into_inner())));
        Ok(program.into_inner())
    }

    /// The automaton of this program, for the caller alone.
    pub fn automaton(
        &self,
        limits: &Limits,
        fuel: &mut Fuel,
    ) -> Result<Box<dyn ByteAutomaton>, EngineError> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if built.as_ref().is_some_and(|(under, _)| under == limits)
            && let Some((_, automaton)) = built.take()
        {
            return Ok(automaton);
        }
        drop(built);
        Ok(self.build(limits, fuel)?.0)
    }

    /// Names of the special tokens that the program mentions.
    pub fn special_tokens(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        match &self.kind {
            Kind::Special(name) => {
                names.insert(name.clone());
            }
            Kind::Grammar { ir, .. } => {
                names.extend(ir.terminals.iter().filter_map(|terminal| match terminal {
                    TerminalIr::Special { token, .. } => Some(token.clone()),
                    _ => None,
                }));
            }
            _ => {}
        }
        for part in self.kind.parts() {
            names.extend(part.special_tokens());
        }
        names
    }

    fn build(&self, limits: &Limits, fuel: &mut Fuel) -> Result<Built, EngineError> {
        if let Kind::Schema { schema, options } = &self.kind {
            let automaton = SchemaAutomaton::new(schema, options, &schema_limits(limits), fuel)?;
            let report = automaton.report().clone();
            return Ok((Box::new(automaton), Some(report)));
        }
        let mut exprs = Returned::new(Exprs::new(regex_limits(limits)));
        if let Some(expr) = self.regular(&mut exprs)? {
            exprs.check()?;
            return Ok((Box::new(RegexAutomaton::new(exprs.into_inner(), expr)), None));
        }
        match &self.kind {
            Kind::Intersect(parts) => {
                let parts = parts
                    .iter()
                    .map(|part| part.automaton(limits, fuel))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok((Box::new(Product::new(parts, limits.max_states)), None))
            }
            _ => {
                let grammar = self.as_grammar(&mut exprs, limits, fuel)?;
                exprs.check()?;
                let (exprs, limits) = (exprs.into_inner(), grammar_limits(limits));
                let automaton = CfgAutomaton::new(grammar, exprs, limits, fuel)?;
                Ok((Box::new(automaton), None))
            }
        }
    }

    /// The program as one regular expression, if it is regular.
    fn regular(&self, exprs: &mut Exprs) -> Result<Option<ExprId>, EngineError> {
        let all = |parts: &[Arc<Program>], exprs: &mut Exprs| {
            parts.iter().map(|part| part.regular(exprs)).collect::<Result<Option<Vec<_>>, _>>()
        };
        Ok(match &self.kind {
            Kind::Regex(ast) => Some(lower_utf8(exprs, ast)),
            Kind::Choice(options) => {
                let options: Vec<&[u8]> = options.iter().map(|o| o.as_bytes()).collect();
                Some(exprs.literals(&options))
            }
            Kind::Special(name) => Some(special(exprs, name)),
            Kind::Schema { .. } | Kind::Grammar { .. } => None,
            Kind::Concatenate(parts) => all(parts, exprs)?.map(|parts| exprs.concat(&parts)),
            Kind::Union(parts) => all(parts, exprs)?.map(|parts| exprs.or(&parts)),
            Kind::Intersect(parts) => all(parts, exprs)?.map(|parts| exprs.and(&parts)),
            Kind::Repeat { part, min, max } => {
                part.regular(exprs)?.map(|part| exprs.repeat(part, *min, *max))
            }
        })
    }

    /// A terminal that matches this program.
    fn as_terminal(
        &self,
        name: &str,
        exprs: &mut Exprs,
        limits: &Limits,
        fuel: &mut Fuel,
    ) -> Result<Terminal, EngineError> {
        let kind = match self.regular(exprs)? {
            Some(expr) => TerminalKind::Regex(expr),
            None => TerminalKind::Automaton(self.automaton(limits, fuel)?),
        };
        Ok(Terminal { name: name.to_owned(), kind })
    }

    fn as_grammar(
        &self,
        exprs: &mut Exprs,
        limits: &Limits,
        fuel: &mut Fuel,
    ) -> Result<Grammar, EngineError> {
        let terminals = |parts: &[Arc<Program>], exprs: &mut Exprs, fuel: &mut Fuel| {
            parts
                .iter()
                .enumerate()
                .map(|(i, part)| part.as_terminal(&format!("part {i}"), exprs, limits, fuel))
                .collect::<Result<Vec<_>, _>>()
        };
        let start = |alternatives| vec![Rule { name: "start".to_owned(), alternatives }];
        let symbols = |n: usize| (0..n as u32).map(Symbol::Terminal);
        Ok(match &self.kind {
            Kind::Grammar { ir, programs } => lower_ir(ir, programs, exprs, limits, fuel)?,
            Kind::Concatenate(parts) => Grammar {
                rules: start(vec![symbols(parts.len()).collect()]),
                terminals: terminals(parts, exprs, fuel)?,
                ignore: Vec::new(),
                start: 0,
            },
            Kind::Union(parts) => Grammar {
                rules: start(symbols(parts.len()).map(|s| vec![s]).collect()),
                terminals: terminals(parts, exprs, fuel)?,
                ignore: Vec::new(),
                start: 0,
            },
            Kind::Repeat { part, min, max } => Grammar {
                rules: repetition(*min, *max, limits)?,
                terminals: vec![part.as_terminal("part", exprs, limits, fuel)?],
                ignore: Vec::new(),
                start: 0,
            },
            // `build` has taken the other kinds already.
            _ => return Err(EngineError::MalformedGrammar("not a grammar".to_owned())),
        })
    }
}

impl Kind {
    fn parts(&self) -> Box<dyn Iterator<Item = &Arc<Program>> + '_> {
        match self {
            Kind::Concatenate(parts) | Kind::Union(parts) | Kind::Intersect(parts) => {
                Box::new(parts.iter())
            }
            Kind::Repeat { part, .. } => Box::new(std::iter::once(part)),
            Kind::Grammar { programs, .. } => Box::new(programs.values()),
            _ => Box::new(std::iter::empty()),
        }
    }
}

/// Rules for terminal 0, `min` to `max` times; rule 0 is the start.
fn repetition(min: u32, max: Option<u32>, limits: &Limits) -> Result<Vec<Rule>, EngineError> {
    let bound = max.unwrap_or(min).max(min);
    let limit = limits.max_unrolled_repeats;
    if bound > limit {
        let limit = u64::from(limit);
        return Err(AutomatonError::Limit { name: "max_unrolled_repeats", limit }.into());
    }
    let part = Symbol::Terminal(0);
    let optional = bound - min;
    let mut start = vec![part; min as usize];
    let mut rules = Vec::new();
    match max {
        // more: | more part
        None => {
            start.push(Symbol::Rule(1));
            rules.push(Rule {
                name: "more".to_owned(),
                alternatives: vec![vec![], vec![Symbol::Rule(1), part]],
            });
        }
        // up_to_k: | part up_to_(k-1)
        Some(_) if optional > 0 => {
            start.push(Symbol::Rule(1));
            for k in 0..optional {
                let mut taken = vec![part];
                if k + 1 < optional {
                    taken.push(Symbol::Rule(k + 2));
                }
                rules.push(Rule {
                    name: format!("up to {}", optional - k),
                    alternatives: vec![vec![], taken],
                });
            }
        }
        Some(_) => {}
    }
    rules.insert(0, Rule { name: "start".to_owned(), alternatives: vec![start] });
    Ok(rules)
}

fn lower_ir(
    ir: &GrammarIr,
    programs: &BTreeMap<String, Arc<Program>>,
    exprs: &mut Exprs,
    limits: &Limits,
    fuel: &mut Fuel,
) -> Result<Grammar, EngineError> {
    let mut terminals = Vec::with_capacity(ir.terminals.len());
    for terminal in &ir.terminals {
        fuel.spend(1)?;
        terminals.push(match terminal {
            TerminalIr::Regex { name, pattern, flags, dialect } => {
                let place = |error| EngineError::of_regex(Some(name), error);
                let dialect = dialect_by_name(dialect)?;
                let flags = Flags::from_letters(flags, dialect).map_err(|letter| {
                    EngineError::MalformedGrammar(format!(
                        "terminal `{name}` has the unknown flag `{letter}`"
                    ))
                })?;
                let ast = parse_whole(pattern, dialect, flags, limits).map_err(place)?;
                Terminal { name: name.clone(), kind: TerminalKind::Regex(lower_utf8(exprs, &ast)) }
            }
            TerminalIr::Literal { name, text, ignore_case } => {
                let expr = if *ignore_case {
                    let flags = Flags { ignore_case: true, ..Default::default() };
                    let ast = parse_whole(&escape(text), Dialect::Python, flags, limits)
                        .map_err(|error| EngineError::of_regex(Some(name), error))?;
                    lower_utf8(exprs, &ast)
                } else {
                    exprs.literal(text.as_bytes())
                };
                Terminal { name: name.clone(), kind: TerminalKind::Regex(expr) }
            }
            TerminalIr::Special { name, token } => {
                Terminal { name: name.clone(), kind: TerminalKind::Regex(special(exprs, token)) }
            }
            TerminalIr::Program { name, program } => programs
                .get(program)
                .ok_or_else(|| {
                    EngineError::MalformedGrammar(format!(
                        "terminal `{name}` names the constraint `{program}`, which was not given"
                    ))
                })?
                .as_terminal(name, exprs, limits, fuel)?,
        });
    }
    let symbol = |symbol: &SymbolIr| match *symbol {
        SymbolIr::Rule(i) => Symbol::Rule(i),
        SymbolIr::Terminal(i) => Symbol::Terminal(i),
    };
    let rules = ir
        .rules
        .iter()
        .map(|rule| Rule {
            name: rule.name.clone(),
            alternatives: rule
                .alternatives
                .iter()
                .map(|alternative| alternative.iter().map(symbol).collect())
                .collect(),
        })
        .collect();
    Ok(Grammar { rules, terminals, ignore: ir.ignore.clone(), start: ir.start })
}

/// The dialect that a front end names.
pub fn dialect_by_name(name: &str) -> Result<Dialect, EngineError> {
    match name {
        "python" => Ok(Dialect::Python),
        "ecma" => Ok(Dialect::Ecma),
        "rust" => Ok(Dialect::Rust),
        _ => Err(EngineError::MalformedGrammar(format!(
            "regex dialect `{name}` is none of `python`, `ecma`, `rust`"
        ))),
    }
}

fn parse_whole(
    pattern: &str,
    dialect: Dialect,
    flags: Flags,
    limits: &Limits,
) -> Result<Ast, RegexSyntaxError> {
    let limits = ParseLimits { max_nesting: limits.nesting() };
    full_match(parse(pattern, dialect, flags, limits)?)
}

/// A pattern that matches `text` alone.
fn escape(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

fn special(exprs: &mut Exprs, name: &str) -> ExprId {
    let mut path = vec![SPECIAL_MARKER];
    path.extend_from_slice(name.as_bytes());
    path.push(SPECIAL_MARKER);
    exprs.literal(&path)
}

fn check_size(source: &str, limits: &Limits) -> Result<(), EngineError> {
    if source.len() > limits.max_source_bytes {
        return Err(EngineError::SourceTooLarge {
            given: source.len(),
            limit: limits.max_source_bytes,
        });
    }
    Ok(())
}

fn regex_limits(limits: &Limits) -> RegexLimits {
    RegexLimits {
        max_states: limits.max_states,
        max_depth: limits.max_depth,
        max_exprs: limits.max_exprs,
    }
}

fn grammar_limits(limits: &Limits) -> GrammarLimits {
    GrammarLimits {
        max_rules: limits.max_rules,
        max_terminals: limits.max_terminals,
        max_symbols: limits.max_symbols,
        max_states: limits.max_states,
        max_sets: limits.max_sets,
        max_items_per_set: limits.max_items_per_set,
        max_items: limits.max_items,
        ..Default::default()
    }
}

fn schema_limits(limits: &Limits) -> SchemaLimits {
    SchemaLimits {
        max_states: limits.max_states,
        max_depth: limits.max_depth,
        max_alternatives: limits.max_alternatives,
        max_exact_alternatives: limits.max_exact_alternatives,
        max_exprs: limits.max_exprs,
        max_nodes: limits.max_nodes,
        max_nesting: limits.nesting(),
        max_key_classes: limits.max_key_classes,
        max_missing_members: limits.max_missing_members,
        max_array_states: limits.max_array_states,
        ..Default::default()
    }
}

fn not_json(error: JsonError) -> EngineError {
    match error {
        JsonError::Automaton(error) => error.into(),
        malformed => EngineError::NotJson(malformed.to_string()),
    }
}
