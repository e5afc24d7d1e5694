//! The first thing to write: the cheapest way on from a state.

use std::sync::Arc;

use structgen_automaton::{AutomatonError, Fuel, LexState};

use super::{Task, Way, add, before, finish, improve, pick, tail};
use crate::algebra::{INFINITE, KeyId, NodeId};
use crate::frames::{Frame, Frames, SetId};
use crate::layout::Gap;
use crate::machine::SchemaAutomaton;
use crate::machine::stack::{Cell, CellId, Phase, State};

impl SchemaAutomaton {
    /// By tag: the cost of everything after the value that the cell waits for.
    pub(super) fn tails(
        &mut self,
        cell: CellId,
        fuel: &mut Fuel,
    ) -> Result<Arc<Vec<u32>>, AutomatonError> {
        let mut chain = Vec::new();
        let mut current = cell;
        let mut outer: Arc<Vec<u32>> = loop {
            if let Some(known) = self.tails.get(&current) {
                break known.clone();
            }
            chain.push(current);
            if matches!(&*self.frame(current), Frame::Root { .. }) {
                break Arc::new(Vec::new());
            }
            current = self.at(current).parent;
        };
        for cell in chain.into_iter().rev() {
            fuel.spend(1)?;
            let mut costs: Vec<u32>;
            match &*self.frame(cell) {
                Frame::Root { .. } => costs = vec![0],
                Frame::Element { asks, runs, .. } => {
                    let outer = self.inside(cell, &outer);
                    costs = vec![INFINITE; self.frames.asked(*asks).nodes.len()];
                    for (ask, run) in runs {
                        let cost = self.array_run_cost(run, fuel)?;
                        improve(&mut costs, *ask, add(cost, tail(&outer, run.tag)));
                    }
                }
                Frame::Member { asks, used, runs, .. } => {
                    let outer = self.inside(cell, &outer);
                    costs = vec![INFINITE; self.frames.asked(*asks).nodes.len()];
                    let keys = self.frames.used_keys(used);
                    for (ask, run) in runs {
                        let cost = self.frames.object_run_cost(run, &keys, fuel)?;
                        improve(&mut costs, *ask, add(cost, tail(&outer, run.tag)));
                    }
                }
                _ => costs = Vec::new(),
            }
            outer = Arc::new(costs);
            self.tails.insert(cell, outer.clone());
        }
        Ok(outer)
    }

    /// Of the lexemes alive, the one that ends everything soonest.
    fn nearest_lexeme(
        &mut self,
        cell: CellId,
        lex: LexState,
        fuel: &mut Fuel,
    ) -> Result<Option<Way>, AutomatonError> {
        let tails = self.tails(cell, fuel)?;
        let tags = self.frames.algebra.lexer.tags(lex);
        let mut best: Option<(u32, u32)> = None;
        for tag in tags {
            let Some(length) = self.frames.algebra.lexer.shortest_len(lex, Some(tag), fuel)? else {
                continue;
            };
            let cost = add(length, tail(&tails, tag));
            if cost != INFINITE && best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, tag));
            }
        }
        let Some((cost, tag)) = best else { return Ok(None) };
        let rest = self.frames.algebra.lexer.shortest(lex, Some(tag), fuel)?;
        Ok(rest.map(|rest| (cost, vec![Task::Bytes(rest), finish(cell, tag)])))
    }

    /// Of the nodes asked for at `cell`, the one whose document ends everything soonest.
    fn nearest_value(
        &mut self,
        cell: CellId,
        fuel: &mut Fuel,
    ) -> Result<Option<Way>, AutomatonError> {
        let Some(asks) = self.frames.asks_of(self.at(cell).frame) else { return Ok(None) };
        let tails = self.tails(cell, fuel)?;
        let mut best: Option<(u32, u32, NodeId)> = None;
        for (tag, node) in self.frames.asked(asks).nodes.iter().enumerate() {
            let cost = add(self.size(*node, fuel)?, tail(&tails, tag as u32));
            if cost != INFINITE && best.is_none_or(|(least, ..)| cost < least) {
                best = Some((cost, tag as u32, *node));
            }
        }
        let depth = self.at(cell).depth;
        Ok(best.map(|(cost, tag, node)| {
            let finish = Task::Finish { cell, tag, marked: true };
            (cost, vec![Task::Mark, Task::Value(node, depth), finish])
        }))
    }

    /// What ends the document soonest: its cost, and what is to be written.
    pub(super) fn nearest(
        &mut self,
        state: State,
        fuel: &mut Fuel,
    ) -> Result<Option<Way>, AutomatonError> {
        let State { cell, phase, .. } = state;
        let depth = self.at(cell).depth;
        match phase {
            Phase::Done { .. } => Ok(Some((0, Vec::new()))),
            Phase::Value { gap } => {
                let place = self.gap_before_value(cell);
                let rest = self.rest_of_gap(place, depth, gap);
                Ok(self.nearest_value(cell, fuel)?.map(|way| before(rest, way)))
            }
            Phase::Colon { gap } => {
                let mut rest = self.rest_of_gap(Gap::BeforeColon, depth, gap);
                rest.push(b':');
                rest.extend(self.layout.text(Gap::AfterColon, depth));
                let way = self.nearest_value(cell, fuel)?;
                Ok(way.map(|(cost, tasks)| before(rest, (add(cost, 1), tasks))))
            }
            Phase::Word { word, read } => {
                let tags = self.word_tags(cell, word, fuel)?;
                let tails = self.tails(cell, fuel)?;
                let tags = self.frames.tag_list(tags);
                let best = tags.iter().map(|tag| (tail(&tails, *tag), *tag)).min();
                let rest = word.text()[read as usize..].to_vec();
                Ok(best.filter(|(cost, _)| *cost != INFINITE).map(|(cost, tag)| {
                    (add(cost, rest.len() as u32), vec![Task::Bytes(rest), finish(cell, tag)])
                }))
            }
            Phase::Text { lex } | Phase::Number { lex } => self.nearest_lexeme(cell, lex, fuel),
            Phase::First { gap } => {
                let must_go_on = gap > 0 && !self.layout.is_free();
                let rest = self.rest_of_gap(Gap::Open, depth, gap);
                let more = self.nearest_member(cell, None, fuel)?;
                let close = if must_go_on { None } else { self.nearest_close(cell, fuel)? };
                Ok(pick(
                    close.map(|(cost, tag)| (cost, self.closing(cell, tag, Vec::new()))),
                    more.map(|way| before(rest, way)),
                ))
            }
            Phase::After { gap } => self.nearest_after(cell, gap, fuel),
            Phase::NextKey { gap } => {
                let rest = self.rest_of_gap(Gap::AfterComma, depth, gap);
                Ok(self.nearest_member(cell, None, fuel)?.map(|way| before(rest, way)))
            }
            Phase::Key { lex, mark } => {
                let read = self.text_between(mark, state.text);
                self.nearest_member(cell, Some((lex, read)), fuel)
            }
        }
    }

    fn nearest_after(
        &mut self,
        cell: CellId,
        gap: u32,
        fuel: &mut Fuel,
    ) -> Result<Option<Way>, AutomatonError> {
        let depth = self.at(cell).depth;
        let begun = gap > 0 && !self.layout.is_free();
        let closing = gap > 0 && self.layout.begun_to_close(depth);
        let more = if closing { None } else { self.nearest_member(cell, None, fuel)? };
        let close = if begun && !closing { None } else { self.nearest_close(cell, fuel)? };
        let before_close = self.rest_of_gap(Gap::Close, depth, gap);
        let mut comma = self.rest_of_gap(Gap::BeforeComma, depth, gap);
        comma.push(b',');
        comma.extend(self.layout.text(Gap::AfterComma, depth));
        let more = more.map(|(cost, tasks)| before(comma, (add(cost, 1), tasks)));
        let close = close.map(|(cost, tag)| (cost, self.closing(cell, tag, before_close)));
        Ok(pick(close, more))
    }

    /// The key that `prefix` becomes with `rest`, or with a longer one if it is in `used`; and
    /// that rest. `lex` and `tag` are what the key is read by.
    ///
    /// Numbers are tried as endings in their order, so that the next state, which tries what is
    /// left of them, comes to an ending that is no longer. Those in `used` may be in the way, and
    /// the `names` that the schema has.
    fn fresh_key(
        &mut self,
        prefix: &[u8],
        rest: Vec<u8>,
        (lex, tag): (LexState, u32),
        used: SetId,
        names: usize,
        fuel: &mut Fuel,
    ) -> Result<Option<(KeyId, Vec<u8>)>, AutomatonError> {
        let stem = rest.strip_suffix(b"\"").unwrap_or(&rest).to_vec();
        let mut body = [prefix, &stem].concat();
        let mut rest = rest;
        for ending in 0..=self.frames.sets.len(used) + names {
            fuel.spend(4)?;
            let key = self.frames.algebra.key_of_body(&body);
            if !self.frames.sets.contains(used, key.0) && self.reads(lex, &rest, tag, fuel)? {
                return Ok(Some((key, rest)));
            }
            let ending = ending.to_string();
            body = [prefix, &stem, ending.as_bytes()].concat();
            rest = [&stem, ending.as_bytes(), b"\""].concat();
        }
        Ok(None)
    }

    /// Whether the lexer in `lex` reads `text` as an example of `tag`.
    fn reads(
        &mut self,
        mut lex: LexState,
        text: &[u8],
        tag: u32,
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        let lexer = &mut self.frames.algebra.lexer;
        for byte in text {
            lex = lexer.step(lex, *byte, fuel)?;
            if lex.is_dead() {
                return Ok(false);
            }
        }
        Ok(lexer.accept(lex).is_some_and(|accept| lexer.accept_tags(accept).contains(&tag)))
    }

    pub(super) fn rest_of_gap(&self, gap: Gap, depth: u32, read: u32) -> Vec<u8> {
        let text = self.layout.text(gap, depth);
        text.get(read as usize..).unwrap_or(&[]).to_vec()
    }

    /// Ends the container on top with a run of that tag.
    fn closing(&self, cell: CellId, tag: u32, mut gap: Vec<u8>) -> Vec<Task> {
        let is_array = matches!(&*self.frame(cell), Frame::Array { .. });
        gap.push(if is_array { b']' } else { b'}' });
        vec![Task::Bytes(gap), finish(self.at(cell).parent, tag)]
    }

    /// The cheapest run that may end here: cost and tag.
    fn nearest_close(
        &mut self,
        cell: CellId,
        fuel: &mut Fuel,
    ) -> Result<Option<(u32, u32)>, AutomatonError> {
        let Cell { parent, frame, .. } = self.at(cell);
        let tags = self.frames.closing_tags(frame);
        if tags == Frames::NO_TAGS {
            return Ok(None);
        }
        let tags = self.frames.tag_list(tags);
        let tails = self.tails(parent, fuel)?;
        let best = tags.iter().map(|tag| (add(1, tail(&tails, *tag)), *tag)).min();
        Ok(best.filter(|(cost, _)| *cost != INFINITE))
    }

    /// The cheapest way with one more element or member. Inside a key, `read` says how far
    /// it has come.
    fn nearest_member(
        &mut self,
        cell: CellId,
        read: Option<(LexState, Vec<u8>)>,
        fuel: &mut Fuel,
    ) -> Result<Option<Way>, AutomatonError> {
        let Cell { parent, frame, depth, .. } = self.at(cell);
        if let Some(element) = self.frames.element(frame, fuel)? {
            let waiting = self.replaced(cell, element);
            return self.nearest_value(waiting, fuel);
        }
        let found = self.frames.frame(frame);
        let Frame::Object { used, runs, .. } = &*found else { return Ok(None) };
        let plan = self.frames.key_plan(frame, fuel)?;
        let outer = self.tails(parent, fuel)?;
        let tails = self.inside(cell, &outer);
        let free = runs.iter().any(|run| !run.ordered);
        let fresh = read.is_none();
        let (lex, prefix) = read.unwrap_or_else(|| (plan.lex, Vec::new()));
        let tags = self.frames.algebra.lexer.tags(lex);
        let mut best: Option<Way> = None;
        for tag in tags {
            let Some(mut rest) = self.frames.algebra.lexer.shortest(lex, Some(tag), fuel)? else {
                continue;
            };
            let Some(served) = plan.tags.get(tag as usize) else { continue };
            let mut keys = self.frames.used_keys(used);
            let known = plan.keys.get(tag as usize).copied().flatten();
            let key = match known {
                Some(key) => free.then_some(key),
                None => {
                    let Some((key, other)) = self.fresh_key(
                        &prefix,
                        rest,
                        (lex, tag),
                        used.open,
                        plan.keys.len(),
                        fuel,
                    )?
                    else {
                        continue;
                    };
                    rest = other;
                    Some(key)
                }
            };
            if let Some(key) = key {
                if let Err(place) = keys.binary_search(&key) {
                    keys.insert(place, key);
                }
            }
            for (index, slot) in served {
                let run = &runs[*index as usize];
                for (node, after) in self.frames.member_ways(run, *slot, &keys, fuel)? {
                    // The key with its quotes, the colon, the value, and what comes then.
                    let mut cost = rest.len() as u32 + 1 + u32::from(fresh);
                    cost = add(cost, self.size(node, fuel)?);
                    cost = add(cost, self.frames.object_run_cost(&after, &keys, fuel)?);
                    cost = add(cost, tail(&tails, run.tag));
                    if cost == INFINITE || best.as_ref().is_some_and(|(least, _)| *least <= cost) {
                        continue;
                    }
                    let mut text = Vec::new();
                    if fresh {
                        text.push(b'"');
                    }
                    text.extend(&rest);
                    text.extend(self.layout.text(Gap::BeforeColon, depth));
                    text.push(b':');
                    text.extend(self.layout.text(Gap::AfterColon, depth));
                    let tag = self.reported(cell, run.tag);
                    best = Some((
                        cost,
                        vec![
                            Task::Bytes(text),
                            Task::Value(node, depth),
                            Task::ObjectRest {
                                run: after,
                                used: keys.clone(),
                                depth,
                                started: true,
                            },
                            finish(parent, tag),
                        ],
                    ));
                }
            }
        }
        Ok(best)
    }
}
