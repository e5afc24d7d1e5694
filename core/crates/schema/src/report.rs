use serde::Serialize;

use crate::error::shown;

/// What becomes of one keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The mask forbids whatever the keyword forbids.
    Enforced,
    /// The keyword says nothing about validity, or is unknown.
    Annotation,
    /// Judged at the end of the value rather than in every mask.
    Residual,
    /// A definition to which no reference leads; nothing of it was read.
    Unreachable,
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReportEntry {
    /// JSON pointer of the schema that holds the keyword; behind the document's URI where that
    /// is not the root document.
    pub pointer: String,
    /// The keyword; empty for a schema that is a boolean, and for an unreachable one.
    pub keyword: String,
    /// What becomes of it.
    pub status: Status,
    /// Why, where that is not obvious.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What becomes of every keyword of every schema that the root reaches, each listed once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// As the schema is written, references followed where they stand; then the definitions
    /// that are not reached.
    pub entries: Vec<ReportEntry>,
    /// What is probably not what was meant, in a sentence each.
    #[serde(skip)]
    pub mistakes: Vec<String>,
}

/// Mistakes that are told; a schema with more is told enough.
const MAX_MISTAKES: usize = 20;

/// Applicators that give a schema alternatives or deny them, and what looks back at those.
const DEFERRABLE: &[&str] = &[
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "allOf",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "unevaluatedItems",
    "unevaluatedProperties",
];

impl Report {
    /// The report as JSON: an array of objects `pointer`, `keyword`, `status`, `note`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(&self.entries).unwrap_or(serde_json::Value::Null)
    }

    pub(crate) fn mistake(&mut self, pointer: &str, keyword: &str, note: &str) {
        if self.mistakes.len() < MAX_MISTAKES {
            self.mistakes.push(format!("`{keyword}` at `{}`: {note}", shown(pointer)));
        }
    }

    pub(crate) fn add(
        &mut self,
        pointer: &str,
        keyword: &str,
        status: Status,
        note: Option<String>,
    ) {
        self.entries.push(ReportEntry {
            pointer: pointer.to_owned(),
            keyword: keyword.to_owned(),
            status,
            note,
        });
    }

    /// The keywords at `pointer` that hang on a choice between alternatives are judged at the
    /// end of the value.
    pub(crate) fn judge_at_end(&mut self, pointer: &str) {
        for entry in self.entries.iter_mut().filter(|entry| entry.pointer == pointer) {
            if DEFERRABLE.contains(&entry.keyword.as_str()) && entry.status == Status::Enforced {
                entry.status = Status::Residual;
                entry.note = Some(
                    "too many alternatives for every mask: judged at the end of the value"
                        .to_owned(),
                );
            }
        }
    }
}
