//! Languages of keys.

use std::sync::Arc;

use structgen_automaton::Fuel;
use structgen_regex::{ExprId, Exprs};

use crate::algebra::{Algebra, Halt, KeyId};
use crate::string::spell;

/// A language of keys without some exceptions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeySet {
    /// Over bodies of literals.
    pub(crate) base: ExprId,
    /// Sorted.
    pub(crate) except: Arc<[KeyId]>,
}

fn union(a: &[KeyId], b: &[KeyId]) -> Arc<[KeyId]> {
    let mut out: Vec<KeyId> = a.iter().chain(b).copied().collect();
    out.sort_unstable();
    out.dedup();
    out.into()
}

impl Algebra {
    /// The expression of a set of keys (over bodies), further without `used` (sorted).
    pub(crate) fn key_set_expr(&mut self, set: &KeySet, used: &[KeyId]) -> ExprId {
        let except = if used.is_empty() { set.except.clone() } else { union(&set.except, used) };
        if except.is_empty() {
            return set.base;
        }
        let excluded = match self.exceptions.get(&except) {
            Some(known) => *known,
            None => {
                let texts = self.key_texts(&except);
                let literals = self.strings.literals(&mut self.lexer.exprs, &texts);
                let excluded = self.lexer.exprs.not(literals);
                self.exceptions.insert(except, excluded);
                excluded
            }
        };
        self.lexer.exprs.and(&[set.base, excluded])
    }

    /// How `keys` are called, sorted; none of them if the thread is out of time.
    pub(crate) fn key_texts(&mut self, keys: &[KeyId]) -> Vec<Box<str>> {
        let mut texts: Vec<Box<str>> = Vec::with_capacity(keys.len());
        for key in keys {
            if self.lexer.exprs.gives_up(0) {
                return Vec::new();
            }
            texts.push(self.key_name(*key).as_str().into());
        }
        self.lexer.exprs.sorted(texts)
    }

    pub(crate) fn key_set_has(
        &mut self,
        set: &KeySet,
        key: KeyId,
        fuel: &mut Fuel,
    ) -> Result<bool, Halt> {
        if set.except.binary_search(&key).is_ok() {
            return Ok(false);
        }
        self.language_has(set.base, key, fuel)
    }

    pub(crate) fn language_has(
        &mut self,
        language: ExprId,
        key: KeyId,
        fuel: &mut Fuel,
    ) -> Result<bool, Halt> {
        if language == self.strings.all {
            return Ok(true);
        }
        if language == Exprs::EMPTY {
            return Ok(false);
        }
        let body = spell(&self.key_name(key));
        Ok(self.lexer.exprs.matches(language, &body, fuel)?)
    }

    pub(super) fn key_set_is_empty(&mut self, set: &KeySet, fuel: &mut Fuel) -> Result<bool, Halt> {
        if set.base == self.strings.all {
            return Ok(false);
        }
        let e = self.key_set_expr(set, &[]);
        self.no_strings(e, fuel)
    }

    pub(crate) fn intersect_key_sets(&mut self, a: &KeySet, b: &KeySet) -> KeySet {
        let all = self.strings.all;
        let base = if a.base == all {
            b.base
        } else if b.base == all {
            a.base
        } else {
            self.lexer.exprs.and(&[a.base, b.base])
        };
        KeySet { base, except: union(&a.except, &b.except) }
    }
}
