//! Values of arrays as plain Python objects.

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, RecordBatch};
use arrow_schema::{DataType, IntervalUnit, Schema, TimeUnit};
use pyo3::BoundObject;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyBytes, PyDate, PyDateTime, PyDelta, PyDict, PyFloat, PyList, PyString, PyTime,
    PyTzInfo,
};

const MICROS_OF_DAY: i64 = 86_400_000_000;

/// Names of columns, as the keys of rows.
pub fn keys(py: Python<'_>, schema: &Schema) -> Vec<Py<PyString>> {
    let names = schema.fields().iter().map(|field| field.name());
    names
        .map(|name| PyString::intern(py, name).unbind())
        .collect()
}

/// One row of a batch.
pub fn row<'py>(
    py: Python<'py>,
    keys: &[Py<PyString>],
    batch: &RecordBatch,
    place: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    for (key, column) in keys.iter().zip(batch.columns()) {
        row.set_item(key.bind(py), value(py, column, place)?)?;
    }
    Ok(row)
}

/// All rows of a batch.
pub fn rows<'py>(py: Python<'py>, batch: &RecordBatch) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let keys = keys(py, &batch.schema());
    (0..batch.num_rows())
        .map(|place| row(py, &keys, batch, place))
        .collect()
}

/// The values of an array.
pub fn values<'py>(py: Python<'py>, array: &ArrayRef) -> PyResult<Bound<'py, PyList>> {
    if array.null_count() == 0 {
        match array.data_type() {
            DataType::Int8 => return numbers::<Int8Type>(py, array),
            DataType::Int16 => return numbers::<Int16Type>(py, array),
            DataType::Int32 => return numbers::<Int32Type>(py, array),
            DataType::Int64 => return numbers::<Int64Type>(py, array),
            DataType::UInt8 => return numbers::<UInt8Type>(py, array),
            DataType::UInt16 => return numbers::<UInt16Type>(py, array),
            DataType::UInt32 => return numbers::<UInt32Type>(py, array),
            DataType::UInt64 => return numbers::<UInt64Type>(py, array),
            DataType::Float32 => return numbers::<Float32Type>(py, array),
            DataType::Float64 => return numbers::<Float64Type>(py, array),
            _ => {}
        }
    }
    let list: PyResult<Vec<_>> = (0..array.len())
        .map(|place| value(py, array, place))
        .collect();
    PyList::new(py, list?)
}

fn numbers<'py, T>(py: Python<'py>, array: &ArrayRef) -> PyResult<Bound<'py, PyList>>
where
    T: ArrowPrimitiveType,
    T::Native: IntoPyObject<'py>,
{
    PyList::new(py, array.as_primitive::<T>().values().iter().copied())
}

fn number<'py, T>(py: Python<'py>, array: &dyn Array, place: usize) -> PyResult<Bound<'py, PyAny>>
where
    T: ArrowPrimitiveType,
    T::Native: IntoPyObject<'py>,
    <T::Native as IntoPyObject<'py>>::Error: Into<PyErr>,
{
    let number = array.as_primitive::<T>().value(place);
    let object = number.into_pyobject(py).map_err(Into::into)?;
    Ok(object.into_any().into_bound())
}

/// One value of an array; `None` for null.
pub fn value<'py>(py: Python<'py>, array: &dyn Array, place: usize) -> PyResult<Bound<'py, PyAny>> {
    if array.is_null(place) {
        return Ok(py.None().into_bound(py));
    }
    let text = |text: &str| Ok(PyString::new(py, text).into_any());
    let bytes = |bytes: &[u8]| Ok(PyBytes::new(py, bytes).into_any());
    match array.data_type() {
        DataType::Null => Ok(py.None().into_bound(py)),
        DataType::Boolean => {
            let truth = array.as_boolean().value(place);
            Ok(PyBool::new(py, truth).to_owned().into_any())
        }
        DataType::Int8 => number::<Int8Type>(py, array, place),
        DataType::Int16 => number::<Int16Type>(py, array, place),
        DataType::Int32 => number::<Int32Type>(py, array, place),
        DataType::Int64 => number::<Int64Type>(py, array, place),
        DataType::UInt8 => number::<UInt8Type>(py, array, place),
        DataType::UInt16 => number::<UInt16Type>(py, array, place),
        DataType::UInt32 => number::<UInt32Type>(py, array, place),
        DataType::UInt64 => number::<UInt64Type>(py, array, place),
        DataType::Float16 => {
            let half = array.as_primitive::<Float16Type>().value(place);
            Ok(PyFloat::new(py, half.to_f64()).into_any())
        }
        DataType::Float32 => number::<Float32Type>(py, array, place),
        DataType::Float64 => number::<Float64Type>(py, array, place),
        DataType::Utf8 => text(array.as_string::<i32>().value(place)),
        DataType::LargeUtf8 => text(array.as_string::<i64>().value(place)),
        DataType::Utf8View => text(array.as_string_view().value(place)),
        DataType::Binary => bytes(array.as_binary::<i32>().value(place)),
        DataType::LargeBinary => bytes(array.as_binary::<i64>().value(place)),
        DataType::BinaryView => bytes(array.as_binary_view().value(place)),
        DataType::FixedSizeBinary(_) => bytes(array.as_fixed_size_binary().value(place)),
        DataType::Date32 => date(
            py,
            i64::from(array.as_primitive::<Date32Type>().value(place)),
        ),
        DataType::Date64 => date(
            py,
            array
                .as_primitive::<Date64Type>()
                .value(place)
                .div_euclid(86_400_000),
        ),
        DataType::Timestamp(unit, zone) => {
            timestamp(py, integer(array, place), *unit, zone.as_deref())
        }
        DataType::Time32(unit) | DataType::Time64(unit) => {
            time(py, micros(integer(array, place), *unit)?)
        }
        DataType::Duration(unit) => {
            let micros = micros(integer(array, place), *unit)?;
            let days = i32::try_from(micros.div_euclid(MICROS_OF_DAY)).map_err(|_| beyond())?;
            let rest = micros.rem_euclid(MICROS_OF_DAY);
            let seconds = i32::try_from(rest / 1_000_000).map_err(|_| beyond())?;
            let below = i32::try_from(rest % 1_000_000).map_err(|_| beyond())?;
            Ok(PyDelta::new(py, days, seconds, below, false)?.into_any())
        }
        DataType::Interval(unit) => {
            let parts = match unit {
                IntervalUnit::YearMonth => {
                    let months = array.as_primitive::<IntervalYearMonthType>().value(place);
                    (months, 0, 0)
                }
                IntervalUnit::DayTime => {
                    let value = array.as_primitive::<IntervalDayTimeType>().value(place);
                    (0, value.days, i64::from(value.milliseconds) * 1_000_000)
                }
                IntervalUnit::MonthDayNano => {
                    let value = array
                        .as_primitive::<IntervalMonthDayNanoType>()
                        .value(place);
                    (value.months, value.days, value.nanoseconds)
                }
            };
            Ok(parts.into_pyobject(py)?.into_any())
        }
        DataType::Decimal32(..) => decimal(
            py,
            &array.as_primitive::<Decimal32Type>().value_as_string(place),
        ),
        DataType::Decimal64(..) => decimal(
            py,
            &array.as_primitive::<Decimal64Type>().value_as_string(place),
        ),
        DataType::Decimal128(..) => decimal(
            py,
            &array
                .as_primitive::<Decimal128Type>()
                .value_as_string(place),
        ),
        DataType::Decimal256(..) => decimal(
            py,
            &array
                .as_primitive::<Decimal256Type>()
                .value_as_string(place),
        ),
        DataType::List(_) => list(py, &array.as_list::<i32>().value(place)),
        DataType::LargeList(_) => list(py, &array.as_list::<i64>().value(place)),
        DataType::ListView(_) => list(py, &array.as_list_view::<i32>().value(place)),
        DataType::LargeListView(_) => list(py, &array.as_list_view::<i64>().value(place)),
        DataType::FixedSizeList(..) => list(py, &array.as_fixed_size_list().value(place)),
        DataType::Struct(fields) => {
            let object = PyDict::new(py);
            for (field, column) in fields.iter().zip(array.as_struct().columns()) {
                let key = PyString::intern(py, field.name());
                object.set_item(key, value(py, column, place)?)?;
            }
            Ok(object.into_any())
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(place);
            let (keys, values) = (entries.column(0), entries.column(1));
            let pairs: PyResult<Vec<_>> = (0..entries.len())
                .map(|place| Ok((value(py, keys, place)?, value(py, values, place)?)))
                .collect();
            Ok(PyList::new(py, pairs?)?.into_any())
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let key = position(dictionary.keys(), place)?;
            value(py, dictionary.values(), key)
        }
        DataType::RunEndEncoded(ends, _) => {
            let (values, place) = match ends.data_type() {
                DataType::Int16 => run::<Int16Type>(array, place),
                DataType::Int32 => run::<Int32Type>(array, place),
                _ => run::<Int64Type>(array, place),
            };
            value(py, values, place)
        }
        other => Err(PyTypeError::new_err(format!(
            "values of type {other} have no equal in Python"
        ))),
    }
}

fn list<'py>(py: Python<'py>, array: &ArrayRef) -> PyResult<Bound<'py, PyAny>> {
    Ok(values(py, array)?.into_any())
}

fn run<T: RunEndIndexType>(array: &dyn Array, place: usize) -> (&dyn Array, usize) {
    let runs = array.as_run::<T>();
    (runs.values().as_ref(), runs.get_physical_index(place))
}

/// The key at a place of a dictionary's keys.
fn position(keys: &dyn Array, place: usize) -> PyResult<usize> {
    Ok(match keys.data_type() {
        DataType::Int8 => keys.as_primitive::<Int8Type>().value(place).try_into()?,
        DataType::Int16 => keys.as_primitive::<Int16Type>().value(place).try_into()?,
        DataType::Int32 => keys.as_primitive::<Int32Type>().value(place).try_into()?,
        DataType::Int64 => keys.as_primitive::<Int64Type>().value(place).try_into()?,
        DataType::UInt8 => keys.as_primitive::<UInt8Type>().value(place).into(),
        DataType::UInt16 => keys.as_primitive::<UInt16Type>().value(place).into(),
        DataType::UInt32 => keys.as_primitive::<UInt32Type>().value(place).try_into()?,
        _ => keys.as_primitive::<UInt64Type>().value(place).try_into()?,
    })
}

/// The number that stands for a point or a length of time.
fn integer(array: &dyn Array, place: usize) -> i64 {
    use TimeUnit::*;
    match array.data_type() {
        DataType::Time32(Second) => array.as_primitive::<Time32SecondType>().value(place).into(),
        DataType::Time32(_) => array
            .as_primitive::<Time32MillisecondType>()
            .value(place)
            .into(),
        DataType::Time64(Microsecond) => array.as_primitive::<Time64MicrosecondType>().value(place),
        DataType::Time64(_) => array.as_primitive::<Time64NanosecondType>().value(place),
        DataType::Timestamp(Second, _) => array.as_primitive::<TimestampSecondType>().value(place),
        DataType::Timestamp(Millisecond, _) => array
            .as_primitive::<TimestampMillisecondType>()
            .value(place),
        DataType::Timestamp(Microsecond, _) => array
            .as_primitive::<TimestampMicrosecondType>()
            .value(place),
        DataType::Timestamp(Nanosecond, _) => {
            array.as_primitive::<TimestampNanosecondType>().value(place)
        }
        DataType::Duration(Second) => array.as_primitive::<DurationSecondType>().value(place),
        DataType::Duration(Millisecond) => {
            array.as_primitive::<DurationMillisecondType>().value(place)
        }
        DataType::Duration(Microsecond) => {
            array.as_primitive::<DurationMicrosecondType>().value(place)
        }
        _ => array.as_primitive::<DurationNanosecondType>().value(place),
    }
}

fn beyond() -> PyErr {
    PyOverflowError::new_err(
        "a value is outside of what Python's datetime can hold; `take` gives it as Arrow has it",
    )
}

/// Microseconds; nanoseconds are cut.
fn micros(number: i64, unit: TimeUnit) -> PyResult<i64> {
    match unit {
        TimeUnit::Second => number.checked_mul(1_000_000),
        TimeUnit::Millisecond => number.checked_mul(1000),
        TimeUnit::Microsecond => Some(number),
        TimeUnit::Nanosecond => Some(number.div_euclid(1000)),
    }
    .ok_or_else(beyond)
}

/// Year, month and day of the `days`th day since 1970, in the calendar that Python uses.
fn civil(days: i64) -> PyResult<(i32, u8, u8)> {
    // From year 1 to 9999.
    if !(-719_162..=2_932_896).contains(&days) {
        return Err(beyond());
    }
    // Days since 0000-03-01, in eras of 400 years.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year + era * 400 + i64::from(month <= 2);
    Ok((
        i32::try_from(year)?,
        u8::try_from(month)?,
        u8::try_from(day)?,
    ))
}

fn date(py: Python<'_>, days: i64) -> PyResult<Bound<'_, PyAny>> {
    let (year, month, day) = civil(days)?;
    Ok(PyDate::new(py, year, month, day)?.into_any())
}

/// Hour, minute, second and microsecond.
fn clock(micros: i64) -> PyResult<(u8, u8, u8, u32)> {
    let seconds = micros / 1_000_000;
    Ok((
        u8::try_from(seconds / 3600)?,
        u8::try_from(seconds / 60 % 60)?,
        u8::try_from(seconds % 60)?,
        u32::try_from(micros % 1_000_000)?,
    ))
}

fn time(py: Python<'_>, micros: i64) -> PyResult<Bound<'_, PyAny>> {
    if !(0..MICROS_OF_DAY).contains(&micros) {
        return Err(beyond());
    }
    let (hour, minute, second, micro) = clock(micros)?;
    Ok(PyTime::new(py, hour, minute, second, micro, None)?.into_any())
}

fn timestamp<'py>(
    py: Python<'py>,
    number: i64,
    unit: TimeUnit,
    zone: Option<&str>,
) -> PyResult<Bound<'py, PyAny>> {
    let micros = micros(number, unit)?;
    let (year, month, day) = civil(micros.div_euclid(MICROS_OF_DAY))?;
    let (hour, minute, second, micro) = clock(micros.rem_euclid(MICROS_OF_DAY))?;
    let at = |zone: Option<&Bound<'py, PyTzInfo>>| {
        PyDateTime::new(py, year, month, day, hour, minute, second, micro, zone)
    };
    let Some(zone) = zone else {
        return Ok(at(None)?.into_any());
    };
    let utc = PyTzInfo::utc(py)?;
    let time = at(Some(&utc))?;
    if zone == "UTC" {
        return Ok(time.into_any());
    }
    time.call_method1("astimezone", (tzinfo(py, zone)?,))
}

/// A zone by its name, or by its distance from UTC: `+05:30`.
fn tzinfo<'py>(py: Python<'py>, zone: &str) -> PyResult<Bound<'py, PyAny>> {
    static ZONE_INFO: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if let Some(minutes) = offset_minutes(zone) {
        let offset = PyDelta::new(py, 0, minutes * 60, 0, true)?;
        return Ok(PyTzInfo::fixed_offset(py, offset)?.into_any());
    }
    let class = ZONE_INFO.get_or_try_init(py, || {
        PyResult::Ok(py.import("zoneinfo")?.getattr("ZoneInfo")?.unbind())
    })?;
    class.bind(py).call1((zone,))
}

fn offset_minutes(zone: &str) -> Option<i32> {
    let (sign, rest) = match zone.as_bytes().first()? {
        b'+' => (1, &zone[1..]),
        b'-' => (-1, &zone[1..]),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|&c| c != ':').collect();
    let (hours, minutes) = (digits.get(..2)?, digits.get(2..).unwrap_or_default());
    let minutes: i32 = if minutes.is_empty() {
        0
    } else {
        minutes.parse().ok()?
    };
    Some(sign * (hours.parse::<i32>().ok()? * 60 + minutes))
}

fn decimal<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    static DECIMAL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = DECIMAL.get_or_try_init(py, || {
        PyResult::Ok(py.import("decimal")?.getattr("Decimal")?.unbind())
    })?;
    class.bind(py).call1((text,))
}
