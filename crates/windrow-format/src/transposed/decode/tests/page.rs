//! The worked examples and the tables of `format-spec/transposed.md`.

use super::upstream::vectors;
use super::*;
use crate::transposed::node;

const PAGE: &str = include_str!("../../../../../../format-spec/transposed.md");

/// The blocks of the page that are chunks, as hex.
fn chunks() -> Vec<Vec<u8>> {
    let blocks = PAGE.split("```").skip(1).step_by(2);
    let chunks = blocks.filter(|block| block.contains("compression_type none"));
    let hex = |line: &str| unhex(line.split("  ").next().unwrap_or_default());
    chunks
        .map(|block| block.lines().skip(1).flat_map(hex).collect())
        .collect()
}

#[test]
fn worked_chunks_are_those_of_upstream() {
    let vectors = vectors();
    let named = |name: &str| vectors.iter().find(|vector| vector.name == name).unwrap();
    let chunks = chunks();
    assert_eq!(chunks.len(), 2);
    for (data, name) in chunks.iter().zip(["two_uncompressed", "group_and_text"]) {
        let vector = named(name);
        assert_eq!(data, &vector.data, "{name}");
        assert!(PAGE.contains(&format!("{} bytes of data:", data.len())));
        for record in &vector.records {
            let hex: Vec<String> = record.iter().map(|byte| format!("{byte:02x}")).collect();
            let text = String::from_utf8_lossy(record).into_owned();
            let shown = [hex.join(" "), text].map(|shown| format!("`{shown}`"));
            assert!(shown.iter().any(|shown| PAGE.contains(shown)), "{shown:?}");
        }
    }
}

#[test]
fn worked_steps_put_the_records() {
    let rows = PAGE
        .lines()
        .skip_while(|line| !line.starts_with("| node | tag |"));
    let rows: Vec<Vec<&str>> = rows
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 9);
    let put: Vec<u8> = rows
        .iter()
        .rev()
        .flat_map(|row| unhex(&row[3].replace('`', "")))
        .collect();
    let vectors = vectors();
    let vector = vectors
        .iter()
        .find(|v| v.name == "two_uncompressed")
        .unwrap();
    assert_eq!(put, vector.records.concat());

    let mut decoder = TransposedDecoder::new();
    let mut records = Records::new();
    decoder
        .decode(&vector.chunk(), &LIMITS, None, &mut records)
        .unwrap();
    assert_eq!(decoder.machine.first, rows[0][0].parse().unwrap());
    for (row, next) in rows.iter().zip(&rows[1..]) {
        let index: usize = row[0].parse().unwrap();
        let node = decoder.machine.nodes[index];
        if node.implicit {
            assert_eq!(row[4], format!("{}, implicit", node.next));
            assert_eq!(row[4].split(',').next(), Some(next[0]));
        }
    }
}

#[test]
fn worked_projections() {
    let vectors = vectors();
    let vector = vectors
        .iter()
        .find(|v| v.name == "two_uncompressed")
        .unwrap();
    let only = |paths: &[&[u32]]| {
        let records = decode(&vector.chunk(), &LIMITS, Some(&fields(paths))).unwrap();
        for record in records.iter().filter(|record| !record.is_empty()) {
            let hex: Vec<String> = record.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(PAGE.contains(&format!("`{}`", hex.join(" "))), "{hex:?}");
        }
        records
    };
    assert_eq!(only(&[&[2, 1]]), [unhex("12026162"), unhex("12030a0163")]);
    assert_eq!(only(&[&[1]]), [unhex("0807"), unhex("08ac02")]);
    assert_eq!(only(&[]), [b"", b""]);
}

#[test]
fn the_table_of_nodes_has_the_numbers_of_the_code() {
    for (number, name) in [
        (node::NO_OP, "no_op_node"),
        (node::NON_PROTO, "non_proto_node"),
        (node::START_OF_SUBMESSAGE, "submessage_start_node"),
        (node::START_OF_MESSAGE, "message_start_node"),
    ] {
        assert!(PAGE.contains(&format!("\n| {number} `{name}` |")), "{name}");
    }
    for (number, name) in [
        (node::VARINT, ", varint |"),
        (node::FIXED64, ", fixed64 |"),
        (node::FIXED32, ", fixed32 |"),
        (node::LENGTH_DELIMITED, ", length-delimited |"),
        (node::START_GROUP, ", start of a group |"),
        (node::END_GROUP, ", end of a group |"),
        (node::END_OF_SUBMESSAGE, ", `submessage_end_wire_type` |"),
    ] {
        assert!(
            PAGE.contains(&format!("\n| wire type {number}{name}")),
            "{name}"
        );
    }
    let (inline, max) = (node::INLINE_VARINT, node::MAX_SUBTYPE);
    assert!(PAGE.contains(&format!("| 0 .. {} | yes |", inline - 1)));
    assert!(PAGE.contains(&format!(
        "| {inline} `inline_varint_subtype` .. {max} `max_varint_subtype` |"
    )));
}
