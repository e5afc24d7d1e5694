use super::{Exprs, INFINITE, Node};
use crate::ExprId;

/// Comparisons spent on one question.
const BUDGET: u32 = 600;
/// Derivatives by sets that are remembered before that memo is started anew.
const MAX_HEADS: usize = 1 << 18;
/// Nesting of comparisons.
const MAX_NESTING: u32 = 60;

impl Exprs {
    /// Whether it is plain to see that every member of `small` is one of `big`. Sound, and
    /// complete enough for what simplification needs: "any text" against some text.
    pub(crate) fn covers(&mut self, big: ExprId, small: ExprId) -> bool {
        if big == small || big == Exprs::ANYTHING {
            return true;
        }
        if self.nullable(small) && !self.nullable(big) {
            return false;
        }
        if let Some(&known) = self.covers.get(&(big, small)) {
            return known;
        }
        let mut budget = BUDGET;
        let found = self.cover(big, small, &mut budget, 0);
        self.covers.insert((big, small), found);
        found
    }

    fn cover(&mut self, big: ExprId, small: ExprId, budget: &mut u32, nesting: u32) -> bool {
        let (mut big, mut small) = (big, small);
        loop {
            if big == small || big == Exprs::ANYTHING || small == Exprs::EMPTY {
                return true;
            }
            if small == Exprs::EPSILON {
                return self.nullable(big);
            }
            if big == Exprs::EMPTY || big == Exprs::EPSILON {
                return false;
            }
            if *budget == 0 || nesting > MAX_NESTING {
                return false;
            }
            *budget -= 1;
            self.work += 1;
            if self.gives_up(0) {
                return false;
            }
            if let Some(&known) = self.covers.get(&(big, small)) {
                return known;
            }
            let (outer, inner) = (self.meta(big), self.meta(small));
            // The shortest member of a pure expression has the length that its syntax tells.
            if (inner.nullable && !outer.nullable) || (inner.pure && inner.min_len < outer.min_len)
            {
                return false;
            }
            match (self.node(big), self.node(small)) {
                (_, Node::Or(start, len)) => {
                    for i in start..start + len {
                        let kid = self.children[i as usize];
                        if !self.cover(big, kid, budget, nesting + 1) {
                            return false;
                        }
                    }
                    return true;
                }
                (Node::And(start, len), _) => {
                    for i in start..start + len {
                        let kid = self.children[i as usize];
                        if !self.cover(kid, small, budget, nesting + 1) {
                            return false;
                        }
                    }
                    return true;
                }
                (_, Node::And(start, len)) => {
                    for i in start..start + len {
                        let kid = self.children[i as usize];
                        if self.cover(big, kid, budget, nesting + 1) {
                            return true;
                        }
                    }
                    return false;
                }
                (Node::Set(all), Node::Set(some)) => {
                    return self.set(some).is_subset(self.set(all));
                }
                // The derivative of `big` by a set of bytes, where it is the same for all.
                (_, Node::Set(_)) => match self.after_head(big, small) {
                    Some(after) => return self.nullable(after),
                    None => return false,
                },
                (Node::Repeat(body, 0, INFINITE), Node::Repeat(inner, ..)) => {
                    if body == inner {
                        return true;
                    }
                    small = inner;
                }
                (Node::Repeat(body, a, b), Node::Repeat(inner, c, d)) => {
                    return body == inner && a <= c && d <= b;
                }
                (_, Node::Concat(head, tail)) => {
                    if let Node::Set(_) = self.node(head) {
                        match self.after_head(big, head) {
                            Some(after) => {
                                big = after;
                                small = tail;
                                continue;
                            }
                            None => return false,
                        }
                    }
                    match self.node(big) {
                        Node::Repeat(_, 0, INFINITE) => {
                            if !self.cover(big, head, budget, nesting + 1) {
                                return false;
                            }
                            small = tail;
                        }
                        Node::Concat(big_head, big_tail) => {
                            if !self.cover(big_head, head, budget, nesting + 1) {
                                return false;
                            }
                            // r* takes more than one part, and may take none after it.
                            if !matches!(self.node(big_head), Node::Repeat(_, 0, INFINITE)) {
                                big = big_tail;
                            }
                            small = tail;
                        }
                        _ => return false,
                    }
                }
                _ => return false,
            }
        }
    }

    /// The derivative of `big` by every byte of the set `head`, if there is only one.
    fn after_head(&mut self, big: ExprId, head: ExprId) -> Option<ExprId> {
        if let Some(&known) = self.heads.get(&(big, head)) {
            return known;
        }
        let found = self.find_after_head(big, head);
        if self.heads.len() >= MAX_HEADS {
            self.heads.clear();
        }
        self.heads.insert((big, head), found);
        found
    }

    fn find_after_head(&mut self, big: ExprId, head: ExprId) -> Option<ExprId> {
        let Node::Set(set) = self.node(head) else { return None };
        let set = *self.set(set);
        // Most often the first byte tells that there is none.
        let first = set.iter().next()?;
        if self.derivative(big, first) == Exprs::EMPTY {
            return None;
        }
        let partition = self.partition([big]);
        let table = self.classes.table(partition);
        let mut classes = [false; 256];
        for byte in set.iter() {
            classes[usize::from(table[usize::from(byte)])] = true;
        }
        let readers: Vec<u8> = self
            .classes
            .readers(partition)
            .iter()
            .enumerate()
            .filter(|&(class, _)| classes[class])
            .map(|(_, &byte)| byte)
            .collect();
        let mut after = None;
        for byte in readers {
            let next = self.derivative(big, byte);
            if next == Exprs::EMPTY || after.is_some_and(|after| after != next) {
                return None;
            }
            after = Some(next);
        }
        after
    }
}
