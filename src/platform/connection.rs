//! What the platform knows of the connection of a request: `request.cf`.

use worker::{js_sys::Reflect, wasm_bindgen::JsValue};

use crate::domain::client::Connection;

/// Reads country, city and network of the runtime's request. Requests from other Workers may have none of them.
pub fn of(request: &JsValue) -> Connection {
    let known = member(request, "cf");
    let text = |name| member(&known, name).as_string();
    // Numbers of networks have 32 bits (RFC 6793).
    let network = member(&known, "asn").as_f64().map(|number| number as u32);
    Connection { country: text("country"), city: text("city"), network }
}

/// Returns a member of an object, or `undefined` if there is none.
fn member(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED)
}
