//! Random schemas against a plain evaluator.
//!
//! For each schema, every value of a small universe is judged both ways, and for some of
//! their prefixes the completion that the recogniser gives must be a document of the schema.
//! `ORACLE_ROUNDS` sets the number of schemas.

mod common;
#[path = "common/oracle.rs"]
mod oracle;

use common::Judge;
use serde_json::{Value, json};
use structgen_automaton::{ByteAutomaton, Exactness, Fuel};
use structgen_schema::{
    PropertyOrder, SchemaAutomaton, SchemaError, SchemaLimits, SchemaOptions, Whitespace,
};

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    fn pick<'a, T>(&mut self, options: &'a [T]) -> &'a T {
        &options[self.roll(options.len())]
    }
}

fn universe() -> Vec<Value> {
    let scalars = vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(2),
        json!(-1),
        json!(1.5),
        json!(""),
        json!("a"),
        json!("b"),
        json!("ab"),
        json!("ba"),
        json!("abb"),
    ];
    let small = [json!(null), json!(1), json!(2), json!("a"), json!("b"), json!([]), json!({})];
    let mut all = scalars.clone();
    all.push(json!([]));
    all.push(json!({}));
    for a in &scalars {
        all.push(json!([a]));
        for key in ["a", "b", "ab", "c"] {
            all.push(json!({ key: a }));
        }
    }
    for a in &small {
        for b in &small {
            all.push(json!([a, b]));
            all.push(json!({"a": a, "b": b}));
            all.push(json!({"c": a, "a": b}));
            all.push(json!({"b": a, "ab": b}));
            all.push(json!([a, b, 1]));
        }
        all.push(json!([[a]]));
        all.push(json!({"a": {"a": a}}));
        all.push(json!({"a": [a], "b": {"c": a}}));
        all.push(json!({"a": a, "b": 1, "c": "a"}));
        all.push(json!([{"a": a}, 1, "a", a]));
    }
    all
}

const NAMES: [&str; 4] = ["a", "b", "ab", "c"];
const PATTERNS: [&str; 4] = ["^a", "b$", "a", "^.?$"];

fn constant(dice: &mut Dice) -> Value {
    let options = [
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(1.0),
        json!(1.5),
        json!("a"),
        json!("ab"),
        json!([]),
        json!({}),
        json!([1]),
        json!({"a": 1}),
        json!({"a": 1, "b": "a"}),
        json!(["a", 1]),
    ];
    dice.pick(&options).clone()
}

fn schema(dice: &mut Dice, depth: usize, unique: bool) -> Value {
    if depth == 0 || dice.roll(10) == 0 {
        return match dice.roll(9) {
            0 => json!(true),
            1 => json!(false),
            2 => json!({"type": "integer"}),
            3 => json!({"type": "string"}),
            4 => json!({"const": constant(dice)}),
            5 => json!({"type": "object"}),
            6 => json!({"type": ["null", "array"]}),
            7 => json!({"$ref": "#"}),
            _ => json!({"minLength": 1, "minimum": 1}),
        };
    }
    let mut out = serde_json::Map::new();
    for _ in 0..=dice.roll(3) {
        let (keyword, value) = keyword(dice, depth, unique);
        out.insert(keyword.to_owned(), value);
        if dice.roll(4) == 0 && out.contains_key("contains") {
            out.insert("minContains".to_owned(), json!(dice.roll(3)));
            out.insert("maxContains".to_owned(), json!(dice.roll(3)));
        }
        if out.contains_key("if") {
            out.insert("then".to_owned(), schema(dice, depth - 1, unique));
            if dice.roll(2) == 0 {
                out.insert("else".to_owned(), schema(dice, depth - 1, unique));
            }
        }
    }
    Value::Object(out)
}

fn schemas(dice: &mut Dice, depth: usize, unique: bool) -> Value {
    let count = 1 + dice.roll(3);
    Value::Array((0..count).map(|_| schema(dice, depth - 1, unique)).collect())
}

fn named(dice: &mut Dice, names: &[&str], depth: usize, unique: bool) -> Value {
    let mut out = serde_json::Map::new();
    for _ in 0..1 + dice.roll(2) {
        let name = *dice.pick(names);
        out.insert(name.to_owned(), schema(dice, depth - 1, unique));
    }
    Value::Object(out)
}

fn keyword(dice: &mut Dice, depth: usize, unique: bool) -> (&'static str, Value) {
    let inner = depth - 1;
    match dice.roll(if unique { 31 } else { 30 }) {
        0 if unique && dice.roll(2) == 0 => ("uniqueItems", json!(true)),
        0 => ("type", json!(dice.pick(&["null", "boolean", "number", "integer", "string"]))),
        1 => ("type", json!(dice.pick(&["array", "object"]))),
        2 => ("type", json!([dice.pick(&["null", "string"]), dice.pick(&["object", "integer"])])),
        3 => ("const", constant(dice)),
        4 => ("enum", json!([constant(dice), constant(dice), constant(dice)])),
        5 => ("minimum", json!(dice.roll(3))),
        6 => ("exclusiveMaximum", json!(dice.roll(3))),
        7 => ("multipleOf", json!(dice.pick(&[1.0, 2.0, 0.5]))),
        8 => ("minLength", json!(dice.roll(3))),
        9 => ("maxLength", json!(dice.roll(3))),
        10 => ("pattern", json!(dice.pick(&PATTERNS))),
        11 => ("items", schema(dice, inner, unique)),
        12 => ("prefixItems", schemas(dice, depth, unique)),
        13 => ("minItems", json!(dice.roll(3))),
        14 => ("maxItems", json!(dice.roll(3))),
        15 => ("contains", schema(dice, inner, unique)),
        16 | 17 => ("properties", named(dice, &NAMES, depth, unique)),
        18 => ("patternProperties", named(dice, &PATTERNS, depth, unique)),
        19 => ("additionalProperties", schema(dice, inner, unique)),
        20 => ("propertyNames", json!({"pattern": dice.pick(&PATTERNS)})),
        21 => ("required", json!([dice.pick(&NAMES)])),
        22 => match dice.roll(2) {
            0 => ("minProperties", json!(dice.roll(3))),
            _ => ("maxProperties", json!(dice.roll(3))),
        },
        23 => ("allOf", schemas(dice, depth, unique)),
        24 => ("anyOf", schemas(dice, depth, unique)),
        25 => ("oneOf", schemas(dice, depth, unique)),
        26 => ("not", schema(dice, inner, unique)),
        27 => ("if", schema(dice, inner, unique)),
        28 => match dice.roll(2) {
            0 => {
                let needed = json!([dice.pick(&NAMES)]);
                ("dependentRequired", json!({ *dice.pick(&NAMES): needed }))
            }
            _ => ("dependentSchemas", named(dice, &NAMES, depth, unique)),
        },
        29 => match dice.roll(2) {
            0 => ("unevaluatedProperties", schema(dice, inner, unique)),
            _ => ("unevaluatedItems", schema(dice, inner, unique)),
        },
        _ => ("uniqueItems", json!(true)),
    }
}

/// A schema that looks back at what others beside it have evaluated.
fn looking_back(dice: &mut Dice) -> Value {
    let branch = |dice: &mut Dice, depth: usize| -> Value {
        let mut out = match dice.roll(3) {
            0 => serde_json::Map::new(),
            _ => match schema(dice, depth, false) {
                Value::Object(out) => out,
                other => return other,
            },
        };
        let (keyword, value) = match dice.roll(6) {
            0 | 1 => ("properties", named(dice, &NAMES, 1, false)),
            2 => ("patternProperties", named(dice, &PATTERNS, 1, false)),
            3 | 4 => ("contains", schema(dice, 1, false)),
            _ => ("prefixItems", schemas(dice, 1, false)),
        };
        out.insert(keyword.to_owned(), value);
        Value::Object(out)
    };
    let branches =
        |dice: &mut Dice| -> Value { (0..2 + dice.roll(2)).map(|_| branch(dice, 2)).collect() };
    let mut out = serde_json::Map::new();
    for _ in 0..1 + dice.roll(3) {
        match dice.roll(7) {
            0 | 1 => out.insert("anyOf".to_owned(), branches(dice)),
            2 => out.insert("oneOf".to_owned(), branches(dice)),
            3 => out.insert("allOf".to_owned(), json!([{ "anyOf": branches(dice) }])),
            4 => {
                out.insert("then".to_owned(), branch(dice, 2));
                out.insert("else".to_owned(), branch(dice, 2));
                out.insert("if".to_owned(), branch(dice, 1))
            }
            5 => {
                let inner = branch(dice, 2);
                out.insert("dependentSchemas".to_owned(), json!({ *dice.pick(&NAMES): inner }))
            }
            _ => {
                let inner = branch(dice, 1);
                out.insert("not".to_owned(), json!({ "not": inner }))
            }
        };
    }
    for keyword in ["unevaluatedProperties", "unevaluatedItems"] {
        let inner = if dice.roll(2) == 0 { json!(false) } else { schema(dice, 1, false) };
        if dice.roll(4) > 0 {
            out.insert(keyword.to_owned(), inner);
        }
    }
    match dice.roll(5) {
        0 => json!({ "not": out }),
        1 => json!({"anyOf": [out, branch(dice, 1)], "unevaluatedProperties": false}),
        2 => json!({"oneOf": [out, branch(dice, 1)], "unevaluatedItems": {"type": "null"}}),
        _ => Value::Object(out),
    }
}

fn compile(
    schema: &Value,
    options: &SchemaOptions,
    limits: &SchemaLimits,
) -> Result<Judge, SchemaError> {
    let mut fuel = Fuel::new("max_steps", 500_000);
    let automaton = SchemaAutomaton::new(schema, options, limits, &mut fuel)?;
    Ok(Judge { automaton, fuel })
}

fn rounds() -> u64 {
    std::env::var("ORACLE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(400)
}

#[test]
fn random_schemas_agree_with_the_evaluator() {
    compare(rounds(), |dice| schema(dice, 3, false), &SchemaLimits::default());
}

/// Everything that has several alternatives is judged at the end of its value: verdicts must
/// be the same.
#[test]
fn deferred_random_schemas_agree_with_the_evaluator() {
    let limits = SchemaLimits { max_exact_alternatives: 0, ..SchemaLimits::default() };
    compare(rounds(), |dice| schema(dice, 3, false), &limits);
    compare(rounds() / 2, |dice| schema(dice, 3, true), &limits);
}

/// What was evaluated is told by a formula, where it is not by each alternative.
#[test]
fn unevaluated_members_and_elements_agree_with_the_evaluator() {
    let limits = SchemaLimits { max_exact_alternatives: 0, ..SchemaLimits::default() };
    compare(rounds() / 2, looking_back, &limits);
    compare(rounds() / 2, looking_back, &SchemaLimits::default());
}

/// With `uniqueItems`, where liveness is a superset: verdicts must be right all the same.
#[test]
fn random_schemas_with_unique_items_agree_with_the_evaluator() {
    compare(rounds(), |dice| schema(dice, 3, true), &SchemaLimits::default());
}

fn compare(rounds: u64, make: impl Fn(&mut Dice) -> Value, limits: &SchemaLimits) {
    let values = universe();
    let (mut supersets, mut missing) = (0u64, 0u64);
    let (mut compiled, mut empty, mut refused, mut limited) = (0u64, 0u64, 0u64, 0u64);
    for round in 0..rounds {
        let mut dice = Dice(round);
        let schema = make(&mut dice);
        let options = SchemaOptions {
            property_order: PropertyOrder::Any,
            whitespace: if round % 2 == 0 { Whitespace::Compact } else { Whitespace::default() },
            ..SchemaOptions::default()
        };
        let mut judge = match compile(&schema, &options, limits) {
            Ok(judge) => judge,
            Err(SchemaError::Empty { .. }) => {
                empty += 1;
                for value in &values {
                    assert!(!oracle::valid(&schema, value), "{round}: {schema} takes {value}");
                }
                continue;
            }
            // A schema that applies itself in place, or a limit.
            Err(SchemaError::Recursion { .. } | SchemaError::Automaton(_)) => {
                refused += 1;
                continue;
            }
            Err(error) => panic!("{round}: {schema}: {error}"),
        };
        compiled += 1;
        for value in &values {
            let text = value.to_string();
            let expected = oracle::valid(&schema, value);
            // A limit is an honest answer, but it must stay rare: see below.
            judge.fuel = Fuel::new("max_steps", 500_000);
            let Some(accepted) = judge.verdict(&text) else {
                limited += 1;
                break;
            };
            assert_eq!(accepted, expected, "{round}: {schema} about {text}");
            judge.fuel = Fuel::unlimited();
            let cut = dice.roll(text.len() + 1);
            if judge.automaton.exactness() == Exactness::Superset {
                supersets += 1;
                missing +=
                    u64::from(check_superset_completion(&mut judge, &schema, &text[..cut], round));
                continue;
            }
            check_completion(&mut judge, &schema, &text[..cut], round);
        }
    }
    println!(
        "{compiled} compiled, {empty} empty, {refused} refused, {limited} limited, \
         {supersets} states of supersets, {missing} without completion"
    );
    assert!(limited * 100 <= rounds, "{limited} of {rounds} ended in a limit");
    assert!(compiled > rounds / 2, "{compiled} compiled, {empty} empty, {refused} refused");
}

/// A live state has a completion, which leads to a document of the schema and gets shorter
/// as it is followed.
fn check_completion(judge: &mut Judge, schema: &Value, prefix: &str, round: u64) {
    let mut state = judge.state(prefix);
    if state.is_dead() {
        return;
    }
    let fuel = &mut judge.fuel;
    let rest = judge.automaton.completion(state, fuel).expect("no limit");
    let Some(rest) = rest else { panic!("{round}: {schema}: {prefix} lives without completion") };
    let rest = String::from_utf8(rest).expect("UTF-8");
    let whole: Value = serde_json::from_str(&format!("{prefix}{rest}"))
        .unwrap_or_else(|error| panic!("{round}: {schema}: {prefix} + {rest}: {error}"));
    assert!(oracle::valid(schema, &whole), "{round}: {schema}: {prefix} + {rest}");
    let mut left = rest.len();
    for byte in rest.bytes() {
        state = judge.automaton.step(state, byte, fuel).expect("a step");
        assert!(!state.is_dead(), "{round}: {schema}: {prefix} + {rest} dies");
        let next = judge.automaton.completion(state, fuel).expect("no limit").expect("alive");
        assert!(next.len() < left, "{round}: {schema}: {prefix} + {rest}: {left} stays");
        left = next.len();
    }
    assert!(judge.automaton.is_accepting(state, fuel).expect("a verdict"));
}

/// Where liveness is a superset, a completion may be missing, but not be wrong. Says whether
/// it is missing.
fn check_superset_completion(judge: &mut Judge, schema: &Value, prefix: &str, round: u64) -> bool {
    let state = judge.state(prefix);
    if state.is_dead() {
        return false;
    }
    judge.fuel = Fuel::new("max_steps", 500_000);
    let Ok(Some(rest)) = judge.automaton.completion(state, &mut judge.fuel) else {
        return true;
    };
    judge.fuel = Fuel::unlimited();
    let rest = String::from_utf8(rest).expect("UTF-8");
    let whole: Value = serde_json::from_str(&format!("{prefix}{rest}"))
        .unwrap_or_else(|error| panic!("{round}: {schema}: {prefix} + {rest}: {error}"));
    assert!(oracle::valid(schema, &whole), "{round}: {schema}: {prefix} + {rest}");
    false
}
