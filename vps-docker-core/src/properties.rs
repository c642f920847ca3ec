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
