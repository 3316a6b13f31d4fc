//! The schema of a file of columns.

use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_ipc::convert::try_schema_from_ipc_buffer;
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions, write_message};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use windrow_format::{At, schema_hash};

use crate::error::ColumnError;
use crate::message::check_message;
use crate::node::Nodes;
use crate::options::Strings;

/// An Arrow schema that a file of columns can have, as an Arrow schema and as the message that the file holds.
#[derive(Debug, Clone)]
pub struct ColumnSchema {
    schema: SchemaRef,
    nodes: Arc<Nodes>,
    message: Arc<[u8]>,
    hash: u64,
}

impl ColumnSchema {
    /// The schema of a new file.
    ///
    /// # Errors
    /// [`ColumnError::UnsupportedType`] and [`ColumnError::NestedTooDeep`] name the column.
    pub fn new(schema: SchemaRef) -> Result<Self, ColumnError> {
        let nodes = Arc::new(Nodes::new(&schema)?);
        let message = message_of(&schema)?;
        Ok(Self {
            nodes,
            hash: schema_hash(&message),
            message: message.into(),
            schema,
        })
    }

    /// The schema that a file's message holds; `at` is where it stands.
    ///
    /// # Errors
    /// [`ColumnError::Schema`], and those of [`new`](Self::new).
    pub fn parse(message: &[u8], at: At) -> Result<Self, ColumnError> {
        let broken = |what: String| ColumnError::Schema { at, what };
        check_message(message).map_err(|what| broken(what.to_owned()))?;
        // The reader of flatbuffers wants them aligned; what it does with others depends on its version.
        let schema =
            try_schema_from_ipc_buffer(message).map_err(|source| broken(source.to_string()))?;
        let nodes = Nodes::new(&schema).map_err(|source| broken(source.to_string()))?;
        Ok(Self {
            schema: Arc::new(schema),
            nodes: Arc::new(nodes),
            hash: schema_hash(message),
            message: message.into(),
        })
    }

    /// As Arrow knows it.
    #[must_use]
    pub fn arrow(&self) -> &SchemaRef {
        &self.schema
    }

    /// The message that the file holds: an encapsulated message of Arrow IPC.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The hash of the message.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// Number of nodes: fields of the schema, with those inside of them.
    #[must_use]
    pub fn nodes_len(&self) -> usize {
        self.nodes.len()
    }

    /// Checks that no column of a batch has nulls that its field forbids.
    ///
    /// # Errors
    /// [`ColumnError::SchemaDiffers`].
    pub fn check_nulls(&self, batch: &RecordBatch) -> Result<(), ColumnError> {
        for (column, field) in batch.columns().iter().zip(self.schema.fields()) {
            if !field.is_nullable() && column.null_count() > 0 {
                return Err(ColumnError::SchemaDiffers {
                    what: format!(
                        "column `{}` has nulls, which its field forbids",
                        field.name()
                    ),
                });
            }
        }
        Ok(())
    }

    pub(crate) fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// Numbers of the columns with these names, in the order in which they are named.
    ///
    /// # Errors
    /// [`ColumnError::NoColumn`].
    pub fn columns<S: AsRef<str>>(&self, names: &[S]) -> Result<Vec<usize>, ColumnError> {
        let number = |name: &S| {
            let found = self
                .schema
                .fields()
                .iter()
                .position(|field| field.name() == name.as_ref());
            found.ok_or_else(|| {
                let names = self
                    .schema
                    .fields()
                    .iter()
                    .map(|field| format!("`{}`", field.name()));
                ColumnError::NoColumn {
                    name: name.as_ref().to_owned(),
                    names: names.collect::<Vec<_>>().join(", "),
                }
            })
        };
        names.iter().map(number).collect()
    }

    /// The schema of what a reader gives, with text in the form that is asked for.
    #[must_use]
    pub fn with_strings(&self, strings: Strings) -> Self {
        if strings == Strings::AsWritten {
            return self.clone();
        }
        let fields: Fields = self
            .schema
            .fields()
            .iter()
            .map(|field| converted(field, strings))
            .collect();
        let schema = Arc::new(Schema::new_with_metadata(
            fields,
            self.schema.metadata().clone(),
        ));
        match Nodes::new(&schema) {
            Ok(nodes) => Self {
                schema,
                nodes: Arc::new(nodes),
                message: self.message.clone(),
                hash: self.hash,
            },
            Err(_) => unreachable!("the other forms of text are as well supported"),
        }
    }
}

/// Metadata of fields that is part of their types, and what is said where it differs. Of the categories of polars' enums
/// there are two forms.
const TYPE_KEYS: [(&str, &str); 4] = [
    ("ARROW:extension:name", "another extension type"),
    ("ARROW:extension:metadata", "another extension type"),
    ("_PL_ENUM_VALUES", "other categories"),
    ("_PL_ENUM_VALUES2", "other categories"),
];

/// In what the columns of rows differ from those that are expected: their number, or the name or type of one. Whether a
/// column may be null does not count, nor does metadata that is not part of a type.
#[must_use]
pub fn schema_difference(expected: &Schema, given: &Schema) -> Option<String> {
    let (expected, given) = (expected.fields(), given.fields());
    if expected.len() != given.len() {
        return Some(format!(
            "{} columns instead of {}",
            given.len(),
            expected.len()
        ));
    }
    expected.iter().zip(given).find_map(|(own, other)| {
        if own.name() != other.name() {
            return Some(format!(
                "column `{}` where `{}` is expected",
                other.name(),
                own.name()
            ));
        }
        if let Some(what) = type_metadata_difference(own, other) {
            return Some(format!("column `{}` has {what}", own.name()));
        }
        (own.data_type() != other.data_type()).then(|| {
            format!(
                "column `{}` is {} instead of {}",
                own.name(),
                other.data_type(),
                own.data_type()
            )
        })
    })
}

/// In what the types of two fields, or of fields inside of them, differ by their metadata: extension types, and the
/// categories of polars' enums.
#[must_use]
pub fn type_metadata_difference(own: &Field, other: &Field) -> Option<&'static str> {
    let of = |field: &Field, key| field.metadata().get(key).cloned().unwrap_or_default();
    let differ = TYPE_KEYS
        .into_iter()
        .find(|(key, _)| of(own, *key) != of(other, *key));
    differ.map(|(_, what)| what).or_else(|| {
        let inside = children(own.data_type())
            .into_iter()
            .zip(children(other.data_type()));
        inside
            .into_iter()
            .find_map(|(own, other)| type_metadata_difference(own, other))
    })
}

fn children(data_type: &DataType) -> Vec<&Field> {
    use DataType::*;
    match data_type {
        List(item)
        | LargeList(item)
        | ListView(item)
        | LargeListView(item)
        | FixedSizeList(item, _)
        | Map(item, _)
        | RunEndEncoded(_, item) => vec![item],
        Struct(fields) => fields.iter().map(AsRef::as_ref).collect(),
        _ => Vec::new(),
    }
}

fn message_of(schema: &Schema) -> Result<Vec<u8>, ColumnError> {
    let options = IpcWriteOptions::default();
    let mut tracker = DictionaryTracker::new(false);
    let encoded = IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(
        schema,
        &mut tracker,
        &options,
    );
    let mut message = Vec::new();
    write_message(&mut message, encoded, &options).map_err(|source| ColumnError::Schema {
        at: At::byte(0),
        what: source.to_string(),
    })?;
    Ok(message)
}

fn converted(field: &Field, strings: Strings) -> Arc<Field> {
    Arc::new(
        field
            .clone()
            .with_data_type(converted_type(field.data_type(), strings)),
    )
}

fn converted_type(data_type: &DataType, strings: Strings) -> DataType {
    use DataType::*;
    match data_type {
        Utf8 | LargeUtf8 | Utf8View => match strings {
            Strings::Plain => Utf8,
            Strings::Large => LargeUtf8,
            Strings::View => Utf8View,
            Strings::AsWritten => data_type.clone(),
        },
        Binary | LargeBinary | BinaryView => match strings {
            Strings::Plain => Binary,
            Strings::Large => LargeBinary,
            Strings::View => BinaryView,
            Strings::AsWritten => data_type.clone(),
        },
        List(item) => List(converted(item, strings)),
        LargeList(item) => LargeList(converted(item, strings)),
        ListView(item) => ListView(converted(item, strings)),
        LargeListView(item) => LargeListView(converted(item, strings)),
        FixedSizeList(item, size) => FixedSizeList(converted(item, strings), *size),
        Map(item, sorted) => Map(converted(item, strings), *sorted),
        Struct(fields) => Struct(
            fields
                .iter()
                .map(|field| converted(field, strings))
                .collect(),
        ),
        // Dictionaries and run ends keep the form of their values.
        other => other.clone(),
    }
}
