//! Where values begin and end.

use serde_json::Value;
use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel, StateId};

use super::SchemaAutomaton;
use super::stack::{Cell, CellId, Phase, TextId, Word};
use crate::frames::{Frame, Frames, TagsId};
use crate::layout::Gap;

/// Levels below the limit of depth from which on it is looked whether a container can be ended within
/// it. What has to be nested more deeply than that may come to a dead end.
const FAR: u32 = 100;

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
                let Cell { mark, kept, depth, .. } = self.at(cell);
                if depth >= self.limits.max_depth {
                    self.limited = true;
                    return Ok(StateId::DEAD);
                }
                let frame = match depth + 1 >= self.limits.max_depth {
                    true => self.frames.shallow(frame),
                    false => frame,
                };
                let kept = kept || mark != TextId::NONE;
                let inner =
                    Cell { parent: cell, frame, depth: depth + 1, mark: TextId::NONE, kept };
                let inner = self.cell(inner);
                let state = self.state(inner, Phase::First { gap: 0 }, text)?;
                if !self.fits(state, inner, fuel)? {
                    self.limited = true;
                    return Ok(StateId::DEAD);
                }
                Ok(state)
            }
            _ => Ok(StateId::DEAD),
        }
    }

    /// Whether the container that begins in `state` can be ended without a container deeper than is
    /// allowed, as its shortest completion shows.
    fn fits(
        &mut self,
        state: StateId,
        cell: CellId,
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        let Cell { frame, depth, .. } = self.at(cell);
        let room = self.limits.max_depth - depth;
        if room >= FAR {
            return Ok(true);
        }
        // Each level takes two brackets.
        let cost = match &*self.frames.frame(frame) {
            Frame::Array { runs, .. } => self.least(runs, fuel, Self::array_run_cost)?,
            Frame::Object { runs, .. } => self
                .least(runs, fuel, |this, run, fuel| this.frames.object_run_cost(run, &[], fuel))?,
            _ => 0,
        };
        if cost / 2 <= room {
            return Ok(true);
        }
        let completion = self.completion(state, fuel)?;
        Ok(completion.is_none_or(|text| height(&text) <= room))
    }

    fn least<R>(
        &mut self,
        runs: &[R],
        fuel: &mut Fuel,
        cost: impl Fn(&mut Self, &R, &mut Fuel) -> Result<u32, AutomatonError>,
    ) -> Result<u32, AutomatonError> {
        runs.iter().try_fold(u32::MAX, |least, run| Ok(least.min(cost(self, run, fuel)?)))
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

/// How many levels more than there are `rest` opens inside a container.
fn height(rest: &[u8]) -> u32 {
    let (mut level, mut most) = (0i64, 0i64);
    let (mut in_string, mut escaped) = (false, false);
    for byte in rest {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => level += 1,
            b']' | b'}' if !in_string => level -= 1,
            _ => {}
        }
        most = most.max(level);
    }
    most.try_into().unwrap_or(u32::MAX)
}
