use std::time::Duration;

use serde::Deserialize;

use super::{CONTAINER_NAME, DockerOverSsh};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Timestamp;

/// What `docker image inspect` says of an image, as far as we need it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ImageConfig {
    /// `sha256:` and the image's digest.
    pub(crate) id: String,
    /// Where a registry knows it; empty when it was never pulled or pushed.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) repo_digests: Vec<String>,
    /// When it was made; an image built reproducibly may not tell.
    #[serde(default)]
    created: Option<Timestamp>,
    /// Bytes on disk.
    #[serde(default)]
    pub(crate) size: u64,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) config: RunConfig,
    #[serde(default, rename = "RootFS", deserialize_with = "null_is_empty")]
    root_fs: RootFs,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RootFs {
    #[serde(default, deserialize_with = "null_is_empty")]
    layers: Vec<String>,
}

/// How an image wants to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RunConfig {
    #[serde(default)]
    pub(crate) user: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) entrypoint: Vec<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) cmd: Vec<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) on_build: Vec<String>,
}

fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl ImageConfig {
    /// Reads the array that `docker image inspect` prints.
    pub(crate) fn parse(json: &str) -> Result<Self> {
        serde_json::from_str::<Vec<Self>>(json)
            .map_err(|error| {
                Error::new(
                    ErrorKind::Docker,
                    "cannot read what `docker image inspect` prints",
                )
                .with_source(error)
            })?
            .into_iter()
            .next()
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "docker knows no such image"))
    }

    /// Who logs in to a container of the derived image: the image's own user, to whom a data volume
    /// that is new is handed over.
    pub(crate) async fn login_user(
        &self,
        docker: &DockerOverSsh,
        host_dir: &str,
    ) -> Result<String> {
        let user = self.config.user.split(':').next().unwrap_or_default();
        if matches!(user, "" | "0" | "root") {
            return Ok("root".to_owned());
        }
        // A bare number has got a name when sshd was brought in.
        let script = "read -r user </etc/vps-docker/login-user
            [ -n \"$(ls -A \"$1\")\" ] || chown \"$user:\" \"$1\"
            printf %s \"$user\"";
        let words = [
            "exec",
            "--user=0",
            CONTAINER_NAME,
            "sh",
            "-euc",
            script,
            "hand-over",
        ];
        docker.run(words.into_iter().chain([host_dir])).await
    }

    pub(crate) fn is_younger_than(&self, age: Duration) -> bool {
        let is_young = |created: Timestamp| created.plus(age) > Timestamp::now();
        self.created.is_some_and(is_young)
    }

    /// The digests of its layers' uncompressed contents, the lowest one first.
    pub(crate) fn layers(&self) -> &[String] {
        &self.root_fs.layers
    }

    /// Whether no registry is known to have it.
    pub(crate) fn is_only_local(&self) -> bool {
        self.repo_digests.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_and_missing_fields_are_empty() {
        let config = ImageConfig::parse(
            r#"[{"Id": "sha256:1", "RepoDigests": null, "Config": {"Cmd": null, "User": "app"}}]"#,
        )
        .expect("readable");
        assert!(config.is_only_local());
        assert_eq!(config.config.user, "app");
        assert!(config.config.cmd.is_empty());
        assert!(config.layers().is_empty());
        ImageConfig::parse("[]").expect_err("none");
    }
}
