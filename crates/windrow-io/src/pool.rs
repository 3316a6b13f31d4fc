//! The worker pool: started by the first parallel job, made anew in a forked process.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use rayon::ThreadPool;

struct Pool {
    process: u32,
    threads: ThreadPool,
}

/// Read and replaced without locks, so that a fork at any moment leaves it usable in the child.
static POOL: ArcSwapOption<Pool> = ArcSwapOption::const_empty();

/// Number of workers: one for each processor this process may use. Asked for once, because the answer is read from
/// files.
pub(crate) fn workers() -> usize {
    static WORKERS: AtomicUsize = AtomicUsize::new(0);
    match WORKERS.load(Ordering::Relaxed) {
        0 => {
            let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            WORKERS.store(workers, Ordering::Relaxed);
            workers
        }
        workers => workers,
    }
}

/// Number of threads that a parallel call may use under the option `max_parallelism`, the calling one included.
pub(crate) fn threads(max_parallelism: Option<u32>) -> usize {
    max_parallelism.map_or_else(workers, |threads| {
        usize::try_from(threads)
            .unwrap_or(usize::MAX)
            .min(workers())
    })
}

/// The pool of this process; `None` where the operating system starts no threads, and callers work alone.
fn pool() -> Option<Arc<Pool>> {
    let process = std::process::id();
    let current = POOL.load_full();
    if let Some(pool) = current.as_ref().filter(|pool| pool.process == process) {
        return Some(Arc::clone(pool));
    }
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(workers())
        .thread_name(|worker| format!("windrow-{worker}"))
        .build()
        .ok()?;
    let new = Arc::new(Pool { process, threads });
    let previous = POOL.compare_and_swap(&current, Some(Arc::clone(&new)));
    if let Some(inherited) = current {
        // Its threads stayed in the parent and its locks may be held by one of them: never touch it again.
        std::mem::forget(inherited);
    }
    match &*previous {
        // Another thread was faster.
        Some(pool) if pool.process == process => Some(Arc::clone(pool)),
        _ => Some(new),
    }
}

/// Runs `work`, which borrows, on the calling thread and on up to `threads - 1` workers. Returns when all of them have
/// returned, workers that were busy with other things before included.
pub(crate) fn broadcast(threads: usize, work: &(impl Fn() + Sync)) {
    let Some(pool) = (threads > 1).then(pool).flatten() else {
        return work();
    };
    pool.threads.in_place_scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|_| work());
        }
        work();
    });
}

/// Runs `work` on the calling thread and on up to `threads - 1` workers that have the time. Waits only for workers that
/// have begun, so a pool that is busy with something else costs nothing.
pub(crate) fn share(threads: usize, work: impl Fn() + Send + Sync + 'static) {
    let Some(pool) = (threads > 1).then(pool).flatten() else {
        return work();
    };
    let shared = Arc::new((Gate::default(), work));
    for _ in 1..threads {
        let shared = Arc::clone(&shared);
        pool.threads.spawn(move || {
            let (gate, work) = &*shared;
            if gate.enter() {
                gate.leave(catch_unwind(AssertUnwindSafe(work)));
            }
        });
    }
    let (gate, work) = &*shared;
    let own = catch_unwind(AssertUnwindSafe(work));
    let others = gate.close();
    if let Some(panic) = own.err().or(others) {
        resume_unwind(panic);
    }
}

/// Lets workers in until it is closed, and then waits for those inside.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    empty: Condvar,
}

#[derive(Default)]
struct GateState {
    closed: bool,
    inside: usize,
    panic: Option<Box<dyn Any + Send>>,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self) -> bool {
        let mut state = self.lock();
        if !state.closed {
            state.inside += 1;
        }
        !state.closed
    }

    fn leave(&self, result: std::thread::Result<()>) {
        let mut state = self.lock();
        state.inside -= 1;
        state.panic = result.err().or(state.panic.take());
        self.empty.notify_all();
    }

    fn close(&self) -> Option<Box<dyn Any + Send>> {
        let mut state = self.lock();
        state.closed = true;
        while state.inside > 0 {
            state = self
                .empty
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.panic.take()
    }
}

/// Jobs that run on the pool while their results are taken in the order in which they were pushed. Whoever takes a
/// result that nobody has begun to work for does the work itself, so waiting cannot deadlock.
pub(crate) struct Pipeline<T> {
    process: u32,
    jobs: VecDeque<Arc<Job<T>>>,
}

struct Job<T> {
    state: Mutex<State<T>>,
    done: Condvar,
}

enum State<T> {
    Queued(Box<dyn FnOnce() -> T + Send>),
    Running,
    Done(std::thread::Result<T>),
}

impl<T> Job<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the job unless somebody has begun it.
    fn run(&self) {
        let mut state = self.lock();
        if let State::Queued(_) = *state
            && let State::Queued(work) = std::mem::replace(&mut *state, State::Running)
        {
            drop(state);
            let result = catch_unwind(AssertUnwindSafe(work));
            *self.lock() = State::Done(result);
            self.done.notify_all();
        }
    }

    fn take(&self) -> T {
        self.run();
        let mut state = self.lock();
        loop {
            match std::mem::replace(&mut *state, State::Running) {
                State::Done(Ok(value)) => return value,
                State::Done(Err(panic)) => {
                    drop(state);
                    resume_unwind(panic)
                }
                other => {
                    *state = other;
                    state = self
                        .done
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

impl<T> std::fmt::Debug for Pipeline<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline")
            .field("jobs", &self.jobs.len())
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Pipeline<T> {
    pub(crate) fn new() -> Self {
        Self {
            process: std::process::id(),
            jobs: VecDeque::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Queues a job. `parallel: false` leaves it to whoever takes its result.
    pub(crate) fn push(&mut self, parallel: bool, work: impl FnOnce() -> T + Send + 'static) {
        let job = Arc::new(Job {
            state: Mutex::new(State::Queued(Box::new(work))),
            done: Condvar::new(),
        });
        if let Some(pool) = parallel.then(pool).flatten() {
            let queued = Arc::clone(&job);
            pool.threads.spawn(move || queued.run());
        }
        self.jobs.push_back(job);
    }

    /// Whether the oldest job is done.
    pub(crate) fn is_ready(&self) -> bool {
        self.jobs
            .front()
            .is_some_and(|job| matches!(*job.lock(), State::Done(_)))
    }

    /// The result of the oldest job, `None` if there is none. Waits for it, or does it.
    pub(crate) fn pop(&mut self) -> Option<T> {
        Some(self.jobs.pop_front()?.take())
    }
}

impl<T> Pipeline<T> {
    /// Forgets all jobs; those that nobody has begun are never run. In a forked process the jobs are left alone, for
    /// their threads stayed in the parent and may hold any of their locks.
    pub(crate) fn clear(&mut self) {
        if self.is_inherited() {
            std::mem::forget(std::mem::take(&mut self.jobs));
            self.process = std::process::id();
            return;
        }
        for job in self.jobs.drain(..) {
            let mut state = job.lock();
            if let State::Queued(_) = *state {
                *state = State::Running;
            }
        }
    }

    /// Whether this value was inherited by a forked process, where its jobs may never end.
    pub(crate) fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }
}

impl<T> Drop for Pipeline<T> {
    /// Nobody will take what was not begun.
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order() {
        let mut pipeline = Pipeline::new();
        for n in 0..100_u64 {
            pipeline.push(n % 3 != 0, move || {
                std::thread::sleep(std::time::Duration::from_micros(100 - n));
                n
            });
        }
        let all: Vec<u64> = std::iter::from_fn(|| pipeline.pop()).collect();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn jobs_may_wait_for_jobs() {
        // Far more levels than workers: each waits for the next, and all get done.
        fn nested(depth: u32) -> u32 {
            if depth == 0 {
                return 0;
            }
            let mut pipeline = Pipeline::new();
            pipeline.push(true, move || nested(depth - 1));
            pipeline.pop().unwrap() + 1
        }
        assert_eq!(nested(50), 50);
        let runs = AtomicUsize::new(0);
        broadcast(4, &|| {
            broadcast(4, &|| {
                runs.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert_eq!(runs.load(Ordering::Relaxed), 16);
    }

    #[test]
    fn a_busy_pool_holds_nobody_up() {
        // Every worker waits for what the calling thread does after its own parallel call.
        let (send, receive) = std::sync::mpsc::sync_channel::<()>(0);
        let receive = Arc::new(Mutex::new(receive));
        let mut busy = Pipeline::new();
        for _ in 0..workers() {
            let receive = Arc::clone(&receive);
            busy.push(true, move || receive.lock().unwrap().recv().unwrap());
        }
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        share(4, move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        assert!(runs.load(Ordering::Relaxed) >= 1);
        for _ in 0..workers() {
            send.send(()).unwrap();
        }
        while busy.pop().is_some() {}
    }

    #[test]
    fn jobs_that_nobody_takes_are_not_begun() {
        let begun = Arc::new(AtomicUsize::new(0));
        let mut pipeline = Pipeline::new();
        for _ in 0..100 {
            let begun = Arc::clone(&begun);
            pipeline.push(false, move || begun.fetch_add(1, Ordering::Relaxed));
        }
        pipeline.pop();
        drop(pipeline);
        assert_eq!(begun.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_panic_reaches_the_one_who_takes() {
        let mut pipeline: Pipeline<()> = Pipeline::new();
        pipeline.push(true, || panic!("in a job"));
        let panic = catch_unwind(AssertUnwindSafe(|| pipeline.pop())).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"in a job"));
    }
}
