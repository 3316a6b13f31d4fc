//! Cuts an option string into keys and values.

use std::str;

use super::error::OptionsError;
use super::keys::Key;

/// White space as C's `isspace` has it: `str::trim_ascii` does not know the vertical tab.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

/// A known key and its value, which is empty for a bare key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) key: &'static Key,
    pub(super) value: &'a str,
    /// No key stands before this one.
    pub(super) first: bool,
}

impl Item<'_> {
    /// The error for a value that the key does not allow.
    pub(super) fn invalid(&self) -> OptionsError {
        self.invalid_for(self.key.values)
    }

    /// The same, where what is allowed depends on another option.
    pub(super) fn invalid_for(&self, valid: &'static str) -> OptionsError {
        OptionsError::InvalidValue {
            option: self.key.name,
            value: self.value.to_owned(),
            valid,
        }
    }

    /// The error for a key that cannot stand together with an earlier one.
    pub(super) fn conflicts_with(&self, earlier: &'static str) -> OptionsError {
        OptionsError::Conflict {
            option: self.key.name,
            with: earlier,
        }
    }
}

/// The items of an option string. Unknown and repeated keys are found on the way, one item at a
/// time, so that of two faults the one further left is reported.
pub(super) struct Items<'a> {
    rest: str::Split<'a, char>,
    keys: &'static [Key],
    seen: Vec<&'static str>,
}

impl<'a> Items<'a> {
    pub(super) fn new(text: &'a str, keys: &'static [Key]) -> Self {
        Self {
            rest: text.split(','),
            keys,
            seen: Vec::new(),
        }
    }

    fn item(&mut self, text: &'a str) -> Result<Item<'a>, OptionsError> {
        let (written, value) = text.split_once(':').unwrap_or((text, ""));
        let name = written.trim_matches(is_space);
        let Some(key) = self.keys.iter().find(|key| key.is_called(name)) else {
            return Err(OptionsError::Unknown {
                option: written.to_owned(),
                valid: self.keys,
            });
        };
        if self.seen.contains(&key.name) {
            return Err(OptionsError::Repeated { option: key.name });
        }
        let first = self.seen.is_empty();
        self.seen.push(key.name);
        Ok(Item { key, value, first })
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, OptionsError>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self
            .rest
            .find(|text| !text.trim_matches(is_space).is_empty())?;
        Some(self.item(text))
    }
}

impl Key {
    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}
