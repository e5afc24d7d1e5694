use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, Fuel};

use super::witness::{Life, MAX_WORD};
use super::{Exprs, Node};
use crate::ExprId;

/// The longest member that is ever written out.
const MAX_MEMBER: u32 = 1 << 24;
/// `nearest` of an expression without members.
const NONE: u32 = u32::MAX;

impl Exprs {
    /// Whether the language of `e` is empty. Exact; explores derivatives where `&` and `~`
    /// hide it, and remembers what it learns.
    pub fn is_empty(&mut self, e: ExprId, fuel: &mut Fuel) -> Result<bool, AutomatonError> {
        self.check()?;
        Ok(!self.is_live(e, fuel)?)
    }

    /// Whether every member of `small` is a member of `big`. Exact.
    pub fn contains(
        &mut self,
        big: ExprId,
        small: ExprId,
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        self.check()?;
        if self.covers(big, small) {
            return Ok(true);
        }
        let outside = self.not(big);
        let witness = self.and(&[small, outside]);
        self.is_empty(witness, fuel)
    }

    /// Whether `text` is a member of `e`.
    pub fn matches(
        &mut self,
        e: ExprId,
        text: &[u8],
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        self.check()?;
        let mut rest = e;
        for &byte in text {
            rest = self.paid_derivative(rest, byte, fuel)?;
            if rest == Exprs::EMPTY {
                return Ok(false);
            }
        }
        Ok(self.nullable(rest))
    }

    /// What can be told of the emptiness of `e` without a search.
    fn known_live(&self, e: ExprId) -> Option<bool> {
        let mut e = e;
        loop {
            if self.nullable(e) {
                return Some(true);
            }
            if self.pure(e) {
                return Some(e != Exprs::EMPTY);
            }
            if let Some(&known) = self.live.get(&e) {
                return Some(known != Life::Empty);
            }
            match self.node(e) {
                // A pure head is not empty, so the tail decides.
                Node::Concat(head, tail) if self.pure(head) => e = tail,
                // A complement is empty only if its inside has everything.
                Node::Repeat(body, ..) => e = body,
                Node::Or(start, len) => {
                    let kids = self.kids(start, len);
                    let live = |&kid: &ExprId| {
                        self.pure(kid)
                            || self.nullable(kid)
                            || self.live.get(&kid).is_some_and(|&life| life != Life::Empty)
                    };
                    return kids.iter().any(live).then_some(true);
                }
                _ => return None,
            }
        }
    }

    /// What is left to read, as far as the syntax tells: a lower bound for the whole, then the
    /// bounds of its conjuncts together, which shrink where one of many demands is met.
    fn distance(&self, e: ExprId) -> (u32, u64) {
        let mut head = e;
        while let Node::Concat(first, _) = self.node(head) {
            head = first;
        }
        let together = match self.node(head) {
            Node::And(start, len) => {
                self.kids(start, len).iter().map(|&kid| u64::from(self.min_len(kid))).sum()
            }
            _ => 0,
        };
        (self.min_len(e), together)
    }

    /// Whether `e` has a member. Parts are asked one by one as far as that decides.
    pub(crate) fn is_live(&mut self, e: ExprId, fuel: &mut Fuel) -> Result<bool, AutomatonError> {
        let mut e = e;
        loop {
            if let Some(known) = self.known_live(e) {
                return Ok(known);
            }
            match self.node(e) {
                Node::Concat(head, tail) => {
                    if !self.is_live(head, fuel)? {
                        self.live.insert(e, Life::Empty);
                        return Ok(false);
                    }
                    e = tail;
                }
                // It is not nullable, so the body has to come at least once.
                Node::Repeat(body, ..) => e = body,
                _ => break,
            }
        }
        if let Node::And(start, len) = self.node(e) {
            let parts = self.kids(start, len).to_vec();
            if self.near_multiple(&parts, fuel)? {
                self.live.insert(e, Life::Live);
                return Ok(true);
            }
            let far = self.min_len(e) as usize > MAX_WORD;
            if far && self.meet_plainly(parts) {
                self.live.insert(e, Life::Live);
                return Ok(true);
            }
            if let Some(word) = self.known_member(e, fuel)? {
                self.live.insert(e, Life::Member(word));
                return Ok(true);
            }
        }
        self.search(e, fuel)
    }

    /// Best-first search for a nullable derivative, nearest estimate first.
    fn search(&mut self, e: ExprId, fuel: &mut Fuel) -> Result<bool, AutomatonError> {
        // Each with the byte that leads to it.
        let mut parents: FxHashMap<ExprId, (ExprId, u8)> = FxHashMap::default();
        let mut queue = BinaryHeap::new();
        let mut turn = 0u32;
        parents.insert(e, (e, 0));
        queue.push((Reverse(self.distance(e)), turn, e, 0usize));
        while let Some((Reverse(bound), _, from, first)) = queue.pop() {
            let partition = self.partition([from]);
            for class in first..self.classes.readers(partition).len() {
                let byte = self.classes.readers(partition)[class];
                let to = self.paid_derivative(from, byte, fuel)?;
                match self.known_live(to) {
                    Some(true) => {
                        let mut word = self.member_at_hand(to, fuel)?;
                        let (mut at, mut byte) = (from, byte);
                        loop {
                            word = word.map(|rest| self.words.before(byte, rest));
                            self.live.insert(at, word.map_or(Life::Live, Life::Member));
                            if at == e {
                                break;
                            }
                            (at, byte) = parents[&at];
                        }
                        if let Some(word) = word {
                            self.words.favour(word);
                        }
                        return Ok(true);
                    }
                    Some(false) => continue,
                    None => {}
                }
                if parents.contains_key(&to) {
                    continue;
                }
                parents.insert(to, (from, byte));
                turn = turn.wrapping_add(1);
                // What `from` lacks, `to` lacks but for the byte.
                let (least, together) = self.distance(to);
                let nearer = (least.max(bound.0.saturating_sub(1)), together);
                if nearer < bound {
                    // Follow it at once; the other bytes wait.
                    queue.push((Reverse(bound), turn, from, class + 1));
                    turn = turn.wrapping_add(1);
                    queue.push((Reverse(nearer), turn, to, 0));
                    break;
                }
                queue.push((Reverse(nearer), turn, to, 0));
            }
        }
        // Nothing that was reached has a member.
        for dead in parents.into_keys() {
            self.live.insert(dead, Life::Empty);
        }
        Ok(false)
    }

    /// The length of the shortest member, without a search.
    fn known_shortest(&self, e: ExprId) -> Option<u32> {
        if e == Exprs::EMPTY {
            return Some(NONE);
        }
        if self.nullable(e) {
            return Some(0);
        }
        if self.pure(e) {
            return Some(self.min_len(e).min(NONE - 1));
        }
        self.nearest.get(&e).map(|&(length, _)| length)
    }

    /// The length of the shortest member; `None` if there is no member.
    pub fn shortest_len(
        &mut self,
        e: ExprId,
        fuel: &mut Fuel,
    ) -> Result<Option<u32>, AutomatonError> {
        self.check()?;
        let length = match self.known_shortest(e) {
            Some(length) => length,
            None if !self.is_live(e, fuel)? => NONE,
            None => self.find_nearest(e, fuel)?,
        };
        Ok((length != NONE).then_some(length))
    }

    /// A*: the estimate is the lower bound that the syntax gives.
    fn find_nearest(&mut self, e: ExprId, fuel: &mut Fuel) -> Result<u32, AutomatonError> {
        struct Reached {
            cost: u32,
            from: ExprId,
            byte: u8,
        }
        let mut reached: FxHashMap<ExprId, Reached> = FxHashMap::default();
        let mut queue = BinaryHeap::new();
        reached.insert(e, Reached { cost: 0, from: e, byte: 0 });
        queue.push((Reverse(self.min_len(e).max(1)), 0u32, Reverse(e)));
        while let Some((Reverse(total), cost, Reverse(at))) = queue.pop() {
            if cost > reached[&at].cost {
                continue;
            }
            if self.known_shortest(at).is_some() {
                // Everything on the way here now has a known distance.
                let mut node = at;
                loop {
                    let Reached { from, byte, .. } = reached[&node];
                    if node == e {
                        return Ok(total);
                    }
                    let from_cost = reached[&from].cost;
                    self.nearest.insert(from, (total - from_cost, byte));
                    node = from;
                }
            }
            let partition = self.partition([at]);
            for class in 0..self.classes.readers(partition).len() {
                let byte = self.classes.readers(partition)[class];
                let to = self.paid_derivative(at, byte, fuel)?;
                if to == Exprs::EMPTY || self.known_live(to) == Some(false) {
                    continue;
                }
                let estimate = match self.known_shortest(to) {
                    Some(NONE) => continue,
                    Some(exact) => exact,
                    None => self.min_len(to).max(1),
                };
                let next = cost.saturating_add(1);
                if reached.get(&to).is_some_and(|old| old.cost <= next) {
                    continue;
                }
                reached.insert(to, Reached { cost: next, from: at, byte });
                queue.push((
                    Reverse(next.saturating_add(estimate).clamp(total, NONE - 1)),
                    next,
                    Reverse(to),
                ));
            }
        }
        Ok(NONE)
    }

    /// A shortest member of `e`, readable where there is a choice; `None` if there is none.
    /// Consistent: the shortest member of a derivative along it is what remains.
    pub fn shortest(
        &mut self,
        e: ExprId,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        let Some(length) = self.shortest_len(e, fuel)? else { return Ok(None) };
        if length > MAX_MEMBER {
            return Err(AutomatonError::Limit {
                name: "max_completion_bytes",
                limit: MAX_MEMBER.into(),
            });
        }
        let mut member = Vec::with_capacity(length as usize);
        let mut rest = e;
        while !self.nullable(rest) {
            fuel.spend(1)?;
            if let Some((word, after)) = self.only_word(rest) {
                fuel.spend_bytes(word.len())?;
                member.extend_from_slice(word);
                rest = after;
                continue;
            }
            if self.gives_up(3) {
                break;
            }
            let (byte, next) = match self.nearest.get(&rest) {
                Some(&(_, byte)) => (byte, self.derivative(rest, byte)),
                None => self.nearest_step(rest),
            };
            self.check()?;
            if next == Exprs::EMPTY || member.len() > length as usize {
                return Ok(None);
            }
            member.push(byte);
            rest = next;
        }
        self.check()?;
        Ok(Some(member))
    }

    /// The rest of a word and what comes then, where `e` begins with nothing else: a text that may
    /// be long is not read byte by byte.
    fn only_word(&self, e: ExprId) -> Option<(&[u8], ExprId)> {
        let (head, tail) = self.split(e);
        Some((self.rest_of_word(self.cursor(head)?)?, tail))
    }

    /// The first byte towards the nearest member of a pure expression, or of one that has
    /// not been searched because it was reached at its end.
    pub(super) fn nearest_step(&mut self, e: ExprId) -> (u8, ExprId) {
        let partition = self.partition([e]);
        let hoped = self.known_shortest(e).map_or(0, |length| length.saturating_sub(1));
        let mut best = (u32::MAX, 0, Exprs::EMPTY);
        for class in 0..self.classes.readers(partition).len() {
            let byte = self.classes.readers(partition)[class];
            let to = self.derivative(e, byte);
            if let Some(length) = self.known_shortest(to) {
                if to != Exprs::EMPTY && length < best.0 {
                    best = (length, byte, to);
                    if length <= hoped {
                        break;
                    }
                }
            }
        }
        (best.1, best.2)
    }
}
