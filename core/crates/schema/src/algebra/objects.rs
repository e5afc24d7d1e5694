//! Object shapes: conjunctions of what can be said about the members of an object.
//!
//! The keys are partitioned into *names*, which are told apart, and *classes*, languages of
//! keys whose members hold the same node. A key in neither is not allowed.

use std::sync::Arc;

use structgen_automaton::Fuel;
use structgen_regex::{ExprId, Exprs};

use super::{Algebra, Halt, KeyId, Node, NodeId, ObjectId};
use crate::string::spell;

/// A language of keys without some exceptions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeySet {
    /// Over bodies of literals.
    pub(crate) base: ExprId,
    /// Sorted.
    pub(crate) except: Arc<[KeyId]>,
}

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

fn union(a: &[KeyId], b: &[KeyId]) -> Arc<[KeyId]> {
    let mut out: Vec<KeyId> = a.iter().chain(b).copied().collect();
    out.sort_unstable();
    out.dedup();
    out.into()
}

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

    /// The expression of a set of keys (over bodies), further without `used` (sorted).
    pub(crate) fn key_set_expr(&mut self, set: &KeySet, used: &[KeyId]) -> ExprId {
        let except = if used.is_empty() { set.except.clone() } else { union(&set.except, used) };
        if except.is_empty() {
            return set.base;
        }
        let excluded = match self.exceptions.get(&except) {
            Some(known) => *known,
            None => {
                let mut texts: Vec<Box<str>> =
                    except.iter().map(|key| self.key_name(*key).as_str().into()).collect();
                texts.sort_unstable();
                let literals = self.strings.literals(&mut self.lexer.exprs, &texts);
                let excluded = self.lexer.exprs.not(literals);
                self.exceptions.insert(except, excluded);
                excluded
            }
        };
        self.lexer.exprs.and(&[set.base, excluded])
    }

    pub(crate) fn key_set_has(
        &mut self,
        set: &KeySet,
        key: KeyId,
        fuel: &mut Fuel,
    ) -> Result<bool, Halt> {
        if set.except.binary_search(&key).is_ok() {
            return Ok(false);
        }
        self.language_has(set.base, key, fuel)
    }

    pub(crate) fn language_has(
        &mut self,
        language: ExprId,
        key: KeyId,
        fuel: &mut Fuel,
    ) -> Result<bool, Halt> {
        if language == self.strings.all {
            return Ok(true);
        }
        if language == Exprs::EMPTY {
            return Ok(false);
        }
        let body = spell(&self.key_name(key));
        Ok(self.lexer.exprs.matches(language, &body, fuel)?)
    }

    fn key_set_is_empty(&mut self, set: &KeySet, fuel: &mut Fuel) -> Result<bool, Halt> {
        if set.base == self.strings.all {
            return Ok(false);
        }
        let e = self.key_set_expr(set, &[]);
        self.no_strings(e, fuel)
    }

    fn intersect_key_sets(&mut self, a: &KeySet, b: &KeySet) -> KeySet {
        let all = self.strings.all;
        let base = if a.base == all {
            b.base
        } else if b.base == all {
            a.base
        } else {
            self.lexer.exprs.and(&[a.base, b.base])
        };
        KeySet { base, except: union(&a.except, &b.except) }
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
            return Err(self.too_many_alternatives());
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
        let (left, right) = (self.node(a), self.node(b));
        let parts = |node: &Node, id: NodeId| match node {
            Node::And(parts) => parts.to_vec(),
            _ => vec![id],
        };
        let left = parts(&left, a);
        parts(&right, b).iter().all(|part| left.contains(part))
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
        let (a, b) = (self.object_shape(a), self.object_shape(b));
        if !b.exists.is_empty() || b.evaluated != a.evaluated {
            return Ok(false);
        }
        if b.min > a.min || b.max.is_some_and(|max| a.max.is_none_or(|other| other > max)) {
            return Ok(false);
        }
        for name in &b.names {
            let (node, required) = match a.name(name.key) {
                Some(index) => (a.names[index].node, a.names[index].required),
                None => (self.look_up(&a, name.key, fuel)?.0, false),
            };
            if (name.required && !required) || !self.implies(node, name.node) {
                return Ok(false);
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

    /// The objects that are not of the shape: each part of the conjunction may fail.
    pub(crate) fn complement_object(
        &mut self,
        id: ObjectId,
        fuel: &mut Fuel,
    ) -> Result<Vec<ObjectId>, Halt> {
        let shape = self.object_shape(id);
        let mut out = Vec::new();
        for name in &shape.names {
            if name.required {
                let absent = self.open_object(&[name.key]);
                out.extend(self.object(absent)?);
            }
            if name.node != NodeId::TRUE {
                let node = self.not(name.node);
                let mut present = self.open_object(&[name.key]);
                present.names.push(Name { key: name.key, node, required: true });
                out.extend(self.object(present)?);
            }
        }
        if let Some(broken) = self.broken_class(&shape, fuel)? {
            out.extend(self.object(broken)?);
        }
        if shape.min > 0 {
            let mut fewer = self.open_object(&[]);
            fewer.max = Some(shape.min - 1);
            out.extend(self.object(fewer)?);
        }
        if let Some(max) = shape.max {
            let mut more = self.open_object(&[]);
            more.min = max.saturating_add(1);
            out.extend(self.object(more)?);
        }
        for rule in &shape.exists {
            let mut none = (*shape).clone();
            none.exists.clear();
            none.min = 0;
            none.max = None;
            none.evaluated = Exprs::EMPTY;
            for (name, node) in none.names.iter_mut().zip(&rule.names) {
                name.required = false;
                name.node = self.not(*node);
            }
            for (class, node) in none.classes.iter_mut().zip(&rule.classes) {
                class.node = self.not(*node);
            }
            // Keys outside the shape are none of the rule's business.
            if let Some(region) = self.forbidden_keys(&shape, fuel)? {
                none.classes.push(Class { keys: region, node: NodeId::TRUE });
            }
            out.extend(self.object(none)?);
        }
        Ok(out)
    }

    /// Objects with a member that its class, or the lack of one, forbids.
    fn broken_class(
        &mut self,
        shape: &ObjectShape,
        fuel: &mut Fuel,
    ) -> Result<Option<ObjectShape>, Halt> {
        let mut nodes: Vec<NodeId> = Vec::new();
        let mut classes = Vec::new();
        for class in &shape.classes {
            nodes.push(self.not(class.node));
            classes.push(Class { keys: class.keys.clone(), node: NodeId::TRUE });
        }
        if let Some(region) = self.forbidden_keys(shape, fuel)? {
            nodes.push(NodeId::TRUE);
            classes.push(Class { keys: region, node: NodeId::TRUE });
        }
        if nodes.iter().all(|node| *node == NodeId::FALSE) {
            return Ok(None);
        }
        let free = |name: &Name| Name { node: NodeId::TRUE, required: false, ..name.clone() };
        let names: Vec<Name> = shape.names.iter().map(free).collect();
        let exists =
            Exists { names: vec![NodeId::FALSE; names.len()].into(), classes: nodes.into() };
        Ok(Some(ObjectShape {
            names,
            classes,
            min: 0,
            max: None,
            exists: vec![exists],
            evaluated: Exprs::EMPTY,
        }))
    }

    /// The keys that are neither names nor in a class, if there are any.
    fn forbidden_keys(
        &mut self,
        shape: &ObjectShape,
        fuel: &mut Fuel,
    ) -> Result<Option<KeySet>, Halt> {
        let mut names: Vec<KeyId> = shape.names.iter().map(|name| name.key).collect();
        names.sort_unstable();
        let mut parts = vec![self.strings.all];
        for class in &shape.classes {
            let covers = class.keys.base == self.strings.all
                && class.keys.except.iter().all(|key| names.binary_search(key).is_ok());
            if covers {
                return Ok(None);
            }
            let e = self.key_set_expr(&class.keys, &[]);
            parts.push(self.lexer.exprs.not(e));
        }
        let base = if parts.len() == 1 { parts[0] } else { self.lexer.exprs.and(&parts) };
        let region = KeySet { base, except: names.into() };
        let empty = self.key_set_is_empty(&region, fuel)?;
        Ok((!empty).then_some(region))
    }

    // -- evaluation -----------------------------------------------------------------------

    pub(crate) fn forget_evaluated_properties(&mut self, id: ObjectId) -> ObjectId {
        let shape = self.object_shape(id);
        if shape.evaluated == Exprs::EMPTY {
            return id;
        }
        let mut shape = (*shape).clone();
        shape.evaluated = Exprs::EMPTY;
        ObjectId(self.objects.intern(shape))
    }

    /// The shape with its classes split by whether their keys have been evaluated. Returns,
    /// for names and classes, whether they have not.
    fn split_evaluated(
        &mut self,
        id: ObjectId,
        fuel: &mut Fuel,
    ) -> Result<(ObjectShape, Vec<bool>, Vec<bool>), Halt> {
        let mut shape = (*self.object_shape(id)).clone();
        let evaluated = shape.evaluated;
        let mut fresh_names = Vec::new();
        for name in &shape.names {
            fresh_names.push(!self.language_has(evaluated, name.key, fuel)?);
        }
        let mut fresh_classes = Vec::new();
        let mut classes = Vec::new();
        let mut origin = Vec::new();
        let outside = self.lexer.exprs.not(evaluated);
        for (index, class) in std::mem::take(&mut shape.classes).into_iter().enumerate() {
            for (part, fresh) in [(evaluated, false), (outside, true)] {
                let base = self.lexer.exprs.and(&[class.keys.base, part]);
                let keys = KeySet { base, except: class.keys.except.clone() };
                if self.key_set_is_empty(&keys, fuel)? {
                    continue;
                }
                classes.push(Class { keys, node: class.node });
                fresh_classes.push(fresh);
                origin.push(index);
            }
        }
        shape.classes = classes;
        for rule in &mut shape.exists {
            rule.classes = origin.iter().map(|index| rule.classes[*index]).collect();
        }
        Ok((shape, fresh_names, fresh_classes))
    }

    /// `node` for every member whose key has not been evaluated.
    pub(crate) fn apply_unevaluated_properties(
        &mut self,
        id: ObjectId,
        node: NodeId,
        fuel: &mut Fuel,
    ) -> Result<Option<ObjectId>, Halt> {
        let (mut shape, names, classes) = self.split_evaluated(id, fuel)?;
        for (name, _) in shape.names.iter_mut().zip(names).filter(|(_, fresh)| *fresh) {
            name.node = self.and(&[name.node, node]);
        }
        for (class, _) in shape.classes.iter_mut().zip(classes).filter(|(_, fresh)| *fresh) {
            class.node = self.and(&[class.node, node]);
        }
        shape.evaluated = self.strings.all;
        self.object(shape)
    }

    /// The shape, with a member that has not been evaluated and does not hold `node`.
    pub(crate) fn violate_unevaluated_properties(
        &mut self,
        id: ObjectId,
        node: NodeId,
        fuel: &mut Fuel,
    ) -> Result<Option<ObjectId>, Halt> {
        let (mut shape, names, classes) = self.split_evaluated(id, fuel)?;
        let not = self.not(node);
        let pick = |fresh: Vec<bool>| -> Box<[NodeId]> {
            fresh.into_iter().map(|fresh| if fresh { not } else { NodeId::FALSE }).collect()
        };
        shape.exists.push(Exists { names: pick(names), classes: pick(classes) });
        shape.evaluated = Exprs::EMPTY;
        self.object(shape)
    }
}
