//! The end of containers that are read for deferred nodes.
//!
//! Such a container is read for the leaves of the formulas, and for what is known to fulfil
//! them; its runs carry the tags of those. When it ends, the leaves that hold decide about the
//! nodes that were asked for. Everything inside is read *for its truth*: a run dies only if
//! its leaf is false, not because members come in another order than the schema lists them.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, Fuel};

use super::{AsksId, Frame, FrameId, Frames};
use crate::algebra::{Alternatives, Deferred, Formula, INFINITE, NodeId, Normal};

/// Gates that are looked at to find which leaves a formula cannot do without.
const MAX_GATES: usize = 200_000;

/// How a container is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Reading {
    /// Whether a formula around it hangs on what is found.
    pub(crate) truth: bool,
    /// The list of nodes that its tags have to be translated for.
    pub(crate) judge: Option<AsksId>,
    /// At the limit of depth, where no other container may begin inside.
    pub(crate) shallow: bool,
}

/// An asked node that is deferred.
#[derive(Debug)]
struct Hearing {
    deferred: Arc<Deferred>,
    /// By leaf: its tag.
    leaves: Vec<u32>,
    /// The tag of what fulfils the formula for certain.
    witness: u32,
}

/// Tags of a list of asked nodes some of which are deferred. Those that are not have the
/// index of the node.
#[derive(Debug)]
pub(crate) struct Judge {
    asks: Vec<Option<Hearing>>,
    /// Holds for every value: as long as it does, the others have been read to the end.
    base: u32,
    /// What is read, by tag: nodes, and normal forms of witnesses.
    read: Vec<(u32, NodeId)>,
    tags: u32,
}

impl Judge {
    fn new(found: &[Alternatives], nodes: &[NodeId]) -> Option<Self> {
        if found.iter().all(|found| matches!(found, Alternatives::Exact(_))) {
            return None;
        }
        let mut tags = nodes.len() as u32;
        let mut fresh = || {
            tags += 1;
            tags - 1
        };
        let base = fresh();
        let mut read = vec![(base, NodeId::TRUE)];
        let mut tag_of: FxHashMap<NodeId, u32> = FxHashMap::default();
        for (index, found) in found.iter().enumerate() {
            if let Alternatives::Exact(_) = found {
                tag_of.insert(nodes[index], index as u32);
            }
        }
        let mut asks = Vec::with_capacity(found.len());
        for found in found {
            let Alternatives::Deferred(deferred) = found else {
                asks.push(None);
                continue;
            };
            let mut leaves = Vec::with_capacity(deferred.leaves.len());
            for leaf in &deferred.leaves {
                leaves.push(*tag_of.entry(*leaf).or_insert_with(|| {
                    let tag = fresh();
                    read.push((tag, *leaf));
                    tag
                }));
            }
            asks.push(Some(Hearing { deferred: deferred.clone(), leaves, witness: fresh() }));
        }
        Some(Judge { asks, base, read, tags })
    }

    /// The asked nodes that hold for a value, by the sorted tags of what does.
    fn verdict(&self, held: &[u32]) -> Vec<u32> {
        let holds = |tag: u32| held.binary_search(&tag).is_ok();
        let ask = |(index, hearing): (usize, &Option<Hearing>)| {
            let holds = match hearing {
                None => holds(index as u32),
                Some(hearing) => {
                    let truth = holds(self.base)
                        && hearing.deferred.formula.holds(|l| holds(hearing.leaves[l as usize]));
                    debug_assert!(truth || !holds(hearing.witness), "a witness must be right");
                    truth
                }
            };
            holds.then_some(index as u32)
        };
        self.asks.iter().enumerate().filter_map(ask).collect()
    }

    /// Whether some asked node may still hold, where only these (sorted) tags may, and those
    /// that are `certain` (sorted) do at any rate.
    fn may_end(&self, alive: &[u32], certain: &[u32]) -> bool {
        let among = |list: &[u32]| {
            let mut flags = vec![false; self.tags as usize];
            for tag in list {
                flags[*tag as usize] = true;
            }
            flags
        };
        let (alive, certain) = (among(alive), among(certain));
        let may = |tag: u32| alive[tag as usize];
        self.asks.iter().enumerate().any(|(index, hearing)| match hearing {
            None => may(index as u32),
            Some(hearing) => {
                let tag = |leaf: u32| hearing.leaves[leaf as usize];
                let must = |leaf: u32| certain[tag(leaf) as usize];
                may(self.base) && hearing.deferred.formula.may_hold(|leaf| may(tag(leaf)), must)
            }
        })
    }

    /// Those of the (sorted) tags without which no asked node can hold. Some may be missed.
    fn essential(&self, alive: &[u32]) -> Vec<u32> {
        let gates: usize = self.asks.iter().flatten().map(|h| h.deferred.formula.gates.len()).sum();
        if gates * alive.len() / 64 > MAX_GATES {
            return Vec::new();
        }
        // A bit for each tag, of those that are alive.
        let width = alive.len().div_ceil(64);
        let bit = |tag: u32| alive.binary_search(&tag).ok();
        let single = |at: usize| {
            let mut bits = vec![0u64; width];
            bits[at / 64] |= 1 << (at % 64);
            bits
        };
        let mut all: Option<Vec<u64>> = None;
        for (index, hearing) in self.asks.iter().enumerate() {
            let needs = match hearing {
                None => bit(index as u32).map(single),
                Some(hearing) => {
                    let leaf = |leaf: u32| bit(hearing.leaves[leaf as usize]).map(single);
                    hearing.deferred.formula.essential(width, leaf)
                }
            };
            // What cannot hold needs nothing.
            let Some(needs) = needs else { continue };
            all = Some(match all {
                None => needs,
                Some(all) => all.iter().zip(&needs).map(|(a, b)| a & b).collect(),
            });
        }
        let Some(all) = all else { return Vec::new() };
        let needed = |at: &usize| all[at / 64] >> (at % 64) & 1 == 1;
        let tags = (0..alive.len()).filter(needed).map(|at| alive[at]);
        tags.filter(|tag| *tag != self.base).collect()
    }

    /// The asked node that holds for certain where the tag does.
    pub(crate) fn proven(&self, tag: u32) -> Option<u32> {
        match self.asks.get(tag as usize) {
            Some(None) => Some(tag),
            Some(Some(_)) => None,
            None => {
                let by = |hearing: &Option<Hearing>| {
                    hearing.as_ref().is_some_and(|hearing| hearing.witness == tag)
                };
                self.asks.iter().position(by).map(|index| index as u32)
            }
        }
    }

    /// Costs of what follows the container, by tag, from those by asked node. What proves
    /// nothing leads nowhere.
    pub(crate) fn tails(&self, tails: &[u32]) -> Vec<u32> {
        let tail = |tag: u32| match self.proven(tag) {
            Some(ask) => tails.get(ask as usize).copied().unwrap_or(INFINITE),
            None => INFINITE,
        };
        (0..self.tags).map(tail).collect()
    }

    /// When an asked node holds: a formula over tags.
    pub(crate) fn demand(&self, ask: u32) -> Formula {
        match self.asks.get(ask as usize) {
            Some(Some(hearing)) => {
                let tag = |leaf: u32| Formula::leaf(hearing.leaves[leaf as usize]);
                hearing.deferred.formula.substituted(tag)
            }
            _ => Formula::leaf(ask),
        }
    }

    pub(crate) fn tags(&self) -> u32 {
        self.tags
    }
}

/// Lists of which a value must hold one, that are kept.
const MAX_NEEDS: usize = 3;

impl Frames {
    /// The judge of a list of asked nodes; `None` where no node is deferred.
    pub(crate) fn judge(
        &mut self,
        asks: AsksId,
        fuel: &mut Fuel,
    ) -> Result<Option<Arc<Judge>>, AutomatonError> {
        if let Some(known) = self.judges.get(&asks) {
            return Ok(known.clone());
        }
        let nodes = self.asked(asks).nodes.clone();
        let mut found = Vec::with_capacity(nodes.len());
        for node in &nodes {
            found.push(self.algebra.alternatives(*node, fuel)?);
        }
        let judge = Judge::new(&found, &nodes).map(Arc::new);
        self.judges.insert(asks, judge.clone());
        Ok(judge)
    }

    /// Of each asked node, its tag and what is read under that tag: for nodes that are
    /// deferred, their leaves and what is known to fulfil them.
    pub(super) fn readings(
        &mut self,
        asks: AsksId,
        fuel: &mut Fuel,
    ) -> Result<Vec<(u32, Arc<Normal>)>, AutomatonError> {
        let nodes = self.asked(asks).nodes.clone();
        let judge = self.judge(asks, fuel)?;
        let mut out = Vec::with_capacity(nodes.len());
        for (tag, node) in nodes.iter().enumerate() {
            match self.algebra.alternatives(*node, fuel)? {
                Alternatives::Exact(normal) => out.push((tag as u32, normal)),
                Alternatives::Deferred(deferred) => {
                    let hearing = judge.as_ref().and_then(|judge| judge.asks[tag].as_ref());
                    if let Some(hearing) = hearing {
                        out.push((hearing.witness, deferred.known.clone()));
                    }
                }
            }
        }
        if let Some(judge) = judge {
            for (tag, node) in &judge.read {
                out.push((*tag, self.algebra.normal(*node, fuel)?));
            }
        }
        Ok(out)
    }

    /// The frame once it is known what kind of value it gets, where a formula hangs on that:
    /// without the runs that it refutes. `None` where nothing that was asked for can hold.
    pub(crate) fn narrowed(
        &mut self,
        id: FrameId,
        first: u8,
        fuel: &mut Fuel,
    ) -> Result<Option<FrameId>, AutomatonError> {
        let frame = self.frame(id);
        let (Frame::Element { reading, asks, .. } | Frame::Member { reading, asks, .. }) = &*frame
        else {
            return Ok(Some(id));
        };
        if !reading.truth {
            return Ok(Some(id));
        }
        let mut holds = Vec::new();
        for node in &self.asked(*asks).nodes {
            holds.push(match self.algebra.alternatives(*node, fuel)? {
                Alternatives::Exact(normal) => normal.may_begin(first),
                // Scalars are what is known; of containers that is only some.
                Alternatives::Deferred(deferred) => {
                    matches!(first, b'[' | b'{') || deferred.known.may_begin(first)
                }
            });
        }
        let may = |ask: &u32| holds.get(*ask as usize).is_none_or(|may| *may);
        match &*frame {
            Frame::Element { reading, asks, seen, runs } => {
                let runs: Vec<_> = runs.iter().filter(|(ask, _)| may(ask)).cloned().collect();
                let (reading, asks, seen) = (*reading, *asks, seen.clone());
                Ok(self.element_frame(reading, asks, seen, runs))
            }
            Frame::Member { reading, asks, used, runs } => {
                let runs: Vec<_> = runs.iter().filter(|(ask, _)| may(ask)).cloned().collect();
                let (reading, asks, used) = (*reading, *asks, used.clone());
                Ok(self.member_frame(reading, asks, used, runs))
            }
            _ => Ok(Some(id)),
        }
    }

    /// The judge by which a container is read, if there is one.
    pub(crate) fn judge_of(&self, reading: Reading) -> Option<Arc<Judge>> {
        reading.judge.and_then(|asks| self.judges.get(&asks).cloned().flatten())
    }

    /// Whether nothing that was asked for can hold any more. Of each run, its tag and whether
    /// it holds whatever comes.
    pub(super) fn is_hopeless(
        &self,
        reading: Reading,
        runs: impl Iterator<Item = (u32, bool)>,
    ) -> bool {
        let Some(judge) = self.judge_of(reading) else { return false };
        let (mut alive, mut certain) = (Vec::new(), Vec::new());
        for (tag, holds) in runs {
            alive.push(tag);
            certain.extend(holds.then_some(tag));
        }
        for tags in [&mut alive, &mut certain] {
            tags.sort_unstable();
            tags.dedup();
        }
        !judge.may_end(&alive, &certain)
    }

    /// Of the tags of runs, those without which nothing that was asked for can hold: what no run
    /// of such a tag takes need not be tried.
    pub(super) fn essential(&self, reading: Reading, tags: impl Iterator<Item = u32>) -> Vec<u32> {
        let Some(judge) = self.judge_of(reading) else { return Vec::new() };
        let mut alive: Vec<u32> = tags.collect();
        alive.sort_unstable();
        alive.dedup();
        judge.essential(&alive)
    }

    /// The same for the next value: lists of asked nodes one of which has to hold.
    pub(super) fn needs(
        &self,
        reading: Reading,
        nodes: &[NodeId],
        runs: &[(u32, u32)],
    ) -> Vec<Box<[u32]>> {
        let mut needs = Vec::new();
        for tag in self.essential(reading, runs.iter().map(|(_, tag)| *tag)) {
            let own = runs.iter().filter(|(_, other)| *other == tag);
            let mut asks: Vec<u32> = own.map(|(ask, _)| *ask).collect();
            asks.sort_unstable();
            asks.dedup();
            if asks.iter().all(|ask| nodes[*ask as usize] != NodeId::TRUE) {
                needs.push(asks.into());
            }
        }
        needs.sort_unstable();
        needs.dedup();
        // Each is one more conjunct for every language that is read: a dozen take a quarter of a
        // second. What is left out is judged at the end all the same.
        needs.truncate(MAX_NEEDS);
        needs
    }

    /// The asked nodes that hold where the tags of a container do.
    pub(super) fn judged(&self, reading: Reading, mut held: Vec<u32>) -> Vec<u32> {
        held.sort_unstable();
        held.dedup();
        match self.judge_of(reading) {
            Some(judge) => judge.verdict(&held),
            None => held,
        }
    }
}
