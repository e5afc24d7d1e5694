//! Pattern soup: whatever strangers send, the parser answers, and what it accepts can be run.

mod common;

use common::Random;
use structgen_automaton::{ByteAutomaton, Fuel};
use structgen_regex::{
    Dialect, Exprs, Flags, JsonSpelling, ParseLimits, RegexAutomaton, RegexLimits, full_match,
    lower_json, lower_utf8, parse, search,
};

const PIECES: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "*",
    "+",
    "?",
    "|",
    "^",
    "$",
    ".",
    "\\",
    "-",
    ",",
    "a",
    "b",
    "0",
    "9",
    " ",
    "\n",
    "\0",
    "é",
    "😀",
    "(?:",
    "(?=",
    "(?!",
    "(?<=",
    "(?<!",
    "(?i:",
    "(?P<n>",
    "(?<m>",
    "(?#",
    "(?x)",
    "\\d",
    "\\W",
    "\\b",
    "\\B",
    "\\A",
    "\\Z",
    "\\u",
    "\\x4",
    "\\u{1F600}",
    "\\ud83d",
    "\\p{L}",
    "\\p{",
    "\\1",
    "\\k<n>",
    "\\c",
    "[^",
    "[a-z]",
    "a-",
    "&&",
    "{2,3}",
    "{,2}",
    "{9",
    "{99999}",
    ":",
    "=",
    "<",
    ">",
    "!",
    "#",
    "_",
    "[[:digit:]]",
    "[:^alpha:]",
    "--",
    "~~",
    "(?i)",
    "(?-i)",
    "(?>",
    "(?R)",
    "(?<n>",
    "\\z",
    "\\h",
    "\\Q",
    "\\x{41}",
    "\\p{Digit}",
    "\\b{start}",
    "*+",
];

#[test]
fn soup() {
    let (mut accepted, mut run) = (0, 0);
    for seed in 0..4_000 {
        let mut random = Random::new(seed);
        let length = 1 + random.below(9);
        let pattern: String =
            (0..length).map(|_| PIECES[random.below(PIECES.len() as u64) as usize]).collect();
        for dialect in [Dialect::Ecma, Dialect::Python, Dialect::Rust] {
            let flags = Flags {
                ignore_case: random.below(4) == 0,
                multi_line: random.below(4) == 0,
                dot_all: random.below(4) == 0,
                verbose: dialect != Dialect::Ecma && random.below(4) == 0,
                ascii: dialect == Dialect::Python && random.below(4) == 0,
            };
            let ast = match parse(&pattern, dialect, flags, ParseLimits::default()) {
                Ok(ast) => ast,
                Err(error) => {
                    assert!(error.offset <= pattern.chars().count());
                    assert!(error.line >= 1 && error.column >= 1 && !error.message.is_empty());
                    continue;
                }
            };
            accepted += 1;
            if seed % 5 != 0 {
                continue;
            }
            for resolved in [full_match(ast.clone()), search(ast.clone())] {
                let Ok(resolved) = resolved else { continue };
                let mut exprs = Exprs::new(RegexLimits::default());
                let e = if random.below(2) == 0 {
                    lower_utf8(&mut exprs, &resolved)
                } else {
                    lower_json(&mut exprs, &resolved, JsonSpelling::All)
                };
                let mut automaton = RegexAutomaton::new(exprs, e);
                let mut fuel = Fuel::new("max_steps", 200_000);
                let Ok(mut state) = automaton.start(&mut fuel) else { continue };
                if state.is_dead() {
                    continue;
                }
                // The completion is one, and every prefix of it is live.
                let Ok(Some(completion)) = automaton.completion(state, &mut fuel) else { continue };
                if completion.len() > 2_000 {
                    continue;
                }
                for byte in completion {
                    state = automaton.step(state, byte, &mut fuel).unwrap();
                    assert!(!state.is_dead(), "{pattern:?}");
                }
                assert!(automaton.is_accepting(state, &mut fuel).unwrap(), "{pattern:?}");
                run += 1;
            }
        }
    }
    assert!(accepted > 1_000 && run > 200, "{accepted} {run}");
}
