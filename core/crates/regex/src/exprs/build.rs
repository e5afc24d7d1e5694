use structgen_automaton::sorted_set;

use super::booleans::MAX_FACTORING;
use super::{Exprs, INFINITE, Node, WordCode};
use crate::{ByteSet, ExprId};

impl Exprs {
    /// One byte of `set`.
    pub fn byte_set(&mut self, set: ByteSet) -> ExprId {
        if set.is_empty() {
            return Exprs::EMPTY;
        }
        let id = self.intern_set(set);
        self.intern(Node::Set(id))
    }

    /// Exactly `bytes`.
    pub fn literal(&mut self, bytes: &[u8]) -> ExprId {
        let mut tail = Exprs::EPSILON;
        for &byte in bytes.iter().rev() {
            if self.gives_up(0) {
                return Exprs::EMPTY;
            }
            let head = self.byte_set(ByteSet::single(byte));
            tail = self.pair(head, tail);
        }
        tail
    }

    /// The parts one after the other.
    pub fn concat(&mut self, parts: &[ExprId]) -> ExprId {
        let mut tail = Exprs::EPSILON;
        for &part in parts.iter().rev() {
            if self.gives_up(0) {
                return Exprs::EMPTY;
            }
            tail = self.then(part, tail);
        }
        tail
    }

    /// Any of the parts; [`Exprs::EMPTY`] for none.
    pub fn or(&mut self, parts: &[ExprId]) -> ExprId {
        self.or_vec(parts.to_vec(), 0)
    }

    /// All of the parts at once; all byte strings for none.
    pub fn and(&mut self, parts: &[ExprId]) -> ExprId {
        self.and_vec(parts.to_vec())
    }

    /// The byte strings that are not in `e` (whether they are UTF-8 or not).
    pub fn not(&mut self, e: ExprId) -> ExprId {
        match self.node(e) {
            Node::Not(inner) => inner,
            Node::Empty => Exprs::ANYTHING,
            _ if e == Exprs::ANYTHING => Exprs::EMPTY,
            Node::Epsilon => {
                let full = self.byte_set(ByteSet::FULL);
                self.repeat(full, 1, None)
            }
            _ => self.intern(Node::Not(e)),
        }
    }

    /// `e`, `min` to `max` times; empty if `max < min`. Counts stay symbolic: `x{0,100000}`
    /// is one node.
    pub fn repeat(&mut self, e: ExprId, min: u32, max: Option<u32>) -> ExprId {
        let max = max.unwrap_or(INFINITE);
        if max < min {
            return Exprs::EMPTY;
        }
        self.repeat_raw(e, min, max)
    }

    /// Any of the byte strings `options`, whose common beginnings are one: linear in their size.
    pub fn literals(&mut self, options: &[&[u8]]) -> ExprId {
        let sorted = self.sorted(options.to_vec());
        self.words(&sorted, WordCode::Bytes, |exprs| exprs.trie(&sorted))
    }

    /// Sorts `items`, each once; none of them if the thread is out of time.
    pub fn sorted<T: Ord>(&mut self, items: Vec<T>) -> Vec<T> {
        sorted_set(items).unwrap_or_else(|error| {
            self.poison.get_or_insert(error);
            Vec::new()
        })
    }

    /// [`Self::literals`] for sorted ones, as alternations.
    fn trie(&mut self, sorted: &[&[u8]]) -> ExprId {
        // One level per byte of the current option: its finished branches, by byte.
        let mut levels: Vec<(bool, Vec<(u8, ExprId)>)> = vec![(false, Vec::new())];
        let mut path: Vec<u8> = Vec::new();
        for option in sorted {
            if self.gives_up(0) {
                return Exprs::EMPTY;
            }
            let common = path.iter().zip(*option).take_while(|(a, b)| a == b).count();
            self.close_levels(&mut levels, &mut path, common);
            for &byte in &option[common..] {
                if self.gives_up(0) {
                    return Exprs::EMPTY;
                }
                path.push(byte);
                levels.push((false, Vec::new()));
            }
            if let Some(level) = levels.last_mut() {
                level.0 = true;
            }
        }
        self.close_levels(&mut levels, &mut path, 0);
        levels.pop().map_or(Exprs::EMPTY, |level| self.branch(level))
    }

    fn close_levels(
        &mut self,
        levels: &mut Vec<(bool, Vec<(u8, ExprId)>)>,
        path: &mut Vec<u8>,
        keep: usize,
    ) {
        while path.len() > keep && !self.gives_up(0) {
            let (Some(level), Some(byte)) = (levels.pop(), path.pop()) else { return };
            let branch = self.branch(level);
            if let Some(parent) = levels.last_mut() {
                parent.1.push((byte, branch));
            }
        }
    }

    /// A trie node: branches that lead to the same rest share one set.
    fn branch(&mut self, (is_end, mut branches): (bool, Vec<(u8, ExprId)>)) -> ExprId {
        branches.sort_unstable_by_key(|&(byte, rest)| (rest, byte));
        let mut parts = Vec::with_capacity(branches.len() + 1);
        for run in branches.chunk_by(|a, b| a.1 == b.1) {
            let head = self.byte_set(run.iter().map(|&(byte, _)| byte).collect());
            parts.push(self.then(head, run[0].1));
        }
        if is_end {
            parts.push(Exprs::EPSILON);
        }
        match parts[..] {
            [only] => only,
            // Heads are disjoint and tails distinct: nothing is left to factor.
            _ => self.or_vec(parts, MAX_FACTORING),
        }
    }

    /// `head` followed by `tail`, reassociated to the right.
    pub(crate) fn then(&mut self, head: ExprId, tail: ExprId) -> ExprId {
        if head == Exprs::EMPTY || tail == Exprs::EMPTY {
            return Exprs::EMPTY;
        }
        if tail == Exprs::EPSILON {
            return head;
        }
        let Node::Concat(..) = self.node(head) else { return self.pair(head, tail) };
        let mut spine = Vec::new();
        let mut rest = head;
        while let Node::Concat(first, next) = self.node(rest) {
            spine.push(first);
            rest = next;
        }
        spine.push(rest);
        let mut tail = tail;
        for part in spine.into_iter().rev() {
            tail = self.pair(part, tail);
        }
        tail
    }

    /// `then` for a head that is not a `Concat`.
    pub(super) fn pair(&mut self, head: ExprId, tail: ExprId) -> ExprId {
        if head == Exprs::EMPTY || tail == Exprs::EMPTY {
            return Exprs::EMPTY;
        }
        if head == Exprs::EPSILON {
            return tail;
        }
        if tail == Exprs::EPSILON {
            return head;
        }
        // r{a,b} r{c,d} = r{a+c,b+d}, with r = r{1,1}.
        let (next, rest) = self.split(tail);
        let (head_body, a, b) = self.counted(head);
        let (next_body, c, d) = self.counted(next);
        let merges = match (self.node(head), self.node(next)) {
            (Node::Repeat(..), Node::Repeat(..)) => head_body == next_body,
            (_, Node::Repeat(..)) => head == next_body,
            (Node::Repeat(..), _) => head_body == next,
            _ => false,
        };
        if merges {
            let body = if head == next_body { head } else { head_body };
            let (a, b) = if body == head { (1, 1) } else { (a, b) };
            let (c, d) = if body == next { (1, 1) } else { (c, d) };
            if let (Some(min), Some(max)) = (add(a, c), add(b, d)) {
                let merged = self.repeat_raw(body, min, max);
                return self.pair(merged, rest);
            }
        }
        // r* x = r* for a nullable x within r*.
        if let Node::Repeat(_, 0, INFINITE) = self.node(head) {
            if self.nullable(tail) && self.covers(head, tail) {
                return head;
            }
        }
        self.intern(Node::Concat(head, tail))
    }

    /// The head and the tail of `e`.
    pub(crate) fn split(&self, e: ExprId) -> (ExprId, ExprId) {
        match self.node(e) {
            Node::Concat(head, tail) => (head, tail),
            _ => (e, Exprs::EPSILON),
        }
    }

    fn counted(&self, e: ExprId) -> (ExprId, u32, u32) {
        match self.node(e) {
            Node::Repeat(body, min, max) => (body, min, max),
            _ => (e, 1, 1),
        }
    }

    pub(crate) fn repeat_raw(&mut self, e: ExprId, min: u32, max: u32) -> ExprId {
        if max == 0 || e == Exprs::EPSILON {
            return Exprs::EPSILON;
        }
        if e == Exprs::EMPTY {
            return if min == 0 { Exprs::EPSILON } else { Exprs::EMPTY };
        }
        let min = if self.nullable(e) { 0 } else { min };
        if max == 1 && (min == 1 || self.nullable(e)) {
            return e;
        }
        if let Node::Repeat(body, a, b) = self.node(e) {
            // (r{a,b}){c,d} = r{ac,bd} if the intervals [ka,kb] for c <= k <= d leave no gap;
            // the widest gap is the first one.
            let first = u64::from(min);
            let (low, high) = (u64::from(a), u64::from(b));
            let no_gap = min == max
                || (b == INFINITE && min >= 1)
                || (b == INFINITE && a <= 1)
                || (b != INFINITE && (first + 1) * low <= first * high + 1);
            if let (true, Some(min), Some(max)) = (no_gap, mul(a, min), mul(b, max)) {
                return self.repeat_raw(body, min, max);
            }
        }
        if let Node::Or(start, len) = self.node(e) {
            // (x|ε){a,b} = x{0,b}
            let kids = self.kids(start, len);
            if kids.contains(&Exprs::EPSILON) {
                let rest: Vec<_> =
                    kids.iter().copied().filter(|&kid| kid != Exprs::EPSILON).collect();
                let rest = self.or_vec(rest, 0);
                return self.repeat_raw(rest, 0, max);
            }
        }
        self.intern(Node::Repeat(e, min, max))
    }
}

/// Sums of bounds; `None` where a finite one would not fit.
fn add(a: u32, b: u32) -> Option<u32> {
    if a == INFINITE || b == INFINITE {
        return Some(INFINITE);
    }
    a.checked_add(b).filter(|&sum| sum != INFINITE)
}

/// Products of bounds; `None` where a finite one would not fit.
fn mul(a: u32, b: u32) -> Option<u32> {
    if a == 0 || b == 0 {
        return Some(0);
    }
    if a == INFINITE || b == INFINITE {
        return Some(INFINITE);
    }
    a.checked_mul(b).filter(|&product| product != INFINITE)
}
