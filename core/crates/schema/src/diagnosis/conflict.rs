//! The keywords that contradict each other: a smallest set of them, found by leaving out one
//! after the other for as long as nothing satisfies what is left.

use serde_json::{Map, Value};
use structgen_automaton::Fuel;

use crate::error::SchemaError;
use crate::limits::SchemaLimits;
use crate::machine::SchemaAutomaton;
use crate::options::SchemaOptions;
use crate::uri::escape_segment;

/// Schemas that are tried, and steps for all of them.
const MAX_TRIES: u32 = 200;
const EFFORT: u64 = 200_000;

/// Values in a schema, and letters of its texts, beyond which it is not tried again and again: to
/// copy and to read it takes some milliseconds already.
const MAX_VALUES: usize = 20_000;
const MAX_LETTERS: usize = 1 << 20;

/// Keywords whose entries are schemas that each add a condition.
const CONJUNCTIONS: &[&str] = &["properties", "patternProperties", "allOf", "prefixItems"];

/// Something that the contradiction needs.
#[derive(Clone)]
pub(super) struct Blame {
    pub(super) pointer: String,
    /// The schema that holds it.
    pub(super) place: String,
    pub(super) keyword: String,
    /// A schema inside the keyword, such as that of a property, and not all of it.
    pub(super) is_entry: bool,
}

struct Trial<'a> {
    /// What is left of the schema.
    rest: Value,
    options: &'a SchemaOptions,
    limits: &'a SchemaLimits,
    fuel: Fuel,
    tries: u32,
}

impl Trial<'_> {
    /// Whether nothing satisfies the schema once `change` has been made at `pointer`; undoes it
    /// otherwise. `None` where that is not known.
    fn still_empty(&mut self, pointer: &str, change: impl Fn(&mut Value)) -> Option<bool> {
        self.tries = self.tries.checked_sub(1)?;
        let place = self.rest.pointer_mut(pointer)?;
        let before = place.clone();
        change(place);
        let empty =
            SchemaAutomaton::is_empty(&self.rest, self.options, self.limits, &mut self.fuel);
        let empty = match empty {
            Ok(empty) => Some(empty),
            Err(SchemaError::Automaton(_)) => {
                self.tries = 0;
                None
            }
            Err(_) => None,
        };
        if empty != Some(true)
            && let Some(place) = self.rest.pointer_mut(pointer)
        {
            *place = before;
        }
        empty
    }

    /// The keywords at `pointer` that are needed for the contradiction.
    fn keywords(&mut self, pointer: &str) -> Vec<Blame> {
        let Some(Value::Object(map)) = self.rest.pointer(pointer) else { return Vec::new() };
        let names: Vec<String> = map.keys().filter(|name| speaks(name)).cloned().collect();
        let mut needed = Vec::new();
        for name in names {
            let leave_out = |place: &mut Value| {
                if let Value::Object(map) = place {
                    map.remove(&name);
                }
            };
            if self.still_empty(pointer, leave_out) == Some(false) {
                needed.push(name);
            }
        }
        let blame = |name: String| Blame {
            pointer: format!("{pointer}/{}", escape_segment(&name)),
            place: pointer.to_owned(),
            keyword: name,
            is_entry: false,
        };
        needed.into_iter().map(blame).collect()
    }

    /// Whether the `type` at `index` takes no part in the contradiction: all others speak of the
    /// same type, which it allows, and contradict each other for all values of that.
    fn type_is_context(&mut self, index: usize, found: &[Blame]) -> bool {
        let others = found.iter().enumerate().filter(|(other, _)| *other != index);
        let mut about = others.map(|(_, blame)| speaks_of(&blame.keyword));
        let Some(Some(one)) = about.next() else { return false };
        if !about.all(|other| other == Some(one)) {
            return false;
        }
        self.still_empty(&found[index].pointer, |value| *value = one.into()) == Some(true)
    }

    /// The entries of a keyword that are needed.
    fn entries(&mut self, keyword: &Blame) -> Vec<Blame> {
        let pointer = &keyword.pointer;
        let segments: Vec<String> = match self.rest.pointer(pointer) {
            Some(Value::Object(map)) => map.keys().map(|name| escape_segment(name)).collect(),
            Some(Value::Array(list)) => (0..list.len()).map(|index| index.to_string()).collect(),
            _ => return Vec::new(),
        };
        let mut needed = Vec::new();
        for segment in segments {
            let entry = format!("{pointer}/{segment}");
            let empty_out = |place: &mut Value| *place = Value::Object(Map::new());
            if self.still_empty(&entry, empty_out) == Some(false) {
                let Blame { place, keyword, .. } = keyword.clone();
                needed.push(Blame { pointer: entry, place, keyword, is_entry: true });
            }
        }
        needed
    }
}

fn is_large(schema: &Value) -> bool {
    let (mut values, mut letters) = (0, 0);
    let mut waiting = vec![schema];
    while let Some(value) = waiting.pop() {
        values += 1;
        match value {
            Value::String(text) => letters += text.len(),
            Value::Array(elements) => {
                values += elements.len();
                waiting.extend(elements.iter().take(MAX_VALUES));
            }
            Value::Object(members) => {
                values += members.len();
                letters += members.keys().take(MAX_VALUES).map(String::len).sum::<usize>();
                waiting.extend(members.values().take(MAX_VALUES));
            }
            _ => {}
        }
        if values > MAX_VALUES || letters > MAX_LETTERS {
            return true;
        }
    }
    false
}

/// Whether leaving out the keyword leaves a schema behind, and perhaps another one.
fn speaks(keyword: &str) -> bool {
    let refers = matches!(keyword, "$ref" | "$dynamicRef" | "$recursiveRef");
    let silent = matches!(keyword, "id" | "definitions" | "title" | "description" | "examples");
    refers || !(silent || keyword.starts_with('$'))
}

/// The type that the keyword is about, if it is about one.
pub(super) fn speaks_of(keyword: &str) -> Option<&'static str> {
    Some(match keyword {
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => "number",
        "minLength" | "maxLength" | "pattern" | "format" => "string",
        "items" | "prefixItems" | "additionalItems" | "unevaluatedItems" | "contains"
        | "minContains" | "maxContains" | "minItems" | "maxItems" | "uniqueItems" => "array",
        "properties"
        | "patternProperties"
        | "additionalProperties"
        | "unevaluatedProperties"
        | "propertyNames"
        | "required"
        | "minProperties"
        | "maxProperties"
        | "dependencies"
        | "dependentRequired"
        | "dependentSchemas" => "object",
        _ => return None,
    })
}

/// Keywords without one of which something would satisfy `schema`, looked for at
/// `places` first; `None` where they are not found soon.
pub(super) fn conflict(
    schema: &Value,
    places: &[String],
    options: &SchemaOptions,
    limits: &SchemaLimits,
    fuel: &mut Fuel,
) -> Result<Option<Vec<Blame>>, SchemaError> {
    if is_large(schema) {
        return Ok(None);
    }
    let own = fuel.part(EFFORT.min(fuel.left() / 2));
    let before = own.left();
    let mut trial = Trial { rest: schema.clone(), options, limits, fuel: own, tries: MAX_TRIES };
    let mut todo: Vec<String> = places.to_vec();
    if !todo.iter().any(String::is_empty) {
        todo.push(String::new());
    }
    let mut found: Vec<Blame> = Vec::new();
    let mut next = 0;
    while let Some(place) = todo.get(next).cloned() {
        next += 1;
        // Beyond the places that were named, only where they tell nothing.
        if place.is_empty() && !found.is_empty() {
            break;
        }
        for keyword in trial.keywords(&place) {
            let conjunction = CONJUNCTIONS.contains(&keyword.keyword.as_str());
            let entries = if conjunction { trial.entries(&keyword) } else { Vec::new() };
            if entries.is_empty() {
                found.push(keyword);
            } else {
                found.extend(entries);
            }
        }
    }
    found.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    found.dedup_by(|a, b| a.pointer == b.pointer);
    // The innermost pointers say it all.
    let all: Vec<String> = found.iter().map(|blame| blame.pointer.clone()).collect();
    found
        .retain(|outer| !all.iter().any(|inner| inner.starts_with(&format!("{}/", outer.pointer))));
    let types: Vec<usize> = (0..found.len()).filter(|&i| found[i].keyword == "type").collect();
    for index in types.into_iter().rev() {
        if trial.type_is_context(index, &found) {
            found.remove(index);
        }
    }
    fuel.spend(before - trial.fuel.left())?;
    Ok((!found.is_empty()).then_some(found))
}
