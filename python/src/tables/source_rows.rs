//! The rows of many files, read without the interpreter.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use arrow_select::interleave::interleave_record_batch;
use windrow::columnar::{ColumnError, ColumnSchema, type_metadata_difference};
use windrow::{
    DataSource as Numbers, Error, FileInstruction, OnCorrupt, ReaderOptions, Result, SourceName,
    SourcePart, Strings, TableReader,
};

use super::capsule::{in_form, is_other_form};
use super::reader::take_of;
use crate::view::View;

/// Rows that are taken together where a view has steps.
const STEP_ROWS: u64 = 1 << 14;

/// The files of a source.
pub struct OpenFiles {
    /// Which rows of which files there are; opens none.
    pub numbers: Numbers,
    pub parts: Vec<FileInstruction>,
    pub options: ReaderOptions,
    pub max_open_files: usize,
    pub fingerprint: Option<String>,
    /// The schema of the first file, once it was opened: that of the source.
    first: ArcSwapOption<ColumnSchema>,
    /// The files that are open, without locks: a forked process inherits them as they are.
    open: Vec<ArcSwapOption<TableReader>>,
    opened: AtomicUsize,
    hand: AtomicUsize,
}

impl OpenFiles {
    pub fn new(
        parts: Vec<SourcePart>,
        options: ReaderOptions,
        max_open_files: usize,
        fingerprint: Option<String>,
    ) -> Result<Self> {
        let opened = TableReader::open_parts(parts, &options, max_open_files)?;
        let (parts, open): (Vec<_>, Vec<_>) = opened.into_iter().unzip();
        let numbers = Numbers::from_instructions(parts.clone(), options.clone(), max_open_files)?;
        let opened = open.iter().filter(|reader| reader.is_some()).count();
        Ok(Self {
            numbers,
            parts,
            options,
            max_open_files,
            fingerprint,
            first: ArcSwapOption::empty(),
            open: open.into_iter().map(ArcSwapOption::from_pointee).collect(),
            opened: AtomicUsize::new(opened),
            hand: AtomicUsize::new(0),
        })
    }

    fn file(&self, number: usize) -> Result<Arc<TableReader>> {
        let slot = &self.open[number];
        if let Some(reader) = slot.load_full() {
            return Ok(reader);
        }
        let reader = TableReader::open_part(&self.parts[number], self.options.clone())?;
        let reader = Arc::new(reader);
        if slot.swap(Some(Arc::clone(&reader))).is_none()
            && self.opened.fetch_add(1, Ordering::Relaxed) >= self.max_open_files
        {
            self.close_one(number);
        }
        Ok(reader)
    }

    /// Closes the file that the hand comes to next, but not the one that was just opened.
    fn close_one(&self, but: usize) {
        for _ in 0..self.open.len() {
            let number = self.hand.fetch_add(1, Ordering::Relaxed) % self.open.len();
            if number != but && self.open[number].swap(None).is_some() {
                self.opened.fetch_sub(1, Ordering::Relaxed);
                return;
            }
        }
    }

    pub fn close_all(&self) {
        for slot in &self.open {
            if slot.swap(None).is_some() {
                self.opened.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    fn first(&self) -> Result<Arc<ColumnSchema>> {
        if let Some(schema) = self.first.load_full() {
            return Ok(schema);
        }
        let schema = Arc::clone(self.file(0)?.schema());
        let schema = ColumnSchema::new(schema).map_err(|source| self.error(0, source))?;
        let schema = Arc::new(schema);
        self.first.store(Some(Arc::clone(&schema)));
        Ok(schema)
    }

    /// An error of the columns of a file.
    fn error(&self, file: usize, source: ColumnError) -> Error {
        let path = self.parts.get(file).map(|part| part.filename.clone());
        Error::Column {
            name: SourceName::path(path.unwrap_or_default()),
            rows: None,
            source: Box::new(source),
        }
    }
}

/// Some rows of the files, some columns of them.
#[derive(Clone)]
pub struct SourceRows {
    pub files: Arc<OpenFiles>,
    pub view: View,
    /// Names of those that are read; `None` for all of the first file.
    pub columns: Option<Arc<Vec<String>>>,
}

/// How the columns that are read are found in one of the files.
struct Matched {
    /// Their names, `None` if they are all that the file has, in its order.
    names: Option<Arc<Vec<String>>>,
    /// Whether text or binary data has another form than in the first file.
    is_other_form: bool,
}

impl Matched {
    fn names(&self) -> Option<&[String]> {
        self.names.as_ref().map(|names| names.as_slice())
    }
}

impl SourceRows {
    pub fn all(files: Arc<OpenFiles>, columns: Option<Arc<Vec<String>>>) -> Self {
        Self {
            view: View::all(files.numbers.len()),
            files,
            columns,
        }
    }

    pub fn with_view(mut self, view: View) -> Self {
        self.view = view;
        self
    }

    pub fn with_columns(mut self, columns: Vec<String>) -> Self {
        self.columns = Some(Arc::new(columns));
        self
    }

    /// The schema of what is read, according to the first file.
    pub fn schema(&self, strings: Strings) -> Result<SchemaRef> {
        let first = self.files.first()?.with_strings(strings);
        let Some(columns) = &self.columns else {
            return Ok(Arc::clone(first.arrow()));
        };
        let numbers = first.columns(columns.as_slice());
        let numbers = numbers.map_err(|source| self.files.error(0, source))?;
        let schema = first.arrow().project(&numbers);
        Ok(Arc::new(schema.map_err(|error| self.unfit(0, &error))?))
    }

    /// The rows with these numbers, in their order.
    pub fn take(&self, rows: &[u64], strings: Strings) -> Result<RecordBatch> {
        let mut places = Vec::with_capacity(rows.len());
        // Numbers of files in the order in which they are met, and the rows of each.
        let mut met: Vec<(usize, Vec<u64>)> = Vec::new();
        let mut number_of = HashMap::new();
        for &row in rows {
            let (file, row) = self.files.numbers.locate(row)?;
            let number = *number_of.entry(file).or_insert_with(|| {
                met.push((file, Vec::new()));
                met.len() - 1
            });
            places.push((number, met[number].1.len()));
            met[number].1.push(row);
        }
        let mut batches = Vec::with_capacity(met.len());
        let is_alone = met.len() == 1;
        for (file, rows) in &met {
            let reader = self.files.file(*file)?;
            let matched = self.matched(*file, &reader)?;
            let batch = take_of(&reader, rows, matched.names(), strings)?;
            if is_alone && !matched.is_other_form {
                return Ok(batch);
            }
            batches.push(self.in_form(*file, &batch, &self.schema(strings)?)?);
        }
        if batches.is_empty() {
            return Ok(RecordBatch::new_empty(self.schema(strings)?));
        }
        let batches: Vec<&RecordBatch> = batches.iter().collect();
        interleave_record_batch(&batches, &places).map_err(|error| self.unfit(met[0].0, &error))
    }

    /// Begins to read all of them.
    pub fn scan(&self, strings: Strings) -> Result<SourceScan> {
        Ok(SourceScan {
            schema: self.schema(strings)?,
            rows: self.clone(),
            strings,
            next: 0,
            of_file: None,
        })
    }

    /// Finds the columns that are read in a file, by their names. They have the types of those of the first file, and where
    /// all are read, there are no others.
    fn matched(&self, file: usize, reader: &TableReader) -> Result<Matched> {
        let first = self.files.first()?;
        let (first, own) = (first.arrow(), reader.schema());
        let mut matched = Matched {
            names: self.columns.clone(),
            is_other_form: false,
        };
        if Arc::ptr_eq(first, own) {
            return Ok(matched);
        }
        let differs = |what| Err(self.files.error(file, ColumnError::FileDiffers { what }));
        if self.columns.is_none() && !names(first).eq(names(own)) {
            if let Some(name) = names(own).find(|name| first.index_of(name).is_err()) {
                return differs(format!("there is a column `{name}`"));
            }
            // Without a second column of a name, each name says which column is meant.
            if names(own).collect::<HashSet<_>>().len() < own.fields().len() {
                return differs("several columns have one name, in another order".to_owned());
            }
            matched.names = Some(Arc::new(names(first).map(str::to_owned).collect()));
        }
        let pairs: Vec<(&Field, &Field)> = match &matched.names {
            None => {
                let fields = first.fields().iter().zip(own.fields());
                fields.map(|(field, own)| (&**field, &**own)).collect()
            }
            // The reader tells of names that it does not have.
            Some(names) => names
                .iter()
                .filter_map(|name| {
                    let own = own.field_with_name(name).ok()?;
                    Some((first.field_with_name(name).ok()?, own))
                })
                .collect(),
        };
        for (field, own) in pairs {
            let name = field.name();
            if let Some(what) = type_metadata_difference(field, own) {
                return differs(format!("column `{name}` has {what}"));
            }
            let (expected, found) = (field.data_type(), own.data_type());
            if !is_other_form(expected, found) {
                return differs(format!("column `{name}` is {found} instead of {expected}"));
            }
            matched.is_other_form |= expected != found;
        }
        Ok(matched)
    }

    fn in_form(&self, file: usize, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
        in_form(batch, schema).map_err(|error| self.unfit(file, &error))
    }

    fn unfit(&self, file: usize, error: &ArrowError) -> Error {
        let what = error.to_string();
        self.files.error(file, ColumnError::FileDiffers { what })
    }
}

fn names(schema: &Schema) -> impl Iterator<Item = &str> {
    schema.fields().iter().map(|field| field.name().as_str())
}

/// Reads the rows of a source in order.
pub struct SourceScan {
    pub schema: SchemaRef,
    rows: SourceRows,
    strings: Strings,
    next: u64,
    /// The file that is read, up to row `next`.
    of_file: Option<(usize, windrow::TableScan)>,
}

impl SourceScan {
    /// Begins with the rows from `next` on that are in one file.
    fn enter(&mut self) -> Result<()> {
        let SourceRows { files, view, .. } = &self.rows;
        let (file, begin) = files.numbers.locate(view.at(self.next))?;
        let part = &files.parts[file];
        let left = view.len - self.next;
        let end = begin + left.min(part.start + part.num_records - begin);
        let reader = files.file(file)?;
        let matched = self.rows.matched(file, &reader)?;
        let mut scan = reader.scan().rows(begin..end).strings(self.strings);
        if let Some(names) = matched.names() {
            scan = scan.columns(names);
        }
        self.of_file = Some((file, scan.batches()?));
        self.next += end - begin;
        Ok(())
    }

    fn step(&mut self) -> Result<RecordBatch> {
        let view = &self.rows.view;
        let end = view.len.min(self.next + STEP_ROWS);
        let rows: Vec<u64> = (self.next..end).map(|place| view.at(place)).collect();
        self.next = end;
        self.rows.take(&rows, self.strings)
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some((file, scan)) = &mut self.of_file {
                if let Some(batch) = scan.next() {
                    let batch = self.rows.in_form(*file, &batch?, &self.schema)?;
                    return Ok(Some(batch));
                }
                self.of_file = None;
            }
            if self.next >= self.rows.view.len {
                return Ok(None);
            }
            // Scans skip what is damaged, where that is asked for; but a source has no list of it.
            let skips = self.rows.files.options.on_corrupt() == OnCorrupt::Skip;
            if skips || !self.rows.view.is_consecutive() {
                return self.step().map(Some);
            }
            self.enter()?;
        }
    }
}

impl Iterator for SourceScan {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.next_batch();
        if batch.is_err() {
            self.of_file = None;
            self.next = self.rows.view.len;
        }
        batch.transpose()
    }
}
