//! Types of columns on the command line.

use arrow_schema::{DataType, TimeUnit};

/// A column and its type.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnType {
    pub column: String,
    pub data_type: DataType,
}

/// Reads `a=int64,b=decimal(10,2)`: commas within brackets do not part.
pub fn parse(text: &str) -> Result<Vec<ColumnType>, String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    for c in text.chars() {
        match c {
            '(' | '<' => depth += 1,
            ')' | '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if c == ',' && depth == 0 {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    let one = |part: String| {
        let (column, name) = part
            .rsplit_once('=')
            .ok_or_else(|| format!("{part:?}: expected COLUMN=TYPE, as in delay=float64"))?;
        let data_type = parse_type(name.trim()).ok_or_else(|| {
            format!(
                "{name:?} is no type; there are bool, int8 to int64, uint8 to uint64, float32, float64, utf8, binary, date, \
                 time, timestamp, timestamp(UTC), decimal(10,2), and those that Arrow prints"
            )
        })?;
        Ok(ColumnType {
            column: column.to_owned(),
            data_type,
        })
    };
    parts.into_iter().map(one).collect()
}

fn parse_type(name: &str) -> Option<DataType> {
    let lower = name.to_ascii_lowercase();
    Some(match lower.as_str() {
        "bool" | "boolean" => DataType::Boolean,
        "int8" => DataType::Int8,
        "int16" => DataType::Int16,
        "int32" => DataType::Int32,
        "int64" | "int" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "float32" => DataType::Float32,
        "float64" | "float" => DataType::Float64,
        "utf8" | "text" | "string" => DataType::Utf8,
        "large_utf8" => DataType::LargeUtf8,
        "binary" => DataType::Binary,
        "date" | "date32" => DataType::Date32,
        "time" => DataType::Time64(TimeUnit::Microsecond),
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamp(utc)" => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        other => {
            let inside = other
                .strip_prefix("decimal(")
                .and_then(|rest| rest.strip_suffix(')'));
            if let Some((precision, scale)) = inside.and_then(|inside| inside.split_once(',')) {
                let precision: u8 = precision.trim().parse().ok()?;
                let scale: i8 = scale.trim().parse().ok()?;
                let fits =
                    (1..=38).contains(&precision) && i16::from(scale) <= i16::from(precision);
                return fits.then_some(DataType::Decimal128(precision, scale));
            }
            return name.parse().ok();
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read() {
        let parsed = parse("a=utf8,b=Decimal(10, 2),c=d=Timestamp(UTC),e=Duration(ms)").unwrap();
        let names: Vec<&str> = parsed.iter().map(|one| one.column.as_str()).collect();
        assert_eq!(names, ["a", "b", "c=d", "e"]);
        assert_eq!(parsed[1].data_type, DataType::Decimal128(10, 2));
        assert!(parse("a").unwrap_err().contains("COLUMN=TYPE"));
        assert!(parse("a=number").unwrap_err().contains("is no type"));
        assert!(parse("a=decimal(99,2)").is_err());
    }
}
