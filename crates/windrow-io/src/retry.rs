//! A second look at bytes that fail their checks.

/// Makes one attempt to read something and check it, and one more if its bytes are bad: they may be sound where they are
/// stored, and changed by a cache, a cable or a network on their way. What lies in memory is what it is.
///
/// `attempt` is told whether it is the second one, which has to read again what the first one read. The outer error
/// is the medium's own and ends the matter; the inner one says what is wrong with the bytes.
pub(crate) fn twice<T, B, E>(
    in_memory: bool,
    mut attempt: impl FnMut(bool) -> Result<Result<T, B>, E>,
) -> Result<Result<T, B>, E> {
    let first = attempt(false)?;
    if first.is_ok() || in_memory {
        return Ok(first);
    }
    attempt(true)
}
