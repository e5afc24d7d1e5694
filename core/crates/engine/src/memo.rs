//! Masks that are remembered.

use rustc_hash::FxHashMap;
use structgen_automaton::StateId;
use structgen_vocab::TokenMask;

/// Masks by state, in pages.
///
/// A mask in which few words have a bit is kept as these words, each after its number.
///
/// PERF: a mask of 16 KiB that is allocated alone makes malloc look through what was freed since
/// the last one, which took a third of the time of a narrow mask. And pages go back to the system
/// as a whole.
pub(crate) struct MaskMemo {
    /// Words of a mask.
    words: usize,
    places: FxHashMap<StateId, Place>,
    pages: Vec<Vec<u32>>,
    cleared: u64,
}

#[derive(Clone, Copy)]
struct Place {
    page: u32,
    start: u32,
    /// Numbers that were written: as many as a mask has words, or two for each word with a bit.
    len: u32,
}

/// Masks for which the first page has room, and the largest: each has twice the room of the one
/// before.
const FIRST_MASKS: usize = 2;
const MOST_MASKS: usize = 64;

/// A mask is kept as single words if at most one in so many has a bit.
const SPARSE: usize = 8;

impl MaskMemo {
    pub(crate) fn new(words: usize) -> Self {
        MaskMemo { words, places: FxHashMap::default(), pages: Vec::new(), cleared: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Of all pages.
    pub(crate) fn bytes(&self) -> usize {
        let numbers: usize = self.pages.iter().map(Vec::capacity).sum();
        numbers * 4 + self.places.capacity() * 17
    }

    /// How often everything was forgotten.
    pub(crate) fn cleared(&self) -> u64 {
        self.cleared
    }

    pub(crate) fn knows(&self, state: StateId) -> bool {
        self.places.contains_key(&state)
    }

    /// Writes the mask of `state` into `row`, if it is known.
    #[inline]
    pub(crate) fn fill(&self, state: StateId, row: &mut [u32]) -> bool {
        let Some(&Place { page, start, len }) = self.places.get(&state) else { return false };
        let found = &self.pages[page as usize][start as usize..(start + len) as usize];
        if found.len() == self.words {
            row.copy_from_slice(found);
            return true;
        }
        row.fill(0);
        for pair in found.chunks_exact(2) {
            row[pair[0] as usize] = pair[1];
        }
        true
    }

    /// Remembers `mask`; whatever else is known is forgotten first if it takes `most` bytes.
    pub(crate) fn insert(&mut self, state: StateId, mask: &TokenMask, most: usize) {
        if self.places.contains_key(&state) {
            return;
        }
        let words = mask.runs().flat_map(|(_, words)| words);
        let with_bits = words.filter(|&&word| word != 0).count();
        let sparse = with_bits <= self.words / SPARSE;
        let len = if sparse { 2 * with_bits } else { self.words };
        if self.pages.last().is_none_or(|page| page.capacity() - page.len() < len) {
            if self.bytes() + self.next_page() * 4 > most && !self.pages.is_empty() {
                self.clear();
            }
            self.pages.push(Vec::with_capacity(self.next_page()));
        }
        let page = self.pages.len() - 1;
        let start = self.pages[page].len() as u32;
        match sparse {
            true => append_words(&mut self.pages[page], mask),
            false => self.pages[page].extend_from_slice(mask.words()),
        }
        self.places.insert(state, Place { page: page as u32, start, len: len as u32 });
    }

    /// Numbers for which the next page has room.
    fn next_page(&self) -> usize {
        (FIRST_MASKS << self.pages.len().min(16)).min(MOST_MASKS) * self.words
    }

    pub(crate) fn clear(&mut self) {
        self.places = FxHashMap::default();
        self.pages = Vec::new();
        self.cleared += 1;
    }
}

/// Appends the words of `mask` that have a bit, each after its number.
fn append_words(page: &mut Vec<u32>, mask: &TokenMask) {
    // Most are zero, also where something was written: they are looked at by the cache line.
    const LINE: usize = 16;
    for (first, words) in mask.runs() {
        for (line, words) in words.chunks(LINE).enumerate() {
            if words.iter().fold(0, |all, word| all | word) == 0 {
                continue;
            }
            for (i, &word) in words.iter().enumerate() {
                if word != 0 {
                    page.extend([(first + line * LINE + i) as u32, word]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_found_again_until_there_are_too_many() {
        const WORDS: usize = 40;
        let mask_of = |state: u32| -> Vec<u32> {
            // From none to all.
            (0..WORDS as u32).map(|word| if word * 3 < state % 130 { state } else { 0 }).collect()
        };
        for most in [usize::MAX, 60_000] {
            let mut memo = MaskMemo::new(WORDS);
            let mut row = vec![7; WORDS];
            for state in 1..=1000 {
                memo.insert(StateId(state), &TokenMask::of_words(mask_of(state).into()), most);
                assert!(memo.bytes() <= most);
                for earlier in [state, state / 2 + 1, 1] {
                    let known = memo.knows(StateId(earlier));
                    assert!(known || (most < usize::MAX && earlier < state));
                    row.fill(7);
                    assert_eq!(memo.fill(StateId(earlier), &mut row), known);
                    let expected = if known { mask_of(earlier) } else { vec![7; WORDS] };
                    assert_eq!(row, expected);
                }
            }
            assert_eq!(memo.cleared() == 0, most == usize::MAX);
            memo.clear();
            assert_eq!((memo.len(), memo.bytes()), (0, 0));
        }
    }
}
