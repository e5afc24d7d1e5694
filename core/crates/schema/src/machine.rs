//! The recogniser: a persistent stack of frames, and where in the syntax of JSON it stands.

mod completion;
mod containers;
mod gaps;
mod protocol;
mod stack;
mod values;

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;
use structgen_automaton::{
    AutomatonError, ByteAutomaton, Fuel, LexState, Returned, ShardedMap, StateId, SteadyVec,
};

use stack::{Cell, CellId, Context, Phase, State, TextId};

use crate::algebra::{Algebra, Halt, INFINITE, NodeId};
use crate::diagnosis;
use crate::error::SchemaError;
use crate::frames::Frames;
use crate::layout::{Gap, Layout};
use crate::limits::SchemaLimits;
use crate::options::SchemaOptions;
use crate::reader;
use crate::report::Report;

/// The documents of a JSON Schema, byte by byte.
pub struct SchemaAutomaton {
    frames: Frames,
    layout: Layout,
    limits: SchemaLimits,
    report: Arc<Report>,
    /// Whether every place has been looked at for what has to be deferred.
    surveyed: bool,
    /// Whether a document was cut off where it is nested too deeply.
    limited: bool,
    cells: SteadyVec<Cell>,
    cell_ids: ShardedMap<Cell, CellId>,
    states: SteadyVec<State>,
    state_ids: ShardedMap<State, StateId>,
    /// The next states that are alive, once known, of states whose lexeme has no table.
    steps: ShardedMap<(StateId, u8), StateId>,
    texts: SteadyVec<(TextId, u8)>,
    text_ids: ShardedMap<(TextId, u8), TextId>,
    contexts: SteadyVec<Context>,
    gap_lexemes: FxHashMap<(Gap, u32), Option<LexState>>,
    context_ids: ShardedMap<Context, u32>,
    tails: FxHashMap<CellId, Arc<Vec<u32>>>,
    /// What completions are written for.
    goal: completion::Goal,
    found: FxHashMap<StateId, completion::Found>,
    /// States for which a search has found nothing.
    lost: FxHashSet<StateId>,
    start: StateId,
}

impl SchemaAutomaton {
    /// Compiles a schema: reads every schema that it reaches, and normalises what the first
    /// byte needs; the rest is normalised when a document comes to it.
    pub fn new(
        schema: &Value,
        options: &SchemaOptions,
        limits: &SchemaLimits,
        fuel: &mut Fuel,
    ) -> Result<Self, SchemaError> {
        let mut reading = reader::read(schema, options, limits, fuel)?;
        let twins = reading.merge_twins()?;
        let schemas = reading.schemas.into_inner();
        let algebra = Algebra::new(schemas, reading.tracks_evaluation, options, limits)?;
        let mut algebra = Returned::new(algebra);
        algebra.check_schemas()?;
        let root = algebra.location_node(reading.root);
        if algebra.size(root, fuel)? == INFINITE {
            let why = diagnosis::why_empty(schema, options, limits, fuel);
            return Err(match why {
                // What is known is said, explained or not.
                Err(SchemaError::Automaton(AutomatonError::Deadline { .. })) => {
                    diagnosis::unexplained(&algebra.schema(reading.root).pointer)
                }
                Ok(why) | Err(why) => why,
            });
        }
        let mut report = reading.report;
        let surveyed = algebra.survey(root, fuel);
        if let Err(Halt::Unevaluated(loc)) = surveyed {
            let schema = algebra.schema(loc);
            return Err(SchemaError::Unsupported {
                pointer: schema.pointer.clone(),
                keyword: "unevaluatedItems".to_owned(),
                hint: "the schemas of `contains` beside it overlap in too many ways to tell what \
                       each of them evaluates; fewer or disjoint ones would do"
                    .to_owned(),
            });
        }
        let surveyed = surveyed?;
        for loc in algebra.deferred_locations() {
            for place in twins.of(loc) {
                report.judge_at_end(&algebra.schema(place).pointer);
            }
        }
        let layout = Layout::new(&options.whitespace);
        let mut this = Self::from_node(algebra.into_inner(), root, layout, limits, report);
        this.surveyed = surveyed;
        Ok(this)
    }

    /// Whether no document is valid.
    pub(crate) fn is_empty(
        schema: &Value,
        options: &SchemaOptions,
        limits: &SchemaLimits,
        fuel: &mut Fuel,
    ) -> Result<bool, SchemaError> {
        let mut reading = reader::read(schema, options, limits, fuel)?;
        reading.merge_twins()?;
        let schemas = reading.schemas.into_inner();
        let algebra = Algebra::new(schemas, reading.tracks_evaluation, options, limits)?;
        let mut algebra = Returned::new(algebra);
        let root = algebra.location_node(reading.root);
        Ok(algebra.size(root, fuel)? == INFINITE)
    }

    fn from_node(
        algebra: Algebra,
        root: NodeId,
        layout: Layout,
        limits: &SchemaLimits,
        report: Report,
    ) -> Self {
        let mut frames = Frames::new(algebra);
        let frame = frames.root(root);
        // State 0 is DEAD; its entry is never looked at.
        let dead = State { cell: CellId(0), phase: Phase::Done { gap: 0 }, text: TextId::NONE };
        let mut this = SchemaAutomaton {
            frames,
            layout,
            limits: limits.clone(),
            report: Arc::new(report),
            surveyed: false,
            limited: false,
            cells: SteadyVec::default(),
            cell_ids: ShardedMap::default(),
            states: SteadyVec::default(),
            state_ids: ShardedMap::default(),
            steps: ShardedMap::default(),
            texts: SteadyVec::default(),
            text_ids: ShardedMap::default(),
            contexts: SteadyVec::default(),
            gap_lexemes: FxHashMap::default(),
            context_ids: ShardedMap::default(),
            tails: FxHashMap::default(),
            goal: completion::Goal::default(),
            found: FxHashMap::default(),
            lost: FxHashSet::default(),
            start: StateId::DEAD,
        };
        this.states.push(dead);
        this.texts.pad(TextId::START.0 as usize + 1, &(TextId::NONE, 0));
        let outermost =
            Cell { parent: CellId(0), frame, depth: 0, mark: TextId::NONE, kept: false };
        let cell = this.cell(outermost);
        let start = this.state(cell, Phase::Value { gap: 0 }, TextId::NONE);
        this.start = start.unwrap_or(StateId::DEAD);
        this
    }

    /// What becomes of every keyword.
    pub fn report(&self) -> &Arc<Report> {
        &self.report
    }

    fn cold_step(
        &mut self,
        state: State,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let State { cell, phase, text: before } = state;
        // Inside lexemes most bytes may be tried, and texts are kept for those alone that live.
        let in_lexeme = matches!(phase, Phase::Key { .. } | Phase::Text { .. });
        let text = if in_lexeme { before } else { self.longer(before, byte) };
        let depth = self.at(cell).depth;
        match phase {
            Phase::Value { gap } => {
                let place = self.gap_before_value(cell);
                if self.layout.continues(place, depth, gap, byte) {
                    return self.state(cell, Phase::Value { gap: gap + 1 }, text);
                }
                if !self.layout.complete(place, depth, gap) {
                    return Ok(StateId::DEAD);
                }
                self.begin_value(cell, byte, before, fuel)
            }
            Phase::First { gap } => self.step_first(cell, gap, byte, before, fuel),
            Phase::After { gap } => self.step_after(cell, gap, byte, text, fuel),
            Phase::NextKey { gap } => {
                if self.layout.continues(Gap::AfterComma, depth, gap, byte) {
                    return self.state(cell, Phase::NextKey { gap: gap + 1 }, text);
                }
                if byte != b'"' || !self.layout.complete(Gap::AfterComma, depth, gap) {
                    return Ok(StateId::DEAD);
                }
                self.begin_key(cell, text, fuel)
            }
            Phase::Key { lex, mark } => self.step_key(cell, lex, mark, byte, before, fuel),
            Phase::Colon { gap } => {
                if self.layout.continues(Gap::BeforeColon, depth, gap, byte) {
                    return self.state(cell, Phase::Colon { gap: gap + 1 }, text);
                }
                if byte != b':' || !self.layout.complete(Gap::BeforeColon, depth, gap) {
                    return Ok(StateId::DEAD);
                }
                self.state(cell, Phase::Value { gap: 0 }, text)
            }
            Phase::Text { lex } => {
                let next = self.frames.algebra.lexer.step(lex, byte, fuel)?;
                if next.is_dead() {
                    return Ok(StateId::DEAD);
                }
                let text = self.longer(before, byte);
                match self.frames.algebra.lexer.accept(next) {
                    // The closing quote belongs to the lexeme.
                    Some(accept) => {
                        let tags = self.frames.accepted(accept);
                        self.end_value(cell, tags, text)
                    }
                    None => self.state(cell, Phase::Text { lex: next }, text),
                }
            }
            Phase::Number { lex } => {
                let next = self.frames.algebra.lexer.step(lex, byte, fuel)?;
                if !next.is_dead() {
                    return self.state(cell, Phase::Number { lex: next }, text);
                }
                let Some(accept) = self.frames.algebra.lexer.accept(lex) else {
                    return Ok(StateId::DEAD);
                };
                let tags = self.frames.accepted(accept);
                let after = self.end_value(cell, tags, before)?;
                if after.is_dead() { Ok(after) } else { self.step(after, byte, fuel) }
            }
            Phase::Word { word, read } => {
                if word.text().get(read as usize) != Some(&byte) {
                    return Ok(StateId::DEAD);
                }
                if read as usize + 1 < word.text().len() {
                    return self.state(cell, Phase::Word { word, read: read + 1 }, text);
                }
                let tags = self.word_tags(cell, word, fuel)?;
                self.end_value(cell, tags, text)
            }
            Phase::Done { gap } => {
                if self.layout.continues(Gap::Outside, depth, gap, byte) {
                    return self.state(cell, Phase::Done { gap: gap + 1 }, TextId::NONE);
                }
                Ok(StateId::DEAD)
            }
        }
    }
}
