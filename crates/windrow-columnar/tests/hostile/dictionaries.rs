//! Dictionaries in shared pages.

use arrow_schema::DataType;

use crate::forge::{
    Asked, Forged, ForgedNode, LIMITS, constant, head, page, parse_front, read, read_whole, words,
};
use crate::shared::{code, dictionary, refused, schema, specified, taken, with_dictionary};

#[test]
fn dictionaries() {
    let plain = |bytes: &[u8]| [head(0, 0, 0), bytes.to_vec()].concat();
    let texts = |texts: &[u8]| {
        let lengths = constant(1);
        [
            &head(8, 0, 0)[..],
            &lengths,
            &words(&[0_u64, texts.len() as u64]),
            texts,
        ]
        .concat()
    };
    for (data_type, body) in [
        (DataType::Int8, plain(&[1; 2])),
        (DataType::Int16, plain(&[1; 4])),
        (DataType::Int32, plain(&[1; 8])),
        (DataType::Float64, plain(&[1; 16])),
        (DataType::FixedSizeBinary(5), plain(&[1; 10])),
        (DataType::Decimal128(10, 1), plain(&[1; 32])),
        (DataType::Utf8, texts(b"ab")),
        (DataType::BinaryView, texts(b"ab")),
    ] {
        let with = |count: u32, codes: &[u32]| with_dictionary(dictionary(count, &[&body]), codes);
        assert_eq!(taken(data_type.clone(), 3, with(2, &[1, 0, 1])).len(), 3);
        for (count, codes) in [
            (2, [0, 2, 0]),
            (2, [0, u32::MAX, 1]),
            (0, [0; 3]),
            (4, [0; 3]),
            (u32::MAX, [0; 3]),
        ] {
            let code = refused(data_type.clone(), 3, with(count, &codes));
            assert_eq!(code, "page", "{data_type}: {count} values, {codes:?}");
        }
        // Codes of which only some are read.
        let schema = schema(std::slice::from_ref(&data_type));
        let sealed = Forged::new(&schema, 3, with(2, &[0, 2, 0])).seal();
        let front = parse_front(&schema, &sealed, &LIMITS).unwrap();
        let mut asked = Asked::whole(&schema, 3);
        asked.rows = vec![1..2];
        assert_eq!(code(read(&schema, &front, &sealed, &asked)), "page");
        // Nothing of it stands in front of what needs it.
        let mut shared = dictionary(2, &[&body]);
        shared[0] = 3;
        assert_eq!(
            refused(data_type.clone(), 3, with_dictionary(shared, &[0; 3])),
            "page"
        );
        let shared = dictionary(2, &[&head(4, 0, 0), &constant(0)]);
        assert_eq!(
            refused(data_type.clone(), 3, with_dictionary(shared, &[0; 3])),
            "page"
        );
        let mut shared = dictionary(2, &[&body]);
        shared.extend([0; 8]);
        assert_eq!(
            refused(data_type, 3, with_dictionary(shared, &[0; 3])),
            "page"
        );
    }
    // The same value again and again.
    for (data_type, size) in [(DataType::Utf8, 4), (DataType::FixedSizeBinary(4), 4)] {
        let shared = dictionary(2, &[&head(1, 0, size), b"same"]);
        assert_eq!(
            refused(data_type, 3, with_dictionary(shared, &[0; 3])),
            "page"
        );
    }
    // Shapes that have none.
    for data_type in [
        DataType::Boolean,
        DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Int32)),
    ] {
        let mut nodes = with_dictionary(dictionary(2, &[&plain(&[1; 8])]), &[0; 3]);
        nodes.push(ForgedNode::new(2, page(&[&constant(7)])));
        nodes.truncate(if data_type == DataType::Boolean { 1 } else { 2 });
        assert_eq!(refused(data_type, 3, nodes), "page");
    }
}

#[test]
fn dictionaries_are_no_larger_than_the_specification_allows() {
    let free = specified("dictionary_free_values");
    let per_byte = specified("dictionary_values_per_byte");
    let code = |len: u64, count: u64, shared: &dyn Fn(u32) -> Vec<u8>| {
        let codes = page(&[&head(4, 0, 0), &constant(0)]);
        let mut node = ForgedNode::new(len, codes.clone());
        node.pages = vec![codes; usize::try_from(len.div_ceil(1 << 16)).unwrap()];
        let node = node.with_shared(shared(u32::try_from(count).unwrap()));
        let schema = schema(&[DataType::Int32]);
        let mut forged = Forged::new(&schema, len, vec![node]);
        forged.decoded_bytes = 4 * len;
        read_whole(&schema, &forged.seal()).map_or_else(|error| error.code(), |_| "ok")
    };
    // One value again and again, in a few bytes.
    let same = |count| dictionary(count, &[&constant(7)]);
    assert_eq!(code(free * 2, free, &same), "ok");
    assert_eq!(code(free * 2, free + 1, &same), "page");
    assert_eq!(code(9, 9, &same), "ok");
    assert_eq!(code(9, 10, &same), "page");
    // Two hundred runs, the last of which takes what is left.
    let runs = |count: u32| {
        let ends: Vec<u32> = (1..200).chain([count]).collect();
        let plain = head(0, 0, 0);
        let values: Vec<u32> = (0..200).collect();
        let (ends, values) = (words(&ends), words(&values));
        dictionary(count, &[&head(5, 0, 200), &plain, &ends, &plain, &values])
    };
    let most = per_byte * runs(1000).len() as u64;
    assert!(most > free);
    assert_eq!(code(most * 2, most, &runs), "ok");
    assert_eq!(code(most * 2, most + 1, &runs), "page");
}
