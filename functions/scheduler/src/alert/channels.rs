//! Ways to reach people: e-mail through an SNS topic, Slack, Telegram.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use transport::Transport;

/// The subject of an e-mail. SNS takes ASCII only, so it is the product's name in every language.
const SUBJECT: &str = "RemOnline Leads";

/// The longest text that Telegram takes, in characters; it refuses more. Source: Telegram Bot API, `sendMessage`.
const LONGEST_TELEGRAM: usize = 4096;

/// Where alerts go.
#[derive(Debug)]
pub(crate) struct Channels {
    /// Amazon SNS.
    pub(crate) sns: aws_sdk_sns::Client,
    /// Where the targets are kept.
    pub(crate) ssm: aws_sdk_ssm::Client,
    /// The way to Slack and Telegram.
    pub(crate) transport: Arc<dyn Transport>,
    /// The topic that e-mail addresses are subscribed to.
    pub(crate) topic_arn: Option<String>,
    /// Name of the SSM parameter that lists the targets; it need not exist.
    pub(crate) targets_parameter: Option<String>,
}

/// A chat that is told.
#[derive(Debug)]
enum Target {
    /// Source: Slack, "Sending messages using incoming webhooks".
    Slack { url: SecretString },
    /// Source: Telegram Bot API, `sendMessage`.
    Telegram { token: SecretString, chat_id: String },
}

impl Channels {
    /// Tells everybody. False when there was somebody to tell and nobody could be reached.
    pub(crate) async fn tell(&self, text: &str) -> bool {
        let targets = self.targets().await;
        let (mut tried, mut reached) = (0, 0);
        if let Some(topic_arn) = &self.topic_arn {
            tried += 1;
            reached += usize::from(self.publish(topic_arn, text).await);
        }
        for target in &targets {
            tried += 1;
            reached += usize::from(send(&*self.transport, target, text).await);
        }
        tracing::info!(tried, reached, "people were told what needs them");
        tried == 0 || reached > 0
    }

    /// Who is told besides the topic, as it stands now: whoever changes the list need not deploy.
    async fn targets(&self) -> Vec<Target> {
        let Some(name) = &self.targets_parameter else { return Vec::new() };
        match runtime::parameter(&self.ssm, name).await {
            Ok(list) => targets(&list),
            Err(error) if error.is_not_found() => Vec::new(),
            Err(error) => {
                tracing::error!(%error, "the targets of alerts cannot be read");
                Vec::new()
            }
        }
    }

    async fn publish(&self, topic_arn: &str, text: &str) -> bool {
        let published = self.sns.publish().topic_arn(topic_arn).subject(SUBJECT).message(text).send().await;
        let told = published.map_err(aws_sdk_sns::Error::from);
        told.inspect_err(|error| tracing::error!(%error, channel = "sns", "nobody was told")).is_ok()
    }
}

/// The address holds a secret, so that it is in no log.
async fn send(transport: &dyn Transport, target: &Target, text: &str) -> bool {
    let channel = target.channel();
    let Some(request) = target.request(text) else {
        tracing::error!(channel, "nobody was told: the address is none");
        return false;
    };
    match transport.send(request).await {
        Ok(answer) if answer.status().is_success() => true,
        Ok(answer) => {
            tracing::error!(channel, status = answer.status().as_u16(), "nobody was told");
            false
        }
        Err(error) => {
            tracing::error!(channel, %error, "nobody was told");
            false
        }
    }
}

impl Target {
    fn channel(&self) -> &'static str {
        match self {
            Self::Slack { .. } => "slack",
            Self::Telegram { .. } => "telegram",
        }
    }

    fn request(&self, text: &str) -> Option<Request<Bytes>> {
        match self {
            Self::Slack { url } => post(url.expose_secret(), &json!({"text": text})),
            Self::Telegram { token, chat_id } => {
                let url = format!("https://api.telegram.org/bot{}/sendMessage", token.expose_secret());
                let text = text.chars().take(LONGEST_TELEGRAM).collect::<String>();
                post(&url, &json!({"chat_id": chat_id, "text": text}))
            }
        }
    }

    fn parse(line: &str) -> Option<Self> {
        match *line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["slack", url] if url.starts_with("https://") => Some(Self::Slack { url: url.into() }),
            ["telegram", token, chat_id] => Some(Self::Telegram { token: token.into(), chat_id: chat_id.to_owned() }),
            _ => None,
        }
    }
}

/// One target a line: `slack <webhook address>` or `telegram <bot token> <chat id>`.
fn targets(list: &SecretString) -> Vec<Target> {
    let lines = list.expose_secret().lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let targets = lines.filter_map(|(number, line)| {
        let target = Target::parse(line);
        if target.is_none() {
            let line = number + 1;
            tracing::error!(line, "a target of alerts is neither `slack <address>` nor `telegram <token> <chat id>`");
        }
        target
    });
    targets.collect()
}

fn post(url: &str, body: &Value) -> Option<Request<Bytes>> {
    let request = Request::post(url).header(header::CONTENT_TYPE, "application/json");
    request.body(body.to_string().into()).ok()
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;
    use transport::TransportError;

    use super::*;

    #[test]
    fn each_line_is_a_target() {
        let list = "slack https://hooks.slack.example/T0/B0/secret\n\n  telegram 42:secret  -100500 \nfax 5\n";
        let targets = targets(&list.into());
        let requests = targets.iter().filter_map(|target| target.request("Вітаю")).collect::<Vec<_>>();
        let told = requests
            .iter()
            .map(|request| (request.uri().to_string(), serde_json::from_slice::<Value>(request.body()).unwrap()));
        let expected = [
            ("https://hooks.slack.example/T0/B0/secret".to_owned(), json!({"text": "Вітаю"})),
            (
                "https://api.telegram.org/bot42:secret/sendMessage".to_owned(),
                json!({"chat_id": "-100500", "text": "Вітаю"}),
            ),
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
        assert!(!format!("{targets:?}").contains("secret"));
    }

    /// The other side, which answers everything alike.
    #[derive(Debug)]
    struct Answering(Result<u16, TransportError>);

    #[async_trait::async_trait]
    impl Transport for Answering {
        async fn send(&self, _: Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
            let mut answer = http::Response::new(Bytes::new());
            *answer.status_mut() = http::StatusCode::from_u16(self.0.clone()?).unwrap();
            Ok(answer)
        }
    }

    #[rstest]
    #[case(Ok(200), true)]
    #[case(Ok(401), false)]
    #[case(Err(TransportError::NotSent("no route".to_owned())), false)]
    #[tokio::test]
    async fn only_who_took_it_was_told(#[case] answer: Result<u16, TransportError>, #[case] told: bool) {
        let target = Target::parse("telegram 42:secret -100500").unwrap();
        assert_eq!(send(&Answering(answer), &target, "x").await, told);
    }

    #[test]
    fn telegram_gets_no_more_than_it_takes() {
        let request = Target::parse("telegram 42:secret -100500").unwrap().request(&"ї".repeat(5_000)).unwrap();
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(body["text"].as_str().unwrap().chars().count(), LONGEST_TELEGRAM);
    }

    #[test]
    fn an_address_that_is_not_secret_on_its_way_is_none() {
        assert!(Target::parse("slack http://hooks.slack.example/T0/B0/secret").is_none());
    }
}
