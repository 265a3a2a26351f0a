//! The form in which a bundle is filled in: every field with what it can be filled from.

use ::connections::{List, Lists};
use domain::{Connection, Form, MetaId, Question};
use facebook::graph::GraphError;
use remonline::{Choice, ChoiceId};
use serde_json::{Value, json};

use super::{
    fields::{CLIENT, Input, ORDER, SHOWN},
    sent::TEXT,
};
use crate::{
    app::App, connections, explain::Language, failure::graph_problem, pages::Reader, problem::Problem, text::text,
};

/// What a bundle's fields can be filled from.
#[derive(Debug)]
pub(super) struct Sources {
    form: Option<Form>,
    branches: Vec<Choice>,
    order_types: Vec<Choice>,
    statuses: Vec<Choice>,
    employees: Vec<Choice>,
    campaigns: Vec<Choice>,
    client_fields: Vec<Choice>,
    order_fields: Vec<Choice>,
}

/// One field on the page.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// The place in the document.
    pub(crate) pointer: String,
    pub(crate) label: String,
    pub(crate) options: Vec<Opt>,
    /// What stands in the text field.
    pub(crate) text: String,
    /// What an update does to the field, for those of a client card.
    pub(crate) on_update: Option<OnUpdate>,
}

/// What an update does to a field.
#[derive(Debug)]
pub(crate) struct OnUpdate {
    pub(crate) name: String,
    pub(crate) options: Vec<Opt>,
}

/// One entry of a drop-down.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opt {
    pub(crate) value: String,
    pub(crate) title: String,
    pub(crate) is_chosen: bool,
}

/// The rows of a card or an order: those shown at once, and the rest.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) first: Vec<Row>,
    pub(crate) more: Vec<Row>,
}

impl Sources {
    /// Asks both systems what there is.
    ///
    /// # Errors
    /// 404 when a connection is gone; 502 or 503 when a system does not answer.
    pub(super) async fn read(app: &App, document: &Value, language: Language) -> Result<Self, Problem> {
        let id = |place: &str| document.pointer(place).and_then(Value::as_str).and_then(|id| id.parse().ok());
        let find = async |place: &str| match id(place) {
            Some(id) => connections::find(app, &id).await,
            None => Err(Problem::not_found(text("no-connection"))),
        };
        let form = form(app, &find("/source/connection").await?, document, language).await?;
        let client = find("/client/connection").await?;
        let account = client.account().ok_or_else(|| crate::app::not_remonline(&client))?.id.clone();
        let remonline = app.remonline(&client).await?;
        remonline.pacer().expect(7);
        let mut lists = Lists::new(&remonline);
        let mut read = async |list: List| match lists.get(list).await {
            Ok(choices) => Ok(choices.to_vec()),
            // Campaigns are not part of v2 and may disappear.
            Err(remonline::Error::NotFound(_)) => Ok(Vec::new()),
            Err(error) => Err(app.remonline_failed(&account, &error, language).await),
        };
        Ok(Self {
            form,
            branches: read(List::Branches).await?,
            order_types: read(List::OrderTypes).await?,
            statuses: read(List::Statuses).await?,
            employees: read(List::Employees).await?,
            campaigns: read(List::Campaigns).await?,
            client_fields: read(List::ClientFields).await?,
            order_fields: read(List::OrderFields).await?,
        })
    }

    /// The form's name, as Meta has it.
    pub(super) fn form_name(&self) -> Option<&str> {
        self.form.as_ref().map(|form| form.name.as_str())
    }

    pub(super) fn questions(&self) -> &[Question] {
        self.form.as_ref().map(|form| form.questions.as_slice()).unwrap_or_default()
    }

    /// What most shops want of this form, to begin with.
    pub(super) fn recommended(&self, source: &str, form_id: &str, client: &str) -> Value {
        let asks = |kinds: &[&str]| self.questions().iter().any(|question| kinds.contains(&question.kind.as_str()));
        let named = self.form.is_none() || asks(&["FULL_NAME", "FIRST_NAME"]);
        let first_name = if named { "{{ contact.first_name }}" } else { "Facebook" };
        let mut fields = json!({
            "first_name": first_name, "last_name": "{{ contact.last_name }}", "phone": "{{ contact.phone }}",
            "email": "{{ contact.email }}", "notes": "Facebook: {{ lead.form_name }}",
        });
        if let [campaign] = self.campaigns.as_slice() {
            fields["ad_campaign_id"] = json!(campaign.id);
        }
        let own: Vec<_> = self.questions().iter().filter(|question| question.kind == "CUSTOM").collect();
        let malfunction = own.iter().map(|question| answer(&question.key)).collect::<Vec<_>>().join("\n");
        let only = |choices: &[Choice]| if let [only] = choices { json!(only.id) } else { Value::Null };
        let title = self.form_name().unwrap_or_default();
        json!({
            "title": title, "test_leads": "skip", "default_region": "UA", "timezone": "Europe/Kyiv",
            "source": {"connection": source, "form_id": form_id},
            "client": {"connection": client, "fields": fields, "duplicates":
                {"match_on": ["phone", "email"], "match": "any", "mode": "update_or_create", "on_update": {"notes": "append"}}},
            "order": {"fields": {"branch_id": only(&self.branches), "order_type_id": only(&self.order_types),
                "malfunction": malfunction}, "duplicates": {"mode": "create_always"}},
        })
    }

    /// The fields of the client card.
    pub(super) fn client(&self, document: &Value, reader: &Reader) -> Rows {
        let row = |(name, input): &(&str, Input)| {
            let place = format!("client.fields.{name}");
            let row = self.row(document, &place, reader.say(&format!("client-field-{name}")), *input, reader);
            Row { on_update: Some(on_update(document, name, reader)), ..row }
        };
        let own = self.client_fields.iter().filter_map(|field| {
            let key = key(field)?;
            let row = self.own_row(document, "client", field, reader)?;
            Some(Row { on_update: Some(on_update(document, key, reader)), ..row })
        });
        split(CLIENT.iter().map(row).collect(), own.collect())
    }

    /// The fields of the order.
    pub(super) fn order(&self, document: &Value, reader: &Reader) -> Rows {
        let row = |(name, input): &(&str, Input)| {
            self.row(
                document,
                &format!("order.fields.{name}"),
                reader.say(&format!("order-field-{name}")),
                *input,
                reader,
            )
        };
        let own = self.order_fields.iter().filter_map(|field| self.own_row(document, "order", field, reader));
        split(ORDER.iter().map(row).collect(), own.collect())
    }

    /// A field of the account's own.
    fn own_row(&self, document: &Value, part: &str, field: &Choice, reader: &Reader) -> Option<Row> {
        let name = format!("{part}.fields.custom_fields.{}", key(field)?);
        Some(self.row(document, &name, field.title.clone(), Input::Answer, reader))
    }

    fn row(&self, document: &Value, name: &str, label: String, input: Input, reader: &Reader) -> Row {
        let pointer = format!("/{}", name.replace('.', "/"));
        let value = document.pointer(&pointer).map(text_of).unwrap_or_default();
        let mut options = vec![(String::new(), reader.say("leave-empty"))];
        options.extend(match input {
            Input::Answer => self.answers(reader),
            Input::Choice(list) => {
                self.choices(list).iter().map(|choice| (text_of(&json!(choice.id)), choice.title.clone())).collect()
            }
            Input::Flag => vec![("true".to_owned(), reader.say("yes")), ("false".to_owned(), reader.say("no"))],
        });
        options.push((
            TEXT.to_owned(),
            reader.say(if input == Input::Answer { "text-or-expression" } else { "expression" }),
        ));
        let known = options.iter().any(|(option, _)| *option == value);
        let chosen = if known { value.as_str() } else { TEXT };
        let text = if known { String::new() } else { value.clone() };
        let options =
            options.into_iter().map(|(value, title)| Opt { is_chosen: value == chosen, value, title }).collect();
        Row { name: name.to_owned(), pointer, label, options, text, on_update: None }
    }

    /// What a text can be filled from: the person, the form's questions, the lead.
    fn answers(&self, reader: &Reader) -> Vec<(String, String)> {
        let contact = ["first_name", "last_name", "full_name", "phone", "email"];
        let contact = contact.map(|name| (format!("{{{{ contact.{name} }}}}"), reader.say(&format!("contact-{name}"))));
        let questions = self
            .questions()
            .iter()
            .map(|it| (answer(&it.key), reader.say_with("answer-to", "question", it.label.as_str())));
        let lead = ["form_name", "campaign_name", "ad_name", "platform", "id"];
        let lead = lead.map(|name| (format!("{{{{ lead.{name} }}}}"), reader.say(&format!("lead-{name}"))));
        contact.into_iter().chain(questions).chain(lead).collect()
    }

    fn choices(&self, list: List) -> &[Choice] {
        match list {
            List::Branches => &self.branches,
            List::OrderTypes => &self.order_types,
            List::Statuses => &self.statuses,
            List::Employees => &self.employees,
            List::Campaigns => &self.campaigns,
            List::ClientFields => &self.client_fields,
            List::OrderFields => &self.order_fields,
        }
    }
}

/// The form that the document names; none for every form of a page.
async fn form(app: &App, source: &Connection, document: &Value, language: Language) -> Result<Option<Form>, Problem> {
    let form_id = document.pointer("/source/form_id").and_then(Value::as_str).unwrap_or_default();
    let Ok(form_id) = form_id.parse::<MetaId>() else { return Ok(None) };
    match app.systems.graph.form(&app.secret(source).await?, &form_id).await {
        Ok(form) => Ok(Some(form)),
        Err(GraphError::NotFound(_)) => Ok(None),
        Err(error) => Err(graph_problem(&error, language)),
    }
}

/// The template that stands for the answer to a question.
pub(super) fn answer(key: &str) -> String {
    let quoted = key.replace('\\', "\\\\").replace('\'', "\\'");
    format!("{{{{ answers['{quoted}'] }}}}")
}

/// A value as a form shows it.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn key(field: &Choice) -> Option<&str> {
    match &field.id {
        ChoiceId::Field(key) => Some(key),
        ChoiceId::Number(_) => None,
    }
}

fn on_update(document: &Value, field: &str, reader: &Reader) -> OnUpdate {
    let chosen = document.pointer(&format!("/client/duplicates/on_update/{field}")).map(text_of);
    let chosen = chosen.unwrap_or_else(|| "overwrite".to_owned());
    let option = |value: &str| Opt {
        value: value.to_owned(),
        title: reader.say(&format!("on-update-{value}")),
        is_chosen: value == chosen,
    };
    OnUpdate {
        name: format!("client.duplicates.on_update.{field}"),
        options: ["overwrite", "fill", "append", "keep"].map(option).into(),
    }
}

/// The first ones, and those that are filled in or the account's own, are shown at once.
fn split(listed: Vec<Row>, own: Vec<Row>) -> Rows {
    let is_filled = |row: &Row| row.options.iter().any(|option| option.is_chosen && !option.value.is_empty());
    let (first, more): (Vec<_>, Vec<_>) =
        listed.into_iter().enumerate().partition(|(index, row)| *index < SHOWN || is_filled(row));
    let rows = |rows: Vec<(usize, Row)>| rows.into_iter().map(|(_, row)| row);
    Rows { first: rows(first).chain(own).collect(), more: rows(more).collect() }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    #[test]
    fn a_question_may_have_any_key() {
        assert_eq!(answer("what_is_broken?"), "{{ answers['what_is_broken?'] }}");
        assert_eq!(answer("what's \\ that"), r"{{ answers['what\'s \\ that'] }}");
    }
}
