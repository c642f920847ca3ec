//! What is said to cloud-init beside the client's `user_data`.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use vps_docker_core::Result;
use vps_docker_core::keys::KeyPair;

const BOUNDARY: &str = "not-all-of-this-is-the-clients";

/// The client's document with another one before it, which the client's overrules, and one behind it, which has
/// the last word: of two parts cloud-init takes each key of the later one, whatever the earlier one has there.
pub(super) fn between(
    before: Option<SecretString>,
    user_data: SecretString,
    behind: Option<SecretString>,
) -> SecretString {
    if before.is_none() && behind.is_none() {
        return user_data;
    }
    let mut text =
        format!("Content-Type: multipart/mixed; boundary=\"{BOUNDARY}\"\nMIME-Version: 1.0\n\n");
    for part in [before, Some(user_data), behind].into_iter().flatten() {
        // What a plain text is cloud-init sees by how it begins.
        text.push_str(&format!(
            "--{BOUNDARY}\nContent-Type: text/plain; charset=\"utf-8\"\n\n{}\n",
            part.expose_secret()
        ));
    }
    text.push_str(&format!("--{BOUNDARY}--\n"));
    SecretString::from(text)
}

/// A host key other than the one that the client gave.
///
/// # Errors
/// Those of making a key.
pub(super) fn another_host_key() -> Result<SecretString> {
    let key = KeyPair::generate("wrong")?;
    Ok(cloud_config(&json!({"ssh_keys": {
        "ed25519_private": key.private_openssh().expose_secret(),
        "ed25519_public": key.public().openssh(),
    }})))
}

/// An account that may do everything by sudo and is opened by those keys, each a line.
pub(super) fn user(name: &str, keys: Vec<String>) -> SecretString {
    cloud_config(&json!({"users": [{
        "name": name,
        "shell": "/bin/bash",
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "ssh_authorized_keys": keys,
    }]}))
}

fn cloud_config(content: &serde_json::Value) -> SecretString {
    SecretString::from(format!("#cloud-config\n{content}\n"))
}
