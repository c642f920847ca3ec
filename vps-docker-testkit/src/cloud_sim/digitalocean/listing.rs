use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::cloud_sim::answer::Answer;
use crate::cloud_sim::call::Call;
use crate::cloud_sim::sim::Sim;

/// A page of a listing, with the number of all entries and with links to other pages where there are any. 20
/// entries a page unless asked for others, 200 at most.
pub(super) fn page<T>(
    sim: &Sim,
    call: &Call,
    key: &str,
    entries: Vec<T>,
    show: impl FnMut(T) -> Value,
) -> Answer {
    let page = call.page("per_page", 20, 200);
    let total = entries.len();
    let last = page.pages(total);
    let shown: Vec<Value> = page.of(entries.into_iter()).into_iter().map(show).collect();
    let mut pages = Map::new();
    let mut link = |relation: &str, number: usize| {
        pages.insert(relation.to_owned(), url(sim, call, number).into());
    };
    if page.number > 1 {
        link("first", 1);
        link("prev", page.number - 1);
    }
    if page.number < last {
        link("next", page.number + 1);
        link("last", last);
    }
    let mut body = Map::new();
    body.insert(key.to_owned(), Value::Array(shown));
    body.insert("meta".to_owned(), json!({"total": total}));
    let links = if pages.is_empty() {
        json!({})
    } else {
        json!({"pages": pages})
    };
    body.insert("links".to_owned(), links);
    Answer::ok(Value::Object(body))
}

/// The same listing at another page.
fn url(sim: &Sim, call: &Call, page: usize) -> String {
    let mut url = format!("{}{}?page={page}", sim.origin(), call.path());
    for (name, value) in call.query_pairs() {
        if name != "page" {
            url.push('&');
            encode(&mut url, name);
            url.push('=');
            encode(&mut url, value);
        }
    }
    url
}

fn encode(url: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~:".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _infallible = write!(url, "%{byte:02X}");
        }
    }
}
