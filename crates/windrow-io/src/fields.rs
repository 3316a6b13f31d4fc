//! The fields that a reader wants, by number or by name.

use windrow_format::options::ReaderOptions;
use windrow_format::{FieldPath, FieldProjection};

use crate::error::{Error, Result, SourceName};
use crate::reader::limits_of;
use crate::records_metadata::read_records_metadata;
use crate::store::Store;

use by_name::Names;
#[cfg(feature = "descriptors")]
pub use by_name::{DescriptorError, descriptor_pool, field_path, message_descriptor};

/// The fields of the options, as numbers. Names are looked up in the descriptor that the file holds.
pub(crate) fn projection(
    store: &dyn Store,
    name: &SourceName,
    options: &ReaderOptions,
) -> Result<Option<FieldProjection>> {
    let Some(fields) = options.fields() else {
        return Ok(None);
    };
    let mut names = None;
    if fields.iter().any(|field| !is_numeric(field)) {
        let metadata = read_records_metadata(store, name, &limits_of(options))?;
        names = Some(Names::of(metadata));
    }
    let find = |field: &String| -> std::result::Result<FieldPath, String> {
        match names.as_ref().filter(|_| !is_numeric(field)) {
            Some(names) => names.find(field),
            None => field.parse().map_err(|error| format!("{error}")),
        }
    };
    let paths = fields.iter().map(|field| {
        find(field).map_err(|problem| Error::Field {
            name: name.clone(),
            field: field.clone(),
            problem,
        })
    });
    paths.collect::<Result<_>>().map(Some)
}

/// Whether a field is given by numbers; what begins with a digit is no name.
fn is_numeric(field: &str) -> bool {
    field
        .split('.')
        .all(|part| part.is_empty() || part.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(not(feature = "descriptors"))]
mod by_name {
    use windrow_format::{FieldPath, RecordsMetadata};

    /// Stands for names that cannot be looked up.
    pub(super) struct Names;

    impl Names {
        pub(super) fn of(_: Option<RecordsMetadata>) -> Self {
            Self
        }

        pub(super) fn find(&self, _: &str) -> Result<FieldPath, String> {
            let problem =
                "names are not built in; enable feature `descriptors`, or give field numbers";
            Err(problem.to_owned())
        }
    }
}

#[cfg(feature = "descriptors")]
mod by_name {
    use prost_reflect::prost::Message as _;
    use prost_reflect::prost_types::FileDescriptorSet;
    use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};
    use windrow_format::{FieldPath, RecordsMetadata};

    /// Why a file does not tell what its messages are.
    #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
    #[non_exhaustive]
    pub enum DescriptorError {
        /// The file names no type of messages.
        #[error("the file does not name the type of its messages")]
        NoType,
        /// The file has no descriptor of the type that it names.
        #[error("the file holds no descriptor of its type of messages, `{record_type}`")]
        NoDescriptor {
            /// The type's full name.
            record_type: String,
        },
        /// The descriptors are in a language that is not known here.
        #[error("descriptor `{file}` has syntax `{syntax}`, and only proto2 and proto3 are known")]
        Syntax {
            /// The descriptor's own name.
            file: String,
            /// Its syntax.
            syntax: String,
        },
        /// The descriptors are not sound.
        #[error("the file's message descriptors are not valid: {problem}")]
        Invalid {
            /// What is wrong.
            problem: String,
        },
    }

    /// The types of a serialized `google.protobuf.FileDescriptorSet`.
    ///
    /// # Errors
    /// [`DescriptorError::Invalid`], [`DescriptorError::Syntax`].
    pub fn descriptor_pool(set: &[u8]) -> Result<DescriptorPool, DescriptorError> {
        let invalid = |problem: String| DescriptorError::Invalid { problem };
        let files = FileDescriptorSet::decode(set).map_err(|error| invalid(error.to_string()))?;
        // The pool itself would panic.
        for file in &files.file {
            let syntax = file.syntax();
            if !["", "proto2", "proto3"].contains(&syntax) {
                return Err(DescriptorError::Syntax {
                    file: file.name().to_owned(),
                    syntax: syntax.to_owned(),
                });
            }
        }
        // Decoded once more, as the pool then keeps extensions.
        DescriptorPool::decode(set).map_err(|error| invalid(error.to_string()))
    }

    /// The type of a file's messages, from the descriptors that the file holds.
    ///
    /// # Errors
    /// [`DescriptorError`].
    pub fn message_descriptor(
        metadata: &RecordsMetadata,
    ) -> Result<MessageDescriptor, DescriptorError> {
        let record_type = metadata
            .record_type_name
            .as_deref()
            .ok_or(DescriptorError::NoType)?;
        // The fields of a set of file descriptors: each of them is field 1.
        let mut set = Vec::new();
        for file in &metadata.file_descriptor {
            set.push(0x0a);
            prost_reflect::prost::encoding::encode_varint(file.len() as u64, &mut set);
            set.extend_from_slice(file);
        }
        let pool = descriptor_pool(&set)?;
        pool.get_message_by_name(record_type)
            .ok_or_else(|| DescriptorError::NoDescriptor {
                record_type: record_type.to_owned(),
            })
    }

    /// The names of a file's fields, or why there are none.
    pub(super) struct Names(Result<MessageDescriptor, String>);

    impl Names {
        pub(super) fn of(metadata: Option<RecordsMetadata>) -> Self {
            let none = "the file holds no descriptor that tells names; give field numbers";
            let metadata = metadata.ok_or_else(|| none.to_owned());
            Self(metadata.and_then(|metadata| {
                message_descriptor(&metadata).map_err(|error| error.to_string())
            }))
        }

        pub(super) fn find(&self, field: &str) -> Result<FieldPath, String> {
            field_path(field, self.0.clone()?)
        }
    }

    /// The numbers of a field of `message` that is given by names, such as `label.name`; a part may be a number as well.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn field_path(field: &str, message: MessageDescriptor) -> Result<FieldPath, String> {
        let mut message = Some(message);
        let mut numbers = Vec::new();
        let mut above = "";
        for part in field.split('.') {
            let Some(descriptor) = message else {
                return Err(format!("`{above}` is not a message"));
            };
            let found = match part.parse() {
                Ok(number) => descriptor.get_field(number),
                Err(_) => descriptor
                    .get_field_by_name(part)
                    .or_else(|| descriptor.get_field_by_json_name(part)),
            };
            let found = found.ok_or_else(|| {
                let known: Vec<_> = descriptor.fields().collect();
                let known: Vec<_> = known.iter().map(|field| field.name()).collect();
                let (name, known) = (descriptor.full_name(), known.join(", "));
                format!("message `{name}` has no field `{part}`; it has {known}")
            })?;
            numbers.push(found.number());
            message = match found.kind() {
                Kind::Message(below) => Some(below),
                _ => None,
            };
            above = part;
        }
        FieldPath::new(&numbers).map_err(|error| error.to_string())
    }
}

#[cfg(all(test, feature = "descriptors"))]
mod tests {
    use prost_reflect::prost::Message as _;
    use prost_reflect::prost_types::{DescriptorProto, FileDescriptorProto};
    use windrow_format::RecordsMetadata;

    use super::*;

    fn metadata(syntax: &str, dependency: Option<&str>) -> RecordsMetadata {
        let file = FileDescriptorProto {
            name: Some("shop.proto".into()),
            syntax: Some(syntax.into()),
            dependency: dependency.map(str::to_owned).into_iter().collect(),
            message_type: vec![DescriptorProto {
                name: Some("Visit".into()),
                ..DescriptorProto::default()
            }],
            ..FileDescriptorProto::default()
        };
        RecordsMetadata {
            record_type_name: Some("Visit".into()),
            file_descriptor: vec![file.encode_to_vec()],
            ..RecordsMetadata::default()
        }
    }

    #[test]
    fn descriptors_that_cannot_be_used_are_errors() {
        assert!(message_descriptor(&metadata("proto3", None)).is_ok());
        let error = message_descriptor(&metadata("editions", None)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "descriptor `shop.proto` has syntax `editions`, and only proto2 and proto3 are known"
        );
        let error = message_descriptor(&metadata("proto3", Some("gone.proto"))).unwrap_err();
        assert!(error.to_string().contains("gone.proto"), "{error}");
        let none = RecordsMetadata::default();
        assert_eq!(message_descriptor(&none), Err(DescriptorError::NoType));
        let mut other = metadata("proto3", None);
        other.record_type_name = Some("Vist".into());
        let error = message_descriptor(&other).unwrap_err();
        assert!(error.to_string().contains("`Vist`"), "{error}");
        let mut cut = metadata("proto3", None);
        cut.file_descriptor[0].pop();
        assert!(message_descriptor(&cut).is_err());
    }
}
