//! `round_trip`: what is written comes back, whatever the options.
//!
//! An input is the options, then steps until the bytes end: write a record, write several, flush.

use windrow::{Codec, Reader, SourceName, VerifyOptions, Writer, WriterOptions, verify_store};
use windrow_tests::hostile::{Outcome, assert_methods};

use crate::examine::reader_options;
use crate::grown::pages;
use crate::input::{Input, push_bytes};
use crate::memory::{bound, within};

/// Most bytes of one record, and of all.
const MAX_RECORD_BYTES: usize = 200_000;
const MAX_BYTES: usize = 1 << 20;
const MAX_RECORDS: usize = 300;

/// Runs the target.
///
/// # Panics
/// If a record comes back otherwise, if the file is not sound, or if its bytes depend on the number of threads.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let flags = input.byte();
    let options = writer_options(&mut input);
    let steps = steps(&mut input);
    let file = write(options.clone().with_max_parallelism(Some(1)), &steps);
    if flags & 0x80 != 0 {
        let parallel = write(options.with_max_parallelism(Some(3)), &steps);
        assert!(file == parallel, "three threads write other bytes");
    }
    let expected: Vec<Outcome> = (steps.iter())
        .filter_map(|step| match step {
            Step::Write(record) => Some(Ok(record.clone())),
            Step::Flush => None,
        })
        .collect();
    let options = reader_options(flags);
    let most = bound(&options, file.len());
    let verify = VerifyOptions::new()
        .with_deep(true)
        .with_reader_options(options.clone());
    let copy = file.clone();
    let report = within("verify", most, || {
        verify_store(copy, SourceName::MEMORY, &verify)
    });
    let report = report.expect("bytes in memory can be read");
    assert!(report.is_sound(), "{:?}", report.faults);
    assert_eq!(report.records, Some(expected.len() as u64));
    let reader = within("open", most, || Reader::from_bytes(file, options));
    assert_methods("a file", &reader.expect("a sound file"), &expected);
}

/// An input that writes these records, with options that depend on `number`: each codec, groups of 1, 2, 3 and so on
/// records, all extras one after the other.
#[must_use]
pub fn input_of<R: AsRef<[u8]>>(number: u8, records: &[R]) -> Vec<u8> {
    let extras = number / 4 % 16 | number << 5;
    let mut input = vec![number, 23, number, extras];
    if extras & 1 != 0 && number % 4 >= 2 {
        input.push(8);
    }
    if extras & 2 != 0 {
        input.push(40);
    }
    input.push(number % 61);
    if extras & 8 != 0 {
        push_bytes(&mut input, b"value");
    }
    for record in records {
        input.push(1);
        push_bytes(&mut input, record.as_ref());
    }
    input
}

enum Step {
    Write(Vec<u8>),
    Flush,
}

fn steps(input: &mut Input<'_>) -> Vec<Step> {
    let (mut steps, mut bytes, mut records) = (Vec::new(), 0, 0);
    while !input.is_empty() && bytes < MAX_BYTES && records < MAX_RECORDS {
        let kind = input.byte();
        if kind % 8 == 7 {
            steps.push(Step::Flush);
            continue;
        }
        // Long records are short ones again and again.
        let pattern = input.bytes();
        let len = match kind % 8 {
            0 if !pattern.is_empty() => input.below(MAX_RECORD_BYTES),
            _ => pattern.len().min(MAX_RECORD_BYTES),
        };
        let record: Vec<u8> = pattern.iter().copied().cycle().take(len).collect();
        bytes += len;
        records += 1;
        steps.push(Step::Write(record));
    }
    steps
}

fn writer_options(input: &mut Input<'_>) -> WriterOptions {
    let level = input.byte();
    let codec = match input.byte() % 4 {
        0 => Codec::Uncompressed,
        1 => Codec::Snappy,
        2 => Codec::Zstd {
            level: i32::from(level % 42) - 20,
        },
        _ => Codec::Brotli {
            level: u32::from(level % 10),
        },
    };
    let extras = input.byte();
    let has_window = matches!(codec, Codec::Zstd { .. } | Codec::Brotli { .. });
    let window_log = (has_window && extras & 1 != 0).then(|| 10 + u32::from(input.byte() % 15));
    let group_bytes = (extras & 2 != 0).then(|| 1 + input.number() % (1 << 20));
    let group_size = 1 + u32::try_from(input.below(400)).expect("below 400");
    let mut options = WriterOptions::new()
        .with_codec(codec)
        .with_window_log(window_log)
        .with_max_group_bytes(group_bytes)
        .with_group_size(group_size)
        .with_pad_to_block_boundary(extras & 4 != 0);
    if extras & 8 != 0 {
        let value = input.bytes();
        options = options.with_metadata("key", value).with_metadata("", value);
    }
    pages(options, extras >> 5)
}

fn write(options: WriterOptions, steps: &[Step]) -> Vec<u8> {
    let mut writer = Writer::create(Vec::new(), options).expect("valid options");
    for step in steps {
        match step {
            Step::Write(record) => writer.write(record),
            Step::Flush => writer.flush(),
        }
        .expect("writing to memory");
    }
    let (file, summary) = writer.finish().expect("writing to memory");
    assert_eq!(summary.file_bytes, file.len() as u64);
    file
}
