//! The shortest way to the end of the document.
//!
//! Costs are bytes without white space, so that they do not depend on the depth; what is
//! written has the white space that the layout demands.

use std::sync::Arc;

use structgen_automaton::{AutomatonError, Fuel, LexState};

use super::{Cell, CellId, Phase, SchemaAutomaton, State, TextId};
use crate::algebra::{INFINITE, KeyId, Member, NodeId, Unique};
use crate::frames::{ArrayRun, Frame, Frames, ObjectRun};
use crate::layout::Gap;
use crate::options::PropertyOrder;

/// A completion beyond this is no use to anybody.
const MAX_COMPLETION: usize = 1 << 24;

/// Containers that a new element is kept apart from; each multiplies its alternatives.
const MAX_COMPARED: usize = 4;

fn add(a: u32, b: u32) -> u32 {
    if a == INFINITE || b == INFINITE { INFINITE } else { a.saturating_add(b).min(INFINITE - 1) }
}

/// Something still to be written.
#[derive(Clone, Debug)]
enum Task {
    Bytes(Vec<u8>),
    /// The shortest document of the node, inside `depth` containers.
    Value(NodeId, u32),
    /// `marked`: the element before it was written after a `Mark`.
    ArrayRest {
        run: ArrayRun,
        seen: Vec<u32>,
        depth: u32,
        started: bool,
        marked: bool,
    },
    ObjectRest {
        run: ObjectRun,
        used: Vec<KeyId>,
        depth: u32,
        started: bool,
    },
    /// The value that the cell waits for has ended and holds the tag. `marked`: it was
    /// written after a `Mark`, as a whole.
    Finish {
        cell: CellId,
        tag: u32,
        marked: bool,
    },
    /// An element begins here whose value will be looked at.
    Mark,
}

/// What has been written so far.
struct Written {
    out: Vec<u8>,
    /// Where marked elements began.
    marks: Vec<usize>,
    /// What had been read of a kept element before.
    text: TextId,
}

impl SchemaAutomaton {
    pub(super) fn complete(
        &mut self,
        state: State,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        let Some(tasks) = self.first_tasks(state, fuel)? else { return Ok(None) };
        self.write(tasks, state.text, fuel)
    }

    /// Does what the tasks say, in order; `text` is what has been read of a kept element.
    fn write(
        &mut self,
        tasks: Vec<Task>,
        text: TextId,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        let mut stack: Vec<Task> = tasks.into_iter().rev().collect();
        let mut written = Written { out: Vec::new(), marks: Vec::new(), text };
        while let Some(task) = stack.pop() {
            fuel.spend(1)?;
            if written.out.len() > MAX_COMPLETION {
                return Err(too_long());
            }
            match task {
                Task::Bytes(bytes) => written.out.extend(bytes),
                Task::Mark => written.marks.push(written.out.len()),
                other => {
                    let Some(next) = self.expand(other, &mut written, fuel)? else {
                        return Ok(None);
                    };
                    stack.extend(next.into_iter().rev());
                }
            }
        }
        Ok(Some(written.out))
    }

    // -- costs ----------------------------------------------------------------------------

    /// By tag: the cost of everything after the value that the cell waits for.
    fn tails(&mut self, cell: CellId, fuel: &mut Fuel) -> Result<Arc<Vec<u32>>, AutomatonError> {
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
                    costs = vec![INFINITE; self.frames.asked(*asks).len()];
                    for (ask, run) in runs {
                        let cost = self.array_run_cost(run, fuel)?;
                        improve(&mut costs, *ask, add(cost, tail(&outer, run.tag)));
                    }
                }
                Frame::Member { asks, used, runs } => {
                    costs = vec![INFINITE; self.frames.asked(*asks).len()];
                    for (ask, run) in runs {
                        let cost = self.frames.object_run_cost(run, &used.keys, fuel)?;
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

    fn array_run_cost(&mut self, run: &ArrayRun, fuel: &mut Fuel) -> Result<u32, AutomatonError> {
        Ok(self.frames.algebra.settled_array_cost(run.shape, run.position, &run.counts, fuel)?)
    }

    fn size(&mut self, node: NodeId, fuel: &mut Fuel) -> Result<u32, AutomatonError> {
        Ok(self.frames.algebra.size(node, fuel)?)
    }

    /// Of the lexemes alive, the one that ends soonest: its tag and its rest.
    fn nearest_lexeme(
        &mut self,
        cell: CellId,
        lex: LexState,
        fuel: &mut Fuel,
    ) -> Result<Option<(u32, Vec<u8>)>, AutomatonError> {
        let tails = self.tails(cell, fuel)?;
        let tags: Vec<u32> =
            self.frames.algebra.lexer.parts(lex).iter().map(|(tag, _)| *tag).collect();
        let mut best = None;
        for tag in tags {
            let Some(length) = self.frames.algebra.lexer.shortest_len(lex, Some(tag), fuel)? else {
                continue;
            };
            let cost = add(length, tail(&tails, tag));
            if cost != INFINITE && best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, tag));
            }
        }
        let Some((_, tag)) = best else { return Ok(None) };
        let rest = self.frames.algebra.lexer.shortest(lex, Some(tag), fuel)?;
        Ok(rest.map(|rest| (tag, rest)))
    }

    /// Of the nodes asked for at `cell`, the one whose document ends everything soonest.
    fn nearest_value(
        &mut self,
        cell: CellId,
        fuel: &mut Fuel,
    ) -> Result<Option<(u32, Vec<Task>)>, AutomatonError> {
        let Some(asks) = self.frames.asks_of(self.at(cell).frame) else { return Ok(None) };
        let tails = self.tails(cell, fuel)?;
        let mut best: Option<(u32, u32, NodeId)> = None;
        for (tag, node) in self.frames.asked(asks).iter().enumerate() {
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

    // -- the first thing to write ---------------------------------------------------------

    fn first_tasks(
        &mut self,
        state: State,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<Task>>, AutomatonError> {
        let State { cell, phase, .. } = state;
        let depth = self.at(cell).depth;
        match phase {
            Phase::Done => Ok(Some(Vec::new())),
            Phase::Value { gap } => {
                let place = self.gap_before_value(cell);
                let rest = self.rest_of_gap(place, depth, gap);
                Ok(self.nearest_value(cell, fuel)?.map(|(_, tasks)| before(rest, tasks)))
            }
            Phase::Colon { gap } => {
                let mut rest = self.rest_of_gap(Gap::BeforeColon, depth, gap);
                rest.push(b':');
                rest.extend(self.layout.text(Gap::AfterColon, depth));
                Ok(self.nearest_value(cell, fuel)?.map(|(_, tasks)| before(rest, tasks)))
            }
            Phase::Word { word, read } => {
                let tags = self.word_tags(cell, word, fuel)?;
                let tails = self.tails(cell, fuel)?;
                let tags = self.frames.tag_list(tags);
                let best = tags.iter().min_by_key(|tag| tail(&tails, **tag));
                let rest = word.text()[read as usize..].to_vec();
                Ok(best.map(|tag| vec![Task::Bytes(rest), finish(cell, *tag)]))
            }
            Phase::Text { lex } | Phase::Number { lex } => {
                let nearest = self.nearest_lexeme(cell, lex, fuel)?;
                Ok(nearest.map(|(tag, rest)| vec![Task::Bytes(rest), finish(cell, tag)]))
            }
            Phase::First { gap } => {
                let must_go_on = gap > 0 && !self.layout.is_free();
                let rest = self.rest_of_gap(Gap::Open, depth, gap);
                let more = self.nearest_member(cell, None, fuel)?;
                let close = if must_go_on { None } else { self.nearest_close(cell, fuel)? };
                Ok(pick(
                    close.map(|(cost, tag)| (cost, self.closing(cell, tag, Vec::new()))),
                    more.map(|(cost, tasks)| (cost, before(rest, tasks))),
                ))
            }
            Phase::After { gap } => self.tasks_after(cell, gap, fuel),
            Phase::NextKey { gap } => {
                let rest = self.rest_of_gap(Gap::AfterComma, depth, gap);
                let more = self.nearest_member(cell, None, fuel)?;
                Ok(more.map(|(_, tasks)| before(rest, tasks)))
            }
            Phase::Key { lex, mark } => {
                let read = self.text_between(mark, state.text);
                let more = self.nearest_member(cell, Some((lex, read)), fuel)?;
                Ok(more.map(|(_, tasks)| tasks))
            }
        }
    }

    fn tasks_after(
        &mut self,
        cell: CellId,
        gap: u32,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<Task>>, AutomatonError> {
        let depth = self.at(cell).depth;
        let begun = gap > 0 && !self.layout.is_free();
        // Of two fixed gaps, the one that was begun is the one that is not empty.
        let closing = begun && !self.layout.text(Gap::Close, depth).is_empty();
        let more = if closing { None } else { self.nearest_member(cell, None, fuel)? };
        let close = if begun && !closing { None } else { self.nearest_close(cell, fuel)? };
        let before_close = self.rest_of_gap(Gap::Close, depth, gap);
        let mut comma = self.rest_of_gap(Gap::BeforeComma, depth, gap);
        comma.push(b',');
        comma.extend(self.layout.text(Gap::AfterComma, depth));
        let more = more.map(|(cost, tasks)| (add(cost, 1), before(comma, tasks)));
        let close = close.map(|(cost, tag)| (cost, self.closing(cell, tag, before_close)));
        Ok(pick(close, more))
    }

    fn rest_of_gap(&self, gap: Gap, depth: u32, read: u32) -> Vec<u8> {
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
        let tails = self.tails(parent, fuel)?;
        let tags = self.frames.tag_list(tags);
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
    ) -> Result<Option<(u32, Vec<Task>)>, AutomatonError> {
        let Cell { parent, frame, depth, .. } = self.at(cell);
        if let Some(element) = self.frames.element(frame, fuel)? {
            let waiting = self.replaced(cell, element);
            return self.nearest_value(waiting, fuel);
        }
        let found = self.frames.frame(frame);
        let Frame::Object { used, runs } = &*found else { return Ok(None) };
        let plan = self.frames.key_plan(frame, fuel)?;
        let tails = self.tails(parent, fuel)?;
        let fresh = read.is_none();
        let (lex, prefix) = read.unwrap_or_else(|| (plan.lex, Vec::new()));
        let tags: Vec<u32> =
            self.frames.algebra.lexer.parts(lex).iter().map(|(tag, _)| *tag).collect();
        let mut best: Option<(u32, Vec<Task>)> = None;
        for tag in tags {
            let Some(rest) = self.frames.algebra.lexer.shortest(lex, Some(tag), fuel)? else {
                continue;
            };
            let Some(served) = plan.tags.get(tag as usize) else { continue };
            let mut keys = used.keys.clone();
            let known = plan.keys.get(tag as usize).copied().flatten();
            let key = match known {
                Some(key) => (self.frames.algebra.order == PropertyOrder::Any).then_some(key),
                None => {
                    let mut body = prefix.clone();
                    body.extend(rest.strip_suffix(b"\"").unwrap_or(&rest));
                    Some(self.frames.algebra.key_of_body(&body))
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
                    let tag = run.tag;
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

    // -- and the rest ---------------------------------------------------------------------

    fn expand(
        &mut self,
        task: Task,
        written: &mut Written,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<Task>>, AutomatonError> {
        match task {
            Task::Bytes(_) | Task::Mark => Ok(Some(vec![task])),
            Task::Value(node, depth) => self.expand_value(node, depth, fuel),
            Task::ArrayRest { run, mut seen, depth, started, marked } => {
                let mut run = run;
                if marked {
                    let from = written.marks.pop().unwrap_or(0);
                    let element = written.out.get(from..).unwrap_or(&[]).to_vec();
                    if !self.remember(&mut run, &mut seen, &element) {
                        return Ok(None);
                    }
                }
                self.expand_array(run, seen, depth, started, fuel)
            }
            Task::ObjectRest { run, used, depth, started } => {
                let open = self.frames.open(&run, &used);
                let (cost, members) = self.frames.algebra.object_plan(run.shape, open, fuel)?;
                if cost == INFINITE {
                    return Ok(None);
                }
                Ok(Some(self.member_tasks(&members, depth, started)))
            }
            Task::Finish { cell, tag, marked } => {
                let element = if marked {
                    let from = written.marks.pop().unwrap_or(0);
                    written.out.get(from..).unwrap_or(&[]).to_vec()
                } else if !self.frames.remembers_element(self.at(cell).frame) {
                    Vec::new()
                } else {
                    let mut element = self.text_between(self.at(cell).mark, written.text);
                    element.extend(&written.out);
                    element
                };
                self.expand_finish(cell, tag, &element, fuel)
            }
        }
    }

    /// Notes an element of an array that compares its elements; false if the array dies of it.
    fn remember(&mut self, run: &mut ArrayRun, seen: &mut Vec<u32>, element: &[u8]) -> bool {
        let unique = self.frames.algebra.array_shape(run.shape).unique;
        if unique == Unique::Any {
            return true;
        }
        let Some(value) = self.element_value(element) else { return false };
        match seen.binary_search(&value) {
            Ok(_) => run.repeated = true,
            Err(place) => seen.insert(place, value),
        }
        unique != Unique::Distinct || !run.repeated
    }

    fn expand_value(
        &mut self,
        node: NodeId,
        depth: u32,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<Task>>, AutomatonError> {
        let size = self.size(node, fuel)?;
        if size == INFINITE {
            return Ok(None);
        }
        let algebra = &mut self.frames.algebra;
        let normal = algebra.normal(node, fuel)?;
        let words: [(bool, &[u8]); 3] =
            [(normal.null, b"null"), (normal.booleans[1], b"true"), (normal.booleans[0], b"false")];
        for (allowed, word) in words {
            if allowed && word.len() as u32 == size {
                return Ok(Some(vec![Task::Bytes(word.to_vec())]));
            }
        }
        let string = algebra.string_expr(&normal.strings);
        if algebra.lexer.exprs.shortest_len(string, fuel)?.is_some_and(|n| n + 2 == size) {
            if let Some(body) = algebra.lexer.exprs.shortest(string, fuel)? {
                let mut literal = vec![b'"'];
                literal.extend(body);
                literal.push(b'"');
                return Ok(Some(vec![Task::Bytes(literal)]));
            }
        }
        if algebra.lexer.exprs.shortest_len(normal.numbers, fuel)? == Some(size) {
            if let Some(number) = algebra.lexer.exprs.shortest(normal.numbers, fuel)? {
                return Ok(Some(vec![Task::Bytes(number)]));
            }
        }
        let depth = depth + 1;
        for shape in &normal.arrays {
            let counts = self.frames.algebra.array_shape(*shape).no_counts();
            let cost = self.frames.algebra.settled_array_cost(*shape, 0, &counts, fuel)?;
            if add(1, cost) == size {
                let run = ArrayRun { tag: 0, shape: *shape, position: 0, counts, repeated: false };
                let rest =
                    Task::ArrayRest { run, seen: Vec::new(), depth, started: false, marked: false };
                return Ok(Some(vec![Task::Bytes(b"[".to_vec()), rest]));
            }
        }
        for shape in &normal.objects {
            let run = self.frames.new_object_run(*shape);
            if add(1, self.frames.object_run_cost(&run, &[], fuel)?) == size {
                let rest = Task::ObjectRest { run, used: Vec::new(), depth, started: false };
                return Ok(Some(vec![Task::Bytes(b"{".to_vec()), rest]));
            }
        }
        Ok(None)
    }

    fn expand_array(
        &mut self,
        run: ArrayRun,
        seen: Vec<u32>,
        depth: u32,
        started: bool,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<Task>>, AutomatonError> {
        let shape = self.frames.algebra.array_shape(run.shape);
        let repeats = shape.unique == Unique::Repeated && !run.repeated;
        if shape.may_end(run.position, &run.counts) && !repeats {
            let mut text = if started { self.layout.text(Gap::Close, depth) } else { Vec::new() };
            text.push(b']');
            return Ok(Some(vec![Task::Bytes(text)]));
        }
        let (id, position) = (run.shape, run.position);
        let whole = self.frames.algebra.settled_array_cost(id, position, &run.counts, fuel)?;
        if whole as usize > MAX_COMPLETION {
            return Err(too_long());
        }
        let next = shape.settle(position.saturating_add(1));
        let mut best: Option<(u32, NodeId, Box<[u32]>)> = None;
        for step in self.frames.algebra.array_moves(&shape, position, &run.counts)? {
            let Some(node) = self.compared_element(&run, step.node, &seen, fuel)? else {
                continue;
            };
            let rest = self.frames.algebra.settled_array_cost(id, next, &step.counts, fuel)?;
            let cost = add(self.size(node, fuel)?, rest);
            if cost != INFINITE && best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                best = Some((cost, node, step.counts));
            }
        }
        let Some((_, node, counts)) = best else { return Ok(None) };
        let marked = shape.unique != Unique::Any;
        let after = ArrayRun { position: next, counts, ..run };
        let separator = Task::Bytes(self.separator(depth, started));
        let value = Task::Value(node, depth);
        let rest = Task::ArrayRest { run: after, seen, depth, started: true, marked };
        Ok(Some(if marked {
            vec![separator, Task::Mark, value, rest]
        } else {
            vec![separator, value, rest]
        }))
    }

    /// The node of the next element, given those before it; `None` if there is no good one.
    fn compared_element(
        &mut self,
        run: &ArrayRun,
        node: NodeId,
        seen: &[u32],
        fuel: &mut Fuel,
    ) -> Result<Option<NodeId>, AutomatonError> {
        let algebra = &mut self.frames.algebra;
        let shape = algebra.array_shape(run.shape);
        match shape.unique {
            Unique::Any => Ok(Some(node)),
            Unique::Repeated if run.repeated => Ok(Some(node)),
            Unique::Distinct => {
                let mut parts = vec![algebra.except(node, seen)];
                let containers = algebra.containers(seen);
                if containers.len() > MAX_COMPARED {
                    return Ok(None);
                }
                for value in containers {
                    let value = algebra.known_value_node(value);
                    parts.push(algebra.not(value));
                }
                Ok(Some(algebra.and(&parts)))
            }
            Unique::Repeated => {
                for value in seen {
                    let value = algebra.known_value_node(*value);
                    let both = algebra.and(&[node, value]);
                    if algebra.size(both, fuel)? != INFINITE {
                        return Ok(Some(both));
                    }
                }
                // One that the next element can repeat.
                let next = shape.element(run.position.saturating_add(1));
                let both = algebra.and(&[node, next]);
                let possible = algebra.size(both, fuel)? != INFINITE;
                Ok(Some(if possible { both } else { node }))
            }
        }
    }

    /// What stands before an element or a member.
    fn separator(&self, depth: u32, started: bool) -> Vec<u8> {
        if !started {
            return self.layout.text(Gap::Open, depth);
        }
        let mut text = self.layout.text(Gap::BeforeComma, depth);
        text.push(b',');
        text.extend(self.layout.text(Gap::AfterComma, depth));
        text
    }

    fn member_tasks(&self, members: &[Member], depth: u32, mut started: bool) -> Vec<Task> {
        let mut tasks = Vec::with_capacity(members.len() * 2 + 1);
        for member in members {
            let mut text = self.separator(depth, started);
            started = true;
            text.push(b'"');
            text.extend(&member.key);
            text.push(b'"');
            text.extend(self.layout.text(Gap::BeforeColon, depth));
            text.push(b':');
            text.extend(self.layout.text(Gap::AfterColon, depth));
            tasks.push(Task::Bytes(text));
            tasks.push(Task::Value(member.node, depth));
        }
        let mut text = if started { self.layout.text(Gap::Close, depth) } else { Vec::new() };
        text.push(b'}');
        tasks.push(Task::Bytes(text));
        tasks
    }

    fn expand_finish(
        &mut self,
        cell: CellId,
        tag: u32,
        element: &[u8],
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<Task>>, AutomatonError> {
        let Cell { parent, depth, .. } = self.at(cell);
        match &*self.frame(cell) {
            Frame::Root { .. } => Ok(Some(Vec::new())),
            Frame::Element { seen, runs, .. } => {
                let tails = self.tails(parent, fuel)?;
                let mut best: Option<(u32, &ArrayRun)> = None;
                for (_, run) in runs.iter().filter(|(ask, _)| *ask == tag) {
                    let cost = add(self.array_run_cost(run, fuel)?, tail(&tails, run.tag));
                    if cost != INFINITE && best.is_none_or(|(least, _)| cost < least) {
                        best = Some((cost, run));
                    }
                }
                let Some((_, run)) = best else { return Ok(None) };
                let mut run = run.clone();
                let mut seen = seen.values.clone();
                if !self.remember(&mut run, &mut seen, element) {
                    return Ok(None);
                }
                let tag = run.tag;
                let rest = Task::ArrayRest { run, seen, depth, started: true, marked: false };
                Ok(Some(vec![rest, finish(parent, tag)]))
            }
            Frame::Member { used, runs, .. } => {
                let tails = self.tails(parent, fuel)?;
                let mut best: Option<(u32, &ObjectRun)> = None;
                for (_, run) in runs.iter().filter(|(ask, _)| *ask == tag) {
                    let cost = self.frames.object_run_cost(run, &used.keys, fuel)?;
                    let cost = add(cost, tail(&tails, run.tag));
                    if cost != INFINITE && best.is_none_or(|(least, _)| cost < least) {
                        best = Some((cost, run));
                    }
                }
                Ok(best.map(|(_, run)| {
                    let used = used.keys.clone();
                    let rest = Task::ObjectRest { run: run.clone(), used, depth, started: true };
                    vec![rest, finish(parent, run.tag)]
                }))
            }
            _ => Ok(None),
        }
    }
}

fn finish(cell: CellId, tag: u32) -> Task {
    Task::Finish { cell, tag, marked: false }
}

fn too_long() -> AutomatonError {
    AutomatonError::Limit { name: "max_completion", limit: MAX_COMPLETION as u64 }
}

fn tail(tails: &[u32], tag: u32) -> u32 {
    tails.get(tag as usize).copied().unwrap_or(INFINITE)
}

fn improve(costs: &mut [u32], tag: u32, cost: u32) {
    if let Some(known) = costs.get_mut(tag as usize) {
        *known = cost.min(*known);
    }
}

fn before(text: Vec<u8>, mut tasks: Vec<Task>) -> Vec<Task> {
    if !text.is_empty() {
        tasks.insert(0, Task::Bytes(text));
    }
    tasks
}

/// The cheaper of two ways.
fn pick(a: Option<(u32, Vec<Task>)>, b: Option<(u32, Vec<Task>)>) -> Option<Vec<Task>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.0 < a.0 { b.1 } else { a.1 }),
        (one, other) => one.or(other).map(|(_, tasks)| tasks),
    }
}
