//! The same schema written at several places: known once, named where it stands.

mod common;

use common::Judge;
use serde_json::{Value, json};
use structgen_automaton::{ByteAutomaton, Fuel};
use structgen_schema::{
    PropertyOrder, SchemaAutomaton, SchemaError, SchemaLimits, SchemaOptions, Status,
};

/// `oneOf` whose branches overlap, each inside the next: two to the `depth` places.
fn overlapping(depth: usize) -> Value {
    (0..depth).fold(
        json!({"type": "string"}),
        |inner, _| json!({"oneOf": [inner, {"type": "object", "properties": {"a": inner}}]}),
    )
}

#[test]
fn a_tree_of_copies_costs_what_its_levels_cost() {
    let states = |depth| Judge::new(&overlapping(depth)).automaton.usage().states;
    let (eight, ten) = (states(8), states(10));
    assert!(ten < 2 * eight, "{eight} with 512 places, {ten} with 2,048");
    let mut judge = Judge::new(&overlapping(10));
    for depth in 0..12 {
        let value = (0..depth).fold(json!("b"), |inner, _| json!({"a": inner}));
        assert_eq!(judge.accepts(&value.to_string()), by_hand(10, &value), "{depth}");
        let value = (0..depth).fold(json!({"b": 1}), |inner, _| json!({"a": inner}));
        assert_eq!(judge.accepts(&value.to_string()), by_hand(10, &value), "{depth}");
    }
}

/// What [`overlapping`] says of a value.
fn by_hand(depth: usize, value: &Value) -> bool {
    if depth == 0 {
        return value.is_string();
    }
    let inner = by_hand(depth - 1, value);
    let member = value.get("a").is_none_or(|member| by_hand(depth - 1, member));
    inner != (value.is_object() && member)
}

#[test]
fn a_contradiction_is_named_where_it_stands() {
    let dead = json!({"type": "integer", "minimum": 2, "maximum": 1});
    let schema = json!({
        "type": "object",
        "properties": {"a": dead, "b": dead, "c": dead},
        "required": ["b"],
    });
    let mut fuel = Fuel::unlimited();
    let (options, limits) = (SchemaOptions::default(), SchemaLimits::default());
    let Err(SchemaError::Empty { pointers, .. }) =
        SchemaAutomaton::new(&schema, &options, &limits, &mut fuel)
    else {
        panic!("something satisfies it");
    };
    let inside: Vec<&String> = pointers.iter().filter(|p| p.starts_with("/properties")).collect();
    assert!(!inside.is_empty(), "{pointers:?}");
    assert!(inside.iter().all(|pointer| pointer.starts_with("/properties/b")), "{pointers:?}");
}

#[test]
fn every_copy_is_in_the_report() {
    let late = json!({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
    let schema = json!({"properties": {"p": late, "q": {"items": late}}});
    let limits = SchemaLimits { max_exact_alternatives: 0, ..SchemaLimits::default() };
    let options = SchemaOptions { property_order: PropertyOrder::Any, ..SchemaOptions::default() };
    let automaton =
        SchemaAutomaton::new(&schema, &options, &limits, &mut Fuel::unlimited()).expect("a schema");
    let residual: Vec<&str> = automaton
        .report()
        .entries
        .iter()
        .filter(|entry| entry.status == Status::Residual)
        .map(|entry| entry.pointer.as_str())
        .collect();
    assert_eq!(residual, ["/properties/p", "/properties/q/items"]);
}

/// Equal documents are not written alike if their members come in another order.
#[test]
fn documents_keep_the_order_of_their_members() {
    let schema = json!({
        "prefixItems": [{"const": {"a": 1, "b": 2}}, {"const": {"b": 2, "a": 1}}],
        "items": false,
    });
    let mut judge = Judge::new(&schema);
    assert!(judge.accepts(r#"[{"a": 1, "b": 2}, {"b": 2, "a": 1}]"#));
    assert!(!judge.accepts(r#"[{"b": 2, "a": 1}]"#));
    assert!(!judge.accepts(r#"[{"a": 1, "b": 2}, {"a": 1, "b": 2}]"#));
}

/// Schemas that refer to themselves, and to each other, are what they were.
#[test]
fn copies_of_what_refers_to_itself() {
    let list = |name: &str| {
        let next = json!({"$ref": format!("#/$defs/{name}")});
        json!({"type": "object", "properties": {"v": {"type": "integer"}, "next": next}})
    };
    let schema = json!({
        "$defs": {"a": list("a"), "b": list("b"), "c": list("a")},
        "type": "array",
        "items": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}, {"$ref": "#/$defs/c"}]},
    });
    let mut judge = Judge::new(&schema);
    assert!(judge.accepts(r#"[{"v": 1, "next": {"v": 2, "next": {}}}]"#));
    assert!(!judge.accepts(r#"[{"v": 1, "next": {"v": "2"}}]"#));
}
