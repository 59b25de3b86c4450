// A Worker that serves an app and, at the same address, Postern. Requests for Postern go through a service binding, unchanged: the URL
// keeps the address of the app, and `CF-Connecting-IP` keeps the address of the user.

interface Env {
  /** Postern. */
  POSTERN: { fetch(request: Request): Promise<Response> };
}

/** The pages of Postern. `/` stays with the app. */
const pages = [
  "/account",
  "/admin",
  "/callback",
  "/forgot-password",
  "/reset-password",
  "/signin",
  "/signup",
  "/undo-email-change",
];
/** What the pages load, the API, and the calls of mail providers. The app must not use these paths. */
const folders = ["/api/auth/", "/assets/", "/webhooks/mail/", "/.well-known/webauthn"];

function isForPostern(path: string): boolean {
  return pages.includes(path) || folders.some((folder) => path.startsWith(folder));
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url);
    if (isForPostern(url.pathname)) return await env.POSTERN.fetch(request);
    // The app can ask Postern who the user is. The session cookie is in the same header.
    const cookie = request.headers.get("Cookie") ?? "";
    const address = request.headers.get("CF-Connecting-IP") ?? "";
    const headers = { Cookie: cookie, "CF-Connecting-IP": address };
    const answer = await env.POSTERN.fetch(new Request(`${url.origin}/api/auth/me`, { headers }));
    if (!answer.ok) return Response.redirect(`${url.origin}/signin?next=${encodeURIComponent(request.url)}`);
    const { email } = await answer.json<{ email: string }>();
    // A new cookie, if the session was renewed.
    const response = new Response(`Hello, ${email}.`);
    for (const renewed of answer.headers.getSetCookie()) response.headers.append("Set-Cookie", renewed);
    return response;
  },
};
