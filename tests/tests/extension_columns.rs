//! The rules of `format-spec/extensions.md` on files of columns: upstream refuses them at open.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use windrow::format::VERSION_WINDROW;
use windrow::{Profile, Reader, ReaderOptions, TableOptions, TableWriter, verify_store};
use windrow_tests::both_sides::BothSides;

fn table(rows: i64) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..rows).map(|id| format!("name {}", id % 9)),
    ));
    RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap()
}

#[test]
fn rule_3_columns_are_refused_at_open_in_every_api() {
    let mut bench = BothSides::start();
    let plain = TableOptions::new();
    let all = [
        (plain.clone(), 1000),
        (plain.clone().with_profile(Profile::Spill), 1),
        (
            plain
                .clone()
                .with_profile(Profile::Small)
                .with_group_rows(100),
            1000,
        ),
        // No row group at all.
        (plain, 0),
    ];
    for (options, rows) in all {
        let what = format!("{options:?}, {rows} rows");
        let batch = table(rows);
        let mut bytes = Vec::new();
        let mut writer = TableWriter::create(&mut bytes, batch.schema(), options).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        let reader = Reader::from_bytes(bytes.clone(), ReaderOptions::new()).unwrap();
        let metadata = &reader.footer().metadata;
        assert_eq!(metadata.version, VERSION_WINDROW, "{what}");
        // Upstream's data source looks for it.
        let echo = metadata.writer_options.as_deref().unwrap();
        assert!(
            echo.starts_with("group_size:") && echo.ends_with(",needs:windrow"),
            "{echo}"
        );
        let words = bench.upstream_refuses(&what, &bytes);
        assert!(words.contains("Unrecognized version number"), "{words}");
        let path = bench.put(&bytes);
        for (api, error) in bench.upstream.refuse(&path).unwrap() {
            let error = error.unwrap_or_else(|| panic!("{what}: {api} is satisfied"));
            assert!(
                error.contains("Unrecognized version number") && error.contains("needs:windrow"),
                "{what}: {api}: {error}"
            );
        }
        let report = verify_store(
            bytes,
            windrow::SourceName::MEMORY,
            &windrow::VerifyOptions::default(),
        );
        assert!(report.unwrap().is_sound(), "{what}");
    }
}
