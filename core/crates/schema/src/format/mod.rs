//! The formats of the drafts, as regular languages of code points.
//!
//! Each language holds only strings that the defining RFC allows. Where the RFC's language
//! is not regular (`regex`), or regular but without an automaton of practical size (encoded
//! labels in `hostname`, the length of labels in `idn-hostname`), a part of it is taken: the
//! text of the function says which.

mod dates;
mod hosts;
mod idna;
mod patterns;
#[cfg(test)]
mod tests;
mod uri;

use structgen_regex::Ast;

use crate::options::Draft;
use crate::string::compile_full;
use structgen_regex::RegexSyntaxError;

/// A format that is asserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    Date,
    Time,
    /// Of version 1, where a time of no day in particular has no leap second.
    PlainTime,
    DateTime,
    Duration,
    Email,
    IdnEmail,
    Hostname,
    /// Before draft 7, which is the first to speak of encoded names.
    PlainHostname,
    IdnHostname,
    Ipv4,
    Ipv6,
    Uri,
    UriReference,
    Iri,
    IriReference,
    UriTemplate,
    Uuid,
    JsonPointer,
    RelativeJsonPointer,
    Regex,
}

impl Format {
    /// The format of that name, if it is one that the drafts from 4 on define. A name that a
    /// later draft defines means the same in schemas of an earlier one: the drafts let
    /// implementations add formats, and nobody who writes `uuid` means anything else.
    pub(crate) fn known(name: &str, draft: Draft) -> Option<Format> {
        Some(match name {
            "date" => Format::Date,
            "time" if draft >= Draft::V1 => Format::PlainTime,
            "time" => Format::Time,
            "date-time" => Format::DateTime,
            "duration" => Format::Duration,
            "email" => Format::Email,
            "idn-email" => Format::IdnEmail,
            "hostname" if matches!(draft, Draft::Draft4 | Draft::Draft6) => Format::PlainHostname,
            "hostname" => Format::Hostname,
            "idn-hostname" => Format::IdnHostname,
            "ipv4" => Format::Ipv4,
            "ipv6" => Format::Ipv6,
            "uri" => Format::Uri,
            "uri-reference" => Format::UriReference,
            "iri" => Format::Iri,
            "iri-reference" => Format::IriReference,
            "uri-template" => Format::UriTemplate,
            "uuid" => Format::Uuid,
            "json-pointer" => Format::JsonPointer,
            "relative-json-pointer" => Format::RelativeJsonPointer,
            "regex" => Format::Regex,
            _ => return None,
        })
    }

    /// The strings of the format.
    pub(crate) fn language(self) -> Result<Ast, RegexSyntaxError> {
        match self {
            Format::Date => compile_full(&dates::date()),
            Format::Time => dates::time(),
            Format::PlainTime => compile_full(&dates::plain_time()),
            Format::DateTime => dates::date_time(),
            Format::Duration => compile_full(&dates::duration()),
            Format::Email => hosts::email(),
            Format::IdnEmail => hosts::idn_email(),
            Format::Hostname => hosts::hostname(),
            Format::PlainHostname => hosts::plain_hostname(),
            Format::IdnHostname => hosts::idn_hostname(),
            Format::Ipv4 => compile_full(&hosts::ipv4()),
            Format::Ipv6 => compile_full(&hosts::ipv6()),
            Format::Uri => compile_full(&uri::ASCII.uri()),
            Format::UriReference => compile_full(&uri::ASCII.reference()),
            Format::Iri => compile_full(&uri::WIDE.uri()),
            Format::IriReference => compile_full(&uri::WIDE.reference()),
            Format::UriTemplate => compile_full(&uri::uri_template()),
            Format::Uuid => compile_full(UUID),
            Format::JsonPointer => compile_full(JSON_POINTER),
            Format::RelativeJsonPointer => {
                compile_full(&format!("(?:0|[1-9][0-9]*)(?:#|{JSON_POINTER})"))
            }
            Format::Regex => patterns::regex(),
        }
    }
}

/// RFC 4122, any version and variant.
const UUID: &str = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}";

/// RFC 6901.
const JSON_POINTER: &str = "(?:/(?:[^/~]|~[01])*)*";
