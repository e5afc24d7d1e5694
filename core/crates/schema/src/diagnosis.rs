//! Why nothing satisfies a schema.

mod conflict;
mod wording;

use serde_json::Value;
use structgen_automaton::{Fuel, Returned};

use crate::algebra::{Algebra, Alternatives, INFINITE, Node, NodeId};
use crate::error::SchemaError;
use crate::limits::SchemaLimits;
use crate::location::LocId;
use crate::machine::SchemaAutomaton;
use crate::options::SchemaOptions;
use crate::reader;

/// The error for a schema that nothing satisfies.
pub(crate) fn why_empty(
    schema: &Value,
    options: &SchemaOptions,
    limits: &SchemaLimits,
    fuel: &mut Fuel,
) -> Result<SchemaError, SchemaError> {
    match narrowed_empty(schema, options, limits, fuel)? {
        Some(error) => Ok(error),
        None => explain_empty(schema, options, limits, fuel),
    }
}

/// The same where there is no time to look for the reason.
pub(crate) fn unexplained(root: &str) -> SchemaError {
    let pointers = vec![root.to_owned()];
    SchemaError::Empty { reason: wording::of_places(&pointers), pointers }
}

/// The options without which something would satisfy the schema, if they are why nothing does.
fn narrowed_empty(
    schema: &Value,
    options: &SchemaOptions,
    limits: &SchemaLimits,
    fuel: &mut Fuel,
) -> Result<Option<SchemaError>, SchemaError> {
    let each = options.relaxed();
    let all: Vec<String> = each.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut free = options.clone();
    while let Some((_, relaxed)) = free.relaxed().into_iter().next() {
        free = relaxed;
    }
    if all.is_empty() || SchemaAutomaton::is_empty(schema, &free, limits, fuel)? {
        return Ok(None);
    }
    let mut culprits = Vec::new();
    for (name, relaxed) in each {
        if !SchemaAutomaton::is_empty(schema, &relaxed, limits, fuel)? {
            culprits.push(name.to_owned());
        }
    }
    let options = if culprits.is_empty() { all } else { culprits };
    Ok(Some(SchemaError::Narrowed { options }))
}

/// Follows required members down to the first place where parts contradict each other.
fn explain_empty(
    schema: &Value,
    options: &SchemaOptions,
    limits: &SchemaLimits,
    fuel: &mut Fuel,
) -> Result<SchemaError, SchemaError> {
    // Every place speaks for itself here: twins are not merged.
    let reading = reader::read(schema, options, limits, fuel)?;
    let schemas = reading.schemas.into_inner();
    let algebra = Algebra::new(schemas, reading.tracks_evaluation, options, limits)?;
    let algebra = &mut *Returned::new(algebra);
    let root = algebra.location_node(reading.root);
    let mut node = root;
    let mut seen = vec![root];
    let mut members = Vec::new();
    while let Some((member, next)) = dead_member(algebra, node, fuel)? {
        if seen.contains(&next) {
            break;
        }
        seen.push(next);
        members.push(member);
        node = next;
    }
    let mut pointers = Vec::new();
    collect(algebra, node, &mut pointers);
    if pointers.is_empty() {
        pointers.push(algebra.schema(reading.root).pointer.clone());
    }
    pointers.sort();
    pointers.dedup();
    let blamed = conflict::conflict(schema, &pointers, options, limits, fuel)?;
    let reason = match &blamed {
        Some(blamed) => wording::of_conflict(schema, &members, blamed),
        None => wording::of_places(&pointers),
    };
    let blamed = blamed.map(|all| all.into_iter().map(|blame| blame.pointer).collect());
    Ok(SchemaError::Empty { pointers: blamed.unwrap_or(pointers), reason })
}

/// What an object or array must have.
enum Member {
    Property(String),
    Element(u32),
}

/// A required member without a value, of the only shape that the node has.
fn dead_member(
    algebra: &mut Algebra,
    node: NodeId,
    fuel: &mut Fuel,
) -> Result<Option<(Member, NodeId)>, SchemaError> {
    let Alternatives::Exact(normal) = algebra.alternatives(node, fuel)? else { return Ok(None) };
    for shape in &normal.objects {
        let shape = algebra.object_shape(*shape);
        for name in shape.names.iter().filter(|name| name.required) {
            if algebra.size(name.node, fuel)? == INFINITE {
                return Ok(Some((
                    Member::Property(algebra.key_text(name.key).to_owned()),
                    name.node,
                )));
            }
        }
    }
    for shape in &normal.arrays {
        let shape = algebra.array_shape(*shape);
        for index in 0..shape.min.min(shape.prefix.len() as u32 + 1) {
            if algebra.size(shape.element(index), fuel)? == INFINITE {
                return Ok(Some((Member::Element(index), shape.element(index))));
            }
        }
    }
    Ok(None)
}

fn collect(algebra: &Algebra, node: NodeId, out: &mut Vec<String>) {
    match &*algebra.node(node) {
        Node::Location(loc) | Node::Assertions(loc) => {
            let schema = algebra.schema(*loc);
            let inner: Vec<LocId> = schema.refs.iter().chain(&schema.all_of).copied().collect();
            out.push(schema.pointer.clone());
            out.extend(inner.iter().map(|loc| algebra.schema(*loc).pointer.clone()));
        }
        Node::And(parts) | Node::Or(parts) => {
            for part in parts {
                collect(algebra, *part, out);
            }
        }
        Node::Not(inner) => collect(algebra, *inner, out),
        _ => {}
    }
}
