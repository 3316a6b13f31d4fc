//! Whole numbers of JSON that int64 does not hold.

use std::collections::HashMap;

use arrow_schema::{DataType, Field, FieldRef, Fields};
use serde_json::value::RawValue;

use super::fault::TableFault;
use super::source::Failure;

/// What the numbers of a column are, where lists hold the same as the column itself, and objects have columns of their own.
///
/// Arrow takes what does not fit into int64 for a float.
#[derive(Debug, Default)]
pub struct Numbers {
    fields: HashMap<String, Numbers>,
    has_fractions: bool,
    has_negatives: bool,
    /// The first that is above int64, with its line.
    large: Option<(u64, String)>,
    /// The first that uint64 does not hold either.
    huge: Option<(u64, String)>,
}

impl Numbers {
    /// Those of all `lines`, which are JSON. If no column is one of floats, there is nothing to look for.
    pub fn of(lines: &[u8], told: &Fields) -> Result<Self, Failure> {
        let mut numbers = Self::default();
        if !told.iter().any(|field| has_floats(field.data_type())) {
            return Ok(numbers);
        }
        for (number, line) in lines.split(|&byte| byte == b'\n').enumerate() {
            if let Ok(value) = serde_json::from_slice(line) {
                numbers.see(number as u64 + 1, value);
            }
        }
        Ok(numbers)
    }

    /// Adds those of a value, which does not stand deeper in itself than `serde_json` goes.
    fn see(&mut self, line: u64, value: &RawValue) {
        let text = value.get();
        match text.as_bytes().first() {
            Some(b'{') => {
                let values: HashMap<String, &RawValue> =
                    serde_json::from_str(text).unwrap_or_default();
                for (name, value) in values {
                    self.fields.entry(name).or_default().see(line, value);
                }
            }
            Some(b'[') => {
                let values: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
                for value in values {
                    self.see(line, value);
                }
            }
            Some(b'-' | b'0'..=b'9') => self.see_number(line, text),
            _ => {}
        }
    }

    fn see_number(&mut self, line: u64, text: &str) {
        self.has_fractions |= text.contains(['.', 'e', 'E']);
        self.has_negatives |= text.starts_with('-');
        if self.has_fractions || text.parse::<i64>().is_ok() {
            return;
        }
        let first = match text.parse::<u64>() {
            Ok(_) => &mut self.large,
            Err(_) => &mut self.huge,
        };
        first.get_or_insert_with(|| (line, text.to_owned()));
    }

    /// The type of a column of an object, which Arrow took for that of `field`.
    pub fn in_field(&self, field: &Field) -> Result<DataType, Failure> {
        let Some(numbers) = self.fields.get(field.name()) else {
            return Ok(field.data_type().clone());
        };
        numbers.data_type(field.name(), field.data_type())
    }

    fn data_type(&self, column: &str, told: &DataType) -> Result<DataType, Failure> {
        match told {
            DataType::Float64 if !self.has_fractions => match (&self.huge, &self.large) {
                (None, None) => Ok(DataType::Float64),
                (None, Some(_)) if !self.has_negatives => Ok(DataType::UInt64),
                (Some((line, value)), _) | (None, Some((line, value))) => Err(Failure::Table {
                    line: Some(*line),
                    fault: TableFault::Value {
                        column: column.to_owned(),
                        data_type: DataType::Int64.to_string(),
                        value: value.clone(),
                    },
                }),
            },
            DataType::List(item) => {
                let data_type = self.data_type(column, item.data_type())?;
                let item = Field::clone(item).with_data_type(data_type);
                Ok(DataType::List(item.into()))
            }
            DataType::Struct(fields) => {
                let fields = fields.iter().map(|field| {
                    let data_type = self.in_field(field)?;
                    Ok(Field::clone(field).with_data_type(data_type).into())
                });
                let fields: Vec<FieldRef> = fields.collect::<Result<_, Failure>>()?;
                Ok(DataType::Struct(fields.into()))
            }
            other => Ok(other.clone()),
        }
    }
}

fn has_floats(data_type: &DataType) -> bool {
    match data_type {
        DataType::Float64 => true,
        DataType::List(item) => has_floats(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_floats(field.data_type())),
        _ => false,
    }
}
