//! Some accounts in one installation.

use jiff::SignedDuration;
use simulation::{bench::Bench, growth::Growth};

#[test]
fn an_installation_with_some_accounts_keeps_up() {
    let grown = Growth::busy_hour(10, 10).play(&Bench::new().unwrap());
    println!("{grown}");
    let none: [String; 0] = [];
    pretty_assertions::assert_eq!(grown.breaches, none);
    assert!(grown.rounds.iter().all(|round| round.ended));
    let [.., nearly_all, _] = grown.waits;
    assert!(nearly_all > SignedDuration::ZERO && nearly_all <= SignedDuration::from_secs(60));
    assert!(grown.price_of_10_000() <= 0.75, "10,000 leads cost {:.2} USD", grown.price_of_10_000());
}

#[test]
fn accounts_with_backlogs_do_not_hold_each_other_up() {
    let bench = Bench::new().unwrap();
    let [one, ten] = [1, 10].map(|accounts| Growth::backlog(accounts, 20).play(&bench));
    let none: [String; 0] = [];
    pretty_assertions::assert_eq!([one.breaches, ten.breaches].concat(), none);
    assert!(ten.leads_a_second >= 9.0 * one.leads_a_second, "{} beside {}", ten.leads_a_second, one.leads_a_second);
}
