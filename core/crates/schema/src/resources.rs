//! Schema resources: documents and the schemas embedded in them that have an identifier
//! of their own, with their anchors and drafts.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde_json::Value;
use structgen_automaton::pace;

use crate::error::{SchemaError, shown};
use crate::options::Draft;
use crate::uri;
use crate::vocabulary::Vocabularies;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ResourceId(pub(crate) u32);

/// Identity of a value inside the documents, which do not move while they are read.
pub(crate) type Address = usize;

pub(crate) fn address(value: &Value) -> Address {
    std::ptr::from_ref(value) as usize
}

pub(crate) struct Resource<'a> {
    pub(crate) uri: String,
    pub(crate) root: &'a Value,
    pub(crate) pointer: String,
    pub(crate) draft: Draft,
    pub(crate) vocabularies: Vocabularies,
    pub(crate) anchors: FxHashMap<String, Place<'a>>,
    /// Anchors that `$dynamicRef` looks for.
    pub(crate) dynamic_anchors: BTreeMap<String, Place<'a>>,
    /// `$recursiveAnchor: true` at the root (2019-09).
    pub(crate) recursive_anchor: bool,
}

/// A value in a document and how to name it.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) value: &'a Value,
    pub(crate) pointer: String,
    pub(crate) resource: ResourceId,
}

/// All documents that references may lead to.
pub(crate) struct Resources<'a> {
    pub(crate) all: Vec<Resource<'a>>,
    by_uri: FxHashMap<String, ResourceId>,
    /// Embedded resources by the address of their root.
    roots: FxHashMap<Address, ResourceId>,
}

/// How a keyword holds schemas.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Schema,
    List,
    Map,
    /// A map of maps.
    Maps,
}

/// Where a draft keeps sub-schemas.
fn holds(keyword: &str, draft: Draft) -> Option<&'static [Holds]> {
    use Holds::{List, Map, Maps, Schema};
    let (since, until, holds): (Draft, Draft, &'static [Holds]) = match keyword {
        "properties" | "patternProperties" => (Draft::Draft4, Draft::V1, &[Map]),
        "definitions" => (Draft::Draft4, Draft::Draft202012, &[Map]),
        "$defs" | "dependentSchemas" => (Draft::Draft201909, Draft::V1, &[Map]),
        "dependencies" => (Draft::Draft4, Draft::V1, &[Map]),
        "allOf" | "anyOf" | "oneOf" => (Draft::Draft4, Draft::V1, &[List]),
        "prefixItems" => (Draft::Draft202012, Draft::V1, &[List]),
        "items" => (Draft::Draft4, Draft::V1, &[Schema, List]),
        "not" | "additionalProperties" => (Draft::Draft4, Draft::V1, &[Schema]),
        "additionalItems" => (Draft::Draft4, Draft::Draft201909, &[Schema]),
        "contains" | "propertyNames" => (Draft::Draft6, Draft::V1, &[Schema]),
        "if" | "then" | "else" => (Draft::Draft7, Draft::V1, &[Schema]),
        "unevaluatedItems" | "unevaluatedProperties" | "contentSchema" => {
            (Draft::Draft201909, Draft::V1, &[Schema])
        }
        "propertyDependencies" => (Draft::V1, Draft::V1, &[Maps]),
        _ => return None,
    };
    (since <= draft && draft <= until).then_some(holds)
}

pub(crate) fn id_keyword(draft: Draft) -> &'static str {
    if draft == Draft::Draft4 { "id" } else { "$id" }
}

/// Until draft 7, keywords beside `$ref` are ignored, `$id` included.
fn ref_hides_siblings(draft: Draft) -> bool {
    draft <= Draft::Draft7
}

impl<'a> Resources<'a> {
    /// Reads the root document and the registry.
    pub(crate) fn new(
        root: &'a Value,
        registry: impl Iterator<Item = (&'a String, &'a Value)>,
        forced: Option<Draft>,
    ) -> Result<Self, SchemaError> {
        let mut this = Resources {
            all: Vec::new(),
            by_uri: FxHashMap::default(),
            roots: FxHashMap::default(),
        };
        let registry: Vec<(&'a String, &'a Value)> = registry.collect();
        let mut metaschemas: FxHashMap<&str, &'a Value> = FxHashMap::default();
        for (uri, value) in &registry {
            pace(0)?;
            metaschemas.insert(uri.trim_end_matches('#'), value);
        }
        let default = forced.unwrap_or(Draft::Draft202012);
        this.add_document("", root, String::new(), default, forced, &metaschemas)?;
        let main_draft = this.all.first().map_or(default, |resource| resource.draft);
        for (uri, value) in registry {
            let uri = uri.trim_end_matches('#');
            this.add_document(uri, value, uri.to_owned(), main_draft, None, &metaschemas)?;
        }
        Ok(this)
    }

    pub(crate) fn get(&self, id: ResourceId) -> &Resource<'a> {
        &self.all[id.0 as usize]
    }

    /// The root of the main document.
    pub(crate) fn root(&self) -> Place<'a> {
        let resource = ResourceId(0);
        let Resource { root, pointer, .. } = self.get(resource);
        Place { value: root, pointer: pointer.clone(), resource }
    }

    /// The resource whose root `value` is, if any.
    pub(crate) fn rooted_at(&self, value: &Value) -> Option<ResourceId> {
        self.roots.get(&address(value)).copied()
    }

    fn add_document(
        &mut self,
        uri: &str,
        value: &'a Value,
        pointer: String,
        default: Draft,
        forced: Option<Draft>,
        metaschemas: &FxHashMap<&str, &'a Value>,
    ) -> Result<(), SchemaError> {
        let id = self.add_resource(uri, value, pointer.clone(), default, forced, metaschemas);
        self.by_uri.entry(uri.to_owned()).or_insert(id);
        // An explicit stack: documents may nest deeply.
        let mut stack = vec![Place { value, pointer, resource: id }];
        while let Some(place) = stack.pop() {
            pace(2)?;
            self.index_schema(place, forced, metaschemas, &mut stack)?;
        }
        Ok(())
    }

    fn add_resource(
        &mut self,
        uri: &str,
        root: &'a Value,
        pointer: String,
        default: Draft,
        forced: Option<Draft>,
        metaschemas: &FxHashMap<&str, &'a Value>,
    ) -> ResourceId {
        let id = ResourceId(self.all.len() as u32);
        let (draft, vocabularies) = draft_of(root, default, forced, metaschemas);
        let recursive_anchor = draft == Draft::Draft201909
            && root.get("$recursiveAnchor").and_then(Value::as_bool) == Some(true);
        self.all.push(Resource {
            uri: uri.to_owned(),
            root,
            pointer,
            draft,
            vocabularies,
            anchors: FxHashMap::default(),
            dynamic_anchors: BTreeMap::new(),
            recursive_anchor,
        });
        self.roots.insert(address(root), id);
        id
    }

    fn index_schema(
        &mut self,
        place: Place<'a>,
        forced: Option<Draft>,
        metaschemas: &FxHashMap<&str, &'a Value>,
        stack: &mut Vec<Place<'a>>,
    ) -> Result<(), SchemaError> {
        let Value::Object(map) = place.value else { return Ok(()) };
        let mut resource = place.resource;
        let mut draft = self.get(resource).draft;
        let hidden = ref_hides_siblings(draft) && map.contains_key("$ref");
        let id = map.get(id_keyword(draft)).and_then(Value::as_str).filter(|_| !hidden);
        if let Some(id) = id {
            let (before, fragment) = uri::split_fragment(id);
            if !before.is_empty() {
                let full = uri::resolve(&self.get(resource).uri, before);
                if address(place.value) == address(self.get(resource).root) {
                    // The document's own name for itself.
                    let root = &mut self.all[resource.0 as usize];
                    root.uri.clone_from(&full);
                } else {
                    resource = self.add_resource(
                        &full,
                        place.value,
                        place.pointer.clone(),
                        draft,
                        forced,
                        metaschemas,
                    );
                    draft = self.get(resource).draft;
                }
                self.by_uri.entry(full).or_insert(resource);
            }
            if draft <= Draft::Draft7 && !fragment.is_empty() {
                self.add_anchor(resource, fragment, &place);
            }
        }
        if draft >= Draft::Draft201909 {
            if let Some(anchor) = map.get("$anchor").and_then(Value::as_str) {
                self.add_anchor(resource, anchor, &place);
            }
        }
        if draft >= Draft::Draft202012 {
            if let Some(anchor) = map.get("$dynamicAnchor").and_then(Value::as_str) {
                // In version 1, `$ref` and `$dynamicRef` have nothing in common any more.
                if draft == Draft::Draft202012 {
                    self.add_anchor(resource, anchor, &place);
                }
                let place = Place { resource, ..place.clone() };
                let anchors = &mut self.all[resource.0 as usize].dynamic_anchors;
                anchors.entry(anchor.to_owned()).or_insert(place);
            }
        }
        let hidden = ref_hides_siblings(draft) && map.contains_key("$ref");
        for (keyword, value) in map {
            pace(0)?;
            if hidden && keyword != "definitions" {
                continue;
            }
            let Some(kinds) = holds(keyword, draft) else { continue };
            let pointer = format!("{}/{}", place.pointer, uri::escape_segment(keyword));
            match value {
                Value::Object(_) if kinds.contains(&Holds::Schema) => {
                    stack.push(Place { value, pointer, resource });
                }
                Value::Object(members) if kinds.contains(&Holds::Map) => {
                    for (name, value) in members {
                        pace(1)?;
                        let pointer = format!("{pointer}/{}", uri::escape_segment(name));
                        stack.push(Place { value, pointer, resource });
                    }
                }
                Value::Object(members) if kinds.contains(&Holds::Maps) => {
                    for (name, inner) in members {
                        let Value::Object(inner) = inner else { continue };
                        let pointer = format!("{pointer}/{}", uri::escape_segment(name));
                        for (name, value) in inner {
                            pace(1)?;
                            let pointer = format!("{pointer}/{}", uri::escape_segment(name));
                            stack.push(Place { value, pointer, resource });
                        }
                    }
                }
                Value::Array(elements) if kinds.contains(&Holds::List) => {
                    for (index, value) in elements.iter().enumerate() {
                        pace(1)?;
                        let pointer = format!("{pointer}/{index}");
                        stack.push(Place { value, pointer, resource });
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn add_anchor(&mut self, resource: ResourceId, name: &str, place: &Place<'a>) {
        let place = Place { resource, ..place.clone() };
        self.all[resource.0 as usize].anchors.entry(name.to_owned()).or_insert(place);
    }

    /// The schema of `resource` with that `$dynamicAnchor`.
    pub(crate) fn dynamic_anchor(&self, resource: ResourceId, name: &str) -> Option<Place<'a>> {
        self.get(resource).dynamic_anchors.get(name).cloned()
    }

    /// The URI that is neither a known version nor a document of the registry, among `uri` of a
    /// `$schema` and those that its metaschemas name.
    pub(crate) fn unknown_version(&self, uri: &'a str) -> Option<&'a str> {
        let mut uri = uri;
        for _ in 0..METASCHEMAS {
            if Draft::from_uri(uri).is_some() {
                return None;
            }
            let name = uri.trim_end_matches('#');
            // The root document has no name, unless it gives itself one.
            let Some(id) = self.by_uri.get(name).filter(|_| !name.is_empty()) else {
                return Some(uri);
            };
            // A metaschema that names none is written in the draft of the schema.
            uri = self.get(*id).root.get("$schema").and_then(Value::as_str)?;
        }
        Some(uri)
    }

    /// Where `reference`, written inside `base`, leads.
    pub(crate) fn resolve(&self, base: ResourceId, reference: &str) -> Result<Place<'a>, Missing> {
        let (before, fragment) = uri::split_fragment(reference);
        let target = if before.is_empty() {
            base
        } else {
            let full = uri::resolve(&self.get(base).uri, before);
            match self.by_uri.get(&full) {
                Some(id) => *id,
                None => {
                    let message = format!("the registry holds no document `{full}`");
                    return Err(Missing { message, document: Some(full) });
                }
            }
        };
        let broken = "the fragment is not valid percent encoding of UTF-8";
        let fragment = uri::percent_decode(fragment).ok_or_else(|| Missing::place(broken))?;
        let resource = self.get(target);
        if fragment.is_empty() {
            return Ok(Place {
                value: resource.root,
                pointer: resource.pointer.clone(),
                resource: target,
            });
        }
        if !fragment.starts_with('/') {
            return resource
                .anchors
                .get(&fragment)
                .cloned()
                .ok_or_else(|| Missing::place(format!("there is no anchor `{fragment}`")));
        }
        self.follow_pointer(target, &fragment).map_err(Missing::place)
    }

    fn follow_pointer(&self, target: ResourceId, fragment: &str) -> Result<Place<'a>, String> {
        let resource = self.get(target);
        let mut place =
            Place { value: resource.root, pointer: resource.pointer.clone(), resource: target };
        for raw in fragment.split('/').skip(1) {
            let segment = uri::unescape_segment(raw);
            let next = match place.value {
                Value::Object(map) => map.get(&segment),
                Value::Array(elements) => {
                    segment.parse::<usize>().ok().and_then(|index| elements.get(index))
                }
                _ => None,
            };
            let Some(value) = next else {
                return Err(format!(
                    "there is nothing at `{segment}` in `{}`",
                    shown(&place.pointer)
                ));
            };
            place.pointer = format!("{}/{}", place.pointer, uri::escape_segment(&segment));
            place.value = value;
            if let Some(inner) = self.rooted_at(value) {
                place.resource = inner;
            }
        }
        Ok(place)
    }
}

/// Why a reference leads nowhere.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) message: String,
    /// The document that is not there.
    pub(crate) document: Option<String>,
}

impl Missing {
    fn place(message: impl Into<String>) -> Self {
        Missing { message: message.into(), document: None }
    }
}

/// A metaschema may name a metaschema of its own; a handful of hops is plenty.
const METASCHEMAS: usize = 8;

/// The draft of a resource root, and the vocabularies that its metaschema uses.
fn draft_of(
    root: &Value,
    default: Draft,
    forced: Option<Draft>,
    metaschemas: &FxHashMap<&str, &Value>,
) -> (Draft, Vocabularies) {
    if let Some(draft) = forced {
        return (draft, Vocabularies::all());
    }
    let mut draft = default;
    let mut vocabularies = Vocabularies::all();
    let mut current = root;
    for hop in 0..METASCHEMAS {
        let Some(uri) = current.get("$schema").and_then(Value::as_str) else { break };
        if let Some(known) = Draft::from_uri(uri) {
            draft = known;
            break;
        }
        let Some(metaschema) = metaschemas.get(uri.trim_end_matches('#')) else { break };
        if hop == 0 {
            if let Some(Value::Object(listed)) = metaschema.get("$vocabulary") {
                vocabularies = Vocabularies::listed(listed);
            }
        }
        current = metaschema;
    }
    (draft, vocabularies)
}
