//! Runs test collections at the level of bytes, without tokenizers.
//!
//! ```text
//! suite official DIR [--draft draft2020-12] [--formats] [--metaschemas DIR] [-v]
//! suite maskbench DIR [--step N] [--any-order] [--whitespace compact|indent] [-v]
//! ```
//!
//! `DIR` is a checkout of JSON-Schema-Test-Suite, or MaskBench's folder of files. Instances
//! are written as Python's `json.dumps(..., ensure_ascii=False)` writes them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel};
use structgen_schema::{
    Draft, NumberSpelling, PropertyOrder, SchemaAutomaton, SchemaError, SchemaLimits,
    SchemaOptions, Whitespace,
};

/// Writes a value as `json.dumps` does.
fn dumps(value: &Value, indent: Option<usize>, compact: bool, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        if let Some(width) = indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', width * depth));
        }
    };
    let comma = if indent.is_some() || compact { "," } else { ", " };
    let colon = if compact { ":" } else { ": " };
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(&python_number(&number.to_string())),
        Value::String(text) => quote(text, out),
        Value::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push_str(comma);
                }
                line(depth + 1, out);
                dumps(element, indent, compact, depth + 1, out);
            }
            if !elements.is_empty() {
                line(depth, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (key, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push_str(comma);
                }
                line(depth + 1, out);
                quote(key, out);
                out.push_str(colon);
                dumps(member, indent, compact, depth + 1, out);
            }
            if !members.is_empty() {
                line(depth, out);
            }
            out.push('}');
        }
    }
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Integers as they are; floats as Python's `repr`.
fn python_number(text: &str) -> String {
    if !text.contains(['.', 'e', 'E']) {
        return text.to_owned();
    }
    let Ok(value) = text.parse::<f64>() else { return text.to_owned() };
    if value == 0.0 {
        return if text.starts_with('-') { "-0.0".into() } else { "0.0".into() };
    }
    let shortest = format!("{value:e}");
    let Some((mantissa, exponent)) = shortest.split_once('e') else { return shortest };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[derive(Default)]
struct Tally {
    schemas: usize,
    passing: usize,
    right: usize,
    false_accepts: usize,
    false_rejects: usize,
    refused_tests: usize,
    runtime_errors: usize,
    errors: BTreeMap<String, usize>,
    compile: Vec<Duration>,
    bytes: u64,
    walking: Duration,
}

struct Case {
    text: String,
    valid: bool,
    name: String,
}

struct Settings {
    verbose: bool,
    completions: bool,
}

fn run(
    name: &str,
    schema: &Value,
    options: &SchemaOptions,
    cases: &[Case],
    settings: &Settings,
    tally: &mut Tally,
) {
    tally.schemas += 1;
    let started = Instant::now();
    let mut fuel =
        Fuel::new("max_steps", 50_000_000).with_deadline("max_seconds", Duration::from_secs(10));
    let compiled = SchemaAutomaton::new(schema, options, &SchemaLimits::default(), &mut fuel);
    let mut automaton = match compiled {
        Ok(automaton) => automaton,
        Err(error) => {
            tally.compile.push(started.elapsed());
            let impossible = matches!(error, SchemaError::Empty { .. });
            if impossible && cases.iter().all(|case| !case.valid) {
                tally.right += cases.len();
                tally.passing += 1;
                return;
            }
            *tally.errors.entry(describe(&error)).or_default() += 1;
            tally.refused_tests += cases.len();
            if settings.verbose {
                println!("REFUSED {name}: {error}");
            }
            return;
        }
    };
    let start = automaton.start(&mut fuel).ok();
    if let Some(start) = start {
        // The first bytes, as the first mask would ask for them.
        for byte in b"{[\"1t" {
            let _ = automaton.step(start, *byte, &mut fuel);
        }
    }
    tally.compile.push(started.elapsed());
    let mut passing = true;
    for case in cases {
        let walk = Instant::now();
        let verdict =
            accepts(&mut automaton, case.text.as_bytes(), settings.completions, &mut fuel);
        tally.walking += walk.elapsed();
        tally.bytes += case.text.len() as u64;
        match verdict {
            Ok((accepted, place)) => {
                if accepted == case.valid {
                    tally.right += 1;
                    continue;
                }
                passing = false;
                let kind = if accepted {
                    tally.false_accepts += 1;
                    "FALSE ACCEPT"
                } else {
                    tally.false_rejects += 1;
                    "FALSE REJECT"
                };
                if settings.verbose {
                    let shown: String = case.text.chars().take(300).collect();
                    println!("{kind} {name} :: {} @ {place}: {shown}", case.name);
                    if !accepted {
                        let from = case.text.as_bytes();
                        let from = &from[place.saturating_sub(60)..(place + 1).min(from.len())];
                        println!("    stops at: ...{}", String::from_utf8_lossy(from));
                    }
                }
            }
            Err(error) => {
                passing = false;
                tally.runtime_errors += 1;
                if settings.verbose {
                    println!("ERROR {name} :: {}: {error}", case.name);
                }
            }
        }
    }
    tally.passing += usize::from(passing);
}

/// The verdict, and how many bytes were read. With `completions`, also follows the
/// completion of some states and panics where it is not what it should be.
fn accepts(
    automaton: &mut SchemaAutomaton,
    text: &[u8],
    completions: bool,
    fuel: &mut Fuel,
) -> Result<(bool, usize), AutomatonError> {
    let mut state = automaton.start(fuel)?;
    for (index, byte) in text.iter().enumerate() {
        if completions && index % 7 == 0 {
            let Some(rest) = automaton.completion(state, fuel)? else {
                panic!("no completion after {}", String::from_utf8_lossy(&text[..index]));
            };
            let mut end = state;
            for (done, byte) in rest.iter().enumerate() {
                end = automaton.step(end, *byte, fuel)?;
                assert!(
                    !end.is_dead(),
                    "completion {} of {} dies after {done}",
                    String::from_utf8_lossy(&rest),
                    String::from_utf8_lossy(&text[..index])
                );
                if done == 0 {
                    let next = automaton.completion(end, fuel)?.map(|next| next.len());
                    assert!(
                        next.is_some_and(|next| next < rest.len()),
                        "completion {} of {} does not shrink: {next:?}",
                        String::from_utf8_lossy(&rest),
                        String::from_utf8_lossy(&text[..index])
                    );
                }
            }
            assert!(automaton.is_accepting(end, fuel)?, "completion does not complete");
        }
        let next = automaton.step(state, *byte, fuel)?;
        if next.is_dead() {
            return Ok((false, index));
        }
        state = next;
    }
    Ok((automaton.is_accepting(state, fuel)?, text.len()))
}

fn describe(error: &SchemaError) -> String {
    match error {
        SchemaError::Malformed { keyword, message, .. } => {
            let short: String = message.chars().take(60).collect();
            format!("malformed {keyword}: {short}")
        }
        SchemaError::Unsupported { keyword, hint, .. } => {
            let short: String = hint.chars().take(60).collect();
            format!("unsupported {keyword}: {short}")
        }
        SchemaError::Unresolved { .. } => "unresolved reference".to_owned(),
        other => format!("{}: {other}", other.code()).chars().take(100).collect(),
    }
}

fn report(tally: &mut Tally, title: &str) {
    tally.compile.sort();
    let at = |share: f64| {
        let index = ((tally.compile.len() as f64 - 1.0) * share).round().max(0.0) as usize;
        tally.compile.get(index).copied().unwrap_or_default()
    };
    println!("== {title}");
    println!(
        "schemas {} passing {} | tests right {} false accepts {} false rejects {} refused {} \
         errors {}",
        tally.schemas,
        tally.passing,
        tally.right,
        tally.false_accepts,
        tally.false_rejects,
        tally.refused_tests,
        tally.runtime_errors
    );
    println!(
        "compile p50 {:?} p90 {:?} p99 {:?} max {:?} | {:.0} ns/byte cold",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0),
        tally.walking.as_nanos() as f64 / tally.bytes.max(1) as f64
    );
    for (error, count) in &tally.errors {
        println!("  {count:5}  {error}");
    }
}

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|ext| ext == "json") || path.extension().is_none() {
            out.push(path);
        }
    }
    out.sort();
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn draft_of(name: &str) -> Draft {
    match name {
        "draft4" => Draft::Draft4,
        "draft6" => Draft::Draft6,
        "draft7" => Draft::Draft7,
        "draft2019-09" => Draft::Draft201909,
        "v1" => Draft::V1,
        _ => Draft::Draft202012,
    }
}

fn official(dir: &Path, args: &HashMap<String, String>, settings: &Settings) {
    let draft = args.get("--draft").map_or("draft2020-12", String::as_str);
    let formats = args.contains_key("--formats");
    let mut registry = BTreeMap::new();
    let remotes = dir.join("remotes");
    let mut found = Vec::new();
    files(&remotes, &mut found);
    for path in found {
        let Some(document) = read(&path) else { continue };
        let relative = path.strip_prefix(&remotes).unwrap_or(&path).display().to_string();
        registry.insert(format!("http://localhost:1234/{relative}"), document);
    }
    if let Some(dir) = args.get("--metaschemas") {
        let mut found = Vec::new();
        files(Path::new(dir), &mut found);
        for path in found {
            let Some(document) = read(&path) else { continue };
            let id = document.get("$id").or_else(|| document.get("id")).and_then(Value::as_str);
            if let Some(id) = id {
                registry.insert(id.trim_end_matches('#').to_owned(), document.clone());
            }
        }
    }
    let folder = dir.join("tests").join(draft);
    let formats_of = if draft == "v1" { "format" } else { "optional/format" };
    let folder = if formats { folder.join(formats_of) } else { folder };
    let mut found = Vec::new();
    files(&folder, &mut found);
    let mut tally = Tally::default();
    for path in found {
        let part = |name: &str| path.components().any(|part| part.as_os_str() == name);
        if !formats && (part("optional") || part("format")) {
            continue;
        }
        let Some(Value::Array(groups)) = read(&path) else { continue };
        for group in &groups {
            let Some(Value::Array(tests)) = group.get("tests") else { continue };
            let options = SchemaOptions {
                property_order: PropertyOrder::Any,
                format_assertion: formats,
                registry: registry.clone(),
                draft: group["schema"].get("$schema").is_none().then(|| draft_of(draft)),
                number_spelling: NumberSpelling::All,
                ..SchemaOptions::default()
            };
            let cases: Vec<Case> = tests.iter().map(|test| case(test, None, false)).collect();
            let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let name = format!("{file}: {}", group["description"]);
            run(&name, &group["schema"], &options, &cases, settings, &mut tally);
        }
    }
    report(&mut tally, &format!("{draft}{}", if formats { " formats" } else { "" }));
}

fn case(test: &Value, indent: Option<usize>, compact: bool) -> Case {
    let mut text = String::new();
    dumps(&test["data"], indent, compact, 0, &mut text);
    Case {
        text,
        valid: test["valid"].as_bool().unwrap_or(false),
        name: test["description"].as_str().unwrap_or("").to_owned(),
    }
}

fn maskbench(dir: &Path, args: &HashMap<String, String>, settings: &Settings) {
    let step: usize = args.get("--step").and_then(|step| step.parse().ok()).unwrap_or(1);
    let skip: usize = args.get("--skip").and_then(|step| step.parse().ok()).unwrap_or(0);
    let only = args.get("--only");
    let spacing = args.get("--whitespace").map(String::as_str);
    let indent = (spacing == Some("indent")).then_some(2);
    let mut found = Vec::new();
    files(dir, &mut found);
    let mut tally = Tally::default();
    for path in found.iter().skip(skip).step_by(step) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if only.is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let Some(document) = read(path) else { continue };
        let Some(Value::Array(tests)) = document.get("tests") else { continue };
        let mut options =
            SchemaOptions { number_spelling: NumberSpelling::All, ..SchemaOptions::default() };
        if args.contains_key("--any-order") {
            options.property_order = PropertyOrder::Any;
        }
        if args.contains_key("--fixed") {
            options.whitespace = match spacing {
                Some("indent") => Whitespace::Indent { width: 2 },
                Some("compact") => Whitespace::Compact,
                _ => Whitespace::Separators { item: ", ".into(), key: ": ".into() },
            };
        }
        let compact = spacing == Some("compact");
        let cases: Vec<Case> = tests.iter().map(|test| case(test, indent, compact)).collect();
        let before = Instant::now();
        run(&name, &document["schema"], &options, &cases, settings, &mut tally);
        if settings.verbose && before.elapsed() > Duration::from_millis(500) {
            println!("SLOW {name}: {:?}", before.elapsed());
        }
    }
    report(&mut tally, "maskbench");
}

fn main() {
    let mut words = std::env::args().skip(1).peekable();
    let mut plain = Vec::new();
    let mut args = HashMap::new();
    while let Some(word) = words.next() {
        if word.starts_with('-') {
            let value = match words.peek() {
                Some(next) if !next.starts_with('-') => words.next().unwrap_or_default(),
                _ => String::new(),
            };
            args.insert(word, value);
        } else {
            plain.push(word);
        }
    }
    let settings = Settings {
        verbose: args.contains_key("-v"),
        completions: args.contains_key("--completions"),
    };
    match plain.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["official", dir] => official(Path::new(dir), &args, &settings),
        ["maskbench", dir] => maskbench(Path::new(dir), &args, &settings),
        _ => eprintln!("usage: suite official|maskbench DIR [options]"),
    }
}
