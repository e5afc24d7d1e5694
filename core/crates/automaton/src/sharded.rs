//! Hash tables that grow a little at a time.
//!
//! A hash table that is full moves everything that it holds: a million entries take some 50 ms,
//! and whoever inserted the last one waits. Here a table that has become large is many small ones,
//! told apart by bits of the hash, and each moves alone. Most tables stay small: they are one.

use std::hash::{BuildHasher, Hash};

use hashbrown::{Equivalent, HashMap, HashTable};
use rustc_hash::FxBuildHasher;

const SHARD_BITS: u32 = 6;

/// Items of the one table that is then spread over the shards, in some 100 us.
///
/// PERF: the arena that a schema begins with has a thousand. When it was spread at 1,024, nearly
/// every schema paid for that.
const LARGE: usize = 1 << 12;

/// The shard of a hash. The bits are from the middle: the tables look at both ends.
fn shard(hash: u64) -> usize {
    (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - SHARD_BITS)) as usize
}

/// A map whose insertions all take about as long.
#[derive(Clone, Debug)]
pub struct ShardedMap<K, V> {
    /// One, or as many as there are shards.
    shards: Vec<HashMap<K, V, FxBuildHasher>>,
    len: usize,
}

impl<K, V> Default for ShardedMap<K, V> {
    fn default() -> Self {
        ShardedMap { shards: Vec::new(), len: 0 }
    }
}

impl<K: Hash + Eq, V> ShardedMap<K, V> {
    /// The value of `key`.
    #[inline]
    pub fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<&V> {
        match &self.shards[..] {
            [] => None,
            [only] => only.get(key),
            shards => shards[shard(FxBuildHasher.hash_one(key))].get(key),
        }
    }

    /// Sets the value of `key`.
    pub fn insert(&mut self, key: K, value: V) {
        let shard = match &mut self.shards[..] {
            [] => {
                self.shards.push(HashMap::default());
                0
            }
            [only] if only.len() < LARGE => 0,
            [_] => {
                self.split();
                shard(FxBuildHasher.hash_one(&key))
            }
            _ => shard(FxBuildHasher.hash_one(&key)),
        };
        self.len += usize::from(self.shards[shard].insert(key, value).is_none());
    }

    fn split(&mut self) {
        let whole = std::mem::take(&mut self.shards).into_iter().flatten();
        self.shards.resize_with(1 << SHARD_BITS, HashMap::default);
        for (key, value) in whole {
            self.shards[shard(FxBuildHasher.hash_one(&key))].insert(key, value);
        }
    }

    /// Forgets everything, and gives back its memory.
    pub fn clear(&mut self) {
        *self = ShardedMap::default();
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// A table of items whose hashes and equality the caller knows.
#[derive(Clone, Debug)]
pub struct ShardedTable<T> {
    /// One, or as many as there are shards.
    shards: Vec<HashTable<T>>,
    len: usize,
}

impl<T> Default for ShardedTable<T> {
    fn default() -> Self {
        ShardedTable { shards: Vec::new(), len: 0 }
    }
}

impl<T> ShardedTable<T> {
    /// The item of that hash for which `eq` holds.
    #[inline]
    pub fn find(&self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<&T> {
        match &self.shards[..] {
            [] => None,
            [only] => only.find(hash, eq),
            shards => shards[shard(hash)].find(hash, eq),
        }
    }

    /// Inserts an item that is not there yet; `hasher` gives the hashes of those that are.
    pub fn insert_unique(&mut self, hash: u64, item: T, hasher: impl Fn(&T) -> u64) {
        let shard = match &mut self.shards[..] {
            [] => {
                self.shards.push(HashTable::new());
                0
            }
            [only] if only.len() < LARGE => 0,
            [_] => {
                self.split(&hasher);
                shard(hash)
            }
            _ => shard(hash),
        };
        self.shards[shard].insert_unique(hash, item, hasher);
        self.len += 1;
    }

    fn split(&mut self, hasher: impl Fn(&T) -> u64) {
        let whole = std::mem::take(&mut self.shards).into_iter().flatten();
        self.shards.resize_with(1 << SHARD_BITS, HashTable::new);
        for item in whole {
            let hash = hasher(&item);
            self.shards[shard(hash)].insert_unique(hash, item, &hasher);
        }
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_inserted_is_found() {
        let mut map = ShardedMap::default();
        let mut table = ShardedTable::default();
        let hash = |item: &u32| FxBuildHasher.hash_one(item);
        for i in 0..10_000u32 {
            map.insert((i, 1u8), i);
            map.insert((i, 1u8), 2 * i);
            table.insert_unique(hash(&i), i, hash);
        }
        assert_eq!((map.len(), table.len()), (10_000, 10_000));
        for i in 0..10_000 {
            assert_eq!(map.get(&(i, 1)), Some(&(2 * i)));
            assert_eq!(table.find(hash(&i), |&other| other == i), Some(&i));
        }
        assert_eq!(map.get(&(7, 2)), None);
        assert!(map.shards.iter().all(|shard| shard.len() < 250), "one shard holds too much");
    }
}
