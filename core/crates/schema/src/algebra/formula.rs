//! Boolean formulas over *leaves*, whose truth about a value is known when the value ends.

/// A place in a [`Formula`].
pub(crate) type GateId = u32;

/// What a formula says at one place, in terms of places before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Gate {
    /// The leaf with that index.
    Leaf(u32),
    Not(GateId),
    All(Box<[GateId]>),
    Any(Box<[GateId]>),
    /// Exactly one of them.
    One(Box<[GateId]>),
}

/// Gates in an order in which each comes after those that it refers to; the last one is the
/// formula.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Formula {
    pub(crate) gates: Vec<Gate>,
}

/// What may still become of a gate.
#[derive(Clone, Copy, Debug)]
struct Chance {
    hold: bool,
    fail: bool,
}

impl Formula {
    pub(crate) fn root(&self) -> GateId {
        self.gates.len().saturating_sub(1) as GateId
    }

    pub(crate) fn leaf(index: u32) -> Self {
        Formula { gates: vec![Gate::Leaf(index)] }
    }

    /// The formula with other formulas in the places of its leaves.
    pub(crate) fn substituted(&self, mut leaf: impl FnMut(u32) -> Formula) -> Formula {
        let mut out = Formula::default();
        let mut at: Vec<GateId> = Vec::with_capacity(self.gates.len());
        let moved = |parts: &[GateId], at: &[GateId]| -> Box<[GateId]> {
            parts.iter().map(|part| at[*part as usize]).collect()
        };
        for gate in &self.gates {
            match gate {
                Gate::Leaf(index) => out.append(&leaf(*index)),
                Gate::Not(inner) => out.gates.push(Gate::Not(at[*inner as usize])),
                Gate::All(parts) => out.gates.push(Gate::All(moved(parts, &at))),
                Gate::Any(parts) => out.gates.push(Gate::Any(moved(parts, &at))),
                Gate::One(parts) => out.gates.push(Gate::One(moved(parts, &at))),
            }
            at.push(out.root());
        }
        out
    }

    /// Adds the gates of another formula; its root becomes the last one.
    pub(crate) fn append(&mut self, other: &Formula) {
        let from = self.gates.len() as GateId;
        let moved = |parts: &[GateId]| parts.iter().map(|part| part + from).collect();
        for gate in &other.gates {
            self.gates.push(match gate {
                Gate::Leaf(index) => Gate::Leaf(*index),
                Gate::Not(inner) => Gate::Not(inner + from),
                Gate::All(parts) => Gate::All(moved(parts)),
                Gate::Any(parts) => Gate::Any(moved(parts)),
                Gate::One(parts) => Gate::One(moved(parts)),
            });
        }
    }

    /// Whether the formula holds where exactly these leaves do.
    pub(crate) fn holds(&self, leaf: impl Fn(u32) -> bool) -> bool {
        self.chance(|index| Chance { hold: leaf(index), fail: !leaf(index) }).hold
    }

    /// Whether the formula may still hold, where some leaves cannot any more, and others must.
    /// An upper bound: leaves are taken for independent.
    pub(crate) fn may_hold(
        &self,
        possible: impl Fn(u32) -> bool,
        certain: impl Fn(u32) -> bool,
    ) -> bool {
        self.chance(|index| Chance { hold: possible(index), fail: !certain(index) }).hold
    }

    /// The leaves without which the formula cannot hold, as bits of `width` words, where a leaf
    /// that may hold has its own bits, and one that may not has none; `None` if it cannot hold at
    /// all. What fails is taken to fail whatever holds.
    pub(crate) fn essential(
        &self,
        width: usize,
        leaf: impl Fn(u32) -> Option<Vec<u64>>,
    ) -> Option<Vec<u64>> {
        /// What holding needs, and what failing does; `None` where it is out of the question.
        type Needs = Option<Vec<u64>>;
        let join = |parts: Vec<&Needs>| -> Needs {
            parts.into_iter().try_fold(vec![0; width], |all, part| {
                Some(all.iter().zip(part.as_ref()?).map(|(a, b)| a | b).collect())
            })
        };
        let meet = |parts: Vec<&Needs>| -> Needs {
            let both = |a: Vec<u64>, b: Vec<u64>| a.iter().zip(&b).map(|(a, b)| a & b).collect();
            parts.into_iter().flatten().cloned().reduce(both)
        };
        let mut needs: Vec<(Needs, Needs)> = Vec::with_capacity(self.gates.len());
        for gate in &self.gates {
            let holds = |parts: &[GateId]| -> Vec<&Needs> {
                parts.iter().map(|part| &needs[*part as usize].0).collect()
            };
            let fails = |parts: &[GateId]| -> Vec<&Needs> {
                parts.iter().map(|part| &needs[*part as usize].1).collect()
            };
            let found = match gate {
                Gate::Leaf(index) => (leaf(*index), Some(vec![0; width])),
                Gate::Not(inner) => {
                    let (hold, fail) = needs[*inner as usize].clone();
                    (fail, hold)
                }
                Gate::All(parts) => (join(holds(parts)), meet(fails(parts))),
                Gate::Any(parts) => (meet(holds(parts)), join(fails(parts))),
                Gate::One(parts) => (meet(holds(parts)), Some(vec![0; width])),
            };
            needs.push(found);
        }
        needs.pop().map_or(Some(vec![0; width]), |(hold, _)| hold)
    }

    fn chance(&self, leaf: impl Fn(u32) -> Chance) -> Chance {
        let mut chances: Vec<Chance> = Vec::with_capacity(self.gates.len());
        for gate in &self.gates {
            let at = |id: &GateId| chances[*id as usize];
            chances.push(match gate {
                Gate::Leaf(index) => leaf(*index),
                Gate::Not(inner) => {
                    let inner = at(inner);
                    Chance { hold: inner.fail, fail: inner.hold }
                }
                Gate::All(parts) => Chance {
                    hold: parts.iter().all(|part| at(part).hold),
                    fail: parts.iter().any(|part| at(part).fail),
                },
                Gate::Any(parts) => Chance {
                    hold: parts.iter().any(|part| at(part).hold),
                    fail: parts.iter().all(|part| at(part).fail),
                },
                Gate::One(parts) => {
                    let least = parts.iter().filter(|part| !at(part).fail).count();
                    let most = parts.iter().filter(|part| at(part).hold).count();
                    Chance { hold: least <= 1 && most >= 1, fail: (least, most) != (1, 1) }
                }
            });
        }
        chances.last().copied().unwrap_or(Chance { hold: true, fail: false })
    }

    /// By gate: whether it matters to the formula's truth how it fails, and how it holds.
    pub(crate) fn needed(&self) -> Vec<[bool; 2]> {
        let mut needed = vec![[false; 2]; self.gates.len()];
        if let Some(root) = needed.last_mut() {
            root[1] = true;
        }
        for index in (0..self.gates.len()).rev() {
            let [fails, holds] = needed[index];
            let parts = match &self.gates[index] {
                Gate::Leaf(_) => continue,
                Gate::Not(inner) => {
                    let inner = &mut needed[*inner as usize];
                    *inner = [inner[0] || holds, inner[1] || fails];
                    continue;
                }
                Gate::One(parts) => {
                    for part in parts.iter().filter(|_| fails || holds) {
                        needed[*part as usize] = [true; 2];
                    }
                    continue;
                }
                Gate::All(parts) | Gate::Any(parts) => parts,
            };
            for part in parts {
                let part = &mut needed[*part as usize];
                *part = [part[0] || fails, part[1] || holds];
            }
        }
        needed
    }

    /// By gate: a lower bound on the length of a document for which it holds. `size` says
    /// that of a leaf; nothing is shorter than `least`.
    pub(crate) fn size(&self, least: u32, size: &[u32]) -> u32 {
        let mut sizes: Vec<u32> = Vec::with_capacity(self.gates.len());
        for gate in &self.gates {
            let at = |id: &GateId| sizes[*id as usize];
            let any = |parts: &[GateId]| parts.iter().map(at).min().unwrap_or(u32::MAX);
            sizes.push(match gate {
                Gate::Leaf(index) => size.get(*index as usize).copied().unwrap_or(least),
                Gate::Not(_) => least,
                Gate::All(parts) => parts.iter().map(at).max().unwrap_or(least),
                Gate::Any(parts) | Gate::One(parts) => any(parts),
            });
        }
        sizes.last().copied().unwrap_or(least)
    }
}

#[cfg(test)]
mod tests {
    use super::{Formula, Gate};

    /// `one(a, b, not (c and a))`
    fn formula() -> Formula {
        Formula {
            gates: vec![
                Gate::Leaf(0),
                Gate::Leaf(1),
                Gate::Leaf(2),
                Gate::All(Box::new([0, 2])),
                Gate::Not(3),
                Gate::One(Box::new([0, 1, 4])),
            ],
        }
    }

    #[test]
    fn chances_bound_the_truth() {
        let formula = formula();
        for possible in 0u32..8 {
            let within = |bits: u32| move |leaf: u32| bits & 1 << leaf != 0;
            let truth =
                (0u32..8).filter(|bits| bits & !possible == 0).any(|b| formula.holds(within(b)));
            assert!(!truth || formula.may_hold(within(possible), |_| false), "{possible:b}");
            for certain in (0u32..8).filter(|bits| bits & !possible == 0) {
                let truth = (0u32..8)
                    .filter(|bits| bits & !possible == 0 && bits & certain == certain)
                    .any(|bits| formula.holds(within(bits)));
                assert!(!truth || formula.may_hold(within(possible), within(certain)));
            }
        }
        assert!(formula.holds(|leaf| leaf == 2) && !formula.holds(|leaf| leaf == 0));
        assert!(formula.holds(|leaf| leaf != 1));
        let never = Formula { gates: vec![Gate::Leaf(0), Gate::Any(Box::new([]))] };
        assert!(!never.may_hold(|_| true, |_| false));
        let negation = Formula { gates: vec![Gate::Leaf(0), Gate::Not(0)] };
        assert!(negation.may_hold(|_| true, |_| false) && !negation.may_hold(|_| true, |_| true));
        assert_eq!(never.size(2, &[7]), u32::MAX);
        assert_eq!(formula.size(2, &[7, 9, 3]), 2);
    }
}
