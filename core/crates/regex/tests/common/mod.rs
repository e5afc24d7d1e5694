//! A reference semantics that shares nothing with the engine: sets of end positions over
//! characters, and a small generator of random patterns.

#![allow(dead_code)] // each test binary uses its part

use std::collections::BTreeSet;

use structgen_regex::{Ast, CharSet};

/// All `j` such that `ast` matches `text[at..j]` in the context of `text`.
pub fn ends(ast: &Ast, text: &[char], at: usize) -> BTreeSet<usize> {
    let here = |holds: bool| if holds { BTreeSet::from([at]) } else { BTreeSet::new() };
    match ast {
        Ast::Empty => BTreeSet::new(),
        Ast::Epsilon => here(true),
        Ast::Class(set) => match text.get(at) {
            Some(&c) if set.contains(c) => BTreeSet::from([at + 1]),
            _ => BTreeSet::new(),
        },
        Ast::Concat(parts) => parts.iter().fold(here(true), |from, part| {
            from.iter().flat_map(|&i| ends(part, text, i)).collect()
        }),
        Ast::Alternate(parts) => parts.iter().flat_map(|part| ends(part, text, at)).collect(),
        Ast::And(parts) => {
            let all: BTreeSet<usize> = (at..=text.len()).collect();
            parts.iter().fold(all, |both, part| &both & &ends(part, text, at))
        }
        Ast::Not(inner) => {
            let inside = ends(inner, text, at);
            (at..=text.len()).filter(|j| !inside.contains(j)).collect()
        }
        Ast::Repeat { inner, min, max } => {
            let last = max.unwrap_or(u32::MAX).min(min.saturating_add(text.len() as u32 + 2));
            let mut current = here(true);
            let mut found = BTreeSet::new();
            for count in 0..=last {
                if count >= *min {
                    found.extend(current.iter().copied());
                }
                current = current.iter().flat_map(|&i| ends(inner, text, i)).collect();
                if current.is_empty() {
                    break;
                }
            }
            found
        }
        Ast::Automaton(_) => panic!("not part of the reference"),
        Ast::Start => here(at == 0),
        Ast::End => here(at == text.len()),
        Ast::WordBoundary { negate, word } => {
            let is =
                |i: Option<usize>| i.and_then(|i| text.get(i)).is_some_and(|&c| word.contains(c));
            here((is(at.checked_sub(1)) != is(Some(at))) != *negate)
        }
        Ast::Look { inner, ahead: true, negate } => {
            here(ends(inner, text, at).is_empty() == *negate)
        }
        Ast::Look { inner, ahead: false, negate } => {
            let found = (0..=at).any(|from| ends(inner, text, from).contains(&at));
            here(found != *negate)
        }
    }
}

pub fn full_matches(ast: &Ast, text: &[char]) -> bool {
    ends(ast, text, 0).contains(&text.len())
}

pub fn is_found(ast: &Ast, text: &[char]) -> bool {
    (0..=text.len()).any(|at| !ends(ast, text, at).is_empty())
}

/// All texts over `alphabet` of at most `length` characters.
pub fn texts(alphabet: &[char], length: usize) -> Vec<Vec<char>> {
    let mut all = vec![Vec::new()];
    let mut last = 0;
    for _ in 0..length {
        let end = all.len();
        for i in last..end {
            for &c in alphabet {
                let mut longer = all[i].clone();
                longer.push(c);
                all.push(longer);
            }
        }
        last = end;
    }
    all
}

/// xorshift64*
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn class(&mut self, alphabet: &[char]) -> CharSet {
        let picked: String = alphabet.iter().filter(|_| self.below(2) == 0).collect();
        if picked.is_empty() { CharSet::single(alphabet[0]) } else { CharSet::of(&picked) }
    }

    /// A random pattern of about `size` nodes.
    pub fn ast(&mut self, alphabet: &[char], size: u64, kinds: Kinds) -> Ast {
        if size <= 1 {
            return match self.below(if kinds.assertions { 14 } else { 10 }) {
                0 => Ast::Epsilon,
                10 => Ast::Start,
                11 => Ast::End,
                12 | 13 => Ast::WordBoundary {
                    negate: self.below(2) == 0,
                    word: CharSet::single(alphabet[0]),
                },
                _ => Ast::Class(self.class(alphabet)),
            };
        }
        let split = 1 + self.below(size - 1);
        match self.below(12) {
            0..=3 => Ast::Concat(vec![
                self.ast(alphabet, split, kinds),
                self.ast(alphabet, size - split, kinds),
            ]),
            4 | 5 => Ast::Alternate(vec![
                self.ast(alphabet, split, kinds),
                self.ast(alphabet, size - split, kinds),
            ]),
            6..=8 => {
                let min = self.below(3) as u32;
                let max = match self.below(3) {
                    0 => None,
                    _ => Some(min + self.below(3) as u32),
                };
                self.ast(alphabet, size - 1, kinds).repeat(min, max)
            }
            9 if kinds.booleans => Ast::And(vec![
                self.ast(alphabet, split, kinds),
                self.ast(alphabet, size - split, kinds),
            ]),
            10 if kinds.booleans => self.ast(alphabet, size - 1, kinds).negate(),
            9..=11 if kinds.assertions => {
                let ahead = self.below(3) > 0;
                Ast::Look {
                    inner: Box::new(self.ast(alphabet, size.min(4) - 1, kinds)),
                    ahead,
                    negate: self.below(2) == 0,
                }
            }
            _ => self.ast(alphabet, size - 1, kinds),
        }
    }
}

#[derive(Clone, Copy)]
pub struct Kinds {
    pub booleans: bool,
    pub assertions: bool,
}
