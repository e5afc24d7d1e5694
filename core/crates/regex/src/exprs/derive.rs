use structgen_automaton::{AutomatonError, Fuel};

use super::{Exprs, Node};
use crate::ExprId;

/// Derivatives remembered before the memo is started anew.
const MAX_MEMO: usize = 1 << 21;

impl Exprs {
    /// What may follow `byte`: { w : byte w ∈ e }.
    pub fn derivative(&mut self, e: ExprId, byte: u8) -> ExprId {
        match self.node(e) {
            Node::Empty | Node::Epsilon => return Exprs::EMPTY,
            Node::Set(set) => {
                return if self.set(set).contains(byte) { Exprs::EPSILON } else { Exprs::EMPTY };
            }
            Node::Concat(head, tail) => match self.node(head) {
                Node::Set(set) if self.set(set).contains(byte) => return tail,
                Node::Set(_) => return Exprs::EMPTY,
                Node::Words(words) if !self.nullable(head) => {
                    let head = self.words_after(words, byte);
                    return self.then(head, tail);
                }
                _ => {}
            },
            Node::Words(words) => return self.words_after(words, byte),
            Node::Remainder(state) => return self.remainder_after(state, byte),
            Node::Repeat(body, ..) => {
                if let Node::Set(set) = self.node(body) {
                    if !self.set(set).contains(byte) {
                        return Exprs::EMPTY;
                    }
                }
            }
            _ => {}
        }
        let byte = self.reader(e, byte);
        let key = u64::from(e.0) << 8 | u64::from(byte);
        if let Some(&known) = self.derivatives.get(&key) {
            return known;
        }
        let result = self.derive(e, byte);
        if self.derivatives.len() >= MAX_MEMO {
            self.derivatives.clear();
        }
        self.derivatives.insert(key, result);
        result
    }

    /// The derivative, paid for by what it took.
    pub(crate) fn paid_derivative(
        &mut self,
        e: ExprId,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<ExprId, AutomatonError> {
        let before = self.work;
        let result = self.derivative(e, byte);
        fuel.spend(1 + (self.work - before))?;
        self.check()?;
        Ok(result)
    }

    fn derive(&mut self, e: ExprId, byte: u8) -> ExprId {
        self.work += 1;
        match self.node(e) {
            Node::Empty | Node::Epsilon | Node::Set(_) => Exprs::EMPTY,
            Node::Concat(..) => {
                let mut terms = Vec::new();
                let mut rest = e;
                while let Node::Concat(head, tail) = self.node(rest) {
                    let first = self.derivative(head, byte);
                    let term = self.then(first, tail);
                    terms.push(term);
                    rest = tail;
                    if !self.nullable(head) {
                        rest = Exprs::EMPTY;
                    }
                }
                let last = self.derivative(rest, byte);
                terms.push(last);
                terms.retain(|&term| term != Exprs::EMPTY);
                match terms[..] {
                    [] => Exprs::EMPTY,
                    [only] => only,
                    _ => self.or_vec(terms, 0),
                }
            }
            Node::Or(start, len) => {
                let mut terms = Vec::new();
                for i in start..start + len {
                    let kid = self.children[i as usize];
                    let term = self.derivative(kid, byte);
                    if term != Exprs::EMPTY {
                        terms.push(term);
                    }
                }
                match terms[..] {
                    [] => Exprs::EMPTY,
                    [only] => only,
                    _ => self.or_vec(terms, 0),
                }
            }
            Node::And(start, len) => {
                let mut terms = Vec::with_capacity(len as usize);
                for i in start..start + len {
                    let kid = self.children[i as usize];
                    let term = self.derivative(kid, byte);
                    if term == Exprs::EMPTY {
                        return Exprs::EMPTY;
                    }
                    terms.push(term);
                }
                self.and_vec(terms)
            }
            Node::Not(inner) => {
                let inner = self.derivative(inner, byte);
                self.not(inner)
            }
            Node::Words(words) => self.words_after(words, byte),
            Node::Remainder(state) => self.remainder_after(state, byte),
            Node::Named(id) => {
                let definition = self.named[id as usize].definition;
                self.derivative(definition, byte)
            }
            Node::Repeat(body, min, max) => {
                let first = self.derivative(body, byte);
                if first == Exprs::EMPTY {
                    return Exprs::EMPTY;
                }
                let max = if max == super::INFINITE { max } else { max - 1 };
                let rest = self.repeat_raw(body, min.saturating_sub(1), max);
                self.then(first, rest)
            }
        }
    }
}
