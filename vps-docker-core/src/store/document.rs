use serde::Serialize;
use serde::de::DeserializeOwned;

/// A JSON document of the state volume. Its first two fields are `schema_version` and `generation`:
/// the script that writes it reads the generation from the beginning of the text.
pub(crate) trait Document: Clone + Serialize + DeserializeOwned + Send + Sync {
    /// Its path in the volume.
    fn path(&self) -> String;

    /// Raised by one at every write; compared before it. 0: not written yet.
    fn generation(&mut self) -> &mut u64;
}
