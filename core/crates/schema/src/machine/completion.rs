//! The shortest way to the end of the document.
//!
//! Costs are bytes without white space, so that they do not depend on the depth; what is
//! written has the white space that the layout demands.

mod elements;
mod endings;
mod fulfil;
mod search;
mod start;

use structgen_automaton::{AutomatonError, Fuel};

use super::SchemaAutomaton;
use super::stack::{Cell, CellId, State, TextId};
use crate::algebra::{Alternatives, INFINITE, KeyId, Member, NodeId};
use crate::frames::{ArrayRun, Frame, ObjectRun};
use crate::layout::Gap;
use crate::options::PropertyOrder;

pub(super) use search::{Found, Goal};

/// A completion beyond this is no use to anybody.
const MAX_COMPLETION: usize = 1 << 24;

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
    /// Members, from the last to the first, and the closing brace.
    Members {
        left: Vec<Member>,
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

/// A way to the end: its cost, and what is still to be written.
type Way = (u32, Vec<Task>);

/// What has been written so far.
struct Written {
    out: Vec<u8>,
    /// Where marked elements began.
    marks: Vec<usize>,
    /// What had been read of a kept element before.
    text: TextId,
}

impl SchemaAutomaton {
    /// The rest of the document, as far as it can be written without looking back.
    fn write_rest(
        &mut self,
        state: State,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        let Some((_, tasks)) = self.nearest(state, fuel)? else { return Ok(None) };
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
                // One after the other: there may be a hundred thousand.
                Task::Members { mut left, depth, started } => match left.pop() {
                    Some(Member { key, node }) => {
                        written.out.extend(self.separator(depth, started));
                        written.out.push(b'"');
                        written.out.extend(key);
                        written.out.push(b'"');
                        written.out.extend(self.layout.text(Gap::BeforeColon, depth));
                        written.out.push(b':');
                        written.out.extend(self.layout.text(Gap::AfterColon, depth));
                        stack.push(Task::Members { left, depth, started: true });
                        stack.push(Task::Value(node, depth));
                    }
                    None => {
                        if started {
                            written.out.extend(self.layout.text(Gap::Close, depth));
                        }
                        written.out.push(b'}');
                    }
                },
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

    pub(super) fn array_run_cost(
        &mut self,
        run: &ArrayRun,
        fuel: &mut Fuel,
    ) -> Result<u32, AutomatonError> {
        Ok(self.frames.algebra.settled_array_cost(run.shape, run.position, &run.counts, fuel)?)
    }

    fn size(&mut self, node: NodeId, fuel: &mut Fuel) -> Result<u32, AutomatonError> {
        Ok(self.frames.algebra.size(node, fuel)?)
    }

    fn expand(
        &mut self,
        task: Task,
        written: &mut Written,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<Task>>, AutomatonError> {
        match task {
            Task::Bytes(_) | Task::Mark | Task::Members { .. } => Ok(Some(vec![task])),
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
                let (cost, mut left) = self.frames.algebra.object_plan(run.shape, open, fuel)?;
                if cost == INFINITE {
                    return Ok(None);
                }
                left.reverse();
                Ok(Some(vec![Task::Members { left, depth, started }]))
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
        let normal = match algebra.alternatives(node, fuel)? {
            Alternatives::Exact(normal) => normal,
            Alternatives::Deferred(deferred) => deferred.known.clone(),
        };
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
        let ordered = self.frames.algebra.order == PropertyOrder::Schema;
        for shape in &normal.objects {
            let run = self.frames.new_object_run(*shape, ordered);
            if add(1, self.frames.object_run_cost(&run, &[], fuel)?) == size {
                let rest = Task::ObjectRest { run, used: Vec::new(), depth, started: false };
                return Ok(Some(vec![Task::Bytes(b"{".to_vec()), rest]));
            }
        }
        Ok(None)
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
                let outer = self.tails(parent, fuel)?;
                let tails = self.inside(cell, &outer);
                let mut best: Option<(u32, &ArrayRun)> = None;
                for (_, run) in runs.iter().filter(|(ask, _)| *ask == tag) {
                    let cost = add(self.array_run_cost(run, fuel)?, tail(&tails, run.tag));
                    if cost != INFINITE && best.is_none_or(|(least, _)| cost < least) {
                        best = Some((cost, run));
                    }
                }
                let Some((_, run)) = best else { return Ok(None) };
                let mut run = run.clone();
                let mut seen = self.frames.sets.members(seen.values);
                if !self.remember(&mut run, &mut seen, element) {
                    return Ok(None);
                }
                let tag = self.reported(cell, run.tag);
                let rest = Task::ArrayRest { run, seen, depth, started: true, marked: false };
                Ok(Some(vec![rest, finish(parent, tag)]))
            }
            Frame::Member { used, runs, .. } => {
                let outer = self.tails(parent, fuel)?;
                let tails = self.inside(cell, &outer);
                let keys = self.frames.used_keys(used);
                let mut best: Option<(u32, &ObjectRun)> = None;
                for (_, run) in runs.iter().filter(|(ask, _)| *ask == tag) {
                    let cost = self.frames.object_run_cost(run, &keys, fuel)?;
                    let cost = add(cost, tail(&tails, run.tag));
                    if cost != INFINITE && best.is_none_or(|(least, _)| cost < least) {
                        best = Some((cost, run));
                    }
                }
                Ok(best.map(|(_, run)| {
                    let (run, used) = (run.clone(), keys);
                    let tag = self.reported(cell, run.tag);
                    let rest = Task::ObjectRest { run, used, depth, started: true };
                    vec![rest, finish(parent, tag)]
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
    AutomatonError::Limit { name: "max_completion_bytes", limit: MAX_COMPLETION as u64 }
}

fn tail(tails: &[u32], tag: u32) -> u32 {
    tails.get(tag as usize).copied().unwrap_or(INFINITE)
}

fn improve(costs: &mut [u32], tag: u32, cost: u32) {
    if let Some(known) = costs.get_mut(tag as usize) {
        *known = cost.min(*known);
    }
}

fn before(text: Vec<u8>, (cost, mut tasks): Way) -> Way {
    if !text.is_empty() {
        tasks.insert(0, Task::Bytes(text));
    }
    (cost, tasks)
}

/// The cheaper of two ways.
fn pick(a: Option<Way>, b: Option<Way>) -> Option<Way> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.0 < a.0 { b } else { a }),
        (one, other) => one.or(other),
    }
}
