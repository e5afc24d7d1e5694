//! Derivatives of expressions with assertions, one character at a time.
//!
//! A *term* is a language of what remains of the text up to its end, so that a look-ahead is
//! simply an intersection: `(?=x)k` is `x.* & k`. Look-behinds are tracked by a term each, of
//! the form `.* x stop .*`: where `stop` can be passed, the text so far ends in an `x` (if what
//! follows keeps what `x` has asked of it). Characters are numbered by the classes that the
//! pattern tells apart.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{limit, unsupported};
use crate::parse::RegexSyntaxError;
use crate::{Ast, ByteSet, CharDfa, CharSet, ExprId, Exprs, RegexLimits};

const MAX_STATES: usize = 10_000;
const MAX_STEPS: u64 = 1_000_000;
const MAX_NESTING: u32 = 400;
const MAX_CLASSES: usize = 256;

type TermId = u32;
type ItemId = u32;

#[derive(Clone, PartialEq, Eq, Hash)]
enum Item {
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
enum Term {
    Free(ExprId),
    Then(ItemId, TermId),
    Or(Vec<TermId>),
    And(Vec<TermId>),
    Not(TermId),
}

/// What is known at a place of the text.
struct Place {
    at_start: bool,
    /// The terms of the look-behinds here.
    trackers: Vec<TermId>,
}

struct Explorer {
    exprs: Exprs,
    classes: Vec<CharSet>,
    items: Vec<Item>,
    item_ids: FxHashMap<Item, ItemId>,
    terms: Vec<Term>,
    term_ids: FxHashMap<Term, TermId>,
    /// Which terms have a `stop` before them.
    stops: Vec<bool>,
    /// Terms of the look-behinds at the start of the text.
    trackers: Vec<TermId>,
    steps: u64,
}

type Resolved<T> = Result<T, RegexSyntaxError>;

/// The automaton of the whole texts that `ast` matches.
pub(super) fn resolve(ast: &Ast) -> Resolved<Ast> {
    let mut sets = Vec::new();
    collect(ast, &mut sets);
    let classes = minterms(sets)?;
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

fn collect(ast: &Ast, sets: &mut Vec<CharSet>) {
    match ast {
        Ast::Class(set) | Ast::WordBoundary { word: set, .. } => sets.push(set.clone()),
        Ast::Concat(parts) | Ast::Alternate(parts) | Ast::And(parts) => {
            parts.iter().for_each(|part| collect(part, sets));
        }
        Ast::Not(inner) | Ast::Repeat { inner, .. } | Ast::Look { inner, .. } => {
            collect(inner, sets);
        }
        Ast::Empty | Ast::Epsilon | Ast::Start | Ast::End | Ast::Automaton(_) => {}
    }
}

/// The classes of characters that are in the same ones of `sets`.
fn minterms(mut sets: Vec<CharSet>) -> Resolved<Vec<CharSet>> {
    sets.sort_unstable();
    sets.dedup();
    let mut classes = vec![CharSet::any()];
    for set in sets {
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

    fn step(&mut self, nesting: u32) -> Resolved<()> {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.exprs.check().is_err() {
            return Err(limit("max_assertion_steps", MAX_STEPS));
        }
        if nesting > MAX_NESTING {
            return Err(limit("max_nesting", MAX_NESTING.into()));
        }
        Ok(())
    }

    // Construction.

    fn intern_item(&mut self, item: Item) -> ItemId {
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

    fn free(&mut self, e: ExprId) -> TermId {
        self.intern(Term::Free(e))
    }

    fn is(&self, term: TermId, e: ExprId) -> bool {
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

    fn then(&mut self, item: ItemId, rest: TermId) -> Resolved<TermId> {
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

    fn or(&mut self, terms: Vec<TermId>) -> TermId {
        self.combine(terms, true)
    }

    fn and(&mut self, terms: Vec<TermId>) -> TermId {
        self.combine(terms, false)
    }

    fn combine(&mut self, terms: Vec<TermId>, union: bool) -> TermId {
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

    fn not(&mut self, term: TermId) -> TermId {
        match self.terms[term as usize] {
            Term::Free(e) => {
                let e = self.exprs.not(e);
                self.free(e)
            }
            Term::Not(inner) => inner,
            _ => self.intern(Term::Not(term)),
        }
    }

    // Semantics.

    /// Whether `term` has the empty text, at `place`, which is the end.
    fn ends(&mut self, term: TermId, place: &Place, nesting: u32) -> Resolved<bool> {
        self.step(nesting)?;
        match self.terms[term as usize].clone() {
            Term::Free(e) => Ok(self.exprs.nullable(e)),
            Term::Then(item, rest) => Ok(self.passes_end(item, place, nesting + 1)?
                && self.ends(rest, place, nesting + 1)?),
            Term::Or(parts) => {
                for part in parts {
                    if self.ends(part, place, nesting + 1)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Term::And(parts) => {
                for part in parts {
                    if !self.ends(part, place, nesting + 1)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Term::Not(inner) => Ok(!self.ends(inner, place, nesting + 1)?),
        }
    }

    /// Whether `item` matches nothing at `place`, the end of the text.
    fn passes_end(&mut self, item: ItemId, place: &Place, nesting: u32) -> Resolved<bool> {
        self.step(nesting)?;
        match self.items[item as usize].clone() {
            Item::Free(e) => Ok(self.exprs.nullable(e)),
            Item::Concat(parts) => {
                for part in parts {
                    if !self.passes_end(part, place, nesting + 1)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Item::Alternate(parts) => {
                for part in parts {
                    if self.passes_end(part, place, nesting + 1)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Item::Repeat(_, 0, _) => Ok(true),
            Item::Repeat(inner, ..) => self.passes_end(inner, place, nesting + 1),
            Item::Start => Ok(place.at_start),
            Item::End => Ok(true),
            Item::Ahead { seen, negate } => Ok(self.ends(seen, place, nesting + 1)? != negate),
            Item::Behind { tracker, negate } => {
                let found = self.stops_at_end(place.trackers[tracker], place, nesting + 1)?;
                Ok(found != negate)
            }
            Item::Stop => Ok(false),
        }
    }

    /// What may follow `class` in `term`.
    fn derive(&mut self, term: TermId, class: u8, place: &Place, nesting: u32) -> Resolved<TermId> {
        self.step(nesting)?;
        match self.terms[term as usize].clone() {
            Term::Free(e) => {
                let e = self.exprs.derivative(e, class);
                Ok(self.free(e))
            }
            Term::Then(item, rest) => {
                let consumed = self.consume(item, rest, class, place, nesting + 1)?;
                let passed = self.passes(item, class, place, nesting + 1)?;
                if self.is(passed, Exprs::EMPTY) {
                    return Ok(consumed);
                }
                let after = self.derive(rest, class, place, nesting + 1)?;
                let after = self.and(vec![passed, after]);
                Ok(self.or(vec![consumed, after]))
            }
            Term::Or(parts) => {
                let parts: Resolved<Vec<_>> = parts
                    .iter()
                    .map(|&part| self.derive(part, class, place, nesting + 1))
                    .collect();
                let parts = parts?;
                Ok(self.or(parts))
            }
            Term::And(parts) => {
                let parts: Resolved<Vec<_>> = parts
                    .iter()
                    .map(|&part| self.derive(part, class, place, nesting + 1))
                    .collect();
                let parts = parts?;
                Ok(self.and(parts))
            }
            Term::Not(inner) => {
                let inner = self.derive(inner, class, place, nesting + 1)?;
                Ok(self.not(inner))
            }
        }
    }

    /// What may follow `class` in `item rest`, where `item` itself takes the character.
    fn consume(
        &mut self,
        item: ItemId,
        rest: TermId,
        class: u8,
        place: &Place,
        nesting: u32,
    ) -> Resolved<TermId> {
        self.step(nesting)?;
        let nothing = self.free(Exprs::EMPTY);
        match self.items[item as usize].clone() {
            Item::Free(e) => {
                let e = self.exprs.derivative(e, class);
                let head = self.intern_item(Item::Free(e));
                self.then(head, rest)
            }
            Item::Concat(parts) => {
                let mut rests = vec![rest];
                for &part in parts[1..].iter().rev() {
                    let tail = rests[rests.len() - 1];
                    rests.push(self.then(part, tail)?);
                }
                let mut options = Vec::new();
                let mut passed = self.free(Exprs::ANYTHING);
                for part in parts {
                    let Some(tail) = rests.pop() else { break };
                    let option = self.consume(part, tail, class, place, nesting + 1)?;
                    options.push(self.and(vec![passed, option]));
                    let more = self.passes(part, class, place, nesting + 1)?;
                    passed = self.and(vec![passed, more]);
                    if passed == nothing {
                        break;
                    }
                }
                Ok(self.or(options))
            }
            Item::Alternate(parts) => {
                let mut options = Vec::with_capacity(parts.len());
                for part in parts {
                    options.push(self.consume(part, rest, class, place, nesting + 1)?);
                }
                Ok(self.or(options))
            }
            Item::Repeat(_, _, Some(0)) => Ok(nothing),
            Item::Repeat(inner, min, max) => {
                let max = max.map(|max| max - 1);
                let again = self.intern_item(Item::Repeat(inner, min.saturating_sub(1), max));
                let again = self.then(again, rest)?;
                let once = self.consume(inner, again, class, place, nesting + 1)?;
                if min <= 1 {
                    return Ok(once);
                }
                // Where `inner` matches nothing, any number of iterations does: the minimum
                // is met here, and only the iterations that take something still count.
                let passed = self.passes(inner, class, place, nesting + 1)?;
                if passed == nothing {
                    return Ok(once);
                }
                let more = self.intern_item(Item::Repeat(inner, 0, max));
                let more = self.then(more, rest)?;
                let more = self.consume(inner, more, class, place, nesting + 1)?;
                let more = self.and(vec![passed, more]);
                Ok(self.or(vec![once, more]))
            }
            Item::Start | Item::End | Item::Ahead { .. } | Item::Behind { .. } | Item::Stop => {
                Ok(nothing)
            }
        }
    }

    /// What must follow `class` for `item` to match nothing before it.
    fn passes(&mut self, item: ItemId, class: u8, place: &Place, nesting: u32) -> Resolved<TermId> {
        self.step(nesting)?;
        let verdict = |holds: bool| if holds { Exprs::ANYTHING } else { Exprs::EMPTY };
        Ok(match self.items[item as usize].clone() {
            Item::Free(e) => {
                let nullable = self.exprs.nullable(e);
                self.free(verdict(nullable))
            }
            Item::Concat(parts) => {
                let mut all = Vec::with_capacity(parts.len());
                for part in parts {
                    let passed = self.passes(part, class, place, nesting + 1)?;
                    all.push(passed);
                    if self.is(passed, Exprs::EMPTY) {
                        break;
                    }
                }
                self.and(all)
            }
            Item::Alternate(parts) => {
                let mut any = Vec::with_capacity(parts.len());
                for part in parts {
                    any.push(self.passes(part, class, place, nesting + 1)?);
                }
                self.or(any)
            }
            Item::Repeat(_, 0, _) => self.free(Exprs::ANYTHING),
            Item::Repeat(inner, ..) => self.passes(inner, class, place, nesting + 1)?,
            Item::Start => self.free(verdict(place.at_start)),
            Item::End => self.free(Exprs::EMPTY),
            Item::Ahead { seen, negate } => {
                let after = self.derive(seen, class, place, nesting + 1)?;
                if negate { self.not(after) } else { after }
            }
            Item::Behind { tracker, negate } => {
                let after = self.stops(place.trackers[tracker], class, place, nesting + 1)?;
                if negate { self.not(after) } else { after }
            }
            Item::Stop => self.free(Exprs::EMPTY),
        })
    }

    /// What must follow `class` for `term`, of a look-behind, to pass its `stop` before it.
    fn stops(&mut self, term: TermId, class: u8, place: &Place, nesting: u32) -> Resolved<TermId> {
        self.step(nesting)?;
        if !self.stops[term as usize] {
            // Asked of what follows by a look-ahead inside.
            return self.derive(term, class, place, nesting + 1);
        }
        match self.terms[term as usize].clone() {
            Term::Free(_) => Ok(self.free(Exprs::EMPTY)),
            Term::Then(item, rest) => {
                if self.items[item as usize] == Item::Stop {
                    return Ok(self.free(Exprs::ANYTHING));
                }
                let passed = self.passes(item, class, place, nesting + 1)?;
                if self.is(passed, Exprs::EMPTY) {
                    return Ok(passed);
                }
                let rest = self.stops(rest, class, place, nesting + 1)?;
                Ok(self.and(vec![passed, rest]))
            }
            Term::Or(parts) => {
                // A part without a stop has lost it: it says nothing of this place.
                let mut found = Vec::with_capacity(parts.len());
                for part in parts {
                    if self.stops[part as usize] {
                        found.push(self.stops(part, class, place, nesting + 1)?);
                    }
                }
                Ok(self.or(found))
            }
            Term::And(parts) => {
                let mut found = Vec::with_capacity(parts.len());
                for part in parts {
                    found.push(self.stops(part, class, place, nesting + 1)?);
                }
                Ok(self.and(found))
            }
            Term::Not(inner) => {
                let inner = self.stops(inner, class, place, nesting + 1)?;
                Ok(self.not(inner))
            }
        }
    }

    /// Whether `term`, of a look-behind, passes its `stop` at the end of the text.
    fn stops_at_end(&mut self, term: TermId, place: &Place, nesting: u32) -> Resolved<bool> {
        self.step(nesting)?;
        if !self.stops[term as usize] {
            return self.ends(term, place, nesting + 1);
        }
        match self.terms[term as usize].clone() {
            Term::Free(_) => Ok(false),
            Term::Then(item, rest) => Ok(self.items[item as usize] == Item::Stop
                || (self.passes_end(item, place, nesting + 1)?
                    && self.stops_at_end(rest, place, nesting + 1)?)),
            Term::Or(parts) => {
                for part in parts {
                    if self.stops[part as usize] && self.stops_at_end(part, place, nesting + 1)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Term::And(parts) => {
                for part in parts {
                    if !self.stops_at_end(part, place, nesting + 1)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Term::Not(inner) => Ok(!self.stops_at_end(inner, place, nesting + 1)?),
        }
    }
}
