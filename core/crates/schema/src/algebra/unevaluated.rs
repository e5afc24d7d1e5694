//! `unevaluatedProperties` and `unevaluatedItems` without a normal form.
//!
//! Whether a schema beside the keyword has evaluated a member hangs on two things: the key, and
//! which schemas hold for the whole object. Keys fall into few *classes* that no schema beside
//! the keyword tells apart, and for each of them it is a formula over those schemas whether its
//! members have been evaluated. So the keyword says, of every class: its members have been
//! evaluated, or all of them hold the schema of the keyword. That is a conjunction as long as
//! there are classes, where the normal form has as many alternatives as there are sets of
//! schemas that may hold together.
//!
//! Of an array the same is said of classes of elements: by their index, and by which schemas of
//! `contains` they hold.

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, Fuel};
use structgen_regex::ExprId;

use super::deferred::Builder;
use super::evaluate::Part;
use super::formula::{Gate, GateId};
use super::{Algebra, Halt, KeyId, KeySet, Node, NodeId};
use crate::location::LocId;
use crate::options::Draft;

/// Kinds of elements that the schemas of `contains` tell apart; each is read in parallel.
const MAX_KINDS: usize = 64;

/// A schema that applies to the same value as the keyword.
struct Place {
    loc: LocId,
    ways: Vec<Way>,
}

/// What a schema passes on: all that another one has evaluated, on a condition.
struct Way {
    condition: Condition,
    place: usize,
}

enum Condition {
    None,
    Holds(NodeId),
    Fails(NodeId),
    Present(String),
}

/// When the members or elements of a class have been evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Sight {
    Never,
    Always,
    If(GateId),
}

/// The schemas that apply beside a keyword, each behind those that it passes on; the last one
/// has the keyword.
#[derive(Default)]
struct Places {
    list: Vec<Place>,
    index: FxHashMap<LocId, usize>,
    /// By the places that evaluate a class themselves: when it has been evaluated at all.
    sights: FxHashMap<Box<[bool]>, Sight>,
}

/// Keys whose members are evaluated alike.
#[derive(Default)]
struct KeyClass {
    names: Vec<KeyId>,
    /// Languages of other keys.
    others: Vec<ExprId>,
}

impl Algebra {
    /// The gates of `unevaluatedProperties` with the schema `inner`, at `loc`: all have to hold.
    pub(super) fn unevaluated_properties(
        &mut self,
        loc: LocId,
        inner: LocId,
        out: &mut Builder,
        fuel: &mut Fuel,
    ) -> Result<Vec<GateId>, Halt> {
        let node = self.location_node(inner);
        if node == NodeId::TRUE {
            return Ok(Vec::new());
        }
        let mut places = Places::default();
        self.place(loc, 0, &mut places, fuel)?;
        let mut classes: Vec<(Sight, KeyClass)> = Vec::new();
        let mut class_of: FxHashMap<Sight, usize> = FxHashMap::default();
        let mut class = |sight: Sight, names: &[KeyId], others: &[ExprId]| {
            let index = *class_of.entry(sight).or_insert_with(|| {
                classes.push((sight, KeyClass::default()));
                classes.len() - 1
            });
            classes[index].1.names.extend_from_slice(names);
            classes[index].1.others.extend_from_slice(others);
        };
        let readers = self.key_readers(loc, &places);
        let mut names: Vec<KeyId> =
            readers.iter().flat_map(|reader| reader.names.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let mut patterns: Vec<ExprId> =
            readers.iter().flat_map(|reader| reader.patterns.clone()).collect();
        patterns.sort_unstable();
        patterns.dedup();
        for name in &names {
            let mut finds = Vec::with_capacity(patterns.len());
            for pattern in &patterns {
                finds.push(self.language_has(*pattern, *name, fuel)?);
            }
            let own = readers.iter().map(|reader| {
                reader.names.binary_search(name).is_ok() || reader.reads(&patterns, &finds)
            });
            let sight = self.sight(own.collect(), &mut places, out, fuel)?;
            class(sight, &[*name], &[]);
        }
        for (language, finds) in self.key_regions(&patterns, fuel)? {
            let own = readers.iter().map(|reader| reader.reads(&patterns, &finds));
            let sight = self.sight(own.collect(), &mut places, out, fuel)?;
            class(sight, &[], &[language]);
        }
        let mut all = Vec::with_capacity(classes.len());
        for (sight, class) in classes {
            if sight != Sight::Always {
                let base = self.lexer.exprs.or(&class.others);
                let others = KeySet { base, except: names.as_slice().into() };
                let bound = self.members_node(class.names.into(), others, node);
                all.push(self.unless(sight, bound, out, fuel)?);
            }
        }
        Ok(all)
    }

    /// The gates of `unevaluatedItems` with the schema `inner`, at `loc`: all have to hold.
    pub(super) fn unevaluated_items(
        &mut self,
        loc: LocId,
        inner: LocId,
        out: &mut Builder,
        fuel: &mut Fuel,
    ) -> Result<Vec<GateId>, Halt> {
        let mut places = Places::default();
        self.place(loc, 0, &mut places, fuel)?;
        let readers = self.element_readers(loc, &places);
        let mut matching: Vec<NodeId> =
            readers.iter().filter_map(|reader| reader.matching).collect();
        matching.sort_unstable();
        matching.dedup();
        let kinds = self.kinds(loc, inner, &matching, fuel)?;
        let mut starts: Vec<u32> = readers.iter().map(|reader| reader.prefix).collect();
        starts.push(0);
        starts.retain(|start| *start != u32::MAX);
        starts.sort_unstable();
        starts.dedup();
        let mut all = Vec::new();
        for (index, from) in starts.iter().enumerate() {
            let mut classes: Vec<(Sight, Vec<NodeId>)> = Vec::new();
            for (kind, holds) in &kinds {
                let own = readers.iter().map(|reader| {
                    reader.prefix > *from
                        || reader.matching.is_some_and(|node| holds.contains(&node))
                });
                let sight = self.sight(own.collect(), &mut places, out, fuel)?;
                match classes.iter_mut().find(|(other, _)| *other == sight) {
                    Some((_, kinds)) => kinds.push(*kind),
                    None => classes.push((sight, vec![*kind])),
                }
            }
            for (sight, kinds) in classes {
                if sight != Sight::Always {
                    let broken = self.or(&kinds);
                    let node = self.not(broken);
                    let bound = self.elements_node(*from, starts.get(index + 1).copied(), node);
                    all.push(self.unless(sight, bound, out, fuel)?);
                }
            }
        }
        Ok(all)
    }

    /// The values that do not hold `inner`, by which of the nodes they hold.
    fn kinds(
        &mut self,
        loc: LocId,
        inner: LocId,
        nodes: &[NodeId],
        fuel: &mut Fuel,
    ) -> Result<Vec<(NodeId, Vec<NodeId>)>, Halt> {
        let inner = self.location_node(inner);
        let broken = self.not(inner);
        let mut kinds = vec![(broken, Vec::new())];
        kinds.retain(|(kind, _)| *kind != NodeId::FALSE);
        for node in nodes {
            let not = self.not(*node);
            let mut next = Vec::with_capacity(kinds.len() + 1);
            for (kind, holds) in kinds {
                let inside = self.and(&[kind, *node]);
                if !self.known_empty(inside, fuel)? {
                    let mut holds = holds.clone();
                    holds.push(*node);
                    next.push((inside, holds));
                }
                let outside = self.and(&[kind, not]);
                if !self.known_empty(outside, fuel)? {
                    next.push((outside, holds));
                }
            }
            if next.len() > MAX_KINDS {
                return Err(Halt::Unevaluated(loc));
            }
            kinds = next;
        }
        Ok(kinds)
    }

    /// A class has been evaluated, or all of it holds `bound`.
    fn unless(
        &mut self,
        sight: Sight,
        bound: NodeId,
        out: &mut Builder,
        fuel: &mut Fuel,
    ) -> Result<GateId, Halt> {
        let bound = self.gate(bound, out, fuel)?;
        match sight {
            Sight::If(gate) => out.push(Gate::Any(Box::new([bound, gate]))),
            _ => Ok(bound),
        }
    }

    // -- who evaluates --------------------------------------------------------------------

    /// Files what applies beside the keyword at `loc`; its index.
    fn place(
        &mut self,
        loc: LocId,
        nesting: u32,
        places: &mut Places,
        fuel: &mut Fuel,
    ) -> Result<usize, Halt> {
        if let Some(known) = places.index.get(&loc) {
            return Ok(*known);
        }
        fuel.spend(1)?;
        if nesting > self.limits.max_nesting {
            let limit = u64::from(self.limits.max_nesting);
            return Err(AutomatonError::Limit { name: "max_nesting", limit }.into());
        }
        let mut ways = Vec::new();
        for part in self.applicators(loc) {
            let mut way = |condition: Condition, node: NodeId| {
                // A negation passes nothing on.
                let Node::Location(inner) = *self.node(node) else { return Ok(()) };
                let place = self.place(inner, nesting + 1, places, fuel)?;
                ways.push(Way { condition, place });
                Ok::<(), Halt>(())
            };
            match part {
                Part::All(node) => way(Condition::None, node)?,
                Part::Any(nodes) | Part::One(nodes) => {
                    for node in nodes {
                        way(Condition::Holds(node), node)?;
                    }
                }
                Part::If(condition, then, otherwise) => {
                    way(Condition::Holds(condition), condition)?;
                    way(Condition::Holds(condition), then)?;
                    way(Condition::Fails(condition), otherwise)?;
                }
                Part::Dependent(name, _, node) => way(Condition::Present(name), node)?,
            }
        }
        places.list.push(Place { loc, ways });
        places.index.insert(loc, places.list.len() - 1);
        Ok(places.list.len() - 1)
    }

    /// When a class has been evaluated that these places evaluate themselves.
    fn sight(
        &mut self,
        own: Box<[bool]>,
        places: &mut Places,
        out: &mut Builder,
        fuel: &mut Fuel,
    ) -> Result<Sight, Halt> {
        if let Some(known) = places.sights.get(&own) {
            return Ok(*known);
        }
        let mut found: Vec<Sight> = Vec::with_capacity(places.list.len());
        for (place, own) in places.list.iter().zip(&own) {
            fuel.spend(1)?;
            let mut sight = if *own { Sight::Always } else { Sight::Never };
            let mut gates: Vec<GateId> = Vec::new();
            for way in &place.ways {
                if sight == Sight::Always || found[way.place] == Sight::Never {
                    continue;
                }
                let passed = self.passed(&way.condition, found[way.place], out, fuel)?;
                match passed {
                    Sight::If(gate) if gates.contains(&gate) => {}
                    Sight::If(gate) => gates.push(gate),
                    _ => sight = Sight::Always,
                }
            }
            if sight == Sight::Never && !gates.is_empty() {
                sight = match gates.as_slice() {
                    [one] => Sight::If(*one),
                    _ => Sight::If(out.push(Gate::Any(gates.into()))?),
                };
            }
            found.push(sight);
        }
        let sight = found.last().copied().unwrap_or(Sight::Never);
        places.sights.insert(own, sight);
        Ok(sight)
    }

    /// What is seen of something that is evaluated when `sight` says, behind a condition.
    fn passed(
        &mut self,
        condition: &Condition,
        sight: Sight,
        out: &mut Builder,
        fuel: &mut Fuel,
    ) -> Result<Sight, Halt> {
        let condition = match condition {
            Condition::None => return Ok(sight),
            Condition::Holds(node) => self.gate(*node, out, fuel)?,
            Condition::Fails(node) => {
                let holds = self.gate(*node, out, fuel)?;
                out.push(Gate::Not(holds))?
            }
            Condition::Present(name) => {
                let absent = self.absent_node(name);
                let absent = self.gate(absent, out, fuel)?;
                out.push(Gate::Not(absent))?
            }
        };
        Ok(match sight {
            Sight::If(gate) => Sight::If(out.push(Gate::All(Box::new([condition, gate])))?),
            _ => Sight::If(condition),
        })
    }

    /// The keys that each place evaluates itself.
    fn key_readers(&mut self, root: LocId, places: &Places) -> Vec<KeyReader> {
        let mut readers = Vec::with_capacity(places.list.len());
        for place in &places.list {
            let schema = self.schema(place.loc);
            let nested = place.loc != root && schema.unevaluated_properties.is_some();
            let rules = &schema.object;
            let mut names: Vec<KeyId> =
                rules.properties.iter().map(|(name, _)| self.key(name)).collect();
            names.sort_unstable();
            let mut patterns = Vec::with_capacity(rules.patterns.len());
            for (pattern, _) in &rules.patterns {
                patterns.push(self.strings.lower(&mut self.lexer.exprs, pattern));
            }
            readers.push(KeyReader { all: nested || rules.additional.is_some(), names, patterns });
        }
        readers
    }

    /// The elements that each place evaluates itself.
    fn element_readers(&mut self, root: LocId, places: &Places) -> Vec<ElementReader> {
        let mut readers = Vec::with_capacity(places.list.len());
        for place in &places.list {
            let schema = self.schema(place.loc);
            let nested = place.loc != root && schema.unevaluated_items.is_some();
            let rules = &schema.array;
            let all = nested || rules.rest.is_some();
            let contains = rules.contains.as_ref().filter(|_| schema.draft >= Draft::Draft202012);
            readers.push(ElementReader {
                prefix: if all { u32::MAX } else { rules.prefix.len() as u32 },
                matching: contains.map(|rule| self.location_node(rule.schema)),
            });
        }
        readers
    }
}

/// The keys whose members a schema evaluates itself.
struct KeyReader {
    all: bool,
    /// Sorted.
    names: Vec<KeyId>,
    patterns: Vec<ExprId>,
}

impl KeyReader {
    /// Whether it evaluates a key for its text, by the (sorted) patterns that are found in it.
    fn reads(&self, patterns: &[ExprId], finds: &[bool]) -> bool {
        self.all || patterns.iter().zip(finds).any(|(e, found)| *found && self.patterns.contains(e))
    }
}

/// The elements that a schema evaluates itself.
struct ElementReader {
    /// The first ones; `u32::MAX`: all.
    prefix: u32,
    /// And those that hold this.
    matching: Option<NodeId>,
}
