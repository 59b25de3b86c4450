// A Worker of one's own behind Postern: a greeting for whoever is signed in, and something that only a session which
// lives at this very moment may do.

import { Unverified, verify } from "postern-client/verify";

interface Env {
  /** Where Postern answers. */
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
