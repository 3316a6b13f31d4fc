//! Reads the values of option strings: integers, byte counts and words.

use std::ops::RangeInclusive;

use super::error::OptionsError;
use super::hex_real;
use super::items::{Item, is_space};

/// An integer within `range`. A sign, leading zeros and white space on either side are allowed.
pub(super) fn integer<T>(text: &str, range: RangeInclusive<T>) -> Option<T>
where
    T: TryFrom<i64> + PartialOrd,
{
    // Always by way of a signed type: `-0` is an integer of an unsigned range.
    let value = text.trim_matches(is_space).parse::<i64>().ok()?;
    T::try_from(value)
        .ok()
        .filter(|value| range.contains(value))
}

/// A byte count within `range`, computed in double precision and rounded half away from zero.
pub(super) fn bytes(text: &str, range: RangeInclusive<u64>) -> Option<u64> {
    // The one-letter reading goes first: `0x1EB` is thirty bytes, not an exbibyte.
    let value = one_letter(text)
        .or_else(|| long_suffix(text))
        .filter(|value| *value >= 0.0)?
        .round();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and not negative; `as` limits what is above the range to 2^64 - 1, as intended"
    )]
    let bytes = value as u64;
    Some(bytes).filter(|bytes| range.contains(bytes))
}

/// A real with at most one suffix letter.
fn one_letter(text: &str) -> Option<f64> {
    if let Some(number) = text.strip_suffix('B') {
        return real(number);
    }
    match last_unit(text) {
        Some((number, scale)) => Some(real(number)? * scale),
        None => real(text),
    }
}

/// A real with a suffix such as `KB` or `KiB`. Both are multiples of 1024.
fn long_suffix(text: &str) -> Option<f64> {
    let text = text.strip_suffix('B')?;
    let (number, scale) = last_unit(text.strip_suffix('i').unwrap_or(text))?;
    Some(real(number)? * scale)
}

fn last_unit(text: &str) -> Option<(&str, f64)> {
    let mut chars = text.chars();
    let exponent = match chars.next_back()? {
        'k' | 'K' => 10,
        'M' => 20,
        'G' => 30,
        'T' => 40,
        'P' => 50,
        'E' => 60,
        _ => return None,
    };
    Some((chars.as_str(), 2_f64.powi(exponent)))
}

/// A real as C's `strtod` reads it: decimal, hexadecimal, `inf` or `nan`; white space on either
/// side is allowed.
fn real(text: &str) -> Option<f64> {
    let text = text.trim_matches(is_space);
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(magnitude) => (true, magnitude),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if magnitude.starts_with(['+', '-']) {
        return None;
    }
    let value = match magnitude
        .strip_prefix("0x")
        .or_else(|| magnitude.strip_prefix("0X"))
    {
        Some(digits) => hex_real::parse(digits)?,
        None => magnitude.parse().ok()?,
    };
    Some(if negative { -value } else { value })
}

impl Item<'_> {
    /// The value as an integer.
    pub(super) fn integer<T>(&self, range: RangeInclusive<T>) -> Result<T, OptionsError>
    where
        T: TryFrom<i64> + PartialOrd,
    {
        integer(self.value, range).ok_or_else(|| self.invalid())
    }

    /// The value as an integer; `None` for `auto`.
    pub(super) fn auto_or_integer<T>(
        &self,
        range: RangeInclusive<T>,
    ) -> Result<Option<T>, OptionsError>
    where
        T: TryFrom<i64> + PartialOrd,
    {
        match self.value {
            "auto" => Ok(None),
            _ => self.integer(range).map(Some),
        }
    }

    /// The value as a byte count; `None` for `auto`.
    pub(super) fn auto_or_bytes(
        &self,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, OptionsError> {
        match self.value {
            "auto" => Ok(None),
            text => bytes(text, range).map(Some).ok_or_else(|| self.invalid()),
        }
    }

    /// The value as a truth value; `bare` if the key stands alone.
    pub(super) fn flag(&self, bare: bool) -> Result<bool, OptionsError> {
        match self.value {
            "" => Ok(bare),
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.invalid()),
        }
    }

    /// The value as an integer; `bare` if the key stands alone.
    pub(super) fn level<T>(&self, bare: T, range: RangeInclusive<T>) -> Result<T, OptionsError>
    where
        T: TryFrom<i64> + PartialOrd,
    {
        match self.value {
            "" => Ok(bare),
            _ => self.integer(range),
        }
    }
}
