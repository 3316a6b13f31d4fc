//! Watching long work, and ending it.

/// Called with the number of bytes that are done.
type Progress = Box<dyn Fn(u64)>;

/// What the caller of long work wants to be told and asked, on his own thread.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) progress: Option<Progress>,
    pub(crate) stop: Option<Box<dyn Fn() -> bool>>,
}

impl Watch {
    pub(crate) fn report_progress(&self, bytes: u64) {
        if let Some(progress) = &self.progress {
            progress(bytes);
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop())
    }
}
