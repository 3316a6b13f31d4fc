//! The names of shards.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result, SourceName};

/// The path of shard number `shard` of `shards`: `name-00003-of-00032`.
#[must_use]
pub fn shard_path(base: &Path, shard: usize, shards: usize) -> PathBuf {
    let mut name = base.as_os_str().to_os_string();
    name.push(format!("-{shard:05}-of-{shards:05}"));
    name.into()
}

/// The files that a pattern names, in order: an existing path is itself, and so is one with `[a:b]` behind it;
/// `name@32` is the 32 shards of `name`; anything with `*`, `?` or `[` is a glob.
///
/// # Errors
/// [`Error::Source`] if nothing matches, a shard of a set is missing, or the glob is not valid.
pub fn expand_pattern(pattern: &str) -> Result<Vec<PathBuf>> {
    let fail = |what| {
        Err(Error::Source {
            what,
            text: pattern.to_owned(),
        })
    };
    if Path::new(pattern).exists() {
        return Ok(vec![pattern.into()]);
    }
    if super::instruction::split_suffix(pattern).is_some() {
        return Ok(vec![pattern.into()]);
    }
    if let Some((base, count)) = pattern.rsplit_once('@')
        && let Ok(shards) = count.parse::<usize>()
    {
        if shards == 0 {
            return fail("a set of shards has at least one");
        }
        let paths = (0..shards).map(|shard| shard_path(Path::new(base), shard, shards));
        return paths
            .map(|path| {
                if path.exists() {
                    Ok(path)
                } else {
                    Err(missing(&path))
                }
            })
            .collect();
    }
    if !pattern.contains(['*', '?', '[']) {
        // One file; opening it says what is wrong.
        return Ok(vec![pattern.into()]);
    }
    let Ok(matches) = glob::glob(pattern) else {
        return fail("the glob is not valid");
    };
    let mut paths = Vec::new();
    for path in matches {
        paths.push(path.map_err(|error| {
            let name = SourceName::path(error.path());
            Error::io(&name, "look into", error.into())
        })?);
    }
    paths.sort();
    if paths.is_empty() {
        return fail("no file matches");
    }
    check_complete(&paths)?;
    Ok(paths)
}

fn missing(path: &Path) -> Error {
    Error::Source {
        what: "a shard is missing",
        text: path.display().to_string(),
    }
}

/// Checks that every set of shards of which a part is there is there as a whole, and is the only one of its name: what
/// an earlier run with another number of shards left would be read twice.
fn check_complete(paths: &[PathBuf]) -> Result<()> {
    let mut sets: BTreeMap<&str, BTreeMap<usize, Vec<usize>>> = BTreeMap::new();
    for path in paths {
        if let Some((base, shard, shards)) = path.to_str().and_then(split_shard) {
            sets.entry(base)
                .or_default()
                .entry(shards)
                .or_default()
                .push(shard);
        }
    }
    for (base, by_count) in sets {
        if by_count.len() > 1 {
            return Err(Error::Source {
                what: "there are sets of shards of several sizes",
                text: base.to_owned(),
            });
        }
        for (shards, present) in by_count {
            if let Some(absent) = (0..shards).find(|shard| present.binary_search(shard).is_err()) {
                return Err(missing(&shard_path(Path::new(base), absent, shards)));
            }
        }
    }
    Ok(())
}

/// Splits `name-00003-of-00032`.
fn split_shard(path: &str) -> Option<(&str, usize, usize)> {
    let (rest, shards) = path.rsplit_once("-of-")?;
    let (base, shard) = rest.rsplit_once('-')?;
    let number = |text: &str| {
        if text.len() >= 5 {
            text.parse().ok()
        } else {
            None
        }
    };
    Some((base, number(shard)?, number(shards)?))
}
