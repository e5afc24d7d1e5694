//! Conjunctions whose parts have a member in common in plain sight.
//!
//! A search for a member of a conjunction takes as many steps as the member has bytes. Where that
//! is thousands (the integers from 10^10000 on), it is mostly there to be seen: `d{9999,}(\.0+)?`
//! and `d{5000,}` meet because their counts do and what follows may be empty.

use super::{Exprs, INFINITE, Node};
use crate::{ByteSet, ExprId};

/// Comparisons spent on one question.
const BUDGET: u32 = 100;

impl Exprs {
    /// Whether it is plain to see that `parts` have a member in common. Sound; `false` says nothing.
    pub(super) fn meet_plainly(&mut self, parts: Vec<ExprId>) -> bool {
        self.meeting(parts, &mut { BUDGET })
    }

    fn meeting(&mut self, mut parts: Vec<ExprId>, budget: &mut u32) -> bool {
        if *budget == 0 {
            return false;
        }
        *budget -= 1;
        self.work += parts.len() as u64;
        parts.retain(|&e| e != Exprs::ANYTHING);
        parts.sort_unstable();
        parts.dedup();
        if parts.iter().all(|&e| self.nullable(e)) {
            return true;
        }
        if let [only] = parts[..] {
            return self.pure(only) && only != Exprs::EMPTY;
        }
        for at in 0..parts.len() {
            match self.node(parts[at]) {
                Node::Or(start, len) => {
                    return (start..start + len).any(|i| {
                        let mut chosen = parts.clone();
                        chosen[at] = self.children[i as usize];
                        self.meeting(chosen, budget)
                    });
                }
                Node::And(start, len) => {
                    let kids = self.kids(start, len).to_vec();
                    parts.swap_remove(at);
                    parts.extend(kids);
                    return self.meeting(parts, budget);
                }
                _ => {}
            }
        }
        let split: Vec<(ExprId, ExprId)> = parts.iter().map(|&e| self.split(e)).collect();
        if split.iter().all(|&(_, tail)| tail == Exprs::EPSILON) {
            return self.counts_meet(&parts);
        }
        let (heads, tails): (Vec<ExprId>, Vec<ExprId>) = split.into_iter().unzip();
        self.meeting(heads, budget) && self.meeting(tails, budget)
    }

    /// The same for repetitions of one expression, or of single bytes.
    fn counts_meet(&self, parts: &[ExprId]) -> bool {
        let (mut least, mut most) = (0, INFINITE);
        let mut bodies = Vec::with_capacity(parts.len());
        for &part in parts {
            let (body, min, max) = match self.node(part) {
                Node::Repeat(body, min, max) => (body, min, max),
                _ => (part, 1, 1),
            };
            (least, most) = (least.max(min), most.min(max));
            bodies.push(body);
        }
        bodies.dedup();
        let one = match bodies[..] {
            [body] => self.pure(body) && body != Exprs::EMPTY,
            _ => bodies
                .iter()
                .try_fold(ByteSet::FULL, |common, &body| match self.node(body) {
                    Node::Set(set) => Some(common & *self.set(set)),
                    _ => None,
                })
                .is_some_and(|common| !common.is_empty()),
        };
        one && least <= most
    }
}

#[cfg(test)]
mod tests {
    use structgen_automaton::Fuel;

    use super::*;
    use crate::RegexLimits;

    /// A number below `end`; a linear congruential generator is random enough here.
    fn below(seed: &mut u64, end: u64) -> u64 {
        *seed =
            seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) % end
    }

    fn random(exprs: &mut Exprs, seed: &mut u64, depth: u32) -> ExprId {
        if depth == 0 {
            let (first, length) = (below(seed, 3) as u8, below(seed, 2) as u8);
            return exprs.byte_set(ByteSet::range(b'a' + first, b'a' + first + length));
        }
        let part = random(exprs, seed, depth - 1);
        match below(seed, 5) {
            0 => {
                let other = random(exprs, seed, depth - 1);
                exprs.or(&[part, other])
            }
            1 | 2 => {
                let other = random(exprs, seed, depth - 1);
                exprs.concat(&[part, other])
            }
            3 if depth == 1 => exprs.not(part),
            _ => {
                let min = below(seed, 4) as u32;
                let max = min + below(seed, 3) as u32;
                exprs.repeat(part, min, (below(seed, 2) == 0).then_some(max))
            }
        }
    }

    #[test]
    fn what_meets_plainly_has_a_member() {
        let (mut met, mut live) = (0, 0);
        for mut seed in 0..4_000 {
            let mut exprs = Exprs::new(RegexLimits::default());
            let mut parts = Vec::new();
            for _ in 0..2 + seed % 2 {
                let depth = below(&mut seed, 4) as u32;
                parts.push(random(&mut exprs, &mut seed, depth));
            }
            let both = exprs.and(&parts);
            // A search: the members are short.
            let empty = exprs.is_empty(both, &mut Fuel::unlimited()).unwrap();
            let meet = exprs.meet_plainly(parts.clone());
            assert!(!(meet && empty), "{parts:?}");
            met += usize::from(meet);
            live += usize::from(!empty);
        }
        assert!(met * 4 > live && live > 1_000, "{met} of {live}");
    }
}
