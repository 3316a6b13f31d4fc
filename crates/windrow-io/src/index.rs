//! Finding the chunk of a record.

use std::fs::File;
use std::io::{self, Write};

use windrow_format::options::IndexStorage;
use windrow_format::{
    ChunkLocation, Footer, FooterEntry, IndexPage, IndexPages, LiveChunk, PAGE_CHUNKS, PageStart,
    encode_page,
};

use crate::store::Store;

/// The pages of a file's index, in memory or in a temporary file that has no name.
#[derive(Debug)]
pub(crate) struct Index {
    pages: Pages,
    pages_bytes: u64,
    starts: Vec<PageStart>,
    num_chunks: u64,
    num_records: u64,
    /// Records per chunk, where all chunks but the last are alike; else 0.
    group_size: u64,
}

#[derive(Debug)]
enum Pages {
    InMemory(Vec<u8>),
    Offloaded(crate::store::FileStore),
}

/// Collects pages as the footer is decoded.
#[derive(Debug)]
pub(crate) struct IndexBuilder {
    pages: Building,
    pages_bytes: u64,
    starts: Vec<PageStart>,
}

#[derive(Debug)]
enum Building {
    InMemory(Vec<u8>),
    Offloaded(File),
}

impl IndexBuilder {
    pub(crate) fn new(storage: IndexStorage) -> io::Result<Self> {
        let pages = match storage {
            IndexStorage::Offloaded => Building::Offloaded(tempfile::tempfile()?),
            _ => Building::InMemory(Vec::new()),
        };
        Ok(Self {
            pages,
            pages_bytes: 0,
            starts: Vec::new(),
        })
    }

    pub(crate) fn push(&mut self, pages: &IndexPages) -> io::Result<()> {
        let base = self.pages_bytes;
        self.starts
            .extend(pages.starts.iter().map(|start| PageStart {
                byte: base + start.byte,
                ..*start
            }));
        self.pages_bytes += pages.bytes.len() as u64;
        match &mut self.pages {
            Building::InMemory(all) => {
                all.extend_from_slice(&pages.bytes);
                Ok(())
            }
            Building::Offloaded(file) => file.write_all(&pages.bytes),
        }
    }

    pub(crate) fn finish(mut self, footer: &Footer) -> Index {
        self.starts.shrink_to_fit();
        let pages = match self.pages {
            Building::InMemory(mut all) => {
                all.shrink_to_fit();
                Pages::InMemory(all)
            }
            Building::Offloaded(file) => Pages::Offloaded(crate::store::FileStore::from(file)),
        };
        Index {
            pages,
            pages_bytes: self.pages_bytes,
            starts: self.starts,
            num_chunks: footer.metadata.num_chunks,
            num_records: footer.metadata.num_records,
            group_size: if footer.uniform { footer.group_size } else { 0 },
        }
    }
}

impl Index {
    /// An index of chunks that a scan found, and what a footer would say of them.
    pub(crate) fn of_chunks(
        chunks: &[LiveChunk],
        storage: IndexStorage,
        mut footer: Footer,
    ) -> io::Result<(Footer, Self)> {
        let mut builder = IndexBuilder::new(storage)?;
        for (number, page) in chunks.chunks(PAGE_CHUNKS).enumerate() {
            let entries: Vec<FooterEntry> = page
                .iter()
                .map(|chunk| FooterEntry {
                    chunk_offset: chunk.begin,
                    decoded_bytes: chunk.decoded_bytes,
                    num_records: chunk.records,
                })
                .collect();
            let next = chunks.get((number + 1) * PAGE_CHUNKS);
            let end = next.map_or(footer.footer_offset, |next| next.begin);
            let mut pages = IndexPages::default();
            let first_record = page.first().map_or(0, |first| first.first_record);
            pages.starts.push(PageStart {
                byte: 0,
                first_record,
            });
            encode_page(&entries, first_record, end, &mut pages.bytes);
            builder.push(&pages)?;
        }
        let last = chunks.last();
        let num_records = last.map_or(0, |last| last.first_record + last.records);
        footer.metadata.num_chunks = chunks.len() as u64;
        footer.metadata.num_records = num_records;
        footer.group_size = chunks.first().map_or(0, |first| first.records);
        footer.uniform = chunks.split_last().is_none_or(|(last, others)| {
            let full = others
                .iter()
                .all(|chunk| chunk.records == footer.group_size);
            full && last.records <= footer.group_size
        });
        let index = builder.finish(&footer);
        Ok((footer, index))
    }

    pub(crate) fn num_chunks(&self) -> u64 {
        self.num_chunks
    }

    pub(crate) fn num_records(&self) -> u64 {
        self.num_records
    }

    /// Bytes of memory that the index holds.
    pub(crate) fn memory_bytes(&self) -> usize {
        let pages = match &self.pages {
            Pages::InMemory(pages) => pages.capacity(),
            Pages::Offloaded(_) => 0,
        };
        pages + self.starts.capacity() * size_of::<PageStart>()
    }

    /// Chunk number `chunk`, which is below [`num_chunks`](Self::num_chunks).
    pub(crate) fn chunk(&self, chunk: u64) -> io::Result<ChunkLocation> {
        let page = chunk / PAGE_CHUNKS as u64;
        let in_page = usize::try_from(chunk % PAGE_CHUNKS as u64).unwrap_or(usize::MAX);
        self.with_page(page, |page| page.get(in_page))
    }

    /// The chunk of record number `record`, which is below [`num_records`](Self::num_records).
    pub(crate) fn find(&self, record: u64) -> io::Result<ChunkLocation> {
        if let Some(chunk) = record.checked_div(self.group_size) {
            return self.chunk(chunk);
        }
        let page = self
            .starts
            .partition_point(|start| start.first_record <= record);
        self.with_page((page as u64).saturating_sub(1), |page| {
            page.find_record(record)
        })
    }

    /// Consecutive chunks from number `chunk` on.
    pub(crate) fn chunks_from(
        &self,
        chunk: u64,
    ) -> impl Iterator<Item = io::Result<ChunkLocation>> + '_ {
        (chunk..self.num_chunks).map(|chunk| self.chunk(chunk))
    }

    fn with_page(
        &self,
        page: u64,
        get: impl FnOnce(IndexPage<'_>) -> Option<ChunkLocation>,
    ) -> io::Result<ChunkLocation> {
        let first_chunk = page * PAGE_CHUNKS as u64;
        let number = usize::try_from(page).unwrap_or(usize::MAX);
        let len = self
            .num_chunks
            .saturating_sub(first_chunk)
            .min(PAGE_CHUNKS as u64);
        let len = usize::try_from(len).unwrap_or(PAGE_CHUNKS);
        let missing = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let begin = self.starts.get(number).ok_or_else(missing)?.byte;
        let end = self
            .starts
            .get(number + 1)
            .map_or(self.pages_bytes, |next| next.byte);
        let found = match &self.pages {
            Pages::InMemory(all) => {
                let range = usize::try_from(begin).ok().zip(usize::try_from(end).ok());
                let bytes = range.and_then(|(begin, end)| all.get(begin..end));
                bytes
                    .and_then(|bytes| IndexPage::new(bytes, first_chunk, len))
                    .and_then(get)
            }
            Pages::Offloaded(file) => {
                let mut bytes = vec![0; usize::try_from(end - begin).unwrap_or(usize::MAX)];
                file.read_exact_at(&mut bytes, begin)?;
                IndexPage::new(&bytes, first_chunk, len).and_then(get)
            }
        };
        found.ok_or_else(missing)
    }
}
