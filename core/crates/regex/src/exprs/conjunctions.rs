//! Conjunctions in normal form.

use super::{Exprs, INFINITE, KIDS_PER_STEP, Node};
use crate::lower::{Encoding, lower_class};
use crate::{ByteSet, CharSet, ExprId};

/// Comparisons of parts with each other that one conjunction is worth.
const MAX_COMPARISONS: usize = 4_096;

/// First bytes that are factored in one go. What lies deeper is factored when a derivative comes
/// near it.
const MAX_HEADS: u32 = 8;

/// `body{min,max}`, a part of a conjunction.
#[derive(Clone, Copy)]
struct Counted {
    body: ExprId,
    min: u32,
    max: u32,
    whole: ExprId,
}

impl Exprs {
    pub(crate) fn and_vec(&mut self, parts: Vec<ExprId>) -> ExprId {
        self.and_below(parts, 0)
    }

    fn and_below(&mut self, parts: Vec<ExprId>, heads: u32) -> ExprId {
        self.work += parts.len() as u64;
        if self.gives_up(parts.len() as u32 / KIDS_PER_STEP) {
            return Exprs::EMPTY;
        }
        let mut list = Vec::with_capacity(parts.len());
        let mut set: Option<ByteSet> = None;
        for part in &parts {
            let kids = match self.node(*part) {
                Node::And(start, len) => self.kids(start, len),
                _ => std::slice::from_ref(part),
            };
            for &kid in kids {
                match self.node(kid) {
                    Node::Empty => return Exprs::EMPTY,
                    Node::Set(id) => {
                        let more = *self.set(id);
                        set = Some(set.map_or(more, |set| set & more));
                    }
                    _ if kid == Exprs::ANYTHING => {}
                    _ => list.push(kid),
                }
            }
        }
        if let Some(set) = set {
            let set = self.byte_set(set);
            if set == Exprs::EMPTY {
                return Exprs::EMPTY;
            }
            list.push(set);
        }
        list.sort_unstable();
        list.dedup();
        if list.len() > 1 {
            if self.complements(&list) {
                return Exprs::EMPTY;
            }
            self.meet_counts(&mut list);
            if list.first() == Some(&Exprs::EMPTY) {
                return Exprs::EMPTY;
            }
            if list.first() == Some(&Exprs::EPSILON) {
                let all = list.iter().all(|&e| self.nullable(e));
                return if all { Exprs::EPSILON } else { Exprs::EMPTY };
            }
            if self.compare(&mut list) == Exprs::EMPTY {
                return Exprs::EMPTY;
            }
            let least = list.iter().map(|&e| self.meta(e).min_len).max().unwrap_or(0);
            let most = list.iter().map(|&e| self.meta(e).max_len).min().unwrap_or(u32::MAX);
            if least > most {
                return Exprs::EMPTY;
            }
        }
        match list[..] {
            [] => Exprs::ANYTHING,
            [only] => only,
            _ => match self.common_head(&list).filter(|_| heads < MAX_HEADS) {
                Some(head) => {
                    let tails = list.iter().map(|&e| self.split(e).1).collect();
                    let tail = self.and_below(tails, heads + 1);
                    self.pair(head, tail)
                }
                None => self.intern_with(Node::And(0, 0), &list),
            },
        }
    }

    /// Leaves out what others imply; `EMPTY` if two exclude each other, else `ANYTHING`.
    fn compare(&mut self, list: &mut Vec<ExprId>) -> ExprId {
        let mut left = MAX_COMPARISONS;
        let stars: Vec<ExprId> = list
            .iter()
            .copied()
            .filter(|&e| matches!(self.node(e), Node::Repeat(_, 0, INFINITE)))
            .collect();
        for star in stars {
            if left < list.len() {
                break;
            }
            left -= list.len();
            if self.gives_up(list.len() as u32) {
                return Exprs::EMPTY;
            }
            if list.iter().any(|&e| e != star && self.covers(star, e)) {
                list.retain(|&e| e != star);
            }
        }
        // x & ~y = ∅ where y covers x.
        for i in 0..list.len() {
            if let Node::Not(outside) = self.node(list[i]) {
                if left < list.len() {
                    break;
                }
                left -= list.len();
                if self.gives_up(list.len() as u32) {
                    return Exprs::EMPTY;
                }
                if list.iter().any(|&e| e != list[i] && self.covers(outside, e)) {
                    return Exprs::EMPTY;
                }
            }
        }
        Exprs::ANYTHING
    }

    /// S x & T y = (S & T)(x & y) for byte sets S and T: inside a character, most parts of a
    /// conjunction of texts wait for the same.
    fn common_head(&mut self, list: &[ExprId]) -> Option<ExprId> {
        let mut common = ByteSet::FULL;
        for &e in list {
            let Node::Set(set) = self.node(self.split(e).0) else { return None };
            common = common & *self.set(set);
        }
        Some(self.byte_set(common))
    }

    /// S{a,b} & T{c,d} = (S & T){max(a,c),min(b,d)} for sets S and T of characters of one code, or
    /// for one byte set: texts fall into characters in one way only.
    fn meet_counts(&mut self, list: &mut Vec<ExprId>) {
        let mut counts: Vec<Counted> = Vec::new();
        for &whole in list.iter() {
            if let Node::Repeat(body, min, max) = self.node(whole) {
                counts.push(Counted { body, min, max, whole });
            }
        }
        for code in Encoding::ALL {
            if counts.len() < 2 {
                return;
            }
            let (met, rest): (Vec<Counted>, Vec<Counted>) =
                counts.into_iter().partition(|c| self.text(c.body).is_character(code));
            counts = rest;
            if met.len() > 1 {
                self.meet_classes(code, met, list);
            }
        }
        counts.retain(|c| matches!(self.node(c.body), Node::Set(_)));
        counts.sort_unstable_by_key(|c| c.body);
        for run in counts.chunk_by(|a, b| a.body == b.body).filter(|run| run.len() > 1) {
            self.meet(run[0].body, run, list);
        }
    }

    /// The same for bodies that are single characters of `code`, as far as it is known which.
    fn meet_classes(&mut self, code: Encoding, counts: Vec<Counted>, list: &mut Vec<ExprId>) {
        let mut common = CharSet::any();
        let mut met = Vec::with_capacity(counts.len());
        for counted in counts {
            if let Some(class) = self.class_in(code, counted.body) {
                common = &common & &class;
                met.push(counted);
            }
        }
        if met.len() > 1 {
            let body = lower_class(self, &common, code);
            self.meet(body, &met, list);
        }
    }

    fn meet(&mut self, body: ExprId, met: &[Counted], list: &mut Vec<ExprId>) {
        let min = met.iter().map(|c| c.min).max().unwrap_or(0);
        let max = met.iter().map(|c| c.max).min().unwrap_or(INFINITE);
        let both = if max < min { Exprs::EMPTY } else { self.repeat_raw(body, min, max) };
        let mut gone: Vec<ExprId> = met.iter().map(|c| c.whole).collect();
        gone.sort_unstable();
        list.retain(|e| gone.binary_search(e).is_err());
        list.push(both);
        list.sort_unstable();
        list.dedup();
    }
}
