//! The pages: files that the platform serves, each asked for through the Worker so that plain http can be refused.

use worker::{
    Env,
    js_sys::{Promise, Reflect},
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
    web_sys,
};

use super::promise::Settled;

#[wasm_bindgen]
extern "C" {
    type Assets;

    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Assets, request: &web_sys::Request) -> Result<Promise, JsValue>;
}

/// The page that a request asks for, if there is one.
pub async fn find(env: &Env, request: &web_sys::Request) -> Option<web_sys::Response> {
    let assets = Reflect::get(env, &"ASSETS".into()).ok().filter(JsValue::is_object)?;
    let answer = Settled::of(&assets.unchecked_into::<Assets>().fetch(request).ok()?).await.ok()?;
    let page: web_sys::Response = answer.unchecked_into();
    (page.status() != 404).then_some(page)
}
