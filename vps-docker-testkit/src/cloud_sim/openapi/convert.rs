//! Schemas of OpenAPI 3.0 in the words of JSON Schema draft 4, which they come from: `exclusiveMinimum` means
//! the same in both, `nullable` and `readOnly` have to be written out, and the rest is for people.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::exception::Side;

const SCHEMAS: &str = "#/components/schemas/";

/// What says nothing of the values, or means nothing to draft 4.
const FOR_PEOPLE: &[&str] = &[
    "description",
    "example",
    "examples",
    "title",
    "default",
    "deprecated",
    "discriminator",
    "xml",
    "externalDocs",
    "readOnly",
    "writeOnly",
    "nullable",
];

/// A schema that stands for itself: with all that it refers to.
pub(super) fn to_draft_4(document: &Value, schema: &Value, side: Side) -> Value {
    let mut wanted = BTreeSet::new();
    let root = convert(schema, side, &mut wanted);
    let mut schemas = Map::new();
    while let Some(name) = wanted.pop_first() {
        if schemas.contains_key(&name) {
            continue;
        }
        let schema = convert(&document["components"]["schemas"][&name], side, &mut wanted);
        schemas.insert(name, schema);
    }
    // The reference of a root that is nothing else would hide what stands beside it.
    json!({"allOf": [root], "components": {"schemas": schemas}})
}

/// Follows a reference to a part of the document; the part itself when it is none.
pub(super) fn resolve<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    let mut part = part;
    while let Some(reference) = part["$ref"].as_str() {
        let pointer = reference.trim_start_matches('#');
        match document.pointer(pointer) {
            Some(found) => part = found,
            None => break,
        }
    }
    part
}

fn convert(schema: &Value, side: Side, wanted: &mut BTreeSet<String>) -> Value {
    let Some(schema) = schema.as_object() else {
        // `true`, `false`, or nothing at all.
        return match schema {
            Value::Bool(false) => json!({"not": {}}),
            _ => json!({}),
        };
    };
    let nullable = schema.get("nullable") == Some(&Value::Bool(true));
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.trim_start_matches(SCHEMAS);
        wanted.insert(name.to_owned());
        return or_null(json!({"$ref": reference}), nullable);
    }
    let mut converted = Map::new();
    for (keyword, value) in schema {
        if FOR_PEOPLE.contains(&keyword.as_str()) || keyword.starts_with("x-") {
            continue;
        }
        let value = match keyword.as_str() {
            "properties" => {
                let properties = value.as_object().into_iter().flatten();
                let convert =
                    |(name, own): (&String, &Value)| (name.clone(), convert(own, side, wanted));
                Value::Object(properties.map(convert).collect())
            }
            "allOf" | "anyOf" | "oneOf" => {
                let schemas = value.as_array().into_iter().flatten();
                Value::Array(schemas.map(|own| convert(own, side, wanted)).collect())
            }
            "items" | "not" => convert(value, side, wanted),
            "additionalProperties" if value.is_object() => convert(value, side, wanted),
            "required" => match required(value, schema, side) {
                Some(required) => required,
                None => continue,
            },
            _ => value.clone(),
        };
        converted.insert(keyword.clone(), value);
    }
    nulled(converted, nullable)
}

/// The required properties, but those that only the other side sends. Draft 4 wants at least one.
fn required(names: &Value, schema: &Map<String, Value>, side: Side) -> Option<Value> {
    let other = match side {
        Side::Request => "readOnly",
        Side::Response => "writeOnly",
    };
    let names = names.as_array()?.iter().filter(|name| {
        let property = name
            .as_str()
            .and_then(|name| schema.get("properties")?.get(name));
        property.is_none_or(|property| property[other] != Value::Bool(true))
    });
    let names: Vec<Value> = names.cloned().collect();
    (!names.is_empty()).then_some(Value::Array(names))
}

fn nulled(mut schema: Map<String, Value>, nullable: bool) -> Value {
    if !nullable {
        return Value::Object(schema);
    }
    match schema.get("type") {
        Some(Value::String(kind)) => {
            let kinds = json!([kind, "null"]);
            schema.insert("type".to_owned(), kinds);
            if let Some(Value::Array(values)) = schema.get_mut("enum")
                && !values.contains(&Value::Null)
            {
                values.push(Value::Null);
            }
            // Beside the type there may be schemas that know nothing of null.
            let composed = ["allOf", "anyOf", "oneOf"]
                .iter()
                .any(|word| schema.contains_key(*word));
            or_null(Value::Object(schema), composed)
        }
        _ => or_null(Value::Object(schema), true),
    }
}

fn or_null(schema: Value, nullable: bool) -> Value {
    if nullable {
        json!({"anyOf": [schema, {"type": "null"}]})
    } else {
        schema
    }
}
