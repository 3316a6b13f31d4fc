//! Transposed chunks (`t`): records of protocol buffers, field by field. `format-spec/transposed.md` has the rules.

mod backward;
mod buckets;
mod choice;
mod columns;
mod decode;
mod edges;
mod encode;
mod filter;
mod header;
mod keys;
mod layout;
mod machine;
mod node;
mod parse;
mod projection;
mod run;
mod tree;
mod values;

pub use decode::TransposedDecoder;
pub use encode::TransposedEncoder;
pub(crate) use filter::Filter;
pub use projection::{
    FieldPath, FieldPathError, FieldProjection, MAX_FIELD_NUMBER, MAX_FIELD_PATH,
};
