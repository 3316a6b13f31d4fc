//! The formats that records come in, and how a file's name tells its format.

use std::path::Path;

use clap::ValueEnum;

/// What `--from` and `--to` accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// ArrayRecord files (.array_record, .arrayrecord, .riegeli)
    #[value(name = "array_record")]
    ArrayRecord,
    /// TFRecord files, without compression (.tfrecord, .tfrecords)
    #[value(name = "tfrecord")]
    TfRecord,
    /// JSON lines: each line is a record and must be valid JSON (.jsonl, .ndjson)
    #[value(name = "jsonl")]
    JsonLines,
    /// Plain lines: each line is a record (.txt, .lines)
    #[value(name = "lines")]
    Lines,
    /// CSV: each row is a record, line breaks within quotes included (.csv)
    #[value(name = "csv")]
    Csv,
    /// A table in an ArrayRecord file of columns (.columns)
    #[value(name = "columns")]
    Columns,
    /// Parquet files, tables only (.parquet, .pq)
    #[value(name = "parquet")]
    Parquet,
    /// Arrow IPC files, Feather included, tables only (.arrow, .feather, .ipc)
    #[value(name = "arrow")]
    Arrow,
    /// Arrow IPC streams, tables only (.arrows)
    #[value(name = "arrow_stream")]
    ArrowStream,
}

impl Format {
    /// For messages.
    pub const NAMES: &str =
        "array_record, tfrecord, jsonl, lines, csv, columns, parquet, arrow or arrow_stream";

    /// What `--from` and `--to` call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ArrayRecord => "array_record",
            Self::TfRecord => "tfrecord",
            Self::JsonLines => "jsonl",
            Self::Lines => "lines",
            Self::Csv => "csv",
            Self::Columns => "columns",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::ArrowStream => "arrow_stream",
        }
    }

    /// Whether it holds tables and nothing else.
    pub fn is_table(self) -> bool {
        matches!(
            self,
            Self::Columns | Self::Parquet | Self::Arrow | Self::ArrowStream
        )
    }

    /// The format that the name of `path` tells. The number of a shard, as in `x.tfrecord-00000-of-00002`, is no part
    /// of the extension.
    pub fn of_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (_, extension) = without_shard_number(name).rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "array_record" | "arrayrecord" | "riegeli" => Some(Self::ArrayRecord),
            "tfrecord" | "tfrecords" => Some(Self::TfRecord),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "txt" | "lines" => Some(Self::Lines),
            "csv" => Some(Self::Csv),
            "columns" => Some(Self::Columns),
            "parquet" | "pq" => Some(Self::Parquet),
            "arrow" | "feather" | "ipc" => Some(Self::Arrow),
            "arrows" => Some(Self::ArrowStream),
            _ => None,
        }
    }
}

fn without_shard_number(name: &str) -> &str {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    name.rsplit_once("-of-")
        .filter(|(_, shards)| digits(shards))
        .and_then(|(front, _)| front.rsplit_once('-'))
        .filter(|(_, shard)| digits(shard))
        .map_or(name, |(front, _)| front)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        for format in Format::value_variants() {
            let value = format.to_possible_value().unwrap();
            assert_eq!(format.name(), value.get_name());
        }
    }

    #[test]
    fn names_tell_formats() {
        for (name, format) in [
            ("a.csv", Some(Format::Csv)),
            ("dir.csv/a", None),
            ("a.CSV", Some(Format::Csv)),
            ("a.tfrecord-00000-of-00010", Some(Format::TfRecord)),
            ("a-00000-of-00010.tfrecord", Some(Format::TfRecord)),
            (
                "digits.array_record-00001-of-00002",
                Some(Format::ArrayRecord),
            ),
            ("a.txt-1-of-", None),
            ("a-of-b.txt", Some(Format::Lines)),
            ("a.ndjson", Some(Format::JsonLines)),
            ("csv", None),
            ("", None),
        ] {
            assert_eq!(Format::of_path(Path::new(name)), format, "{name}");
        }
    }
}
