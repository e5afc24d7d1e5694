//! Which members a shape has evaluated, for `unevaluatedProperties`.

use structgen_automaton::Fuel;
use structgen_regex::Exprs;

use super::{Class, Exists, KeySet, Name, ObjectShape};
use crate::algebra::{Algebra, Halt, KeyId, NodeId, ObjectId};

impl Algebra {
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

    /// `node` for every member under one of these keys; the names (sorted) are among those that
    /// `others` leaves out.
    pub(crate) fn bounded_members(
        &mut self,
        names: &[KeyId],
        others: &KeySet,
        node: NodeId,
    ) -> Result<Option<ObjectId>, Halt> {
        let apart = if others.base == Exprs::EMPTY { names } else { &others.except };
        let mut shape = self.open_object(apart);
        for key in apart {
            let node = if names.binary_search(key).is_ok() { node } else { NodeId::TRUE };
            shape.names.push(Name { key: *key, node, required: false });
        }
        if others.base == self.strings.all {
            shape.classes[0].node = node;
        } else if others.base != Exprs::EMPTY {
            let outside = self.lexer.exprs.not(others.base);
            shape.classes[0].keys.base = self.lexer.exprs.and(&[self.strings.all, outside]);
            shape.classes.push(Class { keys: others.clone(), node });
        }
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
