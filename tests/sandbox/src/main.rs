//! `cargo run`: the sandbox, or with a function's name as the only argument that function.

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use clap::Parser;
use sandbox::cli::Flags;
use sandbox::{Sandbox, demo, function};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// What the shell gets when the sandbox cannot start.
const CANNOT_START: u8 = 2;

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(name), None) if function::NAMES.contains(&name.as_str()) => {
            function::main(&name)?;
            Ok(ExitCode::SUCCESS)
        }
        _ => tokio::runtime::Runtime::new()?.block_on(run_sandbox()),
    }
}

async fn run_sandbox() -> anyhow::Result<ExitCode> {
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(error) if error.exit_code() == 0 => {
            error.print()?;
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => return refuse(&error),
    };
    // A condition that did not hold is an everyday answer of DynamoDB, which its server warns of.
    let levels = EnvFilter::new("warn,dynoxide=error");
    tracing_subscriber::fmt().json().with_env_filter(levels).with_writer(stderr).init();
    let mut stop = std::pin::pin!(stop_signal()?);
    let sandbox = tokio::select! {
        sandbox = start(&flags) => sandbox,
        () = &mut stop => return Ok(ExitCode::SUCCESS),
    };
    let sandbox = match sandbox {
        Ok(sandbox) => sandbox,
        Err(error) => return refuse(&format!("error: {error:#}")),
    };
    let all_done = tokio::select! {
        all_done = show(&sandbox, &flags) => all_done?,
        () = &mut stop => !flags.once,
    };
    sandbox.shutdown().await;
    Ok(if all_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn start(flags: &Flags) -> anyhow::Result<Sandbox> {
    flags.demo_leads()?;
    let sandbox = Sandbox::start(flags.clone().into_options(std::env::current_exe()?)).await?;
    sandbox.subscribe_webhook().await?;
    Ok(sandbox)
}

/// Sends the demo leads, says where everything is and stays, or with `--once` returns whether all the leads are done.
async fn show(sandbox: &Sandbox, flags: &Flags) -> anyhow::Result<bool> {
    let all_done = match flags.demo_leads()? {
        0 => true,
        leads => match demo::run(sandbox, leads, &mut stdout()).await {
            Ok(all_done) => all_done,
            Err(error) => {
                writeln!(stderr(), "error: the demo leads: {error:#}")?;
                false
            }
        },
    };
    let built_in = |is_built_in: bool| if is_built_in { " (simulator)" } else { "" };
    writeln!(stdout(), "Console    {}/", sandbox.url)?;
    writeln!(stdout(), "JSON API   {}/api/openapi.json", sandbox.url)?;
    writeln!(stdout(), "Webhook    {}", sandbox.webhook_url())?;
    writeln!(stdout(), "RemOnline  {}{}", sandbox.remonline_url, built_in(sandbox.remonline.is_some()))?;
    writeln!(stdout(), "Meta       {}{}", sandbox.graph_url, built_in(sandbox.meta.is_some()))?;
    if all_done && flags.demo_leads()? == 0 {
        demo::say_what_to_enter(sandbox, &mut stdout())?;
    }
    if !flags.once {
        writeln!(stdout(), "Ctrl-C stops it.")?;
        std::future::pending::<()>().await;
    }
    Ok(all_done)
}

/// One line for the person who chose the flags.
fn refuse(reason: &dyn std::fmt::Display) -> anyhow::Result<ExitCode> {
    let reason = reason.to_string();
    writeln!(stderr(), "{}", reason.lines().next().unwrap_or_default())?;
    Ok(ExitCode::from(CANNOT_START))
}

/// Resolves on SIGTERM or Ctrl-C.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
