/**
 * Returns the address of Postern's sign-in page, which leads back to `next`.
 *
 * @param appUrl Postern's `APP_URL`.
 */
export function signInPage(appUrl: string, next: string, parameters: Record<string, string> = {}): string {
  // Postern leads back only to addresses without a character that a browser might change. URLs in queries can have these two.
  const escaped = new URL(next).href.replace(/[`\\]/g, encodeURIComponent);
  return `${appUrl.replace(/\/$/, "")}/signin?${new URLSearchParams({ ...parameters, next: escaped })}`;
}
