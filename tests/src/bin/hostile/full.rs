//! Writing where there is no room.

use serde_json::{Value, json};
use windrow::{Codec, Writer, WriterOptions};

use crate::read::error_answer;

/// Records after which writing is given up: far more than any buffer holds.
const MOST_RECORDS: usize = 100_000;

/// Writes records of `record_bytes` until a call fails, then goes on for a few calls more; prints the first error, the
/// codes of those behind it, and how much was taken before.
pub fn fill(path: &str, group: u32, record_bytes: usize, atomic: bool) -> Value {
    let options = WriterOptions::new()
        .with_codec(Codec::Uncompressed)
        .with_group_size(group)
        .with_atomic(atomic);
    let mut writer = match Writer::create_file(path, options) {
        Ok(writer) => writer,
        Err(error) => return json!({ "taken": 0, "error": error_answer("create", &error) }),
    };
    let record = vec![b'x'; record_bytes];
    for taken in 0..MOST_RECORDS {
        if let Err(error) = writer.write(&record) {
            let after: Vec<&str> = vec![
                code(writer.write(&record)),
                code(writer.flush()),
                code(writer.finish().map(|_| ())),
            ];
            return json!({ "taken": taken, "error": error_answer("write", &error), "after": after });
        }
        if taken as u64 * record_bytes as u64 > 64 << 20 || record_bytes < 1000 && taken > 10 {
            break;
        }
    }
    match writer.finish() {
        Ok((_, summary)) => json!({ "taken": summary.records, "error": null }),
        Err(error) => json!({ "taken": null, "error": error_answer("finish", &error) }),
    }
}

fn code(result: windrow::Result<()>) -> &'static str {
    result.map_or_else(|error| error.code(), |()| "ok")
}
