// The settings of the service that the pages need.

import { call } from "./api";

/** An identity provider that users can sign in with. */
export interface IdentityProvider {
  id: string;
  name: string;
}

export interface Config {
  service_name: string;
  /** `#` and six hexadecimal digits. */
  brand_color: string;
  /** The base URL of the pages in emailed links, without a trailing slash. */
  app_url: string;
  password_min_length: number;
  user_token_lifetime_days: number;
  /** The site key of Turnstile, or null if no form needs it. */
  turnstile_site_key: string | null;
  /** Who can sign up: invited users, everyone, users of certain domains, everyone after approval, or nobody. */
  sign_up: "invitation" | "open" | "domains" | "approval" | "closed";
  /** Whether users can sign in with a code by email. */
  email_sign_in: boolean;
  identity_providers: IdentityProvider[];
  /** The origins of apps to which users can return after signing in. */
  app_origins: string[];
}

export function loadConfig(): Promise<Config> {
  return call<Config>("GET", "config");
}

/** Returns whether users can sign up without an invitation. */
export function isOpen({ sign_up }: Config): boolean {
  return ["open", "domains", "approval"].includes(sign_up);
}
