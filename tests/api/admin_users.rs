//! `/api/auth/admin/users`: listing and searching users.

use serde_json::{Value, json};

use crate::support::{Answer, MINUTE, Postern, SignedUp, claims};

fn list(postern: &Postern, admin: &str, query: &str) -> Answer {
    postern.get(&format!("/api/auth/admin/users{query}")).bearer(admin).send()
}

/// The emails on a page, in order.
fn emails(postern: &Postern, admin: &str, query: &str) -> Vec<String> {
    let page = list(postern, admin, query).expect(200);
    page["items"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()).collect()
}

/// Signs users up, one minute apart.
fn sign_up_all<const N: usize>(postern: &Postern, names: [&str; N]) -> [SignedUp; N] {
    names.map(|name| {
        postern.wait(MINUTE);
        postern.sign_up(&format!("{name}@example.com"))
    })
}

#[test]
fn users_are_listed_newest_first_in_the_format_of_get_me() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    let [ada, grace] = sign_up_all(&postern, ["ada", "grace"]);
    let page = list(&postern, &admin, "").expect(200);
    assert_eq!((&page["total"], &page["offset"], &page["limit"]), (&json!(3), &json!(0), &json!(20)));
    let me = |token: &str| postern.get("/api/auth/me").bearer(token).send().expect(200);
    assert_eq!(page["items"], json!([me(&grace.token), me(&ada.token), me(&admin)]));
}

#[test]
fn pages_have_no_gaps_or_duplicates() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    sign_up_all(&postern, ["a", "b", "c", "d"]);
    // Two users created at the same time.
    postern.sign_up("e@example.com");
    let all = emails(&postern, &admin, "");
    let pages: Vec<String> = (0..4)
        .flat_map(|page| {
            let query = format!("?limit=2&offset={}", page * 2);
            assert_eq!(list(&postern, &admin, &query).expect(200)["total"], 6);
            emails(&postern, &admin, &query)
        })
        .collect();
    assert_eq!((all.len(), pages), (6, all));
}

#[test]
fn filters_work_separately_and_together() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    let [ada, grace, alan] = sign_up_all(&postern, ["ada", "grace", "alan"]);
    let invited = json!({ "referrer": postern.create_user_token(&ada.token), "email": "bob@example.com",
        "password": crate::support::PASSWORD });
    postern.wait(MINUTE);
    postern.post("/api/auth/signup").json(invited).send().expect(200);
    postern.set_active(&grace.id, false);
    postern.sql.execute(
        "UPDATE users SET is_verified = 1 WHERE id IN (?1, ?2)",
        &[grace.id.as_str().into(), alan.id.as_str().into()],
    );
    let root = claims(&admin)["sub"].as_str().unwrap().to_owned();
    for (query, expected) in [
        ("?is_active=false", vec!["grace"]),
        ("?is_active=true", vec!["bob", "alan", "ada", "admin"]),
        ("?is_verified=false", vec!["bob", "ada"]),
        ("?is_verified=true", vec!["alan", "grace", "admin"]),
        ("?is_active=true&is_verified=false", vec!["bob", "ada"]),
        ("?is_active=false&is_verified=false", vec![]),
        ("?is_active=false&is_verified=true", vec!["grace"]),
        (&format!("?referrer={}", ada.id), vec!["bob"]),
        (&format!("?referrer={root}"), vec!["alan", "grace", "ada"]),
        (&format!("?referrer={root}&is_active=false"), vec!["grace"]),
        (&format!("?referrer={root}&is_verified=true&search=ALAN"), vec!["alan"]),
        ("?referrer=nobody", vec![]),
        ("?search=a&is_active=true&is_verified=true", vec!["alan", "admin"]),
        ("?search=&is_active=&is_verified=&referrer=&offset=&limit=", vec!["bob", "alan", "grace", "ada", "admin"]),
    ] {
        let found = emails(&postern, &admin, query);
        let expected: Vec<String> = expected
            .into_iter()
            .map(|name| if name == "admin" { name.to_owned() } else { format!("{name}@example.com") })
            .collect();
        assert_eq!(found, expected, "{query}");
        assert_eq!(list(&postern, &admin, query).expect(200)["total"], expected.len(), "{query}");
    }
}

#[test]
fn a_search_matches_part_of_an_email_or_name_without_wildcards() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    let [ada, grace] = sign_up_all(&postern, ["ada_l", "grace"]);
    let rename = |user: &SignedUp, name: &str| {
        postern.put("/api/auth/me/name").bearer(&user.token).json(json!({ "name": name })).send().expect(200);
    };
    rename(&ada, "Ada 100% Lovelace");
    rename(&grace, "Grace Käse");
    for (search, expected) in [
        ("ADA_L", vec!["ada_l@example.com"]),
        ("lovelace", vec!["ada_l@example.com"]),
        ("%20example.com%20", vec![]),
        ("a+100", vec!["ada_l@example.com"]),
        ("K%C3%A4se", vec!["grace@example.com"]),
        ("%25", vec!["ada_l@example.com"]),
        ("_", vec!["ada_l@example.com"]),
        ("a%25a", vec![]),
        ("*", vec![]),
        ("%3F", vec![]),
        ("%27%3B+DROP+TABLE+users", vec![]),
        ("%5C", vec![]),
    ] {
        let expected: Vec<String> = if search == "%20example.com%20" {
            vec!["grace@example.com".to_owned(), "ada_l@example.com".to_owned()]
        } else {
            expected.into_iter().map(str::to_owned).collect()
        };
        assert_eq!(emails(&postern, &admin, &format!("?search={search}")), expected, "{search}");
    }
}

#[test]
fn all_invalid_parameters_are_reported_together() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    let answer = list(&postern, &admin, "?is_active=yes&is_verified=1&offset=-1&limit=101");
    answer.refused(422, "invalid_fields");
    let named: Vec<&Value> = answer.body["detail"].as_array().unwrap().iter().map(|problem| &problem["loc"]).collect();
    assert_eq!(
        json!(named),
        json!([["query", "is_active"], ["query", "is_verified"], ["query", "offset"], ["query", "limit"]])
    );
    for query in ["?limit=0", "?limit=x", "?limit=1.5", "?offset=10001", "?offset=99999999999999999999"] {
        list(&postern, &admin, query).refused(422, "invalid_fields");
    }
    assert_eq!(list(&postern, &admin, "?offset=10000&limit=100").expect(200)["items"], json!([]));
}

#[test]
fn a_page_reads_and_counts_no_further_if_there_are_more_users() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    postern.sql.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10050)
         INSERT INTO users (id, email, password_hash, created_at, updated_at)
         SELECT 'u' || i, 'u' || i || '@example.com', 'x', i, i FROM n",
        &[],
    );
    let page = list(&postern, &admin, "?limit=1").expect(200);
    assert_eq!((&page["total"], page["items"].as_array().unwrap().len()), (&json!(10_000), 1));
}

#[test]
fn pages_read_no_more_rows_if_there_are_more_users_or_events() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    let [ada, grace] = sign_up_all(&postern, ["ada", "grace"]);
    postern.set_active(&grace.id, false);
    // Each time, a third of the users is verified.
    let grow = |from: i64, to: i64| {
        postern.sql.execute(
            "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
             INSERT INTO users (id, email, password_hash, is_verified, created_at, updated_at)
             SELECT 'u' || i, 'u' || i || '@example.com', 'x', i % 3 = 0, i, i FROM n",
            &[from.into(), to.into()],
        );
        postern.sql.execute(
            "INSERT INTO events (at, action, result, actor_id, subject_id, address)
             SELECT created_at, 'login', 'success', id, id, 'x' FROM users WHERE created_at BETWEEN ?1 AND ?2",
            &[from.into(), to.into()],
        );
    };
    let (of_ada, below_ada) = (format!("events?user={}", ada.id), format!("invite-tree?root={}", ada.id));
    let (step_below_ada, above_ada) = (format!("{below_ada}&depth=1"), format!("users/{}/referrers", ada.id));
    let freeze = format!("users/{}/freeze", ada.id);
    let invited = format!("users?referrer={}", ada.id);
    let paths = [
        "users",
        "users?offset=9000&limit=100",
        "users?is_active=false",
        "users?is_active=true",
        "users?is_verified=false",
        "users?is_verified=true",
        "users?is_active=false&is_verified=false",
        &invited,
        "events",
        "events?action=login",
        "events?action=frozen",
        &of_ada,
        &below_ada,
        &step_below_ada,
        "invite-tree?depth=0",
        "invite-tree?depth=0&offset=9000&limit=100",
        &above_ada,
        &freeze,
    ];
    let read = || {
        paths.map(|path| {
            let before = postern.sql.steps.get();
            postern.get(&format!("/api/auth/admin/{path}")).bearer(&admin).send().expect(200);
            postern.sql.steps.get() - before
        })
    };
    grow(1, 40_000);
    let before = read();
    grow(40_001, 80_000);
    for ((path, before), after) in paths.iter().zip(before).zip(read()) {
        assert!(after < before + before / 10, "{path}: {before} steps, then {after}");
    }
}

#[test]
fn a_user_is_found_only_by_id() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    let ada = postern.sign_up("ada@example.com");
    let get = |id: &str| postern.get(&format!("/api/auth/admin/users/{id}")).bearer(&admin).send();
    let mut expected = postern.get("/api/auth/me").bearer(&ada.token).send().expect(200);
    expected["email_problem"] = json!(null);
    assert_eq!(get(&ada.id).expect(200), expected);
    for id in ["x", "ada@example.com", "%25", "_", &ada.id[1..], &format!("{}%20", ada.id), &"a".repeat(10_000)] {
        get(id).refused(404, "not_found");
    }
}
