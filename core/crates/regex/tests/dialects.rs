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
    // Errors by ECMA-262, with one meaning elsewhere.
    (Ecma, r"\A(?P<y>\d{4})(?#note)\z", "", &["2024"], &["2024\n", "x2024"]),
    (Ecma, "(?x) ^ a \\  b # comment\n \\z", "", &["a b"], &["ab", "a b # comment"]),
    (Ecma, "^(?x: a b )c $", "", &["abc "], &["abc", " a b c "]),
    (Ecma, "^a(?i)b(?-i)c$", "", &["abc", "aBc"], &["Abc", "abC"]),
    (Ecma, "^(a(?i)b)c$", "", &["abc", "aBc"], &["abC"]),
    (Ecma, "^(?:x|(?i)b|c)$", "", &["x", "B", "C"], &["X"]),
    (Ecma, "(?is)^.b$", "", &["\nB"], &["b"]),
    (Ecma, r"^\a\e\x{1F600}\U0001F600[\x{41}\e]$", "", &["\x07\x1B😀😀A"], &["ae"]),
    // Members of a class, though other engines have operators of that spelling.
    (Ecma, "^[!&&*]$", "", &["!", "&", "*"], &["+"]),
    (Ecma, "^[&&a-z]$", "", &["&", "b"], &["-"]),
    (Ecma, "^[\"--_]$", "", &["\"", "-", "_", "+"], &["a"]),
    (Ecma, "^[a-z--]$", "", &["-", "b"], &["!"]),
    (Ecma, "^[:a-z]$", "", &[":", "b"], &["-"]),
    (Ecma, "^[[a-z]*]*$", "", &["[[a]]", ""], &["]a"]),
    (Python, r"^(?<n>a)\x{42}\z", "", &["aB"], &["aB\n"]),
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
        let language = search(ast.clone()).unwrap();
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
        let language = full_match(read("a|ab|b$", dialect, "").unwrap()).unwrap();
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
    (Ecma, "(?P=n)", true, 0),
    (Ecma, "a(?>b)", true, 1),
    (Ecma, "a++", true, 2),
    (Ecma, "(a)(?(1)b|c)", true, 3),
    (Ecma, "a(?R)?", true, 1),
    (Ecma, "(?&n)", true, 0),
    (Ecma, r"a\h", false, 1),
    (Ecma, r"a\R", false, 1),
    (Ecma, r"\Qa.b\E", false, 0),
    (Ecma, r"[\A]", false, 1),
    (Ecma, r"a\b{start}", false, 1),
    (Ecma, r"a\p{Digit}", false, 1),
    (Ecma, r"a\p{IsGreek}", false, 1),
    (Ecma, "^[[:digit:]]+$", false, 2),
    (Ecma, "a[:alpha:]", false, 1),
    (Ecma, "[_[:^space:]]", false, 2),
    (Ecma, "[a-z&&[^b]]+", false, 4),
    (Ecma, r"[\w&&\D]+", false, 3),
    (Ecma, "[a-z~~b-y]+", false, 4),
    (Ecma, "[a-z--b]", false, 4),
    (Ecma, r"[\w--_]", false, 3),
    (Ecma, "x[[a-z][0-9]]+", false, 1),
    (Ecma, "[[a-z]]+", false, 0),
    (Ecma, "(?x)[ a]", false, 5),
    (Ecma, "(?x)a{ 2 }", false, 5),
    (Ecma, "(?x)a\u{2028}b", false, 5),
    (Ecma, "a(?i)b|c", false, 1),
    (Ecma, "(?u)a", false, 2),
    (Python, "[[:digit:]]+", false, 1),
    (Python, "[a-z&&[^b]]+", false, 4),
    (Python, "[a-z--b]", false, 4),
    (Python, "[[a-z]]", false, 0),
    (Python, r"a\h", false, 1),
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

/// What other dialects have, and this one refuses.
const FOREIGN: &[(Dialect, &str)] = &[
    (Ecma, r"a\Z"),
    (Ecma, r"\h+"),
    (Ecma, r"\R"),
    (Ecma, r"\Qa\E"),
    (Ecma, r"\Ga"),
    (Ecma, r"a\Kb"),
    (Ecma, r"\X"),
    (Ecma, r"\N"),
    (Ecma, r"\p{Punct}"),
    (Ecma, r"\p{InGreek}"),
    (Ecma, "[[:xdigit:]]"),
    (Ecma, "[a-z&&[^b]]"),
    (Ecma, "[[a-c][x-z]]"),
    (Ecma, "(?>a)"),
    (Ecma, "a*+"),
    (Ecma, "(?U)a"),
    (Ecma, "(?'n'a)"),
    (Ecma, "(?|a|b)"),
    (Ecma, r"(a)\1"),
    (Ecma, r"(a)\g1"),
    (Python, r"\p{L}"),
    (Python, r"\h"),
    (Python, "a(?i)b"),
    (Python, "(?>a)"),
    (Python, "[[:digit:]]"),
    (Rust, "(?=a)"),
    (Rust, r"a\Z"),
    (Rust, r"(a)\1"),
];

#[test]
fn errors_name_the_place() {
    for (dialect, pattern, unsupported, offset) in ERRORS {
        let error = read(pattern, *dialect, "").expect_err(pattern);
        let found = matches!(error.kind, RegexErrorKind::Unsupported { .. });
        assert_eq!(found, *unsupported, "{pattern}: {error}");
        assert_eq!(error.offset, *offset, "{pattern}: {error}");
    }
    for (dialect, pattern) in FOREIGN {
        let error = read(pattern, *dialect, "").expect_err(pattern);
        assert!(error.hint.is_some(), "{pattern}: {error}");
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
