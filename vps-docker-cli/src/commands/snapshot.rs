use clap::{Args, Subcommand};
use serde_json::json;
use vps_docker::Result;
use vps_docker::model::{HostName, HostSnapshotId, SnapshotName};
use vps_docker::store::HostSnapshot;

use crate::context::Context;
use crate::output::table;
use crate::shown::Shown;
use crate::units::{age, bytes};

/// Take, list, restore and remove snapshots of a host: its image and its data, of one moment
#[derive(Debug, Subcommand)]
pub(crate) enum Snapshot {
    Create(CreateSnapshot),
    Ls(ListSnapshots),
    Restore(RestoreSnapshot),
    Rm(RemoveSnapshots),
}

/// Take a snapshot; the container is paused for a moment
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker snapshot create web before-upgrade")]
pub(crate) struct CreateSnapshot {
    /// The host's name
    host: HostName,
    /// What to call it
    #[arg(default_value = "snapshot")]
    name: SnapshotName,
}

/// List the snapshots of a host
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker snapshot ls web")]
pub(crate) struct ListSnapshots {
    /// The host's name
    host: HostName,
}

/// Put a host back to what it was; its data since then is lost
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker snapshot restore web 4f9k2m7x")]
pub(crate) struct RestoreSnapshot {
    /// The host's name
    host: HostName,
    /// The snapshot's id, or its name where only one has it
    snapshot: String,
}

/// Remove snapshots
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker snapshot rm web 4f9k2m7x")]
pub(crate) struct RemoveSnapshots {
    /// The host's name
    host: HostName,
    /// The snapshots' ids, or names where only one has it
    #[arg(required = true)]
    snapshots: Vec<String>,
}

impl Snapshot {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        match self {
            Self::Create(args) => args.run(context).await,
            Self::Ls(args) => args.run(context).await,
            Self::Restore(args) => args.run(context).await,
            Self::Rm(args) => args.run(context).await,
        }
    }
}

impl CreateSnapshot {
    async fn run(self, context: &Context) -> Result<u8> {
        let engine = context.engine_of(&self.host)?;
        let snapshot = context
            .interrupt
            .or(engine.snapshot(&self.host, &self.name))
            .await?;
        context
            .output
            .show(&snapshot, || text(std::slice::from_ref(&snapshot)))
    }
}

impl ListSnapshots {
    async fn run(self, context: &Context) -> Result<u8> {
        let engine = context.engine_of(&self.host)?;
        let snapshots = context.interrupt.or(engine.snapshots(&self.host)).await?;
        context.output.show(&snapshots, || text(&snapshots))
    }
}

impl RestoreSnapshot {
    async fn run(self, context: &Context) -> Result<u8> {
        let engine = context.engine_of(&self.host)?;
        let snapshots = context.interrupt.or(engine.snapshots(&self.host)).await?;
        let id = find(&snapshots, &self.snapshot)?;
        context.confirm(&format!(
            "Put {} back to {}? Its data since then is lost.",
            self.host, self.snapshot
        ))?;
        let host = context
            .interrupt
            .or(engine.restore(&self.host, &id))
            .await?;
        let info = host.info().clone();
        let code = context.output.show(&info, || {
            format!("{} is what it was in {}\n", info.name, self.snapshot)
        });
        host.close().await;
        code
    }
}

impl RemoveSnapshots {
    async fn run(self, context: &Context) -> Result<u8> {
        let engine = context.engine_of(&self.host)?;
        let snapshots = context.interrupt.or(engine.snapshots(&self.host)).await?;
        let ids: Vec<HostSnapshotId> = self
            .snapshots
            .iter()
            .map(|one| find(&snapshots, one))
            .collect::<Result<_>>()?;
        context.confirm(&format!(
            "Remove {}? This cannot be undone.",
            self.snapshots.join(", ")
        ))?;
        for id in &ids {
            context
                .interrupt
                .or(engine.delete_snapshot(&self.host, id))
                .await?;
            context.output.done(&format!("{id} is removed"));
        }
        context.output.show(&json!({ "removed": ids }), String::new)
    }
}

/// By id, or by a name that only one has.
fn find(snapshots: &[HostSnapshot], wanted: &str) -> Result<HostSnapshotId> {
    let named: Vec<&HostSnapshot> = snapshots
        .iter()
        .filter(|one| one.id.as_str() == wanted || one.name.as_str() == wanted)
        .collect();
    match named[..] {
        [one] => Ok(one.id.clone()),
        [] => {
            let known: Vec<&str> = snapshots
                .iter()
                .flat_map(|one| [one.id.as_str(), one.name.as_str()])
                .collect();
            Err(vps_docker::Error::new(
                vps_docker::ErrorKind::NotFound,
                format!(
                    "there is no snapshot {wanted:?}{}",
                    vps_docker::model::near_matches(wanted, &known)
                ),
            ))
        }
        _ => Err(vps_docker::Error::new(
            vps_docker::ErrorKind::Invalid,
            format!(
                "{} snapshots are called {wanted:?}: give the id of one",
                named.len()
            ),
        )),
    }
}

fn text(snapshots: &[HostSnapshot]) -> Shown {
    if snapshots.is_empty() {
        return "no snapshots\n".into();
    }
    let rows = snapshots
        .iter()
        .map(|one| {
            [
                one.id.to_string(),
                one.name.to_string(),
                age(one.created_at),
                bytes(one.size_bytes),
            ]
        })
        .collect();
    table(["ID", "NAME", ">AGE", ">SIZE"], rows)
}
