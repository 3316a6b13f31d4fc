//! Arrow tables: written to files of columns, and read back as arrays or rows.

mod capsule;
mod column;
mod foreign;
mod options;
mod predicate;
mod reader;
mod row;
mod scan;
mod schema;
mod source;
mod source_rows;
mod table;
mod writer;

pub use capsule::schema_of;
pub use column::Column;
pub use reader::{_open_table_reader, TableReader, open, read_table, wrap};
pub use scan::{RowIterator, ScanIterator, TableScan};
pub use schema::{_open_schema, TableSchema};
pub use source::{_open_table_source, TableSource};
pub use table::{_open_table, Table};
pub use writer::{TableSummary, TableWriter, write_table};
