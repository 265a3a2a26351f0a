//! No more than three calls in any second, over all processes of an account.

use crate::wire::Company;

/// Calls that RemOnline allows in a second.
const ALLOWED: usize = 3;

/// Whether a company was called too often, by the clock that we pace by.
pub(super) fn breaches(company: &Company) -> Option<String> {
    let mut calls = company.calls();
    calls.sort_unstable();
    let too_close = calls.windows(ALLOWED + 1).find(|calls| calls[ALLOWED].duration_since(calls[0]).as_secs() < 1)?;
    Some(format!("{} was called four times in a second at {}", company.name, too_close[0]))
}
