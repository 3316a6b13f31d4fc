//! What a reader asks its store for, and what one bad chunk costs.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use windrow_format::options::{ReaderOptions, WriterOptions};
use windrow_io::{Reader, SourceName, Store, Writer};

/// Remembers every range that is asked for.
#[derive(Clone)]
struct Recording {
    bytes: Arc<Vec<u8>>,
    asked: Arc<Mutex<Vec<Range<u64>>>>,
}

impl Store for Recording {
    fn len(&self) -> std::io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        self.asked
            .lock()
            .unwrap()
            .push(offset..offset + buffer.len() as u64);
        self.bytes.read_exact_at(buffer, offset)
    }
}

impl Recording {
    fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes: Arc::new(bytes),
            asked: Arc::default(),
        }
    }

    fn open(&self, options: ReaderOptions) -> Reader {
        Reader::from_store(self.clone(), SourceName::MEMORY, options).unwrap()
    }

    fn take_one(&self) -> Range<u64> {
        let asked = self.take();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked[0].clone()
    }

    fn take(&self) -> Vec<Range<u64>> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn file(records: usize, bytes: usize, group: u32, codec: &str) -> Vec<u8> {
    let options: WriterOptions = format!("group_size:{group},{codec}").parse().unwrap();
    let mut writer = Writer::create(Vec::new(), options).unwrap();
    for n in 0..records {
        writer.write(&record(n, bytes)).unwrap();
    }
    writer.finish().unwrap().0
}

fn record(n: usize, bytes: usize) -> Vec<u8> {
    (n as u64)
        .to_le_bytes()
        .into_iter()
        .cycle()
        .take(bytes)
        .collect()
}

#[test]
fn requests_are_few() {
    let store = Recording::new(file(10_000, 500, 1, "uncompressed"));
    let size = store.len().unwrap();
    let reader = store.open(ReaderOptions::new().with_max_parallelism(Some(0)));
    assert_eq!(store.take_one(), size - (1 << 20)..size, "open is one read");

    let chunk = reader.chunk_location(5000).unwrap();
    reader.read(5000).unwrap();
    assert_eq!(
        store.take_one(),
        chunk.begin..chunk.end,
        "a record is one read of its chunk"
    );

    // Neighbours come together, whatever the order they were asked for in; far ones do not.
    reader.read_many(&[7001, 12, 7000, 10, 7003]).unwrap();
    let at = |chunk| reader.chunk_location(chunk).unwrap();
    assert_eq!(
        store.take(),
        [at(10).begin..at(12).end, at(7000).begin..at(7003).end]
    );

    reader.read_many(&[5, 5, 5]).unwrap();
    assert_eq!(store.take().len(), 1, "repeated records are read once");

    reader.read_range(100..200).unwrap();
    assert_eq!(store.take_one(), at(100).begin..at(199).end);

    assert!(reader.read_range(7..7).unwrap().is_empty());
    assert!(store.take().is_empty());

    let mut cursor = reader.records_in(0..3000);
    while cursor.next_record().unwrap().is_some() {}
    let asked = store.take();
    assert!(asked.len() < 12, "{} reads for 1.5 MB", asked.len());
    assert!(
        asked.windows(2).all(|pair| pair[0].end == pair[1].start),
        "each byte once, in order"
    );
}

#[test]
fn a_large_footer_costs_one_read_more() {
    let store = Recording::new(file(200_000, 1, 1, "uncompressed"));
    let reader = store.open(ReaderOptions::new());
    let asked = store.take();
    assert_eq!(
        asked.len(),
        2 + usize::from(asked[1].end - asked[1].start == 128),
        "{asked:?}"
    );
    assert_eq!(reader.len(), 200_000);
    let prefetch = ReaderOptions::new().with_footer_prefetch_bytes(Some(16 << 20));
    store.open(prefetch);
    assert_eq!(store.take().len(), 1);
}

#[test]
fn a_decoded_chunk_serves_its_neighbours() {
    let store = Recording::new(file(1000, 100, 100, "zstd:1"));
    let reader = store.open(ReaderOptions::new());
    store.take();
    for n in 300..400 {
        assert_eq!(
            reader.read(n).unwrap(),
            record(usize::try_from(n).unwrap(), 100)
        );
    }
    assert_eq!(store.take().len(), 1);
    assert_eq!(reader.stats().cache_hits, 99);
    let uncached = store.open(ReaderOptions::new().with_chunk_cache_bytes(0));
    store.take();
    uncached.read(300).unwrap();
    uncached.read(301).unwrap();
    assert_eq!(store.take().len(), 2);
}

/// 1,000 records in groups of 10, with one byte of chunk 50 flipped.
fn damaged() -> Reader {
    let mut bytes = file(1000, 200, 10, "uncompressed");
    let sound = Reader::from_bytes(bytes.clone(), ReaderOptions::new()).unwrap();
    let chunk = sound.chunk_location(50).unwrap();
    bytes[usize::try_from(chunk.begin).unwrap() + 500] ^= 1;
    Reader::from_bytes(bytes, ReaderOptions::new()).unwrap()
}

#[test]
fn one_bad_chunk_fails_what_touches_it_and_nothing_else() {
    let reader = damaged();
    let check = |error: windrow_io::Error| {
        assert_eq!(error.code(), "chunk_data_hash");
        assert_eq!(error.records(), Some(500..510));
        assert_eq!(error.at().unwrap().chunk, Some(50));
    };
    for round in 0..2 {
        for n in 0..1000 {
            match reader.read(n) {
                Ok(read) => assert_eq!(read, record(usize::try_from(n).unwrap(), 200), "{round}"),
                Err(error) => {
                    assert!((500..510).contains(&n));
                    check(error);
                }
            }
        }
    }
    check(reader.read_all().map(drop).unwrap_err());
    check(reader.read_many(&[999, 505, 0]).map(drop).unwrap_err());
    check(reader.read_range_with(0..1000, |_, _| {}).unwrap_err());
    assert_eq!(reader.read_range(0..500).unwrap().len(), 500);
    assert_eq!(reader.read_range(510..1000).unwrap().len(), 490);
}

#[test]
fn a_cursor_delivers_up_to_the_bad_chunk_and_goes_on_behind_it() {
    let reader = damaged();
    let mut cursor = reader.records();
    for n in 0..500 {
        assert_eq!(
            cursor.next_record().unwrap(),
            Some(record(n, 200).as_slice())
        );
    }
    for _ in 0..2 {
        assert_eq!(cursor.next_record().unwrap_err().records(), Some(500..510));
        assert_eq!(cursor.tell(), 500);
    }
    cursor.seek(510);
    let mut buffer = Vec::new();
    for n in 510..1000 {
        assert!(cursor.read_into(&mut buffer).unwrap());
        assert_eq!(buffer, record(n, 200));
    }
    assert!(!cursor.read_into(&mut buffer).unwrap() && buffer.is_empty());

    // As an iterator it ends with the error.
    let all: Vec<_> = reader.records().collect();
    assert_eq!(all.len(), 501);
    assert!(all[..500].iter().all(Result::is_ok) && all[500].is_err());
}

#[test]
fn cursors_seek() {
    let reader = Reader::from_bytes(file(5000, 64, 7, "zstd:1"), ReaderOptions::new()).unwrap();
    let mut cursor = reader.records_in(100..4000);
    assert_eq!(cursor.tell(), 100);
    for position in [100, 3999, 101, 102, 2000, 1999, 2001, 107, 106, 105, 3000] {
        cursor.seek(position);
        let expected = record(usize::try_from(position).unwrap(), 64);
        assert_eq!(
            cursor.next_record().unwrap(),
            Some(expected.as_slice()),
            "{position}"
        );
    }
    cursor.seek(u64::MAX);
    assert_eq!(cursor.next_record().unwrap(), None);
    cursor.seek(3998);
    assert_eq!(cursor.count(), 2);
    // A record outlives its cursor and its reader.
    let kept = reader.records().nth(4321).unwrap().unwrap();
    drop(reader);
    assert_eq!(*kept, *record(4321, 64));
}

#[test]
fn batches_are_bounded() {
    let bytes = file(1000, 1000, 10, "zstd:1");
    let options = ReaderOptions::new().with_max_batch_bytes(500_000);
    let reader = Reader::from_bytes(bytes, options).unwrap();
    assert_eq!(
        reader.read_all().map(drop).unwrap_err().code(),
        "batch_too_large"
    );
    assert_eq!(reader.read_range(0..400).unwrap().len(), 400);
    assert!(
        reader.records().all(|record| record.is_ok()),
        "iterating holds little at once"
    );
}

#[test]
fn many_threads_share_one_reader() {
    let reader = Reader::from_bytes(file(3000, 300, 16, "zstd:1"), ReaderOptions::new()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..32_u64 {
            let reader = &reader;
            scope.spawn(move || {
                for step in 0..200 {
                    let n = (thread * 7919 + step * 104_729) % 3000;
                    assert_eq!(
                        reader.read(n).unwrap(),
                        record(usize::try_from(n).unwrap(), 300)
                    );
                }
                assert_eq!(reader.read_all().unwrap().len(), 3000);
                assert_eq!(reader.records().count(), 3000);
            });
        }
    });
}

#[test]
fn a_large_chunk_is_cached_as_well_as_small_ones() {
    // One chunk of 3 MB, and a file whose first chunk alone has one record.
    let reader =
        Reader::from_bytes(file(30_000, 100, 65_536, "zstd:1"), ReaderOptions::new()).unwrap();
    let options = WriterOptions::new()
        .with_group_size(1000)
        .with_max_group_bytes(Some(5000));
    let mut writer = Writer::create(Vec::new(), options).unwrap();
    writer.write(&[1; 9000]).unwrap();
    (0..300).for_each(|n| writer.write(&record(n, 100)).unwrap());
    let mixed = writer.finish().unwrap().0;
    let mixed = Reader::from_bytes(mixed, ReaderOptions::new()).unwrap();
    for (reader, chunks) in [(reader, 1), (mixed, 1 + 300 / 50)] {
        for n in 0..300 {
            reader.read(n).unwrap();
        }
        assert!(
            reader.stats().chunks_decoded <= chunks,
            "{:?}",
            reader.stats()
        );
    }
}

#[test]
fn a_bad_chunk_behind_many_good_ones_costs_no_more_than_they_do() {
    let mut bytes = file(20_000, 8, 1, "uncompressed");
    let sound = Reader::from_bytes(bytes.clone(), ReaderOptions::new()).unwrap();
    let chunk = sound.chunk_location(19_000).unwrap();
    bytes[usize::try_from(chunk.begin).unwrap() + 42] ^= 1;
    let reader = Reader::from_bytes(bytes, ReaderOptions::new()).unwrap();
    let read: Vec<_> = reader.records().collect();
    assert_eq!(read.len(), 19_001);
    assert_eq!(
        read[19_000].as_ref().unwrap_err().records(),
        Some(19_000..19_001)
    );
    assert!(
        reader.stats().chunks_decoded < 60_000,
        "{:?}",
        reader.stats()
    );
}

#[test]
fn a_batch_is_refused_before_it_is_held() {
    let options = ReaderOptions::new().with_max_batch_bytes(1 << 20);
    // One small record in front, so that the file looks harmless.
    let mut writer = Writer::create(Vec::new(), WriterOptions::new()).unwrap();
    writer.write(b"small").unwrap();
    (0..50).for_each(|_| writer.write(&vec![7; 1 << 20]).unwrap());
    let bytes = writer.finish().unwrap().0;
    for options in [
        options.clone(),
        options.clone().with_max_parallelism(Some(0)),
    ] {
        let reader = Reader::from_bytes(bytes.clone(), options).unwrap();
        assert_eq!(
            reader.read_all().map(drop).unwrap_err().code(),
            "batch_too_large"
        );
        assert!(reader.stats().chunks_decoded < 10, "{:?}", reader.stats());
    }
    // Records without bytes are not free.
    let empty = Reader::from_bytes(file(100_000, 0, 1000, "zstd:1"), options).unwrap();
    assert_eq!(
        empty.read_all().map(drop).unwrap_err().code(),
        "batch_too_large"
    );
    assert_eq!(empty.read_range(0..30_000).unwrap().len(), 30_000);
}

#[test]
fn ranges_behind_the_end() {
    let reader = Reader::from_bytes(file(10, 5, 1, "zstd"), ReaderOptions::new()).unwrap();
    for range in [0..11, 5..u64::MAX, u64::MAX - 1..u64::MAX] {
        assert_eq!(
            reader
                .read_range(range.clone())
                .map(drop)
                .unwrap_err()
                .code(),
            "out_of_range"
        );
        assert_eq!(
            reader.read_range_with(range, |_, _| {}).unwrap_err().code(),
            "out_of_range"
        );
    }
    assert_eq!(reader.records_in(5..u64::MAX).count(), 5);
}

#[test]
fn runs_lend_all_records_and_their_buffer() {
    let reader = Reader::from_bytes(file(1000, 900, 7, "zstd"), ReaderOptions::new()).unwrap();
    let mut cursor = reader.records_in(3..990);
    let mut next = 3;
    let mut runs = 0;
    while let Some(run) = cursor.next_records().unwrap() {
        let mut begin = 0;
        assert_eq!(run.ends().len(), run.len());
        for (position, end) in run.ends().enumerate() {
            assert_eq!(run.get(position), Some(&record(next, 900)[..]));
            assert_eq!(&run.as_bytes()[begin..end], &record(next, 900)[..]);
            begin = end;
            next += 1;
        }
        assert_eq!((run.as_bytes().len(), run.get(run.len())), (begin, None));
        assert_eq!(cursor.tell(), next as u64);
        runs += 1;
    }
    assert_eq!(next, 990);
    assert!((2..100).contains(&runs), "{runs}");
}

#[test]
fn what_is_decoded_is_ready() {
    let reader = Reader::from_bytes(file(10, 50, 5, "zstd"), ReaderOptions::new()).unwrap();
    let mut cursor = reader.records();
    assert!(!cursor.is_ready());
    assert!(cursor.wait().unwrap() && cursor.is_ready());
    assert_eq!(cursor.tell(), 0);
    while let Some(found) = cursor.next_record().unwrap().map(<[u8]>::to_vec) {
        let index = usize::try_from(cursor.tell()).unwrap() - 1;
        assert_eq!(found, record(index, 50));
    }
    assert!(!cursor.is_ready() && !cursor.wait().unwrap());
}

#[test]
fn sizes_come_from_the_footer_where_it_tells_them() {
    let single = Reader::from_bytes(file(9, 50, 1, "zstd"), ReaderOptions::new()).unwrap();
    let bytes = |n: usize| record(n, 50).len() as u64;
    let sizes = single.record_sizes(&[8, 0, 8]).unwrap();
    assert_eq!(
        (sizes.bytes, sizes.exact),
        ([8, 0, 8].map(bytes).to_vec(), true)
    );
    assert_eq!(
        single.record_sizes(&[9]).unwrap_err().code(),
        "out_of_range"
    );
    // The last group holds one record, the others two.
    let grouped = Reader::from_bytes(file(9, 50, 2, "zstd"), ReaderOptions::new()).unwrap();
    let sizes = grouped.record_sizes(&[8]).unwrap();
    assert_eq!((sizes.bytes, sizes.exact), (vec![bytes(8)], true));
    let sizes = grouped.record_sizes(&[8, 0]).unwrap();
    let average = (bytes(0) + bytes(1)).div_ceil(2);
    assert_eq!((sizes.bytes, sizes.exact), (vec![bytes(8), average], false));
    let chunk = grouped.chunk_of(3).unwrap();
    assert_eq!((chunk.chunk, chunk.first_record, chunk.records), (1, 2, 2));
    assert_eq!(grouped.chunk_of(9).unwrap_err().code(), "out_of_range");
}

#[test]
fn a_medium_that_fails_is_named_with_chunk_and_records() {
    /// Fails behind the first read after `armed`.
    struct Failing(Vec<u8>, Arc<Mutex<bool>>);
    impl Store for Failing {
        fn len(&self) -> std::io::Result<u64> {
            Ok(self.0.len() as u64)
        }

        fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
            if *self.1.lock().unwrap() {
                return Err(std::io::Error::from(std::io::ErrorKind::HostUnreachable));
            }
            self.0.read_exact_at(buffer, offset)
        }
    }
    let armed = Arc::new(Mutex::new(false));
    let store = Failing(file(10, 50, 5, "uncompressed"), Arc::clone(&armed));
    let reader = Reader::from_store(store, SourceName::MEMORY, ReaderOptions::new()).unwrap();
    let location = reader.chunk_location(1).unwrap();
    *armed.lock().unwrap() = true;
    let error = reader.read(7).unwrap_err();
    assert_eq!((error.code(), error.records()), ("io", Some(5..10)));
    assert_eq!(
        error.at().map(|at| (at.byte, at.chunk)),
        Some((location.begin, Some(1)))
    );
    let place = format!(
        "cannot read <memory> at byte {}, chunk 1, records 5..10",
        location.begin
    );
    assert_eq!(error.to_string(), place);
}

#[test]
fn batches_join() {
    let reader = Reader::from_bytes(file(100, 50, 7, "zstd"), ReaderOptions::new()).unwrap();
    let mut batch = reader.read_many(&[99, 3]).unwrap();
    batch.append(reader.read_many(&[]).unwrap());
    batch.append(reader.read_range(10..12).unwrap());
    let expected = [99, 3, 10, 11].map(|n| record(n, 50));
    assert_eq!(batch.to_vecs(), expected);
    assert_eq!(
        batch.bytes_len(),
        expected
            .iter()
            .map(|record| record.len() as u64)
            .sum::<u64>()
    );
}
