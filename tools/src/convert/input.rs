//! Where an input's bytes come from.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::fault::InputFault;
use crate::error::CliError;
use crate::interrupt;

/// The largest record taken from an input: what a reader accepts by default.
pub const MAX_RECORD_BYTES: u64 = windrow::format::options::DEFAULT_MAX_RECORD_BYTES;
/// Bytes fetched at once.
const BUFFER_BYTES: usize = 256 << 10;
/// How long Ctrl-C may go unnoticed while a pipe is silent.
const POLL: Duration = Duration::from_millis(50);

/// A record that could not be read.
#[derive(Debug)]
pub enum Fault {
    Io(io::Error),
    Input(InputFault),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<InputFault> for Fault {
    fn from(fault: InputFault) -> Self {
        Self::Input(fault)
    }
}

/// A buffered input that counts what was taken from it.
#[derive(Debug)]
pub struct Input {
    source: Source,
    buffer: Vec<u8>,
    place: usize,
    taken: u64,
}

#[derive(Debug)]
enum Source {
    File(File),
    /// A pipe is read by a thread of its own: one that waits for bytes could not see Ctrl-C.
    Pipe(Receiver<io::Result<Vec<u8>>>),
}

impl Input {
    /// `-` is standard input.
    pub fn open(path: &Path) -> Result<Self, CliError> {
        if path == Path::new("-") {
            return Ok(Self::new(Source::Pipe(pump(io::stdin()))));
        }
        let file = File::open(path).map_err(CliError::io("open", path))?;
        let metadata = file.metadata().map_err(CliError::io("open", path))?;
        if metadata.is_dir() {
            return Err(CliError::io("open", path)(
                io::ErrorKind::IsADirectory.into(),
            ));
        }
        let source = if metadata.is_file() {
            Source::File(file)
        } else {
            Source::Pipe(pump(file))
        };
        Ok(Self::new(source))
    }

    fn new(source: Source) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            place: 0,
            taken: 0,
        }
    }

    /// Bytes taken so far.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// The bytes that come next, as many as it takes for `wants_more` to be content with them, or all that there are.
    /// None is taken.
    pub fn peek(&mut self, wants_more: impl Fn(&[u8]) -> bool) -> io::Result<&[u8]> {
        self.fill_buf()?;
        while wants_more(&self.buffer[self.place..]) {
            let more = match &mut self.source {
                Source::File(file) => {
                    let mut more = vec![0; BUFFER_BYTES];
                    let read = read_some(file, &mut more)?;
                    more.truncate(read);
                    more
                }
                Source::Pipe(pipe) => receive(pipe)?,
            };
            if more.is_empty() {
                break;
            }
            self.buffer.extend_from_slice(&more);
        }
        Ok(&self.buffer[self.place..])
    }

    /// Whether it can be opened once more from the beginning.
    pub fn can_reopen(&self) -> bool {
        matches!(self.source, Source::File(_))
    }
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let buffer = self.fill_buf()?;
        let bytes = buffer.len().min(out.len());
        out[..bytes].copy_from_slice(&buffer[..bytes]);
        self.consume(bytes);
        Ok(bytes)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.place >= self.buffer.len() {
            self.place = 0;
            match &mut self.source {
                Source::File(file) => {
                    self.buffer.resize(BUFFER_BYTES, 0);
                    let read = read_some(file, &mut self.buffer);
                    self.buffer.truncate(*read.as_ref().unwrap_or(&0));
                    read?;
                }
                Source::Pipe(pipe) => self.buffer = receive(pipe)?,
            }
        }
        Ok(&self.buffer[self.place..])
    }

    fn consume(&mut self, bytes: usize) {
        self.place += bytes;
        self.taken += bytes as u64;
    }
}

fn read_some(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Reads `pipe` on a thread, a few buffers ahead.
fn pump(mut pipe: impl Read + Send + 'static) -> Receiver<io::Result<Vec<u8>>> {
    let (send, receive) = sync_channel(2);
    std::thread::spawn(move || {
        loop {
            let mut buffer = vec![0; BUFFER_BYTES];
            let read = read_some(&mut pipe, &mut buffer);
            let more = matches!(read, Ok(1..));
            buffer.truncate(*read.as_ref().unwrap_or(&0));
            // The end is an empty buffer. Nobody listens any more if the command failed.
            if send.send(read.map(|_| buffer)).is_err() || !more {
                break;
            }
        }
    });
    receive
}

fn receive(pipe: &Receiver<io::Result<Vec<u8>>>) -> io::Result<Vec<u8>> {
    loop {
        match pipe.recv_timeout(POLL) {
            Ok(buffer) => return buffer,
            Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
            Err(RecvTimeoutError::Timeout) if interrupt::requested() => {
                // Not `ErrorKind::Interrupted`, which says: try again.
                return Err(io::Error::other("interrupted"));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
