//! The tables of docs/configuration.md and the list that the scripts read, held to the table of settings. `npm run configuration`
//! writes both.

use std::{env, fmt::Write as _, fs};

use postern::settings::table::{Row, SETTINGS, Setting};
use serde::Serialize;

const PAGE: &str = "docs/configuration.md";
const LIST: &str = "scripts/lib/settings.json";
const BEGIN: &str = "<!-- Written by `npm run configuration`. -->\n";
const END: &str = "<!-- The end of what `npm run configuration` writes. -->";

#[test]
fn the_documentation_and_the_scripts_know_every_setting() {
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap_or_else(|| panic!("{PAGE} has no {BEGIN}"));
    let (_, after) = rest.split_once(END).unwrap_or_else(|| panic!("{PAGE} has no {END}"));
    let files = [(PAGE, format!("{before}{BEGIN}{}\n{END}{after}", tables())), (LIST, list())];
    for (path, expected) in files {
        if env::var_os("WRITE_CONFIGURATION").is_some() {
            fs::write(path, &expected).unwrap();
        }
        let is = fs::read_to_string(path).unwrap_or_default();
        assert!(is == expected, "{path} is not what src/settings/table.rs says: run `npm run configuration`");
    }
}

/// Returns a table of Markdown for each group.
fn tables() -> String {
    let mut text = String::new();
    let mut group = "";
    for row in SETTINGS {
        if row.group != group {
            group = row.group;
            let heading = "| Setting | What it does | Default | Required | Secret |\n|---|---|---|---|---|";
            writeln!(text, "\n### {group}\n\n{heading}").unwrap();
        }
        let secret = if row.is_secret() { "yes" } else { "" };
        let (name, required) = (row.name(), row.required());
        writeln!(text, "| `{name}` | {} | {} | {required} | {secret} |", description(row), default(row)).unwrap();
    }
    text
}

/// Returns what a setting does and which values it accepts.
fn description(row: &Row) -> String {
    let description = row.description.trim();
    let quoted = |choices: &[&str]| choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ");
    match row.setting {
        Setting::Text(_) => description.to_owned(),
        Setting::Choice(choice) if choice.is_list => {
            format!("{description} One or more of {}.", quoted(choice.choices))
        }
        Setting::Choice(choice) => format!("{description} One of {}.", quoted(choice.choices)),
        Setting::Number(number) => format!("{description} From {} to {}.", number.min, number.max),
    }
}

fn default(row: &Row) -> String {
    let quoted = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    let deployed = match row.setting {
        Setting::Number(number) if number.name.ends_with("_SECONDS") => {
            let (amount, unit) = match number.default {
                seconds if seconds % 86_400 == 0 => (seconds / 86_400, "days"),
                seconds => (seconds / 60, "minutes"),
            };
            format!("`{}` ({amount} {unit})", number.default)
        }
        _ => quoted(&row.default()),
    };
    match (deployed.as_str(), row.local()) {
        (_, "") => deployed,
        ("", local) => format!("locally {}", quoted(local)),
        (_, local) => format!("{deployed}, locally {}", quoted(local)),
    }
}

/// What the scripts know of a setting.
#[derive(Serialize)]
struct Item {
    name: &'static str,
    secret: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    local: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    choices: &'static [&'static str],
}

/// Returns the settings as JSON, one per line.
fn list() -> String {
    let line = |row: &Row| {
        let choices = if let Setting::Choice(choice) = row.setting { choice.choices } else { &[] };
        let item = Item { name: row.name(), secret: row.is_secret(), local: row.local(), choices };
        format!("  {}", serde_json::to_string(&item).unwrap())
    };
    let lines: Vec<String> = SETTINGS.iter().map(line).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}
