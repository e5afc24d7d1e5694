//! Derivatives of expressions with assertions, one character at a time.
//!
//! A *term* is a language of what remains of the text up to its end, so that a look-ahead is
//! simply an intersection: `(?=x)k` is `x.* & k`. Look-behinds are tracked by a term each, of
//! the form `.* x stop .*`: where `stop` can be passed, the text so far ends in an `x` (if what
//! follows keeps what `x` has asked of it). Characters are numbered by the classes that the
//! pattern tells apart.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use structgen_automaton::pace;

use super::{limit, unsupported};
use crate::parse::RegexSyntaxError;
use crate::{Ast, ByteSet, CharDfa, CharSet, ExprId, Exprs, RegexLimits};

const MAX_STATES: usize = 10_000;
const MAX_STEPS: u64 = 1_000_000;
const MAX_NESTING: u32 = 400;
const MAX_CLASSES: usize = 256;

pub(super) type TermId = u32;
pub(super) type ItemId = u32;

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Item {
    Free(ExprId),
    Concat(Vec<ItemId>),
    Alternate(Vec<ItemId>),
    Repeat(ItemId, u32, Option<u32>),
    Start,
    End,
    Ahead {
        seen: TermId,
        negate: bool,
    },
    Behind {
        tracker: usize,
        negate: bool,
    },
    /// The place that a look-behind looks from.
    Stop,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Term {
    Free(ExprId),
    Then(ItemId, TermId),
    Or(Vec<TermId>),
    And(Vec<TermId>),
    Not(TermId),
}

/// What is known at a place of the text.
pub(super) struct Place {
    pub at_start: bool,
    /// The terms of the look-behinds here.
    pub trackers: Vec<TermId>,
}

pub(super) struct Explorer {
    pub exprs: Exprs,
    classes: Vec<CharSet>,
    pub items: Vec<Item>,
    item_ids: FxHashMap<Item, ItemId>,
    pub terms: Vec<Term>,
    term_ids: FxHashMap<Term, TermId>,
    /// Which terms have a `stop` before them.
    pub stops: Vec<bool>,
    /// Terms of the look-behinds at the start of the text.
    pub trackers: Vec<TermId>,
    steps: u64,
}

pub(super) type Resolved<T> = Result<T, RegexSyntaxError>;

/// The automaton of the whole texts that `ast` matches.
pub(super) fn resolve(ast: &Ast) -> Resolved<Ast> {
    let mut sets = FxHashSet::default();
    collect(ast, &mut sets)?;
    let classes = minterms(sets.into_iter().cloned().collect())?;
    let mut explorer = Explorer {
        exprs: Exprs::new(RegexLimits::default()),
        classes,
        items: Vec::new(),
        item_ids: FxHashMap::default(),
        terms: Vec::new(),
        stops: Vec::new(),
        term_ids: FxHashMap::default(),
        trackers: Vec::new(),
        steps: 0,
    };
    explorer.run(ast)
}

fn collect<'a>(ast: &'a Ast, sets: &mut FxHashSet<&'a CharSet>) -> Resolved<()> {
    pace(0).map_err(RegexSyntaxError::stopped)?;
    match ast {
        Ast::Class(set) | Ast::WordBoundary { word: set, .. } => {
            sets.insert(set);
        }
        Ast::Concat(parts) | Ast::Alternate(parts) | Ast::And(parts) => {
            for part in parts {
                collect(part, sets)?;
            }
        }
        Ast::Not(inner) | Ast::Repeat { inner, .. } | Ast::Look { inner, .. } => {
            collect(inner, sets)?;
        }
        Ast::Empty | Ast::Epsilon | Ast::Start | Ast::End | Ast::Automaton(_) => {}
    }
    Ok(())
}

/// The classes of characters that are in the same ones of `sets`.
fn minterms(mut sets: Vec<CharSet>) -> Resolved<Vec<CharSet>> {
    sets.sort_unstable();
    sets.dedup();
    let mut classes = vec![CharSet::any()];
    for set in sets {
        pace(classes.len() as u32).map_err(RegexSyntaxError::stopped)?;
        let mut refined = Vec::with_capacity(classes.len() + 1);
        for class in classes {
            let outside = &class - &set;
            if outside.is_empty() {
                refined.push(class);
                continue;
            }
            let inside = &class & &set;
            if !inside.is_empty() {
                refined.push(inside);
            }
            refined.push(outside);
        }
        classes = refined;
        if classes.len() > MAX_CLASSES {
            return Err(limit("max_classes", MAX_CLASSES as u64));
        }
    }
    Ok(classes)
}

impl Explorer {
    fn run(&mut self, ast: &Ast) -> Resolved<Ast> {
        let item = self.item(ast)?;
        let end = self.free(Exprs::EPSILON);
        let main = self.then(item, end)?;
        let start = (main, self.trackers.clone(), true);
        let mut ids: FxHashMap<(TermId, Vec<TermId>, bool), u32> = FxHashMap::default();
        let mut order = vec![start.clone()];
        ids.insert(start, 0);
        let (mut rows, mut accepting) = (Vec::new(), Vec::new());
        while rows.len() < order.len() {
            let (main, trackers, at_start) = order[rows.len()].clone();
            let place = Place { at_start, trackers: trackers.clone() };
            accepting.push(self.ends(main, &place, 0)?);
            let mut row = Vec::with_capacity(self.classes.len());
            for class in 0..self.classes.len() {
                let class = class as u8;
                let next = self.derive(main, class, &place, 0)?;
                let mut after = Vec::new();
                if !matches!(self.terms[next as usize], Term::Free(_)) {
                    for &tracker in &trackers {
                        after.push(self.derive(tracker, class, &place, 0)?);
                    }
                }
                let state = (next, after, false);
                let fresh = ids.len() as u32;
                row.push(*ids.entry(state.clone()).or_insert_with(|| {
                    order.push(state);
                    fresh
                }));
            }
            rows.push(row);
            if order.len() > MAX_STATES {
                return Err(limit("max_assertion_states", MAX_STATES as u64));
            }
        }
        Ok(match CharDfa::from_table(&rows, &accepting, &self.classes) {
            Some(dfa) => Ast::Automaton(Arc::new(dfa)),
            None => Ast::Empty,
        })
    }

    pub fn step(&mut self, nesting: u32) -> Resolved<()> {
        self.steps += 1;
        pace(1).map_err(RegexSyntaxError::stopped)?;
        if self.steps > MAX_STEPS || self.exprs.check().is_err() {
            return Err(limit("max_assertion_steps", MAX_STEPS));
        }
        if nesting > MAX_NESTING {
            return Err(limit("max_nesting", MAX_NESTING.into()));
        }
        Ok(())
    }

    // Construction.

    pub fn intern_item(&mut self, item: Item) -> ItemId {
        if let Some(&id) = self.item_ids.get(&item) {
            return id;
        }
        let id = self.items.len() as ItemId;
        self.items.push(item.clone());
        self.item_ids.insert(item, id);
        id
    }

    fn intern(&mut self, term: Term) -> TermId {
        if let Some(&id) = self.term_ids.get(&term) {
            return id;
        }
        let id = self.terms.len() as TermId;
        let stop = |&part: &TermId| self.stops[part as usize];
        let stops = match &term {
            Term::Free(_) => false,
            Term::Then(item, rest) => self.items[*item as usize] == Item::Stop || stop(rest),
            Term::Or(parts) | Term::And(parts) => parts.iter().any(stop),
            Term::Not(inner) => stop(inner),
        };
        self.stops.push(stops);
        self.terms.push(term.clone());
        self.term_ids.insert(term, id);
        id
    }

    pub fn free(&mut self, e: ExprId) -> TermId {
        self.intern(Term::Free(e))
    }

    pub fn is(&self, term: TermId, e: ExprId) -> bool {
        self.terms[term as usize] == Term::Free(e)
    }

    fn set(&mut self, set: &CharSet) -> ExprId {
        let classes = self.classes.iter().enumerate();
        let bytes: ByteSet =
            classes.filter(|(_, class)| class.is_subset(set)).map(|(i, _)| i as u8).collect();
        self.exprs.byte_set(bytes)
    }

    fn expr(&mut self, ast: &Ast) -> Resolved<ExprId> {
        let all = |explorer: &mut Self, parts: &[Ast]| {
            parts.iter().map(|part| explorer.expr(part)).collect::<Resolved<Vec<ExprId>>>()
        };
        Ok(match ast {
            Ast::Empty => Exprs::EMPTY,
            Ast::Epsilon => Exprs::EPSILON,
            Ast::Class(set) => self.set(set),
            Ast::Concat(parts) => {
                let parts = all(self, parts)?;
                self.exprs.concat(&parts)
            }
            Ast::Alternate(parts) => {
                let parts = all(self, parts)?;
                self.exprs.or(&parts)
            }
            Ast::And(parts) => {
                let parts = all(self, parts)?;
                self.exprs.and(&parts)
            }
            Ast::Not(inner) => {
                let inner = self.expr(inner)?;
                self.exprs.not(inner)
            }
            Ast::Repeat { inner, min, max } => {
                let inner = self.expr(inner)?;
                self.exprs.repeat(inner, *min, *max)
            }
            _ => return Err(unsupported("automata beside assertions")),
        })
    }

    fn item(&mut self, ast: &Ast) -> Resolved<ItemId> {
        if !ast.has_assertions() {
            let e = self.expr(ast)?;
            return Ok(self.intern_item(Item::Free(e)));
        }
        let item = match ast {
            Ast::Concat(parts) => {
                let parts: Resolved<_> = parts.iter().map(|part| self.item(part)).collect();
                Item::Concat(parts?)
            }
            Ast::Alternate(parts) => {
                let parts: Resolved<_> = parts.iter().map(|part| self.item(part)).collect();
                Item::Alternate(parts?)
            }
            Ast::Repeat { inner, min, max } => Item::Repeat(self.item(inner)?, *min, *max),
            Ast::Start => Item::Start,
            Ast::End => Item::End,
            Ast::WordBoundary { negate, word } => {
                let class = Ast::Class(word.clone());
                let look = |ahead: bool, negate: bool| Ast::Look {
                    inner: Box::new(class.clone()),
                    ahead,
                    negate,
                };
                let pair = |before: bool, after: bool| {
                    Ast::Concat(vec![look(false, before), look(true, after)])
                };
                let pairs = if *negate {
                    vec![pair(false, false), pair(true, true)]
                } else {
                    vec![pair(false, true), pair(true, false)]
                };
                return self.item(&Ast::Alternate(pairs));
            }
            Ast::Look { inner, ahead: true, negate } => {
                let inner = self.item(inner)?;
                let any = self.free(Exprs::ANYTHING);
                Item::Ahead { seen: self.then(inner, any)?, negate: *negate }
            }
            Ast::Look { inner, ahead: false, negate } => {
                let inner = self.item(inner)?;
                let any = self.free(Exprs::ANYTHING);
                let stop = self.intern_item(Item::Stop);
                let rest = self.then(stop, any)?;
                let found = self.then(inner, rest)?;
                let any = self.intern_item(Item::Free(Exprs::ANYTHING));
                let term = self.then(any, found)?;
                let tracker = match self.trackers.iter().position(|&old| old == term) {
                    Some(tracker) => tracker,
                    None => {
                        self.trackers.push(term);
                        self.trackers.len() - 1
                    }
                };
                Item::Behind { tracker, negate: *negate }
            }
            _ => return Err(unsupported("assertions under `&` and `~`")),
        };
        Ok(self.intern_item(item))
    }

    pub fn then(&mut self, item: ItemId, rest: TermId) -> Resolved<TermId> {
        self.step(0)?;
        if self.is(rest, Exprs::EMPTY) {
            return Ok(rest);
        }
        match self.items[item as usize].clone() {
            Item::Free(e) => {
                if e == Exprs::EMPTY {
                    return Ok(self.free(e));
                }
                if e == Exprs::EPSILON {
                    return Ok(rest);
                }
                if let Term::Free(tail) = self.terms[rest as usize] {
                    let e = self.exprs.concat(&[e, tail]);
                    return Ok(self.free(e));
                }
            }
            Item::Concat(parts) => {
                let mut rest = rest;
                for part in parts.into_iter().rev() {
                    rest = self.then(part, rest)?;
                }
                return Ok(rest);
            }
            Item::Repeat(_, _, Some(0)) => return Ok(rest),
            _ => {}
        }
        Ok(self.intern(Term::Then(item, rest)))
    }

    pub fn or(&mut self, terms: Vec<TermId>) -> TermId {
        self.combine(terms, true)
    }

    pub fn and(&mut self, terms: Vec<TermId>) -> TermId {
        self.combine(terms, false)
    }

    pub fn combine(&mut self, terms: Vec<TermId>, union: bool) -> TermId {
        let (neutral, absorbing) =
            if union { (Exprs::EMPTY, Exprs::ANYTHING) } else { (Exprs::ANYTHING, Exprs::EMPTY) };
        let mut list = Vec::new();
        let mut free = neutral;
        for term in terms {
            let parts = match &self.terms[term as usize] {
                Term::Or(parts) if union => parts.clone(),
                Term::And(parts) if !union => parts.clone(),
                _ => vec![term],
            };
            for part in parts {
                match self.terms[part as usize] {
                    Term::Free(e) if union => free = self.exprs.or(&[free, e]),
                    Term::Free(e) => free = self.exprs.and(&[free, e]),
                    _ => list.push(part),
                }
            }
        }
        if free == absorbing {
            return self.free(free);
        }
        if free != neutral || list.is_empty() {
            let free = self.free(free);
            list.push(free);
        }
        list.sort_unstable();
        list.dedup();
        match (list.len(), union) {
            (1, _) => list[0],
            (_, true) => self.intern(Term::Or(list)),
            (_, false) => self.intern(Term::And(list)),
        }
    }

    pub fn not(&mut self, term: TermId) -> TermId {
        match self.terms[term as usize] {
            Term::Free(e) => {
                let e = self.exprs.not(e);
                self.free(e)
            }
            Term::Not(inner) => inner,
            _ => self.intern(Term::Not(term)),
        }
    }
}
