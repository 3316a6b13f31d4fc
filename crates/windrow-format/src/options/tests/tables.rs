//! The tables of keys agree with the parser and with the limits.

use super::super::writer::{BROTLI_LEVELS, BROTLI_WINDOW_LOGS, ZSTD_LEVELS, ZSTD_WINDOW_LOGS};
use super::super::{
    Key, MAX_FOOTER_PREFETCH_BYTES, MAX_GROUP_SIZE, MAX_PARALLELISM, MAX_READAHEAD_BUFFER_BYTES,
    OptionsError, READER_KEYS, ReaderOptions, WRITER_KEYS, WriterOptions, keys,
};

/// Keys that switch something on, or do nothing: there is no value that stands for their absence.
const WITHOUT_DEFAULT: [&str; 3] = ["default", "uncompressed", "snappy"];

fn integers(from: impl ToString, to: impl ToString) -> String {
    format!(
        "integers in the range [{}..{}]",
        from.to_string(),
        to.to_string()
    )
}

fn byte_counts(from: u64, to: u64) -> String {
    format!(
        "auto, integers expressed as reals with optional suffix [BkKMGTPE], in the range [{from}..{to}]"
    )
}

fn values(keys: &[Key], name: &str) -> &'static str {
    keys.iter().find(|key| key.name == name).unwrap().values
}

#[test]
fn texts_name_the_limits_that_are_checked() {
    let w = |name| values(WRITER_KEYS, name);
    let r = |name| values(READER_KEYS, name);
    let jobs = |from: u32| format!("auto, {}", integers(from, MAX_PARALLELISM));
    assert_eq!(w("group_size"), integers(1, MAX_GROUP_SIZE));
    assert_eq!(w("max_parallelism"), jobs(1));
    assert_eq!(w("saturation_delay_ms"), integers(1, i32::MAX));
    assert_eq!(w("transpose_bucket_size"), byte_counts(1, u64::MAX));
    let level = |range: String| format!("(empty), {range}");
    assert_eq!(
        w("brotli"),
        level(integers(BROTLI_LEVELS.start(), BROTLI_LEVELS.end()))
    );
    assert_eq!(
        w("zstd"),
        level(integers(ZSTD_LEVELS.start(), ZSTD_LEVELS.end()))
    );
    assert_eq!(
        w("window_log"),
        format!(
            "auto, {}",
            integers(ZSTD_WINDOW_LOGS.start(), ZSTD_WINDOW_LOGS.end())
        )
    );
    assert_eq!(
        keys::BROTLI_WINDOW_LOG,
        format!(
            "auto, {}",
            integers(BROTLI_WINDOW_LOGS.start(), BROTLI_WINDOW_LOGS.end())
        )
    );
    assert_eq!(r("max_parallelism"), jobs(0));
    assert_eq!(
        r("readahead_buffer_size"),
        byte_counts(0, MAX_READAHEAD_BUFFER_BYTES)
    );
    assert_eq!(
        r("footer_prefetch_bytes"),
        byte_counts(0, MAX_FOOTER_PREFETCH_BYTES)
    );
}

#[test]
fn every_key_parses_with_its_default() {
    for key in WRITER_KEYS {
        let text = format!("{}:{}", key.name, key.default);
        let parsed: WriterOptions = text.parse().unwrap();
        if !["uncompressed", "brotli", "snappy"].contains(&key.name) {
            assert_eq!(parsed, WriterOptions::new(), "{text}");
        }
    }
    for key in READER_KEYS {
        let text = format!("{}:{}", key.name, key.default);
        assert_eq!(text.parse(), Ok(ReaderOptions::new()), "{text}");
    }
}

#[test]
fn a_codec_without_a_level_has_the_default_of_the_table() {
    for name in ["brotli", "zstd"] {
        let key = WRITER_KEYS.iter().find(|key| key.name == name).unwrap();
        let with_level = format!("{name}:{}", key.default);
        assert_eq!(
            name.parse::<WriterOptions>().unwrap(),
            with_level.parse().unwrap()
        );
    }
}

#[test]
fn every_key_refuses_nonsense_with_the_text_of_the_table() {
    for key in WRITER_KEYS.iter().filter(|key| key.name != "default") {
        refuses(key, |text| text.parse::<WriterOptions>().map(drop));
    }
    for key in READER_KEYS {
        refuses(key, |text| text.parse::<ReaderOptions>().map(drop));
    }
}

fn refuses(key: &Key, parse: impl Fn(&str) -> Result<(), OptionsError>) {
    let error = parse(&format!("{}:nonsense", key.name)).unwrap_err();
    let want = OptionsError::InvalidValue {
        option: key.name,
        value: "nonsense".to_owned(),
        valid: key.values,
    };
    assert_eq!(error, want);
}

#[test]
fn an_empty_value_is_allowed_where_the_table_says_so() {
    for key in WRITER_KEYS.iter().filter(|key| key.name != "default") {
        let bare = key.name.parse::<WriterOptions>();
        assert_eq!(
            bare.is_ok(),
            key.values.starts_with("(empty)"),
            "{}",
            key.name
        );
    }
    for key in READER_KEYS {
        let bare = key.name.parse::<ReaderOptions>();
        assert_eq!(
            bare.is_ok(),
            key.values.starts_with("(empty)"),
            "{}",
            key.name
        );
    }
}

#[test]
fn names_are_unique_and_rows_are_filled() {
    for table in [WRITER_KEYS, READER_KEYS] {
        let mut names: Vec<&str> = table
            .iter()
            .flat_map(|key| [key.name].into_iter().chain(key.aliases.iter().copied()))
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for key in table {
            assert!(!key.doc.is_empty() && !key.doc.contains('\n'), "{key:?}");
            assert_eq!(
                key.default.is_empty(),
                WITHOUT_DEFAULT.contains(&key.name),
                "{key:?}"
            );
        }
    }
}

#[test]
fn an_alias_means_the_key_and_counts_as_it() {
    use super::super::items::Items;

    const KEYS: &[Key] = &[Key {
        name: "group_size",
        aliases: &["records"],
        values: keys::POSITIVE,
        default: "1",
        doc: "records per chunk",
    }];
    let item = Items::new("records:5", KEYS).next().unwrap().unwrap();
    assert_eq!((item.key.name, item.value), ("group_size", "5"));
    let second = Items::new("records:5,group_size:5", KEYS).nth(1).unwrap();
    let want = OptionsError::Repeated {
        option: "group_size",
    };
    assert_eq!(second.unwrap_err(), want);
}
