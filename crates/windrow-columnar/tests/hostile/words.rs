//! Values of fixed size.

use arrow_schema::DataType;

use crate::forge::{
    Asked, Forged, ForgedNode, LIMITS, constant, head, page, parse_front, read, read_whole, words,
};
use crate::shared::{dictionary, page_refused, schema, taken};

#[test]
fn bits() {
    let bool = DataType::Boolean;
    let constant = |size, value: u8| page(&[&head(1, 0, size), &[value]]);
    assert_eq!(
        taken(bool.clone(), 3, vec![ForgedNode::new(3, constant(1, 1))]).len(),
        3
    );
    assert_eq!(page_refused(bool.clone(), 3, constant(1, 2)), "page");
    assert_eq!(page_refused(bool.clone(), 3, constant(2, 1)), "page");
    assert_eq!(
        page_refused(
            bool.clone(),
            9,
            page(&[&head(0, 0, 0), &[1]])[..17].to_vec()
        ),
        "page"
    );
    assert_eq!(
        page_refused(bool, 3, page(&[&head(0, 0, 0), &[1; 9]])),
        "page"
    );
}

#[test]
fn words_of_all_encodings() {
    let int = DataType::Int32;
    let three = |what: &str, body: &[&[u8]]| {
        assert_eq!(page_refused(int.clone(), 3, page(body)), "page", "{what}");
    };
    let plain = words(&[1_u32, 2, 3]);
    three("cut short", &[&head(0, 0, 0), &plain[..8]]);
    three("too long", &[&head(0, 0, 0), &plain, &[0; 8]]);
    three("no body", &[]);
    three("a constant of 8 bytes", &[&head(1, 0, 8), &[0; 8]]);
    three("a constant that is cut short", &[&head(1, 0, 4)]);
    let packed = |width: u8, exceptions: u32| {
        [head(2, 0, exceptions), vec![0; 8], vec![width], vec![0; 7]].concat()
    };
    let ok = page(&[&packed(1, 0), &[0; 128]]);
    assert_eq!(taken(int.clone(), 3, vec![ForgedNode::new(3, ok)]).len(), 3);
    three("a width of 33", &[&packed(33, 0), &[0; 33 * 128]]);
    three("a width of 255", &[&packed(255, 0), &[0; 255 * 128]]);
    three("cut short", &[&packed(2, 0), &[0; 128]]);
    let exceptions = |positions: &[u16]| {
        let values = vec![9_u32; positions.len()];
        let count = u32::try_from(positions.len()).unwrap();
        page(&[&packed(0, count), &words(positions), &words(&values)])
    };
    assert_eq!(
        taken(
            int.clone(),
            3,
            vec![ForgedNode::new(3, exceptions(&[0, 2]))]
        )
        .len(),
        3
    );
    for positions in [&[2, 0][..], &[1, 1], &[0, 3], &[65_535]] {
        assert_eq!(
            page_refused(int.clone(), 3, exceptions(positions)),
            "page",
            "{positions:?}"
        );
    }
    three("exceptions without bytes", &[&packed(0, u32::MAX)]);
    three("a start less", &[&head(3, 0, 0), &constant(1)]);
    three(
        "a dictionary that is not there",
        &[&head(4, 0, 0), &constant(0)],
    );
    let runs = |ends: &[u32]| {
        let count = u32::try_from(ends.len()).unwrap();
        let ends = [head(0, 0, 0), words(ends)].concat();
        page(&[&head(5, 0, count), &ends, &constant(7)])
    };
    assert_eq!(
        taken(int.clone(), 3, vec![ForgedNode::new(3, runs(&[1, 3]))]).len(),
        3
    );
    for ends in [
        &[3, 1][..],
        &[1, 1, 3],
        &[1, 2],
        &[1, 4],
        &[0, 3],
        &[],
        &[1, 2, 3, 4],
    ] {
        assert_eq!(page_refused(int.clone(), 3, runs(ends)), "page", "{ends:?}");
    }
    three(
        "runs without bytes",
        &[&head(5, 0, u32::MAX), &constant(3), &constant(7)],
    );
    three(
        "more planes than bytes",
        &[&head(6, 5, 0), &[0; 8], &[0; 15]],
    );
    three(
        "planes that are cut short",
        &[&head(6, 4, 0), &[0; 8], &[0; 8]],
    );
    let nested = |depth: usize| {
        let mut body = Vec::new();
        for _ in 1..depth {
            body.extend([head(3, 0, 0), vec![0; 8]].concat());
        }
        body.extend(constant(1));
        page(&[&body])
    };
    assert_eq!(
        taken(int.clone(), 3, vec![ForgedNode::new(3, nested(4))]).len(),
        3
    );
    assert_eq!(page_refused(int.clone(), 3, nested(5)), "page");
    assert_eq!(page_refused(int, 3, nested(2000)), "page");
}

#[test]
fn decimals() {
    let decimal = |exponent: u8, exceptions: u32, behind: &[u8]| {
        page(&[
            &head(7, exponent, exceptions),
            &head(1, 0, 8),
            &[7; 8],
            behind,
        ])
    };
    for data_type in [DataType::Float32, DataType::Float64] {
        let ok = vec![ForgedNode::new(3, decimal(18, 0, &[]))];
        assert_eq!(taken(data_type.clone(), 3, ok).len(), 3);
        for (what, page) in [
            ("exponent", decimal(19, 0, &[])),
            ("exponent", decimal(255, 0, &[])),
            ("no exceptions", decimal(1, 1, &[])),
            (
                "behind the end",
                decimal(1, 1, &[3, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]),
            ),
        ] {
            assert_eq!(page_refused(data_type.clone(), 3, page), "page", "{what}");
        }
        // Decimals of decimals.
        let page = page(&[&head(7, 1, 0), &head(7, 1, 0), &head(1, 0, 8), &[7; 8]]);
        assert_eq!(page_refused(data_type, 3, page), "page");
    }
}

#[test]
fn values_of_fixed_size() {
    let five = DataType::FixedSizeBinary(5);
    let refused = |what: &str, data_type: &DataType, body: &[&[u8]]| {
        assert_eq!(
            page_refused(data_type.clone(), 3, page(body)),
            "page",
            "{what}"
        );
    };
    refused("cut short", &five, &[&head(0, 0, 0), &[0; 8]]);
    refused("another size", &five, &[&head(1, 0, 4), &[0; 8]]);
    refused("planes", &five, &[&head(6, 4, 0), &[0; 8], &[0; 15]]);
    refused("a reference", &five, &[&head(6, 5, 0), &[1; 8], &[0; 15]]);
    refused("cut short", &five, &[&head(6, 5, 0), &[0; 8], &[0; 8]]);
    let number = DataType::Decimal256(50, 1);
    refused("narrow", &number, &[&head(10, 0, 0), &constant(1)]);
    // Of no bytes.
    let none = DataType::FixedSizeBinary(0);
    for (code, small) in [(0, 0), (1, 0)] {
        let node = ForgedNode::new(3, page(&[&head(code, small, 0)]));
        assert_eq!(taken(none.clone(), 3, vec![node]).len(), 3);
    }
    refused("planes of nothing", &none, &[&head(6, 0, 0), &[0; 8]]);
    refused("no dictionary", &none, &[&head(4, 0, 0), &constant(0)]);
}

/// Nested sums took a thousand times as long with each level.
#[test]
fn nested_deltas_take_no_time() {
    let delta = |len: usize| [head(3, 0, 0), vec![0; len.div_ceil(1024) * 8]].concat();
    let len = 60_000;
    let body: Vec<&[u8]> = vec![];
    let deltas = delta(len);
    let one = constant(0);
    let mut nested = body;
    nested.extend([&deltas[..], &deltas, &deltas, &one]);
    let int = ForgedNode::new(len as u64, page(&nested));
    let mut coded = ForgedNode::new(len as u64, page(&[&head(4, 0, 0), &deltas, &deltas, &one]));
    coded = coded.with_shared(dictionary(1, &[&constant(9)]));
    let schema = schema(&[DataType::Int32]);
    for node in [int, coded] {
        let sealed = Forged::new(&schema, len as u64, vec![node]).seal();
        let begun = std::time::Instant::now();
        read_whole(&schema, &sealed).unwrap();
        let front = parse_front(&schema, &sealed, &LIMITS).unwrap();
        let mut asked = Asked::whole(&schema, len as u64);
        asked.rows = (0..100).map(|row| row * 599..row * 599 + 1).collect();
        read(&schema, &front, &sealed, &asked).unwrap();
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }
}
