// A server component that checks the session itself, because Next.js can render it without the middleware.

import { headers } from "next/headers";
import { getSession } from "postern-client/next";
import { posternOptions } from "../../postern";

export default async function Account() {
  const session = await getSession(await headers(), posternOptions);
  return <p>{session ? `You are user ${session.userId}.` : "You are not signed in."}</p>;
}
