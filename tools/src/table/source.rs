//! Record batches out of one input.

use std::io;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use windrow::{BoundPredicate, ColumnError, ColumnSchema, Predicate, TableReader, TableScan};

use super::arrow::ArrowBatches;
use super::csv::CsvBatches;
use super::expression::Condition;
use super::fault::{TableFault, TableUsage};
use super::json::JsonBatches;
#[cfg(feature = "parquet")]
use super::parquet::ParquetBatches;
use super::types::ColumnType;
use crate::convert::{Disguise, Format, Header, Input};
use crate::error::CliError;
use crate::reading::{self, ReadArgs};

/// What is known of the columns before text is read.
#[derive(Debug, Clone, Copy)]
pub struct Hints<'a> {
    pub header: Header,
    pub nulls: &'a [String],
    pub types: &'a [ColumnType],
    /// The schema of the table that the rows are to go to.
    pub expected: Option<&'a Schema>,
}

impl Hints<'_> {
    /// The type of a column, if it is known.
    pub fn type_of(&self, name: &str) -> Option<DataType> {
        let given = self.types.iter().rev().find(|one| one.column == name);
        given.map(|one| one.data_type.clone()).or_else(|| {
            let field = self.expected?.field_with_name(name).ok()?;
            Some(field.data_type().clone())
        })
    }

    /// All columns that are known.
    pub fn all(&self) -> impl Iterator<Item = (&str, DataType)> {
        let given = self.types.iter().map(|one| one.column.as_str());
        let fields = self.expected.into_iter().flat_map(Schema::fields);
        let expected = fields.map(|field| field.name().as_str());
        given
            .chain(expected)
            .filter_map(|name| Some((name, self.type_of(name)?)))
    }

    /// Refuses types of columns that are not there.
    pub fn check_columns(&self, schema: &Schema) -> Result<(), TableUsage> {
        let missing = |one: &&ColumnType| schema.index_of(&one.column).is_err();
        match self.types.iter().find(missing) {
            Some(one) => Err(TableUsage::NoColumn {
                column: one.column.clone(),
            }),
            None => Ok(()),
        }
    }
}

/// Why rows could not be read.
#[derive(Debug)]
pub enum Failure {
    Io(io::Error),
    Table {
        line: Option<u64>,
        fault: TableFault,
    },
    Usage(TableUsage),
    Columns(ColumnError),
    Library(windrow::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<TableUsage> for Failure {
    fn from(error: TableUsage) -> Self {
        Self::Usage(error)
    }
}

impl From<TableFault> for Failure {
    fn from(fault: TableFault) -> Self {
        Self::Table { line: None, fault }
    }
}

impl From<ColumnError> for Failure {
    fn from(error: ColumnError) -> Self {
        Self::Columns(error)
    }
}

impl From<windrow::Error> for Failure {
    fn from(error: windrow::Error) -> Self {
        Self::Library(error)
    }
}

impl From<ArrowError> for Failure {
    fn from(error: ArrowError) -> Self {
        match error {
            // A file that ends too early is no fault of the system.
            ArrowError::IoError(_, error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Self::Io(error)
            }
            error => Self::Table {
                line: None,
                fault: TableFault::Arrow(error),
            },
        }
    }
}

impl Failure {
    pub fn at(self, path: &Path) -> CliError {
        match self {
            Self::Io(error) => CliError::io("read", path)(error),
            Self::Table { line, fault } => CliError::TableInput {
                path: path.to_path_buf(),
                line,
                source: fault,
            },
            Self::Usage(source) => CliError::Table {
                path: path.to_path_buf(),
                source,
            },
            Self::Columns(source) => CliError::Columns {
                path: path.to_path_buf(),
                source: Box::new(source),
            },
            Self::Library(error) => error.into(),
        }
    }
}

/// Which rows and columns are wanted.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    pub columns: Option<Vec<String>>,
    pub condition: Option<Condition>,
}

impl Narrow {
    /// Finds in a schema the numbers of the columns that are wanted, and those that the condition is about.
    pub fn bind(
        &self,
        schema: &SchemaRef,
    ) -> Result<(Option<Vec<usize>>, Option<BoundPredicate>), Failure> {
        if self.columns.is_none() && self.condition.is_none() {
            return Ok((None, None));
        }
        let known = ColumnSchema::new(schema.clone())?;
        let columns = self.columns.as_ref().map(|names| known.columns(names));
        let predicate = self.predicate(schema)?.map(|one| one.bind(&known));
        Ok((columns.transpose()?, predicate.transpose()?))
    }

    /// What the condition means for the columns of a schema.
    fn predicate(&self, schema: &Schema) -> Result<Option<Predicate>, TableUsage> {
        let predicate = self.condition.as_ref().map(|one| one.predicate(schema));
        predicate.transpose().map_err(TableUsage::Where)
    }

    /// The columns of a schema that have to be read, if not all: those that are wanted, then those that the condition is
    /// about.
    pub fn names(&self, schema: &SchemaRef) -> Result<Option<Vec<String>>, Failure> {
        let (Some(mut columns), predicate) = self.bind(schema)? else {
            return Ok(None);
        };
        for &column in predicate.iter().flat_map(|predicate| predicate.columns()) {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        let names = columns.iter().map(|&at| schema.field(at).name().clone());
        Ok(Some(names.collect()))
    }

    /// What is wanted of `rows`.
    pub fn of(&self, rows: RecordBatch) -> Result<RecordBatch, Failure> {
        let (columns, predicate) = self.bind(&rows.schema())?;
        narrowed(rows, columns.as_deref(), predicate.as_ref())
    }
}

/// These columns of `batch`, and the rows for which the condition is true.
fn narrowed(
    batch: RecordBatch,
    columns: Option<&[usize]>,
    predicate: Option<&BoundPredicate>,
) -> Result<RecordBatch, Failure> {
    let mask = match predicate {
        Some(predicate) => Some(predicate.evaluate(&batch.project(predicate.columns())?)?),
        None => None,
    };
    let batch = match columns {
        Some(columns) => batch.project(columns)?,
        None => batch,
    };
    Ok(match mask {
        Some(mask) => filter_record_batch(&batch, &mask.into())?,
        None => batch,
    })
}

/// An open input.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    kind: Kind,
    schema: SchemaRef,
    /// Numbers of the columns that are wanted, where they are not asked for already.
    columns: Option<Vec<usize>>,
    predicate: Option<BoundPredicate>,
    rows: u64,
}

enum Kind {
    Windrow {
        scan: Box<TableScan>,
        table: TableReader,
    },
    Csv(Box<CsvBatches>),
    Json(Box<JsonBatches>),
    Arrow(Box<ArrowBatches>),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetBatches>),
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Windrow { .. } => "Windrow",
            Self::Csv(_) => "Csv",
            Self::Json(_) => "Json",
            Self::Arrow(_) => "Arrow",
            #[cfg(feature = "parquet")]
            Self::Parquet(_) => "Parquet",
        })
    }
}

impl Source {
    /// Opens `path`, of which `narrow` is wanted.
    pub fn open(
        path: &Path,
        format: Format,
        hints: &Hints<'_>,
        narrow: &Narrow,
        read: ReadArgs,
    ) -> Result<Self, CliError> {
        match format {
            Format::ArrayRecord | Format::Columns => {
                let table = TableReader::open_with(path, read.options())?;
                Self::of_table(path, table, narrow)
            }
            Format::Csv | Format::JsonLines => {
                let mut input = Input::open(path)?;
                let disguise =
                    Disguise::of(&mut input, format).map_err(CliError::io("read", path))?;
                if let Some(disguise) = disguise {
                    return Err(CliError::Disguised {
                        path: path.to_path_buf(),
                        format,
                        disguise,
                    });
                }
                let kind = if format == Format::Csv {
                    CsvBatches::open(input, hints).map(|csv| Kind::Csv(Box::new(csv)))
                } else {
                    JsonBatches::open(input, hints).map(|json| Kind::Json(Box::new(json)))
                };
                Self::narrowed(path, kind.map_err(|failure| failure.at(path))?, narrow)
            }
            Format::Arrow | Format::ArrowStream => {
                let arrow = ArrowBatches::open(path).map_err(|failure| failure.at(path))?;
                Self::narrowed(path, Kind::Arrow(Box::new(arrow)), narrow)
            }
            #[cfg(feature = "parquet")]
            Format::Parquet => {
                let parquet = ParquetBatches::open(path, narrow);
                let parquet = parquet.map_err(|failure| failure.at(path))?;
                Self::narrowed(path, Kind::Parquet(Box::new(parquet)), narrow)
            }
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => Err(Failure::from(TableUsage::NoParquet).at(path)),
            Format::TfRecord | Format::Lines => {
                Err(Failure::from(TableUsage::NoTable { format }).at(path))
            }
        }
    }

    /// The rows of a table that is open.
    pub fn of_table(path: &Path, table: TableReader, narrow: &Narrow) -> Result<Self, CliError> {
        let mut scan = table.scan().batch_rows(1 << 16);
        if let Some(columns) = &narrow.columns {
            scan = scan.columns(columns.iter().cloned());
        }
        if let Some(predicate) = narrow.predicate(table.schema())? {
            scan = scan.filter(predicate);
        }
        let scan = Box::new(scan.batches()?);
        Ok(Self {
            path: path.to_path_buf(),
            schema: scan.schema().clone(),
            kind: Kind::Windrow { scan, table },
            columns: None,
            predicate: None,
            rows: 0,
        })
    }

    fn narrowed(path: &Path, kind: Kind, narrow: &Narrow) -> Result<Self, CliError> {
        let schema = match &kind {
            Kind::Windrow { scan, .. } => scan.schema().clone(),
            Kind::Csv(csv) => csv.schema().clone(),
            Kind::Json(json) => json.schema().clone(),
            Kind::Arrow(arrow) => arrow.schema(),
            #[cfg(feature = "parquet")]
            Kind::Parquet(parquet) => parquet.schema(),
        };
        let wrong = |failure: Failure| failure.at(path);
        let (columns, predicate) = narrow.bind(&schema).map_err(wrong)?;
        let schema = match &columns {
            Some(columns) => {
                let projected = schema.project(columns);
                projected.map_err(|error| wrong(error.into()))?.into()
            }
            None => schema,
        };
        Ok(Self {
            path: path.to_path_buf(),
            kind,
            schema,
            columns,
            predicate,
            rows: 0,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// User metadata of a file of columns.
    pub fn user_metadata(&self) -> &[(String, Vec<u8>)] {
        match &self.kind {
            Kind::Windrow { table, .. } => table.file().user_metadata(),
            _ => &[],
        }
    }

    /// The schema of its batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Whether it can be opened once more from the beginning.
    pub fn can_reopen(&self) -> bool {
        self.path != Path::new("-") && self.path.is_file()
    }

    /// Tells on standard error what was left out, and returns how many parts were skipped. To be called at the end.
    pub fn tell(&self) -> u64 {
        match &self.kind {
            Kind::Windrow { table, .. } => reading::tell(&self.path, table.file()),
            _ => 0,
        }
    }

    /// Bytes of the input that were used up; of some formats an estimate.
    pub fn bytes_done(&self) -> u64 {
        match &self.kind {
            Kind::Windrow { table, .. } => share(table.file().file_bytes(), self.rows, table.len()),
            Kind::Csv(csv) => csv.bytes_done(),
            Kind::Json(json) => json.bytes_done(),
            Kind::Arrow(arrow) => arrow.bytes_done(),
            #[cfg(feature = "parquet")]
            Kind::Parquet(parquet) => parquet.bytes_done(),
        }
    }

    /// The next rows that are wanted; `None` at the end.
    pub fn next(&mut self) -> Result<Option<RecordBatch>, CliError> {
        let batch = self.read().map_err(|failure| failure.at(&self.path))?;
        let Some(batch) = batch else {
            return Ok(None);
        };
        self.rows += batch.num_rows() as u64;
        let batch = narrowed(batch, self.columns.as_deref(), self.predicate.as_ref());
        batch.map(Some).map_err(|failure| failure.at(&self.path))
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, Failure> {
        match &mut self.kind {
            Kind::Windrow { scan, .. } => Ok(scan.next().transpose()?),
            Kind::Csv(csv) => csv.next(),
            Kind::Json(json) => json.next(),
            Kind::Arrow(arrow) => arrow.next(),
            #[cfg(feature = "parquet")]
            Kind::Parquet(parquet) => parquet.next(),
        }
    }
}

/// The part of `bytes` that `done` of `all` rows or batches stand for.
pub fn share(bytes: u64, done: u64, all: u64) -> u64 {
    let share = u128::from(bytes) * u128::from(done) / u128::from(all.max(1));
    u64::try_from(share).unwrap_or(u64::MAX).min(bytes)
}
