// A Worker that accepts Postern's sessions. /greeting verifies the token with the public keys. /transfer also asks Postern
// whether the session is still active.

import { Unverified, verify } from "postern-client/verify";

interface Env {
  /** The address of Postern. */
  POSTERN_URL: string;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(request.url);
    try {
      if (pathname === "/greeting") {
        const { userId, role } = await verify(request, { url: env.POSTERN_URL });
        return Response.json({ greeting: `Hello, ${role} ${userId}.` });
      }
      if (pathname === "/transfer") {
        const { user } = await verify(request, { url: env.POSTERN_URL, online: true });
        return Response.json({ transferred: `on behalf of ${user?.email}` });
      }
    } catch (error) {
      if (error instanceof Unverified) return error.toResponse();
      throw error;
    }
    return new Response("Not found.", { status: 404 });
  },
};
