//! A look ahead when a schema is compiled: which places will be deferred. Whoever masks tokens
//! has to know that before the first of them.

use rustc_hash::FxHashSet;
use structgen_automaton::{AutomatonError, Fuel};

use super::emptiness::all_pending;
use super::{Algebra, Alternatives, Halt, NodeId, Normal};
use crate::location::Schema;

/// Steps for the whole survey, and nodes that it looks at.
const EFFORT: u64 = 250_000;
const MAX_NODES: usize = 20_000;

/// Obligations of one array or object whose combinations are looked at.
const MAX_COMBINED: usize = 3;

impl Schema {
    /// Whether the normal form may have several arrays or objects.
    fn branches(&self) -> bool {
        let containers = |values: &std::sync::Arc<[serde_json::Value]>| {
            values.iter().filter(|value| value.is_array() || value.is_object()).count() > 1
        };
        self.any_of.as_ref().is_some_and(|list| list.len() > 1)
            || self.one_of.as_ref().is_some_and(|list| list.len() > 1)
            || self.not.is_some()
            || self.condition.is_some()
            || !self.object.dependent_required.is_empty()
            || !self.object.dependent_schemas.is_empty()
            || self.array.contains.is_some()
            || self.values.iter().any(containers)
    }
}

impl Algebra {
    /// Normalises what documents of `root` may come to. Returns whether nothing was left out.
    pub(crate) fn survey(&mut self, root: NodeId, fuel: &mut Fuel) -> Result<bool, Halt> {
        if !self.schemas.iter().any(|schema| schema.branches()) {
            return Ok(true);
        }
        let mut own = fuel.part(EFFORT.min(fuel.left() / 2));
        let before = own.left();
        let result = self.visit(root, &mut own);
        fuel.spend(before - own.left())?;
        match result {
            Err(Halt::Automaton(AutomatonError::Limit { .. })) => Ok(false),
            other => other,
        }
    }

    fn visit(&mut self, root: NodeId, fuel: &mut Fuel) -> Result<bool, Halt> {
        let mut whole = true;
        let mut seen: FxHashSet<NodeId> = FxHashSet::default();
        let mut todo = vec![root];
        seen.insert(root);
        while let Some(node) = todo.pop() {
            fuel.spend(2)?;
            if seen.len() > MAX_NODES {
                return Ok(false);
            }
            let mut inner = Vec::new();
            match self.alternatives(node, fuel) {
                Ok(Alternatives::Exact(normal)) => self.inner_nodes(&normal, &mut inner)?,
                Ok(Alternatives::Deferred(deferred)) => {
                    self.inner_nodes(&deferred.known, &mut inner)?;
                    for leaf in &deferred.leaves {
                        let normal = self.normal(*leaf, fuel)?;
                        self.inner_nodes(&normal, &mut inner)?;
                    }
                }
                Err(error @ Halt::Unevaluated(_)) => return Err(error),
                Err(Halt::Automaton(AutomatonError::Limit { .. })) => whole = false,
                Err(Halt::Automaton(stop)) => return Err(stop.into()),
                // Whoever comes to that place will be told.
                Err(_) => whole = false,
            }
            todo.extend(inner.into_iter().filter(|node| seen.insert(*node)));
        }
        Ok(whole)
    }

    /// The nodes that elements and members are asked for.
    fn inner_nodes(&mut self, normal: &Normal, out: &mut Vec<NodeId>) -> Result<(), Halt> {
        for id in &normal.arrays {
            let shape = self.array_shape(*id);
            let elements: Vec<NodeId> = shape.prefix.iter().copied().chain([shape.rest]).collect();
            if shape.contains.is_empty() {
                out.extend(elements);
            } else if shape.contains.len() <= MAX_COMBINED {
                for position in 0..=shape.prefix.len() as u32 {
                    let start = shape.no_counts();
                    let moves = self.array_moves(&shape, position, &start)?;
                    out.extend(moves.into_iter().map(|step| step.node));
                }
            } else {
                for element in elements {
                    for rule in &shape.contains {
                        let not = self.not(rule.node);
                        out.push(self.and(&[element, rule.node]));
                        out.push(self.and(&[element, not]));
                    }
                }
            }
        }
        for id in &normal.objects {
            let shape = self.object_shape(*id);
            let pending = if shape.exists.len() <= MAX_COMBINED { all_pending(&shape) } else { 0 };
            for (index, name) in shape.names.iter().enumerate() {
                let rules: Vec<NodeId> = shape.exists.iter().map(|r| r.names[index]).collect();
                out.extend(self.claims(name.node, &rules, pending).into_iter().map(|(_, n)| n));
            }
            for (index, class) in shape.classes.iter().enumerate() {
                let rules: Vec<NodeId> = shape.exists.iter().map(|r| r.classes[index]).collect();
                out.extend(self.claims(class.node, &rules, pending).into_iter().map(|(_, n)| n));
            }
        }
        Ok(())
    }
}
