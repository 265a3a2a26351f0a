//! What Meta answers to one call of the Graph client, as a `Script`.

use std::sync::Arc;

use domain::MetaId;
use facebook::{
    AppSecrets,
    graph::{Created, FetchedLead, Graph, GraphError},
};
use secrecy::SecretString;

use crate::script::{Script, first_line};

const TOKEN: &str = "EXAMPLE_TOKEN";
const SECRET: &str = "example-app-secret";

/// The one call that the app secret itself goes with; others carry a proof of it.
const SENDS_SECRET: &str = "app_subscriptions";
/// Longest text that is kept of what Meta says, in characters.
const LONGEST_MESSAGE: usize = 300;
/// More calls than this no list is worth.
const MOST_CALLS: usize = 40;

pub(super) fn run(input: &[u8]) {
    let (call, answers) = first_line(input);
    if call.trim() != SENDS_SECRET && answers.windows(SECRET.len()).any(|text| text == SECRET.as_bytes()) {
        // Meta does not say what it was not told.
        return;
    }
    let script = Arc::new(Script::read(answers));
    let (status, _) = script.first();
    let graph = graph(&script);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let outcome = runtime.block_on(ask(&graph, &call));

    if let Err(error) = &outcome {
        is_fit_for_a_history(error);
        is_named_rightly(error);
    }
    let asked = script.asked();
    assert!((1..=MOST_CALLS).contains(&asked.len()), "{} calls for {call}", asked.len());
    let in_order = asked.len() > 1 || outcome.is_err() || (200..300).contains(&status);
    assert!(in_order, "{call} took {status} for a success");
    let shown = asked.iter().any(|request| request.uri().to_string().contains(TOKEN));
    assert!(!shown, "the token is no part of an address");
    graph.usage(&SecretString::from(TOKEN)).allows_polling();
}

fn graph(script: &Arc<Script>) -> Graph {
    let base = "https://graph.example/v26.0".parse().expect("an address");
    let secrets = AppSecrets::parse(&SECRET.into()).expect("a secret");
    Graph::new(script.clone(), base, Some(id("500000000000001")), secrets)
}

/// The call by its name; a name that is none reads a lead.
async fn ask(graph: &Graph, call: &str) -> Result<(), GraphError> {
    let (token, page, form) = (SecretString::from(TOKEN), id("110000000000001"), id("700000000000001"));
    match call.trim() {
        "leads" => leads(graph, &token).await,
        "form" => graph.form(&token, &form).await.map(drop),
        "forms" => graph.forms(&token, &page).await.map(drop),
        "form_leads" => graph.form_leads(&token, &form, Created::default(), Some("cursor")).await.map(drop),
        "page" => graph.page(&token, &page).await.map(drop),
        "token_owner" => graph.token_owner(&token).await.map(drop),
        "subscribed_apps" => graph.subscribed_apps(&token, &page).await.map(drop),
        "subscribe" => graph.subscribe(&token, &page).await,
        SENDS_SECRET => graph.app_subscriptions().await.map(drop),
        _ => graph.lead(&token, &id("900000000000001")).await.map(|lead| is_the_lead(&lead, "900000000000001")),
    }
}

/// Three leads in one batch: each has its own answer, in the order asked.
async fn leads(graph: &Graph, token: &SecretString) -> Result<(), GraphError> {
    let ids = ["900000000000001", "900000000000002", "900000000000003"].map(id);
    let answers = graph.leads(token, &ids).await;
    assert!(answers.iter().map(|(id, _)| id).eq(&ids), "one answer for each lead");
    for (id, answer) in &answers {
        match answer {
            Ok(lead) => is_the_lead(lead, id.as_str()),
            Err(error) => is_fit_for_a_history(error),
        }
    }
    answers.into_iter().find_map(|(_, answer)| answer.err()).map_or(Ok(()), Err)
}

fn is_the_lead(lead: &FetchedLead, id: &str) {
    assert_eq!(lead.id.as_str(), id, "the lead that was asked for");
    assert!(lead.ad_id.as_ref().is_none_or(|ad| ad.as_str() != "0"), "0 is no ad");
}

fn is_fit_for_a_history(error: &GraphError) {
    let cause = error.cause();
    for text in [Some(&cause.message), cause.advice.as_ref()].into_iter().flatten() {
        assert!(text.chars().count() <= LONGEST_MESSAGE, "{} characters", text.chars().count());
        assert!(!text.contains(TOKEN) && !text.contains(SECRET) && !text.contains('@'), "{text}");
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}

/// Meta's codes decide, whatever else is said.
fn is_named_rightly(error: &GraphError) {
    let message = error.cause().message.to_lowercase();
    let spoken = ["lead access", "leads access", "appsecret_proof"].iter().any(|words| message.contains(words));
    match error.cause().code.filter(|_| !spoken) {
        Some(102 | 190) => assert!(matches!(error, GraphError::TokenRejected(_)), "{error:?}"),
        Some(10 | 200..=299) => assert!(matches!(error, GraphError::Forbidden { .. }), "{error:?}"),
        Some(4 | 17 | 32 | 613 | 80_001 | 80_005) => {
            assert!(matches!(error, GraphError::Throttled { wait, .. } if wait.as_secs() >= 300), "{error:?}");
        }
        _ => {}
    }
}

fn id(text: &str) -> MetaId {
    text.parse().expect("an id")
}
