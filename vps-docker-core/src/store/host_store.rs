use std::sync::Arc;

use super::file::parse_record;
use super::record::HostRecord;
use crate::error::{Error, ErrorKind, Result};
use crate::ssh::{Transport, TransportExt, join};

/// Name of the volume that holds the record.
pub(crate) const STATE_VOLUME: &str = "vps-docker-state";

/// The scripts that read and write the record: files of their own, so that they can be read and
/// tested.
const READ_SCRIPT: &str = include_str!("read-record.sh");
const WRITE_SCRIPT: &str = include_str!("write-record.sh");

/// Exit codes of the script, beside those of a failure.
const EXIT_STALE: i32 = 90;
const EXIT_CORRUPT: i32 = 91;

/// The host's record in the state volume on the VPS.
///
/// Writes are atomic (temporary file, fsync, rename) under a lock and compare the generation: of
/// two clients that write at once, one is told that its record is stale. Readers see the old
/// record or the new one.
#[derive(Clone, Debug)]
pub struct HostStore {
    vps: Arc<dyn Transport>,
}

impl HostStore {
    /// The store of the VPS at the other end.
    #[must_use]
    pub fn new(vps: Arc<dyn Transport>) -> Self {
        Self { vps }
    }

    /// Reads the record; `None` when none was written yet.
    ///
    /// # Errors
    /// [`ErrorKind::State`] when it is corrupt or of a newer version, [`ErrorKind::Unreachable`].
    pub async fn read(&self) -> Result<Option<HostRecord>> {
        let command = join(["sh", "-c", READ_SCRIPT, "read-record"]);
        let output = self.vps.run(&command, b"").await?;
        let text = output.success(ErrorKind::State, "reading the host's record")?;
        if text.is_empty() {
            return Ok(None);
        }
        parse_record(&text, "host.json on the VPS").map(Some)
    }

    /// Writes the record over the one of its own generation and raises the generation, in
    /// `record` too. Generation 0 is written where there is none yet.
    ///
    /// Not cancel-safe: dropped in the middle, the record may or may not have been written, but
    /// never half.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] when somebody else wrote in between: read, change and write again.
    /// [`ErrorKind::State`] when what is there is corrupt or cannot be written; it is left as it
    /// is. [`ErrorKind::Unreachable`].
    pub async fn write(&self, record: &mut HostRecord) -> Result<()> {
        let mut next = record.clone();
        next.generation += 1;
        let text = serde_json::to_vec(&next).expect("a record is plain data");
        let expected = record.generation.to_string();
        let length = text.len().to_string();
        let command = join(["sh", "-c", WRITE_SCRIPT, "write-record", &expected, &length]);
        let output = self.vps.run(&command, &text).await?;
        match output.exit_code() {
            0 => {
                *record = next;
                Ok(())
            }
            EXIT_STALE => Err(Error::new(
                ErrorKind::Locked,
                format!(
                    "the host's record was changed by somebody else: generation {expected} was \
                     expected, found {}",
                    output.stderr.trim()
                ),
            )
            .retryable()),
            EXIT_CORRUPT => Err(Error::new(
                ErrorKind::State,
                "the host's record on the VPS is corrupt; it is left as it is, look at host.json \
                 in the volume vps-docker-state",
            )),
            _ => output
                .success(ErrorKind::State, "writing the host's record")
                .map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::model::{
        ContainerCommand, ContainerSpec, HostId, HostName, ImageReference, ImageSource, InstanceId,
        OwnerId, StartArgs, Timestamp,
    };
    use crate::ssh::local_shell::LocalShell;
    use crate::store::SCHEMA_VERSION;

    fn record() -> HostRecord {
        HostRecord {
            schema_version: SCHEMA_VERSION,
            generation: 0,
            id: HostId::random(),
            name: HostName::new("web1").expect("legal"),
            provider: "local".into(),
            owner: OwnerId::random(),
            instance_id: InstanceId::new("1"),
            created_at: Timestamp::now(),
            ready_at: None,
            labels: BTreeMap::from([("a'b".into(), "$(id)\n\"".into())]),
            container: ContainerSpec {
                image: ImageReference::new("debian").expect("legal"),
                image_source: ImageSource::Auto,
                command: ContainerCommand::None,
                start_args: StartArgs::default(),
            },
            host_dir: "/vps-docker".into(),
            derived_image: None,
            login_user: None,
            container_host_key: None,
            container_ssh_port: 2222,
        }
    }

    fn store(directory: &Path) -> HostStore {
        HostStore::new(Arc::new(LocalShell {
            variables: vec![(
                "VPS_DOCKER_STATE_DIR".into(),
                directory.display().to_string(),
            )],
        }))
    }

    fn on_disk(directory: &Path) -> HostRecord {
        let text = std::fs::read_to_string(directory.join("host.json")).expect("written");
        parse_record(&text, "test").expect("readable")
    }

    #[tokio::test]
    async fn a_write_raises_the_generation_and_a_stale_one_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = store(directory.path());
        assert_eq!(store.read().await.expect("none yet"), None);
        let mut ours = record();
        store.write(&mut ours).await.expect("the first");
        assert_eq!((ours.generation, &on_disk(directory.path())), (1, &ours));
        assert_eq!(store.read().await.expect("readable"), Some(ours.clone()));
        let mut theirs = ours.clone();
        theirs.login_user = Some("them".into());
        store.write(&mut theirs).await.expect("the second");
        let error = store.write(&mut ours).await.expect_err("stale");
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert_eq!(on_disk(directory.path()), theirs);
    }

    /// A Docker that does not answer must not look like a host without a record.
    #[tokio::test]
    async fn an_absent_docker_is_an_error_and_no_absent_record() {
        let nowhere = LocalShell {
            variables: vec![("DOCKER_HOST".into(), "unix:///nonexistent".into())],
        };
        let error = HostStore::new(Arc::new(nowhere)).read().await;
        assert_eq!(error.expect_err("no answer").kind(), ErrorKind::State);
    }

    #[tokio::test]
    async fn a_corrupt_record_is_left_as_it_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("host.json");
        std::fs::write(&file, "{half").expect("written");
        let error = store(directory.path())
            .write(&mut record())
            .await
            .expect_err("corrupt");
        assert_eq!(error.kind(), ErrorKind::State);
        let error = store(directory.path()).read().await.expect_err("corrupt");
        assert_eq!(error.kind(), ErrorKind::State);
        assert_eq!(std::fs::read_to_string(&file).expect("there"), "{half");
    }

    #[tokio::test]
    async fn input_that_breaks_off_replaces_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = store(directory.path());
        let mut record = record();
        store.write(&mut record).await.expect("the first");
        let text = serde_json::to_string(&record).expect("plain data");
        let length = text.len().to_string();
        let command = join(["sh", "-c", WRITE_SCRIPT, "write-record", "1", &length]);
        let half = &text.as_bytes()[..text.len() / 2];
        let output = store.vps.run(&command, half).await.expect("it ran");
        assert_ne!(output.exit_code(), 0);
        assert_eq!(on_disk(directory.path()), record);
    }

    #[tokio::test]
    async fn of_writers_at_once_each_generation_has_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = store(directory.path());
        store.write(&mut record()).await.expect("the first");
        let begin = on_disk(directory.path());
        let writers = (0..8).map(|_| {
            let (store, mut record) = (store.clone(), begin.clone());
            async move { store.write(&mut record).await.is_ok() }
        });
        let won = futures_util::future::join_all(writers).await;
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
        assert_eq!(on_disk(directory.path()).generation, 2);
    }
}
