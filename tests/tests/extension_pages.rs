//! The rules of `format-spec/extensions.md` on record pages and dictionaries: upstream refuses the pages at open, and skips a
//! dictionary in a file that it can read.

use windrow::format::{ChunkType, VERSION_WINDROW};
use windrow::{
    AppendOptions, Codec, Dictionary, DictionaryOption, Layout, Reader, ReaderOptions, SourceName,
    VerifyOptions, Writer, WriterOptions, verify_store,
};
use windrow_tests::both_sides::{BothSides, CODECS, open, six_records};
use windrow_tests::every_way::check_file;
use windrow_tests::file_builder::{FileBuilder, RawChunk, Tail, varint_field};
use windrow_tests::hostile::{honest_dictionary, random_records};
use windrow_tests::record_spec::{Kind, RecordSpec, expand};
use windrow_tests::written::write;

fn pages(codec: Codec) -> WriterOptions {
    WriterOptions::new()
        .with_layout(Layout::Pages)
        .with_codec(codec)
}

fn dictionary_bytes() -> Vec<u8> {
    random_records(5, 1, 2000).remove(0)
}

#[test]
fn rule_3_pages_are_refused_at_open_in_every_api() {
    let mut bench = BothSides::start();
    let records = [RecordSpec::new(Kind::Text, 300, 7, 200)];
    let dictionary = Dictionary::new(dictionary_bytes()).unwrap();
    let mut all: Vec<WriterOptions> = CODECS.into_iter().map(pages).collect();
    let zstd = pages(Codec::Zstd { level: 3 });
    all.push(zstd.clone().with_dictionary(DictionaryOption::Auto));
    all.push(
        zstd.clone()
            .with_dictionary(DictionaryOption::Given(dictionary)),
    );
    // One chunk, chunks of one count, of one record each: none of it is for upstream.
    all.push(zstd.clone().with_group_size(1));
    all.push(zstd.with_group_size(50).with_pad_to_block_boundary(true));
    for options in all {
        let what = options.to_string();
        let bytes = write(&expand(&records), options);
        let reader = open(&bytes).unwrap();
        assert_eq!(reader.footer().metadata.version, VERSION_WINDROW, "{what}");
        let words = bench.upstream_refuses(&what, &bytes);
        assert!(words.contains("Unrecognized version number"), "{words}");
        assert!(words.contains("needs:windrow"), "{words}");
        let path = bench.put(&bytes);
        check_file(&path, &expand(&records)).unwrap();
        let apis = bench.upstream.refuse(&path).unwrap();
        assert!(apis.len() >= 10, "{apis:?}");
        for (api, error) in apis {
            let error = error.unwrap_or_else(|| panic!("{what}: {api} is satisfied"));
            assert!(
                error.contains("Unrecognized version number") && error.contains("needs:windrow"),
                "{what}: {api}: {error}"
            );
        }
    }
}

#[test]
fn every_api_is_satisfied_with_a_file_of_upstreams_own_kind() {
    let mut bench = BothSides::start();
    let path = bench.put(&write(&expand(&six_records()), WriterOptions::new()));
    for (api, error) in bench.upstream.refuse(&path).unwrap() {
        assert_eq!(error, None, "{api}");
    }
}

#[test]
fn rule_2_pages_of_no_records_are_read_by_both() {
    let mut bench = BothSides::start();
    let dictionary = Dictionary::new(dictionary_bytes()).unwrap();
    for dictionary in [
        DictionaryOption::Off,
        DictionaryOption::Auto,
        DictionaryOption::Given(dictionary),
    ] {
        let options = pages(Codec::Zstd { level: 3 }).with_dictionary(dictionary);
        let bytes = write(&[], options);
        assert_eq!(open(&bytes).unwrap().footer().metadata.version, 1);
        bench.both_read("no records", &bytes, &[]);
    }
}

#[test]
fn rules_6_and_7_a_dictionary_in_a_file_for_upstream_is_skipped() {
    let mut bench = BothSides::start();
    let (header, data) = honest_dictionary(&dictionary_bytes());
    let chunk = RawChunk {
        chunk_type: ChunkType::Dictionary,
        num_records: 0,
        decoded_bytes: header.decoded_bytes,
        data,
    };
    for (in_front, behind, named) in [
        (true, false, false),
        (true, true, true),
        (false, true, true),
        (false, false, true),
    ] {
        let mut builder = FileBuilder::new();
        if in_front {
            builder.unlisted(&chunk);
        }
        for record in expand(&six_records()) {
            builder.data(&[record], Codec::Zstd { level: 3 });
        }
        let fields = [varint_field(101, 64), varint_field(102, 0)].concat();
        let tail = Tail {
            behind_footer: if behind { vec![chunk.clone()] } else { vec![] },
            metadata_fields: if named { fields } else { vec![] },
            ..Tail::default()
        };
        let what = format!("in front {in_front}, behind {behind}, named {named}");
        let bytes = builder.finish(&tail);
        bench.both_read(&what, &bytes, &six_records());
        let report = verify_store(
            bytes.clone(),
            SourceName::MEMORY,
            &VerifyOptions::new().with_deep(true),
        );
        assert!(report.unwrap().is_sound(), "{what}");

        // It stays for upstream when it grows, whose new records do without.
        let more = [RecordSpec::new(Kind::Text, 60, 3, 2)];
        let file = bench.put(&bytes);
        let mut writer = Writer::append(&file, AppendOptions::new()).unwrap();
        assert_eq!(writer.options().layout(), Layout::Groups, "{what}");
        writer.write_batch(expand(&more)).unwrap();
        writer.finish().unwrap();
        let grown = std::fs::read(&file).unwrap();
        let reader = Reader::from_bytes(grown.as_slice(), ReaderOptions::new()).unwrap();
        assert_eq!(reader.footer().metadata.version, 1, "{what}");
        let all: Vec<RecordSpec> = [six_records(), more.to_vec()].concat();
        bench.both_read(&what, &grown, &all);
    }
}
