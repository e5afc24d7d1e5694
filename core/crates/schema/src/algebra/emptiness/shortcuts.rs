//! What is visibly empty or disjoint. Asked while normal forms are built, so that "not known"
//! is an answer.

use structgen_automaton::{AutomatonError, Fuel};

use super::INFINITE;
use crate::algebra::{Algebra, ArrayId, Halt, NodeId, ObjectId};

/// In-place nesting below which shortcuts may look at the emptiness of members.
const SHORTCUT_NESTING: u32 = 24;

impl Algebra {
    /// Whether the node is known to have no document. False where that would take the
    /// normal form that is being built.
    pub(in crate::algebra) fn known_empty(
        &mut self,
        node: NodeId,
        fuel: &mut Fuel,
    ) -> Result<bool, Halt> {
        if node == NodeId::FALSE {
            return Ok(true);
        }
        if node == NodeId::TRUE || self.nesting > SHORTCUT_NESTING {
            return Ok(false);
        }
        match self.size(node, fuel) {
            Ok(size) => Ok(size == INFINITE),
            Err(Halt::Circle | Halt::Explosion | Halt::Unevaluated(_)) => Ok(false),
            Err(Halt::Automaton(AutomatonError::Limit { name: "max_nesting", .. })) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether a member that the shape requires is known not to exist.
    pub(crate) fn plainly_dead(&mut self, id: ObjectId, fuel: &mut Fuel) -> Result<bool, Halt> {
        let shape = self.object_shape(id);
        for name in shape.names.iter().filter(|name| name.required) {
            if self.known_empty(name.node, fuel)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether an element that the shape has to contain is known not to exist.
    pub(crate) fn plainly_dead_array(
        &mut self,
        id: ArrayId,
        fuel: &mut Fuel,
    ) -> Result<bool, Halt> {
        let shape = self.array_shape(id);
        for rule in shape.contains.iter().filter(|rule| rule.min > 0) {
            let mut dead = true;
            for index in rule.from..=rule.from.max(shape.prefix.len() as u32) {
                let element = self.and(&[shape.element(index), rule.node]);
                dead = dead && self.known_empty(element, fuel)?;
            }
            if dead {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) fn objects_disjoint(
        &mut self,
        a: &[ObjectId],
        b: &[ObjectId],
        fuel: &mut Fuel,
    ) -> Result<bool, Halt> {
        for a in a {
            for b in b {
                if !self.object_pair_disjoint(*a, *b, fuel)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn object_pair_disjoint(
        &mut self,
        a: ObjectId,
        b: ObjectId,
        fuel: &mut Fuel,
    ) -> Result<bool, Halt> {
        let key = (a.min(b), a.max(b));
        if let Some(known) = self.disjoint_objects.get(&key) {
            return Ok(*known);
        }
        let mut disjoint = false;
        let (left, right) = (self.object_shape(a), self.object_shape(b));
        // Discriminators first: no shape has to be built for them.
        for name in left.names.iter().filter(|name| name.required) {
            if let Some(index) = right.name(name.key) {
                fuel.spend(1)?;
                let both = self.and(&[name.node, right.names[index].node]);
                if self.known_empty(both, fuel)? {
                    disjoint = true;
                    break;
                }
            }
        }
        if !disjoint {
            disjoint = match self.intersect_objects(a, b, fuel)? {
                None => true,
                Some(both) => self.plainly_dead(both, fuel)?,
            };
        }
        self.disjoint_objects.insert(key, disjoint);
        Ok(disjoint)
    }

    pub(crate) fn arrays_disjoint(
        &mut self,
        a: &[ArrayId],
        b: &[ArrayId],
        fuel: &mut Fuel,
    ) -> Result<bool, Halt> {
        for a in a {
            for b in b {
                let Some(both) = self.intersect_arrays(*a, *b)? else { continue };
                let shape = self.array_shape(both);
                let mut dead = false;
                for index in 0..shape.min.min(shape.prefix.len() as u32 + 1) {
                    dead |= self.known_empty(shape.element(index), fuel)?;
                }
                if !dead {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}
