use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

/// The time of day. The sandbox plays Lambda, which hands deadlines to real processes, so its time is the real one.
#[expect(clippy::disallowed_methods, reason = "the clock of the machine is the clock of everything the sandbox starts")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// An id for a request, unlike any before it, in the shape AWS gives them.
pub(crate) fn request_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let time = now().as_millisecond();
    format!("{:08x}-{:04x}-4000-8000-{count:012x}", (time >> 16) & 0xffff_ffff, time & 0xffff)
}
