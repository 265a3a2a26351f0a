use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::runtime_api::{self, Invocation};
use super::{FunctionError, Logs};
use crate::tripwire::{self, Detour, Tripwires};

/// Longest time from the start of a process to its first question for an event. Lambda gives 10 s; a machine that
/// compiles at the same time needs more.
const INIT_TIMEOUT: Duration = Duration::from_secs(30);

/// How a process of a function is started.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    /// The program, started with the function's name as its only argument.
    pub(crate) program: PathBuf,
    /// Name of the function.
    pub(crate) name: String,
    /// ARN of the function.
    pub(crate) arn: String,
    /// All of the environment but what leads to the process's own port.
    pub(crate) environment: BTreeMap<String, String>,
    /// Longest invocation.
    pub(crate) timeout: Duration,
    /// Where its lines go.
    pub(crate) logs: Logs,
    /// What its requests have to pass, if anything.
    pub(crate) tripwires: Option<Arc<Tripwires>>,
    /// Ends every process.
    pub(crate) stop: CancellationToken,
    /// Knows when they have all ended.
    pub(crate) running: TaskTracker,
}

/// One process of a function; killed when dropped.
#[derive(Debug)]
pub(super) struct Process {
    handle: Handle,
    timeout: Duration,
    invocations: mpsc::Sender<Invocation>,
    init_failure: oneshot::Receiver<FunctionError>,
}

/// What others may know of and do to a process.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    pub(super) pid: u32,
    kill: CancellationToken,
    exited: watch::Receiver<bool>,
}

impl Handle {
    pub(super) fn has_exited(&self) -> bool {
        *self.exited.borrow()
    }

    /// Kills the process and returns when it is gone.
    pub(crate) async fn kill(mut self) {
        self.kill.cancel();
        // An error means that its supervisor is gone, and so is it.
        let _gone = self.exited.wait_for(|exited| *exited).await;
    }
}

impl Process {
    pub(super) async fn start(launch: &Launch) -> Result<Self, FunctionError> {
        let not_started = |error: std::io::Error| FunctionError::NotStarted(error.to_string());
        let kill = launch.stop.child_token();
        let (invocations, receiver) = mpsc::channel(1);
        let (init_failed, init_failure) = oneshot::channel();
        let port = TcpListener::bind(("127.0.0.1", 0)).await.map_err(not_started)?;
        let address = port.local_addr().map_err(not_started)?;
        let detour = launch.tripwires.as_ref().map(|tripwires| (tripwires, Detour::over(address, &launch.environment)));
        let nearby = detour.iter().flat_map(|(_, detour)| &detour.environment);
        let child = command(launch, address).envs(nearby).spawn().map_err(not_started)?;
        let pid = child.id().unwrap_or_default();
        let (exit, exited) = watch::channel(false);
        let port_stop = CancellationToken::new();
        launch.running.spawn(supervise(child, launch.logs.clone(), kill.clone(), exit, port_stop.clone()));
        let handle = Handle { pid, kill, exited };
        let mut router = runtime_api::router(launch.arn.clone(), receiver, init_failed);
        if let Some((tripwires, detour)) = detour {
            router = tripwire::guard(router.merge(detour.router), tripwires, &launch.name, &handle);
        }
        runtime_api::serve(port, router, port_stop);
        Ok(Self { handle, timeout: launch.timeout, invocations, init_failure })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Hands it one event and waits for the answer. After any error but a reported one it is of no more use.
    pub(super) async fn invoke(&mut self, payload: Bytes) -> Result<Bytes, FunctionError> {
        let (taken, mut was_taken) = oneshot::channel();
        let (answer, mut answered) = oneshot::channel();
        let invocation = Invocation { payload, timeout: self.timeout, taken, answer };
        if self.invocations.send(invocation).await.is_err() {
            return Err(FunctionError::Exited { with_event: false });
        }
        tokio::select! {
            biased;
            Ok(()) = &mut was_taken => {}
            Ok(failure) = &mut self.init_failure => return Err(failure),
            () = exited(&mut self.handle.exited) => return Err(FunctionError::Exited { with_event: false }),
            () = tokio::time::sleep(INIT_TIMEOUT) => return Err(FunctionError::TimedOut),
        }
        tokio::select! {
            biased;
            Ok(outcome) = &mut answered => outcome,
            () = exited(&mut self.handle.exited) => Err(FunctionError::Exited { with_event: true }),
            () = tokio::time::sleep(self.timeout) => Err(FunctionError::TimedOut),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.handle.kill.cancel();
    }
}

async fn exited(exited: &mut watch::Receiver<bool>) {
    let _gone = exited.wait_for(|exited| *exited).await;
}

fn command(launch: &Launch, runtime_api: SocketAddr) -> Command {
    let mut command = Command::new(&launch.program);
    command
        .arg(&launch.name)
        .env_clear()
        .envs(&launch.environment)
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C reaches every process of the terminal's group; functions are to end by the sandbox's hand.
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// Stays with the process to its end. Its stdin is held open all the while: when the sandbox dies without a word,
/// the end of stdin tells the process.
async fn supervise(
    mut child: Child,
    logs: Logs,
    kill: CancellationToken,
    exit: watch::Sender<bool>,
    port_stop: CancellationToken,
) {
    let _stdin = child.stdin.take();
    let stdout = child.stdout.take().map(|stdout| logs.clone().take(stdout));
    let stderr = child.stderr.take().map(|stderr| logs.take(stderr));
    let lines = async { tokio::join!(optionally(stdout), optionally(stderr)) };
    let end = async {
        if kill.run_until_cancelled(child.wait()).await.is_none() {
            // Both fail only when it has ended by itself.
            let _ended = child.start_kill();
            let _ended = child.wait().await;
        }
        port_stop.cancel();
    };
    tokio::join!(lines, end);
    exit.send_replace(true);
}

async fn optionally(future: Option<impl Future<Output = ()>>) {
    if let Some(future) = future {
        future.await;
    }
}
