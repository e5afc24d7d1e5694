//! Random schemas.

use serde_json::{Value, json};

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, options: &'a [T]) -> &'a T {
        &options[self.roll(options.len())]
    }
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

/// A schema of that depth; `unique`: also with `uniqueItems`.
pub fn schema(dice: &mut Dice, depth: usize, unique: bool) -> Value {
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
#[allow(dead_code)] // not every test that includes this file draws them
pub fn looking_back(dice: &mut Dice) -> Value {
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
