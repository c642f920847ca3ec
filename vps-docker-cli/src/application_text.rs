//! Applications for people to read.

use vps_docker::application::{Application, ApplicationPlan};
use vps_docker::model::{BuildContext, HostChanges, HostInfo};

use crate::plan_text;
use crate::shown::Shown;

/// What an `up` would do.
pub(crate) fn plan(application: &Application, plan: &ApplicationPlan) -> Shown {
    match plan {
        ApplicationPlan::Create { plan } => {
            let spec = &application.spec;
            let ports: Vec<String> = application.ports.iter().map(ToString::to_string).collect();
            let image = match spec.build.as_ref().map(|build| &build.context) {
                Some(BuildContext::Directory(directory)) => {
                    format!("built of {}", directory.display())
                }
                Some(BuildContext::Remote(address)) => format!("built of {address}"),
                _ => plan.image.to_string(),
            };
            let more = [
                ("image", image),
                ("ports", ports.join(", ")),
                ("variables", spec.env.names().collect::<Vec<_>>().join(", ")),
                (
                    "lives",
                    spec.ttl.map(crate::units::span).unwrap_or_default(),
                ),
            ];
            Shown::from("A host is created:\n").and(plan_text::choices(plan, &more))
        }
        ApplicationPlan::Change { host, changes } => {
            let what = self::changes(changes);
            let fate = match (changes.container.is_empty(), changes.vps.is_empty()) {
                (_, false) => "only a new VPS brings that: take it down, or use another stack",
                (false, _) => "the container is replaced, its data kept",
                (true, _) => "the container runs on",
            };
            format!("{} is changed: {what} ({fate})\n", place(host)).into()
        }
        ApplicationPlan::Nothing { host } => format!("{} is as it should be\n", place(host)).into(),
        _ => Shown::default(),
    }
}

/// What differs, in a line.
pub(crate) fn changes(changes: &HostChanges) -> String {
    let all = [&changes.vps, &changes.container, &changes.settings];
    let names: Vec<&str> = all.into_iter().flatten().map(String::as_str).collect();
    names.join(", ")
}

fn place(host: &HostInfo) -> String {
    format!("{} ({} at {})", host.name, host.address, host.provider)
}
