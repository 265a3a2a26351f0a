use bytes::Bytes;
use domain::{Answer, Form, Lead, MetaId};
use http::{Request, header};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Cause, Graph, GraphError, Usage, error, wire};

/// Most calls in one batch. Source: Meta, Graph API, "Batch requests".
const BATCH: usize = 50;

const FIELDS: &str = "id,created_time,form_id,ad_id,ad_name,adset_name,campaign_name,is_organic,platform,field_data";

/// A lead as Meta tells it: it names its form without the questions, and its page not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchedLead {
    /// The lead's id.
    pub id: MetaId,
    /// The form that was filled in. Ask for it with [`Graph::form`], once for all its leads.
    pub form_id: MetaId,
    /// When the person sent the form.
    pub created_at: Timestamp,
    /// The ad, absent for organic and test leads and for those who may not see it.
    pub ad_id: Option<MetaId>,
    /// The ad's name.
    pub ad_name: Option<String>,
    /// The ad set's name.
    pub adset_name: Option<String>,
    /// The campaign's name.
    pub campaign_name: Option<String>,
    /// `fb`, `ig` or whatever Meta sends.
    pub platform: Option<String>,
    /// Whether the lead came without an ad.
    pub is_organic: bool,
    /// Every entry of `field_data`, in Meta's order.
    pub answers: Vec<Answer>,
}

#[derive(Deserialize)]
struct WireLead {
    id: wire::Id,
    form_id: wire::Id,
    #[serde(deserialize_with = "wire::time")]
    created_time: Timestamp,
    /// Old answers have `0` or `""` for none.
    ad_id: Option<Value>,
    ad_name: Option<String>,
    adset_name: Option<String>,
    campaign_name: Option<String>,
    platform: Option<String>,
    is_organic: Option<bool>,
    #[serde(default)]
    field_data: Vec<WireAnswer>,
}

#[derive(Deserialize)]
struct WireAnswer {
    name: String,
    #[serde(default)]
    values: Vec<String>,
}

/// One answer of a batch; the batch's own HTTP status says nothing about it.
#[derive(Deserialize)]
struct BatchItem {
    code: u16,
    body: String,
}

impl Graph {
    /// Reads one lead.
    /// Source: Meta, Marketing API, Lead Ads, "Retrieving" (`GET /{leadgen_id}`).
    ///
    /// # Errors
    /// Any [`GraphError`]; a lead without its form or its time is a [`GraphError::Bug`].
    pub async fn lead(&self, token: &SecretString, id: &MetaId) -> Result<FetchedLead, GraphError> {
        let lead = self.get::<WireLead>(token, id.as_str(), &[("fields", FIELDS)]).await?;
        FetchedLead::from(lead).expecting(id)
    }

    /// Reads many leads of one token, 50 in a call, in the given order. After a call that failed as a whole no
    /// other is made: the leads left share its error.
    /// Source: Meta, Graph API, "Batch requests".
    pub async fn leads(&self, token: &SecretString, ids: &[MetaId]) -> Vec<(MetaId, Result<FetchedLead, GraphError>)> {
        if let [id] = ids {
            return vec![(id.clone(), self.lead(token, id).await)];
        }
        let mut leads = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            match self.batch(token, batch).await {
                Ok(results) => leads.extend(batch.iter().cloned().zip(results)),
                Err(error) => {
                    leads.extend(ids[leads.len()..].iter().map(|id| (id.clone(), Err(error.clone()))));
                    break;
                }
            }
        }
        leads
    }

    async fn batch(
        &self,
        token: &SecretString,
        ids: &[MetaId],
    ) -> Result<Vec<Result<FetchedLead, GraphError>>, GraphError> {
        let calls = ids.iter().map(|id| json!({"method": "GET", "relative_url": format!("{id}?fields={FIELDS}")}));
        let calls = Value::from_iter(calls).to_string();
        let form = self.encode(token, &[("include_headers", "false"), ("batch", &calls)])?;
        let request = Request::post(self.address(""));
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let items = self.exchange(token, request, Bytes::from(form)).await?;
        let items = wire::read::<Vec<Option<BatchItem>>>(items, "a batch")?;
        let usage = self.usage(token);
        let answered = items.into_iter().chain(std::iter::repeat_with(|| None));
        Ok(ids.iter().zip(answered).map(|(id, item)| read_item(id, item, token, usage)).collect())
    }
}

fn read_item(
    id: &MetaId,
    item: Option<BatchItem>,
    token: &SecretString,
    usage: Usage,
) -> Result<FetchedLead, GraphError> {
    let timed_out = || GraphError::Unavailable(Cause::ours("Meta's batch timed out before this lead".to_owned()));
    let item = item.ok_or_else(timed_out)?;
    let lead = wire::read::<WireLead>(error::judge(item.code, item.body.as_bytes(), token, usage)?, id.as_str())?;
    FetchedLead::from(lead).expecting(id)
}

impl FetchedLead {
    /// The lead with its questions and its page.
    pub fn with_form(self, form: Form, page_id: MetaId) -> Lead {
        Lead {
            id: self.id,
            created_at: self.created_at,
            page_id,
            form,
            ad_id: self.ad_id,
            ad_name: self.ad_name,
            adset_name: self.adset_name,
            campaign_name: self.campaign_name,
            platform: self.platform,
            is_organic: self.is_organic,
            answers: self.answers,
        }
    }

    fn expecting(self, id: &MetaId) -> Result<Self, GraphError> {
        let other = || GraphError::Bug(Cause::ours(format!("asked for lead {id}, Meta answered another one")));
        if self.id == *id { Ok(self) } else { Err(other()) }
    }
}

impl From<WireLead> for FetchedLead {
    fn from(wire: WireLead) -> Self {
        let ad_id = wire.ad_id.and_then(|id| serde_json::from_value::<wire::Id>(id).ok()).map(|id| id.0);
        let ad_id = ad_id.filter(|id| id.as_str() != "0");
        Self {
            id: wire.id.0,
            form_id: wire.form_id.0,
            created_at: wire.created_time,
            is_organic: wire.is_organic.unwrap_or(ad_id.is_none()),
            ad_id,
            ad_name: wire.ad_name,
            adset_name: wire.adset_name,
            campaign_name: wire.campaign_name,
            platform: wire.platform,
            answers: wire.field_data.into_iter().map(|a| Answer { name: a.name, values: a.values }).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEAD: &str = "900000000000001";

    fn any_value() -> impl Strategy<Value = Value> {
        let texts = vec!["", "0", LEAD, "2026-09-21T13:33:21+0000", "tomorrow", "true"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            prop::sample::select(texts).prop_map(Value::from),
            "\\PC{0,20}".prop_map(Value::from),
        ];
        let keys = prop::sample::select(vec!["name", "values", "id"]);
        leaf.prop_recursive(3, 20, 4, move |inner| {
            let entries = prop::collection::vec((keys.clone().prop_map(str::to_owned), inner.clone()), 0..4);
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Value::from),
                entries.prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    /// A lead as Meta answers it, with some of its fields replaced by anything.
    fn any_lead() -> impl Strategy<Value = Value> {
        let field = prop::sample::select(FIELDS.split(',').collect::<Vec<_>>());
        prop::collection::vec((field, any_value()), 0..4).prop_map(|replaced| {
            let mut lead = json!({
                "id": LEAD, "created_time": "2026-09-21T13:33:21+0000", "form_id": "700000000000001", "platform": "ig",
                "field_data": [{"name": "email", "values": ["ana@example.com"]}],
            });
            for (field, value) in replaced {
                lead[field] = value;
            }
            lead
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(2_000)))]

        #[test]
        fn any_answer_is_the_lead_or_an_error_without_its_answers(code in 199..=201_u16, lead in any_lead()) {
            let id = LEAD.parse::<MetaId>().unwrap();
            let item = BatchItem { code, body: lead.to_string() };
            match read_item(&id, Some(item), &"TOKEN-1".into(), Usage::default()) {
                Ok(fetched) => {
                    prop_assert_eq!(&fetched.id, &id);
                    prop_assert!(code != 199 && fetched.ad_id.is_none_or(|ad| ad.as_str() != "0"));
                }
                Err(error) => prop_assert!(!error.to_string().contains("ana@example.com"), "{}", error),
            }
        }
    }
}
