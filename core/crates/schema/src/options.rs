use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use structgen_automaton::Fuel;

use crate::json::JsonError;

/// A published version of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum Draft {
    /// draft-wright-json-schema-00.
    #[serde(rename = "draft4")]
    Draft4,
    /// draft-wright-json-schema-01.
    #[serde(rename = "draft6")]
    Draft6,
    /// draft-handrews-json-schema-01.
    #[serde(rename = "draft7")]
    Draft7,
    /// draft-handrews-json-schema-02.
    #[serde(rename = "2019-09")]
    Draft201909,
    /// draft-bhutton-json-schema-01.
    #[serde(rename = "2020-12")]
    Draft202012,
    /// Version 1, the stable one that follows the drafts, as of its release of 2026.
    #[serde(rename = "v1")]
    V1,
}

impl Draft {
    /// The draft that a `$schema` value names, if it is one of the known ones. Either scheme and
    /// an empty fragment will do. The hyper-schemas of a draft and the dialects of OpenAPI 3.1
    /// and later, which add annotations alone, are read as the draft that they extend.
    pub fn from_uri(uri: &str) -> Option<Draft> {
        let uri = uri.trim_end_matches(['#', '/']);
        let rest = uri.strip_prefix("http://").or_else(|| uri.strip_prefix("https://"))?;
        let rest = rest.strip_prefix("www.").unwrap_or(rest);
        if rest.starts_with("spec.openapis.org/oas/3.") && rest.contains("/dialect/") {
            return Some(Draft::Draft202012);
        }
        let hyper = rest.strip_suffix("/hyper-schema").map(|version| format!("{version}/schema"));
        match hyper.as_deref().unwrap_or(rest) {
            "json-schema.org/draft-04/schema" => Some(Draft::Draft4),
            "json-schema.org/draft-06/schema" => Some(Draft::Draft6),
            "json-schema.org/draft-07/schema" => Some(Draft::Draft7),
            "json-schema.org/draft/2019-09/schema" => Some(Draft::Draft201909),
            "json-schema.org/draft/2020-12/schema" => Some(Draft::Draft202012),
            "json-schema.org/v1" | "json-schema.org/v1/2026" => Some(Draft::V1),
            _ => None,
        }
    }

    /// The URIs of the versions, as they are published.
    pub(crate) const URIS: &[&'static str] = &[
        "http://json-schema.org/draft-04/schema#",
        "http://json-schema.org/draft-06/schema#",
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2019-09/schema",
        "https://json-schema.org/draft/2020-12/schema",
        "https://json-schema.org/v1",
    ];
}

/// In which order the members of an object may be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PropertyOrder {
    /// The order of `properties`, then required names that are not declared there, then
    /// everything else in any order.
    #[default]
    Schema,
    /// Any order.
    Any,
}

/// What may stand between the lexemes of a document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WhitespaceFields")]
pub enum Whitespace {
    /// Nothing.
    Compact,
    /// As people and `json.dumps` write it: after `,`, `[` and `{` and before `]` and `}` a line
    /// break and up to `max` bytes of indentation, or spaces on the same line; spaces after `:`.
    Flexible {
        /// The bound, in bytes.
        max: u32,
    },
    /// Everything that RFC 8259 allows, around the document too: up to `max` bytes of spaces,
    /// tabs and line ends at every gap.
    Any {
        /// The bound, in bytes.
        max: u32,
    },
    /// As `json.dumps(indent=width)` writes.
    Indent {
        /// Spaces per level.
        width: u32,
    },
    /// As `json.dumps(separators=(item, key))` writes.
    Separators {
        /// Between members or elements: a comma with white space around it.
        item: String,
        /// Between key and value: a colon with white space around it.
        key: String,
    },
}

/// The wire form of [`Whitespace`]. (An internally tagged enum cannot hold numbers under
/// serde_json's `arbitrary_precision`.)
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WhitespaceFields {
    kind: String,
    max: Option<u32>,
    width: Option<u32>,
    item: Option<String>,
    key: Option<String>,
}

impl TryFrom<WhitespaceFields> for Whitespace {
    type Error = String;

    fn try_from(fields: WhitespaceFields) -> Result<Self, String> {
        let WhitespaceFields { kind, max, width, item, key } = fields;
        let bound = |given: Option<u32>| match given.unwrap_or(DEFAULT_WHITESPACE_BOUND) {
            max if max <= MAX_WHITESPACE_BOUND => Ok(max),
            max => Err(format!("`max` is at most {MAX_WHITESPACE_BOUND}, not {max}")),
        };
        match (kind.as_str(), max, width, item, key) {
            ("compact", None, None, None, None) => Ok(Whitespace::Compact),
            ("flexible", max, None, None, None) => Ok(Whitespace::Flexible { max: bound(max)? }),
            ("any", max, None, None, None) => Ok(Whitespace::Any { max: bound(max)? }),
            ("indent", None, Some(width), None, None) if width > MAX_INDENT => {
                Err(format!("`width` is at most {MAX_INDENT}, not {width}"))
            }
            ("indent", None, Some(width), None, None) => Ok(Whitespace::Indent { width }),
            ("separators", None, None, Some(item), Some(key)) => {
                if !is_separator(&item, ',') {
                    return Err(format!("`item` must be a comma in white space, not {item:?}"));
                }
                if !is_separator(&key, ':') {
                    return Err(format!("`key` must be a colon in white space, not {key:?}"));
                }
                Ok(Whitespace::Separators { item, key })
            }
            (kind, ..) => Err(format!("white space of kind {kind:?} with these fields is unknown")),
        }
    }
}

fn is_separator(text: &str, mark: char) -> bool {
    text.len() <= MAX_SEPARATOR
        && text.chars().filter(|c| *c == mark).count() == 1
        && text.chars().all(|c| c == mark || matches!(c, ' ' | '\n' | '\r' | '\t'))
}

/// Indentation by four spaces at depth ten, or by two at depth twenty.
const DEFAULT_WHITESPACE_BOUND: u32 = 41;

/// White space is counted in states of the recogniser, byte by byte.
const MAX_WHITESPACE_BOUND: u32 = 10_000;
const MAX_INDENT: u32 = 100;
const MAX_SEPARATOR: usize = 100;

impl Default for Whitespace {
    fn default() -> Self {
        Whitespace::Flexible { max: DEFAULT_WHITESPACE_BOUND }
    }
}

/// Which JSON spellings of a character are legal inside strings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Escapes {
    /// All of RFC 8259.
    #[default]
    All,
    /// A character stands for itself wherever that is legal.
    Minimal,
}

/// Which spellings of a number are legal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberSpelling {
    /// Decimals and normalised exponents of any length; `1.0` is an integer where the draft says
    /// so: how a validator reads.
    All,
    /// How programs write numbers, with as many digits as readers hold: integers without a point
    /// and an exponent, other numbers as floats, zeros at the end included.
    #[default]
    Plain,
}

/// Bounds on what a schema leaves without any, so that a weak model cannot go on for ever.
///
/// They narrow: a document that keeps them is valid without them. A language that is finite
/// already (an `enum`, a `maxLength`, a date) is left as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// Code points of a string or key for which no schema sets a bound.
    pub max_string_length: Option<u32>,
    /// Elements of an array for which no schema sets a bound.
    pub max_array_length: Option<u32>,
    /// Digits before the point.
    pub max_integer_digits: Option<u32>,
    /// Digits after the point.
    pub max_fraction_digits: Option<u32>,
    /// Digits of an exponent.
    pub max_exponent_digits: Option<u32>,
}

impl Bounds {
    /// Whether digits of numbers are bounded.
    pub(crate) fn digits(&self) -> bool {
        self.max_integer_digits.is_some()
            || self.max_fraction_digits.is_some()
            || self.max_exponent_digits.is_some()
    }
}

impl SchemaOptions {
    /// Each option that narrows what the schema allows, by name, with the options without it.
    pub(crate) fn relaxed(&self) -> Vec<(&'static str, SchemaOptions)> {
        let mut out = Vec::new();
        let mut without = |name: &'static str, given: bool, relax: fn(&mut SchemaOptions)| {
            if given {
                let mut options = self.clone();
                relax(&mut options);
                out.push((name, options));
            }
        };
        let bounds = &self.bounds;
        without("additional_properties_default", !self.additional_properties_default, |o| {
            o.additional_properties_default = true;
        });
        without("max_string_length", bounds.max_string_length.is_some(), |o| {
            o.bounds.max_string_length = None;
        });
        without("max_array_length", bounds.max_array_length.is_some(), |o| {
            o.bounds.max_array_length = None;
        });
        without("max_integer_digits", bounds.max_integer_digits.is_some(), |o| {
            o.bounds.max_integer_digits = None;
        });
        without("max_fraction_digits", bounds.max_fraction_digits.is_some(), |o| {
            o.bounds.max_fraction_digits = None;
        });
        without("max_exponent_digits", bounds.max_exponent_digits.is_some(), |o| {
            o.bounds.max_exponent_digits = None;
        });
        without("number_spelling", self.number_spelling != NumberSpelling::All, |o| {
            o.number_spelling = NumberSpelling::All;
        });
        out
    }
}

/// How a schema is read and its documents are written.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SchemaOptions {
    /// The draft; by default that of `$schema`, else 2020-12.
    pub draft: Option<Draft>,
    /// Order of object members.
    pub property_order: PropertyOrder,
    /// White space between lexemes.
    pub whitespace: Whitespace,
    /// Escapes inside strings.
    pub escapes: Escapes,
    /// Whether `format` is asserted.
    pub format_assertion: bool,
    /// Spelling of numbers.
    pub number_spelling: NumberSpelling,
    /// Whether keys may be written of which no schema says anything, in an object for which
    /// some schema lists `properties` or `patternProperties`.
    pub additional_properties_default: bool,
    /// Whether keywords and formats that no draft defines are refused.
    pub strict: bool,
    /// Bounds on what the schema leaves without any.
    pub bounds: Bounds,
    /// Documents that references may lead to, by absolute URI.
    pub registry: BTreeMap<String, Value>,
}

impl SchemaOptions {
    /// The options that `fields` holds by name.
    pub fn of_json(mut fields: Value, fuel: &mut Fuel) -> Result<Self, JsonError> {
        // Moved as it is: it may be large, and deep.
        let registry = fields.as_object_mut().and_then(|fields| fields.remove("registry"));
        let mut options: SchemaOptions = serde_json::from_value(fields)
            .map_err(|error| JsonError::Unexpected(error.to_string()))?;
        match registry {
            None => {}
            Some(Value::Object(documents)) => {
                for (uri, document) in documents {
                    fuel.spend(4)?;
                    options.registry.insert(uri, document);
                }
            }
            Some(_) => return Err(JsonError::Unexpected("`registry` is no object".to_owned())),
        }
        Ok(options)
    }
}

impl Default for SchemaOptions {
    fn default() -> Self {
        SchemaOptions {
            draft: None,
            property_order: PropertyOrder::default(),
            whitespace: Whitespace::default(),
            escapes: Escapes::default(),
            format_assertion: true,
            number_spelling: NumberSpelling::default(),
            additional_properties_default: true,
            strict: false,
            bounds: Bounds::default(),
            registry: BTreeMap::new(),
        }
    }
}
