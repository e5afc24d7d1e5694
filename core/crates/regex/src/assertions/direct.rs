use structgen_automaton::pace;

use super::edges::{edge, max_chars, min_chars, nullable};
use crate::{Ast, CharSet};

/// The assertions do not resolve in place, or the thread is out of time.
pub(super) struct Stuck;

/// Alternatives and assertions worked on before giving up.
const BUDGET: u32 = 400;
const MAX_NESTING: u32 = 40;

/// What has been read before the place that is looked at.
#[derive(Clone)]
struct Left {
    /// Without assertions.
    parts: Vec<Ast>,
    /// Nothing stands before `parts`; otherwise anything may.
    at_start: bool,
}

impl Left {
    fn nullable(&self) -> bool {
        self.parts.iter().all(nullable)
    }

    /// Surely nothing has been read.
    fn is_nothing(&self) -> bool {
        self.parts.iter().all(|part| *part == Ast::Epsilon)
    }

    fn restrict(&mut self, language: Ast) {
        let read = Ast::sequence(std::mem::take(&mut self.parts));
        self.parts.push(Ast::And(vec![read, language]));
    }
}

/// The language of `parts`, one after the other, as whole texts.
pub(super) fn resolve(parts: &[Ast]) -> Result<Ast, Stuck> {
    let mut budget = BUDGET;
    let left = Left { parts: Vec::new(), at_start: true };
    let items: Vec<&Ast> = parts.iter().rev().collect();
    eval(items, left, &mut budget, 0)
}

/// The texts of `left` followed by `items` (the next one last), where what stands to the
/// right of `items` is the end of the text.
fn eval(
    mut items: Vec<&Ast>,
    mut left: Left,
    budget: &mut u32,
    nesting: u32,
) -> Result<Ast, Stuck> {
    if *budget == 0 || nesting > MAX_NESTING {
        return Err(Stuck);
    }
    *budget -= 1;
    while let Some(item) = items.pop() {
        if pace(0).is_err() {
            return Err(Stuck);
        }
        if !item.has_assertions() {
            left.parts.push(item.clone());
            continue;
        }
        match item {
            Ast::Concat(parts) => items.extend(parts.iter().rev()),
            Ast::Alternate(parts) => {
                let (bound, free): (Vec<&Ast>, Vec<&Ast>) =
                    parts.iter().partition(|part| part.has_assertions());
                let mut options = Vec::new();
                for part in bound {
                    let mut branch = items.clone();
                    branch.push(part);
                    options.push(eval(branch, left.clone(), budget, nesting + 1)?);
                }
                if !free.is_empty() {
                    left.parts.push(Ast::any_of(free.into_iter().cloned().collect()));
                    options.push(eval(items, left, budget, nesting + 1)?);
                }
                return Ok(Ast::any_of(options));
            }
            Ast::Repeat { max: Some(0), .. } => {}
            Ast::Repeat { inner, min: 1, max: Some(1) } => items.push(inner),
            Ast::Repeat { inner, min, .. } if is_zero_width(inner) => {
                // Once is as good as often, and never is good wherever once is.
                if *min > 0 {
                    items.push(inner);
                }
            }
            Ast::Repeat { inner, min: 0, max: Some(1) } => {
                let without = eval(items.clone(), left.clone(), budget, nesting + 1)?;
                items.push(inner);
                let with = eval(items, left, budget, nesting + 1)?;
                return Ok(Ast::any_of(vec![without, with]));
            }
            Ast::Start if left.at_start => {
                if !left.nullable() {
                    return Ok(Ast::Empty);
                }
                left.parts.clear();
            }
            Ast::Start if left.parts.iter().map(min_chars).any(|chars| chars > 0) => {
                return Ok(Ast::Empty);
            }
            Ast::End => {
                let start = left.at_start && left.is_nothing();
                let here = Left { parts: Vec::new(), at_start: start };
                let rest = eval(items, here, budget, nesting + 1)?;
                if !nullable(&rest) {
                    return Ok(Ast::Empty);
                }
                return Ok(Ast::sequence(left.parts));
            }
            Ast::WordBoundary { negate, word } => {
                return word_boundary(*negate, word, items, left, budget, nesting);
            }
            Ast::Look { inner, ahead: true, negate } => {
                let start = left.at_start && left.is_nothing();
                let here = Left { parts: Vec::new(), at_start: start };
                let any = Ast::any_text();
                let seen = eval(vec![&any, inner], here.clone(), budget, nesting + 1)?;
                let rest = eval(items, here, budget, nesting + 1)?;
                let seen = if *negate { seen.negate() } else { seen };
                left.parts.push(Ast::And(vec![rest, seen]));
                return Ok(Ast::sequence(left.parts));
            }
            Ast::Look { inner, ahead: false, negate } => {
                if looks_right(inner) {
                    return Err(Stuck);
                }
                let local = min_chars_of(&left) >= max_chars(inner).unwrap_or(u32::MAX);
                if !left.at_start && (!local || inner.has_assertions()) {
                    return Err(Stuck);
                }
                let any = Ast::any_text();
                let here = Left { parts: Vec::new(), at_start: true };
                let seen = eval(vec![inner, &any], here, budget, nesting + 1)?;
                left.restrict(if *negate { seen.negate() } else { seen });
            }
            _ => return Err(Stuck),
        }
    }
    Ok(Ast::sequence(left.parts))
}

fn min_chars_of(left: &Left) -> u32 {
    left.parts.iter().map(min_chars).fold(0, u32::saturating_add)
}

fn is_zero_width(ast: &Ast) -> bool {
    match ast {
        Ast::Start | Ast::End | Ast::WordBoundary { .. } | Ast::Look { .. } | Ast::Epsilon => true,
        Ast::Concat(parts) | Ast::Alternate(parts) => parts.iter().all(is_zero_width),
        _ => false,
    }
}

/// Whether `ast` asks what stands to its right.
pub(super) fn looks_right(ast: &Ast) -> bool {
    match ast {
        Ast::End | Ast::WordBoundary { .. } | Ast::Look { ahead: true, .. } => true,
        Ast::Look { inner, .. } | Ast::Not(inner) | Ast::Repeat { inner, .. } => looks_right(inner),
        Ast::Concat(parts) | Ast::Alternate(parts) | Ast::And(parts) => {
            parts.iter().any(looks_right)
        }
        Ast::Empty | Ast::Epsilon | Ast::Class(_) | Ast::Start | Ast::Automaton(_) => false,
    }
}

/// A boundary is a pair of one-character look-arounds. Most often the neighbours in the
/// pattern already decide one of them.
fn word_boundary(
    negate: bool,
    word: &CharSet,
    items: Vec<&Ast>,
    left: Left,
    budget: &mut u32,
    nesting: u32,
) -> Result<Ast, Stuck> {
    let (before, nothing_read) = edge(left.parts.iter().rev(), true);
    let unknown = nothing_read && !left.at_start;
    let may_before =
        [!before.is_subset(word) || nothing_read, unknown || !(&before & word).is_empty()];
    let (after, nothing_left) = edge(items.iter().rev().copied(), false);
    let may_after = [!after.is_subset(word) || nothing_left, !(&after & word).is_empty()];
    let class = Ast::Class(word.clone());
    let look =
        |ahead: bool, negate: bool| Ast::Look { inner: Box::new(class.clone()), ahead, negate };
    let mut options = Vec::new();
    for word_before in [false, true] {
        for word_after in [false, true] {
            let is_boundary = word_before != word_after;
            if is_boundary == negate
                || !may_before[usize::from(word_before)]
                || !may_after[usize::from(word_after)]
            {
                continue;
            }
            let behind = look(false, !word_before);
            let ahead = look(true, !word_after);
            let mut branch = items.clone();
            if may_after[usize::from(!word_after)] {
                branch.push(&ahead);
            }
            if may_before[usize::from(!word_before)] {
                branch.push(&behind);
            }
            options.push(eval(branch, left.clone(), budget, nesting + 1)?);
        }
    }
    Ok(Ast::any_of(options))
}
