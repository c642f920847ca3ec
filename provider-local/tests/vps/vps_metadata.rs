use vps_docker_core::VpsClient;

use crate::support::{Account, Keys, assert_nothing_left, docker, spec, wait_for_ssh};

#[tokio::test]
async fn each_instance_is_served_its_own_user_data_and_none_on_disk() {
    let test = Account::open_with("meta", 8, |config| config.metadata_service(true)).await;
    let Some(account) = test else {
        return;
    };
    let provider = &account.provider;
    let (first_keys, second_keys) = (Keys::new(), Keys::new());
    let (first, second) = (spec("one", &first_keys), spec("two", &second_keys));
    let (first, second) = tokio::join!(
        provider.create_instance(&first),
        provider.create_instance(&second),
    );
    let (first, second) = (first.expect("created"), second.expect("created"));
    for (instance, keys) in [(&first, &first_keys), (&second, &second_keys)] {
        let address = instance.address.expect("an address");
        wait_for_ssh(address).await;
        keys.settled(address);
        for path in [
            "nocloud/user-data",
            "hetzner/v1/userdata",
            "metadata/v1/user-data",
            "v1/user-data",
            "latest/user-data",
        ] {
            let served = keys.ask(address, &format!("curl -sf http://169.254.169.254/{path}"));
            assert_eq!(served, keys.user_data("").trim(), "{path}");
        }
        let id = keys.ask(address, "curl -sf http://169.254.169.254/v1/instance-id");
        assert_eq!(id, instance.id.as_str());
        let seed = keys.ask(address, "cat /var/lib/cloud/seed/nocloud/*");
        assert!(!seed.contains("PRIVATE KEY"), "{seed}");
    }
    let service = ["ps", "-q", "--filter", "name=vps-docker-test-meta.metadata"];
    provider.destroy_instance(&first.id).await.expect("gone");
    assert!(!docker(&service).is_empty(), "one still needs it");
    provider.destroy_instance(&second.id).await.expect("gone");
    assert!(docker(&service).is_empty(), "nobody needs it");
    assert_nothing_left(&first.id);
    assert_nothing_left(&second.id);
}
