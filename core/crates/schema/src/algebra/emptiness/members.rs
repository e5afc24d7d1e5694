//! The cheapest way to finish an object: which members are still written, and with what.

use rustc_hash::FxHashSet;
use structgen_automaton::{AutomatonError, Fuel};

use super::{INFINITE, Settled, Sizes, add};
use crate::algebra::objects::ObjectShape;
use crate::algebra::{Algebra, Halt, KeyId, NodeId, ObjectId};
use crate::string::{spell, spelled_len};

/// Slots that are copied or compared in the time of a step.
const SLOTS_PER_STEP: u64 = 8;

/// An object somewhere between two members.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenObject<'a> {
    /// Where it stands in the order of names; names before are past. 0 where order is free.
    pub(crate) position: u32,
    /// Members written.
    pub(crate) count: u32,
    /// Obligations not met yet, as bits.
    pub(crate) pending: u64,
    /// Keys written, as far as they are remembered. Sorted.
    pub(crate) used: &'a [KeyId],
    /// Names up to the position are written or lost (the order is fixed).
    pub(crate) ordered: bool,
}

impl OpenObject<'_> {
    /// Counts and positions are only kept as far as they matter: any trace will do.
    fn has_members(&self) -> bool {
        self.count > 0 || self.position > 0 || !self.used.is_empty()
    }
}

/// A member to write.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// The body of the key's literal.
    pub(crate) key: Vec<u8>,
    pub(crate) node: NodeId,
}

/// What may be written: a name, or a key of a class.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Name(usize),
    Class(usize),
}

/// A choice of slots that meets some obligations.
#[derive(Clone, Debug)]
struct Choice {
    cost: u32,
    /// Slots with their nodes, and whether they were required anyway.
    slots: Vec<(Slot, NodeId)>,
    extras: u32,
}

impl Algebra {
    /// Bytes from the opening brace (not counted) to the end of the object.
    pub(super) fn object_cost(
        &mut self,
        id: ObjectId,
        sizes: &mut dyn Sizes,
        fuel: &mut Fuel,
    ) -> Result<u32, Halt> {
        let shape = self.object_shape(id);
        let start = OpenObject {
            position: 0,
            count: 0,
            pending: all_pending(&shape),
            used: &[],
            ordered: true,
        };
        Ok(self.close_object(&shape, start, sizes, fuel)?.0)
    }

    /// The cheapest end of an object: its cost, brace included, and its members in order.
    pub(crate) fn object_plan(
        &mut self,
        id: ObjectId,
        open: OpenObject<'_>,
        fuel: &mut Fuel,
    ) -> Result<(u32, Vec<Member>), Halt> {
        let shape = self.object_shape(id);
        self.close_object(&shape, open, &mut Settled, fuel)
    }

    fn close_object(
        &mut self,
        shape: &ObjectShape,
        open: OpenObject<'_>,
        sizes: &mut dyn Sizes,
        fuel: &mut Fuel,
    ) -> Result<(u32, Vec<Member>), Halt> {
        const LOST: (u32, Vec<Member>) = (INFINITE, Vec::new());
        let free = |index: usize| {
            let past = open.ordered && index < open.position as usize;
            !past && open.used.binary_search(&shape.names[index].key).is_err()
        };
        fuel.spend(shape.names.len() as u64 / 4)?;
        let available: Vec<usize> = (0..shape.names.len()).filter(|index| free(*index)).collect();
        let required =
            available.iter().filter(|index| shape.names[**index].required).count() as u32;
        let room = shape.max.map(|max| max.saturating_sub(open.count));
        if room.is_some_and(|room| required > room) {
            return Ok(LOST);
        }
        let table = self.required_choice(shape, &available, open.pending, sizes, fuel)?;
        let choices: Vec<Choice> = if open.pending == 0 {
            table.into_iter().map(|(_, choice)| choice).collect()
        } else {
            self.meet_obligations(shape, &available, open, table, room, sizes, fuel)?
        };
        let mut best: Option<Choice> = None;
        for choice in choices {
            let least = shape.min.saturating_sub(open.count);
            let written = required + choice.extras;
            let choice = if written < least {
                let missing = least - written;
                self.fill_up(shape, &available, open, choice, missing, sizes, fuel)?
            } else {
                choice
            };
            let fits = room.is_none_or(|room| required + choice.extras <= room);
            if fits && best.as_ref().is_none_or(|best| choice.cost < best.cost) {
                best = Some(choice);
            }
        }
        let Some(best) = best.filter(|best| best.cost != INFINITE) else { return Ok(LOST) };
        let commas = (best.slots.len() as u32).saturating_sub(u32::from(!open.has_members()));
        let cost = add(best.cost, add(commas, 1));
        let members = self.write_members(shape, open, best.slots, fuel)?;
        Ok((cost, members))
    }

    fn slot_nodes(shape: &ObjectShape, slot: Slot) -> (NodeId, Vec<NodeId>) {
        match slot {
            Slot::Name(index) => (
                shape.names[index].node,
                shape.exists.iter().map(|rule| rule.names[index]).collect(),
            ),
            Slot::Class(index) => (
                shape.classes[index].node,
                shape.exists.iter().map(|rule| rule.classes[index]).collect(),
            ),
        }
    }

    /// The ways in which a slot can meet some of `pending`: bits and node, the empty set
    /// of bits included.
    pub(crate) fn claims(
        &mut self,
        node: NodeId,
        rules: &[NodeId],
        pending: u64,
    ) -> Vec<(u64, NodeId)> {
        let mut out = vec![(0, node)];
        for (index, rule) in rules.iter().enumerate() {
            if pending & (1 << index) == 0 || *rule == NodeId::FALSE {
                continue;
            }
            for way in 0..out.len() {
                let (bits, node) = out[way];
                let both = self.and(&[node, *rule]);
                if both == NodeId::FALSE {
                    continue;
                }
                if both == node {
                    // Met in any case: there is no point in not claiming it.
                    out[way].0 |= 1 << index;
                } else {
                    out.push((bits | 1 << index, both));
                }
            }
        }
        out
    }

    /// The bytes of a member, key, quotes and colon included.
    fn member_cost(
        &mut self,
        shape: &ObjectShape,
        slot: Slot,
        node: NodeId,
        used: &[KeyId],
        sizes: &mut dyn Sizes,
        fuel: &mut Fuel,
    ) -> Result<u32, Halt> {
        let key = match slot {
            Slot::Name(index) => {
                let name = self.key_name(shape.names[index].key);
                spelled_len(&name).min(u32::MAX as usize) as u32
            }
            Slot::Class(index) => {
                let keys = self.key_set_expr(&shape.classes[index].keys, used);
                match self.lexer.exprs.shortest_len(keys, fuel)? {
                    Some(length) => length,
                    None => return Ok(INFINITE),
                }
            }
        };
        Ok(add(add(key, 3), sizes.size(self, node, fuel)?))
    }

    /// The required names, each with the obligations that it can meet: one choice per set of
    /// obligations met.
    fn required_choice(
        &mut self,
        shape: &ObjectShape,
        available: &[usize],
        pending: u64,
        sizes: &mut dyn Sizes,
        fuel: &mut Fuel,
    ) -> Result<Vec<(u64, Choice)>, Halt> {
        let mut table = vec![(0u64, Choice { cost: 0, slots: Vec::new(), extras: 0 })];
        for index in available {
            if !shape.names[*index].required {
                continue;
            }
            fuel.spend(2)?;
            let slot = Slot::Name(*index);
            let (node, rules) = Self::slot_nodes(shape, slot);
            let ways = self.claims(node, &rules, pending);
            if let ([(bits, node)], [(met, choice)]) = (&ways[..], &mut table[..]) {
                // The usual case, for a hundred thousand names: nothing to choose between.
                let price = self.member_cost(shape, slot, *node, &[], sizes, fuel)?;
                if price == INFINITE {
                    // The others are asked all the same: their nodes are met in this round, and
                    // not one in each.
                    table.clear();
                    continue;
                }
                *met |= bits;
                choice.cost = add(choice.cost, price);
                choice.slots.push((slot, *node));
                continue;
            }
            let mut next: Vec<(u64, Choice)> = Vec::new();
            for (bits, node) in ways {
                let price = self.member_cost(shape, slot, node, &[], sizes, fuel)?;
                if price == INFINITE {
                    continue;
                }
                for (met, choice) in &table {
                    fuel.spend(1 + choice.slots.len() as u64 / SLOTS_PER_STEP)?;
                    let mut choice = choice.clone();
                    choice.cost = add(choice.cost, price);
                    choice.slots.push((slot, node));
                    improve(&mut next, met | bits, choice);
                }
            }
            table = next;
        }
        Ok(table)
    }

    /// Adds optional slots until every obligation is met.
    #[allow(clippy::too_many_arguments)]
    fn meet_obligations(
        &mut self,
        shape: &ObjectShape,
        available: &[usize],
        open: OpenObject<'_>,
        mut table: Vec<(u64, Choice)>,
        room: Option<u32>,
        sizes: &mut dyn Sizes,
        fuel: &mut Fuel,
    ) -> Result<Vec<Choice>, Halt> {
        let required =
            available.iter().filter(|index| shape.names[**index].required).count() as u32;
        let most = room.map_or(u32::MAX, |room| room.saturating_sub(required));
        let rounds = open.pending.count_ones();
        let optional = available.iter().filter(|index| !shape.names[**index].required);
        let mut slots: Vec<Slot> = optional.map(|index| Slot::Name(*index)).collect();
        for index in 0..shape.classes.len() {
            // A class can be drawn from once per obligation.
            slots.extend((0..rounds).map(|_| Slot::Class(index)));
        }
        for slot in slots {
            let (node, rules) = Self::slot_nodes(shape, slot);
            let ways = self.claims(node, &rules, open.pending);
            for (bits, node) in ways.into_iter().filter(|(bits, _)| *bits != 0) {
                let price = self.member_cost(shape, slot, node, open.used, sizes, fuel)?;
                if price == INFINITE {
                    continue;
                }
                let before: Vec<(u64, Choice)> = table.clone();
                for (met, choice) in before {
                    fuel.spend(1 + choice.slots.len() as u64 / SLOTS_PER_STEP)?;
                    let taken = choice.slots.iter().any(|(other, _)| match (other, slot) {
                        (Slot::Name(a), Slot::Name(b)) => *a == b,
                        _ => false,
                    });
                    if met & bits == bits || choice.extras >= most || taken {
                        continue;
                    }
                    let mut choice = choice.clone();
                    choice.cost = add(choice.cost, price);
                    choice.extras += 1;
                    choice.slots.push((slot, node));
                    improve(&mut table, met | bits, choice);
                }
            }
        }
        let met = |bits: u64| bits & open.pending == open.pending;
        Ok(table.into_iter().filter(|(bits, _)| met(*bits)).map(|(_, choice)| choice).collect())
    }

    /// Adds `missing` of the cheapest members that are left.
    #[allow(clippy::too_many_arguments)]
    fn fill_up(
        &mut self,
        shape: &ObjectShape,
        available: &[usize],
        open: OpenObject<'_>,
        mut choice: Choice,
        missing: u32,
        sizes: &mut dyn Sizes,
        fuel: &mut Fuel,
    ) -> Result<Choice, Halt> {
        let limit = u64::from(self.limits.max_missing_members);
        if u64::from(missing) > limit {
            return Err(AutomatonError::Limit { name: "max_missing_members", limit }.into());
        }
        let taken: FxHashSet<usize> = choice
            .slots
            .iter()
            .filter_map(|(slot, _)| match slot {
                Slot::Name(index) => Some(*index),
                Slot::Class(_) => None,
            })
            .collect();
        let drawn = choice.slots.len() - taken.len();
        let mut offers: Vec<(u32, Slot, NodeId)> = Vec::new();
        for index in available {
            fuel.spend(2)?;
            if taken.contains(index) {
                continue;
            }
            let node = shape.names[*index].node;
            let price =
                self.member_cost(shape, Slot::Name(*index), node, open.used, sizes, fuel)?;
            if price != INFINITE {
                offers.push((price, Slot::Name(*index), node));
            }
        }
        for (index, class) in shape.classes.iter().enumerate() {
            let size = sizes.size(self, class.node, fuel)?;
            if size == INFINITE {
                continue;
            }
            let want = missing as usize + drawn;
            let keys = self.cheapest_keys(&class.keys, open.used, want, fuel)?;
            for key in keys.into_iter().skip(drawn) {
                let price = add(size, key.len() as u32 + 3);
                offers.push((price, Slot::Class(index), class.node));
            }
        }
        offers.sort_by_key(|(price, ..)| *price);
        if offers.len() < missing as usize {
            choice.cost = INFINITE;
            return Ok(choice);
        }
        for (price, slot, node) in offers.into_iter().take(missing as usize) {
            choice.cost = add(choice.cost, price);
            choice.extras += 1;
            choice.slots.push((slot, node));
        }
        Ok(choice)
    }

    /// Up to `count` of the shortest keys of a set that are not used yet.
    pub(super) fn cheapest_keys(
        &mut self,
        set: &crate::algebra::KeySet,
        used: &[KeyId],
        count: usize,
        fuel: &mut Fuel,
    ) -> Result<Vec<Vec<u8>>, Halt> {
        let mut used = used.to_vec();
        let mut out = Vec::with_capacity(count.min(64));
        while out.len() < count {
            fuel.spend(16)?;
            let keys = self.key_set_expr(set, &used);
            let Some(body) = self.lexer.exprs.shortest(keys, fuel)? else { break };
            let key = self.key_of_body(&body);
            if let Err(place) = used.binary_search(&key) {
                used.insert(place, key);
            }
            out.push(body);
        }
        Ok(out)
    }

    /// Puts the chosen members in writing order and gives those of classes their keys.
    fn write_members(
        &mut self,
        shape: &ObjectShape,
        open: OpenObject<'_>,
        mut slots: Vec<(Slot, NodeId)>,
        fuel: &mut Fuel,
    ) -> Result<Vec<Member>, Halt> {
        slots.sort_by_key(|(slot, _)| match slot {
            Slot::Name(index) => (0, *index),
            Slot::Class(index) => (1, *index),
        });
        let mut used = open.used.to_vec();
        let mut out = Vec::with_capacity(slots.len());
        for (slot, node) in slots {
            fuel.spend(4)?;
            let key = match slot {
                Slot::Name(index) => spell(&self.key_name(shape.names[index].key)),
                Slot::Class(index) => {
                    let keys = self.cheapest_keys(&shape.classes[index].keys, &used, 1, fuel)?;
                    let Some(body) = keys.into_iter().next() else { continue };
                    let key = self.key_of_body(&body);
                    if let Err(place) = used.binary_search(&key) {
                        used.insert(place, key);
                    }
                    body
                }
            };
            out.push(Member { key, node });
        }
        Ok(out)
    }

    /// The key that a literal's body spells.
    pub(crate) fn key_of_body(&mut self, body: &[u8]) -> KeyId {
        let mut literal = Vec::with_capacity(body.len() + 2);
        literal.push(b'"');
        literal.extend_from_slice(body);
        literal.push(b'"');
        // The body has been read by a language of legal bodies.
        let name: String = serde_json::from_slice(&literal).unwrap_or_default();
        self.key(&name)
    }
}

/// All obligations of a shape, as bits.
pub(crate) fn all_pending(shape: &ObjectShape) -> u64 {
    (1u64 << shape.exists.len().min(63)) - 1
}

fn improve(table: &mut Vec<(u64, Choice)>, met: u64, choice: Choice) {
    match table.iter_mut().find(|(bits, other)| *bits == met && other.extras == choice.extras) {
        Some((_, known)) if known.cost <= choice.cost => {}
        Some((_, known)) => *known = choice,
        None => table.push((met, choice)),
    }
}
