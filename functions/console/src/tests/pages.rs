//! The pages as a browser without scripts sees them.

use domain::{MaskedContact, Stage};
use pretty_assertions::assert_eq;
use rstest::rstest;
use simulators::remonline::DEMO_API_KEY as KEY;

use super::*;

const LEAD: &str = "900000000000001";

/// What a browser gets.
struct Seen {
    status: u16,
    headers: HeaderMap,
    markup: String,
}

impl World {
    async fn visit(&self, path: &str) -> Seen {
        self.browse("GET", path, &[], None).await
    }

    /// Sends a form.
    async fn fill(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.browse("POST", path, &[("content-type", "application/x-www-form-urlencoded")], Some(form)).await
    }

    async fn browse(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Seen {
        let request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:8080");
        let request = request.header("accept", "text/html,application/xhtml+xml");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response =
            self.router.clone().oneshot(request.body(Body::from(body.unwrap_or_default())).unwrap()).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Seen { status, headers, markup: String::from_utf8(bytes.to_vec()).unwrap() }
    }
}

impl Seen {
    #[track_caller]
    fn expect(self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.markup);
        self.markup
    }

    #[track_caller]
    fn leads_to(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.markup);
        self.headers["location"].to_str().unwrap()
    }
}

/// A lead of each kind that pages show in a way of their own.
async fn busy() -> World {
    let world = World::started().await;
    let at = now();
    world.lead("1", 0, |lead| lead.park(Reason::Mapping, None, at).unwrap()).await;
    world.lead("2", 0, |lead| lead.review(Reason::OutcomeUnknown, at).unwrap()).await;
    world.lead("3", 0, |lead| lead.wait(Reason::Throttled, Some(at), at).unwrap()).await;
    let done = |lead: &mut Transaction| {
        lead.created_at = Some(at);
        lead.set_client(5, domain::ClientOutcome::Created, at).unwrap();
        lead.run(Stage::OrderSet, at).unwrap();
        lead.finish(at).unwrap();
    };
    world.lead("4", 0, done).await;
    let unknown = LeadgenEvent { leadgen_id: meta_id("6"), page_id: meta_id(DEMO_PAGE), form_id: meta_id("7") };
    world.store.keep_unrouted(&unknown, at).await.unwrap();
    world
}

const PAGES: [&str; 22] = [
    "/",
    "/connections",
    "/connections/new/remonline",
    "/connections/new/facebook",
    "/connections/meta",
    "/connections/shop",
    "/connections/page",
    "/history",
    "/history?state=parked",
    "/history/screens/1",
    "/history/screens/2",
    "/history/screens/3",
    "/history/screens/4?reveal=true",
    "/erase",
    "/unrouted",
    "/findings",
    "/bundles",
    "/bundles/new",
    "/bundles/import",
    "/bundles/screens",
    "/bundles/screens/edit",
    "/bundles/screens/versions",
];

/// Names of texts that stand where a text should.
fn untold(markup: &str) -> Vec<&str> {
    let texts = markup.split('>').filter_map(|part| part.split('<').next()).map(str::trim);
    let name = |text: &&str| text.contains('-') && text.chars().all(|c| c.is_ascii_lowercase() || "-_".contains(c));
    texts.filter(name).collect()
}

#[rstest]
#[tokio::test]
async fn every_page_is_told_in_every_language(#[values("uk", "ru", "en")] language: &str) {
    for world in [busy().await, World::new().await] {
        for path in PAGES.iter().filter(|path| !path.starts_with("/history/") && !path.ends_with("shop")) {
            let seen = world.browse("GET", path, &[("accept-language", language)], None).await;
            if seen.status == 404 {
                continue; // nothing is connected in the empty world
            }
            assert!(seen.headers["content-security-policy"].to_str().unwrap().contains("script-src 'self'"));
            let markup = seen.expect(200);
            assert!(markup.contains(&format!("<html lang=\"{language}\">")), "{path}");
            assert_eq!(untold(&markup), [""; 0], "{path} in {language}");
        }
    }
}

#[tokio::test]
async fn every_page_is_there() {
    let world = busy().await;
    for path in PAGES {
        let markup = world.visit(path).await.expect(200);
        assert_eq!(untold(&markup), [""; 0], "{path}");
        assert!(
            !markup.contains(" style=") && !markup.contains("<style"),
            "{path}: the policy forbids styles in markup"
        );
    }
}

#[tokio::test]
async fn what_pages_load_is_there_and_kept() {
    let world = World::new().await;
    let markup = world.visit("/").await.expect(200);
    let loaded = markup.split('"').filter(|part| part.starts_with("/static/")).collect::<Vec<_>>();
    assert_eq!(loaded.len(), 3);
    for path in loaded {
        let seen = world.visit(path).await;
        assert!(seen.headers["cache-control"].to_str().unwrap().contains("immutable"));
        assert!(seen.expect(200).len() > 500, "{path}");
    }
}

#[tokio::test]
async fn a_lead_is_text_whatever_is_in_it() {
    let world = World::started().await;
    let attack = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>";
    world
        .lead(LEAD, 0, |lead| {
            let text = || attack.to_owned();
            lead.contact = MaskedContact { name: text(), phone: text(), email: text() };
            lead.park(Reason::Rejected, None, now()).unwrap();
        })
        .await;
    world.call("PATCH", "/api/connections/shop", &[], json!({"title": attack})).await.expect(200);
    for path in ["/history", &format!("/history/screens/{LEAD}"), "/connections", "/connections/shop"] {
        let markup = world.visit(path).await.expect(200);
        assert!(!markup.contains("<img") && !markup.contains("<script>"), "{path}");
        assert!(markup.contains("alert(1)"), "{path}");
    }
}

#[tokio::test]
async fn a_shop_is_connected_by_a_form() {
    let world = World::new().await;
    let connected = world.fill("/connections/new/remonline", &[("title", "My shop"), ("api_key", KEY)]).await;
    assert_eq!(connected.leads_to(), "/connections/my-shop?said=connected");
    let markup = world.visit("/connections/my-shop?said=connected").await.expect(200);
    assert!(markup.contains("Connected: the key works.") && !markup.contains(KEY));
}

#[tokio::test]
async fn a_refused_key_is_blamed_and_not_shown() {
    let world = World::new().await;
    let wrong = "wrong-key-of-nobody";
    let seen = world.fill("/connections/new/remonline", &[("title", "My shop"), ("api_key", wrong)]).await;
    let markup = seen.expect(422);
    assert!(markup.contains("RemOnline refused the API key.") && markup.contains("aria-invalid"), "{markup}");
    assert!(markup.contains("value=\"My shop\"") && !markup.contains(wrong));
    assert!(world.store.connections().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_connection_is_checked_paused_resumed_and_forgotten() {
    let world = World::connected().await;
    let checked = world.fill("/connections/shop/check", &[]).await.expect(200);
    assert!(checked.contains("What the check found") && checked.contains("Clients can be read."));
    assert_eq!(world.fill("/connections/shop/pause", &[]).await.leads_to(), "/connections/shop?said=paused");
    assert!(world.visit("/").await.expect(200).contains("Paused"));
    assert_eq!(world.fill("/connections/shop/resume", &[]).await.leads_to(), "/connections/shop?said=resumed");
    assert_eq!(
        world.fill("/connections/shop", &[("title", "Other")]).await.leads_to(),
        "/connections/shop?said=renamed"
    );
    assert_eq!(
        world.fill("/connections/shop", &[("api_key", KEY)]).await.leads_to(),
        "/connections/shop?said=key-replaced"
    );
    assert_eq!(world.fill("/connections/shop/delete", &[]).await.leads_to(), "/connections?said=disconnected");
}

#[tokio::test]
async fn a_connection_in_use_is_not_forgotten() {
    let world = World::started().await;
    let markup = world.fill("/connections/shop/delete", &[]).await.expect(409);
    assert!(markup.contains("Bundle screens uses the connection"));
}

#[tokio::test]
async fn a_parked_lead_is_found_and_mended() {
    let world = World::started().await;
    world.lead(LEAD, 0, |lead| lead.park(Reason::Mapping, None, now()).unwrap()).await;
    let markup = world.visit("/history?state=parked&phone=&email=&from=2026-11-23&to=").await.expect(200);
    assert!(markup.contains(&format!("/history/screens/{LEAD}")) && markup.contains("Screens"));
    let retried = world.fill(&format!("/history/screens/{LEAD}/retry"), &[("rules", "current")]).await;
    assert_eq!(retried.leads_to(), format!("/history/screens/{LEAD}?said=retried-one"));
    assert_eq!(world.state_of(LEAD).await, (State::Received, None));
    assert_eq!(world.woken().await.len(), 1);
}

#[tokio::test]
async fn a_review_is_decided_by_a_form() {
    let world = World::started().await;
    world.lead(LEAD, 0, |lead| lead.review(Reason::OutcomeUnknown, now()).unwrap()).await;
    let address = format!("/history/screens/{LEAD}/resolve");
    let empty = world.fill(&address, &[("decision", "link"), ("client_id", ""), ("order_id", "")]).await.expect(422);
    assert!(empty.contains("name the client or the order"));
    let wrong = world.fill(&address, &[("decision", "link"), ("client_id", "999999"), ("order_id", "")]).await;
    assert!(wrong.expect(422).contains("RemOnline has no client 999999"));
    assert_eq!(world.fill(&address, &[("decision", "dismiss")]).await.status, 303);
    assert_eq!(world.state_of(LEAD).await, (State::Skipped, Some(Reason::Dismissed)));
}

#[tokio::test]
async fn many_are_retried_part_by_part() {
    let world = World::started().await;
    for lead in 1..=230 {
        world.lead(&lead.to_string(), lead, |lead| lead.park(Reason::Mapping, None, now()).unwrap()).await;
    }
    let first = world.fill("/history/retry", &[("search", "state=parked"), ("rules", "current")]).await.expect(200);
    assert!(first.contains("200 leads are set going.") && first.contains("max=\"230\""), "{first}");
    let hidden = |name: &str| {
        let begin = format!("name=\"{name}\" value=\"");
        first.split(&begin).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let names = ["search", "rules", "queued", "total", "cursor"];
    let values = names.map(hidden);
    let fields: Vec<_> = names.iter().zip(&values).map(|(name, value)| (*name, value.as_str())).collect();
    let last = world.fill("/history/retry", &fields).await.expect(200);
    assert!(last.contains("230 leads are set going.") && !last.contains("hx-post"), "{last}");
    assert_eq!(world.store.count_in(State::Parked).await.unwrap(), 0);
}

#[tokio::test]
async fn a_wrong_search_is_told() {
    let markup = World::new().await.visit("/history?phone=nobody").await.expect(400);
    assert!(markup.contains("not a phone number"));
}

#[tokio::test]
async fn leads_are_taken_along_as_a_table() {
    let world = busy().await;
    let seen = world.visit("/history.csv?state=parked").await;
    assert_eq!(seen.headers["content-type"], "text/csv; charset=utf-8");
    let table = seen.expect(200);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("received_at,state,reason,") && lines[1].contains(",parked,mapping,screens,1,"));
}

#[tokio::test]
async fn a_person_is_forgotten_by_a_form() {
    let world = busy().await;
    let markup = world.fill("/erase", &[("phone", ""), ("email", ""), ("leadgen_id", "4")]).await.expect(200);
    assert!(markup.contains("Forgotten: 1 leads.") && markup.contains("/contacts/people/5"), "{markup}");
    assert_eq!(world.state_of("4").await.0, State::Erased);
    let two = world.fill("/erase", &[("phone", "0501112233"), ("email", "o@example.com")]).await.expect(422);
    assert!(two.contains("exactly one"));
}

#[rstest]
#[case("/language/uk?to=/history%3Fstate%3Dparked", "/history?state=parked")]
#[case("/language/ru", "/")]
#[case("/language/en?to=https://evil.example", "/")]
#[case("/language/en?to=//evil.example", "/")]
#[case("/language/en?to=/%5Cevil.example", "/")]
#[tokio::test]
async fn a_language_is_kept_and_leads_back(#[case] path: &str, #[case] expected: &str) {
    let world = World::new().await;
    let chosen = world.visit(path).await;
    assert_eq!(chosen.leads_to(), expected);
    let cookie = chosen.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    let markup = world.browse("GET", "/", &[("cookie", cookie), ("accept-language", "pl")], None).await.expect(200);
    assert!(markup.contains(&format!("<html lang=\"{}\">", &path[10..12])));
}

#[tokio::test]
async fn problems_are_pages_for_people_and_json_for_programs() {
    let world = World::new().await;
    let markup = world.visit("/nowhere").await.expect(404);
    assert!(markup.contains("There is nothing here"));
    let api = world.visit("/api/nowhere").await;
    assert_eq!(api.headers["content-type"], "application/problem+json");
    assert_eq!(world.get("/nowhere").await.headers["content-type"], "application/problem+json");
}

#[rstest]
#[case("uk", "Такої звʼязки немає.")]
#[case("ru", "Такой связки нет.")]
#[case("en", "There is no such bundle.")]
#[tokio::test]
async fn problems_are_told_in_the_language_asked_for(#[case] language: &str, #[case] told: &str) {
    let world = World::new().await;
    let headers = [("accept-language", language)];
    let page = world.browse("GET", "/bundles/nobody", &headers, None).await.expect(404);
    assert!(page.contains(told), "{page}");
    let problem = world.call("GET", "/api/bundles/nobody", &headers, Value::Null).await.expect(404);
    assert_eq!(problem["detail"], told);
}

/// What a browser would send of a page's form: every field as it stands, and the first entry of a drop-down where none
/// is chosen.
fn as_it_stands(markup: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut select: Option<(String, Option<String>)> = None;
    for tag in markup.split('<').skip(1) {
        let attribute = |name: &str| {
            let begin = format!(" {name}=\"");
            tag.split_once('>')?.0.split(&begin).nth(1)?.split('"').next().map(unescaped)
        };
        if tag.starts_with("select") {
            select = Some((attribute("name").unwrap_or_default(), None));
        } else if tag.starts_with("option") {
            let chosen = tag.split('>').next().unwrap().contains(" selected");
            if let Some((_, value)) = &mut select
                && (chosen || value.is_none())
            {
                *value = attribute("value");
            }
        } else if tag.starts_with("/select") {
            fields.extend(select.take().map(|(name, value)| (name, value.unwrap_or_default())));
        } else if tag.starts_with("input") {
            let kind = attribute("type").unwrap_or_default();
            let checked = tag.split('>').next().unwrap().contains(" checked");
            if !matches!(kind.as_str(), "checkbox" | "radio") || checked {
                fields.extend(
                    attribute("name").map(|name| (name, attribute("value").unwrap_or_else(|| "on".to_owned()))),
                );
            }
        }
    }
    fields
}

fn unescaped(text: &str) -> String {
    text.replace("&#39;", "'").replace("&#34;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

impl World {
    async fn send_back(&self, path: &str, fields: &[(String, String)]) -> Seen {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.fill(path, &fields).await
    }
}

fn set(fields: &mut Vec<(String, String)>, name: &str, value: &str) {
    fields.retain(|(known, _)| known != name);
    fields.push((name.to_owned(), value.to_owned()));
}

#[tokio::test]
async fn a_bundle_is_made_by_choosing_tried_and_started() {
    let world = World::connected().await;
    let begin = world.visit("/bundles/new").await.expect(200);
    assert!(
        begin.contains(&format!("<option value=\"{DEMO_FORM}\"")),
        "the forms of the only page are offered: {begin}"
    );
    let address = format!("/bundles/new?source=page&client=shop&form={DEMO_FORM}");
    let editor = world.visit(&address).await.expect(200);
    assert_eq!(untold(&editor), [""; 0]);
    let mut fields = as_it_stands(&editor);
    set(&mut fields, "order.fields.branch_id", "15001");
    set(&mut fields, "order.fields.order_type_id", "21001");
    let made = world.send_back("/bundles/new", &fields).await;
    let address = made.leads_to().split('?').next().unwrap().to_owned();

    let page = world.visit(&address).await.expect(200);
    assert_eq!(untold(&page), [""; 0]);
    let answers = [("answers.full_name", "Olena Koval"), ("answers.phone_number", "0995550147")];
    let tried = world.fill(&format!("{address}/preview"), &answers).await.expect(200);
    assert!(tried.contains("a new client would be created") && tried.contains("+380995550147"), "{tried}");
    assert!(tried.contains("a new order would be created"));

    let started = world.fill(&format!("{address}/start"), &[]).await;
    assert_eq!(started.leads_to(), format!("{address}?said=bundle-started"));
    let stopped = world.fill(&format!("{address}/stop"), &[]).await;
    assert_eq!(stopped.leads_to(), format!("{address}?said=bundle-stopped"));
}

#[tokio::test]
async fn what_is_wrong_with_a_bundle_stands_beside_the_field() {
    let world = World::connected().await;
    let editor = world.visit(&format!("/bundles/new?form={DEMO_FORM}")).await.expect(200);
    let mut fields = as_it_stands(&editor);
    set(&mut fields, "client.fields.notes", "=");
    set(&mut fields, "client.fields.notes.text", "{{ answers.");
    set(&mut fields, "order.fields.branch_id", "15001");
    set(&mut fields, "order.fields.order_type_id", "21001");
    let again = world.send_back("/bundles/new", &fields).await.expect(422);
    assert!(again.contains("id=\"client.fields.notes-wrong\"") && again.contains("value=\"{{ answers.\""), "{again}");
    assert!(world.store.bundles().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_bundle_that_is_saved_unchanged_is_the_same() {
    let world = World::started().await;
    let before = world.bundle().await;
    let fields = as_it_stands(&world.visit("/bundles/screens/edit").await.expect(200));
    let saved = world.send_back("/bundles/screens/edit", &fields).await;
    assert_eq!(saved.leads_to(), "/bundles/screens?said=bundle-saved");
    let after = world.bundle().await;
    assert_eq!((after.version, after.document), (2, before.document));
    let late = world.send_back("/bundles/screens/edit", &fields).await.expect(412);
    assert!(late.contains("has another version by now"));
}

#[tokio::test]
async fn versions_show_what_changed_and_lead_back() {
    let world = World::started().await;
    let mut fields = as_it_stands(&world.visit("/bundles/screens/edit").await.expect(200));
    set(&mut fields, "title", "Batteries");
    world.send_back("/bundles/screens/edit", &fields).await.leads_to();
    let versions = world.visit("/bundles/screens/versions").await.expect(200);
    assert!(versions.contains("-title: Screens") && versions.contains("+title: Batteries"), "{versions}");
    world.fill("/bundles/screens/roll-back", &[("version", "1")]).await.leads_to();
    let bundle = world.bundle().await;
    assert_eq!((bundle.version, bundle.document.title.as_str()), (3, "Screens"));
}

#[tokio::test]
async fn a_bundle_is_duplicated_exported_imported_and_deleted() {
    let world = World::started().await;
    let copy = world.fill("/bundles/screens/duplicate", &[]).await;
    assert_eq!(copy.leads_to(), "/bundles/screens-copy?said=bundle-made");
    let exported = world.visit("/bundles/screens/export").await.expect(200);
    let imported = world.fill("/bundles/import", &[("document", &exported)]).await;
    let id = imported.leads_to().trim_start_matches("/bundles/").split('?').next().unwrap().to_owned();
    let same = world.store.bundle(&slug(&id)).await.unwrap().unwrap().document == world.bundle().await.document;
    assert!(same);
    assert_eq!(world.fill(&format!("/bundles/{id}/delete"), &[]).await.leads_to(), "/bundles?said=bundle-deleted");
    let broken = world.fill("/bundles/import", &[("document", "title: [")]).await.expect(422);
    assert!(broken.contains("no YAML"));
}

#[tokio::test]
async fn unrouted_leads_are_two_clicks_from_a_bundle() {
    let world = busy().await;
    let unrouted = world.visit("/unrouted").await.expect(200);
    assert!(unrouted.contains("/bundles/new?source=page&amp;form=7&amp;backfill=true"));
}

#[tokio::test]
async fn the_address_of_a_deed_leads_back_to_its_page() {
    let world = World::started().await;
    assert_eq!(world.visit("/bundles/screens/preview").await.leads_to(), "/bundles/screens");
    assert_eq!(world.visit("/history/retry").await.leads_to(), "/history");
    assert_eq!(world.get("/bundles/screens/start").await.status, 405);
}

/// Logs in as a person would: to Facebook, which lets everybody in, and back.
async fn logged_in(world: &World) -> Seen {
    let begun = world.visit("/connections/facebook/log-in").await;
    let cookie = begun.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let dialog: url::Url = begun.leads_to().parse().unwrap();
    let asked = Request::get(format!("{}?{}", dialog.path(), dialog.query().unwrap())).body(Body::empty()).unwrap();
    let answer = world.meta.router().oneshot(asked).await.unwrap();
    let back: url::Url = answer.headers()["location"].to_str().unwrap().parse().unwrap();
    let back = format!("{}?{}", back.path(), back.query().unwrap());
    world.browse("GET", &back, &[("cookie", &cookie)], None).await
}

#[tokio::test]
async fn the_only_page_is_connected_by_logging_in() {
    let world = World::new().await;
    assert!(world.visit("/connections/new/facebook").await.expect(200).contains("/connections/facebook/log-in"));
    let connected = logged_in(&world).await;
    assert!(connected.leads_to().ends_with("?said=connected"), "{}", connected.leads_to());
    let connection = &world.store.connections().await.unwrap()[0];
    assert_eq!(connection.page_id(), Some(&meta_id(DEMO_PAGE)));
    let again = logged_in(&world).await;
    assert_eq!(again.leads_to(), format!("/connections/{}?said=key-replaced", connection.id));
}

#[tokio::test]
async fn of_several_pages_one_is_chosen() {
    let world = World::new().await;
    world.meta.add_page("110000000000002", "Second page");
    let choice = logged_in(&world).await.expect(200);
    assert!(choice.contains("Second page") && !choice.contains("EAAG"), "no token is shown: {choice}");
    let sealed = as_it_stands(&choice).into_iter().find(|(name, _)| name == "sealed").unwrap().1;
    let chosen = [("sealed", sealed.as_str()), ("page_id", "110000000000002")];
    let connected = world.fill("/connections/facebook/back", &chosen).await;
    assert_eq!(connected.leads_to(), "/connections/second-page?said=connected");
    let foreign = [("sealed", sealed.as_str()), ("page_id", "1")];
    world.fill("/connections/facebook/back", &foreign).await.expect(404);
}

#[rstest]
#[case("/connections/facebook/back?code=x&state=guessed", "", 409)]
#[case("/connections/facebook/back?code=x&state=", "facebook-login=", 409)]
#[case("/connections/facebook/back?code=x&state=a", "facebook-login=b", 409)]
#[case("/connections/facebook/back?error=access_denied&state=a", "facebook-login=a", 303)]
#[case("/connections/facebook/back?code=nobodys&state=a", "facebook-login=a", 502)]
#[tokio::test]
async fn a_login_that_was_not_begun_here_is_refused(#[case] path: &str, #[case] cookie: &str, #[case] expected: u16) {
    let world = World::new().await;
    assert_eq!(world.browse("GET", path, &[("cookie", cookie)], None).await.status, expected);
    assert!(world.store.connections().await.unwrap().is_empty());
}

#[tokio::test]
async fn each_step_at_meta_has_its_check() {
    let world = World::connected().await;
    let steps = world.visit("/connections/meta").await.expect(200);
    let results = world.fill("/connections/page/check", &[]).await.expect(200);
    for check in ["app_subscription", "permissions", "lead_access", "page_token", "page_subscription"] {
        assert!(steps.contains(&format!("action=\"/connections/page/check#check-{check}\"")), "{check}");
        assert!(results.contains(&format!("id=\"check-{check}\"")), "{check}");
    }
    assert!(steps.contains("/connections/facebook/back"));
}
