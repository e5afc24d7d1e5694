//! Schemas that say the same at several places.
//!
//! Tools that write schemas put a definition wherever it is used: a `oneOf` of twelve levels,
//! each of which names the one inside twice, has 8,192 places for 24 schemas. What is known of
//! one of them, its normal form, its states and its masks, is known of all.

use std::hash::BuildHasher;
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashMap};
use serde_json::Value;
use structgen_automaton::{AutomatonError, pace};

use super::Reading;
use crate::location::{LocId, Schema};

/// For each place the one whose schema stands for it.
pub(crate) struct Twins(Vec<LocId>);

impl Twins {
    /// All places for which `loc` stands.
    pub(crate) fn of(&self, loc: LocId) -> impl Iterator<Item = LocId> {
        let places = self.0.iter().zip(0..).filter(move |(first, _)| **first == loc);
        places.map(|(_, place)| LocId(place))
    }
}

impl Reading {
    /// Lets all references lead to one of the schemas that are written alike, with the same
    /// schemas inside them. Each place keeps its pointer. Schemas that refer to themselves stay
    /// as they are.
    pub(crate) fn merge_twins(&mut self) -> Result<Twins, AutomatonError> {
        let mut firsts: FxHashMap<u64, usize> = FxHashMap::default();
        let mut twins: Vec<LocId> = (0..self.schemas.len() as u32).map(LocId).collect();
        let mut pointers = Vec::with_capacity(self.schemas.len());
        for schema in self.schemas.iter_mut() {
            pace(0)?;
            pointers.push(std::mem::take(&mut Arc::make_mut(schema).pointer));
        }
        // A schema is found before those inside it, so these come first here. Where a reference
        // leads further out, to what has no twin yet, equal means the same place.
        for index in (0..self.schemas.len()).rev() {
            pace(2)?;
            let schema = Arc::make_mut(&mut self.schemas[index]);
            schema.for_each_inner(|inner| *inner = twins[inner.0 as usize]);
            let values: usize =
                schema.values.iter().flat_map(|v| v.iter()).map(weight).take(MANY).sum();
            let names = schema.object.required.len() + schema.object.properties.len();
            if values + names > MANY {
                continue;
            }
            let first = *firsts.entry(FxBuildHasher.hash_one(&*schema)).or_insert(index);
            // Different schemas of one hash are rare, and stay apart.
            if first != index && alike(&self.schemas[index], &self.schemas[first]) {
                twins[index] = LocId(first as u32);
            }
        }
        for (schema, pointer) in self.schemas.iter_mut().zip(pointers) {
            pace(0)?;
            let schema = Arc::make_mut(schema);
            schema.for_each_inner(|inner| *inner = twins[inner.0 as usize]);
            schema.pointer = pointer;
        }
        self.root = twins[self.root.0 as usize];
        Ok(Twins(twins))
    }
}

/// Values and names of a schema that is not compared with others: to hash them takes milliseconds.
const MANY: usize = 5_000;

/// Values inside `value`, as far as they are many.
fn weight(value: &Value) -> usize {
    let (mut weight, mut waiting) = (0, vec![value]);
    while let Some(value) = waiting.pop()
        && weight <= MANY
    {
        weight += 1;
        match value {
            Value::String(text) => weight += text.len() / TEXT,
            Value::Array(elements) => waiting.extend(elements.iter().take(MANY)),
            Value::Object(members) => waiting.extend(members.values().take(MANY)),
            _ => {}
        }
    }
    weight
}

/// Bytes of a text that are hashed in the time of a value.
const TEXT: usize = 64;

/// Whether the schemas are written alike. Members of documents are written in an order, which
/// their equality does not see.
fn alike(a: &Schema, b: &Schema) -> bool {
    let documents = |schema: &Schema| -> Vec<String> {
        let values = schema.values.iter().flat_map(|values| values.iter());
        values.filter(|value| value.is_object() || value.is_array()).map(Value::to_string).collect()
    };
    a == b && documents(a) == documents(b)
}
