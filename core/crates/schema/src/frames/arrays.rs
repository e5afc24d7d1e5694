//! Frames of arrays.

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, Fuel};
use structgen_regex::Exprs;

use super::{ArrayRun, AsksId, Frame, FrameId, Frames, Reading, Seen};
use crate::algebra::{Alternatives, INFINITE, NodeId, StringSet, Unique};

/// Values before an element that its language leaves out.
pub(super) const MAX_EXCLUDED: usize = 128;

impl Frames {
    /// The frame of these runs; `None` where nothing that was asked for can hold.
    pub(super) fn array_frame(
        &mut self,
        reading: Reading,
        seen: Seen,
        mut runs: Vec<ArrayRun>,
    ) -> Option<FrameId> {
        let any = self.algebra.any_array();
        let chance = |run: &ArrayRun| (run.tag, run.shape == any);
        if runs.is_empty() || self.is_hopeless(reading, runs.iter().map(chance)) {
            return None;
        }
        runs.sort_unstable();
        runs.dedup();
        let seen = if self.remembers(&runs) { seen } else { Seen::default() };
        Some(FrameId(self.frames.intern(Frame::Array { reading, seen, runs })))
    }

    /// Whether equal elements still matter to one of the runs.
    fn remembers(&self, runs: &[ArrayRun]) -> bool {
        runs.iter().any(|run| match self.algebra.array_shape(run.shape).unique {
            Unique::Any => false,
            Unique::Distinct => true,
            Unique::Repeated => !run.repeated,
        })
    }

    /// Whether the element that the frame waits for has to be known when it ends.
    pub(crate) fn remembers_element(&self, id: FrameId) -> bool {
        match &*self.frame(id) {
            Frame::Element { runs, .. } => {
                runs.iter().any(|(_, run)| match self.algebra.array_shape(run.shape).unique {
                    Unique::Any => false,
                    Unique::Distinct => true,
                    Unique::Repeated => !run.repeated,
                })
            }
            _ => false,
        }
    }

    /// The frame that waits for one more element.
    pub(crate) fn element(
        &mut self,
        id: FrameId,
        fuel: &mut Fuel,
    ) -> Result<Option<FrameId>, AutomatonError> {
        self.doubt_next_element(id, fuel)?;
        if let Some(known) = self.elements.get(&id) {
            return Ok(*known);
        }
        let frame = self.frame(id);
        let Frame::Array { reading, seen, runs } = &*frame else { return Ok(None) };
        let mut asks: Vec<NodeId> = Vec::new();
        let mut index_of: FxHashMap<NodeId, u32> = FxHashMap::default();
        let mut next = Vec::with_capacity(runs.len());
        for run in runs {
            fuel.spend(2)?;
            let shape = self.algebra.array_shape(run.shape);
            for mut step in self.algebra.array_moves(&shape, run.position, &run.counts)? {
                if shape.unique == Unique::Distinct && self.excludes(step.node, seen, fuel)? {
                    let values = self.sets.members(seen.values);
                    let (position, node) = (run.position, step.node);
                    step.node =
                        self.algebra.distinct_element(&shape, position, node, &values, fuel)?;
                }
                if self.algebra.size(step.node, fuel)? == INFINITE {
                    continue;
                }
                let after = ArrayRun {
                    position: shape.settle(run.position.saturating_add(1)),
                    counts: step.counts,
                    ..run.clone()
                };
                let cost = self.algebra.settled_array_cost(
                    after.shape,
                    after.position,
                    &after.counts,
                    fuel,
                )?;
                if cost == INFINITE {
                    continue;
                }
                let ask = *index_of.entry(step.node).or_insert_with(|| {
                    asks.push(step.node);
                    asks.len() as u32 - 1
                });
                next.push((ask, after));
            }
        }
        self.check_runs(next.len())?;
        let tags: Vec<(u32, u32)> = next.iter().map(|(ask, run)| (*ask, run.tag)).collect();
        let needs = self.needs(*reading, &asks, &tags);
        let asks = self.ask(asks, reading.truth, needs);
        let result = self.element_frame(*reading, asks, seen.clone(), next);
        self.elements.insert(id, result);
        Ok(result)
    }

    /// The frame of these runs, which wait for an element; `None` where nothing that was asked
    /// for can hold.
    pub(super) fn element_frame(
        &mut self,
        reading: Reading,
        asks: AsksId,
        seen: Seen,
        mut runs: Vec<(u32, ArrayRun)>,
    ) -> Option<FrameId> {
        let any = self.algebra.any_array();
        let chance = |(_, run): &(u32, ArrayRun)| (run.tag, run.shape == any);
        if runs.is_empty() || self.is_hopeless(reading, runs.iter().map(chance)) {
            return None;
        }
        runs.sort_unstable();
        runs.dedup();
        Some(FrameId(self.frames.intern(Frame::Element { reading, asks, seen, runs })))
    }

    /// Whether an element is read in a language without the values before it.
    ///
    /// That costs all of them for every element. Beyond a number of them an element is compared
    /// when it ends, which lets tokens into masks that repeat a value; but not where few values
    /// are left to choose from, and an element might find none.
    fn excludes(
        &mut self,
        node: NodeId,
        seen: &Seen,
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        if self.sets.len(seen.values) <= MAX_EXCLUDED {
            return Ok(true);
        }
        let Alternatives::Exact(normal) = self.algebra.alternatives(node, fuel)? else {
            return Ok(false);
        };
        Ok(matches!(normal.strings, StringSet::Finite(_))
            && normal.numbers == Exprs::EMPTY
            && normal.arrays.is_empty()
            && normal.objects.is_empty())
    }

    /// The run after an element, compared with those before it; `None` if it dies of that.
    pub(super) fn told_apart(
        &self,
        run: &ArrayRun,
        seen: &Seen,
        value: Option<u32>,
    ) -> Option<ArrayRun> {
        let equal = value.is_some_and(|value| self.sets.contains(seen.values, value));
        match self.algebra.array_shape(run.shape).unique {
            Unique::Any => Some(run.clone()),
            // After an element that is not known, this one might be the same.
            Unique::Distinct => (!equal && !seen.blurred).then(|| run.clone()),
            Unique::Repeated => Some(ArrayRun { repeated: run.repeated || equal, ..run.clone() }),
        }
    }
}
