//! JSON texts as values, within a budget.
//!
//! `serde_json` reads a text in one go, by recursion, and at most 128 levels deep. Schemas come from
//! strangers and may be long and deep: this reader looks at the clock, and keeps its place in a list.

use serde_json::{Map, Number, Value};
use structgen_automaton::{AutomatonError, Fuel, Returned};
use thiserror::Error;

/// Why a text is no value.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum JsonError {
    /// It is not JSON.
    #[error("{message} at line {line} column {column}")]
    Malformed {
        /// What is wrong.
        message: String,
        /// The line, from 1.
        line: usize,
        /// The column, in characters, from 1.
        column: usize,
    },
    /// It is JSON, but not what was asked for.
    #[error("{0}")]
    Unexpected(String),
    /// A budget ran out.
    #[error(transparent)]
    Automaton(#[from] AutomatonError),
}

/// Reads one value. Of members with one name the last counts, at the place of the first, as in
/// `serde_json` and Python; numbers keep their digits. `max_depth` levels of arrays and objects are
/// read, named `max_source_depth` where there are more.
pub fn read_json(text: &str, max_depth: u32, fuel: &mut Fuel) -> Result<Value, JsonError> {
    let open = Returned::new(Vec::new());
    let mut reader = Reader { text, at: 0, open, max_depth, fuel };
    let value = reader.document();
    value.map_err(|fault| match fault {
        Fault::Automaton(error) => error.into(),
        Fault::Malformed(message) => reader.place(message),
    })
}

/// What is being read.
enum Open {
    /// With the place where it begins.
    Array(Vec<Value>, usize),
    /// With the name of the member that is read.
    Object(Map<String, Value>, String),
}

/// What comes after a value.
enum After {
    /// Another one, beside it.
    Another,
    /// Nothing more in what held it, which is this.
    Whole(Value),
    /// Nothing: nothing held it.
    Document(Value),
}

enum Fault {
    Malformed(String),
    Automaton(AutomatonError),
}

impl From<AutomatonError> for Fault {
    fn from(error: AutomatonError) -> Self {
        Fault::Automaton(error)
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    open: Returned<Vec<Open>>,
    max_depth: u32,
    fuel: &'a mut Fuel,
}

/// Elements from which on an array is large: each time that it grows, it moves.
const MANY: usize = 1 << 14;

/// Steps for one value: an allocation or two, with the look-up of a name.
const VALUE: u64 = 4;

impl Reader<'_> {
    fn document(&mut self) -> Result<Value, Fault> {
        loop {
            let mut value = self.begin()?;
            // Inside the innermost, until something else begins.
            while let Some(finished) = value.take() {
                match self.go_on(finished)? {
                    After::Another => {}
                    After::Whole(whole) => value = Some(whole),
                    After::Document(document) => return Ok(document),
                }
            }
        }
    }

    /// A value, or `None` where one has begun that holds others.
    fn begin(&mut self) -> Result<Option<Value>, Fault> {
        self.fuel.spend(VALUE)?;
        self.skip_space()?;
        Ok(Some(match self.peek() {
            Some(b'"') => Value::String(self.string()?),
            Some(b'{') => return self.begin_object(),
            Some(b'[') => {
                self.at += 1;
                self.skip_space()?;
                if self.peek() != Some(b']') {
                    self.deeper(Open::Array(Vec::new(), self.at))?;
                    return Ok(None);
                }
                self.at += 1;
                Value::Array(Vec::new())
            }
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            Some(_) => return Err(wrong("expected value")),
            None => return Err(wrong("EOF while parsing a value")),
        }))
    }

    fn begin_object(&mut self) -> Result<Option<Value>, Fault> {
        self.at += 1;
        self.skip_space()?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Some(Value::Object(Map::new())));
        }
        let name = self.name()?;
        self.deeper(Open::Object(Map::new(), name))?;
        Ok(None)
    }

    fn deeper(&mut self, open: Open) -> Result<(), Fault> {
        if self.open.len() >= self.max_depth as usize {
            let limit = self.max_depth.into();
            return Err(AutomatonError::Limit { name: "max_source_depth", limit }.into());
        }
        self.open.push(open);
        Ok(())
    }

    /// Adds `value` to the innermost that is open.
    fn go_on(&mut self, value: Value) -> Result<After, Fault> {
        self.skip_space()?;
        let next = self.peek();
        let Some(open) = self.open.last_mut() else {
            return match next {
                None => Ok(After::Document(value)),
                Some(_) => Err(wrong("trailing characters")),
            };
        };
        let (list, end) = match open {
            Open::Array(elements, begun) => {
                if elements.len() == elements.capacity() && elements.len() >= MANY {
                    // As many as there may be, if the others are as long: it moves once.
                    let length = (self.at - *begun).max(1);
                    let left = self.text.len() - self.at;
                    elements
                        .reserve((elements.len() as f64 * left as f64 / length as f64) as usize);
                }
                elements.push(value);
                (true, b']')
            }
            Open::Object(members, name) => {
                members.insert(std::mem::take(name), value);
                (false, b'}')
            }
        };
        match next {
            Some(b',') => {
                self.at += 1;
                if !list {
                    self.skip_space()?;
                    let next_name = self.name()?;
                    if let Some(Open::Object(_, name)) = self.open.last_mut() {
                        *name = next_name;
                    }
                }
                Ok(After::Another)
            }
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(After::Whole(match self.open.pop() {
                    Some(Open::Object(members, _)) => Value::Object(members),
                    Some(Open::Array(elements, _)) => Value::Array(elements),
                    None => Value::Null,
                }))
            }
            Some(_) if list => Err(wrong("expected `,` or `]`")),
            Some(_) => Err(wrong("expected `,` or `}`")),
            None if list => Err(wrong("EOF while parsing a list")),
            None => Err(wrong("EOF while parsing an object")),
        }
    }

    /// The name of a member, and the colon.
    fn name(&mut self) -> Result<String, Fault> {
        match self.peek() {
            Some(b'"') => {}
            Some(_) => return Err(wrong("key must be a string")),
            None => return Err(wrong("EOF while parsing an object")),
        }
        let name = self.string()?;
        self.skip_space()?;
        if self.peek() != Some(b':') {
            return Err(wrong("expected `:`"));
        }
        self.at += 1;
        Ok(name)
    }

    fn string(&mut self) -> Result<String, Fault> {
        let (begun, bytes) = (self.at, self.text.as_bytes());
        let mut plain = true;
        let mut at = begun + 1;
        loop {
            at += plain_bytes(&bytes[at.min(bytes.len())..]);
            match bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    plain = false;
                    at += 2;
                }
                Some(0..=0x1F) => {
                    self.at = at;
                    return Err(wrong("control character in a string: it must be escaped"));
                }
                // The end: what is plain does not stop.
                _ => {
                    self.at = bytes.len();
                    return Err(wrong("EOF while parsing a string"));
                }
            }
        }
        self.fuel.spend_bytes(at - begun)?;
        let whole = &self.text[begun..=at];
        let text = match plain {
            true => whole[1..whole.len() - 1].to_owned(),
            false => serde_json::from_str(whole).map_err(told)?,
        };
        self.at = at + 1;
        Ok(text)
    }

    fn number(&mut self) -> Result<Number, Fault> {
        let rest = &self.text.as_bytes()[self.at..];
        let is_part = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.iter().take_while(|b| is_part(b)).count();
        self.fuel.spend_bytes(length)?;
        let number = serde_json::from_str(&self.text[self.at..self.at + length]).map_err(told)?;
        self.at += length;
        Ok(number)
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Fault> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(wrong("expected value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) -> Result<(), Fault> {
        let begun = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        Ok(self.fuel.spend_bytes(self.at - begun)?)
    }

    fn place(&self, message: String) -> JsonError {
        let mut end = self.at.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        JsonError::Malformed { message, line, column }
    }
}

/// How many bytes at the beginning of `text` a string has as they are, eight of them looked at
/// together: most of a schema is descriptions.
fn plain_bytes(text: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    // The lowest byte in which the high bit is set is zero (those above it need not be).
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let plain = text.chunks_exact(8).take_while(|bytes| {
        let word = <[u8; 8]>::try_from(*bytes).map_or(0, u64::from_le_bytes);
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let quote = zeros(word ^ (ONES * u64::from(b'"')));
        let backslash = zeros(word ^ (ONES * u64::from(b'\\')));
        controls | quote | backslash == 0
    });
    let whole = 8 * plain.count();
    let is_plain = |&&byte: &&u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    whole + text[whole..].iter().take_while(is_plain).count()
}

fn wrong(message: &str) -> Fault {
    Fault::Malformed(message.to_owned())
}

/// What `serde_json` says of a part, without the place inside it.
fn told(error: serde_json::Error) -> Fault {
    let message = error.to_string();
    Fault::Malformed(message.split(" at line").next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, JsonError> {
        read_json(text, 100, &mut Fuel::unlimited())
    }

    /// Texts in which something small is wrong, or not.
    fn texts() -> Vec<String> {
        let pieces = [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"\\u00e9\\ud83d\\ude00\"",
            "\"\\ud800\"",
            "1",
            "-0.50e+7",
            "01",
            "1.",
            "true",
            "nul",
            " ",
            "\n",
            "\"a",
            "\"\u{1}\"",
            "é",
            "\"\\x\"",
            "-",
            "1E5",
            "\"é\"",
            "{\"a\":1,\"a\":2,\"b\":[]}",
        ];
        let mut state = 7u64;
        let mut below = |n: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % n
        };
        let mut texts: Vec<String> = pieces.map(str::to_owned).to_vec();
        for _ in 0..60_000 {
            texts.push((0..below(7) + 1).map(|_| pieces[below(pieces.len())]).collect());
        }
        texts
    }

    #[test]
    fn reads_what_serde_reads() {
        let mut good = 0;
        for text in texts() {
            let expected = serde_json::from_str::<Value>(&text);
            match (&expected, read(&text)) {
                (Ok(expected), Ok(found)) => {
                    good += 1;
                    assert_eq!(expected.to_string(), found.to_string(), "{text}");
                }
                (Err(_), Err(_)) => {}
                (expected, found) => panic!("{text:?}: {expected:?}, {found:?}"),
            }
        }
        assert!(good > 500, "{good}");
    }

    #[test]
    fn says_where_and_how_deep() {
        let error = read("{\"é\":\n  [1 2]}").unwrap_err();
        assert_eq!(error.to_string(), "expected `,` or `]` at line 2 column 6");
        assert!(read(&("[".repeat(100) + &"]".repeat(100))).is_ok());
        let deep = read(&"[".repeat(101)).unwrap_err();
        let limit = AutomatonError::Limit { name: "max_source_depth", limit: 100 };
        assert_eq!(deep, JsonError::Automaton(limit));
    }

    #[test]
    fn stops_when_the_budget_does() {
        let text = format!("[{}1]", "1,".repeat(100_000));
        let stopped = read_json(&text, 9, &mut Fuel::new("few", 1000));
        assert!(matches!(stopped, Err(JsonError::Automaton(_))));
    }
}
