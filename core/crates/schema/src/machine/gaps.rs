//! White space as lexemes: what a vocabulary knows of it is not asked for space by space.

use structgen_automaton::{AcceptId, AutomatonError, Fuel, LexState, StateId};
use structgen_regex::{ByteSet, ExprId, Exprs};

use super::SchemaAutomaton;
use super::stack::{Cell, CellId, Phase, State, TextId};
use crate::frames::Frames;
use crate::layout::{Gap, Layout};

/// The tags of a gap that has ended: before anything was read, and after some white space.
const EMPTY: u32 = 0;
const SPACED: u32 = 1;

impl SchemaAutomaton {
    /// The lexer state that reads what white space may follow, where it may be read in many ways
    /// and no text is kept of it.
    pub(super) fn gap_lexeme(&mut self, state: State) -> Option<LexState> {
        let State { cell, phase, text } = state;
        let Cell { frame, mark, kept, .. } = self.at(cell);
        if kept || mark != TextId::NONE || text != TextId::NONE {
            return None;
        }
        let (gap, read) = match phase {
            Phase::Value { gap } => (self.gap_before_value(cell), gap),
            Phase::First { gap } => (Gap::Open, gap),
            Phase::NextKey { gap } => (Gap::AfterComma, gap),
            // White space there is on its way to a bracket.
            Phase::After { gap } if self.frames.closing_tags(frame) != Frames::NO_TAGS => {
                (Gap::Close, gap)
            }
            _ => return None,
        };
        let max = match self.layout {
            Layout::Free(max) | Layout::Any(max) if read < max => max,
            _ => return None,
        };
        if let Some(&known) = self.gap_lexemes.get(&(gap, read)) {
            return known;
        }
        let depth = self.at(cell).depth;
        let reads = |read: u32| -> ByteSet {
            let layout = &self.layout;
            (0..=u8::MAX).filter(|&byte| layout.continues(gap, depth, read, byte)).collect()
        };
        // After the first byte, every other takes the same.
        let (first, others) = (reads(read), reads(read + 1));
        if first.is_empty() {
            self.gap_lexemes.insert((gap, read), None);
            return None;
        }
        let exprs = &mut self.frames.algebra.lexer.exprs;
        let some = some_space(exprs, first, others, max - read - 1);
        let parts = match read {
            0 => vec![(EMPTY, Exprs::EPSILON), (SPACED, some)],
            _ => {
                let any = exprs.or(&[Exprs::EPSILON, some]);
                vec![(SPACED, any)]
            }
        };
        let lex = self.frames.algebra.lexer.state(&parts, &mut Fuel::unlimited()).ok();
        self.gap_lexemes.insert((gap, read), lex);
        lex
    }

    /// The state in which a gap of this kind has ended: no more white space may be read.
    pub(super) fn gap_ended(
        &mut self,
        cell: CellId,
        phase: Phase,
        accept: AcceptId,
    ) -> Result<StateId, AutomatonError> {
        let tags = self.frames.algebra.lexer.accept_tags(accept);
        let gap = if tags == [EMPTY] { Layout::SHUT } else { Layout::SPACED };
        let phase = match phase {
            Phase::Value { .. } => Phase::Value { gap },
            Phase::First { .. } => Phase::First { gap },
            Phase::NextKey { .. } => Phase::NextKey { gap },
            _ => Phase::After { gap },
        };
        self.state(cell, phase, TextId::NONE)
    }
}

/// `first`, then up to `more` of `others`.
fn some_space(exprs: &mut Exprs, first: ByteSet, others: ByteSet, more: u32) -> ExprId {
    let (first, other) = (exprs.byte_set(first), exprs.byte_set(others));
    let others = exprs.repeat(other, 0, Some(more));
    exprs.concat(&[first, others])
}
