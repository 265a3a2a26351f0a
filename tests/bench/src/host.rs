//! Lambda for one process: the Runtime API as lean as it can be, since its own time is in every figure.
//! Source: AWS, Lambda developer guide, "Using the Lambda runtime API".

use std::{
    collections::BTreeMap,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use jiff::SignedDuration;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::process::Usage;

/// What an invocation may take, and so what the function is told of its deadline.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A process of a function, which is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    requests: mpsc::UnboundedReceiver<Request>,
    /// Answers the process's open question for an event.
    waiting: oneshot::Sender<Vec<u8>>,
    logged: Arc<AtomicUsize>,
    invocations: usize,
    /// From the start of the process to its first question for an event.
    pub(crate) init: Duration,
}

/// A request of the process, and who writes the answer to it.
struct Request {
    is_next: bool,
    is_error: bool,
    body: Vec<u8>,
    reply: oneshot::Sender<Vec<u8>>,
}

/// An answer of the function.
pub(crate) struct Answer {
    /// As the function gave it.
    pub(crate) body: Vec<u8>,
    /// From the moment at which the event was ready to the last byte of the answer.
    pub(crate) took: Duration,
}

impl Process {
    /// Starts the program; returns when it asks for its first event.
    pub(crate) async fn start(program: &Path, environment: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (ask, mut requests) = mpsc::unbounded_channel();
        tokio::spawn(serve(listener, ask));
        let began = Instant::now();
        let mut child = Command::new(program)
            .env_clear()
            .envs(environment)
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} does not start", program.display()))?;
        let logged = Arc::new(AtomicUsize::new(0));
        tokio::spawn(count(child.stdout.take().context("stdout")?, Arc::clone(&logged)));
        tokio::spawn(count(child.stderr.take().context("stderr")?, Arc::clone(&logged)));
        let first = tokio::time::timeout(TIMEOUT, requests.recv()).await?.context("the function ended")?;
        ensure!(first.is_next, "the function cannot start: {}", String::from_utf8_lossy(&first.body));
        Ok(Self { child, requests, waiting: first.reply, logged, invocations: 0, init: began.elapsed() })
    }

    /// Hands it one event and waits for the answer, and then, uncounted, for its next question.
    pub(crate) async fn invoke(&mut self, event: &[u8]) -> anyhow::Result<Answer> {
        self.invocations += 1;
        let message = next_event(self.invocations, event)?;
        let (unused, _) = oneshot::channel();
        let waiting = std::mem::replace(&mut self.waiting, unused);
        let began = Instant::now();
        ensure!(waiting.send(message).is_ok(), "the function does not wait for its event any more");
        let answer = tokio::time::timeout(TIMEOUT, self.requests.recv()).await?.context("the function ended")?;
        let took = began.elapsed();
        let text = || String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(!answer.is_next && !answer.is_error, "the function failed: {}", text());
        let accepted = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".to_vec();
        ensure!(answer.reply.send(accepted).is_ok(), "the function does not wait for its answer to be taken");
        let next = self.requests.recv().await.context("the function ended")?;
        ensure!(next.is_next, "the function answered twice");
        self.waiting = next.reply;
        Ok(Answer { body: answer.body, took })
    }

    /// What the process has used so far.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.child.id().context("the function ended")?)
    }

    /// Bytes that it has written to stdout and stderr: CloudWatch bills these.
    pub(crate) fn logged(&self) -> usize {
        self.logged.load(Ordering::Relaxed)
    }
}

fn next_event(number: usize, event: &[u8]) -> anyhow::Result<Vec<u8>> {
    let deadline = crate::now() + SignedDuration::try_from(TIMEOUT)?;
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         lambda-runtime-aws-request-id: 00000000-0000-4000-8000-{number:012}\r\n\
         lambda-runtime-deadline-ms: {}\r\n\
         lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:123456789012:function:bench\r\n\r\n",
        event.len(),
        deadline.as_millisecond(),
    );
    Ok([head.as_bytes(), event].concat())
}

async fn serve(listener: TcpListener, ask: mpsc::UnboundedSender<Request>) {
    while let Ok((connection, _)) = listener.accept().await {
        let ask = ask.clone();
        // It ends with the process.
        tokio::spawn(async move { converse(connection, ask).await });
    }
}

/// Passes on the requests of one connection and writes the answers.
async fn converse(mut connection: TcpStream, ask: mpsc::UnboundedSender<Request>) -> anyhow::Result<()> {
    connection.set_nodelay(true)?;
    let mut read = Vec::with_capacity(64 * 1024);
    loop {
        let Some((path, length, body_at)) = head(&read)? else {
            if connection.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
            continue;
        };
        while read.len() < body_at + length {
            ensure!(connection.read_buf(&mut read).await? > 0, "the function hung up");
        }
        let body = read[body_at..body_at + length].to_vec();
        read.drain(..body_at + length);
        let (reply, answer) = oneshot::channel();
        let (is_next, is_error) = (path.ends_with("/next"), path.ends_with("/error"));
        if ask.send(Request { is_next, is_error, body, reply }).is_err() {
            return Ok(());
        }
        let Ok(answer) = answer.await else { return Ok(()) };
        connection.write_all(&answer).await?;
    }
}

/// The path of a request, the length of its body, and where that begins; none while the head is not complete.
fn head(read: &[u8]) -> anyhow::Result<Option<(String, usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(body_at) = request.parse(read)? else { return Ok(None) };
    let path = request.path.unwrap_or_default().to_owned();
    let header = |name: &str| request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    if header("transfer-encoding").is_some() {
        bail!("the function answers in chunks");
    }
    let length = header("content-length").map(|length| std::str::from_utf8(length.value)).transpose()?;
    Ok(Some((path, length.map(str::parse).transpose()?.unwrap_or(0), body_at)))
}

async fn count(mut output: impl AsyncRead + Unpin, logged: Arc<AtomicUsize>) {
    let mut buffer = [0; 8192];
    while let Ok(length @ 1..) = output.read(&mut buffer).await {
        logged.fetch_add(length, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let whole = b"POST /2018-06-01/runtime/invocation/7/response HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(head(&whole[..40]).unwrap(), None);
        let (path, length, body_at) = head(whole).unwrap().unwrap();
        assert_eq!((path.as_str(), length), ("/2018-06-01/runtime/invocation/7/response", 2));
        assert_eq!(&whole[body_at..], b"{}");
    }
}
