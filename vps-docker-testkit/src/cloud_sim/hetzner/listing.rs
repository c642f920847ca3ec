use serde_json::{Map, Value, json};

use crate::cloud_sim::answer::Answer;
use crate::cloud_sim::call::Call;
use crate::cloud_sim::sim::Sim;

/// A page of a listing, with what the API says of pages in the body and in the header `Link`. 25 entries a
/// page unless asked for others, 50 at most.
pub(super) fn page<T>(
    sim: &Sim,
    call: &Call,
    key: &str,
    entries: Vec<T>,
    show: impl FnMut(T) -> Value,
) -> Answer {
    let page = call.page("per_page", 25, 50);
    let total = entries.len();
    let last = page.pages(total);
    let shown: Vec<Value> = page.of(entries.into_iter()).into_iter().map(show).collect();
    let previous = (page.number > 1).then(|| page.number - 1);
    let next = (page.number < last).then(|| page.number + 1);
    let mut body = Map::new();
    body.insert(key.to_owned(), Value::Array(shown));
    body.insert(
        "meta".to_owned(),
        json!({"pagination": {
            "page": page.number,
            "per_page": page.size,
            "previous_page": previous,
            "next_page": next,
            "last_page": last,
            "total_entries": total,
        }}),
    );
    let link = |number: usize, relation: &str| {
        let place = format!("{}{}", sim.origin(), call.path());
        format!(
            "<{place}?page={number}&per_page={}>; rel=\"{relation}\"",
            page.size
        )
    };
    let links = [
        previous.map(|number| link(number, "prev")),
        next.map(|number| link(number, "next")),
        Some(link(last, "last")),
    ];
    let links: Vec<String> = links.into_iter().flatten().collect();
    Answer::ok(Value::Object(body)).header("link", links.join(", "))
}

/// Sorts by what `sort=field:direction` says; `field` gives what is compared.
pub(super) fn sort<T, K: Ord>(call: &Call, entries: &mut [T], field: impl Fn(&T, &str) -> K) {
    // The first one is the most important, so it is done last; the order is stable.
    for wanted in call.queries("sort").into_iter().rev() {
        let (name, direction) = wanted.split_once(':').unwrap_or((wanted, "asc"));
        entries.sort_by_key(|entry| field(entry, name));
        if direction == "desc" {
            entries.reverse();
        }
    }
}
