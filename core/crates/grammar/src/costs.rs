//! The shortest way to end a text: shortest paths over the graph of item sets (Dijkstra,
//! from [`ACCEPT`] outwards), with the length of what is left of a rule as the length of
//! an edge. Sets never change, so that what was found once stays right as the graph grows.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, Fuel};

use crate::ir::Symbol;
use crate::limits::check;
use crate::sets::{ACCEPT, Item, SetId, Sets};
use crate::tables::{SuffixId, Tables};

/// The shortest text of an item set and the item that begins it.
#[derive(Clone, Copy, Debug)]
struct Cost {
    length: u64,
    first: Item,
}

/// Shortest texts of item sets, as far as asked.
#[derive(Default)]
pub(crate) struct Costs {
    known: FxHashMap<SetId, Cost>,
}

impl Costs {
    pub fn bytes(&self) -> usize {
        self.known.len() * 32
    }

    /// Bytes of the shortest text of `set` (saturating); `None` for the empty set.
    pub fn length(
        &mut self,
        tables: &Tables,
        sets: &Sets,
        set: SetId,
        fuel: &mut Fuel,
    ) -> Result<Option<u64>, AutomatonError> {
        if !self.known.contains_key(&set) {
            self.explore(tables, sets, set, fuel)?;
        }
        Ok(self.known.get(&set).map(|c| c.length))
    }

    fn explore(
        &mut self,
        tables: &Tables,
        sets: &Sets,
        root: SetId,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        // The sets reachable from `root` whose cost is not known, with the edges into them.
        let mut users: FxHashMap<SetId, Vec<(SetId, Item)>> = FxHashMap::default();
        let mut heap: BinaryHeap<Reverse<(u64, SetId, Item)>> = BinaryHeap::new();
        let mut open = vec![root];
        users.insert(root, Vec::new());
        while let Some(set) = open.pop() {
            let items = sets.get(set);
            fuel.spend(1 + items.len() as u64)?;
            for item in items {
                if *item == ACCEPT {
                    heap.push(Reverse((0, set, ACCEPT)));
                    continue;
                }
                let target = sets.content(item.then());
                let step = tables.suffix(item.suffix()).length;
                if let Some(cost) = self.known.get(&target) {
                    heap.push(Reverse((step.saturating_add(cost.length), set, *item)));
                } else {
                    let edges = users.entry(target).or_insert_with(|| {
                        open.push(target);
                        Vec::new()
                    });
                    edges.push((set, *item));
                }
            }
        }
        while let Some(Reverse((length, set, first))) = heap.pop() {
            fuel.spend(1)?;
            if self.known.contains_key(&set) {
                continue;
            }
            self.known.insert(set, Cost { length, first });
            for (user, item) in users.remove(&set).unwrap_or_default() {
                fuel.spend(1)?;
                let step = tables.suffix(item.suffix()).length;
                heap.push(Reverse((step.saturating_add(length), user, item)));
            }
        }
        Ok(())
    }

    /// Appends the shortest text of `set`, whose length has been asked before.
    pub fn spell(
        &self,
        tables: &Tables,
        sets: &Sets,
        mut set: SetId,
        limit: u64,
        out: &mut Vec<u8>,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        let mut open: Vec<SuffixId> = Vec::new();
        while let Some(cost) = self.known.get(&set) {
            if cost.first == ACCEPT {
                return Ok(());
            }
            open.push(cost.first.suffix());
            while let Some(id) = open.pop() {
                if id == SuffixId::EMPTY {
                    continue;
                }
                fuel.spend(1)?;
                let suffix = tables.suffix(id);
                open.push(suffix.rest);
                match suffix.first {
                    _ if suffix.skippable => {}
                    Symbol::Terminal(t) => out.extend_from_slice(&tables.lexeme[t as usize]),
                    Symbol::Rule(r) => open.push(tables.best[r as usize]),
                }
                check("max_completion_bytes", out.len() as u64, limit)?;
            }
            set = sets.content(cost.first.then());
        }
        Ok(())
    }
}
