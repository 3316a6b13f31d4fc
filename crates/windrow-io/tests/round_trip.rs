//! What is written is read back, by every way of reading.
use windrow_format::Codec;
use windrow_format::options::{IndexStorage, ReaderOptions, WriterOptions};
use windrow_io::{Reader, Writer};

fn write(records: &[Vec<u8>], options: WriterOptions) -> Vec<u8> {
    let mut writer = Writer::create(Vec::new(), options).unwrap();
    writer.write_batch(records).unwrap();
    let (bytes, summary) = writer.finish().unwrap();
    assert_eq!(summary.file_bytes, bytes.len() as u64);
    assert_eq!(summary.records, records.len() as u64);
    bytes
}

fn check(records: &[Vec<u8>], bytes: &[u8], options: ReaderOptions) {
    let reader = Reader::from_bytes(bytes, options).unwrap();
    let all = reader.read_all().unwrap();
    assert_eq!(reader.len(), records.len() as u64);
    assert!(all.iter().eq(records.iter().map(Vec::as_slice)));
    let indices: Vec<u64> = (0..records.len() as u64)
        .rev()
        .chain(0..records.len().min(3) as u64)
        .collect();
    let many = reader.read_many(&indices).unwrap();
    for (position, index) in indices.iter().enumerate() {
        let expected = &records[usize::try_from(*index).unwrap()];
        assert_eq!(&many[position], expected.as_slice());
        assert_eq!(&reader.read(*index).unwrap(), expected);
    }
    let mut cursor = reader.records();
    for record in records {
        assert_eq!(cursor.next_record().unwrap(), Some(record.as_slice()));
    }
    assert_eq!(cursor.next_record().unwrap(), None);
    assert!(
        reader
            .records()
            .map(|record| record.unwrap().to_vec())
            .eq(records.iter().cloned())
    );
}

#[test]
fn every_codec_group_and_reader() {
    let sets: Vec<Vec<Vec<u8>>> = vec![
        vec![],
        vec![vec![]],
        (0..1000_u32)
            .map(|n| n.to_le_bytes()[..(n % 4) as usize].to_vec())
            .collect(),
        (0..50_usize)
            .map(|n| vec![u8::try_from(n).unwrap(); n * 1999])
            .collect(),
        vec![vec![7; 3_000_000], vec![], vec![8; 200_000]],
    ];
    for records in &sets {
        for codec in [
            Codec::Uncompressed,
            Codec::Zstd { level: 1 },
            Codec::Brotli { level: 1 },
            Codec::Snappy,
        ] {
            for group in [1, 3, 1000] {
                for pad in [false, true] {
                    if pad && records.len() > 100 {
                        continue;
                    }
                    let options = WriterOptions::new()
                        .with_codec(codec)
                        .with_group_size(group)
                        .with_pad_to_block_boundary(pad);
                    let bytes = write(records, options);
                    check(records, &bytes, ReaderOptions::new());
                    check(
                        records,
                        &bytes,
                        ReaderOptions::new()
                            .with_max_parallelism(Some(0))
                            .with_index_storage(IndexStorage::Offloaded),
                    );
                    check(
                        records,
                        &bytes,
                        ReaderOptions::new()
                            .with_readahead_buffer_bytes(Some(0))
                            .with_chunk_cache_bytes(0),
                    );
                }
            }
        }
    }
}

#[test]
fn only_writes_that_end_a_batch_may_wait() {
    let options = WriterOptions::new()
        .with_group_size(4)
        .with_codec(Codec::Uncompressed);
    let mut writer = Writer::create(Vec::new(), options).unwrap();
    let mut waits = Vec::new();
    for n in 0..4000 {
        if writer.may_wait(1000) {
            waits.push(n);
        }
        writer.write(&[7; 1000]).unwrap();
    }
    assert!(waits.iter().all(|n| n % 4 == 3), "a group is complete");
    assert!((20..100).contains(&waits.len()), "{}", waits.len());
    assert!(!writer.has_failed());
}
