// Where a sign-in leads.

/**
 * Returns where to go after signing in, if a link asks for `next`. Only our own admin page is allowed, so that a link cannot redirect
 * elsewhere.
 */
export function destination(next: string | null | undefined): string {
  return next && /^\/admin(#|$)/.test(next) ? next : "/account";
}
