//! Page chunks and dictionary chunks.

use windrow::format::{Compressor, NO_DICTIONARY};
use windrow::{Codec, Dictionary};
use windrow_tests::hostile::{Pages, encode_pages, random_records, table, zstd_frame};

use super::Named;
use crate::pages_decode::{dictionary, dictionary_input, input_of, laid_out};

const CODECS: [Codec; 4] = [
    Codec::Uncompressed,
    Codec::Snappy,
    Codec::Zstd { level: 3 },
    Codec::Brotli { level: 2 },
];

/// Each chunk as it is, and by its parts.
pub(super) fn inputs() -> Vec<Named> {
    let mut inputs = Vec::new();
    let text = |count: u8| -> Vec<Vec<u8>> {
        let record = |n| [&b"a record of the field, and another; "[..], &[n; 3]].concat();
        (0..count).map(record).collect()
    };
    let mut mixed = random_records(1, 5, 40);
    mixed.extend([vec![], vec![7; 3000], vec![], b"abc".to_vec()]);
    let all = [
        ("text", text(20)),
        ("mixed", mixed),
        ("one", text(1)),
        ("empty", vec![vec![]; 30]),
        ("none", vec![]),
    ];
    for (name, records) in &all {
        for codec in CODECS {
            for given in [None, Some(dictionary())] {
                if given.is_some() && !matches!(codec, Codec::Zstd { .. }) {
                    continue;
                }
                let (header, data) = encode_pages(records, codec, given.as_ref());
                let kind = codec.compression_type().name();
                let name = format!("{name}_{kind}_{}", given.is_some());
                let input = input_of(header.num_records, header.decoded_bytes, &data);
                inputs.push((name.clone(), input));
                let parts = laid_out(&header, &data).expect("a sound chunk");
                inputs.push((format!("{name}_parts"), parts));
            }
        }
    }
    let bomb = Pages::of(b'z', &vec![zstd_frame(1 << 16, 1 << 16); 20], 20 << 16);
    let empty = Pages::plain(&[]).with_table(table(0, 4, 0, &[]));
    for (name, pages) in [("bomb", bomb), ("no_slots", empty)] {
        assert_eq!(pages.dictionary, NO_DICTIONARY);
        let header = pages.header();
        let data = pages.data();
        let input = input_of(header.num_records, header.decoded_bytes, &data);
        inputs.push((name.to_owned(), input));
    }
    for (name, bytes) in [
        ("dictionary", dictionary().as_bytes().to_vec()),
        ("dictionary_of_noise", random_records(3, 1, 300).remove(0)),
        ("dictionary_of_zeros", vec![0; 40_000]),
    ] {
        let dictionary = Dictionary::new(bytes).expect("any bytes will do");
        let mut chunk = Vec::new();
        let header = dictionary.encode_chunk(&mut Compressor::new(), &mut chunk);
        let header = header.expect("zstd is built in");
        inputs.push((
            name.to_owned(),
            dictionary_input(header.decoded_bytes, &chunk[40..]),
        ));
    }
    inputs
}
