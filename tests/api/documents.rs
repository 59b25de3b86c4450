//! Checks that the tests and files named in the documents exist.

use std::{fs, path::Path};

/// Returns the number and the text of each promise.
fn promises(document: &str) -> Vec<(usize, &str)> {
    let (promises, _) = document.split_once("\n# Threat model").expect("the threat model");
    promises
        .split("\n### ")
        .skip(1)
        .map(|promise| (promise.split_once(". ").expect("a number").0.parse().expect("a number"), promise))
        .collect()
}

/// Returns the texts between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns whether the source has a test with this name, in Rust or in JavaScript.
fn has_test(source: &str, name: &str) -> bool {
    let in_rust = source.split("#[test]").skip(1).any(|test| {
        test.trim_start()
            .strip_prefix("fn ")
            .and_then(|test| test.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with('('))
    });
    in_rust || source.contains(&format!("test(\"{name}\""))
}

#[test]
fn every_promise_names_existing_tests() {
    let document = fs::read_to_string("docs/security.md").unwrap();
    let promises = promises(&document);
    assert!(promises.len() >= 26, "{} promises", promises.len());
    assert!(promises.is_sorted_by(|(one, _), (next, _)| one < next), "the promises are numbered in ascending order");
    for (number, promise) in promises {
        let mut tests = 0;
        for item in promise.split("\n- ").skip(1) {
            let item = item.split("\n\n").next().unwrap();
            let (file, names) = item.split_once(": ").unwrap_or_else(|| panic!("{number}: {item}"));
            let file = file.trim_matches('`');
            let source = fs::read_to_string(file).unwrap_or_else(|_| panic!("{number}: there is no {file}"));
            for name in quoted(names) {
                assert!(has_test(&source, name), "{number}: {file} has no test {name:?}");
                tests += 1;
            }
        }
        assert!(tests > 0, "{number} names no test");
    }
}

#[test]
fn every_file_named_in_the_documents_exists() {
    let documents = [
        "README.md",
        "ARCHITECTURE.md",
        "SECURITY.md",
        "docs/configuration.md",
        "docs/moving.md",
        "docs/operate.md",
        "docs/performance.md",
        "docs/security.md",
        "docs/storage.md",
    ];
    for document in documents {
        let text = fs::read_to_string(document).unwrap();
        let paths =
            quoted(&text).filter(|text| ["src/", "tests/", "scripts/", "docs/"].iter().any(|at| text.starts_with(at)));
        for path in paths.filter(|path| !path.contains([' ', '*', '{'])) {
            assert!(Path::new(path).exists(), "{document} names {path}");
        }
    }
}
