// The email codes that this browser has asked for. All tabs share them, because the link of an email opens in a new one. A token alone
// opens nothing: it needs the code or the link that only the email has.

/** The response to a request for a code. */
export interface SentCode {
  /** The id that the link in the email has too. */
  id: string;
  token: string;
  expires_at: number;
}

export interface AskedCode extends SentCode {
  email: string;
  /** The query of the page that asked, which says where to go afterwards. */
  search: string;
}

const KEY = "email-codes";

/** The most codes that a browser remembers. */
const LIMIT = 10;

/** For browsers that block storage: then a code works in the tab that has asked for it. */
let here: AskedCode[] = [];

/** Remembers a code until it is used or has expired. */
export function remember(asked: AskedCode): void {
  write([asked, ...read()].slice(0, LIMIT));
}

/** Returns the code with this id, if this browser has asked for it. */
export function recall(id: string): AskedCode | undefined {
  return read().find((asked) => asked.id === id);
}

/** Forgets a code that has been used. */
export function forget({ id }: AskedCode): void {
  write(read().filter((asked) => asked.id !== id));
}

/** Calls back when another tab has used the code. Returns what ends this. */
export function onUse({ id }: AskedCode, used: () => void): () => void {
  const listen = ({ key }: StorageEvent) => key === KEY && !recall(id) && used();
  addEventListener("storage", listen);
  return () => removeEventListener("storage", listen);
}

function read(): AskedCode[] {
  let all = here;
  try {
    all = JSON.parse(localStorage.getItem(KEY) ?? "[]");
  } catch {
    // Storage is blocked.
  }
  // Anything can be stored under this key, for example by another version.
  return Array.isArray(all) ? all.filter((asked) => Date.now() < asked?.expires_at) : [];
}

function write(all: AskedCode[]): void {
  here = all;
  try {
    if (all.length > 0) localStorage.setItem(KEY, JSON.stringify(all));
    else localStorage.removeItem(KEY);
  } catch {
    // Storage is blocked or full.
  }
}
