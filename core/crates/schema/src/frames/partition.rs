//! The keys of an object of which many things are asked at once, told apart.
//!
//! A formula with a leaf for each of a hundred names is read as a hundred objects side by side: of
//! one, a name is a key of its own, and of all others just another key. As languages side by side
//! these are a hundred, each "any key but those"; a lexer that runs them all has a state for
//! everything. But together they tell apart no more than the names: each is one lexeme, which serves
//! every object that takes it in whatever way, and any other key is one more.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use structgen_automaton::{AutomatonError, Fuel, LexState};

use super::objects::MAX_TOLD;
use super::{Frame, Frames, KeyPlan, ObjectRun, OpenKeys, Slot};
use crate::algebra::{KeyId, KeySet};

/// What takes a key: a run, and as what.
type Served = Vec<(u32, Slot)>;

/// What takes any key but some.
type Open = ((u32, Slot), Arc<[KeyId]>);

impl Frames {
    /// The keys that may come next where all that is not meant by name is any other key; `None`
    /// where it is not like that, or nothing hangs on it.
    pub(super) fn partitioned(
        &mut self,
        frame: &Frame,
        fuel: &mut Fuel,
    ) -> Result<Option<KeyPlan>, AutomatonError> {
        let Frame::Object { reading, used, runs } = frame else { return Ok(None) };
        if !reading.truth {
            return Ok(None);
        }
        let mut by_name: FxHashMap<KeyId, Served> = FxHashMap::default();
        let mut told: Vec<KeyId> = Vec::new();
        let mut classes: Vec<Open> = Vec::new();
        for (index, run) in runs.iter().enumerate() {
            let shape = self.algebra.object_shape(run.shape);
            for slot in self.slots(run, used) {
                let served = (index as u32, slot);
                match slot {
                    Slot::Class(class) => {
                        let keys = &shape.classes[class as usize].keys;
                        if keys.base != self.algebra.strings.all {
                            return Ok(None);
                        }
                        told.extend(keys.except.iter());
                        if self.may_fill(run, slot, used, fuel)? {
                            classes.push((served, keys.except.clone()));
                        }
                    }
                    Slot::Name(name) => {
                        let key = shape.names[name as usize].key;
                        told.push(key);
                        if self.may_fill(run, slot, used, fuel)? {
                            by_name.entry(key).or_default().push(served);
                        }
                    }
                }
            }
        }
        told.sort_unstable();
        told.dedup();
        if told.len() > MAX_TOLD {
            return Ok(None);
        }
        let essential = self.essential(*reading, runs.iter().map(|run| run.tag));
        let suffices = |served: &Served| {
            let tags: FxHashSet<u32> = served.iter().map(|(run, _)| tag_of(runs, *run)).collect();
            !served.is_empty() && essential.iter().all(|tag| tags.contains(tag))
        };
        let mut plan = KeyPlan {
            limited: false,
            lex: LexState::DEAD,
            first_class: 0,
            tags: Vec::new(),
            keys: Vec::new(),
            open: None,
            partitioned: true,
        };
        let mut parts = Vec::new();
        for &key in &told {
            fuel.spend(1 + classes.len() as u64 / 8)?;
            let mut served = by_name.remove(&key).unwrap_or_default();
            let written =
                used.keys.binary_search(&key).is_ok() || self.sets.contains(used.open, key.0);
            if !written {
                let takes =
                    classes.iter().filter(|(_, except)| except.binary_search(&key).is_err());
                served.extend(takes.map(|(served, _)| *served));
            }
            if suffices(&served) {
                parts.push((plan.tags.len() as u32, self.algebra.key_literal(key)));
                plan.tags.push(served);
                plan.keys.push(Some(key));
            }
        }
        plan.first_class = plan.tags.len() as u32;
        let others: Served = classes.into_iter().map(|(served, _)| served).collect();
        if suffices(&others) {
            let set = KeySet { base: self.algebra.strings.all, except: told.as_slice().into() };
            let body = self.algebra.key_set_expr(&set, &[]);
            let exprs = &mut self.algebra.lexer.exprs;
            parts.push((plan.first_class, exprs.concat(&[body, self.quote])));
            let any = exprs.concat(&[self.algebra.strings.all, self.quote]);
            let lex = self.algebra.lexer.state(&[(plan.first_class, any)], fuel)?;
            plan.open = Some(OpenKeys { lex, names: told });
            plan.tags.push(others);
            plan.keys.push(None);
        }
        plan.lex = self.algebra.lexer.state(&parts, fuel)?;
        Ok(Some(plan))
    }
}

fn tag_of(runs: &[ObjectRun], run: u32) -> u32 {
    runs[run as usize].tag
}
