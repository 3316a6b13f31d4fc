//! Messages of type `google.protobuf.Any`, which hold messages of other types as bytes.
//!
//! Decoding bounds how deep messages stand in each other, but each `Any` begins anew when it is shown. Without a bound of
//! its own, a record of some megabytes could overflow the stack.

use prost_reflect::prost_types::Any;
use prost_reflect::{DynamicMessage, ReflectMessage, Value};

/// How many may stand in each other.
pub const MAX_DEPTH: u32 = 16;

/// Whether at most `limit` of them stand in each other in `message`. What is wrong with one is left to be found when it
/// is shown.
pub fn is_shallow(message: &DynamicMessage, limit: u32) -> bool {
    let descriptor = message.descriptor();
    if descriptor.full_name() == "google.protobuf.Any" {
        let Some(below) = limit.checked_sub(1) else {
            return false;
        };
        let Ok(any) = message.transcode_to::<Any>() else {
            return true;
        };
        let name = any.type_url.rsplit('/').next().unwrap_or_default();
        let inner = descriptor.parent_pool().get_message_by_name(name);
        let inner = inner.map(|inner| DynamicMessage::decode(inner, any.value.as_slice()));
        return !matches!(inner, Some(Ok(inner)) if !is_shallow(&inner, below));
    }
    let fields = message.fields().map(|(_, value)| value);
    let extensions = message.extensions().map(|(_, value)| value);
    fields
        .chain(extensions)
        .all(|value| is_shallow_value(value, limit))
}

fn is_shallow_value(value: &Value, limit: u32) -> bool {
    match value {
        Value::Message(message) => is_shallow(message, limit),
        Value::List(values) => values.iter().all(|value| is_shallow_value(value, limit)),
        Value::Map(entries) => entries.values().all(|value| is_shallow_value(value, limit)),
        _ => true,
    }
}
