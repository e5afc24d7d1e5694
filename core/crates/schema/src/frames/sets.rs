//! Sets of values that share their structure: a set with one more value costs a path, not a copy.
//!
//! A set is a binary trie over the bits of its members (Okasaki & Gill, "Fast mergeable integer
//! maps", 1998), interned, so that equal sets have equal ids whatever the order of insertion.

use structgen_automaton::ShardedMap;

/// An interned set of value ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct SetId(u32);

impl SetId {
    pub(crate) const EMPTY: SetId = SetId(0);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Node {
    Leaf(u32),
    /// Members agree above `bit`; those without it are on the left.
    Branch {
        bit: u32,
        left: u32,
        right: u32,
    },
}

#[derive(Default)]
pub(crate) struct Sets {
    /// Node i has id i + 1.
    nodes: Vec<Node>,
    /// One of the members under each node, and how many there are.
    samples: Vec<(u32, u32)>,
    ids: ShardedMap<Node, u32>,
}

impl Sets {
    fn intern(&mut self, node: Node) -> u32 {
        if let Some(&id) = self.ids.get(&node) {
            return id;
        }
        let sample = match node {
            Node::Leaf(value) => (value, 1),
            Node::Branch { left, right, .. } => {
                let (value, count) = self.samples[left as usize - 1];
                (value, count + self.samples[right as usize - 1].1)
            }
        };
        self.nodes.push(node);
        self.samples.push(sample);
        let id = self.nodes.len() as u32;
        self.ids.insert(node, id);
        id
    }

    /// Number of members.
    pub(crate) fn len(&self, set: SetId) -> usize {
        if set == SetId::EMPTY { 0 } else { self.samples[set.0 as usize - 1].1 as usize }
    }

    pub(crate) fn contains(&self, set: SetId, value: u32) -> bool {
        let mut at = set.0;
        while at != 0 {
            match self.nodes[at as usize - 1] {
                Node::Leaf(member) => return member == value,
                Node::Branch { bit, left, right } => {
                    at = if value & bit == 0 { left } else { right }
                }
            }
        }
        false
    }

    /// The set with `value`.
    pub(crate) fn with(&mut self, set: SetId, value: u32) -> SetId {
        if self.contains(set, value) {
            return set;
        }
        let leaf = self.intern(Node::Leaf(value));
        if set == SetId::EMPTY {
            return SetId(leaf);
        }
        // Down to where the new value differs; there are at most 32 bits.
        let mut path = Vec::new();
        let mut at = set.0;
        loop {
            let differs = self.samples[at as usize - 1].0 ^ value;
            match self.nodes[at as usize - 1] {
                // Members agree above `bit`, and so does the value: it goes below.
                Node::Branch { bit, left, right } if differs < bit << 1 || bit == 1 << 31 => {
                    path.push((bit, left, right));
                    at = if value & bit == 0 { left } else { right };
                }
                _ => {
                    let bit = 1 << (31 - differs.leading_zeros());
                    let (left, right) = if value & bit == 0 { (leaf, at) } else { (at, leaf) };
                    at = self.intern(Node::Branch { bit, left, right });
                    break;
                }
            }
        }
        for (bit, left, right) in path.into_iter().rev() {
            let node = if value & bit == 0 {
                Node::Branch { bit, left: at, right }
            } else {
                Node::Branch { bit, left, right: at }
            };
            at = self.intern(node);
        }
        SetId(at)
    }

    /// The members, sorted.
    pub(crate) fn members(&self, set: SetId) -> Vec<u32> {
        let mut members = Vec::with_capacity(self.len(set));
        let mut open = vec![set.0];
        while let Some(at) = open.pop() {
            if at == 0 {
                continue;
            }
            match self.nodes[at as usize - 1] {
                Node::Leaf(value) => members.push(value),
                Node::Branch { left, right, .. } => open.extend([right, left]),
            }
        }
        members
    }

    /// An estimate of the bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.nodes.len() * 60
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_equal_whatever_the_order() {
        let values: Vec<u32> =
            (0..500u32).map(|i| i.wrapping_mul(0x9E37_79B9) >> (i % 20)).collect();
        let mut sets = Sets::default();
        let mut forth = SetId::EMPTY;
        let mut model = std::collections::BTreeSet::new();
        for &value in values.iter().chain(&[0, 1, u32::MAX, 1 << 31]) {
            assert_eq!(sets.contains(forth, value), model.contains(&value));
            forth = sets.with(forth, value);
            model.insert(value);
            assert!(sets.contains(forth, value));
            assert_eq!(sets.members(forth), model.iter().copied().collect::<Vec<_>>());
            assert_eq!(sets.len(forth), model.len());
        }
        let mut back = SetId::EMPTY;
        for value in model.iter().rev() {
            back = sets.with(back, *value);
        }
        assert_eq!(forth, back);
    }
}
