//! Instances: orders, looks, listings, removals.

use std::collections::BTreeSet;

use axum::extract::State;
use data_encoding::BASE64;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::body;
use super::catalog::{self, APPLICATION_SYSTEM, Application};
use super::refusals::LOCKED;
use super::show::{self, show_charged, show_instance};
use super::{firewalls, listing, reserved_ips, startup_scripts};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::credentials::draw;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Boots, Order, World};

/// What the API calls it.
pub(super) const INSTANCE: &str = "instance";

/// What one instance has that others have not where nobody asked for it: the name of its system.
const USUAL_HOSTNAME: &str = "vultr.guest";

#[derive(Debug, Deserialize)]
struct CreateInstance {
    region: String,
    plan: String,
    #[serde(flatten)]
    source: Source,
    #[serde(default)]
    label: String,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    tags: BTreeSet<String>,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    sshkey_id: Vec<String>,
    user_data: Option<String>,
    #[serde(default)]
    firewall_group_id: String,
    #[serde(default)]
    script_id: String,
    #[serde(default)]
    reserved_ipv4: String,
    #[serde(default)]
    enable_ipv6: bool,
    #[serde(default)]
    disable_public_ipv4: bool,
    #[serde(default)]
    ddos_protection: bool,
    #[serde(default)]
    backups: String,
    #[serde(default)]
    user_scheme: String,
    #[serde(default)]
    vpc_only: bool,
    #[serde(default)]
    attach_vpc: Vec<String>,
}

/// What an instance is to boot: exactly one of them. Zero and the empty text are as nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Source {
    os_id: Option<NumberOrText>,
    iso_id: Option<String>,
    snapshot_id: Option<String>,
    app_id: Option<u64>,
    image_id: Option<String>,
}

/// What is booted, and what the instance has to keep of it.
pub(super) type Chosen = (Boots, Map<String, Value>);

/// The document has one field as a number here and as text there.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

/// <https://www.vultr.com/api/#operation/list-instances>
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Reply {
    let group = call.query("firewall_group_id");
    let world = sim.world();
    let is = |name: &str, own: &str| call.query(name).is_none_or(|wanted| wanted == own);
    let own = world.listed().filter(|own| {
        let hostname = own.extra.get("hostname").and_then(Value::as_str);
        is("label", &own.name)
            && is("region", &own.region)
            && is("hostname", hostname.unwrap_or(""))
            && call.query("tag").is_none_or(|tag| own.tags.contains(tag))
            && group.is_none_or(|group| firewalls::of(own) == Id::from_uuid(group))
            && call.query("main_ip").is_none_or(|wanted| {
                show::main_ip(&world, own).is_some_and(|own| own.to_string() == wanted)
            })
    });
    let own = own.map(|own| (own.id.0, own)).collect();
    let charged = call.query("show_pending_charges") == Some("true");
    listing::page(&call, "instances", own, |own| {
        if charged {
            show_charged(&world, own)
        } else {
            show_instance(&world, own)
        }
    })
}

/// <https://www.vultr.com/api/#operation/create-instance>
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let wanted: CreateInstance = body(&call)?;
    let group = optional_uuid(&wanted.firewall_group_id, "firewall_group_id")?;
    let order = {
        let mut world = sim.world();
        if let Some(group) = group {
            firewalls::check(&mut world, group)?;
        }
        order(&mut world, wanted)?
    };
    let begun = sim.create_instance(&call, order)?;
    let mut world = sim.world();
    firewalls::stand_behind(&mut world, begun.id, group);
    let mut shown = show_instance(&world, world.instance(begun.id, INSTANCE)?);
    shown["default_password"] = json!(draw(16));
    Ok(Answer::accepted(json!({"instance": shown})))
}

/// <https://www.vultr.com/api/#operation/get-instance>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let id = by_path(&sim, &call)?;
    let world = sim.world();
    let instance = world.instance(id, INSTANCE)?;
    let hidden = world.clock().ours_ms(world.seed.vultr.show_delay_ms);
    let age = Timestamp::now().duration_since(instance.created);
    if age.unsigned_abs() < hidden {
        return Err(Refusal::not_found(INSTANCE));
    }
    Ok(Answer::ok(
        json!({"instance": show_charged(&world, instance)}),
    ))
}

/// <https://www.vultr.com/api/#operation/delete-instance>
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let id = by_path(&sim, &call)?;
    check_unlocked(&sim, id, "destroy server: Unable to remove VM")?;
    let group = firewalls::of(sim.world().instance(id, INSTANCE)?);
    sim.delete_instance(&call, id, INSTANCE)?;
    if !call.injected.stuck {
        let mut world = sim.world();
        firewalls::leave(&mut world, id, group);
        reserved_ips::leave(&mut world, id);
    }
    Ok(Answer::no_content())
}

/// The instance that the path names.
///
/// # Errors
/// Not found, as the seed wants it to be said.
pub(super) fn by_path(sim: &Sim, call: &Call) -> Result<Id, Refusal> {
    by_text(sim, call.param("id"))
}

/// The same for an id of another place.
///
/// # Errors
/// As [`by_path`].
pub(super) fn by_text(sim: &Sim, text: &str) -> Result<Id, Refusal> {
    let world = sim.world();
    let id = Id::from_uuid(text).filter(|id| world.instances.contains_key(id));
    id.ok_or_else(|| {
        if world.seed.vultr.gone_is_400 {
            Refusal::new(Reason::Invalid, "invalid instance ID")
        } else {
            Refusal::not_found(INSTANCE)
        }
    })
}

/// Refuses what cannot be done to an instance that installs, or that something else works on.
///
/// # Errors
/// Locked.
pub(super) fn check_unlocked(sim: &Sim, id: Id, what: &str) -> Result<(), Refusal> {
    let world = sim.world();
    if world.rules.locks && show::is_locked(&world, world.instance(id, INSTANCE)?) {
        let why = format!("Unable to {what}: {LOCKED}");
        return Err(Refusal::new(Reason::Locked, why));
    }
    Ok(())
}

/// The text that was sent in base64.
///
/// # Errors
/// When it was not, or is no text.
pub(super) fn decoded(user_data: &str) -> Result<String, Refusal> {
    let unfit = || Refusal::invalid("user_data", "Invalid user_data. Must be base64 encoded.");
    let dense: String = user_data.split_ascii_whitespace().collect();
    let bytes = BASE64.decode(dense.as_bytes()).map_err(|_| unfit())?;
    let why = "the simulator takes user_data that is text";
    String::from_utf8(bytes).map_err(|_| Refusal::invalid("user_data", why))
}

/// A UUID; the empty text is none.
///
/// # Errors
/// When it is none of ours.
pub(super) fn optional_uuid(text: &str, field: &'static str) -> Result<Option<Id>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    let id = Id::from_uuid(text).map(Some);
    id.ok_or_else(|| Refusal::invalid(field, format!("Invalid {field}.")))
}

fn order(world: &mut World, wanted: CreateInstance) -> Result<Order, Refusal> {
    let invalid = |field: &'static str| Refusal::invalid(field, format!("Invalid {field}."));
    if wanted.vpc_only || !wanted.attach_vpc.is_empty() {
        // There are none in the account.
        return Err(invalid("attach_vpc"));
    }
    if !wanted.reserved_ipv4.is_empty() {
        let why = "the simulator attaches reserved addresses afterwards only";
        return Err(Refusal::invalid("reserved_ipv4", why));
    }
    if let Some(script) = optional_uuid(&wanted.script_id, "script_id")? {
        startup_scripts::check(world, script)?;
    }
    let Some((boots, mut extra)) = wanted.source.chosen(world)? else {
        let why = "One of os_id, iso_id, snapshot_id, app_id or image_id is required.";
        return Err(Refusal::invalid("os_id", why));
    };
    let mut set = |name: &str, value: Value| extra.insert(name.to_owned(), value);
    let hostname = match wanted.hostname.as_str() {
        "" => USUAL_HOSTNAME,
        own => own,
    };
    set("hostname", json!(hostname));
    let features = [
        ("auto_backups", wanted.backups == "enabled"),
        ("ddos_protection", wanted.ddos_protection),
        ("ipv6", wanted.enable_ipv6),
    ];
    let features = features.iter().filter(|(_, wanted)| *wanted);
    set("features", features.map(|(name, _)| json!(name)).collect());
    set(
        "disable_public_ipv4",
        json!(wanted.enable_ipv6 && wanted.disable_public_ipv4),
    );
    match wanted.user_scheme.as_str() {
        "" | "root" => {}
        "limited" => {
            set("user_scheme", json!("limited"));
        }
        _ => return Err(invalid("user_scheme")),
    }
    let mut order = Order::new(wanted.label, wanted.plan, wanted.region, boots);
    order.extra = extra;
    for key in &wanted.sshkey_id {
        let key = Id::from_uuid(key).ok_or_else(|| invalid("keys"))?;
        order.keys.push(key);
    }
    order.user_data = wanted.user_data.as_deref().map(decoded).transpose()?;
    order.tags = wanted.tags;
    if !wanted.tag.is_empty() {
        order.tags.insert(wanted.tag);
    }
    Ok(order)
}

impl Source {
    /// What is to be booted, and what an instance has to keep of it; `None` when nothing is asked for.
    ///
    /// # Errors
    /// When there is no such thing, or more than one is asked for.
    pub(super) fn chosen(self, world: &World) -> Result<Option<Chosen>, Refusal> {
        let invalid = |field: &'static str| Refusal::invalid(field, format!("Invalid {field}."));
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let os_id = self.os_id.filter(|own| !own.is_nothing());
        let app_id = self.app_id.filter(|own| *own != 0);
        let (iso_id, snapshot_id) = (some(self.iso_id), some(self.snapshot_id));
        let image_id = some(self.image_id);
        let asked = [
            os_id.is_some(),
            iso_id.is_some(),
            snapshot_id.is_some(),
            app_id.is_some(),
            image_id.is_some(),
        ];
        if asked.iter().filter(|asked| **asked).count() > 1 {
            let why = "Only one of os_id, iso_id, snapshot_id, app_id or image_id is allowed.";
            return Err(Refusal::invalid("os_id", why));
        }
        let mut extra = Map::new();
        let boots = if let Some(os_id) = os_id {
            let number = os_id.number().ok_or_else(|| invalid("os_id"))?;
            let image = catalog::system(world, number).ok_or_else(|| invalid("os_id"))?;
            Boots::Image(image.id.clone())
        } else if let Some(snapshot) = snapshot_id {
            let why = "Invalid UUID format.";
            let id = Id::from_uuid(&snapshot);
            let id = id.ok_or_else(|| Refusal::invalid("snapshot_id", why))?;
            if !world.snapshots.contains_key(&id) {
                return Err(invalid("snapshot_id"));
            }
            Boots::Snapshot(id)
        } else if let Some(app_id) = app_id {
            Application::by_id(app_id).ok_or_else(|| invalid("app_id"))?;
            extra.insert("app_id".to_owned(), json!(app_id));
            Boots::Image(APPLICATION_SYSTEM.to_owned())
        } else if let Some(image_id) = image_id {
            Application::by_image(&image_id).ok_or_else(|| invalid("image_id"))?;
            extra.insert("image_id".to_owned(), json!(image_id));
            Boots::Image(APPLICATION_SYSTEM.to_owned())
        } else if iso_id.is_some() {
            return Err(invalid("iso_id"));
        } else {
            return Ok(None);
        };
        Ok(Some((boots, extra)))
    }
}

impl NumberOrText {
    fn is_nothing(&self) -> bool {
        match self {
            Self::Number(number) => *number == 0,
            Self::Text(text) => text.is_empty() || text == "0",
        }
    }

    fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}
