use rustc_hash::FxHashMap;

use crate::ByteSet;

/// An interned partition of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Partition(pub u32);

impl Partition {
    /// One class of all bytes.
    pub const TRIVIAL: Partition = Partition(0);
}

/// All partitions seen, each as a table from bytes to classes and a representative per class.
#[derive(Debug)]
pub(crate) struct ByteClasses {
    tables: Vec<[u8; 256]>,
    readers: Vec<Vec<u8>>,
    ids: FxHashMap<[u8; 256], Partition>,
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
            tables: Vec::new(),
            readers: Vec::new(),
            ids: FxHashMap::default(),
            rank,
        };
        classes.intern([0; 256]);
        classes
    }
}

impl ByteClasses {
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

    /// The representative of the class of `byte`.
    #[inline]
    pub fn reader(&self, Partition(id): Partition, byte: u8) -> u8 {
        let class = self.tables[id as usize][usize::from(byte)];
        self.readers[id as usize][usize::from(class)]
    }

    pub fn bytes(&self) -> usize {
        let readers: usize = self.readers.iter().map(|r| r.capacity() + 24).sum();
        self.tables.capacity() * 256 + self.ids.capacity() * 264 + readers
    }

    /// The bytes of `set`, and the others.
    pub fn of_set(&mut self, set: &ByteSet) -> Partition {
        self.number(&std::array::from_fn(|byte| u8::from(set.contains(byte as u8))))
    }

    /// The coarsest partition that tells apart what any of `parts` tells apart.
    pub fn join(&mut self, parts: &[Partition]) -> Partition {
        let mut labels = [0u8; 256];
        let mut count = 1;
        let mut fresh: Vec<u16> = Vec::new();
        for &part in parts {
            let table = &self.tables[part.0 as usize];
            let classes = self.readers[part.0 as usize].len();
            fresh.clear();
            fresh.resize(count * classes, u16::MAX);
            count = 0;
            for (label, &class) in labels.iter_mut().zip(table) {
                let pair = &mut fresh[usize::from(*label) * classes + usize::from(class)];
                if *pair == u16::MAX {
                    *pair = count as u16;
                    count += 1;
                }
                // There are no more classes than bytes.
                *label = *pair as u8;
            }
        }
        self.number(&labels)
    }

    /// Classes are numbered by their first byte in readable order, so equal partitions have
    /// equal tables and representatives come out in readable order.
    fn number(&mut self, labels: &[u8; 256]) -> Partition {
        let mut numbers = [u16::MAX; 256];
        let mut next = 0u16;
        let mut table = [0u8; 256];
        for &byte in &self.rank {
            let number = &mut numbers[usize::from(labels[usize::from(byte)])];
            if *number == u16::MAX {
                *number = next;
                next += 1;
            }
            table[usize::from(byte)] = *number as u8;
        }
        self.intern(table)
    }
}
