//! Fuzzes whole requests through the routes, on SQLite with the migrations. The input is a line with the method and the path,
//! one line per header, an empty line, and the body. Placeholders such as `{session}` stand for valid tokens, so that the fuzzer
//! gets past authentication.

#![no_main]

// The support code of the native tests, of which only a part is used here.
#[allow(dead_code, unused_imports)]
#[path = "../../tests/api/support/mod.rs"]
mod support;

use std::cell::RefCell;

use http::{HeaderName, HeaderValue, Method, header};
use libfuzzer_sys::fuzz_target;
use support::{Answer, world::World};

thread_local! {
    /// Reused until a request has changed it, because creating one costs more than most requests.
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Replaces the placeholders in the input.
fn completed(data: &[u8], world: &World) -> Vec<u8> {
    let names = [
        ("{session}", &world.ada.token),
        ("{other_session_id}", &world.other_session_id),
        ("{admin}", &world.admin_token),
        ("{reset}", &world.reset_token),
        ("{user_token}", &world.user_token),
        ("{referrer}", &world.referrer),
        ("{otp_token}", &world.otp_token),
        ("{code}", &world.code),
    ];
    let mut completed = Vec::new();
    let mut rest = data;
    'bytes: while let Some((first, others)) = rest.split_first() {
        for (name, value) in names {
            if let Some(behind) = rest.strip_prefix(name.as_bytes()) {
                completed.extend_from_slice(value.as_bytes());
                rest = behind;
                continue 'bytes;
            }
        }
        completed.push(*first);
        rest = others;
    }
    completed
}

/// Sends the request. Returns `None` if no HTTP server would accept it. The body is JSON unless a header says otherwise.
fn send(data: &[u8], world: &World) -> Option<(Method, Answer)> {
    let head_end = data.windows(2).position(|two| two == b"\n\n");
    let (head, body) = head_end.map_or((data, &b""[..]), |end| (&data[..end], &data[end + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let (method, path) = std::str::from_utf8(lines.next()?).ok()?.split_once(' ')?;
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let mut call = world.postern.request(method.clone(), path);
    let mut content_type = "application/json";
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        if name == header::CONTENT_TYPE {
            content_type = std::str::from_utf8(line[colon + 1..].trim_ascii()).ok()?;
        } else {
            call = call.raw_header(name, value.as_bytes());
        }
    }
    let call = if body.is_empty() { call } else { call.body(content_type, body) };
    Some((method, call.send()))
}

fuzz_target!(|data: &[u8]| {
    WORLD.with_borrow_mut(|kept| {
        let world = kept.take().unwrap_or_else(World::new);
        let Some((method, answer)) = send(&completed(data, &world), &world) else {
            *kept = Some(world);
            return;
        };
        let status = answer.status;
        assert!(status < 500, "{}", answer.text);
        assert!(world.postern.log().is_empty(), "{:?}", world.postern.log());
        if status != 200 && method != Method::HEAD {
            answer.refused(status, answer.body["code"].as_str().expect("a code"));
        }
        // Not reused after a change, or after a 429, because the counters would reject all later requests.
        if status != 429 && (status != 200 || method.is_safe()) {
            *kept = Some(world);
        }
    });
});
