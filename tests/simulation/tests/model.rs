//! The write-once protocol holds, and each of its pieces is needed.

use pretty_assertions::assert_eq;
use rstest::rstest;
use simulation::model::{
    Findings, NO_LEASE, Protocol, Reachable,
    Safeguard::{self, *},
    properties::{ONE_CLIENT, ONE_ORDER},
};
use stateright::{Checker, HasDiscoveries, Model};

fn found(protocol: Protocol<2>, threads: usize, until: HasDiscoveries) -> Findings {
    Findings::of(&protocol.checker().threads(threads).finish_when(until).spawn_bfs().join())
}

#[test]
fn two_leads_of_a_new_person_become_one_client_and_two_orders() {
    let findings = found(Protocol::whole(), 2, HasDiscoveries::AnyFailures);
    assert!(findings.are_good(), "{findings:#?}");
    assert_eq!(findings.states, 1_057_134, "the model is another one: look at its bounds, then at this figure");
}

#[test]
fn whatever_happened_there_is_a_way_to_the_end_without_a_mishap() {
    let reachable = Reachable::of(&Protocol::<2> { lease: 1, max_attempts: 2, ..Protocol::whole() });
    let stranded = reachable.stranded().next();
    assert!(stranded.is_none(), "{stranded:#?}");
}

/// Section 2.6 of the reliability page, in its order, then the pieces that it does not name.
#[rstest]
#[case::no_quiet_period(&[QuietPeriod], &[ONE_CLIENT, ONE_ORDER])]
#[case::stale_search(&[FreshSearch], &[ONE_CLIENT, ONE_ORDER])]
#[case::intent_without_look_up(&[LookUp], &[ONE_CLIENT, ONE_ORDER])]
#[case::no_lease(&NO_LEASE, &[ONE_CLIENT, ONE_ORDER])]
#[case::paused_past_the_lease_before_sending(&[SendMargin], &[ONE_CLIENT, ONE_ORDER])]
#[case::plain_retry(&[Doubt], &[ONE_CLIENT, ONE_ORDER])]
#[case::no_intent(&[Intent], &[ONE_CLIENT, ONE_ORDER])]
#[case::one_miss_is_enough(&[SecondMiss], &[ONE_CLIENT, ONE_ORDER])]
#[case::quiet_period_from_the_intent(&[LeaseEnd], &[ONE_CLIENT, ONE_ORDER])]
#[case::nobody_claims_the_person(&[Claim], &[ONE_CLIENT])]
#[case::neither_fence_nor_revision(&[Fence, Revision], &[ONE_CLIENT, ONE_ORDER])]
fn a_weakened_protocol_doubles(#[case] pieces: &[Safeguard], #[case] doubled: &[&'static str]) {
    let findings = found(Protocol::without(pieces), 1, HasDiscoveries::AllOf(doubled.iter().copied().collect()));
    for property in doubled {
        assert!(findings.broken.contains_key(property), "not doubled: {property}");
    }
}

/// A holder that lost its lease is kept from writing twice over: by the lease's epoch and by the row's revision.
#[rstest]
#[case::revision(Fence)]
#[case::fence(Revision)]
fn one_of_fence_and_revision_is_enough(#[case] missing: Safeguard) {
    let protocol = Protocol { lease: 1, max_attempts: 2, ..Protocol::without(&[missing]) };
    let findings = found(protocol, 2, HasDiscoveries::AnyFailures);
    assert!(findings.are_good(), "{findings:#?}");
}
