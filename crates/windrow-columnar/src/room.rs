//! Room for many values.

/// Room below this size is most likely memory that was used before.
const SMALL_BYTES: usize = 128 << 10;

/// An empty vector with room for `len` values, all of which will be written.
///
/// A system gives memory page by page, each when it is first written to. For the arrays of a row group that takes longer than
/// to decode them; to ask for all pages at once takes two thirds of that.
pub(crate) fn room_for<T>(len: usize) -> Vec<T> {
    let room = Vec::with_capacity(len);
    if len.saturating_mul(size_of::<T>()) >= SMALL_BYTES {
        populate(&room);
    }
    room
}

/// Gives a vector room for `more` bytes, most of which will be written.
pub(crate) fn reserve(vec: &mut Vec<u8>, more: usize) {
    vec.reserve(more);
    if more >= SMALL_BYTES {
        populate(vec);
    }
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "advice is given by address")]
fn populate<T>(room: &Vec<T>) {
    const PAGE_BYTES: usize = 4 << 10;
    let begin = room.as_ptr().cast::<libc::c_void>().cast_mut();
    let before = begin.addr() % PAGE_BYTES;
    let begin = begin.wrapping_byte_sub(before);
    let bytes = before.saturating_add(room.capacity().saturating_mul(size_of::<T>()));
    let last = begin.wrapping_byte_add(bytes / PAGE_BYTES * PAGE_BYTES - PAGE_BYTES);
    let mut is_there = 1;
    // SAFETY: tells of one page, in the one byte that there is for it.
    unsafe { libc::mincore(last, PAGE_BYTES, &raw mut is_there) };
    // What was used before costs more to ask for than it saves.
    if is_there & 1 == 0 {
        // SAFETY: what lies in these pages stays as it is; they get memory now, and not when they are first written to.
        // Where the system does not know this advice, or pages are larger, nothing happens.
        unsafe { libc::madvise(begin, bytes, libc::MADV_POPULATE_WRITE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn populate<T>(_: &Vec<T>) {}
