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
    web::content_policy,
};

const CONTENT_SECURITY_POLICY: &str = "Content-Security-Policy";

#[wasm_bindgen]
extern "C" {
    type Fetcher;

    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Fetcher, request: &web_sys::Request) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = fetch)]
    fn fetch_url(this: &Fetcher, url: &str) -> Result<Promise, JsValue>;
}

/// Returns the page that a request asks for, if there is one. `has_captcha` allows Turnstile on it.
pub async fn find(env: &Env, request: &web_sys::Request, has_captcha: bool) -> Option<web_sys::Response> {
    let files = binding(env)?;
    // Without the headers of the request: a 304 would leave the policy of a stored page as it was.
    let promise = if has_captcha { files.fetch_url(&request.url()) } else { files.fetch(request) };
    let page: web_sys::Response = JsFuture::new(&promise.ok()?).await.ok()?.unchecked_into();
    let page = if has_captcha { allow_turnstile(&page).ok()? } else { page };
    (page.status() != 404).then_some(page)
}

/// Returns the same page with a policy that allows Turnstile. The headers of a response from the binding cannot be changed.
fn allow_turnstile(page: &web_sys::Response) -> Result<web_sys::Response, JsValue> {
    let headers = web_sys::Headers::new_with_headers(&page.headers())?;
    if let Some(policy) = headers.get(CONTENT_SECURITY_POLICY)? {
        headers.set(CONTENT_SECURITY_POLICY, &content_policy::with_turnstile(&policy))?;
    }
    // The ETag is that of the page with the other policy.
    headers.delete("ETag")?;
    let init = web_sys::ResponseInit::new();
    init.set_status(page.status());
    init.set_headers(&headers);
    web_sys::Response::new_with_opt_readable_stream_and_init(page.body().as_ref(), &init)
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
    fn text<'a>(&'a self, path: &'a str) -> Pending<'a, Result<Option<String>, StoreError>> {
        Box::pin(async move {
            let problem = |cause: &str| StoreError(format!("the asset {path}: {cause}"));
            let fetcher = self.0.as_ref().ok_or_else(|| problem("there is no binding ASSETS"))?;
            // The binding ignores the host.
            let response =
                fetcher.fetch_url(&format!("https://assets.invalid{path}")).map_err(|_| problem("no response"))?;
            let response: web_sys::Response =
                JsFuture::new(&response).await.map_err(|_| problem("no response"))?.unchecked_into();
            if response.status() == 404 {
                return Ok(None);
            }
            if !response.ok() {
                return Err(problem(&format!("status {}", response.status())));
            }
            let text = response.text().map_err(|_| problem("no text"))?;
            let text = JsFuture::new(&text).await.ok().and_then(|text| text.as_string());
            text.map(Some).ok_or_else(|| problem("no text"))
        })
    }
}
