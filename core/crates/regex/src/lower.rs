//! From code points to bytes: UTF-8 text, and the spellings of JSON string literals.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::exprs::{Node, WORTH_A_SET, escaped_len, is_escaped};
use crate::{Ast, ByteSet, CharDfa, CharSet, ExprId, Exprs, WordCode};

/// Which spellings of a string JSON text may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JsonSpelling {
    /// One spelling per character: itself where legal, else `\"`, `\\`, `\b`, `\f`, `\n`,
    /// `\r`, `\t`, else `\u00xx` with lower-case digits.
    Minimal,
    /// Every legal spelling.
    All,
}

/// Nesting of an `Ast` that is lowered.
const MAX_NESTING: u32 = 1_000;

/// A prefix code of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    Utf8,
    Json(JsonSpelling),
}

impl Encoding {
    pub(crate) const ALL: [Encoding; 3] =
        [Encoding::Utf8, Encoding::Json(JsonSpelling::Minimal), Encoding::Json(JsonSpelling::All)];

    /// The characters that have to be escaped.
    pub(crate) fn escaped(self) -> CharSet {
        match self {
            Encoding::Utf8 => CharSet::empty(),
            Encoding::Json(_) => CharSet::from_code_points([(0, 0x1F), (0x22, 0x22), (0x5C, 0x5C)]),
        }
    }

    /// A bit for each.
    pub(crate) fn bit(self) -> u8 {
        match self {
            Encoding::Utf8 => 1,
            Encoding::Json(JsonSpelling::Minimal) => 2,
            Encoding::Json(JsonSpelling::All) => 4,
        }
    }
}

/// Character classes already lowered.
#[derive(Clone, Debug, Default)]
pub(crate) struct LowerCache {
    classes: FxHashMap<(Encoding, CharSet), ExprId>,
    /// Those of single characters, as names of keys ask for them, one after the other.
    chars: FxHashMap<(JsonSpelling, char), ExprId>,
    /// The same, the other way round.
    sets: FxHashMap<(Encoding, ExprId), CharSet>,
    automata: FxHashMap<(Encoding, Arc<CharDfa>), ExprId>,
    ranges: usize,
}

impl LowerCache {
    pub(crate) fn bytes(&self) -> usize {
        (self.classes.capacity() + self.sets.capacity()) * 48
            + self.chars.capacity() * 16
            + self.ranges * 16
    }
}

/// The texts of `ast`, which must be free of assertions, as UTF-8. Complements are relative
/// to valid UTF-8. An assertion has no place in a language of texts and stands for the empty
/// language; [`full_match`](crate::full_match) and [`search`](crate::search) remove them.
pub fn lower_utf8(exprs: &mut Exprs, ast: &Ast) -> ExprId {
    lower(exprs, ast, Encoding::Utf8, 0)
}

/// The bodies (what stands between the quotes) of JSON string literals whose value is in
/// `ast`, which must be free of assertions. Complements are relative to legal bodies, whose
/// values are sequences of Unicode scalar values: lone surrogates have no spelling.
///
/// Every body decodes to exactly one value, so this preimage commutes with `&`, `|`, `~`,
/// concatenation and repetition, and is exact.
pub fn lower_json(exprs: &mut Exprs, ast: &Ast, spelling: JsonSpelling) -> ExprId {
    lower(exprs, ast, Encoding::Json(spelling), 0)
}

/// The spellings of one character in a JSON string literal.
pub fn lower_json_char(exprs: &mut Exprs, c: char, spelling: JsonSpelling) -> ExprId {
    if let Some(&known) = exprs.lowered.chars.get(&(spelling, c)) {
        return known;
    }
    let e = lower_class(exprs, &CharSet::single(c), Encoding::Json(spelling));
    exprs.lowered.chars.insert((spelling, c), e);
    e
}

fn lower(exprs: &mut Exprs, ast: &Ast, encoding: Encoding, nesting: u32) -> ExprId {
    if nesting > MAX_NESTING {
        exprs.poison("max_depth", MAX_NESTING.into());
        return Exprs::EMPTY;
    }
    let all = |exprs: &mut Exprs, parts: &[Ast]| -> Vec<ExprId> {
        let mut lowered = Vec::with_capacity(parts.len());
        for part in parts {
            if exprs.gives_up(0) {
                break;
            }
            lowered.push(lower(exprs, part, encoding, nesting + 1));
        }
        lowered
    };
    match ast {
        Ast::Empty => Exprs::EMPTY,
        Ast::Epsilon => Exprs::EPSILON,
        Ast::Class(set) => lower_class(exprs, set, encoding),
        Ast::Concat(parts) => {
            let parts = all(exprs, parts);
            exprs.concat(&parts)
        }
        Ast::Alternate(parts) => match words_of(exprs, parts, encoding) {
            Some((words, others)) => {
                let mut options = vec![words];
                let others = others.into_iter();
                options.extend(others.map(|part| lower(exprs, part, encoding, nesting + 1)));
                exprs.or(&options)
            }
            None => {
                let parts = all(exprs, parts);
                exprs.or(&parts)
            }
        },
        Ast::And(parts) => {
            let mut parts = all(exprs, parts);
            if parts.is_empty() {
                parts.push(any_text(exprs, encoding));
            }
            exprs.and(&parts)
        }
        Ast::Not(inner) => {
            let inner = lower(exprs, inner, encoding, nesting + 1);
            let outside = exprs.not(inner);
            let valid = any_text(exprs, encoding);
            exprs.and(&[valid, outside])
        }
        Ast::Repeat { inner, min, max } => {
            let inner = lower(exprs, inner, encoding, nesting + 1);
            exprs.repeat(inner, *min, *max)
        }
        Ast::Automaton(dfa) => lower_automaton(exprs, dfa, encoding),
        Ast::Start | Ast::End | Ast::WordBoundary { .. } | Ast::Look { .. } => {
            debug_assert!(false, "assertions are removed before lowering");
            Exprs::EMPTY
        }
    }
}

/// Bytes of an alternative that are looked at in the time of a node.
const TEXT_PER_STEP: u32 = 64;

/// Alternatives from which on those that are texts are put together.
const MANY: usize = 64;

/// The alternatives that are one text each, as a set of words, and the others; `None` if they are
/// too few for that.
fn words_of<'a>(
    exprs: &mut Exprs,
    parts: &'a [Ast],
    encoding: Encoding,
) -> Option<(ExprId, Vec<&'a Ast>)> {
    if parts.len() < MANY {
        return None;
    }
    let (mut texts, mut others) = (Vec::with_capacity(parts.len()), Vec::new());
    for part in parts {
        match text_of(part) {
            Some(text) => {
                if exprs.gives_up(text.len() as u32 / TEXT_PER_STEP) {
                    return None;
                }
                texts.push(text);
            }
            None => others.push(part),
        }
    }
    if texts.len() < MANY {
        return None;
    }
    let texts = exprs.sorted(texts);
    let bytes: usize = texts.iter().map(String::len).sum();
    if bytes < WORTH_A_SET {
        return None;
    }
    Some((set_of_words(exprs, &texts, encoding), others))
}

fn set_of_words(exprs: &mut Exprs, texts: &[String], encoding: Encoding) -> ExprId {
    match encoding {
        Encoding::Utf8 => exprs.word_set(texts, WordCode::Bytes),
        Encoding::Json(JsonSpelling::All) => exprs.word_set(texts, WordCode::Json),
        Encoding::Json(JsonSpelling::Minimal) => {
            let mut spelled: Vec<Vec<u8>> = Vec::with_capacity(texts.len());
            for text in texts {
                if exprs.gives_up(text.len() as u32 / TEXT_PER_STEP) {
                    return Exprs::EMPTY;
                }
                spelled.push(spell_json(text));
            }
            // A character and its escape come at different places in the order.
            let spelled = exprs.sorted(spelled);
            exprs.word_set(&spelled, WordCode::Bytes)
        }
    }
}

/// The text that is all that `ast` means, if it is one.
fn text_of(ast: &Ast) -> Option<String> {
    match ast {
        Ast::Epsilon => Some(String::new()),
        Ast::Class(set) => set.only().map(String::from),
        Ast::Concat(parts) => parts
            .iter()
            .map(|part| match part {
                Ast::Class(set) => set.only(),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// The body of the JSON literal that spells `text` with as few escapes as possible.
pub fn spell_json(text: &str) -> Vec<u8> {
    // Most texts are names, and stand for themselves.
    if !text.bytes().any(is_escaped) {
        return text.as_bytes().to_vec();
    }
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.extend(b"\\\""),
            '\\' => out.extend(b"\\\\"),
            '\u{8}' => out.extend(b"\\b"),
            '\u{c}' => out.extend(b"\\f"),
            '\n' => out.extend(b"\\n"),
            '\r' => out.extend(b"\\r"),
            '\t' => out.extend(b"\\t"),
            control if control < ' ' => {
                out.extend(format!("\\u{:04x}", u32::from(control)).bytes());
            }
            other => out.extend(other.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    out
}

/// The length of what [`spell_json`] makes of `text`: no spelling of it is shorter.
pub fn spelled_len(text: &str) -> usize {
    let escapes = text.bytes().filter(|&byte| is_escaped(byte));
    text.len() + escapes.map(|byte| escaped_len(byte) as usize - 1).sum::<usize>()
}

/// States become named expressions whose definitions refer to each other.
fn lower_automaton(exprs: &mut Exprs, dfa: &Arc<CharDfa>, encoding: Encoding) -> ExprId {
    let key = (encoding, Arc::clone(dfa));
    if let Some(&known) = exprs.lowered.automata.get(&key) {
        return known;
    }
    let states: Vec<Vec<(ExprId, u32)>> = dfa
        .states()
        .iter()
        .map(|state| {
            let lowered = state.edges.iter();
            lowered.map(|(set, to)| (lower_class(exprs, set, encoding), *to)).collect()
        })
        .collect();
    let accepting: Vec<bool> = dfa.states().iter().map(|state| state.accepting).collect();
    let e = exprs.system(&states, &accepting);
    exprs.lowered.automata.insert(key, e);
    e
}

fn any_text(exprs: &mut Exprs, encoding: Encoding) -> ExprId {
    let any = lower_class(exprs, &CharSet::any(), encoding);
    exprs.repeat(any, 0, None)
}

/// The spellings in `encoding` of the characters of `set`.
pub(crate) fn lower_class(exprs: &mut Exprs, set: &CharSet, encoding: Encoding) -> ExprId {
    // ASCII singles are most of every pattern, and cheaper than a look-up.
    if let (Encoding::Utf8, Some(c)) = (encoding, set.only()) {
        let mut buffer = [0; 4];
        return exprs.literal(c.encode_utf8(&mut buffer).as_bytes());
    }
    let key = (encoding, set.clone());
    if let Some(&known) = exprs.lowered.classes.get(&key) {
        return known;
    }
    let e = match encoding {
        Encoding::Utf8 => utf8_class(exprs, set),
        Encoding::Json(spelling) => json_class(exprs, set, spelling),
    };
    exprs.note_class(e, set, encoding);
    exprs.lowered.ranges += set.ranges().len();
    exprs.lowered.sets.insert((encoding, e), set.clone());
    exprs.lowered.classes.insert(key, e);
    e
}

impl Exprs {
    /// The characters whose spellings in `code` are the members of `class`, if it is known.
    pub(crate) fn class_in(&self, code: Encoding, class: ExprId) -> Option<CharSet> {
        if let Some(set) = self.lowered.sets.get(&(code, class)) {
            return Some(set.clone());
        }
        match self.node(class) {
            Node::Set(id) if code == Encoding::Utf8 => Some(*self.set(id))
                .filter(|set| set.iter().all(|byte| byte.is_ascii()))
                .map(CharSet::of_ascii),
            _ => None,
        }
    }

    /// The characters of `set`, one of them, as UTF-8.
    pub fn char_set(&mut self, set: &CharSet) -> ExprId {
        lower_class(self, set, Encoding::Utf8)
    }
}

/// A minimal deterministic spelling: per length of the encoding, lead bytes with the same
/// continuations share one branch.
fn utf8_class(exprs: &mut Exprs, set: &CharSet) -> ExprId {
    const LENGTHS: [(u32, u32); 4] =
        [(0, 0x7F), (0x80, 0x7FF), (0x800, 0xFFFF), (0x10000, 0x10FFFF)];
    let mut options = Vec::new();
    for (tail, (first, last)) in LENGTHS.into_iter().enumerate() {
        let part = set & &CharSet::from_code_points([(first, last)]);
        if part.is_empty() {
            continue;
        }
        let mark = [0x00u8, 0xC0, 0xE0, 0xF0][tail];
        let bits = 6 * tail as u32;
        let mut digits = vec![Digit { bits, spell: Spell::Byte(mark) }];
        digits.extend(
            (0..tail).rev().map(|i| Digit { bits: 6 * i as u32, spell: Spell::Byte(0x80) }),
        );
        options.push(positional(exprs, part.ranges(), &digits));
    }
    exprs.or(&options)
}

fn json_class(exprs: &mut Exprs, set: &CharSet, spelling: JsonSpelling) -> ExprId {
    const SHORT: [(u32, u8); 7] = [
        (0x22, b'"'),
        (0x5C, b'\\'),
        (0x08, b'b'),
        (0x0C, b'f'),
        (0x0A, b'n'),
        (0x0D, b'r'),
        (0x09, b't'),
    ];
    let escaped = Encoding::Json(spelling).escaped();
    let raw = utf8_class(exprs, &(set - &escaped));
    let mut letters = ByteSet::EMPTY;
    let mut spelled = CharSet::empty();
    for (code, letter) in SHORT {
        let single = CharSet::from_code_points([(code, code)]);
        if single.is_subset(set) {
            letters.insert(letter);
        }
        spelled = &spelled | &single;
    }
    let numeric = match spelling {
        JsonSpelling::All => {
            if set.contains('/') {
                letters.insert(b'/');
            }
            set.clone()
        }
        JsonSpelling::Minimal => &(set & &escaped) - &spelled,
    };
    let mut options = vec![raw];
    let backslash = exprs.byte_set(ByteSet::single(b'\\'));
    let letters = exprs.byte_set(letters);
    options.push(exprs.concat(&[backslash, letters]));
    let hex = match spelling {
        JsonSpelling::All => Spell::Hex,
        JsonSpelling::Minimal => Spell::LowerHex,
    };
    let digit = |bits: u32, spell: Spell| Digit { bits, spell };
    let escape = [digit(u32::MAX, Spell::Fixed(b'\\')), digit(u32::MAX, Spell::Fixed(b'u'))];
    let low_planes = &numeric & &CharSet::from_code_points([(0, 0xFFFF)]);
    if !low_planes.is_empty() {
        let mut digits = escape.to_vec();
        digits.extend([12, 8, 4, 0].map(|bits| digit(bits, hex)));
        options.push(positional(exprs, low_planes.ranges(), &digits));
    }
    // \uD8xx\uDCxx: twenty bits above 0x10000.
    let high: Vec<(u32, u32)> = (&numeric & &CharSet::from_code_points([(0x10000, 0x10FFFF)]))
        .ranges()
        .iter()
        .map(|&(first, last)| (first - 0x10000, last - 0x10000))
        .collect();
    if !high.is_empty() {
        let mut digits = escape.to_vec();
        digits.push(digit(u32::MAX, Spell::HexAt(0xD)));
        digits.push(digit(18, Spell::HexFrom(0x8)));
        digits.extend([digit(14, hex), digit(10, hex)]);
        digits.extend(escape);
        digits.push(digit(u32::MAX, Spell::HexAt(0xD)));
        digits.push(digit(8, Spell::HexFrom(0xC)));
        digits.extend([digit(4, hex), digit(0, hex)]);
        options.push(positional(exprs, &high, &digits));
    }
    exprs.or(&options)
}

/// One place of a positional spelling of numbers: the bits from `bits` up that no earlier
/// place has spelled. Fixed places spell none.
#[derive(Clone, Copy)]
struct Digit {
    bits: u32,
    spell: Spell,
}

#[derive(Clone, Copy)]
enum Spell {
    /// This byte plus the digit.
    Byte(u8),
    /// Always this byte.
    Fixed(u8),
    /// The hexadecimal digit in either case.
    Hex,
    LowerHex,
    /// The hexadecimal digit plus this, in either case.
    HexFrom(u32),
    /// Always this hexadecimal digit, in either case.
    HexAt(u32),
}

impl Spell {
    fn bytes(self, digit: u32) -> ByteSet {
        let hex = |digit: u32| {
            let lower = b"0123456789abcdef"[digit as usize & 15];
            ByteSet::of(&[lower, lower.to_ascii_uppercase()])
        };
        match self {
            Spell::Byte(base) => ByteSet::single(base | digit as u8),
            Spell::Fixed(byte) => ByteSet::single(byte),
            Spell::Hex => hex(digit),
            Spell::LowerHex => ByteSet::single(b"0123456789abcdef"[digit as usize & 15]),
            Spell::HexFrom(base) | Spell::HexAt(base) if matches!(self, Spell::HexAt(_)) => {
                hex(base)
            }
            Spell::HexFrom(base) | Spell::HexAt(base) => hex(base + digit),
        }
    }
}

/// The numbers of `ranges` (sorted, disjoint) spelled by `digits`, most significant first.
/// Deterministic, with equal branches shared; blocks that are full cost one visit per level.
fn positional(exprs: &mut Exprs, ranges: &[(u32, u32)], digits: &[Digit]) -> ExprId {
    let Some((digit, rest)) = digits.split_first() else { return Exprs::EPSILON };
    if digit.bits == u32::MAX {
        let head = exprs.byte_set(digit.spell.bytes(0));
        let tail = positional(exprs, ranges, rest);
        return exprs.concat(&[head, tail]);
    }
    let last_of = |value: u32| value << digit.bits | ((1 << digit.bits) - 1);
    // (continuation, lead bytes), merged as soon as a continuation repeats.
    let mut branches: Vec<(ExprId, ByteSet)> = Vec::new();
    let mut add = |tail: ExprId, bytes: ByteSet| match branches.iter_mut().find(|b| b.0 == tail) {
        Some(branch) => branch.1 = branch.1 | bytes,
        None => branches.push((tail, bytes)),
    };
    let mut full: Option<ExprId> = None;
    let mut at = 0;
    let mut next_value = 0u32;
    while at < ranges.len() {
        let (first, last) = ranges[at];
        let value = (first >> digit.bits).max(next_value);
        let (low, high) = (value << digit.bits, last_of(value));
        if first <= low && last >= high {
            let tail = match full {
                Some(tail) => tail,
                None => {
                    let tail = positional(exprs, &[(0, high - low)], rest);
                    full = Some(tail);
                    tail
                }
            };
            add(tail, digit.spell.bytes(value));
        } else {
            let block: Vec<(u32, u32)> = ranges[at..]
                .iter()
                .take_while(|range| range.0 <= high)
                .map(|&(first, last)| (first.max(low) - low, last.min(high) - low))
                .collect();
            let tail = positional(exprs, &block, rest);
            add(tail, digit.spell.bytes(value));
        }
        next_value = value + 1;
        while at < ranges.len() && ranges[at].1 <= high {
            at += 1;
        }
    }
    let mut options = Vec::with_capacity(branches.len());
    for (tail, bytes) in branches {
        let head = exprs.byte_set(bytes);
        options.push(exprs.concat(&[head, tail]));
    }
    exprs.or(&options)
}
