//! Chunks laid out by hand: one rule broken in each.

use super::*;
use crate::varint::push_varint;

/// The parts of an uncompressed chunk, as the specification names them.
#[derive(Clone, Default)]
struct Parts {
    buckets: Vec<Vec<u8>>,
    buffer_sizes: Vec<u64>,
    /// Tag and next node.
    nodes: Vec<(u64, u64)>,
    subtypes: Vec<u8>,
    node_buffers: Vec<u64>,
    first: u64,
    behind_header: Vec<u8>,
    transitions: Vec<u8>,
}

impl Parts {
    fn header(&self) -> Vec<u8> {
        let mut header = Vec::new();
        let mut push = |number: u64| push_varint(&mut header, number);
        push(self.buckets.len() as u64);
        push(self.buffer_sizes.len() as u64);
        self.buckets.iter().for_each(|b| push(b.len() as u64));
        self.buffer_sizes.iter().for_each(|&size| push(size));
        push(self.nodes.len() as u64);
        self.nodes.iter().for_each(|node| push(node.0));
        self.nodes.iter().for_each(|node| push(node.1));
        header.extend(&self.subtypes);
        let mut push = |number: u64| push_varint(&mut header, number);
        self.node_buffers.iter().for_each(|&buffer| push(buffer));
        push(self.first);
        header.extend(&self.behind_header);
        header
    }

    fn data(&self) -> Vec<u8> {
        let header = self.header();
        let mut data = vec![0];
        push_varint(&mut data, header.len() as u64);
        data.extend(header);
        self.buckets.iter().for_each(|bucket| data.extend(bucket));
        data.extend(&self.transitions);
        data
    }

    fn decode(&self, num_records: u64, decoded_bytes: u64) -> Result<Vec<Vec<u8>>, FormatError> {
        decode(
            &chunk(num_records, decoded_bytes, &self.data()),
            &LIMITS,
            None,
        )
    }

    fn change(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut parts = self.clone();
        change(&mut parts);
        parts
    }
}

/// Two records, `08 07 12 01 61` and `08 87 02`: nodes text, varint of one byte, varint of two bytes, start.
fn two_records() -> Parts {
    Parts {
        buckets: vec![vec![7, 2, 7], vec![1, b'a']],
        // Records come last first, so the second one's varint is in front.
        buffer_sizes: vec![3, 2],
        nodes: vec![(0x12, 4 + 1), (8, 4 + 3), (8, 4 + 3), (3, 0)],
        subtypes: vec![0, 1],
        node_buffers: vec![1, 0, 0],
        first: 2,
        behind_header: vec![],
        transitions: vec![0],
    }
}

fn what(result: Result<Vec<Vec<u8>>, FormatError>) -> &'static str {
    match result {
        Err(FormatError::Transposed { what, at }) => {
            assert_eq!(at, At::chunk(64, 0));
            what
        }
        other => panic!("{other:?}"),
    }
}

fn code(result: Result<Vec<Vec<u8>>, FormatError>) -> &'static str {
    result.unwrap_err().code()
}

#[test]
fn the_chunk_that_is_changed_is_good() {
    let records = [unhex("0807120161"), unhex("088702")];
    assert_eq!(two_records().decode(2, 8).unwrap(), records);
}

#[test]
fn numbers_that_point_outside() {
    let good = two_records();
    let parts = good.change(|p| p.nodes[0].1 = 8);
    assert_eq!(
        what(parts.decode(2, 8)),
        "a node leads to one that does not exist"
    );
    let parts = good.change(|p| p.nodes[3].1 = u64::from(u32::MAX));
    assert_eq!(
        what(parts.decode(2, 8)),
        "a node leads to one that does not exist"
    );
    let parts = good.change(|p| p.nodes[3].1 = 1 << 32);
    assert_eq!(code(parts.decode(2, 8)), "varint");
    let parts = good.change(|p| p.node_buffers[1] = 2);
    assert_eq!(
        what(parts.decode(2, 8)),
        "a node takes from a buffer that does not exist"
    );
    let parts = good.change(|p| p.first = 4);
    assert_eq!(what(parts.decode(2, 8)), "the first node does not exist");
    for transition in [4 << 2, 63 << 2] {
        let parts = good.change(|p| p.transitions = vec![transition]);
        assert_eq!(
            what(parts.decode(2, 8)),
            "a transition leads to a node that does not exist"
        );
    }
}

#[test]
fn nodes_that_mean_nothing() {
    let good = two_records();
    for (tag, expected) in [
        (4, "a node has field number 0"),
        (7, "a node has field number 0"),
        (0x17, "a node has wire type 7"),
    ] {
        let parts = good.change(|p| p.nodes[0].0 = tag);
        assert_eq!(what(parts.decode(2, 8)), expected);
    }
    let parts = good.change(|p| p.subtypes[0] = 138);
    assert_eq!(
        what(parts.decode(2, 8)),
        "a node has a subtype that does not exist"
    );
    // 137 is the number 127 without a buffer.
    let parts = good.change(|p| {
        p.subtypes = vec![137, 1];
        p.node_buffers = vec![1, 0];
        p.buckets[0] = vec![7, 2];
        p.buffer_sizes[0] = 2;
    });
    assert_eq!(parts.decode(2, 8).unwrap()[0], unhex("087f120161"));
}

#[test]
fn nodes_that_follow_themselves() {
    let good = two_records();
    for (node, next) in [(3, 3), (3, 0), (1, 1)] {
        let parts = good.change(|p| p.nodes[node].1 = 4 + next);
        assert_eq!(
            what(parts.decode(2, 8)),
            "nodes follow one another for ever"
        );
    }
    // Nodes that do nothing may follow by themselves, and come down to what is behind them.
    let parts = good.change(|p| {
        p.nodes = [
            &[(0x12, 7 + 4), (8, 7 + 6), (8, 7 + 6), (3, 5)][..],
            &[(0, 7 + 1), (0, 7), (0, 7 + 3)],
        ]
        .concat();
    });
    assert_eq!(parts.decode(2, 8).unwrap().len(), 2);
    let parts = parts.change(|p| p.nodes[6] = (0, 7 + 6));
    assert_eq!(
        what(parts.decode(2, 8)),
        "nodes follow one another for ever"
    );
}

#[test]
fn buckets_and_buffers_that_do_not_fit() {
    let good = two_records();
    let parts = good.change(|p| p.buffer_sizes[1] = 3);
    assert_eq!(code(parts.decode(2, 8)), "decoded_size");
    let parts = good.change(|p| p.buffer_sizes[0] = 2);
    assert_eq!(code(parts.decode(2, 8)), "decoded_size");
    let parts = good.change(|p| p.buffer_sizes[0] = 4);
    assert_eq!(code(parts.decode(2, 8)), "decoded_size");
    let parts = good.change(|p| p.buffer_sizes[0] = 30);
    assert_eq!(code(parts.decode(2, 8)), "implausible_size");
    // A buffer of no bytes belongs to the bucket at hand.
    let parts = good.change(|p| p.buffer_sizes.push(0));
    assert!(parts.decode(2, 8).is_ok());
    let parts = good.change(|p| p.buckets.push(vec![]));
    assert!(parts.decode(2, 8).is_ok());
    let parts = good.change(|p| p.buckets.push(vec![9]));
    assert_eq!(code(parts.decode(2, 8)), "decoded_size");
    let parts = good.change(|p| p.buckets = vec![]);
    assert_eq!(code(parts.decode(2, 8)), "decoded_size");
    let data = good.data();
    let short = &data[..data.len() - 3];
    assert_eq!(
        code(decode(&chunk(2, 8, short), &LIMITS, None)),
        "truncated"
    );
}

#[test]
fn values_that_are_missing_or_left() {
    let good = two_records();
    let parts = good.change(|p| p.transitions = vec![0, 0]);
    assert_eq!(what(parts.decode(3, 16)), "a buffer ends within a value");
    let parts = good.change(|p| p.buckets[1][0] = 2);
    assert_eq!(what(parts.decode(2, 9)), "a buffer ends within a value");
    let parts = good.change(|p| p.buckets[1] = vec![0x80, 0x80]);
    assert_eq!(code(parts.decode(2, 8)), "varint");
    let parts = good.change(|p| {
        p.buckets[1].push(1);
        p.buffer_sizes[1] = 3;
    });
    assert_eq!(code(parts.decode(2, 8)), "trailing_bytes");
}

#[test]
fn counts_that_are_not_those_of_the_chunk() {
    let good = two_records();
    assert_eq!(
        what(good.decode(1, 8)),
        "there are more records than the chunk's header says"
    );
    assert_eq!(
        what(good.decode(3, 8)),
        "there are fewer records than the chunk's header says"
    );
    assert_eq!(code(good.decode(2, 7)), "decoded_size");
    assert_eq!(code(good.decode(2, 9)), "decoded_size");
    let parts = good.change(|p| p.nodes[3].1 = 1);
    let parts = parts.change(|p| p.nodes[1].1 = 1);
    assert_eq!(
        what(parts.decode(1, 5)),
        "fields stand in front of the first record"
    );
    let parts = good.change(|p| p.behind_header = vec![0]);
    assert_eq!(code(parts.decode(2, 8)), "trailing_bytes");
    let data = good.data();
    let cut = chunk(2, 8, &data[..1]);
    assert_eq!(code(decode(&cut, &LIMITS, None)), "varint");
    let empty = chunk(2, 8, &[]);
    assert_eq!(code(decode(&empty, &LIMITS, None)), "truncated");
    let unknown = [&[1], &data[1..]].concat();
    let unknown = chunk(2, 8, &unknown);
    assert_eq!(code(decode(&unknown, &LIMITS, None)), "compression_type");
    let mut simple = chunk(2, 8, &data);
    simple.header.chunk_type = ChunkType::Simple;
    assert_eq!(code(decode(&simple, &LIMITS, None)), "chunk_type");
    // More records than any data of that size can hold.
    let many = chunk(LIMITS.max_chunk_bytes + 1, 8, &data);
    assert_eq!(code(decode(&many, &LIMITS, None)), "limit");
}

/// One record of two nodes, each followed by the next one, and a start.
fn nesting(tags: &[u64]) -> Parts {
    let last = tags.len() as u64;
    let nodes = (1..).zip(tags).map(|(next, &tag)| (tag, last + 1 + next));
    Parts {
        nodes: nodes.chain([(3, 0)]).collect(),
        ..Parts::default()
    }
}

#[test]
fn nesting_that_does_not_match() {
    let end = 0x0e;
    assert_eq!(nesting(&[end, 2]).decode(1, 2).unwrap(), [unhex("0a00")]);
    let (group, group_end) = (0x0b, 0x0c);
    assert_eq!(
        nesting(&[group_end, group]).decode(1, 2).unwrap(),
        [unhex("0b0c")]
    );
    for (tags, expected) in [
        (&[2][..], "a nested message begins that never ends"),
        (&[end], "a record begins within a nested message"),
        (&[group_end], "a record begins within a nested message"),
        (&[group], "a group begins that never ends"),
        (
            &[group_end, 2],
            "a nested message begins where a group ends",
        ),
        (&[end, group], "a group begins where something else ends"),
        (
            &[group_end, 0x13],
            "a group begins where something else ends",
        ),
    ] {
        assert_eq!(what(nesting(tags).decode(1, 100)), expected, "{tags:x?}");
    }
    // What is open needs room for a byte each, so memory for it is bounded.
    assert_eq!(code(nesting(&[end; 20]).decode(1, 19)), "decoded_size");
    let deep = [[group_end; 20], [group; 20]].concat();
    assert_eq!(nesting(&deep).decode(1, 40).unwrap()[0].len(), 40);
    let parts = Parts {
        nodes: vec![(3, 0), (end, 0)],
        transitions: vec![4],
        ..Parts::default()
    };
    assert_eq!(what(parts.decode(1, 10)), "a nested message never begins");
}

#[test]
fn a_projection_sees_only_what_it_wants() {
    // A buffer that is missing where field 2 is wanted, and never looked at otherwise.
    let parts = two_records().change(|p| p.buckets[1][0] = 2);
    let data = parts.data();
    let chunk = chunk(2, 9, &data);
    let only = |paths: &[&[u32]]| decode(&chunk, &LIMITS, Some(&fields(paths)));
    assert_eq!(only(&[&[1]]).unwrap(), [unhex("0807"), unhex("088702")]);
    assert_eq!(only(&[]).unwrap(), [b"", b""]);
    assert_eq!(what(only(&[&[2]])), "a buffer ends within a value");
}

/// One node in two places: field 1 of the record, and field 1 of the message in field 2.
#[test]
fn a_node_may_serve_several_places() {
    let parts = Parts {
        nodes: vec![(0x16, 4 + 1), (8, 2), (2, 4 + 1), (3, 0)],
        subtypes: vec![10 + 9],
        transitions: vec![0, 4],
        ..Parts::default()
    };
    let data = parts.data();
    let chunk = chunk(1, 6, &data);
    let only = |paths: &[&[u32]]| decode(&chunk, &LIMITS, Some(&fields(paths))).unwrap();
    assert_eq!(
        decode(&chunk, &LIMITS, None).unwrap(),
        [unhex("080912020809")]
    );
    assert_eq!(only(&[&[1]]), [unhex("0809")]);
    assert_eq!(only(&[&[2]]), [unhex("12020809")]);
    assert_eq!(only(&[&[2, 5]]), [unhex("1200")]);
    assert_eq!(only(&[&[2, 1]]), [unhex("12020809")]);
}

/// Fields that are skipped count too: a machine cannot go round in them for longer than a record could be.
#[test]
fn skipped_fields_are_counted() {
    let parts = Parts {
        nodes: vec![(8, 2 + 1), (0, 0)],
        subtypes: vec![10],
        transitions: vec![3; 1000],
        ..Parts::default()
    };
    let data = parts.data();
    let chunk = chunk(1, 100, &data);
    let result = decode(&chunk, &LIMITS, Some(&fields(&[])));
    assert_eq!(code(result), "decoded_size");
    assert_eq!(code(decode(&chunk, &LIMITS, None)), "decoded_size");
}
