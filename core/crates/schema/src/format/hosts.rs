//! Names and addresses of hosts, and mail boxes on them.

use structgen_regex::Ast;

use super::idna;
use crate::string::compile_full;
use structgen_regex::RegexSyntaxError;

/// A label of letters, digits and hyphens.
const LABEL: &str = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";

/// RFC 1123, without labels that have hyphens in the third and fourth place: those are
/// reserved for encodings such as punycode, and what is validly encoded is not regular in any
/// practical size.
pub(super) fn hostname() -> Result<Ast, RegexSyntaxError> {
    Ok(Ast::And(vec![
        plain_hostname()?,
        Ast::Not(Box::new(compile_full("(?:[^]*\\.)?[^.]{2}--[^]*")?)),
    ]))
}

/// RFC 1123 alone, to which hyphens in the third and fourth place are nothing special.
pub(super) fn plain_hostname() -> Result<Ast, RegexSyntaxError> {
    Ok(Ast::And(vec![compile_full(".{1,253}")?, compile_full(&format!("{LABEL}(?:\\.{LABEL})*"))?]))
}

/// RFC 5890 to 5893, with the separators of RFC 3490.
pub(super) fn idn_hostname() -> Result<Ast, RegexSyntaxError> {
    idna::names("[.\\u3002\\uff0e\\uff61]")
}

/// RFC 5321 `Mailbox`.
pub(super) fn email() -> Result<Ast, RegexSyntaxError> {
    Ok(Ast::sequence(vec![
        compile_full(&format!("{}@", local_part("")))?,
        Ast::any_of(vec![mail_domain()?, literal_domain()?]),
    ]))
}

/// RFC 6531, which adds what is beyond ASCII to local parts, and U-labels to domains.
pub(super) fn idn_email() -> Result<Ast, RegexSyntaxError> {
    Ok(Ast::sequence(vec![
        compile_full(&format!("{}@", local_part("\\u0080-\\u{10ffff}")))?,
        Ast::any_of(vec![mail_domain()?, literal_domain()?, idna::names("\\.")?]),
    ]))
}

/// `Local-part`, with `more` as further atom characters.
fn local_part(more: &str) -> String {
    let atom = format!("[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~{more}-]+");
    let quoted = format!("\"(?:[ !#-\\[\\]-~{more}]|\\\\[ -~])*\"");
    format!("(?:{atom}(?:\\.{atom})*|{quoted})")
}

fn mail_domain() -> Result<Ast, RegexSyntaxError> {
    compile_full(&format!("{LABEL}(?:\\.{LABEL})*"))
}

fn literal_domain() -> Result<Ast, RegexSyntaxError> {
    compile_full(&format!("\\[(?:{}|IPv6:{})\\]", ipv4(), ipv6()))
}

/// RFC 2673 `dotted-quad`.
pub(super) fn ipv4() -> String {
    let octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    format!("{octet}(?:\\.{octet}){{3}}")
}

/// RFC 3986 `IPv6address`, which is RFC 4291 §2.2.
pub(super) fn ipv6() -> String {
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
