use std::collections::BTreeMap;

use pyo3::prelude::*;

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../../grammars/", $name, "/grammar.lark")))),*]
    };
}

/// The folders of `grammars/`: compiled in, so that every wheel carries them.
const SHIPPED: [(&str, &str); 6] =
    shipped!["arithmetic", "iso_date", "json", "s_expression", "smiles", "sql_select"];

/// The grammars that come with structgen: name to the text of its lark file.
#[pyfunction]
pub fn shipped_grammars() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from(SHIPPED)
}
