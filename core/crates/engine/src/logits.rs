//! Token masks applied to rows of logits: what is forbidden becomes minus infinity.

use std::convert::Infallible;

use half::{bf16, f16};

use crate::spread::{all_threads, spread};

/// A number in which logits come.
pub trait Logit: Copy + Send {
    /// What a forbidden token gets.
    const FORBIDDEN: Self;

    /// The logit at that temperature.
    fn at(self, temperature: f32) -> Self;
}

impl Logit for f32 {
    const FORBIDDEN: f32 = f32::NEG_INFINITY;

    #[inline]
    fn at(self, temperature: f32) -> f32 {
        self / temperature
    }
}

impl Logit for f16 {
    const FORBIDDEN: f16 = f16::NEG_INFINITY;

    #[inline]
    fn at(self, temperature: f32) -> f16 {
        f16::from_f32(self.to_f32() / temperature)
    }
}

impl Logit for bf16 {
    const FORBIDDEN: bf16 = bf16::NEG_INFINITY;

    #[inline]
    fn at(self, temperature: f32) -> bf16 {
        bf16::from_f32(self.to_f32() / temperature)
    }
}

/// The bits of a word, which a vector of logits is compared with: shifts by different numbers are
/// not vectorised everywhere.
const BITS: [u32; 32] = {
    let mut bits = [0; 32];
    let mut i = 0;
    while i < 32 {
        bits[i] = 1 << i;
        i += 1;
    }
    bits
};

/// So many forbidden tokens of a word are written one by one, the others not even read.
const MAX_SINGLES: u32 = 6;

/// One row of logits, and what becomes of it.
#[derive(Debug)]
pub struct MaskedRow<'a, T> {
    /// A logit a token.
    pub logits: &'a mut [T],
    /// The packed mask.
    pub mask: &'a [u32],
    /// Of the vocabulary: what lies beyond it, or beyond the mask, is forbidden.
    pub size: usize,
    /// What the allowed logits are divided by; 1 leaves their bits as they are.
    pub temperature: f32,
}

impl<T: Logit> MaskedRow<'_, T> {
    /// Both in one pass: a row is read once, and written where it changes.
    pub fn apply(self) {
        let MaskedRow { logits, mask, size, temperature } = self;
        let known = logits.len().min(mask.len() * 32).min(size);
        let (known, beyond) = logits.split_at_mut(known);
        beyond.fill(T::FORBIDDEN);
        let tempered = temperature != 1.0;
        for (chunk, &word) in known.chunks_mut(32).zip(mask) {
            if word == 0 {
                chunk.fill(T::FORBIDDEN);
            } else if tempered {
                for (logit, &bit) in chunk.iter_mut().zip(&BITS) {
                    *logit = if word & bit == 0 { T::FORBIDDEN } else { logit.at(temperature) };
                }
            } else if word.count_zeros() <= MAX_SINGLES {
                let mut forbidden = !word;
                while forbidden != 0 {
                    if let Some(logit) = chunk.get_mut(forbidden.trailing_zeros() as usize) {
                        *logit = T::FORBIDDEN;
                    }
                    forbidden &= forbidden - 1;
                }
            } else {
                for (logit, &bit) in chunk.iter_mut().zip(&BITS) {
                    *logit = if word & bit == 0 { T::FORBIDDEN } else { *logit };
                }
            }
        }
    }
}

/// Rows from which on more than one thread is worth it, if nothing is said of threads: a row takes
/// tens of microseconds, as long as it takes to wake one.
const MANY_ROWS: usize = 4;

/// Applies all rows on at most `threads` threads; 0 for one up to a handful of rows, then as many
/// as the machine has.
pub fn apply_rows<T: Logit>(rows: Vec<MaskedRow<'_, T>>, threads: usize) {
    let threads = match threads {
        0 if rows.len() < MANY_ROWS => 1,
        0 => all_threads(),
        threads => threads,
    };
    let done: Result<(), Infallible> = spread(rows, threads, |row| {
        row.apply();
        Ok(())
    });
    match done {
        Ok(()) => {}
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_logits_become_minus_infinity() {
        let mask = [0b101, !0b1010, 0, 1 << 31];
        for temperature in [1.0, 0.5] {
            let mut logits: Vec<f32> = (0..140).map(|i| i as f32).collect();
            MaskedRow { logits: &mut logits, mask: &mask, size: 140, temperature }.apply();
            for (token, &logit) in logits.iter().enumerate() {
                let allowed =
                    mask.get(token / 32).is_some_and(|word| word >> (token % 32) & 1 == 1);
                let expected = if allowed { token as f32 / temperature } else { f32::NEG_INFINITY };
                assert_eq!(logit, expected, "{token}");
            }
        }
    }

    #[test]
    fn what_lies_beyond_the_vocabulary_is_forbidden() {
        let mut logits = [f16::from_f32(3.0); 3];
        let row = MaskedRow { logits: &mut logits, mask: &[0b110, 7], size: 2, temperature: 2.0 };
        apply_rows(vec![row], 0);
        assert_eq!(logits, [f16::NEG_INFINITY, f16::from_f32(1.5), f16::NEG_INFINITY]);
    }

    #[test]
    fn rows_on_several_threads_are_those_of_one() {
        let masks: Vec<Vec<u32>> = (0..40u32)
            .map(|row| (0..9).map(|i| row.wrapping_mul(0x9E37_79B9 ^ i)).collect())
            .collect();
        let apply = |threads| {
            let mut logits = vec![vec![bf16::from_f32(1.25); 270]; 40];
            let rows = logits.iter_mut().zip(&masks);
            apply_rows(
                rows.map(|(logits, mask)| MaskedRow { logits, mask, size: 270, temperature: 0.7 })
                    .collect(),
                threads,
            );
            logits
        };
        assert_eq!(apply(3), apply(1));
    }
}
