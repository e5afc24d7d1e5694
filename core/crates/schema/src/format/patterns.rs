//! ECMA-262 regular expressions, as the flag `u` reads them.
//!
//! Three things of theirs are not regular, or not in few states, and only a part of them is
//! taken: groups nest up to a bound, at most one group has a name (names must differ), and
//! there are no back-references (which must refer to something). `\\0` is not found before a
//! digit, where it would be an octal escape.

use structgen_regex::Ast;

use crate::string::compile_full;
use structgen_regex::RegexSyntaxError;

/// Groups within groups.
const MAX_NESTING: usize = 6;

pub(super) fn regex() -> Result<Ast, RegexSyntaxError> {
    let quantifier = compile_full(&format!("(?:{})?", quantifier()))?;
    let atom = compile_full(&format!(
        "(?:[^\\^$\\\\.*+?()\\[\\]{{}}|]|\\.|{}|{})",
        escape("\\^$\\\\.*+?()\\[\\]{}|/"),
        class()
    ))?;
    let assertion = compile_full("(?:[\\^$|]|\\\\[bB])")?;
    let opening = compile_full("\\((?:\\?:|\\?<[A-Za-z_$][A-Za-z0-9_$]*>)?")?;
    let looking = compile_full("\\(\\?<?[=!]")?;
    let closing = compile_full("\\)")?;
    // Alternatives are terms with bars between them, where any of them may be empty: any
    // sequence of terms and bars.
    let mut inside = Ast::Epsilon;
    for level in 0..=MAX_NESTING {
        let mut terms =
            vec![assertion.clone(), Ast::sequence(vec![atom.clone(), quantifier.clone()])];
        if level > 0 {
            let group = vec![opening.clone(), inside.clone(), closing.clone(), quantifier.clone()];
            terms.push(Ast::sequence(group));
            terms.push(Ast::sequence(vec![looking.clone(), inside, closing.clone()]));
        }
        inside = Ast::any_of(terms).repeat(0, None);
    }
    let named = "\\(\\?<[A-Za-z_$]";
    let twice = compile_full(&format!("[^]*{named}[^]*{named}[^]*"))?;
    let octal = compile_full("[^]*\\\\0[0-9][^]*")?;
    Ok(Ast::And(vec![inside, twice.negate(), octal.negate()]))
}

/// After a backslash, with `identity` as the characters that stand for themselves.
fn escape(identity: &str) -> String {
    let general = "L|Lu|Ll|Lt|Lm|Lo|M|Mn|Mc|Me|N|Nd|Nl|No|P|Pc|Pd|Ps|Pe|Pi|Pf|Po|S|Sm|Sc|Sk|So|Z\
                   |Zs|Zl|Zp|C|Cc|Cf|Letter|Number|Punctuation|Alphabetic|Lowercase|Uppercase\
                   |Script=(?:Latin|Greek|Cyrillic|Han|Hiragana|Katakana|Arabic|Hebrew|Thai)";
    format!(
        "\\\\(?:[dDwWsStnvfr]|[{identity}]|c[A-Za-z]|0|x[0-9A-Fa-f]{{2}}|u[0-9A-Fa-f]{{4}}\
         |u\\{{(?:[0-9A-Fa-f]{{1,5}}|10[0-9A-Fa-f]{{4}})\\}}|[pP]\\{{(?:{general})\\}})"
    )
}

/// A class: single characters, and ranges of letters and digits whose ends are in order.
fn class() -> String {
    let ends = ('0'..='9').chain('A'..='Z').chain('a'..='z');
    let ranges: Vec<String> = ends
        .map(|first| {
            let last = match first {
                '0'..='9' => '9',
                'A'..='Z' => 'Z',
                _ => 'z',
            };
            format!("{first}-[{first}-{last}]")
        })
        .collect();
    let escape = escape("\\^$\\\\.*+?()\\[\\]{}|/-");
    let item = format!("(?:{}|[^\\\\\\]\\[^-]|{escape})", ranges.join("|"));
    format!("\\[\\^?(?:-{item}+|{item}*-?)\\]")
}

fn quantifier() -> String {
    let mut ordered = vec!["[0-9],[1-9][0-9]{1,2}".to_owned(), "[1-9][0-9],[1-9][0-9]{2}".into()];
    for digit in 0..=9 {
        ordered.push(format!("{digit},[{digit}-9]"));
    }
    for tens in 1..=9 {
        if tens < 9 {
            ordered.push(format!("{tens}[0-9],[{}-9][0-9]", tens + 1));
        }
        for ones in 0..=9 {
            ordered.push(format!("{tens}{ones},{tens}[{ones}-9]"));
        }
    }
    format!("(?:[*+?]|\\{{(?:[0-9]{{1,4}},?|{})\\}})\\??", ordered.join("|"))
}
