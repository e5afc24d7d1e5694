//! Parts of schemas that have no affordable normal form and are judged at the end of a value.

mod common;

use common::{Judge, every_spelling};
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
    SchemaOptions { property_order: PropertyOrder::Any, ..every_spelling() }
}

/// `k_i`: values[i], and no `m_j`: those are vacuous.
fn instance(values: &[u32]) -> String {
    let members: Vec<String> =
        values.iter().enumerate().map(|(i, value)| format!("\"k{i}\": {value}")).collect();
    format!("{{{}}}", members.join(", "))
}

#[test]
fn a_large_product_is_judged_exactly() {
    for options in [any_order(), every_spelling(), SchemaOptions::default()] {
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
    let options = every_spelling();
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

fn forced(schema: &Value) -> Judge {
    let limits = SchemaLimits { max_exact_alternatives: 0, ..SchemaLimits::default() };
    let mut fuel = Fuel::unlimited();
    let automaton =
        SchemaAutomaton::new(schema, &any_order(), &limits, &mut fuel).expect("a schema");
    Judge { automaton, fuel }
}

fn completion(judge: &mut Judge, prefix: &str) -> Option<String> {
    let state = judge.state(prefix);
    let rest = judge.automaton.completion(state, &mut judge.fuel).expect("no limit")?;
    Some(String::from_utf8(rest).expect("UTF-8"))
}

/// Whether the keyword at that place is judged at the end of the value.
fn is_late(judge: &Judge, pointer: &str, keyword: &str) -> bool {
    let entries = &judge.automaton.report().entries;
    entries.iter().any(|entry| {
        (&*entry.pointer, &*entry.keyword, entry.status) == (pointer, keyword, Status::Residual)
    })
}

#[test]
fn unevaluated_properties_over_a_large_product() {
    let mut inner = product();
    inner["unevaluatedProperties"] = json!({"type": "string"});
    let mut judge = Judge::with(&json!({ "properties": { "p": inner } }), &any_order());
    assert_eq!(judge.automaton.exactness(), Exactness::Superset);
    assert!(is_late(&judge, "/properties/p", "unevaluatedProperties"));
    let inner = instance(&[2, 3, 5, 9, 25, 2, 3, 5, 9, 25, 14, 2]);
    let with = |more: &str| format!("{{\"p\": {}, {more}}}}}", &inner[..inner.len() - 1]);
    assert!(judge.accepts(&format!("{{\"p\": {inner}}}")));
    assert!(judge.accepts(&with("\"x\": \"\"")));
    assert!(!judge.accepts(&with("\"x\": 1")));
    // The first branch of each `oneOf` has `m0`, and where a number is even that branch holds.
    assert!(judge.accepts(&with("\"m0\": 11")));
    // The fourth has `m3`, and holds where a number is a multiple of 5.
    assert!(judge.accepts(&with("\"m3\": 11")));
    let even = instance(&[2; 12]);
    let with = |more: &str| format!("{{\"p\": {}, {more}}}}}", &even[..even.len() - 1]);
    assert!(judge.accepts(&with("\"m0\": 11")));
    assert!(!judge.accepts(&with("\"m3\": 11")));
    assert!(judge.accepts(&with("\"m3\": \"\"")));
}

#[test]
fn a_key_is_evaluated_by_the_branches_that_hold() {
    let branch = |i: usize| json!({"properties": {format!("p{i}"): {"type": "string"}}, "patternProperties": {format!("^q{i}x"): {"minimum": i}}});
    let branches: Vec<Value> = (0..14).map(branch).collect();
    let mut judge = Judge::with(
        &json!({"type": "object", "anyOf": branches, "unevaluatedProperties": false}),
        &SchemaOptions::default(),
    );
    assert!(is_late(&judge, "", "anyOf") && is_late(&judge, "", "unevaluatedProperties"));
    for right in [
        "{}",
        r#"{"p0": "", "p13": ""}"#,
        r#"{"p13": "", "p0": "", "q3xy": 3}"#,
        r#"{"p1": "", "q1x": 1, "q13x": 13, "q7x": 9}"#,
    ] {
        assert!(judge.accepts(right), "{right}");
    }
    for wrong in [
        r#"{"p14": ""}"#,
        r#"{"p0": 1}"#,
        // The branch that knows the key does not hold.
        r#"{"p0": "", "p1": 0}"#,
        r#"{"p2": "", "q2x": 1}"#,
        r#"{"q13x": 12}"#,
        r#"{"r": 0}"#,
    ] {
        assert!(!judge.accepts(wrong), "{wrong}");
    }
    for prefix in ["", "{", r#"{"p3": """#, r#"{"q5x": 7"#, r#"{"p1"#] {
        let rest = completion(&mut judge, prefix).unwrap_or_else(|| panic!("none of {prefix}"));
        assert!(judge.accepts(&format!("{prefix}{rest}")), "{prefix} + {rest}");
    }
}

#[test]
fn an_element_is_evaluated_by_its_place_or_by_what_it_contains() {
    let mut branches: Vec<Value> = (0..9).map(|i| json!({"contains": {"const": i}})).collect();
    branches.push(json!({"contains": {"const": "a"}, "minContains": 2}));
    branches.push(json!({"prefixItems": [true, {"const": null}]}));
    let mut judge = Judge::with(
        &json!({"type": "array", "anyOf": branches, "unevaluatedItems": {"type": "boolean"}}),
        &SchemaOptions::default(),
    );
    assert!(is_late(&judge, "", "unevaluatedItems"));
    for right in
        ["[0]", "[8, 1, true]", r#"["a", "a", 3]"#, r#"["x", null, 1]"#, "[[]]", r#"["a", null]"#]
    {
        assert!(judge.accepts(right), "{right}");
    }
    for wrong in [
        "[0, 9]",
        r#"["x", 1]"#,
        // Once is not enough for that branch.
        r#"[1, "a"]"#,
        r#"["x", null, "y"]"#,
        r#"["a", null, "a", "b"]"#,
    ] {
        assert!(!judge.accepts(wrong), "{wrong}");
    }
    for prefix in ["", "[", "[3", "[3, "] {
        let rest = completion(&mut judge, prefix).unwrap_or_else(|| panic!("none of {prefix}"));
        assert!(judge.accepts(&format!("{prefix}{rest}")), "{prefix} + {rest}");
    }
}

/// One case for each way in which a schema passes on what it has evaluated.
#[test]
fn every_applicator_passes_on_what_it_evaluates() {
    let a = || json!({"properties": {"a": {"minimum": 1}}});
    let choice = json!([{"properties": {"x": true}, "required": ["x"]}, {"properties": {"y": true}, "required": ["y"]}, {"maxProperties": 9}]);
    let cases = [
        (json!({"allOf": [a()]}), vec![r#"{"a": 1}"#], vec![r#"{"b": 1}"#]),
        (json!({"$ref": "#/$defs/a"}), vec![r#"{"a": 1}"#], vec![r#"{"b": 1}"#]),
        (json!({"anyOf": [a(), true]}), vec![r#"{"a": 1}"#], vec![r#"{"a": 0}"#]),
        (json!({"oneOf": [a(), false]}), vec![r#"{"a": 1}"#], vec![r#"{"a": 0}"#, r#"{"b": 1}"#]),
        (json!({"not": {"not": a()}}), vec!["{}"], vec![r#"{"a": 1}"#]),
        (json!({"if": a()}), vec![r#"{"a": 1}"#], vec![r#"{"a": 0}"#]),
        (
            json!({"if": {"required": ["a"]}, "then": a(), "else": {"properties": {"b": true}}}),
            vec![r#"{"a": 1}"#, r#"{"b": 1}"#],
            vec![r#"{"a": 1, "b": 1}"#, r#"{"a": 0}"#],
        ),
        (
            json!({"dependentSchemas": {"a": {"properties": {"a": true, "b": true}}}}),
            vec![r#"{"a": 1, "b": 1}"#],
            vec![r#"{"b": 1}"#],
        ),
        (
            json!({"anyOf": [{"allOf": [a()], "unevaluatedProperties": {"const": 5}}, true]}),
            vec![r#"{"a": 1, "b": 5}"#],
            vec![r#"{"a": 1, "b": 4}"#, r#"{"a": 0, "b": 5}"#],
        ),
        (
            json!({"anyOf": [{"additionalProperties": {"const": 5}}, true]}),
            vec![r#"{"b": 5}"#],
            vec![r#"{"b": 4}"#],
        ),
    ];
    for (part, right, wrong) in cases {
        let mut schema = part.clone();
        schema["allOf"] = json!([part.get("allOf").map_or(json!(true), |all| json!({"allOf": all})), { "anyOf": choice }]);
        schema["$defs"] = json!({ "a": a() });
        schema["unevaluatedProperties"] = json!(false);
        let mut judge = forced(&schema);
        assert!(is_late(&judge, "", "unevaluatedProperties"), "{schema}");
        for text in right {
            assert!(judge.accepts(text), "{schema}: {text}");
        }
        for text in wrong {
            assert!(!judge.accepts(text), "{schema}: {text}");
        }
        let denied = json!({"type": "object", "not": schema, "$defs": {"a": a()}});
        let mut denied = forced(&denied);
        assert!(denied.accepts(r#"{"z": 1}"#) && !denied.accepts("{}"), "{schema}");
    }
}

/// Elements of too many kinds to be read in parallel.
#[test]
fn unevaluated_items_over_many_overlapping_contains_are_refused_by_name() {
    let branches: Vec<Value> =
        (0..12).map(|i| json!({"contains": {"required": [format!("k{i}")]}})).collect();
    let schema = json!({"properties": {"p": {"anyOf": branches, "unevaluatedItems": false}}});
    let mut fuel = Fuel::unlimited();
    let error =
        SchemaAutomaton::new(&schema, &any_order(), &SchemaLimits::default(), &mut fuel).err();
    let Some(SchemaError::Unsupported { pointer, keyword, .. }) = &error else {
        panic!("{error:?}")
    };
    assert_eq!((pointer.as_str(), keyword.as_str()), ("/properties/p", "unevaluatedItems"));
}
