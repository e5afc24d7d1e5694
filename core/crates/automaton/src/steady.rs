//! A vector that grows a little at a time.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

/// Items up to which it grows as a vector does.
const FIRST: usize = 1 << 15;
const PAGE_BITS: u32 = 14;
const PAGE: usize = 1 << PAGE_BITS;

/// A vector whose pushes all take about as long.
///
/// A vector that is full moves everything that it holds: several tables of a million items beside
/// each other take some 20 ms when they grow at once. Here only the first items move; what follows
/// lies in pages that stay where they are.
///
/// What was [shared](Self::share) comes before them, and is not copied when the vector is: only
/// when one of these items changes.
///
/// PERF: the first items are found as in any vector, by one comparison, and those that are shared
/// by another one, which chooses between two places and is no jump.
#[derive(Clone, Debug)]
pub struct SteadyVec<T> {
    shared: Arc<[T]>,
    first: Vec<T>,
    pages: Vec<Vec<T>>,
}

impl<T> Default for SteadyVec<T> {
    fn default() -> Self {
        SteadyVec { shared: Arc::default(), first: Vec::new(), pages: Vec::new() }
    }
}

impl<T> SteadyVec<T> {
    /// Appends an item.
    #[inline]
    pub fn push(&mut self, item: T) {
        if self.first.len() < FIRST {
            self.first.push(item);
            return;
        }
        match self.pages.last_mut().filter(|page| page.len() < PAGE) {
            Some(page) => page.push(item),
            None => {
                let mut page = Vec::with_capacity(PAGE);
                page.push(item);
                self.pages.push(page);
            }
        }
    }

    /// The item at `index`, if it is there.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        match self.find(index) {
            Some(item) => Some(item),
            None => self.get_in_pages(index),
        }
    }

    /// The item at `index`, if it is in no page.
    #[inline]
    fn find(&self, index: usize) -> Option<&T> {
        let shared = self.shared.len();
        let (items, index) = match index < shared {
            true => (&*self.shared, index),
            false => (&*self.first, index - shared),
        };
        items.get(index)
    }

    #[cold]
    fn get_in_pages(&self, index: usize) -> Option<&T> {
        let index = index.checked_sub(self.shared.len() + FIRST)?;
        self.pages.get(index >> PAGE_BITS)?.get(index & (PAGE - 1))
    }

    /// Number of items.
    #[inline]
    pub fn len(&self) -> usize {
        let own = match self.pages.last() {
            Some(page) => FIRST + (self.pages.len() - 1) * PAGE + page.len(),
            None => self.first.len(),
        };
        self.shared.len() + own
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An estimate of the bytes held, those that are shared included.
    pub fn bytes(&self) -> usize {
        let items: usize = self.pages.iter().map(Vec::capacity).sum();
        (self.shared.len() + self.first.capacity() + items) * size_of::<T>()
            + self.pages.capacity() * size_of::<Vec<T>>()
    }
}

impl<T: Clone> SteadyVec<T> {
    /// Lets copies of the vector share what it holds now.
    pub fn share(&mut self) {
        if self.shared.len() < self.len() {
            let own = self.first.drain(..).chain(self.pages.drain(..).flatten());
            self.shared = self.shared.iter().cloned().chain(own).collect();
            self.first = Vec::new();
        }
    }

    /// Appends `item` until there are `len`.
    pub fn pad(&mut self, len: usize, item: &T) {
        while self.len() < len {
            self.push(item.clone());
        }
    }

    /// Sets all items.
    pub fn fill(&mut self, item: &T) {
        let shared = Arc::make_mut(&mut self.shared).iter_mut();
        let items = shared.chain(&mut self.first).chain(self.pages.iter_mut().flatten());
        items.for_each(|old| old.clone_from(item));
    }
}

impl<T> Index<usize> for SteadyVec<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        match self.find(index) {
            Some(item) => item,
            None => {
                let index = index - self.shared.len() - FIRST;
                &self.pages[index >> PAGE_BITS][index & (PAGE - 1)]
            }
        }
    }
}

impl<T: Clone> IndexMut<usize> for SteadyVec<T> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        let Some(own) = index.checked_sub(self.shared.len()) else {
            return &mut Arc::make_mut(&mut self.shared)[index];
        };
        match self.first.get_mut(own) {
            Some(item) => item,
            None => &mut self.pages[(own - FIRST) >> PAGE_BITS][(own - FIRST) & (PAGE - 1)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_is_found() {
        let mut vector = SteadyVec::default();
        let mut expected = Vec::new();
        for i in 0..FIRST + 3 * PAGE + 7 {
            vector.push(i);
            expected.push(i);
        }
        vector[PAGE] = 0;
        vector[FIRST + PAGE] = 0;
        expected[PAGE] = 0;
        expected[FIRST + PAGE] = 0;
        vector.pad(expected.len() + 2, &9);
        expected.extend([9, 9]);
        assert_eq!(vector.len(), expected.len());
        assert!(expected.iter().enumerate().all(|(i, item)| vector[i] == *item));
        assert_eq!((vector.get(expected.len()), vector.get(5)), (None, Some(&5)));
        assert!(vector.bytes() < (FIRST + 4 * PAGE + 100) * size_of::<usize>());
        let mut copy = vector.clone();
        copy.share();
        assert!(!copy.is_empty() && SteadyVec::<usize>::default().is_empty());
        let mut other = copy.clone();
        other.push(7);
        other[3] = 8;
        expected.push(7);
        for (index, item) in expected.iter().enumerate() {
            assert_eq!(other[index], if index == 3 { 8 } else { *item });
            assert_eq!(copy.get(index), vector.get(index));
        }
        assert_eq!((other.len(), other.get(expected.len())), (expected.len(), None));
        other.share();
        assert!((0..other.len()).all(|i| i == 3 || other[i] == expected[i]));
        other.fill(&1);
        assert!((0..other.len()).all(|i| other[i] == 1));
        vector.fill(&1);
        assert!((0..vector.len()).all(|i| vector[i] == 1));
    }
}
