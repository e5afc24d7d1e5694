//! Frames of objects.

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, Fuel, LexState};
use structgen_regex::ExprId;

use super::{
    AsksId, Frame, FrameId, Frames, KeyPlan, MemberWay, ObjectRun, OpenKeys, Reading, Slot, TagsId,
    Used,
};
use crate::algebra::{
    Algebra, INFINITE, KeyId, NodeId, ObjectId, ObjectShape, OpenObject, all_pending,
};

/// Keys that are told apart from any other beyond which they are not compared one by one.
pub(super) const MAX_TOLD: usize = 2_048;

impl Frames {
    /// The run of a shape that has no member yet.
    pub(crate) fn new_object_run(&self, shape: ObjectId, ordered: bool) -> ObjectRun {
        let pending = all_pending(&self.algebra.object_shape(shape));
        ObjectRun { tag: 0, shape, ordered, position: 0, count: 0, pending }
    }

    /// The frame of these runs; `None` where nothing that was asked for can hold.
    pub(super) fn object_frame(
        &mut self,
        reading: Reading,
        used: Used,
        mut runs: Vec<ObjectRun>,
    ) -> Option<FrameId> {
        let any = self.algebra.any_object();
        let chance = |run: &ObjectRun| (run.tag, run.shape == any);
        if runs.is_empty() || self.is_hopeless(reading, runs.iter().map(chance)) {
            return None;
        }
        runs.sort_unstable();
        runs.dedup();
        Some(FrameId(self.frames.intern(Frame::Object { reading, used, runs })))
    }

    pub(crate) fn may_close(&self, run: &ObjectRun, used: &Used) -> bool {
        let shape = self.algebra.object_shape(run.shape);
        if run.pending != 0 || run.count < shape.min {
            return false;
        }
        shape.names.iter().enumerate().all(|(index, name)| {
            !name.required
                || match run.ordered {
                    true => index < run.position as usize,
                    false => used.keys.binary_search(&name.key).is_ok(),
                }
        })
    }

    /// All keys written that are remembered, sorted.
    pub(crate) fn used_keys(&self, used: &Used) -> Vec<KeyId> {
        let mut keys = used.keys.clone();
        keys.extend(self.sets.members(used.open).into_iter().map(KeyId));
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Bytes to the end of the object, brace included.
    pub(crate) fn object_run_cost(
        &mut self,
        run: &ObjectRun,
        used: &[KeyId],
        fuel: &mut Fuel,
    ) -> Result<u32, AutomatonError> {
        let key = (ObjectRun { tag: 0, ..run.clone() }, used.to_vec());
        if let Some(cost) = self.object_costs.get(&key) {
            return Ok(*cost);
        }
        let cost = self.algebra.object_plan(run.shape, self.open(run, used), fuel)?.0;
        self.object_costs.insert(key, cost);
        Ok(cost)
    }

    pub(crate) fn open<'a>(&self, run: &ObjectRun, used: &'a [KeyId]) -> OpenObject<'a> {
        OpenObject {
            position: run.position,
            count: run.count,
            pending: run.pending,
            used,
            ordered: run.ordered,
        }
    }

    /// The slots that a run may fill next.
    pub(super) fn slots(&mut self, run: &ObjectRun, used: &Used) -> Vec<Slot> {
        let shape = self.algebra.object_shape(run.shape);
        let mut slots = Vec::new();
        if shape.max.is_some_and(|max| run.count >= max) {
            return slots;
        }
        let classes = (0..shape.classes.len() as u32).map(Slot::Class);
        match run.ordered {
            false => {
                for (index, name) in shape.names.iter().enumerate() {
                    if used.keys.binary_search(&name.key).is_err() {
                        slots.push(Slot::Name(index as u32));
                    }
                }
                slots.extend(classes);
            }
            true => {
                for index in run.position as usize..shape.names.len() {
                    slots.push(Slot::Name(index as u32));
                    if shape.names[index].required {
                        return slots;
                    }
                }
                slots.extend(classes);
            }
        }
        slots
    }

    /// The ways to fill a slot that leave the run alive.
    pub(crate) fn member_ways(
        &mut self,
        run: &ObjectRun,
        slot: Slot,
        used: &[KeyId],
        fuel: &mut Fuel,
    ) -> Result<Vec<MemberWay>, AutomatonError> {
        let shape = self.algebra.object_shape(run.shape);
        let (node, rules): (NodeId, Vec<NodeId>) = match slot {
            Slot::Name(index) => {
                let index = index as usize;
                let rules = shape.exists.iter().map(|rule| rule.names[index]).collect();
                (shape.names[index].node, rules)
            }
            Slot::Class(index) => {
                let index = index as usize;
                let rules = shape.exists.iter().map(|rule| rule.classes[index]).collect();
                (shape.classes[index].node, rules)
            }
        };
        let position = match (run.ordered, slot) {
            (false, _) => 0,
            (true, Slot::Name(index)) => index + 1,
            (true, Slot::Class(_)) => shape.names.len() as u32,
        };
        // Counted only as far as a bound looks.
        let count = match shape.max {
            Some(_) => run.count + 1,
            None => (run.count + 1).min(shape.min),
        };
        let free = shape.is_free();
        let mut ways = Vec::new();
        for (bits, node) in self.algebra.claims(node, &rules, run.pending) {
            fuel.spend(1)?;
            if self.algebra.size(node, fuel)? == INFINITE {
                continue;
            }
            let after = ObjectRun { position, count, pending: run.pending & !bits, ..run.clone() };
            if !free && self.object_run_cost(&after, used, fuel)? == INFINITE {
                continue;
            }
            ways.push((node, after));
        }
        Ok(ways)
    }

    /// Whether a slot can be filled so that the run stays alive.
    pub(super) fn may_fill(
        &mut self,
        run: &ObjectRun,
        slot: Slot,
        used: &Used,
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        let shape = self.algebra.object_shape(run.shape);
        if !shape.is_free() {
            let after = Self::used_after(used, run, &shape, slot);
            return Ok(!self.member_ways(run, slot, &after, fuel)?.is_empty());
        }
        // The usual case, thousands of times over: only the value itself can be impossible.
        Ok(self.algebra.size(node_of(&shape, slot), fuel)? != INFINITE)
    }

    /// The keys that may come next, if they have been asked for.
    pub(crate) fn known_key_plan(&self, id: FrameId) -> Option<&KeyPlan> {
        self.plans.get(&id).map(|plan| &**plan)
    }

    /// The keys that may come next.
    pub(crate) fn key_plan(
        &mut self,
        id: FrameId,
        fuel: &mut Fuel,
    ) -> Result<std::sync::Arc<KeyPlan>, AutomatonError> {
        self.doubt_next_key(id);
        if let Some(known) = self.plans.get(&id) {
            return Ok(known.clone());
        }
        let frame = self.frame(id);
        if let Some(plan) = self.partitioned(&frame, fuel)? {
            let plan = std::sync::Arc::new(plan);
            self.plans.insert(id, plan.clone());
            return Ok(plan);
        }
        let (mut names, mut classes) = (Vec::new(), Vec::new());
        let mut bound = None;
        // Keys that are told apart, and whether any other one may come.
        let (mut told, mut open) = (Vec::new(), true);
        let mut limited = false;
        if let Frame::Object { reading, used, runs } = &*frame {
            for (index, run) in runs.iter().enumerate() {
                let shape = self.algebra.object_shape(run.shape);
                for slot in self.slots(run, used) {
                    fuel.spend(1)?;
                    if !self.may_fill(run, slot, used, fuel)? {
                        continue;
                    }
                    if reading.shallow && !self.algebra.has_scalar(node_of(&shape, slot), fuel)? {
                        limited = true;
                        continue;
                    }
                    match slot {
                        Slot::Name(name) => {
                            names.push((shape.names[name as usize].key, index as u32, slot));
                        }
                        Slot::Class(class) => {
                            let without = self.used_of_class(run.shape, class, used, fuel)?;
                            let keys = &shape.classes[class as usize].keys;
                            open &= keys.base == self.algebra.strings.all;
                            told.extend(keys.except.iter().chain(&without).copied());
                            let e = self.algebra.key_set_expr(keys, &without);
                            classes.push((e, index as u32, slot));
                        }
                    }
                }
            }
            for tag in self.essential(*reading, runs.iter().map(|run| run.tag)) {
                let own = |run: u32| runs[run as usize].tag == tag;
                let named = names.iter().filter(|(_, run, _)| own(*run)).map(|(key, ..)| *key);
                let classed = classes.iter().filter(|(_, run, _)| own(*run)).map(|(e, ..)| *e);
                let keys = self.key_language(named.collect(), classed.collect());
                bound = Some(match bound {
                    Some(bound) => self.algebra.lexer.exprs.and(&[bound, keys]),
                    None => keys,
                });
            }
        }
        let mut plan = KeyPlan {
            limited,
            lex: LexState::DEAD,
            first_class: 0,
            tags: Vec::new(),
            keys: Vec::new(),
            open: None,
            partitioned: false,
        };
        let mut parts = Vec::new();
        let mut tag_of_key: FxHashMap<KeyId, usize> = FxHashMap::default();
        for (key, run, slot) in names {
            fuel.spend(2)?;
            let tag = *tag_of_key.entry(key).or_insert_with(|| {
                plan.tags.push(Vec::new());
                plan.keys.push(Some(key));
                plan.tags.len() - 1
            });
            plan.tags[tag].push((run, slot));
        }
        for (tag, key) in plan.keys.iter().enumerate() {
            fuel.spend(1)?;
            if let Some(key) = key {
                if let Some(bound) = bound
                    && !self.algebra.language_has(bound, *key, fuel)?
                {
                    continue;
                }
                parts.push((tag as u32, self.algebra.key_literal(*key)));
            }
        }
        plan.first_class = plan.tags.len() as u32;
        let mut tag_of_class: FxHashMap<ExprId, usize> = FxHashMap::default();
        for (e, run, slot) in classes {
            let tag = *tag_of_class.entry(e).or_insert_with(|| {
                plan.tags.push(Vec::new());
                plan.keys.push(None);
                plan.tags.len() - 1
            });
            plan.tags[tag].push((run, slot));
        }
        let many = told.len() + plan.keys.len() > MAX_TOLD;
        if open && !limited && bound.is_none() && !tag_of_class.is_empty() && !many {
            told.extend(plan.keys.iter().flatten().copied());
            told.sort_unstable();
            told.dedup();
            let any = self.algebra.lexer.exprs.concat(&[self.algebra.strings.all, self.quote]);
            let any: Vec<_> = tag_of_class.values().map(|&tag| (tag as u32, any)).collect();
            let lex = self.algebra.lexer.state(&any, fuel)?;
            plan.open = Some(OpenKeys { lex, names: told });
        }
        for (mut e, tag) in tag_of_class {
            if let Some(bound) = bound {
                e = self.algebra.lexer.exprs.and(&[e, bound]);
            }
            parts.push((tag as u32, self.algebra.lexer.exprs.concat(&[e, self.quote])));
        }
        plan.lex = self.algebra.lexer.state(&parts, fuel)?;
        let plan = std::sync::Arc::new(plan);
        self.plans.insert(id, plan.clone());
        Ok(plan)
    }

    /// The spellings of these keys, and what is in one of the languages.
    fn key_language(&mut self, keys: Vec<KeyId>, mut languages: Vec<ExprId>) -> ExprId {
        let texts = self.algebra.key_texts(&keys);
        let Algebra { strings, lexer, .. } = &mut self.algebra;
        languages.push(strings.literals(&mut lexer.exprs, &texts));
        lexer.exprs.or(&languages)
    }

    /// The keys written that the language of a class has to leave out.
    fn used_of_class(
        &mut self,
        id: ObjectId,
        class: u32,
        used: &Used,
        fuel: &mut Fuel,
    ) -> Result<Vec<KeyId>, AutomatonError> {
        let shape = self.algebra.object_shape(id);
        let mut keys = Vec::new();
        if self.algebra.class_is_open(&shape, class as usize) {
            return Ok(keys);
        }
        for &key in &used.keys {
            let found = match self.key_classes.get(&(id, key)) {
                Some(known) => *known,
                None => {
                    let found = self.class_of(&shape, key, fuel)?;
                    self.key_classes.insert((id, key), found);
                    found
                }
            };
            if found == Some(class) {
                keys.push(key);
            }
        }
        Ok(keys)
    }

    /// The class that a key is of.
    fn class_of(
        &mut self,
        shape: &ObjectShape,
        key: KeyId,
        fuel: &mut Fuel,
    ) -> Result<Option<u32>, AutomatonError> {
        for (index, class) in shape.classes.iter().enumerate() {
            fuel.spend(1)?;
            if self.algebra.key_set_has(&class.keys, key, fuel)? {
                return Ok(Some(index as u32));
            }
        }
        Ok(None)
    }

    /// Keys written once a slot is filled; a class's key is not known yet, and left out.
    fn used_after(used: &Used, run: &ObjectRun, shape: &ObjectShape, slot: Slot) -> Vec<KeyId> {
        let mut keys = used.keys.clone();
        if let (false, Slot::Name(index)) = (run.ordered, slot) {
            let key = shape.names[index as usize].key;
            if let Err(place) = keys.binary_search(&key) {
                keys.insert(place, key);
            }
        }
        keys
    }

    /// The frame after a key, read as one of `tags`; `key` is `None` where its text is not
    /// known.
    pub(crate) fn key_end(
        &mut self,
        id: FrameId,
        tags: TagsId,
        key: Option<KeyId>,
        fuel: &mut Fuel,
    ) -> Result<Option<FrameId>, AutomatonError> {
        self.doubt_key(id, tags, key, fuel)?;
        let memo = (id, tags, key);
        if let Some(known) = self.key_ends.get(&memo) {
            return Ok(*known);
        }
        let frame = self.frame(id);
        let Frame::Object { reading, used, runs } = &*frame else { return Ok(None) };
        let plan = self.key_plan(id, fuel)?;
        let tag_list = self.tag_list(tags);
        let key = key.or_else(|| {
            tag_list.iter().find_map(|tag| plan.keys.get(*tag as usize).copied().flatten())
        });
        let repeated = key.is_some_and(|key| self.sets.contains(used.open, key.0));
        let mut after_used = used.clone();
        match key {
            Some(key) => {
                let served = tag_list.iter().filter_map(|tag| plan.tags.get(*tag as usize));
                let (mut listed, mut open) = (false, false);
                for (index, slot) in served.flatten() {
                    let run = &runs[*index as usize];
                    let shape = self.algebra.object_shape(run.shape);
                    match slot {
                        Slot::Name(_) => listed |= !run.ordered,
                        Slot::Class(class) => {
                            let is_open = self.algebra.class_is_open(&shape, *class as usize);
                            open |= is_open;
                            listed |= !is_open;
                        }
                    }
                }
                if let Err(place) = after_used.keys.binary_search(&key)
                    && listed
                {
                    after_used.keys.insert(place, key);
                }
                if open {
                    after_used.open = self.sets.with(used.open, key.0);
                }
            }
            // What is not known must not decide about the truth.
            None if reading.truth && !plan.partitioned => {
                self.key_ends.insert(memo, None);
                return Ok(None);
            }
            None => after_used.blurred = true,
        }
        let mut asks: Vec<NodeId> = Vec::new();
        let mut index_of: FxHashMap<NodeId, u32> = FxHashMap::default();
        let mut next = Vec::new();
        for tag in tag_list.iter() {
            // With a key that is not known, another one might be the same.
            if (used.blurred || repeated) && *tag >= plan.first_class {
                continue;
            }
            let Some(served) = plan.tags.get(*tag as usize) else { continue };
            for (index, slot) in served {
                let run = &runs[*index as usize];
                for (node, after) in self.member_ways(run, *slot, &after_used.keys, fuel)? {
                    let ask = *index_of.entry(node).or_insert_with(|| {
                        asks.push(node);
                        asks.len() as u32 - 1
                    });
                    next.push((ask, after));
                }
            }
        }
        self.check_runs(next.len())?;
        let tags: Vec<(u32, u32)> = next.iter().map(|(ask, run)| (*ask, run.tag)).collect();
        let needs = self.needs(*reading, &asks, &tags);
        let asks = self.ask(asks, reading.truth, needs);
        let result = self.member_frame(*reading, asks, after_used, next);
        self.key_ends.insert(memo, result);
        Ok(result)
    }

    /// The frame of these runs, which wait for the value of a member; `None` where nothing that
    /// was asked for can hold.
    pub(super) fn member_frame(
        &mut self,
        reading: Reading,
        asks: AsksId,
        used: Used,
        mut runs: Vec<(u32, ObjectRun)>,
    ) -> Option<FrameId> {
        let any = self.algebra.any_object();
        let chance = |(_, run): &(u32, ObjectRun)| (run.tag, run.shape == any);
        if runs.is_empty() || self.is_hopeless(reading, runs.iter().map(chance)) {
            return None;
        }
        runs.sort_unstable();
        runs.dedup();
        Some(FrameId(self.frames.intern(Frame::Member { reading, asks, used, runs })))
    }
}

/// What the value of a slot has to satisfy.
fn node_of(shape: &ObjectShape, slot: Slot) -> NodeId {
    match slot {
        Slot::Name(name) => shape.names[name as usize].node,
        Slot::Class(class) => shape.classes[class as usize].node,
    }
}
