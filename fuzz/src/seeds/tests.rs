use windrow_tests::hostile::Random;

use super::*;
use crate::{
    Harm, append_after_damage, mutate_valid_file, options_string, pages_decode, recipe,
    recover_any_bytes, round_trip, transposed_decode,
};

fn seeds(target: &str) -> Vec<Named> {
    let (_, seeds) = (all().into_iter())
        .find(|(name, _)| *name == target)
        .expect("a target with seeds");
    assert!(seeds.len() >= 15, "{target}: {} seeds", seeds.len());
    seeds
}

#[test]
fn files_open_from_their_seeds() {
    let whole = files();
    let seeds = seeds("open_any_bytes");
    for (name, seed) in seeds
        .iter()
        .filter(|(name, _)| whole.iter().any(|file| file.0 == *name))
    {
        let findings = open_any_bytes::run(seed);
        assert!(
            findings.opens && findings.is_sound,
            "{name}: {:?}",
            findings.codes
        );
    }
}

#[test]
fn recipes_make_files_of_the_same_records() {
    let mut known = 0;
    for (name, file) in files() {
        let original = Reader::from_bytes(file.as_slice(), ReaderOptions::new());
        let original = original.expect("a sound file");
        let Some(recipe) = recipe_of(&file) else {
            assert!(original.has_columns(), "{name}");
            continue;
        };
        let made = recipe::make(&recipe);
        let copy = Reader::from_bytes(made.file, ReaderOptions::new());
        let copy = copy.unwrap_or_else(|error| panic!("{name}: {error}"));
        if let Ok(records) = original.read_all() {
            let copied = copy.read_all().expect("what the original gives");
            assert_eq!(copied.to_vecs(), records.to_vecs(), "{name}");
            if let Some(known_records) = made.records {
                assert_eq!(known_records, records.to_vecs(), "{name}");
                known += 1;
            }
        }
    }
    assert!(known >= 20, "{known} files are honest recipes");
}

#[test]
fn every_seed_runs() {
    for (name, seed) in seeds("mutate_valid_file") {
        let findings = mutate_valid_file::run(&seed);
        assert!(findings.opens, "{name}: {:?}", findings.codes);
    }
    for (_, seed) in seeds("chunk_decode") {
        chunk_decode::run(&seed);
    }
    for (_, seed) in seeds("recover_any_bytes") {
        recover_any_bytes::run(&seed);
    }
    for (_, seed) in seeds("append_after_damage") {
        append_after_damage::run(&seed);
    }
    for (_, seed) in seeds("options_string") {
        options_string::run(&seed);
    }
    for (_, seed) in seeds("transposed_decode") {
        transposed_decode::run(&seed);
    }
    for (_, seed) in seeds("pages_decode") {
        pages_decode::run(&seed);
    }
    for (_, seed) in seeds("column_chunk_any_bytes") {
        column_chunk_any_bytes::run(&seed);
    }
    for (_, seed) in seeds("round_trip") {
        round_trip::run(&seed);
    }
}

#[test]
fn grown_files_end_in_every_way() {
    let (mut whole, mut gaps, mut refused, mut grew) = (0, 0, 0, 0);
    for (_, seed) in seeds("append_after_damage") {
        let found = append_after_damage::run(&seed);
        whole += u32::from(found.harm == Harm::None);
        let recovered = found.recovered.unwrap_or_default();
        gaps += u32::from(!recovered.iter().copied().eq(0..recovered.len()));
        match found.refused {
            Some(_) => refused += 1,
            None => grew += 1,
        }
    }
    let counts = [whole, gaps, refused, grew];
    assert!(counts.iter().all(|count| *count >= 5), "{counts:?}");
}

/// As libFuzzer begins: a byte or two changed, taken out or put in. Also reports, for people who look, how much of it
/// gets how far.
#[test]
fn half_of_the_mutations_pass_the_header_hash() {
    let seeds = seeds("mutate_valid_file");
    let mut random = Random::new(11);
    let (mut opens, before) = (0, mutate_valid_file::counts());
    const RUNS: u64 = 1500;
    for _ in 0..RUNS {
        let mut seed = seeds[random.below(seeds.len())].1.clone();
        for _ in 0..=random.below(2) {
            let place = random.below(seed.len());
            match random.below(4) {
                0 => drop(seed.remove(place)),
                1 => seed.insert(place, random.next_u64().to_le_bytes()[0]),
                _ => seed[place] = random.next_u64().to_le_bytes()[0],
            }
            seed.push(0);
        }
        opens += u64::from(mutate_valid_file::run(&seed).opens);
    }
    let (runs, passed) = mutate_valid_file::counts();
    let (runs, passed) = (runs - before.0, passed - before.1);
    eprintln!("{runs} runs: {passed} pass the header hash, {opens} open");
    assert_eq!(runs, RUNS);
    assert!(2 * passed >= runs, "{passed} of {runs}");
}
