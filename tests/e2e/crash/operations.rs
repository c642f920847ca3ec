//! The operations that are interrupted. A new one is one more entry here.

use std::pin::Pin;
use std::time::Duration;

use vps_docker::model::{
    Cidr, Exposure, HealthCheck, HostId, SnapshotName, TlsClients, TlsEndpointOptions,
};
use vps_docker::{
    ErrorKind, HostName, HostSpec, HostState, ImageSource, Result, VpsDockerProvider,
};

/// What an operation works on.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// The host's name, and the one that a rename gives it.
    pub(super) names: [HostName; 2],
    pub(super) image: String,
}

/// A whole host in that state, or nothing at all.
pub(super) type Left = Option<HostState>;

/// Something that a user does, and what is there then.
type Deed = for<'a> fn(&'a VpsDockerProvider, &'a Subject) -> Work<'a>;
type Work<'a> = Pin<Box<dyn Future<Output = Result<Left>> + Send + 'a>>;

/// What stands before the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    /// What a create leaves that is killed when its instance runs and this side knows where.
    HalfAHost,
    A(HostState),
    /// A host that runs, with two snapshots at least.
    Snapshots,
}

/// An operation that is killed at each of its steps.
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) before: Before,
    pub(super) run: Deed,
    /// The steps from this one on are another operation's.
    pub(super) until: Option<&'static str>,
    /// What users do when it was cut off: one of these, in turn.
    pub(super) recoveries: &'static [Deed],
    /// What is there when it was not.
    pub(super) after: Left,
}

const RUNNING: Before = Before::A(HostState::Running);
const STOPPED: Before = Before::A(HostState::Stopped);
const CREATE: Deed = |provider, subject| Box::pin(create(provider, subject));
const DESTROY: Deed = |provider, subject| Box::pin(destroy(provider, subject));
const COLLECT: Deed = |provider, subject| Box::pin(collect(provider, subject));
const RENAME: Deed = |provider, subject| Box::pin(rename(provider, subject));
const ROTATE: Deed = |provider, subject| Box::pin(rotate(provider, subject));
const EXPOSE: Deed = |provider, subject| Box::pin(expose(provider, subject));
const ENDPOINT: Deed = |provider, subject| Box::pin(open_and_close(provider, subject));
const CLOSE: Deed = |provider, subject| Box::pin(close_endpoint(provider, subject));
const LOOK: Deed = |provider, subject| Box::pin(look(provider, subject));
const STOP: Deed = |provider, subject| Box::pin(stop(provider, subject));
const START: Deed = |provider, subject| Box::pin(start(provider, subject));
const REPLACE: Deed = |provider, subject| Box::pin(replace(provider, subject));
const REPLACE_UNWELL: Deed = |provider, subject| Box::pin(replace_unwell(provider, subject));
const SNAPSHOT: Deed = |provider, subject| Box::pin(snapshot(provider, subject));
const RESTORE: Deed = |provider, subject| Box::pin(restore(provider, subject));
const DELETE: Deed = |provider, subject| Box::pin(delete_snapshot(provider, subject));

/// All of them. Those on a host stand together: they share one.
#[rustfmt::skip]
pub(super) const OPERATIONS: &[Operation] = &[
    Operation { name: "create", before: Before::Nothing, run: CREATE, until: None, recoveries: &[COLLECT, DESTROY], after: Some(HostState::Running) },
    Operation { name: "create again", before: Before::HalfAHost, run: CREATE, until: Some("ask create_instance"), recoveries: &[COLLECT, DESTROY], after: Some(HostState::Running) },
    Operation { name: "destroy", before: Before::HalfAHost, run: DESTROY, until: None, recoveries: &[DESTROY], after: None },
    Operation { name: "rename", before: RUNNING, run: RENAME, until: None, recoveries: &[RENAME], after: Some(HostState::Running) },
    Operation { name: "rotate", before: RUNNING, run: ROTATE, until: None, recoveries: &[ROTATE, LOOK], after: Some(HostState::Running) },
    Operation { name: "expose", before: RUNNING, run: EXPOSE, until: None, recoveries: &[EXPOSE], after: Some(HostState::Running) },
    Operation { name: "endpoint", before: RUNNING, run: ENDPOINT, until: None, recoveries: &[ENDPOINT, CLOSE], after: Some(HostState::Running) },
    Operation { name: "stop", before: RUNNING, run: STOP, until: None, recoveries: &[STOP], after: Some(HostState::Stopped) },
    Operation { name: "start", before: STOPPED, run: START, until: None, recoveries: &[START], after: Some(HostState::Running) },
    Operation { name: "replace", before: RUNNING, run: REPLACE, until: None, recoveries: &[REPLACE, START], after: Some(HostState::Running) },
    Operation { name: "replace unwell", before: RUNNING, run: REPLACE_UNWELL, until: None, recoveries: &[START, REPLACE], after: Some(HostState::Running) },
    Operation { name: "snapshot", before: Before::Snapshots, run: SNAPSHOT, until: None, recoveries: &[SNAPSHOT, START], after: Some(HostState::Running) },
    Operation { name: "restore", before: Before::Snapshots, run: RESTORE, until: None, recoveries: &[RESTORE, START], after: Some(HostState::Running) },
    Operation { name: "delete snapshot", before: Before::Snapshots, run: DELETE, until: None, recoveries: &[DELETE, START], after: Some(HostState::Running) },
];

async fn create(provider: &VpsDockerProvider, subject: &Subject) -> Result<Left> {
    let spec = HostSpec::builder(subject.names[0].as_str())
        .image(&subject.image)
        .image_source(ImageSource::Ship)
        .build()?;
    provider.create_host(spec).await?.close().await;
    Ok(Some(HostState::Running))
}

async fn destroy(provider: &VpsDockerProvider, subject: &Subject) -> Result<Left> {
    provider.destroy(&subject.names[0]).await?;
    Ok(None)
}

/// `gc`. A host that was ready is no garbage: the same create finds it.
async fn collect(provider: &VpsDockerProvider, subject: &Subject) -> Result<Left> {
    for collected in provider.gc().await?.collect().await {
        collected.error.map_or(Ok(()), Err)?;
    }
    match provider.host(&subject.names[0]).await {
        Ok(host) => host.close().await,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    match create(provider, subject).await {
        // It was known to be done but for the last word.
        Err(error) if error.kind() == ErrorKind::NameTaken => Ok(Some(HostState::Running)),
        adopted => adopted,
    }
}

async fn rename(provider: &VpsDockerProvider, subject: &Subject) -> Result<Left> {
    let [old, new] = &subject.names;
    let host = match provider.rename(old, new).await {
        // It was done but for what follows from it.
        Err(error) if error.kind() == ErrorKind::NotFound => provider.host(new).await?,
        renamed => renamed?,
    };
    host.close().await;
    Ok(Some(HostState::Running))
}

async fn expose(provider: &VpsDockerProvider, subject: &Subject) -> Result<Left> {
    let exposure = Exposure {
        sources: Cidr::WORLD.to_vec(),
        app_ports: vec![8000],
    };
    let mut host = provider.host(&subject.names[0]).await?;
    host.set_exposure(&exposure).await?;
    host.close().await;
    Ok(Some(HostState::Running))
}

/// With a renewal and a revocation between.
async fn open_and_close(provider: &VpsDockerProvider, subject: &Subject) -> Result<Left> {
    let options = TlsEndpointOptions::default().open_to_world(true);
    let mut host = provider.host(&subject.names[0]).await?;
    let opened = host.open_tls_endpoint(&options).await?;
    let renewed = host.renew_tls_endpoint(options.client_validity).await?;
    assert_ne!(opened.serial, renewed.serial);
    host.revoke_tls_clients(&TlsClients::All).await?;
    host.close_tls_endpoint().await?;
    host.close().await;
    Ok(Some(HostState::Running))
}

async fn close_endpoint(provider: &VpsDockerProvider, subject: &Subject) -> Result<Left> {
    let mut host = provider.host(&subject.names[0]).await?;
    host.close_tls_endpoint().await?;
    host.close().await;
    Ok(Some(HostState::Running))
}

async fn rotate(provider: &VpsDockerProvider, subject: &Subject) -> Result<Left> {
    let mut host = provider.host(&subject.names[0]).await?;
    host.rotate_host_keys().await?;
    // By the new keys alone.
    host.exec("true").await?;
    host.close().await;
    Ok(Some(HostState::Running))
}

/// A look brings to its end what was cut off.
async fn look(provider: &VpsDockerProvider, subject: &Subject) -> Result<Left> {
    let host = provider.host(&subject.names[0]).await?;
    host.exec("true").await?;
    let pins = host.info().vps_ssh.known_hosts.lines().count();
    assert_eq!(pins, 1, "the change of keys is not at its end");
    host.close().await;
    Ok(Some(HostState::Running))
}

async fn stop(provider: &VpsDockerProvider, subject: &Subject) -> Result<Left> {
    provider.stop(&subject.names[0]).await?.close().await;
    Ok(Some(HostState::Stopped))
}

async fn start(provider: &VpsDockerProvider, subject: &Subject) -> Result<Left> {
    provider.start(&subject.names[0]).await?.close().await;
    Ok(Some(HostState::Running))
}

async fn replace(provider: &VpsDockerProvider, subject: &Subject) -> Result<Left> {
    replace_if(provider, subject, "true").await?;
    Ok(Some(HostState::Running))
}

async fn replace_unwell(provider: &VpsDockerProvider, subject: &Subject) -> Result<Left> {
    match replace_if(provider, subject, "false").await {
        Err(error) if error.kind() == ErrorKind::Timeout => Ok(Some(HostState::Running)),
        replaced => panic!("it is not well: {replaced:?}"),
    }
}

/// By a container with another environment than any before, if that program says that it is well.
async fn replace_if(provider: &VpsDockerProvider, subject: &Subject, program: &str) -> Result<()> {
    let spec = HostSpec::builder(subject.names[0].as_str())
        .image(&subject.image)
        .image_source(ImageSource::Ship)
        .env("TURN", HostId::random().as_str())
        .build()?;
    let check = HealthCheck::command([program]).deadline(Duration::from_millis(500));
    let mut host = provider.host(&subject.names[0]).await?;
    let changes = host.replace(spec).health(check).await?;
    assert_eq!(changes.container, ["env"]);
    host.close().await;
    Ok(())
}

async fn snapshot(provider: &VpsDockerProvider, subject: &Subject) -> Result<Left> {
    let name = SnapshotName::new("crash")?;
    provider.snapshot(&subject.names[0], &name).await?;
    Ok(Some(HostState::Running))
}

async fn restore(provider: &VpsDockerProvider, subject: &Subject) -> Result<Left> {
    let name = &subject.names[0];
    let oldest = provider.snapshots(name).await?.remove(0);
    provider.restore(name, &oldest.id).await?.close().await;
    Ok(Some(HostState::Running))
}

async fn delete_snapshot(provider: &VpsDockerProvider, subject: &Subject) -> Result<Left> {
    let name = &subject.names[0];
    let newest = provider.snapshots(name).await?.pop();
    if let Some(newest) = newest {
        provider.delete_snapshot(name, &newest.id).await?;
    }
    Ok(Some(HostState::Running))
}
