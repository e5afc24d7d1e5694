//! Item sets, the values of which everything is made.
//!
//! An item is a pair (suffix, continuation): "read what is left of a rule, then go on with
//! the continuation". An item set stands for the union of the languages of its items; the
//! item [`ACCEPT`] stands for the empty text. A continuation is either an item set itself,
//! or, where left recursion makes it refer to itself, a [`Knot`]: a named item set.
//!
//! This is Earley's chart with values in place of positions: where Earley notes the column
//! in which a rule began, we note what follows once the rule is complete. Two places in a
//! text (or in two texts) with the same future have the same item set.
//!
//! INVARIANT: sets are closed. If the first symbol of an item can derive the empty text,
//! the item without it is there too, and if all of an item can, so is the content of its
//! continuation (J. Aycock and R. N. Horspool, "Practical Earley parsing", 2002). In
//! particular an item whose suffix is empty is never stored: it is replaced by what follows
//! it. Right recursion is thereby a tail call and leaves no trace (the effect of
//! J. Leo, "A general context-free parsing algorithm running in linear time on every
//! LR(k) grammar without using lookahead", TCS 82, 1991).

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use structgen_automaton::{AutomatonError, Fuel};

use crate::limits::{GrammarLimits, check};
use crate::tables::{Suffix, SuffixId, Tables};

/// An interned item set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SetId(pub u32);

impl SetId {
    /// No item: the empty language.
    pub const EMPTY: SetId = SetId(0);
    /// [`ACCEPT`] alone.
    pub const ACCEPT: SetId = SetId(1);
}

/// What follows an item: an item set or a knot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Continuation(u32);

const KNOT: u32 = 1 << 31;

impl Continuation {
    #[inline]
    pub fn set(set: SetId) -> Self {
        Continuation(set.0)
    }

    #[inline]
    pub fn knot(index: u32) -> Self {
        Continuation(KNOT | index)
    }

    /// The index of the knot, if it is one.
    #[inline]
    pub fn as_knot(self) -> Option<u32> {
        (self.0 & KNOT != 0).then_some(self.0 & !KNOT)
    }
}

/// A suffix and what follows it, in one word; sorts by suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Item(u64);

/// The end of the text.
pub(crate) const ACCEPT: Item = Item(0);

impl Item {
    #[inline]
    pub fn new(suffix: SuffixId, then: Continuation) -> Self {
        Item((suffix.0 as u64) << 32 | then.0 as u64)
    }

    #[inline]
    pub fn suffix(self) -> SuffixId {
        SuffixId((self.0 >> 32) as u32)
    }

    #[inline]
    pub fn then(self) -> Continuation {
        Continuation(self.0 as u32)
    }
}

/// A continuation that refers to itself: what follows a left-recursive rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Knot {
    pub content: SetId,
    /// The scope it was made with.
    pub scope: u32,
}

pub(crate) struct Sets {
    ids: FxHashMap<Arc<[Item]>, SetId>,
    list: Vec<Arc<[Item]>>,
    pub knots: Vec<Knot>,
    /// Items held by sets and tables, against `max_items`.
    items: u64,
    max_items: u64,
    max_items_per_set: u64,
    max_sets: u64,
}

impl Sets {
    pub fn new(limits: &GrammarLimits) -> Self {
        let empty: Arc<[Item]> = Arc::new([]);
        let accept: Arc<[Item]> = Arc::new([ACCEPT]);
        let ids = [(empty.clone(), SetId::EMPTY), (accept.clone(), SetId::ACCEPT)];
        Sets {
            ids: ids.into_iter().collect(),
            list: vec![empty, accept],
            knots: Vec::new(),
            items: 1,
            max_items: limits.max_items,
            max_items_per_set: limits.max_items_per_set.into(),
            // Ids share their word with the marks of knots and of contexts.
            max_sets: limits.max_sets.min(KNOT / 2 - 1).into(),
        }
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Books `items` of some table against `max_items`.
    pub fn book(&mut self, items: usize) -> Result<(), AutomatonError> {
        self.items += items as u64;
        check("max_items", self.items, self.max_items)
    }

    #[inline]
    pub fn get(&self, set: SetId) -> &[Item] {
        &self.list[set.0 as usize]
    }

    /// A handle that outlives changes.
    #[inline]
    pub fn share(&self, set: SetId) -> Arc<[Item]> {
        self.list[set.0 as usize].clone()
    }

    #[inline]
    pub fn accepts(&self, set: SetId) -> bool {
        self.get(set).first() == Some(&ACCEPT)
    }

    /// The item set that a continuation stands for.
    #[inline]
    pub fn content(&self, then: Continuation) -> SetId {
        match then.as_knot() {
            Some(knot) => self.knots[knot as usize].content,
            None => SetId(then.0),
        }
    }

    /// Interns what was gathered, and forgets it.
    pub fn intern(
        &mut self,
        gather: &mut Gather,
        fuel: &mut Fuel,
    ) -> Result<SetId, AutomatonError> {
        if let Some(single) = gather.single() {
            gather.clear();
            return Ok(single);
        }
        let items = gather.sorted(self, fuel)?;
        fuel.spend(items.len() as u64)?;
        if let Some(known) = self.ids.get(&items[..]) {
            let known = *known;
            gather.clear();
            return Ok(known);
        }
        check("max_items_per_set", items.len() as u64, self.max_items_per_set)?;
        check("max_sets", self.list.len() as u64 + 1, self.max_sets)?;
        self.book(items.len())?;
        let content: Arc<[Item]> = items[..].into();
        gather.clear();
        let id = SetId(self.list.len() as u32);
        self.ids.insert(content.clone(), id);
        self.list.push(content);
        Ok(id)
    }

    pub fn bytes(&self) -> usize {
        // An item, in the set; a set: two handles, the header, the entry of the table.
        self.items as usize * 8 + self.list.len() * 72 + self.knots.len() * size_of::<Knot>()
    }
}

/// An item set in the making.
#[derive(Default)]
pub(crate) struct Gather {
    items: Vec<Item>,
    /// Items with a first symbol that can be skipped: what follows from them is there.
    skipped: FxHashSet<Item>,
    /// Sets that belong to it as a whole. They are copied as late as possible: often there
    /// is one, and nothing else.
    merged: FxHashSet<SetId>,
}

impl Gather {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.items.clear();
        self.skipped.clear();
        self.merged.clear();
    }

    /// Adds an item and nothing that follows from it.
    pub fn push_alone(&mut self, item: Item) {
        self.items.push(item);
    }

    /// Adds "`suffix`, then `then`", closed.
    pub fn push(
        &mut self,
        tables: &Tables,
        sets: &Sets,
        mut suffix: SuffixId,
        then: Continuation,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        while suffix != SuffixId::EMPTY {
            fuel.spend(1)?;
            let item = Item::new(suffix, then);
            let Suffix { skippable, rest, .. } = *tables.suffix(suffix);
            if skippable && !self.skipped.insert(item) {
                return Ok(());
            }
            self.items.push(item);
            if !skippable {
                return Ok(());
            }
            suffix = rest;
        }
        self.merge(sets.content(then));
        Ok(())
    }

    /// Adds all of `set`.
    pub fn merge(&mut self, set: SetId) {
        if set != SetId::EMPTY {
            self.merged.insert(set);
        }
    }

    /// The set that this is as a whole, if it is one.
    fn single(&self) -> Option<SetId> {
        match (self.items.is_empty(), self.merged.len()) {
            (true, 0) => Some(SetId::EMPTY),
            (true, 1) => self.merged.iter().next().copied(),
            _ => None,
        }
    }

    /// All items, sorted and without repetitions.
    pub fn sorted(
        &mut self,
        sets: &Sets,
        fuel: &mut Fuel,
    ) -> Result<&mut Vec<Item>, AutomatonError> {
        for set in self.merged.drain() {
            let items = sets.get(set);
            fuel.spend(1 + items.len() as u64)?;
            self.items.extend_from_slice(items);
            if self.items.len() as u64 > 4 * sets.max_items_per_set {
                self.items.sort_unstable();
                self.items.dedup();
                let items = self.items.len() as u64;
                check("max_items_per_set", items, sets.max_items_per_set)?;
            }
        }
        self.items.sort_unstable();
        self.items.dedup();
        Ok(&mut self.items)
    }
}
