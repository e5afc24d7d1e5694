//! Nodes with few documents, and arrays that need so many of them that are distinct.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};
use structgen_automaton::Fuel;
use structgen_regex::{ExprId, Exprs};

use crate::algebra::objects::ObjectShape;
use crate::algebra::{Algebra, Alternatives, ArrayShape, Halt, NodeId, Normal, StringSet, Unique};
use crate::decimal::Decimal;

/// Documents of a node that are counted at most: of few, each is a shape of its own.
const MAX_DOCUMENTS: usize = 64;

/// Keys of a class that are told apart.
const MAX_KEYS: usize = 8;

/// Containers in one another whose documents are counted.
const MAX_NESTING: u32 = 6;

/// All documents of a node as ids of values (sorted), if there are few.
pub(crate) type Few = Option<Arc<[u32]>>;

impl Algebra {
    /// All documents of the node, if they are not more than `most`; also `None` where that is
    /// not easily told.
    fn few_documents(&mut self, node: NodeId, most: usize, fuel: &mut Fuel) -> Result<Few, Halt> {
        if let Some(known) = self.few.get(&(node, most)) {
            return Ok(known.clone());
        }
        let found = self.list_documents(node, most, 0, fuel)?;
        let few: Few = found.map(|values| {
            let mut ids: Vec<u32> = values.iter().map(|value| self.canonical_id(value)).collect();
            ids.sort_unstable();
            ids.dedup();
            ids.into()
        });
        self.few.insert((node, most), few.clone());
        Ok(few)
    }

    fn list_documents(
        &mut self,
        node: NodeId,
        most: usize,
        nesting: u32,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<Value>>, Halt> {
        fuel.spend(1)?;
        if node == NodeId::TRUE || nesting > MAX_NESTING {
            return Ok(None);
        }
        let Alternatives::Exact(normal) = self.alternatives(node, fuel)? else { return Ok(None) };
        // What is visibly endless costs no search.
        let (any_array, any_object) = (self.any_array(), self.any_object());
        if normal.arrays.contains(&any_array) || normal.objects.contains(&any_object) {
            return Ok(None);
        }
        let Some(mut out) = self.list_scalars(&normal, most, fuel)? else { return Ok(None) };
        for id in &normal.arrays {
            let shape = self.array_shape(*id);
            let arrays = self.list_arrays(&shape, most, nesting, fuel)?;
            let Some(arrays) = arrays else { return Ok(None) };
            self.join(&mut out, arrays);
        }
        for id in &normal.objects {
            let shape = self.object_shape(*id);
            let objects = self.list_objects(&shape, most, nesting, fuel)?;
            let Some(objects) = objects else { return Ok(None) };
            self.join(&mut out, objects);
        }
        Ok((out.len() <= most).then_some(out))
    }

    /// Adds the values that are new. Shapes may overlap.
    fn join(&mut self, out: &mut Vec<Value>, values: Vec<Value>) {
        for value in values {
            let id = self.canonical_id(&value);
            if !out.iter().any(|other| self.canonical_id(other) == id) {
                out.push(value);
            }
        }
    }

    fn list_scalars(
        &mut self,
        normal: &Normal,
        most: usize,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<Value>>, Halt> {
        let mut out = Vec::new();
        out.extend(normal.null.then_some(Value::Null));
        for (allowed, value) in normal.booleans.into_iter().zip([false, true]) {
            out.extend(allowed.then_some(Value::Bool(value)));
        }
        let mut strings = match &normal.strings {
            StringSet::Finite(texts) if texts.len() > most => return Ok(None),
            StringSet::Finite(texts) => {
                out.extend(texts.iter().map(|text| Value::String(text.to_string())));
                Exprs::EMPTY
            }
            StringSet::Language(e) => *e,
        };
        if strings == self.strings.all || self.numbers.is_anything(normal.numbers) {
            return Ok(None);
        }
        while let Some(body) = self.lexer.exprs.shortest(strings, fuel)? {
            fuel.spend(16)?;
            let key = self.key_of_body(&body);
            out.push(Value::String(self.key_name(key).to_string()));
            let spellings = self.key_spelling(key);
            strings = self.without(strings, spellings);
            if out.len() > most {
                return Ok(None);
            }
        }
        let mut numbers = normal.numbers;
        while let Some(text) = self.lexer.exprs.shortest(numbers, fuel)? {
            fuel.spend(16)?;
            let text = String::from_utf8_lossy(&text).into_owned();
            let (Ok(value), Ok(number)) = (Decimal::parse_text(&text), serde_json::from_str(&text))
            else {
                return Ok(None);
            };
            out.push(number);
            let spellings = self.numbers.equal(&mut self.lexer.exprs, &value);
            numbers = self.without(numbers, spellings);
            if out.len() > most {
                return Ok(None);
            }
        }
        Ok(Some(out))
    }

    fn without(&mut self, language: ExprId, spellings: ExprId) -> ExprId {
        let outside = self.lexer.exprs.not(spellings);
        self.lexer.exprs.and(&[language, outside])
    }

    fn list_arrays(
        &mut self,
        shape: &ArrayShape,
        most: usize,
        nesting: u32,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<Value>>, Halt> {
        if !shape.contains.is_empty() || shape.unique == Unique::Repeated {
            return Ok(None);
        }
        // Arrays as far as they have come, in rounds of one more element each.
        let mut open: Vec<Vec<Value>> = vec![Vec::new()];
        let mut out = Vec::new();
        for position in 0.. {
            if position >= shape.min {
                out.extend(open.iter().cloned().map(Value::Array));
            }
            if open.is_empty() || shape.max.is_some_and(|max| position >= max) {
                break;
            }
            let element = self.list_documents(shape.element(position), most, nesting + 1, fuel)?;
            let Some(elements) = element else { return Ok(None) };
            let mut longer = Vec::new();
            for array in &open {
                for element in &elements {
                    fuel.spend(1)?;
                    if shape.unique == Unique::Distinct && self.has_element(array, element) {
                        continue;
                    }
                    let mut array = array.clone();
                    array.push(element.clone());
                    longer.push(array);
                }
            }
            if longer.len() > 4 * MAX_DOCUMENTS || out.len() > most {
                return Ok(None);
            }
            open = longer;
        }
        Ok(Some(out))
    }

    fn has_element(&mut self, array: &[Value], element: &Value) -> bool {
        let id = self.canonical_id(element);
        array.iter().any(|other| self.canonical_id(other) == id)
    }

    fn list_objects(
        &mut self,
        shape: &ObjectShape,
        most: usize,
        nesting: u32,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<Value>>, Halt> {
        if !shape.exists.is_empty() {
            return Ok(None);
        }
        let mut members: Vec<(String, NodeId, bool)> = Vec::new();
        for name in &shape.names {
            members.push((self.key_name(name.key).to_string(), name.node, name.required));
        }
        for class in &shape.classes {
            if class.keys.base == self.strings.all {
                return Ok(None);
            }
            let keys = self.cheapest_keys(&class.keys, &[], MAX_KEYS + 1, fuel)?;
            if keys.len() > MAX_KEYS {
                return Ok(None);
            }
            for body in keys {
                let key = self.key_of_body(&body);
                members.push((self.key_name(key).to_string(), class.node, false));
            }
        }
        let mut open: Vec<Map<String, Value>> = vec![Map::new()];
        for (name, node, required) in members {
            let Some(values) = self.list_documents(node, most, nesting + 1, fuel)? else {
                return Ok(None);
            };
            let mut next = if required { Vec::new() } else { open.clone() };
            for object in &open {
                for value in &values {
                    fuel.spend(1)?;
                    let mut object = object.clone();
                    object.insert(name.clone(), value.clone());
                    next.push(object);
                }
            }
            if next.len() > 4 * MAX_DOCUMENTS {
                return Ok(None);
            }
            open = next;
        }
        let fits = |object: &Map<String, Value>| {
            let count = object.len() as u32;
            count >= shape.min && shape.max.is_none_or(|max| count <= max)
        };
        Ok(Some(open.into_iter().filter(fits).map(Value::Object).collect()))
    }

    // -- distinct elements ----------------------------------------------------------------

    /// Whether there are too few documents for the elements that a shape still needs from
    /// `position` on, where no two may be equal, nor one of `taken` (sorted).
    pub(crate) fn lacks_distinct(
        &mut self,
        shape: &ArrayShape,
        position: u32,
        taken: &[u32],
        fuel: &mut Fuel,
    ) -> Result<bool, Halt> {
        let Some(sets) = self.scarce_sets(shape, position, fuel)? else { return Ok(true) };
        lacks_choice(&sets, taken, fuel)
    }

    /// The documents of each element that is still needed and has only few. `None`: there are
    /// more elements than documents.
    fn scarce_sets(
        &mut self,
        shape: &ArrayShape,
        position: u32,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<Arc<[u32]>>>, Halt> {
        let mut sets = Vec::new();
        if shape.unique != Unique::Distinct || shape.min < 2 || position >= shape.min {
            return Ok(Some(sets));
        }
        // What has as many documents as there are elements is never scarce.
        let most = (shape.min as usize - 1).min(MAX_DOCUMENTS);
        let listed = shape.min.min(shape.prefix.len() as u32);
        for index in position..listed {
            sets.extend(self.few_documents(shape.element(index), most, fuel)?);
        }
        let rest = shape.min - listed.max(position);
        if rest > 0 {
            if let Some(few) = self.few_documents(shape.rest, most, fuel)? {
                if rest as usize > few.len() {
                    return Ok(None);
                }
                sets.extend((0..rest).map(|_| few.clone()));
            }
        }
        Ok(Some(sets))
    }

    /// The node of an element at `position`, after `seen` (sorted): without the values before
    /// it, as far as they are told apart at once, and without those that later elements need.
    pub(crate) fn distinct_element(
        &mut self,
        shape: &ArrayShape,
        position: u32,
        node: NodeId,
        seen: &[u32],
        fuel: &mut Fuel,
    ) -> Result<NodeId, Halt> {
        fuel.spend(seen.len() as u64)?;
        let Some(sets) = self.scarce_sets(shape, position.saturating_add(1), fuel)? else {
            return Ok(NodeId::FALSE);
        };
        let mut taken = seen.to_vec();
        let mut candidates: Vec<u32> = Vec::new();
        for set in &sets {
            let left = set.iter().filter(|value| seen.binary_search(value).is_err());
            // A set with one value to spare for each of them is in nobody's way.
            if left.clone().count() <= sets.len() {
                candidates.extend(left);
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        for value in candidates {
            let mut with = seen.to_vec();
            with.push(value);
            with.sort_unstable();
            if lacks_choice(&sets, &with, fuel)? {
                taken.push(value);
            }
        }
        taken.sort_unstable();
        let has_containers = match self.alternatives(node, fuel)? {
            Alternatives::Exact(normal) => !normal.arrays.is_empty() || !normal.objects.is_empty(),
            Alternatives::Deferred(_) => false,
        };
        // Scalars are left out of a language of any size.
        let few = match has_containers {
            true => self.few_documents(node, MAX_DOCUMENTS, fuel)?,
            false => None,
        };
        let Some(few) = few else { return Ok(self.except(node, &taken)) };
        let left = few.iter().filter(|value| taken.binary_search(value).is_err());
        let left: Vec<NodeId> = left.map(|value| self.known_value_node(*value)).collect();
        // The node as well: options may narrow how values are spelled.
        let left = self.or(&left);
        Ok(self.and(&[node, left]))
    }
}

/// Whether no choice of one value of each set, all distinct and none of `taken` (sorted), is
/// possible: augmenting paths in the graph of sets and values.
fn lacks_choice(sets: &[Arc<[u32]>], taken: &[u32], fuel: &mut Fuel) -> Result<bool, Halt> {
    let mut holder: FxHashMap<u32, usize> = FxHashMap::default();
    for start in 0..sets.len() {
        // Breadth-first: which set would have to move for a value to become free.
        let mut queue = vec![start];
        let mut from: FxHashMap<u32, usize> = FxHashMap::default();
        let mut free = None;
        let mut next = 0;
        while let Some(&set) = queue.get(next).filter(|_| free.is_none()) {
            next += 1;
            fuel.spend(1 + sets[set].len() as u64 / 8)?;
            for value in sets[set].iter() {
                if from.contains_key(value) || taken.binary_search(value).is_ok() {
                    continue;
                }
                from.insert(*value, set);
                match holder.get(value) {
                    Some(other) => queue.push(*other),
                    None => {
                        free = Some(*value);
                        break;
                    }
                }
            }
        }
        let Some(mut value) = free else { return Ok(true) };
        loop {
            let set = from[&value];
            let left = holder.iter().find(|(_, other)| **other == set).map(|(value, _)| *value);
            holder.insert(value, set);
            match left.filter(|_| set != start) {
                Some(before) => {
                    holder.remove(&before);
                    value = before;
                }
                None => break,
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_lacking_where_sets_are_too_small_together() {
        let sets = |lists: &[&[u32]]| lists.iter().map(|list| (*list).into()).collect::<Vec<_>>();
        let lacks = |lists: &[&[u32]], taken: &[u32]| {
            lacks_choice(&sets(lists), taken, &mut Fuel::unlimited()).expect("no limit")
        };
        assert!(!lacks(&[&[1, 2], &[1]], &[]) && lacks(&[&[1, 2], &[1]], &[1]));
        assert!(lacks(&[&[1, 2], &[1, 2], &[1, 2]], &[]));
        assert!(!lacks(&[&[1, 2], &[1, 3], &[1, 2], &[1, 2, 3, 4]], &[]));
        assert!(lacks(&[&[1, 2], &[1, 3], &[1, 2], &[1, 2, 3, 4]], &[4]));
        assert!(!lacks(&[], &[1]) && lacks(&[&[]], &[]));
    }
}
