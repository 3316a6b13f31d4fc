//! Files that grow: flush, append, following them, and opening them meanwhile.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use windrow_format::options::{AppendOptions, Layout, OnCorrupt, ReaderOptions, WriterOptions};
use windrow_format::{BLOCK_BYTES, BlockWriter, Codec, Compressor, FooterMetadata, RecordGroup};
use windrow_io::{
    Error, FileSink, Reader, Sink, SourceName, TailReader, VerifyOptions, Writer, recover, verify,
};

fn options(group_size: u32) -> WriterOptions {
    WriterOptions::new()
        .with_group_size(group_size)
        .with_codec(Codec::Uncompressed)
}

fn record(index: usize) -> Vec<u8> {
    let size = [3, 0, 40, 700, 90_000][index % 5] + usize::from(index.is_multiple_of(7));
    let mut record = format!("record {index} ").into_bytes();
    record.resize(record.len() + size, b'.');
    record
}

fn records(range: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    range.map(record).collect()
}

fn create(path: &Path, group_size: u32, len: usize) {
    let mut writer = Writer::create_file(path, options(group_size)).unwrap();
    writer.write_batch(records(0..len)).unwrap();
    writer.finish().unwrap();
}

fn append(path: &Path, range: std::ops::Range<usize>, options: AppendOptions) {
    let mut writer = Writer::append(path, options).unwrap();
    writer.write_batch(records(range)).unwrap();
    writer.finish().unwrap();
}

fn all(path: &Path) -> Vec<Vec<u8>> {
    Reader::open(path).unwrap().read_all().unwrap().to_vecs()
}

fn is_sound(path: &Path) -> bool {
    let report = verify(path, &VerifyOptions::new().with_deep(true)).unwrap();
    report.faults.iter().for_each(|fault| println!("{fault:?}"));
    report.is_sound()
}

#[test]
fn appends_of_every_size_add_up() {
    let folder = tempfile::tempdir().unwrap();
    for group_size in [1, 2, 5, 100] {
        for copy in [false, true] {
            let path = folder.path().join(format!("{group_size}-{copy}"));
            let mut len = 0;
            for more in [0, 1, 3, 0, 5, 7, 1, 98, 2] {
                append(
                    &path,
                    len..len + more,
                    match len {
                        // A file that is not there is made.
                        0 => AppendOptions::new()
                            .with_group_size(group_size)
                            .with_codec(Codec::Uncompressed),
                        _ => AppendOptions::new().with_copy(copy),
                    },
                );
                len += more;
                assert_eq!(all(&path), records(0..len), "{group_size}, {len} records");
                assert!(is_sound(&path));
                let metadata = Reader::open(&path).unwrap().footer().metadata.clone();
                assert_eq!(metadata.version, 1);
            }
            if copy {
                let whole = folder.path().join("whole");
                create(&whole, group_size, len);
                // The first append with records found a file with an index only.
                let (one, other) = (fs::read(&path).unwrap(), fs::read(&whole).unwrap());
                assert!(one.len() >= other.len());
            }
        }
    }
}

#[test]
fn a_copy_is_the_file_that_one_writer_would_have_written() {
    let folder = tempfile::tempdir().unwrap();
    let (path, whole) = (folder.path().join("a"), folder.path().join("b"));
    for (group_size, old) in [(1, 5), (4, 8), (4, 9), (100, 9)] {
        create(&path, group_size, old);
        append(&path, old..23, AppendOptions::new().with_copy(true));
        create(&whole, group_size, 23);
        assert!(fs::read(&path).unwrap() == fs::read(&whole).unwrap());
    }
}

#[test]
fn nothing_old_is_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for (group_size, len) in [(1, 20), (4, 20), (4, 21), (100, 20)] {
        create(&path, group_size, len);
        let old = fs::read(&path).unwrap();
        append(&path, len..len + 6, AppendOptions::new());
        let new = fs::read(&path).unwrap();
        assert!(new.starts_with(&old));
        // Appending nothing changes nothing.
        append(&path, 0..0, AppendOptions::new());
        assert!(fs::read(&path).unwrap() == new);
    }
}

#[test]
fn an_append_keeps_the_options_and_the_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let options = WriterOptions::new()
        .with_group_size(3)
        .with_codec(Codec::Brotli { level: 2 })
        .with_window_log(Some(19))
        .with_pad_to_block_boundary(true)
        .with_metadata("a", "1")
        .with_metadata("b", "2");
    let mut writer = Writer::create_file(&path, options).unwrap();
    writer.write_batch(records(0..4)).unwrap();
    writer.finish().unwrap();
    let text = |path: &Path| {
        let reader = Reader::open(path).unwrap();
        reader.writer_options_string().unwrap().to_owned()
    };
    let before = text(&path);
    append(
        &path,
        4..9,
        AppendOptions::new()
            .with_metadata("b", "3")
            .with_metadata("c", ""),
    );
    assert_eq!(text(&path), before);
    assert_eq!(all(&path), records(0..9));
    let pairs = [("a", "1"), ("b", "3"), ("c", "")];
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec()));
    assert_eq!(Reader::open(&path).unwrap().user_metadata(), pairs);
    // Metadata alone are an append, too.
    append(&path, 0..0, AppendOptions::new().with_metadata("a", "9"));
    assert_eq!(Reader::open(&path).unwrap().user_metadata()[0].1, b"9");
    assert!(is_sound(&path));

    let old = fs::read(&path).unwrap();
    for (options, names) in [
        (AppendOptions::new().with_group_size(4), "group_size"),
        (AppendOptions::new().with_codec(Codec::Snappy), "codec"),
        (AppendOptions::new().with_window_log(18), "window_log"),
        (
            AppendOptions::new().with_pad_to_block_boundary(false),
            "pad_to_block_boundary",
        ),
    ] {
        let error = Writer::append(&path, options).unwrap_err();
        assert_eq!(error.code(), "contradicting_option");
        let Error::Options(errors) = error else {
            panic!("{error:?}")
        };
        assert!(errors.to_string().contains(names), "{errors}");
        assert!(fs::read(&path).unwrap() == old);
    }
}

#[test]
fn two_appenders_exclude_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    create(&path, 4, 9);
    for copy in [false, true] {
        let options = AppendOptions::new().with_copy(copy);
        let first = Writer::append(&path, options.clone()).unwrap();
        for options in [AppendOptions::new(), AppendOptions::new().with_copy(true)] {
            let error = Writer::append(&path, options).unwrap_err();
            assert_eq!(
                (error.code(), error.name().unwrap().as_path()),
                ("locked", Some(&*path))
            );
        }
        // Readers need no lock.
        assert_eq!(all(&path).len(), 9);
        drop(first);
        Writer::append(&path, options).unwrap().finish().unwrap();
    }
    // Nor may a file be appended to that is being written.
    let writing = Writer::create_file(&path, options(1)).unwrap();
    assert_eq!(
        Writer::append(&path, AppendOptions::new())
            .unwrap_err()
            .code(),
        "locked"
    );
    writing.finish().unwrap();
}

#[test]
fn what_is_being_appended_to_opens_with_its_old_contents() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for (group_size, len) in [(1, 12), (4, 12), (4, 13), (100, 12)] {
        create(&path, group_size, len);
        let old_bytes = fs::metadata(&path).unwrap().len();
        let open_before = Reader::open(&path).unwrap();
        let mut writer = Writer::append(&path, AppendOptions::new()).unwrap();
        let mut seen = 0;
        for index in len..len + 40 {
            writer.write(&record(index)).unwrap();
            writer.flush().unwrap();
            let reader = Reader::open(&path).unwrap();
            assert_eq!(reader.read_all().unwrap().to_vecs(), records(0..len));
            assert_eq!(reader.sealed_bytes(), old_bytes);
            assert!(!reader.is_scanned());
            let grown = reader.file_bytes() - reader.sealed_bytes();
            assert!(grown > seen, "each flush writes something");
            seen = grown;
            assert_eq!(recover(&path).unwrap().reader.len(), index as u64 + 1);
            let report = verify(&path, &VerifyOptions::new()).unwrap();
            let codes: Vec<_> = report.faults.iter().map(windrow_io::Fault::code).collect();
            assert_eq!(codes, ["unfinished_append"]);
        }
        // A reader of before reads on what it knows.
        assert_eq!(open_before.read_all().unwrap().to_vecs(), records(0..len));
        writer.finish().unwrap();
        assert_eq!(all(&path), records(0..len + 40));
        assert!(is_sound(&path));
    }
}

#[test]
fn an_append_that_is_cut_anywhere_leaves_the_old_contents() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    create(&path, 4, 13);
    let old = fs::metadata(&path).unwrap().len();
    append(&path, 13..31, AppendOptions::new());
    let whole = fs::read(&path).unwrap();
    let last = whole.len() as u64 - BLOCK_BYTES;
    let cuts = (old..whole.len() as u64)
        .step_by(1009)
        .chain([old + 1, old + 63, old + 64, last]);
    for cut in cuts {
        let bytes = &whole[..usize::try_from(cut).unwrap()];
        let reader = Reader::from_bytes(bytes, ReaderOptions::new()).unwrap();
        assert_eq!(
            reader.read_all().unwrap().to_vecs(),
            records(0..13),
            "cut at {cut}"
        );
        fs::write(&path, bytes).unwrap();
        // Going on takes up what is whole.
        let whole = recover(&path).unwrap().reader.len();
        let whole = usize::try_from(whole).unwrap();
        append(&path, whole..whole + 2, AppendOptions::new());
        assert_eq!(all(&path), records(0..whole + 2), "cut at {cut}");
        assert!(is_sound(&path));
    }
}

/// The old footer must go, or a scan takes it for data: it ends where the chunk behind it begins.
#[test]
fn a_file_that_was_cut_in_its_end_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for (group_size, len) in [(3, 5), (3, 6), (1, 5), (100, 5)] {
        create(&path, group_size, len);
        let whole = fs::read(&path).unwrap();
        let footer = Reader::open(&path).unwrap().footer().clone();
        let postscript = whole.len() as u64 - BLOCK_BYTES;
        let (begin, end) = (footer.footer_offset, footer.footer_end);
        for cut in [
            begin,
            begin + 50,
            end,
            end + 40,
            end + 30_000,
            postscript,
            postscript + 80,
        ] {
            for copy in [false, true] {
                fs::write(&path, &whole[..usize::try_from(cut).unwrap()]).unwrap();
                let options = AppendOptions::new().with_copy(copy);
                append(
                    &path,
                    len..len + 3,
                    match len {
                        // Nothing tells the group size of a single short chunk.
                        5 if group_size == 100 => options.with_group_size(100),
                        _ => options,
                    },
                );
                let records = records(0..len + 3);
                assert_eq!(all(&path), records, "group {group_size}, cut at {cut}");
                assert!(is_sound(&path));
                let recovered = recover(&path).unwrap().reader;
                assert_eq!(recovered.read_all().unwrap().to_vecs(), records);
                let mut tail = TailReader::open(&path, ReaderOptions::new()).unwrap();
                while tail.poll().unwrap().is_some() {}
                assert_eq!(
                    tail.position(),
                    len as u64 + 3,
                    "group {group_size}, cut at {cut}"
                );
                assert!(tail.is_sealed());
            }
        }
    }
}

/// The chunk of a group that was flushed is torn: what was flushed is taken up again, and never listed as it is.
#[test]
fn flushed_records_outlive_the_torn_chunk_of_their_group() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for sealed in [0, 13, 20] {
        if sealed > 0 {
            create(&path, 10, sealed);
        } else {
            let _ = fs::remove_file(&path);
        }
        let given = AppendOptions::new()
            .with_group_size(10)
            .with_codec(Codec::Uncompressed);
        let mut writer = Writer::append(&path, given).unwrap();
        writer.write_batch(records(sealed..sealed + 3)).unwrap();
        writer.flush().unwrap();
        writer
            .write_batch(records(sealed + 3..sealed + 10))
            .unwrap();
        writer.flush().unwrap();
        drop(writer);
        let mut bytes = fs::read(&path).unwrap();
        if sealed == 13 {
            // The last chunk is provisional here; the one in front is that of the group.
            bytes.truncate(bytes.len() - 60);
        }
        let last = bytes.len() - 5;
        bytes[last..].fill(0);
        for copy in [false, true] {
            fs::write(&path, &bytes).unwrap();
            let kept = usize::try_from(recover(&path).unwrap().report.records).unwrap();
            assert!(kept >= sealed + 3, "{kept} of {sealed} and more");
            append(&path, kept..kept + 12, AppendOptions::new().with_copy(copy));
            assert_eq!(all(&path), records(0..kept + 12), "{sealed} {copy}");
            assert!(is_sound(&path));
        }
    }
}

/// Provisional chunks of the group that is written again must not stay in front of it.
#[test]
fn a_copy_leaves_flushed_records_of_its_last_group_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for padded in [false, true] {
        let options = options(10).with_pad_to_block_boundary(padded);
        let mut writer = Writer::create_file(&path, options).unwrap();
        writer.write_batch(records(0..2)).unwrap();
        writer.flush().unwrap();
        writer.finish().unwrap();
        let mut writer = Writer::append(&path, AppendOptions::new().with_copy(true)).unwrap();
        writer.write_batch(records(2..9)).unwrap();
        writer.flush().unwrap();
        writer.write_batch(records(9..30)).unwrap();
        writer.flush().unwrap();
        writer.finish().unwrap();
        assert_eq!(all(&path), records(0..30));
        let mut tail = TailReader::open(&path, ReaderOptions::new()).unwrap();
        while tail.poll().unwrap().is_some() {}
        assert_eq!(tail.position(), 30);
    }
}

#[test]
fn an_unfinished_file_takes_the_options_it_was_written_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for text in [
        "group_size:10,pad_to_block_boundary:true",
        "group_size:10,zstd:3,window_log:22",
        "group_size:10,brotli:1",
    ] {
        let _ = fs::remove_file(&path);
        let mut writer = Writer::append(&path, text.parse().unwrap()).unwrap();
        writer.write_batch(records(0..13)).unwrap();
        writer.flush().unwrap();
        drop(writer);
        append(&path, 13..15, text.parse().unwrap());
        assert_eq!(all(&path), records(0..15), "{text}");
        let error = Writer::append(&path, "group_size:9".parse().unwrap()).unwrap_err();
        assert_eq!(error.code(), "contradicting_option");
    }
    let new = folder.path().join("new");
    assert!(Writer::append(&new, AppendOptions::new().with_group_size(0)).is_err());
    assert!(!new.exists());
}

#[test]
fn a_tail_outlives_the_writer_that_it_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut writer = Writer::create_file(&path, options(10)).unwrap();
    writer.write_batch(records(0..13)).unwrap();
    writer.flush().unwrap();
    drop(writer);
    // What a torn write left.
    let sound = fs::read(&path).unwrap();
    fs::write(&path, [sound, vec![7; 100]].concat()).unwrap();
    let mut tail = TailReader::open(&path, ReaderOptions::new()).unwrap();
    while tail.poll().unwrap().is_some() {}
    assert_eq!(tail.position(), 13);
    let mut writer = Writer::append(&path, AppendOptions::new()).unwrap();
    assert!(tail.poll().unwrap().is_none());
    writer.write_batch(records(13..16)).unwrap();
    writer.flush().unwrap();
    while tail.poll().unwrap().is_some() {}
    assert_eq!(tail.position(), 16);
}

#[test]
fn a_tail_that_skips_shows_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    create(&path, 13, 7);
    let mut writer = Writer::append(&path, AppendOptions::new()).unwrap();
    writer.write_batch(records(7..11)).unwrap();
    writer.flush().unwrap();
    writer.finish().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[64 + 60] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let options = ReaderOptions::new().with_on_corrupt(OnCorrupt::Skip);
    let mut tail = TailReader::open(&path, options).unwrap();
    let mut shown = Vec::new();
    while let Some(run) = tail.poll().unwrap() {
        shown.extend((0..run.len()).map(|place| run.get(place).unwrap().to_vec()));
    }
    // The first seven were in the damaged chunk when they were due.
    assert!(shown == records(7..11), "{} records", shown.len());
    assert!(tail.is_sealed());
}

#[test]
fn a_tail_goes_on_behind_two_damaged_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut writer = Writer::create_file(&path, options(1)).unwrap();
    writer.write_batch(["abcde"; 5]).unwrap();
    writer.finish().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    // The data of one chunk, the header of the next.
    bytes[152] ^= 1;
    bytes[160] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let mut tail = TailReader::open(&path, ReaderOptions::new()).unwrap();
    assert_eq!(tail.poll().unwrap().unwrap().len(), 1);
    assert_eq!(tail.poll().unwrap_err().code(), "chunk_data_hash");
    let options = ReaderOptions::new().with_on_corrupt(OnCorrupt::Skip);
    let mut tail = TailReader::open(&path, options).unwrap();
    while tail.poll().unwrap().is_some() {}
    assert!(tail.is_sealed());
    let skipped = tail.skipped();
    assert_eq!(skipped.len(), 2, "{skipped:?}");
    assert_eq!(tail.position(), 1);
}

#[test]
fn an_append_to_a_damaged_file_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    create(&path, 4, 30);
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 70_000);
    bytes[2000] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = Writer::append(&path, AppendOptions::new()).unwrap_err();
    assert_eq!(error.code(), "damaged");
    assert!(error.to_string().contains("windrow repair"), "{error}");
    assert!(fs::read(&path).unwrap() == bytes);

    fs::write(&path, b"something else altogether").unwrap();
    let error = Writer::append(&path, AppendOptions::new()).unwrap_err();
    assert_eq!(error.code(), "not_array_record");
    assert_eq!(fs::read(&path).unwrap(), b"something else altogether");
    let error = Writer::append(folder.path(), AppendOptions::new()).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
}

#[test]
fn a_tail_shows_each_record_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for group_size in [1, 3, 100] {
        let mut writer = Writer::create_file(&path, options(group_size)).unwrap();
        let mut tail = TailReader::open(&path, ReaderOptions::new()).unwrap();
        let mut shown: Vec<Vec<u8>> = Vec::new();
        let mut take = |tail: &mut TailReader| {
            while let Some(run) = tail.poll().unwrap() {
                shown.extend((0..run.len()).map(|place| run.get(place).unwrap().to_vec()));
            }
            assert_eq!(tail.position(), shown.len() as u64);
            shown.len()
        };
        for go in 0..3 {
            for index in go * 60..go * 60 + 60 {
                writer.write(&record(index)).unwrap();
                if index.is_multiple_of(4) {
                    writer.flush().unwrap();
                    assert_eq!(take(&mut tail), index + 1);
                }
                assert!(!tail.is_sealed());
            }
            writer.finish().unwrap();
            assert_eq!(take(&mut tail), go * 60 + 60);
            assert!(tail.is_sealed());
            writer = Writer::append(&path, AppendOptions::new()).unwrap();
        }
        assert_eq!(shown, records(0..180));
        let mut late = TailReader::open(&path, ReaderOptions::new())
            .unwrap()
            .with_position(177);
        let run = late.poll().unwrap().unwrap();
        assert_eq!(run.get(0), Some(&*record(177)));
    }
}

#[test]
fn a_waiting_tail_wakes_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut writer = Writer::create_file(&path, options(100)).unwrap();
    writer.flush().unwrap();
    let mut tail = TailReader::open(&path, ReaderOptions::new()).unwrap();
    let begin = Instant::now();
    assert!(tail.wait(Duration::from_millis(60)).unwrap().is_none());
    assert!(begin.elapsed() >= Duration::from_millis(60));
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        writer.write(b"late").unwrap();
        writer.flush().unwrap();
        writer
    });
    let run = tail.wait(Duration::from_secs(60)).unwrap().unwrap();
    assert_eq!(run.get(0), Some(b"late".as_slice()));
    drop(thread.join().unwrap());
}

#[test]
fn records_that_are_footers_are_records() {
    let footer = FooterMetadata {
        version: 1,
        ..FooterMetadata::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for group_size in [1, 2] {
        let mut writer = Writer::create_file(&path, options(group_size)).unwrap();
        let mut tail = TailReader::open(&path, ReaderOptions::new()).unwrap();
        for written in 1..6 {
            writer.write(&footer.encode()).unwrap();
            writer.flush().unwrap();
            while tail.poll().unwrap().is_some() {}
            assert_eq!(tail.position(), written);
            assert_eq!(recover(&path).unwrap().reader.len(), written);
        }
        writer.finish().unwrap();
        while tail.poll().unwrap().is_some() {}
        assert_eq!(tail.position(), 5);
        assert!(is_sound(&path));
        assert_eq!(recover(&path).unwrap().report.records, 5);
    }
}

/// Records that look like the file's own footer, then the real one, whose postscript was cut off.
#[test]
fn records_that_are_footers_are_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let empty = FooterMetadata {
        version: 1,
        ..FooterMetadata::default()
    };
    for (group_size, flush_at_once) in [(1, false), (1, true), (2, false), (2, true)] {
        let mut writer = Writer::create_file(&path, options(group_size)).unwrap();
        writer.write(&empty.encode()).unwrap();
        writer.finish().unwrap();
        let footer_end = Reader::open(&path).unwrap().footer().footer_end;
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_len(footer_end + 40).unwrap();
        let given = AppendOptions::new().with_group_size(group_size);
        let mut writer = Writer::append(&path, given).unwrap();
        if flush_at_once {
            writer.flush().unwrap();
            assert_eq!(recover(&path).unwrap().report.records, 1);
        }
        writer.write(b"new").unwrap();
        writer.flush().unwrap();
        assert_eq!(recover(&path).unwrap().report.records, 2);
        writer.finish().unwrap();
        assert_eq!(all(&path), [empty.encode(), b"new".to_vec()]);
        assert!(is_sound(&path));
        let mut tail = TailReader::open(&path, ReaderOptions::new()).unwrap();
        while tail.poll().unwrap().is_some() {}
        assert_eq!(tail.position(), 2);
        assert!(tail.is_sealed());
    }
}

/// A copy goes on behind a last chunk that looks like a footer, but not behind the postscript that told it from one.
#[test]
fn a_copy_whose_last_chunk_looks_like_a_footer_says_that_it_is_not() {
    let empty = FooterMetadata {
        version: 1,
        ..FooterMetadata::default()
    };
    let mut writer = Writer::create(Vec::new(), options(1)).unwrap();
    writer.write(&empty.encode()).unwrap();
    let (file, _) = writer.finish().unwrap();
    let copy = AppendOptions::new().with_copy(true);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy");
    let mut writer = Writer::resume(file.clone(), SourceName::MEMORY, &copy, |keep| {
        fs::write(&path, &file[..usize::try_from(keep).unwrap()])?;
        fs::File::options().append(true).open(&path)
    })
    .unwrap();
    writer.flush().unwrap();
    assert_eq!(recover(&path).unwrap().report.records, 1);
}

#[test]
fn a_tail_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    create(&path, 1, 40);
    let sound = fs::read(&path).unwrap();
    let mut bytes = sound.clone();
    // In the data of a chunk in the first block.
    bytes[400] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let mut tail = TailReader::open(&path, ReaderOptions::new()).unwrap();
    let error = loop {
        match tail.poll() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ends without a word"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), "chunk_data_hash");
    assert_eq!(tail.poll().unwrap_err().code(), "chunk_data_hash");
    let skip = ReaderOptions::new().with_on_corrupt(OnCorrupt::Skip);
    let mut tail = TailReader::open(&path, skip).unwrap();
    while tail.poll().unwrap().is_some() {}
    assert_eq!((tail.position(), tail.skipped().len()), (39, 1));

    fs::write(&path, &sound[..500]).unwrap();
    let error = tail.poll().unwrap_err();
    assert_eq!(error.code(), "truncated");
    fs::write(&path, [7; 100]).unwrap();
    let mut tail = TailReader::open(&path, ReaderOptions::new()).unwrap();
    assert_eq!(tail.poll().unwrap_err().code(), "not_array_record");
}

#[test]
fn a_sink_that_cannot_sync_says_so() {
    let mut writer = Writer::create(Vec::new(), options(1)).unwrap();
    let error = writer.sync().unwrap_err();
    let Error::Io { source, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(source.kind(), io::ErrorKind::Unsupported);
    // That is no failure: the writer goes on.
    writer.write(b"one").unwrap();
    assert_eq!(writer.finish().unwrap().1.records, 1);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for atomic in [false, true] {
        let mut writer = Writer::create_file(&path, options(3).with_atomic(atomic)).unwrap();
        writer.write(b"one").unwrap();
        writer.sync().unwrap();
        let (mut sink, _): (FileSink, _) = writer.finish_synced().unwrap();
        sink.sync().unwrap();
        assert_eq!(all(&path), [b"one"]);
    }
}

#[test]
fn what_is_resumed_names_its_file() {
    let error = Writer::resume(
        vec![0_u8; 100],
        SourceName::path("some/file"),
        &AppendOptions::new(),
        |_| -> io::Result<Vec<u8>> { panic!("nothing is to be changed") },
    )
    .unwrap_err();
    assert!(error.to_string().contains("some/file"), "{error}");
}

#[test]
fn a_file_that_begins_with_records_is_not_gone_on_with() {
    // No footer could list them.
    let mut group = RecordGroup::new();
    group.push(b"where the signature stands");
    for layout in [Layout::Groups, Layout::Pages] {
        let mut chunk = Vec::new();
        let mut compressor = Compressor::new();
        let codec = Codec::Uncompressed;
        let group = group.as_slice();
        let header = match layout {
            Layout::Pages => group.encode_pages(codec, None, None, &mut compressor, &mut chunk),
            _ => group.encode(codec, None, &mut compressor, &mut chunk),
        };
        let mut file = Vec::new();
        let laid = BlockWriter::new(0).lay(&header.unwrap(), &chunk, |bytes| {
            file.extend_from_slice(bytes);
            io::Result::Ok(())
        });
        laid.unwrap();
        for len in [file.len(), file.len() + 100] {
            file.resize(len, 0);
            let resumed = Writer::resume(
                file.clone(),
                SourceName::MEMORY,
                &AppendOptions::new(),
                |_| io::Result::Ok(Vec::new()),
            );
            let error = resumed.err().unwrap();
            assert_eq!(error.code(), "damaged", "{error}");
        }
    }
}
