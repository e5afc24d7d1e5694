//! JSON spellings against `serde_json`: a body is in the lowered language exactly if it decodes
//! to a text that the pattern matches.

mod common;

use common::{Kinds, Random, full_matches};
use structgen_automaton::Fuel;
use structgen_regex::{Ast, CharSet, Exprs, JsonSpelling, RegexLimits, lower_json};

const ALPHABET: [char; 8] = ['a', '"', '\\', '/', '\n', '\u{1f}', 'é', '😀'];

fn canonical(text: &str) -> String {
    let mut body = String::new();
    for c in text.chars() {
        match c {
            '"' => body.push_str("\\\""),
            '\\' => body.push_str("\\\\"),
            '\u{8}' => body.push_str("\\b"),
            '\u{c}' => body.push_str("\\f"),
            '\n' => body.push_str("\\n"),
            '\r' => body.push_str("\\r"),
            '\t' => body.push_str("\\t"),
            c if c < ' ' => body.push_str(&format!("\\u{:04x}", c as u32)),
            c => body.push(c),
        }
    }
    body
}

/// One spelling of `c`, sometimes an illegal one.
fn spell(random: &mut Random, c: char) -> String {
    let units: Vec<u16> = c.encode_utf16(&mut [0; 2]).to_vec();
    match random.below(8) {
        0 | 1 => units
            .iter()
            .map(|unit| {
                let hex = format!("{unit:04x}");
                let upper = random.below(2) == 0;
                format!("\\u{}", if upper { hex.to_uppercase() } else { hex })
            })
            .collect(),
        2 => format!("\\u{:04X}", units[0]),
        3 => c.to_string(),
        4 => format!("\\{c}"),
        _ => canonical(&c.to_string()),
    }
}

#[test]
fn bodies_are_in_the_language_exactly_if_their_values_are() {
    let (mut inside, mut outside, mut illegal) = (0, 0, 0);
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let size = 1 + random.below(7);
        let ast = random.ast(&ALPHABET, size, Kinds { booleans: true, assertions: false });
        let mut exprs = Exprs::new(RegexLimits::default());
        let all = lower_json(&mut exprs, &ast, JsonSpelling::All);
        let minimal = lower_json(&mut exprs, &ast, JsonSpelling::Minimal);
        let mut fuel = Fuel::unlimited();
        assert!(exprs.contains(all, minimal, &mut fuel).unwrap());
        let mut bodies: Vec<String> = (0..120)
            .map(|_| {
                let length = random.below(5);
                (0..length)
                    .map(|_| {
                        let c = ALPHABET[random.below(8) as usize];
                        spell(&mut random, c)
                    })
                    .collect()
            })
            .collect();
        // What the engine itself would write.
        for e in [all, minimal] {
            if let Some(member) = exprs.shortest(e, &mut fuel).unwrap() {
                bodies.push(String::from_utf8(member).unwrap());
            }
        }
        for body in bodies {
            let value: Option<String> = serde_json::from_str(&format!("\"{body}\"")).ok();
            let matched = exprs.matches(all, body.as_bytes(), &mut fuel).unwrap();
            let chars: Option<Vec<char>> = value.as_ref().map(|v| v.chars().collect());
            let expected = chars.is_some_and(|chars| full_matches(&ast, &chars));
            assert_eq!(matched, expected, "seed {seed}: {ast:?} on {body:?}");
            let least = value.as_ref().is_some_and(|value| canonical(value) == body);
            let matched = exprs.matches(minimal, body.as_bytes(), &mut fuel).unwrap();
            assert_eq!(matched, expected && least, "minimal, seed {seed}: {ast:?} on {body:?}");
            match (value, expected) {
                (None, _) => illegal += 1,
                (_, true) => inside += 1,
                (_, false) => outside += 1,
            }
        }
    }
    assert!(inside > 1_000 && outside > 1_000 && illegal > 1_000, "{inside} {outside} {illegal}");
}

#[test]
fn every_character_has_its_spellings_and_no_others() {
    let mut exprs = Exprs::new(RegexLimits::default());
    let mut fuel = Fuel::unlimited();
    let any = lower_json(&mut exprs, &Ast::any_char(), JsonSpelling::All);
    let edges = [
        0u32, 1, 0x1F, 0x20, 0x22, 0x2F, 0x5C, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD,
        0xFFFF, 0x10000, 0x103FF, 0x10400, 0xFFFFF, 0x100000, 0x10FFFF,
    ];
    for code in edges {
        let c = char::from_u32(code).unwrap();
        let only = lower_json(&mut exprs, &Ast::Class(CharSet::single(c)), JsonSpelling::All);
        let others =
            lower_json(&mut exprs, &Ast::Class(CharSet::single(c).complement()), JsonSpelling::All);
        let both = exprs.and(&[only, others]);
        assert!(exprs.is_empty(both, &mut fuel).unwrap());
        let either = exprs.or(&[only, others]);
        assert!(exprs.contains(either, any, &mut fuel).unwrap());
        assert!(exprs.contains(any, either, &mut fuel).unwrap());
        let units: Vec<u16> = c.encode_utf16(&mut [0; 2]).to_vec();
        let upper: String = units.iter().map(|u| format!("\\u{u:04X}")).collect();
        let lower: String = units.iter().map(|u| format!("\\u{u:04x}")).collect();
        for body in [upper, lower, canonical(&c.to_string())] {
            assert!(exprs.matches(only, body.as_bytes(), &mut fuel).unwrap(), "{body}");
            assert!(!exprs.matches(others, body.as_bytes(), &mut fuel).unwrap(), "{body}");
        }
    }
    for body in [
        "\\ud800",
        "\\udc00",
        "\\udc00\\ud800",
        "\\ud83d\\u0041",
        "\\u12",
        "\\x41",
        "\\",
        "\"",
        "\u{1}",
    ] {
        assert!(!exprs.matches(any, body.as_bytes(), &mut fuel).unwrap(), "{body}");
    }
}

#[test]
fn bytes_that_are_no_text_are_never_members() {
    let mut exprs = Exprs::new(RegexLimits::default());
    let mut fuel = Fuel::unlimited();
    let nothing_else = Ast::literal("x").negate();
    for spelling in [JsonSpelling::All, JsonSpelling::Minimal] {
        let e = lower_json(&mut exprs, &nothing_else, spelling);
        let mut random = Random::new(5);
        let mut legal = 0;
        for _ in 0..20_000 {
            let length = 1 + random.below(4) as usize;
            let bytes: Vec<u8> = (0..length).map(|_| (random.next() >> 7) as u8 | 0x40).collect();
            let quoted = [b"\"", bytes.as_slice(), b"\""].concat();
            let value = serde_json::from_slice::<String>(&quoted).ok();
            let expected = value.is_some_and(|v| {
                v != "x" && (spelling == JsonSpelling::All || canonical(&v).as_bytes() == bytes)
            });
            legal += u32::from(expected);
            assert_eq!(exprs.matches(e, &bytes, &mut fuel).unwrap(), expected, "{bytes:?}");
        }
        assert!(legal > 1_000);
    }
}
