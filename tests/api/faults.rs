//! Fault injection. For every endpoint, the 1st, 2nd, … nth call to a store, the rate limiter or the network fails in five
//! ways. The caller then gets 503 or the correct response, the state is either the old or the new one, and repeating the
//! request leads to the new state. Queued mail is sent later, once. A transient D1 error without effect goes unnoticed.
//!
//! Two things are not part of that state: attempts, which count before they are checked, so an attempt may count for nothing;
//! and KV records, which are useless by themselves.

use std::collections::{BTreeSet, HashMap};

use postern::access::{
    email_change::undo_hash,
    one_time::{Ceremony, ProviderPurpose},
};
use postern::crypto::totp::Secret;
use serde_json::{Value, json};

use crate::support::{
    Answer, Call, DAY, Fault, MINUTE, PASSWORD, RESEND, SECOND, claims, totp_code,
    world::{ADA, ADA_AT_GITHUB, CLARA, GRACE, NEW_EMAIL, NEW_PASSWORD, OCTOCAT, PIA, TESS, World, endpoints},
};

type Settings<'a> = &'a [(&'static str, &'static str)];
type Request = Box<dyn for<'a> Fn(&'a World) -> Call<'a>>;

/// A request that fails, and what must hold afterwards.
struct Story {
    name: String,
    prepare: fn(&World, Settings<'_>),
    request: Request,
    /// The status if nothing fails.
    answer: u16,
    /// The status of a repeated request if the first one took effect but its response was lost.
    again: u16,
    /// The recipient of its mail, which may be sent later.
    owes_mail_to: Option<&'static str>,
    /// What may have ended before the mail with its replacement was sent.
    ends_early: &'static str,
    /// What comes with the mail, so it may be missing until that is sent. The last check waits for it.
    comes_with_mail: &'static str,
    /// Whether undoing the request needs D1.
    is_undone: bool,
    /// Whether it exists only in local development.
    is_local: bool,
    /// Checks what the user can do in the end, given the successful response, if any.
    finally: fn(&World, &Answer),
}

impl Story {
    fn new(name: &str, request: impl for<'a> Fn(&'a World) -> Call<'a> + 'static) -> Story {
        Story {
            name: name.to_owned(),
            prepare: |_, _| (),
            request: Box::new(request),
            answer: 200,
            again: 200,
            owes_mail_to: None,
            ends_early: "",
            comes_with_mail: "",
            is_undone: false,
            is_local: false,
            finally: |_, _| (),
        }
    }
}

fn token_in_mail(world: &World, to: &str, before: &str) -> String {
    let mails = world.postern.mails(to);
    let (_, rest) = mails[0]["text"].as_str().unwrap().split_once(before).unwrap();
    rest.split(|c: char| c.is_whitespace() || c == '&').next().unwrap().to_owned()
}

/// The story of each endpoint.
fn stories() -> Vec<Story> {
    let mut stories: Vec<Story> = endpoints()
        .into_iter()
        .map(|endpoint| {
            let mut story = Story::new(&endpoint.name(), {
                let endpoint = endpoint.clone();
                move |world| endpoint.good(world)
            });
            match endpoint.name().as_str() {
                "POST /api/auth/login" => {
                    story.finally = |world, answer| {
                        let token = answer.body["token"].as_str().unwrap();
                        assert_eq!(world.postern.me(token), 200);
                    };
                }
                "POST /api/auth/login/email" => {
                    story.owes_mail_to = Some(ADA);
                    // The code may have expired by now.
                    story.finally = |world, _| {
                        let ask = world.postern.post("/api/auth/login/email").json(json!({ "email": ADA }));
                        let token = ask.send().expect(200)["token"].clone();
                        let body = json!({ "token": token, "code": world.postern.code(ADA) });
                        world.postern.post("/api/auth/login/email/verify").json(body).send().expect(200);
                    };
                }
                "POST /api/auth/login/email/verify" => {
                    story.again = 401;
                    story.finally = |world, answer| {
                        // If the response was lost, the user asks for another code.
                        if let Some(token) = answer.body["token"].as_str() {
                            assert_eq!(world.postern.me(token), 200);
                        }
                    };
                }
                "POST /api/auth/login/{provider}/callback" => {
                    story.again = 401;
                    story.finally = |world, answer| {
                        // If the response was lost, the user begins again.
                        if let Some(token) = answer.body["token"].as_str() {
                            assert_eq!(world.postern.me(token), 200);
                        }
                    };
                }
                "POST /api/auth/me/identities/{id}/callback" => {
                    // Another visit finds the identity linked already.
                    story.owes_mail_to = Some(ADA);
                    story.finally = |world, _| {
                        let body = world.come_back(OCTOCAT, ProviderPurpose::SignIn { referrer: None });
                        let answer =
                            world.postern.post("/api/auth/login/github/callback").json(body).send().expect(200);
                        assert_eq!(answer["user"]["email"], ADA);
                    };
                }
                "DELETE /api/auth/me/identities/{id}" => {
                    story.again = 404;
                    story.owes_mail_to = Some(ADA);
                    story.finally = |world, _| {
                        let body = world.come_back(ADA_AT_GITHUB, ProviderPurpose::SignIn { referrer: None });
                        let call = world.postern.post("/api/auth/login/github/callback").json(body);
                        call.send().refused(403, "invitation_required");
                    };
                }
                "DELETE /api/auth/admin/users/{id}/identities/{identity_id}" => {
                    story.again = 404;
                    story.owes_mail_to = Some(GRACE);
                }
                "POST /api/auth/signup/verify" => {
                    story.again = 409;
                    story.finally = |world, _| {
                        let sql = &world.postern.sql;
                        let passkeys =
                            sql.query("SELECT id FROM passkeys WHERE user_id = ?1", &[world.ada.id.as_str().into()]);
                        assert_eq!(passkeys.len(), 0);
                        world.postern.login(ADA, PASSWORD).refused(401, "wrong_credentials");
                    };
                }
                "POST /api/auth/reauthenticate/email" => story.owes_mail_to = Some(GRACE),
                "POST /api/auth/admin/sign-ups/{id}/approve" => {
                    story.again = 404;
                    story.owes_mail_to = Some(CLARA);
                    story.finally = |world, _| {
                        let user = world.postern.login(CLARA, PASSWORD).expect(200)["user"].clone();
                        assert_eq!((&user["name"], &user["is_verified"]), (&json!("Clara"), &json!(true)));
                    };
                }
                "POST /api/auth/admin/sign-ups/{id}/reject" => {
                    story.again = 404;
                    story.owes_mail_to = Some(CLARA);
                }
                "POST /api/auth/signup" => {
                    story.again = 409;
                    story.finally = |world, _| {
                        let answer = world.postern.login("bob@example.com", PASSWORD).expect(200);
                        assert_eq!(answer["user"]["name"], "Bob");
                    };
                }
                "POST /api/auth/login/passkey" => {
                    story.finally = |world, answer| {
                        let token = answer.body["token"].as_str().unwrap();
                        assert_eq!(world.postern.me(token), 200);
                    };
                }
                "POST /api/auth/me/passkeys" => {
                    story.again = 409;
                    story.owes_mail_to = Some(ADA);
                }
                "DELETE /api/auth/me/passkeys/{id}" => {
                    story.again = 404;
                    story.owes_mail_to = Some(ADA);
                    story.finally = |world, _| {
                        let call = world.postern.post("/api/auth/login/passkey").json(world.passkey_sign_in());
                        call.send().refused(401, "unknown_passkey");
                    };
                }
                "POST /api/auth/logout" => story.again = 401,
                "POST /api/auth/send-password-reset-link" => {
                    story.owes_mail_to = Some(ADA);
                    story.ends_early = "reset old of ada@example.com";
                    story.finally = |world, _| {
                        let token = token_in_mail(world, ADA, "/reset-password?token=");
                        assert_eq!(world.postern.me(&token), 200);
                    };
                }
                "POST /api/auth/reset-password-with-token" => {
                    story.again = 401;
                    story.owes_mail_to = Some(ADA);
                    story.finally = |world, _| {
                        let user = world.postern.login(ADA, NEW_PASSWORD).expect(200)["user"].clone();
                        assert_eq!(user["is_verified"], true);
                        world.postern.login(ADA, PASSWORD).refused(401, "wrong_credentials");
                    };
                }
                "POST /api/auth/verify-otp" => story.again = 403,
                "DELETE /api/auth/me" => {
                    story.again = 403;
                    story.finally = |world, _| world.postern.login(ADA, PASSWORD).refused(403, "inactive");
                }
                "POST /api/auth/admin/users" => {
                    story.again = 409;
                    story.finally = |world, _| drop(world.postern.login("joan@example.com", PASSWORD).expect(200));
                }
                "DELETE /api/auth/admin/users/{id}" => {
                    story.again = 404;
                    story.finally = |world, _| world.postern.login(GRACE, PASSWORD).refused(401, "wrong_credentials");
                }
                "POST /api/auth/admin/users/{id}/send-password-reset-link" => {
                    story.owes_mail_to = Some(GRACE);
                    story.prepare = |world, _| drop(world.postern.reset_token(GRACE));
                    story.ends_early = "reset old of grace@example.com";
                    story.finally = |world, _| {
                        let token = token_in_mail(world, GRACE, "/reset-password?token=");
                        assert_eq!(world.postern.me(&token), 200);
                    };
                }
                "DELETE /api/auth/admin/users/{id}/sessions/{session_id}" => {
                    story.again = 404;
                    story.finally = |world, _| assert_eq!(world.postern.me(&world.grace.token), 401);
                }
                "DELETE /api/auth/admin/users/{id}/sessions" => {
                    story.finally = |world, _| assert_eq!(world.postern.me(&world.grace.token), 401);
                }
                "POST /api/auth/admin/users/{id}/freeze" => {
                    story.finally = |world, _| assert_eq!(world.postern.me(&world.grace.token), 403);
                }
                "DELETE /api/auth/admin/users/{id}/freeze" => {
                    story.again = 404;
                    story.finally = |world, _| drop(world.postern.login(&world.frozen.email, PASSWORD).expect(200));
                }
                "POST /api/auth/login/second-factor" => {
                    story.again = 401;
                    story.finally = |world, answer| {
                        if answer.status == 200 {
                            assert_eq!(world.postern.me(answer.body["token"].as_str().unwrap()), 200);
                        }
                    };
                }
                "POST /api/auth/me/totp" => {
                    story.finally = |world, answer| {
                        let secret = Secret::from_base32(answer.body["secret"].as_str().unwrap()).unwrap();
                        let body = json!({ "code": totp_code(&secret, world.postern.now.get()) });
                        world.postern.put("/api/auth/me/totp").bearer(&world.ada.token).json(body).send().expect(200);
                    };
                }
                "PUT /api/auth/me/totp" => {
                    story.owes_mail_to = Some(ADA);
                    story.again = 409;
                    story.finally = |world, _| {
                        world.postern.pending_token(ADA);
                        assert_eq!(world.postern.me(&world.ada.token), 200);
                    };
                }
                "DELETE /api/auth/me/totp" => {
                    story.owes_mail_to = Some(TESS);
                    story.again = 404;
                    story.finally = |world, _| drop(world.postern.token(TESS, PASSWORD));
                }
                "POST /api/auth/me/recovery-codes" => {
                    story.owes_mail_to = Some(TESS);
                    story.finally = |world, answer| {
                        // Codes that were lost on the way are replaced by asking again.
                        if answer.status == 200 {
                            let (token, code) = (world.postern.pending_token(TESS), &answer.body["recovery_codes"][9]);
                            let body = json!({ "token": token, "recovery_code": code });
                            world.postern.post("/api/auth/login/second-factor").json(body).send().expect(200);
                        }
                    };
                }
                "PUT /api/auth/me/second-factor" => {
                    story.owes_mail_to = Some(PIA);
                    story.again = 409;
                    story.finally = |world, _| drop(world.postern.pending_token(PIA));
                }
                "DELETE /api/auth/me/password" => {
                    story.owes_mail_to = Some(PIA);
                    story.again = 409;
                    story.finally = |world, _| world.postern.login(PIA, PASSWORD).refused(401, "wrong_credentials");
                }
                "DELETE /api/auth/me/second-factor" => {
                    story.owes_mail_to = Some(TESS);
                    story.again = 409;
                    story.finally = |world, _| drop(world.postern.token(TESS, PASSWORD));
                }
                "DELETE /api/auth/admin/users/{id}/second-factors" => {
                    story.owes_mail_to = Some(GRACE);
                    story.finally = |world, _| assert_eq!(world.postern.me(&world.grace.token), 401);
                }
                "PUT /api/auth/me/password" => {
                    story.again = 403;
                    story.owes_mail_to = Some(ADA);
                    story.finally = |world, _| {
                        world.postern.login(ADA, NEW_PASSWORD).expect(200);
                        world.postern.login(ADA, PASSWORD).refused(401, "wrong_credentials");
                        assert_eq!(world.postern.me(&world.ada.token), 200);
                    };
                }
                "POST /api/auth/me/email" => {
                    story.owes_mail_to = Some("ada@example.net");
                    story.finally = |world, answer| {
                        let call = world.postern.get("/api/auth/me/email").bearer(&world.ada.token);
                        let is_pending = !call.send().expect(200)["pending"].is_null();
                        // The codes have expired when the cron trigger has run for ten minutes.
                        if answer.status == 200 && is_pending {
                            let code = world.postern.code("ada@example.net");
                            let body = json!({ "token": answer.body["token"], "code": code });
                            let call = world.postern.post("/api/auth/me/email/verify").bearer(&world.ada.token);
                            call.json(body).send().expect(200);
                        }
                    };
                }
                "POST /api/auth/me/email/verify" => {
                    story.owes_mail_to = Some(ADA);
                    story.again = 403;
                    story.finally = |world, _| {
                        world.postern.login(NEW_EMAIL, PASSWORD).expect(200);
                        world.postern.login(ADA, PASSWORD).refused(401, "wrong_credentials");
                        assert_eq!(world.postern.me(&world.ada.token), 200);
                    };
                }
                "POST /api/auth/undo-email-change" => {
                    story.again = 403;
                    story.finally = |world, _| {
                        let body = json!({ "token": world.email_change_token, "code": world.email_change_code });
                        let call = world.postern.post("/api/auth/me/email/verify").bearer(&world.ada.token);
                        call.json(body).send().refused(403, "otp_token_refused");
                    };
                }
                "POST /api/auth/me/send-otp" => {
                    story.again = 429;
                    story.is_undone = true;
                    story.ends_early = "code old of ada@example.com";
                    story.finally = |world, answer| {
                        let (token, code) = (answer.body["token"].as_str().unwrap(), world.postern.code(ADA));
                        let form = [("otp", code.as_str()), ("token", token)];
                        world.postern.post("/api/auth/verify-otp").form(&form).send().expect(200);
                    };
                }
                "POST /api/auth/me/send-invite" => {
                    story.owes_mail_to = Some("eve@example.com");
                    story.finally = |world, _| {
                        let referrer = token_in_mail(world, "eve@example.com", "referrer=");
                        let body = json!({ "referrer": referrer, "email": "eve@example.com", "password": PASSWORD });
                        world.postern.post("/api/auth/signup").json(body).send().expect(200);
                    };
                }
                "POST /api/auth/me/create-token" => {
                    story.finally = |world, answer| {
                        let path = format!("/api/auth/verify-token?token={}", answer.body["token"].as_str().unwrap());
                        assert_eq!(world.postern.get(&path).send().expect(200), json!(true));
                    };
                }
                "DELETE /api/auth/me/tokens/{token}" | "DELETE /api/auth/me/sessions/{id}" => story.again = 404,
                "POST /webhooks/mail/{provider}" => {
                    story.finally = |world, _| {
                        let call = world.postern.post("/api/auth/me/send-otp").bearer(&world.ada.token);
                        call.send().refused(409, "email_unreachable");
                    };
                }
                "GET /dev/outbox" | "HEAD /dev/outbox" | "GET /dev/mails" | "HEAD /dev/mails" | "GET /dev/design"
                | "HEAD /dev/design" => story.is_local = true,
                _ => (),
            }
            story
        })
        .collect();

    stories.push(Story {
        prepare: |world, settings| {
            world.postern.sql.execute("DELETE FROM users", &[]);
            world.postern.redeploy(settings);
        },
        finally: |world, answer| {
            assert_eq!(answer.body["must_change_password"], true);
            assert_eq!(world.postern.sql.query("SELECT id FROM users", &[]).len(), 1);
        },
        ..Story::new("the very first login", |world| {
            world.postern.post("/api/auth/login").json(json!({ "email": "admin", "password": "admin" }))
        })
    });
    stories.push(Story {
        prepare: |world, settings| {
            world.postern.sql.execute("DELETE FROM users", &[]);
            let admin = [("ADMIN_EMAIL", "root@example.com"), ("ADMIN_PASSWORD", PASSWORD)];
            world.postern.redeploy(&[settings, &admin].concat());
        },
        owes_mail_to: Some("root@example.com"),
        finally: |world, _| {
            let token = token_in_mail(world, "root@example.com", "/reset-password?token=");
            assert_eq!(world.postern.me(&token), 200);
        },
        ..Story::new("the very first reset link", |world| {
            world.postern.post("/api/auth/send-password-reset-link").json(json!({ "email": "root@example.com" }))
        })
    });
    stories.push(Story {
        prepare: |world, _| {
            // The hash of "password" by libargon2 with the variant i.
            let weak = "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8";
            world
                .postern
                .sql
                .execute("UPDATE users SET password_hash = ?1 WHERE email = ?2", &[weak.into(), ADA.into()]);
        },
        finally: |world, _| drop(world.postern.login(ADA, "password").expect(200)),
        ..Story::new("a login that replaces the hash", |world| {
            world.postern.post("/api/auth/login").json(json!({ "email": ADA, "password": "password" }))
        })
    });
    stories.push(Story {
        answer: 401,
        again: 401,
        ..Story::new("a login with a wrong password", |world| {
            world.postern.post("/api/auth/login").json(json!({ "email": ADA, "password": "wrong password" }))
        })
    });
    stories.push(Story {
        answer: 401,
        again: 401,
        ..Story::new("a login of an unknown user", |world| {
            world.postern.post("/api/auth/login").json(json!({ "email": "eve@example.com", "password": PASSWORD }))
        })
    });
    stories.push(Story {
        again: 401,
        owes_mail_to: Some(TESS),
        ..Story::new("a second step with a recovery code", |world| {
            let body = json!({ "token": world.pending_token, "recovery_code": world.recovery_codes[0] });
            world.postern.post("/api/auth/login/second-factor").json(body)
        })
    });
    stories.push(Story {
        answer: 401,
        again: 401,
        finally: |world, _| {
            let body = json!({ "token": world.pending_token, "recovery_code": world.recovery_codes[0] });
            world.postern.post("/api/auth/login/second-factor").json(body).send().expect(200);
        },
        ..Story::new("a second step with a wrong code", |world| {
            world
                .postern
                .post("/api/auth/login/second-factor")
                .json(json!({ "token": world.pending_token, "code": "x" }))
        })
    });
    stories.push(Story {
        prepare: |world, _| world.postern.wait(20 * MINUTE),
        again: 403,
        finally: |world, _| {
            world.postern.post("/api/auth/me/recovery-codes").bearer(&world.tess.token).send().expect(200);
        },
        ..Story::new("a code that confirms who it is", |world| {
            let body = json!({ "code": totp_code(&world.totp, world.postern.now.get()) });
            world.postern.post("/api/auth/reauthenticate").bearer(&world.tess.token).json(body)
        })
    });
    stories.push(Story {
        owes_mail_to: Some("eve@example.com"),
        ..Story::new("a reset link for an unknown email", |world| {
            world.postern.post("/api/auth/send-password-reset-link").json(json!({ "email": "eve@example.com" }))
        })
    });
    stories.push(Story {
        prepare: |world, _| {
            world.postern.verify(&world.ada.id);
            world.postern.sql.execute("UPDATE users SET email = ?1 WHERE email = ?2", &[NEW_EMAIL.into(), ADA.into()]);
            world.postern.sql.execute(
                "INSERT INTO undoable_email_changes (user_id, old_email, undo_hash, requested_at, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?4 + 86400000)",
                &[
                    world.ada.id.as_str().into(),
                    ADA.into(),
                    undo_hash("a token").into(),
                    world.postern.now.get().into(),
                ],
            );
        },
        again: 403,
        owes_mail_to: Some(ADA),
        comes_with_mail: "reset new of ada@example.com",
        finally: |world, _| {
            world.postern.wait(3 * MINUTE);
            world.postern.run_cron();
            let token = token_in_mail(world, ADA, "/reset-password?token=");
            let reset = world.postern.post("/api/auth/reset-password-with-token").bearer(&token);
            reset.json(json!({ "password": NEW_PASSWORD })).send().expect(200);
            world.postern.login(ADA, NEW_PASSWORD).expect(200);
            world.postern.login(NEW_EMAIL, PASSWORD).refused(401, "wrong_credentials");
        },
        ..Story::new("a change of the email that is undone", |world| {
            world.postern.post("/api/auth/undo-email-change").json(json!({ "token": "a token" }))
        })
    });
    stories.push(Story {
        answer: 403,
        again: 403,
        finally: |world, _| {
            let form = [("otp", world.code.as_str()), ("token", &world.otp_token)];
            world.postern.post("/api/auth/verify-otp").form(&form).send().expect(200);
        },
        ..Story::new("a wrong code", |world| {
            world.postern.post("/api/auth/verify-otp").form(&[("otp", "x"), ("token", &world.otp_token)])
        })
    });
    stories.push(Story::new("a second step with a passkey", |world| {
        let request = world.passkey_request(Ceremony::SecondStep { user_id: world.ada.id.clone() });
        let token = world.pending(&world.ada.id);
        let credential = world.passkey.get(&request["publicKey"]);
        let body = json!({ "token": token, "credential": credential, "challenge": request["token"] });
        world.postern.post("/api/auth/login/second-factor").json(body)
    }));
    stories.push(Story::new("a reauthentication with a passkey", |world| {
        let (user_id, session_id) = (world.ada.id.clone(), world.session_id.clone());
        let request = world.passkey_request(Ceremony::Reauthentication { user_id, session_id });
        let credential = world.passkey.get(&request["publicKey"]);
        let body = json!({ "token": request["token"], "credential": credential });
        world.postern.post("/api/auth/reauthenticate").bearer(&world.ada.token).json(body)
    }));
    stories.push(Story {
        answer: 403,
        again: 403,
        ..Story::new("a wrong old password", |world| {
            let body = json!({ "old_password": "wrong password", "new_password": NEW_PASSWORD });
            world.postern.put("/api/auth/me/password").bearer(&world.ada.token).json(body)
        })
    });
    stories.push(Story {
        prepare: |world, _| world.postern.sql.execute("DELETE FROM one_time_passwords", &[]),
        again: 429,
        is_undone: true,
        finally: |world, answer| {
            let (token, code) = (answer.body["token"].as_str().unwrap(), world.postern.code(ADA));
            world.postern.post("/api/auth/verify-otp").form(&[("otp", &code), ("token", token)]).send().expect(200);
        },
        ..Story::new("the first code", |world| world.postern.post("/api/auth/me/send-otp").bearer(&world.ada.token))
    });
    stories.push(Story {
        prepare: |world, _| world.postern.wait(4 * DAY),
        finally: |world, answer| {
            let fresh = answer.header("x-refresh-token").unwrap();
            world.postern.wait(4 * DAY);
            assert_eq!((world.postern.me(&world.ada.token), world.postern.me(fresh)), (401, 200));
        },
        ..Story::new("a session that is refreshed", |world| world.postern.get("/api/auth/me").bearer(&world.ada.token))
    });
    stories.push(Story::new("GET /me with a reset token", |world| {
        world.postern.get("/api/auth/me").bearer(&world.reset_token)
    }));
    stories
}

/// Names for everything that existed before the request. Everything else is new.
struct Names(HashMap<String, &'static str>);

impl Names {
    fn of(world: &World) -> Names {
        let mut names = HashMap::new();
        let sql = &world.postern.sql;
        for query in [
            "SELECT id FROM sessions",
            "SELECT lookup AS id FROM user_tokens",
            "SELECT password_hash AS id FROM users",
            "SELECT password_reset_id AS id FROM users WHERE password_reset_id IS NOT NULL",
            "SELECT generation AS id FROM one_time_passwords WHERE generation IS NOT NULL",
            "SELECT id FROM passkeys",
            "SELECT sealed AS id FROM totp",
            "SELECT id FROM recovery_codes",
        ] {
            for row in sql.query(query, &[]) {
                names.insert(row["id"].as_str().unwrap().to_owned(), "old");
            }
        }
        names.insert(world.session_id.clone(), "A");
        names.insert(world.other_session_id.clone(), "B");
        Names(names)
    }

    fn name(&self, id: &Value) -> &'static str {
        self.0.get(id.as_str().unwrap()).copied().unwrap_or("new")
    }
}

/// Facts about the users, except the default account: who they are and which credentials work.
fn facts(world: &World, names: &Names) -> BTreeSet<String> {
    let sql = &world.postern.sql;
    let now = world.postern.now.get();
    let kv = world.postern.kv.entries();
    let live_records: HashMap<&String, Value> = kv
        .iter()
        .filter(|(_, (_, end))| *end > now)
        .map(|(key, (value, _))| (key, serde_json::from_str(value).unwrap()))
        .collect();
    let mut facts = BTreeSet::new();
    for token in sql.query("SELECT uses, max_uses FROM user_tokens WHERE uses > 0", &[]) {
        facts.insert(format!("{} sign-ups with a token of at most {}", token["uses"], token["max_uses"]));
    }
    for request in sql.query("SELECT email FROM sign_ups", &[]) {
        facts.insert(format!("request of {}", request["email"]));
    }
    let users = sql.query(
        "SELECT users.*, referrer.email AS referrer FROM users LEFT JOIN users AS referrer ON referrer.id = users.referrer_id
         WHERE users.role <> 'admin'",
        &[],
    );
    for user in users {
        let email = user["email"].as_str().unwrap();
        let password = names.name(&user["password_hash"]);
        let [name, active, verified, referrer] =
            ["name", "is_active", "is_verified", "referrer"].map(|column| user[column].to_string());
        facts.insert(format!(
            "user {email} {name} active {active} verified {verified} by {referrer} password {password}"
        ));
        let user_id = || user["id"].as_str().unwrap().into();
        if user["second_factor"] == 1 {
            facts.insert(format!("a second factor is required of {email}"));
        }
        for totp in
            sql.query("SELECT sealed, confirmed_at IS NOT NULL AS confirmed FROM totp WHERE user_id = ?1", &[user_id()])
        {
            facts.insert(format!("app {} of {email} confirmed {}", names.name(&totp["sealed"]), totp["confirmed"]));
        }
        let codes = sql.query("SELECT id FROM recovery_codes WHERE user_id = ?1", &[user_id()]);
        for name in ["old", "new"] {
            let count = codes.iter().filter(|code| names.name(&code["id"]) == name).count();
            facts.insert(format!("{count} {name} recovery codes of {email}"));
        }
        for identity in sql.query("SELECT issuer, subject FROM identities WHERE user_id = ?1", &[user_id()]) {
            facts.insert(format!("identity {} {} of {email}", identity["issuer"], identity["subject"]));
        }
        for passkey in sql.query("SELECT name FROM passkeys WHERE user_id = ?1", &[user_id()]) {
            facts.insert(format!("passkey {} of {email}", passkey["name"]));
        }
        for session in sql.query(
            "SELECT id, level, authenticated_at > ?2 - 300000 AS is_recent FROM sessions WHERE user_id = ?1 AND expires_at > ?2",
            &[user_id(), now.into()],
        ) {
            let (name, level) = (names.name(&session["id"]), &session["level"]);
            let recent = if session["is_recent"] == 1 { " recent" } else { "" };
            facts.insert(format!("session {name} of {email} level {level}{recent}"));
        }
        for token in sql.query(
            "SELECT lookup FROM user_tokens WHERE user_id = ?1 AND expires_at > ?2",
            &[user["id"].as_str().unwrap().into(), now.into()],
        ) {
            facts.insert(format!("token {} of {email}", names.name(&token["lookup"])));
        }
        for passkey in
            sql.query("SELECT id, name FROM passkeys WHERE user_id = ?1", &[user["id"].as_str().unwrap().into()])
        {
            facts.insert(format!("passkey {} {} of {email}", names.name(&passkey["id"]), passkey["name"]));
        }
        let changes = "SELECT new_email FROM email_changes WHERE user_id = ?1 AND expires_at > ?2";
        for change in sql.query(changes, &[user_id(), now.into()]) {
            facts.insert(format!("code of the change of {email} to {}", change["new_email"]));
        }
        for change in sql.query("SELECT old_email FROM undoable_email_changes WHERE user_id = ?1", &[user_id()]) {
            facts.insert(format!("{} is reserved for {email}", change["old_email"]));
        }
        if let Some(id) = user["password_reset_id"].as_str()
            && live_records.contains_key(&format!("reset:{id}"))
        {
            facts.insert(format!("reset {} of {email}", names.name(&user["password_reset_id"])));
        }
        let codes = sql.query(
            "SELECT generation FROM one_time_passwords WHERE user_id = ?1 AND generation IS NOT NULL",
            &[user["id"].as_str().unwrap().into()],
        );
        for code in codes {
            if live_records.values().any(|record| record["generation"] == code["generation"]) {
                facts.insert(format!("code {} of {email}", names.name(&code["generation"])));
            }
        }
    }
    facts
}

/// Endpoints that call nothing outside, so nothing can fail.
const ASKS_NOBODY: [&str; 5] =
    ["/api/auth/openapi.json", "/api/auth/config", "/.well-known/webauthn", "/.well-known/security.txt", "/dev/mails"];

/// A 503 contains only a request id and when to retry.
#[track_caller]
fn tells_nothing_of_the_inside(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 503, "{what}: {}", answer.text);
    let sentences = [
        ("unavailable", "The service is unavailable. Please try again soon. The request id is test-request."),
        (
            "provider_unavailable",
            "The provider cannot be reached at the moment. Please try again soon, or sign in another way.",
        ),
    ];
    let is_expected =
        |(code, error): (&str, &str)| answer.body == json!({ "error": error, "code": code, "detail": null });
    assert!(answer.text.is_empty() || sentences.into_iter().any(is_expected), "{what}: {}", answer.text);
    let mut headers: Vec<_> =
        answer.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    headers.sort_unstable();
    let expected = [
        ("cache-control", "no-store"),
        ("content-type", "application/json"),
        ("retry-after", "5"),
        ("x-content-type-options", "nosniff"),
        ("x-request-id", "test-request"),
    ];
    assert_eq!(headers, expected, "{what}");
}

/// The expectations if nothing fails.
struct Plan {
    calls: u32,
    after: BTreeSet<String>,
    mails: usize,
}

/// The facts, without what comes with the mail.
fn facts_of(story: &Story, world: &World, names: &Names) -> BTreeSet<String> {
    let mut facts = facts(world, names);
    facts.remove(story.comes_with_mail);
    facts
}

fn mails(story: &Story, world: &World) -> usize {
    story.owes_mail_to.map_or(0, |to| world.postern.mails(to).len())
}

fn let_nothing_fail(story: &Story, settings: Settings<'_>) -> Plan {
    let world = World::with_settings(settings);
    (story.prepare)(&world, settings);
    let names = Names::of(&world);
    let calls = world.postern.outside.calls.get();
    let answer = (story.request)(&world).send();
    let calls = world.postern.outside.calls.get() - calls;
    assert_eq!(answer.status, story.answer, "{}: {}", story.name, answer.text);
    let plan = Plan { calls, after: facts_of(story, &world, &names), mails: mails(story, &world) };
    (story.finally)(&world, &answer);
    plan
}

/// What happens after a request has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The request is repeated.
    Again,
    /// Nothing but the cron trigger.
    Wait,
}

/// Lets the nth call fail. Returns false if there were fewer calls.
fn fail(story: &Story, settings: Settings<'_>, nth: u32, fault: Fault, then: Then, plan: &Plan) -> bool {
    let world = World::with_settings(settings);
    (story.prepare)(&world, settings);
    let names = Names::of(&world);
    let (before, mails_before) = (facts_of(story, &world, &names), mails(story, &world));
    let outside = &world.postern.outside;

    outside.fault.set(Some((nth, fault)));
    let answer = (story.request)(&world).send();
    outside.is_out.set(false);
    if outside.fault.take().is_some() {
        return false;
    }

    // 503 or the correct response, and the log has the request id.
    let what = format!("{} {settings:?}, call {nth}, {fault:?}, {then:?}", story.name);
    let log = world.postern.log();
    let is_run_again = world.postern.sql.retries.get() > 0;
    let is_unnoticed = is_run_again && log.is_empty();
    if answer.calls >= nth && !is_unnoticed {
        tells_nothing_of_the_inside(&answer, &what);
    } else {
        assert_eq!(answer.status, story.answer, "{what}: {}", answer.text);
    }
    assert!(is_unnoticed || log.iter().any(|line| line.starts_with("request test-request: ")), "{what}: {log:?}");
    assert!(fault.is_passing() || !is_run_again, "{what}");
    assert!(fault != Fault::PassingBefore || is_unnoticed == is_run_again, "{what}: {log:?}");

    // The old state, the new state, or one on the way to it.
    let Plan { after, .. } = plan;
    let state = facts_of(story, &world, &names);
    let mut between = before.clone();
    let may_be_between = story.owes_mail_to.is_some() || (story.is_undone && fault == Fault::Down);
    between.retain(|fact| !may_be_between || *fact != story.ends_early);
    assert!([&before, after, &between].contains(&&state), "{what}: {state:#?} is neither {before:#?} nor {after:#?}");
    let is_told_done = answer.status == story.answer;
    assert!(!is_told_done || state != before || state == *after, "{what}: {before:#?}");
    assert!(!is_unnoticed || state == *after, "{what}: {state:#?}");

    match then {
        Then::Again => {
            world.postern.wait(SECOND);
            let mut again = (story.request)(&world).send();
            let expected = match () {
                // Its place in the budget stays taken, because nothing could be undone.
                () if story.is_undone && fault == Fault::Down => [story.answer, 429],
                () if state == before => [story.answer; 2],
                () if state == *after => [story.again; 2],
                () => [story.answer, story.again],
            };
            assert!(expected.contains(&again.status), "{what}: {}", again.text);
            if again.status == 429 {
                let wait: i64 = again.header("retry-after").unwrap().parse().unwrap();
                world.postern.wait(wait * SECOND);
                again = (story.request)(&world).send();
            }
            assert_eq!(facts_of(story, &world, &names), *after, "{what}: {}", again.text);
            (story.finally)(&world, &again);
        }
        Then::Wait => {
            // A mail that a request has started to send is reserved for it for ten minutes.
            for _ in 0..11 {
                world.postern.wait(MINUTE);
                world.postern.run_cron();
            }
            // Codes have expired, and no proof is recent.
            let later = |facts: &BTreeSet<String>| -> BTreeSet<String> {
                let later = facts.iter().filter(|fact| !fact.starts_with("code "));
                later.map(|fact| fact.trim_end_matches(" recent").to_owned()).collect()
            };
            let (state, mails) = (later(&facts_of(story, &world, &names)), mails(story, &world));
            let is_done = is_told_done || mails > mails_before;
            assert_eq!(state, later(if is_done { after } else { &before }), "{what}");
            assert_eq!(mails, if is_done { plan.mails } else { mails_before }, "{what}");
            if is_done {
                (story.finally)(&world, &answer);
            }
        }
    }
    true
}

/// Lets each call of each chosen story fail in each way. Returns the number of failures.
fn let_fail(settings: Settings<'_>, is_chosen: impl Fn(&Story) -> bool) -> usize {
    let mut injected = 0;
    for story in stories().iter().filter(|story| is_chosen(story)) {
        let plan = let_nothing_fail(story, settings);
        assert!(
            plan.calls > 0 || ASKS_NOBODY.iter().any(|endpoint| story.name.ends_with(endpoint)),
            "{} makes no calls",
            story.name
        );
        let fates = if story.owes_mail_to.is_some() { &[Then::Again, Then::Wait][..] } else { &[Then::Again] };
        for fault in Fault::ALL {
            for then in fates {
                let failed = (1..).take_while(|nth| fail(story, settings, *nth, fault, *then, &plan)).count();
                assert!(failed >= plan.calls as usize, "{}", story.name);
                injected += failed;
            }
        }
    }
    injected
}

#[test]
fn on_any_failure_the_caller_gets_503_or_the_correct_response_and_can_retry() {
    assert!(let_fail(&[], |_| true) > 300);
}

#[test]
fn the_same_holds_when_mail_is_sent_through_a_provider() {
    assert!(let_fail(&RESEND, |story| !story.is_local) > 300);
}

#[test]
fn the_same_holds_when_the_runtime_signs_session_tokens() {
    let signs =
        |story: &Story| ["GET /api/auth/me", "POST /api/auth/login", "GET /api/auth/jwks"].contains(&&*story.name);
    assert!(let_fail(&[("SESSION_TOKEN_ALGORITHM", "ES256")], signs) > 30);
}

#[test]
fn outages_allow_no_additional_guesses_at_a_code() {
    let world = World::new();
    let guess =
        || world.postern.post("/api/auth/verify-otp").form(&[("otp", "x"), ("token", &world.otp_token)]).send().status;
    // The rate limiter, KV, then the count, which takes effect although its response is lost.
    for _ in 0..5 {
        world.postern.outside.fault.set(Some((3, Fault::After)));
        assert_eq!(guess(), 503);
    }
    let form = [("otp", world.code.as_str()), ("token", &world.otp_token)];
    world.postern.post("/api/auth/verify-otp").form(&form).send().refused(403, "otp_token_refused");
}

#[test]
fn a_retried_d1_statement_never_undercounts_attempts() {
    let world = World::new();
    let attempts = || {
        let rows = world.postern.sql.query("SELECT coalesce(sum(attempts), 0) AS sum FROM throttles", &[]);
        rows[0]["sum"].as_i64().unwrap()
    };
    for (fault, counted) in [(Fault::PassingBefore, 1), (Fault::PassingAfter, 2)] {
        let before = attempts();
        // The rate limiter, then the count.
        world.postern.outside.fault.set(Some((2, fault)));
        world.postern.login("eve@example.com", "wrong password").refused(401, "wrong_credentials");
        // Per account and per address.
        assert_eq!(attempts() - before, 2 * counted, "{fault:?}");
    }
    let guess = |otp: &str| {
        world.postern.post("/api/auth/verify-otp").form(&[("otp", otp), ("token", &world.otp_token)]).send()
    };
    for _ in 0..5 {
        world.postern.outside.fault.set(Some((3, Fault::PassingAfter)));
        assert!([403, 503].contains(&guess("x").status));
        world.postern.outside.fault.take();
    }
    guess(&world.code).refused(403, "otp_token_refused");
}

#[test]
fn during_a_full_outage_no_login_succeeds_and_afterwards_nothing_has_changed() {
    let world = World::new();
    let names = Names::of(&world);
    let before = facts(&world, &names);
    for endpoint in endpoints().into_iter().filter(|endpoint| !ASKS_NOBODY.contains(&endpoint.pattern)) {
        world.postern.outside.is_out.set(true);
        let answer = endpoint.good(&world).send();
        world.postern.outside.is_out.set(false);
        tells_nothing_of_the_inside(&answer, &endpoint.name());
    }
    assert_eq!(facts(&world, &names), before);
    assert_eq!(claims(&world.ada.token)["sid"], json!(world.session_id));
    assert_eq!(
        [&world.ada.token, &world.other_session, &world.reset_token].map(|token| world.postern.me(token)),
        [200; 3]
    );
}
