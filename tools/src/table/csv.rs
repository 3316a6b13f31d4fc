//! CSV as a table: fields, their types, and rows on the way out.

use std::collections::HashSet;
use std::io::BufRead;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::{Date32Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_cast::parse::Parser as _;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use csv_core::{ReadRecordResult, Reader};

use super::fault::{TableFault, TableUsage};
use super::source::{Failure, Hints};
use super::text::Texts;
use crate::convert::{Header, Input, MAX_RECORD_BYTES};

/// Rows of a batch, and bytes of its fields.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;
/// Bytes at the front that tell the types of the columns.
const SAMPLE_BYTES: usize = 4 << 20;

/// Takes rows apart.
#[derive(Debug)]
struct Rows {
    core: Box<Reader>,
    fields: Vec<u8>,
    ends: Vec<usize>,
    /// How many fields the last row had.
    len: usize,
    /// Where it began, counted from 1.
    line: u64,
}

impl Rows {
    fn new() -> Self {
        Self {
            core: Box::new(Reader::new()),
            fields: vec![0; 4096],
            ends: vec![0; 64],
            len: 0,
            line: 1,
        }
    }

    /// Reads the next row; `false` at the end.
    fn read(&mut self, input: &mut impl BufRead) -> Result<bool, Failure> {
        let (mut bytes, mut fields) = (0, 0);
        self.line = self.core.line();
        let mut ended = false;
        loop {
            let buffer = input.fill_buf()?;
            // At the end, a line end that may be missing: if it ends nothing, a quote is open, or there is no row.
            let is_end = buffer.is_empty();
            let part = match (is_end, ended) {
                (false, _) => buffer,
                (true, false) => b"\n",
                (true, true) => b"",
            };
            let (result, taken, written, ends) =
                self.core
                    .read_record(part, &mut self.fields[bytes..], &mut self.ends[fields..]);
            let is_last = ended && is_end;
            if !is_end {
                input.consume(taken);
            } else if taken > 0 {
                ended = true;
            }
            bytes += written;
            fields += ends;
            match result {
                ReadRecordResult::Record if is_last => {
                    return Err(self.fault(TableFault::OpenQuote));
                }
                ReadRecordResult::Record => {
                    self.len = fields;
                    return Ok(true);
                }
                ReadRecordResult::End => return Ok(false),
                ReadRecordResult::OutputFull => {
                    if bytes as u64 >= MAX_RECORD_BYTES {
                        let limit = MAX_RECORD_BYTES;
                        return Err(self.fault(TableFault::TooLarge { limit }));
                    }
                    self.fields.resize(self.fields.len() * 2, 0);
                }
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty => {}
            }
        }
    }

    fn fault(&self, fault: TableFault) -> Failure {
        Failure::Table {
            line: Some(self.line),
            fault,
        }
    }

    fn field(&self, number: usize) -> &[u8] {
        let begin = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.fields[begin..self.ends[number]]
    }
}

/// Reads CSV as record batches.
#[derive(Debug)]
pub struct CsvBatches {
    input: Input,
    rows: Rows,
    schema: SchemaRef,
    nulls: Vec<String>,
}

impl CsvBatches {
    pub fn open(mut input: Input, hints: &Hints<'_>) -> Result<Self, Failure> {
        let sample = input.peek(|head| head.len() < SAMPLE_BYTES)?;
        let is_all = sample.len() < SAMPLE_BYTES;
        let end = match sample.iter().rposition(|&byte| byte == b'\n') {
            // A row that the sample cuts tells nothing.
            Some(last) if !is_all => last + 1,
            _ => sample.len(),
        };
        let schema = infer(&sample[..end], is_all, hints)?;
        let mut rows = Rows::new();
        if hints.header != Header::None {
            rows.read(&mut input)?;
        }
        Ok(Self {
            input,
            rows,
            schema: Arc::new(schema),
            nulls: hints.nulls.to_vec(),
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
        let columns = self.schema.fields().len();
        let mut builders: Vec<StringBuilder> = (0..columns).map(|_| StringBuilder::new()).collect();
        let mut lines = Vec::with_capacity(BATCH_ROWS);
        let mut bytes = 0;
        while lines.len() < BATCH_ROWS && bytes < BATCH_BYTES {
            if !self.rows.read(&mut self.input)? {
                break;
            }
            if self.rows.len != columns {
                return Err(self.rows.fault(TableFault::FieldCount {
                    expected: columns,
                    found: self.rows.len,
                }));
            }
            lines.push(self.rows.line);
            for (number, builder) in builders.iter_mut().enumerate() {
                let field = self.rows.field(number);
                bytes += field.len();
                let Ok(text) = std::str::from_utf8(field) else {
                    let column = self.schema.field(number).name().clone();
                    return Err(self.rows.fault(TableFault::NotUtf8 { column }));
                };
                let is_text = is_text(self.schema.field(number).data_type());
                if is_null(text, is_text, &self.nulls) {
                    builder.append_null();
                } else {
                    builder.append_value(text);
                }
            }
        }
        if lines.is_empty() {
            return Ok(None);
        }
        let fields = self.schema.fields().iter();
        let arrays = fields
            .zip(&mut builders)
            .map(|(field, builder)| typed(builder.finish(), field, &lines))
            .collect::<Result<Vec<ArrayRef>, Failure>>()?;
        Ok(Some(RecordBatch::try_new(
            Arc::clone(&self.schema),
            arrays,
        )?))
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Binary
            | DataType::LargeBinary
    )
}

/// An empty field of another type than text can only be null; text is what `--null` says, by default where it is empty.
fn is_null(text: &str, is_text: bool, nulls: &[String]) -> bool {
    let is_listed = nulls.iter().any(|null| null == text);
    is_listed || text.is_empty() && (!is_text || nulls.is_empty())
}

fn typed(texts: StringArray, field: &Field, lines: &[u64]) -> Result<ArrayRef, Failure> {
    if field.data_type() == &DataType::Utf8 {
        return Ok(Arc::new(texts));
    }
    let options = CastOptions {
        safe: true,
        ..CastOptions::default()
    };
    let array = cast_with_options(&texts, field.data_type(), &options)?;
    if array.null_count() > texts.null_count() {
        let bad = (0..texts.len()).find(|&row| array.is_null(row) && texts.is_valid(row));
        let bad = bad.unwrap_or_default();
        return Err(Failure::Table {
            line: lines.get(bad).copied(),
            fault: TableFault::Value {
                column: field.name().clone(),
                data_type: field.data_type().to_string(),
                value: texts.value(bad).to_owned(),
            },
        });
    }
    Ok(array)
}

/// The schema that the front of a file tells.
fn infer(mut sample: &[u8], is_all: bool, hints: &Hints<'_>) -> Result<Schema, Failure> {
    let mut rows = Rows::new();
    if !rows.read(&mut sample)? || rows.len == 0 {
        return Err(rows.fault(TableFault::NoColumns));
    }
    let mut names = Vec::with_capacity(rows.len);
    let mut guesses = vec![Guess::default(); rows.len];
    for number in 0..rows.len {
        let name = if hints.header == Header::Keep {
            match std::str::from_utf8(rows.field(number)) {
                Ok(name) => name.to_owned(),
                Err(_) => {
                    let column = format!("{}", number + 1);
                    return Err(rows.fault(TableFault::NotUtf8 { column }));
                }
            }
        } else {
            format!("column_{}", number + 1)
        };
        names.push(name);
    }
    let mut known = HashSet::new();
    if let Some(twice) = names.iter().find(|name| !known.insert(name.as_str())) {
        let column = twice.clone();
        return Err(rows.fault(TableFault::ColumnTwice { column }));
    }
    let mut look = |rows: &Rows| {
        for (number, guess) in guesses.iter_mut().enumerate().take(rows.len) {
            if let Ok(text) = std::str::from_utf8(rows.field(number))
                && !is_null(text, false, hints.nulls)
            {
                guess.see(text);
            }
        }
    };
    if hints.header == Header::None {
        look(&rows);
    }
    loop {
        match rows.read(&mut sample) {
            Ok(true) => look(&rows),
            Ok(false) => break,
            // Of the row that the sample cuts. What is wrong with others is found again.
            Err(_) if !is_all => break,
            Err(_) => break,
        }
    }
    let fields = names.iter().zip(&guesses).map(|(name, guess)| {
        let data_type = hints.type_of(name).unwrap_or_else(|| guess.data_type());
        Field::new(name, data_type, true)
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    hints.check_columns(&schema)?;
    Ok(schema)
}

/// Which types all values of a column have.
#[derive(Debug, Clone)]
struct Guess {
    any: bool,
    whole: bool,
    number: bool,
    truth: bool,
    date: bool,
    time: bool,
    zoned: bool,
}

impl Default for Guess {
    fn default() -> Self {
        Self {
            any: false,
            whole: true,
            number: true,
            truth: true,
            date: true,
            time: true,
            zoned: true,
        }
    }
}

impl Guess {
    fn see(&mut self, text: &str) {
        self.any = true;
        let number = self.number && is_number(text);
        self.number = number;
        self.whole = number && self.whole && text.parse::<i64>().is_ok();
        self.truth =
            self.truth && (text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"));
        let looks = |pattern: &[u8]| {
            let fits = |(&byte, &wanted): (&u8, &u8)| match wanted {
                b'0' => byte.is_ascii_digit(),
                b' ' => byte == b' ' || byte == b'T',
                other => byte == other,
            };
            text.len() >= pattern.len()
                && text
                    .bytes()
                    .collect::<Vec<_>>()
                    .iter()
                    .zip(pattern)
                    .all(fits)
        };
        self.date = self.date
            && text.len() == 10
            && looks(b"0000-00-00")
            && Date32Type::parse(text).is_some();
        let stamp = (self.time || self.zoned)
            && looks(b"0000-00-00 00:00")
            && TimestampMicrosecondType::parse(text).is_some();
        let has_zone = text.ends_with(['Z', 'z'])
            || text.get(16..).is_some_and(|rest| rest.contains(['+', '-']));
        self.time = self.time && stamp && !has_zone;
        self.zoned = self.zoned && stamp && has_zone;
    }

    fn data_type(&self) -> DataType {
        match self {
            Self { any: false, .. } => DataType::Utf8,
            Self { whole: true, .. } => DataType::Int64,
            Self { number: true, .. } => DataType::Float64,
            Self { truth: true, .. } => DataType::Boolean,
            Self { date: true, .. } => DataType::Date32,
            Self { time: true, .. } => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self { zoned: true, .. } => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()))
            }
            _ => DataType::Utf8,
        }
    }
}

/// Whether text is a number that comes out as it went in: `007` and numbers too large for 64 bits are text.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if matches!(text, "NaN" | "nan" | "inf" | "-inf") {
        return true;
    }
    let padded = digits.len() > 1
        && digits.starts_with('0')
        && !digits.starts_with("0.")
        && !digits.starts_with("0e");
    if padded || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return false;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<i64>().is_ok();
    }
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Refuses columns that one field cannot hold.
pub fn check_flat(schema: &Schema) -> Result<(), TableUsage> {
    match schema
        .fields()
        .iter()
        .find(|field| field.data_type().is_nested())
    {
        Some(field) => Err(TableUsage::NestedInCsv {
            column: field.name().clone(),
            data_type: field.data_type().to_string(),
        }),
        None => Ok(()),
    }
}

/// Appends the names of the columns as a row.
pub fn push_header(schema: &Schema, out: &mut Vec<u8>) {
    for (number, field) in schema.fields().iter().enumerate() {
        push_field(field.name(), number, schema.fields().len(), out);
    }
    out.push(b'\n');
}

/// Appends rows, of which `first` were before them. A null is an empty field.
pub fn push_rows(batch: &RecordBatch, first: u64, out: &mut Vec<u8>) -> Result<(), TableFault> {
    let columns = Texts::of(batch, first, "")?;
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        for (number, texts) in columns.iter().enumerate() {
            text.clear();
            texts.push(row, &mut text)?;
            push_field(&text, number, columns.len(), out);
        }
        out.push(b'\n');
    }
    Ok(())
}

fn push_field(text: &str, number: usize, columns: usize, out: &mut Vec<u8>) {
    if number > 0 {
        out.push(b',');
    }
    let special = |byte: u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    // A row of one empty field would be an empty line, which is no row.
    if text.bytes().any(special) || (columns == 1 && text.is_empty()) {
        out.push(b'"');
        for byte in text.bytes() {
            if byte == b'"' {
                out.push(b'"');
            }
            out.push(byte);
        }
        out.push(b'"');
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}
