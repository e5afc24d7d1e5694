use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::pickling::{not_picklable, restorer};

/// Stops the work that runs under limits which hold it.
#[pyclass(frozen, eq, hash, from_py_object, module = "structgen._core")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CancelToken {
    inner: structgen_engine::CancelToken,
}

#[pymethods]
impl CancelToken {
    #[new]
    fn new() -> Self {
        CancelToken { inner: structgen_engine::CancelToken::new() }
    }

    fn cancel(&self) {
        self.inner.cancel();
    }

    #[getter]
    fn cancelled(&self) -> bool {
        self.inner.is_cancelled()
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<()> {
        Err(not_picklable(py, "a `CancelToken` works within its own process and cannot be pickled"))
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (memo, /))]
    fn __deepcopy__(slf: Py<Self>, memo: &Bound<'_, PyAny>) -> Py<Self> {
        let _ = memo;
        slf
    }

    fn __repr__(&self) -> String {
        format!("CancelToken(cancelled={})", if self.cancelled() { "True" } else { "False" })
    }
}

macro_rules! limits {
    ($($name:ident: $kind:ty = $default:tt),* $(,)?) => {
        /// Budgets of one compiled constraint.
        #[pyclass(frozen, eq, hash, skip_from_py_object, module = "structgen._core")]
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct Limits {
            pub inner: structgen_engine::Limits,
        }

        #[pymethods]
        impl Limits {
            #[new]
            #[pyo3(signature = (*, $($name = $default,)* cancel = None))]
            #[allow(clippy::too_many_arguments)] // keywords, all of them
            fn new($($name: $kind,)* cancel: Option<CancelToken>) -> Self {
                let cancel = cancel.map(|token| token.inner);
                Limits { inner: structgen_engine::Limits { $($name,)* cancel } }
            }

            $(
                #[getter]
                fn $name(&self) -> $kind {
                    self.inner.$name
                }
            )*

            #[getter]
            fn cancel(&self) -> Option<CancelToken> {
                self.inner.cancel.clone().map(|inner| CancelToken { inner })
            }

            fn __reduce__<'py>(
                &self,
                py: Python<'py>,
            ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyDict>,))> {
                if self.inner.cancel.is_some() {
                    return Err(not_picklable(
                        py,
                        "limits with a `cancel` token cannot be pickled: nobody could cancel the \
                         copy; make the constraint under limits without one, and give the token \
                         to `compile`, where it is to be cancelled",
                    ));
                }
                let fields = PyDict::new(py);
                $(fields.set_item(stringify!($name), self.inner.$name)?;)*
                Ok((restorer(py, "_restore_limits")?, (fields,)))
            }

            fn __copy__(slf: Py<Self>) -> Py<Self> {
                slf
            }

            #[pyo3(signature = (memo, /))]
            fn __deepcopy__(slf: Py<Self>, memo: &Bound<'_, PyAny>) -> Py<Self> {
                let _ = memo;
                slf
            }

            fn __repr__(&self) -> String {
                let fields = [$(format!("{}={}", stringify!($name), self.inner.$name)),*];
                format!("Limits({})", fields.join(", "))
            }
        }
    };
}

limits! {
    compile_ms: u64 = 2000,
    mask_steps: u64 = 20_000_000,
    mask_ms: u64 = 2000,
    max_states: u32 = 2_000_000,
    max_memory_mb: u64 = 400,
    max_depth: u32 = 1000,
    max_source_depth: u32 = 512,
    max_source_bytes: usize = 16_000_000,
    max_alternatives: u32 = 4096,
    max_exact_alternatives: u32 = 256,
    max_exprs: u32 = 4_000_000,
    max_nesting: u32 = 200,
    max_nodes: u32 = 1_000_000,
    max_key_classes: u32 = 4096,
    max_missing_members: u32 = 100_000,
    max_array_states: u32 = 50_000,
    max_rules: u32 = 100_000,
    max_terminals: u32 = 50_000,
    max_symbols: u32 = 1_000_000,
    max_sets: u32 = 1_000_000,
    max_items_per_set: u32 = 50_000,
    max_items: u64 = 8_000_000,
    max_unrolled_repeats: u32 = 10_000,
}
