//! Every effective value of the configuration, and where it comes from.

use serde::Serialize;

use super::Document;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The file, at this line.
    Line(usize),
    /// It stands nowhere and has its default.
    Default,
}

/// One effective value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key with all tables it is in: `policy.default.limits.per-number-hour`, `modem[0].port`.
    pub key: String,
    /// The value as TOML.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Every value of `settings`, in the order of the keys. A key that has no value by default and was given none is left out.
pub fn list<T: Serialize>(settings: &T, document: Option<&Document>) -> Vec<Entry> {
    let mut entries = Vec::new();
    // What was read from TOML, or stands in for it, can be written as TOML.
    if let Ok(value) = toml::Value::try_from(settings) {
        collect(String::new(), &value, document, &mut entries);
    }
    entries
}

fn collect(key: String, value: &toml::Value, document: Option<&Document>, entries: &mut Vec<Entry>) {
    match value {
        toml::Value::Table(table) => {
            let dot = if key.is_empty() { "" } else { "." };
            for (name, value) in table {
                collect(format!("{key}{dot}{name}"), value, document, entries);
            }
        }
        toml::Value::Array(values) if values.iter().any(toml::Value::is_table) => {
            for (n, value) in values.iter().enumerate() {
                collect(format!("{key}[{n}]"), value, document, entries);
            }
        }
        _ => {
            let line = document.and_then(|document| document.line(&key));
            let origin = line.map_or(Origin::Default, Origin::Line);
            entries.push(Entry { key, value: value.to_string(), origin });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde::Deserialize;

    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case", default)]
    struct Site {
        state_dir: String,
        socket: Option<String>,
        modem: Vec<Port>,
    }

    #[derive(Serialize, Deserialize)]
    struct Port {
        name: String,
        #[serde(default)]
        baud: u32,
    }

    impl Default for Site {
        fn default() -> Self {
            Self { state_dir: "/var/lib".to_owned(), socket: None, modem: Vec::new() }
        }
    }

    #[test]
    fn each_value_is_told_with_its_line_or_as_a_default() {
        let document =
            Document::parse(Path::new("f"), b"\n[[modem]]\nname = \"m1\"\n[[modem]]\nname = 'm2'\nbaud = 9600");
        let document = document.unwrap();
        let site: Site = document.read(|_| Vec::new()).unwrap();
        let told: Vec<(String, String, Origin)> =
            list(&site, Some(&document)).into_iter().map(|entry| (entry.key, entry.value, entry.origin)).collect();
        let entry = |key: &str, value: &str, origin| (key.to_owned(), value.to_owned(), origin);
        assert_eq!(
            told,
            [
                entry("modem[0].baud", "0", Origin::Default),
                entry("modem[0].name", "\"m1\"", Origin::Line(3)),
                entry("modem[1].baud", "9600", Origin::Line(6)),
                entry("modem[1].name", "\"m2\"", Origin::Line(5)),
                entry("state-dir", "\"/var/lib\"", Origin::Default),
            ]
        );
    }
}
