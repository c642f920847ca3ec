use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cloud_sim::call::Call;
use crate::cloud_sim::refusal::{Reason, Refusal};

/// The document that was sent, as a type. What is null in it is as what is left out.
///
/// # Errors
/// `BadRequest` when it is none of that type.
pub(super) fn body<T: DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    let mut sent: Value = call.body()?;
    if let Some(fields) = sent.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    let unfit = |error| {
        Refusal::new(
            Reason::BadRequest,
            format!("the body does not fit: {error}"),
        )
    };
    T::deserialize(sent).map_err(unfit)
}
