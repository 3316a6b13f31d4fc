//! Values as text.

use std::fmt::Write;

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_data::ArrayData;

use super::fault::TableFault;

/// The values of a column as text.
pub struct Texts<'a> {
    column: &'a str,
    /// The number of the first in the output.
    first: u64,
    formatter: ArrayFormatter<'a>,
}

impl<'a> Texts<'a> {
    /// Those of each column of `batch`, whose first row is number `first` of the output.
    pub fn of(
        batch: &'a RecordBatch,
        first: u64,
        null: &'static str,
    ) -> Result<Vec<Self>, TableFault> {
        // Else words of an error are the text of what stands in a list or a struct.
        let options = FormatOptions::new()
            .with_null(null)
            .with_display_error(false);
        let fields = batch.schema_ref().fields().iter();
        let columns = fields.zip(batch.columns());
        let texts = columns.map(|(field, column)| {
            Ok(Self {
                column: field.name(),
                first,
                formatter: ArrayFormatter::try_new(column, &options)?,
            })
        });
        texts.collect()
    }

    /// Appends the value of a row to `out`. Not all have text: a date may be beyond the calendar.
    pub fn push(&self, row: usize, out: &mut dyn Write) -> Result<(), TableFault> {
        let written = self.formatter.value(row).write(out);
        written.map_err(|error| TableFault::NoText {
            column: self.column.to_owned(),
            row: self.first + row as u64,
            source: error,
        })
    }
}

/// Refuses values of `batch` that have no text, where a writer would put words of an error in their place. Only times are
/// so.
pub fn check_times(batch: &RecordBatch, first: u64) -> Result<(), TableFault> {
    struct Nowhere;
    impl Write for Nowhere {
        fn write_str(&mut self, _: &str) -> std::fmt::Result {
            Ok(())
        }
    }
    let columns = batch.columns().iter().enumerate();
    let timed = columns.filter(|(_, column)| has_times(&column.to_data()));
    let timed: Vec<usize> = timed.map(|(number, _)| number).collect();
    let timed = batch.project(&timed)?;
    for texts in Texts::of(&timed, first, "")? {
        for row in 0..batch.num_rows() {
            texts.push(row, &mut Nowhere)?;
        }
    }
    Ok(())
}

fn has_times(data: &ArrayData) -> bool {
    data.data_type().is_temporal() || data.child_data().iter().any(has_times)
}
