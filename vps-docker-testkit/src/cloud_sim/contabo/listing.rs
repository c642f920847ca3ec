//! What all answers have in common: `data` is a list even of one thing, beside it links.

use serde_json::{Value, json};

use crate::cloud_sim::call::Call;

/// One thing, as the list of one that the API makes of it.
pub(super) fn one(call: &Call, thing: Value) -> Value {
    json!({"data": [thing], "_links": {"self": call.path()}})
}

/// The answer of calls that show nothing.
pub(super) fn links(call: &Call) -> Value {
    json!({"_links": {"self": call.path()}})
}

/// A page: ten entries unless asked for others, a hundred at most. Links that lead nowhere are empty.
pub(super) fn page<T>(call: &Call, entries: Vec<T>, show: impl FnMut(T) -> Value) -> Value {
    let page = call.page("size", 10, 100);
    let total = entries.len();
    let pages = page.pages(total);
    let shown: Vec<Value> = page.of(entries.into_iter()).into_iter().map(show).collect();
    let link = |number: usize| format!("{}?page={number}&size={}", call.path(), page.size);
    let next = (page.number < pages).then(|| link(page.number + 1));
    let previous = (page.number > 1).then(|| link(page.number - 1));
    json!({
        "data": shown,
        "_links": {
            "first": link(1),
            "previous": previous.unwrap_or_default(),
            "next": next.unwrap_or_default(),
            "last": link(pages),
            "self": call.path(),
        },
        "_pagination": {
            "size": page.size,
            "totalElements": total,
            "totalPages": pages,
            "page": page.number,
        },
    })
}

/// Sorts by what `orderBy=field:ASC` says; `field` gives what is compared.
pub(super) fn sort<T, K: Ord>(call: &Call, entries: &mut [T], field: impl Fn(&T, &str) -> K) {
    // The first one is the most important, so it is done last; the order is stable.
    for wanted in call.queries("orderBy").into_iter().rev() {
        let (name, direction) = wanted.split_once(':').unwrap_or((wanted, "asc"));
        entries.sort_by_key(|entry| field(entry, name));
        if direction.eq_ignore_ascii_case("desc") {
            entries.reverse();
        }
    }
}

/// What stands between commas; `None` when the parameter was not sent.
pub(super) fn listed<'a>(call: &'a Call, name: &str) -> Option<Vec<&'a str>> {
    Some(call.query(name)?.split(',').map(str::trim).collect())
}
