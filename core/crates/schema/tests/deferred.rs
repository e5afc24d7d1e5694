//! Parts of schemas that have no affordable normal form and are judged at the end of a value.

mod common;

use common::Judge;
use serde_json::{Value, json};
use structgen_automaton::{ByteAutomaton, Exactness, Fuel};
use structgen_schema::{
    PropertyOrder, SchemaAutomaton, SchemaError, SchemaLimits, SchemaOptions, Status,
};

/// Twelve products of four alternatives.
fn product() -> Value {
    let any: Vec<Value> = (0..12)
        .map(|i| {
            let options: Vec<Value> = (0..4)
                .map(|j| json!({"properties": {format!("k{i}"): {"multipleOf": j + 2}, format!("m{j}"): {"minimum": i}}, "required": [format!("k{i}")]}))
                .collect();
            json!({ "oneOf": options })
        })
        .collect();
    json!({"$comment": "k_i is a multiple of exactly one of 2 to 5", "allOf": any})
}

fn any_order() -> SchemaOptions {
    SchemaOptions { property_order: PropertyOrder::Any, ..SchemaOptions::default() }
}

/// `k_i`: values[i], and no `m_j`: those are vacuous.
fn instance(values: &[u32]) -> String {
    let members: Vec<String> =
        values.iter().enumerate().map(|(i, value)| format!("\"k{i}\": {value}")).collect();
    format!("{{{}}}", members.join(", "))
}

#[test]
fn a_large_product_is_judged_exactly() {
    for options in [any_order(), SchemaOptions::default()] {
        let mut judge = Judge::with(&product(), &options);
        assert_eq!(judge.automaton.exactness(), Exactness::Superset);
        // 2, 3, 4 (of 2 as well: wrong), 5, 6 (of 2 and 3: wrong), 7 (of none: wrong), 9, 25.
        assert!(judge.accepts(&instance(&[2, 3, 5, 9, 25, 2, 3, 5, 9, 25, 14, 2])));
        for wrong in [4, 6, 7, 10, 12] {
            for place in 0..12 {
                let mut values = [2; 12];
                values[place] = wrong;
                assert!(!judge.accepts(&instance(&values)), "{wrong} at {place}");
            }
        }
        assert!(!judge.accepts(&instance(&[2; 11])), "a key is missing");
        // Of what is no object, every alternative holds.
        assert!(!judge.accepts("{}") && !judge.accepts("[]") && !judge.accepts("null"));
        assert!(!judge.accepts("{\"k0\": 2, \"k0\": 2}"), "a key twice");
    }
}

#[test]
fn completions_inside_are_found_and_right() {
    let mut judge = Judge::with(&product(), &any_order());
    let whole = instance(&[2, 3, 5, 9, 25, 2, 3, 5, 9, 25, 14, 2]);
    for cut in 1..whole.len() {
        let prefix = &whole[..cut];
        let state = judge.state(prefix);
        assert!(!state.is_dead(), "{prefix}");
        let rest = judge.automaton.completion(state, &mut judge.fuel).expect("no limit");
        let rest = String::from_utf8(rest.expect("a completion")).expect("UTF-8");
        assert!(judge.accepts(&format!("{prefix}{rest}")), "{prefix} + {rest}");
    }
}

/// A negated leaf must not be thought to fail because of the order in which its members come,
/// or because of the way a number is written.
#[test]
fn the_truth_of_a_leaf_is_not_a_matter_of_spelling() {
    let limits = SchemaLimits { max_exact_alternatives: 0, ..SchemaLimits::default() };
    let schema = json!({
        "type": "object",
        "not": {"anyOf": [
            {"properties": {"a": {"minimum": 1}, "b": {"type": "object", "properties": {"c": {"const": 1}, "d": {"const": 2}}, "required": ["c", "d"]}}, "required": ["a", "b"]},
            {"properties": {"x": {"minItems": 1}, "y": {"type": "string"}}, "required": ["x", "y"]},
        ]},
    });
    let options = SchemaOptions::default();
    let mut fuel = Fuel::unlimited();
    let automaton = SchemaAutomaton::new(&schema, &options, &limits, &mut fuel).expect("a schema");
    let mut judge = Judge { automaton, fuel };
    assert_eq!(judge.automaton.exactness(), Exactness::Superset);
    for wrong in [
        r#"{"a": 1, "b": {"c": 1, "d": 2}}"#,
        r#"{"b": {"d": 2, "c": 1}, "a": 1}"#,
        r#"{"b": {"d": 2, "c": 1}, "a": 1000e-3}"#,
        r#"{"b": {"d": 20e-1, "c": 0.1e1}, "a": 1.0}"#,
        r#"{"b": {"\u0064": 2, "\u0063": 1}, "\u0061": 1}"#,
        r#"{"y": "", "x": [0]}"#,
    ] {
        assert!(!judge.accepts(wrong), "{wrong}");
    }
    for right in [
        r#"{"a": 0, "b": {"c": 1, "d": 2}}"#,
        r#"{"b": {"d": 2}, "a": 1}"#,
        r#"{"b": {"d": 2, "c": 2}, "a": 1.5, "y": 1}"#,
        r#"{"y": "", "x": []}"#,
        "{}",
    ] {
        assert!(judge.accepts(right), "{right}");
    }
}

#[test]
fn the_report_names_what_is_judged_late() {
    let judge = Judge::with(&json!({"properties": {"p": product()}}), &any_order());
    let entries = &judge.automaton.report().entries;
    let late: Vec<&str> = entries
        .iter()
        .filter(|entry| entry.status == Status::Residual)
        .map(|entry| entry.pointer.as_str())
        .collect();
    assert!(late.contains(&"/properties/p"), "{late:?}");
    assert!(late.iter().all(|pointer| pointer.starts_with("/properties/p")), "{late:?}");
    let exact = Judge::new(&json!({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}));
    assert_eq!(exact.automaton.exactness(), Exactness::Exact);
    assert!(exact.automaton.report().entries.iter().all(|e| e.status != Status::Residual));
}

/// Which members the alternatives evaluate would have to be known before the end.
#[test]
fn unevaluated_over_a_large_product_is_refused_by_name() {
    let mut inner = product();
    inner["unevaluatedProperties"] = json!(false);
    let schema = json!({"properties": {"p": inner}});
    let options = any_order();
    let error =
        SchemaAutomaton::new(&schema, &options, &SchemaLimits::default(), &mut Fuel::unlimited())
            .err()
            .expect("too many alternatives");
    let SchemaError::Unsupported { pointer, keyword, .. } = &error else { panic!("{error}") };
    assert_eq!((pointer.as_str(), keyword.as_str()), ("/properties/p", "unevaluatedProperties"));
}
