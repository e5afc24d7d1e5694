use std::ops::Range;

/// Numbers gathered in their order: nodes, or places of tokens in the order of their bytes.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Ranges(pub(super) Vec<Range<u32>>);

impl Ranges {
    #[inline]
    pub(super) fn add(&mut self, range: Range<u32>) {
        match self.0.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ if range.is_empty() => {}
            _ => self.0.push(range),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().cloned().flatten()
    }

    /// Whether one of `numbers` is among them.
    pub(super) fn meets(&self, numbers: Range<u32>) -> bool {
        let at = self.0.partition_point(|range| range.end <= numbers.start);
        self.0.get(at).is_some_and(|range| range.start < numbers.end)
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|range| range.len()).sum()
    }

    /// Those for which `keep` holds.
    pub(super) fn filter(&self, mut keep: impl FnMut(u32) -> bool) -> Ranges {
        let mut kept = Ranges::default();
        self.iter().filter(|&number| keep(number)).for_each(|n| kept.add(n..n + 1));
        kept
    }

    pub(super) fn union(&self, other: &Ranges) -> Ranges {
        let mut ranges: Vec<&Range<u32>> = self.0.iter().chain(&other.0).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let mut union = Ranges::default();
        ranges.into_iter().for_each(|range| union.add(range.clone()));
        union
    }
}
