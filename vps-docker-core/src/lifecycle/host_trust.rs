//! New host keys for a host that is in use.

use super::Host;
use super::trust::{HandOver, Rotation, rotate_container_key};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{HostState, HostTags};

impl Host {
    /// Gives VPS and container new host keys, made on the VPS, and pins them: here, in the tags and in the
    /// record. Connections that are open go on. At every moment at least one of the keys that are
    /// pinned is right, so that whoever connects meanwhile, or after this was cut off, is let in by strict
    /// checking; what was cut off is brought to its end by the next [`host`](
    /// super::VpsDockerProvider::host). The key of a machine that was adopted is its owner's and stays.
    ///
    /// Another data directory that knows the VPS by its old key follows when it next finds or lists the host: the
    /// old key certifies the new one before it is destroyed, sshd shows that certificate, and the tags name the
    /// new key; both are needed. That gives nothing to somebody who has stolen the old key: he could be the host for that
    /// directory until now, and is nobody once it has followed. One that has missed two changes refuses the host,
    /// whatever the tags say: remove its directory `hosts/PROVIDER/NAME`, and it gets to know the host by the
    /// tags. So it is after any change where the provider cannot change tags.
    ///
    /// Idempotent in so far as each call makes new keys. Dropped in the middle, call it again.
    ///
    /// # Errors
    /// `HostKeyMismatch` when another key than the new one is served; `State` when sshd refuses to
    /// change over, and then the old key stays; those of the provider and of [`vps`](Self::vps).
    pub async fn rotate_host_keys(&mut self) -> Result<()> {
        let rotated = self.rotate().await;
        rotated.map_err(|error| {
            error
                .with_host(&self.info.name)
                .with_operation("rotate_host_keys")
        })
    }

    async fn rotate(&mut self) -> Result<()> {
        let engine = self.engine.clone();
        let vps = self.vps().await?;
        let client = &engine.client;
        if !client.capabilities().machine_stays {
            let instance = client.instance(&self.info.instance_id).await?;
            let tags = HostTags::from_tags(&instance.tags)?;
            if tags.host_id != self.info.id {
                return Err(Error::new(
                    ErrorKind::State,
                    "the instance's tags name another host; nothing was changed",
                ));
            }
            let rotation = Rotation {
                engine: &engine,
                vps: &*vps,
                entry: &engine.entry(&self.info.name),
                tags,
                hand_over: HandOver::Certified,
            };
            let known = rotation.run_alone(self.known().clone()).await?;
            self.take_known(known)?;
        }
        let runs = self.info.state == HostState::Running;
        let door = runs.then_some(&self.info.container_ssh);
        let record = rotate_container_key(&self.store().await?, &vps, door).await?;
        self.take_record(record)
    }
}
