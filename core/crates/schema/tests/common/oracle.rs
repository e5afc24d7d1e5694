//! A plain evaluator of JSON Schema 2020-12 for small schemas, written without any of the
//! recogniser's ideas: each keyword says yes or no about a parsed value.

use serde_json::{Map, Value};

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

fn size(schema: &Map<String, Value>, keyword: &str) -> Option<usize> {
    schema.get(keyword).and_then(number).map(|n| n as usize)
}

/// Equality of JSON values: numbers by value, members in any order.
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => number(a) == number(b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(k, v)| b.get(k).is_some_and(|other| equal(v, other)))
        }
        _ => a == b,
    }
}

fn is_type(value: &Value, name: &str) -> bool {
    match (value, name) {
        (Value::Null, "null")
        | (Value::Bool(_), "boolean")
        | (Value::Number(_), "number")
        | (Value::String(_), "string")
        | (Value::Array(_), "array")
        | (Value::Object(_), "object") => true,
        (Value::Number(_), "integer") => number(value).is_some_and(|n| n.fract() == 0.0),
        _ => false,
    }
}

/// What `.` does not match.
const LINE_ENDS: [char; 4] = ['\n', '\r', '\u{2028}', '\u{2029}'];

/// The languages of patterns that the random schemas use.
fn finds(pattern: &str, text: &str) -> bool {
    match pattern {
        "^a" => text.starts_with('a'),
        "b$" => text.ends_with('b'),
        "a" => text.contains('a'),
        "^.?$" => text.chars().count() <= 1 && !text.contains(LINE_ENDS),
        other => panic!("no pattern {other}"),
    }
}

/// What a value has had evaluated.
#[derive(Default)]
struct Evaluated {
    keys: Vec<String>,
    items: Vec<usize>,
}

impl Evaluated {
    fn absorb(&mut self, other: Evaluated) {
        self.keys.extend(other.keys);
        self.items.extend(other.items);
    }
}

pub fn valid(root: &Value, value: &Value) -> bool {
    check(root, root, value).is_some()
}

fn check(root: &Value, schema: &Value, value: &Value) -> Option<Evaluated> {
    let schema = match schema {
        Value::Bool(verdict) => return verdict.then(Evaluated::default),
        Value::Object(schema) => schema,
        _ => return None,
    };
    let mut seen = Evaluated::default();
    let ok = |holds: bool| if holds { Some(()) } else { None };
    if let Some(Value::String(reference)) = schema.get("$ref") {
        let target = root.pointer(reference.trim_start_matches('#'))?;
        seen.absorb(check(root, target, value)?);
    }
    match schema.get("type") {
        Some(Value::String(name)) => ok(is_type(value, name))?,
        Some(Value::Array(names)) => {
            ok(names.iter().any(|name| name.as_str().is_some_and(|name| is_type(value, name))))?;
        }
        _ => {}
    }
    if let Some(expected) = schema.get("const") {
        ok(equal(expected, value))?;
    }
    if let Some(Value::Array(options)) = schema.get("enum") {
        ok(options.iter().any(|option| equal(option, value)))?;
    }
    if let Some(n) = number(value) {
        let bound = |keyword: &str| schema.get(keyword).and_then(number);
        ok(bound("minimum").is_none_or(|limit| n >= limit))?;
        ok(bound("maximum").is_none_or(|limit| n <= limit))?;
        ok(bound("exclusiveMinimum").is_none_or(|limit| n > limit))?;
        ok(bound("exclusiveMaximum").is_none_or(|limit| n < limit))?;
        ok(bound("multipleOf").is_none_or(|step| (n / step).fract() == 0.0))?;
    }
    if let Value::String(text) = value {
        let length = text.chars().count();
        ok(size(schema, "minLength").is_none_or(|min| length >= min))?;
        ok(size(schema, "maxLength").is_none_or(|max| length <= max))?;
        if let Some(Value::String(pattern)) = schema.get("pattern") {
            ok(finds(pattern, text))?;
        }
    }
    if let Value::Array(items) = value {
        check_array(root, schema, items, &mut seen)?;
    }
    if let Value::Object(members) = value {
        check_object(root, schema, members, &mut seen)?;
    }
    check_applicators(root, schema, value, &mut seen)?;
    if let (Value::Array(items), Some(rest)) = (value, schema.get("unevaluatedItems")) {
        for (index, item) in items.iter().enumerate() {
            if !seen.items.contains(&index) {
                check(root, rest, item)?;
                seen.items.push(index);
            }
        }
    }
    if let (Value::Object(members), Some(rest)) = (value, schema.get("unevaluatedProperties")) {
        for (key, member) in members {
            if !seen.keys.contains(key) {
                check(root, rest, member)?;
                seen.keys.push(key.clone());
            }
        }
    }
    Some(seen)
}

fn check_array(
    root: &Value,
    schema: &Map<String, Value>,
    items: &[Value],
    seen: &mut Evaluated,
) -> Option<()> {
    let ok = |holds: bool| if holds { Some(()) } else { None };
    ok(size(schema, "minItems").is_none_or(|min| items.len() >= min))?;
    ok(size(schema, "maxItems").is_none_or(|max| items.len() <= max))?;
    let prefix = match schema.get("prefixItems") {
        Some(Value::Array(prefix)) => prefix.as_slice(),
        _ => &[],
    };
    for (index, item) in items.iter().enumerate() {
        if let Some(schema) = prefix.get(index).or(schema.get("items")) {
            check(root, schema, item)?;
            seen.items.push(index);
        }
    }
    if let Some(contained) = schema.get("contains") {
        let mut count = 0;
        for (index, item) in items.iter().enumerate() {
            if check(root, contained, item).is_some() {
                count += 1;
                seen.items.push(index);
            }
        }
        ok(count >= size(schema, "minContains").unwrap_or(1))?;
        ok(size(schema, "maxContains").is_none_or(|max| count <= max))?;
    }
    if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
        for (index, item) in items.iter().enumerate() {
            ok(items[..index].iter().all(|other| !equal(item, other)))?;
        }
    }
    Some(())
}

fn check_object(
    root: &Value,
    schema: &Map<String, Value>,
    members: &Map<String, Value>,
    seen: &mut Evaluated,
) -> Option<()> {
    let ok = |holds: bool| if holds { Some(()) } else { None };
    ok(size(schema, "minProperties").is_none_or(|min| members.len() >= min))?;
    ok(size(schema, "maxProperties").is_none_or(|max| members.len() <= max))?;
    if let Some(Value::Array(required)) = schema.get("required") {
        ok(required.iter().all(|name| name.as_str().is_some_and(|n| members.contains_key(n))))?;
    }
    let empty = Map::new();
    let map = |keyword: &str| schema.get(keyword).and_then(Value::as_object).unwrap_or(&empty);
    for (key, member) in members {
        let mut known = false;
        if let Some(schema) = map("properties").get(key) {
            known = true;
            check(root, schema, member)?;
        }
        for (pattern, schema) in map("patternProperties") {
            if finds(pattern, key) {
                known = true;
                check(root, schema, member)?;
            }
        }
        if let (false, Some(schema)) = (known, schema.get("additionalProperties")) {
            known = true;
            check(root, schema, member)?;
        }
        if known {
            seen.keys.push(key.clone());
        }
        if let Some(names) = schema.get("propertyNames") {
            check(root, names, &Value::String(key.clone()))?;
        }
    }
    for (key, needed) in map("dependentRequired") {
        if members.contains_key(key) {
            let needed = needed.as_array()?;
            ok(needed.iter().all(|n| n.as_str().is_some_and(|n| members.contains_key(n))))?;
        }
    }
    Some(())
}

fn check_applicators(
    root: &Value,
    schema: &Map<String, Value>,
    value: &Value,
    seen: &mut Evaluated,
) -> Option<()> {
    let ok = |holds: bool| if holds { Some(()) } else { None };
    let list = |keyword: &str| schema.get(keyword).and_then(Value::as_array);
    for branch in list("allOf").into_iter().flatten() {
        seen.absorb(check(root, branch, value)?);
    }
    if let Some(branches) = list("anyOf") {
        let found: Vec<Evaluated> =
            branches.iter().filter_map(|branch| check(root, branch, value)).collect();
        ok(!found.is_empty())?;
        found.into_iter().for_each(|found| seen.absorb(found));
    }
    if let Some(branches) = list("oneOf") {
        let mut found: Vec<Evaluated> =
            branches.iter().filter_map(|branch| check(root, branch, value)).collect();
        ok(found.len() == 1)?;
        seen.absorb(found.pop()?);
    }
    if let Some(inner) = schema.get("not") {
        ok(check(root, inner, value).is_none())?;
    }
    if let Some(condition) = schema.get("if") {
        let branch = match check(root, condition, value) {
            Some(found) => {
                seen.absorb(found);
                "then"
            }
            None => "else",
        };
        if let Some(branch) = schema.get(branch) {
            seen.absorb(check(root, branch, value)?);
        }
    }
    if let Some(Value::Object(schemas)) = schema.get("dependentSchemas") {
        for (key, branch) in schemas {
            if value.get(key).is_some() {
                seen.absorb(check(root, branch, value)?);
            }
        }
    }
    Some(())
}
