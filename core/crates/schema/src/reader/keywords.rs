//! One schema object: every keyword is read, known to be an annotation, or refused.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use serde_json::{Map, Value};
use structgen_automaton::{AutomatonError, pace};
use structgen_regex::{Ast, RegexErrorKind};

use super::scope::{RECURSIVE, ScopeId};
use super::{Reader, kind, misspelt, notes};
use crate::decimal::Decimal;
use crate::error::SchemaError;
use crate::format::Format;
use crate::location::{Bound, ContainsRule, LocId, Schema, TypeSet};
use crate::options::Draft;
use crate::report::Status;
use crate::resources::{Missing, Place};
use crate::string::compile_pattern;
use crate::uri;

/// Beyond this a size bound never matters: no document is so long.
const MAX_SIZE: u32 = 1 << 30;

/// Keywords whose meaning is part of that of a neighbour.
const PAIRED: &[&str] = &["minContains", "maxContains", "then", "else", "additionalItems"];

pub(super) struct Keywords<'r, 'a> {
    pub(super) reader: &'r mut Reader<'a>,
    pub(super) schema: &'r mut Schema,
    map: &'a Map<String, Value>,
    place: &'r Place<'a>,
    scope: ScopeId,
}

/// Reads the keywords of a schema; into the report too if it `reports`.
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    schema: &mut Schema,
    map: &'a Map<String, Value>,
    place: &Place<'a>,
    scope: ScopeId,
    reports: bool,
) -> Result<(), SchemaError> {
    if reader.options.draft.is_none()
        && let Some(uri) = map.get("$schema").and_then(Value::as_str)
        && let Some(unknown) = reader.resources.unknown_version(uri)
    {
        let meant = misspelt::version(unknown);
        let meant = meant.map_or(".".to_owned(), |uri| format!("; did you mean `{uri}`?"));
        return Err(SchemaError::Unsupported {
            pointer: place.pointer.clone(),
            keyword: "$schema".to_owned(),
            hint: format!(
                "`{unknown}` is none of drafts 4, 6, 7, 2019-09, 2020-12 and version 1, and no metaschema of the registry{meant} Name a version with the option `draft` to read the schema as that, or put the metaschema into `registry`"
            ),
        });
    }
    let vocabularies = reader.resources.get(place.resource).vocabularies.clone();
    let mut this = Keywords { reader, schema, map, place, scope };
    let draft = this.schema.draft;
    let lone_ref = draft <= Draft::Draft7 && map.contains_key("$ref");
    for (keyword, value) in map {
        let (status, note) = if lone_ref && keyword != "$ref" {
            (Status::Annotation, Some("this draft ignores keywords beside `$ref`".to_owned()))
        } else if let Some(vocabulary) = vocabularies.leave_out(keyword, draft) {
            let note = format!("the metaschema leaves the {vocabulary} vocabulary out");
            (Status::Annotation, Some(note))
        } else if draft >= Draft::V1 && !notes::in_version_1(keyword) {
            return Err(this.unknown_in_version_1(keyword, value));
        } else if !this.in_draft(keyword) {
            let note = "not a keyword of this draft";
            this.refuse_if_strict(keyword, || note.to_owned())?;
            (Status::Annotation, Some(note.to_owned()))
        } else if !notes::is_known(keyword) {
            this.unknown_keyword(keyword, value, reports)?
        } else {
            this.read_keyword(keyword, value, reports)?
        };
        let judged = matches!(status, Status::Enforced | Status::Residual);
        if judged && !keyword.ends_with("ef") {
            this.schema.asserts = true;
        }
        if reports {
            this.reader.report.add(&this.place.pointer, keyword, status, note);
        }
    }
    Ok(())
}

/// Characters of a part of a schema in a message.
const SHOWN: usize = 60;

/// A part of a schema for a message.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// A copy of a value, which may be large.
fn copied(value: &Value) -> Result<Value, AutomatonError> {
    pace(0)?;
    Ok(match value {
        Value::Array(elements) => Value::Array(copied_all(elements)?),
        Value::Object(members) => {
            let mut copies = Map::with_capacity(members.len());
            for (name, value) in members {
                copies.insert(name.clone(), copied(value)?);
            }
            Value::Object(copies)
        }
        scalar => scalar.clone(),
    })
}

fn copied_all(values: &[Value]) -> Result<Vec<Value>, AutomatonError> {
    let mut copies = Vec::with_capacity(values.len());
    for value in values {
        copies.push(copied(value)?);
    }
    Ok(copies)
}

/// What becomes of a keyword, and why.
type Fate = (Status, Option<String>);

fn annotation(note: impl Into<String>) -> Fate {
    (Status::Annotation, Some(note.into()))
}

impl<'a> Keywords<'_, 'a> {
    pub(super) fn pointer(&self) -> String {
        self.place.pointer.clone()
    }

    fn unknown_in_version_1(&mut self, keyword: &str, value: &Value) -> SchemaError {
        let meant = self.meant(keyword, value);
        SchemaError::Unsupported {
            pointer: self.place.pointer.clone(),
            keyword: keyword.to_owned(),
            hint: format!(
                "version 1 refuses keywords that it does not define{meant}; names of annotations of your own begin with `x-`"
            ),
        }
    }

    /// A question for the keyword that was probably meant, if one was.
    fn meant(&mut self, keyword: &str, value: &Value) -> String {
        let meant = self.reader.misspelt.keyword(keyword, value);
        meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"))
    }

    /// What becomes of a keyword that nobody defines.
    fn unknown_keyword(
        &mut self,
        keyword: &str,
        value: &Value,
        reports: bool,
    ) -> Result<Fate, SchemaError> {
        let meant = self.meant(keyword, value);
        let note = format!("{}{meant}", notes::of_annotation(keyword));
        self.refuse_if_strict(keyword, || match note == notes::UNKNOWN {
            true => format!("{note}; names of annotations of your own begin with `x-`"),
            false => note.clone(),
        })?;
        if reports && !meant.is_empty() {
            self.reader.report.mistake(&self.place.pointer, keyword, &note);
        }
        Ok(annotation(note))
    }

    fn refuse_if_strict(
        &self,
        keyword: &str,
        why: impl FnOnce() -> String,
    ) -> Result<(), SchemaError> {
        if !self.reader.options.strict {
            return Ok(());
        }
        Err(SchemaError::Unsupported {
            pointer: self.place.pointer.clone(),
            keyword: keyword.to_owned(),
            hint: format!("{} (the option `strict` refuses it)", why()),
        })
    }

    fn in_draft(&self, keyword: &str) -> bool {
        let draft = self.schema.draft;
        match keyword {
            "const" | "contains" | "propertyNames" => draft >= Draft::Draft6,
            "if" | "then" | "else" => draft >= Draft::Draft7,
            "$defs"
            | "dependentRequired"
            | "dependentSchemas"
            | "minContains"
            | "maxContains"
            | "unevaluatedItems"
            | "unevaluatedProperties" => draft >= Draft::Draft201909,
            "$recursiveRef" => draft == Draft::Draft201909,
            "prefixItems" | "$dynamicRef" => draft >= Draft::Draft202012,
            "propertyDependencies" => draft >= Draft::V1,
            _ => true,
        }
    }

    pub(super) fn malformed<T>(
        &self,
        keyword: &str,
        message: impl Into<String>,
    ) -> Result<T, SchemaError> {
        Err(SchemaError::Malformed {
            pointer: self.place.pointer.clone(),
            keyword: keyword.to_owned(),
            message: message.into(),
        })
    }

    pub(super) fn expected<T>(
        &self,
        keyword: &str,
        needed: &str,
        found: &Value,
    ) -> Result<T, SchemaError> {
        self.malformed(keyword, format!("needs {needed}, found {}", kind(found)))
    }

    fn read_keyword(
        &mut self,
        keyword: &str,
        value: &'a Value,
        reports: bool,
    ) -> Result<Fate, SchemaError> {
        match keyword {
            "type" => self.schema.types = Some(self.types(value)?),
            "enum" => {
                let Value::Array(values) = value else {
                    return self.expected(keyword, "an array", value);
                };
                self.schema.values.push(copied_all(values)?.into());
            }
            "const" => self.schema.values.push(Arc::new([copied(value)?])),
            "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" | "multipleOf" => {
                self.number_keyword(keyword, value)?;
            }
            "minLength" => self.schema.string.min = self.size(keyword, value)?,
            "maxLength" => self.schema.string.max = self.upper_size(keyword, value)?,
            "pattern" => {
                let Value::String(pattern) = value else {
                    return self.expected(keyword, "a string", value);
                };
                self.schema.string.pattern = Some(self.pattern(keyword, pattern)?);
            }
            "format" => return self.format(value, reports),
            "items" | "prefixItems" | "contains" | "minItems" | "maxItems" | "uniqueItems" => {
                self.array_keyword(keyword, value)?;
            }
            "properties"
            | "patternProperties"
            | "additionalProperties"
            | "propertyNames"
            | "required"
            | "minProperties"
            | "maxProperties"
            | "dependentRequired"
            | "dependentSchemas"
            | "dependencies" => self.object_keyword(keyword, value)?,
            "allOf" => {
                // `propertyDependencies` may have come before.
                let schemas = self.schema_list(keyword, value)?;
                self.schema.all_of.extend(schemas);
            }
            "anyOf" => self.schema.any_of = Some(self.schema_list(keyword, value)?),
            "oneOf" => self.schema.one_of = Some(self.schema_list(keyword, value)?),
            "not" => self.schema.not = Some(self.child(value, &[keyword])?),
            "if" => {
                self.schema.condition = Some(self.child(value, &[keyword])?);
                if let Some(then) = self.map.get("then") {
                    self.schema.then = Some(self.child(then, &["then"])?);
                }
                if let Some(otherwise) = self.map.get("else") {
                    self.schema.otherwise = Some(self.child(otherwise, &["else"])?);
                }
            }
            "$ref" | "$dynamicRef" | "$recursiveRef" => self.reference(keyword, value)?,
            "unevaluatedItems" => {
                self.schema.unevaluated_items = Some(self.child(value, &[keyword])?);
            }
            "unevaluatedProperties" => {
                self.schema.unevaluated_properties = Some(self.child(value, &[keyword])?);
            }
            "propertyDependencies" => self.property_dependencies(value)?,
            paired if PAIRED.contains(&paired) => return Ok(self.paired_status(paired)),
            other => return Ok(annotation(notes::of_annotation(other))),
        }
        if keyword == "uniqueItems" && self.schema.array.unique {
            let note = "an element that equals one before it is refused at its end at the latest";
            return Ok((Status::Residual, Some(note.to_owned())));
        }
        Ok((Status::Enforced, None))
    }

    fn paired_status(&self, keyword: &str) -> Fate {
        let (present, partner) = match keyword {
            "minContains" | "maxContains" => (self.map.contains_key("contains"), "`contains`"),
            "then" | "else" => (self.map.contains_key("if"), "`if`"),
            _ => (matches!(self.map.get("items"), Some(Value::Array(_))), "a list in `items`"),
        };
        if present {
            (Status::Enforced, None)
        } else {
            annotation(format!("means nothing without {partner}"))
        }
    }

    // -- values ---------------------------------------------------------------------------

    fn types(&self, value: &Value) -> Result<TypeSet, SchemaError> {
        let names: Vec<&Value> = match value {
            Value::String(_) => vec![value],
            Value::Array(names) => names.iter().collect(),
            _ => return self.expected("type", "a string or an array of strings", value),
        };
        let mut set = 0;
        for name in names {
            pace(0)?;
            match name.as_str().and_then(TypeSet::bit) {
                Some(bit) => set |= bit,
                None => {
                    let meant = name.as_str().and_then(misspelt::type_name);
                    let meant =
                        meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
                    let message = format!(
                        "{} is not the name of a type{meant}",
                        shortened(&name.to_string())
                    );
                    return self.malformed("type", message);
                }
            }
        }
        Ok(TypeSet(set))
    }

    fn decimal(&self, keyword: &str, value: &Value) -> Result<Decimal, SchemaError> {
        let Value::Number(number) = value else {
            return self.expected(keyword, "a number", value);
        };
        Decimal::parse(number).map_err(|_| SchemaError::Unsupported {
            pointer: self.place.pointer.clone(),
            keyword: keyword.to_owned(),
            hint: format!("{number} has more digits than a bound may have"),
        })
    }

    fn size(&self, keyword: &str, value: &Value) -> Result<u32, SchemaError> {
        let number = self.decimal(keyword, value)?;
        if number.negative || !number.is_integer() {
            return self.malformed(keyword, format!("needs a whole number, found {value}"));
        }
        Ok(number.to_u64().map_or(MAX_SIZE, |size| size.min(u64::from(MAX_SIZE)) as u32))
    }

    fn upper_size(&self, keyword: &str, value: &Value) -> Result<Option<u32>, SchemaError> {
        let size = self.size(keyword, value)?;
        Ok((size < MAX_SIZE).then_some(size))
    }

    fn number_keyword(&mut self, keyword: &str, value: &Value) -> Result<(), SchemaError> {
        let lower = keyword.ends_with("inimum");
        if let Value::Bool(_) = value {
            // Draft 4: a flag beside `minimum` or `maximum`, read there.
            let partner = if lower { "minimum" } else { "maximum" };
            let flagged = self.map.contains_key(partner) || self.schema.draft == Draft::Draft4;
            if keyword.starts_with("exclusive") && flagged {
                return Ok(());
            }
            return self.expected(keyword, "a number", value);
        }
        let number = self.decimal(keyword, value)?;
        if keyword == "multipleOf" {
            if number.negative || number.is_zero() {
                return self.malformed(keyword, format!("needs a positive number, found {value}"));
            }
            self.schema.number.multiple_of = Some(number);
            return Ok(());
        }
        let flag = if lower { "exclusiveMinimum" } else { "exclusiveMaximum" };
        let exclusive = keyword.starts_with("exclusive")
            || self.map.get(flag).and_then(Value::as_bool) == Some(true);
        let bound = Bound { value: number, exclusive };
        if lower {
            self.schema.number.lower.push(bound);
        } else {
            self.schema.number.upper.push(bound);
        }
        Ok(())
    }

    fn pattern(&self, keyword: &str, pattern: &str) -> Result<Arc<Ast>, SchemaError> {
        compile_pattern(pattern).map_err(|error| match error.kind {
            RegexErrorKind::Stopped(stop) => stop.into(),
            ref kind => SchemaError::Pattern {
                pointer: self.place.pointer.clone(),
                keyword: keyword.to_owned(),
                message: error.to_string(),
                unsupported: *kind != RegexErrorKind::Syntax,
                hint: error.hint.map(String::from),
            },
        })
    }

    fn format(&mut self, value: &Value, reports: bool) -> Result<Fate, SchemaError> {
        let Value::String(name) = value else {
            return self.expected("format", "a string", value);
        };
        if !self.reader.options.format_assertion {
            return Ok(annotation("`format_assertion` is off"));
        }
        match Format::known(name, self.schema.draft) {
            Some(format) => {
                self.schema.string.format = Some(format);
                Ok((Status::Enforced, None))
            }
            None if self.schema.draft >= Draft::V1 => Err(SchemaError::Unsupported {
                pointer: self.place.pointer.clone(),
                keyword: "format".to_owned(),
                hint: format!("version 1 refuses formats that it does not define, like `{name}`"),
            }),
            None => {
                let meant = misspelt::format(name);
                let question =
                    meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
                let note = format!("unknown format `{name}`{question}");
                self.refuse_if_strict("format", || note.clone())?;
                if reports && meant.is_some() {
                    self.reader.report.mistake(&self.place.pointer, "format", &note);
                }
                Ok(annotation(note))
            }
        }
    }

    // -- sub-schemas ----------------------------------------------------------------------

    pub(super) fn child(&mut self, value: &'a Value, path: &[&str]) -> Result<LocId, SchemaError> {
        let mut pointer = self.place.pointer.clone();
        for segment in path {
            pointer.push('/');
            pointer.push_str(&uri::escape_segment(segment));
        }
        let resource = self.reader.resources.rooted_at(value).unwrap_or(self.place.resource);
        self.reader.location(Place { value, pointer, resource }, self.scope)
    }

    fn schema_list(&mut self, keyword: &str, value: &'a Value) -> Result<Vec<LocId>, SchemaError> {
        let Value::Array(schemas) = value else {
            return self.expected(keyword, "an array of schemas", value);
        };
        let mut out = Vec::with_capacity(schemas.len());
        for (index, schema) in schemas.iter().enumerate() {
            out.push(self.child(schema, &[keyword, &index.to_string()])?);
        }
        Ok(out)
    }

    fn schema_map(
        &mut self,
        keyword: &str,
        value: &'a Value,
    ) -> Result<Vec<(String, LocId)>, SchemaError> {
        let Value::Object(schemas) = value else {
            return self.expected(keyword, "an object of schemas", value);
        };
        let mut out = Vec::with_capacity(schemas.len());
        for (name, schema) in schemas {
            out.push((name.clone(), self.child(schema, &[keyword, name])?));
        }
        Ok(out)
    }

    pub(super) fn names(&self, keyword: &str, value: &Value) -> Result<Vec<String>, SchemaError> {
        let Value::Array(names) = value else {
            return self.expected(keyword, "an array of strings", value);
        };
        let mut out: Vec<String> = Vec::with_capacity(names.len());
        let mut seen: FxHashSet<&str> = FxHashSet::default();
        for name in names {
            pace(0)?;
            let Value::String(name) = name else {
                return self.expected(keyword, "an array of strings", name);
            };
            if seen.insert(name) {
                out.push(name.clone());
            }
        }
        Ok(out)
    }

    fn array_keyword(&mut self, keyword: &str, value: &'a Value) -> Result<(), SchemaError> {
        match (keyword, value) {
            ("prefixItems", _) => self.schema.array.prefix = self.schema_list(keyword, value)?,
            // The array form belongs to the drafts before 2020-12, where nothing else may
            // be meant by it later either.
            ("items", Value::Array(_)) if self.schema.draft < Draft::V1 => {
                self.schema.array.prefix = self.schema_list(keyword, value)?;
                if let Some(rest) = self.map.get("additionalItems") {
                    self.schema.array.rest = Some(self.child(rest, &["additionalItems"])?);
                }
            }
            ("items", _) => self.schema.array.rest = Some(self.child(value, &[keyword])?),
            ("contains", _) => {
                let schema = self.child(value, &[keyword])?;
                let mut rule = ContainsRule { schema, min: 1, max: None };
                if self.in_draft("minContains") {
                    if let Some(min) = self.map.get("minContains") {
                        rule.min = self.size("minContains", min)?;
                    }
                    if let Some(max) = self.map.get("maxContains") {
                        rule.max = self.upper_size("maxContains", max)?;
                    }
                }
                self.schema.array.contains = Some(rule);
            }
            ("minItems", _) => self.schema.array.min = self.size(keyword, value)?,
            ("maxItems", _) => self.schema.array.max = self.upper_size(keyword, value)?,
            (_, Value::Bool(unique)) => self.schema.array.unique = *unique,
            _ => return self.expected(keyword, "a boolean", value),
        }
        Ok(())
    }

    fn object_keyword(&mut self, keyword: &str, value: &'a Value) -> Result<(), SchemaError> {
        match keyword {
            "properties" => {
                self.schema.object.lists = true;
                self.schema.object.properties = self.schema_map(keyword, value)?;
            }
            "patternProperties" => {
                self.schema.object.lists = true;
                for (pattern, schema) in self.schema_map(keyword, value)? {
                    let pattern = self.pattern(keyword, &pattern)?;
                    self.schema.object.patterns.push((pattern, schema));
                }
            }
            "additionalProperties" => {
                self.schema.object.additional = Some(self.child(value, &[keyword])?);
            }
            "propertyNames" => self.schema.object.names = Some(self.child(value, &[keyword])?),
            "required" => self.schema.object.required = self.names(keyword, value)?,
            "minProperties" => self.schema.object.min = self.size(keyword, value)?,
            "maxProperties" => self.schema.object.max = self.upper_size(keyword, value)?,
            "dependentSchemas" => {
                let schemas = self.schema_map(keyword, value)?;
                self.schema.object.dependent_schemas.extend(schemas);
            }
            _ => self.dependencies(keyword, value)?,
        }
        Ok(())
    }

    // -- references -----------------------------------------------------------------------

    fn reference(&mut self, keyword: &str, value: &'a Value) -> Result<(), SchemaError> {
        let Value::String(reference) = value else {
            return self.expected(keyword, "a string", value);
        };
        let target = if keyword == "$dynamicRef" && self.schema.draft >= Draft::V1 {
            self.outermost_anchor(reference)?
        } else {
            let base = self.place.resource;
            let found = self.reader.resources.resolve(base, reference);
            let found = found.map_err(|missing| self.unresolved(reference, missing))?;
            let dynamic = match keyword {
                "$ref" => None,
                _ => self.dynamic_target(keyword, reference, &found),
            };
            dynamic.unwrap_or(found)
        };
        let id = self.reader.location(target, self.scope)?;
        self.schema.refs.push(id);
        Ok(())
    }

    fn unresolved(&self, reference: &str, missing: Missing) -> SchemaError {
        SchemaError::Unresolved {
            pointer: self.place.pointer.clone(),
            reference: reference.to_owned(),
            message: missing.message,
            document: missing.document,
        }
    }

    /// Where `$dynamicRef` of version 1 leads: it names an anchor, and is resolved in the
    /// dynamic scope alone.
    fn outermost_anchor(&self, reference: &str) -> Result<Place<'a>, SchemaError> {
        let name = reference.strip_prefix('#').unwrap_or(reference);
        let outermost = self.reader.scopes.find(self.scope, name);
        let found = outermost.and_then(|id| self.reader.resources.dynamic_anchor(id, name));
        found.ok_or_else(|| {
            let message = format!("no schema on the way here has the `$dynamicAnchor` `{name}`");
            self.unresolved(reference, Missing { message, document: None })
        })
    }

    /// Where a dynamic reference leads, if the place it leads to statically has the anchor.
    fn dynamic_target(
        &self,
        keyword: &str,
        reference: &str,
        target: &Place<'a>,
    ) -> Option<Place<'a>> {
        let resources = &self.reader.resources;
        if keyword == "$recursiveRef" {
            if !resources.get(target.resource).recursive_anchor {
                return None;
            }
            let outermost = self.reader.scopes.find(self.scope, RECURSIVE)?;
            return resources.resolve(outermost, "#").ok();
        }
        let (_, anchor) = uri::split_fragment(reference);
        if target.value.get("$dynamicAnchor").and_then(Value::as_str) != Some(anchor) {
            return None;
        }
        let outermost = self.reader.scopes.find(self.scope, anchor)?;
        resources.dynamic_anchor(outermost, anchor)
    }
}
