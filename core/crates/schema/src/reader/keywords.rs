//! One schema object: every keyword is read, known to be an annotation, or refused.

use std::sync::Arc;

use serde_json::{Map, Value};
use structgen_regex::Ast;

use super::scope::{RECURSIVE, ScopeId};
use super::{Reader, kind};
use crate::decimal::Decimal;
use crate::error::SchemaError;
use crate::format::Format;
use crate::location::{Bound, ContainsRule, LocId, Schema, TypeSet};
use crate::options::Draft;
use crate::report::Status;
use crate::resources::Place;
use crate::string::{PatternError, compile_pattern};
use crate::uri;

/// Beyond this a size bound never matters: no document is so long.
const MAX_SIZE: u32 = 1 << 30;

/// Keywords that never constrain anything by themselves.
const SILENT: &[&str] = &["$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor"];

/// Keywords whose meaning is part of that of a neighbour.
const PAIRED: &[&str] = &["minContains", "maxContains", "then", "else", "additionalItems"];

struct Keywords<'r, 'a> {
    reader: &'r mut Reader<'a>,
    schema: &'r mut Schema,
    map: &'a Map<String, Value>,
    place: &'r Place<'a>,
    scope: ScopeId,
}

pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    schema: &mut Schema,
    map: &'a Map<String, Value>,
    place: &Place<'a>,
    scope: ScopeId,
    validates: bool,
) -> Result<(), SchemaError> {
    if reader.options.draft.is_none()
        && let Some(uri) = map.get("$schema").and_then(Value::as_str)
        && Draft::is_foreign(uri)
    {
        return Err(SchemaError::Unsupported {
            pointer: place.pointer.clone(),
            keyword: "$schema".to_owned(),
            hint: format!(
                "`{uri}` is none of drafts 4, 6, 7, 2019-09 and 2020-12; name one with the option `draft` to read it as that"
            ),
        });
    }
    let mut this = Keywords { reader, schema, map, place, scope };
    let lone_ref = this.schema.draft <= Draft::Draft7 && map.contains_key("$ref");
    for (keyword, value) in map {
        let status = if lone_ref && keyword != "$ref" {
            this.note(keyword, "this draft ignores keywords beside `$ref`");
            continue;
        } else if !validates && is_validation(keyword) {
            this.note(keyword, "the metaschema leaves the validation vocabulary out");
            continue;
        } else if !this.in_draft(keyword) {
            this.note(keyword, "not a keyword of this draft");
            continue;
        } else {
            this.read_keyword(keyword, value)?
        };
        if status == Status::Enforced && !keyword.ends_with("ef") {
            this.schema.asserts = true;
        }
        if !SILENT.contains(&keyword.as_str()) {
            this.reader.report.add(&this.place.pointer, keyword, status);
        }
    }
    Ok(())
}

/// Whether the validation vocabulary of 2019-09 and later holds the keyword.
fn is_validation(keyword: &str) -> bool {
    matches!(
        keyword,
        "type"
            | "enum"
            | "const"
            | "multipleOf"
            | "maximum"
            | "exclusiveMaximum"
            | "minimum"
            | "exclusiveMinimum"
            | "maxLength"
            | "minLength"
            | "pattern"
            | "maxItems"
            | "minItems"
            | "uniqueItems"
            | "maxContains"
            | "minContains"
            | "maxProperties"
            | "minProperties"
            | "required"
            | "dependentRequired"
    )
}

impl<'a> Keywords<'_, 'a> {
    fn note(&mut self, keyword: &str, note: &str) {
        self.reader.report.add_note(&self.place.pointer, keyword, Status::Annotation, note);
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
            _ => true,
        }
    }

    fn malformed<T>(&self, keyword: &str, message: impl Into<String>) -> Result<T, SchemaError> {
        Err(SchemaError::Malformed {
            pointer: self.place.pointer.clone(),
            keyword: keyword.to_owned(),
            message: message.into(),
        })
    }

    fn expected<T>(&self, keyword: &str, needed: &str, found: &Value) -> Result<T, SchemaError> {
        self.malformed(keyword, format!("needs {needed}, found {}", kind(found)))
    }

    fn read_keyword(&mut self, keyword: &str, value: &'a Value) -> Result<Status, SchemaError> {
        match keyword {
            "type" => self.schema.types = Some(self.types(value)?),
            "enum" => {
                let Value::Array(values) = value else {
                    return self.expected(keyword, "an array", value);
                };
                self.schema.values.push(values.clone().into());
            }
            "const" => self.schema.values.push(Arc::new([value.clone()])),
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
            "format" => return self.format(value),
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
            "allOf" => self.schema.all_of = self.schema_list(keyword, value)?,
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
            paired if PAIRED.contains(&paired) => return Ok(self.paired_status(paired)),
            _ => return Ok(Status::Annotation),
        }
        Ok(Status::Enforced)
    }

    fn paired_status(&self, keyword: &str) -> Status {
        let present = match keyword {
            "minContains" | "maxContains" => self.map.contains_key("contains"),
            "then" | "else" => self.map.contains_key("if"),
            _ => matches!(self.map.get("items"), Some(Value::Array(_))),
        };
        if present { Status::Enforced } else { Status::Annotation }
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
            match name.as_str().and_then(TypeSet::bit) {
                Some(bit) => set |= bit,
                None => {
                    return self.malformed("type", format!("{name} is not the name of a type"));
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
        compile_pattern(pattern).map_err(|error| match error {
            PatternError::Syntax(message) => SchemaError::Malformed {
                pointer: self.place.pointer.clone(),
                keyword: keyword.to_owned(),
                message,
            },
            PatternError::Unsupported(hint) => SchemaError::Unsupported {
                pointer: self.place.pointer.clone(),
                keyword: keyword.to_owned(),
                hint,
            },
        })
    }

    fn format(&mut self, value: &Value) -> Result<Status, SchemaError> {
        let Value::String(name) = value else {
            return self.expected("format", "a string", value);
        };
        if !self.reader.options.format_assertion {
            return Ok(Status::Annotation);
        }
        match Format::known(name, self.schema.draft) {
            Some(format) => {
                self.schema.string.format = Some(format);
                Ok(Status::Enforced)
            }
            None => Ok(Status::Annotation),
        }
    }

    // -- sub-schemas ----------------------------------------------------------------------

    fn child(&mut self, value: &'a Value, path: &[&str]) -> Result<LocId, SchemaError> {
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

    fn names(&self, keyword: &str, value: &Value) -> Result<Vec<String>, SchemaError> {
        let Value::Array(names) = value else {
            return self.expected(keyword, "an array of strings", value);
        };
        let mut out: Vec<String> = Vec::with_capacity(names.len());
        for name in names {
            let Value::String(name) = name else {
                return self.expected(keyword, "an array of strings", name);
            };
            if !out.contains(name) {
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
            ("items", Value::Array(_)) => {
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
            "properties" => self.schema.object.properties = self.schema_map(keyword, value)?,
            "patternProperties" => {
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

    /// `dependentRequired`, and `dependencies` with its mixture of names and schemas.
    fn dependencies(&mut self, keyword: &str, value: &'a Value) -> Result<(), SchemaError> {
        let Value::Object(members) = value else {
            return self.expected(keyword, "an object", value);
        };
        for (name, needed) in members {
            match needed {
                Value::Array(_) => {
                    let needed = self.names(keyword, needed)?;
                    self.schema.object.dependent_required.push((name.clone(), needed));
                }
                Value::Object(_) | Value::Bool(_) if keyword == "dependencies" => {
                    let schema = self.child(needed, &[keyword, name])?;
                    self.schema.object.dependent_schemas.push((name.clone(), schema));
                }
                _ => return self.expected(keyword, "an array of names", needed),
            }
        }
        Ok(())
    }

    // -- references -----------------------------------------------------------------------

    fn reference(&mut self, keyword: &str, value: &'a Value) -> Result<(), SchemaError> {
        let Value::String(reference) = value else {
            return self.expected(keyword, "a string", value);
        };
        let base = self.place.resource;
        let unresolved = |message: String| SchemaError::Unresolved {
            pointer: self.place.pointer.clone(),
            reference: reference.clone(),
            message,
        };
        let mut target = self.reader.resources.resolve(base, reference).map_err(unresolved)?;
        if keyword != "$ref" {
            if let Some(dynamic) = self.dynamic_target(keyword, reference, &target) {
                target = dynamic;
            }
        }
        let id = self.reader.location(target, self.scope)?;
        self.schema.refs.push(id);
        Ok(())
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
        resources.get(outermost).anchors.get(anchor).cloned()
    }
}
