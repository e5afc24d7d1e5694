//! From nodes to normal forms.
//!
//! A location is a conjunction of parts: its own assertions, which give one shape per type,
//! and its applicators. Its negation is the union of the negations of the parts, so that
//! normal forms are complemented one shape at a time wherever that is possible.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use serde_json::Value;
use structgen_automaton::{AutomatonError, Fuel, pace};
use structgen_regex::Exprs;

use super::objects::Name;
use super::{Algebra, ArrayId, Halt, KeyId, Node, NodeId, Normal, ObjectId, StringSet};
use crate::location::LocId;

/// What is wanted of a normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// What the node allows.
    Plain,
    /// The same, and what each shape has evaluated.
    Tracked,
    /// The strings alone (for `propertyNames`, which may refer to the schema around it).
    Strings,
    /// Everything but arrays and objects.
    Scalars,
}

impl Mode {
    pub(super) fn has_containers(self) -> bool {
        matches!(self, Mode::Plain | Mode::Tracked)
    }
}

/// A shared normal form.
type Shared = Arc<Normal>;

/// Steps of the watch for one node.
const PACE: u32 = 16;

impl Algebra {
    pub(super) fn evaluate(
        &mut self,
        id: NodeId,
        mode: Mode,
        fuel: &mut Fuel,
    ) -> Result<Shared, Halt> {
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
            // Some take many microseconds: what is combined may be long.
            let may_go_on = fuel.spend(8).and_then(|()| pace(PACE));
            may_go_on.map_err(Halt::from).and_then(|()| self.build(id, mode, fuel))
        };
        self.nesting -= 1;
        self.open.remove(&(id, mode));
        let mut normal = result?;
        if !mode.has_containers() {
            normal.arrays.clear();
            normal.objects.clear();
        }
        let normal = Arc::new(normal);
        self.check_nodes()?;
        self.lexer.exprs.check()?;
        self.normals.insert((id, mode), normal.clone());
        Ok(normal)
    }

    fn build(&mut self, id: NodeId, mode: Mode, fuel: &mut Fuel) -> Result<Normal, Halt> {
        match &*self.node(id) {
            Node::True | Node::Unsaid => Ok(self.everything()),
            Node::False => Ok(Normal::empty()),
            Node::Location(loc) => self.positive(*loc, mode, fuel),
            Node::Assertions(loc) => self.assertions(*loc, mode, fuel),
            Node::Absent(key) => self.presence(*key, false, &[]),
            Node::Members { names, others, node } => {
                let mut normal = self.everything();
                normal.objects = self.bounded_members(names, others, *node)?.into_iter().collect();
                Ok(normal)
            }
            Node::Elements { from, to, node } => {
                let mut normal = self.everything();
                normal.arrays = self.bounded_elements(*from, *to, *node)?.into_iter().collect();
                Ok(normal)
            }
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
            Node::Or(parts) => self.any_of(parts, mode, fuel),
            Node::Except(node, values) => {
                let mut normal = (*self.evaluate(*node, mode, fuel)?).clone();
                let values: Vec<Value> = values.iter().map(|id| self.value_of(*id)).collect();
                let values = self.exact_values(&values, mode, fuel)?;
                normal.null &= !values.null;
                for which in 0..2 {
                    normal.booleans[which] &= !values.booleans[which];
                }
                normal.strings = self.subtract_strings(&normal.strings, &values.strings, fuel)?;
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
        // Where there are no containers anyway, nobody asks what becomes of them.
        let scalars = inner.has_containers() && all.arrays.is_empty() && all.objects.is_empty();
        let inner = if scalars { Mode::Scalars } else { inner };
        for part in self.applicators(loc) {
            let part = self.part(&part, inner, fuel)?;
            all = self.intersect(&all, &part, fuel)?;
        }
        if !mode.has_containers() {
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
            Node::True | Node::Unsaid => Ok(Normal::empty()),
            Node::False => Ok(self.everything()),
            Node::Location(loc) => self.negative(*loc, mode, fuel),
            Node::Value(_)
            | Node::Except(..)
            | Node::Assertions(_)
            | Node::Absent(_)
            | Node::Members { .. }
            | Node::Elements { .. } => {
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
        if !mode.has_containers() {
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

    pub(super) fn applicators(&mut self, loc: LocId) -> Vec<Part> {
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
            Part::Any(nodes) => Ok(Arc::new(self.any_of(nodes, mode, fuel)?)),
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
                let key = self.key(name);
                let absent = self.presence(key, false, &[])?;
                let present = self.presence(key, true, needed)?;
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
                let key = self.key(name);
                let present = self.presence(key, true, &[])?;
                let mut broken = (*self.negated(*node, mode, fuel)?).clone();
                for name in needed {
                    let key = self.key(name);
                    let mut absent = self.presence(key, false, &[])?;
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
    fn presence(&mut self, key: KeyId, present: bool, also: &[String]) -> Result<Normal, Halt> {
        let mut keys = vec![key];
        let mut seen = FxHashSet::from_iter([key]);
        if present {
            for name in also {
                pace(0)?;
                let key = self.key(name);
                if seen.insert(key) {
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

    /// What some node allows. Listed strings are put together once: one after the other, thousands of
    /// constants would be copied for each of them.
    fn any_of(&mut self, nodes: &[NodeId], mode: Mode, fuel: &mut Fuel) -> Result<Normal, Halt> {
        let mut any = Normal::empty();
        let mut texts: Vec<Box<str>> = Vec::new();
        for node in nodes {
            let mut branch = (*self.evaluate(*node, mode, fuel)?).clone();
            if let StringSet::Finite(listed) = &branch.strings {
                fuel.spend(listed.len() as u64)?;
                texts.extend(listed.iter().cloned());
                branch.strings = StringSet::none();
            }
            any = self.unite(&any, &branch)?;
        }
        any.strings = self.unite_strings(&any.strings, &StringSet::finite(texts)?);
        Ok(any)
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
        let mut strings = self.listed_once(&branches)?;
        for branch in &branches {
            if branch.numbers != Exprs::EMPTY {
                let outside = self.complement_numbers(branch.numbers);
                let kept = self.intersect_numbers(numbers.0, outside);
                let fresh = self.intersect_numbers(numbers.1, branch.numbers);
                numbers.0 = self.unite_numbers(kept, fresh);
                numbers.1 = self.intersect_numbers(numbers.1, outside);
            }
            if matches!(branch.strings, StringSet::Language(_)) {
                let outside = self.complement_strings(&branch.strings);
                let kept = self.intersect_strings(&strings.0, &outside, fuel)?;
                let fresh = self.intersect_strings(&strings.1, &branch.strings, fuel)?;
                strings.0 = self.unite_strings(&kept, &fresh);
                strings.1 = self.intersect_strings(&strings.1, &outside, fuel)?;
            }
        }
        let mut arrays = Vec::new();
        let mut objects = Vec::new();
        if mode.has_containers() {
            let has_any =
                |i: &usize| !branches[*i].arrays.is_empty() || !branches[*i].objects.is_empty();
            let concerned: Vec<usize> = (0..branches.len()).filter(has_any).collect();
            for &i in &concerned {
                let (own_arrays, own_objects) =
                    self.alone(i, &concerned, nodes, &branches, mode, fuel)?;
                arrays = self.unite_arrays(&arrays, &own_arrays)?;
                objects = self.unite_objects(&objects, &own_objects)?;
            }
        }
        Ok(Normal { null, booleans, numbers: numbers.0, strings: strings.0, arrays, objects })
    }

    /// Of the strings that branches list: those that one of them does, and all strings that none
    /// does.
    fn listed_once(&mut self, branches: &[Shared]) -> Result<(StringSet, StringSet), Halt> {
        let mut texts: Vec<&str> = Vec::new();
        for branch in branches {
            if let StringSet::Finite(listed) = &branch.strings {
                pace(listed.len() as u32)?;
                texts.extend(listed.iter().map(|text| &**text));
            }
        }
        texts.sort_unstable();
        let alike = || texts.chunk_by(|a, b| a == b);
        let once = alike().filter(|run| run.len() == 1).map(|run| run[0].into()).collect();
        let languages = branches.iter().any(|b| matches!(b.strings, StringSet::Language(_)));
        let none = match languages {
            true => {
                let all = alike().map(|run| run[0].into()).collect();
                self.complement_strings(&StringSet::finite(all)?)
            }
            // Nobody asks.
            false => StringSet::none(),
        };
        Ok((StringSet::finite(once)?, none))
    }

    /// The arrays and objects that branch `i` allows and no other one does; `concerned` are the
    /// branches that allow any.
    fn alone(
        &mut self,
        i: usize,
        concerned: &[usize],
        nodes: &[NodeId],
        branches: &[Shared],
        mode: Mode,
        fuel: &mut Fuel,
    ) -> Result<(Vec<ArrayId>, Vec<ObjectId>), Halt> {
        let mut arrays = branches[i].arrays.clone();
        let mut objects = branches[i].objects.clone();
        for &j in concerned.iter().filter(|j| **j != i) {
            if !self.arrays_disjoint(&arrays, &branches[j].arrays, fuel)? {
                let others = self.negated(nodes[j], mode, fuel)?;
                arrays = self.intersect_array_lists(&arrays, &others.arrays, fuel)?;
            }
            if !self.objects_disjoint(&objects, &branches[j].objects, fuel)? {
                let others = self.negated(nodes[j], mode, fuel)?;
                objects = self.intersect_object_lists(&objects, &others.objects, fuel)?;
            }
        }
        Ok((arrays, objects))
    }
}

/// An applicator, as a part of a conjunction.
#[derive(Clone, Debug)]
pub(super) enum Part {
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
