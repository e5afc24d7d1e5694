//! Masks that are remembered.

use rustc_hash::FxHashMap;
use structgen_automaton::StateId;

/// Masks by state, in pages of rows.
///
/// PERF: a mask of 16 KiB that is allocated alone makes malloc look through what was freed since
/// the last one, which took a third of the time of a narrow mask. And pages go back to the system
/// as a whole.
pub(crate) struct MaskMemo {
    /// Words of a row.
    words: usize,
    rows: FxHashMap<StateId, Place>,
    pages: Vec<Vec<u32>>,
    cleared: u64,
}

#[derive(Clone, Copy)]
struct Place {
    page: u32,
    row: u32,
}

/// Rows of the first page, and of the largest: each has twice as many as the one before.
const FIRST_ROWS: usize = 2;
const MOST_ROWS: usize = 64;

impl MaskMemo {
    pub(crate) fn new(words: usize) -> Self {
        MaskMemo { words, rows: FxHashMap::default(), pages: Vec::new(), cleared: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Of all rows that there is room for.
    pub(crate) fn bytes(&self) -> usize {
        let words: usize = self.pages.iter().map(Vec::capacity).sum();
        words * 4 + self.rows.capacity() * 13
    }

    /// How often everything was forgotten.
    pub(crate) fn cleared(&self) -> u64 {
        self.cleared
    }

    #[inline]
    pub(crate) fn get(&self, state: StateId) -> Option<&[u32]> {
        let Place { page, row } = *self.rows.get(&state)?;
        let start = row as usize * self.words;
        Some(&self.pages[page as usize][start..start + self.words])
    }

    /// Remembers `mask`; whatever else is known is forgotten first if it is `most` masks.
    pub(crate) fn insert(&mut self, state: StateId, mask: &[u32], most: usize) {
        if self.rows.contains_key(&state) {
            return;
        }
        if self.rows.len() >= most {
            self.clear();
        }
        let full = |page: &Vec<u32>| page.capacity() - page.len() < self.words;
        if self.pages.last().is_none_or(full) {
            let rows = (FIRST_ROWS << self.pages.len().min(16)).min(MOST_ROWS);
            self.pages.push(Vec::with_capacity(rows * self.words));
        }
        let page = self.pages.len() - 1;
        let row = self.pages[page].len() / self.words.max(1);
        self.pages[page].extend_from_slice(mask);
        self.rows.insert(state, Place { page: page as u32, row: row as u32 });
    }

    pub(crate) fn clear(&mut self) {
        self.rows = FxHashMap::default();
        self.pages = Vec::new();
        self.cleared += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_again_until_there_are_too_many() {
        let mut memo = MaskMemo::new(3);
        for state in 1..=200 {
            memo.insert(StateId(state), &[state, 0, state * 7], 150);
            assert_eq!(memo.get(StateId(state)), Some(&[state, 0, state * 7][..]));
        }
        assert_eq!((memo.len(), memo.cleared()), (50, 1));
        for state in 1..=200 {
            let expected = (state > 150).then_some([state, 0, state * 7]);
            assert_eq!(memo.get(StateId(state)), expected.as_ref().map(|row| &row[..]));
        }
        memo.clear();
        assert_eq!((memo.len(), memo.bytes()), (0, 0));
    }
}
