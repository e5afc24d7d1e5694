use serde_json::Value;
use structgen_automaton::AutomatonError;

use super::{Algebra, Halt, KeyId, KeySet};
use crate::decimal::Decimal;
use crate::location::LocId;

/// A boolean combination of schema locations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(crate) u32);

impl NodeId {
    pub(crate) const TRUE: NodeId = NodeId(0);
    pub(crate) const FALSE: NodeId = NodeId(1);
    pub(crate) const UNSAID: NodeId = NodeId(2);
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    True,
    False,
    /// Everything, since no schema says anything: the members that
    /// `additional_properties_default` is about. With anything else in a conjunction it is gone.
    Unsaid,
    Location(LocId),
    /// What the keywords of a location assert themselves, its applicators left out.
    Assertions(LocId),
    /// Everything but the objects that have the key.
    Absent(KeyId),
    /// Everything but the objects with a member, under one of these keys, that does not hold
    /// the node. The names (sorted) are among those that `others` leaves out.
    Members {
        names: Box<[KeyId]>,
        others: KeySet,
        node: NodeId,
    },
    /// Everything but the arrays with an element, from one index up to another, that does not
    /// hold the node.
    Elements {
        from: u32,
        to: Option<u32>,
        node: NodeId,
    },
    /// Exactly the value with that id.
    Value(u32),
    And(Box<[NodeId]>),
    Or(Box<[NodeId]>),
    Not(NodeId),
    /// The node, without these scalar values (sorted ids).
    Except(NodeId, Box<[u32]>),
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

    pub(crate) fn assertions_node(&mut self, loc: LocId) -> NodeId {
        self.intern_node(Node::Assertions(loc))
    }

    pub(crate) fn absent_node(&mut self, name: &str) -> NodeId {
        let key = self.key(name);
        self.intern_node(Node::Absent(key))
    }

    pub(crate) fn members_node(
        &mut self,
        names: Box<[KeyId]>,
        others: KeySet,
        node: NodeId,
    ) -> NodeId {
        self.intern_node(Node::Members { names, others, node })
    }

    pub(crate) fn elements_node(&mut self, from: u32, to: Option<u32>, node: NodeId) -> NodeId {
        self.intern_node(Node::Elements { from, to, node })
    }

    /// `node` without the scalars among `values` (sorted).
    pub(crate) fn except(&mut self, node: NodeId, values: &[u32]) -> NodeId {
        let scalar = |value: &&u32| !self.values.get(**value).starts_with(['[', '{']);
        let scalars: Box<[u32]> = values.iter().filter(scalar).copied().collect();
        if scalars.is_empty() || node == NodeId::FALSE {
            return node;
        }
        self.intern_node(Node::Except(node, scalars))
    }

    /// The arrays and objects among `values`.
    pub(crate) fn containers(&self, values: &[u32]) -> Vec<u32> {
        let container = |value: &u32| self.values.get(*value).starts_with(['[', '{']);
        values.iter().copied().filter(container).collect()
    }

    /// The node that holds for a value with that id alone.
    pub(crate) fn known_value_node(&mut self, value: u32) -> NodeId {
        self.intern_node(Node::Value(value))
    }

    /// The id of a value, equal for equal values however they are written.
    pub(crate) fn canonical_id(&mut self, value: &Value) -> u32 {
        let exprs = &mut self.lexer.exprs;
        // What is cut short then is nobody's: the arena is poisoned.
        let text = canonical(value, &mut || exprs.gives_up(0));
        self.values.intern(text)
    }

    /// The id of a value that has been met.
    pub(crate) fn known_id(&self, value: &Value) -> Option<u32> {
        self.values.find(&canonical(value, &mut || false))
    }

    /// The value with that id, if it is a string.
    pub(crate) fn known_string(&self, value: u32) -> Option<String> {
        serde_json::from_str(self.values.peek(value)).ok()
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
        if all && flat.len() > 1 {
            flat.retain(|part| *part != NodeId::UNSAID);
        }
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
            Node::Unsaid => NodeId::FALSE,
            Node::Not(inner) => *inner,
            _ => self.intern_node(Node::Not(part)),
        }
    }
}

/// A text that equal values share: numbers by value, members sorted by name. Of no meaning where
/// `gives_up` says so.
fn canonical(value: &Value, gives_up: &mut dyn FnMut() -> bool) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out, gives_up);
    out
}

fn write_canonical(value: &Value, out: &mut String, gives_up: &mut dyn FnMut() -> bool) {
    match value {
        _ if gives_up() => {}
        Value::Number(number) => match Decimal::parse(number) {
            Ok(decimal) => out.push_str(&decimal.to_string()),
            Err(_) => out.push_str(&number.to_string()),
        },
        Value::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(element, out, gives_up);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (index, (name, member)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(name.clone()).to_string());
                out.push(':');
                write_canonical(member, out, gives_up);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}
