use pyo3::prelude::*;

/// Budgets of one compiled constraint.
#[pyclass(frozen, eq, skip_from_py_object, module = "structgen._core")]
#[derive(Clone, PartialEq)]
pub struct Limits {
    pub inner: structgen_engine::Limits,
}

#[pymethods]
impl Limits {
    #[new]
    #[pyo3(signature = (*, compile_ms = 2000, mask_steps = 20_000_000, max_states = 2_000_000,
                        max_memory_mb = 400, max_depth = 1000, max_source_bytes = 16_000_000))]
    fn new(
        compile_ms: u64,
        mask_steps: u64,
        max_states: u32,
        max_memory_mb: u64,
        max_depth: u32,
        max_source_bytes: usize,
    ) -> Self {
        Limits {
            inner: structgen_engine::Limits {
                compile_ms,
                mask_steps,
                max_states,
                max_memory_mb,
                max_depth,
                max_source_bytes,
            },
        }
    }

    #[getter]
    fn compile_ms(&self) -> u64 {
        self.inner.compile_ms
    }

    #[getter]
    fn mask_steps(&self) -> u64 {
        self.inner.mask_steps
    }

    #[getter]
    fn max_states(&self) -> u32 {
        self.inner.max_states
    }

    #[getter]
    fn max_memory_mb(&self) -> u64 {
        self.inner.max_memory_mb
    }

    #[getter]
    fn max_depth(&self) -> u32 {
        self.inner.max_depth
    }

    #[getter]
    fn max_source_bytes(&self) -> usize {
        self.inner.max_source_bytes
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.inner.hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        let l = &self.inner;
        format!(
            "Limits(compile_ms={}, mask_steps={}, max_states={}, max_memory_mb={}, max_depth={}, \
             max_source_bytes={})",
            l.compile_ms,
            l.mask_steps,
            l.max_states,
            l.max_memory_mb,
            l.max_depth,
            l.max_source_bytes
        )
    }
}
