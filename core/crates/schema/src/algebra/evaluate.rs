//! From nodes to normal forms.
//!
//! A location is a conjunction of parts: its own assertions, which give one shape per type,
//! and its applicators. Its negation is the union of the negations of the parts, so that
//! normal forms are complemented one shape at a time wherever that is possible.

use std::sync::Arc;

use serde_json::Value;
use structgen_automaton::{AutomatonError, Fuel};
use structgen_regex::{ExprId, Exprs};

use super::arrays::{ArrayShape, Contains, EvaluatedItems, Unique};
use super::objects::{Class, KeySet, Name, ObjectShape};
use super::{Algebra, ArrayId, Halt, Node, NodeId, Normal, ObjectId, StringSet};
use crate::decimal::Decimal;
use crate::location::{LocId, NumberRules, ObjectRules, StringRules, TypeSet};
use crate::options::Draft;

/// What is wanted of a normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// What the node allows.
    Plain,
    /// The same, and what each shape has evaluated.
    Tracked,
    /// The strings alone (for `propertyNames`, which may refer to the schema around it).
    Strings,
}

/// A shared normal form.
type Shared = Arc<Normal>;

/// Classes of keys that overlapping patterns may give rise to.
const MAX_KEY_CLASSES: usize = 512;

/// Names that are told apart because `propertyNames` lists them.
const MAX_LISTED_NAMES: usize = 1_000;

impl Algebra {
    /// The normal form of `node`.
    pub(crate) fn normal(&mut self, node: NodeId, fuel: &mut Fuel) -> Result<Shared, Halt> {
        self.evaluate(node, Mode::Plain, fuel)
    }

    fn evaluate(&mut self, id: NodeId, mode: Mode, fuel: &mut Fuel) -> Result<Shared, Halt> {
        if let Some(known) = self.normals.get(&(id, mode)) {
            return Ok(known.clone());
        }
        if !self.open.insert((id, mode)) {
            return Err(Halt::Circle);
        }
        self.nesting += 1;
        let result = if self.nesting > self.limits.max_nesting {
            let limit = u64::from(self.limits.max_nesting);
            Err(Halt::Automaton(AutomatonError::Limit { name: "max_nesting", limit }))
        } else {
            fuel.spend(8).map_err(Halt::from).and_then(|()| self.build(id, mode, fuel))
        };
        self.nesting -= 1;
        self.open.remove(&(id, mode));
        let normal = Arc::new(result?);
        self.check_nodes()?;
        self.lexer.exprs.check()?;
        self.normals.insert((id, mode), normal.clone());
        Ok(normal)
    }

    fn build(&mut self, id: NodeId, mode: Mode, fuel: &mut Fuel) -> Result<Normal, Halt> {
        match &*self.node(id) {
            Node::True => Ok(self.everything()),
            Node::False => Ok(Normal::empty()),
            Node::Location(loc) => self.positive(*loc, mode, fuel),
            Node::Value(value) => {
                let value = self.value_of(*value);
                self.exact_values(std::slice::from_ref(&value), mode, fuel)
            }
            Node::And(parts) => {
                let mut all = self.everything();
                for part in parts {
                    let part = self.evaluate(*part, mode, fuel)?;
                    all = self.intersect(&all, &part, fuel)?;
                }
                Ok(all)
            }
            Node::Or(parts) => {
                let mut any = Normal::empty();
                for part in parts {
                    let part = self.evaluate(*part, mode, fuel)?;
                    any = self.unite(&any, &part)?;
                }
                Ok(any)
            }
            Node::Except(node, values) => {
                let mut normal = (*self.evaluate(*node, mode, fuel)?).clone();
                let values: Vec<Value> = values.iter().map(|id| self.value_of(*id)).collect();
                let values = self.exact_values(&values, mode, fuel)?;
                let outside = self.complement_strings(&values.strings);
                normal.null &= !values.null;
                for which in 0..2 {
                    normal.booleans[which] &= !values.booleans[which];
                }
                normal.strings = self.intersect_strings(&normal.strings, &outside, fuel)?;
                if values.numbers != Exprs::EMPTY {
                    let outside = self.complement_numbers(values.numbers);
                    normal.numbers = self.intersect_numbers(normal.numbers, outside);
                }
                Ok(normal)
            }
            Node::Not(inner) => {
                let mut normal = self.negative_node(*inner, mode, fuel)?;
                if self.tracks_evaluation {
                    self.forget_evaluated(&mut normal);
                }
                Ok(normal)
            }
        }
    }

    fn forget_evaluated(&mut self, normal: &mut Normal) {
        for shape in &mut normal.arrays {
            *shape = self.forget_evaluated_items(*shape);
        }
        for shape in &mut normal.objects {
            *shape = self.forget_evaluated_properties(*shape);
        }
    }

    // -- locations ------------------------------------------------------------------------

    fn positive(&mut self, loc: LocId, mode: Mode, fuel: &mut Fuel) -> Result<Normal, Halt> {
        let schema = self.schema(loc);
        let unevaluated =
            schema.unevaluated_items.is_some() || schema.unevaluated_properties.is_some();
        let inner = if unevaluated && mode == Mode::Plain { Mode::Tracked } else { mode };
        let mut all = self.assertions(loc, inner, fuel)?;
        for part in self.applicators(loc) {
            let part = self.part(&part, inner, fuel)?;
            all = self.intersect(&all, &part, fuel)?;
        }
        if mode == Mode::Strings {
            return Ok(all);
        }
        if let Some(items) = schema.unevaluated_items {
            let node = self.location_node(items);
            let mut arrays = Vec::new();
            for shape in all.arrays {
                arrays.extend(self.apply_unevaluated_items(shape, node)?);
            }
            all.arrays = arrays;
        }
        if let Some(properties) = schema.unevaluated_properties {
            let node = self.location_node(properties);
            let mut objects = Vec::new();
            for shape in all.objects {
                objects.extend(self.apply_unevaluated_properties(shape, node, fuel)?);
            }
            all.objects = objects;
        }
        if unevaluated && mode == Mode::Plain {
            self.forget_evaluated(&mut all);
        }
        Ok(all)
    }

    fn negative_node(&mut self, id: NodeId, mode: Mode, fuel: &mut Fuel) -> Result<Normal, Halt> {
        match &*self.node(id) {
            Node::True => Ok(Normal::empty()),
            Node::False => Ok(self.everything()),
            Node::Location(loc) => self.negative(*loc, mode, fuel),
            Node::Value(_) | Node::Except(..) => {
                let value = self.evaluate(id, mode, fuel)?;
                self.complement(&value, fuel)
            }
            Node::And(parts) => {
                let mut any = Normal::empty();
                for part in parts {
                    let part = self.negated(*part, mode, fuel)?;
                    any = self.unite(&any, &part)?;
                }
                Ok(any)
            }
            Node::Or(parts) => {
                let mut all = self.everything();
                for part in parts {
                    let part = self.negated(*part, mode, fuel)?;
                    all = self.intersect(&all, &part, fuel)?;
                }
                Ok(all)
            }
            Node::Not(inner) => Ok((*self.evaluate(*inner, mode, fuel)?).clone()),
        }
    }

    fn negated(&mut self, id: NodeId, mode: Mode, fuel: &mut Fuel) -> Result<Shared, Halt> {
        let not = self.not(id);
        self.evaluate(not, mode, fuel)
    }

    fn negative(&mut self, loc: LocId, mode: Mode, fuel: &mut Fuel) -> Result<Normal, Halt> {
        // What was evaluated does not matter outside a negation.
        let mode = if mode == Mode::Tracked { Mode::Plain } else { mode };
        let schema = self.schema(loc);
        let assertions = self.assertions(loc, mode, fuel)?;
        let mut any = self.complement(&assertions, fuel)?;
        for part in self.applicators(loc) {
            let part = self.negative_part(&part, mode, fuel)?;
            any = self.unite(&any, &part)?;
        }
        if mode == Mode::Strings {
            return Ok(any);
        }
        if schema.unevaluated_items.is_none() && schema.unevaluated_properties.is_none() {
            return Ok(any);
        }
        let mut rest = self.assertions(loc, Mode::Tracked, fuel)?;
        for part in self.applicators(loc) {
            let part = self.part(&part, Mode::Tracked, fuel)?;
            rest = self.intersect(&rest, &part, fuel)?;
        }
        let mut broken = Normal::empty();
        if let Some(items) = schema.unevaluated_items {
            let node = self.location_node(items);
            for shape in rest.arrays {
                broken.arrays.extend(self.violate_unevaluated_items(shape, node)?);
            }
        }
        if let Some(properties) = schema.unevaluated_properties {
            let node = self.location_node(properties);
            for shape in rest.objects {
                broken.objects.extend(self.violate_unevaluated_properties(shape, node, fuel)?);
            }
        }
        self.unite(&any, &broken)
    }

    // -- applicators ----------------------------------------------------------------------

    fn applicators(&mut self, loc: LocId) -> Vec<Part> {
        let schema = self.schema(loc);
        let mut parts = Vec::new();
        for target in schema.refs.iter().chain(&schema.all_of) {
            parts.push(Part::All(self.location_node(*target)));
        }
        let nodes = |this: &mut Self, list: &[LocId]| -> Vec<NodeId> {
            list.iter().map(|loc| this.location_node(*loc)).collect()
        };
        if let Some(list) = &schema.any_of {
            parts.push(Part::Any(nodes(self, list)));
        }
        if let Some(list) = &schema.one_of {
            parts.push(Part::One(nodes(self, list)));
        }
        if let Some(inner) = schema.not {
            let inner = self.location_node(inner);
            parts.push(Part::All(self.not(inner)));
        }
        if let Some(condition) = schema.condition {
            let condition = self.location_node(condition);
            let then = schema.then.map_or(NodeId::TRUE, |loc| self.location_node(loc));
            let otherwise = schema.otherwise.map_or(NodeId::TRUE, |loc| self.location_node(loc));
            parts.push(Part::If(condition, then, otherwise));
        }
        for (name, needed) in &schema.object.dependent_required {
            parts.push(Part::Dependent(name.clone(), needed.clone(), NodeId::TRUE));
        }
        for (name, target) in &schema.object.dependent_schemas {
            let node = self.location_node(*target);
            parts.push(Part::Dependent(name.clone(), Vec::new(), node));
        }
        parts
    }

    fn part(&mut self, part: &Part, mode: Mode, fuel: &mut Fuel) -> Result<Shared, Halt> {
        match part {
            Part::All(node) => self.evaluate(*node, mode, fuel),
            Part::Any(nodes) if mode == Mode::Tracked => self.any_exactly(nodes, fuel),
            Part::Any(nodes) => {
                let mut any = Normal::empty();
                for node in nodes {
                    let branch = self.evaluate(*node, mode, fuel)?;
                    any = self.unite(&any, &branch)?;
                }
                Ok(Arc::new(any))
            }
            Part::One(nodes) => Ok(Arc::new(self.exactly_one(nodes, mode, fuel)?)),
            Part::If(condition, then, otherwise) => {
                if mode != Mode::Tracked && *then == NodeId::TRUE && *otherwise == NodeId::TRUE {
                    return Ok(Arc::new(self.everything()));
                }
                let holds = self.both(*condition, *then, mode, fuel)?;
                let not = self.not(*condition);
                let fails = self.both(not, *otherwise, mode, fuel)?;
                Ok(Arc::new(self.unite(&holds, &fails)?))
            }
            Part::Dependent(name, needed, node) => {
                let absent = self.presence(name, false, &[])?;
                let present = self.presence(name, true, needed)?;
                let node = self.evaluate(*node, mode, fuel)?;
                let present = self.intersect(&present, &node, fuel)?;
                Ok(Arc::new(self.unite(&absent, &present)?))
            }
        }
    }

    fn both(&mut self, a: NodeId, b: NodeId, mode: Mode, fuel: &mut Fuel) -> Result<Normal, Halt> {
        let a = self.evaluate(a, mode, fuel)?;
        if a.is_plainly_empty() {
            return Ok(Normal::empty());
        }
        let b = self.evaluate(b, mode, fuel)?;
        self.intersect(&a, &b, fuel)
    }

    fn negative_part(&mut self, part: &Part, mode: Mode, fuel: &mut Fuel) -> Result<Shared, Halt> {
        match part {
            Part::All(node) => self.negated(*node, mode, fuel),
            Part::Any(nodes) => {
                let mut all = self.everything();
                for node in nodes {
                    let branch = self.negated(*node, mode, fuel)?;
                    all = self.intersect(&all, &branch, fuel)?;
                }
                Ok(Arc::new(all))
            }
            Part::One(nodes) => {
                let one = self.exactly_one(nodes, mode, fuel)?;
                Ok(Arc::new(self.complement(&one, fuel)?))
            }
            Part::If(condition, then, otherwise) => {
                let then = self.not(*then);
                let holds = self.both(*condition, then, mode, fuel)?;
                let not = self.not(*condition);
                let otherwise = self.not(*otherwise);
                let fails = self.both(not, otherwise, mode, fuel)?;
                Ok(Arc::new(self.unite(&holds, &fails)?))
            }
            Part::Dependent(name, needed, node) => {
                let present = self.presence(name, true, &[])?;
                let mut broken = (*self.negated(*node, mode, fuel)?).clone();
                for name in needed {
                    let mut absent = self.presence(name, false, &[])?;
                    absent.keep_objects();
                    broken = self.unite(&broken, &absent)?;
                }
                let mut out = self.intersect(&present, &broken, fuel)?;
                out.keep_objects();
                Ok(Arc::new(out))
            }
        }
    }

    /// Everything that is not an object, and the objects with (without) the key.
    fn presence(&mut self, name: &str, present: bool, also: &[String]) -> Result<Normal, Halt> {
        let key = self.key(name);
        let mut keys = vec![key];
        if present {
            for name in also {
                let key = self.key(name);
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        let mut shape = self.open_object(&sorted);
        if present {
            let required = |key| Name { key, node: NodeId::TRUE, required: true };
            shape.names = keys.into_iter().map(required).collect();
        }
        let mut normal = self.everything();
        normal.objects = self.object(shape)?.into_iter().collect();
        Ok(normal)
    }

    /// The union of the branches, taken apart so that each shape knows which of them hold.
    fn any_exactly(&mut self, nodes: &[NodeId], fuel: &mut Fuel) -> Result<Shared, Halt> {
        let mut some = Normal::empty();
        let mut none = self.everything();
        for node in nodes {
            let holds = self.evaluate(*node, Mode::Tracked, fuel)?;
            let fails = self.negated(*node, Mode::Tracked, fuel)?;
            let first = self.intersect(&none, &holds, fuel)?;
            let again = self.intersect(&some, &holds, fuel)?;
            let skipped = self.intersect(&some, &fails, fuel)?;
            some = self.unite(&again, &skipped)?;
            some = self.unite(&some, &first)?;
            none = self.intersect(&none, &fails, fuel)?;
        }
        Ok(Arc::new(some))
    }

    /// One branch and none of the others, type by type.
    fn exactly_one(
        &mut self,
        nodes: &[NodeId],
        mode: Mode,
        fuel: &mut Fuel,
    ) -> Result<Normal, Halt> {
        let mut branches = Vec::with_capacity(nodes.len());
        for node in nodes {
            branches.push(self.evaluate(*node, mode, fuel)?);
        }
        let one = |test: &dyn Fn(&Normal) -> bool| branches.iter().filter(|b| test(b)).count() == 1;
        let null = one(&|b| b.null);
        let booleans = [one(&|b| b.booleans[0]), one(&|b| b.booleans[1])];
        let mut numbers = (Exprs::EMPTY, self.numbers.all);
        let mut strings = (StringSet::none(), StringSet::Language(self.strings.all));
        for branch in &branches {
            if branch.numbers != Exprs::EMPTY {
                let outside = self.complement_numbers(branch.numbers);
                let kept = self.intersect_numbers(numbers.0, outside);
                let fresh = self.intersect_numbers(numbers.1, branch.numbers);
                numbers.0 = self.unite_numbers(kept, fresh);
                numbers.1 = self.intersect_numbers(numbers.1, outside);
            }
            if !branch.strings.is_none() {
                let outside = self.complement_strings(&branch.strings);
                let kept = self.intersect_strings(&strings.0, &outside, fuel)?;
                let fresh = self.intersect_strings(&strings.1, &branch.strings, fuel)?;
                strings.0 = self.unite_strings(&kept, &fresh);
                strings.1 = self.intersect_strings(&strings.1, &outside, fuel)?;
            }
        }
        let mut arrays = Vec::new();
        let mut objects = Vec::new();
        if mode != Mode::Strings {
            for i in 0..branches.len() {
                let own = self.alone_arrays(i, nodes, &branches, mode, fuel)?;
                arrays = self.unite_arrays(&arrays, &own)?;
                let own = self.alone_objects(i, nodes, &branches, mode, fuel)?;
                objects = self.unite_objects(&objects, &own)?;
            }
        }
        Ok(Normal { null, booleans, numbers: numbers.0, strings: strings.0, arrays, objects })
    }

    fn alone_arrays(
        &mut self,
        i: usize,
        nodes: &[NodeId],
        branches: &[Shared],
        mode: Mode,
        fuel: &mut Fuel,
    ) -> Result<Vec<ArrayId>, Halt> {
        let mut own = branches[i].arrays.clone();
        for j in (0..branches.len()).filter(|j| *j != i) {
            if self.arrays_disjoint(&own, &branches[j].arrays, fuel)? {
                continue;
            }
            let others = self.negated(nodes[j], mode, fuel)?;
            own = self.intersect_array_lists(&own, &others.arrays, fuel)?;
        }
        Ok(own)
    }

    fn alone_objects(
        &mut self,
        i: usize,
        nodes: &[NodeId],
        branches: &[Shared],
        mode: Mode,
        fuel: &mut Fuel,
    ) -> Result<Vec<ObjectId>, Halt> {
        let mut own = branches[i].objects.clone();
        for j in (0..branches.len()).filter(|j| *j != i) {
            if self.objects_disjoint(&own, &branches[j].objects, fuel)? {
                continue;
            }
            let others = self.negated(nodes[j], mode, fuel)?;
            own = self.intersect_object_lists(&own, &others.objects, fuel)?;
        }
        Ok(own)
    }

    // -- a location's own assertions ------------------------------------------------------

    fn assertions(&mut self, loc: LocId, mode: Mode, fuel: &mut Fuel) -> Result<Normal, Halt> {
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
        if mode != Mode::Strings {
            if types.has(TypeSet::NUMBER) || types.has(TypeSet::INTEGER) {
                let integers = !types.has(TypeSet::NUMBER);
                normal.numbers = self.number_rules(&schema.number, integers, schema.draft);
            }
            if types.has(TypeSet::ARRAY) {
                normal.arrays = self.array_rules(loc, mode)?.into_iter().collect();
            }
            if types.has(TypeSet::OBJECT) {
                normal.objects =
                    self.object_rules(&schema.object, mode, fuel)?.into_iter().collect();
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

    fn number_rules(&mut self, rules: &NumberRules, integers: bool, draft: Draft) -> ExprId {
        let exprs = &mut self.lexer.exprs;
        let mut parts = Vec::new();
        if integers {
            parts.push(self.numbers.integer(exprs, draft == Draft::Draft4));
        }
        for bound in &rules.lower {
            parts.push(self.numbers.bounded(exprs, &bound.value, true, bound.exclusive));
        }
        for bound in &rules.upper {
            parts.push(self.numbers.bounded(exprs, &bound.value, false, bound.exclusive));
        }
        if let Some(step) = &rules.multiple_of {
            // Steps without a language are refused when the schema is compiled.
            parts.push(self.numbers.multiple(exprs, step).unwrap_or(Exprs::EMPTY));
        }
        if parts.is_empty() {
            return self.numbers.all;
        }
        let language = if parts.len() == 1 { parts[0] } else { exprs.and(&parts) };
        if integers { language } else { self.numbers.within_universe(exprs, language) }
    }

    fn array_rules(&mut self, loc: LocId, mode: Mode) -> Result<Option<ArrayId>, Halt> {
        let schema = self.schema(loc);
        let draft = schema.draft;
        let rules = schema.array.clone();
        let prefix: Vec<NodeId> = rules.prefix.iter().map(|loc| self.location_node(*loc)).collect();
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

    fn object_rules(
        &mut self,
        rules: &ObjectRules,
        mode: Mode,
        fuel: &mut Fuel,
    ) -> Result<Option<ObjectId>, Halt> {
        let additional = rules.additional.map_or(NodeId::TRUE, |loc| self.location_node(loc));
        let mut patterns: Vec<(ExprId, NodeId)> = Vec::with_capacity(rules.patterns.len());
        for (pattern, loc) in &rules.patterns {
            let language = self.strings.lower(&mut self.lexer.exprs, pattern);
            patterns.push((language, self.location_node(*loc)));
        }
        let mut names = Vec::with_capacity(rules.properties.len() + rules.required.len());
        let mut index_of = rustc_hash::FxHashMap::default();
        for (name, loc) in &rules.properties {
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
        let all = self.strings.all;
        let mut parts: Vec<(ExprId, Option<NodeId>)> = vec![(all, None)];
        for (language, node) in patterns {
            let outside = self.lexer.exprs.not(*language);
            let mut next = Vec::with_capacity(parts.len() + 1);
            for (base, matched) in parts {
                fuel.spend(1)?;
                let inside = self.lexer.exprs.and(&[base, *language]);
                if !self.no_strings(inside, fuel)? {
                    let node = self.and(&[matched.unwrap_or(NodeId::TRUE), *node]);
                    next.push((inside, Some(node)));
                }
                let beside = self.lexer.exprs.and(&[base, outside]);
                if !self.no_strings(beside, fuel)? {
                    next.push((beside, matched));
                }
                if next.len() > MAX_KEY_CLASSES {
                    let limit = MAX_KEY_CLASSES as u64;
                    return Err(AutomatonError::Limit { name: "max_key_classes", limit }.into());
                }
            }
            parts = next;
        }
        let except: Arc<[super::KeyId]> = names.into();
        let class = |(base, matched): (ExprId, Option<NodeId>)| Class {
            keys: KeySet { base, except: except.clone() },
            node: matched.unwrap_or(additional),
        };
        Ok(parts.into_iter().map(class).collect())
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
            for class in &mut shape.classes {
                class.keys.base = self.lexer.exprs.and(&[class.keys.base, language]);
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
    fn exact_values(
        &mut self,
        values: &[Value],
        mode: Mode,
        fuel: &mut Fuel,
    ) -> Result<Normal, Halt> {
        let mut normal = Normal::empty();
        let mut texts: Vec<Box<str>> = Vec::new();
        let mut numbers = Vec::new();
        for value in values {
            fuel.spend(1)?;
            match value {
                Value::Null => normal.null = true,
                Value::Bool(which) => normal.booleans[usize::from(*which)] = true,
                Value::String(text) => texts.push(text.as_str().into()),
                _ if mode == Mode::Strings => {}
                Value::Number(number) => {
                    let value = Decimal::parse(number).map_err(|_| {
                        let limit = 20_000;
                        Halt::Automaton(AutomatonError::Limit { name: "max_digits", limit })
                    })?;
                    numbers.push(self.numbers.equal(&mut self.lexer.exprs, &value));
                }
                Value::Array(elements) => {
                    let prefix: Vec<NodeId> =
                        elements.iter().map(|element| self.value_node(element)).collect();
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
                        let key = self.key(name);
                        let node = self.value_node(value);
                        shape.names.push(Name { key, node, required: true });
                    }
                    normal.objects.extend(self.object(shape)?);
                }
            }
        }
        normal.strings = StringSet::finite(texts);
        normal.numbers = self.lexer.exprs.or(&numbers);
        self.check_alternatives(normal.arrays.len().max(normal.objects.len()))?;
        Ok(normal)
    }
}

/// An applicator, as a part of a conjunction.
#[derive(Clone, Debug)]
enum Part {
    All(NodeId),
    Any(Vec<NodeId>),
    One(Vec<NodeId>),
    If(NodeId, NodeId, NodeId),
    /// If the object has the key, it also has those, and holds that.
    Dependent(String, Vec<String>, NodeId),
}

impl Normal {
    /// Without everything that is not an object.
    fn keep_objects(&mut self) {
        let objects = std::mem::take(&mut self.objects);
        *self = Normal { objects, ..Normal::empty() };
    }
}
