//! `PATCH /instances/{id}`: name, tags, firewall, `user_data`, plan, features; and what reinstalls.

use std::collections::BTreeSet;

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::body;
use super::firewalls;
use super::instances::{self, INSTANCE, Source};
use super::show::show_charged;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::operations::Reinstallation;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Instance, World};

#[derive(Debug, Deserialize)]
struct UpdateInstance {
    #[serde(flatten)]
    source: Source,
    label: Option<String>,
    tags: Option<BTreeSet<String>>,
    tag: Option<String>,
    user_data: Option<String>,
    plan: Option<String>,
    firewall_group_id: Option<String>,
    enable_ipv6: Option<bool>,
    ddos_protection: Option<bool>,
    backups: Option<String>,
    user_scheme: Option<String>,
}

/// <https://www.vultr.com/api/#operation/update-instance>. What leaves the machine alone may be changed while it is
/// locked, too.
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let id = instances::by_path(&sim, &call)?;
    let wanted: UpdateInstance = body(&call)?;
    let chosen = wanted.source.chosen(&sim.world())?;
    if chosen.is_some() || wanted.plan.is_some() {
        instances::check_unlocked(&sim, id, "update server")?;
    }
    let user_data = wanted
        .user_data
        .as_deref()
        .map(instances::decoded)
        .transpose()?;
    let group = wanted.firewall_group_id.as_deref();
    let group = group.map(|text| instances::optional_uuid(text, "firewall_group_id"));
    let group: Option<Option<Id>> = group.transpose()?;
    {
        let mut world = sim.world();
        if let Some(Some(group)) = group {
            firewalls::check(&mut world, group)?;
        }
        if let Some(plan) = &wanted.plan {
            check_upgrade(&world, world.instance(id, INSTANCE)?, plan)?;
        }
        if let Some(group) = group {
            firewalls::stand_behind(&mut world, id, group);
        }
        let instance = world.instance_mut(id, INSTANCE)?;
        instance.name = wanted.label.unwrap_or_else(|| instance.name.clone());
        if let Some(tags) = wanted.tags {
            instance.tags = tags;
        } else if let Some(tag) = wanted.tag {
            instance.tags = BTreeSet::from_iter([tag].into_iter().filter(|tag| !tag.is_empty()));
        }
        if let Some(user_data) = user_data {
            instance.user_data = Some(user_data.into());
        }
        if let Some(plan) = wanted.plan {
            instance.plan = plan;
        }
        let backups = wanted.backups.map(|wanted| wanted == "enabled");
        switch(instance, "auto_backups", backups);
        switch(instance, "ddos_protection", wanted.ddos_protection);
        switch(
            instance,
            "ipv6",
            wanted.enable_ipv6.filter(|wanted| *wanted),
        );
        if let Some(scheme) = wanted.user_scheme {
            instance
                .extra
                .insert("user_scheme".to_owned(), json!(scheme));
        }
    }
    if let Some((boots, extra)) = chosen {
        {
            let mut world = sim.world();
            let own = &mut world.instance_mut(id, INSTANCE)?.extra;
            own.remove("app_id");
            own.remove("image_id");
            own.extend(extra);
        }
        let wanted = Reinstallation {
            boots,
            user_data: None,
            keys: None,
        };
        sim.reinstall(&call, id, INSTANCE, wanted)?;
    }
    let world = sim.world();
    let instance = world.instance(id, INSTANCE)?;
    Ok(Answer::accepted(
        json!({"instance": show_charged(&world, instance)}),
    ))
}

/// A plan may be changed for a larger one.
fn check_upgrade(world: &World, instance: &Instance, plan: &str) -> Result<(), Refusal> {
    let old = world.offer.plan(&instance.plan);
    let new = world.offer.plan(plan);
    let fits = new.is_some_and(|new| {
        new.regions.contains(&instance.region)
            && old.is_none_or(|old| old.disk_gb <= new.disk_gb && old.memory_mib <= new.memory_mib)
    });
    if fits {
        Ok(())
    } else {
        Err(Refusal::new(Reason::WrongPair, "not an upgrade"))
    }
}

fn switch(instance: &mut Instance, feature: &str, wanted: Option<bool>) {
    let Some(wanted) = wanted else {
        return;
    };
    let features = instance.extra.entry("features").or_insert(json!([]));
    if let Value::Array(features) = features {
        features.retain(|own| own != feature);
        if wanted {
            features.push(json!(feature));
        }
    }
}
