//! Meta as a small stateful server with faults.
