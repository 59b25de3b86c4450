// Shortens the User-Agent header to a readable name.

// The order matters: most browsers also claim to be the ones further down.
const browsers = ["Edg", "OPR", "Firefox", "Chrome", "Safari"];
const systems = ["Android", "iPhone", "iPad", "Windows", "Mac OS X", "CrOS", "Linux"];
const names: Record<string, string> = { Edg: "Edge", OPR: "Opera", "Mac OS X": "macOS", CrOS: "ChromeOS" };

/** Returns a name such as "Firefox on Linux", or the start of the header if the browser is unknown. */
export function nameOf(userAgent: string | null): string {
  if (!userAgent) return "Unknown client";
  const find = (words: string[]) => words.find((word) => userAgent.includes(word));
  const [browser, system] = [find(browsers), find(systems)];
  if (!browser) return userAgent.slice(0, 60);
  return [browser, system].flatMap((word) => (word ? [names[word] ?? word] : [])).join(" on ");
}
