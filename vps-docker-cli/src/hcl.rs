//! Values in HCL, the language of Terraform.

use std::fmt::Write;

use serde_json::Value;

/// An object's fields as `name = value` lines, as in a `terraform.tfvars` file.
pub(crate) fn definitions(object: &Value) -> String {
    let mut text = String::new();
    let fields = object.as_object().expect("variables have names");
    let width = fields.keys().map(String::len).max().unwrap_or(0);
    for (name, field) in fields {
        let _ = write!(text, "{name:width$} = ");
        value(&mut text, field, 0);
        text.push('\n');
    }
    text
}

fn value(text: &mut String, of: &Value, depth: usize) {
    match of {
        Value::String(string) => quoted(text, string),
        Value::Array(items) if items.is_empty() => text.push_str("[]"),
        Value::Array(items) => {
            text.push_str("[\n");
            for item in items {
                indent(text, depth + 1);
                value(text, item, depth + 1);
                text.push_str(",\n");
            }
            indent(text, depth);
            text.push(']');
        }
        Value::Object(fields) if fields.is_empty() => text.push_str("{}"),
        Value::Object(fields) => {
            text.push_str("{\n");
            for (name, field) in fields {
                indent(text, depth + 1);
                quoted(text, name);
                text.push_str(" = ");
                value(text, field, depth + 1);
                text.push('\n');
            }
            indent(text, depth);
            text.push('}');
        }
        // null, numbers and truth are written as in JSON.
        plain => {
            let _ = write!(text, "{plain}");
        }
    }
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n("  ", depth));
}

/// A quoted template in which nothing is replaced: HCL has JSON's escapes for the most part, and `${` and `%{` begin what
/// is evaluated unless their first sign is doubled.
fn quoted(text: &mut String, string: &str) {
    text.push('"');
    let mut signs = string.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '$' | '%' if signs.peek() == Some(&'{') => {
                text.push(sign);
                text.push(sign);
            }
            // Beyond ASCII too: U+2028 breaks lines, and what turns the direction of text deceives.
            sign if sign.is_control() || ('\u{2028}'..='\u{202e}').contains(&sign) => {
                let _ = write!(text, "\\u{:04x}", u32::from(sign));
            }
            sign => text.push(sign),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn string(of: &str) -> String {
        let mut text = String::new();
        quoted(&mut text, of);
        text
    }

    #[test]
    fn nothing_in_a_string_is_evaluated() {
        assert_eq!(string("a b"), r#""a b""#);
        assert_eq!(string("${x} %{if}"), r#""$${x} %%{if}""#);
        assert_eq!(string("$$${x}"), r#""$$$${x}""#);
        assert_eq!(string("100% $5 $"), r#""100% $5 $""#);
        assert_eq!(string("\"\\\n\t\u{1b}"), r#""\"\\\n\t\u001b""#);
    }

    #[test]
    fn what_is_written_reads_back() {
        let nasty = [
            "${x}",
            "$${x}",
            "%%{x",
            "\"",
            "\\",
            "\\${",
            "$",
            "é\u{202e}\u{7f}\r\n",
            "",
        ];
        let document = json!({
            "docker_host": "ssh://root@[::1]:22",
            "docker_ssh_opts": nasty,
            "docker_cert_path": null,
            "nodes": {"web": {"a": true, "b": 7, "c": [], "d": {}}, "${x}": "y"},
        });
        let text = definitions(&document);
        let read: Value = ::hcl::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(read, document, "{text}");
    }
}
