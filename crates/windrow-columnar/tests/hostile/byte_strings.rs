//! Sizes, text and symbols of byte strings.

use arrow_array::cast::AsArray;
use arrow_schema::DataType;

use crate::forge::{
    Asked, Forged, ForgedNode, LIMITS, constant, head, page, parse_front, parts, read, words,
};
use crate::shared::{both_ways, code, page_refused, refused, schema, taken, with_dictionary};

/// A page of byte strings with these sizes.
fn lengths(sizes: &[u32], begins: &[u64], bytes: &[u8]) -> Vec<u8> {
    let sizes = [head(0, 0, 0), words(sizes)].concat();
    page(&[&head(8, 0, 0), &sizes, &words(begins), bytes])
}

#[test]
fn sizes_of_byte_strings() {
    for data_type in [
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
    ] {
        let node = ForgedNode::new(3, lengths(&[1, 0, 2], &[0, 3], b"abc"));
        assert_eq!(taken(data_type.clone(), 3, vec![node]).len(), 3);
        for (what, page) in [
            ("sizes below", lengths(&[1, 0, 1], &[0, 3], b"abc")),
            ("sizes above", lengths(&[1, 0, 3], &[0, 3], b"abc")),
            (
                "sizes of gigabytes",
                lengths(&[u32::MAX; 3], &[0, 3], b"abc"),
            ),
            ("begins elsewhere", lengths(&[1, 0, 2], &[1, 4], b"abcd")),
            ("descends", lengths(&[1, 0, 2], &[5, 3], b"abc")),
            ("cut short", lengths(&[1, 0, 2], &[0, 30], b"abc")),
            ("exabytes", lengths(&[1, 0, 2], &[0, u64::MAX], b"abc")),
            ("a constant without bytes", page(&[&head(1, 0, u32::MAX)])),
        ] {
            assert_eq!(page_refused(data_type.clone(), 3, page), "page", "{what}");
        }
    }
    // A block in the middle, whole and by single values.
    let sizes = vec![1_u32; 3000];
    let bytes = vec![7; 3000];
    for begins in [
        [0, 1024, 2047, 3000],
        [0, 1025, 2048, 3000],
        [0, 0, 2048, 3000],
        [0, 3000, 2048, 3000],
    ] {
        let schema = schema(&[DataType::Binary]);
        let nodes = vec![ForgedNode::new(3000, lengths(&sizes, &begins, &bytes))];
        let sealed = Forged::new(&schema, 3000, nodes).seal();
        assert_eq!(both_ways(&schema, &sealed), "page");
        let front = parse_front(&schema, &sealed, &LIMITS).unwrap();
        for row in [0, 1023, 1024, 2047, 2048, 2999] {
            let mut asked = Asked::whole(&schema, 3000);
            asked.rows = vec![row..row + 1];
            match read(&schema, &front, &sealed, &asked) {
                Ok(batch) => assert_eq!(batch.column(0).as_binary::<i32>().value(0), [7]),
                Err(error) => assert_eq!(error.code(), "page"),
            }
        }
    }
}

#[test]
fn text_that_is_none() {
    let umlaut = "ä".as_bytes();
    let text = [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View];
    for data_type in text {
        let dictionary = |sizes: &[u32], bytes: &[u8]| {
            let mut shared = lengths(sizes, &[0, bytes.len() as u64], bytes);
            shared[..8].copy_from_slice(&head(1, 0, u32::try_from(sizes.len()).unwrap()));
            with_dictionary(shared, &[0; 3])
        };
        let symbols = |symbol: &[u8], sizes: &[u32], compressed: &[u8], decoded: u64| {
            let mut bytes = [0; 8];
            bytes[..symbol.len()].copy_from_slice(symbol);
            let size = [u8::try_from(symbol.len()).unwrap()];
            let sizes = [head(0, 0, 0), words(sizes)].concat();
            let begins = words(&[0, compressed.len() as u64]);
            page(&[
                &head(9, 1, 0),
                &words(&[decoded, 1]),
                &bytes,
                &size,
                &sizes,
                &begins,
                compressed,
            ])
        };
        let node = |page| vec![ForgedNode::new(3, page)];
        assert_eq!(
            taken(
                data_type.clone(),
                3,
                node(lengths(&[2, 0, 2], &[0, 4], "äö".as_bytes()))
            )
            .len(),
            3
        );
        assert_eq!(
            taken(data_type.clone(), 3, dictionary(&[2, 0], umlaut)).len(),
            3
        );
        assert_eq!(
            taken(
                data_type.clone(),
                3,
                node(symbols(umlaut, &[1, 0, 1], &[0, 0], 4))
            )
            .len(),
            3
        );
        for (what, nodes) in [
            ("no UTF-8", node(lengths(&[1, 0, 2], &[0, 3], b"a\xff\xff"))),
            (
                "inside of a character",
                node(lengths(&[1, 1, 1], &[0, 3], "äx".as_bytes())),
            ),
            ("cut short", node(lengths(&[1, 1, 1], &[0, 3], b"ab\xc3"))),
            ("constant", node(page(&[&head(1, 0, 1), b"\xc3"]))),
            ("dictionary", dictionary(&[1, 1], b"a\xff")),
            (
                "inside of a character of a dictionary",
                dictionary(&[1, 1], umlaut),
            ),
            ("symbols", node(symbols(b"\xff", &[1, 0, 1], &[0, 0], 2))),
            (
                "inside of what symbols give",
                node(symbols(b"\xc3", &[1, 2, 0], &[0, 255, 0xa4], 2)),
            ),
        ] {
            assert_eq!(
                refused(data_type.clone(), 3, nodes),
                "utf8",
                "{what}, {data_type}"
            );
        }
        // Values alone, of many.
        let many = 64;
        let sizes = vec![1; many];
        let schema = schema(&[data_type]);
        let bytes = "ä".repeat(many / 2);
        let page = lengths(&sizes, &[0, many as u64], bytes.as_bytes());
        let sealed = Forged::new(
            &schema,
            many as u64,
            vec![ForgedNode::new(many as u64, page)],
        )
        .seal();
        let front = parse_front(&schema, &sealed, &LIMITS).unwrap();
        for row in [0, 1, 63] {
            let mut asked = Asked::whole(&schema, many as u64);
            asked.rows = vec![row..row + 1];
            assert_eq!(code(read(&schema, &front, &sealed, &asked)), "utf8");
            asked.rows = vec![row & !1..(row & !1) + 2];
            assert_eq!(code(read(&schema, &front, &sealed, &asked)), "utf8");
        }
    }
}

#[test]
fn symbols() {
    let of = |own: u8, decoded: u64, count: u64, sizes: &[u8], compressed: &[u8]| {
        let symbols = vec![[b'x'; 8]; sizes.len()].concat();
        let begins = words(&[0, compressed.len() as u64]);
        let table = parts(&[&symbols, sizes]);
        let size = constant(u32::try_from(compressed.len()).unwrap());
        page(&[
            &head(9, own, 0),
            &words(&[decoded, count]),
            &table,
            &size,
            &begins,
            compressed,
        ])
    };
    let ok = vec![ForgedNode::new(
        1,
        of(1, 10, 2, &[1, 8], &[0, 1, 255, b'z']),
    )];
    assert_eq!(
        taken(DataType::Utf8, 1, ok).as_string::<i32>().value(0),
        "xxxxxxxxxz"
    );
    let nothing = vec![ForgedNode::new(1, of(1, 1, 0, &[], &[255, b'z']))];
    assert_eq!(
        taken(DataType::Utf8, 1, nothing)
            .as_string::<i32>()
            .value(0),
        "z"
    );
    for (what, page) in [
        ("a symbol without bytes", of(1, 9, 2, &[0, 8], &[1, 1])),
        ("a symbol of 9 bytes", of(1, 9, 2, &[1, 9], &[0, 1])),
        ("a byte that is none", of(1, 1, 2, &[1, 1], &[2])),
        ("an escape at the end", of(1, 1, 2, &[1, 1], &[0, 255])),
        ("longer than it says", of(1, 7, 1, &[8], &[0])),
        ("shorter than it says", of(1, 8, 1, &[1], &[0])),
        ("as long as nothing can be", of(1, u64::MAX, 1, &[8], &[0])),
        ("256 symbols", of(1, 1, 256, &[1; 256], &[0])),
        ("2^61 symbols", of(1, 1, 1 << 61, &[1], &[0])),
        ("neither own nor not", of(2, 1, 1, &[1], &[0])),
        ("no shared page", of(0, 1, 1, &[1], &[0])),
    ] {
        assert_eq!(page_refused(DataType::Utf8, 1, page), "page", "{what}");
    }
    // Those of the shared page.
    let shared = |count: u32, sizes: &[u8]| {
        parts(&[
            &head(2, 0, count),
            &vec![[b'x'; 8]; sizes.len()].concat(),
            sizes,
        ])
    };
    let body = |compressed: &[u8], decoded: u64| {
        let size = constant(u32::try_from(compressed.len()).unwrap());
        page(&[
            &head(9, 0, 0),
            &words(&[decoded]),
            &size,
            &words(&[0, compressed.len() as u64]),
            compressed,
        ])
    };
    let node = |shared, page| vec![ForgedNode::new(1, page).with_shared(shared)];
    assert_eq!(
        taken(DataType::Binary, 1, node(shared(1, &[3]), body(&[0, 0], 6))).len(),
        1
    );
    for (what, nodes) in [
        (
            "a symbol of 9 bytes",
            node(shared(1, &[9]), body(&[0, 0], 6)),
        ),
        (
            "256 symbols",
            node(shared(256, &[1; 256]), body(&[0, 0], 6)),
        ),
        ("fewer than that", node(shared(3, &[1]), body(&[0, 0], 6))),
        (
            "codes of a dictionary",
            node(shared(1, &[1]), page(&[&head(4, 0, 0), &constant(0)])),
        ),
    ] {
        assert_eq!(refused(DataType::Binary, 1, nodes), "page", "{what}");
    }
    let words = vec![ForgedNode::new(1, page(&[&constant(1)])).with_shared(shared(1, &[1]))];
    assert_eq!(refused(DataType::Int32, 1, words), "page");
}

#[test]
fn tokens() {
    let shared =
        |count: u32, sizes: &[u8], bytes: &[u8]| parts(&[&head(3, 0, count), sizes, bytes]);
    let body = |compressed: &[u8], decoded: u64| {
        let size = constant(u32::try_from(compressed.len()).unwrap());
        page(&[
            &head(11, 0, 0),
            &words(&[decoded]),
            &size,
            &words(&[0, compressed.len() as u64]),
            compressed,
        ])
    };
    let node = |shared, page| vec![ForgedNode::new(1, page).with_shared(shared)];
    let table = || shared(2, &[2, 4], b"ththe ");
    // The example of the specification.
    let cat = [0x01, 0x11, 0x10, 0x63, 0x10, 0x06, 0x74, 0x00];
    let found = taken(DataType::Utf8, 1, node(table(), body(&cat, 11)));
    assert_eq!(found.as_string::<i32>().value(0), "the the cat");
    let none = taken(
        DataType::Utf8,
        1,
        node(shared(0, &[], &[]), body(&[b'a', 0], 1)),
    );
    assert_eq!(none.as_string::<i32>().value(0), "a");
    for (what, nodes) in [
        ("a code that is none", node(table(), body(&[0x02, 0x01], 4))),
        (
            "one of many",
            node(
                table(),
                body(&[[0x01, 0x11, 0x10].repeat(9), vec![0xff; 3]].concat(), 72),
            ),
        ),
        ("bits that stay", node(table(), body(&[0x01, 0x11], 4))),
        (
            "a byte left over",
            node(table(), body(&[0x01, 0x11, 0x10, 0x63], 9)),
        ),
        ("longer than it says", node(table(), body(&cat, 10))),
        ("shorter than it says", node(table(), body(&cat, 12))),
        (
            "as long as nothing can be",
            node(table(), body(&cat, u64::MAX)),
        ),
        (
            "a token of one byte",
            node(shared(2, &[1, 4], b"tthe "), body(&cat, 11)),
        ),
        (
            "a token of 17 bytes",
            node(shared(1, &[17], &[b'x'; 17]), body(&[0, 1], 17)),
        ),
        (
            "tokens cut short",
            node(shared(2, &[2, 12], b"ththe "), body(&cat, 11)),
        ),
        (
            "3,841 tokens",
            node(shared(3841, &[2; 3841], &[b'x'; 7682]), body(&cat, 11)),
        ),
        (
            "symbols instead",
            node(parts(&[&head(2, 0, 1), &[b'x'; 8], &[1]]), body(&[0, 0], 1)),
        ),
        ("no shared page", vec![ForgedNode::new(1, body(&cat, 11))]),
        (
            "tokens of symbols",
            node(
                table(),
                page(&[
                    &head(9, 0, 0),
                    &words(&[1_u64]),
                    &constant(2),
                    &words(&[0_u64, 2]),
                    &[0, 1],
                ]),
            ),
        ),
    ] {
        assert_eq!(refused(DataType::Binary, 1, nodes), "page", "{what}");
    }
    let numbers = vec![ForgedNode::new(1, page(&[&constant(1)])).with_shared(table())];
    assert_eq!(refused(DataType::Int32, 1, numbers), "page");
}

#[test]
fn values_that_a_few_bytes_stand_for() {
    // The header tells of a megabyte.
    let long = vec![b'x'; 1000];
    let constant_text = |rows| vec![ForgedNode::new(rows, page(&[&head(1, 0, 1000), &long]))];
    assert_eq!(taken(DataType::Utf8, 1000, constant_text(1000)).len(), 1000);
    assert_eq!(refused(DataType::Utf8, 2000, constant_text(2000)), "page");
    assert_eq!(
        refused(DataType::LargeBinary, 2000, constant_text(2000)),
        "page"
    );
    let shared = {
        let mut shared = lengths(&[1000], &[0, 1000], &long);
        shared[..8].copy_from_slice(&head(1, 0, 1));
        shared
    };
    let coded = |rows| {
        let page = page(&[&head(4, 0, 0), &constant(0)]);
        vec![ForgedNode::new(rows, page).with_shared(shared.clone())]
    };
    assert_eq!(taken(DataType::Utf8, 1000, coded(1000)).len(), 1000);
    assert_eq!(refused(DataType::Utf8, 2000, coded(2000)), "page");
}
