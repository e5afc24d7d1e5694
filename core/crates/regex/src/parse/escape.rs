use super::parser::{Parsed, Parser, look};
use super::{Dialect, hints, tables};
use crate::{Ast, CharSet};

/// What a backslash introduces, where it can stand both in and outside of a class.
pub(super) enum Escaped {
    /// A code point, possibly a surrogate.
    Code(u32),
    Set(CharSet),
}

impl Parser<'_> {
    /// After a backslash outside of a class.
    pub fn escape(&mut self, start: usize) -> Parsed<Ast> {
        let Some(c) = self.peek() else {
            return Err(self.syntax("a backslash at the end of the pattern", start));
        };
        let boundary = |negate: bool| {
            let ascii = self.flags.ascii;
            let word = tables::word(self.dialect, ascii, self.flags.ignore_case);
            Ast::WordBoundary { negate, word }
        };
        match (c, self.dialect) {
            ('b' | 'B', _) => {
                let ast = boundary(c == 'B');
                self.at += 1;
                let named = ["{start}", "{end}", "{start-half}", "{end-half}"];
                if named.iter().any(|name| self.looking_at(name)) {
                    let message = "`\\b{..}` is a boundary to some engines only";
                    let hint = "write `\\b` with `(?=\\w)` or `(?<=\\w)` beside it";
                    return Err(self.syntax(message, start).with_hint(hint));
                }
                if c == 'B' && self.is_python() {
                    // Up to Python 3.13, `\B` does not match in the empty text.
                    let near = |ahead: bool| look(Ast::any_char(), ahead, false);
                    return Ok(Ast::Concat(vec![
                        ast,
                        Ast::Alternate(vec![near(true), near(false)]),
                    ]));
                }
                return Ok(ast);
            }
            ('A', _) => {
                self.at += 1;
                return Ok(Ast::Start);
            }
            // `\Z` of other engines lets a line end follow.
            ('Z', Dialect::Python) | ('z', _) => {
                self.at += 1;
                return Ok(Ast::End);
            }
            ('k', _) => return Err(self.unsupported("back-references", start)),
            ('1'..='9', _) => {
                if let Some(legacy) = self.numbered(start)? {
                    return Ok(self.code(legacy));
                }
            }
            _ => {}
        }
        match self.class_escape(start)? {
            Escaped::Code(code) => Ok(self.code(code)),
            Escaped::Set(set) => Ok(Ast::Class(set)),
        }
    }

    /// A code point as a pattern. Surrogates are no characters of any text: they match nothing.
    fn code(&self, code: u32) -> Ast {
        match char::from_u32(code) {
            Some(c) => self.character(c),
            None => Ast::Empty,
        }
    }

    /// `\1` to `\99`: a reference, or an old octal escape.
    fn numbered(&mut self, start: usize) -> Parsed<Option<u32>> {
        let digits: Vec<u32> =
            self.chars[self.at..].iter().take(3).map_while(|c| c.to_digit(10)).collect();
        let octal = |digits: &[u32]| digits.iter().fold(0, |value, digit| value * 8 + digit);
        if self.is_python() {
            if digits.len() == 3 && digits.iter().all(|&d| d < 8) {
                let value = octal(&digits);
                if value > 0o377 {
                    return Err(self.syntax("an octal escape beyond \\377", start));
                }
                self.at += 3;
                return Ok(Some(value));
            }
            return Err(self.unsupported("back-references", start));
        }
        let number = digits.iter().fold(0, |value, digit| value * 10 + digit);
        if number <= self.groups {
            return Err(self.unsupported("back-references", start));
        }
        Err(self.syntax("a reference to a group that does not exist", start))
    }

    /// After a backslash, for what may stand in a class as well.
    pub fn class_escape(&mut self, start: usize) -> Parsed<Escaped> {
        let Some(c) = self.peek() else {
            return Err(self.syntax("a backslash at the end of the pattern", start));
        };
        self.at += 1;
        let (dialect, ascii) = (self.dialect, self.flags.ascii);
        let negated =
            |set: CharSet, negate: bool| Escaped::Set(if negate { set.complement() } else { set });
        let ecma = dialect == Dialect::Ecma;
        Ok(match c {
            'd' | 'D' => negated(tables::digit(dialect, ascii), c == 'D'),
            's' | 'S' => negated(tables::space(dialect, ascii), c == 'S'),
            'w' | 'W' => {
                let word = tables::word(dialect, ascii, self.flags.ignore_case);
                negated(word, c == 'W')
            }
            't' => Escaped::Code(0x09),
            'n' => Escaped::Code(0x0A),
            'v' => Escaped::Code(0x0B),
            'f' => Escaped::Code(0x0C),
            'r' => Escaped::Code(0x0D),
            'a' => Escaped::Code(0x07),
            'e' if ecma => Escaped::Code(0x1B),
            'x' if self.peek() == Some('{') => Escaped::Code(self.braced(start)?),
            'x' => Escaped::Code(self.hex(2, start)?),
            'u' if ecma => self.ecma_unicode(start)?,
            'u' => Escaped::Code(self.hex(4, start)?),
            'U' => {
                let code = self.hex(8, start)?;
                if code > 0x10FFFF {
                    return Err(self.syntax("a code point beyond U+10FFFF", start));
                }
                Escaped::Code(code)
            }
            'N' if !ecma => return Err(self.unsupported("named characters", start)),
            'c' if ecma => match self.peek() {
                Some(letter) if letter.is_ascii_alphabetic() => {
                    self.at += 1;
                    Escaped::Code(letter as u32 % 32)
                }
                _ => return Err(self.syntax("`\\c` needs a letter", start)),
            },
            'p' | 'P' if ecma => self.property(c == 'P', start)?,
            '0' if ecma => {
                if self.peek().is_some_and(|c| c.is_ascii_digit()) {
                    return Err(self.syntax("octal escapes are not allowed", start));
                }
                Escaped::Code(0)
            }
            '0' => {
                let mut value = 0;
                for _ in 0..2 {
                    if let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) {
                        value = value * 8 + digit;
                        self.at += 1;
                    }
                }
                Escaped::Code(value)
            }
            c if c.is_ascii_alphanumeric() => {
                let hint = hints::of_escape(c, dialect);
                return Err(self.syntax(format!("unknown escape `\\{c}`"), start).with_hint(hint));
            }
            c => Escaped::Code(c as u32),
        })
    }

    fn hex(&mut self, digits: usize, start: usize) -> Parsed<u32> {
        self.try_hex(digits).ok_or_else(|| {
            self.syntax(format!("this escape needs {digits} hexadecimal digits"), start)
        })
    }

    fn try_hex(&mut self, digits: usize) -> Option<u32> {
        let text = self.chars.get(self.at..self.at + digits)?;
        let mut value: u32 = 0;
        for c in text {
            value = value.checked_mul(16)?.checked_add(c.to_digit(16)?)?;
        }
        self.at += digits;
        Some(value)
    }

    /// The code point in the braces of `\u{..}` or `\x{..}`.
    fn braced(&mut self, start: usize) -> Parsed<u32> {
        self.at += 1;
        let mut value: u32 = 0;
        let first = self.at;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(16)) {
            value = value.saturating_mul(16).saturating_add(digit);
            self.at += 1;
        }
        if self.at == first || !self.eat('}') || value > 0x10FFFF {
            let message = "this escape needs the hexadecimal digits of a code point in its braces";
            return Err(self.syntax(message, start));
        }
        Ok(value)
    }

    /// `\uHHHH`, a surrogate pair of them, or `\u{H..}`.
    fn ecma_unicode(&mut self, start: usize) -> Parsed<Escaped> {
        if self.peek() == Some('{') {
            return Ok(Escaped::Code(self.braced(start)?));
        }
        let code = self.hex(4, start)?;
        if (0xD800..0xDC00).contains(&code) {
            let here = self.at;
            if self.eat_all("\\u") {
                if let Some(low @ 0xDC00..=0xDFFF) = self.try_hex(4) {
                    return Ok(Escaped::Code(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)));
                }
            }
            self.at = here;
        }
        Ok(Escaped::Code(code))
    }

    fn property(&mut self, negate: bool, start: usize) -> Parsed<Escaped> {
        let name = if self.eat('{') {
            let first = self.at;
            while self.peek().is_some_and(|c| c != '}') {
                self.at += 1;
            }
            let name: String = self.chars[first..self.at].iter().collect();
            if !self.eat('}') {
                return Err(self.syntax("`\\p{` without `}`", start));
            }
            name
        } else {
            // `\pL`, as other dialects write it.
            match self.peek() {
                Some(c) if c.is_ascii_alphabetic() => {
                    self.at += 1;
                    c.to_string()
                }
                _ => return Err(self.syntax("`\\p` needs a property in braces", start)),
            }
        };
        if hints::is_ambiguous_property(&name) {
            let message = format!("engines read the property `{name}` in different ways");
            return Err(self.syntax(message, start).with_hint(hints::of_property(&name)));
        }
        match tables::property(&name) {
            Some(set) => Ok(Escaped::Set(if negate { set.complement() } else { self.folded(set) })),
            None => {
                let error = self.syntax(format!("unknown Unicode property `{name}`"), start);
                Err(error.with_hint(hints::of_property(&name)))
            }
        }
    }
}
