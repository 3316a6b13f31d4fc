//! What becomes of the first row of CSV, and of user metadata.

use clap::ValueEnum;

use super::source::Source;
use crate::error::CliError;

/// Key of the user metadata that holds the header row, without its line end.
pub const CSV_HEADER: &str = "csv_header";
/// Key of the user metadata that holds the line end of CSV, where it is not `\n`.
pub const CSV_LINE_END: &str = "csv_line_end";

/// What the first row of CSV is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Header {
    /// A header: it becomes user metadata `csv_header`, and the first row again on the way out
    Keep,
    /// A header, which is left out
    Skip,
    /// A record like the others: there is no header
    None,
}

/// The user metadata of all inputs together.
#[derive(Debug, Default)]
pub struct Metadata(Vec<(String, Vec<u8>)>);

impl Metadata {
    /// Adds what `source` has. A key that is there already must have the same value.
    pub fn merge(&mut self, source: &Source) -> Result<(), CliError> {
        for (key, value) in source.metadata() {
            match self.0.iter().find(|(known, _)| known == key) {
                Some((_, known)) if known == value => {}
                Some(_) => {
                    return Err(CliError::MetadataDiffers {
                        path: source.path().to_path_buf(),
                        key: key.clone(),
                    });
                }
                None => self.0.push((key.clone(), value.clone())),
            }
        }
        Ok(())
    }

    /// The first key in `pairs` whose value here is another one.
    pub fn contradicted_by<'a>(&self, pairs: &'a [(String, Vec<u8>)]) -> Option<&'a str> {
        let differs = |key: &str, value: &[u8]| self.get(key).is_some_and(|ours| ours != value);
        let pair = pairs.iter().find(|(key, value)| differs(key, value));
        pair.map(|(key, _)| key.as_str())
    }

    pub fn get(&self, key: &str) -> Option<&[u8]> {
        let pair = self.0.iter().find(|(known, _)| known == key);
        pair.map(|(_, value)| value.as_slice())
    }

    /// Forgets the header and what belongs to it.
    pub fn remove_csv(&mut self) {
        self.0
            .retain(|(key, _)| key != CSV_HEADER && key != CSV_LINE_END);
    }

    pub fn into_pairs(self) -> Vec<(String, Vec<u8>)> {
        self.0
    }
}
