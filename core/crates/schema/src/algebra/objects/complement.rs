//! The objects that a shape leaves out.

use structgen_automaton::Fuel;
use structgen_regex::Exprs;

use super::{Class, Exists, KeySet, Name, ObjectShape};
use crate::algebra::{Algebra, Halt, KeyId, NodeId, ObjectId};

impl Algebra {
    /// The objects that are not of the shape: each part of the conjunction may fail.
    pub(crate) fn complement_object(
        &mut self,
        id: ObjectId,
        fuel: &mut Fuel,
    ) -> Result<Vec<ObjectId>, Halt> {
        let shape = self.object_shape(id);
        let mut out = Vec::new();
        for name in &shape.names {
            fuel.spend(16)?;
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
}
