//! A folder to run the command in.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use windrow::{Reader, ReaderOptions, Writer, WriterOptions};

/// The original files of the repository.
pub const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data");

pub struct Scratch(tempfile::TempDir);

/// What a run left.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: Vec<u8>,
    pub err: String,
}

impl Scratch {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windrow"));
        command.args(args).current_dir(self.0.path());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, b"")
    }

    /// Runs with `input` on standard input.
    pub fn run_with(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // On a thread, for both pipes may fill up. A command that does not want all of its input is fine.
        let feeder = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        output.into()
    }

    /// Runs and expects success.
    pub fn ok(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran
    }

    /// Runs and expects this exit code, one line of complaint with these words in it, and no temporary file left.
    pub fn fails(&self, args: &[&str], code: i32, words: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        assert!(ran.err.starts_with("windrow: "), "{args:?}: {}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{args:?}: {}", ran.err);
        for word in words {
            assert!(ran.err.contains(word), "{word:?} in {}", ran.err);
        }
        self.assert_tidy();
        ran
    }

    /// No temporary file is left.
    pub fn assert_tidy(&self) {
        for entry in std::fs::read_dir(self.0.path()).unwrap() {
            let name = entry.unwrap().file_name();
            assert!(
                !name.to_string_lossy().contains("unfinished"),
                "{name:?} is left"
            );
        }
    }

    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub fn get(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Writes an array_record file with the library.
    pub fn write<R: AsRef<[u8]>>(&self, name: &str, options: &str, records: &[R]) {
        self.write_with(name, options.parse().unwrap(), records);
    }

    pub fn write_with<R: AsRef<[u8]>>(&self, name: &str, options: WriterOptions, records: &[R]) {
        let mut writer = Writer::create_file(self.path(name), options).unwrap();
        writer.write_batch(records).unwrap();
        writer.finish().unwrap();
    }

    /// Opens an array_record file with the library.
    pub fn reader(&self, name: &str) -> Reader {
        Reader::open_with(self.path(name), ReaderOptions::new()).unwrap()
    }

    pub fn records(&self, name: &str) -> Vec<Vec<u8>> {
        self.reader(name).read_all().unwrap().to_vecs()
    }

    /// Flips one bit.
    pub fn damage(&self, name: &str, byte: usize) {
        let mut bytes = self.get(name);
        bytes[byte] ^= 1;
        self.put(name, bytes);
    }
}

impl Ran {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    /// Standard output as one JSON value per line.
    pub fn json(&self) -> Vec<Value> {
        self.text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("ended by itself"),
            out: output.stdout,
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The names of the fields of a JSON object, sorted.
pub fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}

/// The fields that JSON.md lists, sorted, and `more`: the first column of the table whose first line holds `title`, in
/// the section whose heading holds `section`.
pub fn documented(section: &str, title: &str, more: &[&str]) -> Vec<String> {
    let text = include_str!("../../JSON.md");
    let section = text
        .split("\n## ")
        .find(|part| part.lines().next().unwrap().contains(section))
        .unwrap_or_else(|| panic!("{section} is not in JSON.md"));
    let mut lines = section.lines().skip_while(|line| !line.contains(title));
    assert!(lines.next().is_some(), "{title} is not in JSON.md");
    let mut names: Vec<String> = lines
        .take_while(|line| line.starts_with('|'))
        .filter_map(|line| line.split('|').nth(1))
        .flat_map(|cell| cell.split(','))
        .map(|name| name.trim().trim_matches('`').to_owned())
        .filter(|name| !name.starts_with('-'))
        .chain(more.iter().map(|&name| name.to_owned()))
        .collect();
    names.sort_unstable();
    names
}
