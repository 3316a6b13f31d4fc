//! `windrow verify --deep` of a file of columns.

use std::path::Path;

use windrow::{Reader, TableReader};

use crate::error::{CliError, chain};
use crate::verify::FaultLine;

/// Decodes every page of a file of columns whose footer can be used, and compares what row groups say of themselves with
/// what they hold. Row groups in which something is wrong already, which `known` are, are left alone.
pub fn check(
    path: &Path,
    known: &[FaultLine],
    progress: impl Fn(u64),
) -> Result<Vec<FaultLine>, CliError> {
    // What is wrong with one that cannot be opened was told.
    let Ok(reader) = Reader::open(path) else {
        return Ok(Vec::new());
    };
    if !reader.has_columns() {
        return Ok(Vec::new());
    }
    let mut faults = Vec::new();
    let table = match TableReader::from_reader(reader.clone()) {
        Ok(table) => table,
        Err(error) => {
            let byte = error
                .at()
                .map_or(reader.footer().footer_offset, |at| at.byte);
            if !known.iter().any(|fault| fault.byte == byte) {
                faults.push(FaultLine::of_error(&error, [byte, byte], None, None));
            }
            return Ok(faults);
        }
    };
    for group in 0..table.num_row_groups() {
        let location = reader.chunk_location(group)?;
        progress(location.end);
        if known.iter().any(|fault| fault.chunk == Some(group)) {
            continue;
        }
        match table.check(group) {
            Ok(()) => {}
            Err(error @ (windrow::Error::Format { .. } | windrow::Error::Column { .. })) => {
                let rows = error.records().map(|rows| [rows.start, rows.end]);
                let bytes = [location.begin, location.end];
                faults.push(FaultLine::of_error(&error, bytes, Some(group), rows));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(faults)
}

/// Statistics of the row groups of a file of columns, made of their rows. Those that do not decode have none.
pub fn statistics(reader: &Reader, stop: impl Fn() -> bool) -> Result<Vec<u8>, CliError> {
    let mut contents = Vec::new();
    let Ok(table) = TableReader::from_reader(reader.clone()) else {
        return Ok(contents);
    };
    for group in 0..table.num_row_groups() {
        if stop() {
            break;
        }
        match table.compute_statistics(group) {
            Ok(statistics) => statistics.encode(&mut contents),
            Err(windrow::Error::Format { .. } | windrow::Error::Column { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(contents)
}

/// What is wrong, without the path in front.
pub fn message_of(error: &windrow::Error) -> String {
    match error {
        windrow::Error::Column { source, .. } => chain(source.as_ref()),
        windrow::Error::Format { source, .. } => chain(source),
        other => chain(other),
    }
}
