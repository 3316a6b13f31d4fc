//! Chunks of all types, changed at random.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use windrow_columnar::{ColumnSchema, EncodeOptions, Profile, Strings};
use windrow_format::{Codec, PageCodec, crc_of};

use crate::changes::change;
use crate::forge::{Asked, Forged, LIMITS, Sealed, encode, parse_front, read};
use crate::random::{Random, plain, random_array, random_type, taken};

fn table(random: &mut Random, columns: usize, rows: usize) -> RecordBatch {
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for number in 0..columns {
        let data_type = random_type(random, 2);
        let nullable = random.below(3) > 0 || data_type == DataType::Null;
        let array = random_array(random, &data_type, rows, nullable);
        let nullable = nullable || array.logical_null_count() > 0;
        arrays.push(array);
        fields.push(Field::new(format!("c{number}"), data_type, nullable));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).unwrap()
}

fn options(random: &mut Random) -> EncodeOptions {
    let codecs = [
        None,
        None,
        Some(PageCodec::Lz4),
        Some(PageCodec::Buffer(Codec::Zstd { level: 1 })),
        Some(PageCodec::Buffer(Codec::Snappy)),
    ];
    let profile = [Profile::Spill, Profile::Balanced, Profile::Small][random.below(3)];
    let options = EncodeOptions::new().with_profile(profile);
    match codecs[random.below(codecs.len())] {
        Some(codec) => options.with_codec(codec),
        None => options,
    }
}

const CODES: [&str; 14] = [
    "trailing_bytes",
    "column_front",
    "column_version",
    "page",
    "utf8",
    "crc",
    "limit",
    "truncated",
    "varint",
    "implausible_size",
    "decoded_size",
    "decompress",
    "compression_type",
    "buffer",
];

/// What a read gives, or its code.
fn outcome(
    schema: &ColumnSchema,
    sealed: &Sealed,
    asked: &Asked,
) -> Result<RecordBatch, &'static str> {
    // What is known of shared pages comes anew each time.
    let front = parse_front(schema, sealed, &LIMITS).unwrap();
    read(schema, &front, sealed, asked).map_err(|error| {
        assert!(CODES.contains(&error.code()), "{}: {error}", error.code());
        error.code()
    })
}

fn try_all(random: &mut Random, schema: &ColumnSchema, sealed: &Sealed) -> bool {
    let front = match parse_front(schema, sealed, &LIMITS) {
        Ok(front) => front,
        Err(error) => {
            assert!(CODES.contains(&error.code()), "{}: {error}", error.code());
            return false;
        }
    };
    let rows = front.rows();
    if rows > 1 << 20 {
        return false;
    }
    let mut asked = Asked::whole(schema, rows);
    let whole = outcome(schema, sealed, &asked);
    asked.verified = true;
    let verified = outcome(schema, sealed, &asked);
    if whole.as_ref().err() == Some(&"crc") {
        // Nothing says what the others hold.
        return false;
    }
    assert_eq!(whole.as_ref().err(), verified.as_ref().err());
    for strings in [Strings::Plain, Strings::Large, Strings::View] {
        asked.strings = strings;
        let other = outcome(schema, sealed, &asked);
        assert_eq!(whole.is_ok(), other.is_ok(), "{strings:?}");
    }
    asked.strings = Strings::AsWritten;
    let count = usize::try_from(rows).unwrap();
    for _ in 0..4 {
        asked.verified = random.below(2) == 0;
        let begin = random.below(count);
        let end = begin + 1 + random.below(count - begin);
        asked.rows = match random.below(3) {
            0 => std::iter::once(begin as u64..end as u64).collect(),
            1 => std::iter::once(begin as u64..begin as u64 + 1).collect(),
            _ => (0..rows)
                .filter(|_| random.below(count / 5 + 2) == 0)
                .map(|row| row..row + 1)
                .collect(),
        };
        asked.columns = (0..schema.arrow().fields().len())
            .filter(|_| random.below(3) > 0)
            .collect();
        let part = outcome(schema, sealed, &asked);
        let Ok(whole) = &whole else { continue };
        // What is sound as a whole is so in part, and the same.
        let part = part.unwrap();
        let places = UInt64Array::from_iter_values(asked.rows.iter().cloned().flatten());
        for (got, &column) in part.columns().iter().zip(&asked.columns) {
            let expected = taken(whole.column(column), &places);
            if got.as_ref() != expected.as_ref() {
                assert_eq!(
                    &plain(got),
                    &plain(&expected),
                    "column {column}, rows {:?}",
                    asked.rows
                );
            }
        }
    }
    whole.is_ok()
}

#[test]
fn changed_chunks_are_refused_or_sound() {
    let rounds = std::env::var("HOSTILE_ROUNDS").map_or(150, |rounds| rounds.parse().unwrap());
    let seed = std::env::var("HOSTILE_SEED").map_or(0, |seed| seed.parse().unwrap());
    let (mut sound, mut all) = (0, 0);
    for round in seed..seed + rounds {
        let mut random = Random(round);
        let columns = 1 + random.below(4);
        let rows = [
            1 + random.below(40),
            1000 + random.below(100),
            4000 + random.below(3000),
        ][random.below(3)];
        let batch = table(&mut random, columns, rows);
        let (schema, sealed) = encode(&batch, &options(&mut random));
        let forged = Forged::take_apart(&schema, &sealed);
        assert!(
            try_all(&mut random, &schema, &forged.seal()),
            "round {round}"
        );
        for _ in 0..60 {
            let mut forged = forged.clone();
            for _ in 0..1 + random.below(2) {
                change(&mut random, &mut forged);
            }
            all += 1;
            if try_all(&mut random, &schema, &forged.seal()) {
                sound += 1;
            }
        }
        // Bytes of the front.
        for _ in 0..30 {
            let mut sealed = sealed.clone();
            let bytes = u32::from_le_bytes(sealed.data[4..8].try_into().unwrap());
            let end = usize::try_from(bytes).unwrap() - 4;
            let place = 8 + random.below(end - 8);
            sealed.data[place] = [random.next().to_le_bytes()[0], 0, 255, 1][random.below(4)];
            let crc = crc_of(&sealed.data[..end]);
            sealed.data[end..end + 4].copy_from_slice(&crc.to_le_bytes());
            try_all(&mut random, &schema, &sealed);
        }
    }
    // Neither all nor none of the changes can be seen.
    assert!(sound * 20 > all && sound * 2 < all, "{sound} of {all}");
}
