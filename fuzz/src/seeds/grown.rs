//! Files that grew, as steps: flushed, unfinished, gone on with, and damaged.

use super::Named;
use crate::grown::{Steps, make};
use crate::input::Input;

/// What is done to a file behind its steps: nothing, or a kind of [`damage`](crate::damage) and where.
const DAMAGE: [(&str, &[u8]); 8] = [
    ("whole", &[]),
    ("cut", &[2, 0xff, 5]),
    ("cut_in_front", &[2, 200, 1]),
    ("flipped", &[0, 0x80, 1, 4]),
    ("flipped_in_front", &[0, 70, 4]),
    ("two_flipped", &[0, 0x78, 1, 0, 0xa0, 1, 1]),
    ("hole", &[1, 0x90, 1, 60]),
    ("zeros_behind", &[5, 0, 0, 100]),
];

/// The steps, with names.
fn steps() -> Vec<(&'static str, Steps)> {
    let new = Steps::new;
    vec![
        (
            "flushed",
            new(0, false, 7)
                .write(4, b"one")
                .flush()
                .write(2, b"")
                .flush()
                .write(9, b"three")
                .flush()
                .end(false),
        ),
        (
            "appended",
            new(0, false, 3)
                .write(5, b"old")
                .append(false)
                .write(2, b"new")
                .append(false)
                .end(true),
        ),
        (
            "flushed_append",
            new(2, false, 5)
                .write(7, b"old")
                .append(false)
                .flush()
                .write(4, b"new")
                .flush()
                .end(false),
        ),
        (
            "again",
            new(1, false, 4)
                .write(3, b"one")
                .flush()
                .again()
                .write(2, b"two")
                .flush()
                .again()
                .end(false),
        ),
        (
            "copied",
            new(0, false, 4)
                .write(6, b"old")
                .append(true)
                .write(3, b"new")
                .flush()
                .end(true),
        ),
        (
            "padded",
            new(3, true, 2)
                .write(3, b"pad")
                .flush()
                .write(1, b"")
                .end(true),
        ),
        (
            "long",
            new(0, false, 2)
                .long(70_000)
                .flush()
                .write(1, b"x")
                .long(100)
                .append(false)
                .long(140_000)
                .flush()
                .end(false),
        ),
        (
            "pages",
            new(1, false, 4)
                .of_pages(0)
                .write(9, b"one")
                .flush()
                .write(2, b"two")
                .append(false)
                .write(5, b"three")
                .flush()
                .end(true),
        ),
        (
            "pages_trained",
            new(2, false, 5)
                .of_pages(1)
                .write(30, b"a record of the field, and another")
                .flush()
                .write(2, b"two")
                .flush()
                .again()
                .write(5, b"a record of the field")
                .end(true),
        ),
        (
            "pages_dictionary",
            new(2, false, 3)
                .of_pages(2)
                .write(4, b"a record of the field")
                .flush()
                .again()
                .write(4, b"and another")
                .append(true)
                .write(1, b"")
                .append(false)
                .end(false),
        ),
        (
            "mimic",
            new(0, false, 3)
                .write(3, b"abc")
                .mimic()
                .write(1, b"")
                .flush()
                .mimic()
                .end(true),
        ),
        (
            "unfinished_mimic",
            new(0, false, 2)
                .mimic()
                .write(2, b"abc")
                .mimic()
                .again()
                .write(3, b"d")
                .flush()
                .end(false),
        ),
    ]
}

/// Inputs of `append_after_damage`.
#[must_use]
pub fn inputs() -> Vec<Named> {
    let mut inputs = Vec::new();
    for (name, steps) in steps() {
        for (number, (damage, bytes)) in (0_u8..).zip(DAMAGE) {
            // Each of the flags once.
            let mut input = vec![1 << number];
            input.extend_from_slice(&steps.0);
            input.extend_from_slice(bytes);
            inputs.push((format!("{name}_{damage}"), input));
        }
    }
    inputs
}

/// The files of the steps, and each up to its middle.
#[must_use]
pub fn files() -> Vec<Named> {
    let mut files = Vec::new();
    for (name, steps) in steps() {
        let file = make(&mut Input::new(&steps.0)).file;
        let data = file.iter().rposition(|byte| *byte != 0).unwrap_or(0);
        files.push((format!("{name}_half"), file[..data / 2].to_vec()));
        files.push((name.to_owned(), file));
    }
    files
}
