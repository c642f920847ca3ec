use std::sync::Arc;

use super::contents::Contents;
use super::document::Document;
use super::file::parse_record;
use super::{AgentRecord, HostRecord, HostSnapshot};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{AgentName, HostSnapshotId};
use crate::ssh::{Transport, TransportExt, join};

/// Name of the volume that holds the documents.
pub(crate) const STATE_VOLUME: &str = "vps-docker-state";

/// The scripts that work on the volume: files of their own, so that they can be read and tested.
const READ_SCRIPT: &str = concat!(
    include_str!("state-dir.sh"),
    include_str!("read-documents.sh")
);
const WRITE_SCRIPT: &str = concat!(
    include_str!("state-dir.sh"),
    include_str!("write-document.sh")
);
const REMOVE_SCRIPT: &str = concat!(
    include_str!("state-dir.sh"),
    include_str!("remove-document.sh")
);

/// Exit codes of the script that writes, beside those of a failure.
const EXIT_STALE: i32 = 90;
const EXIT_CORRUPT: i32 = 91;

/// How often a change is tried that others came before. Each loss is somebody else's success.
const TRIES: usize = 1000;

/// The documents in the state volume on the VPS: the host's record and those of its agents.
///
/// Writes are atomic (temporary file, fsync, rename) under a lock and compare the generation: of
/// two clients that write at once, one is told that its document is stale. Readers see the old
/// document or the new one.
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
        self.read_document("host.json").await
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
        self.write_document(record).await
    }

    /// Reads the record, changes it and writes it, again and again until nobody else wrote in
    /// between. `change` may run several times.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no record, and those of [`write`](Self::write).
    pub async fn update(
        &self,
        mut change: impl FnMut(&mut HostRecord) + Send,
    ) -> Result<HostRecord> {
        let change = |found: Option<HostRecord>| {
            let mut record = found.ok_or_else(|| {
                Error::new(ErrorKind::NotFound, "the VPS holds no record of a host")
            })?;
            change(&mut record);
            Ok(record)
        };
        self.update_document("host.json", change).await
    }

    /// All agents, by name.
    ///
    /// # Errors
    /// [`ErrorKind::State`] when one is corrupt, [`ErrorKind::Unreachable`].
    pub async fn agents(&self) -> Result<Vec<AgentRecord>> {
        let lines = self.documents(&["agents/*.json"]).await?;
        let contents = Contents::parse(&lines);
        match contents.corrupt.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(contents.agents),
        }
    }

    /// One agent; `None` when there is none of that name.
    ///
    /// # Errors
    /// [`ErrorKind::State`] when it is corrupt, [`ErrorKind::Unreachable`].
    pub async fn agent(&self, name: &AgentName) -> Result<Option<AgentRecord>> {
        self.read_document(&AgentRecord::path_of(name)).await
    }

    /// Writes an agent over the one of its own generation, as [`write`](Self::write) does.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub async fn put_agent(&self, agent: &mut AgentRecord) -> Result<()> {
        self.write_document(agent).await
    }

    /// Reads an agent, `None` where there is none yet, and writes what `change` makes of its data,
    /// again and again until nobody else wrote in between. `change` may run several times.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub async fn update_agent(
        &self,
        name: &AgentName,
        mut change: impl FnMut(Option<serde_json::Value>) -> serde_json::Value + Send,
    ) -> Result<AgentRecord> {
        let change = |found: Option<AgentRecord>| {
            let (generation, data) = match found {
                Some(found) => (found.generation, Some(found.data)),
                None => (0, None),
            };
            let mut agent = AgentRecord::new(name.clone(), change(data));
            agent.generation = generation;
            Ok(agent)
        };
        let path = AgentRecord::path_of(name);
        self.update_document(&path, change).await
    }

    /// Removes an agent. Idempotent.
    ///
    /// # Errors
    /// [`ErrorKind::State`] when it cannot be removed, [`ErrorKind::Unreachable`].
    pub async fn remove_agent(&self, name: &AgentName) -> Result<()> {
        self.remove_document(&AgentRecord::path_of(name)).await
    }

    /// All snapshots, the oldest first.
    ///
    /// # Errors
    /// [`ErrorKind::State`] when the record of one is corrupt, [`ErrorKind::Unreachable`].
    pub async fn snapshots(&self) -> Result<Vec<HostSnapshot>> {
        let lines = self.documents(&["host.json", "snapshots/*.json"]).await?;
        let contents = Contents::parse(&lines);
        match contents.corrupt.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(contents.snapshots),
        }
    }

    /// One snapshot; `None` when there is none of that id.
    ///
    /// # Errors
    /// [`ErrorKind::State`] when its record is corrupt, [`ErrorKind::Unreachable`].
    pub async fn snapshot(&self, id: &HostSnapshotId) -> Result<Option<HostSnapshot>> {
        let path = HostSnapshot::path_of(id);
        let lines = self.documents(&["host.json", &path]).await?;
        let contents = Contents::parse(&lines);
        match contents.corrupt.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(contents.snapshots.into_iter().next()),
        }
    }

    /// The host's record as it was when a snapshot was taken.
    pub(crate) async fn record_in_snapshot(
        &self,
        id: &HostSnapshotId,
    ) -> Result<Option<HostRecord>> {
        self.read_document(&format!("snapshots/{id}/host.json"))
            .await
    }

    /// The command that prints everything, for [`Contents::parse`].
    pub(crate) fn read_command() -> String {
        read_command(&Contents::PATTERNS)
    }

    async fn documents(&self, patterns: &[&str]) -> Result<String> {
        let output = self.vps.run(&read_command(patterns), b"").await?;
        output.success(ErrorKind::State, "reading the state volume")
    }

    async fn read_document<D: Document>(&self, path: &str) -> Result<Option<D>> {
        let line = self.documents(&[path]).await?;
        match line.split_once('\t') {
            None => Ok(None),
            Some((_, text)) => parse_record(text, &format!("{path} on the VPS")).map(Some),
        }
    }

    async fn write_document<D: Document>(&self, document: &mut D) -> Result<()> {
        let mut next = document.clone();
        let generation = next.generation();
        let expected = generation.to_string();
        *generation += 1;
        let path = next.path();
        let text = serde_json::to_vec(&next).expect("a document is plain data");
        let length = text.len().to_string();
        let words = [
            "sh",
            "-c",
            WRITE_SCRIPT,
            "write-document",
            &path,
            &expected,
            &length,
        ];
        let output = self.vps.run(&join(words), &text).await?;
        match output.exit_code() {
            0 => {
                *document = next;
                Ok(())
            }
            EXIT_STALE => Err(Error::new(
                ErrorKind::Locked,
                format!(
                    "{path} on the VPS was changed by somebody else: generation {expected} was \
                     expected, found {}",
                    output.stderr.trim()
                ),
            )
            .retryable()),
            EXIT_CORRUPT => Err(Error::new(
                ErrorKind::State,
                format!(
                    "{path} on the VPS is corrupt; it is left as it is, look at it in the volume \
                     {STATE_VOLUME}"
                ),
            )),
            _ if output.stderr.contains("No space left on device") => Err(Error::new(
                ErrorKind::State,
                format!(
                    "the disk of the VPS is full: {path} is left as it was; make room there, for \
                     instance with `docker system prune` on the VPS, and do it again"
                ),
            )),
            _ => output
                .success(ErrorKind::State, &format!("writing {path}"))
                .map(drop),
        }
    }

    async fn update_document<D: Document>(
        &self,
        path: &str,
        mut change: impl FnMut(Option<D>) -> Result<D> + Send,
    ) -> Result<D> {
        for _ in 1..TRIES {
            let mut document = change(self.read_document(path).await?)?;
            match self.write_document(&mut document).await {
                Ok(()) => return Ok(document),
                Err(error) if error.kind() == ErrorKind::Locked => {}
                Err(error) => return Err(error),
            }
        }
        let mut document = change(self.read_document(path).await?)?;
        self.write_document(&mut document).await.map(|()| document)
    }

    async fn remove_document(&self, path: &str) -> Result<()> {
        let command = join(["sh", "-c", REMOVE_SCRIPT, "remove-document", path]);
        let output = self.vps.run(&command, b"").await?;
        output
            .success(ErrorKind::State, &format!("removing {path}"))
            .map(drop)
    }
}

fn read_command(patterns: &[&str]) -> String {
    let words = ["sh", "-c", READ_SCRIPT, "read-documents"];
    join(words.iter().chain(patterns))
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
            expires_at: None,
            labels: BTreeMap::from([("a'b".into(), "$(id)\n\"".into())]),
            container: ContainerSpec {
                image: ImageReference::new("debian").expect("legal"),
                image_source: ImageSource::Auto,
                command: ContainerCommand::None,
                start_args: StartArgs::default(),
                resources: crate::model::Resources::default(),
                security: crate::model::Security::default(),
            },
            host_dir: "/vps-docker".into(),
            derived_image: None,
            container_command: Vec::new(),
            base_image: None,
            build_digest: None,
            deployment: None,
            os: None,
            login_user: None,
            container_host_key: None,
            next_container_host_key: None,
            container_ssh_port: 2222,
            idle_policy: crate::model::IdlePolicy::default(),
            exposure: None,
            tls_endpoint: None,
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
        let command = join([
            "sh",
            "-c",
            WRITE_SCRIPT,
            "write-document",
            "host.json",
            "1",
            &length,
        ]);
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

    /// Two clients that change record and agent at the same time, 200 times each.
    #[tokio::test(flavor = "multi_thread")]
    async fn of_updates_at_once_none_is_lost() {
        let directory = tempfile::tempdir().expect("a directory");
        let first = store(directory.path());
        first.write(&mut record()).await.expect("the first");
        let name = AgentName::new("agent").expect("legal");
        let client = |client: usize| {
            let (store, name) = (store(directory.path()), name.clone());
            async move {
                for number in 0..200 {
                    let label = format!("{client}-{number}");
                    let add = |record: &mut HostRecord| {
                        record.labels.insert(label.clone(), String::new());
                    };
                    store.update(add).await.expect("updated");
                    let count = |found: Option<serde_json::Value>| {
                        (found.and_then(|value| value.as_u64()).unwrap_or(0) + 1).into()
                    };
                    store.update_agent(&name, count).await.expect("updated");
                }
            }
        };
        tokio::join!(client(1), client(2));
        let record = on_disk(directory.path());
        // One label was there before.
        assert_eq!((record.labels.len(), record.generation), (401, 401));
        let agent = first.agent(&name).await.expect("readable").expect("there");
        assert_eq!(agent.data, serde_json::json!(400));
        assert_eq!(agent.generation, 400);
    }

    #[tokio::test]
    async fn agents_are_put_listed_and_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = store(directory.path());
        assert_eq!(store.agents().await.expect("none yet"), []);
        let data = serde_json::json!({"it's": "$(id)\n\ttab \u{1F600}"});
        let name = AgentName::new("one").expect("legal");
        let mut one = AgentRecord::new(name.clone(), data);
        store.put_agent(&mut one).await.expect("put");
        let mut two = AgentRecord::new(AgentName::new("two").expect("legal"), 2.into());
        store.put_agent(&mut two).await.expect("put");
        assert_eq!(
            store.agents().await.expect("listed"),
            [one.clone(), two.clone()]
        );
        let mut again = AgentRecord::new(name.clone(), 3.into());
        let error = store.put_agent(&mut again).await.expect_err("it is there");
        assert_eq!(error.kind(), ErrorKind::Locked);
        store
            .put_agent(&mut one)
            .await
            .expect("over its own generation");

        std::fs::write(directory.path().join("agents/three.json"), "{").expect("written");
        let error = store.agents().await.expect_err("one is corrupt");
        assert!(error.to_string().contains("agents/three.json"), "{error}");
        for name in ["one", "three", "three"] {
            let name = AgentName::new(name).expect("legal");
            store.remove_agent(&name).await.expect("idempotent");
        }
        assert_eq!(store.agents().await.expect("listed"), [two]);
    }
}
