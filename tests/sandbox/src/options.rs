use std::collections::BTreeMap;
use std::path::PathBuf;

use url::Url;

/// How a sandbox is set up; the flags of the binary, and what tests need besides.
#[derive(Debug, Clone)]
pub struct Options {
    /// Port of the console and the webhook on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Where everything is kept between runs; in memory when absent.
    pub data_dir: Option<PathBuf>,
    /// RemOnline API, version included; the built-in simulator when absent.
    pub remonline_url: Option<Url>,
    /// Graph API, version included; the built-in simulator when absent.
    pub graph_url: Option<Url>,
    /// Id of the Meta app.
    pub app_id: Option<String>,
    /// One or two app secrets, separated by a comma; the first one signs.
    pub app_secret: String,
    /// Verify token of the webhook subscription.
    pub verify_token: String,
    /// How many times as often the schedules run.
    pub schedule_scale: f64,
    /// Divides the product's waiting times and the time-outs of functions and queues; at least 1.
    pub time_scale: f64,
    /// The program that becomes a function when it is started with the function's name as its only argument.
    pub function_program: PathBuf,
    /// Environment variables of the functions that win over all others.
    pub function_environment: BTreeMap<String, String>,
    /// The template to deploy; the product's own unless a test needs other numbers.
    pub template: String,
    /// Keep the functions' log lines for [`Sandbox::log_lines`](crate::Sandbox::log_lines) instead of writing them
    /// to stderr.
    pub capture_logs: bool,
    /// Keep the body of every message for [`Sandbox::sent`](crate::Sandbox::sent).
    pub keep_messages: bool,
    /// Lead every request of the functions past tripwires, for [`Sandbox::arm`](crate::Sandbox::arm). RemOnline and Graph
    /// API must then speak plain HTTP.
    pub tripwires: bool,
}

impl Options {
    /// A free port, in memory, with both simulators.
    pub fn new(function_program: impl Into<PathBuf>) -> Self {
        Self {
            port: 0,
            data_dir: None,
            remonline_url: None,
            graph_url: None,
            app_id: None,
            app_secret: "sandbox-app-secret".to_owned(),
            verify_token: "sandbox-verify-token".to_owned(),
            schedule_scale: 1.0,
            time_scale: 1.0,
            function_program: function_program.into(),
            function_environment: BTreeMap::new(),
            template: crate::template::PRODUCT.to_owned(),
            capture_logs: false,
            keep_messages: false,
            tripwires: false,
        }
    }
}
