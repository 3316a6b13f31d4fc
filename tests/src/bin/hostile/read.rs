//! Reading a file by every method, with the peak of memory.

use serde_json::{Value, json};
use windrow::{Error, IndexStorage, Reader, ReaderOptions, Result};

use crate::{counting, system};

/// Address space for the whole process: stacks, code and arenas of threads are in it, exabytes are not.
const ADDRESS_SPACE_BYTES: u64 = 4 << 30;

/// Opens the file at `path`, in both kinds of index, and reads it by every method.
pub fn every_method(path: &str, max_chunk_bytes: u64) -> Value {
    system::limit_memory(ADDRESS_SPACE_BYTES).expect("a limit on memory");
    let base = counting::begin();
    let resident = resident_bytes();
    let options = ReaderOptions::new()
        .with_max_chunk_bytes(max_chunk_bytes)
        .with_max_record_bytes(max_chunk_bytes);
    let mut answers = Vec::new();
    for storage in [IndexStorage::InMemory, IndexStorage::Offloaded] {
        match Reader::open_with(path, options.clone().with_index_storage(storage)) {
            Ok(reader) => read(&reader, &mut answers),
            Err(error) => answers.push(answer("open", Err(error))),
        }
    }
    let peak_bytes = counting::peak_since(base);
    json!({
        "answers": answers,
        "peak_bytes": peak_bytes,
        "resident_bytes": peak_resident_bytes().saturating_sub(resident),
    })
}

fn read(reader: &Reader, answers: &mut Vec<Value>) {
    let last = reader.len().saturating_sub(1);
    answers.push(answer("read", reader.read(0).map(|record| record.len())));
    answers.push(answer(
        "read_last",
        reader.read(last).map(|record| record.len()),
    ));
    let ends = [0, last, 0, last / 2];
    answers.push(answer(
        "read_many",
        reader.read_many(&ends).map(|b| b.len()),
    ));
    // Of many records every third, so that none of a file of pages is read whole.
    let some: Vec<u64> = (0..reader.len().min(1 << 17)).step_by(3).collect();
    answers.push(answer(
        "read_many, some",
        reader.read_many(&some).map(|b| b.len()),
    ));
    answers.push(answer(
        "read_range",
        reader.read_range(0..reader.len().min(3)).map(|b| b.len()),
    ));
    answers.push(answer("read_all", reader.read_all().map(|b| b.len())));
    answers.push(answer(
        "read_range_with",
        reader
            .read_range_with(0..reader.len(), |_, _| ())
            .map(|()| 0),
    ));
    let mut cursor = reader.records();
    let first = cursor
        .next_record()
        .map(|record| record.map_or(0, <[u8]>::len));
    answers.push(answer("next_record", first));
    let iterated = reader.records().take(1 << 20).collect::<Result<Vec<_>>>();
    answers.push(answer("records", iterated.map(|records| records.len())));
}

fn answer(method: &str, result: Result<usize>) -> Value {
    match result {
        Ok(count) => json!({ "method": method, "ok": count }),
        Err(error) => error_answer(method, &error),
    }
}

/// What a failed call says.
pub fn error_answer(method: &str, error: &Error) -> Value {
    let at = error.at();
    json!({
        "method": method,
        "code": error.code(),
        "byte": at.map(|at| at.byte),
        "chunk": at.and_then(|at| at.chunk),
        "os": os_error(error),
    })
}

fn os_error(error: &Error) -> Option<String> {
    match error {
        Error::Io { source, .. } => Some(format!("{:?}", source.kind())),
        _ => None,
    }
}

/// Bytes of this process in memory now; 0 where the system does not tell.
pub fn resident_bytes() -> u64 {
    status_bytes("VmRSS:")
}

/// The most bytes of this process that were in memory at once; 0 where the system does not tell.
pub fn peak_resident_bytes() -> u64 {
    status_bytes("VmHWM:")
}

fn status_bytes(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kilobytes.map_or(0, |kilobytes| kilobytes.parse().unwrap_or(0)) * 1024
}
