//! Messages by hand, and what describes them.

use prost_reflect::prost::Message as _;
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
    FileDescriptorProto, FileDescriptorSet,
};
use windrow::{RecordsMetadata, WriterOptions};

fn field(number: i32, name: &str, kind: Type, type_name: &str) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(kind.into()),
        type_name: (!type_name.is_empty()).then(|| type_name.to_owned()),
        ..Default::default()
    }
}

fn message(name: &str, fields: Vec<FieldDescriptorProto>) -> DescriptorProto {
    DescriptorProto {
        name: Some(name.to_owned()),
        field: fields,
        ..Default::default()
    }
}

/// `shop.Visit`, and `google.protobuf.Any`, which it may hold.
fn files() -> [FileDescriptorProto; 2] {
    let any = message(
        "Any",
        vec![
            field(1, "type_url", Type::String, ""),
            field(2, "value", Type::Bytes, ""),
        ],
    );
    let mut more = field(4, "more", Type::Message, ".shop.Label");
    more.label = Some(Label::Repeated.into());
    let visit = message(
        "Visit",
        vec![
            field(1, "visit_id", Type::Int64, ""),
            field(2, "text", Type::String, ""),
            field(3, "label", Type::Message, ".shop.Label"),
            more,
            field(5, "kind", Type::Enum, ".shop.Kind"),
            field(6, "data", Type::Bytes, ""),
            field(9, "any", Type::Message, ".google.protobuf.Any"),
        ],
    );
    let label = message(
        "Label",
        vec![
            field(1, "name", Type::String, ""),
            field(2, "score", Type::Double, ""),
        ],
    );
    let value = |(number, name): (i32, &str)| EnumValueDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        ..Default::default()
    };
    let kind = EnumDescriptorProto {
        name: Some("Kind".to_owned()),
        value: [(0, "NONE"), (1, "GUEST")].map(value).to_vec(),
        ..Default::default()
    };
    let proto3 = Some("proto3".to_owned());
    [
        FileDescriptorProto {
            name: Some("google/protobuf/any.proto".to_owned()),
            package: Some("google.protobuf".to_owned()),
            message_type: vec![any],
            syntax: proto3.clone(),
            ..Default::default()
        },
        FileDescriptorProto {
            name: Some("shop.proto".to_owned()),
            package: Some("shop".to_owned()),
            dependency: vec!["google/protobuf/any.proto".to_owned()],
            message_type: vec![visit, label],
            enum_type: vec![kind],
            syntax: proto3,
            ..Default::default()
        },
    ]
}

/// What `protoc --include_imports --descriptor_set_out` would write.
pub fn descriptor_set() -> Vec<u8> {
    let file = files().to_vec();
    FileDescriptorSet { file }.encode_to_vec()
}

/// What a file of visits says of them.
pub fn metadata() -> RecordsMetadata {
    RecordsMetadata {
        file_comment: Some("visits of a shop".to_owned()),
        record_type_name: Some("shop.Visit".to_owned()),
        file_descriptor: files().map(|file| file.encode_to_vec()).to_vec(),
        ..Default::default()
    }
}

/// Writer options with [`metadata`].
pub fn options(text: &str) -> WriterOptions {
    let options: WriterOptions = text.parse().unwrap();
    options.with_records_metadata(Some(metadata()))
}

fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap());
}

/// A field that holds a number.
pub fn number(field: u64, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    push_varint(&mut out, field << 3);
    push_varint(&mut out, value);
    out
}

/// A field that holds bytes.
pub fn bytes(field: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    let mut out = Vec::new();
    push_varint(&mut out, field << 3 | 2);
    push_varint(&mut out, value.len() as u64);
    out.extend_from_slice(value);
    out
}

/// A visit with label `label n`, without a text where `n` is even.
pub fn visit(n: u64) -> Vec<u8> {
    let mut record = number(1, n + 1);
    if n % 2 == 1 {
        record.extend(bytes(2, format!("text {n}")));
    }
    let mut label = bytes(1, format!("label {n}"));
    // A double, which is a fixed number of 8 bytes.
    label.push(2 << 3 | 1);
    label.extend(1.5_f64.to_le_bytes());
    record.extend(bytes(3, label));
    for more in 0..n % 3 {
        record.extend(bytes(4, bytes(1, format!("{more}"))));
    }
    record
}

pub fn visits(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(visit).collect()
}
