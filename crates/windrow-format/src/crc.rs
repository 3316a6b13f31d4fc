//! The checksum of what is read without the rest of its chunk: CRC32C of RFC 3720.

use crate::error::{At, FormatError};

/// The CRC32C of `bytes`, neither masked nor mixed with anything.
#[must_use]
pub fn crc_of(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

/// Compares the CRC32C of `bytes` with the one that is stored with them, little-endian. `what` they are, in the chunk at
/// `at`, is for messages.
///
/// # Errors
/// [`FormatError::Crc`].
pub fn check_crc(
    what: &'static str,
    bytes: &[u8],
    stored: [u8; 4],
    at: At,
) -> Result<(), FormatError> {
    let stored = u32::from_le_bytes(stored);
    let computed = crc_of(bytes);
    if stored == computed {
        return Ok(());
    }
    Err(FormatError::Crc {
        what,
        at,
        stored,
        computed,
    })
}
