use serde_json::Value;

use super::exception::Side;
use super::operation::{Body, Judge};

/// A parameter of an operation.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) required: bool,
    /// For lists: whether each value stands in a pair of its own, else they are joined by commas.
    explode: bool,
    pub(super) body: Body,
    /// The declared type, and that of the elements of a list.
    kind: String,
    element_kind: String,
}

/// Where a parameter is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
}

impl Parameter {
    /// `None` for cookies, and for what is no parameter.
    pub(super) fn read(parameter: &Value) -> Option<Self> {
        let place = match parameter["in"].as_str()? {
            "path" => Place::Path,
            "query" => Place::Query,
            "header" => Place::Header,
            _ => return None,
        };
        let schema = &parameter["schema"];
        let kind = |schema: &Value| schema["type"].as_str().unwrap_or("").to_owned();
        Some(Self {
            name: parameter["name"].as_str()?.to_owned(),
            place,
            required: parameter["required"].as_bool().unwrap_or(false),
            explode: parameter["explode"]
                .as_bool()
                .unwrap_or(place == Place::Query),
            body: Body::new(schema.clone(), Side::Request),
            kind: kind(schema),
            element_kind: kind(&schema["items"]),
        })
    }

    /// Why what was sent does not fit; `sent` is not empty.
    pub(super) fn flaw(&self, judge: &Judge, operation: &str, sent: &[&str]) -> Option<String> {
        if judge.excepts(Side::Request, operation, &format!("?{}", self.name)) {
            return None;
        }
        let value = match self.kind.as_str() {
            "array" if self.explode => {
                let elements = sent.iter().map(|text| typed(text, &self.element_kind));
                Value::Array(elements.collect())
            }
            "array" => {
                let elements = sent[0]
                    .split(',')
                    .map(|text| typed(text, &self.element_kind));
                Value::Array(elements.collect())
            }
            kind => typed(sent[0], kind),
        };
        let flaw = self.body.flaw(judge, operation, &value)?;
        Some(format!("the parameter {:?}: {flaw}", self.name))
    }
}

/// What a text means where that type is declared; the text itself when it means nothing, which the schema then
/// refuses.
fn typed(text: &str, kind: &str) -> Value {
    let read = match kind {
        "integer" => text.parse::<i64>().ok().map(Value::from),
        "number" => text.parse::<f64>().ok().map(Value::from),
        "boolean" => text.parse::<bool>().ok().map(Value::from),
        _ => None,
    };
    read.unwrap_or_else(|| Value::from(text))
}
