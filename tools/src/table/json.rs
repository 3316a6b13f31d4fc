//! JSON lines as a table.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io::BufReader;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_json::ReaderBuilder;
use arrow_json::reader::{Decoder, infer_json_schema};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize as _, Deserializer};

use super::fault::TableFault;
use super::numbers::Numbers;
use super::source::{Failure, Hints};
use crate::convert::{Fault, Input, JsonError, read_line};

/// Lines of a batch, and their bytes.
const BATCH_LINES: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;
/// Bytes at the front that tell the columns and their types.
const SAMPLE_BYTES: usize = 4 << 20;

/// Reads JSON lines as record batches.
#[derive(Debug)]
pub struct JsonBatches {
    input: Input,
    schema: SchemaRef,
    /// Values of other types become text where the types were given.
    coerce: bool,
    decoder: Decoder,
    /// Lines read so far.
    line: u64,
}

impl JsonBatches {
    pub fn open(mut input: Input, hints: &Hints<'_>) -> Result<Self, Failure> {
        let sample = input.peek(|head| head.len() < SAMPLE_BYTES)?;
        let end = match sample.iter().rposition(|&byte| byte == b'\n') {
            Some(last) if sample.len() >= SAMPLE_BYTES => last + 1,
            _ => sample.len(),
        };
        let order = check_lines(&sample[..end])?;
        let inferred = infer_json_schema(BufReader::new(&sample[..end]), None);
        let (inferred, _) = inferred.map_err(|error| Failure::Table {
            line: None,
            fault: TableFault::Inference(error),
        })?;
        let numbers = Numbers::of(&sample[..end], inferred.fields())?;
        let told = inferred.fields().iter().map(|field| {
            let data_type = match hints.type_of(field.name()) {
                Some(data_type) => data_type,
                None => numbers.in_field(field)?,
            };
            Ok(Field::new(field.name(), data_type, true))
        });
        let mut fields = told.collect::<Result<Vec<Field>, Failure>>()?;
        for (name, data_type) in hints.all() {
            if !fields.iter().any(|field| field.name() == name) {
                fields.push(Field::new(name, data_type, true));
            }
        }
        // In the order in which the lines name them.
        fields.sort_by_key(|field| order.get(field.name()).copied().unwrap_or(usize::MAX));
        // In the order of the table that is there already.
        if let Some(expected) = hints.expected {
            fields.sort_by_key(|field| expected.index_of(field.name()).unwrap_or(usize::MAX));
        }
        let schema = Arc::new(Schema::new(fields));
        let coerce = !hints.types.is_empty();
        Ok(Self {
            decoder: decoder(&schema, coerce)?,
            input,
            schema,
            coerce,
            line: 0,
        })
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub fn bytes_done(&self) -> u64 {
        self.input.taken()
    }

    /// The next rows; `None` at the end.
    pub fn next(&mut self) -> Result<Option<RecordBatch>, Failure> {
        let (mut lines, mut line) = (Vec::new(), Vec::new());
        // Number of each line, and where it ends.
        let mut ends: Vec<(u64, usize)> = Vec::new();
        while ends.len() < BATCH_LINES && lines.len() < BATCH_BYTES {
            line.clear();
            let more = read_line(&mut self.input, &mut line).map_err(|fault| match fault {
                Fault::Io(error) => Failure::Io(error),
                Fault::Input(_) => Failure::Table {
                    line: Some(self.line + 1),
                    fault: TableFault::TooLarge {
                        limit: crate::convert::MAX_RECORD_BYTES,
                    },
                },
            })?;
            if !more {
                break;
            }
            self.line += 1;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            lines.extend_from_slice(&line);
            lines.push(b'\n');
            ends.push((self.line, lines.len()));
        }
        if ends.is_empty() {
            return Ok(None);
        }
        match decode(&mut self.decoder, &lines) {
            Ok(Some(batch)) if batch.num_rows() == ends.len() => Ok(Some(batch)),
            _ => Err(self.find_fault(&lines, &ends)),
        }
    }

    /// Finds the line that is wrong.
    fn find_fault(&self, lines: &[u8], ends: &[(u64, usize)]) -> Failure {
        let mut begin = 0;
        for &(number, end) in ends {
            let line = &lines[begin..end];
            begin = end;
            let fault = match serde_json::from_slice::<IgnoredAny>(line) {
                Err(error) => Some(TableFault::NotJson(JsonError::new(error))),
                Ok(_) => {
                    let decoded = decoder(&self.schema, self.coerce)
                        .and_then(|mut decoder| decode(&mut decoder, line));
                    match decoded {
                        Ok(Some(batch)) if batch.num_rows() == 1 => None,
                        Ok(_) => Some(TableFault::NotObject),
                        Err(error) => Some(TableFault::JsonTypes(error)),
                    }
                }
            };
            if let Some(fault) = fault {
                let line = Some(number);
                return Failure::Table { line, fault };
            }
        }
        Failure::Table {
            line: ends.first().map(|(number, _)| *number),
            fault: TableFault::NotObject,
        }
    }
}

/// Finds what is not JSON before the types are told by it. Returns the names of the columns, each with its place.
fn check_lines(sample: &[u8]) -> Result<HashMap<String, usize>, Failure> {
    let mut order = HashMap::new();
    for (number, line) in sample.split(|&byte| byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let is_object = line.trim_ascii_start().first() == Some(&b'{');
        let mut reader = serde_json::Deserializer::from_slice(line);
        let names = if is_object {
            Names(&mut order).deserialize(&mut reader)
        } else {
            IgnoredAny::deserialize(&mut reader).map(|_| ())
        };
        let fault = match names.and_then(|()| reader.end()) {
            Err(error) => TableFault::NotJson(JsonError::new(error)),
            Ok(()) if !is_object => TableFault::NotObject,
            Ok(()) => continue,
        };
        return Err(Failure::Table {
            line: Some(number as u64 + 1),
            fault,
        });
    }
    Ok(order)
}

/// Collects the names of an object.
struct Names<'a>(&'a mut HashMap<String, usize>);

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            map.next_value::<IgnoredAny>()?;
            if !self.0.contains_key(name.as_ref()) {
                self.0.insert(name.into_owned(), self.0.len());
            }
        }
        Ok(())
    }
}

fn decoder(schema: &SchemaRef, coerce: bool) -> Result<Decoder, ArrowError> {
    ReaderBuilder::new(Arc::clone(schema))
        .with_batch_size(BATCH_LINES)
        .with_coerce_primitive(coerce)
        .with_strict_mode(true)
        .build_decoder()
}

fn decode(decoder: &mut Decoder, lines: &[u8]) -> Result<Option<RecordBatch>, ArrowError> {
    let taken = decoder.decode(lines)?;
    let batch = decoder.flush()?;
    // More values than lines.
    Ok(batch.filter(|_| lines[taken..].iter().all(u8::is_ascii_whitespace)))
}
