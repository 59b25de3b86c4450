// Sends users without a session to Postern's sign-in page. Before Next.js 16, name this file `middleware.ts`, and the export `middleware`.

import { protect } from "postern-client/next";
import { posternOptions } from "./postern";

export const proxy = protect(posternOptions);

export const config = { matcher: ["/account/:path*", "/api/private/:path*"] };
