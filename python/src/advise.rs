//! Which layout suits some records.

use pyo3::prelude::*;
use windrow::Records;
use windrow_cli::advise::{Access, AdviseOptions};

use crate::dictionary::sample;
use crate::errors::{exception, raise};
use crate::progress::watched;

/// How one way to write the records turned out.
#[pyclass(frozen, get_all, eq, module = "windrow")]
#[derive(Clone, PartialEq)]
pub struct Outcome {
    /// The option string.
    options: String,
    /// How records are laid out.
    layout: &'static str,
    /// Share of the bytes of the records.
    size: f64,
    /// Bytes of records a second that are written.
    write_bytes_per_second: f64,
    /// Records a second that are read in order.
    in_order_per_second: f64,
    /// Microseconds for one record at random.
    single_us: f64,
    /// Records a second in shuffled batches.
    batch_per_second: f64,
}

#[pymethods]
impl Outcome {
    fn __repr__(&self) -> String {
        let Self {
            options,
            size,
            single_us,
            ..
        } = self;
        format!("Outcome({options:?}, size={size:.3}, single_us={single_us:.2})")
    }
}

/// What came of trying all ways to write some records.
#[pyclass(frozen, get_all, module = "windrow")]
pub struct Advice {
    /// How many records were tried.
    records: u64,
    /// Sum of their sizes.
    record_bytes: u64,
    /// What the recommendation is for.
    access: &'static str,
    /// Seconds that training a dictionary took.
    training_seconds: Option<f64>,
    /// One for each way to write them.
    outcomes: Vec<Outcome>,
    /// What suits the access pattern best.
    recommended: Option<Outcome>,
    /// The same among those that array_record reads.
    recommended_groups: Option<Outcome>,
}

#[pymethods]
impl Advice {
    fn __repr__(&self) -> String {
        let options = self.recommended.as_ref().map(|best| &best.options);
        let options = options.map_or("None".to_owned(), |options| format!("{options:?}"));
        let access = self.access;
        format!("Advice(access={access:?}, recommended={options})")
    }
}

/// Tries layouts, group sizes, codecs and dictionaries on some records.
#[pyfunction]
#[pyo3(signature = (records, *, access="both", rounds=3, progress=None))]
pub fn advise(
    py: Python<'_>,
    records: &Bound<'_, PyAny>,
    access: &str,
    rounds: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Advice> {
    let known = [Access::Random, Access::Sequential, Access::Both];
    let access = known.into_iter().find(|known| known.name() == access);
    let access = access.ok_or_else(|| {
        let message = "access is not \"random\", \"sequential\" or \"both\"".to_owned();
        exception("OptionsError", "invalid_option_value", message)
    })?;
    let records: Records = sample(records, usize::MAX)?.iter().collect();
    let advice = watched(py, progress, |watch| {
        let options = AdviseOptions::new()
            .with_access(access)
            .with_rounds(rounds)
            .with_watch(|done, _| {
                (watch.progress)(done as u64);
                !(watch.stop)()
            });
        windrow_cli::advise::advise(&records, &options)
    })?;
    let advice = advice.map_err(raise)?;
    Ok(Advice {
        records: advice.records,
        record_bytes: advice.record_bytes,
        access: advice.access.name(),
        training_seconds: advice.training_seconds,
        outcomes: advice.outcomes.iter().map(outcome).collect(),
        recommended: advice.recommended().map(outcome),
        recommended_groups: advice.recommended_groups().map(outcome),
    })
}

fn outcome(outcome: &windrow_cli::advise::Outcome) -> Outcome {
    Outcome {
        options: outcome.options.clone(),
        layout: outcome.layout.name(),
        size: outcome.size,
        write_bytes_per_second: outcome.write_bytes_per_second,
        in_order_per_second: outcome.in_order_per_second,
        single_us: outcome.single_us,
        batch_per_second: outcome.batch_per_second,
    }
}
