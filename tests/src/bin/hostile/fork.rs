//! Readers and writers that a forked process inherits.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use windrow::{Codec, FileSink, Reader, RecordCursor, Writer, WriterOptions};
use windrow_tests::hostile::{Random, push_text};

use crate::system::in_child;

/// How long a child may take before it counts as hung.
const LIMIT: Duration = Duration::from_secs(30);
const RECORDS: usize = 4000;

/// Runs a case again and again; prints how each child ended: 0 is right, another number is the step that failed, null
/// a child that hung or died.
pub fn run(case: &str, folder: &Path, repetitions: usize) -> Value {
    let once = match case {
        "read" => read,
        "read-busy" => read_busy,
        "seek" => seek,
        "drop-cursor" => drop_cursor,
        "write" => |folder: &Path| write(folder, 1, None),
        "write-open-group" => |folder: &Path| write(folder, 64, None),
        "write-group-bytes" => |folder: &Path| write(folder, 1_000_000, Some(100_000)),
        "atomic-drop" => atomic_drop,
        other => panic!("unknown case {other}"),
    };
    let children: Vec<Option<u8>> = (0..repetitions).map(|_| once(folder)).collect();
    json!({ "children": children })
}

fn records() -> Vec<Vec<u8>> {
    let mut random = Random::new(5);
    let record = |n: usize| {
        let mut record = Vec::new();
        push_text(&mut random, 100 + n % 900, &mut record);
        record
    };
    (0..RECORDS).map(record).collect()
}

fn reader(folder: &Path, records: &[Vec<u8>]) -> Reader {
    let path = folder.join("inherited");
    if !path.exists() {
        let options = WriterOptions::new().with_group_size(7);
        let mut writer = Writer::create_file(&path, options).expect("a new file");
        writer.write_batch(records).expect("room for it");
        writer.finish().expect("room for it");
    }
    Reader::open(path).expect("a sound file")
}

/// Reads by every method; the number of the first one that is not right.
fn read_all_ways(reader: &Reader, records: &[Vec<u8>]) -> Option<u8> {
    let shuffled: Vec<u64> = (0..reader.len())
        .map(|n| n * 2_311 % reader.len())
        .collect();
    let Ok(batch) = reader.read_many(&shuffled) else {
        return Some(1);
    };
    let expected = |n: u64| {
        records
            .get(usize::try_from(n).unwrap_or(usize::MAX))
            .map(Vec::as_slice)
    };
    if !batch
        .iter()
        .map(Some)
        .eq(shuffled.iter().map(|&n| expected(n)))
    {
        return Some(2);
    }
    let all = reader.read_all();
    if !all.is_ok_and(|all| all.iter().eq(records.iter().map(Vec::as_slice))) {
        return Some(3);
    }
    if rest(&mut reader.records(), records) {
        return Some(4);
    }
    let wrong = (0..reader.len())
        .step_by(97)
        .any(|n| reader.read(n).ok().as_deref() != expected(n));
    wrong.then_some(5)
}

/// Reads to the end; whether anything is wrong.
fn rest(cursor: &mut RecordCursor, records: &[Vec<u8>]) -> bool {
    let position = cursor.tell();
    let position = usize::try_from(position).unwrap_or(usize::MAX);
    let right = records[position..]
        .iter()
        .all(|record| matches!(cursor.next_record(), Ok(Some(read)) if read == record.as_slice()));
    !right || !matches!(cursor.next_record(), Ok(None))
}

fn read(folder: &Path) -> Option<u8> {
    let records = records();
    let reader = reader(folder, &records);
    let mut cursor = half_read(&reader, &records);
    let ended = in_child(LIMIT, || {
        if let Some(step) = read_all_ways(&reader, &records) {
            return step;
        }
        10 * u8::from(rest(&mut cursor, &records))
    });
    let ended = ended.expect("forking");
    let own = read_all_ways(&reader, &records).or(rest(&mut cursor, &records).then_some(10));
    own.map(|step| 100 + step).or(ended)
}

fn half_read(reader: &Reader, records: &[Vec<u8>]) -> RecordCursor {
    let all = reader.read_all().expect("a sound file");
    assert_eq!(all.len(), records.len());
    let mut cursor = reader.records();
    for record in &records[..RECORDS / 2] {
        assert_eq!(
            cursor.next_record().expect("a sound file"),
            Some(record.as_slice())
        );
    }
    cursor
}

/// Forks while other threads are at work with the same reader.
fn read_busy(folder: &Path) -> Option<u8> {
    let records = records();
    let reader = reader(folder, &records);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(read_all_ways(&reader, &records), None);
                }
            });
        }
        std::thread::sleep(Duration::from_millis(3));
        let mut cursor = half_read(&reader, &records);
        let ended = in_child(LIMIT, || {
            if let Some(step) = read_all_ways(&reader, &records) {
                return step;
            }
            10 * u8::from(rest(&mut cursor, &records))
        });
        done.store(true, Ordering::Relaxed);
        ended.expect("forking")
    })
}

/// Forks while jobs of the cursor run, and seeks at once.
fn seek(folder: &Path) -> Option<u8> {
    let records = records();
    let reader = reader(folder, &records);
    let mut cursor = reader.records();
    assert!(cursor.next_record().is_ok());
    let ended = in_child(LIMIT, || {
        cursor.seek(RECORDS as u64 - 5);
        10 * u8::from(rest(&mut cursor, &records))
    });
    ended.expect("forking")
}

/// Forks while jobs of the cursor run, and drops the cursor.
fn drop_cursor(folder: &Path) -> Option<u8> {
    let records = records();
    let reader = reader(folder, &records);
    let mut cursor = Some(reader.records());
    assert!(
        cursor
            .as_mut()
            .is_some_and(|cursor| cursor.next_record().is_ok())
    );
    let ended = in_child(LIMIT, || {
        drop(cursor.take());
        10 * u8::from(rest(&mut reader.records(), &records))
    });
    ended.expect("forking")
}

/// The child's calls must all fail as those of a forked process, and the parent's file must come out sound.
fn write(folder: &Path, group: u32, group_bytes: Option<u64>) -> Option<u8> {
    let path = folder.join("written");
    let options = WriterOptions::new()
        .with_group_size(group)
        .with_codec(Codec::Zstd { level: 1 })
        .with_max_group_bytes(group_bytes);
    let mut random = Random::new(6);
    let records: Vec<Vec<u8>> = (0..3000).map(|_| random.bytes(1001)).collect();
    let mut writer = Writer::create_file(&path, options).expect("a new file");
    writer.write_batch(&records[..1501]).expect("room for it");
    let mut writer = Some(writer);
    let ended = in_child(LIMIT, || writer.take().map_or(99, write_in_child));
    let ended = ended.expect("forking");
    let mut writer = writer.expect("the parent's own");
    writer.write_batch(&records[1501..]).expect("room for it");
    writer.finish().expect("room for it");
    let sound = Reader::open(&path)
        .and_then(|reader| reader.read_all())
        .is_ok_and(|all| all.iter().eq(records.iter().map(Vec::as_slice)));
    if sound { ended } else { Some(100) }
}

/// The number of the first call that does not say what it should.
fn write_in_child(mut writer: Writer<FileSink>) -> u8 {
    let forked =
        |result: windrow::Result<()>| result.is_err_and(|error| error.code() == "writer_forked");
    // All of them, also behind one that was taken: what it does to the parent's file is then seen there.
    let refused = (0..2000)
        .filter(|_| forked(writer.write(&[b'?'; 1000])))
        .count();
    if refused < 2000 {
        return 1;
    }
    if !forked(writer.write_batch([b"?"])) {
        return 2;
    }
    if !forked(writer.flush()) {
        return 3;
    }
    if !forked(writer.finish().map(|_| ())) {
        return 4;
    }
    0
}

/// The child drops the writer: its temporary file must stay.
fn atomic_drop(folder: &Path) -> Option<u8> {
    let path = folder.join("published");
    if path.exists() {
        std::fs::remove_file(&path).expect("the file of the last repetition");
    }
    let files = || std::fs::read_dir(folder).map_or(0, Iterator::count);
    let before = files();
    let options = WriterOptions::new().with_atomic(true);
    let mut writer = Writer::create_file(&path, options).expect("a new file");
    let records: Vec<[u8; 100]> = (0..200).map(|n| [n; 100]).collect();
    writer.write_batch(&records[..100]).expect("room for it");
    let mut writer = Some(writer);
    let ended = in_child(LIMIT, || {
        drop(writer.take());
        u8::from(files() != before + 1)
    });
    let ended = ended.expect("forking");
    if files() != before + 1 || path.exists() {
        return Some(100);
    }
    let mut writer = writer.expect("the parent's own");
    writer.write_batch(&records[100..]).expect("room for it");
    writer.finish().expect("room for it");
    let sound = Reader::open(&path)
        .and_then(|reader| reader.read_all())
        .is_ok_and(|all| {
            all.iter()
                .eq(records.iter().map(|record| record.as_slice()))
        });
    if sound { ended } else { Some(101) }
}
