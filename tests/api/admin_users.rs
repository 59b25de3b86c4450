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

/// The last sign-in of a user, as devices remember it.
fn last_sign_in(postern: &Postern, id: &str) -> Value {
    postern.sql.query("SELECT max(last_sign_in_at) AS at FROM devices WHERE user_id = ?1", &[id.into()])[0]["at"]
        .clone()
}

#[test]
fn users_are_listed_newest_first_with_what_only_admins_see() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    let [ada, grace] = sign_up_all(&postern, ["ada", "grace"]);
    let page = list(&postern, &admin, "").expect(200);
    assert_eq!((&page["total"], &page["offset"], &page["limit"]), (&json!(3), &json!(0), &json!(20)));
    let summary = |token: &str| {
        let mut user = postern.get("/api/auth/me").bearer(token).send().expect(200);
        user["second_factor"] = json!(false);
        user["frozen_by"] = Value::Null;
        user["last_sign_in_at"] = last_sign_in(&postern, user["id"].as_str().unwrap());
        user
    };
    assert_eq!(page["items"], json!([summary(&grace.token), summary(&ada.token), summary(&admin)]));
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
    postern.sql.execute("UPDATE users SET tier = 2 WHERE id = ?1", &[alan.id.as_str().into()]);
    postern.sql.execute("UPDATE users SET second_factor = 1 WHERE id = ?1", &[ada.id.as_str().into()]);
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
        ("?role=admin", vec!["admin"]),
        ("?role=user&is_active=false", vec!["grace"]),
        ("?role=admin&is_verified=false", vec![]),
        ("?tier=2", vec!["alan", "admin"]),
        ("?tier=0", vec!["bob", "grace", "ada"]),
        ("?tier=2&search=alan", vec!["alan"]),
        ("?second_factor=true", vec!["ada"]),
        ("?second_factor=true&tier=2", vec![]),
        ("?second_factor=false&role=user", vec!["bob", "alan", "grace"]),
        ("?sort=created_at", vec!["admin", "ada", "grace", "alan", "bob"]),
        ("?sort=created_at&limit=2&offset=1", vec!["ada", "grace"]),
        ("?sort=email", vec!["ada", "admin", "alan", "bob", "grace"]),
        ("?sort=-email&is_active=true", vec!["bob", "alan", "admin", "ada"]),
        (&format!("?sort=email&referrer={root}"), vec!["ada", "alan", "grace"]),
        ("?sort=email&limit=2&offset=3", vec!["bob", "grace"]),
        ("?role=&tier=&second_factor=&sort=", vec!["bob", "alan", "grace", "ada", "admin"]),
        ("?search=&is_active=&is_verified=&referrer=&offset=&limit=", vec!["bob", "alan", "grace", "ada", "admin"]),
    ] {
        let found = emails(&postern, &admin, query);
        let expected: Vec<String> = expected
            .into_iter()
            .map(|name| if name == "admin" { name.to_owned() } else { format!("{name}@example.com") })
            .collect();
        assert_eq!(found, expected, "{query}");
        if !query.contains("limit=2") {
            assert_eq!(list(&postern, &admin, query).expect(200)["total"], expected.len(), "{query}");
        }
    }
}

#[test]
fn users_are_sorted_by_name_with_those_without_a_name_at_the_end() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    let users = sign_up_all(&postern, ["a", "b", "c", "d"]);
    for (user, name) in users.iter().zip([Some("zoe"), None, Some("Bea"), Some("ada")]) {
        postern.sql.execute("UPDATE users SET name = ?2 WHERE id = ?1", &[user.id.as_str().into(), name.into()]);
    }
    // The admin has a name.
    postern.sql.execute("UPDATE users SET name = 'Mia' WHERE email = 'admin'", &[]);
    let sorted =
        |query: &str| emails(&postern, &admin, query).iter().map(|email| email[..1].to_owned()).collect::<String>();
    assert_eq!(sorted("?sort=name&search=example"), "dcab");
    assert_eq!((sorted("?sort=name").as_str(), sorted("?sort=-name").as_str()), ("dcaab", "aacdb"));
    assert_eq!(
        (sorted("?sort=name&limit=2&offset=3").as_str(), sorted("?sort=-name&is_active=false").as_str()),
        ("ab", "")
    );
    let root = claims(&admin)["sub"].as_str().unwrap().to_owned();
    assert_eq!(sorted(&format!("?sort=-name&referrer={root}")), "acdb");
}

#[test]
fn admins_see_the_last_sign_in_the_freeze_and_the_second_factor_of_users() {
    let postern = Postern::new();
    let admin = postern.admin_token();
    let [ada, grace] = sign_up_all(&postern, ["ada", "grace"]);
    postern.sql.execute("DELETE FROM devices", &[]);
    for (key, at) in [("a", 1_000), ("b", 3_000), ("c", 2_000)] {
        postern.sql.execute(
            "INSERT INTO devices (user_id, key, first_sign_in_at, last_sign_in_at) VALUES (?1, ?2, 1, ?3)",
            &[ada.id.as_str().into(), key.into(), at.into()],
        );
    }
    postern.add_totp(&ada.token);
    postern.freeze(&admin, &grace.id);
    let seen = |user: &Value| json!([user["second_factor"], user["frozen_by"], user["last_sign_in_at"]]);
    let page = list(&postern, &admin, "?limit=2").expect(200);
    for (item, user, expected) in [
        (&page["items"][0], &grace, json!([false, grace.id, null])),
        (&page["items"][1], &ada, json!([true, null, 3_000])),
    ] {
        let alone = postern.get(&format!("/api/auth/admin/users/{}", user.id)).bearer(&admin).send().expect(200);
        assert_eq!((&item["id"], seen(item), seen(&alone)), (&json!(user.id), expected.clone(), expected));
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
    let answer = list(
        &postern,
        &admin,
        "?is_active=yes&is_verified=1&role=owner&tier=3&second_factor=1&sort=age&offset=-1&limit=101",
    );
    answer.refused(422, "invalid_fields");
    let named: Vec<&Value> = answer.body["detail"].as_array().unwrap().iter().map(|problem| &problem["loc"]).collect();
    assert_eq!(
        json!(named),
        json!([
            ["query", "is_active"],
            ["query", "is_verified"],
            ["query", "role"],
            ["query", "tier"],
            ["query", "second_factor"],
            ["query", "sort"],
            ["query", "offset"],
            ["query", "limit"]
        ])
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
        "users?role=admin",
        "users?sort=created_at&offset=9000&limit=100",
        "users?sort=email",
        "users?sort=-email&offset=9000&limit=100",
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
    expected["second_factor"] = json!(false);
    expected["frozen_by"] = json!(null);
    expected["last_sign_in_at"] = last_sign_in(&postern, &ada.id);
    assert_eq!(get(&ada.id).expect(200), expected);
    for id in ["x", "ada@example.com", "%25", "_", &ada.id[1..], &format!("{}%20", ada.id), &"a".repeat(10_000)] {
        get(id).refused(404, "not_found");
    }
}
