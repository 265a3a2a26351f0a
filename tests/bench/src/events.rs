//! What Lambda hands to the functions.

use domain::{LeadgenEvent, QueueMessage};
use serde_json::{Value, json};
use simulators::meta::{DEMO_FORM, DEMO_PAGE, Notice, Shape, payload, sign};

/// A webhook of Meta about so many leads as API Gateway hands it on, signed with `secret`; the leads' ids begin at `first`.
/// Source: AWS, API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs", format 2.0.
pub(crate) fn webhook(first: u64, leads: u64, secret: &str) -> Vec<u8> {
    let created = crate::now();
    let notice = |number: u64| Notice {
        leadgen_id: (900_000_000_000_000 + number).to_string(),
        page_id: DEMO_PAGE.to_owned(),
        form_id: DEMO_FORM.to_owned(),
        ad_id: None,
        created,
    };
    let notices: Vec<Notice> = (first..first + leads).map(notice).collect();
    let body = payload(&notices, created, &Shape::default());
    let event = json!({
        "version": "2.0",
        "routeKey": "POST /facebook/webhook",
        "rawPath": "/facebook/webhook",
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "content-length": body.len().to_string(),
            "content-type": "application/json",
            "host": "abcdefghij.execute-api.eu-central-1.amazonaws.com",
            "user-agent": "facebookexternalua",
            "x-forwarded-for": "192.0.2.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
            "x-hub-signature-256": sign(secret, &body),
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdefghij",
            "domainName": "abcdefghij.execute-api.eu-central-1.amazonaws.com",
            "domainPrefix": "abcdefghij",
            "http": {
                "method": "POST", "path": "/facebook/webhook", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7",
                "userAgent": "facebookexternalua",
            },
            "requestId": format!("request-{first}"),
            "routeKey": "POST /facebook/webhook",
            "stage": "$default",
            "time": "26/Nov/2026:10:00:00 +0000",
            "timeEpoch": created.as_millisecond(),
        },
        "body": String::from_utf8_lossy(&body),
        "isBase64Encoded": false,
    });
    event.to_string().into_bytes()
}

/// These leads as the event source mapping hands them to the processor.
/// Source: AWS, Lambda developer guide, "Using Lambda with Amazon SQS".
pub(crate) fn batch(leads: &[String]) -> anyhow::Result<Vec<u8>> {
    let record = |(number, leadgen_id): (usize, &String)| -> anyhow::Result<Value> {
        let (page_id, form_id) = (DEMO_PAGE.parse()?, DEMO_FORM.parse()?);
        let message = QueueMessage::Lead(LeadgenEvent { leadgen_id: leadgen_id.parse()?, page_id, form_id });
        Ok(json!({
            "messageId": format!("00000000-0000-4000-8000-{number:012}"),
            "receiptHandle": "handle",
            "body": serde_json::to_string(&message)?,
            "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1795000000000"},
            "messageAttributes": {},
            "md5OfBody": "00000000000000000000000000000000",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:remonline-leads-leads",
            "awsRegion": "us-east-1",
        }))
    };
    let records = leads.iter().enumerate().map(record).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(json!({ "Records": records }).to_string().into_bytes())
}
