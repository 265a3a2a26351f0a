//! The flags of the binary.

use std::path::PathBuf;

use anyhow::{bail, ensure};
use clap::Parser;
use url::Url;

use crate::Options;

/// Leads that a sandbox without a flag shows.
const DEMO_LEADS: u32 = 3;

/// The whole product on one machine, without sign-in because it listens on loopback only.
#[derive(Debug, Clone, Parser)]
#[command(name = "sandbox", version)]
pub struct Flags {
    /// Port of the console and the webhook; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Keep everything in this directory between runs; default: in memory
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// RemOnline API, version included; default: the built-in simulator
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub remonline_url: Option<Url>,
    /// Graph API, version included; default: the built-in simulator
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub graph_url: Option<Url>,
    /// Id of the Meta app
    #[arg(long, value_name = "ID")]
    pub app_id: Option<String>,
    /// One or two app secrets, separated by a comma
    #[arg(long, value_name = "S[,S2]", default_value = "sandbox-app-secret", value_parser = not_empty)]
    pub app_secret: String,
    /// Verify token of the webhook subscription
    #[arg(long, value_name = "T", default_value = "sandbox-verify-token", value_parser = not_empty)]
    pub verify_token: String,
    /// Leads to send for a start; 0 = make no connection, no bundle, no lead [default: 3, with a URL of your own: 0]
    #[arg(long, value_name = "N")]
    pub demo_leads: Option<u32>,
    /// Run the schedules F times as often
    #[arg(long, value_name = "F", default_value_t = 1.0, value_parser = positive)]
    pub schedule_scale: f64,
    /// Divide the product's waiting times and the time-outs of functions and queues by F
    #[arg(long, value_name = "F", default_value_t = 1.0, value_parser = at_least_one)]
    pub time_scale: f64,
    /// Exit 0 when the demo leads are all done, 1 if one is not within 60 s
    #[arg(long)]
    pub once: bool,
}

impl Flags {
    /// How many demo leads to send. They need both simulators, so with a URL of one's own there are none.
    ///
    /// # Errors
    /// When some are asked for all the same.
    pub fn demo_leads(&self) -> anyhow::Result<u32> {
        let is_built_in = self.remonline_url.is_none() && self.graph_url.is_none();
        match self.demo_leads {
            None => Ok(if is_built_in { DEMO_LEADS } else { 0 }),
            Some(leads) if leads == 0 || is_built_in => Ok(leads),
            Some(_) => {
                bail!("--demo-leads needs both built-in simulators: drop it, or --remonline-url and --graph-url")
            }
        }
    }

    /// The options of the sandbox, whose functions are run by `function_program`.
    pub fn into_options(self, function_program: PathBuf) -> Options {
        Options {
            port: self.port,
            data_dir: self.data_dir,
            remonline_url: self.remonline_url,
            graph_url: self.graph_url,
            app_id: self.app_id,
            app_secret: self.app_secret,
            verify_token: self.verify_token,
            schedule_scale: self.schedule_scale,
            time_scale: self.time_scale,
            ..Options::new(function_program)
        }
    }
}

fn http_url(text: &str) -> anyhow::Result<Url> {
    let url: Url = text.parse()?;
    ensure!(["http", "https"].contains(&url.scheme()) && url.has_host(), "it must start with http:// or https://");
    Ok(url)
}

fn not_empty(text: &str) -> anyhow::Result<String> {
    ensure!(!text.trim().is_empty(), "it must not be empty");
    Ok(text.to_owned())
}

fn positive(text: &str) -> anyhow::Result<f64> {
    let number: f64 = text.parse()?;
    ensure!(number.is_finite() && number > 0.0, "it must be a number above 0");
    Ok(number)
}

fn at_least_one(text: &str) -> anyhow::Result<f64> {
    let number = positive(text)?;
    ensure!(number >= 1.0, "it must be at least 1");
    Ok(number)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn flags(arguments: &[&str]) -> Result<Flags, clap::Error> {
        Flags::try_parse_from([&["sandbox"], arguments].concat())
    }

    #[rstest]
    #[case(&[], Some(3))]
    #[case(&["--demo-leads", "7"], Some(7))]
    #[case(&["--graph-url", "http://127.0.0.1:9"], Some(0))]
    #[case(&["--graph-url", "http://127.0.0.1:9", "--demo-leads", "0"], Some(0))]
    #[case(&["--remonline-url", "http://127.0.0.1:9", "--demo-leads", "1"], None)]
    fn demo_leads_need_the_simulators(#[case] arguments: &[&str], #[case] leads: Option<u32>) {
        assert_eq!(flags(arguments).unwrap().demo_leads().ok(), leads);
    }

    #[rstest]
    #[case(&["--port", "70000"])]
    #[case(&["--time-scale", "0.5"])]
    #[case(&["--time-scale", "inf"])]
    #[case(&["--schedule-scale", "0"])]
    #[case(&["--schedule-scale", "-1"])]
    #[case(&["--remonline-url", "ftp://crm.example"])]
    #[case(&["--graph-url", "graph"])]
    #[case(&["--app-secret", ""])]
    #[case(&["--demo-leads", "-1"])]
    #[case(&["--unknown"])]
    #[case(&["stray"])]
    fn nonsense_is_refused(#[case] arguments: &[&str]) {
        assert_eq!(flags(arguments).unwrap_err().exit_code(), 2);
    }
}
