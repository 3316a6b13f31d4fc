//! Conditions on rows, as Python users write them.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, DurationMicrosecondArray,
    Float64Array, Int64Array, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray,
    UInt64Array,
};
use arrow_select::concat::concat;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDate, PyDateTime, PyDelta, PyFloat, PyInt, PyList, PyString, PyTime,
    PyTuple, PyTzInfo,
};
use windrow::{Comparison, Predicate};

use super::capsule::{arrow_error, batches_of};
use crate::indices::type_name;

const FORM: &str = "a filter is (column, operator, value), a list of them that all hold, or a list of such lists of \
    which one holds; operators are ==, !=, <, <=, >, >=, in, not in, is null, is not null";

/// A filter: a condition, a list of conditions, or a list of lists.
pub fn predicate(filter: &Bound<'_, PyAny>) -> PyResult<Predicate> {
    if let Ok(condition) = filter.cast::<PyTuple>() {
        return self::condition(condition);
    }
    let Ok(list) = filter.cast::<PyList>() else {
        return Err(PyTypeError::new_err(format!(
            "{FORM}; not {}",
            type_name(filter)
        )));
    };
    let is_nested = list
        .get_item(0)
        .is_ok_and(|first| first.is_instance_of::<PyList>());
    let parts = list
        .iter()
        .map(|part| predicate(&part))
        .collect::<PyResult<Vec<_>>>()?;
    Ok(if is_nested {
        Predicate::Or(parts)
    } else {
        Predicate::And(parts)
    })
}

fn condition(condition: &Bound<'_, PyTuple>) -> PyResult<Predicate> {
    let malformed = || PyValueError::new_err(format!("{FORM}; not {condition}"));
    let (column, operator): (String, String) = match condition.len() {
        2 | 3 => (
            condition.get_item(0)?.extract().map_err(|_| malformed())?,
            condition.get_item(1)?.extract().map_err(|_| malformed())?,
        ),
        _ => return Err(malformed()),
    };
    let given = (condition.len() == 3)
        .then(|| condition.get_item(2))
        .transpose()?;
    let comparison = match (operator.as_str(), &given) {
        ("is null", None) => return Ok(Predicate::IsNull(column)),
        ("is not null", None) => return Ok(Predicate::IsNotNull(column)),
        ("in" | "not in", Some(given)) => {
            let mut parts = Vec::new();
            for one in given.try_iter()? {
                let equal = compare(&column, Comparison::Equal, &one?)?;
                parts.push(equal);
            }
            let any = Predicate::Or(parts);
            return Ok(if operator == "in" {
                any
            } else {
                Predicate::Not(Box::new(any))
            });
        }
        ("=" | "==", Some(_)) => Comparison::Equal,
        ("!=", Some(_)) => Comparison::NotEqual,
        ("<", Some(_)) => Comparison::Less,
        ("<=", Some(_)) => Comparison::LessOrEqual,
        (">", Some(_)) => Comparison::Greater,
        (">=", Some(_)) => Comparison::GreaterOrEqual,
        _ => return Err(malformed()),
    };
    match given {
        Some(given) => compare(&column, comparison, &given),
        None => Err(malformed()),
    }
}

fn compare(column: &str, comparison: Comparison, value: &Bound<'_, PyAny>) -> PyResult<Predicate> {
    if value.is_none() {
        return Err(PyValueError::new_err(format!(
            "`{column}`: nothing compares with None; write (column, \"is null\")"
        )));
    }
    let value = literal(value)?;
    Ok(Predicate::Compare {
        column: column.to_owned(),
        comparison,
        value,
    })
}

/// An array of one value.
fn literal(value: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let py = value.py();
    if let Ok(truth) = value.cast::<PyBool>() {
        return Ok(Arc::new(BooleanArray::from(vec![truth.is_true()])));
    }
    if value.is_instance_of::<PyInt>() {
        if let Ok(number) = value.extract::<i64>() {
            return Ok(Arc::new(Int64Array::from(vec![number])));
        }
        if let Ok(number) = value.extract::<u64>() {
            return Ok(Arc::new(UInt64Array::from(vec![number])));
        }
        return Ok(Arc::new(StringArray::from(vec![value.str()?.to_str()?])));
    }
    if value.is_instance_of::<PyFloat>() {
        return Ok(Arc::new(Float64Array::from(vec![value.extract::<f64>()?])));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Arc::new(StringArray::from(vec![text.to_str()?])));
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Arc::new(BinaryArray::from(vec![bytes.as_bytes()])));
    }
    if value.is_instance_of::<PyDateTime>() {
        let zone = value.getattr("tzinfo")?;
        let utc = PyTzInfo::utc(py)?;
        let is_aware = !zone.is_none();
        let epoch = PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, is_aware.then_some(&*utc))?;
        let micros = microseconds(&value.sub(epoch)?)?;
        let array = TimestampMicrosecondArray::from(vec![micros]);
        return Ok(if is_aware {
            Arc::new(array.with_timezone("UTC"))
        } else {
            Arc::new(array)
        });
    }
    if value.is_instance_of::<PyDate>() {
        let days: i32 = value.call_method0("toordinal")?.extract()?;
        return Ok(Arc::new(Date32Array::from(vec![days - 719_163])));
    }
    if value.is_instance_of::<PyTime>() {
        let part = |name: &str| value.getattr(name)?.extract::<i64>();
        let seconds = part("hour")? * 3600 + part("minute")? * 60 + part("second")?;
        let micros = seconds * 1_000_000 + part("microsecond")?;
        return Ok(Arc::new(Time64MicrosecondArray::from(vec![micros])));
    }
    if value.is_instance_of::<PyDelta>() {
        let micros = microseconds(value)?;
        return Ok(Arc::new(DurationMicrosecondArray::from(vec![micros])));
    }
    let decimal = py.import("decimal")?.getattr("Decimal")?;
    if value.is_instance(&decimal)? {
        let text = value.call_method1("__format__", ("f",))?;
        return Ok(Arc::new(StringArray::from(vec![text.extract::<String>()?])));
    }
    if value.hasattr("__arrow_c_stream__")? {
        // A frame of one value, for those whose types Python does not have.
        let batches = batches_of(value)?.collect::<Result<Vec<_>, _>>();
        let batches = batches.map_err(arrow_error)?;
        let columns = batches.iter().flat_map(|batch| batch.columns().first());
        let columns: Vec<&dyn Array> = columns.map(AsRef::as_ref).collect();
        let array = concat(&columns).map_err(arrow_error)?;
        if array.len() == 1 {
            return Ok(array);
        }
    }
    if let Some(item) = value.getattr_opt("item")? {
        // Scalars of numpy.
        return literal(&item.call0()?);
    }
    Err(PyTypeError::new_err(format!(
        "a column cannot be compared with {}",
        type_name(value)
    )))
}

fn microseconds(delta: &Bound<'_, PyAny>) -> PyResult<i64> {
    let part = |name: &str| delta.getattr(name)?.extract::<i64>();
    Ok((part("days")? * 86_400 + part("seconds")?) * 1_000_000 + part("microseconds")?)
}
