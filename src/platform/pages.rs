//! The static files of the deployment: pages, which the Worker serves so that plain http can be refused, and texts.

use worker::{
    Env,
    js_sys::{Promise, Reflect},
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
    web_sys,
};

use crate::{
    ports::{Assets, Pending, StoreError},
    runtime::JsFuture,
};

#[wasm_bindgen]
extern "C" {
    type Fetcher;

    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Fetcher, request: &web_sys::Request) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = fetch)]
    fn fetch_url(this: &Fetcher, url: &str) -> Result<Promise, JsValue>;
}

/// Returns the page that a request asks for, if there is one.
pub async fn find(env: &Env, request: &web_sys::Request) -> Option<web_sys::Response> {
    let response = JsFuture::new(&binding(env)?.fetch(request).ok()?).await.ok()?;
    let page: web_sys::Response = response.unchecked_into();
    (page.status() != 404).then_some(page)
}

fn binding(env: &Env) -> Option<Fetcher> {
    let binding = Reflect::get(env, &"ASSETS".into()).ok().filter(JsValue::is_object)?;
    Some(binding.unchecked_into())
}

/// [`Assets`] on the binding `ASSETS`, if there is one.
pub struct StaticFiles(Option<Fetcher>);

impl StaticFiles {
    /// Looks up the binding.
    pub fn new(env: &Env) -> Self {
        StaticFiles(binding(env))
    }
}

impl Assets for StaticFiles {
    fn text<'a>(&'a self, path: &'a str) -> Pending<'a, Result<String, StoreError>> {
        Box::pin(async move {
            let problem = |cause: &str| StoreError(format!("the asset {path}: {cause}"));
            let fetcher = self.0.as_ref().ok_or_else(|| problem("there is no binding ASSETS"))?;
            // The binding ignores the host.
            let response =
                fetcher.fetch_url(&format!("https://assets.invalid{path}")).map_err(|_| problem("no response"))?;
            let response: web_sys::Response =
                JsFuture::new(&response).await.map_err(|_| problem("no response"))?.unchecked_into();
            if !response.ok() {
                return Err(problem(&format!("status {}", response.status())));
            }
            let text = response.text().map_err(|_| problem("no text"))?;
            let text = JsFuture::new(&text).await.ok().and_then(|text| text.as_string());
            text.ok_or_else(|| problem("no text"))
        })
    }
}
