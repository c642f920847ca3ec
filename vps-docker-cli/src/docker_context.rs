//! What makes an engine a context of the docker CLI.

use vps_docker::model::HostName;
use vps_docker::ssh::quote;

/// The command, ready to be pasted into a shell.
pub(crate) fn context_create(name: &HostName, fields: &[(&str, String)]) -> String {
    // docker reads them as one record of CSV.
    let fields: Vec<String> = fields
        .iter()
        .map(|(key, value)| {
            let field = format!("{key}={value}");
            match field.contains([',', '"']) {
                true => format!("\"{}\"", field.replace('"', "\"\"")),
                false => field,
            }
        })
        .collect();
    format!(
        "docker context create {name} --docker {}",
        quote(&fields.join(","))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_comma_is_one_field() {
        let name = HostName::new("web").expect("legal");
        let plain = context_create(&name, &[("host", "unix:///run/web.sock".into())]);
        assert_eq!(
            plain,
            "docker context create web --docker host=unix:///run/web.sock"
        );
        let fields = [
            ("host", "tcp://192.0.2.1:2376".into()),
            ("ca", "/it's, a/ca.pem".into()),
        ];
        assert_eq!(
            context_create(&name, &fields),
            r#"docker context create web --docker 'host=tcp://192.0.2.1:2376,"ca=/it'\''s, a/ca.pem"'"#
        );
    }
}
