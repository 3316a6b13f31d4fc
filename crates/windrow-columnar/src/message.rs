//! Schema messages that the library turns into a schema: it panics over all others.

use arrow_ipc::{DateUnit, Field, IntervalUnit, Precision, TimeUnit, Type};

/// What is wrong with a message.
pub(crate) type Checked = Result<(), &'static str>;

/// Checks that a schema message has types that there are, each with its parts.
pub(crate) fn check_message(message: &[u8]) -> Checked {
    let Some((&[0xff, 0xff, 0xff, 0xff, a, b, c, d], body)) = message.split_first_chunk() else {
        return Err("it does not begin as a message does");
    };
    if u32::from_le_bytes([a, b, c, d]) as usize != body.len() {
        return Err("its size is not that of what follows");
    }
    let root = arrow_ipc::root_as_message(body).map_err(|_| "it is no flatbuffer of a message")?;
    let schema = root.header_as_schema().ok_or("it holds no schema")?;
    if schema.endianness() != arrow_ipc::Endianness::Little {
        return Err("its values are not little-endian");
    }
    let fields = schema.fields().ok_or("it has no fields")?;
    fields.iter().try_for_each(check_field)
}

const TYPE: &str = "a type of it is none that there is";

fn check_field(field: Field<'_>) -> Checked {
    if let Some(dictionary) = field.dictionary() {
        let index = dictionary.indexType().ok_or(TYPE)?;
        check(matches!(index.bitWidth(), 8 | 16 | 32 | 64))?;
    }
    let children = field.children();
    let count = children.as_ref().map_or(0, |children| children.len());
    match field.type_type() {
        Type::Null | Type::Bool => {}
        Type::Binary | Type::BinaryView | Type::LargeBinary => {}
        Type::Utf8 | Type::Utf8View | Type::LargeUtf8 => {}
        Type::Int => {
            let int = field.type_as_int().ok_or(TYPE)?;
            check(matches!(int.bitWidth(), 8 | 16 | 32 | 64))?;
        }
        Type::FixedSizeBinary => {
            let binary = field.type_as_fixed_size_binary().ok_or(TYPE)?;
            check(binary.byteWidth() >= 0)?;
        }
        Type::FloatingPoint => {
            let float = field.type_as_floating_point().ok_or(TYPE)?;
            let known = [Precision::HALF, Precision::SINGLE, Precision::DOUBLE];
            check(known.contains(&float.precision()))?;
        }
        Type::Date => {
            let date = field.type_as_date().ok_or(TYPE)?;
            check([DateUnit::DAY, DateUnit::MILLISECOND].contains(&date.unit()))?;
        }
        Type::Time => {
            let time = field.type_as_time().ok_or(TYPE)?;
            let known = match time.bitWidth() {
                32 => [TimeUnit::SECOND, TimeUnit::MILLISECOND],
                64 => [TimeUnit::MICROSECOND, TimeUnit::NANOSECOND],
                _ => return Err(TYPE),
            };
            check(known.contains(&time.unit()))?;
        }
        Type::Timestamp => check_unit(field.type_as_timestamp().ok_or(TYPE)?.unit())?,
        Type::Duration => check_unit(field.type_as_duration().ok_or(TYPE)?.unit())?,
        Type::Interval => {
            let interval = field.type_as_interval().ok_or(TYPE)?;
            let known = [
                IntervalUnit::YEAR_MONTH,
                IntervalUnit::DAY_TIME,
                IntervalUnit::MONTH_DAY_NANO,
            ];
            check(known.contains(&interval.unit()))?;
        }
        Type::Decimal => {
            let decimal = field.type_as_decimal().ok_or(TYPE)?;
            // The digits that fit.
            let most = match decimal.bitWidth() {
                32 => 9,
                64 => 18,
                128 => 38,
                256 => 76,
                _ => return Err(TYPE),
            };
            check((1..=most).contains(&decimal.precision()))?;
            check(i8::try_from(decimal.scale()).is_ok())?;
        }
        Type::List | Type::LargeList | Type::ListView | Type::LargeListView => check(count == 1)?,
        Type::FixedSizeList => {
            let list = field.type_as_fixed_size_list().ok_or(TYPE)?;
            check(count == 1 && list.listSize() >= 0)?;
        }
        Type::Struct_ => {}
        Type::RunEndEncoded => check(count == 2)?,
        Type::Map => {
            field.type_as_map().ok_or(TYPE)?;
            check(count == 1)?;
        }
        Type::Union => return Err("a type of it is a union"),
        _ => return Err(TYPE),
    }
    children.iter().flatten().try_for_each(check_field)
}

fn check_unit(unit: TimeUnit) -> Checked {
    check(
        [
            TimeUnit::SECOND,
            TimeUnit::MILLISECOND,
            TimeUnit::MICROSECOND,
            TimeUnit::NANOSECOND,
        ]
        .contains(&unit),
    )
}

fn check(known: bool) -> Checked {
    if known { Ok(()) } else { Err(TYPE) }
}
