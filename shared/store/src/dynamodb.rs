use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, ConditionCheck, Delete, KeysAndAttributes, Put, TransactWriteItem},
};

use crate::database::{
    Condition, Database, Index, Item, Key, Order, PARTITION, Query, SORT, Table, Test, Unavailable, Write, WriteError,
};

/// How many rows DynamoDB gives at once.
const BATCH: usize = 100;
/// How often what DynamoDB puts off is tried: rows left out of a batch, writes of rows that a transaction of somebody else
/// is about to write, writes beyond a table's capacity. Of these the SDK repeats at most the last, and that not for long.
const TRIES: u32 = 8;

/// The names of the tables as they are deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableNames {
    /// Of `Table::Connections`.
    pub connections: String,
    /// Of `Table::Bundles`.
    pub bundles: String,
    /// Of `Table::Dedup`.
    pub dedup: String,
    /// Of `Table::Transactions`.
    pub transactions: String,
}

impl TableNames {
    /// Asks `required` for each of the variables that name the tables.
    ///
    /// # Errors
    /// The first that `required` gives.
    pub fn read<E>(required: impl Fn(&'static str) -> Result<String, E>) -> Result<Self, E> {
        Ok(Self {
            connections: required("CONNECTIONS_TABLE")?,
            bundles: required("BUNDLES_TABLE")?,
            dedup: required("DEDUP_TABLE")?,
            transactions: required("TRANSACTIONS_TABLE")?,
        })
    }
}

/// Rows in DynamoDB. The SDK repeats what failed in passing; several writes carry its token, by which DynamoDB
/// recognises a repetition.
#[derive(Debug, Clone)]
pub struct DynamoDb {
    client: Client,
    tables: TableNames,
}

type Attributes = HashMap<String, AttributeValue>;

impl DynamoDb {
    /// Rows in these tables.
    pub fn new(client: Client, tables: TableNames) -> Self {
        Self { client, tables }
    }

    fn name(&self, table: Table) -> &str {
        match table {
            Table::Connections => &self.tables.connections,
            Table::Bundles => &self.tables.bundles,
            Table::Dedup => &self.tables.dedup,
            Table::Transactions => &self.tables.transactions,
        }
    }

    /// One answer to a query: DynamoDB stops at 1 MB, and says where to go on.
    async fn query_from(
        &self,
        query: &Query,
        start: Option<Attributes>,
        limit: usize,
    ) -> Result<(Vec<Attributes>, Option<Attributes>), Refusal<Unavailable>> {
        let (condition, values) = key_condition(query);
        let (partition, sort) = query.index.map_or((PARTITION, SORT), |index| (index.partition(), Index::SORT));
        let names = condition.contains("#sort").then(|| ("#sort".to_owned(), sort.to_owned()));
        let request = self.client.query().table_name(self.name(query.table));
        let request = request.set_index_name(query.index.map(|index| index.name().to_owned()));
        let request =
            request.consistent_read(query.index.is_none()).scan_index_forward(query.order == Order::Ascending);
        let request = request.key_condition_expression(condition).set_expression_attribute_values(Some(values));
        let names = names.into_iter().chain([("#partition".to_owned(), partition.to_owned())]).collect();
        let request = request.set_expression_attribute_names(Some(names)).set_exclusive_start_key(start);
        let answer = request.set_limit(i32::try_from(limit).ok()).send().await.map_err(|error| unread(&error))?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }

    /// Up to [`BATCH`] different rows, by key.
    async fn get_batch(&self, table: Table, keys: &[&Key]) -> Result<HashMap<Key, Item>, Unavailable> {
        let mut found = HashMap::new();
        let mut missing = Some(wanted(keys)?);
        for tried in 0..TRIES {
            let Some(wanted) = missing else { return Ok(found) };
            pause(tried).await;
            let answer = patiently(|| async {
                let request = self.client.batch_get_item().request_items(self.name(table), wanted.clone());
                request.send().await.map_err(|error| unread(&error))
            });
            let answer = answer.await?;
            for attributes in answer.responses.into_iter().flatten().flat_map(|(_, rows)| rows) {
                let item = to_item(attributes)?;
                found.extend(Key::of(&item).map(|key| (key, item)));
            }
            missing = answer.unprocessed_keys.into_iter().flatten().map(|(_, keys)| keys).next();
        }
        Err(Unavailable("DynamoDB keeps leaving rows out of its answers".to_owned()))
    }

    async fn write_one(&self, write: &Write) -> Result<(), Refusal<WriteError>> {
        let (Write::Put { table, condition, .. }
        | Write::Delete { table, condition, .. }
        | Write::Check { table, condition, .. }) = write;
        let table = self.name(*table);
        let Expression { text, names, values } = Expression::of(condition)?;
        match write {
            Write::Put { item, .. } => {
                let request = self.client.put_item().table_name(table).set_item(Some(to_attributes(item)?));
                let request = request.set_condition_expression(text).set_expression_attribute_names(names);
                let sent = request.set_expression_attribute_values(values).send().await;
                sent.map(drop).map_err(|error| refused(&error))
            }
            Write::Delete { key, .. } => {
                let request = self.client.delete_item().table_name(table).set_key(Some(key_attributes(key)));
                let request = request.set_condition_expression(text).set_expression_attribute_names(names);
                let sent = request.set_expression_attribute_values(values).send().await;
                sent.map(drop).map_err(|error| refused(&error))
            }
            Write::Check { .. } => self.write_all(std::slice::from_ref(write)).await,
        }
    }

    async fn write_all(&self, writes: &[Write]) -> Result<(), Refusal<WriteError>> {
        let items = writes.iter().map(|write| self.transact_item(write)).collect::<Result<Vec<_>, _>>()?;
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        sent.map(drop).map_err(|error| cancelled(&error))
    }

    fn transact_item(&self, write: &Write) -> Result<TransactWriteItem, Unavailable> {
        let item = TransactWriteItem::builder();
        Ok(match write {
            Write::Put { table, item: row, condition } => {
                let Expression { text, names, values } = Expression::of(condition)?;
                let put = Put::builder().table_name(self.name(*table)).set_item(Some(to_attributes(row)?));
                let put = put.set_condition_expression(text).set_expression_attribute_names(names);
                item.put(put.set_expression_attribute_values(values).build().map_err(malformed)?)
            }
            Write::Delete { table, key, condition } => {
                let Expression { text, names, values } = Expression::of(condition)?;
                let delete = Delete::builder().table_name(self.name(*table)).set_key(Some(key_attributes(key)));
                let delete = delete.set_condition_expression(text).set_expression_attribute_names(names);
                item.delete(delete.set_expression_attribute_values(values).build().map_err(malformed)?)
            }
            Write::Check { table, key, condition } => {
                let Expression { text, names, values } = Expression::of(condition)?;
                let check = ConditionCheck::builder().table_name(self.name(*table)).set_key(Some(key_attributes(key)));
                let check = check.set_condition_expression(text).set_expression_attribute_names(names);
                item.condition_check(check.set_expression_attribute_values(values).build().map_err(malformed)?)
            }
        }
        .build())
    }
}

#[async_trait]
impl Database for DynamoDb {
    async fn get(&self, table: Table, key: &Key) -> Result<Option<Item>, Unavailable> {
        let answer = patiently(|| async {
            let request = self.client.get_item().table_name(self.name(table)).consistent_read(true);
            request.set_key(Some(key_attributes(key))).send().await.map_err(|error| unread(&error))
        });
        answer.await?.item.map(to_item).transpose()
    }

    async fn get_many(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Item>>, Unavailable> {
        let different: Vec<&Key> = keys.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut found = HashMap::new();
        for batch in different.chunks(BATCH) {
            found.extend(self.get_batch(table, batch).await?);
        }
        Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
    }

    async fn query(&self, query: &Query) -> Result<Vec<Item>, Unavailable> {
        let sort = query.index.map_or(SORT, |_| Index::SORT);
        let mut found = Vec::new();
        let mut start = None;
        while !query.is_empty() && found.len() < query.limit {
            let limit = query.limit - found.len();
            let rows = patiently(|| self.query_from(query, start.clone(), limit));
            let (rows, last) = rows.await?;
            for item in rows.into_iter().map(to_item) {
                let item = item?;
                let is_end = item.get(sort).and_then(serde_json::Value::as_str) == query.to.as_deref();
                found.extend((!is_end).then_some(item)); // BETWEEN includes its end
            }
            start = last;
            if start.is_none() {
                break;
            }
        }
        Ok(found)
    }

    async fn write(&self, writes: &[Write]) -> Result<(), WriteError> {
        patiently(|| async {
            match writes {
                [write] => self.write_one(write).await,
                writes => self.write_all(writes).await,
            }
        })
        .await
    }
}

/// Why DynamoDB did not do something.
enum Refusal<E> {
    /// Nothing was done, try again: a transaction of somebody else is writing one of the rows, or the table's capacity is
    /// used up.
    Busy,
    Final(E),
}

impl From<Unavailable> for Refusal<Unavailable> {
    fn from(error: Unavailable) -> Self {
        Self::Final(error)
    }
}

impl From<Unavailable> for Refusal<WriteError> {
    fn from(error: Unavailable) -> Self {
        Self::Final(error.into())
    }
}

/// Tries until DynamoDB is not busy.
async fn patiently<T, E: From<Unavailable>, F>(attempt: impl Fn() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, Refusal<E>>>,
{
    for tried in 0..TRIES {
        pause(tried).await;
        match attempt().await {
            Err(Refusal::Busy) => {}
            Err(Refusal::Final(error)) => return Err(error),
            Ok(done) => return Ok(done),
        }
    }
    Err(Unavailable("DynamoDB stays busy: rows are being written, or a table's capacity is used up".to_owned()).into())
}

async fn pause(tried: u32) {
    if tried > 0 {
        tokio::time::sleep(Duration::from_millis(10 << tried)).await;
    }
}

/// A condition in DynamoDB's language. Names are always written as `#0`, because some of ours are reserved words.
#[derive(Default)]
struct Expression {
    text: Option<String>,
    names: Option<HashMap<String, String>>,
    values: Option<Attributes>,
}

impl Expression {
    fn of(condition: &Condition) -> Result<Self, Unavailable> {
        let (Condition::All(tests) | Condition::Any(tests)) = condition;
        let (mut texts, mut names, mut values) = (Vec::new(), HashMap::new(), HashMap::new());
        for (number, test) in tests.iter().enumerate() {
            let (Test::Missing(name) | Test::Equals(name, _)) = test;
            names.insert(format!("#{number}"), (*name).to_owned());
            texts.push(match test {
                Test::Missing(_) => format!("attribute_not_exists(#{number})"),
                Test::Equals(_, value) => {
                    let value = serde_dynamo::to_attribute_value(value).map_err(malformed)?;
                    values.insert(format!(":{number}"), value);
                    format!("#{number} = :{number}")
                }
            });
        }
        let joined = texts.join(if matches!(condition, Condition::All(_)) { " AND " } else { " OR " });
        let (text, names) = if texts.is_empty() { (None, None) } else { (Some(joined), Some(names)) };
        Ok(Self { text, names, values: Some(values).filter(|values| !values.is_empty()) })
    }
}

/// The range of a query. DynamoDB knows no `>= AND <`, only BETWEEN, which includes both ends.
fn key_condition(query: &Query) -> (String, Attributes) {
    let range = match (&query.from, &query.to) {
        (None, None) => "",
        (Some(_), None) => " AND #sort >= :from",
        (None, Some(_)) => " AND #sort < :to",
        (Some(_), Some(_)) => " AND #sort BETWEEN :from AND :to",
    };
    let bounds = [(":from", &query.from), (":to", &query.to)];
    let bounds = bounds.into_iter().filter_map(|(name, bound)| Some((name, bound.clone()?)));
    let values = bounds.chain([(":partition", query.partition.clone())]);
    let values = values.map(|(name, value)| (name.to_owned(), AttributeValue::S(value))).collect();
    (format!("#partition = :partition{range}"), values)
}

fn wanted(keys: &[&Key]) -> Result<KeysAndAttributes, Unavailable> {
    let keys = keys.iter().map(|key| key_attributes(key)).collect();
    KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build().map_err(malformed)
}

fn key_attributes(key: &Key) -> Attributes {
    let attributes = [(PARTITION, &key.partition), (SORT, &key.sort)];
    attributes.into_iter().map(|(name, value)| (name.to_owned(), AttributeValue::S(value.clone()))).collect()
}

fn to_attributes(item: &Item) -> Result<Attributes, Unavailable> {
    serde_dynamo::to_item(item).map_err(malformed)
}

fn to_item(attributes: Attributes) -> Result<Item, Unavailable> {
    serde_dynamo::from_item(attributes).map_err(malformed)
}

/// What DynamoDB cannot express. The reason is left out: it could repeat what is in the row.
fn malformed<E>(_: E) -> Unavailable {
    Unavailable("a row cannot be written in DynamoDB's form".to_owned())
}

/// Names the failure by its code alone: the answer to a refused write repeats the row.
fn unavailable<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Unavailable {
    let code = error.code().map(str::to_owned);
    Unavailable(code.unwrap_or_else(|| format!("no answer of DynamoDB ({error})")))
}

fn unread<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Refusal<Unavailable> {
    if is_throttled(error) { Refusal::Busy } else { unavailable(error).into() }
}

fn refused<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Refusal<WriteError> {
    match error.code() {
        Some("ConditionalCheckFailedException") => Refusal::Final(WriteError::Conflict { which: 0 }),
        Some("TransactionConflictException") => Refusal::Busy,
        _ if is_throttled(error) => Refusal::Busy,
        _ => unavailable(error).into(),
    }
}

/// Whether a table's capacity is used up. Source: AWS, DynamoDB developer guide, "Error handling with DynamoDB".
fn is_throttled<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    matches!(error.code(), Some("ProvisionedThroughputExceededException" | "ThrottlingException"))
}

/// A condition that does not hold counts more than a row that cannot be written now.
/// Source: AWS, DynamoDB API reference, `TransactWriteItems`, `CancellationReasons`.
fn cancelled<R>(error: &SdkError<TransactWriteItemsError, R>) -> Refusal<WriteError> {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return unavailable(error).into();
    };
    let reasons = cancelled.cancellation_reasons();
    let first = |code: &str| reasons.iter().position(|reason| reason.code() == Some(code));
    let put_off =
        |code: &str| ["TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"].contains(&code);
    match first("ConditionalCheckFailed") {
        Some(which) => Refusal::Final(WriteError::Conflict { which }),
        None if reasons.iter().filter_map(|reason| reason.code()).any(put_off) => Refusal::Busy,
        None => unavailable(error).into(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{CancellationReason, error::TransactionCanceledException};
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::second_condition(&["None", "ConditionalCheckFailed", "ConditionalCheckFailed"], "conflict 1")]
    #[case::a_condition_counts_more(&["TransactionConflict", "ConditionalCheckFailed"], "conflict 1")]
    #[case::somebody_else_writes(&["None", "TransactionConflict"], "busy")]
    #[case::too_fast(&["ThrottlingError", "None"], "busy")]
    #[case::too_much(&["None", "ProvisionedThroughputExceeded"], "busy")]
    #[case::nonsense(&["ValidationError", "None"], "unavailable")]
    fn a_cancelled_transaction_says_why(#[case] codes: &[&str], #[case] expected: &str) {
        let reasons = codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect();
        let cancelled = TransactionCanceledException::builder().set_cancellation_reasons(Some(reasons)).build();
        let error = SdkError::service_error(TransactWriteItemsError::TransactionCanceledException(cancelled), ());
        let meaning = match super::cancelled(&error) {
            Refusal::Busy => "busy".to_owned(),
            Refusal::Final(WriteError::Conflict { which }) => format!("conflict {which}"),
            Refusal::Final(WriteError::Unavailable(_)) => "unavailable".to_owned(),
        };
        assert_eq!(meaning, expected);
    }
}
