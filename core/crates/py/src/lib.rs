//! The Python face of the core: conversion, error mapping, release of the GIL. Nothing else.

use mimalloc::MiMalloc;
use pyo3::prelude::*;

mod automaton;
mod errors;
mod forks;
mod grammars;
mod interpreters;
mod interrupts;
mod limits;
mod logits;
mod masks;
mod matcher;
mod pickling;
mod program;
mod vocabulary;
mod workers;

/// Threads that fill masks free what others have allocated: with the system's allocator they wait
/// for each other.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The compiled core of structgen.
#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    interpreters::claim(module.py())?;
    interrupts::listen();
    forks::listen(module.py())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<vocabulary::Vocabulary>()?;
    module.add_class::<limits::Limits>()?;
    module.add_class::<limits::CancelToken>()?;
    module.add_class::<program::Program>()?;
    module.add_class::<automaton::Automaton>()?;
    module.add_class::<matcher::Matcher>()?;
    module.add_function(wrap_pyfunction!(masks::fill_masks, module)?)?;
    module.add_function(wrap_pyfunction!(masks::fill_tree_masks, module)?)?;
    module.add_function(wrap_pyfunction!(logits::apply_masks, module)?)?;
    module.add_function(wrap_pyfunction!(grammars::shipped_grammars, module)?)?;
    pickling::add_restorers(module)
}
