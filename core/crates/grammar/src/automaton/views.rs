//! Lexical views: our own lexemes in progress, and those of nested automata.

use structgen_automaton::{AcceptId, AutomatonError, Fuel, LexState, LexicalView, StateId};

use super::CfgAutomaton;
use crate::guests::{GuestContext, GuestLex};
use crate::sets::SetId;
use crate::states::{Context, Named, Reader, Scan};

/// Enough for look-ups of what is known, too little for long work.
const KNOWN_STEPS: u64 = 10_000;

/// Enough to find out what follows a terminal.
const VIEW_STEPS: u64 = 1_000_000;

impl CfgAutomaton {
    /// The lexical views of `state`; false if there are none.
    pub(super) fn views(
        &mut self,
        state: StateId,
        out: &mut Vec<LexicalView>,
    ) -> Result<bool, AutomatonError> {
        let before = out.len();
        let mut ending = None;
        let mut endings = 0;
        for place in self.states.places(state) {
            let scan = self.states.scan(place);
            match scan.reader() {
                Reader::Lexer(lex) => {
                    let context = Named::Own(scan.context).raw();
                    out.push(LexicalView { lex, context });
                    if let Some(accept) = self.lexicon.lexer.accept(lex) {
                        ending = Some((scan.context, accept));
                        endings += 1;
                    }
                }
                Reader::Nested { terminal, state } => {
                    if !self.guest_views(terminal, state, scan.context, out)? {
                        return Ok(false);
                    }
                }
            }
        }
        // A lexeme that may end here implies what begins after it: no view of its own.
        if let (1, Some((context, accept))) = (endings, ending)
            && let Some((lex, set)) = self.implied_beginning(context, accept)
        {
            let implied = LexicalView { lex, context: Named::Own(Context::at(set)).raw() };
            if let Some(at) = out[before..].iter().position(|view| *view == implied) {
                out.remove(before + at);
            }
        }
        Ok(true)
    }

    fn guest_views(
        &mut self,
        terminal: u32,
        state: StateId,
        context: Context,
        out: &mut Vec<LexicalView>,
    ) -> Result<bool, AutomatonError> {
        let mut fuel = Fuel::new("max_steps", VIEW_STEPS);
        let (after, _) = self.settle(context, terminal, &mut fuel)?.set();
        let Some(automaton) = self.lexicon.nested(terminal) else { return Ok(false) };
        let mut views = Vec::new();
        if !automaton.lexical_views(state, &mut views) {
            return Ok(false);
        }
        for LexicalView { lex, context } in views {
            let lex = self.guests.name_lex(automaton.as_ref(), GuestLex { terminal, lex })?;
            let number = self.guests.name_context(GuestContext { terminal, context, after })?;
            out.push(LexicalView { lex, context: Named::Guest(number).raw() });
        }
        Ok(true)
    }

    /// The state after a lexeme inside a nested automaton has ended.
    pub(super) fn end_guest(
        &mut self,
        guest: GuestContext,
        accept: AcceptId,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let GuestContext { terminal, context, after } = guest;
        let Some(automaton) = self.lexicon.nested(terminal) else { return Ok(StateId::DEAD) };
        let state = automaton.lex_end(context, accept, fuel)?;
        if state.is_dead() {
            return Ok(StateId::DEAD);
        }
        let ends = automaton.is_accepting(state, fuel)?;
        let mut scans = Vec::new();
        if !ends || self.lexicon.nested_goes_on(terminal, state, fuel)? {
            scans.push(Scan::nested(terminal, state, Context::after(after)));
        }
        self.state(scans, if ends { after } else { SetId::EMPTY }, fuel)
    }

    /// Where the lexer begins after lexemes that have ended. Everything asked here has
    /// been worked out when the state was made.
    fn implied_beginning(
        &mut self,
        context: Context,
        accept: AcceptId,
    ) -> Option<(LexState, SetId)> {
        let mut fuel = Fuel::new("max_steps", KNOWN_STEPS);
        let set = self.end_all(context, accept, &mut fuel).ok()?;
        self.beginnings.get(&set).map(|b| (b.lex, set))
    }
}
