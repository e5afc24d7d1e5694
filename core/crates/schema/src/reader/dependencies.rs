//! What holds only if a key is there, or has a certain value.

use std::sync::Arc;

use serde_json::Value;

use super::keywords::Keywords;
use crate::error::SchemaError;
use crate::location::{LocId, Schema, TypeSet};

impl<'a> Keywords<'_, 'a> {
    /// `dependentRequired`, and `dependencies` with its mixture of names and schemas.
    pub(super) fn dependencies(
        &mut self,
        keyword: &str,
        value: &'a Value,
    ) -> Result<(), SchemaError> {
        let Value::Object(members) = value else {
            return self.expected(keyword, "an object", value);
        };
        for (name, needed) in members {
            match needed {
                Value::Array(_) => {
                    let needed = self.names(keyword, needed)?;
                    self.schema.object.dependent_required.push((name.clone(), needed));
                }
                Value::Object(_) | Value::Bool(_) if keyword == "dependencies" => {
                    let schema = self.child(needed, &[keyword, name])?;
                    self.schema.object.dependent_schemas.push((name.clone(), schema));
                }
                _ => return self.expected(keyword, "an array of names", needed),
            }
        }
        Ok(())
    }

    /// `propertyDependencies`: for each key and each text that its value may be, a schema.
    pub(super) fn property_dependencies(&mut self, value: &'a Value) -> Result<(), SchemaError> {
        const KEYWORD: &str = "propertyDependencies";
        let Value::Object(members) = value else {
            return self.expected(KEYWORD, "an object", value);
        };
        for (name, cases) in members {
            let Value::Object(cases) = cases else {
                return self.expected(KEYWORD, "an object of objects of schemas", cases);
            };
            for (text, then) in cases {
                let then = self.child(then, &[KEYWORD, name, text])?;
                let case = self.case(name, text, then)?;
                self.schema.all_of.push(case);
            }
        }
        Ok(())
    }

    /// `then`, if the member `name` is `text`. The condition is negated twice, so that it does
    /// not count as having evaluated the member.
    fn case(&mut self, name: &str, text: &str, then: LocId) -> Result<LocId, SchemaError> {
        let draft = self.schema.draft;
        let empty = || Schema { asserts: true, ..Schema::empty(self.pointer(), draft) };
        let (mut value, mut holds, mut fails, mut condition, mut case) =
            (empty(), empty(), empty(), empty(), empty());
        value.values.push(Arc::new([Value::String(text.to_owned())]));
        let value = self.reader.synthetic(value)?;
        holds.types = Some(TypeSet(TypeSet::OBJECT));
        holds.object.properties.push((name.to_owned(), value));
        holds.object.required.push(name.to_owned());
        fails.not = Some(self.reader.synthetic(holds)?);
        condition.not = Some(self.reader.synthetic(fails)?);
        case.condition = Some(self.reader.synthetic(condition)?);
        case.then = Some(then);
        self.reader.synthetic(case)
    }
}
