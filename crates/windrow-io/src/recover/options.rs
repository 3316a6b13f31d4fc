//! How a file is recovered.

use std::fmt;

#[cfg(feature = "columns")]
use arrow_schema::SchemaRef;
use windrow_format::options::ReaderOptions;

use crate::error::{Result, SourceName};
use crate::watch::Watch;

/// How to recover a file. Setters neither fail nor panic; the reader's options are checked when the file is opened.
#[derive(Default)]
pub struct RecoverOptions {
    watch: Watch,
    reader: ReaderOptions,
    schema: Option<GivenSchema>,
}

/// What stands in for a schema that is lost.
enum GivenSchema {
    Message(Vec<u8>),
    #[cfg(feature = "columns")]
    Arrow(SchemaRef),
}

impl fmt::Debug for RecoverOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoverOptions")
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}

impl RecoverOptions {
    /// No progress, and the reader's default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `progress` now and then, from the calling thread, with the number of bytes that are done. It never goes
    /// back, and ends with the size of the file. Default none.
    #[must_use]
    pub fn with_progress(mut self, progress: impl Fn(u64) + 'static) -> Self {
        self.watch.progress = Some(Box::new(progress));
        self
    }

    /// Asks `stop` now and then, from the calling thread; where it says true, the scan ends with
    /// [`Error::Io`](crate::Error::Io) of the kind [`Interrupted`](std::io::ErrorKind::Interrupted). Default none.
    #[must_use]
    pub fn with_stop(mut self, stop: impl Fn() -> bool + 'static) -> Self {
        self.watch.stop = Some(Box::new(stop));
        self
    }

    /// The options of the reader that comes of it; their limits bind the scan, too. Default [`ReaderOptions::new`].
    #[must_use]
    pub fn with_reader_options(mut self, options: ReaderOptions) -> Self {
        self.reader = options;
        self
    }

    /// See [`with_reader_options`](Self::with_reader_options).
    #[must_use]
    pub fn reader_options(&self) -> &ReaderOptions {
        &self.reader
    }

    /// The schema that a file of columns was written with, for one that has lost it: it was never finished, and the chunk
    /// that holds the schema is damaged. A file that knows its schema keeps it, whatever is given here. Default none.
    ///
    /// It has to be that schema to the last bit: columns, types, what may be null, and metadata.
    #[cfg(feature = "columns")]
    #[must_use]
    pub fn with_schema(mut self, schema: impl Into<SchemaRef>) -> Self {
        self.schema = Some(GivenSchema::Arrow(schema.into()));
        self
    }

    /// The same as the message that another file holds: [`Reader::arrow_schema`](crate::Reader::arrow_schema). Of both the
    /// one that is set last counts.
    #[must_use]
    pub fn with_schema_message(mut self, message: impl Into<Vec<u8>>) -> Self {
        self.schema = Some(GivenSchema::Message(message.into()));
        self
    }

    /// The message of the schema that was given; `name` is the file that it is for.
    pub(super) fn schema_message(&self, name: &SourceName) -> Result<Option<Vec<u8>>> {
        // Only an Arrow schema can be one that no file holds.
        let _ = name;
        Ok(match &self.schema {
            None => None,
            Some(GivenSchema::Message(message)) => Some(message.clone()),
            #[cfg(feature = "columns")]
            Some(GivenSchema::Arrow(schema)) => {
                Some(crate::table::schema_message(name, schema.clone())?)
            }
        })
    }

    pub(super) fn watch(&self) -> &Watch {
        &self.watch
    }
}
