//! Inside arrays and objects: elements, keys, commas and the closing bracket.

use structgen_automaton::{AcceptId, AutomatonError, Fuel, LexState, StateId};

use super::SchemaAutomaton;
use super::stack::{Cell, CellId, Phase, TextId};
use crate::algebra::KeyId;
use crate::frames::{Frame, FrameId, Frames};
use crate::layout::Gap;

impl SchemaAutomaton {
    /// After an opening bracket or brace.
    pub(super) fn step_first(
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
        let element = if is_array { self.next_element(frame, fuel)? } else { None };
        let more = if is_array { element.is_some() } else { self.has_next_key(frame, fuel)? };
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
    pub(super) fn step_after(
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
                let Some(element) = self.next_element(frame, fuel)? else {
                    return Ok(StateId::DEAD);
                };
                let waiting = self.replaced(cell, element);
                return self.state(waiting, Phase::Value { gap: 0 }, text);
            }
            if !self.has_next_key(frame, fuel)? {
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
            Frame::Array { .. } => self.next_element(frame, fuel)?.is_some(),
            _ => self.has_next_key(frame, fuel)?,
        })
    }

    /// The frame of the next element, if there may be one. One that could only go deeper than is
    /// allowed is not begun.
    fn next_element(
        &mut self,
        frame: FrameId,
        fuel: &mut Fuel,
    ) -> Result<Option<FrameId>, AutomatonError> {
        let element = self.frames.element(frame, fuel)?;
        if let Some(element) = element
            && self.frames.reading(frame).shallow
            && let Some(asks) = self.frames.asks_of(element)
            && !self.frames.takes_scalars(asks, fuel)?
        {
            self.limited = true;
            return Ok(None);
        }
        Ok(element)
    }

    /// Whether another key may come, if none is left out for going too deep.
    fn has_next_key(&mut self, frame: FrameId, fuel: &mut Fuel) -> Result<bool, AutomatonError> {
        let plan = self.frames.key_plan(frame, fuel)?;
        self.limited |= plan.limited;
        Ok(!plan.lex.is_dead())
    }

    /// After the quote of a key; `text` holds the quote where an element is kept.
    pub(super) fn begin_key(
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

    pub(super) fn step_key(
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
            let frame = self.at(cell).frame;
            if self.frames.reading(frame).shallow {
                // Perhaps a key that is left out.
                self.limited |= self.frames.key_plan(frame, fuel)?.limited;
            }
            return Ok(StateId::DEAD);
        }
        let text = self.longer(before, byte);
        if let Some(accept) = self.frames.algebra.lexer.accept(next) {
            let known = mark != TextId::NONE && before != TextId::BLURRED;
            if mark != TextId::NONE && !known {
                self.frames.doubt_key_text(self.at(cell).frame);
            }
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
        if self.frames.algebra.lexer.last_tag(next) >= first {
            return self.state(cell, Phase::Key { lex: next, mark }, text);
        }
        let text = if self.at(cell).kept { text } else { TextId::NONE };
        self.state(cell, Phase::Key { lex: next, mark: TextId::NONE }, text)
    }

    pub(super) fn end_key(
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
    pub(super) fn close(&mut self, cell: CellId, text: TextId) -> Result<StateId, AutomatonError> {
        let Cell { parent, frame, .. } = self.at(cell);
        let tags = self.frames.closing_tags(frame);
        if tags == Frames::NO_TAGS {
            return Ok(StateId::DEAD);
        }
        self.end_value(parent, tags, text)
    }
}
