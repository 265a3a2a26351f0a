use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use simulators::meta::Meta;
use simulators::remonline::RemOnline;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::aws::{Aws, Parameters, Published, QueueCount, QueueFault, Units};
use crate::gateway::Gateway;
use crate::lambda::{Launch, Logs, Pool};
use crate::outside::Outside;
use crate::template::{Function, Template};
use crate::tripwire::Tripwires;
use crate::{Failpoint, Options, Trap, environment, queue, scaled_seconds, schedule};

/// How long functions may go on after the sandbox is told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// The running product.
#[derive(Debug)]
pub struct Sandbox {
    /// Address of the console and the webhook, without a slash at the end.
    pub url: String,
    /// The built-in RemOnline, unless the options name another.
    pub remonline: Option<RemOnline>,
    /// The built-in Meta, unless the options name another.
    pub meta: Option<Meta>,
    /// RemOnline API, version included.
    pub remonline_url: String,
    /// Graph API, version included.
    pub graph_url: String,
    verify_token: String,
    aws: Aws,
    functions: BTreeMap<String, Arc<Pool>>,
    environments: BTreeMap<String, BTreeMap<String, String>>,
    logs: Logs,
    tripwires: Option<Arc<Tripwires>>,
    event_sources: TaskTracker,
    processes: TaskTracker,
    stop: Stop,
    _outside: Outside,
}

/// A queue of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Leads on their way to the processor.
    Lead,
    /// Leads that were received too often.
    DeadLetter,
    /// Signed webhooks that could not be read.
    Quarantine,
}

impl Queue {
    fn id(self) -> &'static str {
        match self {
            Self::Lead => "LeadQueue",
            Self::DeadLetter => "DeadLetterQueue",
            Self::Quarantine => "QuarantineQueue",
        }
    }
}

/// What ends first, second and last; all of it when dropped.
#[derive(Debug, Default)]
struct Stop {
    events: CancellationToken,
    processes: CancellationToken,
    aws: CancellationToken,
}

impl Drop for Stop {
    fn drop(&mut self) {
        for part in [&self.events, &self.processes, &self.aws] {
            part.cancel();
        }
    }
}

impl Sandbox {
    /// Starts everything; returns when the address answers.
    ///
    /// # Errors
    /// When the port or the data directory is in use, or a URL of the options does not answer. The text is one line
    /// for the person who chose the options.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let listener = listen(options.port).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let stop = Stop::default();
        let outside = Outside::start(&options).await?;
        let template = Template::parse(&options.template)?;
        let parameters = Parameters {
            app_secrets: options.app_secret.clone(),
            verify_token: options.verify_token.clone(),
            time_scale: options.time_scale,
        };
        let mut aws = Aws::start(&template, &parameters, options.data_dir.as_deref(), &stop.aws).await?;
        if options.keep_messages {
            aws.services().queues().keep_sent();
        }
        aws.references.set("RemonlineApiUrl", &outside.remonline_url);
        aws.references.set("GraphApiUrl", &outside.graph_url);
        aws.references.set("FacebookAppId", options.app_id.clone().unwrap_or_default());
        let logs = if options.capture_logs { Logs::Captured(Arc::default()) } else { Logs::Stderr };
        let mut sandbox = Self {
            url,
            remonline: outside.remonline.clone(),
            meta: outside.meta.clone(),
            remonline_url: outside.remonline_url.clone(),
            graph_url: outside.graph_url.clone(),
            verify_token: options.verify_token.clone(),
            aws,
            functions: BTreeMap::new(),
            environments: BTreeMap::new(),
            logs,
            tripwires: options.tripwires.then(Arc::default),
            event_sources: TaskTracker::new(),
            processes: TaskTracker::new(),
            stop,
            _outside: outside,
        };
        sandbox.host(&template, &options)?;
        sandbox.open_gateway(&template, listener)?;
        Ok(sandbox)
    }

    /// Makes the functions ready and connects them to their queues and schedules.
    fn host(&mut self, template: &Template, options: &Options) -> anyhow::Result<()> {
        for function in template.functions(&self.aws.references)? {
            let launch = self.launch(&function, options);
            self.environments.insert(function.name.clone(), launch.environment.clone());
            let pool = Pool::new(launch);
            for mapping in &function.mappings {
                queue::start(mapping, self.aws.services(), &pool, &self.event_sources, &self.stop.events);
            }
            for schedule in &function.schedules {
                schedule::start(schedule, &pool, options.schedule_scale, &self.event_sources, &self.stop.events)?;
            }
            self.functions.insert(function.id, pool);
        }
        Ok(())
    }

    fn launch(&self, function: &Function, options: &Options) -> Launch {
        let mut environment = environment::of_function(function, &self.aws, std::env::vars());
        environment.insert("CONSOLE_URL".to_owned(), self.url.clone());
        environment.insert("TIME_SCALE".to_owned(), options.time_scale.to_string());
        environment.extend(options.function_environment.clone());
        Launch {
            program: options.function_program.clone(),
            name: function.name.clone(),
            arn: self.aws.references.arn(&function.id).to_owned(),
            environment,
            timeout: scaled_seconds(function.timeout, options.time_scale),
            logs: self.logs.clone(),
            tripwires: self.tripwires.clone(),
            stop: self.stop.processes.clone(),
            running: self.processes.clone(),
        }
    }

    fn open_gateway(&self, template: &Template, listener: TcpListener) -> anyhow::Result<()> {
        let routes = template.routes(&self.aws.references)?;
        Gateway::new(&routes, self.functions.clone()).serve(listener, self.stop.events.clone());
        Ok(())
    }

    /// Address of the webhook.
    pub fn webhook_url(&self) -> String {
        format!("{}/facebook/webhook", self.url)
    }

    /// Subscribes the built-in Meta's app to the webhook, as a person does in the app's dashboard. Nothing happens
    /// when Meta is not built in.
    ///
    /// # Errors
    /// When the webhook does not shake hands.
    pub async fn subscribe_webhook(&self) -> anyhow::Result<()> {
        let Some(meta) = &self.meta else { return Ok(()) };
        let subscribed = meta.subscribe(&self.webhook_url(), &self.verify_token).await;
        subscribed.map_err(|refused| anyhow::anyhow!("the webhook cannot be subscribed: {refused:?}"))
    }

    /// How many messages `queue` holds.
    pub fn count(&self, queue: Queue) -> QueueCount {
        self.aws.services().queues().count(queue.id())
    }

    /// The bodies of the messages that `queue` holds; they stay there.
    pub fn peek(&self, queue: Queue) -> Vec<String> {
        self.aws.services().queues().peek(queue.id())
    }

    /// The bodies of all messages that were sent to `queue`, when the options keep them; those that are done included.
    pub fn sent(&self, queue: Queue) -> Vec<String> {
        self.aws.services().queues().sent(queue.id())
    }

    /// What was published to topics so far.
    pub fn published(&self) -> Vec<Published> {
        self.aws.services().published()
    }

    /// What the functions consumed of DynamoDB so far, by their names.
    pub fn consumed(&self) -> BTreeMap<String, Units> {
        self.aws.consumed()
    }

    /// Lets sending to `queue` go wrong from now on, or right again.
    pub fn set_fault(&self, queue: Queue, fault: impl Into<Option<QueueFault>>) {
        self.aws.services().faults().set(queue.id(), fault.into());
    }

    /// Invokes `function` (by its name) on `event` now, as its schedule would.
    ///
    /// # Errors
    /// When there is no such function, or it failed.
    pub async fn invoke(&self, function: &str, event: &Value) -> anyhow::Result<Value> {
        let answer = self.pool(function)?.invoke(event.to_string().into()).await?;
        serde_json::from_slice(&answer).with_context(|| format!("{function} answered no JSON"))
    }

    /// Ids of the processes of `function` that are alive.
    ///
    /// # Errors
    /// When there is no such function.
    pub fn pids(&self, function: &str) -> anyhow::Result<Vec<u32>> {
        Ok(self.pool(function)?.pids())
    }

    /// Ids of the processes of `function` that have an event, or are getting ready for one.
    ///
    /// # Errors
    /// When there is no such function.
    pub fn pids_at_work(&self, function: &str) -> anyhow::Result<Vec<u32>> {
        Ok(self.pool(function)?.pids_at_work())
    }

    /// Lies in wait for the process that comes to `failpoint`, and kills it there.
    ///
    /// # Errors
    /// When the options set up no tripwires.
    pub fn arm(&self, failpoint: Failpoint) -> anyhow::Result<Trap> {
        Ok(self.tripwires()?.arm(failpoint))
    }

    /// What `function` asked for so far, in order: `dynamodb PutItem`, `remonline POST /v2/orders`, `runtime response`.
    ///
    /// # Errors
    /// When the options set up no tripwires.
    pub fn operations(&self, function: &str) -> anyhow::Result<Vec<String>> {
        Ok(self.tripwires()?.operations(function))
    }

    /// Kills one process of a function, whatever it is doing, and returns when it is gone; false when no function has
    /// such a process.
    pub async fn kill(&self, pid: u32) -> bool {
        for pool in self.functions.values() {
            if pool.kill(pid).await {
                return true;
            }
        }
        false
    }

    /// The environment of `function`, in which an AWS client of a test finds the embedded services too.
    pub fn environment(&self, function: &str) -> Option<&BTreeMap<String, String>> {
        self.environments.get(function)
    }

    /// The functions' log lines so far, when the options capture them.
    pub fn log_lines(&self) -> Vec<String> {
        self.logs.lines()
    }

    /// Takes no more events, lets the functions finish what they are at if that is soon, ends every process and then
    /// the services behind them.
    pub async fn shutdown(self) {
        self.quiesce().await;
        self.stop.aws.cancel();
    }

    /// The same but for the services: what the functions wrote and sent can still be looked at.
    pub async fn quiesce(&self) {
        self.stop.events.cancel();
        self.event_sources.close();
        let finished = async {
            self.event_sources.wait().await;
            futures::future::join_all(self.functions.values().map(|pool| pool.quiet())).await;
        };
        // What does not finish is killed, which the product survives at any moment.
        let _killed = tokio::time::timeout(GRACE, finished).await;
        self.stop.processes.cancel();
        self.processes.close();
        self.processes.wait().await;
    }

    fn tripwires(&self) -> anyhow::Result<&Arc<Tripwires>> {
        self.tripwires.as_ref().context("the options set up no tripwires")
    }

    fn pool(&self, function: &str) -> anyhow::Result<&Arc<Pool>> {
        let pool = self.functions.values().find(|pool| pool.name() == function);
        pool.with_context(|| format!("there is no function {function}"))
    }
}

async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(("127.0.0.1", port)).await {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            anyhow::bail!("port {port} is in use: choose another with --port, or 0 for a free one")
        }
        listener => listener.with_context(|| format!("port {port} cannot be used")),
    }
}
