use serde_json::Value;
use structgen_automaton::AutomatonError;

use super::{Algebra, Halt};
use crate::location::LocId;

/// A boolean combination of schema locations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(crate) u32);

impl NodeId {
    pub(crate) const TRUE: NodeId = NodeId(0);
    pub(crate) const FALSE: NodeId = NodeId(1);
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    True,
    False,
    Location(LocId),
    /// Exactly the value with that id.
    Value(u32),
    And(Box<[NodeId]>),
    Or(Box<[NodeId]>),
    Not(NodeId),
}

impl Algebra {
    fn intern_node(&mut self, node: Node) -> NodeId {
        NodeId(self.nodes.intern(node))
    }

    pub(crate) fn node(&self, id: NodeId) -> std::sync::Arc<Node> {
        self.nodes.get(id.0)
    }

    /// Fails when there are more nodes than the limits allow.
    pub(crate) fn check_nodes(&self) -> Result<(), Halt> {
        let limit = self.limits.max_nodes;
        if self.nodes.len() > limit as usize {
            return Err(Halt::Automaton(AutomatonError::Limit {
                name: "max_nodes",
                limit: u64::from(limit),
            }));
        }
        Ok(())
    }

    /// The node of a location; `true`, `false` and lone references are seen through.
    pub(crate) fn location_node(&mut self, mut loc: LocId) -> NodeId {
        loop {
            let schema = self.schema(loc);
            match schema.verdict {
                Some(true) => return NodeId::TRUE,
                Some(false) => return NodeId::FALSE,
                None => {}
            }
            if !schema.asserts && schema.in_place().next().is_none() {
                return NodeId::TRUE;
            }
            match schema.lone_reference() {
                // No circle: those are refused when the schema is read.
                Some(target) => loc = target,
                None => return self.intern_node(Node::Location(loc)),
            }
        }
    }

    /// The node that holds for `value` alone.
    pub(crate) fn value_node(&mut self, value: &Value) -> NodeId {
        let id = self.values.intern(value.to_string());
        self.intern_node(Node::Value(id))
    }

    pub(crate) fn and(&mut self, parts: &[NodeId]) -> NodeId {
        self.combine(parts, true)
    }

    pub(crate) fn or(&mut self, parts: &[NodeId]) -> NodeId {
        self.combine(parts, false)
    }

    fn combine(&mut self, parts: &[NodeId], all: bool) -> NodeId {
        let (neutral, absorbing) =
            if all { (NodeId::TRUE, NodeId::FALSE) } else { (NodeId::FALSE, NodeId::TRUE) };
        // The usual cases, without an allocation.
        if let [a, b] = parts {
            if a == b || *b == neutral {
                return *a;
            }
            if *a == neutral {
                return *b;
            }
        }
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match (&*self.node(*part), all) {
                (Node::And(inner), true) | (Node::Or(inner), false) => {
                    flat.extend_from_slice(inner);
                }
                _ => flat.push(*part),
            }
        }
        flat.sort_unstable();
        flat.dedup();
        flat.retain(|part| *part != neutral);
        if flat.contains(&absorbing) {
            return absorbing;
        }
        for part in &flat {
            if let Node::Not(inner) = &*self.node(*part) {
                if flat.binary_search(inner).is_ok() {
                    return absorbing;
                }
            }
        }
        match flat.as_slice() {
            [] => neutral,
            [one] => *one,
            _ if all => self.intern_node(Node::And(flat.into())),
            _ => self.intern_node(Node::Or(flat.into())),
        }
    }

    pub(crate) fn not(&mut self, part: NodeId) -> NodeId {
        match &*self.node(part) {
            Node::True => NodeId::FALSE,
            Node::False => NodeId::TRUE,
            Node::Not(inner) => *inner,
            _ => self.intern_node(Node::Not(part)),
        }
    }
}
