//! Random schemas against a plain evaluator.
//!
//! For each schema, every value of a small universe is judged both ways, and for some of
//! their prefixes the completion that the recogniser gives must be a document of the schema.
//! `ORACLE_ROUNDS` sets the number of schemas.

mod common;
#[path = "common/oracle.rs"]
mod oracle;
#[path = "common/random.rs"]
mod random;

use common::{Judge, every_spelling};
use random::{Dice, looking_back, schema};
use serde_json::{Value, json};
use structgen_automaton::{ByteAutomaton, Exactness, Fuel};
use structgen_schema::{
    PropertyOrder, SchemaAutomaton, SchemaError, SchemaLimits, SchemaOptions, Whitespace,
};

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
    let (mut supersets, mut missing, mut missed) = (0u64, 0u64, 0u64);
    let (mut compiled, mut empty, mut refused, mut limited) = (0u64, 0u64, 0u64, 0u64);
    for round in 0..rounds {
        let mut dice = Dice(round);
        let schema = make(&mut dice);
        let options = SchemaOptions {
            property_order: PropertyOrder::Any,
            whitespace: if round % 2 == 0 { Whitespace::Compact } else { Whitespace::default() },
            ..every_spelling()
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
                let found = has_right_completion(&mut judge, &schema, &text[..cut], round);
                supersets += 1;
                missing += u64::from(!found);
                // What goes on to a valid document has one, found or not.
                missed += u64::from(!found && expected);
                continue;
            }
            check_completion(&mut judge, &schema, &text[..cut], round);
        }
    }
    println!(
        "{compiled} compiled, {empty} empty, {refused} refused, {limited} limited, \
         {supersets} states of supersets, {missing} without completion, {missed} that have one"
    );
    assert!(missed * 1_000 <= supersets, "{missed} of {supersets} completions are not found");
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
/// there is one; a dead state needs none.
fn has_right_completion(judge: &mut Judge, schema: &Value, prefix: &str, round: u64) -> bool {
    let state = judge.state(prefix);
    if state.is_dead() {
        return true;
    }
    judge.fuel = Fuel::new("max_steps", 2_000_000);
    let Ok(Some(rest)) = judge.automaton.completion(state, &mut judge.fuel) else {
        return false;
    };
    judge.fuel = Fuel::unlimited();
    let rest = String::from_utf8(rest).expect("UTF-8");
    let whole: Value = serde_json::from_str(&format!("{prefix}{rest}"))
        .unwrap_or_else(|error| panic!("{round}: {schema}: {prefix} + {rest}: {error}"));
    assert!(oracle::valid(schema, &whole), "{round}: {schema}: {prefix} + {rest}");
    true
}
