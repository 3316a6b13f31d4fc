//! Arrow files and streams as inputs: damage.

use arrow_ipc::reader::read_footer_length;
use arrow_ipc::root_as_footer;

use crate::scratch::Scratch;

/// `a.arrow` and `a.arrows`, and their rows as `a.columns`.
fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.put("a.csv", "number,text\n1,one\n2,two\n");
    for name in ["a.arrow", "a.arrows", "a.columns"] {
        scratch.ok(&["convert", "a.csv", name]);
    }
    scratch
}

/// Where the footer of `a.arrow` tells of its record batch: 8 bytes each of its offset, its metadata and its body.
fn block(scratch: &Scratch) -> usize {
    let bytes = scratch.get("a.arrow");
    let (rest, tail) = bytes.split_last_chunk().unwrap();
    let footer = rest.len() - read_footer_length(*tail).unwrap();
    let blocks = root_as_footer(&rest[footer..]).unwrap().recordBatches();
    let block = blocks.unwrap().get(0).0;
    let mut windows = rest[footer..].windows(block.len());
    footer + windows.position(|window| window == block).unwrap()
}

#[test]
fn damage_is_an_error_of_the_file() {
    let scratch = scratch();
    let before = scratch.get("a.columns");
    let (block, whole) = (block(&scratch), scratch.get("a.arrow"));
    // A length below zero makes the reader panic, an offset below zero the system complain.
    for (end, words) in [(8, ""), (24, "the file is damaged")] {
        let mut bytes = whole.clone();
        bytes[block + end - 1] = 0xff;
        scratch.put("a.arrow", bytes);
        let words = ["a.arrow: cannot be read as Arrow: ", words];
        for args in [
            &["convert", "a.arrow", "new.columns"][..],
            &["convert", "--force", "a.arrow", "a.columns"],
            &["append", "a.columns", "a.arrow"],
        ] {
            scratch.fails(args, 1, &words);
        }
    }
    assert!(!scratch.path("new.columns").exists());
    assert_eq!(scratch.get("a.columns"), before);
}

#[test]
fn a_file_or_stream_that_is_cut_is_an_error_of_the_file() {
    let scratch = scratch();
    for name in ["a.arrow", "a.arrows"] {
        let whole = scratch.get(name);
        for len in [7, 100, whole.len() - 20] {
            scratch.put(name, &whole[..len]);
            let words = [name, ": cannot be read as Arrow: "];
            scratch.fails(&["convert", name, "new.csv"], 1, &words);
        }
    }
}
