//! CSV: each row is a record, exactly as its bytes are in the file.
//!
//! Only where a row ends is found out here; fields are never taken apart. `csv-core` tells, which knows when a line
//! break lies within quotes. It skips empty rows and takes a lone `\r` for a line end, neither of which would come
//! out again, so it is told that `\n` alone ends rows, and it does not get to see empty ones.

use std::io::BufRead;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

use super::fault::{InputFault, RecordFault};
use super::input::{Fault, Input, MAX_RECORD_BYTES};

/// Finds the ends of rows.
#[derive(Debug)]
pub struct Rows {
    core: Box<Reader>,
    /// Whether the first row ended in `\r\n`: then `\r` is part of the line end. `None` before the first row.
    crlf: Option<bool>,
}

impl Rows {
    pub fn new() -> Self {
        Self {
            core: Box::new(core()),
            crlf: None,
        }
    }

    /// Whether rows end in `\r\n`, as the first row tells.
    pub fn crlf(&self) -> bool {
        self.crlf == Some(true)
    }

    /// The next row into `row`, without its line end; `false` at the end.
    pub fn read(&mut self, input: &mut Input, row: &mut Vec<u8>) -> Result<bool, Fault> {
        let mut in_row = false;
        loop {
            let buffer = input.fill_buf()?;
            if buffer.is_empty() {
                if !in_row {
                    return Ok(false);
                }
                // The last row may lack its line end. If one does not end it, it is still within quotes.
                if !feed(&mut self.core, b"\n").0 {
                    return Err(InputFault::OpenQuote.into());
                }
                // No row ended in \n, so this one is all of the file, and it holds what was meant to be many.
                if self.crlf.is_none() && has_bare_return(row) {
                    return Err(InputFault::LoneReturns.into());
                }
                return Ok(true);
            }
            let (ended, used) = if !in_row && buffer[0] == b'\n' {
                (true, 1)
            } else {
                feed(&mut self.core, buffer)
            };
            in_row = true;
            if (row.len() + used) as u64 > MAX_RECORD_BYTES {
                let limit = MAX_RECORD_BYTES;
                return Err(InputFault::TooLarge { limit }.into());
            }
            row.extend_from_slice(&buffer[..used]);
            input.consume(used);
            if ended {
                row.pop();
                let crlf = row.last() == Some(&b'\r');
                if *self.crlf.get_or_insert(crlf) && crlf {
                    row.pop();
                }
                return Ok(true);
            }
        }
    }
}

/// Whether there is a `\r` outside quotes.
fn has_bare_return(row: &[u8]) -> bool {
    let mut quoted = false;
    row.iter().any(|&byte| {
        quoted ^= byte == b'"';
        byte == b'\r' && !quoted
    })
}

fn core() -> Reader {
    ReaderBuilder::new()
        .terminator(Terminator::Any(b'\n'))
        .build()
}

/// Feeds `bytes` until a row ends, and tells whether one did and how many bytes were taken.
fn feed(core: &mut Reader, bytes: &[u8]) -> (bool, usize) {
    // The fields themselves are thrown away.
    let (mut fields, mut ends) = ([0; 4096], [0; 256]);
    let mut used = 0;
    while used < bytes.len() {
        let (result, taken, _, _) = core.read_record(&bytes[used..], &mut fields, &mut ends);
        used += taken;
        if result == ReadRecordResult::Record {
            return (true, used);
        }
    }
    (false, used)
}

/// Writes rows that [`Rows`] reads back as the same records.
#[derive(Debug)]
pub struct RowWriter {
    core: Box<Reader>,
    line_end: &'static [u8],
    /// No row yet: the next one tells a reader the line end.
    first: bool,
    /// `core` has seen nothing yet: it takes a byte order mark in front of the first row that it sees.
    fresh: bool,
}

impl RowWriter {
    pub fn new(crlf: bool) -> Self {
        Self {
            core: Box::new(core()),
            line_end: if crlf { b"\r\n" } else { b"\n" },
            first: true,
            fresh: true,
        }
    }

    /// Appends `record` to `out` as a row.
    pub fn encode(&mut self, record: &[u8], out: &mut Vec<u8>) -> Result<(), RecordFault> {
        let begin = out.len();
        out.extend_from_slice(record);
        out.extend_from_slice(self.line_end);
        let row = &out[begin..];
        let crlf = self.line_end == b"\r\n";
        let misleading = !crlf && self.first && record.last() == Some(&b'\r');
        if misleading || record.first() == Some(&b'\n') {
            return Err(RecordFault::NotOneRow);
        }
        self.first = false;
        let in_doubt = self.fresh || record.iter().any(|&byte| byte == b'"' || byte == b'\n');
        if in_doubt && row != b"\n" {
            self.fresh = false;
            if feed(&mut self.core, row) != (true, row.len()) {
                return Err(RecordFault::NotOneRow);
            }
        }
        Ok(())
    }
}
