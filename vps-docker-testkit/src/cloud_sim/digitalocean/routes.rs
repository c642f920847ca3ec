//! All paths of the API that there are.

use axum::Router;
use axum::routing::{MethodRouter, get, post};

use super::{
    actions, catalog, droplet_actions, droplets, firewalls, images, order, projects, snapshots,
    ssh_keys, tags,
};
use crate::cloud_sim::sim::Sim;

/// Each with a slash at the end as well, which the API passes over and some clients do send.
pub(super) fn routes() -> Router<Sim> {
    let all = machines().into_iter().chain(belongings()).chain(account());
    all.fold(Router::new(), |router, (path, methods)| {
        router
            .route(&format!("{path}/"), methods.clone())
            .route(path, methods)
    })
}

/// Paths with what is done there.
type Routes = Vec<(&'static str, MethodRouter<Sim>)>;

/// The account, and what is sold.
fn account() -> Routes {
    vec![
        ("/v2/account", get(catalog::account)),
        ("/v2/customers/my/balance", get(catalog::balance)),
        ("/v2/regions", get(catalog::regions)),
        ("/v2/sizes", get(catalog::sizes)),
        ("/v2/reserved_ips", get(catalog::reserved_ips)),
    ]
}

/// Droplets and what they are made of.
fn machines() -> Routes {
    vec![
        (
            "/v2/droplets",
            get(droplets::list)
                .post(order::create)
                .delete(droplets::delete_tagged),
        ),
        (
            "/v2/droplets/{id}",
            get(droplets::show).delete(droplets::delete),
        ),
        ("/v2/droplets/actions", post(droplet_actions::act_on_tagged)),
        (
            "/v2/droplets/{id}/actions",
            get(actions::of_droplet).post(droplet_actions::act),
        ),
        (
            "/v2/droplets/{id}/actions/{action}",
            get(actions::show_of_droplet),
        ),
        ("/v2/droplets/{id}/snapshots", get(snapshots::of_droplet)),
        ("/v2/droplets/{id}/backups", get(snapshots::backups)),
        ("/v2/droplets/{id}/firewalls", get(firewalls::of_droplet)),
        ("/v2/actions", get(actions::list)),
        ("/v2/actions/{id}", get(actions::show)),
        ("/v2/images", get(images::list)),
        (
            "/v2/images/{id}",
            get(images::show).put(images::update).delete(images::delete),
        ),
        (
            "/v2/images/{id}/actions",
            get(actions::of_image).post(images::act),
        ),
        (
            "/v2/images/{id}/actions/{action}",
            get(actions::show_of_image),
        ),
        ("/v2/snapshots", get(snapshots::list)),
        (
            "/v2/snapshots/{id}",
            get(snapshots::show).delete(snapshots::delete),
        ),
    ]
}

/// What is put upon droplets, or they into.
fn belongings() -> Routes {
    vec![
        (
            "/v2/account/keys",
            get(ssh_keys::list).post(ssh_keys::create),
        ),
        (
            "/v2/account/keys/{key}",
            get(ssh_keys::show)
                .put(ssh_keys::update)
                .delete(ssh_keys::delete),
        ),
        ("/v2/tags", get(tags::list).post(tags::create)),
        ("/v2/tags/{tag}", get(tags::show).delete(tags::delete)),
        (
            "/v2/tags/{tag}/resources",
            post(tags::tag).delete(tags::untag),
        ),
        ("/v2/projects", get(projects::list).post(projects::create)),
        (
            "/v2/projects/{id}",
            get(projects::show)
                .put(projects::update)
                .patch(projects::update)
                .delete(projects::delete),
        ),
        (
            "/v2/projects/{id}/resources",
            get(projects::resources).post(projects::assign),
        ),
        (
            "/v2/firewalls",
            get(firewalls::list).post(firewalls::create),
        ),
        (
            "/v2/firewalls/{id}",
            get(firewalls::show)
                .put(firewalls::update)
                .delete(firewalls::delete),
        ),
        (
            "/v2/firewalls/{id}/{part}",
            post(firewalls::add).delete(firewalls::remove),
        ),
    ]
}
