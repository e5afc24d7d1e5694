//! Nodes whose normal form would be too large.
//!
//! The normal form of overlapping `oneOf`s, negations and products of `anyOf`s may have more
//! alternatives than anybody can afford. Such a node is *deferred*: it becomes a boolean
//! formula over *leaves*, nodes that do have a small normal form. A value is then read for
//! all leaves at once; when it ends it is known which of them hold, and with that whether the
//! formula does. Verdicts stay exact. What suffers is liveness: that a prefix cannot be
//! completed any more may only show later.
//!
//! Scalars are not concerned: their languages have a normal form at any rate.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, Fuel, pace};

use super::evaluate::{Mode, Part};
use super::formula::{Formula, Gate, GateId};
use super::{Algebra, Halt, Node, NodeId, Normal};
use crate::location::LocId;

/// Steps that one normal form may take before its node is deferred: some hundredths of a
/// second.
const EFFORT: u64 = 60_000;

/// The same, where there is no other way.
const INSISTENCE: u64 = 100_000;

/// Alternatives beyond which a leaf is taken apart further.
const LEAF_ALTERNATIVES: usize = 16;

/// Leaves of one formula: each is read in parallel.
const MAX_LEAVES: usize = 1_024;

const MAX_GATES: usize = 20_000;

/// What a node allows.
#[derive(Clone, Debug)]
pub(crate) enum Alternatives {
    Exact(Arc<Normal>),
    Deferred(Arc<Deferred>),
}

/// A node as a formula.
#[derive(Debug)]
pub(crate) struct Deferred {
    /// Exactly the scalars that the node allows, and some of its arrays and objects.
    pub(crate) known: Arc<Normal>,
    pub(crate) leaves: Vec<NodeId>,
    /// About arrays and objects.
    pub(crate) formula: Formula,
    /// The locations whose keywords are judged at the end of the value.
    pub(crate) locations: Vec<LocId>,
}

/// A formula while it is put together.
#[derive(Default)]
pub(super) struct Builder {
    formula: Formula,
    leaves: Vec<NodeId>,
    gates: FxHashMap<NodeId, GateId>,
    locations: Vec<LocId>,
    nesting: u32,
}

impl Builder {
    pub(super) fn push(&mut self, gate: Gate) -> Result<GateId, Halt> {
        if self.formula.gates.len() >= MAX_GATES || self.leaves.len() > MAX_LEAVES {
            let limit = MAX_LEAVES as u64;
            return Err(AutomatonError::Limit { name: "max_alternatives", limit }.into());
        }
        self.formula.gates.push(gate);
        Ok(self.formula.root())
    }
}

impl Algebra {
    /// What `node` allows, as a normal form where that is affordable.
    pub(crate) fn alternatives(
        &mut self,
        node: NodeId,
        fuel: &mut Fuel,
    ) -> Result<Alternatives, Halt> {
        if let Some(known) = self.deferred.get(&node) {
            return Ok(match known {
                Some(deferred) => Alternatives::Deferred(deferred.clone()),
                None => Alternatives::Exact(self.normal(node, fuel)?),
            });
        }
        let exact = self.attempt(node, fuel)?;
        if let Some(exact) = exact.clone().filter(|exact| !self.is_crowded(exact)) {
            return Ok(Alternatives::Exact(exact));
        }
        if !self.deferring.insert(node) {
            return Err(Halt::Circle);
        }
        self.nesting += 1;
        let built = self.defer(node, fuel);
        self.nesting -= 1;
        self.deferring.remove(&node);
        match (built, exact) {
            // It could not be taken apart.
            (Ok(deferred), Some(exact)) if deferred.leaves == [node] => {
                self.deferred.insert(node, None);
                Ok(Alternatives::Exact(exact))
            }
            (Err(Halt::Explosion | Halt::Unevaluated(_)), Some(exact)) => {
                self.deferred.insert(node, None);
                Ok(Alternatives::Exact(exact))
            }
            (Ok(deferred), _) => {
                let deferred = Arc::new(deferred);
                self.deferred.insert(node, Some(deferred.clone()));
                Ok(Alternatives::Deferred(deferred))
            }
            // What schemas evaluate is too much for a formula.
            (Err(Halt::Unevaluated(loc)), None) => {
                let exact = self.insist(node, fuel).map_err(|error| match error {
                    Halt::Explosion => Halt::Unevaluated(loc),
                    other => other,
                })?;
                self.deferred.insert(node, None);
                Ok(Alternatives::Exact(exact))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The normal form, with as many alternatives as the limits allow.
    fn insist(&mut self, node: NodeId, fuel: &mut Fuel) -> Result<Arc<Normal>, Halt> {
        let floor = fuel.left().saturating_sub(INSISTENCE);
        let floor = std::mem::replace(&mut self.floor, floor);
        let patient = std::mem::replace(&mut self.patient, true);
        let result = self.normal(node, fuel);
        self.patient = patient;
        self.floor = floor;
        result
    }

    pub(super) fn is_deferred(&self, node: NodeId) -> bool {
        self.deferred.get(&node).is_some_and(Option::is_some)
    }

    /// Whether some node has been deferred.
    pub(crate) fn defers(&self) -> bool {
        self.deferred.values().any(Option::is_some)
    }

    /// The locations whose keywords are judged at the end of a value.
    pub(crate) fn deferred_locations(&self) -> Vec<LocId> {
        let mut all: Vec<LocId> =
            self.deferred.values().flatten().flat_map(|known| known.locations.clone()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Only where nothing but single shapes is wanted.
    fn is_crowded(&self, normal: &Normal) -> bool {
        self.limits.max_exact_alternatives == 0 && normal.arrays.len().max(normal.objects.len()) > 1
    }

    /// The normal form, unless it takes more than its share of work or alternatives.
    fn attempt(&mut self, node: NodeId, fuel: &mut Fuel) -> Result<Option<Arc<Normal>>, Halt> {
        if self.exploded.contains(&node) {
            return Ok(None);
        }
        let before = fuel.left();
        let outer = std::mem::replace(&mut self.floor, before.saturating_sub(EFFORT));
        let patient = std::mem::replace(&mut self.patient, false);
        let result = self.normal(node, fuel);
        self.patient = patient;
        // What this took is not the fault of what is being built around it.
        self.floor = outer.saturating_sub(before - fuel.left());
        match result {
            Ok(normal) => Ok(Some(normal)),
            Err(Halt::Explosion) => {
                self.exploded.insert(node);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Fails once the normal form under construction has taken its share of work.
    pub(super) fn check_effort(&self, fuel: &Fuel) -> Result<(), Halt> {
        if self.may_defer() && fuel.left() < self.floor { Err(Halt::Explosion) } else { Ok(()) }
    }

    /// Fails where a product of lists of these lengths has grown to `count` alternatives.
    pub(super) fn check_product(&self, count: usize, a: usize, b: usize) -> Result<(), Halt> {
        let limits = &self.limits;
        let most = if self.may_defer() && !self.patient {
            limits.max_exact_alternatives
        } else {
            limits.max_alternatives
        };
        let most = most as usize;
        if count > most && count > a.max(b) { Err(Halt::Explosion) } else { Ok(()) }
    }

    /// Fails where a union has grown to `count` alternatives.
    pub(super) fn check_union(&self, count: usize) -> Result<(), Halt> {
        match self.check_alternatives(count) {
            Err(_) if self.may_defer() && !self.patient => Err(Halt::Explosion),
            checked => checked,
        }
    }

    /// Options that narrow are applied to normal forms, and must not decide about truth.
    fn may_defer(&self) -> bool {
        self.narrowing.is_none()
    }

    fn defer(&mut self, node: NodeId, fuel: &mut Fuel) -> Result<Deferred, Halt> {
        if !self.may_defer() {
            return Err(Halt::Explosion);
        }
        let mut builder = Builder::default();
        let root = self.gate(node, &mut builder, fuel)?;
        if root != builder.formula.root() {
            builder.push(Gate::All(Box::new([root])))?;
        }
        let Builder { formula, leaves, locations, .. } = builder;
        let mut known = (*self.evaluate(node, Mode::Scalars, fuel)?).clone();
        known.numbers = self.numbers.written(&mut self.lexer.exprs, known.numbers);
        let witness = self.witness(&formula, &leaves, fuel)?;
        (known.arrays, known.objects) = (witness.arrays, witness.objects);
        Ok(Deferred { known: Arc::new(known), leaves, formula, locations })
    }

    /// The gate of a node.
    pub(super) fn gate(
        &mut self,
        node: NodeId,
        out: &mut Builder,
        fuel: &mut Fuel,
    ) -> Result<GateId, Halt> {
        if let Some(known) = out.gates.get(&node) {
            return Ok(*known);
        }
        fuel.spend(8)?;
        pace(16)?;
        if out.nesting > self.limits.max_nesting {
            let limit = u64::from(self.limits.max_nesting);
            return Err(AutomatonError::Limit { name: "max_nesting", limit }.into());
        }
        out.nesting += 1;
        let gate = self.build_gate(node, out, fuel);
        out.nesting -= 1;
        out.gates.insert(node, gate.as_ref().copied().unwrap_or_default());
        gate
    }

    fn build_gate(
        &mut self,
        node: NodeId,
        out: &mut Builder,
        fuel: &mut Fuel,
    ) -> Result<GateId, Halt> {
        let exact = self.attempt(node, fuel)?;
        if let Some(exact) = &exact {
            let most = if self.limits.max_exact_alternatives == 0 { 1 } else { LEAF_ALTERNATIVES };
            if exact.arrays.is_empty() && exact.objects.is_empty() {
                return out.push(Gate::Any(Box::new([])));
            }
            if exact.arrays == [self.any_array()] && exact.objects == [self.any_object()] {
                return out.push(Gate::All(Box::new([])));
            }
            if exact.arrays.len().max(exact.objects.len()) <= most {
                return self.leaf(node, out);
            }
        }
        match &*self.node(node) {
            Node::Location(loc) => {
                let schema = self.schema(*loc);
                let parts = self.applicators(*loc);
                if parts.is_empty() {
                    return self.leaf(node, out);
                }
                out.locations.push(*loc);
                let own = self.assertions_node(*loc);
                let mut gates = vec![self.gate(own, out, fuel)?];
                for part in &parts {
                    gates.push(self.part_gate(part, out, fuel)?);
                }
                if let Some(inner) = schema.unevaluated_items {
                    gates.extend(self.unevaluated_items(*loc, inner, out, fuel)?);
                }
                if let Some(inner) = schema.unevaluated_properties {
                    gates.extend(self.unevaluated_properties(*loc, inner, out, fuel)?);
                }
                out.push(Gate::All(gates.into()))
            }
            Node::And(parts) => {
                let gates = self.gates(parts, out, fuel)?;
                out.push(Gate::All(gates))
            }
            Node::Or(parts) => {
                let gates = self.gates(parts, out, fuel)?;
                out.push(Gate::Any(gates))
            }
            Node::Not(inner) => {
                let inner = self.gate(*inner, out, fuel)?;
                out.push(Gate::Not(inner))
            }
            // Scalars are not what a formula is about.
            Node::Except(inner, _) => self.gate(*inner, out, fuel),
            _ if exact.is_some() => self.leaf(node, out),
            _ => Err(Halt::Explosion),
        }
    }

    fn leaf(&mut self, node: NodeId, out: &mut Builder) -> Result<GateId, Halt> {
        // A leaf with alternatives of its own is there because of them.
        if let Node::Location(loc) = &*self.node(node) {
            if !self.applicators(*loc).is_empty() {
                out.locations.push(*loc);
            }
        }
        let index = out.leaves.len() as u32;
        out.leaves.push(node);
        out.push(Gate::Leaf(index))
    }

    fn gates(
        &mut self,
        nodes: &[NodeId],
        out: &mut Builder,
        fuel: &mut Fuel,
    ) -> Result<Box<[GateId]>, Halt> {
        nodes.iter().map(|node| self.gate(*node, out, fuel)).collect()
    }

    fn part_gate(
        &mut self,
        part: &Part,
        out: &mut Builder,
        fuel: &mut Fuel,
    ) -> Result<GateId, Halt> {
        match part {
            Part::All(node) => self.gate(*node, out, fuel),
            Part::Any(nodes) => {
                let gates = self.gates(nodes, out, fuel)?;
                out.push(Gate::Any(gates))
            }
            Part::One(nodes) => {
                let gates = self.gates(nodes, out, fuel)?;
                out.push(Gate::One(gates))
            }
            Part::If(condition, then, otherwise) => {
                let condition = self.gate(*condition, out, fuel)?;
                let then = self.gate(*then, out, fuel)?;
                let otherwise = self.gate(*otherwise, out, fuel)?;
                let fails = out.push(Gate::Not(condition))?;
                let holds = out.push(Gate::All(Box::new([condition, then])))?;
                let fails = out.push(Gate::All(Box::new([fails, otherwise])))?;
                out.push(Gate::Any(Box::new([holds, fails])))
            }
            Part::Dependent(name, needed, node) => {
                let absent = self.absent_node(name);
                let absent = self.gate(absent, out, fuel)?;
                let mut present = vec![self.gate(*node, out, fuel)?];
                for name in needed {
                    let missing = self.absent_node(name);
                    let missing = self.gate(missing, out, fuel)?;
                    present.push(out.push(Gate::Not(missing))?);
                }
                let present = out.push(Gate::All(present.into()))?;
                out.push(Gate::Any(Box::new([absent, present])))
            }
        }
    }
}
