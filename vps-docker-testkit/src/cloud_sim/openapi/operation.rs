use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, ValidationError, Validator};
use serde_json::Value;

use super::convert;
use super::exception::{Exception, Side};
use super::parameter::{Parameter, Place};
use crate::cloud_sim::call::Call;

/// One method of one path.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) method: String,
    /// The whole path with its variables in braces.
    template: String,
    segments: Vec<Segment>,
    parameters: Vec<Parameter>,
    request: Option<Body>,
    request_required: bool,
    /// By status as the document writes it: `200`, `4XX`, `default`.
    responses: BTreeMap<String, Option<Body>>,
}

#[derive(Debug)]
enum Segment {
    Literal(String),
    Variable(String),
}

/// A schema that is compiled when it is first needed.
#[derive(Debug)]
pub(super) struct Body {
    schema: Value,
    side: Side,
    compiled: OnceLock<Option<Validator>>,
}

/// What judging needs beside the operation.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) document: Arc<Value>,
    pub(super) exceptions: &'static [Exception],
    pub(super) unchecked: Mutex<BTreeMap<String, String>>,
}

/// All operations of a document.
pub(super) fn all(document: &Value) -> Vec<Operation> {
    let base = base_path(document);
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in ["get", "put", "post", "delete", "patch", "head"] {
            if let Some(operation) = item.get(method) {
                operations.push(read(document, &base, path, method, item, operation));
            }
        }
    }
    operations
}

fn read(
    document: &Value,
    base: &str,
    path: &str,
    method: &str,
    item: &Value,
    operation: &Value,
) -> Operation {
    let template = format!("{base}{path}");
    let segments = template.trim_matches('/').split('/').map(|segment| {
        match segment
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'))
        {
            Some(name) => Segment::Variable(name.to_owned()),
            None => Segment::Literal(segment.to_owned()),
        }
    });
    // What the operation says of a parameter stands before what the path says.
    let mut parameters: Vec<Parameter> = Vec::new();
    for list in [&operation["parameters"], &item["parameters"]] {
        for parameter in list.as_array().into_iter().flatten() {
            let parameter = Parameter::read(convert::resolve(document, parameter));
            let known = parameter.iter().any(|new| {
                parameters
                    .iter()
                    .any(|old| old.name == new.name && old.place == new.place)
            });
            if !known {
                parameters.extend(parameter);
            }
        }
    }
    let request = convert::resolve(document, &operation["requestBody"]);
    let responses = operation["responses"].as_object().into_iter().flatten();
    let responses = responses.map(|(status, response)| {
        let response = convert::resolve(document, response);
        (status.clone(), Body::read(response, Side::Response))
    });
    Operation {
        method: method.to_ascii_uppercase(),
        segments: segments.collect(),
        template: template.clone(),
        parameters,
        request: Body::read(request, Side::Request),
        request_required: request["required"].as_bool().unwrap_or(false),
        responses: responses.collect(),
    }
}

/// The path of the first server.
fn base_path(document: &Value) -> String {
    let url = document["servers"][0]["url"].as_str().unwrap_or("");
    let behind_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = behind_scheme.split_once('/').map_or("", |(_, path)| path);
    match path.trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}

impl Operation {
    pub(super) fn fits(&self, segments: &[&str]) -> bool {
        self.segments.len() == segments.len()
            && self
                .segments
                .iter()
                .zip(segments)
                .all(|(own, sent)| match own {
                    Segment::Literal(own) => own == sent,
                    Segment::Variable(_) => !sent.is_empty(),
                })
    }

    pub(super) fn variables(&self) -> usize {
        let variable = |segment: &&Segment| matches!(segment, Segment::Variable(_));
        self.segments.iter().filter(variable).count()
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.template)
    }

    pub(super) fn flaw_of_request(&self, judge: &Judge, call: &Call) -> Option<String> {
        self.flaw_of_path(judge, call)
            .or_else(|| self.flaw_of_query(judge, call))
            .or_else(|| self.flaw_of_headers(judge, call))
            .or_else(|| self.flaw_of_body(judge, call))
    }

    fn flaw_of_path(&self, judge: &Judge, call: &Call) -> Option<String> {
        let sent = call.path().trim_matches('/').split('/');
        self.segments.iter().zip(sent).find_map(|(own, sent)| {
            let Segment::Variable(name) = own else {
                return None;
            };
            let parameter = self.parameter(Place::Path, name)?;
            parameter.flaw(judge, &self.name(), &[sent])
        })
    }

    fn flaw_of_query(&self, judge: &Judge, call: &Call) -> Option<String> {
        for (name, _) in call.query_pairs() {
            // Some documents write the brackets of a list into the name.
            let known = self.parameter(Place::Query, name);
            let known = known.or_else(|| self.parameter(Place::Query, name.trim_end_matches("[]")));
            let excepted = || judge.excepts(Side::Request, &self.name(), &format!("?{name}"));
            if known.is_none() && !excepted() {
                return Some(format!("there is no query parameter {name:?}"));
            }
        }
        self.flaw_of_place(judge, Place::Query, |name| call.queries(name))
    }

    fn flaw_of_headers(&self, judge: &Judge, call: &Call) -> Option<String> {
        self.flaw_of_place(judge, Place::Header, |name| {
            call.header(name).into_iter().collect()
        })
    }

    fn flaw_of_place<'a>(
        &self,
        judge: &Judge,
        place: Place,
        sent: impl Fn(&str) -> Vec<&'a str>,
    ) -> Option<String> {
        let here = self.parameters.iter().filter(|own| own.place == place);
        here.into_iter().find_map(|parameter| {
            let values = sent(&parameter.name);
            if values.is_empty() {
                let missing = parameter.required
                    && !judge.excepts(Side::Request, &self.name(), &format!("?{}", parameter.name));
                return missing.then(|| format!("{:?} is missing", parameter.name));
            }
            parameter.flaw(judge, &self.name(), &values)
        })
    }

    fn parameter(&self, place: Place, name: &str) -> Option<&Parameter> {
        let mut own = self.parameters.iter();
        own.find(|own| own.place == place && own.name == name)
    }

    fn flaw_of_body(&self, judge: &Judge, call: &Call) -> Option<String> {
        let sent = call.raw_body();
        if sent.is_empty() {
            let missing = self.request_required && !judge.excepts(Side::Request, &self.name(), "!");
            return missing.then(|| "the body is missing".to_owned());
        }
        let Some(own) = &self.request else {
            let nothing = call
                .json()
                .is_some_and(|json| json == &Value::Object(Default::default()));
            let excepted = nothing || judge.excepts(Side::Request, &self.name(), "/");
            return (!excepted).then(|| "there is a body although none is asked for".to_owned());
        };
        let kind = call.header("content-type").unwrap_or("");
        let excepted = || judge.excepts(Side::Request, &self.name(), "?content-type");
        if !kind.starts_with("application/json") && !excepted() {
            return Some(format!("the body is {kind:?} instead of application/json"));
        }
        let Some(json) = call.json() else {
            return Some("the body is no JSON".to_owned());
        };
        own.flaw(judge, &self.name(), json)
    }

    pub(super) fn flaw_of_response(
        &self,
        judge: &Judge,
        status: u16,
        body: Option<&Value>,
    ) -> Option<String> {
        let range = format!("{}XX", status / 100);
        let wanted = [status.to_string(), range, "default".to_owned()];
        let found = wanted.iter().find_map(|status| self.responses.get(status));
        let Some(own) = found else {
            let excepted = judge.excepts(Side::Response, &self.name(), &format!("={status}"));
            return (!excepted).then(|| format!("the document has no status {status} there"));
        };
        match (own, body) {
            (Some(own), Some(body)) => own.flaw(judge, &self.name(), body),
            (Some(_), None) => Some(format!("the body of status {status} is missing")),
            (None, _) => None,
        }
    }

    #[cfg(test)]
    pub(super) fn compile_all(&self, judge: &Judge) {
        let bodies = self.responses.values().flatten().chain(&self.request);
        for body in bodies.chain(self.parameters.iter().map(|own| &own.body)) {
            body.validator(judge, &self.name());
        }
    }
}

impl Body {
    pub(super) fn new(schema: Value, side: Side) -> Self {
        Self {
            schema,
            side,
            compiled: OnceLock::new(),
        }
    }

    /// That of a request or response, where it has a JSON one.
    fn read(part: &Value, side: Side) -> Option<Self> {
        let kinds = part["content"].as_object()?;
        let mut json = kinds
            .iter()
            .filter(|(kind, _)| kind.starts_with("application/json"));
        let (_, kind) = json.next()?;
        Some(Self::new(kind.get("schema")?.clone(), side))
    }

    fn validator(&self, judge: &Judge, operation: &str) -> Option<&Validator> {
        let compile = || {
            let schema = convert::to_draft_4(&judge.document, &self.schema, self.side);
            let compiled = jsonschema::options()
                .with_draft(Draft::Draft4)
                .build(&schema);
            compiled
                .map_err(|error| {
                    let unchecked = judge.unchecked.lock();
                    let mut unchecked = unchecked.unwrap_or_else(PoisonError::into_inner);
                    unchecked.insert(format!("{operation} ({:?})", self.side), error.to_string());
                })
                .ok()
        };
        self.compiled.get_or_init(compile).as_ref()
    }

    /// Why a value does not fit: the first flaw that is not excepted.
    pub(super) fn flaw(&self, judge: &Judge, operation: &str, value: &Value) -> Option<String> {
        let validator = self.validator(judge, operation)?;
        if validator.is_valid(value) {
            return None;
        }
        let mut flaws = validator.iter_errors(value);
        let flaw = flaws.find_map(|flaw| judge.complaint(self.side, operation, &flaw))?;
        Some(match flaw.place.as_str() {
            "" => flaw.text,
            place => format!("{place}: {}", flaw.text),
        })
    }
}

/// A flaw that is not excepted.
#[derive(Debug)]
struct Complaint {
    place: String,
    text: String,
}

/// Behind the pointer to a property that is not there.
const MISSING: &str = "!";
/// The same for one that is null.
const NULL: &str = "=null";

/// The JSON pointer to the value that is wrong, or to the property that is missing and a `!` then.
fn place(flaw: &ValidationError<'_>) -> String {
    let place = flaw.instance_path().as_str();
    match flaw.kind() {
        ValidationErrorKind::Required { property } => {
            format!("{place}/{}{MISSING}", property.as_str().unwrap_or(""))
        }
        _ => place.to_owned(),
    }
}

impl Judge {
    /// What is wrong, where no exception covers it. Where one of several schemas has to fit it is what keeps the
    /// nearest one from fitting: that which is violated deepest in the value.
    fn complaint(
        &self,
        side: Side,
        operation: &str,
        flaw: &ValidationError<'_>,
    ) -> Option<Complaint> {
        let place = place(flaw);
        let null = format!("{place}{NULL}");
        if self.excepts(side, operation, &place)
            || flaw.instance().is_null() && self.excepts(side, operation, &null)
        {
            return None;
        }
        let alternatives = match flaw.kind() {
            ValidationErrorKind::AnyOf { context }
            | ValidationErrorKind::OneOfNotValid { context } => context.as_slice(),
            _ => &[],
        };
        let mut nearest: Option<Complaint> = None;
        for alternative in alternatives {
            let mut flaws = alternative.iter();
            let complaint = flaws.find_map(|flaw| self.complaint(side, operation, flaw))?;
            let depth = |complaint: &Complaint| complaint.place.matches('/').count();
            if nearest
                .as_ref()
                .is_none_or(|other| depth(other) < depth(&complaint))
            {
                nearest = Some(complaint);
            }
        }
        // Masked: a value may be a secret.
        let text = flaw.masked().to_string();
        nearest.or(Some(Complaint { place, text }))
    }

    pub(super) fn excepts(&self, side: Side, operation: &str, path: &str) -> bool {
        let mut exceptions = self.exceptions.iter();
        exceptions.any(|exception| exception.covers(side, operation, path))
    }
}
