use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};
use structgen_automaton::ShardedTable;

use crate::{ExprId, Exprs};

/// The number of an interned list of tails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct TailsId(u32);

/// Interned lists of what stands after a common head, by tag.
///
/// INVARIANT: lists are not empty and sorted by tags, each of which comes once; every tail has a
/// member.
#[derive(Debug, Default)]
pub(super) struct TailLists {
    items: Vec<(u32, ExprId)>,
    lists: Vec<List>,
    ids: ShardedTable<u32>,
}

#[derive(Debug)]
struct List {
    start: u32,
    len: u32,
    min_len: u32,
    prints: [u128; 2],
}

impl TailLists {
    /// The number of `list`; `None` once there are too many.
    pub fn intern(&mut self, list: &[(u32, ExprId)], exprs: &Exprs) -> Option<TailsId> {
        let hash = hash_of(list);
        if let Some(&id) = self.ids.find(hash, |&id| self.get(TailsId(id)) == list) {
            return Some(TailsId(id));
        }
        let start = u32::try_from(self.items.len()).ok()?;
        let len = u32::try_from(list.len()).ok()?;
        let id = u32::try_from(self.lists.len()).ok()?;
        start.checked_add(len)?;
        self.items.extend_from_slice(list);
        let tails = || list.iter().map(|&(_, tail)| tail);
        self.lists.push(List {
            start,
            len,
            min_len: tails().map(|tail| exprs.min_len(tail)).min().unwrap_or(0),
            prints: exprs.bag_prints(tails()),
        });
        let TailLists { items, lists, ids } = self;
        ids.insert_unique(hash, id, |&id| {
            let List { start, len, .. } = lists[id as usize];
            hash_of(&items[start as usize..(start + len) as usize])
        });
        Some(TailsId(id))
    }

    /// The tags of a list, each with its tail.
    pub fn get(&self, TailsId(id): TailsId) -> &[(u32, ExprId)] {
        let List { start, len, .. } = self.lists[id as usize];
        &self.items[start as usize..(start + len) as usize]
    }

    /// A lower bound of the length of the members of any of the tails.
    pub fn min_len(&self, TailsId(id): TailsId) -> u32 {
        self.lists[id as usize].min_len
    }

    /// Equal for lists of the same tails, as far as each horizon shows them, whatever their tags.
    pub fn prints(&self, TailsId(id): TailsId) -> [u128; 2] {
        self.lists[id as usize].prints
    }

    pub fn bytes(&self) -> usize {
        self.items.capacity() * size_of::<(u32, ExprId)>()
            + self.lists.capacity() * size_of::<List>()
            + self.ids.len() * 8
    }
}

fn hash_of(list: &[(u32, ExprId)]) -> u64 {
    let mut hasher = FxHasher::default();
    list.hash(&mut hasher);
    hasher.finish()
}
