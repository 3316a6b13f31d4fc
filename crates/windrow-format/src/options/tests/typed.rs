//! Setters, getters, `validate()` and error codes.

use crate::Codec;

use super::super::{
    DEFAULT_BROTLI_LEVEL, DictionaryOption, IndexStorage, Layout, OnCorrupt, OptionsError,
    ReaderOptions, WriterOptions,
};

fn messages(options: &WriterOptions) -> Vec<String> {
    match options.validate() {
        Ok(()) => Vec::new(),
        Err(errors) => errors.into_iter().map(|error| error.to_string()).collect(),
    }
}

#[test]
fn writer_getters_return_what_was_set() {
    let options = WriterOptions::new()
        .with_group_size(7)
        .with_max_group_bytes(Some(8))
        .with_codec(Codec::Brotli { level: 9 })
        .with_window_log(Some(20))
        .with_max_parallelism(Some(11))
        .with_pad_to_block_boundary(true)
        .with_transpose(true)
        .with_transpose_bucket_bytes(12)
        .with_metadata("a", "1")
        .with_metadata("b", vec![0xff])
        .with_atomic(true);
    assert_eq!(options.group_size(), 7);
    assert_eq!(options.max_group_bytes(), Some(8));
    assert_eq!(options.codec(), Codec::Brotli { level: 9 });
    assert_eq!(options.window_log(), Some(20));
    assert_eq!(options.max_parallelism(), Some(11));
    assert!(options.pad_to_block_boundary());
    assert!(options.transpose());
    assert_eq!(options.transpose_bucket_bytes(), 12);
    let want = [
        ("a".to_owned(), b"1".to_vec()),
        ("b".to_owned(), vec![0xff]),
    ];
    assert_eq!(options.metadata(), want);
    assert!(options.atomic());
    assert_eq!(options.validate(), Ok(()));
}

#[test]
fn layouts_and_what_they_do_not_go_with() {
    let pages = WriterOptions::new().with_layout(Layout::Pages);
    assert_eq!(
        (pages.group_size(), pages.max_group_bytes()),
        (1024, Some(256 << 10))
    );
    assert_eq!(pages.clone().with_group_size(1024), pages);
    let groups = pages.clone().with_layout(Layout::Groups);
    assert_eq!(groups, WriterOptions::new());
    for dictionary in [DictionaryOption::Auto, DictionaryOption::Size(256)] {
        let options = pages.clone().with_dictionary(dictionary.clone());
        assert_eq!(options.dictionary(), &dictionary);
        assert_eq!(options.validate(), Ok(()));
        let all = options
            .with_layout(Layout::Groups)
            .with_codec(Codec::Snappy);
        assert_eq!(
            messages(&all),
            [
                "Option dictionary conflicts with option layout:groups",
                "Option dictionary conflicts with option snappy"
            ]
        );
    }
    let small = pages.clone().with_dictionary(DictionaryOption::Size(255));
    assert_eq!(messages(&small).len(), 1);
    assert!(messages(&small)[0].starts_with("Option dictionary: invalid value: 255"));
    assert_eq!(
        messages(&pages.with_transpose(true)),
        ["Option layout conflicts with option transpose"]
    );
    for (text, wrong) in [
        (
            "layout:rows",
            "Option layout: invalid value: rows, valid values: groups, pages",
        ),
        (
            "layout",
            "Option layout: invalid value: (empty), valid values: groups, pages",
        ),
        (
            "dictionary:auto",
            "Option dictionary conflicts with option layout:groups",
        ),
        (
            "transpose,layout:pages",
            "Option layout conflicts with option transpose",
        ),
        (
            "layout:pages,brotli,dictionary:1M",
            "Option dictionary conflicts with option brotli",
        ),
    ] {
        let error = text.parse::<WriterOptions>().unwrap_err();
        assert_eq!(error.to_string(), wrong);
    }
}

#[test]
fn writer_defaults() {
    let options = WriterOptions::new();
    assert_eq!(options.group_size(), 1);
    assert_eq!(options.max_group_bytes(), None);
    assert_eq!(options.codec(), Codec::Zstd { level: 3 });
    assert_eq!(options.window_log(), None);
    assert_eq!(options.max_parallelism(), None);
    assert!(!options.pad_to_block_boundary());
    assert!(!options.transpose());
    assert_eq!(options.transpose_bucket_bytes(), 256);
    assert_eq!(options.metadata(), []);
    assert!(!options.atomic());
    assert_eq!(options.validate(), Ok(()));
    assert_eq!("".parse(), Ok(options));
}

#[test]
fn the_effective_window_depends_on_the_codec() {
    let options = |codec| WriterOptions::new().with_codec(codec);
    let level = DEFAULT_BROTLI_LEVEL;
    let cases = [
        (Codec::Zstd { level: 3 }, Some(20)),
        (Codec::Brotli { level }, Some(22)),
        (Codec::Uncompressed, None),
        (Codec::Snappy, None),
    ];
    for (codec, automatic) in cases {
        assert_eq!(options(codec).effective_window_log(), automatic);
    }
    let zstd = options(Codec::Zstd { level: 1 }).with_window_log(Some(27));
    assert_eq!(zstd.effective_window_log(), Some(27));
}

#[test]
fn validate_returns_every_problem_at_once() {
    let options = WriterOptions::new()
        .with_group_size(0)
        .with_max_group_bytes(Some(0))
        .with_codec(Codec::Zstd { level: 23 })
        .with_window_log(Some(32))
        .with_max_parallelism(Some(0))
        .with_transpose_bucket_bytes(0)
        .with_metadata("twice", "1")
        .with_metadata("", "")
        .with_metadata("twice", "2")
        .with_metadata("", "")
        .with_metadata("twice", "3");
    let want = [
        "Option group_size: invalid value: 0, valid values: integers in the range [1..2147483647]",
        "Option max_group_bytes: invalid value: 0, valid values: none, integers in the range [1..18446744073709551615]",
        "Option zstd: invalid value: 23, valid values: (empty), integers in the range [-131072..22]",
        "Option window_log: invalid value: 32, valid values: auto, integers in the range [10..31]",
        "Option max_parallelism: invalid value: 0, valid values: auto, integers in the range [1..2147483647]",
        "Option transpose_bucket_size: invalid value: 0, valid values: auto, integers expressed as reals with optional suffix [BkKMGTPE], in the range [1..18446744073709551615]",
        "Option metadata: key (empty) is present more than once",
        "Option metadata: key twice is present more than once",
    ];
    assert_eq!(messages(&options), want);
    assert_eq!(options.validate().unwrap_err().to_string(), want.join("; "));
    assert_eq!(options.validate().unwrap_err().as_slice().len(), want.len());
}

#[test]
fn each_limit_is_the_last_value_that_passes() {
    let zstd = |level| WriterOptions::new().with_codec(Codec::Zstd { level });
    let brotli = |level| WriterOptions::new().with_codec(Codec::Brotli { level });
    let log = |options: WriterOptions, log| options.with_window_log(Some(log));
    let good = [
        WriterOptions::new().with_group_size(2_147_483_647),
        WriterOptions::new().with_max_parallelism(Some(2_147_483_647)),
        WriterOptions::new().with_transpose_bucket_bytes(u64::MAX),
        zstd(-131_072),
        zstd(22),
        brotli(11),
        log(zstd(3), 10),
        log(zstd(3), 31),
        log(brotli(6), 10),
        log(brotli(6), 30),
    ];
    for options in good {
        assert_eq!(options.validate(), Ok(()), "{options:?}");
    }
    let bad = [
        WriterOptions::new().with_group_size(2_147_483_648),
        WriterOptions::new().with_max_parallelism(Some(2_147_483_648)),
        zstd(-131_073),
        brotli(12),
        log(zstd(3), 9),
        log(brotli(6), 9),
        log(brotli(6), 31),
        log(WriterOptions::new().with_codec(Codec::Snappy), 20),
        log(WriterOptions::new().with_codec(Codec::Uncompressed), 20),
    ];
    for options in bad {
        assert_eq!(messages(&options).len(), 1, "{options:?}");
    }
}

#[test]
fn a_window_conflicts_with_a_codec_that_has_none() {
    let options = WriterOptions::new()
        .with_codec(Codec::Snappy)
        .with_window_log(Some(20));
    assert_eq!(
        messages(&options),
        ["Option window_log conflicts with option snappy"]
    );
}

#[test]
fn reader_getters_return_what_was_set() {
    let options = ReaderOptions::new()
        .with_readahead_buffer_bytes(Some(1))
        .with_max_parallelism(Some(2))
        .with_index_storage(IndexStorage::Offloaded)
        .with_footer_prefetch_bytes(Some(3))
        .with_max_chunk_bytes(4)
        .with_max_record_bytes(5)
        .with_max_batch_bytes(6)
        .with_chunk_cache_bytes(7)
        .with_on_corrupt(OnCorrupt::Skip);
    assert_eq!(options.readahead_buffer_bytes(), Some(1));
    assert_eq!(options.max_parallelism(), Some(2));
    assert_eq!(options.index_storage(), IndexStorage::Offloaded);
    assert_eq!(options.footer_prefetch_bytes(), Some(3));
    assert_eq!(options.max_chunk_bytes(), 4);
    assert_eq!(options.max_record_bytes(), 5);
    assert_eq!(options.max_batch_bytes(), 6);
    assert_eq!(options.chunk_cache_bytes(), 7);
    assert_eq!(options.on_corrupt(), OnCorrupt::Skip);
    assert_eq!(options.validate(), Ok(()));
}

#[test]
fn reader_defaults() {
    let options = ReaderOptions::new();
    assert_eq!(options.readahead_buffer_bytes(), None);
    assert_eq!(options.max_parallelism(), None);
    assert_eq!(options.index_storage(), IndexStorage::InMemory);
    assert_eq!(options.footer_prefetch_bytes(), None);
    assert_eq!(options.max_chunk_bytes(), 4_294_967_296);
    assert_eq!(options.max_record_bytes(), 4_294_967_296);
    assert_eq!(options.max_batch_bytes(), 8_589_934_592);
    assert_eq!(options.chunk_cache_bytes(), 33_554_432);
    assert_eq!(options.on_corrupt(), OnCorrupt::Raise);
    assert_eq!(options.validate(), Ok(()));
    assert_eq!("".parse(), Ok(options));
}

#[test]
fn reader_validate_returns_every_problem_at_once() {
    let limit = 1 << 30;
    let good = ReaderOptions::new()
        .with_readahead_buffer_bytes(Some(limit))
        .with_footer_prefetch_bytes(Some(limit))
        .with_max_parallelism(Some(2_147_483_647))
        .with_chunk_cache_bytes(0);
    assert_eq!(good.validate(), Ok(()));
    let bad = ReaderOptions::new()
        .with_readahead_buffer_bytes(Some(limit + 1))
        .with_footer_prefetch_bytes(Some(limit + 2))
        .with_max_parallelism(Some(2_147_483_648))
        .with_max_chunk_bytes(0)
        .with_max_record_bytes(0)
        .with_max_batch_bytes(0);
    let errors = bad.validate().unwrap_err();
    let named: Vec<(&str, &str)> = errors
        .as_slice()
        .iter()
        .map(|error| match error {
            OptionsError::InvalidValue { option, value, .. } => (*option, value.as_str()),
            other => panic!("{other}"),
        })
        .collect();
    let want = [
        ("max_parallelism", "2147483648"),
        ("readahead_buffer_size", "1073741825"),
        ("footer_prefetch_bytes", "1073741826"),
        ("max_chunk_bytes", "0"),
        ("max_record_bytes", "0"),
        ("max_batch_bytes", "0"),
    ];
    assert_eq!(named, want);
}

#[test]
fn on_corrupt_has_words() {
    for on_corrupt in [OnCorrupt::Raise, OnCorrupt::Skip] {
        assert_eq!(on_corrupt.to_string().parse(), Ok(on_corrupt));
    }
    let error = "ignore".parse::<OnCorrupt>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "Option on_corrupt: invalid value: ignore, valid values: raise, skip"
    );
}

#[test]
fn codes_are_stable() {
    let code = |text: &str| text.parse::<WriterOptions>().unwrap_err().code();
    assert_eq!(code("blah"), "unknown_option");
    assert_eq!(code("zstd,zstd"), "repeated_option");
    assert_eq!(code("group_size:0"), "invalid_option_value");
    assert_eq!(code("zstd,brotli"), "conflicting_options");
    assert_eq!(code("zstd,default"), "option_not_first");
    let twice = WriterOptions::new()
        .with_metadata("a", "")
        .with_metadata("a", "");
    let errors = twice.validate().unwrap_err();
    assert_eq!(errors.as_slice()[0].code(), "repeated_metadata_key");
}
