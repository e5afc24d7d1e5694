//! What is known of the members of an expression as texts: how many characters they have, and
//! which of them they cannot do without.
//!
//! Conjunctions of demands (`.*a.*` & `.*b.*` & .. & at most 60 characters) are where emptiness
//! does not show in the syntax of any one part, and a search for a member would try subsets.

use rustc_hash::FxHashMap;

use super::{Exprs, Node};
use crate::lower::Encoding;
use crate::{ByteSet, CharSet, ExprId};

/// Every member is a text in each of `codes`, with `min` to `max` characters, at least one of
/// which is in the set `demand`. Nothing is said if there are no codes.
///
/// INVARIANT: a statement on the language, however the expression came about. Codes are prefix
/// codes: a byte string is a sequence of characters of a code in one way at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    codes: u8,
    demand: Demand,
    pub min: u32,
    max: u32,
}

/// The number of an interned set of characters; `Demand::NONE` demands nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Demand(u32);

impl Demand {
    const NONE: Demand = Demand(0);
    /// Of the set of all characters.
    const ANY: Demand = Demand(1);
}

impl Text {
    const UNKNOWN: Text = Text { codes: 0, demand: Demand::NONE, min: 0, max: u32::MAX };
    const EMPTY: Text = Text { codes: u8::MAX, demand: Demand::NONE, min: 0, max: 0 };

    /// Whether anything is said.
    pub fn is_known(self) -> bool {
        self.codes != 0
    }

    /// No text is like that.
    pub fn is_contradiction(self) -> bool {
        self.codes != 0 && self.min > self.max
    }

    /// Exactly one character, if this is a text in `code`.
    pub fn is_character(self, code: Encoding) -> bool {
        self.codes & code.bit() != 0 && (self.min, self.max) == (1, 1)
    }
}

/// Interned sets of characters, and how many of them can be told apart.
#[derive(Clone, Debug)]
pub(super) struct Demands {
    sets: Vec<CharSet>,
    ids: FxHashMap<CharSet, Demand>,
    unions: FxHashMap<(Demand, Demand), Demand>,
    /// Characters that meet all of several demands, at least.
    packings: FxHashMap<Box<[Demand]>, u32>,
}

/// Sets with more ranges, or beyond so many sets, are not kept as demands.
const MAX_RANGES: usize = 64;
const MAX_DEMANDS: usize = 4_096;
/// Demands of one conjunction that are counted, and conjunctions that are remembered.
const MAX_PACKED: usize = 64;
const MAX_PACKINGS: usize = 1 << 16;
/// Alternatives whose demands are united.
const MAX_OPTIONS: usize = 4;

impl Default for Demands {
    fn default() -> Self {
        // Number 0 stands for no demand.
        let mut demands = Demands {
            sets: vec![CharSet::empty()],
            ids: FxHashMap::default(),
            unions: FxHashMap::default(),
            packings: FxHashMap::default(),
        };
        demands.intern(CharSet::any());
        demands
    }
}

impl Demands {
    fn intern(&mut self, set: CharSet) -> Demand {
        if let Some(&known) = self.ids.get(&set) {
            return known;
        }
        if self.sets.len() > MAX_DEMANDS || set.ranges().len() > MAX_RANGES {
            return Demand::NONE;
        }
        let id = Demand(self.sets.len() as u32);
        self.sets.push(set.clone());
        self.ids.insert(set, id);
        id
    }

    fn set(&self, demand: Demand) -> &CharSet {
        &self.sets[demand.0 as usize]
    }

    fn size(&self, demand: Demand) -> u64 {
        if demand == Demand::NONE { u64::MAX } else { self.set(demand).len() as u64 }
    }

    fn narrower(&self, a: Demand, b: Demand) -> Demand {
        if self.size(b) < self.size(a) { b } else { a }
    }

    /// The demand that either is met.
    fn either(&mut self, a: Demand, b: Demand) -> Demand {
        if a == b || a == Demand::NONE || b == Demand::NONE {
            return if a == b { a } else { Demand::NONE };
        }
        let key = (a.min(b), a.max(b));
        if let Some(&known) = self.unions.get(&key) {
            return known;
        }
        let union = self.set(a) | self.set(b);
        let union = self.intern(union);
        self.unions.insert(key, union);
        union
    }

    /// How many characters it takes at least to meet all demands: as many as there are demands
    /// found of which no two have a character in common.
    fn packing(&mut self, mut demands: Vec<Demand>) -> u32 {
        demands.sort_unstable();
        demands.dedup();
        demands.truncate(MAX_PACKED);
        if demands.len() < 2 {
            return demands.len() as u32;
        }
        if let Some(&known) = self.packings.get(demands.as_slice()) {
            return known;
        }
        let key: Box<[Demand]> = demands.as_slice().into();
        demands.sort_by_key(|&demand| self.size(demand));
        let mut taken = CharSet::empty();
        let mut count = 0;
        for demand in demands {
            let set = self.set(demand);
            if (&taken & set).is_empty() {
                taken = &taken | set;
                count += 1;
            }
        }
        if self.packings.len() >= MAX_PACKINGS {
            self.packings.clear();
        }
        self.packings.insert(key, count);
        count
    }

    pub fn bytes(&self) -> usize {
        let sets: usize = self.sets.iter().map(|set| 2 * (set.ranges().len() * 8 + 32)).sum();
        let packings: usize = self.packings.keys().map(|key| key.len() * 4 + 28).sum();
        sets + packings + self.unions.capacity() * 16
    }
}

impl Exprs {
    /// What is known of `node` from its parts.
    pub(super) fn text_of(&mut self, node: Node, kids: &[ExprId]) -> Text {
        match node {
            Node::Empty | Node::Epsilon => Text::EMPTY,
            Node::Set(id) => self.text_of_set(*self.set(id)),
            Node::Concat(head, tail) => {
                let (head, tail) = (self.text(head), self.text(tail));
                Text {
                    codes: head.codes & tail.codes,
                    demand: self.demands.narrower(head.demand, tail.demand),
                    min: head.min.saturating_add(tail.min),
                    max: head.max.saturating_add(tail.max),
                }
            }
            Node::Or(..) => self.text_of_options(kids),
            Node::And(..) => self.text_of_all(kids),
            Node::Repeat(e, min, max) => {
                let Text { codes, demand, .. } = self.text(e);
                Text {
                    codes,
                    demand: if min > 0 { demand } else { Demand::NONE },
                    min: self.text(e).min.saturating_mul(min),
                    max: self.text(e).max.saturating_mul(max),
                }
            }
            Node::Not(_) | Node::Named(_) | Node::Words(_) | Node::Remainder(_) => Text::UNKNOWN,
        }
    }

    pub(super) fn text(&self, e: ExprId) -> Text {
        self.texts[e.index()]
    }

    /// Whether every member of `e` is exactly one character, of one of the codes.
    pub(super) fn is_one_character(&self, e: ExprId) -> bool {
        let text = self.text(e);
        Encoding::ALL.into_iter().any(|code| text.is_character(code))
    }

    /// Whether every member of `e` is a text in one of the codes in which `any` is the class of all
    /// characters.
    pub(super) fn is_text_of_any(&self, e: ExprId, any: ExprId) -> bool {
        let (text, class) = (self.text(e), self.text(any));
        class.demand == Demand::ANY
            && Encoding::ALL
                .into_iter()
                .any(|code| class.is_character(code) && text.codes & code.bit() != 0)
    }

    /// Whether `e` is the class of all characters in one of the codes.
    pub(super) fn is_any_character(&self, e: ExprId) -> bool {
        self.is_text_of_any(e, e)
    }

    /// ASCII bytes are characters in UTF-8.
    fn text_of_set(&mut self, set: ByteSet) -> Text {
        if set.iter().any(|byte| byte >= 0x80) {
            return Text::UNKNOWN;
        }
        let demand = self.demands.intern(CharSet::of_ascii(set));
        Text { codes: Encoding::Utf8.bit(), demand, min: 1, max: 1 }
    }

    fn text_of_options(&mut self, kids: &[ExprId]) -> Text {
        let codes = kids.iter().fold(u8::MAX, |codes, &kid| codes & self.text(kid).codes);
        if codes == 0 {
            return Text::UNKNOWN;
        }
        let mut found = self.text(kids[0]);
        found.codes = codes;
        for &kid in &kids[1..] {
            let kid = self.text(kid);
            found.min = found.min.min(kid.min);
            found.max = found.max.max(kid.max);
            found.demand = if kids.len() <= MAX_OPTIONS {
                self.demands.either(found.demand, kid.demand)
            } else {
                Demand::NONE
            };
        }
        found
    }

    fn text_of_all(&mut self, kids: &[ExprId]) -> Text {
        // Parts that are not known to be texts restrict what is known of the others no further.
        let codes = kids.iter().map(|&kid| self.text(kid).codes);
        let codes = codes.filter(|&codes| codes != 0).fold(u8::MAX, |all, codes| all & codes);
        let mut found = Text { codes, ..Text::UNKNOWN };
        let mut demands = Vec::with_capacity(kids.len());
        for &kid in kids {
            let kid = self.text(kid);
            if kid.codes == 0 || codes == 0 {
                continue;
            }
            found.min = found.min.max(kid.min);
            found.max = found.max.min(kid.max);
            found.demand = self.demands.narrower(found.demand, kid.demand);
            if kid.demand != Demand::NONE {
                demands.push(kid.demand);
            }
        }
        if demands.is_empty() && found.max == u32::MAX {
            // Either no part is known to be a text, or none says anything.
            return if codes == u8::MAX { Text::UNKNOWN } else { found };
        }
        found.min = found.min.max(self.demands.packing(demands));
        found
    }

    /// Notes that the members of `e` are the characters of `set` in `code`.
    pub(crate) fn note_class(&mut self, e: ExprId, set: &CharSet, code: Encoding) {
        let demand = self.demands.intern(set.clone());
        let text = &mut self.texts[e.index()];
        if text.codes != 0 && (text.demand, text.min, text.max) == (demand, 1, 1) {
            text.codes |= code.bit();
        } else {
            // Another reading, as an escape spelled out in UTF-8, is of little use.
            *text = Text { codes: code.bit(), demand, min: 1, max: 1 };
        }
    }
}
