//! Languages of JSON strings, as expressions over the bodies of their literals.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use structgen_regex::{
    Ast, Dialect, ExprId, Exprs, Flags, JsonSpelling, ParseLimits, RegexSyntaxError, WordCode,
    full_match, lower_json, lower_json_char, parse, search,
};

pub(crate) use structgen_regex::{spell_json as spell, spelled_len};

use crate::format::Format;

/// The strings in which an ECMA-262 pattern is found.
pub(crate) fn compile_pattern(pattern: &str) -> Result<Arc<Ast>, RegexSyntaxError> {
    search(read(pattern)?).map(Arc::new)
}

/// The strings that an ECMA-262 pattern matches from end to end.
pub(crate) fn compile_full(pattern: &str) -> Result<Ast, RegexSyntaxError> {
    full_match(read(pattern)?)
}

fn read(pattern: &str) -> Result<Ast, RegexSyntaxError> {
    parse(pattern, Dialect::Ecma, Flags::default(), ParseLimits::default())
}

/// Builds expressions over bodies of string literals.
#[derive(Clone)]
pub(crate) struct Strings {
    spelling: JsonSpelling,
    /// All legal bodies.
    pub(crate) all: ExprId,
    formats: FxHashMap<Format, ExprId>,
}

impl Strings {
    pub(crate) fn new(exprs: &mut Exprs, spelling: JsonSpelling) -> Self {
        let all = lower_json(exprs, &Ast::any_text(), spelling);
        Strings { spelling, all, formats: FxHashMap::default() }
    }

    pub(crate) fn lower(&self, exprs: &mut Exprs, ast: &Ast) -> ExprId {
        lower_json(exprs, ast, self.spelling)
    }

    /// All spellings of one string.
    pub(crate) fn literal(&self, exprs: &mut Exprs, text: &str) -> ExprId {
        let parts = self.spelled(exprs, text);
        exprs.concat(&parts)
    }

    /// The spellings of each character.
    fn spelled(&self, exprs: &mut Exprs, text: &str) -> Vec<ExprId> {
        let mut parts = Vec::with_capacity(text.len() + 1);
        for c in text.chars() {
            if exprs.gives_up(0) {
                break;
            }
            parts.push(lower_json_char(exprs, c, self.spelling));
        }
        parts
    }

    /// The same with the quote that ends it, in one go: a sequence is built from its end.
    pub(crate) fn ended(&self, exprs: &mut Exprs, text: &str) -> ExprId {
        let mut parts = self.spelled(exprs, text);
        parts.push(exprs.literal(b"\""));
        exprs.concat(&parts)
    }

    /// All spellings of a sorted list of distinct strings, with common prefixes shared.
    pub(crate) fn literals(&self, exprs: &mut Exprs, texts: &[Box<str>]) -> ExprId {
        match texts {
            [] => Exprs::EMPTY,
            _ if self.spelling == JsonSpelling::Minimal => {
                // One after the other, in one piece.
                let (mut spelled, mut ends) = (Vec::new(), Vec::with_capacity(texts.len()));
                for text in texts {
                    if exprs.gives_up(text.len() as u32 / 64) {
                        return Exprs::EMPTY;
                    }
                    spelled.extend(spell(text));
                    ends.push(spelled.len());
                }
                let starts = std::iter::once(&0).chain(&ends);
                let words: Vec<&[u8]> =
                    starts.zip(&ends).map(|(from, to)| &spelled[*from..*to]).collect();
                exprs.literals(&words)
            }
            _ => {
                let words: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
                exprs.words(&words, WordCode::Json, |exprs| match texts {
                    [one] => self.literal(exprs, one),
                    _ => self.trie(exprs, texts),
                })
            }
        }
    }

    /// A trie over code points, built bottom up: each text, from the last to the first,
    /// closes the part of its predecessor's path that it does not share.
    fn trie(&self, exprs: &mut Exprs, texts: &[Box<str>]) -> ExprId {
        // Per open level: the options that start there.
        let mut levels: Vec<Vec<ExprId>> = vec![Vec::new()];
        let mut path: Vec<char> = Vec::new();
        for text in texts {
            if exprs.gives_up(1) {
                return Exprs::EMPTY;
            }
            let chars: Vec<char> = text.chars().collect();
            let shared = path.iter().zip(&chars).take_while(|(a, b)| a == b).count();
            self.close(exprs, &mut levels, &mut path, shared);
            for c in &chars[shared..] {
                path.push(*c);
                levels.push(Vec::new());
            }
            if let Some(level) = levels.last_mut() {
                level.push(Exprs::EPSILON);
            }
        }
        self.close(exprs, &mut levels, &mut path, 0);
        let options = levels.pop().unwrap_or_default();
        exprs.or(&options)
    }

    fn close(
        &self,
        exprs: &mut Exprs,
        levels: &mut Vec<Vec<ExprId>>,
        path: &mut Vec<char>,
        keep: usize,
    ) {
        while path.len() > keep && !exprs.gives_up(0) {
            let (Some(c), Some(options)) = (path.pop(), levels.pop()) else { return };
            let rest = exprs.or(&options);
            let first = lower_json_char(exprs, c, self.spelling);
            let joined = exprs.concat(&[first, rest]);
            if let Some(level) = levels.last_mut() {
                level.push(joined);
            }
        }
    }

    pub(crate) fn of_length(&self, exprs: &mut Exprs, min: u32, max: Option<u32>) -> ExprId {
        self.lower(exprs, &Ast::text_of_length(min, max))
    }

    pub(crate) fn format(&mut self, exprs: &mut Exprs, format: Format) -> ExprId {
        if let Some(known) = self.formats.get(&format) {
            return *known;
        }
        // The patterns are constants, and a test builds every one of them.
        let language = match format.language() {
            Ok(ast) => lower_json(exprs, &ast, self.spelling),
            Err(_) => Exprs::EMPTY,
        };
        self.formats.insert(format, language);
        language
    }
}
