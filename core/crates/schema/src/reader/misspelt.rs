//! What was probably meant by a keyword, format, type or version that no draft defines.
//!
//! A misspelt keyword says nothing, so that a schema silently allows what it was written to
//! forbid. Vendors have keywords of their own, though, and a warning that is wrong is not read
//! the next time: a suggestion needs a name that is close *and* a value that the suggested
//! keyword could have. Of the 502 names in MaskBench that are no keywords of JSON Schema, these
//! rules suggest another for those that were meant to be one (`additonalProperties`, `requred`,
//! `onOf`, `itens`) and leave alone `ignoreCase`, `_uniqueItems`, `form`, `name`, `links`.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::format::Format;
use crate::location::TypeSet;
use crate::options::Draft;

/// Keywords that say something about validity, and what their values are.
const KEYWORDS: &[(&str, Shape)] = &[
    ("$ref", Shape::Reference),
    ("type", Shape::Type),
    ("enum", Shape::List),
    ("const", Shape::Any),
    ("minimum", Shape::Number),
    ("maximum", Shape::Number),
    ("exclusiveMinimum", Shape::Number),
    ("exclusiveMaximum", Shape::Number),
    ("multipleOf", Shape::Number),
    ("minLength", Shape::Number),
    ("maxLength", Shape::Number),
    ("minItems", Shape::Number),
    ("maxItems", Shape::Number),
    ("minContains", Shape::Number),
    ("maxContains", Shape::Number),
    ("minProperties", Shape::Number),
    ("maxProperties", Shape::Number),
    ("pattern", Shape::Text),
    ("format", Shape::Format),
    ("uniqueItems", Shape::Flag),
    ("required", Shape::Names),
    ("items", Shape::Schemas),
    ("prefixItems", Shape::SchemaList),
    ("contains", Shape::Schema),
    ("additionalItems", Shape::Schema),
    ("unevaluatedItems", Shape::Schema),
    ("properties", Shape::SchemaMap),
    ("patternProperties", Shape::SchemaMap),
    ("additionalProperties", Shape::Schema),
    ("unevaluatedProperties", Shape::Schema),
    ("propertyNames", Shape::Schema),
    ("dependencies", Shape::Map),
    ("dependentRequired", Shape::Map),
    ("dependentSchemas", Shape::SchemaMap),
    ("allOf", Shape::SchemaList),
    ("anyOf", Shape::SchemaList),
    ("oneOf", Shape::SchemaList),
    ("not", Shape::Schema),
    ("if", Shape::Schema),
    ("then", Shape::Schema),
    ("else", Shape::Schema),
];

/// Other words for a keyword, from earlier drafts and other languages of schemas.
const SYNONYMS: &[(&str, &str)] = &[
    ("constant", "const"),
    ("divisibleBy", "multipleOf"),
    ("inclusiveMaximum", "maximum"),
    ("inclusiveMinimum", "minimum"),
    ("max", "maximum"),
    ("maxLen", "maxLength"),
    ("maxValue", "maximum"),
    ("min", "minimum"),
    ("minLen", "minLength"),
    ("minValue", "minimum"),
    ("property", "properties"),
    ("regex", "pattern"),
    ("regexp", "pattern"),
];

/// Names of types in programming languages.
const TYPES: &[(&str, &str)] = &[
    ("any", "`{}` or `true` as the schema for any value"),
    ("arr", "`array`"),
    ("bool", "`boolean`"),
    ("date", "`\"type\": \"string\", \"format\": \"date\"`"),
    ("datetime", "`\"type\": \"string\", \"format\": \"date-time\"`"),
    ("decimal", "`number`"),
    ("dict", "`object`"),
    ("double", "`number`"),
    ("enum", "the keyword `enum`"),
    ("file", "`string`"),
    ("float", "`number`"),
    ("hash", "`object`"),
    ("int", "`integer`"),
    ("int32", "`integer`"),
    ("int64", "`integer`"),
    ("list", "`array`"),
    ("long", "`integer`"),
    ("map", "`object`"),
    ("nil", "`null`"),
    ("none", "`null`"),
    ("nonetype", "`null`"),
    ("num", "`number`"),
    ("obj", "`object`"),
    ("record", "`object`"),
    ("set", "`array`"),
    ("str", "`string`"),
    ("struct", "`object`"),
    ("text", "`string`"),
    ("tuple", "`array`"),
    ("undefined", "`null`"),
    ("uuid", "`\"type\": \"string\", \"format\": \"uuid\"`"),
];

/// Formats by other names.
const FORMATS: &[(&str, &str)] = &[
    ("guid", "uuid"),
    ("ip", "ipv4"),
    ("ip-address", "ipv4"),
    ("iso8601", "date-time"),
    ("mail", "email"),
    ("regexp", "regex"),
    ("timestamp", "date-time"),
    ("url", "uri"),
];

const FORMAT_NAMES: &[&str] = &[
    "date",
    "time",
    "date-time",
    "duration",
    "email",
    "idn-email",
    "hostname",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "iri",
    "iri-reference",
    "uri-template",
    "uuid",
    "json-pointer",
    "relative-json-pointer",
    "regex",
];

#[derive(Clone, Copy)]
enum Shape {
    Any,
    Number,
    Text,
    Flag,
    Format,
    Type,
    Reference,
    List,
    Names,
    Map,
    Schema,
    /// One, or a list of them.
    Schemas,
    SchemaList,
    SchemaMap,
}

impl Shape {
    fn fits(self, value: &Value) -> bool {
        let is_schema = |value: &Value| value.is_object() || value.is_boolean();
        let is_type = |value: &Value| value.as_str().and_then(TypeSet::bit).is_some();
        let list = value.as_array().filter(|list| !list.is_empty());
        match self {
            Shape::Any => true,
            Shape::Number => value.is_number(),
            Shape::Text => value.is_string(),
            Shape::Flag => value.is_boolean(),
            Shape::Format => {
                value.as_str().is_some_and(|name| Format::known(name, Draft::V1).is_some())
            }
            Shape::Type => is_type(value) || list.is_some_and(|list| list.iter().all(is_type)),
            Shape::Reference => value.as_str().is_some_and(|text| text.contains(['#', '/'])),
            Shape::List => list.is_some(),
            Shape::Names => list.is_some_and(|list| list.iter().all(Value::is_string)),
            Shape::Map => value.is_object(),
            Shape::Schema => is_schema(value),
            Shape::Schemas => is_schema(value) || list.is_some_and(|l| l.iter().all(is_schema)),
            Shape::SchemaList => list.is_some_and(|list| list.iter().all(is_schema)),
            Shape::SchemaMap => {
                value.as_object().is_some_and(|map| map.values().all(is_schema) && !map.is_empty())
            }
        }
    }
}

/// Suggestions for keywords. A name is compared once, however often it is written.
#[derive(Default)]
pub(super) struct Misspelt {
    closest: FxHashMap<String, Option<usize>>,
}

/// Different names that are compared, for a schema of strangers: the rest go without.
const MAX_NAMES: usize = 1_000;

impl Misspelt {
    /// The keyword that `name` was probably meant to be.
    pub(super) fn keyword(&mut self, name: &str, value: &Value) -> Option<&'static str> {
        let closest = match self.closest.get(name) {
            Some(known) => *known,
            None if self.closest.len() >= MAX_NAMES => None,
            None => {
                let found = closest_keyword(name);
                self.closest.insert(name.to_owned(), found);
                found
            }
        };
        let (keyword, shape) = KEYWORDS[closest?];
        shape.fits(value).then_some(keyword)
    }
}

fn closest_keyword(name: &str) -> Option<usize> {
    // A leading `_` is how people switch a keyword off.
    if name.starts_with('_') || name.starts_with("x-") || name.len() > MAX_LENGTH {
        return None;
    }
    let place = |keyword: &str| KEYWORDS.iter().position(|(known, _)| *known == keyword);
    if let Some((_, keyword)) = SYNONYMS.iter().find(|(other, _)| *other == name) {
        return place(keyword);
    }
    let plain = plain(name);
    let letters = letters(&plain);
    let near = |other: &Known| {
        let longest = other.plain.len().max(plain.len());
        let allowed = match longest {
            // `note`, `when`, `cost` are words of their own.
            _ if matches!(other.keyword, "if" | "not" | "then" | "else" | "const") => 0,
            0..=3 => 0,
            4..=7 => 1,
            _ => 2,
        };
        if (letters ^ other.letters).count_ones() > 2 * allowed as u32 {
            return None;
        }
        distance(&plain, &other.plain, allowed).map(|distance| (distance, other.keyword))
    };
    let (_, keyword) = KNOWN.iter().filter_map(near).min()?;
    place(keyword)
}

/// A keyword as names are compared with it.
struct Known {
    keyword: &'static str,
    plain: String,
    letters: u64,
}

/// PERF: a fiftieth of the time of compiling went into comparing names of vendors with these, of
/// which nearly all are told apart by the letters that they have.
static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let keywords = KEYWORDS.iter().map(|(keyword, _)| *keyword);
    let known = keywords.map(|keyword| (keyword, plain(keyword)));
    known.map(|(keyword, plain)| Known { keyword, letters: letters(&plain), plain }).collect()
});

/// The characters of a text, as bits. An edit changes two of them at most: a character that is
/// replaced takes one away and adds another.
fn letters(text: &str) -> u64 {
    text.chars().fold(0, |bits, c| bits | 1 << (u32::from(c) % 64))
}

/// The type that was probably meant.
pub(super) fn type_name(name: &str) -> Option<String> {
    let lower = name.to_lowercase();
    if let Some((_, meant)) = TYPES.iter().find(|(other, _)| *other == lower) {
        return Some((*meant).to_owned());
    }
    let types = ["null", "boolean", "number", "integer", "string", "array", "object"];
    let near = |other: &&'static str| distance(&lower, other, 2).map(|d| (d, *other));
    let (_, closest) = types.iter().filter_map(near).min()?;
    Some(format!("`{closest}`"))
}

/// The format that was probably meant.
pub(super) fn format(name: &str) -> Option<&'static str> {
    if let Some((_, meant)) = FORMATS.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
        return Some(meant);
    }
    let plain = plain(name);
    let near = |other: &&'static str| {
        let known = self::plain(other);
        // `data`, `int`, `path` are formats of their own.
        let allowed = usize::from(known.len() > 4);
        distance(&plain, &known, allowed).map(|d| (d, *other))
    };
    FORMAT_NAMES.iter().filter_map(near).min().map(|(_, closest)| closest)
}

/// The URI of a version that was probably meant.
pub(super) fn version(uri: &str) -> Option<&'static str> {
    let near = |other: &&'static str| {
        let known = other.trim_end_matches('#');
        distance(uri.trim_end_matches('#'), known, 3).map(|d| (d, *other))
    };
    Draft::URIS.iter().filter_map(near).min().map(|(_, closest)| closest)
}

/// Letters and digits in lower case, and a leading `$`.
fn plain(name: &str) -> String {
    name.chars()
        .enumerate()
        .filter(|(index, c)| c.is_alphanumeric() || (*index == 0 && *c == '$'))
        .flat_map(|(_, c)| c.to_lowercase())
        .collect()
}

/// Bytes of names that are compared.
const MAX_LENGTH: usize = 100;

/// Letters to insert, delete, replace or swap with a neighbour, if `most` are enough. (Optimal
/// string alignment.)
fn distance(a: &str, b: &str, most: usize) -> Option<usize> {
    if a.len() > MAX_LENGTH || a.len().abs_diff(b.len()) > 4 * most {
        return None;
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if most == 0 || a.len().abs_diff(b.len()) > most {
        return (a == b).then_some(0);
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, &from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &to) in b.iter().enumerate() {
            let swap = i > 0 && j > 0 && from == b[j - 1] && a[i - 1] == to;
            let least =
                (rows[i][j + 1] + 1).min(row[j] + 1).min(rows[i][j] + usize::from(from != to));
            row.push(if swap { least.min(rows[i - 1][j - 1] + 1) } else { least });
        }
        if row.iter().all(|&least| least > most) {
            return None;
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().filter(|&distance| distance <= most)
}
