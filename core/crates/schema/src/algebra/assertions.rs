//! What the assertion keywords of one schema location allow: one shape per type.

use std::sync::Arc;

use serde_json::Value;
use structgen_automaton::{AutomatonError, Fuel, pace};
use structgen_regex::ExprId;

use super::arrays::{ArrayShape, Contains, EvaluatedItems, Unique};
use super::evaluate::Mode;
use super::objects::{Class, KeySet, Name, ObjectShape};
use super::{Algebra, ArrayId, Halt, NodeId, Normal, ObjectId, StringSet};
use crate::decimal::Decimal;
use crate::location::{LocId, ObjectRules, Schema, StringRules, TypeSet};
use crate::options::Draft;

/// Names that are told apart because `propertyNames` lists them.
const MAX_LISTED_NAMES: usize = 1_000;

impl Algebra {
    /// What the keywords of `loc` itself assert, its applicators left out.
    pub(super) fn assertions(
        &mut self,
        loc: LocId,
        mode: Mode,
        fuel: &mut Fuel,
    ) -> Result<Normal, Halt> {
        let schema = self.schema(loc);
        let types = schema.types.unwrap_or(TypeSet(0x7f));
        let mut normal = Normal {
            null: types.has(TypeSet::NULL),
            booleans: [types.has(TypeSet::BOOLEAN); 2],
            ..Normal::empty()
        };
        if types.has(TypeSet::STRING) {
            normal.strings = self.string_rules(&schema.string, fuel)?;
        }
        let numbers = types.has(TypeSet::NUMBER) || types.has(TypeSet::INTEGER);
        if mode != Mode::Strings && numbers {
            let integers = !types.has(TypeSet::NUMBER);
            let integer = integers.then_some(schema.draft == Draft::Draft4);
            normal.numbers = self.numbers.rules(&mut self.lexer.exprs, &schema.number, integer);
        }
        if mode.has_containers() {
            if types.has(TypeSet::ARRAY) {
                normal.arrays = self.array_rules(loc, mode)?.into_iter().collect();
            }
            if types.has(TypeSet::OBJECT) {
                let unsaid = self.unsaid(&schema);
                normal.objects =
                    self.object_rules(&schema.object, unsaid, mode, fuel)?.into_iter().collect();
            }
        }
        for values in &schema.values {
            let values = self.exact_values(values, mode, fuel)?;
            normal = self.intersect(&normal, &values, fuel)?;
        }
        Ok(normal)
    }

    fn string_rules(&mut self, rules: &StringRules, fuel: &mut Fuel) -> Result<StringSet, Halt> {
        let mut parts = Vec::new();
        if rules.min > 0 || rules.max.is_some() {
            if rules.max.is_some_and(|max| max < rules.min) {
                return Ok(StringSet::none());
            }
            parts.push(self.strings.of_length(&mut self.lexer.exprs, rules.min, rules.max));
        }
        if let Some(pattern) = &rules.pattern {
            parts.push(self.strings.lower(&mut self.lexer.exprs, pattern));
        }
        if let Some(format) = rules.format {
            parts.push(self.format(format));
        }
        fuel.spend(1)?;
        Ok(StringSet::Language(match parts.as_slice() {
            [] => self.strings.all,
            [one] => *one,
            several => self.lexer.exprs.and(several),
        }))
    }

    fn array_rules(&mut self, loc: LocId, mode: Mode) -> Result<Option<ArrayId>, Halt> {
        let schema = self.schema(loc);
        let draft = schema.draft;
        let rules = schema.array.clone();
        let mut prefix = Vec::with_capacity(rules.prefix.len());
        for loc in &rules.prefix {
            pace(1)?;
            prefix.push(self.location_node(*loc));
        }
        let mut evaluated = EvaluatedItems::default();
        if mode == Mode::Tracked {
            evaluated.prefix = match rules.rest {
                Some(_) => u32::MAX,
                None => prefix.len() as u32,
            };
        }
        let rest = rules.rest.map_or(NodeId::TRUE, |loc| self.location_node(loc));
        let mut contains = Vec::new();
        if let Some(rule) = &rules.contains {
            let node = self.location_node(rule.schema);
            if mode == Mode::Tracked && draft >= Draft::Draft202012 {
                evaluated.matching.push(node);
            }
            contains.push(Contains { node, from: 0, min: rule.min, max: rule.max });
        }
        self.array(ArrayShape {
            prefix,
            rest,
            min: rules.min,
            max: rules.max,
            contains,
            unique: if rules.unique { Unique::Distinct } else { Unique::Any },
            evaluated,
        })
    }

    /// The node of members that the schema does not mention.
    fn unsaid(&self, schema: &Schema) -> NodeId {
        let closes = self.narrowing.as_ref().is_some_and(|narrowing| narrowing.closes_objects);
        let silent = schema.object.additional.is_none() && schema.unevaluated_properties.is_none();
        if closes && silent && schema.object.lists { NodeId::UNSAID } else { NodeId::TRUE }
    }

    fn object_rules(
        &mut self,
        rules: &ObjectRules,
        unsaid: NodeId,
        mode: Mode,
        fuel: &mut Fuel,
    ) -> Result<Option<ObjectId>, Halt> {
        let additional = rules.additional.map_or(unsaid, |loc| self.location_node(loc));
        let mut patterns: Vec<(ExprId, NodeId)> = Vec::with_capacity(rules.patterns.len());
        for (pattern, loc) in &rules.patterns {
            let language = self.strings.lower(&mut self.lexer.exprs, pattern);
            patterns.push((language, self.location_node(*loc)));
        }
        let mut names = Vec::with_capacity(rules.properties.len() + rules.required.len());
        let mut index_of = rustc_hash::FxHashMap::default();
        for (name, loc) in &rules.properties {
            fuel.spend(4)?;
            let key = self.key(name);
            let mut node = self.location_node(*loc);
            for (language, other) in &patterns {
                if self.language_has(*language, key, fuel)? {
                    node = self.and(&[node, *other]);
                }
            }
            index_of.insert(key, names.len());
            names.push(Name { key, node, required: false });
        }
        for name in &rules.required {
            fuel.spend(4)?;
            let key = self.key(name);
            if let Some(index) = index_of.get(&key) {
                let known: &mut Name = &mut names[*index];
                known.required = true;
                continue;
            }
            let mut node = NodeId::TRUE;
            let mut matched = false;
            for (language, other) in &patterns {
                if self.language_has(*language, key, fuel)? {
                    matched = true;
                    node = self.and(&[node, *other]);
                }
            }
            let node = if matched { node } else { additional };
            index_of.insert(key, names.len());
            names.push(Name { key, node, required: true });
        }
        let mut sorted: Vec<_> = names.iter().map(|name| name.key).collect();
        sorted.sort_unstable();
        let mut shape = self.open_object(&sorted);
        shape.names = names;
        shape.min = rules.min;
        shape.max = rules.max;
        shape.classes = self.key_classes(&sorted, &patterns, additional, fuel)?;
        if mode == Mode::Tracked {
            shape.evaluated = if rules.additional.is_some() {
                self.strings.all
            } else {
                let mut parts: Vec<ExprId> = patterns.iter().map(|(e, _)| *e).collect();
                for (name, _) in &rules.properties {
                    let key = self.key(name);
                    parts.push(self.key_spelling(key));
                }
                self.lexer.exprs.or(&parts)
            };
        }
        if let Some(loc) = rules.names {
            let node = self.location_node(loc);
            let allowed = self.evaluate(node, Mode::Strings, fuel)?.strings.clone();
            self.restrict_names(&mut shape, &allowed, fuel)?;
        }
        self.object(shape)
    }

    /// The keys that are not names, by the patterns that find something in them.
    fn key_classes(
        &mut self,
        names: &[super::KeyId],
        patterns: &[(ExprId, NodeId)],
        additional: NodeId,
        fuel: &mut Fuel,
    ) -> Result<Vec<Class>, Halt> {
        let languages: Vec<ExprId> = patterns.iter().map(|(language, _)| *language).collect();
        let except: Arc<[super::KeyId]> = names.into();
        let mut classes = Vec::new();
        for (base, finds) in self.key_regions(&languages, fuel)? {
            let mut node = if finds.contains(&true) { NodeId::TRUE } else { additional };
            for ((_, other), _) in patterns.iter().zip(&finds).filter(|(_, found)| **found) {
                node = self.and(&[node, *other]);
            }
            classes.push(Class { keys: KeySet { base, except: except.clone() }, node });
        }
        Ok(classes)
    }

    /// The keys in regions that these languages tell apart, each with whether it lies in them.
    ///
    /// Languages that have nothing in common say nothing of each other: a region is named by those
    /// that it overlaps, and hundreds of disjoint patterns stay as simple as they are.
    pub(super) fn key_regions(
        &mut self,
        languages: &[ExprId],
        fuel: &mut Fuel,
    ) -> Result<Vec<(ExprId, Vec<bool>)>, Halt> {
        let mut regions: Vec<(ExprId, Vec<bool>)> = Vec::new();
        for (index, &language) in languages.iter().enumerate() {
            let outside = self.lexer.exprs.not(language);
            let mut next = Vec::with_capacity(regions.len() + 1);
            for (base, within) in regions {
                fuel.spend(1)?;
                let inside = self.lexer.exprs.and(&[base, language]);
                if self.no_strings(inside, fuel)? {
                    next.push((base, within));
                    continue;
                }
                let mut both = within.clone();
                both[index] = true;
                next.push((inside, both));
                let beside = self.lexer.exprs.and(&[base, outside]);
                if !self.no_strings(beside, fuel)? {
                    next.push((beside, within));
                }
            }
            let mut alone = vec![language];
            for other in &languages[..index] {
                fuel.spend(1)?;
                let both = self.lexer.exprs.and(&[*other, language]);
                if !self.no_strings(both, fuel)? {
                    alone.push(self.lexer.exprs.not(*other));
                }
            }
            let alone = self.lexer.exprs.and(&alone);
            if !self.no_strings(alone, fuel)? {
                let mut within = vec![false; languages.len()];
                within[index] = true;
                next.push((alone, within));
            }
            let limit = u64::from(self.limits.max_key_classes);
            if next.len() as u64 > limit {
                return Err(AutomatonError::Limit { name: "max_key_classes", limit }.into());
            }
            regions = next;
        }
        let mut rest = self.strings.all;
        if !languages.is_empty() {
            let found = self.lexer.exprs.or(languages);
            let outside = self.lexer.exprs.not(found);
            rest = self.lexer.exprs.and(&[rest, outside]);
        }
        if !self.no_strings(rest, fuel)? {
            regions.push((rest, vec![false; languages.len()]));
        }
        Ok(regions)
    }

    /// Only keys in `allowed` remain.
    fn restrict_names(
        &mut self,
        shape: &mut ObjectShape,
        allowed: &StringSet,
        fuel: &mut Fuel,
    ) -> Result<(), Halt> {
        let listed = match allowed {
            StringSet::Finite(texts) if texts.len() <= MAX_LISTED_NAMES => Some(texts.clone()),
            _ => None,
        };
        let language = self.string_expr(allowed);
        for name in &mut shape.names {
            if !self.language_has(language, name.key, fuel)? {
                name.node = NodeId::FALSE;
            }
        }
        let Some(texts) = listed else {
            let names = KeySet { base: language, except: Arc::new([]) };
            for class in &mut shape.classes {
                class.keys = self.intersect_key_sets(&class.keys, &names);
            }
            return Ok(());
        };
        for text in texts.iter() {
            let key = self.key(text);
            for index in 0..shape.classes.len() {
                let class = shape.classes[index].clone();
                if self.key_set_has(&class.keys, key, fuel)? {
                    shape.names.push(Name { key, node: class.node, required: false });
                }
            }
        }
        shape.classes.clear();
        Ok(())
    }

    // -- values ---------------------------------------------------------------------------

    /// Exactly these values.
    pub(super) fn exact_values(
        &mut self,
        values: &[Value],
        mode: Mode,
        fuel: &mut Fuel,
    ) -> Result<Normal, Halt> {
        let mut normal = Normal::empty();
        let mut texts: Vec<Box<str>> = Vec::new();
        let mut numbers = Vec::new();
        let mut pointed = false;
        for value in values {
            fuel.spend(1)?;
            match value {
                Value::Null => normal.null = true,
                Value::Bool(which) => normal.booleans[usize::from(*which)] = true,
                Value::String(text) => texts.push(text.as_str().into()),
                _ if mode == Mode::Strings => {}
                Value::Array(_) | Value::Object(_) if !mode.has_containers() => {}
                Value::Number(number) => {
                    pointed |= number.as_str().contains(['.', 'e', 'E']);
                    let value = Decimal::parse(number).map_err(|_| {
                        let limit = 20_000;
                        Halt::Automaton(AutomatonError::Limit { name: "max_digits", limit })
                    })?;
                    numbers.push(value);
                }
                Value::Array(elements) => {
                    let mut prefix = Vec::with_capacity(elements.len());
                    for element in elements {
                        fuel.spend(8)?;
                        prefix.push(self.value_node(element));
                    }
                    let length = prefix.len() as u32;
                    let shape = ArrayShape {
                        prefix,
                        rest: NodeId::FALSE,
                        min: length,
                        max: Some(length),
                        ..ArrayShape::any()
                    };
                    normal.arrays.extend(self.array(shape)?);
                }
                Value::Object(members) => {
                    let mut shape = self.open_object(&[]);
                    shape.classes.clear();
                    for (name, value) in members {
                        fuel.spend(12)?;
                        let key = self.key(name);
                        let node = self.value_node(value);
                        shape.names.push(Name { key, node, required: true });
                    }
                    normal.objects.extend(self.object(shape)?);
                }
            }
        }
        normal.strings = StringSet::finite(texts)?;
        normal.numbers = self.numbers.listed(&mut self.lexer.exprs, &numbers, pointed);
        self.check_alternatives(normal.arrays.len().max(normal.objects.len()))?;
        Ok(normal)
    }
}
