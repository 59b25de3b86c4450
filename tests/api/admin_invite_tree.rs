//! `/api/auth/admin/invite-tree` and `/api/auth/admin/users/{id}/freeze`: the invite tree, and freezing a branch of it.

use std::collections::{BTreeMap, BTreeSet};

use http::header;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, Postern, SECOND, claims};

/// A service with an invite tree below its admin.
struct Tree {
    postern: Postern,
    admin: String,
    ids: BTreeMap<String, String>,
    tokens: BTreeMap<String, String>,
}

impl Tree {
    /// In `invitations`, `("a", "b")` means that a invited b. An inviter who is not yet known was invited by the admin.
    fn new(invitations: &[(&str, &str)]) -> Tree {
        let postern = Postern::new();
        let admin = postern.admin_token();
        let root = claims(&admin)["sub"].as_str().unwrap().to_owned();
        let mut tree = Tree {
            ids: BTreeMap::from([("admin".to_owned(), root)]),
            tokens: BTreeMap::from([("admin".to_owned(), admin.clone())]),
            admin,
            postern,
        };
        for (inviter, name) in invitations {
            tree.invite(inviter, name);
        }
        tree
    }

    fn invite(&mut self, inviter: &str, name: &str) {
        self.postern.wait(SECOND);
        let referrer = self.postern.create_user_token(&self.tokens[inviter]);
        let body = json!({ "referrer": referrer, "email": format!("{name}@example.com"), "password": PASSWORD });
        let answer = self.postern.post("/api/auth/signup").json(body).send().expect(200);
        self.ids.insert(name.to_owned(), answer["user"]["id"].as_str().unwrap().to_owned());
        self.tokens.insert(name.to_owned(), answer["token"].as_str().unwrap().to_owned());
    }

    fn get(&self, query: &str) -> Answer {
        self.postern.get(&format!("/api/auth/admin/invite-tree{query}")).bearer(&self.admin).send()
    }

    fn name(&self, id: &Value) -> String {
        self.ids.iter().find(|(_, known)| id == *known).map_or_else(|| id.to_string(), |(name, _)| name.clone())
    }

    /// Formats a page as an outline: `depth name invited`.
    fn outline(&self, query: &str) -> Vec<String> {
        let page = self.get(query).expect(200);
        let items = page["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| format!("{} {} {}", item["depth"], self.name(&item["user"]["id"]), item["invited"]))
            .collect()
    }

    /// Freezes a branch, one second after the previous change.
    fn freeze(&self, name: &str) -> i64 {
        self.postern.wait(SECOND);
        self.postern.freeze(&self.admin, &self.ids[name])
    }

    fn unfreeze(&self, name: &str) -> i64 {
        self.postern.unfreeze(&self.admin, &self.ids[name])
    }

    fn set_active(&self, name: &str, is_active: bool) {
        let call = self.postern.put(&format!("/api/auth/admin/users/{}", self.ids[name])).bearer(&self.admin);
        call.json(json!({ "is_active": is_active })).send().expect(200);
    }

    /// The active users.
    fn active(&self) -> String {
        let rows = self.postern.sql.query("SELECT id FROM users WHERE is_active = 1", &[]);
        let names: BTreeSet<String> = rows.iter().map(|row| self.name(&row["id"])).collect();
        names.into_iter().collect::<Vec<_>>().join(" ")
    }

    /// Everything about users that a freeze may change.
    fn state(&self) -> Vec<Value> {
        self.postern.sql.query("SELECT id, is_active, frozen_by, frozen_at FROM users ORDER BY id", &[])
    }
}

/// Two branches: a above b and c, with c above d; and e above f.
const BRANCHES: [(&str, &str); 6] = [("admin", "a"), ("a", "b"), ("a", "c"), ("c", "d"), ("admin", "e"), ("e", "f")];

#[test]
fn the_tree_lists_inviters_before_their_invitees() {
    let tree = Tree::new(&BRANCHES);
    let whole = ["0 admin 2", "1 a 2", "2 b 0", "2 c 1", "3 d 0", "1 e 1", "2 f 0"];
    assert_eq!(tree.outline(""), whole);
    assert_eq!(tree.outline(&format!("?root={}", tree.ids["a"])), ["0 a 2", "1 b 0", "1 c 1", "2 d 0"]);
    let page = tree.get(&format!("?root={}&depth=1", tree.ids["c"])).expect(200);
    let node = |name: &str, referrer: &str, depth: i64, below: i64| {
        json!({
            "user": { "id": tree.ids[name], "email": format!("{name}@example.com"), "name": null, "role": "user",
                      "is_active": true },
            "referrer_id": tree.ids[referrer], "depth": depth, "invited": below, "descendants": below, "frozen_by": null,
            "freeze_since": null
        })
    };
    let items = [node("c", "a", 0, 1), node("d", "c", 1, 0)];
    assert_eq!(page, json!({ "total": 2, "offset": 0, "limit": 20, "items": items }));
}

#[test]
fn the_tree_is_limited_to_the_requested_depth() {
    let tree = Tree::new(&BRANCHES);
    assert_eq!(tree.outline("?depth=1"), ["0 admin 2", "1 a 2", "1 e 1"]);
    assert_eq!(tree.get("?depth=2").expect(200)["total"], 6);
    assert_eq!(tree.outline("?depth=0"), ["0 admin 2"]);
    for query in ["?depth=-1", "?depth=11", "?depth=x&limit=0&offset=-1"] {
        tree.get(query).refused(422, "invalid_fields");
    }
    assert_eq!(tree.get("?depth=x&limit=0&offset=-1").body["detail"].as_array().unwrap().len(), 3);
}

#[test]
fn pages_of_the_tree_have_no_gaps_or_duplicates() {
    let tree = Tree::new(&BRANCHES);
    let whole = tree.outline("");
    let pages: Vec<String> = (0..4)
        .flat_map(|page| {
            let query = format!("?limit=2&offset={}", page * 2);
            assert_eq!(tree.get(&query).expect(200)["total"], 7);
            tree.outline(&query)
        })
        .collect();
    assert_eq!(pages, whole);
    assert_eq!(tree.get("?offset=100").expect(200)["items"], json!([]));
}

#[test]
fn a_tree_is_loaded_step_by_step() {
    let tree = Tree::new(&BRANCHES);
    tree.postern.sql.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
         INSERT INTO users (id, email, password_hash, referrer_id, created_at, updated_at)
         SELECT 'u' || i, 'u' || i || '@example.com', 'x', NULL, i, i FROM n",
        &[],
    );
    // The roots, in pages.
    let page = tree.get("?depth=0&limit=100&offset=950").expect(200);
    assert_eq!((&page["total"], page["items"].as_array().unwrap().len()), (&json!(1_001), 51));
    assert_eq!((&page["items"][50]["user"]["email"], &page["items"][50]["descendants"]), (&json!("admin"), &json!(6)));
    // The users whom one user invited, in pages.
    let below = |offset: i64| tree.outline(&format!("?root={}&depth=1&limit=2&offset={offset}", tree.ids["a"]));
    assert_eq!((below(0), below(2)), (vec!["0 a 2".to_owned(), "1 b 0".to_owned()], vec!["1 c 1".to_owned()]));
}

#[test]
fn descendants_are_counted_up_to_1_000() {
    let tree = Tree::new(&BRANCHES);
    let descendants = || -> Vec<Value> {
        let page = tree.get("").expect(200);
        page["items"].as_array().unwrap().iter().map(|item| item["descendants"].clone()).collect()
    };
    assert_eq!(descendants(), [6, 3, 0, 1, 0, 1, 0]);
    let invite = |from: i64, to: i64| {
        tree.postern.sql.execute(
            "WITH RECURSIVE n(i) AS (SELECT ?2 UNION ALL SELECT i + 1 FROM n WHERE i < ?3)
             INSERT INTO users (id, email, password_hash, referrer_id, created_at, updated_at)
             SELECT 'u' || i, 'u' || i || '@example.com', 'x', ?1, 9000000000000, i FROM n",
            &[tree.ids["d"].as_str().into(), from.into(), to.into()],
        );
    };
    invite(1, 998);
    assert_eq!(descendants()[..5], [1_000, 1_000, 0, 999, 998]);
    invite(999, 1_100);
    assert_eq!(descendants()[..5], [1_000, 1_000, 0, 1_000, 1_000]);
}

fn referrers(tree: &Tree, id: &str) -> Answer {
    tree.postern.get(&format!("/api/auth/admin/users/{id}/referrers")).bearer(&tree.admin).send()
}

/// The chain of inviters of a user, as `depth name descendants`, and whether it is complete.
fn chain(tree: &Tree, id: &str) -> (Vec<String>, bool) {
    let chain = referrers(tree, id).expect(200);
    let outline = chain["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| format!("{} {} {}", item["depth"], tree.name(&item["user"]["id"]), item["descendants"]));
    (outline.collect(), chain["is_complete"].as_bool().unwrap())
}

#[test]
fn the_inviters_of_a_user_lead_from_the_root_to_the_user() {
    let tree = Tree::new(&BRANCHES);
    let owned = |chain: &[&str]| chain.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert_eq!(chain(&tree, &tree.ids["d"]), (owned(&["0 admin 6", "1 a 3", "2 c 1", "3 d 0"]), true));
    assert_eq!(chain(&tree, &tree.ids["admin"]), (owned(&["0 admin 6"]), true));
    // The nodes are those of the tree.
    let found = referrers(&tree, &tree.ids["c"]).expect(200);
    let mut expected = tree.get(&format!("?root={}&depth=0", tree.ids["c"])).expect(200)["items"][0].clone();
    expected["depth"] = json!(2);
    assert_eq!(found["items"][2], expected);
    tree.freeze("a");
    assert_eq!(referrers(&tree, &tree.ids["d"]).expect(200)["items"][2]["frozen_by"], tree.ids["a"]);
    // An inviter whose account is gone.
    tree.postern.delete(&format!("/api/auth/admin/users/{}", tree.ids["c"])).bearer(&tree.admin).send().expect(200);
    assert_eq!(chain(&tree, &tree.ids["d"]), (owned(&["0 d 0"]), true));
    for id in ["x", "%25", &tree.ids["c"]] {
        referrers(&tree, id).refused(404, "not_found");
    }
}

#[test]
fn a_long_chain_of_inviters_is_cut_and_a_circle_ends() {
    let tree = Tree::new(&BRANCHES);
    tree.postern.sql.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO users (id, email, password_hash, referrer_id, created_at, updated_at)
         SELECT 'u' || i, 'u' || i || '@example.com', 'x', CASE WHEN i > 1 THEN 'u' || (i - 1) END, i, i FROM n",
        &[],
    );
    let found = referrers(&tree, "u5000").expect(200);
    let items = found["items"].as_array().unwrap();
    assert_eq!((items.len(), &found["is_complete"]), (100, &json!(false)));
    let ends = [&items[0], &items[99]].map(|item| (item["user"]["id"].clone(), item["depth"].clone()));
    assert_eq!(ends, [(json!("u4901"), json!(0)), (json!("u5000"), json!(99))]);
    assert!(chain(&tree, "u100").1);
    assert!(!chain(&tree, "u101").1);

    // d, who is below a, has invited a.
    let close = "UPDATE users SET referrer_id = ?2 WHERE id = ?1";
    tree.postern.sql.execute(close, &[tree.ids["a"].as_str().into(), tree.ids["d"].as_str().into()]);
    let owned = |chain: &[&str]| chain.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert_eq!(chain(&tree, &tree.ids["d"]), (owned(&["0 a 3", "1 c 3", "2 d 3"]), false));
    assert_eq!(chain(&tree, &tree.ids["b"]), (owned(&["0 c 3", "1 d 3", "2 a 3", "3 b 0"]), false));
    // A user who has invited themselves.
    tree.postern.sql.execute(close, &[tree.ids["e"].as_str().into(), tree.ids["e"].as_str().into()]);
    assert_eq!(chain(&tree, &tree.ids["f"]), (owned(&["0 e 1", "1 f 0"]), false));
}

fn preview(tree: &Tree, id: &str) -> Answer {
    tree.postern.get(&format!("/api/auth/admin/users/{id}/freeze")).bearer(&tree.admin).send()
}

#[test]
fn a_freeze_can_be_previewed() {
    let tree = Tree::new(&BRANCHES);
    let counts = |name: &str| {
        let preview = preview(&tree, &tree.ids[name]).expect(200);
        (preview["users"].as_i64().unwrap(), preview["active"].as_i64().unwrap(), preview["freeze_since"].clone())
    };
    assert_eq!((counts("a"), counts("d")), ((4, 4, Value::Null), (1, 1, Value::Null)));
    // The admin at the top is not frozen.
    assert_eq!(counts("admin"), (7, 6, Value::Null));
    tree.set_active("b", false);
    let (users, active, _) = counts("a");
    assert_eq!((users, active), (4, 3));
    let before = tree.postern.sql.dump();
    counts("a");
    assert_eq!(tree.postern.sql.dump(), before);
    assert_eq!(tree.freeze("a"), active);
    assert_eq!(counts("a"), (4, 0, json!(tree.postern.now.get())));
    assert_eq!(counts("c"), (2, 0, Value::Null));
    // d, who is below a, has invited a.
    let close = "UPDATE users SET referrer_id = ?2 WHERE id = ?1";
    tree.postern.sql.execute(close, &[tree.ids["a"].as_str().into(), tree.ids["d"].as_str().into()]);
    assert_eq!(counts("c").0, 4);
    preview(&tree, "x").refused(404, "not_found");
}

#[test]
fn a_preview_of_a_freeze_counts_up_to_10_000() {
    let tree = Tree::new(&[]);
    tree.postern.sql.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10050)
         INSERT INTO users (id, email, password_hash, referrer_id, created_at, updated_at)
         SELECT 'u' || i, 'u' || i || '@example.com', 'x', ?1, i, i FROM n",
        &[tree.ids["admin"].as_str().into()],
    );
    let found = preview(&tree, &tree.ids["admin"]).expect(200);
    assert_eq!((&found["users"], &found["active"]), (&json!(10_000), &json!(9_999)));
}

#[test]
fn users_without_an_inviter_are_separate_roots() {
    let tree = Tree::new(&BRANCHES);
    tree.postern.delete(&format!("/api/auth/admin/users/{}", tree.ids["c"])).bearer(&tree.admin).send().expect(200);
    assert_eq!(tree.outline(""), ["0 admin 2", "1 a 1", "2 b 0", "1 e 1", "2 f 0", "0 d 0"]);
}

#[test]
fn a_chain_of_10_000_users_can_be_shown_frozen_and_unfrozen() {
    let tree = Tree::new(&[]);
    tree.postern.sql.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO users (id, email, password_hash, referrer_id, created_at, updated_at)
         SELECT 'u' || i, 'u' || i || '@example.com', 'x', CASE WHEN i > 1 THEN 'u' || (i - 1) END, i, i FROM n",
        &[],
    );
    let page = tree.get("?root=u1&limit=100").expect(200);
    assert_eq!((&page["total"], &page["items"][10]["user"]["id"]), (&json!(11), &json!("u11")));
    assert_eq!(tree.postern.freeze(&tree.admin, "u1"), 10_000);
    assert_eq!(tree.get("?root=u9999").expect(200)["items"][1]["frozen_by"], "u1");
    assert_eq!(tree.postern.unfreeze(&tree.admin, "u1"), 10_000);
    assert_eq!(tree.postern.sql.query("SELECT id FROM users WHERE is_active = 0", &[]), [Value::Null; 0]);
}

#[test]
fn a_wide_tree_is_counted_up_to_10_000() {
    let tree = Tree::new(&[]);
    tree.postern.sql.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10050)
         INSERT INTO users (id, email, password_hash, referrer_id, created_at, updated_at)
         SELECT 'u' || i, 'u' || i || '@example.com', 'x', ?1, i, i FROM n",
        &[tree.ids["admin"].as_str().into()],
    );
    let page = tree.get("?limit=1").expect(200);
    assert_eq!((&page["total"], &page["items"][0]["invited"]), (&json!(10_000), &json!(10_050)));
}

#[test]
fn a_freeze_locks_out_a_user_and_everyone_below_immediately_and_no_one_else() {
    let tree = Tree::new(&BRANCHES);
    let [invitation, others] = ["d", "f"].map(|name| tree.postern.create_user_token(&tree.tokens[name]));
    let reset = tree.postern.reset_token("d@example.com");
    assert_eq!(tree.freeze("a"), 4);
    assert_eq!(tree.active(), "admin e f");
    for name in ["a", "b", "c", "d"] {
        tree.postern.get("/api/auth/me").bearer(&tree.tokens[name]).send().refused(403, "inactive");
        tree.postern.login(&format!("{name}@example.com"), PASSWORD).refused(403, "inactive");
    }
    assert_eq!((tree.postern.me(&tree.tokens["f"]), tree.postern.me(&reset)), (200, 401));
    let verify = |token: &str| tree.postern.get(&format!("/api/auth/verify-token?token={token}")).send().expect(200);
    assert_eq!((verify(&invitation), verify(&others)), (json!(false), json!(true)));
    let body = json!({ "referrer": invitation, "email": "eve@example.com", "password": PASSWORD });
    tree.postern.post("/api/auth/signup").json(body).send().refused(403, "referrer_refused");

    let page = tree.get("").expect(200);
    let frozen = |item: &&Value| item["frozen_by"] == json!(tree.ids["a"]) && item["user"]["is_active"] == json!(false);
    assert_eq!(page["items"].as_array().unwrap().iter().filter(frozen).count(), 4);
}

#[test]
fn unfreezing_restores_everything_except_sessions_and_reset_links() {
    let tree = Tree::new(&BRANCHES);
    let invitation = tree.postern.create_user_token(&tree.tokens["d"]);
    let reset = tree.postern.reset_token("d@example.com");
    tree.freeze("a");
    assert_eq!(tree.unfreeze("a"), 4);
    assert_eq!(tree.active(), "a admin b c d e f");
    assert_eq!((tree.postern.me(&tree.tokens["d"]), tree.postern.me(&reset)), (401, 401));
    tree.postern.token("d@example.com", PASSWORD);
    let verify = tree.postern.get(&format!("/api/auth/verify-token?token={invitation}"));
    assert_eq!(verify.send().expect(200), json!(true));
}

#[test]
fn users_who_were_inactive_before_a_freeze_stay_inactive() {
    let tree = Tree::new(&BRANCHES);
    tree.set_active("b", false);
    tree.postern.delete("/api/auth/me").bearer(&tree.tokens["c"]).send().expect(200);
    assert_eq!(tree.freeze("a"), 2);
    assert_eq!(tree.unfreeze("a"), 2);
    assert_eq!(tree.active(), "a admin d e f");
}

#[test]
fn admins_are_not_frozen_but_users_they_invited_are() {
    let tree = Tree::new(&BRANCHES);
    tree.postern.make_admin(&tree.ids["c"]);
    assert_eq!(tree.freeze("a"), 3);
    assert_eq!(tree.active(), "admin c e f");
    assert_eq!(tree.unfreeze("a"), 3);
    // The admin's own tree, without the admin.
    assert_eq!(tree.freeze("admin"), 5);
    assert_eq!(tree.active(), "admin c");
    assert_eq!(tree.postern.me(&tree.admin), 200);
    assert_eq!(tree.unfreeze("admin"), 5);
}

#[test]
fn freezing_again_includes_newer_users() {
    let mut tree = Tree::new(&BRANCHES);
    tree.freeze("a");
    assert_eq!(tree.freeze("a"), 0);
    tree.set_active("b", true);
    let token = tree.postern.token("b@example.com", PASSWORD);
    tree.tokens.insert("b".to_owned(), token);
    tree.invite("b", "g");
    assert_eq!(tree.freeze("a"), 2);
    assert_eq!(tree.unfreeze("a"), 5);
    assert_eq!(tree.active(), "a admin b c d e f g");
}

#[test]
fn a_user_below_two_freezes_is_unfrozen_with_the_last_one() {
    for [first, second] in [["a", "c"], ["c", "a"]] {
        // In any order of freezing and unfreezing.
        for [goes, stays] in [[first, second], [second, first]] {
            let tree = Tree::new(&BRANCHES);
            tree.freeze(first);
            tree.freeze(second);
            tree.unfreeze(goes);
            let expected = if stays == "a" { "admin e f" } else { "a admin b e f" };
            assert_eq!(tree.active(), expected, "{first} {second} {goes}");
            tree.unfreeze(stays);
            assert_eq!(tree.active(), "a admin b c d e f");
        }
    }
}

#[test]
fn a_user_activated_individually_leaves_the_freeze() {
    let tree = Tree::new(&BRANCHES);
    tree.freeze("a");
    tree.set_active("b", true);
    assert_eq!(tree.active(), "admin b e f");
    tree.set_active("c", true);
    tree.set_active("c", false);
    assert_eq!(tree.unfreeze("a"), 2);
    assert_eq!(tree.active(), "a admin b d e f");
}

#[test]
fn saving_the_unchanged_status_of_a_frozen_user_does_not_undo_the_freeze() {
    let tree = Tree::new(&BRANCHES);
    tree.freeze("a");
    tree.set_active("d", false);
    assert_eq!(tree.active(), "admin e f");
    let rows = tree.postern.sql.query("SELECT frozen_by FROM users WHERE id = ?1", &[tree.ids["d"].as_str().into()]);
    assert_eq!(rows[0]["frozen_by"], tree.ids["a"]);
    assert_eq!(tree.unfreeze("a"), 4);
}

#[test]
fn only_the_freeze_that_was_shown_can_be_undone() {
    let tree = Tree::new(&BRANCHES);
    tree.freeze("a");
    let since =
        |name: &str| tree.get(&format!("?root={}", tree.ids[name])).expect(200)["items"][0]["freeze_since"].clone();
    let shown = since("a");
    assert_eq!((&shown, since("b"), since("e")), (&json!(tree.postern.now.get()), Value::Null, Value::Null));
    // Another admin unfreezes the branch and freezes it again for a different reason.
    tree.unfreeze("a");
    tree.freeze("a");
    let unfreeze = |version: &Value| {
        let call = tree.postern.delete(&format!("/api/auth/admin/users/{}/freeze", tree.ids["a"])).bearer(&tree.admin);
        call.header(header::IF_MATCH, &format!("\"{version}\"")).send()
    };
    let before = tree.postern.sql.dump();
    let stale = unfreeze(&shown);
    stale.refused(412, "precondition_failed");
    assert_eq!(stale.body["current"], json!({ "user_id": tree.ids["a"], "freeze_since": since("a") }));
    assert_eq!(tree.postern.sql.dump(), before);
    assert_eq!(unfreeze(&since("a")).expect(200)["unfrozen"], 4);
    unfreeze(&shown).refused(404, "not_found");
}

#[test]
fn a_freeze_survives_the_deletion_of_its_root_and_can_be_undone_by_the_id() {
    let tree = Tree::new(&BRANCHES);
    tree.freeze("a");
    tree.postern.delete(&format!("/api/auth/admin/users/{}", tree.ids["a"])).bearer(&tree.admin).send().expect(200);
    assert_eq!(tree.active(), "admin e f");
    assert_eq!(tree.get(&format!("?root={}", tree.ids["d"])).expect(200)["items"][0]["frozen_by"], tree.ids["a"]);
    assert_eq!(tree.unfreeze("a"), 3);
    assert_eq!(tree.active(), "admin b c d e f");
}

#[test]
fn a_user_who_is_not_frozen_cannot_be_unfrozen() {
    let tree = Tree::new(&BRANCHES);
    tree.freeze("a");
    // A user below is frozen but not the root of a freeze.
    for name in ["c", "e"] {
        let call = tree.postern.delete(&format!("/api/auth/admin/users/{}/freeze", tree.ids[name])).bearer(&tree.admin);
        call.send().refused(404, "not_found");
    }
    assert_eq!(tree.active(), "admin e f");
}

#[test]
fn the_tree_and_a_freeze_terminate_on_an_imported_cycle() {
    let tree = Tree::new(&BRANCHES);
    // d, who is below a, has invited a.
    let close = "UPDATE users SET referrer_id = ?2 WHERE id = ?1";
    tree.postern.sql.execute(close, &[tree.ids["a"].as_str().into(), tree.ids["d"].as_str().into()]);
    let outline = tree.outline(&format!("?root={}&depth=3", tree.ids["a"]));
    assert_eq!(outline, ["0 a 2", "1 b 0", "1 c 1", "2 d 1", "3 a 2"]);
    assert_eq!((tree.freeze("c"), tree.freeze("a")), (4, 0));
    assert_eq!(tree.active(), "admin e f");
    assert_eq!((tree.unfreeze("c"), tree.unfreeze("a")), (0, 4));
    assert_eq!(tree.active(), "a admin b c d e f");
}

#[test]
fn an_admin_who_is_demoted_meanwhile_freezes_no_one() {
    let tree = Tree::new(&BRANCHES);
    tree.postern.make_admin(&tree.ids["e"]);
    let demote = tree.postern.put(&format!("/api/auth/admin/users/{}", tree.ids["e"])).bearer(&tree.admin);
    let demote = demote.json(json!({ "role": "user" }));
    let freeze = tree.postern.post(&format!("/api/auth/admin/users/{}/freeze", tree.ids["a"]));
    let answers = tree.postern.at_once(vec![demote, freeze.bearer(&tree.tokens["e"])]);
    assert_eq!(answers[0].status, 200);
    answers[1].refused(403, "admin_required");
    assert_eq!(tree.active(), "a admin b c d e f");
}

/// What admins can do to a tree.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Freeze(usize),
    Unfreeze(usize),
    SetActive(usize, bool),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => (0..8_usize).prop_map(Deed::Freeze),
        3 => (0..8_usize).prop_map(Deed::Unfreeze),
        1 => (0..8_usize, any::<bool>()).prop_map(|(user, is_active)| Deed::SetActive(user, is_active)),
    ]
}

#[test]
fn freezing_and_unfreezing_restores_the_previous_state() {
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    // Each user was invited by an earlier one or by the admin.
    let inviters = prop::collection::vec(any::<prop::sample::Index>(), names.len());
    proptest!(config, |(inviters in inviters, deeds in prop::collection::vec(deed(), 0..12), root in 0..8_usize)| {
        let invitations: Vec<(&str, &str)> = names
            .iter()
            .enumerate()
            .map(|(at, name)| match inviters[at].index(at + 1) {
                0 => ("admin", *name),
                inviter => (names[inviter - 1], *name),
            })
            .collect();
        let tree = Tree::new(&invitations);
        let mut frozen = BTreeSet::new();
        for deed in deeds {
            match deed {
                Deed::Freeze(user) => {
                    tree.freeze(names[user]);
                    frozen.insert(user);
                }
                Deed::Unfreeze(user) if frozen.remove(&user) => drop(tree.unfreeze(names[user])),
                Deed::Unfreeze(_) => (),
                Deed::SetActive(user, is_active) => tree.set_active(names[user], is_active),
            }
        }
        prop_assume!(!frozen.contains(&root));
        let before = tree.state();
        let taken = tree.freeze(names[root]);
        prop_assert_eq!(tree.unfreeze(names[root]), taken);
        prop_assert_eq!(tree.state(), before);
        // Once no freeze is left, no user is frozen.
        for user in frozen {
            tree.unfreeze(names[user]);
        }
        prop_assert!(tree.state().iter().all(|user| user["frozen_by"].is_null()));
    });
}
