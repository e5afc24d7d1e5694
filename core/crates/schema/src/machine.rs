//! The recogniser: a persistent stack of frames, and where in the syntax of JSON it stands.

mod completion;
mod protocol;

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde_json::Value;
use structgen_automaton::{AcceptId, AutomatonError, ByteAutomaton, Fuel, LexState, StateId};

use crate::algebra::{Algebra, INFINITE, KeyId, NodeId};
use crate::diagnosis;
use crate::error::SchemaError;
use crate::frames::{Frame, FrameId, Frames, KeyPlan, TagsId};
use crate::layout::{Gap, Layout};
use crate::limits::SchemaLimits;
use crate::options::SchemaOptions;
use crate::reader;
use crate::report::Report;

/// A frame on top of another cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct CellId(u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Cell {
    parent: CellId,
    frame: FrameId,
    /// Containers around what comes next.
    depth: u32,
    /// Where the element that the frame waits for began, if its text is kept.
    mark: TextId,
    /// Whether the text of an element further out is kept.
    kept: bool,
}

/// The literals of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Word {
    Null,
    False,
    True,
}

impl Word {
    fn text(self) -> &'static [u8] {
        match self {
            Word::Null => b"null",
            Word::False => b"false",
            Word::True => b"true",
        }
    }
}

/// A key or an element as far as it has been read: a list of bytes, shared by its prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct TextId(u32);

impl TextId {
    /// Not kept.
    const NONE: TextId = TextId(0);
    /// Kept, but not known: after a lexeme of which only the tags are.
    const BLURRED: TextId = TextId(1);
    const START: TextId = TextId(2);
}

/// Where in the syntax a state stands. Numbers `gap` count bytes of white space read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// Before a value, which the frame on top waits for.
    Value {
        gap: u32,
    },
    /// After an opening bracket or brace.
    First {
        gap: u32,
    },
    /// After an element or a member.
    After {
        gap: u32,
    },
    /// After the comma between members.
    NextKey {
        gap: u32,
    },
    /// Inside a key, after its quote.
    /// `mark` is where its text begins, while that matters.
    Key {
        lex: LexState,
        mark: TextId,
    },
    /// Between a key and its colon.
    Colon {
        gap: u32,
    },
    /// Inside a string, after its quote.
    Text {
        lex: LexState,
    },
    Number {
        lex: LexState,
    },
    Word {
        word: Word,
        read: u8,
    },
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    cell: CellId,
    phase: Phase,
    /// What has been read of the innermost key or outermost element whose text is kept.
    text: TextId,
}

/// What follows a lexeme, for [`LexicalView::context`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Context {
    cell: CellId,
    key: bool,
}

/// The documents of a JSON Schema, byte by byte.
pub struct SchemaAutomaton {
    frames: Frames,
    layout: Layout,
    limits: SchemaLimits,
    report: Report,
    cells: Vec<Cell>,
    cell_ids: FxHashMap<Cell, CellId>,
    states: Vec<State>,
    state_ids: FxHashMap<State, StateId>,
    /// By state: the next states, once known; built for states that are left twice.
    steps: FxHashMap<(StateId, u8), StateId>,
    texts: Vec<(TextId, u8)>,
    text_ids: FxHashMap<(TextId, u8), TextId>,
    contexts: Vec<Context>,
    context_ids: FxHashMap<Context, u32>,
    tails: FxHashMap<CellId, Arc<Vec<u32>>>,
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
        let reading = reader::read(schema, options, limits, fuel)?;
        let mut algebra = Algebra::new(reading.schemas, reading.tracks_evaluation, options, limits);
        algebra.check_schemas()?;
        let root = algebra.location_node(reading.root);
        if algebra.size(root, fuel)? == INFINITE {
            return Err(diagnosis::explain_empty(&mut algebra, root, reading.root, fuel)?);
        }
        Ok(Self::from_node(algebra, root, Layout::new(&options.whitespace), limits, reading.report))
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
        let dead = State { cell: CellId(0), phase: Phase::Done, text: TextId::NONE };
        let mut this = SchemaAutomaton {
            frames,
            layout,
            limits: limits.clone(),
            report,
            cells: Vec::new(),
            cell_ids: FxHashMap::default(),
            states: vec![dead],
            state_ids: FxHashMap::default(),
            steps: FxHashMap::default(),
            texts: vec![(TextId::NONE, 0); 3],
            text_ids: FxHashMap::default(),
            contexts: Vec::new(),
            context_ids: FxHashMap::default(),
            tails: FxHashMap::default(),
            start: StateId::DEAD,
        };
        let outermost =
            Cell { parent: CellId(0), frame, depth: 0, mark: TextId::NONE, kept: false };
        let cell = this.cell(outermost);
        let start = this.state(cell, Phase::Value { gap: 0 }, TextId::NONE);
        this.start = start.unwrap_or(StateId::DEAD);
        this
    }

    /// What becomes of every keyword.
    pub fn report(&self) -> &Report {
        &self.report
    }

    // -- interning ------------------------------------------------------------------------

    fn cell(&mut self, cell: Cell) -> CellId {
        if let Some(id) = self.cell_ids.get(&cell) {
            return *id;
        }
        let id = CellId(self.cells.len() as u32);
        self.cells.push(cell);
        self.cell_ids.insert(cell, id);
        id
    }

    fn at(&self, id: CellId) -> Cell {
        self.cells[id.0 as usize]
    }

    /// The cell with another frame in the place of its own.
    fn replaced(&mut self, id: CellId, frame: FrameId) -> CellId {
        let cell = Cell { frame, mark: TextId::NONE, ..self.at(id) };
        self.cell(cell)
    }

    fn intern(&mut self, state: State) -> Result<StateId, AutomatonError> {
        if let Some(id) = self.state_ids.get(&state) {
            return Ok(*id);
        }
        if self.states.len() >= self.limits.max_states as usize {
            let limit = u64::from(self.limits.max_states);
            return Err(AutomatonError::Limit { name: "max_states", limit });
        }
        let id = StateId(self.states.len() as u32);
        self.states.push(state);
        self.state_ids.insert(state, id);
        Ok(id)
    }

    fn state(
        &mut self,
        cell: CellId,
        phase: Phase,
        text: TextId,
    ) -> Result<StateId, AutomatonError> {
        self.intern(State { cell, phase, text })
    }

    /// The text with one more byte, if it is kept.
    fn longer(&mut self, before: TextId, byte: u8) -> TextId {
        if before == TextId::NONE || before == TextId::BLURRED {
            return before;
        }
        let entry = (before, byte);
        if let Some(id) = self.text_ids.get(&entry) {
            return *id;
        }
        let id = TextId(self.texts.len() as u32);
        self.texts.push(entry);
        self.text_ids.insert(entry, id);
        id
    }

    /// The bytes between two places of a text.
    fn text_between(&self, mark: TextId, mut id: TextId) -> Vec<u8> {
        let mut out = Vec::new();
        while id != mark && id.0 > TextId::START.0 {
            let (before, byte) = self.texts[id.0 as usize];
            out.push(byte);
            id = before;
        }
        out.reverse();
        out
    }

    fn frame(&self, cell: CellId) -> Arc<Frame> {
        self.frames.frame(self.at(cell).frame)
    }

    fn key_plan(&mut self, cell: CellId, fuel: &mut Fuel) -> Result<Arc<KeyPlan>, AutomatonError> {
        let frame = self.at(cell).frame;
        self.frames.key_plan(frame, fuel)
    }

    // -- steps ----------------------------------------------------------------------------

    fn cold_step(
        &mut self,
        state: State,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let State { cell, phase, text: before } = state;
        let depth = self.at(cell).depth;
        let text = self.longer(before, byte);
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
            Phase::Done => Ok(StateId::DEAD),
        }
    }

    fn gap_before_value(&self, cell: CellId) -> Gap {
        match &*self.frame(cell) {
            Frame::Root { .. } => Gap::Outside,
            Frame::Element { .. } => Gap::AfterComma,
            _ => Gap::AfterColon,
        }
    }

    fn word_tags(
        &mut self,
        cell: CellId,
        word: Word,
        fuel: &mut Fuel,
    ) -> Result<TagsId, AutomatonError> {
        let Some(asks) = self.frames.asks_of(self.at(cell).frame) else {
            return Ok(Frames::NO_TAGS);
        };
        let starts = self.frames.starts(asks, fuel)?;
        Ok(match word {
            Word::Null => starts.null,
            Word::False => starts.booleans[0],
            Word::True => starts.booleans[1],
        })
    }

    /// The first byte of a value, for the frame that waits for it.
    fn begin_value(
        &mut self,
        mut cell: CellId,
        byte: u8,
        before: TextId,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let frame = self.at(cell).frame;
        let Some(asks) = self.frames.asks_of(frame) else {
            return Ok(StateId::DEAD);
        };
        let mut text = self.longer(before, byte);
        if self.frames.remembers_element(frame) {
            let mark = if before == TextId::NONE { TextId::START } else { before };
            let marked = Cell { mark, ..self.at(cell) };
            cell = self.cell(marked);
            text = self.longer(mark, byte);
        }
        let starts = self.frames.starts(asks, fuel)?;
        match byte {
            b'"' if !starts.strings.is_dead() => {
                self.state(cell, Phase::Text { lex: starts.strings }, text)
            }
            b'-' | b'0'..=b'9' if !starts.numbers.is_dead() => {
                let lex = self.frames.algebra.lexer.step(starts.numbers, byte, fuel)?;
                if lex.is_dead() {
                    return Ok(StateId::DEAD);
                }
                self.state(cell, Phase::Number { lex }, text)
            }
            b'n' | b'f' | b't' => {
                let word = match byte {
                    b'n' => Word::Null,
                    b'f' => Word::False,
                    _ => Word::True,
                };
                if self.word_tags(cell, word, fuel)? == Frames::NO_TAGS {
                    return Ok(StateId::DEAD);
                }
                self.state(cell, Phase::Word { word, read: 1 }, text)
            }
            b'[' | b'{' => {
                let frame = if byte == b'[' { starts.array } else { starts.object };
                let Some(frame) = frame else { return Ok(StateId::DEAD) };
                let depth = self.at(cell).depth + 1;
                if depth > self.limits.max_depth {
                    let limit = u64::from(self.limits.max_depth);
                    return Err(AutomatonError::Limit { name: "max_depth", limit });
                }
                let Cell { mark, kept, .. } = self.at(cell);
                let kept = kept || mark != TextId::NONE;
                let inner = Cell { parent: cell, frame, depth, mark: TextId::NONE, kept };
                let inner = self.cell(inner);
                self.state(inner, Phase::First { gap: 0 }, text)
            }
            _ => Ok(StateId::DEAD),
        }
    }

    /// After an opening bracket or brace.
    fn step_first(
        &mut self,
        cell: CellId,
        gap: u32,
        byte: u8,
        before: TextId,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let Cell { frame, depth, .. } = self.at(cell);
        let text = self.longer(before, byte);
        let is_array = matches!(&*self.frames.frame(frame), Frame::Array { .. });
        let close = if is_array { b']' } else { b'}' };
        if byte == close && (gap == 0 || self.layout.is_free()) {
            return self.close(cell, text);
        }
        let element = if is_array { self.frames.element(frame, fuel)? } else { None };
        let more = if is_array {
            element.is_some()
        } else {
            !self.frames.key_plan(frame, fuel)?.lex.is_dead()
        };
        let bracket_only = self.layout.is_free();
        if self.layout.continues(Gap::Open, depth, gap, byte) && (more || bracket_only) {
            return self.state(cell, Phase::First { gap: gap + 1 }, text);
        }
        if !more || !self.layout.complete(Gap::Open, depth, gap) {
            return Ok(StateId::DEAD);
        }
        match element {
            Some(element) => {
                let waiting = self.replaced(cell, element);
                self.begin_value(waiting, byte, before, fuel)
            }
            None if byte == b'"' => self.begin_key(cell, text, fuel),
            None => Ok(StateId::DEAD),
        }
    }

    /// After an element or a member.
    fn step_after(
        &mut self,
        cell: CellId,
        gap: u32,
        byte: u8,
        text: TextId,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let Cell { frame, depth, .. } = self.at(cell);
        let is_array = matches!(&*self.frames.frame(frame), Frame::Array { .. });
        let close = if is_array { b']' } else { b'}' };
        if byte == close && self.layout.complete(Gap::Close, depth, gap) {
            return self.close(cell, text);
        }
        let may_close = self.frames.closing_tags(frame) != Frames::NO_TAGS;
        if byte == b',' && self.layout.complete(Gap::BeforeComma, depth, gap) {
            if is_array {
                let Some(element) = self.frames.element(frame, fuel)? else {
                    return Ok(StateId::DEAD);
                };
                let waiting = self.replaced(cell, element);
                return self.state(waiting, Phase::Value { gap: 0 }, text);
            }
            if self.frames.key_plan(frame, fuel)?.lex.is_dead() {
                return Ok(StateId::DEAD);
            }
            return self.state(cell, Phase::NextKey { gap: 0 }, text);
        }
        let toward_close = may_close && self.layout.continues(Gap::Close, depth, gap, byte);
        let toward_comma = self.layout.continues(Gap::BeforeComma, depth, gap, byte)
            && (self.layout.is_free() || self.may_go_on(cell, fuel)?);
        if toward_close || toward_comma {
            return self.state(cell, Phase::After { gap: gap + 1 }, text);
        }
        Ok(StateId::DEAD)
    }

    /// Whether an element or a member may follow.
    fn may_go_on(&mut self, cell: CellId, fuel: &mut Fuel) -> Result<bool, AutomatonError> {
        let frame = self.at(cell).frame;
        Ok(match &*self.frames.frame(frame) {
            Frame::Array { .. } => self.frames.element(frame, fuel)?.is_some(),
            _ => !self.frames.key_plan(frame, fuel)?.lex.is_dead(),
        })
    }

    /// After the quote of a key; `text` holds the quote where an element is kept.
    fn begin_key(
        &mut self,
        cell: CellId,
        text: TextId,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let plan = self.key_plan(cell, fuel)?;
        if plan.lex.is_dead() {
            return Ok(StateId::DEAD);
        }
        if (plan.tags.len() as u32) == plan.first_class {
            return self.state(cell, Phase::Key { lex: plan.lex, mark: TextId::NONE }, text);
        }
        let mark = if text == TextId::NONE { TextId::START } else { text };
        self.state(cell, Phase::Key { lex: plan.lex, mark }, mark)
    }

    fn step_key(
        &mut self,
        cell: CellId,
        lex: LexState,
        mark: TextId,
        byte: u8,
        before: TextId,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let next = self.frames.algebra.lexer.step(lex, byte, fuel)?;
        if next.is_dead() {
            return Ok(StateId::DEAD);
        }
        let text = self.longer(before, byte);
        if let Some(accept) = self.frames.algebra.lexer.accept(next) {
            let known = mark != TextId::NONE && before != TextId::BLURRED;
            let key = known.then(|| {
                let body = self.text_between(mark, before);
                self.frames.algebra.key_of_body(&body)
            });
            return self.end_key(cell, accept, key, text, fuel);
        }
        if mark == TextId::NONE {
            return self.state(cell, Phase::Key { lex: next, mark }, text);
        }
        // Once no class is alive, the tags will tell the key.
        let first = self.key_plan(cell, fuel)?.first_class;
        let parts = self.frames.algebra.lexer.parts(next);
        if parts.last().is_some_and(|(tag, _)| *tag >= first) {
            return self.state(cell, Phase::Key { lex: next, mark }, text);
        }
        let text = if self.at(cell).kept { text } else { TextId::NONE };
        self.state(cell, Phase::Key { lex: next, mark: TextId::NONE }, text)
    }

    fn end_key(
        &mut self,
        cell: CellId,
        accept: AcceptId,
        key: Option<KeyId>,
        text: TextId,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let tags = self.frames.accepted(accept);
        let Cell { frame, kept, .. } = self.at(cell);
        match self.frames.key_end(frame, tags, key, fuel)? {
            Some(member) => {
                let waiting = self.replaced(cell, member);
                let text = if kept { text } else { TextId::NONE };
                self.state(waiting, Phase::Colon { gap: 0 }, text)
            }
            None => Ok(StateId::DEAD),
        }
    }

    /// The container on top ends.
    fn close(&mut self, cell: CellId, text: TextId) -> Result<StateId, AutomatonError> {
        let Cell { parent, frame, .. } = self.at(cell);
        let tags = self.frames.closing_tags(frame);
        if tags == Frames::NO_TAGS {
            return Ok(StateId::DEAD);
        }
        self.end_value(parent, tags, text)
    }

    /// A value ended that holds `tags` of what the frame on top asks for; `text` ends with it.
    fn end_value(
        &mut self,
        cell: CellId,
        tags: TagsId,
        text: TextId,
    ) -> Result<StateId, AutomatonError> {
        let Cell { frame, mark, kept, .. } = self.at(cell);
        if matches!(&*self.frames.frame(frame), Frame::Root { .. }) {
            return if tags == Frames::NO_TAGS {
                Ok(StateId::DEAD)
            } else {
                self.state(cell, Phase::Done, TextId::NONE)
            };
        }
        let known = mark != TextId::NONE && mark != TextId::BLURRED && text != TextId::BLURRED;
        let value = if known {
            let text = self.text_between(mark, text);
            self.element_value(&text)
        } else {
            None
        };
        match self.frames.value_end(frame, tags, value) {
            Some(next) => {
                let cell = self.replaced(cell, next);
                let text = if kept { text } else { TextId::NONE };
                self.state(cell, Phase::After { gap: 0 }, text)
            }
            None => Ok(StateId::DEAD),
        }
    }

    /// The id of the value that a text spells.
    fn element_value(&mut self, text: &[u8]) -> Option<u32> {
        let value: Value = serde_json::from_slice(text).ok()?;
        Some(self.frames.algebra.canonical_id(&value))
    }

    fn context(&mut self, context: Context) -> u32 {
        if let Some(id) = self.context_ids.get(&context) {
            return *id;
        }
        let id = self.contexts.len() as u32;
        self.contexts.push(context);
        self.context_ids.insert(context, id);
        id
    }
}
