//! The arena of hash-consed byte-level regular expressions.
//!
//! Expressions are nodes of a shared graph, built by smart constructors (`build`) that keep
//! them in a normal form, and explored by Brzozowski derivatives (`derive`). Emptiness and
//! shortest members, which with `&` and `~` are no longer visible in the syntax, are found
//! by exploring derivatives (`explore`).
//!
//! Brzozowski, *Derivatives of Regular Expressions* (1964); Owens, Reppy, Turon,
//! *Regular-expression derivatives reexamined* (2009).

mod booleans;
mod build;
mod classes;
mod conjunctions;
mod cover;
mod derive;
mod explore;
mod first;
mod idle;
mod lasting;
mod looks;
mod meeting;
mod node;
mod remainders;
mod system;
mod text;
mod witness;
mod words;

use rustc_hash::FxHashMap;
use structgen_automaton::{
    AutomatonError, CharSelection, LEX_HORIZON, LEX_NEAR_HORIZON, ShardedMap, ShardedTable,
    SteadyVec, pace,
};

use classes::ByteClasses;
pub(crate) use classes::Partition;
use lasting::Lasting;
pub(crate) use lasting::{lasting_bag, lasting_print};
use looks::Looks;
pub use node::ExprId;
pub(crate) use node::{INFINITE, Node};
use node::{Meta, fold, seed};
use remainders::Remainders;
use system::Named;
use text::{Demands, Text};
use witness::{Life, Words};
pub use words::WordCode;
use words::Words as SetsOfWords;
pub(crate) use words::{Cursor, WORTH_A_SET, escaped_len, is_escaped};

use crate::ByteSet;

/// Bounds of an arena and of what is built over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegexLimits {
    /// Expressions in one arena (about 100 bytes each).
    pub max_exprs: u32,
    /// States of one lazily built automaton.
    pub max_states: u32,
    /// Nesting of an expression, as far as a derivative has to descend into it.
    pub max_depth: u32,
}

impl Default for RegexLimits {
    fn default() -> Self {
        RegexLimits { max_exprs: 2_000_000, max_states: 1_000_000, max_depth: 1_000 }
    }
}

/// Parts of an alternation that are hashed and measured in the time of a node.
const KIDS_PER_STEP: u32 = 16;

/// An arena of byte-level regular expressions. See the module for the method.
#[derive(Clone, Debug)]
pub struct Exprs {
    limits: RegexLimits,
    poison: Option<AutomatonError>,
    nodes: SteadyVec<Node>,
    metas: SteadyVec<Meta>,
    /// The greatest depth of all of them.
    deepest: u32,
    texts: SteadyVec<Text>,
    demands: Demands,
    prints: SteadyVec<u128>,
    /// Prints that forget what no text within a horizon can tell; see
    /// [`Exprs::near_fingerprints`].
    near: [SteadyVec<u128>; 2],
    lasting: Lasting,
    table: ShardedTable<u32>,
    sets: Vec<ByteSet>,
    set_ids: FxHashMap<ByteSet, u32>,
    children: Vec<ExprId>,
    named: Vec<Named>,
    sets_of_words: SetsOfWords,
    remainders: Remainders,
    /// By an expression and a byte that stands for its class.
    derivatives: ShardedMap<u64, ExprId>,
    covers: FxHashMap<(ExprId, ExprId), bool>,
    /// Derivatives by sets of bytes that `covers` has asked for.
    heads: FxHashMap<(ExprId, ExprId), Option<ExprId>>,
    /// Emptiness of expressions with `&` or `~`, once known.
    live: ShardedMap<ExprId, Life>,
    words: Words,
    /// Whether classes have all of some characters.
    readers: FxHashMap<(ExprId, CharSelection), bool>,
    /// Length of the shortest member and its first byte, once known, for the same.
    nearest: ShardedMap<ExprId, (u32, u8)>,
    classes: ByteClasses,
    looks: Looks,
    marks: SteadyVec<u32>,
    epoch: u32,
    /// Whether alternatives are being compared.
    absorbing: bool,
    /// Elementary steps done, for fuel.
    work: u64,
    pub(crate) lowered: crate::lower::LowerCache,
}

impl Exprs {
    /// The empty language.
    pub const EMPTY: ExprId = ExprId(0);
    /// The language of the empty string.
    pub const EPSILON: ExprId = ExprId(1);
    /// All byte strings.
    pub const ANYTHING: ExprId = ExprId(3);

    /// An empty arena.
    pub fn new(limits: RegexLimits) -> Self {
        let mut exprs = Exprs {
            limits,
            poison: None,
            nodes: SteadyVec::default(),
            metas: SteadyVec::default(),
            deepest: 0,
            texts: SteadyVec::default(),
            demands: Demands::default(),
            prints: SteadyVec::default(),
            near: Default::default(),
            lasting: Lasting::default(),
            table: ShardedTable::default(),
            sets: Vec::new(),
            set_ids: FxHashMap::default(),
            children: Vec::new(),
            named: Vec::new(),
            sets_of_words: SetsOfWords::default(),
            remainders: Remainders::default(),
            derivatives: ShardedMap::default(),
            covers: FxHashMap::default(),
            heads: FxHashMap::default(),
            live: ShardedMap::default(),
            words: Words::default(),
            readers: FxHashMap::default(),
            nearest: ShardedMap::default(),
            classes: ByteClasses::default(),
            looks: Looks::default(),
            marks: SteadyVec::default(),
            epoch: 0,
            absorbing: false,
            work: 0,
            lowered: Default::default(),
        };
        exprs.intern(Node::Empty);
        exprs.intern(Node::Epsilon);
        let full = exprs.byte_set(ByteSet::FULL);
        exprs.intern(Node::Repeat(full, 0, INFINITE));
        debug_assert_eq!(exprs.nodes.len(), 4);
        exprs
    }

    /// Lets copies of the arena share most of what it holds now.
    pub fn share(&mut self) {
        self.nodes.share();
        self.metas.share();
        self.texts.share();
        self.prints.share();
        self.near.iter_mut().for_each(SteadyVec::share);
        self.marks.share();
        self.classes.share();
        self.looks.share();
    }

    /// The same expressions in an arena of their own, within other bounds.
    pub fn within(&self, limits: RegexLimits) -> Self {
        let mut exprs = Exprs { limits, ..self.clone() };
        if exprs.nodes.len() > limits.max_exprs as usize {
            exprs.poison("max_exprs", limits.max_exprs.into());
        }
        if exprs.deepest > limits.max_depth {
            exprs.poison("max_depth", limits.max_depth.into());
        }
        exprs
    }

    /// The bounds.
    pub fn limits(&self) -> RegexLimits {
        self.limits
    }

    /// Whether everything built so far stayed within the limits. Building operations cannot
    /// fail; the first one that breaks a limit poisons the arena, and its results are
    /// meaningless from there on.
    pub fn check(&self) -> Result<(), AutomatonError> {
        match &self.poison {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Whether it is of no use to build on: the arena is poisoned, or the thread is out of time
    /// after `steps` more, and the arena is poisoned now. For loops over long texts.
    #[inline]
    pub fn gives_up(&mut self, steps: u32) -> bool {
        if self.poison.is_none()
            && let Err(error) = pace(steps)
        {
            self.poison = Some(error);
        }
        self.poison.is_some()
    }

    pub(crate) fn poison(&mut self, name: &'static str, limit: u64) {
        self.poison.get_or_insert(AutomatonError::Limit { name, limit });
    }

    /// Whether the syntax of the expression bounds the length of its members. False may also
    /// mean that the bound does not show.
    pub fn is_bounded(&self, e: ExprId) -> bool {
        self.meta(e).max_len != u32::MAX
    }

    /// Whether the syntax shows that every member of `e` ends in a member of `tail`, whichever.
    pub fn ends_in(&self, e: ExprId, tail: ExprId) -> bool {
        let mut rest = e;
        while rest != tail {
            match self.node(rest) {
                Node::Concat(_, next) => rest = next,
                Node::Or(start, len) => {
                    return self.kids(start, len).iter().all(|kid| self.ends_in(*kid, tail));
                }
                _ => return false,
            }
        }
        true
    }

    /// Whether the empty string is in the language.
    #[inline]
    pub fn nullable(&self, e: ExprId) -> bool {
        self.metas[e.index()].nullable
    }

    /// A structural hash: equal for expressions of equal structure built in any arena of the
    /// process, in any order.
    #[inline]
    pub fn fingerprint(&self, e: ExprId) -> u128 {
        self.prints[e.index()]
    }

    /// Equal for expressions that no text of at most [`LEX_HORIZON`] bytes can tell apart: the
    /// same such texts are members, and the same are prefixes of members. The second is the same
    /// for [`LEX_NEAR_HORIZON`].
    ///
    /// Both are preserved by `|`, concatenation and repetition, where a repetition of what is
    /// not empty cannot come round more often than there are bytes; so counts are clipped at
    /// the horizon. They are not preserved by `&` and `~`, whose prefixes hang on what comes
    /// later: those keep their full print, but for a limit of length that is far away.
    #[inline]
    pub fn near_fingerprints(&self, e: ExprId) -> [u128; 2] {
        [self.near[0][e.index()], self.near[1][e.index()]]
    }

    /// Expressions in the arena.
    #[allow(clippy::len_without_is_empty)] // `is_empty` is about languages here
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// An estimate of the bytes held.
    pub fn bytes(&self) -> usize {
        self.nodes.bytes()
            + self.metas.bytes()
            + self.texts.bytes()
            + self.demands.bytes()
            + self.prints.bytes()
            + self.near[0].bytes() * 2
            + self.lasting.bytes()
            + self.table.len() * 8
            + self.sets.capacity() * 32
            + self.set_ids.capacity() * 40
            + self.children.capacity() * 4
            + self.named.capacity() * size_of::<Named>()
            + self.remainders.bytes()
            + self.sets_of_words.bytes()
            + self.derivatives.len() * 20
            + self.covers.capacity() * 10
            + self.heads.capacity() * 17
            + self.live.len() * 14
            + self.words.bytes()
            + self.readers.capacity() * 40
            + self.nearest.len() * 20
            + self.marks.bytes()
            + self.classes.bytes()
            + self.looks.bytes()
            + self.lowered.bytes()
    }

    #[inline]
    pub(crate) fn node(&self, e: ExprId) -> Node {
        self.nodes[e.index()]
    }

    #[inline]
    fn meta(&self, e: ExprId) -> Meta {
        self.metas[e.index()]
    }

    /// No `&` and no `~` inside: not empty unless it is [`Exprs::EMPTY`] itself.
    #[inline]
    fn pure(&self, e: ExprId) -> bool {
        self.metas[e.index()].pure
    }

    /// A lower bound of the length of members, exact for pure expressions; saturating.
    #[inline]
    pub(crate) fn min_len(&self, e: ExprId) -> u32 {
        self.metas[e.index()].min_len
    }

    #[inline]
    fn kids(&self, start: u32, len: u32) -> &[ExprId] {
        &self.children[start as usize..(start + len) as usize]
    }

    #[inline]
    pub(crate) fn set(&self, id: u32) -> &ByteSet {
        &self.sets[id as usize]
    }

    /// Marks of a graph walk: true the first time `e` is seen since `new_walk`.
    fn first_visit(&mut self, e: ExprId) -> bool {
        self.marks.pad(self.nodes.len(), &0);
        let mark = &mut self.marks[e.index()];
        let first = *mark != self.epoch;
        *mark = self.epoch;
        first
    }

    /// Hashes over the near fingerprints of expressions, in whatever order.
    pub(crate) fn bag_prints(&self, bag: impl Iterator<Item = ExprId>) -> [u128; 2] {
        bag.fold([0; 2], |[far, near], e| {
            let [a, b] = self.near_fingerprints(e).map(|print| fold(seed(), print, 9));
            [far.wrapping_add(a), near.wrapping_add(b)]
        })
    }

    /// The same for what has the print `head`, and `tail` after it.
    pub(crate) fn followed_prints(&self, head: u128, tail: ExprId) -> [u128; 2] {
        self.near_fingerprints(tail).map(|tail| fold(fold(seed(), head, 23), tail, 23))
    }

    /// The same over heads, each with the prints of what may follow it.
    pub(crate) fn runs_prints(&self, runs: impl Iterator<Item = (ExprId, [u128; 2])>) -> [u128; 2] {
        runs.fold([0; 2], |[far, near], (head, tails)| {
            let heads = self.near_fingerprints(head);
            let term = |at: usize| fold(fold(seed(), heads[at], 10), tails[at], 10);
            [far.wrapping_add(term(0)), near.wrapping_add(term(1))]
        })
    }

    fn new_walk(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            self.marks.fill(&0);
            self.epoch = 1;
        }
    }

    fn intern_set(&mut self, set: ByteSet) -> u32 {
        if let Some(&id) = self.set_ids.get(&set) {
            return id;
        }
        let id = self.sets.len() as u32;
        self.sets.push(set);
        self.set_ids.insert(set, id);
        id
    }

    fn intern(&mut self, node: Node) -> ExprId {
        self.intern_with(node, &[])
    }

    /// Interns `node`; `kids` are the children of an `Or` or `And` (whose range is ignored).
    fn intern_with(&mut self, node: Node, kids: &[ExprId]) -> ExprId {
        let mut print = self.print(node, kids, &self.prints);
        loop {
            let hash = print as u64;
            let found = self.table.find(hash, |&id| self.prints[id as usize] == print).copied();
            match found {
                Some(id) if self.same(id, node, kids) => return ExprId(id),
                // Two structures with one 128-bit print: never seen, but sound all the same.
                Some(_) => print = fold(print, seed(), 0xC0111DE),
                None => break,
            }
        }
        if self.gives_up(kids.len() as u32 / KIDS_PER_STEP) {
            return Exprs::EMPTY;
        }
        let text = self.text_of(node, kids);
        if text.is_contradiction() {
            return Exprs::EMPTY;
        }
        let mut meta = self.measure(node, kids);
        if text.is_known() {
            // A character takes a byte at least.
            meta.min_len = meta.min_len.max(text.min);
        }
        if self.nodes.len() >= self.limits.max_exprs as usize {
            self.poison("max_exprs", self.limits.max_exprs.into());
            return Exprs::EMPTY;
        }
        if meta.depth > self.limits.max_depth {
            self.poison("max_depth", self.limits.max_depth.into());
            return Exprs::EMPTY;
        }
        let id = self.nodes.len() as u32;
        let range = (self.children.len() as u32, kids.len() as u32);
        self.nodes.push(match node {
            Node::Or(..) => Node::Or(range.0, range.1),
            Node::And(..) => Node::And(range.0, range.1),
            other => other,
        });
        self.children.extend_from_slice(kids);
        self.metas.push(meta);
        self.deepest = self.deepest.max(meta.depth);
        self.texts.push(text);
        for (near, horizon) in [LEX_HORIZON, LEX_NEAR_HORIZON].into_iter().enumerate() {
            let clipped = match node {
                Node::And(..) if self.has_ample_room(kids, horizon) => Some(node),
                Node::And(..) | Node::Not(_) => None,
                Node::Repeat(e, min, max) if self.min_len(e) > 0 => Some(Node::Repeat(
                    e,
                    min.min(horizon + 1),
                    if max > horizon { INFINITE } else { max },
                )),
                node => Some(node),
            };
            let print = clipped.map_or(print, |node| self.print(node, kids, &self.near[near]));
            self.near[near].push(print);
        }
        self.prints.push(print);
        let prints = &self.prints;
        self.table.insert_unique(print as u64, id, |&id| prints[id as usize] as u64);
        ExprId(id)
    }

    /// Whether a conjunction is a language beside a limit of length that no text within the horizon
    /// comes near: wherever it may be completed, it may within the limit.
    fn has_ample_room(&self, kids: &[ExprId], horizon: u32) -> bool {
        let &[a, b] = kids else { return false };
        [(a, b), (b, a)].into_iter().any(|(limit, other)| match self.node(limit) {
            Node::Repeat(any, 0, most) => {
                // A character takes a byte at least.
                let ample = self.meta(other).need.saturating_add(horizon) <= most;
                ample && most != INFINITE && self.is_text_of_any(other, any)
            }
            _ => false,
        })
    }

    fn same(&self, id: u32, node: Node, kids: &[ExprId]) -> bool {
        match (self.nodes[id as usize], node) {
            (Node::Or(start, len), Node::Or(..)) | (Node::And(start, len), Node::And(..)) => {
                self.kids(start, len) == kids
            }
            (Node::Or(..) | Node::And(..), _) | (_, Node::Or(..) | Node::And(..)) => false,
            (old, new) => old == new,
        }
    }

    /// The print of `node` over the prints `of_kids` of its parts.
    fn print(&self, node: Node, kids: &[ExprId], of_kids: &SteadyVec<u128>) -> u128 {
        let seed = seed();
        let of = |e: ExprId| of_kids[e.index()];
        // Children of `Or` and `And` are sorted by id, which differs between arenas: they are
        // combined by a commutative sum.
        let sum = |tag: u64| {
            let terms = kids.iter().map(|&kid| fold(of(kid), seed, tag));
            terms.fold(0u128, u128::wrapping_add)
        };
        match node {
            Node::Empty => fold(seed, 1, 1),
            Node::Epsilon => fold(seed, 2, 2),
            Node::Set(id) => {
                let [a, b, c, d] = self.set(id).words().map(u128::from);
                fold(fold(seed, a << 64 | b, 3), c << 64 | d, 3)
            }
            Node::Concat(head, tail) => fold(fold(seed, of(head), 4), of(tail), 4),
            Node::Or(..) => fold(sum(5), kids.len() as u128, 5),
            Node::And(..) => fold(sum(6), kids.len() as u128, 6),
            Node::Not(e) => fold(seed, of(e), 7),
            Node::Repeat(e, min, max) => {
                fold(fold(seed, of(e), 8), u128::from(min) << 32 | u128::from(max), 8)
            }
            Node::Named(id) => self.named[id as usize].print,
            Node::Words(id) => self.words_print(id),
            Node::Remainder(id) => self.remainder_print(id),
        }
    }

    fn measure(&self, node: Node, kids: &[ExprId]) -> Meta {
        let of = |e: ExprId| self.metas[e.index()];
        let all = || kids.iter().map(|&kid| of(kid));
        let below = || 1 + all().map(|m| m.depth).max().unwrap_or(0);
        match node {
            Node::Empty | Node::Epsilon | Node::Set(_) => {
                let length = u32::from(matches!(node, Node::Set(_)));
                Meta {
                    nullable: node == Node::Epsilon,
                    pure: true,
                    depth: 0,
                    min_len: length,
                    max_len: length,
                    need: length,
                }
            }
            Node::Concat(head, tail) => {
                let (head, tail) = (of(head), of(tail));
                Meta {
                    nullable: head.nullable && tail.nullable,
                    pure: head.pure && tail.pure,
                    // A derivative descends into the tail only past a nullable head.
                    depth: if head.nullable {
                        tail.depth.max(head.depth + 1)
                    } else {
                        head.depth + 1
                    },
                    min_len: head.min_len.saturating_add(tail.min_len),
                    max_len: head.max_len.saturating_add(tail.max_len),
                    need: head.need.saturating_add(tail.min_len).max(tail.need),
                }
            }
            Node::Or(..) => Meta {
                nullable: all().any(|m| m.nullable),
                pure: all().all(|m| m.pure),
                depth: below(),
                min_len: all().map(|m| m.min_len).min().unwrap_or(0),
                max_len: all().map(|m| m.max_len).max().unwrap_or(0),
                need: all().map(|m| m.need).max().unwrap_or(0),
            },
            Node::And(..) => Meta {
                nullable: all().all(|m| m.nullable),
                pure: false,
                depth: below(),
                min_len: all().map(|m| m.min_len).max().unwrap_or(0),
                max_len: all().map(|m| m.max_len).min().unwrap_or(0),
                need: u32::MAX,
            },
            Node::Not(e) => Meta {
                nullable: !of(e).nullable,
                pure: false,
                depth: 1 + of(e).depth,
                min_len: u32::from(of(e).nullable),
                max_len: u32::MAX,
                need: u32::MAX,
            },
            Node::Repeat(e, min, max) => {
                let body = of(e);
                Meta {
                    nullable: min == 0 || body.nullable,
                    pure: body.pure,
                    depth: 1 + body.depth,
                    min_len: body.min_len.saturating_mul(min),
                    max_len: if max == INFINITE {
                        u32::MAX
                    } else {
                        body.max_len.saturating_mul(max)
                    },
                    need: {
                        let later = body.min_len.saturating_mul(min.saturating_sub(1));
                        body.need.saturating_add(later)
                    },
                }
            }
            Node::Named(id) => self.named[id as usize].meta(),
            Node::Words(id) => self.words_meta(id),
            Node::Remainder(id) => self.remainder_meta(id),
        }
    }
}
