//! `windrow inspect` of files of columns.

use arrow_array::ArrayRef;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use serde::Serialize;
use windrow::{ColumnRange, ColumnSurvey, Reader, TableReader};

use crate::error::{CliError, printable};
use crate::output::{Stdout, percent, ratio, size};

/// Row groups that are decoded to see what they are made of.
const SURVEYED_GROUPS: u64 = 8;
/// Characters of a least or largest value that are shown.
const SHOWN_CHARS: usize = 24;

/// What a file of columns holds, in `--json`.
#[derive(Debug, Serialize)]
pub struct Columns {
    profile: Option<String>,
    row_groups: u64,
    surveyed_row_groups: u64,
    has_statistics: bool,
    columns: Vec<ColumnLine>,
}

#[derive(Debug, Serialize)]
struct ColumnLine {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    nullable: bool,
    stored_bytes: u64,
    nulls: u64,
    /// Plain size by stored size, of the row groups that were decoded.
    ratio: Option<f64>,
    encodings: Vec<Encoding>,
    codecs: Vec<&'static str>,
    min: Option<String>,
    max: Option<String>,
    min_is_value: bool,
    max_is_value: bool,
}

#[derive(Debug, Serialize)]
struct Encoding {
    encoding: &'static str,
    pages: u64,
}

/// Looks into the file that `reader` has open; `None` if it holds records.
pub fn take(reader: &Reader) -> Result<Option<Columns>, CliError> {
    if !reader.has_columns() {
        return Ok(None);
    }
    let table = TableReader::from_reader(reader.clone())?;
    let groups = table.num_row_groups();
    let fields = table.schema().fields();
    let mut sizes = vec![(0_u64, 0_u64); fields.len()];
    let mut ranges: Option<Vec<ColumnRange>> = Some(vec![ColumnRange::default(); fields.len()]);
    for group in 0..groups {
        for ((bytes, nulls), column) in sizes.iter_mut().zip(table.column_sizes(group)?) {
            *bytes += column.stored_bytes;
            *nulls += column.nulls;
        }
        match (&mut ranges, table.column_ranges(group)?) {
            (Some(all), Some(more)) => {
                for (range, more) in all.iter_mut().zip(more) {
                    range.merge(more);
                }
            }
            _ => ranges = None,
        }
    }
    let surveyed = groups.min(SURVEYED_GROUPS);
    let mut surveys = vec![ColumnSurvey::default(); fields.len()];
    for number in 0..surveyed {
        // Evenly, from the first to the last.
        let group = number * groups.saturating_sub(1) / surveyed.saturating_sub(1).max(1);
        for (survey, more) in surveys.iter_mut().zip(table.survey(group)?) {
            survey.merge(&more);
        }
    }
    let has_statistics = ranges.is_some() && groups > 0;
    let ranges = ranges.unwrap_or_else(|| vec![ColumnRange::default(); fields.len()]);
    let told = sizes.into_iter().zip(ranges).zip(surveys);
    let columns =
        fields
            .iter()
            .zip(told)
            .map(
                |(field, (((stored_bytes, nulls), range), survey))| ColumnLine {
                    name: field.name().clone(),
                    data_type: field.data_type().to_string(),
                    nullable: field.is_nullable(),
                    stored_bytes,
                    nulls,
                    ratio: ratio(survey.plain_bytes, survey.stored_bytes),
                    encodings: survey
                        .encodings
                        .iter()
                        .map(|&(encoding, pages)| Encoding { encoding, pages })
                        .collect(),
                    codecs: survey.codecs,
                    min: shown(range.least.as_ref()),
                    max: shown(range.most.as_ref()),
                    min_is_value: range.least_is_value,
                    max_is_value: range.most_is_value,
                },
            );
    let echo = reader.writer_options_string().unwrap_or_default();
    let profile = echo
        .split(',')
        .find_map(|item| item.strip_prefix("profile:"));
    Ok(Some(Columns {
        profile: profile.map(str::to_owned),
        row_groups: groups,
        surveyed_row_groups: surveyed,
        has_statistics,
        columns: columns.collect(),
    }))
}

fn shown(value: Option<&ArrayRef>) -> Option<String> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(value?, &options).ok()?;
    formatter.value(0).try_to_string().ok()
}

impl Columns {
    /// What the file is made for.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// The same as a table. `data_bytes` are those of all row groups.
    pub fn print(&self, data_bytes: u64, out: &mut Stdout) -> Result<(), CliError> {
        let head = [
            "column",
            "type",
            "bytes",
            "share",
            "ratio",
            "nulls",
            "min",
            "max",
            "encodings",
        ];
        let mut rows: Vec<Vec<String>> = vec![head.map(str::to_owned).to_vec()];
        for column in &self.columns {
            let bound = |text: &Option<String>, is_value: bool, more: &str| match text {
                None => "-".to_owned(),
                Some(text) => {
                    let short: String = printable(text).chars().take(SHOWN_CHARS).collect();
                    let is_cut = text.chars().count() > SHOWN_CHARS;
                    let dots = if is_cut { "…" } else { "" };
                    let about = if is_value || is_cut { "" } else { more };
                    format!("{about}{short}{dots}")
                }
            };
            let encodings: Vec<&str> = column
                .encodings
                .iter()
                .map(|used| used.encoding)
                .chain(
                    column
                        .codecs
                        .iter()
                        .copied()
                        .filter(|&codec| codec != "uncompressed"),
                )
                .collect();
            rows.push(vec![
                printable(&column.name),
                printable(&column.data_type),
                size(column.stored_bytes),
                percent(column.stored_bytes, data_bytes),
                column
                    .ratio
                    .map_or("-".to_owned(), |ratio| format!("{ratio:.2}")),
                column.nulls.to_string(),
                bound(&column.min, column.min_is_value, ">="),
                bound(&column.max, column.max_is_value, "<="),
                if encodings.is_empty() {
                    "-".to_owned()
                } else {
                    encodings.join(", ")
                },
            ]);
        }
        let mut widths = vec![0; head.len()];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in &rows {
            let mut line = String::from("  ");
            for (number, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                let is_right = (2..=5).contains(&number);
                let padded = if is_right {
                    format!("{cell:>width$}  ")
                } else {
                    format!("{cell:<width$}  ")
                };
                line.push_str(&padded);
            }
            out.line(line.trim_end())?;
        }
        Ok(())
    }
}
