//! Making records readable, and durable, before their file is complete.

use windrow_format::{At, FooterMetadata, Provisional};

use super::Writer;
use super::lay::{buffer, present};
use crate::error::{Error, Result};
use crate::scratch::with_compressor;
use crate::sink::Sink;

impl<S: Sink> Writer<S> {
    /// Makes every record that was written so far readable for [`recover`](crate::recover) and
    /// [`TailReader`](crate::TailReader): all groups are handed to the sink, and the sink is flushed. Then they survive
    /// the end of this process.
    ///
    /// Records of the open group that no flush has written yet go into a provisional chunk; they are written once more
    /// when their group is full. The group stays open: a short one in the middle would make the file unreadable for
    /// upstream. A flush with nothing new to write costs nothing. Where a dictionary is to be trained, the first flush does
    /// it, on the records that are there.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub fn flush(&mut self) -> Result<()> {
        self.check_usable()?;
        self.end_sampling()?;
        if self.open_records == 0 {
            self.submit();
        } else if self.open_records < self.batch.records.len() {
            self.submit_complete();
        }
        self.drain(0)?;
        if self.open_records > self.open_flushed {
            self.lay_provisional(self.open_records - self.open_flushed, 0)?;
            self.open_flushed = self.open_records;
        } else if self.open_records == 0 && self.looks_like_footer {
            // Whoever scans the file would take the last chunk for its footer.
            self.lay_provisional(0, 0)?;
            self.looks_like_footer = false;
        }
        self.hand_over()?;
        let flushed = present(&mut self.sink).flush();
        self.check_io("write", flushed)
    }

    /// Makes every record that was written so far durable: [`flush`](Self::flush), then [`Sink::sync`]. Then they survive
    /// a loss of power. What a file is worth before its postscript, [`recover`](crate::recover) gives back.
    ///
    /// # Errors
    /// Those of [`flush`](Self::flush); [`Error::Io`] of the kind [`Unsupported`](std::io::ErrorKind::Unsupported) if the
    /// sink cannot promise it, which changes nothing else. After any other failure of a sync nobody knows what reached
    /// the medium, so every further call fails.
    pub fn sync(&mut self) -> Result<()> {
        self.flush()?;
        self.sync_sink()
    }

    pub(super) fn sync_sink(&mut self) -> Result<()> {
        self.hand_over()?;
        let synced = present(&mut self.sink).sync();
        match synced {
            Err(source) if source.kind() == std::io::ErrorKind::Unsupported => {
                Err(Error::io(&self.name, "sync", source))
            }
            synced => self.check_io("sync", synced),
        }
    }

    /// Writes the last `records` of the open group, all that the batch holds, as a provisional chunk.
    pub(super) fn lay_provisional(&mut self, records: u64, repeated: u64) -> Result<()> {
        let Self {
            options,
            batch,
            blocks,
            out,
            sink,
            ..
        } = self;
        let provisional = Provisional {
            first_record: self.records - records,
            repeated,
            group_size: options.group_size().into(),
            records,
        };
        let group = batch.records.tail(records);
        let (codec, window_log) = (options.codec(), options.window_log());
        let mut chunk = Vec::new();
        let encoded = with_compressor(|compressor| {
            provisional.encode(&group, codec, window_log, compressor, &mut chunk)
        });
        let header = encoded.map_err(|source| {
            self.failed = true;
            Error::format(&self.name, None, source)
        })?;
        let guarded = blocks.lay_guard(|bytes| buffer(out, sink, bytes));
        self.check_io("write", guarded)?;
        self.lay(&header, &chunk)?;
        if self.options.pad_to_block_boundary() {
            self.lay_padding()?;
        }
        Ok(())
    }
}

/// Whether a chunk that begins with this record could be a footer.
pub(crate) fn looks_like_footer(record: &[u8]) -> bool {
    /// Field 1 with a length, which every footer begins with, but for those with fields that nobody knows.
    const FIRST_FIELD: u8 = 0x0a;
    record.first() == Some(&FIRST_FIELD) && FooterMetadata::parse(record, At::byte(0)).is_ok()
}
