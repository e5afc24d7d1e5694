//! A judge over the recogniser, for tests.

#![allow(dead_code)]

use serde_json::Value;
use structgen_automaton::{ByteAutomaton, Fuel, StateId};
use structgen_schema::{NumberSpelling, SchemaAutomaton, SchemaLimits, SchemaOptions};

/// As a validator reads numbers.
pub fn every_spelling() -> SchemaOptions {
    SchemaOptions { number_spelling: NumberSpelling::All, ..SchemaOptions::default() }
}

pub struct Judge {
    pub automaton: SchemaAutomaton,
    pub fuel: Fuel,
}

impl Judge {
    pub fn new(schema: &Value) -> Self {
        Judge::with(schema, &every_spelling())
    }

    pub fn with(schema: &Value, options: &SchemaOptions) -> Self {
        let mut fuel = Fuel::unlimited();
        let automaton = SchemaAutomaton::new(schema, options, &SchemaLimits::default(), &mut fuel)
            .unwrap_or_else(|error| panic!("{schema}: {error}"));
        Judge { automaton, fuel }
    }

    /// The state after `text`.
    pub fn state(&mut self, text: &str) -> StateId {
        let mut state = self.automaton.start(&mut self.fuel).expect("a start");
        for byte in text.bytes() {
            if state.is_dead() {
                return state;
            }
            state = self.automaton.step(state, byte, &mut self.fuel).expect("a step");
        }
        state
    }

    /// Whether `text` is a whole document of the schema.
    pub fn accepts(&mut self, text: &str) -> bool {
        let state = self.state(text);
        !state.is_dead() && self.automaton.is_accepting(state, &mut self.fuel).expect("a verdict")
    }

    /// The same; `None` where a limit stops it.
    pub fn verdict(&mut self, text: &str) -> Option<bool> {
        let mut state = self.automaton.start(&mut self.fuel).ok()?;
        for byte in text.bytes() {
            state = self.automaton.step(state, byte, &mut self.fuel).ok()?;
            if state.is_dead() {
                return Some(false);
            }
        }
        self.automaton.is_accepting(state, &mut self.fuel).ok()
    }

    /// Whether `text` may go on.
    pub fn lives(&mut self, text: &str) -> bool {
        !self.state(text).is_dead()
    }
}
