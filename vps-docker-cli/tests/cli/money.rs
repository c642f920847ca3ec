//! What is paid for.

use std::time::Duration;

use serde_json::{Value, json};
use vps_docker::DataDir;
use vps_docker::model::{HostId, HostName, HostTags, OwnerId, Timestamp};

use crate::support::{User, account, order};

/// The tags of a host that is ready.
fn host(name: &str, owner: &OwnerId) -> HostTags {
    let name = HostName::new(name).expect("legal");
    let hour = Duration::from_secs(3600);
    HostTags {
        expires: None,
        ..HostTags::unfinished(HostId::random(), name, owner.clone(), hour)
    }
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let mut list = list.as_array().expect("a list").iter();
    list.find(|one| one["name"] == name).expect("listed")
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_billed_is_in_the_sum_and_currencies_stay_apart() {
    let (hetzner, vultr) = (account("hetzner").await, account("vultr").await);
    let user = User::of("hetzner", &hetzner).and("vultr", &vultr);
    let data_dir = DataDir::open(user.data_dir()).expect("made");
    let owner = data_dir.owner();
    order("hetzner", &hetzner, &host("web", owner)).await;
    order("hetzner", &hetzner, &host("theirs", &OwnerId::random())).await;
    let left = HostTags {
        expires: Timestamp::from_unix_seconds(1_700_000_000),
        ..host("left", owner)
    };
    order("hetzner", &hetzner, &left).await;
    let made = HostTags {
        expires: Some(Timestamp::now().plus(Duration::from_secs(3600))),
        ..host("made", owner)
    };
    order("vultr", &vultr, &made).await;
    let asked = (hetzner.requests().total, vultr.requests().total);

    let bill = user.document(&["cost"]);
    let account = |name: &str| named(&bill["providers"], name)["instances"].clone();
    let at_hetzner = account("hetzner");
    for (name, standing) in [("web", "host"), ("theirs", "host"), ("left", "leftover")] {
        let one = named(&at_hetzner, name);
        assert_eq!(one["standing"], standing, "{one:#}");
        assert_eq!(one["price"]["monthly"]["currency"], "EUR");
        assert!(one["since"].is_string() && one["so_far"]["amount"].is_string());
    }
    assert_eq!(named(&account("vultr"), "made")["standing"], "unfinished");
    assert_eq!(bill["not_stated"], 0);
    let currencies: Vec<&Value> = bill["totals"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|total| &total["currency"])
        .collect();
    assert_eq!(currencies, [&json!("EUR"), &json!("USD")]);
    let number = |value: &Value| -> f64 { value.as_str().expect("text").parse().expect("one") };
    let monthly = number(&at_hetzner[0]["price"]["monthly"]["amount"]);
    let total = number(&bill["totals"][0]["monthly"]);
    assert!((total - 3.0 * monthly).abs() < 0.001, "{bill:#}");

    let said = user.says(&["cost"]);
    for word in ["left over", "vps-docker gc", "EUR a month", "USD a month"] {
        assert!(said.out.contains(word), "{}", said.out);
    }
    for (sim, before) in [(&hetzner, asked.0), (&vultr, asked.1)] {
        let requests = sim.requests().requests;
        let since = requests.iter().skip(usize::try_from(before).expect("few"));
        for request in since {
            assert_eq!(request.method, "GET", "{}", request.path);
        }
        assert!(sim.requests().total > before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sum_that_lacks_a_provider_is_not_told() {
    let sim = account("hetzner").await;
    let user = User::of("hetzner", &sim).with("VULTR_API_KEY", "wrong");
    let user = user.with("VULTR_API_URL", "http://127.0.0.1:9/v2");
    let (code, _) = user.fails(&["cost"]);
    assert_eq!(code, 7);
    let none = user.says(&["cost", "-p", "hetzner"]);
    assert_eq!((none.code, &*none.out), (0, "nothing is paid for\n"));
}
