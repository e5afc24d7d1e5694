//! Object shapes: conjunctions of what can be said about the members of an object.
//!
//! The keys are partitioned into *names*, which are told apart, and *classes*, languages of
//! keys whose members hold the same node. A key in neither is not allowed.

mod complement;
mod evaluated;
mod keys;

use structgen_automaton::{Fuel, pace};
use structgen_regex::{ExprId, Exprs};

use super::{Algebra, Halt, KeyId, Node, NodeId, ObjectId};

pub(crate) use keys::KeySet;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    pub(crate) key: KeyId,
    pub(crate) node: NodeId,
    pub(crate) required: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Class {
    pub(crate) keys: KeySet,
    pub(crate) node: NodeId,
}

/// "Some member holds the node of its key here": what becomes of a universal statement when
/// it is negated. Nodes of names and classes, in their order; `FALSE` where not concerned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Exists {
    pub(crate) names: Box<[NodeId]>,
    pub(crate) classes: Box<[NodeId]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ObjectShape {
    /// In the order in which they are written under `property_order="schema"`.
    pub(crate) names: Vec<Name>,
    /// Disjoint, and without the names.
    pub(crate) classes: Vec<Class>,
    pub(crate) min: u32,
    pub(crate) max: Option<u32>,
    pub(crate) exists: Vec<Exists>,
    /// The keys that `unevaluatedProperties` no longer sees (where that is tracked).
    pub(crate) evaluated: ExprId,
}

/// Existential obligations of one object.
const MAX_EXISTS: usize = 12;

impl ObjectShape {
    pub(crate) fn name(&self, key: KeyId) -> Option<usize> {
        self.names.iter().position(|name| name.key == key)
    }
}

/// Slots and keys of a shape that are hashed or copied in the time of a step.
const SLOTS_PER_STEP: u32 = 32;

impl Algebra {
    pub(crate) fn any_object(&mut self) -> ObjectId {
        let shape = self.open_object(&[]);
        ObjectId(self.objects.intern(shape))
    }

    /// All keys but `except` (sorted) hold anything, the others are not allowed.
    pub(crate) fn open_object(&mut self, except: &[KeyId]) -> ObjectShape {
        let keys = KeySet { base: self.strings.all, except: except.into() };
        ObjectShape {
            names: Vec::new(),
            classes: vec![Class { keys, node: NodeId::TRUE }],
            min: 0,
            max: None,
            exists: Vec::new(),
            evaluated: Exprs::EMPTY,
        }
    }

    /// Where `key` belongs in `shape`: its node, and its nodes in the obligations.
    fn look_up(
        &mut self,
        shape: &ObjectShape,
        key: KeyId,
        fuel: &mut Fuel,
    ) -> Result<(NodeId, Vec<NodeId>), Halt> {
        if let Some(index) = shape.name(key) {
            let nodes = shape.exists.iter().map(|rule| rule.names[index]).collect();
            return Ok((shape.names[index].node, nodes));
        }
        for (index, class) in shape.classes.iter().enumerate() {
            if self.key_set_has(&class.keys, key, fuel)? {
                let nodes = shape.exists.iter().map(|rule| rule.classes[index]).collect();
                return Ok((class.node, nodes));
            }
        }
        Ok((NodeId::FALSE, vec![NodeId::FALSE; shape.exists.len()]))
    }

    /// Interns a shape in normal form; `None` if it is visibly empty.
    pub(crate) fn object(&mut self, mut shape: ObjectShape) -> Result<Option<ObjectId>, Halt> {
        // It is hashed, and copied when it is combined with others.
        let keys: usize = shape.classes.iter().map(|class| class.keys.except.len()).sum();
        let slots = (shape.names.len() + shape.classes.len()) * (1 + shape.exists.len());
        pace((keys + slots) as u32 / SLOTS_PER_STEP)?;
        if shape.names.iter().any(|name| name.required && name.node == NodeId::FALSE) {
            return Ok(None);
        }
        // An obligation that concerns one name only is no more than a requirement.
        let mut rules = std::mem::take(&mut shape.exists);
        rules.retain(|rule| {
            let mut concerned = rule.names.iter().enumerate().filter(|(_, n)| **n != NodeId::FALSE);
            let (Some((index, node)), None) = (concerned.next(), concerned.next()) else {
                return true;
            };
            if rule.classes.iter().any(|node| *node != NodeId::FALSE) {
                return true;
            }
            let both = [shape.names[index].node, *node];
            shape.names[index].node = self.and(&both);
            shape.names[index].required = true;
            false
        });
        if shape.names.iter().any(|name| name.required && name.node == NodeId::FALSE) {
            return Ok(None);
        }
        let keep_names: Vec<bool> =
            shape.names.iter().map(|name| name.node != NodeId::FALSE).collect();
        let keep_classes: Vec<bool> =
            shape.classes.iter().map(|class| class.node != NodeId::FALSE).collect();
        let pick = |nodes: &[NodeId], keep: &[bool]| -> Box<[NodeId]> {
            nodes.iter().zip(keep).filter(|(_, keep)| **keep).map(|(node, _)| *node).collect()
        };
        for rule in &mut rules {
            rule.names = pick(&rule.names, &keep_names);
            rule.classes = pick(&rule.classes, &keep_classes);
            if rule.names.iter().chain(&rule.classes).all(|node| *node == NodeId::FALSE) {
                return Ok(None);
            }
        }
        shape.names.retain(|name| name.node != NodeId::FALSE);
        shape.classes.retain(|class| class.node != NodeId::FALSE);
        let mut seen: Vec<Exists> = Vec::new();
        for rule in rules {
            if !seen.contains(&rule) {
                seen.push(rule);
            }
        }
        shape.exists = seen;
        let required = shape.names.iter().filter(|name| name.required).count() as u32;
        if shape.min <= required {
            shape.min = 0;
        }
        if shape.classes.is_empty() {
            let most = shape.names.len() as u32;
            if shape.max.is_some_and(|max| max >= most) {
                shape.max = None;
            }
            if shape.min > most {
                return Ok(None);
            }
        }
        if shape.max.is_some_and(|max| required > max || shape.min > max) {
            return Ok(None);
        }
        if shape.exists.len() > MAX_EXISTS {
            return Err(Halt::Explosion);
        }
        self.check_nodes()?;
        Ok(Some(ObjectId(self.objects.intern(shape))))
    }

    pub(crate) fn intersect_objects(
        &mut self,
        a: ObjectId,
        b: ObjectId,
        fuel: &mut Fuel,
    ) -> Result<Option<ObjectId>, Halt> {
        if a == b {
            return Ok(Some(a));
        }
        let (a, b) = (self.object_shape(a), self.object_shape(b));
        let rules = a.exists.len() + b.exists.len();
        let mut exists_names: Vec<Vec<NodeId>> = vec![Vec::new(); rules];
        let mut exists_classes: Vec<Vec<NodeId>> = vec![Vec::new(); rules];
        let mut names = Vec::with_capacity(a.names.len() + b.names.len());
        let file = |lists: &mut Vec<Vec<NodeId>>, nodes: &[NodeId]| {
            for (list, node) in lists.iter_mut().zip(nodes) {
                list.push(*node);
            }
        };
        let fresh: Vec<&Name> = {
            let known: rustc_hash::FxHashSet<KeyId> = a.names.iter().map(|n| n.key).collect();
            b.names.iter().filter(|name| !known.contains(&name.key)).collect()
        };
        let index_of_b: rustc_hash::FxHashMap<KeyId, usize> =
            b.names.iter().enumerate().map(|(index, name)| (name.key, index)).collect();
        for (index, name) in a.names.iter().enumerate() {
            fuel.spend(1)?;
            let mut nodes: Vec<NodeId> = a.exists.iter().map(|rule| rule.names[index]).collect();
            let (other, required, more) = match index_of_b.get(&name.key) {
                Some(&index) => {
                    let more = b.exists.iter().map(|rule| rule.names[index]).collect();
                    (b.names[index].node, b.names[index].required, more)
                }
                None => {
                    let (node, more) = self.look_up(&b, name.key, fuel)?;
                    (node, false, more)
                }
            };
            nodes.extend(more);
            file(&mut exists_names, &nodes);
            let node = self.and_simplified(name.node, other, fuel)?;
            names.push(Name { key: name.key, node, required: name.required || required });
        }
        for name in fresh {
            fuel.spend(1)?;
            let (other, mut nodes) = self.look_up(&a, name.key, fuel)?;
            let index = index_of_b[&name.key];
            nodes.extend(b.exists.iter().map(|rule| rule.names[index]));
            file(&mut exists_names, &nodes);
            let node = self.and(&[name.node, other]);
            names.push(Name { key: name.key, node, required: name.required });
        }
        let mut classes = Vec::new();
        for (i, left) in a.classes.iter().enumerate() {
            for (j, right) in b.classes.iter().enumerate() {
                let node = self.and(&[left.node, right.node]);
                if node == NodeId::FALSE {
                    continue;
                }
                let keys = self.intersect_key_sets(&left.keys, &right.keys);
                if self.key_set_is_empty(&keys, fuel)? {
                    continue;
                }
                let mut nodes: Vec<NodeId> = a.exists.iter().map(|rule| rule.classes[i]).collect();
                nodes.extend(b.exists.iter().map(|rule| rule.classes[j]));
                file(&mut exists_classes, &nodes);
                classes.push(Class { keys, node });
                self.check_alternatives(classes.len())?;
            }
        }
        let mut exists = Vec::with_capacity(rules);
        for (rule_names, rule_classes) in exists_names.into_iter().zip(exists_classes) {
            exists.push(Exists { names: rule_names.into(), classes: rule_classes.into() });
        }
        let shape = ObjectShape {
            names,
            classes,
            min: a.min.max(b.min),
            max: match (a.max, b.max) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (one, None) | (None, one) => one,
            },
            exists,
            evaluated: self.lexer.exprs.or(&[a.evaluated, b.evaluated]),
        };
        self.object(shape)
    }

    /// `a` and `b`, without the parts of `b` that exclude what `a` does not hold anyway.
    /// Alternatives that mean the same are then written the same, and absorb each other.
    fn and_simplified(&mut self, a: NodeId, b: NodeId, fuel: &mut Fuel) -> Result<NodeId, Halt> {
        if a == b || a == NodeId::TRUE || b == NodeId::TRUE {
            return Ok(self.and(&[a, b]));
        }
        let parts: Vec<NodeId> = match &*self.node(b) {
            Node::And(parts) => parts.to_vec(),
            _ => vec![b],
        };
        let mut all = a;
        for part in parts {
            if let Node::Not(excluded) = &*self.node(part) {
                let overlap = self.and(&[a, *excluded]);
                if self.known_empty(overlap, fuel)? {
                    continue;
                }
            }
            all = self.and(&[all, part]);
        }
        Ok(all)
    }

    /// Whether what holds `a` holds `b`, as far as their parts show.
    fn implies(&self, a: NodeId, b: NodeId) -> bool {
        if a == b || b == NodeId::TRUE || a == NodeId::FALSE {
            return true;
        }
        let (left, right) = (self.parts(&a), self.parts(&b));
        right.iter().all(|part| left.contains(part))
    }

    /// What a node is a conjunction of.
    fn parts<'a>(&'a self, id: &'a NodeId) -> &'a [NodeId] {
        match self.nodes.peek(id.0) {
            Node::And(parts) => parts,
            _ => std::slice::from_ref(id),
        }
    }

    /// Whether some object of shape `a` is plainly not of shape `b`: what is asked of hundreds of
    /// pairs for each that is worth a closer look.
    fn plainly_outside(&self, a: ObjectId, b: ObjectId) -> bool {
        let (a, b) = (self.objects.peek(a.0), self.objects.peek(b.0));
        if !b.exists.is_empty() || b.evaluated != a.evaluated {
            return true;
        }
        if b.min > a.min || b.max.is_some_and(|max| a.max.is_none_or(|other| other > max)) {
            return true;
        }
        b.names.iter().enumerate().any(|(index, name)| {
            // Shapes that are compared tend to have the same names in the same order.
            let same = a.names.get(index).filter(|other| other.key == name.key);
            match same.or_else(|| a.name(name.key).map(|index| &a.names[index])) {
                Some(other) => {
                    (name.required && !other.required) || !self.implies(other.node, name.node)
                }
                None => name.required,
            }
        })
    }

    /// Whether every object of shape `a` is of shape `b`, as far as that is easily seen.
    pub(super) fn absorbed(
        &mut self,
        a: ObjectId,
        b: ObjectId,
        fuel: &mut Fuel,
    ) -> Result<bool, Halt> {
        if a == b {
            return Ok(true);
        }
        if self.plainly_outside(a, b) {
            return Ok(false);
        }
        let (a, b) = (self.object_shape(a), self.object_shape(b));
        for name in &b.names {
            if a.name(name.key).is_none() {
                let (node, _) = self.look_up(&a, name.key, fuel)?;
                if !self.implies(node, name.node) {
                    return Ok(false);
                }
            }
        }
        for name in &a.names {
            if b.name(name.key).is_none() {
                let (node, _) = self.look_up(&b, name.key, fuel)?;
                if !self.implies(name.node, node) {
                    return Ok(false);
                }
            }
        }
        // Every class of `a` must lie in one of `b`, up to keys that are names of `b`.
        Ok(a.classes.iter().all(|class| {
            b.classes.iter().any(|other| {
                let covers =
                    other.keys.base == self.strings.all || other.keys.base == class.keys.base;
                let excepted = other.keys.except.iter().all(|key| {
                    class.keys.except.binary_search(key).is_ok() || b.name(*key).is_some()
                });
                covers && excepted && self.implies(class.node, other.node)
            })
        }))
    }

    // -- evaluation -----------------------------------------------------------------------
}
