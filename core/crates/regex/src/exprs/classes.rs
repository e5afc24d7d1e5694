use rustc_hash::FxHashMap;

use super::{Exprs, Node};
use crate::{ByteSet, ExprId};

/// An interned partition of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Partition(pub u32);

/// All partitions seen, each as a table from bytes to classes and a representative per class.
#[derive(Debug)]
pub(crate) struct ByteClasses {
    tables: Vec<[u8; 256]>,
    readers: Vec<Vec<u8>>,
    ids: FxHashMap<[u8; 256], Partition>,
    /// Partitions by the sorted ids of the sets that they tell apart.
    by_sets: FxHashMap<Box<[u32]>, Partition>,
    rank: [u8; 256],
}

/// Partitions remembered by their sets before that memo is started anew.
const MAX_BY_SETS: usize = 1 << 16;

impl Default for ByteClasses {
    fn default() -> Self {
        // Representatives are chosen readable: digits and letters, then the space, other
        // printable ASCII, the rest.
        let group = |b: &u8| match b {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => 0,
            b' ' => 1,
            b'!'..=b'~' => 2,
            b'\n' | b'\t' => 3,
            0x80.. => 4,
            _ => 5,
        };
        let mut rank: [u8; 256] = std::array::from_fn(|i| i as u8);
        rank.sort_by_key(|b| (group(b), *b));
        let mut classes = ByteClasses {
            tables: Vec::new(),
            readers: Vec::new(),
            ids: FxHashMap::default(),
            by_sets: FxHashMap::default(),
            rank,
        };
        classes.intern([0; 256]);
        classes
    }
}

impl ByteClasses {
    /// One class of all bytes.
    pub const TRIVIAL: Partition = Partition(0);

    fn intern(&mut self, table: [u8; 256]) -> Partition {
        if let Some(&id) = self.ids.get(&table) {
            return id;
        }
        let id = Partition(self.tables.len() as u32);
        let mut readers: Vec<Option<u8>> = Vec::new();
        for &byte in &self.rank {
            let class = usize::from(table[usize::from(byte)]);
            if readers.len() <= class {
                readers.resize(class + 1, None);
            }
            readers[class].get_or_insert(byte);
        }
        self.tables.push(table);
        self.readers.push(readers.into_iter().flatten().collect());
        self.ids.insert(table, id);
        id
    }

    pub fn table(&self, partition: Partition) -> &[u8; 256] {
        &self.tables[partition.0 as usize]
    }

    /// One byte of each class, in the order of the classes.
    pub fn readers(&self, partition: Partition) -> &[u8] {
        &self.readers[partition.0 as usize]
    }

    pub fn bytes(&self) -> usize {
        let readers: usize = self.readers.iter().map(|r| r.capacity() + 24).sum();
        let sets: usize = self.by_sets.keys().map(|sets| sets.len() * 4 + 28).sum();
        self.tables.capacity() * 256 + self.ids.capacity() * 264 + readers + sets
    }

    /// The coarsest partition in which each of `sets` is a union of classes. Classes are
    /// numbered by their first byte in readable order, so equal partitions have equal tables
    /// and representatives come out in readable order.
    fn refine<'a>(&mut self, sets: impl Iterator<Item = &'a ByteSet>) -> Partition {
        let mut labels = [0u16; 256];
        let mut sizes: Vec<u16> = vec![256];
        let mut moved: Vec<(u16, u16)> = Vec::new();
        for set in sets {
            // Splitting by a set or by its complement is the same: take the smaller one.
            let set = if set.len() > 128 { !*set } else { *set };
            moved.clear();
            for byte in set.iter() {
                let label = &mut labels[usize::from(byte)];
                let to = match moved.iter().find(|(from, _)| from == label) {
                    Some(&(_, to)) => to,
                    None => {
                        let to = sizes.len() as u16;
                        sizes.push(0);
                        moved.push((*label, to));
                        to
                    }
                };
                sizes[usize::from(*label)] -= 1;
                sizes[usize::from(to)] += 1;
                *label = to;
            }
            // A class that moved as a whole leaves its number unused; numbers are u16 and
            // a split uses at most 256, so compact them when they run high.
            if sizes.len() > 4096 {
                let mut fresh: FxHashMap<u16, u16> = FxHashMap::default();
                for label in &mut labels {
                    let next = fresh.len() as u16;
                    *label = *fresh.entry(*label).or_insert(next);
                }
                sizes = vec![0; fresh.len()];
                for label in labels {
                    sizes[usize::from(label)] += 1;
                }
            }
        }
        let mut number = vec![u16::MAX; sizes.len()];
        let mut next = 0u16;
        let mut table = [0u8; 256];
        for &byte in &self.rank {
            let label = usize::from(labels[usize::from(byte)]);
            if number[label] == u16::MAX {
                number[label] = next;
                next += 1;
            }
            table[usize::from(byte)] = number[label] as u8;
        }
        self.intern(table)
    }
}

impl Exprs {
    pub(crate) fn byte_classes(&self) -> &ByteClasses {
        &self.classes
    }

    /// A partition of the bytes such that derivatives of all of `roots` are the same within
    /// a class.
    pub(crate) fn partition(&mut self, roots: impl IntoIterator<Item = ExprId>) -> Partition {
        self.new_walk();
        let mut sets: Vec<u32> = Vec::new();
        let mut stack: Vec<ExprId> = roots.into_iter().collect();
        while let Some(e) = stack.pop() {
            match self.node(e) {
                Node::Empty | Node::Epsilon => {}
                Node::Set(set) => sets.push(set),
                node => {
                    if !self.first_visit(e) {
                        continue;
                    }
                    match node {
                        Node::Concat(head, tail) => {
                            if self.nullable(head) {
                                stack.push(tail);
                            }
                            stack.push(head);
                        }
                        Node::Or(start, len) | Node::And(start, len) => {
                            stack.extend_from_slice(self.kids(start, len));
                        }
                        Node::Not(inner) | Node::Repeat(inner, ..) => stack.push(inner),
                        Node::Named(id) => stack.push(self.named[id as usize].definition),
                        Node::Empty | Node::Epsilon | Node::Set(_) => {}
                    }
                }
            }
        }
        sets.sort_unstable();
        sets.dedup();
        if let Some(&known) = self.classes.by_sets.get(sets.as_slice()) {
            return known;
        }
        let all = &self.sets;
        let partition = self.classes.refine(sets.iter().map(|&id| &all[id as usize]));
        if self.classes.by_sets.len() >= MAX_BY_SETS {
            self.classes.by_sets.clear();
        }
        self.classes.by_sets.insert(sets.into(), partition);
        partition
    }
}
