//! The paths under `_sim`, by which tests look at a simulator and put faults upon it. They are no part of any
//! cloud and need no token.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::json;

use super::answer::Answer;
use super::call::Call;
use super::fault::Fault;
use super::sim::Sim;

pub(crate) fn routes() -> Router<Sim> {
    Router::new()
        .route("/_sim/state", get(state))
        .route("/_sim/requests", get(requests))
        .route("/_sim/faults", post(faults))
}

async fn state(State(sim): State<Sim>) -> Answer {
    let state = serde_json::to_value(sim.state()).expect("numbers and text are JSON");
    Answer::ok(state)
}

async fn requests(State(sim): State<Sim>) -> Answer {
    Answer::ok(sim.requests().to_json())
}

/// Replaces all faults.
async fn faults(State(sim): State<Sim>, body: axum::body::Bytes) -> Answer {
    let unfit = |why: String| {
        let hint = r#"send a list such as [{"op":"create_instance","nth":1,"kind":"status","status":500}]"#;
        Answer::new(StatusCode::BAD_REQUEST, json!({"error": why, "hint": hint}))
    };
    let faults: Vec<Fault> = match serde_json::from_slice(&body) {
        Ok(faults) => faults,
        Err(error) => return unfit(error.to_string()),
    };
    if let Some(flaw) = faults.iter().find_map(Fault::flaw) {
        return unfit(flaw);
    }
    let set = faults.len();
    sim.parts().faults.set(faults);
    Answer::ok(json!({"faults": set}))
}

/// What no route takes: refused in the cloud's words.
pub(crate) async fn no_such_operation(_call: Call) -> super::refusal::Refusal {
    let reason = super::refusal::Reason::NoSuchOperation;
    super::refusal::Refusal::new(reason, "there is no such operation")
}

/// The path is there, the method is not.
pub(crate) async fn method_not_allowed(_call: Call) -> super::refusal::Refusal {
    let reason = super::refusal::Reason::MethodNotAllowed;
    super::refusal::Refusal::new(reason, "the method is not allowed here")
}
