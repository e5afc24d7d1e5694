//! Schemas that strangers send: a result or a typed error, soon.

mod common;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use structgen_automaton::{ByteAutomaton, Fuel};
use structgen_schema::{PropertyOrder, SchemaAutomaton, SchemaError, SchemaLimits, SchemaOptions};

/// Compiles, looks at every first byte and reads `prefix`; says how long that took.
fn attack(name: &str, schema: &Value, prefix: &str, order: PropertyOrder) -> Option<SchemaError> {
    let started = Instant::now();
    let options = SchemaOptions { property_order: order, ..SchemaOptions::default() };
    let mut fuel =
        Fuel::new("max_steps", 20_000_000).with_deadline("max_seconds", Duration::from_secs(5));
    let limits = SchemaLimits::default();
    let outcome = (|| -> Result<(), SchemaError> {
        let mut automaton = SchemaAutomaton::new(schema, &options, &limits, &mut fuel)?;
        let mut state = automaton.start(&mut fuel)?;
        for byte in prefix.bytes() {
            for other in 0..=255 {
                automaton.step(state, other, &mut fuel)?;
            }
            state = automaton.step(state, byte, &mut fuel)?;
            assert!(!state.is_dead(), "{name}: {prefix} dies at {}", byte as char);
        }
        automaton.completion(state, &mut fuel)?;
        Ok(())
    })();
    let elapsed = started.elapsed();
    println!(
        "{name}: {elapsed:?} {}",
        outcome.as_ref().err().map_or("ok".into(), |e| e.to_string())
    );
    // Builds for tests are slow, and so may be the machine.
    assert!(elapsed < Duration::from_secs(20), "{name} took {elapsed:?}");
    outcome.err()
}

fn nested(depth: usize, wrap: impl Fn(Value) -> Value, seed: Value) -> Value {
    (0..depth).fold(seed, |inner, _| wrap(inner))
}

#[test]
fn lengths_and_patterns() {
    let order = PropertyOrder::Schema;
    assert!(
        attack("maxLength", &json!({"type": "string", "maxLength": 100_000}), "\"abc", order)
            .is_none()
    );
    for pattern in ["^(a|b)*a(a|b){20}$", "^.{0,5000}$", "(?:\\S+\\s+){0,49}\\S+", "^(a+)+$"] {
        let schema = json!({"type": "string", "pattern": pattern, "maxLength": 500});
        assert!(attack(pattern, &schema, "\"aa", order).is_none());
    }
}

#[test]
fn many_things() {
    let mut properties = serde_json::Map::new();
    for index in 0..500 {
        properties.insert(format!("property_{index}"), json!({"type": "string"}));
    }
    let schema = json!({"type": "object", "properties": properties});
    for order in [PropertyOrder::Schema, PropertyOrder::Any] {
        assert!(
            attack("500 properties", &schema, "{\"property_3\": \"x\", \"property_7", order)
                .is_none()
        );
    }
    let options: Vec<String> = (0..5000).map(|index| format!("option number {index}")).collect();
    assert!(
        attack("5000 options", &json!({"enum": options}), "\"option", PropertyOrder::Schema)
            .is_none()
    );
    let numbers: Vec<u32> = (0..5000).map(|index| index * 7).collect();
    assert!(
        attack("5000 numbers", &json!({"enum": numbers}), "70", PropertyOrder::Schema).is_none()
    );
    for applicator in ["anyOf", "oneOf"] {
        let tools: Vec<Value> = (0..200)
            .map(|index| {
                json!({
                    "type": "object",
                    "properties": {
                        "name": {"const": format!("tool_{index}")},
                        "arguments": {
                            "type": "object",
                            "properties": {"x": {"type": "integer"}, "y": {"type": "string"}},
                            "required": ["x"],
                        },
                    },
                    "required": ["name", "arguments"],
                    "additionalProperties": false,
                })
            })
            .collect();
        let schema = json!({ applicator: tools });
        let name = format!("200 tools by {applicator}");
        assert!(attack(&name, &schema, "{\"name\": \"tool_17", PropertyOrder::Schema).is_none());
    }
}

#[test]
fn deep_things() {
    let order = PropertyOrder::Schema;
    let deep = |wrap: fn(Value) -> Value, depth| nested(depth, wrap, json!({"type": "integer"}));
    let schema =
        deep(|s| json!({"type": "object", "properties": {"a": s}, "required": ["a"]}), 500);
    assert!(attack("deep properties", &schema, "{\"a\": {", order).is_none());
    attack("deep allOf", &deep(|s| json!({"allOf": [s, {"type": "integer"}]}), 500), "", order);
    attack("deep not", &deep(|s| json!({"not": s}), 30), "", order);
    let one_of =
        |s: Value| json!({"oneOf": [s.clone(), {"type": "string"}, {"type": "array", "items": s}]});
    let mut schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    for _ in 0..12 {
        schema = one_of(schema);
        if schema.to_string().len() > 200_000 {
            break;
        }
    }
    attack("nested oneOf", &schema, "{", order);
    let mut schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    for level in 0..12 {
        let key = format!("k{level}");
        schema = json!({"oneOf": [
            {"type": "object", "properties": { key.clone(): schema }, "required": [key]},
            {"type": "object", "properties": {"z": {"type": "integer"}}, "required": ["z"]},
        ]});
    }
    attack("oneOf in properties", &schema, "{", order);
}

/// What has no affordable normal form is judged at the end of its value.
#[test]
fn products() {
    for order in [PropertyOrder::Schema, PropertyOrder::Any] {
        for depth in [8, 12] {
            let mut schema = json!({"properties": {"a": {"type": "integer"}}});
            for level in 0..depth {
                let key = format!("k{level}");
                schema = json!({"oneOf": [
                    {"properties": { key.clone(): {"type": "integer"} }, "required": [key]},
                    schema,
                    {"properties": {"z": {"type": "string"}, "a": {"minimum": level}}},
                ]});
            }
            assert!(
                attack("nested overlapping oneOf", &schema, "{\"a\": 1, \"k1\": 3", order)
                    .is_none()
            );
        }
        for closed in [false, true] {
            let branches: Vec<Value> = (0..100)
                .map(|i| {
                    let mut branch = json!({
                        "type": "object",
                        "properties": {
                            "kind": {"type": "string"},
                            format!("p{i}"): {"type": "integer", "minimum": i},
                        },
                    });
                    if closed && i % 2 == 0 {
                        branch["additionalProperties"] = json!(false);
                    }
                    branch
                })
                .collect();
            let schema = json!({ "oneOf": branches });
            assert!(attack("100 overlapping objects", &schema, "{\"p3\": 1", order).is_none());
        }
        let any: Vec<Value> = (0..12)
            .map(|i| {
                let options: Vec<Value> = (0..4)
                    .map(|j| json!({"required": [format!("k{i}_{j}")], "minProperties": j}))
                    .collect();
                json!({ "anyOf": options })
            })
            .collect();
        assert!(
            attack("product of anyOf", &json!({ "allOf": any }), "{\"k1_1\": 1", order).is_none()
        );
        let mut schema = json!({"properties": {"a": {"minimum": 1}, "b": {"type": "string"}}});
        for level in 0..30 {
            schema = json!({"not": {
                "anyOf": [schema, {"required": [format!("k{level}")], "properties": {"a": {"maximum": level}}}],
            }});
        }
        assert!(attack("not of anyOf, 30 deep", &schema, "{\"a\": 5", order).is_none());
        let mut schema = json!({"type": "object"});
        for level in 0..30 {
            schema = json!({
                "if": {"properties": {format!("a{level}"): {"minimum": 1}}},
                "then": {"required": [format!("b{level}")]},
                "else": schema,
            });
        }
        assert!(attack("if in else, 30 deep", &schema, "{\"", order).is_none());
    }
}

#[test]
fn circles() {
    let order = PropertyOrder::Schema;
    let error = attack("self", &json!({"$ref": "#"}), "", order);
    assert!(matches!(error, Some(SchemaError::Recursion { .. })));
    let schema = json!({
        "$ref": "#/$defs/a",
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
    });
    let error = attack("pair", &schema, "", order);
    assert!(matches!(error, Some(SchemaError::Recursion { .. })));
    let schema = json!({
        "type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"],
    });
    let error = attack("no base", &schema, "", order);
    assert!(matches!(error, Some(SchemaError::Empty { .. })));
    let schema = json!({
        "type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": false,
    });
    assert!(attack("list", &schema, "{\"next\": {\"next\": {", order).is_none());
    let schema = json!({"propertyNames": {"$ref": "#"}, "minLength": 2});
    assert!(attack("names by itself", &schema, "{\"ab", order).is_none());
}

#[test]
fn hard_combinations() {
    let order = PropertyOrder::Any;
    let branches: Vec<Value> =
        (0..14).map(|i| json!({"properties": { format!("p{i}"): {"minimum": i} }})).collect();
    attack("overlapping oneOf", &json!({"oneOf": branches, "type": "object"}), "", order);
    let branches: Vec<Value> = (0..20)
        .map(|i| json!({"not": {"required": [format!("p{i}")], "properties": {"q": {"const": i}}}}))
        .collect();
    attack("many negations", &json!({"allOf": branches}), "{", order);
    let contains: Vec<Value> =
        (0..10).map(|i| json!({"contains": {"const": i}, "minContains": 3})).collect();
    attack("many contains", &json!({"allOf": contains, "type": "array"}), "[", order);
    let patterns: serde_json::Map<String, Value> =
        (0..14).map(|i| (format!("{}", (b'a' + i) as char), json!({"minLength": i}))).collect();
    attack("overlapping patterns", &json!({"patternProperties": patterns}), "{\"ab", order);
    let schema = json!({"type": "array", "minItems": 1_000_000_000, "items": {"type": "null"}});
    attack("long array", &schema, "[null", order);
    let schema = json!({"type": "string", "minLength": 1_000_000_000});
    attack("long string", &schema, "\"a", order);
    attack("huge bound", &json!({"type": "number", "minimum": 1e308}), "1", order);
    let far: Value = serde_json::from_str("{\"minimum\": 1e400000}").expect("a schema");
    assert!(attack("absurd bound", &far, "1", order).is_some());
}
