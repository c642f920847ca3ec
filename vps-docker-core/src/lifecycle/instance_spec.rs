use std::time::Duration;

use super::engine::Engine;
use super::plan::Choices;
use crate::cloud_init::{Bootstrap, DockerSource, check_size};
use crate::error::Result;
use crate::keys::{KeyPair, PublicKey};
use crate::model::{BootImage, HostId, HostSpec, HostTags, InstanceSpec, Runtime};

/// How much longer than all deadlines of a create together an instance may exist unfinished before
/// anybody of the same owner may remove it.
const EXPIRY_MARGIN: Duration = Duration::from_secs(600);

/// The tags of an instance that is about to be ordered or taken, with the pin of its host key.
pub(super) fn tags(
    engine: &Engine,
    host_id: &HostId,
    spec: &HostSpec,
    host_key: &PublicKey,
) -> HostTags {
    let settings = &engine.settings;
    let deadlines = settings.vps_boot_timeout
        + settings.docker_install_timeout
        + settings.image_transfer_timeout
        + settings.image_build_timeout
        + settings.container_start_timeout;
    let mut tags = HostTags::unfinished(
        host_id.clone(),
        spec.name.clone(),
        engine.data_dir.owner().clone(),
        deadlines + EXPIRY_MARGIN,
    );
    tags.pin = Some(host_key.pin());
    tags
}

/// The order for the first place, all but the provider's id of our SSH key.
pub(super) fn instance_spec(
    engine: &Engine,
    spec: &HostSpec,
    choices: &Choices,
    host_key: &KeyPair,
    tags: &HostTags,
    runtime: Runtime,
) -> Result<InstanceSpec> {
    let source = if choices.image.has_docker {
        DockerSource::Preinstalled
    } else {
        engine.settings.docker_source.clone()
    };
    let is_copy = matches!(choices.boot_image, BootImage::Snapshot(_));
    let user_data = Bootstrap::builder(spec.name.clone(), host_key.clone())
        .copied_disk(is_copy)
        .authorized_key(engine.data_dir.vps_key().public().clone())
        .docker(source)
        .runtime(runtime)
        .apt_lock_timeout(engine.settings.apt_lock_timeout)
        .timeout(engine.settings.docker_install_timeout)
        .build()?
        .render()?;
    check_size(&user_data, engine.client.capabilities().user_data_limit)?;
    let (plan, region) = &choices.places[0];
    Ok(InstanceSpec {
        name: spec.name.to_string(),
        region: region.id.clone(),
        plan: plan.id.clone(),
        image: choices.boot_image.clone(),
        user_data,
        ssh_keys: Vec::new(),
        tags: tags.to_tags(),
    })
}
