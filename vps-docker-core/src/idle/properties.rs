use super::Why;
use crate::model::printable;

/// What `why.sh` prints is read whatever it is, once there is a policy, and says nothing to a terminal
/// but text: the watcher's words are the container's in part.
pub fn idle_log(data: &[u8]) {
    const POLICY: &str = "policy\t{\"mode\":\"ssh\",\"idle_timeout\":20}";
    let text = String::from_utf8_lossy(data);
    for lines in [text.clone().into_owned(), format!("{text}\n{POLICY}\n")] {
        let why = match Why::parse(&lines) {
            Ok(why) => why,
            Err(error) => {
                assert!(!lines.contains(POLICY), "{error}");
                continue;
            }
        };
        let shown = why.to_string();
        assert_eq!(shown, printable(&shown), "{shown:?}");
        serde_json::to_string(&why).expect("plain data");
    }
}
