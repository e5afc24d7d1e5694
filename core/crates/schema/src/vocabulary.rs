//! The vocabularies of drafts 2019-09 and 2020-12: which keywords a metaschema makes use of.

use serde_json::{Map, Value};

use crate::options::Draft;

/// What `$vocabulary` of a metaschema lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vocabularies {
    applicator: bool,
    unevaluated: bool,
    validation: bool,
    format: bool,
    /// One that the metaschema requires, and that is not known.
    pub(crate) unknown: Option<String>,
}

impl Vocabularies {
    /// Those of the published metaschemas.
    pub(crate) fn all() -> Self {
        Vocabularies {
            applicator: true,
            unevaluated: true,
            validation: true,
            format: true,
            unknown: None,
        }
    }

    /// Those of a metaschema of one's own. Whether a vocabulary is required only matters if it
    /// is not known; the core vocabulary always is in use.
    pub(crate) fn listed(listed: &Map<String, Value>) -> Self {
        let mut this = Vocabularies {
            applicator: false,
            unevaluated: false,
            validation: false,
            format: false,
            unknown: None,
        };
        for (uri, required) in listed {
            let rest = uri.strip_prefix("https://json-schema.org/draft/").unwrap_or_default();
            match rest.split_once("/vocab/") {
                Some(("2019-09", "applicator")) => {
                    this.applicator = true;
                    this.unevaluated = true;
                }
                Some(("2020-12", "applicator")) => this.applicator = true,
                Some(("2020-12", "unevaluated")) => this.unevaluated = true,
                Some(("2019-09" | "2020-12", "validation")) => this.validation = true,
                Some(("2019-09", "format"))
                | Some(("2020-12", "format-annotation" | "format-assertion")) => {
                    this.format = true;
                }
                Some(("2019-09" | "2020-12", "core" | "meta-data" | "content")) => {}
                _ if *required == Value::Bool(true) && this.unknown.is_none() => {
                    this.unknown = Some(uri.clone());
                }
                _ => {}
            }
        }
        this
    }

    /// The vocabulary of the keyword, if it is one that the metaschema leaves out.
    pub(crate) fn leave_out(&self, keyword: &str, draft: Draft) -> Option<&'static str> {
        let left_out = |used: bool, name: &'static str| (!used).then_some(name);
        match keyword {
            "type" | "enum" | "const" | "multipleOf" | "maximum" | "exclusiveMaximum"
            | "minimum" | "exclusiveMinimum" | "maxLength" | "minLength" | "pattern"
            | "maxItems" | "minItems" | "uniqueItems" | "maxContains" | "minContains"
            | "maxProperties" | "minProperties" | "required" | "dependentRequired" => {
                left_out(self.validation, "validation")
            }
            "allOf"
            | "anyOf"
            | "oneOf"
            | "not"
            | "if"
            | "then"
            | "else"
            | "items"
            | "prefixItems"
            | "additionalItems"
            | "contains"
            | "properties"
            | "patternProperties"
            | "additionalProperties"
            | "propertyNames"
            | "dependentSchemas"
            | "dependencies" => left_out(self.applicator, "applicator"),
            "unevaluatedItems" | "unevaluatedProperties" => {
                let name = if draft == Draft::Draft201909 { "applicator" } else { "unevaluated" };
                left_out(self.unevaluated, name)
            }
            "format" => left_out(self.format, "format"),
            _ => None,
        }
    }
}
