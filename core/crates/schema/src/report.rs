use serde::Serialize;

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
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReportEntry {
    /// JSON pointer of the schema that holds the keyword.
    pub pointer: String,
    /// The keyword.
    pub keyword: String,
    /// What becomes of it.
    pub status: Status,
    /// Why, where that is not obvious.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What becomes of every keyword of every schema that the root reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order in which the schemas were reached.
    pub entries: Vec<ReportEntry>,
}

impl Report {
    /// The report as JSON: an array of objects `pointer`, `keyword`, `status`, `note`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(&self.entries).unwrap_or(serde_json::Value::Null)
    }

    pub(crate) fn add(&mut self, pointer: &str, keyword: &str, status: Status) {
        self.entries.push(ReportEntry {
            pointer: pointer.to_owned(),
            keyword: keyword.to_owned(),
            status,
            note: None,
        });
    }

    pub(crate) fn add_note(&mut self, pointer: &str, keyword: &str, status: Status, note: &str) {
        self.entries.push(ReportEntry {
            pointer: pointer.to_owned(),
            keyword: keyword.to_owned(),
            status,
            note: Some(note.to_owned()),
        });
    }
}
