//! What the pages load beside themselves. Nothing comes from elsewhere.

use axum::response::IntoResponse;
use http::header;

/// A file that is compiled in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static str,
}

/// Our style sheet.
pub(crate) const STYLE: Asset =
    Asset { name: "console.css", kind: "text/css; charset=utf-8", content: include_str!("../../static/console.css") };

/// Our script.
pub(crate) const SCRIPT: Asset = Asset {
    name: "console.js",
    kind: "text/javascript; charset=utf-8",
    content: include_str!("../../static/console.js"),
};

/// Replaces parts of pages. Source: htmx 2.0.11, 0BSD.
pub(crate) const HTMX: Asset = Asset {
    name: "htmx.min.js",
    kind: "text/javascript; charset=utf-8",
    content: include_str!("../../static/htmx.min.js"),
};

impl Asset {
    /// Where the page finds it. The address changes with the build, so that browsers may keep the file.
    pub(crate) fn address(&self) -> String {
        format!("{}?{}", self.path(), self.fingerprint())
    }

    /// The address without what tells builds apart.
    pub(crate) fn path(&self) -> String {
        format!("/static/{}", self.name)
    }

    /// The file for a browser, which may keep it.
    pub(crate) fn answer(&self) -> impl IntoResponse + use<> {
        let headers =
            [(header::CONTENT_TYPE, self.kind), (header::CACHE_CONTROL, "private, max-age=31536000, immutable")];
        (headers, self.content)
    }

    /// FNV-1a: tells versions apart and protects nothing.
    fn fingerprint(&self) -> String {
        let mix = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        format!("{:08x}", self.content.as_bytes().iter().fold(0x811c_9dc5_u32, mix))
    }
}
