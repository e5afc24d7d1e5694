//! The shortest completion of a state: the best of its lexemes in progress, each with the
//! shortest way to end it and the shortest text of the set that follows.

use structgen_automaton::{AutomatonError, Fuel, StateId};

use super::CfgAutomaton;
use crate::limits::check;
use crate::sets::SetId;
use crate::states::{Reader, Scan};

/// The first part of a shortest completion.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
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
    /// The number of bytes of the [`completion`], without spelling it out.
    ///
    /// [`completion`]: structgen_automaton::ByteAutomaton::completion
    pub fn completion_length(
        &mut self,
        state: StateId,
        fuel: &mut Fuel,
    ) -> Result<Option<u64>, AutomatonError> {
        Ok(self.way(state, fuel)?.map(|w| w.length()))
    }

    /// Spells out the way.
    pub(super) fn shortest_completion(
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

    /// The shortest completion of `state`; `None` if there is none.
    fn way(&mut self, state: StateId, fuel: &mut Fuel) -> Result<Option<Way>, AutomatonError> {
        if let Some(known) = self.ways.get(&state) {
            return Ok(Some(*known));
        }
        if self.states.is_accepting(state) {
            return Ok(Some(Way::Done));
        }
        let mut best: Option<Way> = None;
        for place in self.states.places(state) {
            fuel.spend(1)?;
            let scan = self.states.scan(place);
            if let Some(way) = self.way_of_beginning(&scan, fuel)? {
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
