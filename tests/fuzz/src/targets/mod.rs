//! One file for each kind of input.

mod bundle;
mod graph;
mod mapping;
mod phone;
mod remonline;
mod signature;
mod webhook;

/// What must hold of one kind of input, whatever it is.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Names its corpus and its wrapper.
    pub name: &'static str,
    /// Panics where something does not hold.
    pub run: fn(&[u8]),
}

impl Target {
    /// The target of this name, which is known to be one.
    ///
    /// # Panics
    /// When it is none.
    pub fn named(name: &str) -> &'static Self {
        TARGETS.iter().find(|target| target.name == name).expect("the name of a target")
    }
}

/// All targets by name.
pub static TARGETS: [Target; 7] = [
    Target { name: "bundle", run: bundle::run },
    Target { name: "graph", run: graph::run },
    Target { name: "mapping", run: mapping::run },
    Target { name: "phone", run: phone::run },
    Target { name: "remonline", run: remonline::run },
    Target { name: "signature", run: signature::run },
    Target { name: "webhook", run: webhook::run },
];
