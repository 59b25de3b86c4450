// A certified OpenID Provider with its own pages, as the identity provider "Acme". It is at 127.0.0.1 and Postern at localhost: two
// ports of one host would be the same site, and browsers would send cookies that they do not send in a deployment.

import { once } from "node:events";
import { createServer } from "node:http";
import { generateKeyPairSync } from "node:crypto";
import { Provider } from "oidc-provider";

const clientId = "postern";
const clientSecret = "a-client-secret-that-is-known-to-every-reader-of-the-tests";

/**
 * @typedef {object} Person Who has an account at the provider. The name of the account is the `sub`.
 * @property {string} [email]
 * @property {boolean} [email_verified]
 * @property {string} [name]
 */

/**
 * Starts the provider. It has an account for every name that someone signs in with; `people` has what it says of them.
 */
export async function startIdentityProvider() {
  /** @type {Record<string, Person>} */
  const people = {};
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const issuer = `http://127.0.0.1:${port}`;

  const upstream = {
    issuer,
    people,
    /** The settings of a Postern that knows the provider. */
    settings: {
      IDENTITY_PROVIDERS: "acme",
      OIDC_ACME_ISSUER: issuer,
      OIDC_ACME_CLIENT_ID: clientId,
      OIDC_ACME_CLIENT_SECRET: clientSecret,
      OIDC_ACME_LABEL: "Acme",
      OIDC_ACME_VERIFIED_EMAILS: "trusted",
    },
    /**
     * Answers the Worker instead of the provider, if it is set.
     *
     * @type {((request: Request) => Response | undefined | Promise<Response | undefined>) | undefined}
     */
    instead: undefined,
    /** Passes the requests of the Worker on. */
    outbound: async (request) => {
      const answer = await upstream.instead?.(request);
      if (answer) return answer;
      const { url, method, headers } = request;
      if (new URL(url).origin !== issuer) throw new Error(`The Worker called ${url}.`);
      const body = method === "GET" ? undefined : await request.text();
      const response = await fetch(url, { method, headers, body, redirect: "manual" });
      return new Response(await response.arrayBuffer(), { status: response.status, headers: response.headers });
    },
    /** Registers a Postern with the provider. */
    register: ({ url }) => {
      const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      const provider = new Provider(issuer, {
        clients: [
          {
            client_id: clientId,
            client_secret: clientSecret,
            redirect_uris: [`${url}/api/auth/callback/acme`],
            token_endpoint_auth_method: "client_secret_post",
          },
        ],
        jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "acme-1", alg: "RS256", use: "sig" }] },
        cookies: { keys: ["a-key-for-cookies"] },
        claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
        conformIdTokenClaims: false,
        ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
        findAccount: async (_context, accountId) => ({
          accountId,
          claims: async () => ({ sub: accountId, ...people[accountId] }),
        }),
      });
      server.removeAllListeners("request");
      server.on("request", provider.callback());
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return upstream;
}

/** Lets the pages of the provider do without their font, which is on the network. */
export function withoutFonts(page) {
  return page.context().route("https://fonts.googleapis.com/**", (route) => route.fulfill({ body: "" }));
}

/** Chooses the provider on a page of Postern, and waits for the page of the provider. */
export async function leaveForAcme(page, button = "Continue with Acme") {
  await page.getByRole("button", { name: button }).click();
  await page.waitForURL(/^http:\/\/127\.0\.0\.1/);
}

/** Signs in on the page of the provider. */
export async function signInAtAcme(page, name) {
  await page.getByPlaceholder("Enter any login").fill(name);
  await page.getByPlaceholder("and password").fill("any password");
  await page.getByRole("button", { name: "Sign-in" }).click();
}

/** Signs in on the page of the provider and agrees on the next one, which it shows once per user. */
export async function agree(page, name) {
  await signInAtAcme(page, name);
  await page.getByRole("button", { name: "Continue" }).click();
}

/** Cancels on a page of the provider. */
export function cancel(page) {
  return page.getByRole("link", { name: "Cancel" }).click();
}
