use super::escapes::Escape;

/// A place in a set of words: what is left of those that begin with what has been read.
///
/// INVARIANT: the words numbered `from` to `to`, at least one, are all that begin with the first
/// `depth` bytes of each of them; after an escape that is half read, some of them go on with a
/// character that it may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cursor {
    pub(super) set: u32,
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) depth: u32,
    pub(super) escape: Escape,
}

impl Cursor {
    /// Before the first byte of a set of `count` words.
    pub(super) fn start(set: u32, count: u32) -> Self {
        Cursor { set, from: 0, to: count, depth: 0, escape: Escape::NONE }
    }

    /// What it is made of, but for the set.
    pub(super) fn numbers(self) -> [u128; 2] {
        let Cursor { from, to, depth, escape, .. } = self;
        let range = u128::from(from) << 32 | u128::from(to);
        [range, u128::from(depth) << 32 | u128::from(escape.number())]
    }
}
