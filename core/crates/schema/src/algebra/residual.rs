//! What is left of a shape once a part of a container has been read: a shape of the rest.

use structgen_regex::Exprs;

use super::arrays::{Contains, EvaluatedItems};
use super::objects::{KeySet, Name};
use super::{Algebra, ArrayId, ArrayShape, Halt, KeyId, NodeId, ObjectId, Unique};

/// An array that has been read up to a place.
pub(crate) struct BegunArray<'a> {
    pub(crate) shape: ArrayId,
    pub(crate) position: u32,
    pub(crate) counts: &'a [u32],
    /// Two elements have been equal.
    pub(crate) repeated: bool,
    /// Elements to compare with.
    pub(crate) seen: &'a [u32],
    /// What the element has to hold that is being read, which the counters include.
    pub(crate) current: Option<NodeId>,
}

/// An object that has been read up to a place, its members in any order.
pub(crate) struct BegunObject<'a> {
    pub(crate) shape: ObjectId,
    pub(crate) count: u32,
    /// Obligations not met, as bits.
    pub(crate) pending: u64,
    /// Sorted.
    pub(crate) used: &'a [KeyId],
    /// One of the used keys, which stands for that of the member that is being read, and what
    /// the member has to hold.
    pub(crate) current: Option<(KeyId, NodeId)>,
}

/// Elements before that the rest is compared with; each multiplies the alternatives.
const MAX_COMPARED: usize = 4;

impl Algebra {
    /// The shapes of the elements that are left, the current one included.
    pub(crate) fn rest_of_array(&mut self, begun: &BegunArray<'_>) -> Result<Vec<ArrayId>, Halt> {
        let shape = self.array_shape(begun.shape);
        let position = begun.position;
        let ahead = u32::from(begun.current.is_some());
        let left = |rule: &Contains, count: u32| Contains {
            node: rule.node,
            from: rule.from.saturating_sub(position) + ahead,
            min: rule.min.saturating_sub(count),
            max: rule.max.map(|max| max.saturating_sub(count)),
        };
        let mut rest = ArrayShape {
            prefix: shape.prefix.iter().skip(position as usize).copied().collect(),
            rest: shape.rest,
            min: shape.min.saturating_sub(position) + ahead,
            max: shape.max.map(|max| max.saturating_sub(position).saturating_add(ahead)),
            contains: shape.contains.iter().zip(begun.counts).map(|(r, n)| left(r, *n)).collect(),
            unique: shape.unique,
            evaluated: EvaluatedItems::default(),
        };
        if let Some(node) = begun.current {
            rest.prefix.insert(0, node);
        }
        let mut ways = Vec::new();
        match shape.unique {
            Unique::Any => ways.push(rest),
            Unique::Repeated if begun.repeated => {
                ways.push(ArrayShape { unique: Unique::Any, ..rest });
            }
            Unique::Repeated => {
                for value in begun.seen.iter().take(MAX_COMPARED) {
                    let node = self.known_value_node(*value);
                    let again = Contains { node, from: 0, min: 1, max: None };
                    let mut way = ArrayShape { unique: Unique::Any, ..rest.clone() };
                    way.contains.push(again);
                    ways.push(way);
                }
                ways.push(rest);
            }
            Unique::Distinct => {
                for node in rest.prefix.iter_mut().chain([&mut rest.rest]) {
                    *node = self.unlike(*node, begun.seen);
                }
                ways.push(rest);
            }
        }
        let mut out = Vec::with_capacity(ways.len());
        for way in ways {
            out.extend(self.array(way)?);
        }
        Ok(out)
    }

    /// The node without the values, as far as they are few.
    fn unlike(&mut self, node: NodeId, seen: &[u32]) -> NodeId {
        let mut parts = vec![self.except(node, seen)];
        for value in self.containers(seen).into_iter().take(MAX_COMPARED) {
            let value = self.known_value_node(value);
            parts.push(self.not(value));
        }
        self.and(&parts)
    }

    /// The shape of the members that are left, the current one included. Of keys that are used
    /// it says nothing.
    pub(crate) fn rest_of_object(
        &mut self,
        begun: &BegunObject<'_>,
    ) -> Result<Option<ObjectId>, Halt> {
        let ahead = u32::from(begun.current.is_some());
        let mut rest = (*self.object_shape(begun.shape)).clone();
        let mut bit = 0;
        rest.exists.retain(|_| {
            bit += 1;
            begun.pending & 1 << (bit - 1) != 0
        });
        let unnamed: Vec<KeyId> =
            begun.used.iter().copied().filter(|key| rest.name(*key).is_none()).collect();
        for key in unnamed {
            rest.names.push(Name { key, node: NodeId::TRUE, required: false });
            for rule in &mut rest.exists {
                rule.names = rule.names.iter().copied().chain([NodeId::FALSE]).collect();
            }
        }
        for (index, name) in rest.names.iter_mut().enumerate() {
            if begun.used.binary_search(&name.key).is_err() {
                continue;
            }
            let current = begun.current.filter(|(key, _)| *key == name.key);
            name.node = current.map_or(NodeId::TRUE, |(_, node)| node);
            name.required = current.is_some();
            for rule in &mut rest.exists {
                rule.names[index] = NodeId::FALSE;
            }
        }
        for class in &mut rest.classes {
            let mut except = class.keys.except.to_vec();
            except.extend(begun.used);
            except.sort_unstable();
            except.dedup();
            class.keys = KeySet { base: class.keys.base, except: except.into() };
        }
        rest.min = rest.min.saturating_sub(begun.count) + ahead;
        rest.max = rest.max.map(|max| max.saturating_sub(begun.count).saturating_add(ahead));
        rest.evaluated = Exprs::EMPTY;
        self.object(rest)
    }
}
