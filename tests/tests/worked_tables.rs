//! The tables of worked numbers in `format-spec/framing.md`, row by row against the code.

use std::convert::Infallible;

use windrow::format::{
    BlockWriter, add_with_block_headers, is_chunk_boundary, remaining_in_block,
    round_up_to_chunk_boundary,
};
use windrow::{Reader, ReaderOptions, WriterOptions};
use windrow_tests::repository;
use windrow_tests::written::write;

/// The rows of the table with this header, in columns; what follows a number in its cell is dropped.
fn rows(header: &str) -> Vec<Vec<String>> {
    let page = repository::read_text("format-spec/framing.md");
    let rows = page.lines().skip_while(|line| *line != header);
    let rows: Vec<Vec<String>> = rows
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells
                .map(|cell| cell.split_whitespace().next().unwrap_or_default())
                .map(str::to_owned)
                .collect()
        })
        .collect();
    assert!(rows.len() >= 4, "{header}: {} rows", rows.len());
    rows
}

fn number(cell: &str) -> u64 {
    cell.parse()
        .unwrap_or_else(|error| panic!("{cell:?}: {error}"))
}

#[test]
fn where_a_chunk_may_begin() {
    for row in rows("| pos | remaining | boundary | round_up |") {
        let pos = number(&row[0]);
        assert_eq!(remaining_in_block(pos), number(&row[1]), "{row:?}");
        assert_eq!(is_chunk_boundary(pos), row[2] == "yes", "{row:?}");
        assert_eq!(round_up_to_chunk_boundary(pos), number(&row[3]), "{row:?}");
    }
}

#[test]
fn bytes_with_block_headers() {
    for row in rows("| pos | n | headers | add | |") {
        let [pos, n, headers, add] = [0, 1, 2, 3].map(|column| number(&row[column]));
        assert_eq!(add_with_block_headers(pos, n), add, "{row:?}");
        assert_eq!(pos + n + 24 * headers, add, "{row:?}");
    }
}

#[test]
fn padding_to_a_block() {
    for row in rows("| pos | remaining | pad_end | data_size |") {
        let [pos, remaining, pad_end] = [0, 1, 2].map(|column| number(&row[column]));
        assert_eq!(remaining_in_block(pos), remaining, "{row:?}");
        let mut blocks = BlockWriter::new(pos);
        let mut bytes = Vec::new();
        let Ok(()) = blocks.lay_padding(|piece| -> Result<(), Infallible> {
            bytes.extend_from_slice(piece);
            Ok(())
        });
        assert_eq!(blocks.position(), pad_end, "{row:?}");
        assert_eq!(bytes.len() as u64, pad_end - pos, "{row:?}");
        if row[3] == "no" {
            assert!(bytes.is_empty(), "{row:?}");
        } else {
            // Where the header is cut by a block, the size still stands in front of the cut.
            let stored: [u8; 8] = bytes[8..16].try_into().unwrap();
            assert_eq!(u64::from_le_bytes(stored), number(&row[3]), "{row:?}");
        }
    }
}

/// Empty records in one zstd chunk: the footer begins where the chunk ends.
#[test]
fn a_chunk_is_as_long_as_it_has_records() {
    for row in rows("| records | data_size | end without the rule | 64 + records | end |") {
        let records = number(&row[0]);
        let options: WriterOptions = format!("group_size:{records},zstd").parse().unwrap();
        let bytes = write(&vec![vec![]; usize::try_from(records).unwrap()], options);
        // The page has upstream's sizes, ours may be others; both are far below the number of records.
        let data_size: [u8; 8] = bytes[72..80].try_into().unwrap();
        assert!(u64::from_le_bytes(data_size) + 40 < records, "{row:?}");
        assert_eq!(number(&row[1]) + 104, number(&row[2]), "{row:?}");
        assert_eq!(records + 64, number(&row[3]), "{row:?}");
        let reader = Reader::from_bytes(bytes, ReaderOptions::new()).unwrap();
        assert_eq!(reader.footer().footer_offset, number(&row[4]), "{row:?}");
    }
}
