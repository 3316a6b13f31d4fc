//! The front of a chunk, and what it says of the nodes.

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_schema::{DataType, Fields};
use windrow_format::crc_of;

use crate::forge::{
    Forged, ForgedNode, LIMITS, constant, head, page, parse_front, parts, read_whole,
};
use crate::shared::{both_ways, item, refused, schema, taken};

#[test]
fn fronts() {
    let sound = |data_type: DataType| {
        let schema = schema(&[data_type, DataType::Utf8]);
        let texts = parts(&[&[0; 8], &head(1, 0, 1), b"x"]);
        let nodes = vec![
            ForgedNode::new(3, page(&[&constant(7)])),
            ForgedNode::new(3, texts),
        ];
        (Forged::new(&schema, 3, nodes), schema)
    };
    let (forged, schema) = sound(DataType::Int32);
    let batch = read_whole(&schema, &forged.seal()).unwrap();
    assert_eq!(
        batch.column(0).as_primitive::<Int32Type>().values(),
        &[7; 3]
    );
    let changed = |change: &dyn Fn(&mut Forged)| {
        let mut forged = forged.clone();
        change(&mut forged);
        both_ways(&schema, &forged.seal())
    };
    type Change = (&'static str, &'static str, &'static dyn Fn(&mut Forged));
    let changes: [Change; 20] = [
        ("column_front", "no rows", &|f| f.rows = 0),
        ("column_front", "2^56 rows", &|f| f.rows = 1 << 56),
        ("column_front", "another number of rows", &|f| f.rows = 4),
        ("column_front", "len", &|f| f.nodes[0].len = 4),
        ("column_front", "2^60 rows", &|f| f.nodes[1].len = 1 << 60),
        ("column_front", "all of them null", &|f| {
            f.nodes[1] = ForgedNode::all_null(u64::MAX);
        }),
        ("column_front", "one page each", &|f| {
            f.nodes[1].len = u64::MAX;
            f.nodes[1].page_log2 = 0;
        }),
        ("column_front", "nulls", &|f| f.nodes[0].nulls = 4),
        ("column_front", "page_log2", &|f| f.nodes[0].page_log2 = 17),
        ("column_front", "page_log2", &|f| f.nodes[0].page_log2 = 64),
        ("column_front", "page_log2", &|f| f.nodes[0].page_log2 = 255),
        ("column_front", "more pages", &|f| f.nodes[0].page_log2 = 0),
        ("column_front", "has_shared", &|f| f.nodes[0].has_shared = 2),
        ("column_front", "a page more", &|f| {
            f.nodes[0].has_shared = 1
        }),
        ("column_front", "a node less", &|f| drop(f.nodes.pop())),
        ("column_front", "a node more", &|f| {
            f.nodes.push(ForgedNode::all_null(3));
        }),
        ("column_front", "schema_hash", &|f| f.schema_hash ^= 1),
        ("column_front", "decoded_data_size", &|f| {
            f.decoded_bytes = 23
        }),
        ("limit", "decoded_data_size", &|f| {
            f.decoded_bytes = u64::MAX
        }),
        ("compression_type", "codec", &|f| {
            f.nodes[0].compression = b'q'
        }),
    ];
    for (expected, what, change) in changes {
        assert_eq!(changed(change), expected, "{what}");
    }
    // All rows of a column that is null cost nothing but what its plain size is.
    let all_null = |rows: u64| {
        let mut forged = Forged::new(&schema, rows, vec![ForgedNode::all_null(rows); 2]);
        forged.decoded_bytes = LIMITS.max_chunk_bytes;
        parse_front(&schema, &forged.seal(), &LIMITS).map_err(|error| error.code())
    };
    assert_eq!(all_null(1 << 20).unwrap().rows(), 1 << 20);
    assert_eq!(all_null(1 << 55).unwrap_err(), "column_front");
}

#[test]
fn bytes_of_the_front() {
    let schema = schema(&[DataType::Int32]);
    let nodes = vec![ForgedNode::new(3, page(&[&constant(7)]))];
    let sound = Forged::new(&schema, 3, nodes).seal();
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut sealed = sound.clone();
        change(&mut sealed.data);
        sealed.header = windrow_format::ChunkHeader::new(
            windrow_format::ChunkType::Columns,
            1,
            sealed.header.decoded_bytes,
            &sealed.data,
        );
        both_ways(&schema, &sealed)
    };
    let reseal = |data: &mut Vec<u8>| {
        let end = usize::try_from(u32::from_le_bytes(data[4..8].try_into().unwrap())).unwrap();
        let crc = crc_of(&data[..end - 4]);
        data[end - 4..end].copy_from_slice(&crc.to_le_bytes());
    };
    assert_eq!(changed(&|data| data[0] = 2), "column_version");
    assert_eq!(changed(&|data| data[0] = 0), "column_version");
    assert_eq!(changed(&|data| data[24] ^= 1), "crc");
    assert_eq!(changed(&|data| data[8] = 2), "crc");
    for size in [0, 24, 33, 31] {
        assert_eq!(changed(&|data| data[4] = size), "column_front", "{size}");
    }
    assert_eq!(changed(&|data| data[6] = 1), "truncated");
    assert_eq!(changed(&|data| data.truncate(23)), "truncated");
    assert_eq!(changed(&|data| data.truncate(40)), "truncated");
    // The page lies behind the end.
    assert_eq!(
        changed(&|data| data.truncate(data.len() - 1)),
        "column_front"
    );
    // Not more than what fills the front up may follow the nodes, and only zeros.
    let last =
        usize::try_from(u32::from_le_bytes(sound.data[4..8].try_into().unwrap())).unwrap() - 5;
    if sound.data[last] == 0 {
        let code = changed(&|data| {
            data[last] = 1;
            reseal(data);
        });
        assert_eq!(code, "column_front");
    }
    // Where the pages end: the column of them begins behind five bytes.
    for value in [u64::MAX, 1 << 63, 1 << 40, 7] {
        let code = changed(&|data| {
            data[29..37].copy_from_slice(&value.to_le_bytes());
            reseal(data);
        });
        assert!(
            matches!(code, "column_front" | "page" | "crc"),
            "{value}: {code}"
        );
    }
    // What has no meaning is not looked at.
    let mut reserved = sound;
    reserved.data[1..4].copy_from_slice(&[1, 2, 3]);
    reseal(&mut reserved.data);
    read_whole(&schema, &reserved).unwrap();
}

#[test]
fn children_of_other_lengths() {
    let words = |len| ForgedNode::new(len, page(&[&constant(1)]));
    let fields = Fields::from(vec![item(DataType::Int32), item(DataType::Int32)]);
    let both = DataType::Struct(fields);
    let ok = vec![ForgedNode::no_pages(3), words(3), words(3)];
    assert_eq!(taken(both.clone(), 3, ok).len(), 3);
    let nodes = vec![ForgedNode::no_pages(3), words(3), words(4)];
    assert_eq!(refused(both, 3, nodes), "column_front");
    let pairs = DataType::FixedSizeList(item(DataType::Int32), 2);
    let ok = vec![ForgedNode::no_pages(3), words(6)];
    assert_eq!(taken(pairs.clone(), 3, ok).len(), 3);
    let nodes = vec![ForgedNode::no_pages(3), words(3)];
    assert_eq!(refused(pairs, 3, nodes), "column_front");
    let lists = DataType::List(item(DataType::Int32));
    let nodes = vec![ForgedNode::all_null(3), words(1)];
    assert_eq!(refused(lists, 3, nodes), "column_front");
    // Its product is above 2^64.
    let many = DataType::FixedSizeList(
        item(DataType::FixedSizeList(item(DataType::Null), i32::MAX)),
        i32::MAX,
    );
    let nodes = vec![
        ForgedNode::no_pages(1 << 40),
        ForgedNode::no_pages(1 << 60),
        ForgedNode::all_null(1 << 60),
    ];
    assert_eq!(refused(many, 1 << 40, nodes), "column_front");
    assert_eq!(
        refused(DataType::Null, 3, vec![words(3)]),
        "column_front",
        "a node without values has pages"
    );
}

#[test]
fn a_last_column_without_pages_lies_behind_the_end() {
    let schema = schema(&[DataType::Utf8, DataType::Null]);
    let mut text = parts(&[&[0; 8], &head(1, 0, 1)]);
    text.push(b'x');
    let nodes = vec![ForgedNode::new(3, text), ForgedNode::all_null(3)];
    let sealed = Forged::new(&schema, 3, nodes).seal();
    assert_ne!(sealed.data.len() % 8, 0);
    assert_eq!(read_whole(&schema, &sealed).unwrap().num_rows(), 3);
}
