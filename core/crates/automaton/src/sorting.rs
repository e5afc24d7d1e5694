//! Sorting what may be large.

use std::collections::BTreeSet;

use crate::{AutomatonError, pace};

/// Up to so many are sorted at once: a millisecond or two.
const AT_ONCE: usize = 16_384;

/// Sorts `items`, and drops those that are there already. A sort cannot be given up; beyond some
/// thousands a tree takes in one after the other, in about the same time.
pub fn sorted_set<T: Ord>(mut items: Vec<T>) -> Result<Vec<T>, AutomatonError> {
    let mut before: Option<&T> = None;
    let mut in_order = true;
    for item in &items {
        pace(0)?;
        in_order = before.replace(item).is_none_or(|last| last < item);
        if !in_order {
            break;
        }
    }
    if in_order {
        return Ok(items);
    }
    if items.len() <= AT_ONCE {
        items.sort_unstable();
        items.dedup();
        return Ok(items);
    }
    let mut set = BTreeSet::new();
    for item in items {
        pace(0)?;
        set.insert(item);
    }
    Ok(set.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_few_and_many() {
        for count in [0, 1, 5, AT_ONCE as u64 * 3] {
            let items: Vec<u64> =
                (0..count).map(|i| i.wrapping_mul(0x9E37_79B9) % 50_000).collect();
            let mut expected = items.clone();
            expected.sort_unstable();
            expected.dedup();
            assert_eq!(sorted_set(items), Ok(expected.clone()));
            assert_eq!(sorted_set(expected.clone()), Ok(expected));
        }
    }
}
