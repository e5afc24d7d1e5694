//! Many masks in one call: rows of a batch on a few threads, nodes of a draft tree.

use rustc_hash::FxHashMap;
use structgen_vocab::TokenId;

use crate::compiled::{Position, Tokens};
use crate::spread::{all_threads, spread};
use crate::{Cursor, EngineError};

/// Memoised rows up to which the calling thread copies them alone: 16 KiB each, in less time than
/// it takes to wake another thread.
const COPIES: usize = 128;

/// Writes the mask of each position into its row of words.
///
/// On at most `threads` threads, 0 for as many as the machine has. Positions of one constraint take
/// turns, unless their masks are memoised, so it is constraints that are shared out. The first
/// error is returned; rows of others may have been written.
pub fn fill_rows(
    cursors: &[Cursor],
    rows: &mut [&mut [u32]],
    threads: usize,
) -> Result<(), EngineError> {
    let threads = if threads == 0 { all_threads() } else { threads };
    let fill = |(cursor, row): (&Cursor, &mut &mut [u32])| cursor.tokens.fill_mask(cursor.at, row);
    let mut all = cursors.iter().zip(rows);
    if threads == 1 || cursors.len() == 1 {
        return all.try_for_each(fill);
    }
    let mut known = Vec::new();
    let mut unknown: FxHashMap<u64, Vec<_>> = FxHashMap::default();
    for (cursor, row) in all {
        match cursor.tokens.knows_mask(cursor.at) {
            true => known.push((cursor, row)),
            false => {
                unknown.entry(cursor.tokens.generation()).or_default().push((cursor, row));
            }
        }
    }
    let mut jobs: Vec<Vec<_>> = unknown.into_values().collect();
    // The longest first: whoever is done early takes what is short.
    jobs.sort_unstable_by_key(|jobs| std::cmp::Reverse(jobs.len()));
    while !known.is_empty() {
        jobs.push(known.split_off(known.len().saturating_sub(COPIES)));
    }
    spread(jobs, threads, |rows| rows.into_iter().try_for_each(fill))
}

/// Masks *after* each node of a tree of drafted tokens. Node i stands for `tokens[i]` after its
/// parent: an earlier node, or `root` (None). Returns which nodes the
/// constraint allows; rows of the others are all zero.
pub fn fill_tree(
    automaton: &Tokens,
    root: Position,
    tokens: &[TokenId],
    parents: &[Option<usize>],
    rows: &mut [&mut [u32]],
) -> Result<Vec<bool>, EngineError> {
    let mut positions: Vec<Position> = Vec::with_capacity(tokens.len());
    for (i, (&token, row)) in tokens.iter().zip(rows).enumerate() {
        let before = match parents[i] {
            None => root,
            Some(parent) if parent < i => positions[parent],
            Some(_) => return Err(EngineError::MalformedTree { node: i }),
        };
        let at = automaton.advance(before, token)?;
        positions.push(at);
        match at {
            Position::DEAD => row.fill(0),
            at => automaton.fill_mask(at, row)?,
        }
    }
    Ok(positions.into_iter().map(|at| at != Position::DEAD).collect())
}
