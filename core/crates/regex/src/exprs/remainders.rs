//! Decimals that are multiples of a number: an automaton that is unfolded where it is read.
//!
//! A state is where the digits stand and their remainder. There are as many as the step is large, so
//! they are named when they are come to; and whether one leads to a multiple, and how far that is, is
//! arithmetic: `n` more digits can make any of `10^n` numbers in a row of the remainder `r`, and one of
//! them is a multiple of `m` if `-r 10^n mod m` is less than `10^n`. That is so for every greater `n`,
//! too, since zeros may follow; so bounds of length beside it are met exactly.

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, Fuel};

use super::lasting::lasting_print;
use super::node::{Meta, fold, seed};
use super::{Exprs, Node, Partition};
use crate::{ByteSet, ExprId};

/// Digits beyond those of the nearest multiple that are tried before a search, and digits before
/// a point.
const MORE_DIGITS: u32 = 2;
const MOST_WHOLE: u32 = 20;

/// Remainders that a search soon has seen all of.
const FEW: u64 = 1_000;

/// The step is `factor / 10^places`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Step {
    factor: u64,
    places: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Start,
    /// After a zero that is the only digit before the point.
    Zero,
    Whole,
    /// After the point and so many places.
    Place(u32),
    /// After more places than the step has: only zeros may follow.
    Zeros,
}

/// A state: all digits so far have that remainder modulo the factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    step: Step,
    phase: Phase,
    remainder: u64,
}

/// The states that have been come to.
#[derive(Clone, Debug, Default)]
pub(super) struct Remainders {
    states: Vec<State>,
    ids: FxHashMap<State, u32>,
    look: Option<Partition>,
}

impl Remainders {
    pub fn bytes(&self) -> usize {
        self.states.capacity() * size_of::<State>() + self.ids.capacity() * 2 * size_of::<State>()
    }
}

impl Step {
    /// What a number with so many places has to be a multiple of, in units of its last place.
    fn modulus(self, places: u32) -> u64 {
        let mut left = self.factor;
        // The greatest common divisor with a power of ten.
        for prime in [2, 5] {
            let mut powers = self.places.saturating_sub(places);
            while powers > 0 && left % prime == 0 {
                left /= prime;
                powers -= 1;
            }
        }
        left
    }
}

impl State {
    /// Whether `digits` more digits can lead to a multiple with `places` places in all.
    fn reaches(self, digits: u32, places: u32) -> bool {
        10u128.checked_pow(digits).is_none() || self.first_rest(digits, places).is_some()
    }

    /// The first multiple that `digits` more digits make; `None` if they make none.
    fn text_of_multiple(self, digits: u32) -> Option<String> {
        let places = match self.phase {
            Phase::Whole => 0,
            Phase::Place(place) if digits > 0 && place + digits <= self.step.places => {
                place + digits
            }
            _ => return None,
        };
        let rest = self.first_rest(digits, places)?;
        let width = digits as usize;
        Some(if width == 0 { String::new() } else { format!("{rest:0width$}") })
    }

    /// The first multiple that `whole` more digits make, a point, and all places of the step.
    fn text_with_point(self, whole: u32) -> Option<String> {
        let places = self.step.places;
        if self.phase != Phase::Whole || places == 0 {
            return None;
        }
        let digits = State { phase: Phase::Place(0), ..self }.first_rest(whole + places, places)?;
        let width = (whole + places) as usize;
        let mut text = format!("{digits:0width$}");
        text.insert(whole as usize, '.');
        Some(text)
    }

    /// The least number of so many digits that leads to a multiple.
    fn first_rest(self, digits: u32, places: u32) -> Option<u128> {
        let modulus = u128::from(self.step.modulus(places));
        let row = 10u128.checked_pow(digits)?;
        let first = u128::from(self.remainder) % modulus * (row % modulus) % modulus;
        let rest = (modulus - first) % modulus;
        (rest < row).then_some(rest)
    }

    fn accepts(self) -> bool {
        match self.phase {
            Phase::Start | Phase::Place(0) => false,
            Phase::Zero | Phase::Zeros => true,
            Phase::Whole => self.reaches(0, 0),
            Phase::Place(place) => self.reaches(0, place),
        }
    }

    /// Bytes to the nearest multiple; `None` if there is none.
    fn distance(self) -> Option<u32> {
        match self.phase {
            Phase::Start => Some(1),
            Phase::Zero | Phase::Zeros => Some(0),
            // With a point it takes as many digits, and the point.
            Phase::Whole => (0..).find(|digits| self.reaches(*digits, 0)),
            Phase::Place(0) if self.step.places == 0 => (self.remainder == 0).then_some(1),
            Phase::Place(place) => {
                let most = self.step.places.saturating_sub(place);
                (u32::from(place == 0)..=most).find(|more| self.reaches(*more, place + more))
            }
        }
    }

    fn after(self, byte: u8) -> Option<State> {
        let State { step, phase, remainder } = self;
        let place = match (phase, byte) {
            (Phase::Zero | Phase::Whole, b'.') => {
                return Some(State { phase: Phase::Place(0), ..self });
            }
            (Phase::Start, b'0') => return Some(State { phase: Phase::Zero, ..self }),
            (Phase::Start | Phase::Whole, b'0'..=b'9') => Phase::Whole,
            (Phase::Place(place), b'0'..=b'9') if place < step.places => Phase::Place(place + 1),
            (Phase::Place(_), b'0') if remainder == 0 => Phase::Zeros,
            (Phase::Zeros, b'0') => Phase::Zeros,
            _ => return None,
        };
        let digit = u128::from(byte - b'0');
        let remainder = (u128::from(remainder) * 10 + digit) % u128::from(step.factor);
        Some(State { step, phase: place, remainder: remainder as u64 })
    }

    fn words(self) -> [u128; 3] {
        let phase = match self.phase {
            Phase::Start => 0,
            Phase::Zero => 1,
            Phase::Whole => 2,
            Phase::Zeros => 3,
            Phase::Place(place) => 4 + u128::from(place),
        };
        [
            self.step.factor.into(),
            u128::from(self.step.places),
            phase << 64 | u128::from(self.remainder),
        ]
    }
}

impl Exprs {
    /// Plain decimals without a sign, of any length, that are multiples of `factor / 10^places`.
    /// `factor` is not zero.
    pub fn multiples(&mut self, factor: u64, places: u32) -> ExprId {
        let step = Step { factor, places };
        self.remainder(State { step, phase: Phase::Start, remainder: 0 })
    }

    fn remainder(&mut self, state: State) -> ExprId {
        if state.distance().is_none() {
            return Exprs::EMPTY;
        }
        let known = &mut self.remainders;
        let fresh = known.states.len() as u32;
        let id = *known.ids.entry(state).or_insert(fresh);
        if id == fresh {
            known.states.push(state);
        }
        self.intern(Node::Remainder(id))
    }

    /// Whether some multiple near by is a member of all of `parts`, one of which asks for multiples.
    /// A search would try digit after digit.
    pub(super) fn near_multiple(
        &mut self,
        parts: &[ExprId],
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        for (index, part) in parts.iter().enumerate() {
            let Node::Remainder(id) = self.node(*part) else { continue };
            let state = self.remainders.states[id as usize];
            let Some(least) = state.distance().filter(|_| state.step.factor > FEW) else {
                continue;
            };
            let near = (least..=least + MORE_DIGITS).filter_map(|n| state.text_of_multiple(n));
            // With a point, all places there are.
            let broken = (0..=MOST_WHOLE).filter_map(|whole| state.text_with_point(whole));
            for text in near.chain(broken) {
                let mut all = true;
                for (other, part) in parts.iter().enumerate() {
                    all = all && (other == index || self.matches(*part, text.as_bytes(), fuel)?);
                }
                if all {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    pub(super) fn remainder_after(&mut self, id: u32, byte: u8) -> ExprId {
        match self.remainders.states[id as usize].after(byte) {
            Some(state) => self.remainder(state),
            None => Exprs::EMPTY,
        }
    }

    pub(super) fn remainder_bytes(&self, id: u32) -> ByteSet {
        let state = self.remainders.states[id as usize];
        let leads = |byte: &u8| state.after(*byte).is_some_and(|next| next.distance().is_some());
        let bytes: Vec<u8> = b".0123456789".iter().copied().filter(leads).collect();
        ByteSet::of(&bytes)
    }

    pub(super) fn remainder_print(&self, id: u32) -> u128 {
        let words = self.remainders.states[id as usize].words();
        words.into_iter().fold(seed(), |print, word| fold(print, word, 12))
    }

    pub(super) fn remainder_lasting(&self, id: u32) -> u128 {
        lasting_print(12, &self.remainders.states[id as usize].words())
    }

    pub(super) fn remainder_meta(&self, id: u32) -> Meta {
        let state = self.remainders.states[id as usize];
        Meta {
            nullable: state.accepts(),
            pure: true,
            depth: 1,
            min_len: if state.accepts() { 0 } else { state.distance().unwrap_or(0) },
            max_len: u32::MAX,
            need: u32::MAX,
        }
    }

    pub(super) fn remainder_look(&mut self) -> Partition {
        if let Some(look) = self.remainders.look {
            return look;
        }
        let look = self.classes.number(&std::array::from_fn(|byte| match byte as u8 {
            b'.' => 1,
            digit @ b'0'..=b'9' => digit - b'0' + 2,
            _ => 0,
        }));
        self.remainders.look = Some(look);
        look
    }
}
