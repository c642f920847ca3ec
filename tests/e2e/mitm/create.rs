//! Creates and adoptions.

use vps_docker::{CreateEvent, Phase};

use super::*;
use crate::support::unique;

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_meets_an_impostor_is_refused_and_leaves_nothing() {
    let scene = Scene::new().await;
    one_wrong_key_is_enough(&scene).await;
    the_look_at_the_new_key_is_no_way_in(&scene).await;
    the_containers_door_is_no_way_in(&scene).await;
}

/// Whoever came after the first would meet the right machine; nobody does.
async fn one_wrong_key_is_enough(scene: &Scene) {
    let before = scene.so_far();
    scene.relay.vps().route_once(Route::Impostor, Route::Real);
    let refused = scene.create(&unique("first")).await;
    scene.assert_refused(before, "the login", &scene.client.ordered_key(), refused);
    assert_eq!(scene.relay.vps().passed(), 0, "it was tried again");
    scene.world.assert_nothing_left().await;
}

async fn the_look_at_the_new_key_is_no_way_in(scene: &Scene) {
    let before = scene.relay.vps().visits();
    let relay = scene.relay.clone();
    let create = scene.create(&unique("rotated")).on_event(move |event| {
        if matches!(event, CreateEvent::Started(Phase::Rotate)) {
            relay.vps().route(Route::Impostor);
        }
    });
    let error = mismatch("the rotation", create.await);
    assert!(
        error.contains(&scene.impostor.key().fingerprint()),
        "{error}"
    );
    // The first is the login, which was right.
    let looks = scene.relay.vps().heard(before).split_off(1);
    assert_nothing_told("the rotation", &looks);
    scene.relay.route(Route::Real);
    scene.world.assert_nothing_left().await;
}

async fn the_containers_door_is_no_way_in(scene: &Scene) {
    let door = scene.relay.container();
    door.route(Route::Impostor);
    let error = mismatch("the container", scene.create(&unique("door")).await);
    assert!(
        error.contains(&scene.impostor.key().fingerprint()),
        "{error}"
    );
    assert_nothing_told("the container", &door.heard(0));
    assert_eq!(door.passed(), 0, "it was tried again");
    scene.relay.route(Route::Real);
    scene.world.assert_nothing_left().await;
}
