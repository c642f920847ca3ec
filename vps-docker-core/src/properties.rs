//! What must hold whatever comes in: one function each, of any bytes, that panics when it does not.
//!
//! Two drivers run the same functions: the tests, on the inputs of `fuzz/corpus/` and on random
//! changes of them, and libFuzzer, by the programs in `fuzz/`. An input of several texts has the
//! byte 0xff between them.

pub use crate::cloud_init::properties::{PyYaml, cloud_init};
pub use crate::files::properties::{ignore, listing, unpack};
pub use crate::idle::properties::idle_log;
pub use crate::keys::properties::known_hosts;
pub use crate::lifecycle::properties::vps_answers;
pub use crate::ssh::properties::quoting;
pub use crate::store::properties::records;

use crate::Error;
use crate::http::Refusal;
use crate::model::Tags;

/// For providers: a refusal of any status is an error that says something in text.
pub fn refused(data: &[u8], parse_error: impl Fn(&Refusal) -> Error) {
    let text = String::from_utf8_lossy(data);
    let operations = ["create_instance", "ensure_ssh_key", "create_snapshot", ""];
    let statuses = [
        400, 401, 402, 403, 404, 405, 409, 412, 422, 423, 429, 500, 503,
    ];
    for (status, operation) in statuses.into_iter().zip(operations.into_iter().cycle()) {
        let said = parse_error(&Refusal::new(operation, status, &text)).to_string();
        let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        assert!(!said.is_empty() && !said.contains(steers), "{said:?}");
    }
}

/// For providers: the tags that an input holds, by turns key and value.
#[must_use]
pub fn tags_of(data: &[u8]) -> Tags {
    let fields: Vec<String> = data
        .split(|byte| *byte == 0xff)
        .map(|field| String::from_utf8_lossy(field).into_owned())
        .collect();
    fields
        .chunks(2)
        .map(|pair| (pair[0].clone(), pair.get(1).cloned().unwrap_or_default()))
        .collect()
}
