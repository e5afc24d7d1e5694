//! What other dialects write, and how to write it in this one.

use super::Dialect;

/// The names of POSIX classes, and what stands for each in every dialect.
const POSIX: &[(&str, &str)] = &[
    ("alnum", "[0-9A-Za-z]"),
    ("alpha", "[A-Za-z]"),
    ("ascii", r"[\x00-\x7F]"),
    ("blank", r"[ \t]"),
    ("cntrl", r"[\x00-\x1F\x7F]"),
    ("digit", "[0-9]"),
    ("graph", "[!-~]"),
    ("lower", "[a-z]"),
    ("print", "[ -~]"),
    ("punct", r"[!-\/:-@\[-\x60{-~]"),
    ("space", r"[ \t\n\v\f\r]"),
    ("upper", "[A-Z]"),
    ("word", "[0-9A-Za-z_]"),
    ("xdigit", "[0-9A-Fa-f]"),
];

/// The class that the POSIX name stands for.
pub(super) fn posix_class(name: &str) -> Option<&'static str> {
    POSIX.iter().find(|(known, _)| *known == name).map(|(_, class)| *class)
}

/// For a letter that has no meaning after a backslash.
pub(super) fn of_escape(c: char, dialect: Dialect) -> String {
    let end = if dialect == Dialect::Rust { r"\z" } else { "$" };
    let hint = match c {
        'A' | 'z' => "anchors stand outside of classes",
        'Z' => return format!("write `{end}` for the end of the text"),
        'h' => r"write `[ \t]` for blanks, or `[0-9A-Fa-f]` for hexadecimal digits",
        'H' => r"write `[^ \t]`, or `[^0-9A-Fa-f]`",
        'V' => r"write `[^\n\v\f\r\x85\u2028\u2029]`",
        'R' => r"write `(?:\r\n|\r|\n)`",
        'N' => r"write `[^\n]`",
        'X' => "write `.` for one code point",
        'Q' | 'E' => "put a backslash before each character with a meaning of its own",
        'K' | 'G' => "a constraint is the language of the whole pattern; leave this out",
        'g' | 'k' => "write the group out again: references to what a group found are not regular",
        'p' | 'P' => "list the characters in a class; ECMA-262 and Rust's dialect have properties",
        'u' => r"write `\uXXXX`, or `\UXXXXXXXX` in Python's dialect",
        'a' => r"write `\x07`",
        'e' => r"write `\x1B`",
        _ => return format!("leave the backslash out for the letter `{c}` itself"),
    };
    hint.to_owned()
}

/// For a property that ECMA-262 does not have under that name.
pub(super) fn of_property(name: &str) -> String {
    let posix = posix_class(&name.to_ascii_lowercase());
    match (posix, name.strip_prefix("Is").or_else(|| name.strip_prefix("In"))) {
        (Some(class), _) => format!("write `{class}` for ASCII"),
        (None, Some(rest)) => format!("write `\\p{{Script={rest}}}`, or a range of code points"),
        _ => "general categories (`\\p{Lu}`), binary properties (`\\p{Alphabetic}`) and \
              `\\p{Script=Greek}` are known"
            .to_owned(),
    }
}

/// Whether engines read the property in different ways: Java takes capitalised POSIX names for
/// ASCII, .NET and XML Schema take `Is` and `In` for blocks, and others read both loosely.
pub(super) fn is_ambiguous_property(name: &str) -> bool {
    const AS_ECMA: [&str; 3] = ["Alpha", "Lower", "Upper"];
    let posix = name.starts_with(|c: char| c.is_ascii_uppercase())
        && posix_class(&name.to_ascii_lowercase()).is_some()
        && !AS_ECMA.contains(&name);
    let block = ["Is", "In"].iter().any(|prefix| {
        name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|c: char| c.is_uppercase()))
    });
    // `ASCII` is a property of ECMA-262.
    (posix && name != "ASCII") || block
}

/// For a flag that the dialect does not have.
pub(super) fn of_flag(c: char) -> &'static str {
    match c {
        'g' | 'y' => "leave it out: a constraint matches once",
        'u' | 'a' => {
            r"leave it out, and write `[0-9]` for `\d` of ASCII, or `\p{Nd}` for all digits"
        }
        'U' => "leave it out: greedy or lazy, the language is the same",
        _ => "`i`, `m`, `s` and `x` are known",
    }
}
