//! Many masks in one call: rows of a batch on a few threads, nodes of a draft tree.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use structgen_vocab::TokenId;

use crate::compiled::Position;
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
    let threads = match threads {
        0 if cursors.len() < ROWS_PER_THREAD => 1,
        0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
        n => n,
    }
    .min(cursors.len().max(1));
    if threads == 1 {
        for (cursor, row) in cursors.iter().zip(rows) {
            fill(cursor, row)?;
        }
        return Ok(());
    }
    let jobs: Vec<Mutex<Option<&mut [u32]>>> =
        rows.into_iter().map(|row| Mutex::new(Some(row))).collect();
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let work = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let (Some(cursor), Some(job)) = (cursors.get(i), jobs.get(i)) else { break };
            let Some(row) = job.lock().unwrap_or_else(PoisonError::into_inner).take() else {
                break;
            };
            if let Err(error) = fill(cursor, row) {
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                // Nobody will look at the other rows.
                next.store(cursors.len(), Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        // This thread works, too: a host may only tell its own thread of an interrupt.
        work();
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Below this many rows a second thread costs more than it brings: a warm row is a copy of
/// some 16 KiB, a thread some 20 us.
const ROWS_PER_THREAD: usize = 16;

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
