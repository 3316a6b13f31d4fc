//! The summary of a file.

use std::path::Path;

use serde::Serialize;
use windrow::{CompressionType, Reader, RecordsMetadata};

use super::dictionaries::DictionaryLine;
use super::survey::Survey;
use crate::cat::Data;
use crate::error::{CliError, printable};
use crate::output::{Stdout, count, exact_size, ratio, size};
use crate::table::Columns;

/// One line of `--json` for a file.
#[derive(Debug, Serialize)]
pub struct FileLine<'a> {
    kind: &'static str,
    path: String,
    file_bytes: u64,
    version: u32,
    records: u64,
    chunks: u64,
    group_size: u64,
    uniform: bool,
    codecs: Vec<CodecCount>,
    layout: Option<&'static str>,
    transposed_chunks: u64,
    page_chunks: u64,
    dictionaries: Vec<DictionaryLine>,
    records_metadata: Option<RecordsMetadataLine<'a>>,
    writer_options: Option<&'a str>,
    user_metadata: Vec<Pair<'a>>,
    decoded_bytes: u64,
    ratio: Option<f64>,
    signature_bytes: u64,
    data_bytes: u64,
    footer_bytes: u64,
    postscript_bytes: u64,
    padding_bytes: u64,
    records_metadata_bytes: u64,
    dictionary_bytes: u64,
    schema_bytes: u64,
    statistics_bytes: u64,
    dead_bytes: u64,
    provisional_chunks: u64,
    provisional_bytes: u64,
    indexes: u64,
    unfinished_append_bytes: u64,
    damaged_bytes: u64,
    faults: u64,
    /// Of a file of columns.
    table: Option<&'a Columns>,
}

#[derive(Debug, Serialize)]
struct CodecCount {
    codec: Option<&'static str>,
    chunks: u64,
}

/// What a file says of its records, in `--json`.
#[derive(Debug, Serialize)]
struct RecordsMetadataLine<'a> {
    record_type_name: Option<&'a str>,
    file_comment: Option<&'a str>,
    record_writer_options: Option<&'a str>,
    num_records: Option<i64>,
    descriptors: usize,
    descriptor_bytes: usize,
}

impl<'a> RecordsMetadataLine<'a> {
    fn new(metadata: &'a RecordsMetadata) -> Self {
        let descriptors = &metadata.file_descriptor;
        Self {
            record_type_name: metadata.record_type_name.as_deref(),
            file_comment: metadata.file_comment.as_deref(),
            record_writer_options: metadata.record_writer_options.as_deref(),
            num_records: metadata.num_records,
            descriptors: descriptors.len(),
            descriptor_bytes: descriptors.iter().map(Vec::len).sum(),
        }
    }

    /// The type, and how many descriptors there are.
    fn in_words(&self) -> String {
        let record_type = self.record_type_name.unwrap_or("type not told");
        let bytes = size(self.descriptor_bytes as u64);
        let descriptors = count(self.descriptors as u64, "descriptor");
        format!("{}; {descriptors} of {bytes}", printable(record_type))
    }
}

#[derive(Debug, Serialize)]
struct Pair<'a> {
    key: &'a str,
    #[serde(flatten)]
    value: Data<'a>,
}

impl<'a> FileLine<'a> {
    pub fn new(
        path: &Path,
        reader: &'a Reader,
        survey: &'a Survey,
        columns: Option<&'a Columns>,
    ) -> Self {
        let footer = reader.footer();
        Self {
            kind: "file",
            path: path.display().to_string(),
            file_bytes: reader.file_bytes(),
            version: footer.metadata.version,
            records: reader.len(),
            chunks: reader.num_chunks(),
            group_size: footer.group_size,
            uniform: footer.uniform,
            codecs: survey
                .codecs
                .iter()
                .map(|&(codec, chunks)| CodecCount {
                    codec: codec.map(CompressionType::name),
                    chunks,
                })
                .collect(),
            layout: survey.layout(),
            transposed_chunks: survey.transposed_chunks,
            page_chunks: survey.page_chunks,
            dictionaries: survey
                .dictionaries
                .iter()
                .map(DictionaryLine::new)
                .collect(),
            records_metadata: survey
                .records_metadata
                .as_ref()
                .map(RecordsMetadataLine::new),
            writer_options: reader.writer_options_string(),
            user_metadata: reader
                .user_metadata()
                .iter()
                .map(|(key, value)| Pair {
                    key,
                    value: Data::new(value),
                })
                .collect(),
            decoded_bytes: survey.decoded_bytes,
            ratio: ratio(survey.decoded_bytes, survey.data_bytes),
            signature_bytes: survey.signature_bytes,
            data_bytes: survey.data_bytes,
            footer_bytes: survey.footer_bytes,
            postscript_bytes: survey.postscript_bytes,
            padding_bytes: survey.padding_bytes,
            records_metadata_bytes: survey.records_metadata_bytes,
            dictionary_bytes: survey.dictionary_bytes,
            schema_bytes: survey.schema_bytes,
            statistics_bytes: survey.statistics_bytes,
            dead_bytes: survey.dead_bytes,
            provisional_chunks: survey.provisional_chunks,
            provisional_bytes: survey.provisional_bytes,
            indexes: survey.indexes,
            unfinished_append_bytes: survey.unfinished_bytes,
            damaged_bytes: reader.sealed_bytes().saturating_sub(survey.chunk_bytes),
            faults: survey.faults,
            table: columns,
        }
    }

    /// The same in words.
    pub fn print(&self, reader: &Reader, out: &mut Stdout) -> Result<(), CliError> {
        out.line(&printable(&self.path))?;
        let mut row = |name: &str, value: &str| out.line(&format!("  {name:<11}{value}"));
        let readers = match self.version {
            1 => "1, array_record reads it too".to_owned(),
            other => format!("{other}, for Windrow only"),
        };
        row("version", &readers)?;
        let is_table = self.table.is_some();
        row(
            if is_table { "rows" } else { "records" },
            &self.records.to_string(),
        )?;
        row(
            if is_table { "row groups" } else { "chunks" },
            &self.chunks.to_string(),
        )?;
        if let Some(columns) = self.table {
            row(
                "profile",
                &printable(columns.profile().unwrap_or("not recorded")),
            )?;
        }
        if self.layout.is_some() {
            row("layout", &self.layout_in_words())?;
        }
        row("group size", &self.group_size_in_words())?;
        if !is_table {
            row("codecs", &self.codecs_in_words())?;
        }
        row(
            "options",
            &printable(self.writer_options.unwrap_or("not recorded")),
        )?;
        for dictionary in &self.dictionaries {
            row("dictionary", &dictionary.in_words())?;
            row("copies", &dictionary.copies_in_words())?;
        }
        if let Some(said) = &self.records_metadata {
            let stored = size(self.records_metadata_bytes);
            row(
                "messages",
                &format!("{}; {stored} in the file", said.in_words()),
            )?;
            if let Some(comment) = said.file_comment {
                row("comment", &shown(comment))?;
            }
        }
        for (key, value) in reader.user_metadata() {
            row("metadata", &pair_in_words(key, value))?;
        }
        row("file", &exact_size(self.file_bytes))?;
        row("decoded", &exact_size(self.decoded_bytes))?;
        let ratio = self
            .ratio
            .map_or_else(String::new, |ratio| format!(", ratio {ratio:.2}"));
        row("data", &format!("{}{ratio}", exact_size(self.data_bytes)))?;
        if is_table {
            row("schema", &exact_size(self.schema_bytes))?;
            row("statistics", &exact_size(self.statistics_bytes))?;
        }
        row("footer", &exact_size(self.footer_bytes))?;
        row("postscript", &exact_size(self.postscript_bytes))?;
        row("padding", &exact_size(self.padding_bytes))?;
        row("dead bytes", &exact_size(self.dead_bytes))?;
        if self.provisional_chunks > 0 {
            let chunks = count(self.provisional_chunks, "provisional chunk");
            let bytes = exact_size(self.provisional_bytes);
            row("flushes", &format!("{chunks} among them, {bytes}"))?;
        }
        if self.indexes > 1 {
            let appends = count(self.indexes - 1, "append");
            row(
                "indexes",
                &format!(
                    "{}, of which the last one counts: {appends} so far",
                    self.indexes
                ),
            )?;
        }
        if self.unfinished_append_bytes > 0 {
            let bytes = exact_size(self.unfinished_append_bytes);
            row(
                "unfinished",
                &printable(&format!(
                    "append: {bytes}; windrow append {} completes it, unless one is under way",
                    self.path
                )),
            )?;
        }
        if self.faults > 0 {
            let damaged = exact_size(self.damaged_bytes);
            row(
                "faults",
                &format!(
                    "{}, {damaged} not understood; see windrow verify",
                    self.faults
                ),
            )?;
        }
        match self.table {
            Some(columns) => columns.print(self.data_bytes, out),
            None => Ok(()),
        }
    }

    fn layout_in_words(&self) -> String {
        let others = self
            .chunks
            .saturating_sub(self.transposed_chunks + self.page_chunks);
        match self.layout {
            Some("mixed") => format!(
                "mixed: {}, {} of pages, {} transposed",
                count(others, "chunk of groups"),
                self.page_chunks,
                self.transposed_chunks
            ),
            layout => layout.unwrap_or_default().to_owned(),
        }
    }

    fn group_size_in_words(&self) -> String {
        match (self.group_size, self.uniform) {
            (0, _) => "none, there are no records".to_owned(),
            (first, true) => count(
                first,
                if self.table.is_some() {
                    "row"
                } else {
                    "record"
                },
            ),
            (first, false) => format!("differs, {first} in the first chunk"),
        }
    }

    fn codecs_in_words(&self) -> String {
        let names: Vec<String> = self
            .codecs
            .iter()
            .map(|used| match (used.codec, self.codecs.len()) {
                (codec, 1) => codec.unwrap_or("unknown").to_owned(),
                (codec, _) => format!(
                    "{} ({})",
                    codec.unwrap_or("unknown"),
                    count(used.chunks, "chunk")
                ),
            })
            .collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    }
}

/// `key = value`, cut where it is long; the whole value is in `--json`.
fn pair_in_words(key: &str, value: &[u8]) -> String {
    let key = printable(key);
    match std::str::from_utf8(value) {
        Ok(text) => format!("{key} = {}", shown(text)),
        Err(_) => format!("{key}: {}, not text", size(value.len() as u64)),
    }
}

/// `text` on one line, cut where it is long.
fn shown(text: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    let shown: String = text.chars().take(SHOWN_CHARS).collect();
    let rest = if shown.len() < text.len() {
        format!("... ({})", size(text.len() as u64))
    } else {
        String::new()
    };
    format!("{}{rest}", printable(&shown))
}
