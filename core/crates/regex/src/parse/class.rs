use structgen_automaton::pace;

use super::escape::Escaped;
use super::parser::{Parsed, Parser};
use super::{Dialect, RegexSyntaxError, hints};
use crate::CharSet;

impl Parser<'_> {
    /// After `[`.
    pub fn class(&mut self, start: usize) -> Parsed<CharSet> {
        let negate = self.eat('^');
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let mut first = true;
        // What stood before is a class or range, which other engines subtract from.
        let mut after_set = false;
        self.not_posix(start)?;
        let opens_twice = self.peek() == Some('[');
        loop {
            pace(0).map_err(RegexSyntaxError::stopped)?;
            let Some(c) = self.peek() else {
                return Err(self.syntax("missing `]`, unterminated class", start));
            };
            // Python takes a `]` in the first place as a member.
            if c == ']' && !(first && self.is_python()) {
                self.at += 1;
                break;
            }
            self.not_an_operation(first, after_set)?;
            first = false;
            let from = self.at;
            let low = self.member()?;
            after_set = matches!(low, Escaped::Set(_));
            self.not_an_operation(first, after_set)?;
            let is_range = self.peek() == Some('-')
                && self.chars.get(self.at + 1).is_some_and(|&next| next != ']');
            if !is_range {
                push(&mut ranges, low);
                continue;
            }
            self.at += 1;
            let high = self.member()?;
            match (low, high) {
                (Escaped::Code(low), Escaped::Code(high)) => {
                    if low > high {
                        return Err(self.syntax("a range in reverse order", from));
                    }
                    ranges.push((low, high));
                    after_set = true;
                }
                (low, high) if self.dialect == Dialect::Ecma => {
                    // Annex B: `[\w-x]` has a hyphen.
                    push(&mut ranges, low);
                    push(&mut ranges, Escaped::Code('-' as u32));
                    push(&mut ranges, high);
                }
                _ => return Err(self.syntax("a range to or from a class", from)),
            }
        }
        if opens_twice && self.closes_outer_class() {
            let hint = r"write one class, or `\[` and `\]` for brackets";
            return Err(self.ambiguous("a class within a class", start, hint));
        }
        let set = self.folded(CharSet::from_code_points(ranges));
        Ok(if negate { set.complement() } else { set })
    }

    /// Refuses `[:digit:]`, with or without another bracket around it: digits to some engines,
    /// the characters `:digt` to others, an error to the rest.
    fn not_posix(&self, start: usize) -> Parsed<()> {
        if self.peek() != Some(':') {
            return Ok(());
        }
        self.posix_class(start, self.at + 1)
    }

    /// The same with the name, perhaps negated, from `name` on.
    fn posix_class(&self, start: usize, name: usize) -> Parsed<()> {
        let rest = &self.chars[name..];
        let rest = rest.strip_prefix(&['^']).unwrap_or(rest);
        let length = rest.iter().take_while(|c| c.is_ascii_lowercase()).count();
        let name: String = rest[..length].iter().collect();
        if !rest[length..].starts_with(&[':', ']']) {
            return Ok(());
        }
        let Some(class) = hints::posix_class(&name) else { return Ok(()) };
        let hint = format!("write `{class}` for the class, or `\\[` for the bracket");
        Err(self.ambiguous(&format!("`[:{name}:]`"), start, hint))
    }

    /// Refuses what engines with sets of classes read as an operation, and others as members of
    /// the class.
    fn not_an_operation(&self, first: bool, after_set: bool) -> Parsed<()> {
        if self.looking_at("[:") {
            self.posix_class(self.at, self.at + 2)?;
        }
        let right = self.at + 2;
        let more = self.chars.get(right).is_some_and(|&c| c != ']');
        for (operator, name) in [("&&", "the intersection"), ("~~", "the symmetric difference")] {
            if !first && self.looking_at(operator) && self.begins_set(right) {
                let what = format!("`{operator}`, {name} of classes or twice a character,");
                let hint = "write the resulting class out, or the character once";
                return Err(self.ambiguous(&what, self.at, hint));
            }
        }
        if after_set && more && self.looking_at("--") {
            let hint = r"write the resulting class out, or `\-` for the character";
            let what = "`--`, the difference of classes or a range from `-` on,";
            return Err(self.ambiguous(what, self.at, hint));
        }
        Ok(())
    }

    /// Whether a class, an escape for one, or a range stands at `at`.
    fn begins_set(&self, at: usize) -> bool {
        match &self.chars[at.min(self.chars.len())..] {
            ['[' | '^', ..] => true,
            ['\\', c, ..] => matches!(c, 'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'p' | 'P'),
            [_, '-', last, ..] => *last != ']',
            _ => false,
        }
    }

    /// Whether, behind a class that began with `[[`, a `]` follows, or more classes and then a
    /// `]`: the end of the outer class where classes nest.
    fn closes_outer_class(&self) -> bool {
        let mut rest = self.chars[self.at..].iter();
        loop {
            match rest.next() {
                Some(']') => return true,
                Some('[') => {}
                _ => return false,
            }
            loop {
                match rest.next() {
                    Some('\\') => {
                        rest.next();
                    }
                    Some(']') => break,
                    Some(_) => {}
                    None => return false,
                }
            }
        }
    }

    fn member(&mut self) -> Parsed<Escaped> {
        let start = self.at;
        let Some(c) = self.peek() else {
            return Err(self.syntax("missing `]`, unterminated class", start));
        };
        self.at += 1;
        if self.flags.verbose && !self.is_python() && (c.is_whitespace() || c == '#') {
            let what = "white space or `#` in a class, with the flag `x`,";
            return Err(self.ambiguous(what, start, "put a backslash before it"));
        }
        if c != '\\' {
            return Ok(Escaped::Code(c as u32));
        }
        match (self.peek(), self.dialect) {
            (Some('b'), _) => {
                self.at += 1;
                Ok(Escaped::Code(0x08))
            }
            (Some('1'..='9'), Dialect::Python) => {
                let mut value = 0;
                let mut digits = 0;
                while let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) {
                    if digits == 3 {
                        break;
                    }
                    value = value * 8 + digit;
                    digits += 1;
                    self.at += 1;
                }
                if digits < 3 || value > 0o377 {
                    return Err(self.syntax("an octal escape needs three digits", start));
                }
                Ok(Escaped::Code(value))
            }
            _ => self.class_escape(start),
        }
    }
}

fn push(ranges: &mut Vec<(u32, u32)>, member: Escaped) {
    match member {
        Escaped::Code(code) => ranges.push((code, code)),
        Escaped::Set(set) => ranges.extend_from_slice(set.ranges()),
    }
}
