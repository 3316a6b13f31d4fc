//! The rules of `format-spec/extensions.md` on chunks: of our own types, without records, in places where upstream has
//! none, with codecs and bytes that it never writes. The other rules are in `extension_rules.rs`.

use windrow::format::{ChunkType, VERSION_WINDROW};
use windrow::{Codec, ErrorKind, FormatError};
use windrow_tests::both_sides::{BothSides, CODECS, file_of_six, open, refusal, six_records};
use windrow_tests::every_way::{check_reader, full_text};
use windrow_tests::file_builder::{FileBuilder, RawChunk, Tail, records_chunk};
use windrow_tests::record_spec::{Kind, RecordSpec, expand};
use windrow_tests::upstream::Verdict;
use windrow_tests::written::{uncompressed, write};

const BLOCK_BYTES: usize = 65536;
const UNKNOWN: ChunkType = ChunkType::Unknown(0x69);

/// The code of the check that failed, below what explains it.
fn first_cause(error: &windrow::Error) -> &'static str {
    match error {
        windrow::Error::Format {
            source: FormatError::NoPostscript { source, .. },
            ..
        } => source.code(),
        other => other.code(),
    }
}

#[test]
fn rule_3_own_chunks_with_records_come_with_version_2() {
    let mut bench = BothSides::start();
    let own_chunk = RawChunk {
        chunk_type: ChunkType::Unknown(b'x'),
        num_records: 1,
        decoded_bytes: 5,
        data: b"\0\x01\x05abcde".to_vec(),
    };
    let spec = [RecordSpec::new(Kind::Text, 5, 6, 3)];
    let around = expand(&spec);
    for version in [1, VERSION_WINDROW] {
        let mut builder = FileBuilder::new();
        builder.data(&[&around[0]], Codec::Uncompressed);
        builder.listed(&own_chunk);
        builder.data(&[&around[2]], Codec::Uncompressed);
        let mut tail = Tail::default();
        tail.metadata.version = version;
        let bytes = builder.finish(&tail);

        let reader = open(&bytes).unwrap();
        assert_eq!(reader.read(0).unwrap(), around[0]);
        assert_eq!(reader.read(2).unwrap(), around[2]);
        for error in [reader.read(1).unwrap_err(), reader.read_all().unwrap_err()] {
            assert_eq!((error.code(), error.records()), ("chunk_type", Some(1..2)));
        }
        if version == VERSION_WINDROW {
            let words = bench.upstream_refuses("own chunk", &bytes);
            assert!(words.contains("Unrecognized version number"), "{words}");
        } else {
            // The reason for the rule: it finds out when the work has begun.
            let path = bench.put(&bytes);
            let verdict = bench.upstream.open(&path, "").unwrap();
            assert!(
                matches!(verdict, Verdict::Accepted { records: 3, .. }),
                "{verdict:?}"
            );
            let error = bench.upstream.read(&path, &spec).unwrap_err();
            assert!(error.contains("Unknown chunk type: 120"), "{error}");
        }
    }
}

/// Chunks that nobody lists, in every place where one may stand, and between data where it should not.
#[test]
fn rules_6_and_7_unlisted_chunks_without_records_are_skipped() {
    let mut bench = BothSides::start();
    let kinds = [
        UNKNOWN,
        ChunkType::Unknown(b'x'),
        ChunkType::Padding,
        ChunkType::Metadata,
        ChunkType::Simple,
    ];
    for chunk_type in kinds {
        for data_bytes in [0, 1, 5000, 65_432, 200_000] {
            let chunk = RawChunk::without_records(chunk_type, data_bytes);
            for (place, before, between, behind) in [
                ("before the first", true, false, false),
                ("between", false, true, false),
                ("behind the footer", false, false, true),
                ("in all places", true, true, true),
            ] {
                let mut builder = FileBuilder::new();
                if before {
                    builder.unlisted(&chunk);
                }
                for (number, record) in expand(&six_records()).iter().enumerate() {
                    if between && number == 3 {
                        builder.unlisted(&chunk);
                    }
                    builder.data(&[record], Codec::Uncompressed);
                }
                let tail = Tail {
                    behind_footer: if behind { vec![chunk.clone()] } else { vec![] },
                    ..Tail::default()
                };
                let what = format!("{chunk_type:?} of {data_bytes} bytes {place}");
                bench.both_read(&what, &builder.finish(&tail), &six_records());
            }
        }
    }
}

#[test]
fn rule_6_a_listed_chunk_without_records_is_refused_by_us() {
    for chunk_type in [UNKNOWN, ChunkType::Simple, ChunkType::Padding] {
        let mut builder = FileBuilder::new();
        builder.data(&[b"first"], Codec::Uncompressed);
        builder.listed(&RawChunk::without_records(chunk_type, 10));
        builder.data(&[b"third"], Codec::Uncompressed);
        let bytes = builder.finish(&Tail::default());
        assert_eq!(refusal(&bytes), "entry_records");
    }
}

#[test]
fn rules_7_and_9_chunks_behind_the_postscript() {
    let mut bench = BothSides::start();
    let footer_offset = {
        let mut builder = FileBuilder::new();
        for record in expand(&six_records()) {
            builder.data(&[record], Codec::Uncompressed);
        }
        builder.position()
    };
    let room = FileBuilder::room_behind_postscript(footer_offset);
    for spare in [0, 40, 41, 1000, room] {
        let tail = Tail {
            behind_postscript: vec![RawChunk::without_records(UNKNOWN, room - spare)],
            ..Tail::default()
        };
        let bytes = file_of_six(&tail);
        assert_eq!(bytes.len(), 2 * BLOCK_BYTES);
        bench.both_read(&format!("{spare} bytes spare"), &bytes, &six_records());
    }
    for spare in [1, 3, 39] {
        let tail = Tail {
            behind_postscript: vec![RawChunk::without_records(UNKNOWN, room - spare)],
            ..Tail::default()
        };
        let bytes = file_of_six(&tail);
        assert_eq!(bytes.len(), 3 * BLOCK_BYTES, "the padding spills");
        bench.upstream_refuses(&format!("{spare} bytes spare"), &bytes);
        assert_eq!(refusal(&bytes), "no_postscript");
    }
}

#[test]
fn rule_8_a_file_cut_at_a_block_is_refused() {
    let mut bench = BothSides::start();
    let edges = [
        65_000, 65_238, 65_258, 65_278, 65_400, 65_424, 65_425, 65_446, 65_472, 65_473, 130_000,
    ];
    for pad in [false, true] {
        for edge in edges {
            let records = [
                RecordSpec::new(Kind::Random, edge, 4, 3),
                RecordSpec::new(Kind::Text, 10, 5, 2),
            ];
            let options = uncompressed(1).with_pad_to_block_boundary(pad);
            let bytes = write(&expand(&records), options);
            for end in (BLOCK_BYTES..bytes.len()).step_by(BLOCK_BYTES) {
                let cut = &bytes[..end];
                let error = open(cut).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Truncated, "{edge}, cut at {end}");
                if end == BLOCK_BYTES {
                    assert_eq!(first_cause(&error), "file_too_short");
                } else {
                    assert_eq!(error.code(), "no_postscript", "{edge}, cut at {end}");
                }
                // Cut to one block, the signature looks like a postscript to upstream.
                if end > BLOCK_BYTES {
                    bench.upstream_refuses(&format!("{edge}, cut at {end}"), cut);
                }
            }
        }
    }
}

#[test]
fn rule_8_a_short_chunk_without_records_on_a_block_is_no_postscript_to_us() {
    let mut builder = FileBuilder::new();
    builder.data(&[b"record"], Codec::Uncompressed);
    builder.padding();
    builder.unlisted(&RawChunk::without_records(UNKNOWN, 1000));
    let bytes = builder.finish(&Tail::default());
    check_reader(&open(&bytes).unwrap(), &[b"record".to_vec()]).unwrap();
    let error = open(&bytes[..2 * BLOCK_BYTES]).unwrap_err();
    assert_eq!(error.code(), "no_postscript", "{}", full_text(&error));
}

#[test]
fn the_footer_may_have_another_codec_than_the_data() {
    let mut bench = BothSides::start();
    for footer_codec in CODECS {
        for codec in CODECS {
            let mut builder = FileBuilder::new();
            for record in expand(&six_records()) {
                builder.data(&[record], codec);
            }
            let tail = Tail {
                footer_codec,
                ..Tail::default()
            };
            let what = format!("{codec:?}, footer {footer_codec:?}");
            bench.both_read(&what, &builder.finish(&tail), &six_records());
        }
    }
    let mut builder = FileBuilder::new();
    for (record, codec) in expand(&six_records()).iter().zip(CODECS.iter().cycle()) {
        builder.data(&[record], *codec);
    }
    bench.both_read(
        "a codec per chunk",
        &builder.finish(&Tail::default()),
        &six_records(),
    );
}

#[test]
fn rule_13_bytes_behind_values_fail_the_chunk() {
    let mut bench = BothSides::start();
    for codec in CODECS {
        let (header, chunk) = records_chunk(&[[b'x'; 50]], codec);
        // The end of the frame, the skippable frame and the second one are zstd's; others see bytes.
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9];
        for behind in [&[0][..], &skippable, &chunk[chunk.len() - 20..]] {
            let mut builder = FileBuilder::new();
            builder.data(&[[b'x'; 50]], codec);
            builder.listed(&RawChunk {
                chunk_type: ChunkType::Simple,
                num_records: 1,
                decoded_bytes: header.decoded_bytes,
                data: [&chunk[40..], behind].concat(),
            });
            builder.data(&[[b'x'; 50]], codec);
            let bytes = builder.finish(&Tail::default());
            let reader = open(&bytes).unwrap();
            assert_eq!(reader.read(0).unwrap(), [b'x'; 50]);
            assert_eq!(reader.read(2).unwrap(), [b'x'; 50]);
            let error = reader.read(1).unwrap_err();
            let expected: &[&str] = match codec {
                // Without a codec, values that are too long; snappy reads on where its stream should end.
                Codec::Uncompressed => &["decoded_size"],
                Codec::Snappy => &["decompress"],
                _ => &["trailing_bytes"],
            };
            assert!(expected.contains(&error.code()), "{}", full_text(&error));

            let path = bench.put(&bytes);
            let all = [RecordSpec::new(Kind::Const, 50, 120, 1); 3];
            let error = bench.upstream.read(&path, &all).unwrap_err();
            assert!(
                !error.contains(": expected ") && !error.contains("died"),
                "{codec:?}: {error}"
            );
        }
    }
}

#[test]
fn the_builder_makes_what_the_writer_makes() {
    let mut tail = Tail::default();
    tail.metadata.writer_options = Some(uncompressed(1).to_string());
    assert!(file_of_six(&tail) == write(&expand(&six_records()), uncompressed(1)));
}
