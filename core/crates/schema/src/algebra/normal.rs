//! The normal form of a node: what it allows, JSON type by JSON type.

use std::sync::Arc;

use structgen_automaton::{AutomatonError, Fuel, sorted_set};
use structgen_regex::{ExprId, Exprs};

use super::{Algebra, ArrayId, Halt, ObjectId};
use crate::string::{spell, spelled_len};

/// A language of strings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum StringSet {
    /// These strings, sorted, each once.
    Finite(Arc<[Box<str>]>),
    /// The strings whose literal bodies the expression holds.
    Language(ExprId),
}

/// What a node allows. Arrays and objects are unions of shapes.
#[derive(Clone, Debug)]
pub(crate) struct Normal {
    pub(crate) null: bool,
    /// `false`, `true`.
    pub(crate) booleans: [bool; 2],
    pub(crate) numbers: ExprId,
    pub(crate) strings: StringSet,
    pub(crate) arrays: Vec<ArrayId>,
    pub(crate) objects: Vec<ObjectId>,
}

impl Normal {
    /// Nothing.
    pub(crate) fn empty() -> Self {
        Normal {
            null: false,
            booleans: [false; 2],
            numbers: Exprs::EMPTY,
            strings: StringSet::Finite(Arc::new([])),
            arrays: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// False only if no document begins with the byte; true if that is not visible at once.
    pub(crate) fn may_begin(&self, first: u8) -> bool {
        match first {
            b'n' => self.null,
            b'f' => self.booleans[0],
            b't' => self.booleans[1],
            b'"' => !self.strings.is_none(),
            b'[' => !self.arrays.is_empty(),
            b'{' => !self.objects.is_empty(),
            _ => self.numbers != Exprs::EMPTY,
        }
    }

    /// True only if nothing is allowed; false if that is not visible at once.
    pub(crate) fn is_plainly_empty(&self) -> bool {
        !self.null
            && self.booleans == [false; 2]
            && self.numbers == Exprs::EMPTY
            && matches!(&self.strings, StringSet::Finite(list) if list.is_empty())
            && self.arrays.is_empty()
            && self.objects.is_empty()
    }
}

impl StringSet {
    pub(crate) fn none() -> Self {
        StringSet::Finite(Arc::new([]))
    }

    pub(crate) fn finite(texts: Vec<Box<str>>) -> Result<Self, AutomatonError> {
        Ok(StringSet::Finite(sorted_set(texts)?.into()))
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self, StringSet::Finite(list) if list.is_empty())
    }
}

/// The union of two sorted lists.
fn merge<T: Clone + Ord>(a: &[T], b: &[T]) -> Vec<T> {
    let mut out: Vec<T> = a.iter().chain(b).cloned().collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// The union of two lists of alternatives, the first ones first.
fn append<T: Copy + PartialEq>(a: &[T], b: &[T]) -> Vec<T> {
    let mut out = a.to_vec();
    out.extend(b.iter().copied().filter(|item| !a.contains(item)));
    out
}

impl Algebra {
    /// Everything.
    pub(crate) fn everything(&mut self) -> Normal {
        Normal {
            null: true,
            booleans: [true; 2],
            numbers: self.numbers.all,
            strings: StringSet::Language(self.strings.all),
            arrays: vec![self.any_array()],
            objects: vec![self.any_object()],
        }
    }

    // -- strings --------------------------------------------------------------------------

    /// The expression of a set of strings.
    pub(crate) fn string_expr(&mut self, set: &StringSet) -> ExprId {
        match set {
            StringSet::Finite(texts) => self.strings.literals(&mut self.lexer.exprs, texts),
            StringSet::Language(e) => *e,
        }
    }

    /// The bytes between the quotes of the shortest literal; `None` if there is no string.
    ///
    /// PERF: each round of sizes asks this of each node, and to build the expression of an `enum`
    /// for it took a sixth of the time of all schemas of a sample.
    pub(crate) fn shortest_string(
        &mut self,
        set: &StringSet,
        fuel: &mut Fuel,
    ) -> Result<Option<u32>, Halt> {
        match set {
            StringSet::Finite(texts) => {
                let mut shortest = None;
                for text in &**texts {
                    let most = shortest.unwrap_or(usize::MAX);
                    fuel.spend_bytes(text.len().min(most))?;
                    // No spelling is shorter than the text itself.
                    if text.len() < most {
                        shortest = Some(spelled_len(text).min(most));
                    }
                }
                Ok(shortest.map(|length| length.min(u32::MAX as usize) as u32))
            }
            StringSet::Language(e) => Ok(self.lexer.exprs.shortest_len(*e, fuel)?),
        }
    }

    /// Those of `texts` that are in `language`.
    pub(crate) fn filter_strings(
        &mut self,
        texts: &[Box<str>],
        language: ExprId,
        fuel: &mut Fuel,
    ) -> Result<StringSet, Halt> {
        if language == self.strings.all {
            return Ok(StringSet::Finite(texts.into()));
        }
        let mut kept = Vec::new();
        for text in texts {
            if self.lexer.exprs.matches(language, &spell(text), fuel)? {
                kept.push(text.clone());
            }
        }
        Ok(StringSet::Finite(kept.into()))
    }

    pub(crate) fn intersect_strings(
        &mut self,
        a: &StringSet,
        b: &StringSet,
        fuel: &mut Fuel,
    ) -> Result<StringSet, Halt> {
        Ok(match (a, b) {
            (StringSet::Finite(a), StringSet::Finite(b)) => {
                let mut both = Vec::new();
                for text in &**a {
                    fuel.spend(4)?;
                    if b.binary_search(text).is_ok() {
                        both.push(text.clone());
                    }
                }
                StringSet::Finite(both.into())
            }
            (StringSet::Finite(texts), StringSet::Language(language))
            | (StringSet::Language(language), StringSet::Finite(texts)) => {
                self.filter_strings(texts, *language, fuel)?
            }
            (StringSet::Language(a), StringSet::Language(b)) => {
                if *a == self.strings.all {
                    StringSet::Language(*b)
                } else if *b == self.strings.all {
                    StringSet::Language(*a)
                } else {
                    StringSet::Language(self.lexer.exprs.and(&[*a, *b]))
                }
            }
        })
    }

    /// The strings of `a` that are not in `b`.
    pub(crate) fn subtract_strings(
        &mut self,
        a: &StringSet,
        b: &StringSet,
        fuel: &mut Fuel,
    ) -> Result<StringSet, Halt> {
        if let (StringSet::Finite(all), StringSet::Finite(some)) = (a, b) {
            let mut left = Vec::new();
            for text in &**all {
                fuel.spend(4)?;
                if some.binary_search(text).is_err() {
                    left.push(text.clone());
                }
            }
            return Ok(StringSet::Finite(left.into()));
        }
        let outside = self.complement_strings(b);
        self.intersect_strings(a, &outside, fuel)
    }

    pub(crate) fn unite_strings(&mut self, a: &StringSet, b: &StringSet) -> StringSet {
        match (a, b) {
            (StringSet::Finite(a), StringSet::Finite(b)) => StringSet::Finite(merge(a, b).into()),
            (StringSet::Finite(none), other) | (other, StringSet::Finite(none))
                if none.is_empty() =>
            {
                other.clone()
            }
            _ => {
                let (a, b) = (self.string_expr(a), self.string_expr(b));
                if a == self.strings.all || b == self.strings.all {
                    StringSet::Language(self.strings.all)
                } else {
                    StringSet::Language(self.lexer.exprs.or(&[a, b]))
                }
            }
        }
    }

    pub(crate) fn complement_strings(&mut self, set: &StringSet) -> StringSet {
        if set.is_none() {
            return StringSet::Language(self.strings.all);
        }
        let e = self.string_expr(set);
        if e == self.strings.all {
            return StringSet::none();
        }
        let outside = self.lexer.exprs.not(e);
        StringSet::Language(self.lexer.exprs.and(&[self.strings.all, outside]))
    }

    // -- numbers --------------------------------------------------------------------------

    pub(crate) fn intersect_numbers(&mut self, a: ExprId, b: ExprId) -> ExprId {
        self.numbers.intersect(&mut self.lexer.exprs, a, b)
    }

    pub(crate) fn unite_numbers(&mut self, a: ExprId, b: ExprId) -> ExprId {
        self.numbers.unite(&mut self.lexer.exprs, a, b)
    }

    pub(crate) fn complement_numbers(&mut self, a: ExprId) -> ExprId {
        self.numbers.complement(&mut self.lexer.exprs, a)
    }

    // -- normal forms ---------------------------------------------------------------------

    pub(crate) fn intersect(
        &mut self,
        a: &Normal,
        b: &Normal,
        fuel: &mut Fuel,
    ) -> Result<Normal, Halt> {
        Ok(Normal {
            null: a.null && b.null,
            booleans: [a.booleans[0] && b.booleans[0], a.booleans[1] && b.booleans[1]],
            numbers: self.intersect_numbers(a.numbers, b.numbers),
            strings: self.intersect_strings(&a.strings, &b.strings, fuel)?,
            arrays: self.intersect_array_lists(&a.arrays, &b.arrays, fuel)?,
            objects: self.intersect_object_lists(&a.objects, &b.objects, fuel)?,
        })
    }

    pub(crate) fn unite(&mut self, a: &Normal, b: &Normal) -> Result<Normal, Halt> {
        let arrays = self.unite_arrays(&a.arrays, &b.arrays)?;
        let objects = self.unite_objects(&a.objects, &b.objects)?;
        Ok(Normal {
            null: a.null || b.null,
            booleans: [a.booleans[0] || b.booleans[0], a.booleans[1] || b.booleans[1]],
            numbers: self.unite_numbers(a.numbers, b.numbers),
            strings: self.unite_strings(&a.strings, &b.strings),
            arrays,
            objects,
        })
    }

    pub(crate) fn unite_arrays(
        &mut self,
        a: &[ArrayId],
        b: &[ArrayId],
    ) -> Result<Vec<ArrayId>, Halt> {
        let any = self.any_array();
        if a.contains(&any) || b.contains(&any) {
            return Ok(vec![any]);
        }
        let out = append(a, b);
        self.check_union(out.len())?;
        Ok(out)
    }

    pub(crate) fn unite_objects(
        &mut self,
        a: &[ObjectId],
        b: &[ObjectId],
    ) -> Result<Vec<ObjectId>, Halt> {
        let any = self.any_object();
        if a.contains(&any) || b.contains(&any) {
            return Ok(vec![any]);
        }
        let out = append(a, b);
        self.check_union(out.len())?;
        Ok(out)
    }

    pub(crate) fn intersect_array_lists(
        &mut self,
        a: &[ArrayId],
        b: &[ArrayId],
        fuel: &mut Fuel,
    ) -> Result<Vec<ArrayId>, Halt> {
        let any = self.any_array();
        if a == [any] || b.is_empty() {
            return Ok(b.to_vec());
        }
        if b == [any] || a.is_empty() {
            return Ok(a.to_vec());
        }
        let lengths = (a.len(), b.len());
        let mut out = Vec::new();
        for a in a {
            for b in b {
                fuel.spend(1)?;
                self.check_effort(fuel)?;
                if let Some(both) = self.intersect_arrays(*a, *b)? {
                    if !out.contains(&both) {
                        out.push(both);
                        self.check_product(out.len(), lengths.0, lengths.1)?;
                    }
                }
            }
        }
        Ok(out)
    }

    pub(crate) fn intersect_object_lists(
        &mut self,
        a: &[ObjectId],
        b: &[ObjectId],
        fuel: &mut Fuel,
    ) -> Result<Vec<ObjectId>, Halt> {
        let any = self.any_object();
        if a == [any] || b.is_empty() {
            return Ok(b.to_vec());
        }
        if b == [any] || a.is_empty() {
            return Ok(a.to_vec());
        }
        let lengths = (a.len(), b.len());
        let several = a.len() * b.len() > 1;
        let mut out = Vec::new();
        for a in a {
            for b in b {
                fuel.spend(1)?;
                self.check_effort(fuel)?;
                let Some(both) = self.intersect_objects(*a, *b, fuel)? else { continue };
                if out.contains(&both) || (several && self.plainly_dead(both, fuel)?) {
                    continue;
                }
                if several {
                    self.absorb(&mut out, both, fuel)?;
                } else {
                    out.push(both);
                }
                self.check_product(out.len(), lengths.0, lengths.1)?;
            }
        }
        Ok(out)
    }

    /// Adds an alternative, unless another one covers it; drops those that it covers.
    fn absorb(
        &mut self,
        out: &mut Vec<ObjectId>,
        shape: ObjectId,
        fuel: &mut Fuel,
    ) -> Result<(), Halt> {
        for other in out.iter() {
            fuel.spend(1)?;
            if self.absorbed(shape, *other, fuel)? {
                return Ok(());
            }
        }
        let mut kept = Vec::with_capacity(out.len() + 1);
        for other in out.drain(..) {
            if !self.absorbed(other, shape, fuel)? {
                kept.push(other);
            }
        }
        kept.push(shape);
        *out = kept;
        Ok(())
    }

    pub(crate) fn complement(&mut self, a: &Normal, fuel: &mut Fuel) -> Result<Normal, Halt> {
        let mut arrays = vec![self.any_array()];
        for shape in &a.arrays {
            let outside = self.complement_array(*shape)?;
            arrays = self.intersect_array_lists(&arrays, &outside, fuel)?;
        }
        let mut objects = vec![self.any_object()];
        for shape in &a.objects {
            let outside = self.complement_object(*shape, fuel)?;
            objects = self.intersect_object_lists(&objects, &outside, fuel)?;
        }
        Ok(Normal {
            null: !a.null,
            booleans: [!a.booleans[0], !a.booleans[1]],
            numbers: self.complement_numbers(a.numbers),
            strings: self.complement_strings(&a.strings),
            arrays,
            objects,
        })
    }

    pub(crate) fn check_alternatives(&self, count: usize) -> Result<(), Halt> {
        if count > self.limits.max_alternatives as usize {
            let limit = u64::from(self.limits.max_alternatives);
            return Err(AutomatonError::Limit { name: "max_alternatives", limit }.into());
        }
        Ok(())
    }
}
