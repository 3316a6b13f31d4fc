//! The golden files of `tests/data/golden`: what was written once is read for ever.

use std::path::Path;

use windrow::format::hash;
use windrow::{Codec, Reader, ReaderOptions, WriterOptions};
use windrow_tests::every_way::{check_reader, full_text, option_sets};
use windrow_tests::hex_file::HexFile;
use windrow_tests::record_spec::{Kind, RecordSpec, expand};
use windrow_tests::repository;
use windrow_tests::upstream::Upstream;
use windrow_tests::written::{uncompressed, write};

const FOLDER: &str = "tests/data/golden";

/// One file of the folder. Rows never change; a new need gets a new row with a new name.
struct Golden {
    /// Name of the file, without `.hex`.
    name: &'static str,
    writer: By,
    /// The hash of the whole file, so that nobody changes one unnoticed.
    file_hash: u64,
}

enum By {
    /// `array_record` 0.8.6 with this option string.
    Upstream(&'static str),
    /// Windrow 0.1 with these options, uncompressed: it writes the same bytes today.
    WindrowSameBytes(fn() -> WriterOptions),
    /// Windrow 0.1 with these options. A later release may compress to other bytes.
    Windrow(fn() -> WriterOptions),
}

const GOLDEN: &[Golden] = &[
    Golden {
        name: "upstream_empty",
        writer: By::Upstream("group_size:1"),
        file_hash: 0x2e84_648d_8358_9aab,
    },
    Golden {
        name: "upstream_one_record",
        writer: By::Upstream("group_size:1,uncompressed"),
        file_hash: 0xb5e0_166b_cebf_d8bd,
    },
    Golden {
        name: "upstream_uncompressed_group7",
        writer: By::Upstream("group_size:7,uncompressed"),
        file_hash: 0x1490_314c_9ef0_bc4d,
    },
    Golden {
        name: "upstream_zstd_group7",
        writer: By::Upstream("group_size:7,zstd:3"),
        file_hash: 0xa391_4f8e_eeed_0c1e,
    },
    Golden {
        name: "upstream_zstd_fast_group1",
        writer: By::Upstream("group_size:1,zstd:-5"),
        file_hash: 0xbb98_ebb9_0e44_953a,
    },
    Golden {
        name: "upstream_brotli_group7",
        writer: By::Upstream("group_size:7,brotli:6"),
        file_hash: 0x318c_a05f_c76c_b975,
    },
    Golden {
        name: "upstream_brotli_large_window",
        writer: By::Upstream("group_size:256,brotli:5,window_log:30"),
        file_hash: 0xfb73_a382_59dc_6325,
    },
    Golden {
        name: "upstream_snappy_group7",
        writer: By::Upstream("group_size:7,snappy"),
        file_hash: 0xdac8_ac57_f157_1275,
    },
    Golden {
        name: "upstream_padded",
        writer: By::Upstream("group_size:2,uncompressed,pad_to_block_boundary:true"),
        file_hash: 0x3f3f_016e_a3b1_42bb,
    },
    Golden {
        name: "upstream_empty_records",
        writer: By::Upstream("group_size:5000,zstd"),
        file_hash: 0x1570_6a54_c9df_a8c8,
    },
    Golden {
        name: "upstream_large_record",
        writer: By::Upstream("group_size:1,uncompressed"),
        file_hash: 0x08b2_6de9_60de_c05b,
    },
    Golden {
        name: "upstream_transposed",
        writer: By::Upstream("group_size:3,transpose:true,zstd"),
        file_hash: 0x09f0_1cbb_3d97_d7b6,
    },
    Golden {
        name: "windrow_uncompressed_group3",
        writer: By::WindrowSameBytes(|| uncompressed(3)),
        file_hash: 0xd36f_812b_3dca_67f5,
    },
    Golden {
        name: "windrow_user_metadata",
        writer: By::WindrowSameBytes(|| {
            uncompressed(2)
                .with_metadata("schema", "{\"x\":1}")
                .with_metadata("", [0, 255, 128])
        }),
        file_hash: 0x40b3_3819_5adf_8b1f,
    },
    Golden {
        name: "windrow_early_close",
        writer: By::WindrowSameBytes(|| uncompressed(100).with_max_group_bytes(Some(300))),
        file_hash: 0x73aa_4100_0e0e_5c04,
    },
    Golden {
        name: "windrow_zstd_group7",
        writer: By::Windrow(|| with_codec(Codec::Zstd { level: 3 })),
        file_hash: 0xa391_4f8e_eeed_0c1e,
    },
    Golden {
        name: "windrow_brotli_group7",
        writer: By::Windrow(|| with_codec(Codec::Brotli { level: 6 })),
        file_hash: 0x318c_a05f_c76c_b975,
    },
    Golden {
        name: "windrow_snappy_group7",
        writer: By::Windrow(|| with_codec(Codec::Snappy)),
        file_hash: 0xae2c_bb3b_93e7_9536,
    },
];

fn with_codec(codec: Codec) -> WriterOptions {
    WriterOptions::new().with_group_size(7).with_codec(codec)
}

/// What a golden file holds. Frozen, like the files.
fn build(name: &str) -> Vec<RecordSpec> {
    let text = |len, seed, repeat| RecordSpec::new(Kind::Text, len, seed, repeat);
    let random = |len, seed, repeat| RecordSpec::new(Kind::Random, len, seed, repeat);
    let empty = |repeat| RecordSpec::new(Kind::Const, 0, 0, repeat);
    match name {
        "upstream_empty" => vec![],
        "upstream_one_record" => vec![text(64, 1, 1)],
        "upstream_padded" => vec![text(70, 2, 3), random(9, 3, 2)],
        "upstream_empty_records" => vec![empty(5003)],
        "upstream_large_record" => vec![text(10, 4, 1), text(140_000, 5, 1), random(10, 6, 1)],
        "upstream_transposed" => vec![text(20, 7, 4), empty(1)],
        "windrow_early_close" => vec![text(300, 8, 2), text(20, 9, 3), random(3, 10, 2)],
        // All others differ in how the records are written, not in the records.
        _ => vec![
            text(100, 11, 8),
            empty(2),
            random(33, 12, 7),
            text(1, 13, 3),
            text(700, 14, 3),
        ],
    }
}

impl Golden {
    fn bytes(&self) -> Vec<u8> {
        let path = repository::path(FOLDER).join(format!("{}.hex", self.name));
        if !path.exists() {
            let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.hex", self.name));
            let bytes = self.write_today();
            std::fs::write(&made, HexFile::text_of(&bytes)).unwrap();
            panic!(
                "{FOLDER}/{}.hex is missing; if it is a new one: {} with the hash {:#018x}",
                self.name,
                made.display(),
                hash(&bytes)
            );
        }
        let file = HexFile::parse(&std::fs::read_to_string(path).unwrap());
        file.unwrap_or_else(|error| panic!("{}: {error}", self.name))
            .bytes
    }

    /// The bytes that its writer gives today.
    fn write_today(&self) -> Vec<u8> {
        match self.writer {
            By::Upstream(options) => {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("file");
                let written = Upstream::start().write(&path, options, &build(self.name));
                written.unwrap();
                std::fs::read(path).unwrap()
            }
            By::Windrow(options) | By::WindrowSameBytes(options) => {
                write(&expand(&build(self.name)), options())
            }
        }
    }
}

#[test]
fn each_file_is_in_the_table_and_unchanged() {
    let mut expected: Vec<String> = GOLDEN
        .iter()
        .map(|golden| format!("{}.hex", golden.name))
        .collect();
    expected.push("README.md".to_owned());
    expected.sort_unstable();
    let wrong: Vec<String> = GOLDEN
        .iter()
        .map(|golden| (golden, hash(&golden.bytes())))
        .filter(|(golden, found)| golden.file_hash != *found)
        .map(|(golden, found)| format!("{}: hash {found:#018x}", golden.name))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(repository::files_in(FOLDER), expected);
    let readme = repository::read_text(format!("{FOLDER}/README.md"));
    for golden in GOLDEN {
        assert!(
            readme.contains(&format!("| `{}` |", golden.name)),
            "{} is not described",
            golden.name
        );
    }
}

#[test]
fn each_file_is_read_by_every_method() {
    for golden in GOLDEN {
        let (bytes, records) = (golden.bytes(), expand(&build(golden.name)));
        for (options, reader_options) in option_sets() {
            let checked = Reader::from_bytes(bytes.clone(), reader_options)
                .map_err(|error| full_text(&error))
                .and_then(|reader| check_reader(&reader, &records));
            let checks = checked.unwrap_or_else(|e| panic!("{}, {options}: {e}", golden.name));
            assert!(checks > records.len() as u64);
        }
    }
}

#[test]
fn uncompressed_files_are_written_alike_today() {
    for golden in GOLDEN {
        let options = match golden.writer {
            By::Upstream(options) if options.contains("uncompressed") => options.parse().unwrap(),
            By::WindrowSameBytes(options) => options(),
            By::Upstream(_) | By::Windrow(_) => continue,
        };
        let written = write(&expand(&build(golden.name)), options);
        assert!(written == golden.bytes(), "{}", golden.name);
    }
}

#[test]
fn what_was_asked_for_is_in_the_files() {
    for golden in GOLDEN {
        let reader = Reader::from_bytes(golden.bytes(), ReaderOptions::new()).unwrap();
        let (echo, metadata) = match golden.writer {
            By::Upstream(options) => (options.parse::<WriterOptions>().unwrap(), vec![]),
            By::Windrow(options) | By::WindrowSameBytes(options) => {
                (options(), options().metadata().to_vec())
            }
        };
        let early = golden.name == "windrow_early_close";
        let hint = if early { ",needs:windrow" } else { "" };
        let expected = format!("{echo}{hint}");
        assert_eq!(reader.writer_options_string(), Some(expected.as_str()));
        assert_eq!(reader.user_metadata(), metadata, "{}", golden.name);
        let version = if early { 2 } else { 1 };
        assert_eq!(reader.footer().metadata.version, version, "{}", golden.name);
    }
}

#[test]
fn upstream_reads_all_of_version_1_and_writes_its_own_alike_today() {
    let mut upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for golden in GOLDEN {
        let (bytes, records) = (golden.bytes(), build(golden.name));
        std::fs::write(&path, &bytes).unwrap();
        if golden.name == "windrow_early_close" {
            let verdict = upstream.open(&path, "").unwrap();
            assert!(
                format!("{verdict:?}").contains("needs:windrow"),
                "{verdict:?}"
            );
            continue;
        }
        let read = upstream.read(&path, &records);
        read.unwrap_or_else(|error| panic!("{}: {error}", golden.name));
        if let By::Upstream(options) = golden.writer {
            upstream.write(&path, options, &records).unwrap();
            assert!(std::fs::read(&path).unwrap() == bytes, "{}", golden.name);
        }
    }
}
