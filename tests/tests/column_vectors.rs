//! The files of columns in `format-spec/vectors`: read in every way, recovered, and written alike today.

use std::path::Path;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch,
    StringArray,
};
use arrow_schema::{Field, Schema};
use serde_json::Value;
use windrow::format::hash;
use windrow::{
    Codec, ColumnSurvey, PageCodec, Profile, Reader, ReaderOptions, RecoverOptions, SourceName,
    TableOptions, TableReader, TableWriter, VerifyOptions, recover_store, verify_store,
};
use windrow_tests::hex_file::{ColumnText, HexFile};
use windrow_tests::repository;
use windrow_tests::tables::collect;
use windrow_tests::upstream::{Upstream, Verdict};

const VECTORS: &str = "format-spec/vectors";
/// The heading of the table in `vectors/README.md`.
const HEADING: &str = "\n## Files of columns\n";

/// One vector, and how it is written. Rows never change; a new need gets a new row with a new name.
struct Vector {
    name: &'static str,
    options: fn() -> TableOptions,
    /// The rows at which a writer began, each time but the first by an append.
    goes: &'static [usize],
    /// Rows of each row group.
    groups: &'static [u64],
    /// The hash of the whole file, so that nobody changes one unnoticed.
    file_hash: u64,
}

const ALL: &[Vector] = &[
    Vector {
        name: "columns_group3_uncompressed.hex",
        options: || uncompressed(3),
        goes: &[0],
        groups: &[3, 2],
        file_hash: 0x5517_4367_167c_dd29,
    },
    Vector {
        name: "columns_types_uncompressed.hex",
        options: || uncompressed(100),
        goes: &[0],
        groups: &[4],
        file_hash: 0x1995_3f1e_c216_eec3,
    },
    Vector {
        name: "columns_small_zstd.hex",
        options: || {
            let options = TableOptions::new().with_profile(Profile::Small);
            options.with_codec(PageCodec::Buffer(Codec::Zstd { level: 3 }))
        },
        goes: &[0],
        groups: &[40],
        file_hash: 0x890d_92b7_7a27_3f57,
    },
    Vector {
        name: "columns_appended_group3.hex",
        options: || uncompressed(3),
        goes: &[0, 2],
        groups: &[2, 3],
        file_hash: 0x5b5f_6134_1180_4623,
    },
];

/// The default when these files were written: they say it in their options.
const GROUP_BYTES: u64 = 64 << 20;

fn uncompressed(rows: usize) -> TableOptions {
    let options = TableOptions::new().with_group_rows(rows);
    options.with_codec(PageCodec::Buffer(Codec::Uncompressed))
}

impl Vector {
    /// The file and its rows.
    fn read(&self) -> (Vec<u8>, RecordBatch) {
        let file = HexFile::parse(&repository::read_text(format!("{VECTORS}/{}", self.name)));
        let file = file.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let columns = file.columns.expect("a line with the columns");
        (file.bytes, table(&columns))
    }

    /// The file, as it is written today.
    fn write_today(&self, rows: &RecordBatch) -> Vec<u8> {
        let ends = self.goes[1..].iter().copied().chain([rows.num_rows()]);
        let mut bytes = Vec::new();
        for (&begin, end) in self.goes.iter().zip(ends) {
            let options = (self.options)()
                .with_group_bytes(GROUP_BYTES)
                .with_max_parallelism(Some(1));
            let schema = rows.schema();
            let mut writer = if begin == 0 {
                TableWriter::create(Vec::new(), schema, options)
            } else {
                let there = bytes.clone();
                TableWriter::resume(there, SourceName::MEMORY, schema, options, |keep| {
                    assert_eq!(keep, bytes.len() as u64);
                    Ok(Vec::new())
                })
            }
            .unwrap();
            writer.write(&rows.slice(begin, end - begin)).unwrap();
            bytes.extend(writer.finish().unwrap().0);
        }
        bytes
    }
}

/// The table that a vector tells. A type with a question mark may be null.
fn table(columns: &[ColumnText]) -> RecordBatch {
    let columns = columns.iter().map(|ColumnText(name, kind, values)| {
        let (kind, nullable) = match kind.strip_suffix('?') {
            Some(kind) => (kind, true),
            None => (kind.as_str(), false),
        };
        let array = array(kind, values);
        let field = Field::new(name, array.data_type().clone(), nullable);
        (field, array)
    });
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn array(kind: &str, values: &[Value]) -> ArrayRef {
    let small = |value: &Value| value.as_i64().map(|number| i32::try_from(number).unwrap());
    match kind {
        "Int32" => Arc::new(values.iter().map(small).collect::<Int32Array>()),
        "Int64" => Arc::new(values.iter().map(Value::as_i64).collect::<Int64Array>()),
        "Float64" => Arc::new(values.iter().map(Value::as_f64).collect::<Float64Array>()),
        "Boolean" => Arc::new(values.iter().map(Value::as_bool).collect::<BooleanArray>()),
        "Utf8" => Arc::new(values.iter().map(Value::as_str).collect::<StringArray>()),
        "List(Int32)" => Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(
            (values.iter()).map(|list| Some(list.as_array()?.iter().map(small))),
        )),
        other => panic!("{other} has no form here"),
    }
}

fn open(bytes: &[u8]) -> TableReader {
    TableReader::from_bytes(bytes, ReaderOptions::new()).unwrap()
}

#[test]
fn each_vector_has_a_row_and_is_unchanged() {
    let page = repository::read_text(format!("{VECTORS}/README.md"));
    let (_, section) = page.split_once(HEADING).expect("the section");
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let mut told: Vec<&str> = rows.map(|row| row.split('`').nth(1).unwrap()).collect();
    assert_eq!(
        told,
        ALL.iter().map(|vector| vector.name).collect::<Vec<_>>()
    );
    let mut files = repository::files_in(VECTORS);
    files.retain(|name| name.starts_with("columns_"));
    told.sort_unstable();
    assert_eq!(files, told);
    let wrong: Vec<String> = (ALL.iter())
        .map(|vector| (vector, hash(&vector.read().0)))
        .filter(|(vector, found)| vector.file_hash != *found)
        .map(|(vector, found)| format!("{}: hash {found:#018x}", vector.name))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_vector_is_read_in_every_way() {
    for vector in ALL {
        let (bytes, rows) = vector.read();
        let (reader, name) = (open(&bytes), vector.name);
        assert_eq!(*reader.schema(), rows.schema(), "{name}");
        assert_eq!(collect(reader.scan()).unwrap(), rows, "{name}");
        let groups = 0..reader.num_row_groups();
        let groups = groups.map(|group| reader.file().chunk_location(group).unwrap().records);
        assert!(groups.eq(vector.groups.iter().copied()), "{name}");
        for (number, field) in rows.schema().fields().iter().enumerate() {
            let column = rows.project(&[number]).unwrap();
            let scan = reader.scan().columns([field.name().as_str()]);
            assert_eq!(collect(scan).unwrap(), column, "{name}: {field}");
            for row in 0..reader.len() {
                let place = usize::try_from(row).unwrap();
                let one = reader.take(&[row], Some(&[field.name()])).unwrap();
                assert_eq!(one, column.slice(place, 1), "{name}: {field}, row {row}");
            }
        }
        for begin in 0..rows.num_rows() {
            for end in begin + 1..=rows.num_rows() {
                let slice = collect(reader.scan().rows(begin as u64..end as u64));
                assert_eq!(slice.unwrap(), rows.slice(begin, end - begin), "{name}");
            }
        }
        for group in 0..reader.num_row_groups() {
            let told = reader.statistics(group).unwrap();
            let made = reader.compute_statistics(group).unwrap();
            assert_eq!(told, Some(&made), "{name}");
        }
        let options = VerifyOptions::new().with_deep(true);
        let report = verify_store(bytes, SourceName::MEMORY, &options).unwrap();
        assert!(report.is_sound(), "{name}: {:?}", report.faults);
    }
}

#[test]
fn each_vector_is_recovered_without_its_end() {
    for vector in ALL {
        let (bytes, rows) = vector.read();
        // Without the last postscript, and without the last footer and all behind it.
        let footer = usize::try_from(open(&bytes).file().footer().footer_offset).unwrap();
        for len in [bytes.len(), bytes.len() - 65_536, footer] {
            let there = bytes[..len].to_vec();
            let recovered = recover_store(there, SourceName::MEMORY, &RecoverOptions::new());
            let recovered = recovered.unwrap();
            assert_eq!(recovered.report.skipped, [], "{}, {len} bytes", vector.name);
            let table = TableReader::from_reader(recovered.reader).unwrap();
            assert_eq!(collect(table.scan()).unwrap(), rows, "{}", vector.name);
        }
    }
}

#[test]
fn upstream_refuses_each_vector() {
    let mut upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vector");
    for vector in ALL {
        std::fs::write(&path, vector.read().0).unwrap();
        let verdict = upstream.open(&path, "").unwrap();
        assert!(
            matches!(verdict, Verdict::Refused { .. }),
            "{}",
            vector.name
        );
    }
}

/// How the rows are encoded is up to a writer. Where this release writes other bytes than the one before, say so in the
/// changelog and leave the vector out here: it is read for ever all the same.
#[test]
fn each_vector_is_written_alike_today() {
    // Its pages for a codec are smaller than those of today.
    const OTHERWISE: [&str; 1] = ["columns_small_zstd.hex"];
    let mut others = Vec::new();
    for vector in ALL
        .iter()
        .filter(|vector| !OTHERWISE.contains(&vector.name))
    {
        let (bytes, rows) = vector.read();
        let today = vector.write_today(&rows);
        if today != bytes {
            let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(vector.name);
            std::fs::write(&made, HexFile::text_of(&today)).unwrap();
            others.push(format!("{}, hash {:#018x}", made.display(), hash(&today)));
        }
    }
    assert!(others.is_empty(), "now {}", others.join("\n"));
}

#[test]
fn the_vectors_show_what_their_page_says() {
    let made_of = |vector: &Vector| {
        let table = open(&vector.read().0);
        let columns = (0..table.num_row_groups()).flat_map(|group| table.survey(group).unwrap());
        let column = |column: ColumnSurvey| {
            let encodings = column.encodings.iter().map(|(name, _)| *name);
            [encodings.collect::<Vec<_>>(), column.codecs]
                .concat()
                .join(" ")
        };
        columns.map(column).collect::<Vec<_>>()
    };
    let [plain, types, zstd, appended] = ALL else {
        panic!("a vector without a word about it");
    };
    let plain_then_lengths = ["plain uncompressed", "lengths uncompressed"];
    let constant_then_lengths = ["constant uncompressed", "lengths uncompressed"];
    assert_eq!(
        made_of(plain),
        [plain_then_lengths, constant_then_lengths].concat()
    );
    assert_eq!(
        made_of(types),
        [&["plain uncompressed"; 4][..], &[""]].concat()
    );
    let expected = ["delta uncompressed", "dictionary zstd", "lengths zstd"];
    assert_eq!(made_of(zstd), expected);
    let (bytes, _) = appended.read();
    let old = Reader::from_bytes(&bytes[..131_072], ReaderOptions::new()).unwrap();
    assert_eq!((old.len(), bytes.len()), (2, 262_144));
}
