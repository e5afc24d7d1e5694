//! Many masks in one call: rows of a batch on a few threads, nodes of a draft tree.

use structgen_vocab::TokenId;

use crate::compiled::Position;
use crate::spread::spread;
use crate::{Cursor, EngineError};

/// Writes the mask of each position into its slice of words.
///
/// `threads` = 0 takes one thread up to a handful of rows, then as many as the machine has.
/// The first error is returned; rows of others may have been written.
pub fn fill_rows(
    cursors: &[Cursor],
    rows: Vec<&mut [u32]>,
    threads: usize,
) -> Result<(), EngineError> {
    spread(cursors.iter().zip(rows).collect(), threads, |(cursor, row)| fill(cursor, row))
}

/// Writes the mask at `cursor` into `row`, which must be as wide as the vocabulary's masks.
pub fn fill(cursor: &Cursor, row: &mut [u32]) -> Result<(), EngineError> {
    row.copy_from_slice(cursor.tokens.mask(cursor.at)?.words());
    Ok(())
}

/// Masks *after* each node of a tree of drafted tokens. Node i stands for `tokens[i]` after its
/// parent: an earlier node, or `cursor` (None). Returns which nodes the
/// constraint allows; rows of the others are all zero.
pub fn fill_tree(
    cursor: &Cursor,
    tokens: &[TokenId],
    parents: &[Option<usize>],
    rows: Vec<&mut [u32]>,
) -> Result<Vec<bool>, EngineError> {
    let automaton = &cursor.tokens;
    let mut positions: Vec<Position> = Vec::with_capacity(tokens.len());
    for (i, (&token, row)) in tokens.iter().zip(rows).enumerate() {
        let before = match parents[i] {
            None => cursor.at,
            Some(parent) if parent < i => positions[parent],
            Some(_) => return Err(EngineError::MalformedTree { node: i }),
        };
        let at = automaton.advance(before, token)?;
        positions.push(at);
        if at == Position::DEAD {
            row.fill(0);
        } else {
            row.copy_from_slice(automaton.mask(at)?.words());
        }
    }
    Ok(positions.into_iter().map(|at| at != Position::DEAD).collect())
}
