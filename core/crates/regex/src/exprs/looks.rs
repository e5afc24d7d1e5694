//! What a derivative looks at: the classes of bytes that an expression tells apart.

use rustc_hash::FxHashMap;
use structgen_automaton::SteadyVec;

use super::classes::{ByteClasses, Partition};
use super::{Exprs, Node};
use crate::ExprId;

/// Joins remembered before that memo is started anew.
const MAX_JOINS: usize = 1 << 18;

/// The partitions of expressions, as far as they were wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks {
    of: SteadyVec<Option<Partition>>,
    /// What tells apart what either tells apart.
    joins: FxHashMap<(Partition, Partition), Partition>,
}

impl Looks {
    pub fn bytes(&self) -> usize {
        self.of.bytes() + self.joins.capacity() * 13
    }

    /// Lets copies share what is known now.
    pub fn share(&mut self) {
        self.of.share();
    }
}

impl Exprs {
    pub(crate) fn byte_classes(&self) -> &ByteClasses {
        &self.classes
    }

    /// A partition of the bytes such that derivatives of all of `roots` are the same within a
    /// class.
    pub(crate) fn partition(&mut self, roots: impl IntoIterator<Item = ExprId>) -> Partition {
        let mut looks = Vec::new();
        for e in roots {
            let look = self.look_of(e);
            if looks.last() != Some(&look) {
                looks.push(look);
            }
        }
        self.union_of_looks(looks)
    }

    /// The byte that stands for all by which the derivative of `e` is the same as by `byte`.
    #[inline]
    pub(super) fn reader(&mut self, e: ExprId, byte: u8) -> u8 {
        let look = self.look_of(e);
        self.classes.reader(look, byte)
    }

    #[inline]
    fn known_look(&self, e: ExprId) -> Option<Partition> {
        self.looks.of.get(e.index()).copied().flatten()
    }

    #[inline]
    fn look_of(&mut self, e: ExprId) -> Partition {
        match self.known_look(e) {
            Some(look) => look,
            None => self.find_look(e),
        }
    }

    /// Not by recursion: chains of parts that may be empty are as long as the text of a pattern.
    #[cold]
    fn find_look(&mut self, e: ExprId) -> Partition {
        self.looks.of.pad(self.nodes.len(), &None);
        let mut stack = vec![e];
        let mut found = Partition::TRIVIAL;
        let mut parts: Vec<ExprId> = Vec::new();
        while let Some(&top) = stack.last() {
            if let Some(look) = self.known_look(top) {
                found = look;
                stack.pop();
                continue;
            }
            parts.clear();
            match self.node(top) {
                Node::Empty | Node::Epsilon | Node::Set(_) => {}
                Node::Words(_) | Node::Remainder(_) => {}
                Node::Concat(head, tail) if self.nullable(head) => parts.extend([head, tail]),
                Node::Concat(head, _) => parts.push(head),
                Node::Or(start, len) | Node::And(start, len) => {
                    parts.extend_from_slice(self.kids(start, len));
                }
                Node::Not(inner) | Node::Repeat(inner, ..) => parts.push(inner),
                Node::Named(id) => parts.push(self.named[id as usize].definition),
            }
            let looks: Vec<_> = parts.iter().filter_map(|&e| self.known_look(e)).collect();
            if looks.len() < parts.len() {
                stack.extend(parts.iter().filter(|&&e| self.known_look(e).is_none()));
                continue;
            }
            let look = match self.node(top) {
                Node::Set(id) => self.classes.of_set(&self.sets[id as usize]),
                Node::Words(id) => self.words_look(id),
                Node::Remainder(_) => self.remainder_look(),
                _ => self.union_of_looks(looks),
            };
            self.looks.of[top.index()] = Some(look);
        }
        found
    }

    fn union_of_looks(&mut self, mut looks: Vec<Partition>) -> Partition {
        looks.sort_unstable();
        looks.dedup();
        // One after the other in the order of their ids: what begins alike is known.
        let mut joined = Partition::TRIVIAL;
        for look in looks {
            joined = match joined {
                Partition::TRIVIAL => look,
                joined => self.join(joined, look),
            };
        }
        joined
    }

    fn join(&mut self, a: Partition, b: Partition) -> Partition {
        if let Some(&known) = self.looks.joins.get(&(a, b)) {
            return known;
        }
        let joined = self.classes.join(a, b);
        if self.looks.joins.len() >= MAX_JOINS {
            self.looks.joins.clear();
        }
        self.looks.joins.insert((a, b), joined);
        joined
    }
}
