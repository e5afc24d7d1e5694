//! The shortest document of a node, and with it emptiness: least fixpoints over nodes.
//!
//! Sizes are bytes without white space. A node that only recursion could satisfy has no
//! finite size, and nothing else has none.

mod documents;
mod members;
mod shortcuts;

use std::sync::Arc;

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, Fuel};

use super::{Algebra, Alternatives, ArrayId, ArrayShape, Halt, NodeId, Normal};

pub(crate) use documents::Few;
pub(crate) use members::{Member, OpenObject, all_pending};

/// The size of what does not exist.
pub(crate) const INFINITE: u32 = u32::MAX;

/// Adds sizes; absurdly long documents stay finite.
fn add(a: u32, b: u32) -> u32 {
    if a == INFINITE || b == INFINITE { INFINITE } else { a.saturating_add(b).min(INFINITE - 1) }
}

/// Adds `count` times `each`.
fn add_times(a: u32, each: u32, count: u32) -> u32 {
    if count == 0 {
        a
    } else if each == INFINITE {
        INFINITE
    } else {
        add(a, each.saturating_mul(count).min(INFINITE - 1))
    }
}

/// Where a computation finds sizes: those settled, or those of the current round.
pub(crate) trait Sizes {
    fn size(&mut self, algebra: &mut Algebra, node: NodeId, fuel: &mut Fuel) -> Result<u32, Halt>;
}

/// Settled sizes, computed where missing.
pub(crate) struct Settled;

impl Sizes for Settled {
    fn size(&mut self, algebra: &mut Algebra, node: NodeId, fuel: &mut Fuel) -> Result<u32, Halt> {
        algebra.size(node, fuel)
    }
}

/// Sizes found so far in a fixpoint, from above. Nodes not met yet are put on the list.
struct Tentative {
    sizes: FxHashMap<NodeId, u32>,
    order: Vec<NodeId>,
}

impl Sizes for Tentative {
    fn size(&mut self, algebra: &mut Algebra, node: NodeId, _: &mut Fuel) -> Result<u32, Halt> {
        if let Some(size) = algebra.sizes.get(&node) {
            return Ok(*size);
        }
        Ok(*self.sizes.entry(node).or_insert_with(|| {
            self.order.push(node);
            INFINITE
        }))
    }
}

/// The states of an array with obligations, from its start.
pub(crate) struct ArrayGraph {
    pub(crate) index: FxHashMap<(u32, Box<[u32]>), usize>,
    pub(crate) states: Vec<ArrayState>,
}

pub(crate) struct ArrayState {
    pub(crate) position: u32,
    pub(crate) counts: Box<[u32]>,
    pub(crate) may_end: bool,
    pub(crate) moves: Vec<(NodeId, usize)>,
}

impl Algebra {
    /// Whether something that is no array and no object satisfies the node.
    pub(crate) fn has_scalar(
        &mut self,
        node: NodeId,
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        let normal = match self.alternatives(node, fuel)? {
            Alternatives::Exact(normal) => normal,
            Alternatives::Deferred(deferred) => deferred.known.clone(),
        };
        if normal.null || normal.booleans.contains(&true) {
            return Ok(true);
        }
        let strings = self.string_expr(&normal.strings);
        for language in [strings, normal.numbers] {
            if self.lexer.exprs.shortest_len(language, fuel)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The number of bytes of the shortest document of `node`, or [`INFINITE`].
    pub(crate) fn size(&mut self, node: NodeId, fuel: &mut Fuel) -> Result<u32, Halt> {
        if let Some(size) = self.sizes.get(&node) {
            return Ok(*size);
        }
        let mut round = Tentative { sizes: FxHashMap::default(), order: Vec::new() };
        round.size(self, node, fuel)?;
        self.settle(&mut round, false, fuel)?;
        let unsettled: Vec<NodeId> =
            round.sizes.iter().filter(|(_, size)| **size == INFINITE).map(|(n, _)| *n).collect();
        if unsettled.iter().any(|node| self.is_deferred(*node)) {
            self.settle(&mut round, true, fuel)?;
        }
        for (node, size) in round.sizes {
            self.sizes.insert(node, size);
        }
        Ok(self.sizes.get(&node).copied().unwrap_or(INFINITE))
    }

    /// The fixpoint. Of a deferred node only the documents count that are known, unless
    /// `bounds`: then a lower bound stands in for those that are not.
    fn settle(&mut self, round: &mut Tentative, bounds: bool, fuel: &mut Fuel) -> Result<(), Halt> {
        // Each round sees every node; new ones are found while sizes are computed. Sizes only
        // shrink, and a round without change is the fixpoint.
        loop {
            let mut changed = false;
            let mut index = 0;
            let before = round.order.len();
            // Forwards while the list grows, so that all nodes are met ...
            while index < round.order.len() {
                changed |= self.improve(round.order[index], round, bounds, fuel)?;
                index += 1;
            }
            // ... and backwards, which settles chains at once.
            for index in (0..round.order.len()).rev() {
                changed |= self.improve(round.order[index], round, bounds, fuel)?;
            }
            if !changed && before == round.order.len() {
                return Ok(());
            }
        }
    }

    fn improve(
        &mut self,
        node: NodeId,
        round: &mut Tentative,
        bounds: bool,
        fuel: &mut Fuel,
    ) -> Result<bool, Halt> {
        fuel.spend(1)?;
        let size = self.size_step(node, bounds, round, fuel)?;
        let known = round.sizes.get_mut(&node);
        match known {
            Some(known) if size < *known => {
                *known = size;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn size_step(
        &mut self,
        node: NodeId,
        bounds: bool,
        sizes: &mut dyn Sizes,
        fuel: &mut Fuel,
    ) -> Result<u32, Halt> {
        let (normal, deferred) = match self.alternatives(node, fuel)? {
            Alternatives::Exact(normal) => (normal, None),
            Alternatives::Deferred(deferred) => (deferred.known.clone(), Some(deferred)),
        };
        let mut best = if normal.null || normal.booleans[1] {
            4
        } else if normal.booleans[0] {
            5
        } else {
            INFINITE
        };
        if let Some(length) = self.shortest_string(&normal.strings, fuel)? {
            best = best.min(add(length, 2));
        }
        if let Some(length) = self.lexer.exprs.shortest_len(normal.numbers, fuel)? {
            best = best.min(length);
        }
        best = self.container_size(&normal, best, sizes, fuel)?;
        if let Some(deferred) = deferred.filter(|_| bounds && best == INFINITE) {
            let mut leaves = Vec::with_capacity(deferred.leaves.len());
            for leaf in &deferred.leaves {
                let normal = self.normal(*leaf, fuel)?;
                leaves.push(self.container_size(&normal, INFINITE, sizes, fuel)?);
            }
            best = deferred.formula.size(2, &leaves);
        }
        Ok(best)
    }

    /// The shortest array or object of a normal form, if it is shorter than `best`.
    fn container_size(
        &mut self,
        normal: &Normal,
        mut best: u32,
        sizes: &mut dyn Sizes,
        fuel: &mut Fuel,
    ) -> Result<u32, Halt> {
        for id in &normal.arrays {
            let shape = self.array_shape(*id);
            if add(1, shape.min.saturating_mul(2)) < best {
                let start = shape.no_counts();
                best = best.min(add(1, self.array_cost(*id, 0, &start, sizes, fuel)?));
            }
        }
        for id in &normal.objects {
            let shape = self.object_shape(*id);
            let required = shape.names.iter().filter(|name| name.required).count() as u32;
            if 2 + required.saturating_mul(5) < best {
                best = best.min(add(1, self.object_cost(*id, sizes, fuel)?));
            }
        }
        Ok(best)
    }

    // -- arrays ---------------------------------------------------------------------------

    /// Bytes from after `position` elements to the end of the array, bracket included.
    pub(crate) fn array_cost(
        &mut self,
        id: ArrayId,
        position: u32,
        counts: &[u32],
        sizes: &mut dyn Sizes,
        fuel: &mut Fuel,
    ) -> Result<u32, Halt> {
        let shape = self.array_shape(id);
        if self.lacks_distinct(&shape, 0, &[], fuel)? {
            return Ok(INFINITE);
        }
        if shape.contains.is_empty() {
            return self.plain_array_cost(&shape, position, sizes, fuel);
        }
        let graph = self.array_graph(id, fuel)?;
        let costs = self.graph_costs(&graph, sizes, fuel)?;
        let key = (shape.settle(position), counts.into());
        Ok(graph.index.get(&key).map_or(INFINITE, |index| costs[*index]))
    }

    fn plain_array_cost(
        &mut self,
        shape: &ArrayShape,
        position: u32,
        sizes: &mut dyn Sizes,
        fuel: &mut Fuel,
    ) -> Result<u32, Halt> {
        let mut cost = 1;
        if position >= shape.min {
            return Ok(cost);
        }
        let listed = shape.min.min(shape.prefix.len() as u32);
        for index in position..listed {
            fuel.spend(2)?;
            let comma = u32::from(index > 0);
            cost = add(cost, add(comma, sizes.size(self, shape.element(index), fuel)?));
        }
        let first = position.max(listed);
        if first < shape.min {
            let each = add(1, sizes.size(self, shape.rest, fuel)?);
            cost = add_times(cost, each, shape.min - first);
            // No comma before the very first element.
            if first == 0 && cost != INFINITE {
                cost -= 1;
            }
        }
        Ok(cost)
    }

    /// The states that the array can be in between elements.
    pub(crate) fn array_graph(
        &mut self,
        id: ArrayId,
        fuel: &mut Fuel,
    ) -> Result<Arc<ArrayGraph>, Halt> {
        if let Some(known) = self.array_graphs.get(&id) {
            return Ok(known.clone());
        }
        let shape = self.array_shape(id);
        let mut graph = ArrayGraph { index: FxHashMap::default(), states: Vec::new() };
        let mut todo = vec![(0, shape.no_counts())];
        graph.index.insert((0, shape.no_counts()), 0);
        graph.states.push(ArrayState {
            position: 0,
            counts: shape.no_counts(),
            may_end: shape.may_end(0, &shape.no_counts()),
            moves: Vec::new(),
        });
        while let Some((position, counts)) = todo.pop() {
            fuel.spend(2)?;
            let here = graph.index[&(position, counts.clone())];
            for step in self.array_moves(&shape, position, &counts)? {
                let next = (shape.settle(position.saturating_add(1)), step.counts);
                let target = match graph.index.get(&next) {
                    Some(target) => *target,
                    None => {
                        let target = graph.states.len();
                        let limit = u64::from(self.limits.max_array_states);
                        if target as u64 >= limit {
                            let name = "max_array_states";
                            return Err(Halt::Automaton(AutomatonError::Limit { name, limit }));
                        }
                        graph.index.insert(next.clone(), target);
                        graph.states.push(ArrayState {
                            position: next.0,
                            counts: next.1.clone(),
                            may_end: shape.may_end(next.0, &next.1),
                            moves: Vec::new(),
                        });
                        todo.push(next);
                        target
                    }
                };
                graph.states[here].moves.push((step.node, target));
            }
        }
        let graph = Arc::new(graph);
        self.array_graphs.insert(id, graph.clone());
        Ok(graph)
    }

    fn graph_costs(
        &mut self,
        graph: &ArrayGraph,
        sizes: &mut dyn Sizes,
        fuel: &mut Fuel,
    ) -> Result<Vec<u32>, Halt> {
        let mut costs = vec![INFINITE; graph.states.len()];
        let mut steps = Vec::with_capacity(graph.states.len());
        for state in &graph.states {
            let mut edges = Vec::with_capacity(state.moves.len());
            for (node, target) in &state.moves {
                let comma = u32::from(state.position > 0);
                edges.push((add(comma, sizes.size(self, *node, fuel)?), *target));
            }
            steps.push(edges);
        }
        // States are numbered from the start: backwards settles all but the loops at once.
        loop {
            let mut changed = false;
            for index in (0..costs.len()).rev() {
                fuel.spend(1)?;
                let mut best = if graph.states[index].may_end { 1 } else { costs[index] };
                for (price, target) in &steps[index] {
                    best = best.min(add(*price, costs[*target]));
                }
                if best < costs[index] {
                    costs[index] = best;
                    changed = true;
                }
            }
            if !changed {
                return Ok(costs);
            }
        }
    }

    /// [`Algebra::array_cost`] with settled sizes, kept.
    pub(crate) fn settled_array_cost(
        &mut self,
        id: ArrayId,
        position: u32,
        counts: &[u32],
        fuel: &mut Fuel,
    ) -> Result<u32, Halt> {
        let shape = self.array_shape(id);
        let key = (id, shape.settle(position), counts.into());
        if let Some(cost) = self.array_costs.get(&key) {
            return Ok(*cost);
        }
        if self.lacks_distinct(&shape, 0, &[], fuel)? {
            self.array_costs.insert(key, INFINITE);
            return Ok(INFINITE);
        }
        if shape.contains.is_empty() {
            let cost = self.plain_array_cost(&shape, position, &mut Settled, fuel)?;
            self.array_costs.insert(key, cost);
            return Ok(cost);
        }
        let graph = self.array_graph(id, fuel)?;
        let costs = self.graph_costs(&graph, &mut Settled, fuel)?;
        for (state, cost) in graph.states.iter().zip(costs) {
            self.array_costs.insert((id, state.position, state.counts.clone()), cost);
        }
        Ok(self.array_costs.get(&key).copied().unwrap_or(INFINITE))
    }
}
