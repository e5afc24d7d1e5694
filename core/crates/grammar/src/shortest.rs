//! Which rules derive a text at all, and the length of the shortest one.
//!
//! D. E. Knuth, "A generalization of Dijkstra's algorithm", IPL 6(1), 1977: rules are
//! settled in the order of their shortest length, so that the alternative recorded for a
//! rule uses only rules settled before it, and spelling it out always ends.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use structgen_automaton::{AutomatonError, Fuel};

use crate::ir::{Rule, Symbol};

/// The shortest text of every rule.
pub(crate) struct Shortest {
    /// Bytes of the shortest text (saturating); `None`: the rule derives nothing.
    pub length: Vec<Option<u64>>,
    /// The index of the alternative that derives it.
    pub alternative: Vec<u32>,
}

struct Alternative {
    rule: u32,
    index: u32,
    /// Occurrences of rules that are not settled yet.
    missing: u32,
    length: u64,
}

/// `considered`: rules to look at; `terminal`: the shortest text of a terminal.
pub(crate) fn shortest(
    rules: &[Rule],
    considered: &[bool],
    terminal: impl Fn(u32) -> Option<u64>,
    fuel: &mut Fuel,
) -> Result<Shortest, AutomatonError> {
    let mut alternatives = Vec::new();
    let mut occurrences: Vec<Vec<u32>> = vec![Vec::new(); rules.len()];
    let mut heap = BinaryHeap::new();
    for (r, rule) in rules.iter().enumerate().filter(|(r, _)| considered[*r]) {
        for (index, symbols) in rule.alternatives.iter().enumerate() {
            fuel.spend(1 + symbols.len() as u64)?;
            let mut length = Some(0u64);
            for symbol in symbols {
                if let Symbol::Terminal(t) = symbol {
                    length = length.zip(terminal(*t)).map(|(a, b)| a.saturating_add(b));
                }
            }
            let Some(length) = length else { continue };
            let id = alternatives.len() as u32;
            let mut missing = 0;
            for symbol in symbols {
                if let Symbol::Rule(inner) = symbol {
                    occurrences[*inner as usize].push(id);
                    missing += 1;
                }
            }
            if missing == 0 {
                heap.push(Reverse((length, id)));
            }
            alternatives.push(Alternative { rule: r as u32, index: index as u32, missing, length });
        }
    }
    let mut found = Shortest { length: vec![None; rules.len()], alternative: vec![0; rules.len()] };
    while let Some(Reverse((length, id))) = heap.pop() {
        let Alternative { rule, index, .. } = alternatives[id as usize];
        if found.length[rule as usize].is_some() {
            continue;
        }
        found.length[rule as usize] = Some(length);
        found.alternative[rule as usize] = index;
        for user in std::mem::take(&mut occurrences[rule as usize]) {
            fuel.spend(1)?;
            let alternative = &mut alternatives[user as usize];
            alternative.length = alternative.length.saturating_add(length);
            alternative.missing -= 1;
            if alternative.missing == 0 {
                heap.push(Reverse((alternative.length, user)));
            }
        }
    }
    Ok(found)
}
