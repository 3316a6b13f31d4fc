//! The upstream package, in processes of its own.
//!
//! `tests/interop/upstream.py` describes the requests. The interpreter is the one that `WINDROW_PYTHON` names, else
//! `.venv/bin/python` of the repository.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::record_spec::RecordSpec;
use crate::repository;

/// One process that answers requests, one after the other. It ends when this value is dropped.
#[derive(Debug)]
pub struct Upstream {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// What upstream made of a file that it read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadReport {
    /// Values that it compared with what they should be.
    pub checks: u64,
    /// What the footer says of the writer's options.
    pub writer_options: Option<String>,
}

/// Whether upstream takes a file, or options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Accepted {
        /// Number of records; 0 where options were asked for.
        records: u64,
        /// What the file says of its writer's options, if anything.
        writer_options: Option<String>,
    },
    /// It does not, and says why.
    Refused {
        /// The message.
        error: String,
    },
}

impl Upstream {
    /// Starts a process.
    ///
    /// # Panics
    /// If there is no interpreter, or it has another release of the package than the tests are written for: these
    /// tests mean nothing without it, so they do not pass.
    #[must_use]
    pub fn start() -> Self {
        let mut upstream = Self::spawn();
        match upstream.ask(&json!({"op": "ping"})) {
            Ok(answer) if answer["array_record"] == "0.8.6" => upstream,
            other => panic!("array_record 0.8.6 is needed, run `make venv`; got {other:?}"),
        }
    }

    fn spawn() -> Self {
        let python = python();
        let script = repository::path("tests/interop/upstream.py");
        let child = Command::new(&python)
            .arg(&script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => panic!(
                "the upstream package is needed, run `make venv`, or set WINDROW_PYTHON to a Python with \
                 array_record 0.8.6: {}: {error}",
                python.display()
            ),
        };
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            unreachable!("both were asked for as pipes")
        };
        Self {
            child,
            input: Some(input),
            output: BufReader::new(output),
        }
    }

    /// Sends one request and waits for the answer.
    ///
    /// # Errors
    /// What the answer gives as the reason why the request failed; how the process ended, if a file crashed it.
    pub fn ask(&mut self, request: &Value) -> Result<Value, String> {
        let mut line = String::new();
        let sent = match &mut self.input {
            Some(input) => writeln!(input, "{request}").and_then(|()| input.flush()),
            None => Ok(()),
        };
        let read = sent.and_then(|()| self.output.read_line(&mut line));
        if !matches!(read, Ok(1..)) {
            return Err(format!("upstream died: {:?}", self.child.wait()));
        }
        let answer: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        if answer["ok"] == true {
            Ok(answer)
        } else {
            Err(text(&answer["error"]))
        }
    }

    /// Writes a file and returns its size in bytes.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask).
    pub fn write(
        &mut self,
        path: &Path,
        options: &str,
        records: &[RecordSpec],
    ) -> Result<u64, String> {
        let request = json!({"op": "write", "path": path, "options": options, "records": records});
        Ok(self.ask(&request)?["file_bytes"].as_u64().unwrap_or(0))
    }

    /// Reads a file by every method and with every set of options that upstream has, and compares all records.
    ///
    /// # Errors
    /// The first difference; those of [`ask`](Self::ask).
    pub fn read(&mut self, path: &Path, records: &[RecordSpec]) -> Result<ReadReport, String> {
        self.read_items(path, &json!(records))
    }

    /// The same as [`read`](Self::read), for records given one by one.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn read_literal(&mut self, path: &Path, records: &[Vec<u8>]) -> Result<ReadReport, String> {
        let hex = |record: &Vec<u8>| -> String {
            record.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let items: Vec<Value> = records
            .iter()
            .map(|record| json!({"hex": hex(record)}))
            .collect();
        self.read_items(path, &json!(items))
    }

    fn read_items(&mut self, path: &Path, records: &Value) -> Result<ReadReport, String> {
        let answer = self.ask(&json!({"op": "read", "path": path, "records": records}))?;
        Ok(ReadReport {
            checks: answer["checks"].as_u64().unwrap_or(0),
            writer_options: answer["writer_options"].as_str().map(str::to_owned),
        })
    }

    /// Opens a file with reader options.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask). A refusal is not one of them.
    pub fn open(&mut self, path: &Path, options: &str) -> Result<Verdict, String> {
        let answer = self.ask(&json!({"op": "open", "path": path, "options": options}))?;
        Ok(verdict(&answer, "writer_options"))
    }

    /// Tries to open and read a file by every API; returns what each says, by its name, `None` where it is satisfied.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask). A refusal is not one of them.
    pub fn refuse(&mut self, path: &Path) -> Result<Vec<(String, Option<String>)>, String> {
        let answer = self.ask(&json!({"op": "refuse", "path": path}))?;
        let apis = answer["apis"].as_object().cloned().unwrap_or_default();
        let said = |error: Value| error.as_str().map(str::to_owned);
        Ok((apis.into_iter())
            .map(|(name, error)| (name, said(error)))
            .collect())
    }

    /// Tries writer options. If they are accepted, the verdict holds what the file says of them.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask). A refusal is not one of them.
    pub fn writer_options(&mut self, options: &str) -> Result<Verdict, String> {
        let answer = self.ask(&json!({"op": "options", "writer": options}))?;
        Ok(verdict(&answer, "options"))
    }

    /// Tries reader options.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask). A refusal is not one of them.
    pub fn reader_options(&mut self, options: &str) -> Result<Verdict, String> {
        let answer = self.ask(&json!({"op": "options", "reader": options}))?;
        Ok(verdict(&answer, "options"))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // The end of its input ends the process.
        self.input = None;
        let _ = self.child.wait();
    }
}

fn verdict(answer: &Value, echo: &str) -> Verdict {
    if answer["accepted"] == true {
        Verdict::Accepted {
            records: answer["records"].as_u64().unwrap_or(0),
            writer_options: answer[echo].as_str().map(str::to_owned),
        }
    } else {
        Verdict::Refused {
            error: text(&answer["error"]),
        }
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn python() -> PathBuf {
    std::env::var_os("WINDROW_PYTHON")
        .filter(|path| !path.is_empty())
        .map_or_else(|| repository::path(".venv/bin/python"), PathBuf::from)
}
