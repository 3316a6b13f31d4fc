//! The few calls of the operating system that have no safe form.
#![allow(
    unsafe_code,
    reason = "limits, user ids and forks are set by plain system calls"
)]

use std::io;
use std::time::{Duration, Instant};

/// Limits this process's address space, so that a reader that believes a lie dies alone.
pub fn limit_memory(bytes: u64) -> io::Result<()> {
    limit(libc::RLIMIT_AS, bytes)
}

/// Limits the size of files that this process writes; going beyond is then an error, not a signal.
pub fn limit_file_bytes(bytes: u64) -> io::Result<()> {
    // SAFETY: ignoring a signal installs no handler.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    limit(libc::RLIMIT_FSIZE, bytes)
}

#[cfg(target_os = "linux")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_os = "linux"))]
type Resource = libc::c_int;

fn limit(resource: Resource, bytes: u64) -> io::Result<()> {
    let limit = libc::rlimit {
        rlim_cur: bytes,
        rlim_max: bytes,
    };
    // SAFETY: `limit` is a valid structure that the call only reads.
    check(unsafe { libc::setrlimit(resource, &limit) })
}

/// Gives up the rights of root, if this process has them, for those of nobody.
pub fn become_nobody() -> io::Result<()> {
    const NOBODY: u32 = 65_534;
    // SAFETY: these calls take no pointers; the group goes first, while it still may.
    unsafe {
        if libc::geteuid() != 0 {
            return Ok(());
        }
        check(libc::setgroups(0, std::ptr::null()))?;
        check(libc::setgid(NOBODY))?;
        check(libc::setuid(NOBODY))
    }
}

/// Forks; `child` runs in the new process, which ends with the number that it returns. Returns that number, or `None`
/// if the child was killed because it took longer than `limit` or died otherwise.
pub fn in_child(limit: Duration, child: impl FnOnce() -> u8) -> io::Result<Option<u8>> {
    // SAFETY: what the child runs is what is under test: the library must work in a forked process. It leaves by
    // `_exit`, so nothing of the parent's is torn down twice.
    let process = unsafe { libc::fork() };
    check(process.min(0))?;
    if process == 0 {
        let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).unwrap_or(255);
        // SAFETY: ends this process and nothing else.
        unsafe { libc::_exit(i32::from(code)) };
    }
    let begin = Instant::now();
    loop {
        let mut status = 0;
        // SAFETY: `status` is a valid place for the call to write to.
        let ended = unsafe { libc::waitpid(process, &raw mut status, libc::WNOHANG) };
        check(ended.min(0))?;
        if ended == process {
            let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
            return Ok(code.and_then(|code| u8::try_from(code).ok()));
        }
        if begin.elapsed() > limit {
            // SAFETY: kills the child made above, which was not waited for yet, so the number is still its own.
            unsafe {
                check(libc::kill(process, libc::SIGKILL))?;
                libc::waitpid(process, &raw mut status, 0);
            }
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
