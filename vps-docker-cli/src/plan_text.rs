//! What a create would do, for people to read.

use vps_docker::model::{Firewall, HostPlan, MemoryLimit, Money, Plan, Price, Region, Runtime};

use crate::output::pairs;
use crate::shown::Shown;

/// What `create` would do.
pub(crate) fn text(plan: &HostPlan) -> Shown {
    let choices = choices(plan, &[("image", plan.image.to_string())]);
    choices.and("\nNothing was ordered: this is what `vps-docker create` would do.\n")
}

/// What would be ordered, the first place first, and run: of the container what the caller knows best.
pub(crate) fn choices(plan: &HostPlan, container: &[(&str, String)]) -> Shown {
    let places: Vec<String> = plan.places.iter().map(place).collect();
    let resources = &plan.resources;
    let memory = match resources.memory {
        MemoryLimit::At(size) => size.to_string(),
        _ => "all but a reserve of the VPS's".to_owned(),
    };
    let cpus = resources.cpus.map(|cpus| format!(", {cpus} cores"));
    let kernel = match plan.security.runtime {
        Runtime::Gvisor => ", under gVisor",
        _ => "",
    };
    let limits = format!(
        "memory {memory}{}, {} processes{kernel}",
        cpus.unwrap_or_default(),
        resources.pids
    );
    let mut all = vec![
        ("host", plan.name.to_string()),
        ("provider", plan.provider.clone()),
        ("VPS", places.join("\nelse ")),
        ("system", plan.os.description.clone()),
    ];
    all.extend_from_slice(container);
    all.extend([("limits", limits), ("reached", reached(plan))]);
    pairs(&all)
}

fn place((plan, region): &(Plan, Region)) -> String {
    let gib = plan.memory_mib as f64 / 1024.0;
    let Price { hourly, monthly } = plan.price_in(&region.id);
    let price =
        |money: &Option<Money>, per: &str| money.as_ref().map(|money| format!("{money} {per}"));
    let prices: Vec<String> = [price(hourly, "an hour"), price(monthly, "a month")]
        .into_iter()
        .flatten()
        .collect();
    let prices = match prices.is_empty() {
        true => "price not told".to_owned(),
        false => prices.join(", "),
    };
    format!(
        "{} in {}: {} CPUs, {gib} GiB; {prices}",
        plan.id, region.id, plan.cpus
    )
}

fn reached(plan: &HostPlan) -> String {
    let Some(exposure) = &plan.exposure else {
        return format!(
            "from everywhere, all ports; sshd at 22 and {} takes your keys alone",
            plan.container_ssh_port
        );
    };
    let sources: Vec<String> = exposure.sources.iter().map(ToString::to_string).collect();
    let ports: Vec<String> = [22, plan.container_ssh_port]
        .iter()
        .chain(&exposure.app_ports)
        .map(ToString::to_string)
        .collect();
    let whose = match plan.firewall {
        Firewall::Provider => "the provider's firewall",
        _ => "the VPS's own firewall",
    };
    format!(
        "from {} at {}, by {whose}",
        sources.join(", "),
        ports.join(", ")
    )
}
