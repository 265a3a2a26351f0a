//! A sandbox that cannot end unsearched.

use std::ops::Deref;

use sandbox::Sandbox;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::canaries::leaks;

/// A sandbox that is searched for canaries when it ends, in whatever way a test lets it end. A test that has failed
/// already is left to its own message.
#[derive(Debug)]
pub(crate) struct Watched(pub(crate) Sandbox);

impl Deref for Watched {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.0
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let search = async {
            self.0.quiesce().await;
            leaks(&self.0).await
        };
        let leaks = block_in_place(|| Handle::current().block_on(search));
        assert!(leaks.is_empty(), "canaries where none may be:\n{}", leaks.join("\n"));
    }
}
