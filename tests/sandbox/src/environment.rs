//! The environment of a function's process. Nothing of the sandbox's own comes through but what is named here.

use std::collections::BTreeMap;

use crate::aws::{Aws, STACK};
use crate::template::Function;

/// Variables of the sandbox's own environment that reach the functions. The addresses of the two systems are not
/// among them: whoever starts a simulator must not write to the real one.
const PASSED_ON: [&str; 8] = [
    "LEAD_DATA_RETENTION_DAYS",
    "LOG_LEVEL",
    "OIDC_CLIENT_ID",
    "OIDC_ISSUER",
    "REMONLINE_MIN_INTERVAL_MS",
    "RUST_BACKTRACE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
];

/// The variables of `function`, `own` being those of the sandbox's own process.
pub(crate) fn of_function(
    function: &Function,
    aws: &Aws,
    own: impl Iterator<Item = (String, String)>,
) -> BTreeMap<String, String> {
    let mut environment = function.environment.clone();
    environment.extend(lambda(function));
    environment.extend(aws.environment(&function.name));
    environment.extend(own.filter(|(name, _)| PASSED_ON.contains(&name.as_str())));
    environment
}

/// The variables that Lambda itself sets ("Defined runtime environment variables" in the Lambda guide).
fn lambda(function: &Function) -> [(String, String); 7] {
    let name = format!("{STACK}-{}", function.name);
    [
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_size.to_string()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "sandbox".to_owned()),
        ("_HANDLER", "bootstrap".to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", name),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}
