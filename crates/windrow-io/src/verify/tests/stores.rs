//! What is read, and what happens when reading fails.

use std::cell::RefCell;
use std::io;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use windrow_format::BLOCK_BYTES;
use windrow_format::options::ReaderOptions;

use super::window::{SharedStore, Window};
use super::*;
use crate::store::Store;

/// A medium that records what is read of it, and ends or fails somewhere.
struct Medium {
    bytes: Vec<u8>,
    /// What `len` says.
    len: AtomicU64,
    /// Reads that reach behind this fail.
    bad_from: u64,
    /// How.
    failure: io::ErrorKind,
    reads: std::sync::Arc<Mutex<Vec<(u64, u64)>>>,
}

impl Medium {
    fn new(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            len: AtomicU64::new(bytes.len() as u64),
            bad_from: u64::MAX,
            failure: io::ErrorKind::UnexpectedEof,
            reads: std::sync::Arc::default(),
        }
    }
}

impl Store for Medium {
    fn len(&self) -> io::Result<u64> {
        Ok(self.len.load(Ordering::Relaxed))
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset + buffer.len() as u64;
        self.reads.lock().unwrap().push((offset, end));
        // The tail can be read at any time, so that there is an index.
        if end > self.bad_from && end < self.bytes.len() as u64 - 2 * BLOCK_BYTES {
            return Err(self.failure.into());
        }
        self.bytes.read_exact_at(buffer, offset)
    }
}

/// Bytes that do not repeat.
fn noise(len: usize) -> Vec<u8> {
    let words = (0..len as u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56);
    words.map(|word| word.to_le_bytes()[0]).collect()
}

/// About 8 MB in chunks of all sizes, the largest of which is number 3000.
fn large() -> Vec<u8> {
    let mut file = FileBuilder::new();
    for n in 0..3000_usize {
        file.data(&[&noise((n * 7) % 3000)]);
    }
    file.data(&[&noise(2_500_000)]);
    file.data(&[&noise(500_000)]);
    file.finish()
}

#[test]
fn a_window_shows_what_is_there() {
    let bytes = noise(10_000);
    let medium = Medium::new(&bytes);
    let reads = std::sync::Arc::clone(&medium.reads);
    let mut window = Window::new(SharedStore::new(medium), 10_000, 100, vec![9; 7]);
    let slice = |range: &Range<u64>| {
        let place = |byte: u64| usize::try_from(byte).unwrap();
        bytes[place(range.start)..place(range.end)].to_vec()
    };
    // Steps of all sizes, some within the window, some over its end, some far behind it.
    let mut begin = 0;
    for (step, len) in (0..).map(|n: u64| (n * 37 % 151, n * 53 % 131)) {
        begin += step;
        let range = begin..begin + len;
        if range.end > 10_000 {
            break;
        }
        assert_eq!(window.bytes(range.clone()).unwrap(), slice(&range));
        if len > 0 {
            let piece = window.piece(range.clone()).unwrap().to_vec();
            assert_eq!(piece, slice(&range));
        }
    }
    let ahead = window.piece(9_990..10_000).unwrap().to_vec();
    assert_eq!(ahead, slice(&(9_990..10_000)));
    assert!(window.bytes(9_990..10_001).unwrap_err().is_end_of_file());
    let mut reads = std::mem::take(&mut *reads.lock().unwrap());
    reads.pop();
    assert!(reads.windows(2).all(|pair| pair[0].1 <= pair[1].0));
}

#[test]
fn every_byte_is_read_once() {
    let bytes = large();
    for threads in [None, Some(0)] {
        let medium = Medium::new(&bytes);
        let reads = std::sync::Arc::clone(&medium.reads);
        let options = VerifyOptions::new()
            .with_reader_options(ReaderOptions::new().with_max_parallelism(threads));
        let report = verify_store(medium, SourceName::MEMORY, &options).unwrap();
        assert_eq!(report, check(&bytes, true));
        let mut reads = std::mem::take(&mut *reads.lock().unwrap());
        // The index comes first: the last block, then the footer.
        let file_bytes = bytes.len() as u64;
        assert_eq!(reads[0], (file_bytes - BLOCK_BYTES, file_bytes));
        assert_eq!(reads[1].1, file_bytes - BLOCK_BYTES);
        reads.drain(..2);
        assert!(reads.iter().all(|(begin, end)| end - begin <= 1 << 20));
        assert!(reads.len() < 40, "{reads:?}");
        reads.sort_unstable();
        let mut position = 0;
        for (begin, end) in reads {
            assert_eq!(begin, position);
            position = end;
        }
        assert_eq!(position, file_bytes);
    }
}

#[test]
fn without_an_index_too() {
    let mut bytes = large();
    let file_bytes = bytes.len();
    bytes[file_bytes - 65_536 + 30] ^= 1;
    let medium = Medium::new(&bytes);
    let reads = std::sync::Arc::clone(&medium.reads);
    let report = verify_store(medium, SourceName::MEMORY, &VerifyOptions::new()).unwrap();
    assert_eq!(report, check(&bytes, false));
    assert_eq!(report.faults.len(), 1);
    let mut reads = std::mem::take(&mut *reads.lock().unwrap());
    // The last block, twice, and what else tells that there is no index; the signature, for the kind of file it is; then
    // all of it, and the bad header again.
    let postscript = file_bytes as u64 - BLOCK_BYTES;
    assert_eq!(reads[..2], [(postscript, file_bytes as u64); 2]);
    assert_eq!(reads.pop(), Some((postscript, postscript + 64)));
    let signature = reads.iter().position(|read| *read == (0, 64)).unwrap();
    let mut position = 0;
    for (begin, end) in &reads[signature + 1..] {
        assert_eq!(*begin, position);
        position = *end;
    }
    assert_eq!(position, file_bytes as u64);
}

#[test]
fn a_failing_medium_is_an_error() {
    let bytes = large();
    for bad_from in [0, 3_000_000] {
        for threads in [None, Some(0)] {
            let medium = Medium {
                bad_from,
                failure: io::ErrorKind::PermissionDenied,
                ..Medium::new(&bytes)
            };
            let options = VerifyOptions::new()
                .with_reader_options(ReaderOptions::new().with_max_parallelism(threads));
            let error = verify_store(medium, SourceName::MEMORY, &options).unwrap_err();
            assert_eq!(error.code(), "io");
            assert!(error.at().unwrap().byte <= bad_from);
        }
        let medium = Medium {
            bad_from,
            failure: io::ErrorKind::PermissionDenied,
            ..Medium::new(&bytes)
        };
        let mut scan = scan_store(medium, SourceName::MEMORY, &ReaderOptions::new()).unwrap();
        assert_eq!(scan.find_map(Result::err).unwrap().code(), "io");
        assert!(scan.next().is_none());
    }
}

#[test]
fn a_file_cut_while_it_is_read_is_a_fault() {
    let bytes = large();
    let reader = crate::Reader::from_bytes(bytes.as_slice(), ReaderOptions::new()).unwrap();
    let largest = reader.chunk_location(3000).unwrap();
    // Between jobs, and between the reads of one chunk.
    for bad_from in [3_000_000, largest.begin + 1_500_000] {
        let medium = Medium {
            bad_from,
            ..Medium::new(&bytes)
        };
        let report = verify_store(medium, SourceName::MEMORY, &VerifyOptions::new()).unwrap();
        let [fault] = report.faults.as_slice() else {
            panic!("{:?}", report.faults);
        };
        assert_eq!(fault.code(), "truncated");
        assert!(fault.bytes.start <= bad_from && fault.bytes.start > bad_from - (2 << 20));
        assert_eq!(fault.bytes.end, bytes.len() as u64);
        let lost = fault.records.clone().unwrap();
        assert_eq!(lost.end, 3002);
        let first = reader.chunk_location(lost.start).unwrap();
        assert_eq!(first.begin, fault.bytes.start);
        // What was checked in front of it is what is not lost.
        assert_eq!(report.data_chunks, lost.start);
    }

    let medium = Medium {
        bad_from: 3_000_000,
        ..Medium::new(&bytes)
    };
    let scan = scan_store(medium, SourceName::MEMORY, &ReaderOptions::new()).unwrap();
    let last = scan.last().unwrap().unwrap();
    assert!(matches!(last, Scanned::Fault(fault) if fault.code() == "truncated"));
}

#[test]
fn a_file_shorter_than_it_says_is_a_fault() {
    let bytes = large();
    let medium = Medium::new(&bytes);
    medium.len.fetch_add(BLOCK_BYTES, Ordering::Relaxed);
    let report = verify_store(medium, SourceName::MEMORY, &VerifyOptions::new()).unwrap();
    assert!(
        report
            .faults
            .iter()
            .all(|fault| fault.code() == "truncated")
    );
    assert!(!report.is_sound());
    assert!(report.chunks > 3000);
}

#[test]
fn progress_goes_forward_to_the_end() {
    let mut bytes = large();
    for broken in [false, true] {
        let end = bytes.len();
        if broken {
            bytes[end - 65_536 + 30] ^= 1;
        }
        let calls = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&calls);
        let options = VerifyOptions::new().with_progress(move |bytes| log.borrow_mut().push(bytes));
        verify_store(Medium::new(&bytes), SourceName::MEMORY, &options).unwrap();
        let calls = calls.borrow();
        assert!(calls.is_sorted(), "{calls:?}");
        assert!((5..100).contains(&calls.len()), "{}", calls.len());
        assert_eq!(calls.last(), Some(&(end as u64)));
    }
}
