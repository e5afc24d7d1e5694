//! Schemas that nothing satisfies: the error names the keywords that contradict each other.

use serde_json::{Value, json};
use structgen_automaton::Fuel;
use structgen_schema::{SchemaAutomaton, SchemaError, SchemaLimits, SchemaOptions};

fn pointers(schema: &Value) -> Vec<String> {
    let mut fuel = Fuel::new("max_steps", 5_000_000);
    let options = SchemaOptions::default();
    match SchemaAutomaton::new(schema, &options, &SchemaLimits::default(), &mut fuel) {
        Err(SchemaError::Empty { pointers }) => pointers,
        Err(error) => panic!("{schema}: {error}"),
        Ok(_) => panic!("{schema}: something satisfies it"),
    }
}

#[test]
fn the_conflicting_keywords_are_named() {
    let cases = [
        (
            json!({"type": "object", "properties": {"a": false, "b": {}}, "required": ["a"]}),
            vec!["/properties/a", "/required", "/type"],
        ),
        (
            json!({"allOf": [{"type": "string"}, {}, {"type": "integer"}], "title": "x"}),
            vec!["/allOf/0/type", "/allOf/2/type"],
        ),
        (
            json!({"type": "number", "minimum": 3, "maximum": 2, "multipleOf": 1}),
            vec!["/maximum", "/minimum", "/type"],
        ),
        (json!({"enum": ["b", "c"], "pattern": "^a", "minLength": 1}), vec!["/enum", "/pattern"]),
        (
            json!({"type": "array", "items": {"type": "string"}, "contains": {"type": "integer"}}),
            vec!["/contains", "/items", "/type"],
        ),
        (
            json!({"type": "object", "properties": {"n": {"$ref": "#"}}, "required": ["n"]}),
            vec!["/properties/n", "/required", "/type"],
        ),
        (
            json!({
                "type": "object",
                "properties": {
                    "a/b": {"type": "string", "minLength": 3, "maxLength": 2, "pattern": "x"},
                },
                "required": ["a/b"],
            }),
            vec![
                "/properties/a~1b/maxLength",
                "/properties/a~1b/minLength",
                "/properties/a~1b/type",
            ],
        ),
        (
            json!({"type": "array", "items": {"enum": [1, 2]}, "minItems": 3, "uniqueItems": true}),
            vec!["/items", "/minItems", "/type", "/uniqueItems"],
        ),
        (json!({"not": {"minimum": -1e300}, "type": "string"}), vec!["/not", "/type"]),
        (json!({"oneOf": [{"type": "string"}, {"type": "string"}]}), vec!["/oneOf"]),
        (
            json!({"type": "integer", "multipleOf": 7, "minimum": 1, "maximum": 6}),
            vec!["/maximum", "/minimum", "/multipleOf", "/type"],
        ),
    ];
    for (schema, expected) in cases {
        assert_eq!(pointers(&schema), expected, "{schema}");
    }
}

#[test]
fn large_schemas_are_named_in_time() {
    let properties: serde_json::Map<String, Value> =
        (0..2_000).map(|i| (format!("p{i}"), json!({"type": "string", "minLength": i}))).collect();
    let schema = json!({
        "type": "object",
        "properties": properties,
        "required": ["p1999", "missing"],
        "additionalProperties": false,
    });
    let found = pointers(&schema);
    assert!(!found.is_empty(), "{found:?}");
}
