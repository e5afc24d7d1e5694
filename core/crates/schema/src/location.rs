//! Schema locations: what the keywords at one place of the schema say, read once.

use std::sync::Arc;

use serde_json::Value;
use structgen_regex::Ast;

use crate::decimal::Decimal;
use crate::format::Format;
use crate::options::Draft;

/// A schema at a place, under a dynamic scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LocId(pub(crate) u32);

/// The JSON types as bits; `INTEGER` is a part of `NUMBER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TypeSet(pub(crate) u8);

impl TypeSet {
    pub(crate) const NULL: u8 = 1;
    pub(crate) const BOOLEAN: u8 = 2;
    pub(crate) const NUMBER: u8 = 4;
    pub(crate) const INTEGER: u8 = 8;
    pub(crate) const STRING: u8 = 16;
    pub(crate) const ARRAY: u8 = 32;
    pub(crate) const OBJECT: u8 = 64;

    pub(crate) fn bit(name: &str) -> Option<u8> {
        Some(match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "number" => Self::NUMBER,
            "integer" => Self::INTEGER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => return None,
        })
    }

    pub(crate) fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// An end of an interval of numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bound {
    pub(crate) value: Decimal,
    pub(crate) exclusive: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct NumberRules {
    pub(crate) lower: Vec<Bound>,
    pub(crate) upper: Vec<Bound>,
    pub(crate) multiple_of: Option<Decimal>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct StringRules {
    pub(crate) min: u32,
    pub(crate) max: Option<u32>,
    /// The strings in which the pattern is found.
    pub(crate) pattern: Option<Arc<Ast>>,
    pub(crate) format: Option<Format>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ContainsRule {
    pub(crate) schema: LocId,
    pub(crate) min: u32,
    pub(crate) max: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ArrayRules {
    pub(crate) prefix: Vec<LocId>,
    pub(crate) rest: Option<LocId>,
    pub(crate) min: u32,
    pub(crate) max: Option<u32>,
    pub(crate) contains: Option<ContainsRule>,
    pub(crate) unique: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ObjectRules {
    /// There are `properties` or `patternProperties`.
    pub(crate) lists: bool,
    pub(crate) properties: Vec<(String, LocId)>,
    /// The keys in which the pattern is found.
    pub(crate) patterns: Vec<(Arc<Ast>, LocId)>,
    pub(crate) additional: Option<LocId>,
    pub(crate) names: Option<LocId>,
    pub(crate) required: Vec<String>,
    pub(crate) min: u32,
    pub(crate) max: Option<u32>,
    pub(crate) dependent_required: Vec<(String, Vec<String>)>,
    pub(crate) dependent_schemas: Vec<(String, LocId)>,
}

/// The keywords at one place. Absent keywords are empty or `None`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Schema {
    pub(crate) pointer: String,
    pub(crate) draft: Draft,
    /// For the schemas `true` and `false`.
    pub(crate) verdict: Option<bool>,
    /// Some keyword besides references says something about validity.
    pub(crate) asserts: bool,
    pub(crate) types: Option<TypeSet>,
    /// `enum`, and `const` as an enum of one.
    pub(crate) values: Vec<Arc<[Value]>>,
    pub(crate) number: NumberRules,
    pub(crate) string: StringRules,
    pub(crate) array: ArrayRules,
    pub(crate) object: ObjectRules,
    pub(crate) refs: Vec<LocId>,
    pub(crate) all_of: Vec<LocId>,
    pub(crate) any_of: Option<Vec<LocId>>,
    pub(crate) one_of: Option<Vec<LocId>>,
    pub(crate) not: Option<LocId>,
    pub(crate) condition: Option<LocId>,
    pub(crate) then: Option<LocId>,
    pub(crate) otherwise: Option<LocId>,
    pub(crate) unevaluated_items: Option<LocId>,
    pub(crate) unevaluated_properties: Option<LocId>,
}

impl Schema {
    pub(crate) fn empty(pointer: String, draft: Draft) -> Self {
        Schema {
            pointer,
            draft,
            verdict: None,
            asserts: false,
            types: None,
            values: Vec::new(),
            number: NumberRules::default(),
            string: StringRules::default(),
            array: ArrayRules::default(),
            object: ObjectRules::default(),
            refs: Vec::new(),
            all_of: Vec::new(),
            any_of: None,
            one_of: None,
            not: None,
            condition: None,
            then: None,
            otherwise: None,
            unevaluated_items: None,
            unevaluated_properties: None,
        }
    }

    /// Shows every schema inside this one.
    pub(crate) fn for_each_inner(&mut self, mut show: impl FnMut(&mut LocId)) {
        let lists = [Some(&mut self.refs), Some(&mut self.all_of), self.any_of.as_mut()];
        let lists = lists.into_iter().chain([self.one_of.as_mut(), Some(&mut self.array.prefix)]);
        lists.flatten().flatten().for_each(&mut show);
        self.object.properties.iter_mut().for_each(|(_, inner)| show(inner));
        self.object.patterns.iter_mut().for_each(|(_, inner)| show(inner));
        self.object.dependent_schemas.iter_mut().for_each(|(_, inner)| show(inner));
        self.array.contains.iter_mut().for_each(|rule| show(&mut rule.schema));
        let single = [
            &mut self.not,
            &mut self.condition,
            &mut self.then,
            &mut self.otherwise,
            &mut self.array.rest,
            &mut self.object.additional,
            &mut self.object.names,
            &mut self.unevaluated_items,
            &mut self.unevaluated_properties,
        ];
        single.into_iter().flatten().for_each(show);
    }

    /// The schemas applied to the same value.
    pub(crate) fn in_place(&self) -> impl Iterator<Item = LocId> + '_ {
        let some = |list: &Option<Vec<LocId>>| list.clone().unwrap_or_default();
        self.refs
            .iter()
            .chain(&self.all_of)
            .copied()
            .chain(some(&self.any_of))
            .chain(some(&self.one_of))
            .chain(self.not)
            .chain(self.condition)
            .chain(self.then)
            .chain(self.otherwise)
            .chain(self.object.dependent_schemas.iter().map(|(_, schema)| *schema))
    }
}

impl Schema {
    /// The target, if the schema is a reference and nothing else.
    pub(crate) fn lone_reference(&self) -> Option<LocId> {
        let &[target] = self.refs.as_slice() else { return None };
        (!self.asserts && self.in_place().count() == 1).then_some(target)
    }
}
