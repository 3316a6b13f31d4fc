//! Reading through a memory map. The workspace's tests are built with the feature, because the benchmarks ask for it.
#![cfg(feature = "mmap")]

use windrow_format::options::{ReaderOptions, WriterOptions};
use windrow_io::{MmapStore, Reader, SourceName, Writer};

#[test]
fn a_mapped_file_reads_without_a_read() {
    for options in [
        "group_size:7,uncompressed",
        "group_size:7,uncompressed,layout:pages",
        "group_size:50,zstd,layout:pages,dictionary:1k",
    ] {
        check(options);
    }
}

#[allow(
    unsafe_code,
    reason = "opening a map is a promise, which this test keeps"
)]
fn check(options: &str) {
    let folder = tempfile::tempdir().unwrap();
    let name = SourceName::path(folder.path().join("mapped.array_record"));
    let path = name.as_path().unwrap();
    let options: WriterOptions = options.parse().unwrap();
    let mut writer = Writer::create_file(path, options).unwrap();
    let records: Vec<Vec<u8>> = (0..500_u32).map(|n| n.to_le_bytes().repeat(100)).collect();
    writer.write_batch(&records).unwrap();
    writer.finish().unwrap();

    // SAFETY: nobody else knows the file, and nobody changes it before it is removed with its folder.
    let store = unsafe { MmapStore::open(&name) }.unwrap();
    let reader = Reader::from_store(store, name.clone(), ReaderOptions::new()).unwrap();
    let opened = reader.stats().reads;
    assert!(
        reader
            .read_all()
            .unwrap()
            .iter()
            .eq(records.iter().map(Vec::as_slice))
    );
    assert!(
        reader
            .records()
            .map(|record| record.unwrap().to_vec())
            .eq(records.iter().cloned())
    );
    assert_eq!(reader.read(499).unwrap(), records[499]);
    let some = reader.read_many(&[3, 70, 498]).unwrap().to_vecs();
    assert_eq!(some, [3, 70, 498].map(|n: usize| records[n].clone()));
    assert_eq!(
        reader.stats().reads,
        opened,
        "no bytes are read, they are there"
    );

    let missing = SourceName::path(folder.path().join("missing"));
    // SAFETY: there is no file.
    let error = unsafe { MmapStore::open(&missing) }.unwrap_err();
    assert_eq!(error.code(), "io");
}
