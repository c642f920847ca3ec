use clap::{Args, ValueEnum};
use serde_json::json;
use vps_docker::Result;
use vps_docker::model::{Plan, Price};

use crate::context::Context;
use crate::instances;
use crate::output::table;
use crate::shown::Shown;

/// Show what a provider offers: plans with their prices, regions, operating systems
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker catalog hetzner --sort price --min-memory 4
  vps-docker catalog vultr --json | jq '.plans[0]'")]
pub(crate) struct Catalog {
    /// The provider [default: the configured one, else local]
    name: Option<String>,
    /// Order of the plans
    #[arg(long, value_enum, default_value_t)]
    sort: Sort,
    /// Plans with so many CPUs at least
    #[arg(long, value_name = "COUNT")]
    min_cpu: Option<u32>,
    /// Plans with so much memory at least, in GiB
    #[arg(long, value_name = "GIB")]
    min_memory: Option<f64>,
    /// Plans of this region
    #[arg(long)]
    region: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Sort {
    /// The cheapest first
    #[default]
    Price,
    /// The smallest first
    Memory,
    /// The fewest first
    Cpu,
    /// By id
    Name,
}

impl Catalog {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let name = self.name.as_deref().or(context.global.provider.as_deref());
        let engine = instances::engine(context, name.unwrap_or(context.config.default_provider()))?;
        let catalog = context.interrupt.or(engine.client().catalog()).await?;
        if let Some(region) = &self.region {
            catalog.region(Some(region))?;
        }
        let mut plans = catalog.plans.clone();
        plans.retain(|plan| self.fits(plan));
        plans.sort_by(|a, b| self.key(a).cmp(&self.key(b)).then_with(|| a.id.cmp(&b.id)));
        let document =
            json!({"plans": plans, "regions": catalog.regions, "images": catalog.images});
        context.output.show(&document, || {
            let regions = catalog
                .regions
                .iter()
                .map(|one| [one.id.clone(), one.description.clone()])
                .collect();
            let images = catalog
                .images
                .iter()
                .map(|one| {
                    let docker = if one.has_docker { "yes" } else { "" };
                    [one.id.clone(), one.description.clone(), docker.to_owned()]
                })
                .collect();
            self.plans(&plans)
                .and("\n")
                .and(table(["REGION", ""], regions))
                .and("\n")
                .and(table(["OS", "", "HAS DOCKER"], images))
        })
    }

    fn price<'a>(&self, plan: &'a Plan) -> &'a Price {
        plan.price_in(self.region.as_deref().unwrap_or_default())
    }

    fn fits(&self, plan: &Plan) -> bool {
        self.min_cpu.is_none_or(|count| plan.cpus >= count)
            && self
                .min_memory
                .is_none_or(|gib| plan.memory_mib as f64 >= gib * 1024.0)
            && self
                .region
                .as_ref()
                .is_none_or(|region| plan.regions.contains(region))
    }

    fn key(&self, plan: &Plan) -> (bool, String) {
        let number = |value: u64| (false, format!("{value:020}"));
        match self.sort {
            Sort::Memory => number(plan.memory_mib),
            Sort::Cpu => number(u64::from(plan.cpus)),
            Sort::Name => (false, plan.id.clone()),
            // What has no price comes last.
            Sort::Price => match &self.price(plan).monthly {
                Some(money) => (false, format!("{:>20.6}", money.amount)),
                None => (true, String::new()),
            },
        }
    }

    fn plans(&self, plans: &[Plan]) -> Shown {
        let money = |money: &Option<vps_docker::model::Money>| {
            money
                .as_ref()
                .map_or_else(|| "–".to_owned(), ToString::to_string)
        };
        let rows = plans
            .iter()
            .map(|plan| {
                [
                    plan.id.clone(),
                    plan.cpus.to_string(),
                    format!("{:.1} GiB", plan.memory_mib as f64 / 1024.0),
                    plan.disk_gib
                        .map_or_else(|| "–".to_owned(), |gib| format!("{gib} GiB")),
                    money(&self.price(plan).hourly),
                    money(&self.price(plan).monthly),
                    plan.regions.join(" "),
                ]
            })
            .collect();
        table(
            [
                "PLAN", ">CPUS", ">MEMORY", ">DISK", ">AN HOUR", ">A MONTH", "REGIONS",
            ],
            rows,
        )
    }
}
