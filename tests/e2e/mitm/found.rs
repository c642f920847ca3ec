//! Finding a host, and coming by one that is there.

use vps_docker::adopted::AdoptedMachines;
use vps_docker::store::JournalEntry;
use vps_docker::{HostState, Machine, MachineBuilder, VpsDockerProvider};

use super::*;
use crate::support::unique;

/// By its entry here, by its tags, and when all are listed.
pub(super) async fn a_host_is_not_found_where_an_impostor_answers(scene: &Scene, host: &Host) {
    let (host_name, key) = (&host.info().name, &pinned(&host.info().vps_ssh));
    let second = World::over(
        scene.client.clone(),
        scene.world.provider.settings().clone(),
    );
    scene.world.copy_keys_to(&second);
    let second = second.reopened();
    let listed = async |provider: &VpsDockerProvider| {
        let listed = provider.hosts().await.expect("listed").all().await;
        let ours = listed
            .into_iter()
            .find(|listed| listed.name == host_name.as_str());
        let ours = ours.expect("listed all the same");
        assert_eq!(ours.state, HostState::Unreachable);
        ours.problem.map_or(Ok(()), Err)
    };
    for provider in [&scene.world.provider, &second.provider] {
        scene.relay.route(Route::Impostor);
        scene.refused("hosts", key, listed(provider)).await;
        scene.refused("host", key, provider.host(host_name)).await;
    }
    // Who looks at the key is shown the right one, and who logs in then meets another.
    scene.relay.vps().route_once(Route::Real, Route::Impostor);
    scene.refused("hosts", key, listed(&second.provider)).await;
    scene.relay.vps().route_once(Route::Real, Route::Impostor);
    let found = second.provider.host(host_name);
    scene.refused("host", key, found).await;
    scene.relay.route(Route::Real);
    let found = second
        .provider
        .host(host_name)
        .await
        .expect("the right one");
    found.close().await;
}

/// Its create was killed when all was done but the closing of the journal.
pub(super) async fn an_interrupted_create_is_not_taken_up_from_an_impostor(
    scene: &Scene,
    host: &Host,
) {
    let (host_name, id) = (&host.info().name, &host.info().id);
    let journal = scene.world.provider.data_dir().journal();
    let mut place = journal.open("local", host_name).expect("free");
    let mut entry = JournalEntry::intent(id.clone(), host_name.clone(), "local");
    entry.instance_id = Some(host.info().instance_id.clone());
    entry.ready = true;
    place.write(entry).expect("written");
    drop(place);
    let key = pinned(&host.info().vps_ssh);
    scene.relay.route(Route::Impostor);
    let create = async { scene.create(host_name.as_str()).await };
    scene.refused("create", &key, create).await;
    scene.relay.route(Route::Real);
    let taken_up = scene.create(host_name.as_str()).await.expect("taken up");
    assert_eq!(taken_up.info().id, *id);
    taken_up.close().await;
}

pub(super) async fn an_impostors_machine_is_not_adopted(scene: &Scene, host: &Host) {
    let data_dir = scene.world.provider.data_dir().clone();
    let machines = Arc::new(AdoptedMachines::new(data_dir.path()));
    let adopting = VpsDockerProvider::new(machines, data_dir, Settings::default());
    let key = pinned(&host.info().vps_ssh);
    let (_, line) = host
        .info()
        .vps_ssh
        .known_hosts
        .split_once(' ')
        .expect("both");
    let machine = || {
        Machine::builder(scene.relay.address())
            .port(scene.relay.vps().port())
            .identity_file(&scene.identity)
    };
    let adopt = async |machine: MachineBuilder| {
        let spec = HostSpec::builder(unique("adopted")).build()?;
        adopting.adopt(spec, machine.build()?).await
    };
    scene.relay.route(Route::Impostor);
    let by_key = || machine().host_key(line.trim_end());
    scene.refused("adopt by key", &key, adopt(by_key())).await;
    let by_fingerprint = || machine().fingerprint(&key);
    let look = adopt(by_fingerprint());
    scene.refused("adopt by fingerprint", &key, look).await;
    scene.relay.vps().route_once(Route::Real, Route::Impostor);
    let login = adopt(by_fingerprint());
    scene.refused("login of an adoption", &key, login).await;
    scene.relay.route(Route::Real);
    let entries = adopting.data_dir().journal().entries().expect("readable");
    assert!(entries.is_empty(), "{entries:?}");
}
