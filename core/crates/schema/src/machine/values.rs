//! Where values begin and end.

use serde_json::Value;
use structgen_automaton::{AutomatonError, Fuel, StateId};

use super::SchemaAutomaton;
use super::stack::{Cell, CellId, Phase, TextId, Word};
use crate::frames::{Frame, Frames, TagsId};
use crate::layout::Gap;

impl SchemaAutomaton {
    pub(super) fn gap_before_value(&self, cell: CellId) -> Gap {
        match &*self.frame(cell) {
            Frame::Root { .. } => Gap::Outside,
            Frame::Element { .. } => Gap::AfterComma,
            _ => Gap::AfterColon,
        }
    }

    pub(super) fn word_tags(
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
    pub(super) fn begin_value(
        &mut self,
        mut cell: CellId,
        byte: u8,
        before: TextId,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let Some(asks) = self.frames.asks_of(self.at(cell).frame) else {
            return Ok(StateId::DEAD);
        };
        let Some(frame) = self.frames.narrowed(self.at(cell).frame, byte, fuel)? else {
            return Ok(StateId::DEAD);
        };
        cell = self.cell(Cell { frame, ..self.at(cell) });
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

    /// A value ended that holds `tags` of what the frame on top asks for; `text` ends with it.
    pub(super) fn end_value(
        &mut self,
        cell: CellId,
        tags: TagsId,
        text: TextId,
    ) -> Result<StateId, AutomatonError> {
        let Cell { frame, mark, .. } = self.at(cell);
        let known = mark != TextId::NONE && mark != TextId::BLURRED && text != TextId::BLURRED;
        self.frames.doubt_element(frame, known);
        let value = if known {
            let text = self.text_between(mark, text);
            self.element_value(&text)
        } else {
            None
        };
        self.value_ended(cell, tags, value, text)
    }

    /// The same, where `value` is what the text says, as far as it is known and matters.
    pub(super) fn value_ended(
        &mut self,
        cell: CellId,
        tags: TagsId,
        value: Option<u32>,
        text: TextId,
    ) -> Result<StateId, AutomatonError> {
        let Cell { frame, kept, .. } = self.at(cell);
        if matches!(&*self.frames.frame(frame), Frame::Root { .. }) {
            return if tags == Frames::NO_TAGS {
                Ok(StateId::DEAD)
            } else {
                self.state(cell, Phase::Done { gap: 0 }, TextId::NONE)
            };
        }
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
    pub(super) fn element_value(&mut self, text: &[u8]) -> Option<u32> {
        let value: Value = serde_json::from_slice(text).ok()?;
        Some(self.frames.algebra.canonical_id(&value))
    }
}
