//! Fingerprints of states that hold in every process.

use structgen_automaton::LexState;

use super::{Cold, Lexer, Run};
use crate::exprs::{lasting_bag, lasting_print};

/// Expressions that are looked at for one lasting fingerprint: half a millisecond.
const MOST_LASTING: usize = 4000;

impl Lexer {
    /// [`Lexer::fingerprint`] and [`Lexer::near_fingerprint`] for every process, and such that
    /// nobody can make two states share one.
    /// `None` if they would take longer than they are worth; later, they may take less.
    pub fn lasting_fingerprints(&mut self, state: LexState) -> Option<[u128; 2]> {
        let mut most = MOST_LASTING;
        if let Some(words) = self.word_part(state) {
            return self.words_lasting(words, &mut most);
        }
        let Cold { start, len, .. } = self.cold[state.0 as usize];
        let mut runs = [const { Vec::new() }; 2];
        for i in start..start + len {
            let Run { head, tails } = self.runs[i as usize];
            let [head_far, head_near] = self.exprs.lasting_prints(head, &mut most)?;
            let mut of_tails = [const { Vec::new() }; 2];
            for &(_, tail) in self.tails.get(tails) {
                most = most.checked_sub(1)?;
                let [far, near] = self.exprs.lasting_prints(tail, &mut most)?;
                of_tails[0].push(far);
                of_tails[1].push(near);
            }
            let [far, near] = of_tails.map(|tails| lasting_bag(10, tails));
            runs[0].push(lasting_print(11, &[head_far, far]));
            runs[1].push(lasting_print(11, &[head_near, near]));
        }
        Some(runs.map(|runs| lasting_bag(12, runs)))
    }
}
