use super::Dialect;
use super::escape::Escaped;
use super::parser::{Parsed, Parser};
use crate::CharSet;

impl Parser<'_> {
    /// After `[`.
    pub fn class(&mut self, start: usize) -> Parsed<CharSet> {
        let negate = self.eat('^');
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let mut first = true;
        loop {
            let Some(c) = self.peek() else {
                return Err(self.syntax("missing `]`, unterminated class", start));
            };
            // Python takes a `]` in the first place as a member.
            if c == ']' && !(first && self.is_python()) {
                self.at += 1;
                break;
            }
            first = false;
            let from = self.at;
            let low = self.member()?;
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
        let set = self.folded(CharSet::from_code_points(ranges));
        Ok(if negate { set.complement() } else { set })
    }

    fn member(&mut self) -> Parsed<Escaped> {
        let start = self.at;
        let Some(c) = self.peek() else {
            return Err(self.syntax("missing `]`, unterminated class", start));
        };
        self.at += 1;
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
