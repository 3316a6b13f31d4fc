//! Properties that hold for all options and all strings.

use proptest::prelude::*;

use crate::Codec;

use super::super::{
    DictionaryOption, IndexStorage, Layout, MAX_FOOTER_PREFETCH_BYTES, MAX_GROUP_SIZE,
    MAX_PARALLELISM, MAX_READAHEAD_BUFFER_BYTES, READER_KEYS, ReaderOptions, WRITER_KEYS,
    WriterOptions, ZSTD_AUTO_WINDOW_LOG,
};

/// A codec and a window that its string can express: the automatic window of zstd is `None`.
fn codec() -> impl Strategy<Value = (Codec, Option<u32>)> {
    let zstd_log = (10_u32..=31).prop_filter("automatic", |log| *log != ZSTD_AUTO_WINDOW_LOG);
    prop_oneof![
        Just((Codec::Uncompressed, None)),
        Just((Codec::Snappy, None)),
        (0_u32..=11, proptest::option::of(10_u32..=30))
            .prop_map(|(level, log)| (Codec::Brotli { level }, log)),
        (-131_072..=22, proptest::option::of(zstd_log))
            .prop_map(|(level, log)| (Codec::Zstd { level }, log)),
    ]
}

/// The bucket of a transposed file. Beyond 2^53 only what a double can hold comes back from a
/// string.
fn bucket() -> impl Strategy<Value = u64> {
    prop_oneof![
        1_u64..=1 << 20,
        1_u64..=1 << 53,
        (53_u32..64).prop_map(|power| 1 << power),
        Just(u64::MAX)
    ]
}

/// How chunks are laid out.
#[derive(Debug, Clone)]
enum Chunks {
    Groups,
    Transposed(u64),
    Pages(DictionaryOption),
}

fn chunks() -> impl Strategy<Value = Chunks> {
    let dictionary = prop_oneof![
        Just(DictionaryOption::Off),
        Just(DictionaryOption::Auto),
        (256_u32..=16 << 20).prop_map(DictionaryOption::Size),
    ];
    prop_oneof![
        Just(Chunks::Groups),
        bucket().prop_map(Chunks::Transposed),
        dictionary.prop_map(Chunks::Pages),
    ]
}

fn writer_options() -> impl Strategy<Value = WriterOptions> {
    let group_size = proptest::option::of(1..=MAX_GROUP_SIZE);
    let shape = (chunks(), any::<bool>());
    (group_size, codec(), shape).prop_map(|(group_size, (codec, log), (chunks, pad))| {
        let mut options = WriterOptions::new()
            .with_codec(codec)
            .with_window_log(log)
            .with_pad_to_block_boundary(pad);
        if let Some(records) = group_size {
            options = options.with_group_size(records);
        }
        match chunks {
            Chunks::Groups => options,
            Chunks::Transposed(bytes) => options
                .with_transpose(true)
                .with_transpose_bucket_bytes(bytes),
            Chunks::Pages(dictionary) => {
                let takes_one = matches!(codec, Codec::Zstd { .. });
                let options = options.with_layout(Layout::Pages);
                if takes_one {
                    options.with_dictionary(dictionary)
                } else {
                    options
                }
            }
        }
    })
}

fn reader_options() -> impl Strategy<Value = ReaderOptions> {
    (
        proptest::option::of(0..=MAX_READAHEAD_BUFFER_BYTES),
        proptest::option::of(0..=MAX_PARALLELISM),
        any::<bool>(),
        proptest::option::of(0..=MAX_FOOTER_PREFETCH_BYTES),
    )
        .prop_map(|(readahead, jobs, offloaded, prefetch)| {
            let storage = if offloaded {
                IndexStorage::Offloaded
            } else {
                IndexStorage::InMemory
            };
            ReaderOptions::new()
                .with_readahead_buffer_bytes(readahead)
                .with_max_parallelism(jobs)
                .with_index_storage(storage)
                .with_footer_prefetch_bytes(prefetch)
        })
}

/// Strings that come close to the grammar: keys and fragments of values in any order.
fn near_misses() -> impl Strategy<Value = String> {
    let keys: Vec<&str> = WRITER_KEYS
        .iter()
        .chain(READER_KEYS)
        .map(|key| key.name)
        .collect();
    let value = prop_oneof![
        Just(String::new()),
        Just("auto".to_owned()),
        Just("true".to_owned()),
        Just("offloaded".to_owned()),
        "[ +-]{0,2}[0-9]{1,22}",
        "(0x)?[0-9a-fA-FpP.eE+-]{0,24}[BkKMGTPE]?i?B?",
        "(inf|nan|infinity)[BkM]?",
    ];
    let item = (
        "[ \t]{0,1}",
        proptest::sample::select(keys),
        "[ \t]{0,1}:?",
        value,
    )
        .prop_map(|(before, key, colon, value)| format!("{before}{key}{colon}{value}"));
    proptest::collection::vec(item, 0..6).prop_map(|items| items.join(","))
}

/// What parses is valid, and reading its string form back changes no string form.
fn check_any_string(text: &str) -> Result<(), TestCaseError> {
    match text.parse::<WriterOptions>() {
        Ok(options) => {
            prop_assert_eq!(options.validate(), Ok(()));
            let string = options.to_string();
            let again: WriterOptions = string.parse()?;
            prop_assert_eq!(again.to_string(), string);
        }
        Err(error) => prop_assert!(!error.to_string().contains(char::is_control)),
    }
    match text.parse::<ReaderOptions>() {
        Ok(options) => {
            prop_assert_eq!(options.validate(), Ok(()));
            prop_assert_eq!(options.to_string().parse(), Ok(options));
        }
        Err(error) => prop_assert!(!error.to_string().contains(char::is_control)),
    }
    Ok(())
}

proptest! {
    #[test]
    fn writer_options_round_trip(options in writer_options(), jobs in proptest::option::of(1..=MAX_PARALLELISM)) {
        let options = options.with_max_parallelism(jobs);
        prop_assert_eq!(options.validate(), Ok(()));
        let string = options.to_string();
        prop_assert!(string.contains(",max_parallelism:1"));
        // Parallelism does not shape the file, so the string always says 1.
        prop_assert_eq!(string.parse(), Ok(options.with_max_parallelism(Some(1))));
    }

    #[test]
    fn reader_options_round_trip(options in reader_options()) {
        prop_assert_eq!(options.validate(), Ok(()));
        prop_assert_eq!(options.to_string().parse(), Ok(options));
    }

    #[test]
    fn any_string_is_safe(text in any::<String>()) {
        check_any_string(&text)?;
    }

    #[test]
    fn any_string_near_the_grammar_is_safe(text in near_misses()) {
        check_any_string(&text)?;
    }
}
