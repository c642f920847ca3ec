use clap::Args;
use serde::Serialize;
use vps_docker::Result;
use vps_docker::registry::Need;

use crate::context::Context;
use crate::instances;
use crate::output::table;

/// List the providers, and what each of them needs
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker providers")]
pub(crate) struct Providers {}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    description: &'static str,
    ready: bool,
    variables: Vec<&'static str>,
}

impl Providers {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let rows: Vec<Row> = instances::names(context)
            .into_iter()
            .map(|name| row(context, name))
            .collect::<Result<_>>()?;
        context.output.show(&rows, || {
            let rows = rows
                .iter()
                .map(|row| {
                    let ready = if row.ready { "yes" } else { "no" };
                    let needs = if row.ready {
                        String::new()
                    } else {
                        row.variables.join(", ")
                    };
                    [
                        row.name.clone(),
                        ready.to_owned(),
                        row.description.to_owned(),
                        needs,
                    ]
                })
                .collect();
            table(["NAME", "READY", "WHAT IT IS", "NEEDS"], rows)
        })
    }
}

fn row(context: &Context, name: &str) -> Result<Row> {
    let registration = instances::registration(context, name)?;
    let needed = registration
        .options
        .iter()
        .filter(|option| option.need != Need::Optional);
    Ok(Row {
        name: name.to_owned(),
        kind: registration.name,
        description: registration.description,
        ready: instances::is_usable(context, name),
        variables: needed.filter_map(|option| option.variable).collect(),
    })
}
