//! The automaton: lexemes in progress, stepped byte by byte; sets where they end.

mod completion;
mod views;

use rustc_hash::FxHashMap;
use structgen_automaton::{
    AcceptId, AutomatonError, ByteAutomaton, ByteSet, CharSelection, Completions, EndKnowledge,
    Exactness, Fuel, LexState, LexicalView, Returned, StateId, Usage,
};
use structgen_regex::Exprs;

use self::completion::Way;
use crate::analysis::{Diagnostics, clean, reach, validate};
use crate::chart::Chart;
use crate::costs::Costs;
use crate::error::GrammarError;
use crate::guests::{GuestLex, Guests};
use crate::ir::Grammar;
use crate::lexicon::{Beginning, Lexicon};
use crate::limits::GrammarLimits;
use crate::sets::SetId;
use crate::states::{Context, Named, Reader, Scan, States};
use crate::tables::Tables;

/// A context-free grammar as a byte automaton.
///
/// Any grammar will do: ambiguous, left-recursive, with empty rules, hidden left recursion
/// and rules that derive themselves. The automaton is exact if all nested automata are:
/// a state is dead exactly if no continuation is in the language.
pub struct CfgAutomaton {
    tables: Tables,
    chart: Chart,
    lexicon: Lexicon,
    states: States,
    costs: Costs,
    guests: Guests,
    /// What the shortest completion of a state begins with.
    ways: FxHashMap<StateId, Way>,
    /// Where the lexemes begin that a set expects.
    beginnings: FxHashMap<SetId, Beginning>,
    /// The state in which a lexeme has just ended and a set is all that counts.
    at_set: FxHashMap<SetId, StateId>,
    limits: GrammarLimits,
    diagnostics: Diagnostics,
    spare: Vec<Scan>,
    ended: Vec<SetId>,
    /// See [`ByteAutomaton::take_doubt`].
    doubt: bool,
    /// See [`ByteAutomaton::take_limit`].
    limit: Option<AutomatonError>,
}

impl CfgAutomaton {
    /// Checks `grammar` and prepares its tables. `exprs` is the arena of its regular
    /// terminals. Cost: linear in the grammar, plus emptiness of every terminal in use.
    ///
    /// Rules and terminals that no text can use are no error; [`Self::diagnostics`] lists
    /// them.
    pub fn new(
        grammar: Grammar,
        exprs: Exprs,
        limits: GrammarLimits,
        fuel: &mut Fuel,
    ) -> Result<Self, GrammarError> {
        let (grammar, exprs) = (Returned::new(grammar), Returned::new(exprs));
        validate(&grammar, &limits)?;
        let reached = reach(&grammar, fuel)?;
        let Grammar { rules, terminals, ignore, start } = grammar.into_inner();
        let rules = Returned::new(rules);
        let names: Vec<String> = terminals.iter().map(|t| t.name.clone()).collect();
        let (lexicon, facts) =
            Lexicon::new(terminals, &reached.terminals, &ignore, exprs.into_inner(), fuel)?;
        let (cleaned, diagnostics) = clean(&rules, start, &names, &reached, &facts, fuel)?;
        let tables = Tables::new(cleaned, start, &ignore, facts, fuel)?;
        Ok(CfgAutomaton {
            tables,
            chart: Chart::new(&limits),
            lexicon,
            states: States::new(&limits),
            costs: Costs::default(),
            guests: Guests::new(limits.max_states),
            ways: FxHashMap::default(),
            beginnings: FxHashMap::default(),
            at_set: FxHashMap::default(),
            limits,
            diagnostics,
            spare: Vec::new(),
            ended: Vec::new(),
            doubt: false,
            limit: None,
        })
    }

    /// What the grammar contains that no text can use.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    /// The lexemes in progress after `scans`, and a new one begun at `set`.
    fn state(
        &mut self,
        mut scans: Vec<Scan>,
        set: SetId,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        if set != SetId::EMPTY {
            let beginning = self.begin(set, fuel)?;
            let context = Context::at(set);
            if !beginning.lex.is_dead() {
                scans.push(Scan::lexer(beginning.lex, context));
            }
            let nested = beginning.nested.iter();
            scans.extend(nested.map(|(t, start)| Scan::nested(*t, *start, context)));
        }
        let accepting = self.chart.sets.accepts(set);
        let state = self.states.intern(&mut scans, accepting)?;
        self.spare = scans;
        Ok(state)
    }

    fn begin(&mut self, set: SetId, fuel: &mut Fuel) -> Result<Beginning, AutomatonError> {
        if let Some(known) = self.beginnings.get(&set) {
            return Ok(known.clone());
        }
        let column = self.chart.column(&self.tables, set, fuel)?;
        let beginning = self.lexicon.begin(&column.terminals, fuel)?;
        self.beginnings.insert(set, beginning.clone());
        Ok(beginning)
    }

    fn state_at(&mut self, set: SetId, fuel: &mut Fuel) -> Result<StateId, AutomatonError> {
        if let Some(known) = self.at_set.get(&set) {
            return Ok(*known);
        }
        let mut none = std::mem::take(&mut self.spare);
        none.clear();
        let state = self.state(none, set, fuel)?;
        self.at_set.insert(set, state);
        Ok(state)
    }

    /// The set after a lexeme of one of `terminals` in `context`.
    fn end(
        &mut self,
        context: Context,
        terminals: &[u32],
        fuel: &mut Fuel,
    ) -> Result<SetId, AutomatonError> {
        match context.set() {
            (set, true) => Ok(set),
            (set, false) => self.chart.after(&self.tables, set, terminals, fuel),
        }
    }

    /// The context of a lexeme that can only be one of `terminal`.
    fn settle(
        &mut self,
        context: Context,
        terminal: u32,
        fuel: &mut Fuel,
    ) -> Result<Context, AutomatonError> {
        Ok(Context::after(self.end(context, &[terminal], fuel)?))
    }

    fn take_step(
        &mut self,
        state: StateId,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let places = self.states.places(state);
        fuel.spend(1 + places.len() as u64)?;
        let mut next = std::mem::take(&mut self.spare);
        next.clear();
        let mut ended = std::mem::take(&mut self.ended);
        ended.clear();
        for place in places {
            let scan = self.states.scan(place);
            match scan.reader() {
                Reader::Lexer(lex) => {
                    let lex = self.lexicon.lexer.step(lex, byte, fuel)?;
                    if lex.is_dead() {
                        continue;
                    }
                    let facts = self.lexicon.facts(lex, fuel)?;
                    let context = match facts.sole {
                        Some(terminal) => self.settle(scan.context, terminal, fuel)?,
                        None => scan.context,
                    };
                    if let Some(accept) = self.lexicon.lexer.accept(lex) {
                        ended.push(self.end_all(context, accept, fuel)?);
                    }
                    if facts.goes_on && !facts.ignorable {
                        next.push(Scan::lexer(lex, context));
                    }
                }
                Reader::Nested { terminal, state } => {
                    let (state, ends) = self.lexicon.nested_step(terminal, state, byte, fuel)?;
                    if state.is_dead() {
                        continue;
                    }
                    let context = self.settle(scan.context, terminal, fuel)?;
                    if ends {
                        ended.push(context.set().0);
                    }
                    if !ends || self.lexicon.nested_goes_on(terminal, state, fuel)? {
                        next.push(Scan::nested(terminal, state, context));
                    }
                }
            }
        }
        if next.is_empty() && ended.is_empty() {
            (self.spare, self.ended) = (next, ended);
            return Ok(StateId::DEAD);
        }
        let set = self.chart.union(&mut ended, fuel)?;
        self.ended = ended;
        match next.is_empty() {
            true => self.state_at(set, fuel),
            false => self.state(next, set, fuel),
        }
    }

    fn end_all(
        &mut self,
        context: Context,
        accept: AcceptId,
        fuel: &mut Fuel,
    ) -> Result<SetId, AutomatonError> {
        match context.set() {
            (set, true) => Ok(set),
            (set, false) => {
                let terminals = self.lexicon.accepted(accept);
                self.chart.after(&self.tables, set, terminals, fuel)
            }
        }
    }
}

impl ByteAutomaton for CfgAutomaton {
    fn start(&mut self, fuel: &mut Fuel) -> Result<StateId, AutomatonError> {
        let set = self.chart.start(&self.tables, fuel)?;
        self.state_at(set, fuel)
    }

    #[inline]
    fn step(
        &mut self,
        state: StateId,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        if let Some(known) = self.states.transition(state, byte) {
            return Ok(known);
        }
        let next = self.take_step(state, byte, fuel)?;
        let (doubt, limit) = (self.lexicon.take_doubt(), self.lexicon.take_limit());
        if doubt || limit.is_some() {
            // To be raised again whenever this is asked.
            self.doubt |= doubt;
            self.limit = limit.or(self.limit.take());
        } else {
            self.states.set_transition(state, byte, next);
        }
        Ok(next)
    }

    fn is_accepting(&mut self, state: StateId, _: &mut Fuel) -> Result<bool, AutomatonError> {
        Ok(self.states.is_accepting(state))
    }

    fn completion(
        &mut self,
        state: StateId,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        self.shortest_completion(state, fuel)
    }

    fn live_bytes(&mut self, state: StateId) -> ByteSet {
        let CfgAutomaton { states, lexicon, .. } = self;
        states.scans(state).iter().fold(ByteSet::EMPTY, |all, scan| {
            all | match scan.reader() {
                Reader::Lexer(lex) => lexicon.lexer.live_bytes(lex),
                Reader::Nested { terminal, state } => lexicon.nested_live_bytes(terminal, state),
            }
        })
    }

    fn completions(&self) -> Completions {
        self.lexicon.completions()
    }

    fn exactness(&self) -> Exactness {
        self.lexicon.exactness()
    }

    fn is_spoilt(&self) -> bool {
        self.lexicon.is_spoilt()
    }

    fn usage(&self) -> Usage {
        Usage {
            states: self.states.len(),
            bytes: self.tables.bytes
                + self.chart.bytes()
                + self.lexicon.bytes()
                + self.states.bytes()
                + self.costs.bytes()
                + self.guests.bytes()
                + (self.ways.len() + self.beginnings.len() + self.at_set.len()) * 48,
        }
    }

    fn lexical_views(&mut self, state: StateId, out: &mut Vec<LexicalView>) -> bool {
        let before = out.len();
        // A view that cannot be worked out is none: the state is walked byte by byte.
        let found = self.views(state, out).unwrap_or(false);
        if !found {
            out.truncate(before);
        }
        found
    }

    fn lex_step(
        &mut self,
        lex: LexState,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<LexState, AutomatonError> {
        let Some((GuestLex { terminal, lex }, _)) = self.guests.lex(lex) else {
            return self.lexicon.lexer.step(lex, byte, fuel);
        };
        let Some(automaton) = self.lexicon.nested(terminal) else { return Ok(LexState::DEAD) };
        let lex = automaton.lex_step(lex, byte, fuel)?;
        if lex.is_dead() {
            return Ok(LexState::DEAD);
        }
        self.guests.name_lex(automaton.as_ref(), GuestLex { terminal, lex })
    }

    fn lex_live_bytes(&mut self, lex: LexState) -> ByteSet {
        match self.guests.lex(lex) {
            None => self.lexicon.lexer.live_bytes(lex),
            Some((GuestLex { terminal, lex }, _)) => match self.lexicon.nested(terminal) {
                Some(automaton) => automaton.lex_live_bytes(lex),
                None => ByteSet::EMPTY,
            },
        }
    }

    fn lex_accept(&self, lex: LexState) -> Option<AcceptId> {
        match self.guests.lex(lex) {
            Some((_, accept)) => accept,
            None => self.lexicon.lexer.accept(lex),
        }
    }

    fn lex_idle_bytes(
        &mut self,
        lex: LexState,
        chars: CharSelection,
        fuel: &mut Fuel,
    ) -> Result<u32, AutomatonError> {
        match self.guests.lex(lex) {
            Some(_) => Ok(0),
            None => self.lexicon.lexer.idle_bytes(lex, chars, fuel),
        }
    }

    fn lex_room(&mut self, lex: LexState, chars: CharSelection) -> Option<u32> {
        match self.guests.lex(lex) {
            Some(_) => None,
            None => self.lexicon.lexer.exact_room(lex, chars),
        }
    }

    fn lex_alternatives(
        &mut self,
        lex: LexState,
        chars: CharSelection,
        fuel: &mut Fuel,
    ) -> Result<Vec<LexState>, AutomatonError> {
        match self.guests.lex(lex) {
            Some(_) => Ok(Vec::new()),
            None => self.lexicon.lexer.alternatives(lex, chars, fuel),
        }
    }

    fn lex_fingerprint(&self, lex: LexState) -> u128 {
        match self.guests.lex(lex) {
            Some((guest, _)) => self.lexicon.nested_fingerprint(guest.terminal, guest.lex),
            None => self.lexicon.lexer.fingerprint(lex),
        }
    }

    fn lex_near_fingerprint(&self, lex: LexState) -> Option<u128> {
        match self.guests.lex(lex) {
            Some((guest, _)) => self.lexicon.nested_near_fingerprint(guest.terminal, guest.lex),
            None => Some(self.lexicon.lexer.near_fingerprint(lex)),
        }
    }

    fn lex_lasting_fingerprints(&mut self, lex: LexState) -> Option<[u128; 2]> {
        match self.guests.lex(lex) {
            Some((guest, _)) => {
                let nested = self.lexicon.nested(guest.terminal)?;
                nested.lex_lasting_fingerprints(guest.lex)
            }
            None => self.lexicon.lexer.lasting_fingerprints(lex),
        }
    }

    fn lex_end(
        &mut self,
        context: u32,
        accept: AcceptId,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        match (Named::from_raw(context), self.guests.accept(accept)) {
            (Named::Own(context), None) => {
                if context.set().0.0 as usize >= self.chart.sets.len() {
                    return Ok(StateId::DEAD);
                }
                let set = self.end_all(context, accept, fuel)?;
                self.state_at(set, fuel)
            }
            (Named::Guest(number), Some((terminal, accept))) => match self.guests.context(number) {
                Some(context) if context.terminal == terminal => {
                    self.end_guest(context, accept, fuel)
                }
                _ => Ok(StateId::DEAD),
            },
            _ => Ok(StateId::DEAD),
        }
    }

    fn end_knowledge(&mut self, context: u32) -> EndKnowledge {
        let Named::Guest(number) = Named::from_raw(context) else { return EndKnowledge::Exact };
        let Some(guest) = self.guests.context(number) else { return EndKnowledge::Exact };
        let nested = self.lexicon.nested(guest.terminal);
        match nested.map(|automaton| automaton.end_knowledge(guest.context)) {
            None => EndKnowledge::Exact,
            // A state may hold several guests: whose lexeme it would be is not said.
            Some(EndKnowledge::Distinct) => EndKnowledge::Unknown,
            Some(known) => known,
        }
    }

    fn take_doubt(&mut self) -> bool {
        std::mem::take(&mut self.doubt) | self.lexicon.take_doubt()
    }

    fn take_limit(&mut self) -> Option<AutomatonError> {
        self.limit.take().or(self.lexicon.take_limit())
    }
}
