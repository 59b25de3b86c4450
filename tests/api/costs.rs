//! Compares the D1 and KV operations of each endpoint with the table in docs/storage.md, which `npm run costs` writes.

use std::{env, fs};

use http::Method;

use crate::support::world::{World, endpoints};

const DOCUMENT: &str = "docs/storage.md";
const HEADER: &str =
    "| call | round trips | statements | KV operations | after the response |\n|---|---|---|---|---|\n";

#[test]
fn the_store_operations_of_each_endpoint_match_the_table() {
    let mut table = HEADER.to_owned();
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.method != Method::HEAD) {
        let world = World::new();
        let answer = endpoint.good(&world).send();
        let [before, after] = answer.cost;
        assert_eq!(answer.status, 200, "{}: {}", endpoint.name(), answer.text);
        table.push_str(&format!(
            "| {} | {} | {} | {} | {}, {}, {} |\n",
            endpoint.name(),
            before.round_trips,
            before.statements,
            before.kv_operations,
            after.round_trips,
            after.statements,
            after.kv_operations
        ));
    }
    let document = fs::read_to_string(DOCUMENT).unwrap();
    if env::var_os("WRITE_COSTS").is_some() {
        let (before, rest) = document.split_once(HEADER).expect("the table");
        let (_, after) = rest.split_once("\n\n").expect("an end of the table");
        fs::write(DOCUMENT, format!("{before}{table}\n{after}")).unwrap();
    } else {
        assert!(document.contains(&table), "{DOCUMENT} should have (`npm run costs` writes it):\n\n{table}");
    }
}
