//! Lines and JSON lines: each line is a record.

use std::io::BufRead;

use serde::de::IgnoredAny;

use super::fault::{InputFault, JsonError, RecordFault};
use super::input::{Fault, Input, MAX_RECORD_BYTES};

/// The next line into `record`, without its `\n`; `false` at the end. A `\r` in front of the `\n` stays, so that lines
/// come out as they went in. A last line without `\n` is a record, too.
pub fn read(input: &mut Input, record: &mut Vec<u8>) -> Result<bool, Fault> {
    let mut any = false;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        if (record.len() + part.len()) as u64 > MAX_RECORD_BYTES {
            let limit = MAX_RECORD_BYTES;
            return Err(InputFault::TooLarge { limit }.into());
        }
        record.extend_from_slice(part);
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// The same, and the line must be JSON.
pub fn read_json(input: &mut Input, record: &mut Vec<u8>) -> Result<bool, Fault> {
    if !read(input, record)? {
        return Ok(false);
    }
    check_json(record).map_err(InputFault::NotJson)?;
    Ok(true)
}

fn check_json(record: &[u8]) -> Result<(), JsonError> {
    serde_json::from_slice::<IgnoredAny>(record)
        .map(|_| ())
        .map_err(JsonError::new)
}

/// Appends `record` to `out` as a line.
pub fn encode(record: &[u8], out: &mut Vec<u8>) -> Result<(), RecordFault> {
    push_line(record, "lines", out)
}

/// Appends `record` to `out` as a line, if it is JSON.
pub fn encode_json(record: &[u8], out: &mut Vec<u8>) -> Result<(), RecordFault> {
    push_line(record, "jsonl", out)?;
    check_json(record).map_err(RecordFault::NotJson)
}

fn push_line(record: &[u8], format: &'static str, out: &mut Vec<u8>) -> Result<(), RecordFault> {
    if record.contains(&b'\n') {
        return Err(RecordFault::LineBreak { format });
    }
    out.extend_from_slice(record);
    out.push(b'\n');
    Ok(())
}
