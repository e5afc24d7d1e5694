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
    compare(rounds(), false, &SchemaLimits::default());
}

/// Everything that has several alternatives is judged at the end of its value: verdicts must
/// be the same.
#[test]
fn deferred_random_schemas_agree_with_the_evaluator() {
    let limits = SchemaLimits { max_exact_alternatives: 0, ..SchemaLimits::default() };
    compare(rounds(), false, &limits);
    compare(rounds() / 2, true, &limits);
}

/// With `uniqueItems`, where liveness is a superset: verdicts must be right all the same.
#[test]
fn random_schemas_with_unique_items_agree_with_the_evaluator() {
    compare(rounds(), true, &SchemaLimits::default());
}

fn compare(rounds: u64, unique: bool, limits: &SchemaLimits) {
    let values = universe();
    let (mut supersets, mut missing) = (0u64, 0u64);
    let (mut compiled, mut empty, mut refused, mut limited) = (0u64, 0u64, 0u64, 0u64);
    for round in 0..rounds {
        let mut dice = Dice(round);
        let schema = schema(&mut dice, 3, unique);
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
