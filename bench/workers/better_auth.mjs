// Better Auth in a Worker, set up according to its documentation: sessions and accounts in D1, email and password.

import { betterAuth } from "better-auth";
import { options } from "./better_auth_options.mjs";

let auth;

export default {
  fetch(request, { DB }) {
    auth ??= betterAuth(options(DB));
    return auth.handler(request);
  },
};
