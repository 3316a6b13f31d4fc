//! The worked example of `format-spec/columns.md`: its bytes are those of the table, both ways.

mod forge;

use std::fs;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use windrow_columnar::EncodeOptions;
use windrow_format::{CHUNK_HEADER_BYTES, ChunkHeader, push_chunk};

use forge::{Sealed, encode, read_whole};

fn table() -> RecordBatch {
    let fields = vec![
        Field::new("n", DataType::Int32, true),
        Field::new("t", DataType::Utf8, false),
    ];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![Some(1), None, Some(300)])),
        Arc::new(StringArray::from(vec!["abc", "", "ä"])),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// The bytes of the page: on each line behind where it begins, up to two spaces and words.
fn told() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../format-spec/columns.md");
    let page = fs::read_to_string(path).unwrap();
    let (_, example) = page.split_once("## Worked: a column chunk").unwrap();
    let (_, hex) = example.split_once("```text\n").unwrap();
    let (hex, _) = hex.split_once("```").unwrap();
    let mut bytes = Vec::new();
    for line in hex.lines() {
        let (place, rest) = line.split_once(':').unwrap();
        assert_eq!(place.parse(), Ok(bytes.len()), "{line}");
        let words = rest.split_whitespace();
        let words = words.take_while(|word| word.len() == 2);
        bytes.extend(words.map_while(|word| u8::from_str_radix(word, 16).ok()));
    }
    bytes
}

#[test]
fn the_table_gives_the_bytes_and_the_bytes_the_table() {
    let batch = table();
    let (schema, sealed) = encode(&batch, &EncodeOptions::new());
    let mut chunk = Vec::new();
    push_chunk(&mut chunk, &sealed.header, &sealed.data);
    let told = told();
    assert_eq!(told, chunk);
    let (header, data) = told.split_at(usize::try_from(CHUNK_HEADER_BYTES).unwrap());
    let header = ChunkHeader::parse(header, forge::AT).unwrap();
    let sealed = Sealed {
        header,
        data: data.to_vec(),
    };
    assert_eq!(read_whole(&schema, &sealed).unwrap(), batch);
}
