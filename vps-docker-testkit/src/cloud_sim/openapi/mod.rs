//! The API's own document as a judge of requests and of our responses.
//!
//! It is read when it is at hand, and each schema is compiled when it is first needed. What OpenAPI 3.0 says in
//! words of its own is said in those of JSON Schema draft 4 (`convert.rs`). Where a document is known to be
//! wrong a cloud says so by an [`Exception`].

mod convert;
mod exception;
mod operation;
mod parameter;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::call::Call;
use operation::{Judge, Operation};

pub(crate) use exception::Exception;

/// The directory with the documents: what the variable `VPS_DOCKER_API_SPECS` names, else `../shared/api-specs`
/// beside this project; `None` when there is none. The one place where the test kit reads the environment.
#[must_use]
pub fn api_specs_dir() -> Option<PathBuf> {
    let named = std::env::var_os("VPS_DOCKER_API_SPECS").map(PathBuf::from);
    let usual = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/api-specs");
    let dir = named.unwrap_or_else(|| PathBuf::from(usual));
    dir.is_dir().then_some(dir)
}

/// One API's document.
#[derive(Debug)]
pub(crate) struct Document {
    operations: Vec<Operation>,
    judge: Judge,
}

/// An operation of a document that a call is of.
#[derive(Clone, Copy)]
pub(crate) struct Matched<'a> {
    document: &'a Document,
    operation: &'a Operation,
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// A text when it cannot be read or is none.
    pub(crate) fn read(path: &Path, exceptions: &'static [Exception]) -> Result<Self, String> {
        let place = path.display();
        let text = std::fs::read(path).map_err(|error| format!("{place}: {error}"))?;
        let document: Value =
            serde_json::from_slice(&text).map_err(|error| format!("{place}: {error}"))?;
        Ok(Self {
            operations: operation::all(&document),
            judge: Judge {
                document: Arc::new(document),
                exceptions,
                unchecked: Mutex::new(BTreeMap::new()),
            },
        })
    }

    /// The operation of a call: that with the most literal path.
    pub(crate) fn operation(&self, call: &Call) -> Option<Matched<'_>> {
        let segments: Vec<&str> = call.path().trim_matches('/').split('/').collect();
        let fitting = self.operations.iter().filter(|operation| {
            operation.method == call.method().as_str() && operation.fits(&segments)
        });
        let operation = fitting.min_by_key(|operation| operation.variables())?;
        Some(Matched {
            document: self,
            operation,
        })
    }

    /// Parts that could not be checked, and why.
    pub(crate) fn unchecked(&self) -> Vec<String> {
        let unchecked = self.judge.unchecked.lock();
        let unchecked = unchecked.unwrap_or_else(PoisonError::into_inner);
        unchecked
            .iter()
            .map(|(part, why)| format!("{part}: {why}"))
            .collect()
    }

    /// Compiles everything at once; for tests of the documents.
    #[cfg(test)]
    pub(crate) fn compile_all(&self) {
        for operation in &self.operations {
            operation.compile_all(&self.judge);
        }
    }
}

impl Matched<'_> {
    /// Why a request does not fit.
    pub(crate) fn flaw_of_request(self, call: &Call) -> Option<String> {
        self.operation.flaw_of_request(&self.document.judge, call)
    }

    /// Why a response does not fit.
    pub(crate) fn flaw_of_response(self, status: u16, body: Option<&Value>) -> Option<String> {
        self.operation
            .flaw_of_response(&self.document.judge, status, body)
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;

    use super::*;

    const TOY: &str = r##"{
        "servers": [{"url": "https://api.example/v1"}],
        "paths": {
            "/things": {
                "get": {
                    "parameters": [
                        {"name": "per_page", "in": "query", "schema": {"type": "integer", "maximum": 50}},
                        {"name": "x-request-id", "in": "header", "required": true,
                         "schema": {"type": "string", "pattern": "^[0-9]+$"}},
                        {"name": "id", "in": "query", "schema": {"type": "array", "items": {"type": "integer"}}}
                    ],
                    "responses": {"200": {"content": {"application/json": {"schema":
                        {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}}}}}
                },
                "post": {
                    "requestBody": {"required": true, "content": {"application/json": {"schema":
                        {"$ref": "#/components/schemas/Thing"}}}},
                    "responses": {"4XX": {"content": {"application/json": {"schema":
                        {"type": "object", "required": ["error"]}}}}, "204": {}}
                }
            },
            "/things/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}],
                "get": {"responses": {"default": {}}}
            },
            "/things/special": {"get": {"responses": {"200": {}}}}
        },
        "components": {"schemas": {"Thing": {
            "type": "object",
            "required": ["name", "id"],
            "properties": {
                "id": {"type": "integer", "readOnly": true},
                "name": {"type": "string"},
                "size": {"type": "number", "minimum": 0, "exclusiveMinimum": true, "nullable": true},
                "kind": {"type": "string", "enum": ["a", "b"], "nullable": true},
                "parent": {"nullable": true, "allOf": [{"$ref": "#/components/schemas/Thing"}]},
                "description": {"type": "string", "description": "a property of that name"}
            }
        }}}
    }"##;

    const WRONG: &str = "the toy's document is wrong there";
    const LENIENT: &[Exception] = &[
        Exception::request("POST /v1/things", "/**/name", WRONG),
        Exception::request("POST /v1/things", "/name!", WRONG),
        Exception::request("GET /v1/things", "?pagesize", WRONG),
    ];

    fn toy(exceptions: &'static [Exception]) -> Document {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("toy.json");
        std::fs::write(&path, TOY).expect("written");
        Document::read(&path, exceptions).expect("a document")
    }

    async fn call(method: &str, uri: &str, body: &str) -> Call {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("x-request-id", "17")
            .header("content-type", "application/json")
            .body(body.to_owned().into());
        Call::read(request.expect("legal")).await.0
    }

    async fn flaw(document: &Document, method: &str, uri: &str, body: &str) -> Option<String> {
        let call = call(method, uri, body).await;
        document
            .operation(&call)
            .expect("there")
            .flaw_of_request(&call)
    }

    #[tokio::test]
    async fn requests_are_judged_by_parameters_and_body() {
        let document = toy(&[]);
        for (method, uri, body, hint) in [
            ("GET", "/v1/things?per_page=50&id=1&id=2", "", None),
            ("GET", "/v1/things?per_page=51", "", Some("per_page")),
            ("GET", "/v1/things?per_page=many", "", Some("per_page")),
            ("GET", "/v1/things?id=x", "", Some("id")),
            ("GET", "/v1/things?pagesize=1", "", Some("pagesize")),
            ("GET", "/v1/things/17", "", None),
            ("GET", "/v1/things/web", "", Some("id")),
            ("GET", "/v1/things/special", "", None),
            (
                "POST",
                "/v1/things",
                r#"{"name":"x","size":null,"kind":null,"parent":null}"#,
                None,
            ),
            (
                "POST",
                "/v1/things",
                r#"{"name":"x","description":"d"}"#,
                None,
            ),
            (
                "POST",
                "/v1/things",
                r#"{"name":"x","parent":{"name":7}}"#,
                Some("parent"),
            ),
            (
                "POST",
                "/v1/things",
                r#"{"name":"x","size":0}"#,
                Some("size"),
            ),
            (
                "POST",
                "/v1/things",
                r#"{"name":"x","kind":"c"}"#,
                Some("kind"),
            ),
            (
                "POST",
                "/v1/things",
                r#"{"name":"x","description":1}"#,
                Some("description"),
            ),
            ("POST", "/v1/things", r#"{"size":1}"#, Some("name")),
            ("POST", "/v1/things", "{", Some("JSON")),
            ("POST", "/v1/things", "", Some("body")),
        ] {
            let found = flaw(&document, method, uri, body).await;
            match hint {
                None => assert_eq!(found, None, "{method} {uri} {body}"),
                Some(hint) => {
                    let found = found.unwrap_or_else(|| panic!("{method} {uri} {body} passed"));
                    assert!(found.contains(hint), "{found}");
                }
            }
        }
        assert_eq!(document.unchecked(), [""; 0]);
    }

    #[tokio::test]
    async fn a_flaw_is_told_without_the_value() {
        let document = toy(&[]);
        let body = r#"{"name":["hunter2"]}"#;
        let found = flaw(&document, "POST", "/v1/things", body)
            .await
            .expect("a flaw");
        assert!(!found.contains("hunter2"), "{found}");
    }

    #[tokio::test]
    async fn a_missing_header_and_an_unknown_path_are_found() {
        let document = toy(&[]);
        let request = Request::builder()
            .uri("/v1/things")
            .body(axum::body::Body::empty());
        let (bare, _) = Call::read(request.expect("legal")).await;
        let matched = document.operation(&bare).expect("there");
        let found = matched.flaw_of_request(&bare).expect("a flaw");
        assert!(found.contains("x-request-id"), "{found}");
        for (method, uri) in [
            ("PUT", "/v1/things"),
            ("GET", "/v1/nothing"),
            ("GET", "/things"),
        ] {
            assert!(
                document.operation(&call(method, uri, "").await).is_none(),
                "{uri}"
            );
        }
    }

    #[tokio::test]
    async fn responses_are_judged_by_their_status() {
        let document = toy(&[]);
        let call = call("POST", "/v1/things", r#"{"name":"x"}"#).await;
        let posted = document.operation(&call).expect("there");
        let error = serde_json::json!({"error": {}});
        assert_eq!(posted.flaw_of_response(204, None), None);
        assert_eq!(posted.flaw_of_response(404, Some(&error)), None);
        let empty = serde_json::json!({});
        posted
            .flaw_of_response(404, Some(&empty))
            .expect("no error in it");
        posted.flaw_of_response(404, None).expect("no body");
        posted.flaw_of_response(200, None).expect("no such status");
    }

    #[tokio::test]
    async fn where_the_document_is_wrong_an_exception_says_so() {
        for body in [
            r#"{"size":1}"#,
            r#"{"name":7}"#,
            r#"{"name":"x","parent":{"name":7}}"#,
        ] {
            assert!(flaw(&toy(&[]), "POST", "/v1/things", body).await.is_some());
            assert_eq!(
                flaw(&toy(LENIENT), "POST", "/v1/things", body).await,
                None,
                "{body}"
            );
        }
        let uri = "/v1/things?pagesize=1";
        assert!(flaw(&toy(&[]), "GET", uri, "").await.is_some());
        assert_eq!(flaw(&toy(LENIENT), "GET", uri, "").await, None);
        let other = r#"{"size":"x"}"#;
        assert!(
            flaw(&toy(LENIENT), "POST", "/v1/things", other)
                .await
                .is_some()
        );
    }

    #[test]
    fn every_schema_of_the_four_documents_compiles() {
        let Some(dir) = api_specs_dir() else {
            eprintln!("SKIPPED: no API documents; set VPS_DOCKER_API_SPECS");
            return;
        };
        for name in ["hetzner", "vultr", "digitalocean", "contabo"] {
            let path = dir.join(format!("{name}.json"));
            let document = Document::read(&path, &[]).expect("a document");
            document.compile_all();
            assert_eq!(document.unchecked(), [""; 0], "{name}");
        }
    }
}
