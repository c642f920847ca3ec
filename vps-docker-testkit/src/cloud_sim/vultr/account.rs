//! Whose account it is, and what it owes.

use axum::extract::State;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::catalog::amount;
use super::show::charges;
use crate::cloud_sim::answer::Answer;
use crate::cloud_sim::sim::Sim;

/// <https://www.vultr.com/api/#operation/get-account>. It says nothing of limits.
pub(super) async fn account(State(sim): State<Sim>) -> Answer {
    let world = sim.world();
    let own = world.instances.values().filter(|own| !own.foreign);
    let charges: Decimal = own.map(|own| charges(&world, own)).sum();
    Answer::ok(json!({"account": {
        "name": "Simulated Account",
        "email": "admin@example.com",
        "acls": [
            "manage_users", "subscriptions_view", "subscriptions", "billing", "support",
            "provisioning", "dns", "abuse", "upgrade", "firewall", "alerts", "objstore",
            "loadbalancer",
        ],
        "balance": -100.0,
        "pending_charges": amount(charges),
        "last_payment_date": "2026-10-01T00:00:00+00:00",
        "last_payment_amount": -10.0,
    }}))
}

/// <https://www.vultr.com/api/#operation/get-account-bandwidth>: nobody has used any.
pub(super) async fn bandwidth() -> Answer {
    let nothing = || -> Value {
        json!({
            "timestamp_start": "1790812800",
            "timestamp_end": "1793491200",
            "gb_in": 0,
            "gb_out": 0,
            "total_instance_hours": 0,
            "total_instance_count": 0,
            "instance_bandwidth_credits": 0,
            "free_bandwidth_credits": 2048,
            "purchased_bandwidth_credits": 0,
            "overage": 0,
            "overage_unit_cost": 0.01,
            "overage_cost": 0,
        })
    };
    Answer::ok(json!({"bandwidth": {
        "previous_month": nothing(),
        "current_month_to_date": nothing(),
        "current_month_projected": nothing(),
    }}))
}
