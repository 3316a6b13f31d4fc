//! Files that grew, and what is there meanwhile, as the upstream package sees them.

use windrow::{AppendOptions, Codec, SourceName, Writer, WriterOptions};
use windrow_format::BLOCK_BYTES;
use windrow_tests::upstream::{Upstream, Verdict};

fn record(index: usize) -> Vec<u8> {
    let bytes = [5, 0, 300, 30_000][index % 4];
    let mut record = format!("record {index}").into_bytes();
    record.resize(record.len() + bytes, b'x');
    record
}

/// A file of so many records, appended to in goes of so many, with a flush behind each third record; and where each go
/// ended.
fn grown(group_size: u32, codec: Codec, padded: bool, goes: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let options = WriterOptions::new()
        .with_group_size(group_size)
        .with_codec(codec)
        .with_pad_to_block_boundary(padded);
    let (mut file, mut ends, mut len) = (Vec::new(), Vec::new(), 0);
    for &more in goes {
        let mut writer = if file.is_empty() {
            Writer::create(Vec::new(), options.clone()).unwrap()
        } else {
            let old = file.clone();
            Writer::resume(old, SourceName::MEMORY, &AppendOptions::new(), |keep| {
                assert_eq!(keep, file.len() as u64);
                Ok(file.clone())
            })
            .unwrap()
        };
        for index in len..len + more {
            writer.write(&record(index)).unwrap();
            if index % 3 == 0 {
                writer.flush().unwrap();
            }
        }
        len += more;
        file = writer.finish().unwrap().0;
        ends.push(file.len());
    }
    (file, ends)
}

const GOES: [usize; 5] = [7, 1, 0, 12, 4];

#[test]
fn upstream_reads_what_grew() {
    let mut upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grown");
    let mut read = 0;
    for codec in [Codec::Uncompressed, Codec::Zstd { level: 3 }] {
        for group_size in [1, 4, 100] {
            for padded in [false, true] {
                let (file, ends) = grown(group_size, codec, padded, &GOES);
                let mut len = 0;
                for (end, more) in ends.into_iter().zip(GOES) {
                    len += more;
                    std::fs::write(&path, &file[..end]).unwrap();
                    let records: Vec<Vec<u8>> = (0..len).map(record).collect();
                    upstream
                        .read_literal(&path, &records)
                        .unwrap_or_else(|error| {
                            panic!("{codec:?}, group {group_size}, {padded}, {len}: {error}")
                        });
                    read += 1;
                }
            }
        }
    }
    assert_eq!(read, 60);
}

#[test]
fn upstream_refuses_what_is_not_complete() {
    let mut upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut");
    let mut refused = 0;
    for (group_size, padded) in [(1, false), (4, false), (4, true), (100, false)] {
        let (file, ends) = grown(group_size, Codec::Uncompressed, padded, &GOES);
        let block = usize::try_from(BLOCK_BYTES).unwrap();
        // At a multiple of a block upstream takes what the last block begins with for a postscript.
        for cut in (ends[0]..file.len())
            .step_by(block)
            .filter(|cut| !ends.contains(cut))
        {
            std::fs::write(&path, &file[..cut]).unwrap();
            let verdict = upstream.open(&path, "").unwrap();
            assert!(
                matches!(verdict, Verdict::Refused { .. }),
                "group {group_size}, {padded}, cut at {cut}: {verdict:?}"
            );
            refused += 1;
        }
    }
    assert!(refused > 10, "{refused}");
}
