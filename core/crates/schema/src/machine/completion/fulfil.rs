//! Ways to the end of containers that are judged at their end: from what is left of all that
//! is read side by side, the rests for which the formula holds.
//!
//! A demand is made of the outermost such container and handed on inwards: what the value has
//! to hold that is being read at each level, and how its container goes on. Each text is read
//! before it is an answer, since the shapes of the rests know little of elements to compare.

use structgen_automaton::{AutomatonError, Fuel, LexState, StateId};
use structgen_regex::{ExprId, Exprs};

use super::{Task, finish};
use crate::algebra::{Formula, Gate, INFINITE, NodeId};
use crate::frames::{Frame, Rest};
use crate::layout::Gap;
use crate::machine::SchemaAutomaton;
use crate::machine::stack::{Cell, CellId, Phase, State};

/// Keys that are tried inside a key.
const MAX_KEYS: usize = 6;

/// What is written for, from the outermost judged container to the top of the stack.
struct Descent {
    start: StateId,
    state: State,
    cells: Vec<CellId>,
}

impl SchemaAutomaton {
    /// A text that leads from a state inside judged containers to the end of the document.
    pub(super) fn fulfil(
        &mut self,
        start: StateId,
        tries: &mut u32,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        let state = self.states[start.0 as usize];
        let cells = self.judged_cells(state.cell);
        let Some(outermost) = cells.first() else { return Ok(None) };
        if let Phase::Key { lex, .. } = state.phase {
            return self.fulfil_after_key(start, state.cell, lex, tries, fuel);
        }
        let waiting = self.at(*outermost).parent;
        let tails = self.tails(waiting, fuel)?;
        let mut asks: Vec<(u32, u32)> = tails.iter().copied().zip(0..).collect();
        asks.retain(|(cost, _)| *cost != INFINITE);
        asks.sort_unstable();
        let descent = Descent { start, state, cells };
        for (_, ask) in asks {
            let after = vec![finish(waiting, ask)];
            let found = self.descend(&descent, 0, Formula::leaf(ask), &after, tries, fuel)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The cells from the outermost judged container to the top.
    fn judged_cells(&self, mut cell: CellId) -> Vec<CellId> {
        let mut cells = Vec::new();
        let mut judged = 0;
        loop {
            let Cell { parent, frame, .. } = self.at(cell);
            if matches!(&*self.frames.frame(frame), Frame::Root { .. }) {
                break;
            }
            cells.push(cell);
            if self.frames.reading(frame).judge.is_some() {
                judged = cells.len();
            }
            cell = parent;
        }
        cells.truncate(judged);
        cells.reverse();
        cells
    }

    /// `demand`: a formula over what was asked of the container at that level.
    fn descend(
        &mut self,
        descent: &Descent,
        level: usize,
        demand: Formula,
        after: &[Task],
        tries: &mut u32,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        let cell = descent.cells[level];
        let Cell { frame, depth, .. } = self.at(cell);
        let demand = match self.frames.judge_of(self.frames.reading(frame)) {
            Some(judge) => demand.substituted(|ask| judge.demand(ask)),
            None => demand,
        };
        let found = self.frames.frame(frame);
        let top = level + 1 == descent.cells.len();
        let more = top && matches!(descent.state.phase, Phase::NextKey { .. });
        for way in self.frames.ahead(frame, &demand, more, fuel)?.iter() {
            if *tries == 0 {
                return Ok(None);
            }
            // Tasks are copied for each way, and levels multiply the ways.
            fuel.spend(16 + after.len() as u64)?;
            let started =
                way.value.is_some() || !matches!(descent.state.phase, Phase::First { .. });
            let mut tasks = vec![match &way.rest {
                Rest::Array(run) => {
                    let seen = match &*found {
                        Frame::Array { seen, .. } | Frame::Element { seen, .. } => {
                            self.frames.sets.members(seen.values)
                        }
                        _ => Vec::new(),
                    };
                    Task::ArrayRest { run: run.clone(), seen, depth, started, marked: false }
                }
                Rest::Object(run) => {
                    let used = match &*found {
                        Frame::Object { used, .. } | Frame::Member { used, .. } => {
                            self.frames.used_keys(used)
                        }
                        _ => Vec::new(),
                    };
                    Task::ObjectRest { run: run.clone(), used, depth, started }
                }
            }];
            tasks.extend_from_slice(after);
            let text = match way.value {
                None => self.try_rest(descent, tasks, tries, fuel)?,
                Some(node) if top => self.try_value(descent, node, tasks, tries, fuel)?,
                Some(node) => {
                    let Some(inner) = self.on_asked(cell, node) else { continue };
                    self.descend(descent, level + 1, inner, &tasks, tries, fuel)?
                }
            };
            if text.is_some() {
                return Ok(text);
            }
        }
        Ok(None)
    }

    /// The node as a formula over what the cell asks its value for.
    fn on_asked(&self, cell: CellId, node: NodeId) -> Option<Formula> {
        let asks = self.frames.asks_of(self.at(cell).frame)?;
        self.frames.in_terms_of(node, &self.frames.asked(asks).nodes)
    }

    /// Between elements or members: white space that has been read is not written again.
    fn try_rest(
        &mut self,
        descent: &Descent,
        tasks: Vec<Task>,
        tries: &mut u32,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        let (gap, comma) = match descent.state.phase {
            Phase::First { gap } | Phase::After { gap } => (gap, false),
            Phase::NextKey { gap } => (gap, true),
            _ => return Ok(None),
        };
        let Some(mut text) = self.write(tasks, descent.state.text, fuel)? else { return Ok(None) };
        if comma {
            let Some(comma) = text.iter().position(|byte| *byte == b',') else { return Ok(None) };
            text.drain(..=comma);
        }
        let space = text.iter().take(gap as usize).take_while(|byte| byte.is_ascii_whitespace());
        let space = space.count();
        text.drain(..space);
        self.try_text(descent.start, text, tries, fuel)
    }

    /// Before or inside a value that has to hold the node.
    fn try_value(
        &mut self,
        descent: &Descent,
        node: NodeId,
        after: Vec<Task>,
        tries: &mut u32,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        let State { cell, phase, text } = descent.state;
        let depth = self.at(cell).depth;
        let mut tasks = Vec::with_capacity(after.len() + 2);
        match phase {
            Phase::Value { gap } => {
                let place = self.gap_before_value(cell);
                tasks.push(Task::Bytes(self.rest_of_gap(place, depth, gap)));
                tasks.push(Task::Value(node, depth));
            }
            Phase::Colon { gap } => {
                let mut rest = self.rest_of_gap(Gap::BeforeColon, depth, gap);
                rest.push(b':');
                rest.extend(self.layout.text(Gap::AfterColon, depth));
                tasks.push(Task::Bytes(rest));
                tasks.push(Task::Value(node, depth));
            }
            Phase::Text { lex } | Phase::Number { lex } => {
                let Some(formula) = self.on_asked(cell, node) else { return Ok(None) };
                let language = self.rest_of_lexeme(lex, &formula);
                match self.frames.algebra.lexer.exprs.shortest(language, fuel)? {
                    Some(rest) => tasks.push(Task::Bytes(rest)),
                    None => return Ok(None),
                }
            }
            Phase::Word { word, read } => {
                let Some(formula) = self.on_asked(cell, node) else { return Ok(None) };
                let tags = self.word_tags(cell, word, fuel)?;
                let tags = self.frames.tag_list(tags);
                if !formula.holds(|tag| tags.binary_search(&tag).is_ok()) {
                    return Ok(None);
                }
                tasks.push(Task::Bytes(word.text()[read as usize..].to_vec()));
            }
            _ => return Ok(None),
        }
        tasks.extend(after);
        let Some(text) = self.write(tasks, text, fuel)? else { return Ok(None) };
        self.try_text(descent.start, text, tries, fuel)
    }

    /// The ends of a lexeme for which a formula over its tags holds.
    fn rest_of_lexeme(&mut self, lex: LexState, formula: &Formula) -> ExprId {
        let parts = self.frames.algebra.lexer.parts(lex);
        let exprs = &mut self.frames.algebra.lexer.exprs;
        let any: Vec<ExprId> = parts.iter().map(|(_, e)| *e).collect();
        let any = exprs.or(&any);
        let mut at: Vec<ExprId> = Vec::with_capacity(formula.gates.len());
        for gate in &formula.gates {
            let language = match gate {
                Gate::Leaf(tag) => {
                    let part = parts.iter().find(|(other, _)| other == tag);
                    part.map_or(Exprs::EMPTY, |(_, e)| *e)
                }
                Gate::Not(inner) => exprs.not(at[*inner as usize]),
                Gate::All(gates) => {
                    let gates: Vec<ExprId> = gates.iter().map(|g| at[*g as usize]).collect();
                    if gates.is_empty() { any } else { exprs.and(&gates) }
                }
                Gate::Any(gates) => {
                    let gates: Vec<ExprId> = gates.iter().map(|g| at[*g as usize]).collect();
                    if gates.is_empty() { Exprs::EMPTY } else { exprs.or(&gates) }
                }
                // Nodes are not made of these.
                Gate::One(_) => Exprs::EMPTY,
            };
            at.push(language);
        }
        let language = at.last().copied().unwrap_or(Exprs::EMPTY);
        exprs.and(&[any, language])
    }

    /// Inside a key: the keys that it may become, and what comes after them.
    fn fulfil_after_key(
        &mut self,
        start: StateId,
        cell: CellId,
        lex: LexState,
        tries: &mut u32,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        let depth = self.at(cell).depth;
        let tags = self.frames.algebra.lexer.tags(lex);
        for tag in tags.into_iter().take(MAX_KEYS) {
            let rest = self.frames.algebra.lexer.shortest(lex, Some(tag), fuel)?;
            let Some(mut text) = rest.filter(|_| *tries > 0) else { continue };
            text.extend(self.layout.text(Gap::BeforeColon, depth));
            text.push(b':');
            let next = self.read(start, &text, fuel)?;
            if next.is_dead() {
                continue;
            }
            if let Some(rest) = self.complete_within(next, tries, fuel)? {
                text.extend(rest);
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// The text, if it ends the document.
    fn try_text(
        &mut self,
        start: StateId,
        text: Vec<u8>,
        tries: &mut u32,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        *tries -= 1;
        Ok(self.completes(start, &text, fuel)?.then_some(text))
    }
}
