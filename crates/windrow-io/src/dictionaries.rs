//! The dictionaries of a file: found by its footer, read when the first record needs them, and shared by all that is open.

use std::io;
use std::sync::Mutex;

use windrow_format::{
    BLOCK_BYTES, ChunkType, Dictionaries, Dictionary, Footer, FormatError, Limits, WeakDictionary,
};

use crate::store::Store;
use crate::unlisted::{each_behind, read_unlisted};

/// Reads the dictionaries that a footer names: the copies in front of it, and, where one of them cannot be read, those
/// behind it.
pub(crate) fn load(
    store: &dyn Store,
    footer: &Footer,
    sealed_bytes: u64,
    limits: &Limits,
) -> io::Result<Dictionaries> {
    let mut dictionaries = Dictionaries::default();
    let mut is_broken = false;
    for &begin in &footer.metadata.dictionaries {
        let copy = read(store, begin, footer.footer_offset, limits, &dictionaries)?;
        is_broken |= copy.is_err();
        dictionaries.push(copy.map(share));
    }
    if is_broken {
        let end = sealed_bytes.saturating_sub(BLOCK_BYTES);
        read_behind(store, footer.footer_end, end, limits, &mut dictionaries)?;
    }
    Ok(dictionaries)
}

/// Takes the copies that stand behind a footer.
fn read_behind(
    store: &dyn Store,
    begin: u64,
    end: u64,
    limits: &Limits,
    dictionaries: &mut Dictionaries,
) -> io::Result<()> {
    each_behind(store, begin, end, |begin, header| {
        if header.chunk_type == ChunkType::Dictionary {
            let copy = read(store, begin, end, limits, dictionaries)?;
            dictionaries.push(copy.map(share));
        }
        Ok(true)
    })
}

/// Reads the dictionary chunk at `begin`, which ends at or in front of `end`; `others` are there already.
fn read(
    store: &dyn Store,
    begin: u64,
    end: u64,
    limits: &Limits,
    others: &Dictionaries,
) -> io::Result<Result<Dictionary, FormatError>> {
    read_unlisted(store, begin, end, limits, |chunk| {
        others.parse_chunk(chunk, limits)
    })
}

/// Gives the preparation of the same dictionary that somebody in this process keeps already, if there is one: a
/// hundred files of one source then hold it once. The list is only ever tried: where another thread is at it, or was
/// when this process was forked, nothing is shared.
pub(crate) fn share(dictionary: Dictionary) -> Dictionary {
    static SHARED: Mutex<Vec<WeakDictionary>> = Mutex::new(Vec::new());
    let Ok(mut shared) = SHARED.try_lock() else {
        return dictionary;
    };
    let mut found = None;
    shared.retain(|weak| match weak.upgrade() {
        Some(known) => {
            if known.id() == dictionary.id() && known == dictionary {
                found = Some(known);
            }
            true
        }
        None => false,
    });
    found.unwrap_or_else(|| {
        shared.push(dictionary.downgrade());
        dictionary
    })
}
