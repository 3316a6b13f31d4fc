//! The chunks of `tests/data/transposed`.

use std::fs;

use windrow_tests::repository::{files_in, path};

use super::Named;
use crate::transposed_decode::{input_of, laid_out};

const FOLDER: &str = "tests/data/transposed";

/// Each chunk as it is, and those without compression by their parts too.
pub(super) fn inputs() -> Vec<Named> {
    let mut inputs = Vec::new();
    for name in files_in(FOLDER) {
        let Some(stem) = name.strip_suffix(".txt") else {
            continue;
        };
        let text = fs::read_to_string(path(FOLDER).join(&name)).expect("a text file");
        let (mut numbers, mut data) = (Vec::new(), Vec::new());
        for line in text.lines() {
            let (key, value) = line.split_once(": ").unwrap_or((line, ""));
            match key {
                "header" => numbers.extend(value.split(' ').flat_map(str::parse::<u64>)),
                "data" => data.extend(unhex(value)),
                _ => {}
            }
        }
        let &[num_records, decoded_bytes] = numbers.as_slice() else {
            panic!("{name} has no header");
        };
        inputs.push((stem.to_owned(), input_of(num_records, decoded_bytes, &data)));
        if let Some(parts) = laid_out(num_records, decoded_bytes, &data) {
            inputs.push((format!("{stem}_parts"), parts));
        }
    }
    inputs
}

fn unhex(hex: &str) -> impl Iterator<Item = u8> {
    let digits = hex
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| std::str::from_utf8(pair).ok());
    digits.filter_map(|pair| u8::from_str_radix(pair, 16).ok())
}
