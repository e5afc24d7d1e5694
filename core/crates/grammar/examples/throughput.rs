//! Nanoseconds per byte of a JSON grammar, cold and warm.
//! `cargo run --release -p structgen-grammar --example throughput`

use std::time::Instant;

use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel, StateId};
use structgen_grammar::{
    CfgAutomaton, Grammar, GrammarError, GrammarLimits, Rule, Symbol, Terminal, TerminalKind,
};
use structgen_regex::{
    Ast, ByteSet, CharSet, ExprId, Exprs, JsonSpelling, RegexLimits, lower_json,
};

const TERMINALS: [&str; 11] = [
    "OPEN", "CLOSE", "COMMA", "COLON", "LEFT", "RIGHT", "STRING", "NUMBER", "TRUE", "OTHER",
    "SPACE",
];

fn terminal(exprs: &mut Exprs, name: &str) -> ExprId {
    match name {
        "OPEN" => exprs.literal(b"{"),
        "CLOSE" => exprs.literal(b"}"),
        "COMMA" => exprs.literal(b","),
        "COLON" => exprs.literal(b":"),
        "LEFT" => exprs.literal(b"["),
        "RIGHT" => exprs.literal(b"]"),
        "TRUE" => exprs.literal(b"true"),
        "OTHER" => exprs.literals(&[b"false", b"null"]),
        "SPACE" => {
            let space = exprs.byte_set(ByteSet::of(b" \t\r\n"));
            exprs.repeat(space, 1, None)
        }
        "STRING" => {
            let any = Ast::Class(CharSet::any()).repeat(0, None);
            let body = lower_json(exprs, &any, JsonSpelling::All);
            let quote = exprs.literal(b"\"");
            exprs.concat(&[quote, body, quote])
        }
        _ => {
            let digit = exprs.byte_set(ByteSet::range(b'0', b'9'));
            let first = exprs.byte_set(ByteSet::range(b'1', b'9'));
            let zero = exprs.literal(b"0");
            let digits = exprs.repeat(digit, 1, None);
            let more = exprs.repeat(digit, 0, None);
            let large = exprs.concat(&[first, more]);
            let whole = exprs.or(&[zero, large]);
            let point = exprs.literal(b".");
            let fraction = exprs.concat(&[point, digits]);
            let fraction = exprs.repeat(fraction, 0, Some(1));
            let e = exprs.byte_set(ByteSet::of(b"eE"));
            let sign = exprs.byte_set(ByteSet::of(b"+-"));
            let sign = exprs.repeat(sign, 0, Some(1));
            let exponent = exprs.concat(&[e, sign, digits]);
            let exponent = exprs.repeat(exponent, 0, Some(1));
            let minus = exprs.literal(b"-");
            let minus = exprs.repeat(minus, 0, Some(1));
            exprs.concat(&[minus, whole, fraction, exponent])
        }
    }
}

fn json() -> Result<CfgAutomaton, Box<dyn std::error::Error>> {
    let mut exprs = Exprs::new(RegexLimits::default());
    let mut terminals = Vec::new();
    for name in TERMINALS {
        let expr = terminal(&mut exprs, name);
        terminals.push(Terminal { name: name.into(), kind: TerminalKind::Regex(expr) });
    }
    let symbol = |word: &str| match word {
        "value" => Symbol::Rule(0),
        "object" => Symbol::Rule(1),
        "array" => Symbol::Rule(2),
        "pairs" => Symbol::Rule(3),
        "values" => Symbol::Rule(4),
        _ => Symbol::Terminal(TERMINALS.iter().position(|t| *t == word).unwrap_or(0) as u32),
    };
    let rule = |name: &str, body: &str| Rule {
        name: name.into(),
        alternatives: body.split('|').map(|a| a.split_whitespace().map(symbol).collect()).collect(),
    };
    let rules = vec![
        rule("value", "object | array | STRING | NUMBER | TRUE | OTHER"),
        rule("object", "OPEN CLOSE | OPEN pairs CLOSE"),
        rule("array", "LEFT RIGHT | LEFT values RIGHT"),
        rule("pairs", "STRING COLON value | pairs COMMA STRING COLON value"),
        rule("values", "value | values COMMA value"),
    ];
    let grammar = Grammar { rules, terminals, ignore: vec![10], start: 0 };
    let started = Instant::now();
    let automaton =
        CfgAutomaton::new(grammar, exprs, GrammarLimits::default(), &mut Fuel::unlimited())
            .map_err(|e: GrammarError| e.to_string())?;
    println!("build {:?}", started.elapsed());
    Ok(automaton)
}

fn walk(automaton: &mut CfgAutomaton, text: &[u8]) -> Result<StateId, AutomatonError> {
    let mut fuel = Fuel::unlimited();
    let mut state = automaton.start(&mut fuel)?;
    for byte in text {
        state = automaton.step(state, *byte, &mut fuel)?;
    }
    Ok(state)
}

/// Texts that differ, of some depth.
fn document(seed: &mut u64, depth: usize) -> String {
    let mut roll = |n: u64| {
        *seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (*seed >> 33) % n
    };
    let kind = if depth == 0 { 2 + roll(3) } else { roll(5) };
    match kind {
        0 => {
            let n = roll(5);
            let pairs: Vec<String> =
                (0..n).map(|i| format!("\"key {i}\": {}", document(seed, depth - 1))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        1 => {
            let n = roll(5);
            let values: Vec<String> = (0..n).map(|_| document(seed, depth - 1)).collect();
            format!("[{}]", values.join(","))
        }
        2 => format!("\"some text {}\\n\"", roll(1000)),
        3 => format!("{}.{}e+{}", roll(1000), roll(10), roll(9)),
        _ => ["true", "false", "null"][roll(3) as usize].into(),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut automaton = json()?;
    let mut seed = 1;
    let texts: Vec<String> = (0..2_000).map(|_| document(&mut seed, 6)).collect();
    let bytes: usize = texts.iter().map(String::len).sum();
    for round in ["cold", "warm", "warm"] {
        let started = Instant::now();
        for text in &texts {
            let state = walk(&mut automaton, text.as_bytes())?;
            if !automaton.is_accepting(state, &mut Fuel::unlimited())? {
                return Err(format!("rejected: {text}").into());
            }
        }
        let each = started.elapsed().as_nanos() as f64 / bytes as f64;
        println!("{round}: {each:.1} ns/byte over {bytes} bytes, {:?}", automaton.usage());
    }
    // Every state is new: the price of a place seen for the first time.
    let mut automaton = json()?;
    let deep = "[{\"a\":".repeat(5_000);
    let started = Instant::now();
    walk(&mut automaton, deep.as_bytes())?;
    let each = started.elapsed().as_nanos() as f64 / deep.len() as f64;
    println!("only new states: {each:.0} ns/byte, {:?}", automaton.usage());
    // All bytes after every state on the way in: what a walk over a vocabulary does.
    let mut automaton = json()?;
    let mut fuel = Fuel::unlimited();
    let mut state = automaton.start(&mut fuel)?;
    let started = Instant::now();
    let text = "[{\"a\":12}, ".repeat(1_000).into_bytes();
    for byte in &text {
        for other in 0..=255 {
            automaton.step(state, other, &mut fuel)?;
        }
        state = automaton.step(state, *byte, &mut fuel)?;
    }
    let each = started.elapsed().as_nanos() as f64 / (text.len() * 256) as f64;
    println!("all bytes of new states: {each:.0} ns/step, {:?}", automaton.usage());
    let started = Instant::now();
    let completion = automaton.completion(state, &mut fuel)?.map_or(0, |c| c.len());
    println!("completion of {completion} bytes: {:?}", started.elapsed());
    Ok(())
}
