use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::CharSet;

/// A deterministic automaton over characters, trimmed: every state is reached and reaches an
/// accepting one. State 0 is the start.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CharDfa {
    states: Vec<CharState>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CharState {
    pub accepting: bool,
    /// Disjoint sets, one per successor, in the order of the successors.
    pub edges: Vec<(CharSet, u32)>,
}

/// Beyond this many states the automaton is left as it was found.
const MAX_MINIMISED: usize = 2_000;

impl CharDfa {
    pub(crate) fn states(&self) -> &[CharState] {
        &self.states
    }

    pub(crate) fn accepts_empty(&self) -> bool {
        self.states.first().is_some_and(|start| start.accepting)
    }

    /// The number of states.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether there is no state: the empty language.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// The automaton that reads characters by the sets they are in: `step` is given a state
    /// and, for each of `sets`, whether the character is in it. Explored from `start`,
    /// minimised and trimmed. `None` beyond `max_states` states; an empty automaton where
    /// nothing is accepted.
    pub fn explore<S: Clone + Eq + std::hash::Hash>(
        sets: &[CharSet],
        start: S,
        step: impl Fn(&S, &[bool]) -> Option<S>,
        accepts: impl Fn(&S) -> bool,
        max_states: usize,
    ) -> Option<CharDfa> {
        let classes = atoms(sets);
        let mut ids: FxHashMap<S, u32> = FxHashMap::default();
        let mut order = vec![start.clone()];
        // Number 0 is the start, as `from_table` has it; 1 is where nothing follows.
        const SINK: u32 = 1;
        ids.insert(start.clone(), 0);
        order.push(start);
        let mut rows: Vec<Vec<u32>> = Vec::new();
        while rows.len() < order.len() {
            if rows.len() == SINK as usize {
                rows.push(vec![SINK; classes.len()]);
                continue;
            }
            let state = order[rows.len()].clone();
            let mut row = Vec::with_capacity(classes.len());
            for (_, member) in &classes {
                row.push(match step(&state, member) {
                    None => SINK,
                    Some(next) => {
                        let fresh = order.len() as u32;
                        *ids.entry(next).or_insert_with_key(|next| {
                            order.push(next.clone());
                            fresh
                        })
                    }
                });
            }
            if order.len() > max_states {
                return None;
            }
            rows.push(row);
        }
        let accepting: Vec<bool> = order
            .iter()
            .enumerate()
            .map(|(id, state)| id != SINK as usize && accepts(state))
            .collect();
        let classes: Vec<CharSet> = classes.into_iter().map(|(class, _)| class).collect();
        let found = CharDfa::from_table(&rows, &accepting, &classes);
        Some(found.unwrap_or(CharDfa { states: Vec::new() }))
    }

    /// From a table of `rows[state][class]`; `None` where the language is empty.
    pub(crate) fn from_table(
        rows: &[Vec<u32>],
        accepting: &[bool],
        classes: &[CharSet],
    ) -> Option<CharDfa> {
        let live = live_states(rows, accepting);
        if !live.first().copied().unwrap_or(false) {
            return None;
        }
        let blocks = if rows.len() <= MAX_MINIMISED {
            minimal_blocks(rows, accepting, &live)
        } else {
            (0..rows.len() as u32).collect()
        };
        // Blocks are numbered anew in the order in which they are reached.
        let mut number: FxHashMap<u32, u32> = FxHashMap::default();
        let mut order: Vec<usize> = vec![0];
        number.insert(blocks[0], 0);
        let mut states = Vec::new();
        let mut at = 0;
        while at < order.len() {
            let from = order[at];
            at += 1;
            let mut edges: BTreeMap<u32, Vec<(u32, u32)>> = BTreeMap::new();
            for (class, &to) in rows[from].iter().enumerate() {
                let to = to as usize;
                if !live[to] {
                    continue;
                }
                let fresh = number.len() as u32;
                let id = *number.entry(blocks[to]).or_insert_with(|| {
                    order.push(to);
                    fresh
                });
                edges.entry(id).or_default().extend_from_slice(classes[class].ranges());
            }
            let edges = edges
                .into_iter()
                .map(|(to, ranges)| (CharSet::from_code_points(ranges), to))
                .collect();
            states.push(CharState { accepting: accepting[from], edges });
        }
        Some(CharDfa { states })
    }
}

/// The coarsest partition of all characters in which each of `sets` is a union of classes, and
/// for each class the sets that it is in.
fn atoms(sets: &[CharSet]) -> Vec<(CharSet, Vec<bool>)> {
    let mut classes = vec![(CharSet::any(), Vec::new())];
    for set in sets {
        let mut split = Vec::with_capacity(classes.len() + 1);
        for (class, member) in classes {
            for (part, inside) in [(&class & set, true), (&class - set, false)] {
                if !part.is_empty() {
                    let mut member = member.clone();
                    member.push(inside);
                    split.push((part, member));
                }
            }
        }
        classes = split;
    }
    classes
}

/// States that reach an accepting one.
fn live_states(rows: &[Vec<u32>], accepting: &[bool]) -> Vec<bool> {
    let mut back: Vec<Vec<u32>> = vec![Vec::new(); rows.len()];
    for (from, row) in rows.iter().enumerate() {
        let mut targets = row.clone();
        targets.sort_unstable();
        targets.dedup();
        for to in targets {
            back[to as usize].push(from as u32);
        }
    }
    let mut live = accepting.to_vec();
    let mut stack: Vec<usize> = (0..rows.len()).filter(|&i| accepting[i]).collect();
    while let Some(to) = stack.pop() {
        for &from in &back[to] {
            if !live[from as usize] {
                live[from as usize] = true;
                stack.push(from as usize);
            }
        }
    }
    live
}

/// Moore's refinement; dead states share one block.
fn minimal_blocks(rows: &[Vec<u32>], accepting: &[bool], live: &[bool]) -> Vec<u32> {
    let mut blocks: Vec<u32> =
        (0..rows.len()).map(|i| if !live[i] { 0 } else { 1 + u32::from(accepting[i]) }).collect();
    let mut count = 0;
    loop {
        let mut ids: FxHashMap<(u32, Vec<u32>), u32> = FxHashMap::default();
        let refined: Vec<u32> = (0..rows.len())
            .map(|i| {
                let next = rows[i].iter().map(|&to| blocks[to as usize]).collect();
                let fresh = ids.len() as u32;
                *ids.entry((blocks[i], next)).or_insert(fresh)
            })
            .collect();
        if ids.len() == count {
            return refined;
        }
        count = ids.len();
        blocks = refined;
    }
}
