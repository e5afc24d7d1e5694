use crate::{Ast, CharSet};

/// Whether `ast`, with assertions taken as satisfied, matches the empty text. Exact where
/// there are no assertions.
pub(super) fn nullable(ast: &Ast) -> bool {
    match ast {
        Ast::Empty | Ast::Class(_) => false,
        Ast::Epsilon => true,
        Ast::Concat(parts) | Ast::And(parts) => parts.iter().all(nullable),
        Ast::Alternate(parts) => parts.iter().any(nullable),
        Ast::Not(inner) => !nullable(inner),
        Ast::Repeat { inner, min, .. } => *min == 0 || nullable(inner),
        Ast::Automaton(dfa) => dfa.accepts_empty(),
        Ast::Start | Ast::End | Ast::WordBoundary { .. } | Ast::Look { .. } => true,
    }
}

/// A lower bound of the length in characters.
pub(super) fn min_chars(ast: &Ast) -> u32 {
    match ast {
        Ast::Class(_) => 1,
        Ast::Concat(parts) => parts.iter().map(min_chars).fold(0, u32::saturating_add),
        Ast::Alternate(parts) => parts.iter().map(min_chars).min().unwrap_or(0),
        Ast::And(parts) => parts.iter().map(min_chars).max().unwrap_or(0),
        Ast::Repeat { inner, min, .. } => min_chars(inner).saturating_mul(*min),
        _ => 0,
    }
}

/// An upper bound of the length in characters, if there is one.
pub(super) fn max_chars(ast: &Ast) -> Option<u32> {
    match ast {
        Ast::Class(_) => Some(1),
        Ast::Concat(parts) => {
            parts.iter().try_fold(0u32, |sum, part| sum.checked_add(max_chars(part)?))
        }
        Ast::Alternate(parts) => {
            parts.iter().try_fold(0, |most, part| Some(max_chars(part)?.max(most)))
        }
        Ast::And(parts) => parts.iter().filter_map(max_chars).min(),
        Ast::Repeat { inner, max, .. } => max_chars(inner)?.checked_mul((*max)?),
        Ast::Not(_) | Ast::Automaton(_) => None,
        _ => Some(0),
    }
}

/// The characters that a text of `parts` may begin with (or, from the back, end with), and
/// whether the text may be empty. Both are upper bounds.
pub(super) fn edge<'a>(parts: impl Iterator<Item = &'a Ast>, from_back: bool) -> (CharSet, bool) {
    let mut set = CharSet::empty();
    for part in parts {
        let (more, empty) = edge_of(part, from_back);
        set = &set | &more;
        if !empty {
            return (set, false);
        }
    }
    (set, true)
}

fn edge_of(ast: &Ast, from_back: bool) -> (CharSet, bool) {
    match ast {
        Ast::Empty => (CharSet::empty(), false),
        Ast::Class(set) => (set.clone(), false),
        Ast::Concat(parts) if from_back => edge(parts.iter().rev(), true),
        Ast::Concat(parts) => edge(parts.iter(), false),
        Ast::Alternate(parts) => {
            parts.iter().fold((CharSet::empty(), false), |(set, empty), part| {
                let (more, nothing) = edge_of(part, from_back);
                (&set | &more, empty || nothing)
            })
        }
        Ast::Repeat { max: Some(0), .. } => (CharSet::empty(), true),
        Ast::Repeat { inner, min, .. } => {
            let (set, empty) = edge_of(inner, from_back);
            (set, empty || *min == 0)
        }
        Ast::And(_) | Ast::Not(_) | Ast::Automaton(_) => (CharSet::any(), nullable(ast)),
        Ast::Epsilon | Ast::Start | Ast::End | Ast::WordBoundary { .. } | Ast::Look { .. } => {
            (CharSet::empty(), true)
        }
    }
}
