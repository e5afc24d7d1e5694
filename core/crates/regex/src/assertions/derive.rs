//! What the items and terms of an [`Explorer`] mean.

use super::explore::{Explorer, Item, ItemId, Place, Resolved, Term, TermId};
use crate::Exprs;

impl Explorer {
    /// Whether `term` has the empty text, at `place`, which is the end.
    pub fn ends(&mut self, term: TermId, place: &Place, nesting: u32) -> Resolved<bool> {
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
    pub fn derive(
        &mut self,
        term: TermId,
        class: u8,
        place: &Place,
        nesting: u32,
    ) -> Resolved<TermId> {
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
