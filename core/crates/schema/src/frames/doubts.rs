//! What hangs on a text that is not known.
//!
//! While a vocabulary is walked, a lexeme may end of which nothing is known but what it is an
//! example of: a frame then goes on *blurred*, as if that key or element equalled no other. An
//! answer for which that may make a difference raises a doubt, and is worked out anew from the
//! text. The rules here only have to be wide enough.

use serde_json::Value;
use structgen_automaton::{AutomatonError, Fuel};
use structgen_regex::Exprs;

use super::{Frame, FrameId, Frames, Slot, TagsId};
use crate::algebra::{Algebra, Alternatives, KeyId, Node, NodeId, ObjectShape, StringSet, Unique};

impl Frames {
    /// An element has ended, whose text may be `known`.
    pub(crate) fn doubt_element(&mut self, id: FrameId, known: bool) {
        if let Frame::Element { reading, seen, .. } = self.frames.peek(id.0)
            && (seen.blurred || (!known && (reading.truth || self.sets.len(seen.values) > 0)))
            && self.remembers_element(id)
        {
            self.doubt = true;
        }
    }

    /// One more element, after one that is not known.
    pub(super) fn doubt_next_element(
        &mut self,
        id: FrameId,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        let Frame::Array { seen, runs, .. } = self.frames.peek(id.0) else { return Ok(()) };
        if !seen.blurred {
            return Ok(());
        }
        for run in runs.clone() {
            let shape = self.algebra.array_shape(run.shape);
            for step in self.algebra.array_moves(&shape, run.position, &run.counts)? {
                if shape.unique != Unique::Any && !self.algebra.never_runs_out(step.node, fuel)? {
                    self.doubt = true;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The end of an array after an element that is not known.
    pub(super) fn doubt_end(&mut self, id: FrameId) {
        if let Frame::Array { seen, runs, .. } = self.frames.peek(id.0)
            && seen.blurred
            && runs.iter().any(|r| self.algebra.array_shape(r.shape).unique == Unique::Repeated)
        {
            self.doubt = true;
        }
    }

    /// One more key, after one that is not known.
    pub(super) fn doubt_next_key(&mut self, id: FrameId) {
        if let Frame::Object { used, runs, .. } = self.frames.peek(id.0)
            && used.blurred
            && runs.iter().any(|run| {
                let shape = self.algebra.object_shape(run.shape);
                (0..shape.classes.len()).any(|class| !self.algebra.class_is_open(&shape, class))
            })
        {
            self.doubt = true;
        }
    }

    /// A key has ended whose text has been read, and is not known.
    pub(crate) fn doubt_key_text(&mut self, id: FrameId) {
        self.doubt |= self.compares_at_end(id);
    }

    /// A key has ended, read as one of `tags`.
    pub(super) fn doubt_key(
        &mut self,
        id: FrameId,
        tags: TagsId,
        key: Option<KeyId>,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        let Frame::Object { reading, used, .. } = self.frames.peek(id.0) else { return Ok(()) };
        let (truth, blurred) = (reading.truth, used.blurred);
        if key.is_some() && !blurred {
            return Ok(());
        }
        let plan = self.key_plan(id, fuel)?;
        let tags = self.tag_list(tags);
        // The tags of names tell the key.
        if tags.iter().any(|tag| plan.keys.get(*tag as usize).is_some_and(Option::is_some)) {
            return Ok(());
        }
        if blurred || (truth && !plan.partitioned) {
            self.doubt = true;
            return Ok(());
        }
        let frame = self.frame(id);
        let Frame::Object { runs, .. } = &*frame else { return Ok(()) };
        for (index, slot) in tags.iter().filter_map(|t| plan.tags.get(*t as usize)).flatten() {
            let shape = self.algebra.object_shape(runs[*index as usize].shape);
            let open = match slot {
                Slot::Name(_) => true,
                Slot::Class(class) => self.algebra.class_is_open(&shape, *class as usize),
            };
            // Which keys of a class are used up decides what can still be asked of the others.
            if !open && !shape.is_free() {
                self.doubt = true;
            }
        }
        Ok(())
    }

    // -- what must not be repeated ----------------------------------------------------------

    /// Whether the lexeme that the frame reads next, a key or an element, is compared with those
    /// before it when it ends.
    pub(crate) fn compares_at_end(&self, id: FrameId) -> bool {
        match self.frames.peek(id.0) {
            Frame::Element { seen, .. } => self.sets.len(seen.values) > super::arrays::MAX_EXCLUDED,
            Frame::Object { used, .. } => self.sets.len(used.open) > 0,
            _ => false,
        }
    }

    /// Whether `value`, a key or an element, is one of those.
    pub(crate) fn has_seen(&self, id: FrameId, value: &Value) -> bool {
        match self.frames.peek(id.0) {
            Frame::Element { seen, .. } => self
                .algebra
                .known_id(value)
                .is_some_and(|value| self.sets.contains(seen.values, value)),
            Frame::Object { used, .. } => value
                .as_str()
                .and_then(|name| self.algebra.known_key(name))
                .is_some_and(|key| self.sets.contains(used.open, key.0)),
            _ => false,
        }
    }

    /// The strings among them that begin with `prefix`, without it; `None` if there are more
    /// than `most`, or too many to look at.
    pub(crate) fn seen_with_prefix(
        &self,
        id: FrameId,
        prefix: &str,
        most: usize,
    ) -> Option<Vec<String>> {
        let (set, keys) = match self.frames.peek(id.0) {
            Frame::Element { seen, .. } => (seen.values, false),
            Frame::Object { used, .. } => (used.open, true),
            _ => return Some(Vec::new()),
        };
        if self.sets.len(set) > MAX_COMPARED {
            return None;
        }
        let mut found = Vec::new();
        for member in self.sets.members(set) {
            let name = if keys {
                Some(self.algebra.key_name(KeyId(member)).to_string())
            } else {
                self.algebra.known_string(member)
            };
            if let Some(rest) = name.as_deref().and_then(|name| name.strip_prefix(prefix)) {
                if found.len() == most {
                    return None;
                }
                found.push(rest.to_owned());
            }
        }
        Some(found)
    }
}

/// Members of a set that are looked at one by one.
const MAX_COMPARED: usize = 1024;

impl ObjectShape {
    /// Whether nothing is asked of the members together.
    pub(crate) fn is_free(&self) -> bool {
        self.exists.is_empty() && self.min == 0 && self.max.is_none()
    }
}

impl Algebra {
    /// Whether there is always another key of a class, however a key begins: its texts may go on
    /// in any way before they end.
    pub(crate) fn class_is_open(&self, shape: &ObjectShape, class: usize) -> bool {
        self.lexer.exprs.ends_in(shape.classes[class].keys.base, self.strings.all)
    }

    /// Whether every beginning of a value of `node` is that of infinitely many.
    fn never_runs_out(&mut self, node: NodeId, fuel: &mut Fuel) -> Result<bool, AutomatonError> {
        if let Node::Except(inner, _) = &*self.node(node) {
            return self.never_runs_out(*inner, fuel);
        }
        let Alternatives::Exact(normal) = self.alternatives(node, fuel)? else { return Ok(false) };
        let strings = normal.strings.is_none()
            || matches!(normal.strings, StringSet::Language(all) if all == self.strings.all);
        let numbers = normal.numbers == Exprs::EMPTY || normal.numbers == self.numbers.all;
        let arrays = normal.arrays.is_empty() || normal.arrays == [self.any_array()];
        let objects = normal.objects.is_empty() || normal.objects == [self.any_object()];
        Ok(strings && numbers && arrays && objects)
    }
}
