//! A vector that grows a little at a time.

use std::ops::{Index, IndexMut};

const PAGE_BITS: u32 = 14;
const PAGE: usize = 1 << PAGE_BITS;

/// A vector whose pushes all take about as long.
///
/// A vector that is full moves everything that it holds: several tables of a million items beside
/// each other take some 20 ms when they grow at once. Here a full page stays where it is, and only
/// the first page grows as a vector does.
#[derive(Clone, Debug)]
pub struct SteadyVec<T> {
    pages: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for SteadyVec<T> {
    fn default() -> Self {
        SteadyVec { pages: Vec::new(), len: 0 }
    }
}

impl<T> SteadyVec<T> {
    /// Appends an item.
    #[inline]
    pub fn push(&mut self, item: T) {
        if self.len & (PAGE - 1) == 0 {
            let first = self.pages.is_empty();
            self.pages.push(if first { Vec::new() } else { Vec::with_capacity(PAGE) });
        }
        self.pages[self.len >> PAGE_BITS].push(item);
        self.len += 1;
    }

    /// The item at `index`, if it is there.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        self.pages.get(index >> PAGE_BITS)?.get(index & (PAGE - 1))
    }

    /// Number of items.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// An estimate of the bytes held.
    pub fn bytes(&self) -> usize {
        let items: usize = self.pages.iter().map(Vec::capacity).sum();
        items * size_of::<T>() + self.pages.capacity() * size_of::<Vec<T>>()
    }
}

impl<T: Clone> SteadyVec<T> {
    /// Appends `item` until there are `len`.
    pub fn pad(&mut self, len: usize, item: &T) {
        while self.len < len {
            self.push(item.clone());
        }
    }

    /// Sets all items.
    pub fn fill(&mut self, item: &T) {
        self.pages.iter_mut().flatten().for_each(|old| old.clone_from(item));
    }
}

impl<T> Index<usize> for SteadyVec<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        &self.pages[index >> PAGE_BITS][index & (PAGE - 1)]
    }
}

impl<T> IndexMut<usize> for SteadyVec<T> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        &mut self.pages[index >> PAGE_BITS][index & (PAGE - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_is_found() {
        let mut vector = SteadyVec::default();
        let mut expected = Vec::new();
        for i in 0..3 * PAGE + 7 {
            vector.push(i);
            expected.push(i);
        }
        vector[PAGE] = 0;
        expected[PAGE] = 0;
        vector.pad(expected.len() + 2, &9);
        expected.extend([9, 9]);
        assert_eq!(vector.len(), expected.len());
        assert!(expected.iter().enumerate().all(|(i, item)| vector[i] == *item));
        assert_eq!((vector.get(expected.len()), vector.get(5)), (None, Some(&5)));
        assert!(vector.bytes() < (4 * PAGE + 100) * size_of::<usize>());
        vector.fill(&1);
        assert!((0..vector.len()).all(|i| vector[i] == 1));
    }
}
