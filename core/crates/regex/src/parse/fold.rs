use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use crate::{CharSet, Dialect};

/// Everything that equals a member of `set` when case is ignored.
pub(crate) fn fold_case(set: &CharSet, dialect: Dialect, ascii: bool) -> CharSet {
    if ascii {
        let mut more = Vec::new();
        for &(first, last) in set.ranges() {
            for (from, to) in [(0x41, 0x61), (0x61, 0x41)] {
                let (low, high) = (first.max(from), last.min(from + 25));
                if low <= high {
                    more.push((low - from + to, high - from + to));
                }
            }
        }
        return set | &CharSet::from_code_points(more);
    }
    let ranges = set.ranges().iter().filter_map(|&(first, last)| {
        Some(ClassUnicodeRange::new(char::from_u32(first)?, char::from_u32(last)?))
    });
    let mut class = ClassUnicode::new(ranges);
    if class.try_case_fold_simple().is_err() {
        return set.clone();
    }
    let folded: CharSet = class.ranges().iter().map(|r| (r.start(), r.end())).collect();
    if dialect == Dialect::Python {
        return python_fold(&folded);
    }
    folded
}

/// Python compares simple lower-case mappings, with a table of extra cases; in addition to
/// simple folding that joins the dotted and dotless i's.
fn python_fold(folded: &CharSet) -> CharSet {
    let i = CharSet::of("iI\u{130}\u{131}");
    if (folded & &i).is_empty() { folded.clone() } else { folded | &i }
}
