use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::Value;

use super::leads::DemoLead;

/// Writes a lead's way from its webhook to its order.
pub(super) fn way(out: &mut dyn Write, lead: &DemoLead, transaction: Option<&Value>) -> io::Result<()> {
    writeln!(out, "Lead {}: {}", lead.id, lead.who)?;
    let Some(transaction) = transaction else { return writeln!(out, "  not received\n") };
    for step in transaction["steps"].as_array().into_iter().flatten() {
        let status = step["status"].as_i64().map(|status| format!("HTTP {status}")).unwrap_or_default();
        let duration = step["duration_ms"].as_i64().map(|duration| format!("{duration} ms")).unwrap_or_default();
        let line = format!("  {:<14} {:<12} {status:<9} {duration:>8}", text(&step["step"]), text(&step["outcome"]));
        writeln!(out, "{}", line.trim_end())?;
        if let Some(explanation) = step["explanation"].as_str() {
            writeln!(out, "                 {explanation}")?;
        }
    }
    writeln!(out, "  {}\n", outcome(transaction))
}

fn outcome(transaction: &Value) -> String {
    let state = text(&transaction["state"]);
    let reason = transaction["reason"].as_str().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let made = |what: &str| {
        let id = transaction[format!("{what}_id")].as_i64()?;
        Some(format!("{what} {id} {}", text(&transaction[format!("{what}_outcome")])))
    };
    let made: Vec<String> = ["client", "order"].into_iter().filter_map(made).collect();
    let made = if made.is_empty() { String::new() } else { format!(": {}", made.join(", ")) };
    let took = took(transaction).map(|seconds| format!("; {seconds:.1} s")).unwrap_or_default();
    format!("{state}{reason}{made}{took}")
}

/// Seconds from the record of the lead to its last change.
fn took(transaction: &Value) -> Option<f64> {
    let time = |name: &str| transaction[name].as_str()?.parse::<Timestamp>().ok();
    Some(time("updated_at")?.duration_since(time("received_at")?).as_secs_f64())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(
        json!({"state": "done", "reason": null, "client_id": 7, "client_outcome": "created", "order_id": 9,
            "order_outcome": "created", "received_at": "2026-11-23T10:00:00Z", "updated_at": "2026-11-23T10:00:01.3Z"}),
        "done: client 7 created, order 9 created; 1.3 s"
    )]
    #[case(json!({"state": "parked", "reason": "rejected", "client_id": 7, "client_outcome": "found"}),
        "parked (rejected): client 7 found")]
    #[case(json!({"state": "running", "reason": null}), "running")]
    fn the_last_line_says_what_came_of_it(#[case] transaction: Value, #[case] line: &str) {
        assert_eq!(outcome(&transaction), line);
    }
}
