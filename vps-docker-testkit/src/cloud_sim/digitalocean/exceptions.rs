//! Where the document is wrong, or stricter than the API.

use crate::cloud_sim::openapi::Exception;

const DISCRIMINATED: &str =
    "both schemas fit a plain action; the discriminator says which is meant";
const BARE: &str = "a body that does not fit the document at all is refused in the usual form";
const NULL: &str = "python-digitalocean sends null for none, and the API takes it";
const IDLE: &str = "libcloud and python-digitalocean send it always, and the API passes it over";

pub(super) const EXCEPTIONS: &[Exception] = &[
    Exception::response("POST /v2/tags", "/error!", BARE),
    Exception::response("POST /v2/tags", "/root_causes!", BARE),
    Exception::request("POST /v2/droplets/actions", "/", DISCRIMINATED),
    Exception::request("POST /v2/droplets", "/vpc_uuid", NULL),
    idle_size("GET /v2/account"),
    idle_size("GET /v2/account/keys/{ssh_key_identifier}"),
    idle_size("GET /v2/actions/{action_id}"),
    idle_size("GET /v2/customers/my/balance"),
    idle_size("GET /v2/droplets/{droplet_id}"),
    idle_size("GET /v2/droplets/{droplet_id}/actions/{action_id}"),
    idle_size("GET /v2/images/{image_id}"),
    idle_size("GET /v2/projects/{project_id}"),
    idle_size("GET /v2/snapshots/{snapshot_id}"),
    idle_size("GET /v2/tags/{tag_id}"),
    idle_size("POST /v2/account/keys"),
    idle_size("PUT /v2/account/keys/{ssh_key_identifier}"),
    idle_size("DELETE /v2/account/keys/{ssh_key_identifier}"),
    idle_size("POST /v2/droplets"),
    idle_size("DELETE /v2/droplets/{droplet_id}"),
    idle_size("POST /v2/droplets/{droplet_id}/actions"),
    idle_size("PUT /v2/images/{image_id}"),
    idle_size("DELETE /v2/images/{image_id}"),
];

/// `per_page` where there are no pages.
const fn idle_size(operation: &'static str) -> Exception {
    Exception::request(operation, "?per_page", IDLE)
}
