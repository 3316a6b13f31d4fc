//! Writing a set of files of bounded size.

use std::path::{Path, PathBuf};

use windrow_format::options::WriterOptions;

use crate::data_source::shard_path;
use crate::error::{Error, Result, SourceName};
use crate::sink::{FileSink, sync_folder};
use crate::writer::{Summary, Writer};

/// When a new shard begins. Without any bound, all records go into one shard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShardLimits {
    /// Records in a shard at the most.
    pub max_records: Option<u64>,
    /// Bytes of a file from which on no more records go into it. The open group and the footer come on top.
    pub max_bytes: Option<u64>,
}

/// Writes records into `name-00000-of-000NN`, `name-00001-of-000NN`, ...
///
/// The number of shards is known only at the end, so shards are called `name-00000.unfinished` until
/// [`finish`](Self::finish) gives all of them their names. There is always at least one shard.
#[derive(Debug)]
pub struct ShardedWriter {
    base: PathBuf,
    options: WriterOptions,
    limits: ShardLimits,
    current: Option<Writer<FileSink>>,
    finished: Vec<(PathBuf, Summary)>,
}

impl ShardedWriter {
    /// Begins the first shard of `base`.
    ///
    /// # Errors
    /// Those of [`Writer::create_file`]; [`Error::Source`] for a limit of 0.
    pub fn create(
        base: impl Into<PathBuf>,
        options: WriterOptions,
        limits: ShardLimits,
    ) -> Result<Self> {
        let base = base.into();
        if limits.max_records == Some(0) || limits.max_bytes == Some(0) {
            let text = base.display().to_string();
            return Err(Error::Source {
                what: "a shard cannot be limited to nothing",
                text,
            });
        }
        let mut writer = Self {
            base,
            options,
            limits,
            current: None,
            finished: Vec::new(),
        };
        writer.current = Some(writer.next_shard()?);
        Ok(writer)
    }

    /// Appends one record, in a new shard if the current one is full.
    ///
    /// # Errors
    /// Those of [`Writer::write`], [`Writer::finish`] and [`Writer::create_file`].
    pub fn write(&mut self, record: &[u8]) -> Result<()> {
        if self.is_full()? {
            self.finish_shard()?;
            self.current = Some(self.next_shard()?);
        }
        match &mut self.current {
            Some(shard) => shard.write(record),
            None => Err(Error::WriterFailed {
                name: SourceName::path(&self.base),
            }),
        }
    }

    /// Appends records in order.
    ///
    /// # Errors
    /// Those of [`write`](Self::write); records in front of the one that failed were taken.
    pub fn write_batch<R: AsRef<[u8]>>(
        &mut self,
        records: impl IntoIterator<Item = R>,
    ) -> Result<()> {
        records
            .into_iter()
            .try_for_each(|record| self.write(record.as_ref()))
    }

    /// Completes the last shard and gives all shards their names.
    ///
    /// # Errors
    /// Those of [`Writer::finish`]; [`Error::Io`] if a shard cannot be renamed.
    pub fn finish(mut self) -> Result<Vec<(PathBuf, Summary)>> {
        if self.current.is_none() {
            return Err(Error::WriterFailed {
                name: SourceName::path(&self.base),
            });
        }
        self.finish_shard()?;
        let shards = self.finished.len();
        let mut named = Vec::with_capacity(shards);
        for (shard, (unfinished, summary)) in self.finished.iter().enumerate() {
            let path = shard_path(&self.base, shard, shards);
            std::fs::rename(unfinished, &path)
                .map_err(|source| Error::io(&SourceName::path(&path), "rename", source))?;
            named.push((path, *summary));
        }
        if self.options.atomic() {
            sync_folder(&self.base).map_err(|source| {
                Error::io(&SourceName::path(&self.base), "sync the folder of", source)
            })?;
        }
        Ok(named)
    }

    fn is_full(&mut self) -> Result<bool> {
        let Some(shard) = self.current.as_mut().filter(|shard| shard.records() > 0) else {
            return Ok(false);
        };
        if self
            .limits
            .max_records
            .is_some_and(|most| shard.records() >= most)
        {
            return Ok(true);
        }
        let Some(most) = self.limits.max_bytes else {
            return Ok(false);
        };
        if shard.file_bytes() + shard.pending_bytes() >= most {
            // What is being compressed might fill the shard: wait to see what it comes to.
            shard.flush()?;
        }
        Ok(shard.file_bytes() >= most)
    }

    fn next_shard(&self) -> Result<Writer<FileSink>> {
        Writer::create_file(
            unfinished_path(&self.base, self.finished.len()),
            self.options.clone(),
        )
    }

    fn finish_shard(&mut self) -> Result<()> {
        if let Some(shard) = self.current.take() {
            let (sink, summary) = shard.finish()?;
            self.finished.push((sink.path().to_path_buf(), summary));
        }
        Ok(())
    }
}

fn unfinished_path(base: &Path, shard: usize) -> PathBuf {
    let mut name = base.as_os_str().to_os_string();
    name.push(format!("-{shard:05}.unfinished"));
    name.into()
}
