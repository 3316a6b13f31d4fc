//! Standard output, and how numbers look on it.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::Path;

use serde::Serialize;
use windrow::ChunkRole;

use crate::error::CliError;

/// Bytes collected before they go out: records are often small.
const BUFFER_BYTES: usize = 256 << 10;

/// Standard output, locked and buffered. Call [`finish`](Self::finish) at the end: what is dropped before may be lost.
#[derive(Debug)]
pub struct Stdout(BufWriter<StdoutLock<'static>>);

impl Stdout {
    pub fn lock() -> Self {
        Self(BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock()))
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.0.write_all(bytes).map_err(CliError::Stdout)
    }

    pub fn line(&mut self, text: &str) -> Result<(), CliError> {
        self.write(text.as_bytes())?;
        self.write(b"\n")
    }

    /// One JSON value on one line.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        serde_json::to_writer(&mut self.0, value)
            .map_err(|error| CliError::Stdout(error.into()))?;
        self.write(b"\n")
    }

    /// Hands on what is buffered, so that words on standard error come after it.
    pub fn flush(&mut self) -> Result<(), CliError> {
        self.0.flush().map_err(CliError::Stdout)
    }

    pub fn finish(mut self) -> Result<(), CliError> {
        self.flush()
    }
}

/// The line of `--json` for a file that could not be read at all.
#[derive(Debug, Serialize)]
pub struct ErrorLine {
    kind: &'static str,
    path: String,
    code: &'static str,
    message: String,
    byte: Option<u64>,
    chunk: Option<u64>,
}

impl ErrorLine {
    pub fn new(path: &Path, error: &CliError) -> Self {
        let at = match error {
            CliError::Library(error) => error.at(),
            _ => None,
        };
        Self {
            kind: "error",
            path: path.display().to_string(),
            code: error.code(),
            message: error.one_line(),
            byte: at.map(|at| at.byte),
            chunk: at.and_then(|at| at.chunk),
        }
    }
}

/// A line on standard error. Nobody can be told if that fails.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "windrow: {text}");
}

/// `1536` is `1.5 KiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = as_f64(bytes) / 1024.0;
    let mut unit = 0;
    // What would be printed as 1024.0 is 1.0 of the next unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// The size with the exact number behind it.
pub fn exact_size(bytes: u64) -> String {
    if bytes < 1024 {
        size(bytes)
    } else {
        format!("{} ({bytes} bytes)", size(bytes))
    }
}

/// A number with three digits that count, or all in front of the point: `1,234`, `56.7`, `8.90`.
pub fn grouped(number: f64) -> String {
    if number < 99.95 {
        let places = if number < 9.995 { 2 } else { 1 };
        return format!("{number:.places$}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `one / other`, `None` where there is nothing to divide by.
pub fn ratio(one: u64, other: u64) -> Option<f64> {
    (other > 0).then(|| as_f64(one) / as_f64(other))
}

/// `one` as a share of `other`, as in `12.5 %`.
pub fn percent(one: u64, other: u64) -> String {
    ratio(one, other).map_or("-".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// What a chunk is for, as reports call it.
pub fn role_name(role: ChunkRole) -> &'static str {
    match role {
        ChunkRole::Signature => "signature",
        ChunkRole::Data => "data",
        ChunkRole::Footer => "footer",
        ChunkRole::Postscript => "postscript",
        ChunkRole::Padding => "padding",
        ChunkRole::Metadata => "metadata",
        ChunkRole::Dictionary => "dictionary",
        ChunkRole::Schema => "schema",
        ChunkRole::Statistics => "statistics",
        ChunkRole::Dead => "dead",
        ChunkRole::Provisional => "provisional",
        _ => "unlisted",
    }
}

/// `1 record`, `2 records`.
pub fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[allow(
    clippy::cast_precision_loss,
    reason = "for figures that are printed with two places"
)]
fn as_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_575, "1.0 MiB"),
            (1 << 20, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(exact_size(131_072), "128.0 KiB (131072 bytes)");
        assert_eq!(ratio(1, 0), None);
        assert_eq!(percent(1, 8), "12.5 %");
    }

    #[test]
    fn large_numbers_are_grouped() {
        for (number, text) in [
            (0.0, "0.00"),
            (9.99, "9.99"),
            (9.996, "10.0"),
            (99.94, "99.9"),
            (99.96, "100"),
            (999.4, "999"),
            (1234.5, "1,234"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
