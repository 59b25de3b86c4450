//! Checks that the source follows the arrows of ARCHITECTURE.md.

use std::{collections::BTreeSet, fs, path::Path};

/// Each room of `src`, and the rooms it may use.
const ARROWS: [(&str, &[&str]); 17] = [
    (
        "worker",
        &[
            "app",
            "crypto",
            "domain",
            "error",
            "maintenance",
            "platform",
            "ports",
            "routes",
            "settings",
            "telemetry",
            "web",
        ],
    ),
    ("routes", &["access", "app", "domain", "endpoints", "error", "telemetry", "web"]),
    ("endpoints", &["access", "app", "crypto", "domain", "error", "mail", "settings", "store", "web"]),
    ("access", &["app", "crypto", "domain", "error", "ports", "store", "web"]),
    ("maintenance", &["app", "error", "mail", "store"]),
    ("mail", &["access", "app", "crypto", "domain", "error", "ports", "settings", "store"]),
    ("store", &["app", "crypto", "domain", "error", "ports"]),
    ("app", &["crypto", "domain", "ports", "settings"]),
    ("settings", &["crypto", "domain"]),
    ("platform", &["ports", "telemetry", "web"]),
    ("web", &["error"]),
    ("ports", &["error"]),
    ("domain", &["error"]),
    ("crypto", &["error"]),
    ("error", &[]),
    ("telemetry", &[]),
    ("lib", &[]),
];

/// Returns every source file without its unit tests, with its room.
fn sources() -> Vec<(String, String, String)> {
    fn visit(folder: &Path, sources: &mut Vec<(String, String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, sources);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix("src").unwrap().to_str().unwrap().to_owned();
                let room = name.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap();
                let code =
                    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
                sources.push((name, room, code));
            }
        }
    }
    let mut sources = Vec::new();
    visit(Path::new("src"), &mut sources);
    assert!(sources.len() > 40, "{}", sources.len());
    sources
}

/// Returns the rooms that the code names after `crate::`, alone or in braces.
fn named_rooms(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let list = match rest.strip_prefix('{') {
            None => rest.to_owned(),
            Some(list) => {
                // The names at the first level of the braces.
                let mut depth = 0;
                list.chars()
                    .take_while(|character| {
                        depth += i32::from(*character == '{') - i32::from(*character == '}');
                        depth >= 0
                    })
                    .scan(0, |depth, character| {
                        *depth -= i32::from(character == '}');
                        let kept = if *depth == 0 { character } else { ' ' };
                        *depth += i32::from(character == '{');
                        Some(kept)
                    })
                    .collect()
            }
        };
        let parts: Vec<&str> = if rest.starts_with('{') { list.split(',').collect() } else { vec![&list] };
        for part in parts {
            let room: String = part.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            rooms.insert(room);
        }
    }
    rooms.remove("");
    rooms
}

#[test]
fn every_room_uses_only_the_rooms_below_it() {
    for (name, room, code) in sources() {
        let (_, allowed) =
            ARROWS.iter().find(|(known, _)| *known == room).unwrap_or_else(|| panic!("a new room: {name}"));
        for named in named_rooms(&code) {
            assert!(named == room || allowed.contains(&named.as_str()), "{name} names {named}");
        }
    }
}

#[test]
fn sql_status_codes_and_the_runtime_stay_in_their_rooms_and_no_endpoint_calls_another() {
    for (name, room, code) in sources() {
        let at_the_edge = room == "worker" || room == "platform";
        let names_the_runtime = code.contains("worker::") && !code.contains("crate::worker");
        assert!(at_the_edge || !names_the_runtime, "{name} names the runtime");
        assert!(
            room == "store" || !["SELECT ", "INSERT INTO", "DELETE FROM"].iter().any(|sql| code.contains(sql)),
            "{name} has SQL"
        );
        let runs_batches = room == "platform" || name == "store/retry.rs";
        assert!(runs_batches || !code.contains(".batch("), "{name} runs a batch past store/retry.rs");
        assert!(room != "endpoints" || !code.contains("super::"), "{name} calls another endpoint");
        let guards =
            ["session", "session_before_password_change", "admin", "password_reset", "session_or_password_reset"];
        let runs_a_guard = guards.iter().any(|guard| code.contains(&format!("bearer::{guard}(")));
        assert!(room != "endpoints" || !runs_a_guard, "{name} runs a guard, which is what its route is for");
        let tells_a_status = code.contains("StatusCode::") && name != "error.rs" && name != "web/mod.rs";
        assert!(!tells_a_status, "{name} names a status");
    }
}

#[test]
fn randomness_and_hash_comparison_each_have_one_place() {
    for (name, _, code) in sources() {
        assert_eq!(code.contains("getrandom"), name == "crypto/random.rs", "{name} draws randomness");
        let other = ["thread_rng", "new_v4", "Math::random", "OsRng", "RandomState"];
        assert!(!other.iter().any(|source| code.contains(source)), "{name} draws randomness elsewhere");
        let comparing = ["keyed_hash", "password_hash", "scrypt", "firebase_scrypt"];
        let compares = comparing.iter().any(|file| name == format!("crypto/{file}.rs"));
        assert_eq!(code.contains("ct_eq("), compares, "{name} compares hashes");
    }
}

#[test]
fn the_rooms_that_a_file_uses_are_found() {
    let code = "use crate::{\n app::App,\n domain::{email::Email, name},\n web,\n};\nfn f() { crate::error::g() }";
    let rooms: Vec<String> = named_rooms(code).into_iter().collect();
    assert_eq!(rooms, ["app", "domain", "error", "web"]);
}
