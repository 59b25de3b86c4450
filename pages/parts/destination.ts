// Where a sign-in leads. The service has the same rule for `return_to` (src/domain/return_to.rs).

import type { Config } from "./config";

/** The pages of this service that a user can be sent to. A query and a fragment may follow. */
const ownPages = ["/account", "/admin"];
const maxLength = 2048;

/** ASCII without the characters that browsers remove from a URL or convert, such as tabs and backslashes. */
const plain = /^[!#-;=?-[\]-_a-~]+$/;

/**
 * Returns where to go after signing in, if a link asks for `next`: an own page, or a URL of an origin in the settings. Any other URL
 * would let a link redirect elsewhere.
 */
export function destination(next: string | null | undefined, config: Config): string {
  return next && isAllowed(next, location.origin, config.app_origins) ? next : "/account";
}

/** Returns where to go after signing in on a page with this query. */
export function destinationOf(config: Config, search = location.search): string {
  return destination(new URLSearchParams(search).get("next"), config);
}

/** Returns the path of another page to sign in or up, which leads to where this one leads. */
export function withDestination(path: string): string {
  const next = new URLSearchParams(location.search).get("next");
  return next ? `${path}?next=${encodeURIComponent(next)}` : path;
}

/** The URL is compared character by character, because parsers of URLs differ. */
function isAllowed(url: string, own: string, apps: string[]): boolean {
  if (url.length > maxLength || !plain.test(url)) return false;
  if (url.startsWith("/")) return !url.startsWith("//") && (isOwnPage(url) || apps.includes(own));
  return isOwnPage(restAfter(own, url) ?? "") || apps.some((origin) => restAfter(origin, url) !== undefined);
}

function isOwnPage(path: string): boolean {
  return ownPages.includes(path.replace(/[?#].*/, ""));
}

/** Returns what follows the origin of a URL, or nothing for another origin: an origin ends at one of these characters. */
function restAfter(origin: string, url: string): string | undefined {
  const rest = url.startsWith(origin) ? url.slice(origin.length) : undefined;
  return rest === "" || (rest && /^[/?#]/.test(rest)) ? rest : undefined;
}
