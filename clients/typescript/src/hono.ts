// Middleware for Hono that verifies the session of each request.

import type { Context, MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import type { User } from "./client.js";
import { Unverified, type Verified, type VerifyOptions, verify } from "./verify.js";

export type { Verified, VerifyOptions } from "./verify.js";

/** A verified session, with the current user. */
export type OnlineSession = Verified & { user: User };

/** Options that are the same for all requests, or that depend on the request, for example on bindings in `c.env`. */
// biome-ignore lint/suspicious/noExplicitAny: the environment of any app
export type SessionOptions<Options = VerifyOptions> = Options | ((c: Context<any>) => Options);

/**
 * Requires a session: `app.use("/api/*", requireSession({ url }))`. Handlers find it in `c.var.session`, and with `online` the current
 * user in `c.var.user`.
 *
 * Otherwise, it throws an `HTTPException` with the status 401, 403 or 503, whose response has the format of Postern's errors and whose
 * `cause` is the `Unverified` of `postern-client/verify`.
 */
export function requireSession(
  options: SessionOptions<VerifyOptions & { online: true }>,
): MiddlewareHandler<{ Variables: { session: OnlineSession; user: User } }>;
export function requireSession(options: SessionOptions): MiddlewareHandler<{ Variables: { session: Verified } }>;
export function requireSession(options: SessionOptions): MiddlewareHandler {
  return async (c, next) => {
    keep(c, await tell(c, options));
    await next();
  };
}

/**
 * Like {@link requireSession}, for routes that also work without a session: then `c.var.session` is null. If Postern cannot be reached,
 * it throws, because it cannot tell.
 */
export function findSession(
  options: SessionOptions<VerifyOptions & { online: true }>,
): MiddlewareHandler<{ Variables: { session: OnlineSession | null; user: User | null } }>;
export function findSession(options: SessionOptions): MiddlewareHandler<{ Variables: { session: Verified | null } }>;
export function findSession(options: SessionOptions): MiddlewareHandler {
  return async (c, next) => {
    const session = await tell(c, options).catch((error: unknown) => {
      if (error instanceof HTTPException && error.status !== 503) return null;
      throw error;
    });
    keep(c, session);
    await next();
  };
}

async function tell(c: Context, options: SessionOptions): Promise<Verified> {
  try {
    return await verify(c.req.raw, typeof options === "function" ? options(c) : options);
  } catch (error) {
    if (!(error instanceof Unverified)) throw error;
    throw new HTTPException(error.status, { res: error.toResponse(), message: error.message, cause: error });
  }
}

function keep(c: Context, session: Verified | null): void {
  c.set("session", session);
  if (session === null || session.user) c.set("user", session?.user ?? null);
}
