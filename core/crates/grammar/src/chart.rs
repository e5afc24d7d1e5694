//! Places in a text: what may come next at an item set, and where it leads.
//!
//! Prediction is not stored with the items (it follows from them); what a lexeme leads to
//! is worked out when a lexeme has ended, for the rules that it can begin and for what
//! they begin, in the order of the components of "begins with", outermost first.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use structgen_automaton::{AutomatonError, Fuel};

use crate::ir::Symbol;
use crate::limits::GrammarLimits;
use crate::plan::{Plan, Plans, run};
use crate::sets::{ACCEPT, Continuation, Gather, Item, Knot, SetId, Sets};
use crate::tables::{SuffixId, Tables};

/// An item of a set, sorted by its first symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Expected {
    /// A rule or a terminal, by the list it stands in.
    symbol: u32,
    rest: SuffixId,
    then: Continuation,
}

/// What an item set expects.
pub(crate) struct Column {
    plan: Arc<Plan>,
    rules: Box<[Expected]>,
    lexemes: Box<[Expected]>,
    /// All terminals that may come next, the ignored ones included, ascending.
    pub terminals: Arc<[u32]>,
}

/// A left-recursive component entered in some place: which of its rules are wanted there
/// from outside, and what follows them. Its knots are consecutive, one for each member.
struct Scope {
    first_knot: u32,
    /// The rule and what follows it, if there is only one such rule.
    sole: Option<(u32, SetId)>,
}

pub(crate) struct Chart {
    pub sets: Sets,
    plans: Plans,
    columns: Vec<Option<Arc<Column>>>,
    /// What follows a rule predicted at a set.
    follows: FxHashMap<(SetId, u32), Continuation>,
    scopes: Vec<Scope>,
    scope_ids: FxHashMap<Box<[(u32, SetId)]>, u32>,
    after: FxHashMap<(SetId, u32), SetId>,
    spare: Gather,
}

impl Chart {
    pub fn new(limits: &GrammarLimits) -> Self {
        Chart {
            sets: Sets::new(limits),
            plans: Plans::default(),
            columns: Vec::new(),
            follows: FxHashMap::default(),
            scopes: Vec::new(),
            scope_ids: FxHashMap::default(),
            after: FxHashMap::default(),
            spare: Gather::default(),
        }
    }

    pub fn bytes(&self) -> usize {
        self.sets.bytes()
            + self.columns.len() * 96
            + self.follows.len() * 16
            + self.after.len() * 16
            + self.scopes.len() * 48
    }

    /// The set before the first lexeme.
    pub fn start(&mut self, tables: &Tables, fuel: &mut Fuel) -> Result<SetId, AutomatonError> {
        let mut items = Gather::default();
        items.push(tables, &self.sets, tables.start, Continuation::set(SetId::ACCEPT), fuel)?;
        self.sets.intern(&mut items, fuel)
    }

    /// What `set` expects.
    pub fn column(
        &mut self,
        tables: &Tables,
        set: SetId,
        fuel: &mut Fuel,
    ) -> Result<Arc<Column>, AutomatonError> {
        let index = set.0 as usize;
        if self.columns.len() <= index {
            self.columns.resize(self.sets.len().max(index + 1), None);
        }
        if let Some(column) = &self.columns[index] {
            return Ok(column.clone());
        }
        let items = self.sets.share(set);
        fuel.spend(1 + items.len() as u64)?;
        self.sets.book(items.len() * 2)?;
        let (mut rules, mut lexemes) = (Vec::new(), Vec::new());
        for item in items.iter().filter(|i| **i != ACCEPT) {
            let suffix = tables.suffix(item.suffix());
            let (list, symbol) = match suffix.first {
                Symbol::Rule(r) => (&mut rules, r),
                Symbol::Terminal(t) => (&mut lexemes, t),
            };
            list.push(Expected { symbol, rest: suffix.rest, then: item.then() });
        }
        rules.sort_unstable();
        lexemes.sort_unstable();
        let mut wanted: Vec<u32> = rules.iter().map(|e| e.symbol).collect();
        wanted.dedup();
        let plan = self.plans.plan(tables, &mut self.sets, &wanted, fuel)?;
        let own = lexemes.iter().map(|e| e.symbol);
        let terminals = if own.clone().all(|t| plan.terminals.binary_search(&t).is_ok()) {
            plan.terminals.clone()
        } else {
            let mut terminals: Vec<u32> = own.chain(plan.terminals.iter().copied()).collect();
            fuel.spend(terminals.len() as u64)?;
            self.sets.book(terminals.len())?;
            terminals.sort_unstable();
            terminals.dedup();
            terminals.into()
        };
        let column =
            Arc::new(Column { plan, rules: rules.into(), lexemes: lexemes.into(), terminals });
        self.columns[index] = Some(column.clone());
        Ok(column)
    }

    /// The set after one of the lexemes `terminals` was read at `set`.
    pub fn after(
        &mut self,
        tables: &Tables,
        set: SetId,
        terminals: &[u32],
        fuel: &mut Fuel,
    ) -> Result<SetId, AutomatonError> {
        if let [terminal] = terminals {
            return self.after_one(tables, set, *terminal, fuel);
        }
        let mut found = Vec::with_capacity(terminals.len());
        for terminal in terminals {
            found.push(self.after_one(tables, set, *terminal, fuel)?);
        }
        self.union(&mut found, fuel)
    }

    /// The union of some sets.
    pub fn union(
        &mut self,
        found: &mut Vec<SetId>,
        fuel: &mut Fuel,
    ) -> Result<SetId, AutomatonError> {
        found.sort_unstable();
        found.dedup();
        if let [only] = found[..] {
            return Ok(only);
        }
        let mut items = std::mem::take(&mut self.spare);
        items.clear();
        for set in found.iter() {
            items.merge(*set);
        }
        let union = self.sets.intern(&mut items, fuel)?;
        self.spare = items;
        Ok(union)
    }

    fn after_one(
        &mut self,
        tables: &Tables,
        set: SetId,
        terminal: u32,
        fuel: &mut Fuel,
    ) -> Result<SetId, AutomatonError> {
        if let Some(known) = self.after.get(&(set, terminal)) {
            return Ok(*known);
        }
        let column = self.column(tables, set, fuel)?;
        let leads = column.plan.leads(terminal);
        self.follow(tables, set, &column, leads.iter().map(|l| l.rule), fuel)?;
        let mut items = std::mem::take(&mut self.spare);
        items.clear();
        for lead in leads {
            let then = self.followed(set, lead.rule);
            items.push(tables, &self.sets, lead.rest, then, fuel)?;
        }
        for expected in run(&column.lexemes, terminal, |e| e.symbol) {
            items.push(tables, &self.sets, expected.rest, expected.then, fuel)?;
        }
        if tables.ignores(terminal) {
            items.merge(set);
        }
        let after = self.sets.intern(&mut items, fuel)?;
        self.spare = items;
        self.after.insert((set, terminal), after);
        Ok(after)
    }

    fn followed(&self, set: SetId, rule: u32) -> Continuation {
        self.follows.get(&(set, rule)).copied().unwrap_or(Continuation::set(SetId::EMPTY))
    }

    /// Works out what follows `rules`, predicted at `set`, and everything this depends on.
    fn follow(
        &mut self,
        tables: &Tables,
        set: SetId,
        column: &Column,
        rules: impl Iterator<Item = u32>,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        let mut open: Vec<u32> = rules.collect();
        let mut wanted = FxHashSet::default();
        while let Some(rule) = open.pop() {
            let component = tables.components.of[rule as usize];
            if self.follows.contains_key(&(set, rule)) || !wanted.insert(component) {
                continue;
            }
            for member in &tables.components.members[component as usize] {
                let parents = column.plan.parents(*member);
                fuel.spend(1 + parents.len() as u64)?;
                open.extend(parents.iter().map(|p| p.parent));
            }
        }
        // Parents have higher numbers.
        let mut wanted: Vec<u32> = wanted.into_iter().collect();
        wanted.sort_unstable_by(|a, b| b.cmp(a));
        for component in wanted {
            self.follow_component(tables, set, column, component, fuel)?;
        }
        Ok(())
    }

    fn follow_component(
        &mut self,
        tables: &Tables,
        set: SetId,
        column: &Column,
        component: u32,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        let members = &tables.components.members[component as usize];
        let cyclic = tables.cyclic[component as usize];
        let mut entries = Vec::new();
        for rule in members {
            let mut items = self.follow_from_outside(tables, set, column, *rule, fuel)?;
            if cyclic {
                self.untie(tables, *rule, &mut items, fuel)?;
            }
            let outside = self.sets.intern(&mut items, fuel)?;
            self.spare = items;
            if !cyclic {
                self.follows.insert((set, *rule), Continuation::set(outside));
                return Ok(());
            }
            if outside != SetId::EMPTY {
                entries.push((*rule, outside));
            }
        }
        let found = self.tie(tables, component, &entries, fuel)?;
        for (rule, then) in members.iter().zip(found) {
            self.follows.insert((set, *rule), then);
        }
        Ok(())
    }

    /// What follows `rule` other than by recursion in its own component.
    fn follow_from_outside(
        &mut self,
        tables: &Tables,
        set: SetId,
        column: &Column,
        rule: u32,
        fuel: &mut Fuel,
    ) -> Result<Gather, AutomatonError> {
        let component = tables.components.of[rule as usize];
        let mut items = std::mem::take(&mut self.spare);
        items.clear();
        for expected in run(&column.rules, rule, |e| e.symbol) {
            items.push(tables, &self.sets, expected.rest, expected.then, fuel)?;
        }
        for parent in column.plan.parents(rule) {
            if tables.components.of[parent.parent as usize] != component {
                let then = self.followed(set, parent.parent);
                items.push(tables, &self.sets, parent.rest, then, fuel)?;
            }
        }
        Ok(items)
    }

    /// Removes what recursion already in progress would add again: if the recursive rule
    /// A, followed by R, is followed by C in all (so that C = D*R with A => A D), then
    /// "A, then C" is "A, then R". This is what keeps `E: E "+" E` finite.
    fn untie(
        &mut self,
        tables: &Tables,
        rule: u32,
        gather: &mut Gather,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        let items = gather.sorted(&self.sets, fuel)?;
        let component = tables.components.of[rule as usize];
        let members = &tables.components.members[component as usize];
        let Ok(place) = members.binary_search(&rule) else {
            return Ok(());
        };
        let mut scopes: Vec<u32> = items
            .iter()
            .filter_map(|i| i.then().as_knot())
            .map(|k| self.sets.knots[k as usize].scope)
            .filter(|s| matches!(self.scopes[*s as usize].sole, Some((r, _)) if r == rule))
            .collect();
        // The newest first: what it leaves may name older ones.
        scopes.sort_unstable_by(|a, b| b.cmp(a));
        scopes.dedup();
        for scope in scopes {
            let Scope { first_knot, sole: Some((_, outside)) } = self.scopes[scope as usize] else {
                continue;
            };
            let all = self.sets.content(Continuation::knot(first_knot + place as u32));
            let all = self.sets.get(all);
            fuel.spend(1 + all.len().min(items.len()) as u64)?;
            if all.iter().all(|i| items.binary_search(i).is_ok()) {
                items.retain(|i| all.binary_search(i).is_err());
                items.extend_from_slice(self.sets.get(outside));
                items.sort_unstable();
                items.dedup();
            }
        }
        Ok(())
    }

    /// The continuations of the members of a cyclic component, of which `entries` are
    /// wanted from outside.
    fn tie(
        &mut self,
        tables: &Tables,
        component: u32,
        entries: &[(u32, SetId)],
        fuel: &mut Fuel,
    ) -> Result<Vec<Continuation>, AutomatonError> {
        let members = &tables.components.members[component as usize];
        let count = members.len() as u32;
        if let Some(scope) = self.scope_ids.get(entries) {
            let first = self.scopes[*scope as usize].first_knot;
            return Ok((first..first + count).map(Continuation::knot).collect());
        }
        let recursion = self.plans.recursion(tables, &mut self.sets, component, fuel)?;
        let flat = recursion.is_flat();
        let first_knot = self.sets.knots.len() as u32;
        let scope = self.scopes.len() as u32;
        let mut contents = Vec::with_capacity(members.len());
        let mut items = std::mem::take(&mut self.spare);
        items.clear();
        for (inner, through) in recursion.inner.iter().zip(&recursion.through) {
            for (rule, outside) in entries {
                fuel.spend(1)?;
                if through.binary_search(rule).is_ok() {
                    items.merge(*outside);
                }
            }
            for (suffix, parent) in inner {
                let place = members.binary_search(parent).unwrap_or(0) as u32;
                items.push_alone(Item::new(*suffix, Continuation::knot(first_knot + place)));
            }
            fuel.spend(1 + inner.len() as u64)?;
            contents.push(self.sets.intern(&mut items, fuel)?);
        }
        self.spare = items;
        if flat {
            return Ok(contents.into_iter().map(Continuation::set).collect());
        }
        let knots = contents.iter().map(|content| Knot { content: *content, scope });
        self.sets.knots.extend(knots);
        let sole = if let [entry] = entries { Some(*entry) } else { None };
        self.scopes.push(Scope { first_knot, sole });
        self.scope_ids.insert(entries.into(), scope);
        Ok((first_knot..first_knot + count).map(Continuation::knot).collect())
    }
}
