//! Prints that hold in every process: names for what is kept in files.
//!
//! The prints of the arena are quick, and would be easy to forge but for a seed that each process
//! draws for itself. These need no secret: they are BLAKE3 over the same structure, some twenty
//! times the work. So they are found for an expression when somebody asks, and not before.

use rustc_hash::FxHashMap;
use structgen_automaton::{LEX_HORIZON, LEX_NEAR_HORIZON};

use super::{ExprId, Exprs, INFINITE, Node};

/// Of an expression: of its structure, and as far as each horizon shows it, as
/// [`Exprs::near_fingerprints`] does.
type Prints = [u128; 3];

/// Those that were asked for, with those of all parts.
#[derive(Clone, Debug, Default)]
pub(super) struct Lasting(FxHashMap<ExprId, Prints>);

impl Lasting {
    pub fn bytes(&self) -> usize {
        self.0.capacity() * (size_of::<(ExprId, Prints)>() + 1)
    }
}

/// A print of numbers and other prints. Tags tell apart what is made of the same.
pub(crate) fn lasting_print(tag: u8, numbers: &[u128]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[tag]);
    for number in numbers {
        hasher.update(&number.to_le_bytes());
    }
    let mut print = [0; 16];
    hasher.finalize_xof().fill(&mut print);
    u128::from_le_bytes(print)
}

/// The same of prints in whatever order.
pub(crate) fn lasting_bag(tag: u8, mut prints: Vec<u128>) -> u128 {
    prints.sort_unstable();
    lasting_print(tag, &prints)
}

impl Exprs {
    /// Of `e` for each horizon. `None` if there is more to look at than `most` expressions, of
    /// which those that were looked at are remembered.
    pub(crate) fn lasting_prints(&mut self, e: ExprId, most: &mut usize) -> Option<[u128; 2]> {
        let mut stack = vec![e];
        while let Some(&e) = stack.last() {
            if self.lasting.0.contains_key(&e) {
                stack.pop();
                continue;
            }
            let node = self.node(e);
            let known = stack.len();
            let missing = |part: &ExprId| !self.lasting.0.contains_key(part);
            match node {
                Node::Empty | Node::Epsilon | Node::Set(_) | Node::Named(_) => {}
                Node::Words(_) | Node::Remainder(_) => {}
                Node::Concat(head, tail) => {
                    stack.extend([head, tail].iter().filter(|e| missing(e)))
                }
                Node::Not(part) | Node::Repeat(part, ..) => {
                    stack.extend([part].iter().filter(|e| missing(e)));
                }
                Node::Or(start, len) | Node::And(start, len) => {
                    stack.extend(self.kids(start, len).iter().filter(|e| missing(e)));
                }
            }
            if stack.len() == known {
                *most = most.checked_sub(1)?;
                let prints = match self.cursor(e) {
                    Some(cursor) => [self.cursor_lasting(cursor, most)?; 3],
                    None => self.lasting_of(node),
                };
                self.lasting.0.insert(e, prints);
                stack.pop();
            }
        }
        self.lasting.0.get(&e).map(|&[_, far, near]| [far, near])
    }

    /// Of a node whose parts are known.
    fn lasting_of(&self, node: Node) -> Prints {
        let of = |e: ExprId| self.lasting.0.get(&e).copied().unwrap_or_default();
        let same = |print: u128| [print; 3];
        // Mostly no horizon hides anything: then one print is all.
        let each = |parts: &[ExprId], print: &dyn Fn(usize) -> u128| match parts
            .iter()
            .all(|&part| of(part) == same(of(part)[0]))
        {
            true => same(print(0)),
            false => [print(0), print(1), print(2)],
        };
        match node {
            Node::Empty => same(lasting_print(0, &[])),
            Node::Epsilon => same(lasting_print(1, &[])),
            Node::Set(id) => same(lasting_print(2, &self.set(id).words().map(u128::from))),
            Node::Concat(head, tail) => {
                each(&[head, tail], &|at| lasting_print(3, &[of(head)[at], of(tail)[at]]))
            }
            Node::Or(start, len) => {
                let kids = self.kids(start, len);
                each(kids, &|at| lasting_bag(4, kids.iter().map(|&kid| of(kid)[at]).collect()))
            }
            Node::And(start, len) => {
                let kids = self.kids(start, len);
                let print =
                    |at: usize| lasting_bag(5, kids.iter().map(|&kid| of(kid)[at]).collect());
                let whole = print(0);
                let seen = |at: usize, horizon: u32| match self.has_ample_room(kids, horizon) {
                    true => print(at),
                    false => whole,
                };
                [whole, seen(1, LEX_HORIZON), seen(2, LEX_NEAR_HORIZON)]
            }
            Node::Not(e) => same(lasting_print(6, &[of(e)[0]])),
            Node::Repeat(e, min, max) => {
                let print = |at: usize, min: u32, max: u32| {
                    lasting_print(7, &[of(e)[at], min.into(), max.into()])
                };
                let clipped = |at: usize, horizon: u32| match self.min_len(e) > 0 {
                    true => {
                        let max = if max > horizon { INFINITE } else { max };
                        print(at, min.min(horizon + 1), max)
                    }
                    false => print(at, min, max),
                };
                [print(0, min, max), clipped(1, LEX_HORIZON), clipped(2, LEX_NEAR_HORIZON)]
            }
            Node::Named(id) => same(self.named[id as usize].lasting),
            Node::Remainder(id) => same(self.remainder_lasting(id)),
            // Found with the steps that it takes.
            Node::Words(_) => [0; 3],
        }
    }

    /// Of the whole structure. That of what is named is found when it is, and is small.
    pub(super) fn lasting_whole(&mut self, e: ExprId) -> u128 {
        let mut no_end = usize::MAX;
        self.lasting_prints(e, &mut no_end);
        self.lasting.0.get(&e).map_or(0, |prints| prints[0])
    }
}
