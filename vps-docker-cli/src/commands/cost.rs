use clap::Args;
use futures_util::future::join_all;
use serde::Serialize;
use vps_docker::Result;
use vps_docker::model::{
    CostTotal, Costs, InstanceCost, InstanceState, Money, SnapshotCost, Standing, Timestamp,
};

use crate::context::Context;
use crate::instances;
use crate::output::{plural, table};
use crate::shown::Shown;
use crate::units::age;

/// Show what is paid for: hosts, stopped ones too, snapshots, and what was left over
///
/// Prices are those that the providers state now, without taxes and without what is billed apart, such as traffic or
/// addresses. What it has come to is worked out from them; the bill is the provider's. Changes nothing.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker cost
  vps-docker cost -p hetzner --json | jq '.totals'")]
pub(crate) struct Cost {}

#[derive(Debug, Serialize)]
struct Bill {
    /// A currency each.
    totals: Vec<CostTotal>,
    /// How many things are in none of them.
    not_stated: usize,
    providers: Vec<Account>,
}

#[derive(Debug, Serialize)]
struct Account {
    /// As in config.toml.
    name: String,
    #[serde(flatten)]
    costs: Costs,
}

impl Cost {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let names = instances::asked_for(context);
        let asked = join_all(names.iter().map(|name| costs(context, name)));
        let asked = context.interrupt.or(async { Ok(asked.await) }).await?;
        let (mut providers, mut failure) = (Vec::new(), None);
        for (name, costs) in names.iter().zip(asked) {
            match costs {
                Ok(costs) => providers.push(Account {
                    name: (*name).to_owned(),
                    costs,
                }),
                Err(error) if instances::is_absent(context, name, error.kind()) => {}
                Err(error) => {
                    if let Some(earlier) = failure.replace(error) {
                        crate::failure::report(&earlier, false);
                    }
                }
            }
        }
        // A sum that lacks a provider is none.
        if let Some(error) = failure {
            return Err(error);
        }
        let all = || providers.iter().map(|account| &account.costs);
        let bill = Bill {
            totals: Costs::totals(all()),
            not_stated: all().map(Costs::untold).sum(),
            providers,
        };
        context.output.show(&bill, || text(&bill))
    }
}

async fn costs(context: &Context, name: &str) -> Result<Costs> {
    instances::engine(context, name)?.costs().await
}

fn text(bill: &Bill) -> Shown {
    let rows: Vec<[String; 7]> = bill
        .providers
        .iter()
        .flat_map(|account| {
            let instances = account.costs.instances.iter();
            let instances = instances.map(|one| instance(&account.name, one));
            let snapshots = account.costs.snapshots.iter();
            instances.chain(snapshots.map(|one| snapshot(&account.name, one)))
        })
        .collect();
    if rows.is_empty() {
        return "nothing is paid for\n".into();
    }
    let headings = [
        "NAME", "PROVIDER", "WHAT", ">AN HOUR", ">A MONTH", ">AGE", ">SO FAR",
    ];
    let mut text = String::from("\n");
    for total in &bill.totals {
        let CostTotal {
            currency,
            monthly,
            so_far,
            ..
        } = total;
        text.push_str(&format!(
            "{} {currency} a month, {} {currency} so far\n",
            monthly.round_dp(2),
            so_far.round_dp(2)
        ));
    }
    if bill.not_stated > 0 {
        let (things, is) = match bill.not_stated {
            1 => ("one thing", "is"),
            _ => ("things", "are"),
        };
        let count = match bill.not_stated {
            1 => String::new(),
            count => format!("{count} "),
        };
        text.push_str(&format!(
            "{count}{things} whose price is not stated {is} not in it\n"
        ));
    }
    let left = bill.providers.iter().flat_map(|one| &one.costs.instances);
    let left = left
        .filter(|one| one.standing == Standing::Leftover)
        .count();
    if left > 0 {
        text.push_str(&format!(
            "{} left over: `vps-docker gc` removes what nobody needs\n",
            plural(left, "VPS is", "VPSs are")
        ));
    }
    table(headings, rows).and(text)
}

fn instance(provider: &str, cost: &InstanceCost) -> [String; 7] {
    let standing = match (cost.standing, &cost.state) {
        (Standing::Leftover, _) => ", left over",
        (Standing::Unfinished, _) => ", being made",
        (_, InstanceState::Stopped) => ", off",
        (_, InstanceState::Destroying) => ", being destroyed",
        _ => "",
    };
    [
        cost.name.clone(),
        provider.to_owned(),
        format!("{} in {}{standing}", cost.plan, cost.region),
        stated(cost.price.hourly.as_ref()),
        stated(cost.price.monthly.as_ref()),
        since(cost.since),
        so_far(cost.so_far.as_ref()),
    ]
}

fn snapshot(provider: &str, cost: &SnapshotCost) -> [String; 7] {
    let size = cost.size_bytes.map(crate::units::bytes);
    [
        cost.name.clone(),
        provider.to_owned(),
        format!(
            "snapshot, {}",
            size.unwrap_or_else(|| "no size told".into())
        ),
        String::new(),
        stated(cost.monthly.as_ref()),
        since(cost.since),
        so_far(cost.so_far.as_ref()),
    ]
}

fn stated(money: Option<&Money>) -> String {
    money.map_or_else(|| "not stated".to_owned(), ToString::to_string)
}

/// Money in cents.
pub(crate) fn so_far(money: Option<&Money>) -> String {
    let cents = |money: &Money| format!("{} {}", money.amount.round_dp(2), money.currency);
    money.map_or_else(|| "–".to_owned(), cents)
}

fn since(since: Option<Timestamp>) -> String {
    since.map_or_else(|| "–".to_owned(), age)
}
