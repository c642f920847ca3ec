use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::vps_files;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::PublicKey;
use crate::lifecycle::engine::Engine;
use crate::lifecycle::locate::Located;
use crate::model::{HostName, HostTags, Instance};
use crate::ssh::{Transport, TransportExt, join, presented_host_key};
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
}

/// How long sshd may take to serve the key that it was told to.
const SWITCH_TIMEOUT: Duration = Duration::from_secs(30);

impl Rotation<'_> {
    /// All of it. The tags that are returned are for the caller to set: the last word about the key.
    pub(in crate::lifecycle) async fn run(
        mut self,
        mut known: KnownHost,
    ) -> Result<(KnownHost, HostTags)> {
        if let Some(next) = &known.next_vps_host_key {
            // Cut off before or after the VPS changed over?
            let deadline = Instant::now() + SWITCH_TIMEOUT;
            let door = (known.address, known.ssh_port).into();
            if presented_host_key(door, deadline).await? == *next {
                known.vps_host_key = next.clone();
                known.next_vps_host_key = None;
                self.entry.pin_vps(&known)?;
            }
        }
        let next: PublicKey = self.step("prepare", &vps_files::archive()).await?.parse()?;
        if next != known.vps_host_key {
            known.next_vps_host_key = Some(next.clone());
            self.entry.pin_vps(&known)?;
            self.tags.next_pin = Some(next.pin());
            self.set_tags(&known).await?;
            self.step("switch", b"").await?;
            self.wait_for(&next, &known).await?;
        }
        known.vps_host_key = next;
        known.next_vps_host_key = None;
        self.entry.pin_vps(&known)?;
        self.tags.pin = Some(known.vps_host_key.pin());
        self.tags.next_pin = None;
        self.step("finish", b"").await?;
        Ok((known, self.tags))
    }

    /// All of it, the tags too.
    pub(in crate::lifecycle) async fn run_alone(self, known: KnownHost) -> Result<KnownHost> {
        let engine = self.engine;
        let (known, tags) = self.run(known).await?;
        set_tags(engine, &known, &tags).await?;
        Ok(known)
    }

    async fn step(&self, step: &str, input: &[u8]) -> Result<String> {
        let script = include_str!("secure-vps.sh");
        let command = join(["sh", "-c", script, "secure-vps", step]);
        let output = self.vps.run(&command, input).await?;
        output.success(ErrorKind::State, "replacing the host key of the VPS")
    }

    async fn set_tags(&self, known: &KnownHost) -> Result<()> {
        set_tags(self.engine, known, &self.tags).await
    }

    /// Until the sshd there presents that key. Nothing is sent to it.
    async fn wait_for(&self, next: &PublicKey, known: &KnownHost) -> Result<()> {
        let deadline = Instant::now() + SWITCH_TIMEOUT;
        let door = (known.address, known.ssh_port).into();
        let mut pause = Duration::from_millis(20);
        loop {
            let presented = presented_host_key(door, deadline).await?;
            if presented == *next {
                return Ok(());
            }
            let again = Instant::now() + pause;
            if presented != known.vps_host_key || again >= deadline {
                return Err(Error::new(
                    ErrorKind::HostKeyMismatch,
                    format!(
                        "the VPS was told to serve {} and {} port {} presents {}; nothing was sent \
                         to it",
                        next.fingerprint(),
                        known.address,
                        known.ssh_port,
                        presented.fingerprint()
                    ),
                ));
            }
            sleep_until(again).await;
            pause *= 2;
        }
    }
}

async fn set_tags(engine: &Engine, known: &KnownHost, tags: &HostTags) -> Result<()> {
    if !engine.client.capabilities().set_tags {
        return Ok(());
    }
    let id = &known.instance_id;
    engine.client.set_tags(id, &tags.to_tags()).await
}

/// Brings a rotation to its end that was cut off, if there was one. What goes wrong is told and no
/// more: the host can be used, and the next one tries again.
pub(in crate::lifecycle) async fn resume(
    engine: &Engine,
    located: &mut Located,
    vps: &dyn Transport,
) {
    let Located {
        name,
        known,
        instance,
    } = located;
    if known.next_vps_host_key.is_none() && instance.tag(HostTags::NEXT_PIN).is_none() {
        return;
    }
    let entry = engine.entry(name);
    let finished = async {
        let rotation = Rotation {
            engine,
            vps,
            entry: &entry,
            tags: HostTags::from_tags(&instance.tags)?,
        };
        rotation.run_alone(known.clone()).await
    };
    match finished.await {
        Ok(finished) => *known = finished,
        Err(error) => {
            tracing::warn!(host = %name, %error, "a change of the host key is unfinished")
        }
    }
}

/// Follows a change of the host key that another client made or is at: where the tags name a key that
/// is not pinned here, and the VPS presents just that one, it is pinned. Where it does not, nothing
/// changes: the pins of this side stand.
pub(in crate::lifecycle) async fn follow(
    engine: &Engine,
    name: &HostName,
    known: &mut KnownHost,
    instance: &Instance,
    deadline: Instant,
) -> Result<()> {
    let pinned = [Some(&known.vps_host_key), known.next_vps_host_key.as_ref()];
    let is_pinned = |pin: &str| pinned.iter().flatten().any(|key| key.pin() == pin);
    let tags = [HostTags::PIN, HostTags::NEXT_PIN].map(|tag| instance.tag(tag));
    let is_ours = instance.tag(HostTags::HOST) == Some(known.id.as_str());
    if !is_ours || tags.into_iter().flatten().all(is_pinned) {
        return Ok(());
    }
    let door = (known.address, known.ssh_port).into();
    let presented = match presented_host_key(door, deadline).await {
        Ok(key) => key,
        // Whoever asks it next hears why.
        Err(_) => return Ok(()),
    };
    let pin = presented.pin();
    if is_pinned(&pin) {
        return Ok(());
    }
    if !tags.contains(&Some(&pin)) {
        tracing::warn!(host = %name, "neither pins nor tags name the host key that is presented");
        return Ok(());
    }
    tracing::info!(host = %name, "another client has changed the host key");
    if tags[0] == Some(&pin) {
        known.vps_host_key = presented;
        known.next_vps_host_key = None;
    } else {
        known.next_vps_host_key = Some(presented);
    }
    engine.entry(name).pin_vps(known)
}
