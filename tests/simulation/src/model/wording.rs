//! A step in words, for whoever reads a counterexample.

use super::{
    action::Action,
    remonline::Request,
    state::{Effect, State, Step},
};

/// What an action does in a state.
pub(super) fn step<const LEADS: usize>(state: &State<LEADS>, action: Action) -> String {
    let request = |place: usize| request(&state.remonline.requests[place]);
    match action {
        Action::Deliver(lead) => format!("the message of lead {lead} is delivered"),
        Action::Take(worker) => format!("invocation {worker} takes the lease"),
        Action::Read(worker, lead) => format!("invocation {worker} takes lead {lead} in hand"),
        Action::Advance(worker) => advance(state, worker),
        Action::Answer(place) => format!("{} takes effect, and its sender hears of it", request(place)),
        Action::TakeEffect(place) => format!("{} takes effect, and nobody hears of it", request(place)),
        Action::Refuse(worker) => format!("RemOnline refuses what invocation {worker} sent"),
        Action::LoseAnswer(worker) => format!("invocation {worker} gets no answer"),
        Action::Show(effect, lead, id) => format!("searches show {} {id} now", thing(effect, lead)),
        Action::GiveBack(worker) => format!("invocation {worker} ends and gives its lease back"),
        Action::Crash(worker) => format!("invocation {worker} dies"),
        Action::Tick => "time passes".to_owned(),
    }
}

fn request(request: &Request) -> String {
    format!("the create of {}", thing(request.effect, request.lead))
}

fn thing(effect: Effect, lead: usize) -> String {
    match effect {
        Effect::Client => "the client".to_owned(),
        Effect::Order => format!("the order of lead {lead}"),
    }
}

fn advance<const LEADS: usize>(state: &State<LEADS>, worker: usize) -> String {
    let Some(telling) = state.telling(worker) else { return format!("invocation {worker} has nothing in hand") };
    let lead = telling.lead;
    let of = |effect| thing(effect, lead);
    let does = match telling.step {
        Step::ReadIndex => "reads the dedup index".to_owned(),
        Step::Search => "searches RemOnline for the person".to_owned(),
        Step::CheckTime(effect) => format!("checks that there is time to create {}", of(effect)),
        Step::Intend(effect) => format!("stores the intent to create {}", of(effect)),
        Step::Send(effect) => format!("sends the create of {}", of(effect)),
        Step::Await(effect) => format!("waits for {}", of(effect)),
        Step::Record(effect, id) => format!("records {} {id}", of(effect)),
        Step::Doubt(effect, _) => format!("stores its doubt about {}", of(effect)),
        Step::Withdraw(effect) => format!("stores that {} was not created", of(effect)),
        Step::LookUp(effect) => format!("looks up {}", of(effect)),
        Step::Miss(effect) => format!("makes of it that {} was not found", of(effect)),
        Step::Finish => "stores that the lead is done".to_owned(),
    };
    format!("invocation {worker} {does} (lead {lead})")
}
