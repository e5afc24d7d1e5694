//! What a state is made of: cells under a phase of the syntax, and texts that are kept.
//! All are interned.

use std::sync::Arc;

use structgen_automaton::{AutomatonError, Fuel, LexState, StateId};

use structgen_regex::ByteSet;

use super::SchemaAutomaton;
use crate::frames::{Frame, FrameId, KeyPlan};

/// A frame on top of another cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct CellId(pub(super) u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Cell {
    pub(super) parent: CellId,
    pub(super) frame: FrameId,
    /// Containers around what comes next.
    pub(super) depth: u32,
    /// Where the element that the frame waits for began, if its text is kept.
    pub(super) mark: TextId,
    /// Whether the text of an element further out is kept.
    pub(super) kept: bool,
}

/// The literals of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Word {
    Null,
    False,
    True,
}

impl Word {
    pub(super) fn text(self) -> &'static [u8] {
        match self {
            Word::Null => b"null",
            Word::False => b"false",
            Word::True => b"true",
        }
    }
}

/// A key or an element as far as it has been read: a list of bytes, shared by its prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TextId(pub(super) u32);

impl TextId {
    /// Not kept.
    pub(super) const NONE: TextId = TextId(0);
    /// Kept, but not known: after a lexeme of which only the tags are.
    pub(super) const BLURRED: TextId = TextId(1);
    pub(super) const START: TextId = TextId(2);
}

/// Where in the syntax a state stands. Numbers `gap` count bytes of white space read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
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
    /// After the document.
    Done {
        gap: u32,
    },
}

impl Phase {
    /// The bytes that JSON may have at such a place: what is told without a look-up. All of them
    /// inside strings.
    pub(super) fn readable(self) -> ByteSet {
        match self {
            Phase::Value { .. } | Phase::First { .. } => BEFORE_VALUE,
            Phase::After { .. } => AFTER_VALUE,
            Phase::NextKey { .. } => BEFORE_KEY,
            Phase::Colon { .. } => BEFORE_COLON,
            Phase::Word { word, read } => match word.text().get(read as usize) {
                Some(&byte) => ByteSet::single(byte),
                None => ByteSet::EMPTY,
            },
            Phase::Number { .. } => IN_NUMBER,
            Phase::Key { .. } | Phase::Text { .. } => ByteSet::FULL,
            Phase::Done { .. } => SPACE,
        }
    }
}

const SPACE: ByteSet = ByteSet::of(b" \n\r\t");
const BEFORE_VALUE: ByteSet = ByteSet::of(b" \n\r\t\"-0123456789ntf[]{}");
const AFTER_VALUE: ByteSet = ByteSet::of(b" \n\r\t,]}");
const BEFORE_KEY: ByteSet = ByteSet::of(b" \n\r\t\"");
const BEFORE_COLON: ByteSet = ByteSet::of(b" \n\r\t:");
const IN_NUMBER: ByteSet = ByteSet::of(b" \n\r\t0123456789-+.eE,]}");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) cell: CellId,
    pub(super) phase: Phase,
    /// What has been read of the innermost key or outermost element whose text is kept.
    pub(super) text: TextId,
}

/// What follows a lexeme, for [`LexicalView::context`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Context {
    pub(super) cell: CellId,
    pub(super) lexeme: Lexeme,
}

/// What kind of lexeme it is that ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lexeme {
    Key,
    Value,
    /// White space, at the beginning of this phase.
    Gap(Phase),
}

impl SchemaAutomaton {
    pub(super) fn cell(&mut self, cell: Cell) -> CellId {
        if let Some(id) = self.cell_ids.get(&cell) {
            return *id;
        }
        let id = CellId(self.cells.len() as u32);
        self.cells.push(cell);
        self.cell_ids.insert(cell, id);
        id
    }

    pub(super) fn at(&self, id: CellId) -> Cell {
        self.cells[id.0 as usize]
    }

    /// The cell with another frame in the place of its own.
    pub(super) fn replaced(&mut self, id: CellId, frame: FrameId) -> CellId {
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

    pub(super) fn state(
        &mut self,
        cell: CellId,
        phase: Phase,
        text: TextId,
    ) -> Result<StateId, AutomatonError> {
        self.intern(State { cell, phase, text })
    }

    /// The text with one more byte, if it is kept.
    pub(super) fn longer(&mut self, before: TextId, byte: u8) -> TextId {
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
    pub(super) fn text_between(&self, mark: TextId, mut id: TextId) -> Vec<u8> {
        let mut out = Vec::new();
        while id != mark && id.0 > TextId::START.0 {
            let (before, byte) = self.texts[id.0 as usize];
            out.push(byte);
            id = before;
        }
        out.reverse();
        out
    }

    /// The key or element that is open in `state`, as far as it has been read, and the frame that
    /// it is read for. `None` where its text does not matter.
    pub(super) fn open_lexeme(&self, state: StateId) -> Option<(FrameId, Vec<u8>)> {
        let &State { cell, phase, text } = self.states.get(state.0 as usize)?;
        let Cell { frame, mark, .. } = self.at(cell);
        let mut lexeme = Vec::new();
        let mark = match phase {
            Phase::Key { mark, .. } => {
                lexeme.push(b'"');
                mark
            }
            _ => mark,
        };
        if mark == TextId::NONE {
            return None;
        }
        lexeme.extend(self.text_between(mark, text));
        Some((frame, lexeme))
    }

    /// The key that is open in `state`, as far as it has been read, where any other one might come
    /// as well, and the plan for it. `None` in the middle of an escape or a character, too.
    pub(super) fn open_key(&self, state: StateId) -> Option<(String, &KeyPlan)> {
        let &State { phase, text, .. } = self.states.get(state.0 as usize)?;
        let Phase::Key { mark, .. } = phase else { return None };
        if mark == TextId::BLURRED || text == TextId::BLURRED {
            return None;
        }
        let (frame, lexeme) = self.open_lexeme(state)?;
        Some((read_so_far(lexeme)?, self.frames.known_key_plan(frame)?))
    }

    pub(super) fn frame(&self, cell: CellId) -> Arc<Frame> {
        self.frames.frame(self.at(cell).frame)
    }

    pub(super) fn key_plan(
        &mut self,
        cell: CellId,
        fuel: &mut Fuel,
    ) -> Result<Arc<KeyPlan>, AutomatonError> {
        let frame = self.at(cell).frame;
        self.frames.key_plan(frame, fuel)
    }

    pub(super) fn context(&mut self, context: Context) -> u32 {
        if let Some(id) = self.context_ids.get(&context) {
            return *id;
        }
        let id = self.contexts.len() as u32;
        self.contexts.push(context);
        self.context_ids.insert(context, id);
        id
    }
}

/// The text of a string of which that much has been read. `None` in the middle of an escape or of
/// a character, where it has none yet.
pub(super) fn read_so_far(mut literal: Vec<u8>) -> Option<String> {
    literal.push(b'"');
    serde_json::from_slice(&literal).ok()
}
