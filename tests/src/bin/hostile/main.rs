//! Runs one hostile case in a process of its own and prints what came of it as JSON.
//!
//! Exits with 0 if the library answered, with whatever answer; a panic, an abort or a signal is its failure.

#[cfg(unix)]
mod counting;
#[cfg(unix)]
mod fork;
#[cfg(unix)]
mod full;
#[cfg(unix)]
mod read;
#[cfg(unix)]
mod system;
#[cfg(unix)]
mod write;

#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

#[cfg(unix)]
fn main() {
    use serde_json::json;

    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["read", path, max_chunk_bytes] => read::every_method(path, number(max_chunk_bytes)),
        ["read-as-nobody", path] => {
            system::become_nobody().expect("giving up rights");
            read::every_method(path, 1 << 24)
        }
        ["write-as-nobody", path] => {
            system::become_nobody().expect("giving up rights");
            full::fill(path, 1, 10, false)
        }
        ["write", codec, group, jobs, record_bytes, bytes] => write::measure(
            codec,
            number(group),
            number(jobs),
            number(record_bytes),
            number(bytes),
        ),
        ["full", path, group, record_bytes] => {
            full::fill(path, number(group), number(record_bytes), false)
        }
        ["limited", path, limit, group, record_bytes, atomic] => {
            system::limit_file_bytes(number(limit)).expect("a limit on file sizes");
            full::fill(
                path,
                number(group),
                number(record_bytes),
                *atomic == "atomic",
            )
        }
        ["fork", case, folder, repetitions] => {
            fork::run(case, folder.as_ref(), number(repetitions))
        }
        other => panic!("unknown arguments {other:?}"),
    };
    println!("{}", json!(result));
}

#[cfg(unix)]
fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a number")
}

#[cfg(not(unix))]
fn main() {
    panic!("limits and forks are those of unix");
}
