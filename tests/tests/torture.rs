//! A bounded form of `make torture`: flipped bits, cut files, killed writers.

use std::path::Path;

use windrow_tests::torture::{cut_files, cut_tables, flip_bits, flip_table_bits, kill_writers};

/// Another number gives other cases; all of them must hold.
const SEED: u64 = 1;

#[test]
fn a_flipped_bit_is_noticed_or_harmless() {
    let counts = flip_bits(SEED, 200);
    eprintln!("200 flips: {counts}");
    // Else the cases say little.
    assert!(counts.refused > 10 && counts.unreadable > 30 && counts.reported > 30);
}

#[test]
fn what_is_whole_in_front_of_a_cut_is_recovered() {
    let counts = cut_files(SEED, 200);
    eprintln!("200 cuts: {counts}");
    assert!(counts.recovered > 150 && counts.opened > 30);
}

#[test]
fn a_flipped_bit_of_a_table_is_noticed_or_harmless() {
    let counts = flip_table_bits(SEED, 150);
    eprintln!("150 flips in files of columns: {counts}");
    assert!(counts.refused > 5 && counts.unreadable > 30 && counts.reported > 20);
}

#[test]
fn row_groups_in_front_of_a_cut_are_recovered() {
    let counts = cut_tables(SEED, 150);
    eprintln!("150 cuts of files of columns: {counts}");
    assert!(counts.recovered > 100 && counts.opened > 15);
}

#[test]
fn what_was_flushed_survives_a_kill() {
    let counts = kill_writers(SEED, 20, Path::new(env!("CARGO_BIN_EXE_torture")));
    eprintln!("20 kills: {counts}");
    assert_eq!(counts.killed(), 20);
    assert!(counts.columns > 0 && counts.columns < 20);
    assert!(counts.creating > 0 && counts.resuming > 0 && counts.appending > 0);
}
