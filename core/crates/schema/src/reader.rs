//! Reads every schema that the root reaches: resolves references, checks keywords, and
//! files what they say as [`Schema`]s. Nothing is normalised here.

mod dependencies;
mod keywords;
mod misspelt;
mod notes;
mod scope;
mod twins;

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;
use structgen_automaton::{AutomatonError, Fuel, Returned, pace};

use crate::error::SchemaError;
use crate::limits::SchemaLimits;
use crate::location::{LocId, Schema};
use crate::options::{Draft, SchemaOptions};
use crate::report::{Report, Status};
use crate::resources::{Address, Place, Resources, address};
use crate::uri;
use scope::{ScopeId, Scopes};

/// What reading leaves behind.
pub(crate) struct Reading {
    pub(crate) schemas: Returned<Vec<Arc<Schema>>>,
    pub(crate) root: LocId,
    pub(crate) report: Report,
    /// Some schema has `unevaluatedItems` or `unevaluatedProperties`.
    pub(crate) tracks_evaluation: bool,
}

/// Reads the schemas reachable from `root`.
pub(crate) fn read(
    root: &Value,
    options: &SchemaOptions,
    limits: &SchemaLimits,
    fuel: &mut Fuel,
) -> Result<Reading, SchemaError> {
    let resources = Resources::new(root, options.registry.iter(), options.draft)?;
    fuel.look_around()?;
    let mut reader = Reader {
        resources,
        options,
        limits,
        scopes: Scopes::default(),
        schemas: Returned::new(Vec::new()),
        unread: Arc::new(Schema::empty(String::new(), Draft::Draft202012)),
        ids: FxHashMap::default(),
        queue: Vec::new(),
        reported: FxHashSet::default(),
        definitions: Vec::new(),
        misspelt: misspelt::Misspelt::default(),
        report: Report::default(),
    };
    let start = reader.resources.root();
    let root = reader.location(start, ScopeId::EMPTY)?;
    while let Some((id, place, scope)) = reader.queue.pop() {
        fuel.spend(4)?;
        let waiting = reader.queue.len();
        let schema = reader.read_schema(place, scope)?;
        reader.schemas[id.0 as usize] = Arc::new(schema);
        // In the order in which they are written.
        reader.queue[waiting..].reverse();
    }
    reader.report_unreachable()?;
    check_circles(&reader.schemas)?;
    let tracks_evaluation = reader
        .schemas
        .iter()
        .any(|s| s.unevaluated_items.is_some() || s.unevaluated_properties.is_some());
    Ok(Reading { schemas: reader.schemas, root, report: reader.report, tracks_evaluation })
}

struct Reader<'a> {
    resources: Resources<'a>,
    options: &'a SchemaOptions,
    limits: &'a SchemaLimits,
    scopes: Scopes,
    schemas: Returned<Vec<Arc<Schema>>>,
    /// Stands for every one that is still to be read.
    unread: Arc<Schema>,
    ids: FxHashMap<(Address, ScopeId), LocId>,
    queue: Vec<(LocId, Place<'a>, ScopeId)>,
    /// Schemas in the report: one may be read several times, under several dynamic scopes.
    reported: FxHashSet<Address>,
    /// The definitions that the schemas hold.
    definitions: Vec<(String, &'a Value)>,
    misspelt: misspelt::Misspelt,
    report: Report,
}

impl<'a> Reader<'a> {
    /// The id of the schema at `place`, entered from `scope`; read later if it is new.
    fn location(&mut self, place: Place<'a>, scope: ScopeId) -> Result<LocId, SchemaError> {
        let resource = self.resources.get(place.resource);
        let scope = self.scopes.enter(scope, place.resource, resource);
        let key = (address(place.value), scope);
        if let Some(id) = self.ids.get(&key) {
            return Ok(*id);
        }
        self.check_count()?;
        pace(2)?;
        let id = LocId(self.schemas.len() as u32);
        self.schemas.push(self.unread.clone());
        self.ids.insert(key, id);
        self.queue.push((id, place, scope));
        Ok(id)
    }

    /// A schema that stands at no place of a document.
    fn synthetic(&mut self, schema: Schema) -> Result<LocId, SchemaError> {
        self.check_count()?;
        let id = LocId(self.schemas.len() as u32);
        self.schemas.push(Arc::new(schema));
        Ok(id)
    }

    fn check_count(&self) -> Result<(), SchemaError> {
        if self.schemas.len() >= self.limits.max_nodes as usize {
            let limit = u64::from(self.limits.max_nodes);
            return Err(AutomatonError::Limit { name: "max_nodes", limit }.into());
        }
        Ok(())
    }

    fn read_schema(&mut self, place: Place<'a>, scope: ScopeId) -> Result<Schema, SchemaError> {
        let resource = self.resources.get(place.resource);
        if let Some(vocabulary) = &resource.vocabularies.unknown {
            return Err(SchemaError::Unsupported {
                pointer: resource.pointer.clone(),
                keyword: "$schema".to_owned(),
                hint: format!("the metaschema requires the vocabulary `{vocabulary}`"),
            });
        }
        let mut schema = Schema::empty(place.pointer.clone(), resource.draft);
        let reports = self.reported.insert(address(place.value));
        match place.value {
            Value::Bool(verdict) => {
                schema.verdict = Some(*verdict);
                if reports {
                    self.report.add(&place.pointer, "", Status::Enforced, None);
                }
                Ok(schema)
            }
            Value::Object(map) => {
                if reports {
                    self.collect_definitions(map, &place.pointer)?;
                }
                keywords::read(self, &mut schema, map, &place, scope, reports)?;
                Ok(schema)
            }
            other => Err(SchemaError::Malformed {
                pointer: place.pointer,
                keyword: String::new(),
                message: format!("a schema is an object or a boolean, not {}", kind(other)),
            }),
        }
    }

    fn collect_definitions(
        &mut self,
        map: &'a serde_json::Map<String, Value>,
        pointer: &str,
    ) -> Result<(), SchemaError> {
        for keyword in ["$defs", "definitions"] {
            let Some(Value::Object(members)) = map.get(keyword) else { continue };
            for (name, value) in members {
                pace(1)?;
                let pointer = format!("{pointer}/{keyword}/{}", uri::escape_segment(name));
                self.definitions.push((pointer, value));
            }
        }
        Ok(())
    }

    fn report_unreachable(&mut self) -> Result<(), SchemaError> {
        for (pointer, value) in std::mem::take(&mut self.definitions) {
            pace(1)?;
            if !self.reported.contains(&address(value)) {
                let note = Some("no reference leads here".to_owned());
                self.report.add(&pointer, "", Status::Unreachable, note);
            }
        }
        Ok(())
    }
}

/// What a value is, for messages.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Refuses schemas that apply themselves to the same value.
fn check_circles(schemas: &[Arc<Schema>]) -> Result<(), SchemaError> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; schemas.len()];
    for start in 0..schemas.len() {
        if marks[start] != Mark::New {
            continue;
        }
        marks[start] = Mark::Open;
        pace(1)?;
        let children = |index: usize| -> Vec<LocId> { schemas[index].in_place().collect() };
        let mut stack = vec![(start, children(start))];
        while let Some((index, todo)) = stack.last_mut() {
            pace(1)?;
            let Some(next) = todo.pop() else {
                marks[*index] = Mark::Done;
                stack.pop();
                continue;
            };
            let next = next.0 as usize;
            match marks[next] {
                Mark::Done => {}
                Mark::Open => {
                    let pointer = schemas[next].pointer.clone();
                    return Err(SchemaError::Recursion { pointer });
                }
                Mark::New => {
                    marks[next] = Mark::Open;
                    stack.push((next, children(next)));
                }
            }
        }
    }
    Ok(())
}
