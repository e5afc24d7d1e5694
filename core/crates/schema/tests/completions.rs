//! Every live state has a completion: states are visited breadth-first over a small alphabet.
//!
//! `COMPLETION_ROUNDS` sets the number of random schemas.

mod common;
#[path = "common/random.rs"]
mod random;

use std::collections::HashSet;

use common::Judge;
use random::Dice;
use serde_json::{Value, json};
use structgen_automaton::{ByteAutomaton, Exactness, Fuel, StateId};
use structgen_schema::{
    NumberSpelling, PropertyOrder, SchemaAutomaton, SchemaError, SchemaLimits, SchemaOptions,
    Whitespace,
};

/// Enough for every kind of lexeme; random schemas are about these names and values.
const ALPHABET: &[u8] = b"[]{},:\"abc12-.0nulltruefalse \\";

/// States that are visited for one schema: of an exact automaton, and of one where a failing
/// search for a completion takes milliseconds.
const MAX_VISITED: usize = 2_000;
const MAX_VISITED_SUPERSET: usize = 300;

/// Fuel for one completion, or to compile a schema: a tenth of what a mask may take.
const STEPS: u64 = 2_000_000;

/// What has been found about the states of some schemas.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    schemas: usize,
    visited: usize,
    missing: usize,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.schemas += other.schemas;
        self.visited += other.visited;
        self.missing += other.missing;
    }
}

/// Visits the states of a schema. A completion must be right wherever there is one, and there
/// must be one in every live state of an exact automaton.
fn visit(judge: &mut Judge, name: &str) -> Tally {
    judge.fuel = Fuel::unlimited();
    let exact = judge.automaton.exactness() == Exactness::Exact;
    let mut tally = Tally { schemas: 1, ..Tally::default() };
    let start = judge.automaton.start(&mut judge.fuel).expect("a start");
    let mut seen = HashSet::from([start]);
    let mut queue = std::collections::VecDeque::from([(start, Vec::new())]);
    while let Some((state, prefix)) = queue.pop_front() {
        if tally.visited == if exact { MAX_VISITED } else { MAX_VISITED_SUPERSET } {
            break;
        }
        tally.visited += 1;
        let place = format!("{name}: {}", String::from_utf8_lossy(&prefix));
        match checked_completion(judge, state, &place) {
            Some(_) => {}
            None if exact => panic!("{place} lives without completion"),
            None => {
                println!("no completion: {place}");
                tally.missing += 1;
            }
        }
        judge.fuel = Fuel::unlimited();
        for byte in ALPHABET {
            let next = judge.automaton.step(state, *byte, &mut judge.fuel).expect("a step");
            if !next.is_dead() && seen.insert(next) {
                let mut text = prefix.clone();
                text.push(*byte);
                queue.push_back((next, text));
            }
        }
    }
    tally
}

/// The completion of a live state: followed, it leads to the end, and after its first byte
/// the next one is shorter.
fn checked_completion(judge: &mut Judge, state: StateId, place: &str) -> Option<Vec<u8>> {
    let completion = |judge: &mut Judge, state| {
        judge.fuel = Fuel::new("max_steps", STEPS);
        judge.automaton.completion(state, &mut judge.fuel).ok().flatten()
    };
    let rest = completion(judge, state)?;
    let shown = String::from_utf8_lossy(&rest).into_owned();
    let mut at = state;
    for (index, byte) in rest.iter().enumerate() {
        judge.fuel = Fuel::unlimited();
        at = judge.automaton.step(at, *byte, &mut judge.fuel).expect("a step");
        assert!(!at.is_dead(), "{place} + {shown} dies");
        if index == 0 {
            let next = completion(judge, at).map(|next| next.len());
            assert!(next.is_some_and(|next| next < rest.len()), "{place} + {shown}: {next:?}");
        }
    }
    assert!(judge.automaton.is_accepting(at, &mut judge.fuel).expect("a verdict"), "{place}");
    Some(rest)
}

fn options(round: u64) -> SchemaOptions {
    SchemaOptions {
        property_order: if round % 3 == 0 { PropertyOrder::Schema } else { PropertyOrder::Any },
        whitespace: match round % 4 {
            0 | 1 => Whitespace::Compact,
            2 => Whitespace::Indent { width: 1 },
            _ => Whitespace::default(),
        },
        number_spelling: match round % 2 {
            0 => NumberSpelling::All,
            _ => NumberSpelling::Plain,
        },
        ..SchemaOptions::default()
    }
}

fn rounds() -> u64 {
    std::env::var("COMPLETION_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}

fn visit_all(schemas: &[Value], limits: &SchemaLimits) -> Tally {
    let mut tally = Tally::default();
    for (round, schema) in schemas.iter().enumerate() {
        let mut fuel = Fuel::new("max_steps", STEPS);
        let options = options(round as u64);
        // What is empty, applies itself in place, or is too large has no states.
        let Ok(automaton) = SchemaAutomaton::new(schema, &options, limits, &mut fuel) else {
            continue;
        };
        let mut judge = Judge { automaton, fuel };
        let found = visit(&mut judge, &format!("{round}: {schema}"));
        tally.add(found);
    }
    println!("{tally:?}");
    tally
}

fn random_schemas(unique: bool) -> Vec<Value> {
    (0..rounds()).map(|round| random::schema(&mut Dice(7_000 + round), 3, unique)).collect()
}

#[test]
fn exact_states_have_completions() {
    let mut schemas = vec![
        json!({"type": "array", "contains": {"const": 1}, "minContains": 2, "maxItems": 3}),
        json!({"type": "object", "minProperties": 2, "propertyNames": {"pattern": "^[ab]?$"}}),
        json!({"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"}),
        json!({"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"type": "array", "items": {"$ref": "#"}}}, "required": ["b"], "maxProperties": 2}),
        json!({"not": {"properties": {"a": {"minItems": 1}}}}),
        json!({"if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["b"]}, "else": {"required": ["c"]}, "type": "object"}),
    ];
    schemas.extend(random_schemas(false));
    visit_all(&schemas, &SchemaLimits::default());
}

/// Arrays that compare their elements: finite sets of containers among them.
#[test]
fn states_of_unique_items_have_completions() {
    let unique = |count: u32, items: Value| json!({"type": "array", "uniqueItems": true, "minItems": count, "items": items});
    let mut schemas = vec![
        unique(3, json!({"type": "array", "items": {"enum": [1, 2]}, "maxItems": 1})),
        unique(
            4,
            json!({"type": "array", "items": {"enum": [1, 2]}, "maxItems": 2, "minItems": 2}),
        ),
        unique(
            3,
            json!({"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}),
        ),
        unique(
            2,
            json!({"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"], "additionalProperties": false}),
        ),
        unique(3, json!({"type": "array", "items": {"type": "string"}, "maxItems": 1})),
        unique(3, json!({"type": ["array", "object", "boolean"]})),
        json!({"type": "array", "uniqueItems": true, "prefixItems": [{"enum": [1, 2]}, {"enum": [[1], [2]]}], "items": {"enum": [1, [1], [2]]}, "minItems": 4}),
        json!({"type": "array", "uniqueItems": true, "minItems": 2, "items": unique(1, json!({"enum": [1, [2]]}))}),
        json!({"type": "array", "not": {"uniqueItems": true}, "items": {"type": "array", "items": {"enum": [1, 2]}, "maxItems": 1}}),
        json!({"properties": {"a": unique(2, json!({"type": "array", "maxItems": 1})), "b": {"const": [1]}}, "required": ["a", "b"], "type": "object"}),
    ];
    schemas.extend(random_schemas(true));
    let tally = visit_all(&schemas, &SchemaLimits::default());
    assert_eq!(tally.missing, 0, "{tally:?}");
}

#[test]
fn finite_sets_of_containers_are_counted() {
    let schema = |count: u32| json!({"type": "array", "uniqueItems": true, "minItems": count, "items": {"type": "array", "items": {"enum": [1, 2]}, "maxItems": 1}});
    let mut judge = Judge::new(&schema(3));
    assert!(judge.accepts("[[], [1], [2]]"));
    // Neither of these can become an element that is new.
    assert!(!judge.lives("[[1], [1") && !judge.lives("[[], []") && !judge.lives("[[], [2, "));
    let fuel = &mut Fuel::unlimited();
    let limits = SchemaLimits::default();
    let four = SchemaAutomaton::new(&schema(4), &SchemaOptions::default(), &limits, fuel);
    assert!(matches!(four, Err(SchemaError::Empty { .. })));
    // The first element must leave to the second the only one that it can be.
    let pair = json!({"type": "array", "uniqueItems": true, "minItems": 2, "prefixItems": [{"enum": [1, [2]]}], "items": {"const": [2.0]}});
    let mut judge = Judge::new(&pair);
    assert!(judge.accepts("[1, [2]]") && !judge.lives("[["));
}

/// Parts that are judged at the end of their value: everything that has alternatives.
#[test]
fn states_of_deferred_schemas_have_completions() {
    let limits = SchemaLimits { max_exact_alternatives: 0, ..SchemaLimits::default() };
    let mut schemas = random_schemas(false);
    schemas.extend(random_schemas(true));
    let tally = visit_all(&schemas, &limits);
    assert!(tally.missing <= MISSING_DEFERRED, "{tally:?}");
}

/// States without a completion: that an unhappy key or value has refuted the formula only shows
/// when it ends. This number may only fall.
const MISSING_DEFERRED: usize = 649;
