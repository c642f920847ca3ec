/// What a command is called where it is told of: the name that a script of ours is started under,
/// docker's verb, or nothing but that it is one. The other words may hold secrets.
pub(super) fn title(command: &str) -> String {
    let words = first_words(command);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let command = words.iter().position(|word| !word.contains('='));
    match &words[command.unwrap_or_default()..] {
        ["sh", "-c", _script, name, ..] => (*name).to_owned(),
        ["sudo", _, _, "sh", "-c", script, ..] => title(script),
        ["docker", verb, ..] => format!("docker {verb}"),
        _ => "command".to_owned(),
    }
}

/// The first words of a line that [`join`](super::join) has quoted; enough for a title.
fn first_words(line: &str) -> Vec<String> {
    const ENOUGH: usize = 6;
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut chars = line.chars();
    let mut quoted = false;
    while words.len() < ENOUGH
        && let Some(char) = chars.next()
    {
        match char {
            '\'' => quoted = !quoted,
            _ if quoted => word.push(char),
            '\\' => word.extend(chars.next()),
            ' ' => words.push(std::mem::take(&mut word)),
            _ => word.push(char),
        }
    }
    words.push(word);
    words
}

#[cfg(test)]
mod tests {
    use super::super::join;
    use super::*;

    #[test]
    fn scripts_and_docker_have_their_names_and_nothing_else_is_told() {
        let script = join(["sh", "-c", "echo 'it''s' \"here\"\nexit 1", "write", "x"]);
        assert_eq!(title(&script), "write");
        let build = format!(
            "DOCKER_BUILDKIT=0 {}",
            join(["docker", "build", "-t", "a b"])
        );
        assert_eq!(title(&build), "docker build");
        let sudo = join(["sudo", "-n", "--", "sh", "-c", &script]);
        assert_eq!(title(&sudo), "write");
        assert_eq!(title("login --password s3cret"), "command");
        assert_eq!(title("TOKEN=s3cret"), "command");
        assert_eq!(title(""), "command");
    }
}
