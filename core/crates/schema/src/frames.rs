//! Frames: what an open array or object still allows, for all alternatives alive at once.
//!
//! A frame is a set of *runs*: an alternative (a shape), how far it has come, and the `tag`
//! of what it establishes, the index of a node that the place around it asks for. A value
//! is read for a list of nodes at once; when it ends it reports which of them hold, and the
//! runs that asked for others die.

use rustc_hash::FxHashMap;
use structgen_automaton::{AcceptId, AutomatonError, Fuel, LexState};
use structgen_regex::ExprId;

use crate::algebra::{
    Algebra, ArrayId, INFINITE, Interner, KeyId, NodeId, ObjectId, OpenObject, Unique, all_pending,
};
use crate::options::PropertyOrder;

/// Nodes asked for at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AsksId(pub(crate) u32);

/// A set of tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TagsId(pub(crate) u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FrameId(pub(crate) u32);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ArrayRun {
    pub(crate) tag: u32,
    pub(crate) shape: ArrayId,
    pub(crate) position: u32,
    pub(crate) counts: Box<[u32]>,
    /// Two elements have been equal (kept where the shape asks for that).
    pub(crate) repeated: bool,
}

/// Elements read, as far as they must be remembered: ids of values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Seen {
    /// Sorted.
    pub(crate) values: Vec<u32>,
    /// One more, which is not known: only while a vocabulary is walked.
    pub(crate) blurred: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ObjectRun {
    pub(crate) tag: u32,
    pub(crate) shape: ObjectId,
    /// Names before are past (where the order is fixed).
    pub(crate) position: u32,
    /// Members written, as far as it matters.
    pub(crate) count: u32,
    pub(crate) pending: u64,
}

/// Keys written, as far as they must be remembered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Used {
    /// Sorted.
    pub(crate) keys: Vec<KeyId>,
    /// One more key, which is not known: only while a vocabulary is walked.
    pub(crate) blurred: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Frame {
    /// Around the document.
    Root { asks: AsksId },
    /// Between elements.
    Array { seen: Seen, runs: Vec<ArrayRun> },
    /// Inside an element, which is read for `asks`; the runs as they will be after it, each
    /// with what it asked for.
    Element { asks: AsksId, seen: Seen, runs: Vec<(u32, ArrayRun)> },
    /// Between members.
    Object { used: Used, runs: Vec<ObjectRun> },
    /// After a key, up to the end of its value.
    Member { asks: AsksId, used: Used, runs: Vec<(u32, ObjectRun)> },
}

/// A key that may come next, for one run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    Name(u32),
    Class(u32),
}

/// The keys that may come next in an object.
pub(crate) struct KeyPlan {
    pub(crate) lex: LexState,
    /// Tags from here on are classes, whose keys are only known by their text.
    pub(crate) first_class: u32,
    /// By tag: the runs and slots that it serves.
    pub(crate) tags: Vec<Vec<(u32, Slot)>>,
    /// By tag: the key, where it is known.
    pub(crate) keys: Vec<Option<KeyId>>,
}

/// A way to go on with a member: node asked for, and the run after it.
pub(crate) type MemberWay = (NodeId, ObjectRun);

/// What is known about a list of asked nodes.
#[derive(Clone, Debug)]
pub(crate) struct Starts {
    pub(crate) null: TagsId,
    pub(crate) booleans: [TagsId; 2],
    pub(crate) numbers: LexState,
    pub(crate) strings: LexState,
    pub(crate) array: Option<FrameId>,
    pub(crate) object: Option<FrameId>,
}

pub(crate) struct Frames {
    pub(crate) algebra: Algebra,
    frames: Interner<Frame>,
    asks: Interner<Vec<NodeId>>,
    tags: Interner<Vec<u32>>,
    starts: FxHashMap<AsksId, std::sync::Arc<Starts>>,
    elements: FxHashMap<FrameId, Option<FrameId>>,
    ends: FxHashMap<(FrameId, TagsId, Option<u32>), Option<FrameId>>,
    plans: FxHashMap<FrameId, std::sync::Arc<KeyPlan>>,
    key_ends: FxHashMap<(FrameId, TagsId, Option<KeyId>), Option<FrameId>>,
    object_costs: FxHashMap<(ObjectRun, Vec<KeyId>), u32>,
    quote: ExprId,
}

impl Frames {
    pub(crate) const NO_TAGS: TagsId = TagsId(0);

    pub(crate) fn new(mut algebra: Algebra) -> Self {
        let quote = algebra.lexer.exprs.literal(b"\"");
        let mut tags = Interner::default();
        tags.intern(Vec::new());
        Frames {
            algebra,
            frames: Interner::default(),
            asks: Interner::default(),
            tags,
            starts: FxHashMap::default(),
            elements: FxHashMap::default(),
            ends: FxHashMap::default(),
            plans: FxHashMap::default(),
            key_ends: FxHashMap::default(),
            object_costs: FxHashMap::default(),
            quote,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    pub(crate) fn root(&mut self, node: NodeId) -> FrameId {
        let asks = AsksId(self.asks.intern(vec![node]));
        FrameId(self.frames.intern(Frame::Root { asks }))
    }

    pub(crate) fn frame(&self, id: FrameId) -> std::sync::Arc<Frame> {
        self.frames.get(id.0)
    }

    pub(crate) fn asked(&self, id: AsksId) -> std::sync::Arc<Vec<NodeId>> {
        self.asks.get(id.0)
    }

    pub(crate) fn tag_list(&self, id: TagsId) -> std::sync::Arc<Vec<u32>> {
        self.tags.get(id.0)
    }

    /// Interns a set of tags; sorts it.
    pub(crate) fn tag_set(&mut self, mut tags: Vec<u32>) -> TagsId {
        tags.sort_unstable();
        tags.dedup();
        TagsId(self.tags.intern(tags))
    }

    pub(crate) fn accepted(&mut self, accept: AcceptId) -> TagsId {
        let tags = self.algebra.lexer.accept_tags(accept).to_vec();
        self.tag_set(tags)
    }

    /// What the frame asks its value for, if it waits for one.
    pub(crate) fn asks_of(&self, frame: FrameId) -> Option<AsksId> {
        match &*self.frame(frame) {
            Frame::Root { asks } | Frame::Element { asks, .. } | Frame::Member { asks, .. } => {
                Some(*asks)
            }
            _ => None,
        }
    }

    fn check_runs(&self, count: usize) -> Result<(), AutomatonError> {
        self.algebra.check_alternatives(count).map_err(AutomatonError::from)
    }

    // -- the start of a value -------------------------------------------------------------

    pub(crate) fn starts(
        &mut self,
        asks: AsksId,
        fuel: &mut Fuel,
    ) -> Result<std::sync::Arc<Starts>, AutomatonError> {
        if let Some(known) = self.starts.get(&asks) {
            return Ok(known.clone());
        }
        let nodes = self.asked(asks);
        let (mut null, mut booleans) = (Vec::new(), [Vec::new(), Vec::new()]);
        let (mut numbers, mut strings) = (Vec::new(), Vec::new());
        let (mut arrays, mut objects) = (Vec::new(), Vec::new());
        for (tag, node) in nodes.iter().enumerate() {
            let tag = tag as u32;
            let normal = self.algebra.normal(*node, fuel)?;
            if normal.null {
                null.push(tag);
            }
            for (tags, allowed) in booleans.iter_mut().zip(normal.booleans) {
                if allowed {
                    tags.push(tag);
                }
            }
            numbers.push((tag, normal.numbers));
            if !normal.strings.is_none() {
                let body = self.algebra.string_expr(&normal.strings);
                let literal = self.algebra.lexer.exprs.concat(&[body, self.quote]);
                strings.push((tag, literal));
            }
            for shape in &normal.arrays {
                let counts = self.algebra.array_shape(*shape).no_counts();
                if self.algebra.settled_array_cost(*shape, 0, &counts, fuel)? != INFINITE {
                    let repeated = false;
                    arrays.push(ArrayRun { tag, shape: *shape, position: 0, counts, repeated });
                }
            }
            for shape in &normal.objects {
                let run = ObjectRun { tag, ..self.new_object_run(*shape) };
                if self.object_run_cost(&run, &[], fuel)? != INFINITE {
                    objects.push(run);
                }
            }
        }
        self.check_runs(arrays.len().max(objects.len()))?;
        let numbers = self.algebra.lexer.state(&numbers, fuel)?;
        let strings = self.algebra.lexer.state(&strings, fuel)?;
        let array = (!arrays.is_empty()).then(|| self.array_frame(Seen::default(), arrays));
        let object = (!objects.is_empty()).then(|| self.object_frame(Used::default(), objects));
        let starts = std::sync::Arc::new(Starts {
            null: self.tag_set(null),
            booleans: booleans.map(|tags| self.tag_set(tags)),
            numbers,
            strings,
            array,
            object,
        });
        self.starts.insert(asks, starts.clone());
        Ok(starts)
    }

    /// The run of a shape that has no member yet.
    pub(crate) fn new_object_run(&self, shape: ObjectId) -> ObjectRun {
        let pending = all_pending(&self.algebra.object_shape(shape));
        ObjectRun { tag: 0, shape, position: 0, count: 0, pending }
    }

    fn array_frame(&mut self, seen: Seen, mut runs: Vec<ArrayRun>) -> FrameId {
        runs.sort_unstable();
        runs.dedup();
        let seen = if self.remembers(&runs) { seen } else { Seen::default() };
        FrameId(self.frames.intern(Frame::Array { seen, runs }))
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

    fn object_frame(&mut self, used: Used, mut runs: Vec<ObjectRun>) -> FrameId {
        runs.sort_unstable();
        runs.dedup();
        FrameId(self.frames.intern(Frame::Object { used, runs }))
    }

    // -- arrays ---------------------------------------------------------------------------

    /// The frame that waits for one more element.
    pub(crate) fn element(
        &mut self,
        id: FrameId,
        fuel: &mut Fuel,
    ) -> Result<Option<FrameId>, AutomatonError> {
        if let Some(known) = self.elements.get(&id) {
            return Ok(*known);
        }
        let frame = self.frame(id);
        let Frame::Array { seen, runs } = &*frame else { return Ok(None) };
        let mut asks: Vec<NodeId> = Vec::new();
        let mut index_of: FxHashMap<NodeId, u32> = FxHashMap::default();
        let mut next = Vec::with_capacity(runs.len());
        for run in runs {
            fuel.spend(2)?;
            let shape = self.algebra.array_shape(run.shape);
            for mut step in self.algebra.array_moves(&shape, run.position, &run.counts)? {
                if shape.unique == Unique::Distinct {
                    step.node = self.algebra.except(step.node, &seen.values);
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
        let result = (!next.is_empty()).then(|| {
            next.sort_unstable();
            next.dedup();
            let asks = AsksId(self.asks.intern(asks));
            let seen = seen.clone();
            FrameId(self.frames.intern(Frame::Element { asks, seen, runs: next }))
        });
        self.elements.insert(id, result);
        Ok(result)
    }

    /// The tags of the runs that may end here.
    pub(crate) fn closing_tags(&mut self, id: FrameId) -> TagsId {
        let tags = match &*self.frame(id) {
            Frame::Array { runs, .. } => runs
                .iter()
                .filter(|run| {
                    let shape = self.algebra.array_shape(run.shape);
                    let repeats = shape.unique != Unique::Repeated || run.repeated;
                    repeats && shape.may_end(run.position, &run.counts)
                })
                .map(|run| run.tag)
                .collect(),
            Frame::Object { used, runs } => {
                runs.iter().filter(|run| self.may_close(run, used)).map(|run| run.tag).collect()
            }
            _ => Vec::new(),
        };
        self.tag_set(tags)
    }

    pub(crate) fn may_close(&self, run: &ObjectRun, used: &Used) -> bool {
        let shape = self.algebra.object_shape(run.shape);
        if run.pending != 0 || run.count < shape.min {
            return false;
        }
        shape.names.iter().enumerate().all(|(index, name)| {
            !name.required
                || match self.algebra.order {
                    PropertyOrder::Schema => index < run.position as usize,
                    PropertyOrder::Any => used.keys.binary_search(&name.key).is_ok(),
                }
        })
    }

    // -- objects --------------------------------------------------------------------------

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
            ordered: self.algebra.order == PropertyOrder::Schema,
        }
    }

    /// The slots that a run may fill next.
    fn slots(&mut self, run: &ObjectRun, used: &Used) -> Vec<Slot> {
        let shape = self.algebra.object_shape(run.shape);
        let mut slots = Vec::new();
        if shape.max.is_some_and(|max| run.count >= max) {
            return slots;
        }
        let classes = (0..shape.classes.len() as u32).map(Slot::Class);
        match self.algebra.order {
            PropertyOrder::Any => {
                for (index, name) in shape.names.iter().enumerate() {
                    if used.keys.binary_search(&name.key).is_err() {
                        slots.push(Slot::Name(index as u32));
                    }
                }
                slots.extend(classes);
            }
            PropertyOrder::Schema => {
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
        let position = match (self.algebra.order, slot) {
            (PropertyOrder::Any, _) => 0,
            (PropertyOrder::Schema, Slot::Name(index)) => index + 1,
            (PropertyOrder::Schema, Slot::Class(_)) => shape.names.len() as u32,
        };
        // Counted only as far as a bound looks.
        let count = match shape.max {
            Some(_) => run.count + 1,
            None => (run.count + 1).min(shape.min),
        };
        let free = shape.exists.is_empty() && shape.min == 0 && shape.max.is_none();
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

    /// The keys that may come next.
    pub(crate) fn key_plan(
        &mut self,
        id: FrameId,
        fuel: &mut Fuel,
    ) -> Result<std::sync::Arc<KeyPlan>, AutomatonError> {
        if let Some(known) = self.plans.get(&id) {
            return Ok(known.clone());
        }
        let frame = self.frame(id);
        let (mut names, mut classes) = (Vec::new(), Vec::new());
        if let Frame::Object { used, runs } = &*frame {
            for (index, run) in runs.iter().enumerate() {
                let shape = self.algebra.object_shape(run.shape);
                for slot in self.slots(run, used) {
                    let after = self.used_after(used, &shape, slot);
                    if self.member_ways(run, slot, &after, fuel)?.is_empty() {
                        continue;
                    }
                    match slot {
                        Slot::Name(name) => {
                            names.push((shape.names[name as usize].key, index as u32, slot));
                        }
                        Slot::Class(class) => {
                            let keys = &shape.classes[class as usize].keys;
                            let e = self.algebra.key_set_expr(keys, &used.keys);
                            classes.push((e, index as u32, slot));
                        }
                    }
                }
            }
        }
        let mut plan =
            KeyPlan { lex: LexState::DEAD, first_class: 0, tags: Vec::new(), keys: Vec::new() };
        let mut parts = Vec::new();
        let mut tag_of_key: FxHashMap<KeyId, usize> = FxHashMap::default();
        for (key, run, slot) in names {
            let tag = *tag_of_key.entry(key).or_insert_with(|| {
                plan.tags.push(Vec::new());
                plan.keys.push(Some(key));
                plan.tags.len() - 1
            });
            plan.tags[tag].push((run, slot));
        }
        for (tag, key) in plan.keys.iter().enumerate() {
            if let Some(key) = key {
                let body = self.algebra.key_spelling(*key);
                parts.push((tag as u32, self.algebra.lexer.exprs.concat(&[body, self.quote])));
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
        for (e, tag) in tag_of_class {
            parts.push((tag as u32, self.algebra.lexer.exprs.concat(&[e, self.quote])));
        }
        plan.lex = self.algebra.lexer.state(&parts, fuel)?;
        let plan = std::sync::Arc::new(plan);
        self.plans.insert(id, plan.clone());
        Ok(plan)
    }

    /// Keys written once a slot is filled; a class's key is not known yet, and left out.
    fn used_after(
        &self,
        used: &Used,
        shape: &crate::algebra::ObjectShape,
        slot: Slot,
    ) -> Vec<KeyId> {
        let mut keys = used.keys.clone();
        if let (PropertyOrder::Any, Slot::Name(index)) = (self.algebra.order, slot) {
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
        let memo = (id, tags, key);
        if let Some(known) = self.key_ends.get(&memo) {
            return Ok(*known);
        }
        let frame = self.frame(id);
        let Frame::Object { used, runs } = &*frame else { return Ok(None) };
        let plan = self.key_plan(id, fuel)?;
        let tag_list = self.tag_list(tags);
        let key = key.or_else(|| {
            tag_list.iter().find_map(|tag| plan.keys.get(*tag as usize).copied().flatten())
        });
        let by_class = tag_list.iter().any(|tag| *tag >= plan.first_class);
        let mut after_used = used.clone();
        match key {
            Some(key) if by_class || self.algebra.order == PropertyOrder::Any => {
                if let Err(place) = after_used.keys.binary_search(&key) {
                    after_used.keys.insert(place, key);
                }
            }
            Some(_) => {}
            None => after_used.blurred = true,
        }
        let mut asks: Vec<NodeId> = Vec::new();
        let mut index_of: FxHashMap<NodeId, u32> = FxHashMap::default();
        let mut next = Vec::new();
        for tag in tag_list.iter() {
            // With a key that is not known, another one might be the same.
            if used.blurred && *tag >= plan.first_class {
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
        let result = (!next.is_empty()).then(|| {
            next.sort_unstable();
            next.dedup();
            let asks = AsksId(self.asks.intern(asks));
            FrameId(self.frames.intern(Frame::Member { asks, used: after_used, runs: next }))
        });
        self.key_ends.insert(memo, result);
        Ok(result)
    }

    // -- the end of a value ---------------------------------------------------------------

    /// The frame after the value that it waited for, which holds `tags`. `value` is the
    /// value itself, where it is known and matters.
    pub(crate) fn value_end(
        &mut self,
        id: FrameId,
        tags: TagsId,
        value: Option<u32>,
    ) -> Option<FrameId> {
        if let Some(known) = self.ends.get(&(id, tags, value)) {
            return *known;
        }
        let held = self.tag_list(tags);
        let frame = self.frame(id);
        let result = match &*frame {
            Frame::Element { seen, runs, .. } => {
                let alive = runs.iter().filter(|(ask, _)| held.binary_search(ask).is_ok());
                let alive: Vec<ArrayRun> =
                    alive.filter_map(|(_, run)| self.told_apart(run, seen, value)).collect();
                let mut seen = seen.clone();
                match value {
                    Some(value) => {
                        if let Err(place) = seen.values.binary_search(&value) {
                            seen.values.insert(place, value);
                        }
                    }
                    None => seen.blurred = true,
                }
                (!alive.is_empty()).then(|| self.array_frame(seen, alive))
            }
            Frame::Member { used, runs, .. } => {
                let alive: Vec<ObjectRun> = runs
                    .iter()
                    .filter(|(ask, _)| held.binary_search(ask).is_ok())
                    .map(|(_, run)| run.clone())
                    .collect();
                (!alive.is_empty()).then(|| self.object_frame(used.clone(), alive))
            }
            _ => None,
        };
        self.ends.insert((id, tags, value), result);
        result
    }

    /// The run after an element, compared with those before it; `None` if it dies of that.
    fn told_apart(&self, run: &ArrayRun, seen: &Seen, value: Option<u32>) -> Option<ArrayRun> {
        let equal = value.is_some_and(|value| seen.values.binary_search(&value).is_ok());
        match self.algebra.array_shape(run.shape).unique {
            Unique::Any => Some(run.clone()),
            // After an element that is not known, this one might be the same.
            Unique::Distinct => (!equal && !seen.blurred).then(|| run.clone()),
            Unique::Repeated => Some(ArrayRun { repeated: run.repeated || equal, ..run.clone() }),
        }
    }
}
