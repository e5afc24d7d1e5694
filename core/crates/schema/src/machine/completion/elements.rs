//! Elements of arrays that are still to be written, compared where their array asks for that.

use structgen_automaton::{AutomatonError, Fuel};

use super::{MAX_COMPLETION, Task, add, too_long};
use crate::algebra::{INFINITE, NodeId, Unique};
use crate::frames::ArrayRun;
use crate::layout::Gap;
use crate::machine::SchemaAutomaton;

/// Containers that a new element is kept apart from; each multiplies its alternatives.
const MAX_COMPARED: usize = 4;

impl SchemaAutomaton {
    /// Notes an element of an array that compares its elements; false if the array dies of it.
    pub(super) fn remember(
        &mut self,
        run: &mut ArrayRun,
        seen: &mut Vec<u32>,
        element: &[u8],
    ) -> bool {
        let unique = self.frames.algebra.array_shape(run.shape).unique;
        if unique == Unique::Any {
            return true;
        }
        let Some(value) = self.element_value(element) else { return false };
        match seen.binary_search(&value) {
            Ok(_) => run.repeated = true,
            Err(place) => seen.insert(place, value),
        }
        unique != Unique::Distinct || !run.repeated
    }

    pub(super) fn expand_array(
        &mut self,
        run: ArrayRun,
        seen: Vec<u32>,
        depth: u32,
        started: bool,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<Task>>, AutomatonError> {
        let shape = self.frames.algebra.array_shape(run.shape);
        let repeats = shape.unique == Unique::Repeated && !run.repeated;
        if shape.may_end(run.position, &run.counts) && !repeats {
            let mut text = if started { self.layout.text(Gap::Close, depth) } else { Vec::new() };
            text.push(b']');
            return Ok(Some(vec![Task::Bytes(text)]));
        }
        let (id, position) = (run.shape, run.position);
        let whole = self.frames.algebra.settled_array_cost(id, position, &run.counts, fuel)?;
        if whole as usize > MAX_COMPLETION {
            return Err(too_long());
        }
        let next = shape.settle(position.saturating_add(1));
        let mut best: Option<(u32, NodeId, Box<[u32]>)> = None;
        for step in self.frames.algebra.array_moves(&shape, position, &run.counts)? {
            let Some(node) = self.compared_element(&run, step.node, &seen, fuel)? else {
                continue;
            };
            let rest = self.frames.algebra.settled_array_cost(id, next, &step.counts, fuel)?;
            let cost = add(self.size(node, fuel)?, rest);
            if cost != INFINITE && best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                best = Some((cost, node, step.counts));
            }
        }
        let Some((_, node, counts)) = best else { return Ok(None) };
        let marked = shape.unique != Unique::Any;
        let after = ArrayRun { position: next, counts, ..run };
        let separator = Task::Bytes(self.separator(depth, started));
        let value = Task::Value(node, depth);
        let rest = Task::ArrayRest { run: after, seen, depth, started: true, marked };
        Ok(Some(if marked {
            vec![separator, Task::Mark, value, rest]
        } else {
            vec![separator, value, rest]
        }))
    }

    /// The node of the next element, given those before it; `None` if there is no good one.
    fn compared_element(
        &mut self,
        run: &ArrayRun,
        node: NodeId,
        seen: &[u32],
        fuel: &mut Fuel,
    ) -> Result<Option<NodeId>, AutomatonError> {
        let algebra = &mut self.frames.algebra;
        let shape = algebra.array_shape(run.shape);
        match shape.unique {
            Unique::Any => Ok(Some(node)),
            Unique::Repeated if run.repeated => Ok(Some(node)),
            Unique::Distinct => {
                let mut parts =
                    vec![algebra.distinct_element(&shape, run.position, node, seen, fuel)?];
                let containers = algebra.containers(seen);
                if containers.len() > MAX_COMPARED {
                    return Ok(None);
                }
                for value in containers {
                    let value = algebra.known_value_node(value);
                    parts.push(algebra.not(value));
                }
                Ok(Some(algebra.and(&parts)))
            }
            Unique::Repeated => {
                for value in seen {
                    let value = algebra.known_value_node(*value);
                    let both = algebra.and(&[node, value]);
                    if algebra.size(both, fuel)? != INFINITE {
                        return Ok(Some(both));
                    }
                }
                // One that the next element can repeat.
                let next = shape.element(run.position.saturating_add(1));
                let both = algebra.and(&[node, next]);
                let possible = algebra.size(both, fuel)? != INFINITE;
                Ok(Some(if possible { both } else { node }))
            }
        }
    }
}
