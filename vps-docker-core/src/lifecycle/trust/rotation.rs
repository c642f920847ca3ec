use std::time::Duration;

use tokio::time::Instant;

use super::hand_over::certified_name;
use super::served::wait_until_served;
use super::vps_files;
use crate::error::{ErrorKind, Result};
use crate::keys::PublicKey;
use crate::lifecycle::engine::Engine;
use crate::model::HostTags;
use crate::ssh::{Transport, TransportExt, join};
use crate::store::{HostEntry, KnownHost};

/// Gives a VPS another host key, made on it, and takes the old one out of the world.
///
/// Before the VPS changes over, both keys are pinned here and in the tags; when it has, the new one
/// alone. So whoever comes, after whatever death, finds one of its pins right, and the work is done to its
/// end by whoever of this side comes next.
#[derive(Debug)]
pub(in crate::lifecycle) struct Rotation<'a> {
    pub(in crate::lifecycle) engine: &'a Engine,
    pub(in crate::lifecycle) vps: &'a dyn Transport,
    pub(in crate::lifecycle) entry: &'a HostEntry,
    /// Those of the instance as they are.
    pub(in crate::lifecycle) tags: HostTags,
    pub(in crate::lifecycle) hand_over: HandOver,
}

/// What the key that goes says of the one that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::lifecycle) enum HandOver {
    /// It certifies it, for those who know the host by the old one.
    Certified,
    /// Nothing: it was handed over in `user_data`, and who has read that could sign too.
    Nothing,
}

/// How long sshd may take to serve the key that it was told to.
const SWITCH_TIMEOUT: Duration = Duration::from_secs(30);

impl Rotation<'_> {
    /// All of it. The tags that are returned are for the caller to set: the last word about the key.
    pub(in crate::lifecycle) async fn run(
        mut self,
        mut known: KnownHost,
    ) -> Result<(KnownHost, HostTags)> {
        // Of a change that was cut off they are its two keys. The VPS says so itself: what is presented at its
        // door is anybody's word.
        let keys = self.step(&["prepare"], &vps_files::archive()).await?;
        let (old, next) = keys.split_once('\n').unwrap_or((&keys, ""));
        let (old, next): (PublicKey, PublicKey) = (old.parse()?, next.parse()?);
        known.vps_host_key = old;
        known.next_vps_host_key = Some(next.clone());
        self.entry.pin_vps(&known)?;
        self.tags.next_pin = Some(next.pin());
        self.set_tags(&known).await?;
        let name = match self.hand_over {
            HandOver::Certified => certified_name(&known.id),
            HandOver::Nothing => String::new(),
        };
        self.step(&["switch", &name], b"").await?;
        let deadline = Instant::now() + SWITCH_TIMEOUT;
        let door = (known.address, known.ssh_port).into();
        wait_until_served(door, &next, &known.vps_host_key, deadline).await?;
        known.vps_host_key = next;
        known.next_vps_host_key = None;
        self.entry.pin_vps(&known)?;
        self.tags.pin = Some(known.vps_host_key.pin());
        self.tags.next_pin = None;
        self.step(&["finish"], b"").await?;
        Ok((known, self.tags))
    }

    /// All of it, the tags too.
    pub(in crate::lifecycle) async fn run_alone(self, known: KnownHost) -> Result<KnownHost> {
        let engine = self.engine;
        let (known, tags) = self.run(known).await?;
        set_tags(engine, &known, &tags).await?;
        Ok(known)
    }

    async fn step(&self, words: &[&str], input: &[u8]) -> Result<String> {
        let script = ["sh", "-c", include_str!("secure-vps.sh"), "secure-vps"];
        let command = join(script.iter().chain(words));
        let output = self.vps.run(&command, input).await?;
        output.success(ErrorKind::State, "replacing the host key of the VPS")
    }

    async fn set_tags(&self, known: &KnownHost) -> Result<()> {
        set_tags(self.engine, known, &self.tags).await
    }
}

async fn set_tags(engine: &Engine, known: &KnownHost, tags: &HostTags) -> Result<()> {
    if !engine.client.capabilities().set_tags {
        return Ok(());
    }
    let id = &known.instance_id;
    engine.client.set_tags(id, &tags.to_tags()).await
}
