//! An address that has come to another host.

use vps_docker::{HostState, VpsClient};

use super::*;
use crate::support::{name, unique};

/// The provider gives the address of an instance that is gone to a new one.
pub(super) async fn a_host_at_the_address_of_another_is_not_that_one(scene: &Scene, host: Host) {
    let provider = &scene.world.provider;
    let (old_name, id) = (host.info().name.clone(), host.info().instance_id.clone());
    let old_keys = [&host.info().vps_ssh, &host.info().container_ssh].map(pinned);
    let ghost = scene.client.instance(&id).await.expect("there");
    // It is destroyed at the provider: this side still knows it.
    scene.take_over(&host).await;
    scene.client.destroy_instance(&id).await.expect("destroyed");
    scene.relay.route(Route::Real);
    let heir_name = unique("heir");
    let heir = scene.create(&heir_name).await.expect("created");
    assert_eq!(heir.info().address, host.info().address);
    let keys = [&heir.info().vps_ssh, &heir.info().container_ssh].map(pinned);

    let before = scene.so_far();
    let not_it = |what: &str, door: usize, result: Result<()>| {
        let error = mismatch(what, result);
        for key in [&old_keys[door], &keys[door]] {
            assert!(error.contains(key), "{what}: {error}");
        }
    };
    not_it("vps", 0, host.vps().await.map(drop));
    not_it("exec", 1, host.exec("true").await.map(drop));
    // The provider may take its time to notice that it is gone.
    scene.client.haunt(Some(ghost));
    not_it("host", 0, provider.host(&old_name).await.map(drop));
    scene.assert_told_nothing("the old name", before);
    let mut listed = provider.hosts().await.expect("listed").all().await;
    listed.retain(|listed| [old_name.as_str(), &heir_name].contains(&listed.name.as_str()));
    listed.sort_by_key(|listed| listed.name == old_name.as_str());
    let [of_heir, of_old] = &mut listed[..] else {
        panic!("{listed:?}");
    };
    assert_eq!(of_heir.state, HostState::Running, "{:?}", of_heir.problem);
    assert_eq!(of_old.state, HostState::Unreachable);
    not_it("hosts", 0, of_old.problem.take().map_or(Ok(()), Err));
    scene.client.haunt(None);
    let error = provider.host(&old_name).await.expect_err("gone");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");

    // Whoever destroys the old one leaves the other alone; and destroying asks nobody at the address.
    provider.destroy(&old_name).await.expect("idempotent");
    let found = provider.host(&name(&heir_name)).await.expect("found");
    let output = found.exec("echo alive").await.expect("reached");
    assert_eq!(output.stdout, "alive\n");
    scene.take_over(&found).await;
    let visits = scene.so_far();
    heir.close().await;
    found.destroy().await.expect("destroyed");
    assert_eq!(scene.so_far(), visits, "somebody was asked");
    scene.world.assert_nothing_left().await;
}
