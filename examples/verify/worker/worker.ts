// A Worker with two endpoints: `/` needs a session, `/sensitive` needs a second factor and a sign-in in the last 5 minutes.

import { Unverified, verify } from "postern-client/verify";

interface Env {
  /** The address of Postern. */
  POSTERN_URL: string;
  /** Postern's APP_URL, if it differs. */
  POSTERN_ISSUER?: string;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const postern = { url: env.POSTERN_URL, issuer: env.POSTERN_ISSUER };
    const needs = new URL(request.url).pathname === "/sensitive" ? { minLevel: 2 as const, maxAge: 300 } : {};
    try {
      const { userId, role, tier } = await verify(request, { ...postern, ...needs });
      return Response.json({ user_id: userId, role, tier });
    } catch (error) {
      if (error instanceof Unverified) return error.toResponse();
      throw error;
    }
  },
};
