//! Messages of any fields, and records that are none, for properties.

use proptest::prelude::*;

use crate::file_builder::{bytes_field, varint, varint_field};

/// What a field holds.
#[derive(Debug, Clone)]
pub enum Value {
    /// A number in its shortest form.
    Varint(u64),
    /// A varint with more bytes than it needs, which makes its message one that is stored whole.
    LongVarint(u8),
    /// Four bytes.
    Fixed32(u32),
    /// Eight bytes.
    Fixed64(u64),
    /// A text, or bytes that may happen to be a message.
    Bytes(Vec<u8>),
    /// A nested message, its fields with their numbers.
    Message(Vec<(u32, Value)>),
    /// A group.
    Group(Vec<(u32, Value)>),
}

/// The bytes of a message of these fields.
#[must_use]
pub fn encode(fields: &[(u32, Value)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, value) in fields {
        let number = u64::from(*number);
        let tag = |wire_type: u64| varint(number << 3 | wire_type);
        out.extend(match value {
            Value::Varint(value) => varint_field(number, *value),
            Value::LongVarint(value) => [tag(0), vec![value | 0x80, 0x00]].concat(),
            Value::Fixed32(value) => [tag(5), value.to_le_bytes().to_vec()].concat(),
            Value::Fixed64(value) => [tag(1), value.to_le_bytes().to_vec()].concat(),
            Value::Bytes(bytes) => bytes_field(number, bytes),
            Value::Message(fields) => bytes_field(number, &encode(fields)),
            Value::Group(fields) => [tag(3), encode(fields), tag(4)].concat(),
        });
    }
    out
}

fn fields() -> impl Strategy<Value = Vec<(u32, Value)>> {
    let number = || prop_oneof![8 => 1..6_u32, 1 => 15..18_u32, 1 => Just(536_870_911)];
    let leaf = prop_oneof![
        4 => prop_oneof![0..200_u64, any::<u64>()].prop_map(Value::Varint),
        1 => any::<u32>().prop_map(Value::Fixed32),
        1 => any::<u64>().prop_map(Value::Fixed64),
        4 => prop::collection::vec(any::<u8>(), 0..12).prop_map(Value::Bytes),
        1 => "[a-z ]{0,200}".prop_map(|text| Value::Bytes(text.into_bytes())),
    ];
    let rare = prop_oneof![60 => leaf, 1 => any::<u8>().prop_map(Value::LongVarint)];
    let value = rare.prop_recursive(4, 40, 6, move |inner| {
        let fields = || prop::collection::vec((number(), inner.clone()), 0..6);
        prop_oneof![
            3 => fields().prop_map(Value::Message),
            1 => fields().prop_map(Value::Group),
        ]
    });
    prop::collection::vec((number(), value), 0..8)
}

/// Records, most of which are messages.
pub fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let record = prop_oneof![
        12 => fields().prop_map(|fields| encode(&fields)),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(record, 0..60)
}

/// Paths of a projection.
pub fn paths() -> impl Strategy<Value = Vec<Vec<u32>>> {
    prop::collection::vec(prop::collection::vec(1..6_u32, 1..4), 0..4)
}

/// Paths as the options of a reader name them.
#[must_use]
pub fn names(paths: &[Vec<u32>]) -> Vec<String> {
    let name = |path: &Vec<u32>| {
        let numbers: Vec<String> = path.iter().map(ToString::to_string).collect();
        numbers.join(".")
    };
    paths.iter().map(name).collect()
}
