//! Checks the structure that ARCHITECTURE.md describes. `WRITE_ARCHITECTURE=1 cargo test --test api architecture::` writes its table.

use std::{collections::BTreeSet, env, fs, path::Path};

/// The modules from top to bottom, with their jobs. A module uses only modules below it.
const MODULES: [(&str, &str); 20] = [
    ("worker", "Entry point: reads the request and the clock, prepares the isolate"),
    ("maintenance", "The cron trigger: sends queued mail, deletes expired rows"),
    ("routes", "Finds the endpoint of a request, runs its guard, and finishes the response"),
    ("endpoints", "One file per endpoint: read the request, apply the rules, write, respond"),
    ("mail", "Composes mails, queues them, and hands them to providers"),
    ("access", "Who is calling: sessions, passwords, passkeys, audit events"),
    ("oauth_client", "The client of identity providers, one file per provider"),
    ("responses", "Response bodies of several endpoints, with their schemas"),
    ("app", "What a request works with: settings, keys, stores, ports, time"),
    ("platform", "Cloudflare's bindings behind the ports, one adapter per file"),
    ("runtime", "Runs futures on the isolate's event loop"),
    ("web", "HTTP as this service speaks it: requests, responses, fields, the session cookie, CORS"),
    ("store", "Queries of D1 and KV, one function per statement or batch"),
    ("settings", "Reads and checks the settings"),
    ("telemetry", "The log lines and metrics"),
    ("ports", "Traits for everything outside: D1, KV, HTTP, mail, signatures, timers, rate limiters"),
    ("domain", "The rules: pure and synchronous"),
    ("crypto", "One primitive per file, with published test vectors"),
    ("error", "Every error: its status and code"),
    ("language", "The languages: which one a request asks for, and the texts in each"),
];

const DOCUMENT: &str = "ARCHITECTURE.md";
const BEGINNING: &str = "<!-- Written by the test of the architecture. -->\n\n";
const END: &str = "\n<!-- End of the generated table. -->\n";

/// Every source file without its unit tests, with the room it is in.
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
fn every_module_uses_only_modules_below_it_and_the_document_shows_which() {
    let sources = sources();
    let mut table = "| Module | Job | Uses |\n|---|---|---|\n".to_owned();
    for (place, (module, job)) in MODULES.iter().enumerate() {
        let mut used = BTreeSet::new();
        for (name, _, code) in sources.iter().filter(|(_, room, _)| room == module) {
            for other in named_rooms(code).into_iter().filter(|other| other != module) {
                let is_below = MODULES.iter().position(|(known, _)| *known == other).is_some_and(|at| at > place);
                assert!(is_below, "{name} uses {other}, which is not below {module}");
                used.insert(format!("`{other}`"));
            }
        }
        if sources.iter().any(|(_, room, _)| room == module) {
            let used: Vec<String> = used.into_iter().collect();
            table.push_str(&format!("| `{module}` | {job} | {} |\n", used.join(", ")));
        }
    }
    let unknown = sources.iter().find(|(_, room, _)| room != "lib" && MODULES.iter().all(|(known, _)| known != room));
    assert!(unknown.is_none(), "a new module needs a row in MODULES: {unknown:?}");

    let document = fs::read_to_string(DOCUMENT).unwrap();
    let (before, rest) = document.split_once(BEGINNING).expect("the beginning of the table");
    let (_, after) = rest.split_once(END).expect("the end of the table");
    let should = format!("{before}{BEGINNING}{table}{END}{after}");
    if env::var_os("WRITE_ARCHITECTURE").is_some() {
        fs::write(DOCUMENT, should).unwrap();
    } else {
        assert!(document == should, "{DOCUMENT} should have (WRITE_ARCHITECTURE=1 writes it):\n\n{table}");
    }
}

#[test]
fn sql_status_codes_and_the_runtime_stay_in_their_rooms_and_no_endpoint_calls_another() {
    for (name, room, code) in sources() {
        let at_the_edge = ["worker", "platform", "runtime"].contains(&room.as_str());
        let names_the_runtime = code.contains("worker::") && !code.contains("crate::worker");
        assert!(at_the_edge || !names_the_runtime, "{name} names the runtime");
        assert!(
            room == "store" || !["SELECT ", "INSERT INTO", "DELETE FROM"].iter().any(|sql| code.contains(sql)),
            "{name} has SQL"
        );
        let runs_batches = room == "platform" || name == "store/retry.rs";
        assert!(runs_batches || !code.contains(".batch("), "{name} runs a batch past store/retry.rs");
        assert!(room != "endpoints" || !code.contains("super::"), "{name} calls another endpoint");
        let guards = [
            "session",
            "session_before_password_change",
            "session_during_setup",
            "admin",
            "password_reset",
            "session_or_password_reset",
        ];
        let runs_a_guard = guards.iter().any(|guard| code.contains(&format!("bearer::{guard}(")));
        assert!(room != "endpoints" || !runs_a_guard, "{name} runs a guard, which is what its route is for");
        let starts_sessions = code.contains("INSERT INTO sessions");
        assert!(name == "store/sessions.rs" || !starts_sessions, "{name} starts a session past store::sessions::begin");
        let tells_a_status = code.contains("StatusCode::") && name != "error.rs" && name != "web/mod.rs";
        assert!(!tells_a_status, "{name} names a status");
    }
}

#[test]
fn schemas_are_in_the_modules_of_requests_and_responses() {
    for (name, room, code) in sources() {
        let can_have_schemas = ["endpoints", "error", "responses", "routes", "web"].contains(&room.as_str());
        assert!(can_have_schemas || !code.contains("utoipa"), "{name} names utoipa");
        assert!(can_have_schemas || !code.contains("postern_macros"), "{name} names postern_macros");
    }
}

#[test]
fn randomness_and_hash_comparison_each_have_one_place() {
    for (name, _, code) in sources() {
        assert_eq!(code.contains("getrandom"), name == "crypto/random.rs", "{name} draws randomness");
        let other = ["thread_rng", "new_v4", "Math::random", "OsRng", "RandomState"];
        assert!(!other.iter().any(|source| code.contains(source)), "{name} draws randomness elsewhere");
        let comparing = ["constant_time", "keyed_hash", "password_hash", "scrypt", "firebase_scrypt"];
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
