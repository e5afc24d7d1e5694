use std::ops::Range;

use crate::{CharGroups, TokenId};

/// A node of a [`TokenTrie`]: its place in depth-first order.
pub type NodeId = u32;

/// Follows bytes; what the trie needs to know of any automaton.
pub trait ByteWalker {
    /// A position after some bytes.
    type State: Copy;
    /// Why a walk can fail.
    type Error;
    /// The position after one more byte; None if no text goes on that way.
    fn step(&mut self, state: Self::State, byte: u8) -> Result<Option<Self::State>, Self::Error>;
    /// A bit for each byte: those by which `step` may lead anywhere, as far as is plain to see.
    fn live(&mut self, _state: Self::State) -> [u64; 4] {
        [u64::MAX; 4]
    }
}

#[derive(Clone, Copy, Debug)]
struct Node {
    byte: u8,
    /// Of the characters on all ways below.
    groups: CharGroups,
    /// Number of bytes from the root; at most [`TokenTrie::MAX_TOKEN_BYTES`].
    depth: u16,
    /// Bytes of the longest way below.
    height: u16,
    /// Of the bytes from the root, those with which a character of UTF-8 begins.
    chars: u16,
    /// One past the last node of this subtree.
    end: NodeId,
    /// Tokens that end here: `tokens[first_token..next node's first_token]`.
    first_token: u32,
    /// One past the last token at or below.
    end_token: u32,
}

/// Byte strings of tokens as a trie in flat depth-first order, so that a walk is one forward
/// scan and leaving out a subtree is one jump.
///
/// Several tokens may have the same bytes.
#[derive(Clone, Debug)]
pub struct TokenTrie {
    /// `nodes[0]` is the root; the last node is a sentinel that closes the token ranges.
    nodes: Vec<Node>,
    tokens: Vec<TokenId>,
    /// By place, what [`Node::chars`] is of the node where the token ends.
    chars: Vec<u16>,
    kids: Kids,
    /// The children of the root by byte, 0 for none: looked up for every byte of a text.
    first: Box<[NodeId; 256]>,
}

/// The children of all nodes in the order of the nodes, those of one in the order of their bytes.
///
/// PERF: in depth-first order the children of a node lie far apart, and a walk mostly finds that
/// they lead nowhere. Here it reads their bytes, side by side, and visits the others.
#[derive(Clone, Debug)]
struct Kids {
    /// Of node i: `starts[i]..starts[i + 1]`.
    starts: Vec<u32>,
    bytes: Vec<u8>,
    nodes: Vec<NodeId>,
}

impl Kids {
    /// Of finished nodes, the last of which is the sentinel.
    fn new(nodes: &[Node]) -> Self {
        let count = nodes.len() - 1;
        let mut starts = Vec::with_capacity(count + 1);
        let mut kids = Kids { starts: Vec::new(), bytes: Vec::new(), nodes: Vec::new() };
        kids.bytes.reserve_exact(count);
        kids.nodes.reserve_exact(count);
        for (id, node) in nodes[..count].iter().enumerate() {
            starts.push(kids.nodes.len() as u32);
            let mut child = id as NodeId + 1;
            while child < node.end {
                kids.bytes.push(nodes[child as usize].byte);
                kids.nodes.push(child);
                child = nodes[child as usize].end;
            }
        }
        starts.push(kids.nodes.len() as u32);
        Kids { starts, ..kids }
    }

    #[inline]
    fn range(&self, node: NodeId) -> Range<usize> {
        self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize
    }

    fn memory(&self) -> usize {
        size_of_val(&self.starts[..]) + self.bytes.len() + size_of_val(&self.nodes[..])
    }
}

/// A node of a walk: its state, and those of its children that are still to be visited.
struct Level<S> {
    state: S,
    live: [u64; 4],
    kids: Range<usize>,
}

impl Node {
    fn new(byte: u8, depth: u16, first_token: u32) -> Self {
        Node {
            byte,
            groups: CharGroups::NONE,
            depth,
            height: 0,
            chars: 0,
            end: 0,
            first_token,
            end_token: 0,
        }
    }
}

impl TokenTrie {
    /// The longest token that can be stored.
    pub const MAX_TOKEN_BYTES: usize = u16::MAX as usize - 1;

    /// Builds the trie of `(bytes, token)` entries, each at most [`Self::MAX_TOKEN_BYTES`] long.
    pub fn new(mut entries: Vec<(&[u8], TokenId)>) -> Self {
        entries.sort_unstable();
        Self::of_sorted(entries.into_iter())
    }

    /// The same of entries in the order of their bytes, and of ids where bytes are equal.
    pub(crate) fn of_sorted<'a>(
        entries: impl ExactSizeIterator<Item = (&'a [u8], TokenId)>,
    ) -> Self {
        let mut nodes: Vec<Node> = Vec::with_capacity(2 + 3 * entries.len());
        nodes.push(Node::new(0, 0, 0));
        let mut tokens = Vec::with_capacity(entries.len());
        let mut chars = Vec::with_capacity(entries.len());
        let mut open: Vec<NodeId> = vec![0];
        let mut groups: Vec<CharGroups> = Vec::new();
        let mut previous: &[u8] = &[];
        for (bytes, token) in entries {
            let common = previous.iter().zip(bytes).take_while(|(a, b)| a == b).count();
            while open.len() > common + 1 {
                if let Some(closed) = open.pop() {
                    let end = nodes.len() as NodeId;
                    let closed = &mut nodes[closed as usize];
                    (closed.end, closed.end_token) = (end, tokens.len() as u32);
                }
            }
            for (depth, &byte) in bytes.iter().enumerate().skip(common) {
                let before = nodes[open[depth] as usize].chars;
                let begins = byte & 0xC0 != 0x80;
                open.push(nodes.len() as NodeId);
                let node = Node::new(byte, depth as u16 + 1, tokens.len() as u32);
                nodes.push(Node { chars: before + u16::from(begins), ..node });
            }
            CharGroups::of_suffixes(bytes, &mut groups);
            for (depth, &node) in open.iter().enumerate() {
                let node = &mut nodes[node as usize];
                node.groups |= groups[depth];
                node.height = node.height.max((bytes.len() - depth) as u16);
            }
            // INVARIANT: sorted order means that a token's own node is the last one opened,
            // and that all tokens with equal bytes follow each other.
            tokens.push(token);
            chars.push(open.last().map_or(0, |&node| nodes[node as usize].chars));
            previous = bytes;
        }
        let end = nodes.len() as NodeId;
        for node in open {
            let node = &mut nodes[node as usize];
            (node.end, node.end_token) = (end, tokens.len() as u32);
        }
        nodes.push(Node { end, ..Node::new(0, 0, tokens.len() as u32) });
        let kids = Kids::new(&nodes);
        let mut first = Box::new([0; 256]);
        for at in kids.range(Self::ROOT) {
            first[kids.bytes[at] as usize] = kids.nodes[at];
        }
        nodes.shrink_to_fit();
        TokenTrie { nodes, tokens, chars, kids, first }
    }

    /// The root.
    pub const ROOT: NodeId = 0;

    /// Number of nodes, the root included.
    pub fn len(&self) -> usize {
        self.nodes.len() - 1
    }

    /// True if there is no token at all.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The most bytes of any token.
    pub fn height(&self) -> usize {
        self.height_below(Self::ROOT)
    }

    /// The bytes of the longest way from `node` to a token.
    #[inline]
    pub fn height_below(&self, node: NodeId) -> usize {
        self.nodes[node as usize].height as usize
    }

    /// The groups of all characters on ways from `node` to a token. A way that begins or ends
    /// inside a character has [`CharGroups::OTHER`].
    #[inline]
    pub fn groups_below(&self, node: NodeId) -> CharGroups {
        self.nodes[node as usize].groups
    }

    /// The memory held.
    pub fn bytes(&self) -> usize {
        size_of_val(self.nodes.as_slice())
            + size_of_val(self.tokens.as_slice())
            + size_of_val(self.chars.as_slice())
            + self.kids.memory()
            + size_of_val(&*self.first)
    }

    /// Tokens that end exactly at `node`.
    #[inline]
    pub fn tokens_at(&self, node: NodeId) -> &[TokenId] {
        self.tokens_in(self.places_at(node))
    }

    /// One past the last node of the subtree under `node`.
    pub fn end(&self, node: NodeId) -> NodeId {
        self.nodes[node as usize].end
    }

    /// The byte that leads to `node`.
    #[inline]
    pub fn byte(&self, node: NodeId) -> u8 {
        self.nodes[node as usize].byte
    }

    /// Number of bytes from the root to `node`.
    #[inline]
    pub fn depth(&self, node: NodeId) -> usize {
        self.nodes[node as usize].depth as usize
    }

    /// How many characters of UTF-8 begin in the bytes from the root to `node`.
    #[inline]
    pub fn chars(&self, node: NodeId) -> u16 {
        self.nodes[node as usize].chars
    }

    /// The same of the tokens at these places of the order of bytes, whole.
    #[inline]
    pub fn chars_in(&self, places: Range<u32>) -> &[u16] {
        &self.chars[places.start as usize..places.end as usize]
    }

    /// Tokens that end at `node` or below it.
    pub fn tokens_below(&self, node: NodeId) -> &[TokenId] {
        self.tokens_in(self.places(node))
    }

    /// Tokens that end below `node`, not at it.
    #[inline]
    pub fn tokens_strictly_below(&self, node: NodeId) -> &[TokenId] {
        self.tokens_in(self.places_below(node))
    }

    /// Of all tokens in the order of their bytes, those that end exactly at `node`.
    #[inline]
    pub fn places_at(&self, node: NodeId) -> Range<u32> {
        self.nodes[node as usize].first_token..self.nodes[node as usize + 1].first_token
    }

    /// Those that end below `node`, not at it.
    #[inline]
    pub fn places_below(&self, node: NodeId) -> Range<u32> {
        self.nodes[node as usize + 1].first_token..self.nodes[node as usize].end_token
    }

    /// Those at and below `node`.
    pub fn places(&self, node: NodeId) -> Range<u32> {
        self.nodes[node as usize].first_token..self.nodes[node as usize].end_token
    }

    /// Those that end exactly at one of these nodes, which follow each other.
    pub fn places_at_all(&self, nodes: Range<NodeId>) -> Range<u32> {
        self.nodes[nodes.start as usize].first_token..self.nodes[nodes.end as usize].first_token
    }

    /// The tokens at these places of the order of bytes.
    #[inline]
    pub fn tokens_in(&self, places: Range<u32>) -> &[TokenId] {
        &self.tokens[places.start as usize..places.end as usize]
    }

    /// The children of `node` with the byte that leads to each, in the order of these bytes.
    #[inline]
    pub fn children(&self, node: NodeId) -> impl Iterator<Item = (u8, NodeId)> + '_ {
        let range = self.kids.range(node);
        let bytes = self.kids.bytes[range.clone()].iter().copied();
        bytes.zip(self.kids.nodes[range].iter().copied())
    }

    /// The child of `node` by `byte`.
    pub fn child(&self, node: NodeId, byte: u8) -> Option<NodeId> {
        if node == Self::ROOT {
            let child = self.first[byte as usize];
            return (child != 0).then_some(child);
        }
        let range = self.kids.range(node);
        let at = self.kids.bytes[range.clone()].binary_search(&byte).ok()?;
        Some(self.kids.nodes[range.start + at])
    }

    /// The node below `from` at the end of `path`.
    pub fn descend(&self, from: NodeId, path: &[u8]) -> Option<NodeId> {
        path.iter().try_fold(from, |node, &byte| self.child(node, byte))
    }

    /// Entries `(bytes below node, token)` of the subtree under `node`, `node`'s own tokens
    /// with the empty string, but for subtrees that are not `wanted`.
    pub fn suffixes(
        &self,
        node: NodeId,
        wanted: impl Fn(NodeId) -> bool,
    ) -> Vec<(Vec<u8>, TokenId)> {
        let root_depth = self.depth(node);
        let mut path: Vec<u8> = Vec::new();
        let mut found = Vec::new();
        let mut id = node;
        while id < self.end(node) {
            if !wanted(id) {
                id = self.end(id);
                continue;
            }
            if id != node {
                path.truncate(self.depth(id) - root_depth - 1);
                path.push(self.byte(id));
            }
            found.extend(self.tokens_at(id).iter().map(|&t| (path.clone(), t)));
            id += 1;
        }
        found
    }

    /// Walks the subtree under `from`, whose state is `state`, and calls `visit` at every
    /// live node below it (not at `from` itself). Dead subtrees are skipped; `visit` may
    /// skip one too, by returning false.
    ///
    /// Cost: one `step` per live node, and per child of one by a byte that may be live.
    #[inline]
    pub fn walk<W: ByteWalker>(
        &self,
        from: NodeId,
        state: W::State,
        walker: &mut W,
        mut visit: impl FnMut(&mut W, NodeId, W::State) -> Result<bool, W::Error>,
    ) -> Result<(), W::Error> {
        let kids = self.kids.range(from);
        let mut stack = vec![Level { state, live: walker.live(state), kids }];
        while let Some(Level { state, live, kids }) = stack.last_mut() {
            let Some(at) = kids.next() else {
                stack.pop();
                continue;
            };
            let byte = self.kids.bytes[at];
            if live[usize::from(byte >> 6)] >> (byte & 63) & 1 == 0 {
                continue;
            }
            let child = self.kids.nodes[at];
            let Some(state) = walker.step(*state, byte)? else { continue };
            if visit(walker, child, state)? {
                let kids = self.kids.range(child);
                if !kids.is_empty() {
                    stack.push(Level { state, live: walker.live(state), kids });
                }
            }
        }
        Ok(())
    }

    /// The same for walks that go nearly everywhere, on the ways to tokens of more than `least`
    /// bytes alone.
    ///
    /// PERF: nodes are read in their order, and [`ByteWalker::live`] is not asked. In a string
    /// hardly any byte leads nowhere.
    #[inline]
    pub fn walk_beyond<W: ByteWalker>(
        &self,
        least: usize,
        from: NodeId,
        state: W::State,
        walker: &mut W,
        mut visit: impl FnMut(&mut W, NodeId, W::State) -> Result<bool, W::Error>,
    ) -> Result<(), W::Error> {
        let base = self.depth(from);
        let mut stack = vec![state];
        let mut id = from + 1;
        while id < self.end(from) {
            let node = self.nodes[id as usize];
            if usize::from(node.depth) + usize::from(node.height) <= least {
                id = node.end;
                continue;
            }
            let level = usize::from(node.depth) - base;
            match walker.step(stack[level - 1], node.byte)? {
                Some(next) if visit(walker, id, next)? => {
                    stack.truncate(level);
                    stack.push(next);
                    id += 1;
                }
                _ => id = node.end,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> TokenTrie {
        let words: [&[u8]; 7] = [b"a", b"ab", b"abc", b"b", b"ab", b"", b"ba"];
        TokenTrie::new(words.iter().enumerate().map(|(i, w)| (*w, TokenId(i as u32))).collect())
    }

    struct Only<'a>(&'a [u8]);
    impl ByteWalker for Only<'_> {
        type State = ();
        type Error = ();
        fn step(&mut self, (): (), byte: u8) -> Result<Option<()>, ()> {
            Ok(self.0.contains(&byte).then_some(()))
        }
    }

    #[test]
    fn tokens_with_equal_bytes_share_a_node() {
        let trie = sample();
        let ab = trie.child(trie.child(0, b'a').unwrap(), b'b').unwrap();
        assert_eq!(trie.tokens_at(ab), [TokenId(1), TokenId(4)]);
        assert_eq!(trie.tokens_below(ab), [TokenId(1), TokenId(4), TokenId(2)]);
        assert_eq!(trie.tokens_at(0), [TokenId(5)]);
    }

    #[test]
    fn a_walk_visits_exactly_the_live_nodes() {
        let trie = sample();
        let mut seen = Vec::new();
        trie.walk(0, (), &mut Only(b"ab"), |_, id, ()| {
            seen.extend_from_slice(trie.tokens_at(id));
            Ok(true)
        })
        .unwrap();
        seen.sort();
        assert_eq!(seen, [0, 1, 3, 4, 6].map(TokenId));
    }

    #[test]
    fn ways_below_a_node_are_described() {
        let words = ["ab", "a1 ", "a\u{e4}", "a\""];
        let mut entries: Vec<(&[u8], TokenId)> =
            words.iter().map(|word| (word.as_bytes(), TokenId(0))).collect();
        entries.push((b"a\xc3", TokenId(1)));
        let trie = TokenTrie::new(entries);
        let a = trie.child(0, b'a').unwrap();
        assert_eq!(trie.height_below(a), 2);
        let below = |byte| trie.groups_below(trie.child(a, byte).unwrap());
        assert_eq!(below(b'b'), CharGroups::NONE);
        assert_eq!(below(b'1'), CharGroups::of_ascii(b' '));
        // From inside a character.
        assert_eq!(below(0xc3), CharGroups::OTHER);
        assert!(!trie.groups_below(a).within(CharGroups::NON_ASCII));
        assert!(CharGroups::of_ascii(b'"').within(trie.groups_below(a)));
        // Characters that begin: one before, and the letter beyond ASCII is one.
        let beyond = trie.descend(a, "\u{e4}".as_bytes()).unwrap();
        assert_eq!((trie.chars(a), trie.chars(beyond)), (1, 2));
        let ends = |node| trie.chars_in(trie.places_at(node)).to_vec();
        assert_eq!(ends(trie.descend(a, b"1 ").unwrap()), [3]);
        assert_eq!(ends(beyond), [2]);
    }

    #[test]
    fn suffixes_below_a_node() {
        let trie = sample();
        let a = trie.child(0, b'a').unwrap();
        let mut found = trie.suffixes(a, |_| true);
        found.sort();
        let expected: Vec<(Vec<u8>, TokenId)> = vec![
            (vec![], TokenId(0)),
            (b"b".to_vec(), TokenId(1)),
            (b"b".to_vec(), TokenId(4)),
            (b"bc".to_vec(), TokenId(2)),
        ];
        assert_eq!(found, expected);
    }
}
