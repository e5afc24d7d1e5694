//! The dialects, case by case: what each pattern accepts and refuses.

use structgen_automaton::Fuel;
use structgen_regex::Dialect::{Ecma, Python, Rust};
use structgen_regex::{
    Ast, Dialect, Exprs, Flags, ParseLimits, RegexErrorKind, RegexLimits, RegexSyntaxError,
    full_match, lower_utf8, parse, search,
};

fn matches(ast: &Ast, text: &str) -> bool {
    let mut exprs = Exprs::new(RegexLimits::default());
    let e = lower_utf8(&mut exprs, ast);
    exprs.matches(e, text.as_bytes(), &mut Fuel::unlimited()).unwrap()
}

fn read(pattern: &str, dialect: Dialect, letters: &str) -> Result<Ast, RegexSyntaxError> {
    let flags = Flags::from_letters(letters, dialect).unwrap();
    parse(pattern, dialect, flags, ParseLimits::default())
}

type Case = (Dialect, &'static str, &'static str, &'static [&'static str], &'static [&'static str]);

/// Dialect, pattern, flags, texts that are found, texts that are not.
const SEARCHES: &[Case] = &[
    (Ecma, r"^\d{3}-\d{4}$", "", &["555-1234"], &["555-12345", "٣٣٣-١٢٣٤", "555-1234\n"]),
    (Ecma, r"^\w+$", "", &["a_9"], &["é", "", "a b"]),
    (Ecma, r"^\w+$", "i", &["a", "\u{17F}"], &["é"]),
    (Ecma, r"^\s+$", "", &["\u{FEFF}\u{A0}\t\u{2028}"], &["\u{85}", "\u{1C}"]),
    (Ecma, "^.$", "", &["x", "😀", "\u{85}"], &["\n", "\r", "\u{2028}", ""]),
    (Ecma, "^.$", "s", &["\n", "\u{2029}"], &[""]),
    (Ecma, "^b$", "m", &["a\nb\rc", "b"], &["ab"]),
    (Ecma, r"^[\-\_a]$", "", &["-", "_", "a"], &["\\"]),
    (Ecma, "^a{,2}$", "", &["a{,2}"], &["a", "aa", ""]),
    (Ecma, "^{a}]$", "", &["{a}]"], &["a"]),
    (Ecma, "^[]$", "", &[], &["", "]"]),
    (Ecma, "^[^]$", "", &["]", "\n"], &[""]),
    (Ecma, r"^\u{1F600}\uD83D\uDE00[\u{1F600}-\u{1F64F}]$", "", &["😀😀🙃"], &["😀😀x"]),
    (Ecma, r"^\p{Lu}\P{Lu}\p{Script=Greek}[\p{L}\d]$", "", &["Éxα7"], &["éxα7", "ÉXα7"]),
    (Ecma, r"^\cJ\x41\0$", "", &["\nA\0"], &["JA0"]),
    (Ecma, r"^[\b]$", "", &["\u{8}"], &["b"]),
    (Ecma, r"\bfoo\b", "", &["a foo.", "foo"], &["afoo", "foob", "foo_"]),
    (Ecma, r"\Bfoo\B", "", &["afoob"], &["foo", " foo"]),
    (Ecma, "^(?<year>[0-9]{4})$", "", &["2024"], &["24"]),
    (Ecma, "^(?=.*[A-Z])(?=.*[0-9])(?!.*pass).{4,8}$", "", &["aB3d"], &["ab3d", "pass1A", "A1"]),
    (Ecma, "(?<=\\$)[0-9]+(?!%)", "", &["$5", "$55%"], &["5", "$5%"]),
    (Ecma, "^(?:(?!end)[^;])*;$", "", &["abc;", ";"], &["bend;", "a"]),
    (Ecma, "(?i)^abc$", "", &["ABC"], &["ABD"]),
    (Ecma, "^(?i:a)b$", "", &["Ab", "ab"], &["AB"]),
    (Ecma, "a|^$", "", &["", "xa"], &["x"]),
    (Ecma, r"^\/[^\/]+\/$", "", &["/a/"], &["//"]),
    (Ecma, "^a+?b*?c??$", "", &["a", "aabbc"], &["b"]),
    (Ecma, "^((a)|b)+$", "", &["abab"], &["c", ""]),
    (Ecma, "^[a-c-e]$", "", &["b", "-", "e"], &["d"]),
    (Ecma, r"^[\w-.]$", "", &["a", "-", "."], &["+"]),
    (Python, r"^\d+$", "", &["12", "٣", "12\n"], &["", "12\n\n", "²"]),
    (Python, r"^\d+$", "a", &["12"], &["٣"]),
    (Python, r"^\d+\Z", "", &["12"], &["12\n"]),
    (Python, r"\A\w+\Z", "", &["é_9²ⅷ"], &["", "-"]),
    (Python, r"^\s$", "", &["\u{1C}", "\u{85}", "\u{3000}"], &["\u{FEFF}", "\u{200B}"]),
    (Python, r"^[\]a]\Z", "", &["]", "a"], &["\\"]),
    (Python, r"^[]a]\Z", "", &["]", "a"], &[""]),
    (Python, r"^[^]a]\Z", "", &["b"], &["]", "a"]),
    (Python, r"^a{,2}\Z", "", &["", "aa"], &["aaa"]),
    (Python, r"^(?P<n>a)(?#note)b\Z", "", &["ab"], &["a"]),
    (Python, "(?x) ^ a \\  b # comment\n \\Z", "", &["a b"], &["ab", "a b # comment"]),
    (Python, "(?s).\\Z", "", &["\n"], &[""]),
    (Python, "^ä\\Z", "i", &["Ä"], &["a"]),
    (Python, "^i\\Z", "i", &["I", "İ", "ı"], &["j"]),
    (Python, "^k\\Z", "i", &["K", "\u{212A}"], &["q"]),
    (Python, "^k\\Z", "ia", &["K"], &["\u{212A}"]),
    (Python, r"^\x41\u0042\U00000043\103\0\Z", "", &["ABCC\0"], &["ABC"]),
    (Python, "(?m)^b$", "", &["a\nb\nc"], &["a\rb"]),
    (Rust, r"^[a-z&&[^aeiou]]+$", "", &["xyz"], &["abc"]),
    (Rust, r"^[0-9--4]\d$", "", &["3٣"], &["43"]),
    (Rust, r"^\w\b", "", &["é-"], &["éé"]),
    (Rust, r"(?i)^straße$", "", &["STRAßE", "STRA\u{1E9E}E"], &["STRASSE"]),
    (Rust, r"(?x) ^ a  b $", "", &["ab"], &["a b"]),
    (Rust, r"^(?P<x>a)(?<y>b)\z", "", &["ab"], &["ab\n"]),
];

#[test]
fn searches() {
    for (dialect, pattern, flags, found, missing) in SEARCHES {
        let ast = read(pattern, *dialect, flags).unwrap_or_else(|e| panic!("{pattern}: {e}"));
        let language = search(&ast).unwrap();
        for text in *found {
            assert!(matches(&language, text), "{dialect:?} {pattern} misses {text:?}");
        }
        for text in *missing {
            assert!(!matches(&language, text), "{dialect:?} {pattern} finds {text:?}");
        }
    }
}

#[test]
fn a_full_match_is_anchored() {
    for dialect in [Ecma, Python, Rust] {
        let language = full_match(&read("a|ab|b$", dialect, "").unwrap()).unwrap();
        for (text, expected) in
            [("a", true), ("ab", true), ("b", true), ("xa", false), ("b\n", false)]
        {
            assert_eq!(matches(&language, text), expected, "{dialect:?} {text:?}");
        }
    }
}

/// Dialect, pattern, whether it is unsupported (else a syntax error), offset.
const ERRORS: &[(Dialect, &str, bool, usize)] = &[
    (Ecma, "a(b", false, 1),
    (Ecma, "a)b", false, 1),
    (Ecma, "*a", false, 0),
    (Ecma, "a**", false, 2),
    (Ecma, "a{2}{3}", false, 4),
    (Ecma, "a{3,2}", false, 1),
    (Ecma, "[b-a]", false, 1),
    (Ecma, "x[a", false, 1),
    (Ecma, "a\\", false, 1),
    (Ecma, r"(a)\1", true, 3),
    (Ecma, r"\k<n>(?<n>a)", true, 0),
    (Ecma, r"\Z", false, 0),
    (Ecma, r"\p{Nonsense}", false, 0),
    (Ecma, r"\u12", false, 0),
    (Ecma, "$*", false, 1),
    (Ecma, "(?<=a)*", false, 6),
    (Ecma, "(?P<n>a)", false, 0),
    (Python, r"(a)\1", true, 3),
    (Python, "(?P<n>a)(?P=n)", true, 8),
    (Python, "(?>a)", true, 0),
    (Python, "a*+", true, 2),
    (Python, "(a)(?(1)b|c)", true, 3),
    (Python, r"\N{DIGIT ONE}", true, 0),
    (Python, r"\p{L}", false, 0),
    (Python, r"\q", false, 0),
    (Python, r"[a-\d]", false, 1),
    (Python, "a(?i)b", false, 1),
    (Python, "(?P<n>a)(?P<n>b)", false, 12),
    (Python, "(?#", false, 0),
    (Python, "a\n(?:b\n[c", false, 7),
    (Rust, "(?=a)", true, 0),
    (Rust, r"(a)\1", true, 3),
    (Rust, "é(a", false, 1),
];

#[test]
fn errors_name_the_place() {
    for (dialect, pattern, unsupported, offset) in ERRORS {
        let error = read(pattern, *dialect, "").expect_err(pattern);
        let found = matches!(error.kind, RegexErrorKind::Unsupported { .. });
        assert_eq!(found, *unsupported, "{pattern}: {error}");
        assert_eq!(error.offset, *offset, "{pattern}: {error}");
    }
    let error = read("a\n(?:b\n[c", Python, "").unwrap_err();
    assert_eq!((error.line, error.column), (3, 1));
    assert!(error.to_string().contains("line 3, column 1"), "{error}");
}

#[test]
fn flags_are_checked() {
    assert_eq!(Flags::from_letters("ix", Ecma), Err('x'));
    assert_eq!(Flags::from_letters("g", Python), Err('g'));
    assert!(Flags::from_letters("imsu", Ecma).unwrap().ignore_case);
}
