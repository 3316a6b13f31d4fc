//! The same of a damaged file of columns.

use arrow_array::RecordBatch;
use windrow::{
    OnCorrupt, ReaderOptions, RecoverOptions, SourceName, TableReader, VerifyOptions,
    recover_store, verify_store,
};

use super::observe::{Came, faults, join, lost, runs, words};
use crate::hostile::Seen;
use crate::tables::{collect, rows_of};

fn open(bytes: &[u8]) -> windrow::Result<TableReader> {
    TableReader::from_bytes(bytes, ReaderOptions::new())
}

/// `ok`, or the error of opening.
#[must_use]
pub fn table_seen_at_open(bytes: &[u8]) -> String {
    match open(bytes) {
        Ok(_) => "ok".to_owned(),
        Err(error) => words(&Seen::from(&error)),
    }
}

/// `same`; or the rows that are not as they were written, read one by one, and why, in front of it the column where
/// another one is not like it; and what scans of all say, where that is not the first of the errors. `-` if the file does
/// not open.
///
/// # Panics
/// If the schema has changed.
#[must_use]
pub fn table_seen_by_reader(bytes: &[u8], written: &RecordBatch) -> String {
    let Ok(table) = open(bytes) else {
        return "-".to_owned();
    };
    assert_eq!(*table.schema(), written.schema(), "another schema");
    let mut columns = Vec::new();
    let mut first_error = None;
    for (number, field) in written.schema().fields().iter().enumerate() {
        let column = written.project(&[number]).expect("a column");
        let came: Vec<Came> = (0..table.len())
            .map(|row| match table.take(&[row], Some(&[field.name()])) {
                Ok(one) if is_row(&one, 0, &column, to_usize(row)) => Came::Right,
                Ok(_) => Came::Other,
                Err(error) => {
                    let seen = Seen::from(&error);
                    first_error.get_or_insert(seen.clone());
                    Came::Error(seen)
                }
            })
            .collect();
        columns.push((field.name().clone(), runs(&came, true)));
    }
    let mut parts = Vec::new();
    if table.len() != written.num_rows() as u64 {
        parts.push(format!("{} rows", table.len()));
    }
    if columns.windows(2).all(|pair| pair[0].1 == pair[1].1) {
        parts.extend(columns.swap_remove(0).1);
    } else {
        for (name, runs) in columns {
            parts.extend(runs.iter().map(|run| format!("{name} {run}")));
        }
    }
    let scanned = collect(table.scan());
    let error = scanned.as_ref().err().map(Seen::from);
    match (&scanned, error) {
        (_, error) if error == first_error => {}
        (_, Some(seen)) => parts.push(format!("all {}", words(&seen))),
        (_, None) => parts.push("all same".to_owned()),
    }
    join(&parts, "same")
}

/// `sound`, or the faults.
///
/// # Panics
/// If the bytes cannot be read from memory.
#[must_use]
pub fn table_seen_by_verify(bytes: &[u8]) -> String {
    let options = VerifyOptions::new().with_deep(true);
    let report = verify_store(bytes.to_vec(), SourceName::MEMORY, &options).expect("no IO");
    join(&faults(&report.faults), "sound")
}

/// What scans of row group after row group give in a file that was opened with [`OnCorrupt::Skip`], and what it lists as
/// skipped; `-` if it does not open.
#[must_use]
pub fn table_seen_with_skip(bytes: &[u8], written: &RecordBatch) -> String {
    let options = ReaderOptions::new().with_on_corrupt(OnCorrupt::Skip);
    let Ok(table) = TableReader::from_bytes(bytes, options) else {
        return "-".to_owned();
    };
    let whole = |group| collect(table.scan().rows(rows_of(&table, group))).ok();
    let came: Vec<RecordBatch> = (0..table.num_row_groups()).filter_map(whole).collect();
    let mut parts = lost_rows(&came, written);
    parts.extend((faults(&table.file().skipped()).iter()).map(|fault| format!("skipped {fault}")));
    join(&parts, "same")
}

/// What [`recover_store`](windrow::recover_store) gives, and what it lists as skipped.
///
/// # Panics
/// If it gives another number of rows than it says.
#[must_use]
pub fn table_seen_by_recover(bytes: &[u8], written: &RecordBatch) -> String {
    let recovered = recover_store(bytes.to_vec(), SourceName::MEMORY, &RecoverOptions::new());
    let (reader, report) = match recovered {
        Ok(recovered) => (recovered.reader, recovered.report),
        Err(error) => return words(&Seen::from(&error)),
    };
    assert_eq!(report.records, reader.len());
    let mut parts = match TableReader::from_reader(reader) {
        Ok(table) => match collect(table.scan()) {
            Ok(rows) => {
                assert_eq!(table.len(), rows.num_rows() as u64);
                lost_rows(&[rows], written)
            }
            Err(error) => {
                let words = words(&Seen::from(&error));
                vec![format!("{} rows, all {words}", table.len())]
            }
        },
        Err(error) => vec![format!(
            "{} rows, {}",
            report.records,
            words(&Seen::from(&error))
        )],
    };
    if let Some(error) = &report.index {
        parts.push(format!("index {}", error.code()));
    }
    parts.extend((faults(&report.skipped).iter()).map(|fault| format!("skipped {fault}")));
    join(&parts, "same")
}

fn lost_rows(came: &[RecordBatch], written: &RecordBatch) -> Vec<String> {
    let rows: Vec<(&RecordBatch, usize)> = (came.iter())
        .flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)))
        .collect();
    lost("rows", rows.len(), written.num_rows(), |next, row| {
        is_row(rows[next].0, rows[next].1, written, row)
    })
}

fn is_row(one: &RecordBatch, row: usize, written: &RecordBatch, written_row: usize) -> bool {
    written_row < written.num_rows() && one.slice(row, 1) == written.slice(written_row, 1)
}

fn to_usize(row: u64) -> usize {
    usize::try_from(row).expect("rows in memory")
}
