//! Checks a grammar and brings it into the form the tables are built from: only rules and
//! terminals that derive something, no symbol that derives the empty text alone.

use structgen_automaton::{AutomatonError, Fuel};

use crate::error::GrammarError;
use crate::ir::{Grammar, Rule, Symbol};
use crate::lexicon::TerminalFacts;
use crate::limits::{GrammarLimits, check};
use crate::shortest::shortest;

/// What a grammar contains that no text can use. None of it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// Rules that the start rule never mentions, directly or not.
    pub unreachable_rules: Vec<u32>,
    /// Reachable rules that derive no text.
    pub unproductive_rules: Vec<u32>,
    /// Terminals that no reachable rule mentions and that are not ignored.
    pub unused_terminals: Vec<u32>,
    /// Used terminals that match no text.
    pub empty_terminals: Vec<u32>,
    /// Used terminals that match the empty text.
    pub nullable_terminals: Vec<u32>,
}

/// The rules and terminals that the start rule and the ignored lexemes lead to.
pub(crate) struct Reached {
    pub rules: Vec<bool>,
    pub terminals: Vec<bool>,
}

/// The grammar without what is useless. Indices are those of the original.
pub(crate) struct Cleaned {
    /// Alternatives of every rule, sorted; the empty one included.
    pub alternatives: Vec<Vec<Vec<Symbol>>>,
    /// The alternative that derives a shortest text.
    pub best: Vec<Vec<Symbol>>,
    /// Bytes of the shortest text (saturating).
    pub length: Vec<u64>,
    /// Whether the start rule derives any text that is not empty.
    pub start_is_proper: bool,
}

/// Checks indices and sizes.
pub(crate) fn validate(grammar: &Grammar, limits: &GrammarLimits) -> Result<(), GrammarError> {
    let rules = grammar.rules.len();
    let terminals = grammar.terminals.len();
    check("max_rules", rules as u64, limits.max_rules.into())?;
    check("max_terminals", terminals as u64, limits.max_terminals.into())?;
    let malformed = |what| Err(GrammarError::Malformed { what });
    if grammar.start as usize >= rules {
        return malformed(format!("start is rule {}, there are {rules} rules", grammar.start));
    }
    check("max_terminals", grammar.ignore.len() as u64, limits.max_terminals.into())?;
    for t in &grammar.ignore {
        if *t as usize >= terminals {
            return malformed(format!("ignore names terminal {t}, there are {terminals}"));
        }
    }
    let mut symbols = 0u64;
    for rule in &grammar.rules {
        for (i, alternative) in rule.alternatives.iter().enumerate() {
            symbols += 1 + alternative.len() as u64;
            check("max_symbols", symbols, limits.max_symbols.into())?;
            for symbol in alternative {
                let (kind, index, known) = match symbol {
                    Symbol::Rule(r) => ("rule", *r, rules),
                    Symbol::Terminal(t) => ("terminal", *t, terminals),
                };
                if index as usize >= known {
                    return malformed(format!(
                        "alternative {i} of rule `{}` names {kind} {index}, there are {known}",
                        rule.name
                    ));
                }
            }
        }
    }
    Ok(())
}

/// What the start rule and the ignored lexemes lead to.
pub(crate) fn reach(grammar: &Grammar, fuel: &mut Fuel) -> Result<Reached, AutomatonError> {
    let mut reached = Reached {
        rules: vec![false; grammar.rules.len()],
        terminals: vec![false; grammar.terminals.len()],
    };
    for t in &grammar.ignore {
        reached.terminals[*t as usize] = true;
    }
    let mut open = vec![grammar.start];
    reached.rules[grammar.start as usize] = true;
    while let Some(rule) = open.pop() {
        for symbol in grammar.rules[rule as usize].alternatives.iter().flatten() {
            fuel.spend(1)?;
            match symbol {
                Symbol::Terminal(t) => reached.terminals[*t as usize] = true,
                Symbol::Rule(r) if !reached.rules[*r as usize] => {
                    reached.rules[*r as usize] = true;
                    open.push(*r);
                }
                Symbol::Rule(_) => {}
            }
        }
    }
    Ok(reached)
}

/// Drops what is useless; [`GrammarError::Empty`] if nothing is left of the start rule.
pub(crate) fn clean(
    rules: &[Rule],
    start: u32,
    terminal_names: &[String],
    reached: &Reached,
    terminals: &[TerminalFacts],
    fuel: &mut Fuel,
) -> Result<(Cleaned, Diagnostics), GrammarError> {
    let length_of = |t: u32| terminals[t as usize].shortest.as_ref().map(|s| s.len() as u64);
    let found = shortest(rules, &reached.rules, length_of, fuel)?;
    let diagnostics = diagnose(reached, terminals, &found.length);
    if found.length[start as usize].is_none() {
        let others = diagnostics.unproductive_rules.iter().filter(|r| **r != start);
        let names = std::iter::once(&start)
            .chain(others)
            .map(|r| rules[*r as usize].name.clone())
            .chain(diagnostics.empty_terminals.iter().map(|t| terminal_names[*t as usize].clone()))
            .collect();
        return Err(GrammarError::Empty { names });
    }
    let productive = |alternative: &[Symbol]| {
        alternative.iter().all(|s| match s {
            Symbol::Rule(r) => found.length[*r as usize].is_some(),
            Symbol::Terminal(t) => terminals[*t as usize].shortest.is_some(),
        })
    };
    let proper = proper_rules(rules, reached, terminals, productive, fuel)?;
    let erase = |alternative: &[Symbol]| -> Vec<Symbol> {
        let keep = |s: &&Symbol| match s {
            Symbol::Rule(r) => proper[*r as usize],
            Symbol::Terminal(t) => terminals[*t as usize].proper,
        };
        alternative.iter().filter(keep).copied().collect()
    };
    let mut cleaned = Cleaned {
        alternatives: vec![Vec::new(); rules.len()],
        best: vec![Vec::new(); rules.len()],
        length: vec![0; rules.len()],
        start_is_proper: proper[start as usize],
    };
    let mut seen = vec![false; rules.len()];
    let mut open = vec![start];
    seen[start as usize] = true;
    while let Some(r) = open.pop() {
        let rule = &rules[r as usize];
        let itself = [Symbol::Rule(r)];
        let mut kept: Vec<Vec<Symbol>> = rule
            .alternatives
            .iter()
            .filter(|a| productive(a))
            .map(|a| erase(a))
            .filter(|a| a[..] != itself)
            .collect();
        kept.sort_unstable();
        kept.dedup();
        for symbol in kept.iter().flatten() {
            fuel.spend(1)?;
            if let Symbol::Rule(inner) = symbol
                && !std::mem::replace(&mut seen[*inner as usize], true)
            {
                open.push(*inner);
            }
        }
        let best = found.alternative[r as usize] as usize;
        cleaned.alternatives[r as usize] = kept;
        cleaned.best[r as usize] =
            rule.alternatives.get(best).map(|a| erase(a)).unwrap_or_default();
        cleaned.length[r as usize] = found.length[r as usize].unwrap_or(0);
    }
    Ok((cleaned, diagnostics))
}

/// The rules that derive a text that is not empty.
fn proper_rules(
    rules: &[Rule],
    reached: &Reached,
    terminals: &[TerminalFacts],
    productive: impl Fn(&[Symbol]) -> bool,
    fuel: &mut Fuel,
) -> Result<Vec<bool>, AutomatonError> {
    let mut proper = vec![false; rules.len()];
    let mut users: Vec<Vec<u32>> = vec![Vec::new(); rules.len()];
    let mut open = Vec::new();
    for (r, rule) in rules.iter().enumerate().filter(|(r, _)| reached.rules[*r]) {
        for alternative in rule.alternatives.iter().filter(|a| productive(a)) {
            for symbol in alternative {
                fuel.spend(1)?;
                match symbol {
                    Symbol::Rule(inner) => users[*inner as usize].push(r as u32),
                    Symbol::Terminal(t) if terminals[*t as usize].proper && !proper[r] => {
                        proper[r] = true;
                        open.push(r);
                    }
                    Symbol::Terminal(_) => {}
                }
            }
        }
    }
    while let Some(r) = open.pop() {
        for user in std::mem::take(&mut users[r]) {
            fuel.spend(1)?;
            if !std::mem::replace(&mut proper[user as usize], true) {
                open.push(user as usize);
            }
        }
    }
    Ok(proper)
}

fn diagnose(reached: &Reached, terminals: &[TerminalFacts], length: &[Option<u64>]) -> Diagnostics {
    let rules = 0..reached.rules.len() as u32;
    let used = |t: &u32| reached.terminals[*t as usize];
    let all_terminals = 0..terminals.len() as u32;
    Diagnostics {
        unreachable_rules: rules.clone().filter(|r| !reached.rules[*r as usize]).collect(),
        unproductive_rules: rules
            .filter(|r| reached.rules[*r as usize] && length[*r as usize].is_none())
            .collect(),
        unused_terminals: all_terminals.clone().filter(|t| !used(t)).collect(),
        empty_terminals: all_terminals
            .clone()
            .filter(|t| used(t) && terminals[*t as usize].shortest.is_none())
            .collect(),
        nullable_terminals: all_terminals
            .filter(|t| used(t) && terminals[*t as usize].nullable)
            .collect(),
    }
}
