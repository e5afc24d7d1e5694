use super::lasting::lasting_print;
use super::node::{Meta, fold, seed};
use super::{Exprs, Node};
use crate::ExprId;

/// A named expression; see [`Exprs::system`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    /// An alternation of heads, each followed by a named expression.
    pub definition: ExprId,
    pub print: u128,
    /// The same for every process.
    pub lasting: u128,
    nullable: bool,
    min_len: u32,
}

/// How deep a derivative may have to descend into a definition: an alternation of spelled
/// characters, followed by names.
const DEPTH: u32 = 8;

impl Named {
    pub fn meta(&self) -> Meta {
        Meta {
            nullable: self.nullable,
            pure: true,
            depth: DEPTH,
            min_len: self.min_len,
            max_len: u32::MAX,
            need: u32::MAX,
        }
    }
}

impl Exprs {
    /// The first unknown of a system of equations, one per state of an automaton:
    /// `x_i = e_ij x_j | .. | ε (if accepting)`.
    ///
    /// The heads `e_ij` must be pure and not nullable, and every state must reach an accepting
    /// one: then no unknown is empty.
    pub fn system(&mut self, states: &[Vec<(ExprId, u32)>], accepting: &[bool]) -> ExprId {
        let mut whole = fold(seed(), states.len() as u128, 10);
        for (edges, &accepts) in states.iter().zip(accepting) {
            whole = fold(whole, u128::from(accepts) << 32 | edges.len() as u128, 10);
            for &(head, to) in edges {
                whole = fold(fold(whole, self.fingerprint(head), 10), to.into(), 10);
            }
        }
        let mut lasting = vec![states.len() as u128];
        for (edges, &accepts) in states.iter().zip(accepting) {
            lasting.push(u128::from(accepts) << 32 | edges.len() as u128);
            for &(head, to) in edges {
                lasting.extend([self.lasting_whole(head), to.into()]);
            }
        }
        let lasting = lasting_print(8, &lasting);
        let lengths = self.nearest_ends(states, accepting);
        let base = self.named.len() as u32;
        let mut names = Vec::with_capacity(states.len());
        for (i, &nullable) in accepting.iter().enumerate() {
            self.named.push(Named {
                definition: Exprs::EMPTY,
                print: fold(whole, i as u128, 11),
                lasting: lasting_print(9, &[lasting, i as u128]),
                nullable,
                min_len: lengths[i],
            });
            names.push(self.intern(Node::Named(base + i as u32)));
        }
        for (i, edges) in states.iter().enumerate() {
            let mut options: Vec<ExprId> = Vec::with_capacity(edges.len() + 1);
            for &(head, to) in edges {
                options.push(self.then(head, names[to as usize]));
            }
            if accepting[i] {
                options.push(Exprs::EPSILON);
            }
            self.named[base as usize + i].definition = self.or(&options);
        }
        names.first().copied().unwrap_or(Exprs::EMPTY)
    }

    /// The length of a shortest member of every unknown (Bellman-Ford).
    fn nearest_ends(&self, states: &[Vec<(ExprId, u32)>], accepting: &[bool]) -> Vec<u32> {
        let mut lengths: Vec<u32> =
            accepting.iter().map(|&accepts| if accepts { 0 } else { u32::MAX }).collect();
        // Edges backwards, so that each improvement is passed on once.
        let mut back: Vec<Vec<(u32, u32)>> = vec![Vec::new(); states.len()];
        for (from, edges) in states.iter().enumerate() {
            for &(head, to) in edges {
                back[to as usize].push((self.min_len(head), from as u32));
            }
        }
        let mut queue: std::collections::VecDeque<u32> =
            (0..states.len() as u32).filter(|&i| accepting[i as usize]).collect();
        while let Some(to) = queue.pop_front() {
            for &(length, from) in &back[to as usize] {
                let through = lengths[to as usize].saturating_add(length);
                if through < lengths[from as usize] {
                    lengths[from as usize] = through;
                    queue.push_back(from);
                }
            }
        }
        lengths
    }
}
