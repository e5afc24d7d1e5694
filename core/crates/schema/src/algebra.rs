//! The algebra of nodes: boolean combinations of schema locations, and their normal forms
//! per JSON type. Everything is interned, built when it is first asked for, and kept.

mod arrays;
mod assertions;
mod deferred;
mod emptiness;
mod evaluate;
mod formula;
mod narrow;
mod node;
mod normal;
mod objects;
mod residual;
mod survey;
mod unevaluated;
mod witness;

use std::hash::Hash;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde_json::Value;
use structgen_automaton::{AutomatonError, Fuel, ShardedMap, pace};
use structgen_regex::{ExprId, Lexer};

use crate::basis::Basis;
use crate::error::SchemaError;
use crate::format::Format;
use crate::json::read_json;
use crate::limits::SchemaLimits;
use crate::location::{LocId, Schema};
use crate::number::Numbers;
use crate::options::{PropertyOrder, SchemaOptions};
use crate::string::Strings;

use evaluate::Mode;
use narrow::Narrowing;

pub(crate) use arrays::{ArrayShape, Unique};
pub(crate) use deferred::{Alternatives, Deferred};
pub(crate) use emptiness::{INFINITE, Member, OpenObject, all_pending};
pub(crate) use formula::{Formula, Gate, GateId};
pub(crate) use node::{Node, NodeId};
pub(crate) use normal::{Normal, StringSet};
pub(crate) use objects::{KeySet, ObjectShape};
pub(crate) use residual::{BegunArray, BegunObject};
pub(crate) use witness::Beam;

/// Why an evaluation stops early.
#[derive(Debug)]
pub(crate) enum Halt {
    /// A budget ran out.
    Automaton(AutomatonError),
    /// The answer depends on a normal form that is being built. Only shortcuts ask such
    /// questions, and they take this for "not known".
    Circle,
    /// The normal form takes more work or alternatives than it is worth: its node is judged at
    /// the end of the value.
    Explosion,
    /// The same, where the elements that schemas beside `unevaluatedItems` evaluate are of too
    /// many kinds for that, too.
    Unevaluated(LocId),
}

impl From<AutomatonError> for Halt {
    fn from(error: AutomatonError) -> Self {
        Halt::Automaton(error)
    }
}

impl From<Halt> for AutomatonError {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Automaton(error) => error,
            // Only where taking a node apart does not help.
            Halt::Explosion | Halt::Unevaluated(_) => {
                let limit = u64::from(SchemaLimits::default().max_alternatives);
                AutomatonError::Limit { name: "max_alternatives", limit }
            }
            Halt::Circle => AutomatonError::Limit { name: "max_nesting", limit: 0 },
        }
    }
}

impl From<Halt> for SchemaError {
    fn from(halt: Halt) -> Self {
        SchemaError::Automaton(halt.into())
    }
}

/// Values under dense ids.
#[derive(Debug)]
pub(crate) struct Interner<T> {
    items: Vec<Arc<T>>,
    ids: ShardedMap<Arc<T>, u32>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Interner { items: Vec::new(), ids: ShardedMap::default() }
    }
}

impl<T: Eq + Hash> Interner<T> {
    pub(crate) fn intern(&mut self, item: T) -> u32 {
        if let Some(id) = self.ids.get(&item) {
            return *id;
        }
        let id = self.items.len() as u32;
        let item = Arc::new(item);
        self.items.push(item.clone());
        self.ids.insert(item, id);
        id
    }

    pub(crate) fn get(&self, id: u32) -> Arc<T> {
        self.items[id as usize].clone()
    }

    pub(crate) fn peek(&self, id: u32) -> &T {
        &self.items[id as usize]
    }

    /// The id of an item that has been interned.
    pub(crate) fn find(&self, item: &T) -> Option<u32> {
        self.ids.get(item).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
}

/// A property name. Equal names have equal ids, however they are spelled in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct KeyId(pub(crate) u32);

/// An array shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ArrayId(pub(crate) u32);

/// An object shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ObjectId(pub(crate) u32);

pub(crate) struct Algebra {
    pub(crate) lexer: Lexer,
    pub(crate) limits: SchemaLimits,
    pub(crate) order: PropertyOrder,
    pub(crate) strings: Strings,
    pub(crate) numbers: Numbers,
    narrowing: Option<Narrowing>,
    /// Normal forms as they are written.
    narrowed: FxHashMap<NodeId, Arc<Normal>>,
    schemas: Vec<Arc<Schema>>,
    tracks_evaluation: bool,
    compares_elements: bool,
    nodes: Interner<Node>,
    values: Interner<ValueKey>,
    normals: FxHashMap<(NodeId, Mode), Arc<Normal>>,
    /// Normal forms under construction.
    open: rustc_hash::FxHashSet<(NodeId, Mode)>,
    nesting: u32,
    /// Nodes that are deferred, and those of which it is known that they need not be.
    deferred: FxHashMap<NodeId, Option<Arc<Deferred>>>,
    /// Nodes that are being taken apart.
    deferring: rustc_hash::FxHashSet<NodeId>,
    /// Nodes whose normal form is too large.
    exploded: rustc_hash::FxHashSet<NodeId>,
    /// Fuel that must be left while a normal form is built.
    floor: u64,
    /// Whether the normal form under construction may take all that the limits allow.
    patient: bool,
    arrays: Interner<ArrayShape>,
    objects: Interner<ObjectShape>,
    keys: Interner<String>,
    key_spellings: FxHashMap<KeyId, ExprId>,
    key_literals: FxHashMap<KeyId, ExprId>,
    exceptions: FxHashMap<Arc<[KeyId]>, ExprId>,
    sizes: FxHashMap<NodeId, u32>,
    array_costs: FxHashMap<(ArrayId, u32, Box<[u32]>), u32>,
    array_graphs: FxHashMap<ArrayId, Arc<emptiness::ArrayGraph>>,
    disjoint_objects: FxHashMap<(ObjectId, ObjectId), bool>,
    few: FxHashMap<(NodeId, usize), emptiness::Few>,
}

/// A JSON value by its text (members in their order, numbers as written).
type ValueKey = String;

/// The value again. It was one, of whatever depth.
fn value_of_key(text: &str) -> Option<Value> {
    read_json(text, u32::MAX, &mut Fuel::unlimited()).ok()
}

impl Algebra {
    pub(crate) fn new(
        schemas: Vec<Arc<Schema>>,
        tracks_evaluation: bool,
        options: &SchemaOptions,
        limits: &SchemaLimits,
    ) -> Result<Self, AutomatonError> {
        let Basis { mut exprs, strings, numbers } = Basis::of(&schemas, options, limits)?;
        let narrowing = Narrowing::new(&mut exprs, &strings, options);
        let compares_elements = schemas.iter().any(|schema| schema.array.unique);
        let mut this = Algebra {
            lexer: Lexer::new(exprs),
            limits: limits.clone(),
            order: options.property_order,
            strings,
            numbers,
            narrowing,
            narrowed: FxHashMap::default(),
            schemas,
            tracks_evaluation,
            compares_elements,
            nodes: Interner::default(),
            values: Interner::default(),
            normals: FxHashMap::default(),
            open: rustc_hash::FxHashSet::default(),
            nesting: 0,
            deferred: FxHashMap::default(),
            deferring: rustc_hash::FxHashSet::default(),
            exploded: rustc_hash::FxHashSet::default(),
            floor: 0,
            patient: false,
            arrays: Interner::default(),
            objects: Interner::default(),
            keys: Interner::default(),
            key_spellings: FxHashMap::default(),
            key_literals: FxHashMap::default(),
            exceptions: FxHashMap::default(),
            sizes: FxHashMap::default(),
            array_costs: FxHashMap::default(),
            array_graphs: FxHashMap::default(),
            disjoint_objects: FxHashMap::default(),
            few: FxHashMap::default(),
        };
        this.nodes.intern(Node::True);
        this.nodes.intern(Node::False);
        this.nodes.intern(Node::Unsaid);
        Ok(this)
    }

    /// Refuses what only shows when languages are built.
    pub(crate) fn check_schemas(&mut self) -> Result<(), SchemaError> {
        for index in 0..self.schemas.len() {
            pace(0)?;
            let schema = Arc::clone(&self.schemas[index]);
            let Some(step) = &schema.number.multiple_of else { continue };
            if self.numbers.multiple(&mut self.lexer.exprs, step).is_none() {
                return Err(SchemaError::Unsupported {
                    pointer: schema.pointer.clone(),
                    keyword: "multipleOf".to_owned(),
                    hint: "the step has more digits than 64 bits hold".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Whether some schema says anything about equal elements.
    pub(crate) fn compares_elements(&self) -> bool {
        self.compares_elements
    }

    pub(crate) fn schema(&self, loc: LocId) -> Arc<Schema> {
        self.schemas[loc.0 as usize].clone()
    }

    pub(crate) fn key(&mut self, name: &str) -> KeyId {
        KeyId(self.keys.intern(name.to_owned()))
    }

    /// The id of a key that has been met.
    pub(crate) fn known_key(&self, name: &str) -> Option<KeyId> {
        self.keys.find(&name.to_owned()).map(KeyId)
    }

    pub(crate) fn key_name(&self, key: KeyId) -> Arc<String> {
        self.keys.get(key.0)
    }

    pub(crate) fn key_text(&self, key: KeyId) -> &str {
        self.keys.peek(key.0)
    }

    /// All spellings of the key's body.
    pub(crate) fn key_spelling(&mut self, key: KeyId) -> ExprId {
        let Algebra { strings, lexer, keys, key_spellings, .. } = self;
        *key_spellings
            .entry(key)
            .or_insert_with(|| strings.literal(&mut lexer.exprs, keys.peek(key.0)))
    }

    /// The same with the quote that ends the literal.
    pub(crate) fn key_literal(&mut self, key: KeyId) -> ExprId {
        let Algebra { strings, lexer, keys, key_literals, .. } = self;
        *key_literals
            .entry(key)
            .or_insert_with(|| strings.ended(&mut lexer.exprs, keys.peek(key.0)))
    }

    pub(crate) fn array_shape(&self, id: ArrayId) -> Arc<ArrayShape> {
        self.arrays.get(id.0)
    }

    pub(crate) fn object_shape(&self, id: ObjectId) -> Arc<ObjectShape> {
        self.objects.get(id.0)
    }

    /// Nodes, shapes and expressions held.
    pub(crate) fn usage(&self) -> (usize, usize) {
        let items = self.nodes.len() + self.arrays.len() + self.objects.len();
        (items, items * 200 + self.lexer.bytes())
    }

    /// The strings of a format, built once.
    pub(crate) fn format(&mut self, format: Format) -> ExprId {
        self.strings.format(&mut self.lexer.exprs, format)
    }

    /// The document that a value node stands for.
    pub(crate) fn value_of(&self, id: u32) -> Value {
        value_of_key(self.values.peek(id)).unwrap_or(Value::Null)
    }

    /// Whether the language has no member.
    pub(crate) fn no_strings(&mut self, e: ExprId, fuel: &mut Fuel) -> Result<bool, Halt> {
        Ok(self.lexer.exprs.is_empty(e, fuel)?)
    }
}
