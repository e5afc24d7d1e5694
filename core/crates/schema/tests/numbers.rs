//! Numbers against exact arithmetic.

mod common;

use common::Judge;
use serde_json::json;

#[test]
fn multiples_are_exact() {
    for (step, scale) in [
        ("1", 1i64),
        ("2", 1),
        ("3", 1),
        ("7", 1),
        ("12", 1),
        ("100", 1),
        ("64", 1),
        ("250", 1),
        ("0.5", 10),
        ("0.25", 100),
        ("0.01", 100),
        ("0.3", 10),
        ("1.5", 10),
        ("0.07", 100),
        ("12.5", 10),
    ] {
        let value: serde_json::Value = serde_json::from_str(step).expect("a number");
        let units = (step.parse::<f64>().expect("a number") * scale as f64).round() as i64;
        let mut judge = Judge::new(&json!({"type": "number", "multipleOf": value}));
        for n in 0..2000i64 {
            let whole = n / scale;
            let fraction = n % scale;
            let width = scale.ilog10() as usize;
            let text =
                if scale == 1 { format!("{whole}") } else { format!("{whole}.{fraction:0width$}") };
            for text in [text.clone(), format!("-{text}")] {
                assert_eq!(judge.accepts(&text), n % units == 0, "{text} of {step}");
            }
            if scale == 1 {
                assert_eq!(judge.accepts(&format!("{n}.0")), n % units == 0, "{n}.0 of {step}");
            }
        }
    }
}

#[test]
fn bounds_are_exact() {
    let bounds = ["-12.5", "-10", "-1", "-0.05", "0", "0.05", "0.5", "1", "9", "10", "99.9", "1e2"];
    let mut spellings: Vec<(String, f64)> = Vec::new();
    for n in -2600..2600i32 {
        let value = f64::from(n) / 20.0;
        let plain = format!("{value}");
        spellings.push((plain, value));
        if n % 20 == 0 {
            spellings.push((format!("{}.0", n / 20), value));
        }
    }
    for (text, value) in [
        ("1e-05", 1e-5),
        ("-1e-05", -1e-5),
        ("1e2", 1e2),
        ("1.0e+02", 1e2),
        ("1e+16", 1e16),
        ("-1e+16", -1e16),
        ("9.99e1", 99.9),
        ("5e-2", 0.05),
        ("-5E-2", -0.05),
        ("-0", 0.0),
        ("-0.0", 0.0),
        ("1.25e1", 12.5),
        ("-1.25e1", -12.5),
        ("-1.25e+01", -12.5),
    ] {
        spellings.push((text.to_owned(), value));
    }
    for bound in bounds {
        let json: serde_json::Value = serde_json::from_str(bound).expect("a number");
        let limit: f64 = bound.parse().expect("a number");
        for keyword in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
            let mut plain = Judge::new(&json!({"type": "number", keyword: json}));
            let mut negated = Judge::new(&json!({"type": "number", "not": {keyword: json}}));
            for (text, value) in &spellings {
                let holds = match keyword {
                    "minimum" => *value >= limit,
                    "maximum" => *value <= limit,
                    "exclusiveMinimum" => *value > limit,
                    _ => *value < limit,
                };
                assert_eq!(plain.accepts(text), holds, "{text}: {keyword} {bound}");
                assert_eq!(negated.accepts(text), !holds, "{text}: not {keyword} {bound}");
            }
        }
    }
}

#[test]
fn integers_by_draft() {
    for (draft, text, valid) in [
        ("http://json-schema.org/draft-04/schema#", "1.0", false),
        ("http://json-schema.org/draft-04/schema#", "1", true),
        ("http://json-schema.org/draft-07/schema#", "1.0", true),
        ("http://json-schema.org/draft-07/schema#", "1e3", true),
        ("http://json-schema.org/draft-07/schema#", "1.5e1", true),
        ("http://json-schema.org/draft-07/schema#", "1.55e1", false),
        ("http://json-schema.org/draft-07/schema#", "1e-1", false),
        ("http://json-schema.org/draft-07/schema#", "123456789012345678901234567890", true),
        ("http://json-schema.org/draft-07/schema#", "1.5", false),
    ] {
        let mut judge = Judge::new(&json!({"$schema": draft, "type": "integer"}));
        assert_eq!(judge.accepts(text), valid, "{text} under {draft}");
    }
}
