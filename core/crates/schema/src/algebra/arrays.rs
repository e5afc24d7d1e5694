//! Array shapes: conjunctions of what can be said about the elements of an array.

use std::sync::Arc;

use structgen_automaton::pace;

use super::{Algebra, ArrayId, Halt, NodeId};

/// So many (and no more) of the elements from `from` on hold `node`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Contains {
    pub(crate) node: NodeId,
    pub(crate) from: u32,
    pub(crate) min: u32,
    pub(crate) max: Option<u32>,
}

/// Which elements `unevaluatedItems` no longer sees.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct EvaluatedItems {
    /// The first ones; `u32::MAX`: all.
    pub(crate) prefix: u32,
    /// And those that hold one of these.
    pub(crate) matching: Vec<NodeId>,
}

/// What is said about equal elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Unique {
    Any,
    /// No two are equal.
    Distinct,
    /// Some two are.
    Repeated,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ArrayShape {
    pub(crate) prefix: Vec<NodeId>,
    pub(crate) rest: NodeId,
    pub(crate) min: u32,
    pub(crate) max: Option<u32>,
    /// Sorted.
    pub(crate) contains: Vec<Contains>,
    pub(crate) unique: Unique,
    pub(crate) evaluated: EvaluatedItems,
}

/// One way to go on with an array: the next element holds `node`, and then the counters of
/// the obligations read `counts`.
#[derive(Clone, Debug)]
pub(crate) struct ArrayMove {
    pub(crate) node: NodeId,
    pub(crate) counts: Box<[u32]>,
}

/// Obligations of one array whose elements are told apart; every one doubles the ways.
const MAX_CONTAINS: usize = 8;

impl ArrayShape {
    pub(crate) fn any() -> Self {
        ArrayShape {
            prefix: Vec::new(),
            rest: NodeId::TRUE,
            min: 0,
            max: None,
            contains: Vec::new(),
            unique: Unique::Any,
            evaluated: EvaluatedItems::default(),
        }
    }

    pub(crate) fn element(&self, index: u32) -> NodeId {
        self.prefix.get(index as usize).copied().unwrap_or(self.rest)
    }

    /// The position from which on all positions are alike.
    pub(crate) fn settled(&self) -> u32 {
        let from = self.contains.iter().map(|rule| rule.from).max().unwrap_or(0);
        (self.prefix.len() as u32).max(self.min).max(self.max.unwrap_or(0)).max(from)
    }

    /// A position as far as it matters.
    pub(crate) fn settle(&self, position: u32) -> u32 {
        position.min(self.settled())
    }

    /// Counters before the first element.
    pub(crate) fn no_counts(&self) -> Box<[u32]> {
        vec![0; self.contains.len()].into()
    }

    /// Whether the array may end after `position` elements with these counters.
    pub(crate) fn may_end(&self, position: u32, counts: &[u32]) -> bool {
        position >= self.min && self.contains.iter().zip(counts).all(|(rule, n)| *n >= rule.min)
    }
}

/// Elements of a shape that are hashed or copied in the time of a step.
const ELEMENTS_PER_STEP: u32 = 64;

impl Algebra {
    pub(crate) fn any_array(&mut self) -> ArrayId {
        ArrayId(self.arrays.intern(ArrayShape::any()))
    }

    /// Interns a shape in normal form; `None` if it is visibly empty.
    pub(crate) fn array(&mut self, mut shape: ArrayShape) -> Result<Option<ArrayId>, Halt> {
        pace(shape.prefix.len() as u32 / ELEMENTS_PER_STEP)?;
        if let Some(index) = shape.prefix.iter().position(|node| *node == NodeId::FALSE) {
            shape.max = Some(shape.max.unwrap_or(u32::MAX).min(index as u32));
        }
        if shape.rest == NodeId::FALSE {
            let length = shape.prefix.len() as u32;
            shape.max = Some(shape.max.unwrap_or(u32::MAX).min(length));
        }
        if let Some(max) = shape.max {
            if shape.prefix.len() >= max as usize {
                shape.prefix.truncate(max as usize);
                shape.rest = NodeId::FALSE;
            }
        } else {
            while shape.prefix.last() == Some(&shape.rest) {
                shape.prefix.pop();
            }
        }
        shape.contains.sort_unstable();
        shape.contains.dedup();
        if shape.max.is_some_and(|max| max < 2) {
            match shape.unique {
                Unique::Repeated => return Ok(None),
                _ => shape.unique = Unique::Any,
            }
        }
        if shape.unique == Unique::Repeated {
            shape.min = shape.min.max(2);
        }
        let mut min = shape.min;
        for rule in &shape.contains {
            min = min.max(rule.min.saturating_add(if rule.min > 0 { rule.from } else { 0 }));
            if rule.max.is_some_and(|max| rule.min > max)
                || (rule.node == NodeId::FALSE && rule.min > 0)
            {
                return Ok(None);
            }
        }
        shape.min = min;
        shape
            .contains
            .retain(|rule| !(rule.min == 0 && (rule.max.is_none() || rule.node == NodeId::FALSE)));
        if shape.max.is_some_and(|max| shape.min > max) {
            return Ok(None);
        }
        if shape.contains.len() > MAX_CONTAINS {
            return Err(Halt::Explosion);
        }
        self.check_nodes()?;
        Ok(Some(ArrayId(self.arrays.intern(shape))))
    }

    pub(crate) fn intersect_arrays(
        &mut self,
        a: ArrayId,
        b: ArrayId,
    ) -> Result<Option<ArrayId>, Halt> {
        if a == b {
            return Ok(Some(a));
        }
        let (a, b) = (self.array_shape(a), self.array_shape(b));
        let length = a.prefix.len().max(b.prefix.len()) as u32;
        let prefix = (0..length).map(|i| self.and(&[a.element(i), b.element(i)])).collect();
        let mut matching = a.evaluated.matching.clone();
        matching.extend(&b.evaluated.matching);
        matching.sort_unstable();
        matching.dedup();
        let shape = ArrayShape {
            prefix,
            rest: self.and(&[a.rest, b.rest]),
            min: a.min.max(b.min),
            max: match (a.max, b.max) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (one, None) | (None, one) => one,
            },
            contains: a.contains.iter().chain(&b.contains).cloned().collect(),
            unique: match (a.unique, b.unique) {
                (Unique::Any, one) | (one, Unique::Any) => one,
                (one, other) if one == other => one,
                _ => return Ok(None),
            },
            evaluated: EvaluatedItems {
                prefix: a.evaluated.prefix.max(b.evaluated.prefix),
                matching,
            },
        };
        self.array(shape)
    }

    /// The arrays that are not of the shape: each part of the conjunction may fail.
    pub(crate) fn complement_array(&mut self, id: ArrayId) -> Result<Vec<ArrayId>, Halt> {
        let shape = self.array_shape(id);
        let mut ways = Vec::new();
        for (index, node) in shape.prefix.iter().enumerate() {
            if *node == NodeId::TRUE {
                continue;
            }
            let mut prefix = vec![NodeId::TRUE; index];
            prefix.push(self.not(*node));
            let min = index as u32 + 1;
            ways.push(ArrayShape { prefix, min, ..ArrayShape::any() });
        }
        let length = shape.prefix.len() as u32;
        // A FALSE rest is `max`, which follows.
        if shape.rest != NodeId::TRUE && shape.rest != NodeId::FALSE {
            let rule = Contains { node: self.not(shape.rest), from: length, min: 1, max: None };
            ways.push(ArrayShape { contains: vec![rule], ..ArrayShape::any() });
        }
        if shape.min > 0 {
            ways.push(ArrayShape { max: Some(shape.min - 1), ..ArrayShape::any() });
        }
        if let Some(max) = shape.max {
            ways.push(ArrayShape { min: max.saturating_add(1), ..ArrayShape::any() });
        }
        for rule in &shape.contains {
            if rule.min > 0 {
                let fewer = Contains { min: 0, max: Some(rule.min - 1), ..rule.clone() };
                ways.push(ArrayShape { contains: vec![fewer], ..ArrayShape::any() });
            }
            if let Some(max) = rule.max {
                let more = Contains { min: max.saturating_add(1), max: None, ..rule.clone() };
                ways.push(ArrayShape { contains: vec![more], ..ArrayShape::any() });
            }
        }
        match shape.unique {
            Unique::Any => {}
            Unique::Distinct => {
                ways.push(ArrayShape { unique: Unique::Repeated, ..ArrayShape::any() });
            }
            Unique::Repeated => {
                ways.push(ArrayShape { unique: Unique::Distinct, ..ArrayShape::any() });
            }
        }
        let mut out = Vec::new();
        for way in ways {
            out.extend(self.array(way)?);
        }
        Ok(out)
    }

    /// The shape without its record of what was evaluated.
    pub(crate) fn forget_evaluated_items(&mut self, id: ArrayId) -> ArrayId {
        let shape = self.array_shape(id);
        if shape.evaluated == EvaluatedItems::default() {
            return id;
        }
        let mut shape = (*shape).clone();
        shape.evaluated = EvaluatedItems::default();
        ArrayId(self.arrays.intern(shape))
    }

    /// `node` for every element that has not been evaluated.
    pub(crate) fn apply_unevaluated_items(
        &mut self,
        id: ArrayId,
        node: NodeId,
    ) -> Result<Option<ArrayId>, Halt> {
        let mut shape = (*self.array_shape(id)).clone();
        let evaluated = std::mem::take(&mut shape.evaluated);
        shape.evaluated.prefix = u32::MAX;
        if evaluated.prefix != u32::MAX {
            let mut options = evaluated.matching.clone();
            options.push(node);
            let bound = self.or(&options);
            while shape.prefix.len() < evaluated.prefix as usize {
                shape.prefix.push(shape.rest);
            }
            for index in evaluated.prefix as usize..shape.prefix.len() {
                shape.prefix[index] = self.and(&[shape.prefix[index], bound]);
            }
            shape.rest = self.and(&[shape.rest, bound]);
        }
        self.array(shape)
    }

    /// `node` for every element from one index up to another.
    pub(crate) fn bounded_elements(
        &mut self,
        from: u32,
        to: Option<u32>,
        node: NodeId,
    ) -> Result<Option<ArrayId>, Halt> {
        let mut shape = ArrayShape::any();
        shape.prefix.resize(from as usize, NodeId::TRUE);
        match to {
            Some(to) => shape.prefix.resize(to as usize, node),
            None => shape.rest = node,
        }
        self.array(shape)
    }

    /// The shape, with an element that has not been evaluated and does not hold `node`.
    pub(crate) fn violate_unevaluated_items(
        &mut self,
        id: ArrayId,
        node: NodeId,
    ) -> Result<Option<ArrayId>, Halt> {
        let mut shape = (*self.array_shape(id)).clone();
        let evaluated = std::mem::take(&mut shape.evaluated);
        if evaluated.prefix == u32::MAX {
            return Ok(None);
        }
        let mut parts = vec![self.not(node)];
        for matching in &evaluated.matching {
            parts.push(self.not(*matching));
        }
        let node = self.and(&parts);
        shape.contains.push(Contains { node, from: evaluated.prefix, min: 1, max: None });
        self.array(shape)
    }

    /// The ways to go on after `position` elements. Elements are told apart by which of the
    /// unfinished obligations they hold, so that counts are exact.
    pub(crate) fn array_moves(
        &mut self,
        shape: &Arc<ArrayShape>,
        position: u32,
        counts: &[u32],
    ) -> Result<Vec<ArrayMove>, Halt> {
        if shape.max.is_some_and(|max| position >= max) {
            return Ok(Vec::new());
        }
        let element = shape.element(position);
        if shape.contains.is_empty() {
            return Ok(vec![ArrayMove { node: element, counts: Box::new([]) }]);
        }
        let mut moves = vec![(element, counts.to_vec())];
        for (index, rule) in shape.contains.iter().enumerate() {
            let done = rule.max.is_none() && counts[index] >= rule.min;
            if position < rule.from || done {
                continue;
            }
            let mut next = Vec::with_capacity(moves.len() * 2);
            for (node, counts) in moves {
                let full = rule.max.is_some_and(|max| counts[index] >= max);
                if !full {
                    let mut more = counts.clone();
                    more[index] += 1;
                    next.push((self.and(&[node, rule.node]), more));
                }
                let other = self.not(rule.node);
                next.push((self.and(&[node, other]), counts));
            }
            next.retain(|(node, _)| *node != NodeId::FALSE);
            moves = next;
        }
        self.check_nodes()?;
        let finish = |(node, counts): (NodeId, Vec<u32>)| ArrayMove { node, counts: counts.into() };
        Ok(moves.into_iter().map(finish).collect())
    }
}
