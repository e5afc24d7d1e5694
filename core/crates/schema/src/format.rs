//! The formats of the drafts, as regular languages of code points.
//!
//! Each language holds only strings that the defining RFC allows. Where the RFC's language
//! is not regular (`regex`) or needs tables (`idn-hostname`), a part of it is taken: the
//! text of the constant says which.

use structgen_regex::Ast;

use crate::options::Draft;
use crate::string::{PatternError, compile_full};

/// A format that is asserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    Date,
    Time,
    DateTime,
    Duration,
    Email,
    IdnEmail,
    Hostname,
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
    /// The format of that name, if it is one that the drafts define (`draft` is not asked:
    /// a name that a later draft defines means the same in schemas of an earlier one).
    pub(crate) fn known(name: &str, _draft: Draft) -> Option<Format> {
        Some(match name {
            "date" => Format::Date,
            "time" => Format::Time,
            "date-time" => Format::DateTime,
            "duration" => Format::Duration,
            "email" => Format::Email,
            "idn-email" => Format::IdnEmail,
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
    pub(crate) fn language(self) -> Result<Ast, PatternError> {
        let alphabet = Alphabet { unreserved: UNRESERVED, private: "" };
        let wide = Alphabet { unreserved: WIDE_UNRESERVED, private: PRIVATE };
        match self {
            Format::Date => compile_full(&date()),
            Format::Time => compile_full(&time()),
            Format::DateTime => compile_full(&format!("{}[Tt]{}", date(), time())),
            Format::Duration => compile_full(&duration()),
            Format::Email => compile_full(&format!("{}@{}", local_part(""), mail_domain())),
            Format::IdnEmail => {
                compile_full(&format!("{}@{}", local_part("\\u0080-\\u{10ffff}"), mail_domain()))
            }
            Format::Hostname | Format::IdnHostname => hostname(),
            Format::Ipv4 => compile_full(&ipv4()),
            Format::Ipv6 => compile_full(&ipv6()),
            Format::Uri => compile_full(&alphabet.uri()),
            Format::UriReference => {
                compile_full(&format!("(?:{}|{})", alphabet.uri(), alphabet.relative()))
            }
            Format::Iri => compile_full(&wide.uri()),
            Format::IriReference => {
                compile_full(&format!("(?:{}|{})", wide.uri(), wide.relative()))
            }
            Format::UriTemplate => compile_full(&uri_template()),
            Format::Uuid => compile_full(
                "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
            ),
            Format::JsonPointer => compile_full(JSON_POINTER),
            Format::RelativeJsonPointer => {
                compile_full(&format!("(?:0|[1-9][0-9]*)(?:#|{JSON_POINTER})"))
            }
            Format::Regex => compile_full(&regex()),
        }
    }
}

const JSON_POINTER: &str = "(?:/(?:[^/~]|~[01])*)*";

/// RFC 3339 `full-date`, without the year 0000, which calendars in use do not have.
fn date() -> String {
    let year = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])";
    // Divisible by 4 and not by 100; or divisible by 400.
    let leap = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])\
                |(?:0[48]|[2468][048]|[13579][26])00)";
    let days = "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])\
                |(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)\
                |02-(?:0[1-9]|1[0-9]|2[0-8]))";
    format!("(?:{year}-{days}|{leap}-02-29)")
}

/// RFC 3339 `full-time`. A second 60 stands only where UTC reads 23:59:60.
fn time() -> String {
    let hour = "(?:[01][0-9]|2[0-3])";
    let sixty = "[0-5][0-9]";
    let fraction = "(?:\\.[0-9]+)?";
    format!(
        "(?:{hour}:{sixty}:{sixty}{fraction}(?:[Zz]|[+-]{hour}:{sixty})\
         |23:59:60{fraction}(?:[Zz]|[+-]00:00))"
    )
}

/// RFC 3339 appendix A.
fn duration() -> String {
    let second = "[0-9]+S";
    let minute = format!("[0-9]+M(?:{second})?");
    let hour = format!("[0-9]+H(?:{minute})?");
    let time = format!("T(?:{hour}|{minute}|{second})");
    let day = "[0-9]+D";
    let month = format!("[0-9]+M(?:{day})?");
    let year = format!("[0-9]+Y(?:{month})?");
    format!("P(?:(?:{day}|{month}|{year})(?:{time})?|{time}|[0-9]+W)")
}

/// RFC 5321 `Local-part`, with `more` as further atom characters.
fn local_part(more: &str) -> String {
    let atom = format!("[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~{more}-]+");
    let quoted = format!("\"(?:[ !#-\\[\\]-~{more}]|\\\\[ -~])*\"");
    format!("(?:{atom}(?:\\.{atom})*|{quoted})")
}

fn label() -> &'static str {
    "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
}

fn mail_domain() -> String {
    let label = label();
    format!("(?:{label}(?:\\.{label})*|\\[{}\\]|\\[IPv6:{}\\])", ipv4(), ipv6())
}

/// RFC 1123, without labels that have hyphens in the third and fourth place: those are
/// reserved for encodings such as punycode, whose validity needs tables.
fn hostname() -> Result<Ast, PatternError> {
    let label = label();
    Ok(Ast::And(vec![
        compile_full(".{1,253}")?,
        compile_full(&format!("{label}(?:\\.{label})*"))?,
        Ast::Not(Box::new(compile_full("(?:.*\\.)?[^.]{2}--.*")?)),
    ]))
}

fn ipv4() -> String {
    let octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    format!("{octet}(?:\\.{octet}){{3}}")
}

/// RFC 3986 `IPv6address`, which is RFC 4291 §2.2.
fn ipv6() -> String {
    let piece = "[0-9A-Fa-f]{1,4}";
    let last = format!("(?:{piece}:{piece}|{})", ipv4());
    let mut forms = vec![format!("(?:{piece}:){{6}}{last}")];
    for before in 0..=7usize {
        // `::` stands for at least one piece; `before` pieces precede it at most.
        let head = match before {
            0 => String::new(),
            1 => format!("(?:{piece})?"),
            _ => format!("(?:(?:{piece}:){{0,{}}}{piece})?", before - 1),
        };
        let tail = match 7 - before {
            0 => String::new(),
            1 => piece.to_owned(),
            after => format!("(?:{piece}:){{{}}}{last}", after - 2),
        };
        forms.push(format!("{head}::{tail}"));
    }
    format!("(?:{})", forms.join("|"))
}

const UNRESERVED: &str = "A-Za-z0-9._~-";
const WIDE_UNRESERVED: &str = "A-Za-z0-9._~\\u00a0-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\uffef\
    \\u{10000}-\\u{1fffd}\\u{20000}-\\u{2fffd}\\u{30000}-\\u{3fffd}\\u{40000}-\\u{4fffd}\
    \\u{50000}-\\u{5fffd}\\u{60000}-\\u{6fffd}\\u{70000}-\\u{7fffd}\\u{80000}-\\u{8fffd}\
    \\u{90000}-\\u{9fffd}\\u{a0000}-\\u{afffd}\\u{b0000}-\\u{bfffd}\\u{c0000}-\\u{cfffd}\
    \\u{d0000}-\\u{dfffd}\\u{e1000}-\\u{efffd}-";
const PRIVATE: &str = "\\ue000-\\uf8ff\\u{f0000}-\\u{ffffd}\\u{100000}-\\u{10fffd}";
const SUB_DELIMITERS: &str = "!$&'()*+,;=";

/// RFC 3986, and RFC 3987 with a wider alphabet.
struct Alphabet {
    unreserved: &'static str,
    private: &'static str,
}

impl Alphabet {
    fn characters(&self, more: &str) -> String {
        format!("(?:[{SUB_DELIMITERS}{more}{}]|%[0-9A-Fa-f]{{2}})", self.unreserved)
    }

    fn path_character(&self) -> String {
        self.characters(":@")
    }

    fn authority(&self) -> String {
        let user = self.characters(":");
        let name = self.characters("");
        let future = format!("[vV][0-9A-Fa-f]+\\.[{UNRESERVED_FIRST}{SUB_DELIMITERS}:-]+");
        let literal = format!("\\[(?:{}|{future})\\]", ipv6());
        format!("(?:{user}*@)?(?:{literal}|{name}*)(?::[0-9]*)?")
    }

    fn tail(&self) -> String {
        let fragment = self.characters(":@/?");
        let query = if self.private.is_empty() {
            fragment.clone()
        } else {
            format!("(?:{fragment}|[{}])", self.private)
        };
        format!("(?:\\?{query}*)?(?:#{fragment}*)?")
    }

    fn uri(&self) -> String {
        let character = self.path_character();
        let scheme = "[A-Za-z][A-Za-z0-9+.-]*";
        let hierarchy = format!(
            "(?://{}(?:/{character}*)*|/(?:{character}+(?:/{character}*)*)?\
             |{character}+(?:/{character}*)*|)",
            self.authority()
        );
        format!("{scheme}:{hierarchy}{}", self.tail())
    }

    fn relative(&self) -> String {
        let character = self.path_character();
        let no_colon = self.characters("@");
        let part = format!(
            "(?://{}(?:/{character}*)*|/(?:{character}+(?:/{character}*)*)?\
             |{no_colon}+(?:/{character}*)*|)",
            self.authority()
        );
        format!("{part}{}", self.tail())
    }
}

const UNRESERVED_FIRST: &str = "A-Za-z0-9._~";

/// RFC 6570, levels 1 to 4.
fn uri_template() -> String {
    let name = "(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2})";
    let variable = format!("{name}+(?:\\.{name}+)*(?:\\*|:[1-9][0-9]{{0,3}})?");
    let expression = format!("\\{{[+#./;?&]?{variable}(?:,{variable})*\\}}");
    let literal = "(?:[!#$&-;=?-\\[\\]_a-z~\\u00a0-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\uffef\\u{10000}-\\u{1fffd}]\
                   |%[0-9A-Fa-f]{2})";
    format!("(?:{literal}|{expression})*")
}

/// ECMA-262 patterns without nested groups, look-arounds and back-references.
fn regex() -> String {
    let plain = "[^\\^$\\\\.*+?()\\[\\]{}|/]";
    let escape = "\\\\(?:[dDwWsStnrvf0]|[\\^$\\\\.*+?()\\[\\]{}|/]|x[0-9A-Fa-f]{2}\
                  |u[0-9A-Fa-f]{4})";
    let in_class = format!("(?:a-z|A-Z|a-f|A-F|0-9|[^\\\\\\]\\[^-]|{escape})");
    let class = format!("\\[\\^?{in_class}*-?\\]");
    let atom = format!("(?:{plain}|\\.|{escape}|{class})");
    let quantifier = "(?:(?:[*+?]|\\{[0-9]{1,3},?\\}|\\{[0-9],[1-9][0-9]{1,2}\\}\
                      |\\{[0-9]{2},[1-9][0-9]{2}\\})\\??)?";
    let sequence = format!("(?:\\^?(?:{atom}{quantifier})*\\$?)");
    let flat = format!("{sequence}(?:\\|{sequence})*");
    let group = format!("(?:{atom}|\\((?:\\?:)?{flat}\\))");
    let outer = format!("(?:\\^?(?:{group}{quantifier})*\\$?)");
    format!("{outer}(?:\\|{outer})*")
}
