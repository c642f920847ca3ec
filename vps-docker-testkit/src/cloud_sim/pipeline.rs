//! What every request of the API passes, in this order: record, authenticate, limit, validate, strike with
//! faults, handle. On the way back: the cloud's words for a refusal, its headers, our own check of the answer.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use serde_json::json;

use super::answer::{Answer, Sent};
use super::call::Call;
use super::connection::Connection;
use super::credentials::Access;
use super::fault::{Fault, FaultKind};
use super::openapi::Matched;
use super::rate_limit::RateState;
use super::records::Record;
use super::refusal::{Reason, Refusal};
use super::sim::Sim;

/// What is found out about one call on its way.
#[derive(Debug)]
struct Course {
    record: Record,
    limits: Vec<RateState>,
    /// Whether the answer is what a fault made of it.
    is_struck: bool,
    is_cut: bool,
}

/// The pipeline of the API's paths. It runs as a task of its own: a client that goes away does not undo what it
/// asked for, and what it asked for stays on record.
pub(crate) async fn pipeline(State(sim): State<Sim>, request: Request, next: Next) -> Response {
    match tokio::spawn(course(sim.clone(), request, next)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a handler of the simulator has failed");
            let why = "the simulator itself has failed";
            words_for(&sim, &Refusal::new(Reason::Injected(500), why))
        }
    }
}

async fn course(sim: Sim, request: Request, next: Next) -> Response {
    let (mut call, request) = Call::read(request).await;
    let parts = sim.parts();
    let _under_way = parts.records.begin();
    let matched = parts
        .document
        .as_ref()
        .and_then(|document| document.operation(&call));
    let mut course = Course::of(&sim, &call);
    let mut response = match pass(&sim, &mut call, matched, request, next, &mut course).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        course.record.invalid = course.record.invalid.or(match refusal.reason {
            Reason::MethodNotAllowed => Some("there is no such operation".to_owned()),
            // What the document lets pass and a handler cannot read.
            Reason::BadRequest => Some(refusal.message.clone()),
            _ => None,
        });
        response = words_for(&sim, &refusal);
    }
    let refused = response.status() == StatusCode::TOO_MANY_REQUESTS;
    for (name, value) in parts.cloud.rate_headers(&course.limits, refused) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    let status = response.status().as_u16();
    if let Some(matched) = matched.filter(|_| parts.validate_responses && !course.is_struck) {
        let sent = response.extensions().get::<Sent>();
        let sent = sent.map(|sent| &*sent.0);
        course.record.bad_response = matched.flaw_of_response(status, sent);
        if let Some(flaw) = &course.record.bad_response {
            tracing::error!(method = %call.method(), path = call.path(), flaw, "a bad response");
        }
    }
    course.record.status = (!course.is_cut).then_some(status);
    parts.records.add(course.record);
    response
}

/// Paths beside the API: recorded, nothing else.
pub(crate) async fn side_pipeline(
    State(sim): State<Sim>,
    request: Request,
    next: Next,
) -> Response {
    let (call, mut request) = Call::read(request).await;
    let mut course = Course::of(&sim, &call);
    request.extensions_mut().insert(call);
    let mut response = next.run(request).await;
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        response = words_for(&sim, &refusal);
    }
    course.record.status = Some(response.status().as_u16());
    sim.parts().records.add(course.record);
    response
}

async fn pass(
    sim: &Sim,
    call: &mut Call,
    matched: Option<Matched<'_>>,
    mut request: Request,
    next: Next,
    course: &mut Course,
) -> Result<Response, Refusal> {
    let parts = sim.parts();
    if !parts.cloud.is_public(call) {
        let access = parts.cloud.authenticate(call, &parts.credentials)?;
        if access == Access::ReadOnly && call.method() != Method::GET {
            let why = "the token is only allowed to read";
            return Err(Refusal::new(Reason::ReadOnly, why));
        }
    }
    match parts.limiter.take(call) {
        Ok(limits) => course.limits = limits,
        Err(limits) => {
            course.limits = limits;
            let why = "rate limit exceeded";
            return Err(Refusal::new(Reason::RateLimited { retry_after: None }, why));
        }
    }
    validate(sim, call, matched, course)?;
    let strike = course.record.op.map(|op| parts.faults.strike(op));
    let strike = strike.unwrap_or_default();
    course.record.faults = strike.kinds;
    call.injected = strike.injected;
    // Not a wait for anything: it is the fault itself.
    tokio::time::sleep(strike.delay).await;
    let connection = request
        .extensions()
        .get::<ConnectInfo<Connection>>()
        .cloned();
    request.extensions_mut().insert(call.clone());
    let Some(fault) = strike.answer else {
        return Ok(next.run(request).await);
    };
    course.is_struck = true;
    if fault.after_effect {
        let _lost_on_the_way = next.run(request).await;
    }
    if fault.kind == FaultKind::Drop {
        course.is_cut = true;
        if let Some(ConnectInfo(connection)) = connection {
            connection.cut();
        }
    }
    struck(&fault)
}

fn validate(
    sim: &Sim,
    call: &Call,
    matched: Option<Matched<'_>>,
    course: &mut Course,
) -> Result<(), Refusal> {
    let is_known = matched.is_some() || sim.parts().document.is_none();
    if !call.is_routed() {
        let why = if matched.is_some() {
            "the simulator does not have this operation"
        } else {
            "there is no such operation"
        };
        course.record.invalid = Some(why.to_owned());
        return Err(Refusal::new(Reason::NoSuchOperation, why));
    }
    if !is_known {
        // Whatever the route answers: a path of former times has an answer of its own.
        course.record.invalid = Some("there is no such operation".to_owned());
        return Ok(());
    }
    let flaw = matched.and_then(|matched| matched.flaw_of_request(call));
    match flaw.or_else(|| sim.cloud().flaw_of_request(call)) {
        None => Ok(()),
        Some(flaw) => {
            course.record.invalid = Some(flaw.clone());
            Err(Refusal::new(Reason::BadRequest, flaw))
        }
    }
}

/// The answer that a fault makes.
fn struck(fault: &Fault) -> Result<Response, Refusal> {
    match fault.kind {
        FaultKind::Status => {
            let status = fault.status.unwrap_or(500);
            let why = "an error that was ordered at _sim/faults";
            Err(Refusal::new(Reason::Injected(status), why))
        }
        FaultKind::RateLimit => {
            let retry_after = fault.retry_after;
            let why = "rate limit exceeded, as was ordered at _sim/faults";
            Err(Refusal::new(Reason::RateLimited { retry_after }, why))
        }
        FaultKind::Huge => {
            let chunk = Bytes::from(vec![b'x'; 1 << 16]);
            let begin = stream::once(async { Bytes::from_static(b"{\"endless\":\"") });
            let endless = begin.chain(stream::repeat(chunk)).map(Ok::<_, Infallible>);
            let mut response = Response::new(Body::from_stream(endless));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert("content-type", json);
            Ok(response)
        }
        _ => {
            let garbage = json!({"unexpected": [1, {"shape": null}], "of": "everything"});
            Ok(Answer::ok(garbage).into_response())
        }
    }
}

fn words_for(sim: &Sim, refusal: &Refusal) -> Response {
    let mut answer = sim.cloud().render(refusal);
    if let Reason::RateLimited {
        retry_after: Some(seconds),
    } = refusal.reason
    {
        answer = answer.header("retry-after", seconds.to_string());
    }
    answer.into_response()
}

impl Course {
    fn of(sim: &Sim, call: &Call) -> Self {
        Self {
            record: Record {
                number: 0,
                method: call.method().to_string(),
                path: call.path().to_owned(),
                query: call.query_pairs().to_vec(),
                op: sim.cloud().op(call),
                status: None,
                invalid: None,
                bad_response: None,
                faults: Vec::new(),
            },
            limits: Vec::new(),
            is_struck: false,
            is_cut: false,
        }
    }
}
