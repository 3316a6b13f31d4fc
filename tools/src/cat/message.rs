//! Records that are protocol buffer messages: which fields of them are shown, and how they become JSON.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use prost_reflect::prost::DecodeError;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use windrow::{
    DescriptorError, FieldPath, ReaderOptions, RecordsMetadata, SourceName, descriptor_pool,
    field_path, message_descriptor,
};

use super::any;
use crate::error::CliError;

/// What of records that are messages is shown, and what their type is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Records that are protocol buffer messages")]
pub struct MessageArgs {
    /// Show only these fields, by number or name: 1,3.2,label.name
    ///
    /// 3.2 is field 2 of the messages in field 3. What is left of a record is a message again: these fields with all that
    /// is below them, and the messages on the way to them. Records that are not messages in the shortest encoding are
    /// left whole. Of transposed chunks, the buckets that hold nothing of these fields are not decompressed. Names are
    /// looked up in the descriptor that the file holds, or that --descriptor gives.
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',')]
    fields: Option<Vec<String>>,
    /// Descriptors of message types, for files that hold none: the output of
    /// protoc --include_imports --descriptor_set_out=FILE
    #[arg(long, value_name = "FILE", requires = "message")]
    descriptor: Option<PathBuf>,
    /// Full name of the type in --descriptor that all records are, as shop.Visit
    #[arg(long, value_name = "NAME", requires = "descriptor")]
    message: Option<String>,
}

impl MessageArgs {
    /// The option that was given and is only for records.
    pub fn given(&self) -> Option<&'static str> {
        if self.fields.is_some() {
            return Some("fields");
        }
        // Neither comes without the other.
        self.descriptor.is_some().then_some("descriptor")
    }
}

/// What the records of a file are.
#[derive(Debug)]
pub struct MessageType(MessageDescriptor);

/// Why a record cannot be shown as a message.
#[derive(Debug, thiserror::Error)]
pub enum MessageFault {
    #[error("not a message of type `{message}`")]
    NotMessage {
        message: String,
        #[source]
        source: DecodeError,
    },
    #[error("cannot be shown in JSON")]
    NotJson(#[source] serde_json::Error),
    #[error("more than {limit} messages of type `google.protobuf.Any` in each other")]
    TooDeep { limit: u32 },
}

impl MessageArgs {
    /// The type that the command line gives.
    pub fn given_type(&self) -> Result<Option<MessageType>, CliError> {
        let (Some(path), Some(message)) = (&self.descriptor, &self.message) else {
            return Ok(None);
        };
        let set = fs::read(path).map_err(CliError::io("read", path))?;
        let pool = descriptor_pool(&set).map_err(|source| CliError::DescriptorFile {
            path: path.clone(),
            source,
        })?;
        let found = pool.get_message_by_name(message);
        let found = found.ok_or_else(|| CliError::NoMessage {
            path: path.clone(),
            message: message.clone(),
        });
        found.map(MessageType).map(Some)
    }

    /// Adds the fields to read to `options`. Names are looked up in `given`, or are left to the reader, which looks into
    /// the file.
    pub fn select(
        &self,
        options: ReaderOptions,
        given: Option<&MessageType>,
    ) -> Result<ReaderOptions, CliError> {
        let (Some(fields), Some(path)) = (&self.fields, &self.descriptor) else {
            return Ok(match &self.fields {
                Some(fields) => options.with_fields(fields),
                None => options,
            });
        };
        let fields = fields.iter().map(|field| {
            let by_number = match given {
                Some(known) if field.parse::<FieldPath>().is_err() => known.by_number(field),
                _ => Ok(field.clone()),
            };
            by_number.map_err(|problem| windrow::Error::Field {
                name: SourceName::path(path),
                field: field.clone(),
                problem,
            })
        });
        let fields = fields.collect::<Result<Vec<_>, _>>()?;
        Ok(options.with_fields(fields))
    }
}

impl MessageType {
    /// The type that a file tells.
    pub fn of_file(path: &Path, metadata: Option<RecordsMetadata>) -> Result<Self, CliError> {
        let found = message_descriptor(&metadata.unwrap_or_default());
        found
            .map(Self)
            .map_err(|source: DescriptorError| CliError::NoMessageType {
                path: path.to_path_buf(),
                source,
            })
    }

    /// The path of a field by numbers alone.
    fn by_number(&self, field: &str) -> Result<String, String> {
        field_path(field, self.0.clone()).map(|path| path.to_string())
    }

    /// Appends `record` to `line` as one JSON object.
    pub fn encode_json(&self, record: &[u8], line: &mut Vec<u8>) -> Result<(), MessageFault> {
        let message = DynamicMessage::decode(self.0.clone(), record).map_err(|source| {
            MessageFault::NotMessage {
                message: self.0.full_name().to_owned(),
                source,
            }
        })?;
        let limit = any::MAX_DEPTH;
        if !any::is_shallow(&message, limit) {
            return Err(MessageFault::TooDeep { limit });
        }
        serde_json::to_writer(line, &message).map_err(MessageFault::NotJson)
    }
}
