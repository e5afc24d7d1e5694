//! One conversion of every Rust error to the exception tree of `structgen.errors`.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use structgen_automaton::AutomatonError;
use structgen_engine::EngineError;
use structgen_grammar::GrammarError;
use structgen_regex::{RegexErrorKind, RegexSyntaxError};
use structgen_schema::SchemaError;
use structgen_vocab::VocabularyError;

/// A field of an exception.
pub enum Field {
    Text(String),
    Number(u64),
    Texts(Vec<String>),
}

/// `structgen.errors.<class>(message, **fields)`.
pub fn raise(py: Python<'_>, class: &str, message: &str, fields: &[(&str, Field)]) -> PyErr {
    let build = || -> PyResult<PyErr> {
        let kwargs = PyDict::new(py);
        for (name, field) in fields {
            match field {
                Field::Text(text) => kwargs.set_item(name, text)?,
                Field::Number(number) => kwargs.set_item(name, number)?,
                Field::Texts(texts) => kwargs.set_item(name, texts)?,
            }
        }
        let class = py.import("structgen.errors")?.getattr(class)?;
        Ok(PyErr::from_value(class.call((message,), Some(&kwargs))?))
    };
    build().unwrap_or_else(|error| error)
}

pub fn vocabulary_error(py: Python<'_>, error: VocabularyError) -> PyErr {
    let message = error.to_string();
    match error {
        VocabularyError::Unreadable { .. } => {
            let hint = "build the vocabulary from its tokenizer, and save it again";
            raise(py, "VocabularyError", &message, &[("hint", Field::Text(hint.to_owned()))])
        }
        _ => raise(py, "VocabularyError", &message, &[]),
    }
}

pub fn engine_error(py: Python<'_>, error: EngineError) -> PyErr {
    let message = error.to_string();
    match error {
        EngineError::Regex { place, error } => regex_error(py, place, *error),
        EngineError::Grammar(GrammarError::Automaton(error))
        | EngineError::Schema(SchemaError::Automaton(error))
        | EngineError::Automaton(error) => automaton_error(py, error),
        EngineError::Grammar(GrammarError::Empty { names }) => {
            raise(py, "EmptyLanguageError", &message, &[("pointers", Field::Texts(names))])
        }
        EngineError::Grammar(_) | EngineError::MalformedGrammar(_) => {
            raise(py, "GrammarSyntaxError", &message, &[])
        }
        EngineError::Schema(error) => schema_error(py, error),
        EngineError::NotJson(_) => raise(py, "SchemaError", &message, &[]),
        EngineError::Empty { parts } => {
            raise(py, "EmptyLanguageError", &message, &[("pointers", Field::Texts(parts))])
        }
        EngineError::MissingSpecial { .. } => raise(py, "VocabularyError", &message, &[]),
        EngineError::SourceTooLarge { limit, .. } => {
            limit_error(py, &message, "max_source_bytes", limit as u64)
        }
        EngineError::TooDeep { limit } => limit_error(py, &message, "max_nesting", limit as u64),
        EngineError::Spoilt => {
            let hint = "`clear_cache()` begins afresh, as matchers do by themselves";
            raise(
                py,
                "LimitExceeded",
                &message,
                &[
                    ("name", Field::Text("mask_ms".to_owned())),
                    ("hint", Field::Text(hint.to_owned())),
                ],
            )
        }
        EngineError::Finished => raise(py, "MatcherFinished", &message, &[]),
        EngineError::RollbackTooFar { .. } | EngineError::MalformedTree { .. } => {
            pyo3::exceptions::PyValueError::new_err(message)
        }
    }
}

pub fn automaton_error(py: Python<'_>, error: AutomatonError) -> PyErr {
    let message = error.to_string();
    match error {
        AutomatonError::Limit { name, limit } => limit_error(py, &message, name, limit),
        AutomatonError::Deadline { name, millis } => limit_error(py, &message, name, millis),
        AutomatonError::Cancelled => raise(py, "Cancelled", &message, &[]),
        AutomatonError::Interrupted => crate::interrupts::raised()
            .unwrap_or_else(|| pyo3::exceptions::PyKeyboardInterrupt::new_err(message)),
    }
}

fn limit_error(py: Python<'_>, message: &str, name: &str, limit: u64) -> PyErr {
    raise(
        py,
        "LimitExceeded",
        message,
        &[("name", Field::Text(name.to_owned())), ("limit", Field::Number(limit))],
    )
}

fn regex_error(py: Python<'_>, place: Option<String>, error: RegexSyntaxError) -> PyErr {
    let message = match place {
        Some(place) => format!("in terminal `{place}`: {}", error.message),
        None => error.message.clone(),
    };
    match &error.kind {
        RegexErrorKind::Unsupported { feature } => {
            let mut fields = vec![("feature", Field::Text(feature.to_string()))];
            // Some features only show in the pattern as a whole.
            if !error.excerpt.is_empty() {
                fields.push(("line", Field::Number(error.line as u64)));
                fields.push(("column", Field::Number(error.column as u64)));
            }
            raise(
                py,
                "UnsupportedFeatureError",
                &message,
                &with_hint(fields, error.hint.map(String::from)),
            )
        }
        RegexErrorKind::Limit { name, limit } => limit_error(py, &message, name, *limit),
        RegexErrorKind::Stopped(stop) => automaton_error(py, stop.clone()),
        RegexErrorKind::Syntax => raise(
            py,
            "RegexSyntaxError",
            &message,
            &with_hint(
                vec![
                    ("line", Field::Number(error.line as u64)),
                    ("column", Field::Number(error.column as u64)),
                    ("excerpt", Field::Text(error.excerpt.clone())),
                ],
                error.hint.map(String::from),
            ),
        ),
    }
}

type Fields = Vec<(&'static str, Field)>;

fn with_hint(mut fields: Fields, hint: Option<String>) -> Fields {
    fields.extend(hint.map(|hint| ("hint", Field::Text(hint))));
    fields
}

fn schema_error(py: Python<'_>, error: SchemaError) -> PyErr {
    let message = error.to_string();
    let pointer = ("pointer", Field::Text(error.pointer().unwrap_or_default().to_owned()));
    match error {
        SchemaError::Unsupported { keyword, .. } => raise(
            py,
            "UnsupportedSchemaError",
            &message,
            &[pointer, ("keyword", Field::Text(keyword))],
        ),
        SchemaError::Pattern { keyword, hint, unsupported, .. } => {
            let class = if unsupported { "UnsupportedSchemaError" } else { "SchemaError" };
            let fields = vec![pointer, ("keyword", Field::Text(keyword))];
            raise(py, class, &message, &with_hint(fields, hint))
        }
        SchemaError::Empty { pointers: parts, .. } | SchemaError::Narrowed { options: parts } => {
            raise(py, "EmptyLanguageError", &message, &[("pointers", Field::Texts(parts))])
        }
        SchemaError::Malformed { keyword, .. } => {
            raise(py, "SchemaError", &message, &[pointer, ("keyword", Field::Text(keyword))])
        }
        SchemaError::Unresolved { reference, document, .. } => raise(
            py,
            "UnresolvedReferenceError",
            &message,
            &[
                pointer,
                ("reference", Field::Text(reference)),
                ("uri", Field::Text(document.unwrap_or_default())),
            ],
        ),
        SchemaError::Recursion { .. } => raise(
            py,
            "SchemaError",
            &message,
            &[pointer, ("keyword", Field::Text("$ref".to_owned()))],
        ),
        SchemaError::Automaton(error) => automaton_error(py, error),
    }
}
