use std::sync::Arc;

use rustc_hash::FxHashMap;
use structgen_automaton::{
    AcceptId, AutomatonError, ByteAutomaton, Exactness, Fuel, LexState, LexicalView, StateId, Usage,
};
use structgen_regex::Exprs;

use crate::analysis::{Diagnostics, clean, reach, validate};
use crate::chart::Chart;
use crate::costs::Costs;
use crate::error::GrammarError;
use crate::guests::{GuestContext, GuestLex, Guests};
use crate::ir::Grammar;
use crate::lexicon::{Beginning, Lexicon};
use crate::limits::{GrammarLimits, check};
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
}

/// Enough for look-ups of what is known, too little for long work.
const KNOWN_STEPS: u64 = 10_000;

/// Enough to find out what follows a terminal.
const VIEW_STEPS: u64 = 1_000_000;

/// The first part of a shortest completion.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Nothing is missing.
    Done,
    /// No lexeme is in progress that matters: spell out the set.
    Set { length: u64, set: SetId },
    /// End the lexeme as one of `terminal`, then spell out the set.
    Lexeme { length: u64, reader: Reader, terminal: u32, set: SetId },
}

impl Way {
    fn length(&self) -> u64 {
        match self {
            Way::Done => 0,
            Way::Set { length, .. } | Way::Lexeme { length, .. } => *length,
        }
    }
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
        validate(&grammar, &limits)?;
        let reached = reach(&grammar, fuel)?;
        let Grammar { rules, terminals, ignore, start } = grammar;
        let names: Vec<String> = terminals.iter().map(|t| t.name.clone()).collect();
        let (lexicon, facts) = Lexicon::new(terminals, &reached.terminals, &ignore, exprs, fuel)?;
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
        })
    }

    /// What the grammar contains that no text can use.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    /// The number of bytes of [`ByteAutomaton::completion`], without spelling it out.
    pub fn completion_length(
        &mut self,
        state: StateId,
        fuel: &mut Fuel,
    ) -> Result<Option<u64>, AutomatonError> {
        Ok(self.way(state, fuel)?.map(|w| w.length()))
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
        let state = self.state(Vec::new(), set, fuel)?;
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
        let scans = self.states.scans(state);
        fuel.spend(1 + scans.len() as u64)?;
        let mut next = std::mem::take(&mut self.spare);
        next.clear();
        let mut ended = Vec::new();
        for scan in scans.iter() {
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
            self.spare = next;
            return Ok(StateId::DEAD);
        }
        let set = self.chart.union(&mut ended, fuel)?;
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

    /// The lexical views of `state`; false if there are none.
    fn views(
        &mut self,
        state: StateId,
        out: &mut Vec<LexicalView>,
    ) -> Result<bool, AutomatonError> {
        let scans: Arc<[Scan]> = self.states.scans(state);
        let before = out.len();
        let mut ending = None;
        let mut endings = 0;
        for scan in scans.iter() {
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
    fn end_guest(
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

    /// The shortest completion of `state`; `None` if there is none.
    fn way(&mut self, state: StateId, fuel: &mut Fuel) -> Result<Option<Way>, AutomatonError> {
        if let Some(known) = self.ways.get(&state) {
            return Ok(Some(*known));
        }
        if self.states.is_accepting(state) {
            return Ok(Some(Way::Done));
        }
        let scans = self.states.scans(state);
        let mut best: Option<Way> = None;
        for scan in scans.iter() {
            fuel.spend(1)?;
            if let Some(way) = self.way_of_beginning(scan, fuel)? {
                keep_shorter(&mut best, way);
                continue;
            }
            for (terminal, lexeme) in self.lexicon.lengths(scan.reader(), fuel)? {
                let set = self.end(scan.context, &[terminal], fuel)?;
                if let Some(rest) = self.costs.length(&self.tables, &self.chart.sets, set, fuel)? {
                    let length = rest.saturating_add(lexeme);
                    let reader = scan.reader();
                    keep_shorter(&mut best, Way::Lexeme { length, reader, terminal, set });
                }
            }
        }
        if let Some(way) = best {
            self.ways.insert(state, way);
        }
        Ok(best)
    }

    /// Where a lexeme is just beginning, the cost of the set says the same as all of its
    /// terminals one by one, and faster. Not so if the set accepts (the lexeme has to be
    /// read), nor if some of its lexemes are read by nested automata.
    fn way_of_beginning(
        &mut self,
        scan: &Scan,
        fuel: &mut Fuel,
    ) -> Result<Option<Way>, AutomatonError> {
        let (Reader::Lexer(lex), (set, false)) = (scan.reader(), scan.context.set()) else {
            return Ok(None);
        };
        if self.chart.sets.accepts(set) {
            return Ok(None);
        }
        let beginning = self.begin(set, fuel)?;
        if beginning.lex != lex || !beginning.nested.is_empty() {
            return Ok(None);
        }
        let length = self.costs.length(&self.tables, &self.chart.sets, set, fuel)?;
        Ok(length.map(|length| Way::Set { length, set }))
    }
}

fn keep_shorter(best: &mut Option<Way>, way: Way) {
    if best.is_none_or(|b| way.length() < b.length()) {
        *best = Some(way);
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
        self.states.set_transition(state, byte, next);
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
        let Some(way) = self.way(state, fuel)? else {
            return Ok(None);
        };
        let limit = self.limits.max_completion_bytes;
        check("max_completion_bytes", way.length(), limit)?;
        let mut text = Vec::new();
        let set = match way {
            Way::Done => return Ok(Some(text)),
            Way::Set { set, .. } => set,
            Way::Lexeme { reader, terminal, set, .. } => {
                let lexeme = match reader {
                    Reader::Lexer(lex) => self.lexicon.lexer.shortest(lex, Some(terminal), fuel)?,
                    Reader::Nested { state, .. } => {
                        self.lexicon.nested_completion(terminal, state, fuel)?
                    }
                };
                text = lexeme.unwrap_or_default();
                set
            }
        };
        self.costs.spell(&self.tables, &self.chart.sets, set, limit, &mut text, fuel)?;
        Ok(Some(text))
    }

    fn exactness(&self) -> Exactness {
        self.lexicon.exactness()
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

    fn lex_accept(&self, lex: LexState) -> Option<AcceptId> {
        match self.guests.lex(lex) {
            Some((_, accept)) => accept,
            None => self.lexicon.lexer.accept(lex),
        }
    }

    fn lex_fingerprint(&self, lex: LexState) -> u128 {
        match self.guests.lex(lex) {
            Some((guest, _)) => self.lexicon.nested_fingerprint(guest.terminal, guest.lex),
            None => self.lexicon.lexer.fingerprint(lex),
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
}
