//! The recogniser: a persistent stack of frames, and where in the syntax of JSON it stands.

mod completion;

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde_json::Value;
use structgen_automaton::{
    AcceptId, AutomatonError, ByteAutomaton, Exactness, Fuel, LexState, LexicalView, StateId,
    Usage,
};

use crate::algebra::{Algebra, INFINITE, NodeId};
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

/// A key as far as it has been read: a list of bytes, shared by its prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct TextId(u32);

impl TextId {
    /// Not kept.
    const NONE: TextId = TextId(0);
    const START: TextId = TextId(1);
}

/// Where in the syntax a state stands. Numbers `gap` count bytes of white space read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// Before a value, which the frame on top waits for.
    Value { gap: u32 },
    /// After an opening bracket or brace.
    First { gap: u32 },
    /// After an element or a member.
    After { gap: u32 },
    /// After the comma between members.
    NextKey { gap: u32 },
    /// Inside a key, after its quote.
    Key { lex: LexState, text: TextId },
    /// Between a key and its colon.
    Colon { gap: u32 },
    /// Inside a string, after its quote.
    Text { lex: LexState },
    Number { lex: LexState },
    Word { word: Word, read: u8 },
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    cell: CellId,
    phase: Phase,
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
        let mut algebra =
            Algebra::new(reading.schemas, reading.tracks_evaluation, options, limits);
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
        let dead = State { cell: CellId(0), phase: Phase::Done };
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
            texts: vec![(TextId::NONE, 0); 2],
            text_ids: FxHashMap::default(),
            contexts: Vec::new(),
            context_ids: FxHashMap::default(),
            tails: FxHashMap::default(),
            start: StateId::DEAD,
        };
        let cell = this.cell(CellId(0), frame, 0);
        let state = State { cell, phase: Phase::Value { gap: 0 } };
        this.start = this.intern(state).unwrap_or(StateId::DEAD);
        this
    }

    /// What becomes of every keyword.
    pub fn report(&self) -> &Report {
        &self.report
    }

    // -- interning ------------------------------------------------------------------------

    fn cell(&mut self, parent: CellId, frame: FrameId, depth: u32) -> CellId {
        let cell = Cell { parent, frame, depth };
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
        let Cell { parent, depth, .. } = self.at(id);
        self.cell(parent, frame, depth)
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

    fn state(&mut self, cell: CellId, phase: Phase) -> Result<StateId, AutomatonError> {
        self.intern(State { cell, phase })
    }

    fn text(&mut self, before: TextId, byte: u8) -> TextId {
        let entry = (before, byte);
        if let Some(id) = self.text_ids.get(&entry) {
            return *id;
        }
        let id = TextId(self.texts.len() as u32);
        self.texts.push(entry);
        self.text_ids.insert(entry, id);
        id
    }

    fn text_bytes(&self, mut id: TextId) -> Vec<u8> {
        let mut out = Vec::new();
        while id.0 > TextId::START.0 {
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
        let State { cell, phase } = state;
        let depth = self.at(cell).depth;
        match phase {
            Phase::Value { gap } => {
                let place = match &*self.frame(cell) {
                    Frame::Root { .. } => Gap::Outside,
                    Frame::Element { .. } => Gap::AfterComma,
                    _ => Gap::AfterColon,
                };
                if self.layout.continues(place, depth, gap, byte) {
                    return self.state(cell, Phase::Value { gap: gap + 1 });
                }
                if !self.layout.complete(place, depth, gap) {
                    return Ok(StateId::DEAD);
                }
                self.begin_value(cell, byte, fuel)
            }
            Phase::First { gap } => self.step_first(cell, gap, byte, fuel),
            Phase::After { gap } => self.step_after(cell, gap, byte, fuel),
            Phase::NextKey { gap } => {
                if self.layout.continues(Gap::AfterComma, depth, gap, byte) {
                    return self.state(cell, Phase::NextKey { gap: gap + 1 });
                }
                if byte != b'"' || !self.layout.complete(Gap::AfterComma, depth, gap) {
                    return Ok(StateId::DEAD);
                }
                self.begin_key(cell, fuel)
            }
            Phase::Key { lex, text } => self.step_key(cell, lex, text, byte, fuel),
            Phase::Colon { gap } => {
                if self.layout.continues(Gap::BeforeColon, depth, gap, byte) {
                    return self.state(cell, Phase::Colon { gap: gap + 1 });
                }
                if byte != b':' || !self.layout.complete(Gap::BeforeColon, depth, gap) {
                    return Ok(StateId::DEAD);
                }
                self.state(cell, Phase::Value { gap: 0 })
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
                        self.end_value(cell, tags)
                    }
                    None => self.state(cell, Phase::Text { lex: next }),
                }
            }
            Phase::Number { lex } => {
                let next = self.frames.algebra.lexer.step(lex, byte, fuel)?;
                if !next.is_dead() {
                    return self.state(cell, Phase::Number { lex: next });
                }
                let Some(accept) = self.frames.algebra.lexer.accept(lex) else {
                    return Ok(StateId::DEAD);
                };
                let tags = self.frames.accepted(accept);
                let after = self.end_value(cell, tags)?;
                if after.is_dead() { Ok(after) } else { self.step(after, byte, fuel) }
            }
            Phase::Word { word, read } => {
                if word.text().get(read as usize) != Some(&byte) {
                    return Ok(StateId::DEAD);
                }
                if read as usize + 1 < word.text().len() {
                    return self.state(cell, Phase::Word { word, read: read + 1 });
                }
                let tags = self.word_tags(cell, word, fuel)?;
                self.end_value(cell, tags)
            }
            Phase::Done => Ok(StateId::DEAD),
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
        cell: CellId,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let Some(asks) = self.frames.asks_of(self.at(cell).frame) else {
            return Ok(StateId::DEAD);
        };
        let starts = self.frames.starts(asks, fuel)?;
        match byte {
            b'"' if !starts.strings.is_dead() => {
                self.state(cell, Phase::Text { lex: starts.strings })
            }
            b'-' | b'0'..=b'9' if !starts.numbers.is_dead() => {
                let lex = self.frames.algebra.lexer.step(starts.numbers, byte, fuel)?;
                if lex.is_dead() {
                    return Ok(StateId::DEAD);
                }
                self.state(cell, Phase::Number { lex })
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
                self.state(cell, Phase::Word { word, read: 1 })
            }
            b'[' | b'{' => {
                let frame = if byte == b'[' { starts.array } else { starts.object };
                let Some(frame) = frame else { return Ok(StateId::DEAD) };
                let depth = self.at(cell).depth + 1;
                if depth > self.limits.max_depth {
                    let limit = u64::from(self.limits.max_depth);
                    return Err(AutomatonError::Limit { name: "max_depth", limit });
                }
                let inner = self.cell(cell, frame, depth);
                self.state(inner, Phase::First { gap: 0 })
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
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let Cell { frame, depth, .. } = self.at(cell);
        let is_array = matches!(&*self.frames.frame(frame), Frame::Array { .. });
        let close = if is_array { b']' } else { b'}' };
        if byte == close && (gap == 0 || self.layout.is_free()) {
            return self.close(cell);
        }
        let element = if is_array { self.frames.element(frame, fuel)? } else { None };
        let more = if is_array {
            element.is_some()
        } else {
            !self.frames.key_plan(frame, fuel)?.lex.is_dead()
        };
        let bracket_only = self.layout.is_free();
        if self.layout.continues(Gap::Open, depth, gap, byte) && (more || bracket_only) {
            return self.state(cell, Phase::First { gap: gap + 1 });
        }
        if !more || !self.layout.complete(Gap::Open, depth, gap) {
            return Ok(StateId::DEAD);
        }
        match element {
            Some(element) => {
                let waiting = self.replaced(cell, element);
                self.begin_value(waiting, byte, fuel)
            }
            None if byte == b'"' => self.begin_key(cell, fuel),
            None => Ok(StateId::DEAD),
        }
    }

    /// After an element or a member.
    fn step_after(
        &mut self,
        cell: CellId,
        gap: u32,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let Cell { frame, depth, .. } = self.at(cell);
        let is_array = matches!(&*self.frames.frame(frame), Frame::Array { .. });
        let close = if is_array { b']' } else { b'}' };
        if byte == close && self.layout.complete(Gap::Close, depth, gap) {
            return self.close(cell);
        }
        let may_close = self.frames.closing_tags(frame) != Frames::NO_TAGS;
        if byte == b',' && self.layout.complete(Gap::BeforeComma, depth, gap) {
            if is_array {
                let Some(element) = self.frames.element(frame, fuel)? else {
                    return Ok(StateId::DEAD);
                };
                let waiting = self.replaced(cell, element);
                return self.state(waiting, Phase::Value { gap: 0 });
            }
            if self.frames.key_plan(frame, fuel)?.lex.is_dead() {
                return Ok(StateId::DEAD);
            }
            return self.state(cell, Phase::NextKey { gap: 0 });
        }
        let toward_close = may_close && self.layout.continues(Gap::Close, depth, gap, byte);
        let toward_comma = self.layout.continues(Gap::BeforeComma, depth, gap, byte)
            && (self.layout.is_free() || self.may_go_on(cell, fuel)?);
        if toward_close || toward_comma {
            return self.state(cell, Phase::After { gap: gap + 1 });
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

    fn begin_key(&mut self, cell: CellId, fuel: &mut Fuel) -> Result<StateId, AutomatonError> {
        let plan = self.key_plan(cell, fuel)?;
        if plan.lex.is_dead() {
            return Ok(StateId::DEAD);
        }
        let keeps = (plan.tags.len() as u32) > plan.first_class;
        let text = if keeps { TextId::START } else { TextId::NONE };
        self.state(cell, Phase::Key { lex: plan.lex, text })
    }

    fn step_key(
        &mut self,
        cell: CellId,
        lex: LexState,
        text: TextId,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let next = self.frames.algebra.lexer.step(lex, byte, fuel)?;
        if next.is_dead() {
            return Ok(StateId::DEAD);
        }
        if let Some(accept) = self.frames.algebra.lexer.accept(next) {
            let key = (text != TextId::NONE).then(|| {
                let body = self.text_bytes(text);
                self.frames.algebra.key_of_body(&body)
            });
            return self.end_key(cell, accept, key, fuel);
        }
        let mut kept = text;
        if text != TextId::NONE {
            // Once no class is alive, the tags will tell the key.
            let first = self.key_plan(cell, fuel)?.first_class;
            let parts = self.frames.algebra.lexer.parts(next);
            let open = parts.last().is_some_and(|(tag, _)| *tag >= first);
            kept = if open { self.text(text, byte) } else { TextId::NONE };
        }
        self.state(cell, Phase::Key { lex: next, text: kept })
    }

    fn end_key(
        &mut self,
        cell: CellId,
        accept: AcceptId,
        key: Option<crate::algebra::KeyId>,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let tags = self.frames.accepted(accept);
        let frame = self.at(cell).frame;
        match self.frames.key_end(frame, tags, key, fuel)? {
            Some(member) => {
                let waiting = self.replaced(cell, member);
                self.state(waiting, Phase::Colon { gap: 0 })
            }
            None => Ok(StateId::DEAD),
        }
    }

    /// The container on top ends.
    fn close(&mut self, cell: CellId) -> Result<StateId, AutomatonError> {
        let Cell { parent, frame, .. } = self.at(cell);
        let tags = self.frames.closing_tags(frame);
        if tags == Frames::NO_TAGS {
            return Ok(StateId::DEAD);
        }
        self.end_value(parent, tags)
    }

    /// A value ended that holds `tags` of what the frame on top asks for.
    fn end_value(&mut self, cell: CellId, tags: TagsId) -> Result<StateId, AutomatonError> {
        let frame = self.at(cell).frame;
        if matches!(&*self.frames.frame(frame), Frame::Root { .. }) {
            return if tags == Frames::NO_TAGS {
                Ok(StateId::DEAD)
            } else {
                self.state(cell, Phase::Done)
            };
        }
        match self.frames.value_end(frame, tags) {
            Some(next) => {
                let cell = self.replaced(cell, next);
                self.state(cell, Phase::After { gap: 0 })
            }
            None => Ok(StateId::DEAD),
        }
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

impl ByteAutomaton for SchemaAutomaton {
    fn start(&mut self, _fuel: &mut Fuel) -> Result<StateId, AutomatonError> {
        Ok(self.start)
    }

    fn step(
        &mut self,
        state: StateId,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let Some(&found) = self.states.get(state.0 as usize).filter(|_| !state.is_dead()) else {
            return Ok(StateId::DEAD);
        };
        // Inside a string the lexer's table is the memo.
        if let Phase::Text { .. } = found.phase {
            return self.cold_step(found, byte, fuel);
        }
        if let Some(next) = self.steps.get(&(state, byte)) {
            return Ok(*next);
        }
        fuel.spend(1)?;
        let next = self.cold_step(found, byte, fuel)?;
        self.steps.insert((state, byte), next);
        Ok(next)
    }

    fn is_accepting(&mut self, state: StateId, fuel: &mut Fuel) -> Result<bool, AutomatonError> {
        fuel.spend(1)?;
        let Some(&State { cell, phase }) = self.states.get(state.0 as usize) else {
            return Ok(false);
        };
        if state.is_dead() {
            return Ok(false);
        }
        Ok(match phase {
            Phase::Done => true,
            Phase::Number { lex } => {
                matches!(&*self.frame(cell), Frame::Root { .. })
                    && self.frames.algebra.lexer.accept(lex).is_some()
            }
            _ => false,
        })
    }

    fn completion(
        &mut self,
        state: StateId,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        match self.states.get(state.0 as usize) {
            Some(&found) if !state.is_dead() => self.complete(found, fuel),
            _ => Ok(None),
        }
    }

    fn exactness(&self) -> Exactness {
        Exactness::Exact
    }

    fn usage(&self) -> Usage {
        let (items, bytes) = self.frames.algebra.usage();
        let states = self.states.len() + self.cells.len() + self.frames.len();
        Usage {
            states: states + items,
            bytes: bytes + states * 96 + self.steps.len() * 24 + self.texts.len() * 32,
        }
    }

    fn lexical_views(&mut self, state: StateId, out: &mut Vec<LexicalView>) -> bool {
        let Some(&State { cell, phase }) = self.states.get(state.0 as usize) else {
            return false;
        };
        let (lex, key) = match phase {
            _ if state.is_dead() => return false,
            Phase::Text { lex } | Phase::Number { lex } => (lex, false),
            Phase::Key { lex, .. } => (lex, true),
            _ => return false,
        };
        let context = self.context(Context { cell, key });
        out.push(LexicalView { lex, context });
        true
    }

    fn lex_step(
        &mut self,
        lex: LexState,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<LexState, AutomatonError> {
        self.frames.algebra.lexer.step(lex, byte, fuel)
    }

    fn lex_accept(&self, lex: LexState) -> Option<AcceptId> {
        self.frames.algebra.lexer.accept(lex)
    }

    fn lex_fingerprint(&self, lex: LexState) -> u128 {
        self.frames.algebra.lexer.fingerprint(lex)
    }

    /// A key that only its text identifies is not known here: the state that is returned
    /// refuses a second key of that kind in the same object, which only matters to tokens
    /// that span both.
    fn lex_end(
        &mut self,
        context: u32,
        accept: AcceptId,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let Some(&Context { cell, key }) = self.contexts.get(context as usize) else {
            return Ok(StateId::DEAD);
        };
        if key {
            return self.end_key(cell, accept, None, fuel);
        }
        let tags = self.frames.accepted(accept);
        self.end_value(cell, tags)
    }
}
