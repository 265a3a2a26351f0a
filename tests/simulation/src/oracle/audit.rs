//! What the product's own audit says, which must agree with us.

use crate::world::World;

/// Every finding is an alarm: where nothing was doubled or lost there must be none.
pub(super) async fn breaches(world: &World) -> Vec<String> {
    let findings = world.store.findings().await.expect("rows in memory");
    let told = findings
        .iter()
        .map(|finding| format!("the audit found {} {:?} of {}", finding.kind.name(), finding.ids, finding.transaction));
    told.collect()
}
