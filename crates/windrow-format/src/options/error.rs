//! What can be wrong with options.

use std::fmt;

use super::keys::Key;

/// One problem with an option.
///
/// The texts are those of `array_record`, so that programs which match on them go on working.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The string names an option that does not exist.
    #[error(
        "Unknown option {}, valid options: {}",
        Printable(option),
        Names(valid)
    )]
    Unknown {
        /// The key as it stands in the string, white space included.
        option: String,
        /// The keys that exist.
        valid: &'static [Key],
    },
    /// The string names an option twice.
    #[error("Option {option} is present more than once")]
    Repeated {
        /// Name of the key.
        option: &'static str,
    },
    /// A value is outside of what the option allows.
    #[error(
        "Option {option}: invalid value: {}, valid values: {valid}",
        Printable::or_empty(value)
    )]
    InvalidValue {
        /// Name of the key, or of the setter where the grammar has no key.
        option: &'static str,
        /// The value as it was given.
        value: String,
        /// What the option allows.
        valid: &'static str,
    },
    /// Two options exclude each other.
    #[error("Option {option} conflicts with option {with}")]
    Conflict {
        /// Name of the later key.
        option: &'static str,
        /// Name of the earlier key.
        with: &'static str,
    },
    /// An option must not follow others.
    #[error("Option {option} must be first")]
    NotFirst {
        /// Name of the key.
        option: &'static str,
    },
    /// An option of an append is not that of the file.
    #[error("Option {option}: {given} contradicts the file, which has {file}")]
    Contradiction {
        /// Name of the option.
        option: &'static str,
        /// What was given.
        given: String,
        /// What the file was written with.
        file: String,
    },
    /// A key of the user metadata was added twice.
    #[error(
        "Option metadata: key {} is present more than once",
        Printable::or_empty(key)
    )]
    MetadataRepeated {
        /// The repeated metadata key.
        key: String,
    },
}

impl OptionsError {
    /// A name of the problem that does not change between versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown_option",
            Self::Repeated { .. } => "repeated_option",
            Self::InvalidValue { .. } => "invalid_option_value",
            Self::Conflict { .. } => "conflicting_options",
            Self::NotFirst { .. } => "option_not_first",
            Self::Contradiction { .. } => "contradicting_option",
            Self::MetadataRepeated { .. } => "repeated_metadata_key",
        }
    }
}

/// Every problem that `validate()` found, in the order of the setters. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionsErrors {
    errors: Vec<OptionsError>,
}

impl OptionsErrors {
    /// `Ok` if there are no problems.
    pub(super) fn check(errors: Vec<OptionsError>) -> Result<(), Self> {
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Self { errors })
        }
    }

    /// The problems, at least one.
    pub fn as_slice(&self) -> &[OptionsError] {
        &self.errors
    }
}

impl IntoIterator for OptionsErrors {
    type Item = OptionsError;
    type IntoIter = std::vec::IntoIter<OptionsError>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.into_iter()
    }
}

/// The messages, joined by `; `.
impl fmt::Display for OptionsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for OptionsErrors {}

/// User text inside a message: control characters are escaped, so that a message stays one line.
struct Printable<'a>(&'a str);

impl<'a> Printable<'a> {
    /// An empty text is named, as it would be invisible.
    fn or_empty(text: &'a str) -> Self {
        Self(if text.is_empty() { "(empty)" } else { text })
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;

        for c in self.0.chars() {
            if c.is_control() {
                c.escape_debug().fmt(f)?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

struct Names<'a>(&'a [Key]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, key) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(key.name)?;
        }
        Ok(())
    }
}
