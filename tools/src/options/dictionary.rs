//! `--dictionary`: a word, a size, or a file.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use windrow::format::MAX_DICTIONARY_BYTES;
use windrow::{Dictionary, Reader};

use crate::error::CliError;

/// What `--dictionary` names.
#[derive(Debug, PartialEq, Eq)]
pub enum DictionaryArg {
    /// A value of the key `dictionary`.
    Word(String),
    File(PathBuf),
}

impl DictionaryArg {
    /// `off`, `auto` and whatever looks like a number with a unit are values of the key; all else is a file. A file of
    /// such a name has a folder in front: `./auto`.
    pub fn new(text: &str) -> Self {
        let number = text.trim_end_matches(|c| "BkKMGTPEi".contains(c));
        if matches!(text, "off" | "auto") || number.trim().parse::<f64>().is_ok() {
            Self::Word(text.to_owned())
        } else {
            Self::File(text.into())
        }
    }
}

/// The dictionary in the file at `path`: a zstd dictionary, or an array_record file that has one.
pub fn read(path: &Path) -> Result<Dictionary, CliError> {
    let file = File::open(path).map_err(|source| CliError::OpenDictionary {
        path: path.to_path_buf(),
        source,
    })?;
    let mut bytes = Vec::new();
    // One byte more than is allowed tells that there are too many, of array_record files, too.
    file.take(MAX_DICTIONARY_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(CliError::io("read", path))?;
    match Reader::open(path) {
        Ok(reader) => {
            reader
                .dictionaries()?
                .first()
                .cloned()
                .ok_or_else(|| CliError::NoDictionary {
                    path: path.to_path_buf(),
                })
        }
        Err(error) if error.code() != "not_array_record" => Err(error.into()),
        Err(_) => Dictionary::new(bytes).map_err(|source| CliError::DictionaryFile {
            path: path.to_path_buf(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_sizes_and_files() {
        for word in ["off", "auto", "112K", "1.5KiB", "300", "-1", "0x", " 64k"] {
            let arg = DictionaryArg::new(word);
            let is_word = word != "0x";
            assert_eq!(arg == DictionaryArg::Word(word.into()), is_word, "{word}");
        }
        for file in [
            "events.dict",
            "./auto",
            "./112K",
            "Auto",
            "2024.dict",
            "",
            "M",
        ] {
            assert_eq!(DictionaryArg::new(file), DictionaryArg::File(file.into()));
        }
    }
}
