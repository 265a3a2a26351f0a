use std::sync::Arc;

use axum::{Json, extract::State};
use domain::{
    ClientOutcome, Contact, Email, LeadSource, MaskedContact, MetaId, OrderOutcome, Phone, Reason, Slug,
    State as TransactionState, Transaction as Record, TransactionId,
};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use store::{Answers, Filter, Hasher, HistoryError};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    explain::Language,
    paging::{self, Items, Listing, Page},
    problem::Problem,
    request::{Ids, Query},
    steps::StepView,
    text::text,
};

/// The country of phone numbers that are searched without one.
pub(crate) const REGION: &str = "UA";

/// Which transactions are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Of this bundle.
    #[param(value_type = Option<String>)]
    bundle: Option<Slug>,
    /// Read or written through this connection.
    #[param(value_type = Option<String>)]
    connection: Option<Slug>,
    /// In this state.
    #[param(value_type = Option<String>)]
    state: Option<TransactionState>,
    /// For this reason.
    #[param(value_type = Option<String>)]
    reason: Option<Reason>,
    /// Of this lead, Meta's id.
    #[param(value_type = Option<String>)]
    leadgen_id: Option<MetaId>,
    /// With this phone number in any spelling; a number without a country code is one of Ukraine.
    phone: Option<String>,
    /// With this e-mail address in any case.
    email: Option<String>,
    /// Received at this time or later.
    #[serde(deserialize_with = "instant")]
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Received before this time.
    #[serde(deserialize_with = "instant")]
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

/// One bundle applied to one lead.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Transaction {
    pub(crate) bundle_id: String,
    /// The version of the bundle that is or was applied.
    pub(crate) bundle_version: u32,
    /// The lead, Meta's id.
    pub(crate) leadgen_id: String,
    /// The page, Meta's id.
    pub(crate) page_id: String,
    /// The form, Meta's id.
    pub(crate) form_id: String,
    #[schema(value_type = String)]
    pub(crate) state: TransactionState,
    /// Why it stands where it stands.
    #[schema(value_type = Option<String>, required)]
    pub(crate) reason: Option<Reason>,
    /// How the lead came to us.
    #[schema(value_type = String)]
    pub(crate) source: LeadSource,
    /// Meta's time of the lead, null until it is read.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(crate) created_at: Option<Timestamp>,
    /// When it was recorded.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) received_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) updated_at: Timestamp,
    /// When it goes on by itself.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(crate) next_at: Option<Timestamp>,
    /// The client in RemOnline.
    #[schema(required)]
    pub(crate) client_id: Option<i64>,
    #[schema(value_type = Option<String>, required)]
    pub(crate) client_outcome: Option<ClientOutcome>,
    /// The order in RemOnline.
    #[schema(required)]
    pub(crate) order_id: Option<i64>,
    #[schema(value_type = Option<String>, required)]
    pub(crate) order_outcome: Option<OrderOutcome>,
    pub(crate) contact: ContactView,
}

/// The person, masked unless revealed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Contact)]
pub(crate) struct ContactView {
    pub(crate) name: String,
    pub(crate) phone: String,
    pub(crate) email: String,
}

/// A transaction with what was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransactionDetails {
    #[serde(flatten)]
    pub(crate) transaction: Transaction,
    /// What was done, oldest first.
    pub(crate) steps: Vec<StepView>,
}

/// Whether personal data is shown.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Reveal {
    /// Shows personal data; that it was shown is logged.
    reveal: bool,
}

/// Lists transactions, the last received first.
#[utoipa::path(get, path = "/api/transactions", tag = "transactions", params(Wanted, Page),
    responses((status = OK, body = Items<Transaction>)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Listing { page, filter }: Listing<Wanted>,
) -> Result<Json<Items<Transaction>>, Problem> {
    let filter = filter.filter(&app.hasher)?;
    let found = app.store.history(&filter, page.limit(), page.cursor()).await.map_err(history_problem)?;
    let items = found.items.into_iter().map(|record| Transaction::of(record, None)).collect();
    Ok(Json(Items { items, next_cursor: found.next_cursor }))
}

/// Shows one transaction with its steps.
#[utoipa::path(get, path = "/api/transactions/{bundle_id}/{leadgen_id}", tag = "transactions",
    params(("bundle_id" = String, Path, description = "The bundle."),
           ("leadgen_id" = String, Path, description = "The lead, Meta's id."), Reveal),
    responses((status = OK, body = TransactionDetails)))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Ids((bundle_id, leadgen_id)): Ids<(Slug, MetaId)>,
    Query(Reveal { reveal }): Query<Reveal>,
    language: Language,
) -> Result<Json<TransactionDetails>, Problem> {
    let id = TransactionId { leadgen_id, bundle_id };
    Ok(Json(TransactionDetails::read(&app, &id, reveal, language).await?.0))
}

impl TransactionDetails {
    /// One transaction, with the answers while they are kept. That personal data is shown is logged.
    ///
    /// # Errors
    /// 404 when there is no such transaction.
    pub(crate) async fn read(
        app: &App,
        id: &TransactionId,
        reveal: bool,
        language: Language,
    ) -> Result<(Self, Option<Answers>), Problem> {
        let record = app.store.transaction(id).await?.ok_or_else(|| Problem::not_found(text("no-transaction")))?;
        let answers = app.store.answers(id).await?;
        if reveal {
            tracing::info!(leadgen_id = %id.leadgen_id, bundle_id = %id.bundle_id, "personal data was shown");
        }
        let steps = record.steps.iter().map(|step| StepView::of(step, answers.as_ref(), reveal, language)).collect();
        let contact = if reveal { contact(app, &record, answers.as_ref()).await? } else { None };
        Ok((Self { transaction: Transaction::of(record, contact), steps }, answers))
    }

    /// The record with its steps, nothing revealed.
    pub(crate) fn masked(record: Record, answers: Option<&Answers>, language: Language) -> Self {
        let steps = record.steps.iter().map(|step| StepView::of(step, answers, false, language)).collect();
        Self { transaction: Transaction::of(record, None), steps }
    }
}

/// The person unmasked, while the answers are kept.
async fn contact(app: &App, record: &Record, answers: Option<&Answers>) -> Result<Option<ContactView>, Problem> {
    let Some(answers) = answers else { return Ok(None) };
    let bundle = app.store.bundle_version(&record.id.bundle_id, record.bundle_version).await?;
    let region = bundle.map_or_else(|| REGION.to_owned(), |bundle| bundle.document.default_region);
    Ok(Some(Contact::of(&answers.lead, &region).into()))
}

impl Wanted {
    /// What the store looks for; phone and e-mail by keyed hash, so that it works after the answers are gone.
    ///
    /// # Errors
    /// 400 when the phone is no number or the e-mail no address.
    pub(crate) fn filter(self, hasher: &Hasher) -> Result<Filter, Problem> {
        let no_phone = || Problem::bad_query(text("query-no-phone"));
        let phone = self.phone.map(|text| Phone::parse(&text, REGION).ok_or_else(no_phone)).transpose()?;
        let no_email = || Problem::bad_query(text("query-no-email"));
        let email = self.email.map(|text| Email::parse(&text).ok_or_else(no_email)).transpose()?;
        Ok(Filter {
            bundle: self.bundle,
            connection: self.connection,
            state: self.state,
            reason: self.reason,
            leadgen_id: self.leadgen_id,
            phone_hash: phone.map(|phone| hasher.phone(phone.e164())),
            email_hash: email.map(|email| hasher.email(email.as_str())),
            from: self.from,
            to: self.to,
        })
    }
}

/// A time of a query, where the plus of an offset may have been taken for a space.
fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let parsed = text.map(|text| text.replace(' ', "+").parse()).transpose();
    parsed.map_err(|_| serde::de::Error::custom("not a time as in RFC 3339, like 2026-11-23T09:00:00Z"))
}

/// What a failed look into the history means to the caller.
pub(crate) fn history_problem(error: HistoryError) -> Problem {
    match error {
        HistoryError::Cursor => paging::no_cursor(),
        HistoryError::Store(error) => error.into(),
    }
}

impl Transaction {
    /// The record as it is shown, with the person unmasked where `contact` is given.
    pub(crate) fn of(record: Record, contact: Option<ContactView>) -> Self {
        let waits = matches!(record.state, TransactionState::Waiting);
        Self {
            bundle_id: record.id.bundle_id.into(),
            bundle_version: record.bundle_version,
            leadgen_id: record.id.leadgen_id.into(),
            page_id: record.page_id.into(),
            form_id: record.form_id.into(),
            state: record.state,
            reason: record.reason,
            source: record.source,
            created_at: record.created_at,
            received_at: record.received_at,
            updated_at: record.updated_at,
            next_at: record.due_at.filter(|_| waits),
            client_id: record.client_id,
            client_outcome: record.client_outcome,
            order_id: record.order_id,
            order_outcome: record.order_outcome,
            contact: contact.unwrap_or_else(|| record.contact.into()),
        }
    }
}

impl From<MaskedContact> for ContactView {
    fn from(contact: MaskedContact) -> Self {
        let MaskedContact { name, phone, email } = contact;
        Self { name, phone, email }
    }
}

impl From<Contact> for ContactView {
    fn from(contact: Contact) -> Self {
        let phone = contact.phone.map(|phone| phone.e164().to_owned()).or(contact.phone_as_typed);
        let email = contact.email.map(|email| email.as_str().to_owned());
        Self { name: contact.full_name, phone: phone.unwrap_or_default(), email: email.unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;
    use crate::request::query;

    fn filter(text: &str) -> Result<Filter, Problem> {
        query::<Wanted>(text)?.filter(&Hasher::with_key([7; 32]))
    }

    #[rstest]
    #[case("phone=%2B380501112233")]
    #[case("phone=+380501112233")]
    #[case("phone=0501112233")]
    #[case("phone=(050)%20111-22-33")]
    #[case("phone=380501112233")]
    fn a_phone_is_found_in_any_spelling(#[case] text: &str) {
        let expected = Hasher::with_key([7; 32]).phone("+380501112233");
        assert_eq!(filter(text).unwrap().phone_hash, Some(expected));
    }

    #[test]
    fn an_email_is_found_in_any_case() {
        let one = filter("email=Olena%40Example.com").unwrap().email_hash;
        assert!(one.is_some());
        assert_eq!(one, filter("email=olena@example.com").unwrap().email_hash);
    }

    #[test]
    fn times_may_have_an_offset() {
        let expected = Some("2026-11-23T09:00:00Z".parse().unwrap());
        assert_eq!(filter("from=2026-11-23T11:00:00%2B02:00").unwrap().from, expected);
        assert_eq!(filter("from=2026-11-23T11:00:00+02:00").unwrap().from, expected);
        assert_eq!(filter("to=2026-11-23T09:00:00Z").unwrap().to, expected);
    }

    #[rstest]
    #[case("state=finished")]
    #[case("reason=because")]
    #[case("leadgen_id=abc")]
    #[case("bundle=Not%20a%20slug")]
    #[case("phone=none")]
    #[case("email=none")]
    #[case("from=yesterday")]
    #[case("bundel=x")]
    fn what_cannot_be_looked_for_is_a_bad_query(#[case] text: &str) {
        assert_eq!(filter(text).unwrap_err().status, http::StatusCode::BAD_REQUEST);
    }
}
