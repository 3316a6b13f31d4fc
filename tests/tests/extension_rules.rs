//! The rules of `format-spec/extensions.md` on footer and postscript, each with files that keep it or break it: what
//! upstream does with them, and that Windrow reads what the rule allows and never misreads the rest. The rules on
//! chunks are in `extension_chunks.rs`.

use windrow::format::{FooterMetadata, VERSION_WINDROW};
use windrow::{Codec, WriterOptions};
use windrow_tests::both_sides::{BothSides, CODECS, file_of_six, open, refusal, six_records};
use windrow_tests::every_way::{check_file, check_reader};
use windrow_tests::file_builder::{
    FileBuilder, Tail, bytes_field, field_of_every_wire_type, varint_field,
};
use windrow_tests::record_spec::{Kind, RecordSpec, expand};
use windrow_tests::repository;
use windrow_tests::written::{uncompressed, write};

/// Rule 1 is what the differential test is for, rule 10 is advice on sizes; the tests below are named for the others.
#[test]
fn each_rule_has_its_tests() {
    let page = repository::read_text("format-spec/extensions.md");
    let numbers: Vec<u32> = page
        .lines()
        .skip_while(|line| !line.starts_with("| # | rule"))
        .skip(2)
        .map_while(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok())
        .collect();
    assert_eq!(numbers, (1..=13).collect::<Vec<u32>>());
}

#[test]
fn rule_2_uneven_counts_are_version_2_and_refused_at_open() {
    let mut bench = BothSides::start();
    let records = six_records();
    let options = uncompressed(1000).with_max_group_bytes(Some(100));
    let bytes = write(&expand(&records), options);
    let reader = open(&bytes).unwrap();
    assert_eq!(reader.footer().metadata.version, VERSION_WINDROW);
    check_reader(&reader, &expand(&records)).unwrap();
    let words = bench.upstream_refuses("uneven counts", &bytes);
    assert!(words.contains("Unrecognized version number"), "{words}");
    assert!(words.contains("needs:windrow"), "{words}");
}

#[test]
fn rule_2_even_counts_are_version_1_whatever_the_options() {
    let mut bench = BothSides::start();
    let records = [RecordSpec::new(Kind::Text, 50, 3, 9)];
    for most in [100, 1 << 20] {
        let options = uncompressed(1000).with_max_group_bytes(Some(most));
        let bytes = write(&expand(&records), options);
        let reader = open(&bytes).unwrap();
        assert_eq!(reader.footer().metadata.version, 1);
        assert_eq!(reader.num_chunks(), if most == 100 { 5 } else { 1 });
        assert!(!reader.writer_options_string().unwrap().contains("needs"));
        let path = bench.put(&bytes);
        check_file(&path, &expand(&records)).unwrap();
        bench.upstream.read(&path, &records).unwrap();
    }
}

#[test]
fn rule_2_uneven_counts_under_version_1_are_refused_by_us() {
    for counts in [[3, 5, 2], [5, 3, 2], [3, 2, 3], [2, 3, 3], [1, 1, 4]] {
        let mut builder = FileBuilder::new();
        for count in counts {
            builder.data(&vec![b"record"; count], Codec::Uncompressed);
        }
        let bytes = builder.finish(&Tail::default());
        assert_eq!(refusal(&bytes), "entry_records", "{counts:?}");
    }
}

#[test]
fn rule_4_unknown_fields_are_skipped() {
    let mut bench = BothSides::start();
    for field in [100, 101, 19_500, 536_870_911] {
        for bulk in [0, 1000, 100_000] {
            let fields = [
                field_of_every_wire_type(field),
                bytes_field(field, &vec![0xee; bulk]),
            ]
            .concat();
            let tail = Tail {
                metadata_fields: if field == 100 {
                    // Given out: it has to be what it is said to be.
                    bytes_field(100, &bytes_field(1, &vec![b'k'; bulk]))
                } else {
                    fields.clone()
                },
                fields_beside_metadata: fields.clone(),
                entry_fields: fields.clone(),
                postscript_fields: if bulk > 1000 { Vec::new() } else { fields },
                ..Tail::default()
            };
            let what = format!("field {field} with {bulk} bytes");
            bench.both_read(&what, &file_of_six(&tail), &six_records());
        }
    }
}

#[test]
fn rule_4_known_numbers_of_another_wire_type_are_skipped() {
    let mut bench = BothSides::start();
    let tail = Tail {
        metadata_fields: [bytes_field(2, b"xy"), varint_field(4, 7)].concat(),
        fields_beside_metadata: varint_field(1, 7),
        entry_fields: bytes_field(1, b"xy"),
        postscript_fields: bytes_field(1, b"xy"),
        ..Tail::default()
    };
    bench.both_read("other wire types", &file_of_six(&tail), &six_records());
}

#[test]
fn rule_4_a_postscript_above_its_block_is_refused_by_both() {
    let mut bench = BothSides::start();
    let tail = Tail {
        postscript_fields: bytes_field(100, &[0; 100_000]),
        ..Tail::default()
    };
    let bytes = file_of_six(&tail);
    bench.upstream_refuses("large postscript", &bytes);
    assert_eq!(refusal(&bytes), "no_postscript");
}

#[test]
fn rule_4_user_metadata_does_not_disturb_upstream() {
    let mut bench = BothSides::start();
    let records = six_records();
    for codec in CODECS {
        let options = WriterOptions::new().with_group_size(3).with_codec(codec);
        let options = options
            .with_metadata("schema", "{\"x\":1}")
            .with_metadata("", "")
            .with_metadata("bulk", vec![7; 300_000]);
        let bytes = write(&expand(&records), options.clone());
        let reader = open(&bytes).unwrap();
        assert_eq!(reader.user_metadata(), options.metadata());
        assert_eq!(reader.footer().metadata.version, 1);
        bench.both_read("user metadata", &bytes, &records);
    }
}

#[test]
fn rule_5_version_is_cut_to_32_bits_and_the_last_one_counts() {
    let mut bench = BothSides::start();
    let with_versions = |versions: &[u64]| {
        let fields = versions.iter().flat_map(|v| varint_field(1, *v)).collect();
        file_of_six(&Tail {
            metadata_fields: fields,
            ..Tail::default()
        })
    };
    bench.both_read("2^32 + 1", &with_versions(&[(1 << 32) + 1]), &six_records());
    bench.both_read("2, then 1", &with_versions(&[2, 1]), &six_records());
    for versions in [&[2][..], &[1, 2], &[(1 << 32) + 2]] {
        let bytes = with_versions(versions);
        bench.upstream_refuses("version 2", &bytes);
        check_reader(&open(&bytes).unwrap(), &expand(&six_records())).unwrap();
    }
    for versions in [&[0][..], &[3], &[1, 1 << 32], &[u64::MAX]] {
        let bytes = with_versions(versions);
        bench.upstream_refuses("unknown version", &bytes);
        assert_eq!(refusal(&bytes), "version", "{versions:?}");
    }
}

#[test]
fn rule_5_our_writer_writes_version_once() {
    let echo = |metadata: &FooterMetadata| metadata.encode();
    for most in [None, Some(60)] {
        let options = uncompressed(7).with_max_group_bytes(most);
        let bytes = write(&expand(&six_records()), options);
        let reader = open(&bytes).unwrap();
        // The record begins as the message is encoded: one version, first, and nothing of its own before it.
        let metadata = &reader.footer().metadata;
        let record = echo(metadata);
        let footer = usize::try_from(reader.footer().footer_offset).unwrap();
        let place = bytes[footer..]
            .windows(record.len())
            .position(|window| window == record);
        assert!(place.is_some_and(|place| place < 64), "{place:?}");
        let version = u8::try_from(metadata.version).unwrap();
        assert_eq!(version, if most.is_some() { 2 } else { 1 });
    }
}

#[test]
fn rule_11_writer_options_begin_with_the_group_size() {
    for (options, version) in [
        (uncompressed(1000), 1),
        (uncompressed(1000).with_max_group_bytes(Some(100)), 2),
        (uncompressed(1000).with_metadata("key", "value"), 1),
    ] {
        let bytes = write(&expand(&six_records()), options.clone());
        let reader = open(&bytes).unwrap();
        assert_eq!(reader.footer().metadata.version, version);
        let echo = reader.writer_options_string().unwrap();
        assert!(echo.starts_with("group_size:1000,"), "{echo}");
        assert!(echo.starts_with(&options.to_string()), "{echo}");
    }
}

#[test]
fn rule_11_other_writer_options_trouble_upstream_only() {
    let mut bench = BothSides::start();
    let mut tail = Tail::default();
    for absent in [None, Some(String::new())] {
        tail.metadata.writer_options = absent;
        bench.both_read("no options", &file_of_six(&tail), &six_records());
    }
    tail.metadata.writer_options = Some("group_size:1".to_owned());
    let bytes = file_of_six(&tail);
    check_reader(&open(&bytes).unwrap(), &expand(&six_records())).unwrap();
    let path = bench.put(&bytes);
    let error = bench.upstream.read(&path, &six_records()).unwrap_err();
    assert!(error.contains("group_size"), "{error}");
}

#[test]
fn rule_12_records_behind_the_entries_are_ignored() {
    let mut bench = BothSides::start();
    for behind in [
        vec![b"not a message \xff\xff".to_vec()],
        vec![vec![], vec![0; 70_000]],
        vec![varint_field(1, 64); 300],
    ] {
        for footer_codec in CODECS {
            let tail = Tail {
                footer_records: behind.clone(),
                footer_codec,
                ..Tail::default()
            };
            bench.both_read("further records", &file_of_six(&tail), &six_records());
        }
    }
}
