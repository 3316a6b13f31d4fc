//! Sequences of words: how they are encoded, and how they come back.

mod decode;
mod encode;
pub(crate) mod kernels;
mod plan;

pub(crate) use decode::WordBody;
pub(crate) use encode::{push_indices, push_words_body, push_words_of_dictionary};
pub(crate) use kernels::Lane;
pub(crate) use plan::{PlannedWords, WordPlan, plan_words, sample_runs};

/// Codes of encodings; `format-spec/columns.md` has the table.
pub(crate) mod code {
    pub(crate) const PLAIN: u8 = 0;
    pub(crate) const CONSTANT: u8 = 1;
    pub(crate) const PACKED: u8 = 2;
    pub(crate) const DELTA: u8 = 3;
    pub(crate) const DICTIONARY: u8 = 4;
    pub(crate) const RUNS: u8 = 5;
    pub(crate) const PLANES: u8 = 6;
    pub(crate) const DECIMAL: u8 = 7;
    pub(crate) const LENGTHS: u8 = 8;
    pub(crate) const SYMBOLS: u8 = 9;
    pub(crate) const NARROW: u8 = 10;
    pub(crate) const TOKENS: u8 = 11;
}

/// Bodies nest this deep.
pub const MAX_BODY_DEPTH: usize = 4;
/// The largest power of ten that a decimal is divided by.
pub const MAX_EXPONENT: usize = 18;
