// What a browser calls itself, in few words.

// In this order: most browsers also claim to be those that stand further down.
const browsers = ["Edg", "OPR", "Firefox", "Chrome", "Safari"];
const systems = ["Android", "iPhone", "iPad", "Windows", "Mac OS X", "CrOS", "Linux"];
const names: Record<string, string> = { Edg: "Edge", OPR: "Opera", "Mac OS X": "macOS", CrOS: "ChromeOS" };

/** "Firefox on Linux", or what it says of itself where it is no browser that is known here. */
export function nameOf(userAgent: string | null): string {
  if (!userAgent) return "Unknown program";
  const find = (words: string[]) => words.find((word) => userAgent.includes(word));
  const [browser, system] = [find(browsers), find(systems)];
  if (!browser) return userAgent.slice(0, 60);
  return [browser, system].flatMap((word) => (word ? [names[word] ?? word] : [])).join(" on ");
}
