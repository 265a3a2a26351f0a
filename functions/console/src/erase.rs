//! People who want to be forgotten.

use std::{collections::BTreeSet, sync::Arc};

use axum::{Json, extract::State};
use domain::{Email, MetaId, Phone, TransactionId};
use serde::{Deserialize, Serialize};
use store::{Hasher, Subject};
use utoipa::ToSchema;

use crate::{
    app::App,
    problem::{PROBLEM_JSON, Problem, ProblemDetails},
    request::Body,
    text::{Text, text},
    transactions::REGION,
};

/// Who is to be forgotten: exactly one of these.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whom {
    /// A phone number in any spelling; a number without a country code is one of Ukraine.
    phone: Option<String>,
    /// An e-mail address in any case.
    email: Option<String>,
    /// A lead, Meta's id.
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,20}$")]
    leadgen_id: Option<MetaId>,
}

/// What was forgotten, and what is left to do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Forgotten {
    /// Nothing of the person is left in these.
    pub(crate) erased: Vec<LeadOfBundle>,
    /// These are being worked on, and are erased when their step ends.
    pub(crate) pending: Vec<LeadOfBundle>,
    /// What stays in RemOnline until it is deleted there.
    pub(crate) remonline: Left,
}

/// One bundle applied to one lead.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeadOfBundle {
    pub(crate) bundle_id: String,
    /// The lead, Meta's id.
    pub(crate) leadgen_id: String,
}

/// What RemOnline has of a person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Left {
    pub(crate) client_ids: BTreeSet<i64>,
    pub(crate) order_ids: BTreeSet<i64>,
}

/// Forgets a person: answers and contact are removed, and the person's leads never come back. What RemOnline has is
/// listed and stays.
#[utoipa::path(post, path = "/api/erase", tag = "transactions", request_body = Whom,
    responses((status = OK, body = Forgotten),
              (status = UNPROCESSABLE_ENTITY, description = "Not exactly one person is named.", body = ProblemDetails,
               content_type = PROBLEM_JSON)))]
pub(crate) async fn erase(State(app): State<Arc<App>>, Body(whom): Body<Whom>) -> Result<Json<Forgotten>, Problem> {
    let erased = app.store.erase(whom.subject(&app.hasher)?, app.clock.now()).await?;
    tracing::info!(erased = erased.erased.len(), pending = erased.pending.len(), "a person is forgotten");
    let named = |ids: Vec<TransactionId>| ids.into_iter().map(LeadOfBundle::from).collect();
    Ok(Json(Forgotten {
        erased: named(erased.erased),
        pending: named(erased.pending),
        remonline: Left { client_ids: erased.client_ids, order_ids: erased.order_ids },
    }))
}

impl Whom {
    /// # Errors
    /// 422 when not exactly one is given, or it is not what it should be.
    fn subject(self, hasher: &Hasher) -> Result<Subject, Problem> {
        match (self.phone, self.email, self.leadgen_id) {
            (Some(phone), None, None) => {
                let phone = Phone::parse(&phone, REGION).ok_or_else(|| blame("/phone", text("no-phone")))?;
                Ok(Subject::Phone(hasher.phone(phone.e164())))
            }
            (None, Some(email), None) => {
                let email = Email::parse(&email).ok_or_else(|| blame("/email", text("no-email")))?;
                Ok(Subject::Email(hasher.email(email.as_str())))
            }
            (None, None, Some(lead)) => Ok(Subject::Lead(lead)),
            _ => Err(blame("", text("exactly-one-person"))),
        }
    }
}

fn blame(pointer: &str, fault: Text) -> Problem {
    Problem::invalid_field(pointer, fault)
}

impl From<TransactionId> for LeadOfBundle {
    fn from(id: TransactionId) -> Self {
        Self { bundle_id: id.bundle_id.into(), leadgen_id: id.leadgen_id.into() }
    }
}
