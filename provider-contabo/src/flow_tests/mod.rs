//! Create, reuse, destroy and what is around them, against a [fake](crate::fake) Contabo.

mod destroy;
mod order;
mod resources;
mod reuse;

use std::time::Duration;

use vps_docker_core::VpsClient;
use vps_docker_core::model::{
    BootImage, HostId, HostName, HostTags, Instance, InstanceFilter, InstanceId, InstanceSpec,
    OwnerId, SshKeyId, Tags,
};

use crate::ContaboProvider;

const RELEASED: &str = "vps-docker-released o-abcdefghijklmnop u-1";

fn spec(name: &str) -> InstanceSpec {
    let tags = HostTags::unfinished(
        HostId::random(),
        HostName::new(name).expect("legal"),
        OwnerId::random(),
        Duration::from_secs(600),
    );
    InstanceSpec {
        name: name.into(),
        region: "EU".into(),
        plan: "V153".into(),
        image: BootImage::Catalog("id-of-debian-13".into()),
        user_data: "#cloud-config\nmarked-user-data".into(),
        ssh_keys: vec![SshKeyId::new("123")],
        tags: tags.to_tags(),
    }
}

async fn listed_with(provider: &ContaboProvider, tags: &Tags) -> Vec<Instance> {
    let filter = InstanceFilter::tagged(HostTags::HOST, &tags[HostTags::HOST]);
    provider.list_instances(&filter).await.expect("listed")
}

fn number(id: &InstanceId) -> u64 {
    let text = id.as_str();
    text.split('-')
        .next()
        .expect("one")
        .parse()
        .expect("a number")
}
