use proptest::prelude::*;

use super::*;
use crate::chunk::Chunk;
use crate::dictionary::Dictionaries;
use crate::limits::Limits;
use crate::record_chunk::{RecordDecoder, RecordGroup};
use crate::records::Records;

const CODECS: [Codec; 5] = [
    Codec::Uncompressed,
    Codec::Zstd { level: 3 },
    Codec::Zstd { level: -5 },
    Codec::Snappy,
    Codec::Brotli { level: 2 },
];

fn group(records: &[Vec<u8>]) -> RecordGroup {
    let mut group = RecordGroup::new();
    for record in records {
        group.push(record);
    }
    group
}

fn encode(records: &[Vec<u8>], codec: Codec, dictionary: Option<&Dictionary>) -> Vec<u8> {
    let mut bytes = Vec::new();
    group(records)
        .as_slice()
        .encode_pages(codec, None, dictionary, &mut Compressor::new(), &mut bytes)
        .unwrap();
    bytes
}

fn chunk(bytes: &[u8]) -> Chunk<'_> {
    Chunk::parse(bytes, At::chunk(64, 7)).unwrap()
}

fn decode(chunk: &Chunk<'_>, dictionaries: &Dictionaries) -> Result<Records, FormatError> {
    let mut records: Records = [b"before"].iter().collect();
    let limits = Limits::default();
    let decoded =
        RecordDecoder::new().decode_fields(chunk, &limits, None, dictionaries, &mut records);
    if decoded.is_err() {
        assert_eq!((records.len(), records.bytes_len()), (1, 6));
    }
    decoded.map(|()| records)
}

/// Reads each record by its slot alone.
fn one_by_one(chunk: &Chunk<'_>, dictionaries: &Dictionaries) -> Result<Vec<Vec<u8>>, FormatError> {
    let bytes = PageFront::parse(&chunk.header, chunk.data, chunk.at)?.bytes();
    let front = &chunk.data[..usize::try_from(bytes).unwrap()];
    let table = PageTable::new(&chunk.header, front, chunk.at)?;
    let front = table.front();
    let mut decoder = RecordDecoder::new();
    (0..chunk.header.num_records)
        .map(|index| {
            let slot = front.slot(index)?;
            let slot = usize::try_from(slot.start).unwrap()..usize::try_from(slot.end).unwrap();
            let mut records = Records::new();
            let limits = Limits::default();
            decoder.decode_slot(
                &front,
                &chunk.data[slot],
                &limits,
                None,
                dictionaries,
                &mut records,
            )?;
            assert_eq!(records.len(), 1);
            Ok(records.get(0).unwrap().to_vec())
        })
        .collect()
}

fn events(count: u32) -> Vec<Vec<u8>> {
    (0..count)
        .map(|i| {
            let user = i.wrapping_mul(2_654_435_761) % 10_007;
            format!(
                r#"{{"user":{user},"action":"view","item":{},"session":"s-{i:06}"}}"#,
                i % 97
            )
            .into_bytes()
        })
        .collect()
}

fn dictionary(samples: &[Vec<u8>]) -> Dictionary {
    Dictionary::train(samples.iter().map(Vec::as_slice), 8192).unwrap()
}

proptest! {
    #[test]
    fn what_is_written_comes_back(
        records in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..300),
                (any::<u8>(), 0..70_000_usize).prop_map(|(byte, len)| vec![byte; len]),
            ],
            1..60,
        ),
        codec in prop::sample::select(CODECS.to_vec()),
        with_dictionary in any::<bool>(),
    ) {
        let samples = events(500);
        let dictionary = with_dictionary.then(|| dictionary(&samples));
        let mut dictionaries = Dictionaries::default();
        dictionaries.extend_with(dictionary.as_ref());
        let bytes = encode(&records, codec, dictionary.as_ref());
        let chunk = chunk(&bytes);
        let sum: usize = records.iter().map(Vec::len).sum();
        prop_assert_eq!(chunk.header.chunk_type, ChunkType::Pages);
        prop_assert_eq!(chunk.header.num_records, records.len() as u64);
        prop_assert_eq!(chunk.header.decoded_bytes, sum as u64);
        PageFront::parse(&chunk.header, chunk.data, chunk.at).unwrap().check_slots().unwrap();
        prop_assert_eq!(&one_by_one(&chunk, &dictionaries).unwrap(), &records);
        let all = decode(&chunk, &dictionaries).unwrap();
        prop_assert!(all.iter().skip(1).eq(records.iter().map(Vec::as_slice)));
    }

    #[test]
    fn no_bytes_panic_and_no_damage_to_a_record_is_missed(
        place in any::<prop::sample::Index>(),
        bit in 0..8_u32,
        codec in prop::sample::select(CODECS.to_vec()),
    ) {
        let records = events(40);
        let bytes = encode(&records, codec, None);
        let sound = chunk(&bytes);
        let mut data = sound.data.to_vec();
        let place = place.index(data.len());
        data[place] ^= 1 << bit;
        // As if somebody had made the hash fit.
        let damaged = Chunk { data: &data, ..sound };
        let _ = decode(&damaged, Dictionaries::NONE);
        match one_by_one(&damaged, Dictionaries::NONE) {
            Ok(read) => prop_assert!(false, "read {} records", read.len()),
            Err(error) => prop_assert!(["crc", "compression_type", "page_table"].contains(&error.code()), "{error}"),
        }
    }
}

#[test]
fn a_dictionary_makes_small_records_smaller() {
    let records = events(3000);
    let (samples, held) = records.split_at(2000);
    let dictionary = dictionary(samples);
    let codec = Codec::Zstd { level: 3 };
    let plain = encode(held, codec, None).len();
    let with = encode(held, codec, Some(&dictionary)).len();
    assert!(with * 2 < plain, "{with} of {plain}");
    let bytes = encode(held, codec, Some(&dictionary));
    let chunk = chunk(&bytes);
    let front = PageFront::parse(&chunk.header, chunk.data, chunk.at).unwrap();
    assert_eq!(front.dictionary_id(), dictionary.id());
    let error = decode(&chunk, Dictionaries::NONE).unwrap_err();
    assert_eq!(error.code(), "dictionary_missing");
    let mut dictionaries = Dictionaries::default();
    dictionaries.push(Ok(dictionary));
    assert_eq!(one_by_one(&chunk, &dictionaries).unwrap(), held);
}

#[test]
fn lies_are_told() {
    let records = events(10);
    let bytes = encode(&records, Codec::Uncompressed, None);
    let sound = chunk(&bytes);
    // Changes the data and makes the CRC of the front fit.
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut data = sound.data.to_vec();
        change(&mut data);
        let front = PageFront::parse(&sound.header, sound.data, sound.at).unwrap();
        let end = usize::try_from(front.bytes()).unwrap() - 4;
        let crc = crc32c::crc32c(&data[..end]).to_le_bytes();
        data[end..end + 4].copy_from_slice(&crc);
        data
    };
    let code = |data: &[u8]| {
        let chunk = Chunk { data, ..sound };
        decode(&chunk, Dictionaries::NONE).map_or_else(|error| error.code(), |_| "none")
    };
    assert_eq!(code(&with(&|_| {})), "none");
    assert_eq!(code(&with(&|data| data[0] = 9)), "compression_type");
    // Only zstd takes a dictionary.
    assert_eq!(code(&with(&|data| data[1] = 9)), "none");
    // The line begins elsewhere, is steeper, needs more bits.
    assert_eq!(code(&with(&|data| data[9] ^= 1)), "page_table");
    assert_eq!(code(&with(&|data| data[24] = 0xff)), "page_table");
    assert_eq!(code(&with(&|data| data[25] = 65)), "page_table");
    assert_eq!(code(&with(&|data| data[25] = 63)), "crc");
    assert_eq!(code(&sound.data[..20]), "truncated");
    let header = ChunkHeader {
        num_records: u64::MAX >> 8,
        ..sound.header
    };
    let many = Chunk { header, ..sound };
    assert_eq!(
        decode(&many, Dictionaries::NONE).unwrap_err().code(),
        "truncated"
    );
    let header = ChunkHeader {
        decoded_bytes: sound.header.decoded_bytes + 1,
        ..sound.header
    };
    let more = Chunk { header, ..sound };
    assert_eq!(
        decode(&more, Dictionaries::NONE).unwrap_err().code(),
        "decoded_size"
    );
}
