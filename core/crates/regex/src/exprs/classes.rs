use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;
use structgen_automaton::{ShardedTable, SteadyVec};

use crate::ByteSet;

/// An interned partition of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Partition(pub u32);

impl Partition {
    /// One class of all bytes.
    pub const TRIVIAL: Partition = Partition(0);
}

/// All partitions seen, each as a table from bytes to classes and a representative per class.
#[derive(Clone, Debug)]
pub(crate) struct ByteClasses {
    tables: SteadyVec<[u8; 256]>,
    readers: SteadyVec<Box<[u8]>>,
    hashes: SteadyVec<u64>,
    /// Of all partitions together.
    classes: usize,
    ids: ShardedTable<Partition>,
    rank: [u8; 256],
}

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
            tables: SteadyVec::default(),
            readers: SteadyVec::default(),
            hashes: SteadyVec::default(),
            classes: 0,
            ids: ShardedTable::default(),
            rank,
        };
        classes.number(&[0; 256]);
        classes
    }
}

impl ByteClasses {
    fn intern(&mut self, table: [u8; 256], readers: &[u8]) -> Partition {
        let hash = FxBuildHasher.hash_one(table);
        let known = self.ids.find(hash, |id| self.tables[id.0 as usize] == table);
        if let Some(&id) = known {
            return id;
        }
        let id = Partition(self.tables.len() as u32);
        self.tables.push(table);
        self.readers.push(readers.into());
        self.classes += readers.len();
        self.hashes.push(hash);
        let hashes = &self.hashes;
        self.ids.insert_unique(hash, id, |id| hashes[id.0 as usize]);
        id
    }

    pub fn table(&self, partition: Partition) -> &[u8; 256] {
        &self.tables[partition.0 as usize]
    }

    /// The class of `byte`.
    #[inline]
    pub fn class(&self, partition: Partition, byte: u8) -> u8 {
        self.tables[partition.0 as usize][usize::from(byte)]
    }

    /// One byte of each class, in the order of the classes.
    pub fn readers(&self, partition: Partition) -> &[u8] {
        &self.readers[partition.0 as usize]
    }

    /// The representative of the class of `byte`.
    #[inline]
    pub fn reader(&self, Partition(id): Partition, byte: u8) -> u8 {
        let class = self.tables[id as usize][usize::from(byte)];
        self.readers[id as usize][usize::from(class)]
    }

    pub fn bytes(&self) -> usize {
        self.tables.bytes() + self.readers.bytes() + self.hashes.bytes() * 2 + self.classes
    }

    /// Lets copies share what is known now.
    pub fn share(&mut self) {
        self.tables.share();
        self.readers.share();
        self.hashes.share();
    }

    /// The bytes of `set`, and the others.
    pub fn of_set(&mut self, set: &ByteSet) -> Partition {
        self.number(&std::array::from_fn(|byte| u8::from(set.contains(byte as u8))))
    }

    /// The coarsest partition that tells apart what either tells apart.
    pub fn join(&mut self, a: Partition, b: Partition) -> Partition {
        let classes = self.readers[b.0 as usize].len();
        let mut fresh = vec![u16::MAX; self.readers[a.0 as usize].len() * classes];
        let mut count = 0;
        let (left, right) = (&self.tables[a.0 as usize], &self.tables[b.0 as usize]);
        let labels: [u8; 256] = std::array::from_fn(|byte| {
            let pair = &mut fresh[usize::from(left[byte]) * classes + usize::from(right[byte])];
            if *pair == u16::MAX {
                *pair = count;
                count += 1;
            }
            // There are no more classes than bytes.
            *pair as u8
        });
        self.number(&labels)
    }

    /// Classes are numbered by their first byte in readable order, so equal partitions have
    /// equal tables and representatives come out in readable order.
    pub fn number(&mut self, labels: &[u8; 256]) -> Partition {
        let mut numbers = [u16::MAX; 256];
        let mut readers = [0; 256];
        let mut count = 0;
        let mut table = [0u8; 256];
        for &byte in &self.rank {
            let number = &mut numbers[usize::from(labels[usize::from(byte)])];
            if *number == u16::MAX {
                *number = count as u16;
                readers[count] = byte;
                count += 1;
            }
            table[usize::from(byte)] = *number as u8;
        }
        self.intern(table, &readers[..count])
    }
}
