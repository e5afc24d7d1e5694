//! What the report says of keywords that do not assert anything.

/// Why a keyword is an annotation.
pub(super) fn of_annotation(keyword: &str) -> &'static str {
    match keyword {
        "$comment" => "a comment",
        "$schema" => "names the version",
        "$id" | "id" | "$anchor" | "$dynamicAnchor" | "$recursiveAnchor" => {
            "a name for references to this schema"
        }
        "$defs" | "definitions" => "holds schemas for references",
        "$vocabulary" => "concerns schemas that name this one as their metaschema",
        "contentEncoding" | "contentMediaType" | "contentSchema" => {
            "says what the text of a string stands for, which is not looked at"
        }
        "title" | "description" | "default" | "examples" | "deprecated" | "readOnly"
        | "writeOnly" => "describes, and says nothing about validity",
        "nullable" => {
            "a keyword of OpenAPI 3.0 and not of JSON Schema: it allows no null, `null` in `type` does"
        }
        "discriminator" | "example" | "externalDocs" | "xml" => {
            "an annotation of OpenAPI, which says nothing about validity"
        }
        _ => UNKNOWN,
    }
}

/// Of what neither the drafts nor OpenAPI define.
pub(super) const UNKNOWN: &str = "unknown keyword";

/// Whether `strict` lets the keyword pass: version 1 has it, or a draft before that, or it is an
/// annotation of OpenAPI. `nullable` is meant to allow something, and does not.
pub(super) fn is_known(keyword: &str) -> bool {
    in_version_1(keyword)
        || matches!(
            keyword,
            "id" | "definitions" | "additionalItems" | "$recursiveRef" | "$recursiveAnchor"
        )
        || (of_annotation(keyword) != UNKNOWN && keyword != "nullable")
}

/// Whether version 1 has the keyword, or structgen supports it as an extension. Others have to
/// be refused.
pub(super) fn in_version_1(keyword: &str) -> bool {
    keyword.starts_with("x-")
        || matches!(
            keyword,
            "$schema"
                | "$id"
                | "$ref"
                | "$anchor"
                | "$dynamicRef"
                | "$dynamicAnchor"
                | "$comment"
                | "$defs"
                | "$vocabulary"
                | "title"
                | "description"
                | "default"
                | "deprecated"
                | "readOnly"
                | "writeOnly"
                | "examples"
                | "prefixItems"
                | "items"
                | "contains"
                | "minContains"
                | "maxContains"
                | "additionalProperties"
                | "properties"
                | "patternProperties"
                | "dependentSchemas"
                | "dependentRequired"
                | "dependencies"
                | "propertyDependencies"
                | "propertyNames"
                | "if"
                | "then"
                | "else"
                | "allOf"
                | "anyOf"
                | "oneOf"
                | "not"
                | "unevaluatedItems"
                | "unevaluatedProperties"
                | "type"
                | "const"
                | "enum"
                | "multipleOf"
                | "maximum"
                | "exclusiveMaximum"
                | "minimum"
                | "exclusiveMinimum"
                | "maxLength"
                | "minLength"
                | "pattern"
                | "maxItems"
                | "minItems"
                | "uniqueItems"
                | "maxProperties"
                | "minProperties"
                | "required"
                | "format"
                | "contentEncoding"
                | "contentMediaType"
                | "contentSchema"
        )
}
