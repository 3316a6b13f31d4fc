//! Values of comparisons in the steps of a column's type.
//!
//! Whole numbers, decimals, dates and times are counts of steps: of 1, of a power of ten, of a unit of time. A value between two
//! steps, or beyond all of them, is none that the column can have, but it stands in an order with all that it can have; so
//! the comparison is turned into one with a step next to the value, which is true for the same rows.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::i256;
use arrow_schema::{DataType, TimeUnit};

use crate::predicate::{Comparison, of_bound};
use crate::statistics::Bound;

/// Digits that no count of steps has.
const TOO_MANY_DIGITS: i64 = 78;

/// A value in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Steps {
    /// Below all counts.
    Below,
    /// This count, or between it and the next one.
    At { floor: i256, is_exact: bool },
    /// Above all counts.
    Above,
}

/// The comparison with a value of the column's type that is true for the same rows; `None` if the type has no steps, or the value
/// none of them.
pub(crate) fn in_steps(
    data_type: &DataType,
    comparison: Comparison,
    value: &ArrayRef,
) -> Option<(Comparison, ArrayRef)> {
    use Comparison::*;
    if value.is_null(0) {
        return None;
    }
    let steps = match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => of_number(value, *scale, false)?,
        whole if whole.is_integer() => of_number(value, 0, true)?,
        times => of_time(times, value)?,
    };
    let (least, most) = limits(data_type)?;
    let (comparison, count) = match steps {
        Steps::At { floor, is_exact } if least <= floor && floor <= most => {
            let comparison = match comparison {
                _ if is_exact => comparison,
                Less | LessOrEqual => LessOrEqual,
                Greater | GreaterOrEqual => Greater,
                // None is equal, all are unequal.
                Equal => return Some((Less, array(least, data_type)?)),
                NotEqual => return Some((GreaterOrEqual, array(least, data_type)?)),
            };
            (comparison, floor)
        }
        Steps::At { floor, .. } if floor > most => beyond(comparison, most),
        Steps::Above => beyond(comparison, most),
        _ => match comparison {
            Greater | GreaterOrEqual | NotEqual => (GreaterOrEqual, least),
            Less | LessOrEqual | Equal => (Less, least),
        },
    };
    Some((comparison, array(count, data_type)?))
}

/// The comparison with a value above all that there are.
fn beyond(comparison: Comparison, most: i256) -> (Comparison, i256) {
    use Comparison::*;
    match comparison {
        Less | LessOrEqual | NotEqual => (LessOrEqual, most),
        Greater | GreaterOrEqual | Equal => (Greater, most),
    }
}

/// The least and the largest count of a type. Decimals may have more digits than their precision, as nobody checks.
fn limits(data_type: &DataType) -> Option<(i256, i256)> {
    let bits = data_type.primitive_width()?.checked_mul(8)?;
    let is_unsigned = data_type.is_unsigned_integer();
    let unused = if is_unsigned { 255 } else { 256_usize }.checked_sub(bits)?;
    let most = i256::MAX >> u8::try_from(unused).ok()?;
    let least = if is_unsigned {
        i256::ZERO
    } else {
        most.wrapping_neg().wrapping_sub(i256::ONE)
    };
    Some((least, most))
}

/// An array of one count.
fn array(count: i256, data_type: &DataType) -> Option<ArrayRef> {
    let bytes = count.to_le_bytes();
    let bound = Bound {
        bytes: bytes.get(..data_type.primitive_width()?)?.to_vec(),
        is_value: true,
    };
    of_bound(&bound, data_type)
}

/// A number in steps of ten to the power of `-scale`. A float is the number that it is where the column has `whole` numbers,
/// which it may have been computed for; with decimals it stands for the shortest one that is read as this float.
fn of_number(value: &ArrayRef, scale: i8, whole: bool) -> Option<Steps> {
    let data_type = value.data_type();
    if data_type.is_floating() {
        let value = arrow_cast::cast(value, &DataType::Float64).ok()?;
        let value = value.as_primitive::<Float64Type>().value(0);
        return match value {
            // As among floats.
            _ if value.is_nan() || value == f64::INFINITY => Some(Steps::Above),
            f64::NEG_INFINITY => Some(Steps::Below),
            _ if whole => match of_text(&format!("{:.0}", value.floor()), scale)? {
                Steps::At { floor, .. } => Some(Steps::At {
                    floor,
                    is_exact: value.fract() == 0.0,
                }),
                beyond => Some(beyond),
            },
            _ => of_text(&value.to_string(), scale),
        };
    }
    let is_number = data_type.is_integer() || data_type.is_decimal();
    if !is_number && !is_text(data_type) {
        return None;
    }
    let text = arrow_cast::cast(value, &DataType::Utf8).ok()?;
    of_text(text.as_string::<i32>().value(0), scale)
}

pub(crate) fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

/// A number in digits, perhaps with a point and an exponent.
fn of_text(text: &str, scale: i8) -> Option<Steps> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, exponent) = match digits.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i64>().ok()?),
        None => (digits, 0),
    };
    let (front, behind) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = [front, behind].concat();
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let of_value = digits.trim_start_matches('0');
    let zeros = digits.len().checked_sub(of_value.len())?;
    // Digits in front of the point, once it was moved.
    let in_front = i64::try_from(front.len())
        .ok()?
        .saturating_sub(i64::try_from(zeros).ok()?)
        .saturating_add(exponent)
        .saturating_add(scale.into());
    let beyond = if is_negative {
        Steps::Below
    } else {
        Steps::Above
    };
    if of_value.is_empty() {
        return Some(Steps::At {
            floor: i256::ZERO,
            is_exact: true,
        });
    }
    if in_front >= TOO_MANY_DIGITS {
        return Some(beyond);
    }
    let in_front = usize::try_from(in_front).unwrap_or(0);
    let (whole, rest) = of_value
        .split_at_checked(in_front)
        .unwrap_or((of_value, ""));
    let is_exact = rest.bytes().all(|digit| digit == b'0');
    let Some(whole) = i256::from_string(&format!("0{whole:0<in_front$}")) else {
        return Some(beyond);
    };
    let floor = match (is_negative, is_exact) {
        (false, _) => whole,
        (true, true) => whole.wrapping_neg(),
        (true, false) => whole.wrapping_neg().wrapping_sub(i256::ONE),
    };
    Some(Steps::At { floor, is_exact })
}

const DAY: i128 = 86_400_000_000_000;

/// Nanoseconds of a step of a type of dates or times.
fn nanoseconds(data_type: &DataType) -> Option<i128> {
    let of_unit = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1000,
        TimeUnit::Nanosecond => 1,
    };
    Some(match data_type {
        DataType::Date32 => DAY,
        DataType::Date64 => of_unit(&TimeUnit::Millisecond),
        DataType::Timestamp(unit, _)
        | DataType::Time32(unit)
        | DataType::Time64(unit)
        | DataType::Duration(unit) => of_unit(unit),
        _ => return None,
    })
}

/// A date, a time or a duration in steps of another type of its kind.
fn of_time(data_type: &DataType, value: &ArrayRef) -> Option<Steps> {
    use DataType::*;
    let step = nanoseconds(data_type)?;
    // The finest unit in which the value has a count.
    let units = [
        TimeUnit::Nanosecond,
        TimeUnit::Microsecond,
        TimeUnit::Millisecond,
        TimeUnit::Second,
    ];
    let own = value.data_type();
    let forms: Vec<DataType> = match (data_type, own) {
        (Timestamp(_, zone), Timestamp(unit, _)) => vec![Timestamp(*unit, zone.clone())],
        (Timestamp(_, zone), Date32 | Date64) => vec![Timestamp(TimeUnit::Second, zone.clone())],
        (Timestamp(_, zone), text) if is_text(text) => {
            units.map(|unit| Timestamp(unit, zone.clone())).into()
        }
        (Date32 | Date64, text) if is_text(text) => units.map(|unit| Timestamp(unit, None)).into(),
        (Time32(_) | Time64(_), text) if is_text(text) => vec![Time64(TimeUnit::Nanosecond)],
        (Date32 | Date64, Date32 | Date64 | Timestamp(_, None))
        | (Time32(_) | Time64(_), Time32(_) | Time64(_))
        | (Duration(_), Duration(_)) => vec![own.clone()],
        _ => return None,
    };
    let (form, counted) = forms.into_iter().find_map(|form| {
        let counted = arrow_cast::cast(value, &form).ok()?;
        counted.is_valid(0).then_some((form, counted))
    })?;
    let count = arrow_cast::cast(&counted, &Int64).ok()?;
    let count = i128::from(count.as_primitive::<Int64Type>().value(0));
    let nanoseconds = count.checked_mul(nanoseconds(&form)?)?;
    Some(Steps::At {
        floor: i256::from_i128(nanoseconds.div_euclid(step)),
        is_exact: nanoseconds.rem_euclid(step) == 0,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{
        Date32Array, Decimal128Array, Float64Array, Int8Array, Int64Array, RecordBatch,
        StringArray, Time32SecondArray, Time64MicrosecondArray, TimestampMicrosecondArray,
        TimestampMillisecondArray, UInt8Array, UInt64Array,
    };

    use super::*;
    use crate::predicate::Predicate;
    use crate::schema::ColumnSchema;
    use crate::statistics::{Bounds, GroupStatistics, NodeStatistics};

    type Holds = fn(f64, f64) -> bool;

    const ALL: [(Comparison, Holds); 6] = [
        (Comparison::Equal, |a, b| a == b),
        (Comparison::NotEqual, |a, b| a != b),
        (Comparison::Less, |a, b| a < b),
        (Comparison::LessOrEqual, |a, b| a <= b),
        (Comparison::Greater, |a, b| a > b),
        (Comparison::GreaterOrEqual, |a, b| a >= b),
    ];

    /// Checks every comparison of `column`, whose values are `numbers` and nulls, with `value`, which is `number`.
    fn check(column: &ArrayRef, numbers: &[Option<f64>], value: &ArrayRef, number: f64) {
        let field = arrow_schema::Field::new("x", column.data_type().clone(), true);
        let schema = Arc::new(arrow_schema::Schema::new(vec![field]));
        let rows = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::clone(column)]).unwrap();
        let schema = ColumnSchema::new(schema).unwrap();
        for (comparison, holds) in ALL {
            let predicate = Predicate::Compare {
                column: "x".into(),
                comparison,
                value: Arc::clone(value),
            };
            for is_negated in [false, true] {
                let predicate = if is_negated {
                    Predicate::Not(Box::new(predicate.clone()))
                } else {
                    predicate.clone()
                };
                let bound = predicate.bind(&schema).unwrap();
                let found: Vec<bool> = bound.evaluate(&rows).unwrap().iter().collect();
                let expected: Vec<bool> = numbers
                    .iter()
                    .map(|own| own.is_some_and(|own| holds(own, number) != is_negated))
                    .collect();
                assert_eq!(
                    found, expected,
                    "{comparison:?} {number} {value:?} {is_negated}"
                );
                let nulls = column.null_count() as u64;
                for (row, &matches) in expected.iter().enumerate() {
                    // Of a row group with this value and nulls only, everything is known.
                    if column.is_null(row) {
                        continue;
                    }
                    let data = column.slice(row, 1).to_data();
                    let width = column.data_type().primitive_width().unwrap();
                    let bytes = &data.buffers()[0].as_slice()[data.offset() * width..][..width];
                    let only = Some(Bound {
                        bytes: bytes.to_vec(),
                        is_value: true,
                    });
                    let nodes = vec![NodeStatistics {
                        nulls,
                        bounds: Bounds {
                            least: only.clone(),
                            most: only,
                        },
                    }];
                    let told = GroupStatistics {
                        data_hash: 0,
                        nodes,
                    };
                    assert_eq!(bound.may_match(&told, nulls + 1, &schema), matches);
                }
            }
        }
    }

    #[test]
    fn values_that_the_type_of_the_column_cannot_hold_compare_as_numbers() {
        let small = [Some(-128.0), Some(-1.0), None, Some(0.0), Some(127.0)];
        let i8s: ArrayRef = Arc::new(Int8Array::from(vec![
            Some(-128),
            Some(-1),
            None,
            Some(0),
            Some(127),
        ]));
        let unsigned = [Some(0.0), None, Some(7.0), Some(255.0)];
        let u8s: ArrayRef = Arc::new(UInt8Array::from(vec![Some(0), None, Some(7), Some(255)]));
        let tenths = [Some(-0.2), Some(0.2), None, Some(0.3)];
        let decimals = Decimal128Array::from(vec![Some(-2), Some(2), None, Some(3)]);
        let decimals: ArrayRef = Arc::new(decimals.with_precision_and_scale(8, 1).unwrap());
        let thousands = [Some(-2000.0), None, Some(0.0), Some(5000.0)];
        let rough = Decimal128Array::from(vec![Some(-2), None, Some(0), Some(5)]);
        let rough: ArrayRef = Arc::new(rough.with_precision_and_scale(8, -3).unwrap());
        let columns: [(&ArrayRef, &[Option<f64>]); 4] = [
            (&i8s, &small),
            (&u8s, &unsigned),
            (&decimals, &tenths),
            (&rough, &thousands),
        ];
        let texts = [
            "0",
            "-0",
            "+7",
            "0.2",
            "0.25",
            "-0.25",
            "-0.2",
            "5.5",
            "-1.5",
            "127.5",
            "-128.5",
            "-129",
            "128",
            "255",
            "256",
            "255.000",
            "1e2",
            "12e-1",
            "-1e-9",
            ".5",
            "1500",
            "5000.1",
            "1e30",
            "-1e30",
            "1e300",
            "-1e300",
            "9223372036854775808",
        ];
        for (column, numbers) in columns {
            for text in texts {
                let number: f64 = text.parse().unwrap();
                let value: ArrayRef = Arc::new(StringArray::from(vec![text]));
                check(column, numbers, &value, number);
                let value: ArrayRef = Arc::new(Float64Array::from(vec![number]));
                check(column, numbers, &value, number);
                if let Ok(whole) = text.parse::<i64>() {
                    let value: ArrayRef = Arc::new(Int64Array::from(vec![whole]));
                    check(column, numbers, &value, number);
                }
            }
            let largest: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
            check(column, numbers, &largest, u64::MAX as f64);
            for endless in [f64::INFINITY, f64::NEG_INFINITY] {
                let value: ArrayRef = Arc::new(Float64Array::from(vec![endless]));
                check(column, numbers, &value, endless);
            }
        }
    }

    #[test]
    fn a_float_is_the_number_that_it_is_beside_whole_numbers() {
        let least_lost = (1_i64 << 53) + 1;
        let column: ArrayRef = Arc::new(Int64Array::from(vec![least_lost]));
        let value: ArrayRef = Arc::new(Float64Array::from(vec![(1_u64 << 53) as f64]));
        let bound = |value: &ArrayRef| in_steps(column.data_type(), Comparison::Equal, value);
        let (comparison, bound) = bound(&value).unwrap();
        assert_eq!(comparison, Comparison::Equal);
        assert_eq!(bound.as_primitive::<Int64Type>().value(0), 1 << 53);
        let decimals = DataType::Decimal128(8, 1);
        let value: ArrayRef = Arc::new(Float64Array::from(vec![0.3]));
        let (comparison, _) = in_steps(&decimals, Comparison::Equal, &value).unwrap();
        assert_eq!(comparison, Comparison::Equal);
    }

    #[test]
    fn times_between_two_steps_compare() {
        let hours = |hours: f64| hours * 3600.0;
        // In seconds behind 1970.
        let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(-1), Some(0), None, Some(1)]));
        let in_days = [Some(hours(-24.0)), Some(0.0), None, Some(hours(24.0))];
        let millis = TimestampMillisecondArray::from(vec![Some(-1), Some(0), None, Some(1000)]);
        let millis: ArrayRef = Arc::new(millis);
        let in_millis = [Some(-0.001), Some(0.0), None, Some(1.0)];
        let clock: ArrayRef = Arc::new(Time32SecondArray::from(vec![Some(0), None, Some(60)]));
        let on_clock = [Some(0.0), None, Some(60.0)];
        for micros in [
            -86_400_000_000,
            -1001,
            -1000,
            -1,
            0,
            1,
            1_000_000,
            1_000_001,
            43_200_000_000,
        ] {
            let value: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![micros]));
            let seconds = micros as f64 / 1e6;
            check(&days, &in_days, &value, seconds);
            check(&millis, &in_millis, &value, seconds);
            if micros >= 0 {
                let value: ArrayRef = Arc::new(Time64MicrosecondArray::from(vec![micros]));
                check(&clock, &on_clock, &value, seconds);
            }
        }
        for (text, seconds) in [
            ("1970-01-01", 0.0),
            ("1970-01-01T00:00:00.0004", 0.0004),
            ("1970-01-01T12:00:00", hours(12.0)),
            ("1969-12-31T23:59:59.9995", -0.0005),
            ("9999-12-31", 253_402_214_400.0),
            ("1000-01-01", -30_610_224_000.0),
        ] {
            let value: ArrayRef = Arc::new(StringArray::from(vec![text]));
            check(&days, &in_days, &value, seconds);
            check(&millis, &in_millis, &value, seconds);
        }
        let value: ArrayRef = Arc::new(StringArray::from(vec!["00:00:59.5"]));
        check(&clock, &on_clock, &value, 59.5);
    }
}
