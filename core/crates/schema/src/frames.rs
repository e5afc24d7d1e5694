//! Frames: what an open array or object still allows, for all alternatives alive at once.
//!
//! A frame is a set of *runs*: an alternative (a shape), how far it has come, and the `tag`
//! of what it establishes, the index of a node that the place around it asks for. A value
//! is read for a list of nodes at once; when it ends it reports which of them hold, and the
//! runs that asked for others die.

mod arrays;
mod demands;
mod doubts;
mod judge;
mod objects;
mod partition;
mod sets;

use rustc_hash::FxHashMap;
use structgen_automaton::{AcceptId, AutomatonError, Fuel, LexState, ShardedMap};
use structgen_regex::{ExprId, Exprs};

use crate::algebra::{
    Algebra, Alternatives, ArrayId, Formula, INFINITE, Interner, KeyId, NodeId, ObjectId, Unique,
};

use crate::options::PropertyOrder;

pub(crate) use demands::{Ahead, Rest};
pub(crate) use judge::{Judge, Reading};

/// A list of asked nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AsksId(pub(crate) u32);

/// Nodes asked for at one place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asks {
    pub(crate) nodes: Vec<NodeId>,
    /// Whether a formula around the place hangs on which of them hold.
    pub(crate) truth: bool,
    /// Of each of these lists one has to hold, or the formula cannot.
    pub(crate) needs: Vec<Box<[u32]>>,
}

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
    pub(crate) values: SetId,
    /// One more, which is not known: only while a vocabulary is walked.
    pub(crate) blurred: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ObjectRun {
    pub(crate) tag: u32,
    pub(crate) shape: ObjectId,
    /// Whether members come in the order of the names.
    pub(crate) ordered: bool,
    /// Names before are past (where they are ordered).
    pub(crate) position: u32,
    /// Members written, as far as it matters.
    pub(crate) count: u32,
    pub(crate) pending: u64,
}

/// Keys written, as far as they must be remembered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Used {
    /// Names, and keys of classes that may run out. Sorted.
    pub(crate) keys: Vec<KeyId>,
    /// Keys of classes in which there is always another one. Their languages do not leave them
    /// out: a key is compared with them when it ends.
    pub(crate) open: SetId,
    /// One more key, which is not known: only while a vocabulary is walked.
    pub(crate) blurred: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Frame {
    /// Around the document.
    Root { asks: AsksId },
    /// Between elements.
    Array { reading: Reading, seen: Seen, runs: Vec<ArrayRun> },
    /// Inside an element, which is read for `asks`; the runs as they will be after it, each
    /// with what it asked for.
    Element { reading: Reading, asks: AsksId, seen: Seen, runs: Vec<(u32, ArrayRun)> },
    /// Between members.
    Object { reading: Reading, used: Used, runs: Vec<ObjectRun> },
    /// After a key, up to the end of its value.
    Member { reading: Reading, asks: AsksId, used: Used, runs: Vec<(u32, ObjectRun)> },
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
    /// Where any key may come.
    pub(crate) open: Option<OpenKeys>,
    /// Whether a tag says all that hangs on its key, but for whether it was written before.
    pub(crate) partitioned: bool,
    /// Whether keys are left out whose values would go deeper than is allowed.
    pub(crate) limited: bool,
}

/// Any key, but for some.
pub(crate) struct OpenKeys {
    /// The state that takes them all alike.
    pub(crate) lex: LexState,
    /// Those of which schemas say something, or that must not come; sorted.
    pub(crate) names: Vec<KeyId>,
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

pub(crate) use sets::{SetId, Sets};

pub(crate) struct Frames {
    pub(crate) algebra: Algebra,
    frames: Interner<Frame>,
    asks: Interner<Asks>,
    judges: FxHashMap<AsksId, Option<std::sync::Arc<Judge>>>,
    tags: Interner<Vec<u32>>,
    starts: FxHashMap<AsksId, std::sync::Arc<Starts>>,
    elements: ShardedMap<FrameId, Option<FrameId>>,
    ends: ShardedMap<(FrameId, TagsId, Option<u32>), Option<FrameId>>,
    plans: ShardedMap<FrameId, std::sync::Arc<KeyPlan>>,
    key_ends: ShardedMap<(FrameId, TagsId, Option<KeyId>), Option<FrameId>>,
    object_costs: ShardedMap<(ObjectRun, Vec<KeyId>), u32>,
    /// The classes of keys that have been written.
    key_classes: ShardedMap<(ObjectId, KeyId), Option<u32>>,
    ahead: FxHashMap<(FrameId, Formula, bool), std::sync::Arc<Vec<Ahead>>>,
    /// Values that elements are compared with.
    pub(crate) sets: Sets,
    quote: ExprId,
    /// Whether something asked hung on a text that is not known; see `doubts`.
    pub(crate) doubt: bool,
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
            judges: FxHashMap::default(),
            tags,
            starts: FxHashMap::default(),
            elements: ShardedMap::default(),
            ends: ShardedMap::default(),
            plans: ShardedMap::default(),
            key_ends: ShardedMap::default(),
            object_costs: ShardedMap::default(),
            key_classes: ShardedMap::default(),
            ahead: FxHashMap::default(),
            sets: Sets::default(),
            quote,
            doubt: false,
        }
    }

    /// An estimate of the bytes held, the algebra's not counted.
    pub(crate) fn bytes(&self) -> usize {
        let memos = self.elements.len()
            + self.ends.len()
            + self.plans.len()
            + self.key_ends.len()
            + self.object_costs.len()
            + self.key_classes.len()
            + self.ahead.len() * 8;
        self.sets.bytes() + self.frames.len() * 200 + memos * 40
    }

    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    pub(crate) fn root(&mut self, node: NodeId) -> FrameId {
        let asks = self.ask(vec![node], false, Vec::new());
        FrameId(self.frames.intern(Frame::Root { asks }))
    }

    pub(crate) fn frame(&self, id: FrameId) -> std::sync::Arc<Frame> {
        self.frames.get(id.0)
    }

    fn ask(&mut self, nodes: Vec<NodeId>, truth: bool, needs: Vec<Box<[u32]>>) -> AsksId {
        AsksId(self.asks.intern(Asks { nodes, truth, needs }))
    }

    /// How the frame's container is read.
    pub(crate) fn reading(&self, frame: FrameId) -> Reading {
        match &*self.frame(frame) {
            Frame::Root { .. } => Reading::default(),
            Frame::Array { reading, .. }
            | Frame::Element { reading, .. }
            | Frame::Object { reading, .. }
            | Frame::Member { reading, .. } => *reading,
        }
    }

    pub(crate) fn asked(&self, id: AsksId) -> std::sync::Arc<Asks> {
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

    /// The frame of a container in which no other may begin. Where a formula hangs on what is found,
    /// nothing may be left out, and it stays as it is.
    pub(crate) fn shallow(&mut self, id: FrameId) -> FrameId {
        let mut frame = (*self.frame(id)).clone();
        match &mut frame {
            Frame::Array { reading, .. } | Frame::Object { reading, .. } if !reading.truth => {
                reading.shallow = true;
            }
            _ => return id,
        }
        FrameId(self.frames.intern(frame))
    }

    /// Whether a value that is no container is asked for.
    pub(crate) fn takes_scalars(
        &mut self,
        asks: AsksId,
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        let nodes = self.asked(asks);
        for node in &nodes.nodes {
            if self.algebra.has_scalar(*node, fuel)? {
                return Ok(true);
            }
        }
        Ok(false)
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
        let asked = self.asked(asks);
        let (mut null, mut booleans) = (Vec::new(), [Vec::new(), Vec::new()]);
        let (mut numbers, mut strings) = (Vec::new(), Vec::new());
        let (mut arrays, mut objects) = (Vec::new(), Vec::new());
        for (tag, node) in asked.nodes.iter().enumerate() {
            let tag = tag as u32;
            let normal = match self.algebra.alternatives(*node, fuel)? {
                Alternatives::Exact(normal) => normal,
                Alternatives::Deferred(deferred) => deferred.known.clone(),
            };
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
        }
        self.read_alike(&asked, &mut numbers, fuel)?;
        let judge = self.judge(asks, fuel)?;
        let reading = Reading {
            truth: asked.truth || judge.is_some(),
            judge: judge.is_some().then_some(asks),
            shallow: false,
        };
        let ordered = self.algebra.order == PropertyOrder::Schema && !reading.truth;
        for (tag, normal) in self.readings(asks, fuel)? {
            for shape in &normal.arrays {
                let counts = self.algebra.array_shape(*shape).no_counts();
                if self.algebra.settled_array_cost(*shape, 0, &counts, fuel)? != INFINITE {
                    let repeated = false;
                    arrays.push(ArrayRun { tag, shape: *shape, position: 0, counts, repeated });
                }
            }
            for shape in &normal.objects {
                let run = ObjectRun { tag, ..self.new_object_run(*shape, ordered) };
                if self.object_run_cost(&run, &[], fuel)? != INFINITE {
                    objects.push(run);
                }
            }
        }
        self.check_runs(arrays.len().max(objects.len()))?;
        for need in &asked.needs {
            let needed = |tags: &[u32]| tags.iter().any(|tag| need.contains(tag));
            for tags in [&mut null].into_iter().chain(&mut booleans) {
                if !needed(tags) {
                    tags.clear();
                }
            }
            self.within_need(need, &mut numbers);
            self.within_need(need, &mut strings);
            // Where there is a judge, tags are not those of the asked nodes.
            if judge.is_none() && !arrays.iter().any(|run| need.contains(&run.tag)) {
                arrays.clear();
            }
            if judge.is_none() && !objects.iter().any(|run| need.contains(&run.tag)) {
                objects.clear();
            }
        }
        let numbers = self.algebra.lexer.state(&numbers, fuel)?;
        let strings = self.algebra.lexer.state(&strings, fuel)?;
        let array = self.array_frame(reading, Seen::default(), arrays);
        let object = self.object_frame(reading, Used::default(), objects);
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

    /// Leaves what is in the language of one of the tags.
    fn within_need(&mut self, need: &[u32], languages: &mut [(u32, ExprId)]) {
        let exprs = &mut self.algebra.lexer.exprs;
        let own = languages.iter().filter(|(tag, _)| need.contains(tag));
        let any: Vec<ExprId> = own.map(|(_, language)| *language).collect();
        let any = exprs.or(&any);
        for (_, language) in languages.iter_mut().filter(|(_, language)| *language != any) {
            *language = exprs.and(&[*language, any]);
        }
    }

    /// How the numbers of several nodes are spelled beside each other.
    ///
    /// Where the truth about them matters, and not only whether they are allowed, none may be
    /// spelled in a way that some of the languages do not understand.
    fn read_alike(
        &mut self,
        asked: &Asks,
        numbers: &mut [(u32, ExprId)],
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        let plain = self.algebra.numbers.is_plain();
        if !asked.truth && (!plain || numbers.len() < 2) {
            return Ok(());
        }
        let mut meant = Vec::with_capacity(numbers.len());
        for node in &asked.nodes {
            meant.push(self.algebra.numbers_of(*node, fuel)?);
        }
        let Algebra { numbers: spellings, lexer, .. } = &mut self.algebra;
        let needed = |need: &[u32]| {
            let languages = need.iter().filter_map(|tag| meant.get(*tag as usize));
            spellings.are_whole(languages.copied())
        };
        let whole = spellings.are_whole(meant.iter().copied())
            || asked.needs.iter().any(|need| needed(need));
        let all = spellings.all;
        if asked.truth {
            if plain || meant.iter().any(|l| *l != Exprs::EMPTY && *l != all) {
                for ((_, language), meant) in numbers.iter_mut().zip(meant) {
                    *language = spellings.legible(&mut lexer.exprs, meant, whole);
                }
            }
        } else if !whole {
            for ((_, language), meant) in numbers.iter_mut().zip(meant) {
                *language = self.algebra.mixed_numbers(meant);
            }
        }
        Ok(())
    }

    /// The tags of what may end here.
    pub(crate) fn closing_tags(&mut self, id: FrameId) -> TagsId {
        self.doubt_end(id);
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
            Frame::Object { used, runs, .. } => {
                runs.iter().filter(|run| self.may_close(run, used)).map(|run| run.tag).collect()
            }
            _ => Vec::new(),
        };
        let tags = self.judged(self.reading(id), tags);
        self.tag_set(tags)
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
            // What is not known must not decide about the truth.
            Frame::Element { reading, .. }
                if reading.truth && value.is_none() && self.remembers_element(id) =>
            {
                None
            }
            Frame::Element { reading, seen, runs, .. } => {
                let alive = runs.iter().filter(|(ask, _)| held.binary_search(ask).is_ok());
                let alive: Vec<ArrayRun> =
                    alive.filter_map(|(_, run)| self.told_apart(run, seen, value)).collect();
                let mut seen = seen.clone();
                match value {
                    Some(value) => seen.values = self.sets.with(seen.values, value),
                    None => seen.blurred = true,
                }
                self.array_frame(*reading, seen, alive)
            }
            Frame::Member { reading, used, runs, .. } => {
                let alive: Vec<ObjectRun> = runs
                    .iter()
                    .filter(|(ask, _)| held.binary_search(ask).is_ok())
                    .map(|(_, run)| run.clone())
                    .collect();
                self.object_frame(*reading, used.clone(), alive)
            }
            _ => None,
        };
        self.ends.insert((id, tags, value), result);
        result
    }
}
