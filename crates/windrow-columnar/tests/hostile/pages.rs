//! What all pages have: nulls, a codec, an encoding.

use arrow_schema::DataType;

use crate::forge::{ForgedNode, constant, head, page, parts, words};
use crate::shared::{page_refused, refused, specified, taken};

#[test]
fn nulls() {
    let int = DataType::Int32;
    let with = |form: u8, entries: u32, nulls: &[u8], count: u64| {
        let page = parts(&[&head(form, 0, entries), nulls, &constant(7)]);
        vec![ForgedNode::new(5, page).with_nulls(count)]
    };
    for (form, entries, nulls) in [
        (2, 0, vec![0b10110]),
        (3, 2, words(&[0_u16, 3])),
        (4, 4, words(&[0_u16, 1, 3, 4])),
    ] {
        assert_eq!(
            taken(int.clone(), 5, with(form, entries, &nulls, 2)).null_count(),
            2
        );
        for count in [0, 1, 3, 4] {
            let code = refused(int.clone(), 5, with(form, entries, &nulls, count));
            assert_eq!(code, "page", "form {form}, {count} nulls in the front");
        }
    }
    for (what, form, entries, nulls) in [
        ("an unknown form", 5, 0, vec![]),
        ("descending", 3, 2, words(&[3_u16, 0])),
        ("twice", 3, 2, words(&[3_u16, 3])),
        ("behind the end", 3, 2, words(&[3_u16, 5])),
        ("descending", 4, 2, words(&[3_u16, 1])),
        ("behind the end", 4, 2, words(&[3_u16, 6])),
        ("entries without a use", 2, 2, vec![0b10110]),
        ("entries without a use", 0, 2, vec![]),
        ("no bytes", 3, u32::MAX, vec![]),
        ("no bytes", 4, u32::MAX, vec![]),
        ("no nulls", 0, 0, vec![]),
        ("all of them", 1, 0, vec![]),
    ] {
        let code = refused(int.clone(), 5, with(form, entries, &nulls, 2));
        assert_eq!(code, "page", "{what}");
    }
    // Values behind nulls.
    let two = |second: Vec<u8>| {
        let mut node = ForgedNode::new(4, page(&[&constant(7)])).with_nulls(2);
        node.page_log2 = 1;
        node.pages.push(second);
        vec![node]
    };
    assert_eq!(taken(int.clone(), 4, two(head(1, 0, 0))).null_count(), 2);
    let bitmap = parts(&[&head(2, 0, 0), &[0]]);
    assert_eq!(taken(int.clone(), 4, two(bitmap)).null_count(), 2);
    let code = refused(int.clone(), 4, two(parts(&[&head(1, 0, 0), &constant(7)])));
    assert_eq!(code, "page");
    assert_eq!(refused(int, 4, two(page(&[&constant(7)]))), "page");
}

#[test]
fn encodings_that_are_none() {
    let other = |code| page(&[&head(code, 0, 4), &[0; 64]]);
    for data_type in [
        DataType::Boolean,
        DataType::Int8,
        DataType::Float64,
        DataType::Utf8,
        DataType::Decimal128(10, 1),
        DataType::FixedSizeBinary(5),
    ] {
        for code in [12, 200, 255] {
            assert_eq!(
                page_refused(data_type.clone(), 3, other(code)),
                "column_version"
            );
        }
    }
    // They are known, but not of this shape.
    for (data_type, code) in [
        (DataType::Boolean, 2),
        (DataType::Int32, 8),
        (DataType::Int32, 10),
        (DataType::Int32, 7),
        (DataType::Int64, 7),
        (DataType::Float16, 7),
        (DataType::Utf8, 0),
        (DataType::FixedSizeBinary(5), 10),
        (DataType::FixedSizeBinary(5), 2),
    ] {
        assert_eq!(page_refused(data_type, 3, other(code)), "page", "{code}");
    }
}

#[test]
fn codecs() {
    let sound = page(&[&constant(7)]);
    for byte in [b'z', b'b', b's', b'l'] {
        let mut node = ForgedNode::new(3, sound.clone());
        node.compression = byte;
        assert_eq!(taken(DataType::Int32, 3, vec![node.clone()]).len(), 3);
        for (stored, expected) in [
            (vec![], "varint"),
            (vec![0xff; 12], "varint"),
            (
                [vec![0xff, 0xff, 0xff, 0xff, 0x7f], vec![7; 20]].concat(),
                "implausible_size",
            ),
            ([vec![3], vec![0xee; 20]].concat(), "decompress"),
        ] {
            node.stored = vec![stored.clone()];
            let code = refused(DataType::Int32, 3, vec![node.clone()]);
            let also = ["decompress", "decoded_size", "implausible_size", "limit"];
            assert!(
                code == expected || also.contains(&code),
                "{byte}, {stored:?}: {code}"
            );
        }
    }
    // Compressed pages are as well checked as others.
    let mut node = ForgedNode::new(3, page(&[&constant(7), &[0; 8]]));
    node.compression = b'z';
    assert_eq!(refused(DataType::Int32, 3, vec![node]), "page");
}

/// An empty page, and the next one at the same place, were asked for for ever.
#[test]
fn empty_pages_are_not_asked_for() {
    let mut node = ForgedNode::new(4, Vec::new());
    node.page_log2 = 1;
    node.pages.push(page(&[&constant(7)]));
    assert_eq!(refused(DataType::Int32, 4, vec![node]), "page");
}

#[test]
fn pages_are_no_larger_than_the_specification_allows() {
    let plain = 4;
    let values = 10;
    let most = specified("page_free_bytes")
        + values * (specified("page_bytes_per_value") + specified("page_plain_factor") * plain);
    let code = |bytes: u64| {
        let mut page = page(&[&constant(7)]);
        page.resize(usize::try_from(bytes).unwrap(), 0);
        let mut node = ForgedNode::new(values, page);
        node.compression = b'z';
        refused(DataType::Int32, values, vec![node])
    };
    // It decompresses, and what stands behind its parts is told.
    assert_eq!(code(most), "page");
    assert_eq!(code(most + 1), "implausible_size");
}
