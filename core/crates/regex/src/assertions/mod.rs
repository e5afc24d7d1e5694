//! Anchors, word boundaries and look-around, removed exactly.
//!
//! Where assertions stand outside of repetitions they become intersections and complements
//! in place (`direct`), which keeps counted repetitions symbolic. Elsewhere, as in
//! `(?:(?!end).)*`, the language is still regular: it is explored as a deterministic
//! automaton over classes of characters (`explore`).

mod derive;
mod direct;
mod edges;
mod explore;
#[cfg(test)]
mod tests;

use structgen_automaton::pace;

use crate::Ast;
use crate::parse::{RegexErrorKind, RegexSyntaxError};

/// The texts that `ast` matches from end to end, without assertions.
pub fn full_match(ast: Ast) -> Result<Ast, RegexSyntaxError> {
    resolve(vec![ast])
}

/// The texts in which `ast` is found, without assertions.
pub fn search(ast: Ast) -> Result<Ast, RegexSyntaxError> {
    resolve(vec![Ast::any_text(), ast, Ast::any_text()])
}

/// What `parts` match one after the other. They are not copied: there may be millions of nodes.
fn resolve(parts: Vec<Ast>) -> Result<Ast, RegexSyntaxError> {
    if parts.iter().all(|part| !part.has_assertions()) {
        return Ok(Ast::sequence(parts));
    }
    match direct::resolve(&parts) {
        Ok(ast) => Ok(ast),
        Err(direct::Stuck) => {
            pace(0).map_err(RegexSyntaxError::stopped)?;
            explore::resolve(&Ast::Concat(parts))
        }
    }
}

fn unsupported(feature: &'static str) -> RegexSyntaxError {
    let message = format!("{feature} are not supported");
    RegexSyntaxError::of_the_whole(RegexErrorKind::Unsupported { feature }, message)
}

fn limit(name: &'static str, limit: u64) -> RegexSyntaxError {
    let message = format!("assertions inside repetitions need more than {limit} ({name})");
    RegexSyntaxError::of_the_whole(RegexErrorKind::Limit { name, limit }, message)
}
