use structgen_automaton::Fuel;
use structgen_regex::{Exprs, JsonSpelling, RegexLimits, lower_json, lower_utf8};

use super::Format;

const ALL: [Format; 20] = [
    Format::Date,
    Format::Time,
    Format::DateTime,
    Format::Duration,
    Format::Email,
    Format::IdnEmail,
    Format::Hostname,
    Format::PlainHostname,
    Format::IdnHostname,
    Format::Ipv4,
    Format::Ipv6,
    Format::Uri,
    Format::UriReference,
    Format::Iri,
    Format::IriReference,
    Format::UriTemplate,
    Format::Uuid,
    Format::JsonPointer,
    Format::RelativeJsonPointer,
    Format::Regex,
];

#[test]
fn every_format_has_a_language_of_modest_size() {
    for format in ALL {
        let ast = format.language().unwrap_or_else(|error| panic!("{format:?}: {error:?}"));
        for spelling in [JsonSpelling::Minimal, JsonSpelling::All] {
            let mut exprs = Exprs::new(RegexLimits::default());
            let e = lower_json(&mut exprs, &ast, spelling);
            assert!(!exprs.is_empty(e, &mut Fuel::unlimited()).unwrap(), "{format:?}");
            assert!(exprs.len() < 300_000, "{format:?}: {} expressions", exprs.len());
            println!("{format:?} {spelling:?} {}", exprs.len());
        }
    }
}

fn judge(format: Format, valid: &[&str], invalid: &[&str]) {
    let mut exprs = Exprs::new(RegexLimits::default());
    let e = lower_utf8(&mut exprs, &format.language().unwrap());
    let mut fuel = Fuel::unlimited();
    for (texts, expected) in [(valid, true), (invalid, false)] {
        for text in texts {
            let found = exprs.matches(e, text.as_bytes(), &mut fuel).unwrap();
            assert_eq!(found, expected, "{format:?} {text:?}");
        }
    }
}

#[test]
fn leap_seconds_stand_where_utc_has_them() {
    for hour in 0..24 {
        for minute in 0..60 {
            // 23:59 UTC by a clock that is ahead or behind by hour:minute.
            let ahead = (23 * 60 + 59 + hour * 60 + minute) % 1440;
            let behind = (23 * 60 + 59 - hour * 60 - minute) % 1440;
            let show = |local: i32, sign: char| {
                format!("{:02}:{:02}:60.5{sign}{hour:02}:{minute:02}", local / 60, local % 60)
            };
            let good = [show(ahead, '+'), show(behind, '-')];
            let bad = [show((ahead + 1) % 1440, '+'), show((behind + 1439) % 1440, '-')];
            if minute % 13 == 0 || minute > 57 {
                judge(Format::Time, &good.each_ref().map(|s| &**s), &bad.each_ref().map(|s| &**s));
            }
        }
    }
}

#[test]
fn labels_follow_idna2008() {
    let long_greek = "α".repeat(25);
    let too_long = "ü".repeat(60);
    judge(
        Format::IdnHostname,
        &[
            "실례.테스트",
            "ßς་〇",
            "l·l",
            "α͵β",
            "א׳ב",
            "・丈",
            "丈・",
            "ب٠ب",
            "۰0",
            "क्\u{200D}ष",
            "क्\u{200C}ष",
            "بي\u{200C}بي",
            "a。b",
            "münchen-köln.de",
            "ab.xn",
            "A1.example",
            &long_greek,
            "נסיון.קום",
            "q\u{303}a",
            "\u{915}\u{93C}\u{93E}",
        ],
        &[
            "",
            "a..b",
            "-a",
            "a-",
            "aü-",
            "ab--cü",
            "xn--bcher-kva",
            "Äb",
            "a·l",
            "l·",
            "α͵S",
            "A׳ב",
            "def・abc",
            "ب٠۰",
            "क\u{200D}ष",
            "بي\u{200C}a",
            "\u{300}a",
            "cafe\u{301}",
            "0ا",
            "aא",
            "א0٠",
            "0a.א",
            "א.0a",
            &too_long,
            "a\u{302E}b",
            "a_b",
            "q\u{303}\u{323}",
        ],
    );
}

#[test]
fn drafts_before_7_know_no_encoded_names() {
    judge(Format::PlainHostname, &["xn--anything", "a--b.c"], &["-a", "a-", "a.", "", "ü"]);
    judge(Format::Hostname, &["a.b-c--d"], &["xn--bcher-kva", "ab--c"]);
}

#[test]
fn mail_domains_may_be_international_where_the_format_says_so() {
    judge(
        Format::IdnEmail,
        &["실례@실례.테스트", "a@b", "\"ü\"@[127.0.0.1]", "a@[IPv6:::1]", "ü.ü@a--b.de"],
        &["a@b。c", "a@", "@a", "a@-ü", "a b@c", "a@[ü]"],
    );
    judge(Format::Email, &["a@b", "\"a b\"@c.d"], &["ü@b", "a@ü"]);
}

#[test]
fn patterns_are_well_formed() {
    judge(
        Format::Regex,
        &[
            "",
            "a|",
            "^(?:(a)+(?=b(c))|d)*$",
            "(?<name>x)",
            "(?<=a+)b",
            "[]",
            "[^]",
            "\\cA",
            "[a-z-]",
            "[-a]",
            "\\p{Lu}\\u{1F600}\\0",
            "a{2,3}?",
            "((((((a))))))",
            "[\\w-]",
            "x{10,11}",
            "\\0a",
        ],
        &[
            "(",
            "a)",
            "[",
            "a**",
            "{",
            "a{2,1}",
            "(?i)a",
            "(?P<n>a)",
            "\\a",
            "[z-a]",
            "[\\w-a]",
            "(?=a)*",
            "(?<a>)(?<a>)",
            "\\1",
            "\\k<a>",
            "\\01",
            "(?#c)",
            "^*",
            "x{20,11}",
            "\\",
        ],
    );
}

/// Every prefix is decided in few steps, also where several automata have to agree on what
/// may follow.
#[test]
fn no_prefix_of_a_label_is_hard() {
    let mut exprs = Exprs::new(RegexLimits::default());
    let ast = Format::IdnHostname.language().unwrap();
    let e = lower_json(&mut exprs, &ast, JsonSpelling::All);
    let pieces = [
        "xn-",
        "a",
        "l",
        "0",
        "-",
        ".",
        "·",
        "͵",
        "α",
        "א",
        "׳",
        "・",
        "ア",
        "丈",
        "ب",
        "ي",
        "٠",
        "۰",
        "\u{200C}",
        "\u{200D}",
        "क",
        "\u{94D}",
        "\u{301}",
        "ü",
        "α".repeat(24).leak(),
    ];
    let mut lexer = structgen_regex::Lexer::new(exprs);
    let start = lexer.state(&[(0, e)], &mut Fuel::unlimited()).unwrap();
    let mut states = vec![(String::new(), start)];
    for _ in 0..3 {
        let mut next = Vec::new();
        for (text, state) in states {
            for piece in pieces {
                let (mut at, mut fuel) = (state, Fuel::new("steps", 20_000));
                let text = format!("{text}{piece}");
                for byte in piece.bytes() {
                    at = lexer.step(at, byte, &mut fuel).unwrap_or_else(|_| panic!("{text:?}"));
                }
                if !at.is_dead() {
                    next.push((text, at));
                }
            }
        }
        states = next;
    }
    assert!(states.len() > 2_000);
}
