//! The automaton of divisibility: residues of the digits read.

/// Its table of states.
pub(super) struct Residues {
    modulus: u64,
    places: u64,
    /// By state, the next state by byte (digits, and 10 for the point).
    next: Vec<[Option<u32>; 11]>,
    accepting: Vec<bool>,
}

impl Residues {
    pub(super) fn new(modulus: u64, places: u64) -> Self {
        Residues { modulus, places, next: Vec::new(), accepting: Vec::new() }
    }

    fn add(&mut self, accepting: bool) -> u32 {
        self.next.push([None; 11]);
        self.accepting.push(accepting);
        self.next.len() as u32 - 1
    }

    /// Whether `residue`, with `missing` more places of zeros, is a multiple.
    fn fits(&self, residue: u64, missing: u64) -> bool {
        let mut value = residue;
        for _ in 0..missing {
            value = value * 10 % self.modulus;
        }
        value == 0
    }

    pub(super) fn build(&mut self) {
        let start = self.add(false);
        let zero = self.add(true);
        // Nothing but zeros may follow the last place.
        let zeros = self.add(true);
        self.next[zeros as usize][0] = Some(zeros);
        let modulus = self.modulus;
        let whole: Vec<u32> = (0..modulus).map(|r| self.add(self.fits(r, self.places))).collect();
        let row = |r: u64, d: u64| ((r * 10 + d) % modulus) as usize;
        for d in 0..10u64 {
            self.next[start as usize][d as usize] =
                Some(if d == 0 { zero } else { whole[(d % modulus) as usize] });
            for r in 0..modulus {
                self.next[whole[r as usize] as usize][d as usize] = Some(whole[row(r, d)]);
            }
        }
        // After the point and each place: by residue. The state after the point itself does
        // not accept, whatever the residue.
        let mut before: Vec<u32> = Vec::new();
        for r in 0..modulus {
            let point = self.add(false);
            self.next[whole[r as usize] as usize][10] = Some(point);
            before.push(point);
        }
        self.next[zero as usize][10] = before.first().copied();
        for place in 1..=self.places {
            let missing = self.places - place;
            let here: Vec<u32> = (0..modulus).map(|r| self.add(self.fits(r, missing))).collect();
            for r in 0..modulus {
                for d in 0..10u64 {
                    self.next[before[r as usize] as usize][d as usize] = Some(here[row(r, d)]);
                }
            }
            before = here;
        }
        if let Some(last) = before.first() {
            self.next[*last as usize][0] = Some(zeros);
        }
    }

    /// The states that lead somewhere, edges to one state in one set; `None` if there is none.
    #[allow(clippy::type_complexity)]
    pub(super) fn trimmed(&self) -> Option<(Vec<Vec<(Vec<u8>, u32)>>, Vec<bool>)> {
        let mut live = self.accepting.clone();
        loop {
            let mut changed = false;
            for state in (0..self.next.len()).rev() {
                if !live[state] && self.next[state].iter().flatten().any(|t| live[*t as usize]) {
                    live[state] = true;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        if !live.first().copied()? {
            return None;
        }
        let mut number = vec![u32::MAX; self.next.len()];
        let mut kept = 0;
        for (state, live) in live.iter().enumerate() {
            if *live {
                number[state] = kept;
                kept += 1;
            }
        }
        let mut states = Vec::new();
        let mut accepting = Vec::new();
        for (state, row) in self.next.iter().enumerate() {
            if !live[state] {
                continue;
            }
            let mut edges: Vec<(Vec<u8>, u32)> = Vec::new();
            for (symbol, target) in row.iter().enumerate() {
                let Some(target) = target.filter(|target| live[*target as usize]) else {
                    continue;
                };
                let target = number[target as usize];
                let byte = if symbol == 10 { b'.' } else { b'0' + symbol as u8 };
                match edges.iter_mut().find(|(_, other)| *other == target) {
                    Some((bytes, _)) => bytes.push(byte),
                    None => edges.push((vec![byte], target)),
                }
            }
            states.push(edges);
            accepting.push(self.accepting[state]);
        }
        Some((states, accepting))
    }
}
