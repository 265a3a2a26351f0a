use jiff::Timestamp;
use serde_json::json;

/// One measured value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name in CloudWatch.
    pub name: &'static str,
    /// What the value counts.
    pub unit: Unit,
    /// The value.
    pub value: i64,
}

/// What a value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Occurrences.
    Count,
    /// Milliseconds.
    Milliseconds,
}

impl Metric {
    /// `value` occurrences.
    pub fn count(name: &'static str, value: usize) -> Self {
        Self { name, unit: Unit::Count, value: i64::try_from(value).unwrap_or(i64::MAX) }
    }

    /// A duration.
    pub fn milliseconds(name: &'static str, value: i64) -> Self {
        Self { name, unit: Unit::Milliseconds, value }
    }
}

/// Writes one line in CloudWatch's embedded metric format; nothing for no metric, and zero counts are left out.
/// Source: CloudWatch user guide, "Embedded metric format specification".
pub fn emit(function: &str, request_id: &str, now: Timestamp, metrics: &[Metric]) {
    if let Some(line) = line(function, request_id, now, metrics) {
        #[expect(clippy::print_stdout, reason = "CloudWatch reads metrics from stdout")]
        {
            println!("{line}");
        }
    }
}

fn line(function: &str, request_id: &str, now: Timestamp, metrics: &[Metric]) -> Option<serde_json::Value> {
    let told = metrics.iter().filter(|metric| metric.unit != Unit::Count || metric.value != 0).collect::<Vec<_>>();
    if told.is_empty() {
        return None;
    }
    let definitions = told.iter().map(|metric| json!({"Name": metric.name, "Unit": format!("{:?}", metric.unit)}));
    let mut line = json!({
        "timestamp": now.to_string(), "level": "INFO", "message": "metrics",
        "function": function, "request_id": request_id,
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": "RemonlineLeads", "Dimensions": [["function"]],
                "Metrics": definitions.collect::<Vec<_>>(),
            }],
        },
    });
    for metric in told {
        line[metric.name] = metric.value.into();
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_embedded_metric_and_a_log_line() {
        let metrics =
            [Metric::count("LeadsDone", 2), Metric::count("LeadsParked", 0), Metric::milliseconds("LeadToOrderMs", 0)];
        let line = line("processor", "r-1", Timestamp::UNIX_EPOCH, &metrics).unwrap();
        assert_eq!(line["LeadsDone"], 2);
        assert_eq!(line["LeadsParked"], serde_json::Value::Null);
        assert_eq!(line["LeadToOrderMs"], 0);
        let defined = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(defined["Namespace"], "RemonlineLeads");
        assert_eq!(
            defined["Metrics"],
            json!([{"Name": "LeadsDone", "Unit": "Count"}, {"Name": "LeadToOrderMs", "Unit": "Milliseconds"}])
        );
        assert_eq!(line["request_id"], "r-1");
    }

    #[test]
    fn nothing_to_tell_is_no_line() {
        assert_eq!(super::line("ingest", "r-1", Timestamp::UNIX_EPOCH, &[Metric::count("LeadsReceived", 0)]), None);
    }
}
