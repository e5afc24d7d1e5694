//! Prediction: what can begin where a set of rules is expected. Depends on the grammar and
//! the set of rules alone, and is therefore shared by all places in all texts.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use structgen_automaton::{AutomatonError, Fuel};

use crate::ir::Symbol;
use crate::sets::Sets;
use crate::tables::{Suffix, SuffixId, Tables};

/// "`child` may begin `parent`, which then still needs `rest`."
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Parent {
    pub child: u32,
    pub parent: u32,
    pub rest: SuffixId,
}

/// "`terminal` may begin `rule`, which then still needs `rest`."
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lead {
    pub terminal: u32,
    pub rule: u32,
    pub rest: SuffixId,
}

/// The left corners of a set of expected rules.
pub(crate) struct Plan {
    parents: Box<[Parent]>,
    leads: Box<[Lead]>,
    /// The terminals of `leads` and the ignored ones, ascending.
    pub terminals: Arc<[u32]>,
}

impl Plan {
    pub fn parents(&self, child: u32) -> &[Parent] {
        run(&self.parents, child, |p| p.child)
    }

    pub fn leads(&self, terminal: u32) -> &[Lead] {
        run(&self.leads, terminal, |l| l.terminal)
    }

    fn new(
        tables: &Tables,
        sets: &mut Sets,
        rules: &[u32],
        fuel: &mut Fuel,
    ) -> Result<Plan, AutomatonError> {
        let mut seen: FxHashSet<u32> = rules.iter().copied().collect();
        let mut open = rules.to_vec();
        let (mut parents, mut leads) = (Vec::new(), Vec::new());
        while let Some(rule) = open.pop() {
            let corners = &tables.corners[rule as usize];
            fuel.spend(1 + corners.len() as u64)?;
            sets.book(corners.len() * 2)?;
            for corner in corners {
                match corner.symbol {
                    Symbol::Rule(child) => {
                        parents.push(Parent { child, parent: rule, rest: corner.rest });
                        if seen.insert(child) {
                            open.push(child);
                        }
                    }
                    Symbol::Terminal(terminal) => {
                        leads.push(Lead { terminal, rule, rest: corner.rest });
                    }
                }
            }
        }
        parents.sort_unstable();
        leads.sort_unstable();
        let mut terminals: Vec<u32> = leads.iter().map(|l| l.terminal).collect();
        terminals.extend_from_slice(&tables.ignore);
        terminals.sort_unstable();
        terminals.dedup();
        Ok(Plan { parents: parents.into(), leads: leads.into(), terminals: terminals.into() })
    }
}

/// The run of items with `key` in a sorted slice.
pub(crate) fn run<T>(items: &[T], key: u32, of: impl Fn(&T) -> u32) -> &[T] {
    let from = items.partition_point(|i| of(i) < key);
    let length = items[from..].iter().take_while(|i| of(i) == key).count();
    &items[from..from + length]
}

/// What follows the rules of a cyclic component of "begins with", apart from what follows
/// the component as a whole.
pub(crate) struct Recursion {
    /// For every member: (what is still needed, of which member), closed.
    pub inner: Vec<Box<[(SuffixId, u32)]>>,
    /// For every member: the members that are complete as soon as it is, itself included.
    pub through: Vec<Box<[u32]>>,
}

impl Recursion {
    /// True if only rules of the form "A is B" are involved: nothing is ever still needed.
    pub fn is_flat(&self) -> bool {
        self.inner.iter().all(|i| i.is_empty())
    }

    fn new(
        tables: &Tables,
        sets: &mut Sets,
        component: u32,
        fuel: &mut Fuel,
    ) -> Result<Recursion, AutomatonError> {
        let members = &tables.components.members[component as usize];
        let place = |rule: u32| members.binary_search(&rule).ok();
        let mut direct: Vec<Vec<(SuffixId, u32)>> = vec![Vec::new(); members.len()];
        let mut units: Vec<Vec<u32>> = vec![Vec::new(); members.len()];
        let mut skipped = FxHashSet::default();
        for parent in members {
            for corner in &tables.corners[*parent as usize] {
                fuel.spend(1)?;
                let Symbol::Rule(child) = corner.symbol else { break };
                let Some(child) = place(child) else { continue };
                let mut at = corner.rest;
                loop {
                    if at == SuffixId::EMPTY {
                        units[child].push(*parent);
                        break;
                    }
                    fuel.spend(1)?;
                    let Suffix { skippable, rest, .. } = *tables.suffix(at);
                    if skippable && !skipped.insert((child, at, *parent)) {
                        break;
                    }
                    sets.book(2)?;
                    direct[child].push((at, *parent));
                    if !skippable {
                        break;
                    }
                    at = rest;
                }
            }
        }
        let mut inner = Vec::with_capacity(members.len());
        let mut through = Vec::with_capacity(members.len());
        for member in members {
            let mut reached = vec![*member];
            let mut seen: FxHashSet<u32> = reached.iter().copied().collect();
            let mut needed = Vec::new();
            let mut at = 0;
            while let Some(rule) = reached.get(at).copied() {
                at += 1;
                let Some(here) = place(rule) else { continue };
                fuel.spend(1 + (direct[here].len() + units[here].len()) as u64)?;
                sets.book(1 + direct[here].len())?;
                needed.extend_from_slice(&direct[here]);
                reached.extend(units[here].iter().filter(|u| seen.insert(**u)));
            }
            needed.sort_unstable();
            needed.dedup();
            reached.sort_unstable();
            inner.push(needed.into_boxed_slice());
            through.push(reached.into_boxed_slice());
        }
        Ok(Recursion { inner, through })
    }
}

/// Plans and recursions made so far.
#[derive(Default)]
pub(crate) struct Plans {
    ids: FxHashMap<Box<[u32]>, Arc<Plan>>,
    recursions: FxHashMap<u32, Arc<Recursion>>,
}

impl Plans {
    /// The plan for `rules`, sorted and without repetitions.
    pub fn plan(
        &mut self,
        tables: &Tables,
        sets: &mut Sets,
        rules: &[u32],
        fuel: &mut Fuel,
    ) -> Result<Arc<Plan>, AutomatonError> {
        if let Some(known) = self.ids.get(rules) {
            return Ok(known.clone());
        }
        let plan = Arc::new(Plan::new(tables, sets, rules, fuel)?);
        self.ids.insert(rules.into(), plan.clone());
        Ok(plan)
    }

    /// The recursion of a cyclic component.
    pub fn recursion(
        &mut self,
        tables: &Tables,
        sets: &mut Sets,
        component: u32,
        fuel: &mut Fuel,
    ) -> Result<Arc<Recursion>, AutomatonError> {
        if let Some(known) = self.recursions.get(&component) {
            return Ok(known.clone());
        }
        let recursion = Arc::new(Recursion::new(tables, sets, component, fuel)?);
        self.recursions.insert(component, recursion.clone());
        Ok(recursion)
    }
}
