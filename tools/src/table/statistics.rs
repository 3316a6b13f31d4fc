//! Statistics of a file of columns, made anew.

use windrow::{Reader, TableReader};

use crate::error::CliError;

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
