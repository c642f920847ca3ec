use crate::model::{IdleMode, IdlePolicy};
use crate::ssh::join;

/// The text of `idle.conf`: a line for this program, then lines for the watcher. The shell text of
/// a command is all that follows the last of them.
pub(super) fn render(policy: &IdlePolicy) -> String {
    let json = serde_json::to_string(policy).expect("a policy is plain data");
    let mut lines = vec![
        format!("policy {json}"),
        format!("mode {}", policy.mode().name()),
        format!("idle_timeout {}", policy.idle_timeout().as_secs()),
        format!("interval {}", policy.interval().as_secs()),
    ];
    if let Some(lifetime) = policy.max_lifetime() {
        lines.push(format!("max_lifetime {}", lifetime.as_secs()));
    }
    match policy.mode() {
        IdleMode::Cpu { percent } => lines.push(format!("percent {}", percent.get())),
        IdleMode::Run { process } => lines.push(format!("process {process}")),
        IdleMode::Custom { command } => {
            lines.push(format!("command\n{}", join(command.as_slice())));
        }
        IdleMode::Io | IdleMode::Ssh | IdleMode::Disabled => {}
    }
    lines.push(String::new());
    lines.join("\n")
}
