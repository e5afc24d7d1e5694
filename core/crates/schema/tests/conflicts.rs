//! Schemas that nothing satisfies: the error names the keywords that contradict each other.

use serde_json::{Value, json};
use structgen_automaton::Fuel;
use structgen_schema::{SchemaAutomaton, SchemaError, SchemaLimits, SchemaOptions};

fn pointers(schema: &Value) -> Vec<String> {
    let mut fuel = Fuel::new("max_steps", 5_000_000);
    let options = SchemaOptions::default();
    match SchemaAutomaton::new(schema, &options, &SchemaLimits::default(), &mut fuel) {
        Err(SchemaError::Empty { pointers, .. }) => pointers,
        Err(error) => panic!("{schema}: {error}"),
        Ok(_) => panic!("{schema}: something satisfies it"),
    }
}

#[test]
fn the_conflicting_keywords_are_named() {
    let cases = [
        (
            json!({"type": "object", "properties": {"a": false, "b": {}}, "required": ["a"]}),
            vec!["/properties/a", "/required"],
        ),
        (
            json!({"allOf": [{"type": "string"}, {}, {"type": "integer"}], "title": "x"}),
            vec!["/allOf/0/type", "/allOf/2/type"],
        ),
        (
            json!({"type": "number", "minimum": 3, "maximum": 2, "multipleOf": 1}),
            vec!["/maximum", "/minimum"],
        ),
        (json!({"enum": ["b", "c"], "pattern": "^a", "minLength": 1}), vec!["/enum", "/pattern"]),
        (
            json!({"type": "array", "items": {"type": "string"}, "contains": {"type": "integer"}}),
            vec!["/contains", "/items"],
        ),
        (
            json!({"type": "object", "properties": {"n": {"$ref": "#"}}, "required": ["n"]}),
            vec!["/properties/n", "/required"],
        ),
        (
            json!({
                "type": "object",
                "properties": {
                    "a/b": {"type": "string", "minLength": 3, "maxLength": 2, "pattern": "x"},
                },
                "required": ["a/b"],
            }),
            vec!["/properties/a~1b/maxLength", "/properties/a~1b/minLength"],
        ),
        (
            json!({"type": "array", "items": {"enum": [1, 2]}, "minItems": 3, "uniqueItems": true}),
            vec!["/items", "/minItems", "/uniqueItems"],
        ),
        (json!({"not": {"minimum": -1e300}, "type": "string"}), vec!["/not", "/type"]),
        (json!({"oneOf": [{"type": "string"}, {"type": "string"}]}), vec!["/oneOf"]),
        (
            json!({"type": "integer", "multipleOf": 7, "minimum": 1, "maximum": 6}),
            vec!["/maximum", "/minimum", "/multipleOf"],
        ),
        (
            json!({"type": "integer", "minimum": 0.2, "maximum": 0.8}),
            vec!["/maximum", "/minimum", "/type"],
        ),
    ];
    for (schema, expected) in cases {
        assert_eq!(pointers(&schema), expected, "{schema}");
    }
}

#[test]
fn a_contradiction_names_its_values() {
    let text = "x".repeat(100);
    let cases = [
        (
            json!({"type": "number", "minimum": 5, "maximum": 3}),
            "`minimum` 5 is greater than `maximum` 3",
        ),
        (
            json!({"type": "integer", "exclusiveMinimum": 3, "maximum": 3}),
            "nothing lies between `exclusiveMinimum` 3 and `maximum` 3",
        ),
        (
            json!({"type": "integer", "allOf": [{"minimum": 5}, {"maximum": 3}]}),
            "`minimum` 5 at `/allOf/0` is greater than `maximum` 3 at `/allOf/1`",
        ),
        (
            json!({"type": "string", "minLength": 3, "maxLength": 2, "title": "t"}),
            "`minLength` 3 is greater than `maxLength` 2",
        ),
        (
            json!({"type": "string", "enum": [1, 2]}),
            "`enum` [1,2] and `type` \"string\" contradict each other",
        ),
        (
            json!({"type": "object", "properties": {"b": false}, "required": ["b"]}),
            "required property `b` is unsatisfiable: `/properties/b` is `false`",
        ),
        (
            json!({"type": "object", "properties": {"b": {"type": "integer", "minimum": 5, "maximum": 3}}, "required": ["b"]}),
            "required property `b` is unsatisfiable: `minimum` 5 is greater than `maximum` 3 at \
             `/properties/b`",
        ),
        (
            json!({"type": "object", "required": ["c"], "additionalProperties": false}),
            "required property `c` is unsatisfiable: `/additionalProperties` is `false`",
        ),
        (
            json!({
                "type": "array",
                "minItems": 1,
                "items": {"type": "object", "properties": {"a/b": {"enum": []}}, "required": ["a/b"]},
            }),
            "the required value at `/0/a~1b` of the document is unsatisfiable: `enum` [] at \
             `/items/properties/a~1b` allows nothing",
        ),
        (json!(false), "`(root)` allows nothing"),
        (json!({"enum": [text], "maxLength": 3}), "..."),
    ];
    for (schema, expected) in cases {
        let mut fuel = Fuel::new("max_steps", 5_000_000);
        let options = SchemaOptions::default();
        let limits = SchemaLimits::default();
        let Err(error) = SchemaAutomaton::new(&schema, &options, &limits, &mut fuel) else {
            panic!("{schema}: something satisfies it");
        };
        let message = error.to_string();
        assert!(message.contains(expected), "{schema}: {message}");
        assert!(message.len() < 300, "{message}");
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
