//! What the pages load beside themselves. Nothing comes from elsewhere.

use axum::response::IntoResponse;
use http::header;

/// A file that is compiled in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static str,
    fingerprint: u32,
}

/// Our style sheet.
pub(crate) const STYLE: Asset =
    Asset::new("console.css", "text/css; charset=utf-8", include_str!("../../static/console.css"));

/// Our script.
pub(crate) const SCRIPT: Asset =
    Asset::new("console.js", "text/javascript; charset=utf-8", include_str!("../../static/console.js"));

/// Replaces parts of pages. Source: htmx 2.0.11, 0BSD.
pub(crate) const HTMX: Asset =
    Asset::new("htmx.min.js", "text/javascript; charset=utf-8", include_str!("../../static/htmx.min.js"));

impl Asset {
    const fn new(name: &'static str, kind: &'static str, content: &'static str) -> Self {
        Self { name, kind, content, fingerprint: fingerprint(content.as_bytes()) }
    }

    /// Where the page finds it. The address changes with the content, so that browsers may keep the file.
    pub(crate) fn address(&self) -> String {
        format!("{}?{:08x}", self.path(), self.fingerprint)
    }

    /// The address without what tells versions apart.
    pub(crate) fn path(&self) -> String {
        format!("/static/{}", self.name)
    }

    /// The file for a browser, which may keep it.
    pub(crate) fn answer(&self) -> impl IntoResponse + use<> {
        let headers =
            [(header::CONTENT_TYPE, self.kind), (header::CACHE_CONTROL, "private, max-age=31536000, immutable")];
        (headers, self.content)
    }
}

/// FNV-1a, worked out by the compiler: tells versions apart and protects nothing.
const fn fingerprint(content: &[u8]) -> u32 {
    let (mut hash, mut at) = (0x811c_9dc5_u32, 0);
    while at < content.len() {
        hash = (hash ^ content[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}
