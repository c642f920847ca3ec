//! The provider's document, and what it says of a request.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::account::path;

/// Contabo's OpenAPI document; `None`, and a loud word, where it is not at hand.
pub(crate) fn api_document() -> Option<Value> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/api-specs");
    let directory = std::env::var_os("VPS_DOCKER_API_SPECS").map_or(default.into(), PathBuf::from);
    let path = directory.join("contabo.json");
    match std::fs::read(&path) {
        Ok(text) => Some(serde_json::from_slice(&text).expect("the document is JSON")),
        Err(error) => {
            eprintln!("SKIPPED: no API document at {}: {error}", path.display());
            None
        }
    }
}

/// What the document forbids of a request.
pub(super) fn complaints(
    document: Option<&Value>,
    line: &str,
    body: &Value,
    request_id: &str,
) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut complain = |what: String| complaints.push(format!("{line}: {what}"));
    let (method, target) = line.split_once(' ').expect("two words");
    let is_uuid = request_id.len() == 36 && request_id.matches('-').count() == 4;
    if !is_uuid {
        complain(format!("x-request-id {request_id:?}"));
    }
    let Some(document) = document else {
        return complaints;
    };
    let words: Vec<&str> = path(target).collect();
    let paths = document["paths"].as_object().expect("paths");
    let fits = |template: &&String| {
        let parts: Vec<&str> = path(template).collect();
        parts.len() == words.len()
            && parts
                .iter()
                .zip(&words)
                .all(|(part, word)| part.starts_with('{') || part == word)
    };
    // A literal part goes before a parameter.
    let template = paths
        .keys()
        .filter(fits)
        .min_by_key(|template| template.matches('{').count());
    let operation = template.map(|template| &paths[template][method.to_lowercase()]);
    let Some(operation) = operation.filter(|operation| operation.is_object()) else {
        complain("no such operation".into());
        return complaints;
    };
    let parameters = operation["parameters"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let query = target.split_once('?').map_or("", |(_, query)| query);
    for name in query.split('&').filter_map(|pair| pair.split('=').next()) {
        let is_known = parameters
            .iter()
            .any(|one| one["in"] == "query" && one["name"] == name);
        if !name.is_empty() && !is_known {
            complain(format!("no parameter {name}"));
        }
    }
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    if schema.is_null() {
        if !body.is_null() {
            complain("a body where none is wanted".into());
        }
        return complaints;
    }
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for error in validator.iter_errors(body) {
        complain(error.to_string());
    }
    let reference = schema["$ref"]
        .as_str()
        .expect("a name")
        .rsplit('/')
        .next()
        .expect("one");
    let known = &document["components"]["schemas"][reference]["properties"];
    for key in body.as_object().into_iter().flat_map(Map::keys) {
        if known.get(key).is_none() {
            complain(format!("no field {key}"));
        }
    }
    complaints
}
