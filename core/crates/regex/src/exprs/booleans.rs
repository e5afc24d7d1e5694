//! Alternations in normal form, and what they share with conjunctions.

use super::{Exprs, INFINITE, KIDS_PER_STEP, Node};
use crate::{ByteSet, ExprId};

/// How far common prefixes are factored in one go. What lies deeper is factored when a
/// derivative comes near it.
pub(super) const MAX_FACTORING: u32 = 100;

/// Alternatives up to which those that begin with any number of any characters are compared with
/// the others.
const MAX_ABSORBING: usize = 6;

impl Exprs {
    pub(crate) fn or_vec(&mut self, parts: Vec<ExprId>, factoring: u32) -> ExprId {
        self.work += parts.len() as u64;
        if self.gives_up(parts.len() as u32 / KIDS_PER_STEP) {
            return Exprs::EMPTY;
        }
        let mut list = Vec::with_capacity(parts.len());
        let mut set = ByteSet::EMPTY;
        let mut epsilon = false;
        for part in parts {
            let mut inner = part;
            if let Node::Repeat(body, 0, 1) = self.node(part) {
                epsilon = true;
                inner = body;
            }
            match self.node(inner) {
                Node::Or(start, len) => {
                    for &kid in &self.children[start as usize..(start + len) as usize] {
                        match self.nodes[kid.index()] {
                            Node::Set(id) => set = set | self.sets[id as usize],
                            Node::Epsilon => epsilon = true,
                            _ => list.push(kid),
                        }
                    }
                }
                Node::Empty => {}
                Node::Epsilon => epsilon = true,
                Node::Set(id) => set = set | *self.set(id),
                _ => list.push(inner),
            }
        }
        if !set.is_empty() {
            let set = self.byte_set(set);
            list.push(set);
        }
        list.sort_unstable();
        list.dedup();
        if list.binary_search(&Exprs::ANYTHING).is_ok() {
            return Exprs::ANYTHING;
        }
        if list.len() > 1 || (epsilon && !list.is_empty()) {
            self.merge_intervals(&mut list, &mut epsilon);
        }
        if list.len() > 1 {
            // First: factoring would turn r* | r* x into r* x?, and hide that it is r*.
            self.absorb(&mut list);
            if factoring < MAX_FACTORING {
                self.factor_heads(&mut list, factoring);
            }
            self.merge_sets(&mut list);
            self.absorb_tails(&mut list);
        }
        if list.len() > 1 && self.complements(&list) {
            return Exprs::ANYTHING;
        }
        if list.iter().any(|&e| self.nullable(e)) {
            epsilon = false;
        }
        match (list.len(), epsilon) {
            (0, true) => Exprs::EPSILON,
            (0, false) => Exprs::EMPTY,
            (1, false) => list[0],
            (1, true) => self.repeat_raw(list[0], 0, 1),
            _ => {
                if epsilon {
                    list.push(Exprs::EPSILON);
                }
                list.sort_unstable();
                list.dedup();
                self.intern_with(Node::Or(0, 0), &list)
            }
        }
    }

    /// r{a,b}x | r{c,d}x = r{min(a,c),max(b,d)}x where the intervals meet, with x = r{0,0}x
    /// and rx = r{1,1}x. Without it, counted repetitions of ambiguous bodies blow up.
    fn merge_intervals(&mut self, list: &mut Vec<ExprId>, epsilon: &mut bool) {
        let mut runs: Vec<(ExprId, ExprId, u32, u32, ExprId)> = Vec::new();
        for &e in list.iter() {
            let (head, tail) = self.split(e);
            if let Node::Repeat(body, min, max) = self.node(head) {
                runs.push((body, tail, min, max, e));
            }
        }
        if runs.is_empty() {
            return;
        }
        runs.sort_unstable();
        let mut changed = false;
        for run in runs.chunk_by(|x, y| (x.0, x.1) == (y.0, y.1)) {
            let (body, tail) = (run[0].0, run[0].1);
            let mut intervals: Vec<(u32, u32)> = run.iter().map(|r| (r.2, r.3)).collect();
            let zero =
                if tail == Exprs::EPSILON { *epsilon } else { list.binary_search(&tail).is_ok() };
            // A body that is itself a `Concat` is spread over its spine; it is left alone.
            let once = match self.node(body) {
                Node::Concat(..) => None,
                _ if tail == Exprs::EPSILON => Some(body),
                _ => self.find(Node::Concat(body, tail)),
            };
            let one = once.is_some_and(|once| list.binary_search(&once).is_ok());
            if zero {
                intervals.push((0, 0));
            }
            if one {
                intervals.push((1, 1));
            }
            if intervals.len() == 1 {
                continue;
            }
            intervals.sort_unstable();
            let count = intervals.len();
            let mut merged: Vec<(u32, u32)> = Vec::with_capacity(count);
            for (min, max) in intervals {
                match merged.last_mut() {
                    Some(top) if min <= top.1.saturating_add(1) => top.1 = top.1.max(max),
                    _ => merged.push((min, max)),
                }
            }
            if merged.len() == count {
                continue;
            }
            changed = true;
            let mut gone: Vec<ExprId> = run.iter().map(|r| r.4).collect();
            if zero {
                gone.push(tail);
                *epsilon &= tail != Exprs::EPSILON;
            }
            if one {
                gone.extend(once);
            }
            gone.sort_unstable();
            list.retain(|e| gone.binary_search(e).is_err());
            for (min, max) in merged {
                let head = self.repeat_raw(body, min, max);
                let e = self.then(head, tail);
                if e == Exprs::EPSILON {
                    *epsilon = true;
                } else {
                    list.push(e);
                }
            }
            list.sort_unstable();
            list.dedup();
        }
        if changed {
            self.flatten(list, epsilon);
        }
    }

    /// Alternations that a rewrite brought to light are spread again.
    fn flatten(&mut self, list: &mut Vec<ExprId>, epsilon: &mut bool) {
        if !list.iter().any(|&e| matches!(self.node(e), Node::Or(..) | Node::Repeat(_, 0, 1))) {
            return;
        }
        let mut flat = Vec::with_capacity(list.len());
        for &e in list.iter() {
            let mut inner = e;
            if let Node::Repeat(body, 0, 1) = self.node(e) {
                *epsilon = true;
                inner = body;
            }
            match self.node(inner) {
                Node::Or(start, len) => flat.extend_from_slice(self.kids(start, len)),
                _ => flat.push(inner),
            }
        }
        *epsilon |= flat.contains(&Exprs::EPSILON);
        flat.retain(|&e| e != Exprs::EPSILON);
        flat.sort_unstable();
        flat.dedup();
        *list = flat;
    }

    /// h x | h y = h (x|y)
    fn factor_heads(&mut self, list: &mut Vec<ExprId>, factoring: u32) {
        let mut heads: Vec<(ExprId, ExprId)> = list.iter().map(|&e| self.split(e)).collect();
        heads.sort_unstable();
        if heads.windows(2).all(|pair| pair[0].0 != pair[1].0) {
            return;
        }
        list.clear();
        for run in heads.chunk_by(|a, b| a.0 == b.0) {
            let tails = run.iter().map(|&(_, tail)| tail).collect();
            let tail = if run.len() == 1 { run[0].1 } else { self.or_vec(tails, factoring + 1) };
            let e = self.then(run[0].0, tail);
            list.push(e);
        }
        list.sort_unstable();
        list.dedup();
    }

    /// S x | T x = (S|T) x for byte sets S, T.
    fn merge_sets(&mut self, list: &mut Vec<ExprId>) {
        let mut tails: Vec<(ExprId, u32)> = Vec::new();
        for &e in list.iter() {
            if let Node::Concat(head, tail) = self.node(e) {
                if let Node::Set(set) = self.node(head) {
                    tails.push((tail, set));
                }
            }
        }
        tails.sort_unstable();
        if tails.windows(2).all(|pair| pair[0].0 != pair[1].0) {
            return;
        }
        list.retain(|&e| match self.nodes[e.index()] {
            Node::Concat(head, _) => !matches!(self.nodes[head.index()], Node::Set(_)),
            _ => true,
        });
        for run in tails.chunk_by(|a, b| a.0 == b.0) {
            let set = run.iter().fold(ByteSet::EMPTY, |set, &(_, id)| set | *self.set(id));
            let head = self.byte_set(set);
            let e = self.pair(head, run[0].0);
            list.push(e);
        }
        list.sort_unstable();
        list.dedup();
    }

    /// Drops what an `r*` beside it covers, or an `r* x` if `r` is any character or both are alone:
    /// once the pattern that is searched for was found, any text will do, and whether it is found
    /// again is nothing.
    ///
    /// To compare takes derivatives, which are alternations in turn: those look at `r*` alone.
    fn absorb(&mut self, list: &mut Vec<ExprId>) {
        let few = list.len() <= MAX_ABSORBING && !self.absorbing;
        let pair = list.len() == 2;
        let begins_with_star = |exprs: &Self, e: ExprId| match exprs.node(e) {
            Node::Repeat(_, 0, INFINITE) => true,
            Node::Concat(head, _) if few => match exprs.node(head) {
                Node::Repeat(body, 0, INFINITE) => pair || exprs.is_any_character(body),
                _ => false,
            },
            _ => false,
        };
        let stars: Vec<ExprId> =
            list.iter().copied().filter(|&e| begins_with_star(self, e)).collect();
        let outermost = !std::mem::replace(&mut self.absorbing, true);
        for star in stars {
            // One that is covered itself is gone, and so is what it covers.
            if list.binary_search(&star).is_ok() {
                list.retain(|&e| e == star || !self.covers(star, e));
            }
        }
        self.absorbing = !outermost;
    }

    /// h x | x = h x where h is nullable: without it, chains of optional parts are quadratic.
    fn absorb_tails(&mut self, list: &mut Vec<ExprId>) {
        let skips = |exprs: &Self, e: ExprId| match exprs.node(e) {
            Node::Concat(head, tail) if exprs.nullable(head) => Some(tail),
            _ => None,
        };
        if list.len() < 2 || list.iter().all(|&e| skips(self, e).is_none()) {
            return;
        }
        self.new_walk();
        for &e in list.iter() {
            let mut rest = e;
            while let Some(tail) = skips(self, rest) {
                // Marked before: so is everything behind it.
                if !self.first_visit(tail) {
                    break;
                }
                rest = tail;
            }
            if let Node::Or(start, len) = self.node(rest) {
                for i in start..start + len {
                    let kid = self.children[i as usize];
                    self.first_visit(kid);
                }
            }
        }
        let (marks, epoch) = (&self.marks, self.epoch);
        list.retain(|e| marks[e.index()] != epoch);
    }

    pub(super) fn complements(&self, list: &[ExprId]) -> bool {
        list.iter().any(|&e| match self.node(e) {
            Node::Not(inner) => list.binary_search(&inner).is_ok(),
            _ => false,
        })
    }

    /// The id of a node if it has been built before.
    fn find(&self, node: Node) -> Option<ExprId> {
        let print = self.print(node, &[], &self.prints);
        let id = *self.table.find(print as u64, |&id| self.prints[id as usize] == print)?;
        self.same(id, node, &[]).then_some(ExprId(id))
    }
}
