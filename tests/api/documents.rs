//! Checks that the tests and files named in the documents exist.

use std::{
    fs,
    path::{Path, PathBuf},
};

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

/// Returns the path and the text of each Markdown file that git tracks, or would.
fn documents() -> Vec<(PathBuf, String)> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !["node_modules", "target", "build", "dist", ".git", ".wrangler"].contains(&name) {
                visit(&path, found);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    visit(Path::new("."), &mut found);
    assert!(found.len() >= 15, "{found:?}");
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_file_named_in_the_documents_exists() {
    for (document, text) in documents() {
        let paths =
            quoted(&text).filter(|text| ["src/", "tests/", "scripts/", "docs/"].iter().any(|at| text.starts_with(at)));
        for path in paths.filter(|path| !path.contains([' ', '*', '{', '<'])) {
            let is_there = Path::new(path).exists() || document.parent().unwrap().join(path).exists();
            assert!(is_there, "{} names {path}", document.display());
        }
    }
}

/// Returns the anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    heading.chars().filter(|character| character.is_alphanumeric() || ['-', '_'].contains(character)).collect()
}

#[test]
fn every_link_in_the_documents_resolves() {
    for (document, text) in documents() {
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        for link in links.filter(|link| !link.contains(':') && !link.contains(' ')) {
            let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { document.clone() } else { document.parent().unwrap().join(path) };
            assert!(target.exists(), "{} links to {link}", document.display());
            if !fragment.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                let is_there = headings.any(|heading| anchor(heading) == fragment);
                assert!(is_there, "{} links to {link}, which has no such heading", document.display());
            }
        }
    }
}

#[test]
fn every_page_of_the_docs_is_in_the_index() {
    let index = fs::read_to_string("docs/README.md").unwrap();
    for entry in fs::read_dir("docs").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") && name != "README.md" {
            assert!(index.contains(&format!("]({name})")), "docs/README.md does not list {name}");
        }
    }
}

#[test]
fn the_readme_and_the_glossary_stay_short() {
    let readme = fs::read_to_string("README.md").unwrap();
    assert!(readme.lines().count() <= 130, "README.md has {} lines", readme.lines().count());
    let contributing = fs::read_to_string("CONTRIBUTING.md").unwrap();
    let (_, glossary) = contributing.split_once("\n## Glossary\n").expect("the glossary");
    let glossary = glossary.split("\n## ").next().unwrap();
    let entries = glossary.lines().filter(|line| line.starts_with("- **")).count();
    assert!((1..=15).contains(&entries), "{entries} entries");
}

#[test]
fn code_that_a_document_shows_is_the_code_of_the_file_it_names() {
    let mut shown = Vec::new();
    for (document, text) in documents() {
        for part in text.split("<!-- The code of ").skip(1) {
            let (path, rest) = part.split_once(" -->\n\n```").unwrap();
            let (_, rest) = rest.split_once('\n').unwrap();
            let (code, _) = rest.split_once("\n```\n").unwrap();
            let file = fs::read_to_string(path).unwrap();
            assert_eq!(code, file.trim_end_matches('\n'), "{} does not show {path}", document.display());
            shown.push(path.to_owned());
        }
    }
    // The code of every verifier that the tests run.
    for path in ["node/verify.mjs", "worker/worker.ts", "python/verify.py", "go/verify.go"] {
        assert!(shown.contains(&format!("examples/verify/{path}")), "no document shows {path}");
    }
}
