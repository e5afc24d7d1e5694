//! Demands on containers that are being read: a formula over the tags of the runs, and the ways
//! on for which it holds.
//!
//! What is left of each run is a shape. The shapes for which the formula holds are found as
//! for deferred nodes; only some are, the simplest ones.

use std::sync::Arc;

use structgen_automaton::{AutomatonError, Fuel};

use super::{ArrayRun, Frame, FrameId, Frames, ObjectRun};
use crate::algebra::{
    ArrayId, Beam, BegunArray, BegunObject, Formula, Gate, GateId, Halt, INFINITE, Node, NodeId,
    ObjectId, all_pending,
};

/// Steps for one frame and demand: some milliseconds.
const EFFORT: u64 = 30_000;

/// Parts of a node that are looked through for nodes that were asked for.
const MAX_NESTING: u32 = 32;

/// A way to the end of a container.
#[derive(Clone, Debug)]
pub(crate) struct Ahead {
    /// What the value has to hold that the frame waits for, if it does.
    pub(crate) value: Option<NodeId>,
    pub(crate) rest: Rest,
    cost: u32,
}

/// A container after the value that its frame waits for.
#[derive(Clone, Debug)]
pub(crate) enum Rest {
    Array(ArrayRun),
    Object(ObjectRun),
}

impl Frames {
    /// The ways to the end of the container for which the demand holds; with `more`, those
    /// with at least one more member. Cheapest first.
    pub(crate) fn ahead(
        &mut self,
        id: FrameId,
        demand: &Formula,
        more: bool,
        fuel: &mut Fuel,
    ) -> Result<Arc<Vec<Ahead>>, AutomatonError> {
        let key = (id, demand.clone(), more);
        if let Some(known) = self.ahead.get(&key) {
            return Ok(known.clone());
        }
        let mut out = match self.find_ahead(id, demand, more, fuel) {
            Err(Halt::Explosion) => Vec::new(),
            found => found?,
        };
        out.retain(|way| way.cost != INFINITE);
        out.sort_by_key(|way| way.cost);
        let out = Arc::new(out);
        self.ahead.insert(key, out.clone());
        Ok(out)
    }

    fn find_ahead(
        &mut self,
        id: FrameId,
        demand: &Formula,
        more: bool,
        fuel: &mut Fuel,
    ) -> Result<Vec<Ahead>, Halt> {
        let leaves = self.leaves(id)?;
        let beam = self.algebra.fulfilling(demand, &leaves, EFFORT, fuel)?;
        let frame = self.frame(id);
        let mut out = Vec::new();
        match &*frame {
            Frame::Root { .. } => {}
            Frame::Array { .. } => {
                for shape in beam.arrays {
                    self.array_ahead(shape, false, &mut out, fuel)?;
                }
            }
            Frame::Element { .. } => {
                for shape in beam.arrays {
                    self.array_ahead(shape, true, &mut out, fuel)?;
                }
            }
            Frame::Object { used, .. } | Frame::Member { used, .. } => {
                let waits = matches!(&*frame, Frame::Member { .. });
                let used = self.used_keys(used);
                let current = if waits { used.first() } else { None };
                for mut shape in beam.objects {
                    if more {
                        let mut longer = (*self.algebra.object_shape(shape)).clone();
                        longer.min = longer.min.max(1);
                        let Some(longer) = self.algebra.object(longer)? else { continue };
                        shape = longer;
                    }
                    match current {
                        Some(key) => self.member_ahead(shape, *key, &used, &mut out, fuel)?,
                        None => {
                            let run = self.new_object_run(shape, false);
                            let cost = self.object_run_cost(&run, &used, fuel)?;
                            out.push(Ahead { value: None, rest: Rest::Object(run), cost });
                        }
                    }
                }
            }
        }
        Ok(out)
    }

    /// By tag: what is left of its runs.
    fn leaves(&mut self, id: FrameId) -> Result<Vec<Beam>, Halt> {
        let mut leaves: Vec<Beam> = Vec::new();
        let at = |leaves: &mut Vec<Beam>, tag: u32| {
            if leaves.len() <= tag as usize {
                leaves.resize(tag as usize + 1, Beam::default());
            }
        };
        match &*self.frame(id) {
            Frame::Root { .. } => {}
            Frame::Array { seen, runs, .. } => {
                let seen = self.sets.members(seen.values);
                for run in runs {
                    at(&mut leaves, run.tag);
                    let shapes = self.algebra.rest_of_array(&begun_array(run, &seen, None))?;
                    leaves[run.tag as usize].arrays.extend(shapes);
                }
            }
            Frame::Element { asks, seen, runs, .. } => {
                let nodes = self.asked(*asks);
                let seen = self.sets.members(seen.values);
                for (ask, run) in runs {
                    at(&mut leaves, run.tag);
                    let begun = begun_array(run, &seen, Some(nodes.nodes[*ask as usize]));
                    let shapes = self.algebra.rest_of_array(&begun)?;
                    leaves[run.tag as usize].arrays.extend(shapes);
                }
            }
            Frame::Object { used, runs, .. } => {
                let used = self.used_keys(used);
                for run in runs {
                    at(&mut leaves, run.tag);
                    let begun = BegunObject {
                        shape: run.shape,
                        count: run.count,
                        pending: run.pending,
                        used: &used,
                        current: None,
                    };
                    let shape = self.algebra.rest_of_object(&begun)?;
                    leaves[run.tag as usize].objects.extend(shape);
                }
            }
            Frame::Member { asks, used, runs, .. } => {
                let nodes = self.asked(*asks);
                // Whichever: of used keys, shapes of the rest say nothing else.
                let used = self.used_keys(used);
                let Some(key) = used.first() else { return Ok(leaves) };
                for (ask, run) in runs {
                    at(&mut leaves, run.tag);
                    let begun = BegunObject {
                        shape: run.shape,
                        count: run.count,
                        pending: run.pending,
                        used: &used,
                        current: Some((*key, nodes.nodes[*ask as usize])),
                    };
                    let shape = self.algebra.rest_of_object(&begun)?;
                    leaves[run.tag as usize].objects.extend(shape);
                }
            }
        }
        Ok(leaves)
    }

    /// `waits`: the first element of the shape is the one that the frame waits for.
    fn array_ahead(
        &mut self,
        id: ArrayId,
        waits: bool,
        out: &mut Vec<Ahead>,
        fuel: &mut Fuel,
    ) -> Result<(), Halt> {
        let shape = self.algebra.array_shape(id);
        let run = |position: u32, counts: Box<[u32]>| {
            let repeated = false;
            ArrayRun { tag: 0, shape: id, position, counts, repeated }
        };
        if !waits {
            let start = shape.no_counts();
            let cost = self.algebra.settled_array_cost(id, 0, &start, fuel)?;
            out.push(Ahead { value: None, rest: Rest::Array(run(0, start)), cost });
            return Ok(());
        }
        for step in self.algebra.array_moves(&shape, 0, &shape.no_counts())? {
            let position = shape.settle(1);
            let rest = self.algebra.settled_array_cost(id, position, &step.counts, fuel)?;
            let size = self.algebra.size(step.node, fuel)?;
            if size != INFINITE && rest != INFINITE {
                let cost = size.saturating_add(rest);
                let rest = Rest::Array(run(position, step.counts));
                out.push(Ahead { value: Some(step.node), rest, cost });
            }
        }
        Ok(())
    }

    fn member_ahead(
        &mut self,
        id: ObjectId,
        key: crate::algebra::KeyId,
        used: &[crate::algebra::KeyId],
        out: &mut Vec<Ahead>,
        fuel: &mut Fuel,
    ) -> Result<(), Halt> {
        let shape = self.algebra.object_shape(id);
        let Some(index) = shape.name(key) else { return Ok(()) };
        let rules: Vec<NodeId> = shape.exists.iter().map(|rule| rule.names[index]).collect();
        let all = all_pending(&shape);
        for (bits, node) in self.algebra.claims(shape.names[index].node, &rules, all) {
            let mut run = self.new_object_run(id, false);
            run.count = 1;
            run.pending = all & !bits;
            let rest = self.object_run_cost(&run, used, fuel)?;
            let size = self.algebra.size(node, fuel)?;
            if size != INFINITE && rest != INFINITE {
                let cost = size.saturating_add(rest);
                out.push(Ahead { value: Some(node), rest: Rest::Object(run), cost });
            }
        }
        Ok(())
    }

    /// The node as a formula over a list of nodes that were asked for; `None` where it is not
    /// made of those.
    pub(crate) fn in_terms_of(&self, node: NodeId, asked: &[NodeId]) -> Option<Formula> {
        let mut formula = Formula::default();
        let root = self.term(node, asked, 0, &mut formula)?;
        if root != formula.root() {
            formula.gates.push(Gate::All(Box::new([root])));
        }
        Some(formula)
    }

    fn term(
        &self,
        node: NodeId,
        asked: &[NodeId],
        nesting: u32,
        out: &mut Formula,
    ) -> Option<GateId> {
        if nesting > MAX_NESTING {
            return None;
        }
        let gate = if let Some(index) = asked.iter().position(|other| *other == node) {
            Gate::Leaf(index as u32)
        } else {
            match &*self.algebra.node(node) {
                Node::True | Node::Unsaid => Gate::All(Box::new([])),
                Node::False => Gate::Any(Box::new([])),
                Node::Not(inner) => Gate::Not(self.term(*inner, asked, nesting + 1, out)?),
                Node::And(parts) => Gate::All(self.terms(parts, true, asked, nesting, out)?),
                Node::Or(parts) => Gate::Any(self.terms(parts, false, asked, nesting, out)?),
                _ => return None,
            }
        };
        out.gates.push(gate);
        Some(out.root())
    }

    /// Parts of a conjunction or disjunction. What was asked for may be some of them together.
    fn terms(
        &self,
        parts: &[NodeId],
        all: bool,
        asked: &[NodeId],
        nesting: u32,
        out: &mut Formula,
    ) -> Option<Box<[GateId]>> {
        let mut covered = vec![false; parts.len()];
        let mut gates = Vec::new();
        for (index, node) in asked.iter().enumerate() {
            let node = self.algebra.node(*node);
            let ((Node::And(inner), true) | (Node::Or(inner), false)) = (&*node, all) else {
                continue;
            };
            let places: Option<Vec<usize>> =
                inner.iter().map(|part| parts.binary_search(part).ok()).collect();
            for place in places.iter().flatten() {
                covered[*place] = true;
            }
            if places.is_some() {
                out.gates.push(Gate::Leaf(index as u32));
                gates.push(out.root());
            }
        }
        for (part, _) in parts.iter().zip(covered).filter(|(_, covered)| !covered) {
            gates.push(self.term(*part, asked, nesting + 1, out)?);
        }
        Some(gates.into())
    }
}

fn begun_array<'a>(run: &'a ArrayRun, seen: &'a [u32], current: Option<NodeId>) -> BegunArray<'a> {
    BegunArray {
        shape: run.shape,
        position: run.position,
        counts: &run.counts,
        repeated: run.repeated,
        seen,
        current,
    }
}
