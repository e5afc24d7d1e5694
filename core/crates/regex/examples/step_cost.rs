//! What a step costs, warm and cold, and what typical patterns hold in memory.
//!
//! `cargo run --release -p structgen-regex --example step_cost`

use std::hint::black_box;
use std::time::Instant;

use structgen_automaton::{ByteAutomaton, Fuel};
use structgen_regex::{
    Ast, Dialect, Exprs, Flags, JsonSpelling, ParseLimits, RegexAutomaton, RegexLimits, lower_json,
    lower_utf8, parse, search,
};

fn ecma(pattern: &str) -> Ast {
    let ast = parse(pattern, Dialect::Ecma, Flags::default(), ParseLimits::default());
    search(ast.expect("a pattern of the list")).expect("a regular pattern")
}

fn main() {
    let words = "the quick brown fox jumps over the lazy dog ".repeat(20);
    let cases: Vec<(&str, Ast, String)> = vec![
        ("any text", Ast::any_text(), words.clone()),
        ("^[a-z ]+$", ecma("^[a-z ]+$"), words.clone()),
        (r"^(\w+\s)+$", ecma(r"^(\w+\s)+$"), words.clone()),
        (r"(?:\S+\s+){0,199}", ecma(r"^(?:\S+\s+){0,199}\S*$"), words.clone()),
        ("^.{0,5000}$", ecma("^.{0,5000}$"), words.clone()),
        ("(a|b)*a(a|b){20}", ecma("^(a|b)*a(a|b){20}$"), "abbabaabbbabaabab".repeat(50)),
        ("search fox", ecma("fox"), words.clone()),
        (
            "pattern & length & ~fox2",
            Ast::And(vec![
                ecma("^[a-z ]+$"),
                Ast::text_of_length(5, Some(2_000)),
                ecma("fox2").negate(),
            ]),
            words.clone(),
        ),
        ("tempered dot", ecma("^(?:(?!END).)*$"), words.clone()),
        (
            "date-time",
            ecma(r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T\d\d:\d\d:\d\d(\.\d+)?Z$"),
            "2024-02-29T12:34:56.789Z".to_string(),
        ),
    ];
    println!(
        "{:28} {:>8} {:>10} {:>10} {:>8} {:>10}",
        "", "spelling", "cold ns/B", "warm ns/B", "states", "bytes"
    );
    for (name, ast, text) in &cases {
        for json in [false, true] {
            let mut exprs = Exprs::new(RegexLimits::default());
            let e = if json {
                lower_json(&mut exprs, ast, JsonSpelling::All)
            } else {
                lower_utf8(&mut exprs, ast)
            };
            let mut automaton = RegexAutomaton::new(exprs, e);
            let mut fuel = Fuel::unlimited();
            let start = automaton.start(&mut fuel).expect("fuel");
            let mut run = |automaton: &mut RegexAutomaton, rounds: u32| {
                let clock = Instant::now();
                for _ in 0..rounds {
                    let mut state = start;
                    for &byte in text.as_bytes() {
                        state = automaton.step(state, byte, &mut fuel).expect("fuel");
                        if state.is_dead() {
                            break;
                        }
                    }
                    black_box(state);
                }
                clock.elapsed().as_nanos() as f64 / f64::from(rounds) / text.len() as f64
            };
            let cold = run(&mut automaton, 1);
            let warm = run(&mut automaton, 2_000);
            let usage = automaton.usage();
            println!(
                "{name:28} {:>8} {cold:>10.0} {warm:>10.2} {:>8} {:>10}",
                if json { "json" } else { "utf-8" },
                usage.states,
                usage.bytes
            );
        }
    }
}
