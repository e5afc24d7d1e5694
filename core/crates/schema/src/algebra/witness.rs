//! Some of the arrays and objects for which a formula holds: as shapes, so that they can be
//! written without any search. Products are cut to the simplest few of their alternatives.
//!
//! The same for containers that have been begun: then the leaves are shapes of what is left.

use std::cmp::Ordering;

use rustc_hash::FxHashMap;
use structgen_automaton::Fuel;

use super::formula::{Formula, Gate, GateId};
use super::{Algebra, ArrayId, Halt, NodeId, ObjectId};

/// Alternatives kept of each product; the fewer where more take too long.
const BEAMS: [usize; 2] = [12, 2];

/// Branches of a `oneOf` that are tried, and those found that are enough.
const BRANCHES: usize = 24;
const ENOUGH: usize = 4;

/// Steps for one formula.
const EFFORT: u64 = 150_000;

/// Alternatives, simplest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beam {
    pub(crate) arrays: Vec<ArrayId>,
    pub(crate) objects: Vec<ObjectId>,
}

impl Beam {
    fn is_empty(&self) -> bool {
        self.arrays.is_empty() && self.objects.is_empty()
    }
}

struct Search<'a> {
    formula: &'a Formula,
    leaves: &'a [Beam],
    /// By gate, and whether it is to hold or to fail.
    known: FxHashMap<(GateId, bool), Beam>,
    /// Alternatives kept.
    width: usize,
    /// What is left of the fuel when it is time to stop.
    floor: u64,
}

impl Algebra {
    /// Shapes all of whose documents the formula holds for.
    pub(super) fn witness(
        &mut self,
        formula: &Formula,
        leaves: &[NodeId],
        fuel: &mut Fuel,
    ) -> Result<Beam, Halt> {
        let mut shapes = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            let normal = self.normal(*leaf, fuel)?;
            shapes.push(Beam { arrays: normal.arrays.clone(), objects: normal.objects.clone() });
        }
        self.fulfilling(formula, &shapes, EFFORT, fuel)
    }

    /// The same, where the leaves are these shapes, within so many steps.
    pub(crate) fn fulfilling(
        &mut self,
        formula: &Formula,
        leaves: &[Beam],
        effort: u64,
        fuel: &mut Fuel,
    ) -> Result<Beam, Halt> {
        let needed = formula.needed();
        for width in BEAMS {
            let floor = fuel.left().saturating_sub(effort);
            let mut search = Search { formula, leaves, known: FxHashMap::default(), width, floor };
            // In order, so that there is no recursion: a gate comes after those that it refers to.
            for (gate, needed) in needed.iter().enumerate() {
                for hold in [true, false] {
                    if needed[usize::from(hold)] && fuel.left() >= floor {
                        let beam = self.beam(gate as GateId, hold, &search, fuel)?;
                        search.known.insert((gate as GateId, hold), beam);
                    }
                }
            }
            let found = search.at(formula.root(), true);
            if !found.is_empty() || fuel.left() >= floor {
                return Ok(found);
            }
        }
        Ok(Beam::default())
    }

    fn beam(
        &mut self,
        gate: GateId,
        hold: bool,
        search: &Search<'_>,
        fuel: &mut Fuel,
    ) -> Result<Beam, Halt> {
        match (&search.formula.gates[gate as usize], hold) {
            (Gate::Leaf(index), hold) => {
                let shapes = search.leaves.get(*index as usize).cloned().unwrap_or_default();
                if hold {
                    Ok(self.cut(shapes, search))
                } else {
                    self.outside(&shapes, search, fuel)
                }
            }
            (Gate::Not(inner), hold) => Ok(search.at(*inner, !hold)),
            (Gate::All(parts), true) => self.conjunction(parts, true, search, fuel),
            (Gate::Any(parts), false) => self.conjunction(parts, false, search, fuel),
            (Gate::Any(parts), true) => Ok(self.union(parts, true, search)),
            (Gate::All(parts), false) => Ok(self.union(parts, false, search)),
            (Gate::One(parts), true) => self.one(parts, search, fuel),
            (Gate::One(parts), false) => {
                let mut beam = self.conjunction(parts, false, search, fuel)?;
                // Or two of them.
                for pair in parts.windows(2).take(ENOUGH) {
                    let both = self.conjunction(pair, true, search, fuel)?;
                    beam.arrays.extend(both.arrays);
                    beam.objects.extend(both.objects);
                }
                Ok(self.cut(beam, search))
            }
        }
    }

    fn everything_beam(&mut self) -> Beam {
        Beam { arrays: vec![self.any_array()], objects: vec![self.any_object()] }
    }

    fn outside(&mut self, beam: &Beam, search: &Search<'_>, fuel: &mut Fuel) -> Result<Beam, Halt> {
        let mut out = self.everything_beam();
        for shape in &beam.arrays {
            let arrays = self.complement_array(*shape)?;
            let other = Beam { arrays, objects: Vec::new() };
            out.arrays = self.product(&out, &other, search, fuel)?.arrays;
        }
        for shape in &beam.objects {
            let objects = self.complement_object(*shape, fuel)?;
            let other = Beam { arrays: Vec::new(), objects };
            out.objects = self.product(&out, &other, search, fuel)?.objects;
        }
        Ok(out)
    }

    fn conjunction(
        &mut self,
        parts: &[GateId],
        hold: bool,
        search: &Search<'_>,
        fuel: &mut Fuel,
    ) -> Result<Beam, Halt> {
        let mut out = self.everything_beam();
        for part in parts {
            if out.is_empty() {
                break;
            }
            out = self.product(&out, &search.at(*part, hold), search, fuel)?;
        }
        Ok(out)
    }

    fn union(&mut self, parts: &[GateId], hold: bool, search: &Search<'_>) -> Beam {
        let mut out = Beam::default();
        for part in parts {
            let part = search.at(*part, hold);
            out.arrays.extend(part.arrays);
            out.objects.extend(part.objects);
        }
        self.cut(out, search)
    }

    /// One of the gates and none of the others.
    fn one(
        &mut self,
        parts: &[GateId],
        search: &Search<'_>,
        fuel: &mut Fuel,
    ) -> Result<Beam, Halt> {
        let mut out = Beam::default();
        let mut found = 0;
        for (index, part) in parts.iter().enumerate().take(BRANCHES) {
            let mut own = search.at(*part, true);
            for (other, part) in parts.iter().enumerate() {
                if other != index && !own.is_empty() {
                    own = self.product(&own, &search.at(*part, false), search, fuel)?;
                }
            }
            found += usize::from(!own.is_empty());
            out.arrays.extend(own.arrays);
            out.objects.extend(own.objects);
            if found >= ENOUGH || fuel.left() < search.floor {
                break;
            }
        }
        Ok(self.cut(out, search))
    }

    /// Some of the shapes that are of both.
    fn product(
        &mut self,
        a: &Beam,
        b: &Beam,
        search: &Search<'_>,
        fuel: &mut Fuel,
    ) -> Result<Beam, Halt> {
        let mut out = Beam::default();
        for a in &a.arrays {
            for b in &b.arrays {
                fuel.spend(1)?;
                if out.arrays.len() >= search.width || fuel.left() < search.floor {
                    break;
                }
                let both = match self.intersect_arrays(*a, *b) {
                    Ok(both) => both,
                    Err(Halt::Explosion) => None,
                    Err(error) => return Err(error),
                };
                let Some(both) = both else { continue };
                if !out.arrays.contains(&both) && !self.plainly_dead_array(both, fuel)? {
                    out.arrays.push(both);
                }
            }
        }
        for a in &a.objects {
            for b in &b.objects {
                fuel.spend(1)?;
                if out.objects.len() >= search.width || fuel.left() < search.floor {
                    break;
                }
                let both = match self.intersect_objects(*a, *b, fuel) {
                    Ok(both) => both,
                    Err(Halt::Explosion) => None,
                    Err(error) => return Err(error),
                };
                let Some(both) = both else { continue };
                if !out.objects.contains(&both) && !self.plainly_dead(both, fuel)? {
                    out.objects.push(both);
                }
            }
        }
        Ok(self.cut(out, search))
    }

    /// The simplest alternatives.
    fn cut(&self, mut beam: Beam, search: &Search<'_>) -> Beam {
        beam.arrays.sort_by_cached_key(|id| {
            let shape = self.array_shape(*id);
            (shape.contains.len() as u32 + shape.min, shape.prefix.len(), *id)
        });
        beam.arrays.dedup();
        beam.arrays.truncate(search.width);
        beam.objects.sort_by(|a, b| self.simpler(*a, *b));
        beam.objects.dedup();
        beam.objects.truncate(search.width);
        beam
    }

    fn simpler(&self, a: ObjectId, b: ObjectId) -> Ordering {
        let key = |id: ObjectId| {
            let shape = self.object_shape(id);
            let required = shape.names.iter().filter(|name| name.required).count() as u32;
            (required.max(shape.min) + 2 * shape.exists.len() as u32, shape.names.len(), id)
        };
        key(a).cmp(&key(b))
    }
}

impl Search<'_> {
    fn at(&self, gate: GateId, hold: bool) -> Beam {
        self.known.get(&(gate, hold)).cloned().unwrap_or_default()
    }
}
