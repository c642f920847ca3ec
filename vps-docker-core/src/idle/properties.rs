use super::Why;
use crate::model::printable;

/// What `why.sh` prints is read whatever it is, once there is a policy, and says nothing to a terminal
/// but text: the watcher's words are the container's in part.
pub fn idle_log(data: &[u8]) {
    const POLICY: &str = "policy\t{\"mode\":\"ssh\",\"idle_timeout\":20}";
    let text = String::from_utf8_lossy(data);
    let of_a_watcher = Why::parse(&format!("{text}\n{POLICY}\n")).expect("a policy is in place");
    let why = Why::parse(&text).into_iter();
    for why in why.chain([of_a_watcher]) {
        let shown = why.to_string();
        assert_eq!(shown, printable(&shown), "{shown:?}");
        serde_json::to_string(&why).expect("plain data");
    }
}
