//! Which bytes a member may begin with.

use super::{Exprs, Node};
use crate::{ByteSet, ExprId};

/// Nodes looked at for one answer; beyond them any byte may come first.
const MAX_LOOKS: u32 = 256;

impl Exprs {
    /// The bytes with which members of `e` begin, and perhaps others: what the syntax tells. Cost:
    /// linear in the part of the syntax that the first byte may be in.
    pub(crate) fn first_bytes(&self, e: ExprId) -> ByteSet {
        let mut looks = MAX_LOOKS;
        self.firsts(e, &mut looks)
    }

    fn firsts(&self, mut e: ExprId, looks: &mut u32) -> ByteSet {
        let mut found = ByteSet::EMPTY;
        loop {
            if *looks == 0 {
                return ByteSet::FULL;
            }
            *looks -= 1;
            let more = match self.node(e) {
                Node::Empty | Node::Epsilon => ByteSet::EMPTY,
                Node::Set(id) => *self.set(id),
                Node::Words(id) => self.words_bytes(id),
                Node::Remainder(id) => self.remainder_bytes(id),
                Node::Concat(head, tail) => {
                    found = found | self.firsts(head, looks);
                    if !self.nullable(head) {
                        return found;
                    }
                    e = tail;
                    continue;
                }
                Node::Or(start, len) => {
                    let kids = self.kids(start, len).iter();
                    kids.fold(ByteSet::EMPTY, |all, &kid| all | self.firsts(kid, looks))
                }
                Node::And(start, len) => {
                    let kids = self.kids(start, len).iter();
                    kids.fold(ByteSet::FULL, |all, &kid| all & self.firsts(kid, looks))
                }
                Node::Not(_) => ByteSet::FULL,
                Node::Repeat(inner, ..) => {
                    e = inner;
                    continue;
                }
                Node::Named(id) => {
                    e = self.named[id as usize].definition;
                    continue;
                }
            };
            return found | more;
        }
    }
}
