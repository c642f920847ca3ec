use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::connection::Connection;
use super::fault::Injected;
use super::id::Id;
use super::refusal::{Reason, Refusal};

/// Most bytes of a request that are read; no API here takes more.
const BODY_LIMIT: usize = 1 << 20;

/// One request, read whole: what handlers take instead of axum's own extractors, so that whatever is wrong
/// with it is refused in the cloud's words. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    request: Arc<Whole>,
    /// What a fault does to what is made; `Sim`'s operations obey it.
    pub(crate) injected: Injected,
}

#[derive(Debug)]
struct Whole {
    method: Method,
    path: String,
    source: Option<IpAddr>,
    template: Option<String>,
    params: Vec<(String, String)>,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
    json: Option<Value>,
}

/// Which part of a listing is wanted, of clouds that number their pages from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageWanted {
    pub(crate) number: usize,
    pub(crate) size: usize,
}

impl Call {
    /// Reads a request. One that breaks off or is too long has an empty body.
    pub(crate) async fn read(request: Request) -> (Self, Request) {
        let (mut parts, body) = request.into_parts();
        let body = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
        let params = RawPathParams::from_request_parts(&mut parts, &()).await;
        let params = params.map_or_else(
            |_| Vec::new(),
            |params| {
                let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
                params.iter().map(own).collect()
            },
        );
        let template = parts.extensions.get::<MatchedPath>();
        let connection = parts.extensions.get::<ConnectInfo<Connection>>();
        let query = Query::try_from_uri(&parts.uri).map_or_else(|_| Vec::new(), |Query(q)| q);
        let whole = Whole {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            source: connection.map(|ConnectInfo(connection)| connection.source()),
            template: template.map(|template| template.as_str().to_owned()),
            params,
            query,
            headers: parts.headers.clone(),
            json: serde_json::from_slice(&body).ok(),
            body: body.clone(),
        };
        let call = Self {
            request: Arc::new(whole),
            injected: Injected::default(),
        };
        (call, Request::from_parts(parts, body.into()))
    }

    pub(crate) fn method(&self) -> &Method {
        &self.request.method
    }

    /// The address that it comes from; `None` where there is no connection, in tests of parts.
    pub(crate) fn source(&self) -> Option<IpAddr> {
        self.request.source
    }

    /// The path as it was sent.
    pub(crate) fn path(&self) -> &str {
        &self.request.path
    }

    /// The route that it matched, such as `/v1/servers/{id}`; the path itself when none did.
    pub(crate) fn template(&self) -> &str {
        let template = self.request.template.as_deref();
        template.unwrap_or(&self.request.path)
    }

    /// Whether there is a route for its path.
    pub(crate) fn is_routed(&self) -> bool {
        self.request.template.is_some()
    }

    /// A part of the path by its name in the route, decoded; empty when there is none of that name.
    pub(crate) fn param(&self, name: &str) -> &str {
        first(&self.request.params, name).unwrap_or("")
    }

    /// An integer id in the path.
    ///
    /// # Errors
    /// Not found when it is none.
    pub(crate) fn id(&self, name: &str, what: &str) -> Result<Id, Refusal> {
        Id::from_number(self.param(name)).ok_or_else(|| Refusal::not_found(what))
    }

    /// A UUID in the path.
    ///
    /// # Errors
    /// Not found when it is none of ours.
    #[allow(dead_code, reason = "what the clouds with UUIDs use")]
    pub(crate) fn uuid(&self, name: &str, what: &str) -> Result<Id, Refusal> {
        Id::from_uuid(self.param(name)).ok_or_else(|| Refusal::not_found(what))
    }

    /// All pairs of the query, in order, decoded.
    pub(crate) fn query_pairs(&self) -> &[(String, String)] {
        &self.request.query
    }

    /// The first value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        first(&self.request.query, name)
    }

    /// All values of a query parameter that may be repeated.
    pub(crate) fn queries(&self, name: &str) -> Vec<&str> {
        let pairs = self.request.query.iter();
        let own = pairs.filter(|(own, _)| own == name);
        own.map(|(_, value)| value.as_str()).collect()
    }

    /// The page that is asked for by `page` and a parameter for its size. A size beyond `most` is `most`:
    /// clients must go by what the answer says of the pages.
    pub(crate) fn page(&self, size_name: &str, usual: usize, most: usize) -> PageWanted {
        let number = |name: &str| self.query(name).and_then(|text| text.parse().ok());
        PageWanted {
            number: number("page").unwrap_or(1).max(1),
            size: number(size_name).unwrap_or(usual).clamp(1, most),
        }
    }

    /// A header, where it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.request.headers.get(name)?.to_str().ok()
    }

    /// A field of a body that is a form, decoded.
    #[allow(dead_code, reason = "what OAuth2 is spoken in")]
    pub(crate) fn form(&self, name: &str) -> Option<String> {
        let body = std::str::from_utf8(&self.request.body).ok()?;
        // A form is written as a query is.
        let uri = format!("/?{body}").parse().ok()?;
        let Query(pairs): Query<Vec<(String, String)>> = Query::try_from_uri(&uri).ok()?;
        first(&pairs, name).map(str::to_owned)
    }

    pub(crate) fn raw_body(&self) -> &[u8] {
        &self.request.body
    }

    /// The document that was sent, if there was one.
    pub(crate) fn json(&self) -> Option<&Value> {
        self.request.json.as_ref()
    }

    /// A text at the top of the document that was sent.
    pub(crate) fn json_text(&self, field: &str) -> Option<&str> {
        self.json()?.get(field)?.as_str()
    }

    /// The document that was sent, as a type.
    ///
    /// # Errors
    /// `BadRequest` when it is none.
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let unfit = |why: String| Refusal::new(Reason::BadRequest, why);
        let json = self
            .json()
            .ok_or_else(|| unfit("the body is no JSON".to_owned()))?;
        T::deserialize(json).map_err(|error| unfit(format!("the body does not fit: {error}")))
    }
}

impl PageWanted {
    /// How many pages that many entries fill; one page is there always.
    pub(crate) fn pages(self, entries: usize) -> usize {
        entries.div_ceil(self.size).max(1)
    }

    /// The entries of the page.
    pub(crate) fn of<T>(self, entries: impl Iterator<Item = T>) -> Vec<T> {
        let before = (self.number - 1).saturating_mul(self.size);
        entries.skip(before).take(self.size).collect()
    }
}

/// The pipeline puts it there; a handler outside it has an empty one.
impl<S: Sync> FromRequestParts<S> for Call {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        if let Some(call) = parts.extensions.get::<Self>() {
            return Ok(call.clone());
        }
        let bare = Request::from_parts(parts.clone(), Bytes::new().into());
        Ok(Self::read(bare).await.0)
    }
}

fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let pair = pairs.iter().find(|(own, _)| own == name)?;
    Some(&pair.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn call(uri: &str, body: &str) -> Call {
        let request = Request::builder().uri(uri).body(body.to_owned().into());
        Call::read(request.expect("legal")).await.0
    }

    #[tokio::test]
    async fn a_page_is_no_larger_than_the_cloud_allows() {
        let wanted = call("/v1/servers?page=3&per_page=1000", "").await;
        let page = wanted.page("per_page", 25, 50);
        assert_eq!((page.number, page.size), (3, 50));
        assert_eq!(page.pages(101), 3);
        assert_eq!(page.of(0..101), [100]);
        assert_eq!(
            call("/v1/servers", "").await.page("per_page", 25, 50).size,
            25
        );
        assert_eq!(page.pages(0), 1);
    }

    #[tokio::test]
    async fn repeated_and_encoded_query_parameters_are_read() {
        let call = call("/v1/actions?id=1&id=2&label_selector=a%3Db", "").await;
        assert_eq!(call.queries("id"), ["1", "2"]);
        assert_eq!(call.query("label_selector"), Some("a=b"));
    }

    #[tokio::test]
    async fn a_body_of_another_shape_is_refused() {
        let good: Vec<u8> = call("/", "[1]").await.body().expect("fits");
        assert_eq!(good, [1]);
        for bad in ["", "{", "{\"a\":1}"] {
            let refused = call("/", bad).await.body::<Vec<u8>>().expect_err(bad);
            assert_eq!(refused.reason, Reason::BadRequest);
        }
    }
}
